#include "front/device_order.h"

#include <stdio.h>
#include <string.h>

#include "harness.h"

static struct arena arena;
static struct device_fault fault;
static struct fail fail;
static struct device_order *orders;
static size_t count;
static bool list;
static const struct fleet fleet = {
    .caps = { 5, FLEET_CAP_NONE, 7, FLEET_CAP_NONE, 3, FLEET_CAP_NONE, 60 },
};

static void begin(void)
{
    arena_init(&arena, 256, (size_t)1 << 20);
}

static enum err read_orders(struct str body)
{
    arena_fini(&arena);
    begin();
    fault.field[0] = 'x';
    return device_orders_read(test_at_page_end(body), &fleet, &arena, &orders, &count, &list,
                              &fault, &fail);
}

TEST(an_order_says_what_it_says_and_has_the_fleets_caps_otherwise)
{
    begin();
    CHECK_EQ(read_orders(STR("{\"device_id\":\"KT-0001\"}")), ERR_OK);
    CHECK(!list && count == 1);
    CHECK_STR(orders[0].id, STR("KT-0001"));
    CHECK(memcmp(orders[0].caps, fleet.caps, sizeof(fleet.caps)) == 0);
    CHECK(!orders[0].inactive && !orders[0].rotate);
    CHECK_EQ(orders[0].expires_ns, 0);
    CHECK_EQ(
        read_orders(STR(
            " { \"device_id\" : \"KT\\u002d0001\", \"active\":false,\"rotate\":true,"
            "\"expires\":\"2028-01-01\",\"consent\":{\"given\":\"2026-11-01T10:00:00Z\","
            "\"reference\":\"c-77\"},\"caps\":{\"money_day\":0.05,\"money_total\":\"1.000000001\","
            "\"calls_day\":null,\"calls_total\":0,\"wakes_total\":9}} ")),
        ERR_OK);
    CHECK_STR(orders[0].id, STR("KT-0001"));
    CHECK(orders[0].inactive && orders[0].rotate);
    CHECK_EQ(orders[0].expires_ns, INT64_C(1830297600000000000));
    CHECK_STR(orders[0].reference, STR("c-77"));
    CHECK_EQ(orders[0].given_ns, INT64_C(1793527200000000000));
    const int64_t caps[FLEET_CAPS] = { 50000000, 1000000001, FLEET_CAP_NONE, 0, 3, 9, 60 };
    CHECK(memcmp(orders[0].caps, caps, sizeof(caps)) == 0);
    arena_fini(&arena);
}

TEST(what_is_null_is_as_if_it_were_not_said)
{
    begin();
    CHECK_EQ(read_orders(STR("{\"device_id\":\"KT-0001\",\"consent\":null,\"expires\":null,"
                             "\"caps\":null,\"active\":null,\"rotate\":null}")),
             ERR_OK);
    CHECK(memcmp(orders[0].caps, fleet.caps, sizeof(fleet.caps)) == 0);
    CHECK_EQ(orders[0].reference.len, 0);
    arena_fini(&arena);
}

TEST(a_list_names_the_place_of_what_is_wrong)
{
    begin();
    CHECK_EQ(read_orders(STR("{\"devices\":[{\"device_id\":\"KT-0001\"},{\"device_id\":\"KT-0002\","
                             "\"caps\":{\"wakes_day\":1}}]}")),
             ERR_OK);
    CHECK(list && count == 2);
    CHECK_EQ(orders[1].caps[FLEET_WAKES_DAY], 1);
    CHECK_EQ(read_orders(STR("{\"devices\":[{\"device_id\":\"KT-0001\"},{\"device_id\":\"KT-0002\","
                             "\"caps\":{\"wakes_day\":-1}}]}")),
             ERR_ASK_INVALID);
    CHECK_STR(str_from(fault.field), STR("devices[1].caps.wakes_day"));
    CHECK_EQ(read_orders(STR("{\"devices\":[{}]}")), ERR_ASK_MISSING);
    CHECK_STR(str_from(fault.field), STR("devices[0].device_id"));
    arena_fini(&arena);
}

/* Each beginning of a body is refused as JSON, and nothing is read behind its end. */
TEST(a_body_that_is_cut_anywhere_is_no_order)
{
    static const struct str body = STR_INIT(
        "{\"devices\":[{\"device_id\":\"KT-0001\",\"consent\":{\"reference\":\"c\",\"given\":"
        "\"2026-11-01\"},\"caps\":{\"money_day\":\"0.1\"},\"expires\":\"2028-01-01\"}]}");
    begin();
    for (size_t len = 0; len < body.len; len++) {
        CHECK_EQ(read_orders(str_slice(body, 0, len)), ERR_JSON_SYNTAX);
        CHECK_EQ(fault.field[0], '\0');
    }
    CHECK_EQ(read_orders(body), ERR_OK);
    arena_fini(&arena);
}

TEST(a_consent_is_given_or_withdrawn_and_nothing_between)
{
    struct str reference = STR_EMPTY;
    int64_t given_ns = 0;
    static const struct {
        const char *body;
        enum err err;
        const char *field;
    } rows[] = {
        { "{\"reference\":\"c\",\"given\":\"2026-11-01\"}", ERR_OK, "" },
        { "{\"reference\":null}", ERR_OK, "" },
        { "{}", ERR_ASK_MISSING, "reference" },
        { "{\"given\":\"2026-11-01\"}", ERR_ASK_MISSING, "reference" },
        { "{\"reference\":\"c\"}", ERR_ASK_MISSING, "given" },
        { "{\"reference\":\"\",\"given\":\"2026-11-01\"}", ERR_ASK_INVALID, "reference" },
        { "{\"reference\":1,\"given\":\"2026-11-01\"}", ERR_ASK_INVALID, "reference" },
        { "{\"reference\":\"c\",\"given\":\"soon\"}", ERR_ASK_INVALID, "given" },
        { "{\"reference\":\"c\",\"given\":\"2026-11-01\",\"by\":\"x\"}", ERR_ASK_UNSUPPORTED,
          "by" },
        { "[]", ERR_ASK_INVALID, "" },
        { "", ERR_JSON_SYNTAX, "" },
    };
    begin();
    for (size_t i = 0; i < EP_ARRAY_LEN(rows); i++) {
        struct str body = test_at_page_end(str_from(rows[i].body));
        CHECK_EQ(device_consent_read(body, &arena, &reference, &given_ns, &fault, &fail),
                 rows[i].err);
        CHECK_STR(rows[i].err == ERR_OK ? STR("") : str_from(fault.field), str_from(rows[i].field));
    }
    CHECK_EQ(reference.len, 0);
    arena_fini(&arena);
}

TEST(a_wake_up_and_a_code_may_say_nothing)
{
    int64_t seq = 9;
    struct str code = STR("x");
    begin();
    CHECK_EQ(device_wake_read(STR(""), &seq, &fault, &fail), ERR_OK);
    CHECK_EQ(seq, 0);
    CHECK_EQ(device_wake_read(STR("{\"wake\":17}"), &seq, &fault, &fail), ERR_OK);
    CHECK_EQ(seq, 17);
    CHECK_EQ(device_wake_read(STR("{\"wake\":null}"), &seq, &fault, &fail), ERR_OK);
    CHECK_EQ(seq, 0);
    CHECK_EQ(device_wake_read(STR("{\"wake\":1.5}"), &seq, &fault, &fail), ERR_ASK_INVALID);
    CHECK_STR(str_from(fault.field), STR("wake"));
    CHECK_EQ(device_code_read(STR("  "), &arena, &code, &fault, &fail), ERR_OK);
    CHECK_EQ(code.len, 0);
    CHECK_EQ(device_code_read(STR("{\"code\":\"123456\"}"), &arena, &code, &fault, &fail), ERR_OK);
    CHECK_STR(code, STR("123456"));
    arena_fini(&arena);
}

static void read_one(void)
{
    begin();
    enum err err = read_orders(STR("{\"device_id\":\"KT-0001\"}"));
    CHECK(err == ERR_OK || err == ERR_NO_MEMORY);
    arena_fini(&arena);
}

TEST(running_out_of_memory_is_told)
{
    CHECK(test_each_allocation_failing(read_one) >= 2);
}
