#include "dialect/lost.h"

#include "harness.h"

TEST(what_was_lost_is_named_in_the_tables_order)
{
    struct lost lost = { 0 };
    struct buf out;
    buf_init(&out, LOST_TEXT_MAX);
    CHECK(lost_write(&out, &lost) == ERR_OK);
    CHECK_EQ(out.len, 0);
    lost_add(&lost, LOST_BIT_CACHE);
    lost_add(&lost, LOST_BIT_TEMPERATURE);
    lost_add(&lost, LOST_BIT_CACHE);
    CHECK(lost_has(&lost, LOST_BIT_CACHE) && !lost_has(&lost, LOST_BIT_USER));
    CHECK(lost_write(&out, &lost) == ERR_OK);
    CHECK_STR(buf_str(&out), STR("temperature, cache"));
    buf_reset(&out);
    lost.bits = (UINT64_C(1) << LOST_COUNT) - 1;
    CHECK(lost_write(&out, &lost) == ERR_OK); /* all of them fit a header */
    buf_fini(&out);
}
