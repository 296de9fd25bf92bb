#include "app/recover.h"

#include "house.h"
#include "ledger/mark.h"

static struct house house;

struct hold_job {
    struct store_job job;
    struct ledger *ledger;
    struct ledger_hold hold;
};

static enum err write_hold(struct store_job *job, struct store_txn *txn, struct fail *fail)
{
    struct hold_job *context = EP_CONTAINER(job, struct hold_job, job);
    return ledger_write_hold(context->ledger, txn, &context->hold, fail);
}

/* A call that a crash interrupts: its hold is durable, nothing ends it. */
static void hold(unsigned char number, int64_t amount)
{
    struct world *world = house.world;
    struct fail fail;
    const struct client *client = client_next(world->ident, NULL);
    struct hold_job job = {
        .job = { .run = write_hold },
        .ledger = world->ledger,
        .hold = { .call = { { 1, number } },
                  .account = ledger_find(world->ledger, client->account),
                  .amount = amount,
                  .opened_ns = 1000 },
    };
    CHECK_EQ(account_reserve(ledger_credit(job.hold.account), amount), ERR_OK);
    CHECK_EQ(store_run(world->store, &job.job, &fail), ERR_OK);
}

TEST(holds_that_a_crash_left_open_end_with_nothing_charged_and_a_receipt)
{
    house_begin(&house);
    house_open(&house, WORLD_READ_WRITE);
    hold(1, 5000000000);
    hold(2, 7000000000);
    house_close(&house);
    house_open(&house, WORLD_READ_ONLY);
    const struct client *client = client_next(house.world->ident, NULL);
    char shown[ID_SHOWN_MAX + 1] = "";
    struct buf id = { shown, 0, ID_SHOWN_MAX, ID_SHOWN_MAX };
    CHECK_EQ(id_print(&id, STR(IDENT_CLIENT_PREFIX), client->id), ERR_OK);
    CHECK_EQ(house_dof(&house, "credit show %s --json", shown), ACT_OK);
    CHECK_STR(str_from(house_field(&house, "held")), STR("12.00"));
    CHECK_EQ(house_do(&house, "audit"), ACT_OK);
    house_close(&house);
    house_open(&house, WORLD_READ_WRITE);
    CHECK_EQ(house.world->recovered, 2);
    CHECK_EQ(house_dof(&house, "credit show %s --json", shown), ACT_OK);
    CHECK_STR(str_from(house_field(&house, "held")), STR("0.00"));
    CHECK_STR(str_from(house_field(&house, "available")), STR("100.00"));
    CHECK_EQ(house_do(&house, "audit"), ACT_OK);
    CHECK(house_said(&house.out, "2 receipts"));
    house_close(&house);
    house_open(&house, WORLD_READ_WRITE);
    CHECK_EQ(house.world->recovered, 0);
    house_end(&house);
}

TEST(the_receipt_of_a_recovered_call_says_that_it_was_interrupted)
{
    house_begin(&house);
    house_open(&house, WORLD_READ_WRITE);
    hold(1, 5000000000);
    house_close(&house);
    house_open(&house, WORLD_READ_WRITE);
    char shown[ID_SHOWN_MAX + 1] = "";
    struct buf id = { shown, 0, ID_SHOWN_MAX, ID_SHOWN_MAX };
    CHECK_EQ(id_print(&id, STR("call_"), (struct id){ { 1, 1 } }), ERR_OK);
    CHECK_EQ(house_dof(&house, "receipt show %s --json", shown), ACT_OK);
    CHECK_STR(str_from(house_field(&house, "outcome")), STR("interrupted"));
    CHECK_STR(str_from(house_field(&house, "amount")), STR("0"));
    CHECK_STR(str_from(house_field(&house, "held")), STR("5000000000"));
    CHECK(house_said(&house.out, "\"salts\":{\"client\":\""));
    CHECK_EQ(house_dof(&house, "receipt show %s", shown), ACT_OK);
    CHECK(house_said(&house.out, "interrupted"));
    house_end(&house);
}

static const char *key_text(void)
{
    static char text[ID_SHOWN_MAX + 1];
    struct buf shown = { text, 0, ID_SHOWN_MAX, ID_SHOWN_MAX };
    CHECK_EQ(id_print(&shown, STR(IDENT_KEY_PREFIX), (struct id){ { 7 } }), ERR_OK);
    return text;
}

/* A mark of the hold with that row, taken along by the next commit. */
static void mark(int64_t row, int64_t pico, const char *usage)
{
    static struct ledger_mark marks[4];
    struct ledger_progress progress = {
        .key = str_from(key_text()),
        .product = STR("world"),
        .price_book = STR("world/1"),
        .model = STR("aurora-large"),
        .route = STR("aurora-large-us"),
        .attempt = 1,
        .rated_pico = pico,
        .usage_len = strlen(usage),
    };
    memcpy(progress.usage, usage, progress.usage_len);
    CHECK(row < (int64_t)EP_ARRAY_LEN(marks));
    ledger_mark_init(&marks[row], row);
    ledger_mark_put(house.world->ledger, &marks[row], &progress);
}

TEST(a_hold_that_a_crash_left_open_costs_what_its_last_mark_says)
{
    house_begin(&house);
    house_open(&house, WORLD_READ_WRITE);
    hold(1, 5000000000);
    mark(1, 1234567899, "{\"in\":9,\"out\":120}");
    hold(2, 1000000); /* its commit takes the mark along */
    mark(2, 1000000999, "{\"out\":100}");
    hold(3, 1000000);
    house_close(&house);
    house_open(&house, WORLD_READ_WRITE);
    CHECK_EQ(house.world->recovered, 3);
    char shown[ID_SHOWN_MAX + 1] = "";
    struct buf id = { shown, 0, ID_SHOWN_MAX, ID_SHOWN_MAX };
    CHECK_EQ(id_print(&id, STR("call_"), (struct id){ { 1, 1 } }), ERR_OK);
    CHECK_EQ(house_dof(&house, "receipt show %s --json", shown), ACT_OK);
    CHECK_STR(str_from(house_field(&house, "amount")), STR("1234567"));
    CHECK_STR(str_from(house_field(&house, "billed_by")), STR("recovered"));
    CHECK_STR(str_from(house_field(&house, "model_served")), STR("aurora-large"));
    CHECK_STR(str_from(house_field(&house, "route")), STR("aurora-large-us"));
    CHECK_STR(str_from(house_field(&house, "key")), str_from(key_text()));
    CHECK_STR(str_from(house_field(&house, "price_book")), STR("world/1"));
    CHECK(house_said(&house.out, "\"billed\":{\"in\":\"9\",\"out\":\"120\"}"));
    buf_reset(&id);
    memset(shown, 0, sizeof(shown));
    CHECK_EQ(id_print(&id, STR("call_"), (struct id){ { 1, 2 } }), ERR_OK);
    CHECK_EQ(house_dof(&house, "receipt show %s --json", shown), ACT_OK);
    CHECK_STR(str_from(house_field(&house, "amount")), STR("1000000"));
    CHECK_STR(str_from(house_field(&house, "overrun")), STR("0"));
    CHECK_EQ(house_do(&house, "audit"), ACT_OK);
    CHECK_EQ(house_do(&house, "client list --json"), ACT_OK);
    CHECK_EQ(house_dof(&house, "usage show --client %s --json", house_field(&house, "id")), ACT_OK);
    CHECK_STR(str_from(house_field(&house, "key")), str_from(key_text()));
    CHECK(house_said(&house.out, "\"calls\":2,"));
    CHECK(house_said(&house.out,
                     "\"input\":9,\"cached\":0,\"written\":0,\"output\":220,\"reasoning\":"));
    house_close(&house);
    house_open(&house, WORLD_READ_WRITE);
    CHECK_EQ(house.world->recovered, 0);
    house_end(&house);
}

static const struct store_sql sql_lose = { "DELETE FROM receipt" };
static const struct store_sql sql_lie = {
    "UPDATE settlement SET posted = 0, overrun = 0, state = 2, settled_ns = 0"
};
static const struct store_sql sql_forge = {
    "UPDATE receipt SET client = CAST(replace(CAST(client AS TEXT), '\"amount\":\"0\"',"
    " '\"amount\":\"1\"') AS BLOB)"
};

struct damage_job {
    struct store_job job;
    const struct store_sql *sql;
};

static enum err damage(struct store_job *job, struct store_txn *txn, struct fail *fail)
{
    return store_exec(txn, EP_CONTAINER(job, struct damage_job, job)->sql, NULL, 0, fail);
}

static void damaged(const struct store_sql *sql)
{
    struct damage_job job = { .job = { .run = damage }, .sql = sql };
    struct fail fail;
    house_begin(&house);
    house_open(&house, WORLD_READ_WRITE);
    hold(1, 5000000000);
    house_close(&house);
    house_open(&house, WORLD_READ_WRITE);
    CHECK_EQ(store_run(house.world->store, &job.job, &fail), ERR_OK);
}

TEST(an_audit_sees_a_lost_receipt)
{
    damaged(&sql_lose);
    CHECK_EQ(house_do(&house, "audit"), ACT_FAILED);
    CHECK(house_said(&house.out, "receipt-of-settlement"));
    CHECK(house_said(&house.errors, "AUDIT_FAILED"));
    CHECK_EQ(house_do(&house, "audit --json"), ACT_FAILED);
    CHECK(house_said(&house.out, "\"ok\":false"));
    house_end(&house);
}

TEST(an_audit_sees_a_forged_receipt)
{
    damaged(&sql_forge);
    CHECK_EQ(house_do(&house, "audit"), ACT_FAILED);
    CHECK(house_said(&house.out, "receipt-amount"));
    CHECK(house_said(&house.out, "log-leaves"));
    house_end(&house);
}

TEST(an_audit_takes_no_offence_at_a_voided_hold)
{
    damaged(&sql_lie);
    CHECK_EQ(house_do(&house, "audit"), ACT_OK);
    house_end(&house);
}
