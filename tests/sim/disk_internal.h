/* The disk's files, as its two faces (SQLite's and the system's) see them. */
#pragma once

#include "base/buf.h"
#include "disk.h"

#define DISK_FOLDER    "/sim/"
#define DISK_ROOT      "/sim"
#define DISK_NAME_MAX  64
#define DISK_FILE_MAX  ((size_t)1 << 30)
#define DISK_SHM_MAX   64 /* regions of 32 KiB: a journal of some 250,000 pages */
#define DISK_SHM_LOCKS 8
#define DISK_FD_FIRST  1000000 /* far above what the system gives out */
#define DISK_OPEN_MAX  64
#define DISK_SECTOR    512

/* What was written and not synced. */
struct disk_change {
    size_t at;
    size_t len;
    char *bytes; /* NULL: the file was cut to `at` */
    bool lost;   /* by a failed sync */
};

struct disk_handle;

/* The memory that the connections of one database share. */
struct disk_shm {
    char *regions[DISK_SHM_MAX];
    int region_count;
    int references;
    int shared[DISK_SHM_LOCKS];
    const struct disk_handle *exclusive[DISK_SHM_LOCKS];
};

struct disk_file {
    struct disk_file *next;
    char name[DISK_NAME_MAX]; /* empty: a temporary file */
    struct buf durable;
    struct buf now;
    struct buf kept; /* by disk_keep() */
    bool kept_named;
    struct disk_change *changes;
    size_t change_count;
    size_t change_cap;
    bool folder;
    bool named;         /* programs find it */
    bool named_durably; /* and do after a power loss */
    bool replaced; /* another was given its name: after a power loss it has the one or the other */
    int handles;
    int shared; /* locks as SQLite's */
    const struct disk_handle *reserved;
    const struct disk_handle *pending;
    struct disk_shm *shm;
};

/* An open file; dead once the disk has crashed. */
struct disk_handle {
    struct disk_file *file;
    uint64_t life;
    bool journal; /* its name becomes durable with its content */
    int level;    /* SQLite's lock */
    struct disk_shm *shm;
    unsigned shm_shared;
    unsigned shm_exclusive;
};

enum disk_result {
    DISK_OK,
    DISK_FAILED,
    DISK_IS_FULL,
    DISK_SHORT /* a read beyond the end: the rest is zero */
};

/* Creates it if asked to; NULL: it is not there, or the operation fails. An empty name: a temporary
 * file. */
struct disk_file *disk_open(const char *name, bool create, struct disk_handle *ret_handle,
                            enum disk_result *ret_result);
void disk_close(struct disk_handle *handle);
bool disk_alive(const struct disk_handle *handle);
bool disk_exists(const char *name);
bool disk_is_folder(const char *name);
/* Whether the folder that it is in is there. */
bool disk_has_place(const char *name);
int64_t disk_size(const char *name); /* -1: it is not there */
enum disk_result disk_read(const struct disk_handle *handle, void *bytes, size_t len, size_t at);
enum disk_result disk_write(const struct disk_handle *handle, const void *bytes, size_t len,
                            size_t at);
enum disk_result disk_truncate(const struct disk_handle *handle, size_t size);
enum disk_result disk_sync(const struct disk_handle *handle);
enum disk_result disk_remove(const char *name);
/* Over a file of that name, if there is one. */
enum disk_result disk_rename(const char *from, const char *to);
/* Neither is called for what is there, or is not. */
enum disk_result disk_make_folder(const char *name);
bool disk_is_empty(const char *folder);
/* Makes durable the names in it, and in no folder within it. */
enum disk_result disk_sync_folder(const char *name, uint64_t life);
/* Makes durable whatever is in it, at any depth, content and names. (The system's own also takes
 * what is beside it: nothing may stand on that.) */
enum disk_result disk_sync_within(const char *name, uint64_t life);
uint64_t disk_life(void);
uint64_t disk_random(void);
void disk_shm_leave(struct disk_handle *handle);

/* disk_vfs.c: makes the disk SQLite's own. */
void disk_register(void);
/* disk_posix.c: forgets which descriptors are open. */
void disk_forget_descriptors(void);
