/*
 * `entrepot quickstart`: the lines that point a tool at this server. docs/clients.md shows the same
 * ones, and the tests run them.
 */
#pragma once

#include "app/acts.h"

/* The lines go to `out`. A tool that is not known is told on `errors`, as a fault of the command
 * line. */
enum act_exit quickstart_run(const struct args *args, struct buf *out, struct buf *errors);
