/* The acts on a client's standing; tests/unit/ident/test_standing.c has what is kept of it. */
#include "house.h"
#include "ident/standing.h"

static struct house house;
static char client[64];

static void begin(void)
{
    house_begin(&house);
    house_open(&house, WORLD_READ_WRITE);
    CHECK_EQ(house_do(&house, "client list --json"), ACT_OK);
    (void)snprintf(client, sizeof(client), "%s", house_field(&house, "id"));
}

static void check_field(const char *name, const char *value)
{
    CHECK_EQ(house_dof(&house, "client standing %s --json", client), ACT_OK);
    CHECK_STR(str_from(house_field(&house, name)), str_from(value));
}

TEST(the_first_client_is_a_party_of_the_registry)
{
    begin();
    check_field("party", "first-client");
    check_field("country", "");
    check_field("agreement", "");
    CHECK_EQ(house_dof(&house, "client standing --client %s", client), ACT_OK);
    CHECK(house_said(&house.out, "first-client"));
    house_end(&house);
}

TEST(a_client_that_buys_online_says_who_it_is_and_accepts_a_text)
{
    begin();
    CHECK_EQ(house_do(&house, "client add --name Dev --country SG --billing-country MY"
                              " --type developer --accept a.online --json"),
             ACT_OK);
    (void)snprintf(client, sizeof(client), "%s", house_field(&house, "id"));
    check_field("party", "");
    check_field("country", "SG");
    check_field("billing", "MY");
    check_field("type", "developer");
    check_field("agreement", "a.online");
    check_field("agreement_sha256",
                "edc806200f163fb3fbef4dd960b4899ebf5d0c8b8bb335f9a2431cdaa09cebab");
    CHECK(house_said(&house.out, "\"accepted\":\"20"));
    CHECK_EQ(house_dof(&house, "client standing %s --country ID", client), ACT_OK);
    check_field("country", "ID");
    check_field("agreement", "a.online"); /* the rest stays */
    CHECK_EQ(house_dof(&house, "client standing %s --party first-client", client), ACT_OK);
    check_field("party", "first-client");
    house_close(&house);
    house_open(&house, WORLD_READ_WRITE); /* it is kept */
    check_field("party", "first-client");
    check_field("country", "ID");
    house_end(&house);
}

TEST(each_flag_has_values_that_are_refused)
{
    static const struct {
        const char *flags;
        const char *said;
    } cases[] = {
        { "--country Singapore", "two capital letters" },
        { "--country sg", "two capital letters" },
        { "--billing-country S1", "two capital letters" },
        { "--type robot", "enterprise, developer" },
        { "--party nobody", "no party \"nobody\" of kind client" },
        { "--party aurora", "no party \"aurora\" of kind client" }, /* a vendor */
        { "--accept a.none", "accepted online" },
        { "--accept a.first-client", "accepted online" }, /* one that is signed */
    };
    begin();
    for (size_t i = 0; i < EP_ARRAY_LEN(cases); i++) {
        CHECK(house_dof(&house, "client standing %s %s", client, cases[i].flags) != ACT_OK);
        if (!house_said(&house.errors, cases[i].said)) {
            test_failed(EP_SITE, "%s: " STR_FMT, cases[i].flags, STR_ARG(buf_str(&house.errors)));
        }
        CHECK(house_dof(&house, "client add --name New %s", cases[i].flags) != ACT_OK);
    }
    CHECK(house_do(&house, "client standing cli_00000000000000000000000000 --country SG") !=
          ACT_OK);
    check_field("party", "first-client"); /* nothing has changed, and nobody was added */
    check_field("country", "");
    CHECK_EQ(house_do(&house, "client list"), ACT_OK);
    CHECK(!house_said(&house.out, "New"));
    CHECK_EQ(house_do(&house, "audit"), ACT_OK);
    house_end(&house);
}
