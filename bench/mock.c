/*
 * The benchmark's upstream: chat completions over HTTP/1.1, one thread, epoll. It reads requests by
 * their Content-Length and sends prepared bytes: a whole answer, or a stream whose events come back
 * to back or paced.
 *
 *   ep-bench-mock PORT [PACE_MS]
 */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"
#include "prose.h"

#define MOCK_CONNS   32768
#define MOCK_EVENTS  512
#define MOCK_REQUEST (1024 * 1024) /* the largest case sends 400 KB */
#define MOCK_DELTAS  32
#define MOCK_PARTS   (MOCK_DELTAS + 3) /* finish, usage, [DONE] and the last chunk */

struct mock_conn {
    int fd;
    char *request; /* allocated while one is incomplete or being read */
    size_t len;
    int next_part; /* of a paced stream; -1: none */
    int64_t due_ns;
};

static struct str mock_answer;
static struct str mock_stream_head;
static struct str mock_parts[MOCK_PARTS];
static struct mock_conn *mock_conns[MOCK_CONNS * 2];
static size_t mock_top; /* above the highest descriptor yet */
static int64_t mock_pace_ns;

static int64_t mock_now_ns(void)
{
    struct timespec now;
    ASSERT(clock_gettime(CLOCK_MONOTONIC, &now) == 0);
    return (int64_t)now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

static struct str mock_keep(const char *text)
{
    char *copy = mem_copy_text(text, strlen(text));
    ASSERT(copy != NULL);
    return str_from(copy);
}

static struct str mock_chunk(const char *data)
{
    char text[1024];
    (void)snprintf(text, sizeof(text), "%zx\r\ndata: %s\n\n\r\n", strlen(data) + 8, data);
    return mock_keep(text);
}

static void mock_prepare_stream(void)
{
    char text[512];
    mock_stream_head = mock_keep("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
                                 "Transfer-Encoding: chunked\r\n\r\n");
    for (int i = 0; i < MOCK_DELTAS; i++) {
        (void)snprintf(
            text, sizeof(text),
            "{\"id\":\"chatcmpl-1\",\"object\":\"chat.completion.chunk\",\"created\":1,"
            "\"model\":\"aurora-large\",\"system_fingerprint\":null,\"choices\":[{\"index\":"
            "0,\"delta\":{\"content\":\" word%02d\"},\"logprobs\":null,"
            "\"finish_reason\":null}],\"usage\":null}",
            i);
        mock_parts[i] = mock_chunk(text);
    }
    mock_parts[MOCK_DELTAS] = mock_chunk(
        "{\"id\":\"chatcmpl-1\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":"
        "\"aurora-large\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}],"
        "\"usage\":null}");
    mock_parts[MOCK_DELTAS + 1] = mock_chunk(
        "{\"id\":\"chatcmpl-1\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":"
        "\"aurora-large\",\"choices\":[],\"usage\":{\"prompt_tokens\":200,\"completion_tokens\":32,"
        "\"total_tokens\":232}}");
    mock_parts[MOCK_DELTAS + 2] = mock_keep("e\r\ndata: [DONE]\n\n\r\n0\r\n\r\n");
}

/* About 1 KB, as a short answer is. */
static void mock_prepare_answer(void)
{
    char words[601];
    char body[1500];
    char text[2000];
    prose_fill(words, sizeof(words) - 1, 2);
    words[sizeof(words) - 1] = '\0';
    (void)snprintf(
        body, sizeof(body),
        "{\"id\":\"chatcmpl-1\",\"object\":\"chat.completion\",\"created\":1,\"model\":"
        "\"aurora-large\",\"system_fingerprint\":null,\"choices\":[{\"index\":0,"
        "\"message\":{\"role\":\"assistant\",\"content\":\"%s\",\"refusal\":null},"
        "\"logprobs\":null,\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":200,"
        "\"completion_tokens\":32,\"total_tokens\":232}}",
        words);
    (void)snprintf(
        text, sizeof(text),
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n"
        "%s",
        strlen(body), body);
    mock_answer = mock_keep(text);
}

static void mock_close(struct mock_conn *conn)
{
    mock_conns[conn->fd] = NULL;
    (void)close(conn->fd);
    mem_free(conn->request);
    mem_free(conn);
}

/* Prepared bytes fit a socket's buffer; a reader too slow for that ends its connection. */
static bool mock_send(struct mock_conn *conn, struct str bytes)
{
    return send(conn->fd, bytes.ptr, bytes.len, MSG_NOSIGNAL) == (ssize_t)bytes.len;
}

static bool mock_reply(struct mock_conn *conn, struct str body)
{
    bool stream = str_search(body, STR("\"stream\":true")) < body.len;
    if (!stream) {
        return mock_send(conn, mock_answer);
    }
    if (mock_pace_ns == 0) {
        /* A send each, as a model's server does: events do not wait for each other. */
        bool good = mock_send(conn, mock_stream_head);
        for (int i = 0; good && i < MOCK_PARTS; i++) {
            good = mock_send(conn, mock_parts[i]);
        }
        return good;
    }
    conn->next_part = 0;
    conn->due_ns = mock_now_ns() + mock_pace_ns;
    return mock_send(conn, mock_stream_head);
}

/* Answers the request that is whole; false: the connection is of no use any more. */
static bool mock_read(struct mock_conn *conn)
{
    struct str text = { conn->request, conn->len };
    size_t head = str_search(text, STR("\r\n\r\n"));
    if (head == text.len) {
        return conn->len < MOCK_REQUEST;
    }
    size_t at = 0;
    uint64_t length = 0;
    while (at < head && !str_starts_nocase(str_from_at(text, at), STR("\ncontent-length:"))) {
        at++;
    }
    if (at < head) {
        struct str value = str_from_at(text, at + sizeof("\ncontent-length:") - 1);
        if (!str_to_u64(str_trim(str_cut(&value, '\r')), &length)) {
            return false;
        }
    }
    size_t need = head + 4 + (size_t)length;
    if (need > MOCK_REQUEST) {
        return false;
    }
    if (conn->len < need) {
        return true;
    }
    conn->len = 0; /* nobody pipelines here */
    return mock_reply(conn, str_slice(text, head + 4, need));
}

static void mock_on_ready(struct mock_conn *conn)
{
    for (;;) {
        if (conn->request == NULL) {
            conn->request = mem_alloc(MOCK_REQUEST);
            ASSERT(conn->request != NULL);
        }
        ssize_t got = recv(conn->fd, conn->request + conn->len, MOCK_REQUEST - conn->len, 0);
        if (got < 0 && errno == EAGAIN) {
            return;
        }
        if (got <= 0) {
            mock_close(conn);
            return;
        }
        conn->len += (size_t)got;
        if (!mock_read(conn)) {
            mock_close(conn);
            return;
        }
    }
}

static void mock_tick(void)
{
    int64_t now_ns = mock_now_ns();
    for (size_t i = 0; i < mock_top; i++) {
        struct mock_conn *conn = mock_conns[i];
        if (conn == NULL || conn->next_part < 0 || conn->due_ns > now_ns) {
            continue;
        }
        int part = conn->next_part++;
        conn->due_ns += mock_pace_ns;
        if (!mock_send(conn, mock_parts[part])) {
            mock_close(conn);
        } else if (conn->next_part == MOCK_PARTS) {
            conn->next_part = -1;
        }
    }
}

static void mock_accept(int epoll, int listener)
{
    int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    while (fd >= 0) {
        struct mock_conn *conn = mem_zalloc(sizeof(*conn));
        ASSERT(conn != NULL);
        ASSERT((size_t)fd < EP_ARRAY_LEN(mock_conns));
        conn->fd = fd;
        conn->next_part = -1;
        mock_conns[fd] = conn;
        mock_top = (size_t)fd >= mock_top ? (size_t)fd + 1 : mock_top;
        (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){ 1 }, sizeof(int));
        struct epoll_event event = { .events = EPOLLIN | EPOLLET, .data.ptr = conn };
        ASSERT(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) == 0);
        fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    }
}

static int mock_listen(uint16_t port)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET,
        .sin_port = htons(port),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    ASSERT(fd >= 0);
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){ 1 }, sizeof(int));
    ASSERT(bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0);
    ASSERT(listen(fd, MOCK_CONNS) == 0);
    return fd;
}

int main(int argc, char **argv)
{
    uint64_t port = 0;
    uint64_t pace_ms = 0;
    if (argc < 2 || !str_to_u64(str_from(argv[1]), &port) || port > UINT16_MAX ||
        (argc > 2 && !str_to_u64(str_from(argv[2]), &pace_ms))) {
        (void)fprintf(stderr, "usage: %s PORT [PACE_MS]\n", argv[0]);
        return 2;
    }
    struct rlimit files = { MOCK_CONNS * 2, MOCK_CONNS * 2 };
    (void)setrlimit(RLIMIT_NOFILE, &files); /* a smaller limit shows when it is reached */
    mock_pace_ns = (int64_t)pace_ms * 1000000;
    mock_prepare_answer();
    mock_prepare_stream();
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    int listener = mock_listen((uint16_t)port);
    struct epoll_event event = { .events = EPOLLIN, .data.ptr = NULL };
    ASSERT(epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event) == 0);
    static struct epoll_event events[MOCK_EVENTS];
    for (;;) {
        int count = epoll_wait(epoll, events, MOCK_EVENTS, mock_pace_ns > 0 ? 1 : -1);
        for (int i = 0; i < count; i++) {
            if (events[i].data.ptr == NULL) {
                mock_accept(epoll, listener);
            } else {
                mock_on_ready(events[i].data.ptr);
            }
        }
        if (mock_pace_ns > 0) {
            mock_tick();
        }
    }
}
