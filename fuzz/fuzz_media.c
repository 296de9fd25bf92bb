/* room: meter */
#include "meter/media.h"

#include "base/enc.h"
#include "wire/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void media_check(struct str span)
{
    struct media_size size;
    uint64_t ms = 0;
    if (media_image_size(span, &size)) {
        ASSERT(size.width > 0 && size.width <= MEDIA_SIDE_MAX);
        ASSERT(size.height > 0 && size.height <= MEDIA_SIDE_MAX);
        ASSERT(media_image_tokens(STR("qwen3-vl"), &size, false).tokens <= 16386);
        ASSERT(media_image_tokens(STR("gpt-4o"), &size, false).tokens <= 85 + 8 * 170);
        ASSERT(media_image_tokens(STR("gpt-4.1-mini"), &size, false).tokens <= 2489);
        ASSERT(media_image_tokens(STR("pixtral"), &size, false).tokens <= 4160);
    }
    bool known = media_audio_ms(span, &ms);
    ASSERT(ms <= ((uint64_t)span.len + 4) * 1000);
    ASSERT(media_audio_tokens(STR("gemini"), ms, known).tokens <= (uint64_t)span.len * 32 + 128);
}

/* The bytes as a file in a URL, and as what stands in a JSON string, if they can. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buf text;
    struct json_fault fault;
    buf_init(&text, (size_t)8 << 20);
    if (buf_append(&text, STR("data:x;base64,")) == ERR_OK &&
        enc_base64(&text, data, size) == ERR_OK) {
        media_check(buf_str(&text));
    }
    buf_reset(&text);
    if (buf_byte(&text, '"') == ERR_OK &&
        buf_append(&text, (struct str){ (const char *)data, size }) == ERR_OK &&
        buf_byte(&text, '"') == ERR_OK && json_check(buf_str(&text), &fault) == ERR_OK &&
        json_kind(buf_str(&text)) == JSON_STRING) {
        media_check(json_inside(buf_str(&text)));
    }
    buf_fini(&text);
    return 0;
}
