#include "base/currency.h"

#define CURRENCY_NANO_DIGITS 9

/* ISO 4217 (list one), by exponent. */
static const struct {
    const char *codes;
    int exponent;
} currency_rows[] = {
    { "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF", 0 },
    { "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF "
      "CHF CNY COP CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD "
      "HKD HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA "
      "MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN "
      "QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP "
      "TRY TTD TWD TZS UAH USD UYU UZS VES WST XCD XCG YER ZAR ZMW ZWG",
      2 },
    { "BHD IQD JOD KWD LYD OMR TND", 3 },
    { "UYW", 4 },
};

int currency_exponent(struct str code)
{
    for (size_t i = 0; i < EP_ARRAY_LEN(currency_rows); i++) {
        struct str rest = str_from(currency_rows[i].codes);
        while (rest.len > 0) {
            if (str_eq(str_cut(&rest, ' '), code)) {
                return currency_rows[i].exponent;
            }
        }
    }
    return CURRENCY_UNKNOWN;
}

int64_t currency_minor(struct str code)
{
    int exponent = currency_exponent(code);
    int64_t minor = 1;
    for (int i = exponent; exponent != CURRENCY_UNKNOWN && i < CURRENCY_NANO_DIGITS; i++) {
        minor *= 10;
    }
    return minor;
}
