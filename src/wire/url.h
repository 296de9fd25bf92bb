/* URLs of upstream endpoints, and the targets of requests. Everything borrows the text. */
#pragma once

#include "base/buf.h"

struct url {
    bool tls;
    struct str host; /* without the brackets of an IPv6 literal */
    uint16_t port;
    struct str path; /* "" or "/v1", without a slash at its end */
};

/* http or https, no user, no query, no fragment. */
EP_MUST_CHECK bool url_parse(struct str text, struct url *ret_url);

/* "/v1/generation?id=x" > "/v1/generation" and "id=x". */
struct str url_target_path(struct str target, struct str *ret_query);
/* Appends the decoded value of the first `name`. False: absent, badly encoded, or no room, and
 * `out` is as it was. */
EP_MUST_CHECK bool url_query(struct str query, struct str name, struct buf *out);
/* Appends the decoded text of a piece of a path, where "+" is itself. False: as above. */
EP_MUST_CHECK bool url_path_text(struct str piece, struct buf *out);
