/*
 * Issuing devices' keys: one order, or many in one transaction.
 *
 * Threads: as the changes of ident.h.
 */
#pragma once

#include "ident/device.h"

struct device_order {
    struct str id;        /* the maker's */
    struct str reference; /* of a consent; empty: none */
    int64_t given_ns;     /* of the consent, if there is one; DEVICE_CONSENT_AHEAD_NS */
    int64_t expires_ns;   /* 0: never; else > now */
    int64_t caps[FLEET_CAPS];
    bool inactive; /* activated later */
    bool rotate;   /* a device that is there gets another key's text */
    bool proof;    /* its maker is told the key for its fuses (ident/device_token.h) */
    /* out */
    const struct device *device;
    bool made;                /* it was not there before */
    bool has_text;            /* made, or rotated */
    struct api_key_text text; /* secret_wipe() it once it was shown */
};

/* Inside the job that makes a device, behind its rows: what belongs to it elsewhere, such as its
 * budget. It has checked before all that it can; anything but ERR_OK ends the store. */
typedef enum err device_made_fn(void *context, struct store_txn *txn, const struct device *device,
                                const int64_t caps[FLEET_CAPS], struct fail *fail);

struct devices_issue {
    const struct fleet *fleet;
    struct device_order *orders;
    size_t count;         /* 1 to DEVICES_ISSUE_MAX */
    device_made_fn *made; /* NULL: nothing else belongs to it */
    void *context;
    int64_t now_ns;
    size_t fault;      /* out: the order that is refused */
    const char *field; /* out, likewise: of it */
};

/*
 * Issues all, or none. A device that is there stays as it is, with its caps, its counts and its
 * key; with `rotate` its key has another text from then on, and the old one ends. So an answer that
 * was lost is asked for again. Durable when it returns ERR_OK, in one transaction.
 * ERR_ASK_INVALID: a field, or an id twice; ERR_DEVICE_REVOKED: that device is revoked;
 * ERR_CONFLICT: the client was erased.
 */
EP_MUST_CHECK enum err devices_issue(struct ident *ident, struct devices_issue *issue,
                                     struct fail *fail);
/* ERR_ASK_INVALID: what devices_issue() would say of one order alone; *ret_field: which. */
EP_MUST_CHECK enum err device_order_check(const struct device_order *order, int64_t now_ns,
                                          const char **ret_field, struct fail *fail);
