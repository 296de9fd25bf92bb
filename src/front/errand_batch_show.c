/* Batches as either API shows them: one, and a page of them. */
#include "front/errand.h"
#include "front/errand_batch.h"
#include "front/front_internal.h"

/* What a list has of its own in each API. */
struct show_api {
    struct str prefix;
    struct str after; /* in the query: behind which batch it begins */
    void (*put)(struct jsonw *json, const struct batch *batch);
    bool says_list;
};

static const struct show_api show_apis[] = {
    [BATCH_OPENAI] = { STR_INIT(BATCH_PREFIX), STR_INIT("after"), errand_put_batch, true },
    [BATCH_ANTHROPIC] = { STR_INIT(BATCH_MESSAGES_PREFIX), STR_INIT("after_id"),
                          errand_put_messages, false },
};

/* ---- one ---------------------------------------------------------------------------------- */

static enum err show_put(void *context, const struct batch *batch)
{
    struct errand_batch *errand = context;
    show_apis[batch->shape].put(&errand->json, batch);
    return jsonw_err(&errand->json);
}

enum err errand_batch_show(struct errand_batch *errand, struct store_txn *txn, struct id id,
                           struct fail *fail)
{
    return batch_find(txn, &errand->owner, errand->shape, id, show_put, errand, fail);
}

static enum err show_read(void *context, struct store_txn *txn, struct fail *fail)
{
    struct errand_batch *errand = context;
    return errand_batch_show(errand, txn, errand->id, fail);
}

void errand_batch_show_run(struct errand_work *work)
{
    errand_batch_read(EP_CONTAINER(work, struct errand_batch, work), show_read);
}

/* ---- a page ------------------------------------------------------------------------------- */

struct show_page {
    struct errand_batch errand; /* first */
    struct id first;
    struct id last;
};

static enum err page_put(void *context, const struct batch *batch)
{
    struct show_page *page = context;
    struct errand_batch *errand = &page->errand;
    /* Metadata may be long: a page is shorter then, and says that there is more. */
    bool full = errand->work.answer.len > ERRAND_BATCH_ANSWER_MAX - 4 * BATCH_METADATA_MAX;
    if (errand->shown == errand->page.limit || full) {
        errand->has_more = true;
        return ERR_OK;
    }
    page->first = errand->shown == 0 ? batch->id : page->first;
    page->last = batch->id;
    errand->shown++;
    return show_put(errand, batch);
}

static enum err page_read(void *context, struct store_txn *txn, struct fail *fail)
{
    struct show_page *page = context;
    struct errand_batch *errand = &page->errand;
    const struct show_api *api = &show_apis[errand->shape];
    struct jsonw *json = &errand->json;
    jsonw_open(json, '{');
    if (api->says_list) {
        jsonw_put_str(json, "object", STR("list"));
    }
    jsonw_key(json, "data");
    jsonw_open(json, '[');
    TRY(batch_each(txn, &errand->owner, errand->shape, &errand->page, page_put, page, fail));
    jsonw_close(json, ']');
    errand_batch_put_id_if(json, "first_id", errand->shown > 0, api->prefix, page->first);
    errand_batch_put_id_if(json, "last_id", errand->shown > 0, api->prefix, page->last);
    jsonw_key(json, "has_more");
    jsonw_bool(json, errand->has_more);
    jsonw_close(json, '}');
    return jsonw_err(json);
}

static void page_run(struct errand_work *work)
{
    errand_batch_read(EP_CONTAINER(work, struct errand_batch, work), page_read);
}

static void page_start(struct front *front, struct http_exchange *x, enum batch_shape shape)
{
    const struct show_api *api = &show_apis[shape];
    struct show_page *page = errand_batch_make(front, x, sizeof(*page), ERRAND_BATCH_READS);
    if (page == NULL) {
        return;
    }
    page->errand.shape = shape;
    if (errand_batch_pages(&page->errand, x, api->after, api->prefix)) {
        errand_batch_start(&page->errand, x, page_run);
    }
}

void errand_batch_list(struct front *front, struct http_exchange *x, struct str path)
{
    (void)path;
    page_start(front, x, BATCH_OPENAI);
}

void errand_messages_list(struct front *front, struct http_exchange *x, struct str path)
{
    (void)path;
    page_start(front, x, BATCH_ANTHROPIC);
}
