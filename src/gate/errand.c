#include "gate/errand.h"

#include "gate/auth.h"
#include "gate/gate_internal.h"
#include "ident/ident.h"
#include "wire/jsonw.h"

#define ERRAND_ANSWER_MAX ((size_t)1 << 20) /* a product of some thousand models */

static void errand_refuse_as(struct http_exchange *x, const struct chat_error *error)
{
    char text[512];
    struct buf body = { text, 0, sizeof(text), sizeof(text) };
    EP_IGNORE(chat_error_write(&body, error)); /* a table's sentence fits */
    bool retry = err_info(error->err)->kind == ERR_KIND_RETRY;
    http_respond(x, err_info(error->err)->status,
                 retry ? STR("content-type: application/json\r\n")
                       : STR("content-type: application/json\r\nx-should-retry: false\r\n"),
                 buf_str(&body));
}

void errand_refuse(struct http_exchange *x, enum err err)
{
    errand_refuse_as(x, &(struct chat_error){ .err = err });
}

void errand_refuse_field(struct http_exchange *x, struct str param, struct str message)
{
    errand_refuse_as(
        x, &(struct chat_error){ .err = ERR_ASK_INVALID, .message = message, .param = param });
}

/* Sends what was written, or the failure. */
static void errand_answer(struct http_exchange *x, struct jsonw *json)
{
    if (jsonw_err(json) != ERR_OK) {
        errand_refuse(x, ERR_NO_MEMORY);
    } else {
        http_respond(x, 200, STR("content-type: application/json\r\n"), buf_str(json->out));
    }
    buf_fini(json->out);
}

static void errand_begin(struct jsonw *json, struct buf *out)
{
    buf_init(out, ERRAND_ANSWER_MAX);
    jsonw_init(json, out);
}

/* An amount as a JSON number: decimal text, exact. */
static void errand_put_money(struct jsonw *json, const char *key, int64_t value, unsigned scale)
{
    char money[40];
    struct buf text = { money, 0, sizeof(money), sizeof(money) };
    EP_IGNORE(money_print(&text, value, scale, 0)); /* fits */
    jsonw_key(json, key);
    jsonw_raw(json, buf_str(&text));
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

static void errand_put_model(struct jsonw *json, const struct registry_model *model,
                             const struct registry_price *price)
{
    jsonw_open(json, '{');
    jsonw_put_str(json, "id", model->id);
    jsonw_put_str(json, "object", STR("model"));
    jsonw_put_int(json, "created", 0); /* the registry knows no date */
    jsonw_put_str(json, "owned_by", model->vendor->id);
    jsonw_put_int(json, "context_length", (int64_t)model->context_tokens);
    jsonw_put_int(json, "max_output_tokens", (int64_t)model->output_tokens_max);
    jsonw_key(json, "pricing");
    jsonw_open(json, '{');
    errand_put_price(json, "prompt", price, REGISTRY_CLASS_IN);
    errand_put_price(json, "completion", price, REGISTRY_CLASS_OUT);
    errand_put_price(json, "input_cache_read", price, REGISTRY_CLASS_CACHED);
    errand_put_price(json, "internal_reasoning", price, REGISTRY_CLASS_REASON);
    jsonw_close(json, '}');
    jsonw_close(json, '}');
}

static void errand_list_models(struct jsonw *json, const struct registry_product *product)
{
    jsonw_open(json, '{');
    jsonw_put_str(json, "object", STR("list"));
    jsonw_key(json, "data");
    jsonw_open(json, '[');
    for (size_t i = 0; i < product->model_count; i++) {
        errand_put_model(json, product->models[i], product->prices[i]);
    }
    jsonw_close(json, ']');
    jsonw_close(json, '}');
}

void errand_models(struct gate *gate, struct http_exchange *x, struct str path)
{
    static const struct str one = STR_INIT("/v1/models/");
    const struct api_key *key = NULL;
    enum err err = auth_find(gate, x, &key);
    const struct registry_product *product =
        err == ERR_OK ? registry_product(gate->snapshot->registry, key->product) : NULL;
    if (product == NULL) {
        errand_refuse(x, err == ERR_OK ? ERR_MODEL_UNKNOWN : err);
        return;
    }
    struct buf out;
    struct jsonw json;
    errand_begin(&json, &out);
    if (str_starts(path, one)) {
        const struct registry_model *model =
            registry_product_model(product, str_from_at(path, one.len));
        if (model == NULL) {
            errand_refuse(x, ERR_MODEL_UNKNOWN);
            return;
        }
        errand_put_model(&json, model, registry_product_price(product, model));
    } else {
        errand_list_models(&json, product);
    }
    errand_answer(x, &json);
}

/* What is left, in the units the product sells: nano times units a currency unit. */
static void errand_put_units(struct jsonw *json, const struct registry_product *product,
                             int64_t nano)
{
    money_wide units = (money_wide)nano * (int64_t)product->unit.per_currency_unit;
    int64_t whole = units / MONEY_NANO_PER_UNIT > INT64_MAX
                        ? INT64_MAX
                        : (int64_t)(units / MONEY_NANO_PER_UNIT);
    jsonw_key(json, "units");
    jsonw_open(json, '{');
    jsonw_put_str(json, "name", product->unit.name);
    jsonw_put_int(json, "available", whole);
    jsonw_close(json, '}');
}

void errand_credits(struct gate *gate, struct http_exchange *x, struct str path)
{
    (void)path;
    const struct api_key *key = NULL;
    enum err err = auth_find(gate, x, &key);
    struct ledger_account *account =
        err == ERR_OK ? ledger_find(gate->world.ledger, key->client->account) : NULL;
    if (account == NULL) {
        errand_refuse(x, err == ERR_OK ? ERR_KEY_UNKNOWN : err);
        return;
    }
    const struct account_credit *credit = ledger_credit(account);
    int64_t available = credit->available;
    int64_t held = credit->held;
    int64_t spent = credit->spent;
    const struct registry_product *product =
        registry_product(gate->snapshot->registry, key->product);
    struct buf out;
    struct jsonw json;
    errand_begin(&json, &out);
    jsonw_open(&json, '{');
    jsonw_key(&json, "data");
    jsonw_open(&json, '{');
    errand_put_money(&json, "total_credits", available + held + spent, 9);
    errand_put_money(&json, "total_usage", spent, 9);
    errand_put_money(&json, "available", available, 9);
    errand_put_money(&json, "held", held, 9);
    jsonw_put_str(&json, "currency", ledger_currency(account));
    if (product != NULL) {
        errand_put_units(&json, product, available);
    }
    jsonw_close(&json, '}');
    jsonw_close(&json, '}');
    errand_answer(x, &json);
}

void errand_key(struct gate *gate, struct http_exchange *x, struct str path)
{
    (void)path;
    const struct api_key *key = NULL;
    enum err err = auth_find(gate, x, &key);
    if (err != ERR_OK) {
        errand_refuse(x, err);
        return;
    }
    char id[ID_SHOWN_MAX];
    struct buf shown = { id, 0, sizeof(id), sizeof(id) };
    EP_IGNORE(id_print(&shown, STR(IDENT_KEY_PREFIX), key->id)); /* fits */
    struct buf out;
    struct jsonw json;
    errand_begin(&json, &out);
    jsonw_open(&json, '{');
    jsonw_key(&json, "data");
    jsonw_open(&json, '{');
    jsonw_put_str(&json, "id", buf_str(&shown));
    jsonw_put_str(&json, "label", key->hint);
    jsonw_put_str(&json, "name", key->name);
    jsonw_put_str(&json, "product", key->product);
    jsonw_put_int(&json, "calls_at_once_max", (int64_t)gate->snapshot->options.calls_per_client);
    jsonw_key(&json, "limit"); /* of money, in OpenRouter's shape: none but the credit itself */
    jsonw_null(&json);
    jsonw_close(&json, '}');
    jsonw_close(&json, '}');
    errand_answer(x, &json);
}
