/*
 * A content of a batch on its way to its owner: read on a worker's thread a piece at a time, sent
 * on the loop's, and read on when the client has taken what there was. However large it is, a
 * megabyte of it is in memory.
 */
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "batch/content.h"
#include "front/errand.h"
#include "front/errand_batch.h"
#include "front/front_internal.h"
#include "gate/reply.h"

#define CONTENT_PIECE ((size_t)1 << 20)

struct content_errand {
    struct errand_batch errand; /* first; the one that was asked */
    struct node node;           /* of the front's */
    errand_content_fn *find;
    int fd;
    uint64_t at;
    uint64_t size;
    struct buf piece;
    bool begun;
    bool waits; /* for the client to take what there is: no job is under way */
};

/* ---- on the worker's thread --------------------------------------------------------------- */

static enum err content_begin(struct content_errand *content)
{
    struct id file;
    struct fail fail;
    struct stat info;
    TRY(content->find(&content->errand, &file));
    TRY(content_open(content->errand.work.front->world.batches->folder, file, CONTENT_JSONL,
                     &content->fd, &fail));
    if (fstat(content->fd, &info) != 0) {
        return ERR_IO;
    }
    content->size = (uint64_t)info.st_size;
    return ERR_OK;
}

static void content_run(struct job *job)
{
    struct content_errand *content = EP_CONTAINER(job, struct content_errand, errand.work.job);
    struct errand_work *work = &content->errand.work;
    struct fail fail;
    work->err = content->fd < 0 ? content_begin(content) : ERR_OK;
    if (work->err == ERR_OK) {
        uint64_t left = content->size - content->at;
        size_t len = left < CONTENT_PIECE ? (size_t)left : CONTENT_PIECE;
        buf_reset(&content->piece);
        work->err = content_read_at(content->fd, content->at, len, &content->piece, &fail);
    }
}

/* ---- on the loop's thread ----------------------------------------------------------------- */

static void content_end(struct content_errand *content)
{
    node_unlink(&content->node);
    if (content->fd >= 0) {
        (void)close(content->fd); /* it was only read */
    }
    buf_fini(&content->piece);
    buf_fini(&content->errand.work.answer);
    content->errand.work.front->errands--;
    mem_free(content);
}

static void content_next(struct content_errand *content)
{
    struct errand_work *work = &content->errand.work;
    if (job_submit(work->front->world.gate.workers, &work->job) == ERR_OK) {
        return;
    }
    if (content->begun) {
        http_exchange_abort(work->x);
    } else {
        errand_refuse(work->x, ERR_BUSY);
    }
    content_end(content);
}

static void content_fail(struct content_errand *content)
{
    struct errand_work *work = &content->errand.work;
    if (content->begun) {
        http_exchange_abort(work->x); /* it must not be taken for whole */
    } else {
        errand_refuse(work->x, work->err);
    }
    content_end(content);
}

static void content_over(struct mail *mail)
{
    struct content_errand *content =
        EP_CONTAINER(mail, struct content_errand, errand.work.job.mail);
    struct errand_work *work = &content->errand.work;
    if (work->x == NULL) {
        content_end(content);
        return;
    }
    if (work->err != ERR_OK) {
        content_fail(content);
        return;
    }
    if (!content->begun) {
        content->begun = true;
        reply_send_head(work->x, 200,
                        STR("content-type: application/jsonl\r\n"
                            "x-content-type-options: nosniff\r\n"));
    }
    struct str piece = buf_str(&content->piece);
    content->at += piece.len;
    if (content->at == content->size) {
        http_respond_last(work->x, &piece, 1);
        content_end(content);
        return;
    }
    http_respond_body(work->x, &piece, 1);
    if (http_respond_pending(work->x) <= HTTP_PENDING_LOW) {
        content_next(content);
    } else {
        content->waits = true;
    }
}

static void content_drained(struct errand_work *work)
{
    struct content_errand *content = EP_CONTAINER(work, struct content_errand, errand.work);
    if (content->waits) {
        content->waits = false;
        content_next(content);
    }
}

static void content_gone(struct errand_work *work)
{
    struct content_errand *content = EP_CONTAINER(work, struct content_errand, errand.work);
    if (content->waits) {
        content_end(content);
    }
}

void errand_content_start(struct front *front, struct http_exchange *x, struct errand_batch *asked,
                          errand_content_fn *find)
{
    struct content_errand *content = mem_zalloc(sizeof(*content));
    if (content == NULL) {
        errand_batch_drop(asked);
        errand_refuse(x, ERR_NO_MEMORY);
        return;
    }
    content->errand = *asked;
    mem_free(asked); /* it owns nothing */
    content->find = find;
    content->fd = -1;
    buf_init(&content->piece, CONTENT_PIECE);
    struct errand_work *work = &content->errand.work;
    work->magic = ERRAND_MAGIC;
    work->front = front;
    work->x = x;
    work->drained = content_drained;
    work->gone = content_gone;
    work->job = (struct job){ .mail.open = content_over, .run = content_run, .home = front->loop };
    buf_init(&work->answer, ERRAND_BATCH_ANSWER_MAX);
    front->errands++;
    list_push_back(&front->contents, &content->node);
    http_exchange_own(x, content);
    content_next(content);
}

void errand_contents_cut(struct front *front)
{
    LIST_EACH_SAFE(node, after, &front->contents) {
        struct content_errand *content = EP_CONTAINER(node, struct content_errand, node);
        struct errand_work *work = &content->errand.work;
        if (work->x != NULL) {
            http_exchange_abort(work->x);
            errand_gone(work); /* at the end of its job, if one is under way */
        }
    }
}
