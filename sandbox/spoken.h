/*
 * One response of a realtime session, as events: its beginning, a step for each word (or for each
 * fragment of a called tool's arguments), its end, which may come at any time. What is said aloud
 * is told word by word with its sound. Pure.
 *
 * Usage: the text of the conversation by the lexicon or the scale, as a chat's; sound that is heard
 * has 10 tokens a second, sound that is said 20, and its text beside them.
 */
#pragma once

#include "items.h"
#include "speaker.h"

#define SPOKEN_ID_MAX   32
#define SPOKEN_META_MAX ((size_t)1 << 16)

enum spoken_end {
    SPOKEN_WHOLE,
    SPOKEN_CANCELLED,  /* by the client */
    SPOKEN_INTERRUPTED /* by somebody who began to speak */
};

struct spoken {
    struct persona_ask ask;
    const struct persona_options *options;
    struct buf said;  /* so far */
    struct buf piece; /* the sound of one word */
    struct buf metadata;
    char id[SPOKEN_ID_MAX];
    char item[SPOKEN_ID_MAX];
    char call[SPOKEN_ID_MAX];
    char conversation[SPOKEN_ID_MAX]; /* that it is of; empty: of none */
    char previous[ITEM_ID_MAX + 1];   /* the item before; empty: there is none */
    bool aloud;
    bool narrow; /* the sound is of G.711 */
    bool capped; /* it ended for its cap, of which sound is a part */
    int64_t cap; /* tokens; 0: none */
    int64_t at;
    int64_t heard_ms; /* of sound in its input */
    int64_t sound;    /* bytes said */
};

void spoken_init(struct spoken *spoken, const struct persona_options *options);
void spoken_fini(struct spoken *spoken);
void spoken_begin(const struct spoken *spoken, struct speaker *speaker);
/* The next step. False: there is none; or no memory for it (the speaker is broken then). */
EP_MUST_CHECK bool spoken_step(struct spoken *spoken, struct speaker *speaker);
void spoken_finish(struct spoken *spoken, struct speaker *speaker, enum spoken_end how);
/* What came of it, as an item. */
void spoken_put_item(const struct spoken *spoken, struct jsonw *json, const char *status);
