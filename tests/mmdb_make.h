/*
 * Tiny country databases for tests: a MaxMind DB file of a few blocks, written from the format's
 * specification, of any record size, of IPv4 alone or of both families.
 */
#pragma once

#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/ip.h"
#include "harness.h"

#define MMDB_MAKE_NODES 4096
#define MMDB_MAKE_BYTES ((size_t)256 * 1024)
#define MMDB_MAKE_EMPTY 0
/* Records: 0 is empty, NODE + n a node, DATA + n the record at byte n of the data. */
#define MMDB_MAKE_NODE UINT32_C(0x40000000)
#define MMDB_MAKE_DATA UINT32_C(0x80000000)

struct mmdb_make {
    uint32_t records[MMDB_MAKE_NODES][2];
    uint32_t count;
    struct buf data;
    bool four;            /* the tree is of IPv4 alone */
    bool deep;            /* country.iso_code in place of country_code */
    unsigned record_bits; /* 24, 28 or 32 */
};

static inline void mmdb_make_init(struct mmdb_make *make)
{
    memset(make, 0, sizeof(*make));
    make->count = 1;
    make->record_bits = 24;
    buf_init(&make->data, MMDB_MAKE_BYTES);
}

static inline void mmdb_make_fini(struct mmdb_make *make)
{
    buf_fini(&make->data);
}

static inline void mmdb_put(struct buf *out, const void *bytes, size_t len)
{
    CHECK_EQ(buf_append(out, (struct str){ bytes, len }), ERR_OK);
}

static inline void mmdb_put_byte(struct buf *out, unsigned byte)
{
    CHECK_EQ(buf_byte(out, (char)byte), ERR_OK);
}

/* A UTF-8 string of at most 28 bytes. */
static inline void mmdb_put_text(struct buf *out, const char *text)
{
    CHECK(strlen(text) < 29);
    mmdb_put_byte(out, 2U << 5 | (unsigned)strlen(text));
    mmdb_put(out, text, strlen(text));
}

static inline void mmdb_put_map(struct buf *out, unsigned pairs)
{
    mmdb_put_byte(out, 7U << 5 | pairs);
}

/* `type`: 5 or 6, uint16 or uint32. */
static inline void mmdb_put_number(struct buf *out, unsigned type, unsigned bytes, uint64_t number)
{
    mmdb_put_byte(out, type << 5 | bytes);
    while (bytes > 0) {
        bytes--;
        mmdb_put_byte(out, (unsigned)(number >> (8 * bytes)) & 0xffU);
    }
}

/* A record of the data section; returns what a tree says for it. */
static inline uint32_t mmdb_make_country(struct mmdb_make *make, const char *country)
{
    uint32_t record = MMDB_MAKE_DATA + (uint32_t)make->data.len;
    mmdb_put_map(&make->data, 1);
    if (make->deep) {
        mmdb_put_text(&make->data, "country");
        mmdb_put_map(&make->data, 1);
        mmdb_put_text(&make->data, "iso_code");
    } else {
        mmdb_put_text(&make->data, "country_code");
    }
    mmdb_put_text(&make->data, country);
    return record;
}

static inline unsigned mmdb_make_bit(const struct mmdb_make *make, const struct ip *ip, unsigned at)
{
    if (make->four) {
        at += IP_V4_BITS;
    } else if (ip_is_v4(ip) && at < IP_V4_BITS) {
        return 0; /* IPv4 lies at ::/96 */
    }
    return (unsigned)(ip->bytes[at / 8] >> (7 - at % 8)) & 1U;
}

/* Wider blocks first: what is put later holds inside what was put before. */
static inline void mmdb_make_put(struct mmdb_make *make, const char *text, uint32_t record)
{
    struct ip_block block;
    CHECK(ip_block_parse(str_from(text), &block));
    unsigned bits = make->four ? (unsigned)block.bits - IP_V4_BITS : block.bits;
    uint32_t node = 0;
    CHECK(bits > 0);
    for (unsigned at = 0; at + 1 < bits; at++) {
        uint32_t *to = &make->records[node][mmdb_make_bit(make, &block.first, at)];
        if (*to < MMDB_MAKE_NODE || *to >= MMDB_MAKE_DATA) {
            CHECK(make->count < MMDB_MAKE_NODES);
            make->records[make->count][0] = *to; /* what held for the whole holds for both halves */
            make->records[make->count][1] = *to;
            *to = MMDB_MAKE_NODE + make->count++;
        }
        node = *to - MMDB_MAKE_NODE;
    }
    make->records[node][mmdb_make_bit(make, &block.first, bits - 1)] = record;
}

static inline void mmdb_make_add(struct mmdb_make *make, const char *block, const char *country)
{
    mmdb_make_put(make, block, mmdb_make_country(make, country));
}

static inline uint32_t mmdb_make_number(const struct mmdb_make *make, uint32_t record)
{
    if (record >= MMDB_MAKE_DATA) {
        return make->count + 16 + (record - MMDB_MAKE_DATA);
    }
    return record >= MMDB_MAKE_NODE ? record - MMDB_MAKE_NODE : make->count;
}

static inline void mmdb_make_node(const struct mmdb_make *make, uint32_t at, struct buf *out)
{
    uint32_t left = mmdb_make_number(make, make->records[at][0]);
    uint32_t right = mmdb_make_number(make, make->records[at][1]);
    unsigned char bytes[8];
    size_t len = make->record_bits / 4;
    if (make->record_bits == 32) {
        bytes[0] = (unsigned char)(left >> 24);
        bytes[4] = (unsigned char)(right >> 24);
    }
    unsigned char *to = bytes + (make->record_bits == 32 ? 1 : 0);
    to[0] = (unsigned char)(left >> 16);
    to[1] = (unsigned char)(left >> 8);
    to[2] = (unsigned char)left;
    if (make->record_bits == 28) {
        bytes[3] = (unsigned char)((left >> 24 & 0xfU) << 4 | (right >> 24 & 0xfU));
    }
    to = bytes + len - 3;
    to[0] = (unsigned char)(right >> 16);
    to[1] = (unsigned char)(right >> 8);
    to[2] = (unsigned char)right;
    mmdb_put(out, bytes, len);
}

/* The file; `out` is empty. */
static inline void mmdb_make_write(const struct mmdb_make *make, struct buf *out)
{
    static const char zeros[16] = { 0 };
    for (uint32_t at = 0; at < make->count; at++) {
        mmdb_make_node(make, at, out);
    }
    mmdb_put(out, zeros, sizeof(zeros));
    mmdb_put(out, make->data.ptr, make->data.len);
    mmdb_put(out, "\xab\xcd\xefMaxMind.com", 14);
    mmdb_put_map(out, 9);
    mmdb_put_text(out, "binary_format_major_version");
    mmdb_put_number(out, 5, 1, 2);
    mmdb_put_text(out, "binary_format_minor_version");
    mmdb_put_number(out, 5, 0, 0);
    mmdb_put_text(out, "build_epoch");
    mmdb_put_byte(out, 4); /* an unsigned 64-bit number: an extended type of 4 bytes */
    mmdb_put_byte(out, 9 - 7);
    mmdb_put(out, "\x6a\x32\xfa\xcc", 4);
    mmdb_put_text(out, "database_type");
    mmdb_put_text(out, "Country");
    mmdb_put_text(out, "description");
    mmdb_put_map(out, 0);
    mmdb_put_text(out, "languages");
    mmdb_put_byte(out, 0); /* an empty array: an extended type */
    mmdb_put_byte(out, 11 - 7);
    mmdb_put_text(out, "ip_version");
    mmdb_put_number(out, 5, 1, make->four ? 4 : 6);
    mmdb_put_text(out, "node_count");
    mmdb_put_number(out, 6, 4, make->count);
    mmdb_put_text(out, "record_size");
    mmdb_put_number(out, 5, 1, make->record_bits);
}

/* A whole file at `path`: pairs of block and country, ended by NULL. */
static inline void mmdb_make_file(const char *path, const char *const *pairs)
{
    static struct mmdb_make make;
    struct buf out;
    mmdb_make_init(&make);
    buf_init(&out, MMDB_MAKE_BYTES);
    for (size_t i = 0; pairs[i] != NULL; i += 2) {
        mmdb_make_add(&make, pairs[i], pairs[i + 1]);
    }
    mmdb_make_write(&make, &out);
    FILE *file = fopen(path, "wb");
    CHECK(file != NULL);
    CHECK_EQ(fwrite(out.ptr, 1, out.len, file), out.len);
    CHECK_EQ(fclose(file), 0);
    buf_fini(&out);
    mmdb_make_fini(&make);
}
