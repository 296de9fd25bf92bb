/*
 * Voice sessions: toys that are spoken with (docs/voice.md), by the xiaozhi protocol on a WebSocket
 * connection (dialect/xiaozhi.h). Inside the front only, on its loop.
 *
 * What was said between listen start and stop is a segment: it is heard (a call of transcription),
 * thought about (a call of chat) and answered sentence by sentence (a call of speech each). Each is
 * a call like any other, made as an inner exchange (net/inner.h) for the session's key, with law,
 * hold, settlement and receipt of its own; the receipts name the segment and their step in it.
 *
 *   packets > ear (a worker) > transcription > stt
 *                                   v
 *                                 chat > sentences > speech > mouth (a worker) > packets, paced
 *
 * A session holds one segment at a time. What it hears, reads and says is in memory, bounded, and
 * gone with it.
 */
#pragma once

#include "base/str.h"

struct front;
struct http_exchange;

/* GET /v1/devices/voice: upgrades, or refuses as any request is refused. */
void voice_begin(struct front *front, struct http_exchange *x, struct str path);
