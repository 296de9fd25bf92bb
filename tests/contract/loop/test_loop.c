/* What loop.h promises, checked on both worlds: every BEHAVIOUR runs in the kernel's and in a
 * simulated one. */
#include "loop/loop.h"

#include <pthread.h>
#include <string.h>

#include "base/mem.h"
#include "harness.h"
#include "loop/sim.h"

#define MS INT64_C(1000000)

/* Two loops of one world; `sim` is NULL for the kernel's. */
struct world {
    struct sim *sim;
    struct loop *a;
    struct loop *b;
};

static void world_open(struct world *world, bool simulated)
{
    *world = (struct world){ .sim = NULL };
    if (simulated) {
        struct sim_options options = sim_options_default(7);
        CHECK_EQ(sim_create(&options, &world->sim, NULL), ERR_OK);
        CHECK_EQ(loop_create_sim(world->sim, &world->a, NULL), ERR_OK);
        CHECK_EQ(loop_create_sim(world->sim, &world->b, NULL), ERR_OK);
    } else {
        CHECK_EQ(loop_create_real(&world->a, NULL), ERR_OK);
        CHECK_EQ(loop_create_real(&world->b, NULL), ERR_OK);
    }
}

static void world_close(struct world *world)
{
    loop_destroy(world->a);
    loop_destroy(world->b);
    sim_destroy(world->sim);
}

/* One turn of each loop, or one step of the simulation. */
static bool world_step(struct world *world)
{
    if (world->sim != NULL) {
        return sim_step(world->sim, INT64_MAX);
    }
    bool a = loop_turn(world->a, false);
    bool b = loop_turn(world->b, false);
    return a || b;
}

#define WORLD_UNTIL(world, cond)                                             \
    do {                                                                     \
        int64_t until_ = loop_now_ns((world)->a) + 20000 * MS;               \
        while (!(cond)) {                                                    \
            bool any_ = world_step(world);                                   \
            CHECK((world)->sim == NULL || any_ || (cond));                   \
            CHECK((world)->sim != NULL || loop_now_ns((world)->a) < until_); \
        }                                                                    \
    } while (0)

/* Until nothing is under way any more (no timers may be armed). */
static void world_settle(struct world *world)
{
    for (int idle = 0; idle < (world->sim == NULL ? 100 : 1);) {
        idle = world_step(world) ? 0 : idle + 1;
    }
}

#define BEHAVIOUR(name)                             \
    static void behave_##name(struct world *world); \
    static void behave_in_##name(bool simulated)    \
    {                                               \
        int64_t blocks = mem_blocks_open();         \
        struct world world;                         \
        world_open(&world, simulated);              \
        behave_##name(&world);                      \
        world_close(&world);                        \
        CHECK_EQ(mem_blocks_open(), blocks);        \
    }                                               \
    TEST(name##_in_the_kernels_world)               \
    {                                               \
        behave_in_##name(false);                    \
    }                                               \
    TEST(name##_in_a_simulated_world)               \
    {                                               \
        behave_in_##name(true);                     \
    }                                               \
    static void behave_##name(struct world *world)

/* ---- a diary of what was called, in order ------------------------------------------------ */

static char diary[64];
static size_t diary_len;

static void diary_note(char letter)
{
    CHECK(diary_len < sizeof(diary));
    diary[diary_len++] = letter;
}

static void diary_begin(void)
{
    diary_len = 0;
}

#define CHECK_DIARY(text) CHECK_STR(((struct str){ diary, diary_len }), STR(text))

/* One object with one of everything. */
struct thing {
    struct loop *loop;
    struct timer timer;
    struct task task;
    struct task grave;
    struct mail mail;
    char letter;
    int again; /* how often its callback queues it again */
};

static void thing_timer(struct timer *timer)
{
    struct thing *thing = EP_CONTAINER(timer, struct thing, timer);
    diary_note(thing->letter);
    CHECK(!timer_armed(timer));
    if (thing->again-- > 0) {
        CHECK_EQ(timer_start(thing->loop, timer, 0), ERR_OK);
    }
}

static void thing_task(struct task *task)
{
    struct thing *thing = EP_CONTAINER(task, struct thing, task);
    diary_note(thing->letter);
    if (thing->again-- > 0) {
        task_queue(thing->loop, task);
    }
}

static void thing_grave(struct task *task)
{
    (void)task;
    diary_note('+');
}

static void thing_mail(struct mail *mail)
{
    diary_note(EP_CONTAINER(mail, struct thing, mail)->letter);
}

static void thing_init(struct thing *thing, struct loop *loop, char letter)
{
    *thing = (struct thing){ .loop = loop, .letter = letter };
    timer_init(&thing->timer, thing_timer);
    task_init(&thing->task, thing_task);
    task_init(&thing->grave, thing_grave);
    thing->mail.open = thing_mail;
}

/* ---- timers ------------------------------------------------------------------------------ */

BEHAVIOUR(timers_fire_in_the_order_of_their_times_and_never_early)
{
    struct thing things[3];
    diary_begin();
    int64_t now = loop_now_ns(world->a);
    for (int i = 0; i < 3; i++) {
        thing_init(&things[i], world->a, (char)('a' + i));
    }
    CHECK_EQ(timer_start(world->a, &things[1].timer, now + 4 * MS), ERR_OK);
    CHECK_EQ(timer_start(world->a, &things[2].timer, now + 9 * MS), ERR_OK);
    CHECK_EQ(timer_start(world->a, &things[0].timer, now + 2 * MS), ERR_OK);
    CHECK(timer_armed(&things[0].timer));
    while (diary_len < 3) {
        size_t before = diary_len;
        (void)loop_turn(world->a, true);
        CHECK(diary_len == before || loop_now_ns(world->a) >= things[diary_len - 1].timer.at_ns);
    }
    CHECK_DIARY("abc");
    CHECK(!timer_armed(&things[2].timer));
}

BEHAVIOUR(a_timer_may_be_moved_both_ways_and_stopped)
{
    struct thing things[4];
    diary_begin();
    int64_t now = loop_now_ns(world->a);
    for (int i = 0; i < 4; i++) {
        thing_init(&things[i], world->a, (char)('a' + i));
        CHECK_EQ(timer_start(world->a, &things[i].timer, now + (3 + i) * MS), ERR_OK);
    }
    CHECK_EQ(timer_start(world->a, &things[0].timer, now + 9 * MS), ERR_OK);
    CHECK_EQ(timer_start(world->a, &things[3].timer, now + 1 * MS), ERR_OK);
    timer_stop(world->a, &things[1].timer);
    timer_stop(world->a, &things[1].timer);
    CHECK(!timer_armed(&things[1].timer));
    while (diary_len < 3) {
        (void)loop_turn(world->a, true);
    }
    CHECK_DIARY("dca");
}

static int64_t many_last_ns;
static size_t many_fired;

static void many_fire(struct timer *timer)
{
    CHECK(timer->at_ns >= many_last_ns);
    many_last_ns = timer->at_ns;
    many_fired++;
}

BEHAVIOUR(two_thousand_timers_moved_and_stopped_at_random_fire_in_order)
{
    static struct timer timers[2000];
    uint32_t random = 1;
    many_last_ns = 0;
    many_fired = 0;
    int64_t now = loop_now_ns(world->a);
    for (int round = 0; round < 3; round++) {
        for (size_t i = 0; i < EP_ARRAY_LEN(timers); i++) {
            if (round == 0) {
                timer_init(&timers[i], many_fire);
            }
            random = random * 1664525U + 1013904223U;
            CHECK_EQ(timer_start(world->a, &timers[i], now + random % 3000000), ERR_OK);
        }
    }
    for (size_t i = 0; i < EP_ARRAY_LEN(timers); i += 4) {
        timer_stop(world->a, &timers[i]);
    }
    while (many_fired < EP_ARRAY_LEN(timers) / 4 * 3) {
        (void)loop_turn(world->a, true);
    }
    CHECK_EQ(many_fired, EP_ARRAY_LEN(timers) / 4 * 3);
}

BEHAVIOUR(a_timer_that_starts_itself_in_the_past_fires_once_a_turn)
{
    struct thing thing;
    diary_begin();
    thing_init(&thing, world->a, 'a');
    thing.again = 2;
    CHECK_EQ(timer_start(world->a, &thing.timer, 0), ERR_OK);
    for (size_t turn = 1; turn <= 3; turn++) {
        (void)loop_turn(world->a, true);
        CHECK_EQ(diary_len, turn);
    }
    CHECK(!timer_armed(&thing.timer));
}

BEHAVIOUR(a_timer_without_memory_is_not_armed)
{
    struct thing thing;
    thing_init(&thing, world->a, 'a');
    mem_fail_nth(1);
    CHECK_EQ(timer_start(world->a, &thing.timer, 1), ERR_NO_MEMORY);
    mem_fail_nth(0);
    CHECK(!timer_armed(&thing.timer));
    timer_stop(world->a, &thing.timer);
}

/* ---- tasks, graves, phases --------------------------------------------------------------- */

BEHAVIOUR(a_task_queued_twice_runs_once_and_a_cancelled_one_never)
{
    struct thing things[3];
    diary_begin();
    for (int i = 0; i < 3; i++) {
        thing_init(&things[i], world->a, (char)('a' + i));
        task_queue(world->a, &things[i].task);
    }
    task_queue(world->a, &things[0].task);
    task_cancel(&things[1].task);
    task_cancel(&things[1].task);
    CHECK(loop_turn(world->a, true)); /* waiting tasks forbid to wait */
    CHECK_DIARY("ac");
    CHECK(!loop_turn(world->a, false));
}

BEHAVIOUR(tasks_run_until_none_is_left_and_the_buried_go_last)
{
    struct thing things[2];
    diary_begin();
    thing_init(&things[0], world->a, 'a');
    thing_init(&things[1], world->a, 'b');
    things[0].again = 3;
    loop_bury(world->a, &things[0].grave);
    task_queue(world->a, &things[0].task);
    task_queue(world->a, &things[1].task);
    (void)loop_turn(world->a, false);
    CHECK_DIARY("abaaa+");
}

BEHAVIOUR(a_task_of_the_next_turn_waits_for_it_and_forbids_to_wait)
{
    struct thing things[2];
    diary_begin();
    thing_init(&things[0], world->a, 'a');
    thing_init(&things[1], world->a, 'b');
    task_queue_next(world->a, &things[0].task);
    task_queue(world->a, &things[1].task);
    task_queue(world->a, &things[0].task); /* it is queued already */
    CHECK(loop_turn(world->a, true));
    CHECK_DIARY("ba");
    task_queue_next(world->a, &things[0].task);
    task_cancel(&things[0].task);
    CHECK(!loop_turn(world->a, false));
}

BEHAVIOUR(a_turn_has_timers_before_mail_before_tasks_before_graves)
{
    struct thing things[3];
    diary_begin();
    for (int i = 0; i < 3; i++) {
        thing_init(&things[i], world->a, (char)('a' + i));
    }
    loop_bury(world->a, &things[0].grave);
    task_queue(world->a, &things[2].task);
    mail_send(world->a, &things[1].mail);
    CHECK_EQ(timer_start(world->a, &things[0].timer, 0), ERR_OK);
    (void)loop_turn(world->a, true);
    CHECK_DIARY("abc+");
}

BEHAVIOUR(what_was_buried_in_no_turn_is_freed_with_the_loop)
{
    static struct thing thing;
    diary_begin();
    thing_init(&thing, world->a, 'a');
    loop_bury(world->a, &thing.grave);
    loop_destroy(world->a);
    CHECK_DIARY("+");
    world->a = NULL;
}

/* ---- mail -------------------------------------------------------------------------------- */

BEHAVIOUR(mail_arrives_in_the_order_of_its_sender)
{
    struct thing things[5];
    diary_begin();
    for (int i = 0; i < 5; i++) {
        thing_init(&things[i], world->b, (char)('a' + i));
        if (i < 2) {
            mail_send(world->b, &things[i].mail);
        } else {
            mail_post(world->b, &things[i].mail);
        }
    }
    loop_wake(world->b);
    WORLD_UNTIL(world, diary_len == 5);
    CHECK_DIARY("abcde");
}

BEHAVIOUR(mail_before_the_sleep_is_not_slept_over)
{
    struct thing thing;
    diary_begin();
    thing_init(&thing, world->a, 'a');
    mail_post(world->a, &thing.mail); /* without a wake-up: the loop is not asleep */
    (void)loop_turn(world->a, true);
    CHECK_DIARY("a");
}

static void stop_mail(struct mail *mail)
{
    loop_stop(EP_CONTAINER(mail, struct thing, mail)->loop);
}

BEHAVIOUR(a_running_loop_ends_when_it_is_told_to_stop)
{
    struct thing thing;
    thing_init(&thing, world->a, 'a');
    thing.mail.open = stop_mail;
    mail_send(world->a, &thing.mail);
    loop_run(world->a);
    loop_stop(world->b);
    loop_run(world->b);
}

/* ---- sockets ----------------------------------------------------------------------------- */

struct end {
    struct watch watch;
    struct loop *loop;
    unsigned events; /* all that was told since it was last cleared */
    int told;
    struct end *close_too; /* when this is told, that is closed */
};

static void end_ready(struct watch *watch, unsigned events)
{
    struct end *end = EP_CONTAINER(watch, struct end, watch);
    CHECK(watch->fd >= 0);
    end->events |= events;
    end->told++;
    if (end->close_too != NULL) {
        watch_close(end->close_too->loop, &end->close_too->watch);
    }
}

static void end_start(struct end *end, struct loop *loop, int fd)
{
    *end = (struct end){ .loop = loop };
    watch_init(&end->watch, end_ready);
    CHECK_EQ(watch_start(loop, &end->watch, fd, NULL), ERR_OK);
}

static void end_close(struct end *end)
{
    watch_close(end->loop, &end->watch);
}

struct line {
    struct end listener; /* on loop a */
    struct end server;   /* on loop a */
    struct end client;   /* on loop b */
    struct address address;
};

static void line_listen(struct world *world, struct line *line)
{
    struct address any;
    CHECK(address_parse(STR("127.0.0.1:0"), &any));
    int fd = -1;
    CHECK_EQ(loop_listen(world->a, &any, 16, &fd, &line->address, NULL), ERR_OK);
    CHECK(ntohs(line->address.sock.v4.sin_port) != 0);
    end_start(&line->listener, world->a, fd);
}

static void line_connect(struct world *world, struct line *line)
{
    int fd = -1;
    CHECK_EQ(loop_connect(world->b, &line->address, &fd, NULL), ERR_OK);
    end_start(&line->client, world->b, fd);
}

static void line_accept(struct world *world, struct line *line)
{
    int fd = -1;
    struct address peer = { .len = 0 };
    WORLD_UNTIL(world, loop_accept(world->a, line->listener.watch.fd, &fd, &peer) == ERR_OK);
    CHECK_EQ(peer.sock.any.sa_family, AF_INET);
    end_start(&line->server, world->a, fd);
}

static void line_open(struct world *world, struct line *line)
{
    line_listen(world, line);
    line_connect(world, line);
    WORLD_UNTIL(world, loop_connected(world->b, line->client.watch.fd, NULL) == ERR_OK);
    WORLD_UNTIL(world, (line->listener.events & WATCH_READ) != 0);
    line_accept(world, line);
    world_settle(world);
    CHECK_EQ(line->client.events, WATCH_WRITE);
    CHECK_EQ(line->server.events, WATCH_WRITE);
    line->client.events = 0;
    line->server.events = 0;
}

static void line_close(struct world *world, struct line *line)
{
    end_close(&line->client);
    end_close(&line->server);
    end_close(&line->listener);
    world_settle(world);
}

static enum err end_write(struct end *end, struct str text, size_t *ret_len)
{
    union {
        const char *in;
        void *out;
    } unconst = { .in = text.ptr };
    struct iovec part = { .iov_base = unconst.out, .iov_len = text.len };
    return loop_write(end->loop, end->watch.fd, &part, 1, ret_len);
}

static void end_write_all(struct end *end, struct str text)
{
    while (text.len > 0) {
        size_t len = 0;
        CHECK_EQ(end_write(end, text, &len), ERR_OK);
        CHECK(len > 0 && len <= text.len);
        text = str_from_at(text, len);
    }
}

static enum err end_read(struct end *end, char *bytes, size_t size, size_t *ret_len)
{
    return loop_read(end->loop, end->watch.fd, bytes, size, ret_len);
}

/* What is there now, up to the first that is not ERR_OK. */
static enum err end_drain(struct end *end, struct str *ret_text)
{
    static char bytes[256];
    *ret_text = (struct str){ bytes, 0 };
    for (;;) {
        size_t len = 0;
        enum err err = end_read(end, bytes + ret_text->len, sizeof(bytes) - ret_text->len, &len);
        if (err != ERR_OK) {
            return err;
        }
        ret_text->len += len;
    }
}

BEHAVIOUR(what_one_end_writes_the_other_reads_in_both_directions)
{
    struct line line;
    struct str got;
    line_open(world, &line);
    end_write_all(&line.client, STR("ping"));
    world_settle(world);
    CHECK(line.server.events & WATCH_READ);
    CHECK_EQ(end_drain(&line.server, &got), ERR_BUSY);
    CHECK_STR(got, STR("ping"));
    end_write_all(&line.server, STR("pong"));
    world_settle(world);
    CHECK(line.client.events & WATCH_READ);
    CHECK_EQ(end_drain(&line.client, &got), ERR_BUSY);
    CHECK_STR(got, STR("pong"));
    line_close(world, &line);
}

BEHAVIOUR(scattered_parts_arrive_as_one_stream)
{
    struct line line;
    struct str got;
    line_open(world, &line);
    char text[] = "abcdef";
    size_t sent = 0;
    while (sent < 6) {
        struct iovec parts[3] = { { text + sent, (6 - sent) / 2 },
                                  { text, 0 },
                                  { text + sent + (6 - sent) / 2, 6 - sent - (6 - sent) / 2 } };
        size_t len = 0;
        CHECK_EQ(loop_write(world->b, line.client.watch.fd, parts, 3, &len), ERR_OK);
        sent += len;
    }
    world_settle(world);
    CHECK_EQ(end_drain(&line.server, &got), ERR_BUSY);
    CHECK_STR(got, STR("abcdef"));
    line_close(world, &line);
}

BEHAVIOUR(a_reader_that_waits_holds_the_writer_back_and_lets_it_go_again)
{
    struct line line;
    line_open(world, &line);
    static char chunk[16 * 1024];
    uint64_t sent = 0;
    uint64_t got = 0;
    enum err err = ERR_OK;
    for (int rest = 0; rest < 3; rest++) { /* until not even a rest lets more through */
        do {
            for (size_t i = 0; i < sizeof(chunk); i++) {
                chunk[i] = (char)((sent + i) % 251);
            }
            size_t len = 0;
            err = end_write(&line.client, (struct str){ chunk, sizeof(chunk) }, &len);
            sent += len;
            CHECK(sent < 64 * 1024 * 1024);
        } while (err == ERR_OK);
        CHECK_EQ(err, ERR_BUSY);
        world_settle(world);
    }
    line.client.events = 0;
    while (got < sent) {
        char *bytes = loop_scratch(world->a);
        size_t len = 0;
        err = end_read(&line.server, bytes, LOOP_SCRATCH_BYTES, &len);
        for (size_t i = 0; err == ERR_OK && i < len; i++) {
            CHECK_EQ(bytes[i], (char)((got + i) % 251));
        }
        got += len;
        (void)world_step(world);
    }
    CHECK_EQ(got, sent);
    world_settle(world);
    CHECK(line.client.events & WATCH_WRITE);
    line_close(world, &line);
}

BEHAVIOUR(a_peer_that_ends_its_side_is_read_to_the_end_and_may_still_be_answered)
{
    struct line line;
    struct str got;
    line_open(world, &line);
    end_write_all(&line.client, STR("last"));
    loop_shutdown(world->b, line.client.watch.fd);
    size_t len = 0;
    CHECK_EQ(end_write(&line.client, STR("more"), &len), ERR_NET_CLOSED);
    world_settle(world);
    CHECK(line.server.events & WATCH_READ);
    CHECK(!(line.server.events & WATCH_HANGUP)); /* it has ended one direction only */
    CHECK_EQ(end_drain(&line.server, &got), ERR_NET_CLOSED);
    CHECK_STR(got, STR("last"));
    end_write_all(&line.server, STR("answer"));
    loop_shutdown(world->a, line.server.watch.fd);
    world_settle(world);
    CHECK(line.server.events & WATCH_HANGUP || line.client.events & WATCH_HANGUP);
    CHECK_EQ(end_drain(&line.client, &got), ERR_NET_CLOSED);
    CHECK_STR(got, STR("answer"));
    line_close(world, &line);
}

BEHAVIOUR(a_peer_that_closes_in_good_order_reads_as_an_end)
{
    struct line line;
    struct str got;
    line_open(world, &line);
    end_write_all(&line.client, STR("bye"));
    end_close(&line.client);
    CHECK_EQ(line.client.watch.fd, -1);
    end_close(&line.client);
    world_settle(world);
    CHECK(line.server.events & WATCH_READ);
    CHECK_EQ(end_drain(&line.server, &got), ERR_NET_CLOSED);
    CHECK_STR(got, STR("bye"));
    line_close(world, &line);
}

BEHAVIOUR(a_peer_that_closes_with_bytes_unread_breaks_the_connection)
{
    struct line line;
    struct str got;
    line_open(world, &line);
    end_write_all(&line.server, STR("never read"));
    world_settle(world);
    end_close(&line.client);
    world_settle(world);
    CHECK(line.server.events & WATCH_HANGUP);
    CHECK_EQ(end_drain(&line.server, &got), ERR_IO);
    line_close(world, &line);
}

BEHAVIOUR(writing_to_a_peer_that_is_gone_fails_in_the_end)
{
    struct line line;
    line_open(world, &line);
    end_close(&line.client);
    world_settle(world);
    size_t len = 0;
    EP_IGNORE(end_write(&line.server, STR("x"), &len)); /* the first finds out */
    world_settle(world);
    enum err err = end_write(&line.server, STR("x"), &len);
    CHECK(err == ERR_NET_CLOSED || err == ERR_IO);
    CHECK(line.server.events & WATCH_HANGUP);
    line_close(world, &line);
}

BEHAVIOUR(where_nobody_listens_a_connection_is_refused)
{
    struct line line;
    line_listen(world, &line);
    end_close(&line.listener);
    line_connect(world, &line);
    struct fail fail = { .code = ERR_OK };
    WORLD_UNTIL(world, line.client.events != 0);
    CHECK(line.client.events & WATCH_WRITE);
    CHECK(line.client.events & WATCH_HANGUP);
    CHECK_EQ(loop_connected(world->b, line.client.watch.fd, &fail), ERR_UPSTREAM_CONNECT);
    CHECK_EQ(fail.code, ERR_UPSTREAM_CONNECT);
    end_close(&line.client);
}

BEHAVIOUR(an_edge_is_told_once_until_something_changes)
{
    struct line line;
    struct str got;
    line_open(world, &line);
    end_write_all(&line.client, STR("one"));
    world_settle(world);
    int told = line.server.told;
    CHECK(line.server.events & WATCH_READ);
    world_settle(world);
    CHECK_EQ(line.server.told, told); /* unread, and not told again */
    end_write_all(&line.client, STR("two"));
    world_settle(world);
    CHECK(line.server.told > told);
    CHECK_EQ(end_drain(&line.server, &got), ERR_BUSY);
    CHECK_STR(got, STR("onetwo"));
    line_close(world, &line);
}

BEHAVIOUR(bytes_that_came_before_the_watch_are_told_to_it)
{
    struct line line;
    line_listen(world, &line);
    line_connect(world, &line);
    WORLD_UNTIL(world, loop_connected(world->b, line.client.watch.fd, NULL) == ERR_OK);
    end_write_all(&line.client, STR("early"));
    world_settle(world);
    line_accept(world, &line);
    world_settle(world);
    CHECK(line.server.events & WATCH_READ);
    line_close(world, &line);
}

BEHAVIOUR(a_watch_closed_in_the_turn_of_its_event_is_never_told)
{
    struct line one;
    struct line two;
    line_open(world, &one);
    line_open(world, &two);
    end_write_all(&one.client, STR("x"));
    end_write_all(&two.client, STR("x"));
    int before = one.server.told + two.server.told;
    one.server.close_too = &two.server;
    two.server.close_too = &one.server;
    if (world->sim != NULL) {
        while (one.server.told + two.server.told == before) {
            CHECK(world_step(world));
        }
    } else {
        (void)loop_turn(world->a, true); /* both events are there: loopback is at once */
    }
    CHECK_EQ(one.server.told + two.server.told, before + 1);
    world_settle(world);
    CHECK_EQ(one.server.watch.fd < 0, two.server.watch.fd >= 0);
    one.server.close_too = NULL;
    two.server.close_too = NULL;
    line_close(world, &one);
    line_close(world, &two);
}

struct closer {
    struct timer timer;
    struct end *end;
};

static void closer_fire(struct timer *timer)
{
    struct end *end = EP_CONTAINER(timer, struct closer, timer)->end;
    watch_close(end->loop, &end->watch);
}

BEHAVIOUR(a_watch_closed_by_a_timer_is_not_told_what_came_in_the_same_turn)
{
    struct line line;
    line_open(world, &line);
    struct closer closer = { .end = &line.server };
    timer_init(&closer.timer, closer_fire);
    end_write_all(&line.client, STR("x"));
    if (world->sim != NULL) {
        /* Both are ready at the same instant when the loop has slept over the arrival. */
        int64_t later = sim_now_ns(world->sim) + 1;
        CHECK_EQ(timer_start(world->a, &closer.timer, later), ERR_OK);
    } else {
        CHECK_EQ(timer_start(world->a, &closer.timer, 0), ERR_OK);
    }
    int told = line.server.told;
    WORLD_UNTIL(world, line.server.watch.fd < 0);
    CHECK_EQ(line.server.told, told);
    line_close(world, &line);
}

BEHAVIOUR(every_waiting_connection_is_accepted_and_then_none_waits)
{
    struct line line;
    line_listen(world, &line);
    struct end clients[8];
    for (int i = 0; i < 8; i++) {
        int fd = -1;
        CHECK_EQ(loop_connect(world->b, &line.address, &fd, NULL), ERR_OK);
        end_start(&clients[i], world->b, fd);
    }
    world_settle(world);
    struct end servers[8];
    for (int i = 0; i < 8; i++) {
        int fd = -1;
        CHECK_EQ(loop_accept(world->a, line.listener.watch.fd, &fd, NULL), ERR_OK);
        end_start(&servers[i], world->a, fd);
    }
    int fd = -7;
    CHECK_EQ(loop_accept(world->a, line.listener.watch.fd, &fd, NULL), ERR_BUSY);
    CHECK_EQ(fd, -7);
    for (int i = 0; i < 8; i++) {
        end_close(&clients[i]);
        end_close(&servers[i]);
    }
    end_close(&line.listener);
    world_settle(world);
}

BEHAVIOUR(a_listener_that_closes_breaks_those_it_never_accepted)
{
    struct line line;
    struct str got;
    line_listen(world, &line);
    line_connect(world, &line);
    world_settle(world);
    end_close(&line.listener);
    world_settle(world);
    CHECK(line.client.events & WATCH_HANGUP);
    CHECK_EQ(end_drain(&line.client, &got), ERR_IO);
    end_close(&line.client);
}

/* ---- the kernel's world alone: threads --------------------------------------------------- */

#define THREAD_MAILS 20000
#define THREADS      3

struct numbered {
    struct mail mail;
    unsigned thread;
    unsigned number;
};

struct sender {
    pthread_t thread;
    struct loop *to;
    struct numbered *mails;
};

static unsigned next_number[THREADS];
static unsigned mails_opened;
static unsigned mails_disordered;

static void numbered_open(struct mail *mail)
{
    const struct numbered *numbered = EP_CONTAINER(mail, struct numbered, mail);
    mails_disordered += next_number[numbered->thread] == numbered->number ? 0 : 1;
    next_number[numbered->thread] = numbered->number + 1;
    mails_opened++;
}

static void *sender_main(void *context)
{
    struct sender *sender = context;
    for (unsigned i = 0; i < THREAD_MAILS; i++) {
        mail_send(sender->to, &sender->mails[i].mail);
    }
    return NULL;
}

TEST(mail_of_three_threads_wakes_the_loop_and_keeps_each_senders_order)
{
    static struct numbered mails[THREADS][THREAD_MAILS];
    struct loop *loop = NULL;
    CHECK_EQ(loop_create_real(&loop, NULL), ERR_OK);
    struct sender senders[THREADS];
    mails_opened = 0;
    mails_disordered = 0;
    for (unsigned t = 0; t < THREADS; t++) {
        next_number[t] = 0;
        for (unsigned i = 0; i < THREAD_MAILS; i++) {
            mails[t][i] = (struct numbered){ { .open = numbered_open }, t, i };
        }
        senders[t] = (struct sender){ .to = loop, .mails = mails[t] };
        CHECK_EQ(pthread_create(&senders[t].thread, NULL, sender_main, &senders[t]), 0);
    }
    while (mails_opened < THREADS * THREAD_MAILS) {
        (void)loop_turn(loop, true); /* a wake-up that was lost would hang here */
    }
    for (unsigned t = 0; t < THREADS; t++) {
        CHECK_EQ(pthread_join(senders[t].thread, NULL), 0);
    }
    CHECK_EQ(mails_disordered, 0);
    loop_destroy(loop);
}

static void *ping_main(void *context)
{
    loop_run(context);
    return NULL;
}

struct ball {
    struct mail mail;
    struct loop *here;
    struct loop *there;
    unsigned left;
};

static void ball_open(struct mail *mail)
{
    struct ball *ball = EP_CONTAINER(mail, struct ball, mail);
    if (ball->left == 0) {
        loop_stop(ball->here);
        loop_stop(ball->there);
        return;
    }
    ball->left--;
    struct loop *to = ball->there;
    ball->there = ball->here;
    ball->here = to;
    mail_send(to, &ball->mail);
}

TEST(two_loops_in_two_threads_wake_each_other_ten_thousand_times)
{
    struct loop *here = NULL;
    struct loop *there = NULL;
    CHECK_EQ(loop_create_real(&here, NULL), ERR_OK);
    CHECK_EQ(loop_create_real(&there, NULL), ERR_OK);
    pthread_t thread;
    CHECK_EQ(pthread_create(&thread, NULL, ping_main, there), 0);
    struct ball ball = { { .open = ball_open }, .here = here, .there = there, .left = 10000 };
    mail_send(here, &ball.mail);
    loop_run(here);
    CHECK_EQ(pthread_join(thread, NULL), 0);
    CHECK_EQ(ball.left, 0);
    loop_destroy(here);
    loop_destroy(there);
}

static void create_and_destroy(void)
{
    struct loop *loop = NULL;
    if (loop_create_real(&loop, NULL) == ERR_OK) {
        loop_destroy(loop);
    }
}

TEST(a_loop_that_cannot_be_made_leaves_nothing_behind)
{
    int64_t blocks = mem_blocks_open();
    CHECK_EQ(test_each_allocation_failing(create_and_destroy), 3);
    CHECK_EQ(mem_blocks_open(), blocks);
    loop_destroy(NULL);
}
