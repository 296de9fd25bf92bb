/* room: front */
#include "front/device_order.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Whatever is taken of an order can be stored and shown; what is refused names a part of the body
 * that ends within its room. */
static void check_orders(const struct device_order *orders, size_t count, bool list)
{
    ASSERT(count >= 1 && count <= DEVICES_ISSUE_MAX);
    ASSERT(list || count == 1);
    for (size_t i = 0; i < count; i++) {
        ASSERT(orders[i].id.len < 256 && orders[i].reference.len < 256);
        ASSERT((orders[i].reference.len > 0) == (orders[i].given_ns > 0));
        ASSERT(orders[i].expires_ns >= 0);
        for (size_t k = 0; k < FLEET_CAPS; k++) {
            ASSERT(orders[i].caps[k] >= FLEET_CAP_NONE);
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct str body = { (const char *)data, size };
    const struct fleet fleet = { .caps = { 1, 2, 3, 4, 5, FLEET_CAP_NONE } };
    struct device_fault fault = { "" };
    struct fail fail = { .text = "" };
    struct device_order *orders = NULL;
    size_t count = 0;
    bool list = false;
    struct str text = STR_EMPTY;
    int64_t number = 0;
    struct arena arena;
    arena_init(&arena, 256, (size_t)1 << 20);
    enum err err = device_orders_read(body, &fleet, &arena, &orders, &count, &list, &fault, &fail);
    if (err == ERR_OK) {
        check_orders(orders, count, list);
    }
    ASSERT(str_from(fault.field).len < DEVICE_FIELD_MAX);
    err = device_consent_read(body, &arena, &text, &number, &fault, &fail);
    ASSERT(err != ERR_OK || text.len == 0 || number > 0);
    err = device_wake_read(body, &number, &fault, &fail);
    ASSERT(err != ERR_OK || number >= 0);
    err = device_code_read(body, &arena, &text, &fault, &fail);
    ASSERT(err != ERR_OK || text.len < 256);
    arena_fini(&arena);
    return 0;
}
