/*
 * As whom a toy speaks: what its fleet says (ident/fleet_voice.h), and what its product says where
 * the fleet says nothing. Pure. Texts live as long as the registry of the product.
 */
#pragma once

#include "ident/fleet_voice.h"
#include "registry/registry.h"

/* Unless a fleet says otherwise. A turn is a question: who asks one every three seconds for a whole
 * minute does not wait for the answers. */
#define VOICE_TURNS_MINUTE 20
/* A toy that was left on listens in a child's room: who still talks wakes it again. */
#define VOICE_SESSION_MINUTES 60

struct voice_as {
    struct str texts[FLEET_VOICE_TEXTS]; /* of language and instructions: may be empty */
    bool own[FLEET_VOICE_TEXTS];         /* the fleet says so */
    int64_t turns_minute;
    int64_t session_minutes;
};

/* `fleet` NULL: the key is no device's. False: it is not said which models hear, answer and speak,
 * or in which voice; *ret_as tells what is missing by being empty. */
EP_MUST_CHECK bool voice_as_of(const struct registry_product *product, const struct fleet *fleet,
                               struct voice_as *ret_as);
