/* What json.c (the check) and json_walk.c (looking at what was checked) share. */
#pragma once

#include "wire/json.h"

/* Most bytes that are asked about are beyond all four. */
static inline bool json_is_space(char byte)
{
    return (unsigned char)byte <= ' ' &&
           (byte == ' ' || byte == '\n' || byte == '\r' || byte == '\t');
}

static inline int json_hex(char digit)
{
    if (digit >= '0' && digit <= '9') {
        return digit - '0';
    }
    char lower = (char)(digit | 0x20);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}
