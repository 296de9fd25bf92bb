/*
 * The registry: who sells which model through which route at which price. A folder of YAML files,
 * read whole, checked whole, and then an immutable snapshot with a hash of its content.
 *
 * Everything in a snapshot lives as long as it is referenced: a call takes a reference when it
 * begins. Arrays are ordered by id. Secrets are references ("env:NAME", "file:PATH") and are not
 * resolved here. Prices are exact: pico units (10^-12) of the book's currency a token.
 *
 * Threads: any; a snapshot does not change, its reference count is atomic. crypto_start() first.
 */
#pragma once

#include "base/buf.h"
#include "crypto/digest.h"
#include "registry/registry_plan.h"
#include "registry/registry_terms.h"

#define REGISTRY_ROUTES_PER_MODEL_MAX 64 /* one bit each in a call's "tried" word */

/* Classes of tokens: the same, in the same order, as usage is counted in. */
#define REGISTRY_CLASS_TABLE(X)     \
    X(IN, "in")                     \
    X(CACHED, "cached")             \
    X(W5M, "w5m")                   \
    X(W1H, "w1h")                   \
    X(W30M, "w30m")                 \
    X(W12H, "w12h")                 \
    X(WX, "wx")                     \
    X(IN_AUDIO, "in_audio")         \
    X(IN_IMAGE, "in_image")         \
    X(IN_TOOL, "in_tool")           \
    X(CACHED_AUDIO, "cached_audio") \
    X(CACHED_IMAGE, "cached_image") \
    X(OUT, "out")                   \
    X(REASON, "reason")             \
    X(OUT_AUDIO, "out_audio")       \
    X(OUT_IMAGE, "out_image")

#define REGISTRY_CLASS_AS_ENUM(name, text) REGISTRY_CLASS_##name,
enum registry_class {
    REGISTRY_CLASS_TABLE(REGISTRY_CLASS_AS_ENUM) REGISTRY_CLASS_COUNT
};
#undef REGISTRY_CLASS_AS_ENUM

#define REGISTRY_PRICE_CLASSES 16
_Static_assert(REGISTRY_CLASS_COUNT == REGISTRY_PRICE_CLASSES, "the classes and their number");

/* ---- entities ----------------------------------------------------------------------------- */

enum registry_party_kind {
    REGISTRY_PARTY_VENDOR,
    REGISTRY_PARTY_CLOUD,
    REGISTRY_PARTY_CHANNEL,
    REGISTRY_PARTY_AGGREGATOR,
    REGISTRY_PARTY_COMPUTE_CENTER,
    REGISTRY_PARTY_CARRIER,
    REGISTRY_PARTY_PLATFORM,
    REGISTRY_PARTY_CLIENT,
    REGISTRY_PARTY_BRAND
};

struct registry_party {
    struct str id;
    enum registry_party_kind kind;
    struct str legal_name;
    struct str jurisdiction; /* ISO 3166-1, two letters */
};

struct registry_texts {
    const struct str *items;
    size_t count;
};

enum registry_token_count {
    REGISTRY_COUNT_EXACT,
    REGISTRY_COUNT_ESTIMATE /* another family's vocabulary stands in for the model's */
};

struct registry_model {
    struct str id;
    const struct registry_party *vendor;
    struct str origin; /* where it was trained: ISO 3166-1 */
    struct str version;
    struct str tokenizer;     /* its vocabulary; empty: its tokens are not counted */
    struct str chat_template; /* empty: the vocabulary's own */
    enum registry_token_count token_count;
    uint64_t token_margin_percent;        /* of an estimate; 0 for an exact count */
    struct registry_texts declared_names; /* what an honest upstream may answer as "model" */
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

struct registry_credential {
    struct str id;
    const struct registry_party *upstream_party;
    const struct registry_party *account_holder;
    enum registry_credential_class class;
    struct str endpoint_host;
    struct str secret; /* "env:NAME" or "file:PATH", PATH relative to the working folder */
    uint64_t max_concurrent;
};

struct registry_price {
    int64_t pico[REGISTRY_PRICE_CLASSES]; /* a token; 0 where unknown */
    bool known[REGISTRY_PRICE_CLASSES];
    int64_t pico_call; /* a call, beside its tokens */
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

enum registry_dialect {
    REGISTRY_DIALECT_OPENAI_CHAT
};

/* What an upstream bills after the connection is closed in the middle of an answer. */
enum registry_abort_billing {
    REGISTRY_ABORT_STOPS,
    REGISTRY_ABORT_CONTINUES,
    REGISTRY_ABORT_UNKNOWN
};

enum registry_output_cap_field {
    REGISTRY_CAP_MAX_TOKENS,
    REGISTRY_CAP_MAX_COMPLETION_TOKENS
};

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
    const struct registry_price_book *contract_price;
    const struct registry_price *contract; /* of the route's model, in that book */
    enum registry_route_state state;
    uint64_t weight;
};

struct registry_product {
    struct str id;
    struct str name;
    enum registry_mode mode;
    enum registry_abandoned abandoned;
    struct str brand;
    const struct registry_model **models; /* by id */
    size_t model_count;
    const struct registry_price **prices; /* of models[i] */
    const struct registry_price_book *price_book;
    struct registry_unit unit;
    const struct registry_plan *plans; /* by id */
    size_t plan_count;
    struct registry_terms terms;
    struct registry_texts payment_methods; /* none: all that are known (base/payment.h) */
    struct registry_limits purchase_limits;
};

struct registry {
    const struct registry_party *parties;
    size_t party_count;
    const struct registry_model *models;
    size_t model_count;
    const struct registry_credential *credentials;
    size_t credential_count;
    const struct registry_price_book *price_books;
    size_t price_book_count;
    const struct registry_route *routes;
    size_t route_count;
    const struct registry_product *products;
    size_t product_count;
    struct digest hash;           /* of the content: formatting, comments and order do not matter */
    struct registry_owner *owner; /* the memory of all this, and its references */
};

/* ---- life --------------------------------------------------------------------------------- */

/* registry_load.h makes one, with one reference. */
const struct registry *registry_ref(const struct registry *registry);
void registry_unref(const struct registry *registry); /* NULL is allowed */

/* ---- finding: NULL where there is none ----------------------------------------------------- */

const struct registry_product *registry_product(const struct registry *registry, struct str id);
const struct registry_model *registry_model(const struct registry *registry, struct str id);
const struct registry_route *registry_route(const struct registry *registry, struct str id);
/* Only what the product sells. */
const struct registry_model *registry_product_model(const struct registry_product *product,
                                                    struct str id);
const struct registry_plan *registry_product_plan(const struct registry_product *product,
                                                  struct str id);
/* What a client of the product pays for the model; NULL: the product does not sell it. */
const struct registry_price *registry_product_price(const struct registry_product *product,
                                                    const struct registry_model *model);
const struct registry_price *registry_book_price(const struct registry_price_book *book,
                                                 const struct registry_model *model);
/* Models of the product whose ids are near `asked`, the nearest first; at most `max`. */
size_t registry_near_models(const struct registry_product *product, struct str asked,
                            const struct registry_model **ret_models, size_t max);
/* 63 bits of the hash: a number that names this registry in rows. */
int64_t registry_version(const struct registry *registry);
/* "in", "cached", ... */
const char *registry_class_name(enum registry_class class);
