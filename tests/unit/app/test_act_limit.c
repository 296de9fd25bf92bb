#include "app/acts.h"

#include "app/allowed.h"
#include "house.h"

static struct house house;
static char client[64];
static char key[64];

static void begin(void)
{
    house_begin(&house);
    house_open(&house, WORLD_READ_WRITE);
    CHECK_EQ(house_do(&house, "client list --json"), ACT_OK);
    (void)snprintf(client, sizeof(client), "%s", house_field(&house, "id"));
    CHECK_EQ(house_do(&house, "key list --json"), ACT_OK);
    (void)snprintf(key, sizeof(key), "%s", house_field(&house, "id"));
}

TEST(limits_are_set_one_by_one_and_shown)
{
    begin();
    CHECK_EQ(house_dof(&house, "client limit %s --json", client), ACT_OK);
    CHECK_STR(buf_str(&house.out), STR("[]\n"));
    CHECK_EQ(house_dof(&house, "client limit %s --requests 60 --calls none", client), ACT_OK);
    CHECK_EQ(house_dof(&house, "client limit --client %s --tokens 0 --json", client), ACT_OK);
    CHECK(house_said(&house.out, "\"requests\":60,\"tokens\":0,\"input_tokens\":null"));
    CHECK(house_said(&house.out, "\"calls_at_once\":\"none\""));
    CHECK_EQ(house_dof(&house, "client limit %s --requests default --json", client), ACT_OK);
    CHECK(house_said(&house.out, "\"requests\":null,\"tokens\":0"));
    CHECK_EQ(house_dof(&house, "client limit %s --model aurora-large --output-tokens 9", client),
             ACT_OK);
    CHECK(house_said(&house.out, "aurora-large"));
    CHECK_EQ(house_dof(&house, "key limit %s --input-tokens 1000000000000 --json", key), ACT_OK);
    CHECK(house_said(&house.out, "\"scope\":\"key\""));
    CHECK(house_said(&house.out, "\"input_tokens\":1000000000000"));
    CHECK_EQ(house_do(&house, "model limit aurora-large --calls 8 --json"), ACT_OK);
    CHECK(house_said(&house.out, "\"scope\":\"model\",\"id\":null,\"model\":\"aurora-large\""));
    CHECK_EQ(house_do(&house, "limit list"), ACT_OK);
    CHECK(house_said(&house.out, key));
    CHECK(house_said(&house.out, client));
    house_end(&house);
}

TEST(bad_words_change_nothing)
{
    static const char *const bad[] = {
        "--requests -1",
        "--requests 1.5",
        "--requests ",
        "--tokens 1000000000001",
        "--tokens 99999999999999999999",
        "--calls None",
        "5",
        "--budget-day 5",
    };
    begin();
    for (size_t i = 0; i < EP_ARRAY_LEN(bad); i++) {
        CHECK_EQ(house_dof(&house, "client limit %s %s", client, bad[i]), ACT_USAGE);
    }
    CHECK_EQ(house_dof(&house, "client limit %s --model nothing --calls 1", client), ACT_FAILED);
    CHECK(house_said(&house.errors, "the registry has no model \"nothing\""));
    CHECK_EQ(house_do(&house, "model limit"), ACT_USAGE);
    CHECK_EQ(house_do(&house, "model limit nothing"), ACT_FAILED);
    CHECK_EQ(house_do(&house, "key limit"), ACT_USAGE);
    CHECK_EQ(house_do(&house, "key limit key_00000000000000000000000000 --calls 1"), ACT_FAILED);
    CHECK_EQ(house_do(&house, "client limit cli_00000000000000000000000000"), ACT_FAILED);
    CHECK_EQ(house_do(&house, "limit list --json"), ACT_OK);
    CHECK_STR(buf_str(&house.out), STR("[]\n"));
    house_end(&house);
}
