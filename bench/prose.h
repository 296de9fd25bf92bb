/* Text as people write it, the same at every run: the cost of a call depends on it. */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Appends a word to text[at..len), as far as there is room; where the next one goes. */
static inline size_t prose_put(char *text, size_t at, size_t len, const char *word)
{
    size_t room = len - at;
    size_t size = strlen(word) < room ? strlen(word) : room;
    memcpy(text + at, word, size);
    return at + size;
}

/* Fills `text` with `len` bytes of words; `seed` > 0. No character needs an escape in JSON. */
static inline void prose_fill(char *text, size_t len, uint64_t seed)
{
    static const char *const words[] = {
        "the",    "of",      "and",      "a",      "to",      "in",     "is",       "you",
        "that",   "it",      "he",       "was",    "for",     "on",     "are",      "as",
        "with",   "his",     "they",     "at",     "be",      "this",   "have",     "from",
        "or",     "one",     "had",      "by",     "word",    "but",    "not",      "what",
        "all",    "were",    "we",       "when",   "your",    "can",    "said",     "there",
        "use",    "an",      "each",     "which",  "she",     "do",     "how",      "their",
        "if",     "will",    "up",       "other",  "about",   "out",    "many",     "then",
        "them",   "these",   "so",       "some",   "her",     "would",  "make",     "like",
        "into",   "time",    "look",     "two",    "more",    "write",  "go",       "see",
        "number", "no",      "way",      "could",  "people",  "my",     "than",     "first",
        "water",  "been",    "call",     "who",    "oil",     "its",    "now",      "find",
        "long",   "down",    "day",      "did",    "get",     "come",   "made",     "may",
        "part",   "harbour", "entrepot", "ledger", "receipt", "tariff", "customs",  "broker",
        "vessel", "quay",    "manifest", "silk",   "freight", "lamp",   "merchant", "warehouse",
    };
    size_t at = 0;
    while (at < len) {
        seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        uint64_t dice = seed >> 33;
        at = prose_put(text, at, len, words[dice % (sizeof(words) / sizeof(words[0]))]);
        at = prose_put(text, at, len, dice % 13 == 0 ? ". " : dice % 11 == 0 ? ", " : " ");
    }
}
