#include "policy/reason.h"

#define POLICY_REASON_AS_ROW(name_, rule_, closure_, side_, err_) \
    [POLICY_##name_] = { #name_, rule_, POLICY_##closure_, POLICY_SIDE_##side_, ERR_##err_ },
static const struct policy_reason_info reasons[POLICY_CODES] = { POLICY_REASON_TABLE(
    POLICY_REASON_AS_ROW) };
#undef POLICY_REASON_AS_ROW

const struct policy_reason_info *policy_reason_info(enum policy_code code)
{
    ASSERT(code < POLICY_CODES);
    return &reasons[code];
}

const char *policy_closure_name(enum policy_closure closure)
{
    static const char *const names[POLICY_CLOSURES] = {
        [POLICY_AUTHORIZATION] = "authorization",
        [POLICY_SCOPE] = "scope",
        [POLICY_DATA] = "data",
        [POLICY_BILLING] = "billing",
    };
    ASSERT(closure < POLICY_CLOSURES);
    return names[closure];
}
