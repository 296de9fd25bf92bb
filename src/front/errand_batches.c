/* Batches of requests: OpenAI's /v1/batches. Their list: errand_batch_show.c. */
#include "base/mem.h"
#include "crypto/random.h"
#include "front/batch_asker.h"
#include "front/errand.h"
#include "front/errand_batch.h"
#include "front/front_internal.h"
#include "gate/law.h"
#include "wire/json.h"

#define BATCHES_ROOT "/v1/batches/"

/* What a line may ask for: whatever is a call here, in one piece. */
static const struct str batch_endpoints[] = {
    STR_INIT("/v1/chat/completions"),
    STR_INIT("/v1/responses"),
    STR_INIT("/v1/embeddings"),
};

/* ---- making one --------------------------------------------------------------------------- */

struct batch_add {
    struct errand_batch errand; /* first */
    struct batch_asker asker;
    struct buf body;
    struct batch batch;
};

static enum err add_refuse(struct batch_add *add, enum err err, const char *param,
                           const char *message)
{
    add->errand.work.err = err;
    errand_work_fault(&add->errand.work, param, message);
    return err;
}

static enum err add_read_endpoint(struct batch_add *add, struct str value)
{
    for (size_t i = 0; i < EP_ARRAY_LEN(batch_endpoints); i++) {
        if (json_string_is(value, batch_endpoints[i])) {
            add->batch.endpoint = batch_endpoints[i];
            return ERR_OK;
        }
    }
    return add_refuse(add, ERR_ASK_INVALID, "endpoint",
                      "The endpoint of a batch is /v1/chat/completions, /v1/responses or "
                      "/v1/embeddings.");
}

static enum err add_read_input(struct batch_add *add, struct str value)
{
    char text[64];
    struct buf name = { text, 0, sizeof(text), sizeof(text) };
    static const struct str prefix = STR_INIT(BATCH_FILE_PREFIX);
    bool fine = json_kind(value) == JSON_STRING && json_decode(value, &name) &&
                str_starts(buf_str(&name), prefix) &&
                id_parse(str_from_at(buf_str(&name), prefix.len), STR_EMPTY, &add->batch.input);
    return fine ? ERR_OK
                : add_refuse(add, ERR_ASK_INVALID, "input_file_id",
                             "This is no id of a file: POST /v1/files makes one.");
}

/* At most sixteen pairs of texts, as OpenAI's API has it. */
static enum err add_read_metadata(struct batch_add *add, struct str value)
{
    struct json_member member;
    size_t count = 0;
    bool fine = json_kind(value) == JSON_OBJECT && value.len <= BATCH_METADATA_MAX;
    struct str rest = fine ? json_inside(value) : STR_EMPTY;
    while (fine && json_next_member(&rest, &member)) {
        fine = json_kind(member.value) == JSON_STRING && ++count <= 16;
    }
    if (!fine && json_kind(value) != JSON_NULL) {
        return add_refuse(add, ERR_ASK_INVALID, "metadata",
                          "Metadata is an object of at most sixteen texts.");
    }
    add->batch.metadata = fine ? value : STR_EMPTY;
    return ERR_OK;
}

static enum err add_read_member(struct batch_add *add, const struct json_member *member)
{
    if (json_key_is(member->key, STR("input_file_id"))) {
        return add_read_input(add, member->value);
    }
    if (json_key_is(member->key, STR("endpoint"))) {
        return add_read_endpoint(add, member->value);
    }
    if (json_key_is(member->key, STR("metadata"))) {
        return add_read_metadata(add, member->value);
    }
    if (!json_key_is(member->key, STR("completion_window"))) {
        return add_refuse(add, ERR_ASK_UNSUPPORTED, "",
                          "A batch has the fields input_file_id, endpoint, completion_window "
                          "and metadata.");
    }
    add->errand.shown = 1; /* it was said */
    return json_string_is(member->value, STR("24h"))
               ? ERR_OK
               : add_refuse(add, ERR_ASK_INVALID, "completion_window",
                            "The completion window is \"24h\".");
}

static enum err add_read(struct batch_add *add)
{
    struct json_fault fault;
    struct json_member member;
    struct str text = json_trim(buf_str(&add->body));
    TRY(json_check(text, &fault));
    if (json_kind(text) != JSON_OBJECT) {
        return ERR_ASK_INVALID;
    }
    struct str rest = json_inside(text);
    while (json_next_member(&rest, &member)) {
        TRY(add_read_member(add, &member));
    }
    if (id_is_zero(add->batch.input)) {
        return add_refuse(add, ERR_ASK_MISSING, "input_file_id", "");
    }
    if (add->batch.endpoint.len == 0) {
        return add_refuse(add, ERR_ASK_MISSING, "endpoint", "");
    }
    return add->errand.shown == 1 ? ERR_OK
                                  : add_refuse(add, ERR_ASK_MISSING, "completion_window", "");
}

static enum err add_on_input(void *context, const struct batch_file *file)
{
    struct batch_add *add = context;
    return str_eq(file->purpose, STR("batch")) ? ERR_OK
                                               : add_refuse(add, ERR_ASK_INVALID, "input_file_id",
                                                            "The file's purpose is not \"batch\".");
}

static enum err add_write(void *context, struct store_txn *txn, struct fail *fail)
{
    struct batch_add *add = context; /* its first part is the errand_batch */
    TRY(errand_again_look(&add->errand, txn, errand_batch_show, fail));
    if (add->errand.again.told) {
        return ERR_OK;
    }
    enum err err =
        batch_file_find(txn, &add->errand.owner, add->batch.input, add_on_input, add, fail);
    if (err == ERR_NOT_FOUND) {
        return add_refuse(add, ERR_NOT_FOUND, "input_file_id", "There is no such file.");
    }
    TRY(err);
    err = batch_add(txn, &add->batch, fail);
    return err == ERR_LIMIT ? ERR_BATCH_OPEN
           : err == ERR_OK  ? errand_again_made(&add->errand, txn, add->batch.id, fail)
                            : err;
}

static void batch_add_run(struct errand_work *work)
{
    struct batch_add *add = EP_CONTAINER(work, struct batch_add, errand.work);
    work->err = add_read(add);
    if (work->err != ERR_OK) {
        return;
    }
    errand_again_asks(&add->errand, STR("/v1/batches"), buf_str(&add->body));
    errand_batch_fill(&add->errand, &add->asker, &add->batch);
    errand_batch_write(&add->errand, add_write);
    if (work->err == ERR_OK && !add->errand.again.told) {
        errand_batches_changed(work->front);
        errand_put_batch(&add->errand.json, &add->batch);
        work->err = jsonw_err(&add->errand.json);
    }
}

static void batch_add_fini(struct errand_work *work)
{
    buf_fini(&EP_CONTAINER(work, struct batch_add, errand.work)->body);
}

void errand_batch_add(struct front *front, struct http_exchange *x, struct str path)
{
    (void)path;
    struct batch_add *add = errand_batch_make(front, x, sizeof(*add), ERRAND_BATCH_CHANGES);
    if (add == NULL) {
        return;
    }
    add->errand.shape = BATCH_OPENAI;
    add->errand.work.fini = batch_add_fini;
    if (!errand_batch_again(&add->errand, x)) {
        return;
    }
    if (!batch_asker_note(&add->asker, x, add->errand.key)) {
        errand_batch_drop(&add->errand);
        errand_refuse_field(x, STR(CALL_LAW_MARKET), STR_EMPTY);
        return;
    }
    http_exchange_take_body(x, &add->body);
    errand_batch_start(&add->errand, x, batch_add_run);
}

/* ---- looks -------------------------------------------------------------------------------- */

/* The errand whose path is "/v1/batches/ID" and `behind`; NULL: it was answered. */
static struct errand_batch *batch_named(struct front *front, struct http_exchange *x,
                                        struct str path, struct str *ret_behind)
{
    struct errand_batch *errand = errand_batch_make(front, x, sizeof(*errand), ERRAND_BATCH_READS);
    if (errand == NULL ||
        !errand_batch_name(errand, x, path, STR(BATCHES_ROOT), STR(BATCH_PREFIX), ret_behind)) {
        return NULL;
    }
    errand->shape = BATCH_OPENAI;
    return errand;
}

void errand_batch_get(struct front *front, struct http_exchange *x, struct str path)
{
    struct str behind;
    struct errand_batch *errand = batch_named(front, x, path, &behind);
    if (errand == NULL) {
        return;
    }
    if (behind.len > 0) {
        errand_batch_drop(errand);
        errand_refuse(x, ERR_HTTP_PATH);
        return;
    }
    errand_batch_start(errand, x, errand_batch_show_run);
}

/* ---- cancelling --------------------------------------------------------------------------- */

static enum err batch_on_cancel(void *context, const struct batch *batch)
{
    (void)context;
    return batch->ended_ns > 0 ? ERR_CONFLICT : ERR_OK;
}

static enum err batch_cancel_write(void *context, struct store_txn *txn, struct fail *fail)
{
    struct errand_batch *errand = context;
    TRY(batch_find(txn, &errand->owner, BATCH_OPENAI, errand->id, batch_on_cancel, errand, fail));
    TRY(batch_cancel(txn, errand->id, errand->now_ns, fail));
    return errand_batch_show(errand, txn, errand->id, fail);
}

static void batch_cancel_run(struct errand_work *work)
{
    struct errand_batch *errand = EP_CONTAINER(work, struct errand_batch, work);
    errand_batch_write(errand, batch_cancel_write);
    errand_batches_changed(work->front);
    if (work->err == ERR_CONFLICT) {
        errand_work_fault(work, "", "The batch has ended.");
    }
}

void errand_batch_cancel(struct front *front, struct http_exchange *x, struct str path)
{
    struct str behind;
    struct errand_batch *errand = batch_named(front, x, path, &behind);
    if (errand == NULL) {
        return;
    }
    if (!str_eq(behind, STR("/cancel"))) {
        errand_batch_drop(errand);
        errand_refuse(x, behind.len == 0 ? ERR_HTTP_METHOD : ERR_HTTP_PATH);
        return;
    }
    errand_batch_start(errand, x, batch_cancel_run);
}
