#include "dialect/ask_provider.h"

#include "base/money.h"
#include "wire/json.h"

#define PRICE_TOKEN_SCALE 6  /* a price for a million tokens, in pico a token */
#define PRICE_CALL_SCALE  12 /* a price a call, or a picture, in pico */

/* A member of the object: where its value goes is the reader's to know. */
struct provider_member {
    struct str name;
    const char *param;
    enum err (*read)(const struct provider_member *member, struct str value,
                     struct ask_provider *provider, struct fail *fail);
    size_t offset; /* in struct ask_provider, of lists and flags */
};

static enum err provider_fail(const struct provider_member *member, const char *what,
                              struct fail *fail)
{
    return FAIL(fail, ERR_ASK_INVALID, "\"%s\" %s", member->param, what);
}

/* ---- lists of names ----------------------------------------------------------------------- */

bool ask_next_name(struct str *rest, char *text, struct str *ret_name)
{
    struct str item;
    if (!json_next_item(rest, &item)) {
        return false;
    }
    struct buf out = { text, 0, ASK_NAME_MAX, ASK_NAME_MAX };
    bool decoded = json_decode(item, &out);
    ASSERT(decoded); /* it was, when the list was read */
    *ret_name = buf_str(&out);
    return true;
}

static bool names_fine(struct str list, size_t max, size_t *ret_count)
{
    struct str item;
    size_t count = 0;
    struct str rest = json_kind(list) == JSON_ARRAY ? json_inside(list) : STR_EMPTY;
    while (json_next_item(&rest, &item)) {
        char text[ASK_NAME_MAX];
        struct buf name = { text, 0, sizeof(text), sizeof(text) };
        if (count == max || json_kind(item) != JSON_STRING || !json_decode(item, &name) ||
            name.len == 0) {
            return false;
        }
        count++;
    }
    *ret_count = count;
    return json_kind(list) == JSON_ARRAY;
}

static enum err read_names(const struct provider_member *member, struct str value,
                           struct ask_provider *provider, struct fail *fail)
{
    struct ask_names *names = (struct ask_names *)(void *)((char *)provider + member->offset);
    if (!names_fine(value, ASK_NAMES_MAX, &names->count)) {
        return FAIL(fail, ERR_ASK_INVALID,
                    "\"%s\" must be a list of at most %d names of 1 to %d bytes", member->param,
                    ASK_NAMES_MAX, ASK_NAME_MAX);
    }
    names->list = names->count > 0 ? value : STR_EMPTY;
    return ERR_OK;
}

enum err ask_read_models(struct str value, struct ask_names *ret_models, const char **ret_param,
                         struct fail *fail)
{
    *ret_models = (struct ask_names){ 0 };
    if (value.len == 0 || json_kind(value) == JSON_NULL) {
        return ERR_OK;
    }
    *ret_param = "models";
    if (!names_fine(value, ASK_FALLBACKS_MAX, &ret_models->count)) {
        return FAIL(fail, ERR_ASK_INVALID,
                    "\"models\" must be a list of at most %d names of 1 to %d bytes",
                    ASK_FALLBACKS_MAX, ASK_NAME_MAX);
    }
    *ret_param = NULL;
    ret_models->list = ret_models->count > 0 ? value : STR_EMPTY;
    return ERR_OK;
}

/* ---- words and flags ---------------------------------------------------------------------- */

static enum err read_flag(const struct provider_member *member, struct str value,
                          struct ask_provider *provider, struct fail *fail)
{
    enum json_kind kind = json_kind(value);
    if (kind != JSON_TRUE && kind != JSON_FALSE) {
        return provider_fail(member, "must be true or false", fail);
    }
    *(bool *)((char *)provider + member->offset) = kind == JSON_TRUE;
    return ERR_OK;
}

static enum err read_fallbacks(const struct provider_member *member, struct str value,
                               struct ask_provider *provider, struct fail *fail)
{
    TRY(read_flag(member, value, provider, fail));
    provider->no_fallbacks = !provider->no_fallbacks; /* the member says the opposite */
    return ERR_OK;
}

static enum err read_collection(const struct provider_member *member, struct str value,
                                struct ask_provider *provider, struct fail *fail)
{
    provider->no_collection = json_string_is(value, STR("deny"));
    return provider->no_collection || json_string_is(value, STR("allow"))
               ? ERR_OK
               : provider_fail(member, "must be \"allow\" or \"deny\"", fail);
}

static const char *const sort_names[] = {
    [ASK_SORT_NONE] = "",           [ASK_SORT_PRICE] = "price",
    [ASK_SORT_LATENCY] = "latency", [ASK_SORT_THROUGHPUT] = "throughput",
    [ASK_SORT_WEIGHT] = "weight",   [ASK_SORT_ENERGY] = "energy",
};
_Static_assert(EP_ARRAY_LEN(sort_names) == ASK_SORTS, "each way of sorting has its word");

const char *ask_sort_name(enum ask_sort sort)
{
    ASSERT((unsigned)sort < ASK_SORTS);
    return sort_names[sort];
}

/* {"by": "price", "partition": "model"}: models are tried one after the other here, always. */
static bool sort_inside(struct str value, struct str *ret_by)
{
    struct json_member member;
    struct str rest = json_inside(value);
    bool fine = true;
    *ret_by = STR_EMPTY;
    while (fine && json_next_member(&rest, &member)) {
        bool by = json_key_is(member.key, STR("by"));
        fine = by ? ret_by->len == 0
                  : json_key_is(member.key, STR("partition")) &&
                        (json_kind(member.value) == JSON_NULL ||
                         json_string_is(member.value, STR("model")));
        *ret_by = by ? member.value : *ret_by;
    }
    return fine && ret_by->len > 0;
}

static enum err read_sort(const struct provider_member *member, struct str value,
                          struct ask_provider *provider, struct fail *fail)
{
    struct str by = value;
    bool fine = json_kind(value) != JSON_OBJECT || sort_inside(value, &by);
    for (unsigned i = ASK_SORT_PRICE; fine && i < ASK_SORTS; i++) {
        if (json_string_is(by, str_from(sort_names[i]))) {
            provider->sort = (enum ask_sort)i;
            return ERR_OK;
        }
    }
    return provider_fail(member,
                         "must be \"price\", \"latency\", \"throughput\", \"weight\" or "
                         "\"energy\", bare or as {\"by\": ...}",
                         fail);
}

/* ---- the dearest price -------------------------------------------------------------------- */

/* A number or a string of one, without sign and exponent. */
static bool price_read(struct str value, unsigned scale, int64_t *ret_pico)
{
    char digits[40];
    struct buf text = { digits, 0, sizeof(digits), sizeof(digits) };
    enum json_kind kind = json_kind(value);
    bool taken = kind == JSON_STRING ? json_decode(value, &text)
                                     : kind == JSON_NUMBER && buf_append(&text, value) == ERR_OK;
    return taken && money_parse(buf_str(&text), scale, ret_pico) && *ret_pico >= 0;
}

static enum err read_price(const struct provider_member *outer, struct str value,
                           struct ask_provider *provider, struct fail *fail)
{
    static const struct {
        struct str name;
        const char *what;
        unsigned scale;
        size_t offset;
    } parts[] = {
        { STR_INIT("prompt"), "\"prompt\"", PRICE_TOKEN_SCALE,
          offsetof(struct ask_provider, max_input) },
        { STR_INIT("completion"), "\"completion\"", PRICE_TOKEN_SCALE,
          offsetof(struct ask_provider, max_output) },
        { STR_INIT("request"), "\"request\"", PRICE_CALL_SCALE,
          offsetof(struct ask_provider, max_call) },
        { STR_INIT("image"), "\"image\"", PRICE_CALL_SCALE,
          offsetof(struct ask_provider, max_image) },
    };
    struct json_member member;
    struct str rest = json_kind(value) == JSON_OBJECT ? json_inside(value) : STR_EMPTY;
    bool fine = json_kind(value) == JSON_OBJECT;
    while (fine && json_next_member(&rest, &member)) {
        size_t i = 0;
        while (i < EP_ARRAY_LEN(parts) && !json_key_is(member.key, parts[i].name)) {
            i++;
        }
        fine = i < EP_ARRAY_LEN(parts);
        int64_t *slot = fine ? (int64_t *)(void *)((char *)provider + parts[i].offset) : NULL;
        fine = fine && *slot < 0 && price_read(member.value, parts[i].scale, slot);
    }
    return fine ? ERR_OK
                : provider_fail(outer,
                                "must be an object of \"prompt\" and \"completion\" (a million "
                                "tokens), \"request\" and \"image\", each once, as plain decimals",
                                fail);
}

/* ---- the object --------------------------------------------------------------------------- */

#define PROVIDER_MEMBER(member, reader, field)                                             \
    {                                                                                      \
        STR_INIT(member), "provider." member, reader, offsetof(struct ask_provider, field) \
    }
static const struct provider_member provider_members[] = {
    PROVIDER_MEMBER("order", read_names, order),
    PROVIDER_MEMBER("only", read_names, only),
    PROVIDER_MEMBER("ignore", read_names, ignore),
    PROVIDER_MEMBER("quantizations", read_names, quantizations),
    PROVIDER_MEMBER("sort", read_sort, sort),
    PROVIDER_MEMBER("max_price", read_price, max_input),
    PROVIDER_MEMBER("data_collection", read_collection, no_collection),
    PROVIDER_MEMBER("zdr", read_flag, zdr),
    PROVIDER_MEMBER("allow_fallbacks", read_fallbacks, no_fallbacks),
    PROVIDER_MEMBER("require_parameters", read_flag, require_parameters),
};

static const struct provider_member *provider_find(struct str key, size_t *ret_at)
{
    for (size_t i = 0; i < EP_ARRAY_LEN(provider_members); i++) {
        if (json_key_is(key, provider_members[i].name)) {
            *ret_at = i;
            return &provider_members[i];
        }
    }
    return NULL;
}

/* The client's own spelling is shown where it is plain. */
static enum err provider_unknown(struct str key, struct fail *fail)
{
    bool plain = key.len <= 64;
    for (size_t i = 0; plain && i < key.len; i++) {
        plain = key.ptr[i] >= ' ' && key.ptr[i] <= '~' && key.ptr[i] != '\\';
    }
    key = plain ? key : STR("...");
    return FAIL(fail, ERR_ASK_UNSUPPORTED, "\"provider." STR_FMT "\" is not known here",
                STR_ARG(key));
}

enum err ask_read_provider(struct str value, struct ask_provider *ret_provider,
                           const char **ret_param, struct fail *fail)
{
    *ret_provider =
        (struct ask_provider){ .max_input = -1, .max_output = -1, .max_call = -1, .max_image = -1 };
    if (value.len == 0 || json_kind(value) == JSON_NULL) {
        return ERR_OK;
    }
    *ret_param = "provider";
    if (json_kind(value) != JSON_OBJECT) {
        return FAIL(fail, ERR_ASK_INVALID, "\"provider\" must be an object");
    }
    unsigned seen = 0;
    struct json_member given;
    struct str rest = json_inside(value);
    while (json_next_member(&rest, &given)) {
        size_t at = 0;
        const struct provider_member *member = provider_find(given.key, &at);
        if (member == NULL) {
            return provider_unknown(given.key, fail);
        }
        *ret_param = member->param;
        if ((seen >> at & 1) != 0) {
            return FAIL(fail, ERR_ASK_DUPLICATE, "\"%s\" stands there twice", member->param);
        }
        seen |= 1U << at;
        if (json_kind(given.value) != JSON_NULL) {
            TRY(member->read(member, given.value, ret_provider, fail));
        }
        *ret_param = "provider";
    }
    ret_provider->given = true;
    *ret_param = NULL;
    return ERR_OK;
}
