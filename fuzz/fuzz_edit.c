/* room: app */
#include "app/registry_diff.h"
#include "app/yaml_edit.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define FUZZ_TEXT_MAX ((size_t)1 << 20)

struct fuzz_lines {
    size_t count;
    bool other; /* than the field that was edited */
};

static enum err fuzz_on_line(void *context, const struct registry_diff_line *line)
{
    struct fuzz_lines *lines = context;
    lines->count++;
    lines->other |= !str_eq(line->id, STR("a")) || line->kind != REGISTRY_DIFF_CHANGED ||
                    !str_starts(line->field, STR("f"));
    return ERR_OK;
}

static void fuzz_compare(struct str before, struct str after, struct fuzz_lines *lines)
{
    struct registry_files files[2];
    const struct str texts[2] = { before, after };
    for (size_t i = 0; i < 2; i++) {
        registry_files_init(&files[i]);
        ASSERT(registry_files_add(&files[i],
                                  &(struct registry_files_item){ .name = STR("list.yaml"),
                                                                 .text = texts[i] }) == ERR_OK);
    }
    ASSERT(registry_diff(&files[0], &files[1], fuzz_on_line, lines, NULL) == ERR_OK);
    registry_files_fini(&files[0]);
    registry_files_fini(&files[1]);
}

/* An edit is refused and leaves nothing, or changes its one field and no other. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = { (const char *)data, size };
    const struct yaml_edit edit = { STR("list"), STR("a"), STR("f"), STR("{k: \"v\"}") };
    struct buf out;
    if (size > FUZZ_TEXT_MAX / 4) {
        return 0;
    }
    buf_init(&out, FUZZ_TEXT_MAX);
    if (yaml_edit_set(text, &edit, &out, NULL) == ERR_OK) {
        struct fuzz_lines lines = { 0 };
        fuzz_compare(text, buf_str(&out), &lines);
        ASSERT(!lines.other);
    } else {
        ASSERT(out.len == 0);
    }
    buf_fini(&out);
    return 0;
}
