/* A folder with a store and an ident in it, for this room's tests. */
#pragma once

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "crypto/digest.h"
#include "harness.h"
#include "ident/allowance.h"
#include "ident/ident.h"

#define NOW    INT64_C(1790000000000000000)
#define PEPPER "a pepper of the tests"

struct house {
    char folder[40];
    struct store *store;
    struct ident *ident;
};

#define HOUSE_MIGRATIONS 5

/* The room's migrations are some of the program's; here they are alone. */
static inline struct store_options house_options(const struct house *house, char url[64],
                                                 struct store_migration own[HOUSE_MIGRATIONS])
{
    (void)snprintf(url, 64, "sqlite:%s/db", house->folder);
    own[0] = ident_migrations[0];
    own[1] = standing_migration;
    own[1].number = 2;
    own[2] = allowance_migration;
    own[2].number = 3;
    own[3] = fleet_migration;
    own[3].number = 4;
    own[4] = fleet_voice_migration;
    own[4].number = 5;
    return (struct store_options){
        .url = str_from(url),
        .migrations = own,
        .migrations_count = HOUSE_MIGRATIONS,
    };
}

static inline void house_start(struct house *house)
{
    char url[64];
    struct store_migration own[HOUSE_MIGRATIONS];
    struct store_options options = house_options(house, url, own);
    CHECK_EQ(store_open(&options, &house->store, NULL), ERR_OK);
    CHECK_EQ(ident_open(house->store, STR(PEPPER), &house->ident, NULL), ERR_OK);
}

static inline void house_stop(struct house *house)
{
    store_close(house->store); /* first: its thread writes wake-ups */
    ident_close(house->ident);
    house->ident = NULL;
    house->store = NULL;
}

static inline struct house house_build(void)
{
    struct house house = { .folder = "/tmp/test_ident.XXXXXX" };
    CHECK_EQ(crypto_start(NULL), ERR_OK);
    CHECK(test_folder(house.folder) != NULL);
    house_start(&house);
    return house;
}

static inline void house_raze(struct house *house)
{
    static const char *const files[] = { "db", "db-wal", "db-shm", "db.lock" };
    house_stop(house);
    for (size_t i = 0; i < EP_ARRAY_LEN(files); i++) {
        char path[64];
        (void)snprintf(path, sizeof(path), "%s/%s", house->folder, files[i]);
        (void)unlink(path); /* most are there, some not */
    }
    CHECK_EQ(rmdir(house->folder), 0);
}

static inline struct id account_of(unsigned char last)
{
    return (struct id){ { [0] = 1, [ID_BYTES - 1] = last } };
}
