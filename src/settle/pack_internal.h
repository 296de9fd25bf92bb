/* The zip format as packs have it: fixed fields, little-endian. For the room alone. */
#pragma once

#include <zlib.h>

#include "base/buf.h"

#define ZIP_LOCAL_SIGN    UINT32_C(0x04034b50)
#define ZIP_CENTRAL_SIGN  UINT32_C(0x02014b50)
#define ZIP_END_SIGN      UINT32_C(0x06054b50)
#define ZIP_LOCAL_BYTES   30
#define ZIP_CENTRAL_BYTES 46
#define ZIP_END_BYTES     22

#define ZIP_VERSION    20     /* deflate */
#define ZIP_MADE_BY    0x0314 /* 2.0, on a system with modes */
#define ZIP_DEFLATED   8
#define ZIP_DATE       0x21 /* 1980-01-01: the format knows no earlier one */
#define ZIP_ATTRIBUTES (UINT32_C(0100644) << 16)
#define ZIP_MODE_TYPE  UINT32_C(0170000)
#define ZIP_MODE_LINK  UINT32_C(0120000)

/* What the headers say of a file. */
struct zip_entry {
    struct str name;
    uint32_t crc;
    uint32_t packed;
    uint32_t size;
    uint32_t offset; /* of the local header */
};

static inline void zip_put16(unsigned char *at, unsigned value)
{
    at[0] = (unsigned char)(value & 0xFF);
    at[1] = (unsigned char)(value >> 8 & 0xFF);
}

static inline void zip_put32(unsigned char *at, uint32_t value)
{
    zip_put16(at, value & 0xFFFF);
    zip_put16(at + 2, value >> 16);
}

static inline unsigned zip_get16(const unsigned char *at)
{
    return at[0] | (unsigned)at[1] << 8;
}

static inline uint32_t zip_get32(const unsigned char *at)
{
    return zip_get16(at) | (uint32_t)zip_get16(at + 2) << 16;
}

/* The headers of a file, without its name; writer and reader know no others. */
void zip_local(const struct zip_entry *entry, unsigned char ret_head[ZIP_LOCAL_BYTES]);
void zip_central(const struct zip_entry *entry, unsigned char ret_head[ZIP_CENTRAL_BYTES]);
void zip_end(size_t files, uint32_t offset, uint32_t size, unsigned char ret_end[ZIP_END_BYTES]);

/* zlib's memory, from our heap. */
void *zip_alloc(void *opaque, unsigned items, unsigned size);
void zip_free(void *opaque, void *ptr);
