#include "tlog/tlog_walk.h"

#include "base/stamp.h"

#define WALK_MARGIN_NS (INT64_C(7) * 86400 * STAMP_NS_PER_S)

/* Behind the last block whose calls are all too early. */
static const struct store_sql sql_first = {
    "SELECT coalesce(max(last) + 1, 0) FROM leaf_block WHERE last < coalesce("
    "(SELECT min(first) FROM leaf_block WHERE high >= ?1), 9223372036854775807)"
};
/* Where the first block begins from which on all calls are too late. The last leaves are in no
 * block yet: they are read. */
static const struct store_sql sql_end = {
    "SELECT coalesce(min(first), 9223372036854775807) FROM leaf_block WHERE first > coalesce("
    "(SELECT max(last) FROM leaf_block WHERE low <= ?1), -1)"
};
static const struct store_sql sql_walk = {
    "SELECT r.leaf, l.entry, r.client, r.evidence, r.operator, r.client_salt, r.evidence_salt,"
    " r.operator_salt FROM receipt r JOIN leaf l ON l.id = r.leaf"
    " WHERE r.leaf >= ?1 AND r.leaf < ?2 ORDER BY r.leaf"
};

static enum err walk_on_number(void *context, const struct store_value *row, size_t columns)
{
    ASSERT(columns == 1);
    *(int64_t *)context = row[0].number;
    return ERR_OK;
}

static enum err walk_on_receipt(void *context, const struct store_value *row, size_t columns)
{
    const struct tlog_walk *walk = context;
    ASSERT(columns == 2 + 2 * RECEIPT_SECTIONS);
    struct tlog_found found = { .leaf = row[0].number, .entry = row[1].bytes };
    for (size_t i = 0; i < RECEIPT_SECTIONS; i++) {
        found.sections[i] = row[2 + i].bytes;
        found.salts[i] = row[2 + RECEIPT_SECTIONS + i].bytes;
    }
    return walk->found(walk->context, &found);
}

enum err tlog_walk(struct store_txn *txn, const struct tlog_walk *walk, struct fail *fail)
{
    int64_t first = 0;
    int64_t end = 0;
    int64_t from_ns = walk->from_ns < WALK_MARGIN_NS ? 0 : walk->from_ns - WALK_MARGIN_NS;
    ASSERT(walk->until_ns >= walk->from_ns && walk->until_ns <= INT64_MAX - WALK_MARGIN_NS);
    struct id low = id_make(from_ns, 0, 0);
    struct id high = id_make(walk->until_ns + WALK_MARGIN_NS, UINT16_MAX, UINT64_MAX);
    const struct store_value values[] = { STORE_B(id_str(&low)), STORE_B(id_str(&high)) };
    TRY(store_query(txn, &sql_first, &values[0], 1, walk_on_number, &first, fail));
    TRY(store_query(txn, &sql_end, &values[1], 1, walk_on_number, &end, fail));
    const struct store_value range[] = { STORE_I(first), STORE_I(end) };
    struct tlog_walk walking = *walk;
    return store_query(txn, &sql_walk, range, 2, walk_on_receipt, &walking, fail);
}
