#include "base/stamp.h"
#include "house.h"

static struct house house;
static char client[64];

static void open_house(void)
{
    house_open(&house, WORLD_READ_WRITE);
    CHECK_EQ(house_do(&house, "client list --json"), ACT_OK);
    (void)snprintf(client, sizeof(client), "%s", house_field(&house, "id"));
}

static void begin(void)
{
    house_begin(&house);
    open_house();
}

static void change_products(const char *old, const char *fresh)
{
    house_change(&house, "products.yaml", old, fresh);
    house_apply(&house);
}

static void end(void)
{
    CHECK_EQ(house_do(&house, "audit"), ACT_OK);
    house_end(&house);
}

EP_PRINTF(2, 3)
static void refused(const char *code, const char *format, ...)
{
    char line[1024];
    char wanted[64];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(line, sizeof(line), format, args);
    va_end(args);
    (void)snprintf(wanted, sizeof(wanted), "(%s)", code);
    CHECK_EQ(house_do(&house, line), ACT_FAILED);
    if (!house_said(&house.errors, wanted)) {
        test_failed(EP_SITE, "%s: " STR_FMT, wanted, STR_ARG(buf_str(&house.errors)));
    }
}

TEST(a_purchase_names_who_paid_how_and_until_when_it_goes_back)
{
    begin();
    CHECK_EQ(house_dof(&house,
                       "credit purchase --client %s --plan starter --payer Acme --method card "
                       "--payment P-1 --json",
                       client),
             ACT_OK);
    CHECK_STR(str_from(house_field(&house, "payer")), STR("Acme"));
    CHECK_STR(str_from(house_field(&house, "method")), STR("card"));
    CHECK(house_said(&house.out, "\"refund_until\":\"2"));
    CHECK_EQ(house_dof(&house, "credit show %s --json", client), ACT_OK);
    CHECK(house_said(&house.out, "\"payer\":\"Acme\""));
    CHECK(house_said(&house.out, "\"payer\":\"First client\"")); /* who pays for itself */
    CHECK(house_said(&house.out, "\"method\":\"bank_transfer\""));
    refused("CONFLICT", "credit purchase --client %s --plan starter --payment P-1 --method card",
            client);
    end();
}

TEST(ways_to_pay_that_are_not_allowed_are_refused)
{
    begin();
    refused("TOKEN_PAYMENT_METHOD", "credit purchase --client %s --plan starter --method usdt",
            client);
    refused("TOKEN_PAYMENT_METHOD", "credit purchase --client %s --amount 5 --method cash", client);
    CHECK_EQ(house_dof(&house, "credit show %s --json", client), ACT_OK);
    CHECK_STR(str_from(house_field(&house, "bought")), STR("100.00"));
    house_close(&house);
    change_products("[bank_transfer, card, direct_debit]", "[card]");
    open_house();
    refused("TOKEN_PAYMENT_METHOD",
            "credit purchase --client %s --plan starter --method bank_transfer", client);
    CHECK_EQ(house_dof(&house, "credit purchase --client %s --plan starter --json", client),
             ACT_OK);
    CHECK_STR(str_from(house_field(&house, "method")), STR("card")); /* the list's first */
    end();
}

TEST(a_plan_that_is_withdrawn_is_not_sold_and_stays_good)
{
    house_begin(&house);
    change_products("expires_days: 365}", "expires_days: 365, withdrawn: true}");
    open_house();
    refused("PLAN_WITHDRAWN", "credit purchase --client %s --plan starter", client);
    CHECK_EQ(house_do(&house, "plan list"), ACT_OK);
    CHECK(house_said(&house.out, "withdrawn"));
    CHECK_EQ(house_dof(&house, "credit show %s --json", client), ACT_OK);
    CHECK_STR(str_from(house_field(&house, "available")), STR("100.00"));
    end();
}

TEST(paid_credit_lives_a_year_and_given_credit_as_long_as_is_said)
{
    char at[40];
    struct buf text = { at, 0, sizeof(at) - 1, sizeof(at) - 1 };
    begin();
    CHECK(stamp_print(&text, stamp_system_ns() + INT64_C(364) * 86400 * STAMP_NS_PER_S) == ERR_OK);
    at[text.len] = '\0';
    refused("TOKEN_EXPIRED", "credit purchase --client %s --amount 5 --expires %s", client, at);
    CHECK_EQ(house_dof(&house, "%s --kind promo --client %s --amount 5 --expires %s",
                       "credit purchase", client, at),
             ACT_OK);
    CHECK_EQ(
        house_dof(&house, "credit purchase --client %s --amount 5 --expires 2100-01-01", client),
        ACT_OK);
    end();
}

TEST(how_well_a_client_is_known_bounds_what_it_buys_in_a_day)
{
    house_begin(&house);
    change_products("none: {purchases: 10, amount: \"10000\"}",
                    "none: {purchases: 3, amount: \"250\"}");
    open_house(); /* the first client's 100 are of today */
    refused("TOKEN_KYC_LIMIT", "credit purchase --client %s --amount 150.01", client);
    CHECK_EQ(house_dof(&house, "credit purchase --client %s --amount 50", client), ACT_OK);
    CHECK_EQ(house_dof(&house, "credit purchase --client %s --amount 100", client), ACT_OK);
    refused("TOKEN_KYC_LIMIT", "credit purchase --client %s --amount 0.01", client);
    CHECK_EQ(house_dof(&house, "client kyc %s --level basic", client), ACT_USAGE);
    CHECK_EQ(house_dof(&house, "client kyc %s --level gold --evidence x", client), ACT_USAGE);
    CHECK_EQ(house_dof(&house, "client kyc %s --level basic --evidence register", client), ACT_OK);
    CHECK_EQ(house_dof(&house, "client show %s --json", client), ACT_OK);
    CHECK_STR(str_from(house_field(&house, "kyc")), STR("basic"));
    CHECK_EQ(house_dof(&house, "credit purchase --client %s --amount 500", client), ACT_OK);
    end();
}

TEST(a_refund_is_to_the_payer_in_its_time_or_by_contract)
{
    house_begin(&house);
    change_products("expires_days: 365}", "expires_days: 365, refund_hours: 0}");
    open_house();
    refused("TOKEN_NO_CASH_OUT", "credit refund --client %s --lot 1 --payer Other", client);
    refused("TOKEN_NO_CASH_OUT", "credit refund --client %s --lot 1 --method card", client);
    refused("TOKEN_NO_CASH_OUT", "credit refund --client %s --lot 1 --amount 100.01", client);
    CHECK_EQ(house_dof(&house, "credit refund --client %s --lot 1 --amount 40.125", client),
             ACT_USAGE); /* a half cent */
    CHECK_EQ(house_dof(&house, "credit refund --client %s --lot 1 --amount 40.12 --json", client),
             ACT_OK); /* bought before the window was closed */
    CHECK_STR(str_from(house_field(&house, "refunded")), STR("40.12"));
    CHECK_STR(str_from(house_field(&house, "payer")), STR("First client"));
    CHECK_EQ(house_dof(&house, "credit purchase --client %s --plan starter", client), ACT_OK);
    refused("TOKEN_NO_CASH_OUT", "credit refund --client %s --lot 2", client);
    CHECK_EQ(house_dof(&house, "credit refund --client %s --lot 2 --contract=", client), ACT_USAGE);
    CHECK_EQ(house_dof(&house, "credit refund --client %s --lot 2 --contract clause-7", client),
             ACT_OK);
    CHECK_EQ(house_do(&house, "credit entries --lot 2"), ACT_OK);
    CHECK(house_said(&house.out, "clause-7"));
    end();
}

TEST(credit_in_another_currency_keeps_no_list_of_this_one)
{
    begin();
    CHECK_EQ(house_do(&house, "client add --name Euro --currency EUR --json"), ACT_OK);
    (void)snprintf(client, sizeof(client), "%s", house_field(&house, "id"));
    CHECK_EQ(house_dof(&house, "credit purchase --client %s --amount 5", client), ACT_OK);
    CHECK_EQ(house_dof(&house, "credit show %s --json", client), ACT_OK);
    CHECK(house_said(&house.out, "\"price_list\":null") ||
          house_said(&house.out, "\"price_list\":\"\""));
    end();
}

TEST(a_wrong_entry_is_corrected_by_a_new_one)
{
    begin();
    CHECK_EQ(house_do(&house, "credit correct --entry 1"), ACT_USAGE);
    CHECK_EQ(house_do(&house, "credit correct --entry one --reason x"), ACT_USAGE);
    refused("NOT_FOUND", "credit correct --entry 77 --reason x");
    refused("CONFLICT", "credit correct --entry 1 --amount 100.01 --reason x");
    CHECK_EQ(house_do(&house, "credit correct --entry 1 --amount 10 --reason typed --reference N-3"
                              " --json"),
             ACT_OK);
    CHECK_STR(str_from(house_field(&house, "corrected")), STR("10.00"));
    CHECK_EQ(house_dof(&house, "credit show %s --json", client), ACT_OK);
    CHECK_STR(str_from(house_field(&house, "bought")), STR("100.00"));
    CHECK_STR(str_from(house_field(&house, "corrected")), STR("-10.00"));
    CHECK_STR(str_from(house_field(&house, "available")), STR("90.00"));
    CHECK_EQ(house_do(&house, "credit entries"), ACT_OK);
    CHECK(house_said(&house.out, "corrects 1: typed"));
    end();
}

TEST(amounts_and_rows_that_make_no_sense_change_nothing)
{
    static const char *const bad[] = {
        "credit refund --client %s --lot 1 --amount 0.0000000001",
        "credit refund --client %s --lot 1 --amount -5",
        "credit refund --client %s --lot 1 --amount 99999999999",
        "credit refund --client %s --lot 0",
        "credit refund --client %s --lot 99999999999999999999",
        "credit correct --entry 1 --reason x --amount 1e3 --lot %s",
        "credit correct --entry 1 --reason x --amount 0.0000000001 --lot %s",
        "credit correct --entry -1 --reason x --lot %s",
        "key add --client %s --product world --budget-day 0.0000000001",
        "key add --client %s --product world --budget-total 99999999999",
        "client add --name X --currency %s",
        "client add --name X --currency XAU --name %s",
        "client add --name X --currency BTC --name %s",
    };
    begin();
    for (size_t i = 0; i < EP_ARRAY_LEN(bad); i++) {
        char line[256];
        const char *at = strstr(bad[i], "%s");
        (void)snprintf(line, sizeof(line), "%.*s%s%s", (int)(at - bad[i]), bad[i], client, at + 2);
        if (house_do(&house, line) != ACT_USAGE) {
            test_failed(EP_SITE, "%s: " STR_FMT, line, STR_ARG(buf_str(&house.errors)));
        }
        CHECK_EQ(house.out.len, 0);
    }
    CHECK_EQ(house_dof(&house, "credit show %s --json", client), ACT_OK);
    CHECK_STR(str_from(house_field(&house, "available")), STR("100.00"));
    CHECK_EQ(house_do(&house, "client list --json"), ACT_OK);
    CHECK(!house_said(&house.out, "\"X\""));
    end();
}

TEST(a_period_shows_what_is_deferred)
{
    begin();
    CHECK_EQ(house_do(&house, "credit report"), ACT_USAGE);
    CHECK_EQ(house_do(&house, "credit report --period 2026-13"), ACT_USAGE);
    CHECK_EQ(house_do(&house, "credit report --period 1999 --json"), ACT_OK);
    CHECK(house_said(&house.out, "\"what\":\"bought\",\"paid\":\"0.00\""));
    char month[16] = "";
    struct buf text = { month, 0, sizeof(month), sizeof(month) };
    char whole[40];
    struct buf now = { whole, 0, sizeof(whole), sizeof(whole) };
    CHECK(stamp_print(&now, stamp_system_ns()) == ERR_OK);
    CHECK(buf_append(&text, str_slice(buf_str(&now), 0, 7)) == ERR_OK);
    CHECK_EQ(house_dof(&house, "credit report --period %s --json", month), ACT_OK);
    CHECK(house_said(&house.out, "\"what\":\"bought\",\"paid\":\"100.00\""));
    CHECK(house_said(&house.out, "\"what\":\"deferred at the end\",\"paid\":\"100.00\""));
    CHECK_EQ(house_do(&house, "credit breakage --json"), ACT_OK);
    CHECK_STR(buf_str(&house.out), STR("[]\n"));
    CHECK_EQ(house_do(&house, "credit breakage --period soon"), ACT_USAGE);
    end();
}

TEST(a_key_has_a_budget_that_is_shown_and_changed)
{
    char key[64];
    begin();
    CHECK_EQ(house_dof(&house, "key add --client %s --product world --budget-day -1", client),
             ACT_USAGE);
    CHECK_EQ(house_dof(&house, "key add --client %s --product world --budget-day much", client),
             ACT_USAGE);
    CHECK_EQ(house_dof(&house,
                       "key add --client %s --product world --budget-day 5 --budget-total 0.5"
                       " --json",
                       client),
             ACT_OK);
    (void)snprintf(key, sizeof(key), "%s", house_field(&house, "id"));
    CHECK_EQ(house_do(&house, "key list --json"), ACT_OK);
    CHECK(house_said(&house.out, "\"day_max\":\"5.00\",\"day_spent\":\"0.00\",\"month_max\":null"));
    CHECK(house_said(&house.out, "\"day_max\":null,\"day_spent\":null")); /* the first key's */
    CHECK_EQ(house_dof(&house, "key budget %s --budget-day none --budget-month 7 --json", key),
             ACT_OK);
    CHECK(house_said(&house.out, "\"day_max\":null,\"day_spent\":\"0.00\",\"month_max\":\"7.00\""));
    CHECK(house_said(&house.out, "\"total_max\":\"0.50\""));
    CHECK_EQ(house_dof(&house, "key budget %s", key), ACT_USAGE);
    CHECK_EQ(house_do(&house, "key budget key_00000000000000000000000000 --budget-day 1"),
             ACT_FAILED);
    end();
}
