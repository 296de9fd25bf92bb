/* A call's receipt for its client. */
#include <stdio.h>

#include "base/mem.h"
#include "front/errand.h"
#include "front/errand_rows.h"
#include "front/front_internal.h"
#include "front/receipt_view.h"
#include "gate/auth.h"
#include "ident/ident.h"
#include "meter/usage.h"
#include "tlog/publish.h"
#include "tlog/tlog.h"
#include "wire/json.h"
#include "wire/jsonw.h"
#include "wire/url.h"

enum errand_form {
    ERRAND_DOCUMENT,   /* tlog/receipt_doc.h */
    ERRAND_PROOF,      /* c2sp.org/tlog-proof */
    ERRAND_GENERATION, /* OpenRouter's shape */
    ERRAND_FORMS
};

struct errand {
    struct errand_rows rows;
    struct id call;
    const struct client *client;
    const struct api_key *device; /* that asks; NULL: none does */
    struct store_txn *txn;        /* of the reading */
    enum errand_form form;
};

/* ---- on the worker's thread --------------------------------------------------------------- */

/* Whether the receipt is the asking client's: its key is one of his; or the asking device's own. */
static bool errand_owns(const struct errand *errand, struct str section)
{
    char text[ID_SHOWN_MAX];
    struct buf shown = { text, 0, sizeof(text), sizeof(text) };
    struct json_fault fault;
    struct id id;
    if (json_check(section, &fault) != ERR_OK) {
        return false;
    }
    struct str value = json_get(section, STR("key"));
    if (json_kind(value) != JSON_STRING || !json_decode(value, &shown) ||
        !id_parse(buf_str(&shown), STR(IDENT_KEY_PREFIX), &id)) {
        return false;
    }
    const struct api_key *key = api_key_find(errand->rows.work.front->world.gate.ident, id);
    return key != NULL && key->client == errand->client &&
           (errand->device == NULL || key == errand->device);
}

/* An amount of a receipt: integers are text there. 0: it has none of that name. */
static int64_t errand_number(struct str object, const char *name)
{
    struct str value = json_get(object, str_from(name));
    int64_t number = 0;
    return value.len > 2 && str_to_i64(json_inside(value), &number) ? number : 0;
}

/* Of classes that follow each other in the table. */
static int64_t errand_tokens(struct str billed, enum usage_class first, enum usage_class last)
{
    int64_t sum = 0;
    for (unsigned i = first; i <= (unsigned)last; i++) {
        sum += errand_number(billed, usage_name((enum usage_class)i));
    }
    return sum;
}

static void errand_put_classes(struct jsonw *json, struct str billed)
{
    int64_t input = errand_tokens(billed, USAGE_IN, USAGE_CACHED_IMAGE);
    int64_t output = errand_tokens(billed, USAGE_OUT, USAGE_OUT_IMAGE);
    jsonw_put_int(json, "tokens_prompt", input);
    jsonw_put_int(json, "tokens_completion", output);
    jsonw_put_int(json, "native_tokens_prompt", input);
    jsonw_put_int(json, "native_tokens_completion", output);
    jsonw_put_int(json, "native_tokens_cached",
                  errand_tokens(billed, USAGE_CACHED, USAGE_CACHED) +
                      errand_tokens(billed, USAGE_CACHED_AUDIO, USAGE_CACHED_IMAGE));
    jsonw_put_int(json, "native_tokens_reasoning",
                  errand_tokens(billed, USAGE_REASON, USAGE_REASON));
    jsonw_put_int(json, "native_tokens_completion_images",
                  errand_tokens(billed, USAGE_OUT_IMAGE, USAGE_OUT_IMAGE));
}

static void errand_copy(struct jsonw *json, const char *key, struct str section, struct str name)
{
    struct str value = json_get(section, name);
    jsonw_key(json, key);
    jsonw_raw(json, value.len > 0 ? value : STR("null"));
}

/* Of OpenRouter's shape: its SDK wants them, and nobody here knows them. */
static void errand_put_unknown(struct jsonw *json)
{
    static const char *const names[] = {
        "api_type",
        "app_id",
        "cancelled",
        "external_user",
        "finish_reason",
        "generation_time",
        "http_referer",
        "latency",
        "moderation_latency",
        "native_finish_reason",
        "num_fetches",
        "num_input_audio_prompt",
        "num_media_completion",
        "num_media_prompt",
        "num_search_results",
        "preset_id",
        "provider_name",
        "provider_responses",
        "router",
        "streamed",
        "upstream_id",
        "upstream_inference_cost",
        "user_agent",
        "web_search_engine",
        "workspace_id",
    };
    for (size_t i = 0; i < EP_ARRAY_LEN(names); i++) {
        jsonw_key(json, names[i]);
        jsonw_null(json);
    }
    jsonw_key(json, "is_byok");
    jsonw_bool(json, false);
    jsonw_put_str(json, "origin", STR_EMPTY);
    jsonw_put_str(json, "data_region", STR("global"));
}

static enum err errand_put_generation(struct errand *errand, const struct tlog_found *found)
{
    struct jsonw json;
    struct str client = found->sections[RECEIPT_CLIENT];
    struct str billed = json_get(client, STR("billed"));
    jsonw_init(&json, &errand->rows.work.answer);
    jsonw_open(&json, '{');
    jsonw_key(&json, "data");
    jsonw_open(&json, '{');
    errand_copy(&json, "id", client, STR("call"));
    errand_copy(&json, "model", client, STR("model_served"));
    errand_copy(&json, "created_at", client, STR("begun"));
    errand_copy(&json, "finish", client, STR("outcome"));
    errand_put_money(&json, "total_cost", errand_number(client, "amount"));
    errand_put_money(&json, "usage", errand_number(client, "amount"));
    errand_put_money(&json, "cache_discount", errand_number(client, "saved"));
    errand_copy(&json, "service_tier", client, STR("tier"));
    errand_put_classes(&json, billed);
    errand_put_unknown(&json);
    jsonw_close(&json, '}');
    jsonw_close(&json, '}');
    return jsonw_err(&json);
}

/* Proofs begin with the next checkpoint: whoever asks sooner is told when to ask again. */
static enum err errand_put_proof(struct errand *errand, const struct tlog_found *found)
{
    struct errand_work *work = &errand->rows.work;
    struct fail fail;
    enum err err = published_proof(errand->txn, found->leaf, &work->answer, &fail);
    if (err == ERR_NOT_FOUND) {
        errand_work_say(work, 503, "retry-after: 1\r\n",
                        STR("no checkpoint covers this receipt yet: ask again in a second\n"));
        return work->err;
    }
    (void)snprintf(work->headers, sizeof(work->headers),
                   "content-type: text/plain; charset=utf-8\r\n");
    return err;
}

static enum err errand_put_document(struct errand *errand, const struct tlog_found *found)
{
    const struct receipt_view view = {
        .txn = errand->txn,
        .found = found,
        .sections = RECEIPT_VIEW_CLIENT,
        .log = errand->rows.work.front->world.gate.log,
    };
    struct fail fail;
    return receipt_view_write(&view, &errand->rows.work.answer, &fail);
}

static enum err errand_on_found(void *context, const struct tlog_found *found)
{
    static enum err (*const writers[ERRAND_FORMS])(struct errand *, const struct tlog_found *) = {
        [ERRAND_DOCUMENT] = errand_put_document,
        [ERRAND_PROOF] = errand_put_proof,
        [ERRAND_GENERATION] = errand_put_generation,
    };
    struct errand *errand = context;
    if (!errand_owns(errand, found->sections[RECEIPT_CLIENT])) {
        return ERR_NOT_FOUND; /* as if there were none: nobody learns of others' calls */
    }
    return writers[errand->form](errand, found);
}

static enum err errand_read(void *context, struct store_txn *txn, struct fail *fail)
{
    struct errand *errand = context; /* its first part is the errand_rows */
    errand->txn = txn;
    return tlog_find(txn, errand->call, errand_on_found, errand, fail);
}

/* ---- on the loop's thread ----------------------------------------------------------------- */

static bool errand_call_id(struct http_exchange *x, struct str path, struct id *ret_call,
                           enum errand_form *ret_form)
{
    static const struct str receipts = STR_INIT("/v1/receipts/");
    static const struct str proof = STR_INIT(".tlog-proof");
    *ret_form = !str_starts(path, receipts) ? ERRAND_GENERATION
                : str_ends(path, proof)     ? ERRAND_PROOF
                                            : ERRAND_DOCUMENT;
    if (*ret_form != ERRAND_GENERATION) {
        size_t end = path.len - (*ret_form == ERRAND_PROOF ? proof.len : 0);
        return id_parse(str_slice(path, receipts.len, end), STR("call_"), ret_call);
    }
    char text[64];
    struct buf value = { text, 0, sizeof(text), sizeof(text) };
    struct str query;
    EP_IGNORE(url_target_path(http_exchange_head(x)->target, &query).len); /* the query is meant */
    return url_query(query, STR("id"), &value) && id_parse(buf_str(&value), STR("call_"), ret_call);
}

void errand_receipt(struct front *front, struct http_exchange *x, struct str path)
{
    const struct api_key *key = NULL;
    struct id call = { { 0 } };
    enum errand_form form = ERRAND_DOCUMENT;
    enum err err = auth_find(front->gate, x, &key);
    if (err == ERR_OK && !errand_call_id(x, path, &call, &form)) {
        err = ERR_NOT_FOUND;
    }
    if (err != ERR_OK) {
        errand_refuse(x, err);
        return;
    }
    struct errand *errand = mem_zalloc(sizeof(*errand));
    if (errand != NULL) {
        errand->call = call;
        errand->client = key->client;
        errand->device = key->device == NULL ? NULL : key;
        errand->form = form;
    }
    errand_rows_start(front, x, errand == NULL ? NULL : &errand->rows, errand_read);
}
