#include "dispatch/line.h"

static struct line_spot *line_spot_of(struct node *node)
{
    return EP_CONTAINER(node, struct line_spot, node);
}

void line_init(struct line *line)
{
    list_init(&line->spots);
    line->count = 0;
}

/* ---- who wants what ----------------------------------------------------------------------- */

/* `sign`: 1, or -1 to take it back. Sums that belong together may be seen an instant apart: a call
 * that leaves one place too many or too few to others for that long is served in its next try. */
static void line_count(const struct line_spot *spot, int sign)
{
    uint64_t one = sign > 0 ? 1 : UINT64_MAX;
    int64_t tokens = sign * spot->tokens;
    for (size_t i = 0; i < spot->goal_count; i++) {
        struct line_goal *goal = spot->goals[i];
        atomic_fetch_add_explicit(&goal->calls, one, memory_order_relaxed);
        atomic_fetch_add_explicit(&goal->tokens, tokens, memory_order_relaxed);
        if (!spot->yields) {
            atomic_fetch_add_explicit(&goal->firm, one, memory_order_relaxed);
            atomic_fetch_add_explicit(&goal->firm_tokens, tokens, memory_order_relaxed);
        }
    }
}

void line_want(struct line_spot *spot, struct line_goal **goals, size_t count)
{
    ASSERT(node_linked(&spot->node));
    line_count(spot, -1);
    spot->goals = goals;
    spot->goal_count = count;
    line_count(spot, 1);
}

static bool line_wants(const struct line_spot *spot, const struct line_goal *goal)
{
    size_t at = 0;
    while (at < spot->goal_count && spot->goals[at] != goal) {
        at++;
    }
    return at < spot->goal_count;
}

struct line_sum line_before(const struct line *line, const struct line_spot *spot,
                            const struct line_goal *goal)
{
    struct line_sum sum = { 0 };
    ASSERT(node_linked(&spot->node));
    for (struct node *node = line->spots.next; node != &spot->node; node = node->next) {
        ASSERT(node != &line->spots);
        const struct line_spot *other = line_spot_of(node);
        if (line_wants(other, goal)) {
            sum.calls++;
            sum.tokens += other->tokens;
        }
    }
    return sum;
}

struct line_sum line_before_new(const struct line_goal *goal, bool yields)
{
    return (struct line_sum){
        .calls = atomic_load_explicit(yields ? &goal->calls : &goal->firm, memory_order_relaxed),
        .tokens =
            atomic_load_explicit(yields ? &goal->tokens : &goal->firm_tokens, memory_order_relaxed),
    };
}

/* ---- who stands where --------------------------------------------------------------------- */

/* Whether `other` keeps its place before one of that turn that comes now. */
static bool line_is_before(const struct line_spot *other, const struct line_spot *spot)
{
    return other->yields != spot->yields ? spot->yields : other->turn <= spot->turn;
}

/* Behind all whose turn is not later. */
static void line_place(struct line *line, struct line_spot *spot)
{
    struct node *before = line->spots.prev;
    while (before != &line->spots && !line_is_before(line_spot_of(before), spot)) {
        before = before->prev;
    }
    list_push_front(before, &spot->node); /* behind `before`: a list is a node of its own */
}

/* Calls of one client that take turns with each other. */
static bool line_of_one(const struct line_spot *a, const struct line_spot *b)
{
    return a->yields == b->yields && id_eq(a->client, b->client);
}

void line_join(struct line *line, struct line_spot *spot)
{
    ASSERT(!node_linked(&spot->node) && spot->tokens >= 0);
    spot->turn = 0;
    LIST_EACH(node, &line->spots) {
        spot->turn += line_of_one(line_spot_of(node), spot) ? 1 : 0;
    }
    line_place(line, spot);
    line->count++;
    line_count(spot, 1);
}

/* The client's later calls move up, each behind those of others whose turn is the same now. */
static void line_move_up(struct line *line, const struct line_spot *gone, struct node *from)
{
    for (struct node *node = from; node != &line->spots;) {
        struct line_spot *later = line_spot_of(node);
        node = node->next;
        if (line_of_one(later, gone) && later->turn > gone->turn) {
            node_unlink(&later->node);
            later->turn--;
            line_place(line, later);
        }
    }
}

void line_leave(struct line *line, struct line_spot *spot)
{
    ASSERT(node_linked(&spot->node) && line->count > 0);
    struct node *next = spot->node.next;
    node_unlink(&spot->node);
    line->count--;
    line_count(spot, -1);
    line_move_up(line, spot, next);
}
