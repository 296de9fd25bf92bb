#include "dialect/rerank.h"

#include "dialect/told.h"
#include "wire/json.h"

/* ---- the request -------------------------------------------------------------------------- */

enum rerank_member {
    MEMBER_QUERY,
    MEMBER_DOCUMENTS,
    MEMBER_TOP,
    MEMBER_TOKENS,
    MEMBER_CHUNKS,
    MEMBER_RETURN,
    MEMBER_COUNT
};

static const struct str member_names[MEMBER_COUNT] = {
    [MEMBER_QUERY] = STR_INIT("query"),
    [MEMBER_DOCUMENTS] = STR_INIT("documents"),
    [MEMBER_TOP] = STR_INIT("top_n"),
    [MEMBER_TOKENS] = STR_INIT("max_tokens_per_doc"),
    [MEMBER_CHUNKS] = STR_INIT("max_chunks_per_doc"),
    [MEMBER_RETURN] = STR_INIT("return_documents"),
};

static bool is_text(struct str value)
{
    return value.len > sizeof("\"\"") - 1 && json_kind(value) == JSON_STRING;
}

/* The text of a document, which may be an object's; empty: it has none. */
static struct str document_text(struct str document)
{
    struct str text =
        json_kind(document) == JSON_OBJECT ? json_get(document, STR("text")) : document;
    return is_text(text) ? text : STR_EMPTY;
}

struct rerank_caps {
    int64_t tokens; /* of a document */
    int64_t chunks; /* likewise */
};

/* Each token has at least one byte of the text. */
static int64_t most_chunks(struct str text, const struct rerank_caps *caps)
{
    int64_t tokens = (int64_t)text.len < caps->tokens ? (int64_t)text.len : caps->tokens;
    int64_t chunks = (tokens + RERANK_CHUNK_TOKENS - 1) / RERANK_CHUNK_TOKENS;
    return chunks < caps->chunks ? chunks : caps->chunks;
}

static bool read_documents(struct rerank_ask *asked, const struct rerank_caps *caps)
{
    struct str rest = json_inside(asked->documents);
    struct str item;
    int64_t chunks = 0;
    while (json_next_item(&rest, &item)) {
        struct str text = document_text(item);
        if (text.len == 0 || ++asked->count > RERANK_DOCUMENTS_MAX) {
            return false;
        }
        chunks += most_chunks(text, caps);
    }
    asked->units = (asked->count + RERANK_UNIT - 1) / RERANK_UNIT;
    asked->units_most = (chunks + RERANK_UNIT - 1) / RERANK_UNIT;
    return asked->count > 0;
}

static enum err read_numbers(struct ask *ask, const struct str *values, struct rerank_ask *asked,
                             struct rerank_caps *caps, struct fail *fail)
{
    bool returned = false;
    TRY(ask_own_count(ask, values[MEMBER_TOP], "top_n", INT32_MAX, &asked->top, fail));
    TRY(ask_own_count(ask, values[MEMBER_TOKENS], "max_tokens_per_doc", INT32_MAX, &caps->tokens,
                      fail));
    TRY(ask_own_count(ask, values[MEMBER_CHUNKS], "max_chunks_per_doc", INT32_MAX, &caps->chunks,
                      fail));
    return ask_own_bool(ask, values[MEMBER_RETURN], "return_documents", &returned, fail);
}

enum err rerank_read(struct str body, struct ask *ret_ask, struct rerank_ask *ret_rerank,
                     struct fail *fail)
{
    struct str values[MEMBER_COUNT];
    struct rerank_caps caps = { RERANK_DOCUMENT_TOKENS, INT32_MAX };
    *ret_rerank = (struct rerank_ask){ .top = RERANK_DOCUMENTS_MAX };
    TRY(ask_read_own(body, member_names, values, MEMBER_COUNT, ret_ask, fail));
    for (unsigned i = MEMBER_QUERY; i <= MEMBER_DOCUMENTS; i++) {
        if (values[i].len == 0) {
            return ask_own_fail(ret_ask, ERR_ASK_MISSING, member_names[i].ptr, "is missing", fail);
        }
    }
    if (!is_text(values[MEMBER_QUERY])) {
        return ask_own_fail(ret_ask, ERR_ASK_INVALID, "query", "must be a text that is not empty",
                            fail);
    }
    TRY(read_numbers(ret_ask, values, ret_rerank, &caps, fail));
    ret_rerank->query = values[MEMBER_QUERY];
    ret_rerank->documents = values[MEMBER_DOCUMENTS];
    bool list = json_kind(values[MEMBER_DOCUMENTS]) == JSON_ARRAY;
    if (!list || !read_documents(ret_rerank, &caps)) {
        return ask_own_fail(ret_ask, ERR_ASK_INVALID, "documents",
                            "must be a list of 1 to 10000 texts, or objects with a \"text\", none "
                            "of them empty",
                            fail);
    }
    return ERR_OK;
}

/* ---- the answer --------------------------------------------------------------------------- */

struct seen {
    uint64_t bits[RERANK_DOCUMENTS_MAX / 64 + 1];
};

static bool answer_result(struct str result, int64_t count, struct seen *seen)
{
    struct str score = json_get(result, STR("relevance_score"));
    int64_t index = -1;
    return score.len > 0 && json_kind(score) == JSON_NUMBER &&
           json_i64(json_get(result, STR("index")), &index) && told_place(seen->bits, index, count);
}

static bool answer_results(struct str results, const struct rerank_ask *asked)
{
    struct seen seen = { { 0 } };
    struct str rest = json_inside(results);
    struct str item;
    int64_t count = 0;
    while (json_next_item(&rest, &item)) {
        if (!answer_result(item, asked->count, &seen) || ++count > asked->top) {
            return false;
        }
    }
    return true;
}

/* A count, of the first object that tells it; -1: none does. */
static int64_t answer_count(struct str first, struct str second, struct str name)
{
    const struct str objects[] = { first, second };
    int64_t count = -1;
    for (size_t i = 0; i < EP_ARRAY_LEN(objects) && count < 0; i++) {
        struct str value = json_get(objects[i], name);
        count = value.len > 0 && json_i64(value, &count) && count >= 0 ? count : -1;
    }
    return count;
}

bool rerank_answer_read(struct str body, const struct rerank_ask *asked,
                        struct rerank_answer *ret_answer)
{
    *ret_answer = (struct rerank_answer){ .tokens = -1, .search_units = -1 };
    if (!told_open(&body)) {
        return false;
    }
    struct str results = json_get(body, STR("results"));
    struct str usage = json_get(body, STR("usage"));
    struct str billed = json_get(json_get(body, STR("meta")), STR("billed_units"));
    ret_answer->error = told_error(body);
    ret_answer->model = told_string(body, STR("model"));
    struct str told = usage.len > 0 ? usage : billed;
    ret_answer->told = told.len > 0 && json_kind(told) == JSON_OBJECT ? told : STR_EMPTY;
    ret_answer->tokens = answer_count(usage, STR_EMPTY, STR("total_tokens"));
    ret_answer->search_units = answer_count(billed, usage, STR("search_units"));
    return ret_answer->error ||
           (results.len > 0 && json_kind(results) == JSON_ARRAY && answer_results(results, asked));
}
