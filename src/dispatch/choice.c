#include "dispatch/choice.h"

#define CHOICE_LOG_SHIFT 32 /* binary digits behind the point of a logarithm */

/* ---- the best, and who is near it --------------------------------------------------------- */

/* <0: a goes before b; 0: neither. */
static int choice_class(const struct choice_option *a, const struct choice_option *b)
{
    if (a->rank != b->rank) {
        return a->rank < b->rank ? -1 : 1;
    }
    return (int)a->ailing - (int)b->ailing;
}

static size_t choice_top(const struct choice_option *options, size_t count)
{
    size_t top = CHOICE_NONE;
    for (size_t i = 0; i < count; i++) {
        ASSERT(options[i].out || (options[i].score >= 0 && options[i].score <= CHOICE_SCORE_MAX));
        if (options[i].out) {
            continue;
        }
        int order = top == CHOICE_NONE ? -1 : choice_class(&options[i], &options[top]);
        if (order < 0 || (order == 0 && options[i].score < options[top].score)) {
            top = i;
        }
    }
    return top;
}

bool choice_is_near(const struct choice_option *options, size_t best, size_t other,
                    uint64_t near_percent)
{
    const struct choice_option *a = &options[best];
    const struct choice_option *b = &options[other];
    return !b->out && choice_class(a, b) == 0 &&
           b->score * 100 <= a->score * (money_wide)(100 + near_percent);
}

/* ---- by weight ---------------------------------------------------------------------------- */

/* Well mixed: keys and chances may be small numbers in a row. */
static uint64_t choice_mix(uint64_t value)
{
    value = (value ^ value >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    value = (value ^ value >> 27) * UINT64_C(0x94d049bb133111eb);
    return value ^ value >> 31;
}

/* -log2(value / 2^64), straight between powers of two: near 0, where it decides, the same but for
 * a factor. value > 0. */
static uint64_t choice_log(uint64_t value)
{
    unsigned zeros = (unsigned)__builtin_clzll(value);
    uint64_t mantissa = value << zeros << 1; /* without its leading one */
    uint64_t below = UINT64_MAX - mantissa;
    return ((uint64_t)zeros << CHOICE_LOG_SHIFT) + (below >> (64 - CHOICE_LOG_SHIFT));
}

/* Rendezvous hashing: each option draws a number from the key and its own name, and the smallest
 * wins; -log(u)/weight is smallest in proportion to the weight. Only the keys of an option that
 * comes or goes move. */
static money_wide choice_draw(const struct choice_option *option, uint64_t key)
{
    uint64_t drawn = choice_mix(option->hash ^ choice_mix(key));
    return ((money_wide)choice_log(drawn | 1) << CHOICE_LOG_SHIFT) / (money_wide)option->weight;
}

/* Of the near ones that bear less than `share` allows: the key's; CHOICE_NONE: all bear more. */
static size_t choice_by_key(const struct choice_option *options, size_t count, size_t top,
                            const struct choice_how *how, uint64_t key, bool bounded)
{
    uint64_t load = 1;
    uint64_t weight = 0;
    for (size_t i = 0; i < count; i++) {
        if (choice_is_near(options, top, i, how->near_percent)) {
            load += options[i].under_way;
            weight += options[i].weight;
        }
    }
    size_t best = CHOICE_NONE;
    money_wide best_draw = 0;
    for (size_t i = 0; i < count; i++) {
        if (!choice_is_near(options, top, i, how->near_percent)) {
            continue;
        }
        money_wide bears = (money_wide)(options[i].under_way + 1) * (money_wide)weight * 100;
        money_wide share = (money_wide)load * (money_wide)options[i].weight * CHOICE_SHARE_PERCENT;
        bool over = bears > share && options[i].under_way >= CHOICE_SHARE_CALLS;
        money_wide draw = choice_draw(&options[i], key);
        if ((!bounded || !over) && (best == CHOICE_NONE || draw < best_draw)) {
            best = i;
            best_draw = draw;
        }
    }
    return best;
}

size_t choice_affine(const struct choice_option *options, size_t count,
                     const struct choice_how *how)
{
    size_t top = choice_top(options, count);
    return top == CHOICE_NONE || how->affinity == 0
               ? CHOICE_NONE
               : choice_by_key(options, count, top, how, how->affinity, false);
}

/* ---- by load ------------------------------------------------------------------------------ */

/* The `nth` near one, from 0. */
static size_t choice_near_at(const struct choice_option *options, size_t top, uint64_t percent,
                             uint64_t nth)
{
    size_t at = 0;
    while (!choice_is_near(options, top, at, percent) || nth-- > 0) {
        at++;
    }
    return at;
}

/* Calls under way to a place, were this call there too; then the score; then the order. */
static bool choice_is_freer(const struct choice_option *options, size_t a, size_t b)
{
    money_wide load_a = (money_wide)(options[a].under_way + 1) * (money_wide)options[b].weight;
    money_wide load_b = (money_wide)(options[b].under_way + 1) * (money_wide)options[a].weight;
    if (load_a != load_b) {
        return load_a < load_b;
    }
    return options[a].score != options[b].score ? options[a].score < options[b].score : a < b;
}

/* Two that chance names, and of them the freer: nearly as even as the freest of all, and no crowd
 * runs to the one that was free a moment ago. */
static size_t choice_of_two(const struct choice_option *options, size_t count, size_t top,
                            const struct choice_how *how)
{
    uint64_t near = 0;
    for (size_t i = 0; i < count; i++) {
        near += choice_is_near(options, top, i, how->near_percent);
    }
    if (near == 1) {
        return top;
    }
    uint64_t chance = choice_mix(how->chance);
    uint64_t first = (chance & UINT32_MAX) % near;
    uint64_t second = (first + 1 + (chance >> 32) % (near - 1)) % near;
    size_t a = choice_near_at(options, top, how->near_percent, first);
    size_t b = choice_near_at(options, top, how->near_percent, second);
    return choice_is_freer(options, a, b) ? a : b;
}

size_t choice_best(const struct choice_option *options, size_t count, const struct choice_how *how)
{
    size_t top = choice_top(options, count);
    if (top == CHOICE_NONE) {
        return CHOICE_NONE;
    }
    if (how->drawn && how->affinity == 0) {
        return choice_by_key(options, count, top, how, how->chance, false);
    }
    size_t best = how->affinity == 0 ? CHOICE_NONE
                                     : choice_by_key(options, count, top, how, how->affinity, true);
    return best != CHOICE_NONE ? best : choice_of_two(options, count, top, how);
}
