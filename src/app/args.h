/*
 * A command line in parts: words in order, flags with values, switches. No allocation, nothing
 * copied: everything borrows argv.
 *
 *   entrepot client add --name Acme --json -c entrepot.yaml
 */
#pragma once

#include "base/str.h"

#define ARGS_WORDS_MAX 64 /* `registry check` takes files; a shell glob of a registry has ten */
#define ARGS_FLAGS_MAX 32

struct args_flag {
    struct str name; /* without the dashes; "-c" is "config", "-o" is "output" */
    struct str value;
    bool has_value;
};

struct args {
    struct str words[ARGS_WORDS_MAX];
    size_t word_count;
    struct args_flag flags[ARGS_FLAGS_MAX];
    size_t flag_count;
};

/* A flag that takes a value is one of the table in args.c; all others are switches. */
EP_MUST_CHECK enum err args_read(int argc, const char *const *argv, struct args *ret_args,
                                 struct fail *fail);
/* The value, or an empty slice; the last one wins. */
struct str args_value(const struct args *args, const char *name);
bool args_has(const struct args *args, const char *name);
/* The word at `at`, or an empty slice. */
struct str args_word(const struct args *args, size_t at);
/* Refuses flags that are not in `allowed` (space-separated); --json, --config and --help are. */
EP_MUST_CHECK enum err args_only(const struct args *args, const char *allowed, struct fail *fail);
