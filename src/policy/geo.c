#include "policy/geo.h"

#include <fcntl.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd_read.h"
#include "base/mem.h"
#include "policy/mmdb.h"

#define GEO_READ_BYTES ((size_t)1 << 20)

struct geo_db {
    char *path;
    size_t path_len;
    struct stat info; /* of the file, before it was read */
    struct mmdb_table table;
};

struct geo {
    struct geo_db dbs[GEO_MAX];
    size_t count;
    uint64_t serial;
    _Atomic int64_t references;
};

/* ---- opening ----------------------------------------------------------------------------- */

static enum err geo_read_file(const char *path, struct stat *ret_info, struct buf *bytes,
                              struct fail *fail)
{
    /* Not blocking: the name may be a pipe's, which nobody writes to. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) {
        return FAIL_SYS(fail, ERR_IO, "could not open the country database \"%s\"", path);
    }
    enum err err = ERR_OK;
    if (fstat(fd, ret_info) != 0) {
        err = FAIL_SYS(fail, ERR_IO, "could not read the country database \"%s\"", path);
    } else if (!S_ISREG(ret_info->st_mode)) {
        err = FAIL(fail, ERR_GEO, "the country database \"%s\" is no file", path);
    } else if ((uint64_t)ret_info->st_size > MMDB_BYTES_MAX) {
        err = FAIL(fail, ERR_GEO, "the country database \"%s\" is larger than 256 MiB", path);
    } else {
        err = fd_read_all(fd, GEO_READ_BYTES, bytes);
        if (err == ERR_IO) {
            err = FAIL_SYS(fail, err, "could not read the country database \"%s\"", path);
        } else if (err != ERR_OK) { /* ERR_LIMIT: it grows while it is read */
            err = FAIL(fail, err, "no memory for the country database \"%s\"", path);
        }
    }
    (void)close(fd); /* it was only read */
    return err;
}

static enum err geo_open_one(struct geo_db *db, struct str path, struct fail *fail)
{
    struct buf bytes;
    db->path = mem_copy_text(path.ptr, path.len);
    if (db->path == NULL) {
        return FAIL(fail, ERR_NO_MEMORY, "no memory for the country databases");
    }
    db->path_len = path.len;
    buf_init(&bytes, MMDB_BYTES_MAX + GEO_READ_BYTES);
    enum err err = geo_read_file(db->path, &db->info, &bytes, fail);
    err = err == ERR_OK ? mmdb_read(buf_str(&bytes), db->path, &db->table, fail) : err;
    buf_fini(&bytes);
    return err;
}

enum err geo_open(const struct str *paths, size_t count, struct geo **ret_geo, struct fail *fail)
{
    static _Atomic uint64_t serial_last;
    ASSERT(count > 0 && count <= GEO_MAX);
    struct geo *geo = mem_zalloc(sizeof(*geo));
    if (geo == NULL) {
        return FAIL(fail, ERR_NO_MEMORY, "no memory for the country databases");
    }
    atomic_init(&geo->references, 1);
    geo->serial = atomic_fetch_add(&serial_last, 1) + 1;
    for (size_t i = 0; i < count; i++) {
        geo->count = i + 1;
        enum err err = geo_open_one(&geo->dbs[i], paths[i], fail);
        if (err != ERR_OK) {
            geo_unref(geo);
            return err;
        }
    }
    *ret_geo = geo;
    return ERR_OK;
}

static bool geo_same_time(struct timespec a, struct timespec b)
{
    return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

static bool geo_db_fresh(const struct geo_db *db, struct str path)
{
    struct stat now;
    return str_eq((struct str){ db->path, db->path_len }, path) && stat(db->path, &now) == 0 &&
           now.st_dev == db->info.st_dev && now.st_ino == db->info.st_ino &&
           now.st_size == db->info.st_size && geo_same_time(now.st_mtim, db->info.st_mtim) &&
           geo_same_time(now.st_ctim, db->info.st_ctim);
}

bool geo_fresh(const struct geo *geo, const struct str *paths, size_t count)
{
    if (geo_count(geo) != count) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        if (!geo_db_fresh(&geo->dbs[i], paths[i])) {
            return false;
        }
    }
    return true;
}

struct geo *geo_ref(struct geo *geo)
{
    if (geo != NULL) {
        int64_t before = atomic_fetch_add_explicit(&geo->references, 1, memory_order_relaxed);
        ASSERT(before > 0);
    }
    return geo;
}

void geo_unref(struct geo *geo)
{
    if (geo == NULL) {
        return;
    }
    /* Acquire and release: whoever frees has seen all that others did with it. */
    int64_t before = atomic_fetch_sub_explicit(&geo->references, 1, memory_order_acq_rel);
    ASSERT(before > 0);
    if (before > 1) {
        return;
    }
    for (size_t i = 0; i < geo->count; i++) {
        mmdb_fini(&geo->dbs[i].table);
        mem_free(geo->dbs[i].path);
    }
    mem_free(geo);
}

/* ---- asking ------------------------------------------------------------------------------ */

size_t geo_count(const struct geo *geo)
{
    return geo == NULL ? 0 : geo->count;
}

struct geo_info geo_info(const struct geo *geo, size_t db)
{
    ASSERT(db < geo_count(geo));
    const struct geo_db *one = &geo->dbs[db];
    return (struct geo_info){
        .path = { one->path, one->path_len },
        .built_s = one->table.built_s,
        .rows4 = one->table.count4,
        .rows6 = one->table.count6,
    };
}

uint64_t geo_serial(const struct geo *geo)
{
    return geo == NULL ? 0 : geo->serial;
}

static struct geo_country geo_named(uint16_t country)
{
    return (struct geo_country){ { (char)(country >> 8), (char)(country & 0xff) } };
}

bool geo_country(const struct geo *geo, size_t db, const struct ip *ip,
                 struct geo_country *ret_country)
{
    ASSERT(db < geo_count(geo));
    struct ip plain = ip_plain(*ip);
    uint16_t country = ip_is_public(&plain) ? mmdb_find(&geo->dbs[db].table, &plain) : 0;
    if (country != 0) {
        *ret_country = geo_named(country);
    }
    return country != 0;
}

void geo_ask(const struct geo *geo, const struct ip *ip, struct geo_country ret_said[GEO_MAX])
{
    struct ip plain = ip_plain(*ip);
    size_t count = ip_is_public(&plain) ? geo_count(geo) : 0;
    for (size_t i = 0; i < GEO_MAX; i++) {
        ret_said[i] = geo_named(i < count ? mmdb_find(&geo->dbs[i].table, &plain) : 0);
    }
}
