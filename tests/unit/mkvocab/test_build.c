#include "build.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "harness.h"
#include "vocab_sample.h"

static void check_refused(struct sample *sample, struct str classes, const char *what)
{
    struct buf out;
    struct fail fail = { .text = "" };
    buf_init(&out, BUILD_FILE_MAX);
    CHECK(build_vocab(&sample->source, classes, &out, &fail) == ERR_VOCAB);
    CHECK_EQ(out.len, 0);
    if (str_search(str_from(fail.text), str_from(what)) == strlen(fail.text)) {
        test_failed(EP_SITE, "not \"%s\": %s", what, fail.text);
    }
    buf_fini(&out);
}

TEST(the_same_source_makes_the_same_file)
{
    struct sample sample;
    struct buf again;
    struct fail fail;
    CHECK(sample_init(&sample, SAMPLE_RANKS, true, 1));
    buf_init(&again, BUILD_FILE_MAX);
    CHECK(build_vocab(&sample.source, sample_classes(), &again, &fail) == ERR_OK);
    CHECK_STR(buf_str(&again), buf_str(&sample.file));
    buf_fini(&again);
    sample_fini(&sample);
}

TEST(a_source_that_contradicts_itself_is_refused)
{
    struct sample sample;
    CHECK(sample_init(&sample, SAMPLE_MERGES, true, 2));
    struct source *source = &sample.source;
    struct source_token token = source->tokens[300];
    source->tokens[300].bytes = source->tokens[301].bytes;
    check_refused(&sample, sample_classes(), "are the same");
    source->tokens[300].bytes = STR("");
    check_refused(&sample, sample_classes(), "has 0 bytes");
    source->tokens[300] = token;
    struct source_merge merge = source->merges[0];
    source->merges[0].left = source->token_count;
    check_refused(&sample, sample_classes(), "does not make its token");
    source->merges[0] = (struct source_merge){ 1, 2, 3 };
    check_refused(&sample, sample_classes(), "does not make its token");
    source->merges[0] = merge;
    token = source->tokens[77];
    source->tokens[77].bytes = STR("no byte");
    source->merge_count = 0;
    check_refused(&sample, sample_classes(), "of one byte, not 256");
    source->tokens[77] = token;
    source->tokens[77].id = source->tokens[78].id;
    check_refused(&sample, sample_classes(), "have the id");
    source->tokens[77].id = UINT32_MAX;
    check_refused(&sample, sample_classes(), "has an id of");
    source->tokens[77] = token;
    source->specials[1].text = source->specials[0].text;
    check_refused(&sample, sample_classes(), "not in order");
    source->token_count = 0;
    check_refused(&sample, sample_classes(), "has 0 tokens");
    sample_fini(&sample);
}

TEST(a_damaged_table_of_characters_is_refused)
{
    struct sample sample;
    static char bytes[32];
    CHECK(sample_init(&sample, SAMPLE_RANKS, false, 3));
    check_refused(&sample, STR("EPUC"), "cut off");
    check_refused(&sample, (struct str){ bytes, sizeof(bytes) }, "damaged");
    check_refused(&sample, str_slice(sample_classes(), 0, sample_classes().len - 2), "damaged");
    sample_fini(&sample);
}

static void build_once(void)
{
    struct sample sample;
    if (sample_init(&sample, SAMPLE_CHARACTERS, true, 4)) {
        sample_fini(&sample);
    }
}

TEST(a_failed_allocation_is_reported_and_leaks_nothing)
{
    CHECK(test_each_allocation_failing(build_once) > 8);
}
