#include "gate/upstream_claim.h"

#include <string.h>

/* A table's checks cannot be changed: for one kind more both tables are written anew. Their rows
 * and numbers stay. */
#define CLAIM_ANEW(kinds)                                                                       \
    "CREATE TABLE upstream_claim_2(id INTEGER PRIMARY KEY, route TEXT NOT NULL,"                \
    " party TEXT NOT NULL, model TEXT NOT NULL, kind TEXT NOT NULL CHECK(kind IN (" kinds "))," \
    " state TEXT NOT NULL"                                                                      \
    " CHECK(state IN ('open', 'settled', 'withdrawn')), opened_ns INTEGER NOT NULL,"            \
    " last_ns INTEGER NOT NULL, calls INTEGER NOT NULL, counted INTEGER NOT NULL,"              \
    " reported INTEGER NOT NULL, closed_ns INTEGER NOT NULL, closed_by TEXT NOT NULL,"          \
    " closed_why TEXT NOT NULL) STRICT;"                                                        \
    "INSERT INTO upstream_claim_2 SELECT id, route, party, model, kind, state, opened_ns,"      \
    " last_ns, calls, counted, reported, closed_ns, closed_by, closed_why"                      \
    " FROM upstream_claim;"                                                                     \
    "CREATE TABLE upstream_claim_call_2(claim INTEGER NOT NULL REFERENCES upstream_claim_2,"    \
    " number INTEGER NOT NULL, call BLOB NOT NULL CHECK(length(call) = 16),"                    \
    " at_ns INTEGER NOT NULL, upstream_id TEXT NOT NULL, declared TEXT NOT NULL,"               \
    " counted INTEGER NOT NULL, reported INTEGER NOT NULL,"                                     \
    " PRIMARY KEY(claim, number)) STRICT, WITHOUT ROWID;"                                       \
    "INSERT INTO upstream_claim_call_2 SELECT claim, number, call, at_ns, upstream_id,"         \
    " declared, counted, reported FROM upstream_claim_call;"                                    \
    "DROP TABLE upstream_claim_call;"                                                           \
    "DROP TABLE upstream_claim;"                                                                \
    "ALTER TABLE upstream_claim_2 RENAME TO upstream_claim;"                                    \
    "ALTER TABLE upstream_claim_call_2 RENAME TO upstream_claim_call;"                          \
    "CREATE UNIQUE INDEX upstream_claim_open ON upstream_claim(route, kind)"                    \
    " WHERE state = 'open';"

#define CLAIM_KINDS "'swap', 'slope', 'offset', 'completion', 'unknown_model', 'usage'"

/* The tables came with quarantine.c's migration. */
const struct store_migration upstream_claim_migration = {
    .number = 19,
    .name = "usage_claim",
    .sql = CLAIM_ANEW(CLAIM_KINDS),
};

const struct store_migration tier_claim_migration = {
    .number = 24,
    .name = "tier_claim",
    .sql = CLAIM_ANEW(CLAIM_KINDS ", 'tier'"),
};

static const struct store_sql sql_open = {
    "INSERT INTO upstream_claim(id, route, party, model, kind, state, opened_ns, last_ns, calls,"
    " counted, reported, closed_ns, closed_by, closed_why)"
    " SELECT (SELECT coalesce(max(id), 0) + 1 FROM upstream_claim), ?1, ?2, ?3, ?4, 'open', ?5,"
    " ?5, 0, 0, 0, 0, '', '' WHERE NOT EXISTS"
    " (SELECT 1 FROM upstream_claim WHERE route = ?1 AND kind = ?4 AND state = 'open')"
};
static const struct store_sql sql_sum = {
    "UPDATE upstream_claim SET calls = calls + 1, counted = counted + ?3,"
    " reported = reported + ?4, last_ns = ?5"
    " WHERE route = ?1 AND kind = ?2 AND state = 'open'"
};
static const struct store_sql sql_call = {
    "INSERT INTO upstream_claim_call(claim, number, call, at_ns, upstream_id, declared, counted,"
    " reported) SELECT id, calls, ?3, ?4, ?5, ?6, ?7, ?8 FROM upstream_claim"
    " WHERE route = ?1 AND kind = ?2 AND state = 'open' AND calls <= ?9"
};
static const struct store_sql sql_state = { "SELECT state FROM upstream_claim WHERE id = ?1" };
static const struct store_sql sql_close = {
    "UPDATE upstream_claim SET state = ?2, closed_ns = ?3, closed_by = ?4, closed_why = ?5"
    " WHERE id = ?1"
};

const char *claim_kind_name(enum claim_kind kind)
{
    static const char *const names[] = {
        [CLAIM_SWAP] = "swap",
        [CLAIM_SLOPE] = "slope",
        [CLAIM_OFFSET] = "offset",
        [CLAIM_COMPLETION] = "completion",
        [CLAIM_UNKNOWN_MODEL] = "unknown_model",
        [CLAIM_USAGE] = "usage",
        [CLAIM_TIER] = "tier",
    };
    ASSERT((unsigned)kind < EP_ARRAY_LEN(names));
    return names[kind];
}

const char *claim_state_name(enum claim_state state)
{
    static const char *const names[] = {
        [CLAIM_OPEN] = "open",
        [CLAIM_SETTLED] = "settled",
        [CLAIM_WITHDRAWN] = "withdrawn",
    };
    ASSERT((unsigned)state < EP_ARRAY_LEN(names));
    return names[state];
}

enum err upstream_claim_add(struct store_txn *txn, const struct claim_item *item, struct fail *fail)
{
    struct str kind = str_from(claim_kind_name(item->kind));
    const struct store_value opening[] = { STORE_T(item->route), STORE_T(item->party),
                                           STORE_T(item->model), STORE_T(kind),
                                           STORE_I(item->now_ns) };
    const struct store_value sums[] = { STORE_T(item->route), STORE_T(kind), STORE_I(item->counted),
                                        STORE_I(item->reported), STORE_I(item->now_ns) };
    const struct store_value call[] = {
        STORE_T(item->route),         STORE_T(kind),
        STORE_B(id_str(&item->call)), STORE_I(item->now_ns),
        STORE_T(item->upstream_id),   STORE_T(item->declared),
        STORE_I(item->counted),       STORE_I(item->reported),
        STORE_I(CLAIM_CALLS_MAX),
    };
    ASSERT(item->route.len > 0);
    TRY(store_exec(txn, &sql_open, opening, EP_ARRAY_LEN(opening), fail));
    TRY(store_exec(txn, &sql_sum, sums, EP_ARRAY_LEN(sums), fail));
    return store_exec(txn, &sql_call, call, EP_ARRAY_LEN(call), fail);
}

/* What is known of the claim before it is closed. */
struct claim_found {
    bool found;
    bool open;
};

static enum err claim_on_state(void *context, const struct store_value *row, size_t columns)
{
    struct claim_found *found = context;
    ASSERT(columns == 1);
    found->found = true;
    found->open = str_eq(row[0].bytes, STR("open"));
    return ERR_OK;
}

enum err upstream_claim_close(struct store_txn *txn, const struct claim_closing *closing,
                              struct fail *fail)
{
    struct claim_found found = { .found = false };
    ASSERT(closing->state != CLAIM_OPEN);
    const struct store_value values[] = {
        STORE_I(closing->claim),  STORE_T(str_from(claim_state_name(closing->state))),
        STORE_I(closing->now_ns), STORE_T(closing->by),
        STORE_T(closing->why),
    };
    TRY(store_query(txn, &sql_state, values, 1, claim_on_state, &found, fail));
    if (!found.found) {
        return FAIL(fail, ERR_NOT_FOUND, "there is no claim %lld", (long long)closing->claim);
    }
    if (!found.open) {
        return FAIL(fail, ERR_CONFLICT, "claim %lld is closed", (long long)closing->claim);
    }
    return store_exec(txn, &sql_close, values, EP_ARRAY_LEN(values), fail);
}

/* ---- what can go --------------------------------------------------------------------------- */

static const struct store_sql sql_calls = {
    "SELECT c.claim, c.number, c.call, k.state = 'open', c.upstream_id <> ''"
    " FROM upstream_claim_call c"
    " JOIN upstream_claim k ON k.id = c.claim WHERE k.state = 'open' OR c.upstream_id <> ''"
};
static const struct store_sql sql_forget = {
    "UPDATE upstream_claim_call SET upstream_id = '' WHERE claim = ?1 AND number = ?2"
};
#define CLAIM_OLD                                                         \
    " FROM upstream_claim_call c JOIN upstream_claim k ON k.id = c.claim" \
    " WHERE k.state <> 'open' AND k.closed_ns < ?1 AND c.upstream_id <> ''"
static const struct store_sql sql_old = { "SELECT c.claim, c.number" CLAIM_OLD
                                          " ORDER BY c.claim, c.number LIMIT ?2" };
static const struct store_sql sql_old_figures = {
    "SELECT count(*), coalesce(min(k.closed_ns), 0)" CLAIM_OLD
};

struct claim_walk {
    claim_call_fn *told;
    void *context;
};

static enum err claim_on_call(void *context, const struct store_value *row, size_t columns)
{
    const struct claim_walk *walk = context;
    ASSERT(columns == 5 && row[2].bytes.len == ID_BYTES);
    struct claim_call call = {
        .claim = row[0].number,
        .number = row[1].number,
        .open = row[3].number != 0,
        .named = row[4].number != 0,
    };
    memcpy(call.call.bytes, row[2].bytes.ptr, ID_BYTES);
    return walk->told(walk->context, &call);
}

enum err upstream_claim_calls(struct store_txn *txn, claim_call_fn *told, void *context,
                              struct fail *fail)
{
    struct claim_walk walk = { told, context };
    return store_query(txn, &sql_calls, NULL, 0, claim_on_call, &walk, fail);
}

enum err upstream_claim_forget(struct store_txn *txn, int64_t claim, int64_t number,
                               struct fail *fail)
{
    const struct store_value values[] = { STORE_I(claim), STORE_I(number) };
    return store_exec(txn, &sql_forget, values, EP_ARRAY_LEN(values), fail);
}

struct claim_olds {
    struct {
        int64_t claim;
        int64_t number;
    } calls[CLAIM_ERASE_MAX];
    size_t count;
};

static enum err claim_on_old(void *context, const struct store_value *row, size_t columns)
{
    struct claim_olds *olds = context;
    ASSERT(columns == 2 && olds->count < CLAIM_ERASE_MAX);
    olds->calls[olds->count].claim = row[0].number;
    olds->calls[olds->count++].number = row[1].number;
    return ERR_OK;
}

enum err upstream_claim_expire(struct store_txn *txn, int64_t before_ns, int64_t *ret_count,
                               struct fail *fail)
{
    struct claim_olds olds = { .count = 0 };
    const struct store_value values[] = { STORE_I(before_ns), STORE_I(CLAIM_ERASE_MAX) };
    TRY(store_query(txn, &sql_old, values, EP_ARRAY_LEN(values), claim_on_old, &olds, fail));
    for (size_t i = 0; i < olds.count; i++) {
        TRY(upstream_claim_forget(txn, olds.calls[i].claim, olds.calls[i].number, fail));
    }
    *ret_count = (int64_t)olds.count;
    return ERR_OK;
}

struct claim_figures {
    int64_t count;
    int64_t oldest_ns;
};

static enum err claim_on_figures(void *context, const struct store_value *row, size_t columns)
{
    ASSERT(columns == 2);
    *(struct claim_figures *)context = (struct claim_figures){ row[0].number, row[1].number };
    return ERR_OK;
}

enum err upstream_claim_old(struct store_txn *txn, int64_t before_ns, int64_t *ret_count,
                            int64_t *ret_oldest_ns, struct fail *fail)
{
    struct claim_figures figures = { .count = 0 };
    const struct store_value value = STORE_I(before_ns);
    TRY(store_query(txn, &sql_old_figures, &value, 1, claim_on_figures, &figures, fail));
    *ret_count = figures.count;
    *ret_oldest_ns = figures.oldest_ns;
    return ERR_OK;
}
