/*
 * Verdicts in words, for operators. A code's template says what stands behind its name:
 *
 *   %o object, %w what, %c country, %t the other country, %n number, %s the set it is not in
 *
 * What is in brackets is left out when one of its values is missing.
 */
#include "policy/print_internal.h"

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

static void print_country(struct words *words, country_t country)
{
    char text[3];
    country_text(country, text);
    words_put(words, country == COUNTRY_NONE ? STR("unknown") : str_from(text));
}

static size_t print_count(const struct country_set *set)
{
    size_t count = 0;
    for (size_t i = 0; i < COUNTRY_WORDS; i++) {
        count += (size_t)__builtin_popcountll(set->words[i]);
    }
    return count;
}

static void print_members(struct words *words, const struct country_set *set)
{
    struct country_set rest = *set;
    words_put(words, STR("{"));
    for (size_t i = 0; i < PRINT_SET_MAX && !country_set_is_empty(&rest); i++) {
        country_t country = country_set_next(&rest, COUNTRY_NONE);
        struct country_set one = { { 0 } };
        country_set_add(&one, country);
        country_set_minus(&rest, &one);
        words_put(words, i > 0 ? STR(",") : STR_EMPTY);
        print_country(words, country);
    }
    if (!country_set_is_empty(&rest)) {
        words_put(words, STR(" and "));
        words_number(words, print_count(&rest));
        words_put(words, STR(" more"));
    }
    words_put(words, STR("}"));
}

/* A set that is nearly everything is told by what is missing. */
static void print_set(struct words *words, const struct country_set *set)
{
    struct country_set missing;
    country_set_world(&missing);
    country_set_add(&missing, country_from(STR("CN")));
    country_set_minus(&missing, set);
    bool is_most = print_count(&missing) <= PRINT_SET_MAX;
    words_put(words, is_most ? STR("all but ") : STR_EMPTY);
    print_members(words, is_most ? &missing : set);
}

/* ---- templates ------------------------------------------------------------------------------ */

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

static void print_value(struct words *words, const struct policy_reason *reason, char value)
{
    switch (value) {
    case 'o':
        words_put(words, reason->object);
        break;
    case 'w':
        words_put(words, str_from(reason->what));
        break;
    case 'c':
        print_country(words, reason->country);
        break;
    case 't':
        print_country(words, reason->to);
        break;
    case 's':
        print_set(words, reason->within);
        break;
    default:
        ASSERT(value == 'n');
        words_number(words, reason->number);
        break;
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

static void print_piece(struct words *words, const struct policy_reason *reason, struct str piece)
{
    while (piece.len > 0) {
        words_put(words, str_cut(&piece, '%'));
        if (piece.len > 0) {
            print_value(words, reason, piece.ptr[0]);
            piece = str_from_at(piece, 1);
        }
    }
}

static void print_template(struct words *words, const struct policy_reason *reason)
{
    struct str rest = str_from(templates[reason->code]);
    while (rest.len > 0) {
        print_piece(words, reason, str_cut(&rest, '['));
        struct str group = str_cut(&rest, ']');
        print_piece(words, reason, print_leaves_out(reason, group) ? STR_EMPTY : group);
    }
}

void words_reason(struct words *words, const struct policy_reason *reason)
{
    const struct policy_reason_info *info = policy_reason_info(reason->code);
    if (reason->route != NULL) {
        words_put(words, reason->route->id);
        words_put(words, STR(" "));
    }
    if (info->closure == POLICY_AUTHORIZATION && reason->code != POLICY_CHAIN_CLIENT_LEG) {
        bool torn = reason->what != NULL && str_eq(str_from(reason->what), STR("no_grant"));
        words_put(words, torn ? STR("behind ") : STR("edge "));
        words_put(words, reason->object);
        words_put(words, STR(" "));
    }
    words_put(words, str_from(info->name));
    print_template(words, reason);
}

enum err policy_reason_print(const struct policy_reason *reason, struct buf *out)
{
    struct words words = { .out = out };
    words_reason(&words, reason);
    return words.err;
}
