#include "front/voice_seats.h"

#include <pthread.h>

#include "harness.h"

TEST(the_newest_session_has_the_seat)
{
    struct voice_seats *seats = NULL;
    struct voice_seat first = { .taken = false };
    struct voice_seat second = { .taken = false };
    struct voice_seat other = { .taken = false };
    CHECK(voice_seats_create(&seats) == ERR_OK);
    CHECK(voice_seats_take(seats, &first, (struct id){ { 1 } }) == ERR_OK);
    CHECK(voice_seats_take(seats, &other, (struct id){ { 2 } }) == ERR_OK);
    CHECK(!voice_seat_is_lost(&first));
    CHECK(voice_seats_take(seats, &second, (struct id){ { 1 } }) == ERR_OK);
    CHECK(voice_seat_is_lost(&first));
    CHECK(!voice_seat_is_lost(&second) && !voice_seat_is_lost(&other));
    voice_seats_leave(seats, &first); /* that the other one has it is no harm */
    CHECK(!voice_seat_is_lost(&second));
    voice_seats_leave(seats, &second);
    voice_seats_leave(seats, &second);
    CHECK(voice_seats_take(seats, &first, (struct id){ { 1 } }) == ERR_OK);
    CHECK(!voice_seat_is_lost(&first));
    voice_seats_leave(seats, &first);
    voice_seats_leave(seats, &other);
    voice_seats_destroy(seats);
    voice_seats_destroy(NULL);
}

static void *come_and_go(void *context)
{
    struct voice_seats *seats = context;
    for (int i = 0; i < 2000; i++) {
        struct voice_seat seat = { .taken = false };
        CHECK(voice_seats_take(seats, &seat, (struct id){ { (unsigned char)(i % 3) } }) == ERR_OK);
        voice_seats_leave(seats, &seat);
    }
    return NULL;
}

TEST(sessions_on_all_threads_come_and_go)
{
    struct voice_seats *seats = NULL;
    pthread_t threads[4];
    CHECK(voice_seats_create(&seats) == ERR_OK);
    for (size_t i = 0; i < EP_ARRAY_LEN(threads); i++) {
        CHECK(pthread_create(&threads[i], NULL, come_and_go, seats) == 0);
    }
    for (size_t i = 0; i < EP_ARRAY_LEN(threads); i++) {
        CHECK(pthread_join(threads[i], NULL) == 0);
    }
    voice_seats_destroy(seats);
}

static void take_one(void)
{
    struct voice_seats *seats = NULL;
    struct voice_seat seat = { .taken = false };
    if (voice_seats_create(&seats) == ERR_OK) {
        EP_IGNORE(voice_seats_take(seats, &seat, (struct id){ { 1 } }));
        voice_seats_leave(seats, &seat);
    }
    voice_seats_destroy(seats);
}

TEST(without_memory_nobody_has_a_seat)
{
    CHECK(test_each_allocation_failing(take_one) > 1);
}
