/*
 * Devices of a fleet: a key each, bound to the id that the maker has given the device (a serial, a
 * hardware address). Of that id a keyed hash is kept, which finds it again and tells nobody else
 * what it was.
 *
 *   issued --activate--> active --expires--> expired; from each, for good: --revoke--> revoked
 *
 * A device's clock is never believed: all times are the server's.
 *
 * A consent is a reference that means something to the maker alone, and a time; of what is in force
 * memory keeps SHA-256(reference), which is what receipts show. Giving another replaces it, and
 * withdrawing it is a row of its own, so that what was in force when can be shown.
 *
 * Threads: as in ident.h. A device lives until ident_close(). A million of them take about 1 GB
 * with their budgets (tests/unit/ident/test_device.c holds this room's part to its bound).
 */
#pragma once

#include "crypto/digest.h"
#include "ident/fleet.h"

#define DEVICE_ID_MIN        6    /* bytes of the maker's id: a shorter one is guessed */
#define DEVICE_ID_MAX        64   /* hardware addresses, serials and UUIDs are shorter */
#define DEVICE_REFERENCE_MAX 128  /* bytes of a consent's reference */
#define DEVICES_ISSUE_MAX    1000 /* of one job: some ten thousand rows, a tenth of a second */
/* A date without a time is the maker's: it may be tomorrow's of UTC. */
#define DEVICE_CONSENT_AHEAD_NS INT64_C(86400000000000)
#define DEVICE_CODE_LEN         6 /* digits that a device without a screen can say */

/* Valid until ident_close(). */
struct device_consent {
    struct digest hash; /* SHA-256 of the reference */
    int64_t given_ns;
};

/* What a device counts of its day (UTC) and in all. Guarded by ident's lock; device_wakes() and
 * device_talk() tell. */
struct device_waking {
    int64_t day;
    int64_t today;
    int64_t total;
    int64_t seq;           /* the device's own number of the last; 0: it gave none */
    int64_t turns_full_ns; /* when its turns of a minute are all free again */
    struct device *next_woken;
    uint32_t talked_ms; /* today */
    bool woken;         /* something is not written yet */
};

struct device {
    struct api_key key;                           /* its id is the device's, too */
    struct digest serial;                         /* of the maker's id, keyed */
    struct digest text;                           /* what the key's text is found by */
    int64_t expires_ns;                           /* 0: never */
    int64_t wakes_max[2];                         /* in a day, in all; FLEET_CAP_NONE */
    int64_t seconds_max;                          /* of talk in a day; likewise */
    _Atomic int64_t activated_ns;                 /* 0: not yet; device_activated_ns() */
    const struct device_consent *_Atomic consent; /* device_consent() */
    _Atomic int64_t tokens_ns; /* when the tokens of before have ended; ident/device_token.h */
    struct device_waking waking;
};

enum device_state {
    DEVICE_ISSUED, /* waits to be activated */
    DEVICE_ACTIVE,
    DEVICE_EXPIRED,
    DEVICE_REVOKED
};

/* ---- finding ------------------------------------------------------------------------------- */

/* DEVICE_ID_MIN to DEVICE_ID_MAX letters, digits and any of . _ : - @ */
bool device_id_is_fine(struct str id);
/* By the maker's id; NULL: the fleet has none of it. */
const struct device *device_find(const struct ident *ident, const struct fleet *fleet,
                                 struct str id);
/* Whether it is the device of that id. */
bool device_is(const struct ident *ident, const struct device *device, struct str id);
/* The next `max` in the order of making, from the `from`th on (0: the first); how many. */
size_t devices_list(const struct ident *ident, const struct fleet *fleet, int64_t from, size_t max,
                    const struct device **ret_devices);
enum device_state device_state(const struct device *device, int64_t now_ns);
const char *device_state_name(enum device_state state); /* "issued" */
int64_t device_activated_ns(const struct device *device);
const struct device_consent *device_consent(const struct device *device); /* NULL: none */
/* What a person who has the device in hand can read off it, and tell the maker: digits. The same
 * for ever, and of no use without the issuing secret. */
void device_code(const struct ident *ident, const struct device *device,
                 char ret_code[DEVICE_CODE_LEN + 1]);
/* The reference of the consent in force, as it was given; reads a row. False: there is none. */
EP_MUST_CHECK enum err device_reference(const struct ident *ident, const struct device *device,
                                        struct buf *out, bool *ret_given, struct fail *fail);

/* ---- changes ------------------------------------------------------------------------------- */

/* Durable when they return ERR_OK, and in force on all threads. */

/* For good. ERR_DEVICE_REVOKED: it is already. */
EP_MUST_CHECK enum err device_revoke(struct ident *ident, const struct device *device,
                                     int64_t now_ns, struct fail *fail);
/* Nothing happens to one that is active. ERR_DEVICE_REVOKED. */
EP_MUST_CHECK enum err device_activate(struct ident *ident, const struct device *device,
                                       int64_t now_ns, struct fail *fail);
struct device_consent_order {
    struct str reference; /* empty: withdraws what is in force */
    int64_t given_ns;     /* of a reference; DEVICE_CONSENT_AHEAD_NS */
    int64_t now_ns;
};
/* ERR_ASK_INVALID: the reference or the time, *ret_field as in an order; ERR_DEVICE_REVOKED. */
EP_MUST_CHECK enum err device_set_consent(struct ident *ident, const struct device *device,
                                          const struct device_consent_order *order,
                                          const char **ret_field, struct fail *fail);
