#include "meter/cover.h"

#include "harness.h"

TEST(a_step_is_due_when_a_fifth_is_left)
{
    struct cover cover = { .held = 100, .step = 100, .most = 1000 };
    CHECK(!cover_due(&cover, 0));
    CHECK(!cover_due(&cover, 79));
    CHECK(cover_due(&cover, 80));
    CHECK(cover_due(&cover, 100));
    CHECK(cover_due(&cover, 5000));
    cover.held = 200;
    CHECK(!cover_due(&cover, 179));
    CHECK(cover_due(&cover, 180));
}

TEST(a_step_of_a_token_is_due_when_nothing_is_left)
{
    struct cover cover = { .held = 1, .step = 1, .most = 3 };
    CHECK(!cover_due(&cover, 0));
    CHECK(cover_due(&cover, 1));
    CHECK_EQ(cover_next(&cover, 1), 2);
}

TEST(a_whole_cap_is_never_extended)
{
    struct cover cover = { .held = 1000, .step = 100, .most = 1000 };
    CHECK(cover_is_whole(&cover));
    CHECK(!cover_due(&cover, 1000));
    CHECK(!cover_due(&cover, INT64_MAX));
}

TEST(a_step_reaches_beyond_what_was_delivered_and_never_beyond_the_cap)
{
    struct cover cover = { .held = 100, .step = 100, .most = 1000 };
    CHECK_EQ(cover_next(&cover, 0), 200);
    CHECK_EQ(cover_next(&cover, 100), 200);
    CHECK_EQ(cover_next(&cover, 350), 450);
    CHECK_EQ(cover_next(&cover, 899), 999);
    CHECK_EQ(cover_next(&cover, 900), 1000);
    CHECK_EQ(cover_next(&cover, 901), 1000);
    CHECK_EQ(cover_next(&cover, INT64_MAX), 1000);
    cover.step = 5000;
    CHECK_EQ(cover_next(&cover, 0), 1000);
}

/* Whatever a stream's events hold, what is covered is ahead of it, and the steps end. */
TEST(a_stream_of_any_pace_is_covered_to_its_cap)
{
    for (int64_t event = 1; event < 60; event++) {
        struct cover cover = { .held = 20, .step = 20, .most = 500 };
        int steps = 0;
        for (int64_t delivered = 0; delivered <= 500; delivered += event) {
            if (cover_due(&cover, delivered)) {
                int64_t next = cover_next(&cover, delivered);
                CHECK(next > cover.held);
                cover.held = next;
                steps++;
            }
            CHECK(delivered <= cover.held);
        }
        CHECK(steps <= 24);
    }
}
