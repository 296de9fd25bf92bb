#include "fleet_house.h"

#include <pthread.h>

#define DAY_NS INT64_C(86400000000000)

static struct api_key_text unused;

static void house_wakes(struct house *house)
{
    wake_begin(house->ident);
}

static int64_t today(struct house *house, const struct device *device, int64_t now_ns)
{
    struct device_wakes wakes;
    device_wakes(house->ident, device, now_ns, &wakes);
    return wakes.today;
}

TEST(a_wake_up_counts_once_whatever_is_repeated)
{
    struct house house = house_build();
    bool counted = false;
    house_wakes(&house);
    const struct device *device =
        device_new(&house, fleet_new(&house, &unused), "KT-0001", &unused);
    static const struct {
        int64_t seq;
        bool counted;
    } reports[] = {
        { 5, true }, { 5, false }, { 4, false }, { 0, true }, { 5, false }, { 6, true }
    };
    for (size_t i = 0; i < EP_ARRAY_LEN(reports); i++) {
        CHECK_EQ(device_wake(house.ident, device, reports[i].seq, NOW, &counted), ERR_OK);
        CHECK_EQ(counted, reports[i].counted);
    }
    CHECK_EQ(today(&house, device, NOW), 3);
    house_raze(&house);
}

TEST(the_cap_of_a_day_holds_until_the_servers_day_ends)
{
    struct house house = house_build();
    bool counted = false;
    struct device_wakes wakes;
    int64_t midnight = (NOW / DAY_NS + 1) * DAY_NS;
    house_wakes(&house);
    const struct device *device =
        device_new(&house, fleet_new(&house, &unused), "KT-0001", &unused);
    for (int i = 0; i < 3; i++) {
        CHECK_EQ(device_wake(house.ident, device, 0, NOW, &counted), ERR_OK);
    }
    CHECK_EQ(device_wake(house.ident, device, 0, midnight - 1, &counted), ERR_WAKES_DAY);
    CHECK(!counted);
    device_wakes(house.ident, device, midnight - 1, &wakes);
    CHECK_EQ(wakes.resets_ns, midnight);
    CHECK_EQ(wakes.today_max, 3);
    CHECK_EQ(device_wake(house.ident, device, 0, midnight, &counted), ERR_OK);
    CHECK_EQ(today(&house, device, midnight), 1);
    CHECK_EQ(today(&house, device, NOW), 1); /* a clock that goes back begins no day anew */
    device_wakes(house.ident, device, midnight, &wakes);
    CHECK_EQ(wakes.total, 4);
    house_raze(&house);
}

TEST(the_cap_in_all_holds_for_ever)
{
    struct house house = house_build();
    bool counted = false;
    house_wakes(&house);
    const struct fleet *fleet = fleet_new(&house, &unused);
    struct device_order order = order_of(fleet, "KT-0001");
    order.caps[FLEET_WAKES_DAY] = FLEET_CAP_NONE;
    order.caps[FLEET_WAKES_TOTAL] = 1;
    CHECK_EQ(issue_one(&house, fleet, &order, NOW, NULL), ERR_OK);
    CHECK_EQ(device_wake(house.ident, order.device, 0, NOW, &counted), ERR_OK);
    CHECK_EQ(device_wake(house.ident, order.device, 0, NOW + 40 * DAY_NS, &counted),
             ERR_WAKES_TOTAL);
    house_raze(&house);
}

TEST(what_was_counted_is_there_after_a_restart)
{
    struct house house = house_build();
    bool counted = false;
    const struct fleet *fleet = fleet_new(&house, &unused);
    (void)device_new(&house, fleet, "KT-0001", &unused);
    (void)device_new(&house, fleet, "KT-0002", &unused);
    for (int round = 1; round <= 2; round++) {
        house_wakes(&house);
        for (int i = 1; i <= 2; i++) {
            const struct device *device =
                device_find(house.ident, fleet, i == 1 ? STR("KT-0001") : STR("KT-0002"));
            CHECK_EQ(device_wake(house.ident, device, 10 * round, NOW, &counted), ERR_OK);
        }
        if (round == 1) {
            CHECK_EQ(wake_flush(house.ident, NULL), ERR_OK);
        } else {
            wake_end(house.ident); /* what no commit has followed */
        }
        fleet = fleet_again(&house);
    }
    house_wakes(&house);
    const struct device *device = device_find(house.ident, fleet, STR("KT-0002"));
    struct device_wakes wakes;
    device_wakes(house.ident, device, NOW, &wakes);
    CHECK_EQ(wakes.today, 2);
    CHECK_EQ(wakes.total, 2);
    CHECK_EQ(wakes.seq, 20);
    CHECK_EQ(device_wake(house.ident, device, 20, NOW, &counted), ERR_OK);
    CHECK(!counted);
    wake_end(NULL);
    house_raze(&house);
}

static struct device_wakes talk_of(struct house *house, const struct device *device, int64_t now_ns)
{
    struct device_wakes talk;
    device_wakes(house->ident, device, now_ns, &talk);
    return talk;
}

TEST(talk_is_counted_by_the_day_and_there_after_a_restart)
{
    struct house house = house_build();
    int64_t tomorrow = NOW + DAY_NS;
    house_wakes(&house);
    const struct fleet *fleet = fleet_new(&house, &unused);
    struct device_order order = order_of(fleet, "KT-0001");
    order.caps[FLEET_SECONDS_DAY] = 60;
    CHECK_EQ(issue_one(&house, fleet, &order, NOW, NULL), ERR_OK);
    const struct device *device = order.device;
    device_talked(house.ident, device, 59999, NOW);
    CHECK_EQ(device_may_talk(house.ident, device, NOW), ERR_OK);
    device_talked(house.ident, device, 1, NOW);
    CHECK_EQ(device_may_talk(house.ident, device, NOW), ERR_SECONDS_DAY);
    wake_end(house.ident);
    fleet = fleet_again(&house);
    house_wakes(&house);
    device = device_find(house.ident, fleet, STR("KT-0001"));
    CHECK_EQ(talk_of(&house, device, NOW).talked_ms, 60000);
    CHECK_EQ(talk_of(&house, device, NOW).seconds_max, 60);
    CHECK_EQ(device_may_talk(house.ident, device, NOW), ERR_SECONDS_DAY);
    CHECK_EQ(device_may_talk(house.ident, device, tomorrow), ERR_OK);
    CHECK_EQ(talk_of(&house, device, tomorrow).talked_ms, 0);
    device_talked(house.ident, device, INT64_MAX, tomorrow); /* no day is longer than a day */
    CHECK_EQ(talk_of(&house, device, tomorrow).talked_ms, 86400000);
    device_talked(house.ident, device, 1, tomorrow);
    CHECK_EQ(talk_of(&house, device, tomorrow).talked_ms, 86400000);
    house_raze(&house);
}

TEST(without_a_cap_talk_has_no_end_and_none_begins_at_zero)
{
    struct house house = house_build();
    house_wakes(&house);
    const struct fleet *fleet = fleet_new(&house, &unused);
    const struct device *device = device_new(&house, fleet, "KT-0001", &unused);
    device_talked(house.ident, device, 86400000, NOW);
    CHECK_EQ(device_may_talk(house.ident, device, NOW), ERR_OK);
    struct device_order order = order_of(fleet, "KT-0002");
    order.caps[FLEET_SECONDS_DAY] = 0;
    CHECK_EQ(issue_one(&house, fleet, &order, NOW, NULL), ERR_OK);
    CHECK_EQ(device_may_talk(house.ident, order.device, NOW), ERR_SECONDS_DAY);
    house_raze(&house);
}

TEST(turns_of_a_minute_come_free_one_after_the_other)
{
    struct house house = house_build();
    int64_t second = DAY_NS / 86400;
    house_wakes(&house);
    const struct fleet *fleet = fleet_new(&house, &unused);
    const struct device *device = device_new(&house, fleet, "KT-0001", &unused);
    for (int i = 0; i < 4; i++) {
        CHECK_EQ(device_turn(house.ident, device, 4, NOW), ERR_OK);
    }
    CHECK_EQ(device_turn(house.ident, device, 4, NOW), ERR_TURNS_MINUTE);
    CHECK_EQ(device_turn(house.ident, device, 4, NOW + 15 * second - 1), ERR_TURNS_MINUTE);
    CHECK_EQ(device_turn(house.ident, device, 4, NOW + 15 * second), ERR_OK);
    CHECK_EQ(device_turn(house.ident, device, 4, NOW + 15 * second), ERR_TURNS_MINUTE);
    CHECK_EQ(device_turn(house.ident, device, 4, NOW - 400 * DAY_NS), ERR_OK); /* clock set back */
    int64_t full_ns = 0;
    CHECK_EQ(wake_turn(&full_ns, 1, NOW), ERR_OK);
    CHECK_EQ(wake_turn(&full_ns, 1, NOW), ERR_TURNS_MINUTE);
    CHECK_EQ(wake_turn(&full_ns, 100000, NOW), ERR_TURNS_MINUTE);
    CHECK_EQ(wake_turn(&full_ns, 1, NOW + 60 * second), ERR_OK);
    house_raze(&house);
}

struct waking {
    struct house *house;
    const struct device *device;
};

static void *wake_often(void *context)
{
    const struct waking *waking = context;
    for (int i = 0; i < 200; i++) {
        bool counted = false;
        enum err err = device_wake(waking->house->ident, waking->device, 0, NOW, &counted);
        CHECK(err == ERR_OK || err == ERR_WAKES_DAY);
        if (i % 50 == 0) {
            CHECK_EQ(wake_flush(waking->house->ident, NULL), ERR_OK);
        }
    }
    return NULL;
}

TEST(no_wake_up_is_lost_or_above_its_cap_among_threads)
{
    struct house house = house_build();
    pthread_t threads[3];
    house_wakes(&house);
    const struct fleet *fleet = fleet_new(&house, &unused);
    struct device_order order = order_of(fleet, "KT-0001");
    order.caps[FLEET_WAKES_DAY] = 500;
    CHECK_EQ(issue_one(&house, fleet, &order, NOW, NULL), ERR_OK);
    struct waking waking = { &house, order.device };
    for (size_t i = 0; i < EP_ARRAY_LEN(threads); i++) {
        CHECK_EQ(pthread_create(&threads[i], NULL, wake_often, &waking), 0);
    }
    for (size_t i = 0; i < EP_ARRAY_LEN(threads); i++) {
        CHECK_EQ(pthread_join(threads[i], NULL), 0);
    }
    CHECK_EQ(wake_flush(house.ident, NULL), ERR_OK);
    fleet = fleet_again(&house);
    CHECK_EQ(today(&house, device_find(house.ident, fleet, STR("KT-0001")), NOW), 500);
    house_raze(&house);
}
