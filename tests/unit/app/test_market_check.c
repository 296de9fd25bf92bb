#include "app/market_check.h"

#include "../policy/law_world.h"
#include "base/mem.h"
#include "house.h"
#include "ident/standing.h"

static struct house house;
static struct law law;
static struct standing standing;

static void begin(void)
{
    house_begin(&house);
    house_open(&house, WORLD_READ_WRITE);
    law_make(&law);
    standing = (struct standing){ .country = law_country("SG"), .set_ns = 1 };
}

static void end(void)
{
    law_end(&law);
    house_end(&house);
}

static enum err check(enum market_step step)
{
    struct fail fail = { 0 };
    const struct client *of = client_next(house.world->ident, NULL);
    CHECK_EQ(client_set_standing(house.world->ident, of->id, &standing, NULL), ERR_OK);
    enum err err = market_check(
        &law.registry, of, &(struct market_sale){ &law.products[PRODUCT_AGG], step, COUNTRY_NONE },
        &fail);
    CHECK((err == ERR_OK) == (fail.text[0] == '\0'));
    return err;
}

/* The product sells m-alpha (CN), m-beta (CN) and m-xray (US); `first` of them alone. */
static void sell(size_t first, size_t count, const char *markets)
{
    law.products[PRODUCT_AGG].models = &law.sold[first];
    law.products[PRODUCT_AGG].model_count = count;
    law.products[PRODUCT_AGG].markets = law_regions(markets, "");
}

TEST(a_client_abroad_may_buy)
{
    begin();
    CHECK_EQ(check(MARKET_KEY), ERR_OK);
    CHECK_EQ(check(MARKET_CHECKOUT), ERR_OK);
    standing.country = COUNTRY_NONE; /* calls are refused later, where more is known */
    CHECK_EQ(check(MARKET_KEY), ERR_OK);
    standing.party = STR("c.1");
    CHECK_EQ(check(MARKET_CHECKOUT), ERR_OK);
    end();
}

TEST(foreign_models_are_not_offered_in_the_mainland)
{
    begin();
    standing.country = law_country("CN");
    sell(2, 1, "WORLD CN");
    CHECK_EQ(check(MARKET_KEY), ERR_LAW_REVERSE_IMPORT);
    CHECK_EQ(check(MARKET_CHECKOUT), ERR_LAW_REVERSE_IMPORT);
    sell(0, 3, "WORLD CN"); /* one that may be offered is enough: calls are judged one by one */
    CHECK_EQ(check(MARKET_KEY), ERR_OK);
    standing.party = STR("c.9"); /* a party's word goes before what was said online */
    standing.country = law_country("SG");
    sell(2, 1, "WORLD CN");
    CHECK_EQ(check(MARKET_KEY), ERR_LAW_REVERSE_IMPORT);
    end();
}

TEST(a_product_that_is_not_for_the_mainland_is_not_offered_there)
{
    begin();
    standing.country = law_country("CN");
    sell(0, 2, "WORLD");
    CHECK_EQ(check(MARKET_KEY), ERR_LAW_MARKET);
    CHECK_EQ(check(MARKET_CHECKOUT), ERR_LAW_MARKET);
    sell(0, 2, "WORLD CN");
    CHECK_EQ(check(MARKET_KEY), ERR_OK);
    end();
}

TEST(a_mainland_consumers_card_or_wallet_does_not_pay_for_foreign_models)
{
    static const struct {
        enum registry_instrument_kind kind;
        const char *country;
        enum err err;
    } cases[] = {
        { REGISTRY_INSTRUMENT_CONSUMER_CARD, "CN", ERR_PAYMENT_DOMESTIC },
        { REGISTRY_INSTRUMENT_WALLET, "CN", ERR_PAYMENT_DOMESTIC },
        { REGISTRY_INSTRUMENT_COMPANY_CARD, "CN", ERR_OK },
        { REGISTRY_INSTRUMENT_BANK, "CN", ERR_OK },
        { REGISTRY_INSTRUMENT_CONSUMER_CARD, "SG", ERR_OK },
        { REGISTRY_INSTRUMENT_WALLET, "HK", ERR_OK },
    };
    begin();
    standing.party = STR("c.1");
    for (size_t i = 0; i < EP_ARRAY_LEN(cases); i++) {
        law.parties[C_1].billing_instrument =
            (struct registry_instrument){ law_country(cases[i].country), cases[i].kind };
        sell(0, 3, "WORLD CN");
        CHECK_EQ(check(MARKET_CHECKOUT), cases[i].err);
        CHECK_EQ(check(MARKET_KEY), ERR_OK); /* nobody pays for a key */
        sell(0, 2, "WORLD CN");
        CHECK_EQ(check(MARKET_CHECKOUT), ERR_OK);
    }
    end();
}

TEST(without_memory_nothing_is_sold)
{
    begin();
    const struct client *of = client_next(house.world->ident, NULL);
    const struct standing nobody = { .set_ns = 1 };
    CHECK_EQ(client_set_standing(house.world->ident, of->id, &nobody, NULL), ERR_OK);
    for (uint64_t nth = 1; nth < 1000; nth++) {
        struct fail fail;
        mem_fail_nth(nth);
        enum err err = market_check(
            &law.registry, of,
            &(struct market_sale){ &law.products[PRODUCT_AGG], MARKET_KEY, COUNTRY_NONE }, &fail);
        bool done = mem_requests() < nth;
        mem_fail_nth(0);
        CHECK_EQ(err, done ? ERR_OK : ERR_NO_MEMORY);
        if (done) {
            CHECK(nth > 3);
            break;
        }
    }
    end();
}

TEST(a_party_that_the_registry_lacks_buys_nothing)
{
    begin();
    const struct client *of = client_next(house.world->ident, NULL);
    struct fail fail;
    CHECK_EQ(
        market_check(&law.registry, of,
                     &(struct market_sale){ &law.products[PRODUCT_AGG], MARKET_KEY, COUNTRY_NONE },
                     &fail),
        ERR_LAW_NO_AGREEMENT);
    CHECK(strstr(fail.text, "first-client") != NULL);
    end();
}

/* The acts ask: no key, no credit. */
TEST(keys_and_credit_are_not_sold_to_the_mainland)
{
    char id[64];
    begin();
    CHECK_EQ(house_do(&house, "client add --name Cn --country CN --type developer --json"), ACT_OK);
    (void)snprintf(id, sizeof(id), "%s", house_field(&house, "id"));
    CHECK_EQ(house_dof(&house, "key add --client %s --product world", id), ACT_FAILED);
    CHECK(house_said(&house.errors, "REVERSE_IMPORT"));
    CHECK_EQ(house_dof(&house, "credit purchase --client %s --plan starter", id), ACT_FAILED);
    CHECK(house_said(&house.errors, "REVERSE_IMPORT"));
    CHECK_EQ(house_dof(&house, "credit purchase --client %s --amount 5 --product world", id),
             ACT_FAILED);
    CHECK_EQ(house_dof(&house, "client standing %s --country SG", id), ACT_OK);
    CHECK_EQ(house_dof(&house, "key add --client %s --product world", id), ACT_OK);
    CHECK_EQ(house_dof(&house, "credit purchase --client %s --plan starter", id), ACT_OK);
    end();
}
