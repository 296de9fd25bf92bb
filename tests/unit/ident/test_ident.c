#include "ident/ident.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "crypto/digest.h"
#include "house.h"

static const struct client *add_client(struct house *house, const char *name)
{
    const struct client *client = NULL;
    CHECK_EQ(client_add(house->ident, str_from(name), account_of(7), NOW, &client, NULL), ERR_OK);
    return client;
}

static const struct api_key *add_key(struct house *house, const struct client *client,
                                     struct api_key_text *ret_text)
{
    const struct api_key *api_key = NULL;
    struct api_key_order order = {
        .client = client->id,
        .product = STR("world"),
        .name = STR("laptop"),
    };
    CHECK_EQ(api_key_add(house->ident, &order, NOW, &api_key, ret_text, NULL), ERR_OK);
    return api_key;
}

/* ---- keys -------------------------------------------------------------------------------- */

TEST(a_new_key_is_found_by_its_text_alone)
{
    struct house house = house_build();
    const struct client *client = add_client(&house, "Acme");
    struct api_key_text text;
    const struct api_key *api_key = add_key(&house, client, &text);
    CHECK(ident_find(house.ident, test_at_page_end(str_from(text.text))) == api_key);
    CHECK(api_key->client == client);
    CHECK_STR(api_key->product, STR("world"));
    CHECK_STR(api_key->name, STR("laptop"));
    CHECK_EQ(api_key->created_ns, NOW);
    CHECK_EQ(api_key_revoked_ns(api_key), 0);
    CHECK(id_eq(client->account, account_of(7)));
    house_raze(&house);
}

TEST(a_text_that_is_off_by_one_place_is_not_found)
{
    struct house house = house_build();
    struct api_key_text text;
    CHECK(add_key(&house, add_client(&house, "Acme"), &text) != NULL);
    for (size_t i = 0; i < IDENT_KEY_TEXT_LEN; i++) {
        char kept = text.text[i];
        text.text[i] = kept == '7' ? '8' : '7';
        CHECK(ident_find(house.ident, str_from(text.text)) == NULL);
        text.text[i] = kept;
    }
    struct str whole = str_from(text.text);
    CHECK(ident_find(house.ident, whole) != NULL);
    for (size_t len = 0; len < whole.len; len++) {
        CHECK(ident_find(house.ident, str_slice(whole, 0, len)) == NULL);
    }
    char longer[IDENT_KEY_TEXT_LEN + 2];
    (void)snprintf(longer, sizeof(longer), "%sx", text.text);
    CHECK(ident_find(house.ident, str_from(longer)) == NULL);
    CHECK(ident_find(house.ident, STR_EMPTY) == NULL);
    house_raze(&house);
}

TEST(a_key_has_the_promised_form_and_its_hint_shows_both_ends)
{
    struct house house = house_build();
    const struct client *client = add_client(&house, "Acme");
    for (int round = 0; round < 50; round++) {
        struct api_key_text text;
        const struct api_key *api_key = add_key(&house, client, &text);
        struct str shown = str_from(text.text);
        CHECK_EQ(shown.len, IDENT_KEY_TEXT_LEN);
        CHECK(str_starts(shown, STR("sk-ep-")));
        for (size_t i = 6; i < shown.len; i++) {
            CHECK(strchr("0123456789abcdefghjkmnpqrstvwxyz", shown.ptr[i]) != NULL);
        }
        CHECK_EQ(api_key_hint(api_key).len, IDENT_HINT_LEN);
        CHECK_STR(str_slice(api_key_hint(api_key), 0, 8), str_slice(shown, 0, 8));
        CHECK_STR(str_from_at(api_key_hint(api_key), 11), str_from_at(shown, shown.len - 4));
    }
    house_raze(&house);
}

TEST(no_two_keys_are_alike)
{
    static struct api_key_text texts[200];
    struct house house = house_build();
    const struct client *client = add_client(&house, "Acme");
    for (size_t i = 0; i < EP_ARRAY_LEN(texts); i++) {
        const struct api_key *api_key = add_key(&house, client, &texts[i]);
        for (size_t j = 0; j < i; j++) {
            CHECK(strcmp(texts[i].text, texts[j].text) != 0);
        }
        CHECK(ident_find(house.ident, str_from(texts[i].text)) == api_key);
    }
    house_raze(&house);
}

TEST(a_key_is_gone_once_it_is_revoked_and_stays_in_the_list)
{
    struct house house = house_build();
    struct api_key_text texts[2];
    struct fail fail;
    const struct client *client = add_client(&house, "Acme");
    const struct api_key *first = add_key(&house, client, &texts[0]);
    const struct api_key *second = add_key(&house, client, &texts[1]);
    CHECK_EQ(api_key_revoke(house.ident, first->id, NOW + 5, &fail), ERR_OK);
    CHECK(ident_find(house.ident, str_from(texts[0].text)) == NULL);
    CHECK(ident_find(house.ident, str_from(texts[1].text)) == second);
    CHECK_EQ(api_key_revoked_ns(first), NOW + 5);
    CHECK(api_key_find(house.ident, first->id) == first);
    CHECK_EQ(api_key_revoke(house.ident, first->id, NOW + 6, &fail), ERR_CONFLICT);
    CHECK(strstr(fail.text, "key_") != NULL && strstr(fail.text, "revoked") != NULL);
    CHECK_EQ(api_key_revoked_ns(first), NOW + 5);
    CHECK_EQ(api_key_revoke(house.ident, client->id, NOW + 6, &fail), ERR_NOT_FOUND);
    CHECK_EQ(api_key_revoke(house.ident, second->id, NOW + 6, NULL), ERR_OK);
    house_raze(&house);
}

TEST(a_key_for_nobody_is_refused)
{
    struct house house = house_build();
    const struct api_key *api_key = NULL;
    struct api_key_order order = { .client = account_of(9), .product = STR("world") };
    struct api_key_text text = { .text = "untouched" };
    struct fail fail;
    CHECK_EQ(api_key_add(house.ident, &order, NOW, &api_key, &text, &fail), ERR_NOT_FOUND);
    CHECK(strstr(fail.text, "cli_") != NULL);
    CHECK(api_key == NULL);
    CHECK_STR(str_from(text.text), STR("untouched"));
    CHECK(api_key_next(house.ident, NULL) == NULL);
    house_raze(&house);
}

/* ---- clients ----------------------------------------------------------------------------- */

TEST(a_suspended_client_is_seen_through_its_keys_and_comes_back)
{
    struct house house = house_build();
    struct api_key_text text;
    struct fail fail;
    const struct client *client = add_client(&house, "Acme");
    const struct client *other = add_client(&house, "Other");
    const struct api_key *api_key = add_key(&house, client, &text);
    CHECK(!client_suspended(client));
    CHECK_EQ(client_resume(house.ident, client->id, &fail), ERR_CONFLICT);
    CHECK_EQ(client_suspend(house.ident, client->id, NOW + 1, &fail), ERR_OK);
    CHECK(ident_find(house.ident, str_from(text.text)) == api_key);
    CHECK(client_suspended(api_key->client));
    CHECK_EQ(client_suspended_ns(client), NOW + 1);
    CHECK(!client_suspended(other));
    CHECK_EQ(client_suspend(house.ident, client->id, NOW + 2, &fail), ERR_CONFLICT);
    CHECK(strstr(fail.text, "suspended already") != NULL);
    CHECK_EQ(client_resume(house.ident, client->id, &fail), ERR_OK);
    CHECK(!client_suspended(client));
    CHECK_EQ(client_suspend(house.ident, api_key->id, NOW, &fail), ERR_NOT_FOUND);
    house_raze(&house);
}

TEST(names_that_would_spoil_a_table_or_a_terminal_are_refused)
{
    static char long_name[IDENT_NAME_MAX + 2];
    static const char *const bad[] = { "", "a\nb", "a\x1b[31m", "a\tb", "\x7f", long_name };
    struct house house = house_build();
    struct fail fail;
    memset(long_name, 'x', IDENT_NAME_MAX + 1);
    const struct client *made = add_client(&house, "Acme");
    for (size_t i = 0; i < EP_ARRAY_LEN(bad); i++) {
        const struct client *client = NULL;
        const struct api_key *api_key = NULL;
        struct api_key_text text;
        struct str name = str_from(bad[i]);
        CHECK_EQ(client_add(house.ident, name, account_of(1), NOW, &client, &fail),
                 ERR_ASK_INVALID);
        CHECK(client == NULL);
        struct api_key_order product = { .client = made->id, .product = name };
        CHECK_EQ(api_key_add(house.ident, &product, NOW, &api_key, &text, &fail), ERR_ASK_INVALID);
        struct api_key_order named = { .client = made->id, .product = STR("p"), .name = name };
        enum err want = name.len == 0 ? ERR_OK : ERR_ASK_INVALID; /* a key needs no name */
        CHECK_EQ(api_key_add(house.ident, &named, NOW, &api_key, &text, &fail), want);
    }
    long_name[IDENT_NAME_MAX] = '\0';
    CHECK_STR(add_client(&house, long_name)->name, str_from(long_name));
    CHECK_STR(add_client(&house, "Gr\xc3\xbc\xc3\x9f")->name, STR("Gr\xc3\xbc\xc3\x9f"));
    house_raze(&house);
}

TEST(lists_are_in_the_order_of_making)
{
    static const char *const names[] = { "Acme", "Bravo", "Charlie" };
    struct house house = house_build();
    struct api_key_text text;
    CHECK(client_next(house.ident, NULL) == NULL);
    CHECK(api_key_next(house.ident, NULL) == NULL);
    for (size_t i = 0; i < EP_ARRAY_LEN(names); i++) {
        const struct client *client = add_client(&house, names[i]);
        CHECK(add_key(&house, client, &text)->client == client);
        CHECK(client_find(house.ident, client->id) == client);
    }
    const struct client *client = NULL;
    const struct api_key *api_key = NULL;
    for (size_t i = 0; i < EP_ARRAY_LEN(names); i++) {
        client = client_next(house.ident, client);
        api_key = api_key_next(house.ident, api_key);
        CHECK_STR(client->name, str_from(names[i]));
        CHECK(api_key->client == client);
    }
    CHECK(client_next(house.ident, client) == NULL);
    CHECK(api_key_next(house.ident, api_key) == NULL);
    CHECK(client_find(house.ident, account_of(200)) == NULL);
    CHECK(api_key_find(house.ident, account_of(200)) == NULL);
    house_raze(&house);
}

/* ---- the store --------------------------------------------------------------------------- */

TEST(everything_is_there_after_a_restart)
{
    struct house house = house_build();
    struct api_key_text texts[3];
    const struct client *active = add_client(&house, "Acme");
    const struct client *suspended = add_client(&house, "Bravo");
    struct id key_ids[3] = {
        add_key(&house, active, &texts[0])->id,
        add_key(&house, active, &texts[1])->id,
        add_key(&house, suspended, &texts[2])->id,
    };
    struct id client_ids[2] = { active->id, suspended->id };
    CHECK_EQ(api_key_revoke(house.ident, key_ids[1], NOW + 1, NULL), ERR_OK);
    CHECK_EQ(client_suspend(house.ident, suspended->id, NOW + 2, NULL), ERR_OK);
    house_stop(&house);

    house_start(&house);
    const struct api_key *api_key = ident_find(house.ident, str_from(texts[0].text));
    CHECK(api_key != NULL && id_eq(api_key->id, key_ids[0]));
    CHECK(id_eq(api_key->client->id, client_ids[0]));
    CHECK_STR(api_key->client->name, STR("Acme"));
    CHECK(id_eq(api_key->client->account, account_of(7)));
    CHECK_EQ(api_key->client->created_ns, NOW);
    CHECK_STR(api_key->product, STR("world"));
    CHECK_STR(api_key->name, STR("laptop"));
    CHECK_STR(str_slice(api_key_hint(api_key), 0, 8), str_slice(str_from(texts[0].text), 0, 8));
    CHECK_EQ(api_key->created_ns, NOW);
    CHECK(!client_suspended(api_key->client));
    CHECK(ident_find(house.ident, str_from(texts[1].text)) == NULL);
    CHECK_EQ(api_key_revoked_ns(api_key_find(house.ident, key_ids[1])), NOW + 1);
    api_key = ident_find(house.ident, str_from(texts[2].text));
    CHECK(api_key != NULL);
    CHECK_EQ(client_suspended_ns(api_key->client), NOW + 2);
    CHECK_EQ(client_keys(client_find(house.ident, client_ids[0])), 2); /* the revoked one, too */
    CHECK_EQ(client_keys(api_key->client), 1);
    CHECK_EQ(client_resume(house.ident, client_ids[1], NULL), ERR_OK);
    CHECK(add_key(&house, api_key->client, &texts[1]) != NULL); /* the pepper's mark is there */
    CHECK_EQ(client_keys(api_key->client), 2);
    house_raze(&house);
}

TEST(no_key_stands_in_the_database)
{
    struct house house = house_build();
    static char bytes[1 << 20];
    static const char *const files[] = { "db", "db-wal" };
    struct api_key_text text;
    CHECK(add_key(&house, add_client(&house, "Acme"), &text) != NULL);
    bool found_hint = false;
    house_stop(&house); /* reading the file beside SQLite would drop its locks */
    for (size_t i = 0; i < EP_ARRAY_LEN(files); i++) {
        char path[64];
        (void)snprintf(path, sizeof(path), "%s/%s", house.folder, files[i]);
        FILE *file = fopen(path, "re");
        CHECK(file != NULL);
        struct str content = { bytes, fread(bytes, 1, sizeof(bytes), file) };
        CHECK_EQ(fclose(file), 0);
        struct str digits = str_slice(str_from(text.text), 8, IDENT_KEY_TEXT_LEN - 4);
        CHECK_EQ(str_search(content, digits), content.len);
        CHECK_EQ(str_search(content, STR(PEPPER)), content.len);
        found_hint = found_hint || str_search(content, STR("laptop")) < content.len;
    }
    CHECK(found_hint); /* it was the right file */
    house_raze(&house);
}

TEST(another_pepper_is_refused_once_there_are_keys)
{
    struct house house = house_build();
    struct ident *other = NULL;
    struct api_key_text text;
    struct fail fail;
    const struct client *client = add_client(&house, "Acme");
    CHECK_EQ(ident_open(house.store, STR("quite another pepper"), &other, &fail), ERR_OK);
    ident_close(other);
    other = NULL;
    CHECK(add_key(&house, client, &text) != NULL);
    CHECK_EQ(ident_open(house.store, STR("quite another pepper"), &other, &fail), ERR_CONF_INVALID);
    CHECK(strstr(fail.text, "pepper") != NULL && strstr(fail.text, "another") == NULL);
    CHECK_EQ(ident_open(house.store, STR(PEPPER), &other, &fail), ERR_OK);
    ident_close(other);
    house_raze(&house);
}

TEST(a_short_pepper_is_refused)
{
    struct house house = house_build();
    struct ident *ident = NULL;
    struct fail fail;
    CHECK_EQ(ident_open(house.store, STR("fifteen letters"), &ident, &fail), ERR_CONF_INVALID);
    CHECK_EQ(ident_open(house.store, STR_EMPTY, &ident, &fail), ERR_CONF_INVALID);
    CHECK_EQ(ident_open(house.store, STR("sixteen letters!"), &ident, &fail), ERR_OK);
    ident_close(ident);
    ident_close(NULL);
    house_raze(&house);
}

TEST(a_store_that_is_read_only_is_enough_for_looking)
{
    struct house house = house_build();
    char url[64];
    struct store_migration own[HOUSE_MIGRATIONS];
    struct store_options options = house_options(&house, url, own);
    struct store *reader = NULL;
    struct ident *ident = NULL;
    struct api_key_text text;
    options.read_only = true;
    CHECK(add_key(&house, add_client(&house, "Acme"), &text) != NULL);
    CHECK_EQ(store_open(&options, &reader, NULL), ERR_OK);
    CHECK_EQ(ident_open(reader, STR(PEPPER), &ident, NULL), ERR_OK);
    CHECK(ident_find(ident, str_from(text.text)) != NULL);
    ident_close(ident);
    store_close(reader);
    house_raze(&house);
}

static enum err break_run(struct store_job *job, struct store_txn *txn, struct fail *fail)
{
    static const struct store_sql sql = { "INSERT INTO client(id) VALUES (NULL)" };
    CHECK(job != NULL);
    return store_exec(txn, &sql, NULL, 0, fail);
}

TEST(a_store_that_has_failed_changes_nothing_in_memory)
{
    struct house house = house_build();
    struct store_job job = { .run = break_run };
    struct api_key_text text;
    struct api_key_text later = { .text = "untouched" };
    const struct client *client = add_client(&house, "Acme");
    const struct api_key *api_key = add_key(&house, client, &text);
    const struct client *client_later = NULL;
    const struct api_key *key_later = NULL;
    struct api_key_order order = { .client = client->id, .product = STR("world") };
    CHECK_EQ(store_run(house.store, &job, NULL), ERR_STORE_FAILED);
    CHECK_EQ(client_add(house.ident, STR("B"), account_of(1), NOW, &client_later, NULL),
             ERR_STORE_FAILED);
    CHECK_EQ(api_key_add(house.ident, &order, NOW, &key_later, &later, NULL), ERR_STORE_FAILED);
    CHECK_EQ(api_key_revoke(house.ident, api_key->id, NOW, NULL), ERR_STORE_FAILED);
    CHECK_EQ(client_suspend(house.ident, client->id, NOW, NULL), ERR_STORE_FAILED);
    CHECK(client_later == NULL && key_later == NULL);
    CHECK_STR(str_from(later.text), STR("untouched"));
    CHECK(ident_find(house.ident, str_from(text.text)) == api_key);
    CHECK(!client_suspended(client));
    CHECK(client_next(house.ident, client) == NULL);
    CHECK(api_key_next(house.ident, api_key) == NULL);
    house_raze(&house);
}

/* ---- threads and memory ------------------------------------------------------------------ */

struct looking {
    const struct ident *ident;
    struct api_key_text first;
    atomic_bool over;
};

static void *look_beside(void *context)
{
    struct looking *looking = context;
    while (!atomic_load(&looking->over)) {
        const struct api_key *api_key = ident_find(looking->ident, str_from(looking->first.text));
        CHECK(api_key != NULL);
        CHECK_STR(api_key->client->name, STR("Acme"));
        CHECK_EQ(client_suspended_ns(api_key->client) % 2, 0);
        size_t count = 0;
        for (const struct api_key *at = api_key_next(looking->ident, NULL); at != NULL;
             at = api_key_next(looking->ident, at)) {
            CHECK_STR(at->product, STR("world"));
            count++;
        }
        CHECK(count >= 1);
    }
    return NULL;
}

TEST(keys_are_found_while_others_are_made_and_clients_come_and_go)
{
    struct house house = house_build();
    struct looking looking = { .ident = house.ident };
    const struct client *client = add_client(&house, "Acme");
    pthread_t threads[2];
    CHECK(add_key(&house, client, &looking.first) != NULL);
    for (size_t i = 0; i < EP_ARRAY_LEN(threads); i++) {
        CHECK_EQ(pthread_create(&threads[i], NULL, look_beside, &looking), 0);
    }
    for (int i = 0; i < 100; i++) {
        struct api_key_text text;
        const struct api_key *api_key = add_key(&house, client, &text);
        CHECK(ident_find(house.ident, str_from(text.text)) == api_key);
        CHECK_EQ(client_suspend(house.ident, client->id, NOW, NULL), ERR_OK);
        CHECK_EQ(client_resume(house.ident, client->id, NULL), ERR_OK);
        CHECK_EQ(api_key_revoke(house.ident, api_key->id, NOW, NULL), ERR_OK);
        CHECK(ident_find(house.ident, str_from(text.text)) == NULL);
    }
    atomic_store(&looking.over, true);
    for (size_t i = 0; i < EP_ARRAY_LEN(threads); i++) {
        CHECK_EQ(pthread_join(threads[i], NULL), 0);
    }
    house_raze(&house);
}

static struct house memory_house;

static void open_and_add(void)
{
    struct ident *ident = NULL;
    const struct client *client = NULL;
    const struct api_key *api_key = NULL;
    struct api_key_text text;
    struct fail fail = { .code = ERR_OK };
    enum err err = ident_open(memory_house.store, STR(PEPPER), &ident, &fail);
    if (err == ERR_OK) {
        err = client_add(ident, STR("Acme"), account_of(1), NOW, &client, &fail);
    }
    if (err == ERR_OK) {
        struct api_key_order order = { .client = client->id, .product = STR("world") };
        err = api_key_add(ident, &order, NOW, &api_key, &text, &fail);
        CHECK_EQ(err == ERR_OK, api_key_next(ident, NULL) != NULL &&
                                    ident_find(ident, str_from(text.text)) == api_key);
    }
    CHECK_EQ(err, fail.code);
    CHECK(err == ERR_OK || err == ERR_NO_MEMORY);
    ident_close(ident);
}

TEST(running_out_of_memory_is_told_and_leaks_nothing)
{
    memory_house = house_build();
    CHECK(test_each_allocation_failing(open_and_add) >= 4);
    CHECK(!store_failed(memory_house.store));
    house_raze(&memory_house);
}
