#include "harness.h"
#include "meter/count.h"
#include "ways.h"

static char text[1 << 20];

/* The count of `len` bytes of `text`, whole and in parts of `step`. */
static void check_whole_and_parts(const struct vocab_split *way, size_t len, size_t step)
{
    struct sample sample;
    struct token_counter *counter = NULL;
    struct count_stream stream;
    uint64_t whole = 0;
    uint64_t parts = 0;
    CHECK(plain_init(&sample, way, 9));
    CHECK(token_counter_create(&sample.vocab, 9, &counter) == ERR_OK);
    CHECK(count_text(counter, (struct str){ text, len }, COUNT_PARSED, &whole) == ERR_OK);
    count_stream_init(&stream, COUNT_PARSED);
    for (size_t at = 0; at < len; at += step) {
        size_t part = len - at < step ? len - at : step;
        CHECK(count_stream_feed(counter, &stream, (struct str){ text + at, part }) == ERR_OK);
    }
    CHECK(count_stream_now(counter, &stream, &parts) == ERR_OK);
    CHECK(whole > 0);
    CHECK_EQ(parts, whole);
    count_stream_fini(&stream);
    token_counter_destroy(counter);
    sample_fini(&sample);
}

static size_t fill(const char *unit, size_t len)
{
    size_t step = strlen(unit);
    for (size_t at = 0; at + step <= len; at += step) {
        memcpy(text + at, unit, step);
    }
    return len / step * step;
}

/* None takes longer than the others by orders: the test would not end. */
TEST(endless_pieces_take_linear_time_in_any_parts)
{
    static const char *const units[] = {
        "a",    " ",        "\n",   "\xCC\x81", "\xCC\x81\xCC\xA3", "<|en", "1",
        "\xFF", "\xE2\x82", "\x01", "A",        "\xE0\xB8\x81"
    };
    for (size_t way = 0; way < EP_ARRAY_LEN(ways); way++) {
        for (size_t i = 0; i < EP_ARRAY_LEN(units); i++) {
            size_t len = fill(units[i], 1 << 16);
            check_whole_and_parts(&ways[way], len, 1 + (way + i) % 3);
            check_whole_and_parts(&ways[way], len, 4096);
        }
    }
}

TEST(a_text_of_a_mebibyte_counts_as_its_parts)
{
    for (size_t way = 0; way < EP_ARRAY_LEN(ways); way++) {
        size_t len = fill("ab  <|end|> it's \xC3\xA9"
                          "e\xCC\x81 \xE4\xB8\xAD>\n",
                          sizeof(text));
        check_whole_and_parts(&ways[way], len, 65537);
        check_whole_and_parts(&ways[way], len, 37);
    }
}
