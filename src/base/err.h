/*
 * Failures: one enum for the whole program, one table behind it, and the everyday macros.
 *
 * A failure is a code (for machines) and, where there is something to say, a `struct fail` with one
 * sentence for the operator. A client is only ever told what the table says: status, type, code
 * and public sentence. A broken invariant is no failure: ASSERT stops the process.
 */
#pragma once

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err_table.h"

#define EP_MUST_CHECK                   __attribute__((warn_unused_result))
#define EP_CLEANUP(release)             __attribute__((cleanup(release)))
#define EP_PRINTF(at, args)             __attribute__((format(printf, at, args)))
#define EP_CONTAINER(ptr, type, member) ((type *)(void *)((char *)(ptr)-offsetof(type, member)))
#define EP_ARRAY_LEN(array)             (sizeof(array) / sizeof((array)[0]))

#define EP_STRINGIFY_(x) #x
#define EP_STRINGIFY(x)  EP_STRINGIFY_(x)
#define EP_SITE          __FILE__ ":" EP_STRINGIFY(__LINE__)

/* For a result that is left unread on purpose; gcc does not take a (void) for it. */
#define EP_IGNORE(expr) ((void)!(expr))

/* Always on, also in production: cheap, one fact each, no side effects. Never for outside input. */
#define ASSERT(cond) ((cond) ? (void)0 : assert_failed(EP_SITE, #cond))
/* Whole-structure checks: on where the build asks for them (debug, simulator, fuzz). */
#ifdef NDEBUG
#    define ASSERT_SLOW(cond) ((void)0)
#else
#    define ASSERT_SLOW(cond) ASSERT(cond)
#endif

/* What a failure means to whoever has to act on it. */
enum err_kind {
    ERR_KIND_FINE,
    ERR_KIND_CLIENT, /* the client's doing: the same again will fail again */
    ERR_KIND_RETRY,  /* may pass later or elsewhere */
    ERR_KIND_FAULT   /* ours: somebody must look */
};

#define ERR_AS_ENUM(name, kind, status, type, code, text) ERR_##name,
enum err {
    ERR_TABLE(ERR_AS_ENUM) ERR_COUNT
};
#undef ERR_AS_ENUM

struct err_info {
    const char *name; /* "LEDGER_FUNDS": for logs */
    const char *type; /* what a client sees from here on */
    const char *code;
    const char *text;
    enum err_kind kind;
    int status; /* HTTP; 0 for OK alone */
};

/* Never NULL; `err` must be one of the table. The row lives as long as the process. */
const struct err_info *err_info(enum err err);

#define FAIL_TEXT_MAX 256 /* one sentence with two quoted names and a system error */

/* Filled where a failure is noticed, printed once by whoever decides. */
struct fail {
    enum err code;
    int sys_errno;    /* 0: the system had no part in it */
    const char *site; /* static */
    char text[FAIL_TEXT_MAX];
};

/* Fills `fail` (NULL: only the code matters to the caller) and returns `code`. */
enum err fail_set(struct fail *fail, enum err code, int sys_errno, const char *site,
                  const char *format, ...) EP_PRINTF(5, 6);

#define FAIL(fail, code, ...)     fail_set((fail), (code), 0, EP_SITE, __VA_ARGS__)
#define FAIL_SYS(fail, code, ...) fail_set((fail), (code), errno, EP_SITE, __VA_ARGS__)

/* Returns early with the failure of `expr`; only where nothing is owned outside EP_CLEANUP. */
#define TRY(expr)                   \
    do {                            \
        enum err try_err_ = (expr); \
        if (try_err_ != ERR_OK) {   \
            return try_err_;        \
        }                           \
    } while (0)

/* Prints the broken invariant to standard error and aborts. */
_Noreturn void assert_failed(const char *site, const char *what);
