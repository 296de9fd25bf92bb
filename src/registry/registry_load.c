#include "registry/registry_load.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd_read.h"
#include "base/map.h"
#include "base/mem.h"
#include "registry/registry_check_internal.h"
#include "registry/registry_signing.h"

static const struct yaml_place registry_nowhere = { 0, 0 };

static const struct registry_file *registry_file_find(const struct registry_file *files,
                                                      size_t count, struct str name)
{
    for (size_t i = 0; i < count; i++) {
        if (str_eq(files[i].name, name)) {
            return &files[i];
        }
    }
    return NULL;
}

/* Where all that a registry is made of comes from. */
struct registry_source {
    const struct registry_file *files;
    size_t count;
    registry_sum_fn *sum;
    void *context;
};

/* The list under the file's one key; an empty file is an empty list. */
static const struct yaml_node *registry_list(struct registry_load *load, enum registry_kind kind,
                                             const struct yaml_node *root)
{
    struct str key = registry_kinds[kind].key;
    if (root->kind != YAML_MAPPING) {
        registry_fault(load, REGISTRY_RULE_REG_BAD_VALUE, root->place,
                       "the file holds one key, \"" STR_FMT "\"", STR_ARG(key));
        return NULL;
    }
    for (uint32_t i = 0; i < root->count; i++) {
        if (!str_eq(yaml_key(root, i)->text, key)) {
            registry_fault(load, REGISTRY_RULE_REG_UNKNOWN_KEY, yaml_key(root, i)->place,
                           "the file holds one key, \"" STR_FMT "\"", STR_ARG(key));
        }
    }
    const struct yaml_node *list = yaml_get(root, key);
    if (list != NULL && !list->null && list->kind != YAML_SEQUENCE) {
        registry_fault(load, REGISTRY_RULE_REG_BAD_VALUE, list->place,
                       "\"" STR_FMT "\" must be a list", STR_ARG(key));
    }
    return list != NULL && list->kind == YAML_SEQUENCE ? list : NULL;
}

/* Parses a file and learns the ids in it, so that objects can be named before they are read. */
static void registry_open(struct registry_load *load, enum registry_kind kind,
                          const struct registry_file *file, struct yaml_doc **ret_doc)
{
    load->file = registry_kinds[kind].file;
    if (file == NULL) {
        if (!registry_kinds[kind].optional) {
            registry_fault(load, REGISTRY_RULE_REG_FILE, registry_nowhere, "the file is missing");
        }
        return;
    }
    struct yaml_fault fault = { .text = "" };
    enum err err = yaml_parse(file->text, ret_doc, &fault);
    if (err == ERR_YAML_SYNTAX) {
        registry_fault(load, REGISTRY_RULE_REG_SYNTAX, fault.place, "%s", fault.text);
        return;
    }
    if (err != ERR_OK) {
        load->err = ERR_NO_MEMORY;
        return;
    }
    const struct yaml_node *list = registry_list(load, kind, yaml_root(*ret_doc));
    if (list != NULL) {
        (void)registry_items(load, registry_kinds[kind].shape, list, &load->sets[kind]);
    }
}

/* "documents/NAME", in files that are given. */
static bool registry_is_document(struct str name)
{
    return str_starts(name, STR("documents/"));
}

static void registry_read_kind(struct registry_load *load, enum registry_kind kind)
{
    const struct registry_kind_info *info = &registry_kinds[kind];
    struct registry_set *set = &load->sets[kind];
    load->file = info->file;
    load->kind = kind;
    for (size_t i = 0; i < set->count && load->err == ERR_OK; i++) {
        size_t before = load->report->refusals;
        registry_read(load, info->shape, set->items[i].node, set->objects + i * info->shape->size);
        set->items[i].broken = load->report->refusals != before;
    }
    memcpy(registry_slot(&load->owner->registry, info->offset), &set->objects,
           sizeof(set->objects));
    memcpy(registry_slot(&load->owner->registry, info->count_offset), &set->count,
           sizeof(set->count));
}

/* What all files may hold together: their trees stand in memory at once. */
static bool registry_is_small(struct registry_load *load, const struct registry_source *source)
{
    size_t bytes = 0;
    for (size_t i = 0; i < source->count; i++) {
        bytes += registry_is_document(source->files[i].name) ? 0 : source->files[i].text.len;
    }
    if (bytes > REGISTRY_YAML_MAX) {
        load->file = STR("registry");
        registry_fault(load, REGISTRY_RULE_REG_LIMIT, registry_nowhere,
                       "the files are larger than %zu bytes together", REGISTRY_YAML_MAX);
    }
    return bytes <= REGISTRY_YAML_MAX;
}

static void registry_read_all(struct registry_load *load, const struct registry_source *source)
{
    struct yaml_doc *docs[REGISTRY_KIND_COUNT] = { NULL };
    if (!registry_is_small(load, source)) {
        return;
    }
    for (unsigned kind = 0; kind < REGISTRY_KIND_COUNT && load->err == ERR_OK; kind++) {
        registry_open(load, (enum registry_kind)kind,
                      registry_file_find(source->files, source->count, registry_kinds[kind].file),
                      &docs[kind]);
    }
    for (unsigned kind = 0; kind < REGISTRY_KIND_COUNT && load->err == ERR_OK; kind++) {
        registry_read_kind(load, (enum registry_kind)kind);
    }
    if (load->err == ERR_OK) {
        registry_documents(load, source->sum, source->context);
    }
    if (load->err == ERR_OK) {
        registry_link(load);
    }
    if (load->err == ERR_OK) {
        registry_check(load);
    }
    for (unsigned kind = 0; kind < REGISTRY_KIND_COUNT; kind++) {
        yaml_destroy(docs[kind]);
    }
}

static void registry_unknown_files(struct registry_load *load, const struct registry_file *files,
                                   size_t count)
{
    for (size_t i = 0; i < count; i++) {
        bool known = registry_is_document(files[i].name);
        for (size_t kind = 0; kind < REGISTRY_KIND_COUNT; kind++) {
            known = known || str_eq(files[i].name, registry_kinds[kind].file);
        }
        if (!known) {
            load->file = files[i].name;
            registry_fault(load, REGISTRY_RULE_REG_FILE, registry_nowhere,
                           "the registry knows no file of this name");
        }
    }
}

static enum err registry_make(const struct registry_source *source, struct registry **ret_registry,
                              struct registry_report *report)
{
    struct registry_owner *owner = mem_zalloc(sizeof(*owner));
    if (owner == NULL) {
        return ERR_NO_MEMORY;
    }
    arena_init(&owner->arena, 16384, REGISTRY_ARENA_MAX);
    atomic_init(&owner->refs, 1);
    owner->registry.owner = owner;
    struct registry_load load = { .owner = owner, .report = report };
    registry_unknown_files(&load, source->files, source->count);
    registry_read_all(&load, source);
    registry_report_sort(report);
    enum err err = load.err;
    if (err == ERR_OK && report->out_of_memory) {
        err = ERR_NO_MEMORY;
    }
    if (err == ERR_OK && report->refusals > 0) {
        err = ERR_REGISTRY_INVALID;
    }
    if (err == ERR_OK) {
        err = registry_hash(&owner->registry);
    }
    if (err != ERR_OK) {
        registry_unref(&owner->registry);
        return err;
    }
    *ret_registry = &owner->registry;
    return ERR_OK;
}

/* ---- files in memory ---------------------------------------------------------------------- */

static enum err registry_sum_given(void *context, struct str name, struct digest *ret_sum)
{
    const struct registry_file *file = map_find(context, name);
    if (file == NULL) {
        return ERR_IO;
    }
    if (file->text.len > REGISTRY_DOCUMENT_BYTES_MAX) {
        return ERR_LIMIT;
    }
    *ret_sum = digest_sha256(file->text);
    return ERR_OK;
}

enum err registry_parse(const struct registry_file *files, size_t count,
                        struct registry **ret_registry, struct registry_report *report)
{
    struct map documents;
    map_init(&documents);
    enum err err = ERR_OK;
    for (size_t i = 0; i < count && err != ERR_NO_MEMORY; i++) {
        if (registry_is_document(files[i].name)) {
            /* Of two with one name the first counts; the map takes pointers that are not const. */
            err = map_add(&documents, files[i].name, (void *)(uintptr_t)&files[i]);
        }
    }
    const struct registry_source source = {
        .files = files, .count = count, .sum = registry_sum_given, .context = &documents
    };
    err = err != ERR_NO_MEMORY ? registry_make(&source, ret_registry, report) : err;
    map_fini(&documents);
    return err;
}

static enum err registry_sum_known(void *context, struct str name, struct digest *ret_sum)
{
    const struct registry_sum *sum = map_find(context, name);
    if (sum == NULL) {
        return ERR_IO;
    }
    *ret_sum = sum->sum;
    return ERR_OK;
}

enum err registry_parse_sums(const struct registry_file *files, size_t count,
                             const struct registry_sum *sums, size_t sum_count,
                             struct registry **ret_registry, struct registry_report *report)
{
    struct map documents;
    map_init(&documents);
    enum err err = ERR_OK;
    for (size_t i = 0; i < sum_count && err != ERR_NO_MEMORY; i++) {
        /* As above. */
        err = map_add(&documents, sums[i].name, (void *)(uintptr_t)&sums[i]);
    }
    const struct registry_source source = {
        .files = files, .count = count, .sum = registry_sum_known, .context = &documents
    };
    err = err != ERR_NO_MEMORY ? registry_make(&source, ret_registry, report) : err;
    map_fini(&documents);
    return err;
}

/* ---- the folder --------------------------------------------------------------------------- */

#define REGISTRY_READ_BYTES ((size_t)64 * 1024)

struct registry_folder {
    struct registry_file files[REGISTRY_KIND_COUNT];
    struct buf texts[REGISTRY_KIND_COUNT];
    size_t count;
    struct registry_report *report;
};

static void registry_folder_fault(struct registry_report *report, struct str file,
                                  const char *format, ...) EP_PRINTF(3, 4);

static void registry_folder_fault(struct registry_report *report, struct str file,
                                  const char *format, ...)
{
    va_list args;
    va_start(args, format);
    registry_report_add(report, file, registry_nowhere, REGISTRY_RULE_REG_FILE, format, args);
    va_end(args);
}

/* ERR_IO with errno, ERR_LIMIT, ERR_NO_MEMORY. A pipe is no file: nobody waits for its writer. */
static enum err registry_read_file(int folder, const char *name, struct buf *out)
{
    int fd = openat(folder, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) {
        return ERR_IO;
    }
    struct stat stat;
    enum err err = fstat(fd, &stat) == 0 ? ERR_OK : ERR_IO;
    if (err == ERR_OK && !S_ISREG(stat.st_mode)) {
        errno = S_ISDIR(stat.st_mode) ? EISDIR : EINVAL;
        err = ERR_IO;
    }
    err = err == ERR_OK ? fd_read_all(fd, REGISTRY_READ_BYTES, out) : err;
    int sys_errno = errno;
    (void)close(fd); /* it was only read */
    errno = sys_errno;
    return err;
}

/* Reads what is there of the known files; what cannot be read is told. ERR_NO_MEMORY. */
static enum err registry_folder_read(struct registry_folder *folder, int fd)
{
    for (size_t kind = 0; kind < REGISTRY_KIND_COUNT; kind++) {
        struct buf *text = &folder->texts[kind];
        struct str name = registry_kinds[kind].file;
        enum err err = registry_read_file(fd, name.ptr, text);
        if (err == ERR_NO_MEMORY) {
            return err;
        }
        if (err == ERR_LIMIT) {
            registry_folder_fault(folder->report, name, "the file is larger than %zu bytes",
                                  YAML_BYTES_MAX);
        } else if (err == ERR_IO && errno != ENOENT) {
            registry_folder_fault(folder->report, name, "the file could not be read: %s",
                                  strerrordesc_np(errno));
        } else if (err == ERR_OK) {
            folder->files[folder->count++] =
                (struct registry_file){ .name = name, .text = buf_str(text) };
        }
    }
    return ERR_OK;
}

/* A YAML file that is none of ours is a misspelt one, or of a later version: both matter. */
static void registry_folder_strangers(struct registry_report *report, DIR *dir)
{
    for (const struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir)) {
        struct str name = str_from(entry->d_name);
        bool known = (!str_ends(name, STR(".yaml")) && !str_ends(name, STR(".yml"))) ||
                     str_eq(name, STR(REGISTRY_SIGNATURES_FILE));
        for (size_t kind = 0; kind < REGISTRY_KIND_COUNT; kind++) {
            known = known || str_eq(name, registry_kinds[kind].file);
        }
        if (!known) {
            registry_folder_fault(report, name, "the registry knows no file of this name");
        }
    }
}

struct registry_shelf {
    int folder;
    struct buf text; /* of one document at a time */
};

static enum err registry_sum_read(void *context, struct str name, struct digest *ret_sum)
{
    struct registry_shelf *shelf = context;
    buf_reset(&shelf->text);
    TRY(registry_read_file(shelf->folder, name.ptr, &shelf->text)); /* copies end with a NUL */
    if (shelf->text.len > REGISTRY_DOCUMENT_BYTES_MAX) {
        return ERR_LIMIT;
    }
    *ret_sum = digest_sha256(buf_str(&shelf->text));
    return ERR_OK;
}

static enum err registry_make_from(const struct registry_folder *folder, int fd,
                                   struct registry **ret_registry)
{
    struct registry_shelf shelf = { .folder = fd };
    buf_init(&shelf.text, REGISTRY_DOCUMENT_BYTES_MAX + REGISTRY_READ_BYTES);
    const struct registry_source source = {
        .files = folder->files, .count = folder->count, .sum = registry_sum_read, .context = &shelf
    };
    enum err err = registry_make(&source, ret_registry, folder->report);
    buf_fini(&shelf.text);
    return err;
}

enum err registry_load(const char *path, struct registry **ret_registry,
                       struct registry_report *report)
{
    DIR *dir = opendir(path);
    if (dir == NULL) {
        registry_folder_fault(report, str_from(path), "the folder could not be read: %s",
                              strerrordesc_np(errno));
        return report->out_of_memory ? ERR_NO_MEMORY : ERR_REGISTRY_INVALID;
    }
    struct registry_folder folder = { .report = report };
    for (size_t i = 0; i < REGISTRY_KIND_COUNT; i++) {
        buf_init(&folder.texts[i], YAML_BYTES_MAX + REGISTRY_READ_BYTES);
    }
    registry_folder_strangers(report, dir);
    enum err err = registry_folder_read(&folder, dirfd(dir));
    if (err == ERR_OK) {
        err = registry_make_from(&folder, dirfd(dir), ret_registry);
    }
    (void)closedir(dir); /* it was only read */
    for (size_t i = 0; i < REGISTRY_KIND_COUNT; i++) {
        buf_fini(&folder.texts[i]);
    }
    return err;
}
