/* Connecting: names, several addresses, refusals and silence. */
#include <netinet/tcp.h>
#include <sys/resource.h>

#include "base/mem.h"
#include "buyer.h"

static struct address race_silent; /* takes no connection: its queue is full */

/* "dead" refuses, "both" refuses and then serves, "slow" is silent and then serves, else served. */
static enum err race_resolve(const char *name, struct lookup_answer *ret_answer)
{
    if (strcmp(name, "nowhere") == 0) {
        return ERR_NET_LOOKUP;
    }
    if (strcmp(name, "dead") == 0 || strcmp(name, "both") == 0) {
        ret_answer->addresses[ret_answer->count++] = test_address("127.0.0.2:0");
        ret_answer->addresses[ret_answer->count++] = test_address("[::1]:0");
    }
    if (strcmp(name, "many") == 0) {
        for (; ret_answer->count < LOOKUP_ADDRESSES_MAX - 1; ret_answer->count++) {
            ret_answer->addresses[ret_answer->count] = test_address("127.0.0.2:0");
        }
    }
    if (strcmp(name, "slow") == 0 || strcmp(name, "silent") == 0) {
        /* An address for documentation (RFC 5737): what is sent there is lost or refused. */
        ret_answer->addresses[ret_answer->count++] = race_silent;
    }
    if (strcmp(name, "dead") != 0 && strcmp(name, "silent") != 0) {
        ret_answer->addresses[ret_answer->count++] = test_address("127.0.0.1:0");
    }
    return ERR_OK;
}

static void start_named(struct order *order, struct buyer *buyer, struct str name)
{
    order_init(order, buyer);
    order->call.host = name;
    http_call_start(buyer->pool, &order->call);
}

TEST(a_name_is_looked_up_and_connected)
{
    struct buyer buyer;
    struct order order;
    struct peer peer;
    buyer_open_with(&buyer, upstream_pool_options_default(), race_resolve);
    start_named(&order, &buyer, STR("good"));
    peer_accept(&peer, buyer.loop, buyer.listener);
    UNTIL(buyer.loop, peer_has(&peer, STR("\r\n\r\n")));
    peer_send(&peer, STR(ANSWER_HELLO));
    UNTIL(buyer.loop, order_over(&order));
    CHECK_EQ(order.ends, 1);
    buf_fini(&order.body);
    peer_close(&peer);
    buyer_close(&buyer);
}

TEST(a_name_that_is_not_found_fails_the_call)
{
    struct buyer buyer;
    struct order order;
    buyer_open_with(&buyer, upstream_pool_options_default(), race_resolve);
    start_named(&order, &buyer, STR("nowhere"));
    UNTIL(buyer.loop, order_over(&order));
    CHECK_EQ(order.err, ERR_NET_LOOKUP);
    CHECK(strstr(order.fail.text, "\"nowhere\"") != NULL);
    buyer_close(&buyer);
}

TEST(addresses_that_refuse_are_passed_over_at_once)
{
    struct buyer buyer;
    struct order order;
    struct peer peer;
    buyer_open_with(&buyer, upstream_pool_options_default(), race_resolve);
    int64_t begun_ns = test_now_ns();
    start_named(&order, &buyer, STR("both"));
    peer_accept(&peer, buyer.loop, buyer.listener);
    UNTIL(buyer.loop, peer_has(&peer, STR("\r\n\r\n")));
    CHECK(test_now_ns() - begun_ns < 240 * MS);
    http_call_cancel(&order.call);
    peer_close(&peer);
    buyer_close(&buyer);
}

TEST(a_host_that_refuses_everywhere_fails_the_call)
{
    struct buyer buyer;
    struct order order;
    buyer_open_with(&buyer, upstream_pool_options_default(), race_resolve);
    start_named(&order, &buyer, STR("dead"));
    UNTIL(buyer.loop, order_over(&order));
    CHECK_EQ(order.err, ERR_UPSTREAM_CONNECT);
    CHECK(strstr(order.fail.text, "\"dead\" port ") != NULL);
    CHECK(strstr(order.fail.text, "2 of 2 addresses: could not connect") != NULL);
    CHECK_EQ(upstream_pool_connections(buyer.pool), 0);
    buyer_close(&buyer);
}

TEST(of_many_addresses_the_one_that_serves_is_found_at_once)
{
    struct buyer buyer;
    struct order order;
    struct peer peer;
    buyer_open_with(&buyer, upstream_pool_options_default(), race_resolve);
    int64_t begun_ns = test_now_ns();
    start_named(&order, &buyer, STR("many"));
    peer_accept(&peer, buyer.loop, buyer.listener);
    UNTIL(buyer.loop, peer_has(&peer, STR("\r\n\r\n")));
    CHECK(test_now_ns() - begun_ns < 240 * MS);
    CHECK_EQ(upstream_pool_connections(buyer.pool), 1);
    http_call_cancel(&order.call);
    peer_close(&peer);
    buyer_close(&buyer);
}

static int race_asked; /* questions for "moving" */

/* At first an address that refuses, later one that serves. */
static enum err race_resolve_moving(const char *name, struct lookup_answer *ret_answer)
{
    (void)name;
    ret_answer->addresses[0] = test_address(race_asked++ == 0 ? "127.0.0.2:0" : "127.0.0.1:0");
    ret_answer->count = 1;
    return ERR_OK;
}

TEST(a_host_that_has_moved_is_found_after_a_failure)
{
    struct buyer buyer;
    struct order order;
    struct peer peer;
    race_asked = 0;
    buyer_open_with(&buyer, upstream_pool_options_default(), race_resolve_moving);
    start_named(&order, &buyer, STR("moving"));
    UNTIL(buyer.loop, order_over(&order));
    CHECK_EQ(order.err, ERR_UPSTREAM_CONNECT);
    int64_t until_ns =
        test_now_ns() + 1010 * MS; /* an answer is a second old before it is doubted */
    UNTIL(buyer.loop, test_now_ns() > until_ns);
    start_named(&order, &buyer, STR("moving"));
    UNTIL(buyer.loop, order_over(&order));
    CHECK_EQ(order.err, ERR_UPSTREAM_CONNECT);
    start_named(&order, &buyer, STR("moving"));
    peer_accept(&peer, buyer.loop, buyer.listener);
    CHECK_EQ(race_asked, 2);
    http_call_cancel(&order.call);
    peer_close(&peer);
    buyer_close(&buyer);
}

TEST(a_refused_connection_fails_from_the_loop)
{
    struct buyer buyer;
    struct order order;
    buyer_open(&buyer);
    order_init(&order, &buyer);
    order.call.host = STR("127.0.0.3");
    http_call_start(buyer.pool, &order.call);
    CHECK_EQ(order.failures, 0);
    UNTIL(buyer.loop, order_over(&order));
    CHECK_EQ(order.err, ERR_UPSTREAM_CONNECT);
    CHECK_EQ(order.failures, 1);
    buyer_close(&buyer);
}

/* A listener with a full queue: the kernel answers no further connection. */
static void fill_queue(int listener, const struct address *address, int fds[4])
{
    CHECK_EQ(listen(listener, 0), 0);
    for (int i = 0; i < 4; i++) {
        fds[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        (void)connect(fds[i], &address->sock.any, address->len); /* some hang, as they shall */
    }
    struct tcp_info info = { .tcpi_unacked = 0 };
    socklen_t len = sizeof(info);
    do { /* of a listener: how many wait, and how many may */
        CHECK_EQ(getsockopt(listener, IPPROTO_TCP, TCP_INFO, &info, &len), 0);
    } while (info.tcpi_unacked <= info.tcpi_sacked);
}

static void empty_queue(int listener, const int fds[4])
{
    for (int i = 0; i < 4; i++) {
        (void)close(fds[i]);
    }
    (void)close(listener);
}

TEST(a_silent_address_costs_a_quarter_of_a_second)
{
    struct buyer buyer;
    struct order order;
    struct peer peer;
    int fds[4];
    buyer_open_with(&buyer, upstream_pool_options_default(), race_resolve);
    /* The same port on another address, because a name has one port for all. */
    int silent = socket(AF_INET, SOCK_STREAM, 0);
    struct address address = test_address("127.0.0.9:0");
    address.sock.v4.sin_port = buyer.address.sock.v4.sin_port;
    CHECK_EQ(bind(silent, &address.sock.any, address.len), 0);
    fill_queue(silent, &address, fds);
    race_silent = address;

    int64_t begun_ns = test_now_ns();
    start_named(&order, &buyer, STR("slow"));
    peer_accept(&peer, buyer.loop, buyer.listener);
    UNTIL(buyer.loop, peer_has(&peer, STR("\r\n\r\n")));
    CHECK(test_now_ns() - begun_ns >= 240 * MS);
    CHECK(test_now_ns() - begun_ns < 2000 * MS);
    UNTIL(buyer.loop, upstream_pool_connections(buyer.pool) == 1); /* the loser is closed */
    http_call_cancel(&order.call);
    peer_close(&peer);
    empty_queue(silent, fds);
    buyer_close(&buyer);
}

TEST(a_host_that_is_silent_everywhere_fails_in_time)
{
    struct upstream_pool_options options = upstream_pool_options_default();
    options.connect_ns = 200 * MS; /* the look-up is part of it, on a thread of its own */
    struct buyer buyer;
    struct order order;
    int fds[4];
    buyer_open_with(&buyer, options, race_resolve);
    int silent = socket(AF_INET, SOCK_STREAM, 0);
    struct address address = test_address("127.0.0.9:0");
    address.sock.v4.sin_port = buyer.address.sock.v4.sin_port;
    CHECK_EQ(bind(silent, &address.sock.any, address.len), 0);
    fill_queue(silent, &address, fds);
    race_silent = address;
    start_named(&order, &buyer, STR("silent"));
    UNTIL(buyer.loop, order_over(&order));
    CHECK_EQ(order.err, ERR_UPSTREAM_CONNECT);
    empty_queue(silent, fds);
    buyer_close(&buyer);
}

TEST(without_descriptors_it_is_our_fault_and_not_the_hosts)
{
    struct buyer buyer;
    struct order order;
    struct rlimit limit;
    buyer_open_with(&buyer, upstream_pool_options_default(), race_resolve);
    CHECK_EQ(getrlimit(RLIMIT_NOFILE, &limit), 0);
    struct rlimit none = limit;
    int next = dup(STDIN_FILENO); /* the descriptor that would be given next */
    CHECK(next >= 0);
    (void)close(next);
    none.rlim_cur = (rlim_t)next;
    CHECK_EQ(setrlimit(RLIMIT_NOFILE, &none), 0);
    start_named(&order, &buyer, STR("127.0.0.1"));
    UNTIL(buyer.loop, order_over(&order));
    CHECK_EQ(setrlimit(RLIMIT_NOFILE, &limit), 0);
    CHECK_EQ(order.err, ERR_NO_MEMORY);
    CHECK(strstr(order.fail.text, "could not make a socket") != NULL);
    buyer_close(&buyer);
}

TEST(a_call_may_be_cancelled_while_it_connects)
{
    int64_t blocks = mem_blocks_open();
    struct buyer buyer;
    struct order order;
    buyer_open_with(&buyer, upstream_pool_options_default(), race_resolve);
    for (int turns = 0; turns < 6; turns++) {
        start_named(&order, &buyer, turns % 2 == 0 ? STR("dead") : STR("good"));
        for (int i = 0; i < turns; i++) {
            (void)loop_turn(buyer.loop, false);
        }
        http_call_cancel(&order.call);
        buf_fini(&order.body);
    }
    test_settle(buyer.loop);
    CHECK_EQ(upstream_pool_connections(buyer.pool), 0);
    buyer_close(&buyer);
    CHECK_EQ(mem_blocks_open(), blocks);
}
