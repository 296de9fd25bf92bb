/*
 * Reading a pack. What the headers say is compared with what a writer of packs would have written
 * for the same file: whatever differs is named and refused before a byte is unpacked, so that
 * entries cannot overlap, hide, or claim what they are not.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/map.h"
#include "base/mem.h"
#include "settle/pack.h"
#include "settle/pack_internal.h"

#define PACK_WINDOW      (-15)
#define PACK_CHUNK       65536
#define PACK_PATH_MAX    4096
#define PACK_NAMES_BYTES ((size_t)16 << 20)

struct pack {
    int fd;
    uint64_t bytes;
    uint64_t unpacked;
    struct zip_entry *entries;
    size_t count;
    uint32_t directory; /* where it begins */
    struct map names;   /* > the entry */
    struct arena arena;
};

/* ---- the directory ------------------------------------------------------------------------ */

static enum err pack_get(const struct pack *pack, uint64_t at, void *out, size_t size,
                         struct fail *fail)
{
    char *to = out;
    while (size > 0) {
        ssize_t got = pread(pack->fd, to, size, (off_t)at);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return FAIL_SYS(fail, ERR_IO, "could not read the pack");
        }
        if (got == 0) {
            return FAIL(fail, ERR_PACK_INVALID, "the pack ends in the middle");
        }
        to += got;
        at += (uint64_t)got;
        size -= (size_t)got;
    }
    return ERR_OK;
}

static enum err pack_get_end(struct pack *pack, struct fail *fail)
{
    unsigned char end[ZIP_END_BYTES];
    unsigned char want[ZIP_END_BYTES];
    if (pack->bytes > PACK_BYTES_MAX) {
        return FAIL(fail, ERR_PACK_INVALID, "the pack has more than %llu bytes",
                    (unsigned long long)PACK_BYTES_MAX);
    }
    if (pack->bytes < ZIP_END_BYTES) {
        return FAIL(fail, ERR_PACK_INVALID, "this is no pack: it has %llu bytes",
                    (unsigned long long)pack->bytes);
    }
    TRY(pack_get(pack, pack->bytes - ZIP_END_BYTES, end, sizeof(end), fail));
    if (zip_get32(end) != ZIP_END_SIGN) {
        return FAIL(fail, ERR_PACK_INVALID,
                    "this is no pack, or it was cut: the end record of a zip archive is not there");
    }
    pack->count = zip_get16(end + 10);
    pack->directory = zip_get32(end + 16);
    if (pack->count > PACK_FILES_MAX) {
        return FAIL(fail, ERR_PACK_INVALID, "the pack has %zu files, at most %d are read",
                    pack->count, PACK_FILES_MAX);
    }
    if (pack->directory > pack->bytes - ZIP_END_BYTES) {
        return FAIL(fail, ERR_PACK_INVALID, "the pack's end record points behind its end");
    }
    zip_end(pack->count, pack->directory, (uint32_t)(pack->bytes - ZIP_END_BYTES - pack->directory),
            want);
    return memcmp(end, want, sizeof(end)) == 0
               ? ERR_OK
               : FAIL(fail, ERR_PACK_INVALID, "the pack's end record is not as packs have it");
}

/* What is wrong with it before its headers are compared byte by byte; NULL: nothing. */
static const char *pack_wrong(const struct pack *pack, const struct zip_entry *entry,
                              const unsigned char *head)
{
    unsigned flags = zip_get16(head + 8);
    uint32_t mode = zip_get32(head + 38) >> 16;
    if (!pack_name_valid(entry->name)) {
        return "its name leaves the pack's folder, or is none that packs have";
    }
    if ((flags & 0x2041) != 0) {
        return "it is encrypted, and packs are not";
    }
    if ((mode & ZIP_MODE_TYPE) == ZIP_MODE_LINK) {
        return "it is a symbolic link";
    }
    if (entry->size > PACK_FILE_MAX) {
        return "unpacked it is larger than files of packs are";
    }
    if (entry->size > PACK_RATIO_FROM && entry->size / PACK_RATIO_MAX > entry->packed) {
        return "it unpacks to more than 200 times its bytes";
    }
    if (entry->size > PACK_UNPACKED_MAX - pack->unpacked) {
        return "with it the pack unpacks to more than packs do";
    }
    return NULL;
}

static enum err pack_take_name(struct pack *pack, struct zip_entry *entry, uint64_t at,
                               struct fail *fail)
{
    char name[PACK_NAME_MAX];
    TRY(pack_get(pack, at, name, entry->name.len, fail));
    if (!arena_copy(&pack->arena, (struct str){ name, entry->name.len }, &entry->name)) {
        return FAIL(fail, ERR_NO_MEMORY, "no memory for the pack's directory");
    }
    return ERR_OK;
}

/* A name from outside, as far as a line of text can show it. */
static void pack_show(struct str name, char ret_text[PACK_NAME_MAX + 1])
{
    for (size_t i = 0; i < name.len; i++) {
        bool plain = name.ptr[i] >= ' ' && name.ptr[i] <= '~' && name.ptr[i] != '"';
        ret_text[i] = '?';
        if (plain) {
            ret_text[i] = name.ptr[i];
        }
    }
    ret_text[name.len] = '\0';
}

static enum err pack_refuse(const struct zip_entry *entry, const char *wrong, struct fail *fail)
{
    char shown[PACK_NAME_MAX + 1];
    pack_show(entry->name, shown);
    return FAIL(fail, ERR_PACK_INVALID, "\"%s\" in the pack: %s", shown, wrong);
}

/* The directory's record cannot be read: the name in the file's own header tells which it is. */
static enum err pack_refuse_record(struct pack *pack, struct zip_entry *entry, uint64_t offset,
                                   struct fail *fail)
{
    unsigned char head[ZIP_LOCAL_BYTES];
    *entry = (struct zip_entry){ .name = STR_EMPTY };
    if (pack_get(pack, offset, head, sizeof(head), NULL) == ERR_OK &&
        zip_get32(head) == ZIP_LOCAL_SIGN && zip_get16(head + 26) <= PACK_NAME_MAX) {
        entry->name.len = zip_get16(head + 26);
        TRY(pack_take_name(pack, entry, offset + sizeof(head), fail));
    }
    return pack_refuse(entry, "its record in the directory is damaged", fail);
}

/* The record at *at of the directory; its file must begin at `offset`. */
static enum err pack_get_central(struct pack *pack, struct zip_entry *entry, uint64_t *at,
                                 uint64_t offset, struct fail *fail)
{
    unsigned char head[ZIP_CENTRAL_BYTES];
    unsigned char want[ZIP_CENTRAL_BYTES];
    TRY(pack_get(pack, *at, head, sizeof(head), fail));
    entry->name = (struct str){ NULL, zip_get16(head + 28) };
    entry->crc = zip_get32(head + 16);
    entry->packed = zip_get32(head + 20);
    entry->size = zip_get32(head + 24);
    entry->offset = (uint32_t)offset;
    if (zip_get32(head) != ZIP_CENTRAL_SIGN || entry->name.len == 0 ||
        entry->name.len > PACK_NAME_MAX) {
        return pack_refuse_record(pack, entry, offset, fail);
    }
    TRY(pack_take_name(pack, entry, *at + sizeof(head), fail));
    const char *wrong = pack_wrong(pack, entry, head);
    zip_central(entry, want);
    if (wrong == NULL && memcmp(head, want, sizeof(head)) != 0) {
        wrong = "its record in the directory is not as packs have it, or it lies over another file";
    }
    if (wrong != NULL) {
        return pack_refuse(entry, wrong, fail);
    }
    *at += sizeof(head) + entry->name.len;
    pack->unpacked += entry->size;
    return ERR_OK;
}

static enum err pack_check_local(struct pack *pack, struct zip_entry *entry, uint64_t *offset,
                                 struct fail *fail)
{
    unsigned char head[ZIP_LOCAL_BYTES + PACK_NAME_MAX];
    unsigned char want[ZIP_LOCAL_BYTES];
    size_t size = ZIP_LOCAL_BYTES + entry->name.len;
    if (size + entry->packed > pack->directory - *offset) {
        return pack_refuse(entry, "it reaches into the directory", fail);
    }
    TRY(pack_get(pack, *offset, head, size, fail));
    zip_local(entry, want);
    if (memcmp(head, want, sizeof(want)) != 0 ||
        memcmp(head + ZIP_LOCAL_BYTES, entry->name.ptr, entry->name.len) != 0) {
        return pack_refuse(entry, "its header is not what the directory says", fail);
    }
    *offset += size + entry->packed;
    enum err err = map_add(&pack->names, entry->name, entry);
    return err == ERR_CONFLICT ? pack_refuse(entry, "the name is there twice", fail)
           : err == ERR_OK     ? ERR_OK
                               : FAIL(fail, err, "no memory for the pack's directory");
}

static enum err pack_get_directory(struct pack *pack, struct fail *fail)
{
    uint64_t offset = 0;
    uint64_t at = pack->directory;
    uint64_t end = pack->bytes - ZIP_END_BYTES;
    pack->entries = mem_zalloc((pack->count + 1) * sizeof(struct zip_entry));
    if (pack->entries == NULL) {
        return FAIL(fail, ERR_NO_MEMORY, "no memory for the pack's directory");
    }
    for (size_t i = 0; i < pack->count; i++) {
        struct zip_entry *entry = &pack->entries[i];
        TRY(pack_get_central(pack, entry, &at, offset, fail));
        TRY(pack_check_local(pack, entry, &offset, fail));
    }
    if (offset != pack->directory || at != end) {
        return FAIL(fail, ERR_PACK_INVALID,
                    "the pack has bytes that belong to no file: between files and directory %llu, "
                    "behind the directory %lld",
                    (unsigned long long)(pack->directory - offset), (long long)(end - at));
    }
    return ERR_OK;
}

static enum err pack_open_file(struct pack *pack, struct str path, struct fail *fail)
{
    char text[PACK_PATH_MAX];
    struct stat info;
    if (path.len == 0 || path.len >= sizeof(text)) {
        return FAIL(fail, ERR_ASK_INVALID, "a path has 1 to %zu bytes", sizeof(text) - 1);
    }
    memcpy(text, path.ptr, path.len);
    text[path.len] = '\0';
    /* A pipe that nobody writes to would be waited for. */
    pack->fd = open(text, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (pack->fd < 0 || fstat(pack->fd, &info) != 0) {
        return FAIL_SYS(fail, ERR_IO, "could not open \"%s\"", text);
    }
    if (!S_ISREG(info.st_mode)) {
        return FAIL(fail, ERR_PACK_INVALID, "\"%s\" is no file", text);
    }
    pack->bytes = (uint64_t)info.st_size;
    return ERR_OK;
}

enum err pack_open(struct str path, struct pack **ret_pack, struct fail *fail)
{
    *ret_pack = NULL;
    struct pack *pack = mem_zalloc(sizeof(*pack));
    if (pack == NULL) {
        return FAIL(fail, ERR_NO_MEMORY, "no memory for a pack");
    }
    pack->fd = -1;
    map_init(&pack->names);
    arena_init(&pack->arena, 4096, PACK_NAMES_BYTES);
    enum err err = pack_open_file(pack, path, fail);
    err = err == ERR_OK ? pack_get_end(pack, fail) : err;
    err = err == ERR_OK ? pack_get_directory(pack, fail) : err;
    if (err != ERR_OK) {
        pack_close(pack);
        return err;
    }
    *ret_pack = pack;
    return ERR_OK;
}

void pack_close(struct pack *pack)
{
    if (pack == NULL) {
        return;
    }
    if (pack->fd >= 0) {
        (void)close(pack->fd); /* it was only read */
    }
    mem_free(pack->entries);
    map_fini(&pack->names);
    arena_fini(&pack->arena);
    mem_free(pack);
}

size_t pack_count(const struct pack *pack)
{
    return pack->count;
}

struct str pack_name(const struct pack *pack, size_t at)
{
    ASSERT(at < pack->count);
    return pack->entries[at].name;
}

uint64_t pack_size(const struct pack *pack, size_t at)
{
    ASSERT(at < pack->count);
    return pack->entries[at].size;
}

size_t pack_find(const struct pack *pack, struct str name)
{
    const struct zip_entry *entry = map_find(&pack->names, name);
    return entry == NULL ? pack->count : (size_t)(entry - pack->entries);
}

/* ---- unpacking ---------------------------------------------------------------------------- */

#define PACK_BLOCK_ENDS 128 /* of z_stream.data_type, with Z_BLOCK */
#define PACK_LAST_BLOCK 64
#define PACK_BITS_LEFT  7

/* Whether the stream ends with the file, and both with the sizes that the header has. Bits of the
 * last byte that are behind the stream's end carry nothing: they are zero, so that they cannot be
 * changed either. */
static enum err pack_inflate(const struct pack *pack, const struct zip_entry *entry,
                             z_stream *stream, struct buf *out, struct fail *fail)
{
    unsigned char chunk[PACK_CHUNK];
    uint64_t at = entry->offset + ZIP_LOCAL_BYTES + entry->name.len;
    uint32_t left = entry->packed;
    unsigned last = 0;
    int ended = 0;
    int did = Z_OK;
    stream->next_out = (Bytef *)out->ptr;
    stream->avail_out = entry->size;
    while (did == Z_OK) {
        if (stream->avail_in == 0 && left > 0) {
            uint32_t size = left < sizeof(chunk) ? left : (uint32_t)sizeof(chunk);
            TRY(pack_get(pack, at, chunk, size, fail));
            stream->next_in = chunk;
            stream->avail_in = size;
            last = chunk[size - 1];
            at += size;
            left -= size;
        }
        did = inflate(stream, Z_BLOCK);
        if (did == Z_MEM_ERROR) {
            return FAIL(fail, ERR_NO_MEMORY, "no memory to unpack");
        }
        if ((stream->data_type & PACK_BLOCK_ENDS) != 0 &&
            (stream->data_type & PACK_LAST_BLOCK) != 0) {
            ended = stream->data_type & PACK_BITS_LEFT;
        }
    }
    if (did != Z_STREAM_END || left > 0 || stream->avail_in > 0 || stream->avail_out > 0 ||
        last >> (8 - ended) != 0) {
        return pack_refuse(entry, "its packed bytes are damaged", fail);
    }
    return ERR_OK;
}

enum err pack_read(const struct pack *pack, size_t at, struct buf *out, struct fail *fail)
{
    ASSERT(at < pack->count && out->max >= PACK_FILE_MAX);
    const struct zip_entry *entry = &pack->entries[at];
    buf_reset(out);
    /* A byte more than the file has, for one that is empty; zlib wants a place to write to. */
    if (buf_reserve(out, entry->size > 0 ? entry->size : 1) != ERR_OK) {
        return FAIL(fail, ERR_NO_MEMORY, "no memory to unpack \"" STR_FMT "\"",
                    STR_ARG(entry->name));
    }
    z_stream stream = { .zalloc = zip_alloc, .zfree = zip_free };
    if (inflateInit2(&stream, PACK_WINDOW) != Z_OK) {
        return FAIL(fail, ERR_NO_MEMORY, "no memory to unpack");
    }
    enum err err = pack_inflate(pack, entry, &stream, out, fail);
    (void)inflateEnd(&stream); /* nothing of it is needed */
    TRY(err);
    buf_added(out, entry->size);
    uint32_t crc = (uint32_t)crc32_z(0, (const Bytef *)out->ptr, out->len);
    return crc == entry->crc ? ERR_OK
                             : pack_refuse(entry, "its bytes are not what its header says", fail);
}
