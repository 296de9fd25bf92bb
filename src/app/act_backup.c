/* A backup of the books, taken beside the running server. */
#include <unistd.h>

#include "app/acts_internal.h"
#include "app/progress.h"

static const struct store_sql sql_calls = { "SELECT count(*) FROM receipt" };
static const char *const backup_columns[] = { "file", "leaves", "calls", "bytes" };

struct backing_up {
    int64_t leaves;
    int64_t calls;
};

static enum err backup_on_calls(void *context, const struct store_value *row, size_t columns)
{
    ASSERT(columns == 1);
    *(int64_t *)context = row[0].number;
    return ERR_OK;
}

/* Of the very snapshot that is copied. */
static enum err backup_look(void *context, struct store_txn *txn, struct fail *fail)
{
    struct backing_up *backing_up = context;
    TRY(tlog_size(txn, &backing_up->leaves, fail));
    return store_query(txn, &sql_calls, NULL, 0, backup_on_calls, &backing_up->calls, fail);
}

static enum err backup_print(struct acting *acting, const struct backing_up *backing_up,
                             const struct store_backup *backup)
{
    struct sheet sheet;
    sheet_init(&sheet, backup_columns, EP_ARRAY_LEN(backup_columns));
    sheet_str(&sheet, backup->path);
    sheet_int(&sheet, backing_up->leaves);
    sheet_int(&sheet, backing_up->calls);
    sheet_int(&sheet, backup->bytes);
    enum err err = sheet_print_one(&sheet, acting->json, acting->out);
    sheet_fini(&sheet);
    return err;
}

enum err act_backup(struct acting *acting)
{
    struct progress progress;
    struct backing_up backing_up = { .leaves = 0 };
    struct store_backup backup = {
        .path = args_word(acting->args, 1),
        .look = backup_look,
        .context = &backing_up,
        .progress = { progress_update, &progress },
    };
    if (backup.path.len == 0) {
        return FAIL(&acting->fail, ERR_ASK_MISSING, "the backup's file is missing");
    }
    progress_begin(&progress, "backup", STDERR_FILENO);
    enum err err = store_backup(acting->world->store, &backup, &acting->fail);
    progress_end(&progress);
    if (err != ERR_OK) {
        acting->remedy = err == ERR_CONFLICT ? "name another file" : NULL;
        return err;
    }
    return backup_print(acting, &backing_up, &backup);
}
