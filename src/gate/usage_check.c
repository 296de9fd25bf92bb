#include "gate/usage_check.h"

#include <pthread.h>
#include <stdio.h>

#include "base/counter.h"
#include "base/log.h"
#include "base/map.h"
#include "base/mem.h"

/* The sides are those of enum usage_check_side, the codes those of fit_code_name(); cleared_ns is 0
 * while a finding stands. */
const struct store_migration usage_check_migration = {
    .number = 4,
    .name = "check",
    .sql = "CREATE TABLE finding(id INTEGER PRIMARY KEY, route TEXT NOT NULL, model TEXT NOT NULL,"
           " side INTEGER NOT NULL CHECK(side IN (0, 1)), code TEXT NOT NULL,"
           " calls INTEGER NOT NULL, slope_ppm INTEGER NOT NULL,"
           " slope_error_ppm INTEGER NOT NULL, offset_milli INTEGER NOT NULL,"
           " offset_error_milli INTEGER NOT NULL, found_ns INTEGER NOT NULL,"
           " cleared_ns INTEGER NOT NULL) STRICT;"
           "CREATE TABLE finding_call(finding INTEGER NOT NULL REFERENCES finding,"
           " number INTEGER NOT NULL, call BLOB NOT NULL CHECK(length(call) = 16),"
           " counted INTEGER NOT NULL, reported INTEGER NOT NULL,"
           " PRIMARY KEY(finding, number)) STRICT, WITHOUT ROWID;",
};

static const struct store_sql sql_finding_add = {
    "INSERT INTO finding(id, route, model, side, code, calls, slope_ppm, slope_error_ppm,"
    " offset_milli, offset_error_milli, found_ns, cleared_ns)"
    " SELECT coalesce(max(id), 0) + 1, ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, 0 FROM finding"
};
static const struct store_sql sql_call_add = {
    "INSERT INTO finding_call(finding, number, call, counted, reported)"
    " SELECT max(id), ?1, ?2, ?3, ?4 FROM finding"
};
static const struct store_sql sql_clear = {
    "UPDATE finding SET cleared_ns = ?3 WHERE route = ?1 AND side = ?2 AND cleared_ns = 0"
};
static const struct store_sql sql_standing = {
    "SELECT route, side FROM finding WHERE cleared_ns = 0"
};

/* One route. */
struct check_entry {
    struct str route; /* in `text` */
    struct fit fits[USAGE_CHECK_SIDES];
    bool stands[USAGE_CHECK_SIDES];
    char text[];
};

struct usage_check {
    struct store *store;
    pthread_mutex_t lock;
    struct map entries; /* under `lock`; by route; never removed: there are as many as routes */
};

/* What is written when a finding comes or goes; frees itself. */
struct check_row {
    struct store_job job;
    struct usage_check_sample last; /* its texts are in `text` */
    struct fit_result result;       /* FIT_FINE: the finding is cleared */
    struct fit fit;
    char text[];
};

/* ---- rows --------------------------------------------------------------------------------- */

static enum err check_write_calls(const struct check_row *row, struct store_txn *txn,
                                  struct fail *fail)
{
    size_t first = row->fit.count - row->result.calls;
    for (size_t i = first; i < row->fit.count; i++) {
        const struct fit_sample *sample = fit_sample(&row->fit, i);
        const struct store_value values[] = { STORE_I((int64_t)(i - first)),
                                              STORE_B(id_str(&sample->call)),
                                              STORE_I(sample->counted), STORE_I(sample->reported) };
        TRY(store_exec(txn, &sql_call_add, values, EP_ARRAY_LEN(values), fail));
    }
    return ERR_OK;
}

/* On the writer's thread. */
static enum err check_write(struct store_job *job, struct store_txn *txn, struct fail *fail)
{
    const struct check_row *row = EP_CONTAINER(job, struct check_row, job);
    const struct usage_check_sample *last = &row->last;
    const struct fit_result *result = &row->result;
    if (result->code == FIT_FINE) {
        const struct store_value values[] = { STORE_T(last->route), STORE_I(last->side),
                                              STORE_I(last->now_ns) };
        return store_exec(txn, &sql_clear, values, EP_ARRAY_LEN(values), fail);
    }
    const struct store_value values[] = {
        STORE_T(last->route),
        STORE_T(last->model),
        STORE_I(last->side),
        STORE_T(str_from(fit_code_name(result->code))),
        STORE_I((int64_t)result->calls),
        STORE_I(result->slope_ppm),
        STORE_I(result->slope_error_ppm),
        STORE_I(result->offset_milli),
        STORE_I(result->offset_error_milli),
        STORE_I(last->now_ns),
    };
    TRY(store_exec(txn, &sql_finding_add, values, EP_ARRAY_LEN(values), fail));
    return check_write_calls(row, txn, fail);
}

static void check_written(struct store_job *job)
{
    mem_free(EP_CONTAINER(job, struct check_row, job)); /* a failed store has said so itself */
}

/* With the lock held, so that what comes and goes is written in that order. False: no memory. */
static bool check_submit(struct usage_check *check, const struct usage_check_sample *sample,
                         const struct fit_result *result, const struct fit *fit)
{
    size_t texts = sample->route.len + sample->model.len;
    struct check_row *row = mem_alloc(sizeof(*row) + texts);
    if (row == NULL) {
        return false;
    }
    *row = (struct check_row){ .last = *sample, .result = *result, .fit = *fit };
    memcpy(row->text, sample->route.ptr, sample->route.len);
    memcpy(row->text + sample->route.len, sample->model.ptr, sample->model.len);
    row->last.route = (struct str){ row->text, sample->route.len };
    row->last.model = (struct str){ row->text + sample->route.len, sample->model.len };
    row->job.run = check_write;
    row->job.done = check_written;
    store_submit(check->store, &row->job);
    return true;
}

/* ---- findings ----------------------------------------------------------------------------- */

static void check_log(const struct usage_check_sample *sample, const struct fit_result *result)
{
    struct log_line line;
    log_begin(&line, result->code == FIT_FINE ? EVENT_USAGE_CLEARED : EVENT_USAGE_FINDING);
    log_str(&line, "route", sample->route);
    log_str(&line, "model", sample->model);
    log_str(&line, "side", sample->side == USAGE_CHECK_INPUT ? STR("input") : STR("output"));
    log_str(&line, "finding", str_from(fit_code_name(result->code)));
    log_int(&line, "calls", (int64_t)result->calls);
    log_int(&line, "slope_ppm", result->slope_ppm);
    log_int(&line, "offset_milli", result->offset_milli);
    log_end(&line);
}

static void check_fit(const struct fit *fit, enum usage_check_side side, size_t calls,
                      struct fit_result *ret_result)
{
    if (side == USAGE_CHECK_INPUT) {
        fit_judge_input(fit, calls, ret_result);
    } else {
        fit_judge_output(fit, calls, ret_result);
    }
}

/* With the lock held. */
static void check_judge(struct usage_check *check, struct check_entry *entry,
                        const struct usage_check_sample *sample)
{
    const struct fit *fit = &entry->fits[sample->side];
    struct fit_result result;
    check_fit(fit, sample->side, FIT_CALLS_MIN, &result);
    if (result.code == FIT_FINE) {
        check_fit(fit, sample->side, FIT_WINDOW, &result);
    }
    bool stands = result.code != FIT_FINE;
    /* A window that is not full may still be what the finding was made of. */
    if (stands == entry->stands[sample->side] || (!stands && fit->count < FIT_WINDOW)) {
        return;
    }
    if (!check_submit(check, sample, &result, fit)) {
        return; /* a finding without its proof is none: the next judgement tries again */
    }
    entry->stands[sample->side] = stands;
    counter_add(COUNTER_USAGE_FINDINGS, stands ? 1 : 0);
    counter_add(COUNTER_USAGE_FINDINGS_OPEN, stands ? 1 : -1);
    check_log(sample, &result);
}

/* With the lock held. The route's entry, made if need be; NULL: no memory. */
static struct check_entry *check_entry(struct usage_check *check, struct str route)
{
    struct check_entry *entry = map_find(&check->entries, route);
    if (entry != NULL) {
        return entry;
    }
    entry = mem_zalloc(sizeof(*entry) + route.len);
    if (entry == NULL) {
        return NULL;
    }
    memcpy(entry->text, route.ptr, route.len);
    entry->route = (struct str){ entry->text, route.len };
    if (map_add(&check->entries, entry->route, entry) != ERR_OK) {
        mem_free(entry);
        return NULL;
    }
    return entry;
}

void usage_check_add(struct usage_check *check, const struct usage_check_sample *sample)
{
    ASSERT((unsigned)sample->side < USAGE_CHECK_SIDES);
    ASSERT(sample->route.len > 0);
    (void)pthread_mutex_lock(&check->lock);
    struct check_entry *entry = check_entry(check, sample->route);
    if (entry != NULL) {
        struct fit *fit = &entry->fits[sample->side];
        if (fit_add(fit, sample->call, sample->counted, sample->reported) &&
            fit->count >= FIT_CALLS_MIN && fit->next % USAGE_CHECK_JUDGE_EACH == 0) {
            check_judge(check, entry, sample);
        }
    }
    (void)pthread_mutex_unlock(&check->lock);
}

bool usage_check_stands(struct usage_check *check, struct str route, enum usage_check_side side)
{
    (void)pthread_mutex_lock(&check->lock);
    const struct check_entry *entry = map_find(&check->entries, route);
    bool stands = entry != NULL && entry->stands[side];
    (void)pthread_mutex_unlock(&check->lock);
    return stands;
}

/* ---- life --------------------------------------------------------------------------------- */

static enum err check_on_standing(void *context, const struct store_value *row, size_t columns)
{
    struct usage_check *check = context;
    ASSERT(columns == 2);
    ASSERT(row[1].number >= 0 && row[1].number < USAGE_CHECK_SIDES);
    struct check_entry *entry = check_entry(check, row[0].bytes);
    if (entry == NULL) {
        return ERR_NO_MEMORY;
    }
    counter_add(COUNTER_USAGE_FINDINGS_OPEN, entry->stands[row[1].number] ? 0 : 1);
    entry->stands[row[1].number] = true;
    return ERR_OK;
}

struct check_load {
    struct store_job job;
    struct usage_check *check;
};

static enum err check_load(struct store_job *job, struct store_txn *txn, struct fail *fail)
{
    struct usage_check *check = EP_CONTAINER(job, struct check_load, job)->check;
    return store_query(txn, &sql_standing, NULL, 0, check_on_standing, check, fail);
}

enum err usage_check_open(struct store *store, struct usage_check **ret_check, struct fail *fail)
{
    struct usage_check *check = mem_zalloc(sizeof(*check));
    if (check == NULL) {
        return FAIL(fail, ERR_NO_MEMORY, "no memory for the check of upstreams");
    }
    check->store = store;
    map_init(&check->entries);
    (void)pthread_mutex_init(&check->lock, NULL); /* cannot fail with default attributes */
    struct check_load load = { .job = { .run = check_load }, .check = check };
    enum err err = store_run(store, &load.job, fail);
    if (err != ERR_OK) {
        usage_check_close(check);
        return err;
    }
    *ret_check = check;
    return ERR_OK;
}

void usage_check_close(struct usage_check *check)
{
    if (check == NULL) {
        return;
    }
    size_t at = 0;
    for (const struct map_slot *slot = map_next(&check->entries, &at); slot != NULL;
         slot = map_next(&check->entries, &at)) {
        mem_free(slot->value);
    }
    map_fini(&check->entries);
    (void)pthread_mutex_destroy(&check->lock);
    mem_free(check);
}
