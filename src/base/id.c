#include "base/id.h"

#include <endian.h>
#include <string.h>

#include "base/enc.h"
#include "base/stamp.h"

struct id id_make(int64_t wall_ns, uint16_t node, uint64_t random)
{
    ASSERT(wall_ns >= 0);
    uint64_t ms = (uint64_t)(wall_ns / STAMP_NS_PER_MS);
    struct id id;
    for (int i = 0; i < 6; i++) {
        id.bytes[i] = (unsigned char)(ms >> (40 - 8 * i));
    }
    id.bytes[6] = (unsigned char)(node >> 8);
    id.bytes[7] = (unsigned char)node;
    memcpy(id.bytes + 8, &random, sizeof(random));
    return id;
}

bool id_eq(struct id a, struct id b)
{
    return memcmp(a.bytes, b.bytes, ID_BYTES) == 0;
}

bool id_is_zero(struct id id)
{
    static const struct id zero;
    return id_eq(id, zero);
}

int64_t id_made_ms(struct id id)
{
    uint64_t ms = 0;
    for (int i = 0; i < 6; i++) {
        ms = ms << 8 | id.bytes[i];
    }
    return (int64_t)ms;
}

_Static_assert(ID_BYTES == 16 && ID_TEXT_LEN == 26, "two halves of 64 bits, 26 digits");

static uint64_t id_half(const unsigned char *bytes)
{
    uint64_t half = 0;
    memcpy(&half, bytes, sizeof(half));
    return be64toh(half);
}

enum err id_print(struct buf *out, struct str prefix, struct id id)
{
    ASSERT(prefix.len <= ID_PREFIX_MAX);
    char text[ID_TEXT_LEN];
    /* 130 bits, two leading zero bits: digit i holds bits 5i-2 .. 5i+2 of the id, so that digit 13
     * has one bit of the first half and four of the second. */
    uint64_t first = id_half(id.bytes);
    uint64_t second = id_half(id.bytes + sizeof(first));
    for (unsigned i = 0; i < 13; i++) {
        text[i] = enc_base32_digits[first >> (61 - 5 * i) & 31];
    }
    text[13] = enc_base32_digits[(first & 1) << 4 | second >> 60];
    for (unsigned i = 0; i < 12; i++) {
        text[14 + i] = enc_base32_digits[second >> (55 - 5 * i) & 31];
    }
    TRY(buf_reserve(out, prefix.len + ID_TEXT_LEN));
    TRY(buf_append(out, prefix));
    return buf_append(out, (struct str){ text, sizeof(text) });
}

bool id_parse(struct str text, struct str prefix, struct id *ret_id)
{
    if (text.len != prefix.len + ID_TEXT_LEN || !str_starts(text, prefix)) {
        return false;
    }
    struct str digits = str_from_at(text, prefix.len);
    if (enc_base32_value(digits.ptr[0]) > 7) {
        return false;
    }
    struct id id = { 0 };
    uint32_t bits = 0;
    unsigned have = 0;
    size_t at = 0;
    for (size_t i = 0; i < ID_TEXT_LEN; i++) {
        int value = enc_base32_value(digits.ptr[i]);
        if (value < 0) {
            return false;
        }
        bits = bits << 5 | (uint32_t)value;
        have += i == 0 ? 3 : 5;
        if (have >= 8) {
            have -= 8;
            id.bytes[at++] = (unsigned char)(bits >> have);
        }
    }
    ASSERT(at == ID_BYTES);
    *ret_id = id;
    return true;
}

struct str id_str(const struct id *id)
{
    return (struct str){ (const char *)id->bytes, ID_BYTES };
}
