/*
 * The report of a pack, for people: one HTML file that prints well and fetches nothing, with charts
 * of calls by day, lane, source and outcome, along the four lifelines: where the model came from,
 * where data went, for which market, and whether the money came back.
 */
#pragma once

#include "settle/evidence_derive.h"

#define EVIDENCE_REPORT_ROWS 200 /* of a table; the others are in the files beside it */

EP_MUST_CHECK enum err evidence_report_print(const struct evidence_basis *basis, struct buf *out,
                                             struct fail *fail);
