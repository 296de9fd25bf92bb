#include "app/log_follow.h"

#include <stdio.h>
#include <time.h>

#include "app/file_text.h"
#include "app/log_follow_internal.h"
#include "base/mem.h"
#include "wire/utf8.h"

#define FOLLOW_CHECKPOINT_NAME "checkpoint"

const char *follow_kind_name(enum follow_kind kind)
{
    static const char *const names[] = {
        [FOLLOW_BEGUN] = "begun",
        [FOLLOW_SAME] = "same",
        [FOLLOW_GREW] = "grew",
        [FOLLOW_NOTE] = "note",
        [FOLLOW_CHECKPOINT] = "checkpoint",
        [FOLLOW_WITNESSES] = "witnesses",
        [FOLLOW_OLDER] = "older",
        [FOLLOW_FORKED] = "forked",
        [FOLLOW_DAMAGED] = "damaged",
        [FOLLOW_SPLIT] = "split",
        [FOLLOW_RECEIPT] = "receipt",
        [FOLLOW_BROKEN] = "broken",
    };
    _Static_assert(EP_ARRAY_LEN(names) == FOLLOW_KINDS, "each kind has a name");
    ASSERT((unsigned)kind < FOLLOW_KINDS);
    return names[kind];
}

void follow_tell(struct follow_round *round, enum follow_kind kind, const char *format, ...)
{
    char text[FAIL_TEXT_MAX + FETCH_URL_MAX];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof(text), format, args); /* what fits */
    va_end(args);
    utf8_mend(text);
    round->faults += follow_is_fault(kind);
    round->order->tell(round->order->context, kind, str_from(text));
}

enum err follow_unread(struct follow_round *round, enum err err, const struct fail *why,
                       struct fail *fail)
{
    if (err == ERR_NO_MEMORY || err_info(err)->kind == ERR_KIND_RETRY) {
        return FAIL(fail, err, "%s", why->text);
    }
    follow_tell(round, FOLLOW_DAMAGED, "%s", why->text);
    return ERR_OK;
}

/* ---- what was seen ----------------------------------------------------------------------- */

void follow_seen_init(struct follow_seen *seen)
{
    seen->known = false;
    seen->size = 0;
    buf_init(&seen->note, NOTE_BYTES_MAX);
}

void follow_seen_fini(struct follow_seen *seen)
{
    buf_fini(&seen->note);
}

enum err follow_seen_read(const char *path, const struct note_key *key, struct follow_seen *seen,
                          struct fail *fail)
{
    struct checkpoint checkpoint;
    struct note note;
    struct fail why = { .text = "" };
    buf_reset(&seen->note);
    enum err err = file_text_read(path, &seen->note, fail);
    if (err == ERR_NOT_FOUND) {
        return ERR_OK;
    }
    TRY(err);
    err = checkpoint_open(buf_str(&seen->note), key, &checkpoint, &note, &why);
    if (err != ERR_OK) {
        return FAIL(fail, err, "\"%s\" holds no checkpoint of this log: %s", path, why.text);
    }
    seen->known = true;
    seen->size = checkpoint.size;
    seen->root = checkpoint.root;
    return ERR_OK;
}

/* ---- the checkpoint that is shown -------------------------------------------------------- */

void follow_round_init(struct follow_round *round, const struct follow_order *order)
{
    *round = (struct follow_round){ .order = order };
    buf_init(&round->evidence, NOTE_BYTES_MAX);
    buf_init(&round->note, NOTE_BYTES_MAX);
}

void follow_round_fini(struct follow_round *round)
{
    buf_fini(&round->evidence);
    buf_fini(&round->note);
}

static void follow_quorum(struct follow_round *round, const struct note *note)
{
    const struct quorum *quorum = round->order->quorum;
    bool signed_by[QUORUM_WITNESSES_MAX] = { false };
    struct fail fail = { .text = "" };
    size_t count = 0;
    if (quorum == NULL) {
        return;
    }
    if (quorum_check(quorum, note, signed_by, &fail) != ERR_OK) {
        follow_tell(round, FOLLOW_WITNESSES, "%s", fail.text);
        return;
    }
    size_t all = quorum_witnesses(quorum);
    for (size_t i = 0; i < all; i++) {
        count += signed_by[i];
    }
    if (!quorum_reached(quorum, signed_by)) {
        follow_tell(round, FOLLOW_WITNESSES,
                    "%zu of the policy's %zu witnesses have cosigned the checkpoint of %lld "
                    "entries: too few for its quorum",
                    count, all, (long long)round->size);
    }
}

/* *ret_shown: it is under the log's signature; otherwise that is told. */
static enum err follow_look(struct follow_round *round, struct note *ret_note, bool *ret_shown,
                            struct fail *fail)
{
    struct checkpoint checkpoint;
    struct fail why = { .text = "" };
    *ret_shown = false;
    buf_reset(&round->note);
    enum err err =
        log_source_read(round->order->source, FOLLOW_CHECKPOINT_NAME, &round->note, &why);
    if (err != ERR_OK && err != ERR_NOT_FOUND && err != ERR_LIMIT) {
        return FAIL(fail, err, "%s", why.text);
    }
    if (err == ERR_OK) {
        err =
            checkpoint_open(buf_str(&round->note), round->order->key, &checkpoint, ret_note, &why);
    }
    if (err != ERR_OK) {
        follow_tell(round, FOLLOW_CHECKPOINT, "the log shows no checkpoint of its own: %s",
                    why.text);
        return ERR_OK;
    }
    round->size = checkpoint.size;
    round->root = checkpoint.root;
    *ret_shown = true;
    return ERR_OK;
}

/* A witness is shown a checkpoint before others are: that one is waited for. */
static enum err follow_look_for(struct follow_round *round, int64_t size, bool *ret_shown,
                                struct fail *fail)
{
    static const struct timespec second = { .tv_sec = 1 };
    struct note note = { STR_EMPTY, STR_EMPTY };
    TRY(follow_look(round, &note, ret_shown, fail));
    for (int i = 0; i < FOLLOW_WITNESS_WAIT_S && *ret_shown && round->size < size; i++) {
        (void)nanosleep(&second, NULL); /* cut short, it looks sooner */
        TRY(follow_look(round, &note, ret_shown, fail));
    }
    if (*ret_shown) {
        follow_quorum(round, &note);
    }
    return ERR_OK;
}

/* ---- whether it continues what was seen -------------------------------------------------- */

enum err follow_continues_in(struct log_tiles *tiles, const struct follow_tree *old,
                             const struct digest *root, bool *ret_continues)
{
    struct tree_path path = { .count = 0 };
    ASSERT(old->size <= tiles->size);
    enum err err = tree_consistency(old->size, tiles->size, log_tiles_read, tiles, &path);
    *ret_continues =
        err == ERR_OK && tree_check_consistency(old->size, &old->root, tiles->size, root, &path);
    return err;
}

enum err follow_continues(const struct follow_round *round, const struct follow_tree *old,
                          const struct follow_tree *tree, bool *ret_continues, struct fail *fail)
{
    struct log_tiles *tiles = mem_alloc(sizeof(*tiles));
    if (tiles == NULL) {
        return FAIL(fail, ERR_NO_MEMORY, "no memory for tiles");
    }
    log_tiles_init(tiles, round->order->source, tree->size, fail);
    enum err err = follow_continues_in(tiles, old, &tree->root, ret_continues);
    log_tiles_fini(tiles);
    mem_free(tiles);
    return err;
}

static struct follow_tree follow_shown_tree(const struct follow_round *round)
{
    return (struct follow_tree){ round->size, round->root };
}

static struct follow_tree follow_seen_tree(const struct follow_seen *seen)
{
    return (struct follow_tree){ seen->size, seen->root };
}

/* The log has signed what is shown and what was seen: both are evidence. */
static void follow_contradicts(struct follow_round *round, enum follow_kind kind, int64_t seen,
                               const char *what)
{
    round->contradicted = true;
    follow_tell(round, kind, "the checkpoint of %lld entries %s the one of %lld that was seen",
                (long long)round->size, what, (long long)seen);
}

static enum err follow_back(struct follow_round *round, const struct follow_seen *seen,
                            struct fail *fail)
{
    struct fail why = { .text = "" };
    bool continues = false;
    const struct follow_tree shown = follow_shown_tree(round);
    const struct follow_tree before = follow_seen_tree(seen);
    enum err err = follow_continues(round, &shown, &before, &continues, &why);
    if (err != ERR_OK && err_info(err)->kind == ERR_KIND_RETRY) {
        return FAIL(fail, err, "%s", why.text);
    }
    if (err != ERR_OK) { /* the tiles went back, too */
        follow_contradicts(round, FOLLOW_OLDER, seen->size, "goes back behind");
    } else if (continues) {
        follow_contradicts(round, FOLLOW_OLDER, seen->size, "is consistent with, and older than,");
    } else {
        follow_contradicts(round, FOLLOW_FORKED, seen->size, "contradicts");
    }
    return ERR_OK;
}

static enum err follow_on(struct follow_round *round, const struct follow_seen *seen,
                          struct fail *fail)
{
    struct fail why = { .text = "" };
    bool continues = false;
    const struct follow_tree shown = follow_shown_tree(round);
    const struct follow_tree before = follow_seen_tree(seen);
    enum err err = follow_continues(round, &before, &shown, &continues, &why);
    if (err != ERR_OK) {
        return follow_unread(round, err, &why, fail);
    }
    if (!continues) {
        follow_contradicts(round, FOLLOW_FORKED, seen->size, "does not continue");
        return ERR_OK;
    }
    return follow_entries(round, seen, fail);
}

static enum err follow_compare(struct follow_round *round, const struct follow_seen *seen,
                               struct fail *fail)
{
    if (!seen->known) {
        follow_tell(round, FOLLOW_BEGUN,
                    "the checkpoint of %lld entries is the first that is seen; \"entrepot log "
                    "verify\" reads what is before it",
                    (long long)round->size);
        return ERR_OK;
    }
    if (round->size < seen->size) {
        return follow_back(round, seen, fail);
    }
    if (round->size > seen->size) {
        return follow_on(round, seen, fail);
    }
    if (digest_eq(&round->root, &seen->root)) {
        follow_tell(round, FOLLOW_SAME, "the log has %lld entries, as before",
                    (long long)round->size);
    } else {
        follow_contradicts(round, FOLLOW_FORKED, seen->size, "has another root than");
    }
    return ERR_OK;
}

/* ---- a round ----------------------------------------------------------------------------- */

static enum err follow_look_and_compare(struct follow_round *round, struct follow_seen *seen,
                                        struct follow_witnesses *witnesses, struct fail *fail)
{
    bool shown = false;
    follow_witnesses_ask(round, witnesses);
    TRY(follow_look_for(round, follow_witnesses_size(witnesses), &shown, fail));
    if (!shown) {
        return ERR_OK;
    }
    size_t before = round->faults;
    TRY(follow_compare(round, seen, fail));
    bool good = round->faults == before; /* too few witnesses do not undo what was seen */
    TRY(follow_witnesses_compare(round, witnesses, fail));
    if (good && round->order->receipts != NULL) {
        TRY(follow_receipts(round, fail));
    }
    if (!good || round->contradicted) {
        return ERR_OK;
    }
    buf_reset(&seen->note);
    if (buf_append(&seen->note, buf_str(&round->note)) != ERR_OK) {
        return FAIL(fail, ERR_NO_MEMORY, "no memory for a checkpoint");
    }
    seen->known = true;
    seen->size = round->size;
    seen->root = round->root;
    return ERR_OK;
}

enum err follow_round_run(struct follow_round *round, struct follow_seen *seen, int64_t now_s,
                          struct fail *fail)
{
    struct follow_witnesses witnesses;
    round->now_s = now_s;
    round->faults = 0;
    round->contradicted = false;
    buf_reset(&round->evidence);
    follow_witnesses_init(&witnesses);
    enum err err = follow_look_and_compare(round, seen, &witnesses, fail);
    follow_witnesses_fini(&witnesses);
    return err;
}
