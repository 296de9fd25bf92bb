/*
 * The xiaozhi WebSocket protocol, which voice toys speak (docs/voice.md): what a device says, where
 * a session stands, and what is said to the device. Pure; a WebSocket message at a time.
 *
 *   OPENING --hello--> IDLE --listen start--> LISTENING --stop, or heard--> ANSWERING --answered-.
 *                       ^  <-----abort------------'  '----start: anew-'         |              |
 *                       '----------------------abort, answered------------------'--------------'
 *
 * state       true in it                              ended by
 * OPENING     the socket is open, nobody knows how    the device's hello
 *             audio is framed
 * IDLE        agreed; nobody speaks                   listen start
 * LISTENING   audio of a segment comes in             listen stop, a pause (the server's
 *                                                     judgement), abort
 * ANSWERING   the segment is heard, thought about     the end of what is spoken; abort; listen
 *             and answered                            start, which interrupts
 *
 * In mode "realtime" the device listens without end and tells no start again: what would be IDLE
 * after an answer is LISTENING. In mode "auto" it tells no stop, so the server ends a segment.
 *
 * Audio outside LISTENING is dropped: devices send what they heard before a wake word, and go on
 * sending for a moment after a stop. Messages of a type that is not known are ignored, as devices
 * do themselves, and so are members that are not known: firmware of many years asks here.
 */
#pragma once

#include "base/buf.h"

#define XIAOZHI_HEADER_MAX 16 /* of binary version 2 */
/* A packet of 120 ms at Opus's highest rate is 7,650 bytes (RFC 6716, 3.2.1: 6 frames of 1,275). */
#define XIAOZHI_PACKET_MAX ((size_t)7650)
/* A hello with features and font is 400 bytes; a toy's list of tools is the longest that comes. */
#define XIAOZHI_TEXT_MAX ((size_t)64 * 1024)

/* What firmware sends, and is taken where a hello says nothing; and what it expects of a server
 * that says nothing. */
#define XIAOZHI_RATE_IN  16000
#define XIAOZHI_FRAME_MS 60
#define XIAOZHI_RATE_OUT 24000

enum xiaozhi_kind {
    XIAOZHI_HELLO,
    XIAOZHI_LISTEN,
    XIAOZHI_ABORT,
    XIAOZHI_OTHER /* ignored */
};

enum xiaozhi_listen {
    XIAOZHI_START,
    XIAOZHI_STOP,
    XIAOZHI_DETECT /* a wake word */
};

enum xiaozhi_mode {
    XIAOZHI_AUTO,
    XIAOZHI_MANUAL,
    XIAOZHI_REALTIME
};

struct xiaozhi_message {
    enum xiaozhi_kind kind;
    /* hello */
    int version;     /* 0: not said */
    int sample_rate; /* Hz, one that Opus has */
    int frame_ms;    /* of a packet: 10, 20, 40 or 60 */
    /* listen */
    enum xiaozhi_listen listen;
    enum xiaozhi_mode mode; /* of a start */
};

/*
 * A text message. ERR_JSON_SYNTAX, ERR_JSON_DEPTH, ERR_ASK_MISSING, ERR_ASK_INVALID,
 * ERR_ASK_DUPLICATE or ERR_ASK_UNSUPPORTED: `fail` names the field, in words for a device's maker.
 */
EP_MUST_CHECK enum err xiaozhi_read(struct str text, struct xiaozhi_message *ret_message,
                                    struct fail *fail);

/* A binary message of version 1, 2 or 3, unpacked. */
struct xiaozhi_packet {
    bool json; /* version 2 and 3 may carry a text message so */
    struct str payload;
};

/* ERR_ASK_INVALID: the header does not fit the message. The timestamp of version 2 is not looked
 * at: devices' clocks say nothing that anybody here relies on. */
EP_MUST_CHECK enum err xiaozhi_unpack(int version, struct str bytes,
                                      struct xiaozhi_packet *ret_packet, struct fail *fail);
/* What stands in front of a packet of `size` bytes: its length, 0 in version 1. */
size_t xiaozhi_header(int version, size_t size, char ret_header[XIAOZHI_HEADER_MAX]);

/* ---- a session --------------------------------------------------------------------------- */

enum xiaozhi_state {
    XIAOZHI_OPENING,
    XIAOZHI_IDLE,
    XIAOZHI_LISTENING,
    XIAOZHI_ANSWERING
};

/* What the owner of a session has to do. */
enum xiaozhi_act {
    XIAOZHI_NOTHING,
    XIAOZHI_GREET,     /* send the server's hello */
    XIAOZHI_WAKE,      /* count a wake-up */
    XIAOZHI_BEGIN,     /* a segment begins; what an earlier one heard is dropped */
    XIAOZHI_HEARD,     /* the segment is complete */
    XIAOZHI_DROP,      /* the segment ends unheard */
    XIAOZHI_INTERRUPT, /* the answer ends */
    XIAOZHI_BARGE      /* the answer ends, and a segment begins */
};

struct xiaozhi_session {
    enum xiaozhi_state state;
    int version; /* 1, 2 or 3 */
    int sample_rate;
    int frame_ms;
    enum xiaozhi_mode mode;
};

/* `version`: of the header Protocol-Version; 0: none was sent. False: there is no such version. */
EP_MUST_CHECK bool xiaozhi_session_init(struct xiaozhi_session *session, int version);
/* Steps by a message. ERR_ASK_INVALID: it may not stand there (no hello yet, a second one, one of
 * another version than the header's), `fail` says which. */
EP_MUST_CHECK enum err xiaozhi_session_take(struct xiaozhi_session *session,
                                            const struct xiaozhi_message *message,
                                            enum xiaozhi_act *ret_act, struct fail *fail);
/* Whether audio that comes now belongs to a segment. ERR_ASK_INVALID: there was no hello. */
EP_MUST_CHECK enum err xiaozhi_session_hears(const struct xiaozhi_session *session, bool *ret_hears,
                                             struct fail *fail);
/* LISTENING > ANSWERING: a pause, or the longest segment. */
void xiaozhi_session_heard(struct xiaozhi_session *session);
/* LISTENING or ANSWERING > what follows an answer, or a segment that came to nothing. True: another
 * segment begins (realtime). */
bool xiaozhi_session_answered(struct xiaozhi_session *session);

/* ---- what is said to a device ------------------------------------------------------------ */

/* Each appends one message. `session` is the session's id. */
EP_MUST_CHECK enum err xiaozhi_write_hello(struct buf *out, struct str session, int frame_ms);
EP_MUST_CHECK enum err xiaozhi_write_stt(struct buf *out, struct str session, struct str text);
/* The face that the toy shows; `text` is the emoji for it. */
EP_MUST_CHECK enum err xiaozhi_write_llm(struct buf *out, struct str session, struct str emotion,
                                         struct str text);
/* `state`: start, sentence_start (with the sentence), stop. `text` may be empty. */
EP_MUST_CHECK enum err xiaozhi_write_tts(struct buf *out, struct str session, struct str state,
                                         struct str text);
/* The protocol's error: shown, and played as a warning. */
EP_MUST_CHECK enum err xiaozhi_write_alert(struct buf *out, struct str session, struct str message);
