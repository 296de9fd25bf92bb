#include "policy/checksum.h"

#include "harness.h"

#define TODAY 20261126

TEST(resident_ids_with_a_right_check_are_taken)
{
    CHECK(resident_id_valid(test_at_page_end(STR("11010519491231002X")), TODAY));
    CHECK(resident_id_valid(STR("440507199003070018"), TODAY));
    CHECK(resident_id_valid(STR("44050119851115002X"), TODAY));
    /* The division is data, not arithmetic. */
    CHECK(resident_id_valid(STR("999999199001010016"), TODAY));
}

TEST(resident_ids_of_another_form_are_refused)
{
    CHECK(!resident_id_valid(STR(""), TODAY));
    CHECK(!resident_id_valid(STR("110105194912310021"), TODAY)); /* the check */
    CHECK(!resident_id_valid(STR("11010519491231002x"), TODAY));
    CHECK(!resident_id_valid(STR("11010519491231002"), TODAY));
    CHECK(!resident_id_valid(STR("11010519491231002X0"), TODAY));
    CHECK(!resident_id_valid(STR("1101051949123100 X"), TODAY));
}

/* The last character that makes the first 17 right, whatever their date. */
static bool has_check(const char *first, int32_t today)
{
    char text[RESIDENT_ID_LEN];
    for (size_t i = 0; i < 17; i++) {
        text[i] = first[i];
    }
    for (size_t i = 0; i < 11; i++) {
        text[17] = "0123456789X"[i];
        if (resident_id_valid((struct str){ text, RESIDENT_ID_LEN }, today)) {
            return true;
        }
    }
    return false;
}

TEST(a_date_of_birth_must_be_a_day_that_was)
{
    CHECK(has_check("44050719900307001", TODAY));
    CHECK(has_check("44050720000229001", TODAY));
    CHECK(has_check("44050719000101001", TODAY));
    CHECK(has_check("44050720261126001", TODAY));
    CHECK(!has_check("44050720261127001", TODAY));
    CHECK(!has_check("44050719000229001", TODAY)); /* 1900 was no leap year */
    CHECK(!has_check("44050718991231001", TODAY));
    CHECK(!has_check("44050719901301001", TODAY));
    CHECK(!has_check("44050719900001001", TODAY));
    CHECK(!has_check("44050719900431001", TODAY));
    CHECK(!has_check("44050719900230001", TODAY));
    CHECK(!has_check("44050719900300001", TODAY));
}

TEST(luhn_takes_what_is_right_and_no_more)
{
    CHECK(luhn_valid(test_at_page_end(STR("6222020000000000000"))));
    CHECK(luhn_valid(STR("620000000000000005")));
    CHECK(luhn_valid(STR("6217001234567890122")));
    CHECK(!luhn_valid(STR("6217001234567890123")));
    CHECK(!luhn_valid(STR("0")));
    CHECK(!luhn_valid(STR("")));
    CHECK(!luhn_valid(STR("62220200000000000 0")));
}
