/* A call's receipt for its client. */
#include "base/enc.h"
#include "base/mem.h"
#include "gate/auth.h"
#include "gate/errand.h"
#include "gate/errand_rows.h"
#include "gate/gate_internal.h"
#include "ident/ident.h"
#include "tlog/tlog.h"
#include "wire/json.h"
#include "wire/jsonw.h"
#include "wire/url.h"

struct errand {
    struct errand_rows rows;
    struct id call;
    const struct client *client;
    bool generation; /* OpenRouter's shape */
};

/* ---- on the worker's thread --------------------------------------------------------------- */

/* Whether the receipt is the asking client's: its key is one of his. */
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
    const struct api_key *key = api_key_find(errand->rows.gate->world.ident, id);
    return key != NULL && key->client == errand->client;
}

static void errand_put_salt(struct jsonw *json, const char *name, struct str salt)
{
    char text[64];
    struct buf base64 = { text, 0, sizeof(text), sizeof(text) };
    EP_IGNORE(enc_base64(&base64, salt.ptr, salt.len)); /* sixteen bytes fit */
    jsonw_put_str(json, name, buf_str(&base64));
}

/* The client's own section and the evidence, each with its salt: what it needs to check them. */
static void errand_put_receipt(struct jsonw *json, const struct tlog_found *found)
{
    jsonw_open(json, '{');
    jsonw_key(json, "client");
    jsonw_raw(json, found->sections[RECEIPT_CLIENT]);
    jsonw_key(json, "evidence");
    jsonw_raw(json, found->sections[RECEIPT_EVIDENCE]);
    jsonw_key(json, "salts");
    jsonw_open(json, '{');
    errand_put_salt(json, "client", found->salts[RECEIPT_CLIENT]);
    errand_put_salt(json, "evidence", found->salts[RECEIPT_EVIDENCE]);
    jsonw_close(json, '}');
    jsonw_key(json, "entry");
    jsonw_raw(json, found->entry);
    jsonw_put_int(json, "leaf", found->leaf);
    jsonw_close(json, '}');
}

static int64_t errand_tokens(struct str billed, bool output)
{
    int64_t sum = 0;
    for (int i = 0; i < USAGE_COUNT; i++) {
        enum usage_class class = (enum usage_class)i;
        struct str value = json_get(billed, str_from(usage_name(class)));
        int64_t tokens = 0;
        /* Integers are text in a receipt. */
        if (usage_is_output(class) == output && value.len > 2 &&
            str_to_i64(json_inside(value), &tokens)) {
            sum += tokens;
        }
    }
    return sum;
}

static void errand_copy(struct jsonw *json, const char *key, struct str section, struct str name)
{
    struct str value = json_get(section, name);
    jsonw_key(json, key);
    jsonw_raw(json, value.len > 0 ? value : STR("null"));
}

static void errand_put_generation(struct jsonw *json, const struct tlog_found *found)
{
    struct str client = found->sections[RECEIPT_CLIENT];
    struct str billed = json_get(client, STR("billed"));
    struct str amount = json_get(client, STR("amount"));
    int64_t nano = 0;
    char money[40];
    struct buf text = { money, 0, sizeof(money), sizeof(money) };
    if (amount.len > 2 && str_to_i64(json_inside(amount), &nano)) {
        EP_IGNORE(money_print(&text, nano, 9, 0)); /* fits */
    }
    jsonw_open(json, '{');
    jsonw_key(json, "data");
    jsonw_open(json, '{');
    errand_copy(json, "id", client, STR("call"));
    errand_copy(json, "model", client, STR("model_served"));
    errand_copy(json, "created_at", client, STR("begun"));
    errand_copy(json, "finish", client, STR("outcome"));
    jsonw_key(json, "total_cost");
    jsonw_raw(json, text.len > 0 ? buf_str(&text) : STR("null"));
    jsonw_put_int(json, "tokens_prompt", errand_tokens(billed, false));
    jsonw_put_int(json, "tokens_completion", errand_tokens(billed, true));
    jsonw_close(json, '}');
    jsonw_close(json, '}');
}

static enum err errand_on_found(void *context, const struct tlog_found *found)
{
    struct errand *errand = context;
    if (!errand_owns(errand, found->sections[RECEIPT_CLIENT])) {
        return ERR_NOT_FOUND; /* as if there were none: nobody learns of others' calls */
    }
    struct jsonw json;
    jsonw_init(&json, &errand->rows.answer);
    if (errand->generation) {
        errand_put_generation(&json, found);
    } else {
        errand_put_receipt(&json, found);
    }
    return jsonw_err(&json);
}

static enum err errand_read(void *context, struct store_txn *txn, struct fail *fail)
{
    struct errand *errand = context; /* its first part is the errand_rows */
    return tlog_find(txn, errand->call, errand_on_found, errand, fail);
}

/* ---- on the loop's thread ----------------------------------------------------------------- */

static bool errand_call_id(struct http_exchange *x, struct str path, struct id *ret_call,
                           bool *ret_generation)
{
    static const struct str receipts = STR_INIT("/v1/receipts/");
    *ret_generation = !str_starts(path, receipts);
    if (!*ret_generation) {
        return id_parse(str_from_at(path, receipts.len), STR("call_"), ret_call);
    }
    char text[64];
    struct buf value = { text, 0, sizeof(text), sizeof(text) };
    struct str query;
    EP_IGNORE(url_target_path(http_exchange_head(x)->target, &query).len); /* the query is meant */
    return url_query(query, STR("id"), &value) && id_parse(buf_str(&value), STR("call_"), ret_call);
}

void errand_receipt(struct gate *gate, struct http_exchange *x, struct str path)
{
    const struct api_key *key = NULL;
    struct id call = { { 0 } };
    bool generation = false;
    enum err err = auth_find(gate, x, &key);
    if (err == ERR_OK && !errand_call_id(x, path, &call, &generation)) {
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
        errand->generation = generation;
    }
    errand_rows_start(gate, x, errand == NULL ? NULL : &errand->rows, errand_read);
}
