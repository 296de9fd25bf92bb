/* What calls of speech and of transcriptions share. Inside the gate only. */
#pragma once

#include "base/err.h"

struct call;

/* Whole seconds, of which a begun one counts. */
static inline int64_t audio_seconds(int64_t ms)
{
    return (ms + 999) / 1000;
}

/* How far a report and our count of a recording may be apart: encoders pad, and some containers
 * tell whole seconds. Two seconds, or 3 percent. */
static inline int64_t audio_slack_ms(int64_t ms)
{
    return ms * 3 / 100 > 2000 ? ms * 3 / 100 : 2000;
}

/* Whether what was asked for is billed by what the request holds: the answer was delivered whole,
 * or the client has left by itself. Where the upstream broke off, nobody can tell for how much of
 * it the client got something: then it is not. */
bool audio_is_sold(const struct call *call);
