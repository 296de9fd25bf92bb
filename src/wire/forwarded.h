/*
 * X-Forwarded-For: who a client is by the word of the proxies in between. Each proxy adds the
 * address it was called from at the end; what stands before the first entry that a trusted proxy
 * has written is anybody's invention. So entries are read from the end, as long as they are
 * trusted proxies themselves; the first that is none is the client.
 *
 * Several headers are one list, in their order. `Forwarded` (RFC 7239) is not read: two headers
 * that may differ are one too many.
 */
#pragma once

#include "base/ip.h"
#include "wire/http1.h"

#define FORWARDED_HOPS_MAX 16 /* entries that are read: four proxies behind each other are many */

/*
 * The client that `head` names to a peer among `trusted`. False, and nobody knows: there is no such
 * header, the list ends or exceeds FORWARDED_HOPS_MAX before an entry that is no trusted proxy, or
 * an entry that had to be read is no address ("unknown", a name, nothing). An entry may carry a
 * port, and an IPv6 address brackets.
 */
EP_MUST_CHECK bool forwarded_client(const struct http1_head *head, const struct ip_block *trusted,
                                    size_t count, struct ip *ret_client);
