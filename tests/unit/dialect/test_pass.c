#include "dialect/pass.h"

#include "harness.h"

struct pass_case {
    enum dialect dialect;
    const char *body;
    const char *model;
    int64_t output_cap;
    int64_t given_cap;
    const char *passed;
};

static const struct pass_case cases[] = {
    /* what stays as it is, blanks and all */
    { DIALECT_ANTHROPIC, " { \"model\" : \"m\", \"max_tokens\" : 5 }", "m", 5, 5,
      " { \"model\" : \"m\", \"max_tokens\" : 5 }" },
    { DIALECT_ANTHROPIC, "{\"max_tokens\":50,\"model\":\"m\",\"x\":{\"model\":\"m\"}}", "up/\"2\"",
      9, 50, "{\"max_tokens\":9,\"model\":\"up/\\\"2\\\"\",\"x\":{\"model\":\"m\"}}" },
    { DIALECT_ANTHROPIC, "{\"m\\u006fdel\":\"m\",\"max_tokens\":5}", "n", 5, 5,
      "{\"m\\u006fdel\":\"n\",\"max_tokens\":5}" },
    /* nothing is kept there unless it was asked for, which is refused elsewhere */
    { DIALECT_RESPONSES, "{\"model\":\"m\",\"input\":\"x\"}", "m", 7, 0,
      "{\"max_output_tokens\":7,\"store\":false,\"model\":\"m\",\"input\":\"x\"}" },
    { DIALECT_RESPONSES, "{\"model\":\"m\",\"store\":false,\"max_output_tokens\":7}", "m", 7, 7,
      "{\"model\":\"m\",\"store\":false,\"max_output_tokens\":7}" },
    { DIALECT_RESPONSES, "{\"model\":\"m\",\"max_output_tokens\":null,\"store\":false}", "m", 7, 0,
      "{\"model\":\"m\",\"max_output_tokens\":7,\"store\":false}" },
    /* what is for us alone, wherever it stands */
    { DIALECT_RESPONSES,
      "{\"provider\":{},\"models\":[],\"model\":\"m\",\"store\":false,\"max_output_tokens\":7}",
      "m", 7, 7, "{\"model\":\"m\",\"store\":false,\"max_output_tokens\":7}" },
    { DIALECT_RESPONSES,
      "{\"model\":\"m\", \"provider\":{} ,\"models\":[],\"store\":false,\"max_output_tokens\":7}",
      "m", 7, 7, "{\"model\":\"m\",\"store\":false,\"max_output_tokens\":7}" },
    { DIALECT_RESPONSES,
      "{\"provider\":{},\"model\":\"m\",\"store\":false,\"input\":[],\"models\":[]}", "n", 7, 0,
      "{\"max_output_tokens\":7,\"model\":\"n\",\"store\":false,\"input\":[]}" },
    { DIALECT_ANTHROPIC, "{\"model\":\"m\",\"max_tokens\":5,\"provider\":1}", "m", 5, 5,
      "{\"model\":\"m\",\"max_tokens\":5,\"provider\":1}" },
    /* the cap among other options; the model is in the path */
    { DIALECT_GEMINI, "{\"contents\":[]}", "m", 7, 0,
      "{\"generationConfig\":{\"maxOutputTokens\":7},\"contents\":[]}" },
    { DIALECT_GEMINI, "{\"model\":\"x\",\"generationConfig\":{\"topK\":1}}", "m", 7, 0,
      "{\"model\":\"x\",\"generationConfig\":{\"maxOutputTokens\":7,\"topK\":1}}" },
    { DIALECT_GEMINI, "{\"generation_config\":{\"max_output_tokens\":70}}", "m", 7, 70,
      "{\"generation_config\":{\"max_output_tokens\":7}}" },
    { DIALECT_GEMINI, "{\"generationConfig\":{ }}", "m", 7, 0,
      "{\"generationConfig\":{\"maxOutputTokens\":7 }}" },
    { DIALECT_GEMINI, "{\"contents\":[],\"generationConfig\":null}", "m", 7, 0,
      "{\"contents\":[],\"generationConfig\":{\"maxOutputTokens\":7}}" },
    { DIALECT_GEMINI, "{\"generationConfig\":{\"topK\":1,\"maxOutputTokens\":70}}", "m", 7, 70,
      "{\"generationConfig\":{\"topK\":1,\"maxOutputTokens\":7}}" },
};

TEST(a_request_goes_on_as_it_came_but_for_model_and_cap)
{
    for (size_t i = 0; i < EP_ARRAY_LEN(cases); i++) {
        const struct pass pass = { cases[i].dialect, str_from(cases[i].body),
                                   str_from(cases[i].model), cases[i].output_cap,
                                   cases[i].given_cap };
        struct iovec parts[SPLICE_PARTS_MAX];
        struct splice splice;
        struct arena arena;
        char text[512];
        struct buf out = { text, 0, sizeof(text), sizeof(text) };
        arena_init(&arena, 256, 4096);
        CHECK(pass_write(&pass, &arena, &splice) == ERR_OK);
        int count = splice_parts(&splice, parts);
        for (int k = 0; k < count; k++) {
            CHECK(buf_append(&out, (struct str){ parts[k].iov_base, parts[k].iov_len }) == ERR_OK);
        }
        CHECK_STR(buf_str(&out), str_from(cases[i].passed));
        CHECK_EQ(splice_len(&splice), out.len);
        arena_fini(&arena);
    }
}

TEST(without_memory_nothing_is_passed_on)
{
    const struct pass pass = {
        DIALECT_RESPONSES, STR("{\"model\":\"m\"}"),
        STR("a name that has no room in an arena so small: it is one of sixty"
            " bytes and more"),
        7, 0
    };
    struct splice splice;
    struct arena arena;
    arena_init(&arena, 64, 64);
    CHECK(pass_write(&pass, &arena, &splice) == ERR_NO_MEMORY);
    arena_fini(&arena);
}
