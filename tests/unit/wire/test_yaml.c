#include "wire/yaml.h"

#include "base/buf.h"
#include "harness.h"

struct yaml_case {
    const char *text;
    uint32_t line;
};

TEST(a_file_becomes_a_tree_with_places)
{
    struct str text =
        STR("# models\nmodels:\n  - id: aurora\n    price: \"2.50\"\n  - id: ~\nempty:\n");
    struct yaml_doc *doc = NULL;
    struct yaml_fault fault;
    CHECK(yaml_parse(text, &doc, &fault) == ERR_OK);
    const struct yaml_node *root = yaml_root(doc);
    CHECK(root->kind == YAML_MAPPING);
    CHECK_EQ(root->count, 2);
    const struct yaml_node *models = yaml_get(root, STR("models"));
    CHECK(models != NULL && models->kind == YAML_SEQUENCE);
    CHECK_EQ(models->count, 2);
    const struct yaml_node *price = yaml_get(yaml_item(models, 0), STR("price"));
    CHECK_STR(price->text, STR("2.50"));
    CHECK(price->quoted && !price->null);
    CHECK_EQ(price->place.line, 4);
    CHECK_EQ(price->place.column, 12);
    CHECK(yaml_get(yaml_item(models, 1), STR("id"))->null);
    CHECK(yaml_get(root, STR("empty"))->null);
    CHECK(yaml_get(root, STR("absent")) == NULL);
    yaml_destroy(doc);
}

TEST(scalars_of_every_style_come_back_whole)
{
    struct str text = STR("s: 'a''b''c'\n"
                          "d: \"\\n\\n\\n\\n\\n\\n\\n\\n\\n\\n\\n\\n\\n\\n\\u00e9\"\n"
                          "l: |\n  x\n\n  y\nf: >\n  x\n  y\np: x\n  y\ne: ''\n");
    struct yaml_doc *doc = NULL;
    struct yaml_fault fault;
    CHECK(yaml_parse(text, &doc, &fault) == ERR_OK);
    const struct yaml_node *root = yaml_root(doc);
    CHECK_STR(yaml_get(root, STR("s"))->text, STR("a'b'c"));
    CHECK_STR(yaml_get(root, STR("d"))->text, STR("\n\n\n\n\n\n\n\n\n\n\n\n\n\n\xC3\xA9"));
    CHECK_STR(yaml_get(root, STR("l"))->text, STR("x\n\ny\n"));
    CHECK_STR(yaml_get(root, STR("f"))->text, STR("x y\n"));
    CHECK_STR(yaml_get(root, STR("p"))->text, STR("x y"));
    CHECK_EQ(yaml_get(root, STR("e"))->text.len, 0);
    CHECK(!yaml_get(root, STR("e"))->null);
    yaml_destroy(doc);
}

TEST(what_the_library_misreads_is_refused)
{
    static const struct yaml_case misread[] = {
        { "a: 1\nb: 'x''''y'\n", 2 }, { "''''''\n", 1 },        { "? ::\t?", 1 },
        { "a: 1\n? ::\t?:\n", 2 },    { "- ? a\n", 1 },         { "? a\n", 1 },
        { "a: 1\r\n  ?", 2 },         { "\xEF\xBB\xBF? a", 1 }, { "--- ? a\n", 1 },
    };
    for (size_t i = 0; i < EP_ARRAY_LEN(misread); i++) {
        struct yaml_doc *doc = NULL;
        struct yaml_fault fault;
        struct str text = test_at_page_end(str_from(misread[i].text));
        CHECK(yaml_parse(text, &doc, &fault) == ERR_YAML_SYNTAX);
        CHECK_EQ(fault.place.line, misread[i].line);
    }
    static const char *const good[] = { "a: \"''\"\n", "a:\tb\n",      "a: what?\n",  "a: x ? y\n",
                                        "?a: 1\n",     "a: \"? b\"\n", "a: 1 # ? b\n" };
    for (size_t i = 0; i < EP_ARRAY_LEN(good); i++) {
        struct yaml_doc *doc = NULL;
        struct yaml_fault fault;
        CHECK(yaml_parse(test_at_page_end(str_from(good[i])), &doc, &fault) == ERR_OK);
        yaml_destroy(doc);
    }
}

TEST(a_nul_byte_is_refused_as_it_is_and_escaped)
{
    struct yaml_doc *doc = NULL;
    struct yaml_fault fault;
    CHECK(yaml_parse(STR("a: 1\nb: x\0y\n"), &doc, &fault) == ERR_YAML_SYNTAX);
    CHECK_EQ(fault.place.line, 2);
    CHECK_EQ(fault.place.column, 5);
    CHECK(yaml_parse(STR("|\0"), &doc, &fault) == ERR_YAML_SYNTAX);
    CHECK(yaml_parse(STR("a: \"\\0\"\n"), &doc, &fault) == ERR_YAML_SYNTAX);
}

TEST(a_byte_that_is_not_utf8_has_a_column_in_characters)
{
    struct yaml_doc *doc = NULL;
    struct yaml_fault fault;
    struct str text = STR("k: 1\n\xE6\x97\xA5: \xFF\n");
    CHECK(yaml_parse(text, &doc, &fault) == ERR_YAML_SYNTAX);
    CHECK_EQ(fault.place.line, 2);
    CHECK_EQ(fault.place.column, 4);
    CHECK(yaml_parse(STR("k: \xE6\x97\xA5\xF0\x9F\x98\x80\n"), &doc, &fault) == ERR_OK);
    CHECK_STR(yaml_get(yaml_root(doc), STR("k"))->text, STR("\xE6\x97\xA5\xF0\x9F\x98\x80"));
    yaml_destroy(doc);
}

TEST(an_empty_file_is_an_empty_mapping)
{
    static const char *const empty[] = { "", "\n", "# only a comment\n", "---\n" };
    for (size_t i = 0; i < EP_ARRAY_LEN(empty); i++) {
        struct yaml_doc *doc = NULL;
        struct yaml_fault fault;
        CHECK(yaml_parse(str_from(empty[i]), &doc, &fault) == ERR_OK);
        CHECK(yaml_root(doc)->kind == YAML_MAPPING);
        CHECK_EQ(yaml_root(doc)->count, 0);
        yaml_destroy(doc);
    }
}

TEST(what_is_not_taken_is_refused_with_its_line)
{
    static const struct yaml_case cases[] = {
        { "a: 1\nb: [1, 2\n", 0 },
        { "a: 1\na: 2\n", 2 },
        { "a: &x 1\nb: 2\n", 1 },
        { "a: 1\nb: *x\n", 2 },
        { "a: !!int 1\n", 1 },
        { "? [1, 2]\n: x\n", 1 },
        { "a: 1\n---\nb: 2\n", 2 },
        { "a:\n\t- b\n", 0 },
        { "a: 'x\n", 0 },
        { "a: {b: &y {c: 1}}\n", 1 },
        { "a: 1\nb: \xFF\n", 2 },
        { "a: \xC3", 1 },
        { "# \xE6\x97\xA5\n\nb: \xED\xA0\x80\n", 3 },
    };
    for (size_t i = 0; i < EP_ARRAY_LEN(cases); i++) {
        struct yaml_doc *doc = NULL;
        struct yaml_fault fault = { .text = "" };
        if (yaml_parse(str_from(cases[i].text), &doc, &fault) != ERR_YAML_SYNTAX) {
            test_failed(EP_SITE, "taken: %s", cases[i].text);
        }
        CHECK(fault.text[0] != '\0');
        CHECK(fault.place.line >= 1 && fault.place.column >= 1);
        if (cases[i].line != 0) {
            CHECK_EQ(fault.place.line, cases[i].line);
        }
    }
}

TEST(nesting_ends_at_its_limit)
{
    struct buf text;
    buf_init(&text, 4096);
    for (int depth = YAML_DEPTH_MAX; depth <= YAML_DEPTH_MAX + 1; depth++) {
        buf_reset(&text);
        for (int i = 0; i < depth; i++) {
            CHECK(buf_byte(&text, '[') == ERR_OK);
        }
        for (int i = 0; i < depth; i++) {
            CHECK(buf_byte(&text, ']') == ERR_OK);
        }
        struct yaml_doc *doc = NULL;
        struct yaml_fault fault;
        enum err err = yaml_parse(buf_str(&text), &doc, &fault);
        CHECK((err == ERR_OK) == (depth <= YAML_DEPTH_MAX));
        yaml_destroy(doc);
    }
    buf_fini(&text);
}

static void parse_once(void)
{
    struct yaml_doc *doc = NULL;
    struct yaml_fault fault;
    enum err err = yaml_parse(STR("a: [1, {b: c}]\n"), &doc, &fault);
    CHECK(err == ERR_OK || err == ERR_NO_MEMORY);
    if (err == ERR_OK) {
        yaml_destroy(doc);
    }
}

TEST(each_allocation_may_fail)
{
    CHECK(test_each_allocation_failing(parse_once) > 2);
}
