#include "app/control.h"

#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/arena.h"
#include "wire/json.h"
#include "wire/jsonw.h"

#define CONTROL_ARGS_MAX   (ARGS_WORDS_MAX + 2 * ARGS_FLAGS_MAX)
#define CONTROL_ANSWER_MAX (3 * ACTS_OUT_MAX) /* what is printed, escaped */
#define CONTROL_WAIT_S     300                /* an expiry over all accounts takes its time */

/* ---- the server's side ------------------------------------------------------------------- */

struct control_words {
    const char *items[CONTROL_ARGS_MAX];
    size_t count;
    struct arena arena;
};

static enum err control_read_word(struct control_words *words, struct str item, struct fail *fail)
{
    struct buf text;
    struct str kept;
    if (words->count == CONTROL_ARGS_MAX) {
        return FAIL(fail, ERR_LIMIT, "more than %d words", CONTROL_ARGS_MAX);
    }
    if (json_kind(item) != JSON_STRING) {
        return FAIL(fail, ERR_ASK_INVALID, "a word is no string");
    }
    buf_init(&text, CONTROL_BODY_MAX);
    bool good =
        json_decode(item, &text) && memchr(text.len > 0 ? text.ptr : "", '\0', text.len) == NULL;
    bool room = good && arena_copy(&words->arena, buf_str(&text), &kept);
    buf_fini(&text);
    if (!good) {
        return FAIL(fail, ERR_ASK_INVALID, "a word is no text");
    }
    if (!room) {
        return FAIL(fail, ERR_NO_MEMORY, "no memory for the words");
    }
    words->items[words->count++] = kept.ptr; /* the arena puts a NUL behind it */
    return ERR_OK;
}

static enum err control_read(struct str body, struct control_words *words, struct fail *fail)
{
    struct json_fault fault;
    struct str item;
    body = json_trim(body);
    if (body.len > CONTROL_BODY_MAX || json_check(body, &fault) != ERR_OK ||
        json_kind(body) != JSON_ARRAY) {
        return FAIL(fail, ERR_ASK_INVALID, "the body is no JSON array of words");
    }
    struct str rest = json_inside(body);
    while (json_next_item(&rest, &item)) {
        TRY(control_read_word(words, item, fail));
    }
    return ERR_OK;
}

static enum act_exit control_do(struct world *world, struct str body, struct buf *out,
                                struct buf *errors)
{
    struct control_words words = { .count = 0 };
    struct args args;
    struct fail fail = { 0 };
    enum act_exit result = ACT_USAGE;
    arena_init(&words.arena, 1024, 4 * (size_t)CONTROL_BODY_MAX);
    enum err err = control_read(body, &words, &fail);
    err = err == ERR_OK ? args_read((int)words.count, words.items, &args, &fail) : err;
    if (err == ERR_OK) {
        result = act_run(world, &args, out, errors);
    } else {
        act_complain(errors, err, &fail, NULL);
        result = act_exit_of(err);
    }
    arena_fini(&words.arena);
    return result;
}

enum err control_run(struct world *world, struct str body, struct buf *answer)
{
    struct buf out;
    struct buf errors;
    struct jsonw json;
    buf_init(&out, ACTS_OUT_MAX);
    buf_init(&errors, ACTS_OUT_MAX);
    enum act_exit result = control_do(world, body, &out, &errors);
    jsonw_init(&json, answer);
    jsonw_open(&json, '{');
    jsonw_put_int(&json, "exit", result);
    jsonw_put_str(&json, "out", buf_str(&out));
    jsonw_put_str(&json, "err", buf_str(&errors));
    jsonw_close(&json, '}');
    if (out.len > 0) {
        secret_wipe(out.ptr, out.len); /* a new key's text is shown once */
    }
    buf_fini(&errors);
    buf_fini(&out);
    return jsonw_err(&json);
}

/* ---- what the log shows --------------------------------------------------------------------- */

/* Names, and texts that people write freely. */
static const char *const control_private[] = {
    "name", "payer",    "payment", "reference", "reason", "why",
    "by",   "evidence", "consent", "contract",  "maker",  "device",
};

/* The length of "--NAME=" or "--NAME" at the start of a private flag; 0: it is none. */
static size_t control_private_len(struct str word)
{
    for (size_t i = 0; i < EP_ARRAY_LEN(control_private); i++) {
        struct str name = str_from(control_private[i]);
        size_t end = 2 + name.len;
        if (str_starts(word, STR("--")) && str_starts(str_from_at(word, 2), name) &&
            (word.len == end || word.ptr[end] == '=')) {
            return word.len == end ? end : end + 1;
        }
    }
    return 0;
}

void control_show(struct str body, struct buf *out)
{
    struct json_fault fault;
    struct jsonw json;
    struct str item;
    body = json_trim(body);
    if (json_check(body, &fault) != ERR_OK || json_kind(body) != JSON_ARRAY) {
        EP_IGNORE(buf_append(out, STR("[]"))); /* what it was is answered to who asked */
        return;
    }
    jsonw_init(&json, out);
    jsonw_open(&json, '[');
    bool hide = false; /* a value that stands apart from its flag */
    struct str rest = json_inside(body);
    while (json_next_item(&rest, &item)) {
        struct str word = json_kind(item) == JSON_STRING ? json_inside(item) : item;
        size_t shown = control_private_len(word);
        if (hide) {
            jsonw_str(&json, STR("..."));
        } else if (shown > 0 && shown < word.len) {
            char text[64];
            struct buf flag = { text, 0, sizeof(text), sizeof(text) };
            EP_IGNORE(buf_append(&flag, str_slice(word, 0, shown))); /* the longest has 12 bytes */
            EP_IGNORE(buf_append(&flag, STR("...")));
            jsonw_str(&json, buf_str(&flag));
        } else {
            jsonw_raw(&json, item);
        }
        hide = shown > 0 && shown == word.len && !str_ends(word, STR("="));
    }
    jsonw_close(&json, ']');
    EP_IGNORE(jsonw_err(&json)); /* what fits */
}

/* ---- the client's side ------------------------------------------------------------------- */

enum err control_path(const char *conf_path, struct buf *out, struct fail *fail)
{
    struct str folder = world_folder_of(str_from(conf_path));
    size_t before = out->len;
    TRY(buf_append(out, folder));
    if (folder.len > 0 && !str_ends(folder, STR("/"))) {
        TRY(buf_byte(out, '/'));
    }
    TRY(buf_append(out, STR(CONTROL_SOCKET)));
    if (out->len - before >= sizeof(((struct sockaddr_un *)NULL)->sun_path)) {
        return FAIL(fail, ERR_LIMIT, "the socket's path \"" STR_FMT "\" is too long",
                    STR_ARG(buf_str(out)));
    }
    return ERR_OK;
}

static enum err control_connect(const char *conf_path, int *ret_fd, struct fail *fail)
{
    struct sockaddr_un name = { .sun_family = AF_UNIX };
    struct buf path = { name.sun_path, 0, sizeof(name.sun_path) - 1, sizeof(name.sun_path) - 1 };
    if (control_path(conf_path, &path, fail) != ERR_OK) {
        return ERR_NOT_FOUND; /* no server can listen there */
    }
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return FAIL_SYS(fail, ERR_IO, "could not make a socket");
    }
    const struct timeval wait = { .tv_sec = CONTROL_WAIT_S };
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait)); /* else it waits longer */
    if (connect(fd, (const struct sockaddr *)&name, sizeof(name)) != 0) {
        bool none = errno == ENOENT || errno == ECONNREFUSED;
        enum err err =
            none ? ERR_NOT_FOUND
                 : FAIL_SYS(fail, ERR_IO, "could not reach the server at \"%s\"", name.sun_path);
        (void)close(fd); /* nothing was sent */
        return err;
    }
    *ret_fd = fd;
    return ERR_OK;
}

/* Flags first, so that a word that begins with a dash stays a word. The configuration's path is
 * the server's own. */
static enum err control_write_words(const struct args *args, struct buf *out)
{
    struct jsonw json;
    char text[CONTROL_BODY_MAX / 8];
    jsonw_init(&json, out);
    jsonw_open(&json, '[');
    for (size_t i = 0; i < args->flag_count; i++) {
        const struct args_flag *flag = &args->flags[i];
        struct buf word = { text, 0, sizeof(text), sizeof(text) };
        if (str_eq(flag->name, STR("config"))) {
            continue;
        }
        TRY(buf_append(&word, STR("--")));
        TRY(buf_append(&word, flag->name));
        if (flag->has_value) {
            TRY(buf_byte(&word, '='));
            TRY(buf_append(&word, flag->value));
        }
        jsonw_str(&json, buf_str(&word));
    }
    jsonw_str(&json, STR("--"));
    for (size_t i = 0; i < args->word_count; i++) {
        jsonw_str(&json, args->words[i]);
    }
    jsonw_close(&json, ']');
    return jsonw_err(&json);
}

static enum err control_send(int fd, const struct args *args, struct fail *fail)
{
    struct buf body;
    struct buf request;
    buf_init(&body, CONTROL_BODY_MAX);
    buf_init(&request, 2 * (size_t)CONTROL_BODY_MAX);
    enum err err = control_write_words(args, &body);
    err = err == ERR_OK ? buf_printf(&request,
                                     "POST /act HTTP/1.0\r\nHost: entrepot\r\n"
                                     "Content-Type: application/json\r\n"
                                     "Content-Length: %zu\r\n\r\n",
                                     body.len)
                        : err;
    err = err == ERR_OK ? buf_append(&request, buf_str(&body)) : err;
    if (err != ERR_OK) {
        err = FAIL(fail, ERR_ASK_INVALID, "the command is too long");
    }
    for (size_t at = 0; err == ERR_OK && at < request.len;) {
        ssize_t done = send(fd, request.ptr + at, request.len - at, MSG_NOSIGNAL);
        if (done < 0 && errno != EINTR) {
            err = FAIL_SYS(fail, ERR_IO, "could not send the command to the server");
        }
        at += done > 0 ? (size_t)done : 0;
    }
    buf_fini(&request);
    buf_fini(&body);
    return err;
}

static enum err control_receive(int fd, struct buf *answer, struct fail *fail)
{
    for (;;) {
        if (buf_reserve(answer, 65536) != ERR_OK) {
            return FAIL(fail, ERR_LIMIT, "the server's answer is too long");
        }
        ssize_t done = recv(fd, answer->ptr + answer->len, 65536, 0);
        if (done == 0) {
            return ERR_OK;
        }
        if (done < 0 && errno != EINTR) {
            return FAIL_SYS(fail, ERR_IO, "the server has not said whether the command was done");
        }
        buf_added(answer, done > 0 ? (size_t)done : 0);
    }
}

static bool control_read_answer(struct str answer, enum act_exit *ret_exit, struct buf *out,
                                struct buf *errors)
{
    struct json_fault fault;
    int64_t result = 0;
    size_t head = str_search(answer, STR("\r\n\r\n"));
    if (!str_starts(answer, STR("HTTP/1.")) || head == answer.len ||
        !str_eq(str_slice(answer, 8, 12), STR(" 200"))) {
        return false;
    }
    struct str body = str_from_at(answer, head + 4);
    if (json_check(body, &fault) != ERR_OK || !json_i64(json_get(body, STR("exit")), &result) ||
        result < ACT_OK || result > ACT_COULD_NOT) {
        return false;
    }
    struct str printed = json_get(body, STR("out"));
    struct str wrong = json_get(body, STR("err"));
    if (printed.len == 0 || json_kind(printed) != JSON_STRING || !json_decode(printed, out) ||
        wrong.len == 0 || json_kind(wrong) != JSON_STRING || !json_decode(wrong, errors)) {
        return false;
    }
    *ret_exit = (enum act_exit)result;
    return true;
}

enum err control_ask(const char *conf_path, const struct args *args, enum act_exit *ret_exit,
                     struct buf *out, struct buf *errors, struct fail *fail)
{
    int fd = -1;
    struct buf answer;
    TRY(control_connect(conf_path, &fd, fail));
    buf_init(&answer, CONTROL_ANSWER_MAX);
    enum err err = control_send(fd, args, fail);
    err = err == ERR_OK ? control_receive(fd, &answer, fail) : err;
    (void)close(fd); /* all was read */
    if (err == ERR_OK && !control_read_answer(buf_str(&answer), ret_exit, out, errors)) {
        err = FAIL(fail, ERR_IO, "the server's answer could not be read");
    }
    if (answer.len > 0) {
        secret_wipe(answer.ptr, answer.len); /* it may hold a new key's text */
    }
    buf_fini(&answer);
    return err;
}
