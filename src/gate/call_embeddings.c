#include "gate/call_embeddings.h"

#include "dialect/embeddings.h"
#include "gate/call.h"

#define EMBEDDINGS_FRAME_TOKENS 2 /* that a server may put around each text */

static enum err embeddings_parse(struct call *call, struct fail *fail)
{
    struct embeddings_ask asked;
    enum err err = embeddings_read(buf_str(&call->body), &call->ask, &asked, fail);
    call->param = call->ask.param;
    TRY(err);
    struct call_work *work = call_work_make(call, sizeof(asked));
    if (work == NULL) {
        return FAIL(fail, ERR_NO_MEMORY, "%s", err_info(ERR_NO_MEMORY)->text);
    }
    *(struct embeddings_ask *)work->own = asked;
    work->texts = asked.texts;
    work->tokens = asked.tokens;
    work->unseen = asked.tokens >= 0;
    /* Each token of a text has at least one byte of it. */
    work->input_most = (asked.tokens >= 0 ? asked.tokens : (int64_t)asked.texts.len) +
                       asked.count * EMBEDDINGS_FRAME_TOKENS;
    return ERR_OK;
}

/* In the form that was asked for. */
static enum err embeddings_rewrite(struct call *call, const struct embeddings_ask *asked)
{
    struct buf fresh;
    buf_init(&fresh, call->answer.max);
    enum err err = embeddings_answer_write(buf_str(&call->answer), asked, &fresh);
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
    const struct embeddings_ask *asked = call->work->own;
    struct embeddings_answer answer;
    if (!embeddings_answer_read(buf_str(&call->answer), asked, &answer)) {
        return ERR_UPSTREAM_SYNTAX;
    }
    if (answer.error) {
        return ERR_UPSTREAM_STATUS;
    }
    TRY(call_service_declared(call, answer.model));
    call->has_reported =
        usage_read((enum usage_surface)call->route->usage, answer.usage, &call->reported);
    return answer.rewrite ? embeddings_rewrite(call, asked) : ERR_OK;
}

const struct call_service call_embeddings = {
    .service = REGISTRY_SERVICE_EMBEDDINGS,
    .read = embeddings_parse,
    .write = call_own_write,
    .check = embeddings_check,
};
