/*
 * Verdicts in words, for operators. A code's template says what stands behind its name:
 *
 *   %o object, %w what, %c country, %t the other country, %n number, %s the set it is not in
 *
 * What is in brackets is left out when one of its values is missing.
 */
#include "policy/policy.h"

#define PRINT_SET_MAX 12 /* countries that are listed one by one */

static const char *const templates[POLICY_CODES] = {
    [POLICY_REVERSE_IMPORT] = "[ %o][: domestic by %w]",
    [POLICY_MARKET_NOT_SERVED] = "[ %o][: domestic by %w]",
    [POLICY_REVERSE_ORIGIN] = "[ %o][: origin %w]",
    [POLICY_ZONE_NOT_APPROVED] = "[(%w)][ %o]",
    [POLICY_ZONE_SHARED] = "[(%w)][ in %o]",
    [POLICY_ZONE_BACKFLOW] = "[ %o]",
    [POLICY_ZONE_INGRESS] = "[ %o]",
    [POLICY_ZONE_ORIGIN_CN] = "[(%w)]",
    [POLICY_ZONE_ORIGIN_UNSURE] = "[(%w)]",
    [POLICY_ZONE_USER_CN] = "[(%w)]",
    [POLICY_ZONE_MARKET] = " %c[ not in %s]",
    [POLICY_ZONE_MIX_PI] = "[(%w)][(%o)]",
    [POLICY_ZONE_IMPORTANT_DATA] = "[(%o)]",
    [POLICY_CHAIN_NO_ROOT] = "[(%w)]",
    [POLICY_CHAIN_GAP] = "[(%w)]",
    [POLICY_CHAIN_REVOKED] = " since %n s",
    [POLICY_CHAIN_NOT_YET] = " for %n s",
    [POLICY_CHAIN_EXPIRED] = " since %n s",
    [POLICY_CHAIN_DEPTH] = " below a depth of %n",
    [POLICY_CHAIN_WIDENED] = "[(%w)]",
    [POLICY_CHAIN_CLIENT_LEG] = "[(%w)][ %o][: %n s]",
    [POLICY_SCOPE_ACTION] = "[(%w)][ not in %o]",
    [POLICY_SCOPE_REGION] = " %c[ not in %s][ (%w)]",
    [POLICY_SCOPE_CLIENT_TYPE] = "[(%w)]",
    [POLICY_SCOPE_BRAND] = "[(%w)][ by %o]",
    [POLICY_SCOPE_OWNERSHIP] = "[(%w)] from %c[ by %o]",
    [POLICY_SCOPE_QUOTA] = "[ %o] of %n tokens",
    [POLICY_SCOPE_QUALIFICATION] = "[(%w)] in %c[ by %o]",
    [POLICY_DATA_NO_DPA] = "[(%w)][ %o]",
    [POLICY_DATA_DPA_VERSION] = "[ %o]",
    [POLICY_DATA_UPSTREAM_TERMS] = "[(%w)][ %o]",
    [POLICY_DATA_RETENTION] = "[(%w)][ %o][: %n days]",
    [POLICY_DATA_TRAINING] = "[(%w)][ %o]",
    [POLICY_DATA_SUBPROCESSOR] = "[(%w)][ %o]",
    [POLICY_DATA_SUBPROCESSOR_NOTICE] = "[ %o] for %n s",
    [POLICY_DATA_LOCATION] = " %c[ not in %s]",
    [POLICY_DATA_TRANSFER] = " %c to %t[ (%w)][ by %o]",
    [POLICY_DATA_CHILD] = "[(%w)][ %o]",
    [POLICY_DATA_US_BULK] = "[(%w)][ %o][: limit %n]",
    [POLICY_DATA_RECORD] = "[(%w)][ %o]",
    [POLICY_BILL_NO_PROCUREMENT] = "[(%w)][ %o]",
    [POLICY_BILL_PO_EXHAUSTED] = "[ %o] of %n tokens",
    [POLICY_BILL_LAST_PERIOD] = "[(%w)][ %o]",
    [POLICY_CREDENTIAL_HOLDER] = "[ %o]",
    [POLICY_ENDPOINT_UNOFFICIAL] = "[ %o]",
    [POLICY_ZONE_MIX_SOURCE] = "[ %o]",
    [POLICY_ZONE_POOL_OUTSIDE] = "[ %o]",
    [POLICY_ZONE_RETENTION] = "[(%w)][ %o], at most %n s",
    [POLICY_ZONE_PURPOSE] = "[(%w)][ %o]",
};

/* ---- values -------------------------------------------------------------------------------- */

static enum err print_country(struct buf *out, country_t country)
{
    char text[3];
    country_text(country, text);
    return buf_append(out, country == COUNTRY_NONE ? STR("unknown") : str_from(text));
}

static size_t print_count(const struct country_set *set)
{
    size_t count = 0;
    for (size_t i = 0; i < COUNTRY_WORDS; i++) {
        count += (size_t)__builtin_popcountll(set->words[i]);
    }
    return count;
}

static enum err print_members(struct buf *out, const struct country_set *set)
{
    size_t count = 0;
    TRY(buf_byte(out, '{'));
    country_t country = country_set_next(set, COUNTRY_NONE);
    while (country != COUNTRY_NONE && count < PRINT_SET_MAX) {
        TRY(buf_append(out, count > 0 ? STR(",") : STR_EMPTY));
        TRY(print_country(out, country));
        count++;
        country = country == COUNTRY_CODES ? COUNTRY_NONE
                                           : country_set_next(set, (country_t)(country + 1));
    }
    size_t rest = print_count(set) - count;
    if (rest > 0) {
        TRY(buf_printf(out, " and %zu more", rest));
    }
    return buf_byte(out, '}');
}

/* A set that is nearly everything is told by what is missing. */
static enum err print_set(struct buf *out, const struct country_set *set)
{
    struct country_set missing;
    country_set_world(&missing);
    country_set_add(&missing, country_from(STR("CN")));
    country_set_minus(&missing, set);
    if (print_count(&missing) > PRINT_SET_MAX) {
        return print_members(out, set);
    }
    TRY(buf_append(out, STR("all but ")));
    return print_members(out, &missing);
}

/* ---- templates ----------------------------------------------------------------------------- */

static bool print_is_missing(const struct policy_reason *reason, char value)
{
    switch (value) {
    case 'o':
        return reason->object.len == 0;
    case 'w':
        return reason->what == NULL;
    case 's':
        return reason->within == NULL;
    default:
        return value == 'n' && reason->number == 0;
    }
}

static enum err print_value(struct buf *out, const struct policy_reason *reason, char value)
{
    switch (value) {
    case 'o':
        return buf_append(out, reason->object);
    case 'w':
        return buf_append(out, str_from(reason->what));
    case 'c':
        return print_country(out, reason->country);
    case 't':
        return print_country(out, reason->to);
    case 's':
        return print_set(out, reason->within);
    default:
        ASSERT(value == 'n');
        return buf_u64(out, reason->number);
    }
}

static bool print_leaves_out(const struct policy_reason *reason, struct str group)
{
    for (size_t i = 0; i + 1 < group.len; i++) {
        if (group.ptr[i] == '%' && print_is_missing(reason, group.ptr[i + 1])) {
            return true;
        }
    }
    return false;
}

static enum err print_piece(struct buf *out, const struct policy_reason *reason, struct str piece)
{
    for (size_t i = 0; i < piece.len; i++) {
        if (piece.ptr[i] == '%') {
            TRY(print_value(out, reason, piece.ptr[++i]));
        } else {
            TRY(buf_byte(out, piece.ptr[i]));
        }
    }
    return ERR_OK;
}

static enum err print_template(struct buf *out, const struct policy_reason *reason)
{
    struct str rest = str_from(templates[reason->code]);
    while (rest.len > 0) {
        TRY(print_piece(out, reason, str_cut(&rest, '[')));
        struct str group = str_cut(&rest, ']');
        if (!print_leaves_out(reason, group)) {
            TRY(print_piece(out, reason, group));
        }
    }
    return ERR_OK;
}

enum err policy_reason_print(const struct policy_reason *reason, struct buf *out)
{
    const struct policy_reason_info *info = policy_reason_info(reason->code);
    if (reason->route != NULL) {
        TRY(buf_printf(out, STR_FMT " ", STR_ARG(reason->route->id)));
    }
    if (info->closure == POLICY_AUTHORIZATION && reason->code != POLICY_CHAIN_CLIENT_LEG) {
        bool torn = reason->what != NULL && str_eq(str_from(reason->what), STR("no_grant"));
        TRY(buf_printf(out, "%s " STR_FMT " ", torn ? "behind" : "edge", STR_ARG(reason->object)));
    }
    TRY(buf_append(out, str_from(info->name)));
    return print_template(out, reason);
}
