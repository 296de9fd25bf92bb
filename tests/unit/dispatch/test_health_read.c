#include "base/stamp.h"
#include "dispatch/health.h"
#include "harness.h"

#define WALL INT64_C(1445412470000000000) /* 2015-10-21T07:27:50Z */
#define MS   STAMP_NS_PER_MS
#define S    STAMP_NS_PER_S

static struct health_lesson read_one(const char *name, const char *value)
{
    struct health_lesson lesson = { 0 };
    health_read_header(&lesson, str_from(name), str_from(value), WALL);
    return lesson;
}

TEST(retry_after_is_seconds_or_a_date)
{
    static const struct {
        const char *value;
        int64_t ns;
    } rows[] = {
        { "7", 7 * S },
        { " 120 ", 120 * S },
        { "0.25", S / 4 },
        { "0", 1 },
        { "0.1234567891234", 123456789 },
        { "2s", 2 * S },
        { "Wed, 21 Oct 2015 07:28:00 GMT", 10 * S },
        { "2015-10-21T07:28:00Z", 10 * S },
        { "1445412480", 10 * S },
        { "1445412480000", 10 * S },
        { "Wed, 21 Oct 2015 07:27:00 GMT", 1 },  /* past: now */
        { "99999999999999999999", 0 },           /* no number */
        { "9999999999999999", 366 * 86400 * S }, /* for ever: a year */
        { "Wed, 21 Okt 2015 07:28:00 GMT", 0 },
        { "Wed, 21 anF 2015 07:28:00 GMT", 0 },
        { "Wed, 32 Oct 2015 07:28:00 GMT", 0 },
        { "Wed, 21 Oct 2015 07:28:00 CET", 0 },
        { "soon", 0 },
        { "-5", 0 },
        { "", 0 },
        { ".", 0 },
        { "1.2.3", 0 },
        { "1e3", 0 },
    };
    for (size_t i = 0; i < EP_ARRAY_LEN(rows); i++) {
        CHECK_EQ(read_one("Retry-After", rows[i].value).retry_after_ns, rows[i].ns);
    }
    CHECK_EQ(read_one("retry-after-ms", "1500").retry_after_ns, 1500 * MS);
    CHECK_EQ(read_one("retry-after-ms", "0").retry_after_ns, 1);
    CHECK_EQ(read_one("retry-after-ms", "99999999999999999").retry_after_ns, 0);
    CHECK_EQ(read_one("retry-after-ms", "1.5").retry_after_ns, 0);
    CHECK_EQ(read_one("retry-after-x", "7").retry_after_ns, 0);
    CHECK_EQ(read_one("retry-afte", "7").retry_after_ns, 0);
}

TEST(limits_are_told_in_the_ways_of_several_upstreams)
{
    static const char *const headers[][2] = {
        { "X-RateLimit-Limit-Requests", "60" },     { "x-ratelimit-remaining-requests", "3" },
        { "x-ratelimit-reset-requests", "6m0s" },   { "x-ratelimit-limit-tokens", "150000" },
        { "x-ratelimit-remaining-tokens", "9000" }, { "x-ratelimit-reset-tokens", "120ms" },
    };
    struct health_lesson lesson = { 0 };
    for (size_t i = 0; i < EP_ARRAY_LEN(headers); i++) {
        health_read_header(&lesson, str_from(headers[i][0]), str_from(headers[i][1]), WALL);
    }
    CHECK(lesson.requests.known && lesson.tokens.known);
    CHECK_EQ(lesson.requests.limit, 60);
    CHECK_EQ(lesson.requests.left, 3);
    CHECK_EQ(lesson.requests.reset_ns, 360 * S);
    CHECK_EQ(lesson.tokens.left, 9000);
    CHECK_EQ(lesson.tokens.reset_ns, 120 * MS);
    lesson = read_one("anthropic-ratelimit-tokens-reset", "2015-10-21T07:28:00Z");
    CHECK_EQ(lesson.tokens.reset_ns, 10 * S);
    CHECK(!lesson.tokens.known); /* a time alone is no limit */
    CHECK_EQ(read_one("anthropic-ratelimit-requests-remaining", "0").requests.left, 0);
    CHECK(read_one("ratelimit-remaining", "5").requests.known);
    CHECK_EQ(read_one("RATELIMIT-RESET", "50").requests.reset_ns, 50 * S);
    CHECK_EQ(read_one("x-ratelimit-reset", "1445412480000").requests.reset_ns, 10 * S);
    CHECK_EQ(read_one("x-ratelimit-reset-tokens", "1h2m3.5s").tokens.reset_ns, 37235 * S / 10);
}

TEST(what_cannot_be_read_teaches_nothing)
{
    static const char *const bad[][2] = {
        { "x-ratelimit-remaining-requests", "-1" },
        { "x-ratelimit-remaining-requests", "many" },
        { "x-ratelimit-remaining-requests", "" },
        { "x-ratelimit-remaining-requests", "99999999999999999999" },
        { "x-ratelimit-remaining-requests", "9007199254740993" },
        { "x-ratelimit-reset-requests", "5 parsecs" },
        { "x-ratelimit-reset-requests", "m" },
        { "x-ratelimit-remaining-cows", "1" },
        { "limit", "1" },
        { "", "1" },
    };
    for (size_t i = 0; i < EP_ARRAY_LEN(bad); i++) {
        struct health_lesson lesson = read_one(bad[i][0], bad[i][1]);
        CHECK(!lesson.requests.known && !lesson.tokens.known);
        CHECK_EQ(lesson.requests.left, 0);
        CHECK_EQ(lesson.requests.reset_ns, 0);
    }
}
