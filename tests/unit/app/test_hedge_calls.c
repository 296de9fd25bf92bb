/*
 * Hedging on the way of whole calls, where only the inside can be watched: what the one that lost
 * is said to cost, the law's ends and limits, and ends that come while both run. Who wins, and
 * what clients and operators see of it, is tested by tests/e2e/test_hedge.py.
 */
#include "base/counter.h"
#include "gate/call_straddle.h"
#include "law_street.h"

static int64_t hedges_before;

static int64_t hedges(void)
{
    return counter_get(COUNTER_HEDGES) - hedges_before;
}

/* A street whose first source waits. */
static void begin_hedged(void (*prepare)(struct house *house))
{
    street_prepare = prepare;
    street_model = "aurora-small";
    street_first_waits = true;
    begin();
    street_teach(&street);
    hedges_before = counter_get(COUNTER_HEDGES);
}

static void end_hedged(void)
{
    street_first_waits = false;
    end();
}

static void send_call(bool stream)
{
    send_text("POST", "/v1/chat/completions", "", ask("aurora-small", stream, "", "Hello."));
    UNTIL(street.loop, street_waits != NULL);
}

static struct call *open_call(void)
{
    CHECK(!list_empty(&street.gate->open_calls));
    return EP_CONTAINER(street.gate->open_calls.next, struct call, node);
}

static void turn_for(int64_t ns)
{
    int64_t until_ns = test_now_ns() + ns;
    UNTIL(street.loop, test_now_ns() >= until_ns);
}

/* A number behind `name` in the receipt that was shown. */
static int64_t number_behind(const char *name)
{
    struct str text = buf_str(&street.house.out);
    size_t at = str_search(text, str_from(name));
    CHECK(at < text.len);
    return strtoll(text.ptr + at + strlen(name), NULL, 10);
}

/* ---- what it costs ------------------------------------------------------------------------- */

/* Its connection was closed, which ends what is billed: the input by our count, 0.10 a million. */
TEST(an_overtaken_source_that_stops_costs_its_input)
{
    begin_hedged(street_hedge);
    send_call(false);
    finish();
    take_id();
    CHECK(seen("HTTP/1.1 200 "));
    CHECK_EQ(hedges(), 1);
    CHECK_EQ(street_asked, 2);
    show_receipt();
    CHECK(section_has("operator", "\"cost_by\":\"counted\""));
    CHECK(section_has("operator", "\"cost_currency\":\"USD\""));
    int64_t counted = number_behind("\"counted\":{\"in\":\"");
    CHECK(counted > 0);
    CHECK_EQ(number_behind("\"cost\":\""), counted * 100);
    CHECK(section_has("operator", "\"route\":\"aurora-small-sg\""));
    CHECK(!section_has("client", "cost"));
    end_hedged();
}

static void go_on(struct house *house)
{
    street_hedge(house);
    house_change(house, "routes.yaml", "    place: US\n    abort_billing: stops\n",
                 "    place: US\n    abort_billing: continues\n");
    house_change(house, "routes.yaml", "    place: US\n    abort_billing: stops\n",
                 "    place: US\n    abort_billing: continues\n");
}

/* It may have written as much as the other one: 40 tokens at 0.40 a million. */
TEST(an_overtaken_source_that_goes_on_costs_an_answer_as_well)
{
    begin_hedged(go_on);
    send_call(true);
    finish();
    take_id();
    CHECK(seen("data: [DONE]"));
    show_receipt();
    int64_t counted = number_behind("\"counted\":{\"in\":\"");
    CHECK_EQ(number_behind("\"cost\":\""), counted * 100 + (int64_t)STREET_WORDS * 400);
    end_hedged();
}

/* ---- what it takes of a minute ------------------------------------------------------------- */

#define A_MINUTE 60 /* tokens: so few that what is used is all still missing when it is looked at */

static void share_a_minute(struct house *house)
{
    char fresh[96];
    (void)snprintf(fresh, sizeof(fresh), "    max_concurrent: 10000\n    tokens_per_minute: %d\n",
                   A_MINUTE);
    house_change(house, "credentials.yaml", "    max_concurrent: 10000\n", fresh); /* aurora's */
}

static void stop_in_a_minute(struct house *house)
{
    street_hedge(house);
    share_a_minute(house);
}

static void go_on_in_a_minute(struct house *house)
{
    go_on(house);
    share_a_minute(house);
}

/* Tokens that the first source's credential lacks, by when a call that wants all could begin. */
static int64_t lacking(void)
{
    const struct registry *registry = street.house.world->registry;
    const struct registry_product *product = &registry->products[0];
    const struct dispatch_ask ask = { .registry = registry,
                                      .product = product,
                                      .model = registry_product_model(product, STR("aurora-small")),
                                      .now_ns = loop_now_ns(street.loop),
                                      .capacity_tokens = A_MINUTE };
    static struct dispatch_explanation told;
    dispatch_explain(street.dispatch, &ask, &told);
    for (size_t i = 0; i < told.count; i++) {
        if (str_eq(told.candidates[i].route->id, STR("aurora-small-us"))) {
            bool lacks = told.candidates[i].why == DISPATCH_WHY_TOKENS;
            return lacks ? (told.candidates[i].until_ns - ask.now_ns) / (1000 * MS) : 0;
        }
    }
    return -1;
}

static void check_lacking(int64_t least, int64_t most)
{
    int64_t tokens = lacking();
    if (tokens < least || tokens > most) {
        test_failed(EP_SITE, "%lld tokens are lacking", (long long)tokens);
    }
}

/* The prompt was read: some 40 tokens by its length. */
TEST(an_overtaken_source_that_stops_used_its_input_of_the_minute)
{
    begin_hedged(stop_in_a_minute);
    CHECK_EQ(lacking(), 0);
    send_call(false);
    finish();
    CHECK_EQ(hedges(), 1);
    check_lacking(15, 60);
    end_hedged();
}

TEST(an_overtaken_source_that_goes_on_used_an_answer_of_it_as_well)
{
    begin_hedged(go_on_in_a_minute);
    send_call(true);
    finish();
    CHECK_EQ(hedges(), 1);
    check_lacking(115, 160);
    end_hedged();
}

/* ---- the law ------------------------------------------------------------------------------- */

#define LATE_NS (300 * MS) /* time for a busy machine to come to the end before */

static void hedge_late(struct house *house)
{
    street_hedge(house);
    house_change(house, "products.yaml", "after_percentile: 50}",
                 "after_percentile: 50, at_least_ms: 300}");
}

TEST(nothing_new_is_begun_behind_an_end_of_the_law)
{
    begin_hedged(hedge_late);
    send_call(false);
    CHECK_EQ(hedges(), 0);
    open_call()->law.until = loop_wall_ns(street.loop);
    turn_for(LATE_NS + 50 * MS);
    CHECK_EQ(street_asked, 1);
    street_answer_late(false);
    finish();
    CHECK(seen("HTTP/1.1 200 "));
    CHECK_EQ(hedges(), 0);
    end_hedged();
}

/* An order of many tokens: what counts is that they are counted. */
static void order_much(struct house *house)
{
    street_hedge(house);
    house_change(house, "procurements.yaml", "    buyer: operator\n    keys_max: 1\n",
                 "    buyer: operator\n    keys_max: 1\n    purchase_orders:\n"
                 "      - {id: o1, tokens: 1000000, valid_from: 2026-01-01T00:00:00Z,\n"
                 "         valid_until: 2028-01-01T00:00:00Z, doc: {kind: order_form,\n"
                 "         file: documents/procurement-aurora.txt, sha256: "
                 "b5514991877b17e477e8b56ba5b444b7d663675ac40a3fc63dd0f995d6a081cf}}\n");
}

TEST(what_a_limit_of_the_law_counts_is_not_used_twice)
{
    begin_hedged(order_much);
    send_call(false);
    turn_for(50 * MS);
    CHECK_EQ(street_asked, 1);
    street_answer_late(false);
    finish();
    CHECK(seen("HTTP/1.1 200 "));
    CHECK_EQ(hedges(), 0);
    end_hedged();
}

/* The law's end overtakes what runs, as it does one attempt. */
TEST(an_end_of_the_law_ends_both)
{
    begin_hedged(street_hedge);
    street_slow = true; /* the second one waits as well */
    send_call(false);
    UNTIL(street.loop, street_asked == 2);
    struct call *call = open_call();
    call->law.until = loop_wall_ns(street.loop) - STRADDLE_NS;
    street.gate->straddle.fire(&street.gate->straddle);
    finish();
    take_id();
    CHECK(seen("HTTP/1.1 503 ") && seen("\"code\":\"no_closed_route\""));
    CHECK_EQ(counter_get(COUNTER_HEDGES_LOST) > 0, true);
    end_hedged();
}

/* ---- stops --------------------------------------------------------------------------------- */

TEST(a_stop_ends_both)
{
    begin_hedged(street_hedge);
    street_slow = true;
    send_call(true);
    UNTIL(street.loop, hedges() == 1);
    gate_cut(street.gate);
    finish();
    CHECK(!seen("data: [DONE]"));
    end_hedged();
}

/* Other snapshots are none of a call's matter that runs. */
TEST(a_reload_while_both_run_changes_nothing_for_them)
{
    begin_hedged(street_hedge);
    street_slow = true;
    send_call(false);
    UNTIL(street.loop, street_asked == 2);
    struct gate_options options;
    struct gate_snapshot *snapshot = NULL;
    struct world *world = street.house.world;
    reload_options(world->conf, &options);
    const struct gate_snapshot_parts parts = { .options = &options,
                                               .folder = world->folder,
                                               .shelf = world->shelf };
    CHECK_EQ(gate_snapshot_create(world_registry(world), &parts, &snapshot, NULL), ERR_OK);
    gate_swap(street.gate, snapshot);
    street_answer_late(false); /* the second one came last */
    finish();
    CHECK(seen("HTTP/1.1 200 "));
    end_hedged();
}
