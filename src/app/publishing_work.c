/* The worker's side of publishing: what waits for the disk. */
#include "app/log_leaves.h"
#include "app/publishing_internal.h"
#include "base/mem.h"
#include "base/stamp.h"
#include "tlog/receipt_doc.h"

static struct publishing *work_of(struct publishing_work *work)
{
    return EP_CONTAINER(work, struct publishing, work);
}

static enum err work_copy_round(const struct publish_round *from, struct publish_round *to)
{
    buf_reset(&to->note);
    to->fresh = from->fresh;
    to->size = from->size;
    return buf_append(&to->note, buf_str(&from->note));
}

/* ---- stopping ------------------------------------------------------------------------------ */

static void work_stop(struct publishing_work *work)
{
    struct publishing *publishing = work_of(work);
    struct world *world = publishing->server->world;
    publish_stop(publishing->publisher);
    work->err = world_stop_log(world, work->reached, publishing->current.size, &work->fail);
}

/* ---- what was published before ------------------------------------------------------------- */

/* The checkpoint as witnesses were sent it. */
static enum err work_take_signed(struct publishing *publishing, const struct published *published,
                                 struct fail *fail)
{
    struct publish_round *current = &publishing->current;
    struct note note;
    TRY(note_parse(buf_str(&published->note), &note, fail));
    buf_reset(&current->note);
    TRY(buf_append(&current->note, buf_str(&published->note)));
    /* Under a key or a name of before, no witness knows this log. */
    bool ours = note_check(&note, &publishing->server->world->log.key, NULL) == NOTE_SIGNED;
    current->size = ours ? published->size : 0;
    return ERR_OK;
}

static enum err work_read_signed(void *context, struct store_txn *txn, struct fail *fail)
{
    return published_read_signed(txn, context, fail);
}

static enum err work_probe(struct publishing_work *work)
{
    struct publishing *publishing = work_of(work);
    struct fail *fail = &work->fail;
    struct published published;
    published_init(&published);
    enum err err = store_read(publishing->server->world->store, work_read_signed, &published, fail);
    if (err == ERR_OK && published.size > 0) {
        err = work_take_signed(publishing, &published, fail);
    }
    published_fini(&published);
    for (size_t i = 0; i < publishing->witness_count && err == ERR_OK; i++) {
        struct publishing_witness *witness = &publishing->witnesses[i];
        err = publish_witness_size(publishing->publisher, witness->vkey, &witness->size, fail);
        witness->asks = publishing->current.size > 0 && witness->size <= publishing->current.size;
    }
    work->fresh = err == ERR_OK;
    return err;
}

/* ---- a round ------------------------------------------------------------------------------- */

/* Of the first receipt: other leaves are promised to nobody, and commands write them without a
 * server. */
static const struct store_sql sql_written = {
    "SELECT appended_ns FROM leaf WHERE id >= ?1 AND kind = 1 ORDER BY id LIMIT 1"
};

static enum err work_on_written(void *context, const struct store_value *row, size_t columns)
{
    ASSERT(columns == 1);
    *(int64_t *)context = row[0].number;
    return ERR_OK;
}

/* How far the log is ahead of what was published. */
static enum err work_look(void *context, struct store_txn *txn, struct fail *fail)
{
    struct publishing_work *work = context;
    struct published published;
    published_init(&published);
    enum err err = published_read(txn, &published, fail);
    work->covered = published.size;
    published_fini(&published);
    TRY(err);
    TRY(tlog_size(txn, &work->leaves, fail));
    work->oldest_ns = 0;
    const struct store_value first = STORE_I(work->covered);
    return store_query(txn, &sql_written, &first, 1, work_on_written, &work->oldest_ns, fail);
}

struct work_gap {
    struct store_job job;
    struct tlog *tlog;
    struct log_gap gap;
};

static enum err work_write_gap(struct store_job *job, struct store_txn *txn, struct fail *fail)
{
    struct work_gap *gap = EP_CONTAINER(job, struct work_gap, job);
    return log_leaf_gap(gap->tlog, txn, &gap->gap, fail);
}

/* Receipts of these leaves promised more. By the wall clock alone nobody is late: it may be set. */
static enum err work_note_gap(struct publishing_work *work, int64_t now_ns)
{
    struct publishing *publishing = work_of(work);
    const struct world *world = publishing->server->world;
    int64_t late_s = (now_ns - work->oldest_ns) / STAMP_NS_PER_S;
    if (work->calm || work->covered == 0 || work->oldest_ns == 0 || late_s <= RECEIPT_PROMISE_S) {
        return ERR_OK;
    }
    struct work_gap gap = {
        .job = { .run = work_write_gap },
        .tlog = world->tlog,
        .gap = { work->covered, publishing->current.size - work->covered, late_s, now_ns },
    };
    TRY(store_run(world->store, &gap.job, &work->fail));
    work->late_s = late_s;
    return ERR_OK;
}

static enum err work_sign(struct publishing_work *work)
{
    struct publishing *publishing = work_of(work);
    struct world *world = publishing->server->world;
    struct publish_round round;
    int64_t now_ns = stamp_system_ns();
    TRY(store_read(world->store, work_look, work, &work->fail));
    publish_round_init(&round);
    enum err err = publish_sign(publishing->publisher, now_ns, &round, &work->fail);
    work->fresh = err == ERR_OK && round.fresh;
    work->mended = err == ERR_OK ? round.mended : 0;
    err = work->fresh ? work_copy_round(&round, &publishing->current) : err;
    publish_round_fini(&round);
    return err == ERR_OK && work->fresh ? work_note_gap(work, now_ns) : err;
}

/* ---- witnesses ----------------------------------------------------------------------------- */

static enum err work_keep(struct publishing_work *work)
{
    struct publishing *publishing = work_of(work);
    enum err err = ERR_OK;
    for (size_t i = 0; i < publishing->witness_count; i++) {
        struct publishing_witness *witness = &publishing->witnesses[i];
        if (witness->keeps && err == ERR_OK) {
            err = publish_cosigned(publishing->publisher, &witness->asked, witness->vkey,
                                   buf_str(&witness->line), &work->fail);
        }
    }
    return err;
}

/* A question that cannot be made is left out: the witness is asked in another round. */
static void work_ask(struct publishing_work *work, struct publishing_witness *witness)
{
    struct publishing *publishing = work_of(work);
    if (!witness->asks || publishing->current.size == 0 ||
        witness->size > publishing->current.size) {
        return;
    }
    if (work->sign && !work->fresh && witness->has_signed) {
        return; /* there is nothing new to sign */
    }
    buf_reset(&witness->question);
    witness->made = work_copy_round(&publishing->current, &witness->asked) == ERR_OK &&
                    publish_ask_witness(publishing->publisher, &publishing->current, witness->size,
                                        &witness->question, &work->fail) == ERR_OK;
}

/* ---- all of it ----------------------------------------------------------------------------- */

static enum err work_finish(struct publishing_work *work)
{
    struct publishing *publishing = work_of(work);
    if (!work->finish || publishing->current.size == 0) {
        return ERR_OK;
    }
    TRY(publish_finish(publishing->publisher, &publishing->current, &work->fail));
    work->shown = publishing->current.size;
    return ERR_OK;
}

/* What is shown is the checkpoint of before, where another is signed behind it. */
static enum err work_do(struct publishing_work *work)
{
    struct publishing *publishing = work_of(work);
    TRY(work_keep(work));
    TRY(work->probe ? work_probe(work) : ERR_OK);
    TRY(work_finish(work));
    TRY(work->sign ? work_sign(work) : ERR_OK);
    for (size_t i = 0; i < publishing->witness_count; i++) {
        work_ask(work, &publishing->witnesses[i]);
    }
    return ERR_OK;
}

void publishing_work_run(struct job *job)
{
    struct publishing_work *work = EP_CONTAINER(job, struct publishing_work, job);
    work->err = ERR_OK;
    work->fail = (struct fail){ .text = "" };
    work->fresh = false;
    work->shown = 0;
    work->mended = 0;
    work->late_s = 0;
    if (work->stop) {
        work_stop(work);
    } else {
        work->err = work_do(work);
    }
}
