/*
 * IP addresses and blocks of them, as values. One form for all: sixteen bytes, an IPv4 address as
 * its IPv4-mapped IPv6 address (::ffff:a.b.c.d), so that both ways of writing it are one address.
 *
 * A block is of one family: "::/0" holds no IPv4 address, although the mapped ones lie in it.
 */
#pragma once

#include "base/str.h"

#define IP_TEXT_MAX       46  /* the longest literal and its NUL, as INET6_ADDRSTRLEN */
#define IP_BLOCK_TEXT_MAX 50  /* and "/128" */
#define IP_V4_BITS        96U /* of an IPv4 address's sixteen bytes: fixed */

struct ip {
    unsigned char bytes[16];
};

struct ip_block {
    struct ip first; /* its bits behind `bits` are 0 */
    uint8_t bits;    /* of the sixteen bytes: 96 to 128 for IPv4 */
};

/* A literal: "1.2.3.4" (decimal, no leading zeros), "2001:db8::1", "::ffff:1.2.3.4". No brackets,
 * port, zone or white space. */
EP_MUST_CHECK bool ip_parse(struct str text, struct ip *ret_ip);
/* "10.0.0.0/8", "2001:db8::/32", or an address alone. False also where bits behind the prefix are
 * set: somebody has made a mistake, and only they know which. */
EP_MUST_CHECK bool ip_block_parse(struct str text, struct ip_block *ret_block);
/* From four bytes in network order. */
struct ip ip_from_v4(const void *bytes);
/* From sixteen. */
struct ip ip_from_v6(const void *bytes);

/* As ip_parse() and ip_block_parse() read it, NUL-terminated; IPv4 as "1.2.3.4". */
void ip_print(const struct ip *ip, char text[IP_TEXT_MAX]);
void ip_block_print(const struct ip_block *block, char text[IP_BLOCK_TEXT_MAX]);

bool ip_is_v4(const struct ip *ip);
bool ip_eq(const struct ip *a, const struct ip *b);
int ip_cmp(const struct ip *a, const struct ip *b); /* by number */
bool ip_block_holds(const struct ip_block *block, const struct ip *ip);
/* Whether one of the blocks does. */
bool ip_blocks_hold(const struct ip_block *blocks, size_t count, const struct ip *ip);
/* Whether each address of `inner` is in `outer`. */
bool ip_block_covers(const struct ip_block *outer, const struct ip_block *inner);

/* The IPv4 address that a 6to4 (2002::/16) or NAT64 (64:ff9b::/96) address stands for: packets to
 * it end up there. Any other address is itself. */
struct ip ip_plain(struct ip ip);
/* Whether an address can be somebody's on the Internet: not loopback, private, shared (RFC 6598),
 * link-local, unique local, multicast, Teredo, reserved, or for documentation. `ip` is plain. */
bool ip_is_public(const struct ip *ip);
