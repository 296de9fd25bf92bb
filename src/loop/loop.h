/*
 * A thread's world: descriptors, timers, a run queue and a mailbox, in front of two worlds that
 * behave alike: the kernel's (epoll, loop_create_real) and a simulated one (sim.h), where time,
 * network and scheduling come from a seed.
 *
 * A turn of the loop has named phases: poll (wait for descriptors, mail or the next timer) > timers
 * > descriptors > mail > tasks (until none is left) > graveyard. Only tasks do real work; the
 * others queue tasks or do little. Nothing a callback frees may be touched again in its turn: an
 * object that the loop or the kernel may still name is freed in loop_bury()'s callback.
 *
 * Threads: all functions are for the loop's own thread, but for mail_send(), loop_stop() and
 * loop_wake(), which are for any.
 */
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "base/ip.h"
#include "base/list.h"
#include "base/str.h"

struct loop;

/* ---- time -------------------------------------------------------------------------------- */

/* Monotonic, cached once a turn. Only differences mean something. */
int64_t loop_now_ns(const struct loop *loop);
/* Nanoseconds since 1970 UTC, cached once a turn; may jump. */
int64_t loop_wall_ns(const struct loop *loop);

struct timer;
typedef void timer_fire_fn(struct timer *timer);

/* Lives in its owner. Not armed: heap_at == 0. */
struct timer {
    timer_fire_fn *fire;
    int64_t at_ns;
    size_t heap_at; /* 1-based place in the loop's heap; 0: not armed */
};

void timer_init(struct timer *timer, timer_fire_fn *fire);
/* Arms, or moves, the timer; it fires once, in the first turn at or after `at_ns`. Fails with
 * ERR_NO_MEMORY alone. */
EP_MUST_CHECK enum err timer_start(struct loop *loop, struct timer *timer, int64_t at_ns);
void timer_stop(struct loop *loop, struct timer *timer); /* allowed when not armed */
bool timer_armed(const struct timer *timer);

/* ---- run queue --------------------------------------------------------------------------- */

struct task;
typedef void task_run_fn(struct task *task);

/* Lives in its owner; queued at most once at a time. */
struct task {
    struct node node;
    task_run_fn *run;
};

void task_init(struct task *task, task_run_fn *run);
/* Runs it in this turn, after the mail; queuing it again before it runs does nothing. */
void task_queue(struct loop *loop, struct task *task);
/* Runs it in the next turn: for work in slices, so that all else has its turn in between. */
void task_queue_next(struct loop *loop, struct task *task);
void task_cancel(struct task *task);
/* Runs `task` in the last phase of this turn, when nothing names the object any more. */
void loop_bury(struct loop *loop, struct task *task);

/* ---- mail from other threads ------------------------------------------------------------- */

struct mail;
typedef void mail_open_fn(struct mail *mail);

/* Lives in what it is about; in one mailbox at a time. */
struct mail {
    struct mail *next;
    mail_open_fn *open; /* runs on the receiving loop's thread */
};

/* Any thread. From one sender mail arrives in order. Wakes the loop if it may be asleep. */
void mail_send(struct loop *to, struct mail *mail);
/* Any thread: as mail_send() without the wake-up; follow a batch with one loop_wake(). */
void mail_post(struct loop *to, struct mail *mail);
void loop_wake(struct loop *to);

/* ---- descriptors ------------------------------------------------------------------------- */

enum {
    WATCH_READ = 1,
    WATCH_WRITE = 2,
    WATCH_HANGUP = 4 /* error or both directions closed; always reported */
};

struct watch;
typedef void watch_ready_fn(struct watch *watch, unsigned events);

/*
 * Edge-triggered: `ready` is told once for each change, so its owner reads or writes until
 * ERR_BUSY before it waits again. Lives in its owner. fd < 0: not watched.
 */
struct watch {
    watch_ready_fn *ready;
    int fd;
    bool ended; /* the peer's end was told: reading goes on until it is met */
};

void watch_init(struct watch *watch, watch_ready_fn *ready);
EP_MUST_CHECK enum err watch_start(struct loop *loop, struct watch *watch, int fd,
                                   struct fail *fail);
/* Stops watching and closes the descriptor. Allowed when not watched. */
void watch_close(struct loop *loop, struct watch *watch);

/* Sockets are non-blocking and closed on exec. Descriptors belong to the loop that made them. */
struct address {
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
        struct sockaddr_storage storage;
    } sock;
    socklen_t len;
};

/* "127.0.0.1:8080", "[::1]:8080"; port 0 allowed. False: not of that form. No names. */
EP_MUST_CHECK bool address_parse(struct str text, struct address *ret_address);
/* The same form back, NUL-terminated, cut to `size`; unix sockets show as "unix". */
void address_print(const struct address *address, char *text, size_t size);
/* The address without its port; false: it is a unix socket's. */
EP_MUST_CHECK bool address_ip(const struct address *address, struct ip *ret_ip);
/* A path of the file system (at most 107 bytes). */
EP_MUST_CHECK bool address_unix(struct str path, struct address *ret_address);

/* Listens with SO_REUSEPORT and SO_REUSEADDR (TCP). `ret_address` (may be NULL): what was bound. */
EP_MUST_CHECK enum err loop_listen(struct loop *loop, const struct address *address, int backlog,
                                   int *ret_fd, struct address *ret_address, struct fail *fail);
/* ERR_BUSY: none waits. ERR_LIMIT: out of descriptors. `ret_peer` may be NULL. */
/* Whether nobody listens at an Internet address, this process included: before the first listener
 * there, because listeners share a port (a thread each). ERR_IO says why not. */
EP_MUST_CHECK enum err loop_address_free(const struct address *address, struct fail *fail);
EP_MUST_CHECK enum err loop_accept(struct loop *loop, int listener, int *ret_fd,
                                   struct address *ret_peer);
/* Begins to connect; watch the descriptor: WATCH_WRITE, then ask loop_connected(). ERR_NO_MEMORY:
 * no descriptor or buffer is left here; ERR_UPSTREAM_CONNECT: it failed otherwise. */
EP_MUST_CHECK enum err loop_connect(struct loop *loop, const struct address *address, int *ret_fd,
                                    struct fail *fail);
/* ERR_OK: connected. ERR_BUSY: not yet. Else it failed, and `fail` says how. */
EP_MUST_CHECK enum err loop_connected(struct loop *loop, int fd, struct fail *fail);

/* ERR_OK with *ret_len > 0; ERR_BUSY: nothing now; ERR_NET_CLOSED: the peer has ended its side
 * in good order; ERR_IO: broken (reset). */
EP_MUST_CHECK enum err loop_read(struct loop *loop, int fd, void *bytes, size_t size,
                                 size_t *ret_len);
/* Whether a read of `asked` bytes that gave `got` has surely taken all there is, so that the next
 * edge may be waited for without another read. False where nobody knows. */
bool watch_drained(const struct loop *loop, const struct watch *watch, size_t asked, size_t got);
/* Writes some of it; ERR_BUSY: nothing now; ERR_NET_CLOSED or ERR_IO: nobody reads any more.
 * count <= 64. */
EP_MUST_CHECK enum err loop_write(struct loop *loop, int fd, const struct iovec *parts, int count,
                                  size_t *ret_len);
/* Ends our sending side; the peer reads an end of stream. */
void loop_shutdown(struct loop *loop, int fd);

/* ---- life -------------------------------------------------------------------------------- */

/* A loop on the kernel. `ret_loop` ends with loop_destroy() once nothing of it is in use. */
EP_MUST_CHECK enum err loop_create_real(struct loop **ret_loop, struct fail *fail);
void loop_destroy(struct loop *loop);
/* Turns until loop_stop(). */
void loop_run(struct loop *loop);
/* One turn; waits for events only if `may_wait`. False: nothing happened. */
bool loop_turn(struct loop *loop, bool may_wait);
void loop_stop(struct loop *loop); /* any thread */

/* Room for the bytes of one read, shared by all connections of the loop: valid until the next
 * callback. What must be kept is copied. */
#define LOOP_SCRATCH_BYTES ((size_t)64 * 1024) /* TLS records are 16 KiB; a socket's usual fill */
char *loop_scratch(struct loop *loop);
