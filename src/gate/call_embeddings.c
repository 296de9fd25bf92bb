#include "gate/call_embeddings.h"

#include "dialect/embeddings.h"
#include "dialect/gemini_embed.h"
#include "dialect/gemini_path.h"
#include "gate/call.h"
#include "wire/url.h"

#define EMBEDDINGS_FRAME_TOKENS 2 /* that a server may put around each text */

/* What the answer is to be. */
struct embeddings_work {
    struct embeddings_ask asked;
    bool gemini; /* in Gemini's form, */
    bool batch;  /* of several */
    bool hinted; /* it says what they are for, which no source is told */
};

/* A request of Gemini's becomes one of OpenAI's, before anything looks at it. */
static enum err embeddings_from_gemini(struct call *call, struct embeddings_work *own,
                                       struct fail *fail)
{
    char text[GEMINI_EMBED_PARAM_MAX] = "model";
    struct gemini_path path;
    struct str query;
    struct str model;
    struct str param;
    struct buf fresh;
    if (call->x == NULL) {
        return ERR_CANCELLED; /* the path went with its client */
    }
    struct str target = url_target_path(http_exchange_head(call->x)->target, &query);
    bool known = gemini_path_read(target, query, &path);
    ASSERT(known); /* the router sends no other */
    own->gemini = true;
    own->batch = path.verb == GEMINI_EMBEDS;
    buf_init(&fresh, 2 * call->snapshot->options.body_bytes_max);
    enum err err = gemini_path_model(&path, &call->arena, &model);
    if (err == ERR_ASK_INVALID) {
        EP_IGNORE(FAIL(fail, err, "the path's model is no name: its escapes must be UTF-8"));
    }
    err = err == ERR_OK ? gemini_embed_read(buf_str(&call->body), own->batch, model, &fresh,
                                            &own->hinted, text, fail)
                        : err;
    if (err != ERR_OK) {
        buf_fini(&fresh);
        bool named = text[0] != '\0' && arena_copy(&call->arena, str_from(text), &param);
        call->param = named ? param.ptr : NULL;
        return err;
    }
    buf_fini(&call->body);
    call->body = fresh;
    return ERR_OK;
}

static enum err embeddings_parse(struct call *call, struct fail *fail)
{
    struct embeddings_work own = { .gemini = false };
    TRY(call->face == FACE_GEMINI ? embeddings_from_gemini(call, &own, fail) : ERR_OK);
    enum err err = embeddings_read(buf_str(&call->body), &call->ask, &own.asked, fail);
    call->param = call->ask.param;
    TRY(err);
    struct call_work *work = call_work_make(call, sizeof(own));
    if (work == NULL) {
        return FAIL(fail, ERR_NO_MEMORY, "%s", err_info(ERR_NO_MEMORY)->text);
    }
    *(struct embeddings_work *)work->own = own;
    struct embeddings_ask asked = own.asked;
    work->texts = asked.texts;
    work->tokens = asked.tokens;
    work->unseen = asked.tokens >= 0;
    /* Each token of a text has at least one byte of it. */
    work->input_most = (asked.tokens >= 0 ? asked.tokens : (int64_t)asked.texts.len) +
                       asked.count * EMBEDDINGS_FRAME_TOKENS;
    return ERR_OK;
}

/* In the form that was asked for; or what is in it, in Gemini's. */
static enum err embeddings_rewrite(struct call *call, const struct embeddings_work *own,
                                   bool in_gemini)
{
    struct buf fresh;
    struct str answer = buf_str(&call->answer);
    buf_init(&fresh, call->answer.max);
    enum err err = in_gemini ? gemini_embed_write(answer, own->batch, own->asked.count, &fresh)
                             : embeddings_answer_write(answer, &own->asked, &fresh);
    if (err != ERR_OK) {
        buf_fini(&fresh);
        return err == ERR_LIMIT ? ERR_UPSTREAM_SIZE : err;
    }
    buf_fini(&call->answer);
    call->answer = fresh;
    return ERR_OK;
}

static enum err embeddings_check(struct call *call)
{
    const struct embeddings_work *own = call->work->own;
    struct embeddings_answer answer;
    if (!embeddings_answer_read(buf_str(&call->answer), &own->asked, &answer)) {
        return ERR_UPSTREAM_SYNTAX;
    }
    if (answer.error) {
        return ERR_UPSTREAM_STATUS;
    }
    TRY(call_service_declared(call, answer.model));
    call_service_reported(call, answer.usage, answer.usage);
    if (own->hinted) {
        lost_add(&call->lost, LOST_BIT_TASK);
    }
    TRY(answer.rewrite ? embeddings_rewrite(call, own, false) : ERR_OK);
    return own->gemini ? embeddings_rewrite(call, own, true) : ERR_OK;
}

const struct call_service call_embeddings = {
    .service = REGISTRY_SERVICE_EMBEDDINGS,
    .read = embeddings_parse,
    .write = call_own_write,
    .check = embeddings_check,
};
