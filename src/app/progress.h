/*
 * A line on a terminal for what takes over a second, wiped when it is over. Anything but a terminal
 * sees nothing of it. Not thread-safe.
 */
#pragma once

#include "base/err.h"

struct progress {
    const char *what; /* "copying"; static */
    int fd;
    bool terminal;
    bool shown;
    int64_t begun_ns;
    int64_t shown_ns;
};

void progress_begin(struct progress *progress, const char *what, int fd);
/* `context` is the progress: fits struct store_progress. */
void progress_update(void *context, int64_t done, int64_t total);
void progress_end(struct progress *progress);
