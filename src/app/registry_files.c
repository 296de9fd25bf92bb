#include "app/registry_files.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd_read.h"
#include "base/mem.h"
#include "registry/registry_signing.h"

#define FILES_READ_BYTES ((size_t)64 * 1024)

void registry_files_init(struct registry_files *files)
{
    *files = (struct registry_files){ .items = NULL };
}

void registry_files_fini(struct registry_files *files)
{
    for (size_t i = 0; i < files->count; i++) {
        mem_free((void *)(uintptr_t)files->items[i].name.ptr);
        mem_free((void *)(uintptr_t)files->items[i].text.ptr);
    }
    mem_free(files->items);
    mem_free((void *)(uintptr_t)files->signatures.ptr);
    registry_files_init(files);
}

static bool files_copy(struct str text, struct str *ret_copy)
{
    if (text.len == 0) {
        *ret_copy = STR_EMPTY;
        return true;
    }
    char *copy = mem_copy_text(text.ptr, text.len);
    if (copy == NULL) {
        return false;
    }
    *ret_copy = (struct str){ copy, text.len };
    return true;
}

enum err registry_files_add(struct registry_files *files, const struct registry_files_item *item)
{
    if (files->count == files->cap) {
        size_t cap = files->cap == 0 ? 32 : 2 * files->cap;
        struct registry_files_item *grown =
            mem_realloc(files->items, cap * sizeof(struct registry_files_item));
        if (grown == NULL) {
            return ERR_NO_MEMORY;
        }
        files->items = grown;
        files->cap = cap;
    }
    struct registry_files_item copy = { .sum = item->sum, .document = item->document };
    if (!files_copy(item->name, &copy.name)) {
        return ERR_NO_MEMORY;
    }
    if (!files_copy(item->text, &copy.text)) {
        mem_free((void *)(uintptr_t)copy.name.ptr);
        return ERR_NO_MEMORY;
    }
    files->items[files->count++] = copy;
    return ERR_OK;
}

static int files_order(const void *left, const void *right)
{
    return str_cmp(((const struct registry_files_item *)left)->name,
                   ((const struct registry_files_item *)right)->name);
}

void registry_files_sort(struct registry_files *files)
{
    if (files->count > 1) {
        qsort(files->items, files->count, sizeof(files->items[0]), files_order);
    }
}

/* ---- the folder --------------------------------------------------------------------------- */

struct files_reading {
    struct registry_files *files;
    struct registry_report *report;
    size_t texts;
    size_t documents;
    bool refused;
};

static void files_fault(struct files_reading *reading, struct str name, const char *format, ...)
    EP_PRINTF(3, 4);

static void files_fault(struct files_reading *reading, struct str name, const char *format, ...)
{
    char text[256];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof(text), format, args); /* what fits */
    va_end(args);
    reading->refused = true;
    registry_report_note(reading->report, name, REGISTRY_RULE_REG_FILE, str_from(text));
}

/* ERR_IO with errno, ERR_LIMIT, ERR_NO_MEMORY. */
static enum err files_read_all(int folder, const char *name, struct buf *out)
{
    struct stat info;
    /* A pipe that nobody writes to would be waited for. */
    int fd = openat(folder, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) {
        return ERR_IO;
    }
    enum err err = ERR_OK;
    if (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode)) {
        errno = EINVAL;
        err = ERR_IO;
    }
    err = err == ERR_OK ? fd_read_all(fd, FILES_READ_BYTES, out) : err;
    int sys_errno = errno;
    (void)close(fd); /* it was only read */
    errno = sys_errno;
    return err;
}

static bool files_is_text(struct str name)
{
    return str_ends(name, STR(".yaml")) || str_ends(name, STR(".yml"));
}

/* What is read of a file: kept with its text, or by its sum alone. */
static enum err files_keep(struct files_reading *reading, struct str name, bool document,
                           const struct buf *bytes)
{
    if (str_eq(name, STR(REGISTRY_SIGNATURES_FILE))) {
        return files_copy(buf_str(bytes), &reading->files->signatures) ? ERR_OK : ERR_NO_MEMORY;
    }
    return registry_files_add(reading->files, &(struct registry_files_item){
                                                  .name = name,
                                                  .text = document ? STR_EMPTY : buf_str(bytes),
                                                  .sum = digest_sha256(buf_str(bytes)),
                                                  .document = document,
                                              });
}

static enum err files_take(struct files_reading *reading, int folder, const char *entry,
                           bool document)
{
    char room[sizeof(REGISTRY_DOCUMENTS) + REGISTRY_FILES_NAME_MAX + 1];
    struct buf name = { room, 0, sizeof(room), sizeof(room) };
    struct buf bytes;
    size_t max = document ? REGISTRY_DOCUMENT_BYTES_MAX : REGISTRY_TEXT_BYTES;
    TRY(buf_printf(&name, "%s%s", document ? REGISTRY_DOCUMENTS "/" : "", entry));
    size_t *count = document ? &reading->documents : &reading->texts;
    size_t count_max = document ? REGISTRY_DOCUMENTS_MAX : REGISTRY_TEXTS_MAX;
    if (++*count > count_max) {
        if (*count == count_max + 1) {
            files_fault(reading, buf_str(&name), "there are more than %zu files", count_max);
        }
        return ERR_OK;
    }
    buf_init(&bytes, max + FILES_READ_BYTES);
    enum err err = files_read_all(folder, entry, &bytes);
    if (err == ERR_OK && bytes.len > max) {
        err = ERR_LIMIT;
    }
    if (err == ERR_LIMIT) {
        files_fault(reading, buf_str(&name), "the file is larger than %zu bytes", max);
        err = ERR_OK;
    } else if (err == ERR_IO) {
        files_fault(reading, buf_str(&name), "the file could not be read: %s",
                    strerrordesc_np(errno));
        err = ERR_OK;
    } else if (err == ERR_OK) {
        err = files_keep(reading, buf_str(&name), document, &bytes);
    }
    buf_fini(&bytes);
    return err;
}

/* All files of a folder that matter; others (a README, an editor's backup) are nobody's. */
static enum err files_walk(struct files_reading *reading, DIR *dir, bool documents)
{
    enum err err = ERR_OK;
    for (const struct dirent *entry = readdir(dir); entry != NULL && err == ERR_OK;
         entry = readdir(dir)) {
        struct str name = str_from(entry->d_name);
        if (name.ptr[0] != '.' && (documents || files_is_text(name))) {
            err = files_take(reading, dirfd(dir), entry->d_name, documents);
        }
    }
    return err;
}

static enum err files_walk_documents(struct files_reading *reading, int folder)
{
    int fd = openat(folder, REGISTRY_DOCUMENTS, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    if (dir == NULL) {
        if (errno != ENOENT) {
            files_fault(reading, STR(REGISTRY_DOCUMENTS), "the folder could not be read: %s",
                        strerrordesc_np(errno));
        }
        if (fd >= 0) {
            (void)close(fd); /* it was only read */
        }
        return ERR_OK;
    }
    enum err err = files_walk(reading, dir, true);
    (void)closedir(dir); /* it was only read */
    return err;
}

enum err registry_files_read(struct registry_files *files, const char *path,
                             struct registry_report *report)
{
    struct files_reading reading = { .files = files, .report = report };
    DIR *dir = opendir(path);
    if (dir == NULL) {
        files_fault(&reading, str_from(path), "the folder could not be read: %s",
                    strerrordesc_np(errno));
        return report->out_of_memory ? ERR_NO_MEMORY : ERR_REGISTRY_INVALID;
    }
    enum err err = files_walk(&reading, dir, false);
    err = err == ERR_OK ? files_walk_documents(&reading, dirfd(dir)) : err;
    (void)closedir(dir); /* it was only read */
    registry_files_sort(files);
    if (err == ERR_OK && report->out_of_memory) {
        return ERR_NO_MEMORY;
    }
    return err == ERR_OK && reading.refused ? ERR_REGISTRY_INVALID : err;
}

/* ---- the registry of the files -------------------------------------------------------------- */

/* The texts and the sums of the documents, as the registry's reader takes them. */
struct files_lists {
    struct registry_file *texts;
    size_t text_count;
    struct registry_sum *sums;
    size_t sum_count;
};

static void files_split(const struct registry_files *files, struct files_lists *lists)
{
    for (size_t i = 0; i < files->count; i++) {
        const struct registry_files_item *item = &files->items[i];
        if (item->document) {
            lists->sums[lists->sum_count++] = (struct registry_sum){ item->name, item->sum };
        } else {
            lists->texts[lists->text_count++] = (struct registry_file){ item->name, item->text };
        }
    }
}

enum err registry_files_parse(const struct registry_files *files, struct registry **ret_registry,
                              struct registry_report *report)
{
    struct files_lists lists = {
        .texts = mem_alloc((files->count + 1) * sizeof(struct registry_file)),
        .sums = mem_alloc((files->count + 1) * sizeof(struct registry_sum)),
    };
    enum err err = ERR_NO_MEMORY;
    if (lists.texts != NULL && lists.sums != NULL) {
        files_split(files, &lists);
        err = registry_parse_sums(lists.texts, lists.text_count, lists.sums, lists.sum_count,
                                  ret_registry, report);
    }
    mem_free(lists.texts);
    mem_free(lists.sums);
    return err;
}

static const struct registry_files_item *files_find(const struct registry_files *files,
                                                    const struct registry_files_item *key)
{
    return files->count == 0
               ? NULL
               : bsearch(key, files->items, files->count, sizeof(files->items[0]), files_order);
}

bool registry_files_same(const struct registry_files *files, const struct registry_files *of)
{
    for (size_t i = 0; i < of->count; i++) {
        const struct registry_files_item *item = files_find(files, &of->items[i]);
        if (item == NULL || !digest_eq(&item->sum, &of->items[i].sum)) {
            return false;
        }
    }
    for (size_t i = 0; i < files->count; i++) {
        if (!files->items[i].document && files_find(of, &files->items[i]) == NULL) {
            return false;
        }
    }
    return true;
}
