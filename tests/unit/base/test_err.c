#include "harness.h"

TEST(every_row_of_the_table_is_complete)
{
    for (int i = 0; i < ERR_COUNT; i++) {
        const struct err_info *info = err_info((enum err)i);
        CHECK(info->name[0] != '\0');
        if (i == ERR_OK) {
            CHECK_EQ(info->status, 0);
            CHECK_EQ(info->kind, ERR_KIND_FINE);
            continue;
        }
        CHECK(info->status >= 400 && info->status <= 599);
        CHECK(info->type[0] != '\0');
        CHECK(info->code[0] != '\0');
        CHECK(str_ends(str_from(info->text), STR(".")));
        CHECK(info->kind != ERR_KIND_FINE);
    }
}

TEST(a_fault_of_ours_is_never_shown_as_the_clients)
{
    for (int i = 1; i < ERR_COUNT; i++) {
        const struct err_info *info = err_info((enum err)i);
        if (info->kind == ERR_KIND_FAULT) {
            CHECK(info->status >= 500);
        }
    }
}

TEST(a_failure_keeps_its_code_sentence_and_place)
{
    struct fail fail = { 0 };
    CHECK_EQ(FAIL(&fail, ERR_CONFLICT, "the %s \"%s\"", "key", "a"), ERR_CONFLICT);
    CHECK_EQ(fail.code, ERR_CONFLICT);
    CHECK_EQ(fail.sys_errno, 0);
    CHECK_STR(str_from(fail.text), STR("the key \"a\""));
    CHECK(str_search(str_from(fail.site), STR("test_err.c:")) < str_from(fail.site).len);
}

TEST(a_failure_of_the_system_keeps_its_number)
{
    struct fail fail = { 0 };
    errno = ENOENT;
    CHECK_EQ(FAIL_SYS(&fail, ERR_IO, "could not open it"), ERR_IO);
    CHECK_EQ(fail.sys_errno, ENOENT);
}

TEST(a_failure_that_nobody_reads_still_has_its_code)
{
    CHECK_EQ(FAIL(NULL, ERR_BUSY, "%d", 1), ERR_BUSY);
}

TEST(a_sentence_that_is_too_long_is_cut_and_terminated)
{
    struct fail fail = { 0 };
    CHECK_EQ(FAIL(&fail, ERR_LIMIT, "%0300d", 1), ERR_LIMIT);
    CHECK(str_from(fail.text).len < FAIL_TEXT_MAX);
}

static enum err try_twice(enum err first, int *steps)
{
    TRY(first);
    (*steps)++;
    return ERR_OK;
}

TEST(try_returns_at_once_with_the_failure)
{
    int steps = 0;
    CHECK_EQ(try_twice(ERR_IO, &steps), ERR_IO);
    CHECK_EQ(steps, 0);
    CHECK_EQ(try_twice(ERR_OK, &steps), ERR_OK);
    CHECK_EQ(steps, 1);
}
