/* What the decoders of the four dialects share. */
#pragma once

#include "dialect/decode.h"
#include "wire/json.h"

struct decode_item {
    struct decode_item *next; /* of the choice, newest first */
    struct str id;            /* Responses: by which deltas may name it */
    int64_t key;              /* the dialect's own index of it; below 0: none */
    int64_t part;             /* Responses: of the content part in the item at `key` */
    uint32_t item;
    enum event_item kind;
    bool open;
    bool spoke;            /* something was said in it */
    bool signed_;          /* its signature was told */
    struct text_scan scan; /* of a tool's arguments */
};

struct decode_choice {
    struct decode_choice *next;
    struct decode_item *items;
    uint32_t index;
    uint32_t count; /* of items */
    uint32_t calls; /* of them, those of tools */
    bool finished;
};

/* A member of an object that is looked for, and where its value goes. */
struct decode_member {
    struct str name;
    struct str *value;
};

/* One JSON object with as many members as any event has. */
#define DECODE_MEMBERS_MAX 64

/* The choice of that index, made if it is new. */
EP_MUST_CHECK enum err decode_choice_at(struct decode *decode, int64_t index,
                                        struct decode_choice **ret_choice);
EP_MUST_CHECK enum err decode_begin(struct decode *decode, const struct event_begin *begin);
EP_MUST_CHECK enum err decode_open(struct decode *decode, struct decode_choice *choice,
                                   const struct event_open *open, int64_t key,
                                   struct decode_item **ret_item);
/* Nothing is told of an empty text. */
EP_MUST_CHECK enum err decode_delta(struct decode *decode, const struct decode_choice *choice,
                                    struct decode_item *item, enum event_channel channel,
                                    struct str text);
EP_MUST_CHECK enum err decode_summary(struct decode *decode, const struct decode_choice *choice,
                                      struct decode_item *item, uint32_t part, struct str text);
EP_MUST_CHECK enum err decode_note(struct decode *decode, const struct decode_choice *choice,
                                   const struct decode_item *item, enum event_note kind,
                                   struct str json);
EP_MUST_CHECK enum err decode_close(struct decode *decode, const struct decode_choice *choice,
                                    struct decode_item *item);
EP_MUST_CHECK enum err decode_close_all(struct decode *decode, const struct decode_choice *choice);
/* Closes what is open; a second finish of a choice is nothing. */
EP_MUST_CHECK enum err decode_finish(struct decode *decode, struct decode_choice *choice,
                                     enum event_finish reason, struct str stop_text);
EP_MUST_CHECK enum err decode_usage(struct decode *decode, const struct event_tokens *tokens,
                                    struct str raw);
EP_MUST_CHECK enum err decode_error(struct decode *decode, const struct event_error *error);
EP_MUST_CHECK enum err decode_ping(struct decode *decode);
EP_MUST_CHECK enum err decode_raw(struct decode *decode, struct str name, struct str data);
/* There are choices 0, 1, ... without gaps, and each has a finish. */
bool decode_is_finished(const struct decode *decode);
/* The end, or ERR_UPSTREAM_CUT where a choice has no finish. */
EP_MUST_CHECK enum err decode_stop(struct decode *decode);
/* The open item of that kind that is newest; NULL: there is none. */
struct decode_item *decode_open_item(const struct decode_choice *choice, enum event_item kind);
/* The item with that key; NULL: there is none. */
struct decode_item *decode_item_at(const struct decode_choice *choice, int64_t key);
/* Events that are like the one before (struct decode_like). Before one is read whole; */
void decode_like_begin(struct decode *decode);
/* when it was: the next is compared with it, if it is one to compare with. */
void decode_like_keep(struct decode *decode, struct str data);
/* Whether `data` is like it, and its text; */
bool decode_like_find(const struct decode *decode, struct str data, struct str *ret_text);
/* which is told where the last one was. */
EP_MUST_CHECK enum err decode_like_tell(struct decode *decode, struct str text);
/* A raw JSON value as text, in the scratch buffer, until the next call. */
EP_MUST_CHECK enum err decode_as_text(struct decode *decode, struct str json, struct str *ret_text);
/* One value of which all members are needed: checked. ERR_UPSTREAM_SYNTAX for no object. */
EP_MUST_CHECK enum err decode_object(struct str text);
/* Notes a member's value if it is one of those that are looked for. */
void decode_member_take(const struct decode_member *wanted, size_t count,
                        const struct json_member *member);
/* An error's members, by the names that all but Gemini use. */
struct event_error decode_error_of(struct str object);
/* What clients take for an error: not null, false, 0, "". */
bool decode_is_truthy(struct str value);

EP_MUST_CHECK enum err decode_chat_event(struct decode *decode, struct str data);
EP_MUST_CHECK enum err decode_chat_body(struct decode *decode, struct str body);
EP_MUST_CHECK enum err decode_responses_event(struct decode *decode, struct str type,
                                              struct str data);
EP_MUST_CHECK enum err decode_responses_body(struct decode *decode, struct str body);
EP_MUST_CHECK enum err decode_anthropic_event(struct decode *decode, struct str type,
                                              struct str data);
EP_MUST_CHECK enum err decode_anthropic_body(struct decode *decode, struct str body);
EP_MUST_CHECK enum err decode_gemini_event(struct decode *decode, struct str data);
EP_MUST_CHECK enum err decode_gemini_body(struct decode *decode, struct str body);
