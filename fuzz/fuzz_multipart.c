/* room: wire */
#include <stdint.h>

#include "wire/multipart.h"

#define FORM_MAX 4096

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void put(struct buf *out, struct str text)
{
    ASSERT(buf_append(out, text) == ERR_OK);
    ASSERT(buf_byte(out, '|') == ERR_OK);
}

/* All that a form says, read in pieces of `step`, and the same form written anew. */
static enum multipart_bad feed(struct str text, size_t step, struct buf *out, struct buf *again)
{
    static const struct str boundary = STR_INIT("0123456789abcdef");
    struct multipart reader;
    struct multipart_item item;
    ASSERT(multipart_init(&reader, STR("multipart/form-data; boundary=b"), STR("file")));
    enum wire_result result = WIRE_MORE;
    while (text.len > 0 && result != WIRE_BAD) {
        struct str piece = str_slice(text, 0, text.len < step ? text.len : step);
        text = str_from_at(text, piece.len);
        while ((result = multipart_next(&reader, &piece, &item)) == WIRE_DONE) {
            if (item.kind == MULTIPART_DATA) {
                ASSERT(item.value.len > 0);
                ASSERT(buf_append(out, item.value) == ERR_OK);
                ASSERT(buf_append(again, item.value) == ERR_OK);
                continue;
            }
            put(out, item.name);
            put(out, item.value);
            enum err err = ERR_OK;
            switch (item.kind) {
            case MULTIPART_FIELD:
                err = multipart_write_field(again, boundary, item.name, item.value);
                break;
            case MULTIPART_FILE:
                err = multipart_write_file(again, boundary, item.name, STR("f"), item.type);
                break;
            case MULTIPART_FILE_END:
                err = multipart_write_file_end(again);
                break;
            case MULTIPART_END:
                err = multipart_write_end(again, boundary);
                break;
            case MULTIPART_DATA:
                break;
            }
            ASSERT(err == ERR_OK);
        }
        ASSERT(result == WIRE_BAD || piece.len == 0);
    }
    bool whole = multipart_done(&reader);
    ASSERT(whole == (reader.bad == MULTIPART_FINE));
    multipart_fini(&reader);
    return reader.bad;
}

/* What is written of a form says what the form said. */
static void check_again(struct str body, struct str want)
{
    struct multipart reader;
    struct multipart_item item;
    struct buf out;
    buf_init(&out, 1 << 20);
    ASSERT(multipart_init(&reader, STR("multipart/form-data; boundary=0123456789abcdef"),
                          STR("file")));
    while (multipart_next(&reader, &body, &item) == WIRE_DONE) {
        if (item.kind == MULTIPART_DATA) {
            ASSERT(buf_append(&out, item.value) == ERR_OK);
        } else {
            put(&out, item.name);
            put(&out, item.value);
        }
    }
    /* A form whose parts hold the new boundary is nobody's but the fuzzer's. */
    if (str_search(want, STR("0123456789abcdef")) == want.len) {
        ASSERT(multipart_done(&reader));
        ASSERT(str_eq(buf_str(&out), want));
    }
    multipart_fini(&reader);
    buf_fini(&out);
}

/* Fed whole and fed in pieces, a form says the same, or is bad for the same reason. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2 || size > FORM_MAX) {
        return 0;
    }
    struct str text = { (const char *)data + 1, size - 1 };
    struct buf outs[2];
    struct buf again[2];
    for (size_t i = 0; i < 2; i++) {
        buf_init(&outs[i], 1 << 20);
        buf_init(&again[i], 1 << 20);
    }
    enum multipart_bad whole = feed(text, text.len, &outs[0], &again[0]);
    enum multipart_bad pieces = feed(text, (size_t)data[0] % 16 + 1, &outs[1], &again[1]);
    ASSERT(whole == pieces);
    ASSERT(whole != MULTIPART_FINE || str_eq(buf_str(&outs[0]), buf_str(&outs[1])));
    if (whole == MULTIPART_FINE) {
        check_again(buf_str(&again[0]), buf_str(&outs[0]));
    }
    for (size_t i = 0; i < 2; i++) {
        buf_fini(&outs[i]);
        buf_fini(&again[i]);
    }
    return 0;
}
