/*
 * A receipt in a pack: a line of JSON.
 *
 *   {"before":["<base64>",...],                 the gap between the leaf shown before and this one
 *    "client":{...},"entry":{...},"evidence":{...},"leaf":"12","operator":{...},
 *    "salts":{"client":"<base64>","evidence":"<base64>","operator":"<base64>"}}
 *
 * Sections and entry are their canonical bytes, as they were hashed: the very text between the
 * commas. A section that was erased is null, and so is its salt. Pure.
 */
#pragma once

#include "settle/tree_gap.h"
#include "tlog/receipt.h"

/* Hashes of a gap: at each end of it at most one subtree of each size. */
#define EVIDENCE_GAP_MAX 128
/* Three sections, an entry, the hashes. */
#define EVIDENCE_LINE_MAX (3 * RECEIPT_SECTION_MAX + EVIDENCE_GAP_MAX * 48 + 1024)

struct evidence_line {
    int64_t leaf;
    struct str entry;
    struct str sections[RECEIPT_SECTIONS]; /* empty: erased */
    unsigned char salts[RECEIPT_SECTIONS][RECEIPT_SALT_BYTES];
    size_t salt_len[RECEIPT_SECTIONS]; /* 0: erased */
    struct digest before[EVIDENCE_GAP_MAX];
    size_t before_count;
};

/* Appends the line and its line feed. */
EP_MUST_CHECK enum err evidence_line_print(const struct evidence_line *line, struct buf *out);
/* Borrows `text`, a line without its line feed. ERR_PACK_INVALID with the member that is wrong. */
EP_MUST_CHECK enum err evidence_line_read(struct str text, struct evidence_line *ret_line,
                                          struct fail *fail);
/* A section that is shown and is not what the entry commits to: its name; NULL: there is none. */
const char *evidence_line_check(const struct evidence_line *line);
/* A gap's hashes as they stand in a line, and as they are read: a JSON list. */
EP_MUST_CHECK enum err evidence_gap_print(const struct digest *hashes, size_t count,
                                          struct buf *out);
EP_MUST_CHECK bool evidence_gap_read(struct str list, struct digest *ret_hashes, size_t *ret_count);
/* Adds a gap of the tree, up to `until`. False: it has another number of hashes. */
EP_MUST_CHECK bool evidence_gap_add(struct tree_edge *edge, int64_t until,
                                    const struct digest *hashes, size_t count);
