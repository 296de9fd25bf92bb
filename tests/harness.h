/*
 * The test harness: a program a file, a function a test, names that are sentences.
 *
 *   TEST(an_empty_list_is_empty) { CHECK(list_empty(&list)); }
 *
 * Tests register themselves and run in file order; a failed CHECK ends its test. Exit status: 0 all
 * passed, 1 some failed. Prints "N passed, N failed" last.
 */
#pragma once

#include "base/str.h"

struct test_case {
    const char *name;
    void (*run)(void);
    struct test_case *next;
};

void test_register(struct test_case *test);
_Noreturn void test_failed(const char *site, const char *format, ...) EP_PRINTF(2, 3);
void test_check_str(const char *site, struct str got, struct str want);

#define TEST(name)                                                      \
    static void test_##name(void);                                      \
    __attribute__((constructor)) static void test_register_##name(void) \
    {                                                                   \
        static struct test_case test = { #name, test_##name, NULL };    \
        test_register(&test);                                           \
    }                                                                   \
    static void test_##name(void)

#define CHECK(cond)                            \
    do {                                       \
        if (!(cond)) {                         \
            test_failed(EP_SITE, "%s", #cond); \
        }                                      \
    } while (0)

#define CHECK_EQ(got, want)                                                            \
    do {                                                                               \
        long long test_got_ = (long long)(got);                                        \
        long long test_want_ = (long long)(want);                                      \
        if (test_got_ != test_want_) {                                                 \
            test_failed(EP_SITE, "%s is %lld, not %lld", #got, test_got_, test_want_); \
        }                                                                              \
    } while (0)

#define CHECK_STR(got, want) test_check_str(EP_SITE, (got), (want))

/* `text` copied so that its last byte is the last byte of a page and the next page faults: an
 * over-read by one byte is seen. Freed when the process ends. */
struct str test_at_page_end(struct str text);

/* mkdtemp(); what is still there of it when the test ends, however it does, is removed. NULL: it
 * could not be made. */
char *test_folder(char *path);

/* Runs `body` again and again, failing the first, the second, ... heap request, until a run needs
 * no more. `body` must return, leak nothing, and may fail. Returns the number of runs. */
int test_each_allocation_failing(void (*body)(void));
