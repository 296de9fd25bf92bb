/*
 * The event algebra: what any dialect says of an answer, in one language. Pure values; slices
 * borrow what they were read from and are valid during the call that hands them on.
 *
 * An answer is a list of choices, a choice a list of items, an item has a kind, attributes and byte
 * channels. Grammar, kept by every decoder and wanted by every encoder and by fold_take():
 *
 *   begin (ping | raw | usage | open (delta | note)* close)* finish+ usage? (end | error)
 *
 * Deltas of several open items may interleave; items of a choice are numbered 0, 1, ... as they
 * open; a choice's items are closed before its finish. Nothing comes behind an error or an end; an
 * answer without either was cut.
 *
 * Text ("text" below) is the inside of a JSON string, escapes as they stand: it goes from dialect
 * to dialect without being decoded, and pieces of it may be put together. "JSON" is one value.
 */
#pragma once

#include "base/buf.h"
#include "dialect/dialect.h"

#define EVENT_CHOICES_MAX 128  /* the SDKs' own limit */
#define EVENT_ITEMS_MAX   1024 /* of a choice: the SDKs take 128 calls, parts are more */

enum event_kind {
    EVENT_BEGIN,
    EVENT_OPEN,
    EVENT_DELTA,
    EVENT_NOTE,
    EVENT_CLOSE,
    EVENT_FINISH,
    EVENT_USAGE,
    EVENT_ERROR,
    EVENT_PING,
    EVENT_RAW,
    EVENT_END
};

enum event_item {
    EVENT_TEXT,
    EVENT_REFUSAL, /* text in which the model declines */
    EVENT_REASON,
    EVENT_TOOL,        /* a call of a function; its arguments are the text of a JSON object */
    EVENT_CUSTOM_TOOL, /* a call whose input is free text */
    EVENT_AUDIO,
    EVENT_IMAGE, /* its blob, base64, comes whole in one delta */
    EVENT_HOSTED /* a tool that the vendor runs, or what no other kind is */
};

enum event_channel {
    EVENT_CONTENT,    /* of text and refusals */
    EVENT_ARGS,       /* of tools, custom ones too */
    EVENT_SUMMARY,    /* of reasoning: its part-th summary */
    EVENT_THOUGHT,    /* of reasoning: itself */
    EVENT_SIGNATURE,  /* what the vendor wants back with the item, unread */
    EVENT_SOUND,      /* of audio, base64 */
    EVENT_TRANSCRIPT, /* of audio */
    EVENT_BLOB        /* of images, and of reasoning that is told in cipher; in one delta */
};

enum event_note {
    EVENT_CITATION,   /* Anthropic's form */
    EVENT_ANNOTATION, /* OpenAI's form */
    EVENT_LOGPROBS,   /* Chat's list of tokens */
    EVENT_SAFETY      /* Gemini's ratings and grounding */
};

enum event_finish {
    EVENT_STOP,
    EVENT_STOP_TEXT, /* a stop text of the request was written */
    EVENT_LENGTH,
    EVENT_CONTEXT, /* the model's window is full */
    EVENT_CALLS,   /* tools are to be called; only where the choice has such items */
    EVENT_FILTER,
    EVENT_PAUSE,
    EVENT_BAD_TOOL, /* the model wrote a call that cannot be read */
    EVENT_FINISHES
};

/* Tokens in disjoint classes, in the order of the meter's. */
#define EVENT_TOKENS_TABLE(X) \
    X(IN)                     \
    X(CACHED)                 \
    X(W5M)                    \
    X(W1H)                    \
    X(W30M)                   \
    X(W12H)                   \
    X(WX)                     \
    X(IN_AUDIO)               \
    X(IN_IMAGE)               \
    X(IN_TOOL)                \
    X(CACHED_AUDIO)           \
    X(CACHED_IMAGE)           \
    X(OUT)                    \
    X(REASON)                 \
    X(OUT_AUDIO)              \
    X(OUT_IMAGE)

#define EVENT_AS_ENUM(name) TOKENS_##name,
enum event_token {
    EVENT_TOKENS_TABLE(EVENT_AS_ENUM) TOKENS_COUNT
};
#undef EVENT_AS_ENUM

/* What the client is told. What is billed is the meter's to say, from the raw report; its classes
 * may be put in this one's place before it is encoded. */
struct event_tokens {
    int64_t of[TOKENS_COUNT];
};

struct event_begin {
    enum dialect source;
    struct str id;          /* text, of the upstream; may be empty */
    struct str model;       /* text, as declared; may be empty */
    struct str fingerprint; /* text; may be empty */
    struct str tier;        /* text; may be empty */
    int64_t created_s;      /* 0: not told */
};

struct event_open {
    enum event_item kind;
    bool redacted;      /* reasoning that has a blob and no text */
    struct str id;      /* text: the item's own; may be empty, as all of these */
    struct str call_id; /* text: what a tool's result will name */
    struct str name;    /* text: of a tool; an image's media type */
    struct str space;   /* text: the tool's namespace */
    struct str phase;   /* text: what part of the work a message is */
    struct str json;    /* of a hosted item: it, as the vendor began it */
};

struct event_error {
    int status;         /* HTTP, as near as its dialect tells; 0: not told */
    struct str type;    /* text */
    struct str code;    /* text */
    struct str message; /* text */
    struct str param;   /* text */
};

struct event {
    enum event_kind kind;
    uint32_t choice;
    uint32_t item;
    union {
        struct event_begin begin;
        struct event_open open;
        struct event_error error;
        struct {
            enum event_channel channel;
            uint32_t part; /* of summaries */
            struct str text;
        } delta;
        struct {
            enum event_note kind;
            struct str json;
        } note;
        struct {
            enum event_finish reason;
            struct str stop_text; /* text; may be empty */
        } finish;
        struct {
            struct event_tokens tokens;
            struct str raw; /* JSON, as it was reported; the answer's so far, not this event's */
        } usage;
        struct {
            enum dialect source;
            struct str name;
            struct str data;
        } raw; /* what no other event says; for the same dialect alone */
    };
};

/* Whoever is told events. A failure ends the reading and is what the reader returns. */
struct event_sink {
    enum err (*take)(void *context, const struct event *event);
    void *context;
};

EP_MUST_CHECK static inline enum err event_give(const struct event_sink *sink,
                                                const struct event *event)
{
    return sink->take(sink->context, event);
}

const char *dialect_name(enum dialect dialect);
/* "stop", "length", ...: for logs and tests. */
const char *event_finish_name(enum event_finish finish);
const char *event_item_name(enum event_item item);
const char *event_channel_name(enum event_channel channel);
/* What a reason comes to for a choice: whether there are calls is told by its items. */
enum event_finish event_finish_with(enum event_finish told, bool has_calls);
int64_t event_tokens_sum(const struct event_tokens *tokens);
