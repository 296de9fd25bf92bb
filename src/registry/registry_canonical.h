/*
 * The text that a signature of a grant or an agreement covers: JSON with sorted keys and sets, no
 * spaces, UTF-8, integers alone. Names of regions and families stand as they are written; what is
 * left out in the file is left out here, but for revoked_at, which is always null: a revocation is
 * entered later, and can only take away. Not covered: the signature itself, who entered and who
 * reviewed it, and when.
 *
 * Threads: any. It works on an entry that is not signed yet.
 */
#pragma once

#include "base/buf.h"
#include "registry/registry_grant.h"

/* A canonical text is at most so long: a grant of 10,000 models. */
#define REGISTRY_CANONICAL_MAX ((size_t)2 << 20)

/* Appends. ERR_LIMIT or ERR_NO_MEMORY of the buffer. */
EP_MUST_CHECK enum err registry_grant_canonical(const struct registry_grant *grant,
                                                struct buf *out);
EP_MUST_CHECK enum err registry_agreement_canonical(const struct registry_agreement *agreement,
                                                    struct buf *out);
/* "2026-01-01T00:00:00Z", with as many decimals as it has, and no more; ns >= 0. */
EP_MUST_CHECK enum err registry_time_print(struct buf *out, int64_t ns);
