/* What upstreams say of their limits, in the headers of their answers. */
#include <string.h>

#include "base/money.h"
#include "base/stamp.h"
#include "dispatch/health.h"

#define READ_COUNT_MAX    (INT64_C(1) << 53)     /* beyond it nobody means a number */
#define READ_EPOCH_S_MIN  INT64_C(1000000000)    /* a time is a date from 2001 on; */
#define READ_EPOCH_MS_MIN INT64_C(1000000000000) /* the same in milliseconds */
#define READ_WAIT_MAX_NS  (INT64_C(366) * 86400 * STAMP_NS_PER_S) /* a year: no sum overflows */
#define READ_DATE_LEN     29 /* "Wed, 21 Oct 2015 07:28:00 GMT" */
#define READ_DECIMALS     9

/* ---- times -------------------------------------------------------------------------------- */

static int64_t read_clamp(money_wide ns)
{
    return ns > READ_WAIT_MAX_NS ? READ_WAIT_MAX_NS : ns < 0 ? 0 : (int64_t)ns;
}

/* From now; what is past is now, which is told as 1 ns: 0 is "not told". */
static int64_t read_until(int64_t at_ns, int64_t wall_ns)
{
    return at_ns > wall_ns ? read_clamp((money_wide)at_ns - wall_ns) : 1;
}

/* "2", "0.25": takes it from the front, in units of 10^-9. */
static bool read_decimal(struct str *rest, int64_t *ret_nano)
{
    size_t len = 0;
    while (len < rest->len &&
           (rest->ptr[len] == '.' || (rest->ptr[len] >= '0' && rest->ptr[len] <= '9'))) {
        len++;
    }
    struct str text = str_slice(*rest, 0, len);
    size_t point = str_find(text, '.');
    if (len - point > READ_DECIMALS) { /* finer than a nanosecond: cut off */
        text = str_slice(text, 0, point + 1 + READ_DECIMALS);
    }
    *rest = str_from_at(*rest, len);
    return money_parse(text, READ_DECIMALS, ret_nano);
}

struct read_unit {
    struct str name;
    int64_t seconds;
    int64_t parts; /* of a second, where seconds is 0 */
};

static const struct read_unit read_units[] = {
    { STR_INIT("ms"), 0, 1000 }, { STR_INIT("us"), 0, 1000000 }, { STR_INIT("s"), 1, 0 },
    { STR_INIT("m"), 60, 0 },    { STR_INIT("h"), 3600, 0 },     { STR_INIT("d"), 86400, 0 },
};

/* "6m0s", "120ms", "1h2m3.5s". */
static bool read_duration(struct str text, int64_t *ret_ns)
{
    money_wide sum = 0;
    while (text.len > 0) {
        int64_t nano;
        const struct read_unit *unit = read_units;
        const struct read_unit *end = read_units + EP_ARRAY_LEN(read_units);
        if (!read_decimal(&text, &nano)) {
            return false;
        }
        while (unit < end && !str_starts(text, unit->name)) {
            unit++;
        }
        if (unit == end) {
            return false;
        }
        text = str_from_at(text, unit->name.len);
        sum += unit->seconds > 0 ? (money_wide)nano * unit->seconds : nano / unit->parts;
        sum = read_clamp(sum);
    }
    *ret_ns = (int64_t)sum;
    return true;
}

/* A date of HTTP, rearranged into one that is read already. */
static bool read_date(struct str text, int64_t *ret_ns)
{
    const struct str months = STR("JanFebMarAprMayJunJulAugSepOctNovDec");
    if (text.len != READ_DATE_LEN || !str_ends(text, STR(" GMT")) || text.ptr[16] != ' ') {
        return false;
    }
    size_t at = str_search(months, str_slice(text, 8, 11));
    if (at >= months.len || at % 3 != 0) {
        return false;
    }
    char bytes[] = "YYYY-MM-DDTHH:MM:SSZ";
    memcpy(bytes, text.ptr + 12, 4);
    bytes[5] = (char)('0' + (at / 3 + 1) / 10);
    bytes[6] = (char)('0' + (at / 3 + 1) % 10);
    memcpy(bytes + 8, text.ptr + 5, 2);
    memcpy(bytes + 11, text.ptr + 17, 8);
    return stamp_parse(str_from(bytes), ret_ns);
}

/* Seconds, seconds or milliseconds since 1970, a duration, or a date. */
static bool read_wait(struct str value, int64_t wall_ns, int64_t *ret_ns)
{
    struct str rest = value;
    int64_t at;
    int64_t nano;
    if (read_decimal(&rest, &nano) && rest.len == 0) {
        int64_t whole = nano / STAMP_NS_PER_S;
        *ret_ns = whole >= READ_EPOCH_S_MIN ? read_until(nano, wall_ns) : read_clamp(nano);
        return true;
    }
    uint64_t ms;
    if (str_to_u64(value, &ms)) { /* too many for seconds in nanoseconds */
        bool date = ms >= (uint64_t)READ_EPOCH_MS_MIN && ms < (uint64_t)READ_EPOCH_MS_MIN * 9;
        *ret_ns = date ? read_until((int64_t)ms * STAMP_NS_PER_MS, wall_ns) : READ_WAIT_MAX_NS;
        return true;
    }
    if (value.len > 0 && read_duration(value, ret_ns)) {
        return true;
    }
    if (stamp_parse(value, &at) || read_date(value, &at)) {
        *ret_ns = read_until(at, wall_ns);
        return true;
    }
    return false;
}

/* ---- headers ------------------------------------------------------------------------------ */

enum read_what {
    READ_LIMIT,
    READ_LEFT,
    READ_RESET
};

struct read_header {
    struct str name;
    bool tokens;
    enum read_what what;
};

static const struct read_header read_headers[] = {
    { STR_INIT("x-ratelimit-limit-requests"), false, READ_LIMIT },
    { STR_INIT("x-ratelimit-remaining-requests"), false, READ_LEFT },
    { STR_INIT("x-ratelimit-reset-requests"), false, READ_RESET },
    { STR_INIT("x-ratelimit-limit-tokens"), true, READ_LIMIT },
    { STR_INIT("x-ratelimit-remaining-tokens"), true, READ_LEFT },
    { STR_INIT("x-ratelimit-reset-tokens"), true, READ_RESET },
    { STR_INIT("anthropic-ratelimit-requests-limit"), false, READ_LIMIT },
    { STR_INIT("anthropic-ratelimit-requests-remaining"), false, READ_LEFT },
    { STR_INIT("anthropic-ratelimit-requests-reset"), false, READ_RESET },
    { STR_INIT("anthropic-ratelimit-tokens-limit"), true, READ_LIMIT },
    { STR_INIT("anthropic-ratelimit-tokens-remaining"), true, READ_LEFT },
    { STR_INIT("anthropic-ratelimit-tokens-reset"), true, READ_RESET },
    { STR_INIT("ratelimit-limit"), false, READ_LIMIT },
    { STR_INIT("ratelimit-remaining"), false, READ_LEFT },
    { STR_INIT("ratelimit-reset"), false, READ_RESET },
    { STR_INIT("x-ratelimit-limit"), false, READ_LIMIT },
    { STR_INIT("x-ratelimit-remaining"), false, READ_LEFT },
    { STR_INIT("x-ratelimit-reset"), false, READ_RESET },
};

static void read_quota(struct health_quota *quota, enum read_what what, struct str value,
                       int64_t wall_ns)
{
    int64_t reset;
    uint64_t count;
    if (what == READ_RESET) {
        quota->reset_ns = read_wait(value, wall_ns, &reset) ? reset : quota->reset_ns;
        return;
    }
    if (!str_to_u64(value, &count) || count > (uint64_t)READ_COUNT_MAX) {
        return;
    }
    if (what == READ_LIMIT) {
        quota->limit = (int64_t)count;
    } else {
        quota->left = (int64_t)count;
        quota->known = true;
    }
}

static void read_retry_after(struct health_lesson *lesson, struct str name, struct str value,
                             int64_t wall_ns)
{
    int64_t wait;
    uint64_t ms;
    if (str_eq_nocase(name, STR("retry-after"))) {
        if (read_wait(value, wall_ns, &wait)) {
            lesson->retry_after_ns = wait > 0 ? wait : 1;
        }
    } else if (str_to_u64(value, &ms) && ms <= (uint64_t)READ_WAIT_MAX_NS / STAMP_NS_PER_MS) {
        lesson->retry_after_ns = ms > 0 ? (int64_t)ms * STAMP_NS_PER_MS : 1;
    }
}

void health_read_header(struct health_lesson *lesson, struct str name, struct str value,
                        int64_t wall_ns)
{
    value = str_trim(value);
    if (str_starts_nocase(name, STR("retry-after"))) {
        bool ours = name.len == 11 || str_eq_nocase(name, STR("retry-after-ms"));
        if (ours) {
            read_retry_after(lesson, name, value, wall_ns);
        }
        return;
    }
    if (str_search(name, STR("imit")) == name.len && str_search(name, STR("IMIT")) == name.len) {
        return; /* nearly every header there is */
    }
    for (size_t i = 0; i < EP_ARRAY_LEN(read_headers); i++) {
        const struct read_header *header = &read_headers[i];
        if (str_eq_nocase(name, header->name)) {
            read_quota(header->tokens ? &lesson->tokens : &lesson->requests, header->what, value,
                       wall_ns);
            return;
        }
    }
}
