#include "dialect/fold.h"

#include "harness.h"

static const struct event answer[] = {
    { .kind = EVENT_BEGIN, .begin = { .model = STR_INIT("m"), .id = STR_INIT("i") } },
    { .kind = EVENT_OPEN, .choice = 1, .item = 0, .open = { .kind = EVENT_TEXT } },
    { .kind = EVENT_PING },
    { .kind = EVENT_OPEN, .choice = 0, .item = 0, .open = { .kind = EVENT_REASON } },
    { .kind = EVENT_DELTA,
      .choice = 0,
      .item = 0,
      .delta = { .channel = EVENT_SUMMARY, .part = 1, .text = STR_INIT("b") } },
    { .kind = EVENT_DELTA,
      .choice = 1,
      .item = 0,
      .delta = { .channel = EVENT_CONTENT, .text = STR_INIT("he") } },
    { .kind = EVENT_DELTA,
      .choice = 0,
      .item = 0,
      .delta = { .channel = EVENT_SUMMARY, .part = 0, .text = STR_INIT("a") } },
    { .kind = EVENT_NOTE,
      .choice = 1,
      .item = 0,
      .note = { .kind = EVENT_CITATION, .json = STR_INIT("{}") } },
    { .kind = EVENT_DELTA,
      .choice = 1,
      .item = 0,
      .delta = { .channel = EVENT_CONTENT, .text = STR_INIT("llo") } },
    { .kind = EVENT_CLOSE, .choice = 1, .item = 0 },
    { .kind = EVENT_CLOSE, .choice = 0, .item = 0 },
    { .kind = EVENT_OPEN,
      .choice = 0,
      .item = 1,
      .open = { .kind = EVENT_TOOL, .name = STR_INIT("f"), .call_id = STR_INIT("c") } },
    { .kind = EVENT_CLOSE, .choice = 0, .item = 1 },
    { .kind = EVENT_USAGE, .usage = { .tokens = { .of = { [TOKENS_IN] = 1 } } } },
    { .kind = EVENT_FINISH, .choice = 1, .finish = { .reason = EVENT_STOP } },
    { .kind = EVENT_FINISH,
      .choice = 0,
      .finish = { .reason = EVENT_STOP_TEXT, .stop_text = STR_INIT("END") } },
    { .kind = EVENT_USAGE, .usage = { .tokens = { .of = { [TOKENS_IN] = 2 } } } },
    { .kind = EVENT_END },
};

TEST(events_are_an_answer_in_the_end)
{
    struct arena arena;
    struct fold fold;
    struct str text;
    arena_init(&arena, 256, 65536);
    fold_init(&fold, &arena);
    for (size_t i = 0; i < EP_ARRAY_LEN(answer); i++) {
        CHECK(fold_take(&fold, &answer[i]) == ERR_OK);
    }
    CHECK(fold.ended && fold.has_usage && !fold.failed);
    CHECK_EQ(fold.tokens.of[TOKENS_IN], 2); /* the last report */
    CHECK_STR(fold.begin.model, STR("m"));
    CHECK_EQ(fold.choices->index, 0);
    CHECK_EQ(fold.choices->reason, EVENT_STOP_TEXT);
    CHECK_STR(fold.choices->stop_text, STR("END"));
    CHECK_EQ(fold.choices->count, 2);
    CHECK_STR(fold_find(&fold, 0, 1)->open.name, STR("f"));
    CHECK_EQ(fold.choices->next->index, 1);
    const struct fold_item *item = fold_find(&fold, 1, 0);
    CHECK(fold_text(&fold, item, EVENT_CONTENT, &text) == ERR_OK);
    CHECK_STR(text, STR("hello"));
    CHECK_STR(item->notes->json, STR("{}"));
    CHECK(fold_text(&fold, item, EVENT_ARGS, &text) == ERR_OK);
    CHECK_STR(text, STR_EMPTY);
    item = fold_find(&fold, 0, 0);
    CHECK_EQ(item->channels->part, 1); /* as they began */
    CHECK_EQ(item->channels->next->part, 0);
    arena_fini(&arena);
}

TEST(an_error_may_be_all_there_is)
{
    const struct event error = { .kind = EVENT_ERROR,
                                 .error = { .status = 500, .message = STR("m") } };
    struct arena arena;
    struct fold fold;
    arena_init(&arena, 256, 4096);
    fold_init(&fold, &arena);
    CHECK(fold_take(&fold, &error) == ERR_OK);
    CHECK(fold.failed && !fold.ended);
    CHECK_STR(fold.error.message, STR("m"));
    arena_fini(&arena);
}

static void fold_all(void)
{
    struct arena arena;
    struct fold fold;
    enum err err = ERR_OK;
    arena_init(&arena, 64, 65536);
    fold_init(&fold, &arena);
    for (size_t i = 0; i < EP_ARRAY_LEN(answer) && err == ERR_OK; i++) {
        err = fold_take(&fold, &answer[i]);
    }
    CHECK(err == ERR_OK || err == ERR_NO_MEMORY);
    arena_fini(&arena);
}

TEST(running_out_of_memory_is_an_error_of_its_own)
{
    CHECK(test_each_allocation_failing(fold_all) > 5);
}

TEST(the_arenas_limit_is_the_bound)
{
    struct arena arena;
    struct fold fold;
    enum err err = ERR_OK;
    arena_init(&arena, 64, 2048);
    fold_init(&fold, &arena);
    CHECK(fold_take(&fold, &answer[0]) == ERR_OK);
    CHECK(fold_take(&fold, &answer[1]) == ERR_OK);
    int64_t told = 0;
    for (; err == ERR_OK; told++) {
        err = fold_take(&fold, &answer[5]);
    }
    CHECK(err == ERR_NO_MEMORY);
    CHECK(told > 200 && told < 1024);
    arena_fini(&arena);
}
