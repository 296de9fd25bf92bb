/* What the auditor's files share: what a call may cost. */
#pragma once

#include "auditor.h"

/* What the books say of a call. */
struct audit_charge {
    int64_t amount; /* nano, that was held */
    int64_t posted;
    int64_t overrun;
};

/* nano; what must be set aside for a call with that output cap, by a book of prices. */
int64_t audit_ceiling(const struct sale *sale, int64_t cap, size_t book);
/* nano; what `other` can have asked for beside the call, which may be itself. */
int64_t audit_most(const struct sale *sale, const struct sale *other, size_t book);
/* Whether hold and charge are what the call can have cost, both by one book of prices. */
bool audit_charge_fits(struct play *play, const struct sale *sale,
                       const struct audit_charge *charge);
/* Whether a hold that a restart ended can have cost that: some of the text that was on its way, by
 * the last mark, and no input; or nothing, where there was no mark yet. */
bool audit_mark_fits(struct play *play, const struct sale *sale, const struct audit_charge *charge);
/* Whether a whole reply is one that the call may have. */
bool audit_reply_fits(struct play *play, const struct sale *sale);
/* Whether the hold alone is: of a call that recovery ended. */
bool audit_hold_fits(const struct sale *sale, int64_t amount);
/* One check more; none yet. */
void audit_count(void);
void audit_count_anew(void);
