/*
 * What was said in a voice session, as far as a model is told it again: in memory alone, bounded,
 * the oldest turns forgotten first, and gone with the session. Never stored, never logged. Pure.
 */
#pragma once

#include "base/buf.h"

struct jsonw;

#define VOICE_TURNS_MAX   8                  /* a toy's talk has no longer threads */
#define VOICE_HISTORY_MAX ((size_t)8 * 1024) /* bytes: 2,000 tokens, paid for again each turn */

struct voice_history {
    struct buf json; /* of each turn two messages, with a comma between */
    size_t lens[VOICE_TURNS_MAX];
    size_t count;
};

void voice_history_init(struct voice_history *history);
void voice_history_fini(struct voice_history *history);
/* What was asked, and what of the answer was spoken (not empty). Without memory for it, or if it is
 * longer than all that is kept, it is forgotten: the conversation goes on. */
void voice_history_add(struct voice_history *history, struct str asked, struct str said);
/* The messages, oldest first, as members of the list that is open. */
void voice_history_write(const struct voice_history *history, struct jsonw *json);
