#include "app/yaml_edit.h"

#include "harness.h"

struct edit_case {
    const char *before;
    const char *after; /* NULL: refused */
    enum err err;
};

#define ID "g.1"

static void try(const struct edit_case *test)
{
    const struct yaml_edit edit = { STR("grants"), STR(ID), STR("sig"), STR("{a: \"1\"}") };
    struct buf out;
    struct fail fail;
    buf_init(&out, 65536);
    CHECK_EQ(buf_append(&out, STR("kept ")), ERR_OK);
    enum err err = yaml_edit_set(str_from(test->before), &edit, &out, &fail);
    if (err != test->err) {
        test_failed(EP_SITE, "\"%s\": %s", test->before, err_info(err)->name);
    }
    CHECK(str_starts(buf_str(&out), STR("kept ")));
    CHECK_STR(str_from_at(buf_str(&out), 5), str_from(test->after));
    buf_fini(&out);
}

TEST(a_field_is_replaced_in_place)
{
    static const struct edit_case cases[] = {
        { "grants:\n  - id: g.1\n    sig: {b: 2}\n    x: 1\n",
          "grants:\n  - id: g.1\n    sig: {a: \"1\"}\n    x: 1\n", ERR_OK },
        { "grants:\n  - id: g.1\n    sig: {b: \"}\", c: ['\"']}  # why\n",
          "grants:\n  - id: g.1\n    sig: {a: \"1\"}  # why\n", ERR_OK },
        { "grants:\n  - id: g.1\n    sig: \"q\\\"{\"\n",
          "grants:\n  - id: g.1\n    sig: {a: \"1\"}\n", ERR_OK },
        { "grants:\n  - id: g.1\n    sig: plain text # why\n",
          "grants:\n  - id: g.1\n    sig: {a: \"1\"} # why\n", ERR_OK },
        { "grants:\n- sig: null\n  id: g.1", "grants:\n- sig: {a: \"1\"}\n  id: g.1", ERR_OK },
        { "grants:\n  - id: g.0\n    sig: 1\n  # mine\n  - id: \"g.1\"\n    sig: 1\n  - id: g.2\n"
          "    sig: 1\n",
          "grants:\n  - id: g.0\n    sig: 1\n  # mine\n  - id: \"g.1\"\n    sig: {a: \"1\"}\n"
          "  - id: g.2\n    sig: 1\n",
          ERR_OK },
    };
    for (size_t i = 0; i < EP_ARRAY_LEN(cases); i++) {
        try(&cases[i]);
    }
}

TEST(a_field_that_is_not_there_is_added_behind_the_id)
{
    static const struct edit_case cases[] = {
        { "grants:\n  - id: g.1 # first\n    x: 1\n",
          "grants:\n  - id: g.1 # first\n    sig: {a: \"1\"}\n    x: 1\n", ERR_OK },
        { "grants:\n  - x: 1\n    id: g.1", "grants:\n  - x: 1\n    id: g.1\n    sig: {a: \"1\"}",
          ERR_OK },
        /* Of another object, and deeper in this one: both are others. */
        { "grants:\n  - id: g.0\n    sig: 1\n  - id: g.1\n    y:\n      sig: 2\n",
          "grants:\n  - id: g.0\n    sig: 1\n  - id: g.1\n    "
          "sig: {a: \"1\"}\n    y:\n      sig: 2\n",
          ERR_OK },
    };
    for (size_t i = 0; i < EP_ARRAY_LEN(cases); i++) {
        try(&cases[i]);
    }
}

TEST(what_is_not_written_plainly_is_left_alone)
{
    static const struct edit_case cases[] = {
        { "grants:\n  - {id: g.1, sig: 1}\n", NULL, ERR_CONFLICT },
        { "grants: [{id: g.1}]\n", NULL, ERR_CONFLICT },
        { "grants:\n  - id: g.1\n    sig:\n      b: 2\n", NULL, ERR_CONFLICT },
        { "grants:\n  - id: g.1\n    sig: {b:\n      2}\n", NULL, ERR_CONFLICT },
        { "grants:\n  - id: g.1\n    sig: \"two\n      lines\"\n", NULL, ERR_CONFLICT },
        { "grants:\n  - id: g.1\n    sig: two\n      lines\n", NULL, ERR_CONFLICT },
        { "grants:\n  - id: g.1\n    sig: |\n      text\n", NULL, ERR_CONFLICT },
        { "grants:\n  - id: g.1\n    sig:\n", NULL, ERR_CONFLICT },
        { "grants:\n  -\n    id:\n      g.1\n", NULL, ERR_CONFLICT },
        { "grants:\n  - id: g.1\n    \"sig\": 1\n", NULL, ERR_CONFLICT },
    };
    for (size_t i = 0; i < EP_ARRAY_LEN(cases); i++) {
        try(&cases[i]);
    }
}

TEST(what_is_not_there_is_not_found)
{
    static const struct edit_case cases[] = {
        { "grants:\n  - id: g.2\n", NULL, ERR_NOT_FOUND },
        { "grants:\n  - g.1\n", NULL, ERR_NOT_FOUND },
        { "grants: g.1\n", NULL, ERR_NOT_FOUND },
        { "others:\n  - id: g.1\n", NULL, ERR_NOT_FOUND },
        { "- id: g.1\n", NULL, ERR_NOT_FOUND },
        { "", NULL, ERR_NOT_FOUND },
        { "grants: [\n", NULL, ERR_REGISTRY_INVALID },
    };
    for (size_t i = 0; i < EP_ARRAY_LEN(cases); i++) {
        try(&cases[i]);
    }
}
