#include "sound/mouth.h"

#include <math.h>

#include "harness.h"

/* A WAV of `count` samples of a tone a channel. */
static void tone_file(int rate, int channels, size_t count, struct buf *file)
{
    char head[WAV_HEAD];
    buf_init(file, WAV_HEAD + count * 4);
    wav_head(rate, count * 2 * (size_t)channels, head);
    head[22] = (char)channels;
    CHECK(buf_append(file, (struct str){ head, sizeof(head) }) == ERR_OK);
    for (size_t i = 0; i < count * (size_t)channels; i++) {
        size_t at = i / (size_t)channels;
        int16_t sample = (int16_t)lrint(9000 * sin(2 * M_PI * 440 * (double)at / rate));
        const char bytes[2] = { (char)(sample & 0xff), (char)(sample >> 8) };
        CHECK(buf_append(file, (struct str){ bytes, 2 }) == ERR_OK);
    }
}

static void say(struct mouth *mouth, struct str file, size_t step)
{
    while (file.len > 0) {
        struct str piece = str_slice(file, 0, file.len < step ? file.len : step);
        file = str_from_at(file, piece.len);
        CHECK(mouth_say(mouth, piece, NULL) == ERR_OK);
    }
    CHECK(mouth_end(mouth, NULL) == ERR_OK);
}

static size_t count_packets(struct str packets)
{
    size_t count = 0;
    struct str packet;
    while (mouth_packet(&packets, &packet)) {
        CHECK(packet.len > 0 && packet.len <= 3 * MOUTH_PACKET_MAX);
        count++;
    }
    CHECK_EQ(packets.len, 0);
    return count;
}

TEST(the_same_packets_come_of_a_file_however_it_is_cut)
{
    static const size_t steps[] = { 1, 2, 3, 7, 43, 45, 1000 };
    struct buf file;
    struct mouth whole;
    tone_file(22050, 1, 5000, &file);
    mouth_init(&whole, 60);
    say(&whole, buf_str(&file), file.len);
    CHECK_EQ(count_packets(buf_str(&whole.packets)), 4); /* 227 ms */
    for (size_t i = 0; i < EP_ARRAY_LEN(steps); i++) {
        struct mouth mouth;
        mouth_init(&mouth, 60);
        say(&mouth, buf_str(&file), steps[i]);
        CHECK_STR(buf_str(&mouth.packets), buf_str(&whole.packets));
        mouth_fini(&mouth);
    }
    mouth_fini(&whole);
    buf_fini(&file);
}

TEST(two_channels_that_say_the_same_are_one)
{
    struct buf files[2];
    struct mouth mouths[2];
    for (int i = 0; i < 2; i++) {
        tone_file(24000, i + 1, 4321, &files[i]);
        mouth_init(&mouths[i], 20);
        say(&mouths[i], buf_str(&files[i]), 1001);
    }
    CHECK_STR(buf_str(&mouths[0].packets), buf_str(&mouths[1].packets));
    for (int i = 0; i < 2; i++) {
        mouth_fini(&mouths[i]);
        buf_fini(&files[i]);
    }
}

TEST(one_mouth_says_files_of_different_rates_one_after_the_other)
{
    static const int rates[] = { 8000, 48000, 22050 };
    struct mouth mouth;
    mouth_init(&mouth, 60);
    for (size_t i = 0; i < EP_ARRAY_LEN(rates); i++) {
        struct buf file;
        tone_file(rates[i], 1, (size_t)rates[i], &file);
        buf_reset(&mouth.packets);
        say(&mouth, buf_str(&file), 4096);
        CHECK_EQ(count_packets(buf_str(&mouth.packets)), 17);
        buf_fini(&file);
    }
    mouth_fini(&mouth);
}

TEST(what_is_no_wav_and_what_has_no_sample_is_refused)
{
    struct mouth mouth;
    struct buf file;
    mouth_init(&mouth, 60);
    CHECK(mouth_say(&mouth, STR("{\"error\":{}}"), NULL) == ERR_SOUND);
    mouth_fini(&mouth);
    mouth_init(&mouth, 60);
    CHECK(mouth_end(&mouth, NULL) == ERR_SOUND);
    tone_file(16000, 1, 0, &file);
    CHECK(mouth_say(&mouth, buf_str(&file), NULL) == ERR_OK);
    CHECK(mouth_end(&mouth, NULL) == ERR_SOUND);
    buf_fini(&file);
    mouth_fini(&mouth);
}

TEST(nobody_speaks_without_end)
{
    struct mouth mouth;
    struct buf file;
    enum err err = ERR_OK;
    tone_file(8000, 1, 8000, &file);
    memset(file.ptr + 40, 0xff, 4); /* nobody knows how long it will be */
    mouth_init(&mouth, 60);
    err = mouth_say(&mouth, buf_str(&file), NULL);
    for (int s = 0; s < MOUTH_MS_MAX / 1000 && err == ERR_OK; s++) {
        err = mouth_say(&mouth, str_from_at(buf_str(&file), WAV_HEAD), NULL);
        buf_reset(&mouth.packets);
    }
    CHECK(err == ERR_LIMIT);
    buf_fini(&file);
    mouth_fini(&mouth);
}

static void say_little(void)
{
    static struct buf file;
    struct mouth mouth;
    mouth_init(&mouth, 60);
    if (file.len == 0) {
        tone_file(16000, 1, 2000, &file);
    }
    enum err err = mouth_say(&mouth, buf_str(&file), NULL);
    CHECK(err == ERR_OK || err == ERR_NO_MEMORY);
    mouth_fini(&mouth);
}

TEST(without_memory_nothing_is_said_and_nothing_lost)
{
    say_little();
    CHECK(test_each_allocation_failing(say_little) > 3);
}
