/*
 * Data responsibility: what the client allows in its terms against what a route's upstream does,
 * and who touches the content. A thing that neither has written down is not allowed.
 */
#include "policy/judge_internal.h"

/* Why a data agreement is not in force, or NULL: it is. */
static const char *data_dpa_flaw(const struct registry_data_terms *terms, int64_t now)
{
    if (terms == NULL || terms->dpa.version.len == 0) {
        return "none";
    }
    if (!terms->dpa.signed_by_both) {
        return "unsigned";
    }
    return judge_window_flaw(&terms->dpa.doc, terms->dpa.valid_from, terms->dpa.valid_until, now);
}

/* The last version that is in force; versions are in the order in which they come into force. */
static const struct policy_list *data_list(const struct policy *policy, int64_t now)
{
    size_t count = 0;
    while (count < policy->list_count && policy->lists[count].list->effective_at <= now) {
        count++;
    }
    return count == 0 ? NULL : &policy->lists[count - 1];
}

void data_begin_call(struct judge *judge)
{
    const struct registry_data_terms *terms =
        judge->agreement == NULL ? NULL : judge->agreement->data_terms;
    judge->dpa_flaw = data_dpa_flaw(terms, judge->now);
    judge->terms = terms != NULL && terms->dpa.version.len > 0 ? terms : NULL;
    judge->list = data_list(judge->policy, judge->now);
}

void data_begin_route(struct judge *judge)
{
    judge->upstream_flaw = data_dpa_flaw(judge->route->data_terms, judge->now);
}

/* ---- what is signed ------------------------------------------------------------------------ */

/* DATA 1: the client has signed a data agreement that is in force. Terms without one are named. */
void data_dpa(struct judge *judge)
{
    const struct registry_agreement *agreement = judge->agreement;
    bool has_terms = agreement != NULL && agreement->data_terms != NULL;
    if (judge->dpa_flaw != NULL) {
        judge_refuse(judge, judge->dpa_flaw, has_terms ? agreement->data_terms->id : STR_EMPTY);
    }
}

/* DATA 1: and it is the current text, or the one before within its grace. */
void data_dpa_version(struct judge *judge)
{
    const struct registry_product_dpa *current = &judge->facts->product->dpa;
    struct str version = judge->terms->dpa.version;
    bool graced = current->previous.len > 0 && str_eq(version, current->previous) &&
                  judge->now < current->grace_until;
    if (current->version.len > 0 && !str_eq(version, current->version) && !graced) {
        judge_refuse(judge, NULL, version);
    }
}

/* DATA 2: what the upstream does with content is written, signed and in force. */
void data_upstream(struct judge *judge)
{
    if (judge->upstream_flaw != NULL) {
        judge_refuse(judge, judge->upstream_flaw, judge->route->upstream_party->id);
    }
}

/* DATA 3: the upstream keeps content no longer than the client allows. */
void data_retention(struct judge *judge)
{
    const struct registry_data_terms *upstream = judge->route->data_terms;
    uint64_t allowed = judge->terms->retention_days;
    if (upstream->retention_days == REGISTRY_RETENTION_UNKNOWN) {
        judge_refuse(judge, "unknown", upstream->id);
    } else if (allowed == REGISTRY_RETENTION_UNKNOWN) {
        judge_refuse(judge, "not_stated", judge->terms->id);
    } else if (upstream->retention_days > allowed) {
        judge_refuse(judge, "days", upstream->id)->number = upstream->retention_days;
    }
}

/* DATA 4: the upstream trains on nothing, or the client has opted in. */
void data_training(struct judge *judge)
{
    enum registry_answer does = judge->route->data_terms->training;
    enum registry_answer allows = judge->terms->training;
    bool asks = does == REGISTRY_ANSWER_OPT_IN || does == REGISTRY_ANSWER_YES;
    bool allowed = allows == REGISTRY_ANSWER_OPT_IN || allows == REGISTRY_ANSWER_YES;
    if (does != REGISTRY_ANSWER_NO && !(asks && allowed)) {
        judge_refuse(judge, policy_word_answer(does), judge->route->data_terms->id);
    }
}

/* ---- who touches it ------------------------------------------------------------------------ */

static bool data_lists(const struct judge *judge, const struct policy_list *list,
                       const struct registry_party *party)
{
    size_t index = policy_party_index(judge->policy, party);
    return list != NULL && (list->parties[index / 64] >> index % 64 & 1) != 0;
}

static bool data_objects(const struct judge *judge, const struct registry_party *party)
{
    const struct policy_index *index = &judge->policy->objections;
    if (judge->facts->client == NULL) {
        return false;
    }
    size_t client = policy_party_index(judge->policy, judge->facts->client);
    for (uint32_t i = index->starts[client]; i < index->starts[client + 1]; i++) {
        const struct registry_objection *objection = judge->policy->objection_rows[index->items[i]];
        if (objection->party == party && objection->at <= judge->now) {
            return true;
        }
    }
    return false;
}

/* The seconds until the first version with the party is in force; false: none is published. */
static bool data_is_announced(const struct judge *judge, const struct registry_party *party,
                              uint64_t *ret_seconds)
{
    for (size_t i = 0; i < judge->policy->list_count; i++) {
        const struct policy_list *list = &judge->policy->lists[i];
        if (list->list->published_at <= judge->now && judge->now < list->list->effective_at &&
            data_lists(judge, list, party)) {
            *ret_seconds = judge_seconds(judge->now, list->list->effective_at);
            return true;
        }
    }
    return false;
}

/* How one who touches content stands with the client of the call. */
enum data_standing {
    DATA_LISTED,
    DATA_OBJECTED,  /* this client has, in whatever version */
    DATA_ANNOUNCED, /* not in force yet */
    DATA_UNLISTED
};

static enum data_standing data_standing(const struct judge *judge,
                                        const struct registry_party *party, uint64_t *ret_seconds)
{
    if (party == judge->facts->product->seller) {
        return DATA_LISTED; /* it is who the client contracts with */
    }
    if (data_objects(judge, party)) {
        return DATA_OBJECTED;
    }
    if (data_lists(judge, judge->list, party)) {
        return DATA_LISTED;
    }
    return data_is_announced(judge, party, ret_seconds) ? DATA_ANNOUNCED : DATA_UNLISTED;
}

/* DATA 5: everyone who touches content is in the list in force, and the client has not objected. */
void data_subprocessor(struct judge *judge)
{
    for (size_t i = 0; i < judge->source->touch_count; i++) {
        const struct registry_party *party = judge->source->touch[i];
        uint64_t seconds = 0;
        enum data_standing standing = data_standing(judge, party, &seconds);
        if (standing == DATA_OBJECTED || standing == DATA_UNLISTED) {
            judge_refuse(judge, standing == DATA_OBJECTED ? "objected" : "unlisted", party->id);
        }
    }
}

/* DATA 5: who was announced serves only after the notice. */
void data_subprocessor_notice(struct judge *judge)
{
    for (size_t i = 0; i < judge->source->touch_count; i++) {
        const struct registry_party *party = judge->source->touch[i];
        uint64_t seconds = 0;
        if (data_standing(judge, party, &seconds) == DATA_ANNOUNCED) {
            judge_refuse(judge, NULL, party->id)->number = seconds;
        }
    }
}

/* ---- children, and the record -------------------------------------------------------------- */

/* DATA 8: what children say needs consent, and an upstream that keeps, learns and reads nothing. */
void data_child(struct judge *judge)
{
    const struct registry_data_terms *upstream = judge->route->data_terms;
    if (judge->facts->consent_ref.len == 0) {
        judge_refuse(judge, "consent", STR_EMPTY);
    }
    if (judge->upstream_flaw != NULL) {
        return;
    }
    if (!upstream->children_allowed) {
        judge_refuse(judge, "children", upstream->id);
    }
    if (upstream->retention_days != 0) {
        judge_refuse(judge, "retention", upstream->id);
    }
    if (upstream->training != REGISTRY_ANSWER_NO) {
        judge_refuse(judge, "training", upstream->id);
    }
    if (upstream->human_review != REGISTRY_ANSWER_NO &&
        upstream->human_review != REGISTRY_ANSWER_ABUSE_ONLY) {
        judge_refuse(judge, "human_review", upstream->id);
    }
}

/* DATA 10: the record of processing says everything that it must of this client. */
void data_record(struct judge *judge)
{
    const struct registry_record *record = &judge->terms->record;
    const struct {
        const char *what;
        struct str text;
    } fields[] = {
        { "controller", record->controller }, { "contact", record->contact },
        { "categories", record->categories }, { "transfers", record->transfers },
        { "security", record->security },
    };
    for (size_t i = 0; i < EP_ARRAY_LEN(fields); i++) {
        if (fields[i].text.len == 0) {
            judge_refuse(judge, fields[i].what, judge->terms->id);
            return;
        }
    }
}
