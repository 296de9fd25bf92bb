#include "registry/registry_canonical.h"

#include "base/stamp.h"
#include "registry/registry_schema_internal.h"
#include "wire/jsonw.h"

static struct str registry_word(struct str choices, unsigned at)
{
    struct str word = str_cut(&choices, '|');
    while (at-- > 0) {
        word = str_cut(&choices, '|');
    }
    return word;
}

enum err registry_time_print(struct buf *out, int64_t ns)
{
    char text[sizeof("2026-11-24T12:00:00.123Z")];
    struct buf whole = { text, 0, sizeof(text), sizeof(text) };
    TRY(stamp_print(&whole, ns));
    TRY(buf_append(out, str_slice(buf_str(&whole), 0, sizeof("2026-11-24T12:00:00") - 1)));
    /* As many digits as the part of a second needs. A call's facts have several times. */
    char part[] = ".123456789";
    int64_t rest = ns % STAMP_NS_PER_S;
    size_t len = rest == 0 ? 0 : sizeof(part) - 1;
    for (; len > 0 && rest % 10 == 0; len--) {
        rest /= 10;
    }
    for (size_t at = len; at > 1; at--) {
        part[at - 1] = (char)('0' + rest % 10);
        rest /= 10;
    }
    TRY(buf_append(out, (struct str){ part, len }));
    return buf_byte(out, 'Z');
}

static void registry_put_time(struct jsonw *json, const char *key, int64_t ns)
{
    char text[sizeof("2026-11-24T12:00:00.123456789Z")];
    struct buf time = { text, 0, sizeof(text), sizeof(text) };
    EP_IGNORE(registry_time_print(&time, ns)); /* it fits */
    jsonw_put_str(json, key, buf_str(&time));
}

static void registry_put_word(struct jsonw *json, const char *key, struct str choices, unsigned at)
{
    jsonw_put_str(json, key, registry_word(choices, at));
}

/* The words of a set of bits, in byte order. */
static void registry_put_bits(struct jsonw *json, const char *key, struct str choices,
                              uint64_t bits)
{
    jsonw_key(json, key);
    jsonw_open(json, '[');
    struct str last = STR_EMPTY;
    for (uint64_t left = bits; left > 0; left &= left - 1) {
        struct str next = STR_EMPTY;
        struct str rest = choices;
        for (uint64_t at = bits; at > 0; at >>= 1) {
            struct str word = str_cut(&rest, '|');
            if ((at & 1) != 0 && str_cmp(word, last) > 0 &&
                (next.len == 0 || str_cmp(word, next) < 0)) {
                next = word;
            }
        }
        jsonw_str(json, next);
        last = next;
    }
    jsonw_close(json, ']');
}

static void registry_put_strs(struct jsonw *json, const char *key, const struct str *items,
                              size_t count)
{
    if (count == 0) {
        return;
    }
    jsonw_key(json, key);
    jsonw_open(json, '[');
    for (size_t i = 0; i < count; i++) {
        jsonw_str(json, items[i]);
    }
    jsonw_close(json, ']');
}

static void registry_put_texts(struct jsonw *json, const char *key,
                               const struct registry_texts *texts)
{
    registry_put_strs(json, key, texts->items, texts->count);
}

static void registry_put_doc(struct jsonw *json, const struct registry_doc *doc)
{
    if (doc->sha256.len == 0) {
        return;
    }
    jsonw_key(json, "doc");
    jsonw_open(json, '{');
    registry_put_word(json, "kind", STR(REGISTRY_DOC_KINDS), doc->kind);
    jsonw_put_str(json, "sha256", doc->sha256);
    jsonw_close(json, '}');
}

static void registry_put_regions(struct jsonw *json, const struct registry_regions *regions)
{
    jsonw_key(json, "regions");
    jsonw_open(json, '{');
    registry_put_texts(json, "allow", &regions->allow_written);
    registry_put_texts(json, "deny", &regions->deny_written);
    jsonw_close(json, '}');
}

static void registry_put_party(struct jsonw *json, const char *key,
                               const struct registry_party *party)
{
    if (party != NULL) {
        jsonw_put_str(json, key, party->id);
    }
}

/* In byte order of what is written: "family:x" among the ids. */
static void registry_put_granted(struct jsonw *json, const struct registry_grant *grant)
{
    const struct registry_grant_model *granted = grant->models;
    size_t families = 0;
    while (families < grant->model_count && granted[families].model == NULL) {
        families++;
    }
    jsonw_key(json, "models");
    jsonw_open(json, '[');
    size_t family = 0;
    size_t model = families;
    while (family < families || model < grant->model_count) {
        struct str id = model < grant->model_count ? granted[model].model->id : STR_EMPTY;
        if (family == families || (id.len > 0 && str_cmp(id, REGISTRY_FAMILY) < 0)) {
            jsonw_str(json, id);
            model++;
        } else {
            char text[128];
            struct buf name = { text, 0, sizeof(text), sizeof(text) };
            EP_IGNORE(buf_append(&name, REGISTRY_FAMILY)); /* both are shorter */
            EP_IGNORE(buf_append(&name, granted[family].family));
            jsonw_str(json, buf_str(&name));
            family++;
        }
    }
    jsonw_close(json, ']');
}

static void registry_put_brand_terms(struct jsonw *json, const struct registry_brand_terms *terms)
{
    jsonw_key(json, "brand_terms");
    jsonw_open(json, '{');
    registry_put_strs(json, "brands", terms->brands, terms->brand_count);
    jsonw_key(json, "may_rename");
    jsonw_bool(json, terms->may_rename);
    jsonw_key(json, "must_name_vendor");
    jsonw_bool(json, terms->must_name_vendor);
    jsonw_close(json, '}');
}

static void registry_put_parent(struct jsonw *json, const struct registry_grant *grant)
{
    static const struct str begins[] = {
        [REGISTRY_PARENT_ROOT] = STR_INIT("root"),
        [REGISTRY_PARENT_LICENCE] = STR_INIT("licence"),
    };
    jsonw_put_str(json, "parent",
                  grant->parent_kind == REGISTRY_PARENT_GRANT ? grant->parent_id
                                                              : begins[grant->parent_kind]);
}

static void registry_put_quota(struct jsonw *json, const struct registry_quota *quota)
{
    if (quota->tokens > 0) {
        jsonw_key(json, "quota");
        jsonw_open(json, '{');
        registry_put_word(json, "period", STR(REGISTRY_PERIODS), quota->period);
        jsonw_put_int(json, "tokens", (int64_t)quota->tokens);
        jsonw_close(json, '}');
    }
}

static void registry_put_revoked(struct jsonw *json)
{
    jsonw_key(json, "revoked_at");
    jsonw_null(json);
}

enum err registry_grant_canonical(const struct registry_grant *grant, struct buf *out)
{
    struct jsonw json;
    jsonw_init(&json, out);
    jsonw_open(&json, '{');
    registry_put_bits(&json, "actions", STR(REGISTRY_ACTIONS), grant->actions);
    registry_put_brand_terms(&json, &grant->brand_terms);
    registry_put_bits(&json, "client_types", STR(REGISTRY_CLIENT_TYPES), grant->client_types);
    registry_put_doc(&json, &grant->doc);
    registry_put_word(&json, "evidence_class", STR(REGISTRY_EVIDENCE), grant->evidence_class);
    registry_put_texts(&json, "exclude_owned_from", &grant->exclude_written);
    registry_put_party(&json, "grantee", grant->grantee);
    registry_put_party(&json, "grantor", grant->grantor);
    jsonw_put_str(&json, "id", grant->id);
    registry_put_granted(&json, grant);
    if (grant->notice_days > 0) {
        jsonw_put_int(&json, "notice_days", (int64_t)grant->notice_days);
    }
    registry_put_parent(&json, grant);
    registry_put_quota(&json, &grant->quota);
    registry_put_regions(&json, &grant->regions);
    registry_put_revoked(&json);
    if (grant->runoff_until > 0) {
        registry_put_time(&json, "runoff_until", grant->runoff_until);
    }
    jsonw_put_int(&json, "sublicense_depth", (int64_t)grant->sublicense_depth);
    registry_put_time(&json, "valid_from", grant->valid_from);
    registry_put_time(&json, "valid_until", grant->valid_until);
    jsonw_put_int(&json, "version", (int64_t)grant->version);
    jsonw_close(&json, '}');
    return jsonw_err(&json);
}

static void registry_put_markets(struct jsonw *json, const country_t *markets, size_t count)
{
    if (count == 0) {
        return;
    }
    jsonw_key(json, "markets");
    jsonw_open(json, '[');
    for (size_t i = 0; i < count; i++) {
        char text[3];
        country_text(markets[i], text);
        jsonw_str(json, str_from(text));
    }
    jsonw_close(json, ']');
}

enum err registry_agreement_canonical(const struct registry_agreement *agreement, struct buf *out)
{
    struct jsonw json;
    jsonw_init(&json, out);
    jsonw_open(&json, '{');
    registry_put_bits(&json, "actions", STR(REGISTRY_ACTIONS), agreement->actions);
    jsonw_key(&json, "child_directed");
    jsonw_bool(&json, agreement->child_directed);
    registry_put_bits(&json, "client_types", STR(REGISTRY_CLIENT_TYPES), agreement->client_types);
    if (agreement->data_terms != NULL) {
        jsonw_put_str(&json, "data_terms", agreement->data_terms->id);
    }
    registry_put_doc(&json, &agreement->doc);
    registry_put_word(&json, "evidence_class", STR(REGISTRY_EVIDENCE), agreement->evidence_class);
    registry_put_party(&json, "grantee", agreement->grantee);
    registry_put_party(&json, "grantor", agreement->grantor);
    jsonw_put_str(&json, "id", agreement->id);
    registry_put_markets(&json, agreement->markets, agreement->market_count);
    jsonw_key(&json, "online");
    jsonw_bool(&json, agreement->online);
    registry_put_regions(&json, &agreement->regions);
    registry_put_revoked(&json);
    registry_put_time(&json, "valid_from", agreement->valid_from);
    registry_put_time(&json, "valid_until", agreement->valid_until);
    jsonw_put_int(&json, "version", (int64_t)agreement->version);
    jsonw_close(&json, '}');
    return jsonw_err(&json);
}
