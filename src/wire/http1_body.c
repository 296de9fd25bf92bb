#include "wire/http1.h"

#include "wire/http1_internal.h"

void http1_body_init(struct http1_body *body, enum http1_framing framing, uint64_t length)
{
    *body = (struct http1_body){ .framing = framing };
    switch (framing) {
    case HTTP1_NO_BODY:
        body->state = BODY_END;
        break;
    case HTTP1_LENGTH:
        body->state = length == 0 ? BODY_END : BODY_DATA;
        body->left = length;
        break;
    case HTTP1_CHUNKED:
        body->state = BODY_CHUNK_SIZE;
        break;
    case HTTP1_UNTIL_CLOSE:
        body->state = BODY_DATA;
        body->left = UINT64_MAX;
        break;
    }
}

static int body_hex(char digit)
{
    if (digit >= '0' && digit <= '9') {
        return digit - '0';
    }
    char lower = (char)(digit | 0x20);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

#define BODY_DIGITS_MAX 15 /* below 2^60: no overflow, and no honest chunk is larger */

/* Behind the size and its padding. */
static bool body_size_end(struct http1_body *body, char byte)
{
    body->state = byte == '\r'  ? BODY_CHUNK_SIZE_LF
                  : byte == ';' ? BODY_CHUNK_EXTENSION
                                : BODY_CHUNK_SPACE;
    return byte == '\r' || byte == ';' || byte == ' ' || byte == '\t';
}

static bool body_size_byte(struct http1_body *body, char byte)
{
    int digit = body_hex(byte);
    if (digit >= 0) {
        body->left = body->left << 4 | (unsigned)digit;
        return ++body->digits <= BODY_DIGITS_MAX;
    }
    return body->digits > 0 && body_size_end(body, byte);
}

/* One byte behind the last chunk's line. False: it cannot stand there. */
static bool body_trailer_byte(struct http1_body *body, char byte)
{
    switch (body->state) {
    case BODY_TRAILER:
        body->state = byte == '\r' ? BODY_END_LF : BODY_TRAILER_NAME;
        return byte == '\r' || http1_is_token(byte);
    case BODY_TRAILER_NAME:
        body->state = byte == ':' ? BODY_TRAILER_VALUE : BODY_TRAILER_NAME;
        return byte == ':' || http1_is_token(byte);
    case BODY_TRAILER_VALUE:
        body->state = byte == '\r' ? BODY_TRAILER_LF : BODY_TRAILER_VALUE;
        return byte == '\r' || http1_is_value(byte);
    case BODY_TRAILER_LF:
        body->state = BODY_TRAILER;
        return byte == '\n';
    case BODY_END_LF:
        body->state = BODY_END;
        return byte == '\n';
    case BODY_DATA:
    case BODY_CHUNK_SIZE:
    case BODY_CHUNK_SPACE:
    case BODY_CHUNK_EXTENSION:
    case BODY_CHUNK_SIZE_LF:
    case BODY_CHUNK_END_CR:
    case BODY_CHUNK_END_LF:
    case BODY_END:
        break;
    }
    return false;
}

/* One byte of framing. False: it cannot stand here. */
static bool body_byte(struct http1_body *body, char byte)
{
    bool trailer = body->state >= BODY_TRAILER;
    if (++body->line_bytes > (trailer ? HTTP1_TRAILERS_MAX : HTTP1_CHUNK_LINE_MAX)) {
        return false;
    }
    switch (body->state) {
    case BODY_CHUNK_SIZE:
        return body_size_byte(body, byte);
    case BODY_CHUNK_SPACE:
        return body_size_end(body, byte);
    case BODY_CHUNK_EXTENSION:
        body->state = byte == '\r' ? BODY_CHUNK_SIZE_LF : BODY_CHUNK_EXTENSION;
        return byte == '\r' || http1_is_value(byte);
    case BODY_CHUNK_SIZE_LF:
        body->state = body->left > 0 ? BODY_DATA : BODY_TRAILER;
        body->line_bytes = 0;
        return byte == '\n';
    case BODY_CHUNK_END_CR:
        body->state = BODY_CHUNK_END_LF;
        return byte == '\r';
    case BODY_CHUNK_END_LF:
        body->state = BODY_CHUNK_SIZE;
        body->line_bytes = 0;
        body->digits = 0;
        return byte == '\n';
    case BODY_TRAILER:
    case BODY_TRAILER_NAME:
    case BODY_TRAILER_VALUE:
    case BODY_TRAILER_LF:
    case BODY_END_LF:
        return body_trailer_byte(body, byte);
    case BODY_DATA:
    case BODY_END:
        break;
    }
    return false;
}

static void body_take_data(struct http1_body *body, struct str bytes, size_t *used,
                           struct str *ret_data)
{
    struct str rest = str_from_at(bytes, *used);
    size_t take = body->left < rest.len ? (size_t)body->left : rest.len;
    *ret_data = str_slice(rest, 0, take);
    *used += take;
    if (body->framing != HTTP1_UNTIL_CLOSE) {
        body->left -= take;
        if (body->left == 0) {
            body->state = body->framing == HTTP1_CHUNKED ? BODY_CHUNK_END_CR : BODY_END;
            body->line_bytes = 0;
        }
    }
}

enum wire_result http1_body_read(struct http1_body *body, struct str bytes, size_t *ret_used,
                                 struct str *ret_data)
{
    size_t used = 0;
    *ret_data = STR_EMPTY;
    while (used < bytes.len && body->state != BODY_END) {
        if (body->state == BODY_DATA) {
            if (ret_data->len > 0) {
                break; /* one slice a call */
            }
            body_take_data(body, bytes, &used, ret_data);
        } else if (!body_byte(body, bytes.ptr[used++])) {
            return WIRE_BAD;
        }
    }
    *ret_used = used;
    return body->state == BODY_END ? WIRE_DONE : WIRE_MORE;
}
