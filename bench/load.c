/*
 * The benchmark's load: N connections that each ask again as soon as they have their answer, one
 * thread, epoll. Prints one line of JSON.
 *
 *   ep-bench-load PORT CONNECTIONS SECONDS BODY_BYTES stream|plain KEY
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"
#include "prose.h"

#define LOAD_EVENTS  512
#define LOAD_SAMPLES 4000000
#define LOAD_HEAD    4096 /* of an answer: all of them are smaller */

struct load_conn {
    int fd;
    int64_t begun_ns;
    int64_t first_ns; /* 0: nothing yet */
    size_t sent;
    uint64_t body_left; /* of an answer with a length */
    bool in_body;
    bool chunked;
    char tail[8]; /* the last bytes seen of a chunked answer */
    char head[LOAD_HEAD];
    size_t head_len;
};

static struct str load_request;
static bool load_stream;
static int64_t load_end_ns;
static uint32_t *load_us; /* of each answer, from the request to its end */
static size_t load_done;
static int64_t load_first_us_sum;
static size_t load_bad;
static size_t load_open;
static char load_scratch[256 * 1024];

static int64_t load_now_ns(void)
{
    struct timespec now;
    ASSERT(clock_gettime(CLOCK_MONOTONIC, &now) == 0);
    return (int64_t)now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

static void load_close(struct load_conn *conn)
{
    (void)close(conn->fd);
    conn->fd = -1;
    load_open--;
}

static void load_fail(struct load_conn *conn)
{
    load_bad++;
    load_close(conn);
}

static void load_write(struct load_conn *conn)
{
    while (conn->sent < load_request.len) {
        ssize_t put = send(conn->fd, load_request.ptr + conn->sent, load_request.len - conn->sent,
                           MSG_NOSIGNAL);
        if (put < 0 && errno == EAGAIN) {
            return;
        }
        if (put <= 0) {
            load_fail(conn);
            return;
        }
        conn->sent += (size_t)put;
    }
}

static void load_begin(struct load_conn *conn)
{
    int fd = conn->fd;
    *conn = (struct load_conn){ .fd = fd, .begun_ns = load_now_ns() };
    load_write(conn);
}

static void load_finish(struct load_conn *conn)
{
    int64_t now_ns = load_now_ns();
    if (load_done < LOAD_SAMPLES) {
        load_us[load_done++] = (uint32_t)((now_ns - conn->begun_ns) / 1000);
    }
    load_first_us_sum += (conn->first_ns - conn->begun_ns) / 1000;
    if (now_ns >= load_end_ns) {
        load_close(conn);
    } else {
        load_begin(conn);
    }
}

/* Reads the head once it is whole. False: it is no good answer. */
static bool load_head(struct load_conn *conn)
{
    struct str head = { conn->head, conn->head_len };
    if (!str_starts(head, STR("HTTP/1.1 200"))) {
        return false;
    }
    conn->in_body = true;
    conn->chunked = true;
    for (size_t at = 0; at < head.len; at++) {
        if (str_starts_nocase(str_from_at(head, at), STR("\ncontent-length:"))) {
            struct str value = str_from_at(head, at + sizeof("\ncontent-length:") - 1);
            conn->chunked = false;
            return str_to_u64(str_trim(str_cut(&value, '\r')), &conn->body_left);
        }
    }
    return true;
}

/* True: the answer has ended with these bytes. */
static bool load_body(struct load_conn *conn, struct str bytes)
{
    if (!conn->chunked) {
        conn->body_left -= bytes.len < conn->body_left ? bytes.len : conn->body_left;
        return conn->body_left == 0;
    }
    static const struct str end = STR_INIT("\r\n0\r\n\r\n");
    for (size_t i = bytes.len < end.len ? 0 : bytes.len - end.len; i < bytes.len; i++) {
        memmove(conn->tail, conn->tail + 1, end.len - 1);
        conn->tail[end.len - 1] = bytes.ptr[i];
    }
    return str_eq((struct str){ conn->tail, end.len }, end);
}

/* False: the connection is closed. */
static bool load_take(struct load_conn *conn, struct str bytes)
{
    if (conn->first_ns == 0) {
        conn->first_ns = load_now_ns();
    }
    if (!conn->in_body) {
        size_t room = sizeof(conn->head) - conn->head_len;
        size_t take = bytes.len < room ? bytes.len : room;
        size_t before = conn->head_len;
        memcpy(conn->head + conn->head_len, bytes.ptr, take);
        conn->head_len += take;
        size_t end = str_search((struct str){ conn->head, conn->head_len }, STR("\r\n\r\n"));
        if (end == conn->head_len) {
            return room > take;
        }
        conn->head_len = end + 4;
        bytes = str_from_at(bytes, end + 4 - before);
        if (!load_head(conn)) {
            return false;
        }
    }
    if (load_body(conn, bytes)) {
        load_finish(conn);
    }
    return conn->fd >= 0;
}

static void load_on_ready(struct load_conn *conn, uint32_t events)
{
    if (conn->begun_ns == 0) {
        return; /* connected, but its client has not arrived yet */
    }
    if ((events & EPOLLOUT) != 0) {
        load_write(conn);
    }
    while (conn->fd >= 0) {
        ssize_t got = recv(conn->fd, load_scratch, sizeof(load_scratch), 0);
        if (got < 0 && errno == EAGAIN) {
            return;
        }
        if (got <= 0) {
            load_fail(conn);
            return;
        }
        if (!load_take(conn, (struct str){ load_scratch, (size_t)got })) {
            if (conn->fd >= 0) {
                load_fail(conn);
            }
            return;
        }
    }
}

static void load_connect(struct load_conn *conn, int epoll, uint16_t port)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET,
        .sin_port = htons(port),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };
    conn->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ASSERT(conn->fd >= 0);
    ASSERT(connect(conn->fd, (struct sockaddr *)&address, sizeof(address)) == 0);
    (void)setsockopt(conn->fd, IPPROTO_TCP, TCP_NODELAY, &(int){ 1 }, sizeof(int));
    struct epoll_event event = { .events = EPOLLIN | EPOLLOUT | EPOLLET, .data.ptr = conn };
    ASSERT(fcntl(conn->fd, F_SETFL, O_NONBLOCK) == 0); /* connected first: that may wait */
    ASSERT(epoll_ctl(epoll, EPOLL_CTL_ADD, conn->fd, &event) == 0);
    load_open++;
}

static void load_prepare(size_t body_bytes, const char *key)
{
    char start[256];
    char head[512];
    int len = snprintf(start, sizeof(start),
                       "{\"model\":\"aurora-large\",\"max_tokens\":64,%s\"messages\":[{\"role\":"
                       "\"user\",\"content\":\"",
                       load_stream ? "\"stream\":true," : "");
    static const struct str end = STR_INIT("\"}]}");
    size_t fill = body_bytes > (size_t)len + end.len ? body_bytes - (size_t)len - end.len : 1;
    size_t body = (size_t)len + fill + end.len;
    int head_len = snprintf(head, sizeof(head),
                            "POST /v1/chat/completions HTTP/1.1\r\nHost: bench\r\nAuthorization: "
                            "Bearer %s\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n"
                            "\r\n",
                            key, body);
    char *text = mem_alloc((size_t)head_len + body);
    ASSERT(text != NULL);
    memcpy(text, head, (size_t)head_len);
    memcpy(text + head_len, start, (size_t)len);
    prose_fill(text + head_len + len, fill, 1);
    memcpy(text + head_len + len + fill, end.ptr, end.len);
    load_request = (struct str){ text, (size_t)head_len + body };
}

static int load_compare(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a;
    uint32_t y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}

static void load_report(int64_t took_ns)
{
    qsort(load_us, load_done, sizeof(*load_us), load_compare);
    size_t count = load_done > 0 ? load_done : 1;
    (void)printf("{\"requests\":%zu,\"per_second\":%lld,\"p50_us\":%u,\"p99_us\":%u,"
                 "\"first_byte_us\":%lld,\"bad\":%zu}\n",
                 load_done, (long long)((int64_t)load_done * 1000000000 / took_ns),
                 load_us[load_done / 2], load_us[load_done * 99 / 100],
                 (long long)(load_first_us_sum / (int64_t)count), load_bad);
}

int main(int argc, char **argv)
{
    uint64_t port = 0;
    uint64_t connections = 0;
    uint64_t seconds = 0;
    uint64_t body = 0;
    if (argc != 7 || !str_to_u64(str_from(argv[1]), &port) || port > UINT16_MAX ||
        !str_to_u64(str_from(argv[2]), &connections) || connections == 0 || connections > 4000 ||
        !str_to_u64(str_from(argv[3]), &seconds) || seconds == 0 || seconds > 60 ||
        !str_to_u64(str_from(argv[4]), &body)) {
        (void)fprintf(stderr, "usage: %s PORT CONNECTIONS SECONDS BODY_BYTES stream|plain KEY\n",
                      argv[0]);
        return 2;
    }
    struct rlimit files = { 8192, 8192 };
    (void)setrlimit(RLIMIT_NOFILE, &files); /* a smaller limit shows when it is reached */
    load_stream = strcmp(argv[5], "stream") == 0;
    load_prepare((size_t)body, argv[6]);
    load_us = mem_zalloc(LOAD_SAMPLES * sizeof(*load_us));
    struct load_conn *conns = mem_zalloc(connections * sizeof(*conns));
    ASSERT(load_us != NULL && conns != NULL);
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    for (uint64_t i = 0; i < connections; i++) {
        load_connect(&conns[i], epoll, (uint16_t)port);
    }
    int64_t begun_ns = load_now_ns();
    load_end_ns = begun_ns + (int64_t)seconds * 1000000000;
    uint64_t begun = 0;
    static struct epoll_event events[LOAD_EVENTS];
    /* A target that hangs ends the run with what there is. */
    while (load_open > 0 && load_now_ns() < load_end_ns + INT64_C(5000000000)) {
        /* Clients arrive one after the other, over half a second. */
        uint64_t due = (uint64_t)(load_now_ns() - begun_ns) * connections / 500000000 + 1;
        while (begun < connections && begun < due) {
            load_begin(&conns[begun++]);
        }
        int count = epoll_wait(epoll, events, LOAD_EVENTS, begun < connections ? 1 : 100);
        for (int i = 0; i < count; i++) {
            load_on_ready(events[i].data.ptr, events[i].events);
        }
    }
    load_bad += load_open;
    load_report(load_now_ns() - begun_ns);
    return 0;
}
