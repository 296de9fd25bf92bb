#include "dialect/embeddings.h"

#include <string.h>

#include "base/mem.h"
#include "harness.h"

#define BODY(input) "{\"model\":\"m\",\"input\":" input "}"

static enum err read_of(const char *body, struct embeddings_ask *asked, const char **param)
{
    struct ask ask;
    struct fail fail;
    enum err err = embeddings_read(str_from(body), &ask, asked, &fail);
    *param = ask.param;
    return err;
}

TEST(input_is_text_or_tokens)
{
    static const struct {
        const char *body;
        int64_t count;
        int64_t tokens;
    } cases[] = {
        { BODY("\"a\""), 1, -1 },       { BODY("[\"a\",\"b\"]"), 2, -1 }, { BODY("[1,2,3]"), 1, 3 },
        { BODY("[[1,2],[3]]"), 2, 3 },  { BODY(" [ \"a\" ] "), 1, -1 },   { BODY("[0]"), 1, 1 },
        { BODY("[2147483647]"), 1, 1 },
    };
    for (size_t i = 0; i < EP_ARRAY_LEN(cases); i++) {
        struct embeddings_ask asked;
        const char *param = NULL;
        CHECK(read_of(cases[i].body, &asked, &param) == ERR_OK);
        CHECK_EQ(asked.count, cases[i].count);
        CHECK_EQ(asked.tokens, cases[i].tokens);
        CHECK((asked.texts.len > 0) == (cases[i].tokens < 0));
        CHECK(!asked.base64 && asked.size == 0);
    }
}

TEST(what_is_no_input_is_refused_by_name)
{
    static const struct {
        const char *body;
        const char *param;
        enum err err;
    } cases[] = {
        { "{\"model\":\"m\"}", "input", ERR_ASK_MISSING },
        { BODY("null"), "input", ERR_ASK_MISSING },
        { BODY("\"\""), "input", ERR_ASK_INVALID },
        { BODY("[]"), "input", ERR_ASK_INVALID },
        { BODY("[[]]"), "input", ERR_ASK_INVALID },
        { BODY("[1,\"a\"]"), "input", ERR_ASK_INVALID },
        { BODY("[\"a\",1]"), "input", ERR_ASK_INVALID },
        { BODY("[[1],\"a\"]"), "input", ERR_ASK_INVALID },
        { BODY("[\"a\",[1]]"), "input", ERR_ASK_INVALID },
        { BODY("[[1],[-2]]"), "input", ERR_ASK_INVALID },
        { BODY("[1.5]"), "input", ERR_ASK_INVALID },
        { BODY("[2147483648]"), "input", ERR_ASK_INVALID },
        { BODY("[null]"), "input", ERR_ASK_INVALID },
        { BODY("[{}]"), "input", ERR_ASK_INVALID },
        { BODY("true"), "input", ERR_ASK_INVALID },
        { BODY("\"a\",\"encoding_format\":\"x\""), "encoding_format", ERR_ASK_INVALID },
        { BODY("\"a\",\"dimensions\":65537"), "dimensions", ERR_ASK_INVALID },
        { BODY("\"a\",\"dimensions\":-1"), "dimensions", ERR_ASK_INVALID },
        { BODY("\"a\",\"input\":\"b\""), "input", ERR_ASK_DUPLICATE },
        { "{\"input\":\"a\"}", "model", ERR_ASK_MISSING },
        { BODY("\"a\""), NULL, ERR_OK },
    };
    for (size_t i = 0; i < EP_ARRAY_LEN(cases); i++) {
        struct embeddings_ask asked;
        const char *param = NULL;
        enum err err = read_of(cases[i].body, &asked, &param);
        if (err != cases[i].err || (param == NULL) != (cases[i].param == NULL) ||
            (param != NULL && strcmp(param, cases[i].param) != 0)) {
            test_failed(EP_SITE, "case %zu: %s, %s", i, err_info(err)->name,
                        param == NULL ? "-" : param);
        }
    }
}

TEST(the_upstreams_body_has_its_name_and_nothing_of_ours)
{
    struct ask ask;
    struct embeddings_ask asked;
    struct fail fail;
    struct arena arena;
    struct splice splice;
    char text[256];
    struct buf out = { text, 0, sizeof(text), sizeof(text) };
    struct iovec parts[SPLICE_PARTS_MAX];
    struct str body = STR("{\"models\":[\"m\"],\"input\":\"a\",\"provider\":{},\"x\":1}");
    arena_init(&arena, 64, 4096);
    CHECK(embeddings_read(body, &ask, &asked, &fail) == ERR_OK);
    CHECK(ask_write_own(&ask, STR("other"), &arena, &splice) == ERR_OK);
    int count = splice_parts(&splice, parts);
    for (int i = 0; i < count; i++) {
        CHECK(buf_append(&out, (struct str){ parts[i].iov_base, parts[i].iov_len }) == ERR_OK);
    }
    CHECK_STR(buf_str(&out), STR("{\"model\":\"other\",\"input\":\"a\",\"x\":1}"));
    arena_fini(&arena);
}

/* ---- answers ------------------------------------------------------------------------------ */

static const struct embeddings_ask two = { .tokens = -1, .count = 2 };
static const struct embeddings_ask two_packed = { .tokens = -1, .count = 2, .base64 = true };

#define ITEM(index, vector)  "{\"index\":" index ",\"embedding\":" vector "}"
#define DATA(items)          "{\"data\":[" items "],\"model\":\"m\",\"usage\":{\"total_tokens\":1}}"
#define ONE_AND_A_HALF_AND_2 "\"AADAPwAAAEA=\""

TEST(an_answer_is_so_many_vectors_of_one_length)
{
    static const struct {
        const char *body;
        bool fine;
    } cases[] = {
        { DATA(ITEM("0", "[1,2]") "," ITEM("1", "[3,4]")), true },
        { DATA(ITEM("1", "[1,2]") "," ITEM("0", "[3,4]")), true },
        { DATA("{\"embedding\":[1]},{\"embedding\":[2.5e-3]}"), true },
        { DATA(ITEM("0", ONE_AND_A_HALF_AND_2) "," ITEM("1", "[3,4]")), true },
        { DATA(ITEM("0", "[1,2]")), false },
        { DATA(ITEM("0", "[1,2]") "," ITEM("0", "[3,4]")), false },
        { DATA(ITEM("0", "[1,2]") "," ITEM("2", "[3,4]")), false },
        { DATA(ITEM("0", "[1,2]") "," ITEM("-1", "[3,4]")), false },
        { DATA(ITEM("0", "[1,2]") "," ITEM("1", "[3]")), false },
        { DATA(ITEM("0", "[1,2]") "," ITEM("1", "[]")), false },
        { DATA(ITEM("0", "[1,2]") "," ITEM("1", "[3,\"4\"]")), false },
        { DATA(ITEM("0", "[1,2]") "," ITEM("1", "\"AADAPwAAAE=\"")), false },
        { DATA(ITEM("0", "[1,2]") "," ITEM("1", "\"\"")), false },
        { DATA(ITEM("0", "[1,2]") "," ITEM("1", "null")), false },
        { DATA("1,2"), false },
        { "{\"data\":{}}", false },
        { "{\"error\":{\"message\":\"no\"}}", true },
        { "{}", false },
        { "[]", false },
        { "{\"data\":[", false },
        { "", false },
    };
    for (size_t i = 0; i < EP_ARRAY_LEN(cases); i++) {
        struct embeddings_answer answer;
        bool fine = embeddings_answer_read(str_from(cases[i].body), &two, &answer);
        if (fine != cases[i].fine) {
            test_failed(EP_SITE, "case %zu", i);
        }
    }
}

static void check_written(const char *body, const struct embeddings_ask *asked, const char *want)
{
    char text[512];
    struct buf out = { text, 0, sizeof(text), sizeof(text) };
    struct embeddings_answer answer;
    CHECK(embeddings_answer_read(str_from(body), asked, &answer));
    CHECK_EQ(answer.rewrite, strcmp(body, want) != 0);
    CHECK(embeddings_answer_write(str_from(body), asked, &out) == ERR_OK);
    CHECK_STR(buf_str(&out), str_from(want));
    for (size_t max = 1; max < strlen(want); max++) { /* room for less is a limit, nothing else */
        struct buf small = { text, 0, max, max };
        CHECK(embeddings_answer_write(str_from(body), asked, &small) == ERR_LIMIT);
    }
}

TEST(vectors_come_in_the_form_that_was_asked_for)
{
    const char *numbers = DATA(ITEM("0", "[1.5,2]") "," ITEM("1", "[1.5,2]"));
    const char *packed = DATA(ITEM("0", ONE_AND_A_HALF_AND_2) "," ITEM("1", ONE_AND_A_HALF_AND_2));
    const char *mixed = DATA(ITEM("0", "[1.5,2]") "," ITEM("1", ONE_AND_A_HALF_AND_2));
    check_written(numbers, &two, numbers);
    check_written(packed, &two_packed, packed);
    check_written(numbers, &two_packed, packed);
    check_written(packed, &two, numbers);
    check_written(mixed, &two, numbers);
    check_written(mixed, &two_packed, packed);
    check_written(DATA(ITEM("0", "[1e99]") "," ITEM("1", "[-1e-99]")), &two_packed,
                  DATA(ITEM("0", "\"//9/fw==\"") "," ITEM("1", "\"AAAAgA==\"")));
}

TEST(what_is_no_base64_is_no_vector)
{
    char text[512];
    struct buf out = { text, 0, sizeof(text), sizeof(text) };
    const char *body = DATA(ITEM("0", "\"AAD*PwAAAEA=\"") "," ITEM("1", "[1,2]"));
    CHECK(embeddings_answer_write(str_from(body), &two, &out) == ERR_UPSTREAM_SYNTAX);
}

TEST(without_memory_nothing_is_lost)
{
    const char *body = DATA(ITEM("0", ONE_AND_A_HALF_AND_2) "," ITEM("1", ONE_AND_A_HALF_AND_2));
    int64_t before = (int64_t)mem_blocks_open();
    enum err err = ERR_NO_MEMORY;
    for (uint64_t n = 1; err == ERR_NO_MEMORY; n++) {
        struct buf out;
        buf_init(&out, 4096);
        mem_fail_nth(n);
        err = embeddings_answer_write(str_from(body), &two, &out);
        mem_fail_nth(0);
        buf_fini(&out);
        CHECK_EQ((int64_t)mem_blocks_open(), before);
    }
    CHECK(err == ERR_OK);
}
