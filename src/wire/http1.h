/*
 * HTTP/1.1 messages (RFC 9112): heads parsed in place, bodies unframed, heads written. No I/O, no
 * allocation; everything parsed borrows the bytes given.
 *
 * Strict where leniency lets two parsers disagree (request smuggling): line ends are CRLF, no white
 * space before a colon, no folded lines, Content-Length once and never with Transfer-Encoding, no
 * transfer coding but "chunked", Host exactly once.
 */
#pragma once

#include "base/buf.h"

#define HTTP1_HEADERS_MAX    100  /* SDKs send 15, browsers 25, proxies add 10 */
#define HTTP1_CHUNK_LINE_MAX 1024 /* a size and extensions that nobody uses */
#define HTTP1_TRAILERS_MAX   8192 /* dropped, but read */

enum wire_result {
    WIRE_DONE,
    WIRE_MORE,
    WIRE_BAD
};

enum http1_method {
    HTTP1_OTHER,
    HTTP1_GET,
    HTTP1_HEAD,
    HTTP1_POST,
    HTTP1_PUT,
    HTTP1_DELETE,
    HTTP1_OPTIONS
};

enum http1_framing {
    HTTP1_NO_BODY,
    HTTP1_LENGTH,
    HTTP1_CHUNKED,
    HTTP1_UNTIL_CLOSE
};

struct http1_header {
    struct str name;
    struct str value; /* without white space at its ends */
};

struct http1_head {
    /* of a request */
    enum http1_method method;
    struct str method_text;
    struct str target;
    bool expect_continue;
    /* of a response */
    int status;
    /* of both */
    bool version_11; /* else 1.0 */
    bool keep_alive;
    enum http1_framing framing;
    uint64_t length; /* with HTTP1_LENGTH */
    struct http1_header headers[HTTP1_HEADERS_MAX];
    size_t header_count;
    enum err bad; /* with WIRE_BAD: HTTP_SYNTAX, HTTP_VERSION or HTTP_HEAD_SIZE */
};

/* `size_max`: of a head. WIRE_DONE: *ret_used bytes belonged to it. WIRE_MORE: not whole yet. */
EP_MUST_CHECK enum wire_result http1_read_request(struct str bytes, size_t size_max,
                                                  struct http1_head *head, size_t *ret_used);
/* `to_head`: the request was a HEAD, so no body follows. */
EP_MUST_CHECK enum wire_result http1_read_response(struct str bytes, size_t size_max, bool to_head,
                                                   struct http1_head *head, size_t *ret_used);
/* The first header of that name (any case), or an empty slice. */
struct str http1_header(const struct http1_head *head, struct str name);

/* ---- bodies ------------------------------------------------------------------------------ */

/* Chunk lines and trailers are as strict as heads: CRLF alone ends a line, a trailer has a name. */
enum http1_body_state {
    BODY_DATA,
    BODY_CHUNK_SIZE,
    BODY_CHUNK_SPACE, /* some servers pad the size */
    BODY_CHUNK_EXTENSION,
    BODY_CHUNK_SIZE_LF,
    BODY_CHUNK_END_CR,
    BODY_CHUNK_END_LF,
    BODY_TRAILER, /* at the start of a line */
    BODY_TRAILER_NAME,
    BODY_TRAILER_VALUE,
    BODY_TRAILER_LF,
    BODY_END_LF,
    BODY_END
};

/* A body being unframed; 24 bytes, no memory of its own. */
struct http1_body {
    enum http1_body_state state;
    enum http1_framing framing;
    uint64_t left;       /* of the length, or of the chunk */
    uint32_t line_bytes; /* of the chunk's size line, or of all trailers */
    uint8_t digits;      /* of the chunk's size */
};

void http1_body_init(struct http1_body *body, enum http1_framing framing, uint64_t length);
/*
 * Takes some of `bytes`: *ret_used of them, of which *ret_data (may be empty) is payload.
 * WIRE_DONE: the body has ended behind what was used. WIRE_MORE: call again with what is left, or
 * with more when all was used. A body until close ends when the connection does.
 */
EP_MUST_CHECK enum wire_result http1_body_read(struct http1_body *body, struct str bytes,
                                               size_t *ret_used, struct str *ret_data);

/* ---- writing ----------------------------------------------------------------------------- */

#define HTTP1_CHUNK_HEAD_MAX 18 /* 16 hex digits and CRLF */

/* "1a\r\n" into `text`; returns its length. size > 0. */
size_t http1_chunk_head(char text[HTTP1_CHUNK_HEAD_MAX], uint64_t size);
/* "POST /v1/x HTTP/1.1\r\n" */
EP_MUST_CHECK enum err http1_request_line(struct buf *out, struct str method, struct str target);
/* "HTTP/1.1 200 OK\r\n" */
EP_MUST_CHECK enum err http1_status_line(struct buf *out, int status);
EP_MUST_CHECK enum err http1_write_header(struct buf *out, struct str name, struct str value);
