/* room: wire */
#include "wire/json.h"
#include "wire/jsonw.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What is stepped over is one whole value: it ends where the check would end it. */
static void json_is_whole(struct str value)
{
    struct json_fault fault;
    ASSERT(json_check(value, &fault) == ERR_OK);
    ASSERT(str_eq(json_trim(value), value));
}

/* What was checked can be walked, and a decoded string comes back from its quotes. */
static void json_walk(struct str value, int depth)
{
    struct str rest;
    struct str item;
    struct json_member member;
    switch (depth < 4 ? json_kind(value) : JSON_NULL) {
    case JSON_ARRAY:
        rest = json_inside(value);
        while (json_next_item(&rest, &item)) {
            json_is_whole(item);
            json_walk(item, depth + 1);
        }
        break;
    case JSON_OBJECT:
        rest = json_inside(value);
        while (json_next_member(&rest, &member)) {
            json_is_whole(member.value);
            json_walk(member.value, depth + 1);
        }
        break;
    case JSON_STRING: {
        struct buf text;
        struct buf again;
        buf_init(&text, 1 << 20);
        buf_init(&again, 1 << 20);
        if (json_decode(value, &text)) {
            struct json_fault fault;
            ASSERT(jsonw_quote(&again, buf_str(&text)) == ERR_OK);
            ASSERT(json_check(buf_str(&again), &fault) == ERR_OK);
        }
        buf_fini(&text);
        buf_fini(&again);
        break;
    }
    case JSON_NULL:
    case JSON_FALSE:
    case JSON_TRUE:
    case JSON_NUMBER:
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = { (const char *)data, size };
    struct json_fault fault;
    struct json_member members[8];
    size_t count = 0;
    bool good = json_check(text, &fault) == ERR_OK;
    bool object = json_index(text, members, 8, &count, &fault) == ERR_OK;
    ASSERT(good || !object);
    if (good) {
        while (text.len > 0 && (text.ptr[0] == ' ' || text.ptr[0] == '\n' || text.ptr[0] == '\t' ||
                                text.ptr[0] == '\r')) {
            text = str_from_at(text, 1);
        }
        while (text.ptr[text.len - 1] == ' ' || text.ptr[text.len - 1] == '\n' ||
               text.ptr[text.len - 1] == '\t' || text.ptr[text.len - 1] == '\r') {
            text.len--;
        }
        json_walk(text, 0);
    } else {
        ASSERT(fault.offset <= size);
    }
    return 0;
}
