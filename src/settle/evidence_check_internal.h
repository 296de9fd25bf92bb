/* What the tests of a pack share. For the room alone. */
#pragma once

#include "settle/evidence_check.h"
#include "settle/evidence_derive.h"
#include "settle/evidence_registry.h"
#include "settle/manifest.h"
#include "tlog/checkpoint.h"

struct check {
    const struct evidence_checking *asked;
    struct evidence_report *report;
    struct fail *fail; /* of the test that is made */
    struct pack *pack;
    struct buf bytes; /* of the file that is looked at */
    struct buf lines; /* the manifest's */
    struct buf note;  /* as above */
    struct manifest_head manifest;
    struct buf checkpoint_note;
    struct checkpoint checkpoint;
    struct note checkpoint_parsed;
    struct evidence_law law;
    struct evidence_fold fold;
    struct tree_edge edge;
    struct evidence_line line;
    int64_t chunks; /* of receipts */
    int64_t looked; /* at files */
};

/* A file more was looked at. */
void check_told(struct check *check);

/* The file of that name, into `out`. ERR_PACK_INVALID: it is missing. */
EP_MUST_CHECK enum err check_file(struct check *check, struct str name, struct buf *out);

/* Each line of the receipts, in order; `at` is the number in its file, for people. */
typedef enum err check_line_fn(struct check *check, void *context);
EP_MUST_CHECK enum err check_lines(struct check *check, check_line_fn *told, void *context);

enum err check_receipts(struct check *check);
enum err check_root(struct check *check);
enum err check_figures(struct check *check);
enum err check_decisions(struct check *check);
