#include "batch/content.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define CONTENT_READ ((size_t)256 * 1024) /* of a file, at once */

static void content_path(const char *folder, struct id id, enum content_kind kind,
                         char path[CONTENT_PATH_MAX])
{
    char text[ID_SHOWN_MAX];
    struct buf name = { text, 0, sizeof(text), sizeof(text) };
    EP_IGNORE(id_print(&name, STR_EMPTY, id)); /* fits */
    int len = snprintf(path, CONTENT_PATH_MAX, "%s/" STR_FMT "%s", folder, STR_ARG(buf_str(&name)),
                       kind == CONTENT_JOURNAL ? ".journal" : ".jsonl");
    ASSERT(len > 0 && len < CONTENT_PATH_MAX); /* content_folder_make() has looked */
}

enum err content_folder_make(const char *folder, struct fail *fail)
{
    if (snprintf(NULL, 0, "%s", folder) > CONTENT_PATH_MAX - 64) {
        return FAIL(fail, ERR_LIMIT, "the path of the batches' folder is too long");
    }
    if (mkdir(folder, 0700) != 0 && errno != EEXIST) {
        return FAIL_SYS(fail, ERR_IO, "could not make the folder \"%s\"", folder);
    }
    /* Also of one that is there: whoever made it may have come to an end before this. */
    char parent[CONTENT_PATH_MAX];
    const char *slash = strrchr(folder, '/');
    (void)snprintf(parent, sizeof(parent), "%.*s", slash == NULL ? 1 : (int)(slash - folder) + 1,
                   slash == NULL ? "." : folder);
    return content_folder_sync(parent, fail);
}

enum err content_create(const char *folder, struct id id, enum content_kind kind, int *ret_fd,
                        struct fail *fail)
{
    char path[CONTENT_PATH_MAX];
    content_path(folder, id, kind, path);
    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) {
        return FAIL_SYS(fail, ERR_IO, "could not create \"%s\"", path);
    }
    *ret_fd = fd;
    return ERR_OK;
}

enum err content_open(const char *folder, struct id id, enum content_kind kind, int *ret_fd,
                      struct fail *fail)
{
    char path[CONTENT_PATH_MAX];
    content_path(folder, id, kind, path);
    int made = kind == CONTENT_JOURNAL ? O_CREAT : 0;
    int fd = open(path, O_RDWR | O_APPEND | O_CLOEXEC | O_NOFOLLOW | made, 0600);
    if (fd < 0) {
        return FAIL_SYS(fail, errno == ENOENT ? ERR_NOT_FOUND : ERR_IO, "could not open \"%s\"",
                        path);
    }
    *ret_fd = fd;
    return ERR_OK;
}

enum err content_write(int fd, struct str bytes, struct fail *fail)
{
    while (bytes.len > 0) {
        ssize_t done = write(fd, bytes.ptr, bytes.len);
        if (done < 0 && errno == EINTR) {
            continue;
        }
        if (done <= 0) {
            return FAIL_SYS(fail, ERR_IO, "could not write a batch's content");
        }
        bytes = str_from_at(bytes, (size_t)done);
    }
    return ERR_OK;
}

enum err content_sync(int fd, struct fail *fail)
{
    return fsync(fd) == 0 ? ERR_OK : FAIL_SYS(fail, ERR_IO, "could not sync a batch's content");
}

enum err content_folder_sync(const char *folder, struct fail *fail)
{
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    enum err err = fd >= 0 && fsync(fd) == 0
                       ? ERR_OK
                       : FAIL_SYS(fail, ERR_IO, "could not sync the folder \"%s\"", folder);
    if (fd >= 0) {
        (void)close(fd); /* it was only read */
    }
    return err;
}

enum err content_remove(const char *folder, struct id id, enum content_kind kind, struct fail *fail)
{
    char path[CONTENT_PATH_MAX];
    content_path(folder, id, kind, path);
    if (unlink(path) != 0 && errno != ENOENT) {
        return FAIL_SYS(fail, ERR_IO, "could not remove \"%s\"", path);
    }
    return ERR_OK;
}

enum err content_read_at(int fd, uint64_t at, size_t len, struct buf *out, struct fail *fail)
{
    enum err err = buf_reserve(out, len);
    if (err != ERR_OK) {
        return FAIL(fail, err, "no memory for a batch's content");
    }
    while (len > 0) {
        ssize_t got = pread(fd, out->ptr + out->len, len, (off_t)at);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0) {
            return FAIL_SYS(fail, ERR_IO, "could not read a batch's content");
        }
        buf_added(out, (size_t)got);
        at += (uint64_t)got;
        len -= (size_t)got;
    }
    return ERR_OK;
}

/* ---- lines ------------------------------------------------------------------------------- */

struct content_walk {
    content_line_fn *told;
    void *context;
    uint64_t at; /* of the first byte that is kept */
};

static enum err content_tell(struct content_walk *walk, struct buf *kept)
{
    size_t used = 0;
    enum err err = ERR_OK;
    while (err == ERR_OK) {
        struct str rest = str_from_at(buf_str(kept), used);
        size_t end = str_find(rest, '\n');
        if (end == rest.len) {
            break;
        }
        err = walk->told(walk->context, walk->at + used, str_slice(rest, 0, end));
        used += end + 1;
    }
    buf_drop(kept, used);
    walk->at += used;
    return err;
}

static enum err content_walk_over(int fd, struct content_walk *walk, struct buf *kept,
                                  struct fail *fail)
{
    for (;;) {
        TRY(buf_reserve(kept, CONTENT_READ));
        ssize_t got = pread(fd, kept->ptr + kept->len, CONTENT_READ, (off_t)(walk->at + kept->len));
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return FAIL_SYS(fail, ERR_IO, "could not read a batch's content");
        }
        if (got == 0) {
            return ERR_OK;
        }
        buf_added(kept, (size_t)got);
        TRY(content_tell(walk, kept));
    }
}

enum err content_lines(int fd, size_t line_max, content_line_fn *told, void *context,
                       uint64_t *torn, struct fail *fail)
{
    struct content_walk walk = { told, context, 0 };
    struct buf kept;
    buf_init(&kept, line_max + 2 * CONTENT_READ);
    enum err err = content_walk_over(fd, &walk, &kept, fail);
    if (err == ERR_OK && torn != NULL) {
        *torn = walk.at;
    } else if (err == ERR_OK && kept.len > 0) {
        err = told(context, walk.at, buf_str(&kept));
    }
    buf_fini(&kept);
    return err;
}

/* ---- journals ---------------------------------------------------------------------------- */

enum err content_journal_put(struct buf *out, int64_t line, enum content_end end, struct str json)
{
    const char kind[] = { ' ', (char)end, ' ' };
    size_t before = out->len;
    enum err err = buf_i64(out, line);
    err = err == ERR_OK ? buf_append(out, (struct str){ kind, sizeof(kind) }) : err;
    err = err == ERR_OK ? buf_append(out, json) : err;
    err = err == ERR_OK ? buf_byte(out, '\n') : err;
    if (err != ERR_OK) {
        out->len = before;
    }
    return err;
}

bool content_journal_read(struct str text, int64_t *ret_line, enum content_end *ret_end,
                          struct str *ret_json)
{
    struct str rest = text;
    struct str number = str_cut(&rest, ' ');
    struct str kind = str_cut(&rest, ' ');
    if (!str_to_i64(number, ret_line) || *ret_line < 1 || kind.len != 1 || rest.len == 0) {
        return false;
    }
    switch (kind.ptr[0]) {
    case CONTENT_DONE:
    case CONTENT_FAILED:
    case CONTENT_EXPIRED:
    case CONTENT_CANCELLED:
        *ret_end = (enum content_end)kind.ptr[0];
        *ret_json = rest;
        return true;
    default: /* a byte of a file */
        return false;
    }
}
