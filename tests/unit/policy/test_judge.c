#include "law_fixture.h"

#include "base/mem.h"

/*
 * Each code of the table refuses in one way at least, and in a way that is as near to it as can be
 * does not. A case changes the registry or the facts of a call that is admitted; `near` too leaves
 * an admitted one.
 */
struct law_case {
    enum policy_code code;
    const char *says; /* the first reason with that code, in words */
    void (*refuse)(struct law *law);
    void (*near)(struct law *law);
    enum err told;
};

#define CHANGE(name) static void name(struct law *law)

/* ---- reverse ------------------------------------------------------------------------------- */

CHANGE(foreign_model_for_kyc_cn)
{
    law->facts.client = &law->parties[C_9];
    law->facts.model = &law->models[M_XRAY];
}
CHANGE(foreign_model_that_is_filed)
{
    foreign_model_for_kyc_cn(law);
    law->qualification.type = REGISTRY_QUALIFICATION_GENAI_FILING;
    law->qualification.region = law_set("CN");
    law->products[PRODUCT_AGG].markets = law_regions("CN SG", "");
    for (size_t i = 0; i < LAW_GRANTS; i++) {
        law->grants[i].regions = law_regions("WORLD CN", "");
    }
    law->agreements[A_9].regions = law_regions("WORLD CN", "");
}
CHANGE(home_model_for_kyc_cn)
{
    law->facts.client = &law->parties[C_9];
}
CHANGE(home_model_where_the_product_is_offered)
{
    foreign_model_that_is_filed(law);
    law->facts.model = &law->models[M_ALPHA];
}
CHANGE(foreign_model_from_the_mainland)
{
    law->facts.model = &law->models[M_XRAY];
    law->facts.origin.state = POLICY_ORIGIN_UNSURE;
}
CHANGE(foreign_model_from_a_registered_range)
{
    foreign_model_from_the_mainland(law);
    law->facts.origin.registered = true;
}
CHANGE(held_as_a_reseller)
{
    law->facts.review = POLICY_REVIEW_RESALE;
}
CHANGE(held_for_its_origin)
{
    law->facts.review = POLICY_REVIEW_ORIGIN;
}
CHANGE(nothing)
{
    (void)law;
}

/* ---- zone ---------------------------------------------------------------------------------- */

CHANGE(approval_over)
{
    law_toy(law);
    law->zone.approval.valid_until = law->facts.now;
}
CHANGE(approval_just_not_over)
{
    law_toy(law);
    law->zone.approval.valid_until = law->facts.now + 1;
}
CHANGE(logs_shared)
{
    law_toy(law);
    law->zone.separation[REGISTRY_ITEM_LOGS] = REGISTRY_SEPARATION_SHARED;
}
CHANGE(logs_apart_logically)
{
    law_toy(law);
    law->zone.separation[REGISTRY_ITEM_LOGS] = REGISTRY_SEPARATION_LOGICAL;
}
CHANGE(reader_controlled_from_the_mainland)
{
    law_toy(law);
    law->parties[C_1].controlled_from = law_country("CN");
}
CHANGE(reader_controlled_from_hong_kong)
{
    law_toy(law);
    law->parties[C_1].controlled_from = law_country("HK");
}
CHANGE(another_link)
{
    law_toy(law);
    law->facts.ingress = STR("cable-2");
}
CHANGE(the_second_link)
{
    another_link(law);
    law->links[0] = STR("cable-2");
}
CHANGE(toy_in_shenzhen)
{
    law_toy(law);
    law->facts.origin.state = POLICY_ORIGIN_CN;
}
CHANGE(toy_at_home)
{
    law_toy(law);
}
CHANGE(toy_on_a_cloud)
{
    law_toy(law);
    law->facts.origin.state = POLICY_ORIGIN_UNSURE;
}
CHANGE(toy_on_a_registered_cloud)
{
    toy_on_a_cloud(law);
    law->facts.origin.registered = true;
}
CHANGE(users_in_the_mainland)
{
    law_toy(law);
    law->end_users[0] = law_country("CN");
    law->parties[C_TOY].end_users = law->end_users;
    law->parties[C_TOY].end_user_count = 1;
    /* Else the reverse rules speak first. */
    law->products[PRODUCT_TOY].markets = law_regions("WORLD CN", "");
}
CHANGE(users_in_malaysia)
{
    users_in_the_mainland(law);
    law->end_users[0] = law_country("MY");
}
CHANGE(toy_sold_in_japan)
{
    law_toy(law);
    law->facts.market = law_country("JP");
}
CHANGE(toy_sold_in_malaysia)
{
    law_toy(law);
    law->facts.market = law_country("MY");
    law->facts.origin.countries[0] = law_country("MY");
}
CHANGE(resident_id)
{
    law_toy(law);
    law->facts.content.strong = STR("cn_resident_id");
}
CHANGE(resident_id_where_it_is_flagged)
{
    resident_id(law);
    law->products[PRODUCT_TOY].content_policy = REGISTRY_CONTENT_FLAG;
}
CHANGE(important_data)
{
    law_toy(law);
    law->facts.content.marker = STR("map_survey");
}
CHANGE(callback)
{
    law_toy(law);
    law->facts.has_callback = true;
}
CHANGE(callback_of_no_zone)
{
    law->facts.has_callback = true;
}

/* ---- chain --------------------------------------------------------------------------------- */

/* m-beta alone has one route and one chain. */
CHANGE(beta)
{
    law->facts.model = &law->models[M_BETA];
}
CHANGE(root_of_another)
{
    beta(law);
    law->grants[G_B_CHAN].grantor = &law->parties[P_A];
}
CHANGE(root_by_licence)
{
    beta(law);
    law->grants[G_B_CHAN].parent_kind = REGISTRY_PARENT_LICENCE;
    law->grants[G_B_CHAN].evidence_class = REGISTRY_EVIDENCE_WRITTEN_UNSIGNED;
    law->grants[G_B_CHAN].doc.kind = REGISTRY_DOC_LICENCE;
    law->models[M_BETA].weights = REGISTRY_WEIGHTS_OPEN;
    law->models[M_BETA].licence.commercial = true;
}
CHANGE(licence_for_research)
{
    root_by_licence(law);
    law->models[M_BETA].licence.commercial = false;
}
CHANGE(torn)
{
    beta(law);
    law->grants[G_B_CHAN].grantee = &law->parties[P_CLOUD];
}
CHANGE(chat_message)
{
    beta(law);
    law->grants[G_CHAN_P].evidence_class = REGISTRY_EVIDENCE_VERBAL;
}
CHANGE(document_lost)
{
    beta(law);
    law->grants[G_CHAN_P].doc.state = REGISTRY_DOC_MISSING;
}
CHANGE(document_edited)
{
    beta(law);
    law->grants[G_CHAN_P].doc.state = REGISTRY_DOC_CHANGED;
}
CHANGE(signature_of_nobody)
{
    beta(law);
    law->grants[G_B_CHAN].signature.fine = false;
}
CHANGE(revoked)
{
    beta(law);
    law->grants[G_CHAN_P].revoked_at = law->facts.now - 90 * LAW_S;
}
CHANGE(revoked_with_a_run_off)
{
    revoked(law);
    law->grants[G_CHAN_P].runoff_until = law->facts.now + 1;
}
CHANGE(begins_in_a_minute)
{
    beta(law);
    law->grants[G_B_CHAN].valid_from = law->facts.now + 60 * LAW_S;
}
CHANGE(begins_now)
{
    beta(law);
    law->grants[G_B_CHAN].valid_from = law->facts.now;
    law->grants[G_CHAN_P].valid_from = law->facts.now;
}
CHANGE(ends_now)
{
    beta(law);
    law->grants[G_CHAN_P].valid_until = law->facts.now;
}
CHANGE(ends_in_an_instant)
{
    beta(law);
    law->grants[G_CHAN_P].valid_until = law->facts.now + 1;
}
CHANGE(as_deep_as_above)
{
    beta(law);
    law->grants[G_B_CHAN].sublicense_depth = 0;
}
CHANGE(deep_enough)
{
    beta(law);
    law->grants[G_B_CHAN].sublicense_depth = 2;
    law->grants[G_CHAN_P].sublicense_depth = 1;
}
CHANGE(world_from_four)
{
    beta(law);
    law->grants[G_CHAN_P].regions = law_regions("WORLD", "");
}
CHANGE(one_from_four)
{
    beta(law);
    law->grants[G_CHAN_P].regions = law_regions("SG", "");
}
CHANGE(no_agreement)
{
    beta(law);
    law->agreements[A_1].revoked_at = law->facts.now;
}
CHANGE(agreement_in_an_instant)
{
    beta(law);
    law->agreements[A_1].revoked_at = law->facts.now + 1;
}

/* ---- scope --------------------------------------------------------------------------------- */

CHANGE(no_resale)
{
    beta(law);
    law->grants[G_CHAN_P].actions &= ~LAW_BIT(ACTION_RESELL);
}
CHANGE(no_aggregate_of_one_vendor)
{
    beta(law);
    law->grants[G_CHAN_P].actions &= ~LAW_BIT(ACTION_AGGREGATE);
    law->products[PRODUCT_AGG].models = &law->sold[1];
    law->products[PRODUCT_AGG].model_count = 1;
}
CHANGE(client_of_malaysia)
{
    beta(law);
    law->parties[C_1].billing_country = law_country("MY");
}
CHANGE(client_of_brazil)
{
    beta(law);
    law->parties[C_1].billing_country = law_country("BR");
}
CHANGE(consumer)
{
    beta(law);
    law->parties[C_1].client_type = 1 + REGISTRY_CLIENT_CONSUMER;
}
CHANGE(developer)
{
    beta(law);
    law->parties[C_1].client_type = 1 + REGISTRY_CLIENT_DEVELOPER;
}
CHANGE(alias_without_leave)
{
    beta(law);
    law->alias = (struct registry_alias){ STR("house"), &law->models[M_BETA] };
    law->products[PRODUCT_AGG].aliases = &law->alias;
    law->products[PRODUCT_AGG].alias_count = 1;
    law->grants[G_B_CHAN].actions |= LAW_BIT(ACTION_WHITE_LABEL);
    law->grants[G_CHAN_P].actions |= LAW_BIT(ACTION_WHITE_LABEL);
}
CHANGE(alias_with_leave)
{
    alias_without_leave(law);
    law->brands[0] = STR("Entrepot");
    law->grants[G_B_CHAN].brand_terms.may_rename = true;
    law->grants[G_CHAN_P].brand_terms.may_rename = true;
    law->grants[G_CHAN_P].brand_terms.brands = law->brands;
    law->grants[G_CHAN_P].brand_terms.brand_count = 1;
}
CHANGE(owned_from_an_excluded_place)
{
    beta(law);
    law->grants[G_B_CHAN].exclude_owned_from = law_set("CN RU");
    law->parties[C_1].controlled_from = law_country("RU");
}
CHANGE(owned_from_elsewhere)
{
    owned_from_an_excluded_place(law);
    law->parties[C_1].controlled_from = law_country("JP");
}
CHANGE(quota_used_up)
{
    beta(law);
    law->grants[G_B_CHAN].quota.tokens = 1000;
    law->grant_tokens[G_B_CHAN] = 1000;
}
CHANGE(quota_nearly_used_up)
{
    quota_used_up(law);
    law->grant_tokens[G_B_CHAN] = 999;
}
CHANGE(client_sells_in_japan)
{
    law->facts.model = &law->models[M_XRAY];
    law->markets[A_1][0] = law_country("JP");
    law->lanes[1].from = law_set("WORLD");
}
CHANGE(client_sells_in_korea)
{
    client_sells_in_japan(law);
    law->markets[A_1][0] = law_country("KR");
}

/* ---- data ---------------------------------------------------------------------------------- */

CHANGE(dpa_unsigned)
{
    law->terms[T_CLIENT].dpa.signed_by_both = false;
}
CHANGE(dpa_of_the_version_before)
{
    law->products[PRODUCT_AGG].dpa =
        (struct registry_product_dpa){ STR("v4"), STR("v3"), law->facts.now };
}
CHANGE(dpa_of_the_version_before_in_grace)
{
    dpa_of_the_version_before(law);
    law->products[PRODUCT_AGG].dpa.grace_until = law->facts.now + 1;
}
CHANGE(upstream_terms_not_recorded)
{
    beta(law);
    law->routes[R_S3].data_terms = NULL;
}
CHANGE(kept_longer)
{
    law->terms[T_UP].retention_days = 31;
    law->terms[T_CLIENT].retention_days = 30;
}
CHANGE(kept_as_long)
{
    law->terms[T_UP].retention_days = 30;
    law->terms[T_CLIENT].retention_days = 30;
}
CHANGE(trains)
{
    law->terms[T_UP].training = REGISTRY_ANSWER_OPT_IN;
}
CHANGE(trains_with_leave)
{
    trains(law);
    law->terms[T_CLIENT].training = REGISTRY_ANSWER_OPT_IN;
}
CHANGE(objected)
{
    beta(law);
    law->objection =
        (struct registry_objection){ &law->parties[C_1], &law->parties[P_CHAN], law->facts.now };
    law->lists[0].objections = &law->objection;
    law->lists[0].objection_count = 1;
}
CHANGE(objected_by_another)
{
    objected(law);
    law->objection.client = &law->parties[C_2];
}
CHANGE(announced)
{
    beta(law);
    law->lists[0].entry_count = 2; /* the vendors: the channel comes later */
}
CHANGE(in_force_now)
{
    announced(law);
    law->lists[1].effective_at = law->facts.now;
}
CHANGE(place_not_allowed)
{
    law->terms[T_CLIENT].locations = law_set("MY");
}
CHANGE(place_among_others)
{
    law->terms[T_CLIENT].locations = law_set("MY SG");
}
CHANGE(transfer_without_basis)
{
    law_toy(law);
    law->transfers[0].valid_until = law->facts.now;
}
CHANGE(transfer_with_a_basis)
{
    law_toy(law);
    law->transfers[0].valid_until = law->facts.now + 1;
}
CHANGE(no_consent)
{
    law_toy(law);
    law->facts.consent_ref = STR_EMPTY;
}
CHANGE(us_person_in_china)
{
    law_toy(law);
    law->parties[C_TOY].billing_country = law_country("US");
    law->grants[G_V].regions = law_regions("WORLD", "");
    law->terms[T_TOY].us_declared = true;
    law->terms[T_TOY].us_categories = LAW_BIT(US_HEALTH);
    law->us_bulk[REGISTRY_US_HEALTH] = 100;
}
CHANGE(us_person_below_the_threshold)
{
    us_person_in_china(law);
    law->us_bulk[REGISTRY_US_HEALTH] = 99;
}
CHANGE(record_without_contact)
{
    law->terms[T_CLIENT].record.contact = STR_EMPTY;
}

/* ---- billing ------------------------------------------------------------------------------- */

CHANGE(procurement_over)
{
    beta(law);
    law->procurements[R_S3].valid_until = law->facts.now;
}
CHANGE(procurement_in_its_last_instant)
{
    beta(law);
    law->procurements[R_S3].valid_until = law->facts.now + 1;
}
CHANGE(order_used_up)
{
    beta(law);
    law->order = (struct registry_purchase_order){ .id = STR("po-1"),
                                                   .tokens = 500,
                                                   .valid_from = law->facts.now,
                                                   .valid_until = law->facts.now + 1,
                                                   .doc = law_doc(REGISTRY_DOC_ORDER_FORM) };
    law->procurements[R_S3].purchase_orders = &law->order;
    law->procurements[R_S3].purchase_order_count = 1;
    law->order_tokens[R_S3] = 500;
}
CHANGE(order_nearly_used_up)
{
    order_used_up(law);
    law->order_tokens[R_S3] = 499;
}
CHANGE(nothing_ordered)
{
    law->facts.has_order = false;
}
CHANGE(open_for_too_long)
{
    beta(law);
    law->billing[0] = (struct registry_billing_state){
        .id = STR("b-1"),
        .party = &law->parties[P_CHAN],
        .state = REGISTRY_BILLING_OPEN,
        .open_since = law->facts.now - 15 * 86400 * LAW_S - 1,
    };
    law->registry.billing_count = 1;
}
CHANGE(open_for_fifteen_days)
{
    open_for_too_long(law);
    law->billing[0].open_since += 1;
}

/* ---- the route itself ---------------------------------------------------------------------- */

CHANGE(holder_is_another)
{
    beta(law);
    law->credentials[R_S3].account_holder = &law->parties[P_CHAN];
}
CHANGE(cheap_host)
{
    beta(law);
    law->routes[R_S3].endpoint = STR("https://api.up-cheap.example/v1");
}
CHANGE(host_of_a_family)
{
    beta(law);
    law->routes[R_S3].endpoint = STR("https://EU.api.up.example:8443/v1");
    law->hosts[P_CHAN] = STR("*.up.example");
}
CHANGE(domestic_source)
{
    law_toy(law);
    law->attachment.tag = REGISTRY_TAG_DOMESTIC;
    law->routes[R_Z].attachments = &law->attachment;
    law->routes[R_Z].attachment_count = 1;
}
CHANGE(overseas_source)
{
    domestic_source(law);
    law->attachment.tag = REGISTRY_TAG_OVERSEAS;
}
CHANGE(pool_of_a_zone_for_all)
{
    beta(law);
    law->routes[R_S3].pool = &law->pool;
}
CHANGE(pool_of_no_zone)
{
    pool_of_a_zone_for_all(law);
    law->pool.zone = NULL;
}
CHANGE(kept_longer_than_the_zone_allows)
{
    law_toy(law);
    law->agreements[A_TOY].child_directed = false;
    law->terms[T_TOY].retention_days = 1;
    law->terms[T_ZONE].retention_days = 1;
}
CHANGE(kept_as_long_as_the_zone_allows)
{
    kept_longer_than_the_zone_allows(law);
    law->zone.retention_max_s = 86400;
}
CHANGE(analytics)
{
    law_toy(law);
    law->terms[T_ZONE].analytics = true;
}
CHANGE(suspended)
{
    beta(law);
    law->routes[R_S3].state = REGISTRY_ROUTE_SUSPENDED;
}
CHANGE(quarantined)
{
    beta(law);
    law->facts.quarantined = 1;
}
CHANGE(another_quarantined)
{
    beta(law);
    law->facts.quarantined = 2;
}

#define ROW(code, refuse, near, told, says)           \
    {                                                 \
        POLICY_##code, says, refuse, near, ERR_##told \
    }

static const struct law_case cases[] = {
    ROW(REVERSE_IMPORT, foreign_model_for_kyc_cn, foreign_model_that_is_filed, LAW_REVERSE_IMPORT,
        "REVERSE_IMPORT m-xray: domestic by kyc"),
    ROW(MARKET_NOT_SERVED, home_model_for_kyc_cn, home_model_where_the_product_is_offered,
        LAW_MARKET, "MARKET_NOT_SERVED agg: domestic by kyc"),
    ROW(REVERSE_ORIGIN, foreign_model_from_the_mainland, foreign_model_from_a_registered_range,
        LAW_REVERSE_ORIGIN, "REVERSE_ORIGIN m-xray: origin unsure"),
    ROW(CLIENT_RESALE_SUSPECT, held_as_a_reseller, nothing, LAW_REVIEW, "CLIENT_RESALE_SUSPECT"),
    ROW(ORIGIN_REVIEW, held_for_its_origin, nothing, LAW_REVIEW, "ORIGIN_REVIEW"),
    ROW(ZONE_NOT_APPROVED, approval_over, approval_just_not_over, NO_CLOSED_ROUTE,
        "ZONE_NOT_APPROVED(window) CN-SWA-Z1"),
    ROW(ZONE_SHARED, logs_shared, logs_apart_logically, NO_CLOSED_ROUTE,
        "ZONE_SHARED(logs) in CN-SWA-Z1"),
    ROW(ZONE_BACKFLOW, reader_controlled_from_the_mainland, reader_controlled_from_hong_kong,
        NO_CLOSED_ROUTE, "ZONE_BACKFLOW c.1"),
    ROW(ZONE_INGRESS, another_link, the_second_link, LAW_ZONE_ORIGIN, "ZONE_INGRESS cable-2"),
    ROW(ZONE_ORIGIN_CN, toy_in_shenzhen, toy_at_home, LAW_ZONE_ORIGIN, "ZONE_ORIGIN_CN(origin)"),
    ROW(ZONE_ORIGIN_UNSURE, toy_on_a_cloud, toy_on_a_registered_cloud, LAW_ZONE_ORIGIN,
        "ZONE_ORIGIN_UNSURE(unsure)"),
    ROW(ZONE_USER_CN, users_in_the_mainland, users_in_malaysia, LAW_ZONE_USER,
        "ZONE_USER_CN(end_user)"),
    ROW(ZONE_MARKET, toy_sold_in_japan, toy_sold_in_malaysia, LAW_ZONE_MARKET,
        "ZONE_MARKET JP not in {BN,ID,KH,LA,MM,MY,PH,SG,TH,VN}"),
    ROW(ZONE_MIX_PI, resident_id, resident_id_where_it_is_flagged, LAW_ZONE_MIXED,
        "ZONE_MIX_PI(cn_resident_id)"),
    ROW(ZONE_IMPORTANT_DATA, important_data, toy_at_home, LAW_ZONE_MIXED,
        "ZONE_IMPORTANT_DATA(map_survey)"),
    ROW(ZONE_ROUTE_RETURN, callback, callback_of_no_zone, LAW_ZONE_RETURN, "ZONE_ROUTE_RETURN"),
    ROW(CHAIN_NO_ROOT, root_of_another, root_by_licence, NO_CLOSED_ROUTE,
        "S3 edge G-B-chan CHAIN_NO_ROOT"),
    ROW(CHAIN_NO_ROOT, licence_for_research, beta, NO_CLOSED_ROUTE,
        "S3 edge G-B-chan CHAIN_NO_ROOT"),
    ROW(CHAIN_GAP, torn, beta, NO_CLOSED_ROUTE, "S3 edge G-chan-P CHAIN_GAP"),
    ROW(CHAIN_NOT_WRITTEN, chat_message, beta, NO_CLOSED_ROUTE,
        "S3 edge G-chan-P CHAIN_NOT_WRITTEN"),
    ROW(CHAIN_DOC_MISSING, document_lost, beta, NO_CLOSED_ROUTE,
        "S3 edge G-chan-P CHAIN_DOC_MISSING"),
    ROW(CHAIN_DOC_HASH, document_edited, beta, NO_CLOSED_ROUTE, "S3 edge G-chan-P CHAIN_DOC_HASH"),
    ROW(CHAIN_SIGNATURE, signature_of_nobody, beta, NO_CLOSED_ROUTE,
        "S3 edge G-B-chan CHAIN_SIGNATURE"),
    ROW(CHAIN_REVOKED, revoked, revoked_with_a_run_off, NO_CLOSED_ROUTE,
        "S3 edge G-chan-P CHAIN_REVOKED since 90 s"),
    ROW(CHAIN_NOT_YET, begins_in_a_minute, begins_now, NO_CLOSED_ROUTE,
        "S3 edge G-B-chan CHAIN_NOT_YET for 60 s"),
    ROW(CHAIN_EXPIRED, ends_now, ends_in_an_instant, NO_CLOSED_ROUTE,
        "S3 edge G-chan-P CHAIN_EXPIRED since 0 s"),
    ROW(CHAIN_DEPTH, as_deep_as_above, deep_enough, NO_CLOSED_ROUTE,
        "S3 edge G-chan-P CHAIN_DEPTH below a depth of 0"),
    ROW(CHAIN_WIDENED, world_from_four, one_from_four, NO_CLOSED_ROUTE,
        "S3 edge G-chan-P CHAIN_WIDENED(regions)"),
    ROW(CHAIN_CLIENT_LEG, no_agreement, agreement_in_an_instant, LAW_NO_AGREEMENT,
        "S3 CHAIN_CLIENT_LEG(revoked) A-1"),
    ROW(SCOPE_ACTION, no_resale, no_aggregate_of_one_vendor, NO_CLOSED_ROUTE,
        "S3 SCOPE_ACTION(resell) not in G-chan-P"),
    ROW(SCOPE_REGION, client_of_malaysia, client_of_brazil, LAW_SCOPE_REGION,
        "S3 SCOPE_REGION MY not in {AE,BR,SG,VN} (billing)"),
    ROW(SCOPE_CLIENT_TYPE, consumer, developer, LAW_SCOPE_CLIENT_TYPE,
        "S3 SCOPE_CLIENT_TYPE(consumer)"),
    ROW(SCOPE_BRAND, alias_without_leave, alias_with_leave, NO_CLOSED_ROUTE,
        "S3 SCOPE_BRAND(alias) by G-B-chan"),
    ROW(SCOPE_OWNERSHIP, owned_from_an_excluded_place, owned_from_elsewhere, LAW_SCOPE_OWNERSHIP,
        "S3 SCOPE_OWNERSHIP(client) from RU by G-B-chan"),
    ROW(SCOPE_QUOTA, quota_used_up, quota_nearly_used_up, LAW_SCOPE_QUOTA,
        "S3 SCOPE_QUOTA G-B-chan of 1000 tokens"),
    ROW(SCOPE_QUALIFICATION, client_sells_in_japan, client_sells_in_korea, NO_CLOSED_ROUTE,
        "S2x SCOPE_QUALIFICATION(representative) in JP by kr-rep"),
    ROW(DATA_NO_DPA, dpa_unsigned, nothing, LAW_DATA_DPA, "S1 DATA_NO_DPA(unsigned) T-client"),
    ROW(DATA_DPA_VERSION, dpa_of_the_version_before, dpa_of_the_version_before_in_grace,
        LAW_DATA_DPA, "S1 DATA_DPA_VERSION v3"),
    ROW(DATA_UPSTREAM_TERMS, upstream_terms_not_recorded, beta, LAW_DATA_UNKNOWN,
        "S3 DATA_UPSTREAM_TERMS(none) p.chan"),
    ROW(DATA_RETENTION, kept_longer, kept_as_long, LAW_DATA_TERMS,
        "S1 DATA_RETENTION(days) T-up: 31 days"),
    ROW(DATA_TRAINING, trains, trains_with_leave, LAW_DATA_TERMS, "S1 DATA_TRAINING(opt_in) T-up"),
    ROW(DATA_SUBPROCESSOR, objected, objected_by_another, LAW_DATA_TERMS,
        "S3 DATA_SUBPROCESSOR(objected) p.chan"),
    ROW(DATA_SUBPROCESSOR_NOTICE, announced, in_force_now, NO_CLOSED_ROUTE,
        "S3 DATA_SUBPROCESSOR_NOTICE p.chan for 2466000 s"),
    ROW(DATA_LOCATION, place_not_allowed, place_among_others, LAW_DATA_LOCATION,
        "S1 DATA_LOCATION SG not in {MY}"),
    ROW(DATA_TRANSFER, transfer_without_basis, transfer_with_a_basis, LAW_DATA_TRANSFER,
        "Z DATA_TRANSFER SG to CN (no basis) by L-cn"),
    ROW(DATA_CHILD, no_consent, toy_at_home, LAW_DATA_CHILD, "Z DATA_CHILD(consent)"),
    ROW(DATA_US_BULK, us_person_in_china, us_person_below_the_threshold, LAW_DATA_US,
        "Z DATA_US_BULK(health) us-health: limit 100"),
    ROW(DATA_RECORD, record_without_contact, nothing, NO_CLOSED_ROUTE,
        "S1 DATA_RECORD(contact) T-client"),
    ROW(BILL_NO_PROCUREMENT, procurement_over, procurement_in_its_last_instant, NO_CLOSED_ROUTE,
        "S3 BILL_NO_PROCUREMENT(expired) S3"),
    ROW(BILL_PO_EXHAUSTED, order_used_up, order_nearly_used_up, NO_CLOSED_ROUTE,
        "S3 BILL_PO_EXHAUSTED S3 of 500 tokens"),
    ROW(BILL_NO_ORDER, nothing_ordered, nothing, LAW_NO_ORDER, "S1 BILL_NO_ORDER"),
    ROW(BILL_LAST_PERIOD, open_for_too_long, open_for_fifteen_days, NO_CLOSED_ROUTE,
        "S3 BILL_LAST_PERIOD(open) p.chan"),
    ROW(CREDENTIAL_HOLDER, holder_is_another, beta, NO_CLOSED_ROUTE, "S3 CREDENTIAL_HOLDER p.chan"),
    ROW(ENDPOINT_UNOFFICIAL, cheap_host, host_of_a_family, NO_CLOSED_ROUTE,
        "S3 ENDPOINT_UNOFFICIAL api.up-cheap.example"),
    ROW(ZONE_MIX_SOURCE, domestic_source, overseas_source, NO_CLOSED_ROUTE,
        "Z ZONE_MIX_SOURCE rag-1"),
    ROW(ZONE_POOL_OUTSIDE, pool_of_a_zone_for_all, pool_of_no_zone, NO_CLOSED_ROUTE,
        "S3 ZONE_POOL_OUTSIDE pool-1"),
    ROW(ZONE_RETENTION, kept_longer_than_the_zone_allows, kept_as_long_as_the_zone_allows,
        NO_CLOSED_ROUTE, "Z ZONE_RETENTION(seconds) T-zone, at most 3600 s"),
    ROW(ZONE_PURPOSE, analytics, toy_at_home, NO_CLOSED_ROUTE, "Z ZONE_PURPOSE(analytics) T-zone"),
    ROW(ROUTE_SUSPENDED, suspended, beta, NO_CLOSED_ROUTE, "S3 ROUTE_SUSPENDED"),
    ROW(MODEL_SWAP, quarantined, another_quarantined, NO_CLOSED_ROUTE, "S3 MODEL_SWAP"),
};

static struct law law;

TEST(every_code_has_a_case)
{
    for (unsigned code = 0; code < POLICY_CODES; code++) {
        bool found = false;
        for (size_t i = 0; i < EP_ARRAY_LEN(cases); i++) {
            found |= cases[i].code == code;
        }
        if (!found) {
            test_failed(EP_SITE, "%s has no case", policy_reason_info(code)->name);
        }
    }
}

static void check_says(const struct law_case *row)
{
    struct buf out;
    buf_init(&out, 4096);
    const struct policy_reason *reason = law_reason(&law, row->code);
    CHECK(reason != NULL);
    CHECK(policy_reason_print(reason, &out) == ERR_OK);
    CHECK_STR(buf_str(&out), str_from(row->says));
    buf_fini(&out);
}

TEST(every_code_refuses_and_is_told)
{
    for (size_t i = 0; i < EP_ARRAY_LEN(cases); i++) {
        const char *name = policy_reason_info(cases[i].code)->name;
        law_make(&law);
        cases[i].refuse(&law);
        const struct policy_verdict *verdict = law_judge(&law);
        if (verdict->allow || law_reason(&law, cases[i].code) == NULL) {
            test_failed(EP_SITE, "%s (row %zu) does not refuse", name, i);
        }
        check_says(&cases[i]);
        if (verdict->err != cases[i].told) {
            test_failed(EP_SITE, "%s (row %zu) is told as %s", name, i,
                        err_info(verdict->err)->code);
        }
        law_end(&law);
    }
}

TEST(what_is_as_near_to_it_as_can_be_is_admitted)
{
    for (size_t i = 0; i < EP_ARRAY_LEN(cases); i++) {
        law_make(&law);
        cases[i].near(&law);
        const struct policy_verdict *verdict = law_judge(&law);
        if (!verdict->allow) {
            test_failed(EP_SITE, "%s (row %zu): near it is refused for %s",
                        policy_reason_info(cases[i].code)->name, i,
                        policy_reason_info(verdict->code)->name);
        }
        CHECK(verdict->err == ERR_OK);
        CHECK(verdict->code == POLICY_FINE);
        CHECK(verdict->routes != 0);
        law_end(&law);
    }
}

/* ---- the engine ---------------------------------------------------------------------------- */

/* Everything is wrong with both routes of m-alpha that can be. */
static void spoil(void)
{
    law_make(&law);
    client_of_malaysia(&law);
    law.facts.model = &law.models[M_ALPHA];
    law_at(&law, "2026-11-02T13:00:00Z");
    law.parties[C_1].client_type = 0;
    law.parties[C_1].billing_country = law_country("CN");
    law.terms[T_CLIENT].record.contact = STR_EMPTY;
    law.terms[T_UP].training = REGISTRY_ANSWER_YES;
    law.facts.has_order = false;
    law.facts.quarantined = 3;
    law.routes[R_S1].state = REGISTRY_ROUTE_SUSPENDED;
    law.lists[0].entry_count = 1;
    law.credentials[R_S2].procurement = NULL;
}

TEST(reasons_are_in_the_tables_order_route_by_route)
{
    spoil();
    const struct policy_verdict *verdict = law_judge(&law);
    CHECK(verdict->reason_count > 12);
    for (size_t i = 1; i < verdict->reason_count; i++) {
        const struct policy_reason *before = &verdict->reasons[i - 1];
        const struct policy_reason *reason = &verdict->reasons[i];
        CHECK(reason->route >= before->route);
        CHECK(reason->route != before->route || reason->code >= before->code);
    }
    CHECK(verdict->reasons[0].route == &law.routes[R_S1]);
    law_end(&law);
}

TEST(the_same_arguments_give_the_same_verdict)
{
    static struct policy_verdict first;
    static struct policy_verdict second;
    spoil();
    (void)law_judge(&law);
    memset(&first, 0, sizeof(first));
    memset(&second, 0xff, sizeof(second));
    policy_judge(law.policy, &law.facts, &first);
    policy_judge(law.policy, &law.facts, &second);
    struct buf a;
    struct buf b;
    buf_init(&a, 1 << 20);
    buf_init(&b, 1 << 20);
    CHECK(policy_verdict_json(&first, &a) == ERR_OK);
    CHECK(policy_verdict_json(&second, &b) == ERR_OK);
    CHECK_STR(buf_str(&a), buf_str(&b));
    buf_fini(&a);
    buf_fini(&b);
    law_end(&law);
}

TEST(a_judgement_takes_no_memory)
{
    enum policy_code code;
    for (size_t i = 0; i < EP_ARRAY_LEN(cases); i++) {
        law_make(&law);
        cases[i].refuse(&law);
        (void)law_judge(&law);
        mem_fail_nth(0);
        policy_judge(law.policy, &law.facts, &law.verdict);
        (void)policy_may_list(law.policy, &law.facts, &code);
        CHECK_EQ(policy_next_edge(law.policy, INT64_MAX), INT64_MAX);
        CHECK_EQ(mem_requests(), 0);
        law_end(&law);
    }
}

TEST(reasons_beyond_the_most_are_counted_and_change_nothing_that_is_told)
{
    static struct registry_requirement rows[300];
    law_make(&law);
    for (size_t i = 0; i < EP_ARRAY_LEN(rows); i++) {
        rows[i] = law.requirement;
        rows[i].markets = law_set("SG");
    }
    law.registry.requirements = rows;
    law.registry.requirement_count = EP_ARRAY_LEN(rows);
    law.facts.has_order = false;
    const struct policy_verdict *verdict = law_judge(&law);
    CHECK_EQ(verdict->reason_count, POLICY_REASONS_MAX);
    CHECK_EQ(verdict->reasons_dropped, 2 * (300 + 1) - POLICY_REASONS_MAX);
    CHECK(verdict->err == ERR_LAW_NO_ORDER); /* no reason of it was kept */
    CHECK_EQ(verdict->code, POLICY_BILL_NO_ORDER);
    CHECK_EQ(verdict->route_count, 2);
    law_end(&law);
}

TEST(what_a_product_does_not_sell_has_no_route)
{
    law_make(&law);
    law.facts.model = &law.models[M_TOY];
    const struct policy_verdict *verdict = law_judge(&law);
    CHECK(!verdict->allow);
    CHECK(verdict->err == ERR_NO_CLOSED_ROUTE);
    CHECK_EQ(verdict->code, POLICY_FINE);
    CHECK_EQ(verdict->reason_count, 0);
    law.facts.model = &law.models[M_ALPHA];
    law.models[M_ALPHA].route_count = 0;
    CHECK(law_judge(&law)->err == ERR_NO_CLOSED_ROUTE);
    law_end(&law);
}

TEST(nothing_known_is_nothing_allowed)
{
    law_make(&law);
    struct policy_facts facts = { .product = law.facts.product,
                                  .model = law.facts.model,
                                  .now = law.facts.now };
    law.facts = facts;
    CHECK(law_judge(&law)->err == ERR_LAW_NO_AGREEMENT);
    law.online = (struct policy_online){ .agreement = STR("A-online") };
    law.facts.online = &law.online;
    CHECK(law_judge(&law)->err == ERR_LAW_NO_AGREEMENT);
    law_end(&law);
}
