/* A voice session, as its own files see it: voice.c the socket and the turns, voice_hear.c,
 * voice_think.c and voice_speak.c a part of a segment each, voice_call.c their calls. */
#pragma once

#include "crypto/digest.h"
#include "dialect/sentence.h"
#include "dialect/xiaozhi.h"
#include "front/front_internal.h"
#include "front/voice.h"
#include "front/voice_as.h"
#include "front/voice_history.h"
#include "front/voice_play.h"
#include "front/voice_seats.h"
#include "loop/worker.h"
#include "net/channel.h"
#include "net/inner.h"
#include "sound/ear.h"
#include "sound/mouth.h"
#include "wire/sse.h"

#define VOICE_MAGIC 0x564F4943U /* "VOIC" */
#define VOICE_SEC   INT64_C(1000000000)

/* Of answers that are read whole: a transcription, an error. */
#define VOICE_ANSWER_MAX ((size_t)256 * 1024)
/* Of an answer in sentences that wait to be spoken: five minutes; and of what was spoken. */
#define VOICE_SAID_MAX ((size_t)32 * 1024)
/* An answer is cut behind so many tokens: two minutes of speech, which no child hears out. */
#define VOICE_TOKENS_MAX 400

struct voice;

/* One call of a segment. */
struct voice_call {
    struct http_inner inner;
    struct voice *voice;
    struct gate_actor actor;
    int status;      /* 0: no head yet */
    struct buf body; /* of an answer that is read whole */
};

/* Work on sound, on a worker's thread: it has all that is named here until it is done. */
struct voice_hear {
    struct voice_call call;
    struct job job;
    struct ear ear;
    struct buf queued; /* packets as a mouth gives them: for the next job */
    struct buf taken;  /* of the job under way */
    struct fail fail;
    enum err err;
    bool pauses; /* end the segment */
    bool running;
    bool reset;    /* what the job under way hears is of no use any more */
    bool complete; /* the segment is over: what is queued is the last of it */
};

struct voice_think {
    struct voice_call call;
    struct sse sse;
    struct sentence sentence;
    struct buf asked;     /* what was heard */
    struct buf sentences; /* that wait to be spoken, a NUL behind each */
    enum err err;         /* of text that came in */
    bool over;            /* no further text comes */
};

struct voice_speak {
    struct voice_call call;
    struct job job;
    struct mouth mouth;
    struct buf queued; /* of a WAV file: for the next job */
    struct buf taken;
    struct fail fail;
    enum err err;
    struct voice_play play;
    struct buf said; /* sentences that were told the device */
    bool running;
    bool reset;
    bool saying; /* a sentence is asked for, or made packets of */
    bool whole;  /* its file is in */
    bool last;   /* the job under way has its end */
    bool begun;  /* the device was told that it is spoken to */
};

struct voice {
    uint32_t magic;
    struct front *front;
    struct channel channel;
    struct xiaozhi_session session;
    const struct api_key *key;
    const char *hint; /* of the text that it was shown */
    struct http_from from;
    char id_text[ID_SHOWN_MAX];
    struct str id;          /* of the session */
    struct voice_seat seat; /* of a device's session */
    struct timer tick;
    int64_t begun_ns;
    int64_t active_ns;              /* when somebody last spoke */
    int64_t turns_full_ns;          /* of a key that no device has; ident/wake.h */
    struct gate_snapshot *snapshot; /* of the segment under way; NULL: there is none */
    struct voice_as as;             /* in it; without one its numbers alone */
    struct id segment;
    int64_t steps; /* calls of it so far */
    struct voice_hear hear;
    struct voice_think think;
    struct voice_speak speak;
    struct voice_history history;
    bool leaving; /* it says its farewell, and hears nothing any more */
    char leave_text[WEBSOCKET_REASON_MAX + 1];
    int64_t leave_ns; /* since then */
    bool closed;      /* the socket is: only work on a worker's thread is waited for */
};

/* voice.c */

/* A turn has failed: the toy is told, and its segment ends. `message`: for who holds it. */
void voice_fail(struct voice *voice, struct str message);
/* As voice_fail(), and the session ends, because the next turn would fail as well. */
void voice_fail_for_good(struct voice *voice, struct str message);
/* What the fleet and the day leave of talk. ERR_TURNS_MINUTE: this turn is one too many;
 * ERR_SECONDS_DAY. */
EP_MUST_CHECK enum err voice_take_turn(struct voice *voice);
/* It has talked for so long, heard or spoken to. */
void voice_talked(const struct voice *voice, int64_t ms);
/* As voice_fail_for_good(), but who speaks with the toy is told so in speech first, if the operator
 * has recorded it: something is used up, and nobody has done wrong. */
void voice_leave(struct voice *voice, struct str message);
/* All of an answer is heard, or there is none. */
void voice_answered(struct voice *voice);
/* The segment is over for the ear: what is heard of it is asked about. */
void voice_heard(struct voice *voice);
/* Sends a text message that was written into `out`, and frees it. */
void voice_send(struct voice *voice, enum err written, struct buf *out);
/* Looks again at what is due, in this turn of the loop or the next. */
void voice_tick_now(struct voice *voice);
/* Frees it once it is closed and nobody works for it. */
void voice_end(struct voice *voice);

/* voice_hear.c */

void voice_hear_init(struct voice *voice);
void voice_hear_fini(struct voice *voice);
void voice_hear_reset(struct voice *voice); /* what was heard is dropped */
void voice_hear_packet(struct voice *voice, struct str packet);
void voice_hear_stop(struct voice *voice); /* no more of the segment comes */
/* Tries again what found no worker. */
void voice_hear_pump(struct voice *voice);
/* The call of transcription. */
void voice_hear_ask(struct voice *voice);

/* voice_think.c */

void voice_think_init(struct voice *voice);
void voice_think_fini(struct voice *voice);
void voice_think_reset(struct voice *voice);
/* Asks about `text`, which was heard. */
void voice_think_ask(struct voice *voice, struct str text);
/* The next sentence to be spoken, taken out into `ret_text`. False: none is there yet. */
bool voice_think_sentence(struct voice *voice, struct buf *ret_text);

/* voice_speak.c */

void voice_speak_init(struct voice *voice);
void voice_speak_fini(struct voice *voice);
void voice_speak_reset(struct voice *voice);
/* Says a sound file that is there, instead of an answer. ERR_NO_MEMORY, ERR_LIMIT. */
EP_MUST_CHECK enum err voice_speak_file(struct voice *voice, struct str wav);
/* Asks for the next sentence if it is time, and works on what has come. */
void voice_speak_pump(struct voice *voice);
/* Sends what is due. Gives when to look again; INT64_MAX: when something comes. */
int64_t voice_speak_play(struct voice *voice);

/* voice_call.c */

void voice_call_init(struct voice_call *call, struct voice *voice,
                     const struct http_inner_events *events);
void voice_call_fini(struct voice_call *call);
void voice_call_reset(struct voice_call *call); /* broken off, if it is under way */
/* Takes `body` over. On a failure the turn has failed. `headers`: whole lines. */
void voice_call_start(struct voice_call *call, struct str target, struct str headers,
                      struct buf *body);
/* For on_head, on_body and on_failed of calls. False: it is no success, and the bytes are kept. */
void voice_call_on_head(struct http_inner *inner, int status, struct str headers);
bool voice_call_took(struct voice_call *call, struct str data);
void voice_call_on_failed(struct http_inner *inner, enum err err);
/* For on_end. False: it was refused, and the turn has failed with what the refusal says. */
bool voice_call_succeeded(struct voice_call *call);
