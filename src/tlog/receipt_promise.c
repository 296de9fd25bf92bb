#include "tlog/receipt_promise.h"

#include "base/enc.h"

#define RECEIPT_PROMISE_MAX 1024 /* an origin of NOTE_NAME_MAX and 150 bytes */

static enum err promise_print(const struct receipt_promise *promise, struct buf *out)
{
    TRY(buf_append(out, STR(RECEIPT_PROMISE_FIRST "\n")));
    TRY(buf_append(out, promise->origin));
    TRY(buf_printf(out, "\n%lld\n", (long long)promise->leaf));
    TRY(enc_base64(out, promise->leaf_hash.bytes, DIGEST_BYTES));
    return buf_printf(out, "\n%lld\n", (long long)promise->by_s);
}

enum err receipt_promise_sign(const struct receipt_promise *promise, const struct note_key *key,
                              const struct sign_key *secret, struct buf *out)
{
    ASSERT(promise->leaf >= 0 && promise->leaf < TREE_SIZE_MAX && promise->by_s >= 0);
    ASSERT(str_eq(promise->origin, str_from(key->name)));
    char bytes[RECEIPT_PROMISE_MAX];
    struct buf text = { bytes, 0, sizeof(bytes), sizeof(bytes) };
    TRY(promise_print(promise, &text));
    TRY(buf_append(out, buf_str(&text)));
    TRY(buf_byte(out, '\n'));
    return note_sign(buf_str(&text), key, secret, 0, out);
}

enum err receipt_promise_parse(struct str text, struct receipt_promise *ret_promise,
                               struct fail *fail)
{
    struct receipt_promise promise;
    struct str rest = text;
    if (!str_ends(text, STR("\n")) || !str_eq(str_cut(&rest, '\n'), STR(RECEIPT_PROMISE_FIRST))) {
        return FAIL(fail, ERR_NOTE_INVALID, "its first line is not \"" RECEIPT_PROMISE_FIRST "\"");
    }
    promise.origin = str_cut(&rest, '\n');
    if (!note_name_valid(promise.origin)) {
        return FAIL(fail, ERR_NOTE_INVALID, "its second line is no log's origin");
    }
    if (!tree_size_read(str_cut(&rest, '\n'), &promise.leaf) || promise.leaf == TREE_SIZE_MAX) {
        return FAIL(fail, ERR_NOTE_INVALID, "its third line is no leaf's index");
    }
    if (!tree_hash_read(str_cut(&rest, '\n'), &promise.leaf_hash)) {
        return FAIL(fail, ERR_NOTE_INVALID, "its fourth line is no hash");
    }
    if (!tree_size_read(str_cut(&rest, '\n'), &promise.by_s)) {
        return FAIL(fail, ERR_NOTE_INVALID, "its fifth line is no time");
    }
    if (rest.len > 0) {
        return FAIL(fail, ERR_NOTE_INVALID, "it has more than five lines");
    }
    *ret_promise = promise;
    return ERR_OK;
}

enum err receipt_promise_open(struct str bytes, const struct note_key *key,
                              struct receipt_promise *ret_promise, struct fail *fail)
{
    struct receipt_promise promise;
    struct note note;
    TRY(note_parse(bytes, &note, fail));
    TRY(receipt_promise_parse(note.text, &promise, fail));
    if (!str_eq(promise.origin, str_from(key->name))) {
        return FAIL(fail, ERR_NOTE_FORGED, "it is of the log \"" STR_FMT "\", the key of \"%s\"",
                    STR_ARG(promise.origin), key->name);
    }
    switch (note_check(&note, key, NULL)) {
    case NOTE_SIGNED:
        *ret_promise = promise;
        return ERR_OK;
    case NOTE_UNSIGNED:
        return FAIL(fail, ERR_NOTE_FORGED, "it has no signature of the key of \"%s\"", key->name);
    case NOTE_FORGED:
        break;
    }
    return FAIL(fail, ERR_NOTE_FORGED, "the signature of \"%s\" on it does not hold", key->name);
}
