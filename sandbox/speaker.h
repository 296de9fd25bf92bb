/*
 * How a realtime session's server says its events: one JSON object each, with a type and a number.
 */
#pragma once

#include "persona.h"
#include "wire/jsonw.h"

#define SPEAKER_EVENT_MAX ((size_t)32 << 20) /* a session's or an item's own, told again */

struct speaker {
    void (*say)(struct speaker *speaker, struct str event);
    struct buf text; /* of the one being written */
    struct jsonw json;
    uint64_t events;
    bool broken; /* there was no room for one: the session has to end */
};

void speaker_init(struct speaker *speaker, void (*say)(struct speaker *speaker, struct str event));
void speaker_fini(struct speaker *speaker);
/* An event begins; its members are written to what is returned, and speaker_close() says it. */
struct jsonw *speaker_open(struct speaker *speaker, const char *type);
void speaker_close(struct speaker *speaker);
/* `event_id`: of the client's event that is to blame: a JSON string, or empty. */
void speaker_error(struct speaker *speaker, const struct persona_fault *fault, struct str event_id);
