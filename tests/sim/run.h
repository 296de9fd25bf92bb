/* One seed's history from an empty disk to the last audit. */
#pragma once

#include "disk.h"

struct run_options {
    uint64_t seed;
    int calls;
    bool verbose;
    /* Not 0: the disk fails in that life alone, as `fault` says, counted from before its opening;
     * else as the seed says. */
    uint64_t fault_life;
    struct disk_fault fault;
};

struct run_figures {
    uint64_t digest; /* equal histories, equal numbers */
    uint64_t lives;
    uint64_t steps;
    int64_t checks;
    bool struck; /* the fault has */
};

/* Ends the program if something is not as it must be. */
void run_seed(const struct run_options *options, struct run_figures *ret_figures);
