/*
 * ep-judge: registries and facts in, verdicts out, a line of JSON each way; README.md beside this
 * has the form. It links what the server links and judges as it does.
 */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/stamp.h"
#include "crypto/digest.h"
#include "policy/policy.h"
#include "registry/registry_canonical.h"
#include "registry/registry_load.h"
#include "wire/jsonw.h"

#define OUT_MAX ((size_t)1 << 24)

struct asker {
    struct registry *registry;
    struct policy *policy;
    uint64_t *grant_tokens;
    uint64_t *order_tokens;
    uint64_t us_bulk[REGISTRY_US_CATEGORY_COUNT];
    struct policy_online online;
    struct policy_facts facts;
    struct policy_verdict verdict;
    struct buf out;
    char wrong[256]; /* why a line cannot be read; empty: it can */
};

static void wrong(struct asker *asker, const char *what, const char *which)
{
    if (asker->wrong[0] == '\0') {
        (void)snprintf(asker->wrong, sizeof(asker->wrong), "%s: %s", which, what);
    }
}

static struct str text_of(const json_t *value)
{
    return (struct str){ json_string_value(value), json_string_length(value) };
}

/* ---- scalars: absent leaves what is there -------------------------------------------------- */

static struct str get_text(struct asker *asker, const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    if (value != NULL && !json_is_string(value)) {
        wrong(asker, "no text", key);
    }
    return json_is_string(value) ? text_of(value) : STR_EMPTY;
}

static bool get_bool(struct asker *asker, const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    if (value != NULL && !json_is_boolean(value)) {
        wrong(asker, "neither true nor false", key);
    }
    return json_is_true(value);
}

/* An object, or a list: NULL where it is absent, or something else. */
static json_t *get_object(struct asker *asker, const json_t *object, const char *key)
{
    json_t *value = json_object_get(object, key);
    if (value != NULL && !json_is_object(value)) {
        wrong(asker, "no object", key);
    }
    return json_is_object(value) ? value : NULL;
}

static json_t *get_list(struct asker *asker, const json_t *object, const char *key)
{
    json_t *value = json_object_get(object, key);
    if (value != NULL && !json_is_array(value)) {
        wrong(asker, "no list", key);
    }
    return json_is_array(value) ? value : NULL;
}

static struct str item_of(struct asker *asker, const json_t *list, size_t at, const char *key)
{
    const json_t *value = json_array_get(list, at);
    if (!json_is_string(value)) {
        wrong(asker, "no text", key);
    }
    return json_is_string(value) ? text_of(value) : STR_EMPTY;
}

static country_t country_of(struct asker *asker, struct str text, const char *key)
{
    country_t country = country_from(text);
    if (country == COUNTRY_NONE && text.len > 0) {
        wrong(asker, "no country", key);
    }
    return country;
}

static country_t get_country(struct asker *asker, const json_t *object, const char *key)
{
    return country_of(asker, get_text(asker, object, key), key);
}

static int64_t get_time(struct asker *asker, const json_t *object, const char *key)
{
    struct str text = get_text(asker, object, key);
    int64_t ns = 0;
    if (text.len > 0 && !stamp_parse(text, &ns)) {
        wrong(asker, "no time", key);
    }
    return ns;
}

/* The number of a word in a list, or 0: the first, also where it is absent. */
static unsigned get_word(struct asker *asker, const json_t *object, const char *key,
                         const char *const *words, size_t count)
{
    struct str text = get_text(asker, object, key);
    for (unsigned i = 0; i < count; i++) {
        if (str_eq(text, str_from(words[i]))) {
            return i;
        }
    }
    if (text.len > 0) {
        wrong(asker, "no such word", key);
    }
    return 0;
}

#define GET_WORD(asker, object, key, words) get_word(asker, object, key, words, EP_ARRAY_LEN(words))

static void only_keys(struct asker *asker, json_t *object, const char *const *keys, size_t count)
{
    void *at = json_object_iter(object);
    for (; at != NULL; at = json_object_iter_next(object, at)) {
        bool known = false;
        for (size_t i = 0; i < count; i++) {
            known |= strcmp(json_object_iter_key(at), keys[i]) == 0;
        }
        if (!known) {
            wrong(asker, "not known", json_object_iter_key(at));
        }
    }
}

#define ONLY_KEYS(asker, object, ...)                             \
    do {                                                          \
        const char *const keys_[] = { __VA_ARGS__ };              \
        only_keys((asker), (object), keys_, EP_ARRAY_LEN(keys_)); \
    } while (0)

/* ---- facts --------------------------------------------------------------------------------- */

static const char *const client_types[] = { "unknown",    "enterprise", "developer",     "consumer",
                                            "government", "education",  "child_directed" };
static const char *const origin_states[] = { "unknown", "overseas", "cn", "unsure" };
static const char *const reviews[] = { "none", "resale", "origin" };
static const char *const categories[REGISTRY_US_CATEGORY_COUNT] = {
    "genomic", "omic", "biometric", "geolocation", "health", "financial", "identifiers"
};

static void read_online(struct asker *asker, json_t *object)
{
    ONLY_KEYS(asker, object, "country", "billing_country", "client_type", "agreement", "sha256",
              "accepted_at");
    asker->online = (struct policy_online){
        .country = get_country(asker, object, "country"),
        .billing_country = get_country(asker, object, "billing_country"),
        .client_type = GET_WORD(asker, object, "client_type", client_types),
        .agreement = get_text(asker, object, "agreement"),
        .sha256 = get_text(asker, object, "sha256"),
        .accepted_at = get_time(asker, object, "accepted_at"),
    };
    asker->facts.online = &asker->online;
}

static void read_origin(struct asker *asker, json_t *object)
{
    struct policy_origin *origin = &asker->facts.origin;
    const json_t *countries = get_list(asker, object, "countries");
    ONLY_KEYS(asker, object, "state", "countries", "registered");
    origin->state = (enum policy_origin_state)GET_WORD(asker, object, "state", origin_states);
    origin->registered = get_bool(asker, object, "registered");
    if (json_array_size(countries) > POLICY_ORIGINS_MAX) {
        wrong(asker, "too many", "countries");
        return;
    }
    for (size_t i = 0; i < json_array_size(countries); i++) {
        origin->countries[i] =
            country_of(asker, item_of(asker, countries, i, "countries"), "countries");
    }
    origin->count = (unsigned char)json_array_size(countries);
}

static void read_content(struct asker *asker, json_t *object)
{
    ONLY_KEYS(asker, object, "scanned", "strong", "marker");
    asker->facts.content = (struct policy_content){
        .scanned = get_bool(asker, object, "scanned"),
        .strong = get_text(asker, object, "strong"),
        .marker = get_text(asker, object, "marker"),
    };
}

static uint64_t number_of(struct asker *asker, const json_t *value, const char *key)
{
    if (!json_is_integer(value) || json_integer_value(value) < 0) {
        wrong(asker, "no number", key);
        return 0;
    }
    return (uint64_t)json_integer_value(value);
}

/* Each of the object's members goes where `find` says; SIZE_MAX: there is no such. */
typedef size_t find_fn(const struct registry *registry, struct str id);

static void read_counters(struct asker *asker, json_t *object, uint64_t *counters, find_fn *find)
{
    void *at = json_object_iter(object);
    for (; at != NULL; at = json_object_iter_next(object, at)) {
        const char *key = json_object_iter_key(at);
        size_t index = find(asker->registry, str_from(key));
        if (index == SIZE_MAX) {
            wrong(asker, "no such object", key);
            return;
        }
        counters[index] = number_of(asker, json_object_iter_value(at), key);
    }
}

static size_t find_grant(const struct registry *registry, struct str id)
{
    const struct registry_grant *grant = registry_grant(registry, id);
    return grant == NULL ? SIZE_MAX : (size_t)(grant - registry->grants);
}

static size_t find_procurement(const struct registry *registry, struct str id)
{
    for (size_t i = 0; i < registry->procurement_count; i++) {
        if (str_eq(registry->procurements[i].id, id)) {
            return i;
        }
    }
    return SIZE_MAX;
}

static size_t find_category(const struct registry *registry, struct str id)
{
    (void)registry;
    for (size_t i = 0; i < REGISTRY_US_CATEGORY_COUNT; i++) {
        if (str_eq(id, str_from(categories[i]))) {
            return i;
        }
    }
    return SIZE_MAX;
}

static void read_all_counters(struct asker *asker, json_t *object)
{
    ONLY_KEYS(asker, object, "grant_tokens", "order_tokens", "us_bulk");
    read_counters(asker, get_object(asker, object, "grant_tokens"), asker->grant_tokens,
                  find_grant);
    read_counters(asker, get_object(asker, object, "order_tokens"), asker->order_tokens,
                  find_procurement);
    read_counters(asker, get_object(asker, object, "us_bulk"), asker->us_bulk, find_category);
}

static void read_quarantined(struct asker *asker, const json_t *ids)
{
    const struct registry_model *model = asker->facts.model;
    for (size_t i = 0; i < json_array_size(ids); i++) {
        struct str id = item_of(asker, ids, i, "quarantined");
        uint64_t bit = 0;
        for (size_t j = 0; model != NULL && j < model->route_count; j++) {
            bit |= (uint64_t)str_eq(model->routes[j]->id, id) << j;
        }
        if (registry_route(asker->registry, id) == NULL) {
            wrong(asker, "no such route", "quarantined");
        }
        asker->facts.quarantined |= bit;
    }
}

static void read_objects(struct asker *asker, const json_t *object)
{
    struct policy_facts *facts = &asker->facts;
    struct str client = get_text(asker, object, "client");
    facts->client = registry_party(asker->registry, client);
    facts->product = registry_product(asker->registry, get_text(asker, object, "product"));
    facts->model = registry_model(asker->registry, get_text(asker, object, "model"));
    if (client.len > 0 && facts->client == NULL) {
        wrong(asker, "no such party", "client");
    }
    if (facts->product == NULL) {
        wrong(asker, "no such product", "product");
    }
    if (facts->model == NULL) {
        wrong(asker, "no such model", "model");
    }
    if (get_text(asker, object, "now").len == 0) {
        wrong(asker, "missing", "now");
    }
}

static void read_facts(struct asker *asker, json_t *object)
{
    memset(asker->grant_tokens, 0, asker->registry->grant_count * sizeof(uint64_t));
    memset(asker->order_tokens, 0, asker->registry->procurement_count * sizeof(uint64_t));
    memset(asker->us_bulk, 0, sizeof(asker->us_bulk));
    ONLY_KEYS(asker, object, "client", "online", "product", "model", "market", "consent_ref",
              "ingress", "origin", "content", "has_callback", "has_order", "review", "quarantined",
              "counters", "now");
    asker->facts = (struct policy_facts){
        .market = get_country(asker, object, "market"),
        .consent_ref = get_text(asker, object, "consent_ref"),
        .ingress = get_text(asker, object, "ingress"),
        .has_callback = get_bool(asker, object, "has_callback"),
        .has_order = get_bool(asker, object, "has_order"),
        .review = (enum policy_review)GET_WORD(asker, object, "review", reviews),
        .counters = { asker->grant_tokens, asker->order_tokens, asker->us_bulk },
        .now = get_time(asker, object, "now"),
    };
    read_objects(asker, object);
    json_t *online = get_object(asker, object, "online");
    if (online != NULL) {
        read_online(asker, online);
    }
    read_origin(asker, get_object(asker, object, "origin"));
    read_content(asker, get_object(asker, object, "content"));
    read_all_counters(asker, get_object(asker, object, "counters"));
    read_quarantined(asker, get_list(asker, object, "quarantined"));
}

/* ---- a registry ---------------------------------------------------------------------------- */

static void forget(struct asker *asker)
{
    policy_destroy(asker->policy);
    registry_unref(asker->registry);
    mem_free(asker->grant_tokens);
    mem_free(asker->order_tokens);
    asker->policy = NULL;
    asker->registry = NULL;
    asker->grant_tokens = NULL;
    asker->order_tokens = NULL;
}

static void answer_error(struct asker *asker, const char *text, bool of_load)
{
    struct jsonw json;
    jsonw_init(&json, &asker->out);
    jsonw_open(&json, '{');
    jsonw_put_str(&json, "error", str_from(text));
    if (of_load) {
        jsonw_key(&json, "loaded");
        jsonw_bool(&json, false);
    }
    jsonw_close(&json, '}');
}

static void answer_faults(struct asker *asker, const struct registry_report *report, bool loaded)
{
    struct jsonw json;
    jsonw_init(&json, &asker->out);
    jsonw_open(&json, '{');
    jsonw_key(&json, "faults");
    jsonw_open(&json, '[');
    for (size_t i = 0; i < report->count; i++) {
        jsonw_str(&json, str_from(registry_rule_code(report->faults[i].rule)));
    }
    jsonw_close(&json, ']');
    jsonw_key(&json, "loaded");
    jsonw_bool(&json, loaded);
    jsonw_close(&json, '}');
}

static void load(struct asker *asker, json_t *files, bool draft, bool print)
{
    struct registry_report report;
    struct fail fail;
    size_t count = json_object_size(files);
    struct registry_file *list = mem_zalloc((count + 1) * sizeof(*list));
    forget(asker);
    if (list == NULL) {
        return;
    }
    size_t at = 0;
    void *file = json_object_iter(files);
    for (; file != NULL; file = json_object_iter_next(files, file)) {
        list[at++] = (struct registry_file){ str_from(json_object_iter_key(file)),
                                             text_of(json_object_iter_value(file)) };
    }
    registry_report_init(&report);
    report.draft = draft;
    bool loaded = registry_parse(list, count, &asker->registry, &report) == ERR_OK;
    if (print) {
        struct buf text;
        buf_init(&text, OUT_MAX);
        EP_IGNORE(registry_report_print(&report, &text));
        fprintf(stderr, STR_FMT, STR_ARG(buf_str(&text)));
        buf_fini(&text);
    }
    if (loaded) {
        asker->grant_tokens = mem_zalloc((asker->registry->grant_count + 1) * sizeof(uint64_t));
        asker->order_tokens =
            mem_zalloc((asker->registry->procurement_count + 1) * sizeof(uint64_t));
    }
    if (loaded && policy_compile(asker->registry, &asker->policy, &fail) != ERR_OK) {
        forget(asker);
        answer_error(asker, fail.text, true);
    } else {
        answer_faults(asker, &report, loaded);
    }
    registry_report_fini(&report);
    mem_free(list);
}

/* ---- lines --------------------------------------------------------------------------------- */

static void answer_list(struct asker *asker)
{
    enum policy_code code;
    struct jsonw json;
    bool listed = policy_may_list(asker->policy, &asker->facts, &code);
    jsonw_init(&json, &asker->out);
    jsonw_open(&json, '{');
    if (!listed) {
        jsonw_put_str(&json, "code", str_from(policy_reason_info(code)->name));
    }
    jsonw_key(&json, "list");
    jsonw_bool(&json, listed);
    jsonw_close(&json, '}');
}

static void answer_next(struct asker *asker, json_t *line)
{
    ONLY_KEYS(asker, line, "next");
    int64_t next = policy_next_edge(asker->policy, get_time(asker, line, "next"));
    EP_IGNORE(buf_append(&asker->out, STR("{")));
    if (next != INT64_MAX) {
        EP_IGNORE(buf_append(&asker->out, STR("\"next\":\"")));
        EP_IGNORE(registry_time_print(&asker->out, next));
        EP_IGNORE(buf_append(&asker->out, STR("\"")));
    }
    EP_IGNORE(buf_append(&asker->out, STR("}")));
}

static void answer_facts(struct asker *asker, json_t *line)
{
    ONLY_KEYS(asker, line, "facts", "list", "closures");
    json_t *facts = get_object(asker, line, "facts");
    json_t *list = get_object(asker, line, "list");
    json_t *words = get_object(asker, line, "closures");
    json_t *asked = facts != NULL ? facts : list != NULL ? list : words;
    if (json_object_size(line) != 1) {
        wrong(asker, "one question is asked of a line", "line");
    }
    read_facts(asker, asked);
    if (asker->wrong[0] != '\0') {
        return;
    }
    if (asked == list) {
        answer_list(asker);
        return;
    }
    policy_judge(asker->policy, &asker->facts, &asker->verdict);
    if (asked == facts) {
        EP_IGNORE(policy_verdict_json(&asker->verdict, &asker->out));
        return;
    }
    struct buf text;
    struct jsonw json;
    buf_init(&text, OUT_MAX);
    EP_IGNORE(policy_print_closures(&asker->verdict, asker->facts.now, &text));
    jsonw_init(&json, &asker->out);
    jsonw_open(&json, '{');
    jsonw_put_str(&json, "closures", buf_str(&text));
    jsonw_close(&json, '}');
    buf_fini(&text);
}

static void answer(struct asker *asker, json_t *line)
{
    json_t *files = json_object_get(line, "files");
    asker->wrong[0] = '\0';
    buf_reset(&asker->out);
    if (json_is_object(files)) {
        ONLY_KEYS(asker, line, "files", "draft", "print");
        bool draft = get_bool(asker, line, "draft");
        bool print = get_bool(asker, line, "print");
        for (void *at = json_object_iter(files); at != NULL;
             at = json_object_iter_next(files, at)) {
            if (!json_is_string(json_object_iter_value(at))) {
                wrong(asker, "no text", json_object_iter_key(at));
            }
        }
        if (asker->wrong[0] == '\0') {
            load(asker, files, draft, print);
        }
    } else if (asker->policy == NULL) {
        wrong(asker, "none is loaded", "registry");
    } else if (json_object_get(line, "next") != NULL) {
        answer_next(asker, line);
    } else {
        answer_facts(asker, line);
    }
    if (asker->wrong[0] != '\0') {
        buf_reset(&asker->out);
        answer_error(asker, asker->wrong, false);
    }
}

int main(void)
{
    static struct asker asker;
    char *text = NULL;
    size_t room = 0;
    ssize_t len = 0;
    struct fail fail;
    if (crypto_start(&fail) != ERR_OK) {
        fprintf(stderr, "%s\n", fail.text);
        return 3;
    }
    buf_init(&asker.out, OUT_MAX);
    while ((len = getline(&text, &room, stdin)) >= 0) {
        json_error_t error;
        json_t *line = json_loadb(text, (size_t)len, 0, &error);
        if (line == NULL) {
            buf_reset(&asker.out);
            answer_error(&asker, error.text, false);
        } else {
            answer(&asker, line);
        }
        json_decref(line);
        printf(STR_FMT "\n", STR_ARG(buf_str(&asker.out)));
        if (fflush(stdout) != 0) {
            break;
        }
    }
    forget(&asker);
    buf_fini(&asker.out);
    free(text);
    return 0;
}
