#include "gate/answer.h"

#include "base/counter.h"
#include "base/crash.h"
#include "base/stamp.h"
#include "dialect/chat_end.h"
#include "dialect/chat_strict.h"
#include "gate/call_claim.h"
#include "gate/call_forward.h"
#include "gate/call_limits.h"
#include "gate/call_talk.h"
#include "gate/call_tongue.h"
#include "gate/gate_internal.h"
#include "gate/reply.h"
#include "gate/talk_route.h"
#include "gate/upload.h"
#include "ident/ident.h"
#include "ledger/idem.h"
#include "wire/json.h"
#include "wire/jsonw.h"

#define ANSWER_ERROR_MAX   12288 /* a message, a few facts, twice; the end of 128 choices */
#define ANSWER_USAGE_MAX   1024  /* 16 names and numbers */
#define ANSWER_FOREIGN_MAX 1024  /* of a source's own words */
#define ANSWER_NS_PER_MS   INT64_C(1000000)
#define ANSWER_WAIT_MS     1000 /* nobody knows better: what its like takes to pass */

/* The id that the client is told: a replay is the first call's answer. */
static void answer_begin_headers(struct call *call, struct reply *reply, struct id id)
{
    char id_text[ID_SHOWN_MAX];
    struct buf shown = { id_text, 0, sizeof(id_text), sizeof(id_text) };
    EP_IGNORE(id_print(&shown, STR("call_"), id)); /* fits */
    reply_begin(reply, call->x, buf_str(&shown));
    reply_line(reply, "x-entrepot-call", buf_str(&shown));
}

/* Another model stood in for the one that was asked for. */
static void answer_model(const struct call *call, struct reply *reply)
{
    if (call->fell_back) {
        reply_line(reply, "x-entrepot-model", call->model->id);
    }
}

static void answer_charge(struct reply *reply, int64_t charge)
{
    char money[32];
    struct buf text = { money, 0, sizeof(money), sizeof(money) };
    EP_IGNORE(money_print(&text, charge, 9, 2)); /* fits */
    reply_line(reply, "x-entrepot-charge", buf_str(&text));
}

static void answer_first_byte(struct call *call)
{
    if (call->first_byte_ns == 0) {
        call->first_byte_ns = loop_now_ns(call->gate->loop);
        histogram_add(HISTOGRAM_FIRST_BYTE, call->first_byte_ns - call->begun_ns);
    }
}

/* Of what the upstream sends, where that is neither chat's JSON nor its events. */
static void answer_type(const struct call *call, struct reply *reply, struct str chats)
{
    bool told = call->work != NULL && call->work->answer_type.len > 0;
    reply_line(reply, "content-type", told ? call->work->answer_type : chats);
}

static void answer_stream_head(struct call *call, bool charged)
{
    struct reply reply;
    call_repeat_begun(call);
    answer_begin_headers(call, &reply, call->id);
    bool bytes = call->work != NULL && call->work->bytes;
    answer_type(call, &reply, bytes ? STR("application/octet-stream") : call_tongue_media(call));
    reply_line(&reply, "cache-control", STR("no-cache"));
    answer_model(call, &reply);
    call_tongue_header(call, &reply);
    if (charged) {
        answer_charge(&reply, call->charge);
    }
    call_limits_headers(call, &reply.buf);
    http_respond_head(call->x, 200, buf_str(&reply.buf));
    call->head_sent = true;
    answer_first_byte(call);
}

/* Events for a client that takes no null where nothing is. */
static void answer_strictly(struct http_exchange *x, struct str events)
{
    struct str pieces[HTTP_PARTS_MAX];
    size_t count = 0;
    while (chat_strict_next(&events, &pieces[count])) {
        if (++count == HTTP_PARTS_MAX) {
            http_respond_body(x, pieces, count);
            count = 0;
        }
    }
    http_respond_body(x, pieces, count);
}

/* Into the client's dialect. False: there is nothing to tell, or it cannot be told. */
static bool answer_translate(struct call *call, struct str *bytes)
{
    enum err err = call_tongue_stream(call, bytes);
    if (err != ERR_OK) {
        call->upstream_err = err;
        call->relay.content_events = call->head_sent ? call->relay.content_events : 0;
        call_wake(call);
    }
    return err == ERR_OK && bytes->len > 0;
}

void answer_stream(struct call *call, struct str bytes)
{
    ASSERT(call->x != NULL);
    ASSERT(call_gate_a_open(call));
    if (call_tongue_ends(call) && !answer_translate(call, &bytes)) {
        return;
    }
    if (!call->head_sent) {
        answer_stream_head(call, false);
        EP_CRASH_POINT("first-byte");
    }
    counter_add(COUNTER_BYTES_OUT, (int64_t)bytes.len);
    if (call->face == FACE_OPENROUTER && call->work == NULL) {
        answer_strictly(call->x, bytes);
    } else {
        http_respond_body(call->x, &bytes, 1);
    }
    call_ping_note(call);
    EP_CRASH_POINT("mid-stream");
}

/* ---- refusals ----------------------------------------------------------------------------- */

/* What the account lacks, as the client may know it. */
static void answer_funds(const struct call *call, struct jsonw *json)
{
    char money[32];
    struct buf text = { money, 0, sizeof(money), sizeof(money) };
    if (call->key->device == NULL) { /* which whoever has one toy in hand is not to learn */
        int64_t available = ledger_credit(call->account)->available;
        EP_IGNORE(money_print(&text, available, 9, 0)); /* fits */
        jsonw_put_str(json, "available", buf_str(&text));
        buf_reset(&text);
    }
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

/* How many calls the key may make in the window that says no, and when that begins anew. */
static void answer_calls(const struct call *call, struct jsonw *json)
{
    char text[48];
    struct buf shown = { text, 0, sizeof(text), sizeof(text) };
    struct budget_view view;
    enum budget_window window = call->err == ERR_CALLS_DAY     ? BUDGET_DAY
                                : call->err == ERR_CALLS_MONTH ? BUDGET_MONTH
                                                               : BUDGET_TOTAL;
    budget_look(call->budget, call->begun_wall_ns, &view);
    jsonw_put_str(json, "window", str_from(budget_window_name(window)));
    jsonw_put_int(json, "calls", view.calls[window]);
    jsonw_put_int(json, "calls_max", view.calls_max[window]);
    if (view.resets_ns[window] > 0) {
        EP_IGNORE(stamp_print(&shown, view.resets_ns[window])); /* fits */
        jsonw_put_str(json, "resets", buf_str(&shown));
    }
}

static bool answer_is_calls(enum err err)
{
    return err == ERR_CALLS_DAY || err == ERR_CALLS_MONTH || err == ERR_CALLS_TOTAL;
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
    } else if (answer_is_calls(call->err)) {
        answer_calls(call, &json);
    } else if (limited) {
        call_limits_tell(call, &json);
    }
    jsonw_close(&json, '}');
    if (jsonw_err(&json) != ERR_OK) {
        buf_reset(out); /* then without them */
    }
}

/* A chunk of the call's stream that the server says itself. */
static struct chat_chunk answer_chunk(const struct call *call, struct buf *id)
{
    EP_IGNORE(id_print(id, STR("call_"), call->id)); /* fits */
    return (struct chat_chunk){
        .id = buf_str(id),
        .created_s = call->begun_wall_ns / INT64_C(1000000000),
        .model = call->model == NULL ? call->ask.model : call->model->id,
        .choices = call->ask.choices,
    };
}

/* Until the same call may pass. */
static int64_t answer_wait(const struct call *call)
{
    if (call_limits_refused(call)) {
        int64_t wait_ns = call_limits_wait(call);
        return wait_ns < 0 ? FACE_NEVER : wait_ns / ANSWER_NS_PER_MS + 1;
    }
    return answer_is_final(call) ? FACE_NEVER : ANSWER_WAIT_MS;
}

/* At the end of another service's stream: an event of its own name, which SDKs raise. */
static enum err answer_error_event(struct buf *out, enum face face, const struct face_error *error)
{
    TRY(buf_append(out, STR("event: error\ndata: ")));
    TRY(face_error_write(out, face, error));
    return buf_append(out, STR("\n\n"));
}

/* The error as JSON, or as the last events of a stream that has begun. */
static struct str answer_error_text(const struct call *call, struct buf *out, bool event)
{
    char facts_text[1024];
    char id_text[ID_SHOWN_MAX];
    struct buf facts = { facts_text, 0, sizeof(facts_text), sizeof(facts_text) };
    struct buf id = { id_text, 0, sizeof(id_text), sizeof(id_text) };
    struct chat_chunk chunk = answer_chunk(call, &id);
    answer_facts(call, &facts);
    struct face_error error = {
        .err = call->err,
        .message = call->message,
        .param = str_from(call->param),
        .request = chunk.id,
        .entrepot = buf_str(&facts),
        .wait_ms = answer_wait(call),
    };
    enum err err = !event               ? face_error_write(out, call->face, &error)
                   : call->work != NULL ? answer_error_event(out, call->face, &error)
                                        : chat_error_event(out, &chunk, call->face, &error);
    if (err != ERR_OK) {
        buf_reset(out);
        return event ? STR("data: [DONE]\n\n")
                     : STR("{\"error\":{\"message\":\"The server failed.\",\"type\":\"api_error\","
                           "\"param\":null,\"code\":\"internal_error\"}}");
    }
    return buf_str(out);
}

/* Nothing about it changes within the minute that an SDK would wait: only persons open a closure,
 * and a source that answers as another model was the last one. */
bool answer_is_final(const struct call *call)
{
    if (call_limits_refused(call)) {
        return !call_limits_retry(call);
    }
    return (call->err == ERR_NO_CLOSED_ROUTE && call->law.routes == 0) ||
           call->err == ERR_UPSTREAM_MODEL || err_info(call->err)->kind != ERR_KIND_RETRY;
}

static void answer_refusal_lines(const struct call *call, struct reply *reply)
{
    bool final = answer_is_final(call);
    if (call_limits_refused(call)) {
        reply_line(reply, "x-should-retry", final ? STR("false") : STR("true"));
    } else {
        reply_retry(reply, !final, ANSWER_WAIT_MS);
    }
    if (call->err == ERR_NO_CLOSED_ROUTE && final) {
        reply_line(reply, "retry-after", STR("60")); /* for persons: SDKs have been told no */
    }
    call_limits_headers(call, &reply->buf);
}

static void answer_refusal(struct call *call)
{
    char text[ANSWER_ERROR_MAX];
    struct buf body = { text, 0, sizeof(text), sizeof(text) };
    struct reply reply;
    answer_begin_headers(call, &reply, call->id);
    reply_line(&reply, "content-type", STR("application/json"));
    answer_refusal_lines(call, &reply);
    http_respond(call->x, face_status(call->face, call->err), buf_str(&reply.buf),
                 answer_error_text(call, &body, false));
}

/* ---- ends --------------------------------------------------------------------------------- */

/* A model's whole answer, with what OpenRouter's clients will not do without. */
static void answer_send(struct call *call, struct str headers, struct str body)
{
    struct buf strict;
    bool strict_face = call->face == FACE_OPENROUTER && call->work == NULL;
    struct str lack = strict_face ? chat_strict_lack(body) : STR_EMPTY;
    buf_init(&strict, body.len + lack.len);
    counter_add(COUNTER_BYTES_OUT, (int64_t)body.len);
    if (lack.len > 0 && buf_append(&strict, STR("{")) == ERR_OK &&
        buf_append(&strict, lack) == ERR_OK &&
        buf_append(&strict, str_from_at(json_trim(body), 1)) == ERR_OK) {
        body = buf_str(&strict);
    }
    http_respond(call->x, 200, headers, body);
    buf_fini(&strict);
}

static void answer_whole(struct call *call, int status)
{
    struct reply reply;
    answer_begin_headers(call, &reply, call->id);
    answer_type(call, &reply, STR("application/json"));
    answer_model(call, &reply);
    call_tongue_header(call, &reply);
    if (status == 200) {
        answer_charge(&reply, call->charge);
    } else {
        reply_line(&reply, "x-should-retry", STR("false"));
    }
    call_limits_headers(call, &reply.buf);
    answer_first_byte(call);
    if (status == 200) {
        answer_send(call, buf_str(&reply.buf), buf_str(&call->answer));
        return;
    }
    counter_add(COUNTER_BYTES_OUT, (int64_t)call->answer.len);
    http_respond(call->x, status, buf_str(&reply.buf), buf_str(&call->answer));
}

/* What a source's own error says, wherever servers put it; empty: nothing that can be read. */
static struct str answer_foreign_message(struct str body, struct buf *room)
{
    struct str error = json_get(body, STR("error"));
    const struct str places[] = {
        json_kind(error) == JSON_OBJECT ? json_get(error, STR("message")) : error,
        json_get(body, STR("message")),
        json_get(body, STR("detail")),
    };
    for (size_t i = 0; i < EP_ARRAY_LEN(places); i++) {
        if (places[i].len > 2 && json_kind(places[i]) == JSON_STRING &&
            json_decode(places[i], room)) {
            return buf_str(room);
        }
    }
    return STR_EMPTY;
}

/* Whose clients read a source's own errors. */
static enum face answer_face_of(const struct registry_route *route)
{
    enum dialect dialect = talk_route_dialect(route);
    return dialect == DIALECT_ANTHROPIC ? FACE_ANTHROPIC
           : dialect == DIALECT_GEMINI  ? FACE_GEMINI
                                        : FACE_OPENAI;
}

/* A source refused the client's request. Its words go on as they came where they are what the
 * client's SDK reads; else in the envelope that it does. */
static void answer_foreign(struct call *call)
{
    char text[ANSWER_ERROR_MAX];
    char message[ANSWER_FOREIGN_MAX];
    struct buf out = { text, 0, sizeof(text), sizeof(text) };
    struct buf room = { message, 0, sizeof(message), sizeof(message) };
    struct str body = json_trim(buf_str(&call->answer));
    struct json_fault fault;
    bool checked = json_check(body, &fault) == ERR_OK;
    struct str rest = checked && json_kind(body) == JSON_ARRAY ? json_inside(body) : STR_EMPTY;
    body = json_next_item(&rest, &body) ? body : json_trim(body); /* Gemini's streams: of one */
    bool object = checked && json_kind(body) == JSON_OBJECT;
    bool envelope = object && json_kind(json_get(body, STR("error"))) == JSON_OBJECT;
    if (envelope && answer_face_of(call->route) == call->face) {
        answer_whole(call, call->upstream_status);
        return;
    }
    struct face_error error = {
        .err = call->upstream_status == 413 ? ERR_HTTP_BODY_SIZE : ERR_ASK_INVALID,
        .message = object ? answer_foreign_message(body, &room) : STR_EMPTY,
    };
    EP_IGNORE(face_error_write(&out, call->face, &error)); /* ANSWER_FOREIGN_MAX escaped fits */
    buf_reset(&call->answer);
    if (buf_append(&call->answer, buf_str(&out)) == ERR_OK) {
        answer_whole(call, face_status(call->face, error.err));
    } else {
        answer_refusal(call);
    }
}

/* By its Idempotency-Key, or as an SDK's own repeat. */
static struct call_replay answer_replayed(const struct call *call)
{
    struct call_replay replay;
    if (!call_repeat_replay(call, &replay)) {
        const struct idem_earlier *earlier = call_claim_earlier(call);
        replay = (struct call_replay){ earlier->call, earlier->posted, buf_str(&earlier->result) };
    }
    return replay;
}

static void answer_replay(struct call *call)
{
    struct call_replay replay = answer_replayed(call);
    struct reply reply;
    answer_begin_headers(call, &reply, replay.call);
    reply_line(&reply, "content-type",
               call->upload == NULL ? STR("application/json") : upload_answer_type(call->upload));
    answer_charge(&reply, replay.posted);
    reply_line(&reply, "x-entrepot-replayed", STR("true"));
    call_limits_headers(call, &reply.buf);
    answer_first_byte(call);
    answer_send(call, buf_str(&reply.buf), replay.text);
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
    buf_reset(&id);
    jsonw_put_str(&json, "reason", str_from(err_info(call->err)->code));
    jsonw_put_str(&json, "message", str_from(err_info(call->err)->text));
    jsonw_close(&json, '}');
    char usage_text[ANSWER_USAGE_MAX];
    struct buf usage = { usage_text, 0, sizeof(usage_text), sizeof(usage_text) };
    if (call->ask.include_usage) {
        EP_IGNORE(call_tongue_usage(call, &usage)); /* fits */
    }
    const struct chat_length length = {
        .chunk = answer_chunk(call, &id),
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

/* The end of a stream in the client's dialect. */
static void answer_translated_end(struct call *call)
{
    char text[ANSWER_ERROR_MAX];
    struct buf room = { text, 0, sizeof(text), sizeof(text) };
    struct str last = STR_EMPTY;
    enum err err = ERR_OK;
    if (call->err == ERR_LEDGER_SPENT) {
        err = call_tongue_spent(call, &last);
    } else {
        answer_facts(call, &room);
        err = call_tongue_last(call, buf_str(&room), &last);
    }
    if (err != ERR_OK) {
        http_exchange_abort(call->x); /* it must not be taken for whole */
        return;
    }
    counter_add(COUNTER_BYTES_OUT, (int64_t)last.len);
    if (call->face == FACE_OPENROUTER) {
        answer_strictly(call->x, last);
        last = STR_EMPTY;
    }
    http_respond_last(call->x, &last, 1);
}

static void answer_stream_end(struct call *call)
{
    char text[ANSWER_ERROR_MAX];
    struct buf body = { text, 0, sizeof(text), sizeof(text) };
    if (call->work != NULL && call->work->bytes && call->err != ERR_OK) {
        http_exchange_abort(call->x); /* an answer of bytes tells no error: it is seen to be cut */
        return;
    }
    if (!call->head_sent) {
        answer_stream_head(call, true);
    }
    if (call_tongue_ends(call)) {
        answer_translated_end(call);
        return;
    }
    struct str parts[] = {
        buf_str(&call->answer), /* what Gate A still held when the answer was over */
        answer_tail(call, &body),
    };
    counter_add(COUNTER_BYTES_OUT, (int64_t)(parts[0].len + parts[1].len));
    if (call->face == FACE_OPENROUTER && call->work == NULL) {
        answer_strictly(call->x, parts[0]);
        answer_strictly(call->x, parts[1]);
        parts[0] = parts[1] = STR_EMPTY;
    }
    http_respond_last(call->x, parts, EP_ARRAY_LEN(parts));
}

void answer_end(struct call *call)
{
    ASSERT(call->x != NULL);
    /* Of an answer of bytes that broke off before any left, the error is the answer. */
    bool bytes = call->work != NULL && call->work->bytes;
    bool waits = call->answer.len > 0 && !bytes;
    bool stream = call->streamed && (call->head_sent || waits || call->err == ERR_OK);
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
        answer_foreign(call);
    } else {
        answer_refusal(call);
    }
    call->x = NULL;
}
