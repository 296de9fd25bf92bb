#include "app/registry_versions.h"

#include <stdio.h>

#include "app/log_leaves.h"

const struct store_migration registry_versions_migration = {
    .number = 10,
    .name = "registry_version",
    .sql = "CREATE TABLE registry_text(sum BLOB PRIMARY KEY, body BLOB NOT NULL) STRICT;"
           "CREATE TABLE registry_version(seq INTEGER PRIMARY KEY CHECK(seq > 0),"
           " hash BLOB NOT NULL, at_ns INTEGER NOT NULL,"
           " first INTEGER NOT NULL CHECK(first = (seq = 1)),"
           " grants INTEGER NOT NULL, routes INTEGER NOT NULL,"
           " entered_by TEXT NOT NULL, entered_ns INTEGER NOT NULL, entered_sig BLOB NOT NULL,"
           " reviewed_by TEXT NOT NULL CHECK(reviewed_by <> entered_by),"
           " reviewed_ns INTEGER NOT NULL, reviewed_sig BLOB NOT NULL) STRICT;"
           "CREATE INDEX registry_version_hash ON registry_version(hash);"
           "CREATE TABLE registry_version_file("
           "seq INTEGER NOT NULL REFERENCES registry_version, name TEXT NOT NULL,"
           " sum BLOB NOT NULL, document INTEGER NOT NULL CHECK(document IN (0, 1)),"
           " PRIMARY KEY(seq, name)) STRICT;",
};

/* ---- adding ------------------------------------------------------------------------------- */

static const struct store_sql sql_latest = { "SELECT coalesce(max(seq), 0) FROM registry_version" };
static const struct store_sql sql_text_add = {
    "INSERT INTO registry_text(sum, body) SELECT ?1, ?2"
    " WHERE NOT EXISTS(SELECT 1 FROM registry_text WHERE sum = ?1)"
};
static const struct store_sql sql_version_add = {
    "INSERT INTO registry_version(seq, hash, at_ns, first, grants, routes, entered_by, entered_ns,"
    " entered_sig, reviewed_by, reviewed_ns, reviewed_sig)"
    " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)"
};
static const struct store_sql sql_file_add = {
    "INSERT INTO registry_version_file(seq, name, sum, document) VALUES (?1, ?2, ?3, ?4)"
};

struct versions_adding {
    struct store_job job;
    struct tlog *tlog;
    const struct registry_versions_entry *entry;
    int64_t seq;
};

static enum err versions_on_number(void *context, const struct store_value *row, size_t columns)
{
    ASSERT(columns == 1);
    *(int64_t *)context = row[0].number;
    return ERR_OK;
}

static struct str versions_sig(const struct registry_signer *signer)
{
    return (struct str){ (const char *)signer->sig, SIGN_BYTES };
}

static enum err versions_add_row(struct store_txn *txn, const struct registry_versions_entry *entry,
                                 int64_t seq, struct fail *fail)
{
    const struct registry *registry = entry->registry;
    const struct registry_signer *entered = &entry->by[REGISTRY_ROLE_ENTERED];
    const struct registry_signer *reviewed = &entry->by[REGISTRY_ROLE_REVIEWED];
    const struct store_value values[] = {
        STORE_I(seq),
        STORE_B(digest_str(&registry->hash)),
        STORE_I(entry->now_ns),
        STORE_I(seq == 1),
        STORE_I((int64_t)registry->grant_count),
        STORE_I((int64_t)registry->route_count),
        STORE_T(entered->person->id),
        STORE_I(entered->at_ns),
        STORE_B(versions_sig(entered)),
        STORE_T(reviewed->person->id),
        STORE_I(reviewed->at_ns),
        STORE_B(versions_sig(reviewed)),
    };
    return store_exec(txn, &sql_version_add, values, EP_ARRAY_LEN(values), fail);
}

static enum err versions_run_add(struct store_job *job, struct store_txn *txn, struct fail *fail)
{
    struct versions_adding *adding = EP_CONTAINER(job, struct versions_adding, job);
    const struct registry_versions_entry *entry = adding->entry;
    int64_t latest = 0;
    TRY(store_query(txn, &sql_latest, NULL, 0, versions_on_number, &latest, fail));
    if (latest != entry->after) {
        return FAIL(fail, ERR_CONFLICT,
                    "version %lld came into force meanwhile: look at it, and apply again",
                    (long long)latest);
    }
    adding->seq = latest + 1;
    TRY(versions_add_row(txn, entry, adding->seq, fail));
    for (size_t i = 0; i < entry->files->count; i++) {
        const struct registry_files_item *item = &entry->files->items[i];
        const struct store_value text[] = { STORE_B(digest_str(&item->sum)), STORE_B(item->text) };
        const struct store_value file[] = { STORE_I(adding->seq), STORE_T(item->name),
                                            STORE_B(digest_str(&item->sum)),
                                            STORE_I(item->document) };
        if (!item->document) {
            TRY(store_exec(txn, &sql_text_add, text, EP_ARRAY_LEN(text), fail));
        }
        TRY(store_exec(txn, &sql_file_add, file, EP_ARRAY_LEN(file), fail));
    }
    return log_leaf_registry(adding->tlog, txn, adding->seq, &entry->registry->hash, entry->now_ns,
                             fail);
}

enum err registry_versions_add(const struct registry_home *home,
                               const struct registry_versions_entry *entry, int64_t *ret_seq,
                               struct fail *fail)
{
    struct versions_adding adding = {
        .job = { .run = versions_run_add },
        .tlog = home->tlog,
        .entry = entry,
    };
    TRY(store_run(home->store, &adding.job, fail));
    *ret_seq = adding.seq;
    return ERR_OK;
}

/* ---- finding ------------------------------------------------------------------------------ */

#define VERSIONS_COLUMNS                                                                   \
    "SELECT seq, hash, at_ns, first, grants, routes, entered_by, entered_ns, reviewed_by," \
    " reviewed_ns FROM registry_version"

static const struct store_sql sql_find = { VERSIONS_COLUMNS
                                           " WHERE seq = CASE ?1 WHEN 0 THEN (SELECT max(seq) FROM"
                                           " registry_version) ELSE ?1 END" };
static const struct store_sql sql_find_hash = { VERSIONS_COLUMNS
                                                " WHERE hash = ?1 ORDER BY seq DESC LIMIT 1" };
static const struct store_sql sql_list = { VERSIONS_COLUMNS " ORDER BY seq" };

struct versions_finding {
    int64_t seq;
    const struct digest *hash; /* not NULL: by it */
    registry_version_fn *told;
    void *context;
    size_t count;
};

static void versions_person(char out[REGISTRY_PERSON_MAX + 1], struct str id)
{
    (void)snprintf(out, REGISTRY_PERSON_MAX + 1, STR_FMT, STR_ARG(id)); /* ids are no longer */
}

static enum err versions_on_row(void *context, const struct store_value *row, size_t columns)
{
    struct versions_finding *finding = context;
    struct registry_version version = {
        .seq = row[0].number,
        .at_ns = row[2].number,
        .first = row[3].number != 0,
        .grants = row[4].number,
        .routes = row[5].number,
        .signed_ns = { row[7].number, row[9].number },
    };
    ASSERT(columns == 10);
    if (row[1].bytes.len != DIGEST_BYTES) {
        return ERR_STORE_DAMAGED;
    }
    memcpy(version.hash.bytes, row[1].bytes.ptr, DIGEST_BYTES);
    versions_person(version.person[REGISTRY_ROLE_ENTERED], row[6].bytes);
    versions_person(version.person[REGISTRY_ROLE_REVIEWED], row[8].bytes);
    finding->count++;
    finding->told(finding->context, &version);
    return ERR_OK;
}

static enum err versions_read_rows(void *context, struct store_txn *txn, struct fail *fail)
{
    struct versions_finding *finding = context;
    const struct store_value value =
        finding->hash != NULL ? STORE_B(digest_str(finding->hash)) : STORE_I(finding->seq);
    const struct store_sql *sql = finding->hash != NULL ? &sql_find_hash
                                  : finding->seq >= 0   ? &sql_find
                                                        : &sql_list;
    return store_query(txn, sql, &value, sql == &sql_list ? 0 : 1, versions_on_row, finding, fail);
}

static void versions_keep(void *context, const struct registry_version *version)
{
    *(struct registry_version *)context = *version;
}

enum err registry_versions_find(struct store *store, int64_t seq,
                                struct registry_version *ret_version, struct fail *fail)
{
    struct versions_finding finding = { .seq = seq, .told = versions_keep, .context = ret_version };
    ASSERT(seq >= 0);
    TRY(store_read(store, versions_read_rows, &finding, fail));
    if (finding.count == 0) {
        return seq == 0
                   ? FAIL(fail, ERR_NOT_FOUND, "the registry has no version yet")
                   : FAIL(fail, ERR_NOT_FOUND, "the registry has no version %lld", (long long)seq);
    }
    return ERR_OK;
}

enum err registry_versions_find_hash(struct store *store, const struct digest *hash,
                                     struct registry_version *ret_version, struct fail *fail)
{
    struct versions_finding finding = { .hash = hash,
                                        .told = versions_keep,
                                        .context = ret_version };
    TRY(store_read(store, versions_read_rows, &finding, fail));
    return finding.count > 0 ? ERR_OK
                             : FAIL(fail, ERR_NOT_FOUND, "no registry version has this content");
}

enum err registry_versions_list(struct store *store, registry_version_fn *told, void *context,
                                struct fail *fail)
{
    struct versions_finding finding = { .seq = -1, .told = told, .context = context };
    return store_read(store, versions_read_rows, &finding, fail);
}

/* ---- what a version says ------------------------------------------------------------------ */

static const struct store_sql sql_files = {
    "SELECT f.name, f.sum, f.document, t.body FROM registry_version_file f"
    " LEFT JOIN registry_text t ON t.sum = f.sum AND f.document = 0 WHERE f.seq = ?1"
    " ORDER BY f.name"
};

struct versions_reading {
    int64_t seq;
    struct registry_files *files;
    struct fail fail; /* of the text that does not fit */
};

static enum err versions_on_file(void *context, const struct store_value *row, size_t columns)
{
    struct versions_reading *reading = context;
    struct registry_files_item item = {
        .name = row[0].bytes,
        .document = row[2].number != 0,
        .text = row[3].bytes,
    };
    ASSERT(columns == 4);
    struct digest sum = digest_sha256(item.text);
    bool fine = row[1].bytes.len == DIGEST_BYTES;
    if (fine) {
        memcpy(item.sum.bytes, row[1].bytes.ptr, DIGEST_BYTES);
    }
    if (!fine || (!item.document && !digest_eq(&sum, &item.sum))) {
        return FAIL(&reading->fail, ERR_STORE_DAMAGED,
                    "the text of \"" STR_FMT "\" in registry version %lld is not what was signed",
                    STR_ARG(item.name), (long long)reading->seq);
    }
    return registry_files_add(reading->files, &item);
}

static enum err versions_read_files(void *context, struct store_txn *txn, struct fail *fail)
{
    struct versions_reading *reading = context;
    const struct store_value value = STORE_I(reading->seq);
    enum err err = store_query(txn, &sql_files, &value, 1, versions_on_file, reading, fail);
    if (reading->fail.code != ERR_OK && fail != NULL) {
        *fail = reading->fail;
    }
    return err;
}

enum err registry_versions_files(struct store *store, int64_t seq, struct registry_files *files,
                                 struct fail *fail)
{
    struct versions_reading reading = { .seq = seq, .files = files };
    TRY(store_read(store, versions_read_files, &reading, fail));
    registry_files_sort(files);
    return files->count > 0
               ? ERR_OK
               : FAIL(fail, ERR_NOT_FOUND, "the registry has no version %lld", (long long)seq);
}

bool registry_versions_are(struct store *store, int64_t seq, const struct registry_files *files)
{
    struct registry_files kept;
    registry_files_init(&kept);
    bool same = registry_versions_files(store, seq, &kept, NULL) == ERR_OK &&
                registry_files_same(files, &kept);
    registry_files_fini(&kept);
    return same;
}

enum err registry_version_load(struct store *store, int64_t seq, struct registry **ret_registry,
                               struct fail *fail)
{
    struct registry_version version;
    struct registry_files files;
    struct registry_report report;
    TRY(registry_versions_find(store, seq, &version, fail));
    registry_files_init(&files);
    registry_report_init(&report);
    enum err err = registry_versions_files(store, version.seq, &files, fail);
    if (err == ERR_OK) {
        err = registry_files_parse(&files, ret_registry, &report);
        if (err != ERR_OK) {
            err = FAIL(fail, err, "registry version %lld cannot be read: %s",
                       (long long)version.seq, report.count > 0 ? report.faults[0].text : "memory");
        } else {
            (*ret_registry)->hash = version.hash;
        }
    }
    registry_report_fini(&report);
    registry_files_fini(&files);
    return err;
}

/* ---- the audit ---------------------------------------------------------------------------- */

/* A text that a version names and that is not there has no body. */
static const struct store_sql sql_audit = {
    "SELECT f.seq, f.sum, t.body FROM registry_version_file f"
    " LEFT JOIN registry_text t ON t.sum = f.sum WHERE f.document = 0"
    " AND f.seq = (SELECT min(seq) FROM registry_version_file WHERE sum = f.sum AND document = 0)"
    " ORDER BY f.seq"
};

static enum err versions_on_audit(void *context, const struct store_value *row, size_t columns)
{
    struct audit_line *line = context;
    ASSERT(columns == 3);
    struct digest sum = digest_sha256(row[2].bytes);
    bool fine = row[2].kind == STORE_BLOB && str_eq(digest_str(&sum), row[1].bytes);
    if (!fine && line->wrong == 0) {
        line->first = row[0].number;
    }
    line->rows++;
    line->wrong += !fine;
    return ERR_OK;
}

enum err registry_versions_audit(struct store_txn *txn, audit_line_fn *told, void *context,
                                 struct fail *fail)
{
    struct audit_line line = { "registry-texts",
                               "Each text of a registry version is there, and is what was signed.",
                               "version", .rows = 0 };
    TRY(store_query(txn, &sql_audit, NULL, 0, versions_on_audit, &line, fail));
    told(context, &line);
    return ERR_OK;
}
