#include "policy/swap.h"

#include "harness.h"

static const struct str names[] = { STR_INIT("m-beta"), STR_INIT("Beta/m-b-turbo") };
static const struct registry_model model = { .id = STR_INIT("beta-one"),
                                             .declared_names = { names, 2 } };

TEST(a_name_is_the_same_another_or_unknown)
{
    static const struct {
        const char *name;
        enum swap_state state;
    } cases[] = {
        { "m-beta", SWAP_SAME },
        { "M-BETA", SWAP_SAME },
        { "chan/m-beta-20260901", SWAP_SAME },
        { "chan/m-beta-2026-09-01", SWAP_SAME },
        { "m-beta:free", SWAP_SAME },
        { "m-beta-latest", SWAP_SAME },
        { "m-b-turbo", SWAP_SAME },
        { "other/m-b-turbo", SWAP_SAME },
        { "beta-one", SWAP_SAME }, /* our id */
        { "asked-by", SWAP_SAME }, /* the name it was asked by */
        { "", SWAP_UNKNOWN },
        { "m-beta-mini", SWAP_MISMATCH },
        { "m-beta-v2", SWAP_MISMATCH },
        { "m-beta2", SWAP_MISMATCH },
        { "m-bet", SWAP_MISMATCH },
        { "m-beta ", SWAP_MISMATCH },
        { "m-b\xd0\xb5ta", SWAP_MISMATCH }, /* a Cyrillic letter that looks like ours */
        { "/", SWAP_MISMATCH },
        { "m-beta/", SWAP_MISMATCH },
        { ":m-beta", SWAP_MISMATCH },
    };
    for (size_t i = 0; i < EP_ARRAY_LEN(cases); i++) {
        if (swap_check(&model, STR("asked-by"), str_from(cases[i].name)) != cases[i].state) {
            test_failed(EP_SITE, "\"%s\"", cases[i].name);
        }
    }
}

TEST(strings_of_json_are_decoded_first)
{
    char text[SWAP_NAME_MAX + 16];
    CHECK_EQ(swap_check_json(&model, STR("up"), STR("")), SWAP_UNKNOWN);
    CHECK_EQ(swap_check_json(&model, STR("up"), STR("\"\"")), SWAP_UNKNOWN);
    CHECK_EQ(swap_check_json(&model, STR("up"), STR("\"up\"")), SWAP_SAME);
    CHECK_EQ(swap_check_json(&model, STR("up"), STR("\"chan\\/m-beta\"")), SWAP_SAME);
    CHECK_EQ(swap_check_json(&model, STR("up"), STR("\"\\u006d-beta\"")), SWAP_SAME);
    CHECK_EQ(swap_check_json(&model, STR("up"), STR("\"m-beta\\u0000\"")), SWAP_MISMATCH);
    CHECK_EQ(swap_check_json(&model, STR("up"), STR("\"\\ud800\"")), SWAP_MISMATCH);
    CHECK_EQ(swap_check_json(&model, STR("up"), STR("\"m-beta-mini\"")), SWAP_MISMATCH);
    /* a name of any length is looked at, and is no model's beyond the limit */
    memset(text, 'x', sizeof(text));
    text[0] = '"';
    text[sizeof(text) - 1] = '"';
    CHECK_EQ(swap_check_json(&model, STR("up"), (struct str){ text, sizeof(text) }), SWAP_MISMATCH);
    memcpy(text + sizeof(text) - 8, "/m-beta", 7);
    CHECK_EQ(swap_check_json(&model, STR("up"), (struct str){ text, sizeof(text) }), SWAP_MISMATCH);
}

TEST(what_was_known_stays_known)
{
    CHECK_EQ(swap_join(SWAP_UNKNOWN, SWAP_UNKNOWN), SWAP_UNKNOWN);
    CHECK_EQ(swap_join(SWAP_UNKNOWN, SWAP_SAME), SWAP_SAME);
    CHECK_EQ(swap_join(SWAP_SAME, SWAP_UNKNOWN), SWAP_SAME);
    CHECK_EQ(swap_join(SWAP_SAME, SWAP_MISMATCH), SWAP_MISMATCH);
    CHECK_EQ(swap_join(SWAP_MISMATCH, SWAP_SAME), SWAP_MISMATCH);
    CHECK_EQ(swap_join(SWAP_MISMATCH, SWAP_UNKNOWN), SWAP_MISMATCH);
}
