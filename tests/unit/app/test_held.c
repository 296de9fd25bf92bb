#include "app/held.h"

#include "claims.h"

static const struct client *mine;
static const struct client *other;

static void begin(void)
{
    past_begin();
    mine = past_client("zyx");
    other = past_client("abc");
    (void)past_buy(mine, 1, 1000, false);
    (void)past_buy(other, 2, 1000, false);
}

struct looking {
    struct held held;
    int64_t sections; /* of receipts that are held */
    int64_t account;  /* of `mine` */
};

static enum err on_row(void *context, const struct tlog_row *row)
{
    struct looking *looking = context;
    looking->sections += held_section(&looking->held, row->client);
    return ERR_OK;
}

static enum err run_look(void *context, struct store_txn *txn, struct fail *fail)
{
    struct looking *looking = context;
    TRY(held_init(&looking->held, txn, house.world->ident, fail));
    return tlog_rows(txn, 0, 100, on_row, looking, fail);
}

static struct looking look(void)
{
    struct looking looking = { .sections = 0 };
    CHECK_EQ(store_read(house.world->store, run_look, &looking, NULL), ERR_OK);
    return looking;
}

TEST(nothing_is_held_where_nothing_is_open)
{
    begin();
    struct looking looking = look();
    CHECK(!held_client(&looking.held, mine->id));
    CHECK(!held_call(&looking.held, (struct id){ { 1, 1 } }));
    CHECK(!held_account(&looking.held, 1));
    CHECK_EQ(looking.sections, 0);
    held_fini(&looking.held);
    house_end(&house);
}

TEST(a_call_in_an_open_claim_is_held_until_it_is_closed)
{
    begin();
    claims_add((struct id){ { 1, 1 } });
    claims_add((struct id){ { 1, 1 } }); /* twice */
    struct looking open = look();
    CHECK(held_call(&open.held, (struct id){ { 1, 1 } }));
    CHECK(!held_call(&open.held, (struct id){ { 1, 2 } }));
    CHECK(!held_client(&open.held, mine->id));
    held_fini(&open.held);
    claims_close(1, 2000);
    struct looking closed = look();
    CHECK(!held_call(&closed.held, (struct id){ { 1, 1 } }));
    held_fini(&closed.held);
    house_end(&house);
}

TEST(all_of_a_client_with_an_open_case_is_held_until_it_is_decided)
{
    begin();
    CHECK_EQ(house_dof(&house, "review open --client %s --kind resale --by Ana --why tip",
                       past_shown(mine)),
             ACT_OK);
    struct looking open = look();
    CHECK(held_client(&open.held, mine->id));
    CHECK(!held_client(&open.held, other->id));
    CHECK_EQ(open.sections, 1);
    CHECK_EQ(open.held.account_count, 1);
    CHECK(held_account(&open.held, open.held.accounts[0]));
    CHECK(!held_account(&open.held, open.held.accounts[0] + 1));
    held_fini(&open.held);
    CHECK_EQ(house_do(&house, "review release 1 --by Ana --why no"), ACT_OK);
    struct looking released = look();
    CHECK(!held_client(&released.held, mine->id));
    CHECK_EQ(released.sections, 0);
    held_fini(&released.held);
    house_end(&house);
}

TEST(a_section_is_of_a_key_or_of_none_whatever_its_bytes_are)
{
    static const char *const none[] = { "",
                                        "{",
                                        "[]",
                                        "{\"key\":7}",
                                        "{\"key\":\"key_7\"}",
                                        "{\"key\":\"\\u0000\"}",
                                        "{\"call\":\"x\"}" };
    struct map keys;
    char text[128];
    begin();
    map_init(&keys);
    CHECK_EQ(keys_of_client(house.world->ident, mine->id, &keys), ERR_OK);
    CHECK_EQ(keys.count, 1);
    for (size_t i = 0; i < EP_ARRAY_LEN(none); i++) {
        CHECK(!section_of_key(str_from(none[i]), &keys));
    }
    char shown[ID_SHOWN_MAX + 1] = "";
    struct buf id = { shown, 0, ID_SHOWN_MAX, ID_SHOWN_MAX };
    CHECK_EQ(id_print(&id, STR(IDENT_KEY_PREFIX), past_key(mine)->id), ERR_OK);
    (void)snprintf(text, sizeof(text), "{\"key\":\"%s\"}", shown);
    CHECK(section_of_key(str_from(text), &keys));
    map_fini(&keys);
    house_end(&house);
}

static void hold_once(void)
{
    struct looking looking = { .sections = 0 };
    EP_IGNORE(store_read(house.world->store, run_look, &looking, NULL)); /* or it has no memory */
    held_fini(&looking.held);
}

TEST(running_out_of_memory_is_told_and_leaks_nothing)
{
    begin();
    claims_add((struct id){ { 1, 1 } });
    CHECK_EQ(house_dof(&house, "review open --client %s --kind resale --by Ana --why tip",
                       past_shown(mine)),
             ACT_OK);
    CHECK(test_each_allocation_failing(hold_once) > 3);
    house_end(&house);
}
