/* The registry that docs/registry.md shows is read as it stands there, and the page names all that
 * the tables know. */
#include <stdio.h>

#include "law_sample.h"

#define EXAMPLE_FILES 40

struct example {
    struct buf text;
    struct registry_file files[EXAMPLE_FILES];
    size_t count;
};

static void example_read(struct example *example)
{
    FILE *file = fopen(EP_SOURCE_DIR "/docs/registry.md", "r");
    CHECK(file != NULL);
    *example = (struct example){ .count = 0 };
    buf_init(&example->text, 1 << 20);
    CHECK(buf_reserve(&example->text, 1 << 19) == ERR_OK);
    buf_added(&example->text, fread(example->text.ptr, 1, 1 << 19, file));
    CHECK(fclose(file) == 0);
}

/* "```yaml\n# NAME\n...```", and "`documents/NAME`:\n\n```text\n...```". */
static void example_find(struct example *example)
{
    struct str rest = buf_str(&example->text);
    struct str document = STR_EMPTY;
    while (rest.len > 0) {
        struct str line = str_cut(&rest, '\n');
        if (str_starts(line, STR("`documents/")) && str_ends(line, STR("`:"))) {
            document = str_slice(line, 1, line.len - 2);
        }
        bool yaml = str_eq(line, STR("```yaml"));
        if (!yaml && !str_eq(line, STR("```text"))) {
            continue;
        }
        struct str name = yaml ? str_from_at(str_cut(&rest, '\n'), 2) : document;
        CHECK(example->count < EXAMPLE_FILES);
        example->files[example->count++] =
            (struct registry_file){ name, str_slice(rest, 0, str_search(rest, STR("```"))) };
    }
}

TEST(the_page_is_a_registry_without_a_fault_or_warning)
{
    struct example example;
    struct registry_report report;
    struct registry *registry = NULL;
    example_read(&example);
    example_find(&example);
    CHECK_EQ(example.count, REGISTRY_KIND_COUNT + 5);
    registry_report_init(&report);
    enum err err = registry_parse(example.files, example.count, &registry, &report);
    if (err != ERR_OK || report.count > 0) {
        test_failed(EP_SITE, "%s:%u: %s", report.count > 0 ? report.faults[0].file : "",
                    report.count > 0 ? report.faults[0].line : 0,
                    report.count > 0 ? report.faults[0].text : "no fault");
    }
    for (size_t kind = 0; kind < REGISTRY_KIND_COUNT; kind++) {
        CHECK(*(const size_t *)registry_peek(registry, registry_kinds[kind].count_offset) > 0);
    }
    CHECK(registry_grant(registry, STR("G-2"))->signature.fine);
    CHECK(registry_agreement(registry, STR("A-1"))->signature.fine);
    registry_unref(registry);
    registry_report_fini(&report);
    buf_fini(&example.text);
}

/* The canonical text of the page is that of the grant that it shows. */
TEST(the_page_shows_what_a_signature_covers)
{
    struct example example;
    struct registry_report report;
    struct registry *registry = NULL;
    struct buf text;
    struct buf shown;
    example_read(&example);
    example_find(&example);
    registry_report_init(&report);
    buf_init(&text, REGISTRY_CANONICAL_MAX);
    buf_init(&shown, REGISTRY_CANONICAL_MAX);
    CHECK(registry_parse(example.files, example.count, &registry, &report) == ERR_OK);
    CHECK(registry_grant_canonical(registry_grant(registry, STR("G-2")), &text) == ERR_OK);
    struct str rest = buf_str(&example.text);
    rest = str_from_at(rest, str_search(rest, STR("```json\n")) + 8);
    rest = str_slice(rest, 0, str_search(rest, STR("```")));
    while (rest.len > 0) {
        CHECK(buf_append(&shown, str_cut(&rest, '\n')) == ERR_OK);
    }
    CHECK_STR(buf_str(&shown), buf_str(&text));
    registry_unref(registry);
    registry_report_fini(&report);
    buf_fini(&text);
    buf_fini(&shown);
    buf_fini(&example.text);
}

static void check_named(struct str section, const struct registry_shape *shape, struct str file)
{
    for (size_t i = 0; i < shape->count; i++) {
        const struct registry_field *field = &shape->fields[i];
        char text[64];
        if (field->type == REGISTRY_TYPE_DERIVED) {
            continue;
        }
        (void)snprintf(text, sizeof(text), "`" STR_FMT "`", STR_ARG(field->key));
        if (str_search(section, str_from(text)) == section.len) {
            test_failed(EP_SITE, "%s of " STR_FMT " is not named", text, STR_ARG(file));
        }
        bool elsewhere =
            field->shape != NULL && (str_eq(field->shape->fields[0].key, STR("file")) ||
                                     str_eq(field->shape->fields[0].key, STR("allow")));
        if (field->shape != NULL && !elsewhere) {
            check_named(section, field->shape, file);
        }
    }
}

TEST(the_page_names_every_field_of_every_file)
{
    struct example example;
    example_read(&example);
    for (size_t kind = 0; kind < REGISTRY_KIND_COUNT; kind++) {
        struct str file = registry_kinds[kind].file;
        char title[64];
        (void)snprintf(title, sizeof(title), "### `" STR_FMT "`", STR_ARG(file));
        struct str page = buf_str(&example.text);
        size_t at = str_search(page, str_from(title));
        CHECK(at < page.len);
        struct str section = str_from_at(page, at + 3);
        section = str_slice(section, 0, str_search(section, STR("\n#")));
        /* What other pages explain; agreements are signed like grants. */
        if (kind != REGISTRY_KIND_AGREEMENT) {
            check_named(section, registry_kinds[kind].shape, file);
        }
    }
    buf_fini(&example.text);
}

TEST(the_page_names_every_code_of_the_law)
{
    struct example example;
    example_read(&example);
    struct str page = buf_str(&example.text);
    for (unsigned rule = REGISTRY_RULE_CREDENTIAL_PROVENANCE; rule < REGISTRY_RULE_COUNT; rule++) {
        const char *code = registry_rule_code((enum registry_rule)rule);
        if (str_search(page, str_from(code)) == page.len) {
            test_failed(EP_SITE, "%s is not named", code);
        }
    }
    buf_fini(&example.text);
}
