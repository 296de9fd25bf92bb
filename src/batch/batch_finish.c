#include "batch/batch_finish.h"

#include <unistd.h>

#include "batch/batch_line.h"

#define FINISH_PIECE ((size_t)1 << 20) /* is written at once */

/* A file that grows by pieces. */
struct finish_file {
    int fd;
    struct buf piece;
    int64_t bytes;
};

static void finish_file_init(struct finish_file *file, size_t record_max)
{
    *file = (struct finish_file){ .fd = -1 };
    buf_init(&file->piece, FINISH_PIECE + 2 * record_max);
}

static void finish_file_fini(struct finish_file *file)
{
    buf_fini(&file->piece);
    if (file->fd >= 0) {
        (void)close(file->fd); /* it is synced, or its failure is told already */
    }
}

static enum err finish_flush(struct finish_file *file, struct fail *fail)
{
    file->bytes += (int64_t)file->piece.len;
    TRY(content_write(file->fd, buf_str(&file->piece), fail));
    buf_reset(&file->piece);
    return ERR_OK;
}

static enum err finish_flush_some(struct finish_file *file, struct fail *fail)
{
    return file->piece.len >= FINISH_PIECE ? finish_flush(file, fail) : ERR_OK;
}

/* ---- what was not begun ------------------------------------------------------------------- */

struct finish_rest {
    struct batch_finish *finish;
    struct finish_file journal;
    int input;
    struct buf line;
    struct buf json;
};

static enum err finish_one(struct finish_rest *rest, int64_t number, struct fail *fail)
{
    const struct batch_finish *finish = rest->finish;
    const struct batch_entry *entry = &finish->index->entries[number - 1];
    struct batch_ask ask;
    struct batch_fault fault;
    buf_reset(&rest->line);
    buf_reset(&rest->json);
    TRY(content_read_at(rest->input, entry->at, entry->len, &rest->line, fail));
    /* Good or bad, only its custom id matters now. */
    EP_IGNORE(batch_line_read(finish->batch->shape, finish->batch->endpoint, buf_str(&rest->line),
                              &ask, &fault));
    const struct batch_result result = { finish->batch->shape, finish->batch->id, number,
                                         ask.custom_id };
    TRY(batch_result_unrun(&rest->json, &result, finish->expired));
    enum content_end end = finish->expired ? CONTENT_EXPIRED : CONTENT_CANCELLED;
    TRY(content_journal_put(&rest->journal.piece, number, end, buf_str(&rest->json)));
    batch_index_end(finish->index, number, end);
    return finish_flush_some(&rest->journal, fail);
}

static enum err finish_all(struct finish_rest *rest, struct fail *fail)
{
    const struct batch_finish *finish = rest->finish;
    TRY(content_open(finish->folder, finish->batch->input, CONTENT_JSONL, &rest->input, fail));
    TRY(content_open(finish->folder, finish->batch->id, CONTENT_JOURNAL, &rest->journal.fd, fail));
    for (size_t i = 0; i < finish->index->count; i++) {
        unsigned state = finish->index->entries[i].state;
        ASSERT(state != BATCH_ENTRY_OPEN);
        if (state == BATCH_ENTRY_NEXT) {
            TRY(finish_one(rest, (int64_t)i + 1, fail));
        }
    }
    TRY(finish_flush(&rest->journal, fail));
    return content_sync(rest->journal.fd, fail);
}

static enum err finish_write_rest(struct batch_finish *finish, struct fail *fail)
{
    struct finish_rest rest = { .finish = finish, .input = -1 };
    finish_file_init(&rest.journal, finish->record_max);
    buf_init(&rest.line, finish->line_max);
    buf_init(&rest.json, BATCH_REQUEST_MAX + 8 * BATCH_CUSTOM_ID_MAX);
    enum err err = finish_all(&rest, fail);
    if (rest.input >= 0) {
        (void)close(rest.input); /* it was only read */
    }
    finish_file_fini(&rest.journal);
    buf_fini(&rest.line);
    buf_fini(&rest.json);
    return err;
}

/* ---- what clients read -------------------------------------------------------------------- */

struct finish_copy {
    enum batch_shape shape;
    struct finish_file output;
    struct finish_file errors;
    struct fail *fail;
};

static enum err finish_on_record(void *context, uint64_t at, struct str text)
{
    struct finish_copy *copy = context;
    int64_t line = 0;
    enum content_end end = CONTENT_DONE;
    struct str json;
    (void)at;
    if (!content_journal_read(text, &line, &end, &json)) {
        return ERR_IO; /* a journal of ours says nothing else */
    }
    bool output = end == CONTENT_DONE || copy->shape == BATCH_ANTHROPIC;
    struct finish_file *file = output ? &copy->output : &copy->errors;
    TRY(buf_append(&file->piece, json));
    TRY(buf_byte(&file->piece, '\n'));
    return finish_flush_some(file, copy->fail);
}

static enum err finish_copy_all(const struct batch_finish *finish, int journal,
                                struct finish_copy *copy, struct fail *fail)
{
    const struct batch *batch = finish->batch;
    TRY(content_create(finish->folder, batch->output, CONTENT_JSONL, &copy->output.fd, fail));
    TRY(content_create(finish->folder, batch->errors, CONTENT_JSONL, &copy->errors.fd, fail));
    TRY(content_lines(journal, finish->record_max, finish_on_record, copy, NULL, fail));
    TRY(finish_flush(&copy->output, fail));
    TRY(finish_flush(&copy->errors, fail));
    TRY(content_sync(copy->output.fd, fail));
    TRY(content_sync(copy->errors.fd, fail));
    return content_folder_sync(finish->folder, fail);
}

static enum err finish_write_results(struct batch_finish *finish, struct fail *fail)
{
    struct finish_copy copy = { .shape = finish->batch->shape, .fail = fail };
    int journal = -1;
    TRY(content_open(finish->folder, finish->batch->id, CONTENT_JOURNAL, &journal, fail));
    finish_file_init(&copy.output, finish->record_max);
    finish_file_init(&copy.errors, finish->record_max);
    enum err err = finish_copy_all(finish, journal, &copy, fail);
    finish_file_fini(&copy.output);
    finish_file_fini(&copy.errors);
    (void)close(journal); /* it was only read */
    finish->output_bytes = copy.output.bytes;
    finish->error_bytes = copy.errors.bytes;
    return err;
}

/* An empty file is none. */
static enum err finish_drop_empty(const struct batch_finish *finish, struct fail *fail)
{
    if (finish->output_bytes == 0) {
        TRY(content_remove(finish->folder, finish->batch->output, CONTENT_JSONL, fail));
    }
    return finish->error_bytes > 0
               ? ERR_OK
               : content_remove(finish->folder, finish->batch->errors, CONTENT_JSONL, fail);
}

enum err batch_finish_write(struct batch_finish *finish, struct fail *fail)
{
    TRY(finish_write_rest(finish, fail));
    TRY(finish_write_results(finish, fail));
    return finish_drop_empty(finish, fail);
}
