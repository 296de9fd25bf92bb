#include "policy/detect_scan_internal.h"

#include "harness.h"

#include <string.h>

#include "detect_sample.h"

TEST(the_fast_way_and_the_plain_way_agree)
{
    static const char letters[] = "srid";
    uint64_t random = 1;
    char text[DETECT_BITS_BLOCK];
    for (int round = 0; round < 4000; round++) {
        for (size_t i = 0; i < sizeof(text); i++) {
            random = random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
            text[i] = round < 4 ? (char)(64 * round + (int)i) : (char)(random >> 56);
        }
        struct detect_bits fast;
        struct detect_bits plain;
        detect_bits(text, &fast);
        detect_bits_plain(text, &plain);
        CHECK(memcmp(&fast, &plain, sizeof(fast)) == 0);
        CHECK(detect_bits_lead(text) == detect_bits_lead_plain(text));
        CHECK(detect_bits_gap(text) == detect_bits_gap_plain(text));
        for (size_t count = 0; count <= 4; count++) {
            CHECK(detect_bits_any(text, letters, count) ==
                  detect_bits_any_plain(text, letters, count));
        }
    }
}

TEST(bits_are_what_they_say)
{
    char text[DETECT_BITS_BLOCK] = "0a9Z@[`{ -./:\xC2\xA0\xE3\x80\x80";
    struct detect_bits bits;
    detect_bits(text, &bits);
    CHECK_EQ(bits.digit, 0x5);
    CHECK_EQ(bits.letter, 0xA);
    CHECK_EQ(bits.high, 0x3E000);
    CHECK_EQ(detect_bits_lead(text), 0xA000);
    CHECK_EQ(detect_bits_gap(text), 0x700);
    CHECK_EQ(detect_bits_any(text, "z", 1), 0x8);
}

/* More first letters than are compared at once. */
TEST(terms_with_many_first_letters_are_found)
{
    static const struct str values[] = {
        STR_INIT("alpha"), STR_INIT("bravo"),   STR_INIT("charlie"), STR_INIT("delta"),
        STR_INIT("echo"),  STR_INIT("foxtrot"), STR_INIT("golf"),    STR_INIT("hotel"),
        STR_INIT("india"), STR_INIT("juliett"),
    };
    for (size_t count = 1; count <= EP_ARRAY_LEN(values); count++) {
        const struct detect_row row = { .kind = DETECT_TERM,
                                        .marker = STR_INIT("words"),
                                        .values = values,
                                        .count = count,
                                        .min = 1 };
        struct detect_policy policy = detect_policy_default();
        struct detect_rules *rules = NULL;
        struct detector detector;
        struct detect_result result;
        struct fail fail;
        CHECK(detect_rules_compile(&row, 1, &policy, &rules, &fail) == ERR_OK);
        detect_begin(&detector, rules, SAMPLE_TODAY);
        detect_feed(&detector, STR("Alpha bravo CHARLIE delta echo foxtrot golf hotel india "
                                   "juliett, alphabet xalpha 1alpha"));
        detect_end(&detector, &result);
        CHECK_EQ(result.markers[0], count);
        detect_rules_destroy(rules);
    }
}
