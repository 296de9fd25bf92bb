#include "policy/ending.h"

#include <string.h>

#include "harness.h"

#define DAY INT64_C(86400000000000)
#define END (1000 * DAY)

static const struct registry_grant grants[] = {
    { .id = STR_INIT("G-1"), .valid_until = END },
    { .id = STR_INIT("G-2"), .valid_until = REGISTRY_TIME_NEVER },
};
static const struct registry_qualification qualification = { .valid_until = END + DAY };
static const struct registry_party party = {
    .id = STR_INIT("op"),
    .kyc = { .verified_at = 0, .expires_at = END },
    .qualifications = &qualification,
    .qualification_count = 1,
};
static const struct registry sample = {
    .grants = grants,
    .grant_count = 2,
    .parties = &party,
    .party_count = 1,
};

struct told {
    struct policy_ending endings[8];
    size_t count;
};

static void told_add(void *context, const struct policy_ending *ending)
{
    struct told *told = context;
    told->endings[told->count++] = *ending;
}

TEST(windows_without_an_end_and_checks_never_made_are_not_told)
{
    struct told told = { .count = 0 };
    policy_endings(&sample, told_add, &told);
    CHECK_EQ(told.count, 2);
    CHECK(strcmp(told.endings[0].kind, "grant") == 0);
    CHECK_STR(told.endings[0].id, STR("G-1"));
    CHECK_EQ(told.endings[0].at, END);
    CHECK(strcmp(told.endings[1].kind, "qualification") == 0);
    CHECK_STR(told.endings[1].id, STR("op"));
}

TEST(warnings_fall_due_at_their_instants)
{
    static const int days[] = { 60, 30, 7, 1, 0 };
    for (size_t i = 0; i < EP_ARRAY_LEN(days); i++) {
        int64_t due = END - days[i] * DAY;
        CHECK_EQ(policy_warning(END, due - 1, due), days[i]);
        CHECK_EQ(policy_warning(END, due, due + 1), -1);
        CHECK_EQ(policy_warning(END, due - 2, due - 1), -1);
    }
    CHECK_EQ(policy_warning(END, END - 61 * DAY, END - 6 * DAY), 7); /* of several the last */
    CHECK_EQ(policy_warning(DAY, 0, 2 * DAY), 0); /* an end before there could be a warning */
}

TEST(the_next_warning_is_the_first_of_all)
{
    CHECK_EQ(policy_next_warning(&sample, 0), END - 60 * DAY);
    CHECK_EQ(policy_next_warning(&sample, END - 60 * DAY), END - 59 * DAY); /* the other's */
    CHECK_EQ(policy_next_warning(&sample, END - DAY), END);
    CHECK_EQ(policy_next_warning(&sample, END), END + DAY);
    CHECK_EQ(policy_next_warning(&sample, END + DAY), INT64_MAX);
}
