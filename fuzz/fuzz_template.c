/* room: meter */
#include "meter/template.h"

#include "base/buf.h"
#include "wire/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What is rendered of a value is JSON again wherever it is called exact. */
static void template_check_json(const struct template_piece *piece)
{
    static struct tojson tojson;
    struct tojson_run run;
    struct json_fault fault;
    struct buf out;
    buf_init(&out, (size_t)64 << 20);
    tojson_begin(&tojson, piece->text, piece->embedded, piece->style, piece->wrap);
    while (tojson_next(&tojson, &run)) {
        ASSERT(run.text.len > 0);
        ASSERT(buf_append(&out, run.text) == ERR_OK);
    }
    ASSERT(!tojson.exact || piece->wrap != NULL || json_check(buf_str(&out), &fault) == ERR_OK);
    ASSERT(piece->embedded || utf8_valid(buf_str(&out)) == out.len);
    buf_fini(&out);
}

static void template_check_span(struct str span)
{
    while (span.len > 0) {
        char bytes[4];
        ASSERT(json_take_char(&span, bytes) > 0);
    }
}

/* Every program takes every request that is JSON. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str body = { (const char *)data, size };
    struct json_fault fault;
    if (json_check(body, &fault) != ERR_OK || body.ptr[0] != '{' || body.ptr[size - 1] != '}') {
        return 0;
    }
    for (size_t i = 0; template_at(i) != NULL; i++) {
        struct template_run run;
        struct template_piece piece;
        template_begin(&run, template_at(i), body);
        do {
            template_next(&run, &piece);
            if (piece.kind == TEMPLATE_JSON) {
                template_check_json(&piece);
            } else if (piece.kind == TEMPLATE_STRING) {
                template_check_span(piece.text);
            }
        } while (piece.kind != TEMPLATE_END);
    }
    return 0;
}
