/* Bytes as bits: the fast way and the plain one, which a test holds against each other. */
#pragma once

#include "policy/detect_internal.h"

#define DETECT_BITS_BLOCK  64
#define DETECT_BITS_BEYOND 2 /* bytes behind it that may be read: the rest of a character */

/* A bit for each of the 64 bytes. */
struct detect_bits {
    uint64_t digit;
    uint64_t letter; /* ASCII */
    uint64_t high;   /* no ASCII */
};

/* The most common question first; the others are asked where this one says so. */
void detect_bits(const char *text, struct detect_bits *ret_bits);
void detect_bits_plain(const char *text, struct detect_bits *ret_bits);
/* Bytes that begin a character of two bytes or more. */
uint64_t detect_bits_lead(const char *text);
uint64_t detect_bits_lead_plain(const char *text);
/* Separators of one byte. */
uint64_t detect_bits_gap(const char *text);
uint64_t detect_bits_gap_plain(const char *text);
/* Letters that are one of `count` small ones, in either case. */
uint64_t detect_bits_any(const char *text, const char *letters, size_t count);
uint64_t detect_bits_any_plain(const char *text, const char *letters, size_t count);
