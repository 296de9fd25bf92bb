/* The control socket of a running server: only its own user, or root, is let in. */
#include <sys/stat.h>
#include <unistd.h>

#include "app/control.h"
#include "app/server.h"
#include "base/log.h"
#include "base/mem.h"

#define DESK_ANSWER_MAX (ACTS_OUT_MAX + 65536)

/* An act on its way through a worker. */
struct desk_act {
    struct job job;
    struct server *server;
    struct http_exchange *x; /* NULL: who asked has gone; the act is done all the same */
    struct buf body;
    struct buf answer;
    enum err err;
};

/* Acts are done one at a time, in the order in which they came: they share a lock. */
static pthread_mutex_t desk_lock = PTHREAD_MUTEX_INITIALIZER;

static void desk_run(struct job *job)
{
    struct desk_act *act = EP_CONTAINER(job, struct desk_act, job);
    (void)pthread_mutex_lock(&desk_lock);
    act->err = control_run(act->server->world, buf_str(&act->body), &act->answer);
    (void)pthread_mutex_unlock(&desk_lock);
}

static void desk_over(struct mail *mail)
{
    struct desk_act *act = EP_CONTAINER(mail, struct desk_act, job.mail);
    if (act->x != NULL) {
        http_respond(act->x, act->err == ERR_OK ? 200 : 500,
                     STR("content-type: application/json\r\n"), buf_str(&act->answer));
    }
    act->server->desk_busy--;
    buf_fini(&act->body);
    buf_fini(&act->answer);
    mem_free(act);
}

static bool desk_lets_in(struct http_exchange *x)
{
    unsigned uid = 0;
    return http_exchange_peer_uid(x, &uid) && (uid == 0 || uid == geteuid());
}

static void desk_log(struct str body)
{
    char text[LOG_LINE_MAX];
    struct buf words = { text, 0, sizeof(text), sizeof(text) };
    struct log_line line;
    control_show(body, &words);
    log_begin(&line, EVENT_COMMAND);
    log_str(&line, "words", buf_str(&words));
    log_end(&line);
}

static void desk_on_request(struct http_exchange *x)
{
    struct server *server = http_server_owner(http_exchange_server(x));
    const struct http1_head *head = http_exchange_head(x);
    if (!desk_lets_in(x)) {
        http_respond(x, 403, STR_EMPTY, STR_EMPTY);
        return;
    }
    if (head->method != HTTP1_POST || !str_eq(head->target, STR("/act"))) {
        http_respond(x, 404, STR_EMPTY, STR_EMPTY);
        return;
    }
    struct desk_act *act = server->stopping ? NULL : mem_zalloc(sizeof(*act));
    if (act == NULL) {
        http_respond(x, 503, STR_EMPTY, STR_EMPTY);
        return;
    }
    *act = (struct desk_act){
        .job = { .mail.open = desk_over, .run = desk_run, .home = server->loop },
        .server = server,
        .x = x,
    };
    http_exchange_take_body(x, &act->body);
    buf_init(&act->answer, DESK_ANSWER_MAX);
    if (job_submit(server->workers, &act->job) != ERR_OK) {
        buf_fini(&act->body);
        mem_free(act);
        http_respond(x, 503, STR_EMPTY, STR_EMPTY);
        return;
    }
    server->desk_busy++;
    http_exchange_own(x, act);
    desk_log(buf_str(&act->body));
}

static void desk_on_gone(struct http_exchange *x)
{
    struct desk_act *act = http_exchange_owner(x);
    if (act != NULL) {
        act->x = NULL;
    }
}

static const struct http_events desk_events = {
    .on_request = desk_on_request,
    .on_gone = desk_on_gone,
};

enum err desk_open(struct server *server, struct fail *fail)
{
    struct http_server_options options = http_server_options_default();
    options.events = &desk_events;
    options.owner = server;
    options.body_bytes_max = CONTROL_BODY_MAX;
    options.connections_max = 64; /* commands of a few people */
    struct buf path;
    struct address address;
    buf_init(&path, 4096);
    enum err err = control_path(server->world->conf_path, &path, fail);
    err = err == ERR_OK ? buf_byte(&path, '\0') : err;
    if (err == ERR_OK && !address_unix(str_slice(buf_str(&path), 0, path.len - 1), &address)) {
        err = FAIL(fail, ERR_LIMIT, "the path of the control socket is too long");
    }
    if (err == ERR_OK) {
        (void)unlink(path.ptr); /* of a server that is gone: the store's lock says so */
        err = http_server_create(server->loop, &options, &server->desk, fail);
    }
    if (err == ERR_OK) {
        mode_t before = umask(0177);
        err = http_server_listen(server->desk, &address, NULL, NULL, fail);
        (void)umask(before);
    }
    buf_fini(&path);
    return err;
}

void desk_close(struct server *server)
{
    struct buf path;
    buf_init(&path, 4096);
    if (server->desk != NULL && control_path(server->world->conf_path, &path, NULL) == ERR_OK &&
        buf_byte(&path, '\0') == ERR_OK) {
        (void)unlink(path.ptr); /* a leftover would only be replaced */
    }
    buf_fini(&path);
    http_server_destroy(server->desk);
    server->desk = NULL;
}
