/*
 * ep-sim-dispatch: an hour of recorded-shape traffic over upstreams that slow, fail and recover,
 * under Entrepot's dispatch and under what others do.
 *
 *   ep-sim-dispatch [--seed N] [--scale N] [--svg FILE]   the table, and the plot
 *   ep-sim-dispatch --check                               small runs; 1: we were worse in one
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "plot.h"

#define CHECK_SEEDS 3

static void main_print(const struct run_result results[POLICY_KINDS])
{
    printf("| policy | good %% | cut off | refused | p50 ms | p99 ms | USD a 1000 good "
           "| attempts a call | same upstream %% |\n");
    printf("|---|---|---|---|---|---|---|---|---|\n");
    for (size_t i = 0; i < POLICY_KINDS; i++) {
        const struct run_result *r = &results[i];
        int64_t good = r->good > 0 ? r->good : 1;
        int64_t turns = r->turns > 0 ? r->turns : 1;
        int64_t micro = r->cost_nano / good; /* nano a call = micro a thousand */
        printf("| %s | %ld.%02ld | %ld | %ld | %ld | %ld | %ld.%04ld | %ld.%03ld | %ld |\n",
               policy_names[i], r->good * 100 / r->calls, r->good * 10000 / r->calls % 100, r->cut,
               r->calls - r->whole - r->cut, r->p50_ns / 1000000, r->p99_ns / 1000000,
               micro / 1000000, micro % 1000000 / 100, r->attempts / r->calls,
               r->attempts * 1000 / r->calls % 1000, r->stayed * 100 / turns);
    }
}

/* ---- no worse than the others -------------------------------------------------------------- */

static int worse(bool is, uint64_t seed, size_t ours, size_t theirs, const char *what)
{
    if (is) {
        printf("seed %lu: %s has %s than %s\n", seed, policy_names[ours], what,
               policy_names[theirs]);
    }
    return is;
}

/* Each of ours in goodput and in the tail, and each in what it is asked to be best at. */
static int check_seed(uint64_t seed)
{
    struct run_result results[POLICY_KINDS];
    const struct run_options options = { .seed = seed, .scale = 3, .steps = SHAPE_STEPS };
    int faults = 0;
    for (size_t i = 0; i < POLICY_KINDS; i++) {
        run_policy(&options, (enum policy_kind)i, &results[i]);
    }
    for (size_t ours = 0; ours < POLICY_OURS; ours++) {
        for (size_t theirs = POLICY_OURS; theirs < POLICY_KINDS; theirs++) {
            const struct run_result *a = &results[ours];
            const struct run_result *b = &results[theirs];
            faults += worse(a->good < b->good, seed, ours, theirs, "fewer good calls");
            faults += worse(a->p99_ns > b->p99_ns, seed, ours, theirs, "a later p99");
            faults += worse(ours <= POLICY_NEAR_PRICE && a->cost_nano > b->cost_nano, seed, ours,
                            theirs, "a higher cost");
            faults += worse(ours == POLICY_LATENCY && a->p50_ns > b->p50_ns, seed, ours, theirs,
                            "a later p50");
        }
    }
    return faults;
}

static int check(void)
{
    int faults = 0;
    for (uint64_t seed = 1; seed <= CHECK_SEEDS; seed++) {
        faults += check_seed(seed);
    }
    printf("%d seeds, %d policies of ours and %d others: %d faults\n", CHECK_SEEDS, POLICY_OURS,
           POLICY_KINDS - POLICY_OURS, faults);
    return faults > 0;
}

static int plot_to(const char *path, const struct run_options *options,
                   const struct run_result results[POLICY_KINDS])
{
    FILE *out = fopen(path, "w");
    if (out == NULL) {
        fprintf(stderr, "could not write \"%s\": %s\n", path, strerror(errno));
        return 3;
    }
    plot_write(out, options, results);
    if (fclose(out) != 0) {
        fprintf(stderr, "could not write \"%s\": %s\n", path, strerror(errno));
        return 3;
    }
    return 0;
}

int main(int argc, char **argv)
{
    static struct run_result results[POLICY_KINDS];
    struct run_options options = { .seed = 1, .scale = 4, .steps = SHAPE_STEPS };
    const char *svg = NULL;
    for (int i = 1; i < argc; i++) {
        uint64_t number = 0;
        bool has = i + 1 < argc && str_to_u64(str_from(argv[i + 1]), &number);
        if (strcmp(argv[i], "--check") == 0) {
            return check();
        }
        if (strcmp(argv[i], "--svg") == 0 && i + 1 < argc) {
            svg = argv[++i];
        } else if (strcmp(argv[i], "--seed") == 0 && has) {
            options.seed = number;
            i++;
        } else if (strcmp(argv[i], "--scale") == 0 && has && number >= 1 && number <= 100) {
            options.scale = (int64_t)number;
            i++;
        } else {
            fprintf(stderr, "usage: %s [--seed N] [--scale 1..100] [--svg FILE] | --check\n",
                    argv[0]);
            return 2;
        }
    }
    for (size_t i = 0; i < POLICY_KINDS; i++) {
        run_policy(&options, (enum policy_kind)i, &results[i]);
    }
    main_print(results);
    return svg == NULL ? 0 : plot_to(svg, &options, results);
}
