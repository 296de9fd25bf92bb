#include "batch/batch_index.h"

#include "base/mem.h"
#include "batch_case.h"
#include "crypto/digest.h"
#include "wire/json.h"

static const struct batch_limits limits = { 100, 1000 };
static struct batch_case it;

static enum err index_text(struct batch_index *index, const char *text)
{
    int fd = -1;
    struct fail fail;
    CHECK_EQ(crypto_start(&fail), ERR_OK);
    (void)snprintf(it.folder, sizeof(it.folder), "/tmp/index-XXXXXX");
    CHECK(test_folder(it.folder) != NULL);
    case_content(&it, case_id(1), str_from(text));
    CHECK_EQ(content_open(it.folder, case_id(1), CONTENT_JSONL, &fd, &fail), ERR_OK);
    batch_index_init(index);
    enum err err = batch_index_read(index, fd, &limits, &fail);
    CHECK_EQ(close(fd), 0);
    return err;
}

TEST(lines_are_found_with_what_repeats)
{
    struct batch_index index;
    CHECK_EQ(index_text(&index, "{\"custom_id\":\"a\"}\n \nnonsense\n{\"custom_id\":\"b\"}\n"
                                "{\"custom_id\":\"\\u0061\"}\n{\"custom_id\":7}"),
             ERR_OK);
    CHECK_EQ(index.count, 6);
    CHECK_EQ(index.counts.total, 5);
    CHECK_EQ(index.entries[1].state, BATCH_ENTRY_BLANK);
    static const unsigned named[] = { 1, 0, 0, 1, 1, 0 };
    for (size_t i = 0; i < 6; i++) {
        CHECK_EQ(index.entries[i].named, named[i]);
        CHECK_EQ(index.entries[i].repeats, i == 4);
    }
    CHECK(index.entries[3].at == 29 && index.entries[3].len == 17);
    batch_index_fini(&index);
}

TEST(too_many_lines_or_too_long_ones_are_told)
{
    static char text[2048];
    struct batch_index index;
    memset(text, '\n', 101);
    CHECK_EQ(index_text(&index, text), ERR_LIMIT);
    batch_index_fini(&index);
    memset(text, '\n', 100);
    text[100] = '\0';
    CHECK_EQ(index_text(&index, text), ERR_OK);
    CHECK_EQ(index.counts.total, 0);
    batch_index_fini(&index);
    memset(text, 'a', 1001);
    text[1001] = '\0';
    CHECK_EQ(index_text(&index, text), ERR_LIMIT);
    batch_index_fini(&index);
}

static enum err read_journal(struct batch_index *index, const char *text, struct str *ret_left)
{
    int fd = -1;
    struct fail fail;
    CHECK_EQ(content_open(it.folder, case_id(2), CONTENT_JOURNAL, &fd, &fail), ERR_OK);
    CHECK_EQ(ftruncate(fd, 0), 0);
    CHECK_EQ(content_write(fd, str_from(text), &fail), ERR_OK);
    enum err err = batch_index_read_journal(index, fd, 1000, &fail);
    static char left[512];
    ssize_t len = pread(fd, left, sizeof(left), 0);
    *ret_left = (struct str){ left, (size_t)len };
    CHECK_EQ(close(fd), 0);
    return err;
}

TEST(a_journal_cut_anywhere_counts_its_whole_lines)
{
    static const char journal[] = "1 o {}\n3 e {}\n2 x {}\n1 o {}\n";
    struct batch_index index;
    struct str left;
    for (size_t cut = 0; cut < sizeof(journal); cut++) {
        char text[sizeof(journal)];
        (void)snprintf(text, sizeof(text), "%.*s", (int)cut, journal);
        CHECK_EQ(index_text(&index, "{\"custom_id\":\"a\"}\nb\nc\n"), ERR_OK);
        CHECK_EQ(read_journal(&index, text, &left), ERR_OK);
        size_t whole = cut / 7;
        CHECK_EQ(left.len, whole * 7);
        CHECK_EQ(index.counts.completed, whole >= 1);
        CHECK_EQ(index.counts.failed, whole >= 2);
        CHECK_EQ(index.counts.expired, whole >= 3);
        batch_index_fini(&index);
    }
}

TEST(a_journal_of_another_batch_is_refused)
{
    struct batch_index index;
    struct str left;
    CHECK_EQ(index_text(&index, "{}\n"), ERR_OK);
    CHECK_EQ(read_journal(&index, "2 o {}\n", &left), ERR_IO);
    batch_index_fini(&index);
}

TEST(what_stands_behind_a_hole_is_asked_again)
{
    static const char *const holes[] = {
        "1 o {}\n2 o {\"a\n3 o {}\n", /* within a record */
        "1 o {}\n\x01\x01\n3 o {}\n", /* in the place of one */
        "1 o {}\nnonsense\n2 o {}\n",
    };
    for (size_t i = 0; i < EP_ARRAY_LEN(holes); i++) {
        struct batch_index index;
        struct str left;
        CHECK_EQ(index_text(&index, "{}\n{}\n{}\n"), ERR_OK);
        CHECK_EQ(read_journal(&index, holes[i], &left), ERR_OK);
        CHECK_STR(left, STR("1 o {}\n"));
        CHECK_EQ(index.counts.completed, 1);
        CHECK_EQ(index.entries[1].state, BATCH_ENTRY_NEXT);
        CHECK_EQ(index.entries[2].state, BATCH_ENTRY_NEXT);
        batch_index_fini(&index);
    }
}

/* A result is two brackets deeper than the answer in it. */
TEST(the_deepest_answer_is_no_hole)
{
    char text[2 * (JSON_DEPTH_MAX + 2) + 32];
    struct buf journal = { text, 0, sizeof(text), sizeof(text) };
    struct batch_index index;
    struct str left;
    CHECK_EQ(buf_append(&journal, STR("1 o ")), ERR_OK);
    for (int i = 0; i < JSON_DEPTH_MAX + 2; i++) {
        CHECK_EQ(buf_byte(&journal, '['), ERR_OK);
    }
    for (int i = 0; i < JSON_DEPTH_MAX + 2; i++) {
        CHECK_EQ(buf_byte(&journal, ']'), ERR_OK);
    }
    CHECK_EQ(buf_append(&journal, STR("\n2 o {}\n")), ERR_OK);
    CHECK_EQ(buf_byte(&journal, '\0'), ERR_OK);
    CHECK_EQ(index_text(&index, "{}\n{}\n"), ERR_OK);
    CHECK_EQ(read_journal(&index, text, &left), ERR_OK);
    CHECK_EQ(left.len, journal.len - 1);
    CHECK_EQ(index.counts.completed, 2);
    batch_index_fini(&index);
}

static void index_without_memory(void)
{
    struct batch_index index;
    int fd = -1;
    struct fail fail;
    CHECK_EQ(content_open(it.folder, case_id(1), CONTENT_JSONL, &fd, &fail), ERR_OK);
    batch_index_init(&index);
    enum err err = batch_index_read(&index, fd, &limits, &fail);
    CHECK(err == ERR_OK || err == ERR_NO_MEMORY);
    batch_index_fini(&index);
    CHECK_EQ(close(fd), 0);
}

TEST(memory_may_run_out_at_any_line)
{
    struct batch_index index;
    int64_t blocks = mem_blocks_open();
    CHECK_EQ(index_text(&index, "{\"custom_id\":\"a\"}\n{\"custom_id\":\"b\"}\n"), ERR_OK);
    batch_index_fini(&index);
    CHECK(test_each_allocation_failing(index_without_memory) > 2);
    CHECK_EQ(mem_blocks_open(), blocks);
}
