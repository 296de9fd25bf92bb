#include "gate/call_tongue.h"

#include "base/mem.h"
#include "dialect/decode.h"
#include "dialect/encode.h"
#include "dialect/refusal.h"
#include "dialect/tokens.h"
#include "gate/call.h"
#include "gate/call_count.h"
#include "gate/call_talk.h"
#include "gate/gate_internal.h"
#include "gate/reply.h"
#include "gate/talk_route.h"

#define TONGUE_FIRST       1024              /* of a short answer's items */
#define TONGUE_SPARE       ((size_t)1 << 20) /* of an answer's items, beside its bytes */
#define TONGUE_TOKEN_BYTES 4                 /* of text, where nothing is counted */
#define TONGUE_NS_PER_S    INT64_C(1000000000)

_Static_assert((int)TOKENS_COUNT == (int)USAGE_COUNT, "events and the meter have the same classes");

struct call_tongue {
    enum dialect dialect;
    bool streams; /* decoder and encoder are made */
    bool ends;    /* the answer's end was read; it is told last */
    bool holds;   /* `out` has what has not left */
    bool broken;  /* the decoder has failed */
    bool folded;  /* `fold` has a whole answer */
    bool array;   /* a stream is told as one JSON array (Gemini, without alt=sse) */
    bool listed;  /* something of the array was told */
    int64_t input_tokens;
    struct arena arena;
    struct str echo; /* of the request, in `kept` */
    struct arena kept;
    struct lost lost; /* of a whole answer */
    struct encode_options options;
    struct sse sse;
    struct decode decode;
    struct encode encode;
    struct fold fold;
    struct buf out;
    char id[ID_SHOWN_MAX];
};

bool call_tongue_make(struct call *call, enum dialect dialect)
{
    struct call_tongue *tongue = mem_zalloc(sizeof(*tongue));
    if (tongue == NULL) {
        return false;
    }
    size_t most = call->snapshot->options.answer_bytes_max;
    tongue->dialect = dialect;
    arena_init(&tongue->kept, TONGUE_FIRST, TONGUE_SPARE);
    arena_init(&tongue->arena, TONGUE_FIRST, 3 * most + TONGUE_SPARE);
    sse_init(&tongue->sse, call->snapshot->options.sse_event_max);
    buf_init(&tongue->out, 3 * most + TONGUE_SPARE);
    call->tongue = tongue;
    return true;
}

void call_tongue_free(struct call *call)
{
    struct call_tongue *tongue = call->tongue;
    if (tongue == NULL) {
        return;
    }
    if (tongue->streams) {
        decode_fini(&tongue->decode);
    }
    sse_fini(&tongue->sse);
    buf_fini(&tongue->out);
    arena_fini(&tongue->arena);
    arena_fini(&tongue->kept);
    mem_free(tongue);
    call->tongue = NULL;
}

enum err call_tongue_ready(struct call *call, const struct registry_route *route)
{
    bool other = talk_route_dialect(route) != call->dialect;
    if (call->tongue == NULL && (!other || !call_tongue_make(call, call->dialect))) {
        return other ? ERR_NO_MEMORY : ERR_OK;
    }
    struct call_tongue *tongue = call->tongue;
    struct buf echo;
    if (tongue->input_tokens == 0) {
        tongue->input_tokens = (int64_t)(call->body.len / TONGUE_TOKEN_BYTES);
    }
    if (tongue->dialect != DIALECT_RESPONSES || tongue->echo.len > 0) {
        return ERR_OK;
    }
    buf_init(&echo, TONGUE_SPARE);
    enum err err = call_talk_echo(call, &echo);
    if (err == ERR_OK && !arena_copy(&tongue->kept, buf_str(&echo), &tongue->echo)) {
        err = ERR_NO_MEMORY;
    }
    buf_fini(&echo);
    return err;
}

void call_tongue_list(struct call *call)
{
    call->tongue->array = true;
}

bool call_tongue_translates(const struct call *call)
{
    return call->tongue != NULL && call->route != NULL &&
           (talk_route_dialect(call->route) != call->dialect || call->tongue->array);
}

bool call_tongue_ends(const struct call *call)
{
    return call->tongue != NULL && (call->dialect != DIALECT_CHAT || call_tongue_translates(call));
}

/* ---- the answer --------------------------------------------------------------------------- */

static void tongue_set_options(struct call *call)
{
    struct call_tongue *tongue = call->tongue;
    struct buf id = { tongue->id, 0, sizeof(tongue->id), sizeof(tongue->id) };
    EP_IGNORE(id_print(&id, STR_EMPTY, call->id)); /* fits */
    if (call->has_counted) {
        const struct chat_counted *input = call_count_of(call, call->route->special_text);
        tongue->input_tokens = (int64_t)(input->tokens + input->image_tokens + input->audio_tokens);
    }
    bool own = !call_tongue_translates(call); /* then all is called as the upstream has called it */
    tongue->options = (struct encode_options){
        .dialect = tongue->dialect,
        .call = own ? STR_EMPTY : buf_str(&id),
        /* Of letters, digits and marks that need no escape. */
        .model = own ? STR_EMPTY : call->model->id,
        .created_s = call->begun_wall_ns / TONGUE_NS_PER_S,
        .input_tokens = tongue->input_tokens,
        .include_usage = call->ask.include_usage,
        .echo = tongue->echo,
        .waiting_max = ENCODE_WAITING_MAX,
    };
}

/* The end waits for what is billed; nothing of it is told before. */
static enum err tongue_take(void *context, const struct event *event)
{
    struct call_tongue *tongue = context;
    if (event->kind == EVENT_END) {
        tongue->ends = true;
        return ERR_OK;
    }
    return encode_take(&tongue->encode, event);
}

static void tongue_begin(struct call *call)
{
    struct call_tongue *tongue = call->tongue;
    if (tongue->streams) {
        return;
    }
    tongue->streams = true;
    tongue_set_options(call);
    encode_init(&tongue->encode, &tongue->options, &tongue->arena, &tongue->out);
    decode_init(&tongue->decode, talk_route_dialect(call->route),
                (struct event_sink){ tongue_take, tongue }, &tongue->arena);
}

/* What an encoder's buffer has no room for is the upstream's doing. */
static enum err tongue_blame(enum err err)
{
    return err == ERR_LIMIT ? ERR_UPSTREAM_SIZE : err;
}

static enum err tongue_event(struct call_tongue *tongue, const struct sse_event *event)
{
    enum err err = ERR_OK;
    if (event->has_data) {
        err = decode_event(&tongue->decode, event->type, event->data);
    } else if (tongue->decode.begun && !tongue->decode.stopped) {
        const struct event ping = { .kind = EVENT_PING }; /* a comment that keeps the line alive */
        err = tongue_take(tongue, &ping);
    }
    tongue->broken |= err != ERR_OK;
    return tongue_blame(err);
}

static enum err tongue_feed(struct call *call, struct str events)
{
    struct call_tongue *tongue = call->tongue;
    tongue_begin(call);
    while (!tongue->broken) {
        struct sse_event event;
        enum wire_result result = sse_next(&tongue->sse, &events, &event);
        if (result != WIRE_DONE) {
            return result == WIRE_MORE ? ERR_OK : ERR_UPSTREAM_SIZE;
        }
        enum err err = tongue_event(tongue, &event);
        if (err != ERR_OK) {
            return err;
        }
    }
    return ERR_UPSTREAM_SYNTAX;
}

/* Of a stream that leaves as it came but may have to be ended here, the encoder knows where it is.
 * What it cannot follow it will not end. */
static void tongue_follow(struct call *call, struct str events)
{
    if (call->extend != NULL && !call->tongue->broken) {
        EP_IGNORE(tongue_feed(call, events));
        buf_reset(&call->tongue->out);
    }
}

/*
 * What leaves now, as items of an array where the client has asked for one: an event becomes an
 * item and a line's end, a comment a line's end alone. It is done in place: all of it is shorter.
 */
static void tongue_list(struct call_tongue *tongue)
{
    static const struct str data = STR_INIT("data: ");
    static const struct str between = STR_INIT("\n\n");
    struct buf *out = &tongue->out;
    char *to = out->ptr;
    struct str rest = buf_str(out);
    while (tongue->array && rest.len > 0) {
        size_t len = 0;
        while (!str_starts(str_from_at(rest, len), between)) {
            len++; /* the encoder writes whole events */
        }
        if (str_starts(rest, data)) {
            *to++ = tongue->listed ? ',' : '[';
            tongue->listed = true;
            memmove(to, rest.ptr + data.len, len - data.len);
            to += len - data.len;
        }
        *to++ = '\n';
        rest = str_from_at(rest, len + between.len);
    }
    out->len = tongue->array && out->len > 0 ? (size_t)(to - out->ptr) : out->len;
}

/* Likewise, and the array's end. */
static enum err tongue_list_end(struct call_tongue *tongue)
{
    tongue_list(tongue);
    return tongue->array ? buf_append(&tongue->out, tongue->listed ? STR("]\n") : STR("[]\n"))
                         : ERR_OK;
}

struct str call_tongue_media(const struct call *call)
{
    return call->tongue != NULL && call->tongue->array ? STR("application/json; charset=utf-8")
                                                       : STR("text/event-stream; charset=utf-8");
}

struct str call_tongue_ping(const struct call *call)
{
    return call->tongue != NULL && call->tongue->array ? STR("\n") : STR(": ping\n\n");
}

enum err call_tongue_stream(struct call *call, struct str *events)
{
    struct call_tongue *tongue = call->tongue;
    buf_reset(&tongue->out);
    if (!call_tongue_translates(call)) {
        tongue_follow(call, *events);
        return ERR_OK;
    }
    enum err err = tongue_feed(call, *events);
    tongue->holds = err != ERR_OK; /* what could be told leaves with the error */
    if (err == ERR_OK) {
        tongue_list(tongue);
    }
    *events = buf_str(&tongue->out);
    return err;
}

/* What Gate A still held is what leaves next. */
static enum err tongue_take_held(struct call *call)
{
    struct call_tongue *tongue = call->tongue;
    if (!tongue->holds) {
        buf_reset(&tongue->out);
        tongue->holds = true;
    }
    enum err err = tongue_feed(call, buf_str(&call->answer));
    buf_reset(&call->answer);
    return err;
}

static enum err tongue_rest(struct call *call)
{
    struct call_tongue *tongue = call->tongue;
    struct sse_event event;
    TRY(tongue_take_held(call));
    TRY(tongue_feed(call, buf_str(&call->relay.tail)));
    enum err err =
        sse_end(&tongue->sse, &event) == WIRE_DONE ? tongue_event(tongue, &event) : ERR_OK;
    err = err == ERR_OK ? tongue_blame(decode_end(&tongue->decode)) : err;
    tongue->broken |= err != ERR_OK;
    TRY(err);
    return tongue->ends ? ERR_OK : ERR_UPSTREAM_STATUS; /* it was told an error */
}

enum err call_tongue_rest(struct call *call)
{
    enum err err = call->x == NULL ? ERR_OK : tongue_rest(call);
    if (err != ERR_OK && !call->head_sent) {
        call->relay.content_events = 0; /* nothing of it will be told */
    }
    return err;
}

/* ---- its end ------------------------------------------------------------------------------ */

static struct event_tokens tongue_billed(const struct call *call)
{
    struct event_tokens tokens = { .of = { 0 } };
    for (size_t i = 0; i < TOKENS_COUNT; i++) {
        tokens.of[i] = call->billed.tokens[i];
    }
    return tokens;
}

static enum err tongue_end(struct call *call)
{
    struct call_tongue *tongue = call->tongue;
    const struct event end = { .kind = EVENT_END };
    tongue->encode.tokens = tongue_billed(call);
    tongue->encode.has_usage = true;
    tongue->encode.fold.tokens = tongue->encode.tokens; /* Responses repeats all at its end */
    tongue->encode.fold.has_usage = true;
    return encode_take(&tongue->encode, &end);
}

static enum err tongue_error(struct call *call, struct str facts)
{
    struct call_tongue *tongue = call->tongue;
    struct str message = STR_EMPTY;
    char id_text[ID_SHOWN_MAX];
    struct buf id = { id_text, 0, sizeof(id_text), sizeof(id_text) };
    EP_IGNORE(id_print(&id, STR("call_"), call->id)); /* fits */
    if (!text_encode(call->message, &tongue->kept, &message)) {
        message = STR_EMPTY; /* the table's sentence will do */
    }
    struct refusal refusal = refusal_of(tongue->dialect, call->err, message, STR_EMPTY);
    refusal.request = buf_str(&id);
    refusal.entrepot = facts;
    refusal.sequence =
        call_tongue_translates(call) ? tongue->encode.sequence : relay_events(&call->relay);
    return refusal_stream(&tongue->out, tongue->dialect, &refusal);
}

/* What has not left, as it came. */
static enum err tongue_own_rest(struct call *call, struct str rest)
{
    struct call_tongue *tongue = call->tongue;
    buf_reset(&tongue->out);
    TRY(buf_append(&tongue->out, buf_str(&call->answer)));
    return buf_append(&tongue->out, rest);
}

static enum err tongue_own_last(struct call *call, struct str facts)
{
    if (call->err == ERR_OK) {
        return tongue_own_rest(call, buf_str(&call->relay.tail));
    }
    TRY(tongue_own_rest(call, STR_EMPTY));
    return tongue_error(call, facts);
}

enum err call_tongue_last(struct call *call, struct str facts, struct str *ret_bytes)
{
    struct call_tongue *tongue = call->tongue;
    enum err err = ERR_OK;
    if (!call_tongue_translates(call)) {
        err = tongue_own_last(call, facts);
    } else if (call->err == ERR_OK) {
        ASSERT(tongue->ends);
        err = tongue_end(call);
    } else {
        EP_IGNORE(tongue_take_held(call)); /* as far as it can be told */
        err = tongue_error(call, facts);
    }
    err = err == ERR_OK ? tongue_list_end(tongue) : err;
    *ret_bytes = buf_str(&tongue->out);
    return err;
}

enum err call_tongue_spent(struct call *call, struct str *ret_bytes)
{
    struct call_tongue *tongue = call->tongue;
    struct str held = buf_str(&call->answer);
    if (call_tongue_translates(call)) {
        TRY(tongue_take_held(call));
    } else {
        TRY(tongue->broken ? ERR_UPSTREAM_SYNTAX : tongue_feed(call, held));
        TRY(tongue_own_rest(call, STR_EMPTY));
    }
    TRY(tongue_blame(decode_cut(&tongue->decode)));
    TRY(tongue_end(call));
    TRY(tongue_list_end(tongue));
    *ret_bytes = buf_str(&tongue->out);
    return ERR_OK;
}

/* ---- a whole answer ----------------------------------------------------------------------- */

enum err call_tongue_fold(struct call *call)
{
    struct call_tongue *tongue = call->tongue;
    struct decode decode;
    arena_fini(&tongue->arena); /* an attempt before this one may have left something */
    arena_init(&tongue->arena, TONGUE_FIRST,
               3 * call->snapshot->options.answer_bytes_max + TONGUE_SPARE);
    fold_init(&tongue->fold, &tongue->arena);
    decode_init(&decode, talk_route_dialect(call->route),
                (struct event_sink){ fold_take, &tongue->fold }, &tongue->arena);
    enum err err = decode_body(&decode, buf_str(&call->answer));
    decode_fini(&decode);
    TRY(tongue_blame(err));
    if (tongue->fold.failed || !tongue->fold.ended) {
        return tongue->fold.failed ? ERR_UPSTREAM_STATUS : ERR_UPSTREAM_CUT;
    }
    tongue->folded = true;
    return ERR_OK;
}

enum err call_tongue_whole(struct call *call)
{
    struct call_tongue *tongue = call->tongue;
    ASSERT(tongue->folded);
    tongue_set_options(call);
    tongue->fold.tokens = tongue_billed(call);
    tongue->fold.has_usage = true;
    buf_reset(&tongue->out);
    TRY(encode_body(&tongue->options, &tongue->fold, &tongue->out, &tongue->lost));
    buf_fini(&call->answer);
    call->answer = tongue->out;
    buf_init(&tongue->out, 1); /* nothing more is told */
    return ERR_OK;
}

enum err call_tongue_usage(const struct call *call, struct buf *out)
{
    const struct event_tokens tokens = tongue_billed(call);
    struct put put = { out, ERR_OK };
    tokens_write(&put, DIALECT_CHAT, &tokens);
    return put.err;
}

struct str call_tongue_name(const struct call *call)
{
    return call->dialect == DIALECT_CHAT ? STR_EMPTY : str_from(dialect_name(call->dialect));
}

void call_tongue_header(const struct call *call, struct reply *reply)
{
    char text[LOST_TEXT_MAX];
    struct buf names = { text, 0, sizeof(text), sizeof(text) };
    struct lost lost = call->lost;
    lost.bits |= call->tongue == NULL ? 0 : call->tongue->lost.bits;
    if (lost.bits != 0 && lost_write(&names, &lost) == ERR_OK) {
        reply_line(reply, "x-entrepot-lost", buf_str(&names));
    }
}
