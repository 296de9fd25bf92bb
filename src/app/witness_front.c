#include "app/witness_front.h"

#include <stdio.h>

#include "base/enc.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/stamp.h"
#include "net/server.h"
#include "wire/url.h"

#define FRONT_HEAD_MAX        ((size_t)16 * 1024)
#define FRONT_CONNECTIONS_MAX 256 /* logs, which keep one open, and monitors */
#define FRONT_BODY_NS         (INT64_C(10) * STAMP_NS_PER_S) /* for 68 KiB at most */
#define FRONT_DRAIN_NS        (INT64_C(5) * STAMP_NS_PER_S)
#define FRONT_TEXT            "content-type: text/plain; charset=utf-8\r\n"
#define FRONT_HASH_DIGITS     ((size_t)2 * DIGEST_BYTES)

/* A list of logs and who asks by it: the last one to end destroys a list that was replaced. */
struct front_list {
    struct witness_logs *logs;
    struct witness_self self;
    size_t asks;
};

struct witness_front {
    struct loop *loop;
    const struct witness_folder *folder;
    struct front_list *list; /* in force; NULL: none yet */
    struct http_server *server;
    size_t asks_open;
    struct timer drain;
    bool drained; /* connections had their time to end */
};

struct front_ask;
typedef void front_answer_fn(const struct front_ask *ask);

/* One request on its way through the store. */
struct front_ask {
    struct store_job job;
    struct witness_front *front;
    struct front_list *list;
    struct http_exchange *x; /* NULL: who asked has gone; what was begun is done all the same */
    front_answer_fn *answer; /* with `x` */
    struct buf body;
    struct witness_request request; /* of add-checkpoint: borrows the body */
    struct witness_turn turn;
    struct str origin; /* of a monitor's question */
};

/* ---- what is logged ------------------------------------------------------------------------ */

/* `request` NULL: it was refused before it could be believed. */
static void front_log(const struct witness_request *request, enum witness_status status,
                      const struct fail *refusal)
{
    struct log_line line;
    log_begin(&line, status == WITNESS_COSIGNS ? EVENT_WITNESS_COSIGNED : EVENT_WITNESS_REFUSED);
    log_int(&line, "status", (int64_t)status);
    if (request != NULL) {
        log_str(&line, "origin", request->checkpoint.origin);
        log_int(&line, "old", request->old);
        log_int(&line, "size", request->checkpoint.size);
    }
    if (status != WITNESS_COSIGNS) {
        log_str(&line, "why", str_from(refusal->text));
    }
    log_end(&line);
}

/* Two trees of one size under a log's signature: the note is the proof, whoever has brought it. */
static void front_log_split(const struct front_ask *ask)
{
    const struct witness_request *request = &ask->request;
    if (ask->turn.status == WITNESS_INCONSISTENT && ask->turn.known > 0 &&
        request->checkpoint.size == ask->turn.known &&
        !digest_eq(&request->checkpoint.root, &ask->turn.known_root)) {
        struct str text = request->note.text;
        size_t len = text.len + 1 + request->note.signatures.len; /* as it came: in one piece */
        struct log_line line;
        struct buf note;
        buf_init(&note, LOG_LINE_MAX);
        EP_IGNORE(enc_base64(&note, text.ptr, len)); /* what no line holds is left out */
        log_begin(&line, EVENT_WITNESS_SPLIT);
        log_str(&line, "origin", request->checkpoint.origin);
        log_int(&line, "size", request->checkpoint.size);
        log_str(&line, "note", buf_str(&note));
        log_end(&line);
        buf_fini(&note);
    }
}

/* ---- answers ------------------------------------------------------------------------------- */

static void front_say(struct http_exchange *x, int status, const char *text)
{
    char bytes[FAIL_TEXT_MAX + 2];
    int len = snprintf(bytes, sizeof(bytes), "%s\n", text);
    ASSERT(len > 0 && (size_t)len < sizeof(bytes));
    http_respond(x, status, STR(FRONT_TEXT), (struct str){ bytes, (size_t)len });
}

static void front_say_size(struct http_exchange *x, int64_t size)
{
    char bytes[32];
    struct buf text = { bytes, 0, sizeof(bytes), sizeof(bytes) };
    EP_IGNORE(buf_i64(&text, size)); /* both fit */
    EP_IGNORE(buf_byte(&text, '\n'));
    http_respond(x, (int)WITNESS_ELSEWHERE, STR("content-type: text/x.tlog.size\r\n"),
                 buf_str(&text));
}

static void front_answer_turn(const struct front_ask *ask)
{
    const struct witness_turn *turn = &ask->turn;
    if (turn->status == WITNESS_COSIGNS) {
        http_respond(ask->x, 200, STR(FRONT_TEXT), buf_str(&turn->line));
    } else if (turn->status == WITNESS_ELSEWHERE) {
        front_say_size(ask->x, turn->known);
    } else {
        front_say(ask->x, (int)turn->status, turn->refusal.text);
    }
}

static void front_answer_note(const struct front_ask *ask)
{
    if (ask->turn.note.len == 0) {
        front_say(ask->x, 404, "nothing of that log was cosigned yet");
        return;
    }
    http_respond(ask->x, 200, STR(FRONT_TEXT "cache-control: no-cache\r\n"),
                 buf_str(&ask->turn.note));
}

/* ---- lists ---------------------------------------------------------------------------------- */

static void front_list_destroy(struct front_list *list)
{
    ASSERT(list->asks == 0);
    witness_logs_destroy(list->logs);
    mem_free(list);
}

static void front_list_leave(const struct witness_front *front, struct front_list *list)
{
    ASSERT(list->asks > 0);
    list->asks--;
    if (list->asks == 0 && list != front->list) {
        front_list_destroy(list);
    }
}

enum err witness_front_watch(struct witness_front *front, struct witness_logs *logs)
{
    struct front_list *old = front->list;
    struct front_list *list = mem_zalloc(sizeof(*list));
    if (list == NULL) {
        return ERR_NO_MEMORY;
    }
    list->logs = logs;
    list->self = (struct witness_self){ logs, &front->folder->key, front->folder->secret };
    front->list = list;
    if (old != NULL && old->asks == 0) {
        front_list_destroy(old);
    }
    return ERR_OK;
}

/* ---- through the store --------------------------------------------------------------------- */

static enum err front_run_turn(struct store_job *job, struct store_txn *txn, struct fail *fail)
{
    struct front_ask *ask = EP_CONTAINER(job, struct front_ask, job);
    int64_t now_s = stamp_system_ns() / STAMP_NS_PER_S;
    ask->turn.time_s = now_s > 0 ? now_s : 1; /* 0 would say that it is not known */
    return witness_state_judge(txn, &ask->turn, fail);
}

static enum err front_run_note(struct store_job *job, struct store_txn *txn, struct fail *fail)
{
    struct front_ask *ask = EP_CONTAINER(job, struct front_ask, job);
    return witness_state_note(txn, ask->origin, &ask->turn.note, fail);
}

static void front_end(struct front_ask *ask)
{
    front_list_leave(ask->front, ask->list);
    witness_turn_fini(&ask->turn);
    buf_fini(&ask->body);
    mem_free(ask);
}

static void front_on_done(struct store_job *job)
{
    struct front_ask *ask = EP_CONTAINER(job, struct front_ask, job);
    struct witness_front *front = ask->front;
    bool judged = job->err == ERR_OK && ask->answer == front_answer_turn;
    if (judged) {
        front_log(&ask->request, ask->turn.status, &ask->turn.refusal);
        front_log_split(ask);
    }
    if (ask->x != NULL && job->err == ERR_OK) {
        ask->answer(ask);
    } else if (ask->x != NULL) {
        front_say(ask->x, 503, "the witness could not read or write what it remembers");
    }
    if (store_failed(front->folder->state)) {
        loop_stop(front->loop);
    }
    front->asks_open--;
    front_end(ask);
}

/* Answers by itself if there is no memory. */
static struct front_ask *front_begin(struct witness_front *front, struct http_exchange *x)
{
    struct front_ask *ask = mem_zalloc(sizeof(*ask));
    if (ask == NULL) {
        front_say(x, 503, "no memory; try again");
        return NULL;
    }
    ask->front = front;
    ask->list = front->list;
    ask->list->asks++;
    ask->x = x;
    witness_turn_init(&ask->turn);
    ask->turn.self = &ask->list->self;
    ask->turn.request = &ask->request;
    return ask;
}

static void front_submit(struct front_ask *ask, store_run_fn *run, front_answer_fn *answer)
{
    ask->answer = answer;
    ask->job = (struct store_job){ .run = run, .done = front_on_done, .home = ask->front->loop };
    http_exchange_own(ask->x, ask);
    ask->front->asks_open++;
    store_submit(ask->front->folder->state, &ask->job);
}

/* ---- requests ------------------------------------------------------------------------------ */

static void front_add_checkpoint(struct witness_front *front, struct http_exchange *x)
{
    struct fail refusal = { .text = "" };
    struct front_ask *ask = front_begin(front, x);
    if (ask == NULL) {
        return;
    }
    http_exchange_take_body(x, &ask->body);
    enum witness_status status =
        witness_open(ask->list->logs, buf_str(&ask->body), &ask->request, &refusal);
    if (status == WITNESS_COSIGNS) {
        front_submit(ask, front_run_turn, front_answer_turn);
        return;
    }
    front_log(NULL, status, &refusal);
    front_say(x, (int)status, refusal.text);
    front_end(ask);
}

/* The origin whose SHA-256 this is, in lower case. */
static bool front_find_origin(const struct witness_logs *logs, struct str hash,
                              struct str *ret_origin)
{
    for (size_t i = 0; i < witness_logs_count(logs); i++) {
        char digits[FRONT_HASH_DIGITS];
        struct buf text = { digits, 0, sizeof(digits), sizeof(digits) };
        struct str origin = witness_logs_origin(logs, i);
        struct digest digest = digest_sha256(origin);
        EP_IGNORE(enc_hex(&text, digest.bytes, DIGEST_BYTES)); /* it fits */
        if (str_eq(buf_str(&text), hash)) {
            *ret_origin = origin;
            return true;
        }
    }
    return false;
}

static void front_checkpoint(struct witness_front *front, struct http_exchange *x, struct str hash)
{
    struct str origin;
    if (!front_find_origin(front->list->logs, hash, &origin)) {
        front_say(x, 404, "no log with that origin is watched here");
        return;
    }
    struct front_ask *ask = front_begin(front, x);
    if (ask != NULL) {
        ask->origin = origin;
        front_submit(ask, front_run_note, front_answer_note);
    }
}

/* "/HASH/checkpoint" > HASH */
static bool front_is_checkpoint(struct str path, struct str *ret_hash)
{
    static const struct str end = STR_INIT("/checkpoint");
    if (path.len != 1 + FRONT_HASH_DIGITS + end.len || !str_ends(path, end)) {
        return false;
    }
    *ret_hash = str_slice(path, 1, 1 + FRONT_HASH_DIGITS);
    return true;
}

static void front_on_request(struct http_exchange *x)
{
    struct witness_front *front = http_server_owner(http_exchange_server(x));
    const struct http1_head *head = http_exchange_head(x);
    struct str query;
    struct str hash;
    struct str path = url_target_path(head->target, &query);
    bool reads = head->method == HTTP1_GET || head->method == HTTP1_HEAD;
    if (str_eq(path, STR("/add-checkpoint"))) {
        if (head->method == HTTP1_POST) {
            front_add_checkpoint(front, x);
        } else {
            http_respond(x, 405, STR("allow: POST\r\n"), STR_EMPTY);
        }
    } else if (!reads) {
        front_say(x, 404, "checkpoints are sent to /add-checkpoint");
    } else if (front_is_checkpoint(path, &hash)) {
        front_checkpoint(front, x, hash);
    } else if (str_eq(path, STR("/healthz"))) {
        front_say(x, 200, "alive");
    } else {
        front_say(x, 404, "here are /add-checkpoint, /SHA256-OF-ORIGIN/checkpoint and /healthz");
    }
}

static void front_on_gone(struct http_exchange *x)
{
    struct front_ask *ask = http_exchange_owner(x);
    if (ask != NULL) {
        ask->x = NULL;
    }
}

static const struct http_events front_events = {
    .on_request = front_on_request,
    .on_gone = front_on_gone,
};

/* ---- life ---------------------------------------------------------------------------------- */

static void front_on_drain(struct timer *timer)
{
    EP_CONTAINER(timer, struct witness_front, drain)->drained = true;
}

static enum err front_listen(struct witness_front *front, const struct address *address,
                             struct address *ret_bound, struct fail *fail)
{
    struct http_server_options options = http_server_options_default();
    options.events = &front_events;
    options.owner = front;
    options.head_bytes_max = FRONT_HEAD_MAX;
    options.body_bytes_max = WITNESS_REQUEST_MAX;
    options.connections_max = FRONT_CONNECTIONS_MAX;
    options.body_ns = FRONT_BODY_NS;
    TRY(loop_address_free(address, fail));
    TRY(http_server_create(front->loop, &options, &front->server, fail));
    return http_server_listen(front->server, address, NULL, ret_bound, fail);
}

enum err witness_front_open(struct loop *loop, const struct witness_folder *folder,
                            const struct address *address, struct address *ret_bound,
                            struct witness_front **ret_front, struct fail *fail)
{
    struct witness_front *front = mem_zalloc(sizeof(*front));
    if (front == NULL) {
        return FAIL(fail, ERR_NO_MEMORY, "no memory for the witness");
    }
    front->loop = loop;
    front->folder = folder;
    timer_init(&front->drain, front_on_drain);
    enum err err = front_listen(front, address, ret_bound, fail);
    if (err != ERR_OK) {
        witness_front_close(front);
        return err;
    }
    *ret_front = front;
    return ERR_OK;
}

void witness_front_close(struct witness_front *front)
{
    if (front == NULL) {
        return;
    }
    if (front->server != NULL) {
        http_server_stop_accepting(front->server);
        http_server_drain(front->server);
        front->drained = timer_start(front->loop, &front->drain,
                                     loop_now_ns(front->loop) + FRONT_DRAIN_NS) != ERR_OK;
        while (front->asks_open > 0 ||
               (http_server_connections(front->server) > 0 && !front->drained)) {
            (void)loop_turn(front->loop, true); /* until the answers are out */
        }
        timer_stop(front->loop, &front->drain);
    }
    http_server_destroy(front->server);
    if (front->list != NULL) {
        front_list_destroy(front->list);
    }
    mem_free(front);
}
