/* The acts on batches. */
#include "app/acts_internal.h"
#include "base/stamp.h"
#include "batch/batch.h"

#define ACT_BATCH_MAX 1000 /* of a list: the newest */

static const char *const batch_columns[] = { "batch",    "client",   "product",   "api",
                                             "state",    "endpoint", "total",     "completed",
                                             "failed",   "expired",  "cancelled", "created",
                                             "deadline", "ended",    "kept_until" };

/* Over the rows of a snapshot. */
struct batch_asking {
    struct sheet sheet;
    struct id id;     /* zero: all */
    struct id client; /* zero: of all */
    bool unended;
    int64_t now_ns;
    bool ended; /* out: of the one */
};

static enum err asking_on_batch(void *context, const struct batch *batch)
{
    struct batch_asking *asking = context;
    struct sheet *sheet = &asking->sheet;
    bool other = !id_is_zero(asking->client) && !id_eq(asking->client, batch->owner.client);
    if (other || (asking->unended && batch->ended_ns > 0)) {
        return ERR_OK;
    }
    sheet_id(sheet, BATCH_PREFIX, batch->id);
    sheet_id(sheet, IDENT_CLIENT_PREFIX, batch->owner.client);
    sheet_str(sheet, batch->owner.product);
    sheet_str(sheet, batch->shape == BATCH_OPENAI ? STR("openai") : STR("anthropic"));
    sheet_str(sheet, batch_state_name(batch->state));
    sheet_str(sheet, batch->endpoint);
    sheet_int(sheet, batch->counts.total);
    sheet_int(sheet, batch->counts.completed);
    sheet_int(sheet, batch->counts.failed);
    sheet_int(sheet, batch->counts.expired);
    sheet_int(sheet, batch->counts.cancelled);
    sheet_stamp(sheet, batch->created_ns);
    sheet_stamp(sheet, batch->deadline_ns);
    sheet_stamp(sheet, batch->ended_ns);
    sheet_stamp(sheet, batch->until_ns);
    return ERR_OK;
}

static enum err asking_read(void *context, struct store_txn *txn, struct fail *fail)
{
    struct batch_asking *asking = context;
    if (!id_is_zero(asking->id)) {
        return batch_any(txn, asking->id, asking_on_batch, asking, fail);
    }
    return asking->unended ? batch_unended(txn, asking_on_batch, asking, fail)
                           : batch_all(txn, ACT_BATCH_MAX, asking_on_batch, asking, fail);
}

static enum err asking_run(struct acting *acting, struct batch_asking *asking)
{
    enum err err = store_read(acting->world->store, asking_read, asking, &acting->fail);
    if (err == ERR_NOT_FOUND) {
        acting->remedy = "see \"entrepot batch list\"";
    }
    return err;
}

enum err act_batch_list(struct acting *acting)
{
    struct batch_asking asking = { .unended = args_has(acting->args, "unended") };
    const struct client *client = NULL;
    if (args_has(acting->args, "client")) {
        TRY(acting_client(acting, &client));
        asking.client = client->id;
    }
    sheet_init(&asking.sheet, batch_columns, EP_ARRAY_LEN(batch_columns));
    enum err err = asking_run(acting, &asking);
    err = err == ERR_OK ? sheet_print(&asking.sheet, acting->json, acting->out) : err;
    sheet_fini(&asking.sheet);
    return err;
}

/* The id in either API's form. */
static enum err batch_id_asked(struct acting *acting, struct id *ret_id)
{
    static const struct str messages = STR_INIT(BATCH_MESSAGES_PREFIX);
    struct str text = args_word(acting->args, 2);
    if (str_starts(text, messages) &&
        id_parse(str_from_at(text, messages.len), STR_EMPTY, ret_id)) {
        return ERR_OK;
    }
    return acting_id(acting, "batch", BATCH_PREFIX, ret_id);
}

static enum err batch_print(struct acting *acting, struct batch_asking *asking)
{
    sheet_init(&asking->sheet, batch_columns, EP_ARRAY_LEN(batch_columns));
    enum err err = asking_run(acting, asking);
    err = err == ERR_OK ? sheet_print_one(&asking->sheet, acting->json, acting->out) : err;
    sheet_fini(&asking->sheet);
    return err;
}

enum err act_batch_show(struct acting *acting)
{
    struct batch_asking asking = { .unended = false };
    TRY(batch_id_asked(acting, &asking.id));
    return batch_print(acting, &asking);
}

/* ---- cancelling --------------------------------------------------------------------------- */

struct batch_cancelling {
    struct store_job job;
    struct id id;
    bool ended;
    int64_t now_ns;
};

static enum err cancelling_on_batch(void *context, const struct batch *batch)
{
    ((struct batch_cancelling *)context)->ended = batch->ended_ns > 0;
    return ERR_OK;
}

static enum err cancelling_run(struct store_job *job, struct store_txn *txn, struct fail *fail)
{
    struct batch_cancelling *cancelling = EP_CONTAINER(job, struct batch_cancelling, job);
    TRY(batch_any(txn, cancelling->id, cancelling_on_batch, cancelling, fail));
    if (cancelling->ended) {
        return FAIL(fail, ERR_CONFLICT, "the batch has ended");
    }
    return batch_cancel(txn, cancelling->id, cancelling->now_ns, fail);
}

enum err act_batch_cancel(struct acting *acting)
{
    struct batch_asking asking = { .unended = false };
    struct batch_cancelling cancelling = { .job = { .run = cancelling_run },
                                           .now_ns = stamp_system_ns() };
    TRY(batch_id_asked(acting, &asking.id));
    cancelling.id = asking.id;
    enum err err = store_run(acting->world->store, &cancelling.job, &acting->fail);
    if (err != ERR_OK) {
        acting->remedy = "see \"entrepot batch list\"";
        return err;
    }
    /* Without a server, the next one sees it at its start. */
    atomic_fetch_add_explicit(&acting->world->batches.changes, 1, memory_order_relaxed);
    return batch_print(acting, &asking);
}
