/*
 * Marks of a stream's progress: after each 500 ms or 256 tokens what was delivered so far is put
 * where the next commit takes it along; where none comes within 50 ms, an empty job makes one. So a
 * crash gives away at most what one such interval delivered, and a short call writes no mark.
 *
 * What the client's connection has not taken yet is not marked: it would be lost with the process.
 * Inside the gate only, on the call's loop.
 */
#pragma once

#include "ledger/mark.h"
#include "loop/loop.h"

struct call;

#define CALL_MARK_NS     INT64_C(500000000)
#define CALL_MARK_TOKENS 256

/* What is kept of the last one between marks. */
struct call_marked {
    int64_t at_ns;  /* when it was made; 0: none was yet */
    int64_t tokens; /* of output that it tells of */
};

/* Lives until a commit has taken the mark along, so that an idle stream keeps none. */
struct call_mark {
    struct ledger_mark row;
    struct timer timer; /* until it is looked whether a commit has taken the mark along */
    struct store_job job;
    struct call *call;
    bool job_on_its_way;
    char key[ID_SHOWN_MAX]; /* as receipts show it */
    size_t key_len;
    char price_book[LEDGER_MARK_TEXT_MAX];
    size_t price_book_len;
};

/* Bytes of a stream were handed on: is a mark due? Without memory there is none. */
void call_mark_look(struct call *call);
/* Before the settlement: no commit writes a mark any more. */
void call_mark_end(struct call *call);
bool call_mark_is_idle(const struct call *call);
void call_mark_free(struct call *call);
