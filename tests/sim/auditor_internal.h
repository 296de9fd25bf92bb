/* What the auditor's files share: what a call may cost. */
#pragma once

#include "auditor.h"

/* nano; what must be set aside for a call with that output cap. */
int64_t audit_ceiling(const struct sale *sale, int64_t cap);
/* Whether a settlement of a hold of `amount` is what the call can have cost. */
bool audit_charge_fits(struct play *play, const struct sale *sale, int64_t amount, int64_t posted,
                       int64_t overrun);
/* Whether a hold that a restart ended can have cost that: some of the text that was on its way, by
 * the last mark, and no input; or nothing, where there was no mark yet. */
bool audit_mark_fits(struct play *play, const struct sale *sale, int64_t amount, int64_t posted,
                     int64_t overrun);
void audit_count(void);
