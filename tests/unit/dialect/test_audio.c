#include "dialect/audio.h"

#include "harness.h"

static struct ask ask;
static struct speech_ask speech;
static struct fail fail;

static enum err read(const char *body)
{
    return speech_read(test_at_page_end(str_from(body)), &ask, &speech, &fail);
}

#define SPEECH "{\"model\":\"m\",\"input\":\"a\\u00e9\\ud83d\\ude00\xE6\x97\xA5\",\"voice\":\"x\""

TEST(a_request_for_speech_is_counted_in_code_points)
{
    CHECK_EQ(read(SPEECH "}"), ERR_OK);
    CHECK_EQ(speech.chars, 4);
    CHECK_EQ(speech.format, SPEECH_MP3);
    CHECK_EQ(speech.speed, 100);
    CHECK(!speech.events && ask.stream && ask.plain);
    CHECK_STR(ask.model, STR("m"));
    CHECK_EQ(read(SPEECH ",\"response_format\":\"pcm\",\"speed\":0.255,\"stream_format\":\"sse\"}"),
             ERR_OK);
    CHECK_EQ(speech.format, SPEECH_PCM);
    CHECK_EQ(speech.speed, 26);
    CHECK(speech.events);
    CHECK_EQ(read("{\"model\":\"m\",\"input\":\"a\",\"voice\":{\"id\":\"v\"},\"stream_format\":"
                  "\"audio\",\"speed\":null}"),
             ERR_OK);
}

struct bad {
    const char *body;
    enum err err;
    const char *param;
};

static const struct bad bads[] = {
    { "{\"model\":\"m\",\"voice\":\"x\"}", ERR_ASK_MISSING, "input" },
    { "{\"model\":\"m\",\"input\":\"\",\"voice\":\"x\"}", ERR_ASK_INVALID, "input" },
    { "{\"model\":\"m\",\"input\":[\"a\"],\"voice\":\"x\"}", ERR_ASK_INVALID, "input" },
    { "{\"model\":\"m\",\"input\":\"a\"}", ERR_ASK_MISSING, "voice" },
    { "{\"model\":\"m\",\"input\":\"a\",\"voice\":\"\"}", ERR_ASK_INVALID, "voice" },
    { "{\"model\":\"m\",\"input\":\"a\",\"voice\":{\"name\":\"x\"}}", ERR_ASK_INVALID, "voice" },
    { "{\"model\":\"m\",\"input\":\"a\",\"voice\":7}", ERR_ASK_INVALID, "voice" },
    { "{\"input\":\"a\",\"voice\":\"x\"}", ERR_ASK_MISSING, "model" },
    { SPEECH ",\"response_format\":\"midi\"}", ERR_ASK_INVALID, "response_format" },
    { SPEECH ",\"response_format\":3}", ERR_ASK_INVALID, "response_format" },
    { SPEECH ",\"speed\":0.24}", ERR_ASK_INVALID, "speed" },
    { SPEECH ",\"speed\":4.001}", ERR_ASK_INVALID, "speed" },
    { SPEECH ",\"speed\":-1}", ERR_ASK_INVALID, "speed" },
    { SPEECH ",\"speed\":1e0}", ERR_ASK_INVALID, "speed" },
    { SPEECH ",\"speed\":\"1\"}", ERR_ASK_INVALID, "speed" },
    { SPEECH ",\"stream_format\":\"wav\"}", ERR_ASK_INVALID, "stream_format" },
    { SPEECH ",\"input\":\"b\"}", ERR_ASK_DUPLICATE, "input" },
    { SPEECH, ERR_JSON_SYNTAX, NULL },
};

TEST(what_is_wrong_with_a_request_for_speech_is_named)
{
    for (size_t i = 0; i < EP_ARRAY_LEN(bads); i++) {
        CHECK_EQ(read(bads[i].body), bads[i].err);
        CHECK_STR(str_from(ask.param), str_from(bads[i].param));
    }
}

TEST(seconds_are_read_in_ms_rounded_up)
{
    static const struct {
        const char *text;
        int64_t ms; /* -1: they are none */
    } cases[] = {
        { "1", 1000 },
        { "0.5", 500 },
        { "\"12.3456\"", 12346 },
        { "3.0000", 3000 },
        { "0", 0 },
        { "604800", 604800000 },
        { "604801", -1 },
        { "-1", -1 },
        { "1e3", -1 },
        { "\"\"", -1 },
        { "null", -1 },
        { "[1]", -1 },
        { "99999999999999999999", -1 },
        { "1.2.3", -1 },
    };
    for (size_t i = 0; i < EP_ARRAY_LEN(cases); i++) {
        int64_t ms = -1;
        bool known = audio_read_seconds(test_at_page_end(str_from(cases[i].text)), &ms);
        CHECK_EQ(known ? ms : -1, cases[i].ms);
    }
}

TEST(answers_of_transcriptions_tell_tokens_or_seconds)
{
    struct transcription_answer answer;
    CHECK(transcription_answer_read(STR("{\"text\":\"a\",\"usage\":{\"type\":\"duration\","
                                        "\"seconds\":7.2}}"),
                                    &answer));
    CHECK_EQ(answer.ms, 7200);
    CHECK(answer.usage.len == 0 && !answer.error);
    CHECK(transcription_answer_read(STR(" {\"text\":\"\",\"duration\":\"3.5\",\"usage\":null}"),
                                    &answer));
    CHECK_EQ(answer.ms, 3500);
    CHECK(transcription_answer_read(STR("{\"text\":\"a\",\"usage\":{\"type\":\"tokens\","
                                        "\"input_tokens\":1}}"),
                                    &answer));
    CHECK_EQ(answer.ms, -1);
    CHECK_STR(answer.usage, STR("{\"type\":\"tokens\",\"input_tokens\":1}"));
    CHECK(transcription_answer_read(STR("{\"error\":{\"message\":\"no\"}}"), &answer));
    CHECK(answer.error);
    static const char *const none[] = {
        "", "[]", "{}", "{\"text\":7}", "{\"text\":\"a\"", "a text"
    };
    for (size_t i = 0; i < EP_ARRAY_LEN(none); i++) {
        CHECK(!transcription_answer_read(str_from(none[i]), &answer));
    }
}

TEST(events_end_with_what_is_done)
{
    struct chat_event event;
    transcription_event_read(STR("{\"type\":\"transcript.text.delta\",\"delta\":\"a\"}"), &event);
    CHECK(!event.done && !event.bad && !event.error && event.content_bytes > 0);
    transcription_event_read(STR("{\"type\":\"transcript.text.done\",\"text\":\"a\",\"usage\":"
                                 "{\"type\":\"tokens\",\"total_tokens\":2}}"),
                             &event);
    CHECK(event.done && event.usage.len > 0 && event.finished == 1);
    speech_event_read(STR("{\"type\":\"speech.audio.done\",\"usage\":{\"total_tokens\":2}}"),
                      &event);
    CHECK(event.done && event.usage.len > 0);
    speech_event_read(STR("{\"type\":\"speech.audio.delta\",\"audio\":\"AAAA\"}"), &event);
    CHECK(!event.done && event.content_bytes > 0);
    CHECK_STR(event.sound, STR("\"AAAA\""));
    speech_event_read(STR("{\"type\":\"speech.audio.delta\",\"audio\":[\"AAAA\"]}"), &event);
    CHECK(event.sound.len == 0);
    speech_event_read(STR("{\"type\":\"speech.audio.info\",\"audio\":\"AAAA\"}"), &event);
    CHECK(event.sound.len == 0);
    speech_event_read(STR("{\"type\":\"error\",\"error\":{\"message\":\"no\"}}"), &event);
    CHECK(event.error);
    speech_event_read(STR("not JSON"), &event);
    CHECK(event.bad);
}
