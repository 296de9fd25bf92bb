/* A house with a client, a fleet and devices in it. */
#pragma once

#include "house.h"
#include "ident/issue.h"
#include "ident/wake.h"

static inline const struct fleet *fleet_new(struct house *house, struct api_key_text *ret_text)
{
    const struct client *client = NULL;
    const struct fleet *fleet = NULL;
    CHECK_EQ(client_add(house->ident, STR("Kancil Toys"), account_of(1), NOW, &client, NULL),
             ERR_OK);
    struct fleet_order order = { .client = client->id,
                                 .product = STR("toys"),
                                 .market = STR("SG"),
                                 .maker = STR("Kancil Toys Pte Ltd"),
                                 .models = STR("toy-voice toy-chat") };
    for (size_t i = 0; i < FLEET_CAPS; i++) {
        order.caps[i] = FLEET_CAP_NONE;
    }
    order.caps[FLEET_WAKES_DAY] = 3;
    CHECK_EQ(fleet_add(house->ident, &order, NOW, &fleet, ret_text, NULL), ERR_OK);
    return fleet;
}

static inline struct device_order order_of(const struct fleet *fleet, const char *id)
{
    struct device_order order = { .id = str_from(id) };
    for (size_t i = 0; i < FLEET_CAPS; i++) {
        order.caps[i] = fleet->caps[i];
    }
    return order;
}

static inline enum err issue_one(struct house *house, const struct fleet *fleet,
                                 struct device_order *order, int64_t now_ns, const char **ret_field)
{
    struct fail fail = { .text = "" };
    struct devices_issue issue = { .fleet = fleet, .orders = order, .count = 1, .now_ns = now_ns };
    enum err err = devices_issue(house->ident, &issue, &fail);
    CHECK_EQ(err, fail.code);
    if (ret_field != NULL) {
        *ret_field = issue.field;
    }
    return err;
}

static inline const struct device *device_new(struct house *house, const struct fleet *fleet,
                                              const char *id, struct api_key_text *ret_text)
{
    struct device_order order = order_of(fleet, id);
    CHECK_EQ(issue_one(house, fleet, &order, NOW, NULL), ERR_OK);
    CHECK(order.made && order.has_text);
    *ret_text = order.text;
    return order.device;
}

/* The house as a restart finds it. */
static inline const struct fleet *fleet_again(struct house *house)
{
    house_stop(house);
    house_start(house);
    return fleet_next(house->ident, NULL);
}
