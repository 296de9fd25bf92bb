/* Calls over real sockets, from wherever a proxy says, and what is said of their origin. */
#include "gate/origin_of.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "../net/shop.h"
#include "base/mem.h"
#include "gate/snapshot.h"
#include "mmdb_make.h"

static struct gate_snapshot snapshot;
static struct origin_asker asker;

/* "[STATE COUNTRIES registered]" */
static void tell_origin(struct http_exchange *x)
{
    struct origin origin;
    char room[128];
    struct buf out = { room, 0, sizeof(room), sizeof(room) };
    origin_of(x, &snapshot, &asker, &origin);
    CHECK_EQ(buf_printf(&out, "[" STR_FMT, STR_ARG(origin_state_name(origin.state))), ERR_OK);
    for (size_t i = 0; i < origin.count; i++) {
        CHECK_EQ(buf_printf(&out, " %.2s", origin.country[i].code), ERR_OK);
    }
    CHECK_EQ(buf_printf(&out, "%s]", origin.registered ? " registered" : ""), ERR_OK);
    CHECK_EQ(origin.said_count, geo_count(snapshot.geo));
    http_respond(x, 200, STR_EMPTY, buf_str(&out));
}

static struct shop shop;
static struct ip_block trusted;
static char paths[2][64];

static void open_geo(const char *const *first, const char *const *second)
{
    const struct str names[] = { str_from(paths[0]), str_from(paths[1]) };
    mmdb_make_file(paths[0], first);
    mmdb_make_file(paths[1], second);
    geo_unref(snapshot.geo);
    snapshot.geo = NULL;
    CHECK_EQ(geo_open(names, 2, &snapshot.geo, NULL), ERR_OK);
}

static void begin(void)
{
    static const char *const first[] = { "1.0.0.0/8", "SG", "2.0.0.0/8", "CN",
                                         "3.0.0.0/8", "HK", NULL };
    static const char *const second[] = { "1.0.0.0/8", "US", "2.0.0.0/8", "CN",
                                          "3.0.0.0/8", "CN", NULL };
    for (int i = 0; i < 2; i++) {
        (void)snprintf(paths[i], sizeof(paths[i]), "/tmp/entrepot-origin-%d-%d.mmdb", (int)getpid(),
                       i);
    }
    snapshot = (struct gate_snapshot){ .geo = NULL };
    asker = (struct origin_asker){ .ranges = NULL };
    open_geo(first, second);
    shop_open(&shop, tell_origin);
    CHECK(ip_block_parse(STR("127.0.0.1"), &trusted));
    http_server_trust(shop.server, &trusted, 1);
}

static void end(void)
{
    shop_close(&shop);
    geo_unref(snapshot.geo);
    CHECK_EQ(unlink(paths[0]) | unlink(paths[1]), 0);
}

/* On a connection of its own, or on the one of `peer`. */
static void check_origin(struct peer *peer, const char *from, const char *want)
{
    struct peer own;
    char text[256];
    bool alone = peer == NULL;
    if (alone) {
        peer = &own;
        peer_connect(peer, &shop.address, 0);
    }
    buf_reset(&peer->got);
    int len = snprintf(text, sizeof(text), "GET / HTTP/1.1\r\nhost: x\r\n%s%s%s\r\n",
                       from == NULL ? "" : "x-forwarded-for: ", from == NULL ? "" : from,
                       from == NULL ? "" : "\r\n");
    CHECK(len > 0 && (size_t)len < sizeof(text));
    peer_send(peer, (struct str){ text, (size_t)len });
    UNTIL(shop.loop, peer_has(peer, STR("]")));
    if (!str_ends(peer_text(peer), str_from(want))) {
        test_failed(EP_SITE, "from %s: " STR_FMT ", not %s", from == NULL ? "here" : from,
                    STR_ARG(peer_text(peer)), want);
    }
    if (alone) {
        peer_close(peer);
    }
}

TEST(the_origin_is_that_of_the_client_and_not_of_the_proxy)
{
    int64_t blocks = mem_blocks_open();
    begin();
    check_origin(NULL, "1.2.3.4", "[overseas SG US]");
    check_origin(NULL, "::ffff:1.2.3.4", "[overseas SG US]");
    check_origin(NULL, "2.2.3.4", "[cn CN]");
    check_origin(NULL, "1.2.3.4, 2.2.3.4", "[cn CN]");
    check_origin(NULL, "3.2.3.4", "[unsure HK CN]");
    check_origin(NULL, "4.2.3.4", "[unknown]");
    check_origin(NULL, "10.2.3.4", "[unknown]");
    check_origin(NULL, "rubbish", "[unknown]");
    check_origin(NULL, NULL, "[unknown]");
    end();
    CHECK_EQ(mem_blocks_open(), blocks);
}

TEST(a_registered_range_clears_up_a_doubt_for_its_party)
{
    struct origin_range range = { .country = { { 'H', 'K' } },
                                  .party = STR("kancil"),
                                  .valid_from_ns = 100,
                                  .valid_until_ns = 200 };
    struct origin_ranges *ranges = NULL;
    begin();
    CHECK(ip_block_parse(STR("3.2.0.0/16"), &range.block));
    CHECK_EQ(origin_ranges_create(&range, 1, &ranges, NULL, NULL), ERR_OK);
    asker = (struct origin_asker){ .ranges = ranges, .party = STR("kancil"), .now_ns = 100 };
    check_origin(NULL, "3.2.3.4", "[overseas HK registered]");
    check_origin(NULL, "3.3.3.4", "[unsure HK CN]");
    asker.now_ns = 200;
    check_origin(NULL, "3.2.3.4", "[unsure HK CN]");
    asker.now_ns = 100;
    asker.party = STR("other");
    check_origin(NULL, "3.2.3.4", "[unsure HK CN]");
    asker.ranges = NULL;
    check_origin(NULL, "3.2.3.4", "[unsure HK CN]");
    end();
    origin_ranges_destroy(ranges);
}

TEST(what_is_kept_with_a_connection_is_only_what_still_holds)
{
    static const char *const other[] = { "1.0.0.0/8", "CN", NULL };
    struct peer peer;
    begin();
    peer_connect(&peer, &shop.address, 0);
    check_origin(&peer, "1.2.3.4", "[overseas SG US]");
    check_origin(&peer, "1.2.3.4", "[overseas SG US]");
    check_origin(&peer, "2.2.3.4", "[cn CN]"); /* another client behind the same proxy */
    check_origin(&peer, "1.2.3.4", "[overseas SG US]");
    check_origin(&peer, NULL, "[unknown]");
    check_origin(&peer, "1.2.3.4", "[overseas SG US]");
    open_geo(other, other); /* as a reload does */
    check_origin(&peer, "1.2.3.4", "[cn CN]");
    struct geo *geo = snapshot.geo;
    snapshot.geo = NULL;
    check_origin(&peer, "1.2.3.4", "[unknown]");
    snapshot.geo = geo;
    check_origin(&peer, "1.2.3.4", "[cn CN]");
    peer_close(&peer);
    end();
}

TEST(without_databases_only_a_registration_tells)
{
    struct origin_range range = { .country = { { 'S', 'G' } },
                                  .valid_from_ns = 0,
                                  .valid_until_ns = 1 };
    struct origin_ranges *ranges = NULL;
    begin();
    geo_unref(snapshot.geo);
    snapshot.geo = NULL;
    check_origin(NULL, "2.2.3.4", "[unknown]");
    CHECK(ip_block_parse(STR("127.0.0.0/8"), &range.block));
    CHECK_EQ(origin_ranges_create(&range, 1, &ranges, NULL, NULL), ERR_OK);
    asker.ranges = ranges;
    check_origin(NULL, "127.0.0.2", "[overseas SG registered]");
    check_origin(NULL, NULL, "[unknown]"); /* the proxy's own address is nobody's */
    end();
    origin_ranges_destroy(ranges);
}
