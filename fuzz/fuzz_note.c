/* room: tlog */
#include "tlog/note.h"

static const char log_vkey[] =
    "entrepot.example/receipts+5e4e5d4b+AQOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4";
static const char witness_vkey[] =
    "witness.example/w1+20324abe+BCmsuuFBvMrwsi4alNNNC8c2HlJtC/4SyJeUvJMilm3X";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void start(void)
{
    static bool started;
    if (!started) {
        ASSERT(crypto_start(NULL) == ERR_OK);
        started = true;
    }
}

/* A key that is read is printed as it was written, and has a name that a key may have. */
static void check_vkey(struct str text)
{
    struct note_key key;
    struct buf again;
    if (note_key_parse(text, &key, NULL) != ERR_OK) {
        return;
    }
    ASSERT(note_name_valid(str_from(key.name)));
    ASSERT(note_key_same(&key, &key));
    buf_init(&again, NOTE_VKEY_MAX);
    ASSERT(note_key_print(&key, &again) == ERR_OK);
    ASSERT(str_eq(buf_str(&again), text));
    buf_fini(&again);
}

/* What a key has signed, it has not signed with another bit in it. */
static void check_signature(const struct note *note, const char *vkey)
{
    struct note_key key;
    int64_t time_s = -1;
    ASSERT(note_key_parse(str_from(vkey), &key, NULL) == ERR_OK);
    if (note_check(note, &key, &time_s) != NOTE_SIGNED) {
        ASSERT(time_s == -1);
        return;
    }
    ASSERT(key.algorithm == NOTE_COSIGNATURE || time_s == 0);
    struct buf text;
    buf_init(&text, NOTE_BYTES_MAX);
    ASSERT(buf_append(&text, note->text) == ERR_OK);
    text.ptr[text.len / 2] ^= 1;
    const struct note twin = { buf_str(&text), note->signatures };
    ASSERT(note_check(&twin, &key, NULL) == NOTE_FORGED);
    buf_fini(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str bytes = { (const char *)data, size };
    struct note note;
    start();
    check_vkey(bytes);
    if (note_parse(bytes, &note, NULL) != ERR_OK) {
        return 0;
    }
    ASSERT(note.text.len + 1 + note.signatures.len == size);
    struct str rest = note.signatures;
    struct note_line line;
    size_t count = 0;
    size_t len = 0;
    while (note_next_line(&rest, &line)) {
        ASSERT(note_name_valid(line.name));
        len += line.line.len;
        count++;
    }
    ASSERT(rest.len == 0 && len == note.signatures.len);
    ASSERT(count > 0 && count <= NOTE_SIGNATURES_MAX);
    check_signature(&note, log_vkey);
    check_signature(&note, witness_vkey);
    return 0;
}
