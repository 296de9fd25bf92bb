/*
 * How a fleet's devices are spoken with: what differs from their product (registry_voice.h), so
 * that each kind of toy has a voice and a character of its own, and how much they may talk.
 *
 * Threads: as in ident.h. What a fleet has said lives until ident_close(), also when it says
 * something else meanwhile: a session may have it in its hand. A change is an operator's act; some
 * kilobytes of each stay until the next start.
 */
#pragma once

#include "ident/fleet.h"

#define FLEET_INSTRUCTIONS_MAX 4000 /* bytes, as of a product */

enum fleet_voice_text {
    FLEET_VOICE_HEAR,  /* the id of the model that hears, */
    FLEET_VOICE_THINK, /* that answers, */
    FLEET_VOICE_SPEAK, /* and that speaks */
    FLEET_VOICE_VOICE, /* of the last, as its source names it */
    FLEET_VOICE_LANGUAGE,
    FLEET_VOICE_INSTRUCTIONS,
    FLEET_VOICE_TEXTS
};

struct fleet_voice {
    struct str texts[FLEET_VOICE_TEXTS]; /* empty: as the product says */
    int64_t turns_minute;                /* > 0; FLEET_CAP_NONE: as all (docs/voice.md) */
    int64_t session_minutes;             /* likewise */
};

/* What the fleet says now; NULL: nothing. */
const struct fleet_voice *fleet_voice(const struct fleet *fleet);
const char *fleet_voice_text_name(enum fleet_voice_text text); /* "hear" */
size_t fleet_voice_text_max(enum fleet_voice_text text);       /* bytes */
/* In the place of all that it said before. Models are not checked here: the registry knows them.
 * ERR_NOT_FOUND: no such fleet; ERR_CONFLICT: its client was erased; ERR_ASK_INVALID: a text or a
 * number, `fail` says which. Durable when it returns ERR_OK, and for the next question. */
EP_MUST_CHECK enum err fleet_set_voice(struct ident *ident, struct id fleet,
                                       const struct fleet_voice *voice, int64_t now_ns,
                                       struct fail *fail);
