/*
 * What a device asks itself, with its own key: what time it is, that it was woken, and where to
 * speak (the answer that toys' firmware wants at its start). Nothing that a device says of its own
 * clock, address or version is believed; its key is.
 */
#include <string.h>

#include "base/mem.h"
#include "front/device_order.h"
#include "front/device_view.h"
#include "front/errand.h"
#include "front/errand_work.h"
#include "front/front_internal.h"
#include "gate/auth.h"
#include "gate/reply.h"
#include "ident/device_token.h"
#include "ident/wake.h"
#include "wire/json.h"

#define SELF_OTA         "/v1/devices/ota"
#define SELF_VOICE       "/v1/devices/voice" /* where devices speak */
#define SELF_ANSWER_MAX  ((size_t)4096)
#define SELF_HOST_MAX    255
#define SELF_PROOF_MAX   ((size_t)4096) /* of a body that anybody may send: it has 300 bytes */
#define SELF_ACTIVATE_MS 30000          /* how long a device shows its code before it asks again */

static void self_answer(struct http_exchange *x, int status, const struct jsonw *json)
{
    if (jsonw_err(json) != ERR_OK) {
        errand_refuse(x, ERR_NO_MEMORY);
    } else {
        reply_send(x, status, STR("content-type: application/json\r\n"), buf_str(json->out));
    }
}

/* ---- time ---------------------------------------------------------------------------------- */

void errand_device_time(struct front *front, struct http_exchange *x, struct str path)
{
    (void)path;
    char text[128];
    struct buf out = { text, 0, sizeof(text), sizeof(text) };
    struct jsonw json;
    jsonw_init(&json, &out);
    jsonw_open(&json, '{');
    device_view_time(&json, "server_time", loop_wall_ns(front->loop));
    jsonw_close(&json, '}');
    self_answer(x, 200, &json);
}

/* ---- where to speak ------------------------------------------------------------------------ */

/* A host and a port as a request names them, and nothing that would end up elsewhere in a URL. */
static bool self_host_is_fine(struct str host)
{
    bool fine = host.len > 0 && host.len <= SELF_HOST_MAX;
    for (size_t i = 0; i < host.len && fine; i++) {
        char c = host.ptr[i];
        fine = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '.' || c == ':' || c == '-' || c == '[' || c == ']';
    }
    return fine;
}

/* A device that says which one it is must be the one whose key it shows: by its hardware address or
 * its serial, whichever of them its maker has issued the key for. */
static bool self_is(struct front *front, const struct http1_head *head, const struct device *device)
{
    struct str address = http1_header(head, STR("device-id"));
    struct str serial = http1_header(head, STR("serial-number"));
    bool says = address.len > 0 || serial.len > 0;
    return !says || device_is(front->world.gate.ident, device, address) ||
           device_is(front->world.gate.ident, device, serial);
}

static void self_put_socket(struct jsonw *json, struct http_exchange *x, struct str text)
{
    const struct http1_head *head = http_exchange_head(x);
    char url_text[SELF_HOST_MAX + sizeof("wss://" SELF_VOICE)];
    struct buf url = { url_text, 0, sizeof(url_text), sizeof(url_text) };
    bool tls = http_exchange_tls_name(x).len > 0 ||
               str_eq_nocase(http1_header(head, STR("x-forwarded-proto")), STR("https"));
    EP_IGNORE(buf_printf(&url, "%s://" STR_FMT SELF_VOICE, tls ? "wss" : "ws",
                         STR_ARG(http1_header(head, STR("host"))))); /* fits: it was looked at */
    jsonw_key(json, "websocket");
    jsonw_open(json, '{');
    jsonw_put_str(json, "url", buf_str(&url));
    if (text.len > 0) { /* else a device keeps what it has */
        jsonw_put_str(json, "token", text);
    }
    jsonw_put_int(json, "version", 1);
    jsonw_close(json, '}');
}

/* The device shows the code, and asks /activate until its maker has activated it. */
static void self_put_activation(struct jsonw *json, struct front *front,
                                const struct device *device)
{
    char code[DEVICE_CODE_LEN + 1];
    char id_text[ID_SHOWN_MAX];
    struct buf id = { id_text, 0, sizeof(id_text), sizeof(id_text) };
    device_code(front->world.gate.ident, device, code);
    EP_IGNORE(id_print(&id, STR(IDENT_KEY_PREFIX), device->key.id)); /* fits */
    jsonw_key(json, "activation");
    jsonw_open(json, '{');
    jsonw_put_str(json, "message", str_from(code));
    jsonw_put_str(json, "code", str_from(code));
    jsonw_put_str(json, "challenge", buf_str(&id)); /* its key is the proof, whatever it answers */
    jsonw_put_int(json, "timeout_ms", SELF_ACTIVATE_MS);
    jsonw_close(json, '}');
}

/* What any device is told. False: it is refused. */
static bool self_begin(struct front *front, struct http_exchange *x, struct jsonw *json,
                       struct str token)
{
    if (!self_host_is_fine(http1_header(http_exchange_head(x), STR("host")))) {
        errand_refuse_field(x, STR("host"), STR("The request does not say which host it is for."));
        return false;
    }
    jsonw_open(json, '{');
    device_view_time(json, "server_time", loop_wall_ns(front->loop));
    jsonw_key(json, "firmware"); /* never newer than any: what runs on a device is its maker's */
    jsonw_raw(json, STR("{\"version\":\"0.0.0\",\"url\":\"\"}"));
    self_put_socket(json, x, token);
    return true;
}

/* Each answer has another token, so that what a device speaks by is no older than its start. */
static void self_set_up(struct front *front, struct http_exchange *x, const struct device *device)
{
    char answer[SELF_ANSWER_MAX];
    struct buf out = { answer, 0, sizeof(answer), sizeof(answer) };
    struct jsonw json;
    struct device_token token;
    device_token_make(front->world.gate.ident, device, loop_wall_ns(front->loop), &token);
    jsonw_init(&json, &out);
    if (self_begin(front, x, &json, str_from(token.text))) {
        if (device_activated_ns(device) == 0) {
            self_put_activation(&json, front, device);
        }
        jsonw_close(&json, '}');
        self_answer(x, 200, &json);
    }
    secret_wipe(&token, sizeof(token));
    secret_wipe(answer, sizeof(answer));
}

/* 202: the device is to ask again. */
static void self_activation(struct http_exchange *x, const struct device *device)
{
    bool active = device_activated_ns(device) != 0;
    reply_send(x, active ? 200 : 202, STR("content-type: application/json\r\n"),
               active ? STR("{\"status\":\"active\"}") : STR("{\"status\":\"issued\"}"));
}

/* ---- devices that prove themselves --------------------------------------------------------- */

/* The fleet that the path names: ERR_KEY_UNKNOWN, or it is suspended. */
static enum err self_fleet(const struct front *front, struct str text,
                           const struct fleet **ret_fleet)
{
    struct id id;
    const struct fleet *fleet = id_parse(text, STR(IDENT_FLEET_PREFIX), &id)
                                    ? fleet_find(front->world.gate.ident, id)
                                    : NULL;
    if (fleet == NULL) {
        return ERR_KEY_UNKNOWN;
    }
    *ret_fleet = fleet;
    return client_suspended(fleet->client)  ? ERR_CLIENT_SUSPENDED
           : fleet_suspended_ns(fleet) != 0 ? ERR_FLEET_SUSPENDED
                                            : ERR_OK;
}

/* A device says its serial alone: it is told a challenge, and a token that its answer makes good.
 * Whether there is such a device is told nobody. */
static void self_set_up_unproved(struct front *front, struct http_exchange *x,
                                 const struct fleet *fleet)
{
    char answer[SELF_ANSWER_MAX];
    struct buf out = { answer, 0, sizeof(answer), sizeof(answer) };
    struct jsonw json;
    struct device_challenge challenge;
    int64_t now_ns = loop_wall_ns(front->loop);
    struct str serial = http1_header(http_exchange_head(x), STR("serial-number"));
    if (!device_id_is_fine(serial)) {
        errand_refuse_field(x, STR("serial-number"),
                            STR("A device that proves itself says its serial, as it was issued."));
        return;
    }
    const struct device *device = device_find(front->world.gate.ident, fleet, serial);
    bool proved = device != NULL && device_proved_lately(device, now_ns);
    device_challenge(front->world.gate.ident, fleet, serial, now_ns, &challenge);
    jsonw_init(&json, &out);
    if (self_begin(front, x, &json, proved ? STR_EMPTY : str_from(challenge.token.text))) {
        if (!proved) {
            jsonw_key(&json, "activation");
            jsonw_open(&json, '{');
            jsonw_put_str(&json, "challenge", str_from(challenge.text));
            jsonw_put_int(&json, "timeout_ms", SELF_ACTIVATE_MS);
            jsonw_close(&json, '}');
        }
        jsonw_close(&json, '}');
        self_answer(x, 200, &json);
    }
    secret_wipe(&challenge, sizeof(challenge));
    secret_wipe(answer, sizeof(answer));
}

struct errand_proof {
    struct errand_work work;
    const struct fleet *fleet;
    struct buf body;
    int64_t now_ns;
};

/* A member's text without escapes, or nothing: then no proof holds. */
static struct str proof_member(struct str body, struct str name)
{
    struct str value = json_get(body, name);
    return value.len > 0 && json_kind(value) == JSON_STRING ? json_inside(value) : STR_EMPTY;
}

static void proof_run(struct errand_work *work)
{
    struct errand_proof *asked = EP_CONTAINER(work, struct errand_proof, work);
    struct str body = buf_str(&asked->body);
    struct json_fault fault;
    const struct device *device = NULL;
    if (json_check(body, &fault) != ERR_OK || json_kind(body) != JSON_OBJECT) {
        work->err = ERR_JSON_SYNTAX;
        return;
    }
    const struct device_proof proof = {
        .serial = proof_member(body, STR("serial_number")),
        .challenge = proof_member(body, STR("challenge")),
        .hmac = proof_member(body, STR("hmac")),
    };
    if (!str_eq(proof_member(body, STR("algorithm")), STR("hmac-sha256"))) {
        work->err = ERR_ASK_INVALID;
        errand_work_fault(work, "algorithm", "The algorithm must be hmac-sha256.");
        return;
    }
    work->err = device_prove(work->front->world.gate.ident, asked->fleet, &proof, asked->now_ns,
                             &device, NULL);
    if (work->err == ERR_OK) {
        bool active = device_activated_ns(device) != 0;
        work->status = active ? 200 : 202;
        work->err = buf_append(&work->answer, active ? STR("{\"status\":\"active\"}")
                                                     : STR("{\"status\":\"issued\"}"));
    }
}

static void proof_fini(struct errand_work *work)
{
    buf_fini(&EP_CONTAINER(work, struct errand_proof, work)->body);
}

static void self_prove(struct front *front, struct http_exchange *x, const struct fleet *fleet)
{
    if (http_exchange_body(x).len > SELF_PROOF_MAX) {
        errand_refuse(x, ERR_HTTP_BODY_SIZE);
        return;
    }
    struct errand_proof *asked = mem_zalloc(sizeof(*asked));
    if (asked == NULL) {
        errand_refuse(x, ERR_NO_MEMORY);
        return;
    }
    asked->fleet = fleet;
    asked->now_ns = loop_wall_ns(front->loop);
    asked->work.run = proof_run;
    asked->work.fini = proof_fini;
    http_exchange_take_body(x, &asked->body);
    errand_work_start(front, x, &asked->work, front->world.gate.workers, SELF_ANSWER_MAX);
}

static void self_by_fleet(struct front *front, struct http_exchange *x, struct str text,
                          bool activation)
{
    const struct fleet *fleet = NULL;
    enum err err = self_fleet(front, text, &fleet);
    if (err != ERR_OK) {
        errand_refuse(x, err);
    } else if (activation) {
        self_prove(front, x, fleet);
    } else {
        self_set_up_unproved(front, x, fleet);
    }
}

/* .../ota[/KEY][/activate], .../ota/FLEET[/activate]: firmware can be given a URL, but no header of
 * ours. */
void errand_device_ota(struct front *front, struct http_exchange *x, struct str path)
{
    static const struct str ending = STR_INIT("/activate");
    const struct api_key *key = NULL;
    bool activation = str_ends(path, ending);
    struct str text =
        str_slice(path, sizeof(SELF_OTA) - 1, path.len - (activation ? ending.len : 0));
    text = str_starts(text, STR("/")) ? str_from_at(text, 1) : text;
    if (str_starts(text, STR(IDENT_FLEET_PREFIX))) {
        self_by_fleet(front, x, text, activation);
        return;
    }
    enum err err = text.len > 0 ? auth_device_text(front->gate, text, &key)
                                : auth_find_device(front->gate, x, &text, &key);
    if (err == ERR_OK && !self_is(front, http_exchange_head(x), key->device)) {
        err = ERR_DEVICE_MISMATCH;
    }
    if (err != ERR_OK) {
        errand_refuse(x, err);
    } else if (activation) {
        self_activation(x, key->device);
    } else {
        self_set_up(front, x, key->device);
    }
}

/* ---- wake-ups ------------------------------------------------------------------------------ */

struct errand_wake {
    struct errand_work work;
    const struct device *device;
    struct buf body;
    int64_t now_ns;
};

static enum err wake_answer(struct errand_wake *asked, bool counted)
{
    struct device_wakes wakes;
    struct jsonw json;
    device_wakes(asked->work.front->world.gate.ident, asked->device, asked->now_ns, &wakes);
    jsonw_init(&json, &asked->work.answer);
    jsonw_open(&json, '{');
    jsonw_put_str(&json, "object", STR("device.wake"));
    jsonw_key(&json, "counted");
    jsonw_bool(&json, counted);
    jsonw_put_int(&json, "wakes_day", wakes.today);
    jsonw_put_int(&json, "wakes_total", wakes.total);
    jsonw_put_int(&json, "wake", wakes.seq);
    device_view_time(&json, "server_time", asked->now_ns);
    jsonw_close(&json, '}');
    return jsonw_err(&json);
}

/* Counted at once, and told when it is durable. */
static enum err wake_do(struct errand_wake *asked, struct device_fault *fault, struct fail *fail)
{
    struct ident *ident = asked->work.front->world.gate.ident;
    int64_t seq = 0;
    bool counted = false;
    TRY(device_wake_read(buf_str(&asked->body), &seq, fault, fail));
    TRY(device_wake(ident, asked->device, seq, asked->now_ns, &counted));
    TRY(wake_flush(ident, NULL));
    return wake_answer(asked, counted);
}

static void wake_run(struct errand_work *work)
{
    struct errand_wake *asked = EP_CONTAINER(work, struct errand_wake, work);
    struct device_fault fault = { "" };
    struct fail fail = { .text = "" };
    work->err = wake_do(asked, &fault, &fail);
    if (work->err != ERR_OK) {
        errand_work_fault(work, fault.field, fail.text);
    }
}

static void wake_fini(struct errand_work *work)
{
    buf_fini(&EP_CONTAINER(work, struct errand_wake, work)->body);
}

void errand_device_wake(struct front *front, struct http_exchange *x, struct str name)
{
    const struct api_key *key = NULL;
    struct str text;
    enum err err = auth_find_device(front->gate, x, &text, &key);
    err = err == ERR_OK ? api_key_usable(key, loop_wall_ns(front->loop)) : err;
    if (err == ERR_OK && errand_device_named(front, key->fleet, name) != key->device) {
        err = ERR_DEVICE_MISMATCH;
    }
    if (err != ERR_OK) {
        errand_refuse(x, err);
        return;
    }
    struct errand_wake *asked = mem_zalloc(sizeof(*asked));
    if (asked == NULL) {
        errand_refuse(x, ERR_NO_MEMORY);
        return;
    }
    asked->device = key->device;
    asked->now_ns = loop_wall_ns(front->loop);
    asked->work.run = wake_run;
    asked->work.fini = wake_fini;
    http_exchange_take_body(x, &asked->body);
    errand_work_start(front, x, &asked->work, front->world.gate.workers, SELF_ANSWER_MAX);
}
