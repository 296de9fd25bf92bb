#include "dialect/ask_messages.h"

#include "dialect/ask_turns.h"
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

/* One walk over the messages. */
struct check {
    struct str rest; /* what was not looked at yet */
    struct ask_turns *turns;
    unsigned turn; /* the message that is looked at */
    struct fail *fail;
};

/* Each function takes the value off the front, and looks at every byte of it once. */

/* What was taken off the front since it began there. */
static struct str check_taken(const struct check *check, const char *from)
{
    return (struct str){ from, (size_t)(check->rest.ptr - from) };
}

/* An object of a part or a tool call; what is in it is not read. */
static enum err check_inmost(struct check *check)
{
    struct keys keys;
    keys_init(&keys);
    json_enter(&check->rest);
    while (json_more(&check->rest)) {
        TRY(keys_add(&keys, json_take_key(&check->rest), check->fail));
        json_take(&check->rest);
    }
    return ERR_OK;
}

struct check_item {
    bool text;        /* it is a part that is text */
    struct str image; /* the first "image_url"; empty: it has none */
};

/* A part, or a tool call. */
static enum err check_item(struct check *check, struct check_item *ret_item)
{
    struct keys keys;
    bool type = false;
    bool text = false;
    struct str image = STR_EMPTY;
    keys_init(&keys);
    json_enter(&check->rest);
    while (json_more(&check->rest)) {
        struct str key = json_take_key(&check->rest);
        const char *from = check->rest.ptr;
        TRY(keys_add(&keys, key, check->fail));
        if (json_kind(check->rest) == JSON_OBJECT) {
            TRY(check_inmost(check));
        } else {
            struct str value = json_take(&check->rest);
            type = type || (json_key_is(key, STR("type")) && json_string_is(value, STR("text")));
            text = text || (json_key_is(key, STR("text")) && json_kind(value) == JSON_STRING);
        }
        if (image.len == 0 && json_key_is(key, STR("image_url"))) {
            image = check_taken(check, from);
        }
    }
    *ret_item = (struct check_item){ type && text, image };
    return ERR_OK;
}

/* A content, or tool calls. *ret_texts: no item is anything but text. */
static enum err check_list(struct check *check, bool content, bool *ret_texts)
{
    bool texts = true;
    json_enter(&check->rest);
    for (unsigned place = 0; json_more(&check->rest); place++) {
        struct check_item item = { false, STR_EMPTY };
        if (json_kind(check->rest) == JSON_OBJECT) {
            TRY(check_item(check, &item));
        } else {
            json_take(&check->rest);
        }
        texts = texts && item.text;
        if (content && check->turns != NULL && item.image.len > 0) {
            ask_turns_image(check->turns, item.image, check->turn, place);
        }
    }
    *ret_texts = texts;
    return ERR_OK;
}

/* What of a message its template, or what belongs together, is told by. */
struct check_message {
    bool plain;   /* a role and text, perhaps a name */
    bool content; /* it has one */
    struct str role;
    struct str result; /* "tool_call_id" */
};

/* A member, behind its key. */
static enum err check_member(struct check *check, struct str key, struct check_message *message)
{
    const char *from = check->rest.ptr;
    bool content = json_key_is(key, STR("content"));
    bool calls = json_key_is(key, STR("tool_calls"));
    bool role = json_key_is(key, STR("role"));
    bool fine = json_kind(check->rest) == JSON_STRING;
    bool list = json_kind(check->rest) == JSON_ARRAY;
    if ((content || calls) && list) {
        TRY(check_list(check, content, &fine));
    } else {
        json_take(&check->rest);
    }
    message->content = message->content || content;
    message->plain = message->plain && fine && (content || role || json_key_is(key, STR("name")));
    if (role) {
        message->role = check_taken(check, from);
    } else if (calls && list && check->turns != NULL) {
        ask_turns_calls(check->turns, check_taken(check, from));
    } else if (json_key_is(key, STR("tool_call_id"))) {
        message->result = check_taken(check, from);
    }
    return ERR_OK;
}

/* *ret_plain: what a template puts around it is shorter than its JSON. */
static enum err check_message(struct check *check, bool *ret_plain)
{
    struct keys keys;
    struct check_message message = { true, false, STR_EMPTY, STR_EMPTY };
    keys_init(&keys);
    json_enter(&check->rest);
    while (json_more(&check->rest)) {
        struct str key = json_take_key(&check->rest);
        TRY(keys_add(&keys, key, check->fail));
        TRY(check_member(check, key, &message));
    }
    if (check->turns != NULL && message.result.len > 0 &&
        json_string_is(message.role, STR("tool"))) {
        ask_turns_result(check->turns, message.result, check->turn);
    }
    *ret_plain = message.plain && message.content;
    return ERR_OK;
}

enum err ask_check_messages(struct str messages, struct ask_turns *turns, bool *ret_plain,
                            struct fail *fail)
{
    struct check check = { .rest = messages, .turns = turns, .turn = 0, .fail = fail };
    bool all_plain = true;
    json_enter(&check.rest);
    for (; json_more(&check.rest); check.turn++) {
        bool plain = false;
        if (json_kind(check.rest) == JSON_OBJECT) {
            TRY(check_message(&check, &plain));
        } else {
            json_take(&check.rest);
        }
        all_plain = all_plain && plain;
    }
    *ret_plain = all_plain;
    return ERR_OK;
}
