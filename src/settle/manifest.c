#include "settle/manifest.h"

#include <stdlib.h>

#include "base/enc.h"
#include "base/mem.h"

/* ---- the lines ---------------------------------------------------------------------------- */

static int manifest_order(const void *left, const void *right)
{
    return str_cmp(((const struct pack_file *)left)->name, ((const struct pack_file *)right)->name);
}

static enum err manifest_put(const struct pack_file *file, struct buf *out)
{
    TRY(enc_hex(out, file->sum.bytes, DIGEST_BYTES));
    TRY(buf_append(out, STR("  ")));
    TRY(buf_append(out, file->name));
    return buf_byte(out, '\n');
}

enum err manifest_print(const struct pack_writer *writer, struct buf *out)
{
    struct pack_file file;
    size_t count = 0;
    while (pack_added(writer, count, &file)) {
        count++;
    }
    struct pack_file *files = mem_alloc((count + 1) * sizeof(*files));
    if (files == NULL) {
        return ERR_NO_MEMORY;
    }
    for (size_t i = 0; i < count; i++) {
        EP_IGNORE(pack_added(writer, i, &files[i])); /* it was there a moment ago */
    }
    qsort(files, count, sizeof(*files), manifest_order);
    enum err err = ERR_OK;
    for (size_t i = 0; err == ERR_OK && i < count; i++) {
        err = manifest_put(&files[i], out);
    }
    mem_free(files);
    return err;
}

static bool manifest_lower(struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] >= 'A' && text.ptr[i] <= 'Z') {
            return false;
        }
    }
    return true;
}

enum err manifest_next(struct str *rest, struct str last, struct manifest_line *ret_line,
                       struct fail *fail)
{
    struct str before = *rest;
    struct str line = str_cut(rest, '\n');
    bool fine = line.len < before.len && line.len > 2 * DIGEST_BYTES + 2;
    struct str sum = str_slice(line, 0, fine ? 2 * DIGEST_BYTES : 0);
    *ret_line = (struct manifest_line){ .name = STR_EMPTY };
    fine = fine && manifest_lower(sum) && enc_hex_read(sum, ret_line->sum.bytes, DIGEST_BYTES) &&
           str_starts(str_from_at(line, sum.len), STR("  "));
    if (fine) {
        ret_line->name = str_from_at(line, sum.len + 2);
        fine = pack_name_valid(ret_line->name) && str_cmp(last, ret_line->name) < 0;
    }
    return fine ? ERR_OK
                : FAIL(fail, ERR_PACK_INVALID,
                       "\"" MANIFEST_FILES "\" is no list of sums and names in their order, behind "
                       "\"" STR_FMT "\"",
                       STR_ARG(last));
}

/* ---- the note ----------------------------------------------------------------------------- */

static enum err manifest_put_text(const struct manifest_head *head, struct buf *out)
{
    TRY(buf_printf(out, MANIFEST_FIRST "\n" STR_FMT "\n" STR_FMT "\n" STR_FMT "\n" STR_FMT "\n",
                   STR_ARG(head->origin), STR_ARG(head->client), STR_ARG(head->from),
                   STR_ARG(head->until)));
    TRY(enc_hex(out, head->sum.bytes, DIGEST_BYTES));
    return buf_printf(out, "\n%lld\n", (long long)head->files);
}

enum err manifest_sign(const struct manifest_head *head, const struct note_key *key,
                       const struct sign_key *secret, struct buf *out)
{
    struct buf text;
    buf_init(&text, NOTE_BYTES_MAX);
    enum err err = manifest_put_text(head, &text);
    err = err == ERR_OK ? buf_append(out, buf_str(&text)) : err;
    err = err == ERR_OK ? buf_byte(out, '\n') : err;
    err = err == ERR_OK ? note_sign(buf_str(&text), key, secret, 0, out) : err;
    buf_fini(&text);
    return err;
}

enum err manifest_open(struct str note, const struct note_key *key, struct manifest_head *ret_head,
                       struct fail *fail)
{
    struct note parsed;
    TRY(note_parse(note, &parsed, fail));
    if (note_check(&parsed, key, NULL) != NOTE_SIGNED) {
        return FAIL(fail, ERR_NOTE_FORGED,
                    "\"" MANIFEST_NOTE "\" has no signature of \"%s\" that holds", key->name);
    }
    struct str rest = parsed.text;
    struct str first = str_cut(&rest, '\n');
    *ret_head = (struct manifest_head){ .origin = str_cut(&rest, '\n') };
    ret_head->client = str_cut(&rest, '\n');
    ret_head->from = str_cut(&rest, '\n');
    ret_head->until = str_cut(&rest, '\n');
    struct str sum = str_cut(&rest, '\n');
    struct str files = str_cut(&rest, '\n');
    bool fine = str_eq(first, STR(MANIFEST_FIRST)) && rest.len == 0 &&
                enc_hex_read(sum, ret_head->sum.bytes, DIGEST_BYTES) &&
                str_to_i64(files, &ret_head->files);
    return fine ? ERR_OK
                : FAIL(fail, ERR_NOTE_INVALID,
                       "\"" MANIFEST_NOTE "\" is signed, but is the note of no pack");
}
