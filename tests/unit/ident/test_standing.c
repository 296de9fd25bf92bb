#include "ident/standing.h"

#include "base/mem.h"
#include "house.h"

#define SUM "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static const struct client *client_new(struct house *house)
{
    const struct client *client = NULL;
    CHECK_EQ(client_add(house->ident, STR("Acme"), (struct id){ { 1 } }, NOW, &client, NULL),
             ERR_OK);
    return client;
}

static struct standing standing_online(void)
{
    return (struct standing){
        .country = country_from(STR("SG")),
        .billing_country = country_from(STR("MY")),
        .client_type = STR("developer"),
        .agreement = STR("online-2026"),
        .agreement_sha256 = STR(SUM),
        .accepted_ns = NOW - 1,
        .set_ns = NOW,
    };
}

static void check_online(const struct standing *standing)
{
    CHECK_EQ(standing->party.len, 0);
    CHECK_EQ(standing->country, country_from(STR("SG")));
    CHECK_EQ(standing->billing_country, country_from(STR("MY")));
    CHECK_STR(standing->client_type, STR("developer"));
    CHECK_STR(standing->agreement, STR("online-2026"));
    CHECK_STR(standing->agreement_sha256, STR(SUM));
    CHECK_EQ(standing->accepted_ns, NOW - 1);
    CHECK_EQ(standing->set_ns, NOW);
}

TEST(of_a_new_client_nothing_is_known)
{
    struct house house = house_build();
    const struct standing *standing = client_standing(client_new(&house));
    CHECK_EQ(standing->party.len, 0);
    CHECK_EQ(standing->country, COUNTRY_NONE);
    CHECK_EQ(standing->client_type.len, 0);
    CHECK_EQ(standing->agreement.len, 0);
    house_raze(&house);
}

TEST(the_last_standing_counts_and_outlives_a_restart)
{
    struct house house = house_build();
    const struct client *client = client_new(&house);
    const struct standing party = { .party = STR("acme"), .set_ns = NOW };
    struct standing online = standing_online();
    CHECK_EQ(client_set_standing(house.ident, client->id, &party, NULL), ERR_OK);
    CHECK_STR(client_standing(client)->party, STR("acme"));
    CHECK_EQ(client_set_standing(house.ident, client->id, &online, NULL), ERR_OK);
    check_online(client_standing(client));
    house_stop(&house);
    house_start(&house);
    check_online(client_standing(client_next(house.ident, NULL)));
    house_raze(&house);
}

TEST(what_was_accepted_needs_its_sum_and_time)
{
    struct house house = house_build();
    const struct client *client = client_new(&house);
    struct standing bad[5];
    for (size_t i = 0; i < EP_ARRAY_LEN(bad); i++) {
        bad[i] = standing_online();
    }
    bad[0].agreement_sha256 = STR("abc");
    bad[1].accepted_ns = 0;
    bad[2].agreement = STR_EMPTY; /* and yet a sum */
    bad[3].party = STR("a\nb");
    bad[4].agreement_sha256 = STR(SUM "0");
    for (size_t i = 0; i < EP_ARRAY_LEN(bad); i++) {
        struct fail fail = { .code = ERR_OK };
        CHECK_EQ(client_set_standing(house.ident, client->id, &bad[i], &fail), ERR_ASK_INVALID);
        CHECK(fail.text[0] != '\0');
    }
    CHECK_EQ(client_standing(client)->set_ns, 0);
    struct standing fine = standing_online();
    CHECK_EQ(client_set_standing(house.ident, (struct id){ { 9 } }, &fine, NULL), ERR_NOT_FOUND);
    house_raze(&house);
}

TEST(a_devices_key_says_where_it_was_sold_and_whose_consent_it_has)
{
    struct house house = house_build();
    const struct client *client = client_new(&house);
    const struct api_key *key = NULL;
    struct api_key_text text;
    struct api_key_order order = { .client = client->id,
                                   .product = STR("toys"),
                                   .market = STR("my"),
                                   .consent = STR("consent-014") };
    CHECK_EQ(api_key_add(house.ident, &order, NOW, &key, &text, NULL), ERR_ASK_INVALID);
    order.market = STR("MY");
    CHECK_EQ(api_key_add(house.ident, &order, NOW, &key, &text, NULL), ERR_OK);
    house_stop(&house);
    house_start(&house);
    key = ident_find(house.ident, str_from(text.text));
    CHECK(key != NULL);
    CHECK_STR(key->market, STR("MY"));
    CHECK_STR(key->consent, STR("consent-014"));
    house_raze(&house);
}

static struct house memory_house;

static void open_and_set(void)
{
    struct ident *ident = NULL;
    struct standing online = standing_online();
    enum err err = ident_open(memory_house.store, STR(PEPPER), &ident, NULL);
    if (err == ERR_OK) {
        const struct client *client = client_next(ident, NULL);
        err = client_set_standing(ident, client->id, &online, NULL);
    }
    CHECK(err == ERR_OK || err == ERR_NO_MEMORY);
    ident_close(ident);
}

TEST(running_out_of_memory_leaves_the_standing_as_it_was)
{
    memory_house = house_build();
    (void)client_new(&memory_house);
    CHECK(test_each_allocation_failing(open_and_set) >= 3);
    CHECK(!store_failed(memory_house.store));
    house_raze(&memory_house);
}
