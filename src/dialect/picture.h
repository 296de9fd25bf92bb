/* Whether base64 can be a picture at all, by its first letters. Pure. */
#pragma once

#include "base/str.h"

/* PNG, JPEG (its slashes may be written as JSON may), GIF, WebP, BMP, TIFF, and HEIF's kin: what
 * vendors read, whatever it is called. */
static inline bool picture_can_be(struct str base64)
{
    static const struct str heads[] = {
        STR_INIT("iVBORw0KGgo"), STR_INIT("/9j/"),  STR_INIT("\\/9j\\/"),
        STR_INIT("R0lGOD"),      STR_INIT("UklGR"), STR_INIT("Qk"),
        STR_INIT("SUkq"),        STR_INIT("TU0A"),  STR_INIT("AAAA"),
    };
    for (size_t i = 0; i < EP_ARRAY_LEN(heads); i++) {
        if (str_starts(base64, heads[i])) {
            return true;
        }
    }
    return false;
}
