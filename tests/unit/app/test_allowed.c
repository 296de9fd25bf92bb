#include "app/allowed.h"

#include "house.h"
#include "ident/allowance.h"

static const int64_t no_defaults[LIMITS_KINDS] = { LIMITS_NONE, LIMITS_NONE, LIMITS_NONE,
                                                   LIMITS_NONE, LIMITS_NONE };

/* How many requests of a minute pass, at most 10. */
static int passing(struct limits *limits, struct id client, const char *model)
{
    const struct limits_who who = {
        .key = { { 1 } }, .client = client, .model = str_from(model), .defaults = no_defaults
    };
    int count = 0;
    for (int i = 0; i < 10; i++) {
        struct limits_hold hold = { .placed = false };
        struct limits_refusal refusal;
        count += limits_begin(limits, &who, 1, &hold, &refusal) == ERR_OK;
        limits_end(&hold, 0, 0, true, 1);
        limits_free(&hold);
    }
    return count;
}

TEST(calls_are_held_to_what_is_kept_and_to_what_is_set_while_they_run)
{
    struct house house;
    struct limits *limits = NULL;
    house_begin(&house);
    house_open(&house, WORLD_READ_WRITE);
    struct id client = client_next(house.world->ident, NULL)->id;
    struct id other = { { 9 } };
    CHECK_EQ(house_do(&house, "model limit aurora-large --requests 3"), ACT_OK);
    CHECK_EQ(limits_create(&limits), ERR_OK);
    CHECK_EQ(allowed_begin(house.world, limits, NULL), ERR_OK);
    CHECK_EQ(passing(limits, other, "aurora-large"), 3);
    CHECK_EQ(passing(limits, other, "another"), 10);
    char line[128];
    CHECK_EQ(house_do(&house, "client list --json"), ACT_OK);
    (void)snprintf(line, sizeof(line), "client limit %s --requests 2", house_field(&house, "id"));
    CHECK_EQ(house_do(&house, line), ACT_OK);
    CHECK_EQ(passing(limits, client, "another"), 2);
    allowed_end(house.world);
    CHECK_EQ(house_do(&house, "model limit aurora-large --requests none"), ACT_OK);
    CHECK_EQ(passing(limits, other, "aurora-large"), 0); /* nobody was told */
    limits_destroy(limits);
    house_end(&house);
}
