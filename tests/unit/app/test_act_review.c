#include "house.h"
#include "ident/review.h"

static struct house house;
static char client[64]; /* the shown id of the house's client */

static void begin(void)
{
    house_begin(&house);
    house_open(&house, WORLD_READ_WRITE);
    CHECK_EQ(house_do(&house, "client list --json"), ACT_OK);
    (void)snprintf(client, sizeof(client), "%s", house_field(&house, "id"));
}

/* As the signals of scenario B at 15:10 open it. */
static void find(int64_t score, enum review_hold hold)
{
    static const struct review_evidence evidence[] = {
        { STR_INIT("asns"), 11, 8, 25 },
        { STR_INIT("countries"), 5, 3, 25 },
        { STR_INIT("concurrency"), 1, 0, 15 },
    };
    struct review_finding finding = {
        .kind = REVIEW_RESALE,
        .score = score,
        .signals = 7,
        .hold = hold,
        .evidence = evidence,
        .evidence_count = EP_ARRAY_LEN(evidence),
        .quiet_ns = INT64_C(30) * 86400 * 1000000000,
        .now_ns = INT64_C(1793632200000000000),
    };
    enum review_outcome outcome = REVIEW_KEPT;
    int64_t number = 0;
    CHECK(id_parse(str_from(client), STR(IDENT_CLIENT_PREFIX), &finding.client));
    finding.key = api_key_next(house.world->ident, NULL)->id;
    CHECK_EQ(review_find(house.world->review, &finding, &outcome, &number, NULL), ERR_OK);
    CHECK(outcome != REVIEW_KEPT);
}

TEST(an_empty_queue_is_said_to_be_empty)
{
    begin();
    CHECK_EQ(house_do(&house, "review list"), ACT_OK);
    CHECK_STR(buf_str(&house.out), STR("no cases\n"));
    CHECK_EQ(house_do(&house, "review list --json"), ACT_OK);
    CHECK_STR(buf_str(&house.out), STR("[]\n"));
    CHECK_EQ(house_do(&house, "review show 1"), ACT_FAILED);
    CHECK(house_said(&house.errors, "there is no case 1"));
    house_end(&house);
}

TEST(a_case_is_listed_shown_and_released)
{
    begin();
    find(65, REVIEW_HOLD_PURCHASES);
    CHECK_EQ(house_do(&house, "review list --json"), ACT_OK);
    CHECK(house_said(&house.out, "\"case\":1,"));
    CHECK(house_said(&house.out, "\"kind\":\"resale\",\"state\":\"open\",\"holds\":\"purchases\""));
    CHECK(house_said(&house.out, "\"score\":65"));
    CHECK(house_said(&house.out, "\"opened\":\"2026-11-02T15:10:00.000Z\""));
    CHECK(house_said(&house.out, "\"by\":null"));
    CHECK_EQ(house_do(&house, "review show 1 --json"), ACT_OK);
    CHECK(house_said(&house.out, "{\"signal\":\"asns\",\"value\":11,\"limit\":8,\"points\":25}"));
    CHECK(house_said(&house.out,
                     "{\"signal\":\"concurrency\",\"value\":1,\"limit\":null,\"points\":15}"));
    CHECK(house_said(&house.out, "\"decisions\":[]"));
    CHECK_EQ(house_do(&house, "review release 1 --by Ana --why travelling"), ACT_OK);
    CHECK(house_said(&house.out, "released"));
    CHECK_EQ(house_do(&house, "review list"), ACT_OK);
    CHECK(house_said(&house.out, "no cases"));
    CHECK_EQ(house_do(&house, "review list --all"), ACT_OK);
    CHECK(house_said(&house.out, "travelling"));
    CHECK_EQ(house_do(&house, "review release 1 --by Ana --why again"), ACT_FAILED);
    CHECK(house_said(&house.errors, "the case 1 is released already (CONFLICT)"));
    house_end(&house);
}

TEST(purchases_are_held_and_bought_again_after_the_release)
{
    begin();
    CHECK_EQ(house_dof(&house, "credit purchase --client %s --plan starter", client), ACT_OK);
    find(50, REVIEW_HOLD_PURCHASES);
    CHECK_EQ(house_dof(&house, "credit purchase --client %s --plan starter", client), ACT_FAILED);
    CHECK(house_said(&house.errors, "CLIENT_RESALE_SUSPECT: purchases of this client are held"));
    CHECK(house_said(&house.errors, "(LAW_REVIEW); see \"entrepot review list\""));
    CHECK_EQ(house_dof(&house, "credit purchase --client %s --amount 5", client), ACT_FAILED);
    CHECK_EQ(house_dof(&house, "credit purchase --client %s --amount 5 --kind promo", client),
             ACT_FAILED);
    CHECK_EQ(house_do(&house, "client add --name Other --json"), ACT_OK);
    char other[64];
    (void)snprintf(other, sizeof(other), "%s", house_field(&house, "id"));
    CHECK_EQ(house_dof(&house, "credit purchase --client %s --plan starter", other), ACT_OK);
    CHECK_EQ(house_do(&house, "review refuse 1 --by Ana --why sold-on"), ACT_OK);
    CHECK(house_said(&house.out, "traffic"));
    house_close(&house);
    house_open(&house, WORLD_READ_WRITE);
    CHECK_EQ(house_dof(&house, "credit purchase --client %s --plan starter", client), ACT_FAILED);
    CHECK_EQ(house_do(&house, "review release 1 --by Ben --why appeal"), ACT_OK);
    CHECK(house_said(&house.out, "sold-on"));
    CHECK(house_said(&house.out, "appeal"));
    CHECK_EQ(house_dof(&house, "credit purchase --client %s --plan starter", client), ACT_OK);
    CHECK_EQ(house_do(&house, "audit"), ACT_OK);
    house_end(&house);
}

TEST(a_person_opens_a_case_by_hand)
{
    begin();
    CHECK_EQ(house_dof(&house, "review open --client %s --kind origin --by Ana --why card", client),
             ACT_OK);
    CHECK(house_said(&house.out, "purchases"));
    CHECK_EQ(house_dof(&house, "review open --client %s --kind origin --by Ana --why card", client),
             ACT_FAILED);
    CHECK(house_said(&house.errors, "has the case 1, which holds as much"));
    CHECK_EQ(house_dof(&house, "key add --client %s --product world", client), ACT_OK);
    CHECK_EQ(house_dof(&house,
                       "review open --client %s --kind origin --hold traffic --by Ana --why more",
                       client),
             ACT_OK);
    CHECK(house_said(&house.out, "traffic"));
    CHECK_EQ(house_dof(&house, "credit purchase --client %s --plan starter", client), ACT_FAILED);
    CHECK(house_said(&house.errors, "ORIGIN_REVIEW"));
    CHECK_EQ(house_dof(&house, "key add --client %s --product world", client), ACT_FAILED);
    CHECK(house_said(&house.errors, "ORIGIN_REVIEW: calls and new keys of this client are held"));
    house_end(&house);
}

TEST(what_is_missing_or_wrong_is_said)
{
    begin();
    find(50, REVIEW_HOLD_PURCHASES);
    CHECK_EQ(house_do(&house, "review release"), ACT_USAGE);
    CHECK_EQ(house_do(&house, "review release 1"), ACT_USAGE);
    CHECK(house_said(&house.errors, "\"--by\" is missing"));
    CHECK_EQ(house_do(&house, "review release 1 --by Ana"), ACT_USAGE);
    CHECK(house_said(&house.errors, "\"--why\" is missing"));
    CHECK_EQ(house_do(&house, "review refuse x --by Ana --why no"), ACT_USAGE);
    CHECK_EQ(house_do(&house, "review refuse 2 --by Ana --why no"), ACT_FAILED);
    CHECK_EQ(house_do(&house, "review show 0"), ACT_USAGE);
    CHECK_EQ(house_do(&house, "review show 1 2"), ACT_USAGE);
    CHECK_EQ(house_dof(&house, "review open --client %s --kind theft --by A --why b", client),
             ACT_USAGE);
    CHECK_EQ(house_dof(&house, "review open --client %s --kind resale --hold all --by A --why b",
                       client),
             ACT_USAGE);
    CHECK_EQ(house_dof(&house, "review open --client %s --kind resale", client), ACT_USAGE);
    CHECK_EQ(house_do(&house, "review list"), ACT_OK);
    CHECK(house_said(&house.out, "open"));
    house_end(&house);
}
