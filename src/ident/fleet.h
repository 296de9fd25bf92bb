/*
 * Fleets: the devices that a client sells in one market under one product, each with a key of its
 * own (ident/device.h). A fleet has what its devices' keys have at first, and an issuing secret: an
 * API key for the maker's own systems that issues, looks at and ends devices' keys, and that no
 * call is made with.
 *
 * What a fleet is does not change, because its devices were sold as that; it can be suspended as a
 * whole, its secret can be made anew, and how it is spoken with is its maker's to change
 * (ident/fleet_voice.h).
 *
 * Threads: as in ident.h. A fleet lives until ident_close().
 */
#pragma once

#include "crypto/digest.h"
#include "ident/ident.h"

#define IDENT_FLEET_PREFIX "fleet_"

#define FLEET_MODELS_MAX 1024 /* bytes of the list of models: some dozen names */
#define FLEET_CAP_NONE   INT64_C(-1)

/* What a device may use. Days are of UTC, for all markets alike: budgets, statements and receipts
 * have no other, a market may have several offsets, and those change by law. */
enum fleet_cap {
    FLEET_MONEY_DAY, /* nano of the client's currency */
    FLEET_MONEY_TOTAL,
    FLEET_CALLS_DAY, /* that were answered */
    FLEET_CALLS_TOTAL,
    FLEET_WAKES_DAY,
    FLEET_WAKES_TOTAL,
    FLEET_SECONDS_DAY, /* of talk: what it says and is answered */
    FLEET_CAPS
};

struct fleet_voice; /* ident/fleet_voice.h */

struct fleet {
    struct id id;
    struct client *client;
    struct api_key *issuer;
    struct str product;
    struct str market; /* of sale: two letters */
    struct str maker;  /* its name, as the client says it */
    struct str models; /* ids with a space between each two; empty: all that the product has */
    int64_t caps[FLEET_CAPS]; /* of a device, unless its order says otherwise */
    bool consent_required;    /* no call without one, whatever the law wants */
    int64_t created_ns;
    struct fleet *_Atomic next;              /* made after this one; read it by fleet_next() */
    _Atomic int64_t suspend_ns;              /* 0: active; read it by fleet_suspended_ns() */
    _Atomic int64_t device_count;            /* read it by fleet_devices() */
    const struct fleet_voice *_Atomic voice; /* read it by fleet_voice() */
    struct device **devices;                 /* in the order of making; ident's index guards it */
    size_t devices_cap;
    struct digest secret; /* what the issuer's text is found by; for changes alone */
};

/* ---- finding ------------------------------------------------------------------------------- */

/* Oldest first: NULL gives the first, the last gives NULL. */
const struct fleet *fleet_next(const struct ident *ident, const struct fleet *fleet);
/* By id; NULL: there is none. Walks all of them, which are few. */
const struct fleet *fleet_find(const struct ident *ident, struct id id);
int64_t fleet_suspended_ns(const struct fleet *fleet); /* 0: active */
int64_t fleet_devices(const struct fleet *fleet);      /* that it ever had */
/* Whether its devices may ask for the model. */
bool fleet_has_model(const struct fleet *fleet, struct str model);
const char *fleet_cap_name(enum fleet_cap cap); /* "money_day" */

/* ---- changes ------------------------------------------------------------------------------- */

/* Durable when they return ERR_OK, as in ident.h. */

struct fleet_order {
    struct id client;
    struct str product; /* not checked here, nor the models: the registry knows them */
    struct str market;
    struct str maker;
    struct str models;
    int64_t caps[FLEET_CAPS];
    bool consent_required;
};

/* ERR_NOT_FOUND: no such client; ERR_ASK_INVALID: a text. *ret_text: the issuing secret. */
EP_MUST_CHECK enum err fleet_add(struct ident *ident, const struct fleet_order *order,
                                 int64_t now_ns, const struct fleet **ret_fleet,
                                 struct api_key_text *ret_text, struct fail *fail);
/* All its keys are refused until it is resumed, its secret too. ERR_NOT_FOUND; ERR_CONFLICT: it is
 * suspended (active) already. */
EP_MUST_CHECK enum err fleet_suspend(struct ident *ident, struct id fleet, int64_t now_ns,
                                     struct fail *fail);
EP_MUST_CHECK enum err fleet_resume(struct ident *ident, struct id fleet, struct fail *fail);
/* A new secret; the old one ends at once. ERR_NOT_FOUND; ERR_CONFLICT: it was revoked. */
EP_MUST_CHECK enum err fleet_new_secret(struct ident *ident, struct id fleet, int64_t now_ns,
                                        struct api_key_text *ret_text, struct fail *fail);
