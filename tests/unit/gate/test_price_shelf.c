#include "gate/price_shelf.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>

#include "harness.h"
#include "ledger/extend.h"
#include "ledger/idem.h"
#include "ledger/prices.h"

static char folder[64];
static struct store *store;
static struct ledger *ledger;
static struct fail fail;

static void begin(void)
{
    char url[128];
    struct store_migration own[] = { ledger_migration,       idem_migration,
                                     usage_month_migration,  credit_migration,
                                     budget_migration,       extend_migration,
                                     budget_calls_migration, usage_unit_migration };
    for (size_t i = 0; i < EP_ARRAY_LEN(own); i++) {
        own[i].number = (int64_t)i + 1;
    }
    (void)snprintf(folder, sizeof(folder), "/tmp/prices-XXXXXX");
    CHECK(test_folder(folder) != NULL);
    (void)snprintf(url, sizeof(url), "sqlite:%s/books.db", folder);
    const struct store_options options = { .url = str_from(url),
                                           .migrations = own,
                                           .migrations_count = EP_ARRAY_LEN(own) };
    CHECK(store_open(&options, &store, &fail) == ERR_OK);
    CHECK(ledger_open(store, &ledger, &fail) == ERR_OK);
}

static int remove_one(const char *path, const struct stat *info, int kind, struct FTW *place)
{
    (void)info;
    (void)kind;
    (void)place;
    return remove(path);
}

static void end(void)
{
    store_close(store);
    ledger_close(ledger);
    CHECK_EQ(nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
}

static void keep(const char *name, const char *version, int64_t pico)
{
    static const char sum[] = "0123456789abcdef0123456789abcdef";
    const struct ledger_price lines[] = {
        { STR("m1"), STR("in"), pico },
        { STR("m1"), STR("call"), 7 },
        { STR("m1"), STR("source"), 0 },
        { STR("m1"), STR("web_search"), 11 },
        { STR("m2"), STR("out"), 3 },
        { STR("m2"), STR("image"), 40 },
        { STR("m2"), STR("image low"), 4 },
        { STR("m2"), STR("image 8x8/high"), 9 },
        { STR("m2"), STR("priority/out"), 6 },
        { STR("m2"), STR("fast/image"), 80 },
        { STR("m2"), STR("fast/image low"), 8 },
        { STR("m2"), STR("fast/call"), 1 },
        { STR("m2"), STR("turbo/out"), 1 }, /* of no tier: of a later version, perhaps */
    };
    const struct ledger_price_book book = {
        .book = { str_from(name), str_from(version), { sum, 32 } },
        .currency = STR("USD"),
        .prices = lines,
        .count = EP_ARRAY_LEN(lines),
    };
    const struct ledger_prices prices = { .version = 1, .books = &book, .book_count = 1 };
    CHECK(ledger_keep_prices(ledger, &prices, &fail) == ERR_OK);
}

TEST(books_that_are_in_rows_are_found_by_row_and_model)
{
    struct price_shelf *shelf = NULL;
    begin();
    keep("sale", "1", 2500000);
    CHECK(price_shelf_open(store, &shelf, &fail) == ERR_OK);
    const struct price_shelf_price *one = price_shelf_find(shelf, 1, STR("sale"), STR("m1"));
    CHECK(one != NULL);
    CHECK_EQ(one->price.pico[REGISTRY_CLASS_IN], 2500000);
    CHECK(one->price.known[REGISTRY_CLASS_IN]);
    CHECK(!one->price.known[REGISTRY_CLASS_OUT]);
    CHECK_EQ(one->price.pico_call, 7);
    CHECK_EQ(one->price.pico_unit[REGISTRY_UNIT_WEB_SEARCH], 11);
    CHECK(one->price.known_unit[REGISTRY_UNIT_SOURCE]);
    CHECK(!one->price.known_unit[REGISTRY_UNIT_WEB_FETCH]);
    CHECK_STR(one->book->version, STR("1"));
    CHECK_EQ(price_shelf_find(shelf, 1, STR("sale"), STR("m2"))->price.pico[REGISTRY_CLASS_OUT], 3);
    const struct registry_price *two = &price_shelf_find(shelf, 1, STR("sale"), STR("m2"))->price;
    CHECK_EQ(two->image_count, 2);
    CHECK_EQ(registry_image_price(two, STR("8x8"), STR("high")), 9);
    CHECK_EQ(registry_image_price(two, STR("8x8"), STR("low")), 4);
    CHECK_EQ(registry_image_price(two, STR("8x8"), STR("medium")), 40);
    CHECK_EQ(one->price.image_count, 0);
    CHECK_EQ(one->price.tier_count, 0);
    CHECK_EQ(two->tier_count, 2);
    CHECK_EQ(registry_price_tier(two, TIER_PRIORITY)->pico[REGISTRY_CLASS_OUT], 6);
    CHECK_EQ(registry_price_tier(two, TIER_PRIORITY)->image_count, 0);
    const struct registry_price *fast = registry_price_tier(two, TIER_FAST);
    CHECK_EQ(registry_image_price(fast, STR("8x8"), STR("low")), 8);
    CHECK_EQ(registry_image_price(fast, STR("8x8"), STR("high")), 80);
    CHECK_EQ(fast->pico_call, 1);
    CHECK(!fast->known[REGISTRY_CLASS_OUT]);
    CHECK(price_shelf_find(shelf, 2, STR("sale"), STR("m1")) == NULL);
    CHECK(price_shelf_find(shelf, 1, STR("cost"), STR("m1")) == NULL); /* another book's row */
    CHECK(price_shelf_find(shelf, 1, STR("sale"), STR("m3")) == NULL);
    price_shelf_close(shelf);
    end();
}

TEST(a_new_version_stands_beside_the_old_one)
{
    struct price_shelf *shelf = NULL;
    begin();
    CHECK(price_shelf_open(store, &shelf, &fail) == ERR_OK);
    CHECK(price_shelf_find(shelf, 1, STR("sale"), STR("m1")) == NULL);
    keep("sale", "1", 5);
    CHECK(price_shelf_learn(shelf, &fail) == ERR_OK);
    const struct price_shelf_price *old = price_shelf_find(shelf, 1, STR("sale"), STR("m1"));
    keep("sale", "2", 9);
    CHECK(price_shelf_learn(shelf, &fail) == ERR_OK);
    CHECK(price_shelf_learn(shelf, &fail) == ERR_OK);
    CHECK_EQ(price_shelf_find(shelf, 2, STR("sale"), STR("m1"))->price.pico[0], 9);
    CHECK(price_shelf_find(shelf, 1, STR("sale"), STR("m1")) == old);
    CHECK_EQ(old->price.pico[0], 5);
    price_shelf_close(shelf);
    end();
}
