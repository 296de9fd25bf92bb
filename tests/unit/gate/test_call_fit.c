#include "gate/call_fit.h"

#include <stdlib.h>

#include "gate/call_attempt.h"
#include "gate/call_law.h"
#include "harness.h"
#include "tlog/receipt.h"

#define ROUTES 64

static struct registry_route routes[ROUTES];
static const struct registry_route *places[ROUTES];
static char name[128];

/* A model with so many routes, whose ids have `len` bytes. */
static struct registry_model model_of(size_t count, size_t len)
{
    memset(name, 'r', sizeof(name));
    for (size_t i = 0; i < ROUTES; i++) {
        routes[i] = (struct registry_route){ .id = { name, len } };
        places[i] = &routes[i];
    }
    return (struct registry_model){ .routes = places, .route_count = count };
}

static bool holds(size_t count, size_t len, uint64_t quarantined, size_t counters)
{
    struct registry_model model = model_of(count, len);
    const struct call_fit fit = { &model, UINT64_MAX & ~quarantined, quarantined, counters };
    return call_fit_holds(&fit);
}

TEST(usual_models_fit_and_so_do_64_routes)
{
    CHECK(holds(0, 0, 0, 0));
    CHECK(holds(4, 20, 0, 0));
    CHECK(holds(64, 32, 0, 0));
    CHECK(holds(64, 64, UINT64_MAX, 0)); /* none of them is tried */
    CHECK(holds(8, 32, 0, 60));
}

TEST(what_would_not_fit_is_told_by_what_it_consists_of)
{
    CHECK(!holds(64, 127, 0, 0));           /* tries */
    CHECK(!holds(64, 32, 0, 60));           /* tries and limits together */
    CHECK(!holds(1, 20, 0, 61));            /* limits alone: the facts have a room of their own */
    CHECK(!holds(64, 127, UINT64_MAX, 10)); /* quarantined routes and limits */
    CHECK(holds(64, 127, UINT64_MAX, 0));
}

/* A receipt of what just holds, with ids of quotes and the facts' quotes escaped, is written. */
TEST(what_holds_can_be_written)
{
    static const char *const classes[RECEIPT_CLASSES] = { "a", "b", "c", "d", "e", "f", "g", "h",
                                                          "i", "j", "k", "l", "m", "n", "o", "p" };
    static char quotes[CALL_UPSTREAM_ID_MAX];
    static char facts_text[CALL_LAW_FACTS_MAX];
    static char law[ROUTES * 128];
    static char reason[RECEIPT_REASON_MAX];
    struct receipt_try tries[ROUTES];
    struct receipt receipt;
    size_t len = 1;
    size_t counters = 16;
    memset(quotes, '"', sizeof(quotes));
    memset(reason, 'x', sizeof(reason));
    while (len + 1 < sizeof(name) && holds(ROUTES, len + 1, 0, counters)) {
        len++;
    }
    CHECK(holds(ROUTES, len, 0, counters) && len > 20);
    for (size_t i = 0; i < ROUTES; i++) {
        tries[i] = (struct receipt_try){
            .route = { name, len },
            .upstream_id = { quotes, sizeof(quotes) },
            .outcome = STR("UPSTREAM_MODEL"),
            .sent = true,
            .billable = true,
        };
    }
    memset(law, 'r', sizeof(law));
    size_t told = 3072 + counters * 152;
    for (size_t i = 0; i < told; i++) {
        facts_text[i] = i % 2 == 0 ? '"' : 'a';
    }
    struct receipt_facts facts = {
        .currency = STR("USD"),
        .class_names = classes,
        .law = { law, ROUTES * (len + 1) },
        .law_facts = { facts_text, told },
        .law_reason_count = RECEIPT_REASONS_MAX,
        .tries = tries,
        .try_count = ROUTES,
        .attempts = ROUTES,
    };
    for (size_t i = 0; i < RECEIPT_REASONS_MAX; i++) {
        facts.law_reasons[i] = (struct str){ reason, sizeof(reason) };
    }
    receipt_init(&receipt);
    CHECK_EQ(receipt_build(&receipt, &facts), ERR_OK);
    receipt_fini(&receipt);
}
