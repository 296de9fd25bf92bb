#include "policy/facts.h"

#include <stdio.h>

#include "base/mem.h"
#include "law_fixture.h"

static struct law law;
static struct arena arena;
static char text_room[POLICY_FACTS_MAX];

static void begin(void)
{
    law_make(&law);
    arena_init(&arena, 1024, 1 << 20);
}

static void end(void)
{
    arena_fini(&arena);
    law_end(&law);
}

static struct str write_facts(const struct policy_facts *facts)
{
    struct buf out = { text_room, 0, sizeof(text_room), sizeof(text_room) };
    CHECK_EQ(policy_facts_write(facts, &law.registry, &out), ERR_OK);
    return buf_str(&out);
}

static struct policy_facts read_facts(struct str text)
{
    struct policy_facts facts;
    struct fail fail = { 0 };
    enum err err = policy_facts_read(text, &law.registry, &arena, &facts, &fail);
    if (err != ERR_OK) {
        test_failed(EP_SITE, STR_FMT ": %s", STR_ARG(text), fail.text);
    }
    return facts;
}

/* Written, read and written again: the same, and these bytes. */
static struct policy_facts check_round(const char *want)
{
    struct str text = write_facts(&law.facts);
    CHECK_STR(text, str_from(want));
    struct str kept;
    CHECK(arena_copy(&arena, text, &kept));
    struct policy_facts facts = read_facts(kept);
    CHECK_STR(write_facts(&facts), kept);
    return facts;
}

#define NOW "\"now\":\"2026-11-02T11:00:00Z\""

TEST(what_is_not_known_is_left_out_and_read_back_as_unknown)
{
    begin();
    law.facts = (struct policy_facts){ .product = &law.products[PRODUCT_AGG],
                                       .model = &law.models[M_ALPHA],
                                       .now = law_time("2026-11-02T11:00:00Z") };
    struct policy_facts facts = check_round("{\"model\":\"m-alpha\"," NOW
                                            ",\"origin\":{\"countries\":[],\"state\":\"unknown\"},"
                                            "\"product\":\"agg\"}");
    CHECK(facts.client == NULL && facts.online == NULL);
    CHECK(facts.product == law.facts.product && facts.model == law.facts.model);
    CHECK_EQ(facts.market, COUNTRY_NONE);
    CHECK_EQ(facts.origin.state, POLICY_ORIGIN_UNKNOWN);
    CHECK(!facts.origin.registered && !facts.content.scanned);
    CHECK(!facts.has_callback && !facts.has_order);
    CHECK_EQ(facts.review, POLICY_REVIEW_NONE);
    CHECK_EQ(facts.quarantined, 0);
    CHECK(facts.counters.grant_tokens == NULL && facts.counters.order_tokens == NULL);
    CHECK(facts.counters.us_bulk == NULL);
    facts = read_facts(STR("{\"model\":\"m-alpha\"," NOW ",\"product\":\"agg\"}"));
    CHECK_EQ(facts.now, law.facts.now);
    end();
}

static void fill_all(void)
{
    law.online = (struct policy_online){
        .country = law_country("SG"),
        .billing_country = law_country("MY"),
        .client_type = 1 + REGISTRY_CLIENT_DEVELOPER,
        .agreement = STR("A-online"),
        .sha256 = STR("00"),
        .accepted_at = law_time("2026-06-01T00:00:00.5Z"),
    };
    law.grant_tokens[G_A_CLOUD] = 7;
    law.order_tokens[R_S2] = UINT64_MAX; /* more than can be written: the most that can */
    law.us_bulk[REGISTRY_US_HEALTH] = 9;
    law.facts.online = &law.online;
    law.facts.consent_ref = STR("consent \"1\"");
    law.facts.content = (struct policy_content){ true, STR("cn_resident_id"), STR("pipeline") };
    law.facts.has_callback = true;
    law.facts.ingress = STR("cable-1");
    law.facts.market = law_country("MY");
    law.facts.origin = (struct policy_origin){
        POLICY_ORIGIN_UNSURE, { law_country("CN"), law_country("SG") }, 2, true
    };
    law.facts.quarantined = 2;
    law.facts.review = POLICY_REVIEW_ORIGIN;
    law.facts.now += 1;
}

#define ALL                                                                                      \
    "{\"client\":\"c.1\",\"consent_ref\":\"consent \\\"1\\\"\",\"content\":{\"marker\":"         \
    "\"pipeline\",\"scanned\":true,\"strong\":\"cn_resident_id\"},\"counters\":{"                \
    "\"grant_tokens\":{\"G-A-cloud\":7},\"order_tokens\":{\"S2\":9223372036854775807},"          \
    "\"us_bulk\":{\"health\":9}},\"has_callback\":true,\"has_order\":true,\"ingress\":"          \
    "\"cable-1\",\"market\":\"MY\",\"model\":\"m-alpha\",\"now\":"                               \
    "\"2026-11-02T11:00:00.000000001Z\",\"online\":{\"accepted_at\":\"2026-06-01T00:00:00.5Z\"," \
    "\"agreement\":\"A-online\",\"billing_country\":\"MY\",\"client_type\":\"developer\","       \
    "\"country\":\"SG\",\"sha256\":\"00\"},\"origin\":{\"countries\":[\"CN\",\"SG\"],"           \
    "\"registered\":true,\"state\":\"unsure\"},\"product\":\"agg\",\"quarantined\":[\"S2\"],"    \
    "\"review\":\"origin\"}"

TEST(every_member_is_written_and_read_back)
{
    begin();
    fill_all();
    struct policy_facts facts = check_round(ALL);
    CHECK(facts.client == &law.parties[C_1]);
    CHECK_EQ(facts.online->country, law.online.country);
    CHECK_EQ(facts.online->billing_country, law.online.billing_country);
    CHECK_EQ(facts.online->client_type, law.online.client_type);
    CHECK_STR(facts.online->agreement, law.online.agreement);
    CHECK_STR(facts.online->sha256, law.online.sha256);
    CHECK_EQ(facts.online->accepted_at, law.online.accepted_at);
    CHECK_STR(facts.consent_ref, law.facts.consent_ref);
    CHECK_STR(facts.content.strong, law.facts.content.strong);
    CHECK_STR(facts.content.marker, law.facts.content.marker);
    CHECK(facts.content.scanned && facts.has_callback && facts.has_order);
    CHECK_STR(facts.ingress, STR("cable-1"));
    CHECK_EQ(facts.market, law.facts.market);
    CHECK_EQ(facts.origin.state, POLICY_ORIGIN_UNSURE);
    CHECK_EQ(facts.origin.count, 2);
    CHECK_EQ(facts.origin.countries[1], law_country("SG"));
    CHECK(facts.origin.registered);
    CHECK_EQ(facts.quarantined, 2);
    CHECK_EQ(facts.review, POLICY_REVIEW_ORIGIN);
    CHECK_EQ(facts.now, law.facts.now);
    CHECK_EQ(facts.counters.grant_tokens[G_A_CLOUD], 7);
    CHECK_EQ(facts.counters.grant_tokens[G_S1], 0);
    CHECK_EQ(facts.counters.order_tokens[R_S2], INT64_MAX);
    CHECK_EQ(facts.counters.us_bulk[REGISTRY_US_HEALTH], 9);
    end();
}

/* What was found stays on record even where the looking through was not finished. */
TEST(content_that_was_not_scanned_keeps_what_was_found)
{
    begin();
    law.facts.content = (struct policy_content){ .strong = STR("cn_mobile") };
    struct policy_facts facts = read_facts(write_facts(&law.facts));
    CHECK(!facts.content.scanned);
    CHECK_STR(facts.content.strong, STR("cn_mobile"));
    end();
}

TEST(every_word_is_read_back)
{
    begin();
    for (unsigned i = 0; i <= POLICY_ORIGIN_UNSURE; i++) {
        law.facts.origin.state = (enum policy_origin_state)i;
        CHECK_EQ(read_facts(write_facts(&law.facts)).origin.state, i);
    }
    for (unsigned i = 0; i <= POLICY_REVIEW_ORIGIN; i++) {
        law.facts.review = (enum policy_review)i;
        CHECK_EQ(read_facts(write_facts(&law.facts)).review, i);
    }
    law.facts.online = &law.online;
    CHECK(read_facts(write_facts(&law.facts)).online == NULL); /* it says nothing */
    law.online.country = law_country("SG");
    for (unsigned i = 0; i <= REGISTRY_CLIENT_TYPE_COUNT; i++) {
        law.online.client_type = i;
        CHECK_EQ(read_facts(write_facts(&law.facts)).online->client_type, i);
    }
    CHECK_EQ(policy_client_type(STR("child_directed")), 1 + REGISTRY_CLIENT_CHILD_DIRECTED);
    CHECK_EQ(policy_client_type(STR("")), 0);
    CHECK_EQ(policy_client_type(STR("child")), 0);
    end();
}

TEST(what_cannot_be_read_is_refused_with_its_member)
{
    static const struct {
        const char *member;
        const char *text; /* stands for a member of its own */
    } cases[] = {
        { "client", "\"client\":\"c.none\"" },
        { "client", "\"client\":1" },
        { "market", "\"market\":\"sg\"" },
        { "market", "\"market\":\"SGP\"" },
        { "market", "\"market\":null" },
        { "consent_ref", "\"consent_ref\":[]" },
        { "ingress", "\"ingress\":7" },
        { "origin", "\"origin\":\"SG\"" },
        { "state", "\"origin\":{\"state\":\"abroad\"}" },
        { "state", "\"origin\":{\"state\":true}" },
        { "registered", "\"origin\":{\"registered\":\"yes\"}" },
        { "countries", "\"origin\":{\"countries\":\"SG\"}" },
        { "countries", "\"origin\":{\"countries\":[\"S\"]}" },
        { "countries", "\"origin\":{\"countries\":[\"SINGAPORE IS ONE\"]}" },
        { "countries", "\"origin\":{\"countries\":[5]}" },
        { "countries", "\"origin\":{\"countries\":[\"SG\",\"MY\",\"ID\",\"TH\",\"VN\"]}" },
        { "online", "\"online\":\"SG\"" },
        { "country", "\"online\":{\"country\":\"Singapore\"}" },
        { "billing_country", "\"online\":{\"billing_country\":0}" },
        { "client_type", "\"online\":{\"client_type\":\"robot\"}" },
        { "agreement", "\"online\":{\"agreement\":{}}" },
        { "sha256", "\"online\":{\"sha256\":1}" },
        { "accepted_at", "\"online\":{\"accepted_at\":\"yesterday\"}" },
        { "content", "\"content\":[]" },
        { "strong", "\"content\":{\"strong\":1}" },
        { "marker", "\"content\":{\"marker\":1}" },
        { "scanned", "\"content\":{\"scanned\":1}" },
        { "has_callback", "\"has_callback\":\"true\"" },
        { "has_order", "\"has_order\":1" },
        { "review", "\"review\":\"held\"" },
        { "quarantined", "\"quarantined\":\"S1\"" },
        { "quarantined", "\"quarantined\":[\"S3\"]" }, /* another model's */
        { "quarantined", "\"quarantined\":[1]" },
        { "counters", "\"counters\":7" },
        { "grant_tokens", "\"counters\":{\"grant_tokens\":7}" },
        { "order_tokens", "\"counters\":{\"order_tokens\":[]}" },
        { "us_bulk", "\"counters\":{\"us_bulk\":\"\"}" },
        { "counters", "\"counters\":{\"grant_tokens\":{\"G-none\":1}}" },
        { "counters", "\"counters\":{\"grant_tokens\":{\"G-A-cloud\":-1}}" },
        { "counters", "\"counters\":{\"grant_tokens\":{\"G-A-cloud\":1.5}}" },
        { "counters", "\"counters\":{\"order_tokens\":{\"S9\":1}}" },
        { "counters", "\"counters\":{\"us_bulk\":{\"heart\":1}}" },
        { "counters", "\"counters\":{\"us_bulk\":{\"health\":\"1\"}}" },
    };
    begin();
    for (size_t i = 0; i < EP_ARRAY_LEN(cases); i++) {
        char text[512];
        char want[64];
        struct policy_facts facts = { .now = 5 };
        struct fail fail = { 0 };
        (void)snprintf(text, sizeof(text), "{%s,\"model\":\"m-alpha\",\"product\":\"agg\"," NOW "}",
                       cases[i].text);
        (void)snprintf(want, sizeof(want), "\"%s\"", cases[i].member);
        enum err err = policy_facts_read(str_from(text), &law.registry, &arena, &facts, &fail);
        if (err != ERR_ASK_INVALID || strstr(fail.text, want) == NULL) {
            test_failed(EP_SITE, "%s: %s, %s", text, err_info(err)->name, fail.text);
        }
        CHECK_EQ(facts.now, 5); /* nothing is given on failure */
    }
    end();
}

TEST(objects_that_the_registry_lacks_and_times_that_are_none_are_refused)
{
    static const struct {
        const char *text;
        enum err err;
    } cases[] = {
        { "{\"model\":\"m-alpha\"," NOW "}", ERR_ASK_INVALID },
        { "{\"model\":\"m-alpha\",\"product\":\"moon\"," NOW "}", ERR_ASK_INVALID },
        { "{\"product\":\"agg\"," NOW "}", ERR_ASK_INVALID },
        { "{\"model\":\"m-toy\",\"product\":\"agg\"," NOW "}", ERR_ASK_INVALID }, /* not in it */
        { "{\"model\":\"m-alpha\",\"product\":\"agg\"}", ERR_ASK_INVALID },
        { "{\"model\":\"m-alpha\",\"product\":\"agg\",\"now\":\"noon\"}", ERR_ASK_INVALID },
        { "{\"model\":\"m-alpha\",\"product\":\"agg\",\"now\":1}", ERR_ASK_INVALID },
        { "", ERR_JSON_SYNTAX },
        { "[]", ERR_JSON_SYNTAX },
        { "\"facts\"", ERR_JSON_SYNTAX },
        { "{\"model\":\"m-alpha\",", ERR_JSON_SYNTAX },
    };
    begin();
    for (size_t i = 0; i < EP_ARRAY_LEN(cases); i++) {
        struct policy_facts facts;
        struct fail fail = { 0 };
        CHECK_EQ(policy_facts_read(str_from(cases[i].text), &law.registry, &arena, &facts, &fail),
                 cases[i].err);
        CHECK(fail.text[0] != '\0');
    }
    end();
}

/* A text that is longer than any that is written. */
TEST(a_text_beyond_its_limit_is_refused)
{
    static char text[1024];
    struct policy_facts facts;
    struct fail fail;
    begin();
    (void)snprintf(text, sizeof(text),
                   "{\"ingress\":\"%0512d\",\"model\":\"m-alpha\",\"product\":\"agg\"," NOW "}", 0);
    CHECK_STR(read_facts(str_from(text)).ingress, str_slice(str_from(text), 12, 524));
    (void)snprintf(text, sizeof(text),
                   "{\"ingress\":\"%0513d\",\"model\":\"m-alpha\",\"product\":\"agg\"," NOW "}", 0);
    CHECK_EQ(policy_facts_read(str_from(text), &law.registry, &arena, &facts, &fail),
             ERR_ASK_INVALID);
    end();
}

TEST(each_allocation_may_fail)
{
    begin();
    fill_all();
    struct str text = STR(ALL);
    bool done = false;
    for (uint64_t nth = 1; !done; nth++) {
        struct policy_facts facts;
        struct fail fail;
        arena_fini(&arena);
        arena_init(&arena, 64, 1 << 20);
        mem_fail_nth(nth);
        enum err err = policy_facts_read(text, &law.registry, &arena, &facts, &fail);
        done = mem_requests() < nth;
        mem_fail_nth(0);
        CHECK(done ? err == ERR_OK : err == ERR_NO_MEMORY);
        CHECK(nth < 100);
    }
    for (size_t size = 1; size < strlen(ALL); size++) {
        struct buf out = { text_room, 0, size, size };
        CHECK(policy_facts_write(&law.facts, &law.registry, &out) != ERR_OK);
    }
    end();
}

static void check_law(const char *want)
{
    struct buf out = { text_room, 0, sizeof(text_room), sizeof(text_room) };
    CHECK_EQ(policy_print_law(&law.verdict, &out), ERR_OK);
    CHECK_STR(buf_str(&out), str_from(want));
    for (size_t size = 1; size < out.len; size++) {
        struct buf small = { text_room, 0, size, size };
        CHECK(policy_print_law(&law.verdict, &small) != ERR_OK);
    }
}

TEST(the_outcome_is_one_line)
{
    begin();
    (void)law_judge(&law);
    check_law("allow S1 S2");
    law.facts.quarantined = 1;
    (void)law_judge(&law);
    check_law("allow S2");
    law.facts.quarantined = 3;
    (void)law_judge(&law);
    check_law("refuse MODEL_SWAP");
    law.models[M_ALPHA].route_count = 0;
    law.facts.quarantined = 0;
    (void)law_judge(&law);
    check_law("refuse ");
    end();
}

/* What was judged is judged alike from what was written. */
TEST(a_judgement_of_facts_that_were_read_is_the_same)
{
    begin();
    fill_all();
    (void)law_judge(&law);
    struct buf first;
    struct buf second;
    buf_init(&first, 1 << 20);
    buf_init(&second, 1 << 20);
    CHECK_EQ(policy_verdict_json(&law.verdict, &first), ERR_OK);
    law.facts = read_facts(STR(ALL));
    (void)law_judge(&law);
    CHECK_EQ(policy_verdict_json(&law.verdict, &second), ERR_OK);
    CHECK_STR(buf_str(&first), buf_str(&second));
    buf_fini(&first);
    buf_fini(&second);
    end();
}
