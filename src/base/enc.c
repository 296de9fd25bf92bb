#include "base/enc.h"

#ifdef __SSE2__
#    include <emmintrin.h>
#endif

#define ENC_HEX_ROW(h) \
    h "0" h "1" h "2" h "3" h "4" h "5" h "6" h "7" h "8" h "9" h "a" h "b" h "c" h "d" h "e" h "f"
static const char enc_hex_pairs[] = /* of each byte */
    ENC_HEX_ROW("0") ENC_HEX_ROW("1") ENC_HEX_ROW("2") ENC_HEX_ROW("3") ENC_HEX_ROW("4")
        ENC_HEX_ROW("5") ENC_HEX_ROW("6") ENC_HEX_ROW("7") ENC_HEX_ROW("8") ENC_HEX_ROW("9")
            ENC_HEX_ROW("a") ENC_HEX_ROW("b") ENC_HEX_ROW("c") ENC_HEX_ROW("d") ENC_HEX_ROW("e")
                ENC_HEX_ROW("f");
static const char enc_base64_digits[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const char enc_base32_digits[33] = "0123456789abcdefghjkmnpqrstvwxyz";

enum err enc_hex(struct buf *out, const void *bytes, size_t len)
{
    if (len == 0) {
        return ERR_OK; /* an empty buffer has no memory to point into */
    }
    TRY(buf_reserve(out, len * 2));
    const unsigned char *from = bytes;
    char *to = out->ptr + out->len;
    for (size_t i = 0; i < len; i++) {
        memcpy(to + 2 * i, enc_hex_pairs + (size_t)2 * from[i], 2);
    }
    buf_added(out, len * 2);
    return ERR_OK;
}

static int enc_hex_value(char digit)
{
    if (digit >= '0' && digit <= '9') {
        return digit - '0';
    }
    if (digit >= 'a' && digit <= 'f') {
        return digit - 'a' + 10;
    }
    return digit >= 'A' && digit <= 'F' ? digit - 'A' + 10 : -1;
}

bool enc_hex_read(struct str text, void *ret_bytes, size_t len)
{
    if (text.len != len * 2) {
        return false;
    }
    for (size_t i = 0; i < text.len; i++) {
        if (enc_hex_value(text.ptr[i]) < 0) {
            return false;
        }
    }
    unsigned char *to = ret_bytes;
    for (size_t i = 0; i < len; i++) {
        to[i] = (unsigned char)(enc_hex_value(text.ptr[2 * i]) * 16 +
                                enc_hex_value(text.ptr[2 * i + 1]));
    }
    return true;
}

enum err enc_base64(struct buf *out, const void *bytes, size_t len)
{
    if (len == 0) {
        return ERR_OK;
    }
    size_t size = (len + 2) / 3 * 4;
    TRY(buf_reserve(out, size));
    const unsigned char *from = bytes;
    char *to = out->ptr + out->len;
    for (size_t i = 0; i < len; i += 3) {
        size_t have = len - i < 3 ? len - i : 3;
        uint32_t group = (uint32_t)from[i] << 16;
        group |= have > 1 ? (uint32_t)from[i + 1] << 8 : 0;
        group |= have > 2 ? (uint32_t)from[i + 2] : 0;
        *to++ = enc_base64_digits[group >> 18];
        *to++ = enc_base64_digits[group >> 12 & 63];
        *to++ = have > 1 ? enc_base64_digits[group >> 6 & 63] : '=';
        *to++ = have > 2 ? enc_base64_digits[group & 63] : '=';
    }
    buf_added(out, size);
    return ERR_OK;
}

static int enc_base64_value(char digit)
{
    if (digit >= 'A' && digit <= 'Z') {
        return digit - 'A';
    }
    if (digit >= 'a' && digit <= 'z') {
        return digit - 'a' + 26;
    }
    if (digit >= '0' && digit <= '9') {
        return digit - '0' + 52;
    }
    return digit == '+' ? 62 : digit == '/' ? 63 : -1;
}

bool enc_base64_read(struct buf *out, struct str text)
{
    if (text.len % 4 != 0) {
        return false;
    }
    if (text.len == 0) {
        return true;
    }
    size_t pad = 0;
    while (pad < 2 && pad < text.len && text.ptr[text.len - 1 - pad] == '=') {
        pad++;
    }
    if (buf_reserve(out, text.len / 4 * 3) != ERR_OK) {
        return false;
    }
    unsigned char *to = (unsigned char *)out->ptr + out->len;
    size_t made = 0;
    for (size_t i = 0; i < text.len; i += 4) {
        uint32_t group = 0;
        size_t digits = i + 4 == text.len ? 4 - pad : 4;
        for (size_t k = 0; k < 4; k++) {
            int value = k < digits ? enc_base64_value(text.ptr[i + k]) : 0;
            if (value < 0) {
                return false;
            }
            group = group << 6 | (uint32_t)value;
        }
        if ((digits < 4 && (group & 0xFF) != 0) || (digits < 3 && (group & 0xFFFF) != 0)) {
            return false;
        }
        for (size_t k = 0; k + 1 < digits; k++) {
            to[made++] = (unsigned char)(group >> (16 - 8 * k));
        }
    }
    buf_added(out, made);
    return true;
}

int enc_base32_value(char digit)
{
    char lower = digit >= 'A' && digit <= 'Z' ? (char)(digit + ('a' - 'A')) : digit;
    for (int i = 0; i < 32; i++) {
        if (enc_base32_digits[i] == lower) {
            return i;
        }
    }
    return -1;
}

/* Of eight bytes: one below 0x20, or one that is zero after the exclusive or with what is looked
 * for, has its high bit set by the subtraction and did not have it before. */
static bool enc_json_eight(uint64_t bytes)
{
    const uint64_t ones = UINT64_C(0x0101010101010101);
    const uint64_t highs = UINT64_C(0x8080808080808080);
    uint64_t quote = bytes ^ ones * '"';
    uint64_t backslash = bytes ^ ones * '\\';
    uint64_t found = ((bytes - ones * 0x20) & ~bytes) | ((quote - ones) & ~quote) |
                     ((backslash - ones) & ~backslash);
    return (found & highs) == 0;
}

static uint64_t enc_load(const char *text)
{
    uint64_t bytes = 0;
    memcpy(&bytes, text, sizeof(bytes));
    return bytes;
}

/* The last bytes, fewer than eight, along with some before them that are known to be plain; of a
 * text of four to seven its first four and its last four. */
static bool enc_json_rest(struct str text)
{
    uint32_t halves[2] = { 0 };
    if (text.len >= sizeof(uint64_t)) {
        return enc_json_eight(enc_load(text.ptr + text.len - sizeof(uint64_t)));
    }
    if (text.len < sizeof(halves[0])) {
        return false;
    }
    memcpy(&halves[0], text.ptr, sizeof(halves[0]));
    memcpy(&halves[1], text.ptr + text.len - sizeof(halves[1]), sizeof(halves[1]));
    return enc_json_eight((uint64_t)halves[1] << 32 | halves[0]);
}

#ifdef __SSE2__
static bool enc_json_sixteen(const char *text)
{
    const __m128i controls = _mm_set1_epi8(0x1F);
    __m128i bytes;
    memcpy(&bytes, text, sizeof(bytes));
    __m128i quote = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('"'));
    __m128i backslash = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\\'));
    __m128i control = _mm_cmpeq_epi8(_mm_min_epu8(bytes, controls), bytes);
    return _mm_movemask_epi8(_mm_or_si128(_mm_or_si128(quote, backslash), control)) == 0;
}
#endif

size_t enc_json_plain(struct str text)
{
    size_t at = 0;
#ifdef __SSE2__
    while (text.len - at >= 16 && enc_json_sixteen(text.ptr + at)) {
        at += 16;
    }
    if (at > 0 && text.len - at < 16 && enc_json_sixteen(text.ptr + text.len - 16)) {
        return text.len; /* the last bytes, along with some before them */
    }
#endif
    while (text.len - at >= sizeof(uint64_t) && enc_json_eight(enc_load(text.ptr + at))) {
        at += sizeof(uint64_t);
    }
    if (text.len - at < sizeof(uint64_t) && enc_json_rest(text)) {
        return text.len;
    }
    while (at < text.len && (unsigned char)text.ptr[at] >= 0x20 && text.ptr[at] != '"' &&
           text.ptr[at] != '\\') {
        at++;
    }
    return at;
}
