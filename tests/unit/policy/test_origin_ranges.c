/* Registered ranges: which of them holds an address, for whom and when. */
#include <string.h>

#include "base/mem.h"
#include "harness.h"
#include "policy/origin.h"

#define RANGES_MAX 20000

static struct origin_range ranges[RANGES_MAX];
static size_t count;
static struct origin_ranges *made;

static struct origin_range range_of(const char *block, const char *country, const char *party,
                                    int64_t from_ns, int64_t until_ns)
{
    struct origin_range range = {
        .country = { { country[0], country[1] } },
        .party = str_from(party),
        .valid_from_ns = from_ns,
        .valid_until_ns = until_ns,
    };
    if (!ip_block_parse(str_from(block), &range.block)) {
        test_failed(EP_SITE, "\"%s\" was refused", block);
    }
    return range;
}

static void put(const char *block, const char *country, const char *party)
{
    ranges[count++] = range_of(block, country, party, INT64_MIN, INT64_MAX);
}

static void put_for(const char *block, const char *country, const char *party, int64_t from_ns,
                    int64_t until_ns)
{
    ranges[count++] = range_of(block, country, party, from_ns, until_ns);
}

static void build(void)
{
    CHECK_EQ(origin_ranges_create(ranges, count, &made, NULL, NULL), ERR_OK);
    count = 0;
}

static const char *found(const char *ip, const char *party, int64_t now_ns)
{
    static char country[3];
    struct ip address;
    CHECK(ip_parse(str_from(ip), &address));
    const struct origin_range *range = origin_ranges_find(made, &address, str_from(party), now_ns);
    if (range == NULL) {
        return "";
    }
    country[0] = range->country.code[0];
    country[1] = range->country.code[1];
    return country;
}

#define CHECK_FOUND(ip, party, now_ns, want) \
    CHECK_STR(str_from(found(ip, party, now_ns)), str_from(want))

TEST(the_narrowest_range_is_found)
{
    put("10.0.0.0/8", "SG", "");
    put("10.1.0.0/16", "MY", "");
    put("10.1.2.0/24", "ID", "");
    put("10.1.2.3/32", "TH", "");
    put("11.0.0.0/8", "JP", "");
    put("2400::/16", "VN", "");
    put("2400:1::/32", "PH", "");
    build();
    CHECK_FOUND("9.255.255.255", "", 0, "");
    CHECK_FOUND("10.0.0.0", "", 0, "SG");
    CHECK_FOUND("10.0.255.255", "", 0, "SG");
    CHECK_FOUND("10.1.0.0", "", 0, "MY");
    CHECK_FOUND("10.1.2.0", "", 0, "ID");
    CHECK_FOUND("10.1.2.3", "", 0, "TH");
    CHECK_FOUND("::ffff:10.1.2.3", "", 0, "TH");
    CHECK_FOUND("64:ff9b::10.1.2.3", "", 0, "TH");
    CHECK_FOUND("2002:a01:203::1", "", 0, "TH");
    CHECK_FOUND("10.1.2.4", "", 0, "ID");
    CHECK_FOUND("10.1.3.0", "", 0, "MY");
    CHECK_FOUND("10.2.0.0", "", 0, "SG");
    CHECK_FOUND("10.255.255.255", "", 0, "SG");
    CHECK_FOUND("11.1.1.1", "", 0, "JP");
    CHECK_FOUND("12.0.0.0", "", 0, "");
    CHECK_FOUND("2400::1", "", 0, "VN");
    CHECK_FOUND("2400:1::1", "", 0, "PH");
    CHECK_FOUND("2400:2::1", "", 0, "VN");
    CHECK_FOUND("2401::1", "", 0, "");
    CHECK_FOUND("::1", "", 0, "");
    origin_ranges_destroy(made);
}

TEST(a_range_is_its_partys_or_everybodys)
{
    put("10.0.0.0/8", "SG", "");
    put("10.0.0.0/8", "MY", "kancil");
    put("10.1.0.0/16", "ID", "other");
    put("10.1.2.0/24", "TH", "kancil");
    build();
    CHECK_FOUND("10.2.0.1", "", 0, "SG");
    CHECK_FOUND("10.2.0.1", "nobody", 0, "SG");
    CHECK_FOUND("10.2.0.1", "kancil", 0, "MY");
    CHECK_FOUND("10.1.0.1", "kancil", 0, "MY");
    CHECK_FOUND("10.1.0.1", "other", 0, "ID");
    CHECK_FOUND("10.1.2.1", "other", 0, "ID");
    CHECK_FOUND("10.1.2.1", "kancil", 0, "TH");
    CHECK_FOUND("10.1.2.1", "kancil2", 0, "SG");
    CHECK_FOUND("10.1.2.1", "kanci", 0, "SG");
    origin_ranges_destroy(made);
}

TEST(a_range_holds_from_its_instant_up_to_its_end)
{
    put_for("10.1.0.0/16", "SG", "kancil", 100, 200);
    put_for("10.1.0.0/16", "MY", "kancil", 200, 300);
    put_for("10.1.0.0/16", "TH", "kancil", 400, 500);
    put_for("10.1.0.0/16", "ID", "", 0, 1000);
    put_for("10.0.0.0/8", "JP", "", 0, 2000);
    build();
    CHECK_FOUND("10.1.0.1", "kancil", -1, "");
    CHECK_FOUND("10.1.0.1", "kancil", 0, "ID");
    CHECK_FOUND("10.1.0.1", "kancil", 99, "ID");
    CHECK_FOUND("10.1.0.1", "kancil", 100, "SG");
    CHECK_FOUND("10.1.0.1", "kancil", 199, "SG");
    CHECK_FOUND("10.1.0.1", "kancil", 200, "MY");
    CHECK_FOUND("10.1.0.1", "kancil", 299, "MY");
    CHECK_FOUND("10.1.0.1", "kancil", 300, "ID");
    CHECK_FOUND("10.1.0.1", "kancil", 400, "TH");
    CHECK_FOUND("10.1.0.1", "kancil", 500, "ID");
    CHECK_FOUND("10.1.0.1", "kancil", 1000, "JP");
    CHECK_FOUND("10.1.0.1", "kancil", 2000, "");
    origin_ranges_destroy(made);
}

static void check_bad(size_t want, const char *part)
{
    struct fail fail = { .text = "" };
    size_t bad = 99;
    struct origin_ranges *none = NULL;
    int64_t blocks = mem_blocks_open();
    CHECK_EQ(origin_ranges_create(ranges, count, &none, &bad, &fail), ERR_REGISTRY_INVALID);
    CHECK(none == NULL);
    CHECK_EQ(bad, want);
    if (strstr(fail.text, part) == NULL) {
        test_failed(EP_SITE, "\"%s\" does not say \"%s\"", fail.text, part);
    }
    CHECK_EQ(mem_blocks_open(), blocks);
    count = 0;
}

TEST(what_makes_no_sense_is_named)
{
    put("10.0.0.0/8", "SG", "");
    put("10.0.0.0/7", "SG", "");
    check_bad(1, "10.0.0.0/7 is wider than /8");
    put("0.0.0.0/0", "SG", "");
    check_bad(0, "is wider than /8");
    put("::/0", "SG", "");
    check_bad(0, "::/0 is wider than /8");
    put("fc00::/7", "SG", "");
    check_bad(0, "is wider than /8");
    put("10.0.0.0/8", "sg", "");
    check_bad(0, "has no country");
    ranges[count++] = (struct origin_range){ .block.bits = 100, .valid_until_ns = 1 };
    check_bad(0, "has no country");
    put("64:ff9b::10.0.0.0/104", "SG", "");
    check_bad(0, "stand for IPv4 addresses");
    put("2002:a00::/24", "SG", "");
    check_bad(0, "stand for IPv4 addresses");
    put_for("10.0.0.0/8", "SG", "", 5, 5);
    check_bad(0, "is valid at no time");
    put_for("10.0.0.0/8", "SG", "", 5, 4);
    check_bad(0, "is valid at no time");
    put_for("10.0.0.0/8", "SG", "a", 100, 200);
    put_for("10.0.0.0/8", "SG", "b", 100, 200);
    put_for("10.0.0.0/8", "MY", "a", 199, 300);
    check_bad(2, "10.0.0.0/8 is registered twice for the same time");
    put("10.0.0.0/8", "SG", "");
    put("10.0.0.0/8", "SG", "");
    check_bad(1, "is registered twice for the same time");
}

TEST(no_ranges_hold_nothing)
{
    made = NULL;
    CHECK_FOUND("10.0.0.1", "", 0, "");
    build();
    CHECK_FOUND("10.0.0.1", "", 0, "");
    origin_ranges_destroy(made);
    origin_ranges_destroy(NULL);
    struct fail fail = { .text = "" };
    CHECK_EQ(origin_ranges_create(ranges, ORIGIN_RANGES_MAX + 1, &made, NULL, &fail), ERR_LIMIT);
}

static void build_with_little_memory(void)
{
    struct origin_ranges *mine = NULL;
    if (origin_ranges_create(ranges, count, &mine, NULL, NULL) == ERR_OK) {
        origin_ranges_destroy(mine);
    }
}

TEST(a_lack_of_memory_is_an_error)
{
    put("10.0.0.0/8", "SG", "");
    put("10.1.0.0/16", "SG", "");
    CHECK_EQ(test_each_allocation_failing(build_with_little_memory), 4);
    count = 0;
}

/* The definition, word by word: every range is looked at. */
static const struct origin_range *slow_find(const struct ip *ip, struct str party, int64_t now_ns)
{
    const struct origin_range *best = NULL;
    for (size_t i = 0; i < count; i++) {
        const struct origin_range *range = &ranges[i];
        bool own = str_eq(range->party, party);
        if (!ip_block_holds(&range->block, ip) || (!own && range->party.len > 0) ||
            now_ns < range->valid_from_ns || now_ns >= range->valid_until_ns) {
            continue;
        }
        if (best == NULL || range->block.bits > best->block.bits ||
            (range->block.bits == best->block.bits && own && party.len > 0)) {
            best = range;
        }
    }
    return best;
}

static uint64_t random_state;

static uint32_t random_below(uint32_t limit)
{
    random_state = random_state * 6364136223846793005U + 1442695040888963407U;
    return (uint32_t)(random_state >> 33) % limit;
}

/* Few different bytes, so that blocks lie in each other and addresses in blocks. */
static struct ip random_ip(void)
{
    unsigned char bytes[16] = { 0x24 };
    bool four = random_below(2) == 0;
    for (size_t i = four ? 0 : 1; i < 16; i++) {
        bytes[i] = (unsigned char)(random_below(3) * 0x55);
    }
    return four ? ip_from_v4(bytes) : ip_from_v6(bytes);
}

static void random_range(struct origin_range *range)
{
    static const char *const parties[] = { "", "a", "b", "bb" };
    struct ip ip = random_ip();
    unsigned fixed = ip_is_v4(&ip) ? IP_V4_BITS : 0;
    unsigned bits = fixed + 8 + random_below(128 - 8 - fixed + 1);
    for (unsigned at = bits; at < 128; at++) {
        ip.bytes[at / 8] = (unsigned char)(ip.bytes[at / 8] & ~(0x80U >> (at % 8)));
    }
    *range = (struct origin_range){
        .block = { .first = ip, .bits = (uint8_t)bits },
        .country = { { (char)('A' + random_below(26)), (char)('A' + random_below(26)) } },
        .party = str_from(parties[random_below(4)]),
        .valid_from_ns = random_below(100),
    };
    range->valid_until_ns = range->valid_from_ns + 1 + random_below(100);
}

TEST(the_search_finds_what_the_definition_says)
{
    random_state = 1;
    for (int round = 0; round < 200; round++) {
        size_t wanted = 1 + random_below(300);
        count = 0;
        while (count < wanted) {
            random_range(&ranges[count]);
            bool clash = false;
            for (size_t i = 0; i < count; i++) {
                clash |= ranges[i].block.bits == ranges[count].block.bits &&
                         ip_eq(&ranges[i].block.first, &ranges[count].block.first) &&
                         str_eq(ranges[i].party, ranges[count].party);
            }
            wanted -= clash ? 1 : 0;
            count += clash ? 0 : 1;
        }
        CHECK_EQ(origin_ranges_create(ranges, count, &made, NULL, NULL), ERR_OK);
        for (int i = 0; i < 500; i++) {
            static const char *const askers[] = { "", "a", "b", "bb", "c" };
            struct ip ip = random_ip();
            struct str party = str_from(askers[random_below(5)]);
            int64_t now_ns = random_below(220);
            const struct origin_range *want = slow_find(&ip, party, now_ns);
            const struct origin_range *got = origin_ranges_find(made, &ip, party, now_ns);
            CHECK((want == NULL) == (got == NULL));
            CHECK(want == NULL || (want->block.bits == got->block.bits &&
                                   ip_eq(&want->block.first, &got->block.first) &&
                                   str_eq(want->party, got->party)));
        }
        origin_ranges_destroy(made);
    }
    count = 0;
}
