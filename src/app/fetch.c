#include "app/fetch.h"

#include <signal.h>
#include <stdio.h>

#include "base/mem.h"
#include "base/stamp.h"
#include "crypto/digest.h"
#include "net/client.h"
#include "net/tls.h"
#include "wire/url.h"

#define FETCH_FIRST_BYTE_NS (30 * STAMP_NS_PER_S) /* files: what is slower is stuck */
#define FETCH_SILENCE_NS    (30 * STAMP_NS_PER_S)
#define FETCH_WHOLE_NS      (300 * STAMP_NS_PER_S)  /* 16 MiB at 60 KB a second */
#define FETCH_PAUSE_NS      (500 * STAMP_NS_PER_MS) /* before another try, times the tries */
#define FETCH_HEAD_MAX      (FETCH_URL_MAX + 512)

/* One answer under way. */
struct fetch_slot {
    struct http_call call;
    struct timer pause;
    struct timer deadline;
    struct fetch *fetch;
    const struct url *url;
    struct fetch_item item;
    struct buf head;
    struct buf body;
    struct fail fail;
    enum err err;
    int status;
    unsigned tries;
    bool over;
};

struct fetch {
    struct loop *loop;
    struct worker_pool *workers;
    struct lookup *lookup;
    struct upstream_pool *pool;
    struct tls_context *tls;
    struct fetch_slot slots[FETCH_SLOTS + 1]; /* the last is fetch_get()'s, inside a walk too */
};

bool fetch_is_url(struct str text)
{
    return str_starts(text, STR("http://")) || str_starts(text, STR("https://"));
}

/* ---- one answer -------------------------------------------------------------------------- */

static struct fetch_slot *slot_of(struct http_call *call)
{
    return EP_CONTAINER(call, struct fetch_slot, call);
}

static void slot_over(struct fetch_slot *slot, enum err err)
{
    timer_stop(slot->fetch->loop, &slot->deadline);
    slot->err = err;
    slot->over = true;
}

/* Later again, if there are tries left. */
static void slot_failed(struct fetch_slot *slot, enum err err, bool may_pass)
{
    struct loop *loop = slot->fetch->loop;
    int64_t at = loop_now_ns(loop) + (int64_t)slot->tries * FETCH_PAUSE_NS;
    timer_stop(loop, &slot->deadline);
    if (!may_pass || slot->tries >= FETCH_TRIES || timer_start(loop, &slot->pause, at) != ERR_OK) {
        slot_over(slot, err);
    }
}

static void slot_send(struct fetch_slot *slot)
{
    struct loop *loop = slot->fetch->loop;
    slot->status = 0;
    slot->tries++;
    buf_reset(&slot->body);
    if (timer_start(loop, &slot->deadline, loop_now_ns(loop) + FETCH_WHOLE_NS) != ERR_OK) {
        slot_over(slot, FAIL(&slot->fail, ERR_NO_MEMORY, "no memory for a request"));
        return;
    }
    http_call_start(slot->fetch->pool, &slot->call);
}

static void slot_on_pause(struct timer *timer)
{
    slot_send(EP_CONTAINER(timer, struct fetch_slot, pause));
}

/* Whoever trickles is not waited for, however little the silence between his bytes. */
static void slot_on_deadline(struct timer *timer)
{
    struct fetch_slot *slot = EP_CONTAINER(timer, struct fetch_slot, deadline);
    http_call_cancel(&slot->call);
    slot_failed(slot,
                FAIL(&slot->fail, ERR_UPSTREAM_SILENT, "\"%s\" was not whole after %lld s",
                     slot->item.path, (long long)(FETCH_WHOLE_NS / STAMP_NS_PER_S)),
                true);
}

static void slot_on_head(struct http_call *call, const struct http1_head *head)
{
    struct fetch_slot *slot = slot_of(call);
    struct str coding = http1_header(head, STR("content-encoding"));
    slot->status = head->status;
    if (head->status >= 300 && head->status < 400) {
        EP_IGNORE(FAIL(&slot->fail, ERR_IO, "\"%s\" answers %d and points to \"" STR_FMT "\"",
                       slot->item.path, head->status,
                       STR_ARG(http1_header(head, STR("location")))));
    } else if (head->status != 200) {
        EP_IGNORE(FAIL(&slot->fail, ERR_IO, "\"%s\" answers %d", slot->item.path, head->status));
    } else if (coding.len > 0 && !str_eq_nocase(coding, STR("identity"))) {
        slot->status = 0;
        EP_IGNORE(FAIL(&slot->fail, ERR_IO, "\"%s\" comes packed (\"" STR_FMT "\"), unasked",
                       slot->item.path, STR_ARG(coding)));
    }
}

static void slot_on_body(struct http_call *call, struct str data)
{
    struct fetch_slot *slot = slot_of(call);
    if (slot->status != 200) {
        return; /* a page that says what is wrong, for browsers */
    }
    enum err err = buf_append(&slot->body, data);
    if (err != ERR_OK) {
        http_call_cancel(call);
        slot_over(slot, FAIL(&slot->fail, err, "\"%s\" has more than %zu bytes", slot->item.path,
                             slot->item.bytes_max));
    }
}

static void slot_on_end(struct http_call *call)
{
    struct fetch_slot *slot = slot_of(call);
    if (slot->status == 200) {
        slot_over(slot, ERR_OK);
    } else if (slot->status == 404 || slot->status == 410) {
        slot->fail.code = ERR_NOT_FOUND;
        slot_over(slot, ERR_NOT_FOUND);
    } else if (slot->status == 429 || slot->status >= 500) {
        slot->fail.code = ERR_UPSTREAM_STATUS;
        slot_failed(slot, ERR_UPSTREAM_STATUS, true);
    } else {
        slot_over(slot, ERR_IO);
    }
}

static void slot_on_failed(struct http_call *call, enum err err, const struct fail *fail)
{
    struct fetch_slot *slot = slot_of(call);
    EP_IGNORE(
        FAIL(&slot->fail, err, "\"%s\" could not be fetched: %s", slot->item.path, fail->text));
    slot_failed(slot, err, err_info(err)->kind == ERR_KIND_RETRY && err != ERR_UPSTREAM_TLS);
}

static const struct http_call_events slot_events = {
    .on_head = slot_on_head,
    .on_body = slot_on_body,
    .on_end = slot_on_end,
    .on_failed = slot_on_failed,
};

static enum err slot_write_head(struct fetch_slot *slot)
{
    const struct url *url = slot->url;
    bool literal = str_find(url->host, ':') < url->host.len;
    buf_reset(&slot->head);
    TRY(buf_append(&slot->head, STR("GET ")));
    TRY(buf_append(&slot->head, url->path));
    if (slot->item.path[0] != '\0') {
        TRY(buf_byte(&slot->head, '/'));
        TRY(buf_append(&slot->head, str_from(slot->item.path)));
    } else if (url->path.len == 0) {
        TRY(buf_byte(&slot->head, '/'));
    }
    return buf_printf(&slot->head,
                      " HTTP/1.1\r\nhost: %s" STR_FMT "%s:%u\r\nuser-agent: entrepot/" EP_VERSION
                      "\r\naccept-encoding: identity\r\n\r\n",
                      literal ? "[" : "", STR_ARG(url->host), literal ? "]" : "",
                      (unsigned)url->port);
}

/* The slot's item is filled in; `url` lives until it is over. */
static enum err slot_begin(struct fetch_slot *slot, const struct url *url, struct fail *fail)
{
    slot->url = url;
    slot->tries = 0;
    slot->over = false;
    slot->fail = (struct fail){ .text = "" };
    buf_fini(&slot->body);
    buf_init(&slot->body, slot->item.bytes_max);
    if (slot_write_head(slot) != ERR_OK) {
        return FAIL(fail, ERR_NO_MEMORY, "no memory for a request");
    }
    http_call_init(&slot->call, &slot_events);
    slot->call.tls = url->tls ? slot->fetch->tls : NULL;
    slot->call.host = url->host;
    slot->call.port = url->port;
    slot->call.head = buf_str(&slot->head);
    slot->call.first_byte_ns = FETCH_FIRST_BYTE_NS;
    slot->call.silence_ns = FETCH_SILENCE_NS;
    slot_send(slot);
    return ERR_OK;
}

static void slot_wait(const struct fetch_slot *slot)
{
    while (!slot->over) {
        (void)loop_turn(slot->fetch->loop, true); /* what happened shows in the slot */
    }
}

static void slot_cancel(struct fetch_slot *slot)
{
    http_call_cancel(&slot->call);
    timer_stop(slot->fetch->loop, &slot->pause);
    timer_stop(slot->fetch->loop, &slot->deadline);
    slot->over = true;
}

/* ---- the client -------------------------------------------------------------------------- */

static enum err fetch_open(struct fetch *fetch, const char *ca_path, struct fail *fail)
{
    struct upstream_pool_options options = upstream_pool_options_default();
    struct lookup_options names = lookup_options_default();
    options.per_host_max = FETCH_SLOTS + 1;
    TRY(crypto_start(fail));
    TRY(loop_create_real(&fetch->loop, fail));
    TRY(worker_pool_create(1, FETCH_SLOTS, &fetch->workers, fail));
    TRY(lookup_create(fetch->loop, fetch->workers, &names, &fetch->lookup, fail));
    TRY(upstream_pool_create(fetch->loop, fetch->lookup, &options, &fetch->pool, fail));
    return tls_client_create(ca_path, &fetch->tls, fail);
}

enum err fetch_create(const char *ca_path, struct fetch **ret_fetch, struct fail *fail)
{
    struct fetch *fetch = mem_zalloc(sizeof(*fetch));
    if (fetch == NULL) {
        return FAIL(fail, ERR_NO_MEMORY, "no memory for a client");
    }
    for (size_t i = 0; i <= FETCH_SLOTS; i++) {
        struct fetch_slot *slot = &fetch->slots[i];
        slot->fetch = fetch;
        slot->over = true;
        http_call_init(&slot->call, &slot_events);
        timer_init(&slot->pause, slot_on_pause);
        timer_init(&slot->deadline, slot_on_deadline);
        buf_init(&slot->head, FETCH_HEAD_MAX);
        buf_init(&slot->body, 1); /* each item says how much it takes */
    }
    (void)signal(SIGPIPE, SIG_IGN); /* TLS writes by itself; a closed connection is an answer */
    enum err err = fetch_open(fetch, ca_path, fail);
    if (err != ERR_OK) {
        fetch_destroy(fetch);
        return err;
    }
    *ret_fetch = fetch;
    return ERR_OK;
}

void fetch_destroy(struct fetch *fetch)
{
    if (fetch == NULL) {
        return;
    }
    for (size_t i = 0; i <= FETCH_SLOTS; i++) {
        if (fetch->loop != NULL) {
            slot_cancel(&fetch->slots[i]);
        }
        buf_fini(&fetch->slots[i].head);
        buf_fini(&fetch->slots[i].body);
    }
    upstream_pool_destroy(fetch->pool);
    worker_pool_destroy(fetch->workers);
    lookup_destroy(fetch->lookup);
    tls_context_destroy(fetch->tls);
    if (fetch->loop != NULL) {
        loop_destroy(fetch->loop);
    }
    mem_free(fetch);
}

static enum err fetch_parse(struct str text, struct url *ret_url, struct fail *fail)
{
    if (text.len > FETCH_URL_MAX || !url_parse(text, ret_url)) {
        return FAIL(fail, ERR_ASK_INVALID,
                    "an address is such as https://example.com/log, not \"" STR_FMT "\"",
                    STR_ARG(text));
    }
    return ERR_OK;
}

enum err fetch_get(struct fetch *fetch, struct str url, struct buf *out, struct fail *fail)
{
    struct fetch_slot *slot = &fetch->slots[FETCH_SLOTS];
    struct url parsed;
    ASSERT(slot->over);
    TRY(fetch_parse(url, &parsed, fail));
    struct str whole = parsed.path;
    size_t slash = 0; /* behind the last one */
    for (size_t i = 0; i < whole.len; i++) {
        slash = whole.ptr[i] == '/' ? i + 1 : slash;
    }
    struct str last = str_from_at(whole, slash);
    if (last.len >= sizeof(slot->item.path)) {
        return FAIL(fail, ERR_ASK_INVALID, "the address's last part is longer than %d bytes",
                    FETCH_PATH_MAX - 1);
    }
    (void)snprintf(slot->item.path, sizeof(slot->item.path), STR_FMT, STR_ARG(last)); /* fits */
    parsed.path = str_slice(whole, 0, slash > 0 ? slash - 1 : 0);
    slot->item.bytes_max = out->max - out->len;
    TRY(slot_begin(slot, &parsed, fail));
    slot_wait(slot);
    if (slot->err == ERR_OK) {
        return buf_append(out, buf_str(&slot->body));
    }
    if (fail != NULL) {
        *fail = slot->fail;
    }
    return slot->err;
}

/* ---- many -------------------------------------------------------------------------------- */

static enum err walk_fill(struct fetch *fetch, const struct url *url, const struct fetch_walk *walk,
                          uint64_t told, uint64_t *asked, struct fail *fail)
{
    while (*asked < told + FETCH_SLOTS) {
        struct fetch_slot *slot = &fetch->slots[*asked % FETCH_SLOTS];
        if (!walk->next(walk->context, &slot->item)) {
            break;
        }
        TRY(slot_begin(slot, url, fail));
        (*asked)++;
    }
    return ERR_OK;
}

enum err fetch_walk(struct fetch *fetch, struct str base, const struct fetch_walk *walk,
                    struct fail *fail)
{
    struct url url;
    uint64_t asked = 0;
    uint64_t told = 0;
    TRY(fetch_parse(base, &url, fail));
    enum err err = walk_fill(fetch, &url, walk, told, &asked, fail);
    while (err == ERR_OK && told < asked) {
        struct fetch_slot *slot = &fetch->slots[told % FETCH_SLOTS];
        slot_wait(slot);
        told++;
        err = walk->got(walk->context, &slot->item, slot->err, buf_str(&slot->body), &slot->fail);
        err = err == ERR_OK ? walk_fill(fetch, &url, walk, told, &asked, fail) : err;
    }
    for (size_t i = 0; i < FETCH_SLOTS; i++) {
        slot_cancel(&fetch->slots[i]);
    }
    return err;
}
