#include "gate/errand_rows.h"

#include "base/mem.h"
#include "gate/errand.h"
#include "gate/gate_internal.h"

#define ERRAND_MAGIC      0x45525244U       /* "ERRD" */
#define ERRAND_ANSWER_MAX ((size_t)1 << 20) /* a month of some thousand keys and models */

void errand_gone(void *owner)
{
    struct errand_rows *rows = owner;
    ASSERT(rows->magic == ERRAND_MAGIC);
    rows->x = NULL;
}

/* On the worker's thread. */
static void errand_rows_run(struct job *job)
{
    struct errand_rows *rows = EP_CONTAINER(job, struct errand_rows, job);
    struct fail fail;
    rows->err = store_read(rows->gate->world.store, rows->read, rows, &fail);
}

static void errand_rows_over(struct mail *mail)
{
    struct errand_rows *rows = EP_CONTAINER(mail, struct errand_rows, job.mail);
    struct gate *gate = rows->gate;
    if (rows->x != NULL && rows->err == ERR_OK) {
        http_respond(rows->x, 200, STR("content-type: application/json\r\n"),
                     buf_str(&rows->answer));
    } else if (rows->x != NULL) {
        errand_refuse(rows->x, rows->err);
    }
    gate->errands--;
    buf_fini(&rows->answer);
    mem_free(rows);
}

void errand_rows_start(struct gate *gate, struct http_exchange *x, struct errand_rows *rows,
                       store_read_fn *read)
{
    if (rows == NULL) {
        errand_refuse(x, ERR_NO_MEMORY);
        return;
    }
    rows->magic = ERRAND_MAGIC;
    rows->gate = gate;
    rows->x = x;
    rows->job = (struct job){
        .mail.open = errand_rows_over,
        .run = errand_rows_run,
        .home = gate->loop,
    };
    rows->read = read;
    buf_init(&rows->answer, ERRAND_ANSWER_MAX);
    if (job_submit(gate->world.workers, &rows->job) != ERR_OK) {
        mem_free(rows);
        errand_refuse(x, ERR_BUSY);
        return;
    }
    gate->errands++;
    http_exchange_own(x, rows);
}
