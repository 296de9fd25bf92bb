#include "base/payment.h"

#include "harness.h"

TEST(only_what_is_listed_may_pay)
{
    static const char *const bad[] = { "crypto", "usdt", "cash", "Card", "", "card ", "bitcoin" };
    CHECK(payment_method_known(STR("bank_transfer")));
    CHECK(payment_method_known(STR("card")));
    CHECK(payment_method_known(STR("direct_debit")));
    CHECK(payment_method_known(STR("marketplace")));
    for (size_t i = 0; i < EP_ARRAY_LEN(bad); i++) {
        CHECK(!payment_method_known(str_from(bad[i])));
    }
}

TEST(the_list_that_is_shown_is_the_list_that_holds)
{
    struct str rest = STR(PAYMENT_METHODS);
    while (rest.len > 0) {
        CHECK(payment_method_known(str_trim(str_cut(&rest, ','))));
    }
    CHECK(payment_method_known(payment_method_standard()));
}
