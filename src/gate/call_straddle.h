/*
 * Calls that were admitted under something that has ended since: they finish, for at most ten
 * minutes more, and their receipts say so.
 */
#pragma once

#include "base/err.h"

#define STRADDLE_NS INT64_C(600000000000) /* ten minutes: facts of the law, 2.1 */

struct call;
struct gate;

void call_straddle_init(struct gate *gate);
void call_straddle_fini(struct gate *gate);
/* The call was admitted: it is cut ten minutes after the first end among what admits it. */
void call_straddle_watch(struct call *call);
/* Why a call is cut: its ten minutes are over, or the server stops. */
enum err call_cut_err(const struct call *call);
/* Whether something that admitted the call ended before `now_ns`, on the wall clock. */
bool call_straddles(const struct call *call, int64_t now_ns);
