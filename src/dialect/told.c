#include "dialect/told.h"

bool told_open(struct str *body)
{
    struct json_fault fault;
    *body = json_trim(*body);
    return json_check(*body, &fault) == ERR_OK && json_kind(*body) == JSON_OBJECT;
}

bool told_error(struct str object)
{
    struct str error = json_get(object, STR("error"));
    return error.len > 0 && json_kind(error) != JSON_NULL;
}

static struct str told_of(struct str object, struct str name, enum json_kind kind)
{
    struct str value = json_get(object, name);
    return value.len > 0 && json_kind(value) == kind ? value : STR_EMPTY;
}

struct str told_object(struct str object, struct str name)
{
    return told_of(object, name, JSON_OBJECT);
}

struct str told_string(struct str object, struct str name)
{
    return told_of(object, name, JSON_STRING);
}

bool told_place(uint64_t *bits, int64_t index, int64_t count)
{
    if (index < 0 || index >= count) {
        return false;
    }
    uint64_t bit = UINT64_C(1) << (index % 64);
    bool fresh = (bits[index / 64] & bit) == 0;
    bits[index / 64] |= bit;
    return fresh;
}
