/*
 * What an entry of the log says it is, for who reads the log without the books: its kind, and
 * whether it has exactly the form in which entries of that kind are written. Pure.
 */
#pragma once

#include "base/str.h"

enum entry_kind {
    ENTRY_RECEIPT,
    ENTRY_REGISTRY, /* a version that came into force */
    ENTRY_EVENT,    /* a start, a restore, a gap */
    ENTRY_KEY,      /* a change of keys; salted */
    ENTRY_PRICES,   /* a price book; salted */
    ENTRY_KINDS
};

/* "receipt", ... */
const char *entry_kind_name(enum entry_kind kind);

/* ERR_OK; ERR_NOT_FOUND: of a kind that is not known here, which *fail names; ERR_RECEIPT_INVALID:
 * not canonical JSON, or not of its kind's form. */
EP_MUST_CHECK enum err entry_form(struct str entry, enum entry_kind *ret_kind, struct fail *fail);
/* What an entry that entry_form() took for an event calls it: "restored"; borrowed. */
struct str entry_event(struct str entry);
