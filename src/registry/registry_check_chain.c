#include "registry/registry_check_internal.h"

/* Each grant with the one above it: what it rests on, and that it gives no more than that. */

struct registry_chains {
    struct registry_load *load;
    const struct registry_set *set;
    const struct registry_grant *grants;
    struct registry_families families;
};

#define GRANT_FMT "grant \"" STR_FMT "\""

/* ---- roots --------------------------------------------------------------------------------- */

static void registry_no_root(struct registry_load *load, const struct yaml_node *node,
                             const struct registry_grant *grant, const char *what, struct str of)
{
    registry_fault(load, REGISTRY_RULE_CHAIN_NO_ROOT, registry_place_of(node, STR("parent")),
                   GRANT_FMT ": %s \"" STR_FMT "\"", STR_ARG(grant->id), what, STR_ARG(of));
}

static void registry_check_root(const struct registry_chains *chains, const struct yaml_node *node,
                                const struct registry_grant *grant)
{
    for (size_t i = 0; i < grant->model_count; i++) {
        const struct registry_grant_model *granted = &grant->models[i];
        if (granted->model != NULL) {
            if (granted->model->vendor != grant->grantor) {
                registry_no_root(chains->load, node, grant,
                                 "its grantor is not the vendor of model", granted->model->id);
            }
            continue;
        }
        const struct registry_family *family = registry_family(&chains->families, granted->family);
        if (family == NULL || family->vendor != grant->grantor) {
            registry_no_root(chains->load, node, grant,
                             family == NULL ? "no model is of the family"
                                            : "its grantor is not the vendor of all of the family",
                             granted->family);
        }
    }
}

static const char *registry_licence_flaw(const struct registry_grant *grant,
                                         const struct registry_model *model)
{
    if (model->vendor != grant->grantor) {
        return "its grantor is not the vendor of model";
    }
    if (model->weights != REGISTRY_WEIGHTS_OPEN) {
        return "there is no licence to the closed weights of model";
    }
    if (!model->licence.commercial) {
        return "commercial service is not permitted by the licence of model";
    }
    return str_eq(model->licence.doc.sha256, grant->doc.sha256)
               ? NULL
               : "its document is not the licence of model";
}

static void registry_check_licence(struct registry_load *load, const struct yaml_node *node,
                                   const struct registry_grant *grant)
{
    if (grant->doc.sha256.len > 0 && grant->doc.kind != REGISTRY_DOC_LICENCE) {
        registry_fault(load, REGISTRY_RULE_CHAIN_NO_ROOT, registry_place_of(node, STR("doc")),
                       GRANT_FMT " rests on a licence, and its document is none",
                       STR_ARG(grant->id));
    }
    for (size_t i = 0; i < grant->model_count; i++) {
        const struct registry_model *model = grant->models[i].model;
        if (model == NULL) {
            registry_no_root(load, node, grant, "a licence is of models, not of the family",
                             grant->models[i].family);
        } else if (registry_licence_flaw(grant, model) != NULL) {
            registry_no_root(load, node, grant, registry_licence_flaw(grant, model), model->id);
        }
    }
}

/* ---- widening ------------------------------------------------------------------------------ */

static void registry_widened(struct registry_load *load, const struct yaml_node *node,
                             const struct registry_grant *grant, const char *field, struct str what)
{
    struct str key = str_from(field);
    registry_fault(load, REGISTRY_RULE_CHAIN_WIDENED, registry_place_of(node, key),
                   "%s: " GRANT_FMT " gives more than its parent \"" STR_FMT "\"%s" STR_FMT, field,
                   STR_ARG(grant->id), STR_ARG(grant->parent->id), what.len > 0 ? ": " : "",
                   STR_ARG(what));
}

static void registry_check_models(struct registry_load *load, const struct yaml_node *node,
                                  const struct registry_grant *grant)
{
    for (size_t i = 0; i < grant->model_count; i++) {
        const struct registry_grant_model *granted = &grant->models[i];
        bool within = granted->model != NULL
                          ? registry_grant_names(grant->parent, granted->model)
                          : registry_grant_names_family(grant->parent, granted->family);
        if (!within) {
            registry_widened(load, node, grant, "models",
                             granted->model != NULL ? granted->model->id : granted->family);
            return; /* the first is told: there may be thousands */
        }
    }
}

/* As they are written, not as they come out: who denies less than the one above has widened. */
static void registry_check_regions(struct registry_load *load, const struct yaml_node *node,
                                   const struct registry_grant *grant)
{
    char text[3];
    const struct registry_regions *regions = &grant->regions;
    const struct registry_regions *above = &grant->parent->regions;
    country_t country = country_set_first_outside(&regions->allow, &above->allow);
    if (country == COUNTRY_NONE) {
        country = country_set_first_outside(&above->deny, &regions->deny);
    }
    if (country != COUNTRY_NONE) {
        country_text(country, text);
        registry_widened(load, node, grant, "regions", str_from(text));
    }
}

static void registry_check_widening(struct registry_load *load, const struct yaml_node *node,
                                    const struct registry_grant *grant)
{
    const struct registry_grant *parent = grant->parent;
    registry_check_models(load, node, grant);
    registry_check_regions(load, node, grant);
    if ((grant->actions & ~parent->actions) != 0) {
        registry_widened(load, node, grant, "actions", STR_EMPTY);
    }
    if ((grant->client_types & ~parent->client_types) != 0) {
        registry_widened(load, node, grant, "client_types", STR_EMPTY);
    }
    if (grant->valid_from < parent->valid_from) {
        registry_widened(load, node, grant, "valid_from", STR("its window begins before"));
    }
    if (grant->valid_until > parent->valid_until) {
        registry_widened(load, node, grant, "valid_until", STR("its window ends behind"));
    }
}

/* ---- what is above ------------------------------------------------------------------------- */

static void registry_check_above(struct registry_load *load, const struct yaml_node *node,
                                 const struct registry_grant *grant)
{
    const struct registry_grant *parent = grant->parent;
    if (parent == NULL) {
        if (grant->parent_id.len > 0) {
            registry_fault(load, REGISTRY_RULE_CHAIN_GAP, registry_place_of(node, STR("parent")),
                           GRANT_FMT " rests on \"" STR_FMT "\", and there is no such grant",
                           STR_ARG(grant->id), STR_ARG(grant->parent_id));
        }
        return;
    }
    if (grant->grantor != NULL && parent->grantee != NULL && parent->grantee != grant->grantor) {
        registry_fault(load, REGISTRY_RULE_CHAIN_GAP, registry_place_of(node, STR("parent")),
                       GRANT_FMT " is given by \"" STR_FMT "\", its parent \"" STR_FMT
                                 "\" is to \"" STR_FMT "\"",
                       STR_ARG(grant->id), STR_ARG(grant->grantor->id), STR_ARG(parent->id),
                       STR_ARG(parent->grantee->id));
    }
    if (grant->sublicense_depth >= parent->sublicense_depth) {
        registry_fault(
            load, REGISTRY_RULE_CHAIN_DEPTH, registry_place_of(node, STR("sublicense_depth")),
            GRANT_FMT ": its parent \"" STR_FMT "\" lets %llu grants follow, its own depth is %llu",
            STR_ARG(grant->id), STR_ARG(parent->id), (unsigned long long)parent->sublicense_depth,
            (unsigned long long)grant->sublicense_depth);
    }
}

static void registry_check_chain(const struct registry_chains *chains, size_t at)
{
    const struct registry_item *item = &chains->set->items[at];
    const struct registry_grant *grant = &chains->grants[at];
    if (item->node->kind != YAML_MAPPING) {
        return;
    }
    if (grant->parent_kind == REGISTRY_PARENT_ROOT) {
        registry_check_root(chains, item->node, grant);
    } else if (grant->parent_kind == REGISTRY_PARENT_LICENCE) {
        registry_check_licence(chains->load, item->node, grant);
    } else {
        registry_check_above(chains->load, item->node, grant);
        bool known = grant->parent != NULL && !item->broken &&
                     !chains->set->items[grant->parent - chains->grants].broken;
        if (known) {
            registry_check_widening(chains->load, item->node, grant);
        }
    }
}

/* ---- circles ------------------------------------------------------------------------------- */

static void registry_circle(const struct registry_chains *chains, size_t at, const char *what)
{
    registry_fault(chains->load, REGISTRY_RULE_CHAIN_CYCLE,
                   registry_place_of(chains->set->items[at].node, STR("parent")), GRANT_FMT " %s",
                   STR_ARG(chains->grants[at].id), what);
}

/* Whether the grantee stands above already: in as many steps as chains may have edges. */
static bool registry_gives_back(const struct registry_grant *grant)
{
    bool back = grant->grantee != NULL && grant->grantee == grant->grantor;
    const struct registry_grant *above = grant->parent;
    for (unsigned steps = 0; !back && above != NULL && steps < REGISTRY_DEPTH_MAX; steps++) {
        back = grant->grantee != NULL &&
               (above->grantee == grant->grantee || above->grantor == grant->grantee);
        above = above->parent;
    }
    return back;
}

/* Walks up from each grant, over each edge once: numbers say in which walk one was met. */
static void registry_check_circles(const struct registry_chains *chains)
{
    size_t *walks = registry_alloc(chains->load, chains->set->count, sizeof(*walks));
    for (size_t i = 0; walks != NULL && i < chains->set->count; i++) {
        size_t at = i;
        while (walks[at] == 0 && chains->grants[at].parent != NULL) {
            walks[at] = i + 1;
            at = (size_t)(chains->grants[at].parent - chains->grants);
        }
        if (walks[at] == i + 1) {
            registry_circle(chains, at, "rests on itself");
        } else if (registry_gives_back(&chains->grants[i])) {
            registry_circle(chains, i, "gives to a party that stands above it already");
        }
    }
}

void registry_check_chains(struct registry_load *load)
{
    struct registry_chains chains = { .load = load,
                                      .set = registry_open_set(load, REGISTRY_KIND_GRANT) };
    chains.grants = (const void *)chains.set->objects;
    if (!registry_families_learn(load, &chains.families)) {
        return;
    }
    for (size_t i = 0; i < chains.set->count && load->err == ERR_OK; i++) {
        registry_check_chain(&chains, i);
    }
    registry_check_circles(&chains);
}
