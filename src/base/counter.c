#include "base/counter.h"

#include <stdatomic.h>

struct counter_row {
    const char *exported;
    const char *kind;
    const char *help;
};

#define COUNTER(name, kind, exported, help) [COUNTER_##name] = { exported, #kind, help },
static const struct counter_row counter_rows[] = {
#include "base/counters.def"
};
#undef COUNTER

#define HISTOGRAM(name, exported, help) [HISTOGRAM_##name] = { exported, "histogram", help },
static const struct counter_row histogram_rows[] = {
#include "base/histograms.def"
};
#undef HISTOGRAM

/* Upper bounds in microseconds with the text they are exported as (seconds). */
struct histogram_bound {
    int64_t us;
    const char *text;
};

static const struct histogram_bound histogram_bounds[] = {
    { 100, "0.0001" },    { 250, "0.00025" }, { 500, "0.0005" },  { 1000, "0.001" },
    { 2500, "0.0025" },   { 5000, "0.005" },  { 10000, "0.01" },  { 25000, "0.025" },
    { 50000, "0.05" },    { 100000, "0.1" },  { 250000, "0.25" }, { 500000, "0.5" },
    { 1000000, "1" },     { 2500000, "2.5" }, { 10000000, "10" }, { 60000000, "60" },
    { 600000000, "600" },
};

#define HISTOGRAM_BUCKETS (EP_ARRAY_LEN(histogram_bounds) + 1)

static _Atomic int64_t counter_values[COUNTER_COUNT];
static _Atomic int64_t histogram_values[HISTOGRAM_COUNT][HISTOGRAM_BUCKETS];
static _Atomic int64_t histogram_sums_ns[HISTOGRAM_COUNT];

void counter_add(enum counter counter, int64_t delta)
{
    ASSERT((unsigned)counter < COUNTER_COUNT);
    atomic_fetch_add_explicit(&counter_values[counter], delta, memory_order_relaxed);
}

void counter_set(enum counter counter, int64_t value)
{
    ASSERT((unsigned)counter < COUNTER_COUNT);
    atomic_store_explicit(&counter_values[counter], value, memory_order_relaxed);
}

int64_t counter_get(enum counter counter)
{
    ASSERT((unsigned)counter < COUNTER_COUNT);
    return atomic_load_explicit(&counter_values[counter], memory_order_relaxed);
}

void histogram_add(enum histogram histogram, int64_t ns)
{
    ASSERT((unsigned)histogram < HISTOGRAM_COUNT);
    ASSERT(ns >= 0);
    size_t bucket = 0;
    while (bucket < EP_ARRAY_LEN(histogram_bounds) && ns > histogram_bounds[bucket].us * 1000) {
        bucket++;
    }
    atomic_fetch_add_explicit(&histogram_values[histogram][bucket], 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&histogram_sums_ns[histogram], ns, memory_order_relaxed);
}

static enum err counter_export_head(struct buf *out, const struct counter_row *row)
{
    return buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", row->exported, row->help, row->exported,
                      row->kind);
}

static enum err histogram_export(struct buf *out, size_t which)
{
    const struct counter_row *row = &histogram_rows[which];
    TRY(counter_export_head(out, row));
    int64_t total = 0;
    for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++) {
        total += atomic_load_explicit(&histogram_values[which][i], memory_order_relaxed);
        const char *bound = i < EP_ARRAY_LEN(histogram_bounds) ? histogram_bounds[i].text : "+Inf";
        TRY(buf_printf(out, "%s_bucket{le=\"%s\"} %lld\n", row->exported, bound, (long long)total));
    }
    int64_t sum_ns = atomic_load_explicit(&histogram_sums_ns[which], memory_order_relaxed);
    return buf_printf(out, "%s_sum %lld.%09lld\n%s_count %lld\n", row->exported,
                      (long long)(sum_ns / 1000000000), (long long)(sum_ns % 1000000000),
                      row->exported, (long long)total);
}

enum err counter_export(struct buf *out)
{
    for (size_t i = 0; i < COUNTER_COUNT; i++) {
        TRY(counter_export_head(out, &counter_rows[i]));
        TRY(buf_printf(out, "%s %lld\n", counter_rows[i].exported,
                       (long long)counter_get((enum counter)i)));
    }
    for (size_t i = 0; i < HISTOGRAM_COUNT; i++) {
        TRY(histogram_export(out, i));
    }
    return ERR_OK;
}
