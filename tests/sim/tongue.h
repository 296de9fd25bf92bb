/*
 * The dialects in which simulated upstreams answer: what each vendor's own API looks like on the
 * wire, whole and as a stream. Written from the vendors' descriptions.
 */
#pragma once

#include "base/buf.h"
#include "play.h"

#define TONGUE_TEXT_MAX 4096 /* bytes of whatever is made here, at most */

/* What an answer says. Tokens are counts of all there are: each dialect has its own way to tell. */
struct tongue_told {
    const char *model;
    const char *piece; /* of text */
    int64_t pieces;    /* said so far */
    int64_t prompt;
    int64_t cached; /* of these */
    int64_t completion;
    bool reports; /* usage */
    bool odd_sum; /* of what it reports, where there is a sum */
    int status;   /* of a refusal */
};

/* Parts of a stream in their order: its beginning, a piece of text, the end of the text, and the
 * end, with what it cost. Or an error within, a whole answer, a refusal. */
enum tongue_part {
    TONGUE_BEGIN,
    TONGUE_PIECE,
    TONGUE_TEXT_END,
    TONGUE_END,
    TONGUE_ERROR,
    TONGUE_WHOLE,
    TONGUE_REFUSAL,
    TONGUE_PARTS
};

void tongue_say(enum tongue tongue, enum tongue_part part, const struct tongue_told *told,
                struct buf *out);
/* What a request asks for. */
struct str tongue_cap_name(enum tongue tongue); /* with its colon */
bool tongue_wants_stream(enum tongue tongue, struct str target, struct str body);
int tongue_model(enum tongue tongue, struct str target, struct str body);
