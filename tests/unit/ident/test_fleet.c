#include "fleet_house.h"
#include "ident/forget.h"

#include <string.h>

static const struct api_key *key_of(struct house *house, const struct api_key_text *text)
{
    return ident_find(house->ident, str_from(text->text));
}

TEST(a_fleet_is_there_after_a_restart_as_it_was_made)
{
    struct house house = house_build();
    struct api_key_text text;
    (void)fleet_new(&house, &text);
    for (int round = 0; round < 2; round++) {
        const struct fleet *fleet = fleet_next(house.ident, NULL);
        CHECK(fleet != NULL && fleet_next(house.ident, fleet) == NULL);
        CHECK(fleet_find(house.ident, fleet->id) == fleet);
        CHECK_STR(fleet->product, STR("toys"));
        CHECK_STR(fleet->market, STR("SG"));
        CHECK_STR(fleet->maker, STR("Kancil Toys Pte Ltd"));
        CHECK_STR(fleet->models, STR("toy-voice toy-chat"));
        CHECK_EQ(fleet->caps[FLEET_WAKES_DAY], 3);
        CHECK_EQ(fleet->caps[FLEET_MONEY_DAY], FLEET_CAP_NONE);
        CHECK(!fleet->consent_required);
        CHECK_EQ(fleet_devices(fleet), 0);
        const struct api_key *key = key_of(&house, &text);
        CHECK(key == fleet->issuer && key->fleet == fleet && key->device == NULL);
        CHECK(api_key_issues(key));
        CHECK_EQ(api_key_usable(key, NOW), ERR_OK);
        CHECK_STR(key->market, STR("SG"));
        (void)fleet_again(&house);
    }
    house_raze(&house);
}

TEST(a_fleet_has_the_models_that_it_names_whole_or_all)
{
    const struct fleet named = { .models = STR("toy-voice toy-chat") };
    const struct fleet any = { .models = STR("") };
    CHECK(fleet_has_model(&named, STR("toy-voice")) && fleet_has_model(&named, STR("toy-chat")));
    CHECK(!fleet_has_model(&named, STR("toy")) && !fleet_has_model(&named, STR("toy-chat-2")));
    CHECK(!fleet_has_model(&named, STR("toy-voice toy-chat")));
    CHECK(fleet_has_model(&any, STR("toy")));
}

TEST(an_order_that_makes_no_sense_adds_nothing)
{
    static char models[FLEET_MODELS_MAX + 2];
    struct house house = house_build();
    struct api_key_text text;
    const struct client *client = fleet_new(&house, &text)->client;
    memset(models, 'm', FLEET_MODELS_MAX + 1);
    const struct fleet_order good = {
        .client = client->id, .product = STR("p"), .market = STR("SG"), .maker = STR("M")
    };
    struct fleet_order bad[7] = { good, good, good, good, good, good, good };
    bad[0].market = STR("");
    bad[1].market = STR("sg");
    bad[2].maker = STR("");
    bad[3].maker = STR("a\nb");
    bad[4].product = STR("");
    bad[5].models = str_from(models);
    bad[6].caps[FLEET_CALLS_DAY] = -2;
    for (size_t i = 0; i < EP_ARRAY_LEN(bad); i++) {
        const struct fleet *fleet = NULL;
        CHECK_EQ(fleet_add(house.ident, &bad[i], NOW, &fleet, &text, NULL), ERR_ASK_INVALID);
        CHECK(fleet == NULL);
    }
    struct fleet_order nobody = good;
    nobody.client = account_of(9);
    const struct fleet *fleet = NULL;
    CHECK_EQ(fleet_add(house.ident, &nobody, NOW, &fleet, &text, NULL), ERR_NOT_FOUND);
    CHECK(fleet_next(house.ident, fleet_next(house.ident, NULL)) == NULL);
    house_raze(&house);
}

TEST(a_suspended_fleet_holds_its_secret_and_its_devices_until_it_is_resumed)
{
    struct house house = house_build();
    struct api_key_text secret;
    struct api_key_text text;
    const struct fleet *fleet = fleet_new(&house, &secret);
    (void)device_new(&house, fleet, "KT-0001", &text);
    CHECK_EQ(fleet_resume(house.ident, fleet->id, NULL), ERR_CONFLICT);
    CHECK_EQ(fleet_suspend(house.ident, fleet->id, NOW + 1, NULL), ERR_OK);
    CHECK_EQ(fleet_suspend(house.ident, fleet->id, NOW + 2, NULL), ERR_CONFLICT);
    for (int round = 0; round < 2; round++) {
        CHECK_EQ(fleet_suspended_ns(fleet), NOW + 1);
        CHECK_EQ(api_key_usable(key_of(&house, &secret), NOW), ERR_FLEET_SUSPENDED);
        CHECK_EQ(api_key_usable(key_of(&house, &text), NOW), ERR_FLEET_SUSPENDED);
        fleet = fleet_again(&house);
    }
    CHECK_EQ(fleet_resume(house.ident, fleet->id, NULL), ERR_OK);
    CHECK_EQ(api_key_usable(key_of(&house, &text), NOW), ERR_OK);
    CHECK_EQ(fleet_suspend(house.ident, account_of(9), NOW, NULL), ERR_NOT_FOUND);
    house_raze(&house);
}

TEST(a_new_secret_ends_the_old_one_and_nothing_else)
{
    struct house house = house_build();
    struct api_key_text old;
    struct api_key_text new;
    struct api_key_text text;
    const struct fleet *fleet = fleet_new(&house, &old);
    (void)device_new(&house, fleet, "KT-0001", &text);
    struct id issuer = fleet->issuer->id;
    CHECK_EQ(fleet_new_secret(house.ident, fleet->id, NOW + 1, &new, NULL), ERR_OK);
    for (int round = 0; round < 2; round++) {
        CHECK(key_of(&house, &old) == NULL);
        CHECK(key_of(&house, &new) == fleet->issuer && id_eq(fleet->issuer->id, issuer));
        CHECK_STR(str_from_at(api_key_hint(fleet->issuer), 11),
                  str_from_at(str_from(new.text), IDENT_KEY_TEXT_LEN - 4));
        CHECK(key_of(&house, &text) != NULL);
        fleet = fleet_again(&house);
    }
    CHECK_EQ(api_key_revoke(house.ident, issuer, NOW + 2, NULL), ERR_OK);
    CHECK_EQ(fleet_new_secret(house.ident, fleet->id, NOW + 3, &new, NULL), ERR_CONFLICT);
    CHECK_EQ(fleet_new_secret(house.ident, account_of(9), NOW + 3, &new, NULL), ERR_NOT_FOUND);
    house_raze(&house);
}

static enum err forgotten_row(void *context, const struct store_value *row, size_t columns)
{
    int *rows = context;
    CHECK_EQ(columns, 3);
    CHECK_EQ(row[0].bytes.len, 0); /* the maker */
    CHECK_EQ(row[1].bytes.len, 0); /* the models */
    CHECK_EQ(row[2].number, 0);    /* references that are left */
    (*rows)++;
    return ERR_OK;
}

static enum err forgotten_read(void *context, struct store_txn *txn, struct fail *fail)
{
    static const struct store_sql sql = {
        "SELECT maker, models, (SELECT count(*) FROM device_consent WHERE reference <> '')"
        " FROM fleet"
    };
    return store_query(txn, &sql, NULL, 0, forgotten_row, context, fail);
}

TEST(a_client_that_is_forgotten_takes_makers_devices_and_consents_along)
{
    struct house house = house_build();
    struct api_key_text secret;
    const struct fleet *fleet = fleet_new(&house, &secret);
    struct device_order order = order_of(fleet, "KT-0001");
    order.reference = STR("guardian-4711");
    order.given_ns = NOW;
    CHECK_EQ(issue_one(&house, fleet, &order, NOW, NULL), ERR_OK);
    struct id client = fleet->client->id;
    CHECK_EQ(client_forget(house.ident, client, NOW + 1, NULL), ERR_OK);
    struct device_order late = order_of(fleet, "KT-LATE-1"); /* that was let in just before */
    CHECK_EQ(issue_one(&house, fleet, &late, NOW + 1, NULL), ERR_CONFLICT);
    size_t count = 0;
    CHECK_EQ(client_forget_keys(house.ident, client, NOW + 1, &count, NULL), ERR_OK);
    CHECK_EQ(count, 2);
    CHECK_EQ(client_forget_keys(house.ident, client, NOW + 1, &count, NULL), ERR_OK);
    CHECK_EQ(count, 0);
    CHECK(device_consent(order.device) == NULL);
    fleet = fleet_again(&house);
    int rows = 0;
    CHECK_EQ(store_read(house.store, forgotten_read, &rows, NULL), ERR_OK);
    CHECK_EQ(rows, 1);
    CHECK(device_find(house.ident, fleet, STR("KT-0001")) == NULL);
    CHECK(key_of(&house, &secret) == NULL && key_of(&house, &order.text) == NULL);
    const struct device *device = NULL;
    CHECK_EQ(devices_list(house.ident, fleet, 0, 1, &device), 1);
    CHECK(api_key_forgotten(&device->key) && device_consent(device) == NULL);
    house_raze(&house);
}

TEST(a_client_of_many_devices_is_forgotten_in_jobs)
{
    struct house house = house_build();
    struct api_key_text text;
    const struct fleet *fleet = fleet_new(&house, &text);
    for (int i = 0; i < 2 * IDENT_FORGET_MAX; i++) {
        char id[16];
        (void)snprintf(id, sizeof(id), "KT-%05d", i);
        (void)device_new(&house, fleet, id, &text);
    }
    size_t sum = 0;
    size_t count = 0;
    int jobs = 0;
    do {
        CHECK_EQ(client_forget_keys(house.ident, fleet->client->id, NOW, &count, NULL), ERR_OK);
        sum += count;
        jobs++;
    } while (count > 0);
    CHECK_EQ(sum, 2 * IDENT_FORGET_MAX + 1);
    CHECK_EQ(jobs, 4);
    house_raze(&house);
}

static struct house memory_house;
static struct id memory_client;

static void open_and_add(void)
{
    struct ident *ident = NULL;
    const struct fleet *fleet = NULL;
    struct api_key_text text;
    const struct fleet_order order = {
        .client = memory_client, .product = STR("p"), .market = STR("SG"), .maker = STR("M")
    };
    enum err err = ident_open(memory_house.store, STR(PEPPER), &ident, NULL);
    if (err == ERR_OK) {
        err = fleet_add(ident, &order, NOW, &fleet, &text, NULL);
    }
    if (err == ERR_OK) {
        err = fleet_new_secret(ident, fleet->id, NOW, &text, NULL);
    }
    CHECK(err == ERR_OK || err == ERR_NO_MEMORY);
    ident_close(ident);
}

TEST(running_out_of_memory_adds_no_half_of_a_fleet)
{
    struct api_key_text text;
    memory_house = house_build();
    memory_client = fleet_new(&memory_house, &text)->client->id;
    CHECK(test_each_allocation_failing(open_and_add) >= 3);
    CHECK(!store_failed(memory_house.store));
    house_raze(&memory_house);
}
