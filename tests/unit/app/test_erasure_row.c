#include "app/erasure_row.h"

#include "ledger/audit.h"
#include "past.h"

/* Rows written and read, in one job each. */
struct acting_row {
    struct store_job job;
    struct erasure erasure;
    bool fresh;
};

static enum err run_row(struct store_job *job, struct store_txn *txn, struct fail *fail)
{
    static const struct erasure_ground ground = { STR_INIT("Ana"), STR_INIT("asked") };
    const struct acting_row *row = EP_CONTAINER(job, struct acting_row, job);
    return row->fresh ? erasure_add(txn, &row->erasure, &ground, fail)
                      : erasure_save(txn, &row->erasure, fail);
}

static void write(const struct erasure *erasure, bool fresh)
{
    struct acting_row row = { .job = { .run = run_row }, .erasure = *erasure, .fresh = fresh };
    CHECK_EQ(store_run(house.world->store, &row.job, NULL), ERR_OK);
}

struct reading {
    struct id client;
    struct erasure found;
    enum err err;
    int64_t rows;
    struct audit_line line;
};

static enum err on_row(void *context, const struct erasure *erasure)
{
    struct reading *reading = context;
    reading->rows++;
    reading->found = *erasure;
    return ERR_OK;
}

static enum err run_read(void *context, struct store_txn *txn, struct fail *fail)
{
    struct reading *reading = context;
    TRY(erasure_each(txn, on_row, reading, fail));
    reading->err = erasure_find(txn, reading->client, &reading->found, fail);
    return store_query(txn, &erasure_audit_sql, NULL, 0, audit_take_figures, &reading->line, fail);
}

static struct reading look(struct id client)
{
    struct reading reading = { .client = client };
    CHECK_EQ(store_read(house.world->store, run_read, &reading, NULL), ERR_OK);
    return reading;
}

TEST(a_row_is_written_and_read_again)
{
    past_begin();
    const struct client *client = client_next(house.world->ident, NULL);
    CHECK_EQ(look(client->id).err, ERR_NOT_FOUND);
    struct erasure erasure = { client->id, 1, ERASURE_OPEN, 2, 3, 4, 5, 6, 7, 8, 0 };
    write(&erasure, true);
    struct reading open = look(client->id);
    CHECK_EQ(open.err, ERR_OK);
    CHECK_EQ(open.rows, 1);
    CHECK_EQ(open.found.leaf_next, 2);
    CHECK_EQ(open.found.receipts, 7);
    CHECK_EQ(open.found.begun_ns, 8);
    erasure.state = ERASURE_ENDED;
    erasure.ended_ns = 9;
    erasure.attempts = 60;
    write(&erasure, false);
    struct reading ended = look(client->id);
    CHECK_EQ(ended.found.state, ERASURE_ENDED);
    CHECK_EQ(ended.found.ended_ns, 9);
    CHECK_EQ(ended.found.attempts, 60);
    CHECK_EQ(look((struct id){ { 3 } }).err, ERR_NOT_FOUND);
    house_end(&house);
}

/* ---- the audit ------------------------------------------------------------------------------- */

TEST(a_section_that_nobody_has_erased_is_found_missing)
{
    static const struct store_sql take = {
        "UPDATE receipt SET operator = x'', operator_salt = x'' WHERE leaf ="
        " (SELECT max(leaf) FROM receipt)"
    };
    static const struct store_sql past_it = {
        "INSERT INTO retention_mark(walk, next) SELECT 1, max(leaf) + 1 FROM receipt"
    };
    static const struct store_sql all = {
        "UPDATE receipt SET client = x'', client_salt = x'' WHERE leaf ="
        " (SELECT max(leaf) FROM receipt)"
    };
    static const struct store_sql erased = {
        "INSERT INTO erasure(id, client, account, state, person, reason, leaf_next, keys, orders,"
        " answers, attempts, receipts, begun_ns, ended_ns) SELECT 1, (SELECT min(id) FROM client),"
        " (SELECT max(account) FROM hold), 3, '', '', 0, 0, 0, 0, 0, 0, 1, 1"
    };
    past_begin();
    const struct client *client = past_client("a");
    (void)past_buy(client, 1, 1000, false);
    (void)past_buy(client, 2, 1000, false);
    CHECK_EQ(look(client->id).line.wrong, 0);
    past_change(&take);
    struct reading missing = look(client->id);
    CHECK_EQ(missing.line.rows, 1);
    CHECK_EQ(missing.line.wrong, 1);
    CHECK_EQ(house_do(&house, "audit"), ACT_FAILED);
    CHECK(house_said(&house.out, "erased-receipts"));
    past_change(&past_it); /* its period is over */
    CHECK_EQ(look(client->id).line.wrong, 0);
    past_audit();
    past_change(&all); /* that of this section is not */
    CHECK_EQ(look(client->id).line.wrong, 1);
    past_change(&erased);
    CHECK_EQ(look(client->id).line.rows, 1);
    past_audit();
    house_end(&house);
}

/* ---- periods --------------------------------------------------------------------------------- */

struct keeping {
    struct store_job job;
    bool keep;
};

static enum err run_keep(struct store_job *job, struct store_txn *txn, struct fail *fail)
{
    if (!EP_CONTAINER(job, struct keeping, job)->keep) {
        return retention_unkeep(txn, RETENTION_WALK_ATTEMPTS, 5, fail);
    }
    TRY(retention_mark_set(txn, RETENTION_WALK_OPERATOR, 7, fail));
    TRY(retention_mark_set(txn, RETENTION_WALK_OPERATOR, 9, fail));
    TRY(retention_keep(txn, RETENTION_WALK_ATTEMPTS, 5, fail));
    TRY(retention_keep(txn, RETENTION_WALK_ATTEMPTS, 5, fail)); /* again */
    TRY(retention_keep(txn, RETENTION_WALK_ATTEMPTS, 8, fail));
    return retention_keep(txn, RETENTION_WALK_RECEIPTS, 6, fail);
}

struct kept {
    int64_t mark[RETENTION_WALKS];
    int64_t count[RETENTION_WALKS];
    int64_t numbers[4];
    size_t told;
};

static enum err on_kept(void *context, int64_t number)
{
    struct kept *kept = context;
    CHECK(kept->told < EP_ARRAY_LEN(kept->numbers));
    kept->numbers[kept->told++] = number;
    return ERR_OK;
}

static enum err run_kept(void *context, struct store_txn *txn, struct fail *fail)
{
    struct kept *kept = context;
    for (unsigned i = 0; i < RETENTION_WALKS; i++) {
        TRY(retention_mark(txn, (enum retention_walk)i, &kept->mark[i], fail));
        TRY(retention_kept_count(txn, (enum retention_walk)i, &kept->count[i], fail));
    }
    TRY(retention_kept(txn, RETENTION_WALK_ATTEMPTS, -1, 10, on_kept, kept, fail));
    return retention_kept(txn, RETENTION_WALK_ATTEMPTS, 5, 10, on_kept, kept, fail);
}

static struct kept kept(void)
{
    struct kept kept = { .told = 0 };
    CHECK_EQ(store_read(house.world->store, run_kept, &kept, NULL), ERR_OK);
    return kept;
}

TEST(a_mark_is_moved_and_what_is_kept_is_listed_behind_any_number)
{
    struct keeping keeping = { .job = { .run = run_keep }, .keep = true };
    past_begin();
    CHECK_EQ(kept().mark[RETENTION_WALK_OPERATOR], 0);
    CHECK_EQ(store_run(house.world->store, &keeping.job, NULL), ERR_OK);
    struct kept before = kept();
    CHECK_EQ(before.mark[RETENTION_WALK_OPERATOR], 9);
    CHECK_EQ(before.mark[RETENTION_WALK_RECEIPTS], 0);
    CHECK_EQ(before.count[RETENTION_WALK_ATTEMPTS], 2);
    CHECK_EQ(before.count[RETENTION_WALK_RECEIPTS], 1);
    CHECK_EQ(before.told, 3);
    CHECK_EQ(before.numbers[0], 5);
    CHECK_EQ(before.numbers[1], 8);
    CHECK_EQ(before.numbers[2], 8);
    keeping = (struct keeping){ .job = { .run = run_keep } };
    CHECK_EQ(store_run(house.world->store, &keeping.job, NULL), ERR_OK);
    CHECK_EQ(kept().count[RETENTION_WALK_ATTEMPTS], 1);
    house_end(&house);
}
