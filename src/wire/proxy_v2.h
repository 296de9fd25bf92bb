/*
 * The PROXY protocol, version 2 (HAProxy's proxy-protocol.txt, section 2.2): what a proxy says of
 * the client before the client's own first byte. Version 1, a line of text, is not spoken. No I/O,
 * no allocation.
 *
 * What follows the addresses (TLVs) must be well formed and is skipped, checksums too: the header
 * is believed for where it comes from, not for what it says.
 */
#pragma once

#include "base/ip.h"
#include "wire/http1.h"

#define PROXY_V2_FIXED 16U /* up to and including the length */
#define PROXY_V2_BYTES_MAX \
    ((size_t)4096) /* addresses are 216 at most; TLVs with a certificate's
                                            * names some hundred. The protocol allows 64 KiB. */

struct proxy_v2 {
    bool local; /* the proxy's own connection, a health check say: there is no client behind it */
    bool known; /* `source` is the client; false also where the proxy does not know, or a unix
                 * socket's client */
    struct ip source;
    uint16_t port;
};

/*
 * WIRE_DONE: *ret_used bytes were the header. WIRE_MORE: the bytes so far begin one. WIRE_BAD: they
 * do not, or the header is longer than PROXY_V2_BYTES_MAX, of another version, with an unknown
 * command or family, of datagrams, too short for its addresses, or with TLVs that do not fit in.
 */
EP_MUST_CHECK enum wire_result proxy_v2_read(struct str bytes, struct proxy_v2 *ret_proxy,
                                             size_t *ret_used);
/* How many bytes more are surely the header's, so that a reader need not take any that follow it.
 * After WIRE_MORE for the same bytes. */
size_t proxy_v2_wanted(struct str bytes);
