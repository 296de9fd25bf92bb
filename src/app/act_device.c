/* The acts on devices of a fleet. */
#include <string.h>

#include "app/acts_internal.h"
#include "base/mem.h"
#include "base/stamp.h"
#include "front/device_issue.h"
#include "ident/forget.h"
#include "ident/wake.h"

#define DEVICE_LIST 1000 /* devices of a page, unless --limit says otherwise */

static const char *const device_columns[] = { "device",  "status",      "market",
                                              "hint",    "created",     "expires",
                                              "consent", "wakes_today", "wakes" };
static const char *const device_shown_columns[] = {
    "device",      "status",        "market",      "hint",        "created",     "expires",
    "consent",     "wakes_today",   "wakes",       "fleet",       "client",      "product",
    "activated",   "code",          "money_day",   "spent_today", "money_total", "spent",
    "calls_day",   "calls_today",   "calls_total", "calls",       "wakes_day",   "wakes_total",
    "seconds_day", "seconds_today",
};
static const char *const device_issued_columns[] = { "device", "key",    "made",
                                                     "status", "market", "expires" };

/* ---- showing ------------------------------------------------------------------------------- */

static void device_put(struct acting *acting, struct sheet *sheet, const struct device *device)
{
    int64_t now_ns = stamp_system_ns();
    bool gone = api_key_forgotten(&device->key);
    const struct device_consent *consent = device_consent(device);
    struct device_wakes wakes;
    device_wakes(acting->world->ident, device, now_ns, &wakes);
    sheet_id(sheet, IDENT_KEY_PREFIX, device->key.id);
    sheet_str(sheet, str_from(device_state_name(device_state(device, now_ns))));
    sheet_str(sheet, gone ? STR_EMPTY : device->key.market);
    sheet_str(sheet, gone ? STR_EMPTY : api_key_hint(&device->key));
    sheet_stamp(sheet, device->key.created_ns);
    sheet_stamp(sheet, device->expires_ns);
    sheet_stamp(sheet, consent == NULL ? 0 : consent->given_ns);
    sheet_int(sheet, wakes.today);
    sheet_int(sheet, wakes.total);
}

/* A budget as its row has it: works beside a running server. */
static const struct store_sql sql_device_budget = {
    "SELECT day_max, CASE WHEN day = ?2 THEN day_spent ELSE 0 END, total_max, total_spent,"
    " day_calls_max, CASE WHEN day = ?2 THEN day_calls ELSE 0 END, total_calls_max, total_calls"
    " FROM budget WHERE key = ?1"
};

#define DEVICE_BUDGET 8 /* its columns: caps, each with what was used of it */

struct device_budget {
    const struct device *device;
    bool found;
    int64_t figures[DEVICE_BUDGET];
};

static enum err device_on_budget(void *context, const struct store_value *row, size_t columns)
{
    struct device_budget *budget = context;
    ASSERT(columns == DEVICE_BUDGET);
    budget->found = true;
    for (size_t i = 0; i < DEVICE_BUDGET; i++) {
        budget->figures[i] = row[i].number;
    }
    return ERR_OK;
}

static enum err device_read_budget(void *context, struct store_txn *txn, struct fail *fail)
{
    struct device_budget *budget = context;
    const struct store_value values[] = { STORE_B(id_str(&budget->device->key.id)),
                                          STORE_I(stamp_day(stamp_system_ns())) };
    return store_query(txn, &sql_device_budget, values, 2, device_on_budget, budget, fail);
}

/* Below zero: none. */
static void device_put_figure(struct sheet *sheet, bool money, int64_t figure)
{
    if (figure < 0) {
        sheet_none(sheet);
    } else if (money) {
        sheet_money(sheet, figure);
    } else {
        sheet_int(sheet, figure);
    }
}

/* Of talk, today. */
static int64_t device_seconds(const struct acting *acting, const struct device *device)
{
    struct device_wakes talk;
    device_wakes(acting->world->ident, device, stamp_system_ns(), &talk);
    return talk.talked_ms / 1000;
}

static enum err device_print(struct acting *acting, const struct device *device)
{
    struct device_budget budget = { .device = device };
    char code[DEVICE_CODE_LEN + 1];
    TRY(store_read(acting->world->store, device_read_budget, &budget, &acting->fail));
    device_code(acting->world->ident, device, code);
    struct sheet sheet;
    sheet_init(&sheet, device_shown_columns, EP_ARRAY_LEN(device_shown_columns));
    device_put(acting, &sheet, device);
    sheet_id(&sheet, IDENT_FLEET_PREFIX, device->key.fleet->id);
    sheet_id(&sheet, IDENT_CLIENT_PREFIX, device->key.client->id);
    sheet_str(&sheet, device->key.product);
    sheet_stamp(&sheet, device_activated_ns(device));
    sheet_str(&sheet, str_from(code));
    for (size_t i = 0; i < DEVICE_BUDGET; i++) {
        device_put_figure(&sheet, i < DEVICE_BUDGET / 2, budget.found ? budget.figures[i] : -1);
    }
    device_put_figure(&sheet, false, device->wakes_max[0]);
    device_put_figure(&sheet, false, device->wakes_max[1]);
    device_put_figure(&sheet, false, device->seconds_max);
    sheet_int(&sheet, device_seconds(acting, device));
    enum err err = sheet_print_one(&sheet, acting->json, acting->out);
    sheet_fini(&sheet);
    return err;
}

/* The device of --device or the third word: its key's id, or, with --fleet, the maker's. */
static enum err acting_device(struct acting *acting, const struct device **ret_device)
{
    struct str text = args_value(acting->args, "device");
    struct id id;
    text = text.len > 0 ? text : args_word(acting->args, 2);
    *ret_device = NULL;
    if (text.len == 0) {
        return FAIL(&acting->fail, ERR_ASK_MISSING, "the device is missing");
    }
    if (id_parse(text, STR(IDENT_KEY_PREFIX), &id)) {
        const struct api_key *key = api_key_find(acting->world->ident, id);
        *ret_device = key == NULL ? NULL : key->device;
    } else if (args_has(acting->args, "fleet")) {
        const struct fleet *fleet = NULL;
        TRY(acting_fleet(acting, &fleet));
        *ret_device = device_find(acting->world->ident, fleet, text);
    } else {
        return FAIL(&acting->fail, ERR_ASK_MISSING,
                    "a device is its key's id (" IDENT_KEY_PREFIX
                    "...), or its maker's with \"--fleet\"");
    }
    if (*ret_device == NULL) {
        acting->remedy = "see \"entrepot device list\"";
        return FAIL(&acting->fail, ERR_NOT_FOUND, "there is no such device");
    }
    return ERR_OK;
}

/* A number from 0 in a flag, or what stands in *number. */
static enum err device_number(struct acting *acting, const char *flag, int64_t *number)
{
    struct str text = args_value(acting->args, flag);
    if (args_has(acting->args, flag) && (!str_to_i64(text, number) || *number < 0)) {
        return FAIL(&acting->fail, ERR_ASK_INVALID, "\"--%s\" is a number, not \"" STR_FMT "\"",
                    flag, STR_ARG(text));
    }
    return ERR_OK;
}

enum err act_device_list(struct acting *acting)
{
    const struct device *page[64];
    const struct fleet *fleet = NULL;
    int64_t from = 0;
    int64_t limit = DEVICE_LIST;
    TRY(acting_fleet(acting, &fleet));
    TRY(device_number(acting, "from", &from));
    TRY(device_number(acting, "limit", &limit));
    struct sheet sheet;
    sheet_init(&sheet, device_columns, EP_ARRAY_LEN(device_columns));
    while (limit > 0) {
        size_t most = limit < (int64_t)EP_ARRAY_LEN(page) ? (size_t)limit : EP_ARRAY_LEN(page);
        size_t count = devices_list(acting->world->ident, fleet, from, most, page);
        for (size_t i = 0; i < count; i++) {
            device_put(acting, &sheet, page[i]);
        }
        from += (int64_t)count;
        limit = count == 0 ? 0 : limit - (int64_t)count;
    }
    enum err err = sheet_print(&sheet, acting->json, acting->out);
    sheet_fini(&sheet);
    return err;
}

enum err act_device_show(struct acting *acting)
{
    const struct device *device = NULL;
    TRY(acting_device(acting, &device));
    return device_print(acting, device);
}

enum err act_device_revoke(struct acting *acting)
{
    const struct device *device = NULL;
    TRY(acting_device(acting, &device));
    TRY(device_revoke(acting->world->ident, device, stamp_system_ns(), &acting->fail));
    return device_print(acting, device);
}

enum err act_device_activate(struct acting *acting)
{
    const struct device *device = NULL;
    TRY(acting_device(acting, &device));
    TRY(device_activate(acting->world->ident, device, stamp_system_ns(), &acting->fail));
    return device_print(acting, device);
}

/* ---- issuing ------------------------------------------------------------------------------- */

static enum err device_read_order(struct acting *acting, const struct fleet *fleet,
                                  struct device_order *order)
{
    *order = (struct device_order){ .inactive = args_has(acting->args, "inactive"),
                                    .rotate = args_has(acting->args, "rotate") };
    memcpy(order->caps, fleet->caps, sizeof(order->caps));
    TRY(acting_need(acting, "device", &order->id));
    TRY(acting_caps(acting, order->caps));
    order->reference = args_value(acting->args, "consent");
    if (order->reference.len > 0) {
        TRY(acting_time(acting, "given", &order->given_ns));
    }
    return args_has(acting->args, "expires") ? acting_time(acting, "expires", &order->expires_ns)
                                             : ERR_OK;
}

static enum err device_print_issued(struct acting *acting, const struct device_order *order)
{
    const struct device *device = order->device;
    struct sheet sheet;
    sheet_init(&sheet, device_issued_columns, EP_ARRAY_LEN(device_issued_columns));
    sheet_id(&sheet, IDENT_KEY_PREFIX, device->key.id);
    if (order->has_text) {
        sheet_str(&sheet, str_from(order->text.text));
    } else {
        sheet_none(&sheet);
    }
    sheet_str(&sheet, order->made ? STR("yes") : STR("no"));
    sheet_str(&sheet, str_from(device_state_name(device_state(device, stamp_system_ns()))));
    sheet_str(&sheet, device->key.market);
    sheet_stamp(&sheet, device->expires_ns);
    enum err err = sheet_print_one(&sheet, acting->json, acting->out);
    sheet_fini(&sheet);
    return err;
}

enum err act_device_issue(struct acting *acting)
{
    const struct fleet *fleet = NULL;
    struct device_order order;
    TRY(acting_fleet(acting, &fleet));
    TRY(device_read_order(acting, fleet, &order));
    struct devices_issue issue = {
        .fleet = fleet, .orders = &order, .count = 1, .now_ns = stamp_system_ns()
    };
    const struct world *world = acting->world;
    const struct device_issue with = { world->ident, world->ledger, world->review };
    enum err err = device_issue_run(&with, &issue, &acting->fail);
    err = err == ERR_OK ? device_print_issued(acting, &order) : err;
    secret_wipe(&order.text, sizeof(order.text));
    return err;
}
