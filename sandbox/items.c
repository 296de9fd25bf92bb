#include "items.h"

#include "base/mem.h"
#include "wire/json.h"

static bool refuse(struct persona_fault *ret_fault, const char *text, const char *param)
{
    *ret_fault = (struct persona_fault){
        .text = text, .type = "invalid_request_error", .param = param, .code = "invalid_value"
    };
    return false;
}

static bool is_kind(struct str value, enum json_kind kind)
{
    return value.len > 0 && json_kind(value) == kind;
}

/* ---- one item ------------------------------------------------------------------------------ */

static void put_text_part(struct jsonw *chat, struct str text)
{
    jsonw_open(chat, '{');
    jsonw_put_str(chat, "type", STR("text"));
    jsonw_key(chat, "text");
    jsonw_raw(chat, text);
    jsonw_close(chat, '}');
}

static void put_image_part(struct jsonw *chat, struct str url)
{
    jsonw_open(chat, '{');
    jsonw_put_str(chat, "type", STR("image_url"));
    jsonw_key(chat, "image_url");
    jsonw_open(chat, '{');
    jsonw_key(chat, "url");
    jsonw_raw(chat, url);
    jsonw_close(chat, '}');
    jsonw_close(chat, '}');
}

/* A recording is told without its sound: {"type":"input_audio","transcript":null}. */
static void put_sound_part(struct jsonw *told, struct str type, struct str transcript)
{
    jsonw_open(told, '{');
    jsonw_key(told, "type");
    jsonw_raw(told, type);
    jsonw_key(told, "transcript");
    jsonw_raw(told, is_kind(transcript, JSON_STRING) ? transcript : STR("null"));
    jsonw_close(told, '}');
}

static bool put_part(struct item *item, struct str part, struct jsonw *told, struct jsonw *chat,
                     struct persona_fault *fault)
{
    struct str type = json_get(part, STR("type"));
    struct str text = json_get(part, STR("text"));
    struct str transcript = json_get(part, STR("transcript"));
    struct str audio = json_get(part, STR("audio"));
    struct str url = json_get(part, STR("image_url"));
    if (!is_kind(type, JSON_STRING)) {
        return refuse(fault, "A part of 'item.content' needs a 'type'.", "item.content");
    }
    bool plain = json_string_is(type, STR("input_text")) || json_string_is(type, STR("text")) ||
                 json_string_is(type, STR("output_text"));
    bool heard = json_string_is(type, STR("input_audio")) ||
                 json_string_is(type, STR("output_audio")) || json_string_is(type, STR("audio"));
    if (plain && is_kind(text, JSON_STRING)) {
        put_text_part(chat, text);
        jsonw_raw(told, part);
    } else if (heard && (is_kind(audio, JSON_STRING) || audio.len == 0)) {
        item->sound_ms += (int64_t)(audio.len / 4 * 3 / ITEM_MS_BYTES);
        put_sound_part(told, type, transcript);
        if (is_kind(transcript, JSON_STRING)) {
            put_text_part(chat, transcript);
        }
    } else if (json_string_is(type, STR("input_image")) && is_kind(url, JSON_STRING)) {
        put_image_part(chat, url);
        jsonw_raw(told, part);
    } else {
        return refuse(fault,
                      "A part of 'item.content' is of no type that is served, or lacks its "
                      "text, sound or picture.",
                      "item.content");
    }
    return true;
}

static bool read_message(struct item *item, struct str value, struct jsonw *told,
                         struct jsonw *chat, struct persona_fault *fault)
{
    struct str role = json_get(value, STR("role"));
    struct str content = json_get(value, STR("content"));
    struct str rest;
    struct str part;
    bool fine = json_string_is(role, STR("user")) || json_string_is(role, STR("system")) ||
                json_string_is(role, STR("assistant"));
    if (!is_kind(role, JSON_STRING) || !fine) {
        return refuse(fault, "'item.role' must be 'user', 'assistant' or 'system'.", "item.role");
    }
    if (!is_kind(content, JSON_ARRAY)) {
        return refuse(fault, "'item.content' must be an array of parts.", "item.content");
    }
    jsonw_key(told, "role");
    jsonw_raw(told, role);
    jsonw_key(chat, "role");
    jsonw_raw(chat, role);
    jsonw_key(told, "content");
    jsonw_open(told, '[');
    jsonw_key(chat, "content");
    jsonw_open(chat, '[');
    rest = json_inside(content);
    while (json_next_item(&rest, &part)) {
        if (!put_part(item, part, told, chat, fault)) {
            return false;
        }
    }
    jsonw_close(told, ']');
    jsonw_close(chat, ']');
    return true;
}

static bool read_call(struct str value, struct jsonw *told, struct jsonw *chat,
                      struct persona_fault *fault)
{
    static const char *const names[] = { "call_id", "name", "arguments" };
    struct str found[3];
    for (size_t i = 0; i < EP_ARRAY_LEN(names); i++) {
        found[i] = json_get(value, str_from(names[i]));
        if (!is_kind(found[i], JSON_STRING)) {
            return refuse(fault, "A 'function_call' needs 'call_id', 'name' and 'arguments'.",
                          "item");
        }
        jsonw_key(told, names[i]);
        jsonw_raw(told, found[i]);
    }
    jsonw_put_str(chat, "role", STR("assistant"));
    jsonw_key(chat, "content");
    jsonw_null(chat);
    jsonw_key(chat, "tool_calls");
    jsonw_open(chat, '[');
    jsonw_open(chat, '{');
    jsonw_key(chat, "id");
    jsonw_raw(chat, found[0]);
    jsonw_put_str(chat, "type", STR("function"));
    jsonw_key(chat, "function");
    jsonw_open(chat, '{');
    jsonw_key(chat, "name");
    jsonw_raw(chat, found[1]);
    jsonw_key(chat, "arguments");
    jsonw_raw(chat, found[2]);
    jsonw_close(chat, '}');
    jsonw_close(chat, '}');
    jsonw_close(chat, ']');
    return true;
}

static bool read_output(struct str value, struct jsonw *told, struct jsonw *chat,
                        struct persona_fault *fault)
{
    struct str call = json_get(value, STR("call_id"));
    struct str output = json_get(value, STR("output"));
    if (!is_kind(call, JSON_STRING) || !is_kind(output, JSON_STRING)) {
        return refuse(fault, "A 'function_call_output' needs 'call_id' and 'output'.", "item");
    }
    jsonw_key(told, "call_id");
    jsonw_raw(told, call);
    jsonw_key(told, "output");
    jsonw_raw(told, output);
    jsonw_put_str(chat, "role", STR("tool"));
    jsonw_key(chat, "tool_call_id");
    jsonw_raw(chat, call);
    jsonw_key(chat, "content");
    jsonw_raw(chat, output);
    return true;
}

static bool read_id(struct item *item, struct str value, const char *spare,
                    struct persona_fault *fault)
{
    struct str id = json_get(value, STR("id"));
    struct buf out = { item->id, 0, ITEM_ID_MAX, ITEM_ID_MAX };
    if (id.len == 0 || json_kind(id) == JSON_NULL) {
        return buf_append(&out, str_from(spare)) == ERR_OK;
    }
    return (is_kind(id, JSON_STRING) && json_decode(id, &out) && out.len > 0) ||
           refuse(fault, "'item.id' must be a string of at most 64 bytes.", "item.id");
}

static bool read_item(struct item *item, struct str value, const char *spare,
                      struct persona_fault *fault)
{
    struct jsonw told;
    struct jsonw chat;
    struct str type = json_get(value, STR("type"));
    struct str status = json_get(value, STR("status"));
    if (!is_kind(value, JSON_OBJECT) || !is_kind(type, JSON_STRING)) {
        return refuse(fault, "'item' must be an object with a 'type'.", "item");
    }
    if (!read_id(item, value, spare, fault)) {
        return false;
    }
    jsonw_init(&told, &item->told);
    jsonw_init(&chat, &item->chat);
    jsonw_open(&told, '{');
    jsonw_open(&chat, '{');
    jsonw_put_str(&told, "id", str_from(item->id));
    jsonw_put_str(&told, "object", STR("realtime.item"));
    jsonw_key(&told, "type");
    jsonw_raw(&told, type);
    jsonw_key(&told, "status");
    jsonw_raw(&told, is_kind(status, JSON_STRING) ? status : STR("\"completed\""));
    bool fine = json_string_is(type, STR("message"))
                    ? read_message(item, value, &told, &chat, fault)
                : json_string_is(type, STR("function_call")) ? read_call(value, &told, &chat, fault)
                : json_string_is(type, STR("function_call_output"))
                    ? read_output(value, &told, &chat, fault)
                    : refuse(fault, "'item.type' is none that is served.", "item.type");
    jsonw_close(&told, '}');
    jsonw_close(&chat, '}');
    return fine && ((jsonw_err(&told) == ERR_OK && jsonw_err(&chat) == ERR_OK) ||
                    refuse(fault, "The item is too large for the sandbox.", "item"));
}

struct item *item_read(struct str value, const char *id, struct persona_fault *ret_fault)
{
    struct item *item = mem_zalloc(sizeof(*item));
    if (item == NULL) {
        (void)refuse(ret_fault, "The sandbox is out of memory.", NULL);
        return NULL;
    }
    buf_init(&item->told, ITEM_BYTES_MAX);
    buf_init(&item->chat, ITEM_BYTES_MAX);
    if (!read_item(item, value, id, ret_fault)) {
        item_free(item);
        return NULL;
    }
    return item;
}

void item_free(struct item *item)
{
    buf_fini(&item->told);
    buf_fini(&item->chat);
    mem_free(item);
}

/* ---- all of them --------------------------------------------------------------------------- */

void items_init(struct items *items)
{
    list_init(&items->list);
    items->count = 0;
}

void items_fini(struct items *items)
{
    LIST_EACH_SAFE(node, after, &items->list) {
        items_remove(items, EP_CONTAINER(node, struct item, node));
    }
}

struct item *items_find(const struct items *items, struct str id)
{
    char text[ITEM_ID_MAX];
    struct buf wanted = { text, 0, sizeof(text), sizeof(text) };
    if (!is_kind(id, JSON_STRING) || !json_decode(id, &wanted)) {
        return NULL;
    }
    LIST_EACH(node, &items->list) {
        struct item *item = EP_CONTAINER(node, struct item, node);
        if (str_eq(str_from(item->id), buf_str(&wanted))) {
            return item;
        }
    }
    return NULL;
}

const char *items_last(const struct items *items)
{
    return list_empty(&items->list) ? "" : EP_CONTAINER(items->list.prev, struct item, node)->id;
}

void items_insert(struct items *items, struct item *item, struct item *before)
{
    list_push_front(before == NULL ? &items->list : &before->node, &item->node); /* behind it */
    items->count++;
}

void items_remove(struct items *items, struct item *item)
{
    node_unlink(&item->node);
    items->count--;
    item_free(item);
}

void items_put_chat(const struct items *items, struct jsonw *json, int64_t *sound_ms)
{
    LIST_EACH(node, &items->list) {
        const struct item *item = EP_CONTAINER(node, struct item, node);
        jsonw_raw(json, buf_str(&item->chat));
        *sound_ms += item->sound_ms;
    }
}
