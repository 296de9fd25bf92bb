/* One seed's history from an empty disk to the last audit. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct run_options {
    uint64_t seed;
    int calls;
    bool verbose;
};

struct run_figures {
    uint64_t digest; /* equal histories, equal numbers */
    uint64_t lives;
    uint64_t steps;
    int64_t checks;
};

/* Ends the program if something is not as it must be. */
void run_seed(const struct run_options *options, struct run_figures *ret_figures);
