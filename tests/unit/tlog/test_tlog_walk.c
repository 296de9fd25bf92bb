#include "tlog/tlog_walk.h"

#include "base/stamp.h"
#include "receipts.h"
#include "tlog_case.h"

#define DAY_NS   (INT64_C(86400) * STAMP_NS_PER_S)
#define FIRST_NS (INT64_C(20000) * DAY_NS)
#define DAYS     40
#define A_DAY    256 /* four days a block */

static struct tlog_case here;
static struct fail fail;

struct filling {
    struct store_job job;
    struct receipt receipt;
    int64_t from;
};

/* A receipt a leaf, but each seventh: an event. */
static enum err fill(struct store_job *job, struct store_txn *txn, struct fail *why)
{
    struct filling *filling = EP_CONTAINER(job, struct filling, job);
    for (int64_t i = filling->from; i < filling->from + A_DAY; i++) {
        struct id call = id_make(FIRST_NS + i * (DAY_NS / A_DAY), 1, (uint64_t)i);
        int64_t leaf = 0;
        if (i % 7 == 0) {
            TRY(tlog_append(here.tlog, txn, TLOG_EVENT, STR("{}"), 0, &leaf, why));
        } else {
            TRY(tlog_append_receipt(here.tlog, txn, call, &filling->receipt, 0, &leaf, why));
        }
        CHECK_EQ(leaf, i);
    }
    return ERR_OK;
}

struct seen {
    int64_t from_ns;
    int64_t until_ns;
    int64_t first;
    int64_t last;
    int64_t count;
};

static enum err on_found(void *context, const struct tlog_found *found)
{
    struct seen *seen = context;
    CHECK(found->leaf > seen->last && found->leaf % 7 != 0);
    CHECK(found->sections[RECEIPT_CLIENT].len > 0 && found->entry.len > 0);
    CHECK_EQ(found->salts[RECEIPT_OPERATOR].len, RECEIPT_SALT_BYTES);
    seen->first = seen->count == 0 ? found->leaf : seen->first;
    seen->last = found->leaf;
    seen->count++;
    return ERR_OK;
}

static enum err walk(void *context, struct store_txn *txn, struct fail *why)
{
    struct seen *seen = context;
    const struct tlog_walk walk = { seen->from_ns, seen->until_ns, on_found, seen };
    return tlog_walk(txn, &walk, why);
}

static struct seen walked(int64_t from_day, int64_t until_day)
{
    struct seen seen = { FIRST_NS + from_day * DAY_NS, FIRST_NS + until_day * DAY_NS, -1, -1, 0 };
    CHECK_EQ(store_read(here.store, walk, &seen, &fail), ERR_OK);
    return seen;
}

TEST(a_walk_has_all_receipts_of_the_period_and_few_others)
{
    const struct receipt_facts facts = receipts_facts(id_make(1, 1, 1));
    struct filling filling = { .job = { .run = fill } };
    tlog_case_begin(&here);
    CHECK_EQ(walked(0, 40).count, 0);
    receipt_init(&filling.receipt);
    CHECK_EQ(receipt_build(&filling.receipt, &facts), ERR_OK);
    for (int64_t day = 0; day < DAYS; day++) {
        filling.from = day * A_DAY;
        CHECK_EQ(store_run(here.store, &filling.job, &fail), ERR_OK);
    }
    receipt_fini(&filling.receipt);
    struct seen all = walked(0, DAYS);
    CHECK_EQ(all.first, 1);
    CHECK_EQ(all.last, DAYS * A_DAY - 1);
    CHECK_EQ(all.count, DAYS * A_DAY - DAYS * A_DAY / 7 - 1);
    struct seen middle = walked(20, 21);
    CHECK(middle.first <= 13 * A_DAY && middle.first >= 8 * A_DAY);
    CHECK(middle.last >= 27 * A_DAY && middle.last <= 33 * A_DAY);
    CHECK(walked(DAYS - 1, DAYS).last == DAYS * A_DAY - 1);
    CHECK_EQ(walked(-900, -800).count, 0);
    CHECK_EQ(walked(900, 1000).count, 0);
    tlog_case_end(&here);
}
