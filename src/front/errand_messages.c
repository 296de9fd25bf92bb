/* Batches of requests: Anthropic's /v1/messages/batches. Their list: errand_batch_show.c. */
#include <unistd.h>

#include "base/mem.h"
#include "batch/batch_index.h"
#include "batch/content.h"
#include "crypto/random.h"
#include "front/batch_asker.h"
#include "front/errand.h"
#include "front/errand_batch.h"
#include "front/front_internal.h"
#include "gate/law.h"
#include "wire/json.h"

#define MESSAGES_ROOT  "/v1/messages/batches/"
#define MESSAGES_PIECE ((size_t)1 << 20) /* is written at once */

/* ---- making one --------------------------------------------------------------------------- */

struct messages_add {
    struct errand_batch errand; /* first */
    struct batch_asker asker;
    struct buf body;
    struct batch batch;
    struct batch_file input;
    int fd;
};

static enum err messages_refuse(struct messages_add *add, enum err err, const char *message)
{
    add->errand.work.err = err;
    errand_work_fault(&add->errand.work, "requests", message);
    return err;
}

/* The requests, or nothing. */
static enum err messages_read(struct messages_add *add, struct str *ret_requests)
{
    struct json_fault fault;
    struct json_member member;
    struct str text = json_trim(buf_str(&add->body));
    TRY(json_check(text, &fault));
    if (json_kind(text) != JSON_OBJECT) {
        return ERR_ASK_INVALID;
    }
    struct str rest = json_inside(text);
    *ret_requests = STR_EMPTY;
    while (json_next_member(&rest, &member)) {
        if (!json_key_is(member.key, STR("requests")) || ret_requests->len > 0) {
            return messages_refuse(add, ERR_ASK_UNSUPPORTED,
                                   "A batch has the field requests, once, and no other.");
        }
        *ret_requests = member.value;
    }
    if (ret_requests->len == 0) {
        return messages_refuse(add, ERR_ASK_MISSING, "");
    }
    return json_kind(*ret_requests) == JSON_ARRAY
               ? ERR_OK
               : messages_refuse(add, ERR_ASK_INVALID, "The requests are an array.");
}

/* Line ends stand between values alone: the request becomes one line. */
static enum err messages_put_line(struct buf *out, struct str request)
{
    size_t before = out->len;
    TRY(buf_append(out, request));
    for (size_t i = before; i < out->len; i++) {
        if (out->ptr[i] == '\n' || out->ptr[i] == '\r') {
            out->ptr[i] = ' ';
        }
    }
    return buf_byte(out, '\n');
}

static enum err messages_write_lines(struct messages_add *add, struct str requests,
                                     struct buf *piece)
{
    struct fail fail;
    struct str rest = json_inside(requests);
    struct str request;
    while (json_next_item(&rest, &request)) {
        TRY(messages_put_line(piece, request));
        if (piece->len >= MESSAGES_PIECE || rest.len == 0) {
            add->input.bytes += (int64_t)piece->len;
            TRY(content_write(add->fd, buf_str(piece), &fail));
            buf_reset(piece);
        }
    }
    add->input.bytes += (int64_t)piece->len;
    return content_write(add->fd, buf_str(piece), &fail);
}

/* Results are known by their custom ids alone: two that are alike would be told apart by nobody. */
static enum err messages_check(struct messages_add *add)
{
    const struct front *front = add->errand.work.front;
    const struct batch_limits limits = { front->world.batches->lines_max,
                                         front->world.batches->file_bytes_max };
    struct batch_index index;
    struct fail fail;
    batch_index_init(&index);
    enum err err = batch_index_read(&index, add->fd, &limits, &fail);
    if (err == ERR_LIMIT) {
        err = messages_refuse(add, ERR_ASK_INVALID, "A batch has fewer requests than these.");
    }
    for (size_t i = 0; err == ERR_OK && i < index.count; i++) {
        if (index.entries[i].repeats) {
            err = messages_refuse(add, ERR_ASK_DUPLICATE, "Two requests have the same custom_id.");
        } else if (!index.entries[i].named) {
            err = messages_refuse(add, ERR_ASK_INVALID,
                                  "Each request is an object with a custom_id of 1 to 64 letters, "
                                  "digits, _ and -.");
        }
    }
    if (err == ERR_OK && index.counts.total == 0) {
        err = messages_refuse(add, ERR_ASK_INVALID, "A batch has one request at least.");
    }
    add->batch.counts.total = index.counts.total;
    batch_index_fini(&index);
    return err;
}

static enum err messages_write(void *context, struct store_txn *txn, struct fail *fail)
{
    struct messages_add *add = context; /* its first part is the errand_batch */
    int64_t bytes = 0;
    TRY(errand_again_look(&add->errand, txn, errand_batch_show, fail));
    if (add->errand.again.told) {
        return ERR_OK;
    }
    TRY(batch_file_bytes(txn, add->input.owner.client, &bytes, fail));
    if (bytes + add->input.bytes > add->errand.work.front->world.batches->client_bytes_max) {
        return ERR_BATCH_ROOM;
    }
    enum err err = batch_add(txn, &add->batch, fail);
    if (err != ERR_OK) {
        return err == ERR_LIMIT ? ERR_BATCH_OPEN : err;
    }
    TRY(errand_again_made(&add->errand, txn, add->batch.id, fail));
    return batch_file_add(txn, &add->input, fail);
}

static enum err messages_keep(struct messages_add *add)
{
    const char *folder = add->errand.work.front->world.batches->folder;
    struct buf piece;
    struct str requests;
    struct fail fail;
    TRY(messages_read(add, &requests));
    TRY(content_create(folder, add->input.id, CONTENT_JSONL, &add->fd, &fail));
    buf_init(&piece, MESSAGES_PIECE + 2 * add->body.len);
    enum err err = messages_write_lines(add, requests, &piece);
    buf_fini(&piece);
    TRY(err);
    TRY(messages_check(add));
    TRY(content_sync(add->fd, &fail));
    TRY(content_folder_sync(folder, &fail));
    errand_batch_write(&add->errand, messages_write);
    return add->errand.work.err;
}

static void messages_add_run(struct errand_work *work)
{
    struct messages_add *add = EP_CONTAINER(work, struct messages_add, errand.work);
    struct fail fail;
    errand_batch_fill(&add->errand, &add->asker, &add->batch);
    add->batch.endpoint = STR("/v1/messages");
    add->batch.input = add->input.id;
    add->input.owner = add->errand.owner;
    add->input.purpose = STR("messages");
    add->input.created_ns = add->batch.created_ns;
    add->input.until_ns = add->batch.until_ns;
    errand_again_asks(&add->errand, add->batch.endpoint, buf_str(&add->body));
    work->err = messages_keep(add);
    bool made = work->err == ERR_OK && !add->errand.again.told;
    if (!made && add->fd >= 0) {
        /* What stays of it is swept up: no row knows of it. */
        EP_IGNORE(content_remove(work->front->world.batches->folder, add->input.id, CONTENT_JSONL,
                                 &fail));
    }
    if (made) {
        errand_batches_changed(work->front);
        errand_put_messages(&add->errand.json, &add->batch);
        work->err = jsonw_err(&add->errand.json);
    }
}

static void messages_add_fini(struct errand_work *work)
{
    struct messages_add *add = EP_CONTAINER(work, struct messages_add, errand.work);
    buf_fini(&add->body);
    if (add->fd >= 0) {
        (void)close(add->fd); /* it is synced, or removed */
    }
}

void errand_messages_add(struct front *front, struct http_exchange *x, struct str path)
{
    (void)path;
    struct messages_add *add = errand_batch_make(front, x, sizeof(*add), ERRAND_BATCH_CHANGES);
    if (add == NULL) {
        return;
    }
    add->fd = -1;
    add->errand.shape = BATCH_ANTHROPIC;
    add->errand.work.fini = messages_add_fini;
    add->input.id = id_make(add->errand.now_ns, front->world.gate.node, random_u64());
    if (!errand_batch_again(&add->errand, x)) {
        return;
    }
    if (!batch_asker_note(&add->asker, x, add->errand.key)) {
        errand_batch_drop(&add->errand);
        errand_refuse_field(x, STR(CALL_LAW_MARKET), STR_EMPTY);
        return;
    }
    http_exchange_take_body(x, &add->body);
    errand_batch_start(&add->errand, x, messages_add_run);
}

/* ---- looks -------------------------------------------------------------------------------- */

/* Where a found batch's results are. */
static enum err messages_on_results(void *context, const struct batch *batch)
{
    struct errand_batch *errand = context;
    errand->page.after = batch->output;
    return batch->ended_ns > 0 && batch->has_output ? ERR_OK : ERR_CONFLICT;
}

static enum err messages_results_read(void *context, struct store_txn *txn, struct fail *fail)
{
    struct errand_batch *errand = context;
    return batch_find(txn, &errand->owner, BATCH_ANTHROPIC, errand->id, messages_on_results, errand,
                      fail);
}

static enum err messages_results_find(struct errand_batch *errand, struct id *ret_file)
{
    errand_batch_read(errand, messages_results_read);
    *ret_file = errand->page.after;
    return errand->work.err;
}

/* The errand whose path is "/v1/messages/batches/ID" and `behind`; NULL: it was answered. */
static struct errand_batch *messages_named(struct front *front, struct http_exchange *x,
                                           struct str path, struct str *ret_behind)
{
    struct errand_batch *errand = errand_batch_make(front, x, sizeof(*errand), ERRAND_BATCH_READS);
    if (errand == NULL || !errand_batch_name(errand, x, path, STR(MESSAGES_ROOT),
                                             STR(BATCH_MESSAGES_PREFIX), ret_behind)) {
        return NULL;
    }
    errand->shape = BATCH_ANTHROPIC;
    return errand;
}

void errand_messages_get(struct front *front, struct http_exchange *x, struct str path)
{
    struct str behind;
    struct errand_batch *errand = messages_named(front, x, path, &behind);
    if (errand == NULL) {
        return;
    }
    if (behind.len == 0) {
        errand_batch_start(errand, x, errand_batch_show_run);
    } else if (str_eq(behind, STR("/results"))) {
        errand_content_start(front, x, errand, messages_results_find);
    } else {
        errand_batch_drop(errand);
        errand_refuse(x, ERR_HTTP_PATH);
    }
}

/* ---- cancelling, removing ----------------------------------------------------------------- */

static enum err messages_on_any(void *context, const struct batch *batch)
{
    struct errand_batch *errand = context;
    errand->has_more = batch->ended_ns > 0;
    return ERR_OK;
}

/* One that has ended is shown as it is, as Anthropic's API has it. */
static enum err messages_cancel_write(void *context, struct store_txn *txn, struct fail *fail)
{
    struct errand_batch *errand = context;
    TRY(batch_find(txn, &errand->owner, BATCH_ANTHROPIC, errand->id, messages_on_any, errand,
                   fail));
    TRY(batch_cancel(txn, errand->id, errand->now_ns, fail));
    return errand_batch_show(errand, txn, errand->id, fail);
}

static void messages_cancel_run(struct errand_work *work)
{
    errand_batch_write(EP_CONTAINER(work, struct errand_batch, work), messages_cancel_write);
    errand_batches_changed(work->front);
}

void errand_messages_cancel(struct front *front, struct http_exchange *x, struct str path)
{
    struct str behind;
    struct errand_batch *errand = messages_named(front, x, path, &behind);
    if (errand == NULL) {
        return;
    }
    if (!str_eq(behind, STR("/cancel"))) {
        errand_batch_drop(errand);
        errand_refuse(x, behind.len == 0 ? ERR_HTTP_METHOD : ERR_HTTP_PATH);
        return;
    }
    errand_batch_start(errand, x, messages_cancel_run);
}

static enum err messages_on_removed(void *context, const struct batch *batch)
{
    struct errand_batch *errand = context;
    errand->contents[0] = batch->input;
    errand->contents[1] = batch->output;
    return batch->ended_ns > 0 ? ERR_OK : ERR_CONFLICT;
}

static enum err messages_remove_write(void *context, struct store_txn *txn, struct fail *fail)
{
    struct errand_batch *errand = context;
    TRY(batch_find(txn, &errand->owner, BATCH_ANTHROPIC, errand->id, messages_on_removed, errand,
                   fail));
    TRY(batch_file_remove(txn, errand->contents[0], fail));
    TRY(batch_file_remove(txn, errand->contents[1], fail));
    return batch_remove(txn, errand->id, fail);
}

static void messages_remove_run(struct errand_work *work)
{
    struct errand_batch *errand = EP_CONTAINER(work, struct errand_batch, work);
    struct jsonw *json = &errand->json;
    struct fail fail;
    errand_batch_write(errand, messages_remove_write);
    if (work->err == ERR_CONFLICT) {
        errand_work_fault(work, "", "The batch has not ended; cancel it first.");
    }
    if (work->err != ERR_OK) {
        return;
    }
    /* The rows are gone: a content that stays is swept up. */
    for (size_t i = 0; i < EP_ARRAY_LEN(errand->contents); i++) {
        EP_IGNORE(content_remove(work->front->world.batches->folder, errand->contents[i],
                                 CONTENT_JSONL, &fail));
    }
    jsonw_open(json, '{');
    errand_batch_put_id(json, "id", STR(BATCH_MESSAGES_PREFIX), errand->id);
    jsonw_put_str(json, "type", STR("message_batch_deleted"));
    jsonw_close(json, '}');
    work->err = jsonw_err(json);
}

void errand_messages_remove(struct front *front, struct http_exchange *x, struct str path)
{
    struct str behind;
    struct errand_batch *errand = messages_named(front, x, path, &behind);
    if (errand == NULL) {
        return;
    }
    if (behind.len > 0) {
        errand_batch_drop(errand);
        errand_refuse(x, ERR_HTTP_METHOD);
        return;
    }
    errand_batch_start(errand, x, messages_remove_run);
}
