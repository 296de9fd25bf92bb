#include "app/price_keeping.h"

#include "house.h"

static struct house house;

static struct digest hash_of(const char *book)
{
    struct digest hash;
    const struct registry *registry = house.world->registry;
    for (size_t i = 0; i < registry->price_book_count; i++) {
        if (str_eq(registry->price_books[i].id, str_from(book))) {
            CHECK(price_keeping_hash(&registry->price_books[i], &hash) == ERR_OK);
            return hash;
        }
    }
    test_failed(EP_SITE, "no book %s", book);
}

static void change_prices(const char *old, const char *fresh)
{
    house_change(&house, "price_books.yaml", old, fresh);
    house_apply(&house);
}

TEST(a_hash_is_of_what_a_book_says_and_of_nothing_else)
{
    house_begin(&house);
    house_open(&house, WORLD_READ_WRITE);
    struct digest cost = hash_of("aurora-contract-2026");
    struct digest sale = hash_of("world-2026");
    CHECK(!digest_eq(&cost, &sale));
    house_close(&house);
    change_prices("input: \"1.80\"", "input: \"1.800\""); /* the same price */
    house_open(&house, WORLD_READ_WRITE);
    struct digest again = hash_of("aurora-contract-2026");
    CHECK(digest_eq(&cost, &again));
    house_close(&house);
    change_prices("input: \"1.800\"", "input: \"1.81\"");
    house_open(&house, WORLD_READ_WRITE);
    again = hash_of("aurora-contract-2026");
    CHECK(!digest_eq(&cost, &again));
    again = hash_of("world-2026");
    CHECK(digest_eq(&sale, &again));
    CHECK_EQ(house_do(&house, "audit"), ACT_OK);
    house_end(&house);
}

static enum err on_count(void *context, const struct store_value *row, size_t columns)
{
    CHECK_EQ(columns, 1);
    *(int64_t *)context = row[0].number;
    return ERR_OK;
}

static enum err read_lists(void *context, struct store_txn *txn, struct fail *fail)
{
    static const struct store_sql sql = {
        "SELECT count(*) FROM price_list l JOIN price_book b ON b.id = l.book"
        " JOIN price p ON p.book = b.id WHERE l.product = 'world' AND p.model = 'aurora-large'"
        " AND p.class = 'out' AND p.pico = 10000000"
    };
    return store_query(txn, &sql, NULL, 0, on_count, context, fail);
}

TEST(what_comes_into_force_is_in_rows_and_a_purchase_names_it)
{
    int64_t count = 0;
    struct fail fail;
    house_begin(&house);
    house_open(&house, WORLD_READ_WRITE);
    CHECK(store_read(house.world->store, read_lists, &count, &fail) == ERR_OK);
    CHECK_EQ(count, 1);
    CHECK_EQ(house_do(&house, "client list --json"), ACT_OK);
    char client[64];
    (void)snprintf(client, sizeof(client), "%s", house_field(&house, "id"));
    CHECK_EQ(house_dof(&house, "credit show %s --json", client), ACT_OK);
    CHECK(house_said(&house.out, "\"price_list\":\"world-2026/1\""));
    CHECK_EQ(house_do(&house, "audit"), ACT_OK);
    house_end(&house);
}
