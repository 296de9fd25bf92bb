/* The other side in the tests of net: a plain socket on 127.0.0.1, written and read by hand, and
 * the turning of the loop that is under test. */
#pragma once

#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "harness.h"
#include "loop/loop.h"

#define MS            INT64_C(1000000)
#define PEER_TURNS_NS (INT64_C(20000) * MS) /* a test that takes longer hangs */

/* Turns `loop` until `cond`. */
#define UNTIL(loop, cond)                                          \
    do {                                                           \
        int64_t until_ = test_now_ns() + PEER_TURNS_NS;            \
        while (!(cond)) {                                          \
            (void)loop_turn((loop), false);                        \
            CHECK(test_now_ns() < until_ && "waiting for " #cond); \
        }                                                          \
    } while (0)

struct peer {
    int fd;
    struct buf got;
    bool ended;  /* an end of stream was read */
    bool broken; /* a reset */
};

static inline int64_t test_now_ns(void)
{
    struct timespec now;
    CHECK_EQ(clock_gettime(CLOCK_MONOTONIC, &now), 0);
    return (int64_t)now.tv_sec * 1000 * MS + now.tv_nsec;
}

static inline struct loop *test_loop(void)
{
    struct loop *loop = NULL;
    CHECK_EQ(loop_create_real(&loop, NULL), ERR_OK);
    return loop;
}

/* Turns until nothing has happened for some turns. */
static inline void test_settle(struct loop *loop)
{
    for (int quiet = 0; quiet < 200;) {
        quiet = loop_turn(loop, false) ? 0 : quiet + 1;
    }
}

static inline struct address test_address(const char *text)
{
    struct address address;
    CHECK(address_parse(str_from(text), &address));
    return address;
}

static inline uint16_t test_port(const struct address *address)
{
    return ntohs(address->sock.v4.sin_port);
}

static inline void peer_take(struct peer *peer, int fd)
{
    CHECK(fd >= 0);
    *peer = (struct peer){ .fd = fd };
    buf_init(&peer->got, (size_t)256 * 1024 * 1024);
}

/* `window`: the size of its receive buffer; 0: the system's. */
static inline void peer_connect(struct peer *peer, const struct address *address, int window)
{
    peer_take(peer, socket(address->sock.any.sa_family, SOCK_STREAM, 0));
    if (window > 0) {
        CHECK_EQ(setsockopt(peer->fd, SOL_SOCKET, SO_RCVBUF, &window, sizeof(window)), 0);
    }
    CHECK_EQ(connect(peer->fd, &address->sock.any, address->len), 0);
}

static inline int peer_listen(struct address *ret_address)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    struct address any = test_address("127.0.0.1:0");
    CHECK(fd >= 0);
    CHECK_EQ(bind(fd, &any.sock.any, any.len), 0);
    CHECK_EQ(listen(fd, 64), 0);
    ret_address->len = sizeof(ret_address->sock);
    CHECK_EQ(getsockname(fd, &ret_address->sock.any, &ret_address->len), 0);
    return fd;
}

static inline void peer_accept(struct peer *peer, struct loop *loop, int listener)
{
    int fd = -1;
    UNTIL(loop, (fd = accept(listener, NULL, NULL)) >= 0);
    peer_take(peer, fd);
}

static inline void peer_send(struct peer *peer, struct str text)
{
    CHECK_EQ(send(peer->fd, text.ptr, text.len, MSG_NOSIGNAL), text.len);
}

/* As much as goes; returns what went. */
static inline size_t peer_send_some(struct peer *peer, struct str text)
{
    ssize_t sent = send(peer->fd, text.ptr, text.len, MSG_NOSIGNAL | MSG_DONTWAIT);
    return sent > 0 ? (size_t)sent : 0;
}

/* Reads what is there, `most` bytes at most. */
static inline void peer_read_some(struct peer *peer, size_t most)
{
    while (!peer->ended && !peer->broken && most > 0) {
        size_t size = most < 65536 ? most : 65536;
        CHECK_EQ(buf_reserve(&peer->got, size), ERR_OK);
        ssize_t len = recv(peer->fd, peer->got.ptr + peer->got.len, size, MSG_DONTWAIT);
        if (len < 0 && errno == EAGAIN) {
            return;
        }
        peer->ended = len == 0;
        peer->broken = len < 0;
        if (len > 0) {
            buf_added(&peer->got, (size_t)len);
            most -= (size_t)len;
        }
    }
}

static inline void peer_read(struct peer *peer)
{
    peer_read_some(peer, SIZE_MAX);
}

static inline struct str peer_text(const struct peer *peer)
{
    return buf_str(&peer->got);
}

static inline bool peer_has(struct peer *peer, struct str part)
{
    peer_read(peer);
    return str_search(peer_text(peer), part) < peer->got.len;
}

static inline bool peer_gone(struct peer *peer)
{
    peer_read(peer);
    return peer->ended || peer->broken;
}

static inline size_t peer_count(struct peer *peer, struct str part)
{
    peer_read(peer);
    struct str rest = peer_text(peer);
    size_t count = 0;
    for (size_t at = str_search(rest, part); at < rest.len; at = str_search(rest, part)) {
        count++;
        rest = str_from_at(rest, at + part.len);
    }
    return count;
}

static inline void peer_close(struct peer *peer)
{
    if (peer->fd >= 0) {
        (void)close(peer->fd);
    }
    peer->fd = -1;
    buf_fini(&peer->got);
}
