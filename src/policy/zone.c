/*
 * The rules of a special zone: overseas in, processed in the zone alone, back by the way it came.
 * Its exemption stands on its approval and on separation; what is not known to be overseas is not.
 */
#include "policy/judge_internal.h"

#define MAINLAND country_from(STR("CN"))

static const struct registry_zone *zone_of(const struct judge *judge)
{
    return judge->facts->product->zone;
}

/* ---- the whole call ------------------------------------------------------------------------ */

static bool zone_has_operator(const struct registry_approval *approval,
                              const struct registry_party *party)
{
    for (size_t i = 0; i < approval->operator_count; i++) {
        if (approval->operators[i] == party) {
            return true;
        }
    }
    return false;
}

/* Z1: a pilot, no general exemption: the approval runs, is on paper, and names who operates. */
void zone_approval(struct judge *judge)
{
    const struct registry_zone *zone = zone_of(judge);
    if (zone == NULL) {
        judge_refuse(judge, "none", STR_EMPTY);
        return;
    }
    const struct registry_approval *approval = &zone->approval;
    if (!policy_in_window(approval->valid_from, approval->valid_until, judge->now)) {
        judge_refuse(judge, "window", zone->id);
    }
    if (!judge_doc_fine(&approval->doc)) {
        judge_refuse(judge, "document", zone->id);
    }
    if (!zone_has_operator(approval, judge->facts->product->seller) &&
        !zone_has_operator(approval, zone->operator)) {
        judge_refuse(judge, "operator", zone->id);
    }
}

/* Z8: one thing that is shared with domestic systems opens the whole zone. */
void zone_separation(struct judge *judge)
{
    const struct registry_zone *zone = zone_of(judge);
    for (unsigned i = 0; i < REGISTRY_ITEM_COUNT; i++) {
        if (zone->separation[i] == REGISTRY_SEPARATION_SHARED) {
            judge_refuse(judge, policy_word_item((enum registry_separation_item)i), zone->id);
        }
    }
}

/* Z9: outputs are never readable by a domestic principal. */
void zone_backflow(struct judge *judge)
{
    const struct registry_zone *zone = zone_of(judge);
    for (size_t i = 0; i < zone->output_reader_count; i++) {
        const struct registry_party *reader = zone->output_readers[i];
        if (reader->jurisdiction == MAINLAND || reader->controlled_from == MAINLAND) {
            judge_refuse(judge, NULL, reader->id)->country = MAINLAND;
        }
    }
}

/* Z2: a call comes in on a listed international link. */
void zone_ingress(struct judge *judge)
{
    const struct registry_zone *zone = zone_of(judge);
    for (size_t i = 0; i < zone->ingress_link_count; i++) {
        if (str_eq(zone->ingress_links[i], judge->facts->ingress)) {
            return;
        }
    }
    judge_refuse(judge, NULL, judge->facts->ingress);
}

/* Z2: and from no mainland address, and is used in no mainland market. */
void zone_origin(struct judge *judge)
{
    if (judge->facts->origin.state == POLICY_ORIGIN_CN) {
        judge_refuse(judge, "origin", STR_EMPTY)->country = MAINLAND;
    }
    if (judge_has_market(judge, MAINLAND)) {
        judge_refuse(judge, "market", STR_EMPTY)->country = MAINLAND;
    }
}

/* Z2: an address that some database has in the mainland, or none knows, is overseas by registered
 * evidence alone. */
void zone_origin_unsure(struct judge *judge)
{
    const struct policy_origin *origin = &judge->facts->origin;
    if (!origin->registered && origin->state == POLICY_ORIGIN_UNSURE) {
        judge_refuse(judge, "unsure", STR_EMPTY);
    }
    if (!origin->registered && origin->state == POLICY_ORIGIN_UNKNOWN) {
        judge_refuse(judge, "unknown", STR_EMPTY);
    }
}

/* Z3: overseas users: neither the client nor those that it serves are in the mainland. */
void zone_user(struct judge *judge)
{
    if (judge->kyc == MAINLAND) {
        judge_refuse(judge, "kyc", STR_EMPTY)->country = MAINLAND;
    }
    if (judge_has_end_user(judge, MAINLAND)) {
        judge_refuse(judge, "end_user", STR_EMPTY)->country = MAINLAND;
    }
}

/* Z11: only markets that the zone may serve. */
void zone_market(struct judge *judge)
{
    const struct country_set *allowed = &zone_of(judge)->allowed_markets;
    for (size_t i = 0; i < judge->market_count; i++) {
        if (!country_set_has(allowed, judge->markets[i])) {
            struct policy_reason *reason = judge_refuse(judge, NULL, zone_of(judge)->id);
            reason->country = judge->markets[i];
            reason->within = allowed;
        }
    }
}

/* Z4: no mainland personal data in what is sent; what nobody scanned may hold some. */
void zone_personal(struct judge *judge)
{
    const struct policy_content *content = &judge->facts->content;
    if (!content->scanned) {
        judge_refuse(judge, "unscanned", STR_EMPTY);
    } else if (content->strong.len > 0 &&
               judge->facts->product->content_policy == REGISTRY_CONTENT_REFUSE_STRONG) {
        judge_refuse(judge, NULL, content->strong);
    }
}

/* Z4: nor important data. */
void zone_important(struct judge *judge)
{
    const struct policy_content *content = &judge->facts->content;
    if (content->scanned && content->marker.len > 0) {
        judge_refuse(judge, NULL, content->marker);
    }
}

/* Z7: an answer goes out on the connection that the request came in on, and nowhere else. */
void zone_return(struct judge *judge)
{
    if (judge->facts->has_callback) {
        judge_refuse(judge, NULL, STR_EMPTY);
    }
}

/* ---- each route ---------------------------------------------------------------------------- */

/* Z1: the pool is one that the approval names. */
void zone_pool_annex(struct judge *judge)
{
    const struct registry_approval *approval = &zone_of(judge)->approval;
    const struct registry_pool *pool = judge->route->pool;
    for (size_t i = 0; i < approval->pool_count; i++) {
        if (approval->pools[i] == pool) {
            return;
        }
    }
    judge_refuse(judge, "pool", pool == NULL ? STR_EMPTY : pool->id);
}

/* Z4: nothing domestic is introduced in processing: every source that is joined is overseas. */
void zone_sources(struct judge *judge)
{
    const struct registry_route *route = judge->route;
    for (size_t i = 0; i < route->attachment_count; i++) {
        if (route->attachments[i].tag != REGISTRY_TAG_OVERSEAS) {
            judge_refuse(judge, NULL, route->attachments[i].id);
        }
    }
}

/* Z5: a zone's calls are processed in it alone, and it processes no others. */
void zone_pool(struct judge *judge)
{
    const struct registry_pool *pool = judge->route->pool;
    const struct registry_zone *zone = pool == NULL ? NULL : pool->zone;
    bool is_zone = judge->facts->product->mode == REGISTRY_MODE_ZONE;
    if (zone != (is_zone ? zone_of(judge) : NULL)) {
        judge_refuse(judge, NULL, pool == NULL ? STR_EMPTY : pool->id);
    }
}

/* Z6: pure technical processing: nothing stays longer than the zone allows. */
void zone_retention(struct judge *judge)
{
    const struct registry_data_terms *terms = judge->route->data_terms;
    uint64_t most = zone_of(judge)->retention_max_s;
    if (terms == NULL || terms->retention_days == REGISTRY_RETENTION_UNKNOWN) {
        judge_refuse(judge, "unknown", STR_EMPTY)->number = most;
    } else if (terms->retention_days > most / 86400) {
        judge_refuse(judge, "seconds", terms->id)->number = most;
    }
}

/* Z6: and nothing is done with it but serving the call. */
void zone_purpose(struct judge *judge)
{
    const struct registry_data_terms *terms = judge->route->data_terms;
    if (terms != NULL && terms->training != REGISTRY_ANSWER_NO) {
        judge_refuse(judge, "training", terms->id);
    }
    if (terms != NULL && terms->analytics) {
        judge_refuse(judge, "analytics", terms->id);
    }
}
