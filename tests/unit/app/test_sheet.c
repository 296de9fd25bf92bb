#include "app/sheet.h"

#include "harness.h"

static const char *const columns[] = { "name", "count", "amount", "at" };

static void fill(struct sheet *sheet)
{
    sheet_init(sheet, columns, EP_ARRAY_LEN(columns));
    sheet_str(sheet, STR("B\xC3\xB6rge"));
    sheet_int(sheet, 7);
    sheet_money(sheet, 1500000000);
    sheet_stamp(sheet, 0);
    sheet_str(sheet, STR(""));
    sheet_int(sheet, 1234);
    sheet_money(sheet, 1);
    sheet_stamp(sheet, INT64_C(1000000000));
}

TEST(columns_are_aligned_by_what_a_terminal_shows)
{
    struct sheet sheet;
    struct buf out;
    buf_init(&out, 4096);
    fill(&sheet);
    CHECK_EQ(sheet_print(&sheet, false, &out), ERR_OK);
    CHECK_STR(buf_str(&out), STR("name   count  amount       at\n"
                                 "B\xC3\xB6rge      7  1.50         -\n"
                                 "-       1234  0.000000001  1970-01-01T00:00:01.000Z\n"));
    buf_reset(&out);
    CHECK_EQ(sheet_print_one(&sheet, false, &out), ERR_OK);
    CHECK_STR(buf_str(&out), STR("name    B\xC3\xB6rge\ncount   7\namount  1.50\nat      -\n"));
    sheet_fini(&sheet);
    buf_fini(&out);
}

TEST(in_json_numbers_are_numbers_and_money_is_text)
{
    struct sheet sheet;
    struct buf out;
    buf_init(&out, 4096);
    fill(&sheet);
    CHECK_EQ(sheet_print_one(&sheet, true, &out), ERR_OK);
    CHECK_STR(buf_str(&out), STR("{\"name\":\"B\xC3\xB6rge\",\"count\":7,\"amount\":\"1.50\","
                                 "\"at\":null}\n"));
    sheet_fini(&sheet);
    buf_reset(&out);
    sheet_init(&sheet, columns, EP_ARRAY_LEN(columns));
    CHECK_EQ(sheet_print(&sheet, true, &out), ERR_OK);
    CHECK_STR(buf_str(&out), STR("[]\n"));
    sheet_fini(&sheet);
    buf_fini(&out);
}

static void print_all(void)
{
    struct sheet sheet;
    struct buf out;
    buf_init(&out, 4096);
    fill(&sheet);
    EP_IGNORE(sheet_print(&sheet, true, &out));
    EP_IGNORE(sheet_print(&sheet, false, &out));
    sheet_fini(&sheet);
    buf_fini(&out);
}

TEST(running_out_of_memory_is_told_at_the_printing)
{
    CHECK(test_each_allocation_failing(print_all) > 2);
}
