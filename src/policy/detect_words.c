/* Words of markers, levels of secrecy, plates, and points on the map. */
#include <string.h>

#include "policy/detect_internal.h"

#define PLATE_MIN        5 /* characters behind the letter; 6 on the green ones */
#define PLATE_MAX        6
#define PLATE_DIGITS_MIN 3 /* at most two of the five are letters, of the six one or two */
#define TERM_DIGITS_MAX  3
#define POINT_GAP_MAX    24 /* bytes between the two numbers of a point: `, "longitude": ` */
#define POINT_STAR       0x2605
#define POINT_STAR_WHITE 0x2606

static bool words_is_name(char byte)
{
    char lower = detect_lower(byte);
    return (byte >= '0' && byte <= '9') || (lower >= 'a' && lower <= 'z');
}

/* Steps over characters that are gaps of space. */
static const char *words_skip_space(const char *at, const char *end, unsigned max)
{
    for (unsigned i = 0; i < max && at < end; i++) {
        struct detect_char next = detect_char_at(at, end);
        if (next.folded != ' ') {
            break;
        }
        at += next.len;
    }
    return at;
}

static bool words_starts(const char *at, const char *end, struct str word)
{
    return (size_t)(end - at) >= word.len && memcmp(at, word.ptr, word.len) == 0;
}

/* What makes a level of secrecy of a word: a star, or how long it holds. */
static bool words_is_level(const char *at, const char *end)
{
    static const struct str units[] = {
        STR_INIT("\xE5\xB9\xB4"),             /* 年 */
        STR_INIT("\xE4\xB8\xAA\xE6\x9C\x88"), /* 个月 */
        STR_INIT("\xE6\x9C\x88"),             /* 月 */
        STR_INIT("\xE5\xA4\xA9"),             /* 天 */
        STR_INIT("\xE6\x97\xA5"),             /* 日 */
    };
    at = words_skip_space(at, end, 2);
    if (at == end) {
        return false;
    }
    size_t len = 0;
    uint32_t point = detect_point_at(at, end, &len);
    if (point == POINT_STAR || point == POINT_STAR_WHITE ||
        words_starts(at, end, STR("\xE9\x95\xBF\xE6\x9C\x9F"))) { /* 长期 */
        return true;
    }
    unsigned digits = 0;
    while (at < end && digits <= TERM_DIGITS_MAX && detect_char_at(at, end).kind == DETECT_DIGIT) {
        at += detect_char_at(at, end).len;
        digits++;
    }
    for (size_t i = 0; i < EP_ARRAY_LEN(units) && digits > 0 && digits <= TERM_DIGITS_MAX; i++) {
        if (words_starts(at, end, units[i])) {
            return true;
        }
    }
    return false;
}

/* Whether the term stands at `at`, whole. */
static bool words_match(const struct detect_rules *rules, const struct detect_term *term,
                        const struct detect_view *view, const char *at)
{
    const char *word = rules->pool + term->at;
    if ((size_t)(view->end - at) < term->len) {
        return false;
    }
    bool ascii = true;
    for (size_t i = 0; i < term->len; i++) {
        if (detect_lower(at[i]) != word[i]) {
            return false;
        }
        ascii = ascii && (unsigned char)word[i] < 0x80;
    }
    const char *end = at + term->len;
    if (words_is_name(at[0]) && at > view->begin && words_is_name(at[-1])) {
        return false;
    }
    if (words_is_name(end[-1]) && end < view->end && words_is_name(*end)) {
        return false;
    }
    return (!term->level || words_is_level(end, view->end)) &&
           !(ascii && detect_in_blob(view, at, end));
}

static void words_terms(struct detector *detector, const struct detect_view *view, const char *at,
                        uint32_t point)
{
    const struct detect_rules *rules = detector->rules;
    uint32_t marked = 0; /* a marker counts once a place, however many of its terms begin there */
    uint32_t lower = point < 0x80 ? (uint32_t)detect_lower((char)point) : point;
    for (size_t i = rules->chains[lower % DETECT_CHAINS]; i < DETECT_TERMS_MAX;
         i = rules->terms[i].next) {
        const struct detect_term *term = &rules->terms[i];
        if (!words_match(rules, term, view, at)) {
            continue;
        }
        detector->seen[i / 64] |= UINT64_C(1) << i % 64;
        if ((marked >> term->marker & 1) == 0) {
            marked |= UINT32_C(1) << term->marker;
            detect_mark(detector, term->marker);
        }
    }
}

/* What a character behind a plate's letter is: I and O would be taken for digits. */
static enum detect_char_kind words_plate_kind(struct detect_char next)
{
    bool capital =
        next.folded >= 'A' && next.folded <= 'Z' && next.folded != 'I' && next.folded != 'O';
    return next.kind == DETECT_LETTER && !capital ? DETECT_GAP : next.kind;
}

/* Five or six letters and digits, and nothing of the kind behind them. */
static bool words_is_plate_number(const char *at, const char *end)
{
    unsigned count = 0;
    unsigned digits = 0;
    while (at < end && count <= PLATE_MAX) {
        struct detect_char next = detect_char_at(at, end);
        enum detect_char_kind kind = words_plate_kind(next);
        if (kind != DETECT_DIGIT && kind != DETECT_LETTER) {
            count = next.kind == DETECT_LETTER ? 0 : count; /* a small one: it is some word */
            break;
        }
        digits += kind == DETECT_DIGIT;
        count++;
        at += next.len;
    }
    return count >= PLATE_MIN && count <= PLATE_MAX && digits >= PLATE_DIGITS_MIN;
}

/* Behind a province's character: a capital, a dot perhaps, and the number. */
static bool words_is_plate(const char *at, const char *end)
{
    struct detect_char letter = { DETECT_OTHER, '\0', 0 };
    if (at < end) {
        letter = detect_char_at(at, end);
    }
    if (letter.folded < 'A' || letter.folded > 'Z') {
        return false;
    }
    at += letter.len;
    if (at < end) {
        size_t len = 0;
        uint32_t dot = detect_point_at(at, end, &len);
        bool gap = detect_char_at(at, end).kind == DETECT_GAP || dot == 0xB7 || dot == 0x2022 ||
                   dot == 0x30FB; /* the dots that stand on plates */
        at += gap ? len : 0;
    }
    return words_is_plate_number(at, end);
}

void detect_words(struct detector *detector, const struct detect_block *block, size_t at)
{
    ASSERT(at < block->len);
    const char *here = block->ptr + at;
    struct detect_view view = {
        at > DETECT_BACK ? here - DETECT_BACK : block->ptr,
        block->len - at > DETECT_AHEAD ? here + DETECT_AHEAD : block->ptr + block->len,
    };
    size_t len = 0;
    uint32_t point = detect_point_at(here, view.end, &len);
    words_terms(detector, &view, here, point);
    if (point > 0x7F && point < 0x10000 && detect_bit(detector->rules->plates, point) &&
        words_is_plate(here + len, view.end)) {
        detect_hit(detector, DETECT_PLATE, DETECT_WEAK);
    }
}

static bool words_in_bounds(const struct detect_rules *rules, int64_t east, int64_t north)
{
    for (size_t i = 0; i < rules->bound_count; i++) {
        const struct detect_bound *bound = &rules->bounds[i];
        if (east >= bound->west && east <= bound->east && north >= bound->south &&
            north <= bound->north) {
            return true;
        }
    }
    return false;
}

void detect_coordinate(struct detector *detector, int64_t value, uint64_t from, uint64_t to)
{
    int64_t other = detector->coordinate;
    bool pair = detector->coordinate_end != 0 && from >= detector->coordinate_end &&
                from - detector->coordinate_end <= POINT_GAP_MAX;
    if (pair && (words_in_bounds(detector->rules, other, value) ||
                 words_in_bounds(detector->rules, value, other))) {
        detector->points += detector->points < UINT32_MAX;
        detector->coordinate_end = 0;
        return;
    }
    detector->coordinate = value;
    detector->coordinate_end = to;
}
