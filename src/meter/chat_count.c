#include "meter/chat_count.h"

#include "meter/media.h"

/* What costs as much time as counting a byte, about 10 ns. */
#define CHAT_CUT_MARGIN 8  /* tokens: merges do not reach further over a cut in any text tried */
#define CHAT_GLANCE     16 /* bytes that are looked through for an item */
#define CHAT_PIECE      8  /* bytes for a piece, */
#define CHAT_ITEM       96 /* for a message or another item: its members are told by name */

void chat_count_begin(struct chat_count *chat, struct token_counter *counter,
                      const struct chat_count_options *options, struct str body)
{
    ASSERT(counter != NULL && options->program != NULL);
    chat->counter = counter;
    chat->options = *options;
    if (chat->options.image.len == 0) {
        chat->options.image = template_image(options->program);
    }
    if (chat->options.audio.len == 0) {
        chat->options.audio = template_audio(options->program);
    }
    count_stream_init(&chat->stream, options->specials);
    chat->stream.piece_max = COUNT_PIECE_CUT;
    template_begin(&chat->run, options->program, body);
    chat->at_piece = false;
    chat->done = false;
    chat->offset = 0;
    chat->counted = (struct chat_counted){ .exact = true };
}

void chat_count_fini(struct chat_count *chat)
{
    count_stream_fini(&chat->stream);
}

static void chat_doubt(struct chat_count *chat, uint64_t tokens)
{
    chat->counted.exact = false;
    chat->counted.margin += tokens > 0 ? tokens : 1;
}

/* ---- text -------------------------------------------------------------------------------- */

static const struct vocab_special *chat_special(const struct chat_count *chat, struct str text)
{
    size_t high = 0;
    const struct vocab_special *specials =
        vocab_specials(token_counter_vocab(chat->counter), &high);
    size_t low = 0;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = str_cmp(specials[middle].text, text);
        if (order == 0) {
            return &specials[middle];
        }
        if (order < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return NULL;
}

/* A token by its text; where the vocabulary has none it is text, and no family's `control`. */
static enum err chat_token(struct chat_count *chat, struct str text, bool control)
{
    const struct vocab_special *special = chat_special(chat, text);
    if (special == NULL) {
        if (control) {
            chat_doubt(chat, text.len);
        }
        return count_stream_feed(chat->counter, &chat->stream, text);
    }
    if (special->lstrip || special->rstrip) {
        chat_doubt(chat, 1); /* white space beside it is its own, and is counted as text here */
    }
    return count_stream_control(chat->counter, &chat->stream, 1);
}

/* Some of a JSON value. */
static enum err chat_json(struct chat_count *chat, size_t budget, size_t *spent)
{
    const struct template_piece *piece = &chat->piece;
    if (chat->offset == 0) {
        tojson_begin(&chat->tojson, piece->text, piece->embedded, piece->style, piece->wrap);
        chat->offset = 1;
    }
    while (*spent < budget) {
        struct tojson_run run;
        if (!tojson_next(&chat->tojson, &run)) {
            chat->at_piece = false;
            if (!chat->tojson.exact) {
                chat_doubt(chat, piece->text.len / 2 + 8);
            }
            return ERR_OK;
        }
        *spent += run.text.len;
        TRY(run.mark ? chat_token(chat, run.text, false)
                     : count_stream_feed(chat->counter, &chat->stream, run.text));
    }
    return ERR_OK;
}

static enum err chat_string(struct chat_count *chat, size_t budget, size_t *spent)
{
    ASSERT(*spent < budget);
    size_t before = chat->offset;
    enum err err = count_stream_json(chat->counter, &chat->stream, chat->piece.text, &chat->offset,
                                     budget - *spent);
    *spent += chat->offset - before + 1;
    chat->at_piece = chat->offset < chat->piece.text.len;
    return err;
}

/* ---- media ------------------------------------------------------------------------------- */

static struct str chat_span(struct str value)
{
    return value.len > 0 && json_kind(value) == JSON_STRING ? json_inside(value) : STR_EMPTY;
}

static enum err chat_image(struct chat_count *chat)
{
    struct str image = json_get(chat->piece.text, STR("image_url"));
    bool object = image.len > 0 && json_kind(image) == JSON_OBJECT;
    struct str detail = json_get(object ? image : chat->piece.text, STR("detail"));
    struct str url = chat_span(object ? json_get(image, STR("url")) : image);
    struct media_size size;
    bool known = media_image_size(url, &size);
    bool low = detail.len > 0 && json_string_is(detail, STR("low"));
    struct media_count count = media_image_tokens(chat->options.image, known ? &size : NULL, low);
    chat->counted.image_tokens += count.tokens;
    chat_doubt(chat, count.margin);
    return count_stream_control(chat->counter, &chat->stream, 0);
}

static enum err chat_audio(struct chat_count *chat)
{
    struct str audio = json_get(chat->piece.text, STR("input_audio"));
    uint64_t ms = 0;
    bool known = media_audio_ms(chat_span(json_get(audio, STR("data"))), &ms);
    struct media_count count = media_audio_tokens(chat->options.audio, ms, known);
    chat->counted.audio_tokens += count.tokens;
    chat_doubt(chat, count.margin);
    return count_stream_control(chat->counter, &chat->stream, 0);
}

/* ---- the whole --------------------------------------------------------------------------- */

static enum err chat_end(struct chat_count *chat)
{
    TRY(count_stream_now(chat->counter, &chat->stream, &chat->counted.tokens));
    chat->counted.controls = chat->stream.controls;
    if (chat->stream.cuts > 0) {
        chat_doubt(chat, chat->stream.cuts * CHAT_CUT_MARGIN);
    }
    ASSERT(chat->counted.exact == (chat->counted.margin == 0));
    chat->done = true;
    return ERR_OK;
}

/* The piece at hand, or as much of it as the budget allows. */
static enum err chat_piece(struct chat_count *chat, size_t budget, size_t *spent)
{
    const struct template_piece *piece = &chat->piece;
    if (piece->kind == TEMPLATE_STRING && piece->text.len > 0) {
        return chat_string(chat, budget, spent);
    }
    if (piece->kind == TEMPLATE_JSON) {
        return chat_json(chat, budget, spent);
    }
    chat->at_piece = false;
    switch (piece->kind) {
    case TEMPLATE_END:
        return chat_end(chat);
    case TEMPLATE_CONTROL:
    case TEMPLATE_MARK:
        return chat_token(chat, piece->text, piece->kind == TEMPLATE_CONTROL);
    case TEMPLATE_TEXT:
        *spent += piece->text.len;
        return count_stream_feed(chat->counter, &chat->stream, piece->text);
    case TEMPLATE_GAP:
        return count_stream_control(chat->counter, &chat->stream, piece->tokens);
    case TEMPLATE_IMAGE:
        return chat_image(chat);
    case TEMPLATE_AUDIO:
        return chat_audio(chat);
    case TEMPLATE_DOUBT:
        chat_doubt(chat, piece->tokens);
        break;
    case TEMPLATE_WAIT:
    case TEMPLATE_STRING:
    case TEMPLATE_JSON:
        break;
    }
    return ERR_OK;
}

enum err chat_count_step(struct chat_count *chat, struct token_counter *counter, size_t budget,
                         bool *ret_done)
{
    ASSERT(token_counter_vocab(counter) == token_counter_vocab(chat->counter));
    ASSERT(budget > 0);
    chat->counter = counter;
    size_t spent = 0;
    while (!chat->done && spent < budget) {
        if (!chat->at_piece) {
            template_next(&chat->run, &chat->piece);
            chat->at_piece = true;
            chat->offset = 0;
            bool item = chat->piece.kind == TEMPLATE_WAIT;
            spent += chat->piece.bytes / CHAT_GLANCE + (item ? CHAT_ITEM : CHAT_PIECE);
        }
        if (spent < budget) {
            TRY(chat_piece(chat, budget, &spent));
        }
    }
    *ret_done = chat->done;
    return ERR_OK;
}

struct chat_counted chat_count_result(const struct chat_count *chat)
{
    ASSERT(chat->done);
    return chat->counted;
}
