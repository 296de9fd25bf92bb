#include "gate/call_deadline.h"

#include "base/str.h"
#include "harness.h"

static void check_instant(const char *text, int64_t want)
{
    int64_t ns = -1;
    CHECK(deadline_parse(str_from(text), &ns));
    CHECK_EQ(ns, want);
}

TEST(an_instant_is_a_time_or_seconds)
{
    check_instant("2026-11-24T12:00:00Z", INT64_C(1795521600000000000));
    check_instant("2026-11-24T14:00:00.5+02:00", INT64_C(1795521600500000000));
    check_instant("1795521600", INT64_C(1795521600000000000));
    check_instant("1795521600.25", INT64_C(1795521600250000000));
    check_instant("0", 0);
}

TEST(anything_else_is_none)
{
    static const char *const bad[] = {
        "",
        "soon",
        "-1",
        "1e9",
        "30s",
        "+5",
        "1795521600Z",
        "99999999999999999999",
        "2026-13-01T00:00:00Z",
        "1.0000000001",
        " 5",
        "2026-11-24 12:00:00",
    };
    for (size_t i = 0; i < EP_ARRAY_LEN(bad); i++) {
        int64_t ns = 0;
        if (deadline_parse(str_from(bad[i]), &ns)) {
            test_failed(EP_SITE, "taken: %s", bad[i]);
        }
    }
}
