#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>

#include "loop/loop.h"

bool address_parse(struct str text, struct address *ret_address)
{
    size_t colon = text.len;
    while (colon > 0 && text.ptr[colon - 1] != ':') {
        colon--;
    }
    uint64_t port = 0;
    if (colon == 0 || !str_to_u64(str_from_at(text, colon), &port) || port > UINT16_MAX) {
        return false;
    }
    struct str host = str_slice(text, 0, colon - 1);
    bool v6 = host.len >= 2 && host.ptr[0] == '[' && host.ptr[host.len - 1] == ']';
    if (v6) {
        host = str_slice(host, 1, host.len - 1);
    }
    char name[INET6_ADDRSTRLEN];
    if (host.len == 0 || host.len >= sizeof(name) || memchr(host.ptr, '\0', host.len) != NULL) {
        return false;
    }
    memcpy(name, host.ptr, host.len);
    name[host.len] = '\0';

    struct address address = { .len = 0 };
    if (v6) {
        address.sock.v6 =
            (struct sockaddr_in6){ .sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port) };
        address.len = sizeof(address.sock.v6);
    } else {
        address.sock.v4 =
            (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
        address.len = sizeof(address.sock.v4);
    }
    void *to = v6 ? (void *)&address.sock.v6.sin6_addr : (void *)&address.sock.v4.sin_addr;
    if (inet_pton(v6 ? AF_INET6 : AF_INET, name, to) != 1) {
        return false;
    }
    *ret_address = address;
    return true;
}

void address_print(const struct address *address, char *text, size_t size)
{
    char name[INET6_ADDRSTRLEN] = "?";
    switch (address->sock.any.sa_family) {
    case AF_INET:
        (void)inet_ntop(AF_INET, &address->sock.v4.sin_addr, name, sizeof(name));
        (void)snprintf(text, size, "%s:%u", name, (unsigned)ntohs(address->sock.v4.sin_port));
        break;
    case AF_INET6:
        (void)inet_ntop(AF_INET6, &address->sock.v6.sin6_addr, name, sizeof(name));
        (void)snprintf(text, size, "[%s]:%u", name, (unsigned)ntohs(address->sock.v6.sin6_port));
        break;
    default:
        (void)snprintf(text, size, "unix");
        break;
    }
}

bool address_ip(const struct address *address, struct ip *ret_ip)
{
    switch (address->sock.any.sa_family) {
    case AF_INET:
        *ret_ip = ip_from_v4(&address->sock.v4.sin_addr);
        return true;
    case AF_INET6:
        *ret_ip = ip_from_v6(&address->sock.v6.sin6_addr);
        return true;
    default:
        return false;
    }
}

bool address_unix(struct str path, struct address *ret_address)
{
    struct sockaddr_un name = { .sun_family = AF_UNIX };
    if (path.len == 0 || path.len >= sizeof(name.sun_path) ||
        memchr(path.ptr, '\0', path.len) != NULL) {
        return false;
    }
    memcpy(name.sun_path, path.ptr, path.len);
    struct address address = { .len = sizeof(name) };
    memcpy(&address.sock, &name, sizeof(name));
    *ret_address = address;
    return true;
}
