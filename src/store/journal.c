/* The journal that a crash has left, before the engine reads it. */
#include <fcntl.h>
#include <unistd.h>

#include "base/mem.h"
#include "store/store_internal.h"

#define JOURNAL_PIECE ((size_t)1 << 20)

static enum err journal_renew(int fd, const char *path, char *piece, struct fail *fail)
{
    off_t at = 0;
    ssize_t got = pread(fd, piece, JOURNAL_PIECE, at);
    while (got > 0) {
        if (pwrite(fd, piece, (size_t)got, at) != got) {
            return FAIL_SYS(fail, ERR_IO, "could not write \"%s\"", path);
        }
        at += got;
        got = pread(fd, piece, JOURNAL_PIECE, at);
    }
    return got == 0 && fsync(fd) == 0 ? ERR_OK
                                      : FAIL_SYS(fail, ERR_IO, "could not renew \"%s\"", path);
}

enum err store_renew_journal(const char *path, struct fail *fail)
{
    char journal[STORE_PATH_MAX];
    TRY(store_path_beside(path, "-wal", journal, fail));
    int fd = open(journal, O_RDWR | O_CLOEXEC);
    if (fd < 0) {
        return errno == ENOENT ? ERR_OK : FAIL_SYS(fail, ERR_IO, "could not open \"%s\"", journal);
    }
    char *piece = mem_alloc(JOURNAL_PIECE);
    enum err err = piece == NULL ? FAIL(fail, ERR_NO_MEMORY, "no memory for the journal")
                                 : journal_renew(fd, journal, piece, fail);
    mem_free(piece);
    (void)close(fd); /* synced */
    return err;
}
