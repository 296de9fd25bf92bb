#include "base/crash.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness.h"

/* A process that meets the point `times` times: the signal that ended it, or 0. */
static int met(const char *wanted, const char *name, int times)
{
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        int failed = wanted == NULL ? unsetenv("EP_CRASH") : setenv("EP_CRASH", wanted, 1);
        for (int i = 0; i < times && failed == 0; i++) {
            crash_point(name);
        }
        _exit(failed);
    }
    int status = 0;
    CHECK(waitpid(child, &status, 0) == child);
    CHECK(WIFSIGNALED(status) || WEXITSTATUS(status) == 0);
    return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

TEST(a_point_kills_when_it_is_met_as_often_as_was_asked)
{
    CHECK_EQ(met("last-byte:1", "last-byte", 1), SIGKILL);
    CHECK_EQ(met("last-byte:3", "last-byte", 2), 0);
    CHECK_EQ(met("last-byte:3", "last-byte", 3), SIGKILL);
}

TEST(other_points_and_no_wish_do_nothing)
{
    CHECK_EQ(met(NULL, "last-byte", 5), 0);
    CHECK_EQ(met("last-byte:1", "first-byte", 5), 0);
    CHECK_EQ(met("last-byte:1", "last", 5), 0);
    CHECK_EQ(met("last-byte", "last-byte", 5), 0);
    CHECK_EQ(met("last-byte:0", "last-byte", 5), 0);
}
