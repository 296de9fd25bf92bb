#include "base/currency.h"

#include "harness.h"

TEST(digits_behind_the_point_are_the_currencys_own)
{
    CHECK_EQ(currency_exponent(STR("USD")), 2);
    CHECK_EQ(currency_exponent(STR("JPY")), 0);
    CHECK_EQ(currency_exponent(STR("KWD")), 3);
    CHECK_EQ(currency_exponent(STR("UYW")), 4);
    CHECK_EQ(currency_exponent(STR("AED")), 2);
    CHECK_EQ(currency_exponent(STR("ZWG")), 2);
}

TEST(what_is_no_states_money_is_unknown)
{
    static const char *const bad[] = { "XAU", "XDR", "XTS", "BTC", "USDT",
                                       "usd", "US",  "",    "D A", "QQQ" };
    for (size_t i = 0; i < EP_ARRAY_LEN(bad); i++) {
        CHECK_EQ(currency_exponent(str_from(bad[i])), CURRENCY_UNKNOWN);
    }
}

TEST(a_bank_pays_whole_minor_units)
{
    CHECK_EQ(currency_minor(STR("USD")), 10000000);
    CHECK_EQ(currency_minor(STR("JPY")), 1000000000);
    CHECK_EQ(currency_minor(STR("KWD")), 1000000);
    CHECK_EQ(currency_minor(STR("UYW")), 100000);
    CHECK_EQ(currency_minor(STR("QQQ")), 1); /* of books that are older than the list */
}
