/*
 * ep-instructions: calls of fixed input through the production code, from the client's bytes to the
 * receipt's durable row, for a count of the instructions that each takes (tests/instructions/run,
 * under callgrind).
 *
 *   ep-instructions VOCABULARIES
 *
 * The server is the simulator's (tests/sim), in one thread, in a world that leaves nothing to
 * chance. Clients and upstream are bytes that were written before: what happens in the functions
 * outside_...() is not the server's and is not counted. Each measure() is one count.
 */
#include <stdio.h>
#include <stdlib.h>

#include "ask.h"
#include "base/log.h"
#include "base/mem.h"
#include "crypto/digest.h"
#include "disk.h"
#include "life.h"
#include "life_log.h"
#include "meter/shelf.h"
#include "play.h"
#include "prose.h"
#include "random.h"

#define OUTSIDE_CLIENTS   8 /* at once: as many calls share a commit */
#define OUTSIDE_UPSTREAMS 64
#define OUTSIDE_DELTAS    32
#define OUTSIDE_ENDS      3 /* finish, usage, the end */
#define OUTSIDE_PARTS     (OUTSIDE_DELTAS + OUTSIDE_ENDS)
#define OUTSIDE_FEW       17 /* deltas: 20 events */
#define OUTSIDE_HEAD      1024
#define OUTSIDE_SECOND    INT64_C(1000000000)

/* Tokens, as the server counts them: a route that reports others is found, and taken out. */
#define PLAIN_PROMPT            230
#define STREAM_PROMPT           228
#define LARGE_PROMPT            24068
#define AGENT_PROMPT            26000
#define STREAM_PROMPT_RESPONSES 227
#define ANSWER_TOKENS           141           /* with the one that ends it */
#define STREAM_TOKENS(n)        (2 * (n) + 1) /* of deltas */

#define WARM_CALLS   (2 * OUTSIDE_CLIENTS)
#define FIRST_CALLS  OUTSIDE_CLIENTS
#define PLAIN_CALLS  160
#define STREAM_CALLS 80
#define LARGE_CALLS  32
#define AGENT_CALLS  16
#define TOLD_CALLS   40 /* in another dialect than the upstream's */
#define SHORT_CALLS  16
#define SLOW_CALLS   40
#define SLOW_PACE \
    INT64_C(40000000) /* between events: less than the world's signs of life, marks are made */

#define NOT_INLINED __attribute__((noinline))

/* A connection of a client's, or to an upstream: it reads a message to its end. */
struct outside {
    struct watch watch;
    struct timer timer; /* of an upstream that takes its time: to the next part */
    int part;           /* that is sent then */
    char head[OUTSIDE_HEAD];
    size_t head_len;
    uint64_t left; /* of the body */
    bool in_body;
    bool chunked;
    char tail[8]; /* the last bytes of a chunked body */
    size_t sent;
};

static struct play play;
static struct outside clients[OUTSIDE_CLIENTS];
static struct outside upstreams[OUTSIDE_UPSTREAMS];
static struct watch listeners[PLAY_UPSTREAMS];
static char *request_text;
static struct str request; /* of every client; in request_text */
static int deltas;         /* of the upstream's stream; 0: its answer is whole */
static int64_t pace_ns;    /* between its parts; 0: they come at once */
static char answer_text[4096];
static struct str answer;                      /* in answer_text */
static struct str stream_parts[OUTSIDE_PARTS]; /* `deltas` and 3 of them */
static size_t calls_left;                      /* to be begun */
static size_t calls_open;
static char scratch[256 * 1024];

void __wrap_log_end(struct log_line *line);

/* A line is made, and goes nowhere: writing it is another thread's work. */
void __wrap_log_end(struct log_line *line)
{
    (void)line;
}

static _Noreturn void outside_fail(const char *what, struct str bytes)
{
    (void)fprintf(stderr, "ep-instructions: %s: " STR_FMT "\n", what, STR_ARG(bytes));
    exit(1);
}

/* ---- messages ---------------------------------------------------------------------------- */

/* What a client speaks. The upstream speaks chat to each. */
struct outside_dialect {
    const char *path;
    const char *head; /* lines of its own, before the key */
    const char *cap;
    const char *messages;
};

static const struct outside_dialect outside_chat = { "/v1/chat/completions",
                                                     "Authorization: Bearer ", "max_tokens",
                                                     "messages" };
static const struct outside_dialect outside_anthropic = {
    "/v1/messages", "anthropic-version: 2023-06-01\r\nx-api-key: ", "max_tokens", "messages"
};
static const struct outside_dialect outside_responses = { "/v1/responses", "Authorization: Bearer ",
                                                          "max_output_tokens", "input" };

/* What is counted, and `calls` of it. */
struct outside_case {
    const char *name; /* as tests/instructions/run knows it */
    const struct outside_dialect *dialect;
    size_t bytes; /* of the body */
    int deltas;   /* 0: the answer is whole */
    int prompt;   /* tokens */
    size_t calls;
    int64_t pace_ns; /* between events; 0: they come at once */
    bool tools;      /* a conversation with them, and no single question */
};

/* A question of `bytes` in all but its head. */
static void make_question(const struct outside_dialect *dialect, size_t bytes, struct buf *body)
{
    static char words[256 * 1024];
    enum err err =
        buf_printf(body, "{\"model\":\"m-0\",\"%s\":64,%s\"%s\":[{\"role\":\"user\",\"content\":\"",
                   dialect->cap, deltas > 0 ? "\"stream\":true," : "", dialect->messages);
    ASSERT(err == ERR_OK && bytes < sizeof(words));
    prose_fill(words, bytes - body->len - 4, 1);
    ask_put(body, (struct str){ words, bytes - body->len - 4 });
    ask_put(body, STR("\"}]}"));
}

/* A conversation with tools, of chat, to the model of this world. */
static void make_conversation(size_t bytes, struct buf *body)
{
    static const struct str other = STR_INIT("{\"model\":\"aurora-large\"");
    struct buf text;
    buf_init(&text, ASK_BODY_MAX);
    ask_agent(&text, bytes);
    ASSERT(str_starts(buf_str(&text), other));
    ask_put(body, STR("{\"model\":\"m-0\""));
    ask_put(body, str_from_at(buf_str(&text), other.len));
    buf_fini(&text);
}

static void make_request(const struct outside_case *one)
{
    struct buf body;
    struct buf text;
    buf_init(&body, ASK_BODY_MAX);
    buf_init(&text, ASK_BODY_MAX + OUTSIDE_HEAD);
    if (one->tools) {
        make_conversation(one->bytes, &body);
    } else {
        make_question(one->dialect, one->bytes, &body);
    }
    enum err err = buf_printf(&text,
                              "POST %s HTTP/1.1\r\nHost: count\r\n%s%s\r\n"
                              "Content-Type: application/json\r\n"
                              "Content-Length: %zu\r\n\r\n" STR_FMT,
                              one->dialect->path, one->dialect->head, play.accounts[0].key[0],
                              body.len, STR_ARG(buf_str(&body)));
    ASSERT(err == ERR_OK);
    request_text = mem_copy_text(text.ptr, text.len);
    ASSERT(request_text != NULL);
    request = (struct str){ request_text, text.len };
    buf_fini(&text);
    buf_fini(&body);
}

static void make_answer(int prompt)
{
    char words[601];
    char body[1500];
    struct buf text = { answer_text, 0, sizeof(answer_text), sizeof(answer_text) };
    prose_fill(words, sizeof(words) - 1, 2);
    words[sizeof(words) - 1] = '\0';
    int len = snprintf(body, sizeof(body),
                       "{\"id\":\"chatcmpl-1\",\"object\":\"chat.completion\",\"created\":1,"
                       "\"model\":\"m-0\",\"choices\":[{\"index\":0,\"message\":{\"role\":"
                       "\"assistant\",\"content\":\"%s\"},\"finish_reason\":\"stop\"}],\"usage\":"
                       "{\"prompt_tokens\":%d,\"completion_tokens\":%d,\"total_tokens\":%d}}",
                       words, prompt, ANSWER_TOKENS, prompt + ANSWER_TOKENS);
    enum err err = buf_printf(&text,
                              "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
                              "Content-Length: %d\r\n\r\n%s",
                              len, body);
    ASSERT(err == ERR_OK);
    answer = buf_str(&text);
}

static struct str keep(const char *text)
{
    struct str kept = str_from(text);
    kept.ptr = mem_copy_text(kept.ptr, kept.len);
    ASSERT(kept.ptr != NULL);
    return kept;
}

/* A chunk of its own, as a model's server sends it; `head` goes before the first. */
static struct str make_part(const char *head, const char *choices, const char *usage)
{
    char event[512];
    char text[1024]; /* no buffer that grows: what it asks for would count as the calls' */
    int len = snprintf(event, sizeof(event),
                       "data: {\"id\":\"chatcmpl-1\",\"object\":\"chat.completion.chunk\","
                       "\"created\":1,\"model\":\"m-0\",\"choices\":[%s],\"usage\":%s}\n\n",
                       choices, usage);
    (void)snprintf(text, sizeof(text), "%s%x\r\n%s\r\n", head, (unsigned)len, event);
    return keep(text);
}

static void free_stream(void)
{
    for (int i = 0; i < OUTSIDE_PARTS; i++) {
        mem_free((void *)(uintptr_t)stream_parts[i].ptr);
        stream_parts[i] = STR_EMPTY;
    }
}

static void make_stream(int prompt)
{
    char choice[128];
    char usage[128];
    free_stream();
    for (int i = 0; i < deltas; i++) {
        (void)snprintf(choice, sizeof(choice),
                       "{\"index\":0,\"delta\":{\"content\":\" word%02d\"},\"finish_reason\":null}",
                       i);
        stream_parts[i] = make_part(i > 0 ? ""
                                          : "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
                                            "Transfer-Encoding: chunked\r\n\r\n",
                                    choice, "null");
    }
    stream_parts[deltas] =
        make_part("", "{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}", "null");
    (void)snprintf(usage, sizeof(usage),
                   "{\"prompt_tokens\":%d,\"completion_tokens\":%d,\"total_tokens\":%d}", prompt,
                   STREAM_TOKENS(deltas), prompt + STREAM_TOKENS(deltas));
    stream_parts[deltas + 1] = make_part("", "", usage);
    stream_parts[deltas + 2] = keep("e\r\ndata: [DONE]\n\n\r\n0\r\n\r\n");
}

/* ---- reading ----------------------------------------------------------------------------- */

static void outside_reset(struct outside *conn)
{
    conn->head_len = 0;
    conn->in_body = false;
    conn->sent = 0;
}

static void outside_head(struct outside *conn)
{
    struct str head = { conn->head, conn->head_len };
    conn->in_body = true;
    conn->chunked = true;
    for (size_t at = 0; at < head.len; at++) {
        struct str line = str_from_at(head, at);
        if (str_starts_nocase(line, STR("\ncontent-length:"))) {
            struct str value = str_from_at(line, sizeof("\ncontent-length:") - 1);
            conn->chunked = !str_to_u64(str_trim(str_cut(&value, '\r')), &conn->left);
        }
    }
}

/* True: the message has ended. */
static bool outside_body(struct outside *conn, struct str bytes)
{
    static const struct str end = STR_INIT("\r\n0\r\n\r\n");
    if (!conn->chunked) {
        conn->left -= bytes.len < conn->left ? bytes.len : conn->left;
        return conn->left == 0;
    }
    for (size_t i = bytes.len < end.len ? 0 : bytes.len - end.len; i < bytes.len; i++) {
        memmove(conn->tail, conn->tail + 1, end.len - 1);
        conn->tail[end.len - 1] = bytes.ptr[i];
    }
    return str_eq((struct str){ conn->tail, end.len }, end);
}

/* True: the message has ended. */
static bool outside_take(struct outside *conn, struct str bytes)
{
    if (!conn->in_body) {
        size_t before = conn->head_len;
        size_t room = sizeof(conn->head) - before;
        size_t take = bytes.len < room ? bytes.len : room;
        memcpy(conn->head + before, bytes.ptr, take);
        conn->head_len += take;
        size_t end = str_search((struct str){ conn->head, conn->head_len }, STR("\r\n\r\n"));
        if (end == conn->head_len) {
            return false;
        }
        conn->head_len = end + 4;
        bytes = str_from_at(bytes, end + 4 - before);
        outside_head(conn);
    }
    return outside_body(conn, bytes);
}

/* True: the message has ended. */
static bool outside_read(struct outside *conn)
{
    size_t len = 0;
    bool ended = false;
    while (loop_read(play.outside, conn->watch.fd, scratch, sizeof(scratch), &len) == ERR_OK) {
        ended = outside_take(conn, (struct str){ scratch, len });
    }
    return ended;
}

static void outside_write(struct outside *conn, struct str bytes)
{
    while (conn->sent < bytes.len) {
        const char *at = bytes.ptr + conn->sent;
        const struct iovec part = { (void *)(uintptr_t)at, bytes.len - conn->sent }; /* only read */
        size_t len = 0;
        if (loop_write(play.outside, conn->watch.fd, &part, 1, &len) != ERR_OK) {
            return; /* an edge tells when it goes on */
        }
        conn->sent += len;
    }
}

/* ---- upstream ---------------------------------------------------------------------------- */

static void outside_pace(struct outside *conn)
{
    conn->sent = 0;
    outside_write(conn, stream_parts[conn->part++]);
    if (conn->part < deltas + OUTSIDE_ENDS) {
        int64_t at_ns = loop_now_ns(play.outside) + pace_ns;
        enum err err = timer_start(play.outside, &conn->timer, at_ns);
        ASSERT(err == ERR_OK);
    }
}

static NOT_INLINED void outside_on_pace(struct timer *timer)
{
    outside_pace(EP_CONTAINER(timer, struct outside, timer));
}

static void outside_reply(struct outside *conn)
{
    conn->part = 0;
    if (pace_ns > 0) {
        outside_pace(conn);
        return;
    }
    for (int i = 0; i < deltas + OUTSIDE_ENDS && deltas > 0; i++) {
        conn->sent = 0;
        outside_write(conn, stream_parts[i]);
    }
    if (deltas == 0) {
        conn->sent = 0;
        outside_write(conn, answer);
    }
}

static NOT_INLINED void outside_on_asked(struct watch *watch, unsigned events)
{
    struct outside *conn = EP_CONTAINER(watch, struct outside, watch);
    (void)events;
    if (!outside_read(conn)) {
        return;
    }
    outside_reply(conn);
    outside_reset(conn);
}

static NOT_INLINED void outside_on_knock(struct watch *watch, unsigned events)
{
    int fd = -1;
    (void)events;
    while (loop_accept(play.outside, watch->fd, &fd, NULL) == ERR_OK) {
        size_t free_at = 0;
        while (free_at < OUTSIDE_UPSTREAMS && upstreams[free_at].watch.fd >= 0) {
            free_at++;
        }
        ASSERT(free_at < OUTSIDE_UPSTREAMS);
        enum err err = watch_start(play.outside, &upstreams[free_at].watch, fd, NULL);
        ASSERT(err == ERR_OK);
    }
}

/* ---- clients ----------------------------------------------------------------------------- */

static void outside_ask(struct outside *conn)
{
    outside_reset(conn);
    if (calls_left > 0) {
        calls_left--;
        calls_open++;
        outside_write(conn, request);
    }
}

static NOT_INLINED void outside_on_answer(struct watch *watch, unsigned events)
{
    struct outside *conn = EP_CONTAINER(watch, struct outside, watch);
    if (conn->sent > 0 && (events & WATCH_WRITE) != 0) {
        outside_write(conn, request);
    }
    if (!outside_read(conn)) {
        return;
    }
    struct str head = { conn->head, conn->head_len };
    if (!str_starts(head, STR("HTTP/1.1 200"))) {
        outside_fail("a call was not answered", head);
    }
    calls_open--;
    outside_ask(conn);
}

/* ---- the world --------------------------------------------------------------------------- */

static void set_up_outside(void)
{
    for (int i = 0; i < OUTSIDE_UPSTREAMS; i++) {
        watch_init(&upstreams[i].watch, outside_on_asked);
        timer_init(&upstreams[i].timer, outside_on_pace);
    }
    for (int i = 0; i < PLAY_UPSTREAMS; i++) {
        struct address address;
        char text[32];
        int fd = -1;
        (void)snprintf(text, sizeof(text), "127.0.0.1:%d", PLAY_PORT_UPSTREAM + i);
        bool parsed = address_parse(str_from(text), &address);
        enum err err = loop_listen(play.outside, &address, 64, &fd, NULL, NULL);
        watch_init(&listeners[i], outside_on_knock);
        err = err == ERR_OK ? watch_start(play.outside, &listeners[i], fd, NULL) : err;
        ASSERT(parsed && err == ERR_OK);
    }
}

static void set_up_clients(void)
{
    struct address address;
    bool parsed = address_parse(STR("127.0.0.1:8080"), &address);
    for (int i = 0; i < OUTSIDE_CLIENTS; i++) {
        int fd = -1;
        watch_init(&clients[i].watch, outside_on_answer);
        enum err err = loop_connect(play.outside, &address, &fd, NULL);
        err = err == ERR_OK ? watch_start(play.outside, &clients[i].watch, fd, NULL) : err;
        ASSERT(parsed && err == ERR_OK);
    }
    sim_run(play.sim, sim_now_ns(play.sim) + OUTSIDE_SECOND / 10);
}

static void set_up(const char *vocabularies)
{
    struct sim_options options = sim_options_default(1);
    struct fail fail = { .text = "" };
    options.even = true;
    options.window_bytes = sizeof(scratch);
    play = (struct play){ .seed = 1, .steady = true, .kept_leaves = -1, .early_leaves = 8 };
    random_seed(play.seed);
    disk_format(play.seed);
    life_log_begin();
    enum err err = sim_create(&options, &play.sim, &fail);
    err = err == ERR_OK ? loop_create_sim(play.sim, &play.outside, &fail) : err;
    err = err == ERR_OK ? shelf_create(str_from(vocabularies), &play.shelf) : err;
    for (int i = 0; i < PLAY_ACCOUNTS; i++) {
        play.accounts[i] = (struct account){ .purchased = INT64_C(1000000000000), .rich = true };
    }
    err = err == ERR_OK ? life_open(&play, &fail) : err;
    err = err == ERR_OK ? life_furnish(&play, &fail) : err;
    if (err != ERR_OK) {
        outside_fail("the server does not start", str_from(fail.text));
    }
    set_up_outside();
    set_up_clients();
}

static void make_calls(size_t count)
{
    calls_left = count;
    for (int i = 0; i < OUTSIDE_CLIENTS; i++) {
        outside_ask(&clients[i]);
    }
    int64_t until_ns = sim_now_ns(play.sim) + 60 * OUTSIDE_SECOND;
    while (calls_open > 0) {
        if (!sim_step(play.sim, until_ns)) {
            outside_fail("calls are not answered", STR("within a simulated minute"));
        }
    }
}

/* The first has the start's counts, and is of no use. */
static const struct outside_case cases[] = {
    { "first", &outside_chat, 1024, 0, PLAIN_PROMPT, FIRST_CALLS, 0, false },
    { "plain", &outside_chat, 1024, 0, PLAIN_PROMPT, PLAIN_CALLS, 0, false },
    { "stream", &outside_chat, 1024, OUTSIDE_DELTAS, STREAM_PROMPT, STREAM_CALLS, 0, false },
    { "slow", &outside_chat, 1024, OUTSIDE_DELTAS, STREAM_PROMPT, SLOW_CALLS, SLOW_PACE, false },
    { "large", &outside_chat, (size_t)100 * 1024, 0, LARGE_PROMPT, LARGE_CALLS, 0, false },
    { "agent", &outside_chat, (size_t)100 * 1024, 0, AGENT_PROMPT, AGENT_CALLS, 0, true },
    { "anthropic", &outside_anthropic, 1024, 0, PLAIN_PROMPT, TOLD_CALLS, 0, false },
    { "anthropic_stream", &outside_anthropic, 1024, OUTSIDE_DELTAS, STREAM_PROMPT, TOLD_CALLS, 0,
      false },
    { "anthropic_short", &outside_anthropic, 1024, OUTSIDE_FEW, STREAM_PROMPT, SHORT_CALLS, 0,
      false },
    { "responses", &outside_responses, 1024, 0, PLAIN_PROMPT, TOLD_CALLS, 0, false },
    { "responses_stream", &outside_responses, 1024, OUTSIDE_DELTAS, STREAM_PROMPT_RESPONSES,
      TOLD_CALLS, 0, false },
    { "responses_short", &outside_responses, 1024, OUTSIDE_FEW, STREAM_PROMPT_RESPONSES,
      SHORT_CALLS, 0, false },
};

/* What is counted until here is not the measured calls' own. */
static NOT_INLINED void prepare(const struct outside_case *one)
{
    mem_free(request_text);
    deltas = one->deltas;
    pace_ns = one->pace_ns;
    make_request(one);
    make_answer(one->prompt);
    make_stream(one->prompt);
    make_calls(WARM_CALLS); /* what is made once is there */
}

static NOT_INLINED void measure(size_t calls)
{
    make_calls(calls);
}

int main(int argc, char **argv)
{
    struct fail fail = { .text = "" };
    if (argc != 2) {
        (void)fprintf(stderr, "usage: %s VOCABULARIES\n", argv[0]);
        return 2;
    }
    if (setenv("EP_SIM_SECRET", "simulated", 1) != 0 || crypto_start(&fail) != ERR_OK) {
        return 2;
    }
    set_up(argv[1]);
    for (size_t i = 0; i < EP_ARRAY_LEN(cases); i++) {
        const struct outside_case *one = &cases[i];
        prepare(one);
        measure(one->calls);
        /* What callgrind cannot know: how many calls a count is of, and how many with those before
         * it, because it does not take back how often a function was called. */
        (void)printf("%s %zu %zu\n", one->name, one->calls, one->calls + WARM_CALLS);
    }
    return 0; /* the world ends with the process */
}
