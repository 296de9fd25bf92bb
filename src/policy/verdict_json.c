/* A verdict as JSON, its keys in order: for receipts, replays and other implementations. */
#include "policy/policy.h"
#include "registry/registry_canonical.h"
#include "wire/jsonw.h"

static const struct str states[] = {
    [POLICY_CLOSED] = STR_INIT("closed"),
    [POLICY_OPEN] = STR_INIT("open"),
    [POLICY_PENDING] = STR_INIT("pending"),
};

static void json_time(struct jsonw *json, const char *key, int64_t ns)
{
    char room[40];
    struct buf text = { room, 0, sizeof(room), sizeof(room) };
    jsonw_key(json, key);
    if (ns == INT64_MAX) {
        jsonw_null(json);
    } else {
        EP_IGNORE(registry_time_print(&text, ns)); /* fits */
        jsonw_str(json, buf_str(&text));
    }
}

static void json_closures(struct jsonw *json, const enum policy_state closures[POLICY_CLOSURES])
{
    /* In the order of their names. */
    static const enum policy_closure order[] = { POLICY_AUTHORIZATION, POLICY_BILLING, POLICY_DATA,
                                                 POLICY_SCOPE };
    jsonw_key(json, "closures");
    jsonw_open(json, '{');
    for (size_t i = 0; i < EP_ARRAY_LEN(order); i++) {
        jsonw_put_str(json, policy_closure_name(order[i]), states[closures[order[i]]]);
    }
    jsonw_close(json, '}');
}

static void json_route(struct jsonw *json, const struct policy_route *route)
{
    const struct policy_chain *chain = &route->chain;
    jsonw_open(json, '{');
    jsonw_key(json, "admissible");
    jsonw_bool(json, route->admissible);
    jsonw_key(json, "agreement");
    if (chain->agreement == NULL) {
        jsonw_null(json);
    } else {
        jsonw_str(json, chain->agreement->id);
    }
    jsonw_key(json, "chain");
    jsonw_open(json, '[');
    for (size_t i = 0; i < chain->edge_count; i++) {
        jsonw_str(json, chain->edges[i]->id);
    }
    jsonw_close(json, ']');
    json_closures(json, route->closures);
    jsonw_put_str(json, "route", route->route->id);
    json_time(json, "until", chain->until);
    jsonw_close(json, '}');
}

static void json_country(struct jsonw *json, const char *key, country_t country)
{
    char text[3];
    if (country != COUNTRY_NONE) {
        country_text(country, text);
        jsonw_put_str(json, key, str_from(text));
    }
}

static void json_reason(struct jsonw *json, const struct policy_reason *reason)
{
    jsonw_open(json, '{');
    jsonw_put_str(json, "code", str_from(policy_reason_info(reason->code)->name));
    json_country(json, "country", reason->country);
    if (reason->number > 0) {
        jsonw_put_int(json, "number",
                      reason->number > INT64_MAX ? INT64_MAX : (int64_t)reason->number);
    }
    if (reason->object.len > 0) {
        jsonw_put_str(json, "object", reason->object);
    }
    if (reason->route != NULL) {
        jsonw_put_str(json, "route", reason->route->id);
    }
    json_country(json, "to", reason->to);
    if (reason->what != NULL) {
        jsonw_put_str(json, "what", str_from(reason->what));
    }
    jsonw_close(json, '}');
}

static void json_told(struct jsonw *json, const struct policy_verdict *verdict)
{
    jsonw_key(json, "code");
    if (verdict->code == POLICY_FINE) {
        jsonw_null(json);
    } else {
        jsonw_str(json, str_from(policy_reason_info(verdict->code)->name));
    }
    jsonw_put_int(json, "dropped", (int64_t)verdict->reasons_dropped);
    jsonw_key(json, "error");
    if (verdict->err == ERR_OK) {
        jsonw_null(json);
    } else {
        jsonw_str(json, str_from(err_info(verdict->err)->code));
    }
}

enum err policy_verdict_json(const struct policy_verdict *verdict, struct buf *out)
{
    struct jsonw json;
    jsonw_init(&json, out);
    jsonw_open(&json, '{');
    jsonw_key(&json, "allow");
    jsonw_bool(&json, verdict->allow);
    json_closures(&json, verdict->closures);
    json_told(&json, verdict);
    jsonw_key(&json, "per_route");
    jsonw_open(&json, '[');
    for (size_t i = 0; i < verdict->route_count; i++) {
        json_route(&json, &verdict->per_route[i]);
    }
    jsonw_close(&json, ']');
    jsonw_key(&json, "reasons");
    jsonw_open(&json, '[');
    for (size_t i = 0; i < verdict->reason_count; i++) {
        json_reason(&json, &verdict->reasons[i]);
    }
    jsonw_close(&json, ']');
    jsonw_key(&json, "routes");
    jsonw_open(&json, '[');
    for (size_t i = 0; i < verdict->route_count; i++) {
        if (verdict->per_route[i].admissible) {
            jsonw_str(&json, verdict->per_route[i].route->id);
        }
    }
    jsonw_close(&json, ']');
    json_time(&json, "until", verdict->until);
    jsonw_close(&json, '}');
    return jsonw_err(&json);
}
