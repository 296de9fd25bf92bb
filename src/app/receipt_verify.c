/* `entrepot receipt verify`: one document, offline, by the log's public key. */
#include <stdio.h>
#include <unistd.h>

#include "app/checks.h"
#include "app/file_text.h"
#include "app/sheet.h"
#include "app/trust.h"
#include "base/stamp.h"
#include "tlog/receipt_doc.h"
#include "wire/jsonw.h"

struct receipt_verifying {
    const struct args *args;
    struct trust trust;
    struct buf document;
    struct buf proof;
    struct receipt_report report;
    bool good;
    struct fail fail;
    const char *remedy;
};

static const char *const receipt_columns[] = { "test", "result", "why" };

/* ---- reading ----------------------------------------------------------------------------- */

static enum err verify_read(struct receipt_verifying *verifying)
{
    struct fail *fail = &verifying->fail;
    struct str file = args_word(verifying->args, 2);
    struct str proof = args_value(verifying->args, "proof");
    if (file.len == 0) {
        return FAIL(fail, ERR_ASK_MISSING, "the receipt's file is missing (- is standard input)");
    }
    enum err err = str_eq(file, STR("-")) ? file_text_read_fd(STDIN_FILENO, "standard input",
                                                              &verifying->document, fail)
                                          : file_text_read(file.ptr, &verifying->document, fail);
    if (err == ERR_LIMIT) {
        return FAIL(fail, ERR_RECEIPT_INVALID,
                    "\"" STR_FMT "\" is no receipt: those have at most %d bytes", STR_ARG(file),
                    RECEIPT_DOC_MAX);
    }
    TRY(err);
    if (proof.len > 0) {
        err = file_text_read(proof.ptr, &verifying->proof, fail);
        if (err == ERR_LIMIT) {
            return FAIL(fail, ERR_PROOF_INVALID,
                        "\"" STR_FMT "\" is no proof: those have at most %d bytes", STR_ARG(proof),
                        PROOF_TEXT_MAX);
        }
        TRY(err);
        if (verifying->proof.len == 0) {
            return FAIL(fail, ERR_PROOF_INVALID, "\"" STR_FMT "\" is empty", STR_ARG(proof));
        }
    }
    return ERR_OK;
}

/* ---- printing ---------------------------------------------------------------------------- */

static const char *verify_outcome(enum receipt_outcome outcome)
{
    return outcome == RECEIPT_HOLDS ? "holds" : outcome == RECEIPT_FAILS ? "fails" : "not shown";
}

/* What is worth saying of a test that holds. */
static void verify_remark(const struct receipt_report *report, enum receipt_test test,
                          struct buf *out)
{
    if (test == RECEIPT_TEST_PROMISE && report->promised_s < INT64_MAX / STAMP_NS_PER_S) {
        EP_IGNORE(buf_append(out, STR("a checkpoint covers it by "))); /* what fits */
        EP_IGNORE(stamp_print(out, report->promised_s * STAMP_NS_PER_S));
    } else if (test == RECEIPT_TEST_SIGNED) {
        EP_IGNORE(buf_printf(out, "of %lld entries", (long long)report->size));
    } else if (test == RECEIPT_TEST_INCLUDED) {
        EP_IGNORE(buf_printf(out, "leaf %lld", (long long)report->leaf));
    } else if (test == RECEIPT_TEST_WITNESSED) {
        EP_IGNORE(buf_printf(out, "%zu have cosigned", report->witnesses));
    }
}

static void verify_put_tests(const struct receipt_report *report, struct sheet *sheet)
{
    for (int i = 0; i < (int)RECEIPT_TESTS; i++) {
        enum receipt_test test = (enum receipt_test)i;
        char text[128];
        struct buf remark = { text, 0, sizeof(text), sizeof(text) };
        struct str why = str_from(report->why[test].text);
        if (report->outcomes[test] == RECEIPT_HOLDS && why.len == 0) {
            verify_remark(report, test, &remark);
            why = buf_str(&remark);
        }
        sheet_str(sheet, str_from(receipt_test_name(test)));
        sheet_str(sheet, str_from(verify_outcome(report->outcomes[test])));
        sheet_str(sheet, why);
    }
}

static bool verify_shown(const struct receipt_report *report, enum receipt_section which)
{
    return report->outcomes[(int)RECEIPT_TEST_CLIENT + (int)which] == RECEIPT_HOLDS;
}

static bool verify_is_late(const struct receipt_report *report)
{
    return report->size == 0 && report->outcomes[RECEIPT_TEST_PROMISE] == RECEIPT_HOLDS &&
           report->promised_s < stamp_system_ns() / STAMP_NS_PER_S;
}

static enum err verify_print_lines(const struct receipt_verifying *verifying, struct buf *out)
{
    const struct receipt_report *report = &verifying->report;
    const char *comma = " ";
    TRY(buf_printf(out, "key of \"%s\", from %s\nsections that are shown and hold:",
                   verifying->trust.key.name, verifying->trust.from));
    for (int i = 0; i < (int)RECEIPT_SECTIONS; i++) {
        if (verify_shown(report, (enum receipt_section)i)) {
            TRY(buf_printf(out, "%s%s", comma, receipt_section_name((enum receipt_section)i)));
            comma = ", ";
        }
    }
    TRY(buf_append(out, comma[0] == ',' ? STR("\n") : STR(" none\n")));
    if (verify_is_late(report)) {
        TRY(buf_append(out,
                       STR("the time of the promise has passed, and there is no proof: ask for "
                           "the receipt again; \"entrepot log follow --receipts\" shows "
                           "whether the log has broken it\n")));
    }
    return buf_append(out, verifying->good ? STR("the receipt holds\n")
                                           : STR("the receipt does NOT hold\n"));
}

static enum err verify_print_json(const struct receipt_verifying *verifying,
                                  const struct sheet *sheet, struct buf *out)
{
    const struct receipt_report *report = &verifying->report;
    struct jsonw json;
    struct buf rows;
    buf_init(&rows, ACTS_OUT_MAX);
    enum err err = sheet_print(sheet, true, &rows);
    jsonw_init(&json, out);
    jsonw_open(&json, '{');
    jsonw_key(&json, "ok");
    jsonw_bool(&json, verifying->good);
    jsonw_put_str(&json, "origin", str_from(verifying->trust.key.name));
    jsonw_put_str(&json, "key_from", str_from(verifying->trust.from));
    jsonw_put_int(&json, "leaf", report->leaf);
    jsonw_put_int(&json, "size", report->size);
    jsonw_put_int(&json, "witnesses", (int64_t)report->witnesses);
    jsonw_key(&json, "shown");
    jsonw_open(&json, '[');
    for (int i = 0; i < (int)RECEIPT_SECTIONS; i++) {
        if (verify_shown(report, (enum receipt_section)i)) {
            jsonw_str(&json, str_from(receipt_section_name((enum receipt_section)i)));
        }
    }
    jsonw_close(&json, ']');
    jsonw_key(&json, "late");
    jsonw_bool(&json, verify_is_late(report));
    if (err == ERR_OK) {
        jsonw_key(&json, "tests");
        jsonw_raw(&json, str_slice(buf_str(&rows), 0, rows.len - 1));
    }
    jsonw_close(&json, '}');
    buf_fini(&rows);
    TRY(err);
    TRY(jsonw_err(&json));
    return buf_byte(out, '\n');
}

static enum err verify_print(const struct receipt_verifying *verifying, struct buf *out)
{
    struct sheet sheet;
    sheet_init(&sheet, receipt_columns, EP_ARRAY_LEN(receipt_columns));
    verify_put_tests(&verifying->report, &sheet);
    enum err err = ERR_OK;
    if (args_has(verifying->args, "json")) {
        err = verify_print_json(verifying, &sheet, out);
    } else {
        err = sheet_print(&sheet, false, out);
        err = err == ERR_OK ? verify_print_lines(verifying, out) : err;
    }
    sheet_fini(&sheet);
    return err;
}

/* ---- the command ------------------------------------------------------------------------- */

/* A document that names its own key is no witness for itself; it helps to ask for the right one. */
static void verify_hint(const struct receipt_verifying *verifying, struct buf *errors)
{
    char text[NOTE_VKEY_MAX];
    struct buf said = { text, 0, sizeof(text), sizeof(text) };
    struct note_key key;
    if (receipt_doc_says_key(buf_str(&verifying->document), &said) &&
        note_key_parse(buf_str(&said), &key, NULL) == ERR_OK) {
        EP_IGNORE(buf_printf(errors,
                             "entrepot: the document names \"" STR_FMT
                             "\"; nobody vouches for that, and it is not used\n",
                             STR_ARG(buf_str(&said)))); /* what fits */
    }
}

static enum err verify_do(struct receipt_verifying *verifying, struct buf *out, struct buf *errors)
{
    TRY(verify_read(verifying));
    enum err err = trust_read(verifying->args, &verifying->trust, &verifying->fail);
    verifying->remedy = verifying->trust.remedy;
    if (err == ERR_ASK_MISSING) {
        verify_hint(verifying, errors);
    }
    TRY(err);
    verifying->good =
        receipt_doc_check_with(buf_str(&verifying->document), buf_str(&verifying->proof),
                               &verifying->trust.key, verifying->trust.quorum, &verifying->report);
    trust_fini(&verifying->trust);
    return verify_print(verifying, out);
}

enum act_exit receipt_verify_run(const struct args *args, struct buf *out, struct buf *errors)
{
    struct receipt_verifying verifying = { .args = args };
    buf_init(&verifying.document, RECEIPT_DOC_MAX);
    buf_init(&verifying.proof, PROOF_TEXT_MAX);
    enum err err = verify_do(&verifying, out, errors);
    buf_fini(&verifying.proof);
    buf_fini(&verifying.document);
    if (err == ERR_RECEIPT_INVALID || err == ERR_PROOF_INVALID) {
        act_complain(errors, err, &verifying.fail, NULL);
        return ACT_FAILED;
    }
    if (err != ERR_OK) {
        act_complain(errors, err, &verifying.fail, verifying.remedy);
        return checks_exit_of(err);
    }
    return verifying.good ? ACT_OK : ACT_FAILED;
}
