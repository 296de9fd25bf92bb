#include "sound/ear.h"

#include <math.h>

#include "base/mem.h"
#include "harness.h"
#include "sound/mouth.h"
#include "sound/wav.h"

/* A WAV of `ms` of a tone of `level`. */
static struct str tone_file(int rate, int ms, int level, struct buf *file)
{
    size_t count = (size_t)(rate / 1000 * ms);
    char head[WAV_HEAD];
    buf_init(file, WAV_HEAD + count * 2);
    wav_head(rate, count * 2, head);
    CHECK(buf_append(file, (struct str){ head, sizeof(head) }) == ERR_OK);
    for (size_t i = 0; i < count; i++) {
        int16_t sample = (int16_t)lrint(level * sin(2 * M_PI * 440 * (double)i / rate));
        const char bytes[2] = { (char)(sample & 0xff), (char)(sample >> 8) };
        CHECK(buf_append(file, (struct str){ bytes, 2 }) == ERR_OK);
    }
    return buf_str(file);
}

/* What a mouth makes of a tone. */
static void speak(int ms, int level, struct mouth *mouth)
{
    struct buf file;
    CHECK(mouth_say(mouth, tone_file(24000, ms, level, &file), NULL) == ERR_OK);
    CHECK(mouth_end(mouth, NULL) == ERR_OK);
    buf_fini(&file);
}

TEST(what_a_mouth_says_an_ear_hears)
{
    static const int frames[] = { 10, 20, 40, 60 };
    for (size_t i = 0; i < EP_ARRAY_LEN(frames); i++) {
        struct mouth mouth;
        struct ear ear;
        struct str packet;
        mouth_init(&mouth, frames[i]);
        ear_init(&ear);
        speak(1000, 10000, &mouth);
        struct str packets = buf_str(&mouth.packets);
        while (mouth_packet(&packets, &packet)) {
            CHECK(ear_hear(&ear, test_at_page_end(packet), NULL) == ERR_OK);
        }
        CHECK(ear.ms >= 1000 && ear.ms < 1000 + frames[i]);
        CHECK(ear.pause.spoken);
        struct str wav = ear_wav(&ear);
        CHECK_EQ(wav.len, WAV_HEAD + (size_t)ear.ms * 32);
        CHECK(str_starts(wav, STR("RIFF")));
        ear_reset(&ear);
        CHECK_EQ(ear_wav(&ear).len, 0);
        CHECK(!ear.pause.spoken);
        ear_fini(&ear);
        mouth_fini(&mouth);
    }
}

TEST(silence_is_heard_as_silence)
{
    struct mouth mouth;
    struct ear ear;
    struct str packet;
    mouth_init(&mouth, 60);
    ear_init(&ear);
    speak(2000, 0, &mouth);
    struct str packets = buf_str(&mouth.packets);
    while (mouth_packet(&packets, &packet)) {
        CHECK(ear_hear(&ear, packet, NULL) == ERR_OK);
    }
    CHECK(!ear.pause.spoken);
    CHECK(ear.ms >= 2000);
    ear_forget_silence(&ear);
    CHECK_EQ(ear.ms, EAR_LEAD_MS);
    CHECK_EQ(ear_wav(&ear).len, WAV_HEAD + EAR_LEAD_MS * 32);
    ear_forget_silence(&ear);
    CHECK_EQ(ear.ms, EAR_LEAD_MS);
    ear_reset(&ear);
    ear_forget_silence(&ear);
    CHECK_EQ(ear_wav(&ear).len, 0);
    ear_fini(&ear);
    mouth_fini(&mouth);
}

TEST(what_was_spoken_is_not_forgotten)
{
    struct mouth mouth;
    struct ear ear;
    struct str packet;
    mouth_init(&mouth, 60);
    ear_init(&ear);
    speak(1200, 9000, &mouth);
    speak(1200, 0, &mouth);
    struct str packets = buf_str(&mouth.packets);
    while (mouth_packet(&packets, &packet)) {
        CHECK(ear_hear(&ear, packet, NULL) == ERR_OK);
    }
    CHECK(pause_ended(&ear.pause));
    ear_forget_silence(&ear);
    CHECK_EQ(ear.ms, 2400);
    ear_fini(&ear);
    mouth_fini(&mouth);
}

TEST(opus_that_does_not_decode_is_refused_with_its_place)
{
    struct ear ear;
    struct fail fail;
    ear_init(&ear);
    CHECK(ear_hear(&ear, STR_EMPTY, &fail) == ERR_SOUND);
    /* Code 3 with no frame count; with 49 frames, 0 of them; one frame longer than there is. */
    CHECK(ear_hear(&ear, test_at_page_end(STR("\x03")), &fail) == ERR_SOUND);
    CHECK(ear_hear(&ear, test_at_page_end(STR("\x03\x31")), &fail) == ERR_SOUND);
    CHECK(ear_hear(&ear, test_at_page_end(STR("\x03\x00")), &fail) == ERR_SOUND);
    CHECK(ear_hear(&ear, test_at_page_end(STR("\x02\xff\xff")), &fail) == ERR_SOUND);
    CHECK(str_starts(str_from(fail.text), STR("the packet of Opus at 0 ms does not decode: ")));
    CHECK_EQ(ear.ms, 0);
    ear_fini(&ear);
}

TEST(half_a_minute_is_kept_and_no_more)
{
    struct mouth mouth;
    struct ear ear;
    struct str packet;
    mouth_init(&mouth, 60);
    ear_init(&ear);
    speak(EAR_MS_MAX + 600, 1000, &mouth);
    struct str packets = buf_str(&mouth.packets);
    while (mouth_packet(&packets, &packet)) {
        CHECK(ear_hear(&ear, packet, NULL) == ERR_OK);
    }
    CHECK(ear_full(&ear));
    CHECK_EQ(ear_wav(&ear).len, WAV_HEAD + EAR_BYTES_MAX);
    ear_fini(&ear);
    mouth_fini(&mouth);
}

static void hear_little(void)
{
    static char packets_text[4096];
    static size_t packets_len;
    struct str packet;
    struct ear ear;
    if (packets_len == 0) {
        struct mouth mouth;
        mem_fail_nth(0);
        mouth_init(&mouth, 60);
        speak(120, 1000, &mouth);
        packets_len = mouth.packets.len;
        memcpy(packets_text, mouth.packets.ptr, packets_len);
        mouth_fini(&mouth);
    }
    ear_init(&ear);
    struct str packets = { packets_text, packets_len };
    while (mouth_packet(&packets, &packet)) {
        enum err err = ear_hear(&ear, packet, NULL);
        CHECK(err == ERR_OK || err == ERR_NO_MEMORY);
    }
    ear_fini(&ear);
}

TEST(without_memory_nothing_is_heard_and_nothing_lost)
{
    hear_little();
    CHECK(test_each_allocation_failing(hear_little) > 2);
}
