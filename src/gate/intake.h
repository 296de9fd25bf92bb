/*
 * What comes in: how a request becomes a call, and what its exchange has to tell from then on. For
 * whoever routes the requests (struct gate_router); threads: the gate's loop alone.
 *
 * Each that is given an exchange takes it over: it is the gate's, or has been refused.
 */
#pragma once

#include "dialect/dialect.h"
#include "dialect/face.h"
#include "registry/registry.h"

struct gate;
struct http_exchange;
struct upload_kind;

/* Of chat, in the words of the client's dialect. */
void call_begin(struct gate *gate, struct http_exchange *x, enum face face, enum dialect dialect);
/* Of another service. */
void call_begin_service(struct gate *gate, struct http_exchange *x, enum face face,
                        enum registry_service service);
/* Of the form with files that is taken at `path`; NULL: none is. */
const struct upload_kind *upload_kind(struct str path);
/* Of such a form, whose body is still to come. */
void upload_begin(struct gate *gate, struct http_exchange *x, enum face face,
                  const struct upload_kind *kind);
/* Likewise, whose body is there already. */
void upload_whole(struct gate *gate, struct http_exchange *x, enum face face,
                  const struct upload_kind *kind);

/* Whether an exchange's owner, which is not NULL and begins with a number of 32 bits that says what
 * it is, is the gate's. */
bool intake_owns(const void *owner);
/* The next five are for owners that are: what net/server.h tells of their exchanges. */
void intake_piece(void *owner, struct str data);
void intake_done(void *owner); /* the body is whole */
void intake_broken(void *owner, enum err err);
void intake_gone(void *owner);
void intake_drained(void *owner);
