/*
 * Small random vocabularies of each kind, and the slow encoding that the definition gives: what the
 * tables and the fast encoding are compared with.
 */
#pragma once

#include "build.h"
#include "meter/bpe.h"
#include "meter/vocab_internal.h"

#define SAMPLE_CACHED 16

enum sample_kind {
    SAMPLE_RANKS,      /* tiktoken: bytes, neighbours merge by the rank of both together */
    SAMPLE_MERGES,     /* Hugging Face: bytes, a list of merges */
    SAMPLE_CHARACTERS, /* SentencePiece: characters, bytes where there is none, a list of merges */
    SAMPLE_KIND_COUNT
};

struct sample {
    uint64_t random;
    struct source source;
    struct buf file;
    struct vocab vocab; /* on `file` */
};

uint64_t sample_random(uint64_t *random, uint64_t below);
/* `any_order`: merges also go before those they need, as Gemma's do. The table of characters is one
 * block of class 0. False: no memory, nothing is left. */
EP_MUST_CHECK bool sample_init(struct sample *sample, enum sample_kind kind, bool any_order,
                               uint64_t seed);
/* Bytes, and all runs of `letter` up to the longest token there may be. */
EP_MUST_CHECK bool sample_init_runs(struct sample *sample, char letter);
void sample_fini(struct sample *sample);
/* One of SAMPLE_CACHED of each kind, made when first asked for; lives as long as the process. NULL:
 * no memory. */
struct sample *sample_cached(enum sample_kind kind, bool any_order, uint64_t seed);
/* A file's table of characters with one block. */
struct str sample_classes(void);
/* Text of the sample's letters, now and then of others; `max` bytes at most, whole characters. */
size_t sample_text(struct sample *sample, char *text, size_t max);
/* The ids of a piece; quadratic. `ids` has room for piece.len. */
size_t sample_encode(const struct sample *sample, struct str piece, uint32_t *ids);
