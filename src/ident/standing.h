/*
 * Where a client stands with the law: the party of the registry that it is, or, of one who bought
 * online, what it said of itself and which text it accepted, when. Each change is a row of its own
 * that nothing overwrites; the last one counts.
 *
 * Threads: as in ident.h. A standing lives until ident_close().
 */
#pragma once

#include "base/country.h"
#include "ident/ident.h"

#define STANDING_SHA256_LEN 64

struct standing {
    struct str party; /* of the registry; empty: see below */
    /* of one who bought online */
    country_t country; /* of residence or registration; COUNTRY_NONE: not known */
    country_t billing_country;
    struct str client_type;      /* "developer", as the registry calls it; empty: not known */
    struct str agreement;        /* the text that was accepted; empty: none */
    struct str agreement_sha256; /* of its document, 64 digits */
    int64_t accepted_ns;         /* 0: none */
    int64_t set_ns;
};

/* Never NULL: a client of whom nothing was said has a standing that says nothing. */
const struct standing *client_standing(const struct client *client);
/*
 * The texts are copied. ERR_NOT_FOUND: no such client. ERR_ASK_INVALID: a text is too long or holds
 * control characters; an agreement without its sum or time. What the registry knows is not checked
 * here: a party that is in none closes nothing.
 */
EP_MUST_CHECK enum err client_set_standing(struct ident *ident, struct id client,
                                           const struct standing *standing, struct fail *fail);
