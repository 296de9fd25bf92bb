#include "base/log.h"

#include <string.h>
#include <unistd.h>

#include "harness.h"

static struct str read_all(int fd, char *text, size_t size)
{
    ssize_t len = read(fd, text, size);
    CHECK(len >= 0);
    return (struct str){ text, (size_t)len };
}

static bool holds(struct str text, struct str part)
{
    return str_search(text, part) < text.len;
}

TEST(a_line_is_one_json_object_with_its_fields_escaped)
{
    int ends[2];
    CHECK_EQ(pipe(ends), 0);
    CHECK_EQ(log_start(ends[1], NULL), ERR_OK);
    struct log_line line;
    log_begin(&line, EVENT_STARTED);
    log_str(&line, "text", STR("a\"b\\c\n\xC3\x7F"));
    log_int(&line, "number", INT64_MIN);
    log_bool(&line, "yes", true);
    log_id(&line, "id", STR("call_"), (struct id){ 0 });
    log_end(&line);
    log_stop();
    char text[LOG_LINE_MAX];
    struct str got = read_all(ends[0], text, sizeof(text));
    CHECK(str_starts(got, STR("{\"at\":\"")));
    CHECK(str_ends(got, STR("}\n")));
    CHECK(holds(got, STR("\"level\":\"info\",\"event\":\"started\"")));
    CHECK(holds(got, STR(",\"text\":\"a\\\"b\\\\c\\u000a\\u00c3\\u007f\"")));
    CHECK(holds(got, STR(",\"number\":-9223372036854775808,\"yes\":true")));
    CHECK(holds(got, STR(",\"id\":\"call_00000000000000000000000000\"}")));
    CHECK_EQ(str_find(got, '\n'), got.len - 1);
    (void)close(ends[0]);
    (void)close(ends[1]);
}

TEST(a_field_that_does_not_fit_is_left_out_whole)
{
    int ends[2];
    CHECK_EQ(pipe(ends), 0);
    CHECK_EQ(log_start(ends[1], NULL), ERR_OK);
    static char large[LOG_LINE_MAX];
    memset(large, '\n', sizeof(large));
    for (size_t size = 600; size < 700; size++) {
        struct log_line line;
        log_begin(&line, EVENT_STARTED);
        log_str(&line, "large", (struct str){ large, size });
        log_str(&line, "larger", (struct str){ large, sizeof(large) });
        log_bool(&line, "small", false);
        log_end(&line);
        CHECK(str_ends(buf_str(&line.buf), STR("}\n")));
        CHECK(!holds(buf_str(&line.buf), STR("\"larger\"")));
        char text[LOG_LINE_MAX];
        CHECK_STR(read_all(ends[0], text, sizeof(text)), buf_str(&line.buf));
    }
    log_stop();
    (void)close(ends[0]);
    (void)close(ends[1]);
}

TEST(lines_keep_their_order_and_none_is_lost_at_the_stop)
{
    int ends[2];
    CHECK_EQ(pipe(ends), 0);
    CHECK_EQ(log_start(ends[1], NULL), ERR_OK);
    for (int i = 0; i < 100; i++) {
        struct log_line line;
        log_begin(&line, EVENT_STOPPED);
        log_int(&line, "i", i);
        log_end(&line);
    }
    log_stop();
    log_stop();
    static char text[65536];
    struct str got = read_all(ends[0], text, sizeof(text));
    for (int i = 0; i < 100; i++) {
        struct buf want;
        buf_init(&want, 64);
        CHECK_EQ(buf_printf(&want, ",\"i\":%d}", i), ERR_OK);
        CHECK(str_ends(str_cut(&got, '\n'), buf_str(&want)));
        buf_fini(&want);
    }
    CHECK_EQ(got.len, 0);
    (void)close(ends[0]);
    (void)close(ends[1]);
}

TEST(a_failure_is_written_with_code_text_and_place)
{
    struct fail fail = { 0 };
    EP_IGNORE(FAIL(&fail, ERR_BUSY, "too much"));
    struct log_line line;
    log_begin(&line, EVENT_CALL_FAULT);
    log_fail(&line, &fail);
    struct str got = buf_str(&line.buf);
    CHECK(holds(got, STR("\"code\":\"BUSY\",\"text\":\"too much\",\"site\":\"")));
}

TEST(every_event_has_a_name_and_a_meaning)
{
    for (int i = 0; i < EVENT_COUNT; i++) {
        CHECK(str_from(log_event_name((enum event)i)).len > 0);
        CHECK(str_ends(str_from(log_event_meaning((enum event)i)), STR(".")));
        CHECK(log_event_level((enum event)i) <= LOG_ERROR);
    }
}
