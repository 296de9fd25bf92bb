/*
 * Numbers by the definition of detect.h, plainly: every group of a text that is taken apart whole,
 * every window of groups, nothing left out for speed. Beside it the detectors, on random mixtures.
 */
#include "harness.h"

#include <string.h>

#include "base/uscc.h"
#include "detect_sample.h"
#include "policy/checksum.h"
#include "policy/detect_internal.h"

#define PLAIN_MAX 600 /* bytes of a text */

struct plain {
    const char *text;
    size_t count;
    struct detect_char chars[PLAIN_MAX];
    size_t at[PLAIN_MAX + 1]; /* offsets */
    struct detect_result result;
    uint64_t mobiles[PLAIN_MAX];
    size_t mobile_count;
};

/* A window: characters [from, to), without its gaps in `text`. */
struct window {
    size_t from;
    size_t to;
    char text[PLAIN_MAX];
    size_t len;
    bool digits;
    bool together; /* and to nothing else */
};

static bool is_name(const struct plain *plain, size_t at)
{
    return at < plain->count &&
           (plain->chars[at].kind == DETECT_DIGIT || plain->chars[at].kind == DETECT_LETTER);
}

static bool is_kind(const struct plain *plain, size_t at, enum detect_char_kind kind)
{
    return at < plain->count && plain->chars[at].kind == kind;
}

static size_t group_end(const struct plain *plain, size_t at)
{
    while (is_name(plain, at)) {
        at++;
    }
    return at;
}

static size_t group_start(const struct plain *plain, size_t end)
{
    while (end > 0 && is_name(plain, end - 1)) {
        end--;
    }
    return end;
}

/* The gap [from, to) as a text of its kinds, each once, in order; "" for what is none. `point`: one
 * dot. Behind a group or before it. */
struct gap {
    char kinds[4];
    bool point;
};

static struct gap gap_of(const struct plain *plain, size_t from, size_t to)
{
    struct gap gap = { .kinds = "", .point = false };
    size_t len = 0;
    if (to - from == 0 || to - from > 3) {
        return gap;
    }
    for (size_t i = 0; i < 3; i++) {
        bool has = false;
        for (size_t at = from; at < to; at++) {
            has = has || plain->chars[at].folded == " -."[i];
        }
        if (has) {
            gap.kinds[len++] = " -."[i];
        }
    }
    gap.point = to - from == 1 && plain->chars[from].folded == '.';
    return gap;
}

/* The gap behind the group that ends at `end`, and where the next group begins. */
static struct gap gap_behind(const struct plain *plain, size_t end, size_t *ret_next)
{
    size_t next = end;
    while (is_kind(plain, next, DETECT_GAP)) {
        next++;
    }
    *ret_next = next;
    return is_name(plain, next) ? gap_of(plain, end, next) : gap_of(plain, 0, 0);
}

static struct gap gap_before(const struct plain *plain, size_t start, size_t *ret_end)
{
    size_t end = start;
    while (end > 0 && plain->chars[end - 1].kind == DETECT_GAP) {
        end--;
    }
    *ret_end = end;
    return end > 0 && is_name(plain, end - 1) ? gap_of(plain, end, start) : gap_of(plain, 0, 0);
}

static bool same_gap(struct gap a, struct gap b)
{
    return strcmp(a.kinds, b.kinds) == 0;
}

/* The window of `groups` groups from `from` on; false: there are not so many. */
static bool window_of(const struct plain *plain, size_t from, size_t groups, struct window *window)
{
    size_t before_end = 0;
    size_t next = from;
    struct gap before = gap_before(plain, from, &before_end);
    struct gap first = { .kinds = "", .point = false };
    bool before_digit = before.kinds[0] != '\0' && is_kind(plain, before_end - 1, DETECT_DIGIT);
    bool alike = true;
    *window = (struct window){ .from = from, .digits = true };
    for (size_t i = 0; i < groups; i++) {
        size_t end = group_end(plain, next);
        for (; next < end; next++) {
            char byte = plain->chars[next].folded;
            window->text[window->len++] = byte >= 'a' ? (char)(byte - 'a' + 'A') : byte;
            window->digits = window->digits && plain->chars[next].kind == DETECT_DIGIT;
        }
        window->to = end;
        struct gap behind = gap_behind(plain, end, &next);
        if (i + 1 < groups && behind.kinds[0] == '\0') {
            return false;
        }
        first = i == 0 ? behind : first;
        alike = alike && (i + 1 == groups || same_gap(behind, first));
        if (i + 1 < groups) {
            continue;
        }
        bool behind_digit = behind.kinds[0] != '\0' && is_kind(plain, next, DETECT_DIGIT);
        if (groups == 1) {
            window->together = !(before_digit && before.point) && !(behind_digit && behind.point);
        } else {
            bool whole = !before_digit && !behind_digit;
            bool inner = alike && !(before_digit && same_gap(before, first)) &&
                         !(behind_digit && same_gap(behind, first));
            window->together = (whole || inner) && !(groups == 2 && first.point);
        }
    }
    return true;
}

static struct str window_text(const struct window *window)
{
    return (struct str){ window->text, window->len };
}

static bool all_digits(struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] < '0' || text.ptr[i] > '9') {
            return false;
        }
    }
    return true;
}

static bool has_prefix(enum detect_class class, struct str text)
{
    const struct detect_rules *rules = detect_sample();
    for (size_t i = 0; i < rules->prefix_count; i++) {
        const struct detect_prefix *prefix = &rules->prefixes[i];
        if (prefix->class == class && str_starts(text, (struct str){ prefix->text, prefix->len })) {
            return true;
        }
    }
    return false;
}

static bool has_province(struct str text, size_t at)
{
    return detect_sample()->provinces[(text.ptr[at] - '0') * 10 + text.ptr[at + 1] - '0'];
}

static bool is_near(const struct plain *plain, const struct window *window, enum detect_class class)
{
    struct detect_view view = { plain->text, plain->text + plain->at[plain->count] };
    return detect_near(&detect_sample()->keywords[class], &view,
                       plain->text + plain->at[window->from], plain->text + plain->at[window->to]);
}

static bool is_passport(struct str text)
{
    bool rest = text.len > 2 && all_digits(str_from_at(text, 2));
    bool second = text.len > 1 && text.ptr[1] >= '0' && text.ptr[1] <= '9';
    return (text.len == 9 && rest && text.ptr[0] == 'E' && text.ptr[1] != 'I' &&
            text.ptr[1] != 'O') ||
           (text.len == 9 && rest && second && text.ptr[0] == 'G') ||
           ((text.len == 8 || text.len == 9) && rest && second &&
            str_find(STR("DSP"), text.ptr[0]) < 3);
}

static bool is_permit(struct str text)
{
    bool rest = text.len > 2 && all_digits(str_from_at(text, 2));
    bool second = text.len > 1 && text.ptr[1] >= '0' && text.ptr[1] <= '9';
    return (text.len == 9 && rest && str_find(STR("CW"), text.ptr[0]) < 2) ||
           ((text.len == 9 || text.len == 11) && rest && second &&
            str_find(STR("HM"), text.ptr[0]) < 2);
}

static char sign_before(const struct plain *plain, size_t from)
{
    return from > 0 ? plain->chars[from - 1].folded : '\0';
}

/* The mobile's eleven digits, or nothing; *ret_country: with the code that proves it. */
static struct str mobile_of(const struct plain *plain, const struct window *window,
                            bool *ret_country)
{
    struct str text = window_text(window);
    bool plus = sign_before(plain, window->from) == '+';
    size_t first = group_end(plain, window->from) - window->from;
    size_t next = 0;
    (void)gap_behind(plain, group_end(plain, window->from), &next);
    size_t second = group_end(plain, next) - next;
    bool several = window->to > group_end(plain, window->from);
    *ret_country = false;
    if (!window->digits) {
        return STR_EMPTY;
    }
    if (text.len == 15 && str_starts(text, STR("0086"))) {
        *ret_country = true;
        text = str_from_at(text, 4);
    } else if (text.len == 13 && str_starts(text, STR("86")) && (plus || first == 2)) {
        *ret_country = plus;
        text = str_from_at(text, 2);
    } else if (plus || (several && first == 1 && second > 1)) {
        return STR_EMPTY;
    }
    return text.len == 11 && text.ptr[0] == '1' && has_prefix(DETECT_MOBILE, text) ? text
                                                                                   : STR_EMPTY;
}

static void note(struct plain *plain, const struct window *window, enum detect_class class,
                 bool strong, struct str mobile)
{
    struct detect_view view = { plain->text, plain->text + plain->at[plain->count] };
    if (detect_in_blob(&view, plain->text + plain->at[window->from],
                       plain->text + plain->at[window->to])) {
        return;
    }
    plain->result.classes[class][strong ? DETECT_STRONG : DETECT_WEAK]++;
    uint64_t value = 0;
    if (mobile.len > 0 && str_to_u64(mobile, &value)) {
        for (size_t i = 0; i < plain->mobile_count; i++) {
            if (plain->mobiles[i] == value) {
                return;
            }
        }
        plain->mobiles[plain->mobile_count++] = value;
    }
}

/* Whether the window is something, which is noted. */
static bool window_is(struct plain *plain, const struct window *window, bool documents)
{
    struct str text = window_text(window);
    bool country = false;
    struct str mobile = mobile_of(plain, window, &country);
    bool international =
        sign_before(plain, window->from) == '+' && text.len == 13 && str_starts(text, STR("86"));
    if (!documents && resident_id_valid(text, SAMPLE_TODAY) && has_province(text, 0)) {
        note(plain, window, DETECT_RESIDENT_ID, true, STR_EMPTY);
    } else if (!window->together && !international) {
        return false;
    } else if (is_passport(text) && is_near(plain, window, DETECT_PASSPORT)) {
        note(plain, window, DETECT_PASSPORT, false, STR_EMPTY);
    } else if (is_permit(text) && is_near(plain, window, DETECT_HKMO_PERMIT)) {
        note(plain, window, DETECT_HKMO_PERMIT, false, STR_EMPTY);
    } else if (documents) {
        return false;
    } else if (mobile.len > 0) {
        note(plain, window, DETECT_MOBILE, country || is_near(plain, window, DETECT_MOBILE),
             mobile);
    } else if (window->digits && text.len >= 16 && text.len <= 19 && luhn_valid(text) &&
               has_prefix(DETECT_BANK_CARD, text)) {
        bool strong = str_starts(text, STR("62")) && is_near(plain, window, DETECT_BANK_CARD);
        note(plain, window, DETECT_BANK_CARD, strong, STR_EMPTY);
    } else if (uscc_valid(text) && has_prefix(DETECT_USCC, text) && has_province(text, 2)) {
        note(plain, window, DETECT_USCC, false, STR_EMPTY);
    } else {
        return false;
    }
    return true;
}

/* The longest window from `from` on that is something: where it ends, or 0. */
static size_t longest(struct plain *plain, size_t from, bool documents)
{
    static struct window window;
    for (size_t groups = 24; groups > 0; groups--) {
        if (window_of(plain, from, groups, &window) && window.len <= 24 &&
            window_is(plain, &window, documents)) {
            return window.to;
        }
    }
    return 0;
}

/* A decimal number with the precision of a map ends there; it is no other number. */
static size_t decimal_end(const struct plain *plain, size_t from)
{
    static struct window window;
    size_t end = group_end(plain, from);
    size_t next = 0;
    size_t after = 0;
    size_t before = 0;
    struct gap behind = gap_behind(plain, end, &next);
    size_t part = group_end(plain, next) - next;
    struct gap rest = gap_behind(plain, next + part, &after);
    struct gap front = gap_before(plain, from, &before);
    bool dotted = (rest.point && is_kind(plain, after, DETECT_DIGIT)) ||
                  (front.point && is_kind(plain, before - 1, DETECT_DIGIT));
    bool decimal = behind.point && window_of(plain, from, 2, &window) && window.digits &&
                   end - from <= 3 && part >= 6 && part <= 15 && !dotted;
    return decimal ? next + part : 0;
}

static void plain_group(struct plain *plain, size_t start, size_t *done)
{
    size_t before = 0;
    size_t end = 0;
    struct gap gap = gap_before(plain, start, &before);
    size_t letters = group_start(plain, before);
    bool worth = gap.kinds[0] != '\0' && before - letters <= 2;
    for (size_t i = letters; i < before; i++) {
        worth = worth && plain->chars[i].kind == DETECT_LETTER;
    }
    if (worth) {
        end = longest(plain, letters, true);
    }
    end = end == 0 ? decimal_end(plain, start) : end;
    end = end == 0 ? longest(plain, start, false) : end;
    *done = end == 0 ? *done : end;
}

static void plain_look(struct plain *plain, struct str text)
{
    memset(plain, 0, sizeof(*plain));
    plain->text = text.ptr;
    for (size_t at = 0; at < text.len; plain->count++) {
        plain->chars[plain->count] = detect_char_at(text.ptr + at, text.ptr + text.len);
        at += plain->chars[plain->count].len;
        plain->at[plain->count + 1] = at;
    }
    size_t done = 0;
    for (size_t at = 0; at < plain->count; at++) {
        bool start = is_name(plain, at) && (at == 0 || !is_name(plain, at - 1));
        bool digit = false;
        for (size_t i = at; start && i < group_end(plain, at); i++) {
            digit = digit || plain->chars[i].kind == DETECT_DIGIT;
        }
        if (digit && at >= done) {
            plain_group(plain, at, &done);
        }
    }
    if (plain->mobile_count >= 3) {
        uint32_t *mobiles = plain->result.classes[DETECT_MOBILE];
        mobiles[DETECT_STRONG] += mobiles[DETECT_WEAK];
        mobiles[DETECT_WEAK] = 0;
    }
}

static const char *const fragments[] = {
    "440507199003070018",
    "11010519491231002",
    "X",
    "x",
    "440507",
    "19900307",
    "0018",
    "13812345678",
    "15098765432",
    "138",
    "1234",
    "5678",
    "+",
    "86",
    "0086",
    "+86",
    "1",
    "1",
    "3",
    "8",
    "00",
    "6217001234567890122",
    "6217",
    "0012",
    "3456",
    "7890",
    "122",
    "E",
    "E12345678",
    "EA",
    "1234567",
    "12345678",
    "H1234567801",
    "G",
    "护照",
    "passport",
    "通行证",
    "手机",
    "卡号",
    "91440500MA00000X1W",
    "91440500",
    "MA00000X",
    "1W",
    "116.397428",
    "39",
    "909187",
    ".",
    ".",
    "-",
    "-",
    " ",
    " ",
    " ",
    " ",
    "  ",
    " - ",
    "    ",
    "　",
    "－",
    "１",
    "３",
    "８１２３４５６７８",
    "Ｅ",
    "a",
    ",",
    "/",
    "\n",
    "中",
    "data:x;base64,",
    "iVBORw0KGgoAAAANSUhEUgAAAAUAAAAFCAYAAACNbyblA",
    "\xE4",
    "ab ",
};

static uint64_t next_random(uint64_t *random, uint64_t below)
{
    *random = *random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (*random >> 33) % below;
}

static size_t mixture(uint64_t *random, char *text, size_t max)
{
    /* Few fragments a text, so that those that belong together meet. */
    size_t kinds = next_random(random, 8) + 2;
    const char *chosen[10];
    for (size_t i = 0; i < kinds; i++) {
        chosen[i] = fragments[next_random(random, EP_ARRAY_LEN(fragments))];
    }
    size_t len = 0;
    for (;;) {
        struct str part = str_from(chosen[next_random(random, kinds)]);
        if (part.len > max - len || next_random(random, 40) == 0) {
            return len;
        }
        memcpy(text + len, part.ptr, part.len);
        len += part.len;
    }
}

TEST(the_detectors_find_what_the_definition_says)
{
    static struct plain plain;
    uint64_t random = 3;
    uint32_t hits[DETECT_PLATE] = { 0 };
    char text[PLAIN_MAX];
    for (int round = 0; round < 20000; round++) {
        struct str whole = { text, mixture(&random, text, sizeof(text)) };
        struct detect_result got = detect_sample_look(whole);
        plain_look(&plain, whole);
        for (size_t i = 0; i < DETECT_PLATE; i++) {
            for (size_t j = 0; j < DETECT_STRENGTHS; j++) {
                hits[i] += got.classes[i][j];
                if (got.classes[i][j] != plain.result.classes[i][j]) {
                    test_failed(EP_SITE, "round %d: %s %zu is %u, not %u: " STR_FMT, round,
                                detect_class_name((enum detect_class)i).ptr, j, got.classes[i][j],
                                plain.result.classes[i][j], STR_ARG(whole));
                }
            }
        }
    }
    for (size_t i = 0; i < DETECT_PLATE; i++) {
        CHECK(hits[i] > 50); /* each class is met often enough to tell something */
    }
}
