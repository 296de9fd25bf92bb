#include "tlog/receipt_doc.h"

#include <stdio.h>

#include "base/enc.h"
#include "tlog/canon_json.h"
#include "tlog/tile.h"
#include "wire/json.h"
#include "wire/utf8.h"

#define DOC_MEMBERS_MAX 32
#define DOC_CALL_MAX    64 /* a call's id has 31 */
#define DOC_PROOF_FIRST "c2sp.org/tlog-proof@"

#define DOC_FAILS(report, test, ...) \
    doc_tell(report, test, RECEIPT_FAILS, &(report)->why[test], __VA_ARGS__)
#define DOC_NOT_SHOWN(report, test, ...) \
    doc_tell(report, test, RECEIPT_NOT_SHOWN, &(report)->why[test], __VA_ARGS__)

static const char *const doc_test_names[] = {
    [RECEIPT_TEST_FORM] = "form",
    [RECEIPT_TEST_CLIENT] = "client section",
    [RECEIPT_TEST_EVIDENCE] = "evidence section",
    [RECEIPT_TEST_OPERATOR] = "operator section",
    [RECEIPT_TEST_ONE_CALL] = "one call",
    [RECEIPT_TEST_PROMISE] = "promise",
    [RECEIPT_TEST_INCLUDED] = "inclusion",
    [RECEIPT_TEST_SIGNED] = "checkpoint",
    [RECEIPT_TEST_WITNESSED] = "witnesses",
};
_Static_assert(EP_ARRAY_LEN(doc_test_names) == RECEIPT_TESTS, "each test has a name");
_Static_assert((int)RECEIPT_TEST_CLIENT + RECEIPT_EVIDENCE == RECEIPT_TEST_EVIDENCE &&
                   (int)RECEIPT_TEST_CLIENT + RECEIPT_OPERATOR == RECEIPT_TEST_OPERATOR,
               "the sections' tests stand in the sections' order");

/* What the members of a document are; an empty slice: it has none of that name. */
enum doc_member {
    DOC_CLIENT, /* the sections come first, in their order */
    DOC_EVIDENCE,
    DOC_OPERATOR,
    DOC_SALTS,
    DOC_ENTRY,
    DOC_LEAF,
    DOC_PROMISE,
    DOC_PROOF,
    DOC_LOG,
    DOC_MEMBERS
};

static const struct {
    struct str name;
    enum json_kind kind;
    bool needed; /* else it may be absent, or null */
} doc_members[] = {
    [DOC_CLIENT] = { STR_INIT("client"), JSON_OBJECT, false },
    [DOC_EVIDENCE] = { STR_INIT("evidence"), JSON_OBJECT, false },
    [DOC_OPERATOR] = { STR_INIT("operator"), JSON_OBJECT, false },
    [DOC_SALTS] = { STR_INIT("salts"), JSON_OBJECT, false },
    [DOC_ENTRY] = { STR_INIT("entry"), JSON_OBJECT, true },
    [DOC_LEAF] = { STR_INIT("leaf"), JSON_NUMBER, true },
    [DOC_PROMISE] = { STR_INIT("promise"), JSON_STRING, false },
    [DOC_PROOF] = { STR_INIT("proof"), JSON_STRING, false },
    [DOC_LOG] = { STR_INIT("log"), JSON_OBJECT, false },
};
_Static_assert(EP_ARRAY_LEN(doc_members) == DOC_MEMBERS, "each member has a row");

struct doc {
    struct str members[DOC_MEMBERS]; /* null is as absent */
    struct buf entry;                /* canonical */
    struct buf text;                 /* one section, promise or proof, decoded or canonical */
    const struct note_key *key;
    const struct quorum *quorum;
};

const char *receipt_test_name(enum receipt_test test)
{
    ASSERT((unsigned)test < RECEIPT_TESTS);
    return doc_test_names[test];
}

static void doc_tell(struct receipt_report *report, enum receipt_test test,
                     enum receipt_outcome outcome, struct fail *why, const char *format, ...)
    EP_PRINTF(5, 6);

static void doc_tell(struct receipt_report *report, enum receipt_test test,
                     enum receipt_outcome outcome, struct fail *why, const char *format, ...)
{
    char text[FAIL_TEXT_MAX];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof(text), format, args); /* what fits */
    va_end(args);
    utf8_mend(text);
    report->outcomes[test] = outcome;
    EP_IGNORE(
        FAIL(why, outcome == RECEIPT_FAILS ? ERR_RECEIPT_INVALID : ERR_NOT_FOUND, "%s", text));
}

static void doc_holds(struct receipt_report *report, enum receipt_test test)
{
    report->outcomes[test] = RECEIPT_HOLDS;
}

/* ---- the form ---------------------------------------------------------------------------- */

static bool doc_take_member(struct doc *doc, const struct json_member *member,
                            struct receipt_report *report)
{
    for (size_t i = 0; i < DOC_MEMBERS; i++) {
        if (!json_key_is(member->key, doc_members[i].name)) {
            continue;
        }
        enum json_kind kind = json_kind(member->value);
        bool null = kind == JSON_NULL && !doc_members[i].needed;
        if (!null && kind != doc_members[i].kind) {
            DOC_FAILS(report, RECEIPT_TEST_FORM, "its \"" STR_FMT "\" is not of a receipt's form",
                      STR_ARG(doc_members[i].name));
            return false;
        }
        doc->members[i] = null ? STR_EMPTY : member->value;
        return true;
    }
    /* A later version may say more; what is said so is nobody's proof. */
    EP_IGNORE(FAIL(&report->why[RECEIPT_TEST_FORM], ERR_NOT_FOUND,
                   "its \"" STR_FMT "\" is not checked: receipts have no such part",
                   STR_ARG(member->key)));
    utf8_mend(report->why[RECEIPT_TEST_FORM].text);
    return true;
}

/* Two readers could take two receipts from a document that says something twice. */
static bool doc_named_before(const struct json_member *members, size_t at)
{
    for (size_t i = 0; i < at; i++) {
        struct str a = members[i].key;
        struct str b = members[at].key;
        while (a.len > 0 && b.len > 0) {
            char of_a[4] = { 0 };
            char of_b[4] = { 0 };
            (void)json_take_char(&a, of_a); /* the rest of a shorter one is zero */
            (void)json_take_char(&b, of_b);
            if (memcmp(of_a, of_b, sizeof(of_a)) != 0) {
                break;
            }
        }
        if (a.len == 0 && b.len == 0) {
            return true;
        }
    }
    return false;
}

static bool doc_all_unique(const struct json_member *members, size_t count,
                           struct receipt_report *report)
{
    for (size_t i = 1; i < count; i++) {
        if (doc_named_before(members, i)) {
            DOC_FAILS(report, RECEIPT_TEST_FORM, "\"" STR_FMT "\" stands there twice",
                      STR_ARG(members[i].key));
            return false;
        }
    }
    return true;
}

/* An object's members into `members`, of DOC_MEMBERS_MAX. */
static bool doc_index(struct str object, struct json_member *members, size_t *ret_count,
                      struct receipt_report *report)
{
    struct json_fault fault = { 0 };
    if (json_index(object, members, DOC_MEMBERS_MAX, ret_count, &fault) != ERR_OK) {
        DOC_FAILS(report, RECEIPT_TEST_FORM, "it is no JSON object: byte %zu: %s", fault.offset,
                  fault.reason);
        return false;
    }
    if (*ret_count > DOC_MEMBERS_MAX) {
        DOC_FAILS(report, RECEIPT_TEST_FORM, "it has %zu members, receipts %d", *ret_count,
                  DOC_MEMBERS);
        return false;
    }
    return doc_all_unique(members, *ret_count, report);
}

static bool doc_take_members(struct doc *doc, struct str document, struct receipt_report *report)
{
    struct json_member members[DOC_MEMBERS_MAX];
    size_t count = 0;
    if (document.len > RECEIPT_DOC_MAX) {
        DOC_FAILS(report, RECEIPT_TEST_FORM, "it has %zu bytes, receipts at most %d", document.len,
                  RECEIPT_DOC_MAX);
        return false;
    }
    if (!doc_index(document, members, &count, report)) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        if (!doc_take_member(doc, &members[i], report)) {
            return false;
        }
    }
    return doc->members[DOC_SALTS].len == 0 ||
           doc_index(doc->members[DOC_SALTS], members, &count, report);
}

static bool doc_read(struct doc *doc, struct str document, struct receipt_report *report)
{
    struct fail fail = { .text = "" };
    if (!doc_take_members(doc, document, report)) {
        return false;
    }
    for (size_t i = 0; i < DOC_MEMBERS; i++) {
        if (doc_members[i].needed && doc->members[i].len == 0) {
            DOC_FAILS(report, RECEIPT_TEST_FORM, "it has no \"" STR_FMT "\"",
                      STR_ARG(doc_members[i].name));
            return false;
        }
    }
    if (!json_i64(doc->members[DOC_LEAF], &report->leaf) || report->leaf < 0 ||
        report->leaf >= TREE_SIZE_MAX) {
        DOC_FAILS(report, RECEIPT_TEST_FORM, "its \"leaf\" is no index of a log");
        return false;
    }
    if (canon_json(doc->members[DOC_ENTRY], &doc->entry, &fail) != ERR_OK) {
        DOC_FAILS(report, RECEIPT_TEST_FORM, "its \"entry\" cannot be read: %s", fail.text);
        return false;
    }
    if (!receipt_entry_is(buf_str(&doc->entry))) {
        DOC_FAILS(report, RECEIPT_TEST_FORM, "its \"entry\" is not that of a receipt");
        return false;
    }
    report->leaf_hash = tree_leaf_hash(buf_str(&doc->entry));
    doc_holds(report, RECEIPT_TEST_FORM);
    return true;
}

/* ---- the sections ------------------------------------------------------------------------ */

static bool doc_salt(const struct doc *doc, enum receipt_section which,
                     char ret_salt[RECEIPT_SALT_BYTES])
{
    struct str value = json_get(doc->members[DOC_SALTS], doc_members[which].name);
    char bytes[RECEIPT_SALT_BYTES + 2]; /* base64 comes in steps of three bytes */
    struct buf salt = { bytes, 0, sizeof(bytes), sizeof(bytes) };
    if (json_kind(value) != JSON_STRING || !enc_base64_read(&salt, json_inside(value)) ||
        salt.len != RECEIPT_SALT_BYTES) {
        return false;
    }
    memcpy(ret_salt, bytes, RECEIPT_SALT_BYTES);
    return true;
}

static void doc_check_section(struct doc *doc, enum receipt_section which,
                              struct receipt_report *report)
{
    enum receipt_test test = (enum receipt_test)((int)RECEIPT_TEST_CLIENT + (int)which);
    struct str section = doc->members[(int)DOC_CLIENT + (int)which];
    struct str salt = json_get(doc->members[DOC_SALTS], doc_members[which].name);
    char bytes[RECEIPT_SALT_BYTES];
    struct fail fail = { .text = "" };
    if (section.len == 0) {
        DOC_NOT_SHOWN(report, test, "it was not handed over, or it is erased");
        return;
    }
    if (salt.len == 0 || json_kind(salt) == JSON_NULL) {
        DOC_FAILS(report, test, "it comes without its salt: nothing ties it to the log's entry");
        return;
    }
    if (!doc_salt(doc, which, bytes)) {
        DOC_FAILS(report, test, "its salt is not %d bytes in base64", RECEIPT_SALT_BYTES);
        return;
    }
    buf_reset(&doc->text);
    if (canon_json(section, &doc->text, &fail) != ERR_OK) {
        DOC_FAILS(report, test, "it cannot be read: %s", fail.text);
        return;
    }
    if (!receipt_check(buf_str(&doc->entry), which, (struct str){ bytes, sizeof(bytes) },
                       buf_str(&doc->text))) {
        DOC_FAILS(report, test, "with its salt it does not give the digest in the log's entry");
        return;
    }
    doc_holds(report, test);
}

static void doc_check_one_call(const struct doc *doc, struct receipt_report *report)
{
    char texts[2][DOC_CALL_MAX];
    struct buf first = { texts[0], 0, DOC_CALL_MAX, DOC_CALL_MAX };
    size_t shown = 0;
    for (int i = DOC_CLIENT; i <= (int)DOC_OPERATOR; i++) {
        struct buf call = { texts[1], 0, DOC_CALL_MAX, DOC_CALL_MAX };
        struct str value = json_get(doc->members[i], STR("call"));
        if (doc->members[i].len == 0) {
            continue;
        }
        if (json_kind(value) != JSON_STRING || !json_decode(value, &call)) {
            DOC_FAILS(report, RECEIPT_TEST_ONE_CALL, "the %s section does not say of which call",
                      doc_members[i].name.ptr);
            return;
        }
        if (shown++ == 0) {
            EP_IGNORE(buf_append(&first, buf_str(&call))); /* it has the same room */
        } else if (!str_eq(buf_str(&first), buf_str(&call))) {
            DOC_FAILS(report, RECEIPT_TEST_ONE_CALL,
                      "the %s section is of call \"" STR_FMT "\", another of \"" STR_FMT "\"",
                      doc_members[i].name.ptr, STR_ARG(buf_str(&call)), STR_ARG(buf_str(&first)));
            return;
        }
    }
    if (shown < 2) {
        DOC_NOT_SHOWN(report, RECEIPT_TEST_ONE_CALL, "%s",
                      shown == 1 ? "one section is shown, which agrees with itself"
                                 : "no section is shown");
        return;
    }
    doc_holds(report, RECEIPT_TEST_ONE_CALL);
}

/* ---- the promise ------------------------------------------------------------------------- */

static void doc_check_promise(struct doc *doc, struct receipt_report *report)
{
    struct receipt_promise promise;
    struct fail fail = { .text = "" };
    struct str value = doc->members[DOC_PROMISE];
    if (value.len == 0) {
        DOC_NOT_SHOWN(report, RECEIPT_TEST_PROMISE, "there is none in it");
        return;
    }
    buf_reset(&doc->text);
    if (!json_decode(value, &doc->text)) {
        DOC_FAILS(report, RECEIPT_TEST_PROMISE, "it is no text");
        return;
    }
    if (receipt_promise_open(buf_str(&doc->text), doc->key, &promise, &fail) != ERR_OK) {
        DOC_FAILS(report, RECEIPT_TEST_PROMISE, "%s", fail.text);
        return;
    }
    if (promise.leaf != report->leaf) {
        DOC_FAILS(report, RECEIPT_TEST_PROMISE, "it is given for leaf %lld, the receipt is %lld",
                  (long long)promise.leaf, (long long)report->leaf);
        return;
    }
    if (!digest_eq(&promise.leaf_hash, &report->leaf_hash)) {
        DOC_FAILS(report, RECEIPT_TEST_PROMISE, "it is given for another entry than this one");
        return;
    }
    report->promised_s = promise.by_s;
    doc_holds(report, RECEIPT_TEST_PROMISE);
}

/* ---- the proof --------------------------------------------------------------------------- */

static void doc_check_signed(const struct doc *doc, struct str checkpoint,
                             struct receipt_report *report)
{
    struct checkpoint signed_one;
    struct note note;
    struct fail fail = { .text = "" };
    if (checkpoint_open(checkpoint, doc->key, &signed_one, &note, &fail) != ERR_OK) {
        DOC_FAILS(report, RECEIPT_TEST_SIGNED, "%s", fail.text);
        return;
    }
    report->size = signed_one.size;
    report->root = signed_one.root;
    doc_holds(report, RECEIPT_TEST_SIGNED);
}

static void doc_check_witnessed(const struct doc *doc, const struct note *note,
                                struct receipt_report *report)
{
    bool signed_by[QUORUM_WITNESSES_MAX] = { false };
    struct fail fail = { .text = "" };
    if (doc->quorum == NULL) {
        DOC_NOT_SHOWN(report, RECEIPT_TEST_WITNESSED, "no policy was given");
        return;
    }
    if (quorum_check(doc->quorum, note, signed_by, &fail) != ERR_OK) {
        DOC_FAILS(report, RECEIPT_TEST_WITNESSED, "%s", fail.text);
        return;
    }
    size_t all = quorum_witnesses(doc->quorum);
    for (size_t i = 0; i < all; i++) {
        report->witnesses += signed_by[i];
    }
    if (!quorum_reached(doc->quorum, signed_by)) {
        DOC_FAILS(report, RECEIPT_TEST_WITNESSED,
                  "%zu of the policy's %zu witnesses have cosigned: too few for its quorum",
                  report->witnesses, all);
        return;
    }
    doc_holds(report, RECEIPT_TEST_WITNESSED);
}

/* Whoever signed the checkpoint: whether the entry is in its tree is a question of its own. */
static void doc_check_included(const struct doc *doc, const struct proof *proof,
                               const struct note *note, struct receipt_report *report)
{
    struct checkpoint checkpoint;
    struct fail fail = { .text = "" };
    if (checkpoint_parse(note->text, &checkpoint, &fail) != ERR_OK) {
        DOC_NOT_SHOWN(report, RECEIPT_TEST_INCLUDED, "its checkpoint cannot be read");
        return;
    }
    if (proof->index != report->leaf) {
        DOC_FAILS(report, RECEIPT_TEST_INCLUDED, "the proof is of leaf %lld, the receipt is %lld",
                  (long long)proof->index, (long long)report->leaf);
        return;
    }
    if (proof->extra.len > 0 && !str_eq(buf_str(&proof->extra), buf_str(&doc->entry))) {
        DOC_FAILS(report, RECEIPT_TEST_INCLUDED, "the proof says that it is of another entry");
        return;
    }
    if (!tree_check_inclusion(proof->index, checkpoint.size, &report->leaf_hash, &proof->path,
                              &checkpoint.root)) {
        DOC_FAILS(report, RECEIPT_TEST_INCLUDED,
                  "the proof does not lead from the entry to the root of the checkpoint");
        return;
    }
    doc_holds(report, RECEIPT_TEST_INCLUDED);
}

static void doc_no_proof(struct receipt_report *report, const char *why)
{
    for (int test = RECEIPT_TEST_INCLUDED; test < (int)RECEIPT_TESTS; test++) {
        DOC_NOT_SHOWN(report, (enum receipt_test)test, "%s", why);
    }
}

static void doc_check_proof_text(const struct doc *doc, struct str text,
                                 struct receipt_report *report)
{
    struct proof proof;
    struct note note;
    struct fail fail = { .text = "" };
    proof_init(&proof);
    if (proof_parse(text, &proof, &fail) != ERR_OK) {
        doc_no_proof(report, "the proof cannot be read");
        DOC_FAILS(report, RECEIPT_TEST_INCLUDED, "%s", fail.text);
    } else if (note_parse(proof.checkpoint, &note, &fail) != ERR_OK) {
        doc_no_proof(report, "its checkpoint cannot be read");
        DOC_FAILS(report, RECEIPT_TEST_SIGNED, "%s", fail.text);
    } else {
        doc_check_included(doc, &proof, &note, report);
        doc_check_signed(doc, proof.checkpoint, report);
        doc_check_witnessed(doc, &note, report);
    }
    proof_fini(&proof);
}

static void doc_check_proof(struct doc *doc, struct str apart, struct receipt_report *report)
{
    if (apart.len > 0) {
        doc_check_proof_text(doc, apart, report);
        return;
    }
    if (doc->members[DOC_PROOF].len == 0) {
        doc_no_proof(report, "there is no proof in it: the log's checkpoints did not cover it yet");
        return;
    }
    buf_reset(&doc->text);
    if (!json_decode(doc->members[DOC_PROOF], &doc->text)) {
        doc_no_proof(report, "the proof cannot be read");
        DOC_FAILS(report, RECEIPT_TEST_INCLUDED, "the proof is no text");
        return;
    }
    doc_check_proof_text(doc, buf_str(&doc->text), report);
}

/* ---- a proof alone ----------------------------------------------------------------------- */

/* It carries the entry that it proves, and that is all it says. */
static void doc_take_proof(struct doc *doc, const struct proof *proof,
                           struct receipt_report *report)
{
    if (!receipt_entry_is(buf_str(&proof->extra))) {
        DOC_FAILS(report, RECEIPT_TEST_FORM, "the proof carries no entry of a receipt");
        return;
    }
    if (buf_append(&doc->entry, buf_str(&proof->extra)) != ERR_OK) {
        DOC_FAILS(report, RECEIPT_TEST_FORM, "no memory for its entry");
        return;
    }
    report->leaf = proof->index;
    report->leaf_hash = tree_leaf_hash(buf_str(&doc->entry));
    doc_holds(report, RECEIPT_TEST_FORM);
}

static bool doc_read_proof(struct doc *doc, struct str text, struct receipt_report *report)
{
    struct proof proof;
    struct fail fail = { .text = "" };
    proof_init(&proof);
    if (proof_parse(text, &proof, &fail) == ERR_OK) {
        doc_take_proof(doc, &proof, report);
    } else {
        DOC_FAILS(report, RECEIPT_TEST_FORM, "%s", fail.text);
    }
    proof_fini(&proof);
    return report->outcomes[RECEIPT_TEST_FORM] == RECEIPT_HOLDS;
}

/* ---- the whole --------------------------------------------------------------------------- */

static bool doc_verdict(const struct receipt_report *report)
{
    const enum receipt_outcome *outcomes = report->outcomes;
    for (size_t i = 0; i < RECEIPT_TESTS; i++) {
        if (outcomes[i] == RECEIPT_FAILS) {
            return false;
        }
    }
    return outcomes[RECEIPT_TEST_PROMISE] == RECEIPT_HOLDS ||
           (outcomes[RECEIPT_TEST_INCLUDED] == RECEIPT_HOLDS &&
            outcomes[RECEIPT_TEST_SIGNED] == RECEIPT_HOLDS);
}

bool receipt_doc_check_with(struct str document, struct str proof, const struct note_key *key,
                            const struct quorum *quorum, struct receipt_report *ret_report)
{
    struct doc doc = { .key = key, .quorum = quorum };
    buf_init(&doc.entry, TILE_ENTRY_MAX);
    buf_init(&doc.text, PROOF_TEXT_MAX);
    *ret_report = (struct receipt_report){ .leaf = 0 };
    bool alone = str_starts(document, STR(DOC_PROOF_FIRST));
    if (alone ? doc_read_proof(&doc, document, ret_report) : doc_read(&doc, document, ret_report)) {
        for (int i = 0; i < (int)RECEIPT_SECTIONS; i++) {
            doc_check_section(&doc, (enum receipt_section)i, ret_report);
        }
        doc_check_one_call(&doc, ret_report);
        doc_check_promise(&doc, ret_report);
        doc_check_proof(&doc, alone && proof.len == 0 ? document : proof, ret_report);
    } else {
        for (int i = RECEIPT_TEST_CLIENT; i < (int)RECEIPT_TESTS; i++) {
            DOC_NOT_SHOWN(ret_report, (enum receipt_test)i, "the document cannot be read");
        }
    }
    buf_fini(&doc.text);
    buf_fini(&doc.entry);
    return doc_verdict(ret_report);
}

bool receipt_doc_check(struct str document, const struct note_key *key, const struct quorum *quorum,
                       struct receipt_report *ret_report)
{
    return receipt_doc_check_with(document, STR_EMPTY, key, quorum, ret_report);
}

bool receipt_doc_says_key(struct str document, struct buf *vkey)
{
    struct json_fault fault;
    if (document.len > RECEIPT_DOC_MAX || json_check(document, &fault) != ERR_OK) {
        return false;
    }
    struct str value = json_get(json_get(json_trim(document), STR("log")), STR("key"));
    return value.len > 0 && json_kind(value) == JSON_STRING && json_decode(value, vkey);
}
