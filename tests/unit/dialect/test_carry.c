#include "dialect/carry.h"

#include "harness.h"

static struct arena arena;

static void check_id(enum dialect target, struct str id, struct str want)
{
    struct buf out;
    struct str back;
    arena_init(&arena, 256, 4096);
    buf_init(&out, 1024);
    struct put put = { &out, ERR_OK };
    carry_id_write(&put, target, id);
    CHECK(put.err == ERR_OK);
    if (want.len > 0) {
        CHECK_STR(buf_str(&out), want);
    }
    CHECK(target != DIALECT_ANTHROPIC || text_is_id(buf_str(&out), 128));
    CHECK(carry_id_read(buf_str(&out), &arena, &back) == ERR_OK);
    CHECK_STR(back, id);
    buf_fini(&out);
    arena_fini(&arena);
}

TEST(an_id_comes_back_as_it_was)
{
    check_id(DIALECT_CHAT, STR("call_1"), STR("call_1"));
    check_id(DIALECT_CHAT, STR("a.b:c"), STR("a.b:c"));
    check_id(DIALECT_ANTHROPIC, STR("call_1"), STR("call_1"));
    check_id(DIALECT_ANTHROPIC, STR("a.b:c"), STR("ep_c4q64ek3"));
    check_id(DIALECT_ANTHROPIC, STR("ep_1"), STR_EMPTY);
    check_id(DIALECT_CHAT, STR("ep_zz"), STR_EMPTY);
    char text[64];
    for (size_t len = 1; len < sizeof(text); len++) {
        for (size_t i = 0; i < len; i++) {
            text[i] = (char)(33 + (i * 7 + len) % 90);
            text[i] = text[i] == '"' || text[i] == '\\' ? '.' : text[i];
        }
        check_id(DIALECT_ANTHROPIC, (struct str){ text, len }, STR_EMPTY);
    }
}

TEST(what_only_looks_like_one_of_ours_is_left_alone)
{
    static const char *const ids[] = { "ep_", "ep_u", "ep_il", "ep_0", "ep_zzzzz", "ep_8" };
    struct str back;
    arena_init(&arena, 256, 4096);
    for (size_t i = 0; i < EP_ARRAY_LEN(ids); i++) {
        CHECK(carry_id_read(str_from(ids[i]), &arena, &back) == ERR_OK);
        CHECK_STR(back, str_from(ids[i]));
    }
    arena_fini(&arena);
}

TEST(a_namespace_goes_with_its_tools_name)
{
    struct str space;
    struct str name;
    arena_init(&arena, 256, 4096);
    CHECK(carry_name_join(STR("mcp"), STR("read"), &arena, &name) == ERR_OK);
    CHECK_STR(name, STR("mcp__ep__read"));
    CHECK_STR(carry_name_split(name, &space), STR("read"));
    CHECK_STR(space, STR("mcp"));
    CHECK_STR(carry_name_split(STR("read"), &space), STR("read"));
    CHECK_STR(space, STR_EMPTY);
    CHECK_STR(carry_name_split(STR("__ep__read"), &space), STR("__ep__read"));
    CHECK_STR(carry_name_split(STR("mcp__ep__"), &space), STR("mcp__ep__"));
    CHECK(carry_name_join(STR("a234567890123456789012345678901"),
                          STR("a234567890123456789012345678"), &arena, &name) == ERR_ASK_INVALID);
    arena_fini(&arena);
}

TEST(a_signature_tells_where_it_came_from)
{
    enum dialect source = DIALECT_CHAT;
    CHECK_STR(carry_sig_mark(DIALECT_ANTHROPIC, DIALECT_ANTHROPIC), STR_EMPTY);
    CHECK_STR(carry_sig_mark(DIALECT_ANTHROPIC, DIALECT_CHAT), STR("ep_sig.anthropic."));
    CHECK_STR(carry_sig_read(STR("ep_sig.gemini.abc="), DIALECT_CHAT, &source), STR("abc="));
    CHECK_EQ(source, DIALECT_GEMINI);
    CHECK_STR(carry_sig_read(STR("abc="), DIALECT_RESPONSES, &source), STR("abc="));
    CHECK_EQ(source, DIALECT_RESPONSES);
    CHECK_STR(carry_sig_read(STR("ep_sig.chat."), DIALECT_ANTHROPIC, &source), STR_EMPTY);
    CHECK_EQ(source, DIALECT_CHAT);
}
