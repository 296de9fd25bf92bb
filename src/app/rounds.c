#include "app/rounds.h"

#include "app/client_facts.h"
#include "base/stamp.h"
#include "gate/lookout.h"

#define ROUNDS_NS (INT64_C(60) * STAMP_NS_PER_S) /* how late a case may be */

static void rounds_facts(void *context, const struct api_key *key, struct signal_facts *ret_facts)
{
    const struct rounds *rounds = context;
    client_facts(rounds->registry, key->client, rounds->now_ns, ret_facts);
}

static void rounds_work(struct job *job)
{
    struct rounds *rounds = EP_CONTAINER(job, struct rounds, job);
    struct server *server = rounds->server;
    rounds->registry = world_registry(server->world);
    rounds->now_ns = stamp_system_ns();
    lookout_sweep(server->lookout, rounds->registry->thresholds, rounds->registry->threshold_count,
                  rounds->now_ns);
    registry_unref(rounds->registry);
    rounds->registry = NULL;
}

static void rounds_over(struct mail *mail)
{
    EP_CONTAINER(mail, struct rounds, job.mail)->runs = false;
}

static void rounds_on_time(struct timer *timer)
{
    struct rounds *rounds = EP_CONTAINER(timer, struct rounds, timer);
    struct server *server = rounds->server;
    if (!rounds->runs && !store_failed(server->world->store)) {
        rounds->runs = job_submit(server->workers, &rounds->job) == ERR_OK;
    }
    enum err err = timer_start(server->loop, timer, loop_now_ns(server->loop) + ROUNDS_NS);
    ASSERT(err == ERR_OK); /* its place in the heap has just become free */
}

enum err rounds_open(struct rounds *rounds, struct server *server, struct fail *fail)
{
    *rounds = (struct rounds){
        .server = server,
        .job = { .mail.open = rounds_over, .run = rounds_work, .home = server->loop },
    };
    timer_init(&rounds->timer, rounds_on_time);
    const struct lookout_options options = { .review = server->world->review,
                                             .facts = rounds_facts,
                                             .context = rounds };
    return lookout_create(&options, &server->lookout, fail);
}

enum err rounds_begin(struct rounds *rounds, struct fail *fail)
{
    struct loop *loop = rounds->server->loop;
    enum err err = timer_start(loop, &rounds->timer, loop_now_ns(loop) + ROUNDS_NS);
    return err == ERR_OK ? ERR_OK : FAIL(fail, err, "no memory for a timer");
}

void rounds_end(struct rounds *rounds)
{
    if (rounds->server != NULL) {
        timer_stop(rounds->server->loop, &rounds->timer);
    }
}

void rounds_close(struct rounds *rounds)
{
    if (rounds->server != NULL) {
        lookout_destroy(rounds->server->lookout);
        rounds->server->lookout = NULL;
    }
}
