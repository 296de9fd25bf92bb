/*
 * SentencePiece's vocabularies take a whole text for one piece, with U+2581 in the place of spaces.
 * No token has U+2581 behind another character, but for Gemma's ">\u2581</": so nothing merges over
 * the beginning of a run of U+2581, and the text is cut there, except in that one place. (Not to
 * cut is always exact.)
 */
#include <string.h>

#include "meter/split_internal.h"

#define SPACES_LENGTH 3 /* of U+2581: E2 96 81 */

static bool spaces_at(const struct split_text *text, const uint8_t *at)
{
    return text->end - at >= SPACES_LENGTH && at[0] == 0xE2 && at[1] == 0x96 && at[2] == 0x81;
}

const uint8_t *split_spaces(struct split_text *text, const uint8_t *at)
{
    const uint8_t *next = at;
    while (spaces_at(text, next)) {
        next += SPACES_LENGTH;
    }
    while (next < text->end) {
        const uint8_t *found = memchr(next, 0xE2, (size_t)(text->end - next));
        if (found == NULL) {
            return text->end;
        }
        if (!spaces_at(text, found)) {
            next = found + 1;
            continue;
        }
        const uint8_t *behind = found + SPACES_LENGTH;
        ASSERT(found > at);
        if (found[-1] != '>') {
            return found;
        }
        size_t left = (size_t)(text->end - behind);
        if (left < 2) {
            /* What decides is still to come; the cut is right if it never does. */
            text->open = true;
            return found;
        }
        if (behind[0] != '<' || behind[1] != '/') {
            return found;
        }
        next = behind;
    }
    return next;
}
