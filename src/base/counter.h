/*
 * Counters, gauges and histograms of the process, and their Prometheus text. One relaxed atomic
 * addition each; readers see a value that was true a moment ago. Threads: any.
 */
#pragma once

#include "base/buf.h"

#define COUNTER(name, kind, exported, help) COUNTER_##name,
enum counter {
#include "base/counters.def"
    COUNTER_COUNT
};
#undef COUNTER

#define HISTOGRAM(name, exported, help) HISTOGRAM_##name,
enum histogram {
#include "base/histograms.def"
    HISTOGRAM_COUNT
};
#undef HISTOGRAM

void counter_add(enum counter counter, int64_t delta);
void counter_set(enum counter counter, int64_t value);
int64_t counter_get(enum counter counter);
/* One observation. ns >= 0. */
void histogram_add(enum histogram histogram, int64_t ns);
/* All of them in the Prometheus text format, version 0.0.4. */
EP_MUST_CHECK enum err counter_export(struct buf *out);
