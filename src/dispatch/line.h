/*
 * The line of calls that wait for a place: who stands before whom, and for what.
 *
 * Fair order: first those that do not yield, then those that do (flex); of each, the first call of
 * every client, then the second of every client, and so on; of equals, whoever came first. So a
 * client's first call is served after at most one call of each other client, whoever sends how
 * many; and what yields is served when nobody else wants the same.
 *
 * A spot names the goals that its call would be served by, each of which has so many places
 * (credentials, pools). Whoever wants a place of a goal leaves one for each spot before it that
 * wants it too: the spots' own calls do so, and those that have not waited yet, which stand behind
 * all but what yields to them.
 *
 * No lock of its own: one thread at a time. The sums of a goal may be read by any.
 */
#pragma once

#include <stdatomic.h>

#include "base/id.h"
#include "base/list.h"

/* What is wanted by a number of calls. */
struct line_sum {
    uint64_t calls;
    int64_t tokens; /* that they are expected to take */
};

/* Zeroed at first; outlives the spots that name it. */
struct line_goal {
    _Atomic uint64_t calls; /* that wait for it, */
    _Atomic uint64_t firm;  /* and of these, that do not yield; */
    _Atomic int64_t tokens; /* likewise what they will take */
    _Atomic int64_t firm_tokens;
};

/* One call in the line. The caller fills in the first members, before it joins. */
struct line_spot {
    struct id client;
    bool yields;
    int64_t tokens;           /* 0 and more */
    struct line_goal **goals; /* each once; as long as it stands here */
    size_t goal_count;
    struct node node; /* in the line's order; unlinked: not in it */
    size_t turn;      /* how many of its client's calls of its kind stand before it */
};

struct line {
    struct node spots;
    size_t count;
};

void line_init(struct line *line);
/* To its place in the fair order. */
void line_join(struct line *line, struct line_spot *spot);
void line_leave(struct line *line, struct line_spot *spot);
/* It wants something else now, and keeps its place. */
void line_want(struct line_spot *spot, struct line_goal **goals, size_t count);
/* What those before the spot want of the goal. */
struct line_sum line_before(const struct line *line, const struct line_spot *spot,
                            const struct line_goal *goal);
/* What those want of it that stand before whoever has not waited yet. Any thread. */
struct line_sum line_before_new(const struct line_goal *goal, bool yields);
