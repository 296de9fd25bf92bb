#include "wire/proxy_v2.h"

#include <string.h>

#define SIGNATURE_LEN 12U
#define TLV_HEAD      3U /* type and length */

static const char proxy_signature[SIGNATURE_LEN + 1] = "\r\n\r\n\0\r\nQUIT\n";

enum {
    COMMAND_LOCAL = 0,
    COMMAND_PROXY = 1
};

/* Family and transport, as the byte has them. */
enum {
    FAMILY_UNKNOWN = 0x00,
    FAMILY_TCP4 = 0x11,
    FAMILY_TCP6 = 0x21,
    FAMILY_UNIX = 0x31
};

static size_t proxy_u16(const unsigned char *bytes)
{
    return (size_t)bytes[0] << 8 | bytes[1];
}

/* Whether `bytes` is whole TLVs. */
static bool proxy_tlvs_fine(const unsigned char *bytes, size_t len)
{
    while (len >= TLV_HEAD) {
        size_t size = TLV_HEAD + proxy_u16(bytes + 1);
        if (size > len) {
            return false;
        }
        bytes += size;
        len -= size;
    }
    return len == 0;
}

/* What the addresses take; false: a family that is none of ours. */
static bool proxy_family(unsigned family, size_t *ret_len)
{
    switch (family) {
    case FAMILY_UNKNOWN:
        *ret_len = 0;
        return true;
    case FAMILY_TCP4:
        *ret_len = 2 * (4 + 2);
        return true;
    case FAMILY_TCP6:
        *ret_len = 2 * (16 + 2);
        return true;
    case FAMILY_UNIX:
        *ret_len = 2 * 108;
        return true;
    default:
        return false; /* datagrams too: this is a stream */
    }
}

/* `rest`: the `len` bytes behind the fixed part. */
static enum wire_result proxy_client(unsigned family, const unsigned char *rest, size_t len,
                                     struct proxy_v2 *ret_proxy)
{
    struct proxy_v2 proxy = { .known = family == FAMILY_TCP4 || family == FAMILY_TCP6 };
    size_t addresses = 0;
    if (!proxy_family(family, &addresses) || len < addresses) {
        return WIRE_BAD;
    }
    /* Of an unknown family nobody knows how long its addresses are, so no TLV can be found. */
    if (family != FAMILY_UNKNOWN && !proxy_tlvs_fine(rest + addresses, len - addresses)) {
        return WIRE_BAD;
    }
    if (family == FAMILY_TCP4) {
        proxy.source = ip_from_v4(rest);
        proxy.port = (uint16_t)proxy_u16(rest + 2 * 4);
    } else if (family == FAMILY_TCP6) {
        proxy.source = ip_from_v6(rest);
        proxy.port = (uint16_t)proxy_u16(rest + 2 * 16);
    }
    *ret_proxy = proxy;
    return WIRE_DONE;
}

enum wire_result proxy_v2_read(struct str bytes, struct proxy_v2 *ret_proxy, size_t *ret_used)
{
    const unsigned char *at = (const unsigned char *)bytes.ptr;
    size_t seen = bytes.len < SIGNATURE_LEN ? bytes.len : SIGNATURE_LEN;
    if (seen > 0 && memcmp(at, proxy_signature, seen) != 0) {
        return WIRE_BAD;
    }
    if (bytes.len > SIGNATURE_LEN &&
        (at[SIGNATURE_LEN] >> 4 != 2 || (at[SIGNATURE_LEN] & 0xfU) > COMMAND_PROXY)) {
        return WIRE_BAD;
    }
    if (bytes.len < PROXY_V2_FIXED) {
        return WIRE_MORE;
    }
    size_t len = proxy_u16(at + PROXY_V2_FIXED - 2);
    if (PROXY_V2_FIXED + len > PROXY_V2_BYTES_MAX) {
        return WIRE_BAD;
    }
    if (bytes.len < PROXY_V2_FIXED + len) {
        return WIRE_MORE;
    }
    *ret_used = PROXY_V2_FIXED + len;
    if ((at[SIGNATURE_LEN] & 0xfU) == COMMAND_LOCAL) {
        *ret_proxy = (struct proxy_v2){ .local = true }; /* whatever else stands there */
        return WIRE_DONE;
    }
    return proxy_client(at[SIGNATURE_LEN + 1], at + PROXY_V2_FIXED, len, ret_proxy);
}

size_t proxy_v2_wanted(struct str bytes)
{
    if (bytes.len < PROXY_V2_FIXED) {
        return PROXY_V2_FIXED - bytes.len;
    }
    size_t len = proxy_u16((const unsigned char *)bytes.ptr + PROXY_V2_FIXED - 2);
    ASSERT(bytes.len < PROXY_V2_FIXED + len); /* else it is whole */
    return PROXY_V2_FIXED + len - bytes.len;
}
