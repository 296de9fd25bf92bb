#include "bulk.h"

#include <stdio.h>
#include <string.h>

#include "auditor.h"
#include "auditor_bulk.h"
#include "client_read.h"

#define BULK_MS       INT64_C(1000000)
#define BULK_TEXT_MAX ((size_t)1 << 20)
#define BULK_PAD_MAX  900

static void bulk_plan(struct bulk *bulk, int64_t within_ns)
{
    struct play *play = bulk->play;
    int64_t at_ns = sim_now_ns(play->sim) + 1 + (int64_t)play_random(play, (uint64_t)within_ns);
    enum err err = timer_start(play->outside, &bulk->timer, at_ns);
    ASSERT(err == ERR_OK);
}

static struct bulk_batch *bulk_batch(struct bulk *bulk)
{
    return &bulk->batches[bulk->begun - 1];
}

/* ---- what is handed in ------------------------------------------------------------------- */

static void bulk_put_line(const struct sale *sale, struct buf *body)
{
    static const char *const models[PLAY_MODELS] = { "m-0", "m-1" };
    enum err err = buf_printf(body,
                              "{\"model\":\"%s\",\"max_tokens\":%lld,\"messages\":[{\"role\":"
                              "\"user\",\"content\":\"call-%d ",
                              models[sale->model], (long long)sale->cap, sale->number);
    for (size_t i = 0; i < sale->pad && err == ERR_OK; i++) {
        err = buf_byte(body, 'w');
    }
    err = err == ERR_OK ? buf_append(body, STR("\"}]}")) : err;
    ASSERT(err == ERR_OK);
}

/* Its hold tells it from every other line's. */
static void bulk_make_line(struct bulk *bulk, struct bulk_batch *batch)
{
    struct play *play = bulk->play;
    ASSERT(play->sale_count < PLAY_SALES_MAX);
    struct sale *sale = &play->sales[play->sale_count++];
    struct buf body;
    buf_init(&body, BULK_TEXT_MAX);
    *sale = (struct sale){
        .number = play->sale_count,
        .batch = batch->number,
        .account = batch->account,
        .named = -1,
        .wish = { .stand_in = -1 },
        .model = (int)play_random(play, PLAY_MODELS),
        .attempt = -1,
        .life = play->lives,
        .begun_ns = sim_now_ns(play->sim),
        .purchased = play->accounts[batch->account].purchased,
    };
    do {
        sale->cap = 1 + (int64_t)play_random(play, 60);
        sale->pad = play_random(play, BULK_PAD_MAX);
        buf_reset(&body);
        bulk_put_line(sale, &body);
        sale->body_bytes = body.len;
    } while (auditor_bulk_is_twin(play, sale));
    enum err err = buf_printf(&batch->content,
                              "{\"custom_id\":\"line-%d\",\"method\":\"POST\",\"url\":"
                              "\"/v1/chat/completions\",\"body\":" STR_FMT "}\n",
                              sale->number, STR_ARG(buf_str(&body)));
    ASSERT(err == ERR_OK);
    buf_fini(&body);
}

static void bulk_begin(struct bulk *bulk)
{
    struct play *play = bulk->play;
    struct bulk_batch *batch = &bulk->batches[bulk->begun++];
    batch->number = bulk->begun;
    batch->account = (int)play_random(play, PLAY_ACCOUNTS);
    batch->first = play->sale_count;
    batch->lines = 1 + (int)play_random(play, BULK_LINES);
    batch->bad_line = play_chance(play, 3);
    for (int i = 0; i < batch->lines; i++) {
        bulk_make_line(bulk, batch);
        if (i == 0 && batch->bad_line) {
            enum err err = buf_append(&batch->content,
                                      STR("{\"custom_id\":\"bad\",\"method\":\"POST\",\"url\":"
                                          "\"/v1/embeddings\",\"body\":{\"model\":\"m-0\"}}\n"));
            ASSERT(err == ERR_OK);
        }
    }
    bulk->step = BULK_UPLOAD;
    play_note(play, "batch %d of account %d: %d lines", batch->number, batch->account,
              batch->lines);
}

/* ---- requests ---------------------------------------------------------------------------- */

static void bulk_ask(struct bulk *bulk, const char *method, const char *path, const char *name,
                     const char *tail)
{
    const struct bulk_batch *batch = bulk_batch(bulk);
    const char *type =
        bulk->step == BULK_UPLOAD ? "multipart/form-data; boundary=limit" : "application/json";
    buf_reset(&bulk->head);
    buf_reset(&bulk->got);
    enum err err = buf_printf(&bulk->head,
                              "%s %s%s%s HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n"
                              "Content-Type: %s\r\nConnection: close\r\nContent-Length: %zu\r\n"
                              "\r\n",
                              method, path, name, tail, bulk->play->accounts[batch->account].key[0],
                              type, bulk->body.len);
    ASSERT(err == ERR_OK);
    bulk->status = 0;
    bulk->life = bulk->play->lives;
    bulk->body_part = buf_str(&bulk->body);
    bulk->call.head = buf_str(&bulk->head);
    bulk->call.body = &bulk->body_part;
    bulk->call.body_count = bulk->body.len > 0 ? 1 : 0;
    bulk->call.host = STR("127.0.0.1");
    bulk->call.port = PLAY_PORT_SERVER;
    upstream_pool_close_idle(bulk->pool);
    http_call_start(bulk->pool, &bulk->call);
}

static void bulk_next(struct bulk *bulk)
{
    struct bulk_batch *batch = bulk_batch(bulk);
    enum err err = ERR_OK;
    buf_reset(&bulk->body);
    switch (bulk->step) {
    case BULK_UPLOAD:
        err = buf_printf(&bulk->body,
                         "--limit\r\nContent-Disposition: form-data; name=\"purpose\"\r\n\r\nbatch"
                         "\r\n--limit\r\nContent-Disposition: form-data; name=\"file\"; "
                         "filename=\"a.jsonl\"\r\n\r\n" STR_FMT "\r\n--limit--\r\n",
                         STR_ARG(buf_str(&batch->content)));
        bulk_ask(bulk, "POST", "/v1/files", "", "");
        break;
    case BULK_CREATE:
        err = buf_printf(&bulk->body,
                         "{\"input_file_id\":\"%s\",\"endpoint\":\"/v1/chat/completions\","
                         "\"completion_window\":\"24h\"}",
                         batch->file);
        bulk_ask(bulk, "POST", "/v1/batches", "", "");
        break;
    case BULK_FIND:
        bulk_ask(bulk, "GET", "/v1/batches?limit=100", "", "");
        break;
    case BULK_POLL:
        bulk_ask(bulk, "GET", "/v1/batches/", batch->batch, "");
        break;
    case BULK_CANCEL:
        batch->cancelled = true;
        bulk_ask(bulk, "POST", "/v1/batches/", batch->batch, "/cancel");
        break;
    case BULK_INPUT:
        bulk_ask(bulk, "GET", "/v1/files/", batch->file, "/content");
        break;
    case BULK_OUTPUT:
        bulk_ask(bulk, "GET", "/v1/files/", batch->output, "/content");
        break;
    case BULK_ERRORS:
        bulk_ask(bulk, "GET", "/v1/files/", batch->errors, "/content");
        break;
    case BULK_DONE:
        break;
    }
    ASSERT(err == ERR_OK);
}

/* ---- replies ----------------------------------------------------------------------------- */

/* The text behind `name` up to the next quote; empty: it is not there. */
static void bulk_read_name(struct str text, struct str name, char ret_name[BULK_NAME_MAX])
{
    size_t at = str_search(text, name);
    struct str rest = at == text.len ? STR_EMPTY : str_from_at(text, at + name.len);
    (void)snprintf(ret_name, BULK_NAME_MAX, STR_FMT,
                   STR_ARG(str_slice(rest, 0, str_find(rest, '"'))));
}

static int64_t bulk_read_count(struct str text, struct str name)
{
    int64_t count = -1;
    return str_to_i64(client_read_number(text, name), &count) ? count : -1;
}

/* What is not answered as it should be is tried again, if there is a reason for it. */
static bool bulk_may_fail(const struct bulk *bulk)
{
    const struct play *play = bulk->play;
    bool over = play->life == NULL || bulk->life != play->lives ||
                play->faulty_life >= bulk->life || play->closed_life >= bulk->life;
    return over && (bulk->status == 0 || bulk->status >= 500);
}

static void bulk_on_created(struct bulk *bulk, struct bulk_batch *batch)
{
    if (bulk->status == 200) {
        bulk_read_name(buf_str(&bulk->got), STR("\"id\":\""), batch->batch);
        bulk->step = BULK_POLL;
        play_note(bulk->play, "batch %d is made", batch->number);
    } else {
        batch->unsure = true;
        batch->unsure_life = bulk->life;
        bulk->step = BULK_FIND;
    }
}

/* One line of the list a batch: their objects begin with the id. */
static void bulk_on_list(struct bulk *bulk, struct bulk_batch *batch)
{
    struct str text = buf_str(&bulk->got);
    size_t at = str_search(text, str_from(batch->file));
    bulk->step = at == text.len ? BULK_CREATE : BULK_POLL;
    static const struct str id = STR_INIT("{\"id\":\"batch_");
    struct str before = str_slice(text, 0, at);
    for (size_t next = 0; at < text.len && next < before.len;) {
        size_t found = next + str_search(str_from_at(before, next), id);
        if (found < before.len) {
            bulk_read_name(str_from_at(before, found), STR("\"id\":\""), batch->batch);
        }
        next = found < before.len ? found + 1 : before.len;
    }
    play_note(bulk->play, "batch %d %s", batch->number,
              at == text.len ? "was not made" : "was made, and nobody was told");
}

static void bulk_on_looked(struct bulk *bulk, struct bulk_batch *batch)
{
    char state[BULK_NAME_MAX];
    struct str text = buf_str(&bulk->got);
    bulk_read_name(text, STR("\"status\":\""), state);
    batch->ended = auditor_bulk_has_ended(bulk->play, batch, state);
    if (!batch->ended) {
        bulk->step = !batch->cancelled && play_chance(bulk->play, 16) ? BULK_CANCEL : BULK_POLL;
        return;
    }
    play_note(bulk->play, "batch %d: %s", batch->number, state);
    batch->completed = bulk_read_count(text, STR("\"completed\":"));
    batch->failed = bulk_read_count(text, STR("\"failed\":"));
    bulk_read_name(text, STR("\"output_file_id\":\""), batch->output);
    bulk_read_name(text, STR("\"error_file_id\":\""), batch->errors);
    bulk->rounds = 2;
    bulk->step = BULK_INPUT;
}

/* What was read once stays as it is. */
static void bulk_on_file(struct bulk *bulk, struct bulk_batch *batch, struct buf *kept)
{
    bool known = batch->read || bulk->step == BULK_INPUT;
    if (known && !str_eq(buf_str(kept), buf_str(&bulk->got))) {
        play_fail(bulk->play, NULL, "a file of batch %d has other contents than it had",
                  batch->number);
    }
    if (!known) {
        enum err err = buf_append(kept, buf_str(&bulk->got));
        ASSERT(err == ERR_OK);
    }
}

/* To the next of its files that is there. */
static void bulk_after_file(struct bulk *bulk, struct bulk_batch *batch)
{
    if (bulk->step == BULK_INPUT) {
        bulk->step = BULK_OUTPUT;
        if (batch->output[0] != '\0') {
            return;
        }
    }
    if (bulk->step == BULK_OUTPUT) {
        bulk->step = BULK_ERRORS;
        if (batch->errors[0] != '\0') {
            return;
        }
    }
    if (!batch->read) {
        batch->read = true;
        auditor_bulk_on_results(bulk->play, batch);
    }
    bulk->rounds--;
    bulk->step = bulk->rounds > 0 ? BULK_INPUT : BULK_DONE;
}

static void bulk_on_answer(struct bulk *bulk)
{
    struct bulk_batch *batch = bulk_batch(bulk);
    bool strange = bulk->status != 200 &&
                   !(bulk->step == BULK_CANCEL && bulk->status == 409); /* it has ended */
    if (strange && !bulk_may_fail(bulk)) {
        play_fail(bulk->play, NULL, "step %d of batch %d is answered with status %d: " STR_FMT,
                  (int)bulk->step, batch->number, bulk->status, STR_ARG(buf_str(&bulk->got)));
    }
    if (strange && bulk->step != BULK_CREATE) {
        bulk->step = bulk->step == BULK_CANCEL ? BULK_POLL : bulk->step;
        return;
    }
    switch (bulk->step) {
    case BULK_UPLOAD:
        bulk_read_name(buf_str(&bulk->got), STR("\"id\":\""), batch->file);
        bulk->step = BULK_CREATE;
        break;
    case BULK_CREATE:
        bulk_on_created(bulk, batch);
        break;
    case BULK_FIND:
        bulk_on_list(bulk, batch);
        break;
    case BULK_POLL:
        bulk_on_looked(bulk, batch);
        break;
    case BULK_CANCEL:
        bulk->step = BULK_POLL;
        break;
    case BULK_INPUT:
        bulk_on_file(bulk, batch, &batch->content);
        bulk_after_file(bulk, batch);
        break;
    case BULK_OUTPUT:
        bulk_on_file(bulk, batch, &batch->results);
        bulk_after_file(bulk, batch);
        break;
    case BULK_ERRORS:
        bulk_on_file(bulk, batch, &batch->faults);
        bulk_after_file(bulk, batch);
        break;
    case BULK_DONE:
        break;
    }
}

static bool bulk_begins_more(const struct bulk *bulk)
{
    return bulk->step == BULK_DONE && !bulk->stopped && bulk->begun < BULK_BATCHES &&
           bulk->play->sale_count + BULK_LINES < PLAY_SALES_MAX / 2;
}

static void bulk_over(struct bulk *bulk)
{
    struct play *play = bulk->play;
    bulk_on_answer(bulk);
    if (bulk->step != BULK_DONE || bulk_begins_more(bulk)) {
        bulk_plan(bulk, (play_chance(play, 4) ? 1500 : 150) * BULK_MS);
    }
}

static void bulk_on_timer(struct timer *timer)
{
    struct bulk *bulk = EP_CONTAINER(timer, struct bulk, timer);
    const struct play *play = bulk->play;
    if (bulk_begins_more(bulk)) {
        bulk_begin(bulk);
    }
    if (bulk->step == BULK_DONE) {
        return;
    }
    const struct bulk_batch *batch = bulk_batch(bulk);
    /* What a life may still be about to do is known when it is over. */
    bool waits = bulk->step == BULK_FIND && play->lives == batch->unsure_life;
    if (waits || play->life == NULL) {
        bulk_plan(bulk, 300 * BULK_MS);
        return;
    }
    bulk_next(bulk);
}

static struct bulk *bulk_of(struct http_call *call)
{
    return EP_CONTAINER(call, struct bulk, call);
}

static void bulk_on_head(struct http_call *call, const struct http1_head *head)
{
    bulk_of(call)->status = head->status;
}

static void bulk_on_body(struct http_call *call, struct str data)
{
    enum err err = buf_append(&bulk_of(call)->got, data);
    ASSERT(err == ERR_OK);
}

static void bulk_on_end(struct http_call *call)
{
    bulk_over(bulk_of(call));
}

static void bulk_on_failed(struct http_call *call, enum err err, const struct fail *fail)
{
    (void)err;
    (void)fail;
    bulk_of(call)->status = 0;
    bulk_over(bulk_of(call));
}

static const struct http_call_events bulk_events = {
    .on_head = bulk_on_head,
    .on_body = bulk_on_body,
    .on_end = bulk_on_end,
    .on_failed = bulk_on_failed,
};

/* ---- life -------------------------------------------------------------------------------- */

void bulk_open(struct bulk *bulk, struct play *play, struct upstream_pool *pool)
{
    *bulk = (struct bulk){ .play = play, .pool = pool, .step = BULK_DONE };
    http_call_init(&bulk->call, &bulk_events);
    timer_init(&bulk->timer, bulk_on_timer);
    buf_init(&bulk->head, BULK_TEXT_MAX);
    buf_init(&bulk->body, BULK_TEXT_MAX);
    buf_init(&bulk->got, BULK_TEXT_MAX);
    for (int i = 0; i < BULK_BATCHES; i++) {
        buf_init(&bulk->batches[i].content, BULK_TEXT_MAX);
        buf_init(&bulk->batches[i].results, BULK_TEXT_MAX);
        buf_init(&bulk->batches[i].faults, BULK_TEXT_MAX);
    }
    bulk_plan(bulk, 300 * BULK_MS);
}

void bulk_stop(struct bulk *bulk)
{
    bulk->stopped = true;
    if (bulk->step == BULK_DONE) {
        timer_stop(bulk->play->outside, &bulk->timer);
    }
}

bool bulk_idle(const struct bulk *bulk)
{
    return !http_call_is_open(&bulk->call) && !timer_armed(&bulk->timer);
}

void bulk_close(struct bulk *bulk)
{
    timer_stop(bulk->play->outside, &bulk->timer);
    http_call_cancel(&bulk->call);
    buf_fini(&bulk->head);
    buf_fini(&bulk->body);
    buf_fini(&bulk->got);
    for (int i = 0; i < BULK_BATCHES; i++) {
        buf_fini(&bulk->batches[i].content);
        buf_fini(&bulk->batches[i].results);
        buf_fini(&bulk->batches[i].faults);
    }
}
