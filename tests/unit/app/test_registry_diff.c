#include "app/registry_diff.h"

#include <stdio.h>

#include "harness.h"

static struct buf told;

/* Sums are of what is put. */
__attribute__((constructor)) static void start(void)
{
    ASSERT(crypto_start(NULL) == ERR_OK);
}

/* "kind objects id field before after;" */
static enum err on_line(void *context, const struct registry_diff_line *line)
{
    static const char *const kinds[] = { "+", "-", "~" };
    (void)context;
    return buf_printf(&told,
                      "%s " STR_FMT " " STR_FMT " [" STR_FMT "] [" STR_FMT "] [" STR_FMT "];",
                      kinds[line->kind], STR_ARG(line->objects), STR_ARG(line->id),
                      STR_ARG(line->field), STR_ARG(line->before), STR_ARG(line->after));
}

static void put(struct registry_files *files, const char *name, const char *text)
{
    bool document = str_starts(str_from(name), STR(REGISTRY_DOCUMENTS "/"));
    CHECK_EQ(registry_files_add(files,
                                &(struct registry_files_item){
                                    .name = str_from(name),
                                    .text = document ? STR_EMPTY : str_from(text),
                                    .sum = digest_sha256(str_from(text)),
                                    .document = document,
                                }),
             ERR_OK);
    registry_files_sort(files);
}

struct diff_case {
    const char *before;
    const char *after;
    const char *told;
};

static enum err compare(const struct registry_files *before, const struct registry_files *after)
{
    struct fail fail;
    buf_fini(&told);
    buf_init(&told, 65536);
    return registry_diff(before, after, on_line, NULL, &fail);
}

static void try(const struct diff_case *test)
{
    struct registry_files before;
    struct registry_files after;
    registry_files_init(&before);
    registry_files_init(&after);
    if (test->before != NULL) {
        put(&before, "things.yaml", test->before);
    }
    if (test->after != NULL) {
        put(&after, "things.yaml", test->after);
    }
    CHECK_EQ(compare(&before, &after), ERR_OK);
    CHECK_STR(buf_str(&told), str_from(test->told));
    registry_files_fini(&before);
    registry_files_fini(&after);
    buf_fini(&told);
}

#define A "things:\n  - {id: a, x: 1, set: [1, 2], deep: {y: 1, z: [q]}}\n"

TEST(objects_and_fields_are_told_one_by_one)
{
    static const struct diff_case cases[] = {
        { A, A, "" },
        /* Remarks, layout and order of keys and objects do not matter. */
        { A "  - {id: b}\n",
          "# remark\nthings:\n  - id: b\n  - set: [1, 2]\n    x: \"1\"\n    id: a\n    deep:\n"
          "      z: [q]\n      y: 1\n",
          "" },
        { A, A "  - {id: b, x: 2}\n", "+ things b [] [] [];" },
        { A "  - {id: b, x: 2}\n", A, "- things b [] [] [];" },
        { NULL, A, "+ things a [] [] [];" },
        { A, "things: []\n", "- things a [] [] [];" },
        { A, NULL, "- things a [] [] [];" },
        { A, "things:\n  - {id: a, x: 2, set: [1, 2], deep: {y: 1, z: [q]}}\n",
          "~ things a [x] [1] [2];" },
        { A, "things:\n  - {id: a, set: [2, 1], deep: {y: null, z: [q], w: {v: 1}}}\n",
          "~ things a [deep.w] [] [{v: 1}];~ things a [deep.y] [1] [null];"
          "~ things a [set] [[1, 2]] [[2, 1]];~ things a [x] [1] [];" },
        { "things:\n  - {id: a, plans: [{id: p, n: 1}, {id: q, n: 2}]}\n",
          "things:\n  - {id: a, plans: [{id: q, n: 3}, {id: p, n: 1}]}\n",
          "~ things a [plans[q].n] [2] [3];" },
        { "things:\n  - {id: a, plans: [{name: p, n: 1}]}\n",
          "things:\n  - {id: a, plans: [{name: p, n: 1}, {name: q}]}\n",
          "~ things a [plans[q]] [] [{name: q}];" },
        { "things:\n  - {id: a, rows: [{n: 1}]}\n", "things:\n  - {id: a, rows: [{n: 2}]}\n",
          "~ things a [rows] [[{n: 1}]] [[{n: 2}]];" },
        { "things:\n  - {id: a, x: 1}\n", "things:\n  - {id: a, x: [1]}\n",
          "~ things a [x] [1] [[1]];" },
        { "things:\n  - {id: a, x: null}\n", "things:\n  - {id: a, x: \"null\"}\n",
          "~ things a [x] [null] [null];" },
    };
    for (size_t i = 0; i < EP_ARRAY_LEN(cases); i++) {
        try(&cases[i]);
    }
}

TEST(documents_are_compared_by_their_sums)
{
    struct registry_files before;
    struct registry_files after;
    registry_files_init(&before);
    registry_files_init(&after);
    put(&before, "documents/a", "1");
    put(&before, "documents/b", "1");
    put(&before, "documents/c", "1");
    put(&after, "documents/a", "1");
    put(&after, "documents/b", "2");
    put(&after, "documents/d", "1");
    CHECK_EQ(compare(&before, &after), ERR_OK);
    CHECK(str_starts(buf_str(&told), STR("~ documents documents/b [sha256] [6b86b273")));
    CHECK(str_ends(buf_str(&told),
                   STR("- documents documents/c [] [] [];+ documents documents/d [] [] [];")));
    registry_files_fini(&before);
    registry_files_fini(&after);
    buf_fini(&told);
}

TEST(a_value_that_is_long_is_cut_to_whole_characters)
{
    static char text[8192];
    struct registry_files before;
    struct registry_files after;
    size_t len = (size_t)snprintf(text, sizeof(text), "things:\n  - id: a\n    x: \"");
    for (int i = 0; i < 2000; i++) {
        len += (size_t)snprintf(text + len, sizeof(text) - len, "\xC3\xB6");
    }
    (void)snprintf(text + len, sizeof(text) - len, "\"\n");
    registry_files_init(&before);
    registry_files_init(&after);
    put(&before, "things.yaml", "things:\n  - id: a\n    x: [1]\n");
    put(&after, "things.yaml", text);
    CHECK_EQ(compare(&before, &after), ERR_OK);
    CHECK(told.len < 2 * REGISTRY_DIFF_VALUE_MAX);
    CHECK(str_ends(buf_str(&told), STR("...];")));
    registry_files_fini(&before);
    registry_files_fini(&after);
    buf_fini(&told);
}

TEST(what_is_no_yaml_is_told_with_its_place)
{
    struct registry_files before;
    struct registry_files after;
    struct fail fail;
    registry_files_init(&before);
    registry_files_init(&after);
    put(&before, "things.yaml", A);
    put(&after, "things.yaml", "things: [\n");
    CHECK_EQ(registry_diff(&before, &after, on_line, NULL, &fail), ERR_REGISTRY_INVALID);
    CHECK(strstr(fail.text, "things.yaml:") != NULL);
    registry_files_fini(&before);
    registry_files_fini(&after);
}

static struct registry_files memory_before;
static struct registry_files memory_after;

static void compare_once(void)
{
    EP_IGNORE(compare(&memory_before, &memory_after)); /* whatever comes of it */
    buf_fini(&told);
}

TEST(a_comparison_that_runs_out_of_memory_leaves_nothing_behind)
{
    put(&memory_before, "things.yaml", A);
    put(&memory_after, "things.yaml", "things:\n  - {id: a, x: 2}\n  - {id: c}\n");
    CHECK(test_each_allocation_failing(compare_once) > 3);
    registry_files_fini(&memory_before);
    registry_files_fini(&memory_after);
}
