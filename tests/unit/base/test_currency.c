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
    CHECK_EQ(currency_payable(STR("USD"), INT64_C(99123456789)), INT64_C(99120000000));
    CHECK_EQ(currency_payable(STR("USD"), INT64_C(99120000000)), INT64_C(99120000000));
    CHECK_EQ(currency_payable(STR("USD"), 9999999), 0);
    CHECK_EQ(currency_payable(STR("JPY"), INT64_C(1999999999)), INT64_C(1000000000));
    CHECK_EQ(currency_payable(STR("KWD"), INT64_C(1999999999)), INT64_C(1999000000));
}
