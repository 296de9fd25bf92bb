/*
 * Our reader beside another implementation, on tests/golden/http1. A file is a remark and a message
 * with \r, \n and \xNN written out; its name says what is expected: KIND_VERDICT_what.
 *
 *   ok      both take it, and agree on all of it
 *   bad     both refuse it
 *   strict  we refuse what the other takes
 *   wider   we take what the other refuses
 */
#include <dirent.h>
#include <http_parser.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness.h"
#include "wire/http1.h"

#define FOLDER    EP_SOURCE_DIR "/tests/golden/http1"
#define FILES_MIN 70 /* the corpus has not been lost */

/* What either of them understood. */
struct reading {
    bool taken;
    bool keep_alive;
    struct buf first; /* method and target, or status */
    struct buf headers;
    struct buf body;
};

static void reading_init(struct reading *reading)
{
    *reading = (struct reading){ .taken = false };
    buf_init(&reading->first, 4096);
    buf_init(&reading->headers, 4096);
    buf_init(&reading->body, 4096);
}

static void reading_fini(struct reading *reading)
{
    buf_fini(&reading->first);
    buf_fini(&reading->headers);
    buf_fini(&reading->body);
}

/* ---- the other one ----------------------------------------------------------------------- */

struct other {
    struct reading *reading;
    bool in_value;
    bool past_headers; /* what follows are trailers: both drop them */
};

static struct other *other_of(http_parser *parser)
{
    return parser->data;
}

static int other_on_target(http_parser *parser, const char *at, size_t size)
{
    struct buf *first = &other_of(parser)->reading->first;
    CHECK(first->len > 0 || buf_printf(first, "%s ", http_method_str(parser->method)) == ERR_OK);
    CHECK(buf_append(first, (struct str){ at, size }) == ERR_OK);
    return 0;
}

static int other_on_name(http_parser *parser, const char *at, size_t size)
{
    struct other *other = other_of(parser);
    if (!other->past_headers) {
        CHECK(!other->in_value || buf_byte(&other->reading->headers, '\n') == ERR_OK);
        CHECK(buf_append(&other->reading->headers, (struct str){ at, size }) == ERR_OK);
        other->in_value = false;
    }
    return 0;
}

static int other_on_value(http_parser *parser, const char *at, size_t size)
{
    struct other *other = other_of(parser);
    if (!other->past_headers) {
        CHECK(other->in_value || buf_byte(&other->reading->headers, '=') == ERR_OK);
        /* The message comes in one piece, so the value does; white space behind it stays in. */
        CHECK(buf_append(&other->reading->headers, str_trim((struct str){ at, size })) == ERR_OK);
        other->in_value = true;
    }
    return 0;
}

static int other_on_headers(http_parser *parser)
{
    struct other *other = other_of(parser);
    other->past_headers = true;
    CHECK(!other->in_value || buf_byte(&other->reading->headers, '\n') == ERR_OK);
    if (parser->type == HTTP_RESPONSE) {
        CHECK(buf_u64(&other->reading->first, parser->status_code) == ERR_OK);
    }
    other->reading->keep_alive = http_should_keep_alive(parser) != 0;
    return 0;
}

static int other_on_body(http_parser *parser, const char *at, size_t size)
{
    CHECK(buf_append(&other_of(parser)->reading->body, (struct str){ at, size }) == ERR_OK);
    return 0;
}

static int other_on_end(http_parser *parser)
{
    other_of(parser)->reading->taken = true;
    return 0;
}

static void read_with_other(struct str text, bool response, struct reading *reading)
{
    static const http_parser_settings settings = {
        .on_url = other_on_target,
        .on_header_field = other_on_name,
        .on_header_value = other_on_value,
        .on_headers_complete = other_on_headers,
        .on_body = other_on_body,
        .on_message_complete = other_on_end,
    };
    struct other other = { .reading = reading };
    http_parser parser;
    http_parser_init(&parser, response ? HTTP_RESPONSE : HTTP_REQUEST);
    parser.data = &other;
    size_t used = http_parser_execute(&parser, &settings, text.ptr, text.len);
    if (used == text.len && parser.http_errno == HPE_OK && !reading->taken) {
        EP_IGNORE(http_parser_execute(&parser, &settings, NULL, 0)); /* the connection closes */
    }
    /* It does not stop by itself: a message followed by rubbish counts as refused here. */
    reading->taken = reading->taken && parser.http_errno == HPE_OK;
}

/* ---- ours -------------------------------------------------------------------------------- */

static enum wire_result read_head(struct str text, bool response, struct http1_head *head,
                                  size_t *ret_used)
{
    return response ? http1_read_response(text, 4096, false, head, ret_used)
                    : http1_read_request(text, 4096, head, ret_used);
}

/* The body in pieces of `step`; true when it has ended with its last byte. */
static bool read_body(struct str text, size_t step, const struct http1_head *head, struct buf *out)
{
    struct http1_body body;
    struct str data;
    size_t used = 0;
    http1_body_init(&body, head->framing, head->length);
    enum wire_result result = http1_body_read(&body, STR_EMPTY, &used, &data);
    while (text.len > 0 && result == WIRE_MORE) {
        struct str piece = str_slice(text, 0, text.len < step ? text.len : step);
        result = http1_body_read(&body, piece, &used, &data);
        if (result != WIRE_BAD) {
            CHECK(buf_append(out, data) == ERR_OK);
            text = str_from_at(text, used);
        }
    }
    return text.len == 0 &&
           (result == WIRE_DONE || (result == WIRE_MORE && head->framing == HTTP1_UNTIL_CLOSE));
}

static void read_with_ours(struct str text, bool response, size_t step, struct reading *reading)
{
    static struct http1_head head;
    size_t used = 0;
    if (read_head(text, response, &head, &used) != WIRE_DONE) {
        return;
    }
    if (response) {
        CHECK(buf_u64(&reading->first, (uint64_t)head.status) == ERR_OK);
    } else {
        CHECK(buf_printf(&reading->first, STR_FMT " " STR_FMT, STR_ARG(head.method_text),
                         STR_ARG(head.target)) == ERR_OK);
    }
    for (size_t i = 0; i < head.header_count; i++) {
        CHECK(buf_printf(&reading->headers, STR_FMT "=" STR_FMT "\n", STR_ARG(head.headers[i].name),
                         STR_ARG(head.headers[i].value)) == ERR_OK);
    }
    reading->keep_alive = head.keep_alive;
    reading->taken = read_body(str_from_at(text, used), step, &head, &reading->body);
}

/* Every prefix of a good head asks for more; of a bad one, none is taken. */
static void check_prefixes(struct str text, bool response)
{
    static struct http1_head head;
    size_t used = 0;
    size_t ignored = 0;
    enum wire_result whole = read_head(text, response, &head, &used);
    for (size_t len = 0; len < (whole == WIRE_DONE ? used : text.len); len++) {
        struct str prefix = test_at_page_end(str_slice(text, 0, len));
        enum wire_result result = read_head(prefix, response, &head, &ignored);
        CHECK(result == WIRE_MORE || result == whole);
        CHECK(result != WIRE_DONE);
    }
}

/* ---- the corpus -------------------------------------------------------------------------- */

static int hex_digit(char digit)
{
    static const char digits[] = "0123456789ABCDEF";
    const char *at = strchr(digits, digit);
    CHECK(digit != '\0' && at != NULL);
    return (int)(at - digits);
}

/* The message in a file: its first line is a remark, its line ends mean nothing. */
static void read_message(const char *path, struct buf *out)
{
    char line[1024];
    FILE *file = fopen(path, "rb");
    CHECK(file != NULL);
    CHECK(fgets(line, sizeof(line), file) != NULL && line[0] == '#');
    while (fgets(line, sizeof(line), file) != NULL) {
        for (const char *at = line; *at != '\0' && *at != '\n'; at++) {
            char byte = *at;
            if (byte == '\\') {
                byte = *++at == 'r' ? '\r' : '\n';
                if (*at == 'x') {
                    byte = (char)(hex_digit(at[1]) * 16 + hex_digit(at[2]));
                    at += 2;
                } else {
                    CHECK(*at == 'r' || *at == 'n');
                }
            }
            CHECK(buf_byte(out, byte) == ERR_OK);
        }
    }
    CHECK(fclose(file) == 0);
}

static void compare(const char *name, struct str text, bool response, size_t step)
{
    bool ours_takes = strstr(name, "_ok_") != NULL || strstr(name, "_wider_") != NULL;
    bool other_takes = strstr(name, "_ok_") != NULL || strstr(name, "_strict_") != NULL;
    struct reading ours;
    struct reading other;
    reading_init(&ours);
    reading_init(&other);
    read_with_ours(text, response, step, &ours);
    read_with_other(text, response, &other);
    if (ours.taken != ours_takes || other.taken != other_takes) {
        test_failed(EP_SITE, "%s: taken by us %d, by the other %d", name, ours.taken, other.taken);
    }
    if (ours.taken && other.taken) {
        CHECK_STR(buf_str(&ours.first), buf_str(&other.first));
        CHECK_STR(buf_str(&ours.headers), buf_str(&other.headers));
        CHECK_STR(buf_str(&ours.body), buf_str(&other.body));
        CHECK_EQ(ours.keep_alive, other.keep_alive);
    }
    reading_fini(&ours);
    reading_fini(&other);
}

TEST(we_take_what_the_other_takes_but_where_a_file_says_otherwise)
{
    DIR *folder = opendir(FOLDER);
    CHECK(folder != NULL);
    int count = 0;
    for (struct dirent *entry = readdir(folder); entry != NULL; entry = readdir(folder)) {
        if (entry->d_name[0] == '.') {
            continue;
        }
        char path[512];
        CHECK(snprintf(path, sizeof(path), "%s/%s", FOLDER, entry->d_name) < (int)sizeof(path));
        bool response = strncmp(entry->d_name, "response_", 9) == 0;
        struct buf message;
        buf_init(&message, 4096);
        read_message(path, &message);
        struct str text = test_at_page_end(buf_str(&message));
        check_prefixes(text, response);
        for (size_t step = 1; step <= text.len; step++) {
            compare(entry->d_name, text, response, step);
        }
        buf_fini(&message);
        count++;
    }
    CHECK(closedir(folder) == 0);
    CHECK(count >= FILES_MIN);
}
