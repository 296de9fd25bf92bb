/* entrepot-sandbox: an upstream for trials and tests. See --help. */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include "accent.h"
#include "base/mem.h"
#include "net/server.h"
#include "persona.h"
#include "socket.h"
#include "sounds.h"
#include "wares.h"
#include "wire/json.h"
#include "wire/url.h"

#define SANDBOX_EVENT_MAX   ((size_t)1 << 20)
#define SANDBOX_HEAD_MAX    128 /* two lines of headers */
#define SANDBOX_ANSWER_MAX  ((size_t)64 << 20)
#define SANDBOX_PENDING_MAX ((size_t)64 * 1024) /* of a slow reader, before events wait for it */
#define SANDBOX_BURST       64 /* events of one stream, before the others have their turn */
#define SANDBOX_NS_PER_MS   INT64_C(1000000)

struct sandbox {
    struct loop *loop;
    struct http_server *server;
    struct persona_options persona;
    struct address listen;
    struct str models;
    struct str key; /* empty: any */
    struct scale scale;
    struct script script;
    int64_t first_token_ms;
    int64_t pace_ms;
    int64_t error_rate; /* of a hundred */
    int64_t error_status;
    int64_t cut_after;   /* events; 0: never */
    int64_t error_after; /* likewise: an error inside of the stream */
    uint64_t served;
    struct buf event; /* the one being written, of whichever stream */
};

/* An answer under way: waits for its first token, then for its pace or for its reader. */
struct reply {
    struct sandbox *sandbox;
    struct http_exchange *x;
    struct timer timer;
    struct persona_ask ask;
    struct accent accent;
    struct buf made; /* what is no chat: an answer, events or bytes; empty: a chat */
    const char *made_type;
    size_t made_piece; /* of bytes; 0: events */
    bool made_stream;
    size_t made_at;
    uint64_t number; /* of the request */
    int64_t at;      /* the next event */
    bool waits_for_reader;
    struct task grave;
};

/* ---- answering ---------------------------------------------------------------------------- */

static void reply_free(struct task *task)
{
    mem_free(EP_CONTAINER(task, struct reply, grave));
}

static void reply_over(struct reply *reply)
{
    timer_stop(reply->sandbox->loop, &reply->timer);
    persona_ask_fini(&reply->ask);
    accent_fini(&reply->accent);
    buf_fini(&reply->made);
    task_init(&reply->grave, reply_free);
    loop_bury(reply->sandbox->loop, &reply->grave);
}

static enum dialect sandbox_dialect(struct http_exchange *x)
{
    enum dialect dialect = DIALECT_CHAT;
    struct str query;
    struct str model;
    bool stream = false;
    bool other = accent_of(url_target_path(http_exchange_head(x)->target, &query), &dialect, &model,
                           &stream);
    return other ? dialect : DIALECT_CHAT;
}

static void sandbox_refuse(struct http_exchange *x, const struct persona_fault *fault)
{
    char text[1024];
    struct buf body = { text, 0, sizeof(text), sizeof(text) };
    EP_IGNORE(accent_error(sandbox_dialect(x), fault, &body)); /* the sentences fit */
    http_respond(x, fault->status, STR("content-type: application/json\r\n"), buf_str(&body));
}

static void sandbox_fail(struct http_exchange *x, int status, const char *text)
{
    struct persona_fault fault = { .status = status, .text = text, .type = "server_error" };
    sandbox_refuse(x, &fault);
}

/* An upstream names each request: "x-request-id: sandbox-7"; Gemini does so in the body alone. */
static struct str reply_head(const struct reply *reply, const char *type,
                             char text[SANDBOX_HEAD_MAX])
{
    const char *name = accent_request_id(reply->accent.dialect);
    int len = snprintf(text, SANDBOX_HEAD_MAX, "content-type: %s\r\n%s: sandbox-%llu\r\n", type,
                       name, (unsigned long long)reply->number);
    if (reply->accent.dialect == DIALECT_GEMINI) {
        len = snprintf(text, SANDBOX_HEAD_MAX, "content-type: %s\r\n", type);
    }
    return (struct str){ text, (size_t)len };
}

static void reply_whole(struct reply *reply)
{
    struct buf body;
    buf_init(&body, SANDBOX_ANSWER_MAX);
    enum err err = persona_answer(&reply->ask, &reply->sandbox->persona, &body);
    struct str said = buf_str(&body);
    err = err == ERR_OK && reply->accent.used ? accent_whole(&reply->accent, said, &said) : err;
    if (err == ERR_OK) {
        char text[SANDBOX_HEAD_MAX];
        http_respond(reply->x, 200, reply_head(reply, "application/json", text), said);
    } else {
        sandbox_fail(reply->x, 500, "The answer is too large for the sandbox.");
    }
    buf_fini(&body);
    reply_over(reply);
}

/* The next of the events that were made, off their front. */
static struct str reply_next_made(struct reply *reply)
{
    struct str rest = str_from_at(buf_str(&reply->made), reply->made_at);
    size_t end = reply->made_piece > 0 ? reply->made_piece - 2 : str_search(rest, STR("\n\n"));
    struct str event = str_slice(rest, 0, end + 2 < rest.len ? end + 2 : rest.len);
    reply->made_at += event.len;
    return event;
}

static void reply_made_whole(struct reply *reply)
{
    char text[SANDBOX_HEAD_MAX];
    http_respond(reply->x, 200, reply_head(reply, reply->made_type, text), buf_str(&reply->made));
    reply_over(reply);
}

/* Goes on after `ms`; with none, in the loop's next turn: others want theirs. */
static void reply_start(struct reply *reply, int64_t ms)
{
    struct loop *loop = reply->sandbox->loop;
    int64_t at_ns = loop_now_ns(loop) + ms * SANDBOX_NS_PER_MS;
    if (timer_start(loop, &reply->timer, at_ns) != ERR_OK) {
        http_exchange_abort(reply->x);
        reply_over(reply);
    }
}

/* Writes the next event. False: none is written, the stream breaks off here. */
static bool reply_event(struct reply *reply)
{
    struct sandbox *sandbox = reply->sandbox;
    buf_reset(&sandbox->event);
    if ((sandbox->cut_after > 0 && reply->at >= sandbox->cut_after) ||
        persona_event(&reply->ask, &sandbox->persona, reply->at, &sandbox->event) != ERR_OK) {
        return false;
    }
    struct str part = buf_str(&sandbox->event);
    if (reply->accent.used && accent_event(&reply->accent, part, &part) != ERR_OK) {
        return false;
    }
    if (part.len > 0) {
        http_respond_body(reply->x, &part, 1);
    }
    reply->at++;
    return true;
}

/* An error is the stream's last event. */
static void reply_fail_inside(struct reply *reply)
{
    struct buf *event = &reply->sandbox->event;
    buf_reset(event);
    EP_IGNORE(accent_failure(reply->accent.dialect, event)); /* it fits */
    struct str part = buf_str(event);
    http_respond_last(reply->x, &part, 1);
    reply_over(reply);
}

/* Events until the pace, the reader, the burst or the end stops them. */
static void reply_stream(struct reply *reply)
{
    int64_t count = persona_event_count(&reply->ask, &reply->sandbox->persona);
    int64_t pace_ms = reply->sandbox->pace_ms;
    int64_t left = pace_ms > 0 ? 1 : SANDBOX_BURST;
    for (; left > 0 && reply->at < count && !reply->waits_for_reader; left--) {
        if (reply->sandbox->error_after > 0 && reply->at >= reply->sandbox->error_after) {
            reply_fail_inside(reply);
            return;
        }
        if (!reply_event(reply)) {
            http_exchange_abort(reply->x);
            reply_over(reply);
            return;
        }
        reply->waits_for_reader = http_respond_pending(reply->x) > SANDBOX_PENDING_MAX;
    }
    if (reply->at == count) {
        http_respond_end(reply->x);
        reply_over(reply);
    } else if (!reply->waits_for_reader) {
        reply_start(reply, pace_ms);
    }
}

/* An event a pace, or as cut_after has it. */
static void reply_made_events(struct reply *reply)
{
    struct sandbox *sandbox = reply->sandbox;
    while (reply->made_at < reply->made.len) {
        if (sandbox->cut_after > 0 && reply->at >= sandbox->cut_after) {
            http_exchange_abort(reply->x);
            reply_over(reply);
            return;
        }
        struct str event = reply_next_made(reply);
        http_respond_body(reply->x, &event, 1);
        reply->at++;
        if (sandbox->pace_ms > 0) {
            reply_start(reply, sandbox->pace_ms);
            return;
        }
    }
    http_respond_end(reply->x);
    reply_over(reply);
}

static void reply_on_timer(struct timer *timer)
{
    struct reply *reply = EP_CONTAINER(timer, struct reply, timer);
    bool made = reply->made.len > 0;
    if (!(made ? reply->made_stream : reply->ask.stream)) {
        if (made) {
            reply_made_whole(reply);
        } else {
            reply_whole(reply);
        }
        return;
    }
    if (reply->at == 0) {
        char text[SANDBOX_HEAD_MAX];
        const char *type = made && reply->made_piece > 0 ? reply->made_type : "text/event-stream";
        http_respond_head(reply->x, 200, reply_head(reply, type, text));
    }
    if (made) {
        reply_made_events(reply);
    } else {
        reply_stream(reply);
    }
}

/* ---- requests ----------------------------------------------------------------------------- */

static bool sandbox_lets_in(const struct sandbox *sandbox, struct http_exchange *x)
{
    const struct http1_head *head = http_exchange_head(x);
    enum dialect dialect = sandbox_dialect(x);
    struct str value = http1_header(head, STR("authorization"));
    if (sandbox->key.len == 0) {
        return true;
    }
    if (dialect == DIALECT_ANTHROPIC || dialect == DIALECT_GEMINI) {
        return str_eq(http1_header(head, dialect == DIALECT_GEMINI ? STR("x-goog-api-key")
                                                                   : STR("x-api-key")),
                      sandbox->key);
    }
    return str_starts(value, STR("Bearer ")) && str_eq(str_from_at(value, 7), sandbox->key);
}

/* Every hundred calls hold `error_rate` errors, spread evenly. */
static bool sandbox_errs(struct sandbox *sandbox)
{
    uint64_t rate = (uint64_t)sandbox->error_rate;
    uint64_t before = sandbox->served * rate / 100;
    sandbox->served++;
    return sandbox->served * rate / 100 > before;
}

/* The request is understood: a stream that lasts for minutes keeps none of it. */
static void sandbox_let_go(struct http_exchange *x)
{
    struct buf body;
    http_exchange_take_body(x, &body);
    buf_fini(&body);
    http_exchange_drop_head(x);
}

/* The request, if it is of another dialect as one of chat; and its answer's accent. */
static bool sandbox_read(struct sandbox *sandbox, struct http_exchange *x, int64_t now_s,
                         struct reply *reply, struct persona_fault *fault)
{
    const struct http1_head *head = http_exchange_head(x);
    enum dialect dialect = DIALECT_CHAT;
    struct str query;
    struct str model;
    bool stream = false;
    struct str body = http_exchange_body(x);
    if (!accent_of(url_target_path(head->target, &query), &dialect, &model, &stream)) {
        return persona_read(body, &sandbox->persona, now_s, &reply->ask, fault);
    }
    if (dialect == DIALECT_ANTHROPIC && http1_header(head, STR("anthropic-version")).len == 0) {
        *fault = (struct persona_fault){ 400, "anthropic-version: header is required",
                                         "invalid_request_error", NULL, NULL };
        return false;
    }
    struct buf chat;
    buf_init(&chat, SANDBOX_ANSWER_MAX);
    bool read = accent_read(dialect, body, model, stream, &chat, fault) &&
                persona_read(buf_str(&chat), &sandbox->persona, now_s, &reply->ask, fault);
    buf_fini(&chat);
    if (read) {
        accent_begin(&reply->accent, dialect, &reply->ask, &sandbox->persona, sandbox->served);
    }
    return read;
}

enum sandbox_paths {
    SANDBOX_CHAT = -1, /* beside enum wares */
    SANDBOX_SPEECH = -2,
    SANDBOX_TRANSCRIPTION = -3,
    SANDBOX_TRANSLATION = -4
};

static bool sandbox_sound(struct sandbox *sandbox, int what, struct http_exchange *x,
                          struct reply *reply, struct persona_fault *fault)
{
    struct sounds_made made = { .stream = false };
    struct str body = http_exchange_body(x);
    struct str type = http1_header(http_exchange_head(x), STR("content-type"));
    bool fine = what == SANDBOX_SPEECH
                    ? sounds_say(body, &sandbox->persona, &reply->made, &made, fault)
                    : sounds_hear(type, body, what == SANDBOX_TRANSLATION, &sandbox->persona,
                                  &reply->made, &made, fault);
    reply->made_type = made.type;
    reply->made_stream = made.stream;
    reply->made_piece = made.piece;
    return fine;
}

/* Of a form, first what it says. */
static bool sandbox_ware(struct sandbox *sandbox, enum wares what, struct http_exchange *x,
                         int64_t now_s, struct reply *reply, struct persona_fault *fault)
{
    struct buf said;
    struct str body = http_exchange_body(x);
    bool form = what == WARES_EDITS || what == WARES_VARIATIONS;
    buf_init(&said, SANDBOX_ANSWER_MAX);
    bool fine = !form || wares_form(http1_header(http_exchange_head(x), STR("content-type")), body,
                                    &said, fault);
    fine = fine && wares_make(what, form ? buf_str(&said) : body, &sandbox->persona, now_s,
                              &reply->made, &reply->made_stream, fault);
    buf_fini(&said);
    return fine;
}

static bool sandbox_understand(struct sandbox *sandbox, int what, struct http_exchange *x,
                               struct reply *reply, struct persona_fault *fault)
{
    int64_t now_s = loop_wall_ns(sandbox->loop) / INT64_C(1000000000);
    buf_init(&reply->made, SANDBOX_ANSWER_MAX);
    if (what == SANDBOX_CHAT) {
        return sandbox_read(sandbox, x, now_s, reply, fault);
    }
    buf_init(&reply->ask.arguments, PERSONA_ARGUMENTS_MAX); /* it is no chat, and has none */
    buf_init(&reply->ask.text, PERSONA_TEXT_MAX);
    reply->made_type = "application/json";
    if (what < SANDBOX_CHAT) {
        return sandbox_sound(sandbox, what, x, reply, fault);
    }
    return sandbox_ware(sandbox, (enum wares)what, x, now_s, reply, fault);
}

static void sandbox_answer(struct sandbox *sandbox, struct http_exchange *x, int what)
{
    struct persona_fault fault;
    if (sandbox_errs(sandbox)) {
        sandbox_fail(x, (int)sandbox->error_status, "The sandbox fails on purpose.");
        return;
    }
    struct reply *reply = mem_zalloc(sizeof(*reply));
    if (reply == NULL) {
        sandbox_fail(x, 503, "The sandbox is out of memory.");
        return;
    }
    if (!sandbox_understand(sandbox, what, x, reply, &fault)) {
        buf_fini(&reply->made);
        mem_free(reply);
        sandbox_refuse(x, &fault);
        return;
    }
    reply->sandbox = sandbox;
    reply->number = sandbox->served;
    reply->x = x;
    timer_init(&reply->timer, reply_on_timer);
    http_exchange_own(x, reply);
    sandbox_let_go(x);
    if (sandbox->first_token_ms == 0) {
        reply_on_timer(&reply->timer);
    } else {
        reply_start(reply, sandbox->first_token_ms);
    }
}

static void sandbox_models(struct sandbox *sandbox, struct http_exchange *x)
{
    struct buf body;
    buf_init(&body, SANDBOX_ANSWER_MAX);
    if (persona_models(sandbox->models, &body) == ERR_OK) {
        http_respond(x, 200, STR("content-type: application/json\r\n"), buf_str(&body));
    } else {
        sandbox_fail(x, 503, "The sandbox is out of memory.");
    }
    buf_fini(&body);
}

/* Whether it is a realtime session's, which is the socket's from here on. */
static bool sandbox_speaks(const struct sandbox *sandbox, struct http_exchange *x)
{
    const struct socket_options options = {
        .loop = sandbox->loop,
        .persona = &sandbox->persona,
        .first_token_ms = sandbox->first_token_ms,
        .pace_ms = sandbox->pace_ms,
        .cut_after = sandbox->cut_after,
    };
    return socket_take(&options, x);
}

static void sandbox_on_request(struct http_exchange *x)
{
    static const struct persona_fault no_key = { 401, "Incorrect API key provided.",
                                                 "invalid_request_error", NULL, "invalid_api_key" };
    static const struct persona_fault no_path = { 404, "There is no such path.",
                                                  "invalid_request_error", NULL, "unknown_url" };
    struct sandbox *sandbox = http_server_owner(http_exchange_server(x));
    const struct http1_head *head = http_exchange_head(x);
    struct str query;
    struct str path = url_target_path(head->target, &query);
    static const struct {
        struct str end;
        int what;
    } made[] = {
        { STR_INIT("/chat/completions"), SANDBOX_CHAT },
        { STR_INIT("/embeddings"), WARES_EMBEDDINGS },
        { STR_INIT("/rerank"), WARES_RERANK },
        { STR_INIT("/images/generations"), WARES_IMAGES },
        { STR_INIT("/images/edits"), WARES_EDITS },
        { STR_INIT("/images/variations"), WARES_VARIATIONS },
        { STR_INIT("/audio/speech"), SANDBOX_SPEECH },
        { STR_INIT("/audio/transcriptions"), SANDBOX_TRANSCRIPTION },
        { STR_INIT("/audio/translations"), SANDBOX_TRANSLATION },
    };
    bool accented = sandbox_dialect(x) != DIALECT_CHAT; /* the first row's too */
    size_t at = 0;
    while (at < EP_ARRAY_LEN(made) && !accented &&
           !(head->method == HTTP1_POST && str_ends(path, made[at].end))) {
        at++;
    }
    if (!sandbox_lets_in(sandbox, x)) {
        sandbox_refuse(x, &no_key);
    } else if (sandbox_speaks(sandbox, x)) {
        return;
    } else if (at < EP_ARRAY_LEN(made) && head->method == HTTP1_POST) {
        sandbox_answer(sandbox, x, made[at].what);
    } else if (head->method == HTTP1_GET && str_ends(path, STR("/models"))) {
        sandbox_models(sandbox, x);
    } else {
        sandbox_refuse(x, &no_path);
    }
}

static void sandbox_on_gone(struct http_exchange *x)
{
    struct reply *reply = http_exchange_owner(x);
    if (reply != NULL) {
        reply_over(reply);
    }
}

static void sandbox_on_drained(struct http_exchange *x)
{
    struct reply *reply = http_exchange_owner(x);
    if (reply != NULL && reply->waits_for_reader) {
        reply->waits_for_reader = false;
        reply_start(reply, reply->sandbox->pace_ms);
    }
}

static const struct http_events sandbox_events = {
    .on_request = sandbox_on_request,
    .on_gone = sandbox_on_gone,
    .on_drained = sandbox_on_drained,
};

/* ---- the command line --------------------------------------------------------------------- */

static const char sandbox_help[] =
    "usage: entrepot-sandbox [options]\n"
    "An upstream for trials and tests: OpenAI's chat completions and responses, Anthropic's\n"
    "messages and Gemini's generateContent, with made-up text; OpenAI's\n"
    "embeddings, images, audio and realtime; Cohere's rerank.\n"
    "  --listen ADDRESS:PORT   default 127.0.0.1:9001; port 0 takes a free one\n"
    "  --models A,B            what GET /v1/models lists\n"
    "  --words N               of an answer (default 30)\n"
    "  --first-token-ms N      wait before the first token\n"
    "  --pace-ms N             wait between tokens\n"
    "  --error-rate PERCENT    of the calls fail, with\n"
    "  --error-status N        (default 500)\n"
    "  --cut-after N           break streams off after N events\n"
    "  --error-after N         tell an error inside of streams after N events\n"
    "  --declare-model NAME    answer as another model than the one asked for\n"
    "  --usage WHAT            exact, inflated, padded, missing, or odd: a total one too many\n"
    "  --inflate PERCENT       how much more inflated usage is (default 100)\n"
    "  --pad N                 tokens that padded usage has more (default 100)\n"
    "  --tokenizer MODEL=FILE[,TEMPLATE]\n"
    "                          count this model's tokens by a real vocabulary; may be repeated\n"
    "  --cached N              prompt tokens reported as cached\n"
    "  --cache-write N         prompt tokens reported as written to the cache\n"
    "  --reasoning N           tokens added as reasoning\n"
    "  --reasoning-beside N    tokens of reasoning that the total has and the completion has not\n"
    "  --sources N             sources reported as read by a search\n"
    "  --report JSON           report this usage, whatever was asked and said\n"
    "  --rerank WHAT           answers of rerank: cohere (default), with search units, or jina,\n"
    "                          with tokens\n"
    "  --script FILE           say and call what the file has, turn by turn: a JSON array of\n"
    "                          {\"call\": TOOL, \"arguments\": {...}} and {\"say\": TEXT}\n"
    "  --key KEY               the only key that is let in\n"
    "  --version, --help\n"
    "Without a tokenizer, tokens are runs of letters and digits, and single other marks: no\n"
    "real model's count. A prompt has those of its messages' texts and three for each message.\n"
    "The same request always gets the same answer. With tools, the first (or the named) one is\n"
    "called.\n";

struct sandbox_number {
    const char *flag;
    size_t offset; /* in struct sandbox */
    int64_t min;
    int64_t max;
};

#define NUMBER(flag, field, min, max)                   \
    {                                                   \
        flag, offsetof(struct sandbox, field), min, max \
    }
static const struct sandbox_number sandbox_numbers[] = {
    NUMBER("--words", persona.words, 1, 1000000),
    NUMBER("--cached", persona.cached, 0, 1000000),
    NUMBER("--cache-write", persona.cache_write, 0, 1000000),
    NUMBER("--reasoning", persona.reasoning, 0, 1000000),
    NUMBER("--reasoning-beside", persona.reasoning_beside, 0, 1000000),
    NUMBER("--sources", persona.sources, 0, 1000000),
    NUMBER("--inflate", persona.inflate_percent, 1, 1000),
    NUMBER("--pad", persona.pad, 1, 1000000),
    NUMBER("--first-token-ms", first_token_ms, 0, 3600000),
    NUMBER("--pace-ms", pace_ms, 0, 3600000),
    NUMBER("--error-rate", error_rate, 0, 100),
    NUMBER("--error-status", error_status, 400, 599),
    NUMBER("--cut-after", cut_after, 1, 1000000),
    NUMBER("--error-after", error_after, 1, 1000000),
};

static bool sandbox_usage(struct sandbox *sandbox, struct str value)
{
    static const char *const names[] = {
        [PERSONA_EXACT] = "exact", [PERSONA_INFLATED] = "inflated", [PERSONA_PADDED] = "padded",
        [PERSONA_ODD] = "odd",     [PERSONA_MISSING] = "missing",
    };
    for (size_t i = 0; i < EP_ARRAY_LEN(names); i++) {
        if (str_eq(value, str_from(names[i]))) {
            sandbox->persona.usage = (enum persona_usage)i;
            return true;
        }
    }
    return false;
}

static bool sandbox_report(struct sandbox *sandbox, struct str value)
{
    struct json_fault fault;
    sandbox->persona.report = value;
    return json_check(value, &fault) == ERR_OK && json_kind(value) == JSON_OBJECT;
}

static bool sandbox_tokenizer(struct sandbox *sandbox, struct str value)
{
    struct fail fail = { .text = "" };
    enum err err = scale_add(&sandbox->scale, value, &fail);
    if (err != ERR_OK) {
        (void)fprintf(stderr, "entrepot-sandbox: %s\n", fail.text); /* nobody is left to tell */
    }
    return err == ERR_OK;
}

static bool sandbox_script(struct sandbox *sandbox, struct str value)
{
    struct fail fail = { .text = "" };
    script_fini(&sandbox->script); /* the last one counts */
    enum err err = script_load(&sandbox->script, value.ptr, &fail);
    if (err != ERR_OK) {
        (void)fprintf(stderr, "entrepot-sandbox: %s\n", fail.text); /* nobody is left to tell */
    }
    sandbox->persona.script = err == ERR_OK ? &sandbox->script : NULL;
    return err == ERR_OK;
}

static bool sandbox_set(struct sandbox *sandbox, struct str flag, struct str value)
{
    for (size_t i = 0; i < EP_ARRAY_LEN(sandbox_numbers); i++) {
        const struct sandbox_number *row = &sandbox_numbers[i];
        int64_t *field = (int64_t *)(void *)((char *)sandbox + row->offset);
        if (str_eq(flag, str_from(row->flag))) {
            return str_to_i64(value, field) && *field >= row->min && *field <= row->max;
        }
    }
    if (str_eq(flag, STR("--listen"))) {
        return address_parse(value, &sandbox->listen);
    }
    if (str_eq(flag, STR("--usage"))) {
        return sandbox_usage(sandbox, value);
    }
    if (str_eq(flag, STR("--rerank"))) {
        sandbox->persona.jina = str_eq(value, STR("jina"));
        return sandbox->persona.jina || str_eq(value, STR("cohere"));
    }
    if (str_eq(flag, STR("--report"))) {
        return sandbox_report(sandbox, value);
    }
    if (str_eq(flag, STR("--script"))) {
        return sandbox_script(sandbox, value);
    }
    if (str_eq(flag, STR("--tokenizer"))) {
        return sandbox_tokenizer(sandbox, value);
    }
    struct str *text = str_eq(flag, STR("--models"))          ? &sandbox->models
                       : str_eq(flag, STR("--key"))           ? &sandbox->key
                       : str_eq(flag, STR("--declare-model")) ? &sandbox->persona.declare_model
                                                              : NULL;
    if (text != NULL) {
        *text = value;
    }
    return text != NULL && value.len > 0;
}

/* The exit code, or -1 to go on. */
static int sandbox_options(struct sandbox *sandbox, int argc, char **argv)
{
    for (int i = 1; i < argc; i += 2) {
        const char *value = i + 1 < argc ? argv[i + 1] : "";
        if (strcmp(argv[i], "--help") == 0) {
            (void)fputs(sandbox_help, stdout);
            return 0;
        }
        if (strcmp(argv[i], "--version") == 0) {
            (void)puts("entrepot-sandbox " EP_VERSION);
            return 0;
        }
        if (!sandbox_set(sandbox, str_from(argv[i]), str_from(value))) {
            (void)fprintf(
                stderr,
                "entrepot-sandbox: \"%s\" is not an option, or \"%s\" no value of it; see "
                "--help\n",
                argv[i], value);
            return 2;
        }
    }
    return -1;
}

static struct loop *sandbox_loop; /* for the signal's handler alone */

static void sandbox_on_signal(int number)
{
    (void)number;
    loop_stop(sandbox_loop); /* two atomic stores and a write: allowed in a handler */
}

/* As many connections as the system lets this user have. */
static void sandbox_raise_files(void)
{
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &files); /* else it stays as it was, which serves too */
    }
}

static enum err sandbox_open(struct sandbox *sandbox, struct fail *fail)
{
    struct http_server_options options = http_server_options_default();
    struct address bound;
    char text[64];
    options.events = &sandbox_events;
    options.owner = sandbox;
    TRY(loop_create_real(&sandbox->loop, fail));
    sandbox_loop = sandbox->loop;
    (void)signal(SIGTERM, sandbox_on_signal); /* before anybody can know that it runs */
    (void)signal(SIGINT, sandbox_on_signal);
    TRY(loop_address_free(&sandbox->listen, fail));
    TRY(http_server_create(sandbox->loop, &options, &sandbox->server, fail));
    TRY(http_server_listen(sandbox->server, &sandbox->listen, NULL, &bound, fail));
    address_print(&bound, text, sizeof(text));
    (void)printf("listening on %s\n", text);
    (void)fflush(stdout);
    return ERR_OK;
}

int main(int argc, char **argv)
{
    static struct sandbox sandbox = {
        .persona = { .words = 30, .inflate_percent = 100, .pad = 100 },
        .models = STR_INIT("aurora-large,aurora-small,borealis-chat,aurora-voice"),
        .error_status = 500,
    };
    struct fail fail = { .text = "" };
    if (!address_parse(STR("127.0.0.1:9001"), &sandbox.listen)) {
        return 3;
    }
    sandbox.persona.scale = &sandbox.scale;
    buf_init(&sandbox.event, SANDBOX_EVENT_MAX);
    int code = sandbox_options(&sandbox, argc, argv);
    if (code >= 0) {
        return code;
    }
    sandbox_raise_files();
    if (sandbox_open(&sandbox, &fail) != ERR_OK) {
        (void)fprintf(stderr, "entrepot-sandbox: %s\n", fail.text);
        return 3;
    }
    loop_run(sandbox.loop);
    return 0; /* the system takes back what is open: there is nothing to keep */
}
