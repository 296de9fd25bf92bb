#include "app/log_verify.h"

#include <stdio.h>
#include <string.h>

#include "app/log_tiles.h"
#include "base/mem.h"
#include "wire/utf8.h"

#define LOG_CHECKPOINT "checkpoint"

/* Hashes of one level that have not made up a full tile yet, in two ways: from the entries, and
 * from the tiles as they are served. They are the same but where something is wrong. */
struct verify_level {
    unsigned width;
    struct digest entries[TILE_WIDTH];
    struct digest tiles[TILE_WIDTH];
    bool known[TILE_WIDTH];
};

struct verifying {
    const struct log_verify_order *order;
    struct log_verdict *verdict;
    struct fail *fail;
    int64_t size;
    int64_t bundle;  /* the next to ask for */
    unsigned step;   /* 0: its entries; 1 + level: tiles */
    int64_t bundles; /* in all */
    bool leaves_known;
    struct digest leaves[TILE_WIDTH]; /* of the bundle that was read last */
    struct buf spare;                 /* a full file in the place of a partial one */
    struct verify_level levels[TILE_LEVELS];
};

const char *log_fault_name(enum log_fault_kind kind)
{
    static const char *const names[] = {
        [LOG_FAULT_CHECKPOINT] = "checkpoint", [LOG_FAULT_WITNESSES] = "witnesses",
        [LOG_FAULT_MISSING] = "missing",       [LOG_FAULT_DAMAGED] = "damaged",
        [LOG_FAULT_ENTRY] = "entry",           [LOG_FAULT_ROOT] = "root",
    };
    _Static_assert(EP_ARRAY_LEN(names) == LOG_FAULT_KINDS, "each kind has a name");
    ASSERT((unsigned)kind < LOG_FAULT_KINDS);
    return names[kind];
}

static void verify_fault(struct log_verdict *verdict, enum log_fault_kind kind, const char *path,
                         const char *format, ...) EP_PRINTF(4, 5);

static void verify_fault(struct log_verdict *verdict, enum log_fault_kind kind, const char *path,
                         const char *format, ...)
{
    if (verdict->fault_count < LOG_VERIFY_FAULTS_MAX) {
        struct log_fault *fault = &verdict->faults[verdict->fault_count];
        va_list args;
        fault->kind = kind;
        fault->of_entries = false;
        (void)snprintf(fault->path, sizeof(fault->path), "%s", path); /* what fits */
        va_start(args, format);
        (void)vsnprintf(fault->text, sizeof(fault->text), format, args); /* as above */
        va_end(args);
        utf8_mend(fault->text);
    }
    verdict->fault_count++;
}

static void verify_name(const struct tile *tile, char ret_path[FETCH_PATH_MAX])
{
    struct buf path = { ret_path, 0, FETCH_PATH_MAX - 1, FETCH_PATH_MAX - 1 };
    enum err err = tile_print(tile, &path);
    ASSERT(err == ERR_OK); /* fits */
    ret_path[path.len] = '\0';
}

/* ---- which files, in which order --------------------------------------------------------- */

/* The tile of a level above 0 that is known as soon as this bundle's leaves are. */
static bool verify_tile_above(const struct verifying *verifying, int64_t bundle, unsigned level,
                              struct tile *ret_tile)
{
    bool last = bundle + 1 == verifying->bundles;
    bool full = !last || verifying->size % TILE_WIDTH == 0;
    int64_t span = INT64_C(1) << (8 * level); /* bundles below one tile of the level */
    int64_t hashes = verifying->size >> (8 * level);
    *ret_tile = (struct tile){ .level = level };
    if (full && (bundle + 1) % span == 0) {
        ret_tile->index = (bundle + 1) / span - 1;
        ret_tile->width = TILE_WIDTH;
        return true;
    }
    ret_tile->index = hashes / TILE_WIDTH;
    ret_tile->width = (unsigned)(hashes % TILE_WIDTH);
    return last && ret_tile->width > 0;
}

static bool verify_gives_up(const struct log_verdict *verdict)
{
    return verdict->fault_count >= LOG_VERIFY_GIVES_UP;
}

static bool verify_next(void *context, struct fetch_item *ret_item)
{
    struct verifying *verifying = context;
    struct tile tile = { .width = 0 };
    while (tile.width == 0) {
        if (verifying->bundle == verifying->bundles || verify_gives_up(verifying->verdict)) {
            return false;
        }
        unsigned step = verifying->step++;
        tile = (struct tile){ .width = 0 };
        if (step <= 1) {
            tile.entries = step == 0;
            tile.index = verifying->bundle;
            tile.width = tile_width_in(verifying->size, 0, tile.index);
        } else if (step - 1 == TILE_LEVELS) {
            verifying->step = 0;
            verifying->bundle++;
        } else if (!verify_tile_above(verifying, verifying->bundle, step - 1, &tile)) {
            tile.width = 0;
        }
    }
    verify_name(&tile, ret_item->path);
    ret_item->bytes_max = tile.entries ? (size_t)tile.width * (2 + TILE_ENTRY_MAX)
                                       : (size_t)tile.width * DIGEST_BYTES;
    return true;
}

/* ---- what is in them --------------------------------------------------------------------- */

static void verify_note(struct log_verdict *verdict, int64_t leaf, const char *said)
{
    char text[LOG_VERIFY_NOTE_MAX];
    (void)snprintf(text, sizeof(text), "%s", said); /* what fits */
    utf8_mend(text);
    for (size_t i = 0; i < verdict->note_count; i++) {
        if (strcmp(verdict->notes[i].text, text) == 0) {
            verdict->notes[i].count++;
            return;
        }
    }
    if (verdict->note_count == LOG_VERIFY_NOTES_MAX) {
        verdict->note_rest++;
        return;
    }
    struct log_note *note = &verdict->notes[verdict->note_count++];
    memcpy(note->text, text, sizeof(text));
    note->first = leaf;
    note->count = 1;
}

/* A start is every day's; what else the log says of itself is worth knowing. */
static void verify_event(struct log_verdict *verdict, int64_t leaf, struct str event)
{
    char text[LOG_VERIFY_NOTE_MAX];
    if (!str_eq(event, STR("start"))) {
        (void)snprintf(text, sizeof(text), "the log says \"" STR_FMT "\"",
                       STR_ARG(event)); /* what fits */
        verify_note(verdict, leaf, text);
    }
}

static void verify_entry(struct verifying *verifying, const char *path, int64_t leaf,
                         struct str entry)
{
    struct log_verdict *verdict = verifying->verdict;
    enum entry_kind kind = ENTRY_RECEIPT;
    struct fail fail = { .text = "" };
    enum err err = entry_form(entry, &kind, &fail);
    if (err == ERR_OK) {
        verdict->kinds[kind]++;
        if (kind == ENTRY_EVENT) {
            verify_event(verdict, leaf, entry_event(entry));
        }
    } else if (err == ERR_NOT_FOUND) {
        verify_note(verdict, leaf, fail.text);
    } else {
        verify_fault(verdict, LOG_FAULT_ENTRY, path, "leaf %lld: %s", (long long)leaf, fail.text);
    }
}

static void verify_bundle(struct verifying *verifying, const struct tile *tile, const char *path,
                          struct str rest)
{
    struct log_verdict *verdict = verifying->verdict;
    struct str entry;
    unsigned count = 0;
    for (; count < tile->width && tile_entry_next(&rest, &entry); count++) {
        verifying->leaves[count] = tree_leaf_hash(entry);
        verify_entry(verifying, path, tile->index * TILE_WIDTH + count, entry);
    }
    if (count < tile->width) {
        verify_fault(verdict, LOG_FAULT_DAMAGED, path,
                     "it is cut off: %u of %u entries are there, leaf %lld is not", count,
                     tile->width, (long long)(tile->index * TILE_WIDTH + count));
    } else if (rest.len > 0) {
        verify_fault(verdict, LOG_FAULT_DAMAGED, path, "%zu bytes stand behind its %u entries",
                     rest.len, tile->width);
    }
    verifying->leaves_known = count == tile->width;
}

/* ---- how they hang together -------------------------------------------------------------- */

static void verify_push(struct verify_level *level, const struct digest *entries,
                        const struct digest *tiles, bool known)
{
    ASSERT(level->width < TILE_WIDTH);
    level->entries[level->width] = *entries;
    level->tiles[level->width] = *tiles;
    level->known[level->width] = known;
    level->width++;
}

static bool verify_level_known(const struct verify_level *level)
{
    bool known = true;
    for (unsigned i = 0; i < level->width; i++) {
        known &= level->known[i];
    }
    return known;
}

/* A level's tile is full: its root is a hash of the level above. */
static void verify_roll_up(struct verifying *verifying, unsigned at)
{
    struct verify_level *level = &verifying->levels[at];
    ASSERT(level->width == TILE_WIDTH && at + 1 < TILE_LEVELS);
    bool known = verify_level_known(level);
    bool same = memcmp(level->entries, level->tiles, sizeof(level->entries)) == 0;
    struct digest entries = tile_subtree(level->entries, TILE_WIDTH);
    struct digest tiles = same ? entries : tile_subtree(level->tiles, TILE_WIDTH);
    level->width = 0;
    verify_push(&verifying->levels[at + 1], &entries, &tiles, known);
}

/* A tile of leaves and its bundle: both are named, since either can be the one that was changed. */
static void verify_disagree(const struct verifying *verifying, const struct tile *tile,
                            const char *path, unsigned wrong, int64_t first)
{
    struct log_verdict *verdict = verifying->verdict;
    char bundle_path[FETCH_PATH_MAX];
    struct tile bundle = *tile;
    bundle.entries = true;
    verify_name(&bundle, bundle_path);
    verify_fault(verdict, LOG_FAULT_DAMAGED, path,
                 "leaf %lld: the hash in %s is not that of the entry in %s (%u of %u are not)",
                 (long long)first, path, bundle_path, wrong, tile->width);
    if (verdict->fault_count <= LOG_VERIFY_FAULTS_MAX) {
        verdict->faults[verdict->fault_count - 1].of_entries = true;
    }
}

/* `hashes` NULL: the tile cannot be read. */
static void verify_leaf_tile(struct verifying *verifying, const struct tile *tile, const char *path,
                             const struct digest *hashes)
{
    struct verify_level *level = &verifying->levels[0];
    const struct digest none = { { 0 } };
    int64_t first = tile->index * TILE_WIDTH;
    unsigned wrong = 0;
    unsigned first_wrong = 0;
    ASSERT(level->width == 0);
    for (unsigned i = 0; i < tile->width; i++) {
        const struct digest *entry = verifying->leaves_known ? &verifying->leaves[i] : NULL;
        const struct digest *hash = hashes == NULL ? entry : &hashes[i];
        entry = entry == NULL ? hash : entry;
        bool known = entry != NULL;
        if (known && !digest_eq(entry, hash)) {
            first_wrong = wrong == 0 ? i : first_wrong;
            wrong++;
        }
        verify_push(level, known ? entry : &none, known ? hash : &none, known);
    }
    if (wrong > 0) {
        verify_disagree(verifying, tile, path, wrong, first + first_wrong);
    }
}

static void verify_upper_tile(struct verifying *verifying, const struct tile *tile,
                              const char *path, const struct digest *hashes)
{
    struct verify_level *level = &verifying->levels[tile->level];
    unsigned wrong = 0;
    unsigned first_wrong = 0;
    ASSERT(level->width == tile->width);
    for (unsigned i = 0; hashes != NULL && i < tile->width; i++) {
        if (!level->known[i]) { /* what is missing below is told of here */
            level->entries[i] = hashes[i];
            level->tiles[i] = hashes[i];
            level->known[i] = true;
        }
        if (!digest_eq(&level->entries[i], &hashes[i]) &&
            !digest_eq(&level->tiles[i], &hashes[i])) {
            first_wrong = wrong == 0 ? i : first_wrong;
            wrong++;
        }
    }
    if (wrong > 0) {
        char below_path[FETCH_PATH_MAX];
        const struct tile below = { .level = tile->level - 1,
                                    .index = tile->index * TILE_WIDTH + first_wrong,
                                    .width = TILE_WIDTH };
        verify_name(&below, below_path);
        verify_fault(verifying->verdict, LOG_FAULT_DAMAGED, path,
                     "%u of its %u hashes are not of what is below, first that of %s", wrong,
                     tile->width, below_path);
    }
}

static void verify_tile(struct verifying *verifying, const struct tile *tile, const char *path,
                        const struct digest *hashes)
{
    if (tile->level == 0) {
        verify_leaf_tile(verifying, tile, path, hashes);
    } else {
        verify_upper_tile(verifying, tile, path, hashes);
    }
    if (tile->width == TILE_WIDTH) {
        verify_roll_up(verifying, tile->level);
    }
}

/* ---- each file --------------------------------------------------------------------------- */

/* What ends the work: the way to the log, not the log. */
static bool verify_is_over(enum err err)
{
    return err == ERR_NO_MEMORY || (err != ERR_OK && err_info(err)->kind == ERR_KIND_RETRY);
}

static enum err verify_file(struct verifying *verifying, const struct tile *tile, const char *path,
                            struct str body)
{
    struct digest hashes[TILE_WIDTH];
    size_t size = (size_t)tile->width * DIGEST_BYTES;
    if (tile->entries) {
        verify_bundle(verifying, tile, path, body);
    } else if (body.len != size) {
        verify_fault(verifying->verdict, LOG_FAULT_DAMAGED, path, "it has %zu bytes, not %zu",
                     body.len, size);
        verify_tile(verifying, tile, path, NULL);
    } else {
        memcpy(hashes, body.ptr, size);
        verify_tile(verifying, tile, path, hashes);
    }
    return ERR_OK;
}

static enum err verify_got(void *context, const struct fetch_item *item, enum err err,
                           struct str body, const struct fail *why)
{
    struct verifying *verifying = context;
    struct log_verdict *verdict = verifying->verdict;
    struct fail second = *why;
    struct tile tile;
    bool named = tile_parse(str_from(item->path), &tile);
    ASSERT(named); /* verify_next() has printed it */
    if (err == ERR_NOT_FOUND && tile.width < TILE_WIDTH) {
        err = log_tiles_fetch(verifying->order->source, &tile, &verifying->spare, &second);
        body = buf_str(&verifying->spare);
    }
    if (verify_is_over(err)) {
        return FAIL(verifying->fail, err, "%s", second.text);
    }
    verdict->files += err == ERR_OK;
    if (verifying->order->progress != NULL) {
        progress_update(verifying->order->progress, tile.index, verifying->bundles);
    }
    if (err == ERR_OK) {
        return verify_file(verifying, &tile, item->path, body);
    }
    if (err == ERR_NOT_FOUND) {
        verify_fault(verdict, LOG_FAULT_MISSING, item->path, "it is not there");
    } else {
        verify_fault(verdict, LOG_FAULT_DAMAGED, item->path, "%s", second.text);
    }
    if (tile.entries) {
        verifying->leaves_known = false;
    } else {
        verify_tile(verifying, &tile, item->path, NULL);
    }
    return ERR_OK;
}

/* ---- the root ---------------------------------------------------------------------------- */

/* From what is left on each level, smallest subtrees first; false: something is unknown. */
static bool verify_root(const struct verifying *verifying, bool of_tiles, struct digest *ret_root)
{
    bool begun = false;
    struct digest root = { { 0 } };
    for (size_t i = 0; i < TILE_LEVELS; i++) {
        const struct verify_level *level = &verifying->levels[i];
        const struct digest *hashes = of_tiles ? level->tiles : level->entries;
        if (!verify_level_known(level)) {
            return false;
        }
        for (unsigned left = level->width; left > 0; left &= left - 1) {
            unsigned count = left & ~(left - 1);
            struct digest subtree = tile_subtree(&hashes[left - count], count);
            root = begun ? tree_node_hash(&subtree, &root) : subtree;
            begun = true;
        }
    }
    *ret_root = begun ? root : digest_sha256(STR_EMPTY);
    return true;
}

/* The tiles give the root that is signed: it is the entries that are wrong. */
static void verify_blame_entries(struct log_verdict *verdict)
{
    for (size_t i = 0; i < verdict->fault_count && i < LOG_VERIFY_FAULTS_MAX; i++) {
        struct log_fault *fault = &verdict->faults[i];
        struct tile tile;
        if (fault->of_entries && tile_parse(str_from(fault->path), &tile)) {
            tile.entries = true;
            verify_name(&tile, fault->path);
        }
    }
}

static void verify_compare_root(const struct verifying *verifying)
{
    struct log_verdict *verdict = verifying->verdict;
    struct digest root;
    verdict->root_known = !verify_gives_up(verdict) && verify_root(verifying, false, &root);
    if (!verdict->root_known) {
        verify_fault(verdict, LOG_FAULT_ROOT, LOG_CHECKPOINT,
                     "the root cannot be made again: too much is missing");
        return;
    }
    if (digest_eq(&root, &verdict->root)) {
        return;
    }
    bool known = verify_root(verifying, true, &root);
    if (known && digest_eq(&root, &verdict->root)) {
        verify_blame_entries(verdict);
        verify_fault(verdict, LOG_FAULT_ROOT, LOG_CHECKPOINT,
                     "the entries do not give the root that is signed, but the tiles do: the "
                     "entries were changed afterwards");
        return;
    }
    verify_fault(verdict, LOG_FAULT_ROOT, LOG_CHECKPOINT,
                 "what is there does not give the root that is signed: the log was changed");
}

/* ---- the checkpoint ---------------------------------------------------------------------- */

static void verify_witnesses(const struct verifying *verifying, const struct note *note)
{
    const struct quorum *quorum = verifying->order->quorum;
    struct log_verdict *verdict = verifying->verdict;
    bool signed_by[QUORUM_WITNESSES_MAX] = { false };
    struct fail fail = { .text = "" };
    if (quorum == NULL) {
        return;
    }
    if (quorum_check(quorum, note, signed_by, &fail) != ERR_OK) {
        verify_fault(verdict, LOG_FAULT_WITNESSES, LOG_CHECKPOINT, "%s", fail.text);
        return;
    }
    size_t all = quorum_witnesses(quorum);
    for (size_t i = 0; i < all; i++) {
        verdict->witnesses += signed_by[i];
    }
    if (!quorum_reached(quorum, signed_by)) {
        verify_fault(verdict, LOG_FAULT_WITNESSES, LOG_CHECKPOINT,
                     "%zu of the policy's %zu witnesses have cosigned: too few for its quorum",
                     verdict->witnesses, all);
    }
}

static enum err verify_checkpoint(struct verifying *verifying, struct buf *bytes)
{
    struct log_verdict *verdict = verifying->verdict;
    struct checkpoint checkpoint;
    struct note note;
    struct fail fail = { .text = "" };
    enum err err = log_source_read(verifying->order->source, LOG_CHECKPOINT, bytes, &fail);
    if (err == ERR_NOT_FOUND || err == ERR_LIMIT) {
        verify_fault(verdict, err == ERR_LIMIT ? LOG_FAULT_CHECKPOINT : LOG_FAULT_MISSING,
                     LOG_CHECKPOINT, "%s",
                     err == ERR_LIMIT ? fail.text : "it is not there: this is no log, or not yet");
        return err;
    }
    if (err != ERR_OK) {
        return FAIL(verifying->fail, err, "%s", fail.text);
    }
    err = checkpoint_open(buf_str(bytes), verifying->order->key, &checkpoint, &note, &fail);
    if (err != ERR_OK) {
        verify_fault(verdict, LOG_FAULT_CHECKPOINT, LOG_CHECKPOINT, "%s", fail.text);
        return ERR_NOT_FOUND;
    }
    verdict->size = checkpoint.size;
    verdict->root = checkpoint.root;
    verify_witnesses(verifying, &note);
    return ERR_OK;
}

/* ---- files that are no part of it -------------------------------------------------------- */

static enum err verify_on_file(void *context, struct str path)
{
    struct verifying *verifying = context;
    struct log_verdict *verdict = verifying->verdict;
    struct tile tile;
    bool ours = str_eq(path, STR(LOG_CHECKPOINT)) || str_eq(path, STR("lock")) ||
                str_eq(path, STR("new"));   /* the publisher's own */
    if (!ours && tile_parse(path, &tile)) { /* partial tiles of earlier sizes may stay */
        ours = tile.level < TILE_LEVELS &&
               tile.width <= tile_width_in(verifying->size, tile.level, tile.index);
    }
    if (!ours) {
        if (verdict->extra == 0) {
            (void)snprintf(verdict->extra_first, sizeof(verdict->extra_first), STR_FMT,
                           STR_ARG(path)); /* what fits */
        }
        verdict->extra++;
    }
    return ERR_OK;
}

/* ---- the whole --------------------------------------------------------------------------- */

static enum err verify_all(struct verifying *verifying)
{
    const struct fetch_walk walk = { verify_next, verify_got, verifying };
    struct buf bytes;
    buf_init(&bytes, NOTE_BYTES_MAX);
    enum err err = verify_checkpoint(verifying, &bytes);
    buf_fini(&bytes);
    if (err == ERR_NOT_FOUND || err == ERR_LIMIT) {
        return ERR_OK; /* the verdict says so, and there is nothing to compare with */
    }
    TRY(err);
    verifying->size = verifying->verdict->size;
    verifying->bundles = verifying->size / TILE_WIDTH + (verifying->size % TILE_WIDTH > 0);
    TRY(log_source_walk(verifying->order->source, &walk, verifying->fail));
    verify_compare_root(verifying);
    return log_source_files(verifying->order->source, verify_on_file, verifying, verifying->fail);
}

enum err log_verify(const struct log_verify_order *order, struct log_verdict *ret_verdict,
                    struct fail *fail)
{
    struct verifying *verifying = mem_zalloc(sizeof(*verifying));
    if (verifying == NULL) {
        return FAIL(fail, ERR_NO_MEMORY, "no memory to verify a log");
    }
    memset(ret_verdict, 0, sizeof(*ret_verdict));
    verifying->order = order;
    verifying->verdict = ret_verdict;
    verifying->fail = fail;
    buf_init(&verifying->spare, TILE_BUNDLE_MAX);
    enum err err = verify_all(verifying);
    buf_fini(&verifying->spare);
    mem_free(verifying);
    return err;
}
