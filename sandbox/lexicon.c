#include "lexicon.h"

static const char *const lexicon_words[] = {
    "the",   "river", "carries", "small", "boats",  "past",  "quiet",  "gardens", "where",
    "old",   "trees", "keep",    "their", "shade",  "and",   "people", "meet",    "to",
    "share", "bread", "a",       "story", "warm",   "light", "every",  "evening", "until",
    "night", "comes", "with",    "stars", "gentle", "wind",  "over",   "hills",   "friends",
};

uint64_t lexicon_mix(uint64_t value)
{
    value += UINT64_C(0x9E3779B97F4A7C15);
    value = (value ^ value >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    value = (value ^ value >> 27) * UINT64_C(0x94D049BB133111EB);
    return value ^ value >> 31;
}

struct str lexicon_word(uint64_t seed, uint64_t at)
{
    uint64_t pick = lexicon_mix(seed + at);
    return str_from(lexicon_words[pick % EP_ARRAY_LEN(lexicon_words)]);
}

/* ---- counting ----------------------------------------------------------------------------- */

struct counting {
    int64_t tokens;
    bool inside; /* a run of letters */
};

static void counting_take(struct counting *counting, unsigned c)
{
    bool letter =
        (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c >= 0x80;
    counting->tokens += letter ? !counting->inside : c > ' ';
    counting->inside = letter;
}

int64_t lexicon_count(struct str text)
{
    struct counting counting = { 0 };
    for (size_t i = 0; i < text.len; i++) {
        counting_take(&counting, (unsigned char)text.ptr[i]);
    }
    return counting.tokens;
}

static unsigned hex_value(char digit)
{
    unsigned c = (unsigned char)digit;
    return c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10;
}

/* What stands behind a backslash; *at is moved to its last byte. */
static unsigned escape_read(struct str text, size_t *at)
{
    unsigned char c = (unsigned char)text.ptr[*at];
    if (c != 'u') {
        return c == '"' || c == '\\' || c == '/' ? c : ' '; /* all others are white or control */
    }
    unsigned value = 0;
    for (size_t i = 1; i <= 4; i++) {
        value = value * 16 + hex_value(text.ptr[*at + i]);
    }
    *at += 4;
    return value;
}

int64_t lexicon_count_string(struct str value)
{
    ASSERT(value.len >= 2 && value.ptr[0] == '"');
    struct str text = str_slice(value, 1, value.len - 1);
    struct counting counting = { 0 };
    for (size_t i = 0; i < text.len; i++) {
        unsigned c = (unsigned char)text.ptr[i];
        if (c == '\\') {
            i++; /* checked JSON never ends behind a backslash */
            c = escape_read(text, &i);
        }
        counting_take(&counting, c);
    }
    return counting.tokens;
}
