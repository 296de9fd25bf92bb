#include "batch/batch.h"

#include "batch_case.h"

static struct batch_case it;

static const struct batch_owner mine = { { { 7 } }, STR_INIT("world") };
static const struct batch_owner other = { { { 8 } }, STR_INIT("world") };

static struct batch a_batch(unsigned char number)
{
    return (struct batch){
        .id = case_id(number),
        .owner = mine,
        .key = { { 9 } },
        .endpoint = STR("/v1/chat/completions"),
        .metadata = STR("{\"a\":\"b\"}"),
        .market = STR("SG"),
        .link = STR("link-a"),
        .address = STR("203.0.113.7"),
        .input = case_id(100),
        .output = case_id(101),
        .errors = case_id(102),
        .created_ns = 10,
        .deadline_ns = 20,
        .until_ns = 30,
    };
}

static struct batch_file a_file(unsigned char number)
{
    return (struct batch_file){
        .id = case_id(number),
        .owner = mine,
        .purpose = STR("batch"),
        .name = STR("asks.jsonl"),
        .bytes = 100 + number,
        .created_ns = number,
        .until_ns = 1000 + number,
    };
}

static enum err write_file(void *context, struct store_txn *txn, struct fail *fail)
{
    return batch_file_add(txn, context, fail);
}

static enum err write_batch(void *context, struct store_txn *txn, struct fail *fail)
{
    return batch_add(txn, context, fail);
}

/* What a walk has told. */
struct heard {
    const struct batch_owner *owner;
    struct batch_page page;
    struct id id;
    enum batch_shape shape;
    struct id ids[8];
    size_t count;
    struct batch batch; /* the last one; its texts are gone */
    bool texts;
    int64_t number;
};

static enum err hear_file(void *context, const struct batch_file *file)
{
    struct heard *heard = context;
    heard->ids[heard->count++] = file->id;
    heard->texts = str_eq(file->name, STR("asks.jsonl"));
    return ERR_OK;
}

static enum err hear_batch(void *context, const struct batch *batch)
{
    struct heard *heard = context;
    struct batch want = a_batch(batch->id.bytes[3]);
    heard->ids[heard->count++] = batch->id;
    heard->texts = str_eq(batch->endpoint, want.endpoint) &&
                   str_eq(batch->metadata, want.metadata) && str_eq(batch->market, want.market) &&
                   str_eq(batch->link, want.link) && str_eq(batch->address, want.address) &&
                   str_eq(batch->owner.product, STR("world"));
    heard->batch = *batch;
    return ERR_OK;
}

static enum err read_files(void *context, struct store_txn *txn, struct fail *fail)
{
    struct heard *heard = context;
    return batch_file_each(txn, heard->owner, &heard->page, hear_file, heard, fail);
}

static enum err read_file(void *context, struct store_txn *txn, struct fail *fail)
{
    struct heard *heard = context;
    return batch_file_find(txn, heard->owner, heard->id, hear_file, heard, fail);
}

static enum err read_bytes(void *context, struct store_txn *txn, struct fail *fail)
{
    struct heard *heard = context;
    return batch_file_bytes(txn, heard->owner->client, &heard->number, fail);
}

static enum err read_due(void *context, struct store_txn *txn, struct fail *fail)
{
    struct heard *heard = context;
    return batch_file_due(txn, heard->number, hear_file, heard, fail);
}

static enum err remove_file(void *context, struct store_txn *txn, struct fail *fail)
{
    return batch_file_remove(txn, ((struct heard *)context)->id, fail);
}

TEST(files_are_found_by_their_owner_alone)
{
    case_begin(&it);
    struct batch_file file = a_file(1);
    CHECK_EQ(case_write(&it, write_file, &file), ERR_OK);
    struct heard heard = { .owner = &mine, .id = case_id(1) };
    CHECK_EQ(case_read(&it, read_file, &heard), ERR_OK);
    CHECK(heard.texts && heard.count == 1);
    heard = (struct heard){ .owner = &other, .id = case_id(1) };
    CHECK_EQ(case_read(&it, read_file, &heard), ERR_NOT_FOUND);
    struct batch_owner elsewhere = { mine.client, STR("zone") };
    heard.owner = &elsewhere;
    CHECK_EQ(case_read(&it, read_file, &heard), ERR_NOT_FOUND);
    case_end(&it);
}

TEST(lists_come_in_pages_the_newest_first)
{
    case_begin(&it);
    for (unsigned char i = 1; i <= 4; i++) {
        struct batch_file file = a_file(i);
        file.purpose = i == 3 ? STR("messages") : file.purpose; /* in no list */
        CHECK_EQ(case_write(&it, write_file, &file), ERR_OK);
    }
    struct heard heard = { .owner = &mine, .page = { .limit = 1 } };
    CHECK_EQ(case_read(&it, read_files, &heard), ERR_OK);
    CHECK_EQ(heard.count, 2); /* one more says that there are more */
    CHECK(id_eq(heard.ids[0], case_id(4)) && id_eq(heard.ids[1], case_id(2)));
    heard = (struct heard){ .owner = &mine, .page = { case_id(2), 5 } };
    CHECK_EQ(case_read(&it, read_files, &heard), ERR_OK);
    CHECK(heard.count == 1 && id_eq(heard.ids[0], case_id(1)));
    heard = (struct heard){ .owner = &other, .page = { case_id(2), 5 } };
    CHECK_EQ(case_read(&it, read_files, &heard), ERR_NOT_FOUND);
    heard = (struct heard){ .owner = &mine };
    CHECK_EQ(case_read(&it, read_bytes, &heard), ERR_OK);
    CHECK_EQ(heard.number, 101 + 102 + 103 + 104);
    heard = (struct heard){ .number = 1002 };
    CHECK_EQ(case_read(&it, read_due, &heard), ERR_OK);
    CHECK(heard.count == 1 && id_eq(heard.ids[0], case_id(1)));
    heard.id = case_id(1);
    CHECK_EQ(case_write(&it, remove_file, &heard), ERR_OK);
    heard = (struct heard){ .owner = &mine, .id = case_id(1) };
    CHECK_EQ(case_read(&it, read_file, &heard), ERR_NOT_FOUND);
    case_end(&it);
}

static enum err read_batch(void *context, struct store_txn *txn, struct fail *fail)
{
    struct heard *heard = context;
    return batch_find(txn, heard->owner, heard->shape, heard->id, hear_batch, heard, fail);
}

static enum err read_unended(void *context, struct store_txn *txn, struct fail *fail)
{
    return batch_unended(txn, hear_batch, context, fail);
}

static enum err cancel_batch(void *context, struct store_txn *txn, struct fail *fail)
{
    return batch_cancel(txn, ((struct heard *)context)->id, 15, fail);
}

static enum err start_batch(void *context, struct store_txn *txn, struct fail *fail)
{
    return batch_start(txn, context, fail);
}

static enum err mark_batch(void *context, struct store_txn *txn, struct fail *fail)
{
    return batch_mark(txn, context, fail);
}

static enum err end_batch(void *context, struct store_txn *txn, struct fail *fail)
{
    return batch_end(txn, context, fail);
}

static enum err expire_batches(void *context, struct store_txn *txn, struct fail *fail)
{
    return batch_expire(txn, *(int64_t *)context, fail);
}

static struct batch look(unsigned char number)
{
    struct heard heard = { .owner = &mine, .id = case_id(number) };
    CHECK_EQ(case_read(&it, read_batch, &heard), ERR_OK);
    CHECK(heard.texts);
    return heard.batch;
}

TEST(a_batch_goes_its_way_to_its_end)
{
    case_begin(&it);
    struct batch batch = a_batch(1);
    CHECK_EQ(case_write(&it, write_batch, &batch), ERR_OK);
    CHECK_EQ(look(1).state, BATCH_VALIDATING);
    batch.started_ns = 11;
    batch.counts.total = 5;
    CHECK_EQ(case_write(&it, start_batch, &batch), ERR_OK);
    CHECK(look(1).state == BATCH_IN_PROGRESS && look(1).counts.total == 5);
    batch.counts.completed = 2;
    batch.begun = 4;
    batch.begun_ns = 12;
    CHECK_EQ(case_write(&it, mark_batch, &batch), ERR_OK);
    CHECK(look(1).counts.completed == 2 && look(1).begun == 4 && look(1).begun_ns == 12);
    batch.state = BATCH_COMPLETED;
    batch.finalizing_ns = 13;
    batch.ended_ns = 14;
    batch.until_ns = 34;
    batch.has_output = true;
    batch.counts.completed = 5;
    CHECK_EQ(case_write(&it, end_batch, &batch), ERR_OK);
    struct batch ended = look(1);
    CHECK(ended.state == BATCH_COMPLETED && ended.ended_ns == 14 && ended.until_ns == 34);
    CHECK(ended.has_output && !ended.has_errors && ended.counts.completed == 5);
    /* It ends once. */
    batch.state = BATCH_FAILED;
    batch.ended_ns = 99;
    CHECK_EQ(case_write(&it, end_batch, &batch), ERR_OK);
    struct heard heard = { .id = case_id(1) };
    CHECK_EQ(case_write(&it, cancel_batch, &heard), ERR_OK);
    CHECK_EQ(look(1).state, BATCH_COMPLETED);
    case_end(&it);
}

TEST(whoever_cancels_is_not_overruled_by_who_works_it_off)
{
    case_begin(&it);
    struct batch batch = a_batch(1);
    struct heard heard = { .id = case_id(1) };
    CHECK_EQ(case_write(&it, write_batch, &batch), ERR_OK);
    CHECK_EQ(case_write(&it, cancel_batch, &heard), ERR_OK);
    CHECK_EQ(case_write(&it, start_batch, &batch), ERR_OK);
    CHECK_EQ(case_write(&it, mark_batch, &batch), ERR_OK);
    CHECK(look(1).state == BATCH_CANCELLING && look(1).cancelling_ns == 15);
    case_end(&it);
}

TEST(a_shape_sees_its_own_alone)
{
    case_begin(&it);
    struct batch batch = a_batch(1);
    batch.shape = BATCH_ANTHROPIC;
    CHECK_EQ(case_write(&it, write_batch, &batch), ERR_OK);
    struct heard heard = { .owner = &mine, .id = case_id(1) };
    CHECK_EQ(case_read(&it, read_batch, &heard), ERR_NOT_FOUND);
    heard.shape = BATCH_ANTHROPIC;
    CHECK_EQ(case_read(&it, read_batch, &heard), ERR_OK);
    case_end(&it);
}

TEST(what_has_ended_goes_with_its_time_and_what_has_not_stays)
{
    case_begin(&it);
    struct batch one = a_batch(1);
    struct batch two = a_batch(2);
    CHECK_EQ(case_write(&it, write_batch, &one), ERR_OK);
    CHECK_EQ(case_write(&it, write_batch, &two), ERR_OK);
    one.state = BATCH_COMPLETED;
    one.ended_ns = 14;
    CHECK_EQ(case_write(&it, end_batch, &one), ERR_OK);
    int64_t now_ns = 31;
    CHECK_EQ(case_write(&it, expire_batches, &now_ns), ERR_OK);
    struct heard heard = { .owner = &mine, .id = case_id(1) };
    CHECK_EQ(case_read(&it, read_batch, &heard), ERR_NOT_FOUND);
    heard = (struct heard){ .count = 0 };
    CHECK_EQ(case_read(&it, read_unended, &heard), ERR_OK);
    CHECK(heard.count == 1 && id_eq(heard.ids[0], case_id(2)));
    case_end(&it);
}

TEST(a_file_stays_as_long_as_a_batch_reads_it)
{
    case_begin(&it);
    struct batch_file file = a_file(1);
    struct batch batch = a_batch(2);
    batch.input = file.id;
    CHECK_EQ(case_write(&it, write_file, &file), ERR_OK);
    CHECK_EQ(case_write(&it, write_batch, &batch), ERR_OK);
    struct heard heard = { .number = INT64_MAX };
    CHECK_EQ(case_read(&it, read_due, &heard), ERR_OK);
    CHECK_EQ(heard.count, 0);
    batch.state = BATCH_COMPLETED;
    batch.ended_ns = 14;
    CHECK_EQ(case_write(&it, end_batch, &batch), ERR_OK);
    CHECK_EQ(case_read(&it, read_due, &heard), ERR_OK);
    CHECK(heard.count == 1 && id_eq(heard.ids[0], file.id));
    case_end(&it);
}

TEST(a_client_has_so_many_open_and_no_more)
{
    case_begin(&it);
    for (int i = 0; i < BATCH_OPEN_MAX; i++) {
        struct batch batch = a_batch((unsigned char)i);
        CHECK_EQ(case_write(&it, write_batch, &batch), ERR_OK);
    }
    struct batch batch = a_batch(200);
    CHECK_EQ(case_write(&it, write_batch, &batch), ERR_LIMIT);
    batch.owner = other;
    CHECK_EQ(case_write(&it, write_batch, &batch), ERR_OK);
    case_end(&it);
}

TEST(states_have_the_names_of_the_api)
{
    CHECK_STR(batch_state_name(BATCH_VALIDATING), STR("validating"));
    CHECK_STR(batch_state_name(BATCH_CANCELLED), STR("cancelled"));
}
