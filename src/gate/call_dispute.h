/*
 * What a call holds against its upstreams: another model's answer, usage that is not there, a name
 * left out. Rows of the call's own settlement, so that receipt, quarantine and claim are durable
 * together. Inside the gate only.
 */
#pragma once

#include "meter/fit.h"
#include "store/store.h"

struct call;

/* Noted on the way, by the call's steps. */
struct call_disputes {
    bool unnamed;            /* against the route's contract, and too often today */
    bool contradicts;        /* the report contradicts itself */
    int64_t counted_seconds; /* of a recording whose report is far beyond it */
    int64_t reported_seconds;
    enum fit_code usage[2]; /* what stood against the route's reports, by the check's sides */
};

/* call_meter.c: tokens of the answer's text that the client saw. */
int64_t call_meter_visible(const struct call *call);

/* On the writer's thread. */
EP_MUST_CHECK enum err call_dispute_write(const struct call *call, struct store_txn *txn,
                                          int64_t now_ns, struct fail *fail);
