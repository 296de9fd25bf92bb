#include "meter/vocab.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "meter/vocab_tables_internal.h"

static void vocab_unmap(struct str file)
{
    ASSERT(file.len > 0);
    union {
        const char *from;
        void *to;
    } area = { .from = file.ptr };
    ASSERT(munmap(area.to, file.len) == 0);
}

static void vocab_close_fd(const int *fd)
{
    if (*fd >= 0) {
        (void)close(*fd); /* only read from: nothing can be lost */
    }
}

static enum err vocab_map(const char *path, struct str *ret_file, struct fail *fail)
{
    EP_CLEANUP(vocab_close_fd) int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return FAIL_SYS(fail, ERR_IO, "could not open \"%s\"", path);
    }
    struct stat info;
    if (fstat(fd, &info) != 0) {
        return FAIL_SYS(fail, ERR_IO, "could not examine \"%s\"", path);
    }
    if (!S_ISREG(info.st_mode)) {
        return FAIL(fail, ERR_IO, "\"%s\" is not a file", path);
    }
    if (info.st_size < (off_t)VOCAB_PAGE || info.st_size > (off_t)VOCAB_FILE_MAX) {
        return FAIL(fail, ERR_VOCAB, "\"%s\" is not a vocabulary: %lld bytes", path,
                    (long long)info.st_size);
    }
    size_t len = (size_t)info.st_size;
    /* All of it is read at once by the check: one fault instead of thousands. */
    void *area = mmap(NULL, len, PROT_READ, MAP_SHARED | MAP_POPULATE, fd, 0);
    if (area == MAP_FAILED) {
        return FAIL_SYS(fail, ERR_IO, "could not map \"%s\"", path);
    }
    *ret_file = (struct str){ area, len };
    return ERR_OK;
}

enum err vocab_open(const char *path, struct vocab **ret_vocab, struct fail *fail)
{
    ASSERT(path != NULL && ret_vocab != NULL);
    struct vocab *vocab = mem_zalloc(sizeof(*vocab));
    if (vocab == NULL) {
        return FAIL(fail, ERR_NO_MEMORY, "no memory for the vocabulary \"%s\"", path);
    }
    struct str file = STR_EMPTY;
    enum err err = vocab_map(path, &file, fail);
    if (err == ERR_OK) {
        err = vocab_attach(vocab, file, path, fail);
    }
    if (err != ERR_OK) {
        if (file.len > 0) {
            vocab_unmap(file);
        }
        mem_free(vocab);
        return err;
    }
    *ret_vocab = vocab;
    return ERR_OK;
}

void vocab_close(struct vocab *vocab)
{
    if (vocab != NULL) {
        vocab_unmap((struct str){ (const char *)vocab->header, vocab->info.bytes });
        vocab_detach(vocab);
        mem_free(vocab);
    }
}

const struct vocab_info *vocab_info(const struct vocab *vocab)
{
    return &vocab->info;
}

const struct vocab_split *vocab_split(const struct vocab *vocab)
{
    return &vocab->split;
}

const struct unicode_table *vocab_unicode(const struct vocab *vocab)
{
    return &vocab->unicode;
}

const struct vocab_special *vocab_specials(const struct vocab *vocab, size_t *ret_count)
{
    ASSERT(ret_count != NULL);
    *ret_count = vocab->header->specials;
    return vocab->specials;
}

/* The index of an id, or VOCAB_INDEX_NONE. */
static uint32_t vocab_index(const struct vocab *vocab, uint32_t id)
{
    const struct vocab_file_run *run = vocab->runs_by_id;
    for (uint32_t count = vocab->header->id_runs; count > 1;) {
        uint32_t half = count / 2;
        run = run[half].id <= id ? run + half : run;
        count -= half;
    }
    return id >= run->id && id - run->id < run->count ? run->index + (id - run->id)
                                                      : VOCAB_INDEX_NONE;
}

struct str vocab_token(const struct vocab *vocab, uint32_t id)
{
    ASSERT(vocab != NULL);
    for (size_t byte = 0; vocab->characters && byte < 256; byte++) {
        if (vocab->header->byte_ids[byte] == id) {
            return (struct str){ vocab->byte_texts + byte, 1 };
        }
    }
    uint32_t index = vocab_index(vocab, id);
    if (index < vocab->info.tokens) {
        return vocab_bytes(vocab, index);
    }
    for (size_t i = 0; i < vocab->header->specials; i++) {
        if (vocab->specials[i].id == id) {
            return vocab->specials[i].text;
        }
    }
    return STR_EMPTY;
}
