#include "dialect/chat_end.h"

#include "wire/jsonw.h"

#define CHAT_END_DONE "data: [DONE]\n\n"

/* Up to the choices, which the caller writes and closes. */
static enum err chat_end_begin(struct jsonw *json, const struct chat_chunk *chunk)
{
    TRY(buf_append(json->out, STR("data: ")));
    jsonw_open(json, '{');
    jsonw_put_str(json, "id", chunk->id);
    jsonw_put_str(json, "object", STR("chat.completion.chunk"));
    jsonw_put_int(json, "created", chunk->created_s);
    jsonw_put_str(json, "model", chunk->model);
    jsonw_key(json, "choices");
    jsonw_open(json, '[');
    return ERR_OK;
}

static void chat_end_choices(struct jsonw *json, const struct chat_chunk *chunk, struct str reason)
{
    for (int64_t i = 0; i < chunk->choices; i++) {
        jsonw_open(json, '{');
        jsonw_put_int(json, "index", i);
        jsonw_key(json, "delta");
        jsonw_raw(json, STR("{}"));
        jsonw_put_str(json, "finish_reason", reason);
        jsonw_close(json, '}');
    }
    jsonw_close(json, ']');
}

static enum err chat_end_close(struct jsonw *json)
{
    jsonw_close(json, '}');
    TRY(jsonw_err(json));
    return buf_append(json->out, STR("\n\n"));
}

enum err chat_error_event(struct buf *out, const struct chat_chunk *chunk, enum face face,
                          const struct face_error *error)
{
    struct jsonw json;
    ASSERT(face == FACE_OPENAI || face == FACE_OPENROUTER);
    jsonw_init(&json, out);
    TRY(chat_end_begin(&json, chunk));
    chat_end_choices(&json, chunk, STR("error"));
    jsonw_key(&json, "error");
    face_error_object(&json, face, error);
    TRY(chat_end_close(&json));
    if (face == FACE_OPENAI) {
        TRY(buf_append(out, STR("data: ")));
        TRY(face_error_write(out, face, error));
        TRY(buf_append(out, STR("\n\n")));
    }
    return buf_append(out, STR(CHAT_END_DONE));
}

static enum err chat_length_usage(struct buf *out, const struct chat_length *length)
{
    struct jsonw json;
    jsonw_init(&json, out);
    TRY(chat_end_begin(&json, &length->chunk));
    jsonw_close(&json, ']');
    jsonw_key(&json, "usage");
    jsonw_raw(&json, length->usage);
    return chat_end_close(&json);
}

enum err chat_length_event(struct buf *out, const struct chat_length *length)
{
    struct jsonw json;
    jsonw_init(&json, out);
    TRY(chat_end_begin(&json, &length->chunk));
    chat_end_choices(&json, &length->chunk, STR("length"));
    if (length->entrepot.len > 0) {
        jsonw_key(&json, "entrepot");
        jsonw_raw(&json, length->entrepot);
    }
    TRY(chat_end_close(&json));
    TRY(length->usage.len > 0 ? chat_length_usage(out, length) : ERR_OK);
    return buf_append(out, STR(CHAT_END_DONE));
}
