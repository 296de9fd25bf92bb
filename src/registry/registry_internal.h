/* The shape of each kind of object as a table: read by one reader, hashed by one writer. */
#pragma once

#include <stdatomic.h>

#include "base/arena.h"
#include "registry/registry_load.h"
#include "wire/yaml.h"

#define REGISTRY_ARENA_MAX ((size_t)512 << 20)

struct registry_owner {
    struct registry registry;
    struct arena arena;
    _Atomic size_t refs;
};

/* In the order in which they are read: each names only objects whose ids are known by then. */
enum registry_kind {
    REGISTRY_KIND_PARTY,
    REGISTRY_KIND_MODEL,
    REGISTRY_KIND_CREDENTIAL,
    REGISTRY_KIND_PRICE_BOOK,
    REGISTRY_KIND_ROUTE,
    REGISTRY_KIND_PRODUCT,
    REGISTRY_KIND_COUNT
};

enum registry_type {
    REGISTRY_TYPE_ID,
    REGISTRY_TYPE_TEXT,
    REGISTRY_TYPE_TEXTS,
    REGISTRY_TYPE_COUNTRY,
    REGISTRY_TYPE_PLACE,
    REGISTRY_TYPE_CURRENCY,
    REGISTRY_TYPE_CHOICE,
    REGISTRY_TYPE_NUMBER,
    REGISTRY_TYPE_REF,
    REGISTRY_TYPE_REFS,
    REGISTRY_TYPE_SECRET,
    REGISTRY_TYPE_URL,
    REGISTRY_TYPE_HOST,
    REGISTRY_TYPE_MONEY,
    REGISTRY_TYPE_SHA256,
    REGISTRY_TYPE_STRUCT,
    REGISTRY_TYPE_STRUCTS,
    REGISTRY_TYPE_LINES
};

struct registry_shape;

struct registry_field {
    struct str key;
    struct str choices;   /* "a|b|c", in the order of the enum */
    struct str forbidden; /* choices that are known and refused */
    struct str standard;  /* the value of an absent optional scalar */
    const struct registry_shape *shape;
    uint64_t min; /* of a number, a text's length, a list's count */
    uint64_t max;
    size_t offset;
    size_t count_offset; /* of a list that is no struct of its own */
    enum registry_type type;
    enum registry_kind ref;
    bool optional;
};

struct registry_shape {
    const char *noun; /* "route" */
    const struct registry_field *fields;
    size_t count;
    size_t size; /* of the C struct; its first member is the id, if it has one */
};

/* A kind's file, its one top-level key, and its arrays in the snapshot. */
struct registry_kind_info {
    struct str file;
    struct str key;
    const struct registry_shape *shape;
    size_t offset;
    size_t count_offset;
};

extern const struct registry_kind_info registry_kinds[REGISTRY_KIND_COUNT];

/* ---- loading ------------------------------------------------------------------------------ */

/* An object of a file before it is read; ordered by id. */
struct registry_item {
    struct str id; /* empty: it has none that is valid */
    const struct yaml_node *node;
};

struct registry_set {
    struct registry_item *items;
    char *objects; /* count structs of the kind's shape */
    size_t count;
};

struct registry_load {
    struct registry_owner *owner;
    struct registry_report *report;
    struct str file; /* that faults are found in just now */
    enum err err;    /* ERR_NO_MEMORY sticks */
    struct registry_set sets[REGISTRY_KIND_COUNT];
};

void registry_fault(struct registry_load *load, enum registry_rule rule, struct yaml_place place,
                    const char *format, ...) EP_PRINTF(4, 5);
void registry_report_add(struct registry_report *report, struct str file, struct yaml_place place,
                         enum registry_rule rule, const char *format, va_list args) EP_PRINTF(5, 0);
void registry_report_sort(struct registry_report *report);

/* Zeroed memory of the snapshot; NULL: load->err is set. */
void *registry_alloc(struct registry_load *load, size_t count, size_t size);
bool registry_copy(struct registry_load *load, struct str text, struct str *ret_copy);
bool registry_id_fine(struct str id);
/* The object of that id, or NULL. */
const void *registry_set_find(const struct registry_set *set, enum registry_kind kind,
                              struct str id);
/* As above, with a fault when there is none. */
const void *registry_ref_find(struct registry_load *load, enum registry_kind kind,
                              const struct yaml_node *node);
/* Fills `object` from a mapping and adds what is wrong with it. */
void registry_read(struct registry_load *load, const struct registry_shape *shape,
                   const struct yaml_node *node, void *object);
/* Collects and orders the objects of a list by id; faults for what is repeated. */
bool registry_items(struct registry_load *load, const struct registry_shape *shape,
                    const struct yaml_node *list, struct registry_set *ret_set);
/* The lines of a price book: a mapping from model to a mapping from class to price. */
void registry_read_lines(struct registry_load *load, const struct yaml_node *node,
                         struct registry_price_book *book);
/* What objects must fulfil together; also fills what is derived. */
void registry_link(struct registry_load *load);
/* ERR_NO_MEMORY. */
EP_MUST_CHECK enum err registry_hash(struct registry *registry);

/* The member of an object. */
static inline void *registry_slot(void *object, size_t offset)
{
    return (char *)object + offset;
}

static inline const void *registry_peek(const void *object, size_t offset)
{
    return (const char *)object + offset;
}
