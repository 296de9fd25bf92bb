/* Numbers of people, cards, organisations: what a run of groups may be. */
#include <string.h>

#include "base/uscc.h"
#include "policy/checksum.h"
#include "policy/detect_run_internal.h"

#define NUMBER_BACK \
    184 /* what DETECT_BACK leaves when a group's start is 24 wide characters back */
#define DIGITS_MIN   6
#define CHARS_MIN    8 /* a passport has no fewer */
#define MOBILE_LEN   11
#define CARD_LEN_MIN 16
#define CARD_LEN_MAX 19
#define DECIMALS_MIN 6 /* of a degree: 0.1 m */
#define DECIMALS_MAX 15
#define WHOLE_MAX    3

_Static_assert(NUMBER_BACK + DETECT_RUN_MAX * 3 <= DETECT_BACK, "a number's text is there");
_Static_assert(DETECT_NEAR_MAX * 4 + DETECT_KEYWORD_MAX <= NUMBER_BACK, "so is a keyword before");
/* Each character but the last may have a gap behind it; all may be of three bytes. */
_Static_assert(DETECT_RUN_MAX *(1 + DETECT_GAP_MAX) * 3 + DETECT_NEAR_MAX * 4 +
                       DETECT_KEYWORD_MAX <=
                   DETECT_AHEAD,
               "and one behind");
_Static_assert(DETECT_BLOB_MIN + 7 <= NUMBER_BACK, "and what tells base64");

/* A window: the groups of a run from the first to `last`. */
struct number {
    struct detector *detector;
    const struct detect_view *view;
    const struct detect_run *run;
    size_t last;
    struct str text;
    bool digits;
};

static bool number_is_digits(struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] < '0' || text.ptr[i] > '9') {
            return false;
        }
    }
    return true;
}

static const char *number_from(const struct number *number)
{
    return number->run->start;
}

static const char *number_to(const struct number *number)
{
    return number->run->start + number->run->groups[number->last].end;
}

static bool number_is_near(const struct number *number, enum detect_class class)
{
    return detect_near(&number->detector->rules->keywords[class], number->view, number_from(number),
                       number_to(number));
}

/* The longest prefix of the class that the digits begin with; NULL: none. */
static const struct detect_prefix *number_prefix(const struct detect_rules *rules,
                                                 enum detect_class class, struct str digits)
{
    const struct detect_prefix *best = NULL;
    for (size_t i = 0; i < rules->prefix_count; i++) {
        const struct detect_prefix *prefix = &rules->prefixes[i];
        if (prefix->class == class && (best == NULL || prefix->len > best->len) &&
            str_starts(digits, (struct str){ prefix->text, prefix->len })) {
            best = prefix;
        }
    }
    return best;
}

static bool number_in_province(const struct detect_rules *rules, struct str text, size_t at)
{
    struct str code = str_slice(text, at, at + 2);
    return number_is_digits(code) &&
           rules->provinces[(code.ptr[0] - '0') * 10 + (code.ptr[1] - '0')];
}

static bool number_hit(const struct number *number, enum detect_class class,
                       enum detect_strength strength)
{
    /* Base64 is no text, but it is a match: nothing inside it is looked at again. */
    if (!detect_in_blob(number->view, number_from(number), number_to(number))) {
        detect_hit(number->detector, class, strength);
    }
    return true;
}

static bool number_resident(const struct number *number)
{
    return resident_id_valid(number->text, number->detector->today) &&
           number_in_province(number->detector->rules, number->text, 0) &&
           number_hit(number, DETECT_RESIDENT_ID, DETECT_STRONG);
}

static void number_remember(struct detector *detector, struct str mobile)
{
    uint64_t value = 0;
    if (!str_to_u64(mobile, &value)) {
        return;
    }
    for (size_t i = 0; i < DETECT_MOBILE_DISTINCT; i++) {
        if (detector->mobiles[i] == 0) {
            detector->mobiles[i] = value;
        }
        if (detector->mobiles[i] == value) {
            return;
        }
    }
}

/* A 1 that stands apart, or a plus before it, is North America's country code: 1-800-555-0100. */
static bool number_is_american(const struct number *number)
{
    const struct detect_group *groups = number->run->groups;
    return number->run->sign == '+' ||
           (number->last > 0 && groups[0].len == 1 && groups[1].len > 2);
}

static bool number_mobile(const struct number *number)
{
    struct str text = number->text;
    bool country = false;
    if (!number->digits || (text.len == MOBILE_LEN && number_is_american(number))) {
        return false;
    }
    if (text.len == MOBILE_LEN + 4 && str_starts(text, STR("0086"))) {
        country = true;
        text = str_from_at(text, 4);
    } else if (text.len == MOBILE_LEN + 2 && str_starts(text, STR("86"))) {
        /* Without a plus 86 is the country only where it stands apart, and proves nothing. */
        country = number->run->sign == '+';
        if (!country && number->run->groups[0].len != 2) {
            return false;
        }
        text = str_from_at(text, 2);
    }
    if (text.len != MOBILE_LEN || text.ptr[0] != '1' ||
        number_prefix(number->detector->rules, DETECT_MOBILE, text) == NULL) {
        return false;
    }
    if (detect_in_blob(number->view, number_from(number), number_to(number))) {
        return true;
    }
    bool strong = country || number_is_near(number, DETECT_MOBILE);
    number_remember(number->detector, text);
    detect_hit(number->detector, DETECT_MOBILE, strong ? DETECT_STRONG : DETECT_WEAK);
    return true;
}

static bool number_card(const struct number *number)
{
    if (!number->digits || number->text.len < CARD_LEN_MIN || number->text.len > CARD_LEN_MAX) {
        return false;
    }
    const struct detect_prefix *prefix =
        number_prefix(number->detector->rules, DETECT_BANK_CARD, number->text);
    if (prefix == NULL || !luhn_valid(number->text)) {
        return false;
    }
    bool strong = prefix->strength == DETECT_STRONG && number_is_near(number, DETECT_BANK_CARD);
    return number_hit(number, DETECT_BANK_CARD, strong ? DETECT_STRONG : DETECT_WEAK);
}

static bool number_uscc(const struct number *number)
{
    return number->text.len == USCC_LEN &&
           number_prefix(number->detector->rules, DETECT_USCC, number->text) != NULL &&
           number_in_province(number->detector->rules, number->text, 2) &&
           uscc_valid(number->text) && number_hit(number, DETECT_USCC, DETECT_WEAK);
}

static bool number_is_passport(struct str text)
{
    switch (text.ptr[0]) {
    case 'E': /* the second letter is none that looks like a digit */
        return text.len == 9 && text.ptr[1] != 'I' && text.ptr[1] != 'O' &&
               number_is_digits(str_from_at(text, 2));
    case 'G':
        return text.len == 9 && number_is_digits(str_from_at(text, 1));
    case 'D':
    case 'S':
    case 'P':
        return (text.len == 8 || text.len == 9) && number_is_digits(str_from_at(text, 1));
    default:
        return false;
    }
}

static bool number_is_permit(struct str text)
{
    switch (text.ptr[0]) {
    case 'C':
    case 'W':
        return text.len == 9 && number_is_digits(str_from_at(text, 2));
    case 'H':
    case 'M':
        return (text.len == 9 || text.len == 11) && number_is_digits(str_from_at(text, 1));
    default:
        return false;
    }
}

static bool number_document(const struct number *number)
{
    if (number->text.len < 8) {
        return false;
    }
    if (number_is_passport(number->text) && number_is_near(number, DETECT_PASSPORT)) {
        return number_hit(number, DETECT_PASSPORT, DETECT_WEAK);
    }
    return number_is_permit(number->text) && number_is_near(number, DETECT_HKMO_PERMIT) &&
           number_hit(number, DETECT_HKMO_PERMIT, DETECT_WEAK);
}

/* A country code with its plus says where the number ends, whatever stands behind it. */
static bool number_is_international(const struct number *number)
{
    return number->run->sign == '+' && number->text.len == MOBILE_LEN + 2 &&
           str_starts(number->text, STR("86"));
}

/* `documents`: only those that may have a gap behind their letters. */
static bool number_is_something(const struct number *number, bool documents)
{
    if (!documents && number_resident(number)) {
        return true;
    }
    if (!detect_run_alone(number->run, number->last) && !number_is_international(number)) {
        return false;
    }
    return number_document(number) ||
           (!documents && (number_mobile(number) || number_card(number) || number_uscc(number)));
}

/* The longest window of the run that is something; where it ends, or NULL. */
static const char *number_windows(struct number *number, bool documents)
{
    const struct detect_run *run = number->run;
    for (size_t i = run->count; i > 0; i--) {
        number->last = i - 1;
        number->text = (struct str){ run->text, run->groups[i - 1].len };
        number->digits = number_is_digits(number->text);
        if (number_is_something(number, documents)) {
            return number_to(number);
        }
    }
    return NULL;
}

/* A decimal number of a degree's size and a map's precision; where it ends, or NULL. */
static const char *number_decimal(const struct detect_run *run, int64_t *ret_value)
{
    if (run->count < 2) {
        return NULL;
    }
    const struct detect_group *whole = &run->groups[0];
    const struct detect_group *part = &run->groups[1];
    unsigned decimals = (unsigned)part->len - whole->len;
    if (!whole->digits || !part->digits || !whole->behind.point || whole->len > WHOLE_MAX ||
        decimals < DECIMALS_MIN || decimals > DECIMALS_MAX ||
        (run->before.point && run->before.digit) || (part->behind.point && part->behind.digit)) {
        return NULL;
    }
    int64_t value = 0;
    for (unsigned i = 0; i < whole->len + (unsigned)DECIMALS_MIN; i++) {
        value = value * 10 + (run->text[i] - '0');
    }
    *ret_value = run->sign == '-' ? -value : value;
    return run->start + part->end;
}

/* A group of one or two letters before a gap before the run: "E 12345678". */
static const char *number_letters_before(const struct detect_view *view, const char *start)
{
    const char *at = start;
    struct detect_gap gap = detect_gap_before(view->begin, &at);
    if (gap.mask == 0 || gap.digit) {
        return NULL;
    }
    for (unsigned i = 0; at > view->begin; i++) {
        struct detect_char before = detect_char_before(view->begin, at);
        if (before.kind == DETECT_OTHER || before.kind == DETECT_GAP) {
            break;
        }
        if (before.kind == DETECT_DIGIT || i == 2) {
            return NULL;
        }
        at -= before.len;
    }
    return at;
}

/* How a number begins: what can be told of it without taking it apart. */
struct front {
    unsigned digits;
    unsigned chars; /* digits and letters */
    bool degrees;   /* a dot follows the second or third digit */
    bool letters;   /* it ends where a group begins with a letter */
    const char *group_end;
};

/* From a group's first digit that others follow, `digit`, to what cannot belong to it, or to where
 * there is enough of it. */
static void number_front(struct front *front, const char *digit, const char *end)
{
    unsigned gaps = 0;
    *front = (struct front){ .group_end = NULL };
    for (const char *at = digit;
         at < end && front->digits < MOBILE_LEN && front->chars < USCC_LEN;) {
        struct detect_char found = detect_char_at(at, end);
        bool gap = found.kind == DETECT_GAP;
        if (found.kind == DETECT_OTHER || (found.kind == DETECT_LETTER && gaps > 0) ||
            (gap && gaps == DETECT_GAP_MAX)) {
            front->letters = found.kind == DETECT_LETTER;
            front->group_end = front->group_end == NULL ? at : front->group_end;
            return;
        }
        gaps = gap ? gaps + 1 : 0;
        if (gap && front->group_end == NULL) {
            front->group_end = at;
            front->degrees = found.folded == '.' && front->digits > 1 && front->digits <= WHOLE_MAX;
        }
        front->digits += found.kind == DETECT_DIGIT;
        front->chars += !gap;
        at += found.len;
    }
    front->group_end = front->group_end == NULL ? end : front->group_end;
}

/*
 * Most numbers in a text are short, or dates. Whether this one is worth more: a mobile's digits are
 * the fewest where there are no letters; with letters in front seven are a passport's or a
 * permit's, eight with letters behind begin an organisation's; a degree has two and six decimals.
 */
static bool number_may_be(const struct front *front, const struct detect_view *view,
                          const char *digit)
{
    if (front->digits >= MOBILE_LEN || front->chars >= USCC_LEN) {
        return true;
    }
    if (front->digits < DIGITS_MIN) {
        return false;
    }
    if (front->letters || front->degrees) {
        return true;
    }
    struct detect_char touched = { DETECT_OTHER, '\0', 0 };
    if (digit > view->begin) {
        touched = detect_char_before(view->begin, digit);
    }
    return touched.kind == DETECT_LETTER ||
           (touched.kind == DETECT_GAP && number_letters_before(view, digit) != NULL);
}

/* Whether the first `count` digits, eight at most, may be those of a resident's number: a province,
 * and a year of our time. */
static bool number_is_front(const struct detect_rules *rules, const char digits[8], unsigned count)
{
    if (count == 2) {
        return number_in_province(rules, (struct str){ digits, 2 }, 0);
    }
    return count != 8 || (digits[6] == '1' && digits[7] == '9') ||
           (digits[6] == '2' && digits[7] == '0');
}

/* Whether as many digits follow as a resident's number has, and the first are right. */
static bool number_may_be_resident(const struct detect_rules *rules, const char *at,
                                   const char *end)
{
    char digits[8];
    unsigned count = 0;
    unsigned gaps = 0;
    while (at < end && count < RESIDENT_ID_LEN - 1) {
        struct detect_char found = detect_char_at(at, end);
        at += found.len;
        if (found.kind == DETECT_GAP && gaps < DETECT_GAP_MAX) {
            gaps++;
            continue;
        }
        if (found.kind != DETECT_DIGIT) {
            return false;
        }
        gaps = 0;
        if (count < sizeof(digits)) {
            digits[count] = found.folded;
        }
        count++;
        if (count <= sizeof(digits) && !number_is_front(rules, digits, count)) {
            return false;
        }
    }
    return count == RESIDENT_ID_LEN - 1;
}

/* How many characters, up to CHARS_MIN, the groups have that gaps of one kind tie together, which
 * is not the kind that ties the first to what is before it. */
static unsigned number_alike(struct detect_gap before, const char *at, const char *end)
{
    unsigned chars = 0;
    unsigned gaps = 0;
    unsigned mask = 0;  /* of the gap at hand */
    unsigned alike = 0; /* of the first */
    while (at < end && chars < CHARS_MIN) {
        struct detect_char found = detect_char_at(at, end);
        at += found.len;
        if (found.kind == DETECT_GAP && gaps < DETECT_GAP_MAX) {
            mask |= detect_gap_kind(found.folded);
            gaps++;
            continue;
        }
        bool other = mask != 0 && (mask == before.mask || (alike != 0 && mask != alike));
        if (found.kind == DETECT_OTHER || found.kind == DETECT_GAP || other) {
            break;
        }
        alike = mask != 0 ? mask : alike;
        mask = 0;
        gaps = 0;
        chars++;
    }
    return chars;
}

/*
 * Within a long run of short groups, a table of numbers say, only few groups can begin anything:
 * those from which some hang together otherwise than with what is before, and a resident's number.
 * This look is for speed alone: without it each group would cost a look at all that follow it.
 */
static bool number_may_begin(const struct detect_rules *rules, const char *begin, const char *start,
                             const char *end)
{
    const char *at = start;
    struct detect_gap before = detect_gap_before(begin, &at);
    return !before.digit || number_alike(before, start, end) >= CHARS_MIN ||
           number_may_be_resident(rules, start, end);
}

size_t detect_number(struct detector *detector, const struct detect_block *block, size_t at)
{
    const char *begin = block->ptr;
    const char *end = block->ptr + block->len;
    const char *start = begin + at;
    const char *limit = end - start > DETECT_AHEAD ? start + DETECT_AHEAD : end;
    const char *done = NULL;
    struct front front;
    struct detect_view before = { begin, start };
    number_front(&front, start, limit);
    if (!number_may_be(&front, &before, start)) {
        return (size_t)(front.group_end - begin);
    }
    if (!detect_group_start(begin, &start)) {
        return (size_t)(detect_group_end(start, limit) - begin);
    }
    if (!number_may_begin(detector->rules, begin, start, limit)) {
        return (size_t)(front.group_end - begin);
    }
    struct detect_view view = {
        start - begin > NUMBER_BACK ? start - NUMBER_BACK : begin,
        end - start > DETECT_AHEAD ? start + DETECT_AHEAD : end,
    };
    struct detect_run run;
    struct number number = { .detector = detector, .view = &view, .run = &run };
    const char *letters = number_letters_before(&view, start);
    if (letters != NULL) {
        detect_run_read(&run, &view, letters);
        done = run.count > 1 ? number_windows(&number, true) : NULL;
    }
    if (done == NULL) {
        detect_run_read(&run, &view, start);
        int64_t value = 0;
        done = number_decimal(&run, &value);
        if (done != NULL) {
            detect_coordinate(detector, value, block->base + (size_t)(start - begin),
                              block->base + (size_t)(done - begin));
        } else {
            done = number_windows(&number, false);
        }
    }
    if (done == NULL) {
        done = detect_group_end(begin + at, view.end);
    }
    return (size_t)(done - begin);
}
