/*
 * What policy_compile() makes of a registry: everything that neither time nor a call's facts can
 * change. All of it is in one arena and is ordered as the registry is, so that an object's place
 * in its array finds what belongs to it.
 */
#pragma once

#include "base/arena.h"
#include "policy/policy.h"

#define POLICY_ARENA_FIRST 1024 /* blocks double from there: registries differ by 10^4 */
#define POLICY_ARENA_MAX   ((size_t)1 << 30) /* as much as one request to the heap may be */

/* Things by what they belong to: those of `i` are items[starts[i]] up to items[starts[i + 1]]. */
struct policy_index {
    uint32_t *starts; /* one more than there are owners */
    uint32_t *items;
};

/* Why an edge does not hold, whatever the time; code POLICY_FINE: it does. */
struct policy_flaw {
    enum policy_code code;
    const struct registry_grant *edge;
    const char *what;
    uint64_t number;
};

/* A chain of grants from a root to a seller; without edges: the seller made the model. */
struct policy_path {
    const struct registry_grant *edges[POLICY_EDGES_MAX]; /* from the root */
    size_t edge_count;
    int64_t from;             /* from when all edges run */
    int64_t until;            /* when the first ends or is revoked */
    int64_t rank;             /* the first end that is written: of two paths the later one wins */
    struct policy_flaw early; /* of the checks before time is asked */
    struct policy_flaw late;  /* of those after */
    uint64_t actions;         /* that all edges give */
    uint64_t client_types;
    struct country_set regions;
    struct country_set excluded; /* owners that some edge excludes */
    bool must_name_vendor;       /* some edge says so */
    bool may_rename;             /* all edges say so */
    bool has_quota;
};

/* Which of a pair's paths lead through a route, and what to say if none does. */
struct policy_way {
    uint64_t paths; /* bit i: paths[i] */
    struct policy_reason none;
};

/* A model and who sells it. */
struct policy_pair {
    const struct registry_model *model;
    const struct registry_party *seller;
    struct policy_path *paths; /* the best first */
    size_t path_count;
    struct policy_way *ways; /* by the model's routes */
};

/* A model in a product. */
struct policy_sale {
    const struct policy_pair *pair;
    uint64_t need; /* actions, from the facts of the product */
    bool aliased;
};

/* A place of processing and the rows of law that lead there, by id. */
struct policy_place {
    country_t country; /* COUNTRY_NONE: the place names none */
    const struct registry_lane **lanes;
    size_t lane_count;
};

/* What a route is, whoever sells it. */
struct policy_source {
    const struct policy_place *place;
    const struct registry_party **touch; /* parties that touch content, once each */
    size_t touch_count;
    struct str host; /* of its endpoint */
    bool official;   /* the upstream party's own */
};

/* A version of the list of subprocessors, with its parties as bits. */
struct policy_list {
    const struct registry_subprocessor_list *list;
    uint64_t *parties;
};

struct policy_us_row {
    enum registry_us_category category;
    const struct registry_threshold *row;
};

struct policy {
    struct arena arena;
    const struct registry *registry;
    struct policy_pair *pairs;
    size_t pair_count;
    struct policy_sale **sales; /* by product; then by its models */
    struct policy_source *sources;
    struct policy_place *places;
    size_t place_count;
    struct policy_list *lists; /* by the time from which they are in force */
    size_t list_count;
    struct policy_us_row *us_rows; /* thresholds of the US rule, by id */
    size_t us_row_count;
    /* 1 + enum registry_qualification_type, by requirement; 0: none that is known */
    unsigned char *required;
    struct policy_index agreements; /* by client; those that are not online */
    struct policy_index objections; /* by client: of the lists, numbered through */
    const struct registry_objection **objection_rows;
    struct policy_index billing; /* by party */
    int64_t *edges;              /* of time, ascending, once each */
    size_t edge_count;
};

/* ---- the parts of compiling: each fills its members ---------------------------------------- */

/* policy_sales.c: products and their models. */
EP_MUST_CHECK enum err policy_compile_sales(struct policy *policy);
/* policy_pairs.c: chains; gives the sales their pairs. */
EP_MUST_CHECK enum err policy_compile_pairs(struct policy *policy, struct fail *fail);
/* policy_sources.c: routes and places. */
EP_MUST_CHECK enum err policy_compile_sources(struct policy *policy);
/* policy_index.c: what is found by its owner. */
EP_MUST_CHECK enum err policy_compile_indexes(struct policy *policy);
/* policy_edges.c */
EP_MUST_CHECK enum err policy_compile_edges(struct policy *policy);

/* NULL: the product does not sell the model. */
struct policy_sale *policy_sale(const struct policy *policy, const struct registry_product *product,
                                const struct registry_model *model);
/* Zeroed; NULL: no memory. A count of 0 is allowed. */
EP_MUST_CHECK void *policy_alloc(struct policy *policy, size_t count, size_t size);

/* chain.c: the checks of a path that time does not change. */
void chain_find_flaws(const struct registry_model *model, struct policy_path *path);
/* Whether the grant is of the model, by its id or its family. */
bool chain_names(const struct registry_grant *grant, const struct registry_model *model);
/* The way of a route that no path leads through. */
struct policy_reason chain_no_way(const struct policy *policy, const struct policy_pair *pair,
                                  const struct registry_route *route);
/* When a revocation takes effect; REGISTRY_TIME_NEVER: it is not revoked. */
int64_t chain_revoked_from(const struct registry_grant *grant);

/* policy_words.c: the enums' words, as they are written in the registry's files. */
const char *policy_word_action(enum registry_action action);
const char *policy_word_client_type(unsigned type); /* 1 + the enum; 0: "unknown" */
const char *policy_word_item(enum registry_separation_item item);
const char *policy_word_answer(enum registry_answer answer);
const char *policy_word_category(enum registry_us_category category);
const char *policy_word_qualification(enum registry_qualification_type type);
/* 1 + the type, or 0. */
unsigned policy_qualification(struct str word);

static inline size_t policy_party_index(const struct policy *policy,
                                        const struct registry_party *party)
{
    ASSERT(party >= policy->registry->parties);
    size_t index = (size_t)(party - policy->registry->parties);
    ASSERT(index < policy->registry->party_count);
    return index;
}

static inline bool policy_in_window(int64_t from, int64_t until, int64_t now)
{
    return from <= now && now < until;
}
