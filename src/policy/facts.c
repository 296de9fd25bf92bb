#include "policy/facts.h"

#include "base/stamp.h"
#include "policy/policy_internal.h"
#include "registry/registry_canonical.h"
#include "wire/json.h"
#include "wire/jsonw.h"

static const char *const facts_origins[] = {
    [POLICY_ORIGIN_UNKNOWN] = "unknown",
    [POLICY_ORIGIN_OVERSEAS] = "overseas",
    [POLICY_ORIGIN_CN] = "cn",
    [POLICY_ORIGIN_UNSURE] = "unsure",
};

static const char *const facts_reviews[] = {
    [POLICY_REVIEW_NONE] = "none",
    [POLICY_REVIEW_RESALE] = "resale",
    [POLICY_REVIEW_ORIGIN] = "origin",
};

const char *policy_us_category(enum registry_us_category category)
{
    return policy_word_category(category);
}

unsigned policy_client_type(struct str word)
{
    for (unsigned type = 1; type <= REGISTRY_CLIENT_TYPE_COUNT; type++) {
        if (str_eq(word, str_from(policy_word_client_type(type)))) {
            return type;
        }
    }
    return 0;
}

/* ---- writing ------------------------------------------------------------------------------- */

static void facts_put_text(struct jsonw *json, const char *key, struct str text)
{
    if (text.len > 0) {
        jsonw_put_str(json, key, text);
    }
}

static void facts_put_country(struct jsonw *json, const char *key, country_t country)
{
    char text[3];
    country_text(country, text);
    if (country != COUNTRY_NONE) {
        jsonw_put_str(json, key, str_from(text));
    }
}

static void facts_put_true(struct jsonw *json, const char *key, bool value)
{
    if (value) {
        jsonw_key(json, key);
        jsonw_bool(json, true);
    }
}

static void facts_put_time(struct jsonw *json, const char *key, int64_t ns)
{
    char text[40];
    struct buf out = { text, 0, sizeof(text), sizeof(text) };
    EP_IGNORE(registry_time_print(&out, ns)); /* fits */
    jsonw_put_str(json, key, buf_str(&out));
}

static void facts_put_content(struct jsonw *json, const struct policy_content *content)
{
    if (!content->scanned && content->strong.len == 0 && content->marker.len == 0) {
        return;
    }
    jsonw_key(json, "content");
    jsonw_open(json, '{');
    facts_put_text(json, "marker", content->marker);
    facts_put_true(json, "scanned", content->scanned);
    facts_put_text(json, "strong", content->strong);
    jsonw_close(json, '}');
}

static void facts_put_counter(struct jsonw *json, struct str id, uint64_t count)
{
    char key[128];
    struct buf text = { key, 0, sizeof(key), sizeof(key) };
    if (count > 0 && buf_append(&text, id) == ERR_OK && buf_byte(&text, '\0') == ERR_OK) {
        jsonw_put_int(json, key, count > INT64_MAX ? INT64_MAX : (int64_t)count);
    }
}

static void facts_put_counters(struct jsonw *json, const struct policy_counters *counters,
                               const struct registry *registry)
{
    if (counters->grant_tokens == NULL && counters->order_tokens == NULL &&
        counters->us_bulk == NULL) {
        return;
    }
    jsonw_key(json, "counters");
    jsonw_open(json, '{');
    jsonw_key(json, "grant_tokens");
    jsonw_open(json, '{');
    for (size_t i = 0; counters->grant_tokens != NULL && i < registry->grant_count; i++) {
        facts_put_counter(json, registry->grants[i].id, counters->grant_tokens[i]);
    }
    jsonw_close(json, '}');
    jsonw_key(json, "order_tokens");
    jsonw_open(json, '{');
    for (size_t i = 0; counters->order_tokens != NULL && i < registry->procurement_count; i++) {
        facts_put_counter(json, registry->procurements[i].id, counters->order_tokens[i]);
    }
    jsonw_close(json, '}');
    jsonw_key(json, "us_bulk");
    jsonw_open(json, '{');
    for (unsigned i = 0; counters->us_bulk != NULL && i < REGISTRY_US_CATEGORY_COUNT; i++) {
        facts_put_counter(json, str_from(policy_word_category((enum registry_us_category)i)),
                          counters->us_bulk[i]);
    }
    jsonw_close(json, '}');
    jsonw_close(json, '}');
}

static void facts_put_online(struct jsonw *json, const struct policy_online *online)
{
    if (online == NULL || (online->country == COUNTRY_NONE && online->client_type == 0 &&
                           online->billing_country == COUNTRY_NONE && online->agreement.len == 0)) {
        return;
    }
    jsonw_key(json, "online");
    jsonw_open(json, '{');
    if (online->accepted_at > 0) {
        facts_put_time(json, "accepted_at", online->accepted_at);
    }
    facts_put_text(json, "agreement", online->agreement);
    facts_put_country(json, "billing_country", online->billing_country);
    if (online->client_type > 0) {
        jsonw_put_str(json, "client_type", str_from(policy_word_client_type(online->client_type)));
    }
    facts_put_country(json, "country", online->country);
    facts_put_text(json, "sha256", online->sha256);
    jsonw_close(json, '}');
}

static void facts_put_origin(struct jsonw *json, const struct policy_origin *origin)
{
    jsonw_key(json, "origin");
    jsonw_open(json, '{');
    jsonw_key(json, "countries");
    jsonw_open(json, '[');
    for (size_t i = 0; i < origin->count; i++) {
        char text[3];
        country_text(origin->countries[i], text);
        jsonw_str(json, str_from(text));
    }
    jsonw_close(json, ']');
    facts_put_true(json, "registered", origin->registered);
    jsonw_put_str(json, "state", str_from(facts_origins[origin->state]));
    jsonw_close(json, '}');
}

static void facts_put_quarantined(struct jsonw *json, const struct policy_facts *facts)
{
    if (facts->quarantined == 0) {
        return;
    }
    jsonw_key(json, "quarantined");
    jsonw_open(json, '[');
    for (size_t i = 0; i < facts->model->route_count; i++) {
        if ((facts->quarantined >> i & 1) != 0) {
            jsonw_str(json, facts->model->routes[i]->id);
        }
    }
    jsonw_close(json, ']');
}

enum err policy_facts_write(const struct policy_facts *facts, const struct registry *registry,
                            struct buf *out)
{
    struct jsonw json;
    jsonw_init(&json, out);
    jsonw_open(&json, '{');
    facts_put_text(&json, "client", facts->client == NULL ? STR_EMPTY : facts->client->id);
    facts_put_text(&json, "consent_ref", facts->consent_ref);
    facts_put_content(&json, &facts->content);
    facts_put_counters(&json, &facts->counters, registry);
    facts_put_true(&json, "has_callback", facts->has_callback);
    facts_put_true(&json, "has_order", facts->has_order);
    facts_put_text(&json, "ingress", facts->ingress);
    facts_put_country(&json, "market", facts->market);
    jsonw_put_str(&json, "model", facts->model->id);
    facts_put_time(&json, "now", facts->now);
    facts_put_online(&json, facts->online);
    facts_put_origin(&json, &facts->origin);
    jsonw_put_str(&json, "product", facts->product->id);
    facts_put_quarantined(&json, facts);
    if (facts->review != POLICY_REVIEW_NONE) {
        jsonw_put_str(&json, "review", str_from(facts_reviews[facts->review]));
    }
    jsonw_close(&json, '}');
    return jsonw_err(&json);
}

/* ---- reading ------------------------------------------------------------------------------- */

struct facts_reading {
    const struct registry *registry;
    struct arena *arena;
    struct fail *fail;
};

static enum err facts_bad(const struct facts_reading *reading, const char *member)
{
    return FAIL(reading->fail, ERR_ASK_INVALID, "the facts' \"%s\" is not what the registry has",
                member);
}

/* A string's text, without a copy where it has no escapes; empty where it is absent. */
static enum err facts_text(const struct facts_reading *reading, struct str object,
                           const char *member, struct str *ret_text)
{
    struct str value = json_get(object, str_from(member));
    *ret_text = STR_EMPTY;
    if (value.len == 0) {
        return ERR_OK;
    }
    char text[512];
    struct buf out = { text, 0, sizeof(text), sizeof(text) };
    if (json_kind(value) != JSON_STRING || !json_decode(value, &out)) {
        return facts_bad(reading, member);
    }
    return arena_copy(reading->arena, buf_str(&out), ret_text) ? ERR_OK : ERR_NO_MEMORY;
}

static enum err facts_country(const struct facts_reading *reading, struct str object,
                              const char *member, country_t *ret_country)
{
    struct str text;
    TRY(facts_text(reading, object, member, &text));
    *ret_country = country_from(text);
    return text.len == 0 || *ret_country != COUNTRY_NONE ? ERR_OK : facts_bad(reading, member);
}

static enum err facts_time(const struct facts_reading *reading, struct str object,
                           const char *member, int64_t *ret_ns)
{
    struct str text;
    TRY(facts_text(reading, object, member, &text));
    *ret_ns = 0;
    return text.len == 0 || stamp_parse(text, ret_ns) ? ERR_OK : facts_bad(reading, member);
}

static enum err facts_true(const struct facts_reading *reading, struct str object,
                           const char *member, bool *ret_value)
{
    struct str value = json_get(object, str_from(member));
    *ret_value = value.len > 0 && json_kind(value) == JSON_TRUE;
    return value.len == 0 || *ret_value || json_kind(value) == JSON_FALSE
               ? ERR_OK
               : facts_bad(reading, member);
}

/* The object or array that is a member, whole; empty where it is absent. */
static enum err facts_inner(const struct facts_reading *reading, struct str object,
                            const char *member, enum json_kind kind, struct str *ret_value)
{
    *ret_value = json_get(object, str_from(member));
    return ret_value->len == 0 || json_kind(*ret_value) == kind ? ERR_OK
                                                                : facts_bad(reading, member);
}

static enum err facts_word(const struct facts_reading *reading, struct str object,
                           const char *member, const char *const *words, size_t count,
                           unsigned *ret_at)
{
    struct str text;
    TRY(facts_text(reading, object, member, &text));
    *ret_at = 0;
    for (unsigned i = 0; i < count; i++) {
        if (str_eq(text, str_from(words[i]))) {
            *ret_at = i;
            return ERR_OK;
        }
    }
    return text.len == 0 ? ERR_OK : facts_bad(reading, member);
}

static enum err facts_read_origin(const struct facts_reading *reading, struct str text,
                                  struct policy_origin *origin)
{
    unsigned state = 0;
    struct str object;
    struct str list;
    TRY(facts_inner(reading, text, "origin", JSON_OBJECT, &object));
    TRY(facts_inner(reading, object, "countries", JSON_ARRAY, &list));
    TRY(facts_word(reading, object, "state", facts_origins, EP_ARRAY_LEN(facts_origins), &state));
    origin->state = (enum policy_origin_state)state;
    TRY(facts_true(reading, object, "registered", &origin->registered));
    struct str rest = list.len > 0 ? json_inside(list) : STR_EMPTY;
    for (struct str item; json_next_item(&rest, &item);) {
        char code[8];
        struct buf out = { code, 0, sizeof(code), sizeof(code) };
        bool read = json_kind(item) == JSON_STRING && json_decode(item, &out);
        country_t country = read ? country_from(buf_str(&out)) : COUNTRY_NONE;
        if (country == COUNTRY_NONE || origin->count == POLICY_ORIGINS_MAX) {
            return facts_bad(reading, "countries");
        }
        origin->countries[origin->count++] = country;
    }
    return ERR_OK;
}

static enum err facts_read_online(const struct facts_reading *reading, struct str text,
                                  const struct policy_online **ret_online)
{
    struct str object;
    TRY(facts_inner(reading, text, "online", JSON_OBJECT, &object));
    *ret_online = NULL;
    if (object.len == 0) {
        return ERR_OK;
    }
    struct policy_online *online = arena_zalloc(reading->arena, sizeof(*online));
    struct str type;
    if (online == NULL) {
        return ERR_NO_MEMORY;
    }
    TRY(facts_country(reading, object, "country", &online->country));
    TRY(facts_country(reading, object, "billing_country", &online->billing_country));
    TRY(facts_text(reading, object, "client_type", &type));
    TRY(facts_text(reading, object, "agreement", &online->agreement));
    TRY(facts_text(reading, object, "sha256", &online->sha256));
    TRY(facts_time(reading, object, "accepted_at", &online->accepted_at));
    online->client_type = policy_client_type(type);
    if (type.len > 0 && online->client_type == 0) {
        return facts_bad(reading, "client_type");
    }
    *ret_online = online;
    return ERR_OK;
}

/* A mapping from ids to counts, into an array in the objects' order. */
typedef bool facts_place_fn(const struct registry *registry, struct str id, size_t *ret_at);

static bool facts_place_grant(const struct registry *registry, struct str id, size_t *ret_at)
{
    const struct registry_grant *grant = registry_grant(registry, id);
    *ret_at = grant == NULL ? 0 : (size_t)(grant - registry->grants);
    return grant != NULL;
}

static bool facts_place_procurement(const struct registry *registry, struct str id, size_t *ret_at)
{
    *ret_at = 0;
    while (*ret_at < registry->procurement_count &&
           !str_eq(registry->procurements[*ret_at].id, id)) {
        ++*ret_at;
    }
    return *ret_at < registry->procurement_count;
}

static bool facts_place_category(const struct registry *registry, struct str id, size_t *ret_at)
{
    (void)registry;
    *ret_at = 0;
    while (*ret_at < REGISTRY_US_CATEGORY_COUNT &&
           !str_eq(str_from(policy_word_category((enum registry_us_category) * ret_at)), id)) {
        ++*ret_at;
    }
    return *ret_at < REGISTRY_US_CATEGORY_COUNT;
}

static enum err facts_read_counter(const struct facts_reading *reading, struct str counters,
                                   const char *name, size_t count, facts_place_fn *place,
                                   const uint64_t **ret_counts)
{
    struct str object;
    TRY(facts_inner(reading, counters, name, JSON_OBJECT, &object));
    struct str rest = object.len > 0 ? json_inside(object) : STR_EMPTY;
    struct json_member member;
    uint64_t *counts = NULL;
    while (json_next_member(&rest, &member)) {
        size_t at = 0;
        int64_t number = 0;
        counts = counts == NULL ? arena_zalloc(reading->arena, count * sizeof(*counts)) : counts;
        if (counts == NULL) {
            return ERR_NO_MEMORY;
        }
        if (!place(reading->registry, member.key, &at) || !json_i64(member.value, &number) ||
            number < 0) {
            return facts_bad(reading, "counters");
        }
        counts[at] = (uint64_t)number;
    }
    *ret_counts = counts;
    return ERR_OK;
}

static enum err facts_read_counters(const struct facts_reading *reading, struct str text,
                                    struct policy_counters *counters)
{
    const struct registry *registry = reading->registry;
    struct str object;
    TRY(facts_inner(reading, text, "counters", JSON_OBJECT, &object));
    TRY(facts_read_counter(reading, object, "grant_tokens", registry->grant_count,
                           facts_place_grant, &counters->grant_tokens));
    TRY(facts_read_counter(reading, object, "order_tokens", registry->procurement_count,
                           facts_place_procurement, &counters->order_tokens));
    return facts_read_counter(reading, object, "us_bulk", REGISTRY_US_CATEGORY_COUNT,
                              facts_place_category, &counters->us_bulk);
}

static enum err facts_read_content(const struct facts_reading *reading, struct str text,
                                   struct policy_content *content)
{
    struct str object;
    TRY(facts_inner(reading, text, "content", JSON_OBJECT, &object));
    TRY(facts_text(reading, object, "strong", &content->strong));
    TRY(facts_text(reading, object, "marker", &content->marker));
    return facts_true(reading, object, "scanned", &content->scanned);
}

static enum err facts_read_quarantined(const struct facts_reading *reading, struct str text,
                                       struct policy_facts *facts)
{
    struct str list;
    TRY(facts_inner(reading, text, "quarantined", JSON_ARRAY, &list));
    struct str rest = list.len > 0 ? json_inside(list) : STR_EMPTY;
    for (struct str item; json_next_item(&rest, &item);) {
        size_t at = 0;
        while (at < facts->model->route_count &&
               !json_string_is(item, facts->model->routes[at]->id)) {
            at++;
        }
        if (at == facts->model->route_count) {
            return facts_bad(reading, "quarantined");
        }
        facts->quarantined |= UINT64_C(1) << at;
    }
    return ERR_OK;
}

/* The three objects that facts name. */
static enum err facts_read_named(const struct facts_reading *reading, struct str object,
                                 struct policy_facts *facts)
{
    struct str product;
    struct str model;
    struct str client;
    TRY(facts_text(reading, object, "product", &product));
    TRY(facts_text(reading, object, "model", &model));
    TRY(facts_text(reading, object, "client", &client));
    facts->product = registry_product(reading->registry, product);
    facts->model = facts->product == NULL ? NULL : registry_product_model(facts->product, model);
    facts->client = client.len == 0 ? NULL : registry_party(reading->registry, client);
    if (facts->product == NULL) {
        return facts_bad(reading, "product");
    }
    if (facts->model == NULL) {
        return facts_bad(reading, "model");
    }
    return client.len == 0 || facts->client != NULL ? ERR_OK : facts_bad(reading, "client");
}

enum err policy_facts_read(struct str text, const struct registry *registry, struct arena *arena,
                           struct policy_facts *ret_facts, struct fail *fail)
{
    const struct facts_reading reading = { registry, arena, fail };
    struct json_fault fault = { 0 };
    struct policy_facts facts = { .client = NULL };
    unsigned review = 0;
    enum err err = json_check(text, &fault);
    if (err != ERR_OK || json_kind(text) != JSON_OBJECT) {
        return FAIL(fail, ERR_JSON_SYNTAX, "the facts are no JSON object");
    }
    TRY(facts_read_named(&reading, text, &facts));
    TRY(facts_country(&reading, text, "market", &facts.market));
    TRY(facts_text(&reading, text, "consent_ref", &facts.consent_ref));
    TRY(facts_text(&reading, text, "ingress", &facts.ingress));
    TRY(facts_read_origin(&reading, text, &facts.origin));
    TRY(facts_read_online(&reading, text, &facts.online));
    TRY(facts_read_content(&reading, text, &facts.content));
    TRY(facts_read_counters(&reading, text, &facts.counters));
    TRY(facts_read_quarantined(&reading, text, &facts));
    TRY(facts_true(&reading, text, "has_callback", &facts.has_callback));
    TRY(facts_true(&reading, text, "has_order", &facts.has_order));
    TRY(facts_word(&reading, text, "review", facts_reviews, EP_ARRAY_LEN(facts_reviews), &review));
    TRY(facts_time(&reading, text, "now", &facts.now));
    if (facts.now == 0) {
        return facts_bad(&reading, "now");
    }
    facts.review = (enum policy_review)review;
    *ret_facts = facts;
    return ERR_OK;
}

/* An id with its version, and the sum of its document. */
static enum err facts_print_edge(struct buf *out, struct str id, uint64_t version,
                                 struct str sha256)
{
    TRY(buf_append(out, id));
    TRY(buf_byte(out, '@'));
    TRY(buf_u64(out, version));
    TRY(buf_byte(out, ' '));
    TRY(buf_append(out, sha256));
    return buf_byte(out, '\n');
}

enum err policy_print_chain(const struct policy_chain *chain, struct buf *out)
{
    for (size_t i = 0; i < chain->edge_count; i++) {
        const struct registry_grant *grant = chain->edges[i];
        TRY(facts_print_edge(out, grant->id, grant->version, grant->doc.sha256));
    }
    const struct registry_agreement *agreement = chain->agreement;
    return agreement == NULL
               ? ERR_OK
               : facts_print_edge(out, agreement->id, agreement->version, agreement->doc.sha256);
}

enum err policy_print_law(const struct policy_verdict *verdict, struct buf *out)
{
    if (!verdict->allow) {
        const char *code =
            verdict->code == POLICY_FINE ? "" : policy_reason_info(verdict->code)->name;
        return buf_printf(out, "refuse %s", code);
    }
    TRY(buf_append(out, STR("allow")));
    for (size_t i = 0; i < verdict->route_count; i++) {
        if (verdict->per_route[i].admissible) {
            TRY(buf_byte(out, ' '));
            TRY(buf_append(out, verdict->per_route[i].route->id));
        }
    }
    return ERR_OK;
}
