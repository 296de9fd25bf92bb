/* Chat's row of call_service.h. */
#include "gate/call_chat.h"

#include "gate/call.h"
#include "gate/call_count.h"
#include "gate/call_tongue.h"

static enum err chat_read(struct call *call, struct fail *fail)
{
    int64_t cap = 0;
    if (call->tongue == NULL) {
        enum err err = ask_read_chat(buf_str(&call->body), &call->ask, fail);
        call->param = call->ask.param;
        return err;
    }
    TRY(call_tongue_read(call, &cap, fail));
    enum err err = ask_read_chat(buf_str(&call->body), &call->ask, fail);
    call->param = call->ask.param;
    call->ask.output_cap = cap;
    call->ask.include_usage = true; /* the translation's end tells it */
    return err;
}

static struct str chat_cap_name(const struct registry_route *route)
{
    return route->output_cap_field == REGISTRY_CAP_MAX_TOKENS ? STR("max_tokens")
                                                              : STR("max_completion_tokens");
}

static enum err chat_write(struct call *call, const struct registry_route *route,
                           struct splice *ret_splice)
{
    return ask_write_chat(&call->ask, route->upstream_model, call->output_cap, chat_cap_name(route),
                          &call->arena, ret_splice);
}

/* A whole answer is believed once it is JSON, and names no other model. */
static enum err chat_check(struct call *call)
{
    struct chat_answer answer;
    const struct chat_sink keep = { call_count_keep, call };
    chat_answer_read(buf_str(&call->answer), call->counter != NULL ? &keep : NULL, &answer);
    if (answer.bad) {
        return ERR_UPSTREAM_SYNTAX;
    }
    if (answer.error) {
        return ERR_UPSTREAM_STATUS;
    }
    call->relay.named = swap_check_json(call->model, call->route->upstream_model, answer.model);
    if (call->relay.named == SWAP_MISMATCH) {
        call_attempt_declared(&call->attempt, answer.model);
        return ERR_UPSTREAM_MODEL;
    }
    call->relay.unread = answer.unread;
    call->has_reported =
        usage_read((enum usage_surface)call->route->usage, answer.usage, &call->reported);
    return call->tongue == NULL ? ERR_OK : call_tongue_fold(call);
}

const struct call_service call_chat = {
    .service = REGISTRY_SERVICE_CHAT,
    .writes = true,
    .read = chat_read,
    .write = chat_write,
    .check = chat_check,
};
