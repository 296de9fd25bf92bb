/*
 * A talk and a route: whether the route can carry what is asked, and what it is then sent. Pure but
 * for memory.
 */
#pragma once

#include "dialect/talk.h"
#include "registry/registry_supply.h"

_Static_assert((int)REGISTRY_DIALECT_OPENAI_CHAT == (int)DIALECT_CHAT &&
                   (int)REGISTRY_DIALECT_OPENAI_RESPONSES == (int)DIALECT_RESPONSES &&
                   (int)REGISTRY_DIALECT_ANTHROPIC == (int)DIALECT_ANTHROPIC &&
                   (int)REGISTRY_DIALECT_GEMINI == (int)DIALECT_GEMINI,
               "the registry's dialects of chat and those here are in one order");

/* What a route speaks; of other services than chat, nothing is ever translated. */
static inline enum dialect talk_route_dialect(const struct registry_route *route)
{
    return (unsigned)route->dialect < DIALECT_COUNT ? (enum dialect)route->dialect : DIALECT_CHAT;
}

/* How the route wants to be written to. */
struct talk_target talk_route_target(const struct registry_route *route, int64_t output_cap);
/* Whether what is written for one is, but for the model's name, what the other gets. */
bool talk_route_is_alike(const struct registry_route *a, const struct registry_route *b);

/*
 * The body for a route of another dialect than the talk's, with so many tokens for each choice,
 * appended to `out`. As talk_write() fails, *ret_param is the field (in the talk); so of what only
 * the talk's own dialect carries. ERR_HTTP_BODY_SIZE: `out` has no room for it.
 */
EP_MUST_CHECK enum err talk_route_write(struct talk *talk, const struct registry_route *route,
                                        int64_t output_cap, struct buf *out, struct lost *lost,
                                        struct str *ret_param, struct fail *fail);
