#include "base/stamp.h"

#include <stdio.h>
#include <time.h>

#define STAMP_DAY_S INT64_C(86400)

/* Days since 1970-01-01 of a proleptic Gregorian date (Howard Hinnant's days_from_civil). */
static int64_t stamp_days(int64_t year, int64_t month, int64_t day)
{
    year -= month <= 2;
    int64_t era = (year >= 0 ? year : year - 399) / 400;
    int64_t year_of_era = year - era * 400;
    int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * 146097 + day_of_era - 719468;
}

struct stamp_date {
    int64_t year;
    int64_t month;
    int64_t day;
};

static struct stamp_date stamp_civil(int64_t days)
{
    days += 719468;
    int64_t era = (days >= 0 ? days : days - 146096) / 146097;
    int64_t day_of_era = days - era * 146097;
    int64_t year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t month_shifted = (5 * day_of_year + 2) / 153;
    int64_t month = month_shifted < 10 ? month_shifted + 3 : month_shifted - 9;
    return (struct stamp_date){
        .year = year_of_era + era * 400 + (month <= 2),
        .month = month,
        .day = day_of_year - (153 * month_shifted + 2) / 5 + 1,
    };
}

static char *stamp_put(char *at, int64_t value, int digits)
{
    for (int i = digits - 1; i >= 0; i--) {
        at[i] = (char)('0' + value % 10);
        value /= 10;
    }
    return at + digits;
}

enum err stamp_print(struct buf *out, int64_t ns)
{
    ASSERT(ns >= 0);
    int64_t seconds = ns / STAMP_NS_PER_S;
    struct stamp_date date = stamp_civil(seconds / STAMP_DAY_S);
    int64_t of_day = seconds % STAMP_DAY_S;
    char text[sizeof("2026-11-24T12:00:00.123Z")];
    char *at = stamp_put(text, date.year, 4);
    *at++ = '-';
    at = stamp_put(at, date.month, 2);
    *at++ = '-';
    at = stamp_put(at, date.day, 2);
    *at++ = 'T';
    at = stamp_put(at, of_day / 3600, 2);
    *at++ = ':';
    at = stamp_put(at, of_day / 60 % 60, 2);
    *at++ = ':';
    at = stamp_put(at, of_day % 60, 2);
    *at++ = '.';
    at = stamp_put(at, ns % STAMP_NS_PER_S / STAMP_NS_PER_MS, 3);
    *at++ = 'Z';
    return buf_append(out, (struct str){ text, (size_t)(at - text) });
}

int64_t stamp_month(int64_t ns)
{
    ASSERT(ns >= 0);
    struct stamp_date date = stamp_civil(ns / STAMP_NS_PER_S / STAMP_DAY_S);
    return date.year * 100 + date.month;
}

/* Takes `digits` decimal digits off the front. */
static bool stamp_take(struct str *rest, size_t digits, int64_t *value)
{
    uint64_t number = 0;
    if (rest->len < digits || !str_to_u64(str_slice(*rest, 0, digits), &number)) {
        return false;
    }
    *rest = str_from_at(*rest, digits);
    *value = (int64_t)number;
    return true;
}

static bool stamp_take_byte(struct str *rest, char byte)
{
    if (rest->len == 0 || rest->ptr[0] != byte) {
        return false;
    }
    *rest = str_from_at(*rest, 1);
    return true;
}

static bool stamp_take_date(struct str *rest, int64_t *days)
{
    static const int month_days[] = { 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
    int64_t year = 0;
    int64_t month = 0;
    int64_t day = 0;
    if (!stamp_take(rest, 4, &year) || !stamp_take_byte(rest, '-') ||
        !stamp_take(rest, 2, &month) || !stamp_take_byte(rest, '-') || !stamp_take(rest, 2, &day)) {
        return false;
    }
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    if (year < 1970 || year > 2200 || month < 1 || month > 12 || day < 1 ||
        day > month_days[month - 1] || (month == 2 && day == 29 && !leap)) {
        return false;
    }
    *days = stamp_days(year, month, day);
    return true;
}

static bool stamp_take_fraction(struct str *rest, int64_t *ns)
{
    *ns = 0;
    if (!stamp_take_byte(rest, '.')) {
        return true;
    }
    int64_t weight = STAMP_NS_PER_S;
    size_t digits = 0;
    int64_t digit = 0;
    while (stamp_take(rest, 1, &digit)) {
        weight /= 10;
        *ns += digit * weight;
        digits++;
    }
    return digits > 0 && digits <= 9;
}

static bool stamp_take_zone(struct str *rest, int64_t *offset_s)
{
    *offset_s = 0;
    if (stamp_take_byte(rest, 'Z')) {
        return true;
    }
    int64_t sign = stamp_take_byte(rest, '+') ? 1 : stamp_take_byte(rest, '-') ? -1 : 0;
    int64_t hours = 0;
    int64_t minutes = 0;
    if (sign == 0 || !stamp_take(rest, 2, &hours) || !stamp_take_byte(rest, ':') ||
        !stamp_take(rest, 2, &minutes) || hours > 23 || minutes > 59) {
        return false;
    }
    *offset_s = sign * (hours * 3600 + minutes * 60);
    return true;
}

bool stamp_parse(struct str text, int64_t *ret_ns)
{
    int64_t days = 0;
    int64_t hour = 0;
    int64_t minute = 0;
    int64_t second = 0;
    int64_t fraction_ns = 0;
    int64_t offset_s = 0;
    if (!stamp_take_date(&text, &days)) {
        return false;
    }
    if (text.len > 0) {
        if (!stamp_take_byte(&text, 'T') || !stamp_take(&text, 2, &hour) ||
            !stamp_take_byte(&text, ':') || !stamp_take(&text, 2, &minute) ||
            !stamp_take_byte(&text, ':') || !stamp_take(&text, 2, &second) ||
            !stamp_take_fraction(&text, &fraction_ns) || !stamp_take_zone(&text, &offset_s) ||
            text.len > 0 || hour > 23 || minute > 59 || second > 59) {
            return false;
        }
    }
    int64_t seconds = days * STAMP_DAY_S + hour * 3600 + minute * 60 + second - offset_s;
    if (seconds < 0) {
        return false;
    }
    *ret_ns = seconds * STAMP_NS_PER_S + fraction_ns;
    return true;
}

bool stamp_period(struct str text, int64_t *ret_from_ns, int64_t *ret_until_ns)
{
    static const struct str starts[] = { STR_INIT("-01-01"), STR_INIT("-01"), STR_INIT("") };
    char whole[sizeof("2026-11-24")];
    size_t level = text.len == 4 ? 0 : text.len == 7 ? 1 : 2;
    struct buf date = { whole, 0, sizeof(whole), sizeof(whole) };
    int64_t from_ns = 0;
    if (buf_append(&date, text) != ERR_OK || buf_append(&date, starts[level]) != ERR_OK ||
        date.len != sizeof(whole) - 1 || !stamp_parse(buf_str(&date), &from_ns)) {
        return false;
    }
    int64_t month = stamp_month(from_ns) + (level == 0 ? 12 : 1);
    *ret_from_ns = from_ns;
    *ret_until_ns = level == 2 ? stamp_of_day(stamp_day(from_ns) + 1) : stamp_of_month(month);
    return true;
}

int64_t stamp_day(int64_t ns)
{
    ASSERT(ns >= 0);
    return ns / (STAMP_DAY_S * STAMP_NS_PER_S);
}

int64_t stamp_of_day(int64_t day)
{
    return day * STAMP_DAY_S * STAMP_NS_PER_S;
}

int64_t stamp_date(int64_t ns)
{
    int64_t month = stamp_month(ns);
    return 100 * month + stamp_day(ns) - stamp_day(stamp_of_month(month)) + 1;
}

int64_t stamp_of_month(int64_t month)
{
    int64_t year = month / 100 + (month % 100 > 12);
    int64_t of_year = month % 100 > 12 ? 1 : month % 100;
    return stamp_of_day(stamp_days(year, of_year, 1));
}

enum err stamp_print_span(struct buf *out, int64_t ns)
{
    ASSERT(ns >= 0);
    int64_t ms = ns / STAMP_NS_PER_MS + (ns % STAMP_NS_PER_MS != 0);
    int64_t s = ms / 1000;
    if (s == 0) {
        return ms == 0 ? buf_append(out, STR("0s")) : buf_printf(out, "%dms", (int)ms);
    }
    if (s >= 3600) {
        TRY(buf_printf(out, "%lldh", (long long)(s / 3600)));
    }
    if (s >= 60) {
        TRY(buf_printf(out, "%dm", (int)(s / 60 % 60)));
    }
    TRY(buf_printf(out, "%d", (int)(s % 60)));
    char digits[8];
    int fraction = (int)(ms % 1000);
    (void)snprintf(digits, sizeof(digits), ".%03d", fraction); /* fits */
    size_t len = fraction == 0 ? 0 : fraction % 100 == 0 ? 2 : fraction % 10 == 0 ? 3 : 4;
    TRY(buf_append(out, (struct str){ digits, len }));
    return buf_byte(out, 's');
}

int64_t stamp_system_ns(void)
{
    struct timespec now;
    ASSERT(clock_gettime(CLOCK_REALTIME, &now) == 0);
    return (int64_t)now.tv_sec * STAMP_NS_PER_S + now.tv_nsec;
}

bool stamp_parse_month(struct str text, int64_t *ret_month)
{
    char first[sizeof("2026-11-01")];
    int64_t days = 0;
    if (text.len != sizeof("2026-11") - 1) {
        return false;
    }
    (void)snprintf(first, sizeof(first), STR_FMT "-01", STR_ARG(text)); /* fits */
    struct str rest = str_from(first);
    if (!stamp_take_date(&rest, &days) || rest.len > 0) {
        return false;
    }
    struct stamp_date date = stamp_civil(days);
    *ret_month = date.year * 100 + date.month;
    return true;
}
