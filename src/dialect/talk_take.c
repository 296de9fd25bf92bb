/* Values of single members, as several dialects have them. */
#include "dialect/talk_internal.h"

enum err talk_take_bool(struct talk_reading *reading, struct str name, struct str value,
                        bool *ret_value)
{
    if (!talk_is(value, JSON_TRUE) && !talk_is(value, JSON_FALSE)) {
        return talk_refuse(reading, ERR_ASK_INVALID, name, "must be true or false");
    }
    *ret_value = talk_is(value, JSON_TRUE);
    return ERR_OK;
}

enum err talk_take_number(struct talk_reading *reading, struct str name, struct str value,
                          struct str *ret_value)
{
    if (!talk_is(value, JSON_NUMBER)) {
        return talk_refuse(reading, ERR_ASK_INVALID, name, "must be a number");
    }
    *ret_value = value;
    return ERR_OK;
}

enum err talk_take_count(struct talk_reading *reading, struct str name, struct str value,
                         int64_t max, int64_t *ret_value)
{
    int64_t number = 0;
    if (!json_i64(value, &number) || number < 1 || number > max) {
        return talk_refuse(reading, ERR_ASK_INVALID, name,
                           "must be a whole number from 1 on, and within reason");
    }
    *ret_value = number;
    return ERR_OK;
}

enum err talk_take_text(struct talk_reading *reading, struct str name, struct str value,
                        struct str *ret_text)
{
    if (!talk_is(value, JSON_STRING)) {
        return talk_refuse(reading, ERR_ASK_INVALID, name, "must be a string");
    }
    *ret_text = text_of(value);
    return ERR_OK;
}

enum err talk_take_list(struct talk_reading *reading, struct str name, struct str value,
                        struct str *ret_items)
{
    if (!talk_is(value, JSON_ARRAY)) {
        return talk_refuse(reading, ERR_ASK_INVALID, name, "must be a list");
    }
    *ret_items = json_inside(value);
    return ERR_OK;
}

bool talk_take_choice(struct talk *talk, struct str value)
{
    static const struct str names[] = {
        [TALK_CHOICE_AUTO] = STR_INIT("auto"),
        [TALK_CHOICE_NONE] = STR_INIT("none"),
        [TALK_CHOICE_ANY] = STR_INIT("required"),
    };
    for (size_t i = 0; i < EP_ARRAY_LEN(names); i++) {
        if (names[i].len > 0 && json_string_is(value, names[i])) {
            talk->choice = (enum talk_choice)i;
            return true;
        }
    }
    return false;
}

enum err talk_take_stops(struct talk_reading *reading, struct str name, struct str value)
{
    struct talk *talk = reading->talk;
    if (talk_is(value, JSON_STRING)) {
        talk->stops[0] = text_of(value);
        talk->stops_count = talk->stops[0].len > 0 ? 1 : 0;
        return ERR_OK;
    }
    struct str item;
    struct str rest = talk_is(value, JSON_ARRAY) ? json_inside(value) : STR_EMPTY;
    bool fine = talk_is(value, JSON_ARRAY);
    while (fine && json_next_item(&rest, &item)) {
        fine = text_of(item).len > 0 && talk->stops_count < TALK_STOPS_MAX;
        if (fine) {
            talk->stops[talk->stops_count++] = text_of(item);
        }
    }
    return fine ? ERR_OK
                : talk_refuse(reading, ERR_ASK_INVALID, name,
                              "must be a list of texts that are not empty, at most 64");
}

static const char *const talk_efforts[] = { "",       "none", "minimal", "low",
                                            "medium", "high", "xhigh",   "max" };
_Static_assert(EP_ARRAY_LEN(talk_efforts) == TALK_EFFORT_MAX + 1, "a name each");

const char *talk_effort_name(enum talk_effort effort)
{
    return talk_efforts[effort];
}

enum err talk_take_effort(struct talk_reading *reading, struct str name, struct str value)
{
    for (size_t i = TALK_EFFORT_NONE; i < EP_ARRAY_LEN(talk_efforts); i++) {
        if (json_string_is(value, str_from(talk_efforts[i]))) {
            reading->talk->effort = (enum talk_effort)i;
            return ERR_OK;
        }
    }
    return talk_refuse(reading, ERR_ASK_INVALID, name,
                       "must be none, minimal, low, medium, high, xhigh or max");
}

enum err talk_on_model(struct talk_reading *reading, struct str value)
{
    TRY(talk_take_text(reading, STR("model"), value, &reading->talk->model));
    return reading->talk->model.len > 0
               ? ERR_OK
               : talk_refuse(reading, ERR_ASK_INVALID, STR("model"), "must not be empty");
}

enum err talk_on_stream(struct talk_reading *reading, struct str value)
{
    return talk_take_bool(reading, STR("stream"), value, &reading->talk->stream);
}

enum err talk_on_temperature(struct talk_reading *reading, struct str value)
{
    return talk_take_number(reading, STR("temperature"), value, &reading->talk->temperature);
}

enum err talk_on_top_p(struct talk_reading *reading, struct str value)
{
    return talk_take_number(reading, STR("top_p"), value, &reading->talk->top_p);
}

enum err talk_on_top_k(struct talk_reading *reading, struct str value)
{
    return talk_take_number(reading, STR("top_k"), value, &reading->talk->top_k);
}

enum err talk_on_parallel(struct talk_reading *reading, struct str value)
{
    bool parallel = true;
    TRY(talk_take_bool(reading, STR("parallel_tool_calls"), value, &parallel));
    reading->talk->serial = !parallel;
    return ERR_OK;
}

enum err talk_on_metadata(struct talk_reading *reading, struct str value)
{
    if (!talk_is(value, JSON_OBJECT)) {
        return talk_refuse(reading, ERR_ASK_INVALID, STR("metadata"), "must be an object");
    }
    reading->talk->metadata = json_trim(json_inside(value)).len > 0 ? value : STR_EMPTY;
    return ERR_OK;
}

enum err talk_on_user(struct talk_reading *reading, struct str value)
{
    return talk_take_text(reading, STR("user"), value, &reading->talk->user);
}

enum err talk_on_tier(struct talk_reading *reading, struct str value)
{
    reading->talk->tier = tier_of_json(value);
    lost_add(&reading->talk->lost, LOST_BIT_TIER);
    return ERR_OK;
}

enum err talk_on_store(struct talk_reading *reading, struct str value)
{
    bool store = false;
    TRY(talk_take_bool(reading, STR("store"), value, &store));
    return store ? talk_refuse(reading, ERR_ASK_UNSUPPORTED, STR("store"),
                               "cannot be true: nothing is kept here; send the full input with "
                               "\"store\": false")
                 : ERR_OK;
}
