#include "base/err.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* One row per code; the compiler keeps the enum and this table in step. */
#define ERR_AS_ROW(name, kind, status, type, code, text) \
    [ERR_##name] = { #name, type, code, text, ERR_KIND_##kind, status },
static const struct err_info err_rows[] = { ERR_TABLE(ERR_AS_ROW) };
#undef ERR_AS_ROW

/* Whatever is not fine carries a status and a sentence, and only that. */
#define ERR_CHECK_ROW(name, kind, status, type, code, text)                                  \
    _Static_assert((ERR_KIND_##kind == ERR_KIND_FINE) == ((status) == 0), #name ": status"); \
    _Static_assert(((status) == 0) == (sizeof(text) == 1), #name ": public text");           \
    _Static_assert(((status) == 0) == (sizeof(code) == 1), #name ": code");
ERR_TABLE(ERR_CHECK_ROW)
#undef ERR_CHECK_ROW

const struct err_info *err_info(enum err err)
{
    ASSERT((unsigned)err < ERR_COUNT);
    return &err_rows[err];
}

enum err fail_set(struct fail *fail, enum err code, int sys_errno, const char *site,
                  const char *format, ...)
{
    ASSERT(code != ERR_OK);
    if (fail == NULL) {
        return code;
    }
    fail->code = code;
    fail->sys_errno = sys_errno;
    fail->site = site;

    va_list args;
    va_start(args, format);
    int len = vsnprintf(fail->text, sizeof(fail->text), format, args);
    va_end(args);
    if (sys_errno != 0 && len >= 0 && (size_t)len < sizeof(fail->text)) {
        const char *reason = strerrordesc_np(sys_errno);
        (void)snprintf(fail->text + len, sizeof(fail->text) - (size_t)len, ": %s",
                       reason != NULL ? reason : "unknown system error");
    }
    return code;
}

void assert_failed(const char *site, const char *what)
{
    /* No allocation and no lock: the heap or a lock may be what is broken. */
    char line[512];
    int len = snprintf(line, sizeof(line), "entrepot: broken invariant at %s: %s\n", site, what);
    if (len > 0) {
        size_t size = (size_t)len < sizeof(line) ? (size_t)len : sizeof(line) - 1;
        ssize_t written = write(STDERR_FILENO, line, size);
        (void)written; /* nothing is left to tell it to */
    }
    abort();
}
