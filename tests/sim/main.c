/*
 * ep-sim: histories of the server in a simulated world, each from a seed and exactly repeatable.
 *
 *   ep-sim --seed N [--verbose]     one history, and its digest
 *   ep-sim --seeds FROM COUNT       many
 *   ep-sim --file PATH              those of a file, one a line; "#" begins a comment
 *   ep-sim --fresh SECONDS          seeds that nobody has seen yet, for so long
 *   ep-sim --faults SEED EACH       each EACH-th operation of the disk fails, once and for ever, in
 *                                   the first life and while the second recovers
 *
 * With --calls N each history has so many calls. Exit status: 0 all is as it must be; 1 something
 * is not, and the output says what.
 */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "crypto/digest.h"
#include "run.h"

#define MAIN_CALLS 60

static struct run_options options = { .calls = MAIN_CALLS };

void __real_log_end(struct log_line *line);
void __wrap_log_end(struct log_line *line);

/* Lines of the server's log are shown to whoever wants to read a history. */
void __wrap_log_end(struct log_line *line)
{
    if (options.verbose) {
        __real_log_end(line);
    }
}

/* A check of the server's own that failed has said which; this adds the seed. */
static void main_on_abort(int number)
{
    char text[64];
    int len = snprintf(text, sizeof(text), "seed %" PRIu64 " failed: aborted\n", options.seed);
    (void)number;
    if (write(STDOUT_FILENO, text, (size_t)len) < 0) {
        _exit(2);
    }
    _exit(1);
}

static void main_run(uint64_t seed, bool shown)
{
    struct run_figures figures;
    options.seed = seed;
    run_seed(&options, &figures);
    if (shown) {
        (void)printf("seed %" PRIu64 ": digest %016" PRIx64 ", %" PRIu64 " lives, %" PRIu64
                     " steps, %" PRId64 " checks\n",
                     seed, figures.digest, figures.lives, figures.steps, figures.checks);
        (void)fflush(stdout);
    }
}

/* A history for each operation that fails so, until there are no more operations. */
static uint64_t main_fail_each(uint64_t seed, uint64_t each)
{
    struct run_figures figures = { .struck = true };
    uint64_t count = 0;
    for (uint64_t nth = 1 + seed % each; figures.struck; nth += each) {
        options.seed = seed;
        options.fault.nth = nth;
        run_seed(&options, &figures);
        count++;
    }
    return count;
}

static int main_faults(uint64_t seed, uint64_t each)
{
    static const enum disk_fault_kind kinds[] = { DISK_FAULT_IO, DISK_FAULT_HALF, DISK_FAULT_FULL,
                                                  DISK_FAULT_CRASH };
    uint64_t count = 0;
    for (options.fault_life = 1; options.fault_life <= 2; options.fault_life++) {
        for (size_t i = 0; i < 2 * EP_ARRAY_LEN(kinds); i++) {
            options.fault.kind = kinds[i / 2];
            options.fault.for_ever = i % 2 == 1;
            count += main_fail_each(seed, each);
        }
    }
    (void)printf("%" PRIu64 " histories of seed %" PRIu64
                 ", each with one fault more: all is as it "
                 "must be\n",
                 count, seed);
    return 0;
}

static int64_t main_now_s(void)
{
    struct timespec now;
    return clock_gettime(CLOCK_MONOTONIC, &now) == 0 ? now.tv_sec : 0;
}

static int main_fresh(int64_t seconds)
{
    struct timespec now;
    if (clock_gettime(CLOCK_REALTIME, &now) != 0) {
        return 2;
    }
    uint64_t from = ((uint64_t)now.tv_sec << 30 ^ (uint64_t)now.tv_nsec) << 10;
    uint64_t count = 0;
    int64_t until_s = main_now_s() + seconds;
    (void)printf("fresh seeds from %" PRIu64 " (keep one that fails in tests/sim/seeds)\n", from);
    (void)fflush(stdout);
    for (; main_now_s() < until_s; count++) {
        main_run(from + count, false);
    }
    (void)printf("%" PRIu64 " fresh seeds: all is as it must be\n", count);
    return 0;
}

static int main_usage(void)
{
    (void)fputs("usage: ep-sim --seed N | --seeds FROM COUNT | --file PATH | --fresh SECONDS"
                " | --faults SEED EACH"
                " [--calls N] [--verbose]\n",
                stderr);
    return 2;
}

static int main_file(const char *path)
{
    char line[256];
    int count = 0;
    FILE *file = fopen(path, "r");
    if (file == NULL) {
        (void)fprintf(stderr, "ep-sim: could not open \"%s\"\n", path);
        return 2;
    }
    while (fgets(line, sizeof(line), file) != NULL) {
        uint64_t seed = 0;
        if (sscanf(line, "%" SCNu64, &seed) == 1) {
            main_run(seed, true);
            count++;
        }
    }
    (void)fclose(file);
    (void)printf("%d seeds\n", count);
    return 0;
}

int main(int argc, char **argv)
{
    uint64_t from = 0;
    uint64_t count = 0;
    uint64_t each = 0;
    int seconds = 0;
    const char *file = NULL;
    for (int i = 1; i < argc; i++) {
        const char *name = argv[i];
        const char *value = i + 1 < argc ? argv[i + 1] : "";
        if (strcmp(name, "--verbose") == 0) {
            options.verbose = true;
        } else if (strcmp(name, "--seed") == 0 && sscanf(value, "%" SCNu64, &from) == 1) {
            count = 1;
            i++;
        } else if (strcmp(name, "--seeds") == 0 && i + 2 < argc &&
                   sscanf(value, "%" SCNu64, &from) == 1 &&
                   sscanf(argv[i + 2], "%" SCNu64, &count) == 1) {
            i += 2;
        } else if (strcmp(name, "--fresh") == 0 && sscanf(value, "%d", &seconds) == 1) {
            i++;
        } else if (strcmp(name, "--faults") == 0 && i + 2 < argc &&
                   sscanf(value, "%" SCNu64, &from) == 1 &&
                   sscanf(argv[i + 2], "%" SCNu64, &each) == 1) {
            i += 2;
        } else if (strcmp(name, "--calls") == 0 && sscanf(value, "%d", &options.calls) == 1) {
            i++;
        } else if (strcmp(name, "--file") == 0 && value[0] != '\0') {
            file = value;
            i++;
        } else {
            return main_usage();
        }
    }
    struct fail fail;
    if ((count == 0 && file == NULL && each == 0 && seconds == 0) || options.calls < 1 ||
        options.calls > 900) {
        return main_usage();
    }
    (void)signal(SIGABRT, main_on_abort);
    if (setenv("EP_SIM_SECRET", "simulated", 1) != 0 || crypto_start(&fail) != ERR_OK) {
        return 2;
    }
    if (file != NULL) {
        return main_file(file);
    }
    if (seconds > 0) {
        return main_fresh(seconds);
    }
    if (each > 0) {
        return main_faults(from, each);
    }
    for (uint64_t seed = from; seed < from + count; seed++) {
        main_run(seed, count == 1 || options.verbose);
    }
    (void)printf("%" PRIu64 " seeds from %" PRIu64 ": all is as it must be\n", count, from);
    return 0;
}
