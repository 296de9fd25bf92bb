/*
 * Classes of code points, as the splitting rules of tokenizers ask for them: a two-level table made
 * from one version of the Unicode data (tools/unicode_table), carried by each vocabulary file.
 */
#pragma once

#include <stdint.h>

#define UNICODE_BLOCK_BITS  7 /* 128 code points a block: the smallest sum of both levels */
#define UNICODE_BLOCK_SIZE  (1U << UNICODE_BLOCK_BITS)
#define UNICODE_INDEX_SIZE  (0x110000U >> UNICODE_BLOCK_BITS)
#define UNICODE_REPLACEMENT 0xFFFDU

enum unicode_class {
    UNICODE_UPPER = 1 << 0,       /* Lu Lt */
    UNICODE_LOWER = 1 << 1,       /* Ll */
    UNICODE_CASELESS = 1 << 2,    /* Lm Lo */
    UNICODE_MARK = 1 << 3,        /* Mn Mc Me */
    UNICODE_NUMBER = 1 << 4,      /* Nd Nl No */
    UNICODE_SPACE = 1 << 5,       /* White_Space but for CR and LF */
    UNICODE_NEWLINE = 1 << 6,     /* CR LF */
    UNICODE_PUNCTUATION = 1 << 7, /* P* and S* */
    UNICODE_HAN = 1 << 8,         /* Script=Han */
    UNICODE_UNSTABLE = 1 << 9     /* NFC can change it or what stands before it: combining class
                                     above 0, or NFC_Quick_Check other than Yes */
};

struct unicode_table {
    const uint16_t *index;  /* UNICODE_INDEX_SIZE of them: a block's number */
    const uint16_t *blocks; /* UNICODE_BLOCK_SIZE classes a block */
};

/* The classes of a code point below 0x110000. */
static inline unsigned unicode_class(const struct unicode_table *table, uint32_t code)
{
    return table->blocks[(uint32_t)table->index[code >> UNICODE_BLOCK_BITS] * UNICODE_BLOCK_SIZE +
                         (code & (UNICODE_BLOCK_SIZE - 1))];
}
