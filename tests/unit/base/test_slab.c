#include "base/slab.h"

#include <string.h>

#include "base/mem.h"
#include "harness.h"

TEST(objects_are_zeroed_also_when_recycled)
{
    struct slab slab;
    slab_init(&slab, 40, 10);
    char *object = slab_take(&slab);
    CHECK(object != NULL);
    memset(object, 'x', 40);
    slab_give(&slab, object);
    char *again = slab_take(&slab);
    CHECK(again == object);
    for (int i = 0; i < 40; i++) {
        CHECK_EQ(again[i], 0);
    }
    slab_give(&slab, again);
    slab_fini(&slab);
}

TEST(the_limit_holds_and_a_returned_object_makes_room)
{
    struct slab slab;
    slab_init(&slab, 1, 3);
    void *a = slab_take(&slab);
    void *b = slab_take(&slab);
    void *c = slab_take(&slab);
    CHECK(a != NULL && b != NULL && c != NULL);
    CHECK(slab_take(&slab) == NULL);
    slab_give(&slab, b);
    b = slab_take(&slab);
    CHECK(b != NULL);
    slab_give(&slab, a);
    slab_give(&slab, b);
    slab_give(&slab, c);
    slab_fini(&slab);
}

TEST(objects_do_not_overlap_over_several_chunks)
{
    struct slab slab;
    slab_init(&slab, 5000, 100);
    unsigned char *objects[100];
    for (size_t i = 0; i < 100; i++) {
        objects[i] = slab_take(&slab);
        CHECK(objects[i] != NULL);
        memset(objects[i], (int)i, 5000);
    }
    for (size_t i = 0; i < 100; i++) {
        CHECK(objects[i][0] == i && objects[i][4999] == i);
        slab_give(&slab, objects[i]);
    }
    slab_fini(&slab);
}

TEST(an_object_larger_than_a_chunk_has_one_of_its_own)
{
    struct slab slab;
    slab_init(&slab, (size_t)200 * 1024, 2);
    void *object = slab_take(&slab);
    CHECK(object != NULL);
    slab_give(&slab, object);
    slab_fini(&slab);
}

static void body_take(void)
{
    struct slab slab;
    slab_init(&slab, 30000, 8);
    void *objects[8];
    size_t count = 0;
    while (count < 8) {
        objects[count] = slab_take(&slab);
        if (objects[count] == NULL) {
            break;
        }
        count++;
    }
    while (count > 0) {
        slab_give(&slab, objects[--count]);
    }
    slab_fini(&slab);
}

TEST(a_heap_that_is_out_leaks_nothing)
{
    CHECK(test_each_allocation_failing(body_take) > 3);
}
