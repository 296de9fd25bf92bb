/* Groups of digits and letters, and how they hang together. */
#include "policy/detect_run_internal.h"

bool detect_group_start(const char *begin, const char **at)
{
    const char *start = *at;
    for (unsigned i = 0; start > begin; i++) {
        struct detect_char before = detect_char_before(begin, start);
        if (before.kind != DETECT_DIGIT && before.kind != DETECT_LETTER) {
            break;
        }
        if (i == DETECT_RUN_MAX) {
            return false;
        }
        start -= before.len;
    }
    *at = start;
    return true;
}

const char *detect_group_end(const char *at, const char *end)
{
    while (at < end) {
        struct detect_char next = detect_char_at(at, end);
        if (next.kind != DETECT_DIGIT && next.kind != DETECT_LETTER) {
            break;
        }
        at += next.len;
    }
    return at;
}

/* What `count` separators tie to the group, with a character of that kind on their other side. */
static struct detect_gap detect_gap_to(enum detect_char_kind kind, unsigned mask, unsigned count)
{
    if (count == 0 || (kind != DETECT_DIGIT && kind != DETECT_LETTER)) {
        return (struct detect_gap){ 0 };
    }
    return (struct detect_gap){ .mask = (uint8_t)mask,
                                .digit = kind == DETECT_DIGIT,
                                .point = mask == DETECT_GAP_DOT && count == 1 };
}

/* The separators at `at`, if a digit or letter follows; moves there. */
static struct detect_gap detect_gap_behind(const char **at, const char *end)
{
    struct detect_char found = { DETECT_OTHER, '\0', 0 };
    const char *next = *at;
    unsigned mask = 0;
    unsigned count = 0;
    while (next < end) {
        found = detect_char_at(next, end);
        if (found.kind != DETECT_GAP || count == DETECT_GAP_MAX) {
            break;
        }
        mask |= detect_gap_kind(found.folded);
        next += found.len;
        count++;
    }
    struct detect_gap gap = detect_gap_to(found.kind, mask, count);
    *at = gap.mask != 0 ? next : *at;
    return gap;
}

struct detect_gap detect_gap_before(const char *begin, const char **at)
{
    struct detect_char found = { DETECT_OTHER, '\0', 0 };
    const char *before = *at;
    unsigned mask = 0;
    unsigned count = 0;
    while (before > begin) {
        found = detect_char_before(begin, before);
        if (found.kind != DETECT_GAP || count == DETECT_GAP_MAX) {
            break;
        }
        mask |= detect_gap_kind(found.folded);
        before -= found.len;
        count++;
    }
    struct detect_gap gap = detect_gap_to(found.kind, mask, count);
    *at = gap.mask != 0 ? before : *at;
    return gap;
}

static char detect_upper(char byte)
{
    if (byte >= 'a' && byte <= 'z') {
        return (char)(byte & ~0x20);
    }
    return byte;
}

/* Takes one group; false if it is longer than there is room. */
static bool detect_run_group(struct detect_run *run, const char **at, const char *end)
{
    struct detect_group *group = &run->groups[run->count];
    *group = (struct detect_group){ .digits = true };
    while (*at < end) {
        struct detect_char next = detect_char_at(*at, end);
        if (next.kind != DETECT_DIGIT && next.kind != DETECT_LETTER) {
            break;
        }
        if (run->len == DETECT_RUN_MAX) {
            return false;
        }
        run->text[run->len++] = detect_upper(next.folded);
        group->digits = group->digits && next.kind == DETECT_DIGIT;
        *at += next.len;
    }
    group->end = (uint16_t)(*at - run->start);
    group->len = run->len;
    return true;
}

void detect_run_read(struct detect_run *run, const struct detect_view *view, const char *start)
{
    const char *before = start;
    run->start = start;
    run->len = 0;
    run->count = 0;
    run->before = detect_gap_before(view->begin, &before);
    run->sign = '\0';
    if (start > view->begin) {
        run->sign = detect_char_before(view->begin, start).folded;
    }
    bool more = true;
    for (const char *at = start; more && run->count < DETECT_RUN_MAX;) {
        if (!detect_run_group(run, &at, view->end)) {
            break;
        }
        struct detect_gap *gap = &run->groups[run->count].behind;
        *gap = detect_gap_behind(&at, view->end);
        more = gap->mask != 0;
        run->count++;
    }
}

/* Whether the gap ties two groups of digits together in the way that `gap` ties others. */
static bool detect_gap_like(const struct detect_gap *other, const struct detect_gap *gap)
{
    return other->digit && other->mask == gap->mask;
}

bool detect_run_alone(const struct detect_run *run, size_t last)
{
    ASSERT(last < run->count);
    const struct detect_gap *behind = &run->groups[last].behind;
    if (last == 0) {
        return !(run->before.point && run->before.digit) && !(behind->point && behind->digit);
    }
    const struct detect_gap *inner = &run->groups[0].behind;
    if (last == 1 && inner->point) {
        return false;
    }
    if (!run->before.digit && !behind->digit) {
        return true;
    }
    for (size_t i = 1; i < last; i++) {
        if (run->groups[i].behind.mask != inner->mask) {
            return false;
        }
    }
    return !detect_gap_like(&run->before, inner) && !detect_gap_like(behind, inner);
}
