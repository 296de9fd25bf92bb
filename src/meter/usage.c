#include "meter/usage.h"

#include "wire/json.h"

#define USAGE_MEMBERS_MAX 48 /* the largest report known has 12; a larger one is not believed */

#define USAGE_AS_NAME(name, text) [USAGE_##name] = text,
static const char *const usage_names[] = { USAGE_TABLE(USAGE_AS_NAME) };
#undef USAGE_AS_NAME

const char *usage_name(enum usage_class class)
{
    ASSERT((unsigned)class < USAGE_COUNT);
    return usage_names[class];
}

bool usage_is_output(enum usage_class class)
{
    return class >= USAGE_OUT;
}

int64_t usage_sum(const struct usage *usage)
{
    int64_t sum = 0;
    for (size_t i = 0; i < USAGE_COUNT; i++) {
        sum += usage->tokens[i];
    }
    return sum;
}

/* The members of an object, found once: each is asked for by several names. */
struct usage_object {
    struct json_member members[USAGE_MEMBERS_MAX];
    size_t count;
};

static void usage_open(struct str json, struct usage_object *object, bool *spoiled)
{
    object->count = 0;
    if (json.len == 0 || json_kind(json) != JSON_OBJECT) {
        return;
    }
    struct json_member member;
    struct str rest = json_inside(json);
    while (json_next_member(&rest, &member)) {
        if (object->count == USAGE_MEMBERS_MAX) {
            *spoiled = true;
            return;
        }
        object->members[object->count++] = member;
    }
}

/* The first of that name, as json_get() has it; nothing for null. */
static struct str usage_value(const struct usage_object *object, struct str name)
{
    for (size_t i = 0; i < object->count; i++) {
        if (json_key_is(object->members[i].key, name)) {
            struct str value = object->members[i].value;
            return json_kind(value) == JSON_NULL ? STR_EMPTY : value;
        }
    }
    return STR_EMPTY;
}

/* A count under `name`; absent and null are 0, nonsense spoils the report. */
static int64_t usage_field(const struct usage_object *object, struct str name, bool *spoiled)
{
    struct str value = usage_value(object, name);
    int64_t count = 0;
    if (value.len == 0) {
        return 0;
    }
    if (!json_i64(value, &count) || count < 0 || count > USAGE_TOKENS_MAX) {
        *spoiled = true;
        return 0;
    }
    return count;
}

static int64_t usage_min(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* Cached tokens: their place differs by vendor, their meaning does not. */
static int64_t usage_cached(const struct usage_object *whole, const struct usage_object *details,
                            int64_t prompt, bool *spoiled)
{
    int64_t cached = usage_field(details, STR("cached_tokens"), spoiled);
    int64_t top = usage_field(whole, STR("cached_tokens"), spoiled); /* Moonshot */
    int64_t hit = usage_field(whole, STR("prompt_cache_hit_tokens"), spoiled);
    int64_t miss = usage_field(whole, STR("prompt_cache_miss_tokens"), spoiled);
    if (hit + miss > 0) { /* DeepSeek */
        *spoiled |= hit + miss != prompt || (cached > 0 && cached != hit);
        return hit;
    }
    *spoiled |= cached > 0 && top > 0 && cached != top;
    return cached > 0 ? cached : top;
}

static void usage_input(const struct usage_object *whole, int64_t prompt, struct usage *usage)
{
    struct usage_object details;
    bool *spoiled = &usage->quarantined;
    usage_open(usage_value(whole, STR("prompt_tokens_details")), &details, spoiled);
    int64_t cached = usage_cached(whole, &details, prompt, spoiled);
    int64_t audio = usage_field(&details, STR("audio_tokens"), spoiled);
    int64_t image = usage_field(&details, STR("image_tokens"), spoiled);
    int64_t *tokens = usage->tokens;
    tokens[USAGE_W5M] = usage_field(&details, STR("cache_creation_input_tokens"), spoiled);
    tokens[USAGE_WX] = usage_field(&details, STR("cache_write_tokens"), spoiled);

    /* With an unknown split, text is taken as cached first, then audio, then image. */
    int64_t text = prompt - audio - image - tokens[USAGE_W5M] - tokens[USAGE_WX];
    int64_t cached_text = usage_min(cached, text > 0 ? text : 0);
    int64_t cached_audio = usage_min(cached - cached_text, audio);
    int64_t cached_image = cached - cached_text - cached_audio;
    usage->split_assumed = cached_audio > 0 || cached_image > 0;
    tokens[USAGE_IN] = text - cached_text;
    tokens[USAGE_CACHED] = cached_text;
    tokens[USAGE_IN_AUDIO] = audio - cached_audio;
    tokens[USAGE_CACHED_AUDIO] = cached_audio;
    tokens[USAGE_IN_IMAGE] = image - cached_image;
    tokens[USAGE_CACHED_IMAGE] = cached_image;
}

static void usage_output(const struct usage_object *whole, int64_t completion, struct usage *usage)
{
    struct usage_object details;
    usage_open(usage_value(whole, STR("completion_tokens_details")), &details, &usage->quarantined);
    int64_t *tokens = usage->tokens;
    tokens[USAGE_REASON] = usage_field(&details, STR("reasoning_tokens"), &usage->quarantined);
    tokens[USAGE_OUT_AUDIO] = usage_field(&details, STR("audio_tokens"), &usage->quarantined);
    tokens[USAGE_OUT_IMAGE] = usage_field(&details, STR("image_tokens"), &usage->quarantined);
    tokens[USAGE_OUT] =
        completion - tokens[USAGE_REASON] - tokens[USAGE_OUT_AUDIO] - tokens[USAGE_OUT_IMAGE];
}

bool usage_read_openai_chat(struct str json, struct usage *ret_usage)
{
    struct usage_object object;
    const struct usage_object *whole = &object;
    struct usage usage = { 0 };
    bool *spoiled = &usage.quarantined;
    usage_open(json, &object, spoiled);
    if (usage_value(whole, STR("prompt_tokens")).len == 0) {
        return false;
    }
    int64_t prompt = usage_field(whole, STR("prompt_tokens"), spoiled);
    int64_t completion = usage_field(whole, STR("completion_tokens"), spoiled);
    usage_input(whole, prompt, &usage);
    usage_output(whole, completion, &usage);

    if (usage_value(whole, STR("total_tokens")).len > 0) {
        *spoiled |= usage_field(whole, STR("total_tokens"), spoiled) != prompt + completion;
    } else {
        /* Without a total, nothing tells that an absent count stands for none. */
        *spoiled |= usage_value(whole, STR("completion_tokens")).len == 0;
    }
    for (size_t i = 0; i < USAGE_COUNT; i++) {
        *spoiled |= usage.tokens[i] < 0;
    }
    *ret_usage = usage;
    return true;
}
