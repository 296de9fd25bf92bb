#include "dialect/ask.h"

#include <string.h>

#include "dialect/ask_messages.h"
#include "dialect/talk.h"
#include "dialect/text.h"
#include "wire/json.h"
#include "wire/jsonw.h"

/* Members of the body that are read, by name. */
struct ask_read {
    struct str model;
    struct str messages;
    struct str stream;
    struct str stream_options;
    struct str max_tokens;
    struct str max_completion_tokens;
    struct str n;
    struct str tools;
    struct str functions;
    struct str stop;
    struct str prediction;
    struct str logit_bias;
    struct str user;
    struct str provider;
    struct str models;
    struct str web_search_options;
    struct str search_parameters;
    struct str service_tier;
};

struct ask_name {
    struct str name;
    size_t offset; /* in struct ask_read */
};

#define ASK_NAME(field)                                    \
    {                                                      \
        STR_INIT(#field), offsetof(struct ask_read, field) \
    }
static const struct ask_name ask_names[] = {
    ASK_NAME(model),
    ASK_NAME(messages),
    ASK_NAME(stream),
    ASK_NAME(stream_options),
    ASK_NAME(max_tokens),
    ASK_NAME(max_completion_tokens),
    ASK_NAME(n),
    ASK_NAME(tools),
    ASK_NAME(functions),
    ASK_NAME(stop),
    ASK_NAME(prediction),
    ASK_NAME(logit_bias),
    ASK_NAME(user),
    ASK_NAME(provider),
    ASK_NAME(models),
    ASK_NAME(web_search_options),
    ASK_NAME(search_parameters),
    ASK_NAME(service_tier),
};

/* By these names clients ask other services to deliver an answer to an address of theirs. */
static const struct str ask_callbacks[] = {
    STR_INIT("callback"),   STR_INIT("callback_url"), STR_INIT("notification_url"),
    STR_INIT("notify_url"), STR_INIT("webhook"),      STR_INIT("webhook_url"),
};

static bool ask_is_callback(struct str key)
{
    bool found = false;
    for (size_t i = 0; !found && i < EP_ARRAY_LEN(ask_callbacks); i++) {
        found = json_key_is(key, ask_callbacks[i]);
    }
    return found;
}

static enum err ask_fail(struct ask *ask, enum err err, const char *param, const char *what,
                         struct fail *fail)
{
    ask->param = param;
    return FAIL(fail, err, "\"%s\" %s", param, what);
}

static bool ask_is_ours(struct str key)
{
    return json_key_is(key, STR("provider")) || json_key_is(key, STR("models"));
}

/*
 * What of the body is for us alone, commas included: up to the next member, or, at the end of the
 * object, from the last member that stays. (One does: "messages".)
 */
static void ask_cut(struct ask *ask, const struct json_member *members, size_t count)
{
    size_t cuts = 0;
    size_t kept = count;
    while (kept > 0 && ask_is_ours(members[kept - 1].key)) {
        kept--;
    }
    for (size_t i = 0; i < kept && cuts < ASK_CUTS_MAX; i++) {
        if (ask_is_ours(members[i].key)) {
            size_t at = (size_t)(members[i].key.ptr - 1 - ask->body.ptr);
            size_t end = (size_t)(members[i + 1].key.ptr - 1 - ask->body.ptr);
            ask->cuts[cuts++] = (struct ask_field){ at, end - at };
        }
    }
    if (kept > 0 && kept < count && cuts < ASK_CUTS_MAX) {
        struct str stays = members[kept - 1].value;
        struct str last = members[count - 1].value;
        size_t at = (size_t)(stays.ptr + stays.len - ask->body.ptr);
        size_t end = (size_t)(last.ptr + last.len - ask->body.ptr);
        ask->cuts[cuts] = (struct ask_field){ at, end - at };
    }
}

/* Finds the members that are read: `read` has a slot for each name. */
static enum err ask_find(struct ask *ask, const struct ask_name *names, size_t name_count,
                         void *read, struct fail *fail)
{
    struct json_member members[ASK_MEMBERS_MAX];
    struct json_fault fault = { 0 };
    size_t count = 0;
    enum err err = json_index(ask->body, members, ASK_MEMBERS_MAX, &count, &fault);
    if (err != ERR_OK) {
        return FAIL(fail, err, "invalid JSON at offset %zu: %s", fault.offset, fault.reason);
    }
    if (count > ASK_MEMBERS_MAX) {
        return FAIL(fail, ERR_ASK_INVALID, "the body has %zu fields, more than %d", count,
                    ASK_MEMBERS_MAX);
    }
    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; k < name_count; k++) {
            if (!json_key_is(members[i].key, names[k].name)) {
                continue;
            }
            struct str *slot = (struct str *)(void *)((char *)read + names[k].offset);
            if (slot->len > 0) {
                return ask_fail(ask, ERR_ASK_DUPLICATE, names[k].name.ptr, "stands there twice",
                                fail);
            }
            *slot = members[i].value;
        }
        bool callback = ask_is_callback(members[i].key) && json_kind(members[i].value) != JSON_NULL;
        ask->elsewhere = ask->elsewhere || callback;
    }
    ask_cut(ask, members, count);
    return ERR_OK;
}

static bool ask_absent(struct str value)
{
    return value.len == 0 || json_kind(value) == JSON_NULL;
}

static struct ask_field ask_place(const struct ask *ask, struct str value)
{
    if (value.len == 0) {
        return (struct ask_field){ 0 };
    }
    return (struct ask_field){ (size_t)(value.ptr - ask->body.ptr), value.len };
}

/* Without "model", the first of "models" is it. */
static enum err ask_read_model(struct ask *ask, struct str value, struct fail *fail)
{
    ask->model_field = ask_place(ask, value);
    if (value.len == 0 && ask->models.count > 0) {
        struct str rest = json_inside(ask->models.list);
        ask->models_skip = 1;
        bool found = ask_next_name(&rest, ask->model_text, &ask->model);
        ASSERT(found);
        return ERR_OK;
    }
    if (value.len == 0) {
        return ask_fail(ask, ERR_ASK_MISSING, "model", "is missing", fail);
    }
    if (json_kind(value) != JSON_STRING) {
        return ask_fail(ask, ERR_ASK_INVALID, "model", "must be a string", fail);
    }
    struct buf text = { ask->model_text, 0, ASK_MODEL_MAX, ASK_MODEL_MAX };
    if (!json_decode(value, &text) || text.len == 0) {
        return ask_fail(ask, ERR_ASK_INVALID, "model", "must have 1 to 128 bytes", fail);
    }
    ask->model = buf_str(&text);
    return ERR_OK;
}

/* Escapes are read as what they stand for, as an upstream does. */
static void ask_take_tier(struct ask *ask, struct str value)
{
    ask->flex = value.len > 0 && json_string_is(value, STR("flex"));
    ask->tier = ask->flex ? TIER_FLEX : tier_of_json(value);
    ask->tier_field = "service_tier";
}

static enum err ask_read_bool(struct ask *ask, struct str value, const char *name, bool *ret_value,
                              struct fail *fail)
{
    if (ask_absent(value)) {
        *ret_value = false;
        return ERR_OK;
    }
    enum json_kind kind = json_kind(value);
    if (kind != JSON_TRUE && kind != JSON_FALSE) {
        return ask_fail(ask, ERR_ASK_INVALID, name, "must be true or false", fail);
    }
    *ret_value = kind == JSON_TRUE;
    return ERR_OK;
}

static enum err ask_read_count(struct ask *ask, struct str value, const char *name, int64_t max,
                               int64_t *ret_count, struct fail *fail)
{
    int64_t count = 0;
    if (ask_absent(value)) {
        return ERR_OK;
    }
    if (!json_i64(value, &count) || count < 1 || count > max) {
        ask->param = name;
        return FAIL(fail, ERR_ASK_INVALID, "\"%s\" must be a whole number from 1 to %lld", name,
                    (long long)max);
    }
    *ret_count = count;
    return ERR_OK;
}

static enum err ask_read_cap(struct ask *ask, const struct ask_read *read, struct fail *fail)
{
    int64_t older = 0;
    int64_t newer = 0;
    TRY(ask_read_count(ask, read->max_tokens, "max_tokens", ASK_OUTPUT_MAX, &older, fail));
    TRY(ask_read_count(ask, read->max_completion_tokens, "max_completion_tokens", ASK_OUTPUT_MAX,
                       &newer, fail));
    if (older > 0 && newer > 0) {
        return ask_fail(ask, ERR_ASK_INVALID, "max_tokens",
                        "must not stand beside max_completion_tokens", fail);
    }
    ask->output_cap = newer > 0 ? newer : older;
    /* A null cap is overwritten in its place. */
    struct str given = newer > 0                             ? read->max_completion_tokens
                       : older > 0                           ? read->max_tokens
                       : read->max_completion_tokens.len > 0 ? read->max_completion_tokens
                                                             : read->max_tokens;
    ask->cap_field = ask_place(ask, given);
    return ERR_OK;
}

/* The one member of that name; two would let an upstream read the other one. */
static enum err ask_usage_option(struct ask *ask, struct str *ret_value, struct fail *fail)
{
    struct ask_field field = ask->stream_options_field;
    struct str rest = json_inside(str_slice(ask->body, field.at, field.at + field.len));
    struct json_member member;
    *ret_value = STR_EMPTY;
    while (json_next_member(&rest, &member)) {
        if (!json_key_is(member.key, STR("include_usage"))) {
            continue;
        }
        if (ret_value->len > 0) {
            return ask_fail(ask, ERR_ASK_DUPLICATE, "stream_options.include_usage",
                            "stands there twice", fail);
        }
        *ret_value = member.value;
    }
    return ERR_OK;
}

static enum err ask_read_stream(struct ask *ask, const struct ask_read *read, struct fail *fail)
{
    TRY(ask_read_bool(ask, read->stream, "stream", &ask->stream, fail));
    ask->stream_options_field = ask_place(ask, read->stream_options);
    if (ask_absent(read->stream_options)) {
        return ERR_OK;
    }
    if (json_kind(read->stream_options) != JSON_OBJECT) {
        return ask_fail(ask, ERR_ASK_INVALID, "stream_options", "must be an object", fail);
    }
    struct str usage;
    TRY(ask_usage_option(ask, &usage, fail));
    return ask_read_bool(ask, usage, "stream_options.include_usage", &ask->include_usage, fail);
}

enum err ask_read_chat_turns(struct str body, struct ask_turns *turns, struct ask *ret_ask,
                             struct fail *fail)
{
    *ret_ask = (struct ask){ .body = body, .choices = 1 };
    struct ask_read read = { 0 };
    TRY(ask_find(ret_ask, ask_names, EP_ARRAY_LEN(ask_names), &read, fail));
    TRY(ask_read_models(read.models, &ret_ask->models, &ret_ask->param, fail));
    struct ask_provider provider;
    TRY(ask_read_provider(read.provider, &provider, &ret_ask->param, fail));
    ret_ask->provider = provider.given ? read.provider : STR_EMPTY;
    TRY(ask_read_model(ret_ask, read.model, fail));
    if (read.messages.len == 0) {
        return ask_fail(ret_ask, ERR_ASK_MISSING, "messages", "is missing", fail);
    }
    if (json_kind(read.messages) != JSON_ARRAY || json_trim(json_inside(read.messages)).len == 0) {
        return ask_fail(ret_ask, ERR_ASK_INVALID, "messages", "must be a list that is not empty",
                        fail);
    }
    TRY(ask_read_stream(ret_ask, &read, fail));
    TRY(ask_read_cap(ret_ask, &read, fail));
    TRY(ask_read_count(ret_ask, read.n, "n", ASK_CHOICES_MAX, &ret_ask->choices, fail));
    ret_ask->has_tools = !ask_absent(read.tools) || !ask_absent(read.functions);
    ret_ask->searches = ret_ask->has_tools || !ask_absent(read.web_search_options) ||
                        !ask_absent(read.search_parameters);
    ret_ask->steered =
        !ask_absent(read.stop) || !ask_absent(read.prediction) || !ask_absent(read.logit_bias);
    ask_take_tier(ret_ask, read.service_tier);
    ret_ask->user = ask_absent(read.user) ? STR_EMPTY : read.user;
    ret_ask->messages = read.messages;
    ret_ask->param = "messages";
    TRY(ask_check_messages(read.messages, turns, &ret_ask->plain, fail));
    ret_ask->param = NULL;
    ret_ask->texts = ret_ask->plain;
    ret_ask->plain = ret_ask->texts && !ret_ask->has_tools;
    return ERR_OK;
}

enum err ask_read_chat(struct str body, struct ask *ret_ask, struct fail *fail)
{
    return ask_read_chat_turns(body, NULL, ret_ask, fail);
}

enum err ask_from_talk(const struct talk *talk, struct ask *ret_ask, struct fail *fail)
{
    struct json_member member;
    struct str rest = json_inside(talk->body);
    *ret_ask = (struct ask){
        .body = talk->body,
        .stream = talk->stream,
        .include_usage = true,
        .has_tools = true, /* of the vendor's own, as far as anybody knows */
        .searches = true,
        .steered = true,
        .choices = talk->choices,
        .output_cap = talk->output_cap,
    };
    while (json_next_member(&rest, &member)) {
        ret_ask->elsewhere |= ask_is_callback(member.key) && json_kind(member.value) != JSON_NULL;
    }
    char quoted[6 * ASK_MODEL_MAX + 2];
    struct buf json = { quoted, 0, sizeof(quoted), sizeof(quoted) };
    struct put put = { &json, ERR_OK };
    struct buf text = { ret_ask->model_text, 0, ASK_MODEL_MAX, ASK_MODEL_MAX };
    put_text(&put, talk->model);
    if (put.err != ERR_OK || !json_decode(buf_str(&json), &text) || text.len == 0) {
        return ask_fail(ret_ask, ERR_ASK_INVALID, "model", "must have 1 to 128 bytes", fail);
    }
    ret_ask->model = buf_str(&text);
    return ERR_OK;
}

/* ---- of other services -------------------------------------------------------------------- */

/* What all services have. */
enum ask_shared {
    ASK_SHARED_MODEL,
    ASK_SHARED_PROVIDER,
    ASK_SHARED_MODELS,
    ASK_SHARED_USER,
    ASK_SHARED_TIER,
    ASK_SHARED_COUNT
};

static enum err ask_find_all(struct ask *ask, const struct str *names, size_t count,
                             struct str *values, struct fail *fail)
{
    static const struct str shared[] = { STR_INIT("model"), STR_INIT("provider"),
                                         STR_INIT("models"), STR_INIT("user"),
                                         STR_INIT("service_tier") };
    struct ask_name rows[ASK_SHARED_COUNT + ASK_OWN_MAX];
    for (size_t i = 0; i < ASK_SHARED_COUNT + count; i++) {
        rows[i] = (struct ask_name){
            .name = i < ASK_SHARED_COUNT ? shared[i] : names[i - ASK_SHARED_COUNT],
            .offset = i * sizeof(*values),
        };
    }
    return ask_find(ask, rows, ASK_SHARED_COUNT + count, values, fail);
}

enum err ask_read_own(struct str body, const struct str *names, struct str *ret_values,
                      size_t count, struct ask *ret_ask, struct fail *fail)
{
    ASSERT(count <= ASK_OWN_MAX);
    struct str values[ASK_SHARED_COUNT + ASK_OWN_MAX] = { 0 };
    struct ask_provider provider;
    *ret_ask = (struct ask){ .body = body, .choices = 1, .plain = true };
    TRY(ask_find_all(ret_ask, names, count, values, fail));
    TRY(ask_read_models(values[ASK_SHARED_MODELS], &ret_ask->models, &ret_ask->param, fail));
    TRY(ask_read_provider(values[ASK_SHARED_PROVIDER], &provider, &ret_ask->param, fail));
    ret_ask->provider = provider.given ? values[ASK_SHARED_PROVIDER] : STR_EMPTY;
    TRY(ask_read_model(ret_ask, values[ASK_SHARED_MODEL], fail));
    ret_ask->user = ask_absent(values[ASK_SHARED_USER]) ? STR_EMPTY : values[ASK_SHARED_USER];
    ask_take_tier(ret_ask, values[ASK_SHARED_TIER]);
    for (size_t i = 0; i < count; i++) {
        struct str value = values[ASK_SHARED_COUNT + i];
        ret_values[i] = ask_absent(value) ? STR_EMPTY : value;
    }
    return ERR_OK;
}

enum err ask_own_fail(struct ask *ask, enum err err, const char *param, const char *what,
                      struct fail *fail)
{
    return ask_fail(ask, err, param, what, fail);
}

enum err ask_own_count(struct ask *ask, struct str value, const char *name, int64_t max,
                       int64_t *ret_count, struct fail *fail)
{
    return ask_read_count(ask, value, name, max, ret_count, fail);
}

enum err ask_own_bool(struct ask *ask, struct str value, const char *name, bool *ret_value,
                      struct fail *fail)
{
    return ask_read_bool(ask, value, name, ret_value, fail);
}

/* ---- the upstream's body ----------------------------------------------------------------- */

#define ASK_INSERT_MAX 1024 /* a model's name, escaped, or a few fixed words */

static enum err ask_keep(struct arena *arena, struct str text, struct str *ret_copy)
{
    return arena_copy(arena, text, ret_copy) ? ERR_OK : ERR_NO_MEMORY;
}

/* stream_options so that usage is asked for, other options kept. */
static enum err ask_write_options(const struct ask *ask, struct arena *arena, struct splice *splice,
                                  struct buf *added)
{
    struct ask_field field = ask->stream_options_field;
    struct str value = str_slice(ask->body, field.at, field.at + field.len);
    if (field.at == 0) {
        return buf_append(added, STR("\"stream_options\":{\"include_usage\":true},"));
    }
    if (json_kind(value) == JSON_NULL) {
        splice_add(splice, field.at, field.len, STR("{\"include_usage\":true}"));
        return ERR_OK;
    }
    struct str usage = json_get(value, STR("include_usage"));
    if (usage.len > 0) {
        splice_add(splice, (size_t)(usage.ptr - ask->body.ptr), usage.len, STR("true"));
        return ERR_OK;
    }
    struct str inside = json_inside(value);
    struct json_member member;
    bool empty = !json_next_member(&inside, &member);
    struct str text;
    TRY(ask_keep(arena, empty ? STR("\"include_usage\":true") : STR("\"include_usage\":true,"),
                 &text));
    splice_add(splice, field.at + 1, 0, text);
    return ERR_OK;
}

static enum err ask_write_cap(const struct ask *ask, int64_t output_cap, struct str cap_name,
                              struct arena *arena, struct splice *splice, struct buf *added)
{
    if (ask->cap_field.at == 0) {
        TRY(buf_byte(added, '"'));
        TRY(buf_append(added, cap_name));
        TRY(buf_append(added, STR("\":")));
        TRY(buf_i64(added, output_cap));
        return buf_byte(added, ',');
    }
    if (output_cap == ask->output_cap) {
        return ERR_OK; /* the client's own spelling stays */
    }
    char digits[24];
    struct buf number = { digits, 0, sizeof(digits), sizeof(digits) };
    struct str text;
    TRY(buf_i64(&number, output_cap));
    TRY(ask_keep(arena, buf_str(&number), &text));
    splice_add(splice, ask->cap_field.at, ask->cap_field.len, text);
    return ERR_OK;
}

/* Its own name for the model; *added: what is put in front of the first member, or nothing. */
static enum err ask_write_model(const struct ask *ask, struct str upstream_model,
                                struct arena *arena, struct splice *splice, struct buf *added)
{
    bool named = ask->model_field.at > 0;
    struct str kept;
    if (!named) {
        TRY(buf_append(added, STR("\"model\":")));
        TRY(jsonw_quote(added, upstream_model));
        return buf_byte(added, ',');
    }
    if (str_eq(upstream_model, ask->model)) {
        return ERR_OK;
    }
    char text[ASK_INSERT_MAX];
    struct buf quoted = { text, 0, sizeof(text), sizeof(text) };
    TRY(jsonw_quote(&quoted, upstream_model));
    TRY(ask_keep(arena, buf_str(&quoted), &kept));
    splice_add(splice, ask->model_field.at, ask->model_field.len, kept);
    return ERR_OK;
}

/* What is new goes in front of the first member, with a comma: the object is not empty. What is for
 * us alone goes out; last, as one may begin where something is put in. */
static enum err ask_write_rest(const struct ask *ask, struct str added, struct arena *arena,
                               struct splice *splice)
{
    struct str kept;
    if (added.len > 0) {
        TRY(ask_keep(arena, added, &kept));
        splice_add(splice, str_find(ask->body, '{') + 1, 0, kept);
    }
    for (size_t i = 0; i < ASK_CUTS_MAX; i++) {
        if (ask->cuts[i].len > 0) {
            splice_add(splice, ask->cuts[i].at, ask->cuts[i].len, STR_EMPTY);
        }
    }
    return ERR_OK;
}

enum err ask_write_own(const struct ask *ask, struct str upstream_model, struct arena *arena,
                       struct splice *ret_splice)
{
    char text[ASK_INSERT_MAX];
    struct buf added = { text, 0, sizeof(text), sizeof(text) };
    splice_init(ret_splice, ask->body);
    TRY(ask_write_model(ask, upstream_model, arena, ret_splice, &added));
    return ask_write_rest(ask, buf_str(&added), arena, ret_splice);
}

enum err ask_write_chat(const struct ask *ask, struct str upstream_model, int64_t output_cap,
                        struct str cap_name, struct arena *arena, struct splice *ret_splice)
{
    ASSERT(output_cap > 0);
    char text[ASK_INSERT_MAX];
    struct buf added = { text, 0, sizeof(text), sizeof(text) };
    splice_init(ret_splice, ask->body);
    TRY(ask_write_model(ask, upstream_model, arena, ret_splice, &added));
    TRY(ask_write_cap(ask, output_cap, cap_name, arena, ret_splice, &added));
    if (ask->stream) {
        TRY(ask_write_options(ask, arena, ret_splice, &added));
    }
    return ask_write_rest(ask, buf_str(&added), arena, ret_splice);
}
