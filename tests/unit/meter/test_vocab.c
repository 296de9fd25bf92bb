#include "meter/vocab.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "harness.h"
#include "vocab_sample.h"

static char folder[] = "/tmp/vocab-XXXXXX";
static char path[64]; /* empty: the folder is not there yet */

/* A file in a folder of this test's own, with these bytes. */
static const char *file_with(struct str bytes)
{
    struct fail fail;
    if (path[0] == '\0') {
        CHECK(test_folder(folder) != NULL);
        (void)snprintf(path, sizeof(path), "%s/sample.etk", folder);
    }
    CHECK(build_write(path, bytes, &fail) == ERR_OK);
    return path;
}

static void remove_files(void)
{
    (void)unlink(path);
    (void)rmdir(folder);
    path[0] = '\0';
    memcpy(folder + sizeof(folder) - 7, "XXXXXX", 6);
}

static void check_refused(struct str bytes, const char *what)
{
    struct vocab *vocab = NULL;
    struct fail fail = { .text = "" };
    CHECK(vocab_open(file_with(bytes), &vocab, &fail) == ERR_VOCAB);
    CHECK(str_search(str_from(fail.text), str_from(path)) < strlen(fail.text));
    if (str_search(str_from(fail.text), str_from(what)) == strlen(fail.text)) {
        test_failed(EP_SITE, "not \"%s\": %s", what, fail.text);
    }
}

TEST(a_vocabulary_is_what_it_was_made_from)
{
    for (int kind = 0; kind < SAMPLE_KIND_COUNT; kind++) {
        struct sample sample;
        struct vocab *vocab = NULL;
        struct fail fail;
        size_t specials = 0;
        CHECK(sample_init(&sample, (enum sample_kind)kind, true, 1));
        CHECK(vocab_open(file_with(buf_str(&sample.file)), &vocab, &fail) == ERR_OK);
        const struct source *source = &sample.source;
        const struct vocab_info *info = vocab_info(vocab);
        CHECK_STR(info->name, STR("sample"));
        CHECK_STR(info->template, STR("plain"));
        CHECK_EQ(info->source.len, 64);
        CHECK_EQ(info->unicode, 0x100000);
        CHECK_EQ(info->tokens, source->token_count);
        CHECK_EQ(info->ids, 9002);
        CHECK_EQ(info->bytes, sample.file.len);
        CHECK_EQ(vocab_split(vocab)->rule, VOCAB_RULE_CL100K);
        CHECK_EQ(vocab_split(vocab)->digits_max, 3);
        CHECK_EQ(unicode_class(vocab_unicode(vocab), 0x10FFFF), 0);
        for (uint32_t i = 0; i < source->token_count; i++) {
            CHECK_STR(vocab_token(vocab, source->tokens[i].id), source->tokens[i].bytes);
        }
        const struct vocab_special *special = vocab_specials(vocab, &specials);
        CHECK_EQ(specials, 2);
        CHECK_STR(special[1].text, STR("<|end|>"));
        CHECK(special[0].control && !special[0].lstrip && special[1].lstrip && !special[1].rstrip);
        CHECK_STR(vocab_token(vocab, 9001), STR("<|end|>"));
        CHECK_EQ(vocab_token(vocab, 8999).len, 0);
        CHECK_EQ(vocab_token(vocab, UINT32_MAX).len, 0);
        vocab_close(vocab);
        sample_fini(&sample);
    }
    vocab_close(NULL);
    remove_files();
}

TEST(a_file_that_cannot_be_read_is_not_called_damaged)
{
    struct vocab *vocab = NULL;
    struct fail fail;
    CHECK(vocab_open("/nowhere/x.etk", &vocab, &fail) == ERR_IO);
    CHECK(str_search(str_from(fail.text), STR("/nowhere/x.etk")) < strlen(fail.text));
    CHECK(vocab_open("/", &vocab, &fail) == ERR_IO);
    CHECK(vocab == NULL);
}

TEST(a_file_that_is_cut_off_or_has_grown_is_refused)
{
    struct sample sample;
    CHECK(sample_init(&sample, SAMPLE_RANKS, true, 2));
    struct str file = buf_str(&sample.file);
    check_refused(STR("x"), "1 bytes");
    check_refused(str_slice(file, 0, VOCAB_PAGE - 1), "4095 bytes");
    for (size_t i = 0; i < VOCAB_SECTION_COUNT; i++) {
        const struct vocab_span *span = &sample.vocab.header->sections[i];
        check_refused(str_slice(file, 0, span->offset), "cut off");
        check_refused(str_slice(file, 0, span->offset + span->bytes / 2), "cut off");
    }
    check_refused(str_slice(file, 0, file.len - 1), "cut off");
    struct buf more;
    buf_init(&more, BUILD_FILE_MAX);
    CHECK(buf_append(&more, file) == ERR_OK && buf_byte(&more, 0) == ERR_OK);
    check_refused(buf_str(&more), "has grown");
    buf_fini(&more);
    sample_fini(&sample);
    remove_files();
}

TEST(a_file_of_another_kind_or_version_is_refused)
{
    struct sample sample;
    static char zeros[2 * 4096];
    CHECK(sample_init(&sample, SAMPLE_RANKS, false, 3));
    check_refused((struct str){ zeros, sizeof(zeros) }, "not a vocabulary");
    struct vocab_header *header = (void *)sample.file.ptr;
    header->version++;
    check_refused(buf_str(&sample.file), "another version");
    header->version--;
    header->name[0] = '\0';
    check_refused(buf_str(&sample.file), "damaged");
    sample_fini(&sample);
    remove_files();
}

static void open_and_close(void)
{
    struct vocab *vocab = NULL;
    enum err err = vocab_open(path, &vocab, NULL);
    CHECK(err == ERR_OK || err == ERR_NO_MEMORY);
    if (err == ERR_OK) {
        vocab_close(vocab);
    }
}

TEST(a_failed_allocation_is_reported_and_leaks_nothing)
{
    struct sample sample;
    CHECK(sample_init(&sample, SAMPLE_RANKS, false, 4));
    (void)file_with(buf_str(&sample.file));
    sample_fini(&sample);
    CHECK_EQ(test_each_allocation_failing(open_and_close), 3);
    remove_files();
}
