#include "policy/mmdb.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <maxminddb.h>

#include "base/mem.h"

#define MMDB_DEPTH_MAX  128
#define MMDB_ROWS_FIRST 1024
/* Writers give two names to some parts of the tree (6to4's, say, is the IPv4 part again), which are
 * left out below; beyond that a tree whose nodes are met twice is no tree, and could be endless. */
#define MMDB_VISITS_PER_NODE 2
#define MMDB_KNOWN           4096 /* decoded records that are remembered: there are 250 countries */

static const char *const mmdb_path_flat[] = { "country_code", NULL };
static const char *const mmdb_path_deep[] = { "country", "iso_code", NULL };

/* A node or record that is still to be looked at, and the address it begins at. */
struct mmdb_place {
    struct mmdb_key6 key;
    uint64_t record;
    MMDB_entry_s entry;
    unsigned depth;
    uint8_t type;
};

struct mmdb_known {
    uint32_t offset;
    uint16_t country;
    bool filled;
};

struct mmdb_reader {
    MMDB_s db;
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

/* False: the record has no such field. */
static bool mmdb_field(MMDB_entry_s *entry, const char *const *path, MMDB_entry_data_s *ret_data,
                       int *ret_status)
{
    *ret_status = MMDB_aget_value(entry, ret_data, path);
    return *ret_status == MMDB_SUCCESS && ret_data->has_data;
}

static enum err mmdb_decode(struct mmdb_reader *reader, MMDB_entry_s entry, uint16_t *ret_country)
{
    MMDB_entry_data_s data;
    int status = 0;
    bool there = mmdb_field(&entry, mmdb_path_flat, &data, &status);
    if (!there &&
        (status == MMDB_SUCCESS || status == MMDB_LOOKUP_PATH_DOES_NOT_MATCH_DATA_ERROR)) {
        there = mmdb_field(&entry, mmdb_path_deep, &data, &status);
    }
    if (!there) {
        *ret_country = 0;
        return status == MMDB_SUCCESS || status == MMDB_LOOKUP_PATH_DOES_NOT_MATCH_DATA_ERROR
                   ? ERR_OK
                   : mmdb_damaged(reader, "a record cannot be read");
    }
    if (data.type != MMDB_DATA_TYPE_UTF8_STRING ||
        !mmdb_country((struct str){ data.utf8_string, data.data_size }, ret_country)) {
        return mmdb_damaged(reader, "a country is not two letters");
    }
    return ERR_OK;
}

static enum err mmdb_record(struct mmdb_reader *reader, MMDB_entry_s entry, uint16_t *ret_country)
{
    struct mmdb_known *known = &reader->known[entry.offset % MMDB_KNOWN];
    if (!known->filled || known->offset != entry.offset) {
        uint16_t country = 0;
        TRY(mmdb_decode(reader, entry, &country));
        *known = (struct mmdb_known){ entry.offset, country, true };
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

/* Both halves of the node at `place` go onto the stack, the left one on top. */
static enum err mmdb_open_node(struct mmdb_reader *reader, const struct mmdb_place *place,
                               size_t *height)
{
    MMDB_search_node_s node;
    if (++reader->visits > (uint64_t)reader->db.metadata.node_count * MMDB_VISITS_PER_NODE) {
        return mmdb_damaged(reader, "its tree has a circle");
    }
    if (place->depth == (reader->four ? 32 : MMDB_DEPTH_MAX)) {
        return mmdb_damaged(reader, "its tree is deeper than an address is long");
    }
    if (MMDB_read_node(&reader->db, (uint32_t)place->record, &node) != MMDB_SUCCESS) {
        return mmdb_damaged(reader, "a node of its tree cannot be read");
    }
    ASSERT(*height + 2 <= EP_ARRAY_LEN(reader->stack));
    reader->stack[(*height)++] = (struct mmdb_place){
        .key = mmdb_right(place->key, place->depth),
        .record = node.right_record,
        .entry = node.right_record_entry,
        .depth = place->depth + 1,
        .type = node.right_record_type,
    };
    reader->stack[(*height)++] = (struct mmdb_place){
        .key = place->key,
        .record = node.left_record,
        .entry = node.left_record_entry,
        .depth = place->depth + 1,
        .type = node.left_record_type,
    };
    return ERR_OK;
}

/* In the order of addresses, without recursion: a tree from outside may be as deep as it likes. */
static enum err mmdb_walk(struct mmdb_reader *reader)
{
    size_t height = 1;
    reader->stack[0] = (struct mmdb_place){ .type = MMDB_RECORD_TYPE_SEARCH_NODE };
    while (height > 0) {
        struct mmdb_place place = reader->stack[--height];
        uint16_t country = 0;
        if (!reader->four && mmdb_is_alias(&place)) {
            place.type = MMDB_RECORD_TYPE_EMPTY;
        }
        switch (place.type) {
        case MMDB_RECORD_TYPE_SEARCH_NODE:
            TRY(mmdb_open_node(reader, &place, &height));
            continue;
        case MMDB_RECORD_TYPE_DATA:
            TRY(mmdb_record(reader, place.entry, &country));
            break;
        case MMDB_RECORD_TYPE_EMPTY:
            break;
        default:
            return mmdb_damaged(reader, "its tree leads out of the file");
        }
        TRY(mmdb_add(reader, &place, country));
    }
    return ERR_OK;
}

/* ---- files ------------------------------------------------------------------------------- */

static enum err mmdb_check(struct mmdb_reader *reader)
{
    const MMDB_metadata_s *about = &reader->db.metadata;
    if (about->ip_version != 4 && about->ip_version != 6) {
        return mmdb_damaged(reader, "it is of neither IPv4 nor IPv6");
    }
    if (about->node_count == 0 || about->node_count > MMDB_NODES_MAX) {
        return mmdb_damaged(reader, "it has too few or too many nodes");
    }
    reader->four = about->ip_version == 4;
    reader->table.built_s = about->build_epoch;
    TRY(mmdb_walk(reader));
    return reader->countries > 0
               ? ERR_OK
               : FAIL(reader->fail, ERR_GEO,
                      "the database \"%s\" has no country_code and no country.iso_code",
                      reader->name);
}

/* The library reads files alone: a copy that is nobody else's, so that nothing can change or cut
 * what it has mapped. */
static enum err mmdb_image(struct str bytes, int *ret_fd, struct fail *fail)
{
    int fd = memfd_create("country database", MFD_CLOEXEC);
    if (fd < 0) {
        return FAIL_SYS(fail, ERR_IO, "could not make a file in memory");
    }
    while (bytes.len > 0) {
        ssize_t done = write(fd, bytes.ptr, bytes.len);
        if (done < 0 && errno == EINTR) {
            continue;
        }
        if (done <= 0) {
            enum err err = FAIL_SYS(fail, ERR_IO, "could not fill a file in memory");
            (void)close(fd); /* nobody has seen it */
            return err;
        }
        bytes = str_from_at(bytes, (size_t)done);
    }
    *ret_fd = fd;
    return ERR_OK;
}

static enum err mmdb_attach(struct mmdb_reader *reader, struct str bytes)
{
    char path[40];
    int fd = -1;
    TRY(mmdb_image(bytes, &fd, reader->fail));
    (void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    int status = MMDB_open(path, MMDB_MODE_MMAP, &reader->db);
    (void)close(fd); /* the mapping keeps it */
    switch (status) {
    case MMDB_SUCCESS:
        return ERR_OK;
    case MMDB_OUT_OF_MEMORY_ERROR:
        return FAIL(reader->fail, ERR_NO_MEMORY, "no memory for the country database \"%s\"",
                    reader->name);
    case MMDB_FILE_OPEN_ERROR:
    case MMDB_IO_ERROR:
        return FAIL(reader->fail, ERR_IO, "could not map the country database \"%s\": %s",
                    reader->name, MMDB_strerror(status));
    default:
        return mmdb_damaged(reader, "it is no MaxMind DB file, or not whole");
    }
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
    enum err err = mmdb_attach(reader, bytes);
    if (err == ERR_OK) {
        err = mmdb_check(reader);
        MMDB_close(&reader->db);
    }
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
