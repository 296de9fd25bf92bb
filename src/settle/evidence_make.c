#include "settle/evidence_make.h"

#include <string.h>

#include "base/mem.h"
#include "settle/evidence_derive.h"
#include "settle/manifest.h"
#include "tlog/publish.h"
#include "tlog/tile_rows.h"
#include "tlog/tlog_walk.h"
#include "wire/json.h"
#include "wire/jsonw.h"

/* Of a file of receipts: it is unpacked in memory, and a spreadsheet opens it. */
#define MAKE_CHUNK_BYTES  ((size_t)8 << 20)
#define MAKE_SMALL_BYTES  65536
#define MAKE_CLIENT_BYTES 256  /* of an id or a time in a receipt */
#define MAKE_TOLD_EACH    1024 /* receipts: some hundredths of a second */

struct making {
    struct store_txn *txn;
    const struct evidence_order *order;
    struct fail *fail;
    struct pack_writer *writer;
    struct published published;
    struct checkpoint checkpoint; /* of it */
    struct evidence_fold fold;
    struct tree_edge edge; /* of the leaves that were shown or passed over */
    struct evidence_line line;
    struct buf chunk;
    int64_t chunks;
    int64_t uncovered;
    int64_t looked;   /* at receipts, of whomever */
    struct map texts; /* of registries, that are in the pack: by name */
    struct arena names;
};

/* ---- receipts ----------------------------------------------------------------------------- */

static enum err making_end_chunk(struct making *making)
{
    char room[64];
    struct buf name = { room, 0, sizeof(room), sizeof(room) };
    if (making->chunk.len == 0) {
        return ERR_OK;
    }
    EP_IGNORE(buf_printf(&name, EVIDENCE_FOLDER_RECEIPTS "%06lld.jsonl",
                         (long long)++making->chunks)); /* fits */
    TRY(pack_add(making->writer, buf_str(&name), buf_str(&making->chunk), making->fail));
    buf_reset(&making->chunk);
    return ERR_OK;
}

static enum err making_on_gap(void *context, const struct digest *hash)
{
    struct evidence_line *line = context;
    ASSERT(line->before_count < EVIDENCE_GAP_MAX); /* two a level at most */
    line->before[line->before_count++] = *hash;
    return ERR_OK;
}

/* From what was shown up to `until`, into the line and into the edge. */
static enum err making_pass(struct making *making, int64_t until)
{
    struct tile_rows rows = { making->txn, making->fail };
    making->line.before_count = 0;
    TRY(tree_gap_read(making->edge.size, until, tile_rows_read, &rows, making_on_gap,
                      &making->line));
    bool fits =
        evidence_gap_add(&making->edge, until, making->line.before, making->line.before_count);
    ASSERT(fits);
    return ERR_OK;
}

static enum err making_damaged(struct making *making, int64_t leaf, const char *what)
{
    return FAIL(making->fail, ERR_AUDIT_FAILED, "the receipt at leaf %lld is damaged: %s",
                (long long)leaf, what);
}

static enum err making_take(struct making *making, const struct tlog_found *found)
{
    struct evidence_line *line = &making->line;
    struct json_fault fault;
    line->leaf = found->leaf;
    line->entry = found->entry;
    for (size_t i = 0; i < RECEIPT_SECTIONS; i++) {
        struct str salt = found->salts[i];
        struct str section = found->sections[i];
        bool erased = section.len == 0 && salt.len == 0;
        if (!erased && (salt.len != RECEIPT_SALT_BYTES || section.len > RECEIPT_SECTION_MAX ||
                        json_check(section, &fault) != ERR_OK)) {
            return making_damaged(making, found->leaf, "a section cannot be read");
        }
        line->sections[i] = section;
        line->salt_len[i] = salt.len;
        memcpy(line->salts[i], salt.len > 0 ? salt.ptr : "", salt.len);
    }
    return evidence_line_check(line) == NULL
               ? ERR_OK
               : making_damaged(making, found->leaf, "a section is not what the log committed to");
}

static enum err making_add(struct making *making, const struct tlog_found *found)
{
    struct fail why = { .text = "" };
    TRY(making_take(making, found));
    TRY(making_pass(making, found->leaf));
    enum err err = evidence_fold_add(&making->fold, &making->line, &why);
    if (err != ERR_OK) {
        return err == ERR_PACK_INVALID ? making_damaged(making, found->leaf, why.text)
                                       : FAIL(making->fail, err, "%s", why.text);
    }
    struct digest hash = tree_leaf_hash(found->entry);
    tree_edge_add(&making->edge, &hash);
    err = evidence_line_print(&making->line, &making->chunk);
    if (err != ERR_OK) {
        return FAIL(making->fail, err, "no memory for a receipt");
    }
    return making->chunk.len < MAKE_CHUNK_BYTES ? ERR_OK : making_end_chunk(making);
}

/* A short text of a section; what is damaged is none. */
static struct str making_text(struct str section, struct str name, char room[MAKE_CLIENT_BYTES])
{
    struct buf out = { room, 0, MAKE_CLIENT_BYTES, MAKE_CLIENT_BYTES };
    struct str value = json_get(section, name);
    bool fine = value.len > 0 && json_kind(value) == JSON_STRING && json_decode(value, &out);
    return fine ? buf_str(&out) : STR_EMPTY;
}

/* Whose it is and of when; of one whose section was erased nobody knows it any more. */
static bool making_wants(const struct making *making, struct str section)
{
    struct str client = json_trim(section);
    char key[MAKE_CLIENT_BYTES];
    char ended[MAKE_CLIENT_BYTES];
    struct json_fault fault;
    if (client.len == 0 || json_check(client, &fault) != ERR_OK) {
        return false; /* `audit` finds the damaged; it is nobody's here */
    }
    return evidence_head_knows(making->order->head, making_text(client, STR("key"), key)) &&
           evidence_head_covers(making->order->head, making_text(client, STR("ended"), ended));
}

static void making_told(const struct making *making, int64_t leaf)
{
    const struct store_progress *progress = &making->order->progress;
    if (progress->update != NULL) {
        progress->update(progress->context, leaf, making->published.size);
    }
}

static enum err making_on_found(void *context, const struct tlog_found *found)
{
    struct making *making = context;
    if (making->looked++ % MAKE_TOLD_EACH == 0) {
        making_told(making, found->leaf);
    }
    if (!making_wants(making, found->sections[RECEIPT_CLIENT])) {
        return ERR_OK;
    }
    if (found->leaf >= making->published.size) {
        making->uncovered++;
        return ERR_OK;
    }
    return making_add(making, found);
}

static enum err making_rest(struct making *making)
{
    char room[2][24];
    struct buf leaves = { room[0], 0, sizeof(room[0]), sizeof(room[0]) };
    struct buf receipts = { room[1], 0, sizeof(room[1]), sizeof(room[1]) };
    struct buf out;
    TRY(making_pass(making, making->published.size));
    struct digest root = tree_edge_root(&making->edge);
    if (!digest_eq(&root, &making->checkpoint.root)) {
        return FAIL(making->fail, ERR_AUDIT_FAILED,
                    "the rows do not give the root that was signed: see \"entrepot audit\"");
    }
    EP_IGNORE(buf_i64(&leaves, making->published.size));  /* fits */
    EP_IGNORE(buf_i64(&receipts, making->fold.receipts)); /* likewise */
    buf_init(&out, MAKE_SMALL_BYTES);
    enum err err = buf_append(&out, STR("{\"after\":"));
    err = err == ERR_OK ? evidence_gap_print(making->line.before, making->line.before_count, &out)
                        : err;
    err = err == ERR_OK ? buf_printf(&out,
                                     ",\"leaves\":\"" STR_FMT "\",\"receipts\":\"" STR_FMT
                                     "\",\"version\":\"1\"}\n",
                                     STR_ARG(buf_str(&leaves)), STR_ARG(buf_str(&receipts)))
                        : err;
    err = err == ERR_OK
              ? pack_add(making->writer, STR(EVIDENCE_FILE_REST), buf_str(&out), making->fail)
              : err;
    buf_fini(&out);
    return err;
}

static enum err making_receipts(struct making *making)
{
    const struct tlog_walk walk = {
        .from_ns = making->order->from_ns,
        .until_ns = making->order->until_ns,
        .found = making_on_found,
        .context = making,
    };
    TRY(tlog_walk(making->txn, &walk, making->fail));
    TRY(making_end_chunk(making));
    TRY(making_rest(making));
    return evidence_fold_end(&making->fold, making->fail);
}

/* ---- the registry ------------------------------------------------------------------------- */

struct making_version {
    struct making *making;
    struct evidence_version *version;
};

static enum err making_text_file(struct making *making, const struct evidence_file *file)
{
    char room[PACK_NAME_MAX];
    struct buf name = { room, 0, sizeof(room), sizeof(room) };
    struct str kept;
    EP_IGNORE(evidence_text_name(&file->sum, &name)); /* fits */
    if (file->document || map_find(&making->texts, buf_str(&name)) != NULL) {
        return ERR_OK;
    }
    if (!arena_copy(&making->names, buf_str(&name), &kept) ||
        map_add(&making->texts, kept, making) != ERR_OK) {
        return FAIL(making->fail, ERR_NO_MEMORY, "no memory for the registry's texts");
    }
    return pack_add(making->writer, kept, file->text, making->fail);
}

static enum err making_on_files(void *context, const struct evidence_file *files, size_t count)
{
    const struct making_version *at = context;
    struct making *making = at->making;
    char room[PACK_NAME_MAX];
    struct buf name = { room, 0, sizeof(room), sizeof(room) };
    struct buf out;
    for (size_t i = 0; i < count; i++) {
        TRY(making_text_file(making, &files[i]));
    }
    EP_IGNORE(evidence_version_name(at->version->seq, &name)); /* fits */
    buf_init(&out, EVIDENCE_VERSION_BYTES);
    enum err err = evidence_version_print(at->version, files, count, &out);
    err = err == ERR_OK ? pack_add(making->writer, buf_str(&name), buf_str(&out), making->fail)
                        : FAIL(making->fail, err, "registry version %lld is too large for a pack",
                               (long long)at->version->seq);
    buf_fini(&out);
    return err;
}

static enum err making_registry(struct making *making, int64_t *ret_versions)
{
    const struct evidence_order *order = making->order;
    *ret_versions = 0;
    for (size_t i = 0; i < order->law->count; i++) {
        struct making_version at = { making, &order->law->versions[i] };
        if (at.version->wanted) {
            TRY(order->files(order->context, at.version, making_on_files, &at, making->fail));
            ++*ret_versions;
        }
    }
    return ERR_OK;
}

/* Those that were in force during the period, whether a call was judged by them or not. */
static void making_mark(const struct evidence_order *order)
{
    for (size_t i = 0; i < order->law->count; i++) {
        struct evidence_version *version = &order->law->versions[i];
        version->wanted = version->from_ns < order->until_ns && version->until_ns > order->from_ns;
    }
}

/* ---- the other files ---------------------------------------------------------------------- */

static enum err making_put(void *context, struct str name, struct str bytes, struct fail *fail)
{
    struct making *making = context;
    return pack_add(making->writer, name, bytes, fail);
}

static enum err making_derived(struct making *making, struct buf *findings)
{
    const struct evidence_order *order = making->order;
    const struct evidence_basis basis = { order->head, &making->fold, json_trim(buf_str(findings)),
                                          making->checkpoint.root };
    TRY(pack_add(making->writer, STR(EVIDENCE_FILE_FINDINGS), buf_str(findings), making->fail));
    return evidence_derive(&basis, making_put, making, making->fail);
}

static enum err making_findings(struct making *making)
{
    const struct evidence_order *order = making->order;
    struct buf findings;
    buf_init(&findings, PACK_FILE_MAX);
    enum err err =
        order->findings(order->context, making->txn, &making->fold, &findings, making->fail);
    err = err == ERR_OK ? making_derived(making, &findings) : err;
    buf_fini(&findings);
    return err;
}

static enum err making_head(struct making *making)
{
    struct buf out;
    buf_init(&out, EVIDENCE_HEAD_BYTES);
    enum err err = evidence_head_print(making->order->head, &out);
    err = err == ERR_OK
              ? pack_add(making->writer, STR(EVIDENCE_FILE_HEAD), buf_str(&out), making->fail)
              : FAIL(making->fail, err, "the client has too many keys for a pack");
    buf_fini(&out);
    return err;
}

static enum err making_sign(struct making *making, struct str lines, int64_t files)
{
    const struct evidence_head *head = making->order->head;
    const struct manifest_head signing = {
        .origin = head->origin,
        .client = head->client,
        .from = head->from,
        .until = head->until,
        .sum = digest_sha256(lines),
        .files = files,
    };
    struct buf note;
    TRY(pack_add(making->writer, STR(MANIFEST_FILES), lines, making->fail));
    buf_init(&note, NOTE_BYTES_MAX);
    enum err err = manifest_sign(&signing, making->order->key, making->order->secret, &note);
    err = err == ERR_OK ? pack_add(making->writer, STR(MANIFEST_NOTE), buf_str(&note), making->fail)
                        : FAIL(making->fail, err, "could not sign the manifest");
    buf_fini(&note);
    return err;
}

static enum err making_manifest(struct making *making, int64_t *ret_files)
{
    struct pack_file file;
    struct buf lines;
    int64_t files = 0;
    while (pack_added(making->writer, (size_t)files, &file)) {
        files++;
    }
    buf_init(&lines, MANIFEST_BYTES_MAX);
    enum err err = manifest_print(making->writer, &lines);
    err = err == ERR_OK ? making_sign(making, buf_str(&lines), files)
                        : FAIL(making->fail, err, "no memory for the manifest");
    buf_fini(&lines);
    *ret_files = files + 2;
    return err;
}

/* ---- all of it ---------------------------------------------------------------------------- */

static enum err making_begin(struct making *making)
{
    struct evidence_head *head = making->order->head;
    struct note note;
    TRY(published_read(making->txn, &making->published, making->fail));
    if (making->published.size == 0) {
        return FAIL(making->fail, ERR_NOT_FOUND,
                    "the log has no checkpoint yet: a running server publishes one");
    }
    TRY(checkpoint_open(buf_str(&making->published.note), making->order->key, &making->checkpoint,
                        &note, making->fail));
    head->origin = making->checkpoint.origin;
    head->leaves = making->published.size;
    return pack_create(making->order->path, &making->writer, making->fail);
}

static enum err making_all(struct making *making, struct evidence_made *ret_made)
{
    struct evidence_head *head = making->order->head;
    TRY(making_begin(making));
    making_mark(making->order);
    TRY(making_receipts(making));
    head->uncovered = making->uncovered;
    TRY(pack_add(making->writer, STR(EVIDENCE_FILE_CHECKPOINT), buf_str(&making->published.note),
                 making->fail));
    TRY(making_registry(making, &ret_made->versions));
    TRY(making_findings(making));
    TRY(making_head(making));
    TRY(making_manifest(making, &ret_made->files));
    TRY(pack_finish(making->writer, making->fail));
    ret_made->receipts = making->fold.receipts;
    ret_made->erased = making->fold.erased;
    ret_made->uncovered = making->uncovered;
    ret_made->leaves = making->published.size;
    return ERR_OK;
}

enum err evidence_make(struct store_txn *txn, const struct evidence_order *order,
                       struct evidence_made *ret_made, struct fail *fail)
{
    struct making *making = mem_zalloc(sizeof(*making));
    if (making == NULL) {
        return FAIL(fail, ERR_NO_MEMORY, "no memory for a pack");
    }
    making->txn = txn;
    making->order = order;
    making->fail = fail;
    published_init(&making->published);
    evidence_fold_init(&making->fold, order->law);
    buf_init(&making->chunk, MAKE_CHUNK_BYTES + EVIDENCE_LINE_MAX);
    map_init(&making->texts);
    arena_init(&making->names, 4096, (size_t)4 << 20);
    enum err err = making_all(making, ret_made);
    order->head->origin = STR_EMPTY; /* it was the checkpoint's text */
    pack_writer_close(making->writer);
    published_fini(&making->published);
    evidence_fold_fini(&making->fold);
    buf_fini(&making->chunk);
    map_fini(&making->texts);
    arena_fini(&making->names);
    mem_free(making);
    return err;
}
