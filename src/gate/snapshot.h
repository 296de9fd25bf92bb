/*
 * What a call begins with: the registry, each route made ready to be called (address parsed, secret
 * resolved, head written), and the limits. Immutable, shared by all loops, reference-counted: a
 * call pins the one it began with, so a reload drops no call.
 *
 * Making one reads secret files: never on a loop's thread.
 */
#pragma once

#include "base/arena.h"
#include "base/ip.h"
#include "dispatch/limits.h"
#include "registry/registry.h"
#include "wire/url.h"

struct detect_rules;
struct geo;
struct origin_ranges;
struct policy;
struct shelf;
struct template_program;
struct tls_context;
struct vocab;

enum gate_hold {
    GATE_HOLD_OVERLAP,
    GATE_HOLD_BEFORE,
    GATE_HOLD_RELAXED
};

#define GATE_PROXIES_MAX 64

struct gate_options {
    enum gate_hold hold;
    int64_t hold_before_above; /* nano; 0: no such amount */
    int64_t hold_first_tokens; /* a choice; 0: the whole output cap is held */
    size_t head_bytes_max;
    size_t body_bytes_max;
    size_t answer_bytes_max;
    uint64_t upload_bytes_max;    /* of the file in a form */
    int64_t upload_ns;            /* from the head of its request to the end */
    size_t data_answer_bytes_max; /* of other services than chat: vectors, pictures */
    size_t sse_event_max;
    size_t connections_max;
    int64_t client_limits[LIMITS_KINDS]; /* of clients that have none of their own */
    size_t queue_calls;                  /* that wait for a place, of a loop */
    int64_t queue_ns;                    /* for each; 0: none waits */
    int64_t defer_ns;                    /* of those that may wait for cheap hours; 0: none */
    int64_t session_ns;                  /* of realtime */
    int64_t session_idle_ns;             /* likewise, without a word */
    size_t session_event_max;            /* bytes */
    size_t sessions_per_key;
    size_t drains_max;
    int64_t drain_ns; /* for each */
    size_t upstream_per_host_max;
    int64_t head_ns;
    int64_t body_ns;
    int64_t read_ns;
    int64_t idle_ns;
    int64_t connect_ns;
    int64_t first_byte_ns;
    int64_t silence_ns;
    int64_t answer_ns;
    int64_t ping_ns; /* of silence towards a stream's client; 0: it is never told of */
    /* Whose word is taken for who a client is. */
    struct ip_block proxies[GATE_PROXIES_MAX];
    size_t proxies_count;
};

/* What a route can be asked by a form: of recordings, that they are written down, or translated; of
 * pictures, that they are changed, or varied. */
enum gate_form {
    GATE_FORM_TRANSCRIPTION = 0,
    GATE_FORM_TRANSLATION = 1,
    GATE_FORM_EDIT = 0,
    GATE_FORM_VARIATION = 1,
    GATE_FORMS = 2
};

/* A route, ready to be called. */
struct gate_route {
    const struct registry_route *route;
    struct url url;
    struct str head;        /* up to the content length: holds the secret, must not be shown */
    struct str stream_head; /* the same, of a request for a stream */
    struct str form_heads[GATE_FORMS];   /* the same of forms; empty: it takes none */
    unsigned char tls_pin[DIGEST_BYTES]; /* of a route that pins its peer's key */
};

/* How a model's tokens are counted, and what it is for. */
struct gate_model {
    uint64_t serves[REGISTRY_SERVICE_COUNT]; /* bits of its routes */
    const struct vocab *vocab;               /* of the shelf; NULL: they are not counted */
    const struct template_program *template;
};

struct gate_snapshot {
    struct gate_options options;
    const struct registry *registry;
    struct gate_route *routes;    /* in the registry's order */
    struct gate_model *models;    /* likewise */
    struct tls_context *tls;      /* for upstreams; borrowed */
    struct geo *geo;              /* country databases; NULL: none */
    bool has_quotas;              /* call_quota.h: some limit is counted */
    struct policy *policy;        /* the registry's law, compiled */
    struct detect_rules *detect;  /* NULL: the registry has none */
    struct origin_ranges *ranges; /* registered egress ranges; NULL: none */
    char registry_hash[2 * DIGEST_BYTES];
    int64_t price_version; /* 63 bits of the registry's hash: names the prices in a hold's row */
    struct arena arena;
    _Atomic int64_t references;
};

/*
 * `registry`: its reference is taken over, also on failure. `folder`: what "file:" secrets are
 * relative to. Fails with the route whose secret, or the model whose vocabulary could not be had.
 */
struct gate_snapshot_parts {
    const struct gate_options *options;
    struct str folder;       /* copied from */
    struct tls_context *tls; /* for upstreams; must outlive the snapshot, as the shelf must */
    struct shelf *shelf;     /* of vocabularies */
    struct geo *geo;         /* the snapshot takes a reference of its own; NULL: none */
};

EP_MUST_CHECK enum err gate_snapshot_create(const struct registry *registry,
                                            const struct gate_snapshot_parts *parts,
                                            struct gate_snapshot **ret_snapshot, struct fail *fail);
struct gate_snapshot *gate_snapshot_ref(struct gate_snapshot *snapshot);
void gate_snapshot_unref(struct gate_snapshot *snapshot);
/* NULL: the model's tokens are not counted. */
const struct gate_model *gate_snapshot_model(const struct gate_snapshot *snapshot,
                                             const struct registry_model *model);
/* Bits of the model's routes that serve calls of the service. */
uint64_t gate_snapshot_serves(const struct gate_snapshot *snapshot,
                              const struct registry_model *model, enum registry_service service);
const struct gate_route *gate_snapshot_route(const struct gate_snapshot *snapshot,
                                             const struct registry_route *route);
