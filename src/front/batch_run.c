#include "front/batch_run.h"

#include "base/mem.h"
#include "front/batch_run_internal.h"
#include "front/front_internal.h"
#include "ident/ident.h"

#define RUN_LOOK_NS   INT64_C(100000000) /* how late a new batch may be seen */
#define RUN_MARK_NS   INT64_C(500000000) /* how late counts may be */
#define RUN_TEXTS_MAX ((size_t)1 << 20)
#define RUN_FOUND_MAX ((size_t)8 << 20)

/* ---- STARTING ----------------------------------------------------------------------------- */

static enum err start_write(struct store_job *job, struct store_txn *txn, struct fail *fail)
{
    struct batch_run *run = EP_CONTAINER(job, struct batch_run, row);
    return batch_start(txn, &run->batch, fail);
}

static void start_done(struct store_job *job)
{
    struct batch_run *run = run_row_over(job);
    if (job->err == ERR_OK) {
        run->phase = RUN_RUNNING;
        run_step(run);
        runner_step(run->runner);
    }
}

static void run_start(struct batch_run *run)
{
    if (run->batch.started_ns == 0) {
        run->batch.started_ns = loop_wall_ns(run->runner->front->loop);
    }
    run->batch.counts = run->index.counts;
    run_start_row(run, start_write, start_done);
}

/* ---- RUNNING ------------------------------------------------------------------------------ */

bool run_is_closing(const struct batch_run *run)
{
    return run->cancelled || run->stopped || run->gone ||
           loop_wall_ns(run->runner->front->loop) >= run->batch.deadline_ns;
}

void run_note_end(struct batch_run *run, int64_t line, enum content_end end, struct str json)
{
    if (content_journal_put(&run->pending, line, end, json) != ERR_OK) {
        /* No memory: it is asked again, and the books answer. */
        run->index.entries[line - 1].state = BATCH_ENTRY_NEXT;
        run->next = (size_t)line - 1 < run->next ? (size_t)line - 1 : run->next;
    }
}

static void flush_run(struct job *job)
{
    struct batch_run *run = EP_CONTAINER(job, struct batch_run, job);
    run->job_err = content_write(run->journal, buf_str(&run->flushing), &run->fail);
    run->job_err = run->job_err == ERR_OK ? content_sync(run->journal, &run->fail) : run->job_err;
}

/* What is synced counts. */
static void flush_count(struct batch_run *run)
{
    struct str rest = buf_str(&run->flushing);
    while (rest.len > 0) {
        int64_t line = 0;
        enum content_end end = CONTENT_DONE;
        struct str json;
        bool ours = content_journal_read(str_cut(&rest, '\n'), &line, &end, &json);
        ASSERT(ours);
        batch_index_end(&run->index, line, end);
    }
    run->counts_changed = true;
    buf_reset(&run->flushing);
}

static void flush_over(struct mail *mail)
{
    struct batch_run *run = run_job_over(mail);
    if (run->job_err == ERR_OK) {
        flush_count(run);
    } else if (run->runner->draining) {
        buf_reset(&run->flushing); /* the next server asks again, and the books answer */
    } else {
        /* What was half written is cut off, and what is noted there once is noted once. */
        run->phase = RUN_LOADING;
        buf_reset(&run->flushing);
        buf_reset(&run->pending);
    }
    run_step(run);
    runner_step(run->runner);
}

static void run_flush(struct batch_run *run)
{
    struct buf empty = run->flushing;
    run->flushing = run->pending;
    run->pending = empty;
    run_start_job(run, flush_run, flush_over);
    if (!run->job_runs) { /* it waits on */
        run->pending = run->flushing;
        run->flushing = empty;
    }
}

static enum err mark_write(struct store_job *job, struct store_txn *txn, struct fail *fail)
{
    struct batch_run *run = EP_CONTAINER(job, struct batch_run, row);
    return batch_mark(txn, &run->marking, fail);
}

static void mark_done(struct store_job *job)
{
    struct batch_run *run = run_row_over(job);
    if (job->err == ERR_OK) {
        run->begun = run->marking.begun;
    } else {
        run->counts_changed = true;
    }
    run_step(run);
    runner_step(run->runner);
}

/* Counts, and up to where lines may be begun from now on. */
static void run_mark(struct batch_run *run, int64_t now_ns)
{
    int64_t ahead = (int64_t)run->next + RUN_AHEAD;
    int64_t most = (int64_t)run->index.count;
    run->marking = run->batch;
    run->marking.counts = run->index.counts;
    run->marking.begun = ahead < most ? ahead : most;
    run->marking.begun = run->marking.begun > run->begun ? run->marking.begun : run->begun;
    run->marking.begun_ns = loop_wall_ns(run->runner->front->loop);
    run->counts_changed = false;
    run->marked_ns = now_ns;
    run_start_row(run, mark_write, mark_done);
}

static bool run_wants_mark(const struct batch_run *run, int64_t now_ns)
{
    bool ahead = !run->finds_done && (int64_t)run->next >= run->begun && !run_is_closing(run);
    return ahead || (run->counts_changed && now_ns - run->marked_ns >= RUN_MARK_NS);
}

/* Nothing is asked, nothing waits to be noted, and nothing is left that may be begun. */
static bool run_is_done(const struct batch_run *run)
{
    return run->finds_done && run->open == 0 && run->pending.len == 0 && !run->job_runs &&
           !run->row_runs && !run->runner->draining;
}

static void run_look_at_key(struct batch_run *run)
{
    const struct api_key *key = run->actor.key;
    bool revoked = key == NULL || api_key_revoked_ns(key) != 0;
    if (run->stopped || (!revoked && !client_suspended(key->client))) {
        return;
    }
    run->stopped = true;
    run_set_fault(run, revoked ? "key_revoked" : "client_suspended", NULL,
                  revoked ? "The key that made the batch was revoked."
                          : "The account was suspended.");
}

static void run_find_done(struct batch_run *run)
{
    bool closing = run_is_closing(run);
    size_t at = run->next;
    while (at < run->index.count) {
        const struct batch_entry *entry = &run->index.entries[at];
        if (entry->state == BATCH_ENTRY_NEXT && (!closing || entry->claimed)) {
            break;
        }
        at++;
    }
    run->finds_done = at == run->index.count;
}

/* ---- steps -------------------------------------------------------------------------------- */

static void run_step_running(struct batch_run *run, int64_t now_ns)
{
    run_look_at_key(run);
    run_find_done(run);
    if (run->pending.len > 0 && !run->job_runs) {
        run_flush(run);
    }
    if (!run->row_runs && run_wants_mark(run, now_ns) && !run->runner->draining) {
        run_mark(run, now_ns);
    }
    if (run_is_done(run) && run->gone) {
        run_tidy(run);
    } else if (run_is_done(run)) {
        run->phase = RUN_FINISHING;
        run_finish(run);
    }
}

void run_step(struct batch_run *run)
{
    int64_t now_ns = loop_now_ns(run->runner->front->loop);
    bool draining = run->runner->draining;
    if (now_ns < run->retry_at_ns && !draining) {
        return;
    }
    if (run->phase == RUN_RUNNING) {
        run_step_running(run, now_ns);
        return;
    }
    if (draining || run->job_runs || run->row_runs || run->open > 0) {
        return;
    }
    switch (run->phase) {
    case RUN_LOADING:
        run_load(run);
        break;
    case RUN_STARTING:
        run_start(run);
        break;
    case RUN_FINISHING:
        run_finish(run);
        break;
    case RUN_ENDING:
        run_end(run);
        break;
    case RUN_RUNNING:
    case RUN_OVER:
        break;
    }
}

static bool run_may_begin(const struct batch_run *run, int64_t now_ns)
{
    return run->phase == RUN_RUNNING && now_ns >= run->wait_until_ns && now_ns >= run->retry_at_ns;
}

/* Lines are begun in turns, one of each batch, so that a long one keeps no other waiting. */
void runner_step(struct batch_runner *runner)
{
    int64_t now_ns = loop_now_ns(runner->front->loop);
    size_t idle = 0;
    while (!runner->draining && runner->calls < runner->shared->calls_max &&
           idle < runner->run_count) {
        struct node *node = runner->turn == NULL ? runner->runs.next : runner->turn->next;
        node = node == &runner->runs ? node->next : node;
        runner->turn = node;
        struct batch_run *run = EP_CONTAINER(node, struct batch_run, node);
        bool begun = run_may_begin(run, now_ns) && run_begin_line(run) == ERR_OK;
        idle = begun ? 0 : idle + 1;
        if (!begun && run->phase == RUN_RUNNING) {
            run_step(run); /* it wants its row to go on, or is done */
        }
    }
}

/* ---- looking for them --------------------------------------------------------------------- */

/* Of a client, among those that are found. */
static size_t look_count(const struct batch_runner *runner, struct id client)
{
    size_t count = 0;
    for (size_t i = 0; i < runner->found_count; i++) {
        count += id_eq(runner->found[i].owner.client, client) ? 1 : 0;
    }
    return count;
}

static enum err look_on_batch(void *context, const struct batch *batch)
{
    struct batch_runner *runner = context;
    if (runner->found_count == RUN_BATCHES_MAX ||
        look_count(runner, batch->owner.client) == RUN_CLIENT_MAX) {
        return ERR_OK;
    }
    struct batch *found = &runner->found[runner->found_count];
    if (!run_copy_batch(&runner->found_arena, batch, found)) {
        return ERR_NO_MEMORY;
    }
    runner->found_count++;
    return ERR_OK;
}

static enum err look_read(void *context, struct store_txn *txn, struct fail *fail)
{
    return batch_unended(txn, look_on_batch, context, fail);
}

static void look_run(struct job *job)
{
    struct batch_runner *runner = EP_CONTAINER(job, struct batch_runner, look);
    struct fail fail;
    runner->found_count = 0;
    arena_fini(&runner->found_arena);
    runner->found = arena_zalloc(&runner->found_arena, RUN_BATCHES_MAX * sizeof(*runner->found));
    runner->look_err = runner->found == NULL
                           ? ERR_NO_MEMORY
                           : store_read(runner->front->world.gate.store, look_read, runner, &fail);
}

static void runner_add(struct batch_runner *runner, const struct batch *batch)
{
    struct batch_run *run = mem_zalloc(sizeof(*run));
    if (run == NULL) {
        return; /* the next look finds it again */
    }
    run->runner = runner;
    run->seen = true;
    run->input = -1;
    run->journal = -1;
    run->id = batch->id;
    arena_init(&run->arena, 1024, RUN_TEXTS_MAX);
    batch_index_init(&run->index);
    buf_init(&run->pending, (runner->shared->calls_max + 1) * RUN_RECORD_MAX);
    buf_init(&run->flushing, run->pending.max);
    list_push_back(&runner->runs, &run->node);
    runner->run_count++;
    run_step(run);
}

static struct batch_run *runner_find(struct batch_runner *runner, struct id id)
{
    LIST_EACH(node, &runner->runs) {
        struct batch_run *run = EP_CONTAINER(node, struct batch_run, node);
        if (id_eq(run->id, id)) {
            return run;
        }
    }
    return NULL;
}

static void look_take(struct batch_runner *runner)
{
    for (size_t i = 0; i < runner->found_count; i++) {
        const struct batch *batch = &runner->found[i];
        struct batch_run *run = runner_find(runner, batch->id);
        if (run != NULL) {
            run->seen = true;
            run->cancelled |= batch->state == BATCH_CANCELLING;
        } else if (runner->run_count < RUN_BATCHES_MAX) {
            runner_add(runner, batch);
        }
    }
}

static void look_over(struct mail *mail)
{
    struct batch_runner *runner = EP_CONTAINER(mail, struct batch_runner, look.mail);
    runner->looking = false;
    runner->jobs--;
    if (runner->look_err != ERR_OK || runner->draining) {
        return;
    }
    LIST_EACH(node, &runner->runs) {
        EP_CONTAINER(node, struct batch_run, node)->seen = false;
    }
    look_take(runner);
    LIST_EACH(node, &runner->runs) {
        struct batch_run *run = EP_CONTAINER(node, struct batch_run, node);
        run->gone |= !run->seen && run->phase == RUN_RUNNING;
        run_step(run);
    }
    runner_step(runner);
}

static void runner_look(struct batch_runner *runner, int64_t now_ns)
{
    unsigned changes = atomic_load_explicit(&runner->shared->changes, memory_order_relaxed);
    bool due = changes != runner->seen || now_ns - runner->looked_ns >= RUN_AGAIN_NS;
    if (runner->looking || !due) {
        return;
    }
    struct front *front = runner->front;
    runner->look = (struct job){ .mail.open = look_over, .run = look_run, .home = front->loop };
    if (job_submit(front->world.gate.workers, &runner->look) == ERR_OK) {
        runner->looking = true;
        runner->jobs++;
        runner->seen = changes;
        runner->looked_ns = now_ns;
    }
}

static void runner_on_timer(struct timer *timer)
{
    struct batch_runner *runner = EP_CONTAINER(timer, struct batch_runner, timer);
    struct loop *loop = runner->front->loop;
    int64_t now_ns = loop_now_ns(loop);
    LIST_EACH_SAFE(node, after, &runner->runs) {
        struct batch_run *run = EP_CONTAINER(node, struct batch_run, node);
        run_step(run);
        if (run->phase == RUN_OVER && !run->job_runs && !run->row_runs && run->open == 0) {
            run_free(run);
        }
    }
    if (!runner->draining && !store_failed(runner->front->world.gate.store)) {
        runner_look(runner, now_ns);
        runner_step(runner);
    }
    enum err err = timer_start(loop, timer, now_ns + RUN_LOOK_NS);
    ASSERT(err == ERR_OK); /* its place in the heap has just become free */
}

/* ---- life --------------------------------------------------------------------------------- */

enum err batch_runner_create(struct front *front, struct batch_runner **ret_runner,
                             struct fail *fail)
{
    ASSERT(front->world.batches != NULL);
    struct batch_runner *runner = mem_zalloc(sizeof(*runner));
    if (runner == NULL) {
        return FAIL(fail, ERR_NO_MEMORY, "no memory for what works batches off");
    }
    runner->front = front;
    runner->shared = front->world.batches;
    runner->looked_ns = loop_now_ns(front->loop) - RUN_AGAIN_NS;
    list_init(&runner->runs);
    arena_init(&runner->found_arena, 65536, RUN_FOUND_MAX);
    timer_init(&runner->timer, runner_on_timer);
    enum err err = timer_start(front->loop, &runner->timer, loop_now_ns(front->loop));
    if (err != ERR_OK) {
        arena_fini(&runner->found_arena);
        mem_free(runner);
        return FAIL(fail, err, "no memory for a timer");
    }
    *ret_runner = runner;
    return ERR_OK;
}

void batch_runner_drain(struct batch_runner *runner)
{
    runner->draining = true;
}

bool batch_runner_busy(const struct batch_runner *runner)
{
    LIST_EACH(node, &runner->runs) {
        const struct batch_run *run = EP_CONTAINER(node, const struct batch_run, node);
        /* What ended behind a failure of the journal is not noted: it is asked again. */
        if (run->phase == RUN_RUNNING && run->pending.len > 0) {
            return true;
        }
    }
    return runner->jobs > 0 || runner->calls > 0;
}

void batch_runner_destroy(struct batch_runner *runner)
{
    if (runner == NULL) {
        return;
    }
    ASSERT(!batch_runner_busy(runner));
    timer_stop(runner->front->loop, &runner->timer);
    LIST_EACH_SAFE(node, after, &runner->runs) {
        run_free(EP_CONTAINER(node, struct batch_run, node));
    }
    arena_fini(&runner->found_arena);
    mem_free(runner);
}
