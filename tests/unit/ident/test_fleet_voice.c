#include "ident/fleet_voice.h"

#include <string.h>

#include "fleet_house.h"
#include "ident/forget.h"

static struct api_key_text unused;

static struct fleet_voice voice_new(const char *instructions)
{
    struct fleet_voice voice = { .turns_minute = 4, .session_minutes = FLEET_CAP_NONE };
    voice.texts[FLEET_VOICE_THINK] = STR("toy-chat");
    voice.texts[FLEET_VOICE_VOICE] = STR("alloy");
    voice.texts[FLEET_VOICE_INSTRUCTIONS] = str_from(instructions);
    return voice;
}

static void check_is(const struct fleet_voice *found, const struct fleet_voice *wanted)
{
    CHECK(found != NULL);
    for (size_t i = 0; i < FLEET_VOICE_TEXTS; i++) {
        CHECK_STR(found->texts[i], wanted->texts[i]);
    }
    CHECK_EQ(found->turns_minute, wanted->turns_minute);
    CHECK_EQ(found->session_minutes, wanted->session_minutes);
}

TEST(a_fleet_says_how_it_is_spoken_with_and_says_so_after_a_restart)
{
    struct house house = house_build();
    const struct fleet *fleet = fleet_new(&house, &unused);
    CHECK(fleet_voice(fleet) == NULL);
    const struct fleet_voice first = voice_new("You are Bobo.\nYou are a bear.");
    CHECK_EQ(fleet_set_voice(house.ident, fleet->id, &first, NOW, NULL), ERR_OK);
    const struct fleet_voice *held = fleet_voice(fleet);
    check_is(held, &first);
    struct fleet_voice second = voice_new("");
    second.texts[FLEET_VOICE_LANGUAGE] = STR("ms");
    second.turns_minute = FLEET_CAP_NONE;
    second.session_minutes = 15;
    CHECK_EQ(fleet_set_voice(house.ident, fleet->id, &second, NOW + 1, NULL), ERR_OK);
    check_is(held, &first); /* a session has it in its hand */
    for (int round = 0; round < 2; round++) {
        check_is(fleet_voice(fleet), &second);
        fleet = fleet_again(&house);
    }
    house_raze(&house);
}

TEST(what_makes_no_sense_changes_nothing)
{
    static char longer[FLEET_INSTRUCTIONS_MAX + 2];
    struct house house = house_build();
    struct fail fail;
    const struct fleet *fleet = fleet_new(&house, &unused);
    const struct fleet_voice good = voice_new("Be kind.");
    CHECK_EQ(fleet_set_voice(house.ident, fleet->id, &good, NOW, NULL), ERR_OK);
    memset(longer, 'x', FLEET_INSTRUCTIONS_MAX + 1);
    for (int i = 0; i < FLEET_VOICE_TEXTS; i++) {
        size_t max = fleet_voice_text_max((enum fleet_voice_text)i);
        struct fleet_voice bad = good;
        bad.texts[i] = (struct str){ longer, max + 1 };
        CHECK_EQ(fleet_set_voice(house.ident, fleet->id, &bad, NOW, &fail), ERR_ASK_INVALID);
        CHECK(strstr(fail.text, fleet_voice_text_name((enum fleet_voice_text)i)) != NULL);
        bad.texts[i] = STR("a\x1b[1m");
        CHECK_EQ(fleet_set_voice(house.ident, fleet->id, &bad, NOW, &fail), ERR_ASK_INVALID);
        bad.texts[i] = STR("two\nlines");
        CHECK_EQ(fleet_set_voice(house.ident, fleet->id, &bad, NOW, &fail),
                 i == FLEET_VOICE_INSTRUCTIONS ? ERR_OK : ERR_ASK_INVALID);
        CHECK_EQ(fleet_set_voice(house.ident, fleet->id, &good, NOW, NULL), ERR_OK);
    }
    const int64_t numbers[] = { 0, -2, 100001 };
    for (size_t i = 0; i < EP_ARRAY_LEN(numbers); i++) {
        struct fleet_voice bad = good;
        bad.turns_minute = numbers[i];
        CHECK_EQ(fleet_set_voice(house.ident, fleet->id, &bad, NOW, &fail), ERR_ASK_INVALID);
        bad.turns_minute = 1;
        bad.session_minutes = numbers[i];
        CHECK_EQ(fleet_set_voice(house.ident, fleet->id, &bad, NOW, &fail), ERR_ASK_INVALID);
    }
    CHECK_EQ(fleet_set_voice(house.ident, account_of(9), &good, NOW, &fail), ERR_NOT_FOUND);
    check_is(fleet_voice(fleet), &good);
    house_raze(&house);
}

static enum err erased_row(void *context, const struct store_value *row, size_t columns)
{
    bool *found = context;
    CHECK_EQ(columns, 1);
    CHECK_EQ(row[0].number, 0);
    *found = true;
    return ERR_OK;
}

static enum err erased_read(void *context, struct store_txn *txn, struct fail *fail)
{
    static const struct store_sql sql = {
        "SELECT length(hear || think || speak || voice || language || instructions)"
        " FROM fleet_voice"
    };
    return store_query(txn, &sql, NULL, 0, erased_row, context, fail);
}

TEST(a_client_that_is_forgotten_takes_the_voices_of_its_fleets_along)
{
    struct house house = house_build();
    size_t count = 0;
    bool found = false;
    const struct fleet *fleet = fleet_new(&house, &unused);
    const struct fleet_voice voice = voice_new("You are Bobo of Kancil Toys.");
    struct id client = fleet->client->id;
    CHECK_EQ(fleet_set_voice(house.ident, fleet->id, &voice, NOW, NULL), ERR_OK);
    CHECK_EQ(client_forget(house.ident, client, NOW + 1, NULL), ERR_OK);
    CHECK_EQ(client_forget_keys(house.ident, client, NOW + 1, &count, NULL), ERR_OK);
    CHECK(fleet_voice(fleet) == NULL);
    CHECK_EQ(fleet_set_voice(house.ident, fleet->id, &voice, NOW + 2, NULL), ERR_CONFLICT);
    CHECK_EQ(store_read(house.store, erased_read, &found, NULL), ERR_OK);
    CHECK(found);
    CHECK(fleet_voice(fleet_again(&house)) == NULL);
    house_raze(&house);
}

static struct house memory_house;

static void open_and_set(void)
{
    struct ident *ident = NULL;
    const struct fleet_voice voice = voice_new("Be kind.");
    enum err err = ident_open(memory_house.store, STR(PEPPER), &ident, NULL);
    if (err == ERR_OK) {
        err = fleet_set_voice(ident, fleet_next(ident, NULL)->id, &voice, NOW, NULL);
    }
    CHECK(err == ERR_OK || err == ERR_NO_MEMORY);
    ident_close(ident);
}

TEST(running_out_of_memory_sets_no_half_of_a_voice)
{
    memory_house = house_build();
    const struct fleet *fleet = fleet_new(&memory_house, &unused);
    const struct fleet_voice voice = voice_new("You are Bobo.");
    CHECK_EQ(fleet_set_voice(memory_house.ident, fleet->id, &voice, NOW, NULL), ERR_OK);
    CHECK(test_each_allocation_failing(open_and_set) >= 3);
    CHECK(!store_failed(memory_house.store));
    house_raze(&memory_house);
}
