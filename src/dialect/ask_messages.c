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

/* The value may be no object: then there is nothing in it twice. */
static enum err check_keys(struct str object, struct fail *fail)
{
    struct str keys[KEYS_MAX];
    size_t count = 0;
    struct json_member member;
    struct str rest =
        object.len > 0 && json_kind(object) == JSON_OBJECT ? json_inside(object) : STR_EMPTY;
    while (count < KEYS_MAX && json_next_member(&rest, &member)) {
        for (size_t i = 0; i < count; i++) {
            if (keys_equal(keys[i], member.key)) {
                return FAIL(fail, ERR_ASK_DUPLICATE,
                            "\"" STR_FMT "\" stands twice in an object of \"messages\"",
                            STR_ARG(member.key));
            }
        }
        keys[count++] = member.key;
    }
    return ERR_OK;
}

static bool is_kind(struct str value, enum json_kind kind)
{
    return value.len > 0 && json_kind(value) == kind;
}

/* Objects that are members of this one, and are read for what they count. */
static enum err check_inner(struct str object, struct fail *fail)
{
    struct json_member member;
    struct str rest = is_kind(object, JSON_OBJECT) ? json_inside(object) : STR_EMPTY;
    TRY(check_keys(object, fail));
    while (json_next_member(&rest, &member)) {
        TRY(check_keys(member.value, fail));
    }
    return ERR_OK;
}

/* Each item of a list, with the objects in it. */
static enum err check_list(struct str list, struct fail *fail)
{
    struct str item;
    struct str rest = is_kind(list, JSON_ARRAY) ? json_inside(list) : STR_EMPTY;
    while (json_next_item(&rest, &item)) {
        TRY(check_inner(item, fail));
    }
    return ERR_OK;
}

static bool is_text_part(struct str part)
{
    return is_kind(part, JSON_OBJECT) && json_string_is(json_get(part, STR("type")), STR("text")) &&
           is_kind(json_get(part, STR("text")), JSON_STRING);
}

static bool is_plain_content(struct str content)
{
    if (!is_kind(content, JSON_ARRAY)) {
        return is_kind(content, JSON_STRING);
    }
    struct str item;
    struct str rest = json_inside(content);
    bool plain = true;
    while (plain && json_next_item(&rest, &item)) {
        plain = is_text_part(item);
    }
    return plain;
}

/* A role and text, perhaps a name: what a template puts around it is shorter than its JSON. */
static bool is_plain_message(struct str message)
{
    struct json_member member;
    struct str rest = json_inside(message);
    bool content = false;
    while (json_next_member(&rest, &member)) {
        bool is_content = json_key_is(member.key, STR("content"));
        bool known = is_content || json_key_is(member.key, STR("role")) ||
                     json_key_is(member.key, STR("name"));
        bool fine =
            is_content ? is_plain_content(member.value) : is_kind(member.value, JSON_STRING);
        content |= is_content;
        if (!known || !fine) {
            return false;
        }
    }
    return content;
}

enum err ask_check_messages(struct str messages, bool *ret_plain, struct fail *fail)
{
    struct str message;
    struct str rest = json_inside(messages);
    bool plain = true;
    while (json_next_item(&rest, &message)) {
        if (!is_kind(message, JSON_OBJECT)) {
            plain = false;
            continue;
        }
        TRY(check_keys(message, fail));
        plain = plain && is_plain_message(message);
        if (!plain) {
            TRY(check_list(json_get(message, STR("tool_calls")), fail));
        }
        TRY(check_list(json_get(message, STR("content")), fail));
    }
    *ret_plain = plain;
    return ERR_OK;
}
