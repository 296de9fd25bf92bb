/*
 * What is bought: models, the credentials and routes by which they are reached, and their prices.
 * Prices are exact: pico units (10^-12) of the book's currency a token.
 */
#pragma once

#include "registry/registry_data.h"
#include "registry/registry_manner.h"
#include "registry/registry_party.h"
#include "registry/registry_price.h"
#include "registry/registry_zone.h"

#define REGISTRY_ROUTES_PER_MODEL_MAX 64 /* one bit each in a call's "tried" word */

enum registry_token_count {
    REGISTRY_COUNT_EXACT,
    REGISTRY_COUNT_ESTIMATE /* another family's vocabulary stands in for the model's */
};

enum registry_weights {
    REGISTRY_WEIGHTS_CLOSED,
    REGISTRY_WEIGHTS_OPEN /* under a licence, which is where chains begin that have no other root */
};

struct registry_licence {
    struct str id;           /* empty: none */
    bool commercial;         /* it permits serving for money */
    struct registry_doc doc; /* its text */
};

struct registry_model {
    struct str id;
    const struct registry_party *vendor;
    country_t origin;  /* where it was trained */
    struct str family; /* grants may name it as "family:x"; empty: none */
    enum registry_weights weights;
    struct registry_licence licence; /* of open weights */
    struct str version;
    struct str tokenizer;     /* its vocabulary; empty: its tokens are not counted */
    struct str chat_template; /* empty: the vocabulary's own */
    enum registry_token_count token_count;
    uint64_t token_margin_percent;        /* of an estimate; 0 for an exact count */
    struct registry_texts declared_names; /* what an honest upstream may answer as "model" */
    struct registry_texts fingerprints;   /* that an honest upstream is known to answer with */
    struct registry_texts price_refs;
    struct registry_texts modalities;
    uint64_t context_tokens;
    uint64_t output_tokens_max;
    const struct registry_route **routes; /* that serve it, by id, suspended ones included */
    size_t route_count;
};

enum registry_credential_class {
    REGISTRY_CREDENTIAL_ENTERPRISE_CONTRACT,
    REGISTRY_CREDENTIAL_CLOUD_MARKETPLACE,
    REGISTRY_CREDENTIAL_RESELLER_ISSUED
};

/* Under which contract an upstream is called. */
struct registry_credential {
    struct str id;
    const struct registry_party *upstream_party;
    const struct registry_party *account_holder;
    enum registry_credential_class class;
    struct str endpoint_host;
    struct str secret; /* "env:NAME" or "file:PATH", PATH relative to the working folder */
    uint64_t max_concurrent;
    uint64_t tokens_per_minute;         /* 0: no limit */
    const struct registry_grant *grant; /* the last of its chain must be it; NULL: any */
    const struct registry_procurement *procurement; /* NULL: none */
    struct registry_doc issued_doc;
    int64_t rotated_at; /* 0: not known */
};

struct registry_line {
    const struct registry_model *model;
    struct registry_price price;
};

struct registry_price_book {
    struct str id;
    struct str version;
    struct str currency;               /* ISO 4217 */
    const struct registry_line *lines; /* by the model's id */
    size_t line_count;
};

/* What a client buys with one call. */
#define REGISTRY_SERVICE_TABLE(X)     \
    X(CHAT, "chat")                   \
    X(EMBEDDINGS, "embeddings")       \
    X(RERANK, "rerank")               \
    X(IMAGES, "images")               \
    X(SPEECH, "speech")               \
    X(TRANSCRIPTION, "transcription") \
    X(REALTIME, "realtime")

#define REGISTRY_SERVICE_AS_ENUM(name, text) REGISTRY_SERVICE_##name,
enum registry_service {
    REGISTRY_SERVICE_TABLE(REGISTRY_SERVICE_AS_ENUM) REGISTRY_SERVICE_COUNT
};
#undef REGISTRY_SERVICE_AS_ENUM

/* Which API an upstream speaks, and which service that is: registry_dialect_service(). Those of
 * chat come first, in the order of enum dialect. */
#define REGISTRY_DIALECTS                                   \
    "openai_chat|openai_responses|anthropic|gemini|"        \
    "openai_embeddings|rerank|openai_images|openai_speech|" \
    "openai_transcriptions|openai_realtime"
enum registry_dialect {
    REGISTRY_DIALECT_OPENAI_CHAT,
    REGISTRY_DIALECT_OPENAI_RESPONSES,
    REGISTRY_DIALECT_ANTHROPIC,
    REGISTRY_DIALECT_GEMINI,
    REGISTRY_DIALECT_OPENAI_EMBEDDINGS,
    REGISTRY_DIALECT_RERANK,
    REGISTRY_DIALECT_OPENAI_IMAGES,
    REGISTRY_DIALECT_OPENAI_SPEECH,
    REGISTRY_DIALECT_OPENAI_TRANSCRIPTIONS,
    REGISTRY_DIALECT_OPENAI_REALTIME,
    REGISTRY_DIALECT_COUNT
};

/* What an upstream bills after the connection is closed in the middle of an answer. */
enum registry_abort_billing {
    REGISTRY_ABORT_STOPS,
    REGISTRY_ABORT_CONTINUES,
    REGISTRY_ABORT_UNKNOWN
};

/* By which rule an upstream reports usage: the surfaces of meter/usage_surface.h, in its order. */
#define REGISTRY_USAGES                                                                   \
    "openai.chat|openai.responses|openai.realtime|anthropic|gemini|gemini.live|xai.chat|" \
    "xai.responses|deepseek|moonshot|zhipu|minimax|minimax.anthropic|qwen|openai.images"
#define REGISTRY_USAGE_COUNT 15

enum registry_route_state {
    REGISTRY_ROUTE_ACTIVE,
    REGISTRY_ROUTE_SUSPENDED
};

/* How an upstream takes "<|im_end|>" in a client's text; unknown: the larger count is held. */
enum registry_special_text {
    REGISTRY_SPECIAL_LITERAL,
    REGISTRY_SPECIAL_PARSED,
    REGISTRY_SPECIAL_UNKNOWN
};

/* Whether the upstream's contract says that each answer names its model. */
enum registry_declares_model {
    REGISTRY_DECLARES_SOMETIMES,
    REGISTRY_DECLARES_ALWAYS
};

/* How the weights are kept that answer, as OpenRouter names it. */
enum registry_quantization {
    REGISTRY_QUANTIZATION_UNKNOWN,
    REGISTRY_QUANTIZATION_INT4,
    REGISTRY_QUANTIZATION_INT8,
    REGISTRY_QUANTIZATION_FP4,
    REGISTRY_QUANTIZATION_FP6,
    REGISTRY_QUANTIZATION_FP8,
    REGISTRY_QUANTIZATION_FP16,
    REGISTRY_QUANTIZATION_BF16,
    REGISTRY_QUANTIZATION_FP32,
    REGISTRY_QUANTIZATION_COUNT
};

struct registry_route {
    struct str id;
    const struct registry_party *upstream_party;
    const struct registry_model *model;
    const struct registry_credential *credential;
    enum registry_dialect dialect;
    struct str endpoint;       /* a checked URL: "https://host/v1" */
    struct str upstream_model; /* the model's name there */
    struct str place;          /* "SG" or "SG/site" */
    enum registry_abort_billing abort_billing;
    enum registry_output_cap_field output_cap_field;
    enum registry_special_text special_text;
    enum registry_declares_model declares_model;
    enum registry_quantization quantization;
    unsigned usage; /* below REGISTRY_USAGE_COUNT */
    enum registry_anthropic_version anthropic_version;
    enum registry_thinking thinking;
    enum registry_image_urls image_urls;
    const struct registry_price_book *contract_price;
    const struct registry_price *contract; /* of the route's model, in that book */
    enum registry_route_state state;
    uint64_t weight;
    const struct registry_pool *pool;              /* NULL: not of ours to know */
    const struct registry_data_terms *data_terms;  /* the upstream's; NULL: not recorded */
    const struct registry_attachment *attachments; /* by id: what it brings into processing */
    size_t attachment_count;
    struct str tls_pin; /* SHA-256 of the peer's key, 64 digits; empty: none */
};
