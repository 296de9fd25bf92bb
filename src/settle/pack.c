/* What writing and reading a pack share, and the writing. */
#include "settle/pack.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/map.h"
#include "base/mem.h"
#include "settle/pack_internal.h"

#define PACK_PART         ".part"
#define PACK_PATH_MAX     4096
#define PACK_NAMES_BYTES  ((size_t)16 << 20) /* PACK_FILES_MAX names and their digests */
#define PACK_LEVEL        6                  /* zlib's own choice: beyond it time, not bytes */
#define PACK_WINDOW       (-15)              /* raw deflate, 32 KiB */
#define PACK_DEFLATE_MORE 65536 /* what cannot be made smaller grows by 5 bytes in 16 KiB */

/* ---- names -------------------------------------------------------------------------------- */

static bool pack_char_valid(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-';
}

bool pack_name_valid(struct str name)
{
    if (name.len == 0 || name.len > PACK_NAME_MAX) {
        return false;
    }
    struct str rest = name;
    while (rest.len > 0) {
        struct str part = str_cut(&rest, '/');
        if (part.len == 0 || str_eq(part, STR(".")) || str_eq(part, STR(".."))) {
            return false;
        }
        for (size_t i = 0; i < part.len; i++) {
            if (!pack_char_valid(part.ptr[i])) {
                return false;
            }
        }
    }
    return name.ptr[name.len - 1] != '/';
}

/* ---- headers ------------------------------------------------------------------------------ */

/* From the version that is needed on, both headers go on alike for 26 bytes. */
static void zip_common(const struct zip_entry *entry, unsigned char *at)
{
    zip_put16(at, ZIP_VERSION);
    zip_put16(at + 4, ZIP_DEFLATED);
    zip_put16(at + 8, ZIP_DATE);
    zip_put32(at + 10, entry->crc);
    zip_put32(at + 14, entry->packed);
    zip_put32(at + 18, entry->size);
    zip_put16(at + 22, (unsigned)entry->name.len);
}

void zip_local(const struct zip_entry *entry, unsigned char ret_head[ZIP_LOCAL_BYTES])
{
    memset(ret_head, 0, ZIP_LOCAL_BYTES);
    zip_put32(ret_head, ZIP_LOCAL_SIGN);
    zip_common(entry, ret_head + 4);
}

void zip_central(const struct zip_entry *entry, unsigned char ret_head[ZIP_CENTRAL_BYTES])
{
    memset(ret_head, 0, ZIP_CENTRAL_BYTES);
    zip_put32(ret_head, ZIP_CENTRAL_SIGN);
    zip_put16(ret_head + 4, ZIP_MADE_BY);
    zip_common(entry, ret_head + 6);
    zip_put32(ret_head + 38, ZIP_ATTRIBUTES);
    zip_put32(ret_head + 42, entry->offset);
}

void zip_end(size_t files, uint32_t offset, uint32_t size, unsigned char ret_end[ZIP_END_BYTES])
{
    ASSERT(files <= PACK_FILES_MAX);
    memset(ret_end, 0, ZIP_END_BYTES);
    zip_put32(ret_end, ZIP_END_SIGN);
    zip_put16(ret_end + 8, (unsigned)files);
    zip_put16(ret_end + 10, (unsigned)files);
    zip_put32(ret_end + 12, size);
    zip_put32(ret_end + 16, offset);
}

void *zip_alloc(void *opaque, unsigned items, unsigned size)
{
    (void)opaque;
    return mem_alloc((size_t)items * size);
}

void zip_free(void *opaque, void *ptr)
{
    (void)opaque;
    mem_free(ptr);
}

/* ---- the writer --------------------------------------------------------------------------- */

struct pack_item {
    struct zip_entry entry;
    struct digest sum;
};

struct pack_writer {
    char path[PACK_PATH_MAX];
    char part[PACK_PATH_MAX + sizeof(PACK_PART)];
    int fd;
    bool whole; /* the archive has its name */
    uint64_t at;
    struct pack_item *items;
    size_t count;
    size_t cap;
    struct map names;
    struct arena arena;
    struct buf packed;
    z_stream deflate;
    bool deflating;
};

static enum err writer_open(struct pack_writer *writer, struct str path, struct fail *fail)
{
    if (path.len == 0 || path.len >= PACK_PATH_MAX || memchr(path.ptr, 0, path.len) != NULL) {
        return FAIL(fail, ERR_ASK_INVALID, "a path has 1 to %d bytes", PACK_PATH_MAX - 1);
    }
    memcpy(writer->path, path.ptr, path.len);
    memcpy(writer->part, path.ptr, path.len);
    memcpy(writer->part + path.len, PACK_PART, sizeof(PACK_PART));
    if (access(writer->path, F_OK) == 0) {
        return FAIL(fail, ERR_CONFLICT, "\"%s\" is there already: name another file", writer->path);
    }
    /* It shows what one client used: for the operator's eyes until it is handed over. */
    writer->fd = open(writer->part, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (writer->fd < 0 && errno == EEXIST) {
        return FAIL(fail, ERR_CONFLICT,
                    "\"%s\" is there: another pack is being written, or one was broken off: remove "
                    "it",
                    writer->part);
    }
    return writer->fd >= 0 ? ERR_OK : FAIL_SYS(fail, ERR_IO, "could not make \"%s\"", writer->part);
}

enum err pack_create(struct str path, struct pack_writer **ret_writer, struct fail *fail)
{
    *ret_writer = NULL;
    struct pack_writer *writer = mem_zalloc(sizeof(*writer));
    if (writer == NULL) {
        return FAIL(fail, ERR_NO_MEMORY, "no memory for a pack");
    }
    writer->fd = -1;
    map_init(&writer->names);
    arena_init(&writer->arena, 4096, PACK_NAMES_BYTES);
    buf_init(&writer->packed, PACK_FILE_MAX + PACK_DEFLATE_MORE);
    enum err err = writer_open(writer, path, fail);
    if (err == ERR_OK) {
        writer->deflate = (z_stream){ .zalloc = zip_alloc, .zfree = zip_free };
        writer->deflating = deflateInit2(&writer->deflate, PACK_LEVEL, Z_DEFLATED, PACK_WINDOW, 8,
                                         Z_DEFAULT_STRATEGY) == Z_OK;
        err = writer->deflating ? ERR_OK : FAIL(fail, ERR_NO_MEMORY, "no memory for a pack");
    }
    if (err != ERR_OK) {
        pack_writer_close(writer);
        return err;
    }
    *ret_writer = writer;
    return ERR_OK;
}

void pack_writer_close(struct pack_writer *writer)
{
    if (writer == NULL) {
        return;
    }
    if (writer->deflating) {
        (void)deflateEnd(&writer->deflate); /* what is left of a stream is of no use */
    }
    if (writer->fd >= 0) {
        (void)close(writer->fd); /* synced, or to be removed */
        if (!writer->whole) {
            (void)unlink(writer->part); /* a rest is refused at the next try, by its name */
        }
    }
    mem_free(writer->items);
    map_fini(&writer->names);
    arena_fini(&writer->arena);
    buf_fini(&writer->packed);
    mem_free(writer);
}

static enum err writer_put(struct pack_writer *writer, const void *bytes, size_t size,
                           struct fail *fail)
{
    const char *at = bytes;
    if (size > PACK_BYTES_MAX - writer->at) {
        return FAIL(fail, ERR_LIMIT, "the pack gets larger than %llu bytes: name a shorter period",
                    (unsigned long long)PACK_BYTES_MAX);
    }
    for (size_t left = size; left > 0;) {
        ssize_t done = write(writer->fd, at, left);
        if (done < 0 && errno != EINTR) {
            return FAIL_SYS(fail, ERR_IO, "could not write \"%s\"", writer->part);
        }
        at += done > 0 ? done : 0;
        left -= done > 0 ? (size_t)done : 0;
    }
    writer->at += size;
    return ERR_OK;
}

static enum err writer_deflate(struct pack_writer *writer, struct str bytes)
{
    z_stream *stream = &writer->deflate;
    int did = deflateReset(stream);
    ASSERT(did == Z_OK);
    buf_reset(&writer->packed);
    TRY(buf_reserve(&writer->packed, deflateBound(stream, bytes.len)));
    stream->next_in = (Bytef *)(uintptr_t)bytes.ptr; /* it is only read */
    stream->avail_in = (uInt)bytes.len;
    stream->next_out = (Bytef *)writer->packed.ptr;
    stream->avail_out = (uInt)writer->packed.cap;
    did = deflate(stream, Z_FINISH);
    ASSERT(did == Z_STREAM_END);
    buf_added(&writer->packed, writer->packed.cap - stream->avail_out);
    return ERR_OK;
}

/* Room for an item, with its name in it. */
static enum err writer_name(struct pack_writer *writer, struct str name)
{
    if (writer->count == writer->cap) {
        size_t cap = writer->cap == 0 ? 64 : 2 * writer->cap;
        struct pack_item *grown = mem_realloc(writer->items, cap * sizeof(*grown));
        if (grown == NULL) {
            return ERR_NO_MEMORY;
        }
        writer->items = grown;
        writer->cap = cap;
    }
    struct pack_item *item = &writer->items[writer->count];
    *item = (struct pack_item){ .entry = { .offset = (uint32_t)writer->at } };
    if (!arena_copy(&writer->arena, name, &item->entry.name)) {
        return ERR_NO_MEMORY;
    }
    return map_add(&writer->names, item->entry.name, writer);
}

enum err pack_add(struct pack_writer *writer, struct str name, struct str bytes, struct fail *fail)
{
    unsigned char head[ZIP_LOCAL_BYTES];
    ASSERT(pack_name_valid(name));
    if (bytes.len > PACK_FILE_MAX || writer->count == PACK_FILES_MAX) {
        return FAIL(fail, ERR_LIMIT,
                    "\"" STR_FMT "\" does not go into the pack: at most %d files of %zu bytes do",
                    STR_ARG(name), PACK_FILES_MAX, PACK_FILE_MAX);
    }
    enum err err = writer_name(writer, name);
    err = err == ERR_OK ? writer_deflate(writer, bytes) : err;
    if (err != ERR_OK) {
        ASSERT(err != ERR_CONFLICT); /* whoever packs gives each file a name of its own */
        return FAIL(fail, err, "no memory for \"" STR_FMT "\"", STR_ARG(name));
    }
    struct pack_item *item = &writer->items[writer->count];
    item->sum = digest_sha256(bytes);
    item->entry.size = (uint32_t)bytes.len;
    item->entry.packed = (uint32_t)writer->packed.len;
    item->entry.crc = (uint32_t)crc32_z(0, (const Bytef *)bytes.ptr, bytes.len);
    zip_local(&item->entry, head);
    TRY(writer_put(writer, head, sizeof(head), fail));
    TRY(writer_put(writer, name.ptr, name.len, fail));
    TRY(writer_put(writer, writer->packed.ptr, writer->packed.len, fail));
    writer->count++;
    return ERR_OK;
}

bool pack_added(const struct pack_writer *writer, size_t at, struct pack_file *ret_file)
{
    if (at >= writer->count) {
        return false;
    }
    const struct pack_item *item = &writer->items[at];
    *ret_file = (struct pack_file){ item->entry.name, item->entry.size, item->sum };
    return true;
}

static enum err writer_directory(struct pack_writer *writer, struct fail *fail)
{
    unsigned char head[ZIP_CENTRAL_BYTES];
    unsigned char end[ZIP_END_BYTES];
    uint64_t offset = writer->at;
    for (size_t i = 0; i < writer->count; i++) {
        const struct zip_entry *entry = &writer->items[i].entry;
        zip_central(entry, head);
        TRY(writer_put(writer, head, sizeof(head), fail));
        TRY(writer_put(writer, entry->name.ptr, entry->name.len, fail));
    }
    zip_end(writer->count, (uint32_t)offset, (uint32_t)(writer->at - offset), end);
    return writer_put(writer, end, sizeof(end), fail);
}

static enum err writer_sync_folder(const struct pack_writer *writer, struct fail *fail)
{
    char folder[PACK_PATH_MAX];
    const char *slash = strrchr(writer->path, '/');
    size_t len = slash == NULL ? 1 : (size_t)(slash - writer->path) + 1;
    memcpy(folder, slash == NULL ? "." : writer->path, len);
    folder[len] = '\0';
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool synced = fd >= 0 && fsync(fd) == 0;
    enum err err = synced ? ERR_OK : FAIL_SYS(fail, ERR_IO, "could not sync \"%s\"", folder);
    if (fd >= 0) {
        (void)close(fd); /* it was only read */
    }
    return err;
}

enum err pack_finish(struct pack_writer *writer, struct fail *fail)
{
    ASSERT(!writer->whole);
    TRY(writer_directory(writer, fail));
    if (fsync(writer->fd) != 0) {
        return FAIL_SYS(fail, ERR_IO, "could not sync \"%s\"", writer->part);
    }
    /* Not rename(): a file that came there meanwhile is nobody's to replace. */
    if (link(writer->part, writer->path) != 0) {
        return errno == EEXIST ? FAIL(fail, ERR_CONFLICT,
                                      "\"%s\" is there already: name another file", writer->path)
                               : FAIL_SYS(fail, ERR_IO, "could not name \"%s\"", writer->path);
    }
    (void)unlink(writer->part); /* a second name of the same file */
    writer->whole = true;
    return writer_sync_folder(writer, fail);
}
