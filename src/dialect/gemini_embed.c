#include "dialect/gemini_embed.h"

#include <stdio.h>

#include "base/mem.h"
#include "dialect/embeddings.h"
#include "dialect/gemini_key.h"
#include "dialect/text.h"

struct embed_reading {
    struct put put;
    char *param;
    struct fail *fail;
    char within[24]; /* what stands before a member's name: "requests[1]." */
    int64_t size;    /* numbers of each vector; 0: the model's own */
    int64_t count;
    bool hinted;
};

/* A name that is too long for the room is nobody's, and is cut off. */
static enum err embed_refuse(struct embed_reading *reading, enum err err, struct str name,
                             const char *what)
{
    (void)snprintf(reading->param, GEMINI_EMBED_PARAM_MAX, "%s%.*s", reading->within,
                   (int)(name.len < 32 ? name.len : 32), name.ptr);
    return FAIL(reading->fail, err, "\"%s\" %s", reading->param, what);
}

static bool embed_is(struct str value, enum json_kind kind)
{
    return value.len > 0 && json_kind(value) == kind;
}

/* ---- the request -------------------------------------------------------------------------- */

/* All texts of a content are one. */
static enum err embed_read_content(struct embed_reading *reading, struct str content)
{
    struct str parts = json_get(content, STR("parts"));
    struct str rest = embed_is(parts, JSON_ARRAY) ? json_inside(parts) : STR_EMPTY;
    struct str part;
    size_t len = 0;
    put_str(&reading->put, reading->count++ > 0 ? STR(",\"") : STR("\""));
    for (unsigned place = 0; json_next_item(&rest, &part); place++) {
        struct str text = json_get(part, STR("text"));
        if (!embed_is(text, JSON_STRING)) {
            char name[32];
            (void)snprintf(name, sizeof(name), "content.parts[%u]", place);
            return embed_refuse(reading, ERR_ASK_UNSUPPORTED, str_from(name), "must be text");
        }
        len += text_of(text).len;
        put_str(&reading->put, text_of(text));
    }
    PUT(&reading->put, "\"");
    return len > 0 ? reading->put.err
                   : embed_refuse(reading, ERR_ASK_INVALID, STR("content"),
                                  "must have parts with text");
}

static enum err embed_read_size(struct embed_reading *reading, struct str value)
{
    int64_t size = 0;
    bool fine = json_i64(value, &size) && size > 0 && size <= EMBEDDINGS_SIZE_MAX &&
                (reading->size == 0 || reading->size == size);
    reading->size = size;
    return fine ? ERR_OK
                : embed_refuse(reading, ERR_ASK_INVALID, STR("outputDimensionality"),
                               "must be a whole number from 1 on, and the same for all");
}

static enum err embed_read_member(struct embed_reading *reading, const struct json_member *member,
                                  struct str *content)
{
    if (json_kind(member->value) == JSON_NULL || json_key_is(member->key, STR("model"))) {
        return ERR_OK;
    }
    if (json_key_is(member->key, STR("content"))) {
        *content = member->value;
        return ERR_OK;
    }
    if (gemini_key_is(member->key, STR("outputDimensionality"))) {
        return embed_read_size(reading, member->value);
    }
    if (gemini_key_is(member->key, STR("taskType")) || json_key_is(member->key, STR("title"))) {
        reading->hinted = true;
        return ERR_OK;
    }
    return embed_refuse(reading, ERR_ASK_UNSUPPORTED, member->key, "is not known here");
}

static enum err embed_read_one(struct embed_reading *reading, struct str request)
{
    struct json_member member;
    struct str content = STR_EMPTY;
    struct str rest = embed_is(request, JSON_OBJECT) ? json_inside(request) : STR_EMPTY;
    while (json_next_member(&rest, &member)) {
        TRY(embed_read_member(reading, &member, &content));
    }
    return embed_is(content, JSON_OBJECT)
               ? embed_read_content(reading, content)
               : embed_refuse(reading, ERR_ASK_MISSING, STR("content"), "is missing");
}

static enum err embed_read_batch(struct embed_reading *reading, struct str body)
{
    struct json_member member;
    struct str list = STR_EMPTY;
    struct str request;
    struct str rest = json_inside(body);
    while (json_next_member(&rest, &member)) {
        if (!json_key_is(member.key, STR("requests"))) {
            return embed_refuse(reading, ERR_ASK_UNSUPPORTED, member.key, "is not known here");
        }
        list = member.value;
    }
    rest = embed_is(list, JSON_ARRAY) ? json_inside(list) : STR_EMPTY;
    for (unsigned at = 0; at < EMBEDDINGS_TEXTS_MAX && json_next_item(&rest, &request); at++) {
        (void)snprintf(reading->within, sizeof(reading->within), "requests[%u].", at);
        TRY(embed_read_one(reading, request));
    }
    reading->within[0] = '\0';
    return reading->count > 0 && json_trim(rest).len == 0
               ? ERR_OK
               : embed_refuse(reading, ERR_ASK_INVALID, STR("requests"),
                              "must be a list of 1 to 2048 requests");
}

enum err gemini_embed_read(struct str body, bool batch, struct str model, struct buf *out,
                           bool *ret_hinted, char param[GEMINI_EMBED_PARAM_MAX], struct fail *fail)
{
    struct embed_reading reading = { .put = { out, ERR_OK }, .param = param, .fail = fail };
    struct json_fault fault;
    param[0] = '\0';
    *ret_hinted = false;
    enum err err = json_check(body, &fault);
    if (err != ERR_OK) {
        return FAIL(fail, err, "the body is no JSON at offset %zu: %s", fault.offset, fault.reason);
    }
    body = json_trim(body);
    if (json_kind(body) != JSON_OBJECT) {
        return FAIL(fail, ERR_JSON_SYNTAX, "the body is no JSON object");
    }
    PUT(&reading.put, "{\"model\":");
    put_text(&reading.put, model);
    PUT(&reading.put, ",\"input\":[");
    TRY(batch ? embed_read_batch(&reading, body) : embed_read_one(&reading, body));
    PUT(&reading.put, "],\"encoding_format\":\"float\"");
    if (reading.size > 0) {
        PUT(&reading.put, ",\"dimensions\":");
        put_int(&reading.put, reading.size);
    }
    PUT(&reading.put, "}");
    *ret_hinted = reading.hinted;
    return reading.put.err;
}

/* ---- the answer --------------------------------------------------------------------------- */

/* The vectors in the order of the texts. */
static void embed_sort(struct str data, struct str *vectors, int64_t count)
{
    struct str item;
    struct str rest = json_inside(data);
    for (int64_t at = 0; json_next_item(&rest, &item); at++) {
        int64_t index = at;
        EP_IGNORE(json_i64(json_get(item, STR("index")), &index)); /* then they are in order */
        if (index >= 0 && index < count) {
            vectors[index] = json_get(item, STR("embedding"));
        }
    }
}

enum err gemini_embed_write(struct str body, bool batch, int64_t count, struct buf *out)
{
    struct put put = { out, ERR_OK };
    struct str *vectors = mem_zalloc((size_t)count * sizeof(*vectors));
    if (vectors == NULL) {
        return ERR_NO_MEMORY;
    }
    embed_sort(json_get(json_trim(body), STR("data")), vectors, count);
    put_str(&put, batch ? STR("{\"embeddings\":[") : STR("{\"embedding\":"));
    for (int64_t i = 0; i < count; i++) {
        put_str(&put, i > 0 ? STR(",{\"values\":") : STR("{\"values\":"));
        put_str(&put, vectors[i].len > 0 ? vectors[i] : STR("[]"));
        PUT(&put, "}");
    }
    put_str(&put, batch ? STR("]}") : STR("}"));
    mem_free(vectors);
    return put.err;
}
