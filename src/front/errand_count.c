/*
 * Messages' count_tokens, Responses' input_tokens, Gemini's countTokens: a request's tokens by the
 * model's own vocabulary, as a call of it would be counted; where the model has none, by its bytes.
 * Nothing is held, sold or asked upstream.
 */
#include "base/mem.h"
#include "crypto/random.h"
#include "dialect/gemini_path.h"
#include "dialect/talk.h"
#include "dialect/text.h"
#include "front/errand.h"
#include "front/errand_work.h"
#include "front/front_internal.h"
#include "gate/auth.h"
#include "gate/law.h"
#include "gate/reply.h"
#include "ident/ident.h"
#include "meter/chat_count.h"
#include "wire/json.h"
#include "wire/url.h"

#define COUNT_TALK_FIRST  4096
#define COUNT_TALK_MAX    ((size_t)16 << 20) /* TALK_PARTS_MAX parts */
#define COUNT_ANSWER_MAX  64
#define COUNT_TOKEN_BYTES 4 /* of text, where nothing is counted */

struct errand_count {
    struct errand_work work;
    struct gate_snapshot *snapshot; /* has the vocabulary */
    const struct gate_model *model; /* NULL: not counted */
    struct buf body;                /* of chat */
    enum dialect dialect;           /* of the client */
    uint64_t seed;
};

/* ---- on a worker's thread ----------------------------------------------------------------- */

static enum err count_pass(const struct errand_count *count, struct token_counter *counter,
                           enum count_specials specials, struct chat_counted *ret_counted)
{
    struct chat_count chat;
    bool done = false;
    chat_count_begin(
        &chat, counter,
        &(struct chat_count_options){ .program = count->model->template, .specials = specials },
        buf_str(&count->body));
    enum err err = ERR_OK;
    while (err == ERR_OK && !done) {
        err = chat_count_step(&chat, counter, CHAT_COUNT_SLICE, &done);
    }
    if (err == ERR_OK) {
        *ret_counted = chat_count_result(&chat);
    }
    chat_count_fini(&chat);
    return err;
}

static uint64_t count_sum(const struct chat_counted *counted)
{
    return counted->tokens + counted->image_tokens + counted->audio_tokens;
}

/* Servers differ on control tokens that are spelled out in a text: the larger count is told. */
static enum err count_tokens(const struct errand_count *count, uint64_t *ret_tokens)
{
    struct token_counter *counter = NULL;
    struct chat_counted counted[2];
    *ret_tokens = (count->body.len + COUNT_TOKEN_BYTES - 1) / COUNT_TOKEN_BYTES;
    if (count->model == NULL) {
        return ERR_OK;
    }
    TRY(token_counter_create(count->model->vocab, count->seed, &counter));
    enum err err = count_pass(count, counter, COUNT_PARSED, &counted[0]);
    counted[1] = counted[0];
    if (err == ERR_OK && counted[0].controls > 0) {
        err = count_pass(count, counter, COUNT_LITERAL, &counted[1]);
    }
    token_counter_destroy(counter);
    TRY(err);
    uint64_t parsed = count_sum(&counted[0]);
    uint64_t literal = count_sum(&counted[1]);
    *ret_tokens = parsed > literal ? parsed : literal;
    return ERR_OK;
}

static void count_run(struct errand_work *work)
{
    const struct errand_count *count = EP_CONTAINER(work, struct errand_count, work);
    uint64_t tokens = 0;
    work->err = count_tokens(count, &tokens);
    if (work->err == ERR_OK) {
        const char *members = count->dialect == DIALECT_RESPONSES
                                  ? "\"object\":\"response.input_tokens\",\"input_tokens\""
                              : count->dialect == DIALECT_GEMINI ? "\"totalTokens\""
                                                                 : "\"input_tokens\"";
        work->err = buf_printf(&work->answer, "{%s:%llu}", members, (unsigned long long)tokens);
    }
}

/* ---- on the loop's thread ----------------------------------------------------------------- */

static void count_fini(struct errand_work *work)
{
    struct errand_count *count = EP_CONTAINER(work, struct errand_count, work);
    buf_fini(&count->body);
    gate_snapshot_unref(count->snapshot);
}

/* A whole request that is to be counted may be the body's one member. */
static struct str count_unwrap(struct str body)
{
    struct json_fault fault;
    struct json_member member;
    struct json_member second;
    if (json_check(body, &fault) != ERR_OK || json_kind(json_trim(body)) != JSON_OBJECT) {
        return body; /* whoever reads it says why */
    }
    struct str rest = json_inside(json_trim(body));
    bool wraps = json_next_member(&rest, &member) && !json_next_member(&rest, &second) &&
                 json_key_is(member.key, STR("generateContentRequest")) &&
                 json_kind(member.value) == JSON_OBJECT;
    return wraps ? member.value : body;
}

/* What Gemini's clients say in the path. */
static enum err count_read_gemini(struct http_exchange *x, struct arena *arena,
                                  struct talk_path *path, struct talk *talk)
{
    struct gemini_path parts;
    struct str query;
    bool known =
        gemini_path_read(url_target_path(http_exchange_head(x)->target, &query), query, &parts);
    ASSERT(known); /* the router sends no other */
    enum err err = gemini_path_model(&parts, arena, &path->model);
    talk->param = err == ERR_ASK_INVALID ? STR("model") : STR_EMPTY;
    return err;
}

/* The request as one of chat; refused here if it cannot be. False: it was. */
static bool count_read(struct front *front, struct http_exchange *x, enum dialect dialect,
                       struct arena *arena, struct buf *ret_body, struct str *ret_model)
{
    struct talk_path path = { .counts = true };
    struct fail fail = { .text = "" };
    struct talk talk = { .param = STR_EMPTY };
    struct lost lost = { 0 };
    struct str body = http_exchange_body(x);
    buf_init(ret_body, 2 * front->snapshot->options.body_bytes_max);
    bool gemini = dialect == DIALECT_GEMINI;
    enum err err = gemini ? count_read_gemini(x, arena, &path, &talk) : ERR_OK;
    body = gemini ? count_unwrap(body) : body;
    err = err == ERR_OK ? talk_read(dialect, body, &path, arena, &talk, &fail) : err;
    if (err == ERR_OK && !text_decode(talk.model, arena, ret_model)) {
        err = ERR_NO_MEMORY;
    }
    if (err == ERR_OK) {
        const struct talk_target chat = { .dialect = DIALECT_CHAT,
                                          .model = *ret_model,
                                          .no_cap = true };
        err = talk_write(&talk, &chat, ret_body, &lost, &fail);
    }
    if (err != ERR_OK) {
        reply_refuse(x, &(struct face_error){
                            .err = err, .message = str_from(fail.text), .param = talk.param });
        buf_fini(ret_body);
    }
    return err == ERR_OK;
}

static void count_start(struct front *front, struct http_exchange *x,
                        const struct registry_model *model, enum dialect dialect, struct buf *body)
{
    struct errand_count *count = mem_zalloc(sizeof(*count));
    if (count == NULL) {
        buf_fini(body);
        errand_refuse(x, ERR_NO_MEMORY);
        return;
    }
    count->snapshot = gate_snapshot_ref(front->snapshot);
    count->model = gate_snapshot_model(front->snapshot, model);
    count->body = *body;
    count->dialect = dialect;
    count->seed = random_u64();
    count->work.run = count_run;
    count->work.fini = count_fini;
    errand_work_start(front, x, &count->work, front->world.readers, COUNT_ANSWER_MAX);
}

void errand_count(struct front *front, struct http_exchange *x, struct str path)
{
    const struct api_key *key = NULL;
    struct arena arena;
    struct buf body;
    struct str name;
    enum dialect dialect = str_starts(path, STR("/v1/messages"))    ? DIALECT_ANTHROPIC
                           : str_starts(path, STR("/v1/responses")) ? DIALECT_RESPONSES
                                                                    : DIALECT_GEMINI;
    enum err err = auth_find(front->gate, x, &key);
    const struct registry_product *product =
        err == ERR_OK ? registry_product(front->snapshot->registry, key->product) : NULL;
    if (err != ERR_OK) {
        errand_refuse(x, err);
        return;
    }
    if (!call_law_market_is_fine(x)) {
        errand_refuse_field(x, STR(CALL_LAW_MARKET), STR_EMPTY);
        return;
    }
    arena_init(&arena, COUNT_TALK_FIRST, COUNT_TALK_MAX);
    if (count_read(front, x, dialect, &arena, &body, &name)) {
        const struct registry_model *model =
            product == NULL ? NULL : registry_product_model(product, name);
        err = model == NULL ? ERR_MODEL_UNKNOWN
                            : call_law_would_admit(front->gate, x, key, product, model);
        if (err != ERR_OK) {
            buf_fini(&body);
            errand_refuse(x, err);
        } else {
            count_start(front, x, model, dialect, &body);
        }
    }
    arena_fini(&arena);
}
