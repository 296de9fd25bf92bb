/* room: wire */
#include "wire/forwarded.h"
#include "wire/proxy_v2.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What is decided stays decided when more comes, and is not before its last byte is there. */
static void check_header(struct str bytes, size_t split)
{
    struct proxy_v2 proxy = { .port = 0 };
    struct proxy_v2 again;
    size_t used = 0;
    size_t used_again = 0;
    enum wire_result result = proxy_v2_read(bytes, &proxy, &used);
    if (result == WIRE_DONE) {
        ASSERT(used <= bytes.len && used <= PROXY_V2_BYTES_MAX);
        ASSERT(!proxy.local || !proxy.known);
        ASSERT(proxy_v2_read(str_slice(bytes, 0, used), &again, &used_again) == WIRE_DONE);
        ASSERT(used_again == used);
        ASSERT(proxy_v2_read(str_slice(bytes, 0, used - 1), &again, &used_again) == WIRE_MORE);
        ASSERT(proxy_v2_wanted(str_slice(bytes, 0, used - 1)) == 1);
    }
    struct str part = str_slice(bytes, 0, split);
    enum wire_result early = proxy_v2_read(part, &again, &used_again);
    ASSERT(early == WIRE_MORE || early == result);
    ASSERT(early != WIRE_MORE || proxy_v2_wanted(part) > 0);
    ASSERT(early != WIRE_MORE || result != WIRE_DONE || split + proxy_v2_wanted(part) <= used);
}

/* The text as two headers; whoever is named is no proxy. */
static void check_list(struct str text, size_t split)
{
    static struct http1_head head;
    struct ip_block trusted;
    struct ip client;
    ASSERT(ip_block_parse(STR("10.0.0.0/8"), &trusted));
    head.headers[0] = (struct http1_header){ STR("x-forwarded-for"), str_slice(text, 0, split) };
    head.headers[1] = (struct http1_header){ STR("X-Forwarded-For"), str_from_at(text, split) };
    head.header_count = 2;
    if (forwarded_client(&head, &trusted, 1, &client)) {
        char shown[IP_TEXT_MAX];
        struct ip twin;
        ASSERT(!ip_block_holds(&trusted, &client));
        ip_print(&client, shown);
        ASSERT(ip_parse(str_from(shown), &twin) && ip_eq(&twin, &client));
    }
}

static void check_block(struct str text)
{
    char shown[IP_BLOCK_TEXT_MAX];
    struct ip_block block;
    struct ip_block twin;
    if (ip_block_parse(text, &block)) {
        ASSERT(ip_block_holds(&block, &block.first));
        ip_block_print(&block, shown);
        ASSERT(ip_block_parse(str_from(shown), &twin));
        ASSERT(twin.bits == block.bits && ip_eq(&twin.first, &block.first));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0 || size > 8192) {
        return 0;
    }
    struct str text = { (const char *)data + 1, size - 1 };
    size_t split = text.len * data[0] / 255;
    check_header(text, split);
    check_list(text, split);
    check_block(text);
    return 0;
}
