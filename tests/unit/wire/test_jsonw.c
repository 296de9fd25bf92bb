#include "wire/jsonw.h"

#include "harness.h"
#include "wire/json.h"

TEST(an_object_is_written_with_its_commas)
{
    struct buf out;
    buf_init(&out, 1024);
    struct jsonw json;
    jsonw_init(&json, &out);
    jsonw_open(&json, '{');
    jsonw_put_str(&json, "a", STR("x\"\\\n\x01"));
    jsonw_put_int(&json, "b", -5);
    jsonw_key(&json, "c");
    jsonw_open(&json, '[');
    jsonw_bool(&json, true);
    jsonw_null(&json);
    jsonw_open(&json, '{');
    jsonw_close(&json, '}');
    jsonw_raw(&json, STR("1.5"));
    jsonw_close(&json, ']');
    jsonw_close(&json, '}');
    CHECK(jsonw_err(&json) == ERR_OK);
    CHECK_STR(buf_str(&out),
              STR("{\"a\":\"x\\\"\\\\\\n\\u0001\",\"b\":-5,\"c\":[true,null,{},1.5]}"));
    struct json_fault fault;
    CHECK(json_check(buf_str(&out), &fault) == ERR_OK);
    buf_fini(&out);
}

TEST(a_failure_sticks)
{
    struct buf out;
    buf_init(&out, 8);
    struct jsonw json;
    jsonw_init(&json, &out);
    jsonw_open(&json, '[');
    jsonw_str(&json, STR("longer than eight bytes"));
    jsonw_int(&json, 1);
    jsonw_close(&json, ']');
    CHECK(jsonw_err(&json) == ERR_LIMIT);
    buf_fini(&out);
}

TEST(every_byte_string_comes_back_from_its_quotes)
{
    struct buf out;
    struct buf back;
    buf_init(&out, 4096);
    buf_init(&back, 4096);
    char text[128];
    for (size_t i = 0; i < sizeof(text); i++) {
        text[i] = (char)i;
    }
    struct str all = { text, sizeof(text) };
    CHECK(jsonw_quote(&out, all) == ERR_OK);
    CHECK(json_decode(buf_str(&out), &back));
    CHECK_STR(buf_str(&back), all);
    buf_fini(&out);
    buf_fini(&back);
}
