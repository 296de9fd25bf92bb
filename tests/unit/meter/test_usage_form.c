#include <string.h>

#include "meter/usage_form.h"

#include "meter/usage_report.h"
#include "usages.h"
#include "wire/json.h"

static struct str form_text(enum usage_form form, const struct usage *usage, char *room)
{
    struct buf out = { room, 0, USAGE_FORM_MAX, USAGE_FORM_MAX };
    struct json_fault fault;
    CHECK(usage_form_write(form, usage, &out) == ERR_OK);
    CHECK(json_check(buf_str(&out), &fault) == ERR_OK);
    return buf_str(&out);
}

static int64_t take(struct usage *usage, enum usage_class class)
{
    int64_t tokens = usage->tokens[class];
    usage->tokens[class] = 0;
    return tokens;
}

static void move(struct usage *usage, enum usage_class from, enum usage_class to)
{
    usage->tokens[to] += take(usage, from);
}

static void write_unsplit(struct usage *usage, enum usage_class to)
{
    for (unsigned i = USAGE_W5M; i <= USAGE_WX; i++) {
        if (i != to) {
            move(usage, (enum usage_class)i, to);
        }
    }
}

static void text_alone(struct usage *usage)
{
    move(usage, USAGE_IN_AUDIO, USAGE_IN);
    move(usage, USAGE_IN_IMAGE, USAGE_IN);
    move(usage, USAGE_IN_TOOL, USAGE_IN);
    move(usage, USAGE_CACHED_AUDIO, USAGE_CACHED);
    move(usage, USAGE_CACHED_IMAGE, USAGE_CACHED);
    move(usage, USAGE_OUT_AUDIO, USAGE_OUT);
    move(usage, USAGE_OUT_IMAGE, USAGE_OUT);
}

/* Which of it was cached is not told: text first, then sounds, then pictures. */
static void cached_unsplit(struct usage *usage)
{
    int64_t *tokens = usage->tokens;
    int64_t cached = tokens[USAGE_CACHED] + tokens[USAGE_CACHED_AUDIO] + tokens[USAGE_CACHED_IMAGE];
    static const enum usage_class whole[] = { USAGE_IN, USAGE_IN_AUDIO, USAGE_IN_IMAGE };
    static const enum usage_class held[] = { USAGE_CACHED, USAGE_CACHED_AUDIO, USAGE_CACHED_IMAGE };
    for (size_t i = 0; i < 3; i++) {
        int64_t all = tokens[whole[i]] + tokens[held[i]];
        tokens[held[i]] = cached < all ? cached : all;
        tokens[whole[i]] = all - tokens[held[i]];
        cached -= tokens[held[i]];
    }
    usage->split_assumed = tokens[USAGE_CACHED_AUDIO] > 0 || tokens[USAGE_CACHED_IMAGE] > 0;
}

/* What of it a form can name. */
static struct usage named(enum usage_form form, const struct usage *usage)
{
    struct usage left = *usage;
    bool anthropic = form == USAGE_FORM_ANTHROPIC;
    memset(left.units, 0, sizeof(left.units));
    left.units[USAGE_UNIT_WEB_SEARCH] = anthropic ? usage->units[USAGE_UNIT_WEB_SEARCH] : 0;
    left.units[USAGE_UNIT_WEB_FETCH] = anthropic ? usage->units[USAGE_UNIT_WEB_FETCH] : 0;
    switch (form) {
    case USAGE_FORM_CHAT:
        move(&left, USAGE_IN_TOOL, USAGE_IN);
        write_unsplit(&left, USAGE_WX);
        cached_unsplit(&left);
        break;
    case USAGE_FORM_RESPONSES:
        text_alone(&left);
        if (left.tokens[USAGE_W5M] + left.tokens[USAGE_W1H] + left.tokens[USAGE_WX] > 0) {
            write_unsplit(&left, USAGE_WX);
        }
        break;
    case USAGE_FORM_ANTHROPIC:
        text_alone(&left);
        move(&left, USAGE_W30M, USAGE_IN);
        move(&left, USAGE_W12H, USAGE_IN);
        move(&left, USAGE_WX, USAGE_IN);
        break;
    case USAGE_FORM_GEMINI:
        write_unsplit(&left, USAGE_IN);
        break;
    case USAGE_FORMS:
        CHECK(false);
        break;
    }
    return left;
}

static void check_same(enum usage_form form, const struct usage *usage)
{
    char room[USAGE_FORM_MAX];
    char again[USAGE_FORM_MAX];
    char rooms[2][USAGES_TEXT];
    struct usage read;
    struct usage want = named(form, usage);
    struct str text = form_text(form, usage, room);
    CHECK(usage_read(usage_form_surface(form), text, &read));
    CHECK_STR(usages_say(&read, rooms[0]), usages_say(&want, rooms[1]));
    CHECK_EQ(usage_sum(&read), usage_sum(usage));
    CHECK_STR(form_text(form, &read, again), text);
}

TEST(what_is_written_is_read_as_the_same_classes)
{
    uint64_t seed = 7;
    for (int i = 0; i < 20000; i++) {
        struct usage usage = usages_draw(&seed);
        for (unsigned form = 0; form < USAGE_FORMS; form++) {
            check_same((enum usage_form)form, &usage);
        }
    }
}

TEST(every_single_class_is_read_as_what_it_is)
{
    for (unsigned class = 0; class < USAGE_COUNT; class ++) {
        struct usage usage = { .quarantined = false };
        usage.tokens[class] = 12;
        for (unsigned form = 0; form < USAGE_FORMS; form++) {
            check_same((enum usage_form)form, &usage);
        }
    }
}

TEST(forms_have_the_keys_that_their_clients_want)
{
    static const struct usage usage = {
        .tokens = { [USAGE_IN] = 10,
                    [USAGE_CACHED] = 5,
                    [USAGE_W30M] = 2,
                    [USAGE_OUT] = 4,
                    [USAGE_REASON] = 3 },
        .units = { [USAGE_UNIT_WEB_SEARCH] = 1 },
    };
    static const char *const texts[USAGE_FORMS] = {
        [USAGE_FORM_CHAT] =
            "{\"prompt_tokens\":17,\"completion_tokens\":7,\"total_tokens\":24,"
            "\"prompt_tokens_details\":{\"cached_tokens\":5,\"audio_tokens\":0,"
            "\"cache_write_tokens\":2},\"completion_tokens_details\":{\"reasoning_tokens\":3,"
            "\"audio_tokens\":0,\"accepted_prediction_tokens\":0,"
            "\"rejected_prediction_tokens\":0}}",
        [USAGE_FORM_RESPONSES] =
            "{\"input_tokens\":17,\"input_tokens_details\":{\"cached_tokens\":5,"
            "\"cache_write_tokens\":2,\"cache_write_tokens_details\":{\"ttl_30m_tokens\":2,"
            "\"ttl_12h_tokens\":0}},\"output_tokens\":7,\"output_tokens_details\":{"
            "\"reasoning_tokens\":3},\"total_tokens\":24}",
        [USAGE_FORM_ANTHROPIC] =
            "{\"input_tokens\":12,\"cache_creation_input_tokens\":0,"
            "\"cache_read_input_tokens\":5,\"cache_creation\":{\"ephemeral_5m_input_tokens\":0,"
            "\"ephemeral_1h_input_tokens\":0},\"output_tokens\":7,\"output_tokens_details\":{"
            "\"thinking_tokens\":3},\"server_tool_use\":{\"web_search_requests\":1,"
            "\"web_fetch_requests\":0}}",
        [USAGE_FORM_GEMINI] =
            "{\"promptTokenCount\":17,\"candidatesTokenCount\":4,\"cachedContentTokenCount\":5,"
            "\"thoughtsTokenCount\":3,\"totalTokenCount\":24,\"promptTokensDetails\":[{"
            "\"modality\":\"TEXT\",\"tokenCount\":17}],\"cacheTokensDetails\":[{\"modality\":"
            "\"TEXT\",\"tokenCount\":5}],\"candidatesTokensDetails\":[{\"modality\":\"TEXT\","
            "\"tokenCount\":4}]}",
    };
    for (unsigned form = 0; form < USAGE_FORMS; form++) {
        char room[USAGE_FORM_MAX];
        CHECK_STR(form_text((enum usage_form)form, &usage, room), str_from(texts[form]));
    }
}

TEST(the_largest_usage_has_room_in_every_form)
{
    struct usage usage = { .quarantined = false };
    for (unsigned class = 0; class < USAGE_COUNT; class ++) {
        usage.tokens[class] = USAGE_TOKENS_MAX;
    }
    usage.units[USAGE_UNIT_WEB_SEARCH] = USAGE_TOKENS_MAX;
    for (unsigned form = 0; form < USAGE_FORMS; form++) {
        char room[USAGE_FORM_MAX];
        CHECK(form_text((enum usage_form)form, &usage, room).len < USAGE_FORM_MAX);
    }
}

TEST(a_full_buffer_is_told)
{
    char room[16];
    struct buf out = { room, 0, sizeof(room), sizeof(room) };
    struct usage usage = { .quarantined = false };
    CHECK(usage_form_write(USAGE_FORM_CHAT, &usage, &out) == ERR_LIMIT);
}
