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
#include "registry/registry_detector.h"
#include "registry/registry_dispatch.h"
#include "registry/registry_plan.h"
#include "registry/registry_supply.h"
#include "registry/registry_terms.h"
#include "registry/registry_voice.h"

/* ---- what is sold ------------------------------------------------------------------------- */

/* Another name under which a product sells a model. */
struct registry_alias {
    struct str name;
    const struct registry_model *model;
};

/* The text of the data agreement that is current for clients of a product. */
struct registry_product_dpa {
    struct str version;  /* empty: none is kept track of */
    struct str previous; /* good as well, until grace_until; empty: none */
    int64_t grace_until; /* 0: none */
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
    const struct registry_party *seller; /* who bills the client */
    const struct registry_zone *zone;    /* of REGISTRY_MODE_ZONE alone, and always there */
    bool official;                       /* it is sold as the vendor's own */
    bool names_vendor;                   /* in catalogue and bill, by the vendor's name of it */
    bool device;                         /* calls come from devices that clients sell */
    bool caches;                         /* answers are stored and served again */
    const struct registry_alias *aliases;
    size_t alias_count;
    struct registry_regions markets;
    struct registry_product_dpa dpa;
    enum registry_content_policy content_policy;
    struct registry_dispatch dispatch;
    struct registry_batch batch;
    struct registry_voice voice;
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
    const struct registry_key *keys;
    size_t key_count;
    const struct registry_person *persons;
    size_t person_count;
    const struct registry_region_group *regions;
    size_t region_count;
    const struct registry_grant *grants;
    size_t grant_count;
    const struct registry_agreement *agreements;
    size_t agreement_count;
    const struct registry_data_terms *data_terms;
    size_t data_terms_count;
    const struct registry_subprocessor_list *subprocessors;
    size_t subprocessor_count;
    const struct registry_lane *lanes;
    size_t lane_count;
    const struct registry_pool *pools;
    size_t pool_count;
    const struct registry_zone *zones;
    size_t zone_count;
    const struct registry_threshold *thresholds;
    size_t threshold_count;
    const struct registry_requirement *requirements;
    size_t requirement_count;
    const struct registry_network *networks;
    size_t network_count;
    const struct registry_procurement *procurements;
    size_t procurement_count;
    const struct registry_billing_state *billing;
    size_t billing_count;
    const struct registry_detector *detectors;
    size_t detector_count;
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
/* Microjoules that so many tokens take at the route's pool, building included; -1: not known. */
int64_t registry_route_energy(const struct registry_route *route, int64_t tokens_in,
                              int64_t tokens_out);
const struct registry_party *registry_party(const struct registry *registry, struct str id);
const struct registry_grant *registry_grant(const struct registry *registry, struct str id);
const struct registry_agreement *registry_agreement(const struct registry *registry, struct str id);
/* "chat", "embeddings", ... */
const char *registry_service_name(enum registry_service service);
/* The service that an upstream of this dialect gives. */
enum registry_service registry_dialect_service(enum registry_dialect dialect);
/* Bits of the model's routes that serve it, suspended ones included. */
uint64_t registry_model_serves(const struct registry_model *model, enum registry_service service);
/*
 * Whether the price says what a call of the service costs: chat and realtime need one of input and
 * of output tokens; embeddings of input; rerank of search units or of input; images of images,
 * speech of characters or seconds, transcription of seconds, or each of input and output.
 */
bool registry_price_serves(const struct registry_price *price, enum registry_service service);
/* What the line asks for a call that is served in that tier; of the ordinary one, the line itself.
 * NULL: it does not name it. */
const struct registry_price *registry_price_tier(const struct registry_price *price,
                                                 enum tier tier);
/* Of a picture: the price of its size and quality, of its size, of its quality, or of any; an empty
 * one is not known. */
int64_t registry_image_price(const struct registry_price *price, struct str size,
                             struct str quality);
/* Of any picture, the dearest. */
int64_t registry_image_dearest(const struct registry_price *price);
/* "in", "cached", ... */
const char *registry_class_name(enum registry_class class);
/* "web_search", ... */
const char *registry_unit_name(enum registry_unit_priced unit);
