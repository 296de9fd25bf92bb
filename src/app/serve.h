/* `entrepot serve`: runs the server until SIGTERM or SIGINT. Returns the exit code. */
#pragma once

#include "app/args.h"

int serve_run(const struct args *args);
