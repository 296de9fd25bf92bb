/*
 * Signs of life: a stream of events whose client was told nothing for a while (limits.ping_ms) gets
 * a comment, which readers of every dialect pass over and proxies on the way take for traffic. Not
 * before its head has left, and not while the client has yet to take what was sent; nothing else
 * hears of it, so that it is progress to nobody. Inside the gate only, on the loop.
 *
 * A gate has one list of its streams, who was told something least lately first, and one timer, for
 * the first of them: a stream costs two pointers and an instant, an event of it their change.
 */
#pragma once

#include "base/list.h"

struct call;
struct gate;

struct call_ping {
    struct node node;  /* of the gate's streams */
    int64_t spoken_ns; /* when the client was told something last, on the loop's clock */
};

void call_ping_init(struct gate *gate);
void call_ping_fini(struct gate *gate);
/* Bytes of a stream were handed on, the head before them. */
void call_ping_note(struct call *call);
/* The client has gone, or has its end; again, too. */
void call_ping_end(struct call *call);
