#include "meter/media.h"

#include "meter/span.h"
#include "wire/json.h"

/* ---- bytes of a base64 text in a JSON string --------------------------------------------- */

struct media_bytes {
    struct str rest; /* of the span */
    uint32_t group;  /* bits that were read and not given out */
    unsigned bits;
    uint64_t at; /* bytes given out or skipped */
};

/* The value of a base64 character, or -1. */
static int media_digit(char byte)
{
    if (byte >= 'A' && byte <= 'Z') {
        return byte - 'A';
    }
    if (byte >= 'a' && byte <= 'z') {
        return byte - 'a' + 26;
    }
    if (byte >= '0' && byte <= '9') {
        return byte - '0' + 52;
    }
    if (byte == '+' || byte == '-') {
        return 62;
    }
    return byte == '/' || byte == '_' ? 63 : -1;
}

static int media_byte(struct media_bytes *bytes)
{
    while (bytes->bits < 8) {
        char text[4];
        if (bytes->rest.len == 0 || json_take_char(&bytes->rest, text) != 1) {
            return -1;
        }
        int digit = media_digit(text[0]);
        if (digit < 0) {
            bytes->rest = STR_EMPTY;
            return -1;
        }
        bytes->group = (bytes->group << 6 | (uint32_t)digit) & 0xFFFFU;
        bytes->bits += 6;
    }
    bytes->bits -= 8;
    bytes->at++;
    return (int)(bytes->group >> bytes->bits & 0xFF);
}

/* Steps over `count` bytes: quickly where no escape stands among them. false: there are not as
 * many. */
static bool media_skip(struct media_bytes *bytes, uint64_t count)
{
    if (count > MEDIA_HEADER_MAX || bytes->at > MEDIA_HEADER_MAX) {
        return false;
    }
    while (count > 0 && bytes->bits > 0) {
        if (media_byte(bytes) < 0) {
            return false;
        }
        count--;
    }
    size_t groups = bytes->rest.len / 4 < count / 3 ? bytes->rest.len / 4 : (size_t)(count / 3);
    struct str skipped = str_slice(bytes->rest, 0, groups * 4);
    if (str_find(skipped, '\\') == skipped.len) {
        bytes->rest = str_from_at(bytes->rest, skipped.len);
        bytes->at += groups * 3;
        count -= groups * 3;
    }
    while (count > 0) {
        if (media_byte(bytes) < 0) {
            return false;
        }
        count--;
    }
    return true;
}

/* A number of `count` <= 4 bytes. false: the text ends before. */
static bool media_number(struct media_bytes *bytes, unsigned count, bool little, uint32_t *ret)
{
    ASSERT(count <= 4);
    uint32_t value = 0;
    for (unsigned i = 0; i < count; i++) {
        int byte = media_byte(bytes);
        if (byte < 0) {
            return false;
        }
        value = little ? value | (uint32_t)byte << 8 * i : value << 8 | (uint32_t)byte;
    }
    *ret = value;
    return true;
}

static bool media_is(struct media_bytes *bytes, struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (media_byte(bytes) != (unsigned char)text.ptr[i]) {
            return false;
        }
    }
    return true;
}

/* Where the base64 text of a "data:" URL begins. false: there is none. */
static bool media_open(struct str url, struct media_bytes *ret_bytes)
{
    bool base64 = false;
    char text[4];
    struct str type = STR("base64");
    for (int i = 0; i < 128 && url.len > 0; i++) { /* no media type is longer */
        if (span_starts(url, type)) {
            base64 = true;
        }
        if (json_take_char(&url, text) == 1 && text[0] == ',') {
            *ret_bytes = (struct media_bytes){ .rest = url };
            return base64;
        }
    }
    return false;
}

/* ---- images ------------------------------------------------------------------------------ */

/* Behind the first byte. */
static bool media_png(struct media_bytes *bytes, struct media_size *ret_size)
{
    return media_is(bytes, STR("PNG\r\n\x1A\n")) && media_skip(bytes, 4) &&
           media_is(bytes, STR("IHDR")) && media_number(bytes, 4, false, &ret_size->width) &&
           media_number(bytes, 4, false, &ret_size->height);
}

static bool media_gif(struct media_bytes *bytes, struct media_size *ret_size)
{
    return media_is(bytes, STR("IF8")) && media_skip(bytes, 2) &&
           media_number(bytes, 2, true, &ret_size->width) &&
           media_number(bytes, 2, true, &ret_size->height);
}

/* Markers with the size: start of frame, but for 0xC4, 0xC8 and 0xCC. */
static bool media_jpeg(struct media_bytes *bytes, struct media_size *ret_size)
{
    if (media_byte(bytes) != 0xD8) {
        return false;
    }
    for (int i = 0; i < MEDIA_SEGMENTS_MAX; i++) {
        int marker = media_byte(bytes);
        if (marker != 0xFF) {
            return false;
        }
        while (marker == 0xFF) {
            marker = media_byte(bytes);
        }
        uint32_t len = 0;
        if (marker >= 0xC0 && marker <= 0xCF && marker != 0xC4 && marker != 0xC8 &&
            marker != 0xCC) {
            return media_skip(bytes, 3) && media_number(bytes, 2, false, &ret_size->height) &&
                   media_number(bytes, 2, false, &ret_size->width);
        }
        if (marker < 0xC0 || marker == 0xD9 || marker == 0xDA ||
            !media_number(bytes, 2, false, &len) || len < 2 || !media_skip(bytes, len - 2)) {
            return false;
        }
    }
    return false;
}

static bool media_webp(struct media_bytes *bytes, struct media_size *ret_size)
{
    uint32_t bits = 0;
    uint32_t kind = 0;
    if (!media_is(bytes, STR("IFF")) || !media_skip(bytes, 4) || !media_is(bytes, STR("WEBPVP8")) ||
        !media_number(bytes, 1, false, &kind) || !media_skip(bytes, 4)) {
        return false;
    }
    if (kind == ' ') {
        bool found = media_skip(bytes, 3) && media_is(bytes, STR("\x9D\x01\x2A")) &&
                     media_number(bytes, 2, true, &ret_size->width) &&
                     media_number(bytes, 2, true, &ret_size->height);
        ret_size->width &= 0x3FFF;
        ret_size->height &= 0x3FFF;
        return found;
    }
    if (kind == 'L') {
        if (media_byte(bytes) != 0x2F || !media_number(bytes, 4, true, &bits)) {
            return false;
        }
        *ret_size = (struct media_size){ (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1 };
        return true;
    }
    if (kind != 'X' || !media_skip(bytes, 4) || !media_number(bytes, 3, true, &bits)) {
        return false;
    }
    ret_size->width = bits + 1;
    bool found = media_number(bytes, 3, true, &bits);
    ret_size->height = bits + 1;
    return found;
}

bool media_image_size(struct str url, struct media_size *ret_size)
{
    struct media_bytes bytes;
    struct media_size size = { 0, 0 };
    bool found = false;
    if (!span_starts(url, STR("data:")) || !media_open(url, &bytes)) {
        return false;
    }
    switch (media_byte(&bytes)) {
    case 0x89:
        found = media_png(&bytes, &size);
        break;
    case 0xFF:
        found = media_jpeg(&bytes, &size);
        break;
    case 'G':
        found = media_gif(&bytes, &size);
        break;
    case 'R':
        found = media_webp(&bytes, &size);
        break;
    default:
        break;
    }
    if (!found || size.width == 0 || size.height == 0 || size.width > MEDIA_SIDE_MAX ||
        size.height > MEDIA_SIDE_MAX) {
        return false;
    }
    *ret_size = size;
    return true;
}

/* ---- sounds ------------------------------------------------------------------------------ */

#define MEDIA_RATE_MIN 1000 /* bytes a second: the least that speech is sent with (8 kbit/s) */

/* Bytes a second, by the fields that say how a second is read; the one that only repeats them may
 * say less. 16 bytes. */
static bool media_wav_rate(struct media_bytes *bytes, uint32_t *ret_rate)
{
    uint32_t channels = 0;
    uint32_t samples = 0;
    uint32_t said = 0;
    uint32_t bits = 0;
    if (!media_skip(bytes, 2) || !media_number(bytes, 2, true, &channels) ||
        !media_number(bytes, 4, true, &samples) || !media_number(bytes, 4, true, &said) ||
        !media_skip(bytes, 2) || !media_number(bytes, 2, true, &bits)) {
        return false;
    }
    uint64_t rate = (uint64_t)samples * channels * bits / 8;
    *ret_rate = rate > 0 && rate < said ? (uint32_t)rate : said;
    return true;
}

static bool media_wav(struct media_bytes *bytes, uint64_t total, uint64_t *ret_ms)
{
    uint32_t rate = 0;
    if (!media_is(bytes, STR("IFF")) || !media_skip(bytes, 4) || !media_is(bytes, STR("WAVE"))) {
        return false;
    }
    for (int i = 0; i < MEDIA_SEGMENTS_MAX; i++) {
        uint32_t kind = 0;
        uint32_t len = 0;
        if (!media_number(bytes, 4, false, &kind) || !media_number(bytes, 4, true, &len)) {
            return false;
        }
        if (kind == 0x64617461) { /* "data" */
            /* A writer that streams does not know its length: what is there counts. */
            uint64_t left = total > bytes->at ? total - bytes->at : 0;
            uint64_t data = len < left ? len : left;
            *ret_ms = rate > 0 ? data * 1000 / rate : 0;
            return rate > 0;
        }
        uint64_t padded = (uint64_t)len + (len & 1);
        if (kind == 0x666D7420) { /* "fmt " */
            if (len < 16 || !media_wav_rate(bytes, &rate)) {
                return false;
            }
            padded -= 16;
        }
        if (!media_skip(bytes, padded)) {
            return false;
        }
    }
    return false;
}

/* By the first frame's bit rate, as if all had it. */
static bool media_mp3(struct media_bytes *bytes, uint64_t total, uint64_t *ret_ms)
{
    static const uint16_t rates_1[] = { 0,   32,  40,  48,  56,  64,  80, 96,
                                        112, 128, 160, 192, 224, 256, 320 };
    static const uint16_t rates_2[] = {
        0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160
    };
    _Static_assert(EP_ARRAY_LEN(rates_1) == 15 && EP_ARRAY_LEN(rates_2) == 15, "15 is not valid");
    uint32_t head = 0;
    if (!media_number(bytes, 2, false, &head)) {
        return false;
    }
    unsigned version = head >> 11 & 3;
    unsigned index = head >> 4 & 15;
    bool layer_3 = (head >> 9 & 3) == 1;
    if ((head >> 13) != 7 || version == 1 || !layer_3 || index == 0 || index == 15) {
        return false;
    }
    uint64_t rate = version == 3 ? rates_1[index] : rates_2[index];
    ASSERT(rate > 0);
    uint64_t start = bytes->at;
    *ret_ms = (total > start ? total - start : 0) * 8 / rate;
    return true;
}

static bool media_id3(struct media_bytes *bytes, uint64_t total, uint64_t *ret_ms)
{
    uint32_t len = 0;
    if (!media_is(bytes, STR("D3")) || !media_skip(bytes, 3) ||
        !media_number(bytes, 4, false, &len)) {
        return false;
    }
    len =
        (len >> 24 & 0x7F) << 21 | (len >> 16 & 0x7F) << 14 | (len >> 8 & 0x7F) << 7 | (len & 0x7F);
    uint32_t first = 0;
    return media_skip(bytes, len) && media_number(bytes, 1, false, &first) && first == 0xFF &&
           media_mp3(bytes, total, ret_ms);
}

bool media_audio_ms(struct str data, uint64_t *ret_ms)
{
    struct media_bytes bytes = { .rest = data };
    if (span_starts(data, STR("data:")) && !media_open(data, &bytes)) {
        bytes.rest = STR_EMPTY;
    }
    uint64_t total = (uint64_t)(bytes.rest.len / 4 + 1) * 3;
    uint64_t ms = 0;
    bool found = false;
    int first = media_byte(&bytes);
    if (first == 'R') {
        found = media_wav(&bytes, total, &ms);
    } else if (first == 'I') {
        found = media_id3(&bytes, total, &ms);
    } else if (first == 0xFF) {
        /* The frame's first byte has been taken; its second begins with three bits set. */
        found = media_mp3(&bytes, total, &ms);
    }
    *ret_ms = found ? ms : total * 1000 / MEDIA_RATE_MIN;
    return found;
}
