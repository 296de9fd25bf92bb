#include "gate/call_service.h"

#include "gate/call_chat.h"
#include "gate/call_embeddings.h"
#include "gate/call_images.h"
#include "gate/call_realtime.h"
#include "gate/call_rerank.h"
#include "gate/call_speech.h"
#include "gate/call_transcription.h"
#include "gate/gate_internal.h"

static const struct call_service *const service_rows[REGISTRY_SERVICE_COUNT] = {
    [REGISTRY_SERVICE_CHAT] = &call_chat,
    [REGISTRY_SERVICE_EMBEDDINGS] = &call_embeddings,
    [REGISTRY_SERVICE_RERANK] = &call_rerank,
    [REGISTRY_SERVICE_SPEECH] = &call_speech,
    [REGISTRY_SERVICE_TRANSCRIPTION] = &call_transcription,
    [REGISTRY_SERVICE_IMAGES] = &call_images,
    [REGISTRY_SERVICE_REALTIME] = &call_realtime,
};

const struct call_service *call_service_row(enum registry_service service)
{
    ASSERT((unsigned)service < REGISTRY_SERVICE_COUNT && service_rows[service] != NULL);
    return service_rows[service];
}

struct call_work *call_work_make(struct call *call, size_t own)
{
    struct call_work *work = arena_zalloc(&call->arena, sizeof(*work));
    if (work == NULL) {
        return NULL;
    }
    work->tokens = -1;
    work->own = own == 0 ? NULL : arena_zalloc(&call->arena, own);
    if (own > 0 && work->own == NULL) {
        return NULL;
    }
    call->work = work;
    return work;
}

enum err call_own_write(struct call *call, const struct registry_route *route,
                        struct splice *ret_splice)
{
    return ask_write_own(&call->ask, route->upstream_model, &call->arena, ret_splice);
}

/* ---- which routes ------------------------------------------------------------------------- */

uint64_t call_service_closed(const struct call *call, const struct registry_model *model)
{
    uint64_t serves = gate_snapshot_serves(call->snapshot, model, call->service->service);
    return ~serves | (call->service->closed == NULL ? 0 : call->service->closed(call, model));
}

/* "embeddings, rerank" */
static void service_print_served(const struct call *call, struct buf *out)
{
    for (unsigned i = 0; i < REGISTRY_SERVICE_COUNT; i++) {
        enum registry_service service = (enum registry_service)i;
        if (gate_snapshot_serves(call->snapshot, call->model, service) != 0) {
            EP_IGNORE(buf_printf(out, "%s%s", out->len == 0 ? "" : ", ",
                                 registry_service_name(service))); /* seven short names fit */
        }
    }
}

enum err call_service_check(struct call *call, struct fail *fail)
{
    const char *name = registry_service_name(call->service->service);
    uint64_t serves = ~call_service_closed(call, call->model);
    char text[128];
    struct buf served = { text, 0, sizeof(text), sizeof(text) };
    if ((serves & call->law.routes) != 0 || call->model->route_count == 0) {
        return ERR_OK; /* a model without routes has none for anybody, which ROUTE says */
    }
    if (serves != 0) {
        return FAIL(fail, ERR_NO_CLOSED_ROUTE, "%s", err_info(ERR_NO_CLOSED_ROUTE)->text);
    }
    service_print_served(call, &served);
    call->param = "model";
    return FAIL(fail, ERR_SERVICE_UNSERVED,
                "The model \"" STR_FMT "\" is not served for %s. It is for: " STR_FMT ".",
                STR_ARG(call->model->id), name, STR_ARG(buf_str(&served)));
}

/* ---- the answer --------------------------------------------------------------------------- */

#define SERVICE_TYPE_MAX 127 /* bytes of a content type */

void call_service_head(struct call *call, const struct http1_head *head)
{
    struct str type = http1_header(head, STR("content-type"));
    bool plain = head->status == 200 && type.len > 0 && type.len <= SERVICE_TYPE_MAX;
    for (size_t i = 0; plain && i < type.len; i++) {
        plain = type.ptr[i] >= ' ' && type.ptr[i] <= '~';
    }
    call->work->answer_type = STR_EMPTY;
    if (plain && !arena_copy(&call->arena, type, &call->work->answer_type)) {
        call->work->answer_type = STR_EMPTY; /* then it is told as JSON, or events */
    }
}

void call_report_from_relay(struct call *call)
{
    call->has_report = call->relay.has_told;
    call->report = call->relay.told;
}

void call_service_reported(struct call *call, struct str told, struct str tokens)
{
    call->has_reported =
        usage_read((enum usage_surface)call->route->usage, tokens, &call->reported);
    call->has_report = told.len > 0;
    if (call->has_report) {
        call->report = digest_sha256(told);
    }
}

enum err call_service_declared(struct call *call, struct str model)
{
    call->relay.named = swap_check_json(call->model, call->route->upstream_model, model);
    if (call->relay.named == SWAP_MISMATCH) {
        call_attempt_declared(&call->attempt, model);
        return ERR_UPSTREAM_MODEL;
    }
    return ERR_OK;
}

/* A side of the price list that has no price is not what is sold by. */
static void service_keep_priced(struct usage *billed, const struct rate *rate)
{
    for (unsigned i = 0; i < USAGE_COUNT; i++) {
        enum usage_class side = usage_is_output((enum usage_class)i) ? USAGE_OUT : USAGE_IN;
        billed->tokens[i] = rate->known[side] ? billed->tokens[i] : 0;
    }
}

void call_service_measure(struct call *call, const struct rate *rate)
{
    if (call->service->measure != NULL) {
        call->service->measure(call, rate);
    }
    service_keep_priced(&call->billed, rate);
}
