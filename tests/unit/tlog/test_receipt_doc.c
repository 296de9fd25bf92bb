#include "receipt_docs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct docs docs;
static struct receipt_report report;

/* Outcomes, a letter a test in their order: form, three sections, one call, promise, inclusion,
 * checkpoint, witnesses. */
static const char *outcomes(void)
{
    static char text[RECEIPT_TESTS + 1];
    for (size_t i = 0; i < RECEIPT_TESTS; i++) {
        text[i] = "-hF"[report.outcomes[i]];
        CHECK(report.outcomes[i] == RECEIPT_HOLDS || report.why[i].text[0] != 0);
    }
    return text;
}

static bool check_parts(const struct docs_parts *parts, const char *want)
{
    bool good = receipt_doc_check(docs_print(&docs, parts), &docs.key, NULL, &report);
    CHECK_STR(str_from(outcomes()), str_from(want));
    return good;
}

static void check_why(enum receipt_test test, const char *what)
{
    if (strstr(report.why[test].text, what) == NULL) {
        test_failed(EP_SITE, "\"%s\" does not say \"%s\"", report.why[test].text, what);
    }
}

/* The document is refused as a whole. */
static void check_form(struct str document, const char *what)
{
    CHECK(!receipt_doc_check(document, &docs.key, NULL, &report));
    CHECK_STR(str_from(outcomes()), STR("F--------"));
    check_why(RECEIPT_TEST_FORM, what);
}

TEST(a_whole_receipt_holds)
{
    docs_begin(&docs);
    struct quorum *quorum = docs_quorum(&docs);
    CHECK(check_parts(&docs.parts, "hhhhhhhh-"));
    check_why(RECEIPT_TEST_WITNESSED, "no policy");
    CHECK(receipt_doc_check(docs_print(&docs, &docs.parts), &docs.key, quorum, &report));
    CHECK_STR(str_from(outcomes()), STR("hhhhhhhhh"));
    CHECK_EQ(report.leaf, DOCS_LEAF);
    CHECK(digest_eq(&report.leaf_hash, &docs.leaves[DOCS_LEAF]));
    CHECK_EQ(report.promised_s, DOCS_BY_S);
    CHECK_EQ(report.size, DOCS_SIZE);
    CHECK_EQ(report.witnesses, 1);
    CHECK_STR(str_from(receipt_test_name(RECEIPT_TEST_ONE_CALL)), STR("one call"));
    quorum_destroy(quorum);
    docs_end(&docs);
}

TEST(white_space_order_and_escapes_are_anybodys)
{
    docs_begin(&docs);
    struct docs_parts parts = docs.parts;
    struct buf text;
    buf_init(&text, RECEIPT_DOC_MAX);
    /* Of the client's section: a tab behind each comma, and its first member moved to its end. */
    struct str client = parts.sections[RECEIPT_CLIENT];
    struct str first = STR("\"amount\":\"5015000\",");
    CHECK(str_starts(str_from_at(client, 1), first));
    CHECK(buf_append(&text, STR("{\n")) == ERR_OK);
    for (size_t i = 1 + first.len; i + 1 < client.len; i++) {
        CHECK(buf_byte(&text, client.ptr[i]) == ERR_OK);
        if (client.ptr[i] == ',') {
            CHECK(buf_byte(&text, '\t') == ERR_OK);
        }
    }
    CHECK(buf_append(&text, STR(",\"\\u0061mount\" : \"501\\u0035000\"\r\n} ")) == ERR_OK);
    parts.sections[RECEIPT_CLIENT] = buf_str(&text);
    CHECK(check_parts(&parts, "hhhhhhhh-"));
    buf_fini(&text);
    docs_end(&docs);
}

TEST(what_is_not_shown_fails_nothing)
{
    docs_begin(&docs);
    struct docs_parts parts = docs.parts;
    parts.sections[RECEIPT_OPERATOR] = STR_EMPTY;
    CHECK(check_parts(&parts, "hhh-hhhh-"));
    parts.sections[RECEIPT_EVIDENCE] = STR("null");
    CHECK(check_parts(&parts, "hh---hhh-"));
    check_why(RECEIPT_TEST_ONE_CALL, "one section");
    parts.sections[RECEIPT_CLIENT] = STR("null");
    parts.salts = STR("{\"client\":null,\"evidence\":null}");
    CHECK(check_parts(&parts, "h----hhh-")); /* erased: it is in the log, and says nothing */
    parts.salts = STR_EMPTY;
    CHECK(check_parts(&parts, "h----hhh-"));
    parts = docs.parts;
    parts.proof = STR("null");
    CHECK(check_parts(&parts, "hhhhhh---"));
    check_why(RECEIPT_TEST_INCLUDED, "did not cover it yet");
    CHECK_EQ(report.size, 0);
    parts = docs.parts;
    parts.promise = STR_EMPTY;
    CHECK(check_parts(&parts, "hhhhh-hh-"));
    parts.proof = STR_EMPTY;
    CHECK(!check_parts(&parts, "hhhhh----")); /* nobody has signed anything of it */
    parts = docs.parts;
    parts.more = STR(",\"later\":{\"a\":1},\"log\":null");
    CHECK(check_parts(&parts, "hhhhhhhh-"));
    check_why(RECEIPT_TEST_FORM, "\"later\" is not checked");
    docs_end(&docs);
}

TEST(each_byte_of_a_section_counts)
{
    docs_begin(&docs);
    for (size_t which = 0; which < RECEIPT_SECTIONS; which++) {
        struct str section = docs.parts.sections[which];
        for (size_t i = 0; i < section.len; i++) {
            char kept = section.ptr[i];
            docs.receipt.sections[which].ptr[i] ^= 1;
            CHECK(!receipt_doc_check(docs_print(&docs, &docs.parts), &docs.key, NULL, &report));
            CHECK(report.outcomes[RECEIPT_TEST_FORM] == RECEIPT_FAILS ||
                  report.outcomes[(size_t)RECEIPT_TEST_CLIENT + which] == RECEIPT_FAILS);
            docs.receipt.sections[which].ptr[i] = kept;
        }
    }
    CHECK(check_parts(&docs.parts, "hhhhhhhh-"));
    docs_end(&docs);
}

TEST(each_byte_of_entry_promise_and_proof_counts)
{
    docs_begin(&docs);
    struct str document = docs_print(&docs, &docs.parts);
    char *bytes = docs.document.ptr;
    size_t begin = str_search(document, STR("\"entry\":"));
    struct quorum *quorum = docs_quorum(&docs);
    for (size_t i = begin; i + 1 < document.len; i++) {
        bytes[i] ^= 1;
        if (receipt_doc_check(buf_str(&docs.document), &docs.key, quorum, &report)) {
            /* A member's name alone may be changed: what it held is then not shown. */
            CHECK(report.outcomes[RECEIPT_TEST_PROMISE] != RECEIPT_HOLDS ||
                  report.outcomes[RECEIPT_TEST_INCLUDED] != RECEIPT_HOLDS);
        }
        bytes[i] ^= 1;
    }
    quorum_destroy(quorum);
    docs_end(&docs);
}

TEST(a_section_of_another_receipt_does_not_pass)
{
    docs_begin(&docs);
    struct docs_parts parts = docs.parts;
    struct receipt other;
    struct receipt_facts facts = receipts_facts((struct id){ { 4, 5, 6 } });
    receipt_init(&other);
    CHECK(receipt_build(&other, &facts) == ERR_OK);
    parts.sections[RECEIPT_EVIDENCE] = buf_str(&other.sections[RECEIPT_EVIDENCE]);
    CHECK(!check_parts(&parts, "hhFhFhhh-"));
    check_why(RECEIPT_TEST_EVIDENCE, "does not give the digest");
    check_why(RECEIPT_TEST_ONE_CALL, "another of");
    parts.sections[RECEIPT_EVIDENCE] = docs.parts.sections[RECEIPT_CLIENT];
    CHECK(!check_parts(&parts, "hhFhhhhh-"));
    parts = docs.parts;
    parts.sections[RECEIPT_CLIENT] = STR("{\"amount\":\"1\"}");
    CHECK(!check_parts(&parts, "hFhhFhhh-"));
    check_why(RECEIPT_TEST_ONE_CALL, "does not say of which call");
    parts.sections[RECEIPT_CLIENT] = STR("{\"amount\":1}");
    CHECK(!check_parts(&parts, "hFhhFhhh-"));
    check_why(RECEIPT_TEST_CLIENT, "without quotes");
    receipt_fini(&other);
    docs_end(&docs);
}

TEST(salts_are_sixteen_bytes_of_their_own_section)
{
    static const char *const bad[] = {
        "\"\"", "\"AAAA\"", "\"AAAAAAAAAAAAAAAAAAAAAAA=\"", "\"AAAAAAAAAAAAAAAAAAAAAA\"", "7", "{}",
    };
    docs_begin(&docs);
    struct docs_parts parts = docs.parts;
    for (size_t i = 0; i < EP_ARRAY_LEN(bad); i++) {
        char text[96];
        (void)snprintf(text, sizeof(text), "{\"client\":%s}", bad[i]);
        parts.salts = str_from(text);
        CHECK(!check_parts(&parts, "hFFFhhhh-"));
        check_why(RECEIPT_TEST_CLIENT, "16 bytes");
        check_why(RECEIPT_TEST_OPERATOR, "without its salt");
    }
    parts.salts = STR("{\"client\":\"AAAAAAAAAAAAAAAAAAAAAA==\"}");
    CHECK(!check_parts(&parts, "hFFFhhhh-"));
    check_why(RECEIPT_TEST_CLIENT, "does not give the digest");
    docs_end(&docs);
}

TEST(a_promise_is_of_this_log_leaf_and_entry)
{
    docs_begin(&docs);
    struct receipt_promise promise = docs_promise(&docs);
    promise.leaf = 4;
    docs_make_promise(&docs, &promise, &docs.key, docs.secret);
    CHECK(!check_parts(&docs.parts, "hhhhhFhh-"));
    check_why(RECEIPT_TEST_PROMISE, "for leaf 4");
    promise = docs_promise(&docs);
    promise.leaf_hash = docs.leaves[0];
    docs_make_promise(&docs, &promise, &docs.key, docs.secret);
    CHECK(!check_parts(&docs.parts, "hhhhhFhh-"));
    check_why(RECEIPT_TEST_PROMISE, "another entry");

    struct note_key rival = golden_key(docs.secret, "rival.example/receipts", NOTE_ED25519);
    promise = docs_promise(&docs);
    promise.origin = str_from(rival.name);
    docs_make_promise(&docs, &promise, &rival, docs.secret);
    CHECK(!check_parts(&docs.parts, "hhhhhFhh-"));
    check_why(RECEIPT_TEST_PROMISE, "rival.example");
    struct note_key other = golden_key(docs.witness_secret, DOCS_ORIGIN, NOTE_ED25519);
    promise = docs_promise(&docs);
    docs_make_promise(&docs, &promise, &other, docs.witness_secret);
    CHECK(!check_parts(&docs.parts, "hhhhhFhh-"));
    check_why(RECEIPT_TEST_PROMISE, "no signature");
    docs.parts.promise = docs.parts.proof;
    CHECK(!check_parts(&docs.parts, "hhhhhFhh-"));
    docs.parts.promise = STR("\"\\ud800\"");
    CHECK(!check_parts(&docs.parts, "hhhhhFhh-"));
    docs_end(&docs);
}

TEST(a_proof_is_of_this_leaf_under_this_log)
{
    docs_begin(&docs);
    docs_make_proof(&docs, 2, buf_str(&docs.checkpoint));
    CHECK(!check_parts(&docs.parts, "hhhhhhFh-"));
    check_why(RECEIPT_TEST_INCLUDED, "of leaf 2, the receipt is 3");
    docs_make_proof(&docs, DOCS_LEAF, STR(GOLDEN_NOTE_3)); /* the right log, another tree */
    CHECK(!check_parts(&docs.parts, "hhhhhhFh-"));
    check_why(RECEIPT_TEST_INCLUDED, "does not lead");

    docs.key = golden_key(docs.secret, "rival.example/receipts", NOTE_ED25519);
    docs_make_proof(&docs, DOCS_LEAF, buf_str(&docs.checkpoint));
    CHECK(!check_parts(&docs.parts, "hhhhhFhF-"));
    check_why(RECEIPT_TEST_SIGNED, "rival.example");
    docs.key = golden_key(docs.witness_secret, DOCS_ORIGIN, NOTE_ED25519);
    CHECK(!check_parts(&docs.parts, "hhhhhFhF-"));
    check_why(RECEIPT_TEST_SIGNED, "no signature");

    docs.parts.proof = STR("\"c2sp.org/tlog-proof@v1\\nindex 3\\n\\nno note\"");
    CHECK(!check_parts(&docs.parts, "hhhhhF-F-"));
    docs.parts.proof = STR("\"\"");
    CHECK(!check_parts(&docs.parts, "hhhhhFF--"));
    docs.parts.proof = STR("\"\\udfff\"");
    CHECK(!check_parts(&docs.parts, "hhhhhFF--"));
    docs_end(&docs);
}

TEST(a_key_name_that_no_note_may_have_is_refused)
{
    docs_begin(&docs);
    struct buf *note = &docs.checkpoint;
    struct str name = STR(DOCS_ORIGIN);
    size_t line = str_search(buf_str(note), STR("\xE2\x80\x94 "));
    size_t at = line + 4;
    CHECK(str_starts(str_from_at(buf_str(note), at), name));
    for (size_t i = 0; i < 2; i++) { /* a plus, and a space, in the middle of the signer's name */
        note->ptr[at + 8] = "+ "[i];
        docs_make_proof(&docs, DOCS_LEAF, buf_str(note));
        CHECK(!check_parts(&docs.parts, "hhhhhh-F-"));
    }
    docs_end(&docs);
}

TEST(witnesses_are_counted_against_the_quorum)
{
    docs_begin(&docs);
    struct quorum *quorum = docs_quorum(&docs);
    struct str note = buf_str(&docs.checkpoint);
    size_t last = str_search(note, STR("\xE2\x80\x94 witness"));
    docs_make_proof(&docs, DOCS_LEAF, str_slice(note, 0, last));
    CHECK(!receipt_doc_check(docs_print(&docs, &docs.parts), &docs.key, quorum, &report));
    CHECK_STR(str_from(outcomes()), STR("hhhhhhhhF"));
    check_why(RECEIPT_TEST_WITNESSED, "0 of the policy's 1");
    char *digit = &docs.checkpoint.ptr[note.len - 40]; /* of the cosignature */
    *digit = *digit == 'A' ? 'B' : 'A';
    docs_make_proof(&docs, DOCS_LEAF, note);
    CHECK(!receipt_doc_check(docs_print(&docs, &docs.parts), &docs.key, quorum, &report));
    CHECK_STR(str_from(outcomes()), STR("hhhhhhhhF"));
    check_why(RECEIPT_TEST_WITNESSED, "w1");
    CHECK(check_parts(&docs.parts, "hhhhhhhh-")); /* who does not ask for witnesses needs none */
    quorum_destroy(quorum);
    docs_end(&docs);
}

TEST(a_proof_that_came_apart_takes_the_place_of_the_documents)
{
    docs_begin(&docs);
    struct docs_parts parts = docs.parts;
    parts.proof = STR("null");
    struct str document = docs_print(&docs, &parts);
    struct str proof = test_at_page_end(buf_str(&docs.proof));
    CHECK(receipt_doc_check_with(document, proof, &docs.key, NULL, &report));
    CHECK_STR(str_from(outcomes()), STR("hhhhhhhh-"));
    parts.proof = docs.parts.proof;
    CHECK(!receipt_doc_check_with(docs_print(&docs, &parts), STR("nonsense"), &docs.key, NULL,
                                  &report));
    CHECK_STR(str_from(outcomes()), STR("hhhhhhF--"));
    docs_end(&docs);
}

TEST(a_proof_alone_says_that_its_entry_is_in_the_log)
{
    docs_begin(&docs);
    struct quorum *quorum = docs_quorum(&docs);
    struct str proof = test_at_page_end(buf_str(&docs.proof));
    CHECK(receipt_doc_check(proof, &docs.key, quorum, &report));
    CHECK_STR(str_from(outcomes()), STR("h-----hhh"));
    CHECK_EQ(report.leaf, DOCS_LEAF);
    CHECK(digest_eq(&report.leaf_hash, &docs.leaves[DOCS_LEAF]));
    for (size_t i = 0; i < docs.proof.len; i++) {
        docs.proof.ptr[i] ^= 1;
        CHECK(!receipt_doc_check(buf_str(&docs.proof), &docs.key, quorum, &report));
        docs.proof.ptr[i] ^= 1;
    }
    buf_reset(&docs.entry);
    CHECK(buf_append(&docs.entry, STR("receipt 2")) == ERR_OK); /* which is leaf 2 */
    docs_make_proof(&docs, 2, buf_str(&docs.checkpoint));
    check_form(buf_str(&docs.proof), "no entry of a receipt");
    buf_reset(&docs.entry);
    docs_make_proof(&docs, 2, buf_str(&docs.checkpoint));
    check_form(buf_str(&docs.proof), "no entry of a receipt");
    quorum_destroy(quorum);
    docs_end(&docs);
}

TEST(what_is_no_document_is_refused)
{
    docs_begin(&docs);
    check_form(STR(""), "no JSON object");
    check_form(STR("[]"), "no JSON object");
    check_form(STR("{"), "no JSON object");
    check_form(STR("{}"), "no \"entry\"");
    check_form(STR("{\"a\":1,\"\\u0061\":2}"), "twice");
    struct str whole = docs_print(&docs, &docs.parts);
    for (size_t cut = 0; cut < whole.len; cut += 7) {
        check_form(test_at_page_end(str_slice(whole, 0, cut)), "no JSON object");
    }
    static const struct {
        const char *leaf;
        const char *what;
    } leaves[] = {
        { "", "no \"leaf\"" },
        { "null", "not of a receipt's form" },
        { "\"3\"", "not of a receipt's form" },
        { "-1", "no index" },
        { "3.0", "no index" },
        { "1e3", "no index" },
        { "9223372036854775807", "no index" },
        { "92233720368547758080", "no index" },
    };
    for (size_t i = 0; i < EP_ARRAY_LEN(leaves); i++) {
        struct docs_parts parts = docs.parts;
        parts.leaf = str_from(leaves[i].leaf);
        check_form(docs_print(&docs, &parts), leaves[i].what);
    }
    docs_end(&docs);
}

TEST(what_stands_twice_is_refused)
{
    docs_begin(&docs);
    struct docs_parts parts = docs.parts;
    parts.more = STR(",\"le\\u0061f\":3");
    check_form(docs_print(&docs, &parts), "twice");
    parts = docs.parts;
    parts.salts = STR("{\"client\":\"\",\"client\":\"\"}");
    check_form(docs_print(&docs, &parts), "twice");
    parts = docs.parts;
    parts.sections[RECEIPT_CLIENT] = STR("{\"call\":\"a\",\"c\\u0061ll\":\"b\"}");
    CHECK(!check_parts(&parts, "hFhhFhhh-"));
    check_why(RECEIPT_TEST_CLIENT, "twice");
    docs_end(&docs);
}

TEST(what_is_too_large_or_too_deep_is_refused)
{
    docs_begin(&docs);
    struct docs_parts parts = docs.parts;
    char *spaces = malloc(RECEIPT_DOC_MAX + 2);
    CHECK(spaces != NULL);
    memset(spaces, ' ', RECEIPT_DOC_MAX + 1);
    parts.more = (struct str){ spaces, RECEIPT_DOC_MAX - docs_print(&docs, &docs.parts).len };
    CHECK(check_parts(&parts, "hhhhhhhh-"));
    parts.more.len++;
    check_form(docs_print(&docs, &parts), "at most");

    parts = docs.parts;
    parts.sections[RECEIPT_CLIENT] = STR("{\"call\":[[[[[[[[[]]]]]]]]]}");
    CHECK(!check_parts(&parts, "hFhhFhhh-"));
    check_why(RECEIPT_TEST_CLIENT, "nested deeper");
    memset(spaces, '[', 1000);
    memset(spaces + 1000, ']', 1000);
    parts.sections[RECEIPT_CLIENT] = (struct str){ spaces, 2000 };
    check_form(docs_print(&docs, &parts), "no JSON object");
    free(spaces);
    docs_end(&docs);
}

TEST(an_entry_of_another_form_is_no_receipts)
{
    docs_begin(&docs);
    struct docs_parts parts = docs.parts;
    parts.entry = STR("{\"kind\":\"receipt\",\"version\":\"1\"}");
    check_form(docs_print(&docs, &parts), "not that of a receipt");
    parts.entry = STR("{\"version\":1}");
    check_form(docs_print(&docs, &parts), "cannot be read");
    parts.entry = STR("[]");
    check_form(docs_print(&docs, &parts), "not of a receipt's form");
    char *digest = docs.entry.ptr + STR("{\"client\":\"").len;
    for (size_t i = 0; i < 64; i++) {
        digest[i] = digest[i] >= 'a' ? (char)(digest[i] - 'a' + 'A') : digest[i];
    }
    parts.entry = docs.parts.entry;
    check_form(docs_print(&docs, &parts), "not that of a receipt");
    docs_end(&docs);
}

TEST(what_a_document_says_of_its_log_is_shown_and_not_believed)
{
    docs_begin(&docs);
    struct docs_parts parts = docs.parts;
    struct buf said;
    buf_init(&said, NOTE_VKEY_MAX);
    CHECK(!receipt_doc_says_key(docs_print(&docs, &parts), &said));
    parts.more = STR(",\"log\":{\"origin\":\"x\",\"key\":\"anything\"}");
    CHECK(receipt_doc_says_key(docs_print(&docs, &parts), &said));
    CHECK_STR(buf_str(&said), STR("anything"));
    CHECK(check_parts(&parts, "hhhhhhhh-"));
    parts.more = STR(",\"log\":{\"key\":7}");
    CHECK(!receipt_doc_says_key(docs_print(&docs, &parts), &said));
    CHECK(!receipt_doc_says_key(STR("{"), &said));
    buf_fini(&said);
    docs_end(&docs);
}

static void check_with_little_memory(void)
{
    struct str document = buf_str(&docs.document);
    struct quorum *quorum = NULL;
    (void)receipt_doc_check(document, &docs.key, quorum, &report);
}

TEST(without_memory_nothing_holds_and_nothing_leaks)
{
    docs_begin(&docs);
    (void)docs_print(&docs, &docs.parts);
    CHECK(test_each_allocation_failing(check_with_little_memory) > 1);
    CHECK_STR(str_from(outcomes()), STR("hhhhhhhh-")); /* the last run had enough */
    docs_end(&docs);
}
