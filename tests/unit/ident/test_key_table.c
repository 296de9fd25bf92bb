#include "ident/key_table.h"

#include <pthread.h>
#include <stdatomic.h>

#include "base/mem.h"
#include "harness.h"

#define MANY 5000

static int values[MANY];

static struct digest hash_of(int i)
{
    return digest_sha256((struct str){ (const char *)&i, sizeof(i) });
}

static void start(struct key_table *table)
{
    CHECK_EQ(crypto_start(NULL), ERR_OK);
    CHECK_EQ(key_table_init(table), ERR_OK);
}

TEST(an_empty_table_holds_nothing)
{
    struct key_table table;
    start(&table);
    for (int i = 0; i < 100; i++) {
        struct digest hash = hash_of(i);
        CHECK(key_table_find(&table, &hash) == NULL);
    }
    key_table_fini(&table);
}

TEST(what_was_added_is_found_while_it_grows_and_nothing_else_is)
{
    struct key_table table;
    start(&table);
    for (int i = 0; i < MANY; i++) {
        struct digest hash = hash_of(i);
        CHECK(key_table_find(&table, &hash) == NULL);
        CHECK_EQ(key_table_reserve(&table, 1), ERR_OK);
        key_table_add(&table, &hash, &values[i]);
        CHECK(key_table_find(&table, &hash) == &values[i]);
    }
    CHECK_EQ(table.live, MANY);
    for (int i = 0; i < MANY; i++) {
        struct digest hash = hash_of(i);
        CHECK(key_table_find(&table, &hash) == &values[i]);
        hash.bytes[DIGEST_BYTES - 1] ^= 1; /* the same place, another hash */
        CHECK(key_table_find(&table, &hash) == NULL);
    }
    key_table_fini(&table);
}

TEST(hashes_that_fall_on_one_place_are_told_apart)
{
    struct key_table table;
    struct digest hash = { { 0 } };
    start(&table);
    for (int i = 0; i < 200; i++) {
        hash.bytes[DIGEST_BYTES - 1] = (unsigned char)i;
        CHECK_EQ(key_table_reserve(&table, 1), ERR_OK);
        key_table_add(&table, &hash, &values[i]);
    }
    for (int i = 0; i < 200; i++) {
        hash.bytes[DIGEST_BYTES - 1] = (unsigned char)i;
        CHECK(key_table_find(&table, &hash) == &values[i]);
    }
    hash.bytes[DIGEST_BYTES - 1] = 200;
    CHECK(key_table_find(&table, &hash) == NULL);
    key_table_fini(&table);
}

struct reading {
    struct key_table *table;
    atomic_int added; /* this many are in it for sure */
};

static void *read_beside(void *context)
{
    struct reading *reading = context;
    int added = 0;
    for (int i = 0; added < MANY; i++) {
        added = atomic_load(&reading->added);
        if (added > 0) {
            struct digest hash = hash_of(i % added);
            CHECK(key_table_find(reading->table, &hash) == &values[i % added]);
        }
    }
    return NULL;
}

TEST(readers_find_what_is_there_while_it_grows)
{
    struct key_table table;
    struct reading reading = { .table = &table };
    pthread_t threads[2];
    start(&table);
    for (size_t i = 0; i < EP_ARRAY_LEN(threads); i++) {
        CHECK_EQ(pthread_create(&threads[i], NULL, read_beside, &reading), 0);
    }
    for (int i = 0; i < MANY; i++) {
        struct digest hash = hash_of(i);
        CHECK_EQ(key_table_reserve(&table, 1), ERR_OK);
        key_table_add(&table, &hash, &values[i]);
        atomic_store(&reading.added, i + 1);
    }
    for (size_t i = 0; i < EP_ARRAY_LEN(threads); i++) {
        CHECK_EQ(pthread_join(threads[i], NULL), 0);
    }
    key_table_fini(&table);
}

static void fill_a_little(void)
{
    struct key_table table;
    enum err err = key_table_init(&table);
    for (int i = 0; err == ERR_OK && i < 300; i++) {
        struct digest hash = hash_of(i);
        err = key_table_reserve(&table, 1);
        if (err == ERR_OK) {
            key_table_add(&table, &hash, &values[i]);
        }
        CHECK_EQ(table.live, i + (err == ERR_OK));
    }
    CHECK(err == ERR_OK || err == ERR_NO_MEMORY);
    key_table_fini(&table);
}

TEST(running_out_of_memory_leaves_what_was_there)
{
    CHECK_EQ(crypto_start(NULL), ERR_OK);
    CHECK(test_each_allocation_failing(fill_a_little) >= 4);
}
