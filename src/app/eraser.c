#include "app/eraser.h"

#include "app/batch_keeping.h"
#include "app/retention.h"
#include "base/stamp.h"

#define ERASER_FIRST_NS STAMP_NS_PER_S
#define ERASER_NS       (INT64_C(60) * STAMP_NS_PER_S)
#define ERASER_DUE_NS   (INT64_C(3600) * STAMP_NS_PER_S)
#define ERASER_WORK_NS  (INT64_C(20) * STAMP_NS_PER_S) /* of a worker, in a round */
#define ERASER_EMPTY_NS (INT64_C(2) * STAMP_NS_PER_S)

static void eraser_tell(const char *class, int64_t rows)
{
    struct log_line line;
    log_begin(&line, EVENT_ERASED);
    log_str(&line, "class", str_from(class));
    log_int(&line, "rows", rows);
    log_end(&line);
}

/* How many rows have gone. */
static enum err eraser_due(struct world *world, const struct erasing *erasing, int64_t until_ns,
                           int64_t *ret_rows, struct fail *fail)
{
    struct retention_figures figures;
    const struct retention_periods periods = retention_periods(world->conf);
    enum err err = retention_run(erasing, &periods, until_ns, stamp_system_ns(), &figures, fail);
    for (size_t i = 0; i < RETENTION_CLASSES; i++) {
        if (figures.classes[i].rows > 0) {
            eraser_tell(retention_infos[i].name, figures.classes[i].rows);
            *ret_rows += figures.classes[i].rows;
        }
    }
    return err;
}

/* Contents of batches are due to the minute, not to the hour. */
static enum err eraser_batches(struct world *world, int64_t now_ns, struct fail *fail)
{
    int64_t gone = 0;
    enum err err = batch_keeping_sweep(world->store, world->batches_path.ptr, now_ns, &gone, fail);
    if (gone > 0) {
        eraser_tell("batches", gone);
    }
    return err;
}

static enum err eraser_do(struct world *world, bool due, struct fail *fail)
{
    const struct erasing erasing = world_erasing(world);
    int64_t now_ns = stamp_system_ns();
    int64_t until_ns = now_ns + ERASER_WORK_NS;
    int64_t open = 0;
    int64_t rows = 0;
    bool empty = false;
    TRY(erasure_work(&erasing, until_ns, now_ns, &open, fail));
    TRY(eraser_batches(world, now_ns, fail));
    TRY(due ? eraser_due(world, &erasing, until_ns, &rows, fail) : ERR_OK);
    /* A reader may stand in the way: an idle store empties its journal by itself. */
    return rows > 0 ? store_empty_journal(world->store, ERASER_EMPTY_NS, &empty, fail) : ERR_OK;
}

void eraser_round(struct world *world, bool due)
{
    struct fail fail = { .text = "" };
    (void)pthread_mutex_lock(&world->erasing);
    enum err err = eraser_do(world, due, &fail);
    (void)pthread_mutex_unlock(&world->erasing);
    if (err != ERR_OK) {
        struct log_line line;
        log_begin(&line, EVENT_ERASE_FAILED);
        log_str(&line, "reason", str_from(fail.text));
        log_end(&line);
    }
}

static void eraser_work(struct job *job)
{
    const struct eraser *eraser = EP_CONTAINER(job, struct eraser, job);
    eraser_round(eraser->server->world, eraser->due);
}

static void eraser_over(struct mail *mail)
{
    EP_CONTAINER(mail, struct eraser, job.mail)->runs = false;
}

static void eraser_on_time(struct timer *timer)
{
    struct eraser *eraser = EP_CONTAINER(timer, struct eraser, timer);
    struct server *server = eraser->server;
    int64_t now_ns = loop_now_ns(server->loop);
    if (!eraser->runs && !store_failed(server->world->store)) {
        eraser->due = eraser->last_ns == 0 || now_ns - eraser->last_ns >= ERASER_DUE_NS;
        eraser->runs = job_submit(server->workers, &eraser->job) == ERR_OK;
        eraser->last_ns = eraser->runs && eraser->due ? now_ns : eraser->last_ns;
    }
    enum err err = timer_start(server->loop, timer, now_ns + ERASER_NS);
    ASSERT(err == ERR_OK); /* its place in the heap has just become free */
}

enum err eraser_begin(struct eraser *eraser, struct server *server, struct fail *fail)
{
    *eraser = (struct eraser){
        .server = server,
        .job = { .mail.open = eraser_over, .run = eraser_work, .home = server->loop },
    };
    timer_init(&eraser->timer, eraser_on_time);
    enum err err =
        timer_start(server->loop, &eraser->timer, loop_now_ns(server->loop) + ERASER_FIRST_NS);
    return err == ERR_OK ? ERR_OK : FAIL(fail, err, "no memory for a timer");
}

void eraser_end(struct eraser *eraser)
{
    if (eraser->server != NULL) {
        timer_stop(eraser->server->loop, &eraser->timer);
    }
}
