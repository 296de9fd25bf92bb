#include "app/registry_diff.h"

#include <stdlib.h>

#include "base/arena.h"
#include "base/enc.h"
#include "wire/yaml.h"

#define DIFF_ARENA_MAX ((size_t)512 << 20) /* two registries of 100,000 objects */
#define DIFF_PATH_MAX  1024

/* A node under the name by which the other side's is found. */
struct diff_item {
    struct str name;
    const struct yaml_node *node;
};

struct diff_list {
    struct diff_item *items; /* by name */
    size_t count;
};

struct diff {
    registry_diff_fn *told;
    void *context;
    struct fail *fail;
    struct arena arena;
    struct registry_diff_line line; /* what is compared just now */
    char path[DIFF_PATH_MAX];
};

static enum err diff_tell(struct diff *diff, enum registry_diff_kind kind)
{
    diff->line.kind = kind;
    return diff->told(diff->context, &diff->line);
}

/* ---- values ------------------------------------------------------------------------------- */

/* As it could stand on one line of a file; what is too long is cut. */
static enum err diff_print(struct buf *out, const struct yaml_node *node)
{
    if (node->kind == YAML_SCALAR) {
        return buf_append(out, node->null ? STR("null") : node->text);
    }
    bool mapping = node->kind == YAML_MAPPING;
    TRY(buf_byte(out, mapping ? '{' : '['));
    for (uint32_t i = 0; i < node->count; i++) {
        TRY(buf_append(out, i > 0 ? STR(", ") : STR_EMPTY));
        if (mapping) {
            TRY(buf_printf(out, STR_FMT ": ", STR_ARG(yaml_key(node, i)->text)));
        }
        TRY(diff_print(out, mapping ? yaml_value(node, i) : yaml_item(node, i)));
    }
    return buf_byte(out, mapping ? '}' : ']');
}

static struct str diff_value(const struct yaml_node *node, char room[REGISTRY_DIFF_VALUE_MAX])
{
    struct buf out = { room, 0, REGISTRY_DIFF_VALUE_MAX, REGISTRY_DIFF_VALUE_MAX };
    if (node == NULL) {
        return STR_EMPTY;
    }
    if (diff_print(&out, node) != ERR_OK) {
        out.len = out.len < REGISTRY_DIFF_VALUE_MAX - 3 ? out.len : REGISTRY_DIFF_VALUE_MAX - 3;
        while (out.len > 0 && ((unsigned char)room[out.len - 1] & 0x80) != 0) {
            out.len--; /* no half of a character */
        }
        EP_IGNORE(buf_append(&out, STR("..."))); /* there is room */
    }
    return buf_str(&out);
}

static bool diff_scalars_equal(const struct yaml_node *a, const struct yaml_node *b)
{
    return a->kind == YAML_SCALAR && b->kind == YAML_SCALAR && a->null == b->null &&
           str_eq(a->text, b->text);
}

/* Lists of plain values: of those the order is a part. */
static bool diff_equal(const struct yaml_node *a, const struct yaml_node *b)
{
    if (a->kind != b->kind || a->count != b->count) {
        return false;
    }
    if (a->kind == YAML_SCALAR) {
        return diff_scalars_equal(a, b);
    }
    for (uint32_t i = 0; i < a->count; i++) {
        if (a->kind == YAML_SEQUENCE && !diff_equal(yaml_item(a, i), yaml_item(b, i))) {
            return false;
        }
        const struct yaml_node *other =
            a->kind == YAML_MAPPING ? yaml_get(b, yaml_key(a, i)->text) : a;
        if (a->kind == YAML_MAPPING && (other == NULL || !diff_equal(yaml_value(a, i), other))) {
            return false;
        }
    }
    return true;
}

/* ---- lists -------------------------------------------------------------------------------- */

static int diff_order(const void *left, const void *right)
{
    return str_cmp(((const struct diff_item *)left)->name, ((const struct diff_item *)right)->name);
}

/* What an item of a list is called; empty: nothing. */
static struct str diff_name(const struct yaml_node *node)
{
    const struct yaml_node *name = node->kind == YAML_MAPPING ? yaml_get(node, STR("id")) : NULL;
    if (name == NULL && node->kind == YAML_MAPPING) {
        name = yaml_get(node, STR("name"));
    }
    return name != NULL && name->kind == YAML_SCALAR ? name->text : STR_EMPTY;
}

/* Whether the items of a list can be told apart by their names. */
static bool diff_is_named(const struct yaml_node *node)
{
    for (uint32_t i = 0; i < node->count; i++) {
        if (diff_name(yaml_item(node, i)).len == 0) {
            return false;
        }
    }
    return true;
}

static enum err diff_collect(struct diff *diff, const struct yaml_node *node,
                             struct diff_list *ret_list)
{
    *ret_list = (struct diff_list){ .items = NULL };
    if (node == NULL || node->kind == YAML_SCALAR || node->count == 0) {
        return ERR_OK;
    }
    ret_list->items = arena_alloc(&diff->arena, node->count * sizeof(struct diff_item));
    if (ret_list->items == NULL) {
        return FAIL(diff->fail, ERR_NO_MEMORY, "no memory for the comparison");
    }
    for (uint32_t i = 0; i < node->count; i++) {
        bool mapping = node->kind == YAML_MAPPING;
        const struct yaml_node *value = mapping ? yaml_value(node, i) : yaml_item(node, i);
        ret_list->items[ret_list->count++] =
            (struct diff_item){ mapping ? yaml_key(node, i)->text : diff_name(value), value };
    }
    qsort(ret_list->items, ret_list->count, sizeof(ret_list->items[0]), diff_order);
    return ERR_OK;
}

/* The next pair of both lists in the order of the names; one of both may be missing. */
static bool diff_next(const struct diff_list *before, const struct diff_list *after, size_t at[2],
                      const struct diff_item *ret_pair[2])
{
    bool left = at[0] < before->count;
    bool right = at[1] < after->count;
    if (!left && !right) {
        return false;
    }
    int order = !left    ? 1
                : !right ? -1
                         : str_cmp(before->items[at[0]].name, after->items[at[1]].name);
    ret_pair[0] = order <= 0 ? &before->items[at[0]++] : NULL;
    ret_pair[1] = order >= 0 ? &after->items[at[1]++] : NULL;
    return true;
}

/* ---- objects ------------------------------------------------------------------------------ */

static enum err diff_fields(struct diff *diff, size_t path, const struct yaml_node *before,
                            const struct yaml_node *after, bool named);

static enum err diff_field(struct diff *diff, size_t path, const struct yaml_node *before,
                           const struct yaml_node *after)
{
    char old_room[REGISTRY_DIFF_VALUE_MAX];
    char new_room[REGISTRY_DIFF_VALUE_MAX];
    bool both = before != NULL && after != NULL && before->kind == after->kind;
    if (both && before->kind == YAML_MAPPING) {
        return diff_fields(diff, path, before, after, false);
    }
    if (both && before->kind == YAML_SEQUENCE && before->count > 0 && after->count > 0 &&
        diff_is_named(before) && diff_is_named(after)) {
        return diff_fields(diff, path, before, after, true);
    }
    if (both && diff_equal(before, after)) {
        return ERR_OK;
    }
    diff->line.field = (struct str){ diff->path, path };
    diff->line.before = diff_value(before, old_room);
    diff->line.after = diff_value(after, new_room);
    return diff_tell(diff, REGISTRY_DIFF_CHANGED);
}

/* `named`: the items of lists; else the pairs of mappings. */
static enum err diff_fields(struct diff *diff, size_t path, const struct yaml_node *before,
                            const struct yaml_node *after, bool named)
{
    struct diff_list lists[2];
    size_t at[2] = { 0, 0 };
    const struct diff_item *pair[2];
    TRY(diff_collect(diff, before, &lists[0]));
    TRY(diff_collect(diff, after, &lists[1]));
    while (diff_next(&lists[0], &lists[1], at, pair)) {
        struct buf out = { diff->path, path, sizeof(diff->path), sizeof(diff->path) };
        struct str name = pair[0] != NULL ? pair[0]->name : pair[1]->name;
        /* A path that is too long is cut: it is for reading. */
        EP_IGNORE(buf_printf(&out, "%s" STR_FMT "%s",
                             named      ? "["
                             : path > 0 ? "."
                                        : "",
                             STR_ARG(name), named ? "]" : ""));
        TRY(diff_field(diff, out.len, pair[0] == NULL ? NULL : pair[0]->node,
                       pair[1] == NULL ? NULL : pair[1]->node));
    }
    return ERR_OK;
}

static enum err diff_objects(struct diff *diff, const struct yaml_node *before,
                             const struct yaml_node *after)
{
    struct diff_list lists[2];
    size_t at[2] = { 0, 0 };
    const struct diff_item *pair[2];
    TRY(diff_collect(diff, before, &lists[0]));
    TRY(diff_collect(diff, after, &lists[1]));
    while (diff_next(&lists[0], &lists[1], at, pair)) {
        diff->line.id = pair[0] != NULL ? pair[0]->name : pair[1]->name;
        diff->line.field = diff->line.before = diff->line.after = STR_EMPTY;
        if (pair[0] != NULL && pair[1] != NULL) {
            TRY(diff_field(diff, 0, pair[0]->node, pair[1]->node));
        } else {
            TRY(diff_tell(diff, pair[0] == NULL ? REGISTRY_DIFF_ADDED : REGISTRY_DIFF_REMOVED));
        }
    }
    return ERR_OK;
}

/* ---- files -------------------------------------------------------------------------------- */

static const struct yaml_node *diff_list_of(const struct yaml_doc *doc, struct str key)
{
    const struct yaml_node *root = doc == NULL ? NULL : yaml_root(doc);
    const struct yaml_node *list =
        root == NULL || root->kind != YAML_MAPPING ? NULL : yaml_get(root, key);
    return list != NULL && list->kind == YAML_SEQUENCE ? list : NULL;
}

/* Each file holds one list; it is called as the file is. */
static enum err diff_docs(struct diff *diff, const struct yaml_doc *before,
                          const struct yaml_doc *after, struct str file)
{
    struct str key = str_slice(file, 0, file.len - STR(".yaml").len);
    diff->line.objects = key;
    return diff_objects(diff, diff_list_of(before, key), diff_list_of(after, key));
}

static enum err diff_parse(struct diff *diff, const struct registry_files_item *item,
                           struct yaml_doc **ret_doc)
{
    struct yaml_fault fault = { .text = "" };
    if (item == NULL) {
        return ERR_OK;
    }
    enum err err = yaml_parse(item->text, ret_doc, &fault);
    if (err == ERR_YAML_SYNTAX) {
        return FAIL(diff->fail, ERR_REGISTRY_INVALID, STR_FMT ":%u:%u: %s", STR_ARG(item->name),
                    fault.place.line, fault.place.column, fault.text);
    }
    return err == ERR_OK ? err : FAIL(diff->fail, err, "no memory for the comparison");
}

static enum err diff_texts(struct diff *diff, const struct registry_files_item *before,
                           const struct registry_files_item *after)
{
    struct yaml_doc *docs[2] = { NULL, NULL };
    struct str name = before != NULL ? before->name : after->name;
    enum err err = ERR_OK;
    if (!str_ends(name, STR(".yaml"))) {
        return ERR_OK; /* no registry has such a file */
    }
    struct arena_mark mark = arena_mark(&diff->arena);
    err = diff_parse(diff, before, &docs[0]);
    err = err == ERR_OK ? diff_parse(diff, after, &docs[1]) : err;
    err = err == ERR_OK ? diff_docs(diff, docs[0], docs[1], name) : err;
    arena_rollback(&diff->arena, mark);
    yaml_destroy(docs[0]);
    yaml_destroy(docs[1]);
    return err;
}

static struct str diff_sum(const struct registry_files_item *item, char room[2 * DIGEST_BYTES])
{
    struct buf out = { room, 0, 2 * DIGEST_BYTES, 2 * DIGEST_BYTES };
    EP_IGNORE(enc_hex(&out, item->sum.bytes, DIGEST_BYTES)); /* fits exactly */
    return buf_str(&out);
}

static enum err diff_document(struct diff *diff, const struct registry_files_item *before,
                              const struct registry_files_item *after)
{
    char old_room[2 * DIGEST_BYTES];
    char new_room[2 * DIGEST_BYTES];
    diff->line = (struct registry_diff_line){
        .objects = STR(REGISTRY_DOCUMENTS),
        .id = before != NULL ? before->name : after->name,
    };
    if (before == NULL || after == NULL) {
        return diff_tell(diff, before == NULL ? REGISTRY_DIFF_ADDED : REGISTRY_DIFF_REMOVED);
    }
    if (digest_eq(&before->sum, &after->sum)) {
        return ERR_OK;
    }
    diff->line.field = STR("sha256");
    diff->line.before = diff_sum(before, old_room);
    diff->line.after = diff_sum(after, new_room);
    return diff_tell(diff, REGISTRY_DIFF_CHANGED);
}

static enum err diff_files(struct diff *diff, const struct registry_files *before,
                           const struct registry_files *after)
{
    size_t left = 0;
    size_t right = 0;
    while (left < before->count || right < after->count) {
        int order = left == before->count ? 1
                    : right == after->count
                        ? -1
                        : str_cmp(before->items[left].name, after->items[right].name);
        const struct registry_files_item *old = order <= 0 ? &before->items[left++] : NULL;
        const struct registry_files_item *new = order >= 0 ? &after->items[right++] : NULL;
        bool document = old != NULL ? old->document : new->document;
        TRY(document ? diff_document(diff, old, new) : diff_texts(diff, old, new));
    }
    return ERR_OK;
}

enum err registry_diff(const struct registry_files *before, const struct registry_files *after,
                       registry_diff_fn *told, void *context, struct fail *fail)
{
    struct diff diff = { .told = told, .context = context, .fail = fail };
    arena_init(&diff.arena, 65536, DIFF_ARENA_MAX);
    enum err err = diff_files(&diff, before, after);
    arena_fini(&diff.arena);
    return err;
}
