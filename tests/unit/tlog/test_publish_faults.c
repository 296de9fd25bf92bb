/*
 * Publishing that is cut off: the process ends before each operation on the folder, or the
 * operation fails, once or for ever, or memory does. Whatever is left, a checkpoint that is shown
 * stands on whole tiles, and the next round publishes everything.
 */
#include <stdarg.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "base/mem.h"
#include "publish_case.h"

#define LINE "\xE2\x80\x94 w.example AAAAAAAAAAAAAAAA\n"
#define DEAD 42 /* the exit status of a process that a fault ended */

static struct publish_case it;

/* ---- the system's calls --------------------------------------------------------------------- */

enum fault {
    FAULT_NONE,
    FAULT_DIES,
    FAULT_FAILS,
    FAULT_FAILS_EVER,
    FAULT_SHORT /* writes do half of their work, and say so */
};

static struct {
    enum fault kind;
    int left; /* operations until it strikes */
    int seen;
    bool struck;
} fault;

static void fault_set(enum fault kind, int nth)
{
    fault.kind = kind;
    fault.left = nth;
    fault.seen = 0;
    fault.struck = false;
}

/* The log's folder alone: the store has faults of its own. */
static bool fault_is_ours(const char *path)
{
    return fault.kind != FAULT_NONE && strstr(path, "/log/") != NULL;
}

static bool fault_is_our_file(int fd)
{
    char link[64];
    char path[256] = "";
    if (fault.kind == FAULT_NONE) {
        return false;
    }
    (void)snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    long len = syscall(SYS_readlink, link, path, sizeof(path) - 2);
    path[len < 0 ? 0 : len] = '/'; /* the folder itself is one of ours */
    return fault_is_ours(path);
}

/* Whether the operation fails. */
static bool fault_strikes(bool ours)
{
    bool for_ever = fault.kind == FAULT_FAILS_EVER;
    if (!ours || fault.kind == FAULT_SHORT) {
        return false;
    }
    fault.seen++;
    if (--fault.left == 0 && fault.kind == FAULT_DIES) {
        _exit(DEAD);
    }
    bool strikes = fault.kind >= FAULT_FAILS && (fault.left == 0 || (fault.left < 0 && for_ever));
    fault.struck |= strikes;
    if (strikes) {
        errno = for_ever ? ENOSPC : EIO;
    }
    return strikes;
}

int open(const char *path, int flags, ...)
{
    va_list args;
    va_start(args, flags);
    int mode = (flags & O_CREAT) != 0 ? va_arg(args, int) : 0;
    va_end(args);
    return fault_strikes(fault_is_ours(path))
               ? -1
               : (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
}

int mkdir(const char *path, mode_t mode)
{
    return fault_strikes(fault_is_ours(path)) ? -1
                                              : (int)syscall(SYS_mkdirat, AT_FDCWD, path, mode);
}

int rename(const char *from, const char *to)
{
    return fault_strikes(fault_is_ours(to))
               ? -1
               : (int)syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0);
}

int unlink(const char *path)
{
    bool ours = fault_is_ours(path) && syscall(SYS_faccessat, AT_FDCWD, path, F_OK) == 0;
    return fault_strikes(ours) ? -1 : (int)syscall(SYS_unlinkat, AT_FDCWD, path, 0);
}

int fsync(int fd)
{
    return fault_strikes(fault_is_our_file(fd)) ? -1 : (int)syscall(SYS_fsync, fd);
}

/* By the folder's lock, which is in it. */
int syncfs(int fd)
{
    return fault_strikes(fault_is_our_file(fd)) ? -1 : (int)syscall(SYS_syncfs, fd);
}

ssize_t pwrite(int fd, const void *bytes, size_t len, off_t at)
{
    bool ours = fault_is_our_file(fd);
    size_t most = ours && fault.kind == FAULT_SHORT && len > 1 ? len / 2 : len;
    return fault_strikes(ours) ? -1 : syscall(SYS_pwrite64, fd, bytes, most, at);
}

ssize_t pread(int fd, void *bytes, size_t len, off_t at)
{
    return fault_strikes(fault_is_our_file(fd)) ? -1 : syscall(SYS_pread64, fd, bytes, len, at);
}

/* ---- a log of 300, of which 5 are published ------------------------------------------------- */

#define OLD 5
#define NEW 300

static char saved[96];

EP_PRINTF(1, 2) static void run_shell(const char *format, ...)
{
    char command[300];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(command, sizeof(command), format, args);
    va_end(args);
    CHECK_EQ(system(command), 0);
}

/* `bulk`: leaves from which on a round's files are synced together; 0: each by itself. */
static void begin(int64_t bulk)
{
    publish_case_begin(&it, OLD);
    it.bulk = bulk;
    publish_case_round(&it);
    tlog_case_append(&it.log, OLD, NEW - OLD);
    publish_case_close(&it);
    tlog_case_close(&it.log);
    (void)snprintf(saved, sizeof(saved), "%s.saved", it.log.folder);
    run_shell("cp -r %s %s", it.log.folder, saved);
}

static void put_back(void)
{
    run_shell("rm -rf %s && cp -r %s %s", it.log.folder, saved, it.log.folder);
}

static void start_again(void)
{
    put_back();
    tlog_case_open(&it.log);
}

static void end(void)
{
    run_shell("rm -rf %s", saved);
    publish_case_end(&it);
}

/* Everything once; what is open stays so. */
static enum err publish(void)
{
    enum err err = it.publisher != NULL ? ERR_OK : publish_case_try_open(&it);
    return err == ERR_OK ? publish_case_try_round(&it) : err;
}

static void check_whole(void)
{
    int64_t shown = publish_case_look(&it);
    CHECK(shown == OLD || shown == NEW);
}

/* Nothing fails any more. */
static void check_goes_on(void)
{
    enum err err = publish();
    if (err != ERR_OK) {
        test_failed(EP_SITE, "%s: %s", err_info(err)->name, it.log.fail.text);
    }
    CHECK_EQ(publish_case_look(&it), NEW);
}

/* ---- the process ends ------------------------------------------------------------------------ */

/* Whether it died. The parent has no thread when it forks. */
static bool publish_dying(int nth)
{
    int status = 0;
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        tlog_case_open(&it.log);
        fault_set(FAULT_DIES, nth);
        _exit(publish() == ERR_OK ? 0 : 1);
    }
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK(WIFEXITED(status) && (WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == DEAD));
    return WEXITSTATUS(status) == DEAD;
}

static void die_at_each(int64_t bulk)
{
    bool died = true;
    int nth = 1;
    begin(bulk);
    for (; died; nth++) {
        put_back();
        died = publish_dying(nth);
        check_whole();
        if (nth % 3 == 0) { /* and again while it is taken up */
            (void)publish_dying(nth / 3);
            check_whole();
        }
        tlog_case_open(&it.log);
        check_goes_on();
        publish_case_close(&it);
        tlog_case_close(&it.log);
    }
    CHECK(nth > 30);
    end();
}

TEST(a_process_that_ends_at_any_operation_leaves_what_the_next_one_takes_up)
{
    die_at_each(0);
    die_at_each(1);
}

/* ---- an operation fails ---------------------------------------------------------------------- */

static void fail_at_each(enum fault kind, int64_t bulk)
{
    bool struck = true;
    int failed = 0;
    begin(bulk);
    for (int nth = 1; struck; nth++) {
        start_again();
        fault_set(kind, nth);
        enum err err = publish();
        struck = fault.struck;
        fault_set(FAULT_NONE, 0);
        CHECK(err == ERR_OK || (struck && err == ERR_IO && it.log.fail.text[0] != '\0'));
        failed += err == ERR_IO;
        check_whole();
        check_goes_on();
        publish_case_close(&it);
        tlog_case_close(&it.log);
    }
    CHECK(failed > 20);
    end();
}

TEST(an_operation_that_fails_is_done_again_by_the_next_round)
{
    fail_at_each(FAULT_FAILS, 0);
    fail_at_each(FAULT_FAILS, 1);
}

TEST(a_folder_that_fails_from_some_operation_on_shows_what_it_did)
{
    fail_at_each(FAULT_FAILS_EVER, 0);
    fail_at_each(FAULT_FAILS_EVER, 1);
}

TEST(short_writes_are_gone_on_with)
{
    begin(0);
    start_again();
    fault_set(FAULT_SHORT, 0);
    CHECK_EQ(publish(), ERR_OK);
    fault_set(FAULT_NONE, 0);
    CHECK_EQ(publish_case_look(&it), NEW);
    end();
}

/* ---- memory ---------------------------------------------------------------------------------- */

static enum err run_proof(void *context, struct store_txn *txn, struct fail *fail)
{
    return published_proof(txn, NEW - 1, context, fail);
}

static enum err run_audit(void *context, struct store_txn *txn, struct fail *fail)
{
    return tlog_audit(txn, &it.key, context, fail);
}

static enum err use_all(struct buf *text, struct tlog_figures *figures)
{
    struct fail *fail = &it.log.fail;
    TRY(publish_case_try_open(&it));
    TRY(publish_case_try_round(&it));
    TRY(publish_ask_witness(it.publisher, &it.round, OLD, text, fail));
    TRY(publish_cosigned(it.publisher, &it.round, STR("w"), STR(LINE), fail));
    TRY(publish_case_try_round(&it));
    TRY(store_read(it.log.store, run_proof, text, fail));
    return store_read(it.log.store, run_audit, figures, fail);
}

static void use_all_once(void)
{
    struct buf text;
    struct tlog_figures figures;
    buf_init(&text, PROOF_TEXT_MAX);
    enum err err = use_all(&text, &figures);
    if (err != ERR_OK && err != ERR_NO_MEMORY) {
        test_failed(EP_SITE, "%s: %s", err_info(err)->name, it.log.fail.text);
    }
    CHECK(!store_failed(it.log.store));
    publish_case_close(&it);
    publish_round_fini(&it.round);
    buf_fini(&text);
}

TEST(memory_that_lacks_anywhere_is_told_of_and_the_next_round_has_it)
{
    begin(0);
    start_again();
    publish_round_fini(&it.round);
    CHECK(test_each_allocation_failing(use_all_once) > 20);
    CHECK_EQ(publish_case_look(&it), NEW);
    end();
}
