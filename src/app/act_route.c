/* The acts on routes: how they are, which are taken out, and who put them back. */
#include "app/acts_internal.h"
#include "base/stamp.h"
#include "dispatch/dispatch.h"

#define ROUTE_HEALTH_COLUMNS 5 /* the last ones */

static const char *const list_columns[] = { "route",    "model",    "party",    "place",
                                            "state",    "reason",   "since",    "under_way",
                                            "failures", "first_ms", "tokens_s", "failing_percent" };
static const char *const history_columns[] = { "route",    "model",       "since",
                                               "reason",   "evidence",    "by",
                                               "released", "released_by", "why" };

static const struct store_sql sql_standing = {
    "SELECT since_ns, reason FROM route_quarantine WHERE route = ?1 AND released_ns = 0"
};
static const struct store_sql sql_history = {
    "SELECT route, model, since_ns, reason, evidence, quarantined_by, released_ns, released_by,"
    " released_why FROM route_quarantine WHERE ?1 = '' OR route = ?1 ORDER BY id"
};

/* ---- route list -------------------------------------------------------------------------- */

struct route_asking {
    struct acting *acting;
    struct sheet sheet;
    struct str route; /* of the history; empty: all */
    bool quarantined; /* the row at hand of the list */
    size_t rows;
};

static enum err route_on_standing(void *context, const struct store_value *row, size_t columns)
{
    struct route_asking *asking = context;
    ASSERT(columns == 2);
    asking->quarantined = true;
    sheet_str(&asking->sheet, STR("quarantined"));
    sheet_str(&asking->sheet, row[1].bytes);
    sheet_stamp(&asking->sheet, row[0].number);
    return ERR_OK;
}

/* 0: nothing was measured yet. */
static void route_put_measured(struct sheet *sheet, int64_t value)
{
    if (value > 0) {
        sheet_int(sheet, value);
    } else {
        sheet_none(sheet);
    }
}

/* What only a running server knows. */
static void route_put_health(struct route_asking *asking, struct str route)
{
    const struct dispatch *dispatch = asking->acting->world->dispatch;
    struct dispatch_health health;
    if (dispatch == NULL || !dispatch_health(dispatch, route, &health)) {
        for (size_t i = 0; i < ROUTE_HEALTH_COLUMNS; i++) {
            sheet_none(&asking->sheet);
        }
        return;
    }
    sheet_int(&asking->sheet, (int64_t)health.under_way);
    sheet_int(&asking->sheet, (int64_t)health.failures);
    route_put_measured(&asking->sheet, health.first_us / 1000);
    route_put_measured(&asking->sheet, health.millitokens / 1000);
    sheet_int(&asking->sheet, health.errors_ppm / 10000);
}

static enum err route_read_list(void *context, struct store_txn *txn, struct fail *fail)
{
    struct route_asking *asking = context;
    const struct registry *registry = asking->acting->registry;
    for (size_t i = 0; i < registry->route_count; i++) {
        const struct registry_route *route = &registry->routes[i];
        const struct store_value id = STORE_T(route->id);
        bool active = route->state == REGISTRY_ROUTE_ACTIVE;
        sheet_str(&asking->sheet, route->id);
        sheet_str(&asking->sheet, route->model->id);
        sheet_str(&asking->sheet, route->upstream_party->id);
        sheet_str(&asking->sheet, route->place);
        asking->quarantined = false;
        TRY(store_query(txn, &sql_standing, &id, 1, route_on_standing, asking, fail));
        if (!asking->quarantined) {
            sheet_str(&asking->sheet, active ? STR("active") : STR("suspended"));
            sheet_none(&asking->sheet);
            sheet_none(&asking->sheet);
        }
        route_put_health(asking, route->id);
    }
    return ERR_OK;
}

enum err act_route_list(struct acting *acting)
{
    struct route_asking asking = { .acting = acting };
    sheet_init(&asking.sheet, list_columns, EP_ARRAY_LEN(list_columns));
    enum err err = store_read(acting->world->store, route_read_list, &asking, &acting->fail);
    err = err == ERR_OK ? sheet_print(&asking.sheet, acting->json, acting->out) : err;
    sheet_fini(&asking.sheet);
    return err;
}

/* ---- route history ----------------------------------------------------------------------- */

static enum err route_on_history(void *context, const struct store_value *row, size_t columns)
{
    struct route_asking *asking = context;
    ASSERT(columns == EP_ARRAY_LEN(history_columns));
    for (size_t i = 0; i < columns; i++) {
        if (row[i].kind == STORE_INT) {
            sheet_stamp(&asking->sheet, row[i].number);
        } else if (row[i].bytes.len == 0) {
            sheet_none(&asking->sheet);
        } else {
            sheet_str(&asking->sheet, row[i].bytes);
        }
    }
    asking->rows++;
    return ERR_OK;
}

static enum err route_read_history(void *context, struct store_txn *txn, struct fail *fail)
{
    struct route_asking *asking = context;
    const struct store_value route = STORE_T(asking->route);
    return store_query(txn, &sql_history, &route, 1, route_on_history, asking, fail);
}

enum err act_route_history(struct acting *acting)
{
    struct route_asking asking = { .acting = acting, .route = args_word(acting->args, 2) };
    sheet_init(&asking.sheet, history_columns, EP_ARRAY_LEN(history_columns));
    enum err err = store_read(acting->world->store, route_read_history, &asking, &acting->fail);
    if (err == ERR_OK && asking.rows == 0 && !acting->json) {
        err = buf_append(acting->out, STR("no route was quarantined\n"));
    } else if (err == ERR_OK) {
        err = sheet_print(&asking.sheet, acting->json, acting->out);
    }
    sheet_fini(&asking.sheet);
    return err;
}

/* ---- route quarantine, route release ------------------------------------------------------ */

struct route_job {
    struct store_job job;
    struct quarantine *quarantine;
    struct quarantine_row row;
    struct quarantine_release release;
};

static enum err route_write(struct store_job *job, struct store_txn *txn, struct fail *fail)
{
    const struct route_job *context = EP_CONTAINER(job, struct route_job, job);
    return quarantine_write(context->quarantine, txn, &context->row, fail);
}

static enum err route_end(struct store_job *job, struct store_txn *txn, struct fail *fail)
{
    const struct route_job *context = EP_CONTAINER(job, struct route_job, job);
    return quarantine_end(context->quarantine, txn, &context->release, fail);
}

enum err acting_signed(struct acting *acting, struct str *ret_by, struct str *ret_why)
{
    TRY(acting_need(acting, "by", ret_by));
    TRY(acting_need(acting, "why", ret_why));
    if (ret_by->len > QUARANTINE_TEXT_MAX || ret_why->len > QUARANTINE_TEXT_MAX) {
        return FAIL(&acting->fail, ERR_ASK_INVALID, "a name and a reason have at most %d bytes",
                    QUARANTINE_TEXT_MAX);
    }
    return ERR_OK;
}

/* "ROUTE: STATE", as the act has left it. */
static enum err route_print(struct acting *acting, struct str route, struct str state)
{
    static const char *const columns[] = { "route", "state" };
    struct sheet sheet;
    sheet_init(&sheet, columns, EP_ARRAY_LEN(columns));
    sheet_str(&sheet, route);
    sheet_str(&sheet, state);
    enum err err = sheet_print_one(&sheet, acting->json, acting->out);
    sheet_fini(&sheet);
    return err;
}

static enum err route_need(struct acting *acting, struct str *ret_route)
{
    *ret_route = args_word(acting->args, 2);
    return ret_route->len > 0 ? ERR_OK
                              : FAIL(&acting->fail, ERR_ASK_MISSING, "the route is missing");
}

enum err act_route_quarantine(struct acting *acting)
{
    struct world *world = acting->world;
    struct route_job job = { .job = { .run = route_write }, .quarantine = world->quarantine };
    TRY(route_need(acting, &job.row.route));
    TRY(acting_signed(acting, &job.row.by, &job.row.evidence));
    const struct registry_route *route = registry_route(acting->registry, job.row.route);
    if (route == NULL) {
        acting->remedy = "see \"entrepot route list\"";
        return FAIL(&acting->fail, ERR_NOT_FOUND, "the registry has no route \"" STR_FMT "\"",
                    STR_ARG(job.row.route));
    }
    if (quarantine_stands(world->quarantine, route->id)) {
        return FAIL(&acting->fail, ERR_CONFLICT, "the route is quarantined already");
    }
    job.row.model = route->model->id;
    job.row.reason = STR("operator");
    job.row.now_ns = stamp_system_ns();
    TRY(store_run(world->store, &job.job, &acting->fail));
    return route_print(acting, route->id, STR("quarantined"));
}

/* Also of a route that the registry has no more: it may come back. */
enum err act_route_release(struct acting *acting)
{
    struct world *world = acting->world;
    struct route_job job = { .job = { .run = route_end }, .quarantine = world->quarantine };
    TRY(route_need(acting, &job.release.route));
    TRY(acting_signed(acting, &job.release.by, &job.release.why));
    job.release.now_ns = stamp_system_ns();
    enum err err = store_run(world->store, &job.job, &acting->fail);
    if (err != ERR_OK) {
        acting->remedy = err == ERR_NOT_FOUND ? "see \"entrepot route list\"" : NULL;
        return err;
    }
    usage_check_renew(world->usage_check, job.release.route);
    return route_print(acting, job.release.route, STR("released"));
}
