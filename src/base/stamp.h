/*
 * Points in time as int64 nanoseconds since 1970-01-01 UTC, and their RFC 3339 text. Only the
 * loop knows what time it is now (loop_wall_ns); this file converts.
 */
#pragma once

#include "base/buf.h"

#define STAMP_NS_PER_S  INT64_C(1000000000)
#define STAMP_NS_PER_MS INT64_C(1000000)

/* "2026-11-24T12:00:00.123Z"; milliseconds, always with three digits. ns >= 0. */
EP_MUST_CHECK enum err stamp_print(struct buf *out, int64_t ns);
/* A date ("2026-11-24": its first instant, UTC) or RFC 3339 time with "Z" or a numeric offset. */
EP_MUST_CHECK bool stamp_parse(struct str text, int64_t *ret_ns);
/* A year ("2026"), a month ("2026-11") or a day, UTC: [from, until). */
EP_MUST_CHECK bool stamp_period(struct str text, int64_t *ret_from_ns, int64_t *ret_until_ns);
/* Days, UTC, numbered without a gap; ns >= 0. And the first instant of one. */
int64_t stamp_day(int64_t ns);
int64_t stamp_of_day(int64_t day);
/* The month of a time in UTC, as a number: 202611 is November 2026. ns >= 0. */
int64_t stamp_month(int64_t ns);
/* Its first instant; 202613 is the month after 202612. */
int64_t stamp_of_month(int64_t month);
/* "2026-11" > 202611; the years that stamp_parse() reads. */
EP_MUST_CHECK bool stamp_parse_month(struct str text, int64_t *ret_month);
/* The day of a time in UTC, as a number: 20261126. ns >= 0. */
int64_t stamp_date(int64_t ns);
/* A span of time as Go prints it, and OpenAI's headers have it: "6m0s", "1.5s", "12ms", "0s".
 * Rounded up to a millisecond, so that who waits so long has waited long enough. ns >= 0. */
EP_MUST_CHECK enum err stamp_print_span(struct buf *out, int64_t ns);
/* The system's wall clock, for programs that run no loop. */
int64_t stamp_system_ns(void);
