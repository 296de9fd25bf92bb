#include "base/uscc.h"

#include "harness.h"

static const char *const good[] = {
    "91350100M000100Y43", /* the standard's own example */
    "91440500MA00000X1W",
};

static const char *const bad[] = {
    "",
    "91350100M000100Y4Z",  /* Z is no letter of the alphabet */
    "91350100M000100Y44",  /* the check */
    "91350100M000100Y4",   /* too short */
    "91350100M000100Y433", /* too long */
    "91350100m000100y43",  /* small letters */
    "9135010OM000100Y43",  /* a letter in the division's code */
    "91350100 M000100Y4",
    ("\xEF\xBC\x99"
     "1350100M000100Y"),
};

TEST(numbers_with_a_right_check_are_taken)
{
    for (size_t i = 0; i < EP_ARRAY_LEN(good); i++) {
        CHECK(uscc_valid(test_at_page_end(str_from(good[i]))));
    }
}

TEST(all_else_is_refused)
{
    for (size_t i = 0; i < EP_ARRAY_LEN(bad); i++) {
        if (uscc_valid(test_at_page_end(str_from(bad[i])))) {
            test_failed(EP_SITE, "taken: %s", bad[i]);
        }
    }
}

/* The weights are of order 30 modulo 31 and the base is prime: no single error passes. */
TEST(every_single_wrong_character_is_noticed)
{
    struct str alphabet = STR("0123456789ABCDEFGHJKLMNPQRTUWXY");
    char text[USCC_LEN];
    for (size_t at = 0; at < USCC_LEN; at++) {
        for (size_t i = 0; i < USCC_LEN; i++) {
            text[i] = good[0][i];
        }
        for (size_t letter = 0; letter < alphabet.len; letter++) {
            text[at] = alphabet.ptr[letter];
            bool same = text[at] == good[0][at];
            CHECK(uscc_valid((struct str){ text, USCC_LEN }) == same);
        }
    }
}
