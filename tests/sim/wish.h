/*
 * What choosy clients ask for beside a model: which sources may serve them, by when they want an
 * answer to begin, which model may stand in. What each wish means is written here from the
 * clients' manual, for the auditor to hold the server to it.
 */
#pragma once

#include "base/buf.h"
#include "play.h"

/* Of the seed's choosing; none where its clients are not choosy. */
struct wish wish_make(struct play *play, int model, bool repeated);
/* Members of the request's body, each behind a comma. */
void wish_put_body(const struct wish *wish, struct buf *out);
/* The deadline's line of the head, if there is one. */
void wish_put_head(const struct play *play, const struct wish *wish, struct buf *out);
/* Whether that source may serve the call with that model. */
bool wish_allows(const struct sale *sale, int model, int upstream);
