#include "app/world.h"

#include "app/registry_versions.h"
#include "house.h"

static struct house house;

TEST(the_folder_of_a_path_is_what_stands_before_its_last_slash)
{
    CHECK_STR(world_folder_of(STR("entrepot.yaml")), STR(""));
    CHECK_STR(world_folder_of(STR("a/b/entrepot.yaml")), STR("a/b"));
    CHECK_STR(world_folder_of(STR("/entrepot.yaml")), STR("/"));
    CHECK_STR(world_folder_of(STR("")), STR(""));
}

TEST(a_world_opens_for_writing_once_and_for_reading_beside_it)
{
    struct world *other = NULL;
    house_begin(&house);
    house_open(&house, WORLD_READ_WRITE);
    CHECK_STR(house.world->folder, str_from(house.folder));
    CHECK_EQ(house.world->recovered, 0);
    CHECK_EQ(world_open(house.conf, WORLD_READ_WRITE, &other, &house.errors), ERR_STORE_LOCKED);
    CHECK(house_said(&house.errors, "STORE_LOCKED"));
    buf_reset(&house.errors);
    CHECK_EQ(world_open(house.conf, WORLD_READ_ONLY, &other, &house.errors), ERR_OK);
    CHECK(other->ledger == NULL);
    CHECK(other->tlog == NULL);
    world_close(other);
    house_end(&house);
}

static void append(const char *name, const char *text)
{
    char path[160];
    (void)snprintf(path, sizeof(path), "%s/%s", house.folder, name);
    FILE *file = fopen(path, "a");
    CHECK(file != NULL);
    CHECK(fputs(text, file) >= 0);
    CHECK_EQ(fclose(file), 0);
}

TEST(all_faults_of_a_configuration_are_told)
{
    struct world *world = NULL;
    house_begin(&house);
    append("entrepot.yaml", "threads: many\nno_such_key: 1\n");
    CHECK_EQ(world_open(house.conf, WORLD_READ_ONLY, &world, &house.errors), ERR_CONF_INVALID);
    CHECK(house_said(&house.errors, "threads"));
    CHECK(house_said(&house.errors, "no_such_key"));
    house_end(&house);
}

TEST(a_folder_with_faults_leaves_the_version_in_force)
{
    house_begin(&house);
    append("registry/models.yaml", "  - id: broken\n    vendr: nobody\n");
    append("registry/parties.yaml", "  - id: broken\n");
    house_open(&house, WORLD_READ_WRITE);
    CHECK_EQ(house.world->version, 1);
    CHECK_EQ(house.world->registry->model_count, 4);
    CHECK_EQ(world_look_at_folder(house.world), WORLD_FOLDER_FAULTY);
    CHECK_EQ(house_do(&house, "registry apply"), ACT_FAILED);
    CHECK(house_said(&house.errors, "models.yaml:"));
    CHECK(house_said(&house.errors, "parties.yaml:"));
    CHECK(house_said(&house.errors, "REG_UNKNOWN_KEY"));
    CHECK_EQ(house.world->version, 1);
    house_end(&house);
}

TEST(a_folder_that_is_edited_comes_into_force_when_it_is_signed_and_applied)
{
    house_begin(&house);
    house_open(&house, WORLD_READ_WRITE);
    CHECK_EQ(world_look_at_folder(house.world), WORLD_FOLDER_SAME);
    house_change(&house, "models.yaml", "context_tokens: 64000", "context_tokens: 32000");
    CHECK_EQ(world_look_at_folder(house.world), WORLD_FOLDER_DIFFERS);
    CHECK_EQ(house_do(&house, "registry apply"), ACT_FAILED);
    CHECK(house_said(&house.errors, "REG_UNSIGNED"));
    house_close(&house);
    house_open(&house, WORLD_READ_WRITE); /* a start takes what is in force, not the folder */
    CHECK_EQ(house.world->version, 1);
    CHECK_EQ(registry_model(house.world->registry, STR("borealis-chat"))->context_tokens, 64000);
    house_apply(&house);
    CHECK_EQ(house.world->version, 2);
    house_close(&house);
    house_open(&house, WORLD_READ_ONLY);
    CHECK_EQ(house.world->version, 2);
    CHECK_EQ(registry_model(house.world->registry, STR("borealis-chat"))->context_tokens, 32000);
    CHECK_EQ(world_look_at_folder(house.world), WORLD_FOLDER_SAME);
    house_end(&house);
}

/* As before the first start: nothing was ever in force. */
static void forget_books(void)
{
    static const char *const names[] = { "entrepot.db", "entrepot.db-wal", "entrepot.db-shm",
                                         "log.size" };
    for (size_t i = 0; i < EP_ARRAY_LEN(names); i++) {
        char path[160];
        (void)snprintf(path, sizeof(path), "%s/var/%s", house.folder, names[i]);
        (void)remove(path); /* not all are there */
    }
}

TEST(the_first_version_is_the_folder_if_its_own_persons_have_signed_it)
{
    struct world *world = NULL;
    house_begin(&house);
    forget_books();
    house_open(&house, WORLD_READ_WRITE);
    CHECK_EQ(house.world->version, 1);
    house_close(&house);
    forget_books();
    house_change(&house, "models.yaml", "context_tokens: 64000", "context_tokens: 32000");
    CHECK_EQ(world_open(house.conf, WORLD_READ_WRITE, &world, &house.errors), ERR_REGISTRY_INVALID);
    CHECK(house_said(&house.errors, "REG_UNSIGNED"));
    append("registry/models.yaml", "  - id: broken\n    vendr: nobody\n");
    buf_reset(&house.errors);
    CHECK_EQ(world_open(house.conf, WORLD_READ_WRITE, &world, &house.errors), ERR_REGISTRY_INVALID);
    CHECK(house_said(&house.errors, "REG_UNKNOWN_KEY"));
    house_end(&house);
}

TEST(a_configuration_that_is_not_there_is_a_fault)
{
    struct world *world = NULL;
    struct buf errors;
    buf_init(&errors, 4096);
    CHECK_EQ(world_open("/nowhere/entrepot.yaml", WORLD_READ_ONLY, &world, &errors),
             ERR_CONF_INVALID);
    CHECK(errors.len > 0);
    buf_fini(&errors);
}

TEST(a_lost_pepper_is_told)
{
    struct world *world = NULL;
    char path[160];
    house_begin(&house);
    (void)snprintf(path, sizeof(path), "%s/keys/pepper.key", house.folder);
    CHECK_EQ(remove(path), 0);
    CHECK(world_open(house.conf, WORLD_READ_WRITE, &world, &house.errors) != ERR_OK);
    CHECK(house_said(&house.errors, "pepper.key"));
    house_end(&house);
}

TEST(a_swapped_registry_lives_as_long_as_somebody_holds_it)
{
    struct registry *fresh = NULL;
    house_begin(&house);
    house_open(&house, WORLD_READ_ONLY);
    const struct registry *held = world_registry(house.world);
    CHECK_EQ(registry_version_load(house.world->store, 1, &fresh, NULL), ERR_OK);
    world_swap_registry(house.world, &(struct world_registry){ fresh, 2, 1 });
    CHECK(house.world->registry == fresh);
    CHECK_EQ(house.world->version, 2);
    CHECK(digest_eq(&held->hash, &fresh->hash));
    registry_unref(held);
    house_end(&house);
}

/* For reading: blocks that the writer's thread takes and this one frees are not counted exactly. */
static void open_and_close(void)
{
    struct world *world = NULL;
    struct buf errors;
    buf_init(&errors, 1 << 16);
    if (world_open(house.conf, WORLD_READ_ONLY, &world, &errors) == ERR_OK) {
        world_close(world);
    }
    buf_fini(&errors);
}

TEST(an_opening_that_runs_out_of_memory_leaves_nothing_behind)
{
    house_begin(&house);
    CHECK(test_each_allocation_failing(open_and_close) > 10);
    house_open(&house, WORLD_READ_WRITE);
    CHECK_EQ(house_do(&house, "audit"), ACT_OK);
    house_end(&house);
}
