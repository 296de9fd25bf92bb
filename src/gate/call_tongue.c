#include "gate/call_tongue.h"

#include "base/mem.h"
#include "crypto/digest.h"
#include "dialect/decode.h"
#include "dialect/encode.h"
#include "dialect/gemini_path.h"
#include "dialect/refusal.h"
#include "dialect/talk.h"
#include "gate/call.h"
#include "gate/call_count.h"
#include "gate/gate_internal.h"
#include "gate/reply.h"
#include "wire/url.h"

#define TONGUE_TALK_FIRST  4096
#define TONGUE_TALK_MAX    ((size_t)16 << 20) /* TALK_PARTS_MAX parts */
#define TONGUE_FIRST       1024               /* of a short answer's items */
#define TONGUE_SPARE       ((size_t)1 << 20)  /* of an answer's items, beside its bytes */
#define TONGUE_TOKEN_BYTES 4                  /* of text, where nothing is counted */
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
    struct digest asked; /* the body as it came, where somebody may ask for it */
    struct arena arena;
    struct str echo; /* of the request, in `kept` */
    struct arena kept;
    struct lost lost; /* of the request; of a whole answer, too */
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
    ASSERT(dialect != DIALECT_CHAT);
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

/* ---- the request -------------------------------------------------------------------------- */

static enum err tongue_keep_echo(struct call_tongue *tongue, const struct talk *talk)
{
    struct buf echo;
    if (tongue->dialect != DIALECT_RESPONSES) {
        return ERR_OK;
    }
    buf_init(&echo, TONGUE_SPARE);
    enum err err = talk_echo(talk, &echo);
    if (err == ERR_OK && !arena_copy(&tongue->kept, buf_str(&echo), &tongue->echo)) {
        err = ERR_NO_MEMORY;
    }
    buf_fini(&echo);
    return err;
}

static enum err tongue_write(struct call_tongue *tongue, struct talk *talk, struct buf *out,
                             struct fail *fail)
{
    struct str model;
    if (!text_decode(talk->model, talk->arena, &model)) {
        return ERR_NO_MEMORY;
    }
    const struct talk_target chat = {
        .dialect = DIALECT_CHAT, .model = model, .no_cap = true, /* the route has a name for it */
    };
    TRY(talk_write(talk, &chat, out, &tongue->lost, fail));
    return tongue_keep_echo(tongue, talk);
}

/* By an Idempotency-Key, or an SDK's own count of its tries, a body is told from others. */
static void tongue_note_asked(struct call *call)
{
    const struct http1_head *head = call->x == NULL ? NULL : http_exchange_head(call->x);
    if (head != NULL && (http1_header(head, STR("idempotency-key")).len > 0 ||
                         http1_header(head, STR(CALL_REPEAT_HEADER)).len > 0)) {
        call->tongue->asked = digest_sha256(buf_str(&call->body));
    }
}

struct str call_tongue_asked(const struct call *call)
{
    return call->tongue == NULL ? buf_str(&call->body) : digest_str(&call->tongue->asked);
}

/* Gemini's clients say in the path what others say in the body. */
static enum err tongue_read_path(struct call *call, struct arena *arena, struct talk_path *ret_path,
                                 struct fail *fail)
{
    struct gemini_path path;
    struct str query;
    if (call->x == NULL) {
        return ERR_CANCELLED; /* the path went with its client */
    }
    struct str text = url_target_path(http_exchange_head(call->x)->target, &query);
    bool known = gemini_path_read(text, query, &path);
    ASSERT(known && path.verb <= GEMINI_STREAM); /* front.c sends no other */
    ret_path->stream = path.verb == GEMINI_STREAM;
    call->tongue->array = ret_path->stream && !path.sse;
    enum err err = gemini_path_model(&path, arena, &ret_path->model);
    if (err == ERR_ASK_INVALID) {
        call->param = "model";
        return FAIL(fail, err, "the path's model is no name: its escapes must be UTF-8");
    }
    return err;
}

enum err call_tongue_read(struct call *call, int64_t *ret_cap, struct fail *fail)
{
    struct call_tongue *tongue = call->tongue;
    struct arena arena;
    struct talk talk = { .output_cap = 0 };
    struct talk_path path = { .stream = false };
    struct buf out;
    struct str param = STR_EMPTY;
    arena_init(&arena, TONGUE_TALK_FIRST, TONGUE_TALK_MAX);
    buf_init(&out, 2 * call->snapshot->options.body_bytes_max);
    bool gemini = tongue->dialect == DIALECT_GEMINI;
    enum err err = gemini ? tongue_read_path(call, &arena, &path, fail) : ERR_OK;
    err = err == ERR_OK ? talk_read(tongue->dialect, buf_str(&call->body), gemini ? &path : NULL,
                                    &arena, &talk, fail)
                        : err;
    err = err == ERR_OK ? tongue_write(tongue, &talk, &out, fail) : err;
    *ret_cap = talk.output_cap;
    if (err != ERR_OK && talk.param.len > 0 && arena_copy(&call->arena, talk.param, &param)) {
        call->param = param.ptr;
    }
    arena_fini(&arena);
    if (err != ERR_OK) {
        buf_fini(&out);
        return err == ERR_LIMIT && fail->text[0] == '\0' ? ERR_HTTP_BODY_SIZE : err;
    }
    tongue_note_asked(call);
    buf_fini(&call->body);
    call->body = out;
    tongue->input_tokens = (int64_t)(out.len / TONGUE_TOKEN_BYTES);
    return ERR_OK;
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
    tongue->options = (struct encode_options){
        .dialect = tongue->dialect,
        .call = buf_str(&id),
        .model = call->model->id, /* of letters, digits and marks that need no escape */
        .created_s = call->begun_wall_ns / TONGUE_NS_PER_S,
        .input_tokens = tongue->input_tokens,
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
    decode_init(&tongue->decode, DIALECT_CHAT, (struct event_sink){ tongue_take, tongue },
                &tongue->arena);
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

enum err call_tongue_stream(struct call *call, struct str *events)
{
    struct call_tongue *tongue = call->tongue;
    buf_reset(&tongue->out);
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
    refusal.sequence = tongue->encode.sequence;
    return refusal_stream(&tongue->out, tongue->dialect, &refusal);
}

enum err call_tongue_last(struct call *call, struct str facts, struct str *ret_bytes)
{
    struct call_tongue *tongue = call->tongue;
    enum err err = ERR_OK;
    if (call->err == ERR_OK) {
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

enum err call_tongue_spent(struct call *call, struct str length, struct str *ret_bytes)
{
    struct call_tongue *tongue = call->tongue;
    TRY(tongue_take_held(call));
    TRY(tongue_feed(call, length));
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
    decode_init(&decode, DIALECT_CHAT, (struct event_sink){ fold_take, &tongue->fold },
                &tongue->arena);
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

struct str call_tongue_name(const struct call *call)
{
    return call->tongue == NULL ? STR_EMPTY : str_from(dialect_name(call->tongue->dialect));
}

void call_tongue_header(const struct call *call, struct reply *reply)
{
    char text[LOST_TEXT_MAX];
    struct buf names = { text, 0, sizeof(text), sizeof(text) };
    if (call->tongue != NULL && call->tongue->lost.bits != 0 &&
        lost_write(&names, &call->tongue->lost) == ERR_OK) {
        reply_line(reply, "x-entrepot-lost", buf_str(&names));
    }
}
