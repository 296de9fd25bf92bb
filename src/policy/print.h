/* Times as verdicts write them. */
#pragma once

#include "base/buf.h"

/* "2026-11-02T12:00:00Z", with as many decimals as it takes; ns >= 0. */
EP_MUST_CHECK enum err print_time(struct buf *out, int64_t ns);
