#include "gate/snapshot.h"

#include <stdatomic.h>
#include <string.h>

#include "base/enc.h"
#include "base/mem.h"
#include "crypto/secret.h"
#include "gate/snapshot_law.h"
#include "meter/shelf.h"
#include "meter/template.h"
#include "policy/geo.h"
#include "wire/http1.h"

#define SNAPSHOT_ARENA_MAX ((size_t)64 << 20) /* a head of 1 KiB for each of 60,000 routes */
#define SNAPSHOT_HEAD_MAX  8192

/* How a dialect's requests are addressed and by which header they carry the secret. */
struct snapshot_form {
    struct str path; /* empty: it takes forms alone */
    struct str verb; /* behind the model in the path; empty: the model is in the body */
    struct str stream_verb;
    struct str secret;
    struct str forms[GATE_FORMS]; /* paths of what it is asked by a form; empty: nothing is */
};

#define SNAPSHOT_BEARER STR_INIT("Authorization: Bearer ")
#define SNAPSHOT_FORMS(path, first, second)                          \
    {                                                                \
        STR_INIT(path), STR_INIT(""), STR_INIT(""), SNAPSHOT_BEARER, \
        {                                                            \
            STR_INIT(first), STR_INIT(second)                        \
        }                                                            \
    }
#define SNAPSHOT_PATH(path) SNAPSHOT_FORMS(path, "", "")

static const struct snapshot_form snapshot_forms[] = {
    [REGISTRY_DIALECT_OPENAI_CHAT] = SNAPSHOT_PATH("/chat/completions"),
    [REGISTRY_DIALECT_OPENAI_RESPONSES] = SNAPSHOT_PATH("/responses"),
    [REGISTRY_DIALECT_ANTHROPIC] = { STR_INIT("/messages"),
                                     STR_INIT(""),
                                     STR_INIT(""),
                                     STR_INIT("x-api-key: "),
                                     { STR_INIT(""), STR_INIT("") } },
    [REGISTRY_DIALECT_GEMINI] = { STR_INIT("/models/"),
                                  STR_INIT(":generateContent"),
                                  STR_INIT(":streamGenerateContent?alt=sse"),
                                  STR_INIT("x-goog-api-key: "),
                                  { STR_INIT(""), STR_INIT("") } },
    [REGISTRY_DIALECT_OPENAI_EMBEDDINGS] = SNAPSHOT_PATH("/embeddings"),
    [REGISTRY_DIALECT_RERANK] = SNAPSHOT_PATH("/rerank"),
    [REGISTRY_DIALECT_OPENAI_IMAGES] =
        SNAPSHOT_FORMS("/images/generations", "/images/edits", "/images/variations"),
    [REGISTRY_DIALECT_OPENAI_SPEECH] = SNAPSHOT_PATH("/audio/speech"),
    [REGISTRY_DIALECT_OPENAI_TRANSCRIPTIONS] =
        SNAPSHOT_FORMS("", "/audio/transcriptions", "/audio/translations"),
    [REGISTRY_DIALECT_OPENAI_REALTIME] = SNAPSHOT_PATH("/realtime"),
};
_Static_assert(EP_ARRAY_LEN(snapshot_forms) == REGISTRY_DIALECT_COUNT, "a form each");

/* One of a route's heads. */
struct snapshot_target {
    struct str path;
    bool stream;
    bool form; /* its body is one; else JSON */
};

static enum err snapshot_write_target(struct buf *head, const struct gate_route *ready,
                                      const struct snapshot_target *target)
{
    const struct snapshot_form *form = &snapshot_forms[ready->route->dialect];
    TRY(buf_append(head, STR("POST ")));
    TRY(buf_append(head, ready->url.path));
    TRY(buf_append(head, target->path));
    if (form->verb.len > 0) {
        TRY(buf_append(head, ready->route->upstream_model));
        TRY(buf_append(head, target->stream ? form->stream_verb : form->verb));
    }
    return buf_append(head, STR(" HTTP/1.1\r\nHost: "));
}

/* "POST /v1/chat/completions HTTP/1.1", Host, Authorization; the content length is added a call. */
static enum err snapshot_write_head(struct buf *head, const struct gate_route *ready,
                                    const struct snapshot_target *target, struct str secret)
{
    const struct url *url = &ready->url;
    bool literal = str_find(url->host, ':') < url->host.len;
    TRY(snapshot_write_target(head, ready, target));
    TRY(buf_append(head, literal ? STR("[") : STR_EMPTY));
    TRY(buf_append(head, url->host));
    TRY(buf_append(head, literal ? STR("]") : STR_EMPTY));
    if (url->port != (url->tls ? 443 : 80)) {
        TRY(buf_byte(head, ':'));
        TRY(buf_u64(head, url->port));
    }
    TRY(buf_append(head, STR("\r\n")));
    TRY(buf_append(head, snapshot_forms[ready->route->dialect].secret));
    TRY(buf_append(head, secret));
    if (!target->form) {
        TRY(buf_append(head, STR("\r\nContent-Type: application/json"))); /* else upload.c's */
    }
    return buf_append(head, STR("\r\nAccept-Encoding: identity\r\n"
                                "User-Agent: entrepot\r\nContent-Length: "));
}

static enum err snapshot_keep_head(struct gate_snapshot *snapshot, const struct gate_route *ready,
                                   const struct snapshot_target *target, struct str secret,
                                   struct str *ret_head)
{
    struct buf head;
    buf_init(&head, SNAPSHOT_HEAD_MAX);
    enum err err = snapshot_write_head(&head, ready, target, secret);
    if (err == ERR_OK && !arena_copy(&snapshot->arena, buf_str(&head), ret_head)) {
        err = ERR_NO_MEMORY;
    }
    if (head.ptr != NULL) {
        secret_wipe(head.ptr, head.cap);
    }
    buf_fini(&head);
    return err;
}

/* All heads of the route; where two are the same, one. */
static enum err snapshot_keep_heads(struct gate_snapshot *snapshot, struct gate_route *ready,
                                    struct str secret)
{
    const struct snapshot_form *form = &snapshot_forms[ready->route->dialect];
    struct snapshot_target target = { .path = form->path };
    if (form->path.len > 0) {
        TRY(snapshot_keep_head(snapshot, ready, &target, secret, &ready->head));
    }
    ready->stream_head = ready->head;
    if (form->verb.len > 0) {
        target.stream = true;
        TRY(snapshot_keep_head(snapshot, ready, &target, secret, &ready->stream_head));
    }
    for (unsigned i = 0; i < GATE_FORMS && form->forms[i].len > 0; i++) {
        target = (struct snapshot_target){ .path = form->forms[i], .form = true };
        TRY(snapshot_keep_head(snapshot, ready, &target, secret, &ready->form_heads[i]));
    }
    return ERR_OK;
}

/* A line end in a secret would be a header of its own. */
static bool snapshot_is_header(struct str secret)
{
    for (size_t i = 0; i < secret.len; i++) {
        unsigned char c = (unsigned char)secret.ptr[i];
        if (c <= 0x20 || c >= 0x7F) {
            return false;
        }
    }
    return true;
}

static enum err snapshot_route(struct gate_snapshot *snapshot, struct gate_route *ready,
                               const struct registry_route *route, struct str folder,
                               struct fail *fail)
{
    ready->route = route;
    if (!url_parse(route->endpoint, &ready->url)) {
        return FAIL(fail, ERR_REGISTRY_INVALID, "the endpoint of route \"" STR_FMT "\" is no URL",
                    STR_ARG(route->id));
    }
    if (route->tls_pin.len > 0 &&
        (!ready->url.tls || !enc_hex_read(route->tls_pin, ready->tls_pin, DIGEST_BYTES))) {
        return FAIL(fail, ERR_REGISTRY_INVALID,
                    "route \"" STR_FMT "\" pins a key and its endpoint is not https",
                    STR_ARG(route->id));
    }
    struct secret secret = { 0 };
    TRY(secret_load(route->credential->secret, folder, &secret, fail));
    enum err err = ERR_OK;
    if (!snapshot_is_header(secret_str(&secret))) {
        err = FAIL(fail, ERR_REGISTRY_INVALID,
                   "the secret of credential \"" STR_FMT "\" has a space or a control character",
                   STR_ARG(route->credential->id));
    } else if (snapshot_keep_heads(snapshot, ready, secret_str(&secret)) != ERR_OK) {
        err = FAIL(fail, ERR_NO_MEMORY, "no memory for the head of route \"" STR_FMT "\"",
                   STR_ARG(route->id));
    }
    secret_fini(&secret);
    return err;
}

/* Models without a tokenizer have an empty row. */
static enum err snapshot_models(struct gate_snapshot *snapshot, struct shelf *shelf,
                                struct fail *fail)
{
    const struct registry *registry = snapshot->registry;
    if (registry->model_count == 0) {
        return ERR_OK;
    }
    snapshot->models =
        arena_zalloc(&snapshot->arena, registry->model_count * sizeof(struct gate_model));
    if (snapshot->models == NULL) {
        return FAIL(fail, ERR_NO_MEMORY, "no memory for the models");
    }
    for (size_t i = 0; i < registry->model_count; i++) {
        const struct registry_model *model = &registry->models[i];
        struct gate_model *ready = &snapshot->models[i];
        for (unsigned k = 0; k < REGISTRY_SERVICE_COUNT; k++) {
            ready->serves[k] = registry_model_serves(model, (enum registry_service)k);
        }
        if (model->tokenizer.len > 0) {
            TRY(shelf_open(shelf, model->tokenizer, &ready->vocab, fail));
            ready->template =
                template_find(model->chat_template.len > 0 ? model->chat_template
                                                           : vocab_info(ready->vocab)->template);
        }
    }
    return ERR_OK;
}

static enum err snapshot_fill(struct gate_snapshot *snapshot,
                              const struct gate_snapshot_parts *parts, struct fail *fail)
{
    TRY(snapshot_models(snapshot, parts->shelf, fail));
    const struct registry *registry = snapshot->registry;
    struct buf hex = { snapshot->registry_hash, 0, sizeof(snapshot->registry_hash),
                       sizeof(snapshot->registry_hash) };
    TRY(enc_hex(&hex, registry->hash.bytes, DIGEST_BYTES));
    snapshot->price_version = registry_version(registry);
    TRY(snapshot_law_make(snapshot, fail));
    if (registry->route_count == 0) {
        return ERR_OK;
    }
    snapshot->routes =
        arena_zalloc(&snapshot->arena, registry->route_count * sizeof(struct gate_route));
    if (snapshot->routes == NULL) {
        return FAIL(fail, ERR_NO_MEMORY, "no memory for the routes");
    }
    for (size_t i = 0; i < registry->route_count; i++) {
        TRY(snapshot_route(snapshot, &snapshot->routes[i], &registry->routes[i], parts->folder,
                           fail));
    }
    return ERR_OK;
}

enum err gate_snapshot_create(const struct registry *registry,
                              const struct gate_snapshot_parts *parts,
                              struct gate_snapshot **ret_snapshot, struct fail *fail)
{
    struct gate_snapshot *snapshot = mem_zalloc(sizeof(*snapshot));
    if (snapshot == NULL) {
        registry_unref(registry);
        return FAIL(fail, ERR_NO_MEMORY, "no memory for a snapshot");
    }
    snapshot->registry = registry;
    snapshot->options = *parts->options;
    snapshot->tls = parts->tls;
    snapshot->geo = geo_ref(parts->geo);
    atomic_init(&snapshot->references, 1);
    arena_init(&snapshot->arena, 4096, SNAPSHOT_ARENA_MAX);
    enum err err = snapshot_fill(snapshot, parts, fail);
    if (err != ERR_OK) {
        gate_snapshot_unref(snapshot);
        return err;
    }
    *ret_snapshot = snapshot;
    return ERR_OK;
}

static void snapshot_wipe(struct str head)
{
    /* The bytes are the arena's own and writable; the slice alone is const. */
    union {
        const char *in;
        void *out;
    } unconst = { .in = head.ptr };
    if (head.len > 0) {
        secret_wipe(unconst.out, head.len);
    }
}

struct gate_snapshot *gate_snapshot_ref(struct gate_snapshot *snapshot)
{
    int64_t before = atomic_fetch_add_explicit(&snapshot->references, 1, memory_order_relaxed);
    ASSERT(before > 0);
    return snapshot;
}

void gate_snapshot_unref(struct gate_snapshot *snapshot)
{
    if (snapshot == NULL) {
        return;
    }
    /* Acquire and release: whoever frees has seen all that others did with it. */
    int64_t before = atomic_fetch_sub_explicit(&snapshot->references, 1, memory_order_acq_rel);
    ASSERT(before > 0);
    if (before > 1) {
        return;
    }
    const struct registry *registry = snapshot->registry;
    for (size_t i = 0; snapshot->routes != NULL && i < registry->route_count; i++) {
        snapshot_wipe(snapshot->routes[i].head);
        snapshot_wipe(snapshot->routes[i].stream_head);
        for (unsigned k = 0; k < GATE_FORMS; k++) {
            snapshot_wipe(snapshot->routes[i].form_heads[k]);
        }
    }
    geo_unref(snapshot->geo);
    snapshot_law_free(snapshot);
    arena_fini(&snapshot->arena);
    registry_unref(registry);
    mem_free(snapshot);
}

static const struct gate_model *snapshot_model(const struct gate_snapshot *snapshot,
                                               const struct registry_model *model)
{
    ASSERT(model >= snapshot->registry->models);
    size_t at = (size_t)(model - snapshot->registry->models);
    ASSERT(at < snapshot->registry->model_count);
    return &snapshot->models[at];
}

const struct gate_model *gate_snapshot_model(const struct gate_snapshot *snapshot,
                                             const struct registry_model *model)
{
    const struct gate_model *ready = snapshot_model(snapshot, model);
    return ready->vocab == NULL ? NULL : ready;
}

uint64_t gate_snapshot_serves(const struct gate_snapshot *snapshot,
                              const struct registry_model *model, enum registry_service service)
{
    return snapshot_model(snapshot, model)->serves[service];
}

const struct gate_route *gate_snapshot_route(const struct gate_snapshot *snapshot,
                                             const struct registry_route *route)
{
    ASSERT(route >= snapshot->registry->routes);
    size_t at = (size_t)(route - snapshot->registry->routes);
    ASSERT(at < snapshot->registry->route_count);
    return &snapshot->routes[at];
}
