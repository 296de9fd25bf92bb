#include "gate/call_fit.h"

#include <stdlib.h>

#include "gate/call_attempt.h"
#include "gate/call_law.h"
#include "harness.h"
#include "meter/rate.h"
#include "tlog/receipt.h"

#define ROUTES 64
#define FACTS  3072 /* what the judge is told beside limits and routes */
#define LIMIT  152  /* one limit in it */

static struct registry_route routes[2][ROUTES];
static const struct registry_route *places[2][ROUTES];
static char name[128];

/* A model with so many routes, whose ids have `len` bytes. */
static struct registry_model model_of(size_t which, size_t count, size_t len)
{
    memset(name, 'r', sizeof(name));
    for (size_t i = 0; i < ROUTES; i++) {
        routes[which][i] = (struct registry_route){ .id = { name, len } };
        places[which][i] = &routes[which][i];
    }
    return (struct registry_model){ .routes = places[which], .route_count = count };
}

static bool holds(size_t count, size_t len, uint64_t quarantined, size_t counters)
{
    struct registry_model model = model_of(0, count, len);
    const struct call_fit fit = { .model = &model,
                                  .quarantined = quarantined,
                                  .counters = counters };
    return call_fit_holds(&fit);
}

/* Likewise, and another model may stand in whose routes have ids of `other` bytes. */
static bool falls_back(size_t count, size_t len, size_t other, size_t counters)
{
    struct registry_model model = model_of(0, count, len);
    struct registry_model stand_in = model_of(1, ROUTES, other);
    const struct call_fallback fallback = { .first = &model, .models = { &stand_in }, .count = 1 };
    const struct call_fit fit = { .model = &model, .fallback = &fallback, .counters = counters };
    return call_fit_holds(&fit);
}

TEST(usual_models_fit_and_so_do_64_routes)
{
    CHECK(holds(0, 0, 0, 0));
    CHECK(holds(4, 20, 0, 0));
    CHECK(holds(64, 32, 0, 0));
    CHECK(holds(64, 64, UINT64_MAX, 0)); /* none of them is tried */
    CHECK(holds(8, 32, 0, 60));
    CHECK(falls_back(1, 20, 20, 0));
    CHECK(falls_back(64, 96, 96, 0)); /* 17 tries at most, whatever they are called */
    CHECK(falls_back(8, 32, 32, 40));
}

TEST(what_would_not_fit_is_told_by_what_it_consists_of)
{
    CHECK(!holds(64, 127, 0, 0));           /* tries */
    CHECK(!holds(64, 32, 0, 60));           /* tries and limits together */
    CHECK(!holds(1, 20, 0, 61));            /* limits alone: the facts have a room of their own */
    CHECK(!holds(64, 127, UINT64_MAX, 10)); /* quarantined routes and limits */
    CHECK(holds(64, 127, UINT64_MAX, 0));
    CHECK(!falls_back(16, 96, 127, 60)); /* tries at another model, and limits of this one */
    CHECK(holds(8, 127, 0, 60));
}

/* ---- the worst of what holds is written ---------------------------------------------------- */

static const char *const classes[RECEIPT_CLASSES] = { "a", "b", "c", "d", "e", "f", "g", "h",
                                                      "i", "j", "k", "l", "m", "n", "o", "p" };
static char quotes[CALL_UPSTREAM_ID_MAX];
static char facts_text[CALL_LAW_FACTS_MAX];
static char law[sizeof(((struct call_law_room *)NULL)->law)];
static char reason[RECEIPT_REASON_MAX];

/* Half quotes, which take two bytes each. */
static void fill(char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        text[i] = i % 2 == 0 ? '"' : 'a';
    }
}

/* The largest verdict there can be: `routes` routes that are named, or what of them fits. */
static struct str law_of(size_t count, size_t len)
{
    size_t total = 5 + count * (len + 1);
    memset(law, 'r', sizeof(law));
    return (struct str){ law, total < sizeof(law) ? total : sizeof(law) };
}

/* A receipt with the most of everything: so many tries at routes with ids of `len` bytes. */
static void write_worst(size_t count, size_t tried, size_t len, size_t facts_len)
{
    bool few = count < RECEIPT_CANDIDATES_MAX && tried <= count;
    const size_t told = few ? count : RECEIPT_CANDIDATES_MAX; /* of the choice */
    static struct receipt_try tries[LEDGER_ATTEMPTS_MAX];
    static struct receipt_candidate candidates[RECEIPT_CANDIDATES_MAX];
    const struct str longest = { name, len };
    struct receipt receipt;
    memset(quotes, '"', sizeof(quotes));
    fill(facts_text, sizeof(facts_text));
    fill(reason, sizeof(reason));
    for (size_t i = 0; i < LEDGER_ATTEMPTS_MAX; i++) {
        tries[i] = (struct receipt_try){
            .route = longest,
            .upstream_id = { quotes, sizeof(quotes) },
            .outcome = STR("upstream_unreachable_or_worse"),
            .sent = true,
            .billable = true,
        };
    }
    for (size_t i = 0; i < 2 && tried > 1; i++) { /* of two one is a hedge, and one costs */
        struct receipt_try *try = &tries[tried - 2 + i];
        try->hedge = i == 1;
        try->cost_by = i == 1 ? STR("reported") : STR_EMPTY;
        try->cost_nano = INT64_MAX;
        try->cost_currency = STR("USD");
    }
    for (size_t i = 0; i < RECEIPT_CANDIDATES_MAX; i++) {
        candidates[i] =
            (struct receipt_candidate){ longest, STR("require_parameters"), ROUTES, INT64_MIN };
    }
    struct receipt_facts facts = {
        .currency = STR("USD"),
        .class_names = classes,
        .law = law_of(count, len),
        .law_facts = { facts_text, facts_len },
        .law_reason_count = RECEIPT_REASONS_MAX,
        .route = longest,
        .tries = tries,
        .try_count = tried,
        .attempts = INT64_MAX,
        .held_nano = INT64_MAX,
        .overrun_nano = INT64_MAX,
        .internal_reason = STR("UPSTREAM_UNREACHABLE_OR_WORSE"),
        .choice = { .sort = STR("throughput"),
                    .candidates = candidates,
                    .count = told,
                    .left_out = INT64_MAX,
                    .saved_nano = INT64_MAX },
    };
    for (size_t i = 0; i < RECEIPT_REASONS_MAX; i++) {
        facts.law_reasons[i] = (struct str){ reason, sizeof(reason) };
    }
    receipt_init(&receipt);
    CHECK_EQ(receipt_build(&receipt, &facts), ERR_OK);
    receipt_fini(&receipt);
}

static size_t facts_of(size_t counters)
{
    return FACTS + counters * LIMIT;
}

TEST(what_just_holds_of_one_model_can_be_written)
{
    static const size_t counts[] = { 1, 2, 8, 9, 16, 17, 18, 40, 63, 64 };
    for (size_t i = 0; i < EP_ARRAY_LEN(counts); i++) {
        for (size_t counters = 0; counters <= 60; counters += 4) {
            size_t len = 0;
            while (len + 1 < sizeof(name) && holds(counts[i], len + 1, 0, counters)) {
                len++;
            }
            if (len > 0) {
                write_worst(counts[i], counts[i], len, facts_of(counters));
            }
        }
    }
}

TEST(what_just_holds_of_several_models_can_be_written)
{
    static const size_t counts[] = { 1, 8, 17, 64 };
    for (size_t i = 0; i < EP_ARRAY_LEN(counts); i++) {
        for (size_t counters = 0; counters <= 60; counters += 4) {
            size_t len = 0;
            while (len + 1 < sizeof(name) && falls_back(counts[i], len + 1, len + 1, counters)) {
                len++;
            }
            if (len > 0) {
                write_worst(counts[i], CALL_FIT_TRIES_MAX, len, facts_of(counters));
            }
        }
    }
}

TEST(what_just_holds_of_quarantined_routes_can_be_written)
{
    for (size_t len = 1; len < sizeof(name); len++) {
        size_t told = facts_of(0) + ROUTES * (len + 3);
        if (holds(ROUTES, len, UINT64_MAX, 0)) {
            write_worst(ROUTES, 0, len, told < sizeof(facts_text) ? told : sizeof(facts_text));
        }
    }
}

/* ---- what the client is told --------------------------------------------------------------- */

/* All columns, units and flags, and each name as long as it may be, of quotes where it may. */
TEST(the_clients_section_holds_the_most_of_everything)
{
    static const char *const units[RECEIPT_UNITS] = { "web_fetch", "web_search", "source" };
    static const char *const longest[RECEIPT_CLASSES] = {
        "cached_audio_a", "cached_audio_b", "cached_audio_c", "cached_audio_d",
        "cached_audio_e", "cached_audio_f", "cached_audio_g", "cached_audio_h",
        "cached_audio_i", "cached_audio_j", "cached_audio_k", "cached_audio_l",
        "cached_audio_m", "cached_audio_n", "cached_audio_o", "cached_audio_p",
    };
    static char asked[ASK_NAME_MAX];
    struct receipt_tokens tokens = { .provenance = STR("upstream_partial") };
    struct receipt receipt;
    memset(asked, '"', sizeof(asked));
    memset(name, 'r', sizeof(name));
    for (size_t i = 0; i < RECEIPT_CLASSES; i++) {
        tokens.tokens[i] = INT64_MAX;
    }
    struct receipt_facts facts = {
        .key = STR("key_01m8br6dfm0004tdaj4990qfnd"),
        .product = { name, sizeof(name) },
        .model_asked = { asked, sizeof(asked) },
        .model_served = { name, sizeof(name) },
        .counted = tokens,
        .reported = tokens,
        .generated = tokens,
        .billed = tokens,
        .class_names = longest,
        .reported_flags = { STR("quarantined"), STR("reasoning_added"), STR("split_assumed") },
        .units = { RATE_UNITS_MOST, RATE_UNITS_MOST, RATE_UNITS_MOST },
        .unit_names = units,
        .saved_nano = INT64_MAX,
        .price_book = { name, sizeof(name) },
        .amount_nano = INT64_MAX,
        .currency = STR("USD"),
        .outcome = STR("interrupted"),
        .reason_count = RECEIPT_REASONS_MAX,
    };
    for (size_t i = 0; i < RECEIPT_REASONS_MAX; i++) {
        facts.reasons[i] = (struct str){ reason, sizeof(reason) };
    }
    fill(reason, sizeof(reason));
    receipt_init(&receipt);
    CHECK_EQ(receipt_build(&receipt, &facts), ERR_OK);
    CHECK(receipt.sections[RECEIPT_CLIENT].len < RECEIPT_SECTION_MAX / 2);
    receipt_fini(&receipt);
}
