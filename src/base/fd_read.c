#include "base/fd_read.h"

#include <errno.h>
#include <unistd.h>

enum err fd_read_all(int fd, size_t chunk, struct buf *out)
{
    for (;;) {
        TRY(buf_reserve(out, chunk));
        ssize_t got = read(fd, out->ptr + out->len, chunk);
        if (got == 0) {
            return ERR_OK;
        }
        if (got > 0) {
            buf_added(out, (size_t)got);
        } else if (errno != EINTR) {
            return ERR_IO;
        }
    }
}
