/*
 * What receipts add up to: the tables from which usage, refusals, figures and report of a pack are
 * made. Who makes a pack and who checks one feed the same lines to the same fold.
 *
 * Not thread-safe.
 */
#pragma once

#include "settle/counts.h"
#include "settle/evidence_law.h"
#include "settle/evidence_line.h"

#define EVIDENCE_REFUSALS_MAX 1000 /* listed one by one; the others are in the sums */
#define EVIDENCE_CLASSES      RECEIPT_CLASSES

/* name, keys, values */
#define EVIDENCE_TABLES(X)                                               \
    X(DAYS, "days", "day", "calls complete interrupted failed refused")  \
    X(LANES, "lanes", "origin ingress place egress", "calls refused")    \
    X(SOURCES, "sources", "vendor upstream route model", "calls amount") \
    X(OUTCOMES, "outcomes", "outcome currency", "calls amount")          \
    X(REFUSALS, "refusals", "rule code", "calls")                        \
    X(REASONS, "reasons", "rule code", "times")                          \
    X(MARKETS, "markets", "market", "calls refused")                     \
    X(ORIGINS, "origins", "origin", "calls refused")                     \
    X(DETECTED, "detected", "class", "hits calls")                       \
    X(TERMS, "terms", "product mode data_terms", "calls")                \
    X(TRIES, "tries", "route outcome", "tries")                          \
    X(REGISTRIES, "registries", "registry rules", "calls")               \
    X(CHAINS, "chains", "registry chain route", "calls")                 \
    X(UNITS, "units", "month key model unit", "calls pieces")            \
    X(USAGE, "usage", "month key model currency",                        \
      "calls complete interrupted failed refused amount")

#define EVIDENCE_TABLE_AS_ENUM(name, text, keys, values) EVIDENCE_##name,
enum evidence_table {
    EVIDENCE_TABLES(EVIDENCE_TABLE_AS_ENUM) EVIDENCE_TABLE_COUNT
};
#undef EVIDENCE_TABLE_AS_ENUM

const char *evidence_table_name(enum evidence_table table);
/* The names of its keys, then those of its values: taken word by word. */
struct str evidence_table_keys(enum evidence_table table);
struct str evidence_table_values(enum evidence_table table);

/* Behind the values of USAGE: columns of tokens, each by class in the receipts' order. */
enum evidence_tokens {
    EVIDENCE_BILLED,
    EVIDENCE_COUNTED,
    EVIDENCE_GENERATED,
    EVIDENCE_REPORTED,
    EVIDENCE_TOKENS
};
#define EVIDENCE_USAGE_FIXED 6
const char *evidence_tokens_name(enum evidence_tokens tokens);

struct evidence_fold {
    struct evidence_law *law;
    struct counts tables[EVIDENCE_TABLE_COUNT];
    struct buf refused; /* JSON objects with commas between, of refused calls */
    int64_t refused_left_out;
    int64_t receipts;
    int64_t erased;
    int64_t served;       /* complete or interrupted */
    int64_t unjudged;     /* served without the facts of a verdict in the receipt */
    int64_t unchained;    /* served without a chain */
    int64_t unplaced;     /* served without a place or a link */
    int64_t straddled;    /* overtaken by an end of what had admitted them */
    int64_t no_registry;  /* judged by a version that is not at hand */
    struct arena scratch; /* of one line */
};

void evidence_fold_init(struct evidence_fold *fold, struct evidence_law *law);
void evidence_fold_fini(struct evidence_fold *fold);
/* Adds a line whose sections were checked. ERR_PACK_INVALID with the member that is wrong. */
EP_MUST_CHECK enum err evidence_fold_add(struct evidence_fold *fold,
                                         const struct evidence_line *line, struct fail *fail);
/* Orders the tables; a failure of any of them. */
EP_MUST_CHECK enum err evidence_fold_end(struct evidence_fold *fold, struct fail *fail);
