#include "wire/http1.h"

#include <string.h>

#include "wire/http1_internal.h"

bool http1_is_token(char byte)
{
    static const char marks[] = "!#$%&'*+-.^_`|~";
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
           (byte >= '0' && byte <= '9') ||
           (byte != '\0' && memchr(marks, byte, sizeof(marks) - 1) != NULL);
}

bool http1_is_value(char byte)
{
    unsigned char c = (unsigned char)byte;
    return (c >= 0x20 && c != 0x7F) || c == '\t';
}

static bool http1_all(struct str text, bool (*is)(char))
{
    for (size_t i = 0; i < text.len; i++) {
        if (!is(text.ptr[i])) {
            return false;
        }
    }
    return true;
}

static bool http1_is_target(char byte)
{
    unsigned char c = (unsigned char)byte;
    return c > 0x20 && c < 0x7F;
}

/* Takes a line up to CRLF. WIRE_BAD: a bare CR or LF. */
static enum wire_result http1_take_line(struct str *rest, struct str *line)
{
    size_t lf = str_find(*rest, '\n');
    size_t cr = str_find((struct str){ rest->ptr, lf }, '\r');
    if (lf == rest->len) {
        /* A CR must be the last byte so far, or the line can never be good. */
        return cr + 1 < lf ? WIRE_BAD : WIRE_MORE;
    }
    if (cr + 1 != lf) {
        return WIRE_BAD;
    }
    *line = str_slice(*rest, 0, cr);
    *rest = str_from_at(*rest, lf + 1);
    return WIRE_DONE;
}

static bool http1_version(struct http1_head *head, struct str text)
{
    head->bad = ERR_HTTP_SYNTAX;
    if (text.len != 8 || !str_starts(text, STR("HTTP/")) || text.ptr[6] != '.') {
        return false;
    }
    if (text.ptr[5] != '1' || (text.ptr[7] != '0' && text.ptr[7] != '1')) {
        head->bad = ERR_HTTP_VERSION;
        return false;
    }
    head->version_11 = text.ptr[7] == '1';
    return true;
}

static enum http1_method http1_method_of(struct str text)
{
    static const struct {
        struct str text;
        enum http1_method method;
    } methods[] = {
        { STR_INIT("GET"), HTTP1_GET },       { STR_INIT("HEAD"), HTTP1_HEAD },
        { STR_INIT("POST"), HTTP1_POST },     { STR_INIT("PUT"), HTTP1_PUT },
        { STR_INIT("DELETE"), HTTP1_DELETE }, { STR_INIT("OPTIONS"), HTTP1_OPTIONS },
    };
    for (size_t i = 0; i < EP_ARRAY_LEN(methods); i++) {
        if (str_eq(text, methods[i].text)) {
            return methods[i].method;
        }
    }
    return HTTP1_OTHER;
}

static bool http1_read_request_line(struct http1_head *head, struct str line)
{
    head->bad = ERR_HTTP_SYNTAX;
    head->method_text = str_cut(&line, ' ');
    head->target = str_cut(&line, ' ');
    head->method = http1_method_of(head->method_text);
    return head->method_text.len > 0 && http1_all(head->method_text, http1_is_token) &&
           head->target.len > 0 && http1_all(head->target, http1_is_target) &&
           http1_version(head, line);
}

static bool http1_status(struct http1_head *head, struct str line)
{
    struct str version = str_cut(&line, ' ');
    struct str code = str_cut(&line, ' ');
    uint64_t status = 0;
    if (!http1_version(head, version)) {
        return false;
    }
    if (code.len != 3 || !str_to_u64(code, &status) || status < 100 || status > 599 ||
        !http1_all(line, http1_is_value)) {
        head->bad = ERR_HTTP_SYNTAX;
        return false;
    }
    head->status = (int)status;
    return true;
}

/* What the headers say about framing and the connection, gathered as they are read. */
struct http1_facts {
    unsigned hosts;
    unsigned lengths;
    unsigned codings;
    bool close;
    bool keep;
};

static bool http1_connection(struct str value, struct http1_facts *facts)
{
    while (value.len > 0) {
        struct str token = str_trim(str_cut(&value, ','));
        facts->close |= str_eq_nocase(token, STR("close"));
        facts->keep |= str_eq_nocase(token, STR("keep-alive"));
    }
    return true;
}

/* Notes a header that matters to the message itself. False: it makes the head bad. */
static bool http1_note(struct http1_head *head, struct str name, struct str value,
                       struct http1_facts *facts)
{
    switch (name.len) {
    case 4:
        facts->hosts += str_eq_nocase(name, STR("host"));
        return true;
    case 6:
        head->expect_continue |=
            str_eq_nocase(name, STR("expect")) && str_eq_nocase(value, STR("100-continue"));
        return true;
    case 10:
        return !str_eq_nocase(name, STR("connection")) || http1_connection(value, facts);
    case 14:
        if (!str_eq_nocase(name, STR("content-length"))) {
            return true;
        }
        facts->lengths++;
        return facts->lengths == 1 && str_to_u64(value, &head->length);
    case 17:
        if (!str_eq_nocase(name, STR("transfer-encoding"))) {
            return true;
        }
        facts->codings++;
        return facts->codings == 1 && str_eq_nocase(value, STR("chunked"));
    default:
        return true;
    }
}

static enum wire_result http1_headers(struct str *rest, struct http1_head *head,
                                      struct http1_facts *facts)
{
    for (;;) {
        struct str line;
        enum wire_result result = http1_take_line(rest, &line);
        if (result != WIRE_DONE) {
            return result;
        }
        if (line.len == 0) {
            return WIRE_DONE;
        }
        size_t colon = str_find(line, ':');
        struct str name = str_slice(line, 0, colon);
        if (colon == line.len || name.len == 0 || !http1_all(name, http1_is_token)) {
            return WIRE_BAD;
        }
        struct str value = str_trim(str_from_at(line, colon + 1));
        if (!http1_all(value, http1_is_value) || !http1_note(head, name, value, facts)) {
            return WIRE_BAD;
        }
        if (head->header_count == HTTP1_HEADERS_MAX) {
            head->bad = ERR_HTTP_HEAD_SIZE;
            return WIRE_BAD;
        }
        head->headers[head->header_count++] = (struct http1_header){ name, value };
    }
}

/* The part both kinds share. `first` reads the first line. */
static enum wire_result http1_read(struct str bytes, size_t size_max, struct http1_head *head,
                                   bool (*first)(struct http1_head *, struct str),
                                   struct http1_facts *facts, size_t *ret_used)
{
    head->header_count = 0;
    head->length = 0;
    head->expect_continue = false;
    head->bad = ERR_HTTP_SYNTAX;
    struct str rest = bytes.len > size_max ? str_slice(bytes, 0, size_max) : bytes;
    struct str line;
    enum wire_result result = http1_take_line(&rest, &line);
    if (result == WIRE_DONE) {
        result = first(head, line) ? http1_headers(&rest, head, facts) : WIRE_BAD;
    }
    if (result == WIRE_MORE && bytes.len >= size_max) {
        head->bad = ERR_HTTP_HEAD_SIZE;
        return WIRE_BAD;
    }
    if (result != WIRE_DONE) {
        return result;
    }
    head->bad = ERR_HTTP_SYNTAX;
    if (facts->lengths > 0 && facts->codings > 0) {
        return WIRE_BAD;
    }
    if (facts->codings > 0 && !head->version_11) {
        return WIRE_BAD;
    }
    head->keep_alive = head->version_11 ? !facts->close : facts->keep && !facts->close;
    *ret_used = (size_t)(rest.len == 0 ? (bytes.len < size_max ? bytes.len : size_max)
                                       : (size_t)(rest.ptr - bytes.ptr));
    return WIRE_DONE;
}

enum wire_result http1_read_request(struct str bytes, size_t size_max, struct http1_head *head,
                                    size_t *ret_used)
{
    struct http1_facts facts = { 0 };
    enum wire_result result =
        http1_read(bytes, size_max, head, http1_read_request_line, &facts, ret_used);
    if (result != WIRE_DONE) {
        return result;
    }
    if (facts.hosts > 1 || (facts.hosts == 0 && head->version_11)) {
        return WIRE_BAD;
    }
    /* A 1.0 client would take "100 Continue" for the answer (RFC 9110 10.1.1). */
    head->expect_continue &= head->version_11;
    head->framing = facts.codings > 0                       ? HTTP1_CHUNKED
                    : facts.lengths > 0 && head->length > 0 ? HTTP1_LENGTH
                                                            : HTTP1_NO_BODY;
    return WIRE_DONE;
}

enum wire_result http1_read_response(struct str bytes, size_t size_max, bool to_head,
                                     struct http1_head *head, size_t *ret_used)
{
    struct http1_facts facts = { 0 };
    enum wire_result result = http1_read(bytes, size_max, head, http1_status, &facts, ret_used);
    if (result != WIRE_DONE) {
        return result;
    }
    bool none = to_head || head->status < 200 || head->status == 204 || head->status == 304 ||
                (facts.lengths > 0 && head->length == 0);
    head->framing = none                ? HTTP1_NO_BODY
                    : facts.codings > 0 ? HTTP1_CHUNKED
                    : facts.lengths > 0 ? HTTP1_LENGTH
                                        : HTTP1_UNTIL_CLOSE;
    if (head->framing == HTTP1_UNTIL_CLOSE) {
        head->keep_alive = false;
    }
    return WIRE_DONE;
}

struct str http1_header(const struct http1_head *head, struct str name)
{
    for (size_t i = 0; i < head->header_count; i++) {
        if (str_eq_nocase(head->headers[i].name, name)) {
            return head->headers[i].value;
        }
    }
    return STR_EMPTY;
}

/* ---- writing ----------------------------------------------------------------------------- */

size_t http1_chunk_head(char text[HTTP1_CHUNK_HEAD_MAX], uint64_t size)
{
    static const char digits[] = "0123456789abcdef";
    ASSERT(size > 0);
    size_t len = 0;
    for (uint64_t left = size; left > 0; left >>= 4) {
        len++;
    }
    for (size_t i = 0; i < len; i++) {
        text[i] = digits[size >> 4 * (len - 1 - i) & 15];
    }
    text[len] = '\r';
    text[len + 1] = '\n';
    return len + 2;
}

enum err http1_request_line(struct buf *out, struct str method, struct str target)
{
    ASSERT(method.len > 0 && http1_all(method, http1_is_token));
    ASSERT(target.len > 0 && http1_all(target, http1_is_target));
    TRY(buf_append(out, method));
    TRY(buf_byte(out, ' '));
    TRY(buf_append(out, target));
    return buf_append(out, STR(" HTTP/1.1\r\n"));
}

enum err http1_status_line(struct buf *out, int status)
{
    static const struct {
        int status;
        const char *reason;
    } reasons[] = {
        { 100, "Continue" },
        { 101, "Switching Protocols" },
        { 200, "OK" },
        { 201, "Created" },
        { 204, "No Content" },
        { 304, "Not Modified" },
        { 400, "Bad Request" },
        { 401, "Unauthorized" },
        { 402, "Payment Required" },
        { 403, "Forbidden" },
        { 404, "Not Found" },
        { 405, "Method Not Allowed" },
        { 408, "Request Timeout" },
        { 409, "Conflict" },
        { 413, "Content Too Large" },
        { 415, "Unsupported Media Type" },
        { 422, "Unprocessable Content" },
        { 426, "Upgrade Required" },
        { 429, "Too Many Requests" },
        { 431, "Request Header Fields Too Large" },
        { 451, "Unavailable For Legal Reasons" },
        { 500, "Internal Server Error" },
        { 502, "Bad Gateway" },
        { 503, "Service Unavailable" },
        { 504, "Gateway Timeout" },
        { 505, "HTTP Version Not Supported" },
    };
    ASSERT(status >= 100 && status <= 599);
    const char *reason = "";
    for (size_t i = 0; i < EP_ARRAY_LEN(reasons); i++) {
        reason = reasons[i].status == status ? reasons[i].reason : reason;
    }
    TRY(buf_append(out, STR("HTTP/1.1 ")));
    TRY(buf_u64(out, (uint64_t)status));
    TRY(buf_byte(out, ' '));
    TRY(buf_append(out, str_from(reason)));
    return buf_append(out, STR("\r\n"));
}

enum err http1_write_header(struct buf *out, struct str name, struct str value)
{
    ASSERT(http1_all(name, http1_is_token));
    ASSERT(http1_all(value, http1_is_value)); /* a line end would be a second header */
    TRY(buf_append(out, name));
    TRY(buf_append(out, STR(": ")));
    TRY(buf_append(out, value));
    return buf_append(out, STR("\r\n"));
}
