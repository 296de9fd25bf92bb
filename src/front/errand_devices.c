/*
 * What a maker's systems ask with a fleet's issuing secret: devices are issued, listed, looked at,
 * revoked, activated, and their consents recorded. All of it waits for the store, or reads rows,
 * and is done on a worker's thread.
 */
#include <string.h>

#include "base/mem.h"
#include "base/stamp.h"
#include "front/device_issue.h"
#include "front/device_order.h"
#include "front/device_view.h"
#include "front/errand.h"
#include "front/errand_work.h"
#include "front/front_internal.h"
#include "gate/auth.h"
#include "ident/ident.h"
#include "wire/url.h"

#define DEVICES_PATH       "/v1/devices/"
#define DEVICES_BODY_MAX   ((size_t)1 << 20) /* DEVICES_ISSUE_MAX orders of a kilobyte */
#define DEVICES_ANSWER_MAX ((size_t)4 << 20) /* DEVICES_ISSUE_MAX devices, of a kilobyte each */
#define DEVICES_ARENA      4096
#define DEVICES_ARENA_MAX  ((size_t)4 << 20)
#define DEVICES_PAGE       100 /* of a list, unless it says otherwise */

struct errand_devices {
    struct errand_work work;
    const struct fleet *fleet;
    const struct device *device; /* of the path; NULL: none is named */
    struct buf body;             /* the request's: the exchange is its loop's */
    struct arena arena;
    struct jsonw json;
    struct fail fail;
    struct device_fault fault;
    int64_t from; /* of a list */
    size_t limit;
    int64_t now_ns;
};

/* ---- on the worker's thread ---------------------------------------------------------------- */

static const struct gate_world *devices_world(const struct errand_devices *asked)
{
    return &asked->work.front->world.gate;
}

static struct device_view devices_view(const struct errand_devices *asked,
                                       const struct device *device)
{
    return (struct device_view){
        .ident = devices_world(asked)->ident,
        .ledger = devices_world(asked)->ledger,
        .device = device,
        .now_ns = asked->now_ns,
    };
}

/* The device that the path names, with its consent's reference, which stands in a row. */
static enum err devices_put_one(struct errand_devices *asked)
{
    char text[DEVICE_REFERENCE_MAX];
    struct buf reference = { text, 0, sizeof(text), sizeof(text) };
    bool given = false;
    struct device_view view = devices_view(asked, asked->device);
    TRY(device_reference(view.ident, asked->device, &reference, &given, &asked->fail));
    view.reference = given ? buf_str(&reference) : STR_EMPTY;
    device_view_write(&asked->json, &view);
    return jsonw_err(&asked->json);
}

static enum err devices_list_run(struct errand_devices *asked)
{
    const struct device *devices[DEVICES_ISSUE_MAX];
    struct jsonw *json = &asked->json;
    size_t count =
        devices_list(devices_world(asked)->ident, asked->fleet, asked->from, asked->limit, devices);
    int64_t next = asked->from + (int64_t)count;
    bool more = next < fleet_devices(asked->fleet);
    jsonw_open(json, '{');
    jsonw_put_str(json, "object", STR("list"));
    jsonw_key(json, "data");
    jsonw_open(json, '[');
    for (size_t i = 0; i < count; i++) {
        const struct device_view view = devices_view(asked, devices[i]);
        device_view_write(json, &view);
    }
    jsonw_close(json, ']');
    jsonw_key(json, "has_more");
    jsonw_bool(json, more);
    jsonw_key(json, "next");
    if (more) {
        jsonw_int(json, next);
    } else {
        jsonw_null(json);
    }
    jsonw_put_int(json, "total", fleet_devices(asked->fleet));
    jsonw_close(json, '}');
    return jsonw_err(json);
}

/* An issued device, with its key if it got one now. */
static void devices_put_issued(struct errand_devices *asked, const struct device_order *order)
{
    struct device_view view = devices_view(asked, order->device);
    view.told = true;
    view.made = order->made;
    view.proof = order->proof;
    view.text = order->has_text ? str_from(order->text.text) : STR_EMPTY;
    device_view_write(&asked->json, &view);
}

static enum err devices_put_all(struct errand_devices *asked, const struct devices_issue *issue,
                                bool list)
{
    struct jsonw *json = &asked->json;
    bool made = false;
    if (list) {
        jsonw_open(json, '{');
        jsonw_put_str(json, "object", STR("list"));
        jsonw_key(json, "data");
        jsonw_open(json, '[');
    }
    for (size_t i = 0; i < issue->count; i++) {
        devices_put_issued(asked, &issue->orders[i]);
        made = made || issue->orders[i].made;
    }
    if (list) {
        jsonw_close(json, ']');
        jsonw_close(json, '}');
    }
    asked->work.status = made ? 201 : 200;
    return jsonw_err(json);
}

static enum err devices_issue_run(struct errand_devices *asked)
{
    struct devices_issue issue = { .fleet = asked->fleet, .now_ns = asked->now_ns };
    const struct device_issue with = { devices_world(asked)->ident, devices_world(asked)->ledger,
                                       devices_world(asked)->review };
    bool list = false;
    TRY(device_orders_read(buf_str(&asked->body), asked->fleet, &asked->arena, &issue.orders,
                           &issue.count, &list, &asked->fault, &asked->fail));
    enum err err = device_issue_run(&with, &issue, &asked->fail);
    if (err == ERR_OK) {
        err = devices_put_all(asked, &issue, list);
    } else if (issue.field != NULL) {
        struct buf field = { asked->fault.field, 0, DEVICE_FIELD_MAX - 1, DEVICE_FIELD_MAX - 1 };
        EP_IGNORE(list ? buf_printf(&field, "devices[%zu].%s", issue.fault, issue.field)
                       : buf_append(&field, str_from(issue.field))); /* our own names: they fit */
        asked->fault.field[field.len] = '\0';
    }
    for (size_t i = 0; i < issue.count; i++) {
        secret_wipe(&issue.orders[i].text, sizeof(issue.orders[i].text));
    }
    return err;
}

static enum err devices_revoke_run(struct errand_devices *asked)
{
    enum err err =
        device_revoke(devices_world(asked)->ident, asked->device, asked->now_ns, &asked->fail);
    return err == ERR_OK || err == ERR_DEVICE_REVOKED ? devices_put_one(asked) : err;
}

static enum err devices_consent_run(struct errand_devices *asked)
{
    struct str reference = STR_EMPTY;
    int64_t given_ns = 0;
    TRY(device_consent_read(buf_str(&asked->body), &asked->arena, &reference, &given_ns,
                            &asked->fault, &asked->fail));
    const char *field = NULL;
    const struct device_consent_order order = { reference, given_ns, asked->now_ns };
    enum err err = device_set_consent(devices_world(asked)->ident, asked->device, &order, &field,
                                      &asked->fail);
    if (field != NULL) {
        const char *name = field + sizeof("consent.") - 1; /* here it is no part of an order */
        memcpy(asked->fault.field, name, strlen(name) + 1);
    }
    return err == ERR_OK ? devices_put_one(asked) : err;
}

/* With a code, who activates has shown that the device is in somebody's hand. */
static enum err devices_activate_run(struct errand_devices *asked)
{
    char code[DEVICE_CODE_LEN + 1];
    struct str said = STR_EMPTY;
    struct ident *ident = devices_world(asked)->ident;
    TRY(device_code_read(buf_str(&asked->body), &asked->arena, &said, &asked->fault, &asked->fail));
    device_code(ident, asked->device, code);
    if (said.len > 0 && !str_eq(said, str_from(code))) {
        memcpy(asked->fault.field, "code", sizeof("code"));
        return FAIL(&asked->fail, ERR_ASK_INVALID, "This is not the device's code.");
    }
    TRY(device_activate(ident, asked->device, asked->now_ns, &asked->fail));
    return devices_put_one(asked);
}

/* ---- on the loop's thread ------------------------------------------------------------------ */

struct devices_act {
    struct str verb; /* behind the device's id; empty: none */
    enum http1_method method;
    enum err (*run)(struct errand_devices *asked);
};

static const struct devices_act devices_issue_act = { STR_INIT(""), HTTP1_POST, devices_issue_run };
static const struct devices_act devices_list_act = { STR_INIT(""), HTTP1_GET, devices_list_run };
static const struct devices_act devices_acts[] = {
    { STR_INIT(""), HTTP1_GET, devices_put_one },
    { STR_INIT("revoke"), HTTP1_POST, devices_revoke_run },
    { STR_INIT("consent"), HTTP1_POST, devices_consent_run },
    { STR_INIT("activate"), HTTP1_POST, devices_activate_run },
};

struct devices_work {
    struct errand_devices asked; /* first */
    enum err (*run)(struct errand_devices *asked);
};

static void devices_run(struct errand_work *work)
{
    struct errand_devices *asked = EP_CONTAINER(work, struct errand_devices, work);
    const struct devices_work *whole = EP_CONTAINER(asked, struct devices_work, asked);
    jsonw_init(&asked->json, &work->answer);
    work->err = whole->run(asked);
    if (work->err != ERR_OK) {
        errand_work_fault(work, asked->fault.field, asked->fail.text);
    }
}

static void devices_fini(struct errand_work *work)
{
    struct errand_devices *asked = EP_CONTAINER(work, struct errand_devices, work);
    if (work->answer.len > 0) {
        secret_wipe(work->answer.ptr, work->answer.len); /* keys are shown once */
    }
    arena_fini(&asked->arena);
    buf_fini(&asked->body);
}

static void devices_start(struct front *front, struct http_exchange *x,
                          const struct devices_act *act, const struct errand_devices *asked)
{
    if (http_exchange_body(x).len > DEVICES_BODY_MAX) {
        errand_refuse(x, ERR_HTTP_BODY_SIZE);
        return;
    }
    struct devices_work *work = mem_zalloc(sizeof(*work));
    if (work == NULL) {
        errand_refuse(x, ERR_NO_MEMORY);
        return;
    }
    work->asked = *asked;
    work->run = act->run;
    work->asked.now_ns = loop_wall_ns(front->loop);
    work->asked.work.run = devices_run;
    work->asked.work.fini = devices_fini;
    arena_init(&work->asked.arena, DEVICES_ARENA, DEVICES_ARENA_MAX);
    http_exchange_take_body(x, &work->asked.body);
    errand_work_start(front, x, &work->asked.work, front->world.gate.workers, DEVICES_ANSWER_MAX);
}

/* A whole number of the query, or `fallback` where it says none; false: it makes no sense. */
static bool devices_query(struct str query, struct str name, int64_t fallback, int64_t max,
                          int64_t *ret_number)
{
    char text[24];
    struct buf value = { text, 0, sizeof(text), sizeof(text) };
    *ret_number = fallback;
    if (!url_query(query, name, &value)) {
        return str_search(query, name) == query.len; /* it is there, and cannot be read */
    }
    return str_to_i64(buf_str(&value), ret_number) && *ret_number >= 0 && *ret_number <= max;
}

void errand_devices_list(struct front *front, struct http_exchange *x, struct str path)
{
    (void)path;
    const struct api_key *key = NULL;
    struct errand_devices asked = { .limit = DEVICES_PAGE };
    struct str query;
    int64_t limit = 0;
    EP_IGNORE(url_target_path(http_exchange_head(x)->target, &query).len); /* the query is meant */
    enum err err = auth_find_issuer(front->gate, x, &key);
    if (err != ERR_OK) {
        errand_refuse(x, err);
        return;
    }
    if (!devices_query(query, STR("limit"), DEVICES_PAGE, DEVICES_ISSUE_MAX, &limit) ||
        limit == 0) {
        errand_refuse_field(x, STR("limit"), STR("A page has 1 to 1000 devices."));
        return;
    }
    if (!devices_query(query, STR("from"), 0, INT64_MAX, &asked.from)) {
        errand_refuse_field(x, STR("from"), STR("This is the \"next\" of the page before."));
        return;
    }
    asked.fleet = key->fleet;
    asked.limit = (size_t)limit;
    devices_start(front, x, &devices_list_act, &asked);
}

void errand_devices_issue(struct front *front, struct http_exchange *x, struct str path)
{
    (void)path;
    const struct api_key *key = NULL;
    enum err err = auth_find_issuer(front->gate, x, &key);
    if (err != ERR_OK) {
        errand_refuse(x, err);
        return;
    }
    const struct errand_devices asked = { .fleet = key->fleet };
    devices_start(front, x, &devices_issue_act, &asked);
}

/* "KT-000123", also as "KT%2D000123", or the id of its key. NULL: the fleet has none of it. */
const struct device *errand_device_named(struct front *front, const struct fleet *fleet,
                                         struct str name)
{
    char query_text[4 * DEVICE_ID_MAX];
    char id_text[DEVICE_ID_MAX];
    struct buf query = { query_text, 0, sizeof(query_text), sizeof(query_text) };
    struct buf id = { id_text, 0, sizeof(id_text), sizeof(id_text) };
    struct id number;
    if (buf_printf(&query, "id=" STR_FMT, STR_ARG(name)) != ERR_OK ||
        !url_query(buf_str(&query), STR("id"), &id)) {
        return NULL;
    }
    if (!id_parse(buf_str(&id), STR(IDENT_KEY_PREFIX), &number)) {
        return device_find(front->world.gate.ident, fleet, buf_str(&id));
    }
    const struct api_key *key = api_key_find(front->world.gate.ident, number);
    return key != NULL && key->fleet == fleet ? key->device : NULL;
}

void errand_device(struct front *front, struct http_exchange *x, struct str path)
{
    const struct api_key *key = NULL;
    struct str verb = str_from_at(path, sizeof(DEVICES_PATH) - 1);
    struct str name = str_cut(&verb, '/');
    enum http1_method method = http_exchange_head(x)->method;
    method = method == HTTP1_HEAD ? HTTP1_GET : method;
    if (str_eq(verb, STR("wake")) && method == HTTP1_POST) {
        errand_device_wake(front, x, name);
        return;
    }
    const struct devices_act *act = NULL;
    for (size_t i = 0; i < EP_ARRAY_LEN(devices_acts) && act == NULL; i++) {
        bool fits = str_eq(verb, devices_acts[i].verb) && devices_acts[i].method == method;
        act = fits ? &devices_acts[i] : NULL;
    }
    if (act == NULL) {
        errand_refuse(x, ERR_HTTP_PATH);
        return;
    }
    enum err err = auth_find_issuer(front->gate, x, &key);
    struct errand_devices asked = { .fleet = err == ERR_OK ? key->fleet : NULL };
    asked.device = err == ERR_OK ? errand_device_named(front, asked.fleet, name) : NULL;
    if (asked.device == NULL) {
        errand_refuse(x, err == ERR_OK ? ERR_NOT_FOUND : err);
        return;
    }
    devices_start(front, x, act, &asked);
}
