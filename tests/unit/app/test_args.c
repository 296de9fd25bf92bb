#include "app/args.h"

#include "harness.h"

static struct args args;
static struct fail failure;

#define READ(...)                                                        \
    args_read((int)EP_ARRAY_LEN(((const char *const[]){ __VA_ARGS__ })), \
              (const char *const[]){ __VA_ARGS__ }, &args, &failure)

TEST(words_flags_and_switches_are_told_apart)
{
    CHECK(READ("client", "add", "--name", "Acme", "--json", "-c", "x.yaml", "--", "--word") ==
          ERR_OK);
    CHECK_EQ(args.word_count, 3);
    CHECK_STR(args_word(&args, 2), STR("--word"));
    CHECK_STR(args_value(&args, "name"), STR("Acme"));
    CHECK_STR(args_value(&args, "config"), STR("x.yaml"));
    CHECK(args_has(&args, "json"));
    CHECK(!args_has(&args, "help"));
    CHECK_EQ(args_word(&args, 9).len, 0);
    CHECK(READ("--name=a=b") == ERR_OK);
    CHECK_STR(args_value(&args, "name"), STR("a=b"));
}

TEST(bad_command_lines_are_refused)
{
    CHECK(READ("--name") == ERR_ASK_MISSING);
    CHECK(READ("-x") == ERR_ASK_INVALID);
    CHECK(READ("--json=1") == ERR_ASK_INVALID);
    CHECK(READ("client", "--sandbox") == ERR_OK);
    CHECK(args_only(&args, "name", &failure) == ERR_ASK_INVALID);
    CHECK(args_only(&args, "name sandbox", &failure) == ERR_OK);
}
