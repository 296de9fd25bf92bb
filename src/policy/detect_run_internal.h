/* A run: groups of digits and letters with gaps of a few separators between them. */
#pragma once

#include "policy/detect_internal.h"

#define DETECT_RUN_MAX 24 /* characters: 0086 and a mobile number, or a card's 19, and some more */
#define DETECT_GAP_MAX 3  /* separators between two groups: " - " */

struct detect_gap {
    uint8_t mask; /* DETECT_GAP_..., 0: no gap, or nothing on its other side */
    bool digit;   /* a digit is on its other side, not a letter */
    bool point;   /* one dot alone */
};

/* Small, for a run is made anew at each longer number. */
struct detect_group {
    uint16_t end; /* bytes of the text from the run's start on */
    uint8_t len;  /* characters of the run up to there */
    bool digits;  /* no letters */
    struct detect_gap behind;
};

struct detect_run {
    const char *start;
    struct detect_gap before;
    char sign; /* the character right in front, folded */
    uint8_t len;
    uint8_t count;
    char text[DETECT_RUN_MAX]; /* without the gaps, folded, capitals */
    struct detect_group groups[DETECT_RUN_MAX];
};

static inline unsigned detect_gap_kind(char folded)
{
    return folded == ' ' ? DETECT_GAP_SPACE : folded == '-' ? DETECT_GAP_DASH : DETECT_GAP_DOT;
}

/* Steps back from within a group to its first character. false: that is more than DETECT_RUN_MAX
 * characters away. */
EP_MUST_CHECK bool detect_group_start(const char *begin, const char **at);
/* Behind the last character of the group at `at`. */
const char *detect_group_end(const char *at, const char *end);
/* The gap before a group; moves to where it begins, if there is one. */
struct detect_gap detect_gap_before(const char *begin, const char **at);
/* Reads the groups from `start`, the first character of one, on. A group that is too long, as the
 * first or behind others, ends the run before it. */
void detect_run_read(struct detect_run *run, const struct detect_view *view, const char *start);
/* Whether the groups up to `last` belong together and to no others. */
bool detect_run_alone(const struct detect_run *run, size_t last);
