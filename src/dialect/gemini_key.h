/* Members' names in Gemini's JSON. Pure. */
#pragma once

#include "wire/json.h"

/* As with the vendor, "inlineData" may also be written "inline_data": its SDK for Python does. */
static inline bool gemini_key_is(struct str key, struct str name)
{
    size_t at = 0;
    for (size_t i = 0; i < name.len; i++) {
        bool upper = name.ptr[i] >= 'A' && name.ptr[i] <= 'Z';
        if (upper && at < key.len && key.ptr[at] == '_') {
            at++;
            upper = at < key.len && key.ptr[at] == (char)(name.ptr[i] | 0x20);
        } else {
            upper = at < key.len && key.ptr[at] == name.ptr[i];
        }
        if (!upper) {
            return json_key_is(key, name); /* it may have escapes */
        }
        at++;
    }
    return at == key.len;
}
