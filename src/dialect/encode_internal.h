/* What the encoders of the four dialects share. */
#pragma once

#include "dialect/carry.h"
#include "dialect/encode.h"
#include "dialect/refusal.h"
#include "dialect/tokens.h"
#include "wire/json.h"

/* What was told of an item whose turn it is not yet: pieces in their order. */
struct encode_pending {
    struct encode_pending *next;
    struct rope text;
    enum event_channel channel;
};

struct encode_item {
    struct encode_item *next; /* in the order in which they opened */
    struct encode_pending *pending;
    struct encode_pending *pending_end;
    struct event_open open; /* its texts are copies, where they are needed later */
    struct rope args;       /* Gemini */
    struct rope signature;  /* told whole, at the end: readers take the last piece for all of it */
    uint32_t choice;
    uint32_t item;
    uint32_t number; /* the target's own: of tool, block or output item */
    uint32_t part;   /* of the summary that is being told */
    bool told_part;
    bool dropped; /* the target cannot be told of it */
    bool started;
    bool closed;
};

struct encode_choice {
    struct encode_choice *next;
    uint32_t index;
    uint32_t calls;
    uint32_t reasons;
    struct str signature;     /* Gemini: of the call that comes next */
    enum event_finish reason; /* Gemini: told at the end */
    bool role;                /* was told */
    bool refused;
};

EP_MUST_CHECK enum err encode_choice_at(struct encode *encode, uint32_t index,
                                        struct encode_choice **ret_choice);
/* A new item, its texts copied. */
EP_MUST_CHECK enum err encode_item_add(struct encode *encode, const struct event *event,
                                       struct encode_item **ret_item);
/* The item that an event is of; it must be there. */
struct encode_item *encode_item_of(struct encode *encode, const struct event *event);
/* Text that waits for the item's end, within what may wait. */
EP_MUST_CHECK enum err encode_keep(struct encode *encode, struct rope *rope, struct str text);
/* The item's signature, whole; it waits no longer. */
EP_MUST_CHECK enum err encode_signature(struct encode *encode, struct encode_item *item,
                                        struct str *ret_text);
/* A call's id: its own as the target takes it, or one made from the call's and the item's. */
void encode_call_id(struct put *put, const struct encode_options *options, struct str call_id,
                    uint32_t choice, uint32_t item);
/* What the answer is called: `prefix` and the call; the upstream's id where there is none. */
void encode_answer_id(struct put *put, const struct encode_options *options, const char *prefix,
                      struct str upstream_id);
struct str encode_model(const struct encode_options *options, const struct event_begin *begin);
int64_t encode_created(const struct encode_options *options, const struct event_begin *begin);
/* Arguments as JSON: *ret_json is "{}" for nothing, empty for what is no JSON object. */
EP_MUST_CHECK enum err encode_args(struct arena *arena, struct str text, struct str *ret_json);
/* Whether the target cannot be told of an item; notes what is lost either way. */
bool encode_drops(enum dialect target, const struct event_begin *begin, uint32_t choice,
                  const struct event_open *open, struct lost *lost);
/* Notes what is said of an item that the target has no place for. */
void encode_note_open(enum dialect target, const struct event_open *open, struct lost *lost);
/* Notes what a note says that `target` cannot be told; true: it can. */
bool encode_takes_note(enum dialect source, enum dialect target, enum event_note kind,
                       struct lost *lost);
/* What stands between two parts of an item's reasoning: nothing before the first. */
struct str encode_between(struct encode_item *item, const struct event *event);
/* The tokens that were reported, or those that we counted. */
struct event_tokens encode_tokens(const struct encode *encode);

EP_MUST_CHECK enum err encode_chat_take(struct encode *encode, const struct event *event);
EP_MUST_CHECK enum err encode_anthropic_take(struct encode *encode, const struct event *event);
EP_MUST_CHECK enum err encode_responses_take(struct encode *encode, const struct event *event);
EP_MUST_CHECK enum err encode_gemini_take(struct encode *encode, const struct event *event);

/* A body being written. */
struct encode_whole {
    const struct encode_options *options;
    struct fold *fold;
    struct put put;
    struct lost *lost;
};

void encode_chat_body(struct encode_whole *whole);
void encode_anthropic_body(struct encode_whole *whole);
void encode_responses_body(struct encode_whole *whole);
void encode_gemini_body(struct encode_whole *whole);
/* All that was said in a channel; a failure is the writer's. */
struct str encode_said(struct encode_whole *whole, const struct fold_item *item,
                       enum event_channel kind);
/* A reasoning item's thoughts and summaries as one, parts of a summary two lines apart. */
void encode_thoughts(struct encode_whole *whole, const struct fold_item *item);
