#include "batch/batch_finish.h"

#include "batch_case.h"
#include "crypto/digest.h"

static struct batch_case it;
static struct batch batch;
static struct batch_index index_of;

#define LINE(id) "{\"custom_id\":\"" id "\",\"method\":\"POST\",\"url\":\"/x\",\"body\":{}}\n"

/* Three lines and a blank one, of which the journal has the second. */
static void begin(enum batch_shape shape)
{
    static const struct batch_limits limits = { 100, 1000 };
    int fd = -1;
    CHECK_EQ(crypto_start(NULL), ERR_OK);
    (void)snprintf(it.folder, sizeof(it.folder), "/tmp/finish-XXXXXX");
    CHECK(test_folder(it.folder) != NULL);
    batch = (struct batch){ .id = case_id(1),
                            .shape = shape,
                            .endpoint = STR("/x"),
                            .input = case_id(2),
                            .output = case_id(3),
                            .errors = case_id(4) };
    case_content(&it, batch.input, STR(LINE("a") LINE("b") "\nnonsense\n"));
    batch_index_init(&index_of);
    CHECK_EQ(content_open(it.folder, batch.input, CONTENT_JSONL, &fd, NULL), ERR_OK);
    CHECK_EQ(batch_index_read(&index_of, fd, &limits, NULL), ERR_OK);
    CHECK_EQ(close(fd), 0);
    CHECK_EQ(content_open(it.folder, batch.id, CONTENT_JOURNAL, &fd, NULL), ERR_OK);
    CHECK_EQ(content_write(fd, STR("2 o {\"second\":1}\n"), NULL), ERR_OK);
    CHECK_EQ(batch_index_read_journal(&index_of, fd, 1000, NULL), ERR_OK);
    CHECK_EQ(close(fd), 0);
}

static struct batch_finish finish(bool expired)
{
    struct fail fail;
    struct batch_finish finish = {
        .folder = it.folder,
        .batch = &batch,
        .index = &index_of,
        .expired = expired,
        .line_max = 1000,
        .record_max = 1000,
    };
    CHECK_EQ(batch_finish_write(&finish, &fail), ERR_OK);
    return finish;
}

TEST(what_was_not_begun_has_expired)
{
    begin(BATCH_OPENAI);
    struct batch_finish done = finish(true);
    CHECK_STR(case_text(&it, batch.output), STR("{\"second\":1}\n"));
    struct str errors = case_text(&it, batch.errors);
    CHECK_EQ(done.output_bytes, 13);
    CHECK_EQ(done.error_bytes, (int64_t)errors.len);
    CHECK(str_search(errors, STR("\"custom_id\":\"a\"")) < errors.len);
    CHECK(str_search(errors, STR("\"custom_id\":null")) < errors.len);
    CHECK(str_search(errors, STR("batch_expired")) < errors.len);
    CHECK(index_of.counts.expired == 2 && index_of.counts.completed == 1);
    /* Once more it is the same. */
    struct batch_finish again = finish(true);
    CHECK(again.output_bytes == done.output_bytes && again.error_bytes == done.error_bytes);
    CHECK_EQ(index_of.counts.expired, 2);
    batch_index_fini(&index_of);
}

TEST(anthropics_results_are_one_file)
{
    begin(BATCH_ANTHROPIC);
    struct batch_finish done = finish(false);
    struct str output = case_text(&it, batch.output);
    CHECK_EQ(done.error_bytes, 0);
    CHECK_STR(case_text(&it, batch.errors), STR("(none)"));
    CHECK(str_starts(output, STR("{\"second\":1}\n")));
    CHECK(str_search(output, STR("canceled")) < output.len);
    CHECK_EQ(index_of.counts.cancelled, 2);
    batch_index_fini(&index_of);
}

TEST(a_batch_without_its_input_is_not_finished)
{
    struct fail fail;
    begin(BATCH_OPENAI);
    CHECK_EQ(content_remove(it.folder, batch.input, CONTENT_JSONL, NULL), ERR_OK);
    struct batch_finish done = { .folder = it.folder,
                                 .batch = &batch,
                                 .index = &index_of,
                                 .line_max = 1000,
                                 .record_max = 1000 };
    CHECK_EQ(batch_finish_write(&done, &fail), ERR_NOT_FOUND);
    batch_index_fini(&index_of);
}
