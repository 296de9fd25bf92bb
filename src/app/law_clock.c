#include "app/law_clock.h"

#include "app/server.h"
#include "base/counter.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/stamp.h"
#include "policy/ending.h"
#include "policy/opening.h"

/* How often it looks whether there is another registry, or the wall clock was set. */
#define LAW_CLOCK_LOOK_NS INT64_C(1000000000)
#define LAW_CLOCK_DAY_NS  INT64_C(86400000000000)

struct law_clock {
    struct server *server;
    struct timer timer;
    const struct registry *registry; /* that the rest is about */
    struct policy *policy;
    bool *open;   /* by route: what was said last */
    int64_t seen; /* warnings that fell due up to here were told; on the wall clock */
    int64_t next; /* when something changes */
};

/* ---- routes -------------------------------------------------------------------------------- */

static void law_clock_say(const struct registry_route *route, bool open)
{
    struct log_line line;
    log_begin(&line, open ? EVENT_ROUTE_OPENED : EVENT_ROUTE_CLOSED);
    log_str(&line, "route", route->id);
    log_str(&line, "model", route->model->id);
    log_end(&line);
}

static void law_clock_routes(struct law_clock *clock, int64_t now)
{
    const struct registry *registry = clock->registry;
    int64_t closed = 0;
    for (size_t i = 0; i < registry->route_count; i++) {
        const struct registry_route *route = &registry->routes[i];
        bool open = policy_route_is_open(clock->policy, route, now);
        closed += open ? 0 : 1;
        if (open != clock->open[i]) {
            law_clock_say(route, open);
        }
        clock->open[i] = open;
    }
    counter_set(COUNTER_ROUTES_CLOSED, closed);
}

/* What was said of the route last; one of which nothing was said is thought to be open. */
static bool law_clock_said(const struct law_clock *clock, struct str id)
{
    const struct registry_route *route =
        clock->registry == NULL ? NULL : registry_route(clock->registry, id);
    return route == NULL || clock->open[route - clock->registry->routes];
}

/* ---- warnings ------------------------------------------------------------------------------ */

struct law_clock_warning {
    int64_t from; /* told up to here */
    int64_t now;
    int64_t ending[POLICY_WARNINGS]; /* things with so many days left, or fewer */
};

static void law_clock_on_ending(void *context, const struct policy_ending *ending)
{
    struct law_clock_warning *warning = context;
    int days = policy_warning(ending->at, warning->from, warning->now);
    bool over = ending->at <= warning->from; /* before this server looked */
    for (size_t i = 0; i < POLICY_WARNINGS; i++) {
        int64_t left = ending->at - warning->now;
        warning->ending[i] += left > 0 && left <= policy_warning_days[i] * LAW_CLOCK_DAY_NS;
    }
    if (days < 0 || over) {
        return;
    }
    struct log_line line;
    counter_add(COUNTER_LAW_WARNINGS, 1);
    log_begin(&line, days == 0 ? EVENT_LAW_ENDED : EVENT_LAW_ENDS_SOON);
    log_str(&line, "kind", str_from(ending->kind));
    log_str(&line, "id", ending->id);
    log_int(&line, "days", days);
    log_int(&line, "ends_s", ending->at / STAMP_NS_PER_S);
    log_end(&line);
}

static void law_clock_warn(struct law_clock *clock, int64_t now, bool first)
{
    struct law_clock_warning warning = { .from = clock->seen, .now = now };
    if (first) {
        /* All that has begun to run out is told once; what had ended before is no news. */
        warning.from = now - LAW_CLOCK_DAY_NS * (policy_warning_days[0] + 1);
    }
    policy_endings(clock->registry, law_clock_on_ending, &warning);
    counter_set(COUNTER_LAW_ENDING_60, warning.ending[0]);
    counter_set(COUNTER_LAW_ENDING_30, warning.ending[1]);
    counter_set(COUNTER_LAW_ENDING_7, warning.ending[2]);
    counter_set(COUNTER_LAW_ENDING_1, warning.ending[3]);
    clock->seen = now;
}

/* ---- the clock ----------------------------------------------------------------------------- */

static void law_clock_forget(struct law_clock *clock)
{
    policy_destroy(clock->policy);
    mem_free(clock->open);
    registry_unref(clock->registry);
    clock->policy = NULL;
    clock->open = NULL;
    clock->registry = NULL;
}

/* Takes the reference. Without memory it is kept by the registry of before until the next look. */
static bool law_clock_take(struct law_clock *clock, const struct registry *registry)
{
    struct policy *policy = NULL;
    bool *open = mem_zalloc(registry->route_count + 1);
    if (open == NULL || policy_compile(registry, &policy, NULL) != ERR_OK) {
        mem_free(open);
        registry_unref(registry);
        return false;
    }
    for (size_t i = 0; i < registry->route_count; i++) {
        open[i] = law_clock_said(clock, registry->routes[i].id);
    }
    law_clock_forget(clock);
    clock->registry = registry;
    clock->policy = policy;
    clock->open = open;
    return true;
}

static void law_clock_tell(struct law_clock *clock, int64_t now, bool first)
{
    law_clock_routes(clock, now);
    law_clock_warn(clock, now, first);
    int64_t edge = policy_next_edge(clock->policy, now);
    int64_t warning = policy_next_warning(clock->registry, now);
    clock->next = edge < warning ? edge : warning;
}

void law_clock_look(struct law_clock *clock, int64_t now)
{
    const struct registry *registry = world_registry(clock->server->world);
    bool same = registry == clock->registry;
    if (same) {
        registry_unref(registry);
    }
    bool taken = !same && law_clock_take(clock, registry);
    if (taken || (clock->registry != NULL && (now >= clock->next || now < clock->seen))) {
        law_clock_tell(clock, now, taken);
    }
}

static void law_clock_on_time(struct timer *timer)
{
    struct law_clock *clock = EP_CONTAINER(timer, struct law_clock, timer);
    struct loop *loop = clock->server->loop;
    law_clock_look(clock, stamp_system_ns());
    int64_t wait = clock->next - stamp_system_ns();
    wait = wait > LAW_CLOCK_LOOK_NS ? LAW_CLOCK_LOOK_NS : wait > 0 ? wait : 0;
    enum err err = timer_start(loop, timer, loop_now_ns(loop) + wait);
    ASSERT(err == ERR_OK); /* its place in the heap has just become free */
}

enum err law_clock_start(struct server *server, struct law_clock **ret_clock, struct fail *fail)
{
    struct law_clock *clock = mem_zalloc(sizeof(*clock));
    if (clock == NULL) {
        return FAIL(fail, ERR_NO_MEMORY, "no memory for the law's calendar");
    }
    clock->server = server;
    clock->next = INT64_MAX;
    timer_init(&clock->timer, law_clock_on_time);
    enum err err = timer_start(server->loop, &clock->timer, loop_now_ns(server->loop));
    if (err != ERR_OK) {
        mem_free(clock);
        return FAIL(fail, err, "no memory for a timer");
    }
    *ret_clock = clock;
    return ERR_OK;
}

void law_clock_stop(struct law_clock *clock)
{
    if (clock == NULL) {
        return;
    }
    timer_stop(clock->server->loop, &clock->timer);
    law_clock_forget(clock);
    mem_free(clock);
}
