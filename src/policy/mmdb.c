#include "policy/mmdb.h"

#include <string.h>

#include "base/mem.h"
#include "policy/mmdb_value.h"

#define MMDB_DEPTH_MAX  128
#define MMDB_ROWS_FIRST 1024
/* Writers give two names to some parts of the tree (6to4's, say, is the IPv4 part again), which are
 * left out below; beyond that a tree whose nodes are met twice is no tree, and could be endless. */
#define MMDB_VISITS_PER_NODE 2
#define MMDB_KNOWN           4096 /* decoded records that are remembered: there are 250 countries */

/* Between tree and data, and before the description (MaxMind DB 2.0). */
#define MMDB_GAP       16U
#define MMDB_DESCRIBED ((size_t)128 * 1024) /* the description is in the last bytes of the file */
static const struct str mmdb_marker = STR_INIT("\xab\xcd\xefMaxMind.com");

/* A record of the tree that is still to be looked at, and the address it begins at. */
struct mmdb_place {
    struct mmdb_key6 key;
    uint32_t record; /* below node_count: a node; it: nothing; above: data */
    unsigned depth;
};

struct mmdb_known {
    uint32_t record;
    uint16_t country;
    bool filled;
};

struct mmdb_reader {
    struct str tree;
    struct str data;
    uint32_t node_count;
    unsigned record_bits; /* 24, 28, 32 */
    const char *name;
    struct fail *fail;
    struct mmdb_table table;
    size_t room4;
    size_t room6;
    uint64_t visits;
    size_t countries; /* records that have one */
    bool four;        /* its tree is of IPv4 alone */
    struct mmdb_known known[MMDB_KNOWN];
    struct mmdb_place stack[MMDB_DEPTH_MAX + 2];
};

/* ---- countries --------------------------------------------------------------------------- */

static bool mmdb_is_letter(char byte)
{
    return (byte >= 'A' && byte <= 'Z') || (byte >= 'a' && byte <= 'z');
}

/* Codes that stand for no country: a region ("AP" may be China), or "somewhere". */
static bool mmdb_is_nowhere(uint16_t country)
{
    static const char codes[][3] = { "AP", "EU", "XX", "ZZ" };
    for (size_t i = 0; i < EP_ARRAY_LEN(codes); i++) {
        if (country == (uint16_t)((unsigned)codes[i][0] << 8 | (unsigned)codes[i][1])) {
            return true;
        }
    }
    return false;
}

/* Letters of either case; a code that nobody can read is no reason to take it for "not CN". */
static bool mmdb_country(struct str text, uint16_t *ret_country)
{
    if (text.len == 0) {
        *ret_country = 0;
        return true;
    }
    if (text.len != 2 || !mmdb_is_letter(text.ptr[0]) || !mmdb_is_letter(text.ptr[1])) {
        return false;
    }
    unsigned first = (unsigned char)text.ptr[0] & 0xdfU; /* its capital */
    unsigned second = (unsigned char)text.ptr[1] & 0xdfU;
    uint16_t country = (uint16_t)(first << 8 | second);
    *ret_country = mmdb_is_nowhere(country) ? 0 : country;
    return true;
}

static enum err mmdb_damaged(struct mmdb_reader *reader, const char *what)
{
    return FAIL(reader->fail, ERR_GEO, "the country database \"%s\" is damaged: %s", reader->name,
                what);
}

/* country_code, or country.iso_code. */
static enum mmdb_found mmdb_code(struct str data, const struct mmdb_value *record,
                                 struct mmdb_value *ret_code)
{
    struct mmdb_value country;
    enum mmdb_found found = mmdb_value_get(data, record, STR("country_code"), ret_code);
    if (found == MMDB_ABSENT) {
        found = mmdb_value_get(data, record, STR("country"), &country);
        found =
            found == MMDB_FOUND ? mmdb_value_get(data, &country, STR("iso_code"), ret_code) : found;
    }
    return found;
}

static enum err mmdb_decode(struct mmdb_reader *reader, uint32_t at, uint16_t *ret_country)
{
    struct mmdb_value record;
    struct mmdb_value code;
    enum mmdb_found found = mmdb_value_read(reader->data, at, &record) && record.type == MMDB_MAP
                                ? mmdb_code(reader->data, &record, &code)
                                : MMDB_DAMAGED;
    if (found == MMDB_DAMAGED) {
        return mmdb_damaged(reader, "a record cannot be read");
    }
    *ret_country = 0;
    if (found == MMDB_FOUND && (code.type != MMDB_TEXT || !mmdb_country(code.bytes, ret_country))) {
        return mmdb_damaged(reader, "a country is not two letters");
    }
    return ERR_OK;
}

/* `record`: above node_count. */
static enum err mmdb_record(struct mmdb_reader *reader, uint32_t record, uint16_t *ret_country)
{
    struct mmdb_known *known = &reader->known[record % MMDB_KNOWN];
    if (record - reader->node_count < MMDB_GAP) {
        return mmdb_damaged(reader, "its tree leads between tree and data");
    }
    if (!known->filled || known->record != record) {
        uint16_t country = 0;
        TRY(mmdb_decode(reader, record - reader->node_count - MMDB_GAP, &country));
        *known = (struct mmdb_known){ record, country, true };
    }
    reader->countries += known->country != 0 ? 1 : 0;
    *ret_country = known->country;
    return ERR_OK;
}

/* ---- rows -------------------------------------------------------------------------------- */

/* Room for one row more of `size` bytes and its country. */
static enum err mmdb_grow(struct mmdb_reader *reader, void **rows, size_t size,
                          uint16_t **countries, size_t *room)
{
    size_t fresh = *room == 0 ? MMDB_ROWS_FIRST : 2 * *room;
    void *grown = mem_realloc(*rows, fresh * size);
    if (grown != NULL) {
        *rows = grown;
        uint16_t *named = mem_realloc(*countries, fresh * sizeof(**countries));
        if (named != NULL) {
            *countries = named;
            *room = fresh;
            return ERR_OK;
        }
    }
    return FAIL(reader->fail, ERR_NO_MEMORY, "no memory for the country database \"%s\"",
                reader->name);
}

static enum err mmdb_add4(struct mmdb_reader *reader, uint32_t first, uint16_t country)
{
    struct mmdb_table *table = &reader->table;
    if (table->count4 > 0 && table->country4[table->count4 - 1] == country) {
        return ERR_OK;
    }
    ASSERT(table->count4 == 0 ? first == 0 : first > table->first4[table->count4 - 1]);
    if (table->count4 == reader->room4) {
        void *rows = table->first4;
        enum err err =
            mmdb_grow(reader, &rows, sizeof(*table->first4), &table->country4, &reader->room4);
        table->first4 = rows;
        TRY(err);
    }
    table->first4[table->count4] = first;
    table->country4[table->count4++] = country;
    return ERR_OK;
}

static enum err mmdb_add6(struct mmdb_reader *reader, struct mmdb_key6 first, uint16_t country)
{
    struct mmdb_table *table = &reader->table;
    if (table->count6 > 0 && table->country6[table->count6 - 1] == country) {
        return ERR_OK;
    }
    ASSERT(table->count6 > 0 || (first.high == 0 && first.low == 0));
    if (table->count6 == reader->room6) {
        void *rows = table->first6;
        enum err err =
            mmdb_grow(reader, &rows, sizeof(*table->first6), &table->country6, &reader->room6);
        table->first6 = rows;
        TRY(err);
    }
    table->first6[table->count6] = first;
    table->country6[table->count6++] = country;
    return ERR_OK;
}

/* All addresses from `place` on, up to the next place, are of `country`. */
static enum err mmdb_add(struct mmdb_reader *reader, const struct mmdb_place *place,
                         uint16_t country)
{
    if (reader->four) {
        return mmdb_add4(reader, (uint32_t)(place->key.high >> 32), country);
    }
    /* The tree of both families has IPv4 at ::/96. */
    if (place->key.high == 0 && place->key.low <= UINT32_MAX) {
        TRY(mmdb_add4(reader, (uint32_t)place->key.low, country));
        if (place->key.low != 0) {
            return ERR_OK; /* as IPv6 addresses these are nobody's */
        }
        country = place->depth >= IP_V4_BITS ? 0 : country;
    }
    return mmdb_add6(reader, place->key, country);
}

/* ---- the tree ---------------------------------------------------------------------------- */

/* Parts that writers make other names of the IPv4 part; what lies there is looked up as IPv4. */
static bool mmdb_is_alias(const struct mmdb_place *place)
{
    static const struct {
        struct mmdb_key6 key;
        unsigned depth;
    } aliases[] = {
        { { UINT64_C(0x2002) << 48, 0 }, 16 },     /* 6to4 */
        { { UINT64_C(0x20010000) << 32, 0 }, 32 }, /* Teredo */
        { { 0, UINT64_C(0xffff) << 32 }, 96 },     /* IPv4-mapped */
        { { UINT64_C(0x0064ff9b) << 32, 0 }, 96 }, /* NAT64 */
    };
    for (size_t i = 0; i < EP_ARRAY_LEN(aliases); i++) {
        if (place->key.high == aliases[i].key.high && place->key.low == aliases[i].key.low &&
            place->depth == aliases[i].depth) {
            return true;
        }
    }
    return false;
}

static struct mmdb_key6 mmdb_right(struct mmdb_key6 key, unsigned depth)
{
    if (depth < 64) {
        key.high |= UINT64_C(1) << (63 - depth);
    } else {
        key.low |= UINT64_C(1) << (127 - depth);
    }
    return key;
}

/* Both records of a node, the left one first. */
static void mmdb_node(const struct mmdb_reader *reader, uint32_t node, uint32_t ret_records[2])
{
    size_t len = reader->record_bits / 4;
    ASSERT(node < reader->node_count && (node + (size_t)1) * len <= reader->tree.len);
    const unsigned char *at = (const unsigned char *)reader->tree.ptr + node * len;
    const unsigned char *right = at + len - 3;
    uint32_t high[2] = { 0, 0 };
    if (reader->record_bits == 28) {
        high[0] = at[3] >> 4;
        high[1] = at[3] & 0xfU;
    } else if (reader->record_bits == 32) {
        high[0] = *at++;
        high[1] = right[-1];
    }
    ret_records[0] = high[0] << 24 | (uint32_t)at[0] << 16 | (uint32_t)at[1] << 8 | at[2];
    ret_records[1] = high[1] << 24 | (uint32_t)right[0] << 16 | (uint32_t)right[1] << 8 | right[2];
}

/* Both halves of the node at `place` go onto the stack, the left one on top. */
static enum err mmdb_open_node(struct mmdb_reader *reader, const struct mmdb_place *place,
                               size_t *height)
{
    uint32_t records[2];
    if (++reader->visits > (uint64_t)reader->node_count * MMDB_VISITS_PER_NODE) {
        return mmdb_damaged(reader, "its tree has a circle");
    }
    if (place->depth == (reader->four ? 32 : MMDB_DEPTH_MAX)) {
        return mmdb_damaged(reader, "its tree is deeper than an address is long");
    }
    mmdb_node(reader, place->record, records);
    ASSERT(*height + 2 <= EP_ARRAY_LEN(reader->stack));
    reader->stack[(*height)++] = (struct mmdb_place){
        .key = mmdb_right(place->key, place->depth),
        .record = records[1],
        .depth = place->depth + 1,
    };
    reader->stack[(*height)++] = (struct mmdb_place){
        .key = place->key,
        .record = records[0],
        .depth = place->depth + 1,
    };
    return ERR_OK;
}

/* In the order of addresses, without recursion: a tree from outside may be as deep as it likes. */
static enum err mmdb_walk(struct mmdb_reader *reader)
{
    size_t height = 1;
    reader->stack[0] = (struct mmdb_place){ .record = 0 };
    while (height > 0) {
        struct mmdb_place place = reader->stack[--height];
        uint16_t country = 0;
        if (!reader->four && mmdb_is_alias(&place)) {
            place.record = reader->node_count;
        }
        if (place.record < reader->node_count) {
            TRY(mmdb_open_node(reader, &place, &height));
            continue;
        }
        if (place.record > reader->node_count) {
            TRY(mmdb_record(reader, place.record, &country));
        }
        TRY(mmdb_add(reader, &place, country));
    }
    return ERR_OK;
}

/* ---- files ------------------------------------------------------------------------------- */

/* Where the description's marker is last; bytes.len: there is none. */
static size_t mmdb_find_marker(struct str bytes)
{
    size_t start = bytes.len > MMDB_DESCRIBED ? bytes.len - MMDB_DESCRIBED : 0;
    size_t found = bytes.len;
    for (size_t at = start; at + mmdb_marker.len <= bytes.len; at++) {
        if (str_starts(str_from_at(bytes, at), mmdb_marker)) {
            found = at;
        }
    }
    return found;
}

/* False: the description has no such number, or a larger one. */
static bool mmdb_described(struct str section, const struct mmdb_value *about, struct str key,
                           uint64_t max, uint64_t *ret_number)
{
    struct mmdb_value value;
    return mmdb_value_get(section, about, key, &value) == MMDB_FOUND &&
           mmdb_value_number(&value, ret_number) && *ret_number <= max;
}

/* What the file says of itself, and whether it is as long as that. */
static enum err mmdb_describe(struct mmdb_reader *reader, struct str bytes)
{
    size_t marker = mmdb_find_marker(bytes);
    uint64_t format = 0;
    uint64_t nodes = 0;
    uint64_t bits = 0;
    uint64_t family = 0;
    struct mmdb_value about;
    if (marker == bytes.len) {
        return mmdb_damaged(reader, "it is no MaxMind DB file, or not whole");
    }
    struct str section = str_from_at(bytes, marker + mmdb_marker.len);
    if (!mmdb_value_read(section, 0, &about) ||
        !mmdb_described(section, &about, STR("binary_format_major_version"), 2, &format) ||
        !mmdb_described(section, &about, STR("node_count"), MMDB_NODES_MAX, &nodes) ||
        !mmdb_described(section, &about, STR("record_size"), 32, &bits) ||
        !mmdb_described(section, &about, STR("ip_version"), 6, &family) || format != 2 ||
        nodes == 0 || (bits != 24 && bits != 28 && bits != 32) || (family != 4 && family != 6)) {
        return mmdb_damaged(reader, "it does not describe itself as the format demands");
    }
    /* A date that cannot be read is no reason to refuse a database. */
    EP_IGNORE(
        mmdb_described(section, &about, STR("build_epoch"), UINT64_MAX, &reader->table.built_s));
    size_t tree = (size_t)nodes * (size_t)(bits / 4);
    if (tree + MMDB_GAP > marker) {
        return mmdb_damaged(reader, "it is shorter than its tree");
    }
    reader->tree = str_slice(bytes, 0, tree);
    reader->data = str_slice(bytes, tree + MMDB_GAP, marker);
    reader->node_count = (uint32_t)nodes;
    reader->record_bits = (unsigned)bits;
    reader->four = family == 4;
    return ERR_OK;
}

static enum err mmdb_read_all(struct mmdb_reader *reader, struct str bytes)
{
    TRY(mmdb_describe(reader, bytes));
    TRY(mmdb_walk(reader));
    return reader->countries > 0
               ? ERR_OK
               : FAIL(reader->fail, ERR_GEO,
                      "the database \"%s\" has no country_code and no country.iso_code",
                      reader->name);
}

enum err mmdb_read(struct str bytes, const char *name, struct mmdb_table *ret_table,
                   struct fail *fail)
{
    if (bytes.len == 0 || bytes.len > MMDB_BYTES_MAX) {
        return FAIL(fail, ERR_GEO, "the country database \"%s\" is %s", name,
                    bytes.len == 0 ? "empty" : "larger than 256 MiB");
    }
    struct mmdb_reader *reader = mem_zalloc(sizeof(*reader));
    if (reader == NULL) {
        return FAIL(fail, ERR_NO_MEMORY, "no memory for the country database \"%s\"", name);
    }
    reader->name = name;
    reader->fail = fail;
    enum err err = mmdb_read_all(reader, bytes);
    if (err == ERR_OK) {
        *ret_table = reader->table;
    } else {
        mmdb_fini(&reader->table);
    }
    mem_free(reader);
    return err;
}

void mmdb_fini(struct mmdb_table *table)
{
    mem_free(table->first4);
    mem_free(table->country4);
    mem_free(table->first6);
    mem_free(table->country6);
    *table = (struct mmdb_table){ .count4 = 0 };
}

/* ---- looking up -------------------------------------------------------------------------- */

static uint64_t mmdb_number(const unsigned char *bytes, size_t count)
{
    uint64_t number = 0;
    for (size_t i = 0; i < count; i++) {
        number = number << 8 | bytes[i];
    }
    return number;
}

static uint16_t mmdb_find4(const struct mmdb_table *table, uint32_t address)
{
    size_t low = 0; /* its row begins at or before the address */
    size_t high = table->count4;
    ASSERT(high > 0 && table->first4[0] == 0);
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (table->first4[middle] <= address) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return table->country4[low];
}

uint16_t mmdb_find(const struct mmdb_table *table, const struct ip *ip)
{
    if (ip_is_v4(ip)) {
        return mmdb_find4(table, (uint32_t)mmdb_number(ip->bytes + 12, 4));
    }
    if (table->count6 == 0) {
        return 0;
    }
    struct mmdb_key6 key = { mmdb_number(ip->bytes, 8), mmdb_number(ip->bytes + 8, 8) };
    size_t low = 0;
    size_t high = table->count6;
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        const struct mmdb_key6 *row = &table->first6[middle];
        if (row->high < key.high || (row->high == key.high && row->low <= key.low)) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return table->country6[low];
}
