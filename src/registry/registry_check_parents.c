#include <stdlib.h>

#include "registry/registry_check_internal.h"

/*
 * A party has a right from one place. Two grants contradict each other when they have the same
 * grantor and grantee, a model in common (by its id, by a family, or by one in the family that the
 * other names), an instant in common, and rest on different parents. A grant that is revoked ends
 * then, or with its run-off. A renewal under the same parent is none, nor is one that begins when
 * the other ends.
 *
 * What each grant gives is sorted by giver, taker, model and time; beside each row stand the one
 * that ends last of all before it, and the one that ends last of those with another parent. What
 * begins before both have ended contradicts one of them.
 */

struct registry_given {
    const struct registry_grant *grant;
    const struct registry_model *model; /* NULL: a family */
    struct str family;
    size_t item;
    int64_t from;
    int64_t until;
    const struct registry_given *last;  /* at or before this row, of the same thing */
    const struct registry_given *other; /* the last of those with another parent than it */
};

static bool registry_same_parent(const struct registry_grant *a, const struct registry_grant *b)
{
    return a->parent_kind == b->parent_kind && str_eq(a->parent_id, b->parent_id);
}

static int registry_pointer_order(const void *a, const void *b)
{
    return ((const char *)a > (const char *)b) - ((const char *)a < (const char *)b);
}

/* Of what is given, from whom and to whom. */
static int registry_thing_order(const struct registry_given *a, const struct registry_given *b)
{
    int order = registry_pointer_order(a->grant->grantor, b->grant->grantor);
    order = order != 0 ? order : registry_pointer_order(a->grant->grantee, b->grant->grantee);
    order = order != 0 ? order : registry_pointer_order(a->model, b->model);
    return order != 0 || a->model != NULL ? order : str_cmp(a->family, b->family);
}

static int registry_given_order(const void *left, const void *right)
{
    const struct registry_given *a = left;
    const struct registry_given *b = right;
    int order = registry_thing_order(a, b);
    if (order != 0) {
        return order;
    }
    if (a->from != b->from) {
        return a->from < b->from ? -1 : 1;
    }
    return registry_pointer_order(a->grant, b->grant);
}

static int64_t registry_given_until(const struct registry_grant *grant)
{
    int64_t end = grant->revoked_at > grant->runoff_until ? grant->revoked_at : grant->runoff_until;
    bool ends = grant->revoked_at != REGISTRY_TIME_NEVER && end < grant->valid_until;
    return ends ? end : grant->valid_until;
}

/* Adds a row for each thing that a grant gives, and returns what is behind them. */
static struct registry_given *registry_give(const struct registry_grant *grant, size_t item,
                                            struct registry_given *rows)
{
    int64_t until = registry_given_until(grant);
    for (size_t i = 0; i < grant->model_count && grant->valid_from < until; i++) {
        *rows++ = (struct registry_given){
            .grant = grant,
            .model = grant->models[i].model,
            .family = grant->models[i].family,
            .item = item,
            .from = grant->valid_from,
            .until = until,
        };
    }
    return rows;
}

static void registry_given_clash(struct registry_load *load, const struct registry_set *set,
                                 const struct registry_given *given,
                                 const struct registry_given *before)
{
    /* The later in the file is told: the earlier stood there first. */
    const struct registry_given *late = given;
    const struct registry_given *early = before;
    if (set->items[before->item].node->place.line > set->items[given->item].node->place.line) {
        late = before;
        early = given;
    }
    registry_fault(load, REGISTRY_RULE_CHAIN_TWO_PARENTS,
                   registry_place_of(set->items[late->item].node, STR("parent")),
                   "grants \"" STR_FMT "\" and \"" STR_FMT "\" give %s \"" STR_FMT
                   "\" to \"" STR_FMT "\" in the same time, and rest on different parents",
                   STR_ARG(late->grant->id), STR_ARG(early->grant->id),
                   given->model != NULL ? "model" : "family",
                   STR_ARG(given->model != NULL ? given->model->id : given->family),
                   STR_ARG(late->grant->grantee->id));
}

/* The one of a row's two that the given contradicts, or NULL. */
static const struct registry_given *registry_given_against(const struct registry_given *given,
                                                           const struct registry_given *row)
{
    const struct registry_given *against =
        !registry_same_parent(row->last->grant, given->grant) ? row->last : row->other;
    return against != NULL && against->until > given->from ? against : NULL;
}

/* Fills what stands beside a row, from the row before of the same thing, if any. */
static void registry_given_follow(struct registry_given *row, const struct registry_given *before)
{
    row->last = row;
    if (before == NULL) {
        return;
    }
    const struct registry_given *last = before->last;
    bool same = registry_same_parent(last->grant, row->grant);
    if (row->until > last->until) {
        row->other = same ? before->other : last;
    } else {
        row->last = last;
        bool better = !same && (before->other == NULL || row->until > before->other->until);
        row->other = better ? row : before->other;
    }
}

/* The last row of the family that begins before the model's ends; NULL: there is none. */
static const struct registry_given *registry_given_family(const struct registry_given *rows,
                                                          size_t count,
                                                          const struct registry_given *given)
{
    struct registry_given key = *given;
    key.model = NULL;
    key.family = given->model->family;
    size_t low = 0;
    size_t high = count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = registry_thing_order(&rows[middle], &key);
        if (order < 0 || (order == 0 && rows[middle].from < given->until)) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low > 0 && registry_thing_order(&rows[low - 1], &key) == 0 ? &rows[low - 1] : NULL;
}

static void registry_given_check(struct registry_load *load, const struct registry_set *set,
                                 struct registry_given *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct registry_given *before =
            i > 0 && registry_thing_order(&rows[i - 1], &rows[i]) == 0 ? &rows[i - 1] : NULL;
        const struct registry_given *against =
            before != NULL ? registry_given_against(&rows[i], before) : NULL;
        if (against != NULL) {
            registry_given_clash(load, set, &rows[i], against);
        }
        registry_given_follow(&rows[i], before);
    }
    for (size_t i = 0; i < count; i++) {
        bool member = rows[i].model != NULL && rows[i].model->family.len > 0;
        const struct registry_given *family =
            member ? registry_given_family(rows, count, &rows[i]) : NULL;
        const struct registry_given *against =
            family != NULL ? registry_given_against(&rows[i], family) : NULL;
        if (against != NULL) {
            registry_given_clash(load, set, &rows[i], against);
        }
    }
}

void registry_check_parents(struct registry_load *load)
{
    const struct registry_set *set = registry_open_set(load, REGISTRY_KIND_GRANT);
    const struct registry_grant *grant = (const void *)set->objects;
    size_t count = 0;
    for (size_t i = 0; i < set->count; i++) {
        count += grant[i].model_count;
    }
    struct registry_given *rows = registry_alloc(load, count, sizeof(*rows));
    struct registry_given *end = rows;
    for (size_t i = 0; rows != NULL && i < set->count; i++) {
        if (grant[i].grantor != NULL && grant[i].grantee != NULL && !set->items[i].broken) {
            end = registry_give(&grant[i], i, end);
        }
    }
    if (rows != NULL && end > rows) {
        qsort(rows, (size_t)(end - rows), sizeof(*rows), registry_given_order);
        registry_given_check(load, set, rows, (size_t)(end - rows));
    }
}
