/*
 * Sentences, cut out of a text as it comes: what is spoken is asked for a sentence at a time, so
 * that the first is heard while the last is still being thought. Pure; where a text is cut does not
 * depend on the pieces in which it comes.
 *
 * A sentence ends behind . ! ? and the like where white space follows (not in "3.14"), behind
 * their wide forms (U+3002, U+FF01, U+FF1F) whatever follows, and at the end of a line; quotes and
 * brackets that close belong to it. What goes on for longer than SENTENCE_MAX is cut behind its
 * last comma or space, or between two characters.
 *
 * What has no letter and no digit of any script is no sentence and is left out: "***", an emoji.
 */
#pragma once

#include "base/buf.h"

#define SENTENCE_MAX     ((size_t)400)     /* bytes: 30 s of speech; less is heard sooner */
#define SENTENCE_PENDING ((size_t)1 << 20) /* of text that was fed and not yet cut: a long delta */

struct sentence {
    struct buf text;
    size_t taken; /* of it, from the front: goes when more is fed */
};

void sentence_init(struct sentence *sentence);
void sentence_fini(struct sentence *sentence);
/* UTF-8. ERR_LIMIT or ERR_NO_MEMORY. */
EP_MUST_CHECK enum err sentence_feed(struct sentence *sentence, struct str text);
/* The next that is complete, or, `ended`, what is left: valid until more is fed. False: none. */
EP_MUST_CHECK bool sentence_next(struct sentence *sentence, bool ended, struct str *ret_text);
