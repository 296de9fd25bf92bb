/* What a snapshot makes of the registry's law: the compiled rules, the detectors, the ranges. */
#pragma once

#include "base/err.h"

struct gate_snapshot;

/* Fails with the row that is at fault; what was made is the snapshot's. */
EP_MUST_CHECK enum err snapshot_law_make(struct gate_snapshot *snapshot, struct fail *fail);
void snapshot_law_free(struct gate_snapshot *snapshot);
