/* What stands near a number: keywords that tell what it is, or base64 that tells it is none. */
#include <string.h>

#include "policy/detect_internal.h"

/* Whether `text` holds the keyword, ASCII letters in any case. */
static bool detect_same(const char *text, const char *word, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (detect_lower(text[i]) != word[i]) {
            return false;
        }
    }
    return true;
}

static bool detect_word_before(const struct detect_keywords *keywords, const char *begin,
                               const char *at, unsigned gap)
{
    for (size_t i = 0; i < keywords->count; i++) {
        size_t len = keywords->words[i].len;
        if (gap <= keywords->words[i].window && (size_t)(at - begin) >= len &&
            detect_same(at - len, keywords->words[i].text, len)) {
            return true;
        }
    }
    return false;
}

static bool detect_word_behind(const struct detect_keywords *keywords, const char *at,
                               const char *end, unsigned gap)
{
    for (size_t i = 0; i < keywords->count; i++) {
        size_t len = keywords->words[i].len;
        if (gap <= keywords->words[i].window && (size_t)(end - at) >= len &&
            detect_same(at, keywords->words[i].text, len)) {
            return true;
        }
    }
    return false;
}

bool detect_near(const struct detect_keywords *keywords, const struct detect_view *view,
                 const char *from, const char *to)
{
    ASSERT(view->begin <= from && from < to && to <= view->end);
    if (keywords->count == 0) {
        return false;
    }
    const char *before = from;
    const char *behind = to;
    for (unsigned gap = 0; gap <= keywords->window; gap++) {
        if (detect_word_before(keywords, view->begin, before, gap) ||
            detect_word_behind(keywords, behind, view->end, gap)) {
            return true;
        }
        before -= before > view->begin ? detect_char_before(view->begin, before).len : 0;
        behind += behind < view->end ? detect_char_at(behind, view->end).len : 0;
    }
    return false;
}

static bool detect_is_base64(char byte)
{
    char lower = (char)(byte | 0x20);
    return (byte >= '0' && byte <= '9') || (lower >= 'a' && lower <= 'z') || byte == '+' ||
           byte == '/' || byte == '-' || byte == '_';
}

static bool detect_is_capital(char byte)
{
    return byte >= 'A' && byte <= 'Z';
}

bool detect_in_blob(const struct detect_view *view, const char *from, const char *to)
{
    static const struct str announced = STR_INIT("base64,");
    ASSERT(view->begin <= from && from < to && to <= view->end);
    for (const char *at = from; at < to; at++) {
        if (!detect_is_base64(*at)) {
            return false;
        }
    }
    bool capital = false;
    const char *begin = from;
    while (begin > view->begin && from - begin < DETECT_BLOB_MIN && detect_is_base64(begin[-1])) {
        begin--;
        capital |= detect_is_capital(*begin);
    }
    if ((size_t)(begin - view->begin) >= announced.len &&
        memcmp(begin - announced.len, announced.ptr, announced.len) == 0) {
        return true;
    }
    const char *end = to;
    while (end < view->end && end - to < DETECT_BLOB_MIN && detect_is_base64(*end)) {
        capital |= detect_is_capital(*end);
        end++;
    }
    return capital && end - begin >= DETECT_BLOB_MIN;
}
