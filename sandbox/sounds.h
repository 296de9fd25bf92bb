/*
 * What the sandbox says aloud and hears. Pure. The same request always gets the same answer.
 *
 * Speech is a tone, as WAV or as plain samples (24 kHz, 16 bits, one channel), 60 ms for each
 * character; whatever format was asked for beside PCM, it is WAV. What is heard in a recording is
 * how long it is: what cannot be told by its container is refused as what cannot be decoded.
 */
#pragma once

#include "persona.h"

int64_t sounds_ms(struct str text); /* how long it takes to say */
/* Appends a text as it is said aloud: samples as of PCM; `narrow`: of G.711, 8,000 a second. */
EP_MUST_CHECK enum err sounds_word(struct str text, bool narrow, struct buf *out);

struct sounds_made {
    const char *type; /* the answer's content type; static */
    bool stream;      /* in pieces: events, or of `piece` bytes */
    size_t piece;     /* 0: events */
};

/* OpenAI's /audio/speech. False: refused, as `ret_fault` says, and `out` is to be forgotten. */
EP_MUST_CHECK bool sounds_say(struct str body, const struct persona_options *options,
                              struct buf *out, struct sounds_made *ret_made,
                              struct persona_fault *ret_fault);
/* OpenAI's /audio/transcriptions, or (`translate`) /translations: a form, of that content type. */
EP_MUST_CHECK bool sounds_hear(struct str type, struct str body, bool translate,
                               const struct persona_options *options, struct buf *out,
                               struct sounds_made *ret_made, struct persona_fault *ret_fault);
