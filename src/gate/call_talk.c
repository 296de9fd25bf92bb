#include "gate/call_talk.h"

#include <string.h>

#include "base/mem.h"
#include "crypto/digest.h"
#include "crypto/tag.h"
#include "dialect/gemini_path.h"
#include "dialect/pass.h"
#include "dialect/talk.h"
#include "dialect/text.h"
#include "gate/call.h"
#include "gate/call_tier.h"
#include "gate/call_tongue.h"
#include "gate/gate_internal.h"
#include "gate/repeats.h"
#include "gate/talk_route.h"
#include "wire/url.h"

#define TALK_FIRST      4096
#define TALK_MAX        ((size_t)16 << 20) /* TALK_PARTS_MAX parts */
#define TALK_HEADER_MAX 2048               /* of "anthropic-beta": a few dozen names */
#define TALK_SPARE      ((size_t)1 << 16)  /* what a translation adds to a short request */

/* A request as it was written for a route. */
struct talk_written {
    struct talk_written *next;
    const struct registry_route *route;
    int64_t cap;
    struct lost lost;
    struct buf body;
};

struct call_talk {
    struct arena arena; /* of the talk, and of what is kept of the head */
    struct talk talk;
    struct buf body; /* as it came; of chat it is the call's */
    struct talk_written *written;
    struct digest asked; /* the body's, or its tag, where somebody may ask for it */
    struct lost lost;    /* of the request of chat */
    struct lost went;    /* of the request that was written last */
    struct str version;  /* "anthropic-version", as the client has said it; empty: it has not */
    struct str betas;
    bool unchatted; /* chat cannot carry it: the call's body is as it came */
    struct fail why;
    struct str why_param;
};

/* ---- reading ------------------------------------------------------------------------------ */

static struct call_talk *talk_make(struct call *call)
{
    struct call_talk *talk = mem_zalloc(sizeof(*talk));
    if (talk != NULL) {
        arena_init(&talk->arena, TALK_FIRST, TALK_MAX);
        buf_init(&talk->body, 1);
        call->talk = talk;
    }
    return talk;
}

static void talk_free_written(struct call_talk *talk)
{
    while (talk->written != NULL) {
        struct talk_written *next = talk->written->next;
        buf_fini(&talk->written->body);
        mem_free(talk->written);
        talk->written = next;
    }
}

void call_talk_free(struct call *call)
{
    struct call_talk *talk = call->talk;
    if (talk == NULL) {
        return;
    }
    talk_free_written(talk);
    buf_fini(&talk->body);
    arena_fini(&talk->arena);
    mem_free(talk);
    call->talk = NULL;
}

/* The field that a failure is about, where it outlives the talk. */
static void talk_blame(struct call *call, struct str param)
{
    struct str kept;
    if (param.len > 0 && arena_copy(&call->arena, param, &kept)) {
        call->param = kept.ptr;
    }
}

/* By an Idempotency-Key, or an SDK's own count of its tries, a body is told from others: for ever,
 * or while this process knows of it. */
static void talk_note_asked(const struct call *call, const struct http1_head *head,
                            struct call_talk *talk)
{
    if (http1_header(head, STR("idempotency-key")).len > 0) {
        talk->asked = digest_sha256(buf_str(&call->body));
    } else if (http1_header(head, STR(REPEATS_HEADER)).len > 0) {
        struct tag tag = tag_of(buf_str(&call->body));
        memcpy(talk->asked.bytes, tag.bytes, sizeof(tag.bytes));
    }
}

static enum err talk_note_head(struct call *call, struct call_talk *talk)
{
    const struct http1_head *head = call->x == NULL ? NULL : http_exchange_head(call->x);
    if (head == NULL) {
        return ERR_OK;
    }
    talk_note_asked(call, head, talk);
    struct str version = http1_header(head, STR("anthropic-version"));
    struct str betas = http1_header(head, STR("anthropic-beta"));
    bool wanted = call->dialect == DIALECT_ANTHROPIC && version.len <= TALK_HEADER_MAX &&
                  betas.len <= TALK_HEADER_MAX;
    if (!wanted) {
        return ERR_OK;
    }
    bool kept = arena_copy(&talk->arena, version, &talk->version) &&
                arena_copy(&talk->arena, betas, &talk->betas);
    return kept ? ERR_OK : ERR_NO_MEMORY;
}

/* The request of chat, without a cap: the route has a name for it. */
static enum err talk_write_as_chat(struct call *call, struct call_talk *talk, struct buf *out,
                                   struct fail *fail)
{
    struct str model;
    if (!text_decode(talk->talk.model, &talk->arena, &model)) {
        return ERR_NO_MEMORY;
    }
    const struct talk_target chat = { .dialect = DIALECT_CHAT, .model = model, .no_cap = true };
    buf_init(out, 2 * call->snapshot->options.body_bytes_max);
    return talk_write(&talk->talk, &chat, out, &talk->lost, fail);
}

static enum err talk_ask(struct call *call, struct fail *fail)
{
    enum err err = ask_read_chat(buf_str(&call->body), &call->ask, fail);
    call->param = call->ask.param;
    call->ask.output_cap = call->talk->talk.output_cap;
    call->ask.include_usage = true; /* the translation's end tells it */
    return err;
}

/* Chat cannot carry it: what the call is decided by is read from the talk. */
static enum err talk_ask_without(struct call *call, struct fail *fail)
{
    struct call_talk *talk = call->talk;
    talk->unchatted = true;
    return ask_from_talk(&talk->talk, &call->ask, fail);
}

/* Gemini's clients say in the path what others say in the body. */
static enum err talk_read_path(struct call *call, struct talk_path *path, struct fail *fail)
{
    struct gemini_path gemini;
    struct str query;
    if (call->dialect != DIALECT_GEMINI) {
        return ERR_OK;
    }
    if (call->x == NULL) {
        return ERR_CANCELLED; /* the path went with its client */
    }
    struct str text = url_target_path(http_exchange_head(call->x)->target, &query);
    bool known = gemini_path_read(text, query, &gemini);
    ASSERT(known && gemini.verb <= GEMINI_STREAM); /* the router sends no other */
    path->stream = gemini.verb == GEMINI_STREAM;
    if (path->stream && !gemini.sse) {
        call_tongue_list(call);
    }
    enum err err = gemini_path_model(&gemini, &call->talk->arena, &path->model);
    if (err == ERR_ASK_INVALID) {
        call->param = "model";
        return FAIL(fail, err, "the path's model is no name: its escapes must be UTF-8");
    }
    return err;
}

static enum err talk_take(struct call *call, struct fail *fail)
{
    struct call_talk *talk = call->talk;
    struct talk_path path = { .own = true };
    struct buf out;
    TRY(talk_note_head(call, talk));
    TRY(talk_read_path(call, &path, fail));
    TRY(talk_read(call->dialect, buf_str(&call->body), &path, &talk->arena, &talk->talk, fail));
    if (talk->talk.own.len > 0) {
        return talk_ask_without(call, fail);
    }
    enum err err = talk_write_as_chat(call, talk, &out, &talk->why);
    if (err == ERR_OK) {
        talk->body = call->body;
        call->body = out;
        return talk_ask(call, fail);
    }
    buf_fini(&out);
    if (err != ERR_ASK_UNSUPPORTED) {
        *fail = talk->why;
        return err;
    }
    TRY(arena_copy(&talk->arena, talk->talk.param, &talk->why_param) ? ERR_OK : ERR_NO_MEMORY);
    talk->talk.param = STR_EMPTY;
    return talk_ask_without(call, fail);
}

enum err call_talk_read(struct call *call, struct fail *fail)
{
    struct call_talk *talk = talk_make(call);
    if (talk == NULL) {
        return ERR_NO_MEMORY;
    }
    enum err err = talk_take(call, fail);
    call_tier_ask(call, talk->talk.tier, talk->talk.speed);
    if (err != ERR_OK) {
        talk_blame(call, talk->talk.param);
    }
    return err == ERR_LIMIT && fail->text[0] == '\0' ? ERR_HTTP_BODY_SIZE : err;
}

struct str call_talk_asked(const struct call *call)
{
    return call->dialect == DIALECT_CHAT ? buf_str(&call->body) : digest_str(&call->talk->asked);
}

struct str call_talk_said(const struct call *call)
{
    const struct call_talk *talk = call->talk;
    return talk == NULL || talk->body.len == 0 ? buf_str(&call->body) : buf_str(&talk->body);
}

bool call_talk_is_counted(const struct call *call)
{
    return call->talk == NULL || !call->talk->unchatted;
}

/* Thoughts, quotations and the work of the vendor's own tools in earlier turns are text to a route
 * of the client's dialect, and are not in the request of chat. What the vendor reads by itself is
 * bounded by the model's context alone. */
int64_t call_talk_beyond(const struct call *call)
{
    static const enum lost_bit bits[] = { LOST_BIT_REASONING, LOST_BIT_REDACTED, LOST_BIT_SIGNATURE,
                                          LOST_BIT_HOSTED, LOST_BIT_CITATIONS };
    const struct call_talk *talk = call->talk;
    bool any = false;
    if (talk != NULL && talk->talk.searches) {
        return (int64_t)call->model->context_tokens;
    }
    for (size_t i = 0; talk != NULL && i < EP_ARRAY_LEN(bits); i++) {
        any = any || lost_has(&talk->lost, bits[i]);
    }
    return any && talk->body.len > call->body.len ? (int64_t)(talk->body.len - call->body.len) : 0;
}

enum err call_talk_echo(const struct call *call, struct buf *out)
{
    return call->talk == NULL ? ERR_OK : talk_echo(&call->talk->talk, out);
}

/* ---- writing ------------------------------------------------------------------------------ */

static const struct talk_written *talk_find_written(const struct call_talk *talk,
                                                    const struct registry_route *route, int64_t cap)
{
    for (const struct talk_written *at = talk->written; at != NULL; at = at->next) {
        if (at->cap == cap &&
            (at->route == route || (talk_route_is_alike(at->route, route) &&
                                    str_eq(at->route->upstream_model, route->upstream_model)))) {
            return at;
        }
    }
    return NULL;
}

static enum err talk_write_for(struct call *call, const struct registry_route *route, int64_t cap,
                               const struct talk_written **ret_written, struct str *ret_param,
                               struct fail *fail)
{
    struct call_talk *talk = call->talk;
    struct talk_written *written = mem_zalloc(sizeof(*written));
    if (written == NULL) {
        return FAIL(fail, ERR_NO_MEMORY, "%s", err_info(ERR_NO_MEMORY)->text);
    }
    buf_init(&written->body, 2 * call->snapshot->options.body_bytes_max + TALK_SPARE);
    enum err err =
        talk_route_write(&talk->talk, route, cap, &written->body, &written->lost, ret_param, fail);
    if (err != ERR_OK) {
        buf_fini(&written->body);
        mem_free(written);
        return err;
    }
    written->route = route;
    written->cap = cap;
    written->next = talk->written;
    talk->written = written;
    *ret_written = written;
    return ERR_OK;
}

static bool talk_is_own(const struct call *call, const struct registry_route *route)
{
    return talk_route_dialect(route) == call->dialect;
}

/* A route of chat gets the request of chat, where there is one. */
static bool talk_is_chat(const struct call *call, const struct registry_route *route)
{
    return route->dialect == REGISTRY_DIALECT_OPENAI_CHAT && call_talk_is_counted(call);
}

enum err call_talk_write(struct call *call, const struct registry_route *route,
                         struct splice *ret_splice)
{
    struct call_talk *talk = call->talk;
    const struct talk_written *written = NULL;
    struct str param;
    struct fail fail;
    if (talk != NULL) {
        talk->went = talk_is_own(call, route) ? (struct lost){ 0 } : talk->lost;
    }
    if (talk_is_chat(call, route)) {
        const struct talk_target target = talk_route_target(route, call->output_cap);
        return ask_write_chat(&call->ask, route->upstream_model, call->output_cap, target.cap_name,
                              &call->arena, ret_splice);
    }
    if (talk_is_own(call, route)) {
        const struct pass pass = { call->dialect, call_talk_said(call), route->upstream_model,
                                   call->output_cap, talk->talk.output_cap };
        return pass_write(&pass, &call->arena, ret_splice);
    }
    written = talk_find_written(talk, route, call->output_cap);
    if (written == NULL) {
        TRY(talk_write_for(call, route, call->output_cap, &written, &param, &fail));
    }
    splice_init(ret_splice, buf_str(&written->body));
    talk->went = written->lost;
    return ERR_OK;
}

struct lost call_talk_lost(const struct call *call)
{
    return call->talk == NULL ? (struct lost){ 0 } : call->talk->went;
}

static struct str talk_version(const struct registry_route *route)
{
    return route->anthropic_version == REGISTRY_ANTHROPIC_2026_10_21 ? STR("2026-10-21")
                                                                     : STR("2023-06-01");
}

enum err call_talk_headers(const struct call *call, const struct registry_route *route,
                           struct buf *out)
{
    const struct call_talk *talk = call->talk;
    if (route->dialect != REGISTRY_DIALECT_ANTHROPIC) {
        return ERR_OK;
    }
    bool own = talk_is_own(call, route);
    TRY(buf_append(out, STR("anthropic-version: ")));
    TRY(buf_append(out, own && talk->version.len > 0 ? talk->version : talk_version(route)));
    TRY(buf_append(out, STR("\r\n")));
    if (!own || talk->betas.len == 0) {
        return ERR_OK;
    }
    TRY(buf_append(out, STR("anthropic-beta: ")));
    TRY(buf_append(out, talk->betas));
    return buf_append(out, STR("\r\n"));
}

/* ---- what a route cannot carry ------------------------------------------------------------ */

/* A call of chat is read as a talk where a route wants one. What cannot be read closes them all. */
static enum err talk_need(struct call *call, bool *ret_readable, struct fail *fail)
{
    const struct talk_path path = { .stream = false };
    *ret_readable = true;
    if (call->talk != NULL) {
        *ret_readable = call->talk->why.text[0] == '\0' || call->dialect != DIALECT_CHAT;
        return ERR_OK;
    }
    struct call_talk *talk = talk_make(call);
    if (talk == NULL) {
        return FAIL(fail, ERR_NO_MEMORY, "%s", err_info(ERR_NO_MEMORY)->text);
    }
    enum err err =
        talk_read(DIALECT_CHAT, buf_str(&call->body), &path, &talk->arena, &talk->talk, &talk->why);
    if (err == ERR_NO_MEMORY || err == ERR_LIMIT) {
        return FAIL(fail, ERR_NO_MEMORY, "%s", err_info(ERR_NO_MEMORY)->text);
    }
    *ret_readable = err == ERR_OK;
    return ERR_OK;
}

/* The cap that will be written, where it is known; else any that every dialect takes. */
static int64_t talk_trial_cap(const struct call *call)
{
    int64_t most = (int64_t)call->model->output_tokens_max;
    int64_t given = call->ask.output_cap;
    return given > 0 && given < most ? given : most;
}

/* Why a route is closed; `fail` and `param` are written where it is. */
static enum err talk_try(struct call *call, const struct registry_route *route, struct fail *fail,
                         struct str *ret_param)
{
    const struct talk_written *written = NULL;
    bool readable = true;
    TRY(talk_need(call, &readable, fail));
    if (!readable) {
        *fail = call->talk->why;
        *ret_param = call->talk->talk.param;
        return ERR_ASK_UNSUPPORTED;
    }
    return talk_write_for(call, route, talk_trial_cap(call), &written, ret_param, fail);
}

/* Whether a route of the model before `at` is written to in the same way; the first one. */
static bool talk_before(const struct call *call, size_t at, size_t *ret_before)
{
    const struct registry_model *model = call->model;
    size_t i = 0;
    while (i < at && !talk_route_is_alike(model->routes[i], model->routes[at])) {
        i++;
    }
    *ret_before = i;
    return i < at;
}

/* A route that gets what the client has said, or the request of chat that was made of it. */
static bool talk_is_written(const struct call *call, const struct registry_route *route)
{
    return talk_is_own(call, route) || talk_is_chat(call, route);
}

static bool talk_all_are_written(const struct call *call)
{
    size_t i = 0;
    while (i < call->model->route_count && talk_is_written(call, call->model->routes[i])) {
        i++;
    }
    return i == call->model->route_count;
}

/* One route: a bit more in call->uncarried, or none. */
static enum err talk_carry_route(struct call *call, size_t at, uint64_t shut, struct fail *fail,
                                 struct str *param)
{
    const struct registry_route *route = call->model->routes[at];
    size_t before = 0;
    struct fail why = { .text = "" };
    struct str field = STR_EMPTY;
    if (talk_is_written(call, route) || (shut >> at & 1) != 0) {
        return ERR_OK;
    }
    if (talk_before(call, at, &before) && (shut >> before & 1) == 0) {
        call->uncarried |= (call->uncarried >> before & 1) << at;
        return ERR_OK;
    }
    enum err err = talk_try(call, route, &why, &field);
    if (err != ERR_OK) {
        call->uncarried |= UINT64_C(1) << at;
        *fail = why;
        *param = field;
    }
    return err == ERR_NO_MEMORY ? err : ERR_OK;
}

enum err call_talk_carry(struct call *call, struct fail *fail)
{
    size_t count = call->model->route_count;
    uint64_t all = count == 64 ? UINT64_MAX : (UINT64_C(1) << count) - 1;
    struct str param = STR_EMPTY;
    call->uncarried = 0;
    if (talk_all_are_written(call)) {
        return ERR_OK; /* nearly always */
    }
    uint64_t shut = call_prefer_shut(call);
    for (size_t i = 0; i < count; i++) {
        TRY(talk_carry_route(call, i, shut, fail, &param));
    }
    if (call->uncarried == 0 || (all & ~shut & ~call->uncarried) != 0) {
        return ERR_OK;
    }
    talk_blame(call, param);
    return ERR_ASK_UNSUPPORTED;
}
