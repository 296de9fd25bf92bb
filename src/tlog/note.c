#include "tlog/note.h"

#include "base/enc.h"
#include "wire/utf8.h"

#define NOTE_DASH       "\xE2\x80\x94 " /* U+2014 and a space: how a signature's line begins */
#define NOTE_ID_BYTES   4
#define NOTE_TIME_BYTES 8 /* of a cosignature, before the signature itself */
#define NOTE_BLOB_MAX   (NOTE_ID_BYTES + NOTE_SIGNATURE_MAX)
#define NOTE_BLOB_ROOM  (NOTE_BLOB_MAX + 3) /* base64 comes in steps of three bytes */

/* One row an algorithm. What is not checked has no length of its signature. */
static const struct note_kind {
    enum note_algorithm algorithm;
    size_t public_bytes;
    size_t signature_bytes;
} note_kinds[] = {
    { NOTE_ED25519, SIGN_PUBLIC_BYTES, SIGN_BYTES },
    { NOTE_COSIGNATURE, SIGN_PUBLIC_BYTES, NOTE_TIME_BYTES + SIGN_BYTES },
    { NOTE_ML_DSA_44, NOTE_PUBLIC_MAX, 0 },
};

static const struct note_kind *note_kind(unsigned algorithm)
{
    for (size_t i = 0; i < EP_ARRAY_LEN(note_kinds); i++) {
        if ((unsigned)note_kinds[i].algorithm == algorithm) {
            return &note_kinds[i];
        }
    }
    return NULL;
}

static bool note_kind_is_ed25519(const struct note_kind *kind)
{
    return kind != NULL && kind->public_bytes == SIGN_PUBLIC_BYTES;
}

/* ---- keys -------------------------------------------------------------------------------- */

/* The white space of Unicode (property White_Space), as UTF-8, without what is a control. */
static bool note_has_space(struct str name)
{
    static const struct str spaces[] = {
        STR_INIT(" "),
        STR_INIT("\xC2\x85"),
        STR_INIT("\xC2\xA0"),
        STR_INIT("\xE1\x9A\x80"),
        STR_INIT("\xE2\x80\xA8"),
        STR_INIT("\xE2\x80\xA9"),
        STR_INIT("\xE2\x80\xAF"),
        STR_INIT("\xE2\x81\x9F"),
        STR_INIT("\xE3\x80\x80"),
    };
    for (size_t i = 0; i < EP_ARRAY_LEN(spaces); i++) {
        if (str_search(name, spaces[i]) < name.len) {
            return true;
        }
    }
    /* U+2000 .. U+200A */
    static const char first[] = "\xE2\x80";
    for (size_t i = 0; i + 2 < name.len; i++) {
        if (memcmp(name.ptr + i, first, 2) == 0 && (unsigned char)name.ptr[i + 2] <= 0x8A) {
            return true;
        }
    }
    return false;
}

static bool note_has_control(struct str text, char allowed)
{
    for (size_t i = 0; i < text.len; i++) {
        if ((unsigned char)text.ptr[i] < 0x20 && (allowed == 0 || text.ptr[i] != allowed)) {
            return true;
        }
    }
    return false;
}

bool note_name_valid(struct str name)
{
    return name.len > 0 && name.len <= NOTE_NAME_MAX && utf8_valid(name) == name.len &&
           !note_has_control(name, 0) && str_find(name, '+') == name.len && !note_has_space(name);
}

/* Also fills what the id is made of. */
static enum err note_key_fill(struct str name, const struct note_kind *kind,
                              const unsigned char *public_key, struct note_key *ret_key,
                              struct fail *fail)
{
    if (!note_name_valid(name)) {
        return FAIL(fail, ERR_NOTE_INVALID,
                    "\"" STR_FMT "\" is no name of a key: 1 to %d bytes of UTF-8 without white"
                    " space, control characters and \"+\"",
                    (int)(name.len < 80 ? name.len : 80), name.len > 0 ? name.ptr : "",
                    NOTE_NAME_MAX);
    }
    if (note_kind_is_ed25519(kind) && sign_public_is_weak(public_key)) {
        return FAIL(fail, ERR_NOTE_INVALID,
                    "the key of \"" STR_FMT "\" is one under which anybody can sign",
                    STR_ARG(name));
    }
    const unsigned char separated[] = { '\n', (unsigned char)kind->algorithm };
    const struct str parts[] = { name,
                                 { (const char *)separated, sizeof(separated) },
                                 { (const char *)public_key, kind->public_bytes } };
    struct digest digest = digest_sha256_parts(parts, EP_ARRAY_LEN(parts));
    *ret_key = (struct note_key){ .algorithm = kind->algorithm };
    memcpy(ret_key->name, name.ptr, name.len);
    memcpy(ret_key->public_key, public_key, kind->public_bytes);
    for (size_t i = 0; i < NOTE_ID_BYTES; i++) {
        ret_key->id = ret_key->id << 8 | digest.bytes[i];
    }
    return ERR_OK;
}

enum err note_key_make(struct str name, enum note_algorithm algorithm,
                       const unsigned char public_key[SIGN_PUBLIC_BYTES], struct note_key *ret_key,
                       struct fail *fail)
{
    const struct note_kind *kind = note_kind(algorithm);
    ASSERT(note_kind_is_ed25519(kind));
    return note_key_fill(name, kind, public_key, ret_key, fail);
}

/* The last part: an algorithm's byte and the public key. */
static enum err note_key_decode(struct str text, struct buf *blob,
                                const struct note_kind **ret_kind, struct fail *fail)
{
    if (!enc_base64_read(blob, text) || blob->len == 0) {
        return FAIL(fail, ERR_NOTE_INVALID, "the key behind the second \"+\" is not in base64");
    }
    unsigned char algorithm = (unsigned char)blob->ptr[0];
    const struct note_kind *kind = note_kind(algorithm);
    if (kind == NULL) {
        return FAIL(fail, ERR_NOTE_INVALID,
                    "algorithm 0x%02x of the key is not known; Ed25519 is 0x01, a witness's"
                    " cosignature 0x04, ML-DSA-44 0x06",
                    algorithm);
    }
    if (blob->len != 1 + kind->public_bytes) {
        return FAIL(fail, ERR_NOTE_INVALID,
                    "the key has %zu bytes behind algorithm 0x%02x, not %zu", blob->len - 1,
                    algorithm, kind->public_bytes);
    }
    *ret_kind = kind;
    return ERR_OK;
}

enum err note_key_parse(struct str vkey, struct note_key *ret_key, struct fail *fail)
{
    struct str rest = vkey;
    struct str name = str_cut(&rest, '+');
    struct str id = str_cut(&rest, '+');
    if (rest.len == 0) {
        return FAIL(fail, ERR_NOTE_INVALID,
                    "a key is written NAME+ID+KEY, with eight hexadecimal digits and base64");
    }
    char bytes[NOTE_PUBLIC_MAX + 8]; /* base64 comes in steps of three bytes */
    struct buf blob = { bytes, 0, sizeof(bytes), sizeof(bytes) };
    const struct note_kind *kind = NULL;
    TRY(note_key_decode(rest, &blob, &kind, fail));
    struct note_key key;
    TRY(note_key_fill(name, kind, (const unsigned char *)bytes + 1, &key, fail));
    char digits[2 * NOTE_ID_BYTES + 1];
    struct buf want = { digits, 0, sizeof(digits), sizeof(digits) };
    EP_IGNORE(buf_printf(&want, "%08x", key.id)); /* fits */
    if (!str_eq(id, buf_str(&want))) {
        return FAIL(fail, ERR_NOTE_INVALID,
                    "the id of the key of \"" STR_FMT "\" is %08x, not \"" STR_FMT "\"",
                    STR_ARG(name), key.id, (int)(id.len < 80 ? id.len : 80),
                    id.len > 0 ? id.ptr : "");
    }
    *ret_key = key;
    return ERR_OK;
}

enum err note_key_print(const struct note_key *key, struct buf *out)
{
    const struct note_kind *kind = note_kind(key->algorithm);
    ASSERT(kind != NULL);
    unsigned char blob[1 + NOTE_PUBLIC_MAX] = { (unsigned char)kind->algorithm };
    memcpy(blob + 1, key->public_key, kind->public_bytes);
    TRY(buf_printf(out, "%s+%08x+", key->name, key->id));
    return enc_base64(out, blob, 1 + kind->public_bytes);
}

bool note_key_same(const struct note_key *a, const struct note_key *b)
{
    const struct note_kind *kind = note_kind(a->algorithm);
    const struct note_kind *other = note_kind(b->algorithm);
    ASSERT(kind != NULL && other != NULL);
    return kind->public_bytes == other->public_bytes &&
           memcmp(a->public_key, b->public_key, kind->public_bytes) == 0;
}

/* ---- reading ----------------------------------------------------------------------------- */

/* A line without its line feed; the decoded signature, with the id, into `blob`. */
static bool note_line_read(struct str line, struct str *ret_name, struct buf *blob)
{
    if (!str_starts(line, STR(NOTE_DASH))) {
        return false;
    }
    struct str rest = str_from_at(line, sizeof(NOTE_DASH) - 1);
    struct str name = str_cut(&rest, ' ');
    if (!note_name_valid(name) || !enc_base64_read(blob, rest) || blob->len <= NOTE_ID_BYTES ||
        blob->len > NOTE_BLOB_MAX) {
        return false;
    }
    *ret_name = name;
    return true;
}

/* The next line and its decoded signature; see note_next_line(). */
static bool note_next(struct str *rest, struct note_line *ret_line, struct buf *blob)
{
    size_t end = str_find(*rest, '\n');
    buf_reset(blob);
    if (end == rest->len || !note_line_read(str_slice(*rest, 0, end), &ret_line->name, blob)) {
        return false;
    }
    ret_line->id = 0;
    for (size_t i = 0; i < NOTE_ID_BYTES; i++) {
        ret_line->id = ret_line->id << 8 | (unsigned char)blob->ptr[i];
    }
    ret_line->line = str_slice(*rest, 0, end + 1);
    *rest = str_from_at(*rest, end + 1);
    return true;
}

bool note_next_line(struct str *rest, struct note_line *ret_line)
{
    char bytes[NOTE_BLOB_ROOM];
    struct buf blob = { bytes, 0, sizeof(bytes), sizeof(bytes) };
    return note_next(rest, ret_line, &blob);
}

/* Where the last empty line of a note is: the offset of the line feed in front of it. */
static bool note_last_blank(struct str bytes, size_t *ret_at)
{
    for (size_t i = bytes.len; i-- > 1;) {
        if (bytes.ptr[i] == '\n' && bytes.ptr[i - 1] == '\n') {
            *ret_at = i - 1;
            return true;
        }
    }
    return false;
}

static enum err note_check_bytes(struct str bytes, struct fail *fail)
{
    if (bytes.len > NOTE_BYTES_MAX) {
        return FAIL(fail, ERR_NOTE_INVALID, "the note has %zu bytes; at most %d are read",
                    bytes.len, NOTE_BYTES_MAX);
    }
    if (utf8_valid(bytes) < bytes.len) {
        return FAIL(fail, ERR_NOTE_INVALID, "the note is not UTF-8 from byte %zu on",
                    utf8_valid(bytes));
    }
    if (note_has_control(bytes, '\n')) {
        return FAIL(fail, ERR_NOTE_INVALID, "the note has a control character");
    }
    if (bytes.len == 0 || bytes.ptr[bytes.len - 1] != '\n') {
        return FAIL(fail, ERR_NOTE_INVALID, "the note does not end with a line feed: is it cut?");
    }
    return ERR_OK;
}

enum err note_parse(struct str bytes, struct note *ret_note, struct fail *fail)
{
    TRY(note_check_bytes(bytes, fail));
    size_t blank = 0;
    if (!note_last_blank(bytes, &blank)) {
        return FAIL(fail, ERR_NOTE_INVALID,
                    "the note has no empty line between its text and its signatures");
    }
    const struct note note = { .text = str_slice(bytes, 0, blank + 1),
                               .signatures = str_from_at(bytes, blank + 2) };
    struct str rest = note.signatures;
    struct note_line line;
    size_t count = 0;
    while (count <= NOTE_SIGNATURES_MAX && note_next_line(&rest, &line)) {
        count++;
    }
    if (count > NOTE_SIGNATURES_MAX) {
        return FAIL(fail, ERR_NOTE_INVALID, "the note has more than %d signatures",
                    NOTE_SIGNATURES_MAX);
    }
    if (rest.len > 0) {
        return FAIL(fail, ERR_NOTE_INVALID,
                    "signature %zu of the note is not written \"\xE2\x80\x94 NAME BASE64\"",
                    count + 1);
    }
    if (count == 0) {
        return FAIL(fail, ERR_NOTE_INVALID, "the note has no signature");
    }
    *ret_note = note;
    return ERR_OK;
}

/* ---- checking and making ----------------------------------------------------------------- */

/* What a cosignature is over. `out` has room for any text up to NOTE_COSIGNED_MAX. */
#define NOTE_COSIGNED_ROOM (NOTE_COSIGNED_MAX + 64)

static void note_cosigned(struct str text, uint64_t time_s, struct buf *out)
{
    ASSERT(text.len <= NOTE_COSIGNED_MAX);
    EP_IGNORE(buf_append(out, STR("cosignature/v1\ntime "))); /* all fit */
    EP_IGNORE(buf_u64(out, time_s));
    EP_IGNORE(buf_byte(out, '\n'));
    EP_IGNORE(buf_append(out, text));
}

static bool note_check_cosignature(struct str text, const struct note_key *key,
                                   const unsigned char *signature, int64_t *ret_time)
{
    uint64_t time_s = 0;
    for (size_t i = 0; i < NOTE_TIME_BYTES; i++) {
        time_s = time_s << 8 | signature[i];
    }
    if (time_s > INT64_MAX || text.len > NOTE_COSIGNED_MAX) {
        return false;
    }
    char bytes[NOTE_COSIGNED_ROOM];
    struct buf cosigned = { bytes, 0, sizeof(bytes), sizeof(bytes) };
    note_cosigned(text, time_s, &cosigned);
    *ret_time = (int64_t)time_s;
    return sign_check(key->public_key, buf_str(&cosigned), signature + NOTE_TIME_BYTES);
}

/* `blob`: the id, and the signature of `key` that is to hold. */
static bool note_check_line(struct str text, const struct note_key *key, const struct buf *blob,
                            int64_t *ret_time)
{
    const struct note_kind *kind = note_kind(key->algorithm);
    const unsigned char *signature = (const unsigned char *)blob->ptr + NOTE_ID_BYTES;
    if (blob->len != NOTE_ID_BYTES + kind->signature_bytes) {
        return false;
    }
    return key->algorithm == NOTE_COSIGNATURE
               ? note_check_cosignature(text, key, signature, ret_time)
               : sign_check(key->public_key, text, signature);
}

enum note_verdict note_check(const struct note *note, const struct note_key *key, int64_t *ret_time)
{
    if (!note_kind_is_ed25519(note_kind(key->algorithm))) {
        return NOTE_UNSIGNED;
    }
    char bytes[NOTE_BLOB_ROOM];
    struct buf blob = { bytes, 0, sizeof(bytes), sizeof(bytes) };
    enum note_verdict verdict = NOTE_UNSIGNED;
    struct str rest = note->signatures;
    struct note_line line;
    int64_t time_s = 0;
    while (note_next(&rest, &line, &blob)) {
        if (line.id != key->id || !str_eq(line.name, str_from(key->name))) {
            continue;
        }
        if (!note_check_line(note->text, key, &blob, &time_s)) {
            return NOTE_FORGED;
        }
        verdict = NOTE_SIGNED;
    }
    if (verdict == NOTE_SIGNED && ret_time != NULL) {
        *ret_time = time_s;
    }
    return verdict;
}

/* The id, a cosignature's time, the signature: as they stand in a line. */
struct note_blob {
    unsigned char bytes[NOTE_ID_BYTES + NOTE_TIME_BYTES + SIGN_BYTES];
    size_t len;
};

static void note_blob_put(struct note_blob *blob, uint64_t value, size_t bytes)
{
    ASSERT(blob->len + bytes <= sizeof(blob->bytes));
    for (size_t i = bytes; i-- > 0;) {
        blob->bytes[blob->len++] = (unsigned char)(value >> (8 * i));
    }
}

enum err note_sign(struct str text, const struct note_key *key, const struct sign_key *secret,
                   int64_t time_s, struct buf *out)
{
    ASSERT(note_kind_is_ed25519(note_kind(key->algorithm)));
    ASSERT(text.len > 0 && text.ptr[text.len - 1] == '\n');
    unsigned char public_key[SIGN_PUBLIC_BYTES];
    sign_public(secret, public_key);
    ASSERT(memcmp(public_key, key->public_key, sizeof(public_key)) == 0);

    struct note_blob blob = { .len = 0 };
    char bytes[NOTE_COSIGNED_ROOM];
    struct buf cosigned = { bytes, 0, sizeof(bytes), sizeof(bytes) };
    note_blob_put(&blob, key->id, NOTE_ID_BYTES);
    if (key->algorithm == NOTE_COSIGNATURE) {
        ASSERT(time_s >= 0);
        if (text.len > NOTE_COSIGNED_MAX) {
            return ERR_LIMIT;
        }
        note_blob_put(&blob, (uint64_t)time_s, NOTE_TIME_BYTES);
        note_cosigned(text, (uint64_t)time_s, &cosigned);
        text = buf_str(&cosigned);
    }
    TRY(sign_make(secret, text, blob.bytes + blob.len));
    blob.len += SIGN_BYTES;
    TRY(buf_printf(out, NOTE_DASH "%s ", key->name));
    TRY(enc_base64(out, blob.bytes, blob.len));
    return buf_byte(out, '\n');
}
