#include "gate/usage_check.h"

#include <pthread.h>
#include <stdio.h>

#include "base/counter.h"
#include "base/log.h"
#include "base/map.h"
#include "base/mem.h"
#include "gate/quarantine.h"

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
    "SELECT route, side, code FROM finding WHERE cleared_ns = 0"
};

/* One route. */
struct check_entry {
    struct str route; /* in `text` */
    struct fit fits[USAGE_CHECK_SIDES];
    enum fit_code stands[USAGE_CHECK_SIDES]; /* FIT_FINE: nothing does */
    int64_t told[USAGE_DETAILS];             /* reports in a row that had it */
    char text[];
};

struct usage_check {
    struct store *store;
    struct quarantine *quarantine;
    pthread_mutex_t lock;
    struct map entries; /* under `lock`; by route; never removed: there are as many as routes */
};

/* What is written when a finding comes or goes; frees itself. */
struct check_row {
    struct store_job job;
    struct quarantine *quarantine;
    struct usage_check_sample last; /* its texts are in `text` */
    enum fit_code before;           /* the finding that stood: cleared by this one */
    struct fit_result result;       /* FIT_FINE: the finding is cleared */
    struct fit fit;
    char text[];
};

enum claim_kind usage_check_claim(enum fit_code code)
{
    ASSERT(code != FIT_FINE);
    return code == FIT_SLOPE ? CLAIM_SLOPE : code == FIT_OFFSET ? CLAIM_OFFSET : CLAIM_COMPLETION;
}

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
        const struct claim_item item = {
            .route = row->last.route,
            .party = row->last.party,
            .model = row->last.model,
            .kind = usage_check_claim(row->result.code),
            .call = sample->call,
            .counted = sample->counted,
            .reported = sample->reported,
            .now_ns = row->last.now_ns,
        };
        /* Each call was added by itself while the same finding stood. */
        bool listed = row->before == row->result.code;
        TRY(listed ? ERR_OK : upstream_claim_add(txn, &item, fail));
    }
    return ERR_OK;
}

static enum err check_write_quarantine(const struct check_row *row, struct store_txn *txn,
                                       struct fail *fail)
{
    char text[160];
    struct buf evidence = { text, 0, sizeof(text), sizeof(text) };
    EP_IGNORE(buf_printf(&evidence,
                         "it reports %lld ppm more than was counted, over %zu calls"
                         " (entrepot usage check)",
                         (long long)row->result.slope_ppm, row->result.calls)); /* fits */
    return quarantine_write(row->quarantine, txn,
                            &(struct quarantine_row){
                                .route = row->last.route,
                                .model = row->last.model,
                                .reason = STR("slope"),
                                .evidence = buf_str(&evidence),
                                .now_ns = row->last.now_ns,
                            },
                            fail);
}

/* On the writer's thread. */
static enum err check_write(struct store_job *job, struct store_txn *txn, struct fail *fail)
{
    const struct check_row *row = EP_CONTAINER(job, struct check_row, job);
    const struct usage_check_sample *last = &row->last;
    const struct fit_result *result = &row->result;
    const struct store_value clear[] = { STORE_T(last->route), STORE_I(last->side),
                                         STORE_I(last->now_ns) };
    if (result->code == FIT_FINE || row->before != FIT_FINE) {
        TRY(store_exec(txn, &sql_clear, clear, EP_ARRAY_LEN(clear), fail));
    }
    if (result->code == FIT_FINE) {
        return ERR_OK;
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
    TRY(check_write_calls(row, txn, fail));
    return result->code == FIT_SLOPE ? check_write_quarantine(row, txn, fail) : ERR_OK;
}

static void check_written(struct store_job *job)
{
    mem_free(EP_CONTAINER(job, struct check_row, job)); /* a failed store has said so itself */
}

/* With the lock held, so that what comes and goes is written in that order. False: no memory. */
static bool check_submit(struct usage_check *check, const struct usage_check_sample *sample,
                         const struct fit_result *result, const struct check_entry *entry)
{
    const struct str texts[] = { sample->route, sample->party, sample->model };
    struct str copies[EP_ARRAY_LEN(texts)];
    size_t len = sample->route.len + sample->party.len + sample->model.len;
    struct check_row *row = mem_alloc(sizeof(*row) + len);
    if (row == NULL) {
        return false;
    }
    *row = (struct check_row){
        .quarantine = check->quarantine,
        .last = *sample,
        .before = entry->stands[sample->side],
        .result = *result,
        .fit = entry->fits[sample->side],
    };
    char *at = row->text;
    for (size_t i = 0; i < EP_ARRAY_LEN(texts); i++) {
        memcpy(at, texts[i].len > 0 ? texts[i].ptr : "", texts[i].len);
        copies[i] = (struct str){ at, texts[i].len };
        at += texts[i].len;
    }
    row->last.route = copies[0];
    row->last.party = copies[1];
    row->last.model = copies[2];
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
    enum fit_code before = entry->stands[sample->side];
    bool stands = result.code != FIT_FINE;
    bool stood = before != FIT_FINE;
    /* A slope that was released, or was another finding before, takes its route out again. */
    bool again =
        stood && result.code == FIT_SLOPE && !quarantine_stands(check->quarantine, sample->route);
    /* A window that is not full may still be what the finding was made of. */
    if (!again && (stands == stood || (!stands && fit->count < FIT_WINDOW))) {
        return;
    }
    if (!check_submit(check, sample, &result, entry)) {
        return; /* a finding without its proof is none: the next judgement tries again */
    }
    entry->stands[sample->side] = result.code;
    if (result.code == FIT_SLOPE) {
        quarantine_begin(check->quarantine, sample->route, STR("slope"));
    }
    counter_add(COUNTER_USAGE_FINDINGS, stands ? 1 : 0);
    counter_add(COUNTER_USAGE_FINDINGS_OPEN, (stands ? 1 : 0) - (stood ? 1 : 0));
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

static void check_log_missing(struct str route, enum usage_detail detail)
{
    struct log_line line;
    log_begin(&line, EVENT_USAGE_DETAIL_MISSING);
    log_str(&line, "route", route);
    log_str(&line, "detail", str_from(usage_detail_name(detail)));
    log_end(&line);
}

void usage_check_tell(struct usage_check *check, struct str route, const bool told[USAGE_DETAILS])
{
    bool missing[USAGE_DETAILS] = { false };
    (void)pthread_mutex_lock(&check->lock);
    struct check_entry *entry = check_entry(check, route);
    for (int i = 0; entry != NULL && i < USAGE_DETAILS; i++) {
        missing[i] = !told[i] && entry->told[i] >= USAGE_CHECK_STEADY;
        entry->told[i] = told[i] ? entry->told[i] + 1 : 0;
    }
    (void)pthread_mutex_unlock(&check->lock);
    for (int i = 0; i < USAGE_DETAILS; i++) {
        if (missing[i]) {
            counter_add(COUNTER_USAGE_DETAILS_MISSING, 1);
            check_log_missing(route, (enum usage_detail)i);
        }
    }
}

enum fit_code usage_check_finding(struct usage_check *check, struct str route,
                                  enum usage_check_side side)
{
    (void)pthread_mutex_lock(&check->lock);
    const struct check_entry *entry = map_find(&check->entries, route);
    enum fit_code stands = entry == NULL ? FIT_FINE : entry->stands[side];
    (void)pthread_mutex_unlock(&check->lock);
    return stands;
}

void usage_check_renew(struct usage_check *check, struct str route)
{
    (void)pthread_mutex_lock(&check->lock);
    struct check_entry *entry = map_find(&check->entries, route);
    for (int i = 0; entry != NULL && i < USAGE_CHECK_SIDES; i++) {
        fit_init(&entry->fits[i]);
    }
    (void)pthread_mutex_unlock(&check->lock);
}

/* ---- life --------------------------------------------------------------------------------- */

static enum err check_on_standing(void *context, const struct store_value *row, size_t columns)
{
    struct usage_check *check = context;
    ASSERT(columns == 3);
    ASSERT(row[1].number >= 0 && row[1].number < USAGE_CHECK_SIDES);
    struct check_entry *entry = check_entry(check, row[0].bytes);
    if (entry == NULL) {
        return ERR_NO_MEMORY;
    }
    enum fit_code *stands = &entry->stands[row[1].number];
    counter_add(COUNTER_USAGE_FINDINGS_OPEN, *stands == FIT_FINE ? 1 : 0);
    *stands = FIT_OUTPUT;
    for (int code = FIT_SLOPE; code < FIT_OUTPUT; code++) {
        struct str name = str_from(fit_code_name((enum fit_code)code));
        *stands = str_eq(row[2].bytes, name) ? (enum fit_code)code : *stands;
    }
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

enum err usage_check_open(struct store *store, struct quarantine *quarantine,
                          struct usage_check **ret_check, struct fail *fail)
{
    struct usage_check *check = mem_zalloc(sizeof(*check));
    if (check == NULL) {
        return FAIL(fail, ERR_NO_MEMORY, "no memory for the check of upstreams");
    }
    check->store = store;
    check->quarantine = quarantine;
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
