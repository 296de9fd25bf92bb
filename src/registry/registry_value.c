#include <string.h>

#include "base/currency.h"
#include "base/enc.h"
#include "base/ip.h"
#include "base/money.h"
#include "base/near.h"
#include "base/stamp.h"
#include "registry/registry_internal.h"
#include "wire/url.h"

/* The scalar types: what each allows, and how its text becomes the C member. */

static bool registry_letter_or_digit(char byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
           (byte >= '0' && byte <= '9');
}

/* Letters, digits and the bytes of `others`. */
static bool registry_plain(struct str text, const char *others)
{
    for (size_t i = 0; i < text.len; i++) {
        if (!registry_letter_or_digit(text.ptr[i]) &&
            memchr(others, text.ptr[i], strlen(others)) == NULL) {
            return false;
        }
    }
    return text.len > 0;
}

bool registry_id_fine(struct str id)
{
    return id.len <= NEAR_LEN_MAX && registry_plain(id, "._:/-") &&
           registry_letter_or_digit(id.ptr[0]);
}

bool registry_text_fine(struct str text, uint64_t min, uint64_t max)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char byte = (unsigned char)text.ptr[i];
        if (byte < 0x20 || byte == 0x7f) {
            return false;
        }
    }
    return text.len >= min && text.len <= max;
}

static bool registry_host_fine(struct str text)
{
    return text.len <= 253 && registry_plain(text, ".:-");
}

bool registry_host_pattern_fine(struct str text)
{
    /* Behind the star stand at least two labels: no pattern takes a whole top-level domain. */
    if (str_starts(text, STR("*."))) {
        struct str rest = str_from_at(text, 2);
        size_t dot = str_find(rest, '.');
        return registry_host_fine(rest) && dot > 0 && dot + 1 < rest.len;
    }
    return registry_host_fine(text);
}

static bool registry_place_fine(struct str text)
{
    struct str site = text;
    struct str country = str_cut(&site, '/');
    return text.len <= 64 && country_assigned(country) != COUNTRY_NONE &&
           (country.len == text.len || registry_plain(site, "._-"));
}

static bool registry_secret_fine(struct str text)
{
    struct str rest = text;
    struct str scheme = str_cut(&rest, ':');
    if (str_eq(scheme, STR("env"))) {
        return registry_plain(rest, "_") && (rest.ptr[0] < '0' || rest.ptr[0] > '9');
    }
    return str_eq(scheme, STR("file")) && registry_text_fine(rest, 1, 4096);
}

static bool registry_url_fine(struct str text)
{
    struct url url;
    return text.len <= 1024 && registry_text_fine(text, 1, 1024) && url_parse(text, &url);
}

/* One folder, and a name in it that cannot leave it. */
static bool registry_file_fine(struct str text)
{
    static const struct str folder = STR_INIT("documents/");
    struct str name = str_starts(text, folder) ? str_from_at(text, folder.len) : STR_EMPTY;
    return name.len <= 128 && registry_plain(name, "._-") && registry_letter_or_digit(name.ptr[0]);
}

static bool registry_block_fine(struct str text)
{
    struct ip_block block;
    return str_find(text, '/') < text.len && ip_block_parse(text, &block);
}

bool registry_choice(struct str choices, struct str text, unsigned *ret_at)
{
    for (unsigned at = 0; choices.len > 0; at++) {
        if (str_eq(str_cut(&choices, '|'), text)) {
            *ret_at = at;
            return true;
        }
    }
    return false;
}

/* Whether a text may be the value of a member that is a struct str. */
static bool registry_text_type_fine(const struct registry_field *field, struct str text)
{
    unsigned char sum[DIGEST_BYTES];
    unsigned at = 0;
    int64_t month = 0;
    switch ((int)field->type) { /* the others are no texts */
    case REGISTRY_TYPE_ID:
        return registry_id_fine(text);
    case REGISTRY_TYPE_TEXT:
        return registry_text_fine(text, field->min, field->max);
    case REGISTRY_TYPE_WORD:
        return registry_choice(field->choices, text, &at);
    case REGISTRY_TYPE_PLACE:
        return registry_place_fine(text);
    case REGISTRY_TYPE_CURRENCY:
        return currency_exponent(text) != CURRENCY_UNKNOWN;
    case REGISTRY_TYPE_SECRET:
        return registry_secret_fine(text);
    case REGISTRY_TYPE_URL:
        return registry_url_fine(text);
    case REGISTRY_TYPE_HOST:
        return registry_host_fine(text);
    case REGISTRY_TYPE_SHA256:
        return text.len == 2 * sizeof(sum) && enc_hex_read(text, sum, sizeof(sum));
    case REGISTRY_TYPE_FILE:
        return registry_file_fine(text);
    case REGISTRY_TYPE_BLOCK:
        return registry_block_fine(text);
    case REGISTRY_TYPE_MONTH:
        return stamp_parse_month(text, &month);
    default:
        return false;
    }
}

static bool registry_take_text(struct registry_load *load, const struct registry_field *field,
                               struct str text, void *slot)
{
    struct str copy;
    if (!registry_text_type_fine(field, text) || !registry_copy(load, text, &copy)) {
        return false;
    }
    if (field->type == REGISTRY_TYPE_SHA256) {
        char *digits = arena_alloc(&load->owner->arena, copy.len);
        if (digits == NULL) {
            load->err = ERR_NO_MEMORY;
            return false;
        }
        for (size_t i = 0; i < copy.len; i++) {
            char digit = copy.ptr[i];
            digits[i] = digit >= 'A' && digit <= 'F' ? (char)(digit - 'A' + 'a') : digit;
        }
        copy.ptr = digits;
    }
    *(struct str *)slot = copy;
    return true;
}

static bool registry_take_choice(struct registry_load *load, const struct registry_field *field,
                                 struct str text, void *slot)
{
    (void)load;
    return registry_choice(field->choices, text, slot);
}

static bool registry_take_number(struct registry_load *load, const struct registry_field *field,
                                 struct str text, void *slot)
{
    (void)load;
    uint64_t value = 0;
    if (!str_to_u64(text, &value) || value < field->min || value > field->max) {
        return false;
    }
    *(uint64_t *)slot = value;
    return true;
}

/* "HH:MM" in minutes. */
static bool registry_clock_parse(struct str text, uint64_t hours_max, uint64_t *ret_minutes)
{
    uint64_t hours = 0;
    uint64_t minutes = 0;
    if (text.len != 5 || text.ptr[2] != ':' || !str_to_u64(str_slice(text, 0, 2), &hours) ||
        !str_to_u64(str_slice(text, 3, 5), &minutes) || minutes > 59 ||
        hours * 60 + minutes > hours_max * 60) {
        return false;
    }
    *ret_minutes = hours * 60 + minutes;
    return true;
}

static bool registry_take_clock(struct registry_load *load, const struct registry_field *field,
                                struct str text, void *slot)
{
    (void)load;
    (void)field;
    return registry_clock_parse(text, 24, slot);
}

/* A zone by its name would change with the machine's files, and with a law of somebody's. */
static bool registry_take_offset(struct registry_load *load, const struct registry_field *field,
                                 struct str text, void *slot)
{
    (void)load;
    (void)field;
    uint64_t minutes = 0;
    bool west = str_starts(text, STR("-"));
    if ((!west && !str_starts(text, STR("+"))) ||
        !registry_clock_parse(str_from_at(text, 1), west ? 12 : 14, &minutes)) {
        return false;
    }
    *(int64_t *)slot = west ? -(int64_t)minutes : (int64_t)minutes;
    return true;
}

static bool registry_take_money(struct registry_load *load, const struct registry_field *field,
                                struct str text, void *slot)
{
    (void)load;
    (void)field;
    int64_t nano = 0;
    if (!money_parse(text, 9, &nano) || nano <= 0) {
        return false;
    }
    *(int64_t *)slot = nano;
    return true;
}

static bool registry_take_bool(struct registry_load *load, const struct registry_field *field,
                               struct str text, void *slot)
{
    (void)load;
    (void)field;
    *(bool *)slot = str_eq(text, STR("true"));
    return *(bool *)slot || str_eq(text, STR("false"));
}

/* A time is written in UTC: two files that say the same look the same. */
static bool registry_take_time(struct registry_load *load, const struct registry_field *field,
                               struct str text, void *slot)
{
    (void)load;
    bool day = text.len == sizeof("2026-01-01") - 1;
    bool written = field->type == REGISTRY_TYPE_DATE ? day : !day && str_ends(text, STR("Z"));
    return written && stamp_parse(text, slot);
}

static bool registry_take_country(struct registry_load *load, const struct registry_field *field,
                                  struct str text, void *slot)
{
    (void)load;
    (void)field;
    *(country_t *)slot = country_assigned(text);
    return *(country_t *)slot != COUNTRY_NONE;
}

static bool registry_take_hex(struct registry_load *load, const struct registry_field *field,
                              struct str text, void *slot)
{
    (void)load;
    return text.len == 2 * field->max && enc_hex_read(text, slot, field->max);
}

typedef bool registry_take_fn(struct registry_load *load, const struct registry_field *field,
                              struct str text, void *slot);

struct registry_type_row {
    const char *allowed; /* the numbers of the field are added where it has some */
    registry_take_fn *take;
};

static const struct registry_type_row registry_types[] = {
    [REGISTRY_TYPE_ID] = { "letters, digits and . _ : / - (at most 96)", registry_take_text },
    [REGISTRY_TYPE_TEXT] = { "a text", registry_take_text },
    [REGISTRY_TYPE_WORD] = { "one of", registry_take_text },
    [REGISTRY_TYPE_PLACE] = { "a country, or COUNTRY/site", registry_take_text },
    [REGISTRY_TYPE_CURRENCY] = { "a currency of ISO 4217 such as USD", registry_take_text },
    [REGISTRY_TYPE_SECRET] = { "env:NAME or file:PATH, never the secret itself",
                               registry_take_text },
    [REGISTRY_TYPE_URL] = { "http(s)://HOST[:PORT][/PATH]", registry_take_text },
    [REGISTRY_TYPE_HOST] = { "a host name or address without a port", registry_take_text },
    [REGISTRY_TYPE_SHA256] = { "a SHA-256 sum as 64 hexadecimal digits", registry_take_text },
    [REGISTRY_TYPE_FILE] = { "documents/NAME, of letters, digits and . _ -", registry_take_text },
    [REGISTRY_TYPE_BLOCK] = { "a block of addresses such as 192.0.2.0/24", registry_take_text },
    [REGISTRY_TYPE_MONTH] = { "a month such as 2026-10", registry_take_text },
    [REGISTRY_TYPE_CHOICE] = { "one of", registry_take_choice },
    [REGISTRY_TYPE_DERIVED] = { "nothing: it is derived", NULL },
    [REGISTRY_TYPE_NUMBER] = { "a whole number", registry_take_number },
    [REGISTRY_TYPE_CLOCK] = { "a time of day from 00:00 to 24:00", registry_take_clock },
    [REGISTRY_TYPE_OFFSET] = { "a local time's distance from UTC, -12:00 to +14:00",
                               registry_take_offset },
    [REGISTRY_TYPE_MONEY] = { "a decimal amount above 0", registry_take_money },
    [REGISTRY_TYPE_BOOL] = { "true or false", registry_take_bool },
    [REGISTRY_TYPE_TIME] = { "a time in UTC such as 2026-01-01T00:00:00Z", registry_take_time },
    [REGISTRY_TYPE_DATE] = { "a day such as 2026-01-01", registry_take_time },
    [REGISTRY_TYPE_COUNTRY] = { "a country as two capital letters (ISO 3166-1)",
                                registry_take_country },
    [REGISTRY_TYPE_HEX] = { "hexadecimal digits of so many bytes", registry_take_hex },
    [REGISTRY_TYPE_TEXTS] = { "a list of texts", NULL },
    [REGISTRY_TYPE_STRS] = { "a list of texts", NULL },
    [REGISTRY_TYPE_HOSTS] = { "a list of host names; *.NAME stands for all below it", NULL },
    [REGISTRY_TYPE_CHOICES] = { "a list, each once, of", NULL },
    [REGISTRY_TYPE_COUNTRIES] = { "a list of countries as two capital letters, each once", NULL },
    [REGISTRY_TYPE_COUNTRY_SET] = { "a list of countries, WORLD and group:ID, each once", NULL },
    [REGISTRY_TYPE_MEMBERS] = { "a list of countries as two capital letters, each once", NULL },
    [REGISTRY_TYPE_REF] = { "an id", NULL },
    [REGISTRY_TYPE_REFS] = { "a list of ids, each once", NULL },
    [REGISTRY_TYPE_STRUCT] = { "a mapping of keys", NULL },
    [REGISTRY_TYPE_STRUCTS] = { "a list", NULL },
    [REGISTRY_TYPE_LINES] = { "a mapping from model to prices", NULL },
    [REGISTRY_TYPE_PARENT] = { "root, licence or the id of a grant", NULL },
    [REGISTRY_TYPE_GRANTED] = { "a list of models and family:NAME, each once", NULL },
};
_Static_assert(EP_ARRAY_LEN(registry_types) == REGISTRY_TYPE_COUNT, "a row each");

bool registry_is_scalar(enum registry_type type)
{
    return registry_types[type].take != NULL;
}

void registry_refuse(struct registry_load *load, const struct registry_field *field,
                     const struct yaml_node *node)
{
    if (load->err != ERR_OK) {
        return; /* it was memory that lacked */
    }
    const char *got = node->kind == YAML_SEQUENCE  ? "a list of another length or content"
                      : node->kind == YAML_MAPPING ? "a mapping"
                      : node->null                 ? "nothing"
                                                   : NULL;
    struct str text = got != NULL ? str_from(got) : node->text;
    text.len = text.len < 64 ? text.len : 64;
    const char *allowed = registry_types[field->type].allowed;
    if (field->choices.len > 0) {
        registry_fault(load, REGISTRY_RULE_REG_BAD_VALUE, node->place,
                       STR_FMT ": \"" STR_FMT "\" is not %s " STR_FMT, STR_ARG(field->key),
                       STR_ARG(text), allowed, STR_ARG(field->choices));
    } else if (field->max > 0) {
        registry_fault(load, REGISTRY_RULE_REG_BAD_VALUE, node->place,
                       STR_FMT ": \"" STR_FMT "\" is not %s (%llu to %llu)", STR_ARG(field->key),
                       STR_ARG(text), allowed, (unsigned long long)field->min,
                       (unsigned long long)field->max);
    } else {
        registry_fault(load, REGISTRY_RULE_REG_BAD_VALUE, node->place,
                       STR_FMT ": \"" STR_FMT "\" is not %s", STR_ARG(field->key), STR_ARG(text),
                       allowed);
    }
}

void registry_read_scalar(struct registry_load *load, const struct registry_field *field,
                          const struct yaml_node *node, void *slot)
{
    unsigned at = 0;
    if (node->kind == YAML_SCALAR && registry_choice(field->forbidden, node->text, &at)) {
        registry_fault(load, REGISTRY_RULE_CREDENTIAL_PROVENANCE, node->place,
                       STR_FMT ": \"" STR_FMT "\" may not be used", STR_ARG(field->key),
                       STR_ARG(node->text));
    } else if (node->kind != YAML_SCALAR || node->null ||
               !registry_types[field->type].take(load, field, node->text, slot)) {
        registry_refuse(load, field, node);
    }
}
