#include "tlog/entry_form.h"

#include "tlog/canon_json.h"
#include "tlog/receipt.h"
#include "tlog/tile.h"
#include "wire/json.h"

#define ENTRY_MEMBERS_MAX 16

enum entry_value {
    ENTRY_HEX = 1, /* a SHA-256 */
    ENTRY_NUMBER,
    ENTRY_TEXT
};

struct entry_member {
    const char *name; /* NULL: none */
    enum entry_value value;
};

static const struct entry_row {
    const char *name;
    bool open; /* there may be further members */
    struct entry_member members[3];
} entry_rows[] = {
    [ENTRY_RECEIPT] = { "receipt",
                        false,
                        { { "client", ENTRY_HEX },
                          { "evidence", ENTRY_HEX },
                          { "operator", ENTRY_HEX } } },
    [ENTRY_REGISTRY] = { "registry", false, { { "hash", ENTRY_HEX }, { "number", ENTRY_NUMBER } } },
    [ENTRY_EVENT] = { "event", true, { { "event", ENTRY_TEXT } } },
    [ENTRY_KEY] = { "key", false, { { "detail", ENTRY_HEX } } },
    [ENTRY_PRICES] = { "prices", false, { { "detail", ENTRY_HEX } } },
};
_Static_assert(EP_ARRAY_LEN(entry_rows) == ENTRY_KINDS, "each kind has a row");

const char *entry_kind_name(enum entry_kind kind)
{
    ASSERT((unsigned)kind < ENTRY_KINDS);
    return entry_rows[kind].name;
}

static bool entry_is_canonical(struct str entry)
{
    struct json_fault fault;
    struct buf again;
    buf_init(&again, TILE_ENTRY_MAX);
    bool same = json_check(entry, &fault) == ERR_OK && json_kind(entry) == JSON_OBJECT &&
                canon_json(entry, &again, NULL) == ERR_OK && str_eq(buf_str(&again), entry);
    buf_fini(&again);
    return same;
}

static bool entry_value_good(struct str value, enum entry_value wanted)
{
    if (value.len < 2 || json_kind(value) != JSON_STRING) {
        return false;
    }
    struct str text = json_inside(value);
    if (wanted == ENTRY_TEXT) {
        return text.len > 0;
    }
    bool good = wanted == ENTRY_HEX ? text.len == (size_t)2 * DIGEST_BYTES : text.len > 0;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        bool digit = c >= '0' && c <= '9';
        good &= digit || (wanted == ENTRY_HEX && c >= 'a' && c <= 'f');
    }
    return good;
}

static enum err entry_check(struct str entry, const struct entry_row *row, struct fail *fail)
{
    struct json_member members[ENTRY_MEMBERS_MAX];
    struct json_fault fault;
    size_t count = 0;
    size_t wanted = 2; /* its kind and its version */
    if (!json_string_is(json_get(entry, STR("version")), STR("1"))) {
        return FAIL(fail, ERR_RECEIPT_INVALID, "its \"version\" is not \"1\"");
    }
    for (size_t i = 0; i < EP_ARRAY_LEN(row->members) && row->members[i].name != NULL; i++) {
        wanted++;
        if (!entry_value_good(json_get(entry, str_from(row->members[i].name)),
                              row->members[i].value)) {
            return FAIL(fail, ERR_RECEIPT_INVALID, "its \"%s\" is not that of a \"%s\" entry",
                        row->members[i].name, row->name);
        }
    }
    TRY(json_index(entry, members, ENTRY_MEMBERS_MAX, &count, &fault));
    if (!row->open && count != wanted) {
        return FAIL(fail, ERR_RECEIPT_INVALID, "it has %zu members, \"%s\" entries have %zu", count,
                    row->name, wanted);
    }
    return ERR_OK;
}

enum err entry_form(struct str entry, enum entry_kind *ret_kind, struct fail *fail)
{
    if (receipt_entry_is(entry)) { /* nearly all are, and this is quick */
        *ret_kind = ENTRY_RECEIPT;
        return ERR_OK;
    }
    if (!entry_is_canonical(entry)) {
        return FAIL(fail, ERR_RECEIPT_INVALID, "it is not canonical JSON");
    }
    struct str kind = json_get(entry, STR("kind"));
    if (kind.len == 0 || json_kind(kind) != JSON_STRING) {
        return FAIL(fail, ERR_RECEIPT_INVALID, "it does not say its \"kind\"");
    }
    for (size_t i = 0; i < ENTRY_KINDS; i++) {
        if (json_string_is(kind, str_from(entry_rows[i].name))) {
            TRY(entry_check(entry, &entry_rows[i], fail));
            *ret_kind = (enum entry_kind)i;
            return ERR_OK;
        }
    }
    return FAIL(fail, ERR_NOT_FOUND, "kind " STR_FMT " is not known", STR_ARG(kind));
}

struct str entry_event(struct str entry)
{
    struct str event = json_get(entry, STR("event"));
    return event.len > 0 ? json_inside(event) : STR_EMPTY;
}
