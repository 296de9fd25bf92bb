/* The closures of one call, a line each: what `entrepot closures` shows. */
#include "base/stamp.h"
#include "policy/policy.h"
#include "registry/registry_canonical.h"

/* Things on a line: ": " before the first, "; " before each other. */
struct list {
    struct buf *out;
    size_t count;
};

static enum err list_begin(struct list *list)
{
    return buf_append(list->out, list->count++ == 0 ? STR(": ") : STR("; "));
}

static enum err list_reason(struct list *list, const struct policy_reason *reason)
{
    TRY(list_begin(list));
    return policy_reason_print(reason, list->out);
}

/* The reasons of one closure, of one route (NULL: of the whole call). */
static enum err list_reasons(struct list *list, const struct policy_verdict *verdict,
                             enum policy_closure closure, const struct registry_route *route)
{
    for (size_t i = 0; i < verdict->reason_count; i++) {
        const struct policy_reason *reason = &verdict->reasons[i];
        if (reason->route == route && policy_reason_info(reason->code)->closure == closure) {
            TRY(list_reason(list, reason));
        }
    }
    return ERR_OK;
}

static enum err list_chain(struct list *list, const struct policy_route *route, bool among_open)
{
    size_t count = route->chain.edge_count;
    TRY(list_begin(list));
    TRY(buf_printf(list->out, STR_FMT "%s (", STR_ARG(route->route->id),
                   among_open ? " closed" : ""));
    if (count == 0) {
        TRY(buf_append(list->out, STR("the vendor's own")));
    } else {
        TRY(buf_printf(list->out, "%zu %s", count, count == 1 ? "edge" : "edges"));
    }
    if (route->chain.until == INT64_MAX) {
        return buf_append(list->out, STR(", no expiry)"));
    }
    TRY(buf_append(list->out, STR(", next expiry ")));
    TRY(registry_time_print(list->out, route->chain.until));
    return buf_byte(list->out, ')');
}

static enum err closures_route(struct list *list, const struct policy_verdict *verdict,
                               const struct policy_route *route, enum policy_closure closure,
                               bool among_open)
{
    size_t before = list->count;
    if (closure == POLICY_AUTHORIZATION && route->closures[closure] == POLICY_CLOSED) {
        return list_chain(list, route, among_open);
    }
    TRY(list_reasons(list, verdict, closure, route->route));
    if (route->closures[closure] == POLICY_OPEN && list->count == before) {
        /* Scope without a chain to judge it on, or reasons beyond what a verdict keeps. */
        TRY(list_begin(list));
        return buf_printf(list->out, STR_FMT " open", STR_ARG(route->route->id));
    }
    return ERR_OK;
}

static enum err closures_line(struct buf *out, const struct policy_verdict *verdict,
                              enum policy_closure closure, int64_t now)
{
    static const char *const months[] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                          "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };
    bool open = false;
    bool pending = false;
    for (size_t i = 0; i < verdict->route_count; i++) {
        open |= verdict->per_route[i].closures[closure] == POLICY_OPEN;
        pending |= verdict->per_route[i].closures[closure] == POLICY_PENDING;
    }
    TRY(buf_printf(out, "%s %s", policy_closure_name(closure),
                   open ? "open" : (pending ? "pending" : "closed")));
    if (!open && pending) {
        TRY(buf_printf(out, " (%s)", months[(stamp_month(now) - 1) % 100]));
    }
    struct list list = { .out = out };
    for (size_t i = 0; i < verdict->route_count; i++) {
        TRY(closures_route(&list, verdict, &verdict->per_route[i], closure, open));
    }
    return buf_byte(out, '\n');
}

/* Reasons of no closure: of the whole call, then of each route. */
static enum err closures_rules(struct buf *out, const struct policy_verdict *verdict)
{
    struct list list = { .out = out };
    for (size_t i = 0; i < verdict->reason_count; i++) {
        const struct policy_reason *reason = &verdict->reasons[i];
        if (policy_reason_info(reason->code)->closure == POLICY_RULES) {
            TRY(buf_append(out, list.count == 0 ? STR("rules open") : STR_EMPTY));
            TRY(list_reason(&list, reason));
        }
    }
    return list.count == 0 ? ERR_OK : buf_byte(out, '\n');
}

enum err policy_print_closures(const struct policy_verdict *verdict, int64_t now, struct buf *out)
{
    TRY(closures_rules(out, verdict));
    for (unsigned i = 0; verdict->route_count > 0 && i < POLICY_CLOSURES; i++) {
        TRY(closures_line(out, verdict, (enum policy_closure)i, now));
    }
    if (verdict->reasons_dropped > 0) {
        TRY(buf_printf(out, "and %zu reasons more\n", verdict->reasons_dropped));
    }
    TRY(buf_append(out, STR("=> ")));
    bool first = true;
    for (size_t i = 0; i < verdict->route_count; i++) {
        if (verdict->per_route[i].admissible) {
            TRY(buf_printf(out, "%s" STR_FMT, first ? "" : ", ",
                           STR_ARG(verdict->per_route[i].route->id)));
            first = false;
        }
    }
    return buf_append(out, first ? STR("no route\n") : STR("\n"));
}
