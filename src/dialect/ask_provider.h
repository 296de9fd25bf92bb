/*
 * Which sources a client wants: OpenRouter's "provider" object and its "models" list, read in place
 * and checked. Pure; everything borrows the body.
 *
 * A member that is not known is refused: whoever restricts by it would not be restricted. So is one
 * that stands there twice, and a list that is too long.
 */
#pragma once

#include "base/str.h"

#define ASK_NAMES_MAX     64  /* of a list: a model has no more routes */
#define ASK_NAME_MAX      128 /* bytes of a name, escapes decoded */
#define ASK_FALLBACKS_MAX 8   /* models that stand in: each has to be held for at its own price */

/* In the order of the words that ask_sort_name() knows. */
enum ask_sort {
    ASK_SORT_NONE, /* as the product has it */
    ASK_SORT_PRICE,
    ASK_SORT_LATENCY,
    ASK_SORT_THROUGHPUT,
    ASK_SORT_WEIGHT,
    ASK_SORT_ENERGY,
    ASK_SORTS
};

/* A list of strings that was checked; empty where the client gave none. */
struct ask_names {
    struct str list; /* the JSON, brackets included */
    size_t count;
};

struct ask_provider {
    struct ask_names order;
    struct ask_names only;
    struct ask_names ignore;
    struct ask_names quantizations;
    int64_t max_input;  /* pico a token of the product's currency; -1: any price */
    int64_t max_output; /* likewise */
    int64_t max_call;   /* pico a call; -1: any price */
    int64_t max_image;  /* pico a picture that is made; -1: any price */
    enum ask_sort sort;
    bool given;
    bool no_fallbacks;       /* "allow_fallbacks": false */
    bool require_parameters; /* only sources that take all that the request has */
    bool no_collection;      /* "data_collection": "deny" */
    bool zdr;                /* only sources that keep nothing */
};

/*
 * The value of "provider"; null and an empty slice are as if it were not there. ERR_ASK_INVALID,
 * ERR_ASK_DUPLICATE, ERR_ASK_UNSUPPORTED: *ret_param names the member (static text), `fail` says
 * what is wrong with it.
 */
EP_MUST_CHECK enum err ask_read_provider(struct str value, struct ask_provider *ret_provider,
                                         const char **ret_param, struct fail *fail);
/* Likewise the value of "models". */
EP_MUST_CHECK enum err ask_read_models(struct str value, struct ask_names *ret_models,
                                       const char **ret_param, struct fail *fail);

/* Steps through a list that was read: begin with *rest = json_inside(names.list). `text` has room
 * for ASK_NAME_MAX bytes. False: no more. */
bool ask_next_name(struct str *rest, char *text, struct str *ret_name);
const char *ask_sort_name(enum ask_sort sort);
