/* `route explain`: where a call of a client would go now, and why not elsewhere. */
#include <time.h>

#include "app/acts_internal.h"
#include "app/explain_request.h"
#include "base/stamp.h"
#include "dispatch/dispatch.h"
#include "gate/prefer.h"
#include "policy/facts.h"
#include "settle/rejudge.h"
#include "wire/json.h"

static const char *const explain_columns[] = { "rank",     "route",    "party",    "place",
                                               "why",      "cost_1m",  "kj_1m",    "tariff_%",
                                               "first_ms", "tokens_s", "errors_%", "under_way",
                                               "weight",   "hedge_ms", "health" };

/* A million in all, three in for one out. */
#define EXPLAIN_TOKENS_IN  750000
#define EXPLAIN_TOKENS_OUT 250000
#define EXPLAIN_UJ_A_KJ    INT64_C(1000000000)

struct explaining {
    struct acting *acting;
    struct policy_facts facts;
    struct policy_online online;
    struct arena arena;
    struct preference preference;
    struct dispatch *own; /* NULL: the running server's is asked */
    const struct dispatch *dispatch;
    struct dispatch_explanation seen;
    uint64_t closed_by_law;
    uint64_t closed_by_product;
    enum registry_service service;
    uint64_t unserving;              /* routes that are for other services */
    struct explain_request *request; /* NULL: none is given */
    int64_t energy_uj[REGISTRY_ROUTES_PER_MODEL_MAX];
};

/* What the client pays by today's list; credit may have been bought under an older one. */
static enum err explain_price(struct explaining *explaining, const struct ask_provider *given)
{
    const struct policy_facts *facts = &explaining->facts;
    const struct registry_price *price = registry_product_price(facts->product, facts->model);
    const char *part = price == NULL
                           ? NULL
                           : prefer_price_above(given, price->pico[REGISTRY_CLASS_IN],
                                                price->pico[REGISTRY_CLASS_OUT], price->pico_call);
    return part == NULL
               ? ERR_OK
               : FAIL(&explaining->acting->fail, ERR_PREFERENCE,
                      "provider.max_price.%s is below the product's price of this model", part);
}

/* The object that clients send as "provider". */
static enum err explain_preference(struct explaining *explaining)
{
    struct acting *acting = explaining->acting;
    struct str said = args_value(acting->args, "preferences");
    struct ask_provider given;
    struct json_fault fault;
    const char *param = NULL;
    if (said.len > 0 && json_check(said, &fault) != ERR_OK) {
        return FAIL(&acting->fail, ERR_ASK_INVALID,
                    "\"--preferences\" is no JSON at offset %zu: %s", fault.offset, fault.reason);
    }
    TRY(ask_read_provider(json_trim(said), &given, &param, &acting->fail));
    TRY(explain_price(explaining, &given));
    return prefer_build(&given, &explaining->facts.product->dispatch, &explaining->arena,
                        &explaining->preference);
}

/* What the law says of each route. */
static enum err explain_law(struct explaining *explaining)
{
    struct acting *acting = explaining->acting;
    struct rejudge rejudge;
    TRY(rejudge_init(&rejudge, acting->registry, &acting->fail));
    policy_judge(rejudge.policy, &explaining->facts, rejudge.verdict);
    explaining->closed_by_law = ~(rejudge.verdict->allow ? rejudge.verdict->routes : 0);
    enum err err = ERR_OK;
    if (!rejudge.verdict->allow) {
        acting->remedy = "see `entrepot closures` with the same flags";
        err = FAIL(&acting->fail, rejudge.verdict->err, "the law refuses this call: %s",
                   err_info(rejudge.verdict->err)->text);
    }
    rejudge_fini(&rejudge);
    return err;
}

/* A server that runs knows how its routes are; without one they are as after a start. */
static enum err explain_health(struct explaining *explaining)
{
    struct acting *acting = explaining->acting;
    explaining->dispatch = acting->world->dispatch;
    if (explaining->dispatch != NULL) {
        return ERR_OK;
    }
    enum err err = dispatch_create(&explaining->own);
    err = err == ERR_OK ? dispatch_learn(explaining->own, acting->registry) : err;
    explaining->dispatch = explaining->own;
    return err == ERR_OK ? ERR_OK : FAIL(&acting->fail, err, "no memory for the routes");
}

/* On the loops' clock. */
static int64_t explain_now(void)
{
    struct timespec now;
    int failed = clock_gettime(CLOCK_MONOTONIC, &now);
    ASSERT(failed == 0);
    return (int64_t)now.tv_sec * STAMP_NS_PER_S + now.tv_nsec;
}

/* The service that is asked for; else the first that the model's routes serve. */
static enum err explain_service(struct explaining *explaining)
{
    struct acting *acting = explaining->acting;
    const struct registry_model *model = explaining->facts.model;
    struct str said = args_value(acting->args, "service");
    unsigned found = 0;
    while (found < REGISTRY_SERVICE_COUNT &&
           (said.len > 0
                ? !str_eq(said, str_from(registry_service_name((enum registry_service)found)))
                : registry_model_serves(model, (enum registry_service)found) == 0)) {
        found++;
    }
    if (found == REGISTRY_SERVICE_COUNT && said.len > 0) {
        return FAIL(&acting->fail, ERR_ASK_INVALID,
                    "\"--service\" is chat, embeddings, rerank, images, speech, transcription or "
                    "realtime");
    }
    explaining->service =
        found == REGISTRY_SERVICE_COUNT ? REGISTRY_SERVICE_CHAT : (enum registry_service)found;
    explaining->unserving = ~registry_model_serves(model, explaining->service);
    return ERR_OK;
}

static uint64_t explain_closed(const struct explaining *explaining)
{
    return explaining->facts.quarantined | explaining->closed_by_law | explaining->unserving |
           explaining->closed_by_product | explain_uncarried(explaining->request);
}

static enum err explain_ask(struct explaining *explaining)
{
    const struct policy_facts *facts = &explaining->facts;
    TRY(explain_service(explaining));
    const struct explain_said said = { args_value(explaining->acting->args, "request"),
                                       args_value(explaining->acting->args, "dialect") };
    TRY(explain_request_read(&said, facts->model, &explaining->request, &explaining->acting->fail));
    TRY(explain_law(explaining));
    TRY(explain_preference(explaining));
    TRY(explain_health(explaining));
    explaining->closed_by_product = prefer_closed(facts->product, facts->model);
    prefer_energy(facts->model, EXPLAIN_TOKENS_IN, EXPLAIN_TOKENS_OUT, explaining->energy_uj);
    dispatch_explain(explaining->dispatch,
                     &(struct dispatch_ask){
                         .registry = explaining->acting->registry,
                         .product = facts->product,
                         .model = facts->model,
                         .closed = explain_closed(explaining),
                         .uncarried = explain_uncarried(explaining->request),
                         .now_ns = explain_now(),
                         .preference = &explaining->preference,
                         .tokens_in = EXPLAIN_TOKENS_IN,
                         .tokens_out = EXPLAIN_TOKENS_OUT,
                         .energy_uj = explaining->energy_uj,
                         .wall_ns = facts->now,
                         .capacity_tokens = 1, /* is there any? */
                     },
                     &explaining->seen);
    return ERR_OK;
}

/* ---- what is shown ------------------------------------------------------------------------ */

static struct str explain_why(const struct explaining *explaining, size_t at)
{
    const struct dispatch_candidate *candidate = &explaining->seen.candidates[at];
    if (candidate->why == DISPATCH_WHY_UNCARRIED) {
        return explain_field(explaining->request, at);
    }
    if (candidate->why != DISPATCH_WHY_CLOSED) {
        return candidate->why == DISPATCH_WHY_EXCLUDED ? str_from(prefer_param(candidate->rule))
                                                       : dispatch_why_name(candidate->why);
    }
    return (explaining->facts.quarantined >> at & 1) != 0   ? STR("quarantined")
           : (explaining->closed_by_law >> at & 1) != 0     ? STR("law")
           : (explaining->unserving >> at & 1) != 0         ? STR("other_service")
           : (explaining->closed_by_product >> at & 1) != 0 ? STR("product")
                                                            : dispatch_why_name(candidate->why);
}

static void explain_number(struct sheet *sheet, int64_t number)
{
    if (number > 0) {
        sheet_int(sheet, number);
    } else {
        sheet_none(sheet);
    }
}

/* When a second route is asked beside this one, of a stream; 0: never, or too few are known. */
static int64_t explain_hedge_ms(const struct explaining *explaining,
                                const struct registry_route *route)
{
    const struct registry_hedge *rule = &explaining->facts.product->dispatch.hedge;
    if (rule->after_percentile == 0) {
        return 0;
    }
    int64_t ns = dispatch_route_begins(explaining->dispatch, route->id, false,
                                       (int64_t)rule->after_percentile);
    int64_t ms = (ns + 999999) / 1000000;
    return ns == 0 || ms > (int64_t)rule->at_least_ms ? ms : (int64_t)rule->at_least_ms;
}

static void explain_row(struct explaining *explaining, struct sheet *sheet, size_t at)
{
    const struct dispatch_candidate *candidate = &explaining->seen.candidates[at];
    const struct registry_route *route = candidate->route;
    int64_t nano = INT64_MAX;
    EP_IGNORE(money_nano_ceil(candidate->cost_pico, &nano)); /* out of range: the dearest */
    explain_number(sheet, (int64_t)candidate->rank);
    sheet_str(sheet, route->id);
    sheet_str(sheet, route->upstream_party->id);
    sheet_str(sheet, route->place);
    sheet_str(sheet, explain_why(explaining, at));
    sheet_money(sheet, nano);
    explain_number(sheet, candidate->energy_uj / EXPLAIN_UJ_A_KJ);
    explain_number(sheet, (int64_t)candidate->tariff_percent);
    explain_number(sheet, candidate->first_us / 1000);
    explain_number(sheet, candidate->millitokens / 1000);
    sheet_int(sheet, candidate->errors_ppm / 10000);
    sheet_int(sheet, (int64_t)candidate->under_way);
    sheet_int(sheet, (int64_t)candidate->weight);
    explain_number(sheet, explain_hedge_ms(explaining, route));
    sheet_str(sheet, explaining->own == NULL ? STR("server") : STR("registry"));
}

/* By rank, then those that are not to be taken. */
static enum err explain_print(struct explaining *explaining)
{
    struct acting *acting = explaining->acting;
    struct sheet sheet;
    size_t count = explaining->seen.count;
    sheet_init(&sheet, explain_columns, EP_ARRAY_LEN(explain_columns));
    for (size_t rank = 1; rank <= count + 1; rank++) {
        for (size_t i = 0; i < count; i++) {
            if (explaining->seen.candidates[i].rank == (rank <= count ? rank : 0)) {
                explain_row(explaining, &sheet, i);
            }
        }
    }
    enum err err = sheet_print(&sheet, acting->json, acting->out);
    sheet_fini(&sheet);
    if (err == ERR_OK && explaining->own != NULL && !acting->json) {
        err = buf_append(acting->out,
                         STR("no server runs: health is as after a start, the rest is the "
                             "registry's\n"));
    }
    return err;
}

/* Nothing can be taken: which preference it was, where it was one. */
static enum err explain_end(struct explaining *explaining)
{
    struct acting *acting = explaining->acting;
    enum err err = explaining->seen.err;
    if (err == ERR_OK) {
        return ERR_OK;
    }
    struct preference_blame blame;
    char text[FAIL_TEXT_MAX / 2];
    struct buf shown = { text, 0, sizeof(text), sizeof(text) };
    preference_blame(&explaining->preference, explaining->facts.model, explain_closed(explaining),
                     &blame);
    if (err != ERR_PREFERENCE) {
        return FAIL(&acting->fail, err, "%s", err_info(err)->text);
    }
    EP_IGNORE(preference_blame_print(&blame, &shown)); /* what fits */
    return FAIL(&acting->fail, err, "no route is left: " STR_FMT, STR_ARG(buf_str(&shown)));
}

enum err act_route_explain(struct acting *acting)
{
    struct explaining explaining = { .acting = acting };
    TRY(acting_facts(acting, &explaining.facts, &explaining.online));
    arena_init(&explaining.arena, 1024, 65536);
    enum err err = explain_ask(&explaining);
    err = err == ERR_OK ? explain_print(&explaining) : err;
    err = err == ERR_OK ? explain_end(&explaining) : err;
    dispatch_destroy(explaining.own);
    explain_request_free(explaining.request);
    arena_fini(&explaining.arena);
    return err;
}
