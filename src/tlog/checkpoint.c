#include "tlog/checkpoint.h"

#include "base/enc.h"

#define CHECKPOINT_LINES 3

enum err checkpoint_print(const struct checkpoint *checkpoint, struct buf *out)
{
    ASSERT(note_name_valid(checkpoint->origin));
    ASSERT(checkpoint->size >= 0 && checkpoint->size <= TREE_SIZE_MAX);
    TRY(buf_append(out, checkpoint->origin));
    TRY(buf_byte(out, '\n'));
    TRY(buf_i64(out, checkpoint->size));
    TRY(buf_byte(out, '\n'));
    TRY(enc_base64(out, checkpoint->root.bytes, DIGEST_BYTES));
    return buf_byte(out, '\n');
}

/* What stands behind the three lines: lines, none of them empty. */
static bool checkpoint_is_extension(struct str rest)
{
    while (rest.len > 0) {
        if (str_cut(&rest, '\n').len == 0) {
            return false;
        }
    }
    return true;
}

/* Takes three lines from the front of *text. */
static enum err checkpoint_read(struct str *text, struct checkpoint *ret_checkpoint,
                                struct fail *fail)
{
    struct str lines[CHECKPOINT_LINES];
    if (text->len == 0 || text->ptr[text->len - 1] != '\n') {
        return FAIL(fail, ERR_NOTE_INVALID, "the checkpoint does not end with a line feed");
    }
    for (size_t i = 0; i < CHECKPOINT_LINES; i++) {
        if (text->len == 0) {
            return FAIL(fail, ERR_NOTE_INVALID,
                        "a checkpoint has three lines: an origin, a size and a root");
        }
        lines[i] = str_cut(text, '\n');
    }
    if (lines[0].len == 0) {
        return FAIL(fail, ERR_NOTE_INVALID, "the checkpoint's first line, its origin, is empty");
    }
    struct checkpoint checkpoint = { .origin = lines[0] };
    if (!tree_size_read(lines[1], &checkpoint.size)) {
        return FAIL(fail, ERR_NOTE_INVALID,
                    "the checkpoint's second line is no size: a decimal number up to 2^62 without"
                    " leading zeroes");
    }
    if (!tree_hash_read(lines[2], &checkpoint.root)) {
        return FAIL(fail, ERR_NOTE_INVALID,
                    "the checkpoint's third line is no root: 32 bytes in base64");
    }
    *ret_checkpoint = checkpoint;
    return ERR_OK;
}

enum err checkpoint_parse(struct str text, struct checkpoint *ret_checkpoint, struct fail *fail)
{
    struct checkpoint checkpoint;
    struct str rest = text;
    TRY(checkpoint_read(&rest, &checkpoint, fail));
    if (rest.len > 0) {
        return FAIL(fail, ERR_NOTE_INVALID,
                    "the checkpoint has lines behind its root, which nobody could audit");
    }
    if (text.len > CHECKPOINT_TEXT_MAX) {
        return FAIL(fail, ERR_NOTE_INVALID,
                    "the checkpoint is longer than any origin, size and root");
    }
    *ret_checkpoint = checkpoint;
    return ERR_OK;
}

enum err checkpoint_parse_extended(struct str text, struct checkpoint *ret_checkpoint,
                                   struct fail *fail)
{
    struct checkpoint checkpoint;
    struct str rest = text;
    TRY(checkpoint_read(&rest, &checkpoint, fail));
    if (!checkpoint_is_extension(rest)) {
        return FAIL(fail, ERR_NOTE_INVALID, "an extension line of the checkpoint is empty");
    }
    if (text.len > NOTE_COSIGNED_MAX) {
        return FAIL(fail, ERR_NOTE_INVALID,
                    "the checkpoint has %zu bytes of text; at most %d are cosigned", text.len,
                    NOTE_COSIGNED_MAX);
    }
    *ret_checkpoint = checkpoint;
    return ERR_OK;
}

enum err checkpoint_open(struct str bytes, const struct note_key *key,
                         struct checkpoint *ret_checkpoint, struct note *ret_note,
                         struct fail *fail)
{
    struct note note;
    struct checkpoint checkpoint;
    TRY(note_parse(bytes, &note, fail));
    TRY(checkpoint_parse(note.text, &checkpoint, fail));
    if (!str_eq(checkpoint.origin, str_from(key->name))) {
        return FAIL(fail, ERR_NOTE_FORGED,
                    "the checkpoint is of the log \"" STR_FMT "\", not of \"%s\"",
                    (int)(checkpoint.origin.len < 80 ? checkpoint.origin.len : 80),
                    checkpoint.origin.ptr, key->name);
    }
    enum note_verdict verdict = note_check(&note, key, NULL);
    if (verdict != NOTE_SIGNED) {
        return FAIL(fail, ERR_NOTE_FORGED, "%s \"%s\" (key %08x)",
                    verdict == NOTE_FORGED ? "the checkpoint's signature does not hold: that of"
                                           : "the checkpoint has no signature of",
                    key->name, key->id);
    }
    *ret_checkpoint = checkpoint;
    *ret_note = note;
    return ERR_OK;
}
