/* Rows of the registry into tables that the detectors can look things up in. */
#include <string.h>

#include "base/mem.h"
#include "policy/detect_internal.h"
#include "wire/utf8.h"

#define MICRO_DIGITS 6 /* of a degree's fraction */
#define DEGREES_MAX  180

struct detect_policy detect_policy_default(void)
{
    struct detect_policy policy = { .markers = DETECT_REFUSE };
    for (size_t i = 0; i < DETECT_CLASSES; i++) {
        policy.classes[i][DETECT_WEAK] = DETECT_FLAG;
        policy.classes[i][DETECT_STRONG] = DETECT_REFUSE;
    }
    return policy;
}

static enum err rules_bad(struct fail *fail, struct str value, const char *why)
{
    return FAIL(fail, ERR_REGISTRY_INVALID, "detector value \"" STR_FMT "\" %s", STR_ARG(value),
                why);
}

static bool rules_is_digits(struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] < '0' || text.ptr[i] > '9') {
            return false;
        }
    }
    return text.len > 0;
}

/* The first character of a value that begins with one of the basic plane beyond ASCII, or 0. */
static uint32_t rules_point(struct str text, size_t *ret_len)
{
    size_t len = 0;
    uint32_t point = text.len > 0 ? detect_point_at(text.ptr, text.ptr + text.len, &len) : 0;
    *ret_len = len;
    return point >= 0x80 && point < 0x10000 && len > 1 ? point : 0;
}

static enum err rules_province(struct detect_rules *rules, const struct detect_row *row,
                               struct str value, struct fail *fail)
{
    size_t len = 0;
    uint32_t point = rules_point(value, &len);
    if (row->class == DETECT_PLATE) {
        if (point == 0 || len != value.len) {
            return rules_bad(fail, value, "is not the one character of a province");
        }
        detect_bit_set(rules->plates, point);
        detect_bit_set(rules->first, point);
        return ERR_OK;
    }
    if (row->class != DETECT_RESIDENT_ID && row->class != DETECT_USCC) {
        return rules_bad(fail, value, "belongs to a class that knows no province");
    }
    if (value.len != 2 || !rules_is_digits(value)) {
        return rules_bad(fail, value, "is not the two digits of a province");
    }
    rules->provinces[(value.ptr[0] - '0') * 10 + (value.ptr[1] - '0')] = true;
    return ERR_OK;
}

static enum err rules_prefix(struct detect_rules *rules, const struct detect_row *row,
                             struct str value, struct fail *fail)
{
    bool known =
        row->class == DETECT_MOBILE || row->class == DETECT_BANK_CARD || row->class == DETECT_USCC;
    if (!known) {
        return rules_bad(fail, value, "belongs to a class that knows no prefix");
    }
    if (value.len == 0 || value.len > DETECT_PREFIX_MAX ||
        (row->class != DETECT_USCC && !rules_is_digits(value))) {
        return rules_bad(fail, value, "is not a prefix of one to eight digits");
    }
    if (rules->prefix_count == DETECT_PREFIXES_MAX) {
        return rules_bad(fail, value, "is one prefix too many: at most 512");
    }
    struct detect_prefix *prefix = &rules->prefixes[rules->prefix_count++];
    *prefix = (struct detect_prefix){ .class = (uint8_t)row->class,
                                      .strength = (uint8_t)row->strength,
                                      .len = (uint8_t)value.len };
    memcpy(prefix->text, value.ptr, value.len);
    return ERR_OK;
}

/* ASCII letters small. */
static void rules_copy_lower(char *to, struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        to[i] = detect_lower(text.ptr[i]);
    }
}

static enum err rules_keyword(struct detect_rules *rules, const struct detect_row *row,
                              struct str value, struct fail *fail)
{
    struct detect_keywords *keywords = &rules->keywords[row->class];
    bool known = row->class == DETECT_MOBILE || row->class == DETECT_BANK_CARD ||
                 row->class == DETECT_PASSPORT || row->class == DETECT_HKMO_PERMIT;
    if (!known) {
        return rules_bad(fail, value, "belongs to a class that knows no keyword");
    }
    if (value.len == 0 || value.len > DETECT_KEYWORD_MAX || utf8_valid(value) != value.len) {
        return rules_bad(fail, value, "is not a keyword of 1 to 32 bytes");
    }
    if (row->window == 0 || row->window > DETECT_NEAR_MAX) {
        return rules_bad(fail, value, "has a window that is not 1 to 24 characters");
    }
    if (keywords->count == DETECT_KEYWORDS_MAX) {
        return rules_bad(fail, value, "is one keyword too many: at most 16 a class");
    }
    rules_copy_lower(keywords->words[keywords->count].text, value);
    keywords->words[keywords->count].len = (uint8_t)value.len;
    keywords->words[keywords->count].window = (uint8_t)row->window;
    keywords->window = row->window > keywords->window ? row->window : keywords->window;
    keywords->count++;
    return ERR_OK;
}

static bool rules_is_letter(char byte)
{
    char lower = detect_lower(byte);
    return lower >= 'a' && lower <= 'z';
}

/* Both cases of the first two bytes of a term in ASCII. */
static void rules_pairs(struct detect_rules *rules, struct str term)
{
    char initial = detect_lower(term.ptr[0]);
    size_t count = rules->initial_count;
    size_t at = 0;
    while (at < count && at < DETECT_INITIALS_MAX && rules->initials[at] != initial) {
        at++;
    }
    if (at == count && count < DETECT_INITIALS_MAX) {
        rules->initials[rules->initial_count++] = initial;
    } else if (at == DETECT_INITIALS_MAX) {
        rules->initial_count = DETECT_INITIALS_MAX + 1;
    }
    for (unsigned i = 0; i < 4; i++) {
        unsigned char first = (unsigned char)detect_lower(term.ptr[0]);
        unsigned char second = (unsigned char)detect_lower(term.ptr[1]);
        if ((i & 1) != 0) {
            first = (unsigned char)(first & ~0x20U);
        }
        if ((i & 2) != 0 && rules_is_letter(term.ptr[1])) {
            second = (unsigned char)(second & ~0x20U);
        }
        detect_bit_set(rules->pairs, (uint32_t)first << 8 | second);
    }
}

static bool rules_has_term(const struct detect_rules *rules, const struct detect_term *term)
{
    for (size_t i = 0; i < rules->term_count; i++) {
        const struct detect_term *other = &rules->terms[i];
        if (other->marker == term->marker && other->len == term->len &&
            memcmp(rules->pool + other->at, rules->pool + term->at, term->len) == 0) {
            return true;
        }
    }
    return false;
}

static enum err rules_term(struct detect_rules *rules, const struct detect_row *row, size_t marker,
                           struct str value, struct fail *fail)
{
    size_t len = 0;
    uint32_t point = rules_point(value, &len);
    if (value.len < len + 2 || value.len > DETECT_TERM_MAX || utf8_valid(value) != value.len ||
        (point == 0 && !rules_is_letter(value.ptr[0]))) {
        return rules_bad(fail, value,
                         "is not a term of up to 64 bytes, a letter and at least two more");
    }
    if (rules->term_count == DETECT_TERMS_MAX || rules->pool_len + value.len > DETECT_POOL_MAX) {
        return rules_bad(fail, value, "is one term too many: at most 512, together 16 KiB");
    }
    struct detect_term *term = &rules->terms[rules->term_count];
    *term = (struct detect_term){ .at = (uint16_t)rules->pool_len,
                                  .len = (uint8_t)value.len,
                                  .marker = (uint8_t)marker,
                                  .level = row->kind == DETECT_LEVEL };
    rules_copy_lower(rules->pool + rules->pool_len, value);
    if (rules_has_term(rules, term)) {
        return rules_bad(fail, value, "stands twice in one marker");
    }
    if (point != 0) {
        detect_bit_set(rules->first, point);
        detect_bit_set(rules->follow, detect_follow(point, value.ptr[len], value.ptr[len + 1]));
    } else {
        rules_pairs(rules, value);
        point = (uint32_t)detect_lower(value.ptr[0]);
    }
    uint16_t *chain = &rules->chains[point % DETECT_CHAINS];
    term->next = *chain;
    *chain = (uint16_t)rules->term_count++;
    rules->pool_len += value.len;
    return ERR_OK;
}

/* Takes a decimal number of degrees off the front, in millionths. */
static bool rules_degrees(struct str *rest, int64_t *ret_micro)
{
    struct str fraction = str_cut(rest, ' ');
    struct str whole = str_cut(&fraction, '.');
    uint64_t degrees = 0;
    uint64_t micro = 0;
    if (!str_to_u64(whole, &degrees) || degrees > DEGREES_MAX || fraction.len > MICRO_DIGITS ||
        (fraction.len > 0 && !str_to_u64(fraction, &micro))) {
        return false;
    }
    for (size_t i = fraction.len; i < MICRO_DIGITS; i++) {
        micro *= 10;
    }
    *ret_micro = (int64_t)(degrees * 1000000 + micro);
    return true;
}

static enum err rules_bound(struct detect_rules *rules, size_t marker, struct str value,
                            struct fail *fail)
{
    struct detect_bound bound;
    struct str rest = value;
    if (!rules_degrees(&rest, &bound.west) || !rules_degrees(&rest, &bound.south) ||
        !rules_degrees(&rest, &bound.east) || !rules_degrees(&rest, &bound.north) || rest.len > 0 ||
        bound.west >= bound.east || bound.south >= bound.north) {
        return rules_bad(fail, value, "is not \"WEST SOUTH EAST NORTH\" in degrees");
    }
    if (rules->bound_count == DETECT_BOUNDS_MAX) {
        return rules_bad(fail, value, "is one rectangle too many: at most 16");
    }
    if (rules->bound_count > 0 && rules->bound_marker != marker) {
        return rules_bad(fail, value, "belongs to a second marker with points: there is one");
    }
    rules->bound_marker = marker;
    rules->bounds[rules->bound_count++] = bound;
    return ERR_OK;
}

/* The marker of that name, or where a new one goes. */
static size_t rules_find_marker(const struct detect_rules *rules, struct str name)
{
    size_t marker = 0;
    while (marker < rules->marker_count && !str_eq(detect_rules_marker(rules, marker), name)) {
        marker++;
    }
    return marker;
}

/* The marker of a row, a new one if the name is new. */
static enum err rules_marker(struct detect_rules *rules, const struct detect_row *row,
                             size_t *ret_marker, struct fail *fail)
{
    bool points = row->kind == DETECT_BOUND;
    if (row->marker.len == 0 || row->marker.len > DETECT_TERM_MAX || row->min == 0) {
        return rules_bad(fail, row->marker, "is no marker's name, or has no minimum");
    }
    size_t at = rules_find_marker(rules, row->marker);
    if (at == DETECT_MARKERS_MAX) {
        return rules_bad(fail, row->marker, "is one marker too many: at most 16");
    }
    struct detect_marker *marker = &rules->markers[at];
    if (at == rules->marker_count) {
        *marker = (struct detect_marker){ .name_len = (uint8_t)row->marker.len,
                                          .points = points,
                                          .min = row->min };
        memcpy(marker->name, row->marker.ptr, row->marker.len);
        rules->marker_count++;
    }
    if (marker->min != row->min || marker->points != points) {
        return rules_bad(fail, row->marker, "has rows that do not agree");
    }
    *ret_marker = at;
    return ERR_OK;
}

static enum err rules_value(struct detect_rules *rules, const struct detect_row *row, size_t marker,
                            struct str value, struct fail *fail)
{
    switch (row->kind) {
    case DETECT_PROVINCE:
        return rules_province(rules, row, value, fail);
    case DETECT_PREFIX:
        return rules_prefix(rules, row, value, fail);
    case DETECT_KEYWORD:
        return rules_keyword(rules, row, value, fail);
    case DETECT_TERM:
    case DETECT_LEVEL:
        return rules_term(rules, row, marker, value, fail);
    case DETECT_BOUND:
        return rules_bound(rules, marker, value, fail);
    }
    return rules_bad(fail, value, "is of no known kind");
}

static bool rules_is_marker(enum detect_kind kind)
{
    return kind == DETECT_TERM || kind == DETECT_LEVEL || kind == DETECT_BOUND;
}

static enum err rules_row(struct detect_rules *rules, const struct detect_row *row,
                          struct fail *fail)
{
    size_t marker = 0;
    if (rules_is_marker(row->kind)) {
        enum err err = rules_marker(rules, row, &marker, fail);
        if (err != ERR_OK) {
            return err;
        }
    } else if (row->class >= DETECT_CLASSES) {
        return rules_bad(fail, STR(""), "is of no known class");
    }
    enum err err = ERR_OK;
    for (size_t i = 0; i < row->count && err == ERR_OK; i++) {
        err = rules_value(rules, row, marker, row->values[i], fail);
    }
    return err;
}

enum err detect_rules_compile(const struct detect_row *rows, size_t count,
                              const struct detect_policy *policy, struct detect_rules **ret_rules,
                              struct fail *fail)
{
    struct detect_rules *rules = mem_zalloc(sizeof(*rules));
    if (rules == NULL) {
        return FAIL(fail, ERR_NO_MEMORY, "no memory for the detectors' rules");
    }
    rules->policy = *policy;
    for (size_t i = 0; i < DETECT_CHAINS; i++) {
        rules->chains[i] = DETECT_TERMS_MAX;
    }
    for (uint32_t digit = 0xFF10; digit <= 0xFF19; digit++) { /* full-width ones begin numbers */
        detect_bit_set(rules->first, digit);
    }
    for (size_t i = 0; i < count; i++) {
        enum err err = rules_row(rules, &rows[i], fail);
        if (err != ERR_OK) {
            detect_rules_destroy(rules);
            return err;
        }
    }
    *ret_rules = rules;
    return ERR_OK;
}

void detect_rules_destroy(struct detect_rules *rules)
{
    mem_free(rules);
}

size_t detect_rules_markers(const struct detect_rules *rules)
{
    return rules->marker_count;
}

struct str detect_rules_marker(const struct detect_rules *rules, size_t marker)
{
    ASSERT(marker < DETECT_MARKERS_MAX);
    return (struct str){ rules->markers[marker].name, rules->markers[marker].name_len };
}
