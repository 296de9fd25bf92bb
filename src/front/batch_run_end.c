/* FINISHING and ENDING: what clients read is made, and the row says how it ended. */
#include "front/batch_run_internal.h"
#include "front/front_internal.h"

/* ---- FINISHING ---------------------------------------------------------------------------- */

static void finish_run(struct job *job)
{
    struct batch_run *run = EP_CONTAINER(job, struct batch_run, job);
    run->job_err = batch_finish_write(&run->finish, &run->fail);
}

static void finish_over(struct mail *mail)
{
    struct batch_run *run = run_job_over(mail);
    if (run->job_err != ERR_OK) {
        run->phase = RUN_LOADING; /* what the journal has is read again */
        return;
    }
    run->phase = RUN_ENDING;
    run_step(run);
}

void run_finish(struct batch_run *run)
{
    run->batch.finalizing_ns = loop_wall_ns(run->runner->front->loop);
    run->finish = (struct batch_finish){
        .folder = run->runner->shared->folder,
        .batch = &run->batch,
        .index = &run->index,
        .expired = !run->cancelled && !run->stopped,
        .line_max = RUN_LINE_MAX,
        .record_max = RUN_RECORD_MAX,
    };
    run_start_job(run, finish_run, finish_over);
}

/* ---- ENDING ------------------------------------------------------------------------------- */

static enum err end_add_file(const struct batch_run *run, struct store_txn *txn, struct id id,
                             int64_t bytes, struct fail *fail)
{
    bool messages = run->batch.shape == BATCH_ANTHROPIC;
    char text[128];
    struct buf name = { text, 0, sizeof(text), sizeof(text) };
    EP_IGNORE(id_print(&name, STR(BATCH_PREFIX), run->id)); /* fits */
    EP_IGNORE(buf_append(&name, id_eq(id, run->batch.output) ? STR("_output.jsonl")
                                                             : STR("_error.jsonl"))); /* fits */
    const struct batch_file file = {
        .id = id,
        .owner = run->batch.owner,
        .purpose = messages ? STR("messages") : STR("batch_output"),
        .name = buf_str(&name),
        .bytes = bytes,
        .created_ns = run->batch.ended_ns,
        .until_ns = run->batch.until_ns,
    };
    return bytes > 0 ? batch_file_add(txn, &file, fail) : ERR_OK;
}

static enum err end_on_row(void *context, const struct batch *batch)
{
    (void)context;
    (void)batch;
    return ERR_OK;
}

static enum err end_write(struct store_job *job, struct store_txn *txn, struct fail *fail)
{
    struct batch_run *run = EP_CONTAINER(job, struct batch_run, row);
    /* A client that was erased meanwhile has no rows, and gets none. */
    TRY(batch_any(txn, run->id, end_on_row, NULL, fail));
    TRY(end_add_file(run, txn, run->batch.output, run->finish.output_bytes, fail));
    TRY(end_add_file(run, txn, run->batch.errors, run->finish.error_bytes, fail));
    return batch_end(txn, &run->batch, fail);
}

/* On the worker's thread: the journal has served its purpose. What stays is swept up. */
static void tidy_run(struct job *job)
{
    struct batch_run *run = EP_CONTAINER(job, struct batch_run, job);
    struct fail fail;
    run_close_files(run);
    run->job_err = ERR_OK;
    const char *folder = run->runner->shared->folder;
    EP_IGNORE(content_remove(folder, run->id, CONTENT_JOURNAL, &fail));
    if (run->gone) {
        EP_IGNORE(content_remove(folder, run->batch.output, CONTENT_JSONL, &fail));
        EP_IGNORE(content_remove(folder, run->batch.errors, CONTENT_JSONL, &fail));
    }
}

static void tidy_over(struct mail *mail)
{
    run_job_over(mail)->phase = RUN_OVER;
}

void run_tidy(struct batch_run *run)
{
    run->phase = RUN_OVER;
    run_start_job(run, tidy_run, tidy_over);
}

static void end_done(struct store_job *job)
{
    struct batch_run *run = run_row_over(job);
    run->gone = job->err == ERR_NOT_FOUND;
    if (run->gone) {
        run_tidy(run);
    } else if (job->err == ERR_OK) {
        run_log(EVENT_BATCH_ENDED, run);
        run_tidy(run);
    }
}

static enum batch_state run_state(const struct batch_run *run)
{
    if (run->batch.fault.len > 0 || run->stopped) {
        return BATCH_FAILED;
    }
    if (run->cancelled) {
        return BATCH_CANCELLED;
    }
    return run->index.counts.expired > 0 ? BATCH_EXPIRED : BATCH_COMPLETED;
}

void run_end(struct batch_run *run)
{
    struct batch *batch = &run->batch;
    int64_t now_ns = loop_wall_ns(run->runner->front->loop);
    int64_t keep_ns = batch->until_ns - batch->created_ns;
    batch->state = run_state(run);
    batch->counts = run->index.counts;
    batch->finalizing_ns = batch->finalizing_ns == 0 ? now_ns : batch->finalizing_ns;
    batch->ended_ns = now_ns > batch->created_ns ? now_ns : batch->created_ns + 1;
    batch->until_ns = batch->ended_ns + keep_ns;
    batch->has_output = run->finish.output_bytes > 0;
    batch->has_errors = run->finish.error_bytes > 0;
    run_start_row(run, end_write, end_done);
}
