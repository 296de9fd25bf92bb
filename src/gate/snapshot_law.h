/* What a snapshot makes of the registry's law: the compiled rules, the detectors, the ranges. */
#pragma once

#include "base/err.h"

struct gate_snapshot;
struct registry;

/* Fails with the row that is at fault; what was made is the snapshot's. */
EP_MUST_CHECK enum err snapshot_law_make(struct gate_snapshot *snapshot, struct fail *fail);
void snapshot_law_free(struct gate_snapshot *snapshot);
/* Whether that will succeed, at any time: asked before a registry comes into force, for a server
 * cannot start with one of which it can make nothing. */
EP_MUST_CHECK enum err snapshot_law_check(const struct registry *registry, struct fail *fail);
