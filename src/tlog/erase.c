#include "tlog/erase.h"

#include <string.h>

#include "tlog/tlog.h"

static const struct store_sql sql_rows = {
    "SELECT r.leaf, l.appended_ns, r.call, r.client, length(r.client_salt),"
    " length(r.evidence_salt), length(r.operator_salt) FROM receipt r JOIN leaf l ON l.id = r.leaf"
    " WHERE r.leaf >= ?1 ORDER BY r.leaf LIMIT ?2"
};
static const struct store_sql sql_erase = {
    "UPDATE receipt SET"
    " client = CASE WHEN ?2 = 1 THEN x'' ELSE client END,"
    " client_salt = CASE WHEN ?2 = 1 THEN x'' ELSE client_salt END,"
    " evidence = CASE WHEN ?3 = 1 THEN x'' ELSE evidence END,"
    " evidence_salt = CASE WHEN ?3 = 1 THEN x'' ELSE evidence_salt END,"
    " operator = CASE WHEN ?4 = 1 THEN x'' ELSE operator END,"
    " operator_salt = CASE WHEN ?4 = 1 THEN x'' ELSE operator_salt END"
    " WHERE leaf = ?1"
};

/* The names of sections are columns, and no parameter can stand for those. */
#define ERASE_OLDEST(name)                                                            \
    {                                                                                 \
        "SELECT r.leaf, l.appended_ns FROM receipt r JOIN leaf l ON l.id = r.leaf"    \
        " WHERE r.leaf >= ?1 AND length(r." name "_salt) > 0 ORDER BY r.leaf LIMIT 1" \
    }
#define ERASE_COUNT(name)                                                            \
    {                                                                                \
        "SELECT count(*) FROM receipt r JOIN leaf l ON l.id = r.leaf"                \
        " WHERE r.leaf >= ?1 AND l.appended_ns < ?2 AND length(r." name "_salt) > 0" \
    }
static const struct store_sql sql_oldest[RECEIPT_SECTIONS] = {
    [RECEIPT_CLIENT] = ERASE_OLDEST("client"),
    [RECEIPT_EVIDENCE] = ERASE_OLDEST("evidence"),
    [RECEIPT_OPERATOR] = ERASE_OLDEST("operator"),
};
static const struct store_sql sql_count_old[RECEIPT_SECTIONS] = {
    [RECEIPT_CLIENT] = ERASE_COUNT("client"),
    [RECEIPT_EVIDENCE] = ERASE_COUNT("evidence"),
    [RECEIPT_OPERATOR] = ERASE_COUNT("operator"),
};

struct erase_walk {
    tlog_row_fn *told;
    void *context;
};

static enum err erase_on_row(void *context, const struct store_value *row, size_t columns)
{
    const struct erase_walk *walk = context;
    ASSERT(columns == 4 + RECEIPT_SECTIONS);
    ASSERT(row[2].bytes.len == ID_BYTES);
    struct tlog_row told = {
        .leaf = row[0].number,
        .appended_ns = row[1].number,
        .client = row[3].bytes,
    };
    memcpy(told.call.bytes, row[2].bytes.ptr, ID_BYTES);
    for (size_t i = 0; i < RECEIPT_SECTIONS; i++) {
        told.whole |= row[4 + i].number > 0 ? 1U << i : 0;
    }
    return walk->told(walk->context, &told);
}

enum err tlog_rows(struct store_txn *txn, int64_t from, int64_t count, tlog_row_fn *told,
                   void *context, struct fail *fail)
{
    ASSERT(from >= 0 && count > 0);
    struct erase_walk walk = { told, context };
    const struct store_value values[] = { STORE_I(from), STORE_I(count) };
    return store_query(txn, &sql_rows, values, EP_ARRAY_LEN(values), erase_on_row, &walk, fail);
}

enum err tlog_erase(struct store_txn *txn, const int64_t *leaves, size_t count, unsigned sections,
                    struct fail *fail)
{
    ASSERT(count <= TLOG_ERASE_MAX);
    ASSERT(sections != 0 && (sections & ~TLOG_SECTIONS) == 0);
    for (size_t i = 0; i < count; i++) {
        const struct store_value values[] = {
            STORE_I(leaves[i]),
            STORE_I((sections & TLOG_CLIENT) != 0),
            STORE_I((sections & TLOG_EVIDENCE) != 0),
            STORE_I((sections & TLOG_OPERATOR) != 0),
        };
        TRY(store_exec(txn, &sql_erase, values, EP_ARRAY_LEN(values), fail));
    }
    return ERR_OK;
}

/* ---- notes --------------------------------------------------------------------------------- */

static const struct store_sql sql_key_notes = {
    "SELECT n.leaf, n.detail FROM note n JOIN leaf l ON l.id = n.leaf"
    " WHERE l.kind = 4 AND length(n.salt) > 0 ORDER BY n.leaf"
};
static const struct store_sql sql_erase_note = {
    "UPDATE note SET detail = x'', salt = x'' WHERE leaf = ?1"
};
_Static_assert(TLOG_KEY == 4, "the statement says so too");

struct erase_note_walk {
    tlog_note_fn *told;
    void *context;
};

static enum err erase_on_note(void *context, const struct store_value *row, size_t columns)
{
    const struct erase_note_walk *walk = context;
    ASSERT(columns == 2);
    return walk->told(walk->context, row[0].number, row[1].bytes);
}

enum err tlog_key_notes(struct store_txn *txn, tlog_note_fn *told, void *context, struct fail *fail)
{
    struct erase_note_walk walk = { told, context };
    return store_query(txn, &sql_key_notes, NULL, 0, erase_on_note, &walk, fail);
}

enum err tlog_erase_notes(struct store_txn *txn, const int64_t *leaves, size_t count,
                          struct fail *fail)
{
    ASSERT(count <= TLOG_ERASE_MAX);
    for (size_t i = 0; i < count; i++) {
        const struct store_value leaf = STORE_I(leaves[i]);
        TRY(store_exec(txn, &sql_erase_note, &leaf, 1, fail));
    }
    return ERR_OK;
}

/* ---- figures ------------------------------------------------------------------------------- */

static enum err erase_on_oldest(void *context, const struct store_value *row, size_t columns)
{
    ASSERT(columns == 2);
    *(struct tlog_oldest *)context = (struct tlog_oldest){ row[0].number, row[1].number };
    return ERR_OK;
}

enum err tlog_oldest(struct store_txn *txn, enum receipt_section section, int64_t from,
                     struct tlog_oldest *ret_oldest, struct fail *fail)
{
    ASSERT((unsigned)section < RECEIPT_SECTIONS);
    ASSERT(from >= 0);
    struct tlog_oldest oldest = { .leaf = -1 };
    const struct store_value value = STORE_I(from);
    TRY(store_query(txn, &sql_oldest[section], &value, 1, erase_on_oldest, &oldest, fail));
    *ret_oldest = oldest;
    return ERR_OK;
}

static enum err erase_on_count(void *context, const struct store_value *row, size_t columns)
{
    ASSERT(columns == 1);
    *(int64_t *)context = row[0].number;
    return ERR_OK;
}

enum err tlog_count_old(struct store_txn *txn, enum receipt_section section, int64_t from,
                        int64_t before_ns, int64_t *ret_count, struct fail *fail)
{
    ASSERT((unsigned)section < RECEIPT_SECTIONS);
    ASSERT(from >= 0);
    const struct store_value values[] = { STORE_I(from), STORE_I(before_ns) };
    return store_query(txn, &sql_count_old[section], values, EP_ARRAY_LEN(values), erase_on_count,
                       ret_count, fail);
}
