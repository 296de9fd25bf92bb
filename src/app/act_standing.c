/* The acts on where a client stands with the law: its party, or what it said and accepted. */
#include "app/acts_internal.h"
#include "base/stamp.h"
#include "ident/standing.h"

static const char *const standing_columns[] = {
    "client", "party", "country", "billing", "type", "agreement", "accepted", "agreement_sha256"
};

static const char *const client_types[REGISTRY_CLIENT_TYPE_COUNT] = {
    [REGISTRY_CLIENT_ENTERPRISE] = "enterprise",
    [REGISTRY_CLIENT_DEVELOPER] = "developer",
    [REGISTRY_CLIENT_CONSUMER] = "consumer",
    [REGISTRY_CLIENT_GOVERNMENT] = "government",
    [REGISTRY_CLIENT_EDUCATION] = "education",
    [REGISTRY_CLIENT_CHILD_DIRECTED] = "child_directed",
};

unsigned act_client_type(struct str text)
{
    for (unsigned i = 0; i < REGISTRY_CLIENT_TYPE_COUNT; i++) {
        if (str_eq(text, str_from(client_types[i]))) {
            return i + 1;
        }
    }
    return 0;
}

static enum err standing_country(struct acting *acting, const char *flag, country_t *country)
{
    struct str text = args_value(acting->args, flag);
    if (!args_has(acting->args, flag)) {
        return ERR_OK;
    }
    *country = country_from(text);
    return *country != COUNTRY_NONE ? ERR_OK
                                    : FAIL(&acting->fail, ERR_ASK_INVALID,
                                           "\"--%s\" is two capital letters such as SG, not "
                                           "\"" STR_FMT "\"",
                                           flag, STR_ARG(text));
}

static enum err standing_party(struct acting *acting, struct standing *standing)
{
    if (!args_has(acting->args, "party")) {
        return ERR_OK;
    }
    standing->party = args_value(acting->args, "party");
    const struct registry_party *party = registry_party(acting->registry, standing->party);
    if (standing->party.len > 0 && (party == NULL || party->kind != REGISTRY_PARTY_CLIENT)) {
        acting->remedy = "add it to parties.yaml, and apply the registry";
        return FAIL(&acting->fail, ERR_NOT_FOUND,
                    "the registry has no party \"" STR_FMT "\" of kind client",
                    STR_ARG(standing->party));
    }
    return ERR_OK;
}

static enum err standing_accept(struct acting *acting, struct standing *standing)
{
    if (!args_has(acting->args, "accept")) {
        return ERR_OK;
    }
    struct str id = args_value(acting->args, "accept");
    const struct registry_agreement *agreement = registry_agreement(acting->registry, id);
    if (agreement == NULL || !agreement->online) {
        acting->remedy = "see agreements.yaml";
        return FAIL(&acting->fail, ERR_NOT_FOUND,
                    "the registry has no agreement \"" STR_FMT "\" that is accepted online",
                    STR_ARG(id));
    }
    standing->agreement = agreement->id;
    standing->agreement_sha256 = agreement->doc.sha256;
    standing->accepted_ns = stamp_system_ns();
    return ERR_OK;
}

/* What the flags say replaces what was known; the rest stays. */
static enum err standing_from_flags(struct acting *acting, struct standing *standing)
{
    TRY(standing_party(acting, standing));
    TRY(standing_country(acting, "country", &standing->country));
    TRY(standing_country(acting, "billing-country", &standing->billing_country));
    if (args_has(acting->args, "type")) {
        standing->client_type = args_value(acting->args, "type");
        if (act_client_type(standing->client_type) == 0) {
            return FAIL(&acting->fail, ERR_ASK_INVALID,
                        "\"--type\" is enterprise, developer, consumer, government, education or "
                        "child_directed");
        }
    }
    TRY(standing_accept(acting, standing));
    standing->set_ns = stamp_system_ns();
    return ERR_OK;
}

bool act_standing_given(const struct args *args)
{
    return args_has(args, "party") || args_has(args, "country") ||
           args_has(args, "billing-country") || args_has(args, "type") || args_has(args, "accept");
}

enum err act_read_standing(struct acting *acting, struct standing *ret_standing)
{
    *ret_standing = (struct standing){ .country = COUNTRY_NONE };
    return standing_from_flags(acting, ret_standing);
}

enum err act_set_standing(struct acting *acting, const struct client *client,
                          const struct standing *standing)
{
    return client_set_standing(acting->world->ident, client->id, standing, &acting->fail);
}

static enum err standing_print(struct acting *acting, const struct client *client)
{
    const struct standing *standing = client_standing(client);
    char country[3];
    char billing[3];
    country_text(standing->country, country);
    country_text(standing->billing_country, billing);
    struct sheet sheet;
    sheet_init(&sheet, standing_columns, EP_ARRAY_LEN(standing_columns));
    sheet_id(&sheet, IDENT_CLIENT_PREFIX, client->id);
    sheet_str(&sheet, standing->party);
    sheet_str(&sheet, standing->country == COUNTRY_NONE ? STR_EMPTY : str_from(country));
    sheet_str(&sheet, standing->billing_country == COUNTRY_NONE ? STR_EMPTY : str_from(billing));
    sheet_str(&sheet, standing->client_type);
    sheet_str(&sheet, standing->agreement);
    if (standing->accepted_ns > 0) {
        sheet_stamp(&sheet, standing->accepted_ns);
    } else {
        sheet_none(&sheet);
    }
    sheet_str(&sheet, standing->agreement_sha256);
    enum err err = sheet_print_one(&sheet, acting->json, acting->out);
    sheet_fini(&sheet);
    return err;
}

/* Shows it; sets what flags name. */
enum err act_client_standing(struct acting *acting)
{
    const struct client *client = NULL;
    TRY(acting_client_live(acting, &client));
    if (act_standing_given(acting->args)) {
        struct standing standing = *client_standing(client);
        TRY(standing_from_flags(acting, &standing));
        TRY(act_set_standing(acting, client, &standing));
    }
    return standing_print(acting, client);
}
