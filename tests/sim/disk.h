/*
 * The simulated disk: what lies under "/sim/" for SQLite (disk_vfs.c is its default layer for
 * files) and for the program itself (disk_posix.c stands in for open(), fsync() and the like). One
 * a process, all in memory.
 *
 * A written byte is durable once its file is synced, a name once its folder is: that folder, not
 * the ones above, without which it is lost all the same. SQLite's own layer syncs the folder along
 * with a new journal; here that makes the journal's name durable, and no other, so that the
 * database's is the program's to see to. A file that is renamed over another takes its place whole.
 * A power loss keeps, drops, reorders or tears (at sectors of 512 bytes) what was not synced; names
 * that were made or removed since may be there or not. After a failed sync some of what it was to
 * write can never be made durable, though it can still be read: as kernels do it.
 *
 * All chance comes from the seed. Single-threaded.
 */
#pragma once

#include "base/str.h"

/* An empty disk; what earlier ones held is gone. */
void disk_format(uint64_t seed);
/* Gives the memory back. Nothing may be open. */
void disk_end(void);

enum disk_end_kind {
    DISK_KILLED, /* the process ends: what it wrote, synced or not, is there for the next one */
    DISK_POWER   /* the machine does */
};

/* Whoever has files open can neither read nor write from here on, and nothing can be opened until
 * disk_mount(): the next process finds what is left. */
void disk_crash(enum disk_end_kind kind);
void disk_mount(void);
bool disk_down(void);

/* Copies what is durable now; once it is down, puts that back but for files whose names begin so: a
 * backup that somebody restores. */
void disk_keep(void);
void disk_put_back(const char *but);

enum disk_fault_kind {
    DISK_FAULT_NONE,
    DISK_FAULT_IO,   /* nothing is done */
    DISK_FAULT_HALF, /* a write of several sectors is half done; else as above */
    DISK_FAULT_FULL,
    DISK_FAULT_CRASH /* disk_crash() in the middle of it, with power loss */
};

struct disk_fault {
    enum disk_fault_kind kind;
    uint64_t nth; /* operation from now, 1: the next */
    bool for_ever;
    bool syncs_only;  /* other operations do not count */
    const char *file; /* how the name ends of the files alone that count; NULL: all */
};

void disk_set_fault(const struct disk_fault *fault);
/* Operations of the observer's own neither count nor fail. */
void disk_spare(bool spared);
/* Whether the fault that was set has struck. */
bool disk_struck(void);
/* Operations that can fail, since disk_format(). */
uint64_t disk_operations(void);
/* Of all operations so far: equal histories, equal numbers. */
uint64_t disk_digest(void);
