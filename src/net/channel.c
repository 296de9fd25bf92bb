#include "net/channel.h"

#include <string.h>

#include "base/enc.h"
#include "crypto/digest.h"
#include "crypto/random.h"

#define SEC INT64_C(1000000000)
/* What may come while it is paused: one read, and what came with the handshake. */
#define HELD_MAX   ((size_t)1 << 20)
#define ACCEPT_MAX 2048 /* the lines of our answer */

static void mask_at_random(unsigned char *bytes, size_t len)
{
    random_bytes(bytes, len);
}

struct channel_options channel_options_default(void)
{
    return (struct channel_options){
        .limits = { .message_bytes_max = (size_t)16 << 20, /* what the vendors take */
                    .fragments_max = 1024,                 /* 16 KiB each, of the largest */
                    .controls_max_s = 32 },
        .queue_bytes_max = (size_t)8 << 20,
        .ping_ns = 30 * SEC, /* half of what proxies wait */
        .close_ns = 5 * SEC,
        .open_ns = 10 * SEC,
    };
}

static void channel_on_timer(struct timer *timer);
static void channel_on_task(struct task *task);

static void channel_reset(struct channel *channel)
{
    buf_init(&channel->head, (size_t)64 * 1024);
    buf_init(&channel->held, HELD_MAX);
    channel->x = NULL;
    channel->protocol_len = 0;
    channel->reason_len = 0;
    channel->code = WEBSOCKET_ABNORMAL;
    channel->paused = false;
    channel->pinged = false;
    channel->broken = false;
    channel->lost = false;
    channel->gone = NULL;
}

void channel_init(struct channel *channel, const struct channel_events *events,
                  const struct channel_options *options)
{
    ASSERT(events->on_message != NULL && events->on_closed != NULL);
    *channel = (struct channel){ .events = events, .options = *options };
    channel_reset(channel);
    timer_init(&channel->timer, channel_on_timer);
    task_init(&channel->task, channel_on_task);
}

/* ---- time --------------------------------------------------------------------------------- */

/* It cannot go on; told later. */
static void channel_break(struct channel *channel)
{
    channel->broken = true;
    task_queue(channel->loop, &channel->task);
}

static int64_t channel_deadline(const struct channel *channel)
{
    if (channel->state == CHANNEL_CLOSING || channel->state == CHANNEL_ENDING) {
        return channel->heard_ns + channel->options.close_ns;
    }
    if (channel->state == CHANNEL_OPEN && channel->options.ping_ns > 0) {
        return channel->heard_ns + channel->options.ping_ns * (channel->pinged ? 2 : 1);
    }
    return INT64_MAX;
}

static void channel_schedule(struct channel *channel)
{
    int64_t at_ns = channel_deadline(channel);
    /* One that fires too early looks again; so a message costs no work on the timer. */
    if (at_ns == INT64_MAX || (timer_armed(&channel->timer) && channel->timer.at_ns <= at_ns)) {
        return;
    }
    if (timer_start(channel->loop, &channel->timer, at_ns) != ERR_OK) {
        channel_break(channel);
    }
}

static void channel_heard(struct channel *channel)
{
    channel->heard_ns = loop_now_ns(channel->loop);
    channel->pinged = false;
}

/* ---- ends --------------------------------------------------------------------------------- */

/* Nothing of it is in use then. */
static void channel_end(struct channel *channel)
{
    ASSERT(channel->state != CHANNEL_NONE);
    channel->state = CHANNEL_NONE;
    channel->x = NULL;
    if (channel->gone != NULL) {
        *channel->gone = true;
        channel->gone = NULL;
    }
    timer_stop(channel->loop, &channel->timer);
    task_cancel(&channel->task);
    http_call_cancel(&channel->call);
    websocket_fini(&channel->wire);
    buf_fini(&channel->head);
    buf_fini(&channel->held);
}

/* From the loop alone. */
static void channel_tell_closed(struct channel *channel)
{
    channel_end(channel);
    channel->events->on_closed(channel, channel->code,
                               (struct str){ channel->reason, channel->reason_len });
}

/* Likewise. */
static void channel_refused(struct channel *channel, int status, enum err err,
                            const struct fail *fail)
{
    channel_end(channel);
    channel->events->on_refused(channel, status, err, fail);
}

static void channel_note_end(struct channel *channel, uint16_t code, struct str reason)
{
    channel->code = code;
    channel->reason_len = reason.len < WEBSOCKET_REASON_MAX ? reason.len : WEBSOCKET_REASON_MAX;
    memcpy(channel->reason, reason.len > 0 ? reason.ptr : "", channel->reason_len);
}

/* Both sides have said their last word. From the loop alone. */
static void channel_finish(struct channel *channel)
{
    struct http_exchange *x = channel->x;
    if (x != NULL) {
        http_respond_end(x); /* writes out what waits, and waits for the client to close */
        channel_tell_closed(channel);
        return;
    }
    /* A server closes the connection first (RFC 6455 7.1.1). */
    channel->state = CHANNEL_ENDING;
    channel->heard_ns = loop_now_ns(channel->loop);
    timer_stop(channel->loop, &channel->timer);
    channel_schedule(channel);
}

void channel_abort(struct channel *channel)
{
    struct http_exchange *x = channel->x;
    if (channel->state == CHANNEL_NONE) {
        return;
    }
    channel_end(channel);
    if (x != NULL) {
        http_exchange_abort(x);
    }
}

/* ---- writing ------------------------------------------------------------------------------ */

static void channel_put(struct channel *channel, struct buf *frame)
{
    struct str bytes = buf_str(frame);
    if (bytes.len > 0 && channel->x != NULL) {
        http_respond_body(channel->x, &bytes, 1);
    } else if (bytes.len > 0) {
        http_call_write(&channel->call, bytes);
    }
    buf_fini(frame);
}

static enum err channel_write(struct channel *channel, enum websocket_op op, struct str data)
{
    struct buf frame;
    buf_init(&frame, data.len + WEBSOCKET_HEAD_MAX);
    enum err err = websocket_write(&channel->wire, op, data, &frame);
    channel_put(channel, &frame);
    return err;
}

static void channel_write_close(struct channel *channel, uint16_t code, struct str reason)
{
    struct buf frame;
    buf_init(&frame, WEBSOCKET_CONTROL_MAX + WEBSOCKET_HEAD_MAX);
    if (websocket_write_close(&channel->wire, code, reason, &frame) != ERR_OK) {
        channel_break(channel);
    }
    channel_put(channel, &frame);
}

enum err channel_send(struct channel *channel, bool text, struct str data)
{
    if (channel->state != CHANNEL_OPEN || channel->broken) {
        return ERR_NET_CLOSED;
    }
    if (data.len > channel->options.queue_bytes_max - WEBSOCKET_HEAD_MAX ||
        channel_pending(channel) >
            channel->options.queue_bytes_max - WEBSOCKET_HEAD_MAX - data.len) {
        return ERR_LIMIT;
    }
    return channel_write(channel, text ? WEBSOCKET_TEXT : WEBSOCKET_BINARY, data);
}

size_t channel_pending(const struct channel *channel)
{
    if (channel->x != NULL) {
        return http_respond_pending(channel->x);
    }
    return http_call_is_open(&channel->call) ? http_call_pending(&channel->call) : 0;
}

void channel_close(struct channel *channel, uint16_t code, struct str reason)
{
    if (channel->state != CHANNEL_OPEN) {
        if (channel->state == CHANNEL_ASKING) {
            channel_break(channel);
        }
        return;
    }
    channel_note_end(channel, code, reason);
    channel_write_close(channel, code, reason);
    channel->state = CHANNEL_CLOSING;
    channel->heard_ns = loop_now_ns(channel->loop); /* from when it is waited for */
    timer_stop(channel->loop, &channel->timer);
    channel_schedule(channel);
    channel_resume(channel);
}

/* ---- reading ------------------------------------------------------------------------------ */

/* The peer closes, or answers that we do. */
static void channel_on_close(struct channel *channel, const struct websocket_event *event)
{
    if (channel->state == CHANNEL_OPEN) {
        channel_note_end(channel, event->code, event->data);
        channel_write_close(channel, event->code == WEBSOCKET_NO_CODE ? 0 : event->code, STR_EMPTY);
    }
    channel_finish(channel);
}

static void channel_on_bad(struct channel *channel, const struct websocket_event *event)
{
    channel_note_end(channel, event->code, str_from(event->why));
    channel_write_close(channel, event->code, str_from(event->why));
    channel_finish(channel);
}

static void channel_take(struct channel *channel, enum websocket_got got,
                         const struct websocket_event *event)
{
    switch (got) {
    case WEBSOCKET_MESSAGE:
        if (channel->state == CHANNEL_OPEN) {
            channel->events->on_message(channel, event->text, event->data);
        }
        break;
    case WEBSOCKET_PING:
        /* Behind what waits already: a peer that reads nothing collects no answers. */
        if (channel_pending(channel) <= HTTP_PENDING_LOW &&
            channel_write(channel, WEBSOCKET_OP_PONG, event->data) == ERR_NO_MEMORY) {
            channel_break(channel);
        }
        break;
    case WEBSOCKET_CLOSE:
        channel_on_close(channel, event);
        break;
    case WEBSOCKET_BAD:
        channel_on_bad(channel, event);
        break;
    case WEBSOCKET_MORE:
    case WEBSOCKET_PONG:
        break;
    }
}

/* Reads from *bytes until it is paused. False: it has ended, and is not to be touched. */
static bool channel_read(struct channel *channel, struct str *bytes)
{
    bool gone = false;
    channel->gone = &gone;
    while (!channel->paused && !channel->broken) {
        struct websocket_event event;
        enum websocket_got got =
            websocket_read(&channel->wire, bytes, loop_now_ns(channel->loop), &event);
        if (got == WEBSOCKET_MORE) {
            break;
        }
        channel_take(channel, got, &event);
        if (gone) {
            return false;
        }
    }
    channel->gone = NULL;
    return true;
}

/* What was held while it was paused. False: it has ended. */
static bool channel_read_held(struct channel *channel)
{
    struct buf held = channel->held;
    buf_init(&channel->held, held.max);
    struct str rest = buf_str(&held);
    bool there = channel_read(channel, &rest);
    if (!there || rest.len == 0) {
        buf_fini(&held);
        return there;
    }
    buf_drop(&held, held.len - rest.len);
    channel->held = held;
    return true;
}

static void channel_on_bytes(struct channel *channel, struct str bytes)
{
    if (channel->state == CHANNEL_ENDING) {
        return;
    }
    if (channel->state == CHANNEL_OPEN) { /* else it is an answer to our close that is waited for */
        channel_heard(channel);
    }
    /* What was held comes first: its task may not have come by since it was resumed. */
    bool there = channel->held.len == 0 || channel_read_held(channel);
    if (!there || (channel->held.len == 0 && !channel_read(channel, &bytes))) {
        return;
    }
    if (bytes.len > 0 && buf_append(&channel->held, bytes) != ERR_OK) {
        channel_break(channel);
    }
}

void channel_pause(struct channel *channel)
{
    if (channel->state != CHANNEL_OPEN) {
        return;
    }
    channel->paused = true;
    if (channel->x != NULL) {
        http_exchange_pause(channel->x);
    } else {
        http_call_pause(&channel->call);
    }
}

void channel_resume(struct channel *channel)
{
    if (channel->state == CHANNEL_NONE || !channel->paused) {
        return;
    }
    channel->paused = false;
    channel_heard(channel);
    channel_schedule(channel);
    if (channel->x != NULL) {
        http_exchange_resume(channel->x);
    } else {
        http_call_resume(&channel->call);
    }
    task_queue(channel->loop, &channel->task);
}

static void channel_on_task(struct task *task)
{
    struct channel *channel = EP_CONTAINER(task, struct channel, task);
    struct http_exchange *x = channel->x;
    if (!channel->broken && channel->held.len > 0 && !channel_read_held(channel)) {
        return;
    }
    bool waits = channel->paused && channel->held.len > 0;
    if (!channel->broken && (!channel->lost || waits)) {
        return;
    }
    if (channel->state == CHANNEL_ASKING) {
        struct fail fail;
        EP_IGNORE(FAIL(&fail, ERR_NO_MEMORY, "no memory for a WebSocket"));
        channel_refused(channel, 0, ERR_NO_MEMORY, &fail);
        return;
    }
    channel_tell_closed(channel);
    if (x != NULL) {
        http_exchange_abort(x);
    }
}

static void channel_on_timer(struct timer *timer)
{
    struct channel *channel = EP_CONTAINER(timer, struct channel, timer);
    if (channel->paused) {
        return; /* whoever resumes it schedules it */
    }
    if (channel_deadline(channel) <= loop_now_ns(channel->loop)) {
        bool given_up = channel->state != CHANNEL_OPEN || channel->pinged;
        channel->pinged = true;
        if (given_up || channel_write(channel, WEBSOCKET_OP_PING, STR_EMPTY) != ERR_OK) {
            channel_break(channel);
            return;
        }
    }
    channel_schedule(channel);
}

/* ---- a client's connection ---------------------------------------------------------------- */

static void on_tunnel_bytes(struct http_exchange *x, struct str bytes)
{
    channel_on_bytes(http_exchange_owner(x), bytes);
}

static void on_tunnel_gone(struct http_exchange *x)
{
    channel_tell_closed(http_exchange_owner(x)); /* the exchange is over by itself */
}

static void on_tunnel_drained(struct http_exchange *x)
{
    struct channel *channel = http_exchange_owner(x);
    if (channel->events->on_drained != NULL && channel->state == CHANNEL_OPEN) {
        channel->events->on_drained(channel);
    }
}

static void on_tunnel_draining(struct http_exchange *x)
{
    struct channel *channel = http_exchange_owner(x);
    if (channel->events->on_draining != NULL) {
        channel->events->on_draining(channel);
    } else {
        channel_close(channel, WEBSOCKET_GOING_AWAY, STR("the server is shutting down"));
    }
}

static const struct http_tunnel_events tunnel_events = {
    .on_bytes = on_tunnel_bytes,
    .on_gone = on_tunnel_gone,
    .on_drained = on_tunnel_drained,
    .on_draining = on_tunnel_draining,
};

static void channel_choose(struct channel *channel, struct str protocol)
{
    ASSERT(protocol.len < sizeof(channel->protocol));
    memcpy(channel->protocol, protocol.len > 0 ? protocol.ptr : "", protocol.len);
    channel->protocol_len = protocol.len;
}

static void channel_opened(struct channel *channel)
{
    channel->state = CHANNEL_OPEN;
    channel_heard(channel);
    channel_schedule(channel);
}

void channel_accept(struct channel *channel, struct loop *loop, struct http_exchange *x,
                    struct str key, struct str protocol, struct str headers)
{
    char text[ACCEPT_MAX];
    struct buf out = { text, 0, sizeof(text), sizeof(text) };
    ASSERT(channel->state == CHANNEL_NONE);
    channel_reset(channel);
    channel->loop = loop;
    channel->x = x;
    websocket_init(&channel->wire, &channel->options.limits, NULL);
    channel_choose(channel, protocol);
    enum err err = websocket_write_accept(&out, key, protocol, digest_sha1);
    ASSERT(err == ERR_OK && headers.len <= sizeof(text) - out.len);
    EP_IGNORE(buf_append(&out, headers));
    http_exchange_own(x, channel);
    http_exchange_upgrade(x, buf_str(&out), &tunnel_events);
    http_exchange_drop_head(x);
    channel_opened(channel);
}

/* ---- a connection to an upstream ---------------------------------------------------------- */

static void on_call_head(struct http_call *call, const struct http1_head *head)
{
    struct channel *channel = EP_CONTAINER(call, struct channel, call);
    struct websocket_ask ask = { .key = { channel->key, sizeof(channel->key) },
                                 .protocols = channel->protocols };
    struct str protocol = STR_EMPTY;
    struct fail fail;
    const char *fault = websocket_answer_fault(head, &ask, digest_sha1, &protocol);
    if (fault == NULL && protocol.len >= sizeof(channel->protocol)) {
        fault = "chose a subprotocol of WebSocket whose name is too long";
    }
    if (fault != NULL) {
        bool proper = head->status != 101 && head->status >= 300;
        enum err err = FAIL(&fail, ERR_UPSTREAM_SYNTAX, "\"" STR_FMT "\" answered %d: it %s",
                            STR_ARG(call->host), head->status, fault);
        channel_refused(channel, head->status, proper ? ERR_OK : err, &fail);
        return;
    }
    channel_choose(channel, protocol);
    buf_fini(&channel->head);
    channel->protocols = STR_EMPTY;
    call->first_byte_ns = 0;
    channel_opened(channel);
    channel->events->on_open(channel);
}

static void on_call_body(struct http_call *call, struct str data)
{
    channel_on_bytes(EP_CONTAINER(call, struct channel, call), data);
}

/* The upstream has closed. What it said before may still be held, and is told first: its last words
 * count, even if they wait until the channel is resumed. */
static void channel_lose_call(struct channel *channel)
{
    channel->lost = true;
    task_queue(channel->loop, &channel->task);
}

static void on_call_end(struct http_call *call)
{
    channel_lose_call(EP_CONTAINER(call, struct channel, call));
}

static void on_call_failed(struct http_call *call, enum err err, const struct fail *fail)
{
    struct channel *channel = EP_CONTAINER(call, struct channel, call);
    if (channel->state == CHANNEL_ASKING) {
        channel_refused(channel, 0, err, fail);
    } else {
        channel_lose_call(channel);
    }
}

static void on_call_drained(struct http_call *call)
{
    struct channel *channel = EP_CONTAINER(call, struct channel, call);
    if (channel->events->on_drained != NULL && channel->state == CHANNEL_OPEN) {
        channel->events->on_drained(channel);
    }
}

static const struct http_call_events call_events = {
    .on_head = on_call_head,
    .on_body = on_call_body,
    .on_end = on_call_end,
    .on_failed = on_call_failed,
    .on_drained = on_call_drained,
};

void channel_connect(struct channel *channel, struct loop *loop, struct upstream_pool *pool,
                     const struct channel_ask *ask)
{
    unsigned char nonce[WEBSOCKET_KEY_BYTES];
    struct buf key = { channel->key, 0, sizeof(channel->key), sizeof(channel->key) };
    ASSERT(channel->state == CHANNEL_NONE);
    ASSERT(channel->events->on_open != NULL && channel->events->on_refused != NULL);
    channel_reset(channel);
    channel->loop = loop;
    channel->state = CHANNEL_ASKING;
    channel->protocols = ask->protocols;
    websocket_init(&channel->wire, &channel->options.limits, mask_at_random);
    random_bytes(nonce, sizeof(nonce));
    enum err err = enc_base64(&key, nonce, sizeof(nonce));
    ASSERT(err == ERR_OK && key.len == sizeof(channel->key));
    const struct websocket_ask request = {
        .host = ask->host_header,
        .target = ask->target,
        .key = buf_str(&key),
        .protocols = ask->protocols,
        .headers = ask->headers,
    };
    http_call_init(&channel->call, &call_events);
    if (websocket_write_ask(&channel->head, &request) != ERR_OK) {
        channel_break(channel);
        return;
    }
    channel->call.tls = ask->tls;
    channel->call.tls_pin = ask->tls_pin;
    channel->call.host = ask->host;
    channel->call.port = ask->port;
    channel->call.head = buf_str(&channel->head);
    channel->call.first_byte_ns = channel->options.open_ns;
    channel->call.upgrade = true;
    http_call_start(pool, &channel->call);
}

/* ---- what is asked of it ------------------------------------------------------------------ */

bool channel_is_open(const struct channel *channel)
{
    return channel->state == CHANNEL_OPEN && !channel->broken;
}

struct str channel_protocol(const struct channel *channel)
{
    return (struct str){ channel->protocol, channel->protocol_len };
}
