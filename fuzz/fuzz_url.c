/* room: wire */
#include "wire/url.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* An endpoint written down again reads the same. */
static void check_endpoint(struct str text)
{
    struct url url;
    if (!url_parse(text, &url)) {
        return;
    }
    bool literal = str_find(url.host, ':') < url.host.len;
    struct buf again;
    buf_init(&again, text.len + 16);
    ASSERT(buf_printf(&again, "%s%s" STR_FMT "%s:%u" STR_FMT, url.tls ? "https://" : "http://",
                      literal ? "[" : "", STR_ARG(url.host), literal ? "]" : "", (unsigned)url.port,
                      STR_ARG(url.path)) == ERR_OK);
    struct url twin;
    ASSERT(url_parse(buf_str(&again), &twin));
    ASSERT(twin.tls == url.tls);
    ASSERT(twin.port == url.port && url.port > 0);
    ASSERT(str_eq(twin.host, url.host) && url.host.len > 0);
    ASSERT(str_eq(twin.path, url.path));
    buf_fini(&again);
}

/* A value that was found is found again when every byte of it is encoded. */
static void check_value(struct str value)
{
    struct buf query;
    struct buf again;
    buf_init(&query, 3 * value.len + 16);
    buf_init(&again, value.len + 1);
    ASSERT(buf_append(&query, STR("y=z&x=")) == ERR_OK);
    for (size_t i = 0; i < value.len; i++) {
        ASSERT(buf_printf(&query, "%%%02X", (unsigned)(unsigned char)value.ptr[i]) == ERR_OK);
    }
    ASSERT(url_query(buf_str(&query), STR("x"), &again));
    ASSERT(str_eq(buf_str(&again), value));
    buf_fini(&query);
    buf_fini(&again);
}

static void check_target(struct str text)
{
    struct str query;
    struct str path = url_target_path(text, &query);
    ASSERT(str_find(path, '?') == path.len);
    ASSERT(path.len == text.len || path.len + 1 + query.len == text.len);
    struct buf out;
    buf_init(&out, text.len + 4);
    ASSERT(buf_append(&out, STR("kept")) == ERR_OK);
    if (url_query(query, STR("x"), &out)) {
        ASSERT(out.len - 4 <= query.len);
        check_value(str_from_at(buf_str(&out), 4));
    } else {
        ASSERT(str_eq(buf_str(&out), STR("kept")));
    }
    buf_fini(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > 4096) {
        return 0;
    }
    struct str text = { (const char *)data, size };
    check_endpoint(text);
    check_target(text);
    return 0;
}
