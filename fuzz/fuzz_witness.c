/* room: tlog */
#include "base/enc.h"
#include "tlog/witness.h"

#define VKEY "entrepot.example/receipts+5e4e5d4b+AQOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void start(void)
{
    static bool started;
    if (!started) {
        ASSERT(crypto_start(NULL) == ERR_OK);
        started = true;
    }
}

/* A list's logs have origins that a checkpoint could have. */
static void check_list(struct str text)
{
    struct witness_logs *logs = NULL;
    if (witness_logs_parse(text, &logs, NULL) != ERR_OK) {
        return;
    }
    ASSERT(witness_logs_count(logs) > 0 && witness_logs_count(logs) <= WITNESS_LOGS_MAX);
    for (size_t i = 0; i < witness_logs_count(logs); i++) {
        struct str origin = witness_logs_origin(logs, i);
        ASSERT(origin.len > 0 && str_find(origin, '\n') == origin.len);
    }
    witness_logs_destroy(logs);
}

/* What was opened is the body, part by part. */
static void check_request(const struct witness_request *request, struct str body)
{
    struct buf again;
    buf_init(&again, WITNESS_REQUEST_MAX);
    ASSERT(buf_printf(&again, "old %lld\n", (long long)request->old) == ERR_OK);
    for (size_t i = 0; i < request->proof.count; i++) {
        ASSERT(enc_base64(&again, request->proof.hashes[i].bytes, DIGEST_BYTES) == ERR_OK);
        ASSERT(buf_byte(&again, '\n') == ERR_OK);
    }
    ASSERT(buf_byte(&again, '\n') == ERR_OK);
    ASSERT(buf_append(&again, request->note.text) == ERR_OK);
    ASSERT(buf_byte(&again, '\n') == ERR_OK);
    ASSERT(buf_append(&again, request->note.signatures) == ERR_OK);
    ASSERT(str_eq(buf_str(&again), body));
    buf_fini(&again);
}

/* Whatever is remembered, it never becomes less; what is cosigned is what monitors can check. */
static void check_judgement(const struct witness_logs *logs, const struct witness_request *request,
                            const struct witness_known *before)
{
    static const unsigned char seed[SIGN_SEED_BYTES] = { 1 };
    struct witness_known known = *before;
    struct sign_key *secret = NULL;
    struct note_key key;
    unsigned char public_key[SIGN_PUBLIC_BYTES];
    if (witness_judge(request, &known, NULL) != WITNESS_COSIGNS) {
        ASSERT(known.size == before->size && digest_eq(&known.root, &before->root));
        return;
    }
    ASSERT(known.size >= before->size && request->old == before->size);
    ASSERT(sign_key_from_seed(seed, &secret, NULL) == ERR_OK);
    sign_public(secret, public_key);
    ASSERT(note_key_make(STR("w"), NOTE_COSIGNATURE, public_key, &key, NULL) == ERR_OK);
    struct buf line;
    struct buf bytes;
    struct note note;
    int64_t time_s = 0;
    buf_init(&line, 1024);
    buf_init(&bytes, NOTE_BYTES_MAX + 1024);
    ASSERT(witness_cosign(request, &key, secret, 7, &line) == ERR_OK);
    ASSERT(witness_note(logs, request, buf_str(&line), &bytes) == ERR_OK);
    if (note_parse(buf_str(&bytes), &note, NULL) == ERR_OK) { /* it may be at the limits */
        ASSERT(note_check(&note, &key, &time_s) == NOTE_SIGNED && time_s == 7);
    }
    buf_fini(&line);
    buf_fini(&bytes);
    sign_key_destroy(secret);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str body = { (const char *)data, size };
    struct witness_logs *logs = NULL;
    struct witness_request request;
    start();
    ASSERT(witness_logs_parse(STR(VKEY "\n"), &logs, NULL) == ERR_OK);
    check_list(body);
    if (witness_open(logs, body, &request, NULL) == WITNESS_COSIGNS) {
        const struct witness_known none = witness_known_none();
        const struct witness_known same = { request.old,
                                            request.old > 0 ? request.checkpoint.root : none.root };
        const struct witness_known before = { request.old,
                                              request.proof.count > 0 && request.old > 0
                                                  ? request.proof.hashes[0]
                                                  : none.root };
        check_request(&request, body);
        check_judgement(logs, &request, &none);
        check_judgement(logs, &request, &same);
        check_judgement(logs, &request, &before);
    }
    witness_logs_destroy(logs);
    return 0;
}
