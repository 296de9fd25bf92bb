#include "plot.h"

#include "base/err.h"

#define PLOT_WIDTH  960
#define PLOT_LEFT   70
#define PLOT_RIGHT  940
#define PLOT_TOP    150 /* of the upper panel; the incidents' names stand above it */
#define PLOT_BOTTOM 430
#define PLOT_BARS   500 /* of the lower panel */
#define PLOT_BAR    26
#define PLOT_LEAST  100 /* ms: the axis' ends */
#define PLOT_MOST   32000
#define PLOT_LANES  5

struct plot_line {
    enum policy_kind kind;
    const char *colour;
};

static const struct plot_line lines[] = {
    { POLICY_ROUND_ROBIN, "#b0b0b0" },
    { POLICY_LEAST_LOADED, "#e08a00" },
    { POLICY_PRICE, "#0b7a3b" },
    { POLICY_LATENCY, "#1f5fd0" },
};

/* log2, in 1024ths, straight between powers of two: the ticks bend alike. value > 0. */
static int64_t plot_log(int64_t value)
{
    int64_t whole = 63 - __builtin_clzll((unsigned long long)value);
    return whole * 1024 + ((value << 10) >> whole) - 1024;
}

static int64_t plot_y(int64_t ms)
{
    int64_t most = plot_log(PLOT_MOST) - plot_log(PLOT_LEAST);
    int64_t in = ms < PLOT_LEAST ? PLOT_LEAST : ms > PLOT_MOST ? PLOT_MOST : ms;
    return PLOT_BOTTOM - (plot_log(in) - plot_log(PLOT_LEAST)) * (PLOT_BOTTOM - PLOT_TOP) / most;
}

static int64_t plot_x(int64_t ns)
{
    return PLOT_LEFT +
           ns / 1000000 * (PLOT_RIGHT - PLOT_LEFT) / (SHAPE_STEPS * (SHAPE_STEP_NS / 1000000));
}

static void plot_incidents(FILE *out)
{
    for (size_t i = 0; i < incident_count; i++) {
        int64_t from = plot_x(incidents[i].from_ns);
        int64_t lane = PLOT_TOP - 8 - 16 * (int64_t)(i % PLOT_LANES);
        fprintf(out, "<rect x='%ld' y='%ld' width='%ld' height='%ld' fill='#d33' opacity='.10'/>\n",
                from, lane - 11, plot_x(incidents[i].until_ns) - from, PLOT_BOTTOM - lane + 11);
        fprintf(out, "<text x='%ld' y='%ld' fill='#a22'>%s</text>\n", from + 2, lane,
                incidents[i].text);
    }
}

static void plot_axes(FILE *out)
{
    static const int64_t ticks[] = { 100, 300, 1000, 3000, 10000, 30000 };
    for (size_t i = 0; i < EP_ARRAY_LEN(ticks); i++) {
        int64_t y = plot_y(ticks[i]);
        fprintf(out, "<path d='M%d %ldH%d' stroke='#ddd'/>\n", PLOT_LEFT, y, PLOT_RIGHT);
        fprintf(out, "<text x='%d' y='%ld' text-anchor='end'>%ld.%ld s</text>\n", PLOT_LEFT - 6,
                y + 4, ticks[i] / 1000, ticks[i] / 100 % 10);
    }
    for (int64_t minute = 0; minute <= 55; minute += 5) {
        int64_t x = plot_x(minute * 60 * INT64_C(1000000000));
        fprintf(out, "<text x='%ld' y='%d' text-anchor='middle'>%ld min</text>\n", x,
                PLOT_BOTTOM + 18, minute);
    }
}

static void plot_lines(FILE *out, const struct run_result results[POLICY_KINDS])
{
    for (size_t i = 0; i < EP_ARRAY_LEN(lines); i++) {
        const struct run_result *result = &results[lines[i].kind];
        fprintf(out, "<polyline fill='none' stroke='%s' stroke-width='1.6' points='",
                lines[i].colour);
        for (size_t bin = 0; bin < RUN_BINS; bin++) {
            int64_t at = (int64_t)bin * RUN_BIN_STEPS * SHAPE_STEP_NS;
            fprintf(out, "%ld,%ld ", plot_x(at), plot_y(result->bins[bin].p99_ns / 1000000));
        }
        fprintf(out, "'/>\n<text x='%ld' y='40' fill='%s' font-weight='bold'>%s</text>\n",
                PLOT_LEFT + 200 * (int64_t)i, lines[i].colour, policy_names[lines[i].kind]);
    }
}

/* A bar each: as long as its cost, with the cost and the goodput written behind it. */
static void plot_bars(FILE *out, const struct run_result results[POLICY_KINDS])
{
    int64_t most = 1;
    int64_t cost[POLICY_KINDS]; /* micro units a thousand good calls */
    for (size_t i = 0; i < POLICY_KINDS; i++) {
        cost[i] = results[i].cost_nano / (results[i].good > 0 ? results[i].good : 1);
        most = cost[i] > most ? cost[i] : most;
    }
    fprintf(out,
            "<text x='%d' y='%d' font-weight='bold'>USD a 1000 good calls; calls that were "
            "whole and began within 5 s</text>\n",
            PLOT_LEFT, PLOT_BARS - 14);
    for (size_t i = 0; i < POLICY_KINDS; i++) {
        int64_t y = PLOT_BARS + PLOT_BAR * (int64_t)i;
        int64_t length = cost[i] * 500 / most;
        int64_t good = results[i].good * 10000 / (results[i].calls > 0 ? results[i].calls : 1);
        fprintf(out, "<text x='%d' y='%ld' text-anchor='end'>%s</text>\n", PLOT_LEFT + 130, y + 14,
                policy_names[i]);
        fprintf(out, "<rect x='%d' y='%ld' width='%ld' height='18' fill='%s'/>\n", PLOT_LEFT + 140,
                y, length, i < POLICY_OURS ? "#0b7a3b" : "#b0b0b0");
        fprintf(out, "<text x='%ld' y='%ld'>%ld.%02ld USD, %ld.%02ld %% good</text>\n",
                PLOT_LEFT + 148 + length, y + 14, cost[i] / 1000000, cost[i] / 10000 % 100,
                good / 100, good % 100);
    }
}

void plot_write(FILE *out, const struct run_options *options,
                const struct run_result results[POLICY_KINDS])
{
    int height = PLOT_BARS + PLOT_BAR * POLICY_KINDS + 10;
    fprintf(out,
            "<svg xmlns='http://www.w3.org/2000/svg' width='%d' height='%d' viewBox='0 0 %d %d' "
            "font-family='sans-serif' font-size='12'>\n",
            PLOT_WIDTH, height, PLOT_WIDTH, height);
    fprintf(out, "<title>ep-sim-dispatch --seed %lu --scale %ld</title>\n", options->seed,
            options->scale);
    fprintf(out, "<rect width='%d' height='%d' fill='#fff'/>\n", PLOT_WIDTH, height);
    fprintf(out,
            "<text x='%d' y='20' font-size='15'>Time to the first token, 99th percentile of "
            "each 20 s (a lost call: 30 s)</text>\n",
            PLOT_LEFT);
    plot_incidents(out);
    plot_axes(out);
    plot_lines(out, results);
    plot_bars(out, results);
    fprintf(out, "</svg>\n");
}
