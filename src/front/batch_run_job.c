/* What the phases of a batch share: its jobs, its texts, and the key of a line. */
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "front/batch_run_internal.h"
#include "front/front_internal.h"
#include "wire/jsonw.h"

#define RUN_FAULT_MAX 1024

/* ---- texts -------------------------------------------------------------------------------- */

bool run_copy_batch(struct arena *arena, const struct batch *from, struct batch *to)
{
    *to = *from;
    return arena_copy(arena, from->owner.product, &to->owner.product) &&
           arena_copy(arena, from->endpoint, &to->endpoint) &&
           arena_copy(arena, from->metadata, &to->metadata) &&
           arena_copy(arena, from->market, &to->market) &&
           arena_copy(arena, from->link, &to->link) &&
           arena_copy(arena, from->address, &to->address) &&
           arena_copy(arena, from->fault, &to->fault);
}

/* Why it fails as a whole. */
void run_set_fault(struct batch_run *run, const char *code, const char *param, const char *message)
{
    char text[RUN_FAULT_MAX];
    struct buf out = { text, 0, sizeof(text), sizeof(text) };
    struct jsonw json;
    jsonw_init(&json, &out);
    jsonw_open(&json, '[');
    jsonw_open(&json, '{');
    jsonw_put_str(&json, "code", str_from(code));
    jsonw_key(&json, "line");
    jsonw_null(&json);
    jsonw_put_str(&json, "message", str_from(message));
    jsonw_key(&json, "param");
    if (param != NULL) {
        jsonw_str(&json, str_from(param));
    } else {
        jsonw_null(&json);
    }
    jsonw_close(&json, '}');
    jsonw_close(&json, ']');
    bool fits =
        jsonw_err(&json) == ERR_OK && arena_copy(&run->arena, buf_str(&out), &run->batch.fault);
    ASSERT(fits || run->batch.fault.len == 0); /* without memory it fails without a word */
}

void run_log(enum event event, const struct batch_run *run)
{
    struct log_line line;
    log_begin(&line, event);
    log_id(&line, "batch", STR(BATCH_PREFIX), run->id);
    log_str(&line, "state", batch_state_name(run->batch.state));
    log_int(&line, "completed", run->index.counts.completed);
    log_int(&line, "failed", run->index.counts.failed);
    if (run->fail.text[0] != '\0') {
        log_str(&line, "reason", str_from(run->fail.text));
    }
    log_end(&line);
}

void run_key(const struct batch_run *run, int64_t line, struct buf *out)
{
    EP_IGNORE(id_print(out, STR(BATCH_PREFIX), run->id)); /* RUN_KEY_MAX is for it, */
    EP_IGNORE(buf_printf(out, "/%lld", (long long)line)); /* and this, */
    unsigned turn = run->index.entries[line - 1].turn;
    if (turn > 0) {
        EP_IGNORE(buf_printf(out, "/%u", turn)); /* and this */
    }
}

/* ---- jobs --------------------------------------------------------------------------------- */

void run_start_job(struct batch_run *run, job_run_fn *work, mail_open_fn *over)
{
    ASSERT(!run->job_runs);
    struct front *front = run->runner->front;
    run->job = (struct job){ .mail.open = over, .run = work, .home = front->loop };
    run->fail.text[0] = '\0';
    if (job_submit(front->world.gate.workers, &run->job) == ERR_OK) {
        run->job_runs = true;
        run->runner->jobs++;
    } else {
        run->retry_at_ns = loop_now_ns(front->loop) + RUN_AGAIN_NS;
    }
}

struct batch_run *run_job_over(struct mail *mail)
{
    struct batch_run *run = EP_CONTAINER(mail, struct batch_run, job.mail);
    run->job_runs = false;
    run->runner->jobs--;
    if (run->job_err != ERR_OK) {
        run->retry_at_ns = loop_now_ns(run->runner->front->loop) + RUN_AGAIN_NS;
        run_log(EVENT_BATCH_TROUBLE, run);
    }
    return run;
}

void run_start_row(struct batch_run *run, store_run_fn *write, store_done_fn *done)
{
    ASSERT(!run->row_runs);
    struct front *front = run->runner->front;
    run->row = (struct store_job){ .run = write, .done = done, .home = front->loop };
    run->row_runs = true;
    run->runner->jobs++;
    store_submit(front->world.gate.store, &run->row);
}

struct batch_run *run_row_over(struct store_job *job)
{
    struct batch_run *run = EP_CONTAINER(job, struct batch_run, row);
    run->row_runs = false;
    run->runner->jobs--;
    if (job->err != ERR_OK) {
        run->retry_at_ns = loop_now_ns(run->runner->front->loop) + RUN_AGAIN_NS;
    }
    return run;
}

void run_close_files(struct batch_run *run)
{
    if (run->input >= 0) {
        (void)close(run->input); /* it was only read */
    }
    if (run->journal >= 0) {
        (void)close(run->journal); /* what counts of it is synced */
    }
    run->input = -1;
    run->journal = -1;
}

void run_free(struct batch_run *run)
{
    struct batch_runner *runner = run->runner;
    ASSERT(!run->job_runs && !run->row_runs && run->open == 0);
    runner->turn = runner->turn == &run->node ? NULL : runner->turn;
    node_unlink(&run->node);
    runner->run_count--;
    run_close_files(run);
    batch_index_fini(&run->index);
    buf_fini(&run->pending);
    buf_fini(&run->flushing);
    arena_fini(&run->arena);
    mem_free(run);
}
