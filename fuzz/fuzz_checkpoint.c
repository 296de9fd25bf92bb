/* room: tlog */
#include "tlog/checkpoint.h"

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

/* What is read is printed as it was written; one of another log may have lines behind it. */
static void check_text(struct str text)
{
    struct checkpoint checkpoint;
    struct checkpoint extended;
    struct buf again;
    bool plain = checkpoint_parse(text, &checkpoint, NULL) == ERR_OK;
    if (checkpoint_parse_extended(text, &extended, NULL) != ERR_OK) {
        ASSERT(!plain);
        return;
    }
    ASSERT(extended.size >= 0 && extended.size <= TREE_SIZE_MAX);
    if (!note_name_valid(extended.origin)) {
        return;
    }
    buf_init(&again, NOTE_COSIGNED_MAX);
    ASSERT(checkpoint_print(&extended, &again) == ERR_OK);
    ASSERT(str_starts(text, buf_str(&again)));
    ASSERT(!plain || str_eq(text, buf_str(&again)));
    ASSERT(plain || text.len > again.len || text.len > CHECKPOINT_TEXT_MAX);
    buf_fini(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str bytes = { (const char *)data, size };
    struct note_key key;
    struct checkpoint checkpoint;
    struct note note;
    start();
    ASSERT(note_key_parse(STR(VKEY), &key, NULL) == ERR_OK);
    check_text(bytes);
    if (checkpoint_open(bytes, &key, &checkpoint, &note, NULL) == ERR_OK) {
        ASSERT(str_eq(checkpoint.origin, str_from(key.name)));
        ASSERT(note_check(&note, &key, NULL) == NOTE_SIGNED);
        check_text(note.text);
    }
    return 0;
}
