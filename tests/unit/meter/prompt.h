/*
 * The whole prompt that a template makes of a request, as text: what a count of it is compared
 * with. Gaps stand in braces with their tokens, media by their names.
 */
#pragma once

#include "base/buf.h"
#include "harness.h"
#include "meter/template.h"

struct prompt {
    struct buf text;
    uint64_t doubt;
    struct tojson tojson;
};

static inline void prompt_put(struct prompt *prompt, struct str text)
{
    CHECK(buf_append(&prompt->text, text) == ERR_OK);
}

static inline void prompt_put_span(struct prompt *prompt, struct str span)
{
    while (span.len > 0) {
        char bytes[4];
        size_t len = json_take_char(&span, bytes);
        prompt_put(prompt, (struct str){ bytes, len });
    }
}

static inline void prompt_put_json(struct prompt *prompt, const struct template_piece *piece)
{
    struct tojson_run run;
    tojson_begin(&prompt->tojson, piece->text, piece->embedded, piece->style, piece->wrap);
    while (tojson_next(&prompt->tojson, &run)) {
        prompt_put(prompt, run.text);
    }
}

static inline void prompt_put_piece(struct prompt *prompt, const struct template_piece *piece)
{
    switch (piece->kind) {
    case TEMPLATE_CONTROL:
    case TEMPLATE_MARK:
    case TEMPLATE_TEXT:
        prompt_put(prompt, piece->text);
        break;
    case TEMPLATE_STRING:
        prompt_put_span(prompt, piece->text);
        break;
    case TEMPLATE_JSON:
        prompt_put_json(prompt, piece);
        break;
    case TEMPLATE_GAP:
        CHECK(buf_printf(&prompt->text, "{%d}", (int)piece->tokens) == ERR_OK);
        break;
    case TEMPLATE_IMAGE:
        prompt_put(prompt, STR("{image}"));
        break;
    case TEMPLATE_AUDIO:
        prompt_put(prompt, STR("{audio}"));
        break;
    case TEMPLATE_DOUBT:
        CHECK(piece->tokens > 0);
        prompt->doubt += piece->tokens;
        break;
    case TEMPLATE_END:
    case TEMPLATE_WAIT:
        break;
    }
}

/* Into `prompt`, whose text ends with buf_fini(). */
static inline struct str prompt_render(struct prompt *prompt,
                                       const struct template_program *program, struct str body)
{
    struct template_run run;
    struct template_piece piece;
    buf_reset(&prompt->text);
    prompt->doubt = 0;
    template_begin(&run, program, body);
    do {
        template_next(&run, &piece);
        prompt_put_piece(prompt, &piece);
    } while (piece.kind != TEMPLATE_END);
    template_next(&run, &piece);
    CHECK(piece.kind == TEMPLATE_END);
    return buf_str(&prompt->text);
}
