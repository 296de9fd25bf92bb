#include "app/erased_list.h"

#include <fcntl.h>
#include <unistd.h>

#include "app/file_text.h"
#include "app/world.h"
#include "base/mem.h"
#include "base/stamp.h"
#include "ident/ident.h"

#define ERASED_NAME "erased.log"

void erased_list_init(struct erased_list *list)
{
    *list = (struct erased_list){ .items = NULL };
}

void erased_list_fini(struct erased_list *list)
{
    mem_free(list->items);
    erased_list_init(list);
}

bool erased_list_has(const struct erased_list *list, struct id client)
{
    for (size_t i = 0; i < list->count; i++) {
        if (id_eq(list->items[i].client, client)) {
            return true;
        }
    }
    return false;
}

enum err erased_list_path(struct str store_url, struct buf *out, struct fail *fail)
{
    size_t scheme = str_find(store_url, ':');
    struct str folder =
        world_folder_of(str_from_at(store_url, scheme < store_url.len ? scheme + 1 : 0));
    if (buf_append(out, folder) != ERR_OK ||
        (folder.len > 0 && !str_ends(folder, STR("/")) && buf_byte(out, '/') != ERR_OK) ||
        buf_append(out, STR(ERASED_NAME)) != ERR_OK || buf_byte(out, '\0') != ERR_OK) {
        return FAIL(fail, ERR_LIMIT, "the path of the list of erased clients is too long");
    }
    return ERR_OK;
}

/* ---- reading ------------------------------------------------------------------------------- */

/* Only what erased_print() writes is a line. */
static bool erased_parse(struct str line, struct erased *ret_erased)
{
    size_t space = str_find(line, ' ');
    return space < line.len &&
           id_parse(str_slice(line, 0, space), STR(IDENT_CLIENT_PREFIX), &ret_erased->client) &&
           stamp_parse(str_from_at(line, space + 1), &ret_erased->at_ns);
}

static enum err erased_push(struct erased_list *list, const struct erased *erased)
{
    if (list->count == list->cap) {
        size_t cap = list->cap == 0 ? 16 : 2 * list->cap;
        struct erased *items = mem_realloc(list->items, cap * sizeof(*items));
        if (items == NULL) {
            return ERR_NO_MEMORY;
        }
        list->items = items;
        list->cap = cap;
    }
    list->items[list->count++] = *erased;
    return ERR_OK;
}

static enum err erased_read_lines(const char *path, struct str text, struct erased_list *list,
                                  struct fail *fail)
{
    size_t number = 0;
    while (text.len > 0) {
        size_t end = str_find(text, '\n');
        struct erased erased;
        number++;
        if (end == text.len || !erased_parse(str_slice(text, 0, end), &erased)) {
            return FAIL(fail, ERR_CONF_INVALID,
                        "line %zu of \"%s\" is no client's id and time, so it is not known who was "
                        "erased; put back the copy that you keep elsewhere",
                        number, path);
        }
        if (erased_push(list, &erased) != ERR_OK) {
            return FAIL(fail, ERR_NO_MEMORY, "no memory for the list of erased clients");
        }
        text = str_from_at(text, end + 1);
    }
    return ERR_OK;
}

/* Appends the file's bytes; none: nothing. */
static enum err erased_read_text(const char *path, struct buf *text, struct fail *fail)
{
    struct fail noticed = { .text = "" };
    enum err err = file_text_read(path, text, &noticed);
    if (err == ERR_NOT_FOUND) {
        return ERR_OK;
    }
    if (err != ERR_OK && fail != NULL) {
        *fail = noticed;
    }
    return err;
}

enum err erased_list_read(const char *path, struct erased_list *list, struct fail *fail)
{
    struct buf text;
    ASSERT(list->count == 0);
    buf_init(&text, ERASED_LIST_BYTES_MAX);
    enum err err = erased_read_text(path, &text, fail);
    err = err == ERR_OK ? erased_read_lines(path, buf_str(&text), list, fail) : err;
    buf_fini(&text);
    if (err != ERR_OK) {
        erased_list_fini(list);
    }
    return err;
}

/* ---- writing ------------------------------------------------------------------------------- */

static enum err erased_print(struct buf *out, const struct erased *erased)
{
    TRY(id_print(out, STR(IDENT_CLIENT_PREFIX), erased->client));
    TRY(buf_byte(out, ' '));
    TRY(stamp_print(out, erased->at_ns));
    return buf_byte(out, '\n');
}

/* A file's new name is durable only once its folder is. */
static enum err erased_sync_folder(const char *path, struct fail *fail)
{
    struct str name = world_folder_of(str_from(path));
    char *folder = name.len == 0 ? mem_copy_text(".", 1) : mem_copy_text(name.ptr, name.len);
    if (folder == NULL) {
        return FAIL(fail, ERR_NO_MEMORY, "no memory for a path");
    }
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    enum err err = fd >= 0 && fsync(fd) == 0
                       ? ERR_OK
                       : FAIL_SYS(fail, ERR_IO, "could not sync the folder of \"%s\"", path);
    if (fd >= 0) {
        (void)close(fd); /* it was only read */
    }
    mem_free(folder);
    return err;
}

enum err erased_list_add(const char *path, const struct erased *erased, struct fail *fail)
{
    struct buf text;
    buf_init(&text, ERASED_LIST_BYTES_MAX);
    enum err err = erased_read_text(path, &text, fail);
    if (err == ERR_OK && erased_print(&text, erased) != ERR_OK) {
        err = FAIL(fail, ERR_LIMIT, "no room for a line in \"%s\"", path);
    }
    err = err == ERR_OK ? file_text_replace(path, buf_str(&text), 0600, fail) : err;
    err = err == ERR_OK ? erased_sync_folder(path, fail) : err;
    buf_fini(&text);
    return err;
}
