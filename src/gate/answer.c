#include "gate/answer.h"

#include "base/counter.h"
#include "base/crash.h"
#include "base/stamp.h"
#include "dialect/chat.h"
#include "gate/call_claim.h"
#include "gate/call_forward.h"
#include "gate/call_limits.h"
#include "gate/gate_internal.h"
#include "ledger/idem.h"
#include "meter/usage_form.h"
#include "wire/jsonw.h"

#define ANSWER_HEADERS_MAX 1024 /* thirteen lines of our own */
#define ANSWER_ERROR_MAX   8192 /* a message, a parameter, a few facts; the end of 128 choices */

struct answer_headers {
    char text[ANSWER_HEADERS_MAX];
    struct buf buf;
};

static void answer_line(struct answer_headers *headers, struct str name, struct str value)
{
    enum err err = http1_write_header(&headers->buf, name, value);
    ASSERT(err == ERR_OK); /* the lines are ours, and fit */
}

/* The id that the client is told: a replay is the first call's answer. */
static void answer_begin_headers(struct answer_headers *headers, struct id call)
{
    headers->buf = (struct buf){ headers->text, 0, sizeof(headers->text), sizeof(headers->text) };
    char id[ID_SHOWN_MAX];
    struct buf shown = { id, 0, sizeof(id), sizeof(id) };
    EP_IGNORE(id_print(&shown, STR("call_"), call)); /* fits */
    answer_line(headers, STR("x-entrepot-call"), buf_str(&shown));
    answer_line(headers, STR("x-request-id"), buf_str(&shown));
}

/* Another model stood in for the one that was asked for. */
static void answer_model(const struct call *call, struct answer_headers *headers)
{
    if (call->fell_back) {
        answer_line(headers, STR("x-entrepot-model"), call->model->id);
    }
}

static void answer_charge(struct answer_headers *headers, int64_t charge)
{
    char money[32];
    struct buf text = { money, 0, sizeof(money), sizeof(money) };
    EP_IGNORE(money_print(&text, charge, 9, 2)); /* fits */
    answer_line(headers, STR("x-entrepot-charge"), buf_str(&text));
}

static void answer_first_byte(struct call *call)
{
    if (call->first_byte_ns == 0) {
        call->first_byte_ns = loop_now_ns(call->gate->loop);
        histogram_add(HISTOGRAM_FIRST_BYTE, call->first_byte_ns - call->begun_ns);
    }
}

static void answer_stream_head(struct call *call, bool charged)
{
    struct answer_headers headers;
    answer_begin_headers(&headers, call->id);
    answer_line(&headers, STR("content-type"), STR("text/event-stream; charset=utf-8"));
    answer_line(&headers, STR("cache-control"), STR("no-cache"));
    answer_model(call, &headers);
    if (charged) {
        answer_charge(&headers, call->charge);
    }
    call_limits_headers(call, &headers.buf);
    http_respond_head(call->x, 200, buf_str(&headers.buf));
    call->head_sent = true;
    answer_first_byte(call);
}

void answer_stream(struct call *call, struct str bytes)
{
    ASSERT(call->x != NULL);
    ASSERT(call_gate_a_open(call));
    if (!call->head_sent) {
        answer_stream_head(call, false);
        EP_CRASH_POINT("first-byte");
    }
    counter_add(COUNTER_BYTES_OUT, (int64_t)bytes.len);
    http_respond_body(call->x, &bytes, 1);
    EP_CRASH_POINT("mid-stream");
}

/* ---- refusals ----------------------------------------------------------------------------- */

/* What the account lacks, as the client may know it. */
static void answer_funds(const struct call *call, struct jsonw *json)
{
    char money[32];
    struct buf text = { money, 0, sizeof(money), sizeof(money) };
    int64_t available = ledger_credit(call->account)->available;
    EP_IGNORE(money_print(&text, available, 9, 0)); /* fits */
    jsonw_put_str(json, "available", buf_str(&text));
    buf_reset(&text);
    EP_IGNORE(money_print(&text, call->ceiling, 9, 0)); /* fits */
    jsonw_put_str(json, "needed", buf_str(&text));
    jsonw_put_str(json, "currency", ledger_currency(call->account));
}

/* What the key's budget lacks, which window of it says so, and when that begins anew. */
static void answer_budget(const struct call *call, struct jsonw *json)
{
    char text[48];
    struct buf shown = { text, 0, sizeof(text), sizeof(text) };
    struct budget_view view;
    enum budget_window window = call->err == ERR_BUDGET_DAY     ? BUDGET_DAY
                                : call->err == ERR_BUDGET_MONTH ? BUDGET_MONTH
                                                                : BUDGET_TOTAL;
    budget_look(call->budget, call->begun_wall_ns, &view);
    int64_t left = view.max[window] - view.spent[window] - view.held[window];
    jsonw_put_str(json, "window", str_from(budget_window_name(window)));
    EP_IGNORE(money_print(&shown, left > 0 ? left : 0, 9, 0)); /* fits */
    jsonw_put_str(json, "left", buf_str(&shown));
    buf_reset(&shown);
    EP_IGNORE(money_print(&shown, call->ceiling, 9, 0)); /* fits */
    jsonw_put_str(json, "needed", buf_str(&shown));
    jsonw_put_str(json, "currency", ledger_currency(call->account));
    if (view.resets_ns[window] > 0) {
        buf_reset(&shown);
        EP_IGNORE(stamp_print(&shown, view.resets_ns[window])); /* fits */
        jsonw_put_str(json, "resets", buf_str(&shown));
    }
}

static bool answer_is_budget(enum err err)
{
    return err == ERR_BUDGET_DAY || err == ERR_BUDGET_MONTH || err == ERR_BUDGET_TOTAL;
}

/* Our own facts beside the error: {"call":...,"retry":...}. An Idempotency-Key that is refused
 * names the call that has it, which the client can wait for or look up. */
static void answer_facts(const struct call *call, struct buf *out)
{
    char id[ID_SHOWN_MAX];
    struct buf shown = { id, 0, sizeof(id), sizeof(id) };
    const struct idem_earlier *earlier = call_claim_earlier(call);
    struct id named = earlier == NULL ? call->id : earlier->call;
    EP_IGNORE(id_print(&shown, STR("call_"), named)); /* fits */
    /* SDKs try a 409 again within seconds, so the header forbids it; a person may, later. */
    bool limited = call_limits_refused(call);
    bool retry =
        limited ? call_limits_wait(call) >= 0
                : err_info(call->err)->kind == ERR_KIND_RETRY || call->err == ERR_IDEM_UNDER_WAY;
    struct jsonw json;
    jsonw_init(&json, out);
    jsonw_open(&json, '{');
    jsonw_put_str(&json, "call", buf_str(&shown));
    if (!call_law_tell(call, &json)) {
        jsonw_put_str(&json, "retry", retry ? STR("after") : STR("after_change"));
    }
    if (call->err == ERR_LEDGER_FUNDS) {
        answer_funds(call, &json);
    } else if (answer_is_budget(call->err)) {
        answer_budget(call, &json);
    } else if (limited) {
        call_limits_tell(call, &json);
    }
    jsonw_close(&json, '}');
    if (jsonw_err(&json) != ERR_OK) {
        buf_reset(out); /* then without them */
    }
}

/* The error as JSON, or as the last events of a stream that has begun. */
static struct str answer_error_text(const struct call *call, struct buf *out, bool event)
{
    char facts_text[1024];
    struct buf facts = { facts_text, 0, sizeof(facts_text), sizeof(facts_text) };
    answer_facts(call, &facts);
    struct chat_error error = {
        .err = call->err,
        .message = call->message,
        .param = str_from(call->param),
        .entrepot = buf_str(&facts),
    };
    enum err err = event ? chat_error_event(out, &error) : chat_error_write(out, &error);
    if (err != ERR_OK) {
        buf_reset(out);
        return event ? STR("data: [DONE]\n\n")
                     : STR("{\"error\":{\"message\":\"The server failed.\",\"type\":\"api_error\","
                           "\"param\":null,\"code\":\"internal_error\"}}");
    }
    return buf_str(out);
}

static void answer_refusal(struct call *call)
{
    char text[ANSWER_ERROR_MAX];
    struct buf body = { text, 0, sizeof(text), sizeof(text) };
    const struct err_info *info = err_info(call->err);
    struct answer_headers headers;
    answer_begin_headers(&headers, call->id);
    answer_line(&headers, STR("content-type"), STR("application/json"));
    bool limited = call_limits_refused(call);
    bool retry = limited ? call_limits_retry(call) : info->kind == ERR_KIND_RETRY;
    answer_line(&headers, STR("x-should-retry"), retry ? STR("true") : STR("false"));
    call_limits_headers(call, &headers.buf);
    if (retry && !limited) {
        answer_line(&headers, STR("retry-after"), STR("1"));
    }
    http_respond(call->x, info->status, buf_str(&headers.buf),
                 answer_error_text(call, &body, false));
}

/* ---- ends --------------------------------------------------------------------------------- */

static void answer_whole(struct call *call, int status)
{
    struct answer_headers headers;
    answer_begin_headers(&headers, call->id);
    answer_line(&headers, STR("content-type"), STR("application/json"));
    answer_model(call, &headers);
    if (status == 200) {
        answer_charge(&headers, call->charge);
    } else {
        answer_line(&headers, STR("x-should-retry"), STR("false"));
    }
    call_limits_headers(call, &headers.buf);
    answer_first_byte(call);
    counter_add(COUNTER_BYTES_OUT, (int64_t)call->answer.len);
    http_respond(call->x, status, buf_str(&headers.buf), buf_str(&call->answer));
}

static void answer_replay(struct call *call)
{
    const struct idem_earlier *earlier = call_claim_earlier(call);
    struct answer_headers headers;
    answer_begin_headers(&headers, earlier->call);
    answer_line(&headers, STR("content-type"), STR("application/json"));
    answer_charge(&headers, earlier->posted);
    answer_line(&headers, STR("x-entrepot-replayed"), STR("true"));
    call_limits_headers(call, &headers.buf);
    answer_first_byte(call);
    counter_add(COUNTER_BYTES_OUT, (int64_t)earlier->result.len);
    http_respond(call->x, 200, buf_str(&headers.buf), buf_str(&earlier->result));
}

/* The credit is used up: the answer ends as if the model had met its cap, and says why. */
static struct str answer_spent_text(const struct call *call, struct buf *out)
{
    char id_text[ID_SHOWN_MAX];
    struct buf id = { id_text, 0, sizeof(id_text), sizeof(id_text) };
    char facts_text[512];
    struct buf facts = { facts_text, 0, sizeof(facts_text), sizeof(facts_text) };
    struct jsonw json;
    EP_IGNORE(id_print(&id, STR("call_"), call->id)); /* fits */
    jsonw_init(&json, &facts);
    jsonw_open(&json, '{');
    jsonw_put_str(&json, "call", buf_str(&id));
    jsonw_put_str(&json, "reason", str_from(err_info(call->err)->code));
    jsonw_put_str(&json, "message", str_from(err_info(call->err)->text));
    jsonw_close(&json, '}');
    char usage_text[USAGE_FORM_MAX];
    struct buf usage = { usage_text, 0, sizeof(usage_text), sizeof(usage_text) };
    if (call->ask.include_usage) {
        EP_IGNORE(usage_form_write(USAGE_FORM_CHAT, &call->billed, &usage)); /* fits */
    }
    const struct chat_length length = {
        .id = buf_str(&id),
        .created_s = call->begun_wall_ns / INT64_C(1000000000),
        .model = call->model->id,
        .choices = call->ask.choices,
        .entrepot = jsonw_err(&json) == ERR_OK ? buf_str(&facts) : STR_EMPTY,
        .usage = buf_str(&usage),
    };
    if (chat_length_event(out, &length) != ERR_OK) {
        buf_reset(out);
        return STR("data: [DONE]\n\n");
    }
    return buf_str(out);
}

static struct str answer_tail(const struct call *call, struct buf *out)
{
    if (call->err == ERR_OK) {
        return buf_str(&call->relay.tail);
    }
    return call->err == ERR_LEDGER_SPENT ? answer_spent_text(call, out)
                                         : answer_error_text(call, out, true);
}

static void answer_stream_end(struct call *call)
{
    char text[ANSWER_ERROR_MAX];
    struct buf body = { text, 0, sizeof(text), sizeof(text) };
    if (!call->head_sent) {
        answer_stream_head(call, true);
    }
    const struct str parts[] = {
        buf_str(&call->answer), /* what Gate A still held when the answer was over */
        answer_tail(call, &body),
    };
    counter_add(COUNTER_BYTES_OUT, (int64_t)(parts[0].len + parts[1].len));
    http_respond_last(call->x, parts, EP_ARRAY_LEN(parts));
}

void answer_end(struct call *call)
{
    ASSERT(call->x != NULL);
    bool stream =
        call->streamed && (call->head_sent || call->answer.len > 0 || call->err == ERR_OK);
    if (call->outcome == OUTCOME_REPLAYED) {
        answer_replay(call);
    } else if (call->err == ERR_STORE_FAILED && call->head_sent) {
        http_exchange_abort(call->x); /* a complete answer would promise what is not durable */
    } else if (call->err == ERR_STORE_FAILED) {
        answer_refusal(call);
    } else if (stream) {
        answer_stream_end(call);
    } else if (call->err == ERR_OK) {
        answer_whole(call, 200);
    } else if (forward_is_clients(call->upstream_status) && call->answer.len > 0) {
        answer_whole(call, call->upstream_status);
    } else {
        answer_refusal(call);
    }
    call->x = NULL;
}
