/* Cuts of a text as a test writes them: "it's| fine" for the pieces of "it's fine". */
#pragma once

#include <string.h>

#include "classes.h"
#include "harness.h"
#include "meter/split.h"

#define PIECES_MAX 256 /* bytes */

struct pieces {
    char text[PIECES_MAX];
    size_t len;
    size_t ends[PIECES_MAX];
    size_t count;
};

static inline struct pieces pieces_read(const char *cut)
{
    struct pieces pieces = { .len = 0 };
    for (; *cut != '\0'; cut++) {
        CHECK(pieces.len < PIECES_MAX);
        if (*cut == '|') {
            pieces.ends[pieces.count++] = pieces.len;
        } else {
            pieces.text[pieces.len++] = *cut;
        }
    }
    pieces.ends[pieces.count++] = pieces.len;
    return pieces;
}

/* The text is cut so; and of each of its beginnings, what is final is cut so too. */
static inline void pieces_check(const struct vocab_split *split, const char *cut)
{
    struct pieces want = pieces_read(cut);
    for (size_t len = 1; len <= want.len; len++) {
        struct str text = test_at_page_end((struct str){ want.text, len });
        size_t at = 0;
        for (size_t i = 0; i < want.count && at < len; i++) {
            bool over = len == want.len;
            size_t next = split_next(split, classes_table(), text, at, over);
            if (next == 0 && !over) {
                break;
            }
            if (next != want.ends[i]) {
                test_failed(EP_SITE, "\"%s\": piece %zu of its first %zu bytes ends at %zu", cut, i,
                            len, next);
            }
            at = next;
        }
    }
}
