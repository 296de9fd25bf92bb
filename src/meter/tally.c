#include "meter/tally.h"

#include "base/mem.h"

#define TALLY_TEXTS_FIRST 1   /* content; most models reason aside or not at all */
#define TALLY_OPEN        512 /* bytes: ordinary text has under 256 */

struct tally_text {
    struct count_stream stream;
    enum tally_part part;
    int64_t choice;
    int64_t index;
    uint64_t most;      /* tokens, at any moment that was counted */
    size_t looked_open; /* bytes that were open then */
};

void tally_init(struct tally *tally)
{
    *tally = (struct tally){ .count = 0 };
}

void tally_fini(struct tally *tally)
{
    for (size_t i = 0; i < tally->count; i++) {
        count_stream_fini(&tally->texts[i].stream);
    }
    mem_free(tally->texts);
    tally->texts = NULL;
    tally->count = 0;
    tally->cap = 0;
}

static struct tally_text *tally_find(const struct tally *tally, const struct tally_piece *piece)
{
    /* From the end: an answer says one thing after the other. */
    for (size_t i = tally->count; i > 0; i--) {
        struct tally_text *text = &tally->texts[i - 1];
        if (text->part == piece->part && text->choice == piece->choice &&
            text->index == piece->index) {
            return text;
        }
    }
    return NULL;
}

static struct tally_text *tally_begin_text(struct tally *tally, const struct tally_piece *piece)
{
    if (tally->count == tally->cap) {
        size_t cap = tally->cap == 0 ? TALLY_TEXTS_FIRST : tally->cap * 2;
        struct tally_text *grown =
            cap > TALLY_TEXTS_MAX ? NULL : mem_realloc(tally->texts, cap * sizeof(*grown));
        if (grown == NULL) {
            return NULL;
        }
        tally->texts = grown;
        tally->cap = cap;
    }
    struct tally_text *text = &tally->texts[tally->count++];
    *text =
        (struct tally_text){ .part = piece->part, .choice = piece->choice, .index = piece->index };
    count_stream_init(&text->stream, COUNT_LITERAL);
    text->stream.piece_max = COUNT_PIECE_CUT;
    return text;
}

/* Counts the text as it is now: always while little of it is open, else when that has grown by an
 * eighth. So the work stays linear, whatever a model says. */
static void tally_look(struct tally *tally, struct token_counter *counter, struct tally_text *text)
{
    size_t open = text->stream.tail.len;
    uint64_t now = 0;
    if (open > TALLY_OPEN && open >= text->looked_open && open < text->looked_open * 9 / 8) {
        return;
    }
    text->looked_open = open;
    if (count_stream_now(counter, &text->stream, &now) != ERR_OK) {
        tally->lost = true;
    } else if (now > text->most) {
        tally->most[text->part] += now - text->most;
        text->most = now;
    }
}

void tally_add(struct tally *tally, struct token_counter *counter, const struct tally_piece *piece)
{
    ASSERT((unsigned)piece->part < TALLY_PARTS);
    ASSERT(piece->json.len >= 2 && *piece->offset <= piece->json.len);
    struct tally_text *text = tally_find(tally, piece);
    text = text != NULL ? text : tally_begin_text(tally, piece);
    if (tally->lost || text == NULL ||
        count_stream_json(counter, &text->stream, piece->json, piece->offset, piece->budget) !=
            ERR_OK) {
        tally->lost = true; /* a text with a hole in it is no text */
        return;
    }
    if (*piece->offset == piece->json.len && !piece->whole) {
        tally_look(tally, counter, text);
    }
}

void tally_end(struct tally *tally, struct token_counter *counter)
{
    for (size_t i = 0; i < tally->count && !tally->lost; i++) {
        struct tally_text *text = &tally->texts[i];
        uint64_t now = 0;
        if (count_stream_now(counter, &text->stream, &now) == ERR_OK) {
            tally->tokens[text->part] += now;
        } else {
            tally->lost = true;
        }
        tally->cut |= text->stream.cuts > 0;
    }
}
