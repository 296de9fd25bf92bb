/*
 * What anybody may read without a key: the published log (checkpoint, tiles, bundles: c2sp.org/
 * tlog-tiles) and the page on which a receipt is verified. Files of two folders, read on threads of
 * their own, so that who copies a log of gigabytes takes nothing from calls.
 */
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "front/errand.h"
#include "front/errand_work.h"
#include "front/front_internal.h"
#include "gate/reply.h"
#include "tlog/tile.h"

#define FILE_PATH_MAX  4352              /* a folder's path and a name */
#define FILE_NAME_MAX  64                /* of a page's file */
#define FILE_BYTES_MAX ((size_t)1 << 20) /* a bundle of 256 entries has some 80 KB */

#define FILE_CHECKPOINT "checkpoint"
/* A reader of the log may be a page from anywhere, and what a file is, is not to be guessed. */
#define FILE_OPEN "access-control-allow-origin: *\r\nx-content-type-options: nosniff\r\n"
/* A new one comes each second: who has one asks whether it is the newest. */
#define FILE_CHECKPOINT_HEADERS \
    "content-type: text/plain; charset=utf-8\r\ncache-control: no-cache\r\n" FILE_OPEN
/* Of a partial tile, too, the name says how many hashes it has: it never changes. */
#define FILE_TILE_HEADERS                        \
    "content-type: application/octet-stream\r\n" \
    "cache-control: public, max-age=31536000, immutable\r\n" FILE_OPEN
/* The page takes nothing from elsewhere, runs nothing that stands in it, and goes into no frame. */
#define FILE_PAGE_HEADERS                                                                \
    "cache-control: public, max-age=300\r\nx-content-type-options: nosniff\r\n"          \
    "referrer-policy: no-referrer\r\n"                                                   \
    "content-security-policy: default-src 'none'; script-src 'self'; style-src 'self'; " \
    "img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; "          \
    "frame-ancestors 'none'\r\n"
#define FILE_NONE "cache-control: no-store\r\n" FILE_OPEN

#define FILE_NO_CHECKPOINT                                                                  \
    "no checkpoint is published yet: the first one follows within seconds of the server's " \
    "start\n"
#define FILE_NO_TILE                                                                         \
    "the log has no such tile: /log/checkpoint says how long it is, and a partial tile may " \
    "be gone once the full one exists\n"
#define FILE_NO_PAGES \
    "this server has no page to verify receipts on; use \"entrepot receipt verify\"\n"
#define FILE_NO_PAGE "there is no such file; the page is /verify/\n"

struct errand_file {
    struct errand_work work; /* first */
    const char *headers;
    const char *type;    /* a line in front of them; may be empty */
    const char *missing; /* what is said where there is no such file */
    char path[FILE_PATH_MAX];
};

/* ---- on the worker's thread --------------------------------------------------------------- */

static enum err file_read(int fd, struct buf *out)
{
    struct stat info;
    if (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode) || (size_t)info.st_size > FILE_BYTES_MAX) {
        return ERR_IO;
    }
    TRY(buf_reserve(out, (size_t)info.st_size));
    size_t size = (size_t)info.st_size;
    while (out->len < size) {
        ssize_t got = read(fd, out->ptr + out->len, size - out->len);
        if (got <= 0) {
            return ERR_IO; /* files are replaced whole: a shorter one is no file of ours */
        }
        buf_added(out, (size_t)got);
    }
    return ERR_OK;
}

static void file_run(struct errand_work *work)
{
    struct errand_file *file = EP_CONTAINER(work, struct errand_file, work);
    int fd = open(file->path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0) {
        work->err = errno == ENOENT || errno == ENOTDIR ? ERR_OK : ERR_IO;
        if (work->err == ERR_OK) {
            errand_work_say(work, 404, FILE_NONE, str_from(file->missing));
        }
        return;
    }
    work->err = file_read(fd, &work->answer);
    (void)close(fd); /* was read only */
    int len = snprintf(work->headers, sizeof(work->headers), "%s%s", file->type, file->headers);
    ASSERT(len > 0 && (size_t)len < sizeof(work->headers));
}

/* ---- on the loop's thread ----------------------------------------------------------------- */

static void file_refuse(struct http_exchange *x, const char *text)
{
    reply_send(x, 404, STR("content-type: text/plain; charset=utf-8\r\n" FILE_NONE),
               str_from(text));
}

static struct errand_file *file_make(const char *folder, struct str name, const char *headers)
{
    struct errand_file *file = mem_zalloc(sizeof(*file));
    if (file == NULL) {
        return NULL;
    }
    int len = snprintf(file->path, sizeof(file->path), "%s/" STR_FMT, folder, STR_ARG(name));
    if (len < 0 || (size_t)len >= sizeof(file->path)) {
        mem_free(file);
        return NULL;
    }
    file->work.run = file_run;
    file->headers = headers;
    file->type = "";
    return file;
}

static void file_start(struct front *front, struct http_exchange *x, struct errand_file *file)
{
    errand_work_start(front, x, file == NULL ? NULL : &file->work, front->world.readers,
                      FILE_BYTES_MAX);
}

void errand_log(struct front *front, struct http_exchange *x, struct str path)
{
    struct str name = str_from_at(path, STR("/log/").len);
    bool checkpoint = str_eq(name, STR(FILE_CHECKPOINT));
    struct tile tile;
    char text[TILE_PATH_MAX];
    struct buf shown = { text, 0, sizeof(text), sizeof(text) };
    if (front->world.log_folder == NULL) {
        file_refuse(x, "this server publishes no log\n");
        return;
    }
    if (!checkpoint && !tile_parse(name, &tile)) {
        file_refuse(x, "here are /log/checkpoint, /log/tile/LEVEL/N[.p/WIDTH] and "
                       "/log/tile/entries/N[.p/WIDTH]: see c2sp.org/tlog-tiles\n");
        return;
    }
    /* The name that is opened is the one that is printed: nothing of the request's is in it. */
    enum err err = checkpoint ? buf_append(&shown, name) : tile_print(&tile, &shown);
    ASSERT(err == ERR_OK); /* fits by TILE_PATH_MAX */
    struct errand_file *file = file_make(front->world.log_folder, buf_str(&shown),
                                         checkpoint ? FILE_CHECKPOINT_HEADERS : FILE_TILE_HEADERS);
    if (file != NULL) {
        file->missing = checkpoint ? FILE_NO_CHECKPOINT : FILE_NO_TILE;
    }
    file_start(front, x, file);
}

struct file_type {
    struct str end;
    const char *header;
};

static const struct file_type file_types[] = {
    { STR_INIT(".html"), "content-type: text/html; charset=utf-8\r\n" },
    { STR_INIT(".js"), "content-type: text/javascript; charset=utf-8\r\n" },
    { STR_INIT(".css"), "content-type: text/css; charset=utf-8\r\n" },
    { STR_INIT(".svg"), "content-type: image/svg+xml\r\n" },
};

/* The type of a page's file by its plain name; NULL: no name of one. */
static const char *file_page_type(struct str name)
{
    if (name.len > FILE_NAME_MAX || str_starts(name, STR("."))) {
        return NULL;
    }
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        bool plain =
            (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '_';
        if (!plain) {
            return NULL;
        }
    }
    for (size_t i = 0; i < EP_ARRAY_LEN(file_types); i++) {
        if (str_ends(name, file_types[i].end)) {
            return file_types[i].header;
        }
    }
    return NULL;
}

void errand_verify(struct front *front, struct http_exchange *x, struct str path)
{
    static const struct str folder = STR_INIT("/verify/");
    if (path.len < folder.len) { /* the page's files are named beside it */
        reply_send(x, 308, STR("location: /verify/\r\n"), STR_EMPTY);
        return;
    }
    struct str name = path.len == folder.len ? STR("index.html") : str_from_at(path, folder.len);
    const char *type = file_page_type(name);
    if (front->world.pages_folder == NULL || type == NULL) {
        file_refuse(x, front->world.pages_folder == NULL ? FILE_NO_PAGES : FILE_NO_PAGE);
        return;
    }
    struct errand_file *file = file_make(front->world.pages_folder, name, FILE_PAGE_HEADERS);
    if (file != NULL) {
        file->type = type;
        file->missing = FILE_NO_PAGE;
    }
    file_start(front, x, file);
}
