#include "policy/detect.h"

#include <string.h>

#include "policy/detect_internal.h"

#define DETECT_KEEP (DETECT_BACK + DETECT_AHEAD)
/* A piece so long is looked at where it stands; shorter ones are gathered in the window. */
#define DETECT_LONG ((size_t)2 * DETECT_KEEP)

_Static_assert(DETECT_WINDOW >= 2 * DETECT_KEEP, "what is kept and the front of a piece have room");

#define DETECT_AS_ROW(name, text) [DETECT_##name] = STR_INIT(text),
static const struct str detect_names[] = { DETECT_CLASS_TABLE(DETECT_AS_ROW) };
#undef DETECT_AS_ROW

struct str detect_class_name(enum detect_class class)
{
    ASSERT(class < DETECT_CLASSES);
    return detect_names[class];
}

bool detect_class_find(struct str name, enum detect_class *ret_class)
{
    for (size_t i = 0; i < DETECT_CLASSES; i++) {
        if (str_eq(detect_names[i], name)) {
            *ret_class = (enum detect_class)i;
            return true;
        }
    }
    return false;
}

void detect_begin(struct detector *detector, const struct detect_rules *rules, int32_t today)
{
    memset(detector, 0, offsetof(struct detector, window)); /* of the window only `len` is read */
    detector->rules = rules;
    detector->today = today;
}

void detect_slide(struct detector *detector)
{
    ASSERT(detector->scanned >= detector->base);
    size_t from = (size_t)(detector->scanned - detector->base);
    if (detector->len > from + DETECT_AHEAD) {
        struct detect_block block = { detector->window, detector->len, detector->base };
        size_t to = detector->len - DETECT_AHEAD;
        detect_scan(detector, &block, from, to);
        detector->scanned = detector->base + to;
        from = to;
    }
    if (from > DETECT_BACK) {
        size_t drop = from - DETECT_BACK;
        memmove(detector->window, detector->window + drop, detector->len - drop);
        detector->len -= (uint32_t)drop;
        detector->base += drop;
    }
}

static void detect_gather(struct detector *detector, struct str text)
{
    ASSERT(text.len <= DETECT_WINDOW - detector->len);
    if (text.len > 0) {
        memcpy(detector->window + detector->len, text.ptr, text.len);
        detector->len += (uint32_t)text.len;
    }
}

/* The window bridges the end of what was before and the front of the piece; the rest of the piece
 * is looked at in place, and its end goes to the window. */
static void detect_feed_long(struct detector *detector, struct str text)
{
    detect_slide(detector);
    uint64_t base = detector->base + detector->len;
    detect_gather(detector, str_slice(text, 0, DETECT_KEEP));
    detect_slide(detector);
    ASSERT(detector->scanned == base + DETECT_BACK);

    struct detect_block block = { text.ptr, text.len, base };
    detect_scan(detector, &block, DETECT_BACK, text.len - DETECT_AHEAD);
    detector->scanned = base + text.len - DETECT_AHEAD;
    detector->base = detector->scanned - DETECT_BACK;
    detector->len = 0;
    detect_gather(detector, str_from_at(text, text.len - DETECT_KEEP));
}

void detect_feed(struct detector *detector, struct str text)
{
    ASSERT(detector->rules != NULL);
    if (text.len >= DETECT_LONG) {
        detect_feed_long(detector, text);
        return;
    }
    while (text.len > 0) {
        size_t room = DETECT_WINDOW - detector->len;
        size_t take = text.len < room ? text.len : room;
        detect_gather(detector, str_slice(text, 0, take));
        text = str_from_at(text, take);
        if (detector->len == DETECT_WINDOW) {
            detect_slide(detector);
        }
    }
}

static uint32_t detect_distinct(const struct detector *detector, size_t marker)
{
    uint32_t count = 0;
    for (size_t i = 0; i < detector->rules->term_count; i++) {
        count += detector->rules->terms[i].marker == marker &&
                 (detector->seen[i / 64] >> i % 64 & 1) != 0;
    }
    return count;
}

/* What can only be told at the end: several different numbers are a list of people, and a list of
 * words or points is one from its minimum on. */
static void detect_settle(struct detector *detector)
{
    const struct detect_rules *rules = detector->rules;
    uint32_t *mobiles = detector->result.classes[DETECT_MOBILE];
    if (detector->mobiles[DETECT_MOBILE_DISTINCT - 1] != 0) {
        uint32_t room = UINT32_MAX - mobiles[DETECT_STRONG];
        mobiles[DETECT_STRONG] += mobiles[DETECT_WEAK] < room ? mobiles[DETECT_WEAK] : room;
        mobiles[DETECT_WEAK] = 0;
    }
    for (size_t i = 0; i < rules->marker_count; i++) {
        const struct detect_marker *marker = &rules->markers[i];
        uint32_t *count = &detector->result.markers[i];
        if (marker->points) {
            *count = detector->points;
        }
        if ((marker->points ? *count : detect_distinct(detector, i)) < marker->min) {
            *count = 0;
        }
    }
}

void detect_end(struct detector *detector, struct detect_result *ret_result)
{
    ASSERT(detector->rules != NULL);
    struct detect_block block = { detector->window, detector->len, detector->base };
    detect_scan(detector, &block, (size_t)(detector->scanned - detector->base), detector->len);
    detect_settle(detector);
    *ret_result = detector->result;
    explicit_bzero(detector, sizeof(*detector));
}

static void detect_worse(struct detect_verdict *verdict, struct detect_verdict other,
                         uint32_t count)
{
    if (count > 0 && other.action > verdict->action) {
        *verdict = other;
    }
}

struct detect_verdict detect_judge(const struct detect_rules *rules,
                                   const struct detect_result *result)
{
    struct detect_verdict verdict = { .action = DETECT_COUNT };
    for (size_t i = 0; i < rules->marker_count; i++) {
        struct detect_verdict hit = { .action = rules->policy.markers,
                                      .is_marker = true,
                                      .marker = i };
        detect_worse(&verdict, hit, result->markers[i]);
    }
    for (size_t i = 0; i < (size_t)DETECT_CLASSES * DETECT_STRENGTHS; i++) {
        enum detect_class class = (enum detect_class)(i / DETECT_STRENGTHS);
        /* The strong ones of a class first. */
        enum detect_strength strength = i % DETECT_STRENGTHS == 0 ? DETECT_STRONG : DETECT_WEAK;
        struct detect_verdict hit = { .action = rules->policy.classes[class][strength],
                                      .class = class,
                                      .strength = strength };
        detect_worse(&verdict, hit, result->classes[class][strength]);
    }
    return verdict;
}
