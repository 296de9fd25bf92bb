#include "tlog/proof.h"

#include "base/enc.h"

#define PROOF_FIRST "c2sp.org/tlog-proof@v1"

void proof_init(struct proof *proof)
{
    *proof = (struct proof){ .index = 0 };
    buf_init(&proof->extra, PROOF_TEXT_MAX);
}

void proof_fini(struct proof *proof)
{
    buf_fini(&proof->extra);
}

enum err proof_print(struct str extra, int64_t index, const struct tree_path *path,
                     struct str checkpoint, struct buf *out)
{
    ASSERT(index >= 0 && index < TREE_SIZE_MAX);
    ASSERT(path->count <= TREE_PATH_MAX);
    TRY(buf_append(out, STR(PROOF_FIRST "\n")));
    if (extra.len > 0) {
        TRY(buf_append(out, STR("extra ")));
        TRY(enc_base64(out, extra.ptr, extra.len));
        TRY(buf_byte(out, '\n'));
    }
    TRY(buf_append(out, STR("index ")));
    TRY(buf_i64(out, index));
    TRY(buf_byte(out, '\n'));
    for (size_t i = 0; i < path->count; i++) {
        TRY(enc_base64(out, path->hashes[i].bytes, DIGEST_BYTES));
        TRY(buf_byte(out, '\n'));
    }
    TRY(buf_byte(out, '\n'));
    return buf_append(out, checkpoint);
}

/* A text, and the line that is read next, from 1. */
struct proof_text {
    struct str rest;
    size_t line;
};

/* Takes the next line without its line feed; false where none ends. */
static bool proof_line(struct proof_text *text, struct str *ret_line)
{
    if (str_find(text->rest, '\n') == text->rest.len) {
        return false;
    }
    *ret_line = str_cut(&text->rest, '\n');
    text->line++;
    return true;
}

static enum err proof_cut(const struct proof_text *text, struct fail *fail)
{
    return FAIL(fail, ERR_PROOF_INVALID, "the proof ends in line %zu: it is cut", text->line);
}

static enum err proof_parse_extra(struct proof_text *text, struct buf *extra, struct fail *fail)
{
    struct str line;
    if (!str_starts(text->rest, STR("extra "))) {
        return ERR_OK;
    }
    if (!proof_line(text, &line)) {
        return proof_cut(text, fail);
    }
    struct str base64 = str_from_at(line, sizeof("extra ") - 1);
    TRY(buf_reserve(extra, base64.len)); /* so that a failure of the reading is the text's */
    if (base64.len == 0 || !enc_base64_read(extra, base64)) {
        return FAIL(fail, ERR_PROOF_INVALID, "the extra data in line 2 of the proof is no base64");
    }
    return ERR_OK;
}

static enum err proof_parse_path(struct proof_text *text, struct tree_path *path, struct fail *fail)
{
    struct str line;
    for (;;) {
        if (!proof_line(text, &line)) {
            return proof_cut(text, fail);
        }
        if (line.len == 0) {
            return ERR_OK;
        }
        if (path->count == TREE_PATH_MAX) {
            return FAIL(fail, ERR_PROOF_INVALID, "the proof has more than %d hashes",
                        TREE_PATH_MAX);
        }
        if (!tree_hash_read(line, &path->hashes[path->count])) {
            return FAIL(fail, ERR_PROOF_INVALID,
                        "line %zu of the proof is no hash: 32 bytes in base64", text->line - 1);
        }
        path->count++;
    }
}

enum err proof_parse(struct str bytes, struct proof *ret_proof, struct fail *fail)
{
    struct proof_text text = { .rest = bytes, .line = 1 };
    struct str line;
    buf_reset(&ret_proof->extra);
    ret_proof->path.count = 0;
    if (bytes.len > PROOF_TEXT_MAX) {
        return FAIL(fail, ERR_PROOF_INVALID, "the proof has %zu bytes; at most %d are read",
                    bytes.len, PROOF_TEXT_MAX);
    }
    if (!proof_line(&text, &line) || !str_eq(line, STR(PROOF_FIRST))) {
        return FAIL(fail, ERR_PROOF_INVALID, "the first line of the proof is not \"%s\"",
                    PROOF_FIRST);
    }
    TRY(proof_parse_extra(&text, &ret_proof->extra, fail));
    if (!proof_line(&text, &line)) {
        return proof_cut(&text, fail);
    }
    if (!str_starts(line, STR("index ")) ||
        !tree_size_read(str_from_at(line, sizeof("index ") - 1), &ret_proof->index)) {
        return FAIL(fail, ERR_PROOF_INVALID,
                    "line %zu of the proof is not \"index N\", decimal, up to 2^62 and without"
                    " leading zeroes",
                    text.line - 1);
    }
    TRY(proof_parse_path(&text, &ret_proof->path, fail));
    if (text.rest.len == 0) {
        return proof_cut(&text, fail);
    }
    ret_proof->checkpoint = text.rest;
    return ERR_OK;
}

enum err proof_check(const struct proof *proof, struct str entry, const struct note_key *key,
                     struct checkpoint *ret_checkpoint, struct note *ret_note, struct fail *fail)
{
    struct checkpoint checkpoint;
    struct note note;
    TRY(checkpoint_open(proof->checkpoint, key, &checkpoint, &note, fail));
    if (proof->index >= checkpoint.size) {
        return FAIL(fail, ERR_PROOF_INVALID,
                    "the proof is of leaf %lld, and its checkpoint covers %lld leaves",
                    (long long)proof->index, (long long)checkpoint.size);
    }
    struct digest leaf = tree_leaf_hash(entry);
    if (!tree_check_inclusion(proof->index, checkpoint.size, &leaf, &proof->path,
                              &checkpoint.root)) {
        return FAIL(fail, ERR_PROOF_INVALID,
                    "the proof does not lead from the entry, as leaf %lld, to the root of the"
                    " checkpoint of %lld leaves",
                    (long long)proof->index, (long long)checkpoint.size);
    }
    *ret_checkpoint = checkpoint;
    *ret_note = note;
    return ERR_OK;
}
