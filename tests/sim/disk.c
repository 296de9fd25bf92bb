#include "disk.h"

#include <string.h>

#include "base/mem.h"
#include "disk_internal.h"

static struct {
    struct disk_file *files; /* newest first */
    uint64_t random;
    uint64_t digest;
    uint64_t life; /* one more after each crash */
    uint64_t operations;
    struct disk_fault fault;
    bool struck;
    bool down;
    bool spared;
} disk;

/* ---- chance and history ------------------------------------------------------------------ */

static uint64_t disk_mix(uint64_t x)
{
    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

uint64_t disk_random(void)
{
    disk.random += UINT64_C(0x9e3779b97f4a7c15);
    return disk_mix(disk.random);
}

static void disk_note(uint64_t what, const void *bytes, size_t len)
{
    const unsigned char *at = bytes;
    uint64_t sum = what;
    for (size_t i = 0; i < len; i++) {
        sum = (sum ^ at[i]) * UINT64_C(1099511628211);
    }
    disk.digest = disk_mix(disk.digest ^ sum ^ len);
}

uint64_t disk_digest(void)
{
    return disk.digest;
}

uint64_t disk_operations(void)
{
    return disk.operations;
}

uint64_t disk_life(void)
{
    return disk.life;
}

/* ---- faults ------------------------------------------------------------------------------ */

void disk_set_fault(const struct disk_fault *fault)
{
    ASSERT(fault->kind == DISK_FAULT_NONE || fault->nth > 0);
    disk.fault = *fault;
    disk.struck = false;
}

void disk_spare(bool spared)
{
    disk.spared = spared;
}

bool disk_struck(void)
{
    return disk.struck;
}

static bool disk_counts(const char *name, bool is_sync)
{
    struct str file = str_from(disk.fault.file == NULL ? "" : disk.fault.file);
    bool is_it = str_starts(file, STR(DISK_FOLDER)) ? str_starts(str_from(name), file)
                                                    : str_ends(str_from(name), file);
    return is_it && (is_sync || !disk.fault.syncs_only);
}

/* Counts an operation; whether it fails. `name`: of the file, or of the folder. */
static bool disk_strikes(const char *name, bool is_sync)
{
    if (disk.spared) {
        return false;
    }
    disk.operations++;
    if (disk.fault.kind == DISK_FAULT_NONE || !disk_counts(name, is_sync)) {
        return false;
    }
    if (disk.fault.nth > 1) {
        disk.fault.nth--;
        return false;
    }
    bool strikes = !disk.struck || disk.fault.for_ever;
    if (strikes && !disk.struck && disk.fault.kind == DISK_FAULT_CRASH) {
        disk.struck = true;
        disk_crash(DISK_POWER);
    }
    disk.struck = true;
    return strikes;
}

static enum disk_result disk_failure(void)
{
    return disk.fault.kind == DISK_FAULT_FULL ? DISK_IS_FULL : DISK_FAILED;
}

/* ---- content ----------------------------------------------------------------------------- */

static void file_resize(struct buf *content, size_t size)
{
    if (size > content->len) {
        enum err err = buf_reserve(content, size - content->len);
        ASSERT(err == ERR_OK); /* memory for it is not part of what is simulated */
        memset(content->ptr + content->len, 0, size - content->len);
        buf_added(content, size - content->len);
    }
    content->len = size;
}

static void file_put(struct buf *content, const char *bytes, size_t len, size_t at)
{
    if (at + len > content->len) {
        file_resize(content, at + len);
    }
    if (len > 0) {
        memcpy(content->ptr + at, bytes, len);
    }
}

static void file_copy(struct buf *to, const struct buf *from)
{
    file_resize(to, 0);
    file_put(to, from->ptr, from->len, 0);
}

static void file_apply(struct buf *content, const struct disk_change *change)
{
    if (change->bytes == NULL) {
        file_resize(content, change->at);
    } else {
        file_put(content, change->bytes, change->len, change->at);
    }
}

static void file_forget_changes(struct disk_file *file)
{
    for (size_t i = 0; i < file->change_count; i++) {
        mem_free(file->changes[i].bytes);
    }
    file->change_count = 0;
}

static void file_change(struct disk_file *file, const char *bytes, size_t len, size_t at)
{
    if (file->change_count == file->change_cap) {
        file->change_cap = file->change_cap == 0 ? 64 : file->change_cap * 2;
        file->changes = mem_realloc(file->changes, file->change_cap * sizeof(*file->changes));
        ASSERT(file->changes != NULL);
    }
    struct disk_change *change = &file->changes[file->change_count++];
    *change = (struct disk_change){ .at = at, .len = len };
    if (bytes != NULL) {
        change->bytes = mem_alloc(len);
        ASSERT(change->bytes != NULL);
        memcpy(change->bytes, bytes, len);
    }
    file_apply(&file->now, change);
}

/* ---- files ------------------------------------------------------------------------------- */

static struct disk_file *file_find(const char *name)
{
    struct disk_file *file = disk.files;
    while (file != NULL && (!file->named || strcmp(file->name, name) != 0)) {
        file = file->next;
    }
    return file;
}

/* Files that nobody can reach any more. */
static void disk_sweep(void)
{
    struct disk_file **at = &disk.files;
    while (*at != NULL) {
        struct disk_file *file = *at;
        if (file->named || file->named_durably || file->handles > 0) {
            at = &file->next;
            continue;
        }
        *at = file->next;
        file_forget_changes(file);
        mem_free(file->changes);
        buf_fini(&file->durable);
        buf_fini(&file->now);
        buf_fini(&file->kept);
        mem_free(file);
    }
}

static struct disk_file *file_create(const char *name)
{
    struct disk_file *file = mem_zalloc(sizeof(*file));
    ASSERT(file != NULL);
    ASSERT(strlen(name) < DISK_NAME_MAX);
    memcpy(file->name, name, strlen(name));
    file->named = name[0] != '\0';
    buf_init(&file->durable, DISK_FILE_MAX);
    buf_init(&file->now, DISK_FILE_MAX);
    buf_init(&file->kept, DISK_FILE_MAX);
    file->next = disk.files;
    disk.files = file;
    return file;
}

struct disk_file *disk_open(const char *name, bool create, struct disk_handle *ret_handle,
                            enum disk_result *ret_result)
{
    struct disk_file *file = file_find(name);
    *ret_result = DISK_FAILED;
    if (disk.down || (file == NULL && (!create || disk_strikes(name, false)))) {
        return NULL;
    }
    if (file == NULL) {
        file = file_create(name);
        disk_note(1, name, strlen(name));
    }
    file->handles++;
    *ret_handle = (struct disk_handle){ .file = file, .life = disk.life };
    *ret_result = DISK_OK;
    return file;
}

void disk_close(struct disk_handle *handle)
{
    handle->file->handles--;
    disk_sweep();
}

bool disk_alive(const struct disk_handle *handle)
{
    return handle->life == disk.life;
}

bool disk_exists(const char *name)
{
    return !disk.down && file_find(name) != NULL;
}

bool disk_is_folder(const char *name)
{
    const struct disk_file *file = file_find(name);
    return strcmp(name, DISK_ROOT) == 0 || (!disk.down && file != NULL && file->folder);
}

/* How much of the path is the folder. */
static size_t folder_len(const char *name)
{
    const char *slash = strrchr(name, '/');
    return slash == NULL ? 0 : (size_t)(slash - name);
}

bool disk_has_place(const char *name)
{
    char folder[DISK_NAME_MAX];
    size_t len = folder_len(name);
    ASSERT(len < DISK_NAME_MAX);
    memcpy(folder, name, len);
    folder[len] = '\0';
    return disk_is_folder(folder);
}

int64_t disk_size(const char *name)
{
    const struct disk_file *file = file_find(name);
    return disk.down || file == NULL ? -1 : (int64_t)file->now.len;
}

bool disk_is_empty(const char *folder)
{
    size_t len = strlen(folder);
    for (const struct disk_file *file = disk.files; file != NULL; file = file->next) {
        if (file->named && strncmp(file->name, folder, len) == 0 && file->name[len] == '/') {
            return false;
        }
    }
    return true;
}

enum disk_result disk_read(const struct disk_handle *handle, void *bytes, size_t len, size_t at)
{
    if (!disk_alive(handle) || disk_strikes(handle->file->name, false)) {
        return DISK_FAILED;
    }
    const struct buf *now = &handle->file->now;
    size_t have = at >= now->len ? 0 : now->len - at < len ? now->len - at : len;
    if (have > 0) {
        memcpy(bytes, now->ptr + at, have);
    }
    memset((char *)bytes + have, 0, len - have);
    return have == len ? DISK_OK : DISK_SHORT;
}

enum disk_result disk_write(const struct disk_handle *handle, const void *bytes, size_t len,
                            size_t at)
{
    if (!disk_alive(handle)) {
        return DISK_FAILED;
    }
    disk_note(2 + at, bytes, len);
    if (!disk_strikes(handle->file->name, false)) {
        file_change(handle->file, bytes, len, at);
        return DISK_OK;
    }
    size_t half = len / 2 - (at + len / 2) % DISK_SECTOR; /* sectors are whole, or not written */
    if (disk_alive(handle) && disk.fault.kind == DISK_FAULT_HALF && len > DISK_SECTOR && half > 0) {
        file_change(handle->file, bytes, half, at);
    }
    return disk_failure();
}

enum disk_result disk_truncate(const struct disk_handle *handle, size_t size)
{
    if (!disk_alive(handle) || disk_strikes(handle->file->name, false)) {
        return DISK_FAILED;
    }
    disk_note(3 + size, NULL, 0);
    file_change(handle->file, NULL, 0, size);
    return DISK_OK;
}

/* What a sync that fails has written, nobody knows. */
static void file_lose_some(struct disk_file *file)
{
    for (size_t i = 0; i < file->change_count; i++) {
        file->changes[i].lost |= disk_random() % 2 == 0;
    }
}

static void file_sync(struct disk_file *file)
{
    for (size_t i = 0; i < file->change_count; i++) {
        if (!file->changes[i].lost) {
            file_apply(&file->durable, &file->changes[i]);
        }
    }
    file_forget_changes(file);
}

enum disk_result disk_sync(const struct disk_handle *handle)
{
    struct disk_file *file = handle->file;
    if (!disk_alive(handle)) {
        return DISK_FAILED;
    }
    disk_note(4, file->name, strlen(file->name));
    if (disk_strikes(file->name, true)) {
        if (disk_alive(handle)) {
            file_lose_some(file);
        }
        return disk_failure();
    }
    file_sync(file);
    file->named_durably |= handle->journal && file->named;
    return DISK_OK;
}

enum disk_result disk_remove(const char *name)
{
    struct disk_file *file = file_find(name);
    if (disk.down || file == NULL || disk_strikes(name, false)) {
        return DISK_FAILED;
    }
    disk_note(5, name, strlen(name));
    file->named = false;
    disk_sweep();
    return DISK_OK;
}

enum disk_result disk_rename(const char *from, const char *to)
{
    struct disk_file *file = file_find(from);
    struct disk_file *old = file_find(to);
    ASSERT(strlen(to) < DISK_NAME_MAX);
    if (disk.down || file == NULL || !disk_has_place(to) || disk_strikes(to, false)) {
        return DISK_FAILED;
    }
    disk_note(8, to, strlen(to));
    if (old != NULL) {
        old->named = false;
        old->replaced = old->named_durably;
    }
    memcpy(file->name, to, strlen(to) + 1);
    file->named_durably = false;
    disk_sweep();
    return DISK_OK;
}

enum disk_result disk_make_folder(const char *name)
{
    if (disk.down || !disk_has_place(name) || disk_strikes(name, false)) {
        return DISK_FAILED;
    }
    disk_note(9, name, strlen(name));
    file_create(name)->folder = true;
    return DISK_OK;
}

enum disk_result disk_sync_folder(const char *name, uint64_t life)
{
    size_t len = strlen(name);
    if (life != disk.life || disk_strikes(name, true)) {
        return DISK_FAILED;
    }
    disk_note(6, name, len);
    for (struct disk_file *file = disk.files; file != NULL; file = file->next) {
        if (folder_len(file->name) == len && strncmp(file->name, name, len) == 0) {
            file->named_durably = file->named;
            file->replaced = false;
        }
    }
    disk_sweep();
    return DISK_OK;
}

static bool file_is_within(const struct disk_file *file, const char *folder, size_t len)
{
    return strncmp(file->name, folder, len) == 0 && file->name[len] == '/';
}

enum disk_result disk_sync_within(const char *name, uint64_t life)
{
    size_t len = strlen(name);
    bool strikes = life != disk.life || disk_strikes(name, true);
    disk_note(10, name, len);
    for (struct disk_file *file = disk.files; life == disk.life && file != NULL;
         file = file->next) {
        if (!file_is_within(file, name, len)) {
            continue;
        }
        if (strikes) {
            file_lose_some(file);
            continue;
        }
        file_sync(file);
        file->named_durably = file->named;
        file->replaced = false;
    }
    if (!strikes) {
        disk_sweep();
    }
    return strikes ? DISK_FAILED : DISK_OK;
}

/* ---- ends -------------------------------------------------------------------------------- */

void disk_shm_leave(struct disk_handle *handle)
{
    struct disk_shm *shm = handle->shm;
    handle->shm = NULL;
    if (shm == NULL || --shm->references > 0) {
        return;
    }
    for (int i = 0; i < shm->region_count; i++) {
        mem_free(shm->regions[i]);
    }
    if (handle->file->shm == shm) {
        handle->file->shm = NULL;
    }
    mem_free(shm);
}

/* A write of which each sector is there or not. */
static void crash_tear(struct buf *content, const struct disk_change *change)
{
    for (size_t done = 0; done < change->len;) {
        size_t left_of_sector = DISK_SECTOR - (change->at + done) % DISK_SECTOR;
        size_t len = change->len - done < left_of_sector ? change->len - done : left_of_sector;
        if (disk_random() % 2 == 0) {
            file_put(content, change->bytes + done, len, change->at + done);
        }
        done += len;
    }
}

/* In another order than they were made in. */
static void crash_shuffle(struct disk_file *file)
{
    for (size_t i = file->change_count; i > 1; i--) {
        size_t other = disk_random() % i;
        struct disk_change kept = file->changes[i - 1];
        file->changes[i - 1] = file->changes[other];
        file->changes[other] = kept;
    }
}

static void crash_file(struct disk_file *file)
{
    enum {
        NOTHING,
        EVERYTHING,
        SOME,
        SOME_IN_ANY_ORDER,
        SIZES
    } mode = disk_random() % 5;
    if (mode == SOME_IN_ANY_ORDER) {
        crash_shuffle(file);
    }
    for (size_t i = 0; i < file->change_count && mode != NOTHING; i++) {
        const struct disk_change *change = &file->changes[i];
        uint64_t fate = mode == EVERYTHING ? 0 : disk_random() % 3;
        if (mode == SIZES && change->bytes != NULL &&
            change->at + change->len > file->durable.len) {
            file_resize(&file->durable, change->at + change->len); /* without its bytes */
        }
        if (change->lost || fate == 1 || mode == SIZES) {
            continue;
        }
        if (fate == 2 && change->bytes != NULL) {
            crash_tear(&file->durable, change);
        } else {
            file_apply(&file->durable, change);
        }
    }
    file_forget_changes(file);
    file_copy(&file->now, &file->durable);
}

/* A name that was removed and made anew leads to one of the two files. */
static void crash_names(void)
{
    for (struct disk_file *file = disk.files; file != NULL; file = file->next) {
        if (file->named != file->named_durably) {
            file->named = file->replaced || disk_random() % 2 == 0;
        }
        for (const struct disk_file *newer = disk.files; newer != file; newer = newer->next) {
            file->named &= !newer->named || strcmp(newer->name, file->name) != 0;
        }
        file->replaced = false;
    }
}

/* What was in a folder that is not there any more is not there either. */
static void crash_folders(void)
{
    for (struct disk_file *file = disk.files; file != NULL; file = file->next) {
        char folder[DISK_NAME_MAX];
        memcpy(folder, file->name, sizeof(folder));
        while (folder[0] != '\0' && file->named) {
            folder[folder_len(folder)] = '\0';
            const struct disk_file *above = file_find(folder);
            file->named = folder[0] == '\0' || strcmp(folder, DISK_ROOT) == 0 ||
                          (above != NULL && above->folder);
        }
    }
    for (struct disk_file *file = disk.files; file != NULL; file = file->next) {
        file->named_durably = file->named;
    }
}

void disk_crash(enum disk_end_kind kind)
{
    disk_note(7 + (uint64_t)kind, NULL, 0);
    disk.life++;
    disk.down = true;
    disk_forget_descriptors();
    if (kind == DISK_POWER) {
        crash_names();
        crash_folders();
    }
    for (struct disk_file *file = disk.files; file != NULL; file = file->next) {
        if (kind == DISK_POWER) {
            crash_file(file);
        }
        file->shared = 0;
        file->reserved = NULL;
        file->pending = NULL;
        file->shm = NULL; /* those who mapped it keep it, and nobody else finds it */
    }
    disk_sweep();
}

void disk_keep(void)
{
    for (struct disk_file *file = disk.files; file != NULL; file = file->next) {
        file_copy(&file->kept, &file->durable);
        file->kept_named = file->named_durably;
    }
}

void disk_put_back(const char *but)
{
    ASSERT(disk.down);
    for (struct disk_file *file = disk.files; file != NULL; file = file->next) {
        if (!str_starts(str_from(file->name), str_from(but))) {
            file_forget_changes(file);
            file_copy(&file->durable, &file->kept);
            file_copy(&file->now, &file->kept);
            file->named = file->kept_named;
            file->named_durably = file->kept_named;
        }
    }
}

void disk_mount(void)
{
    disk.down = false;
}

bool disk_down(void)
{
    return disk.down;
}

void disk_end(void)
{
    for (struct disk_file *file = disk.files; file != NULL; file = file->next) {
        file->named = false;
        file->named_durably = false;
        ASSERT(file->handles == 0);
    }
    disk_sweep();
}

void disk_format(uint64_t seed)
{
    disk_register();
    disk_end();
    disk.life++;
    disk.random = seed ^ UINT64_C(0x6469736b);
    disk.digest = seed;
    disk.operations = 0;
    disk.struck = false;
    disk.down = false;
    disk.fault = (struct disk_fault){ .kind = DISK_FAULT_NONE };
}
