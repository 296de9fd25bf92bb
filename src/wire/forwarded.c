#include "wire/forwarded.h"

#define ENTRY_MAX (IP_TEXT_MAX + 8) /* brackets and a port */

/* Empty, or ":" and a port. */
static bool forwarded_port(struct str text)
{
    uint64_t port = 0;
    return text.len == 0 || (text.len <= 6 && text.ptr[0] == ':' &&
                             str_to_u64(str_from_at(text, 1), &port) && port <= UINT16_MAX);
}

/* "1.2.3.4", "1.2.3.4:80", "2001:db8::1", "[2001:db8::1]", "[2001:db8::1]:80" */
static bool forwarded_entry(struct str text, struct ip *ret_ip)
{
    if (text.len == 0 || text.len > ENTRY_MAX) {
        return false;
    }
    if (text.ptr[0] == '[') {
        size_t end = str_find(text, ']');
        struct str inside = str_slice(text, 1, end);
        return end < text.len && str_find(inside, ':') < inside.len &&
               forwarded_port(str_from_at(text, end + 1)) && ip_parse(inside, ret_ip);
    }
    size_t colon = str_find(text, ':');
    bool port = colon < text.len && str_find(text, '.') < colon;
    if (port && !forwarded_port(str_from_at(text, colon))) {
        return false;
    }
    return ip_parse(port ? str_slice(text, 0, colon) : text, ret_ip);
}

/* Takes the last entry of the list `rest`; false: it was the only one. */
static bool forwarded_last(struct str *rest, struct str *ret_entry)
{
    size_t start = rest->len;
    while (start > 0 && rest->ptr[start - 1] != ',') {
        start--;
    }
    *ret_entry = str_trim(str_from_at(*rest, start));
    *rest = str_slice(*rest, 0, start > 0 ? start - 1 : 0);
    return start > 0;
}

enum hop {
    HOP_PROXY,
    HOP_CLIENT,
    HOP_WRONG
};

static enum hop forwarded_hop(struct str entry, const struct ip_block *trusted, size_t count,
                              struct ip *ret_ip)
{
    struct ip ip;
    if (!forwarded_entry(entry, &ip)) {
        return HOP_WRONG;
    }
    if (ip_blocks_hold(trusted, count, &ip)) {
        return HOP_PROXY;
    }
    *ret_ip = ip;
    return HOP_CLIENT;
}

bool forwarded_client(const struct http1_head *head, const struct ip_block *trusted, size_t count,
                      struct ip *ret_client)
{
    unsigned hops = 0;
    for (size_t i = head->header_count; i > 0; i--) {
        if (!str_eq_nocase(head->headers[i - 1].name, STR("x-forwarded-for"))) {
            continue;
        }
        struct str rest = head->headers[i - 1].value;
        struct str entry;
        for (bool more = true; more;) {
            more = forwarded_last(&rest, &entry);
            enum hop hop = forwarded_hop(entry, trusted, count, ret_client);
            if (hop != HOP_PROXY) {
                return hop == HOP_CLIENT;
            }
            if (++hops == FORWARDED_HOPS_MAX) {
                return false;
            }
        }
    }
    return false;
}
