#include "app/witness_run.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <unistd.h>

#include "app/witness_front.h"
#include "base/log.h"
#include "wire/jsonw.h"

#define WITNESS_LISTEN    "127.0.0.1:8181"
#define WITNESS_ADDRESS   128 /* of an address in print */
#define WITNESS_NEEDS_DIR "the witness's folder is missing"

struct witness_run {
    const char *path;
    struct witness_folder folder;
    struct loop *loop;
    struct witness_front *front;
    size_t logs;
    struct mail hangup;
    atomic_bool hangup_sent;
    pthread_t signals;
    bool signals_run;
};

/* ---- init ---------------------------------------------------------------------------------- */

static enum err witness_print(struct str vkey, bool json, struct buf *out)
{
    struct jsonw writer;
    if (!json) {
        return buf_append(out, vkey);
    }
    jsonw_init(&writer, out);
    jsonw_open(&writer, '{');
    jsonw_put_str(&writer, "key", str_slice(vkey, 0, vkey.len - 1));
    jsonw_close(&writer, '}');
    TRY(jsonw_err(&writer));
    return buf_byte(out, '\n');
}

enum err witness_init_run(const struct args *args, struct buf *out, struct fail *fail)
{
    struct str path = args_word(args, 2);
    struct str name = args_value(args, "name");
    char text[NOTE_VKEY_MAX + 1];
    struct buf vkey = { text, 0, sizeof(text), sizeof(text) };
    if (path.len == 0 || name.len == 0) {
        return FAIL(fail, ERR_ASK_MISSING, "%s",
                    path.len == 0 ? WITNESS_NEEDS_DIR : "\"--name\" is missing");
    }
    TRY(crypto_start(fail));
    TRY(witness_folder_create(path.ptr, name, &vkey, fail));
    return witness_print(buf_str(&vkey), args_has(args, "json"), out);
}

/* ---- the list ------------------------------------------------------------------------------ */

static enum err witness_read_list(struct witness_run *run, struct fail *fail)
{
    struct witness_logs *logs = NULL;
    TRY(witness_folder_logs(run->path, &run->folder.key, &logs, fail));
    if (witness_front_watch(run->front, logs) != ERR_OK) {
        witness_logs_destroy(logs);
        return FAIL(fail, ERR_NO_MEMORY, "no memory for the list of logs");
    }
    run->logs = witness_logs_count(logs);
    return ERR_OK;
}

static void witness_on_hangup(struct mail *mail)
{
    struct witness_run *run = EP_CONTAINER(mail, struct witness_run, hangup);
    struct fail fail = { .text = "" };
    struct log_line line;
    atomic_store(&run->hangup_sent, false);
    enum err err = witness_read_list(run, &fail);
    log_begin(&line, err == ERR_OK ? EVENT_RELOADED : EVENT_RELOAD_REFUSED);
    log_int(&line, "logs", (int64_t)run->logs);
    if (err != ERR_OK) {
        log_fail(&line, &fail);
    }
    log_end(&line);
}

/* ---- signals ------------------------------------------------------------------------------- */

static void witness_signal_set(sigset_t *set)
{
    (void)sigemptyset(set);
    (void)sigaddset(set, SIGHUP);
    (void)sigaddset(set, SIGTERM);
    (void)sigaddset(set, SIGINT);
    (void)sigaddset(set, SIGUSR1); /* ends the waiting thread */
}

static void *witness_signals(void *context)
{
    struct witness_run *run = context;
    sigset_t set;
    witness_signal_set(&set);
    for (;;) {
        int number = 0;
        if (sigwait(&set, &number) != 0 || number == SIGUSR1) {
            return NULL;
        }
        if (number != SIGHUP) {
            loop_stop(run->loop); /* any thread may; a second signal changes nothing */
        } else if (!atomic_exchange(&run->hangup_sent, true)) {
            mail_send(run->loop, &run->hangup);
        }
    }
}

/* Before any thread is there: all inherit it. */
static void witness_prepare_process(void)
{
    sigset_t set;
    witness_signal_set(&set);
    (void)pthread_sigmask(SIG_BLOCK, &set, NULL);
    (void)signal(SIGXFSZ, SIG_IGN); /* a limit on files is a failed write, as a full disk is */
}

static enum err witness_watch_signals(struct witness_run *run, struct fail *fail)
{
    int error = pthread_create(&run->signals, NULL, witness_signals, run);
    if (error != 0) {
        errno = error;
        return FAIL_SYS(fail, ERR_IO, "could not start the signals' thread");
    }
    run->signals_run = true;
    return ERR_OK;
}

/* ---- the run ------------------------------------------------------------------------------- */

static void witness_log_started(const struct witness_run *run, const struct address *bound)
{
    char address[WITNESS_ADDRESS];
    char text[NOTE_VKEY_MAX];
    struct buf vkey = { text, 0, sizeof(text), sizeof(text) };
    struct log_line line;
    address_print(bound, address, sizeof(address));
    EP_IGNORE(note_key_print(&run->folder.key, &vkey)); /* it fits */
    log_begin(&line, EVENT_WITNESS_STARTED);
    log_str(&line, "version", STR(EP_VERSION));
    log_str(&line, "listen", str_from(address));
    log_str(&line, "key", buf_str(&vkey));
    log_int(&line, "logs", (int64_t)run->logs);
    log_end(&line);
}

static void witness_log(enum event event)
{
    struct log_line line;
    log_begin(&line, event);
    log_end(&line);
}

static enum err witness_open_all(struct witness_run *run, struct str listen, struct fail *fail)
{
    struct address address;
    struct address bound;
    if (!address_parse(listen, &address)) {
        return FAIL(fail, ERR_ASK_INVALID,
                    "\"" STR_FMT "\" is no address to listen on: \"127.0.0.1:8181\" is one",
                    STR_ARG(listen));
    }
    TRY(crypto_start(fail));
    TRY(witness_folder_open(run->path, &run->folder, fail));
    TRY(loop_create_real(&run->loop, fail));
    TRY(witness_front_open(run->loop, &run->folder, &address, &bound, &run->front, fail));
    TRY(witness_read_list(run, fail));
    TRY(witness_watch_signals(run, fail));
    witness_log_started(run, &bound);
    return ERR_OK;
}

static void witness_close_all(struct witness_run *run)
{
    if (run->signals_run) {
        (void)pthread_kill(run->signals, SIGUSR1);
        (void)pthread_join(run->signals, NULL);
    }
    witness_front_close(run->front);
    witness_folder_close(&run->folder); /* before the loop: what is left in the store has mail */
    loop_destroy(run->loop);
}

static enum err witness_run_at(const char *path, struct str listen, struct fail *fail)
{
    struct witness_run run = { .path = path, .hangup.open = witness_on_hangup };
    enum err err = witness_open_all(&run, listen, fail);
    if (err == ERR_OK) {
        loop_run(run.loop);
        err = store_failed(run.folder.state)
                  ? FAIL(fail, ERR_STORE_FAILED,
                         "\"%s/state.db\" could not be written: nothing more is cosigned; look at"
                         " the disk, then start again",
                         path)
                  : ERR_OK;
        witness_log(err == ERR_OK ? EVENT_STOPPING : EVENT_STORE_FAILED);
    }
    bool ran = run.signals_run;
    witness_close_all(&run);
    if (ran && err == ERR_OK) {
        witness_log(EVENT_STOPPED);
    }
    return err;
}

enum err witness_run(const struct args *args, struct fail *fail)
{
    struct str path = args_word(args, 1);
    struct str listen = args_value(args, "listen");
    if (path.len == 0) {
        return FAIL(fail, ERR_ASK_MISSING, WITNESS_NEEDS_DIR);
    }
    witness_prepare_process();
    TRY(log_start(STDERR_FILENO, fail));
    enum err err = witness_run_at(path.ptr, listen.len > 0 ? listen : STR(WITNESS_LISTEN), fail);
    log_stop();
    return err;
}
