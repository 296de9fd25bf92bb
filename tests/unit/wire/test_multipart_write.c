/* What is written, byte by byte; that it is read again is test_multipart.c's. */
#include "harness.h"
#include "wire/multipart.h"

static const struct str boundary = STR_INIT("xYz");

TEST(a_field_and_a_file_are_written_as_browsers_do)
{
    struct buf body;
    buf_init(&body, 1024);
    CHECK(multipart_write_field(&body, boundary, STR("a"), STR("b")) == ERR_OK);
    CHECK(multipart_write_file(&body, boundary, STR("file"), STR("\"c\""), STR("d/e")) == ERR_OK);
    CHECK(multipart_write_file_end(&body) == ERR_OK);
    CHECK(multipart_write_end(&body, boundary) == ERR_OK);
    CHECK_STR(buf_str(&body),
              STR("--xYz\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nb\r\n"
                  "--xYz\r\nContent-Disposition: form-data; name=\"file\"; "
                  "filename=\"%22c%22\"\r\nContent-Type: d/e\r\n\r\n\r\n--xYz--\r\n"));
    buf_fini(&body);
}

TEST(what_does_not_fit_is_an_error)
{
    for (size_t max = 1; max < 128; max++) {
        struct buf body;
        buf_init(&body, max);
        enum err err = multipart_write_field(&body, boundary, STR("a"), STR("b"));
        err = err == ERR_OK ? multipart_write_file(&body, boundary, STR("f"), STR("c"), STR("d/e"))
                            : err;
        err = err == ERR_OK ? multipart_write_file_end(&body) : err;
        err = err == ERR_OK ? multipart_write_end(&body, boundary) : err;
        CHECK(err == ERR_LIMIT);
        CHECK(body.len <= max);
        buf_fini(&body);
    }
}
