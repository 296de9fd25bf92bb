/*
 * How long a recording is: read off its container as it comes, in any pieces, without decoding it
 * and without keeping it. Pure.
 *
 *   WAV        bytes of the data chunk by the rate of its format; of compressed ones, what it says
 *   FLAC       samples that its stream info tells; where it does not, those of its frames
 *   Ogg        the last granule of its first sound (Opus, Vorbis), chained ones added
 *   MP3, AAC   frames, each by its header
 *   MP4        the sample table and the fragments of its longest sound; without any, what the
 *              movie's header says
 *   WebM       what its info tells, or its last block, whichever is later
 *
 * Where the file ends too early, it is as long as what came of it. A recording that is none of
 * these, or whose container does not say, is of unknown length; so is one beyond SOUND_MS_MAX. What
 * a container says of itself may be a lie: where it is all that there is to go by, sound_is_said(),
 * a hold covers what so many bytes can be, and what is billed is what the upstream found when it
 * decoded the file; of other lengths a difference is a claim.
 */
#pragma once

#include "base/str.h"

#define SOUND_MS_MAX   (INT64_C(168) * 3600 * 1000) /* a week: no upload is as long */
#define SOUND_HEAD_MAX ((size_t)328) /* an Ogg page's head, its table of 255, its first packet */

enum sound_kind {
    SOUND_UNKNOWN,
    SOUND_WAV,
    SOUND_FLAC,
    SOUND_OGG,
    SOUND_MPEG, /* MP3, or AAC in ADTS */
    SOUND_MP4,
    SOUND_WEBM,
    SOUND_KINDS
};

struct sound_wav {
    uint64_t rate;    /* bytes a second; 0: no format came yet */
    uint64_t frames;  /* samples a second, where they are compressed */
    uint64_t fact_ms; /* of those: what the file says of itself; 0: nothing */
    uint64_t data_at;
    uint64_t data_len; /* as declared; UINT64_MAX: to the end */
    bool has_data;
    bool packed; /* compressed: how long its bytes are is what the file says */
};

struct sound_flac {
    uint64_t ms;      /* as its head says; UINT64_MAX: it does not */
    uint64_t rate;    /* samples a second */
    uint64_t samples; /* of the frames that came, where it does not */
    uint64_t next;    /* number of the frame that continues them */
    bool live;        /* its head does not say */
    bool in_frames;
};

struct sound_ogg {
    uint32_t serial;
    uint64_t rate;
    uint64_t skipped; /* samples in front that are not heard */
    uint64_t last;    /* granule */
    uint64_t ns;      /* of the chained streams before */
    bool has_stream;
    bool begun; /* its sound, so that another beginning is another stream */
};

struct sound_mpeg {
    uint64_t ns;
    uint64_t pending_ns; /* of the frame under way */
    uint64_t run;        /* frames in a row, so that chance finds count for nothing */
};

#define SOUND_MP4_TRACKS 8 /* recordings have one; of more, the last has no fragments */

struct sound_mp4_track {
    uint64_t id;
    uint64_t scale; /* ticks a second */
    uint64_t each;  /* ticks of a fragment's sample that says nothing else */
    uint64_t sum;   /* ticks of its samples */
    bool is_sound;
};

struct sound_mp4 {
    uint64_t movie_scale;
    uint64_t movie_len;
    struct sound_mp4_track tracks[SOUND_MP4_TRACKS];
    size_t count;
    size_t at;     /* the track under way; SOUND_MP4_TRACKS: none */
    uint64_t each; /* ticks of a sample of the fragment under way */
    uint64_t rows; /* of a table, that are to come */
    size_t row;    /* bytes of each */
    bool runs;     /* they are of a fragment */
    uint64_t most_ms;
};

struct sound_webm {
    uint64_t scale; /* ns a tick */
    uint64_t len;   /* ticks */
    uint64_t cluster;
    uint64_t last;
};

struct sound {
    enum sound_kind kind;
    bool over;     /* nothing more is to be learned */
    bool seek;     /* for a byte of ones: all before it is passed over */
    uint64_t size; /* all that came */
    uint64_t at;   /* where `head` stands */
    uint64_t skip; /* to pass over before it goes on */
    size_t have;   /* of `head` */
    size_t need;
    unsigned char head[SOUND_HEAD_MAX];
    union {
        struct sound_wav wav;
        struct sound_ogg ogg;
        struct sound_mpeg mpeg;
        struct sound_mp4 mp4;
        struct sound_webm webm;
        struct sound_flac flac;
    } as;
};

void sound_init(struct sound *sound);
void sound_feed(struct sound *sound, struct str data);
/* All has come. True: *ret_ms, rounded up. */
bool sound_length(const struct sound *sound, int64_t *ret_ms);
/* The length rests on the file's word alone (FLAC's stream info and numbers, Ogg's granules, MP4's
 * tables, WebM's times, a compressed WAV's rate): whoever made it may have written anything. */
bool sound_is_said(const struct sound *sound);
/* It is as long as what came of it: of the others the head says it of all, come or not. */
bool sound_is_summed(const struct sound *sound);
/* "wav", "flac", "ogg", "mpeg", "mp4", "webm"; "unknown" */
const char *sound_kind_name(enum sound_kind kind);
