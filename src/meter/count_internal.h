/*
 * The way of a text through the counter. Each stage hands on what can no longer change and keeps
 * the rest, so that a text may come whole, which is worked on in place, or in any parts:
 *
 *   count_feed    bytes to valid UTF-8, U+FFFD for what is none      count_stream.c
 *   count_cut     a text is cut in several where it is too long      count_stream.c
 *   count_find    special tokens are taken out                       count_stream.c
 *   count_shape   NFC, or U+2581 for spaces                          count_shape.c
 *   count_take    pieces, and their tokens                           count_shape.c
 */
#pragma once

#include "meter/bpe.h"
#include "meter/count.h"
#include "meter/nfc.h"
#include "meter/special.h"
#include "meter/split.h"

#define COUNT_IDS     512                /* of a piece, without the heap */
#define COUNT_SCRATCH ((size_t)4 << 10)  /* bytes that are rewritten at a time */
#define COUNT_RAW     ((size_t)16 << 10) /* lent, beside COUNT_PIECE_MAX for a tail */

struct token_counter {
    const struct vocab *vocab;
    struct bpe *bpe;
    struct special *special;
    struct nfc *nfc; /* NULL: the family does not normalize */
    struct buf tail; /* lent to a stream that lives as long as a call here */
    struct buf raw;
    uint32_t ids[COUNT_IDS];
    char shaped[COUNT_SCRATCH];
    char unescaped[COUNT_SCRATCH];
};

/* A text on its way: where it stands, and where its ids go (NULL: they are only counted). */
struct count_pass {
    struct token_counter *counter;
    struct count_stream *stream;
    struct buf *out;
};

EP_MUST_CHECK enum err count_feed(struct count_pass *pass, struct str part, bool over);
/* Normalizes and counts a part of what stands between two special tokens; `ends`: its last. Of the
 * part's end *ret_kept bytes are open and were not taken; none if it ends. */
EP_MUST_CHECK enum err count_shape(struct count_pass *pass, struct str text, bool ends,
                                   size_t *ret_kept);
EP_MUST_CHECK enum err count_special(struct count_pass *pass, const struct vocab_special *special);

/* A stream that lives as long as a call here uses the counter's memory instead of its own. */
void count_lend(struct token_counter *counter, struct count_stream *stream);
void count_give_back(struct token_counter *counter, struct count_stream *stream);
/* Empties; what grew beyond `keep` bytes goes back to the heap. */
void count_empty(struct buf *buf, size_t keep);
