#include "batch/batch_line.h"

#include "wire/json.h"
#include "wire/jsonw.h"

/* ---- reading ----------------------------------------------------------------------------- */

struct line_members {
    struct str custom_id;
    struct str method;
    struct str url;
    struct str body;
    struct str params;
};

static bool line_bad(struct batch_fault *fault, const char *code, const char *param,
                     const char *message)
{
    *fault = (struct batch_fault){ code, param, message };
    return false;
}

static struct str *line_member(struct line_members *members, enum batch_shape shape, struct str key)
{
    bool openai = shape == BATCH_OPENAI;
    if (json_key_is(key, STR("custom_id"))) {
        return &members->custom_id;
    }
    if (openai && json_key_is(key, STR("method"))) {
        return &members->method;
    }
    if (openai && json_key_is(key, STR("url"))) {
        return &members->url;
    }
    if (openai && json_key_is(key, STR("body"))) {
        return &members->body;
    }
    return !openai && json_key_is(key, STR("params")) ? &members->params : NULL;
}

static bool line_members(enum batch_shape shape, struct str line, struct line_members *members,
                         struct batch_fault *fault)
{
    struct json_fault place;
    struct json_member member;
    struct str text = json_trim(line);
    if (json_check(text, &place) != ERR_OK || json_kind(text) != JSON_OBJECT) {
        return line_bad(fault, "invalid_json_line", NULL, "The line is no JSON object.");
    }
    struct str rest = json_inside(text);
    const char *wrong = NULL;
    while (json_next_member(&rest, &member)) {
        struct str *place_of = line_member(members, shape, member.key);
        if (place_of == NULL) {
            wrong = "A line has no other members than custom_id, method, url and body.";
        } else if (place_of->len > 0) {
            wrong = "A member stands in the line twice.";
        } else {
            *place_of = member.value;
        }
    }
    if (wrong != NULL && shape == BATCH_ANTHROPIC) {
        wrong = "A request has the members custom_id and params, once each, and no others.";
    }
    return wrong == NULL ? true : line_bad(fault, "invalid_line", NULL, wrong);
}

/* Anthropic's are plain: what has an escape is none. */
static bool line_is_plain(struct str inside)
{
    for (size_t i = 0; i < inside.len; i++) {
        char c = inside.ptr[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                     c == '_' || c == '-';
        if (!plain) {
            return false;
        }
    }
    return inside.len >= 1 && inside.len <= 64;
}

static bool line_custom_id(enum batch_shape shape, struct str value, struct batch_ask *ask,
                           struct batch_fault *fault)
{
    char text[BATCH_CUSTOM_ID_MAX];
    struct buf decoded = { text, 0, sizeof(text), sizeof(text) };
    if (value.len == 0) {
        return line_bad(fault, "missing_required_parameter", "custom_id",
                        "A line needs a custom_id, by which its result is known again.");
    }
    bool fine = json_kind(value) == JSON_STRING && value.len > 2 && json_decode(value, &decoded);
    if (shape == BATCH_ANTHROPIC) {
        fine = fine && line_is_plain(str_slice(value, 1, value.len - 1));
    }
    if (!fine) {
        return line_bad(fault, "invalid_custom_id", "custom_id",
                        shape == BATCH_ANTHROPIC
                            ? "A custom_id is 1 to 64 letters, digits, _ and -."
                            : "A custom_id is a text of 1 to 512 bytes.");
    }
    ask->custom_id = value;
    return true;
}

static bool line_body(struct str body, const char *param, struct batch_ask *ask,
                      struct batch_fault *fault)
{
    if (body.len == 0) {
        return line_bad(fault, "missing_required_parameter", param,
                        "A line needs the request that it asks for.");
    }
    if (json_kind(body) != JSON_OBJECT) {
        return line_bad(fault, "invalid_body", param, "A request is a JSON object.");
    }
    struct str stream = json_get(body, STR("stream"));
    if (stream.len > 0 && json_kind(stream) != JSON_FALSE && json_kind(stream) != JSON_NULL) {
        return line_bad(fault, "stream_not_supported", "stream",
                        "Results of a batch come whole: leave \"stream\" out.");
    }
    ask->body = body;
    return true;
}

bool batch_line_read(enum batch_shape shape, struct str endpoint, struct str line,
                     struct batch_ask *ret_ask, struct batch_fault *ret_fault)
{
    struct line_members members = { .custom_id = STR_EMPTY };
    *ret_ask = (struct batch_ask){ .body = STR_EMPTY };
    if (!line_members(shape, line, &members, ret_fault) ||
        !line_custom_id(shape, members.custom_id, ret_ask, ret_fault)) {
        return false;
    }
    if (shape == BATCH_ANTHROPIC) {
        return line_body(members.params, "params", ret_ask, ret_fault);
    }
    if (!json_string_is(members.method, STR("POST"))) {
        return line_bad(ret_fault, "invalid_method", "method", "The method of a line is \"POST\".");
    }
    if (!json_string_is(members.url, endpoint)) {
        return line_bad(ret_fault, "invalid_url", "url",
                        "The url of a line is the endpoint of its batch.");
    }
    return line_body(members.body, "body", ret_ask, ret_fault);
}

/* ---- results ----------------------------------------------------------------------------- */

static void result_begin(struct jsonw *json, const struct batch_result *result)
{
    char text[ID_SHOWN_MAX];
    char name[64];
    struct buf id = { text, 0, sizeof(text), sizeof(text) };
    struct buf request = { name, 0, sizeof(name), sizeof(name) };
    jsonw_open(json, '{');
    if (result->shape == BATCH_OPENAI) {
        EP_IGNORE(id_print(&id, STR_EMPTY, result->batch)); /* fits */
        EP_IGNORE(buf_printf(&request, "batch_req_" STR_FMT "_%lld", STR_ARG(buf_str(&id)),
                             (long long)result->line)); /* fits */
        jsonw_put_str(json, "id", buf_str(&request));
    }
    jsonw_key(json, "custom_id");
    if (result->custom_id.len > 0) {
        jsonw_raw(json, result->custom_id);
    } else {
        jsonw_null(json);
    }
}

/* JSON may stand on several lines, with their ends between its values alone: here it is one. */
static enum err result_end(struct jsonw *json, struct buf *out, size_t before)
{
    jsonw_close(json, '}');
    enum err err = jsonw_err(json);
    if (err != ERR_OK) {
        out->len = before;
        return err;
    }
    for (size_t i = before; i < out->len; i++) {
        if (out->ptr[i] == '\n' || out->ptr[i] == '\r') {
            out->ptr[i] = ' ';
        }
    }
    return ERR_OK;
}

/* What is no JSON is shown as text. */
static void result_put_body(struct jsonw *json, const char *key, struct str body)
{
    struct json_fault fault;
    struct str text = json_trim(body);
    jsonw_key(json, key);
    if (json_check(text, &fault) == ERR_OK) {
        jsonw_raw(json, text);
    } else {
        jsonw_str(json, body);
    }
}

enum err batch_result_answer(struct buf *out, const struct batch_result *result, int status,
                             struct str request, struct str body)
{
    struct jsonw json;
    size_t before = out->len;
    jsonw_init(&json, out);
    result_begin(&json, result);
    if (result->shape == BATCH_ANTHROPIC) {
        jsonw_key(&json, "result");
        jsonw_open(&json, '{');
        jsonw_put_str(&json, "type", status == 200 ? STR("succeeded") : STR("errored"));
        result_put_body(&json, status == 200 ? "message" : "error", body);
        jsonw_close(&json, '}');
        return result_end(&json, out, before);
    }
    jsonw_key(&json, "response");
    jsonw_open(&json, '{');
    jsonw_put_int(&json, "status_code", status);
    jsonw_put_str(&json, "request_id", request);
    result_put_body(&json, "body", body);
    jsonw_close(&json, '}');
    jsonw_key(&json, "error");
    jsonw_null(&json);
    return result_end(&json, out, before);
}

static void result_put_error(struct jsonw *json, const struct batch_result *result,
                             const struct batch_fault *fault)
{
    jsonw_key(json, "error");
    jsonw_open(json, '{');
    if (result->shape == BATCH_ANTHROPIC) {
        jsonw_put_str(json, "type", STR("error"));
        jsonw_key(json, "error");
        jsonw_open(json, '{');
        jsonw_put_str(json, "type", STR("invalid_request_error"));
        jsonw_put_str(json, "message", str_from(fault->message));
        jsonw_close(json, '}');
        jsonw_key(json, "request_id");
        jsonw_null(json);
        jsonw_close(json, '}');
        return;
    }
    jsonw_put_str(json, "code", str_from(fault->code));
    jsonw_put_str(json, "message", str_from(fault->message));
    jsonw_key(json, "param");
    if (fault->param != NULL) {
        jsonw_str(json, str_from(fault->param));
    } else {
        jsonw_null(json);
    }
    jsonw_put_int(json, "line", result->line);
    jsonw_close(json, '}');
}

enum err batch_result_fault(struct buf *out, const struct batch_result *result,
                            const struct batch_fault *fault)
{
    struct jsonw json;
    size_t before = out->len;
    jsonw_init(&json, out);
    result_begin(&json, result);
    if (result->shape == BATCH_ANTHROPIC) {
        jsonw_key(&json, "result");
        jsonw_open(&json, '{');
        jsonw_put_str(&json, "type", STR("errored"));
        result_put_error(&json, result, fault);
        jsonw_close(&json, '}');
    } else {
        jsonw_key(&json, "response");
        jsonw_null(&json);
        result_put_error(&json, result, fault);
    }
    return result_end(&json, out, before);
}

enum err batch_result_unrun(struct buf *out, const struct batch_result *result, bool expired)
{
    static const struct batch_fault late = {
        "batch_expired", NULL, "This request was not begun before the completion window was over."
    };
    static const struct batch_fault cancelled = {
        "batch_cancelled", NULL, "This request was not begun before the batch was cancelled."
    };
    if (result->shape == BATCH_OPENAI) {
        return batch_result_fault(out, result, expired ? &late : &cancelled);
    }
    struct jsonw json;
    size_t before = out->len;
    jsonw_init(&json, out);
    result_begin(&json, result);
    jsonw_key(&json, "result");
    jsonw_open(&json, '{');
    jsonw_put_str(&json, "type", expired ? STR("expired") : STR("canceled"));
    jsonw_close(&json, '}');
    return result_end(&json, out, before);
}
