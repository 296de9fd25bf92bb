#include "meter/text_count.h"

#include "wire/json.h"

#define TEXT_CUT_MARGIN   8 /* tokens: merges do not reach further over a cut in any text tried */
#define TEXT_FRAME_TOKENS 2 /* around a text: one that begins it, one that ends it */

/* The string that an item stands for; empty: it has none. */
static struct str text_of(struct str item)
{
    struct str text = json_kind(item) == JSON_OBJECT ? json_get(item, STR("text")) : item;
    return text.len > 0 && json_kind(text) == JSON_STRING ? text : STR_EMPTY;
}

void text_count_begin(struct text_count *count, enum count_specials specials, struct str texts)
{
    bool list = json_kind(texts) == JSON_ARRAY;
    *count = (struct text_count){
        .rest = list ? json_inside(texts) : STR_EMPTY,
        .text = list ? STR_EMPTY : text_of(texts),
        .texts = list ? 0 : 1,
    };
    count_stream_init(&count->stream, specials);
    count->stream.piece_max = COUNT_PIECE_CUT;
}

/* The next text; false: there is none. */
static bool text_next(struct text_count *count)
{
    struct str item;
    while (count->text.len == 0 && json_next_item(&count->rest, &item)) {
        count->text = text_of(item);
        count->texts += count->text.len > 0;
    }
    count->offset = 0;
    return count->text.len > 0;
}

enum err text_count_step(struct text_count *count, struct token_counter *counter, size_t budget,
                         bool *ret_done)
{
    size_t left = budget;
    ASSERT(budget > 0);
    while (left > 0) {
        if (count->text.len == 0 && !text_next(count)) {
            *ret_done = true;
            return ERR_OK;
        }
        size_t before = count->offset;
        TRY(count_stream_json(counter, &count->stream, count->text, &count->offset, left));
        size_t used = count->offset - before + 1; /* a text of nothing is work, too */
        left -= used < left ? used : left;
        if (count->offset == count->text.len) {
            TRY(count_stream_control(counter, &count->stream, 0)); /* it ends here */
            count->text = STR_EMPTY;
        }
    }
    *ret_done = false;
    return ERR_OK;
}

/* Families whose servers count the text and nothing else. */
static bool text_stands_alone(const struct vocab *vocab)
{
    struct str name = vocab_info(vocab)->name;
    return str_eq(name, STR("cl100k_base")) || str_eq(name, STR("o200k_base"));
}

struct text_counted text_count_result(const struct text_count *count, const struct vocab *vocab)
{
    uint64_t around = text_stands_alone(vocab) ? 0 : TEXT_FRAME_TOKENS * count->texts;
    return (struct text_counted){
        .tokens = count->stream.tokens,
        .controls = count->stream.controls,
        .margin = around + count->stream.cuts * TEXT_CUT_MARGIN,
    };
}

void text_count_fini(struct text_count *count)
{
    count_stream_fini(&count->stream);
}
