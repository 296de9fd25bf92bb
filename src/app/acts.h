/*
 * Every command that works on an open world, as a function from words to text: the command line
 * runs it when no server does, a running server runs it for its control socket.
 *
 * Threads: one at a time, from a thread that may wait.
 */
#pragma once

#include "app/args.h"
#include "app/world.h"

#define ACTS_OUT_MAX ((size_t)64 << 20) /* a list of a hundred thousand clients fits */

enum act_exit {
    ACT_OK,
    ACT_FAILED, /* the check failed, or the act was refused */
    ACT_USAGE,
    ACT_COULD_NOT /* could not run */
};

/* Where an act is done. */
enum act_place {
    ACT_READS,   /* anywhere, beside a running server */
    ACT_CHANGES, /* by the running server, else with the store's lock */
    ACT_ASKS     /* by the running server; without one it only reads */
};

struct acting;

struct act {
    const char *noun;
    const char *verb;  /* NULL: the noun alone */
    const char *usage; /* what stands behind noun and verb */
    const char *flags; /* that it takes, separated by spaces */
    const char *text;  /* a sentence without its stop */
    enum act_place place;
    size_t words_max; /* noun and verb included */
    enum err (*run)(struct acting *acting);
};

/* Ends with a row whose noun is NULL. */
extern const struct act acts[];

/* The act of these words, or NULL. */
const struct act *act_find(const struct args *args);
/* What is printed goes to `out`, what is wrong to `errors`. */
enum act_exit act_run(struct world *world, const struct args *args, struct buf *out,
                      struct buf *errors);

/* What a failed command exits with. */
enum act_exit act_exit_of(enum err err);
/* "entrepot: TEXT (CODE); REMEDY" and a line end; `remedy` may be NULL. */
void act_complain(struct buf *errors, enum err err, const struct fail *fail, const char *remedy);
