#include "classes.h"

#include <stdbool.h>
#include <stddef.h>

#define CLASSES_BLOCKS 64
#define HAN_LETTER     (UNICODE_CASELESS | UNICODE_HAN)
#define MOVING_MARK    (UNICODE_MARK | UNICODE_UNSTABLE)

static const struct {
    uint32_t first;
    uint32_t last;
    unsigned classes;
} classes_ranges[] = {
    { 0x09, 0x09, UNICODE_SPACE },
    { 0x0A, 0x0A, UNICODE_NEWLINE },
    { 0x0B, 0x0C, UNICODE_SPACE },
    { 0x0D, 0x0D, UNICODE_NEWLINE },
    { 0x20, 0x20, UNICODE_SPACE },
    { 0x21, 0x2F, UNICODE_PUNCTUATION },
    { 0x30, 0x39, UNICODE_NUMBER },
    { 0x3A, 0x40, UNICODE_PUNCTUATION },
    { 0x41, 0x5A, UNICODE_UPPER },
    { 0x5B, 0x60, UNICODE_PUNCTUATION },
    { 0x61, 0x7A, UNICODE_LOWER },
    { 0x7B, 0x7E, UNICODE_PUNCTUATION },
    { 0x85, 0x85, UNICODE_SPACE },
    { 0xA0, 0xA0, UNICODE_SPACE },
    { 0xA1, 0xA9, UNICODE_PUNCTUATION },
    { 0xAA, 0xAA, UNICODE_CASELESS },
    { 0xBD, 0xBD, UNICODE_NUMBER },
    { 0xC0, 0xDE, UNICODE_UPPER },
    { 0xDF, 0xFF, UNICODE_LOWER },
    { 0x17F, 0x17F, UNICODE_LOWER },
    { 0x1C5, 0x1C5, UNICODE_UPPER },
    { 0x300, 0x36F, MOVING_MARK },
    { 0x391, 0x3A9, UNICODE_UPPER },
    { 0x3B1, 0x3C9, UNICODE_LOWER },
    { 0x410, 0x42F, UNICODE_UPPER },
    { 0x430, 0x44F, UNICODE_LOWER },
    { 0x660, 0x669, UNICODE_NUMBER },
    { 0xE01, 0xE30, UNICODE_CASELESS },
    { 0xE31, 0xE31, UNICODE_MARK },
    { 0xE32, 0xE33, UNICODE_CASELESS },
    { 0xE48, 0xE4B, MOVING_MARK },
    { 0x1100, 0x1112, UNICODE_CASELESS },
    { 0x1161, 0x1175, UNICODE_CASELESS | UNICODE_UNSTABLE },
    { 0x11A8, 0x11C2, UNICODE_CASELESS | UNICODE_UNSTABLE },
    { 0x1E00, 0x1EFF, UNICODE_LOWER },
    { 0x2000, 0x2001, UNICODE_SPACE | UNICODE_UNSTABLE },
    { 0x2002, 0x200A, UNICODE_SPACE },
    { 0x2010, 0x2027, UNICODE_PUNCTUATION },
    { 0x2028, 0x2029, UNICODE_SPACE },
    { 0x2160, 0x217F, UNICODE_NUMBER },
    { 0x212B, 0x212B, UNICODE_UPPER | UNICODE_UNSTABLE },
    { 0x2581, 0x2581, UNICODE_PUNCTUATION },
    { 0x2E80, 0x2E99, UNICODE_PUNCTUATION | UNICODE_HAN },
    { 0x3000, 0x3000, UNICODE_SPACE },
    { 0x3001, 0x3002, UNICODE_PUNCTUATION },
    { 0x3005, 0x3005, HAN_LETTER },
    { 0x3007, 0x3007, UNICODE_NUMBER | UNICODE_HAN },
    { 0x3041, 0x3096, UNICODE_CASELESS },
    { 0x3099, 0x309A, MOVING_MARK },
    { 0x30A0, 0x30A0, UNICODE_PUNCTUATION },
    { 0x30A1, 0x30FA, UNICODE_CASELESS },
    { 0x30FB, 0x30FB, UNICODE_PUNCTUATION },
    { 0x30FC, 0x30FF, UNICODE_CASELESS },
    { 0x4E00, 0x9FFF, HAN_LETTER },
    { 0xAC00, 0xD7A3, UNICODE_CASELESS },
    { 0xFFFD, 0xFFFD, UNICODE_PUNCTUATION },
    { 0x16FF0, 0x16FF1, UNICODE_MARK | UNICODE_HAN },
    { 0x1F600, 0x1F64F, UNICODE_PUNCTUATION },
};

static uint16_t classes_index[UNICODE_INDEX_SIZE];
static uint16_t classes_blocks[CLASSES_BLOCKS * UNICODE_BLOCK_SIZE];
static uint16_t classes_used = 1; /* block 0: no classes */

/* A block of which all characters have the same classes, for one after the other of a range. */
static void classes_add(uint32_t first, uint32_t last, unsigned classes)
{
    uint16_t whole = 0;
    for (uint32_t code = first; code <= last; code++) {
        uint16_t *block = &classes_index[code >> UNICODE_BLOCK_BITS];
        bool fills = code % UNICODE_BLOCK_SIZE == 0 && last - code >= UNICODE_BLOCK_SIZE - 1;
        if (*block == 0) {
            *block = fills && whole != 0 ? whole : classes_used++;
            whole = fills ? *block : whole;
        }
        classes_blocks[*block * UNICODE_BLOCK_SIZE + code % UNICODE_BLOCK_SIZE] |=
            (uint16_t)classes;
    }
}

const struct unicode_table *classes_table(void)
{
    static const struct unicode_table table = { classes_index, classes_blocks };
    if (classes_used == 1) {
        for (size_t i = 0; i < sizeof(classes_ranges) / sizeof(classes_ranges[0]); i++) {
            classes_add(classes_ranges[i].first, classes_ranges[i].last, classes_ranges[i].classes);
        }
    }
    return &table;
}
