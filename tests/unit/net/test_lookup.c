#include "net/lookup.h"

#include <dlfcn.h>
#include <netdb.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/mem.h"
#include "loop/sim.h"
#include "peer.h"

struct asked {
    struct lookup_request request;
    int told;
    enum err err;
    struct lookup_answer answer;
};

static atomic_int resolved; /* questions that reached the system */
static enum err weather;    /* what becomes of a question for "flaps" */

static void on_answer(struct lookup_request *request, enum err err,
                      const struct lookup_answer *answer)
{
    struct asked *asked = EP_CONTAINER(request, struct asked, request);
    asked->told++;
    asked->err = err;
    CHECK((answer != NULL) == (err == ERR_OK));
    if (answer != NULL) {
        asked->answer = *answer;
    }
}

/* "good" has two addresses, "empty" none, all others do not exist. */
static enum err resolve(const char *name, struct lookup_answer *ret_answer)
{
    atomic_fetch_add(&resolved, 1);
    ret_answer->count = 0;
    if (strcmp(name, "empty") == 0) {
        return ERR_OK;
    }
    if (strcmp(name, "flaps") == 0 && weather != ERR_OK) {
        return weather;
    }
    if (strncmp(name, "good", 4) != 0 && strcmp(name, "flaps") != 0) {
        return ERR_NET_LOOKUP;
    }
    ret_answer->addresses[0] = test_address("[::1]:0");
    ret_answer->addresses[1] = test_address("127.0.0.1:0");
    ret_answer->count = 2;
    return ERR_OK;
}

struct world {
    struct sim *sim;
    struct loop *loop;
    struct worker_pool *pool;
    struct lookup *lookup;
};

static void world_open(struct world *world, struct lookup_options options)
{
    struct sim_options sim = sim_options_default(3);
    CHECK_EQ(sim_create(&sim, &world->sim, NULL), ERR_OK);
    CHECK_EQ(loop_create_sim(world->sim, &world->loop, NULL), ERR_OK);
    CHECK_EQ(worker_pool_create_sim(world->sim, 16, &world->pool, NULL), ERR_OK);
    options.resolve = options.resolve == NULL ? resolve : options.resolve;
    CHECK_EQ(lookup_create(world->loop, world->pool, &options, &world->lookup, NULL), ERR_OK);
    atomic_store(&resolved, 0);
}

static void world_close(struct world *world)
{
    worker_pool_destroy(world->pool);
    lookup_destroy(world->lookup);
    loop_destroy(world->loop);
    sim_destroy(world->sim);
}

static enum err ask(struct world *world, struct asked *asked, struct str name)
{
    *asked = (struct asked){ .request.done = on_answer };
    return lookup_begin(world->lookup, &asked->request, name, 443, &asked->answer);
}

static void run(struct world *world)
{
    sim_run(world->sim, INT64_MAX);
}

static void wait_s(struct world *world, int64_t seconds)
{
    sim_run(world->sim, sim_now_ns(world->sim) + seconds * 1000 * MS);
    (void)loop_turn(world->loop, false);
}

TEST(a_literal_address_is_answered_at_once)
{
    struct world world;
    struct asked asked;
    world_open(&world, lookup_options_default());
    CHECK_EQ(ask(&world, &asked, STR("127.0.0.1")), ERR_OK);
    CHECK_EQ(asked.answer.count, 1);
    CHECK_EQ(asked.answer.addresses[0].sock.v4.sin_port, htons(443));
    CHECK_EQ(ask(&world, &asked, STR("::1")), ERR_OK);
    CHECK_EQ(asked.answer.addresses[0].sock.any.sa_family, AF_INET6);
    CHECK_EQ(asked.answer.addresses[0].sock.v6.sin6_port, htons(443));
    run(&world);
    CHECK_EQ(asked.told, 0);
    CHECK_EQ(resolved, 0);
    world_close(&world);
}

TEST(a_name_is_asked_once_for_all_who_wait_and_kept)
{
    int64_t blocks = mem_blocks_open();
    struct world world;
    struct asked first;
    struct asked second;
    world_open(&world, lookup_options_default());
    CHECK_EQ(ask(&world, &first, STR("good")), ERR_BUSY);
    CHECK_EQ(ask(&world, &second, STR("good")), ERR_BUSY);
    CHECK_EQ(first.told, 0);
    run(&world);
    CHECK_EQ(first.told, 1);
    CHECK_EQ(first.err, ERR_OK);
    CHECK_EQ(first.answer.count, 2);
    CHECK_EQ(first.answer.addresses[1].sock.v4.sin_port, htons(443));
    CHECK_EQ(second.told, 1);
    CHECK_EQ(resolved, 1);

    struct asked third;
    CHECK_EQ(ask(&world, &third, STR("good")), ERR_OK);
    CHECK_EQ(third.answer.count, 2);
    wait_s(&world, 61);
    CHECK_EQ(ask(&world, &third, STR("good")), ERR_BUSY);
    run(&world);
    CHECK_EQ(resolved, 2);
    world_close(&world);
    CHECK_EQ(mem_blocks_open(), blocks);
}

TEST(a_name_in_use_is_renewed_while_nobody_waits)
{
    struct world world;
    struct asked asked;
    world_open(&world, lookup_options_default());
    CHECK_EQ(ask(&world, &asked, STR("good")), ERR_BUSY);
    run(&world);
    for (int i = 2; i <= 5; i++) {
        wait_s(&world, 31);
        CHECK_EQ(ask(&world, &asked, STR("good")), ERR_OK);
        CHECK_EQ(ask(&world, &asked, STR("good")), ERR_OK); /* also while the question is open */
        run(&world);
        CHECK_EQ(resolved, i);
        CHECK_EQ(asked.told, 0);
    }
    world_close(&world);
}

TEST(a_name_that_is_not_found_is_asked_again_a_second_later)
{
    struct world world;
    struct asked asked;
    world_open(&world, lookup_options_default());
    for (int i = 1; i <= 2; i++) {
        CHECK_EQ(ask(&world, &asked, STR("bad")), ERR_BUSY);
        run(&world);
        CHECK_EQ(asked.told, 1);
        CHECK_EQ(asked.err, ERR_NET_LOOKUP);
        CHECK_EQ(ask(&world, &asked, STR("bad")), ERR_NET_LOOKUP);
        CHECK_EQ(resolved, i);
        wait_s(&world, 1);
    }
    CHECK_EQ(ask(&world, &asked, STR("empty")), ERR_BUSY);
    run(&world);
    CHECK_EQ(asked.err, ERR_NET_LOOKUP);
    world_close(&world);
}

TEST(a_name_service_that_flaps_takes_no_name_away)
{
    struct world world;
    struct asked asked;
    world_open(&world, lookup_options_default());
    weather = ERR_BUSY;
    CHECK_EQ(ask(&world, &asked, STR("flaps")), ERR_BUSY);
    run(&world);
    CHECK_EQ(asked.err, ERR_NET_LOOKUP); /* there is nothing older */
    weather = ERR_OK;
    wait_s(&world, 1);
    CHECK_EQ(ask(&world, &asked, STR("flaps")), ERR_BUSY);
    run(&world);
    CHECK_EQ(asked.err, ERR_OK);

    weather = ERR_BUSY;
    wait_s(&world, 61);
    CHECK_EQ(ask(&world, &asked, STR("flaps")), ERR_BUSY); /* it might have moved */
    run(&world);
    CHECK_EQ(asked.err, ERR_OK);
    CHECK_EQ(asked.answer.count, 2);
    int before = resolved;
    for (int i = 1; i <= 3000; i++) { /* from here on nobody waits, and it is asked each second */
        wait_s(&world, 1);
        CHECK_EQ(ask(&world, &asked, STR("flaps")), ERR_OK);
        CHECK_EQ(ask(&world, &asked, STR("flaps")), ERR_OK);
        run(&world);
        CHECK_EQ(resolved, before + i);
    }
    wait_s(&world, 3600 + 30 - 61 - 3000 + 1);
    CHECK_EQ(ask(&world, &asked, STR("flaps")), ERR_BUSY); /* an hour is over */
    run(&world);
    CHECK_EQ(asked.err, ERR_NET_LOOKUP);
    weather = ERR_OK;
    wait_s(&world, 1);
    CHECK_EQ(ask(&world, &asked, STR("flaps")), ERR_BUSY);
    run(&world);
    CHECK_EQ(asked.err, ERR_OK);
    world_close(&world);
}

TEST(a_name_that_has_gone_is_not_served_on)
{
    struct world world;
    struct asked asked;
    world_open(&world, lookup_options_default());
    weather = ERR_OK;
    CHECK_EQ(ask(&world, &asked, STR("flaps")), ERR_BUSY);
    run(&world);
    weather = ERR_NET_LOOKUP;
    wait_s(&world, 31);
    CHECK_EQ(ask(&world, &asked, STR("flaps")), ERR_OK); /* nobody knows yet */
    run(&world);
    CHECK_EQ(ask(&world, &asked, STR("flaps")), ERR_NET_LOOKUP);
    weather = ERR_BUSY; /* nor does it come back when the service itself fails */
    wait_s(&world, 1);
    CHECK_EQ(ask(&world, &asked, STR("flaps")), ERR_BUSY);
    run(&world);
    CHECK_EQ(asked.err, ERR_NET_LOOKUP);
    world_close(&world);
}

TEST(a_name_whose_addresses_are_dead_is_asked_anew)
{
    struct world world;
    struct asked asked;
    world_open(&world, lookup_options_default());
    lookup_doubt(world.lookup, STR("flaps")); /* which nobody has asked for */
    weather = ERR_OK;
    CHECK_EQ(ask(&world, &asked, STR("flaps")), ERR_BUSY);
    lookup_doubt(world.lookup, STR("flaps")); /* it is being asked */
    run(&world);
    lookup_doubt(world.lookup, STR("flaps"));
    CHECK_EQ(ask(&world, &asked, STR("flaps")), ERR_OK); /* a fresher one is not to be had */
    wait_s(&world, 1);
    lookup_doubt(world.lookup, STR("flaps"));
    lookup_doubt(world.lookup, STR("flaps"));
    CHECK_EQ(ask(&world, &asked, STR("flaps")), ERR_BUSY);
    run(&world);
    CHECK_EQ(resolved, 2);
    wait_s(&world, 1);
    lookup_doubt(world.lookup, STR("flaps"));
    weather = ERR_BUSY; /* better a dead address than none */
    CHECK_EQ(ask(&world, &asked, STR("flaps")), ERR_BUSY);
    run(&world);
    CHECK_EQ(asked.err, ERR_OK);
    world_close(&world);
}

TEST(what_cannot_be_a_name_is_refused)
{
    static char longer[300];
    memset(longer, 'a', sizeof(longer));
    struct world world;
    struct asked asked;
    world_open(&world, lookup_options_default());
    CHECK_EQ(ask(&world, &asked, STR_EMPTY), ERR_NET_LOOKUP);
    CHECK_EQ(ask(&world, &asked, STR("a\0b")), ERR_NET_LOOKUP);
    CHECK_EQ(ask(&world, &asked, (struct str){ longer, 254 }), ERR_NET_LOOKUP);
    CHECK_EQ(ask(&world, &asked, (struct str){ longer, 253 }), ERR_BUSY);
    run(&world);
    world_close(&world);
}

TEST(who_cancels_is_not_told)
{
    struct world world;
    struct asked first;
    struct asked second;
    world_open(&world, lookup_options_default());
    CHECK_EQ(ask(&world, &first, STR("good")), ERR_BUSY);
    CHECK_EQ(ask(&world, &second, STR("good")), ERR_BUSY);
    lookup_cancel(&first.request);
    lookup_cancel(&first.request);
    run(&world);
    CHECK_EQ(first.told, 0);
    CHECK_EQ(second.told, 1);
    world_close(&world);
}

TEST(old_names_make_room_but_open_questions_do_not)
{
    struct lookup_options options = lookup_options_default();
    options.names_max = 2;
    struct world world;
    struct asked asked[3];
    world_open(&world, options);
    CHECK_EQ(ask(&world, &asked[0], STR("good1")), ERR_BUSY);
    CHECK_EQ(ask(&world, &asked[1], STR("good2")), ERR_BUSY);
    CHECK_EQ(ask(&world, &asked[2], STR("good3")), ERR_NO_MEMORY);
    run(&world);
    CHECK_EQ(ask(&world, &asked[2], STR("good3")), ERR_BUSY);
    run(&world);
    CHECK_EQ(ask(&world, &asked[1], STR("good2")), ERR_OK);
    CHECK_EQ(ask(&world, &asked[0], STR("good1")), ERR_BUSY);
    run(&world);
    world_close(&world);
}

/* ---- the system's answers ---------------------------------------------------------------- */

#define FIFTY 50

/* An answer of the system, made by hand: forty addresses of one family, then ten of the other. */
static struct addrinfo fifty_rows[FIFTY];
static struct address fifty_addresses[FIFTY];

static void fifty_fill(void)
{
    for (int i = 0; i < FIFTY; i++) {
        bool old = i < 40;
        fifty_addresses[i] = test_address(old ? "10.0.0.1:0" : "[fd00::1]:0");
        if (old) {
            fifty_addresses[i].sock.v4.sin_addr.s_addr = htonl(0x0A000000U + (unsigned)i);
        } else {
            fifty_addresses[i].sock.v6.sin6_addr.s6_addr[15] = (unsigned char)i;
        }
        fifty_rows[i] = (struct addrinfo){
            .ai_family = fifty_addresses[i].sock.any.sa_family,
            .ai_addr = &fifty_addresses[i].sock.any,
            .ai_addrlen = fifty_addresses[i].len,
            .ai_next = i + 1 < FIFTY ? &fifty_rows[i + 1] : NULL,
        };
    }
}

/* In the place of libc's, which it asks in turn for all other names. */
int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
                struct addrinfo **ret_list)
{
    int (*next)(const char *, const char *, const struct addrinfo *, struct addrinfo **) = NULL;
    *(void **)&next = dlsym(RTLD_NEXT, "getaddrinfo");
    if (strcmp(node, "fifty.test") == 0) {
        fifty_fill();
        *ret_list = fifty_rows;
        return 0;
    }
    return strcmp(node, "down.test") == 0 ? EAI_AGAIN : next(node, service, hints, ret_list);
}

void freeaddrinfo(struct addrinfo *list)
{
    void (*next)(struct addrinfo *) = NULL;
    *(void **)&next = dlsym(RTLD_NEXT, "freeaddrinfo");
    if (list != fifty_rows) {
        next(list);
    }
}

TEST(of_fifty_addresses_some_of_each_family_are_taken)
{
    struct lookup_options options = lookup_options_default();
    struct lookup *lookup = NULL;
    struct worker_pool *pool = NULL;
    struct loop *loop = test_loop();
    CHECK_EQ(worker_pool_create(1, 4, &pool, NULL), ERR_OK);
    CHECK_EQ(lookup_create(loop, pool, &options, &lookup, NULL), ERR_OK);
    struct asked asked = { .request.done = on_answer };
    CHECK_EQ(lookup_begin(lookup, &asked.request, STR("fifty.test"), 80, &asked.answer), ERR_BUSY);
    UNTIL(loop, asked.told == 1);
    CHECK_EQ(asked.err, ERR_OK);
    CHECK_EQ(asked.answer.count, LOOKUP_ADDRESSES_MAX);
    for (size_t i = 0; i < LOOKUP_ADDRESSES_MAX; i++) {
        const struct address *address = &asked.answer.addresses[i];
        CHECK_EQ(address->sock.any.sa_family, i % 2 == 0 ? AF_INET : AF_INET6);
        if (i % 2 == 0) { /* in the system's order */
            CHECK_EQ(ntohl(address->sock.v4.sin_addr.s_addr) & 0xFF, i / 2);
            CHECK_EQ(ntohs(address->sock.v4.sin_port), 80);
        } else {
            CHECK_EQ(address->sock.v6.sin6_addr.s6_addr[15], 40 + i / 2);
            CHECK_EQ(ntohs(address->sock.v6.sin6_port), 80);
        }
    }
    asked.told = 0;
    CHECK_EQ(lookup_begin(lookup, &asked.request, STR("down.test"), 80, &asked.answer), ERR_BUSY);
    UNTIL(loop, asked.told == 1);
    CHECK_EQ(asked.err, ERR_NET_LOOKUP);
    worker_pool_destroy(pool);
    lookup_destroy(lookup);
    loop_destroy(loop);
}

TEST(the_system_knows_localhost_and_does_not_know_an_invalid_name)
{
    struct loop *loop = test_loop();
    struct worker_pool *pool = NULL;
    struct lookup *lookup = NULL;
    struct lookup_options options = lookup_options_default();
    CHECK_EQ(worker_pool_create(1, 4, &pool, NULL), ERR_OK);
    CHECK_EQ(lookup_create(loop, pool, &options, &lookup, NULL), ERR_OK);
    struct asked asked = { .request.done = on_answer };
    CHECK_EQ(lookup_begin(lookup, &asked.request, STR("localhost"), 80, &asked.answer), ERR_BUSY);
    UNTIL(loop, asked.told == 1);
    CHECK_EQ(asked.err, ERR_OK);
    CHECK(asked.answer.count >= 1);
    asked.told = 0;
    CHECK_EQ(lookup_begin(lookup, &asked.request, STR("bad name"), 80, &asked.answer), ERR_BUSY);
    UNTIL(loop, asked.told == 1);
    CHECK_EQ(asked.err, ERR_NET_LOOKUP);
    worker_pool_destroy(pool);
    lookup_destroy(lookup);
    loop_destroy(loop);
}
