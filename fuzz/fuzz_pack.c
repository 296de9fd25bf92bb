/* room: settle */
#include <sys/mman.h>
#include <unistd.h>

#include <stdio.h>

#include "settle/pack.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What was opened has names that stay in a folder, each once, and unpacks to what it says. */
static void pack_look(const struct pack *pack)
{
    struct buf bytes;
    buf_init(&bytes, PACK_FILE_MAX);
    for (size_t i = 0; i < pack_count(pack); i++) {
        ASSERT(pack_name_valid(pack_name(pack, i)));
        ASSERT(pack_find(pack, pack_name(pack, i)) == i);
        if (pack_read(pack, i, &bytes, NULL) == ERR_OK) {
            ASSERT(bytes.len == pack_size(pack, i));
        }
    }
    buf_fini(&bytes);
}

/* Any bytes as an archive: refused with a sentence, or all of it can be looked at. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[32];
    struct pack *pack = NULL;
    struct fail fail = { .text = "" };
    int fd = memfd_create("pack", MFD_CLOEXEC);
    ASSERT(fd >= 0 && write(fd, data, size) == (ssize_t)size);
    (void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd); /* fits */
    enum err err = pack_open(str_from(path), &pack, &fail);
    if (err == ERR_OK) {
        pack_look(pack);
    } else {
        ASSERT(err == ERR_PACK_INVALID && fail.text[0] != '\0');
    }
    pack_close(pack);
    (void)close(fd);
    return 0;
}
