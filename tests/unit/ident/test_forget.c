#include "ident/forget.h"

#include <string.h>

#include "house.h"
#include "ident/standing.h"

static struct house house;
static const struct client *client;
static const struct client *other;

static struct api_key_text add_key(const struct client *whose, const struct api_key **ret_key)
{
    struct api_key_text text;
    const struct api_key_order order = { .client = whose->id,
                                         .product = STR("world"),
                                         .name = STR("the label"),
                                         .market = STR("SG"),
                                         .consent = STR("form 12") };
    CHECK_EQ(api_key_add(house.ident, &order, NOW, ret_key, &text, NULL), ERR_OK);
    return text;
}

static void begin(void)
{
    const struct standing standing = { .party = STR("acme"), .set_ns = NOW };
    house = house_build();
    CHECK_EQ(client_add(house.ident, STR("Acme Quarries"), account_of(1), NOW, &client, NULL),
             ERR_OK);
    CHECK_EQ(client_add(house.ident, STR("Other"), account_of(2), NOW, &other, NULL), ERR_OK);
    CHECK_EQ(client_set_standing(house.ident, client->id, &standing, NULL), ERR_OK);
}

/* Whether any file of the store still has the word. */
static bool found(const char *word)
{
    static const char *const files[] = { "db", "db-wal" };
    static char bytes[4 << 20];
    bool is = false;
    for (size_t i = 0; i < EP_ARRAY_LEN(files); i++) {
        char path[64];
        (void)snprintf(path, sizeof(path), "%s/%s", house.folder, files[i]);
        FILE *file = fopen(path, "r");
        CHECK(file != NULL);
        size_t len = fread(bytes, 1, sizeof(bytes), file);
        CHECK(len < sizeof(bytes));
        (void)fclose(file); /* it was only read */
        is |= str_search((struct str){ bytes, len }, str_from(word)) < len;
    }
    return is;
}

TEST(a_forgotten_client_has_no_name_and_no_key_and_its_rows_neither)
{
    const struct api_key *key = NULL;
    const struct api_key *kept = NULL;
    size_t count = 0;
    bool empty = false;
    begin();
    struct api_key_text text = add_key(client, &key);
    struct api_key_text others = add_key(other, &kept);
    CHECK(found("Acme Quarries") && found("the label") && found("form 12"));
    CHECK(!client_forgotten(client));
    CHECK_EQ(client_forget(house.ident, client->id, NOW + 1, NULL), ERR_OK);
    CHECK(client_forgotten(client) && client_suspended(client));
    CHECK_EQ(client_standing(client)->party.len, 0);
    CHECK(ident_find(house.ident, str_from(text.text)) == NULL);
    CHECK_EQ(client_forget_keys(house.ident, client->id, NOW + 1, &count, NULL), ERR_OK);
    CHECK_EQ(count, 1);
    CHECK_EQ(client_forget_keys(house.ident, client->id, NOW + 2, &count, NULL), ERR_OK);
    CHECK_EQ(count, 0);
    CHECK(api_key_forgotten(key) && !api_key_forgotten(kept));
    CHECK_EQ(api_key_revoked_ns(key), NOW + 1);
    CHECK_STR(other->name, STR("Other"));
    CHECK_STR(kept->name, STR("the label"));
    CHECK(ident_find(house.ident, str_from(others.text)) == kept);
    CHECK_EQ(store_empty_journal(house.store, 1000000000, &empty, NULL), ERR_OK);
    CHECK(empty);
    CHECK(!found("Acme Quarries"));
    struct id id = client->id;
    struct id key_id = key->id;
    house_stop(&house);
    house_start(&house);
    client = client_find(house.ident, id);
    CHECK(client_forgotten(client) && client_suspended(client));
    CHECK_EQ(client->name.len, 0);
    key = api_key_find(house.ident, key_id);
    CHECK(api_key_forgotten(key));
    CHECK_EQ(api_key_hint(key).len + key->name.len + key->market.len + key->consent.len, 0);
    CHECK_EQ(client_suspended_ns(client), NOW + 1);
    CHECK(ident_find(house.ident, str_from(text.text)) == NULL);
    CHECK(ident_find(house.ident, str_from(others.text)) != NULL);
    house_raze(&house);
}

TEST(a_client_that_was_suspended_and_a_key_that_was_revoked_keep_their_times)
{
    const struct api_key *key = NULL;
    size_t count = 0;
    begin();
    (void)add_key(client, &key);
    CHECK_EQ(client_suspend(house.ident, client->id, NOW + 5, NULL), ERR_OK);
    CHECK_EQ(api_key_revoke(house.ident, key->id, NOW + 6, NULL), ERR_OK);
    CHECK_EQ(client_forget(house.ident, client->id, NOW + 7, NULL), ERR_OK);
    CHECK_EQ(client_forget_keys(house.ident, client->id, NOW + 7, &count, NULL), ERR_OK);
    CHECK_EQ(client_suspended_ns(client), NOW + 5);
    CHECK_EQ(api_key_revoked_ns(key), NOW + 6);
    house_raze(&house);
}

TEST(many_keys_are_forgotten_in_jobs)
{
    const struct api_key *key = NULL;
    size_t count = 0;
    begin();
    for (size_t i = 0; i < IDENT_FORGET_MAX + 3; i++) {
        (void)add_key(client, &key);
    }
    CHECK_EQ(client_forget_keys(house.ident, client->id, NOW, &count, NULL), ERR_OK);
    CHECK_EQ(count, IDENT_FORGET_MAX);
    CHECK_EQ(client_forget_keys(house.ident, client->id, NOW, &count, NULL), ERR_OK);
    CHECK_EQ(count, 3);
    house_raze(&house);
}

TEST(who_is_not_there_is_not_found)
{
    struct fail fail = { .text = "" };
    size_t count = 7;
    begin();
    CHECK_EQ(client_forget(house.ident, account_of(9), NOW, &fail), ERR_NOT_FOUND);
    CHECK(str_search(str_from(fail.text), STR("is no client")) < strlen(fail.text));
    CHECK_EQ(client_forget_keys(house.ident, account_of(9), NOW, &count, &fail), ERR_OK);
    CHECK_EQ(count, 0);
    house_raze(&house);
}
