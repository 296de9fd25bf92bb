#include "app/market_check.h"

#include "base/stamp.h"
#include "ident/standing.h"
#include "policy/facts.h"

/* R11: a consumer's card or wallet of the mainland does not pay for a foreign model. */
static enum err market_check_payment(const struct registry_party *party,
                                     const struct registry_product *product, struct fail *fail)
{
    country_t mainland = country_from(STR("CN"));
    bool consumer = party != NULL && party->billing_instrument.country == mainland &&
                    (party->billing_instrument.kind == REGISTRY_INSTRUMENT_CONSUMER_CARD ||
                     party->billing_instrument.kind == REGISTRY_INSTRUMENT_WALLET);
    for (size_t i = 0; consumer && i < product->model_count; i++) {
        if (product->models[i]->origin != mainland) {
            return FAIL(fail, ERR_PAYMENT_DOMESTIC,
                        "a mainland consumer's card or wallet does not pay for \"" STR_FMT
                        "\" (PAYMENT_DOMESTIC)",
                        STR_ARG(product->models[i]->id));
        }
    }
    return ERR_OK;
}

static enum err market_check_models(const struct policy *policy, struct policy_facts *facts,
                                    struct fail *fail)
{
    enum policy_code first = POLICY_FINE;
    for (size_t i = 0; i < facts->product->model_count; i++) {
        enum policy_code code = POLICY_FINE;
        facts->model = facts->product->models[i];
        if (policy_may_list(policy, facts, &code)) {
            return ERR_OK;
        }
        first = first == POLICY_FINE ? code : first;
    }
    const struct policy_reason_info *info = policy_reason_info(first);
    return FAIL(fail, info->err,
                "nothing of the product \"" STR_FMT "\" may be sold to it (%s, %s)",
                STR_ARG(facts->product->id), info->name, info->rule);
}

enum err market_check(const struct registry *registry, const struct client *client,
                      const struct market_sale *sale, struct fail *fail)
{
    const struct standing *standing = client_standing(client);
    const struct policy_online online = {
        .country = standing->country,
        .billing_country = standing->billing_country,
        .client_type = policy_client_type(standing->client_type),
        .agreement = standing->agreement,
        .sha256 = standing->agreement_sha256,
        .accepted_at = standing->accepted_ns,
    };
    struct policy_facts facts = {
        .client = standing->party.len == 0 ? NULL : registry_party(registry, standing->party),
        .online = &online,
        .product = sale->product,
        .market = sale->market,
        .now = stamp_system_ns(),
    };
    struct policy *policy = NULL;
    if (standing->party.len > 0 && facts.client == NULL) {
        return FAIL(fail, ERR_LAW_NO_AGREEMENT,
                    "the registry has no party \"" STR_FMT "\", as which the client is known",
                    STR_ARG(standing->party));
    }
    if (sale->step == MARKET_CHECKOUT) {
        TRY(market_check_payment(facts.client, sale->product, fail));
    }
    TRY(policy_compile(registry, &policy, fail));
    enum err err = market_check_models(policy, &facts, fail);
    policy_destroy(policy);
    return err;
}
