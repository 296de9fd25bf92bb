/* `entrepot evidence verify`: what evidence_check() finds, for people and as JSON. */
#include <unistd.h>

#include "app/checks.h"
#include "app/progress.h"
#include "app/sheet.h"
#include "app/trust.h"
#include "base/mem.h"
#include "crypto/random.h"
#include "settle/evidence_check.h"
#include "wire/jsonw.h"

#define VERIFY_JUDGE 100 /* decisions, if nothing is said: a false one in fifty is found in 87 % */

struct verify_run {
    const struct args *args;
    struct trust trust;
    struct evidence_checking asked;
    struct evidence_report *report;
    struct fail fail;
    const char *remedy;
};

static const char *const verify_outcomes[] = {
    [EVIDENCE_NOT_TESTED] = "not tested",
    [EVIDENCE_HOLDS] = "holds",
    [EVIDENCE_FAILS] = "FAILS",
};

/* ---- for people --------------------------------------------------------------------------- */

static enum err verify_print_faults(const struct evidence_report *report, struct buf *out)
{
    TRY(buf_append(out, buf_str(&report->faults)));
    return report->fault_count > EVIDENCE_FAULTS_MAX
               ? buf_printf(out, "and %zu further files\n",
                            report->fault_count - EVIDENCE_FAULTS_MAX)
               : ERR_OK;
}

static enum err verify_print_notes(const struct evidence_report *report, struct buf *out)
{
    const struct evidence_head *head = &report->head;
    if (!head->over) {
        TRY(buf_append(out, STR("note: the period was not over when the pack was made\n")));
    }
    if (report->unlike) {
        TRY(buf_printf(out,
                       "note: entrepot " STR_FMT " made the pack, and this is " EP_VERSION
                       ": report.html and README.txt were not made again\n",
                       STR_ARG(head->program)));
    }
    if (head->uncovered > 0) {
        TRY(buf_printf(out,
                       "note: %lld receipts of the period are not in the pack: no checkpoint "
                       "covered them yet\n",
                       (long long)head->uncovered));
    }
    if (report->erased > 0) {
        TRY(buf_printf(out, "note: %lld receipts have sections that were erased\n",
                       (long long)report->erased));
    }
    return ERR_OK;
}

static enum err verify_print_text(const struct verify_run *run, struct buf *out)
{
    const struct evidence_report *report = run->report;
    const struct evidence_head *head = &report->head;
    for (unsigned i = 0; i < EVIDENCE_TESTS; i++) {
        const char *why = report->why[i].text;
        TRY(buf_printf(out, "%-20s%s%s%s\n", evidence_test_name((enum evidence_test)i),
                       verify_outcomes[report->outcomes[i]], why[0] != '\0' ? ": " : "", why));
    }
    TRY(verify_print_faults(report, out));
    if (!report->holds) {
        return buf_append(out, STR("the pack does NOT hold\n"));
    }
    TRY(verify_print_notes(report, out));
    TRY(buf_printf(
        out, "the pack holds: %lld receipts of " STR_FMT " from " STR_FMT " until " STR_FMT "\n",
        (long long)report->receipts, STR_ARG(head->client), STR_ARG(head->from),
        STR_ARG(head->until)));
    return buf_printf(out, "judged again: %lld of %lld decisions (--seed %llu), key from %s\n",
                      (long long)report->judged, (long long)report->decisions,
                      (unsigned long long)run->asked.seed, run->trust.from);
}

/* ---- as JSON ------------------------------------------------------------------------------ */

static void verify_put_checks(struct jsonw *json, const struct evidence_report *report)
{
    jsonw_key(json, "checks");
    jsonw_open(json, '[');
    for (unsigned i = 0; i < EVIDENCE_TESTS; i++) {
        jsonw_open(json, '{');
        jsonw_put_str(json, "check", str_from(evidence_test_name((enum evidence_test)i)));
        jsonw_put_str(json, "outcome", str_from(verify_outcomes[report->outcomes[i]]));
        jsonw_put_str(json, "why", str_from(report->why[i].text));
        jsonw_close(json, '}');
    }
    jsonw_close(json, ']');
}

static void verify_put_faults(struct jsonw *json, const struct evidence_report *report)
{
    struct str rest = buf_str(&report->faults);
    jsonw_key(json, "files_wrong");
    jsonw_open(json, '[');
    while (rest.len > 0) {
        struct str line = str_cut(&rest, '\n');
        jsonw_str(json, str_cut(&line, ':'));
    }
    jsonw_close(json, ']');
}

static enum err verify_print_json(const struct verify_run *run, struct buf *out)
{
    const struct evidence_report *report = run->report;
    char text[24];
    struct buf seed = { text, 0, sizeof(text), sizeof(text) };
    struct jsonw json;
    EP_IGNORE(buf_u64(&seed, run->asked.seed)); /* fits */
    jsonw_init(&json, out);
    jsonw_open(&json, '{');
    jsonw_key(&json, "ok");
    jsonw_bool(&json, report->holds);
    jsonw_put_str(&json, "origin", str_from(run->trust.key.name));
    jsonw_put_str(&json, "client", report->head.client);
    jsonw_put_str(&json, "from", report->head.from);
    jsonw_put_str(&json, "until", report->head.until);
    jsonw_key(&json, "over");
    jsonw_bool(&json, report->head.over);
    jsonw_put_int(&json, "uncovered", report->head.uncovered);
    jsonw_put_str(&json, "program", report->head.program);
    jsonw_put_int(&json, "files", report->files);
    jsonw_put_int(&json, "receipts", report->receipts);
    jsonw_put_int(&json, "erased", report->erased);
    jsonw_put_int(&json, "leaves", report->head.leaves);
    jsonw_put_int(&json, "witnesses", (int64_t)report->witnesses);
    jsonw_put_int(&json, "decisions", report->decisions);
    jsonw_put_int(&json, "judged", report->judged);
    jsonw_put_str(&json, "seed", buf_str(&seed));
    verify_put_checks(&json, report);
    verify_put_faults(&json, report);
    jsonw_close(&json, '}');
    TRY(jsonw_err(&json));
    return buf_byte(out, '\n');
}

/* ---- the command -------------------------------------------------------------------------- */

static enum err verify_take(struct verify_run *run)
{
    struct str judge = args_value(run->args, "judge");
    struct str seed = args_value(run->args, "seed");
    run->asked.path = args_word(run->args, 2);
    run->asked.judge = VERIFY_JUDGE;
    if (run->asked.path.len == 0) {
        return FAIL(&run->fail, ERR_ASK_MISSING, "the pack's file is missing");
    }
    if (str_eq(judge, STR("all"))) {
        run->asked.judge = EVIDENCE_JUDGE_ALL;
    } else if (judge.len > 0 && (!str_to_i64(judge, &run->asked.judge) || run->asked.judge < 0)) {
        return FAIL(&run->fail, ERR_ASK_INVALID,
                    "\"--judge\" is a number of decisions or \"all\", not \"" STR_FMT "\"",
                    STR_ARG(judge));
    }
    if (seed.len > 0 && !str_to_u64(seed, &run->asked.seed)) {
        return FAIL(&run->fail, ERR_ASK_INVALID, "\"--seed\" is a number, not \"" STR_FMT "\"",
                    STR_ARG(seed));
    }
    return ERR_OK;
}

static enum err verify_check(struct verify_run *run, struct buf *out)
{
    struct progress progress;
    TRY(verify_take(run));
    enum err err = trust_read(run->args, &run->trust, &run->fail);
    run->remedy = run->trust.remedy;
    TRY(err);
    if (!args_has(run->args, "seed")) {
        run->asked.seed = random_u64() >> 32; /* short enough to be said again */
    }
    run->asked.program = STR(EP_VERSION);
    run->asked.key = &run->trust.key;
    run->asked.quorum = run->trust.quorum;
    progress_begin(&progress, "verifying", STDERR_FILENO);
    run->asked.progress = (struct store_progress){ progress_update, &progress };
    err = evidence_check(&run->asked, run->report, &run->fail);
    progress_end(&progress);
    TRY(err);
    return args_has(run->args, "json") ? verify_print_json(run, out) : verify_print_text(run, out);
}

enum act_exit evidence_verify_run(const struct args *args, struct buf *out, struct buf *errors)
{
    struct verify_run run = { .args = args, .report = mem_zalloc(sizeof(*run.report)) };
    if (run.report == NULL) {
        act_complain(errors, FAIL(&run.fail, ERR_NO_MEMORY, "no memory for a pack"), &run.fail,
                     NULL);
        return ACT_COULD_NOT;
    }
    evidence_report_init(run.report);
    enum err err = verify_check(&run, out);
    enum act_exit result = err != ERR_OK       ? checks_exit_of(err)
                           : run.report->holds ? ACT_OK
                                               : ACT_FAILED;
    if (err != ERR_OK) {
        act_complain(errors, err, &run.fail, run.remedy);
    }
    evidence_report_fini(run.report);
    mem_free(run.report);
    trust_fini(&run.trust);
    return result;
}
