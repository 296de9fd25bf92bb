#include "app/progress.h"

#include <stdio.h>
#include <unistd.h>

#include "base/stamp.h"

#define PROGRESS_AFTER_NS STAMP_NS_PER_S          /* what is shorter needs no line */
#define PROGRESS_EVERY_NS (200 * STAMP_NS_PER_MS) /* five times a second looks steady */

void progress_begin(struct progress *progress, const char *what, int fd)
{
    *progress = (struct progress){
        .what = what,
        .fd = fd,
        .terminal = isatty(fd) == 1,
        .begun_ns = stamp_system_ns(),
    };
}

void progress_update(void *context, int64_t done, int64_t total)
{
    struct progress *progress = context;
    ASSERT(done >= 0 && total >= 0);
    int64_t now_ns = progress->terminal ? stamp_system_ns() : 0;
    if (!progress->terminal || now_ns - progress->begun_ns < PROGRESS_AFTER_NS ||
        now_ns - progress->shown_ns < PROGRESS_EVERY_NS) {
        return;
    }
    /* A file that grows while it is copied ends at all of it, too. */
    int64_t hundredth = total / 100;
    int percent = hundredth == 0 || done / hundredth > 100 ? 100 : (int)(done / hundredth);
    progress->shown = true;
    progress->shown_ns = now_ns;
    (void)dprintf(progress->fd, "\r\x1b[K%s: %d %%", progress->what, percent); /* a hint, no more */
}

void progress_end(struct progress *progress)
{
    if (progress->shown) {
        (void)dprintf(progress->fd, "\r\x1b[K"); /* as above */
        progress->shown = false;
    }
}
