#include "house.h"

static struct house house;

static void begin(void)
{
    house_begin(&house);
    house_open(&house, WORLD_READ_WRITE);
}

TEST(versions_are_listed_with_who_signed_them)
{
    begin();
    CHECK_EQ(house_do(&house, "registry history --json"), ACT_OK);
    CHECK(house_said(&house.out, "\"version\":1"));
    CHECK(house_said(&house.out, "\"entered\":\"ann\",\"reviewed\":\"ben\",\"first\":\"yes\","
                                 "\"state\":\"in force\",\"grants\":4,\"routes\":5}]"));
    house_change(&house, "models.yaml", "context_tokens: 64000", "context_tokens: 32000");
    house_apply(&house);
    CHECK_EQ(house_do(&house, "registry history --json"), ACT_OK);
    CHECK(house_said(&house.out, "\"state\":\"was in force\""));
    CHECK(house_said(&house.out, "\"first\":null,\"state\":\"in force\",\"grants\":4"));
    CHECK_EQ(house_do(&house, "registry history"), ACT_OK);
    CHECK_EQ(house_do(&house, "registry history now"), ACT_USAGE);
    house_end(&house);
}

TEST(differences_are_shown_of_versions_and_of_the_folder)
{
    begin();
    CHECK_EQ(house_do(&house, "registry diff --json"), ACT_OK);
    CHECK_STR(buf_str(&house.out), STR("[]\n"));
    house_change(&house, "models.yaml", "context_tokens: 64000", "context_tokens: 32000");
    CHECK_EQ(house_do(&house, "registry diff --json"), ACT_OK);
    CHECK_STR(buf_str(&house.out),
              STR("[{\"objects\":\"models\",\"id\":\"borealis-chat\",\"what\":\"changed\","
                  "\"field\":\"context_tokens\",\"before\":\"64000\",\"after\":\"32000\"}]\n"));
    house_apply(&house);
    CHECK_EQ(house_do(&house, "registry diff --json"), ACT_OK);
    CHECK_STR(buf_str(&house.out), STR("[]\n"));
    CHECK_EQ(house_do(&house, "registry diff 2 1 --json"), ACT_OK);
    CHECK(house_said(&house.out, "\"before\":\"32000\",\"after\":\"64000\""));
    CHECK_EQ(house_do(&house, "registry diff 1 --json"), ACT_OK);
    CHECK(house_said(&house.out, "\"before\":\"64000\",\"after\":\"32000\""));
    house_end(&house);
}

TEST(numbers_that_are_none_are_refused)
{
    begin();
    CHECK_EQ(house_do(&house, "registry diff one"), ACT_USAGE);
    CHECK_EQ(house_do(&house, "registry diff 0"), ACT_USAGE);
    CHECK_EQ(house_do(&house, "registry diff 1 2.5"), ACT_USAGE);
    CHECK_EQ(house_do(&house, "registry diff 7"), ACT_FAILED);
    CHECK(house_said(&house.errors, "NOT_FOUND"));
    CHECK_EQ(house_do(&house, "registry diff 1 1 1"), ACT_USAGE);
    CHECK_EQ(house_do(&house, "registry show --version 7"), ACT_FAILED);
    CHECK_EQ(house_do(&house, "registry show --version x"), ACT_USAGE);
    house_end(&house);
}

TEST(one_that_was_in_force_is_shown)
{
    begin();
    house_change(&house, "models.yaml", "context_tokens: 64000", "context_tokens: 32000");
    CHECK_EQ(house_do(&house, "registry show"), ACT_OK);
    CHECK(house_said(&house.out, "the folder says something else"));
    house_apply(&house);
    CHECK_EQ(house_do(&house, "registry show --version 1 --json"), ACT_OK);
    CHECK(house_said(&house.out, "\"context\":64000"));
    CHECK(house_said(&house.out, "\"parent\":\"g.aurora-borealis-cloud\""));
    CHECK(house_said(&house.out, "\"state\":\"was in force\""));
    CHECK_EQ(house_do(&house, "registry show --version 2"), ACT_OK);
    CHECK(house_said(&house.out, "state     in force\n"));
    CHECK(house_said(&house.out, "32000"));
    house_end(&house);
}

TEST(a_folder_that_cannot_be_read_is_told)
{
    char path[160];
    begin();
    (void)snprintf(path, sizeof(path), "%s/registry", house.folder);
    char other[200];
    (void)snprintf(other, sizeof(other), "%s/gone", house.folder);
    CHECK_EQ(rename(path, other), 0);
    CHECK_EQ(house_do(&house, "registry diff"), ACT_FAILED);
    CHECK_EQ(house_do(&house, "registry show"), ACT_OK);
    CHECK(house_said(&house.out, "the folder has faults"));
    house_end(&house);
}
