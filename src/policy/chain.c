/*
 * The authorization chain: from who made the model, grant by grant, to who sells it. Each check of
 * a path is a function of one edge; `checks` has them in the order that makes the first failure
 * the path's reason. Most do not depend on time, and are done once, when the rules are compiled.
 */
#include "policy/judge_internal.h"

/* A path, and which of its edges is asked about. */
struct chain_edge {
    const struct registry_model *model;
    const struct registry_grant *grant;
    const struct registry_grant *above; /* NULL: it is the first */
    int64_t now;                        /* 0 where time is not asked */
};

/* The code with which an edge fails, with what it says beside it; or POLICY_FINE. */
typedef enum policy_code chain_check_fn(const struct chain_edge *edge, struct policy_flaw *flaw);

/* ---- the checks ---------------------------------------------------------------------------- */

/* 1: a chain begins with the vendor's grant, or with a licence that permits serving for money. */
static enum policy_code chain_root(const struct chain_edge *edge, struct policy_flaw *flaw)
{
    const struct registry_model *model = edge->model;
    const struct registry_grant *grant = edge->grant;
    (void)flaw;
    if (edge->above != NULL || grant->parent_kind == REGISTRY_PARENT_GRANT) {
        return POLICY_FINE;
    }
    bool licensed = model->weights == REGISTRY_WEIGHTS_OPEN && model->licence.commercial &&
                    grant->doc.kind == REGISTRY_DOC_LICENCE;
    bool rooted = grant->parent_kind == REGISTRY_PARENT_ROOT || licensed;
    return rooted && grant->grantor == model->vendor ? POLICY_FINE : POLICY_CHAIN_NO_ROOT;
}

/* 2: each edge hangs on the one above: its grantor is who was granted there. */
static enum policy_code chain_gap(const struct chain_edge *edge, struct policy_flaw *flaw)
{
    const struct registry_grant *grant = edge->grant;
    (void)flaw;
    bool lost = edge->above == NULL && grant->parent_kind == REGISTRY_PARENT_GRANT;
    bool torn = edge->above != NULL && edge->above->grantee != grant->grantor;
    return lost || torn ? POLICY_CHAIN_GAP : POLICY_FINE;
}

/* 3: what is not written and signed closes nothing; a licence is a text that nobody signs. */
static enum policy_code chain_written(const struct chain_edge *edge, struct policy_flaw *flaw)
{
    const struct registry_grant *grant = edge->grant;
    (void)flaw;
    bool written = grant->parent_kind == REGISTRY_PARENT_LICENCE ||
                   grant->evidence_class == REGISTRY_EVIDENCE_WRITTEN_SIGNED;
    return written && grant->doc.kind != REGISTRY_DOC_CLICK_THROUGH ? POLICY_FINE
                                                                    : POLICY_CHAIN_NOT_WRITTEN;
}

/* 4: the document is there, and is the one that was entered. */
static enum policy_code chain_document(const struct chain_edge *edge, struct policy_flaw *flaw)
{
    (void)flaw;
    if (judge_doc_fine(&edge->grant->doc)) {
        return POLICY_FINE;
    }
    return edge->grant->doc.state == REGISTRY_DOC_CHANGED ? POLICY_CHAIN_DOC_HASH
                                                          : POLICY_CHAIN_DOC_MISSING;
}

/* 5: the grantor signed what was entered. */
static enum policy_code chain_signature(const struct chain_edge *edge, struct policy_flaw *flaw)
{
    (void)flaw;
    return edge->grant->signature.fine ? POLICY_FINE : POLICY_CHAIN_SIGNATURE;
}

/* 6: it was not taken back, or the run-off that is written is not over. */
static enum policy_code chain_revoked(const struct chain_edge *edge, struct policy_flaw *flaw)
{
    int64_t from = chain_revoked_from(edge->grant);
    if (from > edge->now) {
        return POLICY_FINE;
    }
    flaw->number = judge_seconds(from, edge->now);
    return POLICY_CHAIN_REVOKED;
}

/* 7: it runs: from its first instant on, until just before its last. */
static enum policy_code chain_window(const struct chain_edge *edge, struct policy_flaw *flaw)
{
    if (edge->now < edge->grant->valid_from) {
        flaw->number = judge_seconds(edge->now, edge->grant->valid_from);
        return POLICY_CHAIN_NOT_YET;
    }
    if (edge->now >= edge->grant->valid_until) {
        flaw->number = judge_seconds(edge->grant->valid_until, edge->now);
        return POLICY_CHAIN_EXPIRED;
    }
    return POLICY_FINE;
}

/* 8: each edge may be followed by fewer grants than the one above. */
static enum policy_code chain_depth(const struct chain_edge *edge, struct policy_flaw *flaw)
{
    if (edge->above == NULL || edge->grant->sublicense_depth < edge->above->sublicense_depth) {
        return POLICY_FINE;
    }
    flaw->number = edge->above->sublicense_depth;
    return POLICY_CHAIN_DEPTH;
}

static bool chain_models_within(const struct registry_grant *grant,
                                const struct registry_grant *above)
{
    for (size_t i = 0; i < grant->model_count; i++) {
        const struct registry_grant_model *name = &grant->models[i];
        bool found = false;
        for (size_t j = 0; j < above->model_count && !found; j++) {
            const struct registry_grant_model *outer = &above->models[j];
            struct str family = name->model == NULL ? name->family : name->model->family;
            found = outer->model == NULL ? family.len > 0 && str_eq(outer->family, family)
                                         : outer->model == name->model;
        }
        if (!found) {
            return false;
        }
    }
    return true;
}

/* 9: nobody grants more than was granted to it. */
static enum policy_code chain_widened(const struct chain_edge *edge, struct policy_flaw *flaw)
{
    const struct registry_grant *grant = edge->grant;
    const struct registry_grant *above = edge->above;
    if (above == NULL) {
        return POLICY_FINE;
    }
    if (!chain_models_within(grant, above)) {
        flaw->what = "models";
    } else if ((grant->actions & ~above->actions) != 0) {
        flaw->what = "actions";
    } else if (!country_set_within(&grant->regions.allow, &above->regions.allow) ||
               !country_set_within(&above->regions.deny, &grant->regions.deny)) {
        flaw->what = "regions";
    } else if ((grant->client_types & ~above->client_types) != 0) {
        flaw->what = "client_types";
    } else if (grant->valid_from < above->valid_from || grant->valid_until > above->valid_until) {
        flaw->what = "window";
    }
    return flaw->what == NULL ? POLICY_FINE : POLICY_CHAIN_WIDENED;
}

enum chain_when {
    CHAIN_EARLY,
    CHAIN_TIMED, /* depends on now */
    CHAIN_LATE
};

static const struct chain_check {
    chain_check_fn *check;
    enum chain_when when;
} checks[] = {
    { chain_root, CHAIN_EARLY },      { chain_gap, CHAIN_EARLY },
    { chain_written, CHAIN_EARLY },   { chain_document, CHAIN_EARLY },
    { chain_signature, CHAIN_EARLY }, { chain_revoked, CHAIN_TIMED },
    { chain_window, CHAIN_TIMED },    { chain_depth, CHAIN_LATE },
    { chain_widened, CHAIN_LATE },
};

/* The first edge, from the root, that fails one check. */
static struct policy_flaw chain_first_edge(chain_check_fn *check,
                                           const struct registry_model *model,
                                           const struct policy_path *path, int64_t now)
{
    for (size_t at = 0; at < path->edge_count; at++) {
        struct policy_flaw flaw = { .edge = path->edges[at] };
        struct chain_edge edge = { model, path->edges[at], at == 0 ? NULL : path->edges[at - 1],
                                   now };
        flaw.code = check(&edge, &flaw);
        if (flaw.code != POLICY_FINE) {
            return flaw;
        }
    }
    return (struct policy_flaw){ .code = POLICY_FINE };
}

/* The first failure of a path: by check, then by edge. */
static struct policy_flaw chain_first(const struct registry_model *model,
                                      const struct policy_path *path, enum chain_when when,
                                      int64_t now)
{
    struct policy_flaw flaw = { .code = POLICY_FINE };
    for (size_t i = 0; flaw.code == POLICY_FINE && i < EP_ARRAY_LEN(checks); i++) {
        if (checks[i].when == when) {
            flaw = chain_first_edge(checks[i].check, model, path, now);
        }
    }
    return flaw;
}

/* ---- when the rules are compiled ----------------------------------------------------------- */

void chain_find_flaws(const struct registry_model *model, struct policy_path *path)
{
    path->early = chain_first(model, path, CHAIN_EARLY, 0);
    path->late = chain_first(model, path, CHAIN_LATE, 0);
}

int64_t chain_revoked_from(const struct registry_grant *grant)
{
    return grant->revoked_at == REGISTRY_TIME_NEVER || grant->runoff_until < grant->revoked_at
               ? grant->revoked_at
               : grant->runoff_until;
}

/* ---- the judge ----------------------------------------------------------------------------- */

static bool chain_closes(const struct policy_path *path, int64_t now)
{
    return path->early.code == POLICY_FINE && path->late.code == POLICY_FINE &&
           policy_in_window(path->from, path->until, now);
}

void chain_choose(struct judge *judge)
{
    uint64_t paths = judge->way->paths;
    judge->path = NULL;
    judge->path_closes = false;
    for (; paths != 0 && !judge->path_closes; paths &= paths - 1) {
        const struct policy_path *path =
            &judge->sale->pair->paths[(unsigned)__builtin_ctzll(paths)];
        judge->path_closes = chain_closes(path, judge->now);
        if (judge->path == NULL || judge->path_closes) {
            judge->path = path;
        }
    }
}

static struct policy_flaw chain_flaw(const struct judge *judge, const struct policy_path *path)
{
    if (path->early.code != POLICY_FINE) {
        return path->early;
    }
    struct policy_flaw flaw = chain_first(judge->facts->model, path, CHAIN_TIMED, judge->now);
    return flaw.code != POLICY_FINE ? flaw : path->late;
}

/* One reason of each path, by code. */
static void chain_list_flaws(struct judge *judge)
{
    struct policy_flaw flaws[POLICY_PATHS_MAX];
    size_t count = 0;
    for (uint64_t paths = judge->way->paths; paths != 0; paths &= paths - 1) {
        const struct policy_path *path =
            &judge->sale->pair->paths[(unsigned)__builtin_ctzll(paths)];
        struct policy_flaw flaw = chain_flaw(judge, path);
        ASSERT(flaw.code != POLICY_FINE);
        size_t at = count++;
        while (at > 0 && flaws[at - 1].code > flaw.code) {
            flaws[at] = flaws[at - 1];
            at--;
        }
        flaws[at] = flaw;
    }
    for (size_t i = 0; i < count; i++) {
        struct policy_reason reason = { .code = flaws[i].code,
                                        .what = flaws[i].what,
                                        .object = flaws[i].edge->id,
                                        .number = flaws[i].number };
        judge_refuse_with(judge, &reason);
    }
}

/* CHAIN 1-9: some path from the model's vendor to the seller holds in each of its edges. */
void chain_paths(struct judge *judge)
{
    if (judge->way->paths == 0) {
        judge_refuse_with(judge, &judge->way->none);
    } else if (!judge->path_closes) {
        chain_list_flaws(judge);
    }
}

/* CHAIN 10: an agreement of seller and client is in force. */
void chain_client_leg(struct judge *judge)
{
    if (judge->agreement == NULL) {
        judge_refuse(judge, judge->leg.what, judge->leg.object)->number = judge->leg.number;
    }
}
