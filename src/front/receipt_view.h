/*
 * A receipt's document (tlog/receipt_doc.h), written from its rows: for the client, for the
 * operator, with what proves it. Reads only; from a thread that may wait.
 */
#pragma once

#include "base/buf.h"
#include "tlog/tlog.h"

struct gate_log;

#define RECEIPT_VIEW_CLIENT ((1U << RECEIPT_CLIENT) | (1U << RECEIPT_EVIDENCE))
#define RECEIPT_VIEW_ALL    ((1U << RECEIPT_SECTIONS) - 1)

struct receipt_view {
    struct store_txn *txn; /* the snapshot in which `found` was found */
    const struct tlog_found *found;
    unsigned sections;          /* which are shown: bits by enum receipt_section */
    const struct gate_log *log; /* NULL: neither promise nor key */
};

/* Appends the document. */
EP_MUST_CHECK enum err receipt_view_write(const struct receipt_view *view, struct buf *out,
                                          struct fail *fail);
