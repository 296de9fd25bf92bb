/* The acts on the registry's versions: which there were, and what differs between two. */
#include "app/acts_internal.h"
#include "app/registry_diff.h"
#include "base/enc.h"

/* What is known of a version; the last two of how many objects it has. */
static const char *const version_columns[] = { "version", "hash",  "at",     "entered", "reviewed",
                                               "first",   "state", "grants", "routes" };
#define VERSION_COUNTS 2

static void version_put_signer(struct sheet *sheet, const struct registry_version *version,
                               enum registry_role role)
{
    if (version->seq == 0) {
        sheet_none(sheet);
    } else {
        sheet_str(sheet, str_from(version->person[role]));
    }
}

void act_version_begin(struct sheet *sheet, bool counts)
{
    sheet_init(sheet, version_columns,
               EP_ARRAY_LEN(version_columns) - (counts ? 0 : VERSION_COUNTS));
}

void act_version_put(struct sheet *sheet, const struct registry_version *version, struct str state)
{
    char text[2 * DIGEST_BYTES];
    struct buf hash = { text, 0, sizeof(text), sizeof(text) };
    EP_IGNORE(enc_hex(&hash, version->hash.bytes, DIGEST_BYTES)); /* fits exactly */
    if (version->seq == 0) {
        sheet_none(sheet);
    } else {
        sheet_int(sheet, version->seq);
    }
    sheet_str(sheet, buf_str(&hash));
    sheet_stamp(sheet, version->at_ns);
    version_put_signer(sheet, version, REGISTRY_ROLE_ENTERED);
    version_put_signer(sheet, version, REGISTRY_ROLE_REVIEWED);
    if (version->first) {
        sheet_str(sheet, STR("yes"));
    } else {
        sheet_none(sheet);
    }
    sheet_str(sheet, state);
    if (sheet->columns == EP_ARRAY_LEN(version_columns)) {
        sheet_int(sheet, version->grants);
        sheet_int(sheet, version->routes);
    }
}

/* ---- registry history --------------------------------------------------------------------- */

struct versions_told {
    struct sheet sheet;
    struct registry_version last; /* told of, and not yet put: it may be the one in force */
};

static void versions_on_version(void *context, const struct registry_version *version)
{
    struct versions_told *told = context;
    if (told->last.seq > 0) {
        act_version_put(&told->sheet, &told->last, STR("was in force"));
    }
    told->last = *version;
}

enum err act_registry_history(struct acting *acting)
{
    struct versions_told told = { .last.seq = 0 };
    act_version_begin(&told.sheet, true);
    enum err err =
        registry_versions_list(acting->world->store, versions_on_version, &told, &acting->fail);
    if (err == ERR_OK && told.last.seq > 0) {
        act_version_put(&told.sheet, &told.last, STR("in force"));
    }
    err = err == ERR_OK ? sheet_print(&told.sheet, acting->json, acting->out) : err;
    sheet_fini(&told.sheet);
    return err;
}

/* ---- registry diff ------------------------------------------------------------------------ */

static enum err versions_on_line(void *context, const struct registry_diff_line *line)
{
    static const struct str kinds[] = {
        [REGISTRY_DIFF_ADDED] = STR_INIT("added"),
        [REGISTRY_DIFF_REMOVED] = STR_INIT("removed"),
        [REGISTRY_DIFF_CHANGED] = STR_INIT("changed"),
    };
    struct sheet *sheet = context;
    const struct str cells[] = { line->objects, line->id,     kinds[line->kind],
                                 line->field,   line->before, line->after };
    for (size_t i = 0; i < EP_ARRAY_LEN(cells); i++) {
        if (cells[i].len == 0) {
            sheet_none(sheet);
        } else {
            sheet_str(sheet, cells[i]);
        }
    }
    return sheet->err;
}

static enum err versions_read_folder(struct acting *acting, struct registry_files *files)
{
    struct registry_report report;
    registry_report_init(&report);
    enum err err = registry_files_read(files, acting->world->conf->registry.ptr, &report);
    if (err != ERR_OK) {
        EP_IGNORE(registry_report_print(&report, acting->errors)); /* what fits */
        err = FAIL(&acting->fail, err, "the folder could not be read");
    }
    registry_report_fini(&report);
    return err;
}

/* The number in a word; 0: there is no such word. */
static enum err versions_word(struct acting *acting, size_t at, int64_t *ret_seq)
{
    struct str word = args_word(acting->args, at);
    *ret_seq = 0;
    if (word.len > 0 && (!str_to_i64(word, ret_seq) || *ret_seq <= 0)) {
        return FAIL(&acting->fail, ERR_ASK_INVALID, "\"" STR_FMT "\" is no number of a version",
                    STR_ARG(word));
    }
    return ERR_OK;
}

/* Two versions; one and the folder; or the one in force and the folder. */
static enum err versions_read_both(struct acting *acting, struct registry_files files[2])
{
    struct store *store = acting->world->store;
    struct registry_version latest;
    int64_t before = 0;
    int64_t after = 0;
    TRY(versions_word(acting, 2, &before));
    TRY(versions_word(acting, 3, &after));
    if (before == 0) {
        TRY(registry_versions_find(store, 0, &latest, &acting->fail));
        before = latest.seq;
    }
    TRY(registry_versions_files(store, before, &files[0], &acting->fail));
    return after == 0 ? versions_read_folder(acting, &files[1])
                      : registry_versions_files(store, after, &files[1], &acting->fail);
}

enum err act_registry_diff(struct acting *acting)
{
    static const char *const columns[] = { "objects", "id", "what", "field", "before", "after" };
    struct registry_files files[2];
    struct sheet sheet;
    registry_files_init(&files[0]);
    registry_files_init(&files[1]);
    sheet_init(&sheet, columns, EP_ARRAY_LEN(columns));
    enum err err = versions_read_both(acting, files);
    err = err == ERR_OK
              ? registry_diff(&files[0], &files[1], versions_on_line, &sheet, &acting->fail)
              : err;
    err = err == ERR_OK ? sheet_print(&sheet, acting->json, acting->out) : err;
    sheet_fini(&sheet);
    registry_files_fini(&files[0]);
    registry_files_fini(&files[1]);
    return err;
}
