/* room: tlog */
#include "tlog/canon_json.h"
#include "tlog/entry_form.h"
#include "tlog/receipt_doc.h"
#include "wire/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Canonical bytes are what they are made into again. */
static void check_canon(struct str text)
{
    struct json_fault fault;
    struct buf once;
    struct buf twice;
    buf_init(&once, 2 * RECEIPT_DOC_MAX);
    buf_init(&twice, 2 * RECEIPT_DOC_MAX);
    if (json_check(text, &fault) == ERR_OK && canon_json(text, &once, NULL) == ERR_OK) {
        ASSERT(json_check(buf_str(&once), &fault) == ERR_OK);
        ASSERT(canon_json(buf_str(&once), &twice, NULL) == ERR_OK);
        ASSERT(str_eq(buf_str(&once), buf_str(&twice)));
    }
    buf_fini(&twice);
    buf_fini(&once);
}

static void check_document(struct str text, const struct note_key *key)
{
    static struct receipt_report report;
    bool good = receipt_doc_check(text, key, NULL, &report);
    size_t fails = 0;
    for (size_t i = 0; i < RECEIPT_TESTS; i++) {
        fails += report.outcomes[i] == RECEIPT_FAILS;
        ASSERT(report.outcomes[i] == RECEIPT_HOLDS || report.why[i].text[0] != 0);
    }
    ASSERT(!good || fails == 0);
    ASSERT(report.outcomes[RECEIPT_TEST_FORM] == RECEIPT_HOLDS || (!good && fails == 1));
    ASSERT(report.outcomes[RECEIPT_TEST_SIGNED] != RECEIPT_HOLDS || report.size >= 0);
}

/*
 * What anybody may hand over as a receipt. The log's key is that of the tests, so that the corpus
 * holds receipts that verify, and changes of theirs are tried.
 */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct note_key key;
    static bool started;
    if (!started) {
        unsigned char seed[SIGN_SEED_BYTES];
        unsigned char public_key[SIGN_PUBLIC_BYTES];
        struct sign_key *secret = NULL;
        for (unsigned i = 0; i < sizeof(seed); i++) {
            seed[i] = (unsigned char)i;
        }
        ASSERT(crypto_start(NULL) == ERR_OK);
        ASSERT(sign_key_from_seed(seed, &secret, NULL) == ERR_OK);
        sign_public(secret, public_key);
        sign_key_destroy(secret);
        ASSERT(note_key_make(STR("entrepot.example/receipts"), NOTE_ED25519, public_key, &key,
                             NULL) == ERR_OK);
        started = true;
    }
    struct str text = { (const char *)data, size };
    struct receipt_promise promise;
    enum entry_kind kind = ENTRY_RECEIPT;
    char vkey[NOTE_VKEY_MAX];
    struct buf said = { vkey, 0, sizeof(vkey), sizeof(vkey) };
    check_document(text, &key);
    check_canon(text);
    EP_IGNORE(receipt_doc_says_key(text, &said));
    EP_IGNORE(receipt_promise_parse(text, &promise, NULL));
    EP_IGNORE(entry_form(text, &kind, NULL));
    return 0;
}
