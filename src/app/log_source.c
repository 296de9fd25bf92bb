#include "app/log_source.h"

#include <fcntl.h>
#include <fts.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/file_text.h"
#include "base/mem.h"

#define LOG_SOURCE_PATH_MAX  4096
#define LOG_SOURCE_DEPTH_MAX 16 /* tile/entries/x001/.../000.p/3 has eleven at the most */

struct log_source {
    struct fetch *fetch; /* NULL: a folder */
    int folder;
    size_t where_len;
    char where[LOG_SOURCE_PATH_MAX]; /* without slashes at its end */
};

enum err log_source_open(struct str where, struct log_source **ret_source, struct fail *fail)
{
    bool address = fetch_is_url(where);
    while (where.len > 1 && str_ends(where, STR("/"))) {
        where.len--;
    }
    if (where.len == 0 || where.len >= LOG_SOURCE_PATH_MAX) {
        return FAIL(fail, ERR_ASK_INVALID, "a log is a folder or an address of 1 to %d bytes",
                    LOG_SOURCE_PATH_MAX - 1);
    }
    struct log_source *source = mem_zalloc(sizeof(*source));
    if (source == NULL) {
        return FAIL(fail, ERR_NO_MEMORY, "no memory for a log");
    }
    memcpy(source->where, where.ptr, where.len);
    source->where_len = where.len;
    source->folder = -1;
    enum err err = ERR_OK;
    if (address) {
        err = fetch_create(NULL, &source->fetch, fail);
    } else {
        source->folder = open(source->where, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (source->folder < 0) {
            err = FAIL_SYS(fail, errno == ENOENT ? ERR_NOT_FOUND : ERR_IO,
                           "could not read the folder \"%s\"", source->where);
        }
    }
    if (err != ERR_OK) {
        log_source_close(source);
        return err;
    }
    *ret_source = source;
    return ERR_OK;
}

void log_source_close(struct log_source *source)
{
    if (source == NULL) {
        return;
    }
    fetch_destroy(source->fetch);
    if (source->folder >= 0) {
        (void)close(source->folder); /* it was only read */
    }
    mem_free(source);
}

/* ---- a folder ---------------------------------------------------------------------------- */

static enum err source_read_file(struct log_source *source, const char *path, struct buf *out,
                                 struct fail *fail)
{
    int fd = openat(source->folder, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* no pipe's writer */
    if (fd < 0) {
        bool none = errno == ENOENT || errno == ENOTDIR;
        return FAIL_SYS(fail, none ? ERR_NOT_FOUND : ERR_IO, "could not read \"%s\"", path);
    }
    struct stat info;
    enum err err = fstat(fd, &info) == 0 && S_ISREG(info.st_mode)
                       ? file_text_read_fd(fd, path, out, fail)
                       : FAIL(fail, ERR_IO, "\"%s\" is no file", path);
    (void)close(fd); /* it was only read */
    return err;
}

static enum err source_walk_files(struct log_source *source, const struct fetch_walk *walk)
{
    struct fetch_item item;
    struct buf body;
    buf_init(&body, 1); /* each item says how much it takes */
    enum err err = ERR_OK;
    while (err == ERR_OK && walk->next(walk->context, &item)) {
        struct fail why = { .text = "" };
        buf_reset(&body);
        body.max = item.bytes_max; /* the memory of the last one serves for all */
        enum err read = source_read_file(source, item.path, &body, &why);
        err = walk->got(walk->context, &item, read, buf_str(&body), &why);
    }
    buf_fini(&body);
    return err;
}

/* ---- both -------------------------------------------------------------------------------- */

enum err log_source_read(struct log_source *source, const char *path, struct buf *out,
                         struct fail *fail)
{
    char url[LOG_SOURCE_PATH_MAX + FETCH_PATH_MAX + 1];
    if (source->fetch == NULL) {
        return source_read_file(source, path, out, fail);
    }
    int len = snprintf(url, sizeof(url), "%s/%s", source->where, path);
    ASSERT(len > 0 && (size_t)len < sizeof(url)); /* names of ours are short */
    return fetch_get(source->fetch, str_from(url), out, fail);
}

enum err log_source_walk(struct log_source *source, const struct fetch_walk *walk,
                         struct fail *fail)
{
    return source->fetch == NULL
               ? source_walk_files(source, walk)
               : fetch_walk(source->fetch, (struct str){ source->where, source->where_len }, walk,
                            fail);
}

/* The first failure of `told` ends it; folders are no files. */
static enum err source_list(struct log_source *source, FTS *tree, log_source_file_fn *told,
                            void *context)
{
    enum err err = ERR_OK;
    for (FTSENT *entry = fts_read(tree); err == ERR_OK && entry != NULL; entry = fts_read(tree)) {
        if (entry->fts_info == FTS_DP || entry->fts_info == FTS_D) {
            if (entry->fts_level > LOG_SOURCE_DEPTH_MAX) {
                (void)fts_set(tree, entry, FTS_SKIP); /* fails for unknown options alone */
            }
            continue;
        }
        err = told(context, str_from(entry->fts_path + source->where_len + 1));
    }
    return err;
}

enum err log_source_files(struct log_source *source, log_source_file_fn *told, void *context,
                          struct fail *fail)
{
    char *const roots[] = { source->where, NULL };
    if (source->fetch != NULL) {
        return ERR_OK;
    }
    FTS *tree = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
    if (tree == NULL) {
        return FAIL_SYS(fail, ERR_IO, "could not list \"%s\"", source->where);
    }
    enum err err = source_list(source, tree, told, context);
    (void)fts_close(tree); /* it was only read */
    return err;
}

enum err log_source_read_any(struct str where, struct buf *out, struct fail *fail)
{
    if (!fetch_is_url(where)) {
        char path[LOG_SOURCE_PATH_MAX];
        int len = snprintf(path, sizeof(path), STR_FMT, STR_ARG(where));
        if (len < 0 || (size_t)len >= sizeof(path)) {
            return FAIL(fail, ERR_ASK_INVALID, "a path has at most %d bytes",
                        LOG_SOURCE_PATH_MAX - 1);
        }
        return file_text_read(path, out, fail);
    }
    struct fetch *fetch = NULL;
    TRY(fetch_create(NULL, &fetch, fail));
    enum err err = fetch_get(fetch, where, out, fail);
    fetch_destroy(fetch);
    return err;
}
