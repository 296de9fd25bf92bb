#include "guess.h"

#include "lexicon.h"
#include "wire/json.h"

#define GUESS_NAME_MAX 128 /* of a definition that is referred to */

struct guess {
    struct str root; /* holds the definitions */
    uint64_t seed;
    uint64_t values; /* written so far: each gets another word */
    struct buf *out;
};

static enum err guess_at(struct guess *guess, struct str schema, int depth);

static bool is_kind(struct str value, enum json_kind kind)
{
    return value.len > 0 && json_kind(value) == kind;
}

static enum err guess_object(struct guess *guess, struct str schema, int depth)
{
    struct str properties = json_get(schema, STR("properties"));
    struct json_member member;
    bool first = true;
    TRY(buf_byte(guess->out, '{'));
    struct str rest = is_kind(properties, JSON_OBJECT) ? json_inside(properties) : STR_EMPTY;
    while (json_next_member(&rest, &member)) {
        /* The key's escapes are those of JSON, and stay as they are. */
        TRY(buf_append(guess->out, first ? STR("\"") : STR(",\"")));
        TRY(buf_append(guess->out, member.key));
        TRY(buf_append(guess->out, STR("\":")));
        TRY(guess_at(guess, member.value, depth + 1));
        first = false;
    }
    return buf_byte(guess->out, '}');
}

static enum err guess_array(struct guess *guess, struct str schema, int depth)
{
    struct str items = json_get(schema, STR("items"));
    int64_t count = 1;
    EP_IGNORE(json_i64(json_get(schema, STR("minItems")), &count)); /* one unless it says more */
    count = count < 1 ? 1 : count > GUESS_ITEMS_MAX ? GUESS_ITEMS_MAX : count;
    TRY(buf_byte(guess->out, '['));
    for (int64_t i = 0; is_kind(items, JSON_OBJECT) && i < count; i++) {
        TRY(buf_append(guess->out, i > 0 ? STR(",") : STR_EMPTY));
        TRY(guess_at(guess, items, depth + 1));
    }
    return buf_byte(guess->out, ']');
}

static enum err guess_string(struct guess *guess, struct str schema)
{
    static const char *const formats[][2] = {
        { "date", "2026-01-15" },          { "date-time", "2026-01-15T10:30:00Z" },
        { "time", "10:30:00Z" },           { "email", "someone@example.com" },
        { "uri", "https://example.com/" }, { "uuid", "5b6f2f0e-3c1d-4a7e-9b8a-0d1c2e3f4a5b" },
    };
    struct str format = json_get(schema, STR("format"));
    struct str text = lexicon_word(guess->seed, guess->values);
    for (size_t i = 0; is_kind(format, JSON_STRING) && i < EP_ARRAY_LEN(formats); i++) {
        if (json_string_is(format, str_from(formats[i][0]))) {
            text = str_from(formats[i][1]);
        }
    }
    TRY(buf_byte(guess->out, '"'));
    TRY(buf_append(guess->out, text));
    return buf_byte(guess->out, '"');
}

static enum err guess_integer(struct guess *guess, struct str schema)
{
    int64_t low = 1;
    int64_t high = INT64_MAX;
    bool has_low = json_i64(json_get(schema, STR("minimum")), &low);
    bool has_high = json_i64(json_get(schema, STR("maximum")), &high);
    int64_t value = 1 + (int64_t)(lexicon_mix(guess->seed + guess->values) % 9);
    if (value < low || value > high) {
        value = has_low || !has_high ? low : high;
    }
    return buf_i64(guess->out, value);
}

/* The schema that "#/$defs/NAME" or "#/definitions/NAME" stands for, or an empty slice. */
static struct str guess_resolve(const struct guess *guess, struct str reference)
{
    static const char *const places[] = { "$defs", "definitions" };
    char text[GUESS_NAME_MAX];
    struct buf name = { text, 0, sizeof(text), sizeof(text) };
    if (!is_kind(reference, JSON_STRING) || !json_decode(reference, &name)) {
        return STR_EMPTY;
    }
    struct str rest = buf_str(&name);
    if (!str_eq(str_cut(&rest, '/'), STR("#"))) {
        return STR_EMPTY;
    }
    struct str place = str_cut(&rest, '/');
    for (size_t i = 0; i < EP_ARRAY_LEN(places); i++) {
        if (str_eq(place, str_from(places[i]))) {
            return json_get(json_get(guess->root, place), rest);
        }
    }
    return STR_EMPTY;
}

static struct str first_item(struct str array)
{
    struct str item;
    if (!is_kind(array, JSON_ARRAY)) {
        return STR_EMPTY;
    }
    struct str rest = json_inside(array);
    return json_next_item(&rest, &item) ? item : STR_EMPTY;
}

/* The schema that this one hands over to, or an empty slice. */
static struct str guess_onward(const struct guess *guess, struct str schema)
{
    static const char *const lists[] = { "anyOf", "oneOf", "allOf" };
    struct str found = guess_resolve(guess, json_get(schema, STR("$ref")));
    for (size_t i = 0; found.len == 0 && i < EP_ARRAY_LEN(lists); i++) {
        found = first_item(json_get(schema, str_from(lists[i])));
    }
    return found;
}

static enum err guess_typed(struct guess *guess, struct str schema, int depth)
{
    struct str type = json_get(schema, STR("type"));
    if (is_kind(type, JSON_ARRAY)) {
        type = first_item(type);
    }
    if (!is_kind(type, JSON_STRING)) {
        bool object = is_kind(json_get(schema, STR("properties")), JSON_OBJECT);
        return object ? guess_object(guess, schema, depth) : guess_string(guess, schema);
    }
    if (json_string_is(type, STR("object"))) {
        return guess_object(guess, schema, depth);
    }
    if (json_string_is(type, STR("array"))) {
        return guess_array(guess, schema, depth);
    }
    if (json_string_is(type, STR("integer")) || json_string_is(type, STR("number"))) {
        return guess_integer(guess, schema);
    }
    if (json_string_is(type, STR("boolean"))) {
        bool yes = lexicon_mix(guess->seed + guess->values) % 2 == 0;
        return buf_append(guess->out, yes ? STR("true") : STR("false"));
    }
    bool null = json_string_is(type, STR("null"));
    return null ? buf_append(guess->out, STR("null")) : guess_string(guess, schema);
}

static enum err guess_at(struct guess *guess, struct str schema, int depth)
{
    if (depth > GUESS_DEPTH_MAX || !is_kind(schema, JSON_OBJECT)) {
        return buf_append(guess->out, STR("null"));
    }
    guess->values++;
    struct str fixed = json_get(schema, STR("const"));
    if (fixed.len == 0) {
        fixed = first_item(json_get(schema, STR("enum")));
    }
    if (fixed.len > 0) {
        return buf_append(guess->out, fixed);
    }
    struct str onward = guess_onward(guess, schema);
    return onward.len > 0 ? guess_at(guess, onward, depth + 1) : guess_typed(guess, schema, depth);
}

enum err guess_value(struct str schema, uint64_t seed, struct buf *out)
{
    struct guess guess = { .root = schema, .seed = seed, .out = out };
    return guess_at(&guess, schema, 0);
}
