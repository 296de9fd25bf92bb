/*
 * Registered ranges, sorted so that one binary search finds the narrowest.
 *
 * Ranges of one block form a group. Blocks lie in each other or apart. So of the groups in the
 * order of family, first address and width, the last that begins at or before an address is the
 * narrowest that may hold it, and all others that do are among those around that one: its parents.
 */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "policy/origin.h"

#define GROUP_NONE UINT32_MAX

struct range_group {
    struct ip_block block;
    uint32_t first; /* of its ranges, sorted by party and window */
    uint32_t count;
    uint32_t parent; /* the narrowest group around it, or GROUP_NONE */
};

struct origin_ranges {
    struct range_group *groups;
    uint32_t count;
    struct origin_range *ranges;
};

/* ---- building ---------------------------------------------------------------------------- */

static int block_order(const struct ip_block *a, const struct ip_block *b)
{
    bool four = ip_is_v4(&a->first);
    if (four != ip_is_v4(&b->first)) {
        return four ? -1 : 1;
    }
    int order = ip_cmp(&a->first, &b->first);
    return order != 0 ? order : (int)a->bits - (int)b->bits;
}

static int range_order(const void *left, const void *right)
{
    const struct origin_range *a = left;
    const struct origin_range *b = right;
    int order = block_order(&a->block, &b->block);
    order = order != 0 ? order : str_cmp(a->party, b->party);
    if (order != 0 || a->valid_from_ns == b->valid_from_ns) {
        return order;
    }
    return a->valid_from_ns < b->valid_from_ns ? -1 : 1;
}

static bool is_capital(char byte)
{
    return byte >= 'A' && byte <= 'Z';
}

/* What is wrong with it on its own, or NULL. */
static const char *range_fault(const struct origin_range *range)
{
    const struct ip_block *block = &range->block;
    struct ip plain = ip_plain(block->first);
    unsigned bits = ip_is_v4(&block->first) ? block->bits - IP_V4_BITS : block->bits;
    if (bits < ORIGIN_RANGE_BITS_MIN) {
        return "is wider than /8";
    }
    if (!ip_eq(&plain, &block->first)) {
        return "holds addresses that stand for IPv4 addresses, which are what is looked up";
    }
    if (!is_capital(range->country.code[0]) || !is_capital(range->country.code[1])) {
        return "has no country";
    }
    return range->valid_from_ns < range->valid_until_ns ? NULL : "is valid at no time";
}

static enum err range_refuse(const struct origin_range *range, const char *fault, struct fail *fail)
{
    char text[IP_BLOCK_TEXT_MAX];
    ip_block_print(&range->block, text);
    return FAIL(fail, ERR_REGISTRY_INVALID, "the range %s %s", text, fault);
}

static bool range_overlaps(const struct origin_range *before, const struct origin_range *range)
{
    return block_order(&before->block, &range->block) == 0 && str_eq(before->party, range->party) &&
           before->valid_until_ns > range->valid_from_ns;
}

/* Two of the given ranges are this one and overlap: the later of them is to be named. */
static size_t range_index(const struct origin_range *ranges, size_t count,
                          const struct origin_range *range)
{
    size_t found = 0;
    for (size_t i = 0; i < count; i++) {
        if (range_order(&ranges[i], range) == 0) {
            found = i;
        }
    }
    return found;
}

/* The narrowest group that covers `at`: the one before it, or one of that one's parents. */
static uint32_t group_parent(const struct origin_ranges *made, uint32_t at)
{
    uint32_t parent = at == 0 ? GROUP_NONE : at - 1;
    while (parent != GROUP_NONE &&
           !ip_block_covers(&made->groups[parent].block, &made->groups[at].block)) {
        parent = made->groups[parent].parent;
    }
    return parent;
}

static void ranges_group(struct origin_ranges *made, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct ip_block *block = &made->ranges[i].block;
        if (made->count == 0 || block_order(&made->groups[made->count - 1].block, block) != 0) {
            struct range_group *group = &made->groups[made->count];
            *group = (struct range_group){ .block = *block, .first = (uint32_t)i };
            group->parent = group_parent(made, made->count++);
        }
        made->groups[made->count - 1].count++;
    }
}

static enum err ranges_check(const struct origin_range *ranges, size_t count, size_t *ret_bad,
                             struct fail *fail)
{
    for (size_t i = 0; i < count; i++) {
        const char *fault = range_fault(&ranges[i]);
        if (fault != NULL) {
            *ret_bad = i;
            return range_refuse(&ranges[i], fault, fail);
        }
    }
    return ERR_OK;
}

static enum err ranges_fill(struct origin_ranges *made, const struct origin_range *ranges,
                            size_t count, size_t *ret_bad, struct fail *fail)
{
    made->groups = mem_alloc(count * sizeof(*made->groups));
    made->ranges = mem_alloc(count * sizeof(*made->ranges));
    if (made->groups == NULL || made->ranges == NULL) {
        return FAIL(fail, ERR_NO_MEMORY, "no memory for the registered ranges");
    }
    memcpy(made->ranges, ranges, count * sizeof(*ranges));
    qsort(made->ranges, count, sizeof(*made->ranges), range_order);
    for (size_t i = 1; i < count; i++) {
        if (range_overlaps(&made->ranges[i - 1], &made->ranges[i])) {
            *ret_bad = range_index(ranges, count, &made->ranges[i]);
            return range_refuse(&made->ranges[i], "is registered twice for the same time", fail);
        }
    }
    ranges_group(made, count);
    return ERR_OK;
}

enum err origin_ranges_create(const struct origin_range *ranges, size_t count,
                              struct origin_ranges **ret_ranges, size_t *ret_bad, struct fail *fail)
{
    size_t bad = 0;
    if (count > ORIGIN_RANGES_MAX) {
        return FAIL(fail, ERR_LIMIT, "more than %d ranges are registered", ORIGIN_RANGES_MAX);
    }
    struct origin_ranges *made = mem_zalloc(sizeof(*made));
    if (made == NULL) {
        return FAIL(fail, ERR_NO_MEMORY, "no memory for the registered ranges");
    }
    enum err err = ranges_check(ranges, count, &bad, fail);
    if (err == ERR_OK && count > 0) {
        err = ranges_fill(made, ranges, count, &bad, fail);
    }
    if (err == ERR_OK) {
        *ret_ranges = made;
        return ERR_OK;
    }
    origin_ranges_destroy(made);
    if (err == ERR_REGISTRY_INVALID && ret_bad != NULL) {
        *ret_bad = bad;
    }
    return err;
}

void origin_ranges_destroy(struct origin_ranges *ranges)
{
    if (ranges != NULL) {
        mem_free(ranges->groups);
        mem_free(ranges->ranges);
        mem_free(ranges);
    }
}

/* ---- looking up -------------------------------------------------------------------------- */

/* The last of `party` whose window has begun: windows of one party do not overlap. */
static const struct origin_range *group_find(const struct origin_ranges *ranges,
                                             const struct range_group *group, struct str party,
                                             int64_t now_ns)
{
    const struct origin_range *first = &ranges->ranges[group->first];
    uint32_t low = 0; /* ranges before it are of earlier parties, or of this one and have begun */
    uint32_t high = group->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        int order = str_cmp(first[middle].party, party);
        if (order < 0 || (order == 0 && first[middle].valid_from_ns <= now_ns)) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    if (low == 0) {
        return NULL;
    }
    const struct origin_range *found = &first[low - 1];
    return str_eq(found->party, party) && now_ns < found->valid_until_ns ? found : NULL;
}

static uint32_t group_at(const struct origin_ranges *ranges, const struct ip *ip)
{
    const struct ip_block exact = { .first = *ip, .bits = 128 };
    uint32_t low = 0; /* groups before it begin at or before the address */
    uint32_t high = ranges->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (block_order(&ranges->groups[middle].block, &exact) <= 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low == 0 ? GROUP_NONE : low - 1;
}

const struct origin_range *origin_ranges_find(const struct origin_ranges *ranges,
                                              const struct ip *ip, struct str party, int64_t now_ns)
{
    if (ranges == NULL || ranges->count == 0) {
        return NULL;
    }
    struct ip plain = ip_plain(*ip);
    for (uint32_t at = group_at(ranges, &plain); at != GROUP_NONE; at = ranges->groups[at].parent) {
        const struct range_group *group = &ranges->groups[at];
        if (!ip_block_holds(&group->block, &plain)) {
            continue;
        }
        const struct origin_range *found = group_find(ranges, group, party, now_ns);
        if (found == NULL && party.len > 0) {
            found = group_find(ranges, group, STR_EMPTY, now_ns);
        }
        if (found != NULL) {
            return found;
        }
    }
    return NULL;
}
