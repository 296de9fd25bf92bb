#include "batch/content.h"

#include <sys/stat.h>

#include "base/mem.h"
#include "batch_case.h"

struct lines_heard {
    char text[256];
    size_t len;
    uint64_t last;
};

static enum err hear_line(void *context, uint64_t at, struct str line)
{
    struct lines_heard *heard = context;
    int len = snprintf(heard->text + heard->len, sizeof(heard->text) - heard->len, "[" STR_FMT "]",
                       STR_ARG(line));
    heard->len += (size_t)len;
    heard->last = at;
    return ERR_OK;
}

static void folder_begin(char folder[64])
{
    (void)snprintf(folder, 64, "/tmp/content-XXXXXX");
    CHECK(test_folder(folder) != NULL);
}

TEST(a_content_is_its_owners_alone)
{
    struct batch_case it = { .folder = "" };
    char path[128];
    struct stat info;
    folder_begin(it.folder);
    (void)snprintf(path, sizeof(path), "%s/batches", it.folder);
    CHECK_EQ(content_folder_make(path, NULL), ERR_OK);
    CHECK_EQ(content_folder_make(path, NULL), ERR_OK);
    CHECK(stat(path, &info) == 0 && (info.st_mode & 0777) == 0700);
    case_content(&it, case_id(1), STR("text"));
    (void)snprintf(path, sizeof(path), "%s/00820c0800000000000000000g.jsonl", it.folder);
    CHECK_STR(case_text(&it, case_id(1)), STR("text"));
    CHECK_EQ(content_remove(it.folder, case_id(1), CONTENT_JSONL, NULL), ERR_OK);
    CHECK_EQ(content_remove(it.folder, case_id(1), CONTENT_JSONL, NULL), ERR_OK);
    int fd = -1;
    CHECK_EQ(content_open(it.folder, case_id(1), CONTENT_JSONL, &fd, NULL), ERR_NOT_FOUND);
    CHECK_EQ(content_create("/no/such/folder", case_id(1), CONTENT_JSONL, &fd, NULL), ERR_IO);
    CHECK_EQ(content_folder_make("/no/such/folder", NULL), ERR_IO);
    CHECK_EQ(content_folder_sync("/no/such/folder", NULL), ERR_IO);
    CHECK_EQ(content_folder_sync(it.folder, NULL), ERR_OK);
}

TEST(lines_are_told_with_their_places)
{
    struct batch_case it = { .folder = "" };
    struct lines_heard heard = { .len = 0 };
    int fd = -1;
    folder_begin(it.folder);
    case_content(&it, case_id(1), STR("one\n\ntwo\r\nlast"));
    CHECK_EQ(content_open(it.folder, case_id(1), CONTENT_JSONL, &fd, NULL), ERR_OK);
    CHECK_EQ(content_lines(fd, 100, hear_line, &heard, NULL, NULL), ERR_OK);
    CHECK_STR(str_from(heard.text), STR("[one][][two\r][last]"));
    CHECK_EQ(heard.last, 10);
    struct buf out;
    buf_init(&out, 100);
    CHECK_EQ(content_read_at(fd, 5, 3, &out, NULL), ERR_OK);
    CHECK_STR(buf_str(&out), STR("two"));
    CHECK_EQ(content_read_at(fd, 12, 3, &out, NULL), ERR_IO);
    buf_fini(&out);
    /* Of a journal the last line without an end is none. */
    uint64_t torn = 0;
    heard = (struct lines_heard){ .len = 0 };
    CHECK_EQ(content_lines(fd, 100, hear_line, &heard, &torn, NULL), ERR_OK);
    CHECK_STR(str_from(heard.text), STR("[one][][two\r]"));
    CHECK_EQ(torn, 10);
    CHECK_EQ(close(fd), 0);
}

static enum err count_line(void *context, uint64_t at, struct str line)
{
    (void)at;
    *(size_t *)context += line.len;
    return ERR_OK;
}

TEST(a_line_may_be_longer_than_what_is_read_at_once_and_no_longer_than_its_bound)
{
    static char text[1 << 20];
    struct batch_case it = { .folder = "" };
    int fd = -1;
    size_t total = 0;
    memset(text, 'a', sizeof(text));
    folder_begin(it.folder);
    case_content(&it, case_id(1), (struct str){ text, sizeof(text) });
    CHECK_EQ(content_open(it.folder, case_id(1), CONTENT_JSONL, &fd, NULL), ERR_OK);
    CHECK_EQ(content_lines(fd, sizeof(text), count_line, &total, NULL, NULL), ERR_OK);
    CHECK_EQ(total, sizeof(text));
    CHECK_EQ(content_lines(fd, 1000, count_line, &total, NULL, NULL), ERR_LIMIT);
    CHECK_EQ(close(fd), 0);
}

TEST(a_journal_says_only_what_was_written)
{
    struct buf out;
    int64_t line = 0;
    enum content_end end = CONTENT_DONE;
    struct str json;
    buf_init(&out, 100);
    CHECK_EQ(content_journal_put(&out, 7, CONTENT_EXPIRED, STR("{\"a\": 1}")), ERR_OK);
    CHECK_STR(buf_str(&out), STR("7 x {\"a\": 1}\n"));
    CHECK(content_journal_read(str_slice(buf_str(&out), 0, out.len - 1), &line, &end, &json));
    CHECK(line == 7 && end == CONTENT_EXPIRED);
    CHECK_STR(json, STR("{\"a\": 1}"));
    buf_fini(&out);
    static const char *const bad[] = { "",       "7",       "7 x",    "7 x ",    "x x {}",
                                       "0 o {}", "-1 o {}", "7 q {}", "7 oo {}", " o {}" };
    for (size_t i = 0; i < EP_ARRAY_LEN(bad); i++) {
        CHECK(!content_journal_read(str_from(bad[i]), &line, &end, &json));
    }
    buf_init(&out, 8);
    CHECK_EQ(content_journal_put(&out, 7, CONTENT_DONE, STR("{\"a\": 1}")), ERR_LIMIT);
    CHECK_EQ(out.len, 0);
    buf_fini(&out);
}
