#include "wire/splice.h"

#include <string.h>

#include "harness.h"

static void flatten(const struct splice *splice, struct buf *out)
{
    struct iovec parts[SPLICE_PARTS_MAX];
    int count = splice_parts(splice, parts);
    CHECK(count <= SPLICE_PARTS_MAX);
    buf_reset(out);
    for (int i = 0; i < count; i++) {
        CHECK(parts[i].iov_len > 0);
        CHECK(buf_append(out, (struct str){ parts[i].iov_base, parts[i].iov_len }) == ERR_OK);
    }
    CHECK_EQ(out->len, splice_len(splice));
}

TEST(edits_in_any_order_give_one_text)
{
    struct splice splice;
    struct buf out;
    buf_init(&out, 256);
    splice_init(&splice, STR("0123456789"));
    flatten(&splice, &out);
    CHECK_STR(buf_str(&out), STR("0123456789"));

    splice_add(&splice, 8, 2, STR("end"));
    splice_add(&splice, 0, 1, STR("begin"));
    splice_add(&splice, 4, 0, STR("+"));
    splice_add(&splice, 5, 1, STR_EMPTY);
    flatten(&splice, &out);
    CHECK_STR(buf_str(&out), STR("begin123+467end"));
    buf_fini(&out);
}

TEST(an_empty_text_has_no_parts)
{
    struct splice splice;
    struct iovec parts[SPLICE_PARTS_MAX];
    splice_init(&splice, STR_EMPTY);
    CHECK_EQ(splice_parts(&splice, parts), 0);
    splice_add(&splice, 0, 0, STR("x"));
    CHECK_EQ(splice_parts(&splice, parts), 1);
}
