/* room: dialect */
#include "dialect/embeddings.h"
#include "dialect/gemini_embed.h"
#include "dialect/gemini_path.h"
#include "wire/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A path's model, if it has one, is text. */
static void check_path(struct str target)
{
    struct gemini_path path;
    struct arena arena;
    struct str model;
    char quoted[2048];
    struct buf json = { quoted, 0, sizeof(quoted), sizeof(quoted) };
    struct json_fault fault;
    struct str rest = target;
    struct str text = str_cut(&rest, '?');
    arena_init(&arena, 256, 8192);
    if (gemini_path_read(text, rest, &path) && gemini_path_model(&path, &arena, &model) == ERR_OK) {
        ASSERT(model.len > 0 && buf_printf(&json, "\"" STR_FMT "\"", STR_ARG(model)) == ERR_OK);
        ASSERT(json_check(buf_str(&json), &fault) == ERR_OK);
    }
    arena_fini(&arena);
}

/* What is taken is a request of OpenAI's that is taken, of as many texts. */
static void check_embed(struct str body, bool batch)
{
    char param[GEMINI_EMBED_PARAM_MAX];
    struct embeddings_ask asked;
    struct ask ask;
    struct buf out;
    bool hinted = false;
    buf_init(&out, 1 << 21);
    if (gemini_embed_read(body, batch, STR("m"), &out, &hinted, param, NULL) == ERR_OK) {
        ASSERT(embeddings_read(buf_str(&out), &ask, &asked, NULL) == ERR_OK);
        ASSERT(asked.tokens < 0 && !asked.base64 && (batch || asked.count == 1));
    }
    buf_fini(&out);
}

/* A path, a line's end, and a body. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str body = { (const char *)data, size };
    struct str target = str_cut(&body, '\n');
    check_path(target);
    check_embed(body, false);
    check_embed(body, true);
    return 0;
}
