/*
 * What a device shows when it speaks, instead of its key: a token from its last set-up answer.
 * It is made of what is there (the device's id, hidden; a time; a MAC of both), so that a million
 * of them take no memory. Two kinds:
 *
 *   given    to whoever shows the device's key. It is good for DEVICE_TOKEN_DAYS, and ends when the
 *            key is revoked or rotated.
 *   proved   given with a challenge to whoever says the device's serial, and worth nothing until
 *            the device has answered the challenge with the key in its fuses (HMAC-SHA256, as
 *            xiaozhi's firmware does). From then on it is the only one: each proof ends all that
 *            was before.
 *
 * The key that a maker burns into a device's fuses is made of the device's id, too, and told the
 * maker alone. Nothing that is asked without a key tells whether a serial is there, but for the
 * minute behind a proof (DEVICE_PROVED_NS).
 *
 * Threads: as in ident.h. Times are the server's.
 */
#pragma once

#include "ident/device.h"

#define DEVICE_TOKEN_START "st-ep-"
#define DEVICE_TOKEN_LEN   (6 + 2 * (ID_BYTES + 8 + 24)) /* the start; id, time and MAC in hex */
/* Toys are set up at each start, and are started more often. */
#define DEVICE_TOKEN_DAYS    30
#define DEVICE_CHALLENGE_LEN (2 * (8 + 24))
#define DEVICE_PROOF_LEN     (2 * DIGEST_BYTES)
/* Firmware tries some ten times, with pauses. */
#define DEVICE_CHALLENGE_NS INT64_C(600000000000)
/* Firmware that has proved itself asks once more, and must not be challenged again. */
#define DEVICE_PROVED_NS INT64_C(60000000000)

/* Between the challenges of two proofs: no device starts more often, and each proof is a row that
 * is written. */
#define DEVICE_PROOFS_NS INT64_C(10000000000)

struct device_token {
    char text[DEVICE_TOKEN_LEN + 1]; /* NUL-terminated */
};

struct device_challenge {
    char text[DEVICE_CHALLENGE_LEN + 1]; /* likewise; its characters are what the device signs */
    struct device_token token;           /* that the answer makes good */
};

/* Of the first kind. */
void device_token_make(const struct ident *ident, const struct device *device, int64_t now_ns,
                       struct device_token *ret_token);
bool device_token_is(struct str text);
/* Whose it is; NULL: nobody's, or no more. The device may not be usable. */
const struct device *device_token_find(const struct ident *ident, struct str text, int64_t now_ns);

/* What the maker burns into the device: hexadecimal digits, to be wiped. */
void device_proof_key(const struct ident *ident, const struct device *device,
                      char ret_key[DEVICE_PROOF_LEN + 1]);
/* For any serial that an id may be. */
void device_challenge(const struct ident *ident, const struct fleet *fleet, struct str serial,
                      int64_t now_ns, struct device_challenge *ret_challenge);
struct device_proof {
    struct str serial;
    struct str challenge;
    struct str hmac; /* hexadecimal */
};
/* The device has proved itself, durably. ERR_DEVICE_PROOF: it has not, whatever is wrong; the
 * errors of api_key_usable() but ERR_DEVICE_INACTIVE. The same again changes nothing. */
EP_MUST_CHECK enum err device_prove(struct ident *ident, const struct fleet *fleet,
                                    const struct device_proof *proof, int64_t now_ns,
                                    const struct device **ret_device, struct fail *fail);
/* Within DEVICE_PROVED_NS. */
bool device_proved_lately(const struct device *device, int64_t now_ns);
