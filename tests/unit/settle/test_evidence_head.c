#include "settle/evidence_head.h"

#include "harness.h"

static struct evidence_head head;
static struct fail fail;

#define KEYS                                                            \
    "[{\"id\":\"key_1\",\"made\":\"a\",\"name\":\"N\\\"\",\"product\":" \
    "\"p\",\"revoked\":\"\"}]"
#define LOG "{\"key\":\"k\",\"leaves\":\"12\",\"origin\":\"o\"}"
#define TEXT                                                                       \
    "{\"client\":{\"country\":\"SG\",\"id\":\"cli_1\",\"keys\":" KEYS              \
    ",\"name\":\"\xc3\x84\",\"party\":\"\"},\"from\":\"2026-11-01T00:00:00.000Z\"" \
    ",\"log\":" LOG ",\"over\":\"yes\",\"program\":\"1\",\"uncovered\":\"3\""      \
    ",\"until\":\"2026-12-01T00:00:00.000Z\",\"version\":\"1\"}\n"

TEST(a_head_is_read_and_printed_the_same)
{
    struct buf out;
    evidence_head_init(&head);
    CHECK_EQ(evidence_head_read(STR(TEXT), &head, &fail), ERR_OK);
    CHECK_STR(head.client, STR("cli_1"));
    CHECK_STR(head.keys[0].name, STR("N\""));
    CHECK_EQ(head.leaves, 12);
    CHECK_EQ(head.uncovered, 3);
    CHECK(head.over);
    CHECK(evidence_head_knows(&head, STR("key_1")) && !evidence_head_knows(&head, STR("key_2")));
    CHECK(evidence_head_covers(&head, STR("2026-11-01T00:00:00.000Z")));
    CHECK(evidence_head_covers(&head, STR("2026-11-30T23:59:59.999Z")));
    CHECK(!evidence_head_covers(&head, STR("2026-10-31T23:59:59.999Z")));
    CHECK(!evidence_head_covers(&head, STR("2026-12-01T00:00:00.000Z")));
    CHECK(!evidence_head_covers(&head, STR("")));
    buf_init(&out, 4096);
    CHECK_EQ(evidence_head_print(&head, &out), ERR_OK);
    CHECK_STR(buf_str(&out), STR(TEXT));
    buf_fini(&out);
    evidence_head_fini(&head);
}

/* Every byte that is another, or missing, makes another head or none. */
TEST(what_is_no_head_is_refused)
{
    static const char *const bad[] = {
        "", "[]", "{}", "null", "{\"client\":1}", "{\"client\":{},\"log\":[]}",
    };
    char text[sizeof(TEXT)];
    for (size_t i = 0; i < EP_ARRAY_LEN(bad); i++) {
        evidence_head_init(&head);
        CHECK_EQ(evidence_head_read(str_from(bad[i]), &head, &fail), ERR_PACK_INVALID);
        evidence_head_fini(&head);
    }
    for (size_t i = 0; i + 1 < sizeof(TEXT); i++) {
        memcpy(text, TEXT, i);
        memcpy(text + i, &TEXT[i + 1], sizeof(TEXT) - i - 1);
        evidence_head_init(&head);
        enum err err = evidence_head_read((struct str){ text, sizeof(TEXT) - 2 }, &head, &fail);
        CHECK(err == ERR_OK || err == ERR_PACK_INVALID);
        evidence_head_fini(&head);
        evidence_head_init(&head);
        CHECK(evidence_head_read((struct str){ TEXT, i }, &head, &fail) == ERR_PACK_INVALID);
        evidence_head_fini(&head);
    }
}

TEST(a_key_is_there_once)
{
    const struct evidence_key key = { .id = STR("key_1") };
    evidence_head_init(&head);
    CHECK_EQ(evidence_head_add(&head, &key), ERR_OK);
    CHECK_EQ(evidence_head_add(&head, &key), ERR_CONFLICT);
    evidence_head_fini(&head);
}
