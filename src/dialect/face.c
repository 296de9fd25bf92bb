#include "dialect/face.h"

#include "wire/jsonw.h"

/* ---- which face --------------------------------------------------------------------------- */

/* "/v1/models/M:verb"; names of models have colons, too. */
static bool face_is_gemini_verb(struct str path)
{
    static const struct str verbs[] = {
        STR_INIT(":generateContent"), STR_INIT(":streamGenerateContent"), STR_INIT(":countTokens"),
        STR_INIT(":embedContent"),    STR_INIT(":batchEmbedContents"),
    };
    for (size_t i = 0; i < EP_ARRAY_LEN(verbs); i++) {
        if (str_ends(path, verbs[i])) {
            return true;
        }
    }
    return false;
}

/* OpenRouter has Anthropic's API, too, and answers it in Anthropic's words. */
static bool face_is_messages(struct str path)
{
    static const struct str roots[] = { STR_INIT("/v1/messages"), STR_INIT("/api/v1/messages") };
    for (size_t i = 0; i < EP_ARRAY_LEN(roots); i++) {
        struct str rest = str_starts(path, roots[i]) ? str_from_at(path, roots[i].len) : STR("x");
        if (rest.len == 0 || rest.ptr[0] == '/') {
            return true;
        }
    }
    return false;
}

enum face face_of(struct str path, bool anthropic)
{
    if (face_is_messages(path)) {
        return FACE_ANTHROPIC;
    }
    if (str_starts(path, STR("/api/v1/"))) {
        return FACE_OPENROUTER;
    }
    if (str_starts(path, STR("/v1beta/")) ||
        (str_starts(path, STR("/v1/models/")) && face_is_gemini_verb(path))) {
        return FACE_GEMINI;
    }
    if (str_eq(path, STR("/v1/chat/completions"))) {
        return FACE_OPENAI; /* whatever else its clients say */
    }
    return anthropic ? FACE_ANTHROPIC : FACE_OPENAI;
}

/* ---- statuses and their names ------------------------------------------------------------- */

/* One row a status; the first is for all others. */
static const struct face_name {
    int status;
    const char *openrouter;
    const char *anthropic;
    const char *gemini;
} face_names[] = {
    { 0, "unmapped", "api_error", "UNKNOWN" },
    { 400, "invalid_request", "invalid_request_error", "INVALID_ARGUMENT" },
    { 401, "authentication", "authentication_error", "UNAUTHENTICATED" },
    { 402, "payment_required", "billing_error", "RESOURCE_EXHAUSTED" },
    { 403, "permission_denied", "permission_error", "PERMISSION_DENIED" },
    { 404, "not_found", "not_found_error", "NOT_FOUND" },
    { 405, "invalid_request", "invalid_request_error", "UNIMPLEMENTED" },
    { 408, "timeout", "timeout_error", "DEADLINE_EXCEEDED" },
    { 409, "precondition_failed", "conflict_error", "ABORTED" },
    { 413, "payload_too_large", "request_too_large", "INVALID_ARGUMENT" },
    { 415, "invalid_request", "invalid_request_error", "INVALID_ARGUMENT" },
    { 422, "unprocessable", "invalid_request_error", "INVALID_ARGUMENT" },
    { 429, "rate_limit_exceeded", "rate_limit_error", "RESOURCE_EXHAUSTED" },
    { 431, "payload_too_large", "request_too_large", "INVALID_ARGUMENT" },
    { 451, "permission_denied", "permission_error", "PERMISSION_DENIED" },
    { 499, "unmapped", "api_error", "CANCELLED" },
    { 500, "server", "api_error", "INTERNAL" },
    { 502, "provider_unavailable", "api_error", "UNAVAILABLE" },
    { 503, "provider_overloaded", "overloaded_error", "UNAVAILABLE" },
    { 504, "timeout", "timeout_error", "DEADLINE_EXCEEDED" },
    { 505, "invalid_request", "invalid_request_error", "UNIMPLEMENTED" },
};

static const struct face_name *face_name_of(int status)
{
    for (size_t i = 1; i < EP_ARRAY_LEN(face_names); i++) {
        if (face_names[i].status == status) {
            return &face_names[i];
        }
    }
    return &face_names[0];
}

static bool face_is_credit(enum err err)
{
    return err == ERR_LEDGER_FUNDS || err == ERR_LEDGER_SPENT;
}

static bool face_is_budget(enum err err)
{
    return err == ERR_BUDGET_DAY || err == ERR_BUDGET_MONTH || err == ERR_BUDGET_TOTAL ||
           err == ERR_CALLS_DAY || err == ERR_CALLS_MONTH || err == ERR_CALLS_TOTAL;
}

/* No credit is 402 where clients know it; OpenAI's own tool repeats a 402 five times. A key's own
 * budget is one to OpenRouter's clients alone. */
int face_status(enum face face, enum err err)
{
    bool credit = face_is_credit(err) && (face == FACE_OPENROUTER || face == FACE_ANTHROPIC);
    bool budget = face_is_budget(err) && face == FACE_OPENROUTER;
    return credit || budget ? 402 : err_info(err)->status;
}

/* ---- envelopes ---------------------------------------------------------------------------- */

static void face_put_message(struct jsonw *json, const struct face_error *error)
{
    struct str table = str_from(err_info(error->err)->text);
    jsonw_put_str(json, "message", error->message.len > 0 ? error->message : table);
}

static void face_put_facts(struct jsonw *json, const struct face_error *error)
{
    if (error->entrepot.len > 0) {
        jsonw_key(json, "entrepot");
        jsonw_raw(json, error->entrepot);
    }
}

/* OpenRouter's name of it, ours, and whose credit or limit it was. */
static void face_put_metadata(struct jsonw *json, const struct face_error *error)
{
    int status = face_status(FACE_OPENROUTER, error->err);
    jsonw_key(json, "metadata");
    jsonw_open(json, '{');
    jsonw_put_str(json, "error_type", str_from(face_name_of(status)->openrouter));
    jsonw_put_str(json, "code", str_from(err_info(error->err)->code));
    if (face_is_credit(error->err) || face_is_budget(error->err)) {
        jsonw_put_str(json, "limit_source",
                      face_is_credit(error->err) ? STR("openrouter_credits")
                                                 : STR("openrouter_key_limit"));
    }
    jsonw_close(json, '}');
}

static void face_put_openai(struct jsonw *json, enum face face, const struct face_error *error)
{
    face_put_message(json, error);
    jsonw_put_str(json, "type", str_from(err_info(error->err)->type));
    jsonw_key(json, "param");
    if (error->param.len > 0) {
        jsonw_str(json, error->param);
    } else {
        jsonw_null(json);
    }
    if (face == FACE_OPENROUTER) {
        jsonw_put_int(json, "code", face_status(face, error->err));
        face_put_metadata(json, error);
    } else {
        jsonw_put_str(json, "code", str_from(err_info(error->err)->code));
    }
}

/* ---- Gemini's details: Google's common forms, each with its type -------------------------- */

#define FACE_REASON_MAX 64 /* bytes of a code */
#define FACE_DAY_S      86400

static void face_open_detail(struct jsonw *json, const char *type)
{
    char text[64];
    struct buf name = { text, 0, sizeof(text), sizeof(text) };
    EP_IGNORE(buf_printf(&name, "type.googleapis.com/google.rpc.%s", type)); /* fits */
    jsonw_open(json, '{');
    jsonw_put_str(json, "@type", buf_str(&name));
}

/* Our code in the letters of the vendor's. */
static void face_put_reason(struct jsonw *json, enum err err)
{
    char text[FACE_REASON_MAX];
    struct str code = str_from(err_info(err)->code);
    size_t len = code.len < sizeof(text) ? code.len : sizeof(text);
    for (size_t i = 0; i < len; i++) {
        bool lower = code.ptr[i] >= 'a' && code.ptr[i] <= 'z';
        text[i] = lower ? (char)(code.ptr[i] - ('a' - 'A')) : code.ptr[i];
    }
    face_open_detail(json, "ErrorInfo");
    jsonw_put_str(json, "reason", (struct str){ text, len });
    jsonw_put_str(json, "domain", STR("entrepot"));
    jsonw_close(json, '}');
}

/* Which field it is. */
static void face_put_violation(struct jsonw *json, const struct face_error *error)
{
    struct str table = str_from(err_info(error->err)->text);
    face_open_detail(json, "BadRequest");
    jsonw_key(json, "fieldViolations");
    jsonw_open(json, '[');
    jsonw_open(json, '{');
    jsonw_put_str(json, "field", error->param);
    jsonw_put_str(json, "description", error->message.len > 0 ? error->message : table);
    jsonw_close(json, '}');
    jsonw_close(json, ']');
    jsonw_close(json, '}');
}

/* The vendor's tools try a 429 and a 503 again by themselves, unless it is to be much later. */
static void face_put_wait(struct jsonw *json, const struct face_error *error)
{
    char text[32];
    struct buf delay = { text, 0, sizeof(text), sizeof(text) };
    int64_t ms = error->wait_ms < 0 ? INT64_C(1000) * FACE_DAY_S : error->wait_ms;
    EP_IGNORE(buf_printf(&delay, "%lld.%03llds", (long long)(ms / 1000),
                         (long long)(ms % 1000))); /* fits */
    face_open_detail(json, "RetryInfo");
    jsonw_put_str(json, "retryDelay", buf_str(&delay));
    jsonw_close(json, '}');
}

static void face_put_gemini(struct jsonw *json, const struct face_error *error)
{
    int status = face_status(FACE_GEMINI, error->err);
    jsonw_put_int(json, "code", status);
    face_put_message(json, error);
    jsonw_put_str(json, "status", str_from(face_name_of(status)->gemini));
    jsonw_key(json, "details");
    jsonw_open(json, '[');
    face_put_reason(json, error->err);
    if (error->param.len > 0) {
        face_put_violation(json, error);
    }
    if (error->wait_ms != 0 && (status == 429 || status == 503)) {
        face_put_wait(json, error);
    }
    jsonw_close(json, ']');
}

static void face_put_anthropic(struct jsonw *json, const struct face_error *error)
{
    int status = face_status(FACE_ANTHROPIC, error->err);
    jsonw_put_str(json, "type", str_from(face_name_of(status)->anthropic));
    face_put_message(json, error);
}

void face_error_object(struct jsonw *json, enum face face, const struct face_error *error)
{
    jsonw_open(json, '{');
    if (face == FACE_ANTHROPIC) {
        face_put_anthropic(json, error);
    } else if (face == FACE_GEMINI) {
        face_put_gemini(json, error);
    } else {
        face_put_openai(json, face, error);
    }
    face_put_facts(json, error);
    jsonw_close(json, '}');
}

enum err face_error_write(struct buf *out, enum face face, const struct face_error *error)
{
    struct jsonw json;
    jsonw_init(&json, out);
    jsonw_open(&json, '{');
    if (face == FACE_ANTHROPIC) {
        jsonw_put_str(&json, "type", STR("error"));
    }
    jsonw_key(&json, "error");
    face_error_object(&json, face, error);
    if (face == FACE_ANTHROPIC) {
        jsonw_key(&json, "request_id");
        if (error->request.len > 0) {
            jsonw_str(&json, error->request);
        } else {
            jsonw_null(&json);
        }
    }
    jsonw_close(&json, '}');
    return jsonw_err(&json);
}
