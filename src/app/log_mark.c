#include "app/log_mark.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "app/world.h"

#define MARK_NAME  "log.size"
#define MARK_BYTES 64

enum err log_mark_path(struct str store_url, struct buf *out, struct fail *fail)
{
    size_t scheme = str_find(store_url, ':');
    struct str folder =
        world_folder_of(str_from_at(store_url, scheme < store_url.len ? scheme + 1 : 0));
    if (buf_append(out, folder) != ERR_OK ||
        (folder.len > 0 && !str_ends(folder, STR("/")) && buf_byte(out, '/') != ERR_OK) ||
        buf_append(out, STR(MARK_NAME)) != ERR_OK || buf_byte(out, '\0') != ERR_OK) {
        return FAIL(fail, ERR_LIMIT, "the path of the log's mark is too long");
    }
    return ERR_OK;
}

static void mark_print(const struct log_mark *mark, char text[MARK_BYTES + 1])
{
    int len =
        snprintf(text, MARK_BYTES + 1, "reached %019lld %s %019lld", (long long)mark->reached,
                 mark->behind ? "behind" : "whole ", (long long)(mark->behind ? mark->found : 0));
    ASSERT(len > 0 && len < MARK_BYTES);
    memset(text + len, ' ', (size_t)(MARK_BYTES - len));
    text[MARK_BYTES - 1] = '\n';
    text[MARK_BYTES] = '\0';
}

/* Only what mark_print() writes is a mark. */
static bool mark_parse(const char text[MARK_BYTES + 1], struct log_mark *ret_mark)
{
    char again[MARK_BYTES + 1];
    char state[8] = "";
    long long reached = 0;
    long long found = 0;
    if (sscanf(text, "reached %19lld %6s %19lld", &reached, state, &found) != 3 || reached < 0 ||
        found < 0) {
        return false;
    }
    *ret_mark = (struct log_mark){
        .reached = reached,
        .behind = strcmp(state, "behind") == 0,
        .found = found,
    };
    mark_print(ret_mark, again);
    return memcmp(text, again, MARK_BYTES) == 0;
}

enum err log_mark_read(const char *path, struct log_mark *ret_mark, struct fail *fail)
{
    char text[MARK_BYTES + 2];
    *ret_mark = (struct log_mark){ .reached = 0 };
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return errno == ENOENT ? ERR_OK : FAIL_SYS(fail, ERR_IO, "could not open \"%s\"", path);
    }
    ssize_t got = pread(fd, text, MARK_BYTES + 1, 0);
    enum err err = got < 0 ? FAIL_SYS(fail, ERR_IO, "could not read \"%s\"", path) : ERR_OK;
    (void)close(fd); /* was read only */
    TRY(err);
    size_t len = got > 0 ? (size_t)got : 0;
    static const char zeros[MARK_BYTES];
    if (len == 0 || (len == MARK_BYTES && memcmp(text, zeros, MARK_BYTES) == 0)) {
        return ERR_OK; /* made, and not yet written when the power went */
    }
    text[len] = '\0';
    if (len != MARK_BYTES || !mark_parse(text, ret_mark)) {
        return FAIL(fail, ERR_STORE_DAMAGED,
                    "\"%s\" is damaged: whether calls are missing from the log is not known", path);
    }
    return ERR_OK;
}

/* A new file's name is durable only once its folder is. */
static enum err mark_sync_folder(const char *path, struct fail *fail)
{
    char folder[4096];
    struct str name = world_folder_of(str_from(path));
    int len = snprintf(folder, sizeof(folder), STR_FMT, STR_ARG(name));
    if (len < 0 || (size_t)len >= sizeof(folder)) {
        return FAIL(fail, ERR_LIMIT, "the path \"%s\" is too long", path);
    }
    int fd = open(len == 0 ? "." : folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    enum err err = fd >= 0 && fsync(fd) == 0
                       ? ERR_OK
                       : FAIL_SYS(fail, ERR_IO, "could not sync the folder of \"%s\"", path);
    if (fd >= 0) {
        (void)close(fd); /* was read only */
    }
    return err;
}

enum err log_mark_write(const char *path, const struct log_mark *mark, struct fail *fail)
{
    char text[MARK_BYTES + 1];
    ASSERT(mark->reached >= 0);
    ASSERT(!mark->behind || mark->found >= 0);
    mark_print(mark, text);
    bool fresh = access(path, F_OK) != 0;
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0) {
        return FAIL_SYS(fail, ERR_IO, "could not open \"%s\"", path);
    }
    bool written = pwrite(fd, text, MARK_BYTES, 0) == MARK_BYTES &&
                   ftruncate(fd, MARK_BYTES) == 0 && fdatasync(fd) == 0;
    enum err err = written ? ERR_OK : FAIL_SYS(fail, ERR_IO, "could not write \"%s\"", path);
    (void)close(fd); /* synced */
    return err == ERR_OK && fresh ? mark_sync_folder(path, fail) : err;
}

enum err log_mark_check(const char *path, int64_t leaves, struct log_mark *ret_mark,
                        struct fail *fail)
{
    ASSERT(leaves >= 0);
    TRY(log_mark_read(path, ret_mark, fail));
    if (ret_mark->behind || leaves >= ret_mark->reached) {
        return ERR_OK;
    }
    ret_mark->behind = true;
    ret_mark->found = leaves;
    return log_mark_write(path, ret_mark, fail);
}

enum err log_mark_raise(const char *path, int64_t leaves, struct log_mark *mark, struct fail *fail)
{
    ASSERT(leaves >= 0);
    if (mark->behind || leaves <= mark->reached) {
        return ERR_OK;
    }
    const struct log_mark higher = { .reached = leaves };
    TRY(log_mark_write(path, &higher, fail));
    mark->reached = leaves;
    return ERR_OK;
}
