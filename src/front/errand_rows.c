#include "front/errand_rows.h"

#include "base/money.h"
#include "front/front_internal.h"

#define ERRAND_ANSWER_MAX ((size_t)1 << 20) /* a month of some thousand keys and models */

static void errand_rows_run(struct errand_work *work)
{
    struct errand_rows *rows = EP_CONTAINER(work, struct errand_rows, work);
    struct fail fail;
    work->err = store_read(work->front->world.gate.store, rows->read, rows, &fail);
}

void errand_rows_start(struct front *front, struct http_exchange *x, struct errand_rows *rows,
                       store_read_fn *read)
{
    if (rows != NULL) {
        rows->work.run = errand_rows_run;
        rows->read = read;
    }
    errand_work_start(front, x, rows == NULL ? NULL : &rows->work, front->world.gate.workers,
                      ERRAND_ANSWER_MAX);
}

void errand_put_money(struct jsonw *json, const char *key, int64_t nano)
{
    char money[40];
    struct buf text = { money, 0, sizeof(money), sizeof(money) };
    EP_IGNORE(money_print(&text, nano, 9, 0)); /* fits */
    jsonw_key(json, key);
    jsonw_raw(json, buf_str(&text));
}
