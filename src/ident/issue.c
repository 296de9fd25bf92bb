#include "ident/issue.h"

#include <string.h>

#include "base/mem.h"
#include "crypto/random.h"
#include "ident/forget.h"
#include "ident/ident_internal.h"

static const struct store_sql sql_device_add = {
    "INSERT INTO device(key, fleet, serial, activated_ns, expires_ns, consent, wakes_day_max,"
    " wakes_max, seconds_day_max, wake_day, wakes_today, wakes, wake_seq)"
    " VALUES (?1, ?2, ?3, ?4, ?5, 0, ?6, ?7, ?8, 0, 0, 0, 0)"
};

static const struct store_sql sql_device_rotated = {
    "UPDATE device SET tokens_ns = ?2 WHERE key = ?1"
};

enum err device_order_check(const struct device_order *order, int64_t now_ns,
                            const char **ret_field, struct fail *fail)
{
    if (!device_id_is_fine(order->id)) {
        return device_refuse(fail, ret_field, "device_id",
                             "A device's id has 6 to 64 letters, digits and any of . _ : - @");
    }
    if (order->expires_ns != 0 && order->expires_ns <= now_ns) {
        return device_refuse(fail, ret_field, "expires", "A key expires at a time to come.");
    }
    for (size_t i = 0; i < FLEET_CAPS; i++) {
        if (order->caps[i] < FLEET_CAP_NONE) {
            return device_refuse(fail, ret_field, "caps", "A cap is not below zero.");
        }
    }
    return order->reference.len == 0
               ? ERR_OK
               : device_consent_check(order->reference, order->given_ns, now_ns, ret_field, fail);
}

/* What becomes of an order. */
struct device_plan {
    struct device_order *order;
    struct device *device;
    struct device_consent *consent; /* of a new one; NULL: none */
    struct digest hash;             /* of the new text, with order->has_text */
    const char *hint;
};

struct devices_job {
    struct store_job job;
    struct ident *ident;
    const struct devices_issue *issue;
    struct device_plan *plans;
};

static enum err device_write(const struct devices_job *job, struct store_txn *txn,
                             const struct device_plan *plan, struct fail *fail)
{
    const struct device *device = plan->device;
    const struct devices_issue *issue = job->issue;
    const struct store_value values[] = {
        STORE_B(id_str(&device->key.id)),     STORE_B(id_str(&device->key.fleet->id)),
        STORE_B(digest_str(&device->serial)), STORE_I(device_activated_ns(device)),
        STORE_I(device->expires_ns),          STORE_I(device->wakes_max[0]),
        STORE_I(device->wakes_max[1]),        STORE_I(device->seconds_max),
    };
    TRY(api_key_write(job->ident, txn, &device->key, &plan->hash, fail));
    TRY(store_exec(txn, &sql_device_add, values, EP_ARRAY_LEN(values), fail));
    if (plan->consent != NULL) {
        TRY(device_consent_write(txn, device, plan->order->reference, plan->order->given_ns,
                                 issue->now_ns, fail));
    }
    return issue->made == NULL ? ERR_OK
                               : issue->made(issue->context, txn, device, plan->order->caps, fail);
}

static struct api_key_change device_change(struct device_plan *plan, int64_t now_ns)
{
    return (struct api_key_change){
        .key = &plan->device->key,
        .old_hash = &plan->device->text,
        .hash = &plan->hash,
        .hint = plan->hint,
        .now_ns = now_ns,
    };
}

/* With the text the tokens end that were given for it. */
static enum err device_write_rotated(struct store_txn *txn, const struct device *device,
                                     int64_t now_ns, struct fail *fail)
{
    const struct store_value values[] = { STORE_B(id_str(&device->key.id)),
                                          STORE_I(DEVICE_ROTATED_NS(now_ns)) };
    return store_exec(txn, &sql_device_rotated, values, EP_ARRAY_LEN(values), fail);
}

static enum err devices_run_issue(struct store_job *job, struct store_txn *txn, struct fail *fail)
{
    const struct devices_job *devices = EP_CONTAINER(job, struct devices_job, job);
    for (size_t i = 0; i < devices->issue->count; i++) {
        struct device_plan *plan = &devices->plans[i];
        if (plan->order->made) {
            TRY(device_write(devices, txn, plan, fail));
        } else if (plan->order->has_text) {
            const struct api_key_change change = device_change(plan, devices->issue->now_ns);
            TRY(api_key_write_text(devices->ident, txn, &change, fail));
            TRY(device_write_rotated(txn, plan->device, devices->issue->now_ns, fail));
        }
    }
    return ERR_OK;
}

/* A device that is not there yet. Under the lock. */
static enum err device_plan_new(struct ident *ident, const struct devices_issue *issue,
                                struct device_plan *plan, const struct digest *serial,
                                struct fail *fail)
{
    struct device_order *order = plan->order;
    plan->hint = api_key_text_make(ident, &order->text, &plan->hash);
    struct device *device =
        plan->hint == NULL ? NULL : device_make(ident, issue->fleet->issuer->fleet, plan->hint);
    if (device != NULL && order->reference.len > 0) {
        plan->consent = device_consent_make(ident, order->reference, order->given_ns);
        atomic_init(&device->consent, plan->consent);
    }
    if (device == NULL || (order->reference.len > 0 && plan->consent == NULL)) {
        return FAIL(fail, ERR_NO_MEMORY, "no memory for a device");
    }
    device->key.id = id_make(issue->now_ns, 0, random_u64());
    /* A nanosecond apart, so that a list is in the order of the orders for ever. */
    device->key.created_ns = issue->now_ns + (order - issue->orders);
    device->serial = *serial;
    device->expires_ns = order->expires_ns;
    device->wakes_max[0] = order->caps[FLEET_WAKES_DAY];
    device->wakes_max[1] = order->caps[FLEET_WAKES_TOTAL];
    device->seconds_max = order->caps[FLEET_SECONDS_DAY];
    atomic_init(&device->activated_ns, order->inactive ? 0 : issue->now_ns);
    plan->device = device;
    order->made = true;
    order->has_text = true;
    return ERR_OK;
}

/* Under the lock. */
static enum err device_plan_order(struct ident *ident, struct devices_issue *issue,
                                  struct device_plan *plan, struct map *seen, struct fail *fail)
{
    struct device_order *order = plan->order;
    order->made = false;
    order->has_text = false;
    TRY(device_order_check(order, issue->now_ns, &issue->field, fail));
    if (map_add(seen, order->id, order) == ERR_CONFLICT) {
        return device_refuse(fail, &issue->field, "device_id", "This device is there twice.");
    }
    const struct digest serial = device_serial(ident, issue->fleet, order->id);
    struct device *device =
        map_find(&ident->index->by_serial, digest_str(&serial)); /* nobody adds now */
    if (device == NULL) {
        return device_plan_new(ident, issue, plan, &serial, fail);
    }
    plan->device = device;
    if (api_key_revoked_ns(&device->key) != 0) {
        issue->field = "device_id";
        return FAIL(fail, ERR_DEVICE_REVOKED, "%s", err_info(ERR_DEVICE_REVOKED)->text);
    }
    if (!order->rotate) {
        return ERR_OK;
    }
    plan->hint = api_key_text_make(ident, &order->text, &plan->hash);
    order->has_text = true;
    return plan->hint == NULL ? FAIL(fail, ERR_NO_MEMORY, "no memory for a key") : ERR_OK;
}

/* All orders, and room for what they make. Under the lock. */
static enum err devices_plan(struct ident *ident, struct devices_issue *issue,
                             struct device_plan *plans, struct fail *fail)
{
    struct map seen;
    if (client_forgotten(issue->fleet->client)) { /* an erasure finds no device of later */
        return FAIL(fail, ERR_CONFLICT, "the client was erased");
    }
    map_init(&seen);
    enum err err = map_reserve(&seen, issue->count);
    err = err == ERR_OK ? devices_reserve(ident, issue->fleet->issuer->fleet, issue->count) : err;
    err = err == ERR_OK ? api_key_reserve(ident, issue->count, NULL) : err;
    if (err != ERR_OK) {
        err = FAIL(fail, err, "no memory for %zu devices", issue->count);
    }
    for (size_t i = 0; err == ERR_OK && i < issue->count; i++) {
        plans[i] = (struct device_plan){ .order = &issue->orders[i] };
        issue->fault = i;
        err = device_plan_order(ident, issue, &plans[i], &seen, fail);
    }
    map_fini(&seen);
    return err;
}

/* The job is done: what it wrote is known from here on. Under the lock. */
static void devices_publish(struct ident *ident, const struct devices_issue *issue,
                            struct device_plan *plans)
{
    for (size_t i = 0; i < issue->count; i++) {
        struct device_plan *plan = &plans[i];
        plan->order->device = plan->device;
        if (plan->order->made) {
            api_key_publish(ident, issue->fleet->client, &plan->device->key, &plan->hash);
            EP_IGNORE(device_publish(ident, plan->device, &plan->hash)); /* room was made */
        } else if (plan->order->has_text) {
            const struct api_key_change change = device_change(plan, issue->now_ns);
            /* Before the hint, by which those who speak see that their text has ended. */
            atomic_store_explicit(&plan->device->tokens_ns, DEVICE_ROTATED_NS(issue->now_ns),
                                  memory_order_release);
            api_key_swap_text(ident, &change);
            plan->device->text = plan->hash;
        }
    }
}

enum err devices_issue(struct ident *ident, struct devices_issue *issue, struct fail *fail)
{
    ASSERT(issue->now_ns > 0);
    ASSERT(issue->count > 0 && issue->count <= DEVICES_ISSUE_MAX);
    issue->fault = 0;
    issue->field = NULL;
    struct device_plan *plans = mem_zalloc(issue->count * sizeof(*plans));
    if (plans == NULL) {
        return FAIL(fail, ERR_NO_MEMORY, "no memory for %zu devices", issue->count);
    }
    (void)pthread_mutex_lock(&ident->changing);
    struct arena_mark mark = arena_mark(&ident->arena);
    enum err err = devices_plan(ident, issue, plans, fail);
    if (err == ERR_OK) {
        struct devices_job job = {
            .job = { .run = devices_run_issue }, .ident = ident, .issue = issue, .plans = plans
        };
        err = store_run(ident->store, &job.job, fail);
    }
    if (err == ERR_OK) {
        devices_publish(ident, issue, plans);
    } else {
        arena_rollback(&ident->arena, mark);
    }
    (void)pthread_mutex_unlock(&ident->changing);
    mem_free(plans);
    return err;
}
