/* The operator's listener: is it alive, does it sell, and the figures. */
#include "app/publishing.h"
#include "app/server.h"
#include "base/counter.h"
#include "wire/url.h"

#define OFFICE_METRICS_MAX ((size_t)256 * 1024) /* fifty counters and five histograms: 8 KiB */

static void office_health(struct server *server, struct http_exchange *x)
{
    (void)server;
    http_respond(x, 200, STR("content-type: text/plain\r\n"), STR("alive\n"));
}

/* Why nothing is sold; NULL: it is. */
static const char *office_not_selling(const struct server *server)
{
    const char *log = publishing_trouble(server->publishing);
    if (store_failed(server->world->store)) {
        return "the store has failed; look at the log, then restart";
    }
    if (log != NULL) {
        return log;
    }
    if (server->stopping) {
        return "stopping";
    }
    return atomic_load(&server->ready) ? NULL : "starting";
}

static void office_ready(struct server *server, struct http_exchange *x)
{
    const char *why = office_not_selling(server);
    char text[512];
    struct buf body = { text, 0, sizeof(text), sizeof(text) };
    EP_IGNORE(why == NULL
                  ? buf_printf(&body, "selling\n%s", publishing_witnessed(server->publishing))
                  : buf_printf(&body, "not selling: %s\n", why)); /* sentences: they fit */
    http_respond(x, why == NULL ? 200 : 503, STR("content-type: text/plain\r\n"), buf_str(&body));
}

static void office_metrics(struct server *server, struct http_exchange *x)
{
    struct buf out;
    buf_init(&out, OFFICE_METRICS_MAX);
    if (counter_export(&out) == ERR_OK && publishing_metrics(server->publishing, &out) == ERR_OK) {
        http_respond(x, 200, STR("content-type: text/plain; version=0.0.4\r\n"), buf_str(&out));
    } else {
        http_respond(x, 503, STR_EMPTY, STR_EMPTY);
    }
    buf_fini(&out);
}

struct office_path {
    struct str path;
    void (*serve)(struct server *server, struct http_exchange *x);
};

static const struct office_path office_paths[] = {
    { STR_INIT("/healthz"), office_health },
    { STR_INIT("/readyz"), office_ready },
    { STR_INIT("/metrics"), office_metrics },
};

static void office_on_request(struct http_exchange *x)
{
    struct server *server = http_server_owner(http_exchange_server(x));
    const struct http1_head *head = http_exchange_head(x);
    struct str query;
    struct str path = url_target_path(head->target, &query);
    for (size_t i = 0; i < EP_ARRAY_LEN(office_paths); i++) {
        bool reads = head->method == HTTP1_GET || head->method == HTTP1_HEAD;
        if (str_eq(path, office_paths[i].path)) {
            if (reads) {
                office_paths[i].serve(server, x);
            } else {
                http_respond(x, 405, STR_EMPTY, STR_EMPTY);
            }
            return;
        }
    }
    http_respond(x, 404, STR("content-type: text/plain\r\n"),
                 STR("here are /healthz, /readyz and /metrics\n"));
}

static void office_on_gone(struct http_exchange *x)
{
    (void)x; /* every answer is given at once */
}

static const struct http_events office_events = {
    .on_request = office_on_request,
    .on_gone = office_on_gone,
};

enum err office_open(struct server *server, struct fail *fail)
{
    struct http_server_options options = http_server_options_default();
    options.events = &office_events;
    options.owner = server;
    options.body_bytes_max = 1024; /* nothing here takes one */
    options.connections_max = 256; /* monitors and a few people */
    struct address address;
    struct str text = server->world->conf->listen_operator.text;
    if (!address_parse(text, &address)) {
        return FAIL(fail, ERR_CONF_INVALID, "\"" STR_FMT "\" is no address to listen on",
                    STR_ARG(text));
    }
    TRY(loop_address_free(&address, fail));
    TRY(http_server_create(server->loop, &options, &server->office, fail));
    return http_server_listen(server->office, &address, NULL, NULL, fail);
}
