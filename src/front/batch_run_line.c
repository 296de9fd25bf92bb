/* A line of a batch: read by a worker, asked as a call, and over when its result is noted. */
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "batch/content.h"
#include "front/batch_asker.h"
#include "front/batch_run_internal.h"
#include "front/front_internal.h"
#include "gate/law.h"

#define LINE_TRIES_COUNTED \
    4095U /* what an entry has room for: all that matters is that it is many */
#define LINE_HEADERS_MAX 512
#define LINE_REQUEST_MAX 64   /* bytes of a request's id */
#define LINE_JSON_SPARE  4096 /* of a result, beside the answer */

struct run_line {
    struct batch_run *run;
    int64_t number;
    uint64_t at; /* where it stands: entries are the loop's */
    size_t len;
    struct job job;
    enum err err;
    struct buf text; /* the line */
    struct batch_ask ask;
    struct batch_fault fault;
    bool fine;
    struct buf body; /* of the request */
    struct http_inner inner;
    struct buf answer;
    char request[LINE_REQUEST_MAX];
    size_t request_len;
    int status;
    bool again; /* the answer says that it may be asked again */
};

static struct batch_entry *line_entry(const struct run_line *line)
{
    return &line->run->index.entries[line->number - 1];
}

static void line_free(struct run_line *line)
{
    struct batch_run *run = line->run;
    buf_fini(&line->text);
    buf_fini(&line->body);
    buf_fini(&line->answer);
    mem_free(line);
    run->open--;
    run->runner->calls--;
    run_step(run);
    runner_step(run->runner);
}

/* ---- its end ------------------------------------------------------------------------------ */

static struct batch_result line_result(const struct run_line *line)
{
    return (struct batch_result){ line->run->batch.shape, line->run->id, line->number,
                                  line->ask.custom_id };
}

/* It is asked again later, and so is what comes behind it: what is full for one is for others. */
static void line_put_back(struct run_line *line)
{
    struct batch_run *run = line->run;
    struct batch_entry *entry = line_entry(line);
    int64_t now_ns = loop_now_ns(run->runner->front->loop);
    entry->state = BATCH_ENTRY_NEXT;
    if (entry->tries < LINE_TRIES_COUNTED) {
        entry->tries++;
    }
    run->next = (size_t)line->number - 1 < run->next ? (size_t)line->number - 1 : run->next;
    run->wait_ns = run->wait_ns == 0 ? RUN_WAIT_FIRST_NS : 2 * run->wait_ns;
    run->wait_ns = run->wait_ns < RUN_WAIT_MAX_NS ? run->wait_ns : RUN_WAIT_MAX_NS;
    run->wait_until_ns = now_ns + run->wait_ns;
    line_free(line);
}

/* `err`: of making the result. */
static void line_end(struct run_line *line, enum content_end end, const struct buf *json,
                     enum err err)
{
    if (err != ERR_OK) {
        line_put_back(line); /* no memory: the books have the answer */
        return;
    }
    run_note_end(line->run, line->number, end, buf_str(json));
    line_free(line);
}

static void line_end_fault(struct run_line *line, const struct batch_fault *fault)
{
    const struct batch_result result = line_result(line);
    struct buf json;
    buf_init(&json, LINE_JSON_SPARE);
    enum err err = batch_result_fault(&json, &result, fault);
    line_end(line, CONTENT_FAILED, &json, err);
    buf_fini(&json);
}

static void line_end_answer(struct run_line *line)
{
    const struct batch_result result = line_result(line);
    struct buf json;
    buf_init(&json, 2 * line->answer.len + LINE_JSON_SPARE);
    enum err err = batch_result_answer(&json, &result, line->status,
                                       (struct str){ line->request, line->request_len },
                                       buf_str(&line->answer));
    line_end(line, line->status == 200 ? CONTENT_DONE : CONTENT_FAILED, &json, err);
    buf_fini(&json);
}

/* A limit or a place that is full is waited for as long as there is time; what a source fails is
 * tried some times; what will not change is a result. A batch that is closing waits for nothing. */
static bool line_may_ask_again(const struct run_line *line)
{
    bool patient = line->status == 429 || line->status == 503;
    bool tries_left = patient || line_entry(line)->tries + 1 < RUN_TRIES_MAX;
    return line->again && tries_left && !run_is_closing(line->run) && !line->run->runner->draining;
}

/* What a stopping server has cut, or what is asked again after it, is as if it had never been. */
static bool line_is_undone(const struct run_line *line)
{
    return line->again && line->run->runner->draining;
}

/* Nothing can be written any more: whether the call was sold is known after a restart. */
static bool line_is_unknown(const struct run_line *line)
{
    return line->status == 503 && store_failed(line->run->runner->front->world.gate.store);
}

/* It was sold, and what keeps it from the books now (the law, a limit, a model that is gone) says
 * nothing of that call. They themselves answer with it, or that they have no answer. */
static bool line_is_kept_from(const struct run_line *line)
{
    return line_entry(line)->sold && line->status != 200 && line->status != 409;
}

/* What the call was is in the books, which are asked again with its key. */
static void line_end_broken(struct run_line *line)
{
    static const struct batch_fault broken = {
        "answer_lost", NULL,
        "The answer was broken off. If it was charged, the account's receipts say so."
    };
    if (line_entry(line)->tries + 1 < RUN_TRIES_MAX || line->run->runner->draining) {
        line_put_back(line);
    } else {
        line_end_fault(line, &broken);
    }
}

static void line_on_end(struct http_inner *inner)
{
    struct run_line *line = EP_CONTAINER(inner, struct run_line, inner);
    if (line_may_ask_again(line) || line_is_undone(line) || line_is_unknown(line)) {
        line_put_back(line);
        return;
    }
    if (line_is_kept_from(line)) {
        line_end_broken(line);
        return;
    }
    line->run->wait_ns = line->again ? line->run->wait_ns : 0;
    line_end_answer(line);
}

/* Broken off. */
static void line_on_failed(struct http_inner *inner, enum err err)
{
    struct run_line *line = EP_CONTAINER(inner, struct run_line, inner);
    (void)err;
    line_entry(line)->claimed = 1; /* even when nothing new is begun */
    line_end_broken(line);
}

/* ---- its call ----------------------------------------------------------------------------- */

/* The value of a header line of our own making: small letters, one blank. Empty: there is none. */
static struct str line_header(struct str headers, struct str name)
{
    while (headers.len > 0) {
        size_t end = str_find(headers, '\r');
        struct str line = str_slice(headers, 0, end);
        if (str_starts(line, name)) {
            return str_from_at(line, name.len);
        }
        headers = end + 2 <= headers.len ? str_from_at(headers, end + 2) : STR_EMPTY;
    }
    return STR_EMPTY;
}

static void line_on_head(struct http_inner *inner, int status, struct str headers)
{
    struct run_line *line = EP_CONTAINER(inner, struct run_line, inner);
    struct str request = line_header(headers, STR("x-request-id: "));
    line->status = status;
    line->again = str_eq(line_header(headers, STR("x-should-retry: ")), STR("true"));
    line->request_len = request.len < sizeof(line->request) ? request.len : 0;
    memcpy(line->request, request.len > 0 ? request.ptr : "", line->request_len);
}

static void line_on_body(struct http_inner *inner, struct str data)
{
    struct run_line *line = EP_CONTAINER(inner, struct run_line, inner);
    if (buf_append(&line->answer, data) != ERR_OK) {
        http_inner_cancel(inner);
        line_put_back(line); /* no memory: the books keep the answer */
    }
}

static const struct http_inner_events line_events = {
    .on_head = line_on_head,
    .on_body = line_on_body,
    .on_end = line_on_end,
    .on_failed = line_on_failed,
};

static enum err line_headers(const struct run_line *line, struct buf *out)
{
    const struct batch *batch = &line->run->batch;
    char text[RUN_KEY_MAX];
    struct buf key = { text, 0, sizeof(text), sizeof(text) };
    run_key(line->run, line->number, &key);
    TRY(buf_printf(out, "content-type: application/json\r\nidempotency-key: " STR_FMT "\r\n",
                   STR_ARG(buf_str(&key))));
    if (batch->market.len > 0) {
        TRY(buf_printf(out, CALL_LAW_MARKET ": " STR_FMT "\r\n", STR_ARG(batch->market)));
    }
    return batch->shape == BATCH_ANTHROPIC
               ? buf_append(out, STR("anthropic-version: 2023-06-01\r\n"))
               : ERR_OK;
}

static void line_ask(struct run_line *line)
{
    struct batch_run *run = line->run;
    struct front *front = run->runner->front;
    char text[LINE_HEADERS_MAX];
    struct buf headers = { text, 0, sizeof(text), sizeof(text) };
    enum err err = line_headers(line, &headers);
    ASSERT(err == ERR_OK); /* they are ours, and short */
    const struct http_inner_request request = {
        .method = STR("POST"),
        .target = run->batch.endpoint,
        .headers = buf_str(&headers),
        .body = &line->body,
        .from = batch_asker_from(gate_server(front->gate), &run->batch),
        .actor = &run->actor,
    };
    http_inner_init(&line->inner, &line_events);
    buf_init(&line->answer, RUN_ANSWER_MAX);
    err = http_inner_start(gate_server(front->gate), &request, &line->inner);
    if (err == ERR_HTTP_BODY_SIZE) {
        static const struct batch_fault large = { "body_too_large", "body",
                                                  "The request is larger than one may be." };
        line_end_fault(line, &large);
    } else if (err != ERR_OK) {
        line_put_back(line); /* no memory, or no room */
    }
}

/* ---- reading it --------------------------------------------------------------------------- */

/* On the worker's thread: the run's descriptor stays open while lines are. */
static void line_read(struct job *job)
{
    struct run_line *line = EP_CONTAINER(job, struct run_line, job);
    const struct batch_run *run = line->run;
    struct fail fail;
    line->err = content_read_at(run->input, line->at, line->len, &line->text, &fail);
    if (line->err != ERR_OK) {
        return;
    }
    line->fine = batch_line_read(run->batch.shape, run->batch.endpoint, buf_str(&line->text),
                                 &line->ask, &line->fault);
    if (line->fine) {
        line->err = buf_append(&line->body, line->ask.body);
    }
}

/* A server before may have begun it, so long ago that the books have forgotten: nobody can tell any
 * more whether it was sold. */
static bool line_is_lost(const struct run_line *line)
{
    const struct batch_run *run = line->run;
    return run->forgotten && line->number <= run->batch.begun && line_entry(line)->tries == 0;
}

static void line_on_read(struct mail *mail)
{
    struct run_line *line = EP_CONTAINER(mail, struct run_line, job.mail);
    static const struct batch_fault repeats = {
        "duplicate_custom_id", "custom_id", "An earlier line of the batch has the same custom_id."
    };
    static const struct batch_fault lost = {
        "answer_lost", NULL,
        "The server stopped while this line may have been asked, and its answer is kept no more. "
        "If it was charged, the account's receipts say so."
    };
    line->run->runner->jobs--;
    if (line->err != ERR_OK) {
        line_put_back(line);
    } else if (!line->fine) {
        line_end_fault(line, &line->fault);
    } else if (line_entry(line)->repeats) {
        line_end_fault(line, &repeats);
    } else if (line_is_lost(line)) {
        line_end_fault(line, &lost);
    } else if (line->run->runner->draining) {
        line_put_back(line);
    } else {
        line_ask(line);
    }
}

/* Once nothing new is begun, what the books have a call of is still asked: they answer. */
static bool line_is_next(const struct batch_entry *entry, bool closing)
{
    return entry->state == BATCH_ENTRY_NEXT && (!closing || entry->claimed);
}

enum err run_begin_line(struct batch_run *run)
{
    struct batch_runner *runner = run->runner;
    bool closing = run_is_closing(run);
    while (run->next < run->index.count && !line_is_next(&run->index.entries[run->next], closing)) {
        run->next++;
    }
    if (run->next == run->index.count) {
        return ERR_NOT_FOUND;
    }
    if ((int64_t)run->next >= run->begun) {
        return ERR_BUSY; /* the row must say so first */
    }
    struct run_line *line = mem_zalloc(sizeof(*line));
    if (line == NULL) {
        return ERR_NO_MEMORY;
    }
    line->run = run;
    line->number = (int64_t)run->next + 1;
    line->at = line_entry(line)->at;
    line->len = line_entry(line)->len;
    line->job =
        (struct job){ .mail.open = line_on_read, .run = line_read, .home = runner->front->loop };
    buf_init(&line->text, line->len + 1);
    buf_init(&line->body, line->len + 1);
    if (job_submit(runner->front->world.gate.workers, &line->job) != ERR_OK) {
        mem_free(line);
        return ERR_BUSY;
    }
    run->index.entries[run->next].state = BATCH_ENTRY_OPEN;
    run->next++;
    run->open++;
    runner->calls++;
    runner->jobs++;
    return ERR_OK;
}
