#include "tlog/erase.h"

#include "receipts.h"
#include "tlog_case.h"

static struct tlog_case it;

#define ROWS 6

/* Receipts 0 to 5, appended a second each; then two notes about keys and one about prices. */
static enum err run_fill(struct store_job *job, struct store_txn *txn, struct fail *fail)
{
    int64_t leaf = 0;
    (void)job;
    for (unsigned char i = 0; i < ROWS; i++) {
        struct receipt receipt;
        struct receipt_facts facts = receipts_facts((struct id){ { 7, i } });
        receipt_init(&receipt);
        CHECK_EQ(receipt_build(&receipt, &facts), ERR_OK);
        CHECK_EQ(tlog_append_receipt(it.tlog, txn, facts.call, &receipt, 1000 + i, &leaf, fail),
                 ERR_OK);
        receipt_fini(&receipt);
    }
    TRY(tlog_append_note(it.tlog, txn, TLOG_KEY, STR("{\"client\":\"a\"}"), 2000, &leaf, fail));
    TRY(tlog_append_note(it.tlog, txn, TLOG_PRICES, STR("{\"book\":\"b\"}"), 2000, &leaf, fail));
    return tlog_append_note(it.tlog, txn, TLOG_KEY, STR("{\"client\":\"c\"}"), 2000, &leaf, fail);
}

static void begin(void)
{
    struct store_job job = { .run = run_fill };
    tlog_case_begin(&it);
    CHECK_EQ(store_run(it.store, &job, &it.fail), ERR_OK);
}

struct erasing {
    struct store_job job;
    int64_t leaves[3];
    size_t count;
    unsigned sections; /* 0: notes */
};

static enum err run_erase(struct store_job *job, struct store_txn *txn, struct fail *fail)
{
    const struct erasing *erasing = EP_CONTAINER(job, struct erasing, job);
    return erasing->sections == 0
               ? tlog_erase_notes(txn, erasing->leaves, erasing->count, fail)
               : tlog_erase(txn, erasing->leaves, erasing->count, erasing->sections, fail);
}

static void erase(int64_t first, int64_t second, unsigned sections)
{
    struct erasing erasing = {
        .job = { .run = run_erase }, .leaves = { first, second }, .count = 2, .sections = sections
    };
    CHECK_EQ(store_run(it.store, &erasing.job, &it.fail), ERR_OK);
}

struct seen {
    int64_t from;
    int64_t count;
    unsigned whole[ROWS + 3];
    size_t rows;
    struct tlog_oldest oldest[RECEIPT_SECTIONS];
    int64_t old[RECEIPT_SECTIONS]; /* before 1004 */
    int64_t notes;
    struct tlog_figures figures;
};

static enum err on_row(void *context, const struct tlog_row *row)
{
    struct seen *seen = context;
    CHECK_EQ(row->appended_ns, 1000 + row->leaf);
    CHECK_EQ(row->call.bytes[1], row->leaf);
    CHECK_EQ(row->client.len > 0, (row->whole & TLOG_CLIENT) != 0);
    seen->whole[row->leaf] = row->whole;
    seen->rows++;
    return seen->rows == 5 ? ERR_LIMIT : ERR_OK;
}

static enum err on_note(void *context, int64_t leaf, struct str detail)
{
    CHECK(leaf == ROWS || leaf == ROWS + 2);
    CHECK(str_starts(detail, STR("{\"client\":")));
    ++*(int64_t *)context;
    return ERR_OK;
}

static enum err run_look(void *context, struct store_txn *txn, struct fail *fail)
{
    struct seen *seen = context;
    for (unsigned i = 0; i < RECEIPT_SECTIONS; i++) {
        TRY(tlog_oldest(txn, (enum receipt_section)i, seen->from, &seen->oldest[i], fail));
        TRY(tlog_count_old(txn, (enum receipt_section)i, seen->from, 1004, &seen->old[i], fail));
    }
    TRY(tlog_key_notes(txn, on_note, &seen->notes, fail));
    TRY(tlog_audit(txn, NULL, &seen->figures, fail));
    return tlog_rows(txn, seen->from, seen->count, on_row, seen, fail);
}

static struct seen look(int64_t from, int64_t count, enum err want)
{
    struct seen seen = { .from = from, .count = count };
    CHECK_EQ(store_read(it.store, run_look, &seen, &it.fail), want);
    for (size_t i = 0; i < TLOG_RULES; i++) {
        CHECK_EQ(seen.figures.rules[i].wrong, 0);
    }
    return seen;
}

TEST(receipts_are_walked_over_from_anywhere_and_a_walk_can_be_ended)
{
    begin();
    CHECK_EQ(look(0, 100, ERR_LIMIT).rows, 5);
    CHECK_EQ(look(4, 100, ERR_OK).rows, 2);
    CHECK_EQ(look(1, 3, ERR_OK).rows, 3);
    struct seen none = look(ROWS, 100, ERR_OK);
    CHECK_EQ(none.rows, 0);
    CHECK_EQ(none.oldest[RECEIPT_CLIENT].leaf, -1);
    CHECK_EQ(none.old[RECEIPT_CLIENT], 0);
    tlog_case_end(&it);
}

TEST(a_section_goes_with_its_salt_and_the_log_holds)
{
    begin();
    erase(0, 2, TLOG_OPERATOR);
    erase(1, 2, TLOG_SECTIONS);
    erase(1, 99, TLOG_SECTIONS); /* again, and what is no receipt */
    struct seen seen = look(0, 4, ERR_OK);
    CHECK_EQ(seen.whole[0], TLOG_CLIENT | TLOG_EVIDENCE);
    CHECK_EQ(seen.whole[1], 0);
    CHECK_EQ(seen.whole[2], 0);
    CHECK_EQ(seen.whole[3], TLOG_SECTIONS);
    CHECK_EQ(seen.oldest[RECEIPT_CLIENT].leaf, 0);
    CHECK_EQ(seen.oldest[RECEIPT_OPERATOR].leaf, 3);
    CHECK_EQ(seen.oldest[RECEIPT_OPERATOR].appended_ns, 1003);
    CHECK_EQ(seen.old[RECEIPT_CLIENT], 2);
    CHECK_EQ(seen.old[RECEIPT_OPERATOR], 1);
    tlog_case_end(&it);
}

TEST(a_salt_without_its_section_is_no_erasure)
{
    static const struct store_sql sql = { "UPDATE receipt SET evidence = x'' WHERE leaf = 4" };
    struct seen seen = { .from = 5, .count = 1 };
    begin();
    tlog_case_change(&it, &sql);
    CHECK_EQ(store_read(it.store, run_look, &seen, &it.fail), ERR_OK);
    CHECK_EQ(seen.figures.rules[TLOG_RULE_RECEIPTS].wrong, 1);
    tlog_case_end(&it);
}

TEST(notes_about_keys_can_go)
{
    begin();
    CHECK_EQ(look(0, 1, ERR_OK).notes, 2);
    erase(ROWS, ROWS, 0);
    CHECK_EQ(look(0, 1, ERR_OK).notes, 1);
    tlog_case_end(&it);
}
