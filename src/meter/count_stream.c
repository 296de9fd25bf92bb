/* From bytes in parts to the text between special tokens. */
#include <string.h>

#include "meter/code.h"
#include "meter/count_internal.h"

#define STREAM_SLICE ((size_t)64 << 10) /* bytes of a part that are taken at a time */
#define STREAM_WHITE (UNICODE_SPACE | UNICODE_NEWLINE)

static const char stream_replacement[] = "\xEF\xBF\xBD";

/* Special tokens are taken out; what may become one, or change, stays in stream->raw. */
static enum err count_find(struct count_pass *pass, struct str text, bool over)
{
    struct count_stream *stream = pass->stream;
    bool joined = stream->raw.len > 0;
    if (joined) {
        TRY(buf_append(&stream->raw, text));
        if (!over && stream->raw.len < stream->raw_look) {
            return ERR_OK;
        }
        text = buf_str(&stream->raw);
    }
    struct special_match match = { .end = 0 };
    size_t kept = 0;
    do {
        size_t at = match.end;
        match =
            special_find(pass->counter->special, text, at, stream->specials == COUNT_PARSED, over);
        bool ends = match.found == SPECIAL_MATCH || over;
        TRY(count_shape(pass, str_slice(text, at, match.start), ends, &kept));
        if (match.found == SPECIAL_MATCH) {
            TRY(count_special(pass, match.which));
        }
    } while (match.found == SPECIAL_MATCH);
    ASSERT(!over || (match.start == text.len && kept == 0));
    struct str rest = str_from_at(text, match.start - kept);
    if (joined) {
        buf_drop(&stream->raw, text.len - rest.len);
    } else {
        TRY(buf_append(&stream->raw, rest));
    }
    if (stream->raw.len == 0) {
        count_empty(&stream->raw, COUNT_RAW);
    }
    stream->raw_look = stream->raw.len + stream->raw.len / 2;
    return ERR_OK;
}

/* White space as Python's str.isspace() has it: also the four separators of ASCII. */
static bool stream_is_white(const struct token_counter *counter, uint32_t code)
{
    return (code >= 0x1C && code <= 0x1F) ||
           (unicode_class(vocab_unicode(counter->vocab), code) & STREAM_WHITE) != 0;
}

/* Takes a character into account; true: the text is cut before it. */
static bool stream_cuts(struct count_stream *stream, const struct vocab_split *split, bool white)
{
    if (split->text_max > 0 && stream->text == split->text_max) {
        stream->text = 1;
        stream->run = 1;
        stream->run_space = white;
        return true;
    }
    stream->text++;
    if (stream->run == 0 || white != stream->run_space) {
        stream->run = 1;
        stream->run_space = white;
        return false;
    }
    if (split->run_max > 0 && stream->run == split->run_max) {
        stream->run = 1;
        return true;
    }
    stream->run++;
    return false;
}

static void stream_begin_text(struct count_stream *stream)
{
    stream->run = 0;
    stream->text = 0;
}

/* Whether a run ends or begins at `at`, between two characters. */
static bool stream_changes(const struct token_counter *counter, struct str text, size_t at)
{
    const uint8_t *bytes = (const uint8_t *)text.ptr;
    unsigned length = 0;
    if ((bytes[at] & 0xC0) == 0x80) {
        return false;
    }
    size_t last = code_last(str_slice(text, 0, at));
    bool before = stream_is_white(counter, code_read(bytes + last, bytes + at, &length));
    return stream_is_white(counter, code_read(bytes + at, bytes + text.len, &length)) != before;
}

/* Whether a run of over `max` bytes is in the text. Looking back from where one that begins at `at`
 * would be too long, ordinary text has a change at once. */
static bool stream_may_run(const struct token_counter *counter, struct str text, size_t max)
{
    for (size_t at = 0; text.len - at > max;) {
        size_t change = at + max;
        while (change > at && !stream_changes(counter, text, change)) {
            change--;
        }
        if (change == at) {
            return true;
        }
        at = change;
    }
    return false;
}

/* Whether so much more text can reach one of the family's lengths. */
static bool stream_may_cut(const struct token_counter *counter, const struct count_stream *stream,
                           const struct vocab_split *split, struct str text)
{
    if (split->text_max > 0 && stream->text + text.len > split->text_max) {
        return true;
    }
    return split->run_max > 0 && stream->run + text.len > split->run_max &&
           (stream->run > 0 || stream_may_run(counter, text, split->run_max));
}

/* What is too long is cut, each part a text of its own (Kimi: facts of its Python wrapper). */
static enum err count_cut(struct count_pass *pass, struct str text, bool over)
{
    const struct vocab_split *split = vocab_split(pass->counter->vocab);
    struct count_stream *stream = pass->stream;
    bool counts = split->run_max > 0 || split->text_max > 0;
    if (!counts || (over && !stream_may_cut(pass->counter, stream, split, text))) {
        stream_begin_text(stream);
        return count_find(pass, text, over);
    }
    const uint8_t *bytes = (const uint8_t *)text.ptr;
    size_t from = 0;
    unsigned length = 0;
    for (size_t at = 0; at < text.len; at += length) {
        uint32_t code = code_read(bytes + at, bytes + text.len, &length);
        if (stream_cuts(stream, split, stream_is_white(pass->counter, code))) {
            TRY(count_find(pass, str_slice(text, from, at), true));
            from = at;
        }
    }
    if (over) {
        stream_begin_text(stream);
    }
    return count_find(pass, str_from_at(text, from), over);
}

/* The character that the part before has begun: its rest, or what shows that it has none. */
static enum err stream_complete(struct count_pass *pass, struct str *part, bool over)
{
    struct count_stream *stream = pass->stream;
    char bytes[2 * sizeof(stream->held)];
    size_t held = stream->held_len;
    size_t more = part->len < sizeof(stream->held) ? part->len : sizeof(stream->held);
    memcpy(bytes, stream->held, held);
    if (more > 0) {
        memcpy(bytes + held, part->ptr, more);
    }
    struct str all = { bytes, held + more };
    size_t length = utf8_len(all.ptr, all.len);
    struct str text = { bytes, length };
    if (length == 0) {
        length = code_broken(all, over && more == part->len);
        text = (struct str){ stream_replacement, sizeof(stream_replacement) - 1 };
    }
    if (length == 0) {
        ASSERT(all.len < sizeof(stream->held));
        memcpy(stream->held, all.ptr, all.len);
        stream->held_len = (uint8_t)all.len;
        *part = str_from_at(*part, part->len);
        return ERR_OK;
    }
    ASSERT(length >= held);
    stream->held_len = 0;
    *part = str_from_at(*part, length - held);
    return count_cut(pass, text, over && part->len == 0);
}

/* The valid beginning of a part, and what is broken behind it. */
static enum err stream_repair(struct count_pass *pass, struct str *part, bool over)
{
    size_t valid = utf8_valid(*part);
    size_t broken = 0;
    if (valid < part->len) {
        struct str rest = str_from_at(*part, valid);
        broken = code_broken(rest, over);
        if (broken == 0) {
            ASSERT(rest.len < sizeof(pass->stream->held));
            memcpy(pass->stream->held, rest.ptr, rest.len);
            pass->stream->held_len = (uint8_t)rest.len;
        }
    }
    struct str good = str_slice(*part, 0, valid);
    *part = str_from_at(*part, broken == 0 ? part->len : valid + broken);
    if (valid > 0 || broken == 0) {
        TRY(count_cut(pass, good, over && broken == 0));
    }
    if (broken == 0) {
        return ERR_OK;
    }
    struct str replacement = { stream_replacement, sizeof(stream_replacement) - 1 };
    return count_cut(pass, replacement, over && part->len == 0);
}

enum err count_feed(struct count_pass *pass, struct str part, bool over)
{
    struct count_stream *stream = pass->stream;
    part = part.len > 0 ? part : STR("");
    if (part.len == 0 && !over) {
        return ERR_OK;
    }
    do {
        /* A whole text is worked on in place; of one that goes on, the end may be copied. */
        size_t most = over || part.len <= STREAM_SLICE ? part.len : STREAM_SLICE;
        struct str slice = str_slice(part, 0, most);
        if (stream->held_len > 0) {
            TRY(stream_complete(pass, &slice, over));
        } else {
            TRY(stream_repair(pass, &slice, over));
        }
        part = str_from_at(part, most - slice.len);
    } while (part.len > 0);
    ASSERT(!over || (stream->held_len == 0 && stream->raw.len == 0 && stream->tail.len == 0));
    return ERR_OK;
}

void count_stream_init(struct count_stream *stream, enum count_specials specials)
{
    ASSERT(specials == COUNT_LITERAL || specials == COUNT_PARSED);
    *stream = (struct count_stream){ .specials = specials };
    buf_init(&stream->raw, COUNT_HELD_MAX);
    buf_init(&stream->tail, COUNT_HELD_MAX);
}

void count_stream_fini(struct count_stream *stream)
{
    buf_fini(&stream->raw);
    buf_fini(&stream->tail);
}

enum err count_stream_feed(struct token_counter *counter, struct count_stream *stream,
                           struct str part)
{
    struct count_pass pass = { counter, stream, NULL };
    return count_feed(&pass, part, false);
}

enum err count_stream_control(struct token_counter *counter, struct count_stream *stream,
                              uint64_t tokens)
{
    struct count_pass pass = { counter, stream, NULL };
    TRY(count_feed(&pass, STR(""), true));
    stream->tokens += tokens;
    return ERR_OK;
}

enum err count_stream_now(struct token_counter *counter, struct count_stream *stream,
                          uint64_t *ret_tokens)
{
    struct count_stream probe = *stream;
    struct count_pass pass = { counter, &probe, NULL };
    count_lend(counter, &probe);
    enum err err = buf_append(&probe.tail, buf_str(&stream->tail));
    if (err == ERR_OK) {
        err = buf_append(&probe.raw, buf_str(&stream->raw));
    }
    if (err == ERR_OK) {
        err = count_feed(&pass, STR(""), true);
    }
    count_give_back(counter, &probe);
    if (err == ERR_OK) {
        *ret_tokens = probe.tokens;
    }
    return err;
}
