/* The tests of what a pack says: receipts, root, figures, decisions. */
#include "settle/evidence_check_internal.h"
#include "wire/json.h"

#define CHECK_TEXT_MAX    256 /* of an id or a time in a receipt */
#define CHECK_ARENA_BYTES ((size_t)1 << 20)

/* ---- the lines ---------------------------------------------------------------------------- */

/* What is wrong with a line, with its place. */
static enum err lines_fault(struct check *check, struct str name, int64_t number, enum err err,
                            const char *why)
{
    return FAIL(check->fail, err, STR_FMT " line %lld: %s", STR_ARG(name), (long long)number, why);
}

static enum err lines_of_file(struct check *check, struct str name, check_line_fn *told,
                              void *context)
{
    struct fail *outer = check->fail;
    struct str rest = buf_str(&check->bytes);
    int64_t number = 0;
    if (rest.len == 0 || rest.ptr[rest.len - 1] != '\n') {
        return FAIL(outer, ERR_PACK_INVALID, "\"" STR_FMT "\" does not end with a line",
                    STR_ARG(name));
    }
    while (rest.len > 0) {
        struct fail why = { .text = "" };
        struct str text = str_cut(&rest, '\n');
        number++;
        check->fail = &why;
        enum err err = evidence_line_read(text, &check->line, &why);
        err = err == ERR_OK ? told(check, context) : err;
        check->fail = outer;
        if (err != ERR_OK) {
            return lines_fault(check, name, number, err, why.text);
        }
    }
    return ERR_OK;
}

enum err check_lines(struct check *check, check_line_fn *told, void *context)
{
    check->chunks = 0;
    for (;;) {
        char room[64];
        struct buf name = { room, 0, sizeof(room), sizeof(room) };
        EP_IGNORE(buf_printf(&name, EVIDENCE_FOLDER_RECEIPTS "%06lld.jsonl",
                             (long long)check->chunks + 1)); /* fits */
        size_t at = pack_find(check->pack, buf_str(&name));
        if (at == pack_count(check->pack)) {
            return ERR_OK;
        }
        check->chunks++;
        check_told(check);
        TRY(pack_read(check->pack, at, &check->bytes, check->fail));
        TRY(lines_of_file(check, buf_str(&name), told, context));
    }
}

/* ---- receipts ----------------------------------------------------------------------------- */

static struct str receipts_text(struct str section, struct str name, char room[CHECK_TEXT_MAX])
{
    struct buf out = { room, 0, CHECK_TEXT_MAX, CHECK_TEXT_MAX };
    struct str value = json_get(section, name);
    bool fine = value.len > 0 && json_kind(value) == JSON_STRING && json_decode(value, &out);
    return fine ? buf_str(&out) : STR_EMPTY;
}

static bool receipts_judged(const struct evidence_line *line)
{
    return line->sections[RECEIPT_EVIDENCE].len > 0 && line->sections[RECEIPT_OPERATOR].len > 0 &&
           json_get(line->sections[RECEIPT_OPERATOR], STR("facts")).len > 2;
}

static enum err receipts_on_line(struct check *check, void *context)
{
    char key[CHECK_TEXT_MAX];
    char ended[CHECK_TEXT_MAX];
    const struct evidence_line *line = &check->line;
    const struct evidence_head *head = &check->report->head;
    struct str client = line->sections[RECEIPT_CLIENT];
    const char *section = evidence_line_check(line);
    (void)context;
    if (client.len == 0) {
        return FAIL(check->fail, ERR_PACK_INVALID, "nothing in it says whose it is");
    }
    if (section != NULL) {
        return FAIL(check->fail, ERR_PACK_INVALID,
                    "the section \"%s\" is not what the log committed to", section);
    }
    if (line->leaf < check->edge.size || line->leaf >= check->checkpoint.size ||
        !evidence_gap_add(&check->edge, line->leaf, line->before, line->before_count)) {
        return FAIL(check->fail, ERR_PACK_INVALID, "leaf %lld does not follow leaf %lld",
                    (long long)line->leaf, (long long)check->edge.size - 1);
    }
    struct digest hash = tree_leaf_hash(line->entry);
    tree_edge_add(&check->edge, &hash);
    if (!evidence_head_knows(head, receipts_text(client, STR("key"), key))) {
        return FAIL(check->fail, ERR_PACK_INVALID, "its key is none of the client's");
    }
    if (!evidence_head_covers(head, receipts_text(client, STR("ended"), ended))) {
        return FAIL(check->fail, ERR_PACK_INVALID, "its call did not end in the period");
    }
    check->report->decisions += receipts_judged(line);
    return evidence_fold_add(&check->fold, line, check->fail);
}

enum err check_receipts(struct check *check)
{
    TRY(check_lines(check, receipts_on_line, NULL));
    check->report->receipts = check->fold.receipts;
    check->report->erased = check->fold.erased;
    return evidence_fold_end(&check->fold, check->fail);
}

/* ---- root --------------------------------------------------------------------------------- */

static bool root_number(struct str rest, struct str name, int64_t want)
{
    char room[CHECK_TEXT_MAX];
    int64_t number = 0;
    return str_to_i64(receipts_text(rest, name, room), &number) && number == want;
}

enum err check_root(struct check *check)
{
    struct json_fault fault;
    struct evidence_line *line = &check->line;
    int64_t size = check->checkpoint.size;
    TRY(check_file(check, STR(EVIDENCE_FILE_REST), &check->bytes));
    struct str rest = json_trim(buf_str(&check->bytes));
    bool fine = json_check(rest, &fault) == ERR_OK && json_kind(rest) == JSON_OBJECT &&
                root_number(rest, STR("leaves"), size) &&
                root_number(rest, STR("receipts"), check->report->receipts) &&
                evidence_gap_read(json_get(rest, STR("after")), line->before, &line->before_count);
    if (!fine || !evidence_gap_add(&check->edge, size, line->before, line->before_count)) {
        return FAIL(check->fail, ERR_PACK_INVALID,
                    "\"" EVIDENCE_FILE_REST "\" is not what follows the last receipt");
    }
    struct digest root = tree_edge_root(&check->edge);
    return digest_eq(&root, &check->checkpoint.root)
               ? ERR_OK
               : FAIL(check->fail, ERR_PACK_INVALID,
                      "the receipts do not lead to the checkpoint's root");
}

/* ---- figures ------------------------------------------------------------------------------ */

/* Names of files that are there; what else is there has no meaning, and so no place. */
static bool figures_known(struct check *check, struct str name)
{
    static const struct str known[] = {
        STR_INIT(EVIDENCE_FILE_HEAD), STR_INIT(EVIDENCE_FILE_CHECKPOINT),
        STR_INIT(EVIDENCE_FILE_REST), STR_INIT(EVIDENCE_FILE_FINDINGS),
        STR_INIT(MANIFEST_FILES),     STR_INIT(MANIFEST_NOTE),
        STR_INIT("README.txt"),       STR_INIT("data_terms.json"),
        STR_INIT("figures.json"),     STR_INIT("grants.json"),
        STR_INIT("refusals.json"),    STR_INIT("report.html"),
        STR_INIT("usage.json"),
    };
    for (size_t i = 0; i < EP_ARRAY_LEN(known); i++) {
        if (str_eq(name, known[i])) {
            return true;
        }
    }
    if (str_starts(name, STR(EVIDENCE_FOLDER_RECEIPTS))) {
        int64_t number = 0;
        struct str text = str_from_at(name, sizeof(EVIDENCE_FOLDER_RECEIPTS) - 1);
        return str_ends(text, STR(".jsonl")) &&
               str_to_i64(str_slice(text, 0, text.len - 6), &number) && number > 0 &&
               number <= check->chunks;
    }
    return str_starts(name, STR(EVIDENCE_FOLDER_REGISTRY));
}

static enum err figures_put(void *context, struct str name, struct str bytes, struct fail *fail)
{
    struct check *check = context;
    TRY(check_file(check, name, &check->bytes));
    if (evidence_is_prose(name) && check->report->unlike) {
        return ERR_OK; /* it is what was signed, and may look otherwise today */
    }
    return str_eq(buf_str(&check->bytes), bytes)
               ? ERR_OK
               : FAIL(fail, ERR_PACK_INVALID,
                      "\"" STR_FMT "\" is not what follows from the receipts", STR_ARG(name));
}

enum err check_figures(struct check *check)
{
    struct json_fault fault;
    struct buf findings;
    for (size_t i = 0; i < pack_count(check->pack); i++) {
        if (!figures_known(check, pack_name(check->pack, i))) {
            return FAIL(check->fail, ERR_PACK_INVALID, "\"" STR_FMT "\" is no file of a pack",
                        STR_ARG(pack_name(check->pack, i)));
        }
    }
    check->report->unlike = !str_eq(check->report->head.program, check->asked->program);
    buf_init(&findings, PACK_FILE_MAX);
    enum err err = check_file(check, STR(EVIDENCE_FILE_FINDINGS), &findings);
    struct str object = json_trim(buf_str(&findings));
    if (err == ERR_OK &&
        (json_check(object, &fault) != ERR_OK || json_kind(object) != JSON_OBJECT)) {
        err = FAIL(check->fail, ERR_PACK_INVALID, "\"" EVIDENCE_FILE_FINDINGS "\" is no JSON");
    }
    const struct evidence_basis basis = { &check->report->head, &check->fold, object,
                                          check->checkpoint.root };
    err = err == ERR_OK ? evidence_derive(&basis, figures_put, check, check->fail) : err;
    buf_fini(&findings);
    return err;
}

/* ---- decisions ---------------------------------------------------------------------------- */

/* Knuth's selection sampling: of those left, each is as likely as the others. */
struct judging {
    uint64_t state;
    int64_t left;    /* decisions that come */
    int64_t to_take; /* of them */
    struct arena arena;
};

/* splitmix64: the choice needs to be even, and the same for the same seed; nobody gains by
 * foretelling it, who does not know the seed before the pack is made. */
static uint64_t judging_random(struct judging *judging)
{
    uint64_t mixed = judging->state += UINT64_C(0x9E3779B97F4A7C15);
    mixed = (mixed ^ mixed >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    mixed = (mixed ^ mixed >> 27) * UINT64_C(0x94D049BB133111EB);
    return mixed ^ mixed >> 31;
}

static bool judging_takes(struct judging *judging)
{
    bool takes = judging->to_take >= judging->left ||
                 (int64_t)(judging_random(judging) % (uint64_t)judging->left) < judging->to_take;
    judging->left--;
    judging->to_take -= takes;
    return takes;
}

static enum err judging_again(struct check *check, struct arena *arena)
{
    char text[2048];
    struct buf law = { text, 0, sizeof(text), sizeof(text) };
    struct rejudge_past past;
    struct evidence_version *version = NULL;
    const struct evidence_line *line = &check->line;
    bool agrees = false;
    TRY(rejudge_read(line->sections[RECEIPT_EVIDENCE], line->sections[RECEIPT_OPERATOR], arena,
                     &past, check->fail));
    TRY(evidence_law_find(&check->law, past.registry, &version, check->fail));
    if (version == NULL) {
        return FAIL(check->fail, ERR_PACK_INVALID,
                    "it was judged by a registry that is not in the pack");
    }
    TRY(rejudge_run(&version->rejudge, &past, arena, &law, &agrees, check->fail));
    check->report->judged++;
    check->report->agreed += agrees;
    if (!agrees && !str_eq(past.rules, STR(POLICY_VERSION))) {
        return FAIL(check->fail, ERR_AUDIT_FAILED,
                    "it was judged by the rules of " STR_FMT
                    ", this program has those of " POLICY_VERSION ", and they differ",
                    STR_ARG(past.rules));
    }
    return agrees ? ERR_OK
                  : FAIL(check->fail, ERR_AUDIT_FAILED,
                         "the verdict of then, \"" STR_FMT "\", is not that of now, \"" STR_FMT
                         "\", or the reasons are not",
                         STR_ARG(past.law), STR_ARG(buf_str(&law)));
}

static enum err judging_on_line(struct check *check, void *context)
{
    struct judging *judging = context;
    if (!receipts_judged(&check->line) || !judging_takes(judging)) {
        return ERR_OK;
    }
    arena_init(&judging->arena, 4096, CHECK_ARENA_BYTES);
    enum err err = judging_again(check, &judging->arena);
    arena_fini(&judging->arena);
    return err;
}

enum err check_decisions(struct check *check)
{
    struct judging judging = {
        .state = check->asked->seed,
        .left = check->report->decisions,
        .to_take = check->asked->judge,
    };
    return check_lines(check, judging_on_line, &judging);
}
