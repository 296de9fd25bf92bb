#include "app/helpers.h"

#include <libgen.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/log.h"
#include "meter/shelf.h"
#include "wire/url.h"

#define HELPERS_PATH_MAX   4096
#define HELPERS_MODELS_MAX 16 /* as many as a sandbox takes */
#define HELPERS_WORDS_MAX  (2 * HELPERS_MODELS_MAX + 3)

static enum err helpers_program(char path[HELPERS_PATH_MAX], struct fail *fail)
{
    char self[HELPERS_PATH_MAX];
    ssize_t len = readlink("/proc/self/exe", self, sizeof(self) - 1);
    if (len <= 0) {
        return FAIL_SYS(fail, ERR_IO, "could not find this program's folder");
    }
    self[len] = '\0';
    int size = snprintf(path, HELPERS_PATH_MAX, "%s/entrepot-sandbox", dirname(self));
    if (size < 0 || size >= HELPERS_PATH_MAX || access(path, X_OK) != 0) {
        return FAIL_SYS(fail, ERR_IO, "could not find \"entrepot-sandbox\" beside this program");
    }
    return ERR_OK;
}

/* The command line of each sandbox: all but the address is the same. */
struct helpers_words {
    struct arena arena;
    char *words[HELPERS_WORDS_MAX + 1]; /* ends with NULL */
    size_t count;
};

static enum err helpers_word(struct helpers_words *words, const char *format, ...) EP_PRINTF(2, 3);

static enum err helpers_word(struct helpers_words *words, const char *format, ...)
{
    char text[HELPERS_PATH_MAX];
    va_list args;
    va_start(args, format);
    int size = vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    char *copy = arena_alloc(&words->arena, sizeof(text));
    if (size < 0 || (size_t)size >= sizeof(text) || copy == NULL ||
        words->count == HELPERS_WORDS_MAX) {
        return ERR_LIMIT;
    }
    memcpy(copy, text, (size_t)size + 1);
    words->words[words->count++] = copy;
    return ERR_OK;
}

/* Models beyond HELPERS_MODELS_MAX are counted there as any text is: not by their vocabularies. */
static enum err helpers_words(struct helpers_words *words, const struct registry *registry,
                              struct str vocabularies)
{
    TRY(helpers_word(words, "entrepot-sandbox"));
    size_t told = 0;
    for (size_t i = 0; i < registry->model_count && told < HELPERS_MODELS_MAX; i++) {
        const struct registry_model *model = &registry->models[i];
        if (model->tokenizer.len == 0) {
            continue;
        }
        TRY(helpers_word(words, "--tokenizer"));
        TRY(helpers_word(words, STR_FMT "=" STR_FMT "/" STR_FMT SHELF_SUFFIX "%s" STR_FMT,
                         STR_ARG(model->id), STR_ARG(vocabularies), STR_ARG(model->tokenizer),
                         model->chat_template.len > 0 ? "," : "", STR_ARG(model->chat_template)));
        told++;
    }
    TRY(helpers_word(words, "--listen"));
    return ERR_OK;
}

static enum err helpers_spawn(struct helpers *helpers, const char *program, char *const *words,
                              const char *address, struct fail *fail)
{
    pid_t parent = getpid();
    pid_t pid = fork();
    if (pid < 0) {
        return FAIL_SYS(fail, ERR_IO, "could not start the sandbox at %s", address);
    }
    if (pid == 0) {
        /* Only what is allowed between fork and exec in a program with threads. */
        sigset_t none;
        (void)sigemptyset(&none);
        (void)sigprocmask(SIG_SETMASK, &none, NULL);
        (void)prctl(PR_SET_PDEATHSIG, SIGTERM);
        if (getppid() == parent) {
            (void)execv(program, words);
        }
        _exit(127);
    }
    helpers->pids[helpers->count++] = pid;
    struct log_line line;
    log_begin(&line, EVENT_SANDBOX);
    log_str(&line, "listen", str_from(address));
    log_int(&line, "pid", pid);
    log_end(&line);
    return ERR_OK;
}

/* One more sandbox, at this port. */
static enum err helpers_at(struct helpers *helpers, const char *program,
                           struct helpers_words *words, uint16_t port, struct fail *fail)
{
    char address[32];
    (void)snprintf(address, sizeof(address), "127.0.0.1:%u", (unsigned)port);
    words->words[words->count] = address;
    return helpers_spawn(helpers, program, words->words, address, fail);
}

static enum err helpers_start_all(struct helpers *helpers, const struct registry *registry,
                                  struct helpers_words *words, struct fail *fail)
{
    char program[HELPERS_PATH_MAX];
    uint16_t ports[HELPERS_MAX];
    size_t port_count = 0;
    TRY(helpers_program(program, fail));
    for (size_t i = 0; i < registry->route_count; i++) {
        struct url url;
        if (!url_parse(registry->routes[i].endpoint, &url) || url.tls ||
            !str_eq(url.host, STR("127.0.0.1")) || port_count == HELPERS_MAX) {
            continue;
        }
        bool known = false;
        for (size_t k = 0; k < port_count; k++) {
            known |= ports[k] == url.port;
        }
        if (!known) {
            ports[port_count++] = url.port;
            TRY(helpers_at(helpers, program, words, url.port, fail));
        }
    }
    return ERR_OK;
}

enum err helpers_start(struct helpers *helpers, const struct registry *registry,
                       struct str vocabularies, struct fail *fail)
{
    struct helpers_words words = { .count = 0 };
    helpers->count = 0;
    arena_init(&words.arena, HELPERS_PATH_MAX, HELPERS_WORDS_MAX * (size_t)2 * HELPERS_PATH_MAX);
    enum err err = helpers_words(&words, registry, vocabularies);
    err = err == ERR_OK ? helpers_start_all(helpers, registry, &words, fail)
                        : FAIL(fail, err, "the sandbox's command line is too long");
    arena_fini(&words.arena);
    return err;
}

void helpers_stop(struct helpers *helpers)
{
    for (size_t i = 0; i < helpers->count; i++) {
        (void)kill(helpers->pids[i], SIGTERM); /* one that has ended already is as good */
    }
    for (size_t i = 0; i < helpers->count; i++) {
        (void)waitpid(helpers->pids[i], NULL, 0);
    }
    helpers->count = 0;
}
