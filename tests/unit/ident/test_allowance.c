#include "ident/allowance.h"

#include "house.h"

struct seen {
    size_t count;
    struct allowance last;
    char model[64];
    enum err err; /* to answer with */
};

static enum err see(void *context, const struct allowance *allowance)
{
    struct seen *seen = context;
    seen->count++;
    seen->last = *allowance;
    CHECK(allowance->model.len < sizeof(seen->model));
    memcpy(seen->model, allowance->model.ptr, allowance->model.len);
    seen->last.model.ptr = seen->model;
    return seen->err;
}

static struct allowance some(enum allowance_of of, struct str model, int64_t requests)
{
    return (struct allowance){
        .of = of,
        .id = { { of == ALLOWANCE_OF_MODEL ? 0 : 7 } },
        .model = model,
        .max = { requests, ALLOWANCE_NONE, 3, ALLOWANCE_DEFAULT, 5 },
        .set_ns = NOW,
    };
}

TEST(what_is_set_is_told_and_outlives_a_restart)
{
    struct house house = house_build();
    struct seen told = { .count = 0 };
    const struct allowance of_key = some(ALLOWANCE_OF_KEY, STR("m/one"), 10);
    ident_on_allowance(house.ident, see, &told);
    CHECK_EQ(allowance_set(house.ident, &of_key, NULL), ERR_OK);
    CHECK_EQ(told.count, 1);
    CHECK_EQ(told.last.max[ALLOWANCE_REQUESTS], 10);
    ident_on_allowance(house.ident, NULL, NULL);
    house_stop(&house);
    house_start(&house);
    struct seen kept = { .count = 0 };
    CHECK_EQ(allowances_each(house.store, see, &kept, NULL), ERR_OK);
    CHECK_EQ(kept.count, 1);
    CHECK_EQ(kept.last.of, ALLOWANCE_OF_KEY);
    CHECK(id_eq(kept.last.id, of_key.id));
    CHECK_STR(kept.last.model, STR("m/one"));
    CHECK_EQ(kept.last.max[ALLOWANCE_REQUESTS], 10);
    CHECK_EQ(kept.last.max[ALLOWANCE_TOKENS], ALLOWANCE_NONE);
    CHECK_EQ(kept.last.max[ALLOWANCE_INPUT], 3);
    CHECK_EQ(kept.last.max[ALLOWANCE_OUTPUT], ALLOWANCE_DEFAULT);
    CHECK_EQ(kept.last.max[ALLOWANCE_CALLS], 5);
    CHECK_EQ(kept.last.set_ns, NOW);
    house_raze(&house);
}

TEST(each_subject_has_one_row_and_the_last_counts)
{
    struct house house = house_build();
    for (int64_t requests = 1; requests <= 3; requests++) {
        const struct allowance rows[] = {
            some(ALLOWANCE_OF_KEY, STR_EMPTY, requests),
            some(ALLOWANCE_OF_KEY, STR("m"), requests),
            some(ALLOWANCE_OF_CLIENT, STR_EMPTY, requests),
            some(ALLOWANCE_OF_MODEL, STR("m"), requests),
        };
        for (size_t i = 0; i < EP_ARRAY_LEN(rows); i++) {
            CHECK_EQ(allowance_set(house.ident, &rows[i], NULL), ERR_OK);
        }
    }
    struct seen seen = { .count = 0 };
    CHECK_EQ(allowances_each(house.store, see, &seen, NULL), ERR_OK);
    CHECK_EQ(seen.count, 4);
    CHECK_EQ(seen.last.of, ALLOWANCE_OF_MODEL);
    CHECK_EQ(seen.last.max[ALLOWANCE_REQUESTS], 3);
    seen = (struct seen){ .err = ERR_NO_MEMORY };
    CHECK_EQ(allowances_each(house.store, see, &seen, NULL), ERR_NO_MEMORY);
    CHECK_EQ(seen.count, 1); /* the walk ends there */
    house_raze(&house);
}

TEST(bad_models_are_refused_and_a_listener_that_fails_is_told_of)
{
    struct house house = house_build();
    struct fail fail = { .text = "" };
    struct allowance bad = some(ALLOWANCE_OF_MODEL, STR("a\nb"), 1);
    CHECK_EQ(allowance_set(house.ident, &bad, &fail), ERR_ASK_INVALID);
    struct seen told = { .err = ERR_NO_MEMORY };
    const struct allowance fine = some(ALLOWANCE_OF_MODEL, STR("m"), 1);
    ident_on_allowance(house.ident, see, &told);
    CHECK_EQ(allowance_set(house.ident, &fine, &fail), ERR_NO_MEMORY);
    CHECK(strstr(fail.text, "from a restart on") != NULL);
    ident_on_allowance(house.ident, NULL, NULL);
    struct seen kept = { .count = 0 };
    CHECK_EQ(allowances_each(house.store, see, &kept, NULL), ERR_OK);
    CHECK_EQ(kept.count, 1);
    house_raze(&house);
}
