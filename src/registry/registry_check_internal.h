/*
 * What the law asks of objects when a registry is read, in several files. Each looks at objects of
 * which the references are known; one that was not found is NULL and has its fault already.
 */
#pragma once

#include "registry/registry_internal.h"

/* Everything below, in this order. */
void registry_check(struct registry_load *load);
/* Each grant and each agreement by itself: on what it rests, who signed and who entered it. */
void registry_check_entries(struct registry_load *load);
/* Each grant with what is above it. */
void registry_check_chains(struct registry_load *load);
/* Two grants of one thing to one party in one time that rest on different parents. */
void registry_check_parents(struct registry_load *load);
/* Parties, models, zones and rows that stand for themselves. */
void registry_check_parties(struct registry_load *load);
/* Credentials, routes and where they lead. */
void registry_check_routes(struct registry_load *load);
/* What products call their models and themselves. */
void registry_check_products(struct registry_load *load);

/* The objects of a kind and where they stand; their file becomes the one that faults are in. */
static inline const struct registry_set *registry_open_set(struct registry_load *load,
                                                           enum registry_kind kind)
{
    load->file = registry_kinds[kind].file;
    return &load->sets[kind];
}

/* ---- families ------------------------------------------------------------------------------ */

/* The models of a family, or of none. */
struct registry_family {
    struct str name;
    const struct registry_party *vendor; /* of all of them; NULL: they have several */
};

struct registry_families {
    struct registry_family *items; /* by name */
    size_t count;
};

/* False: out of memory. */
bool registry_families_learn(struct registry_load *load, struct registry_families *ret_families);
/* NULL: no model is of it. */
const struct registry_family *registry_family(const struct registry_families *families,
                                              struct str name);
/* Whether the grant names the model, by its id or its family; and whether it names the family. */
bool registry_grant_names(const struct registry_grant *grant, const struct registry_model *model);
bool registry_grant_names_family(const struct registry_grant *grant, struct str family);
