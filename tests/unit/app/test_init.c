#include "app/init.h"

#include <sys/stat.h>

#include "house.h"

static struct house house;

static mode_t mode_of(const char *name)
{
    char path[160];
    struct stat info;
    (void)snprintf(path, sizeof(path), "%s/%s", house.folder, name);
    CHECK_EQ(stat(path, &info), 0);
    return info.st_mode & 0777;
}

TEST(a_folder_is_complete_and_its_secrets_are_the_owners_alone)
{
    house_begin(&house);
    CHECK(house_said(&house.out, "100 USD"));
    CHECK(house_said(&house.out, "1000000 AI token"));
    CHECK(house_said(&house.out, "next: entrepot serve"));
    CHECK_EQ(mode_of("first-client.key"), 0600);
    CHECK_EQ(mode_of("keys/log.key"), 0600);
    CHECK_EQ(mode_of("keys/pepper.key"), 0600);
    CHECK_EQ(mode_of("keys/upstream-a.key"), 0600);
    CHECK_EQ(mode_of("keys/upstream-b.key"), 0600);
    CHECK_EQ(mode_of("keys"), 0700);
    CHECK_EQ(mode_of("var"), 0700);
    (void)mode_of("registry/routes.yaml");
    house_end(&house);
}

TEST(the_first_clients_key_is_known)
{
    char path[160];
    char text[128] = "";
    house_begin(&house);
    house_open(&house, WORLD_READ_ONLY);
    (void)snprintf(path, sizeof(path), "%s/first-client.key", house.folder);
    FILE *file = fopen(path, "r");
    CHECK(file != NULL);
    CHECK(fgets(text, sizeof(text), file) != NULL);
    CHECK_EQ(fclose(file), 0);
    CHECK_EQ(strlen(text), IDENT_KEY_TEXT_LEN + 1);
    const struct api_key *key =
        ident_find(house.world->ident, (struct str){ text, IDENT_KEY_TEXT_LEN });
    CHECK(key != NULL);
    CHECK_STR(key->product, STR("world"));
    CHECK_EQ(house_do(&house, "audit"), ACT_OK);
    house_end(&house);
}

TEST(a_zone_product_can_be_the_example)
{
    char path[160];
    house_begin(&house);
    (void)snprintf(path, sizeof(path), "%s/zone", house.folder);
    buf_reset(&house.errors);
    enum err err = init_folder_with(str_from(path), INIT_EXAMPLE_ZONE, &house.out, &house.errors);
    CHECK_STR(buf_str(&house.errors), STR("")); /* no warning either */
    CHECK_EQ(err, ERR_OK);
    (void)snprintf(path, sizeof(path), "%s/zone/entrepot.yaml", house.folder);
    CHECK_EQ(world_open(path, WORLD_READ_ONLY, &house.world, &house.errors), ERR_OK);
    const struct registry_product *product = &house.world->registry->products[0];
    CHECK_EQ(house.world->registry->product_count, 1);
    CHECK_EQ(product->mode, REGISTRY_MODE_ZONE);
    CHECK(product->zone != NULL && product->zone->approval.doc.state == REGISTRY_DOC_FINE);
    CHECK(registry_grant(house.world->registry, STR("g.lotus-operator"))->signature.fine);
    CHECK(registry_party(house.world->registry, STR("aurora")) == NULL);
    CHECK_EQ(house_do(&house, "audit"), ACT_OK);
    house_end(&house);
}

TEST(a_folder_that_is_not_empty_is_refused)
{
    house_begin(&house);
    buf_reset(&house.out);
    CHECK_EQ(init_folder(str_from(house.folder), &house.out, &house.errors), ERR_CONFLICT);
    CHECK(house_said(&house.errors, "is not empty"));
    CHECK_EQ(house.out.len, 0);
    house_open(&house, WORLD_READ_WRITE); /* and nothing in it was touched */
    house_end(&house);
}

TEST(a_folder_without_a_parent_is_refused)
{
    house_begin(&house);
    char path[160];
    (void)snprintf(path, sizeof(path), "%s/no/such", house.folder);
    CHECK_EQ(init_folder(str_from(path), &house.out, &house.errors), ERR_IO);
    CHECK(house_said(&house.errors, "could not make the folder"));
    house_end(&house);
}
