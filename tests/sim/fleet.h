/*
 * Fleets: in some seeds clients buy through devices, too, each with caps of its own, and the
 * operator revokes some. What a cap and a revocation mean is written here from the clients'
 * manual, for the auditor to hold the server to it.
 */
#pragma once

#include "base/err.h"
#include "play.h"

struct books;

/* What a device may use; 0: no such cap. */
struct fleet_most {
    int64_t money_day; /* nano; days are of UTC */
    int64_t money_total;
    int64_t calls_day; /* that were answered */
    int64_t calls_total;
};
/* Of the account's hand; hand 0 is no device. */
const struct fleet_most *fleet_most(int account, int hand);

/* The account, which is new, gets a fleet, and a device for each further hand. */
EP_MUST_CHECK enum err fleet_furnish(struct play *play, int account, struct fail *fail);
/* The operator ends a device for good; the store works. */
void fleet_revoke(struct play *play);

/* Whether the reply is a refusal that a device's call may have met. */
bool fleet_may_refuse(const struct play *play, const struct sale *sale);
/* The device was revoked, durably, before the call was begun. */
bool fleet_was_revoked(const struct play *play, const struct sale *sale);
/* It is refused as the key of a device that was revoked: nobody is known, and nothing noted. */
bool fleet_is_unknown(const struct play *play, const struct sale *sale);
/* An upstream is asked for the call. */
void fleet_on_asked(const struct play *play, const struct sale *first);
/* At the start of a life: no device is above its caps, and what was revoked is. */
void fleet_look(struct play *play, const struct books *books);
