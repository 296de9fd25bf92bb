#include "app/control.h"

#include <pthread.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "house.h"

static struct house house;
static struct buf answer;

static void begin(void)
{
    house_begin(&house);
    house_open(&house, WORLD_READ_WRITE);
    buf_init(&answer, 1 << 20);
}

static void end(void)
{
    buf_fini(&answer);
    house_end(&house);
}

static bool answers(const char *body, const char *start)
{
    buf_reset(&answer);
    CHECK_EQ(control_run(house.world, str_from(body), &answer), ERR_OK);
    return str_starts(buf_str(&answer), str_from(start));
}

TEST(an_act_is_run_from_an_array_of_words)
{
    begin();
    CHECK(answers("[\"--name=Acme & Co\", \"--json\", \"--\", \"client\", \"add\"]",
                  "{\"exit\":0,\"out\":\"{\\\"id\\\":\\\"cli_"));
    CHECK(answers("[\"client\",\"list\"]", "{\"exit\":0,\"out\":\"id "));
    CHECK(answers("\r\n[\"client\",\"list\" ] \n", "{\"exit\":0,\"out\":\"id "));
    CHECK(house_said(&answer, "Acme & Co"));
    end();
}

TEST(the_log_shows_the_words_without_what_names_somebody)
{
    static const char *const cases[][2] = {
        { "[\"--name=Acme & Co\",\"--json\",\"--\",\"client\",\"add\"]",
          "[\"--name=...\",\"--json\",\"--\",\"client\",\"add\"]" },
        { "[\"--payer\",\"Acme\",\"--lot=3\",\"--why=he \\\"says\\\" so\"]",
          "[\"--payer\",\"...\",\"--lot=3\",\"--why=...\"]" },
        { "[\"--name=\",\"client\",\"--names=x\",\"--bytes=1\"]",
          "[\"--name=\",\"client\",\"--names=x\",\"--bytes=1\"]" },
        { "[1,null]", "[1,null]" },
        { "[]", "[]" },
        { " [ 1 ]\n", "[1]" },
        { "{\"--name\":1}", "[]" },
        { "[\"--name", "[]" },
    };
    for (size_t i = 0; i < EP_ARRAY_LEN(cases); i++) {
        char text[256];
        struct buf out = { text, 0, sizeof(text), sizeof(text) };
        control_show(str_from(cases[i][0]), &out);
        CHECK_STR(buf_str(&out), str_from(cases[i][1]));
    }
}

TEST(bodies_that_are_no_words_are_refused)
{
    static const char *const bad[] = {
        "",
        "{}",
        "[1]",
        "[\"client\",null]",
        "[\"client\"",
        "[]",
        "[\"a\\u0000\"]",
        "\"audit\"",
        "[\"\\ud800\"]",
        "[\"--name\"]",
        "[[]]",
        "[\"no\",\"such\"]",
    };
    begin();
    for (size_t i = 0; i < EP_ARRAY_LEN(bad); i++) {
        CHECK(answers(bad[i], "{\"exit\":2,\"out\":\"\",\"err\":\"entrepot: "));
    }
    end();
}

TEST(more_words_than_a_command_has_are_refused)
{
    struct buf body;
    begin();
    buf_init(&body, CONTROL_BODY_MAX);
    CHECK_EQ(buf_byte(&body, '['), ERR_OK);
    for (int i = 0; i < 200; i++) {
        CHECK_EQ(buf_append(&body, STR("\"a\",")), ERR_OK);
    }
    CHECK_EQ(buf_append(&body, STR("\"a\"]")), ERR_OK);
    CHECK_EQ(control_run(house.world, buf_str(&body), &answer), ERR_OK);
    CHECK(house_said(&answer, "more than"));
    buf_fini(&body);
    end();
}

static void run_once(void)
{
    struct buf text;
    buf_init(&text, 1 << 20);
    EP_IGNORE(control_run(house.world, STR("[\"client\",\"list\",\"--json\"]"), &text));
    buf_fini(&text);
}

TEST(running_out_of_memory_breaks_nothing)
{
    begin();
    CHECK(test_each_allocation_failing(run_once) > 3);
    CHECK(answers("[\"client\",\"list\"]", "{\"exit\":0"));
    end();
}

/* ---- over the socket --------------------------------------------------------------------- */

struct listener {
    pthread_t thread;
    int fd;
    const char *reply; /* NULL: runs the act */
};

static size_t body_length(struct str head)
{
    struct str rest = str_from_at(head, str_search(head, STR("Content-Length: ")) + 16);
    uint64_t len = 0;
    CHECK(str_to_u64(str_slice(rest, 0, str_find(rest, '\r')), &len));
    return (size_t)len;
}

static struct str read_request(int fd, struct buf *got)
{
    for (;;) {
        CHECK_EQ(buf_reserve(got, 4096), ERR_OK);
        ssize_t done = recv(fd, got->ptr + got->len, 4096, 0);
        CHECK(done > 0);
        buf_added(got, (size_t)done);
        struct str text = buf_str(got);
        size_t head = str_search(text, STR("\r\n\r\n"));
        if (head < text.len && text.len == head + 4 + body_length(text)) {
            return str_from_at(text, head + 4);
        }
    }
}

static void *listen_once(void *context)
{
    struct listener *listener = context;
    struct buf got;
    struct buf reply;
    buf_init(&got, 1 << 20);
    buf_init(&reply, 1 << 20);
    int fd = accept(listener->fd, NULL, NULL);
    CHECK(fd >= 0);
    struct str body = read_request(fd, &got);
    if (listener->reply != NULL) {
        CHECK_EQ(buf_append(&reply, str_from(listener->reply)), ERR_OK);
    } else {
        CHECK_EQ(buf_append(&reply, STR("HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n")), ERR_OK);
        CHECK_EQ(control_run(house.world, body, &reply), ERR_OK);
    }
    CHECK_EQ(send(fd, reply.ptr, reply.len, 0), (ssize_t)reply.len);
    CHECK_EQ(close(fd), 0);
    buf_fini(&got);
    buf_fini(&reply);
    return NULL;
}

static void listener_begin(struct listener *listener, const char *reply)
{
    struct sockaddr_un name = { .sun_family = AF_UNIX };
    struct buf path = { name.sun_path, 0, sizeof(name.sun_path) - 1, sizeof(name.sun_path) - 1 };
    struct fail fail;
    listener->reply = reply;
    CHECK_EQ(control_path(house.conf, &path, &fail), ERR_OK);
    listener->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK_EQ(bind(listener->fd, (const struct sockaddr *)&name, sizeof(name)), 0);
    CHECK_EQ(listen(listener->fd, 1), 0);
    CHECK_EQ(pthread_create(&listener->thread, NULL, listen_once, listener), 0);
}

static enum err ask(enum act_exit *ret_exit)
{
    static const char *const words[] = { "client", "add",    "--name=A \"b\" \\ c",
                                         "-c",     "x.yaml", "--json" };
    struct args args;
    struct fail fail;
    buf_reset(&house.out);
    buf_reset(&house.errors);
    CHECK_EQ(args_read(EP_ARRAY_LEN(words), words, &args, &fail), ERR_OK);
    return control_ask(house.conf, &args, ret_exit, &house.out, &house.errors, &fail);
}

TEST(a_server_does_the_act_for_who_asks_over_the_socket)
{
    struct listener listener;
    enum act_exit result = ACT_COULD_NOT;
    begin();
    CHECK_EQ(ask(&result), ERR_NOT_FOUND);
    listener_begin(&listener, NULL);
    CHECK_EQ(ask(&result), ERR_OK);
    CHECK_EQ(pthread_join(listener.thread, NULL), 0);
    CHECK_EQ(result, ACT_OK);
    CHECK_EQ(house.errors.len, 0);
    CHECK(house_said(&house.out, "\"name\":\"A \\\"b\\\" \\\\ c\""));
    CHECK_EQ(close(listener.fd), 0);
    CHECK_EQ(ask(&result), ERR_NOT_FOUND); /* a socket that nobody listens on is no server */
    end();
}

TEST(answers_that_make_no_sense_are_told)
{
    static const char *const bad[] = {
        "HTTP/1.1 500 Internal Server Error\r\n\r\n{}",
        "HTTP/1.1 200 OK\r\n\r\n{\"exit\":9,\"out\":\"\",\"err\":\"\"}",
        "HTTP/1.1 200 OK\r\n\r\n{\"exit\":0,\"out\":1,\"err\":\"\"}",
        "HTTP/1.1 200 OK\r\n\r\n[]",
        "HTTP/1.1 200 OK\r\n\r\n{\"exit\":0,\"out\":\"\"",
        "HTTP/1.1",
        "no",
    };
    for (size_t i = 0; i < EP_ARRAY_LEN(bad); i++) {
        struct listener listener;
        enum act_exit result = ACT_USAGE;
        begin();
        listener_begin(&listener, bad[i]);
        CHECK_EQ(ask(&result), ERR_IO);
        CHECK_EQ(pthread_join(listener.thread, NULL), 0);
        CHECK_EQ(result, ACT_USAGE);
        CHECK_EQ(close(listener.fd), 0);
        end();
    }
}

TEST(a_socket_path_that_is_too_long_is_refused)
{
    char path[300];
    struct buf out;
    struct fail fail;
    memset(path, 'a', sizeof(path) - 1);
    path[sizeof(path) - 1] = '\0';
    memcpy(path + 200, "/e.yaml", 8);
    buf_init(&out, 4096);
    CHECK_EQ(control_path(path, &out, &fail), ERR_LIMIT);
    buf_reset(&out);
    CHECK_EQ(control_path("entrepot.yaml", &out, &fail), ERR_OK);
    CHECK_STR(buf_str(&out), STR(CONTROL_SOCKET));
    buf_fini(&out);
}
