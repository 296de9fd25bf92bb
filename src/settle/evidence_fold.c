#include "settle/evidence_fold.h"

#include <string.h>

#include "meter/usage.h"
#include "wire/json.h"
#include "wire/jsonw.h"

#define FOLD_TABLE_BYTES   ((size_t)64 << 20) /* a hundred thousand rows of usage */
#define FOLD_SCRATCH_BYTES ((size_t)1 << 20)
#define FOLD_REFUSED_BYTES ((size_t)1 << 20)

_Static_assert((int)USAGE_COUNT == (int)EVIDENCE_CLASSES,
               "receipts show the classes that are counted");
_Static_assert(EVIDENCE_USAGE_FIXED + EVIDENCE_TOKENS * EVIDENCE_CLASSES <= COUNTS_VALUES_MAX,
               "a row of usage has room for all classes");

struct fold_table {
    const char *name;
    struct str keys;
    struct str values;
};

#define FOLD_TABLE(name, text, keys, values) \
    [EVIDENCE_##name] = { text, STR_INIT(keys), STR_INIT(values) },
static const struct fold_table fold_tables[] = { EVIDENCE_TABLES(FOLD_TABLE) };

static const char *const fold_tokens[] = {
    [EVIDENCE_BILLED] = "billed",
    [EVIDENCE_COUNTED] = "counted",
    [EVIDENCE_GENERATED] = "generated",
    [EVIDENCE_REPORTED] = "reported",
};

const char *evidence_table_name(enum evidence_table table)
{
    return fold_tables[table].name;
}

struct str evidence_table_keys(enum evidence_table table)
{
    return fold_tables[table].keys;
}

struct str evidence_table_values(enum evidence_table table)
{
    return fold_tables[table].values;
}

const char *evidence_tokens_name(enum evidence_tokens tokens)
{
    return fold_tokens[tokens];
}

static size_t fold_words(struct str words)
{
    size_t count = 0;
    while (words.len > 0) {
        (void)str_cut(&words, ' '); /* counted, not looked at */
        count++;
    }
    return count;
}

void evidence_fold_init(struct evidence_fold *fold, struct evidence_law *law)
{
    *fold = (struct evidence_fold){ .law = law };
    for (unsigned i = 0; i < EVIDENCE_TABLE_COUNT; i++) {
        size_t values = fold_words(fold_tables[i].values);
        values += i == EVIDENCE_USAGE ? (size_t)EVIDENCE_TOKENS * EVIDENCE_CLASSES : 0;
        counts_init(&fold->tables[i], fold_words(fold_tables[i].keys), values, FOLD_TABLE_BYTES);
    }
    buf_init(&fold->refused, FOLD_REFUSED_BYTES);
    arena_init(&fold->scratch, 16384, FOLD_SCRATCH_BYTES);
}

void evidence_fold_fini(struct evidence_fold *fold)
{
    for (unsigned i = 0; i < EVIDENCE_TABLE_COUNT; i++) {
        counts_fini(&fold->tables[i]);
    }
    buf_fini(&fold->refused);
    arena_fini(&fold->scratch);
}

/* ---- a line ------------------------------------------------------------------------------- */

/* The members that are counted, in the order in which the sections have them; texts are decoded. */
#define FOLD_CLIENT(X) \
    X(amount)          \
    X(billed)          \
    X(call)            \
    X(counted)         \
    X(currency)        \
    X(ended)           \
    X(generated)       \
    X(key)             \
    X(model_asked)     \
    X(model_served) X(outcome) X(product) X(reasons) X(reported) X(units)
#define FOLD_EVIDENCE(X) \
    X(call)              \
    X(chain)             \
    X(data_terms)        \
    X(detected)          \
    X(egress)            \
    X(ingress) X(market) X(mode) X(origin) X(place) X(registry) X(rules) X(straddles_expiry)
#define FOLD_OPERATOR(X) X(call) X(facts) X(law) X(reasons) X(route) X(tries)

#define FOLD_FIELD(name) struct str name;
#define FOLD_NAME(name)  #name,

struct fold_client {
    FOLD_CLIENT(FOLD_FIELD)
};
struct fold_evidence {
    FOLD_EVIDENCE(FOLD_FIELD)
};
struct fold_operator {
    FOLD_OPERATOR(FOLD_FIELD)
};

static const char *const fold_client_names[] = { FOLD_CLIENT(FOLD_NAME) };
static const char *const fold_evidence_names[] = { FOLD_EVIDENCE(FOLD_NAME) };
static const char *const fold_operator_names[] = { FOLD_OPERATOR(FOLD_NAME) };

/* One receipt. */
struct fold_call {
    struct fold_client client;
    struct fold_evidence evidence;
    struct fold_operator op;
    int64_t amount;
    bool served;
    bool refused;
    size_t outcome;                   /* the value of DAYS and of USAGE */
    struct evidence_version *version; /* that it was judged by; NULL */
};

static enum err fold_text(struct evidence_fold *fold, struct str value, struct str *ret_text,
                          struct fail *fail)
{
    if (json_kind(value) != JSON_STRING) {
        *ret_text = value; /* an object or a list, looked at in its place */
        return ERR_OK;
    }
    char *text = arena_alloc(&fold->scratch, value.len);
    struct buf out = { text, 0, value.len, value.len };
    if (text == NULL) {
        return FAIL(fail, ERR_NO_MEMORY, "no memory for a receipt");
    }
    if (!json_decode(value, &out)) {
        return FAIL(fail, ERR_PACK_INVALID, "a text of the receipt is damaged");
    }
    *ret_text = buf_str(&out);
    return ERR_OK;
}

/* Sections have their keys in order, and so have the names: one pass finds them all. */
static enum err fold_take(struct evidence_fold *fold, struct str section, const char *const *names,
                          size_t count, struct str *ret_values, struct fail *fail)
{
    struct json_member member;
    struct str rest = json_inside(section);
    size_t at = 0;
    while (at < count && json_next_member(&rest, &member)) {
        while (at < count && str_cmp(str_from(names[at]), member.key) < 0) {
            at++;
        }
        if (at < count && str_eq(str_from(names[at]), member.key)) {
            TRY(fold_text(fold, member.value, &ret_values[at], fail));
            at++;
        }
    }
    return ERR_OK;
}

static enum err fold_read(struct evidence_fold *fold, const struct evidence_line *line,
                          struct fold_call *call, struct fail *fail)
{
    TRY(fold_take(fold, line->sections[RECEIPT_CLIENT], fold_client_names,
                  EP_ARRAY_LEN(fold_client_names), (struct str *)&call->client, fail));
    TRY(fold_take(fold, line->sections[RECEIPT_EVIDENCE], fold_evidence_names,
                  EP_ARRAY_LEN(fold_evidence_names), (struct str *)&call->evidence, fail));
    TRY(fold_take(fold, line->sections[RECEIPT_OPERATOR], fold_operator_names,
                  EP_ARRAY_LEN(fold_operator_names), (struct str *)&call->op, fail));
    if (!str_eq(call->client.call, call->evidence.call) ||
        !str_eq(call->client.call, call->op.call)) {
        return FAIL(fail, ERR_PACK_INVALID, "its sections are of different calls");
    }
    if (!str_to_i64(call->client.amount, &call->amount) || call->amount < 0 ||
        call->client.ended.len < 10) {
        return FAIL(fail, ERR_PACK_INVALID, "its amount or its time is none");
    }
    return ERR_OK;
}

static enum err fold_outcome(struct fold_call *call, struct fail *fail)
{
    static const char *const outcomes[] = { "calls", "complete", "interrupted", "failed",
                                            "refused" };
    for (size_t i = 1; i < EP_ARRAY_LEN(outcomes); i++) {
        if (str_eq(call->client.outcome, str_from(outcomes[i]))) {
            call->outcome = i;
        }
    }
    call->served = call->outcome == 1 || call->outcome == 2;
    call->refused = call->outcome == 4;
    return call->outcome > 0 ? ERR_OK
                             : FAIL(fail, ERR_PACK_INVALID, "its outcome \"" STR_FMT "\" is none",
                                    STR_ARG(call->client.outcome));
}

/* ---- the tables --------------------------------------------------------------------------- */

static void fold_days(struct evidence_fold *fold, const struct fold_call *call)
{
    struct counts *days = &fold->tables[EVIDENCE_DAYS];
    const struct str day = str_slice(call->client.ended, 0, 10);
    struct counts_row *row = counts_row(days, &day);
    counts_add(days, row, 0, 1);
    counts_add(days, row, call->outcome, 1);
}

/* Row and, where the call was refused, the second value. */
static void fold_pair(struct counts *counts, const struct str *keys, bool second)
{
    struct counts_row *row = counts_row(counts, keys);
    counts_add(counts, row, 0, 1);
    counts_add(counts, row, 1, second ? 1 : 0);
}

static void fold_lanes(struct evidence_fold *fold, const struct fold_call *call)
{
    const struct fold_evidence *evidence = &call->evidence;
    const struct str lane[] = { evidence->origin, evidence->ingress, evidence->place,
                                evidence->egress };
    fold_pair(&fold->tables[EVIDENCE_LANES], lane, call->refused);
    fold_pair(&fold->tables[EVIDENCE_MARKETS], &evidence->market, call->refused);
    fold_pair(&fold->tables[EVIDENCE_ORIGINS], &evidence->origin, call->refused);
    fold->unplaced += call->served && (evidence->place.len == 0 || evidence->ingress.len == 0);
    fold->straddled += str_eq(evidence->straddles_expiry, STR("yes"));
}

static void fold_sources(struct evidence_fold *fold, const struct fold_call *call)
{
    struct str source[] = { STR_EMPTY, STR_EMPTY, call->op.route, call->client.model_served };
    if (call->op.route.len == 0) {
        return; /* refused, or no source was reached */
    }
    const struct registry_route *route =
        call->version == NULL ? NULL
                              : registry_route(call->version->rejudge.registry, call->op.route);
    if (route != NULL) {
        source[0] = route->model->vendor->id;
        source[1] = route->upstream_party->id;
    }
    struct counts *sources = &fold->tables[EVIDENCE_SOURCES];
    struct counts_row *row = counts_row(sources, source);
    counts_add(sources, row, 0, 1);
    counts_add(sources, row, 1, call->amount);
}

static void fold_outcomes(struct evidence_fold *fold, const struct fold_call *call)
{
    const struct str outcome[] = { call->client.outcome, call->client.currency };
    struct counts *outcomes = &fold->tables[EVIDENCE_OUTCOMES];
    struct counts_row *row = counts_row(outcomes, outcome);
    counts_add(outcomes, row, 0, 1);
    counts_add(outcomes, row, 1, call->amount);
    const struct str terms[] = { call->client.product, call->evidence.mode,
                                 call->evidence.data_terms };
    counts_note(&fold->tables[EVIDENCE_TERMS], terms, 0, 1);
}

static void fold_tokens_of(struct evidence_fold *fold, struct counts_row *row,
                           enum evidence_tokens which, struct str list)
{
    struct json_member member;
    if (list.len == 0 || list.ptr[0] != '{') {
        return;
    }
    struct str rest = json_inside(list);
    while (json_next_member(&rest, &member)) {
        int64_t tokens = 0;
        size_t class = 0;
        while (class < USAGE_COUNT &&
               !str_eq(member.key, str_from(usage_name((enum usage_class) class)))) {
            class ++;
        }
        if (class < USAGE_COUNT && member.value.len > 2 &&
            str_to_i64(str_slice(member.value, 1, member.value.len - 1), &tokens)) {
            counts_add(&fold->tables[EVIDENCE_USAGE], row,
                       EVIDENCE_USAGE_FIXED + (size_t)which * EVIDENCE_CLASSES + class, tokens);
        }
    }
}

/* What is no token. */
static void fold_units(struct evidence_fold *fold, const struct fold_call *call)
{
    struct counts *units = &fold->tables[EVIDENCE_UNITS];
    struct str list = call->client.units;
    struct str rest = list.len > 0 && list.ptr[0] == '{' ? json_inside(list) : STR_EMPTY;
    struct json_member member;
    while (json_next_member(&rest, &member)) {
        int64_t pieces = 0;
        const struct str keys[] = { str_slice(call->client.ended, 0, 7), call->client.key,
                                    call->client.model_served, member.key };
        if (member.value.len > 2 &&
            str_to_i64(str_slice(member.value, 1, member.value.len - 1), &pieces)) {
            struct counts_row *row = counts_row(units, keys);
            counts_add(units, row, 0, 1);
            counts_add(units, row, 1, pieces);
        }
    }
}

static void fold_usage(struct evidence_fold *fold, const struct fold_call *call)
{
    struct counts *usage = &fold->tables[EVIDENCE_USAGE];
    const struct str keys[] = { str_slice(call->client.ended, 0, 7), call->client.key,
                                call->client.model_served, call->client.currency };
    struct counts_row *row = counts_row(usage, keys);
    counts_add(usage, row, 0, 1);
    counts_add(usage, row, call->outcome, 1);
    counts_add(usage, row, 5, call->amount);
    fold_tokens_of(fold, row, EVIDENCE_BILLED, call->client.billed);
    fold_tokens_of(fold, row, EVIDENCE_COUNTED, call->client.counted);
    fold_tokens_of(fold, row, EVIDENCE_GENERATED, call->client.generated);
    fold_tokens_of(fold, row, EVIDENCE_REPORTED, call->client.reported);
}

/* "cn_mobile 2, cn_bank_card weak 1": classes, with how often each was found. */
static void fold_detected(struct evidence_fold *fold, const struct fold_call *call)
{
    struct counts *detected = &fold->tables[EVIDENCE_DETECTED];
    struct str rest = call->evidence.detected;
    while (rest.len > 0) {
        struct str item = str_trim(str_cut(&rest, ','));
        size_t space = item.len;
        int64_t hits = 0;
        while (space > 0 && item.ptr[space - 1] != ' ') {
            space--;
        }
        if (space > 1 && str_to_i64(str_from_at(item, space), &hits)) {
            const struct str class = str_slice(item, 0, space - 1);
            struct counts_row *row = counts_row(detected, &class);
            counts_add(detected, row, 0, hits);
            counts_add(detected, row, 1, 1);
        }
    }
}

/* The law's code in a text, if one stands in it: "S1 edge G-S1 CHAIN_EXPIRED since 0 s". */
static const struct policy_reason_info *fold_code(struct str text)
{
    while (text.len > 0) {
        struct str rest = str_cut(&text, ' ');
        struct str word = str_cut(&rest, '(');
        for (unsigned i = 0; word.len > 1 && i < POLICY_CODES; i++) {
            const struct policy_reason_info *info = policy_reason_info((enum policy_code)i);
            if (str_eq(word, str_from(info->name))) {
                return info;
            }
        }
    }
    return NULL;
}

static struct str fold_first(struct evidence_fold *fold, struct str list)
{
    struct str item;
    struct str text = STR_EMPTY;
    struct str rest = list.len == 0 || list.ptr[0] != '[' ? STR_EMPTY : json_inside(list);
    if (json_next_item(&rest, &item) && fold_text(fold, item, &text, NULL) != ERR_OK) {
        return STR_EMPTY;
    }
    return text;
}

static void fold_refused_line(struct evidence_fold *fold, const struct fold_call *call,
                              const struct str refusal[2])
{
    size_t before = fold->refused.len;
    struct jsonw json;
    int64_t listed = counts_sum(&fold->tables[EVIDENCE_REFUSALS], 0);
    if (listed > EVIDENCE_REFUSALS_MAX) {
        fold->refused_left_out++;
        return;
    }
    jsonw_init(&json, &fold->refused);
    json.comma = before > 0;
    jsonw_open(&json, '{');
    jsonw_put_str(&json, "at", call->client.ended);
    jsonw_put_str(&json, "call", call->client.call);
    jsonw_put_str(&json, "code", refusal[1]);
    jsonw_put_str(&json, "model", call->client.model_asked);
    jsonw_put_str(&json, "reason", fold_first(fold, call->op.reasons));
    jsonw_put_str(&json, "rule", refusal[0]);
    jsonw_close(&json, '}');
    if (jsonw_err(&json) != ERR_OK) {
        fold->refused.len = before;
        fold->refused_left_out++;
    }
}

/* By the law's code where the law refused, else by what the client was told. */
static void fold_refusals(struct evidence_fold *fold, const struct fold_call *call)
{
    struct str item;
    struct str text;
    struct str reasons = call->op.reasons;
    struct str rest = reasons.len > 0 && reasons.ptr[0] == '[' ? json_inside(reasons) : STR_EMPTY;
    while (json_next_item(&rest, &item)) {
        const struct policy_reason_info *info =
            fold_text(fold, item, &text, NULL) == ERR_OK ? fold_code(text) : NULL;
        if (info != NULL) {
            const struct str reason[] = { str_from(info->rule), str_from(info->name) };
            counts_note(&fold->tables[EVIDENCE_REASONS], reason, 0, 1);
        }
    }
    if (!call->refused) {
        return;
    }
    struct str refusal[2] = { STR_EMPTY, fold_first(fold, call->client.reasons) };
    if (str_starts(call->op.law, STR("refuse"))) {
        const struct policy_reason_info *info = fold_code(call->op.law);
        refusal[0] = info == NULL ? STR_EMPTY : str_from(info->rule);
        refusal[1] = info == NULL ? refusal[1] : str_from(info->name);
    }
    counts_note(&fold->tables[EVIDENCE_REFUSALS], refusal, 0, 1);
    fold_refused_line(fold, call, refusal);
}

static void fold_tries(struct evidence_fold *fold, const struct fold_call *call)
{
    struct str item;
    struct str rest = call->op.tries.len > 0 && call->op.tries.ptr[0] == '['
                          ? json_inside(call->op.tries)
                          : STR_EMPTY;
    while (json_next_item(&rest, &item)) {
        struct str try[2] = { STR_EMPTY, STR_EMPTY };
        if (json_kind(item) == JSON_OBJECT &&
            fold_text(fold, json_get(item, STR("route")), &try[0], NULL) == ERR_OK &&
            fold_text(fold, json_get(item, STR("outcome")), &try[1], NULL) == ERR_OK) {
            counts_note(&fold->tables[EVIDENCE_TRIES], try, 0, 1);
        }
    }
}

/* What admitted it. The facts of the first call of a chain are kept: they show the chain again. */
static void fold_chain(struct evidence_fold *fold, const struct fold_call *call)
{
    const struct str registry[] = { call->evidence.registry, call->evidence.rules };
    counts_note(&fold->tables[EVIDENCE_REGISTRIES], registry, 0, 1);
    fold->no_registry += call->version == NULL;
    if (!call->served) {
        return;
    }
    fold->served++;
    fold->unjudged += call->op.facts.len == 0;
    fold->unchained += call->evidence.chain.len == 0;
    if (call->evidence.chain.len == 0) {
        return;
    }
    struct counts *chains = &fold->tables[EVIDENCE_CHAINS];
    const struct str keys[] = { call->evidence.registry, call->evidence.chain, call->op.route };
    struct counts_row *row = counts_row(chains, keys);
    counts_add(chains, row, 0, 1);
    if (row != NULL && row->note.len == 0 &&
        !arena_copy(&chains->arena, call->op.facts, &row->note)) {
        chains->err = ERR_NO_MEMORY;
    }
}

enum err evidence_fold_add(struct evidence_fold *fold, const struct evidence_line *line,
                           struct fail *fail)
{
    struct fold_call call = { .amount = 0 };
    arena_rollback(&fold->scratch, (struct arena_mark){ .top = NULL });
    fold->receipts++;
    for (size_t i = 0; i < RECEIPT_SECTIONS; i++) {
        if (line->sections[i].len == 0) {
            fold->erased++;
            return ERR_OK;
        }
    }
    TRY(fold_read(fold, line, &call, fail));
    TRY(fold_outcome(&call, fail));
    TRY(evidence_law_find(fold->law, call.evidence.registry, &call.version, fail));
    fold_days(fold, &call);
    fold_lanes(fold, &call);
    fold_sources(fold, &call);
    fold_outcomes(fold, &call);
    fold_units(fold, &call);
    fold_usage(fold, &call);
    fold_detected(fold, &call);
    fold_refusals(fold, &call);
    fold_tries(fold, &call);
    fold_chain(fold, &call);
    return ERR_OK;
}

enum err evidence_fold_end(struct evidence_fold *fold, struct fail *fail)
{
    for (unsigned i = 0; i < EVIDENCE_TABLE_COUNT; i++) {
        struct counts *counts = &fold->tables[i];
        counts_sort(counts);
        if (counts->err != ERR_OK) {
            return FAIL(fail, counts->err, "the figures of \"%s\" are too many or too large",
                        fold_tables[i].name);
        }
    }
    return ERR_OK;
}
