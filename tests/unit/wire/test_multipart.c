#include "wire/multipart.h"

#include "base/mem.h"
#include "harness.h"

#define TYPE "multipart/form-data; boundary=xYz"
#define PART "--xYz\r\nContent-Disposition: form-data; name="

/* An item as text: "|field name=value", "|file name@file name%type=", "|data=bytes", "|whole=",
 * "|end="; further data is put behind that before. */
static void say_item(const struct multipart_item *item, bool more, struct buf *out)
{
    static const char *const kinds[] = {
        [MULTIPART_FIELD] = "|field ",   [MULTIPART_FILE] = "|file ", [MULTIPART_DATA] = "|data",
        [MULTIPART_FILE_END] = "|whole", [MULTIPART_END] = "|end",
    };
    const struct str parts[] = {
        str_from(kinds[item->kind]),
        item->name,
        item->file_name.len > 0 ? STR("@") : STR_EMPTY,
        item->file_name,
        item->type.len > 0 ? STR("%") : STR_EMPTY,
        item->type,
        STR("="),
    };
    CHECK(more || buf_append_all(out, parts, EP_ARRAY_LEN(parts)) == ERR_OK);
    CHECK(buf_append(out, item->value) == ERR_OK);
}

/* What a form says, one item after the other. */
static enum multipart_bad say(struct str type, struct str body, size_t step, struct buf *out)
{
    struct multipart reader;
    struct multipart_item item;
    buf_reset(out);
    if (!multipart_init(&reader, type, STR("file"))) {
        CHECK(reader.bad != MULTIPART_FINE);
        return reader.bad;
    }
    enum wire_result result = WIRE_MORE;
    bool in_data = false;
    while (body.len > 0 && result != WIRE_BAD) {
        struct str piece = str_slice(body, 0, body.len < step ? body.len : step);
        body = str_from_at(body, piece.len);
        while ((result = multipart_next(&reader, &piece, &item)) == WIRE_DONE) {
            say_item(&item, in_data && item.kind == MULTIPART_DATA, out);
            in_data = item.kind == MULTIPART_DATA;
        }
        CHECK(result == WIRE_BAD || piece.len == 0);
    }
    bool whole = multipart_done(&reader);
    CHECK(whole == (reader.bad == MULTIPART_FINE));
    struct str none = STR("more");
    CHECK(whole || multipart_next(&reader, &none, &item) == WIRE_BAD);
    multipart_fini(&reader);
    return reader.bad;
}

struct form {
    struct str body;
    const char *want;
};

static const struct form forms[] = {
    { STR_INIT(PART "\"a\"\r\n\r\nb\r\n--xYz--\r\n"), "|field a=b|end=" },
    { STR_INIT(PART "a\r\n\r\nb\r\n--xYz--"), "|field a=b|end=" },
    { STR_INIT("\r\n" PART "a\r\n\r\n\r\n--xYz--  "), "|field a=|end=" },
    { STR_INIT("--xYz--\r\n"), "|end=" },
    { STR_INIT(PART "\"file\"; filename=\"x y.wav\"\r\nContent-Type: audio/wav\r\n\r\nA\0B\r\nC\r\n"
                    "--xYz\r\ncontent-disposition:form-data;NAME=model\r\n\r\nm\r\n--xYz--\r\n"),
      "|file file@x y.wav%audio/wav=|data=A\0B\r\nC|whole=|field model=m|end=" },
    { STR_INIT(PART "a\r\n\r\n\r\n-\r\n--\r\r\n--xY\r\n--xYz\t \r\n"
                    "Content-Disposition: form-data; name=b; filename=\"\"\r\n"
                    "Content-Transfer-Encoding: binary\r\nX-Other: y\r\n\r\n\r\n--xYz--\r\n"),
      "|field a=\r\n-\r\n--\r\r\n--xY|file b=|whole=|end=" },
    { STR_INIT(PART "\"a[]\"\r\n\r\n1\r\n" PART "\"a[]\"\r\n\r\n2\r\n" PART
                    "file\r\n\r\nf\r\n--xYz--\r\n"),
      "|field a[]=1|field a[]=2|file file=|data=f|whole=|end=" },
    { STR_INIT(PART "a; filename=\"q\\\"\\\\\\n\xC3\xA9\"; filename*=utf-8''z\r\n\r\n\r\n--xYz--"),
      "|file a@q\"\\\\n\xC3\xA9=|whole=|end=" },
    { STR_INIT(PART "a\r\n\r\n--xY is text\r\n--xYz--"), "|field a=--xY is text|end=" },
    { STR_INIT(PART "a\r\n\r\n--xYz--"), "|field a=|end=" },
    { STR_INIT(PART "file\r\n\r\n--xYz\r\nContent-Disposition: form-data; name=b\r\n\r\n\r"
                    "\r\n--xYz--"),
      "|file file=|whole=|field b=\r|end=" },
};

/* Want may hold a NUL, as its form does: up to "|end=". */
static struct str want_of(const char *text)
{
    size_t len = 0;
    while (memcmp(text + len, "|end=", 6) != 0) {
        len++;
    }
    return (struct str){ text, len + 5 };
}

TEST(a_form_says_the_same_at_every_split)
{
    struct buf out;
    buf_init(&out, 8192);
    for (size_t i = 0; i < EP_ARRAY_LEN(forms); i++) {
        struct str body = test_at_page_end(forms[i].body);
        for (size_t step = 1; step <= body.len; step++) {
            CHECK_EQ(say(STR(TYPE), body, step, &out), MULTIPART_FINE);
            CHECK_STR(buf_str(&out), want_of(forms[i].want));
        }
    }
    buf_fini(&out);
}

struct bad_form {
    struct str body;
    enum multipart_bad bad;
};

static const struct bad_form bad_forms[] = {
    { STR_INIT(""), MULTIPART_NO_END },
    { STR_INIT("--xYz"), MULTIPART_NO_END },
    { STR_INIT("--xYz-"), MULTIPART_NO_END },
    { STR_INIT(PART "a\r\n\r\nb"), MULTIPART_NO_END },
    { STR_INIT(PART "a\r\n\r\nb\r\n--xYz\r\n"), MULTIPART_NO_END },
    { STR_INIT(PART "file\r\n\r\nb\r\n--xY"), MULTIPART_NO_END },
    { STR_INIT("--other\r\n"), MULTIPART_PREAMBLE },
    { STR_INIT("hello\r\n--xYz--"), MULTIPART_PREAMBLE },
    { STR_INIT("\r\n\r\n--xYz--"), MULTIPART_PREAMBLE },
    { STR_INIT("--xYzz\r\n"), MULTIPART_BEHIND },
    { STR_INIT("--xYz-z"), MULTIPART_BEHIND },
    { STR_INIT("--xYz\n"), MULTIPART_BEHIND },
    { STR_INIT("--xYz\rA"), MULTIPART_BEHIND },
    { STR_INIT("--xYz --\r\n"), MULTIPART_BEHIND },
    { STR_INIT("--xYz                 \r\n"), MULTIPART_BEHIND },
    { STR_INIT("--xYz\r\nContent-Disposition: form-data; name=a\n\n"), MULTIPART_LINE_END },
    { STR_INIT("--xYz\r\nContent-Disposition: form-data;\rname=a\r\n\r\n"), MULTIPART_LINE_END },
    { STR_INIT("--xYz\r\nContent-Disposition: form-data; name=a\r\n X: y\r\n\r\n"),
      MULTIPART_HEAD },
    { STR_INIT("--xYz\r\nContent Disposition: form-data; name=a\r\n\r\n"), MULTIPART_HEAD },
    { STR_INIT("--xYz\r\nnothing\r\n\r\n"), MULTIPART_HEAD },
    { STR_INIT(PART "\"a\r\n\r\n"), MULTIPART_HEAD },
    { STR_INIT(PART "a b=c\r\n\r\n"), MULTIPART_HEAD },
    { STR_INIT(PART "a; b\r\n\r\n"), MULTIPART_HEAD },
    { STR_INIT(PART "a\0\r\n\r\n"), MULTIPART_HEAD },
    { STR_INIT("--xYz\r\n\r\nb\r\n--xYz--"), MULTIPART_NO_NAME },
    { STR_INIT("--xYz\r\nContent-Type: text/plain\r\n\r\nb\r\n--xYz--"), MULTIPART_NO_NAME },
    { STR_INIT("--xYz\r\nContent-Disposition: attachment; name=a\r\n\r\n"), MULTIPART_NO_NAME },
    { STR_INIT("--xYz\r\nContent-Disposition: form-data\r\n\r\n"), MULTIPART_NO_NAME },
    { STR_INIT(PART "\"\"\r\n\r\n"), MULTIPART_NO_NAME },
    { STR_INIT(PART "\"a b\"\r\n\r\n"), MULTIPART_NAME },
    { STR_INIT(PART "\"a\\\"\"\r\n\r\n"), MULTIPART_NAME },
    { STR_INIT(PART "a; name=b\r\n\r\n"), MULTIPART_TWICE },
    { STR_INIT(PART "a; filename=b; filename=c\r\n\r\n"), MULTIPART_TWICE },
    { STR_INIT(PART "a\r\nContent-Disposition: form-data; name=a\r\n\r\n"), MULTIPART_TWICE },
    { STR_INIT(PART "a\r\nContent-Type: a/b\r\nContent-Type: a/b\r\n\r\n"), MULTIPART_TWICE },
    { STR_INIT(PART "a\r\n\r\n\r\n" PART "a\r\n\r\n"), MULTIPART_TWICE },
    { STR_INIT(PART "file\r\n\r\n\r\n" PART "file; filename=b\r\n\r\n"), MULTIPART_TWICE },
    { STR_INIT(PART "a\r\nContent-Type: multipart/mixed; boundary=q\r\n\r\n"), MULTIPART_NESTED },
    { STR_INIT(PART "a\r\nContent-Transfer-Encoding: base64\r\n\r\n"), MULTIPART_ENCODED },
    { STR_INIT(PART "a\r\n\r\nb\0c\r\n--xYz--"), MULTIPART_FIELD_NUL },
    { STR_INIT("--xYz--\r\n\r\n"), MULTIPART_EPILOGUE },
    { STR_INIT("--xYz--\n"), MULTIPART_EPILOGUE },
    { STR_INIT("--xYz--x"), MULTIPART_EPILOGUE },
    { STR_INIT("--xYz--                 "), MULTIPART_EPILOGUE },
};

TEST(what_is_wrong_with_a_form_is_told_at_every_split)
{
    struct buf out;
    buf_init(&out, 8192);
    for (size_t i = 0; i < EP_ARRAY_LEN(bad_forms); i++) {
        struct str body = test_at_page_end(bad_forms[i].body);
        for (size_t step = 1; step <= body.len + 1; step++) {
            enum multipart_bad bad = say(STR(TYPE), body, step, &out);
            CHECK_EQ(bad, bad_forms[i].bad);
        }
    }
    for (int bad = 0; bad < MULTIPART_BADS; bad++) {
        CHECK(strlen(multipart_why((enum multipart_bad)bad)) > 10);
    }
    buf_fini(&out);
}

struct type_case {
    const char *type;
    const char *boundary; /* NULL: bad */
};

static const struct type_case types[] = {
    { "multipart/form-data; boundary=abc", "abc" },
    { "Multipart/Form-Data ;charset=utf-8; BOUNDARY=\"a b\"", "a b" },
    { "multipart/form-data; boundary=\"a:b\"; x=\"y\"", "a:b" },
    { "multipart/form-data", NULL },
    { "multipart/form-data;", NULL },
    { "multipart/form-data; boundary", NULL },
    { "multipart/form-data; boundary=", NULL },
    { "multipart/form-data; boundary=\"\"", NULL },
    { "multipart/form-data; boundary=\"a", NULL },
    { "multipart/form-data; boundary=\"a \"", NULL },
    { "multipart/form-data; boundary=a\x80", NULL },
    { "multipart/form-data; boundary=\"a\\\"b\"", NULL },
    { "multipart/form-data; boundary=a; boundary=a", NULL },
    { "multipart/form-data; boundary=a b", NULL },
    { "multipart/form-database; boundary=a", NULL },
    { "multipart/mixed; boundary=a", NULL },
    { "application/json", NULL },
    { "", NULL },
    { "multipart/form-data; boundary="
      "1234567890123456789012345678901234567890123456789012345678901234567890",
      "1234567890123456789012345678901234567890123456789012345678901234567890" },
    { "multipart/form-data; boundary="
      "12345678901234567890123456789012345678901234567890123456789012345678901",
      NULL },
};

TEST(a_content_type_names_one_boundary)
{
    for (size_t i = 0; i < EP_ARRAY_LEN(types); i++) {
        struct multipart reader;
        bool fine = multipart_init(&reader, test_at_page_end(str_from(types[i].type)), STR("file"));
        CHECK(fine == (types[i].boundary != NULL));
        if (fine) {
            CHECK_STR(((struct str){ reader.mark + 4, reader.mark_len - 4 }),
                      str_from(types[i].boundary));
        }
    }
}

static void put(struct buf *out, const char *text, size_t times)
{
    for (size_t i = 0; i < times; i++) {
        CHECK(buf_append(out, str_from(text)) == ERR_OK);
    }
}

/* A form with something of `size` bytes in it. */
static enum multipart_bad sized(const char *before, char byte, size_t size, const char *behind)
{
    const char one[] = { byte, '\0' };
    struct buf body;
    struct buf out;
    buf_init(&body, 1 << 20);
    buf_init(&out, 1 << 20);
    put(&body, before, 1);
    put(&body, one, size);
    put(&body, behind, 1);
    enum multipart_bad bad = say(STR(TYPE), buf_str(&body), 1000, &out);
    buf_fini(&body);
    buf_fini(&out);
    return bad;
}

TEST(each_limit_holds_at_its_number)
{
    const char *end = "\r\n--xYz--\r\n";
    CHECK_EQ(sized(PART "a\r\n\r\n", 'b', MULTIPART_FIELD_MAX, end), MULTIPART_FINE);
    CHECK_EQ(sized(PART "a\r\n\r\n", 'b', MULTIPART_FIELD_MAX + 1, end), MULTIPART_FIELD_SIZE);
    CHECK_EQ(sized(PART "file\r\n\r\n", 'b', 100000, end), MULTIPART_FINE);
    size_t rest = strlen("Content-Disposition: form-data; name=a\r\nX: \r\n\r\n");
    CHECK_EQ(sized(PART "a\r\nX: ", 'b', MULTIPART_HEAD_MAX - rest, "\r\n\r\n\r\n--xYz--"),
             MULTIPART_FINE);
    CHECK_EQ(sized(PART "a\r\nX: ", 'b', MULTIPART_HEAD_MAX - rest + 1, "\r\n\r\n"),
             MULTIPART_HEAD_SIZE);
    CHECK_EQ(sized(PART, 'b', MULTIPART_NAME_MAX, "\r\n\r\n\r\n--xYz--"), MULTIPART_FINE);
    CHECK_EQ(sized(PART, 'b', MULTIPART_NAME_MAX + 1, "\r\n\r\n\r\n--xYz--"), MULTIPART_NAME);
}

TEST(a_form_has_at_most_64_parts_with_the_longest_names)
{
    struct buf body;
    struct buf out;
    buf_init(&body, 1 << 20);
    buf_init(&out, 1 << 20);
    for (int i = 0; i <= MULTIPART_PARTS_MAX; i++) {
        size_t before = body.len;
        CHECK(buf_printf(&body, PART "%0*d\r\n\r\n\r\n", MULTIPART_NAME_MAX, i) == ERR_OK);
        size_t part = body.len;
        put(&body, "--xYz--", 1);
        enum multipart_bad bad = say(STR(TYPE), buf_str(&body), 4096, &out);
        CHECK_EQ(bad, i < MULTIPART_PARTS_MAX ? MULTIPART_FINE : MULTIPART_PARTS);
        CHECK(part > before);
        body.len = part;
    }
    buf_fini(&body);
    buf_fini(&out);
}

TEST(a_reader_without_memory_says_so)
{
    struct buf out;
    buf_init(&out, 8192);
    CHECK(buf_reserve(&out, 8192) == ERR_OK); /* what is counted below is the reader's */
    struct str body = forms[4].body;
    mem_fail_nth(0);
    CHECK(say(STR(TYPE), body, 3, &out) == MULTIPART_FINE);
    uint64_t needed = mem_requests();
    CHECK(needed > 0 && needed < 100);
    for (uint64_t nth = 1; nth <= needed; nth++) {
        mem_fail_nth(nth);
        CHECK_EQ(say(STR(TYPE), body, 3, &out), MULTIPART_NO_MEMORY);
    }
    mem_fail_nth(0);
    buf_fini(&out);
}

TEST(the_name_of_a_bad_part_is_known)
{
    struct multipart reader;
    struct multipart_item item;
    struct str body = STR(PART "a\r\n\r\n\r\n" PART "b\r\n\r\n\r\n" PART "b\r\n\r\n\r\n");
    CHECK(multipart_init(&reader, STR(TYPE), STR("file")));
    CHECK_STR(multipart_name(&reader), STR(""));
    while (multipart_next(&reader, &body, &item) == WIRE_DONE) {
    }
    CHECK_EQ(reader.bad, MULTIPART_TWICE);
    CHECK_STR(multipart_name(&reader), STR("b"));
    multipart_fini(&reader);
}

TEST(what_is_written_is_read_again)
{
    struct buf body;
    struct buf out;
    buf_init(&body, 8192);
    buf_init(&out, 8192);
    struct str boundary = STR("xYz");
    CHECK(multipart_write_field(&body, boundary, STR("a[]"), STR("b\r\n--xY")) == ERR_OK);
    CHECK(multipart_write_field(&body, boundary, STR("c"), STR("")) == ERR_OK);
    CHECK(multipart_write_file(&body, boundary, STR("file"), STR("q\"\xC3\xA9.ogg"),
                               STR("audio/ogg")) == ERR_OK);
    CHECK(buf_append(&body, STR("bytes")) == ERR_OK);
    CHECK(multipart_write_file_end(&body) == ERR_OK);
    CHECK(multipart_write_file(&body, boundary, STR("other"), STR(""), STR("")) == ERR_OK);
    CHECK(multipart_write_file_end(&body) == ERR_OK);
    CHECK(multipart_write_end(&body, boundary) == ERR_OK);
    for (size_t step = 1; step <= body.len; step++) {
        CHECK(say(STR(TYPE), buf_str(&body), step, &out) == MULTIPART_FINE);
        CHECK_STR(buf_str(&out),
                  STR("|field a[]=b\r\n--xY|field c=|file file@q%22\xC3\xA9.ogg%audio/ogg=|data="
                      "bytes|whole=|file other=|whole=|end="));
    }
    struct buf small;
    buf_init(&small, 20);
    CHECK(multipart_write_field(&small, boundary, STR("a"), STR("b")) == ERR_LIMIT);
    CHECK(multipart_write_file(&small, boundary, STR("a"), STR("b"), STR("c")) == ERR_LIMIT);
    buf_fini(&small);
    buf_fini(&body);
    buf_fini(&out);
}
