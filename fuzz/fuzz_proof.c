/* room: tlog */
#include "tlog/proof.h"

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

/* What is proved of an entry is not proved of its twin, nor of another place. */
static void check_twins(const struct proof *proof, const struct note_key *key)
{
    struct checkpoint checkpoint;
    struct note note;
    struct str entry = buf_str(&proof->extra);
    if (proof_check(proof, entry, key, &checkpoint, &note, NULL) != ERR_OK) {
        return;
    }
    ASSERT(proof->index < checkpoint.size);
    struct buf twin;
    buf_init(&twin, PROOF_TEXT_MAX + 1);
    ASSERT(buf_append(&twin, entry) == ERR_OK);
    ASSERT(buf_byte(&twin, 'x') == ERR_OK);
    ASSERT(proof_check(proof, buf_str(&twin), key, &checkpoint, &note, NULL) == ERR_PROOF_INVALID);
    buf_fini(&twin);
    struct proof moved = *proof;
    moved.index ^= 1;
    ASSERT(checkpoint.size == 1 ||
           proof_check(&moved, entry, key, &checkpoint, &note, NULL) == ERR_PROOF_INVALID);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = { (const char *)data, size };
    struct note_key key;
    struct proof proof;
    start();
    ASSERT(note_key_parse(STR(VKEY), &key, NULL) == ERR_OK);
    proof_init(&proof);
    if (proof_parse(text, &proof, NULL) == ERR_OK) {
        struct buf again;
        buf_init(&again, PROOF_TEXT_MAX);
        ASSERT(proof_print(buf_str(&proof.extra), proof.index, &proof.path, proof.checkpoint,
                           &again) == ERR_OK);
        ASSERT(str_eq(buf_str(&again), text));
        buf_fini(&again);
        check_twins(&proof, &key);
    }
    proof_fini(&proof);
    return 0;
}
