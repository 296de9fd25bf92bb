/* LOADING: the lines of a batch are found, and what is known of each. */
#include <unistd.h>

#include "crypto/digest.h"
#include "front/batch_run_internal.h"
#include "front/front_internal.h"
#include "ident/ident.h"
#include "ledger/idem.h"

#define RUN_MARGIN_NS INT64_C(600000000000) /* of what the books forget: a crash takes its time */

static enum err load_on_row(void *context, const struct batch *batch)
{
    struct batch_run *run = context;
    arena_fini(&run->arena); /* of an earlier try */
    bool copied = run_copy_batch(&run->arena, batch, &run->batch);
    return copied ? ERR_OK : ERR_NO_MEMORY;
}

/* What the books know of a line that was begun before: the key of its next call, and whether that
 * is known, too. A call that a crash has ended sold nothing: the next one has another key. */
static enum err load_claim(struct batch_run *run, const struct ledger_account *account, size_t at,
                           struct store_txn *txn, struct fail *fail)
{
    struct batch_entry *entry = &run->index.entries[at];
    enum idem_end end = IDEM_END_VOIDED;
    entry->claimed = 0;
    entry->sold = 0;
    for (unsigned turn = 0; end == IDEM_END_VOIDED && turn <= RUN_TURNS_MAX; turn++) {
        char text[RUN_KEY_MAX];
        struct buf key = { text, 0, sizeof(text), sizeof(text) };
        entry->turn = turn & RUN_TURNS_MAX;
        run_key(run, (int64_t)at + 1, &key);
        struct digest sum = digest_sha256(buf_str(&key));
        TRY(idem_look_end(txn, account, digest_str(&sum), &end, fail));
    }
    entry->claimed = end != IDEM_END_FREE;
    entry->sold = end == IDEM_END_OTHER;
    return ERR_OK;
}

static enum err load_claims(struct batch_run *run, struct store_txn *txn, struct fail *fail)
{
    const struct api_key *key = run->actor.key;
    const struct ledger_account *account =
        key == NULL ? NULL
                    : ledger_find(run->runner->front->world.gate.ledger, key->client->account);
    size_t begun = (size_t)run->batch.begun;
    size_t most = begun < run->index.count ? begun : run->index.count;
    for (size_t i = 0; account != NULL && i < most; i++) {
        if (run->index.entries[i].state == BATCH_ENTRY_NEXT) {
            TRY(load_claim(run, account, i, txn, fail));
        }
    }
    return ERR_OK;
}

static enum err load_read_row(void *context, struct store_txn *txn, struct fail *fail)
{
    struct batch_run *run = context;
    return batch_any(txn, run->id, load_on_row, run, fail);
}

static enum err load_read_claims(void *context, struct store_txn *txn, struct fail *fail)
{
    return load_claims(context, txn, fail);
}

static enum err load_lines(struct batch_run *run)
{
    const struct batch_runner *runner = run->runner;
    const struct front_batches *shared = runner->shared;
    /* What was taken once is taken, whatever the limits are now. */
    static const struct batch_limits none = { SIZE_MAX, RUN_LINE_MAX };
    const struct batch_limits *limits = run->batch.started_ns > 0 ? &none : &run->limits;
    enum err err =
        content_open(shared->folder, run->batch.input, CONTENT_JSONL, &run->input, &run->fail);
    err = err == ERR_OK ? batch_index_read(&run->index, run->input, limits, &run->fail) : err;
    if (err == ERR_NOT_FOUND) {
        run_set_fault(run, "file_not_found", "input_file_id", "The input file is there no more.");
        return ERR_OK;
    }
    if (err == ERR_LIMIT) {
        run_set_fault(run, "too_many_lines", "input_file_id",
                      "The file has more lines, or longer ones, than a batch may have.");
        return ERR_OK;
    }
    if (err == ERR_OK && run->index.counts.total == 0) {
        run_set_fault(run, "empty_file", "input_file_id", "The file has no line.");
        return ERR_OK;
    }
    TRY(err);
    TRY(content_open(shared->folder, run->id, CONTENT_JOURNAL, &run->journal, &run->fail));
    TRY(content_folder_sync(shared->folder, &run->fail));
    return batch_index_read_journal(&run->index, run->journal, RUN_RECORD_MAX, &run->fail);
}

/* On the worker's thread. The row is read again: the look that found it may be older. */
static void load_work(struct job *job)
{
    struct batch_run *run = EP_CONTAINER(job, struct batch_run, job);
    const struct gate_world *world = &run->runner->front->world.gate;
    run_close_files(run);
    batch_index_fini(&run->index);
    run->job_err = store_read(world->store, load_read_row, run, &run->fail);
    if (run->job_err == ERR_NOT_FOUND) {
        run->gone = true;
        run->job_err = ERR_OK;
        return;
    }
    if (run->job_err != ERR_OK || run->batch.ended_ns > 0) {
        return;
    }
    run->actor =
        (struct gate_actor){ .key = api_key_find(world->ident, run->batch.key), .batch = run->id };
    run->job_err = load_lines(run);
    if (run->job_err == ERR_OK && run->batch.fault.len == 0) {
        run->job_err = store_read(world->store, load_read_claims, run, &run->fail);
    }
}

/* What may have been begun and is known to nobody is told as lost, even where the day is over. */
static void load_note_lost(struct batch_run *run)
{
    for (size_t i = 0; i < run->index.count && (int64_t)i < run->begun; i++) {
        run->index.entries[i].claimed = 1;
    }
}

static void load_over(struct mail *mail)
{
    struct batch_run *run = run_job_over(mail);
    const struct batch_runner *runner = run->runner;
    if (run->job_err != ERR_OK) {
        return;
    }
    if (run->gone) {
        run_tidy(run);
        return;
    }
    if (run->batch.ended_ns > 0) {
        run->phase = RUN_OVER;
        return;
    }
    int64_t idle_ns = loop_wall_ns(runner->front->loop) - run->batch.begun_ns;
    run->forgotten = idle_ns > runner->shared->idem_ns - RUN_MARGIN_NS;
    run->cancelled |= run->batch.state == BATCH_CANCELLING;
    run->stopped = false; /* the key is looked at again */
    run->begun = run->batch.begun;
    run->counts_changed = true; /* the row says from now on, too, when lines were begun last */
    if (run->forgotten) {
        load_note_lost(run);
    }
    run->phase = run->batch.fault.len > 0 ? RUN_ENDING : RUN_STARTING;
    run_step(run);
}

void run_load(struct batch_run *run)
{
    const struct batch_runner *runner = run->runner;
    /* Workers do not look at the snapshot: it is the loop's, which may get another. */
    run->limits = (struct batch_limits){ runner->shared->lines_max,
                                         2 * runner->front->snapshot->options.body_bytes_max };
    run->next = 0;
    buf_reset(&run->pending); /* of before something failed: it is asked again */
    run_start_job(run, load_work, load_over);
}
