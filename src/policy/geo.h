/*
 * Country databases: what each of them says of an address. One that disagrees with another is worth
 * more than one alone, so they are asked one by one, and origin.h says what follows.
 *
 * IPv4 addresses, mapped ones, 6to4 and NAT64 addresses of them give the same answer (ip_plain());
 * an address that cannot be anybody's on the Internet has no country, whatever a database says.
 *
 * The files are read whole and made into tables of their own: one that is replaced, cut or deleted
 * later changes nothing until it is opened again.
 *
 * Threads: what was opened does not change; any number may ask, without locks and without memory.
 */
#pragma once

#include "base/ip.h"

#define GEO_MAX 4 /* more opinions than anybody has; each is 5 to 10 MB of memory */

struct geo;

struct geo_country {
    char code[2]; /* capitals; { 0, 0 }: none is known */
};

struct geo_info {
    struct str path;
    uint64_t built_s; /* since 1970, as the file says */
    size_t rows4;     /* runs of addresses with one answer */
    size_t rows6;
};

/* 1 to GEO_MAX paths, NUL-terminated. Fails with the name of the file that could not be read, is
 * damaged, or is of another kind. `ret_geo` has one reference. Not for a loop's thread: a tenth of
 * a second each. */
EP_MUST_CHECK enum err geo_open(const struct str *paths, size_t count, struct geo **ret_geo,
                                struct fail *fail);
/* Whether these are the paths that were opened, in their order, and the files are the same (device,
 * inode, length, times): then to open them again would only take the memory twice. */
bool geo_fresh(const struct geo *geo, const struct str *paths, size_t count);
struct geo *geo_ref(struct geo *geo); /* NULL is allowed, as in all below: no database */
void geo_unref(struct geo *geo);

size_t geo_count(const struct geo *geo);
struct geo_info geo_info(const struct geo *geo, size_t db); /* valid as long as `geo` */
/* Differs between any two that were opened: what was asked of one may be kept by it. 0 for NULL. */
uint64_t geo_serial(const struct geo *geo);
/* What database `db` says; false: nothing. */
bool geo_country(const struct geo *geo, size_t db, const struct ip *ip,
                 struct geo_country *ret_country);
/* What all say, in their order; the rest of `ret_said` is none. */
void geo_ask(const struct geo *geo, const struct ip *ip, struct geo_country ret_said[GEO_MAX]);
