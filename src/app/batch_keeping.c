#include "app/batch_keeping.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/world.h"
#include "base/mem.h"
#include "base/stamp.h"
#include "batch/batch.h"
#include "batch/batch_again.h"
#include "batch/content.h"

#define KEEPING_NAME    "batches"
#define KEEPING_LEFT_NS (INT64_C(24) * 3600 * STAMP_NS_PER_S)

enum err batch_keeping_path(struct str store_url, struct buf *out, struct fail *fail)
{
    size_t scheme = str_find(store_url, ':');
    struct str folder =
        world_folder_of(str_from_at(store_url, scheme < store_url.len ? scheme + 1 : 0));
    if (buf_append(out, folder) != ERR_OK ||
        (folder.len > 0 && !str_ends(folder, STR("/")) && buf_byte(out, '/') != ERR_OK) ||
        buf_append(out, STR(KEEPING_NAME)) != ERR_OK || buf_byte(out, '\0') != ERR_OK) {
        return FAIL(fail, ERR_LIMIT, "the path of the batches' folder is too long");
    }
    return ERR_OK;
}

/* ---- what goes ---------------------------------------------------------------------------- */

/* Ids of contents, as they are read. */
struct keeping_ids {
    struct id *items;
    size_t count;
    size_t cap;
};

static enum err keeping_note(struct keeping_ids *ids, struct id id)
{
    if (ids->count == ids->cap) {
        size_t cap = ids->cap == 0 ? 64 : 2 * ids->cap;
        struct id *items = mem_realloc(ids->items, cap * sizeof(*items));
        if (items == NULL) {
            return ERR_NO_MEMORY;
        }
        ids->items = items;
        ids->cap = cap;
    }
    ids->items[ids->count++] = id;
    return ERR_OK;
}

static enum err keeping_on_file(void *context, const struct batch_file *file)
{
    return keeping_note(context, file->id);
}

static enum err keeping_on_batch(void *context, const struct batch *batch)
{
    return keeping_note(context, batch->id);
}

/* Contents first: a row that stays says that there may be one; a content without a row, nothing. */
static enum err keeping_remove(const char *folder, const struct keeping_ids *ids,
                               enum content_kind kind, struct fail *fail)
{
    for (size_t i = 0; i < ids->count; i++) {
        TRY(content_remove(folder, ids->items[i], kind, fail));
    }
    return ERR_OK;
}

struct keeping_job {
    struct store_job job;
    const struct keeping_ids *files;
    const struct keeping_ids *batches; /* NULL: those that are due */
    struct id client;                  /* with those */
    int64_t now_ns;
};

static enum err keeping_write(struct store_job *job, struct store_txn *txn, struct fail *fail)
{
    const struct keeping_job *keeping = EP_CONTAINER(job, struct keeping_job, job);
    for (size_t i = 0; i < keeping->files->count; i++) {
        TRY(batch_file_remove(txn, keeping->files->items[i], fail));
    }
    if (keeping->batches == NULL) {
        TRY(batch_again_expire(txn, keeping->now_ns, fail));
        return batch_expire(txn, keeping->now_ns, fail);
    }
    for (size_t i = 0; i < keeping->batches->count; i++) {
        TRY(batch_remove(txn, keeping->batches->items[i], fail));
    }
    return batch_again_forget(txn, keeping->client, fail);
}

/* ---- leftovers ---------------------------------------------------------------------------- */

struct keeping_look {
    struct id id;
    int64_t now_ns;
    struct keeping_ids *due;
    bool known;
};

static enum err keeping_on_known(void *context, const struct store_value *row, size_t columns)
{
    ASSERT(columns == 1);
    ((struct keeping_look *)context)->known = row[0].number != 0;
    return ERR_OK;
}

/* A result has no row before its batch has ended. */
static enum err keeping_read_known(void *context, struct store_txn *txn, struct fail *fail)
{
    static const struct store_sql sql = { "SELECT EXISTS (SELECT 1 FROM batch_file WHERE name = ?1)"
                                          " OR EXISTS (SELECT 1 FROM batch WHERE ended_ns = 0 AND"
                                          " (name = ?1 OR output = ?1 OR errors = ?1))" };
    struct keeping_look *look = context;
    const struct store_value value = STORE_B(id_str(&look->id));
    return store_query(txn, &sql, &value, 1, keeping_on_known, look, fail);
}

/* Only names of our own making, and what nobody has touched for a day. */
static bool keeping_is_old(int folder, const char *name, int64_t now_ns, struct id *ret_id)
{
    struct stat info;
    struct str text = str_from(name);
    size_t end = str_find(text, '.');
    struct str kind = str_from_at(text, end);
    bool ours = id_parse(str_slice(text, 0, end), STR_EMPTY, ret_id) &&
                (str_eq(kind, STR(".jsonl")) || str_eq(kind, STR(".journal")));
    return ours && fstatat(folder, name, &info, AT_SYMLINK_NOFOLLOW) == 0 &&
           (int64_t)info.st_mtim.tv_sec * STAMP_NS_PER_S < now_ns - KEEPING_LEFT_NS;
}

static enum err keeping_sweep_folder(struct store *store, DIR *dir, int64_t now_ns,
                                     int64_t *ret_gone, struct fail *fail)
{
    int folder = dirfd(dir);
    for (;;) {
        errno = 0;
        const struct dirent *entry = readdir(dir); /* this thread's own stream */
        if (entry == NULL) {
            return errno == 0 ? ERR_OK : FAIL_SYS(fail, ERR_IO, "could not read a folder");
        }
        struct keeping_look look = { .now_ns = now_ns };
        if (!keeping_is_old(folder, entry->d_name, now_ns, &look.id)) {
            continue;
        }
        TRY(store_read(store, keeping_read_known, &look, fail));
        if (!look.known && unlinkat(folder, entry->d_name, 0) == 0) {
            ++*ret_gone;
        }
    }
}

static enum err keeping_sweep_left(struct store *store, const char *path, int64_t now_ns,
                                   int64_t *ret_gone, struct fail *fail)
{
    DIR *dir = opendir(path);
    if (dir == NULL) {
        return FAIL_SYS(fail, ERR_IO, "could not open the folder \"%s\"", path);
    }
    enum err err = keeping_sweep_folder(store, dir, now_ns, ret_gone, fail);
    (void)closedir(dir); /* it was only read */
    return err;
}

/* ---- sweeping ----------------------------------------------------------------------------- */

static enum err keeping_read_due(void *context, struct store_txn *txn, struct fail *fail)
{
    const struct keeping_look *look = context;
    return batch_file_due(txn, look->now_ns, keeping_on_file, look->due, fail);
}

static enum err keeping_sweep_due(struct store *store, const char *folder, int64_t now_ns,
                                  struct keeping_ids *due, struct fail *fail)
{
    struct keeping_look look = { .now_ns = now_ns, .due = due };
    struct keeping_job job = { .job = { .run = keeping_write }, .files = due, .now_ns = now_ns };
    due->count = 0;
    TRY(store_read(store, keeping_read_due, &look, fail));
    TRY(keeping_remove(folder, due, CONTENT_JSONL, fail));
    return store_run(store, &job.job, fail);
}

enum err batch_keeping_sweep(struct store *store, const char *folder, int64_t now_ns,
                             int64_t *ret_gone, struct fail *fail)
{
    struct keeping_ids due = { .items = NULL };
    enum err err = ERR_OK;
    *ret_gone = 0;
    do {
        err = keeping_sweep_due(store, folder, now_ns, &due, fail);
        *ret_gone += err == ERR_OK ? (int64_t)due.count : 0;
    } while (err == ERR_OK && due.count == BATCH_EXPIRE_MAX);
    mem_free(due.items);
    return err == ERR_OK ? keeping_sweep_left(store, folder, now_ns, ret_gone, fail) : err;
}

/* ---- forgetting --------------------------------------------------------------------------- */

struct keeping_client {
    struct id client;
    struct keeping_ids files;
    struct keeping_ids batches;
    struct keeping_ids results;
};

/* Results may be there before their rows are. */
static enum err keeping_on_forgotten(void *context, const struct batch *batch)
{
    struct keeping_client *client = context;
    TRY(keeping_on_batch(&client->batches, batch));
    TRY(keeping_note(&client->results, batch->output));
    return keeping_note(&client->results, batch->errors);
}

static enum err keeping_read_client(void *context, struct store_txn *txn, struct fail *fail)
{
    struct keeping_client *client = context;
    TRY(batch_file_of_client(txn, client->client, keeping_on_file, &client->files, fail));
    return batch_of_client(txn, client->client, keeping_on_forgotten, client, fail);
}

static enum err keeping_forget(struct store *store, const char *folder,
                               struct keeping_client *client, struct fail *fail)
{
    struct keeping_job job = { .job = { .run = keeping_write },
                               .files = &client->files,
                               .batches = &client->batches,
                               .client = client->client };
    TRY(store_read(store, keeping_read_client, client, fail));
    TRY(keeping_remove(folder, &client->files, CONTENT_JSONL, fail));
    TRY(keeping_remove(folder, &client->results, CONTENT_JSONL, fail));
    TRY(keeping_remove(folder, &client->batches, CONTENT_JOURNAL, fail));
    return store_run(store, &job.job, fail);
}

enum err batch_keeping_forget(struct store *store, const char *folder, struct id client,
                              struct fail *fail)
{
    struct keeping_client forgotten = { .client = client };
    enum err err = keeping_forget(store, folder, &forgotten, fail);
    mem_free(forgotten.files.items);
    mem_free(forgotten.batches.items);
    mem_free(forgotten.results.items);
    return err == ERR_NO_MEMORY ? FAIL(fail, err, "no memory for the client's batches") : err;
}
