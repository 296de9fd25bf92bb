/*
 * Counting tokens of a text by a model family's own vocabulary: special tokens, normalization,
 * splitting and merges together. What is counted is what the family's tokenizer makes of the same
 * text, id by id.
 *
 * A struct token_counter is a thread's scratch for one vocabulary, of fixed size: with its struct
 * bpe below 1 MiB. Counting allocates nothing, but for a single piece of over COUNT_PIECE_MAX
 * bytes, which no honest text has and which is put together on the heap.
 *
 * Text need not be UTF-8: what is not becomes U+FFFD, as servers do (Rust's and Python's "replace":
 * one for each maximal part of a sequence). Threads: one thread a counter; a stream belongs to no
 * counter and may be fed through any of the same vocabulary.
 */
#pragma once

#include "base/buf.h"
#include "meter/vocab.h"

#define COUNT_PIECE_MAX ((size_t)64 << 10)
#define COUNT_HELD_MAX \
    ((size_t)256 << 20) /* of a stream: a body of 32 MiB, grown by NFC, and room */

/* A piece_max for whoever must not be held up: the slowest text, random letters, takes 1.5 ms. */
#define COUNT_PIECE_CUT ((size_t)8 << 10)

/* Control tokens spelled out in a client's text ("<|im_end|>"). */
enum count_specials {
    COUNT_LITERAL, /* ordinary text, as OpenAI takes it */
    COUNT_PARSED   /* the token itself, as most servers of open weights take it */
};

struct token_counter;

EP_MUST_CHECK enum err token_counter_create(const struct vocab *vocab, uint64_t seed,
                                            struct token_counter **ret_counter);
void token_counter_destroy(struct token_counter *counter); /* NULL is allowed */
const struct vocab *token_counter_vocab(const struct token_counter *counter);

/* The tokens of a whole text. ERR_NO_MEMORY: a piece over COUNT_PIECE_MAX found no room. */
EP_MUST_CHECK enum err count_text(struct token_counter *counter, struct str text,
                                  enum count_specials specials, uint64_t *ret_tokens);
/* Stops soon after more than `limit` are found: *ret_tokens is then above `limit` and no more than
 * the whole text has, and the bytes that were looked at are in *ret_used. */
EP_MUST_CHECK enum err count_upto(struct token_counter *counter, struct str text,
                                  enum count_specials specials, uint64_t limit,
                                  uint64_t *ret_tokens, size_t *ret_used);
/* The ids, appended to `out` as uint32_t in the machine's order. ERR_LIMIT, ERR_NO_MEMORY. */
EP_MUST_CHECK enum err count_encode(struct token_counter *counter, struct str text,
                                    enum count_specials specials, struct buf *out);
/* The bytes of `count` ids, appended. ERR_NOT_FOUND: no such id. */
EP_MUST_CHECK enum err count_decode(const struct vocab *vocab, const uint32_t *ids, size_t count,
                                    struct buf *out);

/*
 * No valid UTF-8 of `bytes` bytes has more tokens: each token has at least one byte, and
 * normalization makes text at most three times as long. (A broken byte may have three tokens.)
 */
uint64_t count_bound(const struct vocab *vocab, uint64_t bytes);

/*
 * A text that comes in parts, cut anywhere, also inside a character. After any part the count so
 * far is exact for the text so far. Between parts it holds the bytes whose tokens may still change
 * (under 256 in ordinary text) and nothing else. Fed by one byte or by megabytes at a time, the
 * work is linear in the text: what is held is looked at again only when it has grown by half.
 */
struct count_stream {
    struct buf raw;  /* valid UTF-8 that may become a special token, or compose with what follows */
    struct buf tail; /* normalized: the pieces that are not final */
    size_t raw_look; /* to be looked at again when it has this length */
    size_t tail_look;
    uint64_t tokens;   /* of what is final */
    size_t piece_max;  /* set after the start: a longer piece is cut; 0: none is */
    uint64_t cuts;     /* so often: each makes the count uncertain by a few tokens */
    uint64_t controls; /* of these, control tokens that were spelled out in the text */
    enum count_specials specials;
    char held[4]; /* the beginning of a character */
    uint8_t held_len;
    bool run_space; /* for families that cut long runs: of which kind the current one is */
    uint64_t run;   /* its characters */
    uint64_t text;  /* characters since the last cut of the text */
};

/* After a failure a stream's count is lost, and it can only be ended with count_stream_fini():
 * ERR_NO_MEMORY, or ERR_LIMIT where more than COUNT_HELD_MAX bytes are held. */
void count_stream_init(struct count_stream *stream, enum count_specials specials);
void count_stream_fini(struct count_stream *stream);
EP_MUST_CHECK enum err count_stream_feed(struct token_counter *counter, struct count_stream *stream,
                                         struct str part);
/* Ends the text here and adds `tokens` control tokens: what follows is a text of its own. */
EP_MUST_CHECK enum err count_stream_control(struct token_counter *counter,
                                            struct count_stream *stream, uint64_t tokens);
/* Tokens of the text so far, as if it were over. Takes time in proportion to what is held. */
EP_MUST_CHECK enum err count_stream_now(struct token_counter *counter, struct count_stream *stream,
                                        uint64_t *ret_tokens);
/*
 * A checked JSON string (quotes included), or a part of its inside that cuts no escape, fed as the
 * text it stands for: escapes are decoded on the way, a lone surrogate is U+FFFD. Takes about
 * `budget` > 0 bytes of it; *offset (0 at first) is where it goes on, json.len when all is fed.
 */
EP_MUST_CHECK enum err count_stream_json(struct token_counter *counter, struct count_stream *stream,
                                         struct str json, size_t *offset, size_t budget);
