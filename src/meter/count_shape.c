/* From the text between two special tokens to its pieces and their tokens. */
#include <string.h>

#include "base/mem.h"
#include "meter/count_internal.h"
#include "wire/utf8.h"

#define SHAPE_BITE   ((size_t)256) /* bytes that are put behind a short tail at a time */
#define SHAPE_PIECES 64            /* that are cut at a time */

void count_empty(struct buf *buf, size_t keep)
{
    buf_reset(buf);
    if (buf->cap > keep) {
        buf_fini(buf);
    }
}

static enum err shape_append_ids(struct count_pass *pass, const uint32_t *ids, size_t count)
{
    pass->stream->tokens += count;
    return buf_append(pass->out, (struct str){ (const char *)ids, count * sizeof(*ids) });
}

/* A piece of more tokens than have room in the counter. */
static enum err shape_encode_many(struct count_pass *pass, struct str piece, size_t count)
{
    uint32_t *ids = mem_alloc(count * sizeof(*ids));
    if (ids == NULL) {
        return ERR_NO_MEMORY;
    }
    size_t again = 0;
    enum err err = bpe_encode(pass->counter->bpe, piece, ids, count, &again);
    if (err == ERR_OK) {
        ASSERT(again == count);
        err = shape_append_ids(pass, ids, count);
    }
    mem_free(ids);
    return err;
}

static enum err shape_encode(struct count_pass *pass, struct str piece)
{
    struct token_counter *counter = pass->counter;
    size_t count = 0;
    TRY(bpe_encode(counter->bpe, piece, counter->ids, COUNT_IDS, &count));
    if (count > COUNT_IDS) {
        return shape_encode_many(pass, piece, count);
    }
    return shape_append_ids(pass, counter->ids, count);
}

static enum err shape_encode_pieces(struct count_pass *pass, struct str text, const size_t *ends,
                                    size_t count)
{
    for (size_t i = 0; i < count; i++) {
        TRY(shape_encode(pass, str_slice(text, i > 0 ? ends[i - 1] : 0, ends[i])));
    }
    return ERR_OK;
}

/* Counts the pieces that are final; *ret_used: their bytes, all of them if the text ends here. */
static enum err shape_pieces(struct count_pass *pass, struct str text, bool ends, size_t *ret_used)
{
    const struct vocab_split *split = vocab_split(pass->counter->vocab);
    const struct unicode_table *unicode = vocab_unicode(pass->counter->vocab);
    size_t cuts[SHAPE_PIECES];
    size_t count = SHAPE_PIECES;
    size_t at = 0;
    while (count == SHAPE_PIECES && at < text.len) {
        struct str rest = str_from_at(text, at);
        count = split_ends(split, unicode, rest, ends, cuts, SHAPE_PIECES);
        if (count == 0) {
            break;
        }
        if (pass->out == NULL) {
            pass->stream->tokens += bpe_count_pieces(pass->counter->bpe, rest, cuts, count);
        } else {
            TRY(shape_encode_pieces(pass, rest, cuts, count));
        }
        at += cuts[count - 1];
    }
    ASSERT(!ends || at == text.len);
    *ret_used = at;
    return ERR_OK;
}

/* A piece that has no end in sight is cut after its last whole character, so that nobody's prompt
 * holds up a thread or fills its memory. */
static enum err shape_cut(struct count_pass *pass)
{
    struct count_stream *stream = pass->stream;
    struct str tail = buf_str(&stream->tail);
    size_t end = tail.len;
    while (end > 0 && ((unsigned char)tail.ptr[end - 1] & 0xC0) == 0x80) {
        end--;
    }
    bool whole = end == 0 || (unsigned char)tail.ptr[end - 1] < 0x80 ||
                 utf8_len(tail.ptr + end - 1, tail.len - end + 1) > 0;
    end = whole ? tail.len : end - 1;
    size_t used = 0;
    TRY(shape_pieces(pass, str_slice(tail, 0, end), true, &used));
    buf_drop(&stream->tail, used);
    stream->tail_look = stream->tail.len + stream->tail.len / 2;
    stream->cuts++;
    return ERR_OK;
}

/*
 * Puts `text` behind the tail, bite by bite, until all that was in the tail is final: what is left
 * of `text` can then be worked on in place. A bite as long as the tail keeps this linear.
 */
static enum err shape_join(struct count_pass *pass, struct str *text, bool ends)
{
    struct count_stream *stream = pass->stream;
    while (stream->tail.len > 0 && text->len > 0) {
        size_t before = stream->tail.len;
        size_t bite = before > SHAPE_BITE ? before : SHAPE_BITE;
        bite = bite < text->len ? bite : text->len;
        TRY(buf_append(&stream->tail, str_slice(*text, 0, bite)));
        *text = str_from_at(*text, bite);
        bool last = ends && text->len == 0;
        if (!last && stream->tail.len < stream->tail_look) {
            continue;
        }
        size_t used = 0;
        TRY(shape_pieces(pass, buf_str(&stream->tail), last, &used));
        if (used >= before) {
            size_t back = stream->tail.len - used;
            ASSERT(back <= bite);
            *text = (struct str){ text->ptr - back, text->len + back };
            count_empty(&stream->tail, COUNT_PIECE_MAX);
        } else {
            buf_drop(&stream->tail, used);
            stream->tail_look = stream->tail.len + stream->tail.len / 2;
            if (stream->piece_max > 0 && stream->tail.len >= stream->piece_max) {
                TRY(shape_cut(pass));
            }
        }
    }
    return ERR_OK;
}

static enum err count_take(struct count_pass *pass, struct str text, bool ends)
{
    struct count_stream *stream = pass->stream;
    size_t used = 0;
    TRY(shape_join(pass, &text, ends));
    if (stream->tail.len == 0) {
        TRY(shape_pieces(pass, text, ends, &used));
        if (stream->tail.cap == 0) { /* an open stream has its last word for long */
            TRY(buf_reserve_little(&stream->tail, text.len - used));
        }
        TRY(buf_append(&stream->tail, str_from_at(text, used)));
        stream->tail_look = stream->tail.len + stream->tail.len / 2;
        return ERR_OK;
    }
    ASSERT(text.len == 0);
    if (ends) {
        TRY(shape_pieces(pass, buf_str(&stream->tail), true, &used));
        count_empty(&stream->tail, COUNT_PIECE_MAX);
    }
    return ERR_OK;
}

static enum err shape_nfc(struct count_pass *pass, struct str text, bool ends, size_t *ret_kept)
{
    size_t at = 0;
    for (;;) {
        struct nfc_change change;
        TRY(nfc_next(pass->counter->nfc, text, at, ends, &change));
        bool last = change.start == change.end;
        TRY(count_take(pass, str_slice(text, at, change.start), last && ends));
        if (last) {
            ASSERT(!ends || change.start == text.len);
            *ret_kept = text.len - change.start;
            return ERR_OK;
        }
        TRY(count_take(pass, change.text, false));
        at = change.end;
    }
}

/* Takes text into the scratch, U+2581 for each space, until that is full; its bytes there. */
static size_t shape_fill(struct token_counter *counter, struct str *text)
{
    static const char mark[3] = { '\xE2', '\x96', '\x81' };
    size_t len = 0;
    while (text->len > 0 && len + sizeof(mark) <= COUNT_SCRATCH) {
        size_t plain = str_find(*text, ' ');
        size_t room = COUNT_SCRATCH - len;
        plain = plain < room ? plain : room;
        memcpy(counter->shaped + len, text->ptr, plain);
        len += plain;
        *text = str_from_at(*text, plain);
        if (text->len > 0 && text->ptr[0] == ' ' && len + sizeof(mark) <= COUNT_SCRATCH) {
            memcpy(counter->shaped + len, mark, sizeof(mark));
            len += sizeof(mark);
            *text = str_from_at(*text, 1);
        }
    }
    ASSERT(len <= COUNT_SCRATCH);
    return len;
}

static enum err shape_spaces(struct count_pass *pass, struct str text, bool ends)
{
    if (str_find(text, ' ') == text.len) {
        return count_take(pass, text, ends);
    }
    while (text.len > 0) {
        size_t len = shape_fill(pass->counter, &text);
        struct str shaped = { pass->counter->shaped, len };
        TRY(count_take(pass, shaped, ends && text.len == 0));
    }
    return ERR_OK;
}

enum err count_shape(struct count_pass *pass, struct str text, bool ends, size_t *ret_kept)
{
    *ret_kept = 0;
    if (pass->counter->nfc != NULL) {
        return shape_nfc(pass, text, ends, ret_kept);
    }
    if (vocab_split(pass->counter->vocab)->rule == VOCAB_RULE_SPACES) {
        return shape_spaces(pass, text, ends);
    }
    return count_take(pass, text, ends);
}

enum err count_special(struct count_pass *pass, const struct vocab_special *special)
{
    ASSERT(pass->stream->tail.len == 0);
    pass->stream->controls += special->control;
    if (pass->out == NULL) {
        pass->stream->tokens++;
        return ERR_OK;
    }
    return shape_append_ids(pass, &special->id, 1);
}
