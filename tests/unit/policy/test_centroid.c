#include "policy/centroid.h"

#include "harness.h"

static uint32_t km(const char *from, const char *to)
{
    return centroid_km(country_from(str_from(from)), country_from(str_from(to)));
}

static bool about(uint32_t got, uint32_t want)
{
    return got + 15 >= want && got <= want + 15;
}

/* Great circles between the rows' whole degrees, by another program with floating point. */
TEST(distances_are_those_of_the_globe)
{
    CHECK(about(km("SG", "MY"), 916));
    CHECK(about(km("SG", "GB"), 10953));
    CHECK(about(km("CN", "US"), 11587));
    CHECK(about(km("CN", "HK"), 1690));
    CHECK(about(km("BR", "SG"), 17487));
    CHECK(about(km("FJ", "WS"), 1157)); /* over the date line */
    CHECK(about(km("AQ", "GL"), 18014));
    CHECK(about(km("ES", "NZ"), 19813)); /* nearly the other side */
}

TEST(both_ways_are_equally_long_and_nowhere_longer_than_half_the_globe)
{
    size_t known = 0;
    country_t sg = country_from(STR("SG"));
    for (country_t a = 1; a <= COUNTRY_CODES; a++) {
        known += centroid_km(a, sg) > 0;
        for (country_t b = 1; b <= COUNTRY_CODES; b++) {
            uint32_t there = centroid_km(a, b);
            CHECK_EQ(there, centroid_km(b, a));
            CHECK(there <= 20016);
        }
    }
    CHECK_EQ(known, 247); /* of 248 rows, without itself */
}

TEST(what_is_not_known_is_no_distance)
{
    CHECK_EQ(km("SG", "SG"), 0);
    CHECK_EQ(km("SG", "XX"), 0);
    CHECK_EQ(km("ZZ", "SG"), 0);
    CHECK_EQ(centroid_km(COUNTRY_NONE, country_from(STR("SG"))), 0);
    CHECK_EQ(centroid_km(country_from(STR("SG")), COUNTRY_NONE), 0);
    CHECK_EQ(centroid_km(COUNTRY_NONE, COUNTRY_NONE), 0);
}
