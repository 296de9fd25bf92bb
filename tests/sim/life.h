/*
 * One life of the server: the production code from its store to its gate, wired as src/app does it,
 * on a simulated loop, network and disk. The store's writer is a loop of its own that takes a batch
 * whenever the seed says.
 *
 * A life ends as a process does: closed in good order, or killed, when nothing more of it reaches
 * disk or network.
 */
#pragma once

#include "base/id.h"
#include "disk.h"
#include "front/front.h"
#include "store/store.h"

struct ident;
struct ledger;
struct life;
struct play;

/* Opens the books, ends what the last life left open, and begins to sell. On failure nothing is
 * left but what is on the disk; play->life is set otherwise. */
EP_MUST_CHECK enum err life_open(struct play *play, struct fail *fail);
/* Makes clients, keys and credit: those that are not there yet. */
EP_MUST_CHECK enum err life_furnish(struct play *play, struct fail *fail);
/* Another process tries to open the same books, and must not. */
void life_rival(struct play *play);
void life_kill(struct play *play, enum disk_end_kind kind);
/* Takes no more calls, lets those under way end for a while, and cuts the rest. */
void life_rest(struct play *play);
/* In good order; it is at rest. */
void life_close(struct play *play);
/* An account's credit as the server has it in memory. */
struct life_credit {
    int64_t available;
    int64_t held;
    int64_t spent;
};
struct life_credit life_credit(const struct life *life, struct id account);
/* What a key has left of all limits that are its, its client's and model 0's, when nothing is under
 * way. */
struct account;
struct life_left {
    int64_t requests;
    int64_t tokens;
    bool place; /* of those at once there is one */
};
struct life_left life_left(struct life *life, const struct account *account, int hand);
struct store *life_store(const struct life *life);
struct ident *life_ident(const struct life *life);
struct ledger *life_ledger(const struct life *life);
/* Its log is shorter than it has been: it sells nothing. */
bool life_is_behind(const struct life *life);
bool life_failed(const struct life *life); /* its store has */
/* Calls that recovery ended at the opening. */
size_t life_recovered(const struct life *life);
/* Whether no upstream is asked before the call's hold is durable (hold_gate: before). */
bool life_holds_first(const struct life *life);
