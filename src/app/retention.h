/*
 * Four classes of what is kept, each with its own period and reason (conf: retention.*). What is
 * older goes: a job of the running server sees to it, `entrepot erase --due` shows it and does it
 * at once. Amounts, entries, settlements and usage are in none of the classes and stay: they are
 * the books, and name nobody by themselves. Content is in the first class alone, where a client
 * asked for it.
 *
 * Receipts and attempts are walked in their order from where the walk ended last (erasure_row.h),
 * up to the first that is not old enough. What is under a legal hold (held.h) is passed over,
 * noted, and looked at again each time.
 *
 * Threads: any that may wait, one at a time.
 */
#pragma once

#include "app/erasure.h"
#include "conf/conf.h"

enum retention_class {
    RETENTION_ANSWERS,
    RETENTION_SUPPLY,
    RETENTION_EVIDENCE,
    RETENTION_BOOKS,
    RETENTION_CLASSES
};

struct retention_info {
    const char *name; /* "answers", ... */
    const char *what; /* goes */
    const char *why;  /* it stays for so long */
};
extern const struct retention_info retention_infos[RETENTION_CLASSES];

struct retention_periods {
    int64_t ns[RETENTION_CLASSES];
};
struct retention_periods retention_periods(const struct conf *conf);

struct retention_figure {
    int64_t rows;      /* that are due, or that have gone */
    int64_t oldest_ns; /* the oldest that is there; 0: there is none */
    int64_t held;      /* kept by legal holds, of the rows that were looked at */
};
struct retention_figures {
    struct retention_figure classes[RETENTION_CLASSES];
};

/* What is due at `now_ns`; changes nothing. Held rows that no run has seen yet count as due. */
EP_MUST_CHECK enum err retention_look(const struct erasing *erasing,
                                      const struct retention_periods *periods, int64_t now_ns,
                                      struct retention_figures *ret_figures, struct fail *fail);
/* Takes it away, until it is done or, between two jobs, `until_ns` of the system's clock has
 * passed; 0: it does not matter how long. */
EP_MUST_CHECK enum err retention_run(const struct erasing *erasing,
                                     const struct retention_periods *periods, int64_t until_ns,
                                     int64_t now_ns, struct retention_figures *ret_figures,
                                     struct fail *fail);
