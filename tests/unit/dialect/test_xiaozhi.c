#include "dialect/xiaozhi.h"

#include "harness.h"
#include "wire/json.h"

#define HELLO                                                                                  \
    "{\"type\":\"hello\",\"version\":1,\"features\":{\"aec\":true,\"mcp\":true,"               \
    "\"glyph_push\":false},\"transport\":\"websocket\",\"audio_params\":{\"format\":\"opus\"," \
    "\"sample_rate\":16000,\"channels\":1,\"frame_duration\":60}}"

struct bad {
    const char *text;
    enum err err;
    const char *named; /* by the failure */
};

/* Read, and refused as it must be, whatever memory lies behind it. */
static void check_bad(const struct bad *bad)
{
    struct xiaozhi_message message;
    struct fail fail = { .code = ERR_OK };
    enum err err = xiaozhi_read(test_at_page_end(str_from(bad->text)), &message, &fail);
    if (err != bad->err ||
        str_search(str_from(fail.text), str_from(bad->named)) == str_from(fail.text).len) {
        test_failed(EP_SITE, "%s: %s, \"%s\"", bad->text, err_info(err)->name, fail.text);
    }
}

static struct xiaozhi_message read_one(const char *text)
{
    struct xiaozhi_message message;
    struct fail fail = { .code = ERR_OK };
    if (xiaozhi_read(test_at_page_end(str_from(text)), &message, &fail) != ERR_OK) {
        test_failed(EP_SITE, "%s: %s", text, fail.text);
    }
    return message;
}

TEST(what_firmware_sends_is_read)
{
    struct xiaozhi_message message = read_one(HELLO);
    CHECK_EQ(message.kind, XIAOZHI_HELLO);
    CHECK_EQ(message.version, 1);
    CHECK_EQ(message.sample_rate, 16000);
    CHECK_EQ(message.frame_ms, 60);
    message = read_one("{\"session_id\":\"\",\"type\":\"listen\",\"state\":\"start\","
                       "\"mode\":\"realtime\"}");
    CHECK_EQ(message.kind, XIAOZHI_LISTEN);
    CHECK_EQ(message.listen, XIAOZHI_START);
    CHECK_EQ(message.mode, XIAOZHI_REALTIME);
    message = read_one("{\"type\":\"listen\",\"state\":\"detect\",\"text\":\"hi\"}");
    CHECK_EQ(message.listen, XIAOZHI_DETECT);
    message = read_one("{\"session_id\":\"x\",\"type\":\"listen\",\"state\":\"stop\"}");
    CHECK_EQ(message.listen, XIAOZHI_STOP);
    message = read_one("{\"type\":\"abort\",\"reason\":\"wake_word_detected\"}");
    CHECK_EQ(message.kind, XIAOZHI_ABORT);
}

TEST(what_is_left_out_has_its_usual_value)
{
    struct xiaozhi_message message = read_one(" {\"type\" : \"hello\"}\n");
    CHECK_EQ(message.version, 0);
    CHECK_EQ(message.sample_rate, 16000);
    CHECK_EQ(message.frame_ms, 60);
    CHECK_EQ(read_one("{\"type\":\"listen\",\"state\":\"start\"}").mode, XIAOZHI_AUTO);
}

TEST(types_and_members_that_are_not_known_are_passed_over)
{
    CHECK_EQ(read_one("{\"type\":\"mcp\",\"payload\":{\"id\":1}}").kind, XIAOZHI_OTHER);
    CHECK_EQ(read_one("{\"type\":\"iot\",\"states\":[]}").kind, XIAOZHI_OTHER);
    CHECK_EQ(read_one("{\"type\":\"Hello\"}").kind, XIAOZHI_OTHER);
    CHECK_EQ(read_one("{\"type\":\"abort\",\"why\":null,\"why\":1}").kind, XIAOZHI_ABORT);
}

TEST(what_is_wrong_is_refused_with_its_field)
{
    static const struct bad bads[] = {
        { "", ERR_JSON_SYNTAX, "no JSON" },
        { "{\"type\":\"hello\"", ERR_JSON_SYNTAX, "no JSON" },
        { "hello", ERR_JSON_SYNTAX, "byte 0" },
        { "[\"hello\"]", ERR_ASK_INVALID, "object" },
        { "null", ERR_ASK_INVALID, "object" },
        { "{}", ERR_ASK_MISSING, "\"type\"" },
        { "{\"type\":7}", ERR_ASK_INVALID, "\"type\"" },
        { "{\"type\":\"abort\",\"type\":\"hello\"}", ERR_ASK_DUPLICATE, "\"type\"" },
        { "{\"type\":\"listen\"}", ERR_ASK_MISSING, "\"state\"" },
        { "{\"type\":\"listen\",\"state\":\"begin\"}", ERR_ASK_INVALID, "\"state\"" },
        { "{\"type\":\"listen\",\"state\":1}", ERR_ASK_INVALID, "\"state\"" },
        { "{\"type\":\"listen\",\"state\":\"start\",\"mode\":\"loud\"}", ERR_ASK_INVALID,
          "\"mode\"" },
        { "{\"type\":\"listen\",\"state\":\"start\",\"state\":\"stop\"}", ERR_ASK_DUPLICATE,
          "\"state\"" },
        { "{\"type\":\"hello\",\"transport\":\"udp\"}", ERR_ASK_UNSUPPORTED, "\"transport\"" },
        { "{\"type\":\"hello\",\"version\":4}", ERR_ASK_UNSUPPORTED, "\"version\"" },
        { "{\"type\":\"hello\",\"version\":\"1\"}", ERR_ASK_UNSUPPORTED, "\"version\"" },
        { "{\"type\":\"hello\",\"version\":1.5}", ERR_ASK_UNSUPPORTED, "\"version\"" },
        { "{\"type\":\"hello\",\"version\":-9999999999999999999999}", ERR_ASK_UNSUPPORTED,
          "\"version\"" },
        { "{\"type\":\"hello\",\"audio_params\":[]}", ERR_ASK_INVALID, "\"audio_params\"" },
        { "{\"type\":\"hello\",\"audio_params\":{\"format\":\"pcm\"}}", ERR_ASK_UNSUPPORTED,
          "\"audio_params.format\" must be \"opus\"" },
        { "{\"type\":\"hello\",\"audio_params\":{\"sample_rate\":44100}}", ERR_ASK_UNSUPPORTED,
          "\"audio_params.sample_rate\" must be one of 8000, 12000, 16000, 24000, 48000" },
        { "{\"type\":\"hello\",\"audio_params\":{\"channels\":2}}", ERR_ASK_UNSUPPORTED,
          "\"audio_params.channels\" must be one of 1" },
        { "{\"type\":\"hello\",\"audio_params\":{\"frame_duration\":61}}", ERR_ASK_UNSUPPORTED,
          "\"audio_params.frame_duration\" must be one of 10, 20, 40, 60" },
    };
    for (size_t i = 0; i < EP_ARRAY_LEN(bads); i++) {
        check_bad(&bads[i]);
    }
}

TEST(a_hello_that_is_cut_anywhere_is_no_hello)
{
    struct str whole = STR(HELLO);
    for (size_t len = 0; len < whole.len; len++) {
        struct xiaozhi_message message;
        struct str part = test_at_page_end(str_slice(whole, 0, len));
        CHECK(xiaozhi_read(part, &message, NULL) == ERR_JSON_SYNTAX);
    }
}

static struct str of(const char *bytes, size_t len)
{
    return test_at_page_end((struct str){ bytes, len });
}

TEST(packets_of_each_version_are_unpacked_as_they_were_packed)
{
    for (int version = 1; version <= 3; version++) {
        char message[XIAOZHI_HEADER_MAX + 5];
        struct xiaozhi_packet packet;
        size_t header = xiaozhi_header(version, 5, message);
        CHECK_EQ(header, version == 1 ? 0 : version == 2 ? 16 : 4);
        memcpy(message + header, "audio", 5);
        struct str whole = of(message, header + 5);
        CHECK(xiaozhi_unpack(version, whole, &packet, NULL) == ERR_OK);
        CHECK(!packet.json);
        CHECK_STR(packet.payload, STR("audio"));
        for (size_t len = 0; version != 1 && len < whole.len; len++) {
            CHECK(xiaozhi_unpack(version, of(message, len), &packet, NULL) == ERR_ASK_INVALID);
        }
    }
}

TEST(a_clock_that_is_a_year_off_changes_nothing)
{
    char message[] = "\0\2\0\0\0\0\0\0....\0\0\0\2ab";
    for (uint64_t ms = 1; ms < (uint64_t)1 << 32; ms *= 3) {
        struct xiaozhi_packet packet;
        for (size_t i = 0; i < 4; i++) {
            message[8 + i] = (char)(ms >> (24 - 8 * i));
        }
        CHECK(xiaozhi_unpack(2, of(message, 18), &packet, NULL) == ERR_OK);
        CHECK_STR(packet.payload, STR("ab"));
    }
}

TEST(a_binary_message_that_does_not_fit_its_header_is_refused_with_its_field)
{
    static const struct {
        int version;
        struct str bytes;
        const char *named;
    } bads[] = {
        { 2, STR_INIT(""), "16 bytes" },
        { 3, STR_INIT("\0\0\0"), "4 bytes" },
        { 2, STR_INIT("\0\3\0\0\0\0\0\0\0\0\0\0\0\0\0\1a"), "\"version\"" },
        { 2, STR_INIT("\0\2\0\2\0\0\0\0\0\0\0\0\0\0\0\1a"), "\"type\"" },
        { 2, STR_INIT("\0\2\0\0\0\0\0\0\0\0\0\0\0\0\0\2a"), "\"payload_size\"" },
        { 2, STR_INIT("\0\2\0\0\0\0\0\0\0\0\0\0\xff\xff\xff\xff"), "\"payload_size\"" },
        { 3, STR_INIT("\2\0\0\1a"), "\"type\"" },
        { 3, STR_INIT("\0\0\0\0a"), "\"payload_size\"" },
    };
    for (size_t i = 0; i < EP_ARRAY_LEN(bads); i++) {
        struct xiaozhi_packet packet;
        struct fail fail = { .code = ERR_OK };
        struct str bytes = test_at_page_end(bads[i].bytes);
        CHECK(xiaozhi_unpack(bads[i].version, bytes, &packet, &fail) == ERR_ASK_INVALID);
        CHECK(str_search(str_from(fail.text), str_from(bads[i].named)) < str_from(fail.text).len);
    }
    static char large[XIAOZHI_PACKET_MAX + 1];
    struct xiaozhi_packet packet;
    CHECK(xiaozhi_unpack(1, of(large, sizeof(large)), &packet, NULL) == ERR_ASK_INVALID);
    CHECK(xiaozhi_unpack(1, of(large, sizeof(large) - 1), &packet, NULL) == ERR_OK);
    CHECK(xiaozhi_unpack(3, STR("\1\0\0\2{}"), &packet, NULL) == ERR_OK);
    CHECK(packet.json);
}

static enum xiaozhi_act take(struct xiaozhi_session *session, const char *text)
{
    struct xiaozhi_message message = read_one(text);
    enum xiaozhi_act act = XIAOZHI_NOTHING;
    CHECK(xiaozhi_session_take(session, &message, &act, NULL) == ERR_OK);
    return act;
}

static void open_session(struct xiaozhi_session *session)
{
    CHECK(xiaozhi_session_init(session, 0));
    CHECK_EQ(take(session, HELLO), XIAOZHI_GREET);
    CHECK_EQ(session->state, XIAOZHI_IDLE);
}

#define START  "{\"type\":\"listen\",\"state\":\"start\",\"mode\":\"manual\"}"
#define FREE   "{\"type\":\"listen\",\"state\":\"start\",\"mode\":\"realtime\"}"
#define STOP   "{\"type\":\"listen\",\"state\":\"stop\"}"
#define DETECT "{\"type\":\"listen\",\"state\":\"detect\",\"text\":\"hi\"}"
#define ABORT  "{\"type\":\"abort\"}"

TEST(a_turn_goes_from_start_to_the_end_of_its_answer)
{
    struct xiaozhi_session session;
    bool hears = true;
    open_session(&session);
    CHECK_EQ(take(&session, DETECT), XIAOZHI_WAKE);
    CHECK(xiaozhi_session_hears(&session, &hears, NULL) == ERR_OK && !hears);
    CHECK_EQ(take(&session, START), XIAOZHI_BEGIN);
    CHECK(xiaozhi_session_hears(&session, &hears, NULL) == ERR_OK && hears);
    CHECK_EQ(take(&session, STOP), XIAOZHI_HEARD);
    CHECK_EQ(session.state, XIAOZHI_ANSWERING);
    CHECK(xiaozhi_session_hears(&session, &hears, NULL) == ERR_OK && !hears);
    CHECK(!xiaozhi_session_answered(&session));
    CHECK_EQ(session.state, XIAOZHI_IDLE);
}

TEST(who_listens_without_end_is_heard_again_after_an_answer)
{
    struct xiaozhi_session session;
    open_session(&session);
    CHECK_EQ(take(&session, FREE), XIAOZHI_BEGIN);
    xiaozhi_session_heard(&session);
    CHECK_EQ(take(&session, ABORT), XIAOZHI_BARGE);
    CHECK_EQ(session.state, XIAOZHI_LISTENING);
    xiaozhi_session_heard(&session);
    CHECK(xiaozhi_session_answered(&session));
    CHECK_EQ(session.state, XIAOZHI_LISTENING);
}

TEST(an_abort_ends_what_there_is_and_nothing_else)
{
    struct xiaozhi_session session;
    open_session(&session);
    CHECK_EQ(take(&session, ABORT), XIAOZHI_NOTHING);
    CHECK_EQ(take(&session, STOP), XIAOZHI_NOTHING);
    CHECK_EQ(take(&session, START), XIAOZHI_BEGIN);
    CHECK_EQ(take(&session, ABORT), XIAOZHI_DROP);
    CHECK_EQ(session.state, XIAOZHI_IDLE);
    CHECK_EQ(take(&session, START), XIAOZHI_BEGIN);
    CHECK_EQ(take(&session, START), XIAOZHI_BEGIN);
    CHECK_EQ(take(&session, STOP), XIAOZHI_HEARD);
    CHECK_EQ(take(&session, STOP), XIAOZHI_NOTHING);
    CHECK_EQ(take(&session, ABORT), XIAOZHI_INTERRUPT);
    CHECK_EQ(take(&session, START), XIAOZHI_BEGIN);
    CHECK_EQ(take(&session, STOP), XIAOZHI_HEARD);
    CHECK_EQ(take(&session, START), XIAOZHI_BARGE);
    CHECK_EQ(session.state, XIAOZHI_LISTENING);
}

TEST(a_session_begins_with_one_hello)
{
    struct xiaozhi_session session;
    struct xiaozhi_message message = read_one(START);
    enum xiaozhi_act act = XIAOZHI_WAKE;
    bool hears = false;
    struct fail fail;
    CHECK(xiaozhi_session_init(&session, 3));
    CHECK(xiaozhi_session_take(&session, &message, &act, &fail) == ERR_ASK_INVALID);
    CHECK_STR(str_from(fail.text), STR("\"type\" of the first message must be hello"));
    CHECK(xiaozhi_session_hears(&session, &hears, &fail) == ERR_ASK_INVALID);
    message = read_one(HELLO);
    CHECK(xiaozhi_session_take(&session, &message, &act, &fail) == ERR_ASK_INVALID);
    CHECK_STR(str_from(fail.text), STR("\"version\" is 1 here and 3 in Protocol-Version"));
    message.version = 0;
    CHECK(xiaozhi_session_take(&session, &message, &act, NULL) == ERR_OK);
    CHECK_EQ(session.version, 3);
    CHECK(xiaozhi_session_take(&session, &message, &act, &fail) == ERR_ASK_INVALID);
    CHECK_STR(str_from(fail.text), STR("\"type\" hello stands at the beginning alone"));
    CHECK(!xiaozhi_session_init(&session, 4));
    CHECK(!xiaozhi_session_init(&session, -1));
}

TEST(what_is_said_to_a_device_is_what_its_firmware_reads)
{
    struct buf out;
    buf_init(&out, 4096);
    CHECK(xiaozhi_write_hello(&out, STR("s1"), 60) == ERR_OK);
    CHECK_STR(buf_str(&out),
              STR("{\"session_id\":\"s1\",\"type\":\"hello\",\"transport\":\"websocket\","
                  "\"audio_params\":{\"format\":\"opus\",\"sample_rate\":24000,\"channels\":1,"
                  "\"frame_duration\":60}}"));
    buf_reset(&out);
    CHECK(xiaozhi_write_stt(&out, STR("s1"), STR("say \"hi\"")) == ERR_OK);
    CHECK_STR(buf_str(&out),
              STR("{\"session_id\":\"s1\",\"type\":\"stt\",\"text\":\"say \\\"hi\\\"\"}"));
    buf_reset(&out);
    CHECK(xiaozhi_write_llm(&out, STR("s1"), STR("thinking"), STR("?")) == ERR_OK);
    CHECK_STR(buf_str(&out), STR("{\"session_id\":\"s1\",\"type\":\"llm\",\"emotion\":\"thinking\","
                                 "\"text\":\"?\"}"));
    buf_reset(&out);
    CHECK(xiaozhi_write_tts(&out, STR("s1"), STR("start"), STR_EMPTY) == ERR_OK);
    CHECK_STR(buf_str(&out), STR("{\"session_id\":\"s1\",\"type\":\"tts\",\"state\":\"start\"}"));
    buf_reset(&out);
    CHECK(xiaozhi_write_tts(&out, STR("s1"), STR("sentence_start"), STR("Hi.")) == ERR_OK);
    CHECK_STR(buf_str(&out), STR("{\"session_id\":\"s1\",\"type\":\"tts\","
                                 "\"state\":\"sentence_start\",\"text\":\"Hi.\"}"));
    buf_reset(&out);
    CHECK(xiaozhi_write_alert(&out, STR("s1"), STR("no")) == ERR_OK);
    CHECK_STR(buf_str(&out), STR("{\"session_id\":\"s1\",\"type\":\"alert\",\"status\":\"Error\","
                                 "\"message\":\"no\",\"emotion\":\"sad\"}"));
    buf_fini(&out);
}

static void write_all(void)
{
    struct buf out;
    buf_init(&out, 4096);
    EP_IGNORE(xiaozhi_write_hello(&out, STR("s1"), 60));
    EP_IGNORE(xiaozhi_write_alert(&out, STR("s1"), STR("no")));
    buf_fini(&out);
}

TEST(without_memory_nothing_is_said_and_nothing_lost)
{
    CHECK(test_each_allocation_failing(write_all) > 1);
}
