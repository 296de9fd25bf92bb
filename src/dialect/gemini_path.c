#include "dialect/gemini_path.h"

#include "dialect/text.h"
#include "wire/url.h"
#include "wire/utf8.h"

#define PATH_MODEL_MAX 256 /* bytes of a name; longer ones are nobody's */

static const struct str path_verbs[] = {
    [GEMINI_GENERATE] = STR_INIT("generateContent"),
    [GEMINI_STREAM] = STR_INIT("streamGenerateContent"),
    [GEMINI_COUNT] = STR_INIT("countTokens"),
    [GEMINI_EMBED] = STR_INIT("embedContent"),
    [GEMINI_EMBEDS] = STR_INIT("batchEmbedContents"),
};
_Static_assert(EP_ARRAY_LEN(path_verbs) == GEMINI_UNKNOWN, "a name each");

static enum gemini_verb path_verb(struct str method)
{
    enum gemini_verb verb = GEMINI_GENERATE;
    while (verb < GEMINI_UNKNOWN && !str_eq(path_verbs[verb], method)) {
        verb++;
    }
    return verb;
}

/* "alt=sse": the value alone counts, as with the vendor. */
static bool path_wants_sse(struct str query)
{
    char text[8];
    struct buf alt = { text, 0, sizeof(text), sizeof(text) };
    return url_query(query, STR("alt"), &alt) && str_eq(buf_str(&alt), STR("sse"));
}

bool gemini_path_read(struct str path, struct str query, struct gemini_path *ret_path)
{
    static const struct str roots[] = { STR_INIT("/v1beta/models/"), STR_INIT("/v1/models/") };
    static const struct str again = STR_INIT("models/"); /* SDKs take names with it, too */
    struct str rest = STR_EMPTY;
    for (size_t i = 0; i < EP_ARRAY_LEN(roots); i++) {
        rest = str_starts(path, roots[i]) ? str_from_at(path, roots[i].len) : rest;
    }
    rest = str_starts(rest, again) ? str_from_at(rest, again.len) : rest;
    size_t colon = rest.len;
    while (colon > 0 && rest.ptr[colon - 1] != ':') {
        colon--;
    }
    bool has_colon = colon > 0;
    *ret_path = (struct gemini_path){
        .model = has_colon ? str_slice(rest, 0, colon - 1) : rest,
        .method = has_colon ? str_from_at(rest, colon) : STR_EMPTY,
        .sse = path_wants_sse(query),
    };
    ret_path->verb = path_verb(ret_path->method);
    return rest.len > 0;
}

enum err gemini_path_model(const struct gemini_path *path, struct arena *arena,
                           struct str *ret_model)
{
    char text[PATH_MODEL_MAX];
    struct buf name = { text, 0, sizeof(text), sizeof(text) };
    *ret_model = STR_EMPTY;
    if (!url_path_text(path->model, &name) || name.len == 0 ||
        utf8_valid(buf_str(&name)) != name.len) {
        return ERR_ASK_INVALID;
    }
    return text_encode(buf_str(&name), arena, ret_model) ? ERR_OK : ERR_NO_MEMORY;
}
