#include "plain_count.h"

#include <stdlib.h>
#include <string.h>

#include <utf8proc.h>

#include "classes.h"
#include "meter/split.h"

#define PLAIN_ROOM (9 * PLAIN_TEXT_MAX) /* broken bytes and NFC make three of one */

struct plain {
    const struct sample *sample;
    enum count_specials specials;
    uint32_t *ids;
    size_t count;
};

bool plain_init(struct sample *sample, const struct vocab_split *split, uint64_t seed)
{
    enum sample_kind kind = split->rule == VOCAB_RULE_SPACES ? SAMPLE_CHARACTERS : SAMPLE_MERGES;
    if (!sample_init(sample, kind, false, seed)) {
        return false;
    }
    sample->vocab.split = *split;
    sample->vocab.unicode = *classes_table();
    return true;
}

size_t plain_text(struct sample *sample, char *text, size_t max)
{
    static const char *const parts[] = { "a",
                                         "b",
                                         "ab",
                                         " ",
                                         "  ",
                                         "\n",
                                         "<|a|>",
                                         "<|end|>",
                                         "<|en",
                                         "<|",
                                         "|>",
                                         "'s",
                                         "1",
                                         "B",
                                         "\xCC\x81",
                                         "\xCC\xA3",
                                         "\xE1\xBA\xA1",
                                         "\xC3\xA9",
                                         "\xE4\xB8\xAD",
                                         "\xE2\x96\x81",
                                         ">",
                                         "</",
                                         "\xFF",
                                         "\xE4\xB8",
                                         "\xF0\x9F",
                                         "\xED\xA0\x80",
                                         "\xC0\xAF",
                                         "\x1C",
                                         "\xE1\x84\x80\xE1\x85\xA1\xE1\x86\xA8",
                                         "\xEA\xB0\x80",
                                         "\xE1\x86\xA8",
                                         "\xE2\x84\xAB" };
    size_t len = 0;
    uint64_t kinds = 1 + sample_random(&sample->random, EP_ARRAY_LEN(parts));
    uint64_t shift = sample_random(&sample->random, EP_ARRAY_LEN(parts));
    for (;;) {
        uint64_t which = sample_random(&sample->random, kinds) + shift;
        const char *part = parts[which % EP_ARRAY_LEN(parts)];
        if (len + strlen(part) > max) {
            return len;
        }
        memcpy(text + len, part, strlen(part));
        len += strlen(part);
    }
}

bool plain_knows(struct str text)
{
    for (size_t at = 0; at < text.len;) {
        utf8proc_int32_t code = 0;
        utf8proc_ssize_t length = utf8proc_iterate((const utf8proc_uint8_t *)text.ptr + at,
                                                   (utf8proc_ssize_t)(text.len - at), &code);
        at += length > 0 ? (size_t)length : 1; /* broken bytes become one that is known */
        unsigned class = code > 0 ? unicode_class(classes_table(), (uint32_t)code) : 0;
        bool moves = code > 0 && utf8proc_get_property(code)->combining_class > 0;
        if ((code >= 0x80 && class == 0) || (moves && (class & UNICODE_UNSTABLE) == 0)) {
            return false;
        }
    }
    return true;
}

static bool plain_is_valid(const uint8_t *text, size_t len)
{
    utf8proc_int32_t code = 0;
    return utf8proc_iterate(text, (utf8proc_ssize_t)len, &code) == (utf8proc_ssize_t)len;
}

/* Whether some bytes behind these make a character, by trying the ends of all ranges. */
static bool plain_is_begun(const uint8_t *text, size_t len)
{
    static const uint8_t next[] = { 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF };
    for (size_t tries = 0; tries < 6 * 6 * 6; tries++) {
        uint8_t bytes[8] = { 0 };
        memcpy(bytes, text, len);
        bytes[len] = next[tries % 6];
        bytes[len + 1] = next[tries / 6 % 6];
        bytes[len + 2] = next[tries / 36];
        for (size_t more = 1; more <= 3 && len + more <= 4; more++) {
            if (plain_is_valid(bytes, len + more)) {
                return true;
            }
        }
    }
    return false;
}

static size_t plain_repair(struct str text, char *out)
{
    const uint8_t *bytes = (const uint8_t *)text.ptr;
    size_t len = 0;
    for (size_t at = 0; at < text.len;) {
        utf8proc_int32_t code = 0;
        utf8proc_ssize_t step =
            utf8proc_iterate(bytes + at, (utf8proc_ssize_t)(text.len - at), &code);
        if (step > 0) {
            memcpy(out + len, bytes + at, (size_t)step);
            len += (size_t)step;
            at += (size_t)step;
            continue;
        }
        size_t broken = text.len - at < 3 ? text.len - at : 3;
        while (broken > 1 && !plain_is_begun(bytes + at, broken)) {
            broken--;
        }
        memcpy(out + len, "\xEF\xBF\xBD", 3);
        len += 3;
        at += broken;
    }
    return len;
}

static void plain_pieces(struct plain *plain, struct str text)
{
    const struct vocab_split *split = &plain->sample->vocab.split;
    for (size_t at = 0; at < text.len;) {
        size_t next = split_next(split, classes_table(), text, at, true);
        plain->count +=
            sample_encode(plain->sample, str_slice(text, at, next), plain->ids + plain->count);
        at = next;
    }
}

static void plain_normalized(struct plain *plain, struct str text)
{
    const struct vocab_split *split = &plain->sample->vocab.split;
    if (split->nfc && text.len > 0) {
        utf8proc_uint8_t *made = NULL;
        utf8proc_ssize_t len =
            utf8proc_map((const utf8proc_uint8_t *)text.ptr, (utf8proc_ssize_t)text.len, &made,
                         (utf8proc_option_t)(UTF8PROC_STABLE | UTF8PROC_COMPOSE));
        ASSERT(len > 0);
        plain_pieces(plain, (struct str){ (const char *)made, (size_t)len });
        free(made);
        return;
    }
    if (split->rule != VOCAB_RULE_SPACES) {
        plain_pieces(plain, text);
        return;
    }
    static char marked[3 * PLAIN_ROOM];
    size_t len = 0;
    for (size_t i = 0; i < text.len; i++) {
        bool space = text.ptr[i] == ' ';
        memcpy(marked + len, space ? "\xE2\x96\x81" : text.ptr + i, space ? 3 : 1);
        len += space ? 3 : 1;
    }
    plain_pieces(plain, (struct str){ marked, len });
}

static const struct vocab_special *plain_special_at(const struct plain *plain, struct str text)
{
    size_t count = 0;
    const struct vocab_special *specials = vocab_specials(&plain->sample->vocab, &count);
    const struct vocab_special *best = NULL;
    for (size_t i = 0; i < count; i++) {
        bool on = plain->specials == COUNT_PARSED || !specials[i].control;
        if (on && str_starts(text, specials[i].text) &&
            (best == NULL || specials[i].text.len > best->text.len)) {
            best = &specials[i];
        }
    }
    return best;
}

static bool plain_is_white(struct str text, size_t at)
{
    utf8proc_int32_t code = 0;
    utf8proc_ssize_t length = utf8proc_iterate((const utf8proc_uint8_t *)text.ptr + at,
                                               (utf8proc_ssize_t)(text.len - at), &code);
    ASSERT(length > 0);
    return (unicode_class(classes_table(), (uint32_t)code) & (UNICODE_SPACE | UNICODE_NEWLINE)) !=
           0;
}

static size_t plain_strip(struct str text, size_t from, size_t end)
{
    while (end > from) {
        size_t last = end - 1;
        while (((uint8_t)text.ptr[last] & 0xC0) == 0x80) {
            last--;
        }
        if (!plain_is_white(text, last)) {
            break;
        }
        end = last;
    }
    return end;
}

static void plain_specials(struct plain *plain, struct str text)
{
    size_t from = 0;
    for (size_t at = 0; at < text.len;) {
        const struct vocab_special *special = plain_special_at(plain, str_from_at(text, at));
        if (special == NULL) {
            at++;
            continue;
        }
        size_t end = special->lstrip ? plain_strip(text, from, at) : at;
        plain_normalized(plain, str_slice(text, from, end));
        plain->ids[plain->count++] = special->id;
        at += special->text.len;
        from = at;
    }
    plain_normalized(plain, str_from_at(text, from));
}

/* One cut of a text of characters: the lengths that Kimi's wrapper keeps to. */
static void plain_runs(struct plain *plain, struct str text)
{
    const struct vocab_split *split = &plain->sample->vocab.split;
    size_t from = 0;
    size_t run = 0;
    bool run_white = false;
    for (size_t at = 0; at < text.len; at++) {
        uint8_t byte = (uint8_t)text.ptr[at];
        if ((byte & 0xC0) == 0x80) {
            continue;
        }
        bool white = (byte >= 0x1C && byte <= 0x1F) || plain_is_white(text, at);
        run = run > 0 && white == run_white ? run + 1 : 1;
        run_white = white;
        if (split->run_max > 0 && run > split->run_max) {
            plain_specials(plain, str_slice(text, from, at));
            from = at;
            run = 1;
        }
    }
    plain_specials(plain, str_from_at(text, from));
}

size_t plain_encode(const struct sample *sample, struct str text, enum count_specials specials,
                    uint32_t *ids)
{
    static char repaired[PLAIN_ROOM];
    ASSERT(text.len <= PLAIN_TEXT_MAX);
    struct plain plain = { sample, specials, ids, 0 };
    struct str rest = { repaired, plain_repair(text, repaired) };
    uint32_t max = sample->vocab.split.text_max;
    while (max > 0 && rest.len > 0) {
        size_t end = 0;
        for (uint32_t i = 0; i < max && end < rest.len; i++) {
            end++;
            while (end < rest.len && ((uint8_t)rest.ptr[end] & 0xC0) == 0x80) {
                end++;
            }
        }
        plain_runs(&plain, str_slice(rest, 0, end));
        rest = str_from_at(rest, end);
    }
    plain_runs(&plain, rest);
    return plain.count;
}
