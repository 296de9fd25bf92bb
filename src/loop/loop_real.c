/* The kernel's world: epoll, edge-triggered, with an eventfd to be woken by. */
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "loop/loop_internal.h"

#define REAL_EVENTS 256 /* a turn at full load handles a few dozen */

struct loop_real {
    struct loop loop;
    int epoll;
    int bell; /* eventfd */
    struct epoll_event events[REAL_EVENTS];
    int event_count; /* of the turn under way, from poll to the end of delivery */
};

static struct loop_real *real_of(struct loop *loop)
{
    return EP_CONTAINER(loop, struct loop_real, loop);
}

static int64_t real_clock_ns(clockid_t clock)
{
    struct timespec now;
    ASSERT(clock_gettime(clock, &now) == 0);
    return (int64_t)now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

static void real_clock(struct loop *loop)
{
    loop->now_ns = real_clock_ns(CLOCK_MONOTONIC);
    loop->wall_ns = real_clock_ns(CLOCK_REALTIME);
}

static int real_timeout_ms(const struct loop *loop, int64_t until_ns)
{
    if (until_ns == INT64_MAX) {
        return -1;
    }
    if (until_ns <= loop->now_ns) {
        return 0;
    }
    int64_t left_ns = until_ns - loop->now_ns;
    int64_t ms = (left_ns + 999999) / 1000000; /* never early */
    return ms > 1000000 ? 1000000 : (int)ms;
}

static void real_answer_bell(struct loop_real *real)
{
    uint64_t count = 0;
    ssize_t got = read(real->bell, &count, sizeof(count));
    (void)got; /* it only ever says that there is mail */
}

static bool real_poll(struct loop *loop, int64_t until_ns)
{
    struct loop_real *real = real_of(loop);
    int timeout = until_ns == 0 ? 0 : real_timeout_ms(loop, until_ns);
    int count = epoll_wait(real->epoll, real->events, REAL_EVENTS, timeout);
    if (count < 0) {
        ASSERT(errno == EINTR);
        count = 0;
    }
    real_clock(loop);
    real->event_count = count;
    return count > 0;
}

static void real_deliver(struct loop *loop)
{
    struct loop_real *real = real_of(loop);
    for (int i = 0; i < real->event_count; i++) {
        const struct epoll_event *event = &real->events[i];
        if (event->data.ptr == real) {
            real_answer_bell(real);
            continue;
        }
        struct watch *watch = event->data.ptr;
        if (watch == NULL) {
            continue; /* closed earlier in this turn */
        }
        uint32_t bits = event->events;
        /* A peer that only ended its own side may still read: an end to read, no hang-up. */
        unsigned what = (bits & (EPOLLIN | EPOLLRDHUP) ? WATCH_READ : 0U) |
                        (bits & EPOLLOUT ? WATCH_WRITE : 0U) |
                        (bits & (EPOLLHUP | EPOLLERR) ? WATCH_HANGUP : 0U);
        watch->ended |= (bits & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0;
        watch->ready(watch, what);
    }
    real->event_count = 0;
}

static void real_wake(struct loop *loop)
{
    uint64_t one = 1;
    ssize_t put = write(real_of(loop)->bell, &one, sizeof(one));
    (void)put; /* a full counter rings as well */
}

static enum err real_watch(struct loop *loop, struct watch *watch, struct fail *fail)
{
    struct epoll_event event = {
        .events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET,
        .data.ptr = watch,
    };
    if (epoll_ctl(real_of(loop)->epoll, EPOLL_CTL_ADD, watch->fd, &event) != 0) {
        return FAIL_SYS(fail, ERR_IO, "could not watch a descriptor");
    }
    return ERR_OK;
}

static void real_unwatch(struct loop *loop, struct watch *watch)
{
    struct loop_real *real = real_of(loop);
    for (int i = 0; i < real->event_count; i++) {
        if (real->events[i].data.ptr == watch) {
            real->events[i].data.ptr = NULL;
        }
    }
    (void)close(watch->fd); /* takes it out of the epoll set: descriptors are never shared */
}

static void real_no_delay(int fd, int family)
{
    if (family != AF_UNIX) {
        /* Events go out as they come; an error costs latency only. */
        (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){ 1 }, sizeof(int));
    }
}

/* Listeners of one program share their port, so that each of its threads can have one; another
 * program on that port would then share the clients without a word. Without the option to share,
 * binding shows whether somebody is there. */
static enum err real_is_free(const struct address *address, const char *text, struct fail *fail)
{
    int fd = socket(address->sock.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return FAIL_SYS(fail, ERR_IO, "could not make a socket for \"%s\"", text);
    }
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){ 1 }, sizeof(int));
    enum err err = ERR_OK;
    if (bind(fd, &address->sock.any, address->len) != 0 || listen(fd, 1) != 0) {
        err = FAIL_SYS(fail, ERR_IO, "could not listen on \"%s\"", text);
    }
    (void)close(fd);
    return err;
}

enum err loop_address_free(const struct address *address, struct fail *fail)
{
    char text[64];
    address_print(address, text, sizeof(text));
    ASSERT(address->sock.any.sa_family != AF_UNIX);
    return real_is_free(address, text, fail);
}

static enum err real_listen(struct loop *loop, const struct address *address, int backlog,
                            int *ret_fd, struct address *ret_address, struct fail *fail)
{
    (void)loop;
    char text[64];
    address_print(address, text, sizeof(text));
    int family = address->sock.any.sa_family;
    int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return FAIL_SYS(fail, ERR_IO, "could not make a socket for \"%s\"", text);
    }
    if (family != AF_UNIX) {
        (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){ 1 }, sizeof(int));
        (void)setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &(int){ 1 }, sizeof(int));
    }
    struct address bound = { .len = sizeof(bound.sock) };
    if (bind(fd, &address->sock.any, address->len) != 0 || listen(fd, backlog) != 0 ||
        getsockname(fd, &bound.sock.any, &bound.len) != 0) {
        enum err err = FAIL_SYS(fail, ERR_IO, "could not listen on \"%s\"", text);
        (void)close(fd);
        return err;
    }
    *ret_fd = fd;
    if (ret_address != NULL) {
        *ret_address = bound;
    }
    return ERR_OK;
}

/* Errors of the one connection that accept would have given, not of the listener. */
static bool real_accept_again(int error)
{
    return error == EINTR || error == ECONNABORTED || error == EPROTO || error == EPERM ||
           error == ENETDOWN || error == ENETUNREACH || error == EHOSTDOWN ||
           error == EHOSTUNREACH || error == ENOPROTOOPT || error == ENONET;
}

static enum err real_accept(struct loop *loop, int listener, int *ret_fd, struct address *ret_peer)
{
    (void)loop;
    struct address peer;
    int fd;
    do {
        /* A peer that went away while it waited must not hide those behind it: the edge was told
         * once for all of them. */
        peer = (struct address){ .len = sizeof(peer.sock) };
        fd = accept4(listener, &peer.sock.any, &peer.len, SOCK_NONBLOCK | SOCK_CLOEXEC);
    } while (fd < 0 && real_accept_again(errno));
    if (fd < 0) {
        return errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM ? ERR_LIMIT
                                                                                         : ERR_BUSY;
    }
    real_no_delay(fd, peer.sock.any.sa_family);
    *ret_fd = fd;
    if (ret_peer != NULL) {
        *ret_peer = peer;
    }
    return ERR_OK;
}

/* No descriptor is left, or no buffer: that is no fault of the other side. */
static enum err real_socket_err(int error)
{
    bool ours = error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
    return ours ? ERR_NO_MEMORY : ERR_UPSTREAM_CONNECT;
}

static enum err real_connect(struct loop *loop, const struct address *address, int *ret_fd,
                             struct fail *fail)
{
    (void)loop;
    char text[64];
    address_print(address, text, sizeof(text));
    int family = address->sock.any.sa_family;
    int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return FAIL_SYS(fail, real_socket_err(errno), "could not make a socket for \"%s\"", text);
    }
    real_no_delay(fd, family);
    if (connect(fd, &address->sock.any, address->len) != 0 && errno != EINPROGRESS) {
        enum err err = FAIL_SYS(fail, ERR_UPSTREAM_CONNECT, "could not connect to \"%s\"", text);
        (void)close(fd);
        return err;
    }
    *ret_fd = fd;
    return ERR_OK;
}

static enum err real_connected(struct loop *loop, int fd, struct fail *fail)
{
    (void)loop;
    int error = 0;
    socklen_t len = sizeof(error);
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) != 0) {
        error = errno;
    }
    if (error != 0) {
        errno = error;
        return FAIL_SYS(fail, ERR_UPSTREAM_CONNECT, "could not connect");
    }
    struct address peer = { .len = sizeof(peer.sock) };
    return getpeername(fd, &peer.sock.any, &peer.len) == 0 ? ERR_OK : ERR_BUSY;
}

static enum err real_read(struct loop *loop, int fd, void *bytes, size_t size, size_t *ret_len)
{
    (void)loop;
    ssize_t got;
    do {
        got = recv(fd, bytes, size, 0);
    } while (got < 0 && errno == EINTR);
    if (got > 0) {
        *ret_len = (size_t)got;
        return ERR_OK;
    }
    if (got == 0) {
        return ERR_NET_CLOSED;
    }
    return errno == EAGAIN ? ERR_BUSY : ERR_IO;
}

static enum err real_write(struct loop *loop, int fd, const struct iovec *parts, int count,
                           size_t *ret_len)
{
    (void)loop;
    /* sendmsg only reads the parts; its type has no const. */
    union {
        const struct iovec *in;
        struct iovec *out;
    } unconst = { .in = parts };
    struct msghdr message = { .msg_iov = unconst.out, .msg_iovlen = (size_t)count };
    ssize_t put;
    do {
        put = sendmsg(fd, &message, MSG_NOSIGNAL);
    } while (put < 0 && errno == EINTR);
    if (put >= 0) {
        *ret_len = (size_t)put;
        return ERR_OK;
    }
    return errno == EAGAIN ? ERR_BUSY : errno == EPIPE ? ERR_NET_CLOSED : ERR_IO;
}

static void real_shutdown(struct loop *loop, int fd)
{
    (void)loop;
    (void)shutdown(fd, SHUT_WR); /* a peer that is gone already needs no end */
}

static void real_destroy(struct loop *loop)
{
    struct loop_real *real = real_of(loop);
    loop_fini(loop);
    (void)close(real->bell);
    (void)close(real->epoll);
    mem_free(real);
}

static const struct loop_world real_world = {
    .poll = real_poll,
    .deliver = real_deliver,
    .wake = real_wake,
    .watch = real_watch,
    .unwatch = real_unwatch,
    .listen = real_listen,
    .accept = real_accept,
    .connect = real_connect,
    .connected = real_connected,
    .read = real_read,
    .write = real_write,
    .shutdown = real_shutdown,
    .destroy = real_destroy,
    .short_read_drains = true,
};

enum err loop_create_real(struct loop **ret_loop, struct fail *fail)
{
    struct loop_real *real = mem_zalloc(sizeof(*real));
    if (real == NULL) {
        return FAIL(fail, ERR_NO_MEMORY, "no memory for a loop");
    }
    enum err err = loop_init(&real->loop, &real_world, fail);
    if (err != ERR_OK) {
        mem_free(real);
        return err;
    }
    real->epoll = epoll_create1(EPOLL_CLOEXEC);
    real->bell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    struct epoll_event event = { .events = EPOLLIN | EPOLLET, .data.ptr = real };
    if (real->epoll < 0 || real->bell < 0 ||
        epoll_ctl(real->epoll, EPOLL_CTL_ADD, real->bell, &event) != 0) {
        err = FAIL_SYS(fail, ERR_IO, "could not make an epoll set");
        (void)close(real->bell); /* -1 is no descriptor and closes nothing */
        (void)close(real->epoll);
        loop_fini(&real->loop);
        mem_free(real);
        return err;
    }
    real_clock(&real->loop);
    *ret_loop = &real->loop;
    return ERR_OK;
}
