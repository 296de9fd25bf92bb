#include "claims.h"

static const struct client *mine;

static void begin(void)
{
    past_begin();
    mine = past_client("zyx");
    (void)past_buy(mine, 1, stamp_system_ns(), true);
}

TEST(what_would_go_is_shown_and_nothing_goes)
{
    begin();
    CHECK_EQ(house_dof(&house, "erase --client %s --forfeit --json", past_shown(mine)), ACT_OK);
    CHECK(house_said(&house.out, "\"keys\":1,\"orders\":1,\"papers\":0,\"answers\":1,"
                                 "\"attempts\":1,\"receipts\":1,\"credit\":\"4.99\"}"));
    CHECK_EQ(house_dof(&house, "erase --client %s --forfeit", past_shown(mine)), ACT_OK);
    CHECK(house_said(&house.out, "nothing was erased: say --yes"));
    CHECK_EQ(house_do(&house, "erase --list"), ACT_OK);
    CHECK_STR(buf_str(&house.out), STR("no client was erased\n"));
    CHECK_STR(mine->name, STR("zyx"));
    CHECK_EQ(house_do(&house, "erase --due"), ACT_OK);
    CHECK(house_said(&house.out, "183 days"));
    CHECK(house_said(&house.out, "PIPL"));
    CHECK(house_said(&house.out, "nothing was erased: a running server"));
    house_end(&house);
}

TEST(a_client_is_erased_when_it_is_said_so_by_somebody_and_is_one_no_more)
{
    char call[ID_SHOWN_MAX + 1] = "";
    struct buf shown = { call, 0, ID_SHOWN_MAX, ID_SHOWN_MAX };
    begin();
    CHECK_EQ(id_print(&shown, STR("call_"), (struct id){ { 1, 1 } }), ERR_OK);
    CHECK_EQ(house_dof(&house, "erase --client %s --yes --by Ana --why asked", past_shown(mine)),
             ACT_FAILED);
    CHECK(house_said(&house.errors, "of credit left in its orders (CONFLICT); give it back"));
    CHECK_EQ(house_dof(&house, "erase --client %s --forfeit --yes --by Ana --why asked --json",
                       past_shown(mine)),
             ACT_OK);
    CHECK(house_said(&house.out, "\"state\":\"ended\""));
    CHECK(house_said(&house.out, "\"receipts\":1}"));
    CHECK_EQ(house_do(&house, "client list"), ACT_OK);
    CHECK(house_said(&house.out, "erased"));
    CHECK(!house_said(&house.out, "zyx"));
    CHECK_EQ(house_dof(&house, "receipt show %s", call), ACT_OK);
    CHECK(house_said(&house.out, "operator"));
    CHECK(house_said(&house.out, "erased"));
    CHECK_EQ(house_dof(&house, "receipt show %s --json", call), ACT_OK);
    CHECK_EQ(house_dof(&house, "verdict replay %s", call), ACT_FAILED);
    CHECK(house_said(&house.errors, "section was erased"));
    static const char *const lines[] = {
        "client resume %s",
        "client kyc %s --level none",
        "client standing %s",
        "key add --client %s --product world",
        "credit purchase --client %s --plan starter",
        "credit refund --client %s --lot 2",
        "review open --client %s --kind resale --by Ana --why tip",
        "erase --client %s --forfeit --yes --by Ana --why asked",
    };
    for (size_t i = 0; i < EP_ARRAY_LEN(lines); i++) {
        char line[256];
        char start[256];
        const char *rest = strstr(lines[i], "%s") + 2;
        (void)snprintf(start, sizeof(start), "%.*s", (int)(rest - 2 - lines[i]), lines[i]);
        (void)snprintf(line, sizeof(line), "%s%s%s", start, past_shown(mine), rest);
        CHECK_EQ(house_do(&house, line), ACT_FAILED);
        CHECK(house_said(&house.errors, "the client was erased"));
    }
    past_audit();
    house_end(&house);
}

TEST(what_is_due_goes_at_once_when_it_is_said)
{
    past_begin();
    mine = past_client("zyx");
    (void)past_buy(mine, 1, stamp_system_ns() - 2000 * PAST_DAY_NS, true);
    CHECK_EQ(house_do(&house, "erase --due --json"), ACT_OK);
    CHECK(house_said(&house.out, "{\"class\":\"answers\",\"period\":\"24 hours\",\"due\":1,"));
    CHECK_EQ(house_do(&house, "erase --due --yes --json"), ACT_OK);
    CHECK_STR(buf_str(&house.out), STR("[{\"class\":\"answers\",\"erased\":1},"
                                       "{\"class\":\"supply\",\"erased\":1},"
                                       "{\"class\":\"evidence\",\"erased\":1},"
                                       "{\"class\":\"books\",\"erased\":0}]\n"));
    past_audit();
    house_end(&house);
}

TEST(what_is_missing_or_wrong_is_said)
{
    begin();
    CHECK_EQ(house_do(&house, "erase"), ACT_USAGE);
    CHECK(house_said(&house.errors, "\"--client\", \"--due\" or \"--list\""));
    CHECK_EQ(house_do(&house, "erase --due --list"), ACT_USAGE);
    CHECK(house_said(&house.errors, "exclude each other"));
    CHECK_EQ(house_do(&house, "erase --client cli_7"), ACT_USAGE);
    CHECK_EQ(house_do(&house, "erase --client cli_00000000000000000000000000"), ACT_FAILED);
    CHECK(house_said(&house.errors, "there is no such client"));
    CHECK_EQ(house_dof(&house, "erase --client %s --forfeit --yes", past_shown(mine)), ACT_USAGE);
    CHECK(house_said(&house.errors, "\"--by\" is missing"));
    CHECK_EQ(house_dof(&house, "erase --client %s --forfeit --yes --by Ana", past_shown(mine)),
             ACT_USAGE);
    CHECK(house_said(&house.errors, "\"--why\" is missing"));
    CHECK_EQ(house_do(&house, "erase --due now"), ACT_USAGE);
    CHECK_STR(mine->name, STR("zyx"));
    CHECK_EQ(house_do(&house, "erase --list"), ACT_OK);
    CHECK(house_said(&house.out, "no client"));
    house_end(&house);
}
