#include "settle/evidence_line.h"

#include <string.h>

#include "../tlog/receipts.h"

static struct evidence_line line;
static struct evidence_line again;
static struct receipt receipt;
static struct buf entry;
static struct buf out;
static struct fail fail;

static void begin(void)
{
    CHECK(crypto_start(NULL) == ERR_OK);
    const struct receipt_facts facts = receipts_facts(id_make(1764000000000000000, 1, 7));
    receipt_init(&receipt);
    CHECK_EQ(receipt_build(&receipt, &facts), ERR_OK);
    buf_init(&entry, 4096);
    buf_init(&out, EVIDENCE_LINE_MAX);
    CHECK_EQ(receipt_entry(&receipt, &entry), ERR_OK);
    line = (struct evidence_line){ .leaf = 12, .entry = buf_str(&entry), .before_count = 2 };
    memset(line.before, 7, 2 * sizeof(line.before[0]));
    for (size_t i = 0; i < RECEIPT_SECTIONS; i++) {
        line.sections[i] = buf_str(&receipt.sections[i]);
        line.salt_len[i] = RECEIPT_SALT_BYTES;
        memcpy(line.salts[i], receipt.salts[i], RECEIPT_SALT_BYTES);
    }
}

static void end(void)
{
    receipt_fini(&receipt);
    buf_fini(&entry);
    buf_fini(&out);
}

static struct str printed(void)
{
    buf_reset(&out);
    CHECK_EQ(evidence_line_print(&line, &out), ERR_OK);
    CHECK(str_ends(buf_str(&out), STR("}}\n")));
    return str_slice(buf_str(&out), 0, out.len - 1);
}

TEST(a_line_is_read_as_it_was_printed)
{
    begin();
    CHECK_EQ(evidence_line_read(printed(), &again, &fail), ERR_OK);
    CHECK_EQ(again.leaf, 12);
    CHECK_EQ(again.before_count, 2);
    CHECK(memcmp(again.before, line.before, 2 * sizeof(line.before[0])) == 0);
    CHECK_STR(again.entry, line.entry);
    CHECK_STR(again.sections[RECEIPT_OPERATOR], line.sections[RECEIPT_OPERATOR]);
    CHECK(evidence_line_check(&again) == NULL);
    again.salts[RECEIPT_EVIDENCE][3] ^= 1;
    CHECK_STR(str_from(evidence_line_check(&again)), STR("evidence"));
    end();
}

TEST(what_was_erased_is_null_with_its_salt)
{
    begin();
    line.sections[RECEIPT_OPERATOR] = STR_EMPTY;
    line.salt_len[RECEIPT_OPERATOR] = 0;
    CHECK(str_search(printed(), STR("\"operator\":null,\"salts\":{")) < out.len);
    CHECK_EQ(evidence_line_read(printed(), &again, &fail), ERR_OK);
    CHECK_EQ(again.sections[RECEIPT_OPERATOR].len, 0);
    CHECK(evidence_line_check(&again) == NULL);
    line.salt_len[RECEIPT_OPERATOR] = RECEIPT_SALT_BYTES; /* a salt of nothing */
    CHECK_EQ(evidence_line_read(printed(), &again, &fail), ERR_PACK_INVALID);
    end();
}

/* A line with one byte less: it is refused, or says something else than the log committed to. */
TEST(any_byte_that_is_missing_is_found)
{
    char text[8192];
    begin();
    struct str whole = printed();
    CHECK(whole.len < sizeof(text));
    for (size_t i = 0; i < whole.len; i++) {
        memcpy(text, whole.ptr, i);
        memcpy(text + i, whole.ptr + i + 1, whole.len - i - 1);
        enum err err = evidence_line_read((struct str){ text, whole.len - 1 }, &again, &fail);
        bool same = err == ERR_OK && evidence_line_check(&again) == NULL && again.leaf == 12 &&
                    str_eq(again.entry, line.entry);
        CHECK(!same);
        CHECK(evidence_line_read(str_slice(whole, 0, i), &again, &fail) == ERR_PACK_INVALID);
    }
    end();
}

TEST(a_gap_has_whole_hashes_and_not_too_many)
{
    struct digest hashes[EVIDENCE_GAP_MAX];
    size_t count = 9;
    buf_init(&out, 1 << 20);
    CHECK(evidence_gap_read(STR("[]"), hashes, &count));
    CHECK_EQ(count, 0);
    CHECK(!evidence_gap_read(STR("[\"AAAA\"]"), hashes, &count));
    CHECK(!evidence_gap_read(STR("[1]"), hashes, &count));
    CHECK(!evidence_gap_read(STR("{}"), hashes, &count));
    CHECK(!evidence_gap_read(STR(""), hashes, &count));
    struct digest many[EVIDENCE_GAP_MAX + 1] = { { { 0 } } };
    CHECK_EQ(evidence_gap_print(many, EVIDENCE_GAP_MAX, &out), ERR_OK);
    CHECK(evidence_gap_read(buf_str(&out), hashes, &count));
    CHECK_EQ(count, EVIDENCE_GAP_MAX);
    buf_reset(&out);
    CHECK_EQ(evidence_gap_print(many, EVIDENCE_GAP_MAX + 1, &out), ERR_OK);
    CHECK(!evidence_gap_read(buf_str(&out), hashes, &count));
    buf_fini(&out);
}

TEST(a_gap_of_another_number_does_not_fit)
{
    struct tree_edge edge = { .size = 0 };
    struct digest hashes[4] = { { { 0 } } };
    CHECK(!evidence_gap_add(&edge, 3, hashes, 1));
    edge = (struct tree_edge){ .size = 0 };
    CHECK(!evidence_gap_add(&edge, 3, hashes, 3));
    edge = (struct tree_edge){ .size = 0 };
    CHECK(evidence_gap_add(&edge, 3, hashes, 2));
    CHECK(evidence_gap_add(&edge, 3, hashes, 0));
    CHECK(!evidence_gap_add(&edge, 2, hashes, 0));
}
