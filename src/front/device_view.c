#include "front/device_view.h"

#include "base/enc.h"
#include "base/money.h"
#include "base/stamp.h"
#include "ident/device_token.h"
#include "ident/wake.h"
#include "ledger/ledger.h"

#define VIEW_MS_PER_SEC 1000

static void view_put_null(struct jsonw *json, const char *key)
{
    jsonw_key(json, key);
    jsonw_null(json);
}

/* 0: there is none. */
static void view_put_time(struct jsonw *json, const char *key, int64_t ns)
{
    char text[40];
    struct buf at = { text, 0, sizeof(text), sizeof(text) };
    if (ns == 0) {
        view_put_null(json, key);
        return;
    }
    EP_IGNORE(stamp_print(&at, ns)); /* fits */
    jsonw_put_str(json, key, buf_str(&at));
}

/* Below zero: no cap, or nothing is counted. Money is a decimal number, exact. */
static void view_put_cap(struct jsonw *json, enum fleet_cap cap, int64_t value)
{
    char text[40];
    struct buf money = { text, 0, sizeof(text), sizeof(text) };
    if (value < 0) {
        view_put_null(json, fleet_cap_name(cap));
    } else if (cap <= FLEET_MONEY_TOTAL) {
        EP_IGNORE(money_print(&money, value, 9, 0)); /* fits */
        jsonw_key(json, fleet_cap_name(cap));
        jsonw_raw(json, buf_str(&money));
    } else {
        jsonw_put_int(json, fleet_cap_name(cap), value);
    }
}

static void view_put_caps(struct jsonw *json, const char *key, const int64_t caps[FLEET_CAPS])
{
    jsonw_key(json, key);
    jsonw_open(json, '{');
    for (int i = 0; i < FLEET_CAPS; i++) {
        view_put_cap(json, (enum fleet_cap)i, caps[i]);
    }
    jsonw_close(json, '}');
}

/* What the device may use and has used. */
static void view_put_usage(struct jsonw *json, const struct device_view *view)
{
    struct device_wakes wakes;
    struct budget_view money = { .max = { BUDGET_NONE, BUDGET_NONE, BUDGET_NONE },
                                 .calls_max = { BUDGET_NONE, BUDGET_NONE, BUDGET_NONE } };
    struct budget *budget = ledger_budget(view->ledger, view->device->key.id);
    device_wakes(view->ident, view->device, view->now_ns, &wakes);
    if (budget != NULL) {
        budget_look(budget, view->now_ns, &money);
    }
    const int64_t none = budget == NULL ? FLEET_CAP_NONE : 0; /* without a cap nothing is counted */
    const int64_t caps[FLEET_CAPS] = {
        [FLEET_MONEY_DAY] = money.max[BUDGET_DAY],
        [FLEET_MONEY_TOTAL] = money.max[BUDGET_TOTAL],
        [FLEET_CALLS_DAY] = money.calls_max[BUDGET_DAY],
        [FLEET_CALLS_TOTAL] = money.calls_max[BUDGET_TOTAL],
        [FLEET_WAKES_DAY] = wakes.today_max,
        [FLEET_WAKES_TOTAL] = wakes.total_max,
        [FLEET_SECONDS_DAY] = wakes.seconds_max,
    };
    const int64_t used[FLEET_CAPS] = {
        [FLEET_MONEY_DAY] = none + money.spent[BUDGET_DAY],
        [FLEET_MONEY_TOTAL] = none + money.spent[BUDGET_TOTAL],
        [FLEET_CALLS_DAY] = none + money.calls[BUDGET_DAY],
        [FLEET_CALLS_TOTAL] = none + money.calls[BUDGET_TOTAL],
        [FLEET_WAKES_DAY] = wakes.today,
        [FLEET_WAKES_TOTAL] = wakes.total,
        [FLEET_SECONDS_DAY] = wakes.talked_ms / VIEW_MS_PER_SEC,
    };
    view_put_caps(json, "caps", caps);
    view_put_caps(json, "used", used);
    view_put_time(json, "day_ends", wakes.resets_ns);
}

static void view_put_consent(struct jsonw *json, const struct device_view *view)
{
    char text[2 * DIGEST_BYTES];
    struct buf hex = { text, 0, sizeof(text), sizeof(text) };
    const struct device_consent *consent = device_consent(view->device);
    if (consent == NULL) {
        view_put_null(json, "consent");
        return;
    }
    EP_IGNORE(enc_hex(&hex, consent->hash.bytes, DIGEST_BYTES)); /* fits exactly */
    jsonw_key(json, "consent");
    jsonw_open(json, '{');
    if (view->reference.len > 0) {
        jsonw_put_str(json, "reference", view->reference);
    }
    jsonw_put_str(json, "sha256", buf_str(&hex));
    view_put_time(json, "given", consent->given_ns);
    jsonw_close(json, '}');
}

void device_view_time(struct jsonw *json, const char *key, int64_t now_ns)
{
    jsonw_key(json, key);
    jsonw_open(json, '{');
    jsonw_put_int(json, "timestamp", now_ns / STAMP_NS_PER_MS);
    jsonw_put_int(json, "timezone_offset", 0);
    jsonw_close(json, '}');
}

void device_view_write(struct jsonw *json, const struct device_view *view)
{
    const struct device *device = view->device;
    char id_text[ID_SHOWN_MAX];
    char code[DEVICE_CODE_LEN + 1];
    struct buf id = { id_text, 0, sizeof(id_text), sizeof(id_text) };
    EP_IGNORE(id_print(&id, STR(IDENT_KEY_PREFIX), device->key.id)); /* fits */
    enum device_state state = device_state(device, view->now_ns);
    jsonw_open(json, '{');
    jsonw_put_str(json, "object", STR("device"));
    jsonw_put_str(json, "id", buf_str(&id));
    jsonw_put_str(json, "status", str_from(device_state_name(state)));
    if (view->told) {
        jsonw_key(json, "made");
        jsonw_bool(json, view->made);
    }
    if (view->text.len > 0) {
        jsonw_put_str(json, "key", view->text);
    }
    if (view->proof) {
        char proof[DEVICE_PROOF_LEN + 1];
        device_proof_key(view->ident, device, proof);
        jsonw_put_str(json, "proof_key", str_from(proof));
        secret_wipe(proof, sizeof(proof));
    }
    jsonw_put_str(json, "key_hint", api_key_hint(&device->key));
    jsonw_put_str(json, "market", device->key.market);
    view_put_time(json, "created", device->key.created_ns);
    view_put_time(json, "activated", device_activated_ns(device));
    view_put_time(json, "expires", device->expires_ns);
    view_put_time(json, "revoked", api_key_revoked_ns(&device->key));
    if (state == DEVICE_ISSUED) {
        device_code(view->ident, device, code);
        jsonw_put_str(json, "code", str_from(code));
    }
    view_put_consent(json, view);
    view_put_usage(json, view);
    device_view_time(json, "server_time", view->now_ns);
    jsonw_close(json, '}');
}
