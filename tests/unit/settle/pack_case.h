/* Packs in a folder of their own, taken apart and put together again. */
#pragma once

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "harness.h"
#include "settle/pack.h"

struct pack_case {
    char folder[64];
    char path[128];
    char other[128];
};

static inline void pack_case_begin(struct pack_case *it)
{
    CHECK(crypto_start(NULL) == ERR_OK);
    (void)snprintf(it->folder, sizeof(it->folder), "/tmp/pack-XXXXXX");
    CHECK(test_folder(it->folder) != NULL);
    (void)snprintf(it->path, sizeof(it->path), "%s/pack.zip", it->folder);
    (void)snprintf(it->other, sizeof(it->other), "%s/other.zip", it->folder);
}

static inline void pack_case_end(const struct pack_case *it)
{
    char command[96];
    (void)snprintf(command, sizeof(command), "rm -rf %s", it->folder);
    CHECK_EQ(system(command), 0);
}

static inline void pack_case_slurp(const char *path, struct buf *out)
{
    char bytes[65536];
    int fd = open(path, O_RDONLY);
    CHECK(fd >= 0);
    buf_reset(out);
    for (ssize_t got = 0; (got = read(fd, bytes, sizeof(bytes))) > 0;) {
        CHECK_EQ(buf_append(out, (struct str){ bytes, (size_t)got }), ERR_OK);
    }
    (void)close(fd);
}

static inline void pack_case_spit(const char *path, struct str bytes)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    CHECK(fd >= 0);
    CHECK(write(fd, bytes.ptr, bytes.len) == (ssize_t)bytes.len);
    (void)close(fd);
}
