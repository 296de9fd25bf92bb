#include "crypto/random.h"

#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness.h"

TEST(what_is_drawn_differs_each_time)
{
    unsigned char drawn[64][16];
    for (size_t i = 0; i < EP_ARRAY_LEN(drawn); i++) {
        random_bytes(drawn[i], sizeof(drawn[i]));
        for (size_t j = 0; j < i; j++) {
            CHECK(memcmp(drawn[i], drawn[j], sizeof(drawn[i])) != 0);
        }
    }
    CHECK(random_u64() != random_u64());
}

TEST(exactly_the_bytes_asked_for_are_written)
{
    static unsigned char bytes[4096];
    static const size_t lens[] = { 0, 1, 1023, 1024, 1025, 4000 };
    for (size_t i = 0; i < EP_ARRAY_LEN(lens); i++) {
        memset(bytes, 0, sizeof(bytes));
        random_bytes(bytes, lens[i]);
        for (size_t at = lens[i]; at < sizeof(bytes); at++) {
            CHECK_EQ(bytes[at], 0);
        }
        size_t zeros = 0;
        for (size_t at = 0; at < lens[i]; at++) {
            zeros += bytes[at] == 0;
        }
        CHECK(lens[i] < 1023 || zeros < 64); /* 16 are expected of 4,000 */
    }
}

TEST(every_bit_is_set_half_of_the_time)
{
    int set[64] = { 0 };
    for (int i = 0; i < 4096; i++) {
        uint64_t value = random_u64();
        for (int bit = 0; bit < 64; bit++) {
            set[bit] += (int)(value >> bit & 1);
        }
    }
    for (int bit = 0; bit < 64; bit++) {
        CHECK(set[bit] > 2048 - 320 && set[bit] < 2048 + 320); /* ten standard deviations */
    }
}

TEST(a_forked_child_draws_other_bytes_than_its_parent)
{
    int ends[2];
    uint64_t childs = 0;
    (void)random_u64(); /* fills the pool that the child inherits */
    CHECK_EQ(pipe(ends), 0);
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        childs = random_u64();
        _exit(write(ends[1], &childs, sizeof(childs)) == (ssize_t)sizeof(childs) ? 0 : 1);
    }
    CHECK_EQ(read(ends[0], &childs, sizeof(childs)), sizeof(childs));
    int status = 0;
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK_EQ(status, 0);
    CHECK(childs != random_u64());
    CHECK_EQ(close(ends[0]), 0);
    CHECK_EQ(close(ends[1]), 0);
}
