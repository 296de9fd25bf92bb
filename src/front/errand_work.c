#include "front/errand_work.h"

#include <stdio.h>

#include "base/mem.h"
#include "front/errand.h"
#include "front/front_internal.h"
#include "gate/reply.h"

void errand_gone(void *owner)
{
    struct errand_work *work = owner;
    ASSERT(work->magic == ERRAND_MAGIC);
    work->x = NULL;
    if (work->gone != NULL) {
        work->gone(work);
    }
}

void errand_drained(void *owner)
{
    struct errand_work *work = owner;
    ASSERT(work->magic == ERRAND_MAGIC);
    if (work->drained != NULL) {
        work->drained(work);
    }
}

static struct errand_work *errand_incoming(void *owner)
{
    struct errand_work *work = owner;
    ASSERT(work->magic == ERRAND_MAGIC && work->body != NULL);
    return work;
}

void errand_piece(void *owner, struct str data)
{
    struct errand_work *work = errand_incoming(owner);
    work->body->piece(work, data);
}

void errand_done(void *owner)
{
    struct errand_work *work = errand_incoming(owner);
    work->body->done(work);
}

void errand_broken(void *owner, enum err err)
{
    struct errand_work *work = errand_incoming(owner);
    work->body->broken(work, err);
}

static void errand_work_run(struct job *job)
{
    struct errand_work *work = EP_CONTAINER(job, struct errand_work, job);
    work->run(work);
}

static void errand_work_free(struct errand_work *work)
{
    if (work->fini != NULL) {
        work->fini(work);
    }
    buf_fini(&work->answer);
    mem_free(work);
}

static void errand_work_over(struct mail *mail)
{
    struct errand_work *work = EP_CONTAINER(mail, struct errand_work, job.mail);
    struct front *front = work->front;
    if (work->x != NULL && work->err == ERR_OK) {
        reply_send(work->x, work->status, str_from(work->headers), buf_str(&work->answer));
    } else if (work->x != NULL) {
        reply_refuse(work->x, &(struct face_error){ .err = work->err,
                                                    .message = str_from(work->message),
                                                    .param = str_from(work->param) });
    }
    front->errands--;
    errand_work_free(work);
}

void errand_work_start(struct front *front, struct http_exchange *x, struct errand_work *work,
                       struct worker_pool *pool, size_t answer_max)
{
    if (work == NULL) {
        errand_refuse(x, ERR_NO_MEMORY);
        return;
    }
    work->magic = ERRAND_MAGIC;
    work->front = front;
    work->x = x;
    work->job = (struct job){
        .mail.open = errand_work_over,
        .run = errand_work_run,
        .home = front->loop,
    };
    work->status = 200;
    (void)snprintf(work->headers, sizeof(work->headers), "content-type: application/json\r\n");
    buf_init(&work->answer, answer_max);
    if (job_submit(pool, &work->job) != ERR_OK) {
        errand_work_free(work);
        errand_refuse(x, ERR_BUSY);
        return;
    }
    front->errands++;
    http_exchange_own(x, work);
}

void errand_work_say(struct errand_work *work, int status, const char *more, struct str text)
{
    work->status = status;
    int len = snprintf(work->headers, sizeof(work->headers),
                       "content-type: text/plain; charset=utf-8\r\n%s", more);
    ASSERT(len > 0 && (size_t)len < sizeof(work->headers));
    buf_reset(&work->answer);
    work->err = buf_append(&work->answer, text);
}

void errand_work_fault(struct errand_work *work, const char *param, const char *message)
{
    ASSERT(work->err != ERR_OK);
    if (err_info(work->err)->kind == ERR_KIND_CLIENT) {
        (void)snprintf(work->param, sizeof(work->param), "%s", param);
        (void)snprintf(work->message, sizeof(work->message), "%s", message);
    }
}
