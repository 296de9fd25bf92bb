#include "app/audit_shown.h"

#include <stdio.h>

#include "app/file_text.h"
#include "tlog/checkpoint.h"
#include "tlog/tile_rows.h"

#define SHOWN_PATH_MAX 4352 /* a folder's path and a name */

enum err audit_shown_read(const char *folder, struct buf *text, struct fail *fail)
{
    char path[SHOWN_PATH_MAX];
    struct fail missing = { .text = "" };
    int len = snprintf(path, sizeof(path), "%s/checkpoint", folder);
    if (len < 0 || (size_t)len >= sizeof(path)) {
        return FAIL(fail, ERR_LIMIT, "the path \"%s\" is too long", folder);
    }
    enum err err = file_text_read(path, text, &missing);
    if (err == ERR_OK || err == ERR_NOT_FOUND) {
        return ERR_OK;
    }
    *fail = missing;
    return err;
}

static enum err audit_shown_root(struct store_txn *txn, const struct checkpoint *shown,
                                 bool *ret_same, struct fail *fail)
{
    struct digest root;
    int64_t size = 0;
    TRY(tile_rows_state(txn, &size, &root, fail));
    if (shown->size <= size) {
        TRY(tile_rows_root(txn, shown->size, &root, fail));
        *ret_same = digest_eq(&root, &shown->root);
    }
    return ERR_OK;
}

/* Rows that are missing or damaged do not end the audit: other lines say which they are. */
static enum err audit_shown_compare(struct store_txn *txn, const struct checkpoint *shown,
                                    bool *ret_same, struct fail *fail)
{
    struct fail why = { .text = "" };
    enum err err = audit_shown_root(txn, shown, ret_same, &why);
    if (err == ERR_OK || err == ERR_STORE_DAMAGED) {
        return ERR_OK;
    }
    *fail = why;
    return err;
}

enum err audit_shown_check(struct store_txn *txn, struct str text, struct audit_line *ret_line,
                           struct fail *fail)
{
    struct note note;
    struct checkpoint shown = { .size = 0 };
    bool same = false;
    *ret_line = (struct audit_line){ "log-folder",
                                     "What the log's folder shows is the root of the first so many"
                                     " leaves.",
                                     "size", .rows = text.len > 0 };
    if (text.len == 0) {
        return ERR_OK;
    }
    if (note_parse(text, &note, NULL) == ERR_OK &&
        checkpoint_parse(note.text, &shown, NULL) == ERR_OK) {
        TRY(audit_shown_compare(txn, &shown, &same, fail));
    }
    ret_line->wrong = !same;
    ret_line->first = shown.size;
    return ERR_OK;
}
