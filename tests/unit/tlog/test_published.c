/* What was shown, read from the rows: published.c. */
#include "publish_case.h"

static struct publish_case it;

/* The path of RFC 6962 section 2.1.1, read off all leaf hashes. */
static void plain_path(const struct digest *hashes, int64_t count, int64_t index,
                       struct tree_path *path)
{
    int64_t half = 1;
    if (count == 1) {
        return;
    }
    while (2 * half < count) {
        half *= 2;
    }
    struct digest other =
        index < half ? tlog_case_root(hashes + half, count - half) : tlog_case_root(hashes, half);
    if (index < half) {
        plain_path(hashes, half, index, path);
    } else {
        plain_path(hashes + half, count - half, index - half, path);
    }
    path->hashes[path->count++] = other;
}

struct proving {
    int64_t size;
    int64_t step;
};

static void check_proof(struct str text, int64_t index, int64_t size)
{
    char entry[64];
    struct proof proof;
    struct checkpoint checkpoint;
    struct note note;
    struct tree_path path = { .count = 0 };
    plain_path(it.hashes, size, index, &path);
    proof_init(&proof);
    CHECK_EQ(proof_parse(text, &proof, &it.log.fail), ERR_OK);
    CHECK_EQ(proof.index, index);
    CHECK_EQ(proof.path.count, path.count);
    CHECK(memcmp(proof.path.hashes, path.hashes, path.count * sizeof(*path.hashes)) == 0);
    CHECK_EQ(proof_check(&proof, tlog_case_entry(index, entry), &it.key, &checkpoint, &note,
                         &it.log.fail),
             ERR_OK);
    CHECK_STR(buf_str(&proof.extra), tlog_case_entry(index, entry));
    CHECK_EQ(checkpoint.size, size);
    proof_fini(&proof);
}

static enum err run_proving(void *context, struct store_txn *txn, struct fail *fail)
{
    const struct proving *proving = context;
    struct buf text;
    buf_init(&text, PROOF_TEXT_MAX);
    for (int64_t i = 0; i < proving->size; i += proving->step) {
        buf_reset(&text);
        TRY(published_proof(txn, i, &text, fail));
        check_proof(buf_str(&text), i, proving->size);
    }
    buf_reset(&text);
    CHECK_EQ(published_proof(txn, proving->size, &text, fail), ERR_NOT_FOUND);
    CHECK_EQ(published_proof(txn, -1, &text, fail), ERR_NOT_FOUND);
    CHECK_EQ(text.len, 0);
    buf_fini(&text);
    return ERR_OK;
}

static void check_proofs(int64_t size, int64_t step)
{
    struct proving proving = { size, step };
    CHECK_EQ(store_read(it.log.store, run_proving, &proving, &it.log.fail), ERR_OK);
}

TEST(a_proof_from_rows_is_that_of_the_plain_tree)
{
    static const int64_t sizes[] = { 1, 2, 3, 4, 5, 7, 8, 100, 255, 256, 257, 513 };
    int64_t size = 0;
    publish_case_begin(&it, 0);
    check_proofs(0, 1); /* nothing is published */
    for (size_t i = 0; i < EP_ARRAY_LEN(sizes); i++) {
        tlog_case_append(&it.log, size, sizes[i] - size);
        check_proofs(size, 7); /* the rows have more than is published */
        size = sizes[i];
        publish_case_round(&it);
        check_proofs(size, 1);
    }
    publish_case_end(&it);
}

TEST(a_proof_spans_all_levels)
{
    int64_t size = 65535;
    publish_case_begin(&it, size);
    for (; size < 65538; size++) {
        publish_case_round(&it);
        check_proofs(size, 16381);
        tlog_case_append(&it.log, size, 1);
    }
    publish_case_end(&it);
}

/* ---- what was shown -------------------------------------------------------------------------- */

static enum err run_shown(void *context, struct store_txn *txn, struct fail *fail)
{
    return published_read(txn, context, fail);
}

static void check_shown(struct published *shown, int64_t size)
{
    struct buf text;
    buf_init(&text, 10000);
    CHECK_EQ(store_read(it.log.store, run_shown, shown, &it.log.fail), ERR_OK);
    CHECK_EQ(shown->size, size);
    CHECK_EQ(publish_case_read(&it, STR("checkpoint"), &text), size > 0);
    CHECK_STR(buf_str(&shown->note), buf_str(&text));
    buf_fini(&text);
}

TEST(the_rows_have_the_very_checkpoint_that_is_in_the_folder)
{
    struct published shown;
    publish_case_begin(&it, 3);
    published_init(&shown);
    check_shown(&shown, 0);
    publish_case_round(&it);
    check_shown(&shown, 3);
    tlog_case_append(&it.log, 3, 1);
    CHECK_EQ(publish_sign(it.publisher, 1, &it.round, &it.log.fail), ERR_OK);
    check_shown(&shown, 3); /* signed, and not shown yet */
    CHECK_EQ(publish_finish(it.publisher, &it.round, &it.log.fail), ERR_OK);
    check_shown(&shown, 4); /* into the same one again */
    published_fini(&shown);
    publish_case_end(&it);
}

static enum err run_damaged(void *context, struct store_txn *txn, struct fail *fail)
{
    return published_proof(txn, 0, context, fail);
}

static enum err run_signed(void *context, struct store_txn *txn, struct fail *fail)
{
    return published_read_signed(txn, context, fail);
}

TEST(what_was_signed_last_is_there_before_it_is_shown)
{
    struct published last;
    publish_case_begin(&it, 3);
    published_init(&last);
    CHECK_EQ(store_read(it.log.store, run_signed, &last, &it.log.fail), ERR_OK);
    CHECK_EQ(last.size, 0);
    publish_case_round(&it);
    tlog_case_append(&it.log, 3, 1);
    CHECK_EQ(publish_sign(it.publisher, 1, &it.round, &it.log.fail), ERR_OK);
    CHECK_EQ(store_read(it.log.store, run_signed, &last, &it.log.fail), ERR_OK);
    CHECK_EQ(last.size, 4);
    CHECK_STR(buf_str(&last.note), buf_str(&it.round.note));
    published_fini(&last);
    publish_case_end(&it);
}

TEST(no_proof_is_made_of_rows_that_are_missing)
{
    static const struct store_sql damage = { "DELETE FROM leaf WHERE id = 2" };
    struct buf text;
    publish_case_begin(&it, 5);
    publish_case_round(&it);
    tlog_case_change(&it.log, &damage);
    buf_init(&text, PROOF_TEXT_MAX);
    CHECK_EQ(store_read(it.log.store, run_damaged, &text, &it.log.fail), ERR_STORE_DAMAGED);
    CHECK_EQ(text.len, 0);
    buf_fini(&text);
    publish_case_end(&it);
}
