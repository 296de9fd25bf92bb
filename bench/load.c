/*
 * The benchmark's load: N connections that each ask again as soon as they have their answer, one
 * thread, epoll. Prints one line of JSON.
 *
 *   ep-bench-load PORT CONNECTIONS SECONDS BODY_BYTES stream|plain|agent KEY [OPTION...]
 *
 *   tls            over TLS, whatever the certificate
 *   rate=N         N questions a second in all, while a connection waits for no answer
 *   pace=MS        between the events of a stream: how late each comes is measured
 *   ramp=MS        clients arrive one after the other over so long (500)
 *   head=LINE      one more line of the head
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "ask.h"
#include "base/mem.h"
#include "base/str.h"

#define LOAD_EVENTS  512
#define LOAD_SAMPLES 4000000
#define LOAD_DELTAS  32    /* of a stream: its end may wait until it is settled */
#define LOAD_CONNS   24000 /* ports of one address, less those of the proxy's own connections */
#define LOAD_HEAD    4096  /* of an answer: all of them are smaller */

struct load_conn {
    int fd;
    SSL *tls;               /* NULL: plain */
    struct load_conn *idle; /* the next that waits for a question to ask */
    int64_t least_ns; /* when event 0 would have come by its earliest one; of a paced stream */
    uint32_t events;
    bool newline;
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

struct load_options {
    uint64_t rate;
    uint64_t pace_ms;
    uint64_t ramp_ms;
    char head[512]; /* whole lines */
};

/* Microseconds of many things. */
struct load_sample {
    uint32_t *us;
    size_t count;
};

static struct load_options options = { .ramp_ms = 500 };
static struct str load_request;
static int64_t load_end_ns;
static struct load_sample load_whole;           /* from the request to the answer's end */
static struct load_sample load_first;           /* to its first byte */
static struct load_sample load_late;            /* events, behind their pace */
static uint32_t load_events_least = UINT32_MAX; /* of a stream */
static uint32_t load_events_most;
static struct load_conn *load_idle;
static SSL_CTX *load_tls;
static size_t load_bad;
static size_t load_open;
static char load_scratch[256 * 1024];

static int64_t load_now_ns(void)
{
    struct timespec now;
    ASSERT(clock_gettime(CLOCK_MONOTONIC, &now) == 0);
    return (int64_t)now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

static void load_note(struct load_sample *sample, int64_t ns)
{
    if (sample->count < LOAD_SAMPLES) {
        sample->us[sample->count++] = (uint32_t)(ns / 1000);
    }
}

/* As send() and recv(); errno is EAGAIN where TLS has to wait, too. */
static ssize_t load_put(const struct load_conn *conn, const char *bytes, size_t len)
{
    if (conn->tls == NULL) {
        return send(conn->fd, bytes, len, MSG_NOSIGNAL);
    }
    int put = SSL_write(conn->tls, bytes, (int)len);
    errno = put > 0 || SSL_want(conn->tls) == SSL_NOTHING ? 0 : EAGAIN;
    return put;
}

static ssize_t load_get(const struct load_conn *conn, char *bytes, size_t size)
{
    if (conn->tls == NULL) {
        return recv(conn->fd, bytes, size, 0);
    }
    int got = SSL_read(conn->tls, bytes, (int)size);
    errno = got > 0 || SSL_want(conn->tls) == SSL_NOTHING ? 0 : EAGAIN;
    return got;
}

static void load_close(struct load_conn *conn)
{
    SSL_free(conn->tls);
    conn->tls = NULL;
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
        ssize_t put = load_put(conn, load_request.ptr + conn->sent, load_request.len - conn->sent);
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
    *conn = (struct load_conn){
        .fd = conn->fd, .tls = conn->tls, .begun_ns = load_now_ns(), .least_ns = INT64_MAX
    };
    load_write(conn);
}

static void load_finish(struct load_conn *conn)
{
    int64_t now_ns = load_now_ns();
    load_note(&load_whole, now_ns - conn->begun_ns);
    load_note(&load_first, conn->first_ns - conn->begun_ns);
    if (options.pace_ms > 0) {
        load_events_least = conn->events < load_events_least ? conn->events : load_events_least;
        load_events_most = conn->events > load_events_most ? conn->events : load_events_most;
    }
    if (now_ns >= load_end_ns) {
        load_close(conn);
    } else if (options.rate > 0) {
        conn->idle = load_idle;
        load_idle = conn;
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

/* Each ends with an empty line; the first ones of a stream tell when it began. */
static void load_count_events(struct load_conn *conn, struct str bytes)
{
    int64_t now_ns = load_now_ns();
    for (size_t i = 0; i < bytes.len; i++) {
        bool ends = bytes.ptr[i] == '\n' && conn->newline;
        conn->newline = bytes.ptr[i] == '\n' && !conn->newline;
        if (ends) {
            int64_t at_ns = now_ns - (int64_t)(conn->events++ * options.pace_ms) * 1000000;
            conn->least_ns = at_ns < conn->least_ns ? at_ns : conn->least_ns;
            if (conn->events <= LOAD_DELTAS) {
                load_note(&load_late, at_ns - conn->least_ns);
            }
        }
    }
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
    if (options.pace_ms > 0) {
        load_count_events(conn, bytes);
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
        ssize_t got = load_get(conn, load_scratch, sizeof(load_scratch));
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
    if (load_tls != NULL) {
        conn->tls = SSL_new(load_tls);
        ASSERT(conn->tls != NULL && SSL_set_fd(conn->tls, conn->fd) == 1);
        ASSERT(SSL_connect(conn->tls) == 1);
    }
    ASSERT(fcntl(conn->fd, F_SETFL, O_NONBLOCK) == 0); /* connected first: that may wait */
    ASSERT(epoll_ctl(epoll, EPOLL_CTL_ADD, conn->fd, &event) == 0);
    load_open++;
}

static void load_prepare(size_t bytes, const char *mode, const char *key)
{
    struct buf body;
    struct buf text;
    buf_init(&body, ASK_BODY_MAX);
    buf_init(&text, ASK_BODY_MAX + LOAD_HEAD);
    if (strcmp(mode, "agent") == 0) {
        ask_agent(&body, bytes);
    } else {
        ask_prose(&body, bytes, strcmp(mode, "stream") == 0);
    }
    enum err err = buf_printf(&text,
                              "POST /v1/chat/completions HTTP/1.1\r\nHost: bench\r\n"
                              "Authorization: Bearer %s\r\n%sContent-Type: application/json\r\n"
                              "Content-Length: %zu\r\n\r\n",
                              key, options.head, body.len);
    err = err == ERR_OK ? buf_append(&text, buf_str(&body)) : err;
    ASSERT(err == ERR_OK);
    buf_fini(&body);
    load_request = buf_str(&text); /* lives as long as the process */
}

static int load_compare(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a;
    uint32_t y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}

/* The part of a sample, 0 to 100; sorts it. */
static uint32_t load_part(struct load_sample *sample, size_t percent)
{
    qsort(sample->us, sample->count, sizeof(*sample->us), load_compare);
    size_t at = sample->count * percent / 100;
    return sample->count == 0 ? 0 : sample->us[at < sample->count ? at : sample->count - 1];
}

static void load_report(int64_t took_ns)
{
    (void)printf("{\"requests\":%zu,\"per_second\":%lld,\"bad\":%zu,\"p50_us\":%u,\"p99_us\":%u,"
                 "\"first_p50_us\":%u,\"first_p99_us\":%u",
                 load_whole.count, (long long)((int64_t)load_whole.count * 1000000000 / took_ns),
                 load_bad, load_part(&load_whole, 50), load_part(&load_whole, 99),
                 load_part(&load_first, 50), load_part(&load_first, 99));
    if (options.pace_ms > 0) {
        (void)printf(",\"events\":%zu,\"events_least\":%u,\"events_most\":%u,"
                     "\"late_p50_us\":%u,\"late_p99_us\":%u,\"late_most_us\":%u",
                     load_late.count, load_events_least, load_events_most,
                     load_part(&load_late, 50), load_part(&load_late, 99),
                     load_part(&load_late, 100));
    }
    (void)puts("}");
}

static bool load_option(const char *word)
{
    struct str value = str_from(word);
    struct str name = str_cut(&value, '=');
    size_t used = strlen(options.head);
    if (str_eq(name, STR("head"))) {
        int len = snprintf(options.head + used, sizeof(options.head) - used, STR_FMT "\r\n",
                           STR_ARG(value));
        return len > 0 && (size_t)len < sizeof(options.head) - used;
    }
    if (str_eq(name, STR("tls"))) {
        load_tls = SSL_CTX_new(TLS_client_method());
        ASSERT(load_tls != NULL);
        SSL_CTX_set_mode(load_tls, SSL_MODE_ENABLE_PARTIAL_WRITE);
        return true;
    }
    return (str_eq(name, STR("rate")) && str_to_u64(value, &options.rate)) ||
           (str_eq(name, STR("pace")) && str_to_u64(value, &options.pace_ms)) ||
           (str_eq(name, STR("ramp")) && str_to_u64(value, &options.ramp_ms));
}

static void load_init(uint64_t connections)
{
    struct rlimit files = { connections + 64, connections + 64 };
    (void)setrlimit(RLIMIT_NOFILE, &files); /* a smaller limit shows when it is reached */
    struct load_sample *const samples[] = { &load_whole, &load_first, &load_late };
    for (size_t i = 0; i < EP_ARRAY_LEN(samples); i++) {
        samples[i]->us = mem_zalloc(LOAD_SAMPLES * sizeof(*samples[i]->us));
        ASSERT(samples[i]->us != NULL);
    }
}

/* Those whose time has come: arriving clients, then questions at the rate. */
static void load_begin_due(struct load_conn *conns, uint64_t connections, int64_t begun_ns)
{
    static uint64_t begun;
    static uint64_t asked;
    int64_t now_ns = load_now_ns();
    uint64_t since_us = (uint64_t)(now_ns - begun_ns) / 1000;
    uint64_t due =
        options.ramp_ms == 0 ? connections : since_us * connections / (options.ramp_ms * 1000) + 1;
    while (options.rate == 0 && begun < connections && begun < due) {
        load_begin(&conns[begun++]);
    }
    while (options.rate > 0 && begun < connections) {
        conns[begun].idle = load_idle;
        load_idle = &conns[begun++];
    }
    while (options.rate > 0 && load_idle != NULL && now_ns < load_end_ns &&
           asked < since_us * options.rate / 1000000) {
        struct load_conn *conn = load_idle;
        load_idle = conn->idle;
        asked++;
        load_begin(conn);
    }
}

static void load_run(struct load_conn *conns, uint64_t connections, uint16_t port,
                     int64_t patience_ns)
{
    static struct epoll_event events[LOAD_EVENTS];
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    for (uint64_t i = 0; i < connections; i++) {
        load_connect(&conns[i], epoll, port);
    }
    int64_t begun_ns = load_now_ns();
    load_end_ns += begun_ns;
    int64_t next_ns = options.rate > 0 ? 1000000000 / (int64_t)options.rate : 1000000;
    const struct timespec nap = { .tv_nsec = next_ns < 1000000 ? next_ns : 1000000 };
    /* A target that hangs ends the run with what there is. */
    while (load_open > 0 && load_now_ns() < load_end_ns + patience_ns) {
        load_begin_due(conns, connections, begun_ns);
        int count = epoll_pwait2(epoll, events, LOAD_EVENTS, &nap, NULL);
        for (int i = 0; i < count; i++) {
            load_on_ready(events[i].data.ptr, events[i].events);
        }
        while (load_idle != NULL && load_now_ns() >= load_end_ns) {
            struct load_conn *conn = load_idle;
            load_idle = conn->idle;
            load_close(conn);
        }
    }
    load_bad += load_open;
    load_report(load_now_ns() - begun_ns);
}

int main(int argc, char **argv)
{
    uint64_t port = 0;
    uint64_t connections = 0;
    uint64_t seconds = 0;
    uint64_t body = 0;
    bool good = argc >= 7 && str_to_u64(str_from(argv[1]), &port) && port <= UINT16_MAX &&
                str_to_u64(str_from(argv[2]), &connections) && connections > 0 &&
                connections <= LOAD_CONNS && str_to_u64(str_from(argv[3]), &seconds) &&
                seconds > 0 && seconds <= 600 && str_to_u64(str_from(argv[4]), &body) &&
                body < ASK_BODY_MAX;
    for (int i = 7; i < argc && good; i++) {
        good = load_option(argv[i]);
    }
    if (!good) {
        (void)fprintf(stderr,
                      "usage: %s PORT CONNECTIONS SECONDS BODY_BYTES stream|plain|agent KEY "
                      "[OPTION...]\n",
                      argv[0]);
        return 2;
    }
    load_init(connections);
    load_prepare((size_t)body, argv[5], argv[6]);
    struct load_conn *conns = mem_zalloc(connections * sizeof(*conns));
    ASSERT(conns != NULL);
    load_end_ns = (int64_t)seconds * 1000000000;
    /* A stream that began at the end may take its whole time; 40 events are more than it has. */
    int64_t patience_ns = INT64_C(5000000000) + (int64_t)options.pace_ms * 40 * 1000000;
    load_run(conns, connections, (uint16_t)port, patience_ns);
    return 0;
}
