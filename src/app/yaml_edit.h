/*
 * A change of one field in a list of objects in YAML, in the text as people wrote it: comments,
 * order and layout stay. Only where that is plain; else the caller says what to paste.
 * Pure. Threads: any.
 */
#pragma once

#include "base/buf.h"

struct yaml_edit {
    struct str list;  /* the file's key: "grants" */
    struct str id;    /* of the object */
    struct str field; /* of the object; added behind its id where it is not there */
    struct str value; /* as it shall stand behind "field: ", on one line */
};

/*
 * The changed text, appended to `out`. ERR_NOT_FOUND: there is no such object. ERR_CONFLICT: it is
 * not written as a block, a line or more a field, or the field's value takes several lines.
 * ERR_REGISTRY_INVALID: the text is no YAML.
 */
EP_MUST_CHECK enum err yaml_edit_set(struct str text, const struct yaml_edit *edit, struct buf *out,
                                     struct fail *fail);
