/* The shape of each kind of object as a table: read by one reader, hashed by one writer. */
#pragma once

#include <stdatomic.h>

#include "base/arena.h"
#include "registry/registry_load.h"
#include "wire/yaml.h"

#define REGISTRY_ARENA_MAX   ((size_t)512 << 20)
#define REGISTRY_OBJECTS_MAX 100000 /* of all lists, also of those in objects: a grant is 1 KiB */
#define REGISTRY_NEAR_MAX    32     /* faults that may come with "did you mean" */

struct registry_owner {
    struct registry registry;
    struct arena arena;
    _Atomic size_t refs;
};

/* In the order in which they are read. Objects may name any others: where these will lie is known
 * before the first is read. Only groups of countries must have been read by then. */
enum registry_kind {
    REGISTRY_KIND_REGION,
    REGISTRY_KIND_PERSON,
    REGISTRY_KIND_PARTY,
    REGISTRY_KIND_KEY,
    REGISTRY_KIND_MODEL,
    REGISTRY_KIND_DATA_TERMS,
    REGISTRY_KIND_POOL,
    REGISTRY_KIND_ZONE,
    REGISTRY_KIND_GRANT,
    REGISTRY_KIND_PROCUREMENT,
    REGISTRY_KIND_CREDENTIAL,
    REGISTRY_KIND_PRICE_BOOK,
    REGISTRY_KIND_ROUTE,
    REGISTRY_KIND_PRODUCT,
    REGISTRY_KIND_AGREEMENT,
    REGISTRY_KIND_SUBPROCESSORS,
    REGISTRY_KIND_LANE,
    REGISTRY_KIND_THRESHOLD,
    REGISTRY_KIND_REQUIREMENT,
    REGISTRY_KIND_NETWORK,
    REGISTRY_KIND_BILLING,
    REGISTRY_KIND_DETECTOR,
    REGISTRY_KIND_COUNT
};

/* What a value is in the file, and in the C struct. */
enum registry_type {
    /* a struct str: */
    REGISTRY_TYPE_ID,
    REGISTRY_TYPE_TEXT,
    REGISTRY_TYPE_WORD, /* one of the choices, kept as text */
    REGISTRY_TYPE_PLACE,
    REGISTRY_TYPE_CURRENCY,
    REGISTRY_TYPE_SECRET,
    REGISTRY_TYPE_URL,
    REGISTRY_TYPE_HOST,
    REGISTRY_TYPE_SHA256, /* kept in lower case */
    REGISTRY_TYPE_FILE,   /* "documents/NAME" */
    REGISTRY_TYPE_BLOCK,  /* of addresses */
    REGISTRY_TYPE_MONTH,
    /* other scalars: */
    REGISTRY_TYPE_CHOICE,  /* unsigned */
    REGISTRY_TYPE_DERIVED, /* unsigned; never in the file, and part of the hash */
    REGISTRY_TYPE_NUMBER,  /* uint64_t */
    REGISTRY_TYPE_CLOCK,   /* uint64_t, minutes of a day up to its end */
    REGISTRY_TYPE_OFFSET,  /* int64_t, minutes from UTC */
    REGISTRY_TYPE_MONEY,   /* int64_t, nano */
    REGISTRY_TYPE_BOOL,
    REGISTRY_TYPE_TIME,    /* int64_t */
    REGISTRY_TYPE_DATE,    /* int64_t */
    REGISTRY_TYPE_COUNTRY, /* country_t */
    REGISTRY_TYPE_HEX,     /* max bytes */
    /* lists and sets: */
    REGISTRY_TYPE_TEXTS,       /* struct registry_texts */
    REGISTRY_TYPE_STRS,        /* const struct str *, and a count */
    REGISTRY_TYPE_HOSTS,       /* likewise: "api.x.example", "*.x.example" */
    REGISTRY_TYPE_CHOICES,     /* uint64_t, a bit each */
    REGISTRY_TYPE_COUNTRIES,   /* const country_t *, and a count */
    REGISTRY_TYPE_COUNTRY_SET, /* and at count_offset, if any, a struct registry_texts as written */
    REGISTRY_TYPE_MEMBERS,     /* a struct country_set of codes alone */
    /* objects: */
    REGISTRY_TYPE_REF,
    REGISTRY_TYPE_REFS, /* pointers, and a count */
    REGISTRY_TYPE_STRUCT,
    REGISTRY_TYPE_STRUCTS, /* structs, and a count */
    REGISTRY_TYPE_LINES,   /* of a struct registry_price_book */
    REGISTRY_TYPE_PARENT,  /* of a struct registry_grant */
    REGISTRY_TYPE_GRANTED, /* the models of a struct registry_grant */
    REGISTRY_TYPE_COUNT
};

struct registry_field {
    struct str key;
    struct str choices;   /* "a|b|c", in the order of the enum */
    struct str forbidden; /* choices that are known and refused */
    /* The value of an absent optional scalar; of a struct anything: it is read as if it were {}. */
    struct str standard;
    const struct registry_shape *shape;
    uint64_t min; /* of a number, a text's length, a list's count */
    uint64_t max;
    uint64_t absent; /* of an absent number or time */
    size_t offset;
    size_t count_offset; /* of a list that is no struct of its own */
    enum registry_type type;
    enum registry_kind ref;
    bool optional; /* may be left out, or null */
    bool late;     /* a struct, choice or number newer than the hash's form: left out while zero */
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
    bool optional; /* a file that is not there is an empty list */
};

extern const struct registry_kind_info registry_kinds[REGISTRY_KIND_COUNT];

/* ---- loading ------------------------------------------------------------------------------ */

/* An object of a file before it is read; ordered by id. */
struct registry_item {
    struct str id; /* empty: it has none that is valid */
    const struct yaml_node *node;
    bool broken; /* its own fields have faults: what follows from them is not asked */
};

/* A document that an object names, until the documents are looked at. */
struct registry_note {
    struct registry_note *next;
    struct registry_doc *doc;
    enum registry_kind kind; /* of the object */
    struct yaml_place place;
};

struct registry_set {
    struct registry_item *items;
    char *objects; /* count structs of the kind's shape */
    size_t count;
};

struct registry_load {
    struct registry_owner *owner;
    struct registry_report *report;
    struct str file;         /* that faults are found in just now */
    enum err err;            /* ERR_NO_MEMORY sticks */
    size_t objects;          /* of all lists so far */
    enum registry_kind kind; /* that is read just now */
    struct registry_note *notes;
    size_t note_count;
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
/* ---- values ------------------------------------------------------------------------------- */

/* Whether `text` is one of "a|b|c", and which. */
bool registry_choice(struct str choices, struct str text, unsigned *ret_at);
/* A list of the length that the row allows; else a fault, and false. */
bool registry_list_fine(struct registry_load *load, const struct registry_field *field,
                        const struct yaml_node *node);
void registry_refuse(struct registry_load *load, const struct registry_field *field,
                     const struct yaml_node *node);
/* Reads what registry_is_scalar() says is one. */
void registry_read_scalar(struct registry_load *load, const struct registry_field *field,
                          const struct yaml_node *node, void *slot);
bool registry_is_scalar(enum registry_type type);
bool registry_text_fine(struct str text, uint64_t min, uint64_t max);
/* "api.x.example", "*.x.example". */
bool registry_host_pattern_fine(struct str text);

typedef void registry_list_fn(struct registry_load *load, const struct registry_field *field,
                              const struct yaml_node *node, void *object);

registry_list_fn registry_read_strs; /* TEXTS, STRS, HOSTS */
registry_list_fn registry_read_choices;
registry_list_fn registry_read_countries;
registry_list_fn registry_read_country_set; /* and MEMBERS */
registry_list_fn registry_read_parent;
registry_list_fn registry_read_granted;

/* Pointers are copied as bytes: the member's own type is known to the table alone, and all
 * pointers to objects look alike on the systems this is for (POSIX). */
void registry_put_list(void *object, const struct registry_field *field, const void *list,
                       size_t count);

/* ---- what follows -------------------------------------------------------------------------- */

/* The lines of a price book: a mapping from model to a mapping from class to price. */
void registry_read_lines(struct registry_load *load, const struct yaml_node *node,
                         struct registry_price_book *book);
/* The sum of a document. ERR_IO: there is none that can be read. ERR_LIMIT. ERR_NO_MEMORY. */
typedef enum err registry_sum_fn(void *context, struct str name, struct digest *ret_sum);

/* Says of each document that was noted whether it is there and has its sum. */
void registry_documents(struct registry_load *load, registry_sum_fn *sum, void *context);
/* What objects must fulfil together; also fills what is derived. */
void registry_link(struct registry_load *load);
/* Who controls and who owns each party. */
void registry_link_owners(struct registry_load *load);
/* Which signatures of grants and agreements are fine. */
void registry_link_signatures(struct registry_load *load);
/* Where a key of an object stands, or the object itself. */
struct yaml_place registry_place_of(const struct yaml_node *node, struct str key);
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
