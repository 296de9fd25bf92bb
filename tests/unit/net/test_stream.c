#include "net/stream.h"

#include "base/mem.h"
#include "peer.h"

struct end {
    struct stream stream;
    unsigned events;
    int told;
};

static void on_ready(struct stream *stream, unsigned events)
{
    struct end *end = EP_CONTAINER(stream, struct end, stream);
    end->events |= events;
    end->told++;
}

/* `near` is a stream, `far` a socket by hand. */
static void pair_open(struct loop *loop, struct end *near, struct peer *far)
{
    struct address address;
    int listener = peer_listen(&address);
    *near = (struct end){ .told = 0 };
    stream_init(&near->stream, loop, on_ready);
    CHECK_EQ(stream_connect(&near->stream, &address, NULL), ERR_OK);
    peer_accept(far, loop, listener);
    UNTIL(loop, (near->events & WATCH_WRITE) != 0);
    CHECK_EQ(stream_connected(&near->stream, NULL), ERR_OK);
    CHECK_EQ(stream_handshake(&near->stream, NULL), ERR_OK);
    (void)close(listener);
}

TEST(bytes_go_both_ways)
{
    int64_t blocks = mem_blocks_open();
    struct loop *loop = test_loop();
    struct end near;
    struct peer far;
    char bytes[16];
    size_t len = 0;
    pair_open(loop, &near, &far);
    CHECK(stream_is_open(&near.stream));
    CHECK_STR(stream_tls_name(&near.stream), STR(""));
    CHECK_EQ(stream_read(&near.stream, bytes, sizeof(bytes), &len), ERR_BUSY);
    peer_send(&far, STR("hello"));
    near.events = 0;
    UNTIL(loop, (near.events & WATCH_READ) != 0);
    CHECK_EQ(stream_read(&near.stream, bytes, sizeof(bytes), &len), ERR_OK);
    CHECK_STR(((struct str){ bytes, len }), STR("hello"));

    char word[] = "good";
    char more[] = "bye";
    struct iovec parts[] = { { word, 4 }, { more, 3 } };
    CHECK_EQ(stream_write(&near.stream, parts, 2, &len), ERR_OK);
    CHECK_EQ(len, 7);
    UNTIL(loop, peer_has(&far, STR("goodbye")));
    peer_close(&far);
    stream_close(&near.stream);
    stream_close(&near.stream);
    CHECK(!stream_is_open(&near.stream));
    loop_destroy(loop);
    CHECK_EQ(mem_blocks_open(), blocks);
}

TEST(each_side_ends_by_itself)
{
    struct loop *loop = test_loop();
    struct end near;
    struct peer far;
    char bytes[16];
    size_t len = 0;
    pair_open(loop, &near, &far);
    stream_end(&near.stream);
    UNTIL(loop, peer_gone(&far));
    CHECK(far.ended);
    peer_send(&far, STR("late"));
    enum err err = ERR_BUSY;
    UNTIL(loop, (err = stream_read(&near.stream, bytes, sizeof(bytes), &len)) != ERR_BUSY);
    CHECK_EQ(err, ERR_OK);
    CHECK_EQ(len, 4);
    peer_close(&far);
    UNTIL(loop, (err = stream_read(&near.stream, bytes, sizeof(bytes), &len)) != ERR_BUSY);
    CHECK_EQ(err, ERR_NET_CLOSED);
    stream_close(&near.stream);
    loop_destroy(loop);
}

TEST(nobody_there_is_told)
{
    struct loop *loop = test_loop();
    struct address address;
    (void)close(peer_listen(&address));
    struct end near = { .told = 0 };
    struct fail fail;
    stream_init(&near.stream, loop, on_ready);
    enum err err = stream_connect(&near.stream, &address, &fail);
    if (err == ERR_OK) {
        UNTIL(loop, near.told > 0);
        err = stream_connected(&near.stream, &fail);
        stream_close(&near.stream);
    }
    CHECK_EQ(err, ERR_UPSTREAM_CONNECT);
    CHECK_EQ(fail.sys_errno, ECONNREFUSED);
    loop_destroy(loop);
}

TEST(what_cannot_be_watched_is_closed)
{
    struct loop *loop = test_loop();
    struct stream stream;
    stream_init(&stream, loop, on_ready);
    int fd = dup(STDOUT_FILENO);
    (void)close(fd); /* a descriptor that is none */
    CHECK_EQ(stream_open(&stream, fd, NULL), ERR_IO);
    CHECK(!stream_is_open(&stream));
    stream_close(&stream);
    loop_destroy(loop);
}

TEST(the_user_of_a_unix_socket_is_known)
{
    struct loop *loop = test_loop();
    struct end near = { .told = 0 };
    int fds[2];
    unsigned uid = 0;
    CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
    stream_init(&near.stream, loop, on_ready);
    CHECK_EQ(stream_open(&near.stream, fds[0], NULL), ERR_OK);
    CHECK(stream_peer_uid(&near.stream, &uid));
    CHECK_EQ(uid, getuid());
    stream_close(&near.stream);
    (void)close(fds[1]);

    struct peer far;
    pair_open(loop, &near, &far);
    CHECK(!stream_peer_uid(&near.stream, &uid));
    stream_close(&near.stream);
    peer_close(&far);
    loop_destroy(loop);
}
