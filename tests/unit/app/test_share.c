#include "app/share.h"

#include <unistd.h>

#include "harness.h"

/* The tests run from a build folder of a checkout, as build/PRESET/entrepot does. */
TEST(the_vocabularies_are_those_of_the_checkout)
{
    char path[SHARE_PATH_MAX];
    bool there = access(EP_SOURCE_DIR "/share/vocab", R_OK) == 0;
    CHECK(share_vocabularies(path) == there);
    CHECK(!there || str_ends(str_from(path), STR("/share/vocab")));
    CHECK(!there || access(path, R_OK) == 0);
}

TEST(the_country_databases_are_those_of_the_checkout_or_none)
{
    char path[SHARE_PATH_MAX];
    bool there = access(EP_SOURCE_DIR "/share/geo/" SHARE_GEO_A, R_OK) == 0 &&
                 access(EP_SOURCE_DIR "/share/geo/" SHARE_GEO_B, R_OK) == 0;
    CHECK(share_geo(path) == there);
    CHECK(!there || access(path, R_OK) == 0);
}
