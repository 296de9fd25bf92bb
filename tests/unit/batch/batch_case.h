/* A store and a folder of contents: what each test of batches begins with. */
#pragma once

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "batch/batch_again.h"
#include "batch/batch_line.h"
#include "batch/content.h"
#include "harness.h"

struct batch_case {
    char folder[64];
    struct store *store;
};

static inline void case_begin(struct batch_case *it)
{
    /* Two of the program's; here they are alone. */
    struct store_migration own[] = { batch_migration, batch_again_migration };
    char url[128];
    *it = (struct batch_case){ .folder = "/tmp/batch-XXXXXX" };
    own[0].number = 1;
    own[1].number = 2;
    CHECK(test_folder(it->folder) != NULL);
    (void)snprintf(url, sizeof(url), "sqlite:%s/batch.db", it->folder);
    const struct store_options options = { .url = str_from(url),
                                           .migrations = own,
                                           .migrations_count = EP_ARRAY_LEN(own) };
    CHECK_EQ(store_open(&options, &it->store, NULL), ERR_OK);
}

static inline void case_end(struct batch_case *it)
{
    store_close(it->store);
    it->store = NULL;
}

struct case_job {
    struct store_job job;
    store_read_fn *write;
    void *context;
};

static inline enum err case_job_run(struct store_job *job, struct store_txn *txn, struct fail *fail)
{
    struct case_job *it = EP_CONTAINER(job, struct case_job, job);
    return it->write(it->context, txn, fail);
}

static inline enum err case_write(const struct batch_case *it, store_read_fn *write, void *context)
{
    struct fail fail;
    struct case_job job = { .job = { .run = case_job_run }, .write = write, .context = context };
    return store_run(it->store, &job.job, &fail);
}

static inline enum err case_read(const struct batch_case *it, store_read_fn *read, void *context)
{
    struct fail fail;
    return store_read(it->store, read, context, &fail);
}

static inline struct id case_id(unsigned char number)
{
    return (struct id){ { 1, 2, 3, number } };
}

/* A content with that text. */
static inline void case_content(const struct batch_case *it, struct id id, struct str text)
{
    int fd = -1;
    CHECK_EQ(content_create(it->folder, id, CONTENT_JSONL, &fd, NULL), ERR_OK);
    CHECK_EQ(content_write(fd, text, NULL), ERR_OK);
    CHECK_EQ(close(fd), 0);
}

/* What is in a content; static room. */
static inline struct str case_text(const struct batch_case *it, struct id id)
{
    static char text[65536];
    int fd = -1;
    if (content_open(it->folder, id, CONTENT_JSONL, &fd, NULL) != ERR_OK) {
        return STR("(none)");
    }
    ssize_t len = pread(fd, text, sizeof(text), 0);
    CHECK(len >= 0);
    CHECK_EQ(close(fd), 0);
    return (struct str){ text, (size_t)len };
}
