#include "tlog/canon.h"

#include "harness.h"

TEST(bytes_are_canonical)
{
    struct buf out;
    buf_init(&out, 1024);
    struct canon canon;
    canon_init(&canon, &out);
    canon_open(&canon, '{');
    canon_put_int(&canon, "a", INT64_MIN);
    canon_put_str(&canon, "b", STR("q\"\\\b\f\n\r\t\x01/\xE6\x97\xA5"));
    canon_key(&canon, "c");
    canon_open(&canon, '[');
    canon_str(&canon, STR("x"));
    canon_str(&canon, STR("y"));
    canon_close(&canon, ']');
    canon_close(&canon, '}');
    CHECK(canon_err(&canon) == ERR_OK);
    CHECK_STR(buf_str(&out), STR("{\"a\":\"-9223372036854775808\",\"b\":\"q\\\"\\\\\\b\\f\\n\\r\\t"
                                 "\\u0001/\xE6\x97\xA5\",\"c\":[\"x\",\"y\"]}"));
    buf_fini(&out);
}

TEST(a_failure_sticks)
{
    struct buf out;
    buf_init(&out, 4);
    struct canon canon;
    canon_init(&canon, &out);
    canon_open(&canon, '{');
    canon_put_str(&canon, "key", STR("value"));
    canon_close(&canon, '}');
    CHECK(canon_err(&canon) == ERR_LIMIT);
    buf_fini(&out);
}
