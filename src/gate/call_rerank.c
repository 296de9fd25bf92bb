#include "gate/call_rerank.h"

#include "dialect/rerank.h"
#include "gate/call.h"

/* What the request asks for, and what its answer told. */
struct rerank_work {
    struct rerank_ask asked;
    int64_t told_units; /* -1: none */
};

/* A server may read the query with each document, and put tokens of its own around them. */
static int64_t rerank_input_most(const struct rerank_ask *asked)
{
    return (int64_t)asked->documents.len + asked->count * ((int64_t)asked->query.len + 4);
}

static enum err rerank_parse(struct call *call, struct fail *fail)
{
    struct rerank_ask asked;
    enum err err = rerank_read(buf_str(&call->body), &call->ask, &asked, fail);
    call->param = call->ask.param;
    TRY(err);
    struct call_work *work = call_work_make(call, sizeof(struct rerank_work));
    if (work == NULL) {
        return FAIL(fail, ERR_NO_MEMORY, "%s", err_info(ERR_NO_MEMORY)->text);
    }
    *(struct rerank_work *)work->own = (struct rerank_work){ .asked = asked, .told_units = -1 };
    work->texts = asked.documents;
    work->about = true;
    work->input_most = rerank_input_most(&asked);
    work->most[USAGE_UNIT_SEARCH_UNIT] = asked.units_most;
    return ERR_OK;
}

static enum err rerank_check(struct call *call)
{
    struct rerank_work *own = call->work->own;
    struct rerank_answer answer;
    if (!rerank_answer_read(buf_str(&call->answer), &own->asked, &answer)) {
        return ERR_UPSTREAM_SYNTAX;
    }
    if (answer.error) {
        return ERR_UPSTREAM_STATUS;
    }
    TRY(call_service_declared(call, answer.model));
    own->told_units = answer.search_units;
    call_service_reported(call, answer.told, STR_EMPTY);
    call->reported = (struct usage){ 0 };
    call->has_reported = answer.tokens >= 0 || answer.search_units >= 0;
    call->reported.tokens[USAGE_IN] = answer.tokens > 0 ? answer.tokens : 0;
    call->reported.units[USAGE_UNIT_SEARCH_UNIT] =
        answer.search_units > 0 ? answer.search_units : 0;
    call->reported.quarantined = answer.tokens > call->work->input_most;
    return ERR_OK;
}

/* As told, within what so many documents can be; else as many as they are at least. */
static void rerank_measure(struct call *call, const struct rate *rate)
{
    const struct rerank_work *own = call->work->own;
    const struct rerank_ask *asked = &own->asked;
    bool told = own->told_units >= asked->units && own->told_units <= asked->units_most;
    call->billed.units[USAGE_UNIT_SEARCH_UNIT] = told ? own->told_units : asked->units;
    bool by_tokens = rate->known[USAGE_IN] && usage_sum(&call->billed) > 0;
    if (!by_tokens) {
        call->provenance = told ? "upstream" : "counted";
    }
}

const struct call_service call_rerank = {
    .service = REGISTRY_SERVICE_RERANK,
    .read = rerank_parse,
    .write = call_own_write,
    .check = rerank_check,
    .measure = rerank_measure,
};
