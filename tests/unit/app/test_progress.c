#include "app/progress.h"

#include <string.h>
#include <unistd.h>

#include "base/stamp.h"
#include "harness.h"

static int ends[2];

/* What was written so far. */
static size_t written(char *text, size_t size)
{
    CHECK_EQ(write(ends[1], ".", 1), 1); /* so that the read never waits */
    ssize_t len = read(ends[0], text, size - 1);
    CHECK(len > 0);
    text[len - 1] = '\0';
    return (size_t)len - 1;
}

TEST(only_a_terminal_sees_it_and_only_after_a_second)
{
    char text[256];
    struct progress progress;
    CHECK_EQ(pipe(ends), 0);
    progress_begin(&progress, "copying", ends[1]);
    CHECK(!progress.terminal);
    progress.begun_ns -= 5 * STAMP_NS_PER_S;
    progress_update(&progress, 1000, 2000);
    CHECK_EQ(written(text, sizeof(text)), 0);

    progress_begin(&progress, "copying", ends[1]);
    progress.terminal = true;
    progress_update(&progress, 1000, 2000); /* too early */
    progress_end(&progress);
    CHECK_EQ(written(text, sizeof(text)), 0);

    progress.begun_ns -= 5 * STAMP_NS_PER_S;
    progress_update(&progress, 1000, 2000);
    progress_update(&progress, 2000, 2000); /* too soon after it */
    CHECK(written(text, sizeof(text)) > 0);
    CHECK(strstr(text, "copying: 50 %") != NULL);
    CHECK(strstr(text, "100") == NULL);
    progress_end(&progress);
    CHECK(written(text, sizeof(text)) > 0); /* wiped */
    progress_end(&progress);
    CHECK_EQ(written(text, sizeof(text)), 0);
    CHECK_EQ(close(ends[0]), 0);
    CHECK_EQ(close(ends[1]), 0);
}

TEST(nothing_to_do_and_more_than_there_was_are_all_of_it)
{
    char text[256];
    struct progress progress;
    CHECK_EQ(pipe(ends), 0);
    progress_begin(&progress, "copying", ends[1]);
    progress.terminal = true;
    progress.begun_ns -= 5 * STAMP_NS_PER_S;
    progress_update(&progress, 0, 0);
    CHECK(written(text, sizeof(text)) > 0);
    CHECK(strstr(text, "100 %") != NULL);
    progress.shown_ns = 0;
    progress_update(&progress, 50000, 4000);
    CHECK(written(text, sizeof(text)) > 0);
    CHECK(strstr(text, "100 %") != NULL);
    CHECK_EQ(close(ends[0]), 0);
    CHECK_EQ(close(ends[1]), 0);
}
