/* The closures of one call, a line each: what `entrepot closures` shows. */
#include "base/stamp.h"
#include "policy/print_internal.h"

/* Things on a line: ": " before the first, "; " before each other. */
struct items {
    struct words *words;
    size_t count;
};

static void list_begin(struct items *list)
{
    words_put(list->words, list->count++ == 0 ? STR(": ") : STR("; "));
}

/* The reasons of one closure, of one route. */
static void list_reasons(struct items *list, const struct policy_verdict *verdict,
                         enum policy_closure closure, const struct registry_route *route)
{
    for (size_t i = 0; i < verdict->reason_count; i++) {
        const struct policy_reason *reason = &verdict->reasons[i];
        if (reason->route == route && policy_reason_info(reason->code)->closure == closure) {
            list_begin(list);
            words_reason(list->words, reason);
        }
    }
}

static void list_chain(struct items *list, const struct policy_route *route, bool among_open)
{
    struct words *words = list->words;
    size_t count = route->chain.edge_count;
    list_begin(list);
    words_put(words, route->route->id);
    words_put(words, among_open ? STR(" closed (") : STR(" ("));
    if (count == 0) {
        words_put(words, STR("the vendor's own"));
    } else {
        words_number(words, count);
        words_put(words, count == 1 ? STR(" edge") : STR(" edges"));
    }
    if (route->chain.until == INT64_MAX) {
        words_put(words, STR(", no expiry)"));
    } else {
        words_put(words, STR(", next expiry "));
        words_time(words, route->chain.until);
        words_put(words, STR(")"));
    }
}

static void closures_route(struct items *list, const struct policy_verdict *verdict,
                           const struct policy_route *route, enum policy_closure closure,
                           bool among_open)
{
    size_t before = list->count;
    if (closure == POLICY_AUTHORIZATION && route->closures[closure] == POLICY_CLOSED) {
        list_chain(list, route, among_open);
        return;
    }
    list_reasons(list, verdict, closure, route->route);
    if (route->closures[closure] == POLICY_OPEN && list->count == before) {
        /* Scope without a chain to judge it on, or reasons beyond what a verdict keeps. */
        list_begin(list);
        words_put(list->words, route->route->id);
        words_put(list->words, STR(" open"));
    }
}

static void closures_line(struct words *words, const struct policy_verdict *verdict,
                          enum policy_closure closure, int64_t now)
{
    static const struct str months[] = {
        STR_INIT("Jan"), STR_INIT("Feb"), STR_INIT("Mar"), STR_INIT("Apr"),
        STR_INIT("May"), STR_INIT("Jun"), STR_INIT("Jul"), STR_INIT("Aug"),
        STR_INIT("Sep"), STR_INIT("Oct"), STR_INIT("Nov"), STR_INIT("Dec"),
    };
    bool open = false;
    bool pending = false;
    for (size_t i = 0; i < verdict->route_count; i++) {
        open |= verdict->per_route[i].closures[closure] == POLICY_OPEN;
        pending |= verdict->per_route[i].closures[closure] == POLICY_PENDING;
    }
    words_put(words, str_from(policy_closure_name(closure)));
    words_put(words, open ? STR(" open") : (pending ? STR(" pending (") : STR(" closed")));
    if (!open && pending) {
        words_put(words, months[(stamp_month(now) - 1) % 100]);
        words_put(words, STR(")"));
    }
    struct items list = { .words = words };
    for (size_t i = 0; i < verdict->route_count; i++) {
        closures_route(&list, verdict, &verdict->per_route[i], closure, open);
    }
    words_put(words, STR("\n"));
}

/* Reasons of no closure: of the whole call, then of each route. */
static void closures_rules(struct words *words, const struct policy_verdict *verdict)
{
    struct items list = { .words = words };
    for (size_t i = 0; i < verdict->reason_count; i++) {
        const struct policy_reason *reason = &verdict->reasons[i];
        if (policy_reason_info(reason->code)->closure == POLICY_RULES) {
            words_put(words, list.count == 0 ? STR("rules open") : STR_EMPTY);
            list_begin(&list);
            words_reason(words, reason);
        }
    }
    words_put(words, list.count == 0 ? STR_EMPTY : STR("\n"));
}

static void closures_routes(struct words *words, const struct policy_verdict *verdict)
{
    bool first = true;
    words_put(words, STR("=> "));
    for (size_t i = 0; i < verdict->route_count; i++) {
        if (verdict->per_route[i].admissible) {
            words_put(words, first ? STR_EMPTY : STR(", "));
            words_put(words, verdict->per_route[i].route->id);
            first = false;
        }
    }
    words_put(words, first ? STR("no route\n") : STR("\n"));
}

enum err policy_print_closures(const struct policy_verdict *verdict, int64_t now, struct buf *out)
{
    struct words words = { .out = out };
    closures_rules(&words, verdict);
    for (unsigned i = 0; verdict->route_count > 0 && i < POLICY_CLOSURES; i++) {
        closures_line(&words, verdict, (enum policy_closure)i, now);
    }
    if (verdict->reasons_dropped > 0) {
        words_put(&words, STR("and "));
        words_number(&words, verdict->reasons_dropped);
        words_put(&words, STR(" reasons more\n"));
    }
    closures_routes(&words, verdict);
    return words.err;
}
