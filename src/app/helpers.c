#include "app/helpers.h"

#include <libgen.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "wire/url.h"

#define HELPERS_PATH_MAX 4096

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

static enum err helpers_spawn(struct helpers *helpers, const char *program, const char *address,
                              struct fail *fail)
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
            (void)execl(program, "entrepot-sandbox", "--listen", address, (char *)NULL);
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

enum err helpers_start(struct helpers *helpers, const struct registry *registry, struct fail *fail)
{
    char program[HELPERS_PATH_MAX];
    uint16_t ports[HELPERS_MAX];
    size_t port_count = 0;
    helpers->count = 0;
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
            char address[32];
            ports[port_count++] = url.port;
            (void)snprintf(address, sizeof(address), "127.0.0.1:%u", (unsigned)url.port);
            TRY(helpers_spawn(helpers, program, address, fail));
        }
    }
    return ERR_OK;
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
