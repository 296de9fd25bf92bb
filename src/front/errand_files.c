/* Files of batches that are there, results too: OpenAI's /v1/files. How they come:
 * errand_file_add.c. */
#include "batch/content.h"
#include "front/errand.h"
#include "front/errand_batch.h"
#include "front/front_internal.h"
#include "gate/reply.h"

#define FILES_ROOT "/v1/files/"

static enum err file_on_listed(void *context, const struct batch_file *file)
{
    struct errand_batch *errand = context;
    if (errand->shown == errand->page.limit) {
        errand->has_more = true;
        return ERR_OK;
    }
    errand->shown++;
    errand_put_file(&errand->json, file);
    return jsonw_err(&errand->json);
}

static enum err file_list_read(void *context, struct store_txn *txn, struct fail *fail)
{
    struct errand_batch *errand = context;
    struct jsonw *json = &errand->json;
    jsonw_open(json, '{');
    jsonw_put_str(json, "object", STR("list"));
    jsonw_key(json, "data");
    jsonw_open(json, '[');
    TRY(batch_file_each(txn, &errand->owner, &errand->page, file_on_listed, errand, fail));
    jsonw_close(json, ']');
    jsonw_key(json, "has_more");
    jsonw_bool(json, errand->has_more);
    jsonw_close(json, '}');
    return jsonw_err(json);
}

static void file_list_run(struct errand_work *work)
{
    errand_batch_read(EP_CONTAINER(work, struct errand_batch, work), file_list_read);
}

void errand_file_list(struct front *front, struct http_exchange *x, struct str path)
{
    (void)path;
    struct errand_batch *errand = errand_batch_make(front, x, sizeof(*errand), ERRAND_BATCH_READS);
    if (errand != NULL && errand_batch_pages(errand, x, STR("after"), STR(BATCH_FILE_PREFIX))) {
        errand_batch_start(errand, x, file_list_run);
    }
}

static enum err file_on_found(void *context, const struct batch_file *file)
{
    struct errand_batch *errand = context;
    errand_put_file(&errand->json, file);
    return jsonw_err(&errand->json);
}

enum err errand_file_tell(struct errand_batch *errand, struct store_txn *txn, struct id id,
                          struct fail *fail)
{
    return batch_file_find(txn, &errand->owner, id, file_on_found, errand, fail);
}

static enum err file_get_read(void *context, struct store_txn *txn, struct fail *fail)
{
    struct errand_batch *errand = context;
    return errand_file_tell(errand, txn, errand->id, fail);
}

static void file_get_run(struct errand_work *work)
{
    errand_batch_read(EP_CONTAINER(work, struct errand_batch, work), file_get_read);
}

static enum err file_on_content(void *context, const struct batch_file *file)
{
    (void)context;
    (void)file;
    return ERR_OK;
}

static enum err file_content_read(void *context, struct store_txn *txn, struct fail *fail)
{
    struct errand_batch *errand = context;
    return batch_file_find(txn, &errand->owner, errand->id, file_on_content, errand, fail);
}

static enum err file_content_find(struct errand_batch *errand, struct id *ret_file)
{
    errand_batch_read(errand, file_content_read);
    *ret_file = errand->id;
    return errand->work.err;
}

void errand_file_get(struct front *front, struct http_exchange *x, struct str path)
{
    struct errand_batch *errand = errand_batch_make(front, x, sizeof(*errand), ERRAND_BATCH_READS);
    struct str behind;
    if (errand == NULL ||
        !errand_batch_name(errand, x, path, STR(FILES_ROOT), STR(BATCH_FILE_PREFIX), &behind)) {
        return;
    }
    if (behind.len == 0) {
        errand_batch_start(errand, x, file_get_run);
    } else if (str_eq(behind, STR("/content"))) {
        errand_content_start(front, x, errand, file_content_find);
    } else {
        errand_batch_drop(errand);
        errand_refuse(x, ERR_HTTP_PATH);
    }
}

/* ---- removing ----------------------------------------------------------------------------- */

static enum err file_on_unended(void *context, const struct batch *batch)
{
    const struct errand_batch *errand = context;
    return id_eq(batch->input, errand->id) ? ERR_CONFLICT : ERR_OK;
}

static enum err file_remove_row(void *context, struct store_txn *txn, struct fail *fail)
{
    struct errand_batch *errand = context;
    TRY(file_content_read(errand, txn, fail));
    TRY(batch_unended(txn, file_on_unended, errand, fail));
    return batch_file_remove(txn, errand->id, fail);
}

static void file_remove_run(struct errand_work *work)
{
    struct errand_batch *errand = EP_CONTAINER(work, struct errand_batch, work);
    struct jsonw *json = &errand->json;
    struct fail fail;
    errand_batch_write(errand, file_remove_row);
    if (work->err == ERR_CONFLICT) {
        errand_work_fault(work, "",
                          "A batch that has not ended reads this file; cancel the batch first.");
    }
    if (work->err != ERR_OK) {
        return;
    }
    /* The row is gone: a content that stays is swept up. */
    EP_IGNORE(content_remove(work->front->world.batches->folder, errand->id, CONTENT_JSONL, &fail));
    jsonw_open(json, '{');
    errand_batch_put_id(json, "id", STR(BATCH_FILE_PREFIX), errand->id);
    jsonw_put_str(json, "object", STR("file"));
    jsonw_key(json, "deleted");
    jsonw_bool(json, true);
    jsonw_close(json, '}');
    work->err = jsonw_err(json);
}

void errand_file_remove(struct front *front, struct http_exchange *x, struct str path)
{
    struct errand_batch *errand = errand_batch_make(front, x, sizeof(*errand), ERRAND_BATCH_READS);
    struct str behind;
    if (errand == NULL ||
        !errand_batch_name(errand, x, path, STR(FILES_ROOT), STR(BATCH_FILE_PREFIX), &behind)) {
        return;
    }
    if (behind.len > 0) {
        errand_batch_drop(errand);
        errand_refuse(x, ERR_HTTP_METHOD);
        return;
    }
    errand_batch_start(errand, x, file_remove_run);
}
