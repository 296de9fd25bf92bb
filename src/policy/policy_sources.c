#include "policy/policy_internal.h"
#include "wire/url.h"

/* ---- places -------------------------------------------------------------------------------- */

static country_t sources_country(const struct registry_route *route)
{
    struct str place = route->place;
    return country_from(place.len > 2 && place.ptr[2] == '/' ? str_slice(place, 0, 2) : place);
}

static enum err sources_place(struct policy *policy, country_t country,
                              struct policy_place *ret_place)
{
    const struct registry *registry = policy->registry;
    size_t count = 0;
    for (size_t i = 0; i < registry->lane_count; i++) {
        count += country_set_has(&registry->lanes[i].to, country);
    }
    const struct registry_lane **lanes = policy_alloc(policy, count, sizeof(void *));
    if (lanes == NULL) {
        return ERR_NO_MEMORY;
    }
    size_t at = 0;
    for (size_t i = 0; i < registry->lane_count; i++) {
        if (country_set_has(&registry->lanes[i].to, country)) {
            lanes[at++] = &registry->lanes[i];
        }
    }
    *ret_place = (struct policy_place){ country, lanes, count };
    return ERR_OK;
}

/* The places of all routes, once each; there are no more than countries. */
static enum err sources_places(struct policy *policy)
{
    const struct registry *registry = policy->registry;
    bool seen[COUNTRY_CODES + 1] = { false };
    for (size_t i = 0; i < registry->route_count; i++) {
        seen[sources_country(&registry->routes[i])] = true;
    }
    for (size_t i = 0; i <= COUNTRY_CODES; i++) {
        policy->place_count += seen[i];
    }
    policy->places = policy_alloc(policy, policy->place_count, sizeof(policy->places[0]));
    enum err err = policy->places == NULL ? ERR_NO_MEMORY : ERR_OK;
    struct policy_place *place = policy->places;
    for (size_t i = 0; err == ERR_OK && i <= COUNTRY_CODES; i++) {
        if (seen[i]) {
            err = sources_place(policy, (country_t)i, place++);
        }
    }
    return err;
}

static const struct policy_place *sources_find_place(const struct policy *policy, country_t country)
{
    const struct policy_place *place = policy->places;
    while (place->country != country) {
        place++;
        ASSERT(place < policy->places + policy->place_count);
    }
    return place;
}

/* ---- what a route is ----------------------------------------------------------------------- */

/* "api.x.example" itself, or "*.x.example": any host below x.example. */
static bool sources_host_matches(struct str host, struct str official)
{
    if (!str_starts(official, STR("*."))) {
        return str_eq_nocase(host, official);
    }
    struct str tail = str_from_at(official, 1);
    return host.len > tail.len && str_eq_nocase(str_from_at(host, host.len - tail.len), tail);
}

static bool sources_is_official(const struct registry_party *party, struct str host)
{
    for (size_t i = 0; i < party->official_host_count; i++) {
        if (sources_host_matches(host, party->official_hosts[i])) {
            return true;
        }
    }
    return false;
}

static void sources_touch(struct policy_source *source, const struct registry_party *party)
{
    for (size_t i = 0; i < source->touch_count; i++) {
        if (source->touch[i] == party) {
            return;
        }
    }
    if (party != NULL) {
        source->touch[source->touch_count++] = party;
    }
}

static enum err sources_parties(struct policy *policy, const struct registry_route *route,
                                struct policy_source *source)
{
    const struct registry_data_terms *terms = route->data_terms;
    size_t third = terms == NULL ? 0 : terms->third_party_count;
    source->touch = policy_alloc(policy, third + 3, sizeof(void *));
    if (source->touch == NULL) {
        return ERR_NO_MEMORY;
    }
    sources_touch(source, route->upstream_party);
    if (route->pool != NULL) {
        sources_touch(source, route->pool->operator);
        sources_touch(source, route->pool->zone == NULL ? NULL : route->pool->zone->operator);
    }
    for (size_t i = 0; i < third; i++) {
        sources_touch(source, terms->third_parties[i]);
    }
    return ERR_OK;
}

static enum err sources_route(struct policy *policy, size_t index)
{
    const struct registry_route *route = &policy->registry->routes[index];
    struct policy_source *source = &policy->sources[index];
    struct url url;
    source->place = sources_find_place(policy, sources_country(route));
    source->host = url_parse(route->endpoint, &url) ? url.host : STR_EMPTY;
    source->official = sources_is_official(route->upstream_party, source->host);
    return sources_parties(policy, route, source);
}

enum err policy_compile_sources(struct policy *policy)
{
    size_t count = policy->registry->route_count;
    enum err err = sources_places(policy);
    if (err != ERR_OK) {
        return err;
    }
    policy->sources = policy_alloc(policy, count, sizeof(policy->sources[0]));
    err = policy->sources == NULL ? ERR_NO_MEMORY : ERR_OK;
    for (size_t i = 0; err == ERR_OK && i < count; i++) {
        err = sources_route(policy, i);
    }
    return err;
}
