#include "dialect/embeddings.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/enc.h"
#include "dialect/told.h"
#include "wire/json.h"

/* ---- the request -------------------------------------------------------------------------- */

enum embeddings_member {
    MEMBER_INPUT,
    MEMBER_FORMAT,
    MEMBER_SIZE,
    MEMBER_COUNT
};

static const struct str member_names[MEMBER_COUNT] = {
    [MEMBER_INPUT] = STR_INIT("input"),
    [MEMBER_FORMAT] = STR_INIT("encoding_format"),
    [MEMBER_SIZE] = STR_INIT("dimensions"),
};

static bool is_text(struct str value)
{
    return json_kind(value) == JSON_STRING && value.len > sizeof("\"\"") - 1;
}

static bool is_id(struct str value)
{
    int64_t id = 0;
    return json_i64(value, &id) && id >= 0 && id <= INT32_MAX;
}

/* How many ids a list has; 0: it is empty, too long, or has what is no id. */
static int64_t count_ids(struct str list)
{
    struct str rest = json_inside(list);
    struct str item;
    int64_t count = 0;
    while (json_next_item(&rest, &item)) {
        if (!is_id(item) || ++count > EMBEDDINGS_IDS_MAX) {
            return 0;
        }
    }
    return count;
}

/* A list of texts or of lists of ids; all items are of the first one's kind. */
static bool read_list(struct str list, bool texts, struct embeddings_ask *asked)
{
    struct str rest = json_inside(list);
    struct str item;
    while (json_next_item(&rest, &item)) {
        int64_t ids = 0;
        if (texts ? !is_text(item) : json_kind(item) != JSON_ARRAY) {
            return false;
        }
        ids = texts ? 0 : count_ids(item);
        asked->tokens += ids;
        if (++asked->count > EMBEDDINGS_TEXTS_MAX || (!texts && ids == 0) ||
            asked->tokens > EMBEDDINGS_IDS_MAX) {
            return false;
        }
    }
    return true;
}

static bool read_input(struct str input, struct embeddings_ask *asked)
{
    struct str rest = json_kind(input) == JSON_ARRAY ? json_inside(input) : STR_EMPTY;
    struct str first;
    asked->texts = input;
    asked->tokens = -1;
    asked->count = 1;
    if (is_text(input)) {
        return true;
    }
    if (rest.len == 0 || !json_next_item(&rest, &first)) {
        return false;
    }
    bool texts = json_kind(first) == JSON_STRING;
    if (!texts) {
        asked->texts = STR_EMPTY;
        asked->tokens = 0;
    }
    if (json_kind(first) == JSON_NUMBER) {
        asked->tokens = count_ids(input);
        return asked->tokens > 0;
    }
    asked->count = 0;
    bool fine = read_list(input, texts, asked);
    asked->tokens = texts ? -1 : asked->tokens;
    return fine;
}

enum err embeddings_read(struct str body, struct ask *ret_ask,
                         struct embeddings_ask *ret_embeddings, struct fail *fail)
{
    struct str values[MEMBER_COUNT];
    *ret_embeddings = (struct embeddings_ask){ .tokens = -1 };
    TRY(ask_read_own(body, member_names, values, MEMBER_COUNT, ret_ask, fail));
    if (values[MEMBER_INPUT].len == 0) {
        return ask_own_fail(ret_ask, ERR_ASK_MISSING, "input", "is missing", fail);
    }
    if (!read_input(values[MEMBER_INPUT], ret_embeddings)) {
        return ask_own_fail(ret_ask, ERR_ASK_INVALID, "input",
                            "must be a text, a list of 1 to 2048 texts, token ids, or a list of "
                            "lists of token ids; none of them empty",
                            fail);
    }
    struct str format = values[MEMBER_FORMAT];
    ret_embeddings->base64 = format.len > 0 && json_string_is(format, STR("base64"));
    if (format.len > 0 && !ret_embeddings->base64 && !json_string_is(format, STR("float"))) {
        return ask_own_fail(ret_ask, ERR_ASK_INVALID, "encoding_format",
                            "must be \"float\" or \"base64\"", fail);
    }
    return ask_own_count(ret_ask, values[MEMBER_SIZE], "dimensions", EMBEDDINGS_SIZE_MAX,
                         &ret_embeddings->size, fail);
}

/* ---- the answer --------------------------------------------------------------------------- */

/* Bytes that a base64 text stands for; -1: it is none. Its digits are looked at when it is read. */
static int64_t base64_bytes(struct str value)
{
    struct str text = str_slice(value, 1, value.len - 1);
    if (text.len == 0 || text.len % 4 != 0) {
        return -1;
    }
    int64_t pads = text.ptr[text.len - 1] != '=' ? 0 : text.ptr[text.len - 2] != '=' ? 1 : 2;
    return (int64_t)(text.len / 4 * 3) - pads;
}

/* How many numbers a vector has; 0: it is none. */
static int64_t vector_size(struct str vector)
{
    if (vector.len > 0 && json_kind(vector) == JSON_STRING) {
        int64_t bytes = base64_bytes(vector);
        return bytes > 0 && bytes % 4 == 0 && bytes / 4 <= EMBEDDINGS_SIZE_MAX ? bytes / 4 : 0;
    }
    if (vector.len == 0 || json_kind(vector) != JSON_ARRAY) {
        return 0;
    }
    struct str rest = json_inside(vector);
    struct str item;
    int64_t size = 0;
    while (json_next_item(&rest, &item)) {
        if (json_kind(item) != JSON_NUMBER || ++size > EMBEDDINGS_SIZE_MAX) {
            return 0;
        }
    }
    return size;
}

struct seen {
    uint64_t bits[EMBEDDINGS_TEXTS_MAX / 64];
};

/* Its place among the vectors, told or by its position; false: it has none, or another has it. */
static bool answer_place(struct str item, int64_t position, int64_t count, struct seen *seen)
{
    struct str told = json_get(item, STR("index"));
    int64_t index = position;
    return (told.len == 0 || json_i64(told, &index)) && told_place(seen->bits, index, count);
}

static bool answer_vectors(struct str data, const struct embeddings_ask *asked,
                           struct embeddings_answer *answer)
{
    struct seen seen = { { 0 } };
    struct str rest = json_inside(data);
    struct str item;
    int64_t count = 0;
    int64_t size = asked->size;
    for (; json_next_item(&rest, &item); count++) {
        struct str vector = json_get(item, STR("embedding"));
        int64_t numbers = vector_size(vector);
        size = size == 0 ? numbers : size;
        if (numbers == 0 || numbers != size || !answer_place(item, count, asked->count, &seen)) {
            return false;
        }
        answer->rewrite |= (json_kind(vector) == JSON_STRING) != asked->base64;
    }
    return count == asked->count;
}

bool embeddings_answer_read(struct str body, const struct embeddings_ask *asked,
                            struct embeddings_answer *ret_answer)
{
    *ret_answer = (struct embeddings_answer){ .rewrite = false };
    if (!told_open(&body)) {
        return false;
    }
    struct str data = json_get(body, STR("data"));
    ret_answer->error = told_error(body);
    ret_answer->model = told_string(body, STR("model"));
    ret_answer->usage = told_object(body, STR("usage"));
    if (ret_answer->error) {
        return true;
    }
    return data.len > 0 && json_kind(data) == JSON_ARRAY && answer_vectors(data, asked, ret_answer);
}

/* ---- its other form ----------------------------------------------------------------------- */

#define NUMBER_MAX   64 /* bytes of a number; what is longer adds nothing to a float */
#define FLOAT_BYTES  4
#define FLOATS_CHUNK 768 /* floats at a time: a multiple of three, so that base64 goes on */

static float float_of(struct str number)
{
    char text[NUMBER_MAX + 1];
    size_t len = number.len < NUMBER_MAX ? number.len : NUMBER_MAX;
    memcpy(text, number.ptr, len);
    text[len] = '\0';
    float value = strtof(text, NULL);
    return isfinite(value) ? value : copysignf(3.402823466e+38F, value);
}

static void put_little(unsigned char *bytes, float value)
{
    uint32_t bits = 0;
    memcpy(&bits, &value, sizeof(bits));
    for (unsigned i = 0; i < FLOAT_BYTES; i++) {
        bytes[i] = (unsigned char)(bits >> (8 * i));
    }
}

static float get_little(const unsigned char *bytes)
{
    uint32_t bits = 0;
    float value = 0;
    for (unsigned i = 0; i < FLOAT_BYTES; i++) {
        bits |= (uint32_t)bytes[i] << (8 * i);
    }
    memcpy(&value, &bits, sizeof(value));
    return value;
}

static enum err write_base64(struct str vector, struct buf *out)
{
    unsigned char bytes[FLOATS_CHUNK * FLOAT_BYTES];
    struct str rest = json_inside(vector);
    struct str item;
    size_t len = 0;
    TRY(buf_byte(out, '"'));
    while (json_next_item(&rest, &item)) {
        put_little(bytes + len, float_of(item));
        len += FLOAT_BYTES;
        if (len == sizeof(bytes)) {
            TRY(enc_base64(out, bytes, len));
            len = 0;
        }
    }
    TRY(enc_base64(out, bytes, len));
    return buf_byte(out, '"');
}

/* Nine digits tell every float from its neighbours. */
static enum err write_floats(const unsigned char *bytes, size_t len, struct buf *out)
{
    TRY(buf_byte(out, '['));
    for (size_t at = 0; at < len; at += FLOAT_BYTES) {
        float value = get_little(bytes + at);
        TRY(buf_printf(out, "%s%.9g", at == 0 ? "" : ",",
                       isfinite(value) ? (double)value : 0.0)); /* JSON has no such number */
    }
    return buf_byte(out, ']');
}

static enum err write_numbers(struct str vector, struct buf *out)
{
    struct buf bytes;
    buf_init(&bytes, (size_t)EMBEDDINGS_SIZE_MAX * FLOAT_BYTES * 2);
    enum err err = buf_reserve(&bytes, vector.len); /* more than it stands for */
    if (err == ERR_OK && !enc_base64_read(&bytes, str_slice(vector, 1, vector.len - 1))) {
        err = ERR_UPSTREAM_SYNTAX;
    }
    if (err == ERR_OK) {
        err = write_floats((const unsigned char *)bytes.ptr, bytes.len, out);
    }
    buf_fini(&bytes);
    return err;
}

enum err embeddings_answer_write(struct str body, const struct embeddings_ask *asked,
                                 struct buf *out)
{
    struct str rest = json_inside(json_get(body, STR("data")));
    struct str item;
    const char *done = body.ptr;
    while (json_next_item(&rest, &item)) {
        struct str vector = json_get(item, STR("embedding"));
        bool base64 = json_kind(vector) == JSON_STRING;
        if (base64 == asked->base64) {
            continue;
        }
        TRY(buf_append(out, (struct str){ done, (size_t)(vector.ptr - done) }));
        TRY(asked->base64 ? write_base64(vector, out) : write_numbers(vector, out));
        done = vector.ptr + vector.len;
    }
    return buf_append(out, (struct str){ done, (size_t)(body.ptr + body.len - done) });
}
