#include "fleet_house.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "base/mem.h"
#include "ident/ident_internal.h"

static struct api_key_text unused;

static const struct api_key *key_of(struct house *house, const struct api_key_text *text)
{
    return ident_find(house->ident, str_from(text->text));
}

/* ---- issuing ------------------------------------------------------------------------------- */

TEST(a_device_is_found_by_its_key_and_by_its_makers_id_also_after_a_restart)
{
    struct house house = house_build();
    struct api_key_text text;
    const struct fleet *fleet = fleet_new(&house, &unused);
    struct device_order order = order_of(fleet, "a4:cf:12:0b:77:e1");
    order.expires_ns = NOW + 100;
    order.reference = STR("c-77");
    order.given_ns = NOW - 5;
    CHECK_EQ(issue_one(&house, fleet, &order, NOW, NULL), ERR_OK);
    text = order.text;
    for (int round = 0; round < 2; round++) {
        const struct api_key *key = key_of(&house, &text);
        CHECK(key != NULL && key->device != NULL && key->fleet == fleet);
        const struct device *device = key->device;
        CHECK(device_find(house.ident, fleet, STR("a4:cf:12:0b:77:e1")) == device);
        CHECK(device_is(house.ident, device, STR("a4:cf:12:0b:77:e1")));
        CHECK(!device_is(house.ident, device, STR("a4:cf:12:0b:77:e2")));
        CHECK(!device_is(house.ident, device, STR_EMPTY));
        CHECK(api_key_find(house.ident, key->id) == key);
        CHECK_STR(key->product, fleet->product);
        CHECK_STR(key->market, STR("SG"));
        CHECK(!api_key_issues(key));
        CHECK_EQ(device->expires_ns, NOW + 100);
        CHECK_EQ(device->wakes_max[0], 3);
        CHECK_EQ(device_consent(device)->given_ns, NOW - 5);
        const struct digest sum = digest_sha256(STR("c-77"));
        CHECK(digest_eq(&device_consent(device)->hash, &sum));
        CHECK_EQ(device_state(device, NOW), DEVICE_ACTIVE);
        CHECK_EQ(api_key_usable(key, NOW + 99), ERR_OK);
        CHECK_EQ(api_key_usable(key, NOW + 100), ERR_DEVICE_EXPIRED);
        CHECK_EQ(device_state(device, NOW + 100), DEVICE_EXPIRED);
        fleet = fleet_again(&house);
    }
    house_raze(&house);
}

TEST(a_second_issue_changes_nothing_and_a_rotation_the_text_alone)
{
    struct house house = house_build();
    const struct fleet *fleet = fleet_new(&house, &unused);
    struct device_order first = order_of(fleet, "KT-0001");
    CHECK_EQ(issue_one(&house, fleet, &first, NOW, NULL), ERR_OK);
    struct device_order again = order_of(fleet, "KT-0001");
    again.expires_ns = NOW + 9;
    CHECK_EQ(issue_one(&house, fleet, &again, NOW + 1, NULL), ERR_OK);
    CHECK(again.device == first.device && !again.made && !again.has_text);
    CHECK_EQ(first.device->expires_ns, 0);
    struct device_order rotated = order_of(fleet, "KT-0001");
    rotated.rotate = true;
    for (int round = 0; round < 30; round++) {
        struct api_key_text old = round == 0 ? first.text : rotated.text;
        CHECK_EQ(issue_one(&house, fleet, &rotated, NOW + 2, NULL), ERR_OK);
        CHECK(!rotated.made && rotated.has_text);
        CHECK(key_of(&house, &old) == NULL);
        CHECK(key_of(&house, &rotated.text) == &first.device->key);
    }
    CHECK_EQ(fleet_devices(fleet), 1);
    fleet = fleet_again(&house);
    CHECK(key_of(&house, &first.text) == NULL);
    CHECK(key_of(&house, &rotated.text) != NULL);
    house_raze(&house);
}

TEST(an_order_that_makes_no_sense_names_its_field)
{
    static char long_text[DEVICE_REFERENCE_MAX + 2];
    struct house house = house_build();
    const struct fleet *fleet = fleet_new(&house, &unused);
    const struct device_order good = order_of(fleet, "KT-0001");
    memset(long_text, 'x', DEVICE_REFERENCE_MAX + 1);
    struct device_order bad[12] = { good, good, good, good, good, good,
                                    good, good, good, good, good, good };
    static const char *const fields[12] = {
        "device_id",         "device_id",     "device_id",     "device_id",
        "expires",           "expires",       "caps",          "consent.reference",
        "consent.reference", "consent.given", "consent.given", "device_id"
    };
    bad[0].id = STR("");
    bad[1].id = STR("short");
    bad[2].id = str_slice(str_from(long_text), 0, DEVICE_ID_MAX + 1);
    bad[3].id = STR("KT 0001");
    bad[4].expires_ns = NOW;
    bad[5].expires_ns = 1;
    bad[6].caps[FLEET_CALLS_DAY] = -2;
    bad[7].reference = str_from(long_text);
    bad[8].reference = STR("a\nb");
    bad[9].reference = STR("c"); /* given at no time */
    bad[10].reference = STR("c");
    bad[10].given_ns = NOW + DEVICE_CONSENT_AHEAD_NS + 1;
    bad[11].id = STR("KT/0001");
    bad[7].given_ns = NOW;
    bad[8].given_ns = NOW;
    for (size_t i = 0; i < EP_ARRAY_LEN(bad); i++) {
        const char *field = NULL;
        CHECK_EQ(issue_one(&house, fleet, &bad[i], NOW, &field), ERR_ASK_INVALID);
        CHECK_STR(str_from(field), str_from(fields[i]));
    }
    CHECK_EQ(fleet_devices(fleet), 0);
    struct device_order edge = good;
    edge.reference = STR("c");
    edge.given_ns = NOW + DEVICE_CONSENT_AHEAD_NS;
    edge.expires_ns = NOW + 1;
    CHECK_EQ(issue_one(&house, fleet, &edge, NOW, NULL), ERR_OK);
    house_raze(&house);
}

static int made_count;

static enum err count_made(void *context, struct store_txn *txn, const struct device *device,
                           const int64_t caps[FLEET_CAPS], struct fail *fail)
{
    (void)txn;
    (void)fail;
    CHECK(context == &made_count);
    CHECK(device->key.device == device);
    CHECK_EQ(caps[FLEET_WAKES_DAY], 3);
    made_count++;
    return ERR_OK;
}

TEST(a_batch_is_issued_whole_or_not_at_all)
{
    static struct device_order orders[100];
    static char ids[100][16];
    static const struct device *listed[100];
    struct house house = house_build();
    const struct fleet *fleet = fleet_new(&house, &unused);
    for (size_t i = 0; i < 100; i++) {
        (void)snprintf(ids[i], sizeof(ids[i]), "KT-%04zu", i);
        orders[i] = order_of(fleet, ids[i]);
    }
    struct devices_issue issue = { .fleet = fleet,
                                   .orders = orders,
                                   .count = 100,
                                   .made = count_made,
                                   .context = &made_count,
                                   .now_ns = NOW };
    orders[99].id = orders[7].id;
    CHECK_EQ(devices_issue(house.ident, &issue, NULL), ERR_ASK_INVALID);
    CHECK_EQ(issue.fault, 99);
    CHECK_STR(str_from(issue.field), STR("device_id"));
    CHECK_EQ(fleet_devices(fleet), 0);
    CHECK(device_find(house.ident, fleet, orders[0].id) == NULL);
    CHECK_EQ(made_count, 0);
    orders[99].id = str_from(ids[99]);
    CHECK_EQ(devices_issue(house.ident, &issue, NULL), ERR_OK);
    CHECK_EQ(made_count, 100);
    for (int round = 0; round < 2; round++) {
        CHECK_EQ(devices_list(house.ident, fleet, 40, 100, listed), 60);
        for (size_t i = 0; i < 60; i++) {
            CHECK(key_of(&house, &orders[40 + i].text) == &listed[i]->key);
            CHECK(device_find(house.ident, fleet, orders[40 + i].id) == listed[i]);
        }
        CHECK_EQ(devices_list(house.ident, fleet, 100, 100, listed), 0);
        CHECK_EQ(devices_list(house.ident, fleet, INT64_MAX, 100, listed), 0);
        fleet = fleet_again(&house);
    }
    house_raze(&house);
}

/* ---- activation, revocation, consent -------------------------------------------------------- */

TEST(a_device_that_was_issued_inactive_waits)
{
    struct house house = house_build();
    char code[DEVICE_CODE_LEN + 1];
    char same[DEVICE_CODE_LEN + 1];
    const struct fleet *fleet = fleet_new(&house, &unused);
    struct device_order order = order_of(fleet, "KT-0001");
    order.inactive = true;
    CHECK_EQ(issue_one(&house, fleet, &order, NOW, NULL), ERR_OK);
    device_code(house.ident, order.device, code);
    CHECK_EQ(strspn(code, "0123456789"), DEVICE_CODE_LEN);
    fleet = fleet_again(&house);
    const struct device *device = device_find(house.ident, fleet, STR("KT-0001"));
    device_code(house.ident, device, same);
    CHECK_STR(str_from(code), str_from(same));
    CHECK_EQ(api_key_usable(&device->key, NOW), ERR_DEVICE_INACTIVE);
    CHECK_EQ(device_state(device, NOW), DEVICE_ISSUED);
    CHECK_EQ(device_activate(house.ident, device, NOW + 5, NULL), ERR_OK);
    CHECK_EQ(device_activate(house.ident, device, NOW + 6, NULL), ERR_OK);
    fleet = fleet_again(&house);
    device = device_find(house.ident, fleet, STR("KT-0001"));
    CHECK_EQ(device_activated_ns(device), NOW + 5);
    CHECK_EQ(api_key_usable(&device->key, NOW), ERR_OK);
    house_raze(&house);
}

TEST(a_revoked_device_is_never_there_again)
{
    struct house house = house_build();
    struct api_key_text text;
    const struct fleet *fleet = fleet_new(&house, &unused);
    const struct device *device = device_new(&house, fleet, "KT-0001", &text);
    CHECK_EQ(device_revoke(house.ident, device, NOW + 1, NULL), ERR_OK);
    CHECK_EQ(device_revoke(house.ident, device, NOW + 2, NULL), ERR_DEVICE_REVOKED);
    CHECK_EQ(api_key_usable(&device->key, NOW), ERR_KEY_UNKNOWN);
    CHECK(key_of(&house, &text) == NULL);
    CHECK_EQ(device_activate(house.ident, device, NOW + 2, NULL), ERR_DEVICE_REVOKED);
    const struct device_consent_order consent = { STR("c"), NOW, NOW };
    const char *field = NULL;
    CHECK_EQ(device_set_consent(house.ident, device, &consent, &field, NULL), ERR_DEVICE_REVOKED);
    fleet = fleet_again(&house);
    struct device_order order = order_of(fleet, "KT-0001");
    order.rotate = true;
    CHECK_EQ(issue_one(&house, fleet, &order, NOW + 3, &field), ERR_DEVICE_REVOKED);
    CHECK_STR(str_from(field), STR("device_id"));
    CHECK_EQ(device_state(device_find(house.ident, fleet, STR("KT-0001")), NOW), DEVICE_REVOKED);
    house_raze(&house);
}

TEST(the_last_consent_counts_and_can_be_withdrawn)
{
    struct house house = house_build();
    char room[DEVICE_REFERENCE_MAX];
    struct buf reference = { room, 0, sizeof(room), sizeof(room) };
    const char *field = NULL;
    bool given = true;
    const struct fleet *fleet = fleet_new(&house, &unused);
    const struct device *device = device_new(&house, fleet, "KT-0001", &unused);
    CHECK(device_consent(device) == NULL);
    CHECK_EQ(device_reference(house.ident, device, &reference, &given, NULL), ERR_OK);
    CHECK(!given);
    struct device_consent_order order = { STR("one"), NOW - 2, NOW };
    CHECK_EQ(device_set_consent(house.ident, device, &order, &field, NULL), ERR_OK);
    order.reference = STR("two");
    CHECK_EQ(device_set_consent(house.ident, device, &order, &field, NULL), ERR_OK);
    fleet = fleet_again(&house);
    device = device_find(house.ident, fleet, STR("KT-0001"));
    const struct digest sum = digest_sha256(STR("two"));
    CHECK(digest_eq(&device_consent(device)->hash, &sum));
    CHECK_EQ(device_reference(house.ident, device, &reference, &given, NULL), ERR_OK);
    CHECK(given);
    CHECK_STR(buf_str(&reference), STR("two"));
    order.reference = STR("bad\x01");
    CHECK_EQ(device_set_consent(house.ident, device, &order, &field, NULL), ERR_ASK_INVALID);
    CHECK_STR(str_from(field), STR("consent.reference"));
    order.reference = STR_EMPTY;
    CHECK_EQ(device_set_consent(house.ident, device, &order, &field, NULL), ERR_OK);
    CHECK(device_consent(device) == NULL);
    fleet = fleet_again(&house);
    CHECK(device_consent(device_find(house.ident, fleet, STR("KT-0001"))) == NULL);
    house_raze(&house);
}

/* ---- looking while it changes --------------------------------------------------------------- */

struct looking {
    struct house *house;
    const struct device *device;
    atomic_bool over;
    atomic_bool revoked; /* device_revoke() has returned */
};

static void *look(void *context)
{
    struct looking *looking = context;
    while (!atomic_load(&looking->over)) {
        bool revoked = atomic_load(&looking->revoked);
        enum err err = api_key_usable(&looking->device->key, NOW);
        CHECK(revoked ? err == ERR_KEY_UNKNOWN : err == ERR_OK || err == ERR_KEY_UNKNOWN);
        (void)device_consent(looking->device);
        (void)api_key_hint(&looking->device->key);
        CHECK(device_find(looking->house->ident, looking->device->key.fleet, STR("KT-0001")) ==
              looking->device);
    }
    return NULL;
}

TEST(who_looks_beside_changes_sees_the_old_or_the_new)
{
    struct house house = house_build();
    pthread_t threads[3];
    const char *field = NULL;
    const struct fleet *fleet = fleet_new(&house, &unused);
    struct looking looking = { .house = &house,
                               .device = device_new(&house, fleet, "KT-0001", &unused) };
    for (size_t i = 0; i < EP_ARRAY_LEN(threads); i++) {
        CHECK_EQ(pthread_create(&threads[i], NULL, look, &looking), 0);
    }
    for (int i = 0; i < 20; i++) {
        char id[16];
        struct device_order order = order_of(fleet, "KT-0001");
        const struct device_consent_order consent = { STR("c"), NOW, NOW };
        order.rotate = true;
        CHECK_EQ(issue_one(&house, fleet, &order, NOW, NULL), ERR_OK);
        CHECK_EQ(device_set_consent(house.ident, looking.device, &consent, &field, NULL), ERR_OK);
        (void)snprintf(id, sizeof(id), "OTHER-%d", i);
        (void)device_new(&house, fleet, id, &unused);
    }
    CHECK_EQ(device_revoke(house.ident, looking.device, NOW, NULL), ERR_OK);
    atomic_store(&looking.revoked, true);
    (void)device_new(&house, fleet, "OTHER-LAST", &unused);
    atomic_store(&looking.over, true);
    for (size_t i = 0; i < EP_ARRAY_LEN(threads); i++) {
        CHECK_EQ(pthread_join(threads[i], NULL), 0);
    }
    house_raze(&house);
}

/* ---- memory --------------------------------------------------------------------------------- */

#define MANY       8200 /* just above a power of two: tables have grown, and are as empty as ever */
#define EACH_BYTES 896  /* with its places in all tables; docs/devices.md says a GB a million */

#define SLOT_BYTES (DIGEST_BYTES + sizeof(void *))

/* What the arena and the tables take. The table of keys is at most half full, or the growth before
 * was; those that it has outgrown take as much again. */
static size_t bytes_of(const struct house *house, const struct fleet *fleet)
{
    const struct ident *ident = house->ident;
    size_t slots = 64;
    while (slots < 2 * ident->keys.used) {
        slots *= 2;
    }
    return ident->arena.used + 2 * slots * SLOT_BYTES +
           (ident->index->by_id.cap + ident->index->by_serial.cap) * sizeof(struct map_slot) +
           fleet->devices_cap * sizeof(struct device *);
}

TEST(a_device_costs_a_bounded_piece_of_memory)
{
    static struct device_order orders[DEVICES_ISSUE_MAX];
    static char ids[DEVICES_ISSUE_MAX][16];
    struct house house = house_build();
    const struct fleet *fleet = fleet_new(&house, &unused);
    size_t before = bytes_of(&house, fleet);
    for (size_t done = 0; done < MANY;) {
        size_t count = MANY - done < DEVICES_ISSUE_MAX ? MANY - done : DEVICES_ISSUE_MAX;
        for (size_t i = 0; i < count; i++) {
            (void)snprintf(ids[i], sizeof(ids[i]), "KT-%07zu", done + i);
            orders[i] = order_of(fleet, ids[i]);
        }
        struct devices_issue issue = {
            .fleet = fleet, .orders = orders, .count = count, .now_ns = NOW
        };
        CHECK_EQ(devices_issue(house.ident, &issue, NULL), ERR_OK);
        done += count;
    }
    size_t each = (bytes_of(&house, fleet) - before) / MANY;
    CHECK(each > 100 && each <= EACH_BYTES);
    CHECK_EQ(fleet_devices(fleet), MANY);
    fleet = fleet_again(&house);
    CHECK((bytes_of(&house, fleet) - before) / MANY <= EACH_BYTES);
    house_raze(&house);
}

static struct house memory_house;

static void open_and_issue(void)
{
    struct ident *ident = NULL;
    enum err err = ident_open(memory_house.store, STR(PEPPER), &ident, NULL);
    if (err == ERR_OK) {
        const struct fleet *fleet = fleet_next(ident, NULL);
        struct device_order orders[2] = { order_of(fleet, "KT-0001"), order_of(fleet, "NEW-01") };
        char id[16];
        (void)snprintf(id, sizeof(id), "NEW-%05u", (unsigned)mem_requests());
        orders[0].rotate = true;
        orders[1].id = str_from(id);
        orders[1].reference = STR("c");
        orders[1].given_ns = NOW;
        struct devices_issue issue = {
            .fleet = fleet, .orders = orders, .count = 2, .now_ns = NOW
        };
        err = devices_issue(ident, &issue, NULL);
        CHECK(err != ERR_OK || (orders[0].has_text && orders[1].made));
    }
    CHECK(err == ERR_OK || err == ERR_NO_MEMORY);
    ident_close(ident);
}

TEST(running_out_of_memory_issues_nothing_and_leaves_all_as_it_was)
{
    struct api_key_text text;
    memory_house = house_build();
    (void)device_new(&memory_house, fleet_new(&memory_house, &unused), "KT-0001", &text);
    CHECK(test_each_allocation_failing(open_and_issue) >= 5);
    CHECK(!store_failed(memory_house.store));
    house_raze(&memory_house);
}
