#include "meter/media.h"

#include "base/enc.h"
#include "harness.h"

/* A "data:" URL of these bytes, at a page's end. */
static struct str url_of(const void *bytes, size_t len)
{
    struct buf text;
    buf_init(&text, 1 << 20);
    CHECK(buf_append(&text, STR("data:image/x;base64,")) == ERR_OK);
    CHECK(enc_base64(&text, bytes, len) == ERR_OK);
    struct str url = test_at_page_end(buf_str(&text));
    buf_fini(&text);
    return url;
}

struct image {
    struct str bytes;
    uint32_t width;
    uint32_t height;
};

static const struct image images[] = {
    { STR_INIT("\x89PNG\r\n\x1A\n\0\0\0\rIHDR\0\0\x07\x80\0\0\x04\x38"), 1920, 1080 },
    { STR_INIT("GIF89a\x40\x01\xF0\0"), 320, 240 },
    { STR_INIT("RIFF\0\0\0\0WEBPVP8 \0\0\0\0\0\0\0\x9D\x01\x2A\x80\x42\xE0\x81"), 640, 480 },
    { STR_INIT("RIFF\0\0\0\0WEBPVP8L\0\0\0\0\x2F\x7F\xC2\x77\0"), 640, 480 },
    { STR_INIT("RIFF\0\0\0\0WEBPVP8X\0\0\0\0\0\0\0\0\x7F\x02\0\xDF\x01\0"), 640, 480 },
    { STR_INIT(
          "\xFF\xD8\xFF\xE0\0\x06JFIF\xFF\xFF\xDB\0\x04\0\0\xFF\xC2\0\x0B\x08\x01\xE0\x02\x80"),
      640, 480 },
};

TEST(sizes_are_read_from_each_kind_of_header)
{
    for (size_t i = 0; i < EP_ARRAY_LEN(images); i++) {
        struct media_size size;
        CHECK(media_image_size(url_of(images[i].bytes.ptr, images[i].bytes.len), &size));
        CHECK_EQ(size.width, images[i].width);
        CHECK_EQ(size.height, images[i].height);
    }
}

TEST(a_header_that_is_cut_anywhere_has_no_size)
{
    for (size_t i = 0; i < EP_ARRAY_LEN(images); i++) {
        for (size_t len = 0; len < images[i].bytes.len; len++) {
            struct media_size size;
            CHECK(!media_image_size(url_of(images[i].bytes.ptr, len), &size));
        }
    }
}

TEST(sizes_that_no_image_has_and_lengths_that_lie_are_not_believed)
{
    static const struct str liars[] = {
        STR_INIT("\x89PNG\r\n\x1A\n\0\0\0\rIHDR\0\0\0\0\0\0\x04\x38"),
        STR_INIT("\x89PNG\r\n\x1A\n\0\0\0\rIHDR\x7F\xFF\xFF\xFF\x7F\xFF\xFF\xFF"),
        STR_INIT("GIF89a\0\0\xF0\0"),
        STR_INIT("\xFF\xD8\xFF\xE0\xFF\xFFxxxxxxxxxxxxxxxxxxxx"),
        STR_INIT("\xFF\xD8\xFF\xE0\0\0\xFF\xC0\0\x0B\x08\x01\xE0\x02\x80"),
        STR_INIT("\xFF\xD8\xFF\xDA\0\x02\xFF\xC0\0\x0B\x08\x01\xE0\x02\x80"),
        STR_INIT("\xFF\xD8\0\0\0\0"),
        STR_INIT("\xFF\xD8\xFF\xFF\xFF\xFF"),
        STR_INIT("RIFF\0\0\0\0WEBPVP8 \0\0\0\0\0\0\0\x9D\x01\x2A\0\0\xE0\x01"),
        STR_INIT("RIFF\0\0\0\0WEBPVP8Q\0\0\0\0\x2F\x7F\xC2\x77\0"),
        STR_INIT("BM\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"),
    };
    struct media_size size;
    for (size_t i = 0; i < EP_ARRAY_LEN(liars); i++) {
        CHECK(!media_image_size(url_of(liars[i].ptr, liars[i].len), &size));
    }
    CHECK(!media_image_size(STR("https://example.com/a.png"), &size));
    CHECK(!media_image_size(STR("data:image/png,R0lGODlhQAHwAA"), &size));
    CHECK(!media_image_size(STR("data:image/png;base64"), &size));
    CHECK(!media_image_size(STR("data:image/gif;base64,R0lG*ODlhQAHwAA"), &size));
    CHECK(!media_image_size(STR_EMPTY, &size));
    /* Escapes in the URL, and the other alphabet. */
    CHECK(media_image_size(STR("data:image\\/gif;base64,R0lGODlh\\u0051AHwAA"), &size));
    CHECK_EQ(size.width, 320);
}

TEST(a_jpeg_is_looked_through_up_to_a_limit)
{
    struct buf text;
    buf_init(&text, 4 << 20);
    CHECK(buf_append(&text, STR("\xFF\xD8")) == ERR_OK);
    static const char zeros[60000];
    struct media_size size;
    for (size_t segments = 1; segments <= 12; segments++) {
        CHECK(buf_append(&text, STR("\xFF\xE1\xEA\x62")) == ERR_OK);
        CHECK(buf_append(&text, (struct str){ zeros, sizeof(zeros) }) == ERR_OK);
        size_t before = text.len;
        CHECK(buf_append(&text, STR("\xFF\xC0\0\x0B\x08\x01\xE0\x02\x80")) == ERR_OK);
        bool found = media_image_size(url_of(text.ptr, text.len), &size);
        CHECK_EQ(found, segments * sizeof(zeros) < MEDIA_HEADER_MAX);
        text.len = before;
    }
    buf_fini(&text);
}

TEST(tokens_are_those_of_the_published_examples)
{
    static const struct {
        const char *formula;
        struct media_size size;
        uint64_t tokens;
    } rows[] = {
        { "gpt-4o", { 1024, 1024 }, 765 },
        { "gpt-4o", { 2048, 4096 }, 1105 },
        { "gpt-4o", { 512, 512 }, 255 },
        { "gpt-4o-mini", { 512, 512 }, 8500 },
        { "o1", { 1024, 1024 }, 675 },
        { "gpt-5", { 1024, 1024 }, 630 },
        { "gpt-4.1-mini", { 1024, 1024 }, 1659 },
        { "gpt-4.1-mini", { 1800, 2400 }, 2353 },
        { "gpt-4.1-nano", { 1024, 1024 }, 2520 },
        { "o4-mini", { 1024, 1024 }, 1762 },
        { "qwen2.5-vl", { 1024, 1024 }, 1371 },
        { "qwen2.5-vl", { 20, 20 }, 6 },
        { "qwen3-vl", { 1024, 1024 }, 1026 },
        { "qwen3-vl", { 32, 32 }, 66 },
        { "gemma3", { 5000, 10 }, 260 },
        { "llama3.2", { 561, 560 }, 3202 },
        { "pixtral", { 1024, 1024 }, 4160 },
        { "pixtral", { 2048, 1024 }, 2080 },
        { "pixtral", { 16, 16 }, 2 },
    };
    for (size_t i = 0; i < EP_ARRAY_LEN(rows); i++) {
        struct media_size size = rows[i].size;
        struct media_count count = media_image_tokens(str_from(rows[i].formula), &size, false);
        if (count.tokens != rows[i].tokens) {
            test_failed(EP_SITE, "%s %ux%u: %llu", rows[i].formula, size.width, size.height,
                        (unsigned long long)count.tokens);
        }
        CHECK(count.margin > 0);
    }
    CHECK_EQ(media_image_tokens(STR("gpt-4o"), NULL, true).tokens, 85);
}

TEST(an_unknown_size_has_the_most_that_any_size_has)
{
    static const char *const names[] = { "gpt-4o",       "gpt-4o-mini", "o1",         "gpt-5",
                                         "gpt-4.1-mini", "o4-mini",     "qwen2.5-vl", "qwen3-vl",
                                         "gemma3",       "llama3.2",    "pixtral",    "other" };
    static const uint32_t sides[] = { 1,    2,    31,   32,   512,  513,   768,    769,
                                      1000, 1537, 2047, 2048, 4097, 40000, 262143, 262144 };
    for (size_t i = 0; i < EP_ARRAY_LEN(names); i++) {
        struct media_count most = media_image_tokens(str_from(names[i]), NULL, false);
        for (size_t k = 0; k < EP_ARRAY_LEN(sides) * EP_ARRAY_LEN(sides); k++) {
            struct media_size size = { sides[k % EP_ARRAY_LEN(sides)],
                                       sides[k / EP_ARRAY_LEN(sides)] };
            struct media_count count = media_image_tokens(str_from(names[i]), &size, false);
            CHECK(count.tokens > 0 && count.tokens <= most.tokens);
            if (count.tokens + most.margin < most.tokens) {
                test_failed(EP_SITE, "%s %ux%u: %llu", names[i], size.width, size.height,
                            (unsigned long long)count.tokens);
            }
        }
    }
}

TEST(a_sound_lasts_as_long_as_its_header_says)
{
    uint64_t ms = 0;
    struct buf wav;
    buf_init(&wav, 1 << 20);
    static const char zeros[32000];
    CHECK(buf_append(&wav,
                     STR("RIFF\0\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0\x80\x3E\0\0\0\x7D\0\0\x02\0"
                         "\x10\0LIST\x03\0\0\0abc\0data\xFF\xFF\xFF\xFF")) == ERR_OK);
    CHECK(buf_append(&wav, (struct str){ zeros, sizeof(zeros) }) == ERR_OK);
    CHECK(media_audio_ms(url_of(wav.ptr, wav.len), &ms)); /* 32,000 bytes a second */
    CHECK(ms >= 1000 && ms <= 1001);
    for (size_t len = 0; len < 56; len++) {
        CHECK(!media_audio_ms(url_of(wav.ptr, len), &ms));
        CHECK(ms <= 200);
    }
    buf_reset(&wav);
    CHECK(buf_append(&wav, STR("ID3\x03\0\0\0\0\0\x0Axxxxxxxxxx\xFF\xFB\x90\0")) == ERR_OK);
    CHECK(buf_append(&wav, (struct str){ zeros, 16000 }) == ERR_OK);
    CHECK(media_audio_ms(url_of(wav.ptr, wav.len), &ms)); /* 128 kbit/s */
    CHECK(ms >= 1000 && ms <= 1001);
    CHECK(!media_audio_ms(STR("data:audio/wav;base64,UklGRg"), &ms));
    CHECK(!media_audio_ms(STR("AAAA"), &ms));
    CHECK(!media_audio_ms(STR_EMPTY, &ms));
    CHECK(ms > 0);
    buf_fini(&wav);
    CHECK_EQ(media_audio_tokens(STR("gpt-4o"), 1000, true).tokens, 10);
    CHECK_EQ(media_audio_tokens(STR("gemini"), 1001, true).tokens, 33);
    CHECK_EQ(media_audio_tokens(STR("qwen-omni"), 1000, false).margin, 25);
}
