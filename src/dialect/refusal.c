#include "dialect/refusal.h"

#include "dialect/text.h"

/* ---- names -------------------------------------------------------------------------------- */

static struct str anthropic_type(int status)
{
    switch (status) {
    case 400:
    case 409:
    case 422:
        return status == 409 ? STR("conflict_error") : STR("invalid_request_error");
    case 401:
        return STR("authentication_error");
    case 402:
        return STR("billing_error");
    case 403:
    case 451:
        return STR("permission_error");
    case 404:
        return STR("not_found_error");
    case 413:
        return STR("request_too_large");
    case 429:
        return STR("rate_limit_error");
    case 504:
        return STR("timeout_error");
    case 529:
    case 503:
        return STR("overloaded_error");
    default:
        return status < 500 ? STR("invalid_request_error") : STR("api_error");
    }
}

static struct str gemini_status(int status)
{
    switch (status) {
    case 401:
        return STR("UNAUTHENTICATED");
    case 402:
    case 429:
        return STR("RESOURCE_EXHAUSTED");
    case 403:
    case 451:
        return STR("PERMISSION_DENIED");
    case 404:
        return STR("NOT_FOUND");
    case 409:
        return STR("ABORTED");
    case 499:
        return STR("CANCELLED");
    case 503:
    case 529:
        return STR("UNAVAILABLE");
    case 504:
        return STR("DEADLINE_EXCEEDED");
    default:
        return status < 500 ? STR("INVALID_ARGUMENT") : STR("INTERNAL");
    }
}

static struct str openai_type(int status)
{
    switch (status) {
    case 401:
        return STR("authentication_error");
    case 403:
    case 451:
        return STR("permission_error");
    case 429:
        return STR("rate_limit_error");
    default:
        return status < 500 ? STR("invalid_request_error") : STR("api_error");
    }
}

static bool is_out_of_credit(enum err err)
{
    return err == ERR_LEDGER_FUNDS || err == ERR_LEDGER_SPENT;
}

struct refusal refusal_of(enum dialect dialect, enum err err, struct str message, struct str param)
{
    const struct err_info *info = err_info(err);
    struct refusal refusal = { .status = info->status,
                               .type = str_from(info->type),
                               .code = str_from(info->code),
                               .message = message.len > 0 ? message : str_from(info->text),
                               .param = param,
                               .final = info->kind == ERR_KIND_CLIENT };
    if (dialect == DIALECT_ANTHROPIC) {
        refusal.status = is_out_of_credit(err) ? 402 : refusal.status;
        refusal.type = anthropic_type(refusal.status);
    } else if (dialect == DIALECT_GEMINI) {
        refusal.type = gemini_status(refusal.status);
    }
    return refusal;
}

/* An upstream's words for a context that is too long, in the dialects that have a code for it. */
static bool is_too_long(const struct event_error *error)
{
    static const struct str words[] = { STR_INIT("context_length_exceeded"),
                                        STR_INIT("prompt is too long"),
                                        STR_INIT("maximum context length"),
                                        STR_INIT("exceeds the maximum number of tokens"),
                                        STR_INIT("input token count") };
    for (size_t i = 0; i < EP_ARRAY_LEN(words); i++) {
        if (str_eq(error->code, words[i]) ||
            str_search(error->message, words[i]) < error->message.len) {
            return true;
        }
    }
    return false;
}

/* A status where the upstream told none, by the names that vendors have for it. */
static int status_of(const struct event_error *error)
{
    static const struct {
        struct str name;
        int status;
    } names[] = {
        { STR_INIT("invalid_request_error"), 400 }, { STR_INIT("INVALID_ARGUMENT"), 400 },
        { STR_INIT("rate_limit_error"), 429 },      { STR_INIT("rate_limit_exceeded"), 429 },
        { STR_INIT("RESOURCE_EXHAUSTED"), 429 },    { STR_INIT("overloaded_error"), 503 },
        { STR_INIT("UNAVAILABLE"), 503 },           { STR_INIT("timeout_error"), 504 },
        { STR_INIT("DEADLINE_EXCEEDED"), 504 },
    };
    if (error->status > 0) {
        return error->status;
    }
    for (size_t i = 0; i < EP_ARRAY_LEN(names); i++) {
        if (str_eq(error->type, names[i].name) || str_eq(error->code, names[i].name)) {
            return names[i].status;
        }
    }
    return 502;
}

struct refusal refusal_of_upstream(enum dialect dialect, const struct event_error *error)
{
    int status = status_of(error);
    bool too_long = is_too_long(error);
    /* What our credential or account may not do there is no fault of the client's. */
    bool ours = status == 401 || status == 402 || status == 403 || status == 407 || status < 400;
    status = too_long ? 400 : ours || status >= 600 ? 502 : status;
    status = status == 529 && dialect != DIALECT_ANTHROPIC ? 503 : status;
    struct refusal refusal = {
        .status = status, .message = error->message, .code = error->code, .param = error->param
    };
    if (refusal.message.len == 0 || ours) {
        refusal.message = str_from(err_info(ERR_UPSTREAM_STATUS)->text);
        refusal.code = str_from(err_info(ERR_UPSTREAM_STATUS)->code);
    }
    refusal.code = too_long ? STR("context_length_exceeded") : refusal.code;
    refusal.final = status < 500 && status != 408 && status != 429;
    refusal.type = dialect == DIALECT_ANTHROPIC ? anthropic_type(status)
                   : dialect == DIALECT_GEMINI  ? gemini_status(status)
                                                : openai_type(status);
    return refusal;
}

/* ---- bodies ------------------------------------------------------------------------------- */

static void put_entrepot(struct put *put, const struct refusal *refusal)
{
    if (refusal->entrepot.len > 0) {
        PUT(put, ",\"entrepot\":");
        put_str(put, refusal->entrepot);
    }
}

/* {"message":..,"type":..,"param":..,"code":..}: all four, always. */
static void put_openai(struct put *put, const struct refusal *refusal)
{
    PUT(put, "{\"message\":");
    put_text(put, refusal->message);
    PUT(put, ",\"type\":");
    put_text(put, refusal->type);
    PUT(put, ",\"param\":");
    put_text_or_null(put, refusal->param);
    PUT(put, ",\"code\":");
    put_text_or_null(put, refusal->code);
    put_entrepot(put, refusal);
    PUT(put, "}");
}

static void put_anthropic(struct put *put, const struct refusal *refusal)
{
    PUT(put, "{\"type\":\"error\",\"error\":{\"type\":");
    put_text(put, refusal->type);
    PUT(put, ",\"message\":");
    put_text(put, refusal->message);
    if (refusal->code.len > 0) {
        PUT(put, ",\"details\":{\"error_code\":");
        put_text(put, refusal->code);
        PUT(put, "}");
    }
    put_entrepot(put, refusal);
    PUT(put, "},\"request_id\":");
    put_text_or_null(put, refusal->request);
    PUT(put, "}");
}

static void put_gemini(struct put *put, const struct refusal *refusal)
{
    PUT(put, "{\"error\":{\"code\":");
    put_int(put, refusal->status);
    PUT(put, ",\"message\":");
    put_text(put, refusal->message);
    PUT(put, ",\"status\":");
    put_text(put, refusal->type);
    PUT(put, ",\"details\":[");
    if (refusal->param.len > 0) {
        PUT(put, "{\"@type\":\"type.googleapis.com/google.rpc.BadRequest\",\"fieldViolations\":["
                 "{\"field\":");
        put_text(put, refusal->param);
        PUT(put, ",\"description\":");
        put_text(put, refusal->message);
        PUT(put, "}]}");
    }
    PUT(put, "]");
    put_entrepot(put, refusal);
    PUT(put, "}}");
}

static void put_body(struct put *put, enum dialect dialect, const struct refusal *refusal)
{
    if (dialect == DIALECT_ANTHROPIC) {
        put_anthropic(put, refusal);
    } else if (dialect == DIALECT_GEMINI) {
        put_gemini(put, refusal);
    } else {
        PUT(put, "{\"error\":");
        put_openai(put, refusal);
        PUT(put, "}");
    }
}

enum err refusal_body(struct buf *out, enum dialect dialect, const struct refusal *refusal)
{
    struct put put = { out, ERR_OK };
    put_body(&put, dialect, refusal);
    return put.err;
}

enum err refusal_stream(struct buf *out, enum dialect dialect, const struct refusal *refusal)
{
    struct put put = { out, ERR_OK };
    switch (dialect) {
    case DIALECT_CHAT:
        /* The choice ends, too, for those who look there; SDKs throw at the "error". */
        PUT(&put, "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"error\"}],"
                  "\"error\":");
        put_openai(&put, refusal);
        PUT(&put, "}\n\ndata: [DONE]\n\n");
        break;
    case DIALECT_RESPONSES:
        PUT(&put, "event: error\ndata: {\"type\":\"error\",\"code\":");
        put_text_or_null(&put, refusal->code.len > 0 ? refusal->code : refusal->type);
        PUT(&put, ",\"message\":");
        put_text(&put, refusal->message);
        PUT(&put, ",\"param\":");
        put_text_or_null(&put, refusal->param);
        PUT(&put, ",\"sequence_number\":");
        put_int(&put, refusal->sequence);
        put_entrepot(&put, refusal);
        PUT(&put, "}\n\n");
        break;
    case DIALECT_ANTHROPIC:
        PUT(&put, "event: error\ndata: ");
        put_anthropic(&put, refusal);
        PUT(&put, "\n\n");
        break;
    case DIALECT_GEMINI:
        PUT(&put, "data: ");
        put_gemini(&put, refusal);
        PUT(&put, "\n\n");
        break;
    case DIALECT_COUNT:
        return ERR_INTERNAL;
    }
    return put.err;
}

enum err refusal_event(struct buf *out, enum dialect dialect, const struct event_error *error,
                       struct str entrepot)
{
    struct refusal refusal = refusal_of_upstream(dialect, error);
    refusal.entrepot = entrepot;
    return refusal_stream(out, dialect, &refusal);
}
