#include "front/device_order.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/money.h"
#include "base/stamp.h"
#include "wire/json.h"
#include "wire/utf8.h"

/* One object that is read. */
struct order_reading {
    struct arena *arena;
    struct device_fault *fault;
    struct fail *fail;
    const char *where; /* in front of a member's name: "", or "devices[3]." */
};

enum order_need {
    ORDER_MAY,      /* may be left out, or null */
    ORDER_NULL_TOO, /* likewise, but null says something: a cap that is not there */
    ORDER_MUST
};

/* A member and what reads it; `target` is the reader's own. */
typedef enum err order_read_fn(struct order_reading *reading, const char *name, struct str value,
                               void *target);
struct order_member {
    const char *name;
    order_read_fn *read;
    size_t at; /* of what it is read into, within the target */
    enum order_need need;
};

#define ORDER_MEMBERS_MAX 8

static enum err order_refuse(const struct order_reading *reading, enum err err, const char *name,
                             const char *format, ...) EP_PRINTF(4, 5);

static enum err order_refuse(const struct order_reading *reading, enum err err, const char *name,
                             const char *format, ...)
{
    char text[160];
    va_list list;
    va_start(list, format);
    (void)vsnprintf(text, sizeof(text), format, list); /* what fits */
    va_end(list);
    (void)snprintf(reading->fault->field, sizeof(reading->fault->field), "%s%s", reading->where,
                   name);
    return FAIL(reading->fail, err, "%s", text);
}

/* ---- values -------------------------------------------------------------------------------- */

static enum err order_text(struct order_reading *reading, const char *name, struct str value,
                           void *target)
{
    char text[256]; /* longer than anything that is taken, so that it is refused by its length */
    struct buf buf = { text, 0, sizeof(text), sizeof(text) };
    if (json_kind(value) != JSON_STRING || !json_decode(value, &buf)) {
        return order_refuse(reading, ERR_ASK_INVALID, name,
                            "This is a string, of 255 bytes at most.");
    }
    return arena_copy(reading->arena, buf_str(&buf), target) ? ERR_OK : ERR_NO_MEMORY;
}

static enum err order_time(struct order_reading *reading, const char *name, struct str value,
                           void *target)
{
    struct str text = json_kind(value) == JSON_STRING ? json_inside(value) : STR_EMPTY;
    int64_t ns = 0;
    if (!stamp_parse(text, &ns) || ns <= 0) {
        return order_refuse(reading, ERR_ASK_INVALID, name,
                            "This is a time such as 2026-11-01 or 2026-11-01T12:00:00Z.");
    }
    *(int64_t *)target = ns;
    return ERR_OK;
}

static enum err order_flag(struct order_reading *reading, const char *name, struct str value,
                           void *target)
{
    if (json_kind(value) != JSON_TRUE && json_kind(value) != JSON_FALSE) {
        return order_refuse(reading, ERR_ASK_INVALID, name, "This is true or false.");
    }
    *(bool *)target = json_kind(value) == JSON_TRUE;
    return ERR_OK;
}

static enum err order_amount(struct order_reading *reading, const char *name, struct str value,
                             void *target)
{
    struct str text = json_kind(value) == JSON_STRING   ? json_inside(value)
                      : json_kind(value) == JSON_NUMBER ? value
                                                        : STR_EMPTY;
    int64_t nano = FLEET_CAP_NONE;
    if (json_kind(value) != JSON_NULL && (!money_parse(text, 9, &nano) || nano < 0)) {
        return order_refuse(reading, ERR_ASK_INVALID, name,
                            "This is an amount such as 0.05, of nine decimals at most, or null.");
    }
    *(int64_t *)target = nano;
    return ERR_OK;
}

static enum err order_number(struct order_reading *reading, const char *name, struct str value,
                             void *target)
{
    int64_t number = FLEET_CAP_NONE;
    bool fine = json_kind(value) == JSON_NULL ||
                (json_kind(value) == JSON_NUMBER && json_i64(value, &number) && number >= 0);
    if (!fine) {
        return order_refuse(reading, ERR_ASK_INVALID, name,
                            "This is a whole number, not below zero, or null.");
    }
    *(int64_t *)target = number;
    return ERR_OK;
}

/* ---- objects ------------------------------------------------------------------------------- */

static const struct order_member *order_member(const struct order_member *members, size_t count,
                                               struct str key)
{
    for (size_t i = 0; i < count; i++) {
        if (json_key_is(key, str_from(members[i].name))) {
            return &members[i];
        }
    }
    return NULL;
}

static enum err order_read_member(struct order_reading *reading, const struct order_member *member,
                                  struct str value, void *target)
{
    if (json_kind(value) == JSON_NULL && member->need == ORDER_MAY) {
        return ERR_OK;
    }
    return member->read(reading, member->name, value, (char *)target + member->at);
}

/* An object's members by their table, each at most once. */
static enum err order_object(struct order_reading *reading, const char *name, struct str value,
                             const struct order_member *members, size_t count, void *target)
{
    bool seen[ORDER_MEMBERS_MAX] = { false };
    struct json_member member;
    ASSERT(count <= ORDER_MEMBERS_MAX);
    if (json_kind(value) != JSON_OBJECT) {
        return order_refuse(reading, ERR_ASK_INVALID, name, "This is an object.");
    }
    struct str rest = json_inside(value);
    while (json_next_member(&rest, &member)) {
        const struct order_member *known = order_member(members, count, member.key);
        if (known == NULL) {
            char shown[40];
            (void)snprintf(shown, sizeof(shown), STR_FMT, STR_ARG(member.key)); /* what fits */
            utf8_mend(shown);
            return order_refuse(reading, ERR_ASK_UNSUPPORTED, shown, "There is no such member.");
        }
        if (seen[known - members]) {
            return order_refuse(reading, ERR_ASK_DUPLICATE, known->name,
                                "This stands there twice.");
        }
        seen[known - members] = true;
        TRY(order_read_member(reading, known, member.value, target));
    }
    for (size_t i = 0; i < count; i++) {
        if (members[i].need == ORDER_MUST && !seen[i]) {
            return order_refuse(reading, ERR_ASK_MISSING, members[i].name, "This is missing.");
        }
    }
    return ERR_OK;
}

/* An object inside another: its members' faults are named behind its own name. */
static enum err order_inner(struct order_reading *reading, const char *name, struct str value,
                            const struct order_member *members, size_t count, void *target)
{
    char where[DEVICE_FIELD_MAX];
    struct order_reading inner = *reading;
    if (json_kind(value) != JSON_OBJECT) {
        return order_refuse(reading, ERR_ASK_INVALID, name, "This is an object.");
    }
    (void)snprintf(where, sizeof(where), "%s%s.", reading->where,
                   name); /* our own names: it fits */
    inner.where = where;
    return order_object(&inner, "", value, members, count, target);
}

static enum err order_caps(struct order_reading *reading, const char *name, struct str value,
                           void *target)
{
#define CAP(which) ((size_t)(which) * sizeof(int64_t))
    static const struct order_member members[] = {
        { "money_day", order_amount, CAP(FLEET_MONEY_DAY), ORDER_NULL_TOO },
        { "money_total", order_amount, CAP(FLEET_MONEY_TOTAL), ORDER_NULL_TOO },
        { "calls_day", order_number, CAP(FLEET_CALLS_DAY), ORDER_NULL_TOO },
        { "calls_total", order_number, CAP(FLEET_CALLS_TOTAL), ORDER_NULL_TOO },
        { "wakes_day", order_number, CAP(FLEET_WAKES_DAY), ORDER_NULL_TOO },
        { "wakes_total", order_number, CAP(FLEET_WAKES_TOTAL), ORDER_NULL_TOO },
        { "seconds_day", order_number, CAP(FLEET_SECONDS_DAY), ORDER_NULL_TOO },
    };
#undef CAP
    _Static_assert(EP_ARRAY_LEN(members) == FLEET_CAPS, "each cap has its member");
    return order_inner(reading, name, value, members, EP_ARRAY_LEN(members), target);
}

struct order_consent {
    struct str reference;
    int64_t given_ns;
};

static enum err order_consent(struct order_reading *reading, const char *name, struct str value,
                              void *target)
{
    static const struct order_member members[] = {
        { "reference", order_text, offsetof(struct order_consent, reference), ORDER_MUST },
        { "given", order_time, offsetof(struct order_consent, given_ns), ORDER_MUST },
    };
    struct device_order *order = target;
    struct order_consent consent = { .given_ns = 0 };
    TRY(order_inner(reading, name, value, members, EP_ARRAY_LEN(members), &consent));
    if (consent.reference.len == 0) {
        return order_refuse(reading, ERR_ASK_INVALID, "consent.reference",
                            "A consent's reference has 1 to 128 bytes and no control characters.");
    }
    order->reference = consent.reference;
    order->given_ns = consent.given_ns;
    return ERR_OK;
}

/* `active` false is an order that waits. */
static enum err order_active(struct order_reading *reading, const char *name, struct str value,
                             void *target)
{
    bool active = true;
    TRY(order_flag(reading, name, value, &active));
    *(bool *)target = !active;
    return ERR_OK;
}

static enum err order_read(struct order_reading *reading, struct str value,
                           const struct fleet *fleet, struct device_order *order)
{
    static const struct order_member members[] = {
        { "device_id", order_text, offsetof(struct device_order, id), ORDER_MUST },
        { "consent", order_consent, 0, ORDER_MAY },
        { "expires", order_time, offsetof(struct device_order, expires_ns), ORDER_MAY },
        { "caps", order_caps, offsetof(struct device_order, caps), ORDER_MAY },
        { "active", order_active, offsetof(struct device_order, inactive), ORDER_MAY },
        { "rotate", order_flag, offsetof(struct device_order, rotate), ORDER_MAY },
        { "proof", order_flag, offsetof(struct device_order, proof), ORDER_MAY },
    };
    *order = (struct device_order){ .made = false };
    memcpy(order->caps, fleet->caps, sizeof(order->caps));
    return order_object(reading, "", value, members, EP_ARRAY_LEN(members), order);
}

/* ---- bodies -------------------------------------------------------------------------------- */

/* An empty body is an empty object where nothing is needed. */
static enum err order_body(struct str body, bool may_be_empty, struct order_reading *reading,
                           struct str *ret_value)
{
    struct json_fault fault;
    reading->fault->field[0] = '\0';
    *ret_value = json_trim(body);
    if (may_be_empty && ret_value->len == 0) {
        *ret_value = STR("{}");
    }
    if (json_check(*ret_value, &fault) != ERR_OK) {
        return FAIL(reading->fail, ERR_JSON_SYNTAX, "The body is not valid JSON: %s at byte %zu.",
                    fault.reason, fault.offset);
    }
    return ERR_OK;
}

static size_t order_count(struct str list)
{
    struct str rest = json_inside(list);
    struct str item;
    size_t count = 0;
    while (json_next_item(&rest, &item)) {
        count++;
    }
    return count;
}

/* The body's one list; nothing else stands beside it. */
static enum err order_list(struct order_reading *reading, struct str value, struct str *ret_list)
{
    struct json_member member;
    struct str rest = json_inside(value);
    size_t members = 0;
    while (json_next_member(&rest, &member)) {
        members++;
    }
    *ret_list = json_get(value, STR("devices"));
    if (members != 1 || json_kind(*ret_list) != JSON_ARRAY) {
        return order_refuse(reading, ERR_ASK_INVALID, "devices",
                            "This is a list of devices, and nothing stands beside it.");
    }
    size_t count = order_count(*ret_list);
    if (count == 0 || count > DEVICES_ISSUE_MAX) {
        return order_refuse(reading, ERR_ASK_INVALID, "devices", "A list has 1 to %d devices.",
                            DEVICES_ISSUE_MAX);
    }
    return ERR_OK;
}

enum err device_orders_read(struct str body, const struct fleet *fleet, struct arena *arena,
                            struct device_order **ret_orders, size_t *ret_count, bool *ret_list,
                            struct device_fault *fault, struct fail *fail)
{
    struct order_reading reading = { arena, fault, fail, "" };
    struct str value;
    struct str list = STR_EMPTY;
    struct str item;
    TRY(order_body(body, false, &reading, &value));
    bool many = json_kind(value) == JSON_OBJECT && json_get(value, STR("devices")).len > 0;
    if (many) {
        TRY(order_list(&reading, value, &list));
    }
    size_t count = many ? order_count(list) : 1;
    struct device_order *orders = arena_alloc(arena, count * sizeof(*orders));
    if (orders == NULL) {
        return FAIL(fail, ERR_NO_MEMORY, "no memory for %zu orders", count);
    }
    struct str rest = many ? json_inside(list) : STR_EMPTY;
    for (size_t i = 0; i < count; i++) {
        char where[32] = "";
        item = value;
        if (many) {
            (void)snprintf(where, sizeof(where), "devices[%zu].", i);
            ASSERT(json_next_item(&rest, &item)); /* they were counted */
        }
        reading.where = where;
        TRY(order_read(&reading, item, fleet, &orders[i]));
    }
    *ret_orders = orders;
    *ret_count = count;
    *ret_list = many;
    return ERR_OK;
}

enum err device_consent_read(struct str body, struct arena *arena, struct str *ret_reference,
                             int64_t *ret_given_ns, struct device_fault *fault, struct fail *fail)
{
    static const struct order_member members[] = {
        { "reference", order_text, offsetof(struct order_consent, reference), ORDER_MAY },
        { "given", order_time, offsetof(struct order_consent, given_ns), ORDER_MAY },
    };
    struct order_reading reading = { arena, fault, fail, "" };
    struct order_consent consent = { .given_ns = 0 };
    struct str value;
    TRY(order_body(body, false, &reading, &value));
    TRY(order_object(&reading, "", value, members, EP_ARRAY_LEN(members), &consent));
    struct str said = json_get(value, STR("reference"));
    if (said.len == 0) {
        return order_refuse(&reading, ERR_ASK_MISSING, "reference",
                            "This is missing; null withdraws the consent.");
    }
    bool withdrawn = json_kind(said) == JSON_NULL;
    if (!withdrawn && consent.reference.len == 0) {
        return order_refuse(&reading, ERR_ASK_INVALID, "reference",
                            "A consent's reference has 1 to 128 bytes and no control characters.");
    }
    if (!withdrawn && consent.given_ns == 0) {
        return order_refuse(&reading, ERR_ASK_MISSING, "given", "This is missing.");
    }
    *ret_reference = consent.reference;
    *ret_given_ns = consent.given_ns;
    return ERR_OK;
}

enum err device_wake_read(struct str body, int64_t *ret_seq, struct device_fault *fault,
                          struct fail *fail)
{
    static const struct order_member members[] = { { "wake", order_number, 0, ORDER_MAY } };
    struct order_reading reading = { NULL, fault, fail, "" };
    struct str value;
    int64_t seq = 0;
    TRY(order_body(body, true, &reading, &value));
    TRY(order_object(&reading, "", value, members, EP_ARRAY_LEN(members), &seq));
    *ret_seq = seq;
    return ERR_OK;
}

enum err device_code_read(struct str body, struct arena *arena, struct str *ret_code,
                          struct device_fault *fault, struct fail *fail)
{
    static const struct order_member members[] = { { "code", order_text, 0, ORDER_MAY } };
    struct order_reading reading = { arena, fault, fail, "" };
    struct str value;
    struct str code = STR_EMPTY;
    TRY(order_body(body, true, &reading, &value));
    TRY(order_object(&reading, "", value, members, EP_ARRAY_LEN(members), &code));
    *ret_code = code;
    return ERR_OK;
}
