#include "front/voice_history.h"

#include "harness.h"
#include "wire/json.h"
#include "wire/jsonw.h"

/* The list that a model is told. */
static void tell(const struct voice_history *history, struct buf *out)
{
    struct jsonw json;
    struct json_fault fault;
    buf_init(out, 65536);
    jsonw_init(&json, out);
    jsonw_open(&json, '[');
    voice_history_write(history, &json);
    jsonw_close(&json, ']');
    CHECK(jsonw_err(&json) == ERR_OK);
    CHECK(json_check(buf_str(out), &fault) == ERR_OK);
}

TEST(turns_are_told_in_their_order)
{
    struct voice_history history;
    struct buf out;
    voice_history_init(&history);
    voice_history_add(&history, STR("say \"a\""), STR("a"));
    voice_history_add(&history, STR("and b"), STR("b\n"));
    tell(&history, &out);
    CHECK_STR(buf_str(&out), STR("[{\"role\":\"user\",\"content\":\"say \\\"a\\\"\"},"
                                 "{\"role\":\"assistant\",\"content\":\"a\"},"
                                 "{\"role\":\"user\",\"content\":\"and b\"},"
                                 "{\"role\":\"assistant\",\"content\":\"b\\n\"}]"));
    buf_fini(&out);
    voice_history_fini(&history);
    tell(&history, &out);
    CHECK_STR(buf_str(&out), STR("[]"));
    buf_fini(&out);
}

TEST(the_oldest_turns_make_room)
{
    static char words[3000];
    struct voice_history history;
    struct buf out;
    voice_history_init(&history);
    for (int i = 0; i < VOICE_TURNS_MAX + 3; i++) {
        const char number[1] = { (char)('a' + i) };
        voice_history_add(&history, (struct str){ number, 1 }, STR("x"));
    }
    tell(&history, &out);
    CHECK_EQ(history.count, VOICE_TURNS_MAX);
    CHECK(str_starts(buf_str(&out), STR("[{\"role\":\"user\",\"content\":\"d\"}")));
    buf_fini(&out);
    memset(words, 'w', sizeof(words));
    voice_history_add(&history, (struct str){ words, 3000 }, STR("x"));
    voice_history_add(&history, (struct str){ words, 3000 }, STR("y"));
    voice_history_add(&history, (struct str){ words, 3000 }, STR("z"));
    CHECK(history.count == 2 && history.json.len <= VOICE_HISTORY_MAX);
    tell(&history, &out);
    CHECK(str_ends(buf_str(&out), STR("\"z\"}]")));
    buf_fini(&out);
    voice_history_fini(&history);
}

TEST(a_turn_that_is_longer_than_all_is_forgotten)
{
    static char words[VOICE_HISTORY_MAX];
    struct voice_history history;
    voice_history_init(&history);
    voice_history_add(&history, STR("a"), STR("b"));
    memset(words, '"', sizeof(words));
    voice_history_add(&history, STR("c"), (struct str){ words, sizeof(words) });
    CHECK_EQ(history.count, 1);
    voice_history_fini(&history);
}

static void remember(void)
{
    struct voice_history history;
    voice_history_init(&history);
    voice_history_add(&history, STR("a"), STR("b"));
    voice_history_fini(&history);
}

TEST(without_memory_a_turn_is_forgotten)
{
    CHECK(test_each_allocation_failing(remember) > 1);
}
