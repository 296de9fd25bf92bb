/* A file for batches that a client hands in: OpenAI's POST /v1/files. */
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/stamp.h"
#include "batch/content.h"
#include "crypto/random.h"
#include "front/errand.h"
#include "front/errand_batch.h"
#include "front/front_internal.h"
#include "gate/chore.h"
#include "gate/reply.h"
#include "wire/multipart.h"
#include "wire/utf8.h"

#define FILES_FRAME_MAX ((uint64_t)1 << 20) /* of a body, beside the file */
#define FILES_PIECE     ((size_t)64 * 1024) /* that is written at once */
#define FILES_AT_ONCE   8 /* of a client, on a loop: their room is looked at when they are whole */
#define FILES_AFTER_MIN INT64_C(3600) /* seconds; as OpenAI's API has it */
#define FILES_AFTER_MAX INT64_C(2592000)

/* An upload, from the head of its request on: the form is read as it comes, and the file's bytes go
 * where they stay, so that little of it is in memory, however large it is. As of any upload
 * (upload.h), the file is a worker's: while a piece is written the client is not read. */
struct file_add {
    struct errand_batch errand; /* first */
    struct node node;           /* of the front's, until its body is there */
    struct timer timer;         /* by then it must be */
    struct multipart form;
    char name[BATCH_NAME_MAX + 1];
    size_t name_len;
    struct batch_file file;
    struct chore chore;
    struct buf piece; /* on its way to the file */
    int fd;           /* -1: not made yet */
    enum err piece_err;
    struct fail piece_fail;
    bool whole;                  /* the form is: when it is written the file is kept */
    bool ended;                  /* nobody wants it any more: it goes when the chore is over */
    struct digest_stream digest; /* of its bytes, if it may be sent again */
    int64_t after_s; /* it is to expire so long after it was made; 0: nothing was said */
    bool has_file;
    bool has_purpose;
};

static enum err file_refuse(struct file_add *add, enum err err, const char *param,
                            const char *message)
{
    add->errand.work.err = err;
    errand_work_fault(&add->errand.work, param, message);
    return err;
}

static enum err file_on_field(struct file_add *add, const struct multipart_item *item)
{
    if (str_eq(item->name, STR("purpose"))) {
        add->has_purpose = true;
        return str_eq(item->value, STR("batch"))
                   ? ERR_OK
                   : file_refuse(add, ERR_ASK_INVALID, "purpose",
                                 "Files are kept for batches alone: the purpose is \"batch\".");
    }
    if (str_eq(item->name, STR("expires_after[anchor]"))) {
        return str_eq(item->value, STR("created_at"))
                   ? ERR_OK
                   : file_refuse(add, ERR_ASK_INVALID, "expires_after[anchor]",
                                 "The anchor is \"created_at\".");
    }
    if (str_eq(item->name, STR("expires_after[seconds]"))) {
        bool fine = str_to_i64(item->value, &add->after_s) && add->after_s >= FILES_AFTER_MIN &&
                    add->after_s <= FILES_AFTER_MAX;
        return fine ? ERR_OK
                    : file_refuse(add, ERR_ASK_INVALID, "expires_after[seconds]",
                                  "A file expires 3600 to 2592000 seconds after it was made.");
    }
    return file_refuse(add, ERR_ASK_UNSUPPORTED, "",
                       "A file is handed in with the fields purpose, file and expires_after.");
}

static enum err file_on_begin(struct file_add *add, const struct multipart_item *item)
{
    if (!str_eq(item->name, STR("file"))) {
        return file_refuse(add, ERR_ASK_UNSUPPORTED, "", "The file stands in the field \"file\".");
    }
    if (item->file_name.len > BATCH_NAME_MAX ||
        utf8_valid(item->file_name) != item->file_name.len) {
        return file_refuse(add, ERR_ASK_INVALID, "file",
                           "A file's name has at most 255 bytes of UTF-8.");
    }
    memcpy(add->name, item->file_name.len > 0 ? item->file_name.ptr : "", item->file_name.len);
    add->name_len = item->file_name.len;
    add->has_file = true;
    return ERR_OK;
}

static enum err file_on_data(struct file_add *add, struct str bytes)
{
    add->file.bytes += (int64_t)bytes.len;
    if ((size_t)add->file.bytes > add->errand.work.front->world.batches->file_bytes_max) {
        return file_refuse(add, ERR_HTTP_BODY_SIZE, "file",
                           "The file is larger than a batch's may be.");
    }
    if (add->errand.again.known) {
        digest_stream_add(&add->digest, bytes);
    }
    return buf_append(&add->piece, bytes);
}

static enum err file_on_item(struct file_add *add, const struct multipart_item *item)
{
    switch (item->kind) {
    case MULTIPART_FIELD:
        return file_on_field(add, item);
    case MULTIPART_FILE:
        return file_on_begin(add, item);
    case MULTIPART_DATA:
        return file_on_data(add, item->value);
    case MULTIPART_FILE_END:
    case MULTIPART_END:
        break;
    }
    return ERR_OK;
}

static enum err file_unread(struct file_add *add)
{
    return add->form.bad == MULTIPART_NO_MEMORY
               ? ERR_NO_MEMORY
               : file_refuse(add, ERR_ASK_INVALID, "", multipart_why(add->form.bad));
}

static enum err file_feed(struct file_add *add, struct str data)
{
    struct multipart_item item;
    enum wire_result result = WIRE_DONE;
    while ((result = multipart_next(&add->form, &data, &item)) == WIRE_DONE) {
        TRY(file_on_item(add, &item));
    }
    return result == WIRE_BAD ? file_unread(add) : ERR_OK;
}

/* The form is whole. */
static enum err file_check(struct file_add *add)
{
    if (!multipart_done(&add->form)) {
        return file_unread(add);
    }
    if (!add->has_purpose) {
        return file_refuse(add, ERR_ASK_MISSING, "purpose", "");
    }
    if (!add->has_file) {
        return file_refuse(add, ERR_ASK_MISSING, "file", "");
    }
    return add->file.bytes > 0 ? ERR_OK
                               : file_refuse(add, ERR_ASK_INVALID, "file", "The file is empty.");
}

/* What a repeat repeats: its form has another boundary each time, but the same in it. */
static void file_asks(struct file_add *add)
{
    char text[DIGEST_BYTES + BATCH_NAME_MAX + 32];
    struct buf body = { text, 0, sizeof(text), sizeof(text) };
    if (!add->errand.again.known) {
        return;
    }
    const struct digest digest = digest_stream_end(&add->digest);
    EP_IGNORE(buf_append(&body, digest_str(&digest))); /* all of it fits */
    EP_IGNORE(buf_u64(&body, (uint64_t)add->after_s));
    EP_IGNORE(buf_byte(&body, '\n'));
    EP_IGNORE(buf_append(&body, (struct str){ add->name, add->name_len }));
    errand_again_asks(&add->errand, STR("/v1/files"), buf_str(&body));
}

static enum err file_write_row(void *context, struct store_txn *txn, struct fail *fail)
{
    struct file_add *add = context; /* its first part is the errand_batch */
    int64_t bytes = 0;
    TRY(errand_again_look(&add->errand, txn, errand_file_tell, fail));
    if (add->errand.again.told) {
        return ERR_OK;
    }
    TRY(batch_file_bytes(txn, add->file.owner.client, &bytes, fail));
    if (bytes + add->file.bytes > add->errand.work.front->world.batches->client_bytes_max) {
        return ERR_BATCH_ROOM;
    }
    TRY(errand_again_made(&add->errand, txn, add->file.id, fail));
    return batch_file_add(txn, &add->file, fail);
}

/* ---- on a worker's thread ---- */

static enum err file_write_piece(struct file_add *add)
{
    const char *folder = add->errand.work.front->world.batches->folder;
    struct fail *fail = &add->piece_fail;
    if (add->fd < 0) {
        TRY(content_create(folder, add->file.id, CONTENT_JSONL, &add->fd, fail));
    }
    return content_write(add->fd, buf_str(&add->piece), fail);
}

/* To the disk, with its name. */
static enum err file_write_rest(struct file_add *add)
{
    TRY(file_write_piece(add));
    TRY(content_sync(add->fd, &add->piece_fail));
    return content_folder_sync(add->errand.work.front->world.batches->folder, &add->piece_fail);
}

/* The client learns that the server has failed; the operator, of what. */
static void file_log(const struct file_add *add)
{
    struct log_line line;
    log_begin(&line, EVENT_UPLOAD);
    log_fail(&line, &add->piece_fail);
    log_end(&line);
}

/* The content is durable before anybody is told its id. */
static enum err file_keep(struct file_add *add)
{
    enum err err = file_write_rest(add);
    if (err != ERR_OK) {
        file_log(add);
        return err;
    }
    int64_t keep_ns = add->errand.keep_ns;
    int64_t after_ns = add->after_s * STAMP_NS_PER_S;
    add->file.owner = add->errand.owner;
    add->file.purpose = STR("batch");
    add->file.name = (struct str){ add->name, add->name_len };
    add->file.created_ns = add->errand.now_ns;
    add->file.until_ns =
        add->errand.now_ns + (after_ns > 0 && after_ns < keep_ns ? after_ns : keep_ns);
    file_asks(add);
    errand_batch_write(&add->errand, file_write_row);
    return add->errand.work.err;
}

/* What stays of it is swept up: no row knows of it. */
static void file_drop_content(struct file_add *add)
{
    struct fail fail;
    if (add->fd >= 0) {
        EP_IGNORE(content_remove(add->errand.work.front->world.batches->folder, add->file.id,
                                 CONTENT_JSONL, &fail));
    }
}

static void file_add_run(struct errand_work *work)
{
    struct file_add *add = EP_CONTAINER(work, struct file_add, errand.work);
    work->err = file_keep(add);
    if (work->err != ERR_OK || add->errand.again.told) {
        file_drop_content(add);
        return;
    }
    errand_put_file(&add->errand.json, &add->file);
    work->err = jsonw_err(&add->errand.json);
}

static void file_add_fini(struct errand_work *work)
{
    struct file_add *add = EP_CONTAINER(work, struct file_add, errand.work);
    multipart_fini(&add->form);
    buf_fini(&add->piece);
    digest_stream_fini(&add->digest);
    if (add->fd >= 0) {
        (void)close(add->fd); /* it is synced, or removed */
    }
}

/* ---- on the loop's thread ---- */

static struct file_add *file_of(struct chore *chore)
{
    return EP_CONTAINER(chore, struct file_add, chore);
}

static void file_run_drop(struct chore *chore)
{
    struct file_add *add = file_of(chore);
    file_drop_content(add);
    if (add->fd >= 0) {
        (void)close(add->fd); /* it has no name any more */
        add->fd = -1;
    }
}

static void file_on_dropped(struct chore *chore)
{
    errand_batch_drop(&file_of(chore)->errand);
}

static void file_end(struct file_add *add)
{
    if (add->fd < 0) {
        file_on_dropped(&add->chore);
    } else if (chore_start(&add->chore, file_run_drop, file_on_dropped) != ERR_OK) {
        file_run_drop(&add->chore); /* so much waits for a thread that this one does it */
        file_on_dropped(&add->chore);
    }
}

/* Its body is no longer waited for. */
static void file_leave(struct file_add *add)
{
    timer_stop(add->errand.work.front->loop, &add->timer);
    node_unlink(&add->node);
    add->errand.work.gone = NULL;
    add->errand.work.body = NULL;
}

static void file_give_up(struct file_add *add)
{
    file_leave(add);
    add->ended = true;
    if (!add->chore.busy) {
        file_end(add);
    }
}

static void file_answer(struct file_add *add, enum err err)
{
    struct http_exchange *x = add->errand.work.x;
    const struct face_error error = { .err = err,
                                      .message = str_from(add->errand.work.message),
                                      .param = str_from(add->errand.work.param) };
    reply_refuse(x, &error);
    file_give_up(add);
}

static void file_begin_keep(struct file_add *add)
{
    struct http_exchange *x = add->errand.work.x;
    file_leave(add);
    errand_batch_start(&add->errand, x, file_add_run);
}

static void file_run_write(struct chore *chore)
{
    struct file_add *add = file_of(chore);
    add->piece_err = file_write_piece(add);
}

static void file_on_written(struct chore *chore)
{
    struct file_add *add = file_of(chore);
    if (add->piece_err != ERR_OK) {
        file_log(add);
    }
    if (add->ended) {
        file_end(add);
        return;
    }
    buf_reset(&add->piece);
    if (add->piece_err != ERR_OK) {
        file_answer(add, add->piece_err);
    } else if (add->whole) {
        file_begin_keep(add);
    } else {
        http_exchange_resume_body(add->errand.work.x);
    }
}

static void file_on_piece(struct errand_work *work, struct str data)
{
    struct file_add *add = EP_CONTAINER(work, struct file_add, errand.work);
    enum err err = file_feed(add, data);
    if (err == ERR_OK && add->piece.len >= (add->fd < 0 ? 1 : FILES_PIECE)) {
        err = chore_start(&add->chore, file_run_write, file_on_written);
        if (err == ERR_OK) {
            http_exchange_hold_body(work->x);
        }
    }
    if (err != ERR_OK) {
        file_answer(add, err);
    }
}

static void file_on_done(struct errand_work *work)
{
    struct file_add *add = EP_CONTAINER(work, struct file_add, errand.work);
    enum err err = file_check(add);
    if (err != ERR_OK) {
        file_answer(add, err);
        return;
    }
    add->whole = true;
    if (!add->chore.busy) {
        file_begin_keep(add);
    }
}

static void file_on_broken(struct errand_work *work, enum err err)
{
    file_answer(EP_CONTAINER(work, struct file_add, errand.work), err);
}

static void file_on_gone(struct errand_work *work)
{
    file_give_up(EP_CONTAINER(work, struct file_add, errand.work));
}

static void file_on_timer(struct timer *timer)
{
    file_answer(EP_CONTAINER(timer, struct file_add, timer), ERR_HTTP_TIMEOUT);
}

static const struct errand_body file_body = { file_on_piece, file_on_done, file_on_broken };

void errand_files_cut(struct front *front)
{
    LIST_EACH_SAFE(node, after, &front->file_uploads) {
        struct file_add *add = EP_CONTAINER(node, struct file_add, node);
        http_exchange_abort(add->errand.work.x);
        file_give_up(add);
    }
}

static enum err file_check_others(const struct front *front, struct id client)
{
    size_t count = 0;
    LIST_EACH(node, &front->file_uploads) {
        const struct file_add *other = EP_CONTAINER(node, const struct file_add, node);
        count += id_eq(other->errand.owner.client, client) ? 1 : 0;
    }
    return count < FILES_AT_ONCE ? ERR_OK : ERR_LIMIT_CALLS;
}

/* NULL: it was refused. */
static struct file_add *file_start(struct front *front, struct http_exchange *x)
{
    struct file_add *add = errand_batch_make(front, x, sizeof(*add), ERRAND_BATCH_CHANGES);
    if (add == NULL) {
        return NULL;
    }
    const struct http1_head *head = http_exchange_head(x);
    uint64_t most = front->world.batches->file_bytes_max + FILES_FRAME_MAX;
    add->fd = -1;
    add->chore.gate = front->gate;
    buf_init(&add->piece, (size_t)front->world.batches->file_bytes_max + FILES_PIECE);
    add->file.id = id_make(add->errand.now_ns, front->world.gate.node, random_u64());
    timer_init(&add->timer, file_on_timer);
    enum err err = head->framing == HTTP1_LENGTH && head->length > most
                       ? ERR_HTTP_BODY_SIZE
                       : file_check_others(front, add->errand.owner.client);
    err = err == ERR_OK ? errand_again_read(&add->errand, x) : err;
    if (err == ERR_OK && add->errand.again.known && !digest_stream_begin(&add->digest)) {
        err = ERR_NO_MEMORY;
    }
    if (err == ERR_OK &&
        !multipart_init(&add->form, http1_header(head, STR("content-type")), STR("file"))) {
        err = file_refuse(add, ERR_HTTP_TYPE, "", multipart_why(add->form.bad));
    }
    struct errand_work *work = &add->errand.work;
    const struct face_error error = { .err = err,
                                      .message = str_from(work->message),
                                      .param = str_from(work->param) };
    if (err != ERR_OK) {
        reply_refuse(x, &error);
        digest_stream_fini(&add->digest);
        errand_batch_drop(&add->errand);
        return NULL;
    }
    work->magic = ERRAND_MAGIC;
    work->x = x;
    work->fini = file_add_fini;
    work->gone = file_on_gone;
    work->body = &file_body;
    list_push_back(&front->file_uploads, &add->node);
    return add;
}

void errand_file_upload(struct front *front, struct http_exchange *x)
{
    struct file_add *add = file_start(front, x);
    if (add == NULL) {
        return;
    }
    int64_t until_ns = loop_now_ns(front->loop) + front->snapshot->options.upload_ns;
    http_exchange_own(x, add);
    if (timer_start(front->loop, &add->timer, until_ns) != ERR_OK) {
        file_answer(add, ERR_NO_MEMORY);
    }
}

void errand_file_add(struct front *front, struct http_exchange *x, struct str path)
{
    (void)path;
    struct file_add *add = file_start(front, x);
    if (add == NULL) {
        return;
    }
    enum err err = file_feed(add, http_exchange_body(x));
    if (err != ERR_OK) {
        file_answer(add, err);
    } else {
        file_on_done(&add->errand.work);
    }
}
