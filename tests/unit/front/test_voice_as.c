#include "front/voice_as.h"

#include "harness.h"

static const struct registry_model hears = { .id = STR_INIT("ears") };
static const struct registry_model thinks = { .id = STR_INIT("brains") };
static const struct registry_model speaks = { .id = STR_INIT("mouths") };

static struct registry_product product_new(void)
{
    return (struct registry_product){ .voice = { .hear = &hears,
                                                 .think = &thinks,
                                                 .speak = &speaks,
                                                 .voice = STR("alloy"),
                                                 .instructions = STR("Be short.") } };
}

TEST(a_fleet_that_says_nothing_is_as_its_product)
{
    const struct registry_product product = product_new();
    struct fleet fleet = { .created_ns = 1 };
    struct voice_as as;
    atomic_init(&fleet.voice, NULL);
    for (int i = 0; i < 2; i++) {
        CHECK(voice_as_of(&product, i == 0 ? NULL : &fleet, &as));
        CHECK_STR(as.texts[FLEET_VOICE_HEAR], STR("ears"));
        CHECK_STR(as.texts[FLEET_VOICE_THINK], STR("brains"));
        CHECK_STR(as.texts[FLEET_VOICE_SPEAK], STR("mouths"));
        CHECK_STR(as.texts[FLEET_VOICE_VOICE], STR("alloy"));
        CHECK_STR(as.texts[FLEET_VOICE_LANGUAGE], STR(""));
        CHECK_STR(as.texts[FLEET_VOICE_INSTRUCTIONS], STR("Be short."));
        CHECK_EQ(as.turns_minute, VOICE_TURNS_MINUTE);
        CHECK_EQ(as.session_minutes, VOICE_SESSION_MINUTES);
        CHECK(!as.own[FLEET_VOICE_VOICE]);
    }
}

TEST(what_a_fleet_says_goes_before_what_its_product_says)
{
    const struct registry_product product = product_new();
    struct fleet_voice own = { .turns_minute = 3, .session_minutes = FLEET_CAP_NONE };
    struct fleet fleet = { .created_ns = 1 };
    struct voice_as as;
    own.texts[FLEET_VOICE_VOICE] = STR("bear");
    own.texts[FLEET_VOICE_LANGUAGE] = STR("ms");
    atomic_init(&fleet.voice, &own);
    CHECK(voice_as_of(&product, &fleet, &as));
    CHECK_STR(as.texts[FLEET_VOICE_VOICE], STR("bear"));
    CHECK_STR(as.texts[FLEET_VOICE_LANGUAGE], STR("ms"));
    CHECK_STR(as.texts[FLEET_VOICE_HEAR], STR("ears"));
    CHECK(as.own[FLEET_VOICE_VOICE] && as.own[FLEET_VOICE_LANGUAGE] && !as.own[FLEET_VOICE_HEAR]);
    CHECK_EQ(as.turns_minute, 3);
    CHECK_EQ(as.session_minutes, VOICE_SESSION_MINUTES);
}

TEST(a_product_that_is_not_spoken_with_needs_a_fleet_that_says_all)
{
    static const char *const whole[] = { "ears", "brains", "mouths", "bear" };
    const struct registry_product product = { .id = STR("plain") };
    struct fleet_voice own = { .turns_minute = FLEET_CAP_NONE, .session_minutes = FLEET_CAP_NONE };
    struct fleet fleet = { .created_ns = 1 };
    struct voice_as as;
    CHECK(!voice_as_of(&product, NULL, &as));
    atomic_init(&fleet.voice, &own);
    for (int i = 0; i < 4; i++) {
        CHECK(!voice_as_of(&product, &fleet, &as));
        CHECK_EQ(as.texts[i].len, 0);
        own.texts[i] = str_from(whole[i]);
    }
    CHECK(voice_as_of(&product, &fleet, &as));
    CHECK_STR(as.texts[FLEET_VOICE_SPEAK], STR("mouths"));
}
