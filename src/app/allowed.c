#include "app/allowed.h"

#include "app/world.h"
#include "ident/allowance.h"

_Static_assert((int)LIMITS_REQUESTS == (int)ALLOWANCE_REQUESTS &&
                   (int)LIMITS_TOKENS == (int)ALLOWANCE_TOKENS &&
                   (int)LIMITS_INPUT == (int)ALLOWANCE_INPUT &&
                   (int)LIMITS_OUTPUT == (int)ALLOWANCE_OUTPUT &&
                   (int)LIMITS_CALLS == (int)ALLOWANCE_CALLS &&
                   (int)LIMITS_KINDS == (int)ALLOWANCE_KINDS,
               "both rooms count the same kinds");
_Static_assert((int)LIMITS_OF_KEY == (int)ALLOWANCE_OF_KEY &&
                   (int)LIMITS_OF_CLIENT == (int)ALLOWANCE_OF_CLIENT &&
                   (int)LIMITS_OF_MODEL == (int)ALLOWANCE_OF_MODEL,
               "both rooms limit the same subjects");
_Static_assert(LIMITS_NONE == ALLOWANCE_NONE && LIMITS_DEFAULT == ALLOWANCE_DEFAULT,
               "no limit is the same in both rooms");

static enum err allowed_on(void *context, const struct allowance *allowance)
{
    const struct limits_subject subject = {
        .of = (enum limits_of)allowance->of,
        .id = allowance->id,
        .model = allowance->model,
    };
    return limits_set(context, &subject, allowance->max);
}

enum err allowed_begin(struct world *world, struct limits *limits, struct fail *fail)
{
    TRY(allowances_each(world->store, allowed_on, limits, fail));
    ident_on_allowance(world->ident, allowed_on, limits);
    return ERR_OK;
}

void allowed_end(struct world *world)
{
    ident_on_allowance(world->ident, NULL, NULL);
}
