/* TLS: streams, contexts, and HTTP over both. Certificates are made for the run. */
#include "net/tls.h"

#include <stdio.h>
#include <sys/ioctl.h>

#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "base/mem.h"
#include "buyer.h"
#include "net/stream.h"
#include "shop.h"

/* ---- certificates ------------------------------------------------------------------------ */

struct authority {
    EVP_PKEY *key;
    X509 *cert;
};

static char folder[] = "/tmp/net-tls-XXXXXX";
static char path_ca[64];
static char path_other_ca[64];
static char path_cert[64];
static char path_key[64];
static char path_old_cert[64];
static char path_broken[64];

static void add_extension(X509 *cert, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX context;
    X509V3_set_ctx(&context, issuer, cert, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
    CHECK(extension != NULL);
    CHECK_EQ(X509_add_ext(cert, extension, -1), 1);
    X509_EXTENSION_free(extension);
}

/* `names` NULL: an authority of its own. */
static X509 *make_cert(EVP_PKEY *key, const struct authority *issuer, const char *name,
                       const char *names, long until_s)
{
    static long serial;
    X509 *cert = X509_new();
    CHECK(cert != NULL);
    CHECK_EQ(X509_set_version(cert, 2), 1);
    CHECK_EQ(ASN1_INTEGER_set(X509_get_serialNumber(cert), ++serial), 1);
    CHECK(X509_gmtime_adj(X509_getm_notBefore(cert), -86400) != NULL);
    CHECK(X509_gmtime_adj(X509_getm_notAfter(cert), until_s) != NULL);
    CHECK_EQ(X509_set_pubkey(cert, key), 1);
    X509_NAME *subject = X509_get_subject_name(cert);
    CHECK_EQ(X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC,
                                        (const unsigned char *)(const void *)name, -1, -1, 0),
             1);
    X509 *by = issuer == NULL ? cert : issuer->cert;
    CHECK_EQ(X509_set_issuer_name(cert, X509_get_subject_name(by)), 1);
    if (names == NULL) {
        add_extension(cert, by, NID_basic_constraints, "critical,CA:TRUE");
    } else {
        add_extension(cert, by, NID_subject_alt_name, names);
    }
    CHECK(X509_sign(cert, issuer == NULL ? key : issuer->key, EVP_sha256()) > 0);
    return cert;
}

static void write_cert(char path[64], const char *name, X509 *cert)
{
    (void)snprintf(path, 64, "%s/%s", folder, name);
    FILE *file = fopen(path, "w");
    CHECK(file != NULL);
    CHECK_EQ(PEM_write_X509(file, cert), 1);
    CHECK_EQ(fclose(file), 0);
}

static void write_files(void)
{
    static bool done;
    if (done) {
        return;
    }
    done = true;
    CHECK(mkdtemp(folder) != NULL);
    struct authority ca = { .key = EVP_EC_gen("P-256") };
    struct authority other = { .key = EVP_EC_gen("P-256") };
    EVP_PKEY *key = EVP_EC_gen("P-256");
    ca.cert = make_cert(ca.key, NULL, "test authority", NULL, 86400);
    other.cert = make_cert(other.key, NULL, "another authority", NULL, 86400);
    X509 *cert = make_cert(key, &ca, "x", "DNS:good.test,DNS:two.test,IP:127.0.0.1", 86400);
    X509 *old = make_cert(key, &ca, "x", "DNS:good.test,IP:127.0.0.1", -3600);
    write_cert(path_ca, "ca.pem", ca.cert);
    write_cert(path_other_ca, "other.pem", other.cert);
    write_cert(path_cert, "cert.pem", cert);
    write_cert(path_old_cert, "old.pem", old);
    (void)snprintf(path_key, sizeof(path_key), "%s/key.pem", folder);
    (void)snprintf(path_broken, sizeof(path_broken), "%s/broken.pem", folder);
    FILE *file = fopen(path_key, "w");
    CHECK(file != NULL);
    CHECK_EQ(PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL), 1);
    CHECK_EQ(fclose(file), 0);
    file = fopen(path_broken, "w");
    CHECK(file != NULL && fputs("-----BEGIN CERTIFICATE-----\nAAAA\n", file) >= 0);
    CHECK_EQ(fclose(file), 0);
    X509_free(ca.cert);
    X509_free(other.cert);
    X509_free(cert);
    X509_free(old);
    EVP_PKEY_free(ca.key);
    EVP_PKEY_free(other.key);
    EVP_PKEY_free(key);
}

__attribute__((destructor)) static void remove_files(void)
{
    const char *const paths[] = { path_ca,  path_other_ca, path_cert,
                                  path_key, path_old_cert, path_broken };
    for (size_t i = 0; i < EP_ARRAY_LEN(paths); i++) {
        (void)unlink(paths[i]);
    }
    (void)rmdir(folder);
}

static struct tls_context *server_context(void)
{
    struct tls_context *tls = NULL;
    write_files();
    CHECK_EQ(tls_server_create(path_cert, path_key, &tls, NULL), ERR_OK);
    return tls;
}

static struct tls_context *client_context(const char *ca)
{
    struct tls_context *tls = NULL;
    write_files();
    CHECK_EQ(tls_client_create(ca, &tls, NULL), ERR_OK);
    return tls;
}

/* ---- contexts ---------------------------------------------------------------------------- */

TEST(files_that_are_missing_or_broken_are_reported)
{
    int64_t blocks = mem_blocks_open();
    struct tls_context *tls = NULL;
    struct fail fail;
    write_files();
    CHECK_EQ(tls_server_create("/nowhere", path_key, &tls, &fail), ERR_TLS);
    CHECK(strstr(fail.text, "certificate") != NULL);
    CHECK_EQ(tls_server_create(path_broken, path_key, &tls, &fail), ERR_TLS);
    CHECK_EQ(tls_server_create(path_cert, "/nowhere", &tls, &fail), ERR_TLS);
    CHECK(strstr(fail.text, "key") != NULL);
    CHECK_EQ(tls_server_create(path_ca, path_key, &tls, &fail), ERR_TLS); /* not its key */
    CHECK_EQ(tls_client_create("/nowhere", &tls, &fail), ERR_TLS);
    CHECK_EQ(tls_client_create(path_broken, &tls, &fail), ERR_TLS);
    CHECK(tls == NULL);
    CHECK_EQ(ERR_peek_error(), 0);
    tls_context_destroy(NULL);
    CHECK_EQ(mem_blocks_open(), blocks);
}

TEST(each_context_has_a_number_of_its_own)
{
    struct tls_context *first = client_context(path_ca);
    struct tls_context *second = client_context(NULL);
    CHECK(tls_context_id(first) != tls_context_id(second));
    CHECK(tls_context_id(first) != 0);
    tls_context_destroy(first);
    tls_context_destroy(second);
}

/* ---- streams ----------------------------------------------------------------------------- */

struct side {
    struct stream stream;
    enum err shaken; /* ERR_BUSY: not yet */
    struct fail fail;
};

static void on_ready(struct stream *stream, unsigned events)
{
    (void)events;
    struct side *side = EP_CONTAINER(stream, struct side, stream);
    if (side->shaken == ERR_BUSY) {
        side->shaken = stream_handshake(stream, &side->fail);
    }
}

static void sides_open(struct loop *loop, struct side *server, struct side *client)
{
    int fds[2];
    CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
    struct side *const sides[] = { server, client };
    for (int i = 0; i < 2; i++) {
        *sides[i] = (struct side){ .shaken = ERR_BUSY };
        stream_init(&sides[i]->stream, loop, on_ready);
        CHECK_EQ(stream_open(&sides[i]->stream, fds[i], NULL), ERR_OK);
    }
}

/* Both sides shaken, whatever came of it. */
static void sides_shake(struct loop *loop, struct side *server, struct side *client, const char *ca,
                        struct str host)
{
    struct tls_context *ours = server_context();
    struct tls_context *theirs = client_context(ca);
    sides_open(loop, server, client);
    CHECK_EQ(stream_secure_server(&server->stream, ours, NULL), ERR_OK);
    CHECK_EQ(stream_secure_client(&client->stream, theirs, host, NULL), ERR_OK);
    tls_context_destroy(ours); /* streams keep what they need */
    tls_context_destroy(theirs);
    UNTIL(loop, server->shaken != ERR_BUSY && client->shaken != ERR_BUSY);
}

static void sides_close(struct loop *loop, struct side *server, struct side *client)
{
    stream_close(&server->stream);
    stream_close(&client->stream);
    loop_destroy(loop);
    CHECK_EQ(ERR_peek_error(), 0);
}

TEST(sides_that_trust_each_other_agree_and_the_name_is_sent)
{
    int64_t blocks = mem_blocks_open();
    struct loop *loop = test_loop();
    struct side server;
    struct side client;
    sides_shake(loop, &server, &client, path_ca, STR("good.test"));
    CHECK_EQ(server.shaken, ERR_OK);
    CHECK_EQ(client.shaken, ERR_OK);
    CHECK_STR(stream_tls_name(&server.stream), STR("good.test"));
    const unsigned char *protocol = NULL;
    unsigned len = 0;
    SSL_get0_alpn_selected(client.stream.tls, &protocol, &len);
    CHECK_EQ(len, 8);
    CHECK(memcmp(protocol, "http/1.1", 8) == 0);
    sides_close(loop, &server, &client);
    CHECK_EQ(mem_blocks_open(), blocks);
}

TEST(a_literal_address_is_verified_and_not_sent_as_a_name)
{
    struct loop *loop = test_loop();
    struct side server;
    struct side client;
    sides_shake(loop, &server, &client, path_ca, STR("127.0.0.1"));
    CHECK_EQ(client.shaken, ERR_OK);
    CHECK_STR(stream_tls_name(&server.stream), STR(""));
    sides_close(loop, &server, &client);
}

TEST(a_server_that_cannot_be_verified_is_refused)
{
    static const struct {
        const char *ca;
        struct str host;
    } cases[] = {
        { path_other_ca, STR_INIT("good.test") }, { NULL, STR_INIT("good.test") },
        { path_ca, STR_INIT("bad.test") },        { path_ca, STR_INIT("sub.good.test") },
        { path_ca, STR_INIT("127.0.0.2") },
    };
    for (size_t i = 0; i < EP_ARRAY_LEN(cases); i++) {
        struct loop *loop = test_loop();
        struct side server;
        struct side client;
        sides_shake(loop, &server, &client, cases[i].ca, cases[i].host);
        CHECK_EQ(client.shaken, ERR_UPSTREAM_TLS);
        CHECK(strstr(client.fail.text, "could not verify") != NULL);
        sides_close(loop, &server, &client);
    }
}

TEST(a_certificate_that_has_ended_is_refused)
{
    struct loop *loop = test_loop();
    struct side server;
    struct side client;
    struct tls_context *theirs = client_context(path_ca);
    struct tls_context *ours = NULL;
    CHECK_EQ(tls_server_create(path_old_cert, path_key, &ours, NULL), ERR_OK);
    sides_open(loop, &server, &client);
    CHECK_EQ(stream_secure_server(&server.stream, ours, NULL), ERR_OK);
    CHECK_EQ(stream_secure_client(&client.stream, theirs, STR("good.test"), NULL), ERR_OK);
    UNTIL(loop, client.shaken != ERR_BUSY);
    CHECK_EQ(client.shaken, ERR_UPSTREAM_TLS);
    CHECK(strstr(client.fail.text, "expired") != NULL);
    tls_context_destroy(ours);
    tls_context_destroy(theirs);
    sides_close(loop, &server, &client);
}

TEST(what_cannot_be_a_host_is_refused)
{
    static char longer[300];
    memset(longer, 'a', sizeof(longer));
    struct loop *loop = test_loop();
    struct side server;
    struct side client;
    struct tls_context *theirs = client_context(path_ca);
    sides_open(loop, &server, &client);
    const struct str hosts[] = { STR(""), STR("good.test\0.bad.test"), { longer, 300 } };
    for (size_t i = 0; i < EP_ARRAY_LEN(hosts); i++) {
        CHECK_EQ(stream_secure_client(&client.stream, theirs, hosts[i], NULL), ERR_UPSTREAM_TLS);
    }
    tls_context_destroy(theirs);
    sides_close(loop, &server, &client);
}

TEST(a_peer_that_speaks_no_tls_is_refused)
{
    struct loop *loop = test_loop();
    struct side server;
    struct side client;
    struct tls_context *ours = server_context();
    struct tls_context *theirs = client_context(path_ca);
    char text[] = "GET / HTTP/1.1\r\nhost: x\r\n\r\n";
    struct iovec part = { text, sizeof(text) - 1 };
    size_t len = 0;
    sides_open(loop, &server, &client);
    CHECK_EQ(stream_secure_server(&server.stream, ours, NULL), ERR_OK);
    client.shaken = ERR_OK;
    CHECK_EQ(stream_write(&client.stream, &part, 1, &len), ERR_OK);
    UNTIL(loop, server.shaken != ERR_BUSY);
    CHECK_EQ(server.shaken, ERR_TLS);
    sides_close(loop, &server, &client);

    loop = test_loop();
    sides_open(loop, &server, &client);
    CHECK_EQ(stream_secure_client(&client.stream, theirs, STR("good.test"), NULL), ERR_OK);
    CHECK_EQ(stream_handshake(&client.stream, NULL), ERR_BUSY);
    stream_close(&server.stream);
    UNTIL(loop, client.shaken != ERR_BUSY);
    CHECK(client.shaken != ERR_OK);
    tls_context_destroy(ours);
    tls_context_destroy(theirs);
    sides_close(loop, &server, &client);
}

/* Writes parts of odd sizes until `total` has gone; the reader takes what comes. */
TEST(much_goes_through_whole_and_in_order)
{
    static char bytes[100000];
    size_t total = (size_t)20 << 20;
    size_t sent = 0;
    size_t got = 0;
    struct loop *loop = test_loop();
    struct side server;
    struct side client;
    for (size_t i = 0; i < sizeof(bytes); i++) {
        bytes[i] = (char)(i % 251);
    }
    sides_shake(loop, &server, &client, path_ca, STR("good.test"));
    size_t busy = 0;
    while (got < total) {
        /* Always from a moved copy of the same bytes, as queues do. */
        char piece[3][20000];
        struct iovec parts[3];
        size_t offered = 0;
        for (int i = 0; i < 3; i++) {
            size_t size = (size_t)(i == 0 ? 5 : i == 1 ? 17000 : 3000);
            for (size_t at = 0; at < size; at++) {
                piece[i][at] = bytes[(sent + offered + at) % 251];
            }
            offered += size;
            parts[i] = (struct iovec){ piece[i], size };
        }
        size_t len = 0;
        enum err err = stream_write(&server.stream, parts, 3, &len);
        CHECK(err == ERR_OK || err == ERR_BUSY);
        sent += err == ERR_OK ? len : 0;
        busy += err == ERR_BUSY;
        if (err == ERR_BUSY) {
            len = 0;
            while (stream_read(&client.stream, loop_scratch(loop), 7001, &len) == ERR_OK) {
                for (size_t i = 0; i < len; i++, got++) {
                    CHECK(loop_scratch(loop)[i] == bytes[got % 251]);
                }
            }
        }
    }
    CHECK(busy > 0);
    sides_close(loop, &server, &client);
}

TEST(a_good_bye_is_told_from_a_cut)
{
    for (int polite = 0; polite < 2; polite++) {
        struct loop *loop = test_loop();
        struct side server;
        struct side client;
        char byte = 0;
        size_t len = 0;
        sides_shake(loop, &server, &client, path_ca, STR("good.test"));
        if (polite == 1) {
            stream_end(&server.stream);
        }
        stream_close(&server.stream);
        enum err err = ERR_BUSY;
        UNTIL(loop, (err = stream_read(&client.stream, &byte, 1, &len)) != ERR_BUSY);
        CHECK_EQ(err, polite == 1 ? ERR_NET_CLOSED : ERR_IO);
        sides_close(loop, &server, &client);
    }
}

/* ---- HTTP over it ------------------------------------------------------------------------ */

/* A shop with a TLS listener, and a buyer on the same loop. */
struct market {
    struct shop shop;
    struct buyer buyer;
    struct tls_context *ours;
    struct tls_context *theirs;
};

/* "two.test" has an address where nobody serves first. */
static enum err market_resolve(const char *name, struct lookup_answer *ret_answer)
{
    if (strcmp(name, "two.test") == 0) {
        ret_answer->addresses[ret_answer->count++] = test_address("127.0.0.9:0");
    }
    ret_answer->addresses[ret_answer->count++] = test_address("127.0.0.1:0");
    return ERR_OK;
}

static void market_open(struct market *market, const char *ca,
                        void (*serve)(struct http_exchange *x))
{
    struct http_server_options options = shop_options();
    struct address any = test_address("127.0.0.1:0");
    market->ours = server_context();
    market->theirs = client_context(ca);
    buyer_open_with(&market->buyer, upstream_pool_options_default(), market_resolve);
    market->shop = (struct shop){ .loop = market->buyer.loop, .serve = serve };
    buf_init(&market->shop.body, 1);
    options.owner = &market->shop;
    CHECK_EQ(http_server_create(market->buyer.loop, &options, &market->shop.server, NULL), ERR_OK);
    CHECK_EQ(
        http_server_listen(market->shop.server, &any, market->ours, &market->shop.address, NULL),
        ERR_OK);
}

static void market_close(struct market *market)
{
    http_server_destroy(market->shop.server);
    buyer_close(&market->buyer);
    buf_fini(&market->shop.body);
    tls_context_destroy(market->ours);
    tls_context_destroy(market->theirs);
}

static void market_order(struct market *market, struct order *order, struct str host)
{
    order_init(order, &market->buyer);
    order->call.tls = market->theirs;
    order->call.host = host;
    order->call.port = test_port(&market->shop.address);
}

static void tell_name(struct http_exchange *x)
{
    http_respond(x, 200, STR_EMPTY, http_exchange_tls_name(x));
}

TEST(a_call_over_tls_is_served_and_its_connection_is_kept)
{
    int64_t blocks = mem_blocks_open();
    struct market market;
    struct order order;
    market_open(&market, path_ca, tell_name);
    for (int i = 0; i < 3; i++) {
        market_order(&market, &order, STR("good.test"));
        http_call_start(market.buyer.pool, &order.call);
        CHECK_EQ(http_call_reused(&order.call), i > 0);
        UNTIL(market.buyer.loop, order_over(&order));
        CHECK_EQ(order.ends, 1);
        CHECK_STR(buf_str(&order.body), STR("good.test"));
        buf_fini(&order.body);
    }
    CHECK_EQ(http_server_connections(market.shop.server), 1);
    market_close(&market);
    CHECK_EQ(mem_blocks_open(), blocks);
}

/* Of the certificate that the shop shows. */
static void market_pin(unsigned char pin[EVP_MAX_MD_SIZE])
{
    FILE *file = fopen(path_cert, "r");
    CHECK(file != NULL);
    X509 *cert = PEM_read_X509(file, NULL, NULL, NULL);
    CHECK(cert != NULL);
    CHECK_EQ(fclose(file), 0);
    unsigned char *key = NULL;
    int len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(cert), &key);
    CHECK(len > 0);
    CHECK_EQ(EVP_Digest(key, (size_t)len, pin, NULL, EVP_sha256(), NULL), 1);
    OPENSSL_free(key);
    X509_free(cert);
}

TEST(a_call_that_pins_a_key_is_sent_to_no_other)
{
    unsigned char pin[EVP_MAX_MD_SIZE];
    struct market market;
    struct order order;
    market_open(&market, path_ca, tell_name);
    market_pin(pin);
    for (int i = 0; i < 4; i++) {
        bool wrong = i % 2 == 1; /* also while a fitting connection is kept */
        pin[TLS_PIN_BYTES - 1] ^= i == 0 ? 0 : 1;
        market_order(&market, &order, STR("good.test"));
        order.call.tls_pin = pin;
        http_call_start(market.buyer.pool, &order.call);
        UNTIL(market.buyer.loop, order_over(&order));
        CHECK_EQ(order.ends, wrong ? 0 : 1);
        CHECK_EQ(order.err, wrong ? ERR_UPSTREAM_TLS : ERR_OK);
        buf_fini(&order.body);
    }
    CHECK_EQ(market.shop.requests, 2);
    market_close(&market);
}

TEST(a_call_to_a_server_that_cannot_be_verified_fails)
{
    struct market market;
    struct order order;
    market_open(&market, path_other_ca, tell_name);
    market_order(&market, &order, STR("good.test"));
    http_call_start(market.buyer.pool, &order.call);
    UNTIL(market.buyer.loop, order_over(&order));
    CHECK_EQ(order.err, ERR_UPSTREAM_TLS);
    CHECK_EQ(market.shop.requests, 0);
    UNTIL(market.buyer.loop, http_server_connections(market.shop.server) == 0);

    /* Trust is part of what a connection is: another context does not share it. */
    struct tls_context *other = market.theirs;
    market.theirs = client_context(path_ca);
    tls_context_destroy(other);
    market_order(&market, &order, STR("bad.test"));
    http_call_start(market.buyer.pool, &order.call);
    UNTIL(market.buyer.loop, order_over(&order));
    CHECK_EQ(order.err, ERR_UPSTREAM_TLS);
    market_order(&market, &order, STR("good.test"));
    http_call_start(market.buyer.pool, &order.call);
    UNTIL(market.buyer.loop, order_over(&order));
    CHECK_EQ(order.ends, 1);
    buf_fini(&order.body);
    market_close(&market);
}

/* A half-dead balancer: it connects, and then hangs up, breaks off or says what is no TLS. */
TEST(an_address_where_tls_comes_to_nothing_is_passed_over)
{
    static const struct str words[] = { STR_INIT(""), STR_INIT("\x16\x03") };
    for (size_t i = 0; i < EP_ARRAY_LEN(words); i++) {
        struct market market;
        struct order order;
        struct peer peer;
        market_open(&market, path_ca, tell_name);
        int half = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        struct address address = test_address("127.0.0.9:0");
        address.sock.v4.sin_port = market.shop.address.sock.v4.sin_port;
        CHECK_EQ(bind(half, &address.sock.any, address.len), 0);
        CHECK_EQ(listen(half, 4), 0);
        market_order(&market, &order, STR("two.test"));
        http_call_start(market.buyer.pool, &order.call);
        peer_accept(&peer, market.buyer.loop, half);
        peer_send(&peer, words[i]);
        peer_close(&peer);
        UNTIL(market.buyer.loop, order_over(&order));
        CHECK_EQ(order.ends, 1);
        CHECK_STR(buf_str(&order.body), STR("two.test"));
        buf_fini(&order.body);
        (void)close(half);
        market_close(&market);
    }
}

/* What is told names whom it was about; another key or an alert is no matter of the address. */
TEST(a_tls_failure_names_the_host)
{
    struct market market;
    struct order order;
    market_open(&market, path_other_ca, tell_name);
    market_order(&market, &order, STR("good.test"));
    http_call_start(market.buyer.pool, &order.call);
    UNTIL(market.buyer.loop, order_over(&order));
    CHECK_EQ(order.err, ERR_UPSTREAM_TLS);
    CHECK(strstr(order.fail.text, "\"good.test\" port ") != NULL);
    CHECK(strstr(order.fail.text, "could not verify the certificate") != NULL);
    market_close(&market);
}

static void shop_echo(struct http_exchange *x)
{
    struct shop *shop = shop_of(x);
    http_respond(x, 200, STR_EMPTY, buf_str(&shop->body));
}

TEST(large_bodies_go_both_ways_over_tls)
{
    static char block[8 << 20];
    struct str body = { block, sizeof(block) };
    struct market market;
    struct order order;
    for (size_t i = 0; i < sizeof(block); i++) {
        block[i] = (char)(i % 253);
    }
    market_open(&market, path_ca, shop_echo);
    market_order(&market, &order, STR("good.test"));
    order.call.head = STR("POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 8388608\r\n\r\n");
    order.call.body = &body;
    order.call.body_count = 1;
    http_call_start(market.buyer.pool, &order.call);
    UNTIL(market.buyer.loop, order_over(&order));
    CHECK_EQ(order.ends, 1);
    CHECK_EQ(order.body.len, sizeof(block));
    CHECK(memcmp(order.body.ptr, block, sizeof(block)) == 0);
    buf_fini(&order.body);
    market_close(&market);
}

TEST(a_stream_over_tls_is_chunked_and_paused_and_cut)
{
    static char block[100000];
    struct market market;
    struct order order;
    market_open(&market, path_ca, shop_keep);
    struct loop *loop = market.buyer.loop;
    market_order(&market, &order, STR("good.test"));
    order.pause_at_head = true;
    http_call_start(market.buyer.pool, &order.call);
    UNTIL(loop, market.shop.open != NULL);
    http_respond_head(market.shop.open, 200, STR_EMPTY);
    UNTIL(loop, order.heads == 1);
    size_t total = 0;
    while (http_respond_pending(market.shop.open) < 5 * sizeof(block)) {
        http_respond_body(market.shop.open, &(struct str){ block, sizeof(block) }, 1);
        total += sizeof(block);
        (void)loop_turn(loop, false);
    }
    CHECK_EQ(order.body.len, 0);
    http_call_resume(&order.call);
    UNTIL(loop, order.body.len == total);
    CHECK_EQ(market.shop.drained, 1);
    http_exchange_abort(market.shop.open);
    UNTIL(loop, order_over(&order));
    CHECK_EQ(order.err, ERR_UPSTREAM_CUT);
    buf_fini(&order.body);
    market_close(&market);
}

TEST(a_client_that_leaves_over_tls_is_reported)
{
    struct market market;
    struct order order;
    market_open(&market, path_ca, shop_keep);
    market_order(&market, &order, STR("good.test"));
    http_call_start(market.buyer.pool, &order.call);
    UNTIL(market.buyer.loop, market.shop.open != NULL);
    http_call_cancel(&order.call);
    UNTIL(market.buyer.loop, market.shop.gone == 1);
    market_close(&market);
}

TEST(a_tls_port_closes_on_plain_words_and_on_silence)
{
    struct http_server_options options = shop_options();
    options.head_ns = 10 * MS;
    struct tls_context *ours = server_context();
    struct shop shop;
    struct peer peer;
    struct address address;
    struct address any = test_address("127.0.0.1:0");
    shop_open_with(&shop, options, shop_hello);
    CHECK_EQ(http_server_listen(shop.server, &any, ours, &address, NULL), ERR_OK);
    peer_connect(&peer, &address, 0);
    peer_send(&peer, STR("GET / HTTP/1.1\r\nhost: x\r\n\r\n"));
    UNTIL(shop.loop, peer_gone(&peer));
    peer_close(&peer);
    peer_connect(&peer, &address, 0);
    UNTIL(shop.loop, peer_gone(&peer));
    CHECK_EQ(peer.got.len, 0);
    peer_close(&peer);
    CHECK_EQ(shop.requests, 0);
    shop_close(&shop);
    tls_context_destroy(ours);
}

TEST(a_client_that_only_speaks_another_protocol_is_refused)
{
    struct market market;
    market_open(&market, path_ca, shop_hello);
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    SSL *ssl = SSL_new(context);
    const unsigned char h2[] = { 2, 'h', '2' };
    struct peer peer;
    peer_connect(&peer, &market.shop.address, 0);
    CHECK_EQ(SSL_set_alpn_protos(ssl, h2, sizeof(h2)), 0);
    CHECK_EQ(SSL_set_fd(ssl, peer.fd), 1);
    SSL_set_connect_state(ssl);
    int flag = 1;
    CHECK_EQ(ioctl(peer.fd, FIONBIO, &flag), 0);
    int code = SSL_ERROR_WANT_READ;
    UNTIL(market.buyer.loop,
          (code = SSL_get_error(ssl, SSL_do_handshake(ssl)), code != SSL_ERROR_WANT_READ));
    CHECK_EQ(code, SSL_ERROR_SSL);
    CHECK_EQ(ERR_GET_REASON(ERR_peek_error()), SSL_R_TLSV1_ALERT_NO_APPLICATION_PROTOCOL);
    ERR_clear_error();
    SSL_free(ssl);
    SSL_CTX_free(context);
    peer_close(&peer);
    market_close(&market);
}

static void tell_client(struct http_exchange *x)
{
    struct ip ip;
    char text[IP_TEXT_MAX] = "nobody";
    if (http_exchange_client(x, &ip)) {
        ip_print(&ip, text);
    }
    http_respond(x, 200, STR_EMPTY, str_from(text));
}

/* The handshake comes right behind the header, in one segment or after a while. */
TEST(a_proxys_header_comes_before_tls)
{
    static const char header[] = "\r\n\r\n\0\r\nQUIT\n\x21\x11\x00\x0c"
                                 "\xdf\x05\x05\x05\x0a\x00\x00\x01\x12\x34\x01\xbb";
    struct market market;
    struct address quay;
    struct address any = test_address("127.0.0.1:0");
    struct ip_block trusted;
    market_open(&market, path_ca, tell_client);
    const struct http_listen listen = { .address = &any, .tls = market.ours, .proxy = true };
    CHECK_EQ(http_server_listen_as(market.shop.server, &listen, &quay, NULL), ERR_OK);
    CHECK(ip_block_parse(STR("127.0.0.1"), &trusted));
    http_server_trust(market.shop.server, &trusted, 1);
    for (int together = 0; together < 2; together++) {
        SSL_CTX *context = SSL_CTX_new(TLS_client_method());
        SSL *ssl = SSL_new(context);
        struct peer peer;
        char answer[512];
        int flag = 1;
        int len = 0;
        peer_connect(&peer, &quay, 0);
        CHECK_EQ(send(peer.fd, header, sizeof(header) - 1, together ? MSG_MORE : 0),
                 sizeof(header) - 1);
        if (!together) {
            test_settle(market.buyer.loop);
        }
        CHECK_EQ(SSL_set_fd(ssl, peer.fd), 1);
        SSL_set_connect_state(ssl);
        CHECK_EQ(ioctl(peer.fd, FIONBIO, &flag), 0);
        UNTIL(market.buyer.loop, SSL_do_handshake(ssl) == 1);
        CHECK_EQ(SSL_write(ssl, "GET / HTTP/1.1\r\nhost: x\r\n\r\n", 27), 27);
        UNTIL(market.buyer.loop, (len = SSL_read(ssl, answer, sizeof(answer))) > 0);
        CHECK(str_ends((struct str){ answer, (size_t)len }, STR("223.5.5.5")));
        ERR_clear_error();
        SSL_free(ssl);
        SSL_CTX_free(context);
        peer_close(&peer);
    }
    market_close(&market);
}
