#include "front/voice_play.h"

#include "harness.h"

#define MS INT64_C(1000000)

static struct str text;
static int64_t at_ns;

TEST(packets_go_out_a_little_ahead_of_what_is_heard)
{
    struct voice_play play;
    voice_play_init(&play, 60);
    CHECK_EQ(voice_play_next(&play, 7 * MS, &text, &at_ns), VOICE_EMPTY);
    CHECK(voice_play_sentence(&play, STR("Hi.")) == ERR_OK);
    for (int i = 0; i < 100; i++) {
        CHECK(voice_play_packets(&play, STR("\2\0ab\1\0c")) == ERR_OK);
    }
    CHECK_EQ(voice_play_waiting_ms(&play), 12000);
    int64_t now = 1000 * MS;
    CHECK_EQ(voice_play_next(&play, now, &text, &at_ns), VOICE_SENTENCE);
    CHECK_STR(text, STR("Hi."));
    int sent = 0;
    for (int64_t end = now + 20000 * MS; now < end;) {
        enum voice_due due = voice_play_next(&play, now, &text, &at_ns);
        if (due == VOICE_EMPTY) {
            break;
        }
        if (due == VOICE_PACKET) {
            CHECK_STR(text, sent % 2 == 0 ? STR("ab") : STR("c"));
            sent++;
        } else {
            CHECK_EQ(due, VOICE_LATER);
            CHECK(at_ns > now);
            now = at_ns;
        }
        int64_t heard = (now - 1000 * MS) / (60 * MS);
        CHECK(sent - heard <= VOICE_LEAD_MS / 60 + 1);
        CHECK(sent == 200 || sent >= heard);
    }
    CHECK_EQ(sent, 200);
    CHECK_EQ(now, 13000 * MS); /* when the last has been heard */
    CHECK_EQ(voice_play_waiting_ms(&play), 0);
    voice_play_fini(&play);
}

TEST(what_had_run_dry_begins_anew_without_a_rush)
{
    struct voice_play play;
    voice_play_init(&play, 20);
    CHECK(voice_play_packets(&play, STR("\1\0a")) == ERR_OK);
    CHECK_EQ(voice_play_next(&play, MS, &text, &at_ns), VOICE_PACKET);
    CHECK_EQ(voice_play_next(&play, 2 * MS, &text, &at_ns), VOICE_LATER);
    CHECK_EQ(at_ns, 21 * MS);
    CHECK_EQ(voice_play_next(&play, 5000 * MS, &text, &at_ns), VOICE_EMPTY);
    for (int i = 0; i < 100; i++) {
        CHECK(voice_play_packets(&play, STR("\1\0b")) == ERR_OK);
    }
    int sent = 0;
    while (voice_play_next(&play, 5000 * MS, &text, &at_ns) == VOICE_PACKET) {
        sent++;
    }
    CHECK_EQ(sent, VOICE_LEAD_MS / 20 + 1);
    voice_play_reset(&play);
    CHECK_EQ(voice_play_next(&play, 5000 * MS, &text, &at_ns), VOICE_EMPTY);
    voice_play_fini(&play);
}

static void play_some(void)
{
    struct voice_play play;
    voice_play_init(&play, 60);
    EP_IGNORE(voice_play_sentence(&play, STR("Hi.")));
    EP_IGNORE(voice_play_packets(&play, STR("\1\0a")));
    while (voice_play_next(&play, MS, &text, &at_ns) >= VOICE_SENTENCE) {
        CHECK(text.len > 0);
    }
    voice_play_fini(&play);
}

TEST(without_memory_nothing_is_played_and_nothing_lost)
{
    CHECK(test_each_allocation_failing(play_some) > 1);
}
