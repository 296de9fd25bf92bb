#include "app/restore.h"

#include <unistd.h>

#include "app/acts_internal.h"
#include "app/batch_keeping.h"
#include "app/erased_list.h"
#include "app/erasure.h"
#include "app/log_aside.h"
#include "app/log_mark.h"
#include "app/progress.h"
#include "base/stamp.h"
#include "tlog/canon.h"
#include "wire/jsonw.h"

#define RESTORE_ENTRY_MAX 256
#define RESTORE_PATH_MAX  4096

struct restoring {
    struct str url; /* of the store that is replaced */
    struct store_migration migrations[WORLD_MIGRATIONS_MAX];
    struct store_options options;
    struct str pepper;      /* of the API keys: a reference */
    struct str log_folder;  /* that is published */
    struct log_aside aside; /* what of it is untrue then */
    struct buf log_kept;    /* where it was put for that */
    struct buf mark_path;
    struct log_mark before; /* as it was found */
    struct log_mark mark;   /* as it was left */
    bool marked;            /* it was written */
    bool accept;
    int64_t leaves;      /* of what is put in place */
    int64_t entries;     /* of its books */
    int64_t entries_old; /* of the books that are replaced; 0: they cannot be read */
    int64_t now_ns;
    int64_t erased_again;    /* clients that are in the list of the erased, and in the backup */
    struct audit_line wrong; /* the first invariant that does not hold */
    struct tlog *tlog;       /* of the store that is changed, which it outlives */
};

/* ---- the log's own note ------------------------------------------------------------------ */

struct restore_note {
    struct store_job job;
    struct tlog *tlog;
    struct str entry;
    int64_t now_ns;
};

static enum err restore_append(struct store_job *job, struct store_txn *txn, struct fail *fail)
{
    struct restore_note *note = EP_CONTAINER(job, struct restore_note, job);
    int64_t leaf = 0;
    return tlog_append(note->tlog, txn, TLOG_EVENT, note->entry, note->now_ns, &leaf, fail);
}

/* What was done, as an entry of the log: whoever follows it can see that leaves were lost. */
static enum err restore_note(const struct restoring *restoring, struct store *store,
                             struct str event, struct fail *fail)
{
    char text[RESTORE_ENTRY_MAX];
    struct buf entry = { text, 0, sizeof(text), sizeof(text) };
    struct canon canon;
    canon_init(&canon, &entry);
    canon_open(&canon, '{');
    canon_put_int(&canon, "at_ns", restoring->now_ns);
    canon_put_str(&canon, "event", event);
    canon_put_str(&canon, "kind", STR("event"));
    canon_put_int(&canon, "leaves", restoring->leaves);
    canon_put_int(&canon, "reached", restoring->before.reached);
    canon_put_int(&canon, "version", 1);
    canon_close(&canon, '}');
    ASSERT(canon_err(&canon) == ERR_OK); /* six short members */
    struct restore_note note = {
        .job = { .run = restore_append },
        .tlog = restoring->tlog,
        .entry = buf_str(&entry),
        .now_ns = restoring->now_ns,
    };
    return store_run(store, &note.job, fail);
}

/* ---- how far the log had come ------------------------------------------------------------ */

static const struct store_sql sql_entries = { "SELECT coalesce(max(id), 0) FROM entry" };

static enum err restore_on_entries(void *context, const struct store_value *row, size_t columns)
{
    ASSERT(columns == 1);
    *(int64_t *)context = row[0].number;
    return ERR_OK;
}

static enum err restore_read_size(void *context, struct store_txn *txn, struct fail *fail)
{
    return tlog_size(txn, context, fail);
}

struct restore_old {
    int64_t leaves;
    int64_t entries;
};

static enum err restore_read_old(void *context, struct store_txn *txn, struct fail *fail)
{
    struct restore_old *old = context;
    TRY(tlog_size(txn, &old->leaves, fail));
    return store_query(txn, &sql_entries, NULL, 0, restore_on_entries, &old->entries, fail);
}

/* The mark is a bound, and knows of no purchases: what is about to be replaced may know more, if it
 * can still be read. */
static void restore_look_at_old(struct restoring *restoring)
{
    struct store *store = NULL;
    struct restore_old old = { .leaves = 0 };
    const struct store_options options = { .url = restoring->url, .read_only = true };
    if (store_open(&options, &store, NULL) == ERR_OK &&
        store_read(store, restore_read_old, &old, NULL) == ERR_OK) {
        restoring->entries_old = old.entries;
        restoring->before.reached =
            old.leaves > restoring->before.reached ? old.leaves : restoring->before.reached;
    }
    store_close(store);
}

/* What was published is known to others: that many leaves were reached. */
static enum err restore_look_at_folder(struct restoring *restoring, struct store *store,
                                       struct fail *fail)
{
    TRY(log_aside_look(restoring->log_folder.ptr, store, &restoring->aside, fail));
    restoring->before.reached = restoring->aside.published > restoring->before.reached
                                    ? restoring->aside.published
                                    : restoring->before.reached;
    return ERR_OK;
}

static enum err restore_put_aside(struct restoring *restoring, struct fail *fail)
{
    return restoring->accept && restoring->aside.untrue
               ? log_aside_move(restoring->log_folder.ptr, restoring->now_ns, &restoring->log_kept,
                                fail)
               : ERR_OK;
}

static enum err restore_read_mark(struct restoring *restoring, struct fail *fail)
{
    enum err err = log_mark_read(restoring->mark_path.ptr, &restoring->before, fail);
    if (err == ERR_STORE_DAMAGED && restoring->accept) {
        restoring->before =
            (struct log_mark){ .behind = true }; /* whatever it was, it is accepted */
        return ERR_OK;
    }
    return err;
}

static enum err restore_write_mark(struct restoring *restoring, struct fail *fail)
{
    int64_t reached = restoring->before.reached;
    bool lost = restoring->aside.untrue || restoring->leaves < reached ||
                restoring->entries < restoring->entries_old;
    bool behind = lost && !restoring->accept;
    restoring->mark = (struct log_mark){
        .reached = behind ? reached : restoring->leaves,
        .behind = behind,
        .found = behind ? restoring->leaves : 0,
    };
    TRY(log_mark_write(restoring->mark_path.ptr, &restoring->mark, fail));
    restoring->marked = true;
    return ERR_OK;
}

/* ---- a backup in place ------------------------------------------------------------------- */

static void restore_on_line(void *context, const struct audit_line *line)
{
    struct restoring *restoring = context;
    if (line->wrong > 0 && restoring->wrong.wrong == 0) {
        restoring->wrong = *line;
    }
}

static enum err restore_audit(void *context, struct store_txn *txn, struct fail *fail)
{
    struct restoring *restoring = context;
    TRY(audit_all(txn, NULL, restore_on_line, restoring, fail));
    const struct audit_line *wrong = &restoring->wrong;
    if (wrong->wrong > 0) {
        return FAIL(fail, ERR_AUDIT_FAILED,
                    "the backup breaks \"%s\": %lld rows, the first is %s %lld", wrong->name,
                    (long long)wrong->wrong, wrong->row, (long long)wrong->first);
    }
    TRY(store_query(txn, &sql_entries, NULL, 0, restore_on_entries, &restoring->entries, fail));
    return tlog_size(txn, &restoring->leaves, fail);
}

static enum err restore_erase_in(struct restoring *restoring, struct store *copy, const char *list,
                                 struct fail *fail)
{
    struct secret pepper = { 0 };
    struct ident *ident = NULL;
    char room[RESTORE_PATH_MAX];
    struct buf batches = { room, 0, sizeof(room), sizeof(room) };
    TRY(batch_keeping_path(restoring->url, &batches, fail));
    TRY(secret_load(restoring->pepper, STR_EMPTY, &pepper, fail));
    enum err err = ident_open(copy, secret_str(&pepper), &ident, fail);
    secret_fini(&pepper);
    TRY(err);
    const struct erasing erasing = { copy, ident, restoring->tlog, list, batches.ptr };
    err = erasure_at_start(&erasing, restoring->now_ns, &restoring->erased_again, fail);
    ident_close(ident);
    return err;
}

/* Who was erased after the backup was made is erased again before anybody sees it. The start of the
 * server would do it too. */
static enum err restore_erase(struct restoring *restoring, struct store *copy, struct fail *fail)
{
    struct erased_list list;
    struct buf path;
    erased_list_init(&list);
    buf_init(&path, RESTORE_PATH_MAX);
    enum err err = erased_list_path(restoring->url, &path, fail);
    err = err == ERR_OK ? erased_list_read(path.ptr, &list, fail) : err;
    err = err == ERR_OK && list.count > 0 ? restore_erase_in(restoring, copy, path.ptr, fail) : err;
    erased_list_fini(&list);
    buf_fini(&path);
    return err;
}

/* The mark comes before the copy is put in place: a crash in between stops the sale for nothing,
 * which is better than a sale that should have been stopped. */
static enum err restore_judge(void *context, struct store *copy, struct fail *fail)
{
    struct restoring *restoring = context;
    /* First, for a backup may be older than the tree, which the audit wants to see. What is damaged
     * the audit can name better. */
    enum err opened = tlog_open(copy, &restoring->tlog, fail);
    if (opened != ERR_OK && opened != ERR_STORE_DAMAGED) {
        return opened;
    }
    TRY(store_read(copy, restore_audit, restoring, fail));
    TRY(opened);
    TRY(restore_read_mark(restoring, fail));
    restore_look_at_old(restoring);
    TRY(restore_look_at_folder(restoring, copy, fail));
    TRY(restore_note(restoring, copy,
                     restoring->accept ? STR("restored_loss_accepted") : STR("restored"), fail));
    TRY(restore_erase(restoring, copy, fail));
    return restore_write_mark(restoring, fail);
}

static int64_t restore_less(int64_t before, int64_t now)
{
    return before > now ? before - now : 0;
}

static enum err restore_print(const struct restoring *restoring, struct str kept, bool json,
                              struct buf *out)
{
    int64_t lost = restore_less(restoring->before.reached, restoring->leaves);
    int64_t entries_lost = restore_less(restoring->entries_old, restoring->entries);
    if (json) {
        struct jsonw writer;
        jsonw_init(&writer, out);
        jsonw_open(&writer, '{');
        jsonw_put_int(&writer, "leaves", restoring->leaves);
        jsonw_put_int(&writer, "reached", restoring->before.reached);
        jsonw_put_int(&writer, "lost", lost);
        jsonw_put_int(&writer, "entries_lost", entries_lost);
        jsonw_put_int(&writer, "erased_again", restoring->erased_again);
        jsonw_put_str(&writer, "kept", kept);
        jsonw_put_str(&writer, "log_kept", buf_str(&restoring->log_kept));
        jsonw_key(&writer, "sells");
        jsonw_bool(&writer, !restoring->mark.behind);
        jsonw_close(&writer, '}');
        TRY(jsonw_err(&writer));
        return buf_byte(out, '\n');
    }
    TRY(buf_printf(out, "log: %lld leaves, %lld were reached, %lld are lost\n",
                   (long long)restoring->leaves, (long long)restoring->before.reached,
                   (long long)lost));
    if (entries_lost > 0) {
        TRY(buf_printf(out, "books: %lld entries are lost\n", (long long)entries_lost));
    }
    if (restoring->erased_again > 0) {
        TRY(buf_printf(out, "erased again: %lld clients\n", (long long)restoring->erased_again));
    }
    if (kept.len > 0) {
        TRY(buf_printf(out, "the old database is kept as " STR_FMT "\n", STR_ARG(kept)));
    }
    if (restoring->log_kept.len > 0) {
        TRY(buf_printf(out,
                       "the published log is kept as " STR_FMT ": whoever followed it sees that "
                       "leaves are lost, and its witnesses cosign no other under this log.origin\n",
                       STR_ARG(buf_str(&restoring->log_kept))));
    }
    return buf_printf(out, "%s\n",
                      restoring->mark.behind
                          ? "the server will not sell: restore a later backup, or say \"entrepot "
                            "restore --accept-loss\""
                          : "the server will sell");
}

static enum err restore_file(struct restoring *restoring, struct str path, bool json,
                             struct buf *out, struct fail *fail)
{
    struct progress progress;
    struct store_restore restore = {
        .path = path,
        .judge = restore_judge,
        .context = restoring,
        .progress = { progress_update, &progress },
        .now_ns = restoring->now_ns,
    };
    progress_begin(&progress, "restore", STDERR_FILENO);
    enum err err = store_restore(&restoring->options, &restore, fail);
    progress_end(&progress);
    if (err != ERR_OK && restoring->marked) {
        /* Nothing was put in place; if this fails too, the sale stays stopped. */
        EP_IGNORE(log_mark_write(restoring->mark_path.ptr, &restoring->before, NULL));
    }
    err = err == ERR_OK ? restore_put_aside(restoring, fail) : err;
    err = err == ERR_OK ? restore_print(restoring, buf_str(&restore.kept), json, out) : err;
    buf_fini(&restore.kept);
    return err;
}

/* ---- a loss that is accepted ------------------------------------------------------------- */

static enum err restore_accept_in(struct restoring *restoring, struct store *store,
                                  struct fail *fail)
{
    TRY(store_read(store, restore_read_size, &restoring->leaves, fail));
    TRY(restore_read_mark(restoring, fail));
    TRY(tlog_open(store, &restoring->tlog, fail));
    TRY(restore_look_at_folder(restoring, store, fail));
    if (!restoring->before.behind && !restoring->aside.untrue &&
        restoring->leaves >= restoring->before.reached) {
        return FAIL(fail, ERR_CONFLICT,
                    "there is no loss to accept: the log has %lld leaves, %lld were reached",
                    (long long)restoring->leaves, (long long)restoring->before.reached);
    }
    TRY(restore_note(restoring, store, STR("loss_accepted"), fail));
    TRY(restore_put_aside(restoring, fail)); /* else the mark says on that nothing may be sold */
    return restore_write_mark(restoring, fail);
}

static enum err restore_accept(struct restoring *restoring, bool json, struct buf *out,
                               struct fail *fail)
{
    struct store *store = NULL;
    TRY(store_open(&restoring->options, &store, fail));
    enum err err = restore_accept_in(restoring, store, fail);
    store_close(store);
    TRY(err);
    return restore_print(restoring, STR_EMPTY, json, out);
}

/* ---- the command ------------------------------------------------------------------------- */

static enum err restore_do(const struct args *args, const struct conf *conf, struct buf *out,
                           struct fail *fail)
{
    struct str url = conf->store;
    struct restoring restoring = {
        .url = url,
        .pepper = conf->keys_pepper,
        .log_folder = conf->log_folder,
        .accept = args_has(args, "accept-loss"),
        .now_ns = stamp_system_ns(),
    };
    struct str path = args_word(args, 1);
    bool json = args_has(args, "json");
    if (path.len == 0 && !restoring.accept) {
        return FAIL(fail, ERR_ASK_MISSING, "the backup's file is missing");
    }
    restoring.options = (struct store_options){
        .url = url,
        .migrations = restoring.migrations,
        .migrations_count = world_migrations(restoring.migrations),
    };
    buf_init(&restoring.mark_path, RESTORE_PATH_MAX);
    buf_init(&restoring.log_kept, RESTORE_PATH_MAX);
    enum err err = log_mark_path(url, &restoring.mark_path, fail);
    if (err == ERR_OK) {
        err = path.len > 0 ? restore_file(&restoring, path, json, out, fail)
                           : restore_accept(&restoring, json, out, fail);
    }
    tlog_close(restoring.tlog);
    buf_fini(&restoring.mark_path);
    buf_fini(&restoring.log_kept);
    return err;
}

static const char *restore_remedy(enum err err)
{
    switch ((int)err) {
    case ERR_STORE_LOCKED:
        return "stop the server first";
    case ERR_STORE_DAMAGED:
    case ERR_AUDIT_FAILED:
        return "restore another backup; the store is as it was";
    case ERR_ASK_MISSING:
        return "say \"entrepot restore FILE\"";
    default:
        return NULL;
    }
}

enum err restore_run(const struct args *args, struct buf *out, struct buf *errors)
{
    struct fail fail = { .text = "" };
    struct conf *conf = NULL;
    struct conf_report report;
    struct str given = args_value(args, "config");
    conf_report_init(&report);
    enum err err = conf_load(given.len > 0 ? given.ptr : "entrepot.yaml", &conf, &report);
    if (err != ERR_OK) {
        EP_IGNORE(conf_report_print(&report, errors)); /* what fits */
    }
    conf_report_fini(&report);
    TRY(err);
    err = crypto_start(&fail);
    err = err == ERR_OK ? restore_do(args, conf, out, &fail) : err;
    if (err != ERR_OK) {
        act_complain(errors, err, &fail, restore_remedy(err));
    }
    conf_destroy(conf);
    return err;
}
