#include "dialect/sentence.h"

enum sentence_mark {
    SENTENCE_PLAIN,
    SENTENCE_SPACE,
    SENTENCE_LINE,   /* ends it at once */
    SENTENCE_COMMA,  /* may be cut behind, if need be */
    SENTENCE_STOP,   /* ends it where white space follows */
    SENTENCE_WIDE,   /* ends it */
    SENTENCE_CLOSING /* belongs to what it closes */
};

struct sentence_sign {
    struct str text;
    enum sentence_mark mark;
};

static const struct sentence_sign sentence_signs[] = {
    { STR_INIT("\n"), SENTENCE_LINE },
    { STR_INIT("\r"), SENTENCE_LINE },
    { STR_INIT(" "), SENTENCE_SPACE },
    { STR_INIT("\t"), SENTENCE_SPACE },
    { STR_INIT("."), SENTENCE_STOP },
    { STR_INIT("!"), SENTENCE_STOP },
    { STR_INIT("?"), SENTENCE_STOP },
    { STR_INIT(";"), SENTENCE_STOP },
    { STR_INIT(","), SENTENCE_COMMA },
    { STR_INIT("\""), SENTENCE_CLOSING },
    { STR_INIT("'"), SENTENCE_CLOSING },
    { STR_INIT(")"), SENTENCE_CLOSING },
    { STR_INIT("]"), SENTENCE_CLOSING },
    { STR_INIT("\xE2\x80\xA6"), SENTENCE_STOP },    /* an ellipsis */
    { STR_INIT("\xE2\x80\x99"), SENTENCE_CLOSING }, /* quotes */
    { STR_INIT("\xE2\x80\x9D"), SENTENCE_CLOSING },
    { STR_INIT("\xE3\x80\x81"), SENTENCE_COMMA }, /* of East Asia, from here on */
    { STR_INIT("\xE3\x80\x82"), SENTENCE_WIDE },
    { STR_INIT("\xE3\x80\x8D"), SENTENCE_CLOSING },
    { STR_INIT("\xE3\x80\x8F"), SENTENCE_CLOSING },
    { STR_INIT("\xEF\xBC\x81"), SENTENCE_WIDE },
    { STR_INIT("\xEF\xBC\x89"), SENTENCE_CLOSING },
    { STR_INIT("\xEF\xBC\x8C"), SENTENCE_COMMA },
    { STR_INIT("\xEF\xBC\x9B"), SENTENCE_WIDE },
    { STR_INIT("\xEF\xBC\x9F"), SENTENCE_WIDE },
};

void sentence_init(struct sentence *sentence)
{
    buf_init(&sentence->text, SENTENCE_PENDING);
    sentence->taken = 0;
}

void sentence_fini(struct sentence *sentence)
{
    buf_fini(&sentence->text);
}

enum err sentence_feed(struct sentence *sentence, struct str text)
{
    buf_drop(&sentence->text, sentence->taken);
    sentence->taken = 0;
    return buf_append(&sentence->text, text);
}

/* The length of the character at the front, by its first byte. */
static size_t sentence_char(struct str text)
{
    unsigned char first = (unsigned char)text.ptr[0];
    return first < 0xC0 ? 1 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
}

static enum sentence_mark sentence_mark(struct str sign)
{
    for (size_t i = 0; i < EP_ARRAY_LEN(sentence_signs); i++) {
        if (str_eq(sentence_signs[i].text, sign)) {
            return sentence_signs[i].mark;
        }
    }
    return SENTENCE_PLAIN;
}

/* A letter or digit, as far as it must be known: ASCII's, and all of other scripts but symbols,
 * punctuation (U+2000 to U+303F) and emoji (four bytes from F0 9F on). */
static bool sentence_is_word(struct str sign)
{
    unsigned char first = (unsigned char)sign.ptr[0];
    bool letter = (first >= 'a' && first <= 'z') || (first >= 'A' && first <= 'Z') ||
                  (first >= '0' && first <= '9');
    if (first < 0xC3 || sign.len < 2) {
        return letter;
    }
    unsigned char second = (unsigned char)sign.ptr[1];
    bool symbol = first == 0xE2 || (first == 0xE3 && second == 0x80) ||
                  (first == 0xEF && second >= 0xB8 && sentence_mark(sign) != SENTENCE_PLAIN) ||
                  (first == 0xEF && second == 0xB8) || (first == 0xF0 && second == 0x9F);
    return !symbol;
}

static bool sentence_speaks(struct str text)
{
    bool word = false;
    while (!word && text.len > 0) {
        size_t len = sentence_char(text);
        len = len < text.len ? len : text.len;
        word = sentence_is_word(str_slice(text, 0, len));
        text = str_from_at(text, len);
    }
    return word;
}

/* Where the first sentence of `text` ends; 0: it is not complete. */
static size_t sentence_find(struct str text)
{
    enum sentence_mark before = SENTENCE_PLAIN; /* a stop that is passed, closing signs apart */
    size_t may_cut = 0;
    size_t at = 0;
    while (at < text.len) {
        struct str rest = str_from_at(text, at);
        size_t len = sentence_char(rest);
        if (len > rest.len && at + len <= SENTENCE_MAX) {
            return 0; /* a part of a character: nobody knows yet which */
        }
        len = len < rest.len ? len : rest.len;
        enum sentence_mark mark = sentence_mark(str_slice(rest, 0, len));
        bool joins = mark == SENTENCE_CLOSING || mark == SENTENCE_STOP || mark == SENTENCE_WIDE;
        if (mark == SENTENCE_LINE || (before == SENTENCE_WIDE && !joins) ||
            (before == SENTENCE_STOP && mark == SENTENCE_SPACE)) {
            return mark == SENTENCE_LINE ? at + len : at;
        }
        if (at + len > SENTENCE_MAX) {
            return may_cut > 0 ? may_cut : at;
        }
        at += len;
        if (mark == SENTENCE_SPACE || mark == SENTENCE_COMMA) {
            may_cut = at;
        }
        before = mark == SENTENCE_CLOSING ? before : mark;
    }
    return 0;
}

static struct str sentence_trim(struct str text)
{
    while (text.len > 0 && (unsigned char)text.ptr[0] <= ' ') {
        text = str_from_at(text, 1);
    }
    while (text.len > 0 && (unsigned char)text.ptr[text.len - 1] <= ' ') {
        text.len--;
    }
    return text;
}

bool sentence_next(struct sentence *sentence, bool ended, struct str *ret_text)
{
    for (;;) {
        struct str text = str_from_at(buf_str(&sentence->text), sentence->taken);
        size_t end = sentence_find(text);
        end = end > 0 || !ended ? end : text.len;
        if (end == 0) {
            return false;
        }
        sentence->taken += end;
        struct str found = sentence_trim(str_slice(text, 0, end));
        if (sentence_speaks(found)) {
            *ret_text = found;
            return true;
        }
    }
}
