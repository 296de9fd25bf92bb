#include "base/ip.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#define IP_BITS 128

/* The first twelve bytes of an IPv4-mapped address (RFC 4291 2.5.5.2). */
static const unsigned char ip_mapped[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff };

/* ---- text -------------------------------------------------------------------------------- */

struct ip ip_from_v4(const void *bytes)
{
    struct ip ip;
    memcpy(ip.bytes, ip_mapped, sizeof(ip_mapped));
    memcpy(ip.bytes + sizeof(ip_mapped), bytes, 4);
    return ip;
}

struct ip ip_from_v6(const void *bytes)
{
    struct ip ip;
    memcpy(ip.bytes, bytes, sizeof(ip.bytes));
    return ip;
}

bool ip_parse(struct str text, struct ip *ret_ip)
{
    char copy[IP_TEXT_MAX];
    unsigned char bytes[16];
    if (text.len == 0 || text.len >= sizeof(copy) || memchr(text.ptr, '\0', text.len) != NULL) {
        return false;
    }
    memcpy(copy, text.ptr, text.len);
    copy[text.len] = '\0';
    bool six = str_find(text, ':') < text.len;
    if (inet_pton(six ? AF_INET6 : AF_INET, copy, bytes) != 1) {
        return false;
    }
    *ret_ip = six ? ip_from_v6(bytes) : ip_from_v4(bytes);
    return true;
}

/* Whether no bit behind the first `bits` is set. */
static bool ip_ends_at(const struct ip *ip, unsigned bits)
{
    for (unsigned at = bits; at < IP_BITS; at++) {
        if ((ip->bytes[at / 8] & (0x80U >> (at % 8))) != 0) {
            return false;
        }
    }
    return true;
}

bool ip_block_parse(struct str text, struct ip_block *ret_block)
{
    struct str rest = text;
    struct str literal = str_cut(&rest, '/');
    struct ip_block block = { .bits = IP_BITS };
    if (!ip_parse(literal, &block.first)) {
        return false;
    }
    if (literal.len < text.len) {
        unsigned fixed = str_find(literal, ':') < literal.len ? 0 : IP_V4_BITS;
        uint64_t bits = 0;
        if (!str_to_u64(rest, &bits) || bits > IP_BITS - fixed ||
            (rest.len > 1 && rest.ptr[0] == '0')) {
            return false;
        }
        block.bits = (uint8_t)(bits + fixed);
    }
    if (!ip_ends_at(&block.first, block.bits)) {
        return false;
    }
    *ret_block = block;
    return true;
}

void ip_print(const struct ip *ip, char text[IP_TEXT_MAX])
{
    bool v4 = ip_is_v4(ip);
    const void *bytes = v4 ? ip->bytes + sizeof(ip_mapped) : ip->bytes;
    const char *made = inet_ntop(v4 ? AF_INET : AF_INET6, bytes, text, IP_TEXT_MAX);
    ASSERT(made != NULL); /* the room is for the longest */
}

void ip_block_print(const struct ip_block *block, char text[IP_BLOCK_TEXT_MAX])
{
    char first[IP_TEXT_MAX];
    ip_print(&block->first, first);
    unsigned bits = ip_is_v4(&block->first) ? block->bits - IP_V4_BITS : block->bits;
    int len = snprintf(text, IP_BLOCK_TEXT_MAX, "%s/%u", first, bits);
    ASSERT(len > 0 && len < IP_BLOCK_TEXT_MAX);
}

/* ---- comparison -------------------------------------------------------------------------- */

bool ip_is_v4(const struct ip *ip)
{
    return memcmp(ip->bytes, ip_mapped, sizeof(ip_mapped)) == 0;
}

bool ip_eq(const struct ip *a, const struct ip *b)
{
    return ip_cmp(a, b) == 0;
}

int ip_cmp(const struct ip *a, const struct ip *b)
{
    return memcmp(a->bytes, b->bytes, sizeof(a->bytes));
}

/* Whether the first `bits` of both are alike. */
static bool ip_agree(const struct ip *a, const struct ip *b, unsigned bits)
{
    unsigned whole = bits / 8;
    if (memcmp(a->bytes, b->bytes, whole) != 0) {
        return false;
    }
    unsigned mask = bits % 8 == 0 ? 0 : (0xff00U >> (bits % 8)) & 0xffU;
    return mask == 0 || ((unsigned)(a->bytes[whole] ^ b->bytes[whole]) & mask) == 0;
}

bool ip_block_holds(const struct ip_block *block, const struct ip *ip)
{
    ASSERT(block->bits <= IP_BITS);
    return ip_is_v4(&block->first) == ip_is_v4(ip) && ip_agree(&block->first, ip, block->bits);
}

bool ip_blocks_hold(const struct ip_block *blocks, size_t count, const struct ip *ip)
{
    for (size_t i = 0; i < count; i++) {
        if (ip_block_holds(&blocks[i], ip)) {
            return true;
        }
    }
    return false;
}

bool ip_block_covers(const struct ip_block *outer, const struct ip_block *inner)
{
    return outer->bits <= inner->bits && ip_block_holds(outer, &inner->first);
}

/* ---- what an address is ------------------------------------------------------------------ */

struct ip ip_plain(struct ip ip)
{
    static const unsigned char nat64[12] = { 0x00, 0x64, 0xff, 0x9b }; /* RFC 6052 2.1 */
    if (ip.bytes[0] == 0x20 && ip.bytes[1] == 0x02) {                  /* RFC 3056 */
        return ip_from_v4(ip.bytes + 2);
    }
    return memcmp(ip.bytes, nat64, sizeof(nat64)) == 0 ? ip_from_v4(ip.bytes + 12) : ip;
}

#define V4(a, b, c, d, prefix)                                                              \
    {                                                                                       \
        { { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, a, b, c, d } }, IP_V4_BITS + (prefix) \
    }
#define V6(a, b, c, d, prefix)     \
    {                              \
        { { a, b, c, d } }, prefix \
    }

/* IANA's special-purpose registries (RFC 6890), as far as such an address is nobody's in public. */
static const struct ip_block ip_special[] = {
    V4(0, 0, 0, 0, 8),
    V4(10, 0, 0, 0, 8),
    V4(100, 64, 0, 0, 10),
    V4(127, 0, 0, 0, 8),
    V4(169, 254, 0, 0, 16),
    V4(172, 16, 0, 0, 12),
    V4(192, 0, 0, 0, 24),
    V4(192, 0, 2, 0, 24),
    V4(192, 168, 0, 0, 16),
    V4(198, 18, 0, 0, 15),
    V4(198, 51, 100, 0, 24),
    V4(203, 0, 113, 0, 24),
    V4(224, 0, 0, 0, 3), /* multicast, reserved, broadcast */
    V6(0, 0, 0, 0, 8),   /* unspecified, loopback, IPv4-compatible, local NAT64 (64:ff9b:1::/48) */
    V6(0x01, 0, 0, 0, 8),
    V6(0x20, 0x01, 0, 0, 23), /* Teredo, benchmarks, ORCHID */
    V6(0x20, 0x01, 0x0d, 0xb8, 32),
    V6(0x3f, 0xff, 0, 0, 20),
    V6(0xfc, 0, 0, 0, 7),
    V6(0xfe, 0x80, 0, 0, 9), /* link-local, site-local */
    V6(0xff, 0, 0, 0, 8),
};

bool ip_is_public(const struct ip *ip)
{
    return !ip_blocks_hold(ip_special, EP_ARRAY_LEN(ip_special), ip);
}
