#include "gate/repeats.h"

#include <pthread.h>

#include "harness.h"

#define SECOND INT64_C(1000000000)
#define WINDOW (120 * SECOND)

static struct repeats *table;

static void open_table(void)
{
    struct fail fail;
    CHECK(repeats_create(WINDOW, &table, &fail) == ERR_OK);
}

static struct digest name_of(const char *text)
{
    return (struct digest){ .bytes = { (unsigned char)text[0], 1 } };
}

static struct id id_of(unsigned char byte)
{
    return (struct id){ .bytes = { byte } };
}

/* A call that ends with an answer. */
static void sell(const struct digest *name, unsigned char call, const char *text, int64_t now_ns)
{
    struct buf answer;
    struct repeat *repeat = repeats_begin(table, name, id_of(call), now_ns);
    CHECK(repeat != NULL);
    buf_init(&answer, REPEATS_ANSWER_MAX);
    CHECK(buf_append(&answer, str_from(text)) == ERR_OK);
    repeats_keep(table, repeat, &answer, call, now_ns);
    CHECK_EQ(answer.len, 0);
    buf_fini(&answer);
}

/* A repeat that gets `text`, and gives it back. */
static void again(const struct digest *name, unsigned char call, const char *text, int64_t now_ns)
{
    struct repeat *repeat = NULL;
    CHECK_EQ(repeats_find(table, name, now_ns, &repeat), REPEAT_ANSWER);
    struct repeat_answer answer = repeats_answer(repeat);
    CHECK_STR(answer.text, str_from(text));
    CHECK_EQ(answer.posted_nano, call);
    CHECK(id_eq(answer.call, id_of(call)));
    repeats_give(table, repeat, now_ns);
}

TEST(a_repeat_of_a_call_that_was_answered_gets_the_answer_as_often_as_it_asks)
{
    struct digest name = name_of("a");
    struct digest other = name_of("b");
    struct repeat *repeat = NULL;
    open_table();
    CHECK_EQ(repeats_find(table, &name, 0, &repeat), REPEAT_NONE);
    sell(&name, 1, "one", 0);
    CHECK_EQ(repeats_find(table, &other, 1, &repeat), REPEAT_NONE);
    again(&name, 1, "one", 1);
    again(&name, 1, "one", 2);
    repeats_destroy(table);
}

TEST(an_answer_goes_to_one_repeat_at_a_time)
{
    struct digest name = name_of("a");
    struct repeat *first = NULL;
    struct repeat *second = NULL;
    struct repeat *third = NULL;
    open_table();
    sell(&name, 1, "one", 0);
    sell(&name, 2, "two", 1);
    CHECK_EQ(repeats_find(table, &name, 2, &first), REPEAT_ANSWER);
    CHECK_EQ(repeats_find(table, &name, 2, &second), REPEAT_ANSWER);
    CHECK_STR(repeats_answer(first).text, STR("one")); /* the oldest first */
    CHECK_STR(repeats_answer(second).text, STR("two"));
    CHECK_EQ(repeats_find(table, &name, 2, &third), REPEAT_NONE);
    repeats_give(table, second, 3);
    CHECK_EQ(repeats_find(table, &name, 3, &third), REPEAT_ANSWER);
    CHECK(third == second);
    repeats_give(table, first, 3);
    repeats_give(table, third, 3);
    repeats_destroy(table);
}

TEST(a_call_whose_client_is_there_is_nobodys_first_try)
{
    struct digest name = name_of("a");
    struct repeat *found = NULL;
    open_table();
    struct repeat *running = repeats_begin(table, &name, id_of(1), 0);
    CHECK_EQ(repeats_find(table, &name, 1, &found), REPEAT_NONE);
    CHECK(!repeats_awaited(table, running));
    repeats_end(table, running, false, 1);
    CHECK_EQ(repeats_find(table, &name, 1, &found), REPEAT_NONE);
    repeats_destroy(table);
}

TEST(a_repeat_of_a_call_whose_client_has_left_waits_for_its_answer)
{
    struct digest name = name_of("a");
    struct repeat *waits = NULL;
    struct repeat *other = NULL;
    struct buf answer;
    open_table();
    struct repeat *call = repeats_begin(table, &name, id_of(1), 0);
    repeats_lost(table, call);
    CHECK_EQ(repeats_find(table, &name, 1, &waits), REPEAT_WAIT);
    CHECK(repeats_awaited(table, call));
    CHECK_EQ(repeats_find(table, &name, 1, &other), REPEAT_NONE); /* one waits already */
    CHECK_EQ(repeats_look(table, waits), REPEAT_WAIT);
    buf_init(&answer, REPEATS_ANSWER_MAX);
    CHECK(buf_append(&answer, STR("late")) == ERR_OK);
    repeats_keep(table, call, &answer, 1, 2);
    repeats_sweep(table, 2 + 2 * WINDOW); /* what is awaited stays */
    CHECK_EQ(repeats_look(table, waits), REPEAT_ANSWER);
    CHECK_STR(repeats_answer(waits).text, STR("late"));
    repeats_give(table, waits, 3);
    again(&name, 1, "late", 4);
    repeats_destroy(table);
}

TEST(a_repeat_that_waited_for_a_call_without_an_answer_is_a_call_of_its_own)
{
    struct digest name = name_of("a");
    struct repeat *waits = NULL;
    open_table();
    for (int again_too = 0; again_too < 2; again_too++) {
        struct repeat *call = repeats_begin(table, &name, id_of(1), 0);
        repeats_lost(table, call);
        CHECK_EQ(repeats_find(table, &name, 1, &waits), REPEAT_WAIT);
        repeats_end(table, call, again_too == 1, 1);
        CHECK_EQ(repeats_look(table, waits), REPEAT_NONE);
        CHECK_EQ(repeats_find(table, &name, 1, &waits), REPEAT_NONE);
    }
    repeats_destroy(table);
}

TEST(who_leaves_while_it_waits_leaves_its_place_to_the_next_repeat)
{
    struct digest name = name_of("a");
    struct repeat *waits = NULL;
    struct buf answer;
    open_table();
    struct repeat *call = repeats_begin(table, &name, id_of(1), 0);
    repeats_lost(table, call);
    CHECK_EQ(repeats_find(table, &name, 1, &waits), REPEAT_WAIT);
    repeats_leave(table, waits, 1);
    CHECK(!repeats_awaited(table, call));
    CHECK_EQ(repeats_find(table, &name, 1, &waits), REPEAT_WAIT);
    buf_init(&answer, REPEATS_ANSWER_MAX);
    CHECK(buf_append(&answer, STR("late")) == ERR_OK);
    repeats_keep(table, call, &answer, 1, 2);
    repeats_leave(table, waits, 2); /* in the moment in which the answer was there */
    again(&name, 1, "late", 3);

    name = name_of("b");
    call = repeats_begin(table, &name, id_of(1), 4);
    repeats_lost(table, call);
    CHECK_EQ(repeats_find(table, &name, 4, &waits), REPEAT_WAIT);
    repeats_end(table, call, false, 4);
    repeats_leave(table, waits, 4);
    sell(&name, 2, "another's", 5);
    CHECK_EQ(repeats_find(table, &name, 6, &waits), REPEAT_NONE); /* its own try ended unsold */
    again(&name, 2, "another's", 6);
    repeats_destroy(table);
}

TEST(who_was_told_to_try_again_gets_no_answer_of_anothers)
{
    struct digest name = name_of("a");
    struct repeat *found = NULL;
    open_table();
    struct repeat *refused = repeats_begin(table, &name, id_of(1), 0);
    sell(&name, 2, "mine", 1);
    repeats_end(table, refused, true, 1);
    CHECK_EQ(repeats_find(table, &name, 2, &found), REPEAT_NONE);
    again(&name, 2, "mine", 2); /* a second repeat is of the other one */
    repeats_destroy(table);
}

TEST(what_ended_is_forgotten_after_its_window)
{
    struct digest name = name_of("a");
    struct repeat *found = NULL;
    open_table();
    sell(&name, 1, "one", 5);
    again(&name, 1, "one", 5 + WINDOW - 1); /* and its window begins anew */
    again(&name, 1, "one", 5 + 2 * WINDOW - 2);
    CHECK_EQ(repeats_find(table, &name, 5 + 4 * WINDOW, &found), REPEAT_NONE);
    repeats_end(table, repeats_begin(table, &name, id_of(2), 0), true, 0);
    repeats_sweep(table, WINDOW);
    sell(&name, 3, "three", WINDOW);
    again(&name, 3, "three", WINDOW);
    repeats_destroy(table);
}

/* A name that falls into the same stripe as all others of these. */
static struct digest name_in_stripe(unsigned number)
{
    return (struct digest){ .bytes = { 3, (unsigned char)number, (unsigned char)(number >> 8) } };
}

TEST(calls_are_bounded_and_the_oldest_that_ended_makes_room)
{
    struct repeat *found = NULL;
    static struct repeat *running[REPEATS_STRIPE_MAX];
    open_table();
    struct digest first = name_in_stripe(0);
    sell(&first, 1, "one", 0);
    for (unsigned i = 1; i < REPEATS_STRIPE_MAX; i++) {
        struct digest name = name_in_stripe(i);
        running[i] = repeats_begin(table, &name, id_of(1), 0);
        CHECK(running[i] != NULL);
    }
    again(&first, 1, "one", 0);
    struct digest more = name_in_stripe(REPEATS_STRIPE_MAX);
    running[0] = repeats_begin(table, &more, id_of(1), 0);
    CHECK(running[0] != NULL);
    CHECK_EQ(repeats_find(table, &first, 0, &found), REPEAT_NONE);
    more = name_in_stripe(REPEATS_STRIPE_MAX + 1);
    CHECK(repeats_begin(table, &more, id_of(1), 0) == NULL); /* none of them has ended */
    for (unsigned i = 0; i < REPEATS_STRIPE_MAX; i++) {
        repeats_end(table, running[i], false, 0);
    }
    repeats_destroy(table);
}

TEST(answers_are_bounded_and_the_oldest_make_room)
{
    struct repeat *taken[REPEATS_STRIPE_BYTES / REPEATS_ANSWER_MAX + 1];
    size_t count = REPEATS_STRIPE_BYTES / REPEATS_ANSWER_MAX;
    struct repeat *found = NULL;
    open_table();
    for (unsigned i = 0; i < 2 * count; i++) {
        struct digest name = name_in_stripe(i);
        struct repeat *repeat = repeats_begin(table, &name, id_of(1), i);
        struct buf answer;
        buf_init(&answer, REPEATS_ANSWER_MAX);
        CHECK(buf_reserve(&answer, REPEATS_ANSWER_MAX) == ERR_OK);
        buf_added(&answer, REPEATS_ANSWER_MAX);
        repeats_keep(table, repeat, &answer, 1, i);
    }
    for (unsigned i = 0; i < 2 * count; i++) {
        struct digest name = name_in_stripe(i);
        enum repeat_found kept = repeats_find(table, &name, (int64_t)count, &found);
        CHECK_EQ(kept, i < count ? REPEAT_NONE : REPEAT_ANSWER);
        if (i >= count) {
            taken[i - count] = found;
        }
    }
    struct digest name = name_in_stripe(9999);
    struct buf answer;
    buf_init(&answer, REPEATS_ANSWER_MAX);
    CHECK(buf_append(&answer, STR("no room")) == ERR_OK);
    repeats_keep(table, repeats_begin(table, &name, id_of(1), 0), &answer, 1, 0);
    CHECK_EQ(answer.len, 7); /* the caller's still: all others are being sent */
    buf_fini(&answer);
    for (size_t i = 0; i < count; i++) {
        repeats_give(table, taken[i], 0);
    }
    repeats_destroy(table);
}

static void without_memory(void)
{
    struct fail fail;
    struct digest name = name_in_stripe(1);
    table = NULL;
    if (repeats_create(WINDOW, &table, &fail) == ERR_OK) {
        struct repeat *repeat = repeats_begin(table, &name, id_of(1), 0);
        if (repeat != NULL) {
            repeats_end(table, repeat, true, 0);
        }
    }
    repeats_destroy(table);
}

TEST(a_lack_of_memory_is_no_more_than_a_call_that_nobody_knows)
{
    CHECK(test_each_allocation_failing(without_memory) >= 3);
}

#define ROUNDS 2000

/* Calls and repeats of a few names, from several threads: none is lost, none is freed twice. */
static void *bustle(void *context)
{
    unsigned seed = *(unsigned *)context;
    for (int i = 0; i < ROUNDS; i++) {
        struct digest name = name_in_stripe((seed + (unsigned)i * 7) % 5);
        struct repeat *found = NULL;
        enum repeat_found what = repeats_find(table, &name, i, &found);
        if (what == REPEAT_WAIT) {
            repeats_leave(table, found, i);
        } else if (what == REPEAT_ANSWER) {
            repeats_give(table, found, i);
        }
        struct repeat *call = repeats_begin(table, &name, id_of(1), i);
        if (call != NULL && i % 3 == 0) {
            repeats_lost(table, call);
        }
        if (call != NULL && i % 2 == 0) {
            struct buf answer;
            buf_init(&answer, 64);
            CHECK(buf_append(&answer, STR("x")) == ERR_OK);
            repeats_keep(table, call, &answer, 1, i);
            buf_fini(&answer);
        } else if (call != NULL) {
            repeats_end(table, call, i % 5 == 0, i);
        }
    }
    return NULL;
}

TEST(threads_share_it)
{
    pthread_t threads[4];
    unsigned seeds[4] = { 0, 1, 2, 3 };
    open_table();
    for (size_t i = 0; i < EP_ARRAY_LEN(threads); i++) {
        CHECK_EQ(pthread_create(&threads[i], NULL, bustle, &seeds[i]), 0);
    }
    for (size_t i = 0; i < EP_ARRAY_LEN(threads); i++) {
        CHECK_EQ(pthread_join(threads[i], NULL), 0);
    }
    repeats_sweep(table, ROUNDS + WINDOW);
    repeats_destroy(table);
}

/* ---- streams ------------------------------------------------------------------------------ */

/* A stream whose client has left before the first byte. */
static struct repeat *stand(const struct digest *name, unsigned char call)
{
    struct repeat *stream = repeats_begin(table, name, id_of(call), 0);
    CHECK(stream != NULL && repeats_stand(table, stream));
    return stream;
}

static void check_client(const struct repeat *stream, enum repeat_client client, size_t waiting)
{
    size_t waits = 0;
    CHECK_EQ(repeats_client(table, stream, &waits), client);
    CHECK_EQ(waits, waiting);
}

static void check_draw(struct repeat *stream, int status, const char *bytes, bool ended)
{
    struct repeat_piece piece;
    CHECK_EQ(repeats_draw(table, stream, &piece), REPEAT_STREAM);
    CHECK_EQ(piece.status, status);
    CHECK_EQ(piece.headers.len > 0, status != 0);
    CHECK_STR(buf_str(&piece.bytes), str_from(bytes));
    CHECK(piece.ended == ended && piece.whole == ended);
    repeat_piece_fini(&piece);
}

TEST(a_repeat_is_the_client_of_a_stream_that_stands)
{
    struct digest name = name_of("a");
    struct repeat *joined = NULL;
    struct repeat *other = NULL;
    open_table();
    struct repeat *stream = stand(&name, 1);
    check_client(stream, REPEAT_ALONE, 0);
    CHECK_EQ(repeats_find(table, &name, 1, &joined), REPEAT_STREAM);
    CHECK(joined == stream);
    CHECK_EQ(repeats_find(table, &name, 1, &other), REPEAT_NONE); /* it has one */
    check_client(stream, REPEAT_JOINED, 0);
    CHECK(!repeats_forsake(table, stream));
    check_draw(joined, 0, "", false);
    CHECK_EQ(repeats_pour_head(table, stream, 200, STR("a: b\r\n")), ERR_OK);
    CHECK_EQ(repeats_pour(table, stream, STR("one")), ERR_OK);
    check_client(stream, REPEAT_JOINED, 3);
    check_draw(joined, 200, "one", false);
    CHECK_EQ(repeats_pour(table, stream, STR("two")), ERR_OK);
    repeats_sweep(table, 2 * WINDOW);
    repeats_pour_end(table, stream, true);
    check_draw(joined, 0, "two", true);
    CHECK_EQ(repeats_find(table, &name, 1, &other), REPEAT_NONE); /* what was told is gone */
    repeats_destroy(table);
}

TEST(who_leaves_untold_leaves_the_stream_to_the_next_try)
{
    struct digest name = name_of("a");
    struct repeat *joined = NULL;
    struct repeat *other = NULL;
    open_table();
    struct repeat *stream = stand(&name, 1);
    CHECK_EQ(repeats_find(table, &name, 1, &joined), REPEAT_STREAM);
    repeats_leave(table, joined, 2);
    check_client(stream, REPEAT_ALONE, 0);
    CHECK_EQ(repeats_find(table, &name, 3, &joined), REPEAT_STREAM);
    CHECK_EQ(repeats_pour_head(table, stream, 200, STR("a: b\r\n")), ERR_OK);
    check_draw(joined, 200, "", false);
    repeats_leave(table, joined, 4);
    check_client(stream, REPEAT_DESERTED, 0);
    CHECK_EQ(repeats_find(table, &name, 5, &other), REPEAT_NONE);
    repeats_pour_end(table, stream, false);
    repeats_destroy(table);
}

TEST(a_stream_that_nobody_comes_for_ends_as_any_other)
{
    struct digest name = name_of("a");
    struct repeat *found = NULL;
    open_table();
    struct repeat *stream = stand(&name, 1);
    CHECK(repeats_forsake(table, stream));
    CHECK_EQ(repeats_find(table, &name, 1, &found), REPEAT_NONE);
    repeats_end(table, stream, true, 2);
    CHECK_EQ(repeats_find(table, &name, 3, &found), REPEAT_NONE); /* used up: it is to try again */
    repeats_destroy(table);
}

TEST(a_stream_that_fails_before_it_says_anything_leaves_the_repeat_to_itself)
{
    struct digest name = name_of("a");
    struct repeat *joined = NULL;
    struct repeat_piece piece;
    open_table();
    struct repeat *stream = stand(&name, 1);
    CHECK_EQ(repeats_find(table, &name, 1, &joined), REPEAT_STREAM);
    repeats_end(table, stream, true, 2);
    CHECK_EQ(repeats_draw(table, joined, &piece), REPEAT_NONE);
    stream = stand(&name, 2);
    repeats_end(table, stream, true, 2); /* and one that nobody waits for */
    CHECK_EQ(repeats_find(table, &name, 3, &joined), REPEAT_NONE);
    repeats_destroy(table);
}

TEST(what_a_stream_that_is_sold_to_nobody_has_not_told_is_taken_back)
{
    struct digest name = name_of("a");
    struct repeat *joined = NULL;
    struct repeat_piece piece;
    open_table();
    CHECK_EQ(repeats_window_ns(table), WINDOW);
    struct repeat *stream = stand(&name, 1);
    CHECK_EQ(repeats_find(table, &name, 1, &joined), REPEAT_STREAM);
    CHECK_EQ(repeats_pour_head(table, stream, 200, STR("a: b\r\n")), ERR_OK);
    CHECK_EQ(repeats_pour(table, stream, STR("one")), ERR_OK);
    CHECK(repeats_recall(table, stream));
    check_draw(joined, 0, "", false); /* in the moment before its end */
    repeats_end(table, stream, true, 2);
    CHECK_EQ(repeats_draw(table, joined, &piece), REPEAT_NONE);

    stream = stand(&name, 2);
    CHECK_EQ(repeats_find(table, &name, 3, &joined), REPEAT_STREAM);
    CHECK_EQ(repeats_pour_head(table, stream, 200, STR("a: b\r\n")), ERR_OK);
    check_draw(joined, 200, "", false);
    CHECK_EQ(repeats_pour(table, stream, STR("error")), ERR_OK);
    CHECK(!repeats_recall(table, stream)); /* who has been told some is told the rest */
    repeats_pour_end(table, stream, true);
    check_draw(joined, 0, "error", true);
    repeats_destroy(table);
}

TEST(a_stream_that_has_ended_untold_is_the_next_trys)
{
    struct digest name = name_of("a");
    struct repeat *joined = NULL;
    open_table();
    struct repeat *stream = stand(&name, 1);
    CHECK_EQ(repeats_find(table, &name, 1, &joined), REPEAT_STREAM);
    CHECK_EQ(repeats_pour_head(table, stream, 200, STR("a: b\r\n")), ERR_OK);
    repeats_pour_end(table, stream, true);
    repeats_leave(table, joined, 2);
    CHECK_EQ(repeats_find(table, &name, 3, &joined), REPEAT_STREAM);
    check_draw(joined, 200, "", true);
    stream = stand(&name, 2);
    CHECK_EQ(repeats_find(table, &name, 4, &joined), REPEAT_STREAM);
    repeats_pour_end(table, stream, true);
    repeats_leave(table, joined, 5);
    CHECK_EQ(repeats_find(table, &name, 5 + WINDOW, &joined), REPEAT_NONE); /* and not for ever */
    stream = stand(&name, 3);
    CHECK_EQ(repeats_find(table, &name, 6 + WINDOW, &joined), REPEAT_STREAM);
    CHECK_EQ(repeats_pour_head(table, stream, 200, STR("a: b\r\n")), ERR_OK);
    check_draw(joined, 200, "", false);
    repeats_pour_end(table, stream, true);
    repeats_leave(table, joined, 7 + WINDOW); /* it has been told some of it */
    CHECK_EQ(repeats_find(table, &name, 8 + WINDOW, &joined), REPEAT_NONE);
    repeats_destroy(table);
}

TEST(so_many_streams_stand_and_no_more)
{
    struct repeat *streams[REPEATS_STANDS_STRIPE];
    struct digest name = name_of("a");
    open_table();
    for (size_t i = 0; i < REPEATS_STANDS_STRIPE; i++) {
        streams[i] = stand(&name, (unsigned char)i);
    }
    struct repeat *more = repeats_begin(table, &name, id_of(200), 0);
    CHECK(!repeats_stand(table, more));
    CHECK(repeats_forsake(table, streams[0]));
    CHECK(repeats_stand(table, more)); /* there is room again */
    repeats_end(table, more, false, 1);
    for (size_t i = 0; i < REPEATS_STANDS_STRIPE; i++) {
        repeats_end(table, streams[i], false, 1);
    }
    repeats_destroy(table);
}

static void stand_without_memory(void)
{
    struct digest name = name_of("a");
    struct repeat *joined = NULL;
    struct repeat_piece piece;
    if (repeats_create(WINDOW, &table, NULL) != ERR_OK) {
        return;
    }
    struct repeat *stream = repeats_begin(table, &name, id_of(1), 0);
    if (stream != NULL && !repeats_stand(table, stream)) {
        repeats_end(table, stream, false, 1);
    } else if (stream != NULL) {
        CHECK_EQ(repeats_find(table, &name, 1, &joined), REPEAT_STREAM);
        enum err head = repeats_pour_head(table, stream, 200, STR("a: b\r\n"));
        enum err body = repeats_pour(table, stream, STR("one"));
        CHECK(head == ERR_OK || head == ERR_NO_MEMORY);
        CHECK(body == ERR_OK || body == ERR_NO_MEMORY);
        repeats_pour_end(table, stream, false);
        CHECK_EQ(repeats_draw(table, joined, &piece), REPEAT_STREAM);
        CHECK_EQ(piece.status, head == ERR_OK ? 200 : 0);
        CHECK(piece.ended && !piece.whole);
        repeat_piece_fini(&piece);
    }
    repeats_destroy(table);
}

TEST(memory_may_run_out_at_any_piece_of_a_stream)
{
    CHECK(test_each_allocation_failing(stand_without_memory) > 4);
}
