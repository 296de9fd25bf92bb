#include "meter/fit.h"

__extension__ typedef __int128 wide; /* squares of sums */

void fit_init(struct fit *fit)
{
    *fit = (struct fit){ .count = 0 };
}

bool fit_add(struct fit *fit, struct id call, int64_t counted, int64_t reported)
{
    if (counted < 0 || counted > FIT_TOKENS_MAX || reported < 0 || reported > FIT_TOKENS_MAX) {
        return false;
    }
    fit->samples[fit->next] = (struct fit_sample){ call, counted, reported };
    fit->count += fit->count < FIT_WINDOW ? 1 : 0;
    fit->next = (fit->next + 1) % FIT_WINDOW;
    return true;
}

const struct fit_sample *fit_sample(const struct fit *fit, size_t i)
{
    ASSERT(i < fit->count);
    size_t oldest = fit->count == FIT_WINDOW ? fit->next : 0;
    return &fit->samples[(oldest + i) % FIT_WINDOW];
}

struct fit_sums {
    size_t calls;
    int64_t x; /* counted */
    int64_t y; /* reported */
    int64_t xx;
    int64_t xy;
    int64_t yy;
};

/* The last `calls` but for those whose number is in `left_out` (SIZE_MAX: none). */
static struct fit_sums fit_sum(const struct fit *fit, size_t calls, const size_t left_out[2])
{
    struct fit_sums sums = { .calls = 0 };
    size_t first = calls < fit->count ? fit->count - calls : 0;
    for (size_t i = first; i < fit->count; i++) {
        const struct fit_sample *sample = fit_sample(fit, i);
        if (i == left_out[0] || i == left_out[1]) {
            continue;
        }
        sums.calls++;
        sums.x += sample->counted;
        sums.y += sample->reported;
        sums.xx += sample->counted * sample->counted;
        sums.xy += sample->counted * sample->reported;
        sums.yy += sample->reported * sample->reported;
    }
    return sums;
}

/* The two calls that pull most at the line: those farthest from the mean. */
static void fit_pullers(const struct fit *fit, const struct fit_sums *sums, size_t ret_left_out[2])
{
    int64_t mean = sums->x / (int64_t)sums->calls;
    int64_t far[2] = { -1, -1 };
    for (size_t i = fit->count - sums->calls; i < fit->count; i++) {
        int64_t off = fit_sample(fit, i)->counted - mean;
        off = off < 0 ? -off : off;
        if (off > far[0]) {
            far[1] = far[0];
            ret_left_out[1] = ret_left_out[0];
            far[0] = off;
            ret_left_out[0] = i;
        } else if (off > far[1]) {
            far[1] = off;
            ret_left_out[1] = i;
        }
    }
}

/* The whole part of the square root, by bits from the top. */
static int64_t fit_root(wide value)
{
    ASSERT(value >= 0);
    wide root = 0;
    for (int bit = 62; bit >= 0; bit--) {
        wide tried = root | (wide)1 << bit;
        if (tried * tried <= value) {
            root = tried;
        }
    }
    return (int64_t)root;
}

/*
 * Least squares in integers. With n calls, D = n Sxx - Sx^2 and N = n Sxy - Sx Sy:
 * b = N / D, a = (Sy D - N Sx) / (n D); n times the squared residuals is
 * Q = n Syy - Sy^2 - N^2 / D, so se(b)^2 = Q / ((n - 2) D) and se(a)^2 = se(b)^2 Sxx / n.
 * Sums of 200 squares of 10^7 stay below 2^75, products of two such differences below 2^126.
 */
static void fit_line(const struct fit_sums *sums, wide spread, struct fit_result *result)
{
    wide n = (wide)sums->calls;
    wide slope = n * sums->xy - (wide)sums->x * sums->y;
    wide rest = n * sums->yy - (wide)sums->y * sums->y - slope * slope / spread;
    wide error2 = (rest > 0 ? rest : 0) * 1000000 / (n - 2) * 1000000 / spread;
    result->slope_known = true;
    result->slope_ppm = (int64_t)((slope - spread) * 1000000 / spread);
    result->slope_error_ppm = fit_root(error2);
    result->offset_milli = (int64_t)((sums->y * spread - slope * sums->x) / n * 1000 / spread);
    result->offset_error_milli = fit_root(error2 * sums->xx / n) / 1000;
}

static bool fit_slope_is_off(const struct fit_result *result)
{
    int64_t off = result->slope_ppm < 0 ? -result->slope_ppm : result->slope_ppm;
    int64_t error = result->slope_error_ppm;
    return result->slope_known && error <= FIT_ERROR_PPM && off + 2 * error >= FIT_SLOPE_PPM &&
           off - 3 * error >= FIT_CERTAIN_PPM;
}

static enum fit_code fit_judge_sums(const struct fit_sums *sums, struct fit_result *result)
{
    wide n = (wide)sums->calls;
    wide spread = n * sums->xx - (wide)sums->x * sums->x;
    if (spread >= n * n * FIT_SPREAD * FIT_SPREAD) {
        fit_line(sums, spread, result);
    } else {
        result->offset_milli = (sums->y - sums->x) * 1000 / (int64_t)sums->calls;
    }
    bool padded = result->offset_milli - 3 * result->offset_error_milli > FIT_OFFSET_MILLI;
    return fit_slope_is_off(result) ? FIT_SLOPE : padded ? FIT_OFFSET : FIT_FINE;
}

void fit_judge_input(const struct fit *fit, size_t calls, struct fit_result *ret_result)
{
    size_t left_out[2] = { SIZE_MAX, SIZE_MAX };
    struct fit_sums sums = fit_sum(fit, calls, left_out);
    struct fit_result result = { .code = FIT_FINE, .calls = sums.calls };
    if (sums.calls >= FIT_CALLS_MIN) {
        result.code = fit_judge_sums(&sums, &result);
    }
    if (result.code != FIT_FINE) {
        /* One or two calls far from all others make a line of their own: it must hold without. */
        struct fit_result rest = { .code = FIT_FINE };
        fit_pullers(fit, &sums, left_out);
        sums = fit_sum(fit, calls, left_out);
        if (fit_judge_sums(&sums, &rest) == FIT_FINE) {
            result.code = FIT_FINE;
        }
    }
    *ret_result = result;
}

void fit_judge_output(const struct fit *fit, size_t calls, struct fit_result *ret_result)
{
    const size_t left_out[2] = { SIZE_MAX, SIZE_MAX };
    struct fit_sums sums = fit_sum(fit, calls, left_out);
    struct fit_result result = { .code = FIT_FINE, .calls = sums.calls };
    if (sums.calls >= FIT_CALLS_MIN && sums.x > 0) {
        result.slope_ppm = (sums.y - sums.x) * 1000000 / sums.x;
        result.slope_known = true;
        result.code = result.slope_ppm > FIT_OUTPUT_PPM ? FIT_OUTPUT : FIT_FINE;
    }
    *ret_result = result;
}

const char *fit_code_name(enum fit_code code)
{
    static const char *const names[] = {
        [FIT_FINE] = "fine",
        [FIT_SLOPE] = "slope",
        [FIT_OFFSET] = "offset",
        [FIT_OUTPUT] = "output",
    };
    ASSERT((unsigned)code < EP_ARRAY_LEN(names));
    return names[code];
}
