/*
 * WebSocket connections: by hand from a plain socket, and between our own two sides in a simulated
 * world, where bytes come in any pieces and at any time.
 */
#include "net/channel.h"

#include "base/mem.h"
#include "buyer.h"
#include "crypto/digest.h"
#include "loop/sim.h"
#include "shop.h"

#define BYTES(text) ((struct str){ (text), sizeof(text) - 1 })
#define ASK                                                                        \
    "GET /x HTTP/1.1\r\nhost: x\r\nupgrade: websocket\r\nconnection: upgrade\r\n"  \
    "sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n" \
    "sec-websocket-protocol: other, realtime\r\n\r\n"
#define ZEROS "\0\0\0\0" /* a mask that leaves all as it is */

/* ---- by hand ------------------------------------------------------------------------------ */

struct line {
    struct channel channel;
    struct channel_options options;
    struct buf got; /* "text;" */
    int opened;
    int closed;
    int drainings;
    uint16_t code;
    bool abort_at_message;
    bool close_at_message;
    bool pause_at_message;
};

static struct line line;

static void line_on_message(struct channel *channel, bool text, struct str data)
{
    CHECK(channel == &line.channel && text);
    CHECK(buf_append(&line.got, data) == ERR_OK && buf_byte(&line.got, ';') == ERR_OK);
    if (line.pause_at_message) {
        channel_pause(channel);
    }
    if (line.close_at_message) {
        channel_close(channel, 4001, STR("enough"));
    }
    if (line.abort_at_message) {
        channel_abort(channel);
    }
}

static void line_on_closed(struct channel *channel, uint16_t code, struct str reason)
{
    CHECK(channel == &line.channel && !channel_is_open(channel));
    (void)reason;
    line.closed++;
    line.code = code;
}

static const struct channel_events line_events = {
    .on_message = line_on_message,
    .on_closed = line_on_closed,
};

static void serve_line(struct http_exchange *x)
{
    struct str key;
    struct str protocol = STR_EMPTY;
    CHECK(websocket_asked(http_exchange_head(x), &key) == WEBSOCKET_ASKED);
    CHECK(websocket_offered(http_exchange_head(x), 1, &protocol));
    channel_accept(&line.channel, shop_of(x)->loop, x, key, protocol, STR("x-more: yes\r\n"));
}

static void line_open(struct shop *shop, struct peer *peer, struct channel_options options,
                      struct str first)
{
    CHECK_EQ(crypto_start(NULL), ERR_OK);
    line = (struct line){ .options = options };
    buf_init(&line.got, 1 << 20);
    channel_init(&line.channel, &line_events, &options);
    shop_open(shop, serve_line);
    peer_connect(peer, &shop->address, 0);
    struct buf all;
    buf_init(&all, 1 << 20);
    CHECK(buf_append(&all, STR(ASK)) == ERR_OK && buf_append(&all, first) == ERR_OK);
    peer_send(peer, buf_str(&all));
    buf_fini(&all);
    UNTIL(shop->loop, peer_has(peer, STR("\r\n\r\n")));
}

static void line_close(struct shop *shop, struct peer *peer)
{
    channel_abort(&line.channel);
    buf_fini(&line.got);
    peer_close(peer);
    shop_close(shop);
}

TEST(a_handshake_is_answered_and_what_came_with_it_is_read)
{
    struct shop shop;
    struct peer peer;
    line_open(&shop, &peer, channel_options_default(), BYTES("\x81\x82" ZEROS "hi"));
    CHECK_STR(peer_text(&peer),
              STR("HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\n"
                  "connection: upgrade\r\nsec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"
                  "sec-websocket-protocol: realtime\r\nx-more: yes\r\n\r\n"));
    UNTIL(shop.loop, line.got.len > 0);
    CHECK_STR(buf_str(&line.got), STR("hi;"));
    CHECK_STR(channel_protocol(&line.channel), STR("realtime"));
    CHECK(channel_send(&line.channel, true, STR("ho")) == ERR_OK);
    UNTIL(shop.loop, peer_has(&peer, BYTES("\x81\x02ho")));
    line_close(&shop, &peer);
}

struct bad_case {
    struct str bytes;
    struct str answer; /* the close frame's first bytes */
    uint16_t code;
};

static const struct bad_case bad_cases[] = {
    { STR_INIT("\x81\x02hi"), STR_INIT("\x03\xEA"), 1002 },          /* not masked */
    { STR_INIT("\x80\x82" ZEROS "hi"), STR_INIT("\x03\xEA"), 1002 }, /* continues nothing */
    { STR_INIT("\x83\x82" ZEROS "hi"), STR_INIT("\x03\xEA"), 1002 }, /* no such opcode */
    { STR_INIT("\x81\x81" ZEROS "\xFF"), STR_INIT("\x03\xEF"), 1007 },
    { STR_INIT("\x82\xFF\0\0\0\0\1\0\0\1" ZEROS), STR_INIT("\x03\xF1"), 1009 },
};

TEST(what_breaks_the_protocol_is_closed_with_its_code)
{
    for (size_t i = 0; i < EP_ARRAY_LEN(bad_cases); i++) {
        struct shop shop;
        struct peer peer;
        line_open(&shop, &peer, channel_options_default(), bad_cases[i].bytes);
        UNTIL(shop.loop, line.closed == 1);
        CHECK_EQ(line.code, bad_cases[i].code);
        UNTIL(shop.loop, peer_has(&peer, bad_cases[i].answer));
        CHECK(peer_has(&peer, BYTES("\r\n\r\n\x88")));
        UNTIL(shop.loop, peer_gone(&peer));
        CHECK(!peer.broken); /* its last words are read, whatever was on its way */
        CHECK_EQ(http_server_exchanges(shop.server), 0);
        line_close(&shop, &peer);
    }
}

TEST(pings_are_answered_and_a_close_is_echoed)
{
    struct shop shop;
    struct peer peer;
    line_open(&shop, &peer, channel_options_default(),
              BYTES("\x89\x81" ZEROS "p\x88\x85" ZEROS "\x0F\xA0why"));
    UNTIL(shop.loop, line.closed == 1);
    CHECK_EQ(line.code, 4000);
    UNTIL(shop.loop, peer_gone(&peer));
    CHECK(peer_has(&peer, BYTES("\r\n\r\n\x8A\x01p\x88\x02\x0F\xA0")));
    line_close(&shop, &peer);
}

TEST(a_client_that_just_goes_is_told)
{
    struct shop shop;
    struct peer peer;
    line_open(&shop, &peer, channel_options_default(), STR_EMPTY);
    peer_close(&peer);
    UNTIL(shop.loop, line.closed == 1);
    CHECK_EQ(line.code, WEBSOCKET_ABNORMAL);
    peer_connect(&peer, &shop.address, 0);
    line_close(&shop, &peer);
}

TEST(a_silent_client_is_pinged_and_then_given_up)
{
    struct shop shop;
    struct peer peer;
    struct channel_options options = channel_options_default();
    options.ping_ns = 400 * MS; /* time enough to be heard on a busy machine */
    line_open(&shop, &peer, options, STR_EMPTY);
    UNTIL(shop.loop, peer_has(&peer, BYTES("\x89\x00")));
    peer_send(&peer, BYTES("\x8A\x80" ZEROS));
    UNTIL(shop.loop, peer_count(&peer, BYTES("\x89\x00")) == 2); /* the answer was heard */
    UNTIL(shop.loop, line.closed == 1);
    CHECK_EQ(line.code, WEBSOCKET_ABNORMAL);
    line_close(&shop, &peer);
}

TEST(a_client_that_does_not_answer_our_close_is_cut)
{
    struct shop shop;
    struct peer peer;
    struct channel_options options = channel_options_default();
    options.close_ns = 50 * MS;
    line_open(&shop, &peer, options, STR_EMPTY);
    channel_close(&line.channel, WEBSOCKET_NORMAL, STR("bye"));
    CHECK(channel_send(&line.channel, true, STR("late")) == ERR_NET_CLOSED);
    UNTIL(shop.loop, line.closed == 1);
    CHECK_EQ(line.code, WEBSOCKET_NORMAL);
    UNTIL(shop.loop, peer_gone(&peer));
    CHECK(peer_has(&peer, BYTES("\x88\x05\x03\xE8"
                                "bye")));
    CHECK(!peer_has(&peer, STR("late")));
    line_close(&shop, &peer);
}

TEST(a_server_that_drains_says_that_it_goes_away)
{
    struct shop shop;
    struct peer peer;
    line_open(&shop, &peer, channel_options_default(), STR_EMPTY);
    http_server_drain(shop.server);
    UNTIL(shop.loop, peer_has(&peer, BYTES("\x03\xE9the server is shutting down")));
    peer_send(&peer, BYTES("\x88\x82" ZEROS "\x03\xE9"));
    UNTIL(shop.loop, line.closed == 1);
    CHECK_EQ(line.code, WEBSOCKET_GOING_AWAY);
    UNTIL(shop.loop, peer_gone(&peer));
    line_close(&shop, &peer);
}

TEST(a_message_may_end_or_halt_what_it_came_on)
{
    struct str two = BYTES("\x81\x81" ZEROS "a\x81\x81" ZEROS "b");
    for (int how = 0; how < 3; how++) {
        struct shop shop;
        struct peer peer;
        line_open(&shop, &peer, channel_options_default(), STR_EMPTY);
        line.abort_at_message = how == 0;
        line.close_at_message = how == 1;
        line.pause_at_message = how == 2;
        peer_send(&peer, two);
        UNTIL(shop.loop, line.got.len > 0);
        test_settle(shop.loop);
        CHECK_STR(buf_str(&line.got), STR("a;"));
        if (how == 2) {
            channel_resume(&line.channel);
            UNTIL(shop.loop, line.got.len > 2);
            CHECK_STR(buf_str(&line.got), STR("a;b;"));
        }
        line_close(&shop, &peer);
    }
}

enum {
    FRAME_DATA = 60000,
    FRAME_SIZE = FRAME_DATA + 8
};

/* Sends frames until no more go, or there are `most`; `loop` is turned in between, if it is not
 * NULL. Returns how many were begun and ended. */
static size_t line_pour(struct peer *peer, struct loop *loop, size_t most)
{
    static char frame[FRAME_SIZE] = "\x81\xFE\xEA\x60" ZEROS;
    size_t frames = 0;
    size_t at = 0;
    memset(frame + 8, 'c', FRAME_DATA);
    while (frames < most) {
        size_t sent = peer_send_some(peer, (struct str){ frame + at, FRAME_SIZE - at });
        if (sent == 0 && loop == NULL) {
            break;
        }
        at += sent;
        frames += at == FRAME_SIZE;
        at %= FRAME_SIZE;
        if (loop != NULL) {
            (void)loop_turn(loop, false);
        }
    }
    return frames;
}

/* More than is held is in the socket: its buffers have grown with what went through before. */
TEST(what_waits_in_the_socket_while_it_is_paused_is_read_behind_what_is_held)
{
    struct shop shop;
    struct peer peer;
    line_open(&shop, &peer, channel_options_default(), STR_EMPTY);
    buf_init(&line.got, (size_t)64 << 20);
    size_t before = line_pour(&peer, shop.loop, 300);
    UNTIL(shop.loop, line.got.len == before * (FRAME_DATA + 1));
    buf_reset(&line.got);
    line.pause_at_message = true;
    peer_send(&peer, BYTES("\x81\x81" ZEROS "a\x81\x81" ZEROS "b"));
    UNTIL(shop.loop, line.got.len > 0);
    size_t frames = line_pour(&peer, NULL, 200);
    line.pause_at_message = false;
    channel_resume(&line.channel);
    UNTIL(shop.loop, line.got.len >= 4 + frames * (FRAME_DATA + 1) || line.closed > 0);
    CHECK_EQ(line.closed, 0);
    CHECK(str_starts(buf_str(&line.got), STR("a;b;cc")));
    line_close(&shop, &peer);
}

static void line_on_open(struct channel *channel)
{
    CHECK(channel == &line.channel);
    line.opened++;
}

static void line_on_refused(struct channel *channel, int status, enum err err,
                            const struct fail *fail)
{
    (void)channel;
    (void)status;
    (void)err;
    CHECK(fail == NULL); /* it is not refused */
}

static const struct channel_events near_events = {
    .on_open = line_on_open,
    .on_refused = line_on_refused,
    .on_message = line_on_message,
    .on_closed = line_on_closed,
};

/* Answers the handshake by hand, and sends `first` behind it. */
static void line_connect(struct buyer *buyer, struct peer *peer, struct str first)
{
    struct channel_options options = channel_options_default();
    struct buf all;
    CHECK_EQ(crypto_start(NULL), ERR_OK);
    line = (struct line){ .pause_at_message = true };
    buf_init(&line.got, 1 << 20);
    channel_init(&line.channel, &near_events, &options);
    const struct channel_ask ask = {
        .host = STR("127.0.0.1"),
        .host_header = STR("here"),
        .target = STR("/"),
        .port = test_port(&buyer->address),
    };
    channel_connect(&line.channel, buyer->loop, buyer->pool, &ask);
    peer_accept(peer, buyer->loop, buyer->listener);
    UNTIL(buyer->loop, peer_has(peer, STR("\r\n\r\n")));
    buf_init(&all, 1 << 20);
    CHECK(buf_append(&all, STR("HTTP/1.1 101 x\r\n")) == ERR_OK);
    struct str key = { line.channel.key, sizeof(line.channel.key) };
    CHECK(websocket_write_accept(&all, key, STR_EMPTY, digest_sha1) == ERR_OK);
    CHECK(buf_append(&all, STR("\r\n")) == ERR_OK && buf_append(&all, first) == ERR_OK);
    peer_send(peer, buf_str(&all));
    buf_fini(&all);
}

TEST(the_last_words_of_an_upstream_are_told_before_its_end)
{
    for (int again = 0; again < 2; again++) {
        struct buyer buyer;
        struct peer peer;
        buyer_open(&buyer);
        line_connect(&buyer, &peer,
                     BYTES("\x81\x01"
                           "a\x81\x01"
                           "b"));
        UNTIL(buyer.loop, line.got.len > 0);
        CHECK_EQ(line.opened, 1);
        peer_send(&peer, BYTES("\x88\x02\x0F\xA0"));
        peer_close(&peer);
        test_settle(buyer.loop);
        CHECK_STR(buf_str(&line.got), STR("a;"));
        line.pause_at_message = again == 1; /* behind the second, too */
        channel_resume(&line.channel);
        UNTIL(buyer.loop, line.got.len > 2);
        test_settle(buyer.loop);
        CHECK_EQ(line.closed, 1 - again);
        channel_resume(&line.channel);
        UNTIL(buyer.loop, line.closed == 1);
        CHECK_STR(buf_str(&line.got), STR("a;b;"));
        CHECK_EQ(line.code, 4000);
        buf_fini(&line.got);
        buyer_close(&buyer);
    }
}

/* ---- in a simulated world ----------------------------------------------------------------- */

enum {
    CALLS = 12,
    SEEDS = 120,
    MESSAGES = 12,
    SIZE_MAX_SENT = 90000
};

static char town_text[SIZE_MAX_SENT];

struct town;

/* A client that sends messages and gets each back. */
struct visit {
    struct channel channel;
    struct town *town;
    struct timer timer;
    size_t sizes[MESSAGES];
    int sent;
    int back;
    int opened;
    int ends;
    uint16_t code;
    bool started;
    bool cut; /* by ourselves */
};

/* Its other side. */
struct echo {
    struct channel channel;
    struct town *town;
    int closed;
};

struct town {
    struct sim *sim;
    struct loop *near;
    struct loop *far;
    struct worker_pool *workers;
    struct lookup *lookup;
    struct upstream_pool *pool;
    struct http_server *server;
    struct address address;
    struct visit visits[CALLS];
    int echoes;
    int whole;
    int cuts;
    int paused;
    int away;
    bool drained;
};

static struct town town;

static uint64_t chance(uint64_t below)
{
    return sim_random(town.sim) % below;
}

static void echo_on_message(struct channel *channel, bool text, struct str data)
{
    if (chance(150) == 0) {
        channel_close(channel, 4002, STR("a whim"));
        return;
    }
    if (channel_send(channel, text, data) != ERR_OK) {
        channel_close(channel, WEBSOCKET_FAULT, STR("too much"));
    }
    if (channel_pending(channel) > HTTP_PENDING_LOW) {
        town.paused++;
        channel_pause(channel);
    }
}

static void echo_on_drained(struct channel *channel)
{
    channel_resume(channel);
}

static void echo_on_closed(struct channel *channel, uint16_t code, struct str reason)
{
    struct echo *echo = EP_CONTAINER(channel, struct echo, channel);
    (void)reason;
    CHECK(code >= 1000);
    town.echoes--;
    mem_free(echo);
}

static const struct channel_events echo_events = {
    .on_message = echo_on_message,
    .on_drained = echo_on_drained,
    .on_closed = echo_on_closed,
};

static void town_on_request(struct http_exchange *x)
{
    struct str key;
    struct channel_options options = channel_options_default();
    if (websocket_asked(http_exchange_head(x), &key) != WEBSOCKET_ASKED || chance(10) == 0) {
        http_respond(x, 403, STR_EMPTY, STR("no"));
        return;
    }
    struct echo *echo = mem_zalloc(sizeof(*echo));
    CHECK(echo != NULL);
    channel_init(&echo->channel, &echo_events, &options);
    town.echoes++;
    channel_accept(&echo->channel, town.far, x, key, STR_EMPTY, STR_EMPTY);
}

static void town_on_gone(struct http_exchange *x)
{
    (void)x;
    CHECK(false && "an upgraded exchange tells its channel");
}

static const struct http_events town_events = {
    .on_request = town_on_request,
    .on_gone = town_on_gone,
};

static struct visit *visit_of(struct channel *channel)
{
    return EP_CONTAINER(channel, struct visit, channel);
}

static void visit_later(struct visit *visit, uint64_t within_ns)
{
    int64_t at_ns = loop_now_ns(town.near) + (int64_t)chance(within_ns);
    CHECK_EQ(timer_start(town.near, &visit->timer, at_ns), ERR_OK);
}

static void visit_on_open(struct channel *channel)
{
    visit_of(channel)->opened++;
}

static void visit_on_refused(struct channel *channel, int status, enum err err,
                             const struct fail *fail)
{
    CHECK(fail->text[0] != '\0');
    CHECK(status == 403 ? err == ERR_OK : err != ERR_OK && town.drained);
    visit_of(channel)->ends++;
}

static void visit_on_message(struct channel *channel, bool text, struct str data)
{
    struct visit *visit = visit_of(channel);
    CHECK(visit->back < visit->sent && text == (visit->back % 2 == 0));
    CHECK_STR(data, ((struct str){ town_text, visit->sizes[visit->back] }));
    visit->back++;
    if (visit->back == MESSAGES) {
        channel_close(channel, WEBSOCKET_NORMAL, STR_EMPTY);
    }
}

static void visit_on_closed(struct channel *channel, uint16_t code, struct str reason)
{
    struct visit *visit = visit_of(channel);
    (void)reason;
    visit->ends++;
    visit->code = code;
    town.whole += visit->back == MESSAGES;
    town.away += code == WEBSOCKET_GOING_AWAY;
}

static const struct channel_events visit_events = {
    .on_open = visit_on_open,
    .on_refused = visit_on_refused,
    .on_message = visit_on_message,
    .on_closed = visit_on_closed,
};

static void visit_begin(struct visit *visit)
{
    static const struct channel_ask ask = {
        .host = STR_INIT("127.0.0.1"),
        .host_header = STR_INIT("here"),
        .target = STR_INIT("/"),
    };
    struct channel_ask to = ask;
    to.port = test_port(&town.address);
    visit->started = true;
    channel_connect(&visit->channel, town.near, town.pool, &to);
}

static void visit_on_timer(struct timer *timer)
{
    struct visit *visit = EP_CONTAINER(timer, struct visit, timer);
    if (!visit->started) {
        visit_begin(visit);
    } else if (visit->ends > 0) {
        return;
    } else if (chance(60) == 0) {
        visit->cut = true;
        town.cuts++;
        channel_abort(&visit->channel);
        return;
    } else if (chance(3) == 0) {
        channel_pause(&visit->channel);
    } else if (chance(2) == 0) {
        channel_resume(&visit->channel);
    }
    if (visit->sent < MESSAGES && channel_is_open(&visit->channel)) {
        size_t size = chance(2) == 0 ? chance(200) : chance(SIZE_MAX_SENT);
        visit->sizes[visit->sent] = size;
        CHECK(channel_send(&visit->channel, visit->sent % 2 == 0,
                           (struct str){ town_text, size }) == ERR_OK);
        visit->sent++;
    } else {
        channel_resume(&visit->channel);
    }
    visit_later(visit, 8000000);
}

static void town_open(uint64_t seed)
{
    struct sim_options options = sim_options_default(seed);
    struct lookup_options names = lookup_options_default();
    struct upstream_pool_options pool = upstream_pool_options_default();
    struct http_server_options server = http_server_options_default();
    struct channel_options channel = channel_options_default();
    struct address any = test_address("127.0.0.1:0");
    town = (struct town){ .echoes = 0 };
    options.window_bytes = 1000 + seed * 977 % 60000;
    server.events = &town_events;
    CHECK_EQ(sim_create(&options, &town.sim, NULL), ERR_OK);
    CHECK_EQ(loop_create_sim(town.sim, &town.near, NULL), ERR_OK);
    CHECK_EQ(loop_create_sim(town.sim, &town.far, NULL), ERR_OK);
    CHECK_EQ(worker_pool_create_sim(town.sim, 8, &town.workers, NULL), ERR_OK);
    CHECK_EQ(lookup_create(town.near, town.workers, &names, &town.lookup, NULL), ERR_OK);
    CHECK_EQ(upstream_pool_create(town.near, town.lookup, &pool, &town.pool, NULL), ERR_OK);
    CHECK_EQ(http_server_create(town.far, &server, &town.server, NULL), ERR_OK);
    CHECK_EQ(http_server_listen(town.server, &any, NULL, &town.address, NULL), ERR_OK);
    for (int i = 0; i < CALLS; i++) {
        struct visit *visit = &town.visits[i];
        visit->town = &town;
        channel_init(&visit->channel, &visit_events, &channel);
        timer_init(&visit->timer, visit_on_timer);
        visit_later(visit, 200000000);
    }
}

static void town_close(void)
{
    upstream_pool_destroy(town.pool);
    http_server_destroy(town.server);
    worker_pool_destroy(town.workers);
    lookup_destroy(town.lookup);
    loop_destroy(town.near);
    loop_destroy(town.far);
    sim_destroy(town.sim);
}

static uint64_t live(uint64_t seed, int totals[4])
{
    town_open(seed);
    if (seed % 4 == 0) {
        sim_run(town.sim, sim_now_ns(town.sim) + 150000000);
        town.drained = true;
        http_server_drain(town.server);
        http_server_stop_accepting(town.server);
    }
    sim_run(town.sim, INT64_MAX);
    for (int i = 0; i < CALLS; i++) {
        const struct visit *visit = &town.visits[i];
        CHECK(visit->ends + visit->cut == 1);
        CHECK(visit->opened <= 1);
    }
    CHECK_EQ(town.echoes, 0);
    CHECK_EQ(http_server_exchanges(town.server), 0);
    CHECK_EQ(http_server_connections(town.server), 0);
    CHECK_EQ(upstream_pool_connections(town.pool), 0);
    totals[0] += town.whole;
    totals[1] += town.cuts;
    totals[2] += town.paused;
    totals[3] += town.away;
    uint64_t history = sim_history(town.sim);
    town_close();
    return history;
}

TEST(each_connection_has_one_end_and_messages_come_whole_and_in_order)
{
    CHECK_EQ(crypto_start(NULL), ERR_OK);
    int64_t blocks = mem_blocks_open();
    int totals[4] = { 0 };
    for (size_t i = 0; i < sizeof(town_text); i++) {
        town_text[i] = (char)('a' + i % 23);
    }
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        (void)live(seed, totals);
        CHECK_EQ(mem_blocks_open(), blocks);
    }
    for (size_t i = 0; i < EP_ARRAY_LEN(totals); i++) {
        CHECK(totals[i] > 30); /* all of it has been seen */
    }
}
