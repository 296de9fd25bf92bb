/*
 * A preference as the choice reads it, out of what a client's "provider" object and its product
 * say. Pure.
 */
#pragma once

#include "base/arena.h"
#include "dialect/ask_provider.h"
#include "dispatch/preference.h"

/* False: the product leaves everything to the choice. */
bool prefer_product_says(const struct registry_dispatch *product);
/*
 * The client's `sort` and `order` stand in for the product's; its `only` and `ignore` are its own,
 * on top of those of the product, which are no preference but what prefer_closed() says. What names
 * it takes lie in `arena` or in what `given` was read from. ERR_NO_MEMORY.
 */
EP_MUST_CHECK enum err prefer_build(const struct ask_provider *given,
                                    const struct registry_dispatch *product, struct arena *arena,
                                    struct preference *ret_preference);
/* Bits of the model's routes that the product does not use. */
uint64_t prefer_closed(const struct registry_product *product, const struct registry_model *model);
/* Which member of the client's `max_price` is below what it would pay (pico; NULL: none): that is
 * the same by every route. */
const char *prefer_price_above(const struct ask_provider *given, int64_t input, int64_t output,
                               int64_t call);
/* What the call takes at each of the model's routes; < 0: not known. */
void prefer_energy(const struct registry_model *model, int64_t tokens_in, int64_t tokens_out,
                   int64_t ret_uj[REGISTRY_ROUTES_PER_MODEL_MAX]);
/* The member of a request that the rule is; static. */
const char *prefer_param(enum preference_rule rule);

/*
 * The key by which the calls of one conversation go the same way while it is free, so that an
 * upstream finds in its cache what it has read before: a hash of who asks, of the model and of the
 * messages up to the first one of the user's, which stay while a conversation grows. Never 0.
 */
uint64_t prefer_affinity(struct str client, struct str model, struct str messages);
