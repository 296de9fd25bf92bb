#include "dialect/chat_end.h"

#include "dialect/chat.h"
#include "harness.h"
#include "wire/json.h"

static const struct chat_chunk two = { .id = STR_INIT("call_1"),
                                       .created_s = 7,
                                       .model = STR_INIT("aurora"),
                                       .choices = 2 };

TEST(an_error_in_a_stream_ends_each_choice_and_says_why)
{
    struct buf out;
    struct chat_event event;
    const struct face_error error = { .err = ERR_UPSTREAM_CUT, .param = STR("x") };
    buf_init(&out, 4096);
    CHECK(chat_error_event(&out, &two, FACE_OPENAI, &error) == ERR_OK);
    CHECK(str_starts(buf_str(&out),
                     STR("data: {\"id\":\"call_1\",\"object\":\"chat.completion.chunk\","
                         "\"created\":7,\"model\":\"aurora\",\"choices\":["
                         "{\"index\":0,\"delta\":{},\"finish_reason\":\"error\"},"
                         "{\"index\":1,\"delta\":{},\"finish_reason\":\"error\"}],\"error\":{")));
    CHECK(str_ends(buf_str(&out), STR("}\n\ndata: [DONE]\n\n")));
    CHECK(str_search(buf_str(&out), STR("\n\ndata: {\"error\":{\"message\":")) < out.len);
    struct str data = str_slice(buf_str(&out), 6, str_find(buf_str(&out), '\n'));
    chat_event_read(data, NULL, &event);
    CHECK(event.error && !event.bad);
    CHECK_EQ(event.finished, 2);
    struct str said = json_get(data, STR("error"));
    CHECK(json_string_is(json_get(said, STR("code")), STR("upstream_cut")));
    buf_reset(&out);
    CHECK(chat_error_event(&out, &two, FACE_OPENROUTER, &error) == ERR_OK);
    data = str_slice(buf_str(&out), 6, str_find(buf_str(&out), '\n'));
    CHECK_STR(json_get(json_get(data, STR("error")), STR("code")), STR("502"));
    CHECK_STR(str_from_at(buf_str(&out), 6 + data.len), STR("\n\ndata: [DONE]\n\n"));
    buf_fini(&out);
}

TEST(a_stream_that_is_ended_early_says_length_for_each_choice_and_why)
{
    struct buf out;
    struct chat_event read;
    buf_init(&out, 4096);
    const struct chat_length length = { .chunk = two,
                                        .entrepot = STR("{\"reason\":\"credit_exhausted\"}") };
    CHECK(chat_length_event(&out, &length) == ERR_OK);
    CHECK_STR(buf_str(&out),
              STR("data: {\"id\":\"call_1\",\"object\":\"chat.completion.chunk\",\"created\":7,"
                  "\"model\":\"aurora\",\"choices\":["
                  "{\"index\":0,\"delta\":{},\"finish_reason\":\"length\"},"
                  "{\"index\":1,\"delta\":{},\"finish_reason\":\"length\"}],"
                  "\"entrepot\":{\"reason\":\"credit_exhausted\"}}\n\ndata: [DONE]\n\n"));
    struct str data = str_slice(buf_str(&out), 6, str_find(buf_str(&out), '\n'));
    chat_event_read(data, NULL, &read);
    CHECK(!read.error && !read.bad);
    CHECK_EQ(read.finished, 2);
    const struct chat_length more = { .chunk.choices = 1, .usage = STR("{\"prompt_tokens\":9}") };
    buf_reset(&out);
    CHECK(chat_length_event(&out, &more) == ERR_OK);
    CHECK(str_ends(buf_str(&out),
                   STR("\"choices\":[],\"usage\":{\"prompt_tokens\":9}}\n\ndata: [DONE]\n\n")));
    buf_fini(&out);
}

TEST(an_end_that_does_not_fit_is_said_wherever_the_room_ends)
{
    char text[1024];
    const struct face_error error = { .err = ERR_UPSTREAM_CUT };
    const struct chat_length length = { .chunk = two, .usage = STR("{}") };
    struct buf whole = { text, 0, sizeof(text), sizeof(text) };
    CHECK(chat_error_event(&whole, &two, FACE_OPENAI, &error) == ERR_OK);
    for (size_t room = 1; room < whole.len; room++) {
        struct buf part = { text, 0, room, room };
        CHECK(chat_error_event(&part, &two, FACE_OPENAI, &error) != ERR_OK);
    }
    buf_reset(&whole);
    CHECK(chat_length_event(&whole, &length) == ERR_OK);
    for (size_t room = 1; room < whole.len; room++) {
        struct buf part = { text, 0, room, room };
        CHECK(chat_length_event(&part, &length) != ERR_OK);
    }
}
