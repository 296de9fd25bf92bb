/*
 * What a maker's systems send to issue and change devices: JSON into orders, each fault with the
 * member that has it. Pure. Inside the front only.
 *
 *   {"device_id": "KT-000123", "consent": {"reference": "c-77", "given": "2026-11-01"},
 *    "expires": "2028-01-01", "caps": {"money_day": "0.05", "calls_day": 200, ...},
 *    "active": false, "rotate": true, "proof": true}
 *   {"devices": [...]}
 *
 * All but the id may be left out or null. Amounts are decimal, as JSON numbers or strings, in the
 * client's currency; other caps are whole numbers; null is no cap. Members that are not known are
 * refused: one that was misspelt would be a cap that is not there.
 */
#pragma once

#include "base/arena.h"
#include "ident/issue.h"

#define DEVICE_FIELD_MAX 64 /* "devices[999].consent.reference" and longer */

/* Where a body is wrong. */
struct device_fault {
    char field[DEVICE_FIELD_MAX]; /* the member, as in "devices[3].caps.calls_day"; "": the body */
};

/*
 * Reads one order, or a list of them, which live in `arena`; what is left out has the fleet's caps.
 * *ret_list: it was a list. ERR_JSON_SYNTAX, ERR_ASK_MISSING, ERR_ASK_INVALID, ERR_ASK_DUPLICATE,
 * ERR_ASK_UNSUPPORTED (a member), ERR_LIMIT (too many), ERR_NO_MEMORY.
 */
EP_MUST_CHECK enum err device_orders_read(struct str body, const struct fleet *fleet,
                                          struct arena *arena, struct device_order **ret_orders,
                                          size_t *ret_count, bool *ret_list,
                                          struct device_fault *fault, struct fail *fail);

/* {"reference": "c-77", "given": "2026-11-01"}, or {"reference": null}: withdrawn, and
 * *ret_reference is empty. */
EP_MUST_CHECK enum err device_consent_read(struct str body, struct arena *arena,
                                           struct str *ret_reference, int64_t *ret_given_ns,
                                           struct device_fault *fault, struct fail *fail);
/* {"wake": 17}: the device's own number; or {} or nothing: 0. */
EP_MUST_CHECK enum err device_wake_read(struct str body, int64_t *ret_seq,
                                        struct device_fault *fault, struct fail *fail);
/* {"code": "123456"}; or {} or nothing: empty. */
EP_MUST_CHECK enum err device_code_read(struct str body, struct arena *arena, struct str *ret_code,
                                        struct device_fault *fault, struct fail *fail);
