/*
 * OpenAI's audio: what a request for speech asks for, what answers of speech and of transcriptions
 * say. Pure; results borrow the text. (A request for a transcription is a form: gate/upload.h.)
 */
#pragma once

#include "dialect/ask.h"
#include "dialect/chat.h"

#define SPEECH_SPEED_MIN INT64_C(25) /* hundredths: 0.25 to 4, as the API has it */
#define SPEECH_SPEED_MAX INT64_C(400)

enum speech_format {
    SPEECH_MP3, /* where none is asked for */
    SPEECH_OPUS,
    SPEECH_AAC,
    SPEECH_FLAC,
    SPEECH_WAV,
    SPEECH_PCM, /* 24 kHz, 16 bits, one channel, no head */
    SPEECH_FORMATS
};

#define SPEECH_PCM_BYTES INT64_C(48000) /* a second of it */

struct speech_ask {
    struct str input; /* a JSON string */
    int64_t chars;    /* its code points */
    int64_t speed;    /* hundredths */
    enum speech_format format;
    bool events; /* the answer is to come as events, not as bytes */
};

/* As ask_read_own(); the fields: input, voice, response_format, speed, stream_format. */
EP_MUST_CHECK enum err speech_read(struct str body, struct ask *ret_ask,
                                   struct speech_ask *ret_speech, struct fail *fail);
/* One event of a speech that comes as events, for a relay: "speech.audio.done" ends it. */
void speech_event_read(struct str data, struct chat_event *ret_event);

struct transcription_answer {
    bool error;
    struct str usage; /* an object of tokens; empty: none */
    struct str told;  /* likewise, be it of seconds */
    int64_t ms;       /* that the recording is said to have; -1: not told */
};

/* A whole answer in JSON. False: it is none, or has no text. An answer with `error` is true. */
EP_MUST_CHECK bool transcription_answer_read(struct str body,
                                             struct transcription_answer *ret_answer);
/* One event of its stream: "transcript.text.done" ends it. */
void transcription_event_read(struct str data, struct chat_event *ret_event);
/* Seconds, as a JSON number or as a text of one, in ms, rounded up; false: none, or below 0, or
 * more than a week. */
EP_MUST_CHECK bool audio_read_seconds(struct str value, int64_t *ret_ms);
