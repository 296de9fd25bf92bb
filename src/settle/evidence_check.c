/* The tests of a pack's files: form, signature, sums, checkpoint, registry. */
#include "settle/evidence_check.h"

#include <string.h>

#include "base/mem.h"
#include "settle/evidence_check_internal.h"

static const char *const check_names[] = {
    [EVIDENCE_TEST_FORM] = "archive",        [EVIDENCE_TEST_SIGNED] = "manifest signature",
    [EVIDENCE_TEST_FILES] = "files",         [EVIDENCE_TEST_CHECKPOINT] = "checkpoint",
    [EVIDENCE_TEST_WITNESSED] = "witnesses", [EVIDENCE_TEST_REGISTRY] = "registry",
    [EVIDENCE_TEST_RECEIPTS] = "receipts",   [EVIDENCE_TEST_ROOT] = "log root",
    [EVIDENCE_TEST_FIGURES] = "figures",     [EVIDENCE_TEST_DECISIONS] = "decisions",
};

const char *evidence_test_name(enum evidence_test test)
{
    return check_names[test];
}

void evidence_report_init(struct evidence_report *report)
{
    *report = (struct evidence_report){ .files = 0 };
    buf_init(&report->faults, EVIDENCE_FAULT_BYTES);
    evidence_head_init(&report->head);
}

void evidence_report_fini(struct evidence_report *report)
{
    buf_fini(&report->faults);
    evidence_head_fini(&report->head);
}

/* ---- files -------------------------------------------------------------------------------- */

void check_told(struct check *check)
{
    const struct store_progress *progress = &check->asked->progress;
    if (progress->update != NULL) {
        progress->update(progress->context, check->looked++, 3 * (int64_t)pack_count(check->pack));
    }
}

enum err check_file(struct check *check, struct str name, struct buf *out)
{
    size_t at = pack_find(check->pack, name);
    return at == pack_count(check->pack)
               ? FAIL(check->fail, ERR_PACK_INVALID, "\"" STR_FMT "\" is missing", STR_ARG(name))
               : pack_read(check->pack, at, out, check->fail);
}

static enum err check_form(struct check *check)
{
    return pack_open(check->asked->path, &check->pack, check->fail);
}

static enum err check_signed(struct check *check)
{
    struct manifest_head *head = &check->manifest;
    TRY(check_file(check, STR(MANIFEST_NOTE), &check->note));
    TRY(manifest_open(buf_str(&check->note), check->asked->key, head, check->fail));
    TRY(check_file(check, STR(MANIFEST_FILES), &check->lines));
    struct digest sum = digest_sha256(buf_str(&check->lines));
    if (!digest_eq(&sum, &head->sum)) {
        return FAIL(check->fail, ERR_PACK_INVALID,
                    "\"" MANIFEST_FILES "\" was changed: it is not what was signed");
    }
    return str_eq(head->origin, str_from(check->asked->key->name))
               ? ERR_OK
               : FAIL(check->fail, ERR_PACK_INVALID, "the pack is signed for another log");
}

static void check_fault(struct check *check, struct str name, const char *what)
{
    struct evidence_report *report = check->report;
    if (report->fault_count++ < EVIDENCE_FAULTS_MAX) {
        EP_IGNORE(buf_printf(&report->faults, STR_FMT ": %s\n", STR_ARG(name), what)); /* fits */
    }
}

/* One line of the manifest; `seen` has an element a file of the pack. */
static enum err check_sum(struct check *check, const struct manifest_line *line, bool *seen)
{
    struct fail why = { .text = "" };
    size_t at = pack_find(check->pack, line->name);
    if (at == pack_count(check->pack)) {
        check_fault(check, line->name, "it is missing");
        return ERR_OK;
    }
    seen[at] = true;
    check_told(check);
    enum err err = pack_read(check->pack, at, &check->bytes, &why);
    if (err == ERR_PACK_INVALID) {
        check_fault(check, line->name, "it was changed: its packed bytes are damaged");
        return ERR_OK;
    }
    if (err != ERR_OK) {
        return FAIL(check->fail, err, "%s", why.text);
    }
    struct digest sum = digest_sha256(buf_str(&check->bytes));
    if (!digest_eq(&sum, &line->sum)) {
        check_fault(check, line->name, "it was changed: it has another sum than was signed");
    }
    return ERR_OK;
}

static enum err check_sums(struct check *check, bool *seen)
{
    struct manifest_line line = { .name = STR_EMPTY };
    struct str rest = buf_str(&check->lines);
    int64_t count = 0;
    while (rest.len > 0) {
        struct str last = line.name;
        TRY(manifest_next(&rest, last, &line, check->fail));
        TRY(check_sum(check, &line, seen));
        count++;
    }
    seen[pack_find(check->pack, STR(MANIFEST_FILES))] = true;
    seen[pack_find(check->pack, STR(MANIFEST_NOTE))] = true;
    for (size_t i = 0; i < pack_count(check->pack); i++) {
        if (!seen[i]) {
            check_fault(check, pack_name(check->pack, i), "it is a file too many");
        }
    }
    check->report->files = count;
    return count == check->manifest.files
               ? ERR_OK
               : FAIL(check->fail, ERR_PACK_INVALID,
                      "the manifest lists %lld files, and signs %lld", (long long)count,
                      (long long)check->manifest.files);
}

static enum err check_files(struct check *check)
{
    bool *seen = mem_zalloc(pack_count(check->pack) + 1);
    if (seen == NULL) {
        return FAIL(check->fail, ERR_NO_MEMORY, "no memory for the pack's files");
    }
    enum err err = check_sums(check, seen);
    mem_free(seen);
    TRY(err);
    if (check->report->fault_count > 0) {
        struct str rest = buf_str(&check->report->faults);
        struct str first = str_cut(&rest, '\n');
        return FAIL(check->fail, ERR_PACK_INVALID, STR_FMT, STR_ARG(first));
    }
    return ERR_OK;
}

/* ---- checkpoint and head ------------------------------------------------------------------ */

static enum err check_head(struct check *check)
{
    struct evidence_head *head = &check->report->head;
    TRY(check_file(check, STR(EVIDENCE_FILE_HEAD), &check->bytes));
    TRY(evidence_head_read(buf_str(&check->bytes), head, check->fail));
    const struct manifest_head *manifest = &check->manifest;
    bool same = str_eq(head->client, manifest->client) && str_eq(head->from, manifest->from) &&
                str_eq(head->until, manifest->until) && str_eq(head->origin, manifest->origin);
    return same ? ERR_OK
                : FAIL(check->fail, ERR_PACK_INVALID,
                       "\"" EVIDENCE_FILE_HEAD "\" is of another client, time or log than was "
                       "signed");
}

static enum err check_checkpoint(struct check *check)
{
    TRY(check_head(check));
    TRY(check_file(check, STR(EVIDENCE_FILE_CHECKPOINT), &check->checkpoint_note));
    TRY(checkpoint_open(buf_str(&check->checkpoint_note), check->asked->key, &check->checkpoint,
                        &check->checkpoint_parsed, check->fail));
    return check->checkpoint.size == check->report->head.leaves
               ? ERR_OK
               : FAIL(check->fail, ERR_PACK_INVALID,
                      "the checkpoint has %lld leaves, and the pack says that it has %lld",
                      (long long)check->checkpoint.size, (long long)check->report->head.leaves);
}

static enum err check_witnessed(struct check *check)
{
    bool by[QUORUM_WITNESSES_MAX] = { false };
    const struct quorum *quorum = check->asked->quorum;
    TRY(quorum_check(quorum, &check->checkpoint_parsed, by, check->fail));
    for (size_t i = 0; i < quorum_witnesses(quorum); i++) {
        check->report->witnesses += by[i];
    }
    return quorum_reached(quorum, by)
               ? ERR_OK
               : FAIL(check->fail, ERR_QUORUM_INVALID,
                      "cosignatures of %zu witnesses hold, which is not the policy's quorum",
                      check->report->witnesses);
}

/* ---- registry ----------------------------------------------------------------------------- */

static enum err check_load(void *context, const struct evidence_version *version,
                           struct registry **ret_registry, struct fail *fail)
{
    const struct check *check = context;
    return evidence_registry_read(check->pack, version, ret_registry, fail);
}

static enum err check_on_file(void *context, const struct evidence_file *file)
{
    (void)context;
    (void)file; /* its text is looked for when the registry is read */
    return ERR_OK;
}

static enum err check_version(struct check *check, struct str name)
{
    char room[PACK_NAME_MAX];
    struct buf wanted = { room, 0, sizeof(room), sizeof(room) };
    struct evidence_version version;
    struct fail why = { .text = "" };
    struct evidence_law *law = &check->law;
    TRY(check_file(check, name, &check->bytes));
    enum err err =
        evidence_version_read(buf_str(&check->bytes), &version, check_on_file, NULL, &why);
    if (err != ERR_OK) {
        return FAIL(check->fail, err, "\"" STR_FMT "\": %s", STR_ARG(name), why.text);
    }
    EP_IGNORE(evidence_version_name(version.seq, &wanted)); /* fits */
    if (!str_eq(name, buf_str(&wanted)) ||
        (law->count > 0 && law->versions[law->count - 1].seq >= version.seq)) {
        return FAIL(check->fail, ERR_PACK_INVALID, "\"" STR_FMT "\" is of another version",
                    STR_ARG(name));
    }
    if (!evidence_version_signed(&version)) {
        return FAIL(check->fail, ERR_PACK_INVALID,
                    "\"" STR_FMT "\": its two signatures do not hold", STR_ARG(name));
    }
    version.wanted = true;
    err = evidence_law_add(law, &version);
    return err == ERR_OK ? evidence_law_open(law, &law->versions[law->count - 1], check->fail)
                         : FAIL(check->fail, err, "the pack has too many registry versions");
}

static enum err check_registry(struct check *check)
{
    for (size_t i = 0; i < pack_count(check->pack); i++) {
        if (evidence_is_version(pack_name(check->pack, i))) {
            TRY(check_version(check, pack_name(check->pack, i)));
        }
    }
    return ERR_OK;
}

/* ---- all of it ---------------------------------------------------------------------------- */

static enum err (*const check_tests[])(struct check *check) = {
    [EVIDENCE_TEST_FORM] = check_form,           [EVIDENCE_TEST_SIGNED] = check_signed,
    [EVIDENCE_TEST_FILES] = check_files,         [EVIDENCE_TEST_CHECKPOINT] = check_checkpoint,
    [EVIDENCE_TEST_WITNESSED] = check_witnessed, [EVIDENCE_TEST_REGISTRY] = check_registry,
    [EVIDENCE_TEST_RECEIPTS] = check_receipts,   [EVIDENCE_TEST_ROOT] = check_root,
    [EVIDENCE_TEST_FIGURES] = check_figures,     [EVIDENCE_TEST_DECISIONS] = check_decisions,
};

/* Why a test is not made though none failed before; NULL: it is made. */
static const char *check_spared(const struct check *check, enum evidence_test test)
{
    if (test == EVIDENCE_TEST_WITNESSED && check->asked->quorum == NULL) {
        return "no policy was given";
    }
    if (test == EVIDENCE_TEST_DECISIONS && check->asked->judge == 0) {
        return "none was to be judged again";
    }
    return NULL;
}

static enum err check_all(struct check *check, struct fail *fail)
{
    struct evidence_report *report = check->report;
    bool stopped = false;
    for (unsigned i = 0; i < EVIDENCE_TESTS; i++) {
        const char *spared =
            stopped ? "an earlier test failed" : check_spared(check, (enum evidence_test)i);
        check->fail = &report->why[i];
        if (spared != NULL) {
            EP_IGNORE(FAIL(check->fail, ERR_NOT_FOUND, "%s", spared));
            continue;
        }
        enum err err = check_tests[i](check);
        if (err == ERR_IO || err == ERR_NO_MEMORY) {
            return FAIL(fail, err, "%s", check->fail->text);
        }
        report->outcomes[i] = err == ERR_OK ? EVIDENCE_HOLDS : EVIDENCE_FAILS;
        stopped = stopped || (err != ERR_OK && i != EVIDENCE_TEST_WITNESSED);
        report->holds = report->holds && err == ERR_OK;
    }
    return ERR_OK;
}

enum err evidence_check(const struct evidence_checking *checking, struct evidence_report *report,
                        struct fail *fail)
{
    struct check *check = mem_zalloc(sizeof(*check));
    if (check == NULL) {
        return FAIL(fail, ERR_NO_MEMORY, "no memory for a pack");
    }
    check->asked = checking;
    check->report = report;
    report->holds = true;
    buf_init(&check->bytes, PACK_FILE_MAX);
    buf_init(&check->lines, PACK_FILE_MAX);
    buf_init(&check->note, PACK_FILE_MAX);
    buf_init(&check->checkpoint_note, PACK_FILE_MAX);
    evidence_law_init(&check->law);
    check->law.load = check_load;
    check->law.context = check;
    evidence_fold_init(&check->fold, &check->law);
    enum err err = check_all(check, fail);
    report->holds = report->holds && err == ERR_OK;
    pack_close(check->pack);
    buf_fini(&check->bytes);
    buf_fini(&check->lines);
    buf_fini(&check->note);
    buf_fini(&check->checkpoint_note);
    evidence_fold_fini(&check->fold);
    evidence_law_fini(&check->law);
    mem_free(check);
    return err;
}
