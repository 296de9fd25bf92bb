/*
 * The simulated network. A connection is two sockets, made together; each has a lane of packets
 * that fly towards it or have arrived. Packets of a lane arrive in order, each after a latency of
 * its own. The pair is freed when both sockets are closed.
 */
#include <arpa/inet.h>
#include <string.h>

#include "base/mem.h"
#include "loop/sim_internal.h"

enum sim_state {
    SIM_LISTENS,   /* a listener */
    SIM_BEGINS,    /* not connected yet; a server's end: not known to any listener yet */
    SIM_CONNECTED, /* a server's end: it may still wait to be accepted */
    SIM_REFUSED,   /* nobody listened there */
    SIM_BROKEN,    /* reset */
    SIM_CLOSED
};

enum sim_packet_kind {
    SIM_BEGIN,  /* to the server: a client wants in */
    SIM_ACCEPT, /* to the client: it is in */
    SIM_DATA,
    SIM_END,
    SIM_RESET
};

struct sim_packet {
    struct node node;
    struct timer timer; /* armed: it flies */
    struct sim_socket *to;
    enum sim_packet_kind kind;
    size_t len;
    size_t read;
    char bytes[];
};

struct sim_socket {
    struct sim *sim;
    enum sim_state state;
    int fd;                 /* -1: none yet, or none any more */
    struct sim_loop *owner; /* NULL as long as fd < 0 */
    struct watch *watch;
    struct node ready;      /* in its owner's list of edges to tell */
    struct address address; /* a listener's own; a client's target; a server's peer */
    struct node waiting;    /* a listener: those to accept; a server's end: its place there */
    unsigned waiting_count;
    unsigned backlog;
    struct sim_socket *peer;
    struct node lane;   /* packets, in the order they arrive */
    int64_t last_at_ns; /* when the last of them does */
    size_t held;        /* bytes of them that nobody has read */
    bool ended;         /* the peer's end has arrived */
    bool shut;          /* our end was sent */
    bool starved;       /* a write was told to wait */
};

/* ---- descriptors and edges --------------------------------------------------------------- */

static struct sim_socket *socket_at(struct loop *loop, int fd)
{
    struct sim *sim = sim_loop_of(loop)->sim;
    ASSERT(fd >= 0 && (size_t)fd < sim->socket_cap && sim->sockets[fd] != NULL);
    ASSERT(sim->sockets[fd]->owner == sim_loop_of(loop));
    return sim->sockets[fd];
}

static void socket_touch(struct sim_socket *socket)
{
    if (socket->watch != NULL && !node_linked(&socket->ready)) {
        list_push_back(&socket->owner->ready, &socket->ready);
    }
}

static bool socket_has_data(const struct sim_socket *socket)
{
    if (list_empty(&socket->lane)) {
        return false;
    }
    const struct sim_packet *first = EP_CONTAINER(socket->lane.next, struct sim_packet, node);
    return !timer_armed(&first->timer);
}

static bool socket_writable(const struct sim_socket *socket)
{
    return socket->state == SIM_CONNECTED && socket->peer->held < socket->sim->options.window_bytes;
}

static unsigned socket_events(const struct sim_socket *socket)
{
    switch (socket->state) {
    case SIM_LISTENS:
        return socket->waiting_count > 0 ? WATCH_READ : 0U;
    case SIM_CONNECTED:
        return (socket->ended || socket_has_data(socket) ? WATCH_READ : 0U) |
               (socket_writable(socket) ? WATCH_WRITE : 0U) |
               (socket->ended && socket->shut ? WATCH_HANGUP : 0U);
    case SIM_REFUSED:
    case SIM_BROKEN:
        return WATCH_READ | WATCH_WRITE | WATCH_HANGUP;
    case SIM_BEGINS:
    case SIM_CLOSED:
        break;
    }
    return 0;
}

void sim_net_deliver(struct loop *loop)
{
    struct node *telling = &sim_loop_of(loop)->telling;
    for (struct node *node = list_pop(telling); node != NULL; node = list_pop(telling)) {
        struct sim_socket *socket = EP_CONTAINER(node, struct sim_socket, ready);
        unsigned events = socket_events(socket);
        if (events != 0) {
            socket->watch->ready(socket->watch, events);
        }
    }
}

enum err sim_net_watch(struct loop *loop, struct watch *watch, struct fail *fail)
{
    (void)fail;
    struct sim_socket *socket = socket_at(loop, watch->fd);
    ASSERT(socket->watch == NULL);
    socket->watch = watch;
    socket_touch(socket);
    return ERR_OK;
}

/* The lowest free number, as the kernel does it. */
static enum err socket_number(struct sim_socket *socket, struct sim_loop *owner)
{
    struct sim *sim = socket->sim;
    size_t fd = 0;
    while (fd < sim->socket_cap && sim->sockets[fd] != NULL) {
        fd++;
    }
    if (fd == sim->socket_cap) {
        size_t cap = sim->socket_cap == 0 ? 64 : sim->socket_cap * 2;
        struct sim_socket **grown = mem_realloc(sim->sockets, cap * sizeof(struct sim_socket *));
        if (grown == NULL) {
            return ERR_NO_MEMORY;
        }
        memset(grown + fd, 0, (cap - fd) * sizeof(struct sim_socket *));
        sim->sockets = grown;
        sim->socket_cap = cap;
    }
    sim->sockets[fd] = socket;
    socket->fd = (int)fd;
    socket->owner = owner;
    return ERR_OK;
}

static struct sim_socket *socket_create(struct sim *sim, enum sim_state state)
{
    struct sim_socket *socket = mem_zalloc(sizeof(*socket));
    if (socket != NULL) {
        socket->sim = sim;
        socket->state = state;
        socket->fd = -1;
        list_init(&socket->lane);
        if (state == SIM_LISTENS) {
            list_init(&socket->waiting);
        }
    }
    return socket;
}

static void socket_drop_lane(struct sim_socket *socket)
{
    for (struct node *node = list_pop(&socket->lane); node != NULL;
         node = list_pop(&socket->lane)) {
        struct sim_packet *packet = EP_CONTAINER(node, struct sim_packet, node);
        timer_stop(&socket->sim->queue, &packet->timer);
        mem_free(packet);
    }
    socket->held = 0;
}

/* ---- packets ----------------------------------------------------------------------------- */

static void packet_fire(struct timer *timer);

static struct sim_packet *packet_create(enum sim_packet_kind kind, size_t len)
{
    struct sim_packet *packet = mem_zalloc(sizeof(*packet) + len);
    if (packet != NULL) {
        packet->kind = kind;
        packet->len = len;
        timer_init(&packet->timer, packet_fire);
    }
    return packet;
}

static void packet_send(struct sim_packet *packet, struct sim_socket *to)
{
    struct sim *sim = to->sim;
    const struct sim_options *options = &sim->options;
    int64_t at = sim->queue.now_ns + (int64_t)sim_between(sim, (uint64_t)options->latency_min_ns,
                                                          (uint64_t)options->latency_max_ns);
    if (at <= to->last_at_ns) {
        at = to->last_at_ns + 1; /* the next of a lane never overtakes */
    }
    to->last_at_ns = at;
    to->held += packet->len;
    packet->to = to;
    list_push_back(&to->lane, &packet->node);
    sim_schedule(sim, &packet->timer, at);
}

static void signal_send(enum sim_packet_kind kind, struct sim_socket *to)
{
    struct sim_packet *packet = packet_create(kind, 0);
    ASSERT(packet != NULL); /* memory for it is not part of what is simulated */
    packet_send(packet, to);
}

static bool address_same(const struct address *bound, const struct address *asked)
{
    if (bound->len != asked->len || bound->sock.any.sa_family != asked->sock.any.sa_family) {
        return false;
    }
    if (bound->sock.any.sa_family == AF_INET) {
        uint32_t host = bound->sock.v4.sin_addr.s_addr;
        return bound->sock.v4.sin_port == asked->sock.v4.sin_port &&
               (host == htonl(INADDR_ANY) || host == asked->sock.v4.sin_addr.s_addr);
    }
    return memcmp(&bound->sock, &asked->sock, bound->len) == 0;
}

/* One of those that listen there and have room, as the seed picks; NULL: none. */
static struct sim_socket *listener_find(struct sim *sim, const struct address *address)
{
    struct sim_socket *found = NULL;
    uint64_t seen = 0;
    for (size_t fd = 0; fd < sim->socket_cap; fd++) {
        struct sim_socket *socket = sim->sockets[fd];
        bool fits = socket != NULL && socket->state == SIM_LISTENS &&
                    socket->waiting_count < socket->backlog &&
                    address_same(&socket->address, address);
        if (fits && sim_between(sim, 0, seen++) == 0) {
            found = socket;
        }
    }
    return found;
}

static void packet_begin(struct sim_socket *server)
{
    struct sim_socket *listener = listener_find(server->sim, &server->peer->address);
    if (listener == NULL) {
        signal_send(SIM_RESET, server->peer);
        server->state = SIM_CLOSED; /* the pair goes when the client closes its end */
        return;
    }
    server->state = SIM_CONNECTED;
    list_push_back(&listener->waiting, &server->waiting);
    listener->waiting_count++;
    signal_send(SIM_ACCEPT, server->peer);
    socket_touch(listener);
}

static void packet_reset(struct sim_socket *to)
{
    to->state = to->state == SIM_BEGINS ? SIM_REFUSED : SIM_BROKEN;
    socket_drop_lane(to);
    socket_touch(to);
}

static void packet_fire(struct timer *timer)
{
    struct sim_packet *packet = EP_CONTAINER(timer, struct sim_packet, timer);
    struct sim_socket *to = packet->to;
    enum sim_packet_kind kind = packet->kind;
    sim_mark(to->sim, SIM_MARK_PACKET, ((uint64_t)kind << 32) | packet->len);
    bool open = to->state == SIM_CONNECTED || to->state == SIM_BEGINS;
    if (open && kind == SIM_DATA) {
        socket_touch(to);
        return; /* stays in the lane until it is read */
    }
    if (to->state == SIM_CLOSED && kind == SIM_DATA && to->peer->state == SIM_CONNECTED) {
        signal_send(SIM_RESET, to->peer);
    }
    node_unlink(&packet->node);
    to->held -= packet->len;
    mem_free(packet);
    if (!open) {
        return;
    }
    switch (kind) {
    case SIM_BEGIN:
        packet_begin(to);
        break;
    case SIM_ACCEPT:
        to->state = SIM_CONNECTED;
        socket_touch(to);
        break;
    case SIM_END:
        to->ended = true;
        socket_touch(to);
        break;
    case SIM_RESET:
        packet_reset(to);
        break;
    case SIM_DATA:
        break;
    }
}

/* ---- ends -------------------------------------------------------------------------------- */

static void stream_close(struct sim_socket *socket)
{
    struct sim_socket *peer = socket->peer;
    bool unread = socket_has_data(socket);
    bool live = socket->state == SIM_CONNECTED;
    /* A server's end that no listener has ever seen goes with its client. */
    bool last = peer->state == SIM_CLOSED || (peer->state == SIM_BEGINS && peer->fd < 0);
    socket->state = SIM_CLOSED;
    if (last) {
        socket_drop_lane(socket);
        socket_drop_lane(peer);
        mem_free(peer);
        mem_free(socket);
        return;
    }
    /* What has arrived and was not read is lost, and the peer shall know. What still flies hits
     * a closed socket when it arrives. */
    LIST_EACH_SAFE(node, after, &socket->lane) {
        struct sim_packet *packet = EP_CONTAINER(node, struct sim_packet, node);
        if (!timer_armed(&packet->timer)) {
            node_unlink(&packet->node);
            socket->held -= packet->len - packet->read;
            mem_free(packet);
        }
    }
    if (live && (unread || !socket->shut)) {
        signal_send(unread ? SIM_RESET : SIM_END, peer);
    }
}

static void stream_break(struct sim_socket *socket)
{
    signal_send(SIM_RESET, socket->peer);
    packet_reset(socket);
}

static void socket_close(struct sim_socket *socket)
{
    socket->sim->sockets[socket->fd] = NULL;
    socket->fd = -1;
    socket->watch = NULL;
    if (node_linked(&socket->ready)) {
        node_unlink(&socket->ready);
    }
    if (socket->state != SIM_LISTENS) {
        stream_close(socket);
        return;
    }
    for (struct node *node = list_pop(&socket->waiting); node != NULL;
         node = list_pop(&socket->waiting)) {
        struct sim_socket *server = EP_CONTAINER(node, struct sim_socket, waiting);
        if (server->state == SIM_CONNECTED) {
            stream_break(server);
        }
        stream_close(server);
    }
    mem_free(socket);
}

void sim_net_unwatch(struct loop *loop, struct watch *watch)
{
    socket_close(socket_at(loop, watch->fd));
}

void sim_net_close_all(struct sim_loop *loop)
{
    for (size_t fd = 0; fd < loop->sim->socket_cap; fd++) {
        struct sim_socket *socket = loop->sim->sockets[fd];
        if (socket != NULL && socket->owner == loop) {
            socket_close(socket);
        }
    }
}

void sim_reset(struct sim *sim, int fd)
{
    ASSERT(fd >= 0 && (size_t)fd < sim->socket_cap && sim->sockets[fd] != NULL);
    struct sim_socket *socket = sim->sockets[fd];
    if (socket->state == SIM_CONNECTED || socket->state == SIM_BEGINS) {
        stream_break(socket);
    }
}

void sim_reset_all(struct sim *sim, struct loop *loop)
{
    for (size_t fd = 0; fd < sim->socket_cap; fd++) {
        if (sim->sockets[fd] != NULL && sim->sockets[fd]->owner == sim_loop_of(loop)) {
            sim_reset(sim, (int)fd);
        }
    }
}

/* ---- the functions of a loop ------------------------------------------------------------- */

static void address_give_port(struct sim *sim, struct address *address)
{
    uint16_t *port = NULL;
    if (address->sock.any.sa_family == AF_INET) {
        port = &address->sock.v4.sin_port;
    } else if (address->sock.any.sa_family == AF_INET6) {
        port = &address->sock.v6.sin6_port;
    }
    if (port != NULL && *port == 0) {
        *port = htons(sim->port_next);
        sim->port_next =
            sim->port_next == UINT16_MAX ? SIM_PORT_FIRST : (uint16_t)(sim->port_next + 1);
    }
}

enum err sim_net_listen(struct loop *loop, const struct address *address, int backlog, int *ret_fd,
                        struct address *ret_address, struct fail *fail)
{
    struct sim *sim = sim_loop_of(loop)->sim;
    struct sim_socket *socket = socket_create(sim, SIM_LISTENS);
    if (socket == NULL || socket_number(socket, sim_loop_of(loop)) != ERR_OK) {
        mem_free(socket);
        return FAIL(fail, ERR_NO_MEMORY, "no memory for a socket");
    }
    socket->backlog = (unsigned)backlog;
    socket->address = *address;
    address_give_port(sim, &socket->address);
    *ret_fd = socket->fd;
    if (ret_address != NULL) {
        *ret_address = socket->address;
    }
    return ERR_OK;
}

enum err sim_net_accept(struct loop *loop, int listener, int *ret_fd, struct address *ret_peer)
{
    struct sim_socket *socket = socket_at(loop, listener);
    ASSERT(socket->state == SIM_LISTENS);
    if (list_empty(&socket->waiting)) {
        return ERR_BUSY;
    }
    struct sim_socket *server = EP_CONTAINER(socket->waiting.next, struct sim_socket, waiting);
    if (socket_number(server, sim_loop_of(loop)) != ERR_OK) {
        return ERR_LIMIT;
    }
    node_unlink(&server->waiting);
    socket->waiting_count--;
    *ret_fd = server->fd;
    if (ret_peer != NULL) {
        *ret_peer = server->address;
    }
    return ERR_OK;
}

enum err sim_net_connect(struct loop *loop, const struct address *address, int *ret_fd,
                         struct fail *fail)
{
    struct sim *sim = sim_loop_of(loop)->sim;
    struct sim_socket *client = socket_create(sim, SIM_BEGINS);
    struct sim_socket *server = socket_create(sim, SIM_BEGINS);
    struct sim_packet *begin = packet_create(SIM_BEGIN, 0);
    if (client == NULL || server == NULL || begin == NULL ||
        socket_number(client, sim_loop_of(loop)) != ERR_OK) {
        mem_free(client);
        mem_free(server);
        mem_free(begin);
        return FAIL(fail, ERR_NO_MEMORY, "no memory for a connection");
    }
    client->peer = server;
    server->peer = client;
    client->address = *address;
    server->address = (struct address){ .len = sizeof(struct sockaddr_in) };
    server->address.sock.v4.sin_family = AF_INET;
    server->address.sock.v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address_give_port(sim, &server->address);
    packet_send(begin, server);
    *ret_fd = client->fd;
    return ERR_OK;
}

enum err sim_net_connected(struct loop *loop, int fd, struct fail *fail)
{
    const struct sim_socket *socket = socket_at(loop, fd);
    if (socket->state == SIM_BEGINS) {
        return ERR_BUSY;
    }
    if (socket->state == SIM_CONNECTED) {
        return ERR_OK;
    }
    return FAIL(fail, ERR_UPSTREAM_CONNECT, "could not connect");
}

/* All of it, or now and then a part: who reads and writes must live with both. */
static size_t sim_part(struct sim *sim, size_t len)
{
    return sim_between(sim, 0, 3) == 0 ? (size_t)sim_between(sim, 1, len) : len;
}

static size_t socket_take(struct sim_socket *socket, char *bytes, size_t size)
{
    size_t len = 0;
    while (len < size && socket_has_data(socket)) {
        struct sim_packet *packet = EP_CONTAINER(socket->lane.next, struct sim_packet, node);
        size_t part = packet->len - packet->read;
        if (part > size - len) {
            part = size - len;
        }
        memcpy(bytes + len, packet->bytes + packet->read, part);
        len += part;
        packet->read += part;
        if (packet->read == packet->len) {
            node_unlink(&packet->node);
            mem_free(packet);
        }
    }
    ASSERT(len <= socket->held);
    socket->held -= len;
    return len;
}

enum err sim_net_read(struct loop *loop, int fd, void *bytes, size_t size, size_t *ret_len)
{
    struct sim_socket *socket = socket_at(loop, fd);
    struct sim *sim = socket->sim;
    ASSERT(socket->state != SIM_LISTENS);
    if (socket->state == SIM_BROKEN || socket->state == SIM_REFUSED) {
        return ERR_IO;
    }
    if (!socket_has_data(socket)) {
        return socket->ended ? ERR_NET_CLOSED : ERR_BUSY;
    }
    size_t len = socket_take(socket, bytes, sim_part(sim, size));
    struct sim_socket *peer = socket->peer;
    if (peer->starved && socket->held <= sim->options.window_bytes / 2) {
        peer->starved = false;
        socket_touch(peer);
    }
    sim_mark(sim, SIM_MARK_READ, ((uint64_t)fd << 32) | len);
    *ret_len = len;
    return ERR_OK;
}

static void packet_fill(struct sim_packet *packet, const struct iovec *parts)
{
    for (size_t at = 0; at < packet->len; parts++) {
        size_t part = packet->len - at < parts->iov_len ? packet->len - at : parts->iov_len;
        if (part > 0) {
            memcpy(packet->bytes + at, parts->iov_base, part);
        }
        at += part;
    }
}

enum err sim_net_write(struct loop *loop, int fd, const struct iovec *parts, int count,
                       size_t *ret_len)
{
    struct sim_socket *socket = socket_at(loop, fd);
    struct sim *sim = socket->sim;
    ASSERT(socket->state != SIM_LISTENS);
    if (socket->state == SIM_BROKEN || socket->state == SIM_REFUSED) {
        return ERR_IO;
    }
    if (socket->shut) {
        return ERR_NET_CLOSED;
    }
    if (!socket_writable(socket)) {
        socket->starved = true;
        return ERR_BUSY;
    }
    size_t len = 0;
    for (int i = 0; i < count; i++) {
        len += parts[i].iov_len;
    }
    ASSERT(len > 0);
    size_t room = sim->options.window_bytes - socket->peer->held;
    struct sim_packet *packet = packet_create(SIM_DATA, sim_part(sim, len < room ? len : room));
    if (packet == NULL) {
        return ERR_IO; /* as the kernel's ENOBUFS */
    }
    packet_fill(packet, parts);
    sim_mark(sim, SIM_MARK_WRITE, ((uint64_t)fd << 32) | packet->len);
    *ret_len = packet->len;
    packet_send(packet, socket->peer);
    return ERR_OK;
}

void sim_net_shutdown(struct loop *loop, int fd)
{
    struct sim_socket *socket = socket_at(loop, fd);
    if (socket->state == SIM_CONNECTED && !socket->shut) {
        socket->shut = true;
        signal_send(SIM_END, socket->peer);
    }
}
