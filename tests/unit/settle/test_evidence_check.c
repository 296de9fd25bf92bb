/* Packs of real decisions: made, checked, and forged in every way that we could think of. */
#include "settle/evidence_check.h"

#include <string.h>

#include "evidence_case.h"

static struct evidence_case it;

static void holds(const char *path)
{
    case_check(&it, path);
    for (unsigned i = 0; i < EVIDENCE_TESTS; i++) {
        if (it.report.outcomes[i] == EVIDENCE_FAILS) {
            test_failed(EP_SITE, "%s: %s", evidence_test_name((enum evidence_test)i),
                        it.report.why[i].text);
        }
    }
    CHECK(it.report.holds);
}

/* That test fails, with that in its sentence, and none after it is made. */
static void fails(const char *path, enum evidence_test test, const char *why)
{
    case_check(&it, path);
    CHECK(!it.report.holds);
    for (unsigned i = 0; i < test; i++) {
        if (it.report.outcomes[i] == EVIDENCE_FAILS) {
            test_failed(EP_SITE, "not %s but %s: %s", evidence_test_name(test),
                        evidence_test_name((enum evidence_test)i), it.report.why[i].text);
        }
    }
    CHECK_EQ(it.report.outcomes[test], EVIDENCE_FAILS);
    if (strstr(it.report.why[test].text, why) == NULL) {
        test_failed(EP_SITE, "\"%s\" does not say \"%s\"", it.report.why[test].text, why);
    }
    for (unsigned i = test + 1; i < EVIDENCE_TESTS; i++) {
        CHECK(i == EVIDENCE_TEST_WITNESSED || test == EVIDENCE_TEST_WITNESSED ||
              it.report.outcomes[i] == EVIDENCE_NOT_TESTED);
    }
}

static void begin(void)
{
    case_begin(&it);
    case_fill(&it);
    enum err err = case_make(&it);
    if (err != ERR_OK) {
        test_failed(EP_SITE, "%s", it.fail.text);
    }
}

TEST(a_pack_holds_and_says_what_is_in_it)
{
    begin();
    CHECK_EQ(it.made.receipts, 9);
    CHECK_EQ(it.made.versions, 1); /* the first ended before the period */
    CHECK_EQ(it.made.uncovered, 0);
    CHECK_EQ(it.made.leaves, it.leaves);
    holds(it.pack.path);
    CHECK_EQ(it.report.receipts, 9);
    CHECK_EQ(it.report.decisions, 9);
    CHECK_EQ(it.report.judged, 9);
    CHECK_EQ(it.report.agreed, 9);
    CHECK_EQ(it.report.files + 2, it.made.files);
    CHECK_STR(it.report.head.client, STR("cli_1"));
    it.asked.judge = 4;
    holds(it.pack.path);
    CHECK_EQ(it.report.judged, 4);
    it.asked.judge = 0;
    holds(it.pack.path);
    CHECK_EQ(it.report.outcomes[EVIDENCE_TEST_DECISIONS], EVIDENCE_NOT_TESTED);
    case_end(&it);
}

TEST(the_same_rows_make_the_same_bytes)
{
    struct buf first;
    struct buf second;
    begin();
    it.order.path = str_from(it.pack.other);
    CHECK_EQ(case_make(&it), ERR_OK);
    buf_init(&first, 1 << 24);
    buf_init(&second, 1 << 24);
    pack_case_slurp(it.pack.path, &first);
    pack_case_slurp(it.pack.other, &second);
    CHECK_STR(buf_str(&first), buf_str(&second));
    CHECK(str_search(buf_str(&first), STR("key_x")) == first.len);
    buf_fini(&first);
    buf_fini(&second);
    case_end(&it);
}

/* Each file's first, middle and last packed byte; the name of the file is told. */
TEST(one_changed_byte_names_the_file)
{
    struct pack *pack = NULL;
    struct buf bytes;
    begin();
    it.asked.judge = 0;
    buf_init(&bytes, 1 << 24);
    pack_case_slurp(it.pack.path, &bytes);
    CHECK_EQ(pack_open(str_from(it.pack.path), &pack, &it.fail), ERR_OK);
    for (size_t i = 0; i < pack_count(pack); i++) {
        char name[PACK_NAME_MAX + 1];
        (void)snprintf(name, sizeof(name), STR_FMT, STR_ARG(pack_name(pack, i)));
        size_t begin_at = str_search(buf_str(&bytes), pack_name(pack, i)) + strlen(name);
        struct str rest = str_from_at(buf_str(&bytes), begin_at);
        size_t len = str_search(rest, STR("PK\x03\x04"));
        len = len < rest.len ? len : str_search(rest, STR("PK\x01\x02"));
        const size_t at[] = { 0, len / 2, len - 1 };
        for (size_t k = 0; k < EP_ARRAY_LEN(at); k++) {
            bytes.ptr[begin_at + at[k]] ^= 0x10;
            pack_case_spit(it.pack.other, buf_str(&bytes));
            case_check(&it, it.pack.other);
            bytes.ptr[begin_at + at[k]] ^= 0x10;
            bool named = false;
            for (unsigned t = 0; t < EVIDENCE_TESTS; t++) {
                named = named || strstr(it.report.why[t].text, name) != NULL;
            }
            CHECK(!it.report.holds);
            if (!named) {
                test_failed(EP_SITE, "byte %zu of \"%s\" is not told of", at[k], name);
            }
        }
    }
    pack_close(pack);
    buf_fini(&bytes);
    case_end(&it);
}

TEST(files_that_are_changed_missing_or_too_many_are_named)
{
    begin();
    case_forge(&it, &(struct case_forgery){ "usage.json", "\"calls\":\"", "\"calls\":\"9", false });
    fails(it.pack.other, EVIDENCE_TEST_FILES, "usage.json: it was changed");
    case_forge(&it, &(struct case_forgery){ "findings.json", NULL, NULL, false });
    fails(it.pack.other, EVIDENCE_TEST_FILES, "findings.json: it is missing");
    case_forge(&it, &(struct case_forgery){ "more.txt", "", "more", false });
    fails(it.pack.other, EVIDENCE_TEST_FILES, "more.txt: it is a file too many");
    case_forge(&it, &(struct case_forgery){ "manifest.note", NULL, NULL, false });
    fails(it.pack.other, EVIDENCE_TEST_SIGNED, "\"manifest.note\" is missing");
    case_forge(&it, &(struct case_forgery){ "manifest.sha256", NULL, NULL, false });
    fails(it.pack.other, EVIDENCE_TEST_SIGNED, "\"manifest.sha256\" is missing");
    case_end(&it);
}

struct signed_forgery {
    struct case_forgery forgery;
    enum evidence_test test;
    const char *why;
};

static const struct signed_forgery forgeries[] = {
    { { "receipts/000001.jsonl", "\"amount\":\"5015000\"", "\"amount\":\"15000\"", true },
      EVIDENCE_TEST_RECEIPTS,
      "receipts/000001.jsonl line 1: the section \"client\"" },
    { { "receipts/000001.jsonl", "\"leaf\":\"3\"", "\"leaf\":\"4\"", true },
      EVIDENCE_TEST_RECEIPTS,
      "line 1: leaf 4 does not follow" },
    { { "receipts/000001.jsonl", "", "nothing\n", true },
      EVIDENCE_TEST_RECEIPTS,
      "line 1: it is no JSON" },
    { { "receipts/000001.jsonl", "", "x", true }, EVIDENCE_TEST_RECEIPTS, "end with a line" },
    { { "receipts/000001.jsonl", NULL, NULL, true }, EVIDENCE_TEST_ROOT, "rest.json" },
    { { "receipts/rest.json", "\"receipts\":\"9\"", "\"receipts\":\"8\"", true },
      EVIDENCE_TEST_ROOT,
      "rest.json" },
    { { "receipts/rest.json", "{\"after\":[\"", "{\"after\":[\"A", true },
      EVIDENCE_TEST_ROOT,
      "rest.json" },
    { { "figures.json", "\"calls\":\"", "\"calls\":\"1", true },
      EVIDENCE_TEST_FIGURES,
      "\"figures.json\" is not what follows" },
    { { "report.html", "<h1>", "<h1>No ", true }, EVIDENCE_TEST_FIGURES, "\"report.html\"" },
    { { "grants.json", "G-S1", "G-S2", true }, EVIDENCE_TEST_FIGURES, "\"grants.json\"" },
    { { "data_terms.json", "v3", "v4", true }, EVIDENCE_TEST_FIGURES, "\"data_terms.json\"" },
    { { "refusals.json", "REVERSE_IMPORT", "REVERSE", true },
      EVIDENCE_TEST_FIGURES,
      "refusals.json" },
    { { "usage.json", "m-alpha", "m-alphb", true }, EVIDENCE_TEST_FIGURES, "\"usage.json\"" },
    { { "findings.json", "S1", "S2", true }, EVIDENCE_TEST_FIGURES, "\"report.html\"" },
    { { "findings.json", "", "[", true }, EVIDENCE_TEST_FIGURES, "no JSON" },
    { { "more.txt", "", "more", true }, EVIDENCE_TEST_FIGURES, "\"more.txt\" is no file" },
    { { "receipts/000002.txt", "", "more", true }, EVIDENCE_TEST_FIGURES, "is no file" },
    { { "pack.json", "cli_1", "cli_2", true }, EVIDENCE_TEST_CHECKPOINT, "another client" },
    { { "pack.json", "key_a", "key_c", true }, EVIDENCE_TEST_RECEIPTS, "none of the client's" },
    { { "pack.json", "\"uncovered\":\"0\"", "\"uncovered\":\"00\"", true },
      EVIDENCE_TEST_CHECKPOINT,
      "not what packs say" },
    { { "pack.json", "", "{}", true }, EVIDENCE_TEST_CHECKPOINT, "not what packs say" },
    { { "checkpoint", "\n\n", "\nx\n\n", true }, EVIDENCE_TEST_CHECKPOINT, "" },
    { { "checkpoint", NULL, NULL, true }, EVIDENCE_TEST_CHECKPOINT, "\"checkpoint\" is missing" },
    { { "registry/version-000002.json", "\"number\":\"2\"", "\"number\":\"3\"", true },
      EVIDENCE_TEST_REGISTRY,
      "another version" },
    { { "registry/version-000002.json", "\"role\":\"entered\"", "\"role\":\"reviewed\"", true },
      EVIDENCE_TEST_REGISTRY,
      "version-000002.json" },
    { { "registry/version-000002.json", "\"at_ns\":\"1", "\"at_ns\":\"2", true },
      EVIDENCE_TEST_REGISTRY,
      "signatures" },
    { { "registry/version-000002.json", "\"sha256\":\"", "\"sha256\":\"x", true },
      EVIDENCE_TEST_REGISTRY,
      "not what a registry's version is" },
    { { "registry/version-000002.json", "persons.yaml", "persons.yml", true },
      EVIDENCE_TEST_REGISTRY,
      "" },
    { { "registry/version-000002.json", NULL, NULL, true }, EVIDENCE_TEST_FIGURES, "" },
};

/* Who has the log's key can sign what he likes, and still not change what was logged. */
TEST(what_the_log_does_not_say_is_found_although_it_is_signed)
{
    begin();
    for (size_t i = 0; i < EP_ARRAY_LEN(forgeries); i++) {
        case_forge(&it, &forgeries[i].forgery);
        fails(it.pack.other, forgeries[i].test, forgeries[i].why);
    }
    case_forge(&it, &(struct case_forgery){ "README.txt", "Begin", "Begin", true });
    holds(it.pack.other); /* nothing was changed, and it was signed again */
    case_end(&it);
}

TEST(what_people_read_may_look_otherwise_in_another_version)
{
    begin();
    case_forge(&it, &(struct case_forgery){ "report.html", "<h1>", "<h1> ", true });
    fails(it.pack.other, EVIDENCE_TEST_FIGURES, "\"report.html\"");
    it.asked.program = STR("1.2.4");
    holds(it.pack.other);
    CHECK(it.report.unlike);
    case_forge(&it, &(struct case_forgery){ "usage.json", "m-alpha", "m-alphb", true });
    fails(it.pack.other, EVIDENCE_TEST_FIGURES, "\"usage.json\"");
    case_end(&it);
}

TEST(a_text_of_the_registry_that_is_another_is_found)
{
    char name[PACK_NAME_MAX + 1] = "";
    struct buf path = { name, 0, PACK_NAME_MAX, PACK_NAME_MAX };
    begin();
    struct digest sum = digest_sha256(it.files[FILES_PARTIES].text);
    CHECK_EQ(evidence_text_name(&sum, &path), ERR_OK);
    case_forge(&it, &(struct case_forgery){ name, "SG", "CN", true });
    fails(it.pack.other, EVIDENCE_TEST_REGISTRY, "another sum than its name");
    case_forge(&it, &(struct case_forgery){ name, NULL, NULL, true });
    fails(it.pack.other, EVIDENCE_TEST_REGISTRY, "is missing");
    case_end(&it);
}

TEST(a_verdict_that_is_not_the_laws_is_found)
{
    struct case_call lie = case_alpha;
    case_begin(&it);
    (void)case_call(&it, &case_alpha);
    lie.law = "allow S9";
    (void)case_call(&it, &lie);
    publish_case_round(&it.log);
    CHECK_EQ(case_make(&it), ERR_OK);
    fails(it.pack.path, EVIDENCE_TEST_DECISIONS,
          "receipts/000001.jsonl line 2: the verdict of then");
    CHECK_EQ(it.report.judged, 2);
    CHECK_EQ(it.report.agreed, 1);
    case_end(&it);
}

TEST(another_logs_key_or_another_pack_is_no_evidence)
{
    struct note_key other;
    unsigned char public_key[SIGN_PUBLIC_BYTES];
    struct sign_key *secret = NULL;
    unsigned char seed[SIGN_SEED_BYTES];
    begin();
    memset(seed, 9, sizeof(seed));
    CHECK_EQ(sign_key_from_seed(seed, &secret, NULL), ERR_OK);
    sign_public(secret, public_key);
    CHECK_EQ(note_key_make(str_from(PUBLISH_ORIGIN), NOTE_ED25519, public_key, &other, NULL),
             ERR_OK);
    it.asked.key = &other;
    fails(it.pack.path, EVIDENCE_TEST_SIGNED, "no signature");
    it.asked.key = &it.log.key;
    pack_case_spit(it.pack.other, STR("something else"));
    fails(it.pack.other, EVIDENCE_TEST_FORM, "no pack");
    sign_key_destroy(secret);
    case_end(&it);
}

TEST(a_policy_asks_for_cosignatures)
{
    struct quorum *quorum = NULL;
    char text[1024];
    char vkey[NOTE_VKEY_MAX];
    struct buf shown = { vkey, 0, sizeof(vkey), sizeof(vkey) };
    struct note_key witness;
    unsigned char public_key[SIGN_PUBLIC_BYTES];
    struct sign_key *secret = NULL;
    unsigned char seed[SIGN_SEED_BYTES];
    begin();
    memset(seed, 8, sizeof(seed));
    CHECK_EQ(sign_key_from_seed(seed, &secret, NULL), ERR_OK);
    sign_public(secret, public_key);
    CHECK_EQ(note_key_make(STR("w.example"), NOTE_COSIGNATURE, public_key, &witness, NULL), ERR_OK);
    CHECK_EQ(note_key_print(&witness, &shown), ERR_OK);
    (void)snprintf(text, sizeof(text), "witness w " STR_FMT "\nquorum w\n",
                   STR_ARG(buf_str(&shown)));
    CHECK_EQ(quorum_parse(str_from(text), &quorum, &it.fail), ERR_OK);
    it.asked.quorum = quorum;
    fails(it.pack.path, EVIDENCE_TEST_WITNESSED, "not the policy's quorum");
    CHECK_EQ(it.report.outcomes[EVIDENCE_TEST_DECISIONS], EVIDENCE_HOLDS); /* others are made */
    quorum_destroy(quorum);
    CHECK_EQ(quorum_parse(STR("quorum none\n"), &quorum, &it.fail), ERR_OK);
    it.asked.quorum = quorum;
    holds(it.pack.path);
    CHECK_EQ(it.report.outcomes[EVIDENCE_TEST_WITNESSED], EVIDENCE_HOLDS);
    quorum_destroy(quorum);
    sign_key_destroy(secret);
    case_end(&it);
}
