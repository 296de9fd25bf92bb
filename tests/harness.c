#include "harness.h"

#include <ftw.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"

static struct test_case *test_first;
static struct test_case *test_last;
static const char *test_current;
static jmp_buf test_escape;

void test_register(struct test_case *test)
{
    if (test_first == NULL) {
        test_first = test;
    } else {
        test_last->next = test;
    }
    test_last = test;
}

void test_failed(const char *site, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    (void)fprintf(stderr, "FAIL %s\n  %s: ", test_current, site);
    (void)vfprintf(stderr, format, args);
    (void)fprintf(stderr, "\n");
    va_end(args);
    mem_fail_nth(0);
    longjmp(test_escape, 1);
}

void test_check_str(const char *site, struct str got, struct str want)
{
    if (!str_eq(got, want)) {
        test_failed(site, "got  \"" STR_FMT "\"\n       want \"" STR_FMT "\"", STR_ARG(got),
                    STR_ARG(want));
    }
}

struct str test_at_page_end(struct str text)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    size_t pages = (text.len + page - 1) / page + 1;
    char *area =
        mmap(NULL, pages * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (area == MAP_FAILED || mprotect(area + (pages - 1) * page, page, PROT_NONE) != 0) {
        test_failed(EP_SITE, "could not map a guarded page");
    }
    char *start = area + (pages - 1) * page - text.len;
    if (text.len > 0) {
        memcpy(start, text.ptr, text.len);
    }
    return (struct str){ start, text.len };
}

/* ---- folders ----------------------------------------------------------------------------- */

#define TEST_FOLDERS_MAX 64 /* of one test at a time: most remove theirs themselves */

/* Shared with the children that tests fork: what they make and leave is removed too. */
struct test_folders {
    size_t count;
    char paths[TEST_FOLDERS_MAX][128];
};

static struct test_folders *test_folders;
static pid_t test_main; /* which alone removes */

static void test_folders_begin(void)
{
    void *shared = mmap(NULL, sizeof(*test_folders), PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED) {
        (void)fprintf(stderr, "could not map memory for the tests' folders\n");
        _exit(1);
    }
    test_folders = shared;
    test_main = getpid();
}

/* Those that their tests have removed are forgotten. */
static void test_folders_forget(void)
{
    size_t kept = 0;
    for (size_t i = 0; i < test_folders->count; i++) {
        if (access(test_folders->paths[i], F_OK) == 0) {
            memmove(test_folders->paths[kept++], test_folders->paths[i],
                    sizeof(test_folders->paths[i]));
        }
    }
    test_folders->count = kept;
}

char *test_folder(char *path)
{
    if (mkdtemp(path) == NULL) {
        return NULL;
    }
    if (test_folders->count == TEST_FOLDERS_MAX) {
        test_folders_forget();
    }
    if (test_folders->count == TEST_FOLDERS_MAX || strlen(path) >= sizeof(test_folders->paths[0])) {
        test_failed(EP_SITE, "no room to note the folder %s", path);
    }
    (void)snprintf(test_folders->paths[test_folders->count++], sizeof(test_folders->paths[0]), "%s",
                   path);
    return path;
}

static int test_folder_visit(const char *path, const struct stat *status, int kind, struct FTW *ftw)
{
    (void)ftw;
    if (kind == FTW_DNR) {
        (void)chmod(path, status->st_mode | S_IRWXU);
    }
    (void)remove(path); /* what cannot be removed must not keep the rest */
    return 0;
}

static void test_folders_remove(void)
{
    if (test_main != getpid()) {
        return;
    }
    for (size_t i = 0; i < test_folders->count; i++) {
        (void)nftw(test_folders->paths[i], test_folder_visit, 16, FTW_DEPTH | FTW_PHYS);
    }
    test_folders->count = 0;
}

#define TEST_ALLOCATIONS_MAX 100000 /* a body that asks more often than this loops */

int test_each_allocation_failing(void (*body)(void))
{
    for (uint64_t nth = 1; nth < TEST_ALLOCATIONS_MAX; nth++) {
        int64_t open = mem_blocks_open();
        mem_fail_nth(nth);
        body();
        uint64_t requests = mem_requests();
        mem_fail_nth(0);
        if (mem_blocks_open() != open) {
            test_failed(EP_SITE, "%lld blocks leaked when heap request %llu failed",
                        (long long)(mem_blocks_open() - open), (unsigned long long)nth);
        }
        if (requests < nth) {
            return (int)nth;
        }
    }
    test_failed(EP_SITE, "more than %d heap requests", TEST_ALLOCATIONS_MAX);
}

int main(int argc, char **argv)
{
    /* Statics: a failed test comes back by longjmp, which need not keep locals. */
    static int passed;
    static int failed;
    static struct test_case *test;
    test_folders_begin();
    for (test = test_first; test != NULL; test = test->next) {
        if (argc > 1 && strstr(test->name, argv[1]) == NULL) {
            continue;
        }
        test_current = test->name;
        if (setjmp(test_escape) == 0) {
            test->run();
            passed++;
        } else {
            failed++;
        }
        test_folders_remove();
    }
    (void)printf("%d passed, %d failed\n", passed, failed);
    return failed > 0 || passed == 0;
}
