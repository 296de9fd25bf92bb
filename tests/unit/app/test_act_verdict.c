/* The acts that ask the law; replays of calls of every kind are in test_law_calls.c. */
#include "street.h"

static struct house house;
static struct street street;

static void begin(void)
{
    house_begin(&house);
    house_open(&house, WORLD_READ_WRITE);
}

TEST(closures_are_shown_for_a_party_or_a_client)
{
    char client[64];
    begin();
    CHECK_EQ(house_do(&house, "closures --client first-client --model aurora-large"), ACT_OK);
    CHECK(house_said(&house.out, "authorization closed"));
    CHECK(house_said(&house.out, "scope closed") && house_said(&house.out, "data closed"));
    CHECK(house_said(&house.out, "=> aurora-large-us\n"));
    CHECK_EQ(house_do(&house, "client list --json"), ACT_OK);
    (void)snprintf(client, sizeof(client), "%s", house_field(&house, "id"));
    CHECK_EQ(house_dof(&house, "closures --client %s --model aurora-large --json", client), ACT_OK);
    CHECK(house_said(&house.out, "{\"allow\":true,"));
    CHECK(house_said(&house.out, "\"routes\":[\"aurora-large-us\"]"));
    CHECK(str_ends(buf_str(&house.out), STR("}\n")));
    /* Of whom nothing is known. */
    CHECK_EQ(house_do(&house, "client add --name New --json"), ACT_OK);
    (void)snprintf(client, sizeof(client), "%s", house_field(&house, "id"));
    CHECK_EQ(house_dof(&house, "closures --client %s --model aurora-large", client), ACT_OK);
    CHECK(house_said(&house.out, "CHAIN_CLIENT_LEG") && house_said(&house.out, "=> no route\n"));
    CHECK_EQ(house_dof(&house,
                       "client standing %s --country SG --billing-country SG"
                       " --type developer --accept a.online",
                       client),
             ACT_OK);
    CHECK_EQ(house_dof(&house, "closures --client %s --model aurora-large", client), ACT_OK);
    CHECK(house_said(&house.out, "=> aurora-large-us\n"));
    house_end(&house);
}

TEST(closures_are_asked_of_another_time_market_and_origin)
{
    begin();
    CHECK_EQ(house_do(&house, "closures --client first-client --model aurora-large"
                              " --at 2028-01-01T00:00:00Z"),
             ACT_OK);
    CHECK(house_said(&house.out, "authorization open") && house_said(&house.out, "CHAIN_EXPIRED"));
    CHECK(house_said(&house.out, "=> no route\n"));
    CHECK_EQ(house_do(&house, "closures --client first-client --model aurora-large"
                              " --at 2027-12-31T23:59:59Z --market MY --product world"),
             ACT_OK);
    CHECK(house_said(&house.out, "authorization closed"));
    CHECK_EQ(house_do(&house, "closures --client first-client --model aurora-large --market JP"),
             ACT_OK);
    CHECK(house_said(&house.out, "scope open") && house_said(&house.out, "=> no route\n"));
    CHECK_EQ(house_do(&house, "closures --client first-client --model aurora-large --origin CN"),
             ACT_OK);
    CHECK(house_said(&house.out, "rules open") && house_said(&house.out, "REVERSE_ORIGIN"));
    house_end(&house);
}

TEST(what_is_taken_out_or_held_now_shows_in_closures)
{
    static const char ask[] = "closures --client first-client --model aurora-large";
    char client[64];
    begin();
    CHECK_EQ(house_do(&house, "client list --json"), ACT_OK);
    (void)snprintf(client, sizeof(client), "%s", house_field(&house, "id"));
    CHECK_EQ(house_do(&house, "route quarantine aurora-large-us --why odd --by Ada"), ACT_OK);
    CHECK_EQ(house_dof(&house,
                       "review open --client %s --kind resale --hold purchases"
                       " --why odd --by Ada",
                       client),
             ACT_OK);
    house_close(&house);
    house_open(&house, WORLD_READ_ONLY); /* beside a server */
    CHECK_EQ(house_do(&house, ask), ACT_OK);
    CHECK(house_said(&house.out, "aurora-large-us MODEL_SWAP"));
    CHECK(house_said(&house.out, "=> no route\n"));
    CHECK_EQ(house_dof(&house, "closures --client %s --model aurora-small", client), ACT_OK);
    CHECK(!house_said(&house.out, "CLIENT_RESALE_SUSPECT")); /* purchases alone are held */
    CHECK(!house_said(&house.out, "MODEL_SWAP"));
    house_close(&house);
    house_open(&house, WORLD_READ_WRITE);
    CHECK_EQ(house_do(&house, "route release aurora-large-us --why mended --by Ben"), ACT_OK);
    CHECK_EQ(house_do(&house, "review refuse 1 --why odd --by Ben"), ACT_OK);
    CHECK_EQ(house_do(&house, ask), ACT_OK); /* a party has no case */
    CHECK(house_said(&house.out, "=> aurora-large-us\n"));
    CHECK_EQ(house_dof(&house, "closures --client %s --model aurora-large", client), ACT_OK);
    CHECK(house_said(&house.out, "CLIENT_RESALE_SUSPECT"));
    house_end(&house);
}

TEST(what_closures_are_asked_of_must_be_there)
{
    static const struct {
        const char *line;
        const char *said;
    } cases[] = {
        { "closures --model aurora-large", "usage" },
        { "closures --client first-client", "usage" },
        { "closures --client nobody --model aurora-large", "no party \"nobody\"" },
        { "closures --client cli_00000000000000000000000000 --model aurora-large", "NOT_FOUND" },
        { "closures --client first-client --model aurora-huge", "no product sells" },
        { "closures --client first-client --model aurora-large --product moon", "moon" },
        { "closures --client first-client --model aurora-large --market Japan", "--market" },
        { "closures --client first-client --model aurora-large --origin jp", "--origin" },
        { "closures --client first-client --model aurora-large --at noon", "at" },
    };
    begin();
    for (size_t i = 0; i < EP_ARRAY_LEN(cases); i++) {
        CHECK(house_do(&house, cases[i].line) != ACT_OK);
        if (!house_said(&house.errors, cases[i].said)) {
            test_failed(EP_SITE, "%s: " STR_FMT, cases[i].line, STR_ARG(buf_str(&house.errors)));
        }
    }
    house_end(&house);
}

/* ---- replay -------------------------------------------------------------------------------- */

static char call_id[64];

/* A call that is sold; its id is in `call_id`. */
static void call(void)
{
    static const char body[] = "{\"model\":\"aurora-large\",\"max_tokens\":100,\"messages\":"
                               "[{\"role\":\"user\",\"content\":\"Hello.\"}]}";
    char text[1024];
    struct peer peer;
    (void)snprintf(text, sizeof(text),
                   "POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
                   "Authorization: Bearer %s\r\nContent-Type: application/json\r\n"
                   "Content-Length: %zu\r\n\r\n%s",
                   street.key, strlen(body), body);
    peer_connect(&peer, &street.shop, 0);
    peer_send(&peer, str_from(text));
    UNTIL(street.loop, peer_gone(&peer) && gate_busy(street.gate) == 0);
    struct str got = peer_text(&peer);
    CHECK(str_starts(got, STR("HTTP/1.1 200 ")));
    size_t at = str_search(got, STR("call_"));
    CHECK(at + 31 < got.len);
    (void)snprintf(call_id, sizeof(call_id), "%.31s", got.ptr + at);
    peer_close(&peer);
}

struct tampering {
    struct store_job job;
    const struct store_sql *sql;
};

static enum err run_tamper(struct store_job *job, struct store_txn *txn, struct fail *fail)
{
    return store_exec(txn, EP_CONTAINER(job, struct tampering, job)->sql, NULL, 0, fail);
}

/* A receipt's row as somebody has changed it in the file. */
static const struct {
    struct store_sql sql;
    const char *said;
} tamperings[] = {
    { { "UPDATE receipt SET operator = CAST(replace(CAST(operator AS TEXT),"
        " 'allow aurora-large-us', 'allow aurora-small-us') AS BLOB)" },
      "not that of now" },
    { { "UPDATE receipt SET operator = CAST(replace(CAST(operator AS TEXT),"
        " '\"reasons\":[]', '\"reasons\":[\"x\"]') AS BLOB)" },
      "not that of now" },
    { { "UPDATE receipt SET operator = CAST(replace(CAST(operator AS TEXT),"
        " '\\\"state\\\":\\\"overseas\\\"', '\\\"state\\\":\\\"cn\\\"') AS BLOB)" },
      "not that of now" },
    { { "UPDATE receipt SET operator = CAST(replace(CAST(operator AS TEXT),"
        " '\\\"model\\\":\\\"aurora-large\\\"', '\\\"model\\\":\\\"moon\\\"') AS BLOB)" },
      "\"model\"" },
    { { "UPDATE receipt SET operator = CAST(replace(CAST(operator AS TEXT),"
        " '\\\"has_order\\\":true', '\\\"has_order\\\":7') AS BLOB)" },
      "\"has_order\"" },
    { { "UPDATE receipt SET operator = CAST(replace(CAST(operator AS TEXT),"
        " '\\\"now\\\"', '\\\"new\\\"') AS BLOB)" },
      "\"now\"" },
    { { "UPDATE receipt SET operator = CAST('{' AS BLOB)" }, "damaged" },
    { { "UPDATE receipt SET operator = CAST('{\"facts\":7,\"law\":\"\"}' AS BLOB)" }, "damaged" },
    { { "UPDATE receipt SET operator = CAST('{\"facts\":\"x\",\"law\":\"\"}' AS BLOB)" },
      "no JSON object" },
    { { "UPDATE receipt SET operator = CAST('{}' AS BLOB)" }, "the law was not asked" },
    { { "UPDATE receipt SET evidence = CAST('{\"registry\":\"xyz\"}' AS BLOB)" },
      "names no registry" },
    { { "UPDATE receipt SET evidence = CAST(replace(CAST(evidence AS TEXT),"
        " '\"registry\":\"', '\"registry\":\"0123') AS BLOB)" },
      "names no registry" },
    { { "UPDATE receipt SET evidence = CAST('{\"registry\":\"00000000000000000000000000000000"
        "00000000000000000000000000000000\"}' AS BLOB)" },
      "NOT_FOUND" },
};

TEST(a_receipt_that_was_tampered_with_does_not_agree)
{
    static const struct store_sql keep = { "CREATE TABLE kept AS SELECT * FROM receipt" };
    static const struct store_sql clear = { "DELETE FROM receipt" };
    static const struct store_sql back = { "INSERT INTO receipt SELECT * FROM kept" };
    street_begin(&street);
    call();
    struct tampering change = { .job = { .run = run_tamper }, .sql = &keep };
    CHECK_EQ(store_run(street.house.world->store, &change.job, NULL), ERR_OK);
    CHECK_EQ(house_dof(&street.house, "verdict replay %s --json", call_id), ACT_OK);
    CHECK(house_said(&street.house.out, "\"agrees\":\"yes\""));
    CHECK(house_said(&street.house.out, "\"then\":\"allow aurora-large-us\""));
    CHECK(house_said(&street.house.out, "\"now\":\"allow aurora-large-us\""));
    for (size_t i = 0; i < EP_ARRAY_LEN(tamperings); i++) {
        change = (struct tampering){ .job = { .run = run_tamper }, .sql = &tamperings[i].sql };
        CHECK_EQ(store_run(street.house.world->store, &change.job, NULL), ERR_OK);
        CHECK_EQ(house_dof(&street.house, "verdict replay %s", call_id), ACT_FAILED);
        if (!house_said(&street.house.errors, tamperings[i].said)) {
            test_failed(EP_SITE, "%zu: " STR_FMT, i, STR_ARG(buf_str(&street.house.errors)));
        }
        CHECK_EQ(house_do(&street.house, "audit"), ACT_FAILED);
        change = (struct tampering){ .job = { .run = run_tamper }, .sql = &clear };
        CHECK_EQ(store_run(street.house.world->store, &change.job, NULL), ERR_OK);
        change = (struct tampering){ .job = { .run = run_tamper }, .sql = &back };
        CHECK_EQ(store_run(street.house.world->store, &change.job, NULL), ERR_OK);
    }
    CHECK_EQ(house_dof(&street.house, "verdict replay %s", call_id), ACT_OK);
    CHECK_EQ(house_do(&street.house, "verdict replay"), ACT_USAGE);
    CHECK_EQ(house_do(&street.house, "verdict replay call_1"), ACT_USAGE);
    street_close(&street);
    house_open(&street.house, WORLD_READ_ONLY);
    house_end(&street.house);
}

/* A registry that came later changes nothing of what was judged before. */
TEST(a_past_call_is_judged_by_the_registry_of_then)
{
    street_begin(&street);
    call();
    house_change(
        &street.house, "grants.yaml", "  - id: g.aurora-operator\n    version: 1\n",
        "  - id: g.aurora-operator\n    version: 1\n    revoked_at: 2026-11-03T00:00:00Z\n");
    house_apply(&street.house);
    CHECK_EQ(house_do(&street.house, "closures --client first-client --model aurora-large"),
             ACT_OK);
    CHECK(house_said(&street.house.out, "CHAIN_REVOKED"));
    CHECK_EQ(house_dof(&street.house, "verdict replay %s", call_id), ACT_OK);
    CHECK(house_said(&street.house.out, "yes"));
    street_close(&street);
    house_open(&street.house, WORLD_READ_ONLY);
    house_end(&street.house);
}
