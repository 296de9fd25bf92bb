#include "front/voice_play.h"

#include "sound/mouth.h"

#define VOICE_NS_PER_MS INT64_C(1000000)
#define VOICE_ENTRY     3                   /* bytes before each */
#define VOICE_COMPACT   ((size_t)64 * 1024) /* given out, before the rest is moved to the front */

enum voice_kind {
    VOICE_KIND_SENTENCE,
    VOICE_KIND_PACKET
};

void voice_play_init(struct voice_play *play, int frame_ms)
{
    *play = (struct voice_play){ .frame_ms = frame_ms };
    buf_init(&play->entries, VOICE_PLAY_MAX);
}

void voice_play_fini(struct voice_play *play)
{
    buf_fini(&play->entries);
}

void voice_play_reset(struct voice_play *play)
{
    int frame_ms = play->frame_ms;
    voice_play_fini(play);
    voice_play_init(play, frame_ms);
}

static enum err voice_play_add(struct voice_play *play, enum voice_kind kind, struct str bytes)
{
    ASSERT(bytes.len <= UINT16_MAX);
    const char head[VOICE_ENTRY] = { (char)kind, (char)(bytes.len & 0xff), (char)(bytes.len >> 8) };
    const struct str parts[2] = { { head, VOICE_ENTRY }, bytes };
    return buf_append_all(&play->entries, parts, 2);
}

enum err voice_play_sentence(struct voice_play *play, struct str text)
{
    return voice_play_add(play, VOICE_KIND_SENTENCE, text);
}

enum err voice_play_packets(struct voice_play *play, struct str packets)
{
    struct str packet;
    while (mouth_packet(&packets, &packet)) {
        TRY(voice_play_add(play, VOICE_KIND_PACKET, packet));
        play->waiting_ms += play->frame_ms;
    }
    return ERR_OK;
}

/* When the packet that was sent last will have been heard. */
static int64_t voice_play_heard_ns(const struct voice_play *play)
{
    return play->begun_ns + play->sent_ms * VOICE_NS_PER_MS;
}

static enum voice_due voice_play_wait(int64_t at_ns, int64_t now_ns, int64_t *ret_at_ns)
{
    *ret_at_ns = at_ns;
    return at_ns > now_ns ? VOICE_LATER : VOICE_EMPTY;
}

enum voice_due voice_play_next(struct voice_play *play, int64_t now_ns, struct str *ret_text,
                               int64_t *ret_at_ns)
{
    if (play->at == play->entries.len) {
        buf_reset(&play->entries);
        play->at = 0;
        return voice_play_wait(play->sent_ms == 0 ? now_ns : voice_play_heard_ns(play), now_ns,
                               ret_at_ns);
    }
    if (play->at > VOICE_COMPACT) {
        buf_drop(&play->entries, play->at);
        play->at = 0;
    }
    struct str rest = str_from_at(buf_str(&play->entries), play->at);
    bool packet = rest.ptr[0] == VOICE_KIND_PACKET;
    size_t len = (size_t)(unsigned char)rest.ptr[1] | (size_t)(unsigned char)rest.ptr[2] << 8;
    if (packet && (play->sent_ms == 0 || voice_play_heard_ns(play) < now_ns)) {
        play->begun_ns = now_ns - play->sent_ms * VOICE_NS_PER_MS; /* it begins, or had run dry */
    }
    int64_t due_ns = voice_play_heard_ns(play) - VOICE_LEAD_MS * VOICE_NS_PER_MS;
    if (packet && due_ns > now_ns) {
        return voice_play_wait(due_ns, now_ns, ret_at_ns);
    }
    *ret_text = str_slice(rest, VOICE_ENTRY, VOICE_ENTRY + len);
    play->at += VOICE_ENTRY + len;
    play->sent_ms += packet ? play->frame_ms : 0;
    play->waiting_ms -= packet ? play->frame_ms : 0;
    return packet ? VOICE_PACKET : VOICE_SENTENCE;
}

int64_t voice_play_waiting_ms(const struct voice_play *play)
{
    return play->waiting_ms;
}
