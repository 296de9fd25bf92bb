#include "front/errand.h"

#include "base/money.h"
#include "front/front_internal.h"
#include "gate/auth.h"
#include "gate/law.h"
#include "gate/price_shelf.h"
#include "gate/reply.h"
#include "ident/ident.h"
#include "wire/jsonw.h"
#include "wire/url.h"

#define ERRAND_ANSWER_MAX ((size_t)1 << 20) /* a product of some thousand models */
#define ERRAND_MODEL_MAX  256 /* bytes of an id in a path; longer ones are not looked for */

void errand_refuse(struct http_exchange *x, enum err err)
{
    reply_refuse(x, &(struct face_error){ .err = err });
}

void errand_refuse_field(struct http_exchange *x, struct str param, struct str message)
{
    reply_refuse(
        x, &(struct face_error){ .err = ERR_ASK_INVALID, .message = message, .param = param });
}

/* Sends what was written, or the failure. */
static void errand_answer(struct http_exchange *x, struct jsonw *json)
{
    if (jsonw_err(json) != ERR_OK) {
        errand_refuse(x, ERR_NO_MEMORY);
    } else {
        reply_send(x, 200, STR("content-type: application/json\r\n"), buf_str(json->out));
    }
    buf_fini(json->out);
}

static void errand_begin(struct jsonw *json, struct buf *out)
{
    buf_init(out, ERRAND_ANSWER_MAX);
    jsonw_init(json, out);
}

void errand_no_transfer(struct front *front, struct http_exchange *x, struct str path)
{
    const struct api_key *key = NULL;
    (void)path;
    enum err err = auth_find(front->gate, x, &key);
    errand_refuse(x, err == ERR_OK ? ERR_TOKEN_NOT_TRANSFERABLE : err);
}

void errand_no_resale(struct front *front, struct http_exchange *x, struct str path)
{
    const struct api_key *key = NULL;
    (void)path;
    enum err err = auth_find(front->gate, x, &key);
    errand_refuse(x, err == ERR_OK ? ERR_TOKEN_NO_RESALE : err);
}

/* As OpenRouter writes prices: text, of one token. */
static void errand_put_price(struct jsonw *json, const char *key,
                             const struct registry_price *price, enum registry_class class)
{
    char money[40];
    struct buf text = { money, 0, sizeof(money), sizeof(money) };
    if (price->known[class]) {
        EP_IGNORE(money_print(&text, price->pico[class], 12, 0)); /* fits */
        jsonw_put_str(json, key, buf_str(&text));
    }
}

/* Of a call, or of one of what is no token. */
static void errand_put_piece(struct jsonw *json, const char *key, int64_t pico)
{
    char money[40];
    struct buf text = { money, 0, sizeof(money), sizeof(money) };
    if (pico > 0) {
        EP_IGNORE(money_print(&text, pico, 12, 0)); /* fits */
        jsonw_put_str(json, key, buf_str(&text));
    }
}

static void errand_put_texts(struct jsonw *json, const char *key,
                             const struct registry_texts *texts)
{
    jsonw_key(json, key);
    jsonw_open(json, '[');
    for (size_t i = 0; i < texts->count; i++) {
        jsonw_str(json, texts->items[i]);
    }
    jsonw_close(json, ']');
}

static void errand_put_null(struct jsonw *json, const char *key)
{
    jsonw_key(json, key);
    jsonw_null(json);
}

/* What answers are made of, as OpenRouter names it; a model that nobody serves: text. */
static void errand_put_outputs(struct jsonw *json, const struct registry_model *model)
{
    static const char *const outputs[REGISTRY_SERVICE_COUNT] = {
        [REGISTRY_SERVICE_CHAT] = "text",      [REGISTRY_SERVICE_EMBEDDINGS] = "embeddings",
        [REGISTRY_SERVICE_RERANK] = "rerank",  [REGISTRY_SERVICE_IMAGES] = "image",
        [REGISTRY_SERVICE_SPEECH] = "speech",  [REGISTRY_SERVICE_TRANSCRIPTION] = "transcription",
        [REGISTRY_SERVICE_REALTIME] = "audio",
    };
    bool any = false;
    jsonw_key(json, "output_modalities");
    jsonw_open(json, '[');
    for (unsigned i = 0; i < REGISTRY_SERVICE_COUNT; i++) {
        if (registry_model_serves(model, (enum registry_service)i) != 0) {
            jsonw_str(json, str_from(outputs[i]));
            any = true;
        }
    }
    if (!any) {
        jsonw_str(json, STR("text"));
    }
    jsonw_close(json, ']');
}

/* By which paths it is sold: "chat", "embeddings", ... */
static void errand_put_services(struct jsonw *json, const struct registry_model *model)
{
    jsonw_key(json, "services");
    jsonw_open(json, '[');
    for (unsigned i = 0; i < REGISTRY_SERVICE_COUNT; i++) {
        enum registry_service service = (enum registry_service)i;
        if (registry_model_serves(model, service) != 0) {
            jsonw_str(json, str_from(registry_service_name(service)));
        }
    }
    jsonw_close(json, ']');
}

/* What OpenRouter's SDK will not do without, beside what both say. */
static void errand_put_model_openrouter(struct jsonw *json, const struct registry_model *model)
{
    jsonw_put_str(json, "name", model->id);
    jsonw_put_str(json, "canonical_slug", model->id);
    jsonw_key(json, "architecture");
    jsonw_open(json, '{');
    errand_put_null(json, "modality");
    errand_put_texts(json, "input_modalities", &model->modalities);
    errand_put_outputs(json, model);
    jsonw_close(json, '}');
    jsonw_key(json, "top_provider");
    jsonw_open(json, '{');
    jsonw_put_int(json, "context_length", (int64_t)model->context_tokens);
    jsonw_put_int(json, "max_completion_tokens", (int64_t)model->output_tokens_max);
    jsonw_key(json, "is_moderated");
    jsonw_bool(json, false);
    jsonw_close(json, '}');
    jsonw_key(json, "links");
    jsonw_open(json, '{');
    jsonw_put_str(json, "details", model->id); /* behind /v1/models/ */
    jsonw_close(json, '}');
    jsonw_key(json,
              "supported_parameters"); /* all are passed on: which one is heeded, nobody says */
    jsonw_raw(json, STR("[]"));
    errand_put_null(json, "per_request_limits");
    errand_put_null(json, "default_parameters");
    errand_put_null(json, "supported_voices");
}

static void errand_put_prices(struct jsonw *json, const char *name,
                              const struct registry_price *price)
{
    jsonw_key(json, name);
    jsonw_open(json, '{');
    errand_put_price(json, "prompt", price, REGISTRY_CLASS_IN);
    errand_put_price(json, "completion", price, REGISTRY_CLASS_OUT);
    errand_put_price(json, "input_cache_read", price, REGISTRY_CLASS_CACHED);
    errand_put_price(json, "input_cache_write", price, REGISTRY_CLASS_W5M);
    errand_put_price(json, "internal_reasoning", price, REGISTRY_CLASS_REASON);
    errand_put_piece(json, "request", price->pico_call);
    errand_put_piece(json, "web_search", price->pico_unit[REGISTRY_UNIT_WEB_SEARCH]);
    for (unsigned i = REGISTRY_UNIT_IMAGE; i < REGISTRY_UNITS; i++) {
        if (price->known_unit[i]) {
            errand_put_piece(json, registry_unit_name((enum registry_unit_priced)i),
                             price->pico_unit[i]);
        }
    }
    jsonw_close(json, '}');
}

/* Those of the tiers stand beside it, by their names. */
static void errand_put_pricing(struct jsonw *json, const struct registry_price *price)
{
    errand_put_prices(json, "pricing", price);
    if (price->tier_count == 0) {
        return;
    }
    jsonw_key(json, "tier_pricing");
    jsonw_open(json, '{');
    for (size_t i = 0; i < price->tier_count; i++) {
        errand_put_prices(json, tier_name(price->tiers[i].tier), &price->tiers[i].price);
    }
    jsonw_close(json, '}');
}

/* What may be done with it, in Gemini's words. */
static void errand_put_methods(struct jsonw *json, const struct registry_model *model)
{
    static const struct {
        enum registry_service service;
        struct str methods[3];
    } rows[] = {
        { REGISTRY_SERVICE_CHAT,
          { STR_INIT("generateContent"), STR_INIT("streamGenerateContent"),
            STR_INIT("countTokens") } },
        { REGISTRY_SERVICE_EMBEDDINGS,
          { STR_INIT("embedContent"), STR_INIT("batchEmbedContents"), STR_INIT("") } },
    };
    jsonw_key(json, "supportedGenerationMethods");
    jsonw_open(json, '[');
    for (size_t i = 0; i < EP_ARRAY_LEN(rows); i++) {
        bool serves = registry_model_serves(model, rows[i].service) != 0;
        for (size_t k = 0; serves && k < EP_ARRAY_LEN(rows[i].methods); k++) {
            if (rows[i].methods[k].len > 0) {
                jsonw_str(json, rows[i].methods[k]);
            }
        }
    }
    jsonw_close(json, ']');
}

/* Gemini's own form, beside the prices. */
static void errand_put_model_gemini(struct jsonw *json, const struct registry_model *model,
                                    const struct registry_price *price)
{
    char name_text[ERRAND_MODEL_MAX];
    struct buf name = { name_text, 0, sizeof(name_text), sizeof(name_text) };
    if (buf_printf(&name, "models/" STR_FMT, STR_ARG(model->id)) != ERR_OK) {
        return; /* nobody could ask for it, either */
    }
    jsonw_open(json, '{');
    jsonw_put_str(json, "name", buf_str(&name));
    jsonw_put_str(json, "baseModelId", model->id);
    jsonw_put_str(json, "version", STR("1"));
    jsonw_put_str(json, "displayName", model->id);
    jsonw_put_str(json, "description", model->vendor->id);
    jsonw_put_int(json, "inputTokenLimit", (int64_t)model->context_tokens);
    jsonw_put_int(json, "outputTokenLimit", (int64_t)model->output_tokens_max);
    errand_put_methods(json, model);
    errand_put_pricing(json, price);
    jsonw_close(json, '}');
}

/* The fields of OpenAI's list, Anthropic's and OpenRouter's: none of them has two meanings. */
static void errand_put_model(struct jsonw *json, const struct registry_model *model,
                             const struct registry_price *price)
{
    jsonw_open(json, '{');
    jsonw_put_str(json, "id", model->id);
    jsonw_put_str(json, "object", STR("model"));
    jsonw_put_str(json, "type", STR("model"));
    jsonw_put_str(json, "display_name", model->id);
    jsonw_put_int(json, "created", 0); /* the registry knows no date */
    jsonw_put_str(json, "created_at", STR("1970-01-01T00:00:00Z"));
    jsonw_put_str(json, "owned_by", model->vendor->id);
    jsonw_put_int(json, "context_length", (int64_t)model->context_tokens);
    jsonw_put_int(json, "max_output_tokens", (int64_t)model->output_tokens_max);
    errand_put_services(json, model);
    errand_put_pricing(json, price);
    errand_put_model_openrouter(json, model);
    jsonw_close(json, '}');
}

/* What a call by this key would cost now: by the price list that its credit keeps, if it does. */
static const struct registry_price *errand_price(struct front *front, const struct api_key *key,
                                                 const struct registry_product *product,
                                                 const struct registry_model *model)
{
    struct ledger_account *account = ledger_find(front->world.gate.ledger, key->client->account);
    int64_t book = account == NULL ? 0 : ledger_price_book(account);
    const struct price_shelf_price *kept =
        book == 0
            ? NULL
            : price_shelf_find(front->world.gate.prices, book, product->price_book->id, model->id);
    return kept != NULL ? &kept->price : registry_product_price(product, model);
}

static void errand_put_id(struct jsonw *json, const char *key, const struct registry_model *model)
{
    jsonw_key(json, key);
    if (model == NULL) {
        jsonw_null(json);
    } else {
        jsonw_str(json, model->id);
    }
}

static void errand_list_models(struct jsonw *json, struct front *front, struct http_exchange *x,
                               const struct api_key *key, const struct registry_product *product)
{
    const struct registry_model *first = NULL;
    const struct registry_model *last = NULL;
    int64_t count = 0;
    jsonw_open(json, '{');
    jsonw_put_str(json, "object", STR("list"));
    jsonw_key(json, "data");
    jsonw_open(json, '[');
    for (size_t i = 0; i < product->model_count; i++) {
        const struct registry_model *model = product->models[i];
        if (call_law_would_admit(front->gate, x, key, product, model) == ERR_OK) {
            errand_put_model(json, model, errand_price(front, key, product, model));
            first = first == NULL ? model : first;
            last = model;
            count++;
        }
    }
    jsonw_close(json, ']');
    jsonw_key(json, "has_more"); /* there is one page */
    jsonw_bool(json, false);
    errand_put_id(json, "first_id", first);
    errand_put_id(json, "last_id", last);
    jsonw_put_int(json, "total_count", count);
    jsonw_key(json, "links");
    jsonw_raw(json, STR("{\"next\":null}"));
    jsonw_close(json, '}');
}

static void errand_list_models_gemini(struct jsonw *json, struct front *front,
                                      struct http_exchange *x, const struct api_key *key,
                                      const struct registry_product *product)
{
    jsonw_open(json, '{');
    jsonw_key(json, "models"); /* there is one page: no "nextPageToken" */
    jsonw_open(json, '[');
    for (size_t i = 0; i < product->model_count; i++) {
        const struct registry_model *model = product->models[i];
        if (call_law_would_admit(front->gate, x, key, product, model) == ERR_OK) {
            errand_put_model_gemini(json, model, errand_price(front, key, product, model));
        }
    }
    jsonw_close(json, ']');
    jsonw_close(json, '}');
}

/* SDKs write the slash of "vendor/model" as %2F; Gemini's may put "models/" before the name. */
static const struct registry_model *errand_model_named(const struct registry_product *product,
                                                       struct str name, bool gemini)
{
    static const struct str again = STR_INIT("models/");
    char id_text[ERRAND_MODEL_MAX];
    struct buf id = { id_text, 0, sizeof(id_text), sizeof(id_text) };
    name = gemini && str_starts(name, again) ? str_from_at(name, again.len) : name;
    const struct registry_model *model = registry_product_model(product, name);
    if (model != NULL || !url_path_text(name, &id)) {
        return model;
    }
    return registry_product_model(product, buf_str(&id));
}

/* What stands behind "models/" in the path; empty: the list is meant. */
static struct str errand_model_part(struct str path)
{
    static const struct str roots[] = { STR_INIT("/v1/models/"), STR_INIT("/v1beta/models/") };
    for (size_t i = 0; i < EP_ARRAY_LEN(roots); i++) {
        if (str_starts(path, roots[i])) {
            return str_from_at(path, roots[i].len);
        }
    }
    return STR_EMPTY;
}

void errand_models(struct front *front, struct http_exchange *x, struct str path)
{
    struct str name = errand_model_part(path);
    bool gemini = reply_face(x) == FACE_GEMINI;
    const struct api_key *key = NULL;
    enum err err = auth_find(front->gate, x, &key);
    const struct registry_product *product =
        err == ERR_OK ? registry_product(front->snapshot->registry, key->product) : NULL;
    if (product == NULL) {
        errand_refuse(x, err == ERR_OK ? ERR_MODEL_UNKNOWN : err);
        return;
    }
    if (!call_law_market_is_fine(x)) {
        errand_refuse_field(x, STR(CALL_LAW_MARKET), STR_EMPTY);
        return;
    }
    struct buf out;
    struct jsonw json;
    errand_begin(&json, &out);
    if (name.len > 0) {
        const struct registry_model *model = errand_model_named(product, name, gemini);
        err = model == NULL ? ERR_MODEL_UNKNOWN
                            : call_law_would_admit(front->gate, x, key, product, model);
        if (err != ERR_OK) {
            errand_refuse(x, err);
            return;
        }
        const struct registry_price *price = errand_price(front, key, product, model);
        (gemini ? errand_put_model_gemini : errand_put_model)(&json, model, price);
    } else {
        (gemini ? errand_list_models_gemini : errand_list_models)(&json, front, x, key, product);
    }
    errand_answer(x, &json);
}
