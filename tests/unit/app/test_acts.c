#include "app/acts.h"

#include "house.h"

static struct house house;
static char client[64]; /* the shown id of the house's client */

static void begin(void)
{
    house_begin(&house);
    house_open(&house, WORLD_READ_WRITE);
    CHECK_EQ(house_do(&house, "client list --json"), ACT_OK);
    (void)snprintf(client, sizeof(client), "%s", house_field(&house, "id"));
}

static void end(void)
{
    CHECK_EQ(house_do(&house, "audit"), ACT_OK);
    house_end(&house);
}

/* What the client's credit is, by the name of its part. */
static void check_credit(const char *part, const char *amount)
{
    CHECK_EQ(house_dof(&house, "credit show --client %s --json", client), ACT_OK);
    CHECK_STR(str_from(house_field(&house, part)), str_from(amount));
}

TEST(a_client_is_added_shown_suspended_and_resumed)
{
    begin();
    CHECK_EQ(house_do(&house, "client add --name Acme --json"), ACT_OK);
    CHECK_STR(str_from(house_field(&house, "currency")), STR("USD"));
    CHECK_STR(str_from(house_field(&house, "name")), STR("Acme"));
    CHECK(str_starts(str_from(house_field(&house, "account")), STR("acct_")));
    (void)snprintf(client, sizeof(client), "%s", house_field(&house, "id"));
    CHECK_EQ(house_dof(&house, "client suspend %s", client), ACT_OK);
    CHECK(house_said(&house.out, "suspended"));
    CHECK_EQ(house_dof(&house, "client suspend %s", client), ACT_FAILED);
    CHECK(house_said(&house.errors, "CONFLICT"));
    CHECK_EQ(house_dof(&house, "client resume --client %s", client), ACT_OK);
    CHECK_EQ(house_dof(&house, "client show %s --json", client), ACT_OK);
    CHECK_STR(str_from(house_field(&house, "state")), STR("active"));
    CHECK_EQ(house_do(&house, "client list"), ACT_OK);
    CHECK(house_said(&house.out, "Acme"));
    CHECK(house_said(&house.out, "First client"));
    end();
}

TEST(clients_that_are_not_there_or_not_named_are_refused)
{
    begin();
    CHECK_EQ(house_do(&house, "client add"), ACT_USAGE);
    CHECK(house_said(&house.errors, "usage: entrepot client add --name"));
    CHECK_EQ(house_do(&house, "client add --name Acme --currency usd"), ACT_USAGE);
    CHECK_EQ(house_do(&house, "client add --name \xFF"), ACT_USAGE);
    CHECK_EQ(house_do(&house, "client add --name A\tB"), ACT_USAGE);
    CHECK_EQ(house_do(&house, "client show"), ACT_USAGE);
    CHECK_EQ(house_do(&house, "client show acct_1"), ACT_USAGE);
    CHECK_EQ(house_do(&house, "client show cli_00000000000000000000000000"), ACT_FAILED);
    CHECK(house_said(&house.errors, "entrepot client list"));
    end();
}

TEST(a_key_is_made_listed_by_its_hint_and_revoked)
{
    char key[64];
    char text[96];
    begin();
    CHECK_EQ(house_dof(&house, "key add --client %s --product world --name ci --json", client),
             ACT_OK);
    (void)snprintf(key, sizeof(key), "%s", house_field(&house, "id"));
    (void)snprintf(text, sizeof(text), "%s", house_field(&house, "key"));
    CHECK(ident_find(house.world->ident, str_from(text)) != NULL);
    CHECK_EQ(house_dof(&house, "key list --client %s", client), ACT_OK);
    CHECK(house_said(&house.out, key));
    CHECK(!house_said(&house.out, text));
    CHECK_EQ(house_dof(&house, "key revoke %s", key), ACT_OK);
    CHECK(ident_find(house.world->ident, str_from(text)) == NULL);
    CHECK_EQ(house_dof(&house, "key revoke --key %s", key), ACT_FAILED);
    end();
}

TEST(keys_for_what_is_not_sold_are_refused)
{
    begin();
    CHECK_EQ(house_dof(&house, "key add --client %s", client), ACT_USAGE);
    CHECK_EQ(house_dof(&house, "key add --client %s --product moon", client), ACT_FAILED);
    CHECK(house_said(&house.errors, "moon"));
    CHECK_EQ(house_do(&house, "client add --name Euro --currency EUR --json"), ACT_OK);
    (void)snprintf(client, sizeof(client), "%s", house_field(&house, "id"));
    CHECK_EQ(house_dof(&house, "key add --client %s --product world", client), ACT_FAILED);
    CHECK(house_said(&house.errors, "pays in EUR"));
    CHECK_EQ(house_dof(&house, "credit purchase --client %s --plan starter", client), ACT_FAILED);
    end();
}

TEST(a_plan_is_bought_and_shown_in_money_and_in_units)
{
    begin();
    check_credit("available", "100.00");
    CHECK(house_said(&house.out, "\"units\":{\"bought\":1000000,"));
    CHECK_EQ(house_dof(&house, "credit purchase --client %s --plan starter --payment R1", client),
             ACT_OK);
    check_credit("available", "200.00");
    CHECK(house_said(&house.out, "\"payment\":\"R1\""));
    CHECK_EQ(house_do(&house, "plan list --product world --json"), ACT_OK);
    CHECK_STR(str_from(house_field(&house, "plan")), STR("starter"));
    CHECK_EQ(house_dof(&house, "credit show %s", client), ACT_OK);
    CHECK(house_said(&house.out, "2000000  AI token"));
    end();
}

TEST(given_credit_is_no_refund_and_bought_credit_is_refunded_once)
{
    begin();
    CHECK_EQ(
        house_dof(&house, "credit purchase --client %s --amount 12.50 --kind promo --json", client),
        ACT_OK);
    CHECK(house_said(&house.out, "\"lot\":2,"));
    CHECK_EQ(house_dof(&house, "credit refund --client %s --lot 2", client), ACT_FAILED);
    CHECK_EQ(house_dof(&house, "credit refund --client %s --lot 1 --json", client), ACT_OK);
    CHECK_STR(str_from(house_field(&house, "refunded")), STR("100.00"));
    CHECK_EQ(house_dof(&house, "credit refund --client %s --lot 1", client), ACT_FAILED);
    check_credit("refunded", "100.00");
    check_credit("available", "12.50");
    check_credit("used", "0.00");
    end();
}

TEST(credit_expires_at_its_time_and_not_before)
{
    begin();
    CHECK_EQ(house_do(&house, "credit expire --json"), ACT_OK);
    CHECK_STR(str_from(house_field(&house, "expired")), STR("0.00"));
    CHECK_EQ(house_do(&house, "credit expire --at 2999-01-01"), ACT_USAGE);
    CHECK_EQ(house_do(&house, "credit expire --at tomorrow"), ACT_USAGE);
    CHECK_EQ(
        house_dof(&house, "credit purchase --client %s --amount 5 --expires 2000-01-01", client),
        ACT_USAGE);
    check_credit("available", "100.00");
    end();
}

TEST(amounts_that_make_no_sense_are_refused)
{
    static const char *const bad[] = {
        "--amount 0",
        "--amount -1",
        "--amount 1e9",
        "--amount x",
        "--amount 0.0000000001",
        "--amount 99999999999",
        "--kind paid",
        "--amount 5 --kind gift",
        "--plan nothing",
        "--plan starter --amount 5",
        "--plan starter --product moon",
    };
    begin();
    for (size_t i = 0; i < EP_ARRAY_LEN(bad); i++) {
        CHECK(house_dof(&house, "credit purchase --client %s %s", client, bad[i]) != ACT_OK);
        CHECK(house.errors.len > 0);
        CHECK_EQ(house.out.len, 0);
    }
    CHECK_EQ(house_dof(&house, "credit refund --client %s --lot all", client), ACT_USAGE);
    check_credit("bought", "100.00");
    end();
}

/* They stand among the commands to be refused by their rule; none changes anything. */
TEST(there_is_no_transfer_no_gift_and_no_code)
{
    begin();
    CHECK_EQ(house_dof(&house, "credit transfer --client %s --to x --amount 5", client),
             ACT_FAILED);
    CHECK(house_said(&house.errors, "(TOKEN_NOT_TRANSFERABLE)"));
    CHECK_EQ(house_dof(&house, "credit gift 5 --client %s", client), ACT_FAILED);
    CHECK(house_said(&house.errors, "(TOKEN_NO_RESALE)"));
    CHECK_EQ(house_do(&house, "credit redeem --code ABC-123"), ACT_FAILED);
    CHECK(house_said(&house.errors, "(TOKEN_NO_RESALE)"));
    for (const struct act *act = acts; act->noun != NULL; act++) {
        bool moves = act->verb != NULL &&
                     (strcmp(act->verb, "transfer") == 0 || strcmp(act->verb, "gift") == 0 ||
                      strcmp(act->verb, "redeem") == 0);
        CHECK(!moves || act->place == ACT_READS);
    }
    check_credit("available", "100.00");
    end();
}

TEST(the_registry_in_force_is_shown)
{
    begin();
    CHECK_EQ(house_do(&house, "registry show"), ACT_OK);
    CHECK(house_said(&house.out, "aurora-large-us"));
    CHECK_EQ(house_do(&house, "registry show --json"), ACT_OK);
    CHECK_EQ(strlen(house_field(&house, "hash")), 64);
    CHECK_EQ(house_do(&house, "registry apply"), ACT_OK);
    CHECK(house_said(&house.out, "was in force already"));
    end();
}

static enum err reload(void *context, struct world_applied *ret_applied, struct buf *errors)
{
    int *count = context;
    if (++*count > 1) {
        EP_IGNORE(buf_append(errors, STR("models.yaml:3:4: REG_BAD_VALUE\n")));
        return ERR_REGISTRY_INVALID;
    }
    *ret_applied = (struct world_applied){ .version = 7, .changed = true, .swap_us = 12 };
    return ERR_OK;
}

TEST(apply_asks_the_running_server_and_tells_its_refusal)
{
    int count = 0;
    begin();
    house.world->reload = reload;
    house.world->reload_context = &count;
    CHECK_EQ(house_do(&house, "registry apply"), ACT_OK);
    CHECK(house_said(&house.out, "version   7"));
    CHECK(house_said(&house.out, "state     in force\n"));
    CHECK(house_said(&house.out, "swap_us   12"));
    CHECK_EQ(house_do(&house, "registry apply"), ACT_FAILED);
    CHECK(house_said(&house.errors, "models.yaml:3:4"));
    CHECK(house_said(&house.errors, "what was in force stays"));
    end();
}

TEST(a_receipt_that_is_not_there_is_not_found)
{
    begin();
    CHECK_EQ(house_do(&house, "receipt show call_00000000000000000000000000"), ACT_FAILED);
    CHECK(house_said(&house.errors, "NOT_FOUND"));
    CHECK_EQ(house_do(&house, "receipt show"), ACT_USAGE);
    end();
}

TEST(nothing_is_changed_through_a_world_that_is_read)
{
    house_begin(&house);
    house_open(&house, WORLD_READ_ONLY);
    CHECK_EQ(house_do(&house, "client add --name Acme"), ACT_COULD_NOT);
    CHECK_EQ(house_do(&house, "client list"), ACT_OK);
    CHECK(!house_said(&house.out, "Acme"));
    end();
}

TEST(a_complaint_is_whole_characters)
{
    struct fail fail = { .text = "so \xC3\xB6 and \xC3" };
    struct buf errors;
    buf_init(&errors, 4096);
    act_complain(&errors, ERR_NOT_FOUND, &fail, "look");
    CHECK_STR(buf_str(&errors), STR("entrepot: so \xC3\xB6 and ? (NOT_FOUND); look\n"));
    buf_reset(&errors);
    fail.text[0] = '\0';
    act_complain(&errors, ERR_NOT_FOUND, &fail, NULL);
    CHECK_STR(buf_str(&errors), STR("entrepot: There is no such object. (NOT_FOUND)\n"));
    buf_fini(&errors);
}

TEST(words_and_flags_too_many_are_refused)
{
    begin();
    CHECK_EQ(house_do(&house, "audit now"), ACT_USAGE);
    CHECK_EQ(house_do(&house, "client list --name x"), ACT_USAGE);
    CHECK_EQ(house_do(&house, "client"), ACT_USAGE);
    end();
}
