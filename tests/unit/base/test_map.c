#include "base/map.h"

#include "harness.h"

#define KEYS 3000

static char key_text[KEYS][8];
static struct str key_at(size_t i)
{
    size_t at = sizeof(key_text[i]);
    size_t rest = i;
    do {
        key_text[i][--at] = (char)('0' + rest % 10);
        rest /= 10;
    } while (rest > 0);
    return (struct str){ key_text[i] + at, sizeof(key_text[i]) - at };
}

TEST(an_empty_map_finds_nothing)
{
    struct map map;
    map_init(&map);
    size_t at = 0;
    CHECK(map_find(&map, STR("a")) == NULL);
    CHECK(map_remove(&map, STR("a")) == NULL);
    CHECK(map_next(&map, &at) == NULL);
    map_fini(&map);
}

TEST(a_key_is_added_once)
{
    struct map map;
    map_init(&map);
    int one = 1;
    int two = 2;
    CHECK_EQ(map_add(&map, STR("a"), &one), ERR_OK);
    CHECK_EQ(map_add(&map, STR("a"), &two), ERR_CONFLICT);
    CHECK(map_find(&map, STR("a")) == &one);
    CHECK_EQ(map_add(&map, STR_EMPTY, &two), ERR_OK);
    CHECK(map_find(&map, STR("")) == &two);
    CHECK_EQ(map.count, 2);
    map_fini(&map);
}

TEST(a_map_agrees_with_an_array_through_random_changes)
{
    struct map map;
    map_init(&map);
    static bool present[KEYS];
    uint64_t random = 42;
    size_t count = 0;
    for (int step = 0; step < 100000; step++) {
        random = random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        size_t i = (size_t)(random >> 33) % KEYS;
        struct str key = key_at(i);
        if ((random >> 20 & 1) != 0) {
            CHECK_EQ(map_add(&map, key, &present[i]), present[i] ? ERR_CONFLICT : ERR_OK);
            count += !present[i];
            present[i] = true;
        } else {
            CHECK(map_remove(&map, key) == (present[i] ? &present[i] : NULL));
            count -= present[i];
            present[i] = false;
        }
        CHECK_EQ(map.count, count);
    }
    for (size_t i = 0; i < KEYS; i++) {
        CHECK(map_find(&map, key_at(i)) == (present[i] ? &present[i] : NULL));
    }
    size_t at = 0;
    size_t seen = 0;
    for (const struct map_slot *slot = map_next(&map, &at); slot != NULL;
         slot = map_next(&map, &at)) {
        CHECK(*(const bool *)slot->value);
        seen++;
    }
    CHECK_EQ(seen, count);
    map_fini(&map);
}

TEST(adding_and_removing_for_ever_does_not_grow_the_table)
{
    struct map map;
    map_init(&map);
    int value = 0;
    for (size_t i = 0; i < 20000; i++) {
        struct str key = key_at(i % KEYS);
        CHECK_EQ(map_add(&map, key, &value), ERR_OK);
        CHECK(map_remove(&map, key) == &value);
    }
    CHECK_EQ(map.cap, 16);
    map_fini(&map);
}

TEST(a_key_at_the_end_of_a_page_is_not_over_read)
{
    struct map map;
    map_init(&map);
    int value = 0;
    CHECK_EQ(map_add(&map, test_at_page_end(STR("abc")), &value), ERR_OK);
    CHECK(map_find(&map, test_at_page_end(STR("abc"))) == &value);
    CHECK(map_find(&map, STR("abd")) == NULL);
    map_fini(&map);
}

static void body_fill(void)
{
    struct map map;
    map_init(&map);
    int value = 0;
    for (size_t i = 0; i < 100; i++) {
        size_t before = map.count;
        enum err err = map_add(&map, key_at(i), &value);
        CHECK(err == ERR_OK || err == ERR_NO_MEMORY);
        CHECK_EQ(map.count, before + (err == ERR_OK ? 1 : 0));
    }
    map_fini(&map);
}

TEST(a_heap_that_is_out_leaves_the_map_as_it_was)
{
    CHECK(test_each_allocation_failing(body_fill) > 3);
}
