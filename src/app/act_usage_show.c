/* What a client used in a month, by key and model. */
#include <string.h>

#include "app/acts_internal.h"
#include "base/stamp.h"
#include "ledger/usage_month.h"
#include "meter/usage.h"

/* Of the input, what was read from an upstream's cache and what was written to it; of the output,
 * reasoning. */
static const char *const month_columns[] = { "key",      "model",     "calls",  "amount",
                                             "currency", "input",     "cached", "written",
                                             "output",   "reasoning", "units" };

#define MONTH_UNITS_MAX 320 /* eight names and numbers */

struct month_asking {
    struct sheet sheet;
    struct id account;
    int64_t month;
    size_t rows;
};

/* Classes that follow each other in the table. */
static int64_t month_tokens(const struct usage_month *row, enum usage_class first,
                            enum usage_class last)
{
    int64_t sum = 0;
    for (unsigned i = first; i <= (unsigned)last; i++) {
        sum += row->sums.tokens[i];
    }
    return sum;
}

/* "image 3, search_unit 1": what is no token. */
static void month_put_units(struct sheet *sheet, const struct usage_month *row)
{
    char text[MONTH_UNITS_MAX];
    struct buf units = { text, 0, sizeof(text), sizeof(text) };
    for (size_t i = 0; row->sums.has_units && i < USAGE_MONTH_UNITS; i++) {
        if (row->sums.units[i] != 0) {
            EP_IGNORE(buf_printf(&units, "%s%s %lld", units.len == 0 ? "" : ", ",
                                 usage_month_unit(i),
                                 (long long)row->sums.units[i])); /* eight fit */
        }
    }
    if (units.len == 0) {
        sheet_none(sheet);
    } else {
        sheet_str(sheet, buf_str(&units));
    }
}

static enum err month_on_row(void *context, const struct usage_month *row)
{
    static const struct id none = { { 0 } };
    struct month_asking *asking = context;
    struct sheet *sheet = &asking->sheet;
    if (memcmp(row->sums.key.bytes, none.bytes, ID_BYTES) == 0) {
        sheet_none(sheet); /* of before months were kept */
    } else {
        sheet_id(sheet, IDENT_KEY_PREFIX, row->sums.key);
    }
    if (row->sums.model.len == 0) {
        sheet_none(sheet);
    } else {
        sheet_str(sheet, row->sums.model);
    }
    sheet_int(sheet, row->calls);
    sheet_money(sheet, row->amount);
    sheet_str(sheet, row->currency);
    sheet_int(sheet, month_tokens(row, USAGE_IN, USAGE_CACHED_IMAGE));
    sheet_int(sheet, row->sums.tokens[USAGE_CACHED] +
                         month_tokens(row, USAGE_CACHED_AUDIO, USAGE_CACHED_IMAGE));
    sheet_int(sheet, month_tokens(row, USAGE_W5M, USAGE_WX));
    sheet_int(sheet, month_tokens(row, USAGE_OUT, USAGE_OUT_IMAGE));
    sheet_int(sheet, row->sums.tokens[USAGE_REASON]);
    month_put_units(sheet, row);
    asking->rows++;
    return ERR_OK;
}

static enum err month_read(void *context, struct store_txn *txn, struct fail *fail)
{
    struct month_asking *asking = context;
    return usage_month_read(txn, asking->account, asking->month, month_on_row, asking, fail);
}

static enum err month_asked(struct acting *acting, int64_t *ret_month)
{
    struct str text = args_value(acting->args, "month");
    if (text.len == 0) {
        *ret_month = stamp_month(stamp_system_ns());
        return ERR_OK;
    }
    if (!stamp_parse_month(text, ret_month)) {
        return FAIL(&acting->fail, ERR_ASK_INVALID, "\"" STR_FMT "\" is no month such as 2026-11",
                    STR_ARG(text));
    }
    return ERR_OK;
}

enum err act_usage_show(struct acting *acting)
{
    struct month_asking asking = { .rows = 0 };
    const struct client *client = NULL;
    TRY(acting_client(acting, &client));
    TRY(month_asked(acting, &asking.month));
    asking.account = client->account;
    sheet_init(&asking.sheet, month_columns, EP_ARRAY_LEN(month_columns));
    enum err err = store_read(acting->world->store, month_read, &asking, &acting->fail);
    if (err == ERR_OK && asking.rows == 0 && !acting->json) {
        err = buf_append(acting->out, STR("nothing was used in that month\n"));
    } else if (err == ERR_OK) {
        err = sheet_print(&asking.sheet, acting->json, acting->out);
    }
    sheet_fini(&asking.sheet);
    return err;
}
