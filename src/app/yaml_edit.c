#include "app/yaml_edit.h"

#include "wire/yaml.h"

/* Where the change goes. */
struct yaml_edit_place {
    size_t from; /* what stands from here */
    size_t to;   /* to here is replaced */
    bool line;   /* a line of its own, behind `from` */
    size_t indent;
};

static enum err edit_refuse(const struct yaml_edit *edit, struct fail *fail)
{
    return FAIL(fail, ERR_CONFLICT,
                "\"" STR_FMT "\" of \"" STR_FMT "\" is not written plainly enough to be edited",
                STR_ARG(edit->field), STR_ARG(edit->id));
}

static const struct yaml_node *edit_object(const struct yaml_doc *doc, const struct yaml_edit *edit)
{
    const struct yaml_node *root = yaml_root(doc);
    const struct yaml_node *list = root->kind == YAML_MAPPING ? yaml_get(root, edit->list) : NULL;
    for (uint32_t i = 0; list != NULL && list->kind == YAML_SEQUENCE && i < list->count; i++) {
        const struct yaml_node *item = yaml_item(list, i);
        const struct yaml_node *id = item->kind == YAML_MAPPING ? yaml_get(item, STR("id")) : NULL;
        if (id != NULL && id->kind == YAML_SCALAR && str_eq(id->text, edit->id)) {
            return item;
        }
    }
    return NULL;
}

/* The offset of a line, from 1; the text's length if there is none. */
static size_t edit_line(struct str text, uint32_t line)
{
    size_t at = 0;
    for (uint32_t i = 1; i < line && at < text.len; i++) {
        at += str_find(str_from_at(text, at), '\n') + 1;
    }
    return at < text.len ? at : text.len;
}

/* Where a key begins that is the first on its line, but for "- ". */
static bool edit_key(struct str text, const struct yaml_node *key, size_t *ret_at)
{
    size_t start = edit_line(text, key->place.line);
    size_t at = start;
    while (at < text.len && (text.ptr[at] == ' ' || (text.ptr[at] == '-' && at + 1 < text.len &&
                                                     text.ptr[at + 1] == ' '))) {
        at++;
    }
    struct str rest = str_from_at(text, at);
    if (!str_starts(rest, key->text) || rest.len == key->text.len ||
        rest.ptr[key->text.len] != ':') {
        return false;
    }
    *ret_at = at;
    return true;
}

/* The end of a value in brackets or quotes, within the line; 0: it does not end there. */
static size_t edit_closed_end(struct str line)
{
    size_t depth = 0;
    char quote = '\0';
    for (size_t i = 0; i < line.len; i++) {
        char c = line.ptr[i];
        if (quote != '\0') {
            i += quote == '"' && c == '\\' ? 1 : 0;
            quote = c == quote ? '\0' : quote;
        } else if (c == '"' || c == '\'') {
            quote = c;
        } else if (c == '{' || c == '[') {
            depth++;
        } else if (c == '}' || c == ']') {
            depth--;
        }
        if (quote == '\0' && depth == 0) {
            return i + 1;
        }
    }
    return 0;
}

/* The value behind a key, all on its line. */
static bool edit_value(struct str text, size_t key_end, struct yaml_edit_place *ret_place)
{
    struct str rest = str_from_at(text, key_end);
    struct str line = str_slice(rest, 0, str_find(rest, '\n'));
    size_t at = 0;
    while (at < line.len && line.ptr[at] == ' ') {
        at++;
    }
    struct str value = str_from_at(line, at);
    size_t len = 0;
    if (value.len > 0 && str_find(STR("\"'{["), value.ptr[0]) < 4) {
        len = edit_closed_end(value);
    } else {
        len = str_search(value, STR(" #"));
        while (len > 0 && value.ptr[len - 1] == ' ') {
            len--;
        }
    }
    if (at == 0 || len == 0 || str_find(STR("|>#&*!"), value.ptr[0]) < 6) {
        return false;
    }
    *ret_place = (struct yaml_edit_place){ .from = key_end + at, .to = key_end + at + len };
    return true;
}

/* Behind the line of the object's id. */
static bool edit_behind(struct str text, const struct yaml_node *id_key,
                        struct yaml_edit_place *ret_place)
{
    size_t at = 0;
    struct yaml_edit_place value;
    if (!edit_key(text, id_key, &at) || !edit_value(text, at + id_key->text.len + 1, &value)) {
        return false;
    }
    size_t start = edit_line(text, id_key->place.line);
    size_t end = start + str_find(str_from_at(text, start), '\n');
    *ret_place =
        (struct yaml_edit_place){ .from = end, .to = end, .line = true, .indent = at - start };
    return true;
}

static bool edit_find(struct str text, const struct yaml_node *object, const struct yaml_edit *edit,
                      struct yaml_edit_place *ret_place)
{
    const struct yaml_node *id_key = NULL;
    for (uint32_t i = 0; i < object->count; i++) {
        const struct yaml_node *key = yaml_key(object, i);
        size_t at = 0;
        if (!edit_key(text, key, &at)) {
            return false;
        }
        if (str_eq(key->text, edit->field)) {
            return edit_value(text, at + key->text.len + 1, ret_place);
        }
        if (str_eq(key->text, STR("id"))) {
            id_key = key;
        }
    }
    return id_key != NULL && edit_behind(text, id_key, ret_place);
}

static enum err edit_write(struct str text, const struct yaml_edit *edit,
                           const struct yaml_edit_place *place, struct buf *out)
{
    TRY(buf_append(out, str_slice(text, 0, place->from)));
    if (place->line) {
        TRY(buf_printf(out, "\n%*s" STR_FMT ": ", (int)place->indent, "", STR_ARG(edit->field)));
    }
    TRY(buf_append(out, edit->value));
    return buf_append(out, str_from_at(text, place->to));
}

static enum err edit_parse(struct str text, struct yaml_doc **ret_doc, struct fail *fail)
{
    struct yaml_fault fault = { .text = "" };
    enum err err = yaml_parse(text, ret_doc, &fault);
    if (err == ERR_YAML_SYNTAX) {
        return FAIL(fail, ERR_REGISTRY_INVALID, "line %u: %s", fault.place.line, fault.text);
    }
    return err == ERR_OK ? err : FAIL(fail, err, "no memory for the file");
}

/* What was made is read again: the object must be there with the field, and be no other. */
static enum err edit_check(struct str made, const struct yaml_edit *edit, uint32_t count,
                           struct fail *fail)
{
    struct yaml_doc *doc = NULL;
    enum err err = edit_parse(made, &doc, NULL);
    if (err != ERR_OK) {
        return err == ERR_NO_MEMORY ? FAIL(fail, err, "no memory for the file")
                                    : edit_refuse(edit, fail);
    }
    const struct yaml_node *object = edit_object(doc, edit);
    bool fine = object != NULL && object->count == count && yaml_get(object, edit->field) != NULL;
    yaml_destroy(doc);
    return fine ? ERR_OK : edit_refuse(edit, fail);
}

enum err yaml_edit_set(struct str text, const struct yaml_edit *edit, struct buf *out,
                       struct fail *fail)
{
    struct yaml_doc *doc = NULL;
    struct yaml_edit_place place;
    size_t before = out->len;
    TRY(edit_parse(text, &doc, fail));
    const struct yaml_node *object = edit_object(doc, edit);
    enum err err = ERR_OK;
    uint32_t count = 0;
    if (object == NULL) {
        err = FAIL(fail, ERR_NOT_FOUND, "there is no \"" STR_FMT "\" in \"" STR_FMT "\"",
                   STR_ARG(edit->id), STR_ARG(edit->list));
    } else if (!edit_find(text, object, edit, &place)) {
        err = edit_refuse(edit, fail);
    } else {
        count = object->count + (place.line ? 1 : 0);
        err = edit_write(text, edit, &place, out);
    }
    yaml_destroy(doc);
    err = err == ERR_OK ? edit_check(str_from_at(buf_str(out), before), edit, count, fail) : err;
    if (err != ERR_OK) {
        out->len = before;
    }
    return err;
}
