#include "dialect/images.h"

#include <string.h>

#include "dialect/told.h"
#include "wire/json.h"

/* ---- the request -------------------------------------------------------------------------- */

enum images_member {
    MEMBER_PROMPT,
    MEMBER_COUNT_OF,
    MEMBER_SIZE,
    MEMBER_QUALITY,
    MEMBER_FORM,
    MEMBER_STREAM,
    MEMBER_PARTIAL,
    MEMBERS
};

static const struct str member_names[MEMBERS] = {
    [MEMBER_PROMPT] = STR_INIT("prompt"),
    [MEMBER_COUNT_OF] = STR_INIT("n"),
    [MEMBER_SIZE] = STR_INIT("size"),
    [MEMBER_QUALITY] = STR_INIT("quality"),
    [MEMBER_FORM] = STR_INIT("response_format"),
    [MEMBER_STREAM] = STR_INIT("stream"),
    [MEMBER_PARTIAL] = STR_INIT("partial_images"),
};

/* A word: letters, digits and what joins them. False: it is none, or too long. */
static bool read_word(struct str value, char room[IMAGES_WORD_MAX], struct str *ret_word)
{
    struct buf word = { room, 0, IMAGES_WORD_MAX, IMAGES_WORD_MAX };
    if (value.len == 0) {
        *ret_word = STR_EMPTY;
        return true;
    }
    if (json_kind(value) != JSON_STRING || !json_decode(value, &word) || word.len == 0) {
        return false;
    }
    for (size_t i = 0; i < word.len; i++) {
        char c = room[i];
        bool fine = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                    c == ':' || c == '.' || c == '-' || c == '_';
        if (!fine) {
            return false;
        }
    }
    *ret_word = buf_str(&word);
    if (str_eq(*ret_word, STR("auto"))) {
        *ret_word = STR_EMPTY;
    }
    return true;
}

static enum err read_kind(struct ask *ask, const struct str *values, struct images_kind *kind,
                          struct fail *fail)
{
    if (!read_word(values[MEMBER_SIZE], kind->size_text, &kind->size)) {
        return ask_own_fail(ask, ERR_ASK_INVALID, "size", "must be like \"1024x1024\" or \"auto\"",
                            fail);
    }
    if (!read_word(values[MEMBER_QUALITY], kind->quality_text, &kind->quality)) {
        return ask_own_fail(ask, ERR_ASK_INVALID, "quality", "must be like \"high\" or \"auto\"",
                            fail);
    }
    return ERR_OK;
}

static enum err read_form(struct ask *ask, const struct str *values, struct images_ask *asked,
                          struct fail *fail)
{
    struct str form = values[MEMBER_FORM];
    struct str partial = values[MEMBER_PARTIAL];
    if (form.len > 0 && !json_string_is(form, STR("url")) &&
        !json_string_is(form, STR("b64_json"))) {
        return ask_own_fail(ask, ERR_ASK_INVALID, "response_format",
                            "must be \"url\" or \"b64_json\"", fail);
    }
    TRY(ask_own_bool(ask, values[MEMBER_STREAM], "stream", &ask->stream, fail));
    bool fine = partial.len == 0 || (json_i64(partial, &asked->partial) && asked->partial >= 0 &&
                                     asked->partial <= IMAGES_PARTIAL);
    return fine ? ERR_OK
                : ask_own_fail(ask, ERR_ASK_INVALID, "partial_images",
                               "must be a whole number from 0 to 3", fail);
}

static enum err read_prompt(struct ask *ask, struct str prompt, bool prompted, struct fail *fail)
{
    if (prompt.len == 0) {
        return prompted ? ask_own_fail(ask, ERR_ASK_MISSING, "prompt", "is missing", fail) : ERR_OK;
    }
    bool fine = json_kind(prompt) == JSON_STRING && prompt.len > sizeof("\"\"") - 1;
    return fine ? ERR_OK
                : ask_own_fail(ask, ERR_ASK_INVALID, "prompt", "must be a text that is not empty",
                               fail);
}

enum err images_read(struct str body, bool prompted, struct ask *ret_ask,
                     struct images_ask *ret_images, struct images_kind *ret_kind, struct fail *fail)
{
    struct str values[MEMBERS];
    *ret_images = (struct images_ask){ .count = 1 };
    *ret_kind = (struct images_kind){ .size = STR_EMPTY };
    TRY(ask_read_own(body, member_names, values, MEMBERS, ret_ask, fail));
    TRY(read_prompt(ret_ask, values[MEMBER_PROMPT], prompted, fail));
    TRY(ask_own_count(ret_ask, values[MEMBER_COUNT_OF], "n", IMAGES_MAX, &ret_images->count, fail));
    TRY(read_kind(ret_ask, values, ret_kind, fail));
    TRY(read_form(ret_ask, values, ret_images, fail));
    ret_images->prompt = values[MEMBER_PROMPT];
    ret_ask->choices = ret_images->count;
    return ERR_OK;
}

/* ---- the answer --------------------------------------------------------------------------- */

static bool is_text(struct str value)
{
    return value.len > sizeof("\"\"") - 1 && json_kind(value) == JSON_STRING;
}

static bool answer_pictures(struct str data, const struct images_ask *asked, int64_t *ret_count)
{
    struct str rest = json_inside(data);
    struct str item;
    while (json_next_item(&rest, &item)) {
        bool there =
            is_text(json_get(item, STR("b64_json"))) || is_text(json_get(item, STR("url")));
        if (!there || ++*ret_count > asked->count) {
            return false;
        }
    }
    return *ret_count > 0;
}

bool images_answer_read(struct str body, const struct images_ask *asked,
                        struct images_answer *ret_answer)
{
    *ret_answer = (struct images_answer){ .count = 0 };
    if (!told_open(&body)) {
        return false;
    }
    struct str model = json_get(body, STR("model"));
    struct str data = json_get(body, STR("data"));
    ret_answer->error = told_error(body);
    ret_answer->model = is_text(model) ? model : STR_EMPTY;
    ret_answer->usage = told_object(body, STR("usage"));
    return ret_answer->error || (data.len > 0 && json_kind(data) == JSON_ARRAY &&
                                 answer_pictures(data, asked, &ret_answer->count));
}

void images_event_read(struct str data, struct chat_event *ret_event)
{
    struct json_fault fault;
    *ret_event = (struct chat_event){ .done = false };
    data = json_trim(data);
    if (str_eq(data, STR("[DONE]"))) {
        return; /* some servers end each of their streams so; what ends it here is a picture */
    }
    if (json_check(data, &fault) != ERR_OK || json_kind(data) != JSON_OBJECT) {
        ret_event->bad = true;
        return;
    }
    struct str type = json_get(data, STR("type"));
    struct str picture = json_get(data, STR("b64_json"));
    struct str model = json_get(data, STR("model"));
    bool whole = type.len > 0 && (json_string_is(type, STR("image_generation.completed")) ||
                                  json_string_is(type, STR("image_edit.completed")));
    ret_event->error = told_error(data) || (type.len > 0 && json_string_is(type, STR("error")));
    ret_event->bad = whole && !is_text(picture) && !is_text(json_get(data, STR("url")));
    ret_event->finished = whole && !ret_event->bad ? 1 : 0;
    ret_event->model = is_text(model) ? model : STR_EMPTY;
    ret_event->usage = told_object(data, STR("usage"));
    ret_event->content_bytes = is_text(picture) ? (int64_t)picture.len : 0;
}

void images_kind_read(struct str object, struct images_kind *kind)
{
    char room[IMAGES_WORD_MAX];
    struct str word;
    if (read_word(json_get(object, STR("size")), room, &word) && word.len > 0) {
        memcpy(kind->size_text, word.ptr, word.len);
        kind->size = (struct str){ kind->size_text, word.len };
    }
    if (read_word(json_get(object, STR("quality")), room, &word) && word.len > 0) {
        memcpy(kind->quality_text, word.ptr, word.len);
        kind->quality = (struct str){ kind->quality_text, word.len };
    }
}

void images_kind_copy(const struct images_kind *kind, struct images_kind *ret_copy)
{
    *ret_copy = *kind;
    ret_copy->size.ptr = ret_copy->size_text;
    ret_copy->quality.ptr = ret_copy->quality_text;
}
