#include "wire/url.h"

static int url_hex(char digit)
{
    if (digit >= '0' && digit <= '9') {
        return digit - '0';
    }
    char lower = (char)(digit | 0x20);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

/* What stands between brackets: that it is an address, the system says. */
static bool url_is_literal(struct str host)
{
    for (size_t i = 0; i < host.len; i++) {
        char c = host.ptr[i];
        if (url_hex(c) < 0 && c != ':' && c != '.') {
            return false;
        }
    }
    return str_find(host, ':') < host.len;
}

static bool url_is_host(struct str host)
{
    for (size_t i = 0; i < host.len; i++) {
        char c = host.ptr[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                     c == '-' || c == '.' || c == '_';
        if (!plain) {
            return false;
        }
    }
    return host.len > 0 && host.len <= 253;
}

bool url_parse(struct str text, struct url *ret_url)
{
    struct url url = { .port = 80 };
    if (str_starts(text, STR("https://"))) {
        url.tls = true;
        url.port = 443;
        text = str_from_at(text, 8);
    } else if (str_starts(text, STR("http://"))) {
        text = str_from_at(text, 7);
    } else {
        return false;
    }
    size_t slash = str_find(text, '/');
    struct str authority = str_slice(text, 0, slash);
    url.path = str_from_at(text, slash);
    bool literal = authority.len > 0 && authority.ptr[0] == '[';
    size_t host_end = literal ? str_find(authority, ']') : str_find(authority, ':');
    if (literal && host_end == authority.len) {
        return false;
    }
    url.host = str_slice(authority, literal ? 1 : 0, host_end);
    struct str port = str_from_at(authority, literal ? host_end + 1 : host_end);
    if (port.len > 0) {
        uint64_t number = 0;
        if (port.ptr[0] != ':' || !str_to_u64(str_from_at(port, 1), &number) || number == 0 ||
            number > UINT16_MAX) {
            return false;
        }
        url.port = (uint16_t)number;
    }
    for (size_t i = 0; i < url.path.len; i++) {
        unsigned char c = (unsigned char)url.path.ptr[i];
        if (c <= 0x20 || c >= 0x7F || c == '?' || c == '#') {
            return false;
        }
    }
    while (url.path.len > 0 && url.path.ptr[url.path.len - 1] == '/') {
        url.path.len--;
    }
    if (!(literal ? url_is_literal(url.host) : url_is_host(url.host))) {
        return false;
    }
    *ret_url = url;
    return true;
}

struct str url_target_path(struct str target, struct str *ret_query)
{
    struct str path = str_cut(&target, '?');
    *ret_query = target;
    return path;
}

/* `plus`: what "+" stands for. False: `out` is as it was. */
static bool url_decode(struct str text, char plus, struct buf *out)
{
    size_t before = out->len;
    for (size_t i = 0; i < text.len; i++) {
        char byte = text.ptr[i] == '+' ? plus : text.ptr[i];
        bool escape = byte == '%';
        bool fine = !escape || (text.len - i >= 3 && url_hex(text.ptr[i + 1]) >= 0 &&
                                url_hex(text.ptr[i + 2]) >= 0);
        if (escape && fine) {
            byte = (char)(url_hex(text.ptr[i + 1]) * 16 + url_hex(text.ptr[i + 2]));
            i += 2;
        }
        if (!fine || buf_byte(out, byte) != ERR_OK) {
            out->len = before;
            return false;
        }
    }
    return true;
}

bool url_path_text(struct str piece, struct buf *out)
{
    return url_decode(piece, '+', out);
}

bool url_query(struct str query, struct str name, struct buf *out)
{
    while (query.len > 0) {
        struct str value = str_cut(&query, '&');
        struct str key = str_cut(&value, '=');
        if (str_eq(key, name)) {
            return url_decode(value, ' ', out);
        }
    }
    return false;
}
