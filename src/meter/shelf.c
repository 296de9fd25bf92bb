#include "meter/shelf.h"

#include <dirent.h>
#include <pthread.h>

#include "base/mem.h"

struct shelf {
    char *folder;
    pthread_mutex_t lock;
    struct vocab *vocabs[SHELF_MAX]; /* under `lock` */
    size_t count;
};

enum err shelf_create(struct str folder, struct shelf **ret_shelf)
{
    struct shelf *shelf = mem_zalloc(sizeof(*shelf));
    char *copy = mem_copy_text(folder.ptr, folder.len);
    if (shelf == NULL || copy == NULL) {
        mem_free(shelf);
        mem_free(copy);
        return ERR_NO_MEMORY;
    }
    shelf->folder = copy;
    (void)pthread_mutex_init(&shelf->lock, NULL); /* cannot fail with default attributes */
    *ret_shelf = shelf;
    return ERR_OK;
}

void shelf_destroy(struct shelf *shelf)
{
    if (shelf == NULL) {
        return;
    }
    for (size_t i = 0; i < shelf->count; i++) {
        vocab_close(shelf->vocabs[i]);
    }
    (void)pthread_mutex_destroy(&shelf->lock);
    mem_free(shelf->folder);
    mem_free(shelf);
}

/* A name is a file's name: it must not lead elsewhere. */
static bool shelf_name_fine(struct str name)
{
    bool fine = name.len > 0 && name.len < VOCAB_NAME_MAX && name.ptr[0] != '.';
    for (size_t i = 0; fine && i < name.len; i++) {
        fine = name.ptr[i] != '/' && (unsigned char)name.ptr[i] > ' ';
    }
    return fine;
}

/* With the lock held. */
static enum err shelf_load(struct shelf *shelf, struct str name, struct fail *fail)
{
    if (shelf->count == SHELF_MAX) {
        return FAIL(fail, ERR_LIMIT, "more than %d vocabularies", SHELF_MAX);
    }
    struct buf path;
    buf_init(&path, 4096);
    enum err err = buf_printf(&path, "%s/" STR_FMT SHELF_SUFFIX, shelf->folder, STR_ARG(name));
    err = err == ERR_OK ? buf_byte(&path, '\0') : err;
    if (err == ERR_OK) {
        err = vocab_open(path.ptr, &shelf->vocabs[shelf->count], fail);
        shelf->count += err == ERR_OK;
    } else {
        EP_IGNORE(FAIL(fail, err, "no room for a vocabulary's path"));
    }
    buf_fini(&path);
    return err;
}

enum err shelf_open(struct shelf *shelf, struct str name, const struct vocab **ret_vocab,
                    struct fail *fail)
{
    if (!shelf_name_fine(name)) {
        return FAIL(fail, ERR_NOT_FOUND, "\"" STR_FMT "\" is no vocabulary's name", STR_ARG(name));
    }
    enum err err = ERR_OK;
    (void)pthread_mutex_lock(&shelf->lock);
    size_t at = 0;
    while (at < shelf->count && !str_eq(vocab_info(shelf->vocabs[at])->name, name)) {
        at++;
    }
    if (at == shelf->count) {
        err = shelf_load(shelf, name, fail);
    }
    if (err == ERR_OK && !str_eq(vocab_info(shelf->vocabs[at])->name, name)) {
        err = FAIL(fail, ERR_VOCAB, "the file of \"" STR_FMT "\" holds another vocabulary",
                   STR_ARG(name));
        vocab_close(shelf->vocabs[--shelf->count]);
    }
    if (err == ERR_OK) {
        *ret_vocab = shelf->vocabs[at];
    }
    (void)pthread_mutex_unlock(&shelf->lock);
    return err;
}

struct str shelf_folder(const struct shelf *shelf)
{
    return str_from(shelf->folder);
}

static enum err shelf_add_name(struct arena *arena, struct registry_texts *names, struct str *items,
                               struct str file)
{
    struct str name = str_slice(file, 0, file.len - sizeof(SHELF_SUFFIX) + 1);
    if (names->count == SHELF_MAX || !arena_copy(arena, name, &items[names->count])) {
        return ERR_NO_MEMORY;
    }
    names->count++;
    return ERR_OK;
}

enum err shelf_names(const struct shelf *shelf, struct arena *arena,
                     struct registry_texts *ret_names, struct fail *fail)
{
    struct str *items = arena_alloc(arena, SHELF_MAX * sizeof(*items));
    if (items == NULL) {
        return FAIL(fail, ERR_NO_MEMORY, "no memory for the vocabularies' names");
    }
    struct registry_texts names = { .items = items };
    DIR *dir = opendir(shelf->folder);
    enum err err = ERR_OK;
    const struct dirent *entry = NULL;
    while (dir != NULL && err == ERR_OK && (entry = readdir(dir)) != NULL) {
        struct str file = str_from(entry->d_name);
        if (str_ends(file, STR(SHELF_SUFFIX)) && file.len > sizeof(SHELF_SUFFIX) - 1) {
            err = shelf_add_name(arena, &names, items, file);
        }
    }
    if (dir != NULL) {
        (void)closedir(dir); /* it was only read */
    }
    if (err != ERR_OK) {
        return FAIL(fail, err, "no room for the vocabularies' names");
    }
    *ret_names = names;
    return ERR_OK;
}
