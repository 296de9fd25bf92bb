#include "settle/evidence_chain.h"

#include "base/enc.h"
#include "base/map.h"
#include "base/stamp.h"
#include "policy/facts.h"
#include "wire/jsonw.h"

#define CHAIN_ARENA_BYTES ((size_t)4 << 20)
#define CHAIN_TEXT_MAX    2048 /* as receipts hash it */
#define CHAIN_TERMS_MAX   ((size_t)8 << 20)

/* ---- judging again ------------------------------------------------------------------------ */

static const struct policy_route *chain_route(const struct policy_verdict *verdict, struct str id)
{
    for (size_t i = 0; i < verdict->route_count; i++) {
        if (str_eq(verdict->per_route[i].route->id, id)) {
            return &verdict->per_route[i];
        }
    }
    return NULL;
}

static bool chain_is(const struct policy_chain *chain, struct str hash_hex)
{
    char text[CHAIN_TEXT_MAX];
    char hex[2 * DIGEST_BYTES];
    struct buf list = { text, 0, sizeof(text), sizeof(text) };
    struct buf sum = { hex, 0, sizeof(hex), sizeof(hex) };
    EP_IGNORE(policy_print_chain(chain, &list)); /* what fits, as the receipts have it */
    struct digest digest = digest_sha256(buf_str(&list));
    EP_IGNORE(enc_hex(&sum, digest.bytes, DIGEST_BYTES)); /* fits exactly */
    return str_eq(buf_str(&sum), hash_hex);
}

static enum err chain_find(struct evidence_fold *fold, const struct counts_row *row,
                           struct arena *arena, struct evidence_chain *ret_chain, struct fail *fail)
{
    struct evidence_version *version = NULL;
    struct policy_facts facts;
    *ret_chain = (struct evidence_chain){ .row = row };
    TRY(evidence_law_find(fold->law, row->keys[0], &version, fail));
    ret_chain->version = version;
    if (version == NULL || row->note.len == 0) {
        return ERR_OK;
    }
    const struct rejudge *rejudge = &version->rejudge;
    enum err err = policy_facts_read(row->note, rejudge->registry, arena, &facts, fail);
    if (err == ERR_NO_MEMORY) {
        return err;
    }
    if (err == ERR_OK) {
        policy_judge(rejudge->policy, &facts, rejudge->verdict);
        const struct policy_route *route = chain_route(rejudge->verdict, row->keys[2]);
        ret_chain->route = route != NULL && chain_is(&route->chain, row->keys[1]) ? route : NULL;
    }
    return ERR_OK;
}

enum err evidence_chains(struct evidence_fold *fold, evidence_chain_fn *told, void *context,
                         struct fail *fail)
{
    const struct counts *chains = &fold->tables[EVIDENCE_CHAINS];
    struct arena arena;
    enum err err = ERR_OK;
    for (size_t i = 0; err == ERR_OK && i < chains->count; i++) {
        struct evidence_chain chain;
        arena_init(&arena, 4096, CHAIN_ARENA_BYTES);
        err = chain_find(fold, chains->rows[i], &arena, &chain, fail);
        err = err == ERR_OK ? told(context, &chain) : err;
        arena_fini(&arena);
    }
    return err;
}

/* ---- grants ------------------------------------------------------------------------------- */

/* An end that is not written is empty. */
static void chain_put_time(struct jsonw *json, const char *name, int64_t ns)
{
    char text[40];
    struct buf stamp = { text, 0, sizeof(text), sizeof(text) };
    if (ns > 0 && ns != REGISTRY_TIME_NEVER) {
        EP_IGNORE(stamp_print(&stamp, ns)); /* fits */
    }
    jsonw_put_str(json, name, buf_str(&stamp));
}

static void chain_put_number(struct jsonw *json, const char *name, uint64_t value)
{
    char text[24];
    struct buf number = { text, 0, sizeof(text), sizeof(text) };
    EP_IGNORE(buf_u64(&number, value)); /* fits */
    jsonw_put_str(json, name, buf_str(&number));
}

static void chain_put_doc(struct jsonw *json, const struct registry_doc *doc)
{
    jsonw_put_str(json, "document", doc->file);
    jsonw_put_str(json, "sha256", doc->sha256);
}

static void chain_put_window(struct jsonw *json, int64_t from, int64_t until)
{
    chain_put_time(json, "valid_from", from);
    chain_put_time(json, "valid_until", until);
}

static void chain_put_party(struct jsonw *json, const char *name,
                            const struct registry_party *party)
{
    jsonw_put_str(json, name, party == NULL ? STR_EMPTY : party->id);
}

static void grants_put_edge(struct jsonw *json, const struct registry_grant *grant)
{
    jsonw_open(json, '{');
    chain_put_doc(json, &grant->doc);
    chain_put_party(json, "grantee", grant->grantee);
    chain_put_party(json, "grantor", grant->grantor);
    jsonw_put_str(json, "id", grant->id);
    chain_put_time(json, "revoked_at", grant->revoked_at);
    chain_put_window(json, grant->valid_from, grant->valid_until);
    chain_put_number(json, "version", grant->version);
    jsonw_close(json, '}');
}

static void grants_put_agreement(struct jsonw *json, const struct registry_agreement *agreement)
{
    jsonw_open(json, '{');
    chain_put_doc(json, &agreement->doc);
    chain_put_party(json, "grantee", agreement->grantee);
    chain_put_party(json, "grantor", agreement->grantor);
    jsonw_put_str(json, "id", agreement->id);
    jsonw_put_str(json, "online", agreement->online ? STR("yes") : STR("no"));
    chain_put_time(json, "revoked_at", agreement->revoked_at);
    chain_put_window(json, agreement->valid_from, agreement->valid_until);
    chain_put_number(json, "version", agreement->version);
    jsonw_close(json, '}');
}

static enum err grants_on_chain(void *context, const struct evidence_chain *chain)
{
    struct jsonw *json = context;
    const struct counts_row *row = chain->row;
    const struct policy_chain *edges = chain->route == NULL ? NULL : &chain->route->chain;
    jsonw_open(json, '{');
    jsonw_key(json, "agreement");
    if (edges == NULL || edges->agreement == NULL) {
        jsonw_null(json);
    } else {
        grants_put_agreement(json, edges->agreement);
    }
    chain_put_number(json, "calls", (uint64_t)row->values[0]);
    jsonw_put_str(json, "chain", row->keys[1]);
    jsonw_key(json, "grants");
    jsonw_open(json, '[');
    for (size_t i = 0; edges != NULL && i < edges->edge_count; i++) {
        grants_put_edge(json, edges->edges[i]);
    }
    jsonw_close(json, ']');
    jsonw_put_str(json, "registry", row->keys[0]);
    jsonw_put_str(json, "route", row->keys[2]);
    jsonw_put_str(json, "shown", edges == NULL ? STR("no") : STR("yes"));
    jsonw_close(json, '}');
    return jsonw_err(json);
}

enum err evidence_grants_print(struct evidence_fold *fold, struct buf *out, struct fail *fail)
{
    struct jsonw json;
    jsonw_init(&json, out);
    jsonw_open(&json, '{');
    jsonw_key(&json, "chains");
    jsonw_open(&json, '[');
    TRY(evidence_chains(fold, grants_on_chain, &json, fail));
    jsonw_close(&json, ']');
    jsonw_put_str(&json, "version", STR("1"));
    jsonw_close(&json, '}');
    TRY(jsonw_err(&json));
    return buf_byte(out, '\n');
}

/* ---- data terms --------------------------------------------------------------------------- */

static const char *const terms_answers[] = {
    [REGISTRY_ANSWER_UNKNOWN] = "unknown", [REGISTRY_ANSWER_NO] = "no",
    [REGISTRY_ANSWER_OPT_IN] = "opt_in",   [REGISTRY_ANSWER_ABUSE_ONLY] = "abuse_only",
    [REGISTRY_ANSWER_YES] = "yes",
};

static void terms_put_transfers(struct jsonw *json, const struct registry_data_terms *terms)
{
    jsonw_key(json, "transfers");
    jsonw_open(json, '[');
    for (size_t i = 0; i < terms->transfer_count; i++) {
        const struct registry_transfer *transfer = &terms->transfer_basis[i];
        char from[3];
        char to[3];
        country_text(transfer->from, from);
        country_text(transfer->to, to);
        jsonw_open(json, '{');
        chain_put_doc(json, &transfer->doc);
        jsonw_put_str(json, "from", str_from(from));
        jsonw_put_str(json, "to", str_from(to));
        chain_put_window(json, transfer->valid_from, transfer->valid_until);
        jsonw_close(json, '}');
    }
    jsonw_close(json, ']');
}

static void terms_put(struct jsonw *json, struct str of, const struct registry_data_terms *terms)
{
    jsonw_open(json, '{');
    chain_put_doc(json, &terms->dpa.doc);
    jsonw_put_str(json, "dpa_version", terms->dpa.version);
    jsonw_put_str(json, "human_review", str_from(terms_answers[terms->human_review]));
    jsonw_put_str(json, "id", terms->id);
    jsonw_put_str(json, "of", of);
    if (terms->retention_days == REGISTRY_RETENTION_UNKNOWN) {
        jsonw_put_str(json, "retention_days", STR("unknown"));
    } else {
        chain_put_number(json, "retention_days", terms->retention_days);
    }
    jsonw_key(json, "third_parties");
    jsonw_open(json, '[');
    for (size_t i = 0; i < terms->third_party_count; i++) {
        jsonw_str(json, terms->third_parties[i]->id);
    }
    jsonw_close(json, ']');
    jsonw_put_str(json, "training", str_from(terms_answers[terms->training]));
    terms_put_transfers(json, terms);
    chain_put_window(json, terms->dpa.valid_from, terms->dpa.valid_until);
    jsonw_close(json, '}');
}

struct terms_printing {
    const struct evidence_head *head;
    struct jsonw json;
    struct buf scratch;
    struct map seen; /* what stands there already: text of an object */
    struct arena arena;
    struct fail *fail;
};

/* An object that stands there once; *ret_fresh: it did not. */
static enum err terms_once(struct terms_printing *printing, struct str text, bool *ret_fresh)
{
    struct str kept;
    *ret_fresh = map_find(&printing->seen, text) == NULL;
    if (!*ret_fresh) {
        return ERR_OK;
    }
    return arena_copy(&printing->arena, text, &kept)
               ? map_add(&printing->seen, kept, printing)
               : FAIL(printing->fail, ERR_LIMIT, "the data terms of the period are too many");
}

static enum err terms_put_once(struct terms_printing *printing, struct str of,
                               const struct registry_data_terms *terms)
{
    struct jsonw object;
    bool fresh = false;
    if (terms == NULL) {
        return ERR_OK;
    }
    buf_reset(&printing->scratch);
    jsonw_init(&object, &printing->scratch);
    terms_put(&object, of, terms);
    TRY(jsonw_err(&object));
    TRY(terms_once(printing, buf_str(&printing->scratch), &fresh));
    if (fresh) {
        jsonw_raw(&printing->json, buf_str(&printing->scratch));
    }
    return jsonw_err(&printing->json);
}

static enum err terms_on_chain(void *context, const struct evidence_chain *chain)
{
    struct terms_printing *printing = context;
    if (chain->route == NULL) {
        return ERR_OK;
    }
    const struct registry_agreement *agreement = chain->route->chain.agreement;
    TRY(terms_put_once(printing, STR("client"), agreement == NULL ? NULL : agreement->data_terms));
    return terms_put_once(printing, chain->route->route->id, chain->route->route->data_terms);
}

static void terms_put_entries(struct jsonw *json, const struct registry_subprocessor_list *list)
{
    jsonw_key(json, "entries");
    jsonw_open(json, '[');
    for (size_t i = 0; i < list->entry_count; i++) {
        const struct registry_subprocessor *entry = &list->entries[i];
        char location[3];
        country_text(entry->location, location);
        jsonw_open(json, '{');
        jsonw_put_str(json, "location", str_from(location));
        chain_put_party(json, "party", entry->party);
        jsonw_put_str(json, "service", entry->service);
        jsonw_close(json, '}');
    }
    jsonw_close(json, ']');
}

/* What other clients object to is theirs. */
static void terms_put_objections(struct jsonw *json, const struct registry_subprocessor_list *list,
                                 struct str client)
{
    jsonw_key(json, "objections");
    jsonw_open(json, '[');
    for (size_t i = 0; i < list->objection_count; i++) {
        const struct registry_objection *objection = &list->objections[i];
        if (client.len > 0 && str_eq(objection->client->id, client)) {
            jsonw_open(json, '{');
            chain_put_time(json, "at", objection->at);
            chain_put_party(json, "party", objection->party);
            jsonw_close(json, '}');
        }
    }
    jsonw_close(json, ']');
}

static void terms_put_list(struct jsonw *json, const struct registry_subprocessor_list *list,
                           struct str client)
{
    jsonw_open(json, '{');
    chain_put_time(json, "effective_at", list->effective_at);
    terms_put_entries(json, list);
    jsonw_put_str(json, "id", list->id);
    terms_put_objections(json, list, client);
    chain_put_time(json, "published_at", list->published_at);
    chain_put_number(json, "version", list->version);
    jsonw_close(json, '}');
}

static enum err terms_put_lists(struct terms_printing *printing, const struct registry *registry)
{
    for (size_t i = 0; i < registry->subprocessor_count; i++) {
        struct jsonw object;
        bool fresh = false;
        buf_reset(&printing->scratch);
        jsonw_init(&object, &printing->scratch);
        terms_put_list(&object, &registry->subprocessors[i], printing->head->party);
        TRY(jsonw_err(&object));
        TRY(terms_once(printing, buf_str(&printing->scratch), &fresh));
        if (fresh) {
            jsonw_raw(&printing->json, buf_str(&printing->scratch));
        }
    }
    return jsonw_err(&printing->json);
}

static enum err terms_print_all(struct terms_printing *printing, struct evidence_fold *fold)
{
    struct jsonw *json = &printing->json;
    struct evidence_law *law = fold->law;
    jsonw_open(json, '{');
    jsonw_key(json, "data_terms");
    jsonw_open(json, '[');
    TRY(evidence_chains(fold, terms_on_chain, printing, printing->fail));
    jsonw_close(json, ']');
    jsonw_key(json, "subprocessors");
    jsonw_open(json, '[');
    for (size_t i = 0; i < law->count; i++) {
        if (law->versions[i].wanted) {
            TRY(evidence_law_open(law, &law->versions[i], printing->fail));
            TRY(terms_put_lists(printing, law->versions[i].rejudge.registry));
        }
    }
    jsonw_close(json, ']');
    jsonw_put_str(json, "version", STR("1"));
    jsonw_close(json, '}');
    TRY(jsonw_err(json));
    return buf_byte(json->out, '\n');
}

enum err evidence_terms_print(const struct evidence_head *head, struct evidence_fold *fold,
                              struct buf *out, struct fail *fail)
{
    struct terms_printing printing = { .head = head, .fail = fail };
    jsonw_init(&printing.json, out);
    buf_init(&printing.scratch, CHAIN_TERMS_MAX);
    map_init(&printing.seen);
    arena_init(&printing.arena, 4096, CHAIN_TERMS_MAX);
    enum err err = terms_print_all(&printing, fold);
    buf_fini(&printing.scratch);
    map_fini(&printing.seen);
    arena_fini(&printing.arena);
    return err;
}
