#include "dispatch/choice.h"
#include "dispatch/dispatch_internal.h"
#include "registry/registry_tariff.h"

#define DISPATCH_TOKENS_MAX (INT64_C(1) << 40) /* expected of a call: no sum of them overflows */
#define DISPATCH_SEEN_NS    INT64_C(50000000)  /* the shared clock's steps: it is rarely written */
#define DISPATCH_AILING_PPM (HEALTH_AILING_PERCENT * INT64_C(10000))

/* ---- what speaks for a route, and what against it ------------------------------------------ */

/* All that is known of a call's routes at one instant, by their place in the model. */
struct dispatch_survey {
    struct dispatch_place places[REGISTRY_ROUTES_PER_MODEL_MAX];
    struct choice_option options[REGISTRY_ROUTES_PER_MODEL_MAX];
    struct dispatch_candidate *told; /* each of them; NULL: nobody asked why */
    enum dispatch_why whys[REGISTRY_ROUTES_PER_MODEL_MAX];
    size_t count;
    struct choice_how how;
    enum preference_sort sort;
    int64_t tokens_in;
    int64_t tokens_out;
    bool open;      /* at least one by law and registry; */
    bool preferred; /* and by the preference */
};

static const struct preference dispatch_default;

static const struct preference *dispatch_preference(const struct dispatch_ask *ask)
{
    return ask->preference != NULL ? ask->preference : &dispatch_default;
}

static int64_t dispatch_expected(int64_t tokens)
{
    return tokens < 0 ? 0 : tokens < DISPATCH_TOKENS_MAX ? tokens : DISPATCH_TOKENS_MAX;
}

/* Where nothing is expected: most calls read more than they write, three tokens in for one out. */
static money_wide dispatch_cost(const struct dispatch_survey *survey,
                                const struct registry_price *price)
{
    int64_t in = price->pico[REGISTRY_CLASS_IN];
    int64_t out = price->pico[REGISTRY_CLASS_OUT];
    if (survey->tokens_in == 0 && survey->tokens_out == 0) {
        return (money_wide)3 * in + out;
    }
    return money_rate(survey->tokens_in, in) + money_rate(survey->tokens_out, out) +
           price->pico_call;
}

/* Of what is no token. */
static money_wide dispatch_units_cost(const struct dispatch_ask *ask,
                                      const struct registry_price *price)
{
    money_wide cost = 0;
    for (size_t i = 0; ask->units != NULL && i < REGISTRY_UNITS; i++) {
        cost += money_rate(dispatch_expected(ask->units[i]), price->pico_unit[i]);
    }
    return cost;
}

/* What a measure is to a ranking that wants it small. Of a route that nobody uses, the best is
 * hoped, so that it is asked at times; one call at a time pays for the hope. */
static money_wide dispatch_measure(const struct dispatch_candidate *told,
                                   const struct health_view *view, bool latency)
{
    bool idle = told->under_way == 0;
    if (latency) {
        int64_t us = idle ? view->hoped_us : view->first_us;
        return us > 0 || idle ? us : CHOICE_SCORE_MAX;
    }
    int64_t speed = idle ? view->hoped_millitokens : view->millitokens;
    money_wide most = (money_wide)1 << 62;
    return speed > 0 ? most / speed : idle ? 0 : CHOICE_SCORE_MAX;
}

int64_t dispatch_candidate_energy(const struct dispatch_candidate *candidate)
{
    if (candidate->energy_uj < 0) {
        return -1;
    }
    money_wide weighed = registry_tariff_of(candidate->energy_uj, candidate->tariff_percent);
    return weighed < INT64_MAX ? (int64_t)weighed : INT64_MAX;
}

static money_wide dispatch_score(const struct dispatch_survey *survey,
                                 const struct dispatch_candidate *told,
                                 const struct health_view *view)
{
    money_wide score = told->cost_pico;
    if (survey->sort == PREFERENCE_SORT_WEIGHT) {
        score = 0;
    } else if (survey->sort == PREFERENCE_SORT_ENERGY) {
        score = told->energy_uj >= 0 ? dispatch_candidate_energy(told) : CHOICE_SCORE_MAX;
    } else if (survey->sort != PREFERENCE_SORT_PRICE) {
        score = dispatch_measure(told, view, survey->sort == PREFERENCE_SORT_LATENCY);
    }
    return score < CHOICE_SCORE_MAX ? score : CHOICE_SCORE_MAX;
}

/* By the law, the registry, the preference and the call itself. */
static enum dispatch_why dispatch_barred(struct dispatch_survey *survey,
                                         const struct dispatch_ask *ask, size_t at,
                                         enum preference_rule *ret_rule)
{
    const struct registry_route *route = ask->model->routes[at];
    uint64_t bit = UINT64_C(1) << at;
    if ((ask->closed & bit) != 0) {
        return (ask->uncarried & bit) != 0 ? DISPATCH_WHY_UNCARRIED : DISPATCH_WHY_CLOSED;
    }
    if (route->state != REGISTRY_ROUTE_ACTIVE) {
        return DISPATCH_WHY_SUSPENDED;
    }
    survey->open = true;
    *ret_rule =
        ask->preference == NULL ? PREFERENCE_RULE_NONE : preference_judge(ask->preference, route);
    if (*ret_rule != PREFERENCE_RULE_NONE) {
        return DISPATCH_WHY_EXCLUDED;
    }
    survey->preferred = true;
    return (ask->tried & bit) != 0 ? DISPATCH_WHY_TRIED : DISPATCH_WHY_WORSE;
}

/* False: one of the three was not learned. */
static bool dispatch_seat(const struct dispatch *dispatch, const struct registry_route *route,
                          struct dispatch_place *place)
{
    place->route = route;
    place->route_entry = dispatch_find(dispatch, 'r', route->id);
    place->credential_entry = dispatch_find(dispatch, 'c', route->credential->id);
    place->pool_entry = route->pool == NULL ? NULL : dispatch_find(dispatch, 'p', route->pool->id);
    return place->route_entry != NULL && place->credential_entry != NULL &&
           (place->pool_entry != NULL || route->pool == NULL);
}

static uint64_t dispatch_under_way(const struct dispatch_entry *entry)
{
    return atomic_load_explicit(&entry->under_way, memory_order_relaxed);
}

/* By places and tokens; WORSE: there is room. */
static enum dispatch_why dispatch_crowded(const struct dispatch *dispatch,
                                          const struct dispatch_ask *ask,
                                          const struct dispatch_place *place, int64_t *ret_until_ns)
{
    const struct registry_credential *credential = place->route->credential;
    const struct registry_pool *pool = place->route->pool;
    struct dispatch_room room =
        dispatch_room_of(credential->max_concurrent, credential->tokens_per_minute);
    enum dispatch_lack lack =
        dispatch_room_look(dispatch, ask, place->credential_entry, &room, ret_until_ns);
    if (lack != DISPATCH_LACK_NOTHING) {
        return lack == DISPATCH_LACK_PLACE ? DISPATCH_WHY_FULL : DISPATCH_WHY_TOKENS;
    }
    if (pool == NULL) {
        return DISPATCH_WHY_WORSE;
    }
    room = dispatch_room_of(pool->max_concurrent, pool->tokens_per_minute);
    lack = dispatch_room_look(dispatch, ask, place->pool_entry, &room, ret_until_ns);
    return lack == DISPATCH_LACK_NOTHING ? DISPATCH_WHY_WORSE
           : lack == DISPATCH_LACK_PLACE ? DISPATCH_WHY_POOL_FULL
                                         : DISPATCH_WHY_POOL_TOKENS;
}

/* By how it is just now. */
static enum dispatch_why dispatch_hindered(const struct dispatch *dispatch,
                                           const struct dispatch_survey *survey,
                                           const struct dispatch_ask *ask,
                                           struct dispatch_place *place, int64_t *ret_until_ns)
{
    static const enum dispatch_why whys[] = {
        [HEALTH_OPEN] = DISPATCH_WHY_OPEN,
        [HEALTH_PROBED] = DISPATCH_WHY_PROBED,
        [HEALTH_RESTING] = DISPATCH_WHY_RESTING,
        [HEALTH_SPENT] = DISPATCH_WHY_SPENT,
    };
    const struct dispatch_entry *entry = place->route_entry;
    enum health_state state = health_state(&entry->health, survey->tokens_in + survey->tokens_out,
                                           ask->now_ns, ret_until_ns);
    place->probe = state == HEALTH_HALF_OPEN;
    if (state != HEALTH_READY && state != HEALTH_HALF_OPEN) {
        return whys[state];
    }
    enum dispatch_why crowded = dispatch_crowded(dispatch, ask, place, ret_until_ns);
    if (crowded != DISPATCH_WHY_WORSE) {
        return crowded;
    }
    bool slowly = dispatch_under_way(entry) >= health_allowance(&entry->health, ask->now_ns);
    return slowly ? DISPATCH_WHY_RETURNING : DISPATCH_WHY_WORSE;
}

/* It fails too often, or begins much later than it used to. Of a half-open one its probe decides;
 * of a slow one that nobody uses, one call at a time finds out whether it still is. */
static bool dispatch_ails(const struct dispatch_place *place, const struct health_view *view)
{
    int64_t us = dispatch_under_way(place->route_entry) == 0 ? view->hoped_us : view->first_us;
    bool ails = view->errors_ppm >= DISPATCH_AILING_PPM || health_is_slow(us, view->usual_us);
    return ails && !place->probe;
}

static uint64_t dispatch_weight(const struct registry_route *route)
{
    ASSERT(route->weight <= CHOICE_WEIGHT_MAX);
    return route->weight > 0 ? route->weight : 1;
}

/* The numbers of a route whose place is found, whether it may be taken or not. */
static void dispatch_weigh(const struct dispatch_ask *ask, size_t at,
                           struct dispatch_survey *survey, struct dispatch_candidate *told)
{
    struct health_view view;
    const struct dispatch_entry *entry = survey->places[at].route_entry;
    health_view(&entry->health, ask->now_ns, &view);
    told->under_way = dispatch_under_way(entry);
    told->tariff_percent = ask->wall_ns > 0
                               ? registry_tariff_percent(told->route->pool, ask->wall_ns)
                               : REGISTRY_TARIFF_ORDINARY;
    told->cost_pico = dispatch_cost(survey, told->route->contract) +
                      dispatch_units_cost(ask, told->route->contract);
    if (told->route->pool != NULL && told->route->pool->tariff.scales_price) {
        told->cost_pico = registry_tariff_of(told->cost_pico, told->tariff_percent);
    }
    told->energy_uj = ask->energy_uj != NULL ? ask->energy_uj[at] : -1;
    told->first_us = view.first_us;
    told->millitokens = view.millitokens;
    told->errors_ppm = view.errors_ppm;
    told->weight = dispatch_weight(told->route);
    /* One that has as many calls as it takes yet is still better than none. */
    bool slowly = told->why == DISPATCH_WHY_RETURNING;
    told->ailing = slowly || dispatch_ails(&survey->places[at], &view);
    survey->options[at] = (struct choice_option){
        .out = told->why != DISPATCH_WHY_WORSE && !slowly,
        .ailing = told->ailing,
        .rank = preference_rank(dispatch_preference(ask), told->route),
        .score = dispatch_score(survey, told, &view),
        .under_way = told->under_way,
        .weight = told->weight,
        .hash = entry->hash,
    };
}

static void dispatch_look_at(const struct dispatch *dispatch, const struct dispatch_ask *ask,
                             size_t at, struct dispatch_survey *survey)
{
    struct dispatch_place *place = &survey->places[at];
    struct dispatch_candidate told = { .route = ask->model->routes[at], .energy_uj = -1 };
    *place = (struct dispatch_place){ .bit = UINT64_C(1) << at };
    survey->options[at].out = true;
    told.why = dispatch_barred(survey, ask, at, &told.rule);
    if (told.why == DISPATCH_WHY_WORSE || survey->told != NULL) {
        bool known = dispatch_seat(dispatch, told.route, place);
        if (told.why == DISPATCH_WHY_WORSE) {
            told.why = known ? dispatch_hindered(dispatch, survey, ask, place, &told.until_ns)
                             : DISPATCH_WHY_UNKNOWN;
        }
        if (known) {
            dispatch_weigh(ask, at, survey, &told);
        }
    }
    survey->whys[at] = told.why;
    if (survey->told != NULL) {
        survey->told[at] = told;
    }
}

/* No fallbacks and no order: the first choice of all that the preference leaves, also where it
 * cannot be taken now; and nothing more once one was tried. */
static void dispatch_keep_first(const struct dispatch_ask *ask, struct dispatch_survey *survey)
{
    bool out[REGISTRY_ROUTES_PER_MODEL_MAX];
    for (size_t i = 0; i < survey->count; i++) {
        out[i] = survey->options[i].out;
        survey->options[i].out =
            survey->whys[i] == DISPATCH_WHY_CLOSED || survey->whys[i] == DISPATCH_WHY_UNCARRIED ||
            survey->whys[i] == DISPATCH_WHY_SUSPENDED || survey->whys[i] == DISPATCH_WHY_EXCLUDED ||
            survey->whys[i] == DISPATCH_WHY_UNKNOWN;
    }
    size_t first =
        ask->tried != 0 ? CHOICE_NONE : choice_best(survey->options, survey->count, &survey->how);
    for (size_t i = 0; i < survey->count; i++) {
        bool dropped =
            i != first && !survey->options[i].out && survey->whys[i] != DISPATCH_WHY_TRIED;
        survey->options[i].out = out[i] || i != first;
        if (dropped && survey->told != NULL) {
            survey->told[i].why = DISPATCH_WHY_EXCLUDED;
            survey->told[i].rule = PREFERENCE_RULE_ALLOW_FALLBACKS;
            survey->told[i].until_ns = 0;
        }
    }
}

/* Energy that no route tells ranks nothing: then it is the price. */
static enum preference_sort dispatch_sort(const struct dispatch_ask *ask)
{
    enum preference_sort sort = dispatch_preference(ask)->sort;
    if (sort != PREFERENCE_SORT_ENERGY) {
        return sort;
    }
    for (size_t i = 0; i < ask->model->route_count && ask->energy_uj != NULL; i++) {
        if (ask->energy_uj[i] >= 0) {
            return sort;
        }
    }
    return PREFERENCE_SORT_PRICE;
}

static void dispatch_look(const struct dispatch *dispatch, const struct dispatch_ask *ask,
                          struct dispatch_candidate *told, struct dispatch_survey *ret_survey)
{
    const struct preference *preference = dispatch_preference(ask);
    ASSERT(ask->model->route_count <= REGISTRY_ROUTES_PER_MODEL_MAX);
    ASSERT(ask->now_ns >= 0);
    ASSERT(preference->near_percent <= PREFERENCE_NEAR_PERCENT_MAX);
    struct dispatch_survey *survey = ret_survey;
    survey->told = told;
    survey->count = ask->model->route_count;
    survey->open = false;
    survey->preferred = false;
    survey->sort = dispatch_sort(ask);
    survey->tokens_in = dispatch_expected(ask->tokens_in);
    survey->tokens_out = dispatch_expected(ask->tokens_out);
    bool measured =
        survey->sort == PREFERENCE_SORT_LATENCY || survey->sort == PREFERENCE_SORT_THROUGHPUT;
    uint64_t near = measured ? CHOICE_NEAR_PERCENT : 0;
    survey->how = (struct choice_how){
        .near_percent = preference->near_percent > 0 ? preference->near_percent : near,
        .affinity = ask->affinity,
        .chance = ask->chance,
        .drawn = survey->sort == PREFERENCE_SORT_WEIGHT,
    };
    for (size_t i = 0; i < survey->count; i++) {
        dispatch_look_at(dispatch, ask, i, survey);
    }
    if (preference->no_fallbacks && preference->order.count == 0) {
        dispatch_keep_first(ask, survey);
    }
}

/* ---- taking it ---------------------------------------------------------------------------- */

/* Both are given back as if nothing had been under way. */
static void dispatch_untake(struct dispatch_entry *entry, const struct dispatch_room *room,
                            int64_t tokens, int64_t fills_ns, int64_t now_ns)
{
    const struct dispatch_use unused = { .taken = tokens, .used = 0 };
    dispatch_room_give(entry, room, &unused, fills_ns, now_ns);
}

/* A place of each with its tokens, and the probe where the breaker asks for one; or nothing. */
static bool dispatch_take(const struct dispatch *dispatch, const struct dispatch_ask *ask,
                          struct dispatch_place *place)
{
    const struct registry_credential *credential = place->route->credential;
    const struct registry_pool *pool = place->route->pool;
    struct dispatch_room room =
        dispatch_room_of(credential->max_concurrent, credential->tokens_per_minute);
    place->tokens = ask->capacity_tokens;
    place->used_tokens = -1;
    if (!dispatch_room_take(dispatch, ask, place->credential_entry, &room,
                            &place->credential_fills_ns)) {
        return false;
    }
    struct dispatch_room pool_room = { 0 };
    if (pool != NULL) {
        pool_room = dispatch_room_of(pool->max_concurrent, pool->tokens_per_minute);
    }
    bool pooled = pool == NULL || dispatch_room_take(dispatch, ask, place->pool_entry, &pool_room,
                                                     &place->pool_fills_ns);
    if (pooled && (!place->probe || health_probe(&place->route_entry->health, ask->now_ns))) {
        atomic_fetch_add_explicit(&place->route_entry->under_way, 1, memory_order_relaxed);
        return true;
    }
    if (pooled && pool != NULL) {
        dispatch_untake(place->pool_entry, &pool_room, place->tokens, place->pool_fills_ns,
                        ask->now_ns);
    }
    dispatch_untake(place->credential_entry, &room, place->tokens, place->credential_fills_ns,
                    ask->now_ns);
    return false;
}

static enum err dispatch_none(const struct dispatch_survey *survey)
{
    return survey->open && !survey->preferred ? ERR_PREFERENCE : ERR_NO_ROUTE;
}

static void dispatch_see(struct dispatch *dispatch, int64_t now_ns)
{
    int64_t seen = atomic_load_explicit(&dispatch->seen_ns, memory_order_relaxed);
    if (now_ns - seen >= DISPATCH_SEEN_NS) {
        atomic_store_explicit(&dispatch->seen_ns, now_ns, memory_order_relaxed);
    }
}

enum err dispatch_pick(struct dispatch *dispatch, const struct dispatch_ask *ask,
                       struct dispatch_place *ret_place)
{
    struct dispatch_survey survey;
    ASSERT(registry_product_model(ask->product, ask->model->id) == ask->model);
    dispatch_see(dispatch, ask->now_ns);
    dispatch_look(dispatch, ask, NULL, &survey);
    size_t best;
    while ((best = choice_best(survey.options, survey.count, &survey.how)) != CHOICE_NONE) {
        struct dispatch_place *place = &survey.places[best];
        if (dispatch_take(dispatch, ask, place)) {
            health_spend(&place->route_entry->health, survey.tokens_in + survey.tokens_out);
            *ret_place = *place;
            return ERR_OK;
        }
        survey.options[best].out = true; /* somebody was quicker: at most once through all */
    }
    return dispatch_none(&survey);
}

/* ---- what is told of it ------------------------------------------------------------------- */

#define DISPATCH_WHY_AS_NAME(name, text) STR_INIT(text),
static const struct str why_names[] = { DISPATCH_WHY_TABLE(DISPATCH_WHY_AS_NAME) };
#undef DISPATCH_WHY_AS_NAME
_Static_assert(EP_ARRAY_LEN(why_names) == DISPATCH_WHY_COUNT, "a name for each reason");

struct str dispatch_why_name(enum dispatch_why why)
{
    ASSERT(why < DISPATCH_WHY_COUNT);
    return why_names[why];
}

void dispatch_explain(const struct dispatch *dispatch, const struct dispatch_ask *ask,
                      struct dispatch_explanation *ret_explanation)
{
    struct dispatch_survey survey;
    struct dispatch_candidate *told = ret_explanation->candidates;
    dispatch_look(dispatch, ask, told, &survey);
    size_t best = choice_best(survey.options, survey.count, &survey.how);
    size_t affine = choice_affine(survey.options, survey.count, &survey.how);
    for (size_t i = 0; i < survey.count && best != CHOICE_NONE; i++) {
        told[i].near = choice_is_near(survey.options, best, i, survey.how.near_percent);
        told[i].affine = i == affine;
    }
    ret_explanation->sort = survey.sort;
    ret_explanation->count = survey.count;
    ret_explanation->err = best == CHOICE_NONE ? dispatch_none(&survey) : ERR_OK;
    for (size_t rank = 1; best != CHOICE_NONE && rank <= DISPATCH_RANKS_MAX; rank++) {
        told[best].rank = rank;
        told[best].why = rank == 1 ? DISPATCH_WHY_CHOSEN : told[best].why;
        survey.options[best].out = true;
        best = choice_best(survey.options, survey.count, &survey.how);
    }
}
