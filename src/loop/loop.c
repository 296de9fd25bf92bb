#include "loop/loop.h"

#include "base/mem.h"
#include "loop/loop_internal.h"

#define HEAP_FIRST 64

enum err loop_init(struct loop *loop, const struct loop_world *world, struct fail *fail)
{
    *loop = (struct loop){ .world = world };
    list_init(&loop->tasks);
    list_init(&loop->later);
    list_init(&loop->graves);
    loop->scratch = mem_alloc(LOOP_SCRATCH_BYTES);
    if (loop->scratch == NULL) {
        return FAIL(fail, ERR_NO_MEMORY, "no memory for a loop");
    }
    return ERR_OK;
}

static void loop_run_list(struct node *list)
{
    for (struct node *node = list_pop(list); node != NULL; node = list_pop(list)) {
        struct task *task = EP_CONTAINER(node, struct task, node);
        task->run(task);
    }
}

void loop_fini(struct loop *loop)
{
    loop_run_list(&loop->graves); /* what was buried in no turn still has to be freed */
    ASSERT(list_empty(&loop->tasks) && list_empty(&loop->later));
    mem_free(loop->heap);
    mem_free(loop->scratch);
}

/* ---- time -------------------------------------------------------------------------------- */

int64_t loop_now_ns(const struct loop *loop)
{
    return loop->now_ns;
}

int64_t loop_wall_ns(const struct loop *loop)
{
    return loop->wall_ns;
}

void timer_init(struct timer *timer, timer_fire_fn *fire)
{
    ASSERT(fire != NULL);
    *timer = (struct timer){ .fire = fire };
}

bool timer_armed(const struct timer *timer)
{
    return timer->heap_at != 0;
}

static void heap_put(struct loop *loop, size_t at, struct timer *timer)
{
    loop->heap[at] = timer;
    timer->heap_at = at;
}

#define HEAP_PARENT(at) (((at) + 2) / 4)
#define HEAP_CHILD(at)  (4 * (at)-2)

static void heap_up(struct loop *loop, size_t at, struct timer *timer)
{
    while (at > 1 && loop->heap[HEAP_PARENT(at)]->at_ns > timer->at_ns) {
        heap_put(loop, at, loop->heap[HEAP_PARENT(at)]);
        at = HEAP_PARENT(at);
    }
    heap_put(loop, at, timer);
}

static void heap_down(struct loop *loop, size_t at, struct timer *timer)
{
    for (;;) {
        size_t first = HEAP_CHILD(at);
        size_t least = 0;
        for (size_t child = first; child < first + 4 && child <= loop->heap_count; child++) {
            if (least == 0 || loop->heap[child]->at_ns < loop->heap[least]->at_ns) {
                least = child;
            }
        }
        if (least == 0 || loop->heap[least]->at_ns >= timer->at_ns) {
            break;
        }
        heap_put(loop, at, loop->heap[least]);
        at = least;
    }
    heap_put(loop, at, timer);
}

enum err timer_start(struct loop *loop, struct timer *timer, int64_t at_ns)
{
    if (loop->firing && at_ns <= loop->now_ns) {
        at_ns = loop->now_ns + 1; /* else one that starts itself again would never end the phase */
    }
    if (timer->heap_at != 0) {
        bool later = at_ns > timer->at_ns;
        timer->at_ns = at_ns;
        if (later) {
            heap_down(loop, timer->heap_at, timer);
        } else {
            heap_up(loop, timer->heap_at, timer);
        }
        return ERR_OK;
    }
    if (loop->heap_count + 1 >= loop->heap_cap) {
        size_t cap = loop->heap_cap == 0 ? HEAP_FIRST : loop->heap_cap * 2;
        struct timer **grown = mem_realloc(loop->heap, cap * sizeof(struct timer *));
        if (grown == NULL) {
            return ERR_NO_MEMORY;
        }
        loop->heap = grown;
        loop->heap_cap = cap;
    }
    timer->at_ns = at_ns;
    heap_up(loop, ++loop->heap_count, timer);
    return ERR_OK;
}

void timer_stop(struct loop *loop, struct timer *timer)
{
    size_t at = timer->heap_at;
    if (at == 0) {
        return;
    }
    ASSERT(loop->heap[at] == timer);
    timer->heap_at = 0;
    struct timer *last = loop->heap[loop->heap_count--];
    if (last == timer) {
        return;
    }
    if (at > 1 && loop->heap[HEAP_PARENT(at)]->at_ns > last->at_ns) {
        heap_up(loop, at, last);
    } else {
        heap_down(loop, at, last);
    }
}

static bool loop_fire_timers(struct loop *loop)
{
    bool any = false;
    loop->firing = true;
    while (loop->heap_count > 0 && loop->heap[1]->at_ns <= loop->now_ns) {
        struct timer *timer = loop->heap[1];
        timer_stop(loop, timer);
        timer->fire(timer);
        any = true;
    }
    loop->firing = false;
    return any;
}

/* ---- run queue --------------------------------------------------------------------------- */

void task_init(struct task *task, task_run_fn *run)
{
    ASSERT(run != NULL);
    *task = (struct task){ .run = run };
}

void task_queue(struct loop *loop, struct task *task)
{
    ASSERT(task->run != NULL);
    if (!node_linked(&task->node)) {
        list_push_back(&loop->tasks, &task->node);
    }
}

void task_queue_next(struct loop *loop, struct task *task)
{
    ASSERT(task->run != NULL);
    if (!node_linked(&task->node)) {
        list_push_back(&loop->later, &task->node);
    }
}

void task_cancel(struct task *task)
{
    if (node_linked(&task->node)) {
        node_unlink(&task->node);
    }
}

void loop_bury(struct loop *loop, struct task *task)
{
    ASSERT(!node_linked(&task->node));
    list_push_back(&loop->graves, &task->node);
}

/* ---- mail -------------------------------------------------------------------------------- */

void mail_post(struct loop *to, struct mail *mail)
{
    ASSERT(mail->open != NULL);
    mail->next = atomic_load_explicit(&to->mailbox, memory_order_relaxed);
    /* Release: whoever takes the mail sees what was written into it before. */
    while (!atomic_compare_exchange_weak_explicit(&to->mailbox, &mail->next, mail,
                                                  memory_order_release, memory_order_relaxed)) {
    }
}

void loop_wake(struct loop *to)
{
    /* Sequentially consistent with the sleeper: it says it sleeps, then looks for mail. */
    atomic_thread_fence(memory_order_seq_cst);
    /* Looked at first: senders to a busy loop share its cache line without writing to it. */
    if (atomic_load(&to->asleep) && atomic_exchange(&to->asleep, false)) {
        to->world->wake(to);
    }
}

void mail_send(struct loop *to, struct mail *mail)
{
    mail_post(to, mail);
    loop_wake(to);
}

static bool loop_open_mail(struct loop *loop)
{
    struct mail *newest = atomic_exchange_explicit(&loop->mailbox, NULL, memory_order_acquire);
    struct mail *oldest = NULL;
    while (newest != NULL) {
        struct mail *next = newest->next;
        newest->next = oldest;
        oldest = newest;
        newest = next;
    }
    bool any = oldest != NULL;
    while (oldest != NULL) {
        struct mail *next = oldest->next;
        oldest->next = NULL;
        oldest->open(oldest);
        oldest = next;
    }
    return any;
}

/* ---- turns ------------------------------------------------------------------------------- */

static int64_t loop_sleep_until(struct loop *loop, bool may_wait)
{
    if (!may_wait || !list_empty(&loop->tasks) || !list_empty(&loop->later) ||
        !list_empty(&loop->graves)) {
        return 0;
    }
    atomic_store(&loop->asleep, true);
    atomic_thread_fence(memory_order_seq_cst);
    if (atomic_load(&loop->mailbox) != NULL || atomic_load(&loop->stopping)) {
        return 0; /* it came before we said that we sleep */
    }
    return loop->heap_count == 0 ? INT64_MAX : loop->heap[1]->at_ns;
}

bool loop_turn(struct loop *loop, bool may_wait)
{
    bool any = loop->world->poll(loop, loop_sleep_until(loop, may_wait));
    atomic_store(&loop->asleep, false);
    any |= loop_fire_timers(loop);
    loop->world->deliver(loop);
    any |= loop_open_mail(loop);
    list_move_all(&loop->tasks, &loop->later);
    any |= !list_empty(&loop->tasks);
    loop_run_list(&loop->tasks);
    loop_run_list(&loop->graves);
    return any;
}

void loop_run(struct loop *loop)
{
    while (!atomic_load(&loop->stopping)) {
        (void)loop_turn(loop, true);
    }
}

void loop_stop(struct loop *loop)
{
    atomic_store(&loop->stopping, true);
    loop_wake(loop);
}

char *loop_scratch(struct loop *loop)
{
    return loop->scratch;
}

void loop_destroy(struct loop *loop)
{
    if (loop != NULL) {
        loop->world->destroy(loop);
    }
}

/* ---- descriptors ------------------------------------------------------------------------- */

void watch_init(struct watch *watch, watch_ready_fn *ready)
{
    ASSERT(ready != NULL);
    *watch = (struct watch){ .ready = ready, .fd = -1 };
}

enum err watch_start(struct loop *loop, struct watch *watch, int fd, struct fail *fail)
{
    ASSERT(watch->fd < 0);
    ASSERT(fd >= 0);
    watch->fd = fd;
    enum err err = loop->world->watch(loop, watch, fail);
    if (err != ERR_OK) {
        watch->fd = -1; /* the descriptor stays the caller's */
    }
    return err;
}

void watch_close(struct loop *loop, struct watch *watch)
{
    if (watch->fd >= 0) {
        loop->world->unwatch(loop, watch);
        watch->fd = -1;
    }
}

enum err loop_listen(struct loop *loop, const struct address *address, int backlog, int *ret_fd,
                     struct address *ret_address, struct fail *fail)
{
    ASSERT(backlog > 0);
    return loop->world->listen(loop, address, backlog, ret_fd, ret_address, fail);
}

enum err loop_accept(struct loop *loop, int listener, int *ret_fd, struct address *ret_peer)
{
    return loop->world->accept(loop, listener, ret_fd, ret_peer);
}

enum err loop_connect(struct loop *loop, const struct address *address, int *ret_fd,
                      struct fail *fail)
{
    return loop->world->connect(loop, address, ret_fd, fail);
}

enum err loop_connected(struct loop *loop, int fd, struct fail *fail)
{
    return loop->world->connected(loop, fd, fail);
}

enum err loop_read(struct loop *loop, int fd, void *bytes, size_t size, size_t *ret_len)
{
    ASSERT(size > 0);
    return loop->world->read(loop, fd, bytes, size, ret_len);
}

bool watch_drained(const struct loop *loop, const struct watch *watch, size_t asked, size_t got)
{
    return loop->world->short_read_drains && got < asked && !watch->ended;
}

enum err loop_write(struct loop *loop, int fd, const struct iovec *parts, int count,
                    size_t *ret_len)
{
    ASSERT(count > 0 && count <= 64);
    return loop->world->write(loop, fd, parts, count, ret_len);
}

void loop_shutdown(struct loop *loop, int fd)
{
    loop->world->shutdown(loop, fd);
}
