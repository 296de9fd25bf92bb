#include "app/batch_keeping.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "batch/batch.h"
#include "batch/batch_again.h"
#include "batch/content.h"
#include "past.h"

static const struct client *mine;
static const struct client *other;

static const char *folder(void)
{
    return house.world->batches_path.ptr;
}

static struct id content_id(unsigned char number)
{
    return (struct id){ { 5, 5, number } };
}

static void put_content(unsigned char number, enum content_kind kind)
{
    int fd = -1;
    CHECK_EQ(content_create(folder(), content_id(number), kind, &fd, NULL), ERR_OK);
    CHECK_EQ(close(fd), 0);
}

static bool has_content(unsigned char number)
{
    int fd = -1;
    if (content_open(folder(), content_id(number), CONTENT_JSONL, &fd, NULL) != ERR_OK) {
        return false;
    }
    CHECK_EQ(close(fd), 0);
    return true;
}

struct put {
    struct store_job job;
    struct batch_file file;
    struct batch_again again;
    struct batch batch;
};

static enum err put_run(struct store_job *job, struct store_txn *txn, struct fail *fail)
{
    struct put *put = EP_CONTAINER(job, struct put, job);
    TRY(batch_file_add(txn, &put->file, fail));
    TRY(batch_again_add(txn, &put->again, put->file.id, fail));
    return id_is_zero(put->batch.id) ? ERR_OK : batch_add(txn, &put->batch, fail);
}

/* A file with its content; `batch`: and a batch that reads it. */
static void put_file(const struct client *client, unsigned char number, int64_t until_ns,
                     bool batch)
{
    static const char bytes[BATCH_SUM_BYTES] = "a sum";
    const struct str sum = { bytes, sizeof(bytes) };
    struct put put = {
        .job = { .run = put_run },
        .file = { .id = content_id(number),
                  .owner = { client->id, STR("world") },
                  .purpose = STR("batch"),
                  .until_ns = until_ns },
        .again = { .client = client->id, .name = sum, .sum = sum, .until_ns = until_ns },
    };
    if (batch) {
        put.batch = (struct batch){ .id = content_id((unsigned char)(number + 100)),
                                    .owner = put.file.owner,
                                    .key = client->id,
                                    .input = put.file.id,
                                    .output = content_id((unsigned char)(number + 101)),
                                    .errors = content_id((unsigned char)(number + 102)),
                                    .until_ns = until_ns };
    }
    CHECK_EQ(store_run(house.world->store, &put.job, NULL), ERR_OK);
    put_content(number, CONTENT_JSONL);
}

static enum err count_row(void *context, const struct store_value *row, size_t columns)
{
    CHECK_EQ(columns, 1);
    *(int64_t *)context = row[0].number;
    return ERR_OK;
}

static enum err count_asked(void *context, struct store_txn *txn, struct fail *fail)
{
    static const struct store_sql sql = { "SELECT count(*) FROM batch_again" };
    return store_query(txn, &sql, NULL, 0, count_row, context, fail);
}

/* Requests that are known if they come again. */
static void check_asked(int64_t want)
{
    int64_t rows = 0;
    CHECK_EQ(store_read(house.world->store, count_asked, &rows, NULL), ERR_OK);
    CHECK_EQ(rows, want);
}

static void make_old(unsigned char number)
{
    char path[512];
    char text[64];
    struct buf name = { text, 0, sizeof(text) - 1, sizeof(text) - 1 };
    const struct timespec old[2] = { { .tv_sec = 1000 }, { .tv_sec = 1000 } };
    memset(text, 0, sizeof(text));
    CHECK_EQ(id_print(&name, STR_EMPTY, content_id(number)), ERR_OK);
    (void)snprintf(path, sizeof(path), "%s/%s.jsonl", folder(), text);
    CHECK_EQ(utimensat(AT_FDCWD, path, old, 0), 0);
}

static void begin(void)
{
    past_begin();
    mine = past_client("mine");
    other = past_client("other");
}

TEST(the_folder_is_beside_the_store)
{
    struct buf path;
    buf_init(&path, 100);
    CHECK_EQ(batch_keeping_path(STR("sqlite:var/entrepot.db"), &path, NULL), ERR_OK);
    CHECK_STR(str_from(path.ptr), STR("var/batches"));
    buf_reset(&path);
    CHECK_EQ(batch_keeping_path(STR("sqlite:/entrepot.db"), &path, NULL), ERR_OK);
    CHECK_STR(str_from(path.ptr), STR("/batches"));
    buf_reset(&path);
    CHECK_EQ(batch_keeping_path(STR("sqlite:entrepot.db"), &path, NULL), ERR_OK);
    CHECK_STR(str_from(path.ptr), STR("batches"));
    buf_fini(&path);
    buf_init(&path, 8);
    struct fail fail;
    CHECK_EQ(batch_keeping_path(STR("sqlite:var/entrepot.db"), &path, &fail), ERR_LIMIT);
    buf_fini(&path);
}

TEST(what_is_due_goes_and_the_rest_stays)
{
    int64_t gone = 0;
    begin();
    put_file(mine, 1, 100, false);
    put_file(mine, 2, 200, true);
    put_file(mine, 3, 300, false);
    CHECK_EQ(batch_keeping_sweep(house.world->store, folder(), 250, &gone, NULL), ERR_OK);
    CHECK_EQ(gone, 1);
    check_asked(1);
    CHECK(!has_content(1) && has_content(2) && has_content(3)); /* a batch reads the second one */
    CHECK_EQ(batch_keeping_sweep(house.world->store, folder(), 250, &gone, NULL), ERR_OK);
    CHECK_EQ(gone, 0);
    house_end(&house);
}

TEST(leftovers_go_after_a_day)
{
    int64_t gone = 0;
    int64_t now_ns = stamp_system_ns();
    begin();
    put_content(1, CONTENT_JSONL); /* of an upload that broke off just now */
    put_content(2, CONTENT_JSONL); /* long ago */
    make_old(2);
    put_file(mine, 3, now_ns + PAST_DAY_NS, true);
    put_content(104, CONTENT_JSONL); /* the results of a batch that is being finished */
    make_old(3);
    make_old(104);
    CHECK_EQ(batch_keeping_sweep(house.world->store, folder(), now_ns, &gone, NULL), ERR_OK);
    CHECK_EQ(gone, 1);
    CHECK(has_content(1) && !has_content(2) && has_content(3) && has_content(104));
    house_end(&house);
}

TEST(a_client_is_forgotten_whole_and_alone)
{
    begin();
    put_file(mine, 1, 100, true);
    put_content(102, CONTENT_JSONL);
    put_file(other, 20, 100, true);
    CHECK_EQ(batch_keeping_forget(house.world->store, folder(), mine->id, NULL), ERR_OK);
    CHECK(!has_content(1) && !has_content(102) && has_content(20));
    check_asked(1);
    CHECK_EQ(house_do(&house, "batch list --json"), ACT_OK);
    CHECK(str_search(buf_str(&house.out), str_from(past_shown(mine))) == house.out.len);
    CHECK(str_search(buf_str(&house.out), str_from(past_shown(other))) < house.out.len);
    house_end(&house);
}

TEST(a_folder_that_is_gone_is_told)
{
    struct fail fail;
    int64_t gone = 0;
    begin();
    CHECK_EQ(batch_keeping_sweep(house.world->store, "/no/such/folder", 1, &gone, &fail), ERR_IO);
    house_end(&house);
}
