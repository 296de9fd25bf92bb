#include "app/evidence_books.h"

#include <string.h>

#include "app/acts_internal.h"
#include "app/registry_versions.h"
#include "base/mem.h"
#include "base/stamp.h"
#include "gate/usage_check.h"
#include "wire/json.h"
#include "wire/jsonw.h"

/* ---- the registry's versions -------------------------------------------------------------- */

static const struct store_sql sql_versions = {
    "SELECT seq, hash, at_ns, entered_by, entered_ns, entered_sig, reviewed_by, reviewed_ns,"
    " reviewed_sig FROM registry_version ORDER BY seq"
};

static bool books_signer(struct evidence_signer *signer, const struct store_value *row)
{
    bool fine = row[0].bytes.len <= EVIDENCE_PERSON_MAX && row[2].bytes.len == SIGN_BYTES;
    if (fine) {
        memcpy(signer->person, row[0].bytes.ptr, row[0].bytes.len);
        memcpy(signer->sig, row[2].bytes.ptr, SIGN_BYTES);
        signer->at_ns = row[1].number;
    }
    return fine;
}

static enum err books_on_version(void *context, const struct store_value *row, size_t columns)
{
    struct evidence_law *law = context;
    struct evidence_version version = {
        .seq = row[0].number,
        .from_ns = row[2].number,
        .until_ns = INT64_MAX,
    };
    ASSERT(columns == 9);
    if (row[1].bytes.len != DIGEST_BYTES || !books_signer(&version.signers[0], &row[3]) ||
        !books_signer(&version.signers[1], &row[6])) {
        return ERR_STORE_DAMAGED;
    }
    memcpy(version.hash.bytes, row[1].bytes.ptr, DIGEST_BYTES);
    return evidence_law_add(law, &version);
}

static enum err books_read_versions(void *context, struct store_txn *txn, struct fail *fail)
{
    enum err err = store_query(txn, &sql_versions, NULL, 0, books_on_version, context, fail);
    return err == ERR_LIMIT
               ? FAIL(fail, err, "the registry has more than %d versions", EVIDENCE_VERSIONS_MAX)
               : err;
}

static enum err books_load(void *context, const struct evidence_version *version,
                           struct registry **ret_registry, struct fail *fail)
{
    const struct evidence_books *books = context;
    return registry_version_load(books->store, version->seq, ret_registry, fail);
}

enum err evidence_books_law(struct evidence_books *books, struct evidence_law *law,
                            struct fail *fail)
{
    law->load = books_load;
    law->context = books;
    return store_read(books->store, books_read_versions, law, fail);
}

/* The persons who may sign are those of the version before; the first has nobody before it. */
static enum err books_keys(const struct evidence_books *books, struct evidence_version *version,
                           struct fail *fail)
{
    struct registry *before = NULL;
    TRY(registry_version_load(books->store, version->seq > 1 ? version->seq - 1 : 1, &before,
                              fail));
    size_t found = 0;
    for (size_t i = 0; i < REGISTRY_ROLE_COUNT; i++) {
        struct evidence_signer *signer = &version->signers[i];
        for (size_t k = 0; k < before->person_count; k++) {
            if (str_eq(before->persons[k].id, str_from(signer->person))) {
                memcpy(signer->key, before->persons[k].public_key, sizeof(signer->key));
                found++;
            }
        }
    }
    registry_unref(before);
    return found == REGISTRY_ROLE_COUNT && evidence_version_signed(version)
               ? ERR_OK
               : FAIL(fail, ERR_AUDIT_FAILED, "the signatures of registry version %lld do not hold",
                      (long long)version->seq);
}

enum err evidence_books_files(void *context, struct evidence_version *version,
                              evidence_files_fn *told, void *told_context, struct fail *fail)
{
    const struct evidence_books *books = context;
    struct registry_files files;
    TRY(books_keys(books, version, fail));
    registry_files_init(&files);
    enum err err = registry_versions_files(books->store, version->seq, &files, fail);
    struct evidence_file *list = mem_alloc((files.count + 1) * sizeof(*list));
    if (err == ERR_OK && list == NULL) {
        err = FAIL(fail, ERR_NO_MEMORY, "no memory for a registry's files");
    }
    for (size_t i = 0; err == ERR_OK && i < files.count; i++) {
        const struct registry_files_item *item = &files.items[i];
        list[i] = (struct evidence_file){ item->name, item->text, item->sum, item->document };
    }
    err = err == ERR_OK ? told(told_context, list, files.count) : err;
    mem_free(list);
    registry_files_fini(&files);
    return err;
}

/* ---- findings of the usage check ----------------------------------------------------------- */

/* Those that stood at some time of the period. */
static const struct store_sql sql_findings = {
    "SELECT id, route, model, side, code, calls, slope_ppm, offset_milli, found_ns, cleared_ns"
    " FROM finding WHERE found_ns < ?2 AND (cleared_ns = 0 OR cleared_ns > ?1) ORDER BY id"
};
static const struct store_sql sql_calls = {
    "SELECT call, counted, reported FROM finding_call WHERE finding = ?1 ORDER BY number"
};

struct books_findings {
    const struct evidence_books *books;
    const struct evidence_fold *fold;
    struct store_txn *txn;
    struct fail *fail;
    struct jsonw json;
    bool ours; /* the receipt that was looked at */
};

static void books_put_number(struct jsonw *json, const char *name, int64_t value)
{
    char text[24];
    struct buf number = { text, 0, sizeof(text), sizeof(text) };
    EP_IGNORE(buf_i64(&number, value)); /* fits */
    jsonw_put_str(json, name, buf_str(&number));
}

static void books_put_stamp(struct jsonw *json, const char *name, int64_t ns)
{
    char text[40];
    struct buf stamp = { text, 0, sizeof(text), sizeof(text) };
    if (ns > 0) {
        EP_IGNORE(stamp_print(&stamp, ns)); /* fits */
    }
    jsonw_put_str(json, name, buf_str(&stamp));
}

/* A finding's calls are of all clients: those of the pack's alone are told. */
static enum err books_on_receipt(void *context, const struct tlog_found *found)
{
    struct books_findings *reading = context;
    struct json_fault fault;
    char room[64];
    struct buf key = { room, 0, sizeof(room), sizeof(room) };
    struct str client = json_trim(found->sections[RECEIPT_CLIENT]);
    if (client.len == 0 || json_check(client, &fault) != ERR_OK) {
        return ERR_OK;
    }
    struct str value = json_get(client, STR("key"));
    reading->ours = value.len > 0 && json_kind(value) == JSON_STRING && json_decode(value, &key) &&
                    evidence_head_knows(reading->books->head, buf_str(&key));
    return ERR_OK;
}

static enum err books_on_call(void *context, const struct store_value *row, size_t columns)
{
    struct books_findings *reading = context;
    struct id call;
    char text[ID_SHOWN_MAX];
    struct buf shown = { text, 0, sizeof(text), sizeof(text) };
    ASSERT(columns == 3 && row[0].bytes.len == ID_BYTES);
    memcpy(call.bytes, row[0].bytes.ptr, ID_BYTES);
    reading->ours = false;
    enum err err = tlog_find(reading->txn, call, books_on_receipt, reading, reading->fail);
    if (err != ERR_OK && err != ERR_NOT_FOUND) {
        return err;
    }
    if (reading->ours) {
        EP_IGNORE(id_print(&shown, STR(CALL_PREFIX), call)); /* fits */
        jsonw_open(&reading->json, '{');
        jsonw_put_str(&reading->json, "call", buf_str(&shown));
        books_put_number(&reading->json, "counted", row[1].number);
        books_put_number(&reading->json, "reported", row[2].number);
        jsonw_close(&reading->json, '}');
    }
    return jsonw_err(&reading->json);
}

static bool books_served(const struct evidence_fold *fold, struct str route)
{
    const struct counts *sources = &fold->tables[EVIDENCE_SOURCES];
    for (size_t i = 0; i < sources->count; i++) {
        if (str_eq(sources->rows[i]->keys[2], route)) {
            return true;
        }
    }
    return false;
}

static enum err books_on_finding(void *context, const struct store_value *row, size_t columns)
{
    struct books_findings *reading = context;
    struct jsonw *json = &reading->json;
    ASSERT(columns == 10);
    if (!books_served(reading->fold, row[1].bytes)) {
        return ERR_OK;
    }
    jsonw_open(json, '{');
    jsonw_key(json, "calls");
    jsonw_open(json, '[');
    TRY(store_query(reading->txn, &sql_calls, &row[0], 1, books_on_call, reading, reading->fail));
    jsonw_close(json, ']');
    books_put_stamp(json, "cleared", row[9].number);
    books_put_number(json, "finding", row[0].number);
    books_put_stamp(json, "found", row[8].number);
    jsonw_put_str(json, "kind", row[4].bytes);
    jsonw_put_str(json, "model", row[2].bytes);
    books_put_number(json, "offset_milli", row[7].number);
    jsonw_put_str(json, "route", row[1].bytes);
    jsonw_put_str(json, "side", row[3].number == USAGE_CHECK_INPUT ? STR("input") : STR("output"));
    books_put_number(json, "slope_ppm", row[6].number);
    jsonw_close(json, '}');
    return jsonw_err(json);
}

enum err evidence_books_findings(void *context, struct store_txn *txn,
                                 const struct evidence_fold *fold, struct buf *out,
                                 struct fail *fail)
{
    const struct evidence_books *books = context;
    struct books_findings reading = { .books = books, .fold = fold, .txn = txn, .fail = fail };
    const struct store_value period[] = { STORE_I(books->from_ns), STORE_I(books->until_ns) };
    jsonw_init(&reading.json, out);
    jsonw_open(&reading.json, '{');
    jsonw_key(&reading.json, "findings");
    jsonw_open(&reading.json, '[');
    TRY(store_query(txn, &sql_findings, period, 2, books_on_finding, &reading, fail));
    jsonw_close(&reading.json, ']');
    jsonw_put_str(&reading.json, "version", STR("1"));
    jsonw_close(&reading.json, '}');
    TRY(jsonw_err(&reading.json));
    return buf_byte(out, '\n');
}
