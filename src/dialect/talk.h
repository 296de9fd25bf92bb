/*
 * A talk: what a request asks for, in no dialect. Read from the client's dialect, written for the
 * upstream's, where the two differ; where they are the same, the request goes on byte for byte
 * (dialect/ask.h) and no talk is made. Pure; everything borrows the body or lies in the arena.
 *
 * Nothing is dropped in silence: what a pair cannot carry is refused with its field named, before
 * anything is held; what neither the answer nor its price hangs on is left out and noted in `lost`
 * (dialect/lost.h). Members that are not known are refused, so are those that stand there twice.
 * The same talk is written as the same bytes, always: prompt caches match bytes.
 *
 * No server keeps anything: what would need that (`store: true`, `previous_response_id`, stored
 * prompts, items by reference, background answers) is refused, and the message says what to send
 * instead.
 *
 * Failures: ERR_JSON_SYNTAX, ERR_JSON_DEPTH, ERR_ASK_MISSING, ERR_ASK_INVALID, ERR_ASK_DUPLICATE,
 * ERR_ASK_UNSUPPORTED (all with `param` and a sentence in `fail`), ERR_LIMIT, ERR_NO_MEMORY.
 */
#pragma once

#include "base/arena.h"
#include "base/tier.h"
#include "dialect/event.h"
#include "dialect/lost.h"

#define TALK_PARAM_MAX 128
#define TALK_TURNS_MAX 10000  /* messages; agents send some hundred */
#define TALK_PARTS_MAX 100000 /* of all turns: what an arena of 16 MiB holds */
#define TALK_TOOLS_MAX 1024   /* the API's own limit is 128; gateways of tools send more */
#define TALK_STOPS_MAX 64

enum talk_role {
    TALK_SYSTEM, /* and developer */
    TALK_USER,   /* and results of tools */
    TALK_MODEL
};

enum talk_kind {
    TALK_TEXT,
    TALK_REFUSAL,
    TALK_IMAGE,
    TALK_AUDIO,
    TALK_FILE,
    TALK_REASON,
    TALK_CALL,
    TALK_CUSTOM_CALL,
    TALK_RESULT
};

struct talk_part {
    struct talk_part *next;
    enum talk_kind kind;
    uint32_t turn;           /* where it stands in the request: its message, */
    uint32_t place;          /* and its place there */
    struct str text;         /* text: of text, refusals, reasoning */
    struct str id;           /* text: of calls and results, as the upstream gave it */
    struct str name;         /* text: of a call; of a file */
    struct str args;         /* text: of a call; */
    struct str args_json;    /* or the object itself */
    struct str media;        /* text: of images, sound and files */
    struct str data;         /* text: base64; */
    struct str url;          /* or text: where it is */
    struct str detail;       /* text: of an image */
    struct str signature;    /* text: of reasoning; of a call (Gemini) */
    struct str cache;        /* JSON: "cache_control" */
    struct talk_part *parts; /* of a result: text, images */
    enum dialect source;     /* whose signature it is */
    bool redacted;           /* reasoning of which the signature is all there is */
    bool custom;             /* a result of a custom call */
    bool failed;             /* a result that is an error */
};

struct talk_turn {
    struct talk_turn *next;
    struct talk_part *parts;
    struct talk_part *last;
    enum talk_role role;
    uint32_t at; /* in the request */
};

struct talk_tool {
    struct talk_tool *next;
    struct str name;        /* text */
    struct str description; /* text */
    struct str schema;      /* JSON, or empty */
    struct str format;      /* JSON: of a custom tool */
    struct str cache;       /* JSON */
    bool custom;            /* takes free text */
    bool strict;
};

enum talk_choice {
    TALK_CHOICE_UNSAID,
    TALK_CHOICE_AUTO,
    TALK_CHOICE_NONE,
    TALK_CHOICE_ANY,
    TALK_CHOICE_NAMED
};

enum talk_effort {
    TALK_EFFORT_UNSAID,
    TALK_EFFORT_NONE,
    TALK_EFFORT_MINIMAL,
    TALK_EFFORT_LOW,
    TALK_EFFORT_MEDIUM,
    TALK_EFFORT_HIGH,
    TALK_EFFORT_XHIGH,
    TALK_EFFORT_MAX
};

enum talk_format {
    TALK_FORMAT_TEXT,
    TALK_FORMAT_JSON,
    TALK_FORMAT_SCHEMA
};

struct talk {
    enum dialect dialect;
    struct arena *arena;
    struct str body;
    struct str model; /* text */
    bool stream;
    bool counts; /* as in its path */
    bool include_usage;
    struct talk_turn *turns;
    struct talk_turn *last_turn;
    struct talk_tool *tools;
    struct talk_tool *last_tool;
    enum talk_choice choice;
    struct str choice_name; /* text */
    bool serial;            /* no two calls at once */
    struct str temperature; /* JSON numbers, as they stand */
    struct str top_p;
    struct str top_k;
    struct str seed;
    struct str frequency_penalty;
    struct str presence_penalty;
    struct str stops[TALK_STOPS_MAX]; /* texts */
    size_t stops_count;
    int64_t choices;    /* 1.. */
    int64_t output_cap; /* tokens; 0: none was given */
    enum talk_effort effort;
    int64_t thinking_budget; /* tokens; 0: none was given */
    bool thoughts;           /* the client wants to see them */
    enum talk_format format;
    struct str format_name;   /* text */
    struct str format_schema; /* JSON */
    bool format_strict;
    struct str verbosity; /* text */
    struct str user;      /* text */
    struct str metadata;  /* JSON */
    enum tier tier;       /* in which the client wants it served; */
    enum tier speed;      /* and beside it, Anthropic's */
    struct lost lost;     /* of what was read */
    uint32_t turns_count;
    uint32_t parts_count;
    uint32_t tools_count;
    char param_text[TALK_PARAM_MAX];
    struct str param; /* with a failure: the field */
    bool notes_own;   /* as in its path */
    char own_text[TALK_PARAM_MAX];
    struct str own;      /* the first field that no other dialect can carry; empty: none */
    const char *own_why; /* of it: how a refusal would go on behind its name */
    bool searches;       /* the vendor may read what nobody has sent, and bills it as input */
};

/* What is not in a request's body: Gemini's clients say it in the path. */
struct talk_path {
    struct str model; /* empty: the body says */
    bool stream;
    bool counts; /* its tokens are to be counted, no more: it needs no cap */
    bool own;    /* what only a route of this dialect carries is noted in `own`, not refused: then
                    the talk says less than the request, and may be written for nobody */
};

/* An upstream, as its route describes it. */
struct talk_target {
    enum dialect dialect;
    struct str model;    /* its own name of it */
    int64_t output_cap;  /* > 0: where the client gave none */
    struct str cap_name; /* Chat: "max_tokens" or "max_completion_tokens" */
    bool no_cap;         /* Chat: the body gets none, whoever sends it puts one in */
    bool no_sampling;    /* refuses temperature, top_p, top_k (Anthropic from 2026-10-21) */
    bool takes_urls;     /* fetches images by itself */
    bool adaptive;       /* thinks by effort (Anthropic) or level (Gemini), not by budget */
};

/* `ret_talk` is always written, for its `param`. */
EP_MUST_CHECK enum err talk_read(enum dialect dialect, struct str body,
                                 const struct talk_path *path, struct arena *arena,
                                 struct talk *ret_talk, struct fail *fail);
/*
 * The upstream's body, appended to `out`. *lost gains what was lost, the reading's losses included.
 * The cap that stands in the body is talk_output_cap(): what is held for.
 */
EP_MUST_CHECK enum err talk_write(struct talk *talk, const struct talk_target *target,
                                  struct buf *out, struct lost *lost, struct fail *fail);
int64_t talk_output_cap(const struct talk *talk, const struct talk_target *target);
/* The members of a Responses request that its answer repeats, each with a comma behind it: for
 * encode_options.echo. */
EP_MUST_CHECK enum err talk_echo(const struct talk *talk, struct buf *out);
