#include <string.h>

#include "registry/registry_check_internal.h"

/* What grants and agreements have in common, each taken by itself. */

struct registry_entry {
    struct str id;
    const char *noun;
    const struct yaml_node *node;
    bool broken;
    bool licence; /* a grant from a licence: nobody signs it */
    enum registry_evidence evidence;
    const struct registry_doc *doc;
    const struct registry_signature *signature;
    const struct registry_person *entered_by;
    const struct registry_person *reviewed_by;
    int64_t entered_at;
    const struct registry_regions *regions;
    int64_t valid_from;
};

#define ENTRY_FMT      "%s \"" STR_FMT "\""
#define ENTRY_ARG(one) (one)->noun, STR_ARG((one)->id)

static void registry_check_evidence(struct registry_load *load, const struct registry_entry *entry)
{
    static const char *const evidence[] = {
        [REGISTRY_EVIDENCE_WRITTEN_SIGNED] = "written and signed",
        [REGISTRY_EVIDENCE_WRITTEN_UNSIGNED] = "written and not signed",
        [REGISTRY_EVIDENCE_CLICK_THROUGH] = "a text that was clicked through",
        [REGISTRY_EVIDENCE_VERBAL] = "verbal",
    };
    if (entry->licence) {
        return;
    }
    if (entry->evidence != REGISTRY_EVIDENCE_WRITTEN_SIGNED) {
        registry_fault(load, REGISTRY_RULE_CHAIN_NOT_WRITTEN,
                       registry_place_of(entry->node, STR("evidence_class")), ENTRY_FMT " is %s",
                       ENTRY_ARG(entry), evidence[entry->evidence]);
    } else if (entry->doc->kind == REGISTRY_DOC_CLICK_THROUGH && entry->doc->sha256.len > 0) {
        registry_fault(
            load, REGISTRY_RULE_CHAIN_NOT_WRITTEN, registry_place_of(entry->node, STR("doc")),
            ENTRY_FMT " is written_signed, and its document was clicked through", ENTRY_ARG(entry));
    }
}

static void registry_check_doc(struct registry_load *load, const struct registry_entry *entry)
{
    struct yaml_place place = registry_place_of(entry->node, STR("doc"));
    switch (entry->doc->state) {
    case REGISTRY_DOC_NONE:
        registry_fault(load, REGISTRY_RULE_CHAIN_DOC_MISSING, place, ENTRY_FMT " names no document",
                       ENTRY_ARG(entry));
        return;
    case REGISTRY_DOC_MISSING:
        registry_fault(load, REGISTRY_RULE_CHAIN_DOC_MISSING, place,
                       ENTRY_FMT ": there is no \"" STR_FMT "\" that can be read", ENTRY_ARG(entry),
                       STR_ARG(entry->doc->file));
        return;
    case REGISTRY_DOC_CHANGED:
        registry_fault(load, REGISTRY_RULE_CHAIN_DOC_HASH, place,
                       ENTRY_FMT ": \"" STR_FMT "\" is not the document with the sum that it names",
                       ENTRY_ARG(entry), STR_ARG(entry->doc->file));
        return;
    case REGISTRY_DOC_FINE:
        return;
    }
}

static void registry_check_signature(struct registry_load *load, const struct registry_entry *entry)
{
    struct yaml_place place = registry_place_of(entry->node, STR("signature"));
    if (entry->signature->fine || entry->licence || entry->broken) {
        return;
    }
    registry_fault(load, REGISTRY_RULE_CHAIN_SIGNATURE, place,
                   entry->signature->key_id == NULL ? ENTRY_FMT " is not signed"
                                                    : ENTRY_FMT
                       " has no signature, or countersignature, that holds under a key "
                       "that was its party's then",
                   ENTRY_ARG(entry));
}

static bool registry_person_stands(const struct registry_person *person, int64_t at)
{
    return person->valid_from <= at && at < person->valid_until;
}

static const char *registry_eyes_missed(const struct registry_entry *entry)
{
    const struct registry_person *one = entry->entered_by;
    const struct registry_person *other = entry->reviewed_by;
    if (one == NULL || other == NULL || entry->entered_at == 0) {
        return "it does not say who entered it, when, and who reviewed it";
    }
    if (one == other || memcmp(one->public_key, other->public_key, sizeof(one->public_key)) == 0) {
        return "who entered it has reviewed it, too";
    }
    if (!registry_person_stands(one, entry->entered_at) ||
        !registry_person_stands(other, entry->entered_at)) {
        return "one of the persons was not in office then";
    }
    return NULL;
}

static void registry_check_eyes(struct registry_load *load, const struct registry_entry *entry)
{
    const char *missed = registry_eyes_missed(entry);
    if (missed != NULL && !entry->broken) {
        registry_fault(load, REGISTRY_RULE_FOUR_EYES,
                       registry_place_of(entry->node, STR("entered_by")), ENTRY_FMT ": %s",
                       ENTRY_ARG(entry), missed);
    }
}

/* A group that is not in force when the window begins gives nothing that could be known then. */
static void registry_check_groups(struct registry_load *load, const struct registry_entry *entry,
                                  const struct registry_texts *written)
{
    for (size_t i = 0; i < written->count; i++) {
        struct str id = written->items[i];
        str_cut(&id, ':');
        const struct registry_region_group *group =
            registry_set_find(&load->sets[REGISTRY_KIND_REGION], REGISTRY_KIND_REGION, id);
        if (group != NULL && group->valid_from > entry->valid_from) {
            registry_fault(load, REGISTRY_RULE_REG_WINDOW,
                           registry_place_of(entry->node, STR("regions")),
                           ENTRY_FMT " begins before group \"" STR_FMT "\" does", ENTRY_ARG(entry),
                           STR_ARG(id));
        }
    }
}

static void registry_check_entry(struct registry_load *load, const struct registry_entry *entry)
{
    registry_check_evidence(load, entry);
    registry_check_doc(load, entry);
    registry_check_signature(load, entry);
    registry_check_eyes(load, entry);
    registry_check_groups(load, entry, &entry->regions->allow_written);
    registry_check_groups(load, entry, &entry->regions->deny_written);
}

/* ---- agreements ---------------------------------------------------------------------------- */

#define REGISTRY_CLIENT_ACTIONS                                            \
    (1U << REGISTRY_ACTION_API_CALL | 1U << REGISTRY_ACTION_DEVICE_EMBED | \
     1U << REGISTRY_ACTION_CACHE | 1U << REGISTRY_ACTION_FINE_TUNE)

static void registry_check_leg(struct registry_load *load, const struct yaml_node *node,
                               const struct registry_agreement *agreement)
{
    const struct yaml_node *grantee = yaml_get(node, STR("grantee"));
    bool named = grantee != NULL && !grantee->null;
    if (agreement->online == named) {
        registry_fault(load, REGISTRY_RULE_REG_BAD_VALUE, registry_place_of(node, STR("grantee")),
                       agreement->online
                           ? "an agreement that is online is with whoever accepts it, not with one"
                           : "an agreement is with a client, its grantee, or online");
    }
    if (agreement->grantee != NULL && agreement->grantee->kind != REGISTRY_PARTY_CLIENT) {
        registry_fault(load, REGISTRY_RULE_REG_BAD_VALUE, registry_place_of(node, STR("grantee")),
                       "an agreement is with a client: party \"" STR_FMT "\" is none",
                       STR_ARG(agreement->grantee->id));
    }
    if (agreement->online && yaml_get(node, STR("signature")) != NULL) {
        registry_fault(load, REGISTRY_RULE_REG_BAD_VALUE, registry_place_of(node, STR("signature")),
                       "a text that is accepted online has no signature");
    }
    if ((agreement->actions & ~(uint64_t)REGISTRY_CLIENT_ACTIONS) != 0) {
        registry_fault(
            load, REGISTRY_RULE_REG_BAD_VALUE, registry_place_of(node, STR("actions")),
            "an agreement gives api_call, device_embed, cache and fine_tune: who resells "
            "needs a grant");
    }
}

static void registry_check_agreements(struct registry_load *load)
{
    const struct registry_set *set = registry_open_set(load, REGISTRY_KIND_AGREEMENT);
    const struct registry_agreement *agreement = (const void *)set->objects;
    for (size_t i = 0; i < set->count && load->err == ERR_OK; i++) {
        const struct registry_agreement *one = &agreement[i];
        const struct registry_entry entry = {
            .id = one->id,
            .noun = "agreement",
            .node = set->items[i].node,
            .broken = set->items[i].broken,
            .evidence = one->evidence_class,
            .doc = &one->doc,
            .signature = &one->signature,
            .entered_by = one->entered_by,
            .reviewed_by = one->reviewed_by,
            .entered_at = one->entered_at,
            .regions = &one->regions,
            .valid_from = one->valid_from,
        };
        if (entry.node->kind != YAML_MAPPING) {
            continue;
        }
        registry_check_leg(load, entry.node, one);
        if (!one->online) {
            registry_check_entry(load, &entry);
        } else {
            registry_check_doc(load, &entry);
            registry_check_eyes(load, &entry);
            registry_check_groups(load, &entry, &one->regions.allow_written);
            registry_check_groups(load, &entry, &one->regions.deny_written);
        }
    }
}

void registry_check_entries(struct registry_load *load)
{
    const struct registry_set *set = registry_open_set(load, REGISTRY_KIND_GRANT);
    const struct registry_grant *grant = (const void *)set->objects;
    for (size_t i = 0; i < set->count && load->err == ERR_OK; i++) {
        const struct registry_grant *one = &grant[i];
        const struct registry_entry entry = {
            .id = one->id,
            .noun = "grant",
            .node = set->items[i].node,
            .broken = set->items[i].broken,
            .licence = one->parent_kind == REGISTRY_PARENT_LICENCE,
            .evidence = one->evidence_class,
            .doc = &one->doc,
            .signature = &one->signature,
            .entered_by = one->entered_by,
            .reviewed_by = one->reviewed_by,
            .entered_at = one->entered_at,
            .regions = &one->regions,
            .valid_from = one->valid_from,
        };
        if (entry.node->kind == YAML_MAPPING) {
            registry_check_entry(load, &entry);
        }
    }
    registry_check_agreements(load);
}
