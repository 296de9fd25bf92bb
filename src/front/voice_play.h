/*
 * What is spoken to a device, on its way: sentences and the packets of each, given out no faster
 * than they are heard. A device has room for 2.4 s and drops what does not fit; so what goes out is
 * VOICE_LEAD_MS ahead of what is heard, and no more. Pure: time is told.
 */
#pragma once

#include "base/buf.h"

#define VOICE_LEAD_MS  600 /* a lost Wi-Fi frame and its repeats; a quarter of a device's room */
#define VOICE_PLAY_MAX ((size_t)4 << 20) /* of a turn: some minutes at 3 KB/s, and its sentences */

struct voice_play {
    struct buf entries; /* a byte for the kind, two for the length, the lower first */
    size_t at;          /* of the next one */
    int frame_ms;
    int64_t begun_ns; /* as if all had been heard without a gap from then on */
    int64_t sent_ms;
    int64_t waiting_ms;
};

enum voice_due {
    VOICE_EMPTY,    /* nothing waits, and all is heard */
    VOICE_LATER,    /* at *ret_at_ns */
    VOICE_SENTENCE, /* *ret_text: the packets of it follow */
    VOICE_PACKET
};

void voice_play_init(struct voice_play *play, int frame_ms);
void voice_play_fini(struct voice_play *play);
/* Forgets all. */
void voice_play_reset(struct voice_play *play);
/* ERR_LIMIT, ERR_NO_MEMORY. A sentence is 65,535 bytes at most. */
EP_MUST_CHECK enum err voice_play_sentence(struct voice_play *play, struct str text);
/* As a mouth gives them (sound/mouth.h). */
EP_MUST_CHECK enum err voice_play_packets(struct voice_play *play, struct str packets);
/* The next that is due, taken out: valid until the play changes. */
enum voice_due voice_play_next(struct voice_play *play, int64_t now_ns, struct str *ret_text,
                               int64_t *ret_at_ns);
/* Of what was not given out yet. */
int64_t voice_play_waiting_ms(const struct voice_play *play);
