#include "house.h"
#include "ledger/usage_month.h"
#include "meter/usage.h"

static struct house house;

TEST(a_month_without_calls_is_said_and_a_bad_one_refused)
{
    house_begin(&house);
    house_open(&house, WORLD_READ_WRITE);
    char client[64];
    CHECK_EQ(house_do(&house, "client list --json"), ACT_OK);
    (void)snprintf(client, sizeof(client), "%s", house_field(&house, "id"));
    CHECK_EQ(house_dof(&house, "usage show --client %s", client), ACT_OK);
    CHECK(house_said(&house.out, "nothing was used in that month"));
    CHECK_EQ(house_dof(&house, "usage show --client %s --month 2026-11 --json", client), ACT_OK);
    CHECK_STR(buf_str(&house.out), STR("[]\n"));
    CHECK_EQ(house_dof(&house, "usage show --client %s --month 2026-13", client), ACT_USAGE);
    CHECK(house_said(&house.errors, "no month such as 2026-11"));
    CHECK_EQ(house_do(&house, "usage show"), ACT_USAGE);
    house_end(&house);
}

/* The ledger names the classes of the meter, in the same order. */
TEST(months_name_the_classes_as_receipts_do)
{
    for (size_t i = 0; i < USAGE_MONTH_CLASSES; i++) {
        CHECK_STR(str_from(usage_month_class(i)), str_from(usage_name((enum usage_class)i)));
    }
}
