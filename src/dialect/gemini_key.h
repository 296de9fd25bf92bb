/* Members' names in Gemini's JSON. Pure. */
#pragma once

#include "wire/json.h"

#define GEMINI_KEY_MAX 64 /* bytes of a name that we know, written with underscores */

/* A key with escapes, read as the vendor's reader would. */
static inline bool gemini_key_decodes(struct str key, struct str name)
{
    char text[GEMINI_KEY_MAX];
    size_t len = 0;
    for (size_t i = 0; i < name.len; i++) {
        bool upper = name.ptr[i] >= 'A' && name.ptr[i] <= 'Z';
        ASSERT(len + 2 <= sizeof(text));
        if (upper) {
            text[len++] = '_';
        }
        text[len++] = (char)(upper ? name.ptr[i] | 0x20 : name.ptr[i]);
    }
    return json_key_is(key, name) || json_key_is(key, (struct str){ text, len });
}

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
            return str_find(key, '\\') < key.len && gemini_key_decodes(key, name);
        }
        at++;
    }
    return at == key.len;
}
