/*
 * `entrepot log follow`: rounds of log_follow.h, until one finds a fault. A way that is cut is
 * tried again; a log that contradicts itself is not forgiven, and both notes are written down.
 */
#include <stdio.h>
#include <time.h>

#include "app/checks.h"
#include "app/file_text.h"
#include "app/log_follow.h"
#include "app/trust.h"
#include "base/stamp.h"
#include "wire/jsonw.h"

#define FOLLOW_EVERY_S     60
#define FOLLOW_EVERY_MAX_S 86400
#define FOLLOW_PATH_MAX    4096
#define FOLLOW_LINE_MAX    8192

struct follow_run {
    const struct args *args;
    struct trust trust;
    struct follow_order order;
    struct follow_seen seen;
    struct follow_round round;
    const char *state;
    int64_t every_s;
    struct fail fail;
    const char *remedy;
};

/* ---- telling ----------------------------------------------------------------------------- */

static enum err run_line(const struct follow_run *run, enum follow_kind kind, struct str text,
                         struct buf *out)
{
    char at[64];
    struct buf stamp = { at, 0, sizeof(at), sizeof(at) };
    struct jsonw json;
    TRY(stamp_print(&stamp, stamp_system_ns()));
    if (!args_has(run->args, "json")) {
        return buf_printf(out, STR_FMT " %s%s: " STR_FMT "\n", STR_ARG(buf_str(&stamp)),
                          follow_is_fault(kind) ? "FAULT " : "", follow_kind_name(kind),
                          STR_ARG(text));
    }
    jsonw_init(&json, out);
    jsonw_open(&json, '{');
    jsonw_put_str(&json, "at", buf_str(&stamp));
    jsonw_put_str(&json, "kind", str_from(follow_kind_name(kind)));
    jsonw_key(&json, "fault");
    jsonw_bool(&json, follow_is_fault(kind));
    jsonw_put_str(&json, "text", text);
    jsonw_close(&json, '}');
    TRY(jsonw_err(&json));
    return buf_byte(out, '\n');
}

/* At once: whoever reads this through a pipe waits for it. */
static void run_tell(void *context, enum follow_kind kind, struct str text)
{
    struct buf line;
    buf_init(&line, FOLLOW_LINE_MAX);
    if (run_line(context, kind, text, &line) == ERR_OK) {
        EP_IGNORE(fwrite(line.ptr, 1, line.len, stdout)); /* main looks whether it got out */
        (void)fflush(stdout);                             /* as above */
    }
    buf_fini(&line);
}

/* ---- what is kept ------------------------------------------------------------------------ */

/* Two notes under one key that cannot both be true, for whoever has to be shown them. */
static enum err run_write_evidence(struct follow_run *run)
{
    char path[FOLLOW_PATH_MAX];
    const struct follow_round *round = &run->round;
    struct buf text;
    struct jsonw json;
    struct str other =
        round->evidence.len > 0 ? buf_str(&round->evidence) : buf_str(&run->seen.note);
    int len = snprintf(path, sizeof(path), "%s.evidence", run->state);
    if (len < 0 || (size_t)len >= sizeof(path)) {
        return FAIL(&run->fail, ERR_ASK_INVALID, "the path of \"%s\" is too long", run->state);
    }
    buf_init(&text, (size_t)8 * NOTE_BYTES_MAX);
    jsonw_init(&json, &text);
    jsonw_open(&json, '{');
    jsonw_put_str(&json, "shown", buf_str(&round->note));
    jsonw_put_str(&json, "other", other);
    jsonw_close(&json, '}');
    enum err err = jsonw_err(&json);
    err = err == ERR_OK ? buf_byte(&text, '\n') : err;
    err = err == ERR_OK ? file_text_replace(path, buf_str(&text), 0644, &run->fail) : err;
    buf_fini(&text);
    if (err == ERR_OK) {
        (void)snprintf(path, sizeof(path), "both notes are in \"%.4000s.evidence\"",
                       run->state); /* fits */
        run_tell(run, FOLLOW_NOTE, str_from(path));
    }
    return err;
}

/* ---- rounds ------------------------------------------------------------------------------ */

static enum err run_round(struct follow_run *run)
{
    enum err err =
        follow_round_run(&run->round, &run->seen, stamp_system_ns() / STAMP_NS_PER_S, &run->fail);
    if (run->round.contradicted) {
        TRY(run_write_evidence(run));
    }
    TRY(err);
    return run->seen.known
               ? file_text_replace(run->state, buf_str(&run->seen.note), 0644, &run->fail)
               : ERR_OK;
}

/* The way to the log, not what is at its end, nor here. */
static bool run_may_pass(enum err err)
{
    return err != ERR_OK && err != ERR_NO_MEMORY && err_info(err)->kind == ERR_KIND_RETRY;
}

static enum err run_rounds(struct follow_run *run)
{
    const struct timespec pause = { .tv_sec = (time_t)run->every_s };
    bool once = args_has(run->args, "once");
    for (;;) {
        enum err err = run_round(run);
        if (ferror(stdout) != 0) {
            return FAIL(&run->fail, ERR_IO, "nobody takes what is found");
        }
        if (run->round.faults > 0 || once || (err != ERR_OK && !run_may_pass(err))) {
            return run->round.faults > 0 ? ERR_OK : err;
        }
        if (err != ERR_OK) {
            run_tell(run, FOLLOW_NOTE, str_from(run->fail.text));
        }
        (void)nanosleep(&pause, NULL); /* cut short, it looks sooner */
    }
}

/* ---- the command ------------------------------------------------------------------------- */

static enum err run_read_args(struct follow_run *run)
{
    struct str every = args_value(run->args, "every");
    struct str receipts = args_value(run->args, "receipts");
    struct str state = args_value(run->args, "state");
    if (args_word(run->args, 2).len == 0) {
        return FAIL(&run->fail, ERR_ASK_MISSING, "the log's address or folder is missing");
    }
    if (state.len == 0) {
        run->remedy = "say --state FILE: what was seen is kept there from one run to the next";
        return FAIL(&run->fail, ERR_ASK_MISSING, "the file for what was seen is missing");
    }
    run->state = state.ptr;
    run->order.receipts = receipts.len > 0 ? receipts.ptr : NULL;
    run->every_s = FOLLOW_EVERY_S;
    if (every.len > 0 && (!str_to_i64(every, &run->every_s) || run->every_s < 1 ||
                          run->every_s > FOLLOW_EVERY_MAX_S)) {
        return FAIL(&run->fail, ERR_ASK_INVALID,
                    "--every takes 1 to %d seconds, not \"" STR_FMT "\"", FOLLOW_EVERY_MAX_S,
                    STR_ARG(every));
    }
    return ERR_OK;
}

static enum err run_follow(struct follow_run *run)
{
    TRY(run_read_args(run));
    enum err err = trust_read(run->args, &run->trust, &run->fail);
    run->remedy = run->trust.remedy;
    TRY(err);
    run->order.key = &run->trust.key;
    run->order.quorum = run->trust.quorum;
    run->order.tell = run_tell;
    run->order.context = run;
    run->remedy = "if it is another log's, name another file; if nothing was seen yet, remove it";
    TRY(follow_seen_read(run->state, &run->trust.key, &run->seen, &run->fail));
    run->remedy = NULL;
    TRY(log_source_open(args_word(run->args, 2), &run->order.source, &run->fail));
    return run_rounds(run);
}

enum act_exit log_follow_run(const struct args *args, struct buf *out, struct buf *errors)
{
    struct follow_run run = { .args = args };
    (void)out; /* what is told is told as it comes */
    follow_seen_init(&run.seen);
    follow_round_init(&run.round, &run.order);
    enum err err = run_follow(&run);
    bool faults = run.round.faults > 0;
    if (err != ERR_OK) {
        act_complain(errors, err, &run.fail, run.remedy);
    }
    log_source_close(run.order.source);
    follow_round_fini(&run.round);
    follow_seen_fini(&run.seen);
    trust_fini(&run.trust);
    return err != ERR_OK ? checks_exit_of(err) : faults ? ACT_FAILED : ACT_OK;
}
