#include "base/fd_read.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "harness.h"

/* What a pipe holds, and its end. */
static int filled(struct str text)
{
    int ends[2];
    CHECK_EQ(pipe(ends), 0);
    CHECK_EQ(write(ends[1], text.ptr, text.len), (ssize_t)text.len);
    CHECK_EQ(close(ends[1]), 0);
    return ends[0];
}

TEST(all_is_read_whatever_the_chunk)
{
    for (size_t chunk = 1; chunk <= 16; chunk++) {
        struct buf out;
        int fd = filled(STR("all of it, end"));
        buf_init(&out, 64);
        CHECK_EQ(buf_append(&out, STR("> ")), ERR_OK);
        CHECK_EQ(fd_read_all(fd, chunk, &out), ERR_OK);
        CHECK(str_eq(buf_str(&out), STR("> all of it, end")));
        buf_fini(&out);
        CHECK_EQ(close(fd), 0);
    }
}

TEST(more_than_fits_is_a_limit)
{
    struct buf out;
    int fd = filled(STR("0123456789"));
    buf_init(&out, 8);
    CHECK_EQ(fd_read_all(fd, 4, &out), ERR_LIMIT);
    CHECK(str_eq(buf_str(&out), STR("01234567")));
    buf_fini(&out);
    CHECK_EQ(close(fd), 0);
}

TEST(what_cannot_be_read_says_why)
{
    struct buf out;
    int fd = open("/", O_RDONLY | O_CLOEXEC);
    buf_init(&out, 64);
    CHECK_EQ(fd_read_all(fd, 4, &out), ERR_IO);
    CHECK_EQ(errno, EISDIR);
    buf_fini(&out);
    CHECK_EQ(close(fd), 0);
}
