#include "tlog/publish.h"

#include "base/crash.h"
#include "base/enc.h"
#include "base/mem.h"
#include "tlog/tile_files.h"
#include "tlog/tile_rows.h"

static const struct store_sql sql_published = {
    "SELECT size, root, note FROM published WHERE id = 1"
};
static const struct store_sql sql_published_set = {
    "INSERT INTO published(id, size, root, note, at_ns) VALUES (1, ?1, ?2, ?3, ?4)"
    " ON CONFLICT(id) DO UPDATE SET size = excluded.size, root = excluded.root,"
    " note = excluded.note, at_ns = excluded.at_ns"
};
static const struct store_sql sql_shown = { "SELECT note FROM shown WHERE id = 1" };
static const struct store_sql sql_shown_set = {
    "INSERT INTO shown(id, size, note) VALUES (1, ?1, ?2)"
    " ON CONFLICT(id) DO UPDATE SET size = excluded.size, note = excluded.note"
};
static const struct store_sql sql_cosigned_set = {
    "INSERT INTO cosignature(witness, size, line) VALUES (?1, ?2, ?3)"
    " ON CONFLICT(witness) DO UPDATE SET size = excluded.size, line = excluded.line"
    " WHERE excluded.size >= size"
};
static const struct store_sql sql_cosigned = {
    "SELECT line FROM cosignature WHERE size = ?1 ORDER BY witness"
};
static const struct store_sql sql_witness = { "SELECT size FROM cosignature WHERE witness = ?1" };

#define PUBLISH_REMEDY "put back the newest store, or accept the loss (entrepot restore)"
#define PUBLISH_SWEEP  65536 /* leaves */

/* What was signed last: as the rows have it, or as this publisher knows it. */
struct publish_signed {
    int64_t size; /* 0: nothing yet */
    struct digest root;
    struct buf note;
};

struct publisher {
    struct store *store;
    struct tile_folder *folder;
    struct tile_files files; /* of both */
    struct note_key key;     /* its name is the origin */
    const struct sign_key *secret;
    bool stopped;
    struct publish_signed last;
    int64_t tiled;   /* the files of this size are durable */
    int64_t shown;   /* the size of the file "checkpoint" */
    struct buf text; /* which is this; empty: there is none */
    bool noted;      /* the row "shown" is the same */
    int64_t look;    /* the tile of level 0 that is compared next */
    int64_t mended;  /* files that were made again since the last round */
};

void publish_round_init(struct publish_round *round)
{
    *round = (struct publish_round){ .size = 0 };
    buf_init(&round->note, NOTE_BYTES_MAX);
}

void publish_round_fini(struct publish_round *round)
{
    buf_fini(&round->note);
}

/* ---- rows ----------------------------------------------------------------------------------- */

static void signed_init(struct publish_signed *sign)
{
    *sign = (struct publish_signed){ .size = 0 };
    buf_init(&sign->note, NOTE_BYTES_MAX);
}

static bool signed_same(const struct publish_signed *a, const struct publish_signed *b)
{
    return a->size == b->size && str_eq(buf_str(&a->note), buf_str(&b->note)) &&
           (a->size == 0 || digest_eq(&a->root, &b->root));
}

static enum err signed_on_row(void *context, const struct store_value *row, size_t columns)
{
    struct publish_signed *sign = context;
    ASSERT(columns == 3);
    sign->size = row[0].number;
    if (row[1].bytes.len == DIGEST_BYTES) { /* else it is the root of no tree, as is found soon */
        memcpy(sign->root.bytes, row[1].bytes.ptr, DIGEST_BYTES);
    }
    return buf_append(&sign->note, row[2].bytes);
}

static enum err signed_read(struct store_txn *txn, struct publish_signed *sign, struct fail *fail)
{
    buf_reset(&sign->note);
    return store_query(txn, &sql_published, NULL, 0, signed_on_row, sign, fail);
}

/* Whether the rows lead to a root that somebody may have seen. */
static enum err publish_check_root(struct store_txn *txn, int64_t size, const struct digest *root,
                                   const char *who, struct fail *fail)
{
    struct digest found;
    TRY(tile_rows_root(txn, size, &found, fail));
    return digest_eq(&found, root)
               ? ERR_OK
               : FAIL(fail, ERR_LOG_BEHIND,
                      "%s knows other leaves than the rows have among the first %lld: nothing is"
                      " signed; " PUBLISH_REMEDY,
                      who, (long long)size);
}

static enum err publish_check_size(int64_t known, int64_t size, const char *who, struct fail *fail)
{
    return known <= size ? ERR_OK
                         : FAIL(fail, ERR_LOG_BEHIND,
                                "%s knows of %lld leaves, and the rows have %lld: nothing is"
                                " signed; " PUBLISH_REMEDY,
                                who, (long long)known, (long long)size);
}

/* ---- files ---------------------------------------------------------------------------------- */

/* Step 4. */
static enum err publish_tiles(struct publisher *publisher, struct fail *fail)
{
    int64_t from = publisher->tiled;
    int64_t to = publisher->last.size;
    if (from < to) {
        int64_t written = 0;
        TRY(tile_files_make(&publisher->files, from, to, TILE_FILES_ALL, &written, fail));
        EP_CRASH_POINT("log-tiled");
        publisher->tiled = to;
    }
    return ERR_OK;
}

/* ---- opening -------------------------------------------------------------------------------- */

struct publish_opening {
    struct publisher *publisher;
    struct checkpoint shown;
};

static enum err publish_on_shown(void *context, const struct store_value *row, size_t columns)
{
    struct publisher *publisher = context;
    ASSERT(columns == 1);
    publisher->noted = str_eq(row[0].bytes, buf_str(&publisher->text));
    return ERR_OK;
}

static enum err publish_compare(void *context, struct store_txn *txn, struct fail *fail)
{
    const struct publish_opening *opening = context;
    struct publisher *publisher = opening->publisher;
    const struct publish_signed *last = &publisher->last;
    const char *folder = "the log's folder";
    const char *rows = "what was signed last";
    int64_t size = 0;
    struct digest root;
    TRY(tile_rows_state(txn, &size, &root, fail));
    TRY(signed_read(txn, &publisher->last, fail));
    TRY(store_query(txn, &sql_shown, NULL, 0, publish_on_shown, publisher, fail));
    TRY(publish_check_size(last->size, size, rows, fail));
    TRY(publish_check_size(opening->shown.size, size, folder, fail));
    if (last->size > 0) {
        TRY(publish_check_root(txn, last->size, &last->root, rows, fail));
    }
    return opening->shown.size == 0
               ? ERR_OK
               : publish_check_root(txn, opening->shown.size, &opening->shown.root, folder, fail);
}

static enum err publish_read_shown(struct publisher *publisher, struct checkpoint *ret_shown,
                                   struct fail *fail)
{
    struct note note;
    struct fail why = { .text = "" };
    TRY(tile_folder_checkpoint(publisher->folder, &publisher->text, fail));
    if (publisher->text.len == 0) {
        return ERR_OK;
    }
    enum err err =
        checkpoint_open(buf_str(&publisher->text), &publisher->key, ret_shown, &note, &why);
    return err == ERR_OK ? ERR_OK
                         : FAIL(fail, err,
                                "\"%s/checkpoint\" is not this log's: %s; name another log.folder,"
                                " or remove the file if it is damaged",
                                tile_folder_path(publisher->folder), why.text);
}

/* Partial tiles that a crash has left beside full ones: more than a second adds. */
static void publish_sweep(const struct publisher *publisher)
{
    int64_t size = publisher->shown;
    int64_t from = size > PUBLISH_SWEEP ? size - PUBLISH_SWEEP : 0;
    tile_files_drop_partials(&publisher->files, from, size);
}

static enum err publish_start(struct publisher *publisher, const struct publish_options *options,
                              struct fail *fail)
{
    unsigned char public_key[SIGN_PUBLIC_BYTES];
    struct publish_opening opening = { .publisher = publisher };
    sign_public(options->key, public_key);
    TRY(note_key_make(options->origin, NOTE_ED25519, public_key, &publisher->key, fail));
    TRY(tile_folder_open(options->folder, &publisher->folder, fail));
    TRY(publish_read_shown(publisher, &opening.shown, fail));
    TRY(store_read(publisher->store, publish_compare, &opening, fail));
    publisher->files = (struct tile_files){ publisher->store, publisher->folder, options->bulk };
    TRY(tile_files_make(&publisher->files, 0, opening.shown.size, TILE_FILES_MISSING,
                        &publisher->mended, fail));
    publisher->tiled = opening.shown.size;
    publisher->shown = opening.shown.size;
    publish_sweep(publisher);
    return ERR_OK;
}

enum err publish_open(const struct publish_options *options, struct publisher **ret_publisher,
                      struct fail *fail)
{
    struct publisher *publisher = mem_zalloc(sizeof(*publisher));
    if (publisher == NULL) {
        return FAIL(fail, ERR_NO_MEMORY, "no memory for publishing the log");
    }
    publisher->store = options->store;
    publisher->secret = options->key;
    signed_init(&publisher->last);
    buf_init(&publisher->text, NOTE_BYTES_MAX);
    enum err err = publish_start(publisher, options, fail);
    if (err != ERR_OK) {
        publish_close(publisher);
        return err;
    }
    *ret_publisher = publisher;
    return ERR_OK;
}

void publish_close(struct publisher *publisher)
{
    if (publisher == NULL) {
        return;
    }
    tile_folder_close(publisher->folder);
    buf_fini(&publisher->last.note);
    buf_fini(&publisher->text);
    mem_free(publisher);
}

void publish_stop(struct publisher *publisher)
{
    publisher->stopped = true;
}

/* ---- signing -------------------------------------------------------------------------------- */

struct publish_reading {
    struct publisher *publisher;
    int64_t size; /* of the log, as of its rows */
    struct digest root;
};

static enum err publish_compare_last(struct store_txn *txn, const struct publish_signed *last,
                                     struct fail *fail)
{
    struct publish_signed now;
    signed_init(&now);
    enum err err = signed_read(txn, &now, fail);
    if (err == ERR_OK && !signed_same(&now, last)) {
        err = FAIL(fail, ERR_CONFLICT,
                   "another process has published this log: %lld leaves, and %lld were signed"
                   " here; end one of them",
                   (long long)now.size, (long long)last->size);
    }
    buf_fini(&now.note);
    return err;
}

/* Step 1. The root is computed from the rows of the tiles, and compared with what is noted: what is
 * signed must hold for ever. */
static enum err publish_read(void *context, struct store_txn *txn, struct fail *fail)
{
    struct publish_reading *reading = context;
    const struct publish_signed *last = &reading->publisher->last;
    struct digest root;
    TRY(tile_rows_state(txn, &reading->size, &reading->root, fail));
    TRY(publish_compare_last(txn, last, fail));
    TRY(publish_check_size(last->size, reading->size, "what was signed last", fail));
    if (last->size > 0) {
        TRY(publish_check_root(txn, last->size, &last->root, "what was signed last", fail));
    }
    TRY(tile_rows_root(txn, reading->size, &root, fail));
    return digest_eq(&root, &reading->root)
               ? ERR_OK
               : FAIL(fail, ERR_STORE_DAMAGED,
                      "the log's rows do not give the root that is noted of their %lld leaves:"
                      " somebody has changed them",
                      (long long)reading->size);
}

/* Step 2. */
static enum err publish_make_note(const struct publisher *publisher, struct publish_signed *sign)
{
    char bytes[CHECKPOINT_TEXT_MAX];
    struct buf text = { bytes, 0, sizeof(bytes), sizeof(bytes) };
    const struct checkpoint checkpoint = {
        .origin = str_from(publisher->key.name),
        .size = sign->size,
        .root = sign->root,
    };
    TRY(checkpoint_print(&checkpoint, &text));
    TRY(buf_append(&sign->note, buf_str(&text)));
    TRY(buf_byte(&sign->note, '\n'));
    return note_sign(buf_str(&text), &publisher->key, publisher->secret, 0, &sign->note);
}

struct publish_swap {
    struct store_job job;
    const struct publish_signed *before;
    const struct publish_signed *now;
    int64_t at_ns;
};

/* Step 3. */
static enum err publish_run_swap(struct store_job *job, struct store_txn *txn, struct fail *fail)
{
    const struct publish_swap *swap = EP_CONTAINER(job, struct publish_swap, job);
    const struct store_value values[] = {
        STORE_I(swap->now->size),
        STORE_B(digest_str(&swap->now->root)),
        STORE_B(buf_str(&swap->now->note)),
        STORE_I(swap->at_ns),
    };
    TRY(publish_compare_last(txn, swap->before, fail));
    return store_exec(txn, &sql_published_set, values, EP_ARRAY_LEN(values), fail);
}

static enum err publish_sign_size(struct publisher *publisher, const struct publish_reading *to,
                                  int64_t now_ns, struct fail *fail)
{
    struct publish_signed sign;
    signed_init(&sign);
    sign.size = to->size;
    sign.root = to->root;
    struct publish_swap swap = {
        .job = { .run = publish_run_swap },
        .before = &publisher->last,
        .now = &sign,
        .at_ns = now_ns,
    };
    enum err err = publish_make_note(publisher, &sign);
    if (err != ERR_OK) {
        err = FAIL(fail, err, "the checkpoint could not be signed");
    } else {
        EP_CRASH_POINT("log-signed");
        err = store_run(publisher->store, &swap.job, fail);
    }
    if (err != ERR_OK) {
        buf_fini(&sign.note);
        return err;
    }
    EP_CRASH_POINT("log-swapped");
    buf_fini(&publisher->last.note);
    publisher->last = sign;
    return ERR_OK;
}

/* Whether what was signed last is under this name and key: either may have been changed since. */
static bool publish_is_own(const struct publisher *publisher)
{
    struct note note;
    struct checkpoint checkpoint;
    return publisher->last.size == 0 ||
           checkpoint_open(buf_str(&publisher->last.note), &publisher->key, &checkpoint, &note,
                           NULL) == ERR_OK;
}

static enum err publish_round(struct publisher *publisher, int64_t now_ns, struct fail *fail)
{
    struct publish_reading reading = { .publisher = publisher };
    TRY(store_read(publisher->store, publish_read, &reading, fail));
    if (reading.size > publisher->last.size || !publish_is_own(publisher)) {
        TRY(publish_sign_size(publisher, &reading, now_ns, fail));
    }
    TRY(publish_tiles(publisher, fail));
    return tile_files_look(&publisher->files, publisher->tiled, &publisher->look,
                           &publisher->mended, fail);
}

enum err publish_sign(struct publisher *publisher, int64_t now_ns, struct publish_round *round,
                      struct fail *fail)
{
    if (publisher->stopped) {
        return FAIL(fail, ERR_LOG_BEHIND,
                    "others know more of this log: nothing is signed; " PUBLISH_REMEDY);
    }
    enum err err = publish_round(publisher, now_ns, fail);
    publisher->stopped |= err == ERR_LOG_BEHIND;
    TRY(err);
    buf_reset(&round->note);
    TRY(buf_append(&round->note, buf_str(&publisher->last.note)));
    round->size = publisher->last.size;
    round->fresh = publisher->shown < round->size;
    round->mended = publisher->mended;
    publisher->mended = 0;
    return ERR_OK;
}

/* ---- witnesses ------------------------------------------------------------------------------ */

struct publish_asking {
    int64_t old;
    int64_t size;
    struct tree_path path;
};

static enum err publish_read_path(void *context, struct store_txn *txn, struct fail *fail)
{
    struct publish_asking *asking = context;
    struct tile_rows rows = { txn, fail };
    return tree_consistency(asking->old, asking->size, tile_rows_read, &rows, &asking->path);
}

enum err publish_ask_witness(struct publisher *publisher, const struct publish_round *round,
                             int64_t old, struct buf *out, struct fail *fail)
{
    struct publish_asking asking = { .old = old, .size = round->size };
    ASSERT(old >= 0);
    TRY(publish_check_size(old, round->size, "a witness", fail));
    TRY(store_read(publisher->store, publish_read_path, &asking, fail));
    TRY(buf_printf(out, "old %lld\n", (long long)old));
    for (size_t i = 0; i < asking.path.count; i++) {
        TRY(enc_base64(out, asking.path.hashes[i].bytes, DIGEST_BYTES));
        TRY(buf_byte(out, '\n'));
    }
    TRY(buf_byte(out, '\n'));
    return buf_append(out, buf_str(&round->note));
}

struct publish_witnessed {
    struct store_job job;
    int64_t size;
    struct str witness;
    struct str line;
};

static enum err publish_run_cosigned(struct store_job *job, struct store_txn *txn,
                                     struct fail *fail)
{
    const struct publish_witnessed *witnessed = EP_CONTAINER(job, struct publish_witnessed, job);
    const struct store_value values[] = { STORE_T(witnessed->witness), STORE_I(witnessed->size),
                                          STORE_B(witnessed->line) };
    return store_exec(txn, &sql_cosigned_set, values, EP_ARRAY_LEN(values), fail);
}

enum err publish_cosigned(struct publisher *publisher, const struct publish_round *round,
                          struct str witness, struct str line, struct fail *fail)
{
    struct publish_witnessed witnessed = {
        .job = { .run = publish_run_cosigned },
        .size = round->size,
        .witness = witness,
        .line = line,
    };
    struct note_line parsed;
    struct str rest = line;
    if (!note_next_line(&rest, &parsed) || rest.len > 0) {
        return FAIL(fail, ERR_NOTE_INVALID, "\"" STR_FMT "\" did not send a line of a signature",
                    STR_ARG(witness));
    }
    return store_run(publisher->store, &witnessed.job, fail);
}

static enum err publish_on_number(void *context, const struct store_value *row, size_t columns)
{
    ASSERT(columns == 1);
    *(int64_t *)context = row[0].number;
    return ERR_OK;
}

static enum err publish_read_witness(void *context, struct store_txn *txn, struct fail *fail)
{
    struct publish_witnessed *witnessed = context;
    const struct store_value value = STORE_T(witnessed->witness);
    return store_query(txn, &sql_witness, &value, 1, publish_on_number, &witnessed->size, fail);
}

enum err publish_witness_size(struct publisher *publisher, struct str witness, int64_t *ret_size,
                              struct fail *fail)
{
    struct publish_witnessed witnessed = { .witness = witness };
    TRY(store_read(publisher->store, publish_read_witness, &witnessed, fail));
    *ret_size = witnessed.size;
    return ERR_OK;
}

/* ---- showing -------------------------------------------------------------------------------- */

struct publish_showing {
    struct store_job job;
    const struct publisher *publisher;
    struct buf text;
};

static enum err publish_on_line(void *context, const struct store_value *row, size_t columns)
{
    struct publish_showing *showing = context;
    ASSERT(columns == 1);
    return buf_append(&showing->text, row[0].bytes);
}

/* What is to be shown: what was signed last, and who has cosigned it. */
static enum err publish_compose(void *context, struct store_txn *txn, struct fail *fail)
{
    struct publish_showing *showing = context;
    const struct publish_signed *last = &showing->publisher->last;
    const struct store_value size = STORE_I(last->size);
    TRY(publish_compare_last(txn, last, fail));
    TRY(buf_append(&showing->text, buf_str(&last->note)));
    return store_query(txn, &sql_cosigned, &size, 1, publish_on_line, showing, fail);
}

static enum err publish_run_show(struct store_job *job, struct store_txn *txn, struct fail *fail)
{
    const struct publish_showing *showing = EP_CONTAINER(job, struct publish_showing, job);
    const struct publish_signed *last = &showing->publisher->last;
    const struct store_value values[] = { STORE_I(last->size), STORE_B(buf_str(&showing->text)) };
    TRY(publish_compare_last(txn, last, fail));
    return store_exec(txn, &sql_shown_set, values, EP_ARRAY_LEN(values), fail);
}

/* Whether the file still is what was shown last: it may have been damaged or removed. */
static enum err publish_look(const struct publisher *publisher, bool *ret_holds, struct fail *fail)
{
    struct buf found;
    buf_init(&found, 2 * NOTE_BYTES_MAX);
    enum err err = tile_folder_checkpoint(publisher->folder, &found, fail);
    *ret_holds = err == ERR_OK && str_eq(buf_str(&found), buf_str(&publisher->text));
    buf_fini(&found);
    return err == ERR_LIMIT ? ERR_OK : err; /* too long to be it */
}

/* Step 6: the row, and then the file. */
static enum err publish_show(struct publisher *publisher, struct publish_showing *showing,
                             struct fail *fail)
{
    bool holds = false;
    TRY(store_read(publisher->store, publish_compose, showing, fail));
    TRY(publish_look(publisher, &holds, fail));
    bool noted = publisher->noted && str_eq(buf_str(&showing->text), buf_str(&publisher->text));
    if (noted && holds) {
        return ERR_OK;
    }
    if (!noted) {
        TRY(store_run(publisher->store, &showing->job, fail));
    }
    EP_CRASH_POINT("log-noted");
    TRY(tile_folder_show(publisher->folder, buf_str(&showing->text), fail));
    EP_CRASH_POINT("log-shown");
    tile_files_drop_partials(&publisher->files, publisher->shown, publisher->last.size);
    publisher->mended += !holds;
    publisher->noted = true;
    buf_fini(&publisher->text);
    publisher->text = showing->text;
    buf_init(&showing->text, NOTE_BYTES_MAX);
    publisher->shown = publisher->last.size;
    return ERR_OK;
}

enum err publish_finish(struct publisher *publisher, const struct publish_round *round,
                        struct fail *fail)
{
    struct publish_showing showing = {
        .job = { .run = publish_run_show },
        .publisher = publisher,
    };
    ASSERT(round->size == publisher->last.size);
    if (round->size == 0 || publisher->tiled < round->size) {
        return ERR_OK; /* the folder is new since that round: the next one makes its tiles first */
    }
    buf_init(&showing.text, NOTE_BYTES_MAX);
    enum err err = publish_show(publisher, &showing, fail);
    buf_fini(&showing.text);
    return err;
}
