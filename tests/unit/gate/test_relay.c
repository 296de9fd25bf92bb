#include "gate/relay.h"

#include "dialect/audio.h"
#include "harness.h"

static const struct str names[] = { STR_INIT("m-2026") };
static const struct registry_model model = { .id = STR_INIT("m"), .declared_names = { names, 1 } };
static struct buf out;

static void relay_begin(struct relay *relay, const struct relay_options *options)
{
    CHECK(crypto_start(NULL) == ERR_OK);
    relay_init(relay, options);
}

static void emit(void *context, struct str bytes)
{
    CHECK(context == &out);
    CHECK(bytes.len > 0);
    CHECK(buf_append(&out, bytes) == ERR_OK);
}

struct relay_case {
    const char *stream;
    const char *emitted; /* before the end */
    const char *tail;
    int64_t choices;
    bool include_usage;
    enum err feed;   /* of feeding */
    enum err finish; /* ERR_OK, ERR_UPSTREAM_CUT */
};

#define TEXT(model, text)                                                                     \
    "data: {\"model\":\"" model "\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"" text \
    "\"},\"finish_reason\":null}]}\n\n"
#define STOP "data: {\"model\":\"m\",\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n"
#define USAGE                                                               \
    "data: {\"model\":\"m\",\"choices\":[],\"usage\":{\"prompt_tokens\":3," \
    "\"completion_tokens\":2,\"total_tokens\":5}}\n\n"
#define UNNAMED(text) "data: {\"choices\":[{\"delta\":{\"content\":\"" text "\"}}]}\n\n"
#define STOP_AS(model) \
    "data: {\"model\":\"" model "\",\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n"
#define USAGE_AS(model)                                                             \
    "data: {\"model\":\"" model "\",\"choices\":[],\"usage\":{\"prompt_tokens\":3," \
    "\"completion_tokens\":2,\"total_tokens\":5}}\n\n"
#define DONE "data: [DONE]\n\n"

static const struct relay_case cases[] = {
    { TEXT("m", "a") TEXT("m", "b") STOP USAGE DONE, TEXT("m", "a") TEXT("m", "b"), STOP DONE, 1,
      false, ERR_OK, ERR_OK },
    { TEXT("m-2026", "a") STOP USAGE DONE, TEXT("m-2026", "a"), STOP USAGE DONE, 1, true, ERR_OK,
      ERR_OK },
    { TEXT("up", "a") STOP, TEXT("up", "a"), STOP, 1, false, ERR_OK, ERR_OK },
    /* two choices: the first one's end is not the answer's */
    { TEXT("m", "a") STOP TEXT("m", "b") STOP DONE, TEXT("m", "a") STOP TEXT("m", "b"), STOP DONE,
      2, false, ERR_OK, ERR_OK },
    { ": wait\n\n" TEXT("m", "a") ": more\n\n" STOP DONE, TEXT("m", "a") ": more\n\n", STOP DONE, 1,
      false, ERR_OK, ERR_OK },
    { TEXT("m", "a"), TEXT("m", "a"), "", 1, false, ERR_OK, ERR_UPSTREAM_CUT },
    { "", "", "", 1, false, ERR_OK, ERR_UPSTREAM_CUT },
    { TEXT("other", "a"), "", "", 1, false, ERR_UPSTREAM_MODEL, ERR_OK },
    { TEXT("m", "a") TEXT("other", "b"), TEXT("m", "a"), "", 1, false, ERR_UPSTREAM_MODEL, ERR_OK },
    /* no name is no proof of another model */
    { UNNAMED("x") TEXT("m", "a") STOP, UNNAMED("x") TEXT("m", "a"), STOP, 1, false, ERR_OK,
      ERR_OK },
    { TEXT("", "a") STOP, TEXT("", "a"), STOP, 1, false, ERR_OK, ERR_OK },
    { UNNAMED("x") TEXT("other", "a"), UNNAMED("x"), "", 1, false, ERR_UPSTREAM_MODEL, ERR_OK },
    { TEXT("m", "a") UNNAMED("x") STOP, TEXT("m", "a") UNNAMED("x"), STOP, 1, false, ERR_OK,
      ERR_OK },
    /* names are normalised */
    { TEXT("chan/M-20260901", "a") TEXT("x\\/m:free", "b") STOP,
      TEXT("chan/M-20260901", "a") TEXT("x\\/m:free", "b"), STOP, 1, false, ERR_OK, ERR_OK },
    { TEXT("m-mini", "a") STOP, "", "", 1, false, ERR_UPSTREAM_MODEL, ERR_OK },
    { TEXT("/", "a") STOP, "", "", 1, false, ERR_UPSTREAM_MODEL, ERR_OK },
    /* the terminal event decides, whatever came before; so does the usage behind it */
    { TEXT("m", "a") STOP_AS("other") DONE, TEXT("m", "a"), "", 1, false, ERR_UPSTREAM_MODEL,
      ERR_OK },
    { TEXT("m", "a") STOP USAGE_AS("other") DONE, TEXT("m", "a"), "", 1, false, ERR_UPSTREAM_MODEL,
      ERR_OK },
    { ": wait\n\n" TEXT("other", "a"), "", "", 1, false, ERR_UPSTREAM_MODEL, ERR_OK },
    { TEXT("m", "a") "data: {\"error\":{\"message\":\"secret\"}}\n\n", TEXT("m", "a"), "", 1, false,
      ERR_UPSTREAM_STATUS, ERR_OK },
    { TEXT("m", "a") "data: nonsense\n\n", TEXT("m", "a"), "", 1, false, ERR_UPSTREAM_SYNTAX,
      ERR_OK },
    { TEXT("m", "a") STOP DONE TEXT("m", "late"), TEXT("m", "a"), STOP DONE, 1, false, ERR_OK,
      ERR_OK },
};

static void run(const struct relay_case *test, size_t step)
{
    struct relay relay;
    struct str rest = str_from(test->stream);
    enum err err = ERR_OK;
    relay_begin(&relay, &(struct relay_options){ .model = &model,
                                                 .upstream_model = STR("up"),
                                                 .choices = test->choices,
                                                 .include_usage = test->include_usage,
                                                 .event_max = 4096,
                                                 .tail_max = 4096 });
    buf_reset(&out);
    while (rest.len > 0 && err == ERR_OK) {
        struct str piece = str_slice(rest, 0, rest.len < step ? rest.len : step);
        rest = str_from_at(rest, piece.len);
        err = relay_feed(&relay, piece, emit, &out);
    }
    CHECK(err == test->feed);
    if (err == ERR_OK) {
        CHECK(relay_finish(&relay, emit, &out) == test->finish);
        CHECK_STR(buf_str(&relay.tail), str_from(test->tail));
    }
    CHECK_STR(buf_str(&out), str_from(test->emitted));
    relay_fini(&relay);
}

TEST(streams_are_given_on_up_to_their_end_at_every_split)
{
    buf_init(&out, 1 << 16);
    for (size_t i = 0; i < EP_ARRAY_LEN(cases); i++) {
        for (size_t step = 1; step <= 400; step += step < 40 ? 1 : 37) {
            run(&cases[i], step);
        }
    }
    buf_fini(&out);
}

TEST(a_relay_knows_what_was_named)
{
    static const struct {
        const char *stream;
        enum swap_state named;
        const char *other;
        bool begun;
    } named[] = {
        { UNNAMED("x") STOP_AS(""), SWAP_UNKNOWN, "", true },
        { UNNAMED("x") STOP, SWAP_SAME, "", true },
        { TEXT("m", "x") UNNAMED("y"), SWAP_SAME, "", true },
        { TEXT("m", "x") TEXT("other", "y"), SWAP_MISMATCH, "\"other\"", true },
        { TEXT("other", "y"), SWAP_MISMATCH, "\"other\"", false },
        { ": wait\n\n", SWAP_UNKNOWN, "", false },
    };
    for (size_t i = 0; i < EP_ARRAY_LEN(named); i++) {
        struct relay relay;
        buf_init(&out, 1 << 16);
        relay_begin(&relay, &(struct relay_options){ .model = &model,
                                                     .upstream_model = STR("up"),
                                                     .choices = 1,
                                                     .event_max = 4096,
                                                     .tail_max = 4096 });
        EP_IGNORE(relay_feed(&relay, str_from(named[i].stream), emit, &out));
        CHECK_EQ(relay.named, named[i].named);
        CHECK_EQ(relay.begun, named[i].begun);
        CHECK_STR(relay.other, str_from(named[i].other));
        relay_fini(&relay);
        buf_fini(&out);
    }
}

TEST(usage_and_delivery_are_counted)
{
    struct relay relay;
    buf_init(&out, 1 << 16);
    relay_begin(&relay, &(struct relay_options){ .model = &model,
                                                 .upstream_model = STR("up"),
                                                 .choices = 1,
                                                 .event_max = 4096,
                                                 .tail_max = 4096 });
    CHECK(relay_feed(&relay, str_from(cases[0].stream), emit, &out) == ERR_OK);
    CHECK(relay.has_usage);
    CHECK_EQ(relay.usage.tokens[USAGE_IN], 3);
    CHECK_EQ(relay.usage.tokens[USAGE_OUT], 2);
    CHECK_EQ(relay.content_events, 2);
    CHECK_EQ(relay.content_bytes, 2);
    relay_fini(&relay);
    buf_fini(&out);
}

/* Reports are merged by the route's rule: the last of each count holds. */
TEST(usage_is_read_by_the_surface_of_the_route)
{
    static const char stream[] =
        "data: {\"model\":\"m\",\"choices\":[{\"delta\":{\"content\":\"a\"}}],\"usage\":{"
        "\"prompt_tokens\":30,\"completion_tokens\":1,\"total_tokens\":31,"
        "\"prompt_tokens_details\":{\"cached_tokens\":6}}}\n\n" STOP
        "data: {\"model\":\"m\",\"choices\":[],\"usage\":{\"completion_tokens\":9,"
        "\"total_tokens\":133,\"completion_tokens_details\":{\"reasoning_tokens\":94}}}\n\n" DONE;
    struct relay relay;
    buf_init(&out, 1 << 16);
    relay_begin(&relay, &(struct relay_options){ .model = &model,
                                                 .upstream_model = STR("up"),
                                                 .choices = 1,
                                                 .surface = USAGE_SURFACE_XAI_CHAT,
                                                 .event_max = 4096,
                                                 .tail_max = 4096 });
    CHECK(relay_feed(&relay, str_from(stream), emit, &out) == ERR_OK);
    CHECK(relay.has_usage && !relay.usage.quarantined && relay.usage.reasoning_added);
    CHECK_EQ(relay.usage.tokens[USAGE_CACHED], 6);
    CHECK_EQ(relay.usage.tokens[USAGE_OUT], 9);
    CHECK_EQ(relay.usage.tokens[USAGE_REASON], 94);
    relay_fini(&relay);
    buf_fini(&out);
}

TEST(a_tail_beyond_its_limit_is_refused)
{
    struct relay relay;
    buf_init(&out, 1 << 16);
    relay_begin(&relay, &(struct relay_options){ .model = &model,
                                                 .upstream_model = STR("up"),
                                                 .choices = 1,
                                                 .event_max = 4096,
                                                 .tail_max = 100 });
    enum err err = relay_feed(&relay, str_from(STOP), emit, &out);
    for (int i = 0; err == ERR_OK && i < 10; i++) {
        err = relay_feed(&relay, str_from(STOP), emit, &out);
    }
    CHECK(err == ERR_UPSTREAM_SIZE);
    relay_fini(&relay);
    buf_fini(&out);
}

static char told[128];
static size_t told_len;

static void tell(void *context, const struct chat_text *text)
{
    const struct relay *relay = context;
    struct str inside = str_slice(text->json, 1, text->json.len - 1);
    CHECK(told_len + inside.len < sizeof(told));
    memcpy(told + told_len, inside.ptr, inside.len);
    told_len += inside.len;
    told[told_len++] = relay->ended ? '|' : ',';
}

TEST(the_sink_is_told_what_is_given_on_and_nothing_else)
{
    static const struct {
        const char *stream;
        const char *told; /* '|' behind what the tail holds */
        bool unread;
    } sinks[] = {
        { TEXT("m", "a") TEXT("m", "b") STOP DONE, "a,b,", false },
        { TEXT("m", "a") TEXT("other", "secret"), "a,", false },
        { TEXT("m", "a") "data: {\"error\":{\"x\":1},"
                         "\"choices\":[{\"delta\":{\"content\":\"bad\"}}]}\n\n",
          "a,", false },
        { TEXT("m", "a") "data: {\"choices\":[{\"delta\":{\"content\":\"z\"},"
                         "\"finish_reason\":\"stop\"}]}\n\n",
          "a,z|", false },
        { "data: {\"model\":\"m\","
          "\"choices\":[{\"delta\":{\"audio\":{\"id\":1}}}]}\n\n",
          "", true },
    };
    for (size_t i = 0; i < EP_ARRAY_LEN(sinks); i++) {
        struct relay relay;
        const struct chat_sink sink = { tell, &relay };
        const struct relay_options options = { .model = &model,
                                               .upstream_model = STR("up"),
                                               .sink = &sink,
                                               .choices = 1,
                                               .event_max = 4096,
                                               .tail_max = 4096 };
        told_len = 0;
        buf_init(&out, 1 << 16);
        relay_begin(&relay, &options);
        EP_IGNORE(relay_feed(&relay, str_from(sinks[i].stream), emit, &out));
        CHECK_STR(((struct str){ told, told_len }), str_from(sinks[i].told));
        CHECK_EQ(relay.unread, sinks[i].unread);
        relay_fini(&relay);
        buf_fini(&out);
    }
}

/* What was told of the stream when each piece was given on. */
struct singly {
    int64_t told; /* texts */
    int64_t pieces;
};

static void singly_tell(void *context, const struct chat_text *text)
{
    struct singly *singly = context;
    CHECK(text->json.len > 2);
    singly->told++;
}

static void singly_emit(void *context, struct str bytes)
{
    struct singly *singly = context;
    singly->pieces++;
    CHECK(str_ends(bytes, STR("\n\n")));
    CHECK_EQ(singly->told, singly->pieces); /* of no event behind the one at hand */
}

TEST(events_that_are_given_on_singly_are_told_one_by_one)
{
    struct relay relay;
    struct singly singly = { 0 };
    const struct chat_sink sink = { singly_tell, &singly };
    relay_begin(&relay, &(struct relay_options){ .model = &model,
                                                 .upstream_model = STR("up"),
                                                 .sink = &sink,
                                                 .choices = 1,
                                                 .singly = true,
                                                 .event_max = 4096,
                                                 .tail_max = 4096 });
    struct str all = STR(TEXT("m", "a") TEXT("m", "b") TEXT("m", "c") STOP DONE);
    CHECK_EQ(relay_feed(&relay, all, singly_emit, &singly), ERR_OK);
    CHECK_EQ(singly.pieces, 3);
    relay_fini(&relay);
}

/* Sound of events, one behind the other. */
static void sounds_hear(void *context, struct str sound)
{
    CHECK_EQ(buf_append(context, sound), ERR_OK);
}

static void sounds_emit(void *context, struct str bytes)
{
    (void)context;
    CHECK(bytes.len > 0);
}

TEST(the_sound_of_events_of_speech_is_heard_at_each_split)
{
    const struct str all = STR("data: {\"type\":\"speech.audio.delta\",\"audio\":\"AA\\/A\"}\n\n"
                               ": nothing\n\n"
                               "data: {\"type\":\"speech.audio.delta\",\"audio\":\"BBBB\"}\n\n"
                               "data: {\"type\":\"speech.audio.delta\",\"audio\":7}\n\n"
                               "data: {\"type\":\"speech.audio.done\",\"audio\":\"CCCC\"}\n\n");
    for (size_t split = 0; split <= all.len; split++) {
        struct relay relay;
        struct buf heard;
        buf_init(&heard, 100);
        relay_begin(&relay, &(struct relay_options){ .model = &model,
                                                     .upstream_model = STR("up"),
                                                     .read = speech_event_read,
                                                     .heard = sounds_hear,
                                                     .heard_context = &heard,
                                                     .choices = 1,
                                                     .event_max = 4096,
                                                     .tail_max = 4096 });
        struct str first = str_slice(all, 0, split);
        CHECK_EQ(relay_feed(&relay, first, sounds_emit, NULL), ERR_OK);
        CHECK_EQ(relay_feed(&relay, str_from_at(all, split), sounds_emit, NULL), ERR_OK);
        CHECK_STR(buf_str(&heard), STR("\"AA\\/A\"\"BBBB\""));
        CHECK(relay.ended);
        relay_fini(&relay);
        buf_fini(&heard);
    }
}

/* What became of a stream, and what was told of it. */
struct heard {
    struct buf out;
    struct buf told;
    struct relay relay;
    enum err err;
};

static void heard_emit(void *context, struct str bytes)
{
    struct heard *heard = context;
    CHECK_EQ(buf_append(&heard->out, bytes), ERR_OK);
}

static void heard_tell(void *context, const struct chat_text *text)
{
    struct heard *heard = context;
    CHECK_EQ(buf_printf(&heard->told, "%d %lld %lld " STR_FMT "\n", (int)text->part,
                        (long long)text->choice, (long long)text->tool, STR_ARG(text->json)),
             ERR_OK);
}

static void hear(struct heard *heard, struct str stream, size_t step)
{
    const struct chat_sink sink = { heard_tell, heard };
    *heard = (struct heard){ .err = ERR_OK };
    buf_init(&heard->out, 1 << 16);
    buf_init(&heard->told, 1 << 16);
    relay_begin(&heard->relay, &(struct relay_options){ .model = &model,
                                                        .upstream_model = STR("up"),
                                                        .sink = &sink,
                                                        .choices = 2,
                                                        .event_max = 300,
                                                        .tail_max = 4096 });
    while (stream.len > 0 && heard->err == ERR_OK) {
        struct str piece = str_slice(stream, 0, stream.len < step ? stream.len : step);
        stream = str_from_at(stream, piece.len);
        heard->err = relay_feed(&heard->relay, piece, heard_emit, heard);
    }
}

static void heard_fini(struct heard *heard)
{
    relay_fini(&heard->relay);
    buf_fini(&heard->out);
    buf_fini(&heard->told);
}

#define SAYS(head, tail) "data: {\"model\":\"m\",\"choices\":[{" head "\"delta\":{" tail "}}]}\n\n"
#define LONG_TEXT        "0123456789012345678901234567890123456789012345678901234567890123456789"

/* Events that are like each other, nearly like, and not as they must be. */
static const char *const alike[] = {
    SAYS("", "\"content\":\"a\""),
    SAYS("", "\"content\":\"bc \\u00e9\\n\""),
    SAYS("", "\"content\":\"\xC3\xA9\""),
    SAYS("", "\"content\":\"\""),
    SAYS("", "\"content\":null"),
    SAYS("", "\"content\":\"d\",\"content\":\"\""),
    SAYS("", "\"content\":\"e\",\"refusal\":\"f\""),
    SAYS("", "\"content\":\"g\",\"audio\":{\"id\":1}"),
    SAYS("", "\"reasoning\":\"h\""),
    SAYS("", "\"reasoning\":\"long\",\"reasoning_content\":\"lon\""),
    SAYS("", "\"reasoning\":\"l\",\"reasoning_content\":\"lon\""),
    SAYS("", "\"reasoning\":\"longest\",\"reasoning_content\":null"),
    SAYS("", "\"tool_calls\":[{\"index\":1,\"function\":{\"arguments\":\"{\\\"\"}}]"),
    SAYS("", "\"tool_calls\":[{\"index\":1,\"function\":{\"arguments\":\"x\"}}]"),
    SAYS("\"index\":1,", "\"content\":\"i\""),
    SAYS("\"index\":1,", "\"content\":\"" LONG_TEXT LONG_TEXT "\""),
    SAYS("\"finish_reason\":\"stop\",", "\"content\":\"j\""),
    "data: {\"model\":\"m\",\"choices\":[{\"delta\":\ndata: {\"content\":\"k\"}}]}\n\n",
    "event: x\ndata:{\"model\":\"m\",\"choices\":[{\"delta\":{\"content\":\"l\"}}]}\n\n",
    ": a comment\n\n",
    DONE,
    SAYS("", "\"content\":\"bad \\x\""),
    SAYS("", "\"content\":\"bad \xFF\""),
    SAYS("", "\"content\":\"" LONG_TEXT LONG_TEXT LONG_TEXT LONG_TEXT "\""), /* too long */
};

TEST(an_event_that_is_like_one_before_is_heard_as_if_it_were_read)
{
    uint32_t seed = 1;
    for (int round = 0; round < 3000; round++) {
        struct buf stream;
        struct heard whole;
        struct heard bytes;
        buf_init(&stream, 1 << 16);
        for (int i = 0; i < 12; i++) {
            seed = seed * 1664525 + 1013904223;
            size_t most = i < 8 ? 8 + (size_t)round % 8 : EP_ARRAY_LEN(alike);
            CHECK_EQ(buf_append(&stream, str_from(alike[(seed >> 16) % most])), ERR_OK);
        }
        size_t step = round % 3 == 0 ? stream.len : 150 + (size_t)round % 200;
        hear(&whole, buf_str(&stream), step);
        hear(&bytes, buf_str(&stream), 1); /* no event is seen whole: each is read */
        CHECK_EQ(whole.err, bytes.err);
        CHECK_STR(buf_str(&whole.out), buf_str(&bytes.out));
        CHECK_STR(buf_str(&whole.told), buf_str(&bytes.told));
        CHECK_STR(buf_str(&whole.relay.tail), buf_str(&bytes.relay.tail));
        CHECK_EQ(whole.relay.content_events, bytes.relay.content_events);
        CHECK_EQ(whole.relay.content_bytes, bytes.relay.content_bytes);
        CHECK_EQ(whole.relay.unread, bytes.relay.unread);
        CHECK_EQ(whole.relay.ended, bytes.relay.ended);
        CHECK_EQ(whole.relay.named, bytes.relay.named);
        heard_fini(&whole);
        heard_fini(&bytes);
        buf_fini(&stream);
    }
}

/* ---- answers that are no events ------------------------------------------------------------- */

#define SOUND_BYTES 3000

static char sound_byte(size_t at)
{
    return (char)(at * 7 % 251);
}

TEST(of_an_answer_of_bytes_the_last_ones_stay_until_the_end_at_any_split)
{
    static const size_t steps[] = { 1, 2, 511, 512, 513, 700, 2999, 3000 };
    char sound[SOUND_BYTES];
    for (size_t i = 0; i < SOUND_BYTES; i++) {
        sound[i] = sound_byte(i);
    }
    for (size_t i = 0; i < EP_ARRAY_LEN(steps); i++) {
        struct relay relay;
        buf_init(&out, 1 << 16);
        relay_begin(&relay, &(struct relay_options){ .model = &model,
                                                     .choices = 1,
                                                     .bytes = true,
                                                     .event_max = 4096,
                                                     .tail_max = 4096 });
        for (size_t at = 0; at < SOUND_BYTES; at += steps[i]) {
            size_t end = at + steps[i] < SOUND_BYTES ? at + steps[i] : SOUND_BYTES;
            CHECK_EQ(relay_feed(&relay, (struct str){ sound + at, end - at }, emit, &out), ERR_OK);
            CHECK_EQ(out.len + relay.tail.len, end);
            CHECK(relay.tail.len == (end < 512 ? end : 512));
        }
        CHECK_EQ(relay_finish(&relay, emit, &out), ERR_OK);
        CHECK(relay.begun && relay.ended && relay.content_bytes == SOUND_BYTES);
        CHECK_EQ(buf_append(&out, buf_str(&relay.tail)), ERR_OK);
        CHECK_STR(buf_str(&out), ((struct str){ sound, SOUND_BYTES }));
        relay_fini(&relay);
        buf_fini(&out);
    }
}

/* ---- other dialects ------------------------------------------------------------------------ */

struct dialect_case {
    enum dialect dialect;
    const char *stream;
    const char *emitted;
    const char *tail;
    const char *told;
    enum err err; /* of feeding or of the end */
};

#define A_START                                                                          \
    "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"i\"," \
    "\"model\":\"m\",\"usage\":{\"input_tokens\":3,\"output_tokens\":1}}}\n\n"
#define A_OPEN                                                                         \
    "event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0," \
    "\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\n"
#define A_TEXT(text)                                                                   \
    "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0," \
    "\"delta\":{\"type\":\"text_delta\",\"text\":\"" text "\"}}\n\n"
#define A_CLOSE "event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":0}\n\n"
#define A_END                                                                             \
    "event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":" \
    "\"end_turn\"},\"usage\":{\"output_tokens\":2}}\n\n"
#define A_STOP "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n"
#define A_PING "event: ping\ndata: {\"type\":\"ping\"}\n\n"
#define R_START                                                                    \
    "event: response.created\ndata: {\"type\":\"response.created\",\"response\":{" \
    "\"id\":\"i\",\"model\":\"m\"}}\n\n"
#define R_TEXT(text)                                                                         \
    "data: {\"type\":\"response.output_text.delta\",\"output_index\":0,\"content_index\":0," \
    "\"delta\":\"" text "\"}\n\n"
#define R_END                                                                                  \
    "data: {\"type\":\"response.completed\",\"response\":{\"status\":\"completed\",\"model\":" \
    "\"m\",\"usage\":{\"input_tokens\":3,\"output_tokens\":2,\"total_tokens\":5}}}\n\n"
#define G_TEXT(model, text, more)                                                      \
    "data: {\"modelVersion\":\"" model "\",\"candidates\":[{\"content\":{\"parts\":[{" \
    "\"text\":\"" text "\"}]}" more "}],\"usageMetadata\":{\"promptTokenCount\":3,"    \
    "\"candidatesTokenCount\":2,\"totalTokenCount\":5}}\n\n"
#define G_END ",\"finishReason\":\"STOP\""

static const struct dialect_case dialect_cases[] = {
    { DIALECT_ANTHROPIC, A_PING A_START A_PING A_OPEN A_TEXT("a") A_TEXT("b") A_CLOSE A_END A_STOP,
      A_START A_PING A_OPEN A_TEXT("a") A_TEXT("b") A_CLOSE, A_END A_STOP, "\"a\"\"b\"", ERR_OK },
    /* a client of that dialect would wait for its end */
    { DIALECT_ANTHROPIC, A_START A_OPEN A_TEXT("a") A_CLOSE A_END,
      A_START A_OPEN A_TEXT("a") A_CLOSE, A_END, "\"a\"", ERR_UPSTREAM_CUT },
    { DIALECT_ANTHROPIC, A_START A_TEXT("a"), A_START, "", "", ERR_UPSTREAM_SYNTAX },
    { DIALECT_ANTHROPIC, A_PING, "", "", "", ERR_UPSTREAM_CUT },
    /* what looks like the event before is none of its block */
    { DIALECT_ANTHROPIC, A_START A_OPEN A_TEXT("a") A_CLOSE A_TEXT("b"),
      A_START A_OPEN A_TEXT("a") A_CLOSE, "", "\"a\"", ERR_UPSTREAM_SYNTAX },
    { DIALECT_RESPONSES, R_START R_TEXT("a") R_TEXT("b") R_END, R_START R_TEXT("a") R_TEXT("b"),
      R_END, "\"a\"\"b\"", ERR_OK },
    { DIALECT_RESPONSES, R_START R_TEXT("a"), R_START R_TEXT("a"), "", "\"a\"", ERR_UPSTREAM_CUT },
    { DIALECT_RESPONSES,
      R_START "data: {\"type\":\"response.failed\",\"response\":{\"status\":\"failed\"}}\n\n",
      R_START, "", "", ERR_UPSTREAM_STATUS },
    { DIALECT_GEMINI, G_TEXT("m", "a", "") G_TEXT("m", "b", G_END), G_TEXT("m", "a", ""),
      G_TEXT("m", "b", G_END), "\"a\"\"b\"", ERR_OK },
    { DIALECT_GEMINI, G_TEXT("m", "a", ""), G_TEXT("m", "a", ""), "", "\"a\"", ERR_UPSTREAM_CUT },
    { DIALECT_GEMINI, G_TEXT("m", "a", "") G_TEXT("other", "b", G_END), G_TEXT("m", "a", ""), "",
      "\"a\"", ERR_UPSTREAM_MODEL },
    { DIALECT_GEMINI, "data: {\"error\":{\"code\":503}}\n\n", "", "", "", ERR_UPSTREAM_STATUS },
};

static void hear_any(void *context, const struct chat_text *text)
{
    CHECK(buf_append(context, text->json) == ERR_OK);
}

static void run_dialect(const struct dialect_case *test, size_t step)
{
    static const enum usage_surface surfaces[] = { USAGE_SURFACE_OPENAI_CHAT,
                                                   USAGE_SURFACE_OPENAI_RESPONSES,
                                                   USAGE_SURFACE_ANTHROPIC, USAGE_SURFACE_GEMINI };
    struct relay relay;
    struct buf said;
    const struct chat_sink sink = { hear_any, &said };
    enum err err = ERR_OK;
    buf_init(&said, 4096);
    relay_begin(&relay, &(struct relay_options){ .dialect = test->dialect,
                                                 .model = &model,
                                                 .upstream_model = STR("up"),
                                                 .sink = &sink,
                                                 .choices = 1,
                                                 .surface = surfaces[test->dialect],
                                                 .event_max = 4096,
                                                 .tail_max = 4096 });
    buf_reset(&out);
    struct str rest = str_from(test->stream);
    while (rest.len > 0 && err == ERR_OK) {
        struct str piece = str_slice(rest, 0, rest.len < step ? rest.len : step);
        rest = str_from_at(rest, piece.len);
        err = relay_feed(&relay, piece, emit, &out);
    }
    err = err == ERR_OK ? relay_finish(&relay, emit, &out) : err;
    CHECK_EQ(err, test->err);
    CHECK_STR(buf_str(&out), str_from(test->emitted));
    CHECK_STR(buf_str(&relay.tail), str_from(test->tail));
    CHECK_STR(buf_str(&said), str_from(test->told));
    if (err == ERR_OK) {
        CHECK(relay.has_usage && !relay.usage.quarantined);
        CHECK_EQ(relay.usage.tokens[USAGE_IN], 3);
        CHECK_EQ(relay.usage.tokens[USAGE_OUT], 2);
    }
    relay_fini(&relay);
    buf_fini(&said);
}

TEST(streams_of_every_dialect_are_given_on_as_they_came_at_every_split)
{
    buf_init(&out, 1 << 16);
    for (size_t i = 0; i < EP_ARRAY_LEN(dialect_cases); i++) {
        for (size_t step = 1; step <= 800; step += step < 60 ? 1 : 67) {
            run_dialect(&dialect_cases[i], step);
        }
    }
    buf_fini(&out);
}

struct tier_case {
    enum dialect dialect;
    enum usage_surface surface;
    const char *stream;
    const char *told; /* what was reported last */
    enum tier beside; /* the usage */
    enum tier within;
};

#define R_PRIORITY                                                                             \
    "data: {\"type\":\"response.completed\",\"response\":{\"status\":\"completed\",\"model\":" \
    "\"m\",\"service_tier\":\"priority\",\"usage\":{\"input_tokens\":3,"                       \
    "\"output_tokens\":2,\"total_tokens\":5}}}\n\n"

static const struct tier_case tier_cases[] = {
    { DIALECT_CHAT, USAGE_SURFACE_OPENAI_CHAT, TEXT("m", "a") STOP USAGE DONE,
      "{\"prompt_tokens\":3,\"completion_tokens\":2,\"total_tokens\":5}", TIER_UNSAID,
      TIER_UNSAID },
    { DIALECT_CHAT, USAGE_SURFACE_OPENAI_CHAT,
      "data: {\"model\":\"m\",\"service_tier\":\"auto\",\"choices\":[{\"delta\":{\"content\":"
      "\"a\"}}],\"usage\":{\"prompt_tokens\":3}}\n\n"
      "data: {\"model\":\"m\",\"service_tier\":\"flex\",\"choices\":[{\"delta\":{},"
      "\"finish_reason\":\"stop\"}],\"usage\":{ \"completion_tokens\" : 2 }}\n\n" DONE,
      "{ \"completion_tokens\" : 2 }", TIER_FLEX, TIER_UNSAID },
    { DIALECT_RESPONSES, USAGE_SURFACE_OPENAI_RESPONSES,
      "data: {\"type\":\"response.created\",\"response\":{\"id\":\"i\",\"model\":\"m\","
      "\"service_tier\":\"flex\"}}\n\n" R_TEXT("a") R_PRIORITY,
      "{\"input_tokens\":3,\"output_tokens\":2,\"total_tokens\":5}", TIER_PRIORITY, TIER_UNSAID },
    { DIALECT_ANTHROPIC, USAGE_SURFACE_ANTHROPIC,
      A_START A_OPEN A_TEXT("a") A_CLOSE
      "event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":"
      "\"end_turn\"},\"usage\":{\"output_tokens\":2,\"speed\":\"fast\"}}\n\n" A_STOP,
      "{\"output_tokens\":2,\"speed\":\"fast\"}", TIER_UNSAID, TIER_FAST },
    { DIALECT_GEMINI, USAGE_SURFACE_GEMINI,
      "data: {\"modelVersion\":\"m\",\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"a\"}]},"
      "\"finishReason\":\"STOP\"}],\"usageMetadata\":{\"promptTokenCount\":3,"
      "\"trafficType\":\"ON_DEMAND\"}}\n\n",
      "{\"promptTokenCount\":3,\"trafficType\":\"ON_DEMAND\"}", TIER_UNSAID, TIER_STANDARD },
};

static void run_tier(const struct tier_case *test, size_t step)
{
    struct relay relay;
    struct str rest = str_from(test->stream);
    relay_begin(&relay, &(struct relay_options){ .dialect = test->dialect,
                                                 .model = &model,
                                                 .upstream_model = STR("up"),
                                                 .choices = 1,
                                                 .surface = test->surface,
                                                 .event_max = 4096,
                                                 .tail_max = 4096 });
    while (rest.len > 0) {
        struct str piece = str_slice(rest, 0, rest.len < step ? rest.len : step);
        rest = str_from_at(rest, piece.len);
        CHECK(relay_feed(&relay, piece, emit, &out) == ERR_OK);
    }
    CHECK(relay_finish(&relay, emit, &out) == ERR_OK);
    struct digest last = digest_sha256(str_from(test->told));
    CHECK(relay.has_told && digest_eq(&relay.told, &last));
    CHECK_EQ(relay.tier, test->beside);
    CHECK_EQ(relay.usage.tier, test->within);
    relay_fini(&relay);
}

TEST(the_last_report_and_the_tier_that_served_are_known_at_every_split)
{
    buf_init(&out, 1 << 20);
    for (size_t i = 0; i < EP_ARRAY_LEN(tier_cases); i++) {
        for (size_t step = 1; step <= 600; step += step < 60 ? 1 : 67) {
            run_tier(&tier_cases[i], step);
            buf_reset(&out);
        }
    }
    buf_fini(&out);
}
