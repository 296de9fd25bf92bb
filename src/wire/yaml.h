/*
 * YAML 1.2 files as a read-only tree with the place of each node: what configuration and registry
 * are read from. This is the only user of the YAML library.
 *
 * Refused with line and column: syntax errors, duplicate keys, anchors and aliases, tags, more than
 * one document, keys that are not plain text, nesting deeper than YAML_DEPTH_MAX, files over
 * YAML_BYTES_MAX. Scalars are text: their reader decides what they mean ("yes" is no boolean).
 */
#pragma once

#include "base/str.h"

#define YAML_DEPTH_MAX 32                 /* our files use 6 */
#define YAML_BYTES_MAX ((size_t)64 << 20) /* 10,000 grants are 10 MiB */

enum yaml_kind {
    YAML_SCALAR,
    YAML_SEQUENCE,
    YAML_MAPPING
};

struct yaml_place {
    uint32_t line; /* from 1 */
    uint32_t column;
};

struct yaml_node {
    enum yaml_kind kind;
    bool quoted; /* a scalar in quotes: never null */
    bool null;   /* an absent value, "null" or "~" without quotes */
    struct yaml_place place;
    struct str text;         /* of a scalar */
    uint32_t count;          /* items of a sequence, pairs of a mapping */
    struct yaml_node *items; /* sequence: count items; mapping: 2 x count, key then value */
};

struct yaml_doc;

struct yaml_fault {
    struct yaml_place place;
    char text[160];
};

/* Everything the tree names lives until yaml_destroy(). An empty file is an empty mapping.
 * ERR_YAML_SYNTAX with `ret_fault`, or ERR_NO_MEMORY. */
EP_MUST_CHECK enum err yaml_parse(struct str text, struct yaml_doc **ret_doc,
                                  struct yaml_fault *ret_fault);
void yaml_destroy(struct yaml_doc *doc); /* NULL is allowed */
const struct yaml_node *yaml_root(const struct yaml_doc *doc);

/* The value of `key` in a mapping, or NULL. */
const struct yaml_node *yaml_get(const struct yaml_node *mapping, struct str key);
const struct yaml_node *yaml_item(const struct yaml_node *sequence, uint32_t at);
const struct yaml_node *yaml_key(const struct yaml_node *mapping, uint32_t at);
const struct yaml_node *yaml_value(const struct yaml_node *mapping, uint32_t at);
