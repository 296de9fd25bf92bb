#include "dialect/event.h"

#include "harness.h"

TEST(whether_tools_are_to_be_called_is_told_by_the_items)
{
    CHECK_EQ(event_finish_with(EVENT_STOP, true), EVENT_CALLS);
    CHECK_EQ(event_finish_with(EVENT_CALLS, false), EVENT_STOP);
    CHECK_EQ(event_finish_with(EVENT_CALLS, true), EVENT_CALLS);
    CHECK_EQ(event_finish_with(EVENT_LENGTH, true), EVENT_LENGTH);
}

TEST(each_thing_has_a_name_of_its_own)
{
    for (unsigned i = 0; i < EVENT_FINISHES; i++) {
        for (unsigned k = 0; k < i; k++) {
            CHECK(!str_eq(str_from(event_finish_name((enum event_finish)i)),
                          str_from(event_finish_name((enum event_finish)k))));
        }
    }
    for (unsigned i = 0; i <= EVENT_HOSTED; i++) {
        CHECK(event_item_name((enum event_item)i)[0] != '\0');
        CHECK(event_channel_name((enum event_channel)i)[0] != '\0');
    }
    CHECK_STR(str_from(dialect_name(DIALECT_GEMINI)), STR("gemini"));
}

TEST(classes_add_up)
{
    const struct event_tokens tokens = { .of = { [TOKENS_IN] = 3, [TOKENS_OUT_IMAGE] = 4 } };
    CHECK_EQ(event_tokens_sum(&tokens), 7);
}
