#include "front/errand_batch.h"

#include <string.h>

#include "base/mem.h"
#include "base/stamp.h"
#include "front/errand.h"
#include "front/front_internal.h"
#include "gate/auth.h"
#include "gate/law.h"
#include "gate/reply.h"
#include "ident/ident.h"
#include "wire/url.h"

#define BATCH_KEEP_MIN_NS \
    (2 * BATCH_WINDOW_NS) /* it runs for a day, and is asked for on the next */
#define BATCH_HOUR_NS  (INT64_C(3600) * STAMP_NS_PER_S)
#define BATCH_PAGE_MAX 1000

/* For how long content may be kept: as the product says, and no longer than the client's own terms
 * allow. A zone's answers go back by the way that the request came, and nothing of them stays. */
static enum err batch_keep(struct front *front, const struct api_key *key, int64_t *ret_ns)
{
    const struct registry_product *product =
        registry_product(front->snapshot->registry, key->product);
    if (front->world.batches == NULL || product == NULL || product->batch.price_percent == 0) {
        return ERR_BATCH_NOT_SOLD;
    }
    uint64_t days = call_law_retention(front->gate, key, product);
    if (product->mode == REGISTRY_MODE_ZONE || days == REGISTRY_RETENTION_UNKNOWN) {
        return ERR_BATCH_NOT_KEPT;
    }
    int64_t keep_ns = (int64_t)product->batch.keep_hours * BATCH_HOUR_NS;
    bool sooner = days < (uint64_t)(keep_ns / (24 * BATCH_HOUR_NS));
    *ret_ns = sooner ? (int64_t)days * 24 * BATCH_HOUR_NS : keep_ns;
    return *ret_ns < BATCH_KEEP_MIN_NS ? ERR_BATCH_NOT_KEPT : ERR_OK;
}

void *errand_batch_make(struct front *front, struct http_exchange *x, size_t size,
                        enum errand_batch_need need)
{
    const struct api_key *key = NULL;
    int64_t keep_ns = 0;
    ASSERT(size >= sizeof(struct errand_batch));
    enum err err = auth_find_client(front->gate, x, &key);
    if (err == ERR_OK && need == ERRAND_BATCH_CHANGES) {
        err = batch_keep(front, key, &keep_ns);
    }
    if (err == ERR_OK && front->world.batches == NULL) {
        err = ERR_BATCH_NOT_SOLD;
    }
    struct errand_batch *errand = err == ERR_OK ? mem_zalloc(size) : NULL;
    if (errand == NULL) {
        errand_refuse(x, err == ERR_OK ? ERR_NO_MEMORY : err);
        return NULL;
    }
    errand->key = key;
    errand->owner = (struct batch_owner){ key->client->id, key->product };
    errand->keep_ns = keep_ns;
    errand->now_ns = loop_wall_ns(front->loop);
    errand->work.front = front;
    return errand;
}

void errand_batch_drop(struct errand_batch *errand)
{
    if (errand->work.fini != NULL) {
        errand->work.fini(&errand->work);
    }
    mem_free(errand);
}

bool errand_batch_name(struct errand_batch *errand, struct http_exchange *x, struct str path,
                       struct str root, struct str prefix, struct str *ret_behind)
{
    struct str rest = str_from_at(path, root.len);
    size_t end = str_find(rest, '/');
    struct str name = str_slice(rest, 0, end);
    *ret_behind = str_from_at(rest, end);
    if (str_starts(name, prefix) &&
        id_parse(str_from_at(name, prefix.len), STR_EMPTY, &errand->id)) {
        return true;
    }
    errand_batch_drop(errand);
    errand_refuse(x, ERR_NOT_FOUND);
    return false;
}

bool errand_batch_pages(struct errand_batch *errand, struct http_exchange *x, struct str after,
                        struct str prefix)
{
    char text[64];
    struct buf value = { text, 0, sizeof(text), sizeof(text) };
    struct str query;
    EP_IGNORE(url_target_path(http_exchange_head(x)->target, &query).len); /* the query is meant */
    errand->page.limit = ERRAND_PAGE;
    if (url_query(query, STR("limit"), &value) &&
        (!str_to_i64(buf_str(&value), &errand->page.limit) || errand->page.limit < 1 ||
         errand->page.limit > BATCH_PAGE_MAX)) {
        errand_batch_drop(errand);
        errand_refuse_field(x, STR("limit"), STR("\"limit\" is a number from 1 to 1000."));
        return false;
    }
    buf_reset(&value);
    struct str name = url_query(query, after, &value) ? buf_str(&value) : STR_EMPTY;
    if (name.len > 0 && !(str_starts(name, prefix) && id_parse(str_from_at(name, prefix.len),
                                                               STR_EMPTY, &errand->page.after))) {
        errand_batch_drop(errand);
        errand_refuse_field(x, after, STR("This is no id of an object in the list."));
        return false;
    }
    return true;
}

bool errand_batch_again(struct errand_batch *errand, struct http_exchange *x)
{
    enum err err = errand_again_read(errand, x);
    const struct face_error error = { .err = err,
                                      .message = str_from(errand->work.message),
                                      .param = str_from(errand->work.param) };
    if (err != ERR_OK) {
        reply_refuse(x, &error);
        errand_batch_drop(errand);
    }
    return err == ERR_OK;
}

void errand_batch_start(struct errand_batch *errand, struct http_exchange *x, errand_work_fn *run)
{
    struct front *front = errand->work.front;
    errand->work.run = run;
    errand_work_start(front, x, &errand->work, front->world.gate.workers, ERRAND_BATCH_ANSWER_MAX);
}

/* ---- rows -------------------------------------------------------------------------------- */

void errand_batch_read(struct errand_batch *errand, store_read_fn *read)
{
    struct fail fail;
    jsonw_init(&errand->json, &errand->work.answer);
    errand->work.err = store_read(errand->work.front->world.gate.store, read, errand, &fail);
}

struct errand_job {
    struct store_job job;
    struct errand_batch *errand;
    store_read_fn *write;
};

static enum err errand_job_run(struct store_job *job, struct store_txn *txn, struct fail *fail)
{
    struct errand_job *write = EP_CONTAINER(job, struct errand_job, job);
    return write->write(write->errand, txn, fail);
}

void errand_batch_write(struct errand_batch *errand, store_read_fn *write)
{
    struct fail fail;
    struct errand_job job = { .job = { .run = errand_job_run }, .errand = errand, .write = write };
    jsonw_init(&errand->json, &errand->work.answer);
    errand->work.err = store_run(errand->work.front->world.gate.store, &job.job, &fail);
}

/* ---- objects ----------------------------------------------------------------------------- */

void errand_batch_put_id(struct jsonw *json, const char *key, struct str prefix, struct id id)
{
    char text[64];
    struct buf shown = { text, 0, sizeof(text), sizeof(text) };
    EP_IGNORE(buf_append(&shown, prefix));      /* fits */
    EP_IGNORE(id_print(&shown, STR_EMPTY, id)); /* fits */
    jsonw_put_str(json, key, buf_str(&shown));
}

void errand_batch_put_id_if(struct jsonw *json, const char *key, bool there, struct str prefix,
                            struct id id)
{
    if (there) {
        errand_batch_put_id(json, key, prefix, id);
    } else {
        jsonw_key(json, key);
        jsonw_null(json);
    }
}

static void put_seconds(struct jsonw *json, const char *key, int64_t ns)
{
    jsonw_key(json, key);
    if (ns > 0) {
        jsonw_int(json, ns / STAMP_NS_PER_S);
    } else {
        jsonw_null(json);
    }
}

void errand_put_file(struct jsonw *json, const struct batch_file *file)
{
    jsonw_open(json, '{');
    errand_batch_put_id(json, "id", STR(BATCH_FILE_PREFIX), file->id);
    jsonw_put_str(json, "object", STR("file"));
    jsonw_put_int(json, "bytes", file->bytes);
    put_seconds(json, "created_at", file->created_ns);
    put_seconds(json, "expires_at", file->until_ns);
    jsonw_put_str(json, "filename", file->name);
    jsonw_put_str(json, "purpose", file->purpose);
    jsonw_put_str(json, "status", STR("processed"));
    jsonw_key(json, "status_details");
    jsonw_null(json);
    jsonw_close(json, '}');
}

static void put_fault(struct jsonw *json, const struct batch *batch)
{
    jsonw_key(json, "errors");
    if (batch->fault.len == 0) {
        jsonw_null(json);
        return;
    }
    jsonw_open(json, '{');
    jsonw_put_str(json, "object", STR("list"));
    jsonw_key(json, "data");
    jsonw_raw(json, batch->fault);
    jsonw_close(json, '}');
}

static void put_times(struct jsonw *json, const struct batch *batch)
{
    static const struct {
        enum batch_state state;
        const char *key;
    } ends[] = {
        { BATCH_COMPLETED, "completed_at" },
        { BATCH_FAILED, "failed_at" },
        { BATCH_EXPIRED, "expired_at" },
        { BATCH_CANCELLED, "cancelled_at" },
    };
    put_seconds(json, "created_at", batch->created_ns);
    put_seconds(json, "in_progress_at", batch->started_ns);
    put_seconds(json, "expires_at", batch->deadline_ns);
    put_seconds(json, "finalizing_at", batch->finalizing_ns);
    put_seconds(json, "cancelling_at", batch->cancelling_ns);
    for (size_t i = 0; i < EP_ARRAY_LEN(ends); i++) {
        put_seconds(json, ends[i].key, batch->state == ends[i].state ? batch->ended_ns : 0);
    }
}

void errand_put_batch(struct jsonw *json, const struct batch *batch)
{
    const struct batch_counts *counts = &batch->counts;
    jsonw_open(json, '{');
    errand_batch_put_id(json, "id", STR(BATCH_PREFIX), batch->id);
    jsonw_put_str(json, "object", STR("batch"));
    jsonw_put_str(json, "endpoint", batch->endpoint);
    put_fault(json, batch);
    errand_batch_put_id(json, "input_file_id", STR(BATCH_FILE_PREFIX), batch->input);
    jsonw_put_str(json, "completion_window", STR("24h"));
    jsonw_put_str(json, "status", batch_state_name(batch->state));
    errand_batch_put_id_if(json, "output_file_id", batch->has_output, STR(BATCH_FILE_PREFIX),
                           batch->output);
    errand_batch_put_id_if(json, "error_file_id", batch->has_errors, STR(BATCH_FILE_PREFIX),
                           batch->errors);
    put_times(json, batch);
    jsonw_key(json, "request_counts");
    jsonw_open(json, '{');
    jsonw_put_int(json, "total", counts->total);
    jsonw_put_int(json, "completed", counts->completed);
    jsonw_put_int(json, "failed", counts->failed + counts->expired + counts->cancelled);
    jsonw_close(json, '}');
    jsonw_key(json, "metadata");
    if (batch->metadata.len > 0) {
        jsonw_raw(json, batch->metadata);
    } else {
        jsonw_null(json);
    }
    jsonw_close(json, '}');
}

static void put_stamp(struct jsonw *json, const char *key, int64_t ns)
{
    char text[40];
    struct buf stamp = { text, 0, sizeof(text), sizeof(text) };
    jsonw_key(json, key);
    if (ns > 0) {
        EP_IGNORE(stamp_print(&stamp, ns)); /* fits */
        jsonw_str(json, buf_str(&stamp));
    } else {
        jsonw_null(json);
    }
}

/* As Anthropic's API has it, all are under way until all have ended. */
void errand_put_messages(struct jsonw *json, const struct batch *batch)
{
    const struct batch_counts *counts = &batch->counts;
    bool ended = batch->ended_ns > 0;
    jsonw_open(json, '{');
    errand_batch_put_id(json, "id", STR(BATCH_MESSAGES_PREFIX), batch->id);
    jsonw_put_str(json, "type", STR("message_batch"));
    jsonw_put_str(json, "processing_status",
                  ended                              ? STR("ended")
                  : batch->state == BATCH_CANCELLING ? STR("canceling")
                                                     : STR("in_progress"));
    jsonw_key(json, "request_counts");
    jsonw_open(json, '{');
    jsonw_put_int(json, "processing", ended ? 0 : counts->total);
    jsonw_put_int(json, "succeeded", ended ? counts->completed : 0);
    jsonw_put_int(json, "errored", ended ? counts->failed : 0);
    jsonw_put_int(json, "canceled", counts->cancelled);
    jsonw_put_int(json, "expired", counts->expired);
    jsonw_close(json, '}');
    put_stamp(json, "created_at", batch->created_ns);
    put_stamp(json, "expires_at", batch->deadline_ns);
    put_stamp(json, "ended_at", batch->ended_ns);
    put_stamp(json, "cancel_initiated_at", batch->cancelling_ns);
    put_stamp(json, "archived_at", 0);
    if (ended && batch->has_output) {
        char text[128];
        struct buf url = { text, 0, sizeof(text), sizeof(text) };
        EP_IGNORE(buf_append(&url, STR("/v1/messages/batches/" BATCH_MESSAGES_PREFIX))); /* fits */
        EP_IGNORE(id_print(&url, STR_EMPTY, batch->id));
        EP_IGNORE(buf_append(&url, STR("/results")));
        jsonw_put_str(json, "results_url", buf_str(&url));
    } else {
        jsonw_key(json, "results_url");
        jsonw_null(json);
    }
    jsonw_close(json, '}');
}

void errand_batches_changed(const struct front *front)
{
    atomic_fetch_add_explicit(&front->world.batches->changes, 1, memory_order_relaxed);
}
