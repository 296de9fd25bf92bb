/*
 * Chat templates: the text that a model's server makes of a whole chat request, as a program for
 * each family and a generator that runs it over the request's JSON in place. Pure; no allocation,
 * no copy.
 *
 * What is generated, one piece after another, is the rendered prompt. What a family's program does
 * not know (a role, a kind of part, a parameter) comes as a TEMPLATE_DOUBT with a margin in tokens:
 * the result is then an estimate. It never fails.
 *
 * A text that holds today's date has any date: all dates have equally many tokens.
 */
#pragma once

#include "meter/tojson.h"

enum template_kind {
    TEMPLATE_END,     /* the prompt is whole */
    TEMPLATE_WAIT,    /* nothing yet: a part of the request was only looked at */
    TEMPLATE_CONTROL, /* a control token by its text */
    TEMPLATE_MARK,    /* a token if the vocabulary has it, else text */
    TEMPLATE_TEXT,    /* the template's own text */
    TEMPLATE_STRING,  /* a span (span.h) of the request: the text that it stands for */
    TEMPLATE_JSON,    /* a value of the request, as tojson.h renders it */
    TEMPLATE_GAP,     /* the text ends here; `tokens` more */
    TEMPLATE_IMAGE,   /* `text` is the part, a JSON object */
    TEMPLATE_AUDIO,   /* the same */
    TEMPLATE_DOUBT    /* more or less `tokens` are not known */
};

struct template_piece {
    enum template_kind kind;
    struct str text;
    uint64_t tokens;
    size_t bytes;  /* of the request that were looked at for it */
    bool embedded; /* TEMPLATE_JSON, as tojson_begin() wants them */
    enum tojson_style style;
    const struct tojson_wrap *wrap;
};

struct template_program;

/* "qwen3", ...; any other name has the program "unknown", whose every count is an estimate. */
const struct template_program *template_find(struct str name);
/* Steps through the programs; NULL: no more. */
const struct template_program *template_at(size_t index);
struct str template_name(const struct template_program *program);
/* The media formulas (media.h) of the family's own models; empty: they take none. */
struct str template_image(const struct template_program *program);
struct str template_audio(const struct template_program *program);

#define TEMPLATE_DEPTH 4 /* the program, its tools, their parameters, their values */

/* A list of steps at work: the program's own, or one that is repeated for each item. */
struct template_frame {
    const struct template_step *step;
    const struct template_step *body; /* NULL: the program's own */
    unsigned over;                    /* enum template_over */
    struct str rest;                  /* items that are left */
};

/* A message, as it stands in the request; what it lacks is empty. */
struct template_message {
    uint64_t facts;
    size_t index;
    struct str role; /* values */
    struct str content;
    struct str name;
    struct str calls;
    struct str call_id;
    struct str text;      /* the span of a content that is one text, without its thinking */
    struct str reasoning; /* a span */
    bool reasoned;        /* it stands apart from the content, be it empty */
    size_t texts;         /* parts of text, if the content is a list of several parts; else 0 */
    bool list;
    uint64_t doubt;
};

/* A tool's parameter. */
struct template_property {
    struct str name; /* a span */
    struct str schema;
    struct str type; /* values */
    struct str description;
    struct str values;
    struct str standard; /* its default */
};

struct template_run {
    const struct template_program *program;
    uint64_t facts;      /* of the request and the items at hand, and what the program remembers */
    uint64_t doubt;      /* tokens that are still to be told */
    struct str messages; /* entered, if they are a list */
    struct str tools;
    struct str effort;            /* a value */
    struct template_message lead; /* a system message that stands first */
    /* Found by looking at all messages once, before the first piece. */
    struct str scan;
    size_t scanned;
    size_t query; /* index of the last message that is the user's own and no tool's result */
    size_t user;  /* of the last whose role is "user" */
    size_t final; /* of the last answer that calls no tool; SIZE_MAX: there is none */
    /* Items at hand. */
    bool has_next;
    uint64_t previous; /* facts of the message before */
    struct template_message message;
    struct template_message next;
    struct str tool; /* a value, and the function in it */
    struct str tool_function;
    struct str call;
    struct str call_function;
    struct str called;   /* the last call's name, a value */
    struct str required; /* the tool's list of parameters that must be there */
    struct template_property property;
    struct str item; /* a value that a parameter may have */
    /* A content that is a list, while it is written. */
    bool in_parts;
    bool part_due; /* `part_text` is next */
    struct str parts;
    struct str part_text;
    size_t part;  /* texts so far */
    size_t texts; /* of them all */
    unsigned part_trim;
    /* A comment of several lines, while it is written. */
    bool in_lines;
    unsigned line_step; /* what is next: its mark, its text, its end */
    struct str lines;
    unsigned depth;
    struct template_frame frames[TEMPLATE_DEPTH];
};

/* `body`: a request that json_check() has passed, without white space around it; it must outlive
 * the run. */
void template_begin(struct template_run *run, const struct template_program *program,
                    struct str body);
/* The next piece; TEMPLATE_END again and again once it has come. */
void template_next(struct template_run *run, struct template_piece *ret_piece);
