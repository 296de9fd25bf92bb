#include "app/log_aside.h"

#include <stdio.h>
#include <unistd.h>

#include "base/stamp.h"
#include "tlog/checkpoint.h"
#include "tlog/tile_folder.h"
#include "tlog/tile_rows.h"

#define ASIDE_PATH_MAX 4352 /* a folder's path and a name */

struct aside_reading {
    struct checkpoint checkpoint;
    bool same;
};

static enum err aside_compare(void *context, struct store_txn *txn, struct fail *fail)
{
    struct aside_reading *reading = context;
    const struct checkpoint *checkpoint = &reading->checkpoint;
    struct digest root;
    int64_t size = 0;
    TRY(tile_rows_state(txn, &size, &root, fail));
    if (checkpoint->size > size) {
        return ERR_OK;
    }
    TRY(tile_rows_root(txn, checkpoint->size, &root, fail));
    reading->same = digest_eq(&root, &checkpoint->root);
    return ERR_OK;
}

/* Its signature is not looked at: whatever is there was there for everybody to read. */
static enum err aside_judge(struct str text, struct store *store, struct log_aside *ret_aside,
                            struct fail *fail)
{
    struct note note;
    struct aside_reading reading = { .same = false };
    if (text.len == 0) {
        return ERR_OK; /* nothing was published */
    }
    if (note_parse(text, &note, NULL) != ERR_OK ||
        checkpoint_parse(note.text, &reading.checkpoint, NULL) != ERR_OK) {
        ret_aside->untrue = true;
        return ERR_OK;
    }
    TRY(store_read(store, aside_compare, &reading, fail));
    ret_aside->published = reading.checkpoint.size;
    ret_aside->untrue = !reading.same;
    return ERR_OK;
}

enum err log_aside_look(const char *folder, struct store *store, struct log_aside *ret_aside,
                        struct fail *fail)
{
    struct tile_folder *open = NULL;
    struct buf text;
    *ret_aside = (struct log_aside){ .published = 0 };
    if (access(folder, F_OK) != 0) {
        return ERR_OK;
    }
    TRY(tile_folder_open(folder, &open, fail));
    buf_init(&text, NOTE_BYTES_MAX);
    enum err err = tile_folder_checkpoint(open, &text, fail);
    err = err == ERR_OK ? aside_judge(buf_str(&text), store, ret_aside, fail) : err;
    buf_fini(&text);
    tile_folder_close(open);
    return err;
}

enum err log_aside_move(const char *folder, int64_t now_ns, struct buf *kept, struct fail *fail)
{
    char path[ASIDE_PATH_MAX];
    int len =
        snprintf(path, sizeof(path), "%s.lost-%lld", folder, (long long)(now_ns / STAMP_NS_PER_S));
    if (len < 0 || (size_t)len >= sizeof(path)) {
        return FAIL(fail, ERR_LIMIT, "the path \"%s\" is too long", folder);
    }
    if (rename(folder, path) != 0) {
        return FAIL_SYS(fail, ERR_IO, "could not rename \"%s\" to \"%s\"", folder, path);
    }
    return buf_append(kept, str_from(path));
}
