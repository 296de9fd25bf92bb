#include "dialect/ask_messages.h"

#include "wire/json.h"

#define KEYS_MAX 32 /* of an object: a message has under ten; further ones are not compared */
#define KEY_MAX  64 /* bytes of a key that is written with escapes */

/* A key's text, escapes decoded: keys stand between quotes in the body. */
static struct str key_text(struct str key, char text[KEY_MAX])
{
    struct buf out = { text, 0, KEY_MAX, KEY_MAX };
    struct str quoted = { key.ptr - 1, key.len + 2 };
    bool plain = str_find(key, '\\') == key.len;
    return !plain && json_decode(quoted, &out) ? buf_str(&out) : key;
}

static bool keys_equal(struct str a, struct str b)
{
    char first[KEY_MAX];
    char second[KEY_MAX];
    return str_eq(key_text(a, first), key_text(b, second));
}

/* The keys of an object, as they come. */
struct keys {
    size_t count;
    bool escaped; /* one is written with an escape */
    struct str keys[KEYS_MAX];
};

static void keys_init(struct keys *keys)
{
    keys->count = 0;
    keys->escaped = false;
}

static enum err keys_add(struct keys *keys, struct str key, struct fail *fail)
{
    if (keys->count == KEYS_MAX) {
        return ERR_OK;
    }
    keys->escaped = keys->escaped || str_find(key, '\\') < key.len;
    for (size_t i = 0; i < keys->count; i++) {
        bool equal = keys->escaped ? keys_equal(keys->keys[i], key) : str_eq(keys->keys[i], key);
        if (equal) {
            return FAIL(fail, ERR_ASK_DUPLICATE,
                        "\"" STR_FMT "\" stands twice in an object of \"messages\"", STR_ARG(key));
        }
    }
    keys->keys[keys->count++] = key;
    return ERR_OK;
}

/* Each function takes the value off the front, and looks at every byte of it once. */

/* An object of a part or a tool call; what is in it is not read. */
static enum err check_inmost(struct str *rest, struct fail *fail)
{
    struct keys keys;
    keys_init(&keys);
    json_enter(rest);
    while (json_more(rest)) {
        TRY(keys_add(&keys, json_take_key(rest), fail));
        json_take(rest);
    }
    return ERR_OK;
}

/* A part, or a tool call. *ret_text: it is a part that is text. */
static enum err check_item(struct str *rest, bool *ret_text, struct fail *fail)
{
    struct keys keys;
    bool type = false;
    bool text = false;
    keys_init(&keys);
    json_enter(rest);
    while (json_more(rest)) {
        struct str key = json_take_key(rest);
        TRY(keys_add(&keys, key, fail));
        if (json_kind(*rest) == JSON_OBJECT) {
            TRY(check_inmost(rest, fail));
            continue;
        }
        struct str value = json_take(rest);
        type = type || (json_key_is(key, STR("type")) && json_string_is(value, STR("text")));
        text = text || (json_key_is(key, STR("text")) && json_kind(value) == JSON_STRING);
    }
    *ret_text = type && text;
    return ERR_OK;
}

/* A content, or tool calls. *ret_texts: no item is anything but text. */
static enum err check_list(struct str *rest, bool *ret_texts, struct fail *fail)
{
    bool texts = true;
    json_enter(rest);
    while (json_more(rest)) {
        bool text = false;
        if (json_kind(*rest) == JSON_OBJECT) {
            TRY(check_item(rest, &text, fail));
        } else {
            json_take(rest);
        }
        texts = texts && text;
    }
    *ret_texts = texts;
    return ERR_OK;
}

/* *ret_plain: a role and text, perhaps a name: what a template puts around it is shorter than its
 * JSON. */
static enum err check_message(struct str *rest, bool *ret_plain, struct fail *fail)
{
    struct keys keys;
    bool plain = true;
    bool has_content = false;
    keys_init(&keys);
    json_enter(rest);
    while (json_more(rest)) {
        struct str key = json_take_key(rest);
        TRY(keys_add(&keys, key, fail));
        bool content = json_key_is(key, STR("content"));
        bool calls = json_key_is(key, STR("tool_calls"));
        bool fine = json_kind(*rest) == JSON_STRING;
        if ((content || calls) && json_kind(*rest) == JSON_ARRAY) {
            TRY(check_list(rest, &fine, fail));
        } else {
            json_take(rest);
        }
        bool known = content || json_key_is(key, STR("role")) || json_key_is(key, STR("name"));
        has_content = has_content || content;
        plain = plain && known && fine;
    }
    *ret_plain = plain && has_content;
    return ERR_OK;
}

enum err ask_check_messages(struct str messages, bool *ret_plain, struct fail *fail)
{
    bool all_plain = true;
    json_enter(&messages);
    while (json_more(&messages)) {
        bool plain = false;
        if (json_kind(messages) == JSON_OBJECT) {
            TRY(check_message(&messages, &plain, fail));
        } else {
            json_take(&messages);
        }
        all_plain = all_plain && plain;
    }
    *ret_plain = all_plain;
    return ERR_OK;
}
