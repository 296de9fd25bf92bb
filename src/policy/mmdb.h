/*
 * A country database (MaxMind DB 2.0) made into sorted tables, once: what is wrong with the file is
 * found while it is read, whole, and no look-up ever touches it again. The makers' own library maps
 * files, and one that is cut under a mapping ends the process; it is what the tests compare with.
 *
 * A country is two capital letters in a uint16_t, the first above; 0: the database knows none.
 */
#pragma once

#include "base/ip.h"

#define MMDB_BYTES_MAX ((size_t)256 << 20) /* the largest city database sold is half of it */
#define MMDB_NODES_MAX ((size_t)64 << 20)  /* what such a file has room for */

struct mmdb_key6 {
    uint64_t high;
    uint64_t low;
};

/* Each row holds from its address to the next row's; the first begins at 0. */
struct mmdb_table {
    uint32_t *first4; /* host order */
    uint16_t *country4;
    size_t count4;
    struct mmdb_key6 *first6;
    uint16_t *country6;
    size_t count6;    /* 0: a database of IPv4 alone */
    uint64_t built_s; /* since 1970, as the file says */
};

/*
 * `bytes`: a whole file, needed for this call alone; `name`: how failures call it. Countries are
 * found at `country_code` or `country.iso_code`. ERR_GEO: no such database, damaged, or without a
 * single country; ERR_NO_MEMORY.
 */
EP_MUST_CHECK enum err mmdb_read(struct str bytes, const char *name, struct mmdb_table *ret_table,
                                 struct fail *fail);
void mmdb_fini(struct mmdb_table *table);
/* What the database says of exactly this address. */
uint16_t mmdb_find(const struct mmdb_table *table, const struct ip *ip);
