/* The plot of a simulation: the 99th percentile of the first token over the hour under some of the
 * policies, what befell the upstreams meanwhile, and cost and goodput of all policies. */
#pragma once

#include <stdio.h>

#include "run.h"

void plot_write(FILE *out, const struct run_options *options,
                const struct run_result results[POLICY_KINDS]);
