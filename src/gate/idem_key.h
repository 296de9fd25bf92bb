/*
 * The Idempotency-Key header (draft-ietf-httpapi-idempotency-key-header-07): a string of RFC 8941
 * in quotes, or the bare value that most clients send. Pure.
 */
#pragma once

#include "wire/http1.h"

/* The draft asks servers to bound it; a UUID has 36, and what embeds an order or a session, 100. */
#define IDEM_KEY_MAX 255
/* What one that is none is refused with. */
#define IDEM_KEY_TEXT \
    "Idempotency-Key must be one header of 1 to 255 visible ASCII characters, bare or in quotes."

/*
 * The key without quotes and escapes, the same for both forms; empty: the header is not there.
 * `room` holds it where it has escapes. ERR_ASK_INVALID: the header stands there twice, or is not
 * of 1 to IDEM_KEY_MAX visible ASCII characters.
 */
EP_MUST_CHECK enum err idem_key_read(const struct http1_head *head, char room[IDEM_KEY_MAX],
                                     struct str *ret_key);
