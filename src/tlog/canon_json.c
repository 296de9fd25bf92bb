#include "tlog/canon_json.h"

#include "wire/json.h"
#include "wire/jsonw.h"

/* An object or a list that has been begun. */
struct canon_frame {
    bool object;
    size_t at;
    size_t count;
    struct json_member members[CANON_JSON_MEMBERS_MAX]; /* of an object, in order */
    struct str rest;                                    /* of a list */
};

struct canon_reader {
    struct buf *out;
    struct buf text; /* of one string, decoded */
    struct fail *fail;
    size_t depth;
    struct canon_frame frames[CANON_JSON_DEPTH_MAX];
};

static enum err canon_refuse(struct fail *fail, const char *what)
{
    return FAIL(fail, ERR_RECEIPT_INVALID, "%s", what);
}

static enum err canon_append(struct canon_reader *reader, struct str text)
{
    enum err err = buf_append(reader->out, text);
    return err == ERR_LIMIT ? canon_refuse(reader->fail, "it is longer than any receipt's") : err;
}

/* `value` with its quotes. */
static enum err canon_put_string(struct canon_reader *reader, struct str value)
{
    buf_reset(&reader->text);
    if (value.len > CANON_JSON_STRING_MAX) {
        return canon_refuse(reader->fail, "a string is longer than any receipt's");
    }
    if (!json_decode(value, &reader->text)) {
        return canon_refuse(reader->fail, "a string holds half a surrogate pair");
    }
    enum err err = jsonw_quote(reader->out, buf_str(&reader->text));
    return err == ERR_LIMIT ? canon_refuse(reader->fail, "it is longer than any receipt's") : err;
}

/* UTF-16 sorts what is beyond U+FFFF, as surrogates D800..DFFF, before U+E000..U+FFFF. */
static unsigned canon_rank(unsigned char byte)
{
    return byte >= 0xF0 ? byte - 2U : byte >= 0xEE ? byte + 6U : byte;
}

/* Keys by their UTF-16 code units, whatever escapes they are written with. */
static int canon_key_cmp(struct str a, struct str b)
{
    while (a.len > 0 && b.len > 0) {
        char of_a[4] = { 0 };
        char of_b[4] = { 0 };
        size_t len_a = json_take_char(&a, of_a);
        size_t len_b = json_take_char(&b, of_b);
        for (size_t i = 0; i < len_a && i < len_b; i++) {
            unsigned rank_a = canon_rank((unsigned char)of_a[i]);
            unsigned rank_b = canon_rank((unsigned char)of_b[i]);
            if (rank_a != rank_b) {
                return rank_a < rank_b ? -1 : 1;
            }
        }
    }
    return a.len > 0 ? 1 : b.len > 0 ? -1 : 0;
}

/* Sorted as they come: there are few. */
static enum err canon_sort(struct canon_reader *reader, struct canon_frame *frame, struct str value)
{
    struct json_member member;
    struct str rest = json_inside(value);
    while (json_next_member(&rest, &member)) {
        size_t at = frame->count;
        int order = -1;
        if (frame->count == CANON_JSON_MEMBERS_MAX) {
            return canon_refuse(reader->fail, "an object has more members than any receipt's");
        }
        while (at > 0 && (order = canon_key_cmp(frame->members[at - 1].key, member.key)) > 0) {
            frame->members[at] = frame->members[at - 1];
            at--;
        }
        if (at > 0 && order == 0) {
            return FAIL(reader->fail, ERR_RECEIPT_INVALID, "\"" STR_FMT "\" stands there twice",
                        STR_ARG(member.key));
        }
        frame->members[at] = member;
        frame->count++;
    }
    return ERR_OK;
}

static enum err canon_begin(struct canon_reader *reader, struct str value)
{
    enum json_kind kind = json_kind(value);
    if (kind == JSON_STRING) {
        return canon_put_string(reader, value);
    }
    if (kind != JSON_OBJECT && kind != JSON_ARRAY) {
        return FAIL(reader->fail, ERR_RECEIPT_INVALID,
                    "\"" STR_FMT "\" stands in it without quotes, which no receipt has",
                    STR_ARG(value));
    }
    if (reader->depth == CANON_JSON_DEPTH_MAX) {
        return canon_refuse(reader->fail, "it is nested deeper than any receipt's");
    }
    struct canon_frame *frame = &reader->frames[reader->depth++];
    frame->object = kind == JSON_OBJECT;
    frame->at = 0;
    frame->count = 0;
    frame->rest = json_inside(value);
    TRY(canon_append(reader, frame->object ? STR("{") : STR("[")));
    return frame->object ? canon_sort(reader, frame, value) : ERR_OK;
}

/* The key as a string with its quotes: it was cut out of one, but for an empty one, which is cut
 * out of nothing. */
static struct str canon_quoted(struct str key)
{
    return key.len > 0 ? (struct str){ key.ptr - 1, key.len + 2 } : STR("\"\"");
}

/* The next child of the innermost object or list, or its end. */
static enum err canon_go_on(struct canon_reader *reader)
{
    struct canon_frame *frame = &reader->frames[reader->depth - 1];
    struct str value = STR_EMPTY;
    bool more = frame->object ? frame->at < frame->count : json_next_item(&frame->rest, &value);
    if (!more) {
        reader->depth--;
        return canon_append(reader, frame->object ? STR("}") : STR("]"));
    }
    if (frame->at > 0) {
        TRY(canon_append(reader, STR(",")));
    }
    if (frame->object) {
        const struct json_member *member = &frame->members[frame->at];
        TRY(canon_put_string(reader, canon_quoted(member->key)));
        TRY(canon_append(reader, STR(":")));
        value = member->value;
    }
    frame->at++;
    return canon_begin(reader, value);
}

enum err canon_json(struct str value, struct buf *out, struct fail *fail)
{
    struct canon_reader reader;
    reader.out = out;
    reader.fail = fail;
    reader.depth = 0;
    buf_init(&reader.text, CANON_JSON_STRING_MAX);
    size_t before = out->len;
    enum err err = canon_begin(&reader, json_trim(value));
    while (err == ERR_OK && reader.depth > 0) {
        err = canon_go_on(&reader);
    }
    buf_fini(&reader.text);
    if (err != ERR_OK) {
        out->len = before;
    }
    return err;
}
