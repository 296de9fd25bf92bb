/*
 * The laws of dialect/event.h, for each dialect and each pair, over answers made from seeds: what
 * a target says of an answer is what it can say of it, streamed or whole, however it was cut.
 */
#include "base/mem.h"
#include "dialect/decode.h"
#include "dialect_sample.h"
#include "harness.h"

#include <stdio.h>

#define SEEDS 150

static struct sample sample;
static struct arena arena;
static struct buf stream;
static struct buf want;
static struct buf got;

static void begin_case(void)
{
    arena_init(&arena, 4096, 8 << 20);
    buf_init(&stream, 8 << 20);
    buf_init(&want, 1 << 20);
    buf_init(&got, 1 << 20);
}

static void end_case(void)
{
    buf_fini(&stream);
    buf_fini(&want);
    buf_fini(&got);
    arena_fini(&arena);
}

static void tell(const struct sample *from, enum err (*take)(void *, const struct event *),
                 void *to)
{
    for (size_t i = 0; i < from->count; i++) {
        CHECK(take(to, &from->events[i]) == ERR_OK);
    }
}

static void check_same(const char *what, uint64_t seed, enum dialect source, enum dialect target)
{
    if (!str_eq(buf_str(&want), buf_str(&got))) {
        test_failed(EP_SITE,
                    "%s of seed %llu from %s to %s:\n" STR_FMT "is not\n" STR_FMT "in\n" STR_FMT,
                    what, (unsigned long long)seed, dialect_name(source), dialect_name(target),
                    STR_ARG(buf_str(&got)), STR_ARG(buf_str(&want)), STR_ARG(buf_str(&stream)));
    }
}

/* What the target says of the sample, as a stream. */
static void make_stream(enum dialect target)
{
    struct encode encode;
    buf_reset(&stream);
    encode_init(&encode, &sample_options[target], &arena, &stream);
    tell(&sample, encode_take, &encode);
}

static void print_stream(size_t step, enum dialect target)
{
    struct fold fold;
    fold_init(&fold, &arena);
    buf_reset(&got);
    enum err err = sample_feed(buf_str(&stream), step, target,
                               (struct event_sink){ fold_take, &fold }, &arena);
    if (err != ERR_OK) {
        test_failed(EP_SITE, "%s in\n" STR_FMT, err_info(err)->name, STR_ARG(buf_str(&stream)));
    }
    sample_print(&fold, target, true, &got);
}

static void print_sample(enum dialect target)
{
    struct fold fold;
    fold_init(&fold, &arena);
    tell(&sample, fold_take, &fold);
    buf_reset(&want);
    sample_print(&fold, target, false, &want);
}

static void print_body(enum dialect target)
{
    struct fold fold;
    struct fold read;
    struct lost lost = { 0 };
    struct decode decode;
    fold_init(&fold, &arena);
    fold_init(&read, &arena);
    tell(&sample, fold_take, &fold);
    buf_reset(&stream);
    buf_reset(&got);
    CHECK(encode_body(&sample_options[target], &fold, &stream, &lost) == ERR_OK);
    decode_init(&decode, target, (struct event_sink){ fold_take, &read }, &arena);
    enum err err = decode_body(&decode, buf_str(&stream));
    decode_fini(&decode);
    if (err != ERR_OK) {
        test_failed(EP_SITE, "%s in\n" STR_FMT, err_info(err)->name, STR_ARG(buf_str(&stream)));
    }
    sample_print(&read, target, true, &got);
}

static void check_pair(uint64_t seed, enum dialect source, enum dialect target, enum sample_way way)
{
    begin_case();
    sample_make(&sample, seed, source, way);
    print_sample(target);
    make_stream(target);
    print_stream(stream.len, target);
    check_same("the stream", seed, source, target);
    print_body(target);
    check_same("the body", seed, source, target);
    sample_fini(&sample);
    end_case();
}

TEST(what_a_target_says_of_an_answer_is_what_it_can_say_streamed_and_whole)
{
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        for (unsigned pair = 0; pair < DIALECT_COUNT * DIALECT_COUNT; pair++) {
            enum sample_way way = (enum sample_way)(seed % SAMPLE_WAYS);
            check_pair(seed, (enum dialect)(pair / DIALECT_COUNT),
                       (enum dialect)(pair % DIALECT_COUNT), way);
        }
    }
}

TEST(however_pieces_are_cut_woven_or_pinged_the_answer_is_the_same)
{
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        for (unsigned pair = 0; pair < DIALECT_COUNT * DIALECT_COUNT; pair++) {
            enum dialect source = (enum dialect)(pair / DIALECT_COUNT);
            enum dialect target = (enum dialect)(pair % DIALECT_COUNT);
            begin_case();
            sample_make(&sample, seed, source, SAMPLE_PLAIN);
            print_sample(target);
            sample_fini(&sample);
            for (unsigned way = SAMPLE_TURNS; way < SAMPLE_WAYS; way++) {
                sample_make(&sample, seed, source, (enum sample_way)way);
                make_stream(target);
                print_stream(stream.len, target);
                check_same("another way of telling", seed, source, target);
                sample_fini(&sample);
            }
            end_case();
        }
    }
}

TEST(a_stream_cut_at_any_byte_says_the_same)
{
    for (uint64_t seed = 0; seed < 3; seed++) {
        for (unsigned pair = 0; pair < DIALECT_COUNT * DIALECT_COUNT; pair++) {
            enum dialect source = (enum dialect)(pair / DIALECT_COUNT);
            enum dialect target = (enum dialect)(pair % DIALECT_COUNT);
            begin_case();
            sample_make(&sample, seed, source, SAMPLE_PLAIN);
            print_sample(target);
            make_stream(target);
            /* Each place, where no translation is between; elsewhere each sixteenth of the way. */
            bool each = seed == 0 && source == target;
            for (size_t step = 1; step < stream.len; step += each ? 1 : 1 + step / 16) {
                print_stream(step, target);
                check_same("pieces", seed, source, target);
                arena_fini(&arena);
            }
            sample_fini(&sample);
            end_case();
        }
    }
}

/* An answer of one dialect translated twice is what is left of it after both. */
TEST(translating_again_loses_no_more_than_each_target_must)
{
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        for (unsigned pair = 0; pair < DIALECT_COUNT * DIALECT_COUNT; pair++) {
            enum dialect first = (enum dialect)(pair / DIALECT_COUNT);
            enum dialect second = (enum dialect)(pair % DIALECT_COUNT);
            struct encode encode;
            struct buf again;
            struct fold fold;
            begin_case();
            buf_init(&again, 8 << 20);
            sample_make(&sample, seed, (enum dialect)(seed % DIALECT_COUNT), SAMPLE_PLAIN);
            make_stream(first);
            fold_init(&fold, &arena);
            CHECK(sample_feed(buf_str(&stream), 7, first, (struct event_sink){ fold_take, &fold },
                              &arena) == ERR_OK);
            sample_print(&fold, second, false, &want); /* fold, then translate */
            encode_init(&encode, &sample_options[second], &arena, &again);
            CHECK(sample_feed(buf_str(&stream), 7, first,
                              (struct event_sink){ encode_take, &encode }, &arena) == ERR_OK);
            fold_init(&fold, &arena);
            CHECK(sample_feed(buf_str(&again), 11, second, (struct event_sink){ fold_take, &fold },
                              &arena) == ERR_OK);
            sample_print(&fold, second, true, &got);
            check_same("the second translation", seed, first, second);
            sample_fini(&sample);
            buf_fini(&again);
            end_case();
        }
    }
}

/* One piece of text more, as each dialect's upstream sends it. */
static const char *const pieces[DIALECT_COUNT] = {
    "{\"id\":\"c\",\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"word\"}}]}",
    "{\"type\":\"response.output_text.delta\",\"output_index\":0,\"content_index\":0,"
    "\"delta\":\"word\"}",
    "{\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\","
    "\"text\":\"word\"}}",
    "{\"modelVersion\":\"m\",\"candidates\":[{\"index\":0,"
    "\"content\":{\"parts\":[{\"text\":\"word\"}]}}]}",
};
static const char *const firsts[DIALECT_COUNT] = {
    "",
    "{\"type\":\"response.created\",\"response\":{}}",
    "{\"type\":\"message_start\",\"message\":{}}",
    "",
};

TEST(a_piece_of_text_costs_no_allocation)
{
    for (unsigned pair = 0; pair < DIALECT_COUNT * DIALECT_COUNT; pair++) {
        enum dialect source = (enum dialect)(pair / DIALECT_COUNT);
        enum dialect target = (enum dialect)(pair % DIALECT_COUNT);
        struct decode decode;
        struct encode encode;
        begin_case();
        encode_init(&encode, &sample_options[target], &arena, &stream);
        decode_init(&decode, source, (struct event_sink){ encode_take, &encode }, &arena);
        if (firsts[source][0] != '\0') {
            CHECK(decode_event(&decode, STR_EMPTY, str_from(firsts[source])) == ERR_OK);
        }
        if (source == DIALECT_ANTHROPIC) {
            CHECK(decode_event(&decode, STR_EMPTY,
                               STR("{\"type\":\"content_block_start\",\"index\":0,"
                                   "\"content_block\":{\"type\":\"text\",\"text\":\"\"}}")) ==
                  ERR_OK);
        }
        CHECK(decode_event(&decode, STR_EMPTY, str_from(pieces[source])) == ERR_OK);
        buf_reset(&stream);
        mem_fail_nth(0);
        size_t used = arena.used;
        for (int i = 0; i < 1000; i++) {
            CHECK(decode_event(&decode, STR_EMPTY, str_from(pieces[source])) == ERR_OK);
            CHECK(stream.len > 0);
            buf_reset(&stream);
        }
        /* A client of Responses is told all of it again, so it is kept, in few blocks. */
        CHECK(mem_requests() <= (target == DIALECT_RESPONSES ? 4 : 0));
        CHECK(target == DIALECT_RESPONSES || arena.used == used);
        decode_fini(&decode);
        end_case();
    }
}

/* Text that was told so far; behind an error or an end nothing is. */
struct heard {
    struct buf text;
    bool over;
};

static enum err hear(void *context, const struct event *event)
{
    struct heard *heard = context;
    CHECK(!heard->over);
    heard->over = event->kind == EVENT_END || event->kind == EVENT_ERROR;
    if (event->kind == EVENT_DELTA && event->choice == 0 && event->delta.channel == EVENT_CONTENT) {
        CHECK(buf_append(&heard->text, event->delta.text) == ERR_OK);
    }
    return ERR_OK;
}

TEST(the_text_of_a_beginning_is_the_beginning_of_the_text)
{
    for (unsigned target = 0; target < DIALECT_COUNT; target++) {
        struct heard all = { .over = false };
        begin_case();
        buf_init(&all.text, 1 << 16);
        sample_make(&sample, 5, (enum dialect)target, SAMPLE_PLAIN);
        make_stream((enum dialect)target);
        CHECK(sample_feed(buf_str(&stream), stream.len, (enum dialect)target,
                          (struct event_sink){ hear, &all }, &arena) == ERR_OK);
        CHECK(all.over);
        for (size_t len = 0; len + 1 < stream.len; len++) {
            struct heard some = { .over = false };
            buf_init(&some.text, 1 << 16);
            enum err err =
                sample_feed(str_slice(buf_str(&stream), 0, len), len + 1, (enum dialect)target,
                            (struct event_sink){ hear, &some }, &arena);
            CHECK(err == ERR_OK || err == ERR_UPSTREAM_CUT || err == ERR_UPSTREAM_SYNTAX);
            CHECK((err == ERR_OK) == some.over);
            CHECK(str_starts(buf_str(&all.text), buf_str(&some.text)));
            buf_fini(&some.text);
            arena_fini(&arena);
        }
        buf_fini(&all.text);
        sample_fini(&sample);
        end_case();
    }
}

TEST(behind_the_end_nothing_is_told)
{
    for (unsigned target = 0; target < DIALECT_COUNT; target++) {
        struct heard all = { .over = false };
        begin_case();
        buf_init(&all.text, 1 << 16);
        sample_make(&sample, 5, (enum dialect)target, SAMPLE_PLAIN);
        make_stream((enum dialect)target);
        if (target == DIALECT_CHAT || target == DIALECT_ANTHROPIC || target == DIALECT_RESPONSES) {
            size_t len = stream.len;
            CHECK(buf_reserve(&stream, len) == ERR_OK);
            CHECK(buf_append(&stream, (struct str){ stream.ptr, len }) == ERR_OK);
            CHECK(buf_append(&stream, STR("data: {\n\n")) == ERR_OK);
        }
        CHECK(sample_feed(buf_str(&stream), 13, (enum dialect)target,
                          (struct event_sink){ hear, &all }, &arena) == ERR_OK);
        CHECK(all.over);
        buf_fini(&all.text);
        sample_fini(&sample);
        end_case();
    }
}
