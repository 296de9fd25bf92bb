#include "ledger/usage_month.h"

#include <string.h>

#include "base/stamp.h"

#define USAGE_MONTH_COLUMN(name, at) " t_" #name " INTEGER NOT NULL,"
#define USAGE_MONTH_BILLED(name, at) \
    " sum(coalesce(json_extract(s.usage, '$.billed." #name "'), 0)),"

const struct store_migration usage_month_migration = {
    .number = 6,
    .name = "usage_month",
    .sql = "CREATE TABLE usage_month(account INTEGER NOT NULL REFERENCES account,"
           " month INTEGER NOT NULL, key BLOB NOT NULL, model TEXT NOT NULL,"
    /* clang-format off */
           USAGE_MONTH_TABLE(USAGE_MONTH_COLUMN)
           " calls INTEGER NOT NULL, amount INTEGER NOT NULL CHECK(amount >= 0),"
           " PRIMARY KEY(account, month, key, model)) STRICT, WITHOUT ROWID;"
           /* Settlements of before do not say whose key and which model. */
           "INSERT INTO usage_month SELECT h.account,"
           " CAST(strftime('%Y%m', s.settled_ns / 1000000000, 'unixepoch') AS INTEGER) AS month,"
           " zeroblob(16), '',"
           USAGE_MONTH_TABLE(USAGE_MONTH_BILLED)
    /* clang-format on */
    " count(*), sum(s.posted) FROM settlement s JOIN hold h ON h.id = s.hold"
    " WHERE s.state = 1 OR s.posted > 0 GROUP BY h.account, month;",
};

const struct store_migration usage_unit_migration = {
    .number = 22,
    .name = "usage_unit",
    .sql = "CREATE TABLE usage_month_unit(account INTEGER NOT NULL REFERENCES account,"
           " month INTEGER NOT NULL, key BLOB NOT NULL, model TEXT NOT NULL, unit TEXT NOT NULL,"
           " pieces INTEGER NOT NULL CHECK(pieces > 0),"
           " PRIMARY KEY(account, month, key, model, unit)) STRICT, WITHOUT ROWID;"
           /* Settlements of before do not say whose key and which model. */
           "INSERT INTO usage_month_unit SELECT h.account,"
           " CAST(strftime('%Y%m', s.settled_ns / 1000000000, 'unixepoch') AS INTEGER) AS month,"
           " zeroblob(16), '', u.key, sum(u.value)"
           " FROM settlement s JOIN hold h ON h.id = s.hold, json_each(s.usage, '$.units') u"
           " WHERE (s.state = 1 OR s.posted > 0) AND u.value > 0 GROUP BY h.account, month, u.key;",
};

#define USAGE_MONTH_NAME(name, at)  " t_" #name ","
#define USAGE_MONTH_VALUE(name, at) " ?" #at ","
#define USAGE_MONTH_ADD(name, at)   " t_" #name " = usage_month.t_" #name " + excluded.t_" #name ","
#define USAGE_MONTH_PIECES(name)                                                          \
    " coalesce((SELECT p.pieces FROM usage_month_unit p WHERE p.account = u.account"      \
    " AND p.month = u.month AND p.key = u.key AND p.model = u.model AND p.unit = '" #name \
    "'), 0),"
#define USAGE_MONTH_FIXED 6 /* columns that are no class */

/* clang-format off */
static const struct store_sql sql_add = {
    "INSERT INTO usage_month(account, month, key, model,"
    USAGE_MONTH_TABLE(USAGE_MONTH_NAME) " calls, amount) VALUES (?1, ?2, ?3, ?4,"
    USAGE_MONTH_TABLE(USAGE_MONTH_VALUE) " ?21, ?22)"
    " ON CONFLICT(account, month, key, model) DO UPDATE SET"
    USAGE_MONTH_TABLE(USAGE_MONTH_ADD)
    " calls = usage_month.calls + excluded.calls, amount = usage_month.amount + excluded.amount"
};
static const struct store_sql sql_add_unit = {
    "INSERT INTO usage_month_unit(account, month, key, model, unit, pieces)"
    " VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT(account, month, key, model, unit) DO UPDATE"
    " SET pieces = usage_month_unit.pieces + excluded.pieces"
};
static const struct store_sql sql_read = {
    "SELECT u.account, u.month, u.key, u.model,"
    USAGE_MONTH_TABLE(USAGE_MONTH_NAME)
    USAGE_MONTH_UNIT_TABLE(USAGE_MONTH_PIECES) " u.calls, u.amount, a.currency FROM account a"
    " JOIN usage_month u ON u.account = a.id WHERE a.uid = ?1 AND u.month = ?2"
    " ORDER BY u.key, u.model"
};
/* clang-format on */
static const struct store_sql sql_of_key = {
    "SELECT coalesce(sum(u.amount), 0), coalesce(sum(iif(u.month >= ?3, u.amount, 0)), 0),"
    " coalesce(sum(iif(u.month >= ?4, u.amount, 0)), 0) FROM account a"
    " JOIN usage_month u ON u.account = a.id WHERE a.uid = ?1 AND u.key = ?2"
};

#define USAGE_MONTH_TEXT(name, at) #name,
static const char *const usage_month_classes[] = { USAGE_MONTH_TABLE(USAGE_MONTH_TEXT) };
_Static_assert(EP_ARRAY_LEN(usage_month_classes) == USAGE_MONTH_CLASSES, "a name for each class");

const char *usage_month_class(size_t class)
{
    ASSERT(class < USAGE_MONTH_CLASSES);
    return usage_month_classes[class];
}

#define USAGE_MONTH_UNIT_TEXT(name) #name,
static const char *const usage_month_units[] = { USAGE_MONTH_UNIT_TABLE(USAGE_MONTH_UNIT_TEXT) };

const char *usage_month_unit(size_t unit)
{
    ASSERT(unit < USAGE_MONTH_UNITS);
    return usage_month_units[unit];
}

static struct usage_month *usage_fold_find(struct usage_fold *fold, int64_t account, int64_t month,
                                           const struct usage_month_use *use)
{
    for (size_t i = 0; i < fold->count; i++) {
        struct usage_month *row = &fold->rows[i];
        if (row->account == account && row->month == month &&
            memcmp(row->sums.key.bytes, use->key.bytes, ID_BYTES) == 0 &&
            str_eq(row->sums.model, use->model)) {
            return row;
        }
    }
    return NULL;
}

enum err usage_fold_add(struct usage_fold *fold, struct store_txn *txn, int64_t account,
                        int64_t settled_ns, int64_t amount, const struct usage_month_use *use,
                        struct fail *fail)
{
    int64_t month = stamp_month(settled_ns);
    struct usage_month *row = usage_fold_find(fold, account, month, use);
    if (row == NULL) {
        TRY(fold->count < USAGE_FOLD_MAX ? ERR_OK : usage_fold_write(fold, txn, fail));
        row = &fold->rows[fold->count++];
        *row = (struct usage_month){
            .account = account,
            .month = month,
            .sums = { .key = use->key, .model = use->model },
        };
    }
    row->calls++;
    row->amount += amount;
    for (size_t i = 0; i < USAGE_MONTH_CLASSES; i++) {
        row->sums.tokens[i] += use->tokens[i];
    }
    for (size_t i = 0; use->has_units && i < USAGE_MONTH_UNITS; i++) {
        row->sums.units[i] += use->units[i];
        row->sums.has_units = true;
    }
    return ERR_OK;
}

static enum err usage_fold_write_units(const struct usage_month *row, struct store_txn *txn,
                                       struct fail *fail)
{
    for (size_t i = 0; i < USAGE_MONTH_UNITS; i++) {
        const struct store_value values[] = {
            STORE_I(row->account),
            STORE_I(row->month),
            STORE_B(id_str(&row->sums.key)),
            STORE_T(row->sums.model),
            STORE_T(str_from(usage_month_unit(i))),
            STORE_I(row->sums.units[i]),
        };
        if (row->sums.units[i] > 0) {
            TRY(store_exec(txn, &sql_add_unit, values, EP_ARRAY_LEN(values), fail));
        }
    }
    return ERR_OK;
}

enum err usage_fold_write(struct usage_fold *fold, struct store_txn *txn, struct fail *fail)
{
    for (size_t i = 0; i < fold->count; i++) {
        const struct usage_month *row = &fold->rows[i];
        struct store_value values[USAGE_MONTH_FIXED + USAGE_MONTH_CLASSES] = {
            STORE_I(row->account),
            STORE_I(row->month),
            STORE_B(id_str(&row->sums.key)),
            STORE_T(row->sums.model),
        };
        for (size_t k = 0; k < USAGE_MONTH_CLASSES; k++) {
            values[4 + k] = STORE_I(row->sums.tokens[k]);
        }
        values[4 + USAGE_MONTH_CLASSES] = STORE_I(row->calls);
        values[5 + USAGE_MONTH_CLASSES] = STORE_I(row->amount);
        TRY(store_exec(txn, &sql_add, values, EP_ARRAY_LEN(values), fail));
        if (row->sums.has_units) {
            TRY(usage_fold_write_units(row, txn, fail));
        }
    }
    fold->count = 0;
    return ERR_OK;
}

/* ---- reading ----------------------------------------------------------------------------- */

struct usage_month_reading {
    usage_month_fn *row;
    void *context;
};

static enum err usage_month_on_row(void *context, const struct store_value *row, size_t columns)
{
    const struct usage_month_reading *reading = context;
    const struct store_value *units = row + 4 + USAGE_MONTH_CLASSES;
    const struct store_value *last = units + USAGE_MONTH_UNITS;
    ASSERT(columns == USAGE_MONTH_FIXED + USAGE_MONTH_CLASSES + USAGE_MONTH_UNITS + 1);
    ASSERT(row[2].bytes.len == ID_BYTES);
    struct usage_month month = {
        .account = row[0].number,
        .month = row[1].number,
        .sums.model = row[3].bytes,
        .calls = last[0].number,
        .amount = last[1].number,
        .currency = last[2].bytes,
    };
    memcpy(month.sums.key.bytes, row[2].bytes.ptr, ID_BYTES);
    for (size_t i = 0; i < USAGE_MONTH_CLASSES; i++) {
        month.sums.tokens[i] = row[4 + i].number;
    }
    for (size_t i = 0; i < USAGE_MONTH_UNITS; i++) {
        month.sums.units[i] = units[i].number;
        month.sums.has_units |= units[i].number > 0;
    }
    return reading->row(reading->context, &month);
}

enum err usage_month_read(struct store_txn *txn, struct id account, int64_t month,
                          usage_month_fn *row, void *context, struct fail *fail)
{
    struct usage_month_reading reading = { row, context };
    const struct store_value values[] = { STORE_B(id_str(&account)), STORE_I(month) };
    return store_query(txn, &sql_read, values, 2, usage_month_on_row, &reading, fail);
}

static enum err usage_month_on_key(void *context, const struct store_value *row, size_t columns)
{
    ASSERT(columns == 3);
    *(struct usage_key *)context =
        (struct usage_key){ row[0].number, { row[1].number, row[2].number } };
    return ERR_OK;
}

enum err usage_month_of_key(struct store_txn *txn, struct id account, struct id key,
                            const int64_t months[2], struct usage_key *ret_usage, struct fail *fail)
{
    const struct store_value values[] = { STORE_B(id_str(&account)), STORE_B(id_str(&key)),
                                          STORE_I(months[0]), STORE_I(months[1]) };
    return store_query(txn, &sql_of_key, values, EP_ARRAY_LEN(values), usage_month_on_key,
                       ret_usage, fail);
}
