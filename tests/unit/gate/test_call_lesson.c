#include "gate/call_lesson.h"

#include "harness.h"

struct lesson_case {
    enum err err;
    int status;
    bool retry_after;
    enum health_error want;
};

TEST(each_end_of_an_attempt_is_of_a_kind)
{
    static const struct lesson_case cases[] = {
        { ERR_OK, 200, false, HEALTH_ERROR_NONE },
        { ERR_NET_LOOKUP, 0, false, HEALTH_ERROR_UNREACHABLE },
        { ERR_UPSTREAM_CONNECT, 0, false, HEALTH_ERROR_UNREACHABLE },
        { ERR_UPSTREAM_TLS, 0, false, HEALTH_ERROR_UNREACHABLE },
        { ERR_UPSTREAM_SILENT, 0, false, HEALTH_ERROR_TIMEOUT },
        { ERR_UPSTREAM_SILENT, 200, false, HEALTH_ERROR_CUT },
        { ERR_UPSTREAM_CUT, 200, false, HEALTH_ERROR_CUT },
        { ERR_UPSTREAM_SYNTAX, 200, false, HEALTH_ERROR_SYNTAX },
        { ERR_SSE_LINE, 200, false, HEALTH_ERROR_SYNTAX },
        { ERR_UPSTREAM_MODEL, 200, false, HEALTH_ERROR_MODEL },
        { ERR_UPSTREAM_STATUS, 500, false, HEALTH_ERROR_STATUS },
        { ERR_UPSTREAM_STATUS, 503, false, HEALTH_ERROR_STATUS },
        { ERR_UPSTREAM_STATUS, 503, true, HEALTH_ERROR_BUSY },
        { ERR_UPSTREAM_STATUS, 429, false, HEALTH_ERROR_BUSY },
        { ERR_UPSTREAM_STATUS, 529, false, HEALTH_ERROR_BUSY },
        { ERR_UPSTREAM_STATUS, 401, false, HEALTH_ERROR_REFUSED },
        { ERR_UPSTREAM_STATUS, 403, true, HEALTH_ERROR_REFUSED },
        { ERR_UPSTREAM_STATUS, 200, false, HEALTH_ERROR_STATUS },
        /* of ours or of the client's doing */
        { ERR_CANCELLED, 200, false, HEALTH_ERROR_NONE },
        { ERR_DEADLINE, 0, false, HEALTH_ERROR_NONE },
        { ERR_NO_MEMORY, 0, false, HEALTH_ERROR_NONE },
        { ERR_BUSY, 0, false, HEALTH_ERROR_NONE },
        { ERR_STORE_FAILED, 200, false, HEALTH_ERROR_NONE },
    };
    for (size_t i = 0; i < EP_ARRAY_LEN(cases); i++) {
        CHECK_EQ(lesson_error(cases[i].err, cases[i].status, cases[i].retry_after), cases[i].want);
    }
}

#define INFO "{\"@type\":\"type.googleapis.com/google.rpc.RetryInfo\",\"retryDelay\":\"34s\"}"

TEST(when_to_come_again_may_stand_in_the_body)
{
    static const struct {
        const char *body;
        int64_t wait_s; /* 0: it does not */
    } cases[] = {
        { "{\"error\":{\"code\":429,\"details\":[{\"@type\":\"x\"}," INFO "]}}", 34 },
        { "[{\"error\":{\"code\":429,\"details\":[" INFO "]}}]", 34 },
        { "{\"error\":{\"code\":429,\"details\":[{\"retryDelay\":7}]}}", 0 },
        { "{\"error\":{\"code\":429,\"details\":[{\"retryDelay\":\"\"}]}}", 0 },
        { "{\"error\":{\"code\":429,\"details\":[{\"retryDelay\":\"soon\"}]}}", 0 },
        { "{\"error\":{\"code\":429,\"details\":{}}}", 0 },
        { "{\"error\":\"no\"}", 0 },
        { "[]", 0 },
        { "nothing", 0 },
        { "", 0 },
    };
    for (size_t i = 0; i < EP_ARRAY_LEN(cases); i++) {
        struct call_lesson lesson;
        call_lesson_begin(&lesson, 1);
        call_lesson_body(&lesson, str_from(cases[i].body), 1);
        CHECK_EQ(lesson.lesson.retry_after_ns, cases[i].wait_s * INT64_C(1000000000));
    }
}

TEST(a_header_goes_before_the_body)
{
    struct call_lesson lesson;
    call_lesson_begin(&lesson, 1);
    lesson.lesson.retry_after_ns = 5;
    call_lesson_body(&lesson, STR("{\"error\":{\"details\":[" INFO "]}}"), 1);
    CHECK_EQ(lesson.lesson.retry_after_ns, 5);
}
