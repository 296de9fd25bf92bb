/* `entrepot log verify`: what log_verify() finds, for people and as JSON. */
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "app/checks.h"
#include "app/log_verify.h"
#include "app/trust.h"
#include "base/mem.h"
#include "wire/jsonw.h"

struct log_verify_run {
    const struct args *args;
    struct trust trust;
    struct log_source *source;
    struct log_verdict *verdict;
    struct fail fail;
    const char *remedy;
};

/* ---- for people -------------------------------------------------------------------------- */

static enum err run_print_kinds(const struct log_verdict *verdict, struct buf *out)
{
    TRY(buf_append(out, STR("entries:")));
    const char *comma = " ";
    for (int i = 0; i < (int)ENTRY_KINDS; i++) {
        if (verdict->kinds[i] > 0) {
            TRY(buf_printf(out, "%s%" PRId64 " %s", comma, verdict->kinds[i],
                           entry_kind_name((enum entry_kind)i)));
            comma = ", ";
        }
    }
    TRY(buf_append(out, comma[0] == ',' ? STR("\n") : STR(" none\n")));
    for (size_t i = 0; i < verdict->note_count; i++) {
        const struct log_note *note = &verdict->notes[i];
        TRY(buf_printf(out, "note: leaf %" PRId64 ": %s", note->first, note->text));
        if (note->count > 1) {
            TRY(buf_printf(out, ", and %" PRId64 " more of them", note->count - 1));
        }
        TRY(buf_byte(out, '\n'));
    }
    if (verdict->note_rest > 0) {
        TRY(buf_printf(out, "note: %" PRId64 " further entries are to be noted\n",
                       verdict->note_rest));
    }
    return ERR_OK;
}

static enum err run_print_text(const struct log_verify_run *run, struct buf *out)
{
    const struct log_verdict *verdict = run->verdict;
    size_t told =
        verdict->fault_count < LOG_VERIFY_FAULTS_MAX ? verdict->fault_count : LOG_VERIFY_FAULTS_MAX;
    for (size_t i = 0; i < told; i++) {
        const struct log_fault *fault = &verdict->faults[i];
        TRY(buf_printf(out, "%s: %s: %s\n", log_fault_name(fault->kind), fault->path, fault->text));
    }
    if (told < verdict->fault_count) {
        TRY(buf_printf(out, "and %zu further faults\n", verdict->fault_count - told));
    }
    TRY(run_print_kinds(verdict, out));
    if (verdict->extra > 0) {
        TRY(buf_printf(out,
                       "note: %" PRId64 " files are no part of this checkpoint's log, such as %s\n",
                       verdict->extra, verdict->extra_first));
    }
    if (run->trust.quorum != NULL) {
        TRY(buf_printf(out, "witnesses: %zu of %zu have cosigned\n", verdict->witnesses,
                       quorum_witnesses(run->trust.quorum)));
    }
    if (verdict->fault_count == 0) {
        return buf_printf(out,
                          "the log \"%s\" holds: %" PRId64 " entries and %" PRId64
                          " files give the root that is signed (key from %s)\n",
                          run->trust.key.name, verdict->size, verdict->files, run->trust.from);
    }
    return buf_printf(out, "the log \"%s\" does NOT hold: %zu faults\n", run->trust.key.name,
                      verdict->fault_count);
}

/* ---- as JSON ----------------------------------------------------------------------------- */

static void run_put_faults(struct jsonw *json, const struct log_verdict *verdict)
{
    jsonw_key(json, "faults");
    jsonw_open(json, '[');
    for (size_t i = 0; i < verdict->fault_count && i < LOG_VERIFY_FAULTS_MAX; i++) {
        const struct log_fault *fault = &verdict->faults[i];
        jsonw_open(json, '{');
        jsonw_put_str(json, "kind", str_from(log_fault_name(fault->kind)));
        jsonw_put_str(json, "path", str_from(fault->path));
        jsonw_put_str(json, "text", str_from(fault->text));
        jsonw_close(json, '}');
    }
    jsonw_close(json, ']');
}

static void run_put_notes(struct jsonw *json, const struct log_verdict *verdict)
{
    jsonw_key(json, "notes");
    jsonw_open(json, '[');
    for (size_t i = 0; i < verdict->note_count; i++) {
        jsonw_open(json, '{');
        jsonw_put_str(json, "text", str_from(verdict->notes[i].text));
        jsonw_put_int(json, "first", verdict->notes[i].first);
        jsonw_put_int(json, "count", verdict->notes[i].count);
        jsonw_close(json, '}');
    }
    jsonw_close(json, ']');
}

static enum err run_print_json(const struct log_verify_run *run, struct buf *out)
{
    const struct log_verdict *verdict = run->verdict;
    struct jsonw json;
    jsonw_init(&json, out);
    jsonw_open(&json, '{');
    jsonw_key(&json, "ok");
    jsonw_bool(&json, verdict->fault_count == 0);
    jsonw_put_str(&json, "origin", str_from(run->trust.key.name));
    jsonw_put_str(&json, "key_from", str_from(run->trust.from));
    jsonw_put_int(&json, "size", verdict->size);
    jsonw_put_int(&json, "files", verdict->files);
    jsonw_put_int(&json, "witnesses", (int64_t)verdict->witnesses);
    jsonw_key(&json, "entries");
    jsonw_open(&json, '{');
    for (int i = 0; i < (int)ENTRY_KINDS; i++) {
        jsonw_put_int(&json, entry_kind_name((enum entry_kind)i), verdict->kinds[i]);
    }
    jsonw_close(&json, '}');
    run_put_notes(&json, verdict);
    jsonw_put_int(&json, "extra_files", verdict->extra);
    jsonw_put_int(&json, "fault_count", (int64_t)verdict->fault_count);
    run_put_faults(&json, verdict);
    jsonw_close(&json, '}');
    TRY(jsonw_err(&json));
    return buf_byte(out, '\n');
}

/* ---- the command ------------------------------------------------------------------------- */

static enum err run_verify(struct log_verify_run *run)
{
    struct progress progress;
    struct str where = args_word(run->args, 2);
    if (where.len == 0) {
        return FAIL(&run->fail, ERR_ASK_MISSING, "the log's address or folder is missing");
    }
    enum err err = trust_read(run->args, &run->trust, &run->fail);
    run->remedy = run->trust.remedy;
    TRY(err);
    run->verdict = mem_zalloc(sizeof(*run->verdict));
    if (run->verdict == NULL) {
        return FAIL(&run->fail, ERR_NO_MEMORY, "no memory to verify a log");
    }
    TRY(log_source_open(where, &run->source, &run->fail));
    progress_begin(&progress, "verifying", STDERR_FILENO);
    const struct log_verify_order order = {
        .source = run->source,
        .key = &run->trust.key,
        .quorum = run->trust.quorum,
        .progress = &progress,
    };
    err = log_verify(&order, run->verdict, &run->fail);
    progress_end(&progress);
    return err;
}

enum act_exit log_verify_run(const struct args *args, struct buf *out, struct buf *errors)
{
    struct log_verify_run run = { .args = args };
    enum err err = run_verify(&run);
    bool good = err == ERR_OK && run.verdict->fault_count == 0;
    if (err == ERR_OK) {
        err = args_has(args, "json") ? run_print_json(&run, out) : run_print_text(&run, out);
    }
    log_source_close(run.source);
    trust_fini(&run.trust);
    mem_free(run.verdict);
    if (err != ERR_OK) {
        act_complain(errors, err, &run.fail, run.remedy);
        return checks_exit_of(err);
    }
    return good ? ACT_OK : ACT_FAILED;
}
