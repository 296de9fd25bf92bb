/* room: meter */
#include "plain_count.h"
#include "wire/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct vocab_split ways[] = {
    { .rule = VOCAB_RULE_CL100K, .digits_max = 1, .nfc = true },
    { .rule = VOCAB_RULE_O200K, .digits_max = 3, .slash = true },
    { .rule = VOCAB_RULE_KIMI, .digits_max = 3, .run_max = 5, .text_max = 23 },
    { .rule = VOCAB_RULE_DEEPSEEK, .digits_max = 3 },
    { .rule = VOCAB_RULE_SPACES, .digits_max = 1 },
};

static uint32_t ids[9 * PLAIN_TEXT_MAX];

/* Whole, and in two parts, the count is that of the definition; so are the ids. */
static void check_text(struct token_counter *counter, const struct sample *sample, struct str text,
                       size_t cut)
{
    enum count_specials specials = cut % 2 == 0 ? COUNT_PARSED : COUNT_LITERAL;
    size_t want = plain_encode(sample, text, specials, ids);
    struct buf out;
    buf_init(&out, 1 << 20);
    ASSERT(count_encode(counter, text, specials, &out) == ERR_OK);
    ASSERT(str_eq(buf_str(&out), (struct str){ (const char *)ids, want * sizeof(*ids) }));
    buf_fini(&out);

    struct count_stream stream;
    uint64_t tokens = 0;
    count_stream_init(&stream, specials);
    ASSERT(count_stream_feed(counter, &stream, str_slice(text, 0, cut)) == ERR_OK);
    ASSERT(count_stream_now(counter, &stream, &tokens) == ERR_OK);
    ASSERT(tokens == plain_encode(sample, str_slice(text, 0, cut), specials, ids));
    ASSERT(count_stream_feed(counter, &stream, str_slice(text, cut, text.len)) == ERR_OK);
    ASSERT(count_stream_now(counter, &stream, &tokens) == ERR_OK);
    ASSERT(tokens == want);
    count_stream_fini(&stream);
}

/* A JSON string counts as the text that it decodes to. */
static void check_json(struct token_counter *counter, struct str json, size_t budget)
{
    struct json_fault fault;
    struct buf text;
    struct count_stream stream;
    uint64_t want = 0;
    uint64_t tokens = 0;
    size_t offset = 0;
    if (json.len == 0 || json.ptr[0] != '"' || json_check(json, &fault) != ERR_OK ||
        json.ptr[json.len - 1] != '"') {
        return;
    }
    buf_init(&text, 1 << 20);
    count_stream_init(&stream, COUNT_PARSED);
    while (offset < json.len) {
        ASSERT(count_stream_json(counter, &stream, json, &offset, 1 + budget) == ERR_OK);
    }
    ASSERT(count_stream_now(counter, &stream, &tokens) == ERR_OK);
    if (json_decode(json, &text)) {
        ASSERT(count_text(counter, buf_str(&text), COUNT_PARSED, &want) == ERR_OK);
        ASSERT(tokens == want);
    }
    count_stream_fini(&stream);
    buf_fini(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct sample samples[EP_ARRAY_LEN(ways)];
    static struct token_counter *counters[EP_ARRAY_LEN(ways)];
    if (size < 2 || size - 2 > 512) { /* the definition is quadratic */
        return 0;
    }
    size_t way = data[0] % EP_ARRAY_LEN(ways);
    if (counters[way] == NULL) {
        ASSERT(plain_init(&samples[way], &ways[way], way));
        ASSERT(token_counter_create(&samples[way].vocab, way, &counters[way]) == ERR_OK);
    }
    struct str text = { (const char *)data + 2, size - 2 };
    if (ways[way].nfc && !plain_knows(text)) {
        return 0;
    }
    check_text(counters[way], &samples[way], text, data[1] % (text.len + 1));
    check_json(counters[way], text, data[1]);
    return 0;
}
