/*
 * The tally of an answer: tokens of what a model has said, counted while it is delivered, content,
 * reasoning and tool calls apart, each choice and each tool call as a text of its own.
 *
 * A text that grows can have fewer tokens than before ("hel" has two, "hello" has one), so beside
 * the count the most that any moment counted is kept: what an answer costs that is broken off at
 * byte k never falls as k grows. Without memory, or with more texts than an answer can have, the
 * tally is lost, and says so; what was counted until then stays.
 *
 * Threads: one at a time; a tally may be fed through any counter of the same vocabulary.
 */
#pragma once

#include "meter/count.h"

#define TALLY_TEXTS_MAX 1024 /* 128 choices, the SDKs' limit, each with reasoning and six tools */

enum tally_part {
    TALLY_CONTENT,
    TALLY_REASONING,
    TALLY_TOOLS,
    TALLY_PARTS
};

struct tally_text;

struct tally {
    struct tally_text *texts;
    size_t count;
    size_t cap;
    uint64_t tokens[TALLY_PARTS]; /* of the texts, once tally_end() was called */
    uint64_t most[TALLY_PARTS];   /* at any moment that was counted: for what was broken off */
    bool lost;                    /* some text is not counted */
    bool cut;                     /* a piece was too long to be counted in one: no exact count */
};

/* Takes no memory before the first text. */
void tally_init(struct tally *tally);
void tally_fini(struct tally *tally);

/* A piece of one text. `choice` and `index` tell it from the other texts of its part. */
struct tally_piece {
    enum tally_part part;
    int64_t choice;
    int64_t index;
    struct str json; /* a checked JSON string, quotes included */
    size_t *offset;  /* where counting it goes on: 0 at first, json.len when all is counted */
    size_t budget;   /* at most so many of its bytes at once */
    bool whole;      /* nobody gets a part of it: only what tally_end() counts is asked for */
};

void tally_add(struct tally *tally, struct token_counter *counter, const struct tally_piece *piece);
/* The answer is whole: what its texts have is counted, `tokens` is theirs. */
void tally_end(struct tally *tally, struct token_counter *counter);
