#include "wire/yaml.h"

#include <libfyaml.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/mem.h"
#include "wire/utf8.h"

#define YAML_ARENA_MAX ((size_t)512 << 20) /* a node is 64 bytes; scalars are copied */

struct yaml_doc {
    struct arena arena;
    struct yaml_node root;
};

/* A collection that is still open: where its children begin among those that wait. */
struct yaml_frame {
    struct yaml_node node;
    size_t first;
};

/* The tree is built bottom up: finished nodes wait until the collection around them ends. */
struct yaml_build {
    struct yaml_doc *doc;
    struct buf text; /* of the scalar at hand */
    struct yaml_node *waiting;
    size_t waiting_count;
    size_t waiting_cap;
    struct yaml_frame frames[YAML_DEPTH_MAX];
    size_t depth;
    size_t documents;
    struct yaml_fault *fault;
};

static enum err yaml_fail(struct yaml_build *build, struct yaml_place place, const char *text)
{
    build->fault->place = place;
    (void)snprintf(build->fault->text, sizeof(build->fault->text), "%s", text);
    return ERR_YAML_SYNTAX;
}

static struct yaml_place yaml_place_of(struct fy_event *event)
{
    const struct fy_mark *mark = fy_event_start_mark(event);
    if (mark == NULL) {
        return (struct yaml_place){ 1, 1 };
    }
    return (struct yaml_place){ (uint32_t)mark->line + 1, (uint32_t)mark->column + 1 };
}

static enum err yaml_add(struct yaml_build *build, const struct yaml_node *node)
{
    if (build->waiting_count == build->waiting_cap) {
        size_t cap = build->waiting_cap == 0 ? 64 : build->waiting_cap * 2;
        struct yaml_node *grown = mem_realloc(build->waiting, cap * sizeof(*grown));
        if (grown == NULL) {
            return ERR_NO_MEMORY;
        }
        build->waiting = grown;
        build->waiting_cap = cap;
    }
    build->waiting[build->waiting_count++] = *node;
    return ERR_OK;
}

/*
 * The scalar's text, put together from its pieces: fy_token_get_text() does the same and leaks
 * (seen with 0.7.12) where a quoted scalar has more than a few escapes in a row.
 */
static enum err yaml_text(struct yaml_build *build, struct fy_token *token)
{
    buf_reset(&build->text);
    if (token == NULL) {
        return ERR_OK;
    }
    struct fy_token_iter *iter = fy_token_iter_create(token);
    if (iter == NULL) {
        return ERR_NO_MEMORY;
    }
    int failed = 0;
    enum err err = ERR_OK;
    const struct fy_iter_chunk *chunk = fy_token_iter_chunk_next(iter, NULL, &failed);
    while (chunk != NULL && err == ERR_OK) {
        err = buf_append(&build->text, (struct str){ chunk->str, chunk->len });
        chunk = fy_token_iter_chunk_next(iter, chunk, &failed);
    }
    fy_token_iter_finish(iter);
    fy_token_iter_destroy(iter);
    return err != ERR_OK || failed != 0 ? ERR_NO_MEMORY : ERR_OK;
}

static enum err yaml_scalar(struct yaml_build *build, struct fy_event *event)
{
    struct yaml_node node = { .kind = YAML_SCALAR, .place = yaml_place_of(event) };
    if (event->scalar.anchor != NULL || event->scalar.tag != NULL) {
        return yaml_fail(build, node.place, "anchors and tags are not taken here");
    }
    TRY(yaml_text(build, event->scalar.value));
    if (!arena_copy(&build->doc->arena, buf_str(&build->text), &node.text)) {
        return ERR_NO_MEMORY;
    }
    enum fy_scalar_style style =
        event->scalar.value == NULL ? FYSS_PLAIN : fy_token_scalar_style(event->scalar.value);
    /* Two such escapes side by side come out as three quotes (seen with 0.7.12). */
    if (style == FYSS_SINGLE_QUOTED && str_search(node.text, STR("''")) < node.text.len) {
        return yaml_fail(build, node.place, "quotes side by side must stand in double quotes");
    }
    if (memchr(node.text.ptr, '\0', node.text.len) != NULL) {
        return yaml_fail(build, node.place, "a NUL byte cannot stand in a value");
    }
    node.quoted = style != FYSS_PLAIN;
    if ((style == FYSS_SINGLE_QUOTED || style == FYSS_DOUBLE_QUOTED) && node.place.column > 1) {
        node.place.column--; /* the library points behind the opening quote */
    }
    node.null = !node.quoted && (node.text.len == 0 || str_eq(node.text, STR("null")) ||
                                 str_eq(node.text, STR("~")));
    return yaml_add(build, &node);
}

static enum err yaml_begin(struct yaml_build *build, struct fy_event *event, enum yaml_kind kind)
{
    struct yaml_place place = yaml_place_of(event);
    bool marked = kind == YAML_MAPPING
                      ? event->mapping_start.anchor != NULL || event->mapping_start.tag != NULL
                      : event->sequence_start.anchor != NULL || event->sequence_start.tag != NULL;
    if (marked) {
        return yaml_fail(build, place, "anchors and tags are not taken here");
    }
    if (build->depth == YAML_DEPTH_MAX) {
        return yaml_fail(build, place, "nested deeper than 32");
    }
    build->frames[build->depth++] = (struct yaml_frame){
        .node = { .kind = kind, .place = place },
        .first = build->waiting_count,
    };
    return ERR_OK;
}

static enum err yaml_check_keys(struct yaml_build *build, const struct yaml_node *mapping)
{
    for (uint32_t i = 0; i < mapping->count; i++) {
        const struct yaml_node *key = yaml_key(mapping, i);
        if (key->kind != YAML_SCALAR || key->text.len == 0) {
            return yaml_fail(build, key->place, "a key must be plain text");
        }
        for (uint32_t k = 0; k < i; k++) {
            if (str_eq(yaml_key(mapping, k)->text, key->text)) {
                return yaml_fail(build, key->place, "this key stands in the mapping twice");
            }
        }
    }
    return ERR_OK;
}

static enum err yaml_finish(struct yaml_build *build)
{
    ASSERT(build->depth > 0);
    struct yaml_frame *frame = &build->frames[--build->depth];
    size_t count = build->waiting_count - frame->first;
    if (count > 0) {
        size_t bytes = count * sizeof(struct yaml_node);
        frame->node.items = arena_alloc(&build->doc->arena, bytes);
        if (frame->node.items == NULL) {
            return ERR_NO_MEMORY;
        }
        memcpy(frame->node.items, build->waiting + frame->first, bytes);
    }
    build->waiting_count = frame->first;
    frame->node.count = (uint32_t)(frame->node.kind == YAML_MAPPING ? count / 2 : count);
    if (frame->node.kind == YAML_MAPPING) {
        TRY(yaml_check_keys(build, &frame->node));
    }
    return yaml_add(build, &frame->node);
}

static enum err yaml_event(struct yaml_build *build, struct fy_event *event)
{
    /* The library's events: all but these carry nothing that we keep. */
    if (event->type == FYET_SCALAR) {
        return yaml_scalar(build, event);
    }
    if (event->type == FYET_ALIAS) {
        return yaml_fail(build, yaml_place_of(event), "aliases are not taken here");
    }
    if (event->type == FYET_DOCUMENT_START && ++build->documents > 1) {
        return yaml_fail(build, yaml_place_of(event), "a file holds one document");
    }
    if (event->type == FYET_MAPPING_START || event->type == FYET_SEQUENCE_START) {
        return yaml_begin(build, event,
                          event->type == FYET_MAPPING_START ? YAML_MAPPING : YAML_SEQUENCE);
    }
    if (event->type == FYET_MAPPING_END || event->type == FYET_SEQUENCE_END) {
        return yaml_finish(build);
    }
    return ERR_OK;
}

static enum err yaml_library_fault(struct yaml_build *build, struct fy_diag *diag)
{
    void *at = NULL;
    const struct fy_diag_error *error = fy_diag_errors_iterate(diag, &at);
    if (error == NULL) {
        return yaml_fail(build, (struct yaml_place){ 1, 1 }, "this is not YAML");
    }
    struct yaml_place place = { error->line > 0 ? (uint32_t)error->line : 1,
                                error->column > 0 ? (uint32_t)error->column : 1 };
    return yaml_fail(build, place, error->msg);
}

static enum err yaml_run(struct yaml_build *build, struct fy_parser *parser, struct fy_diag *diag)
{
    for (;;) {
        struct fy_event *event = fy_parser_parse(parser);
        if (event == NULL) {
            return fy_parser_get_stream_error(parser) ? yaml_library_fault(build, diag) : ERR_OK;
        }
        enum err err = yaml_event(build, event);
        fy_parser_event_free(parser, event);
        TRY(err);
    }
}

static enum err yaml_read(struct yaml_build *build, struct str text)
{
    struct fy_diag_cfg diag_cfg;
    fy_diag_cfg_default(&diag_cfg);
    diag_cfg.fp = NULL;
    struct fy_diag *diag = fy_diag_create(&diag_cfg);
    if (diag == NULL) {
        return ERR_NO_MEMORY;
    }
    fy_diag_set_collect_errors(diag, true);
    struct fy_parse_cfg cfg = { .flags = FYPCF_DEFAULT_PARSE | FYPCF_QUIET, .diag = diag };
    struct fy_parser *parser = fy_parser_create(&cfg);
    enum err err = ERR_NO_MEMORY;
    if (parser != NULL && fy_parser_set_string(parser, text.ptr, text.len) == 0) {
        err = yaml_run(build, parser, diag);
    }
    fy_parser_destroy(parser);
    fy_diag_destroy(diag);
    return err;
}

/* The place of a byte; columns count characters, as the library does. */
static struct yaml_place yaml_place_at(struct str text, size_t offset)
{
    struct yaml_place place = { 1, 1 };
    for (size_t i = 0; i < offset; i++) {
        place.column += ((unsigned char)text.ptr[i] & 0xC0) != 0x80;
        if (text.ptr[i] == '\n') {
            place = (struct yaml_place){ place.line + 1, 1 };
        }
    }
    return place;
}

/*
 * The first "?" that begins an explicit key, or text.len. Our keys are plain text and need none,
 * and behind one a tab makes the library use memory that it has freed (seen with 0.7.12).
 */
static size_t yaml_explicit_key(struct str text)
{
    bool front = true; /* nothing but indicators in this line so far */
    for (size_t i = str_starts(text, STR("\xEF\xBB\xBF")) ? 3 : 0; i < text.len; i++) {
        char byte = text.ptr[i];
        if (byte == '\n' || byte == '\r') {
            front = true;
        } else if (front && byte == '?' &&
                   (i + 1 == text.len || strchr(" \t\r\n", text.ptr[i + 1]) != NULL)) {
            return i;
        } else if (strchr(" \t-:?", byte) == NULL) {
            front = false;
        }
    }
    return text.len;
}

static enum err yaml_fill(struct yaml_build *build, struct str text)
{
    if (text.len > YAML_BYTES_MAX) {
        return yaml_fail(build, (struct yaml_place){ 1, 1 }, "the file is larger than 64 MiB");
    }
    build->doc->root = (struct yaml_node){ .kind = YAML_MAPPING, .place = { 1, 1 } };
    if (text.len == 0) {
        return ERR_OK;
    }
    /* The library drops such bytes: a value would be empty, or cut, that is not. */
    size_t valid = utf8_valid(text);
    if (valid < text.len) {
        return yaml_fail(build, yaml_place_at(text, valid), "this is not UTF-8");
    }
    size_t nul = str_find(text, '\0');
    if (nul < text.len) {
        return yaml_fail(build, yaml_place_at(text, nul), "a NUL byte cannot stand here");
    }
    size_t mark = yaml_explicit_key(text);
    if (mark < text.len) {
        return yaml_fail(build, yaml_place_at(text, mark), "a key cannot begin with \"?\"");
    }
    TRY(yaml_read(build, text));
    if (build->waiting_count == 1 && !build->waiting[0].null) {
        build->doc->root = build->waiting[0];
    }
    return ERR_OK;
}

enum err yaml_parse(struct str text, struct yaml_doc **ret_doc, struct yaml_fault *ret_fault)
{
    struct yaml_doc *doc = mem_zalloc(sizeof(*doc));
    if (doc == NULL) {
        return ERR_NO_MEMORY;
    }
    arena_init(&doc->arena, 4096, YAML_ARENA_MAX);
    *ret_fault = (struct yaml_fault){ .text = "out of memory" };
    struct yaml_build build = { .doc = doc, .fault = ret_fault };
    buf_init(&build.text, YAML_BYTES_MAX);
    enum err err = yaml_fill(&build, text);
    buf_fini(&build.text);
    mem_free(build.waiting);
    if (err != ERR_OK) {
        yaml_destroy(doc);
        return err;
    }
    *ret_doc = doc;
    return ERR_OK;
}

void yaml_destroy(struct yaml_doc *doc)
{
    if (doc != NULL) {
        arena_fini(&doc->arena);
        mem_free(doc);
    }
}

const struct yaml_node *yaml_root(const struct yaml_doc *doc)
{
    return &doc->root;
}

const struct yaml_node *yaml_get(const struct yaml_node *mapping, struct str key)
{
    ASSERT(mapping->kind == YAML_MAPPING);
    for (uint32_t i = 0; i < mapping->count; i++) {
        if (str_eq(yaml_key(mapping, i)->text, key)) {
            return yaml_value(mapping, i);
        }
    }
    return NULL;
}

const struct yaml_node *yaml_item(const struct yaml_node *sequence, uint32_t at)
{
    ASSERT(sequence->kind == YAML_SEQUENCE);
    ASSERT(at < sequence->count);
    return &sequence->items[at];
}

const struct yaml_node *yaml_key(const struct yaml_node *mapping, uint32_t at)
{
    ASSERT(mapping->kind == YAML_MAPPING);
    ASSERT(at < mapping->count);
    return &mapping->items[(size_t)at * 2];
}

const struct yaml_node *yaml_value(const struct yaml_node *mapping, uint32_t at)
{
    ASSERT(mapping->kind == YAML_MAPPING);
    ASSERT(at < mapping->count);
    return &mapping->items[(size_t)at * 2 + 1];
}
