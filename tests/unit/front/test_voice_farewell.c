#include "front/voice_farewell.h"

#include <string.h>

#include "harness.h"

#define RATE 8000

static unsigned char file[44 + 2 * RATE * 11];

static void put(size_t at, uint32_t value, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++) {
        file[at + i] = (unsigned char)(value >> (8 * i));
    }
}

/* A WAV file of so many milliseconds of silence. */
static struct str wav_of(uint32_t ms)
{
    uint32_t bytes = 2 * RATE / 1000 * ms;
    memset(file, 0, sizeof(file));
    memcpy(file, "RIFF", 4);
    put(4, bytes + 36, 4);
    memcpy(file + 8, "WAVEfmt ", 8);
    put(16, 16, 4);
    put(20, 1, 2);
    put(22, 1, 2);
    put(24, RATE, 4);
    put(28, 2 * RATE, 4);
    put(32, 2, 2);
    put(34, 16, 2);
    memcpy(file + 36, "data", 4);
    put(40, bytes, 4);
    return (struct str){ (const char *)file, 44 + bytes };
}

TEST(a_sentence_that_a_toy_can_say_is_fine)
{
    CHECK_EQ(voice_farewell_check(wav_of(300), NULL), ERR_OK);
    CHECK_EQ(voice_farewell_check(wav_of(9900), NULL), ERR_OK);
}

TEST(what_is_none_is_told_by_what_is_wrong_with_it)
{
    struct fail fail = { .text = "" };
    CHECK_EQ(voice_farewell_check(STR(""), &fail), ERR_SOUND);
    CHECK(fail.text[0] != '\0');
    CHECK_EQ(voice_farewell_check(STR("ID3 this is another kind of file, and long enough"), &fail),
             ERR_SOUND);
    CHECK_EQ(voice_farewell_check(wav_of(0), &fail), ERR_SOUND);
    CHECK_EQ(voice_farewell_check(wav_of(10900), &fail), ERR_LIMIT);
    CHECK(strstr(fail.text, "10000") != NULL);
}

static void check_one(void)
{
    enum err err = voice_farewell_check(wav_of(300), NULL);
    CHECK(err == ERR_OK || err == ERR_NO_MEMORY);
}

TEST(running_out_of_memory_is_told)
{
    CHECK(test_each_allocation_failing(check_one) >= 2);
}
