/*
 * Fold: events put together to a whole answer, for answers that are not streamed, for what an
 * encoder has to say again at the end, and for tests. Pure.
 *
 * All of it lies in the caller's arena: twice the bytes of what was told, 64 KiB for the longest
 * channel's last block, 250 bytes an item and 64 a channel; the arena's limit is the bound, at
 * which fold_take() fails with ERR_NO_MEMORY.
 * What breaks the grammar of dialect/event.h is a programmer's fault and asserted.
 *
 * Channels are ropes; they are one piece of text after fold_text(). Not thread-safe.
 */
#pragma once

#include "base/arena.h"
#include "dialect/event.h"
#include "dialect/rope.h"

struct fold_channel {
    struct fold_channel *next; /* in the order in which they began */
    struct rope text;
    uint32_t part; /* of summaries */
    enum event_channel kind;
};

struct fold_note {
    struct fold_note *next;
    struct str json;
    enum event_note kind;
};

struct fold_item {
    struct fold_item *next;
    struct fold_channel *channels;
    struct fold_note *notes;
    struct event_open open; /* its texts are copies */
    uint32_t item;
    bool closed;
};

struct fold_choice {
    struct fold_choice *next; /* by index */
    struct fold_item *items;
    struct fold_item *last;
    struct str stop_text;
    enum event_finish reason;
    uint32_t index;
    uint32_t count;
    bool finished;
};

struct fold {
    struct arena *arena;
    struct event_begin begin;
    struct fold_choice *choices;
    struct event_tokens tokens; /* the last report */
    struct event_error error;
    bool begun;
    bool has_usage;
    bool failed; /* `error` says why */
    bool ended;
};

void fold_init(struct fold *fold, struct arena *arena);
/* An event_sink's function; `fold` is a struct fold. ERR_NO_MEMORY. */
EP_MUST_CHECK enum err fold_take(void *fold, const struct event *event);

/* The item an event is of; it must be there. */
struct fold_item *fold_find(const struct fold *fold, uint32_t choice, uint32_t item);
/* All of a channel in one piece, valid as long as the arena; empty where nothing was said.
 * ERR_NO_MEMORY. */
EP_MUST_CHECK enum err fold_text(struct fold *fold, const struct fold_item *item,
                                 enum event_channel kind, struct str *ret_text);
/* The same of one channel of the list. */
EP_MUST_CHECK enum err fold_join(struct fold *fold, struct fold_channel *channel,
                                 struct str *ret_text);
