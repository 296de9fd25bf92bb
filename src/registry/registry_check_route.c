#include <stdlib.h>

#include "registry/registry_check_internal.h"
#include "wire/url.h"

/* Credentials: whose account, from which contract; routes: whose host, and what lies on them. */

/* ---- credentials --------------------------------------------------------------------------- */

static void registry_check_holder(struct registry_load *load, const struct yaml_node *node,
                                  const struct registry_credential *credential)
{
    const struct registry_party *holder = credential->account_holder;
    const struct registry_party *upstream = credential->upstream_party;
    const struct registry_grant *grant = credential->grant;
    if (grant != NULL && grant->grantee != NULL &&
        (grant->grantee != holder ||
         (grant->grantor != upstream && upstream->kind != REGISTRY_PARTY_COMPUTE_CENTER))) {
        registry_fault(load, REGISTRY_RULE_CREDENTIAL_GRANT, registry_place_of(node, STR("grant")),
                       "credential \"" STR_FMT "\" of \"" STR_FMT "\" at \"" STR_FMT
                       "\" does not come from grant \"" STR_FMT "\"",
                       STR_ARG(credential->id), STR_ARG(holder->id), STR_ARG(upstream->id),
                       STR_ARG(grant->id));
    }
    const struct registry_procurement *procurement = credential->procurement;
    if (procurement != NULL && procurement->buyer != NULL &&
        (procurement->buyer != holder || procurement->upstream_party != upstream)) {
        registry_fault(load, REGISTRY_RULE_CREDENTIAL_PROCUREMENT,
                       registry_place_of(node, STR("procurement")),
                       "credential \"" STR_FMT "\" of \"" STR_FMT "\" at \"" STR_FMT
                       "\" is not bought under \"" STR_FMT "\"",
                       STR_ARG(credential->id), STR_ARG(holder->id), STR_ARG(upstream->id),
                       STR_ARG(procurement->id));
    }
}

/* Which parties sell something, by their place. NULL: no memory. */
static const bool *registry_sellers(struct registry_load *load)
{
    const struct registry_set *products = &load->sets[REGISTRY_KIND_PRODUCT];
    const struct registry_product *product = (const void *)products->objects;
    const struct registry_party *parties = (const void *)load->sets[REGISTRY_KIND_PARTY].objects;
    bool *sells = registry_alloc(load, load->sets[REGISTRY_KIND_PARTY].count, sizeof(*sells));
    for (size_t i = 0; sells != NULL && i < products->count; i++) {
        if (product[i].seller != NULL) {
            sells[product[i].seller - parties] = true;
        }
    }
    return sells;
}

static void registry_check_keys(struct registry_load *load, const struct yaml_node *node,
                                const struct registry_credential *credential, size_t *used)
{
    const struct registry_procurement *procurement = credential->procurement;
    const struct registry_procurement *first =
        (const void *)load->sets[REGISTRY_KIND_PROCUREMENT].objects;
    if (procurement != NULL && procurement->keys_max > 0 &&
        ++used[procurement - first] == procurement->keys_max + 1) {
        registry_fault(load, REGISTRY_RULE_CREDENTIAL_POOL,
                       registry_place_of(node, STR("procurement")),
                       "credential \"" STR_FMT "\" is one more than the %llu of \"" STR_FMT "\"",
                       STR_ARG(credential->id), (unsigned long long)procurement->keys_max,
                       STR_ARG(procurement->id));
    }
}

static void registry_check_credentials(struct registry_load *load)
{
    const struct registry_set *set = registry_open_set(load, REGISTRY_KIND_CREDENTIAL);
    const struct registry_credential *credential = (const void *)set->objects;
    const struct registry_party *parties = (const void *)load->sets[REGISTRY_KIND_PARTY].objects;
    const bool *sells = registry_sellers(load);
    size_t *used = registry_alloc(load, load->sets[REGISTRY_KIND_PROCUREMENT].count, sizeof(*used));
    for (size_t i = 0; sells != NULL && used != NULL && i < set->count; i++) {
        const struct registry_party *holder = credential[i].account_holder;
        const struct yaml_node *node = set->items[i].node;
        if (set->items[i].broken) {
            continue;
        }
        /* Where nothing is sold at all there is nobody to hold it for yet. */
        if (!sells[holder - parties] && load->sets[REGISTRY_KIND_PRODUCT].count > 0) {
            registry_fault(load, REGISTRY_RULE_CREDENTIAL_HOLDER,
                           registry_place_of(node, STR("account_holder")),
                           "the account of credential \"" STR_FMT "\" is held by \"" STR_FMT
                           "\", who sells no product",
                           STR_ARG(credential[i].id), STR_ARG(holder->id));
        }
        registry_check_holder(load, node, &credential[i]);
        registry_check_keys(load, node, &credential[i], used);
    }
}

/* ---- routes -------------------------------------------------------------------------------- */

/* "*.x.example" takes what is below x.example, and not it. */
static bool registry_host_is(struct str host, struct str pattern)
{
    if (!str_starts(pattern, STR("*."))) {
        return str_eq_nocase(host, pattern);
    }
    struct str end = str_from_at(pattern, 1);
    return host.len > end.len && str_eq_nocase(str_from_at(host, host.len - end.len), end);
}

static void registry_check_endpoint(struct registry_load *load, const struct yaml_node *node,
                                    const struct registry_route *route, struct str host)
{
    const struct registry_party *party = route->upstream_party;
    bool official = false;
    for (size_t i = 0; i < party->official_host_count && !official; i++) {
        official = registry_host_is(host, party->official_hosts[i]);
    }
    if (!official) {
        registry_fault(
            load, REGISTRY_RULE_ENDPOINT_UNOFFICIAL, registry_place_of(node, STR("endpoint")),
            "route \"" STR_FMT "\" calls " STR_FMT ", which is no host of \"" STR_FMT "\"",
            STR_ARG(route->id), STR_ARG(host), STR_ARG(party->id));
    }
}

static void registry_check_place(struct registry_load *load, const struct yaml_node *node,
                                 const struct registry_route *route)
{
    const struct registry_pool *pool = route->pool;
    if (pool == NULL) {
        return;
    }
    if (pool->place.len >= 2 &&
        !str_eq(str_slice(pool->place, 0, 2), str_slice(route->place, 0, 2))) {
        registry_fault(
            load, REGISTRY_RULE_REG_BAD_VALUE, registry_place_of(node, STR("place")),
            "route \"" STR_FMT "\" is in " STR_FMT ", its pool \"" STR_FMT "\" in " STR_FMT,
            STR_ARG(route->id), STR_ARG(route->place), STR_ARG(pool->id), STR_ARG(pool->place));
    }
    for (size_t i = 0; i < route->attachment_count && pool->zone != NULL; i++) {
        const struct registry_attachment *attachment = &route->attachments[i];
        if (attachment->tag != REGISTRY_TAG_OVERSEAS) {
            registry_fault(
                load, REGISTRY_RULE_ZONE_MIX_SOURCE, registry_place_of(node, STR("attachments")),
                "route \"" STR_FMT "\" brings \"" STR_FMT "\" into zone \"" STR_FMT
                "\", which is %s",
                STR_ARG(route->id), STR_ARG(attachment->id), STR_ARG(pool->zone->id),
                attachment->tag == REGISTRY_TAG_DOMESTIC ? "domestic" : "not known to be overseas");
        }
    }
}

/* A route with its host, to find those that lead to one place. */
struct registry_lead {
    const struct registry_route *route;
    struct str host;
    size_t item;
};

static int registry_host_order(struct str a, struct str b)
{
    size_t len = a.len < b.len ? a.len : b.len;
    for (size_t i = 0; i < len; i++) {
        int left = a.ptr[i] >= 'A' && a.ptr[i] <= 'Z' ? a.ptr[i] - 'A' + 'a' : a.ptr[i];
        int right = b.ptr[i] >= 'A' && b.ptr[i] <= 'Z' ? b.ptr[i] - 'A' + 'a' : b.ptr[i];
        if (left != right) {
            return left < right ? -1 : 1;
        }
    }
    return (a.len > b.len) - (a.len < b.len);
}

static int registry_lead_place(const struct registry_lead *a, const struct registry_lead *b)
{
    const struct registry_route *left = a->route;
    const struct registry_route *right = b->route;
    if (left->upstream_party != right->upstream_party) {
        return left->upstream_party < right->upstream_party ? -1 : 1;
    }
    if (left->model != right->model) {
        return left->model < right->model ? -1 : 1;
    }
    return registry_host_order(a->host, b->host);
}

static int registry_lead_order(const void *left, const void *right)
{
    const struct registry_lead *a = left;
    const struct registry_lead *b = right;
    int order = registry_lead_place(a, b);
    return order != 0 ? order : (a->item > b->item) - (a->item < b->item);
}

/* Behind routes of one upstream, model and host is one holder: several are a pool of accounts. */
static void registry_check_leads(struct registry_load *load, const struct registry_set *set,
                                 struct registry_lead *leads, size_t count)
{
    size_t first = 0;
    qsort(leads, count, sizeof(*leads), registry_lead_order);
    for (size_t i = 1; i < count; i++) {
        first = registry_lead_place(&leads[first], &leads[i]) == 0 ? first : i;
        const struct registry_credential *one = leads[first].route->credential;
        const struct registry_credential *other = leads[i].route->credential;
        if (one->account_holder != other->account_holder) {
            registry_fault(load, REGISTRY_RULE_CREDENTIAL_POOL,
                           registry_place_of(set->items[leads[i].item].node, STR("credential")),
                           "route \"" STR_FMT "\" uses the account of \"" STR_FMT
                           "\", route \"" STR_FMT "\" to the same place that of \"" STR_FMT "\"",
                           STR_ARG(leads[i].route->id), STR_ARG(other->account_holder->id),
                           STR_ARG(leads[first].route->id), STR_ARG(one->account_holder->id));
        }
    }
}

void registry_check_routes(struct registry_load *load)
{
    registry_check_credentials(load);
    const struct registry_set *set = registry_open_set(load, REGISTRY_KIND_ROUTE);
    const struct registry_route *route = (const void *)set->objects;
    struct registry_lead *leads = registry_alloc(load, set->count, sizeof(*leads));
    size_t count = 0;
    for (size_t i = 0; leads != NULL && i < set->count; i++) {
        struct url url;
        if (set->items[i].broken || !url_parse(route[i].endpoint, &url)) {
            continue;
        }
        registry_check_endpoint(load, set->items[i].node, &route[i], url.host);
        registry_check_place(load, set->items[i].node, &route[i]);
        if (route[i].credential->account_holder != NULL) {
            leads[count++] =
                (struct registry_lead){ .route = &route[i], .host = url.host, .item = i };
        }
    }
    if (leads != NULL && count > 0) {
        registry_check_leads(load, set, leads, count);
    }
}
