/*
 * The reverse example: foreign models do not go inland. Whether a client is domestic follows from
 * who it is, what it declares and how it pays; where a packet comes from says nothing of who sends
 * it, but is enough to refuse the packet.
 */
#include "policy/judge_internal.h"

#define MAINLAND country_from(STR("CN"))

static bool reverse_agreement_is_domestic(const struct judge *judge)
{
    for (size_t i = 0; judge->agreement != NULL && i < judge->agreement->market_count; i++) {
        if (judge->agreement->markets[i] == MAINLAND) {
            return true;
        }
    }
    return false;
}

/* The first fact that makes the client domestic, or NULL: it is not. */
static const char *reverse_domestic(const struct judge *judge)
{
    const struct registry_party *client = judge->facts->client;
    if (judge->kyc == MAINLAND) {
        return "kyc";
    }
    if (client != NULL && country_set_has(&client->markets_declared, MAINLAND)) {
        return "declared";
    }
    if (reverse_agreement_is_domestic(judge)) {
        return "contract";
    }
    if (client != NULL && client->billing_instrument.country == MAINLAND &&
        (client->billing_instrument.kind == REGISTRY_INSTRUMENT_CONSUMER_CARD ||
         client->billing_instrument.kind == REGISTRY_INSTRUMENT_WALLET)) {
        return "instrument";
    }
    return judge_has_end_user(judge, MAINLAND) ? "end_user" : NULL;
}

static bool reverse_model_is_foreign(const struct judge *judge)
{
    return judge->facts->model->origin != MAINLAND;
}

/* R1: a domestic client gets no foreign model that the seller has not filed for the mainland, and
 * nobody gets one for what is sold or used there, such as a toy. */
void reverse_import(struct judge *judge)
{
    const char *domestic = reverse_domestic(judge);
    if (domestic == NULL && judge->facts->market == MAINLAND) {
        domestic = "market";
    }
    if (domestic != NULL && reverse_model_is_foreign(judge) &&
        !judge_seller_holds(judge, 1 + REGISTRY_QUALIFICATION_GENAI_FILING, MAINLAND)) {
        judge_refuse(judge, domestic, judge->facts->model->id)->country = MAINLAND;
    }
}

/* R2: a domestic client gets no product that is not offered in the mainland. */
void reverse_market(struct judge *judge)
{
    const char *domestic = reverse_domestic(judge);
    if (domestic != NULL && !country_set_has(&judge->facts->product->markets.set, MAINLAND)) {
        judge_refuse(judge, domestic, judge->facts->product->id)->country = MAINLAND;
    }
}

/* R3: no call from a mainland address reaches a foreign model, whoever the client is. */
void reverse_origin(struct judge *judge)
{
    const struct policy_origin *origin = &judge->facts->origin;
    bool unsure = origin->state == POLICY_ORIGIN_UNSURE && !origin->registered;
    if (reverse_model_is_foreign(judge) && (origin->state == POLICY_ORIGIN_CN || unsure)) {
        judge_refuse(judge, unsure ? "unsure" : "cn", judge->facts->model->id)->country = MAINLAND;
    }
}

/* R9: a client that fans out like a reseller waits until somebody has looked. */
void reverse_resale(struct judge *judge)
{
    if (judge->facts->review == POLICY_REVIEW_RESALE) {
        judge_refuse(judge, NULL, STR_EMPTY);
    }
}

/* R10: so does one with domestic signs behind an overseas address. */
void reverse_review(struct judge *judge)
{
    if (judge->facts->review == POLICY_REVIEW_ORIGIN) {
        judge_refuse(judge, NULL, STR_EMPTY);
    }
}
