/*
 * Heap requests that fail, each in its turn, once and for ever, on the way of a whole call (gate,
 * net, dialect, meter, ledger on the loop's thread) and of a start with open holds. Whatever fails:
 * no call hangs, no client sees a complete answer that is not in the books, the next call is sold,
 * and the books are sound. (Leaks are the address sanitizer's to find: the store's thread counts
 * its own.)
 */
#include "base/counter.h"
#include "base/mem.h"
#include "gate/gate_internal.h"
#include "ledger/mark.h"
#include "street.h"

static struct street street;

enum way {
    WAY_WHOLE,
    WAY_STREAM,
    WAY_KEYED,
    WAY_HEDGED, /* by a second source, for the first one waits */
    WAY_HEDGED_STREAM
};

static bool is_hedged(enum way way)
{
    return way == WAY_HEDGED || way == WAY_HEDGED_STREAM;
}

static bool is_stream(enum way way)
{
    return way == WAY_STREAM || way == WAY_HEDGED_STREAM;
}

#define REQUESTS_MAX 2000 /* of one call; it makes some hundred */
#define QUIET_NS     (INT64_C(150) * MS)
#define HEDGE_NS     (INT64_C(30) * MS) /* where one comes at all, it does after a few */
#define PATIENCE_NS  (INT64_C(20000) * MS)

#define WISHES                                                                                     \
    ",\"models\":[\"aurora-small\"],\"provider\":{\"order\":[\"a\\u0062\",\"aurora\"],\"ignore\":" \
    "[\"x\"]}"
#define DEADLINE "x-request-deadline: 2200-01-01T00:00:00Z\r\n"

/* A request that ends its connection. One with a key also says what it wishes. */
static struct str request_of(enum way way, int number)
{
    static char text[1024];
    char body[384];
    char key[96] = "";
    (void)snprintf(body, sizeof(body),
                   "{\"model\":\"%s\",\"stream\":%s,\"max_tokens\":100,\"messages\":"
                   "[{\"role\":\"user\",\"content\":\"Say forty words, %d.\"}]%s}",
                   is_hedged(way) ? "aurora-small" : "aurora-large",
                   is_stream(way) ? "true" : "false", number, way == WAY_KEYED ? WISHES : "");
    if (way == WAY_KEYED) {
        (void)snprintf(key, sizeof(key), "Idempotency-Key: key-%d\r\n" DEADLINE, number);
    }
    (void)snprintf(text, sizeof(text),
                   "POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
                   "Authorization: Bearer %s\r\n%sContent-Type: application/json\r\n"
                   "Content-Length: %zu\r\n\r\n%s",
                   street.key, key, strlen(body), body);
    return str_from(text);
}

static bool complete(enum way way, struct str got)
{
    bool fine = str_starts(got, STR("HTTP/1.1 200 "));
    bool failed = str_search(got, STR("\"error\"")) < got.len;
    struct str end = is_stream(way) ? STR("data: [DONE]") : STR("\"total_tokens\":10}}");
    return fine && !failed && str_search(got, end) < got.len;
}

/* The first source holds its answer back, and no second one is, or will be, asked. */
static bool lacks_hedge(void)
{
    const struct node *calls = &street.gate->open_calls;
    return street_waits != NULL &&
           (calls->next == calls || EP_CONTAINER(calls->next, struct call, node)->hedge == NULL);
}

/* Turns until the client has its end, or nothing will come, or has for a while. */
static void turn_until_quiet(struct peer *peer, int64_t quiet_ns)
{
    int64_t until_ns = test_now_ns() + quiet_ns;
    size_t had = 0;
    while (!peer->ended && !peer->broken && !lacks_hedge() && test_now_ns() < until_ns) {
        (void)loop_turn(street.loop, false);
        peer_read(peer);
        if (peer->got.len > had) {
            had = peer->got.len;
            until_ns = test_now_ns() + quiet_ns;
        }
    }
}

/* One call; ret: whether the client has seen a complete answer. */
static bool call(enum way way, int number, uint64_t nth, bool for_ever, uint64_t *ret_requests)
{
    struct peer peer;
    peer_connect(&peer, &street.shop, 0);
    CHECK_EQ(buf_reserve(&peer.got, (size_t)256 * 1024), ERR_OK); /* the client's own never fails */
    peer_send(&peer, request_of(way, number));
    for_ever ? mem_fail_from(nth) : mem_fail_nth(nth);
    turn_until_quiet(&peer, is_hedged(way) ? HEDGE_NS : QUIET_NS);
    *ret_requests = mem_requests();
    mem_fail_nth(0);
    if (street_waits != NULL) {
        street_answer_late(is_stream(way)); /* no memory for a hedge: then the first one serves */
    }
    int64_t until_ns = test_now_ns() + PATIENCE_NS;
    while ((!peer.ended && !peer.broken) || gate_busy(street.gate) > 0) {
        (void)loop_turn(street.loop, false);
        peer_read(&peer);
        if (test_now_ns() > until_ns) {
            test_failed(EP_SITE, "request %llu %s: the call hangs", (unsigned long long)nth,
                        for_ever ? "and all after it" : "alone");
        }
    }
    bool whole = complete(way, buf_str(&peer.got));
    CHECK_EQ(close(peer.fd), 0);
    buf_fini(&peer.got);
    return whole;
}

/* How many calls are settled, by the books. */
struct settled {
    int64_t calls;
    int64_t unpaid;
};

static const struct store_sql sql_settled = {
    "SELECT count(s.hold), count(h.id) - count(s.hold) FROM hold h"
    " LEFT JOIN settlement s ON s.hold = h.id AND s.posted > 0"
};

static enum err on_settled(void *context, const struct store_value *row, size_t columns)
{
    CHECK_EQ(columns, 2);
    *(struct settled *)context = (struct settled){ row[0].number, row[1].number };
    return ERR_OK;
}

static enum err read_settled(void *context, struct store_txn *txn, struct fail *fail)
{
    return store_query(txn, &sql_settled, NULL, 0, on_settled, context, fail);
}

static struct settled settled(void)
{
    struct settled found = { 0 };
    CHECK_EQ(store_read(street.house.world->store, read_settled, &found, NULL), ERR_OK);
    return found;
}

static void check_books(void)
{
    if (house_do(&street.house, "audit") != ACT_OK) {
        test_failed(EP_SITE, STR_FMT, STR_ARG(buf_str(&street.house.out)));
    }
}

/* What it was that failed, in the order of the runs. */
struct faults {
    enum way way;
    bool cold;     /* each call meets a gate that has served none: pools and slabs are empty */
    int number;    /* of the next call */
    int64_t whole; /* complete answers that clients saw */
};

static void one(struct faults *faults, uint64_t nth, bool for_ever, uint64_t *ret_requests)
{
    if (faults->cold) {
        front_destroy(street.front);
        street_open_gate(&street);
    }
    if (is_hedged(faults->way)) {
        street_teach(&street); /* over again, for each call is late */
    }
    faults->whole += call(faults->way, faults->number++, nth, for_ever, ret_requests);
}

/* Each request of a call's, in its turn: alone, or with all that come after it. */
static void each(struct faults *faults, bool for_ever)
{
    uint64_t requests = 0;
    uint64_t most = 0;
    int beyond = 0; /* runs in which none was left to fail: their number varies with the timing */
    for (uint64_t nth = 1; nth < REQUESTS_MAX && beyond < 3; nth++) {
        uint64_t healthy = 0;
        one(faults, nth, for_ever, &requests);
        most = requests > most ? requests : most;
        beyond = requests < nth ? beyond + 1 : 0;
        int64_t before = faults->whole;
        one(faults, 0, false, &healthy);
        if (faults->whole != before + 1) {
            test_failed(EP_SITE, "after request %llu had failed nothing is sold",
                        (unsigned long long)nth);
        }
    }
    CHECK(most > (faults->cold ? 20 : 7) && most < REQUESTS_MAX - 10);
}

static void fail_each(enum way way)
{
    int64_t extended = counter_get(COUNTER_HOLDS_EXTENDED);
    uint64_t requests = 0;
    struct faults faults = { .way = way };
    street_begin(&street);
    for (int i = 0; i < 3; i++) { /* fills pools and slabs */
        one(&faults, 0, false, &requests);
    }
    CHECK_EQ(faults.whole, 3);
    for (int i = 0; i < 4; i++) {
        faults.cold = i >= 2;
        if (!is_hedged(way) || faults.cold == is_stream(way)) { /* half of each: they take time */
            each(&faults, i % 2 == 1);
        }
    }
    CHECK((counter_get(COUNTER_HOLDS_EXTENDED) > extended) == is_stream(way));
    CHECK((counter_get(COUNTER_HEDGES_WON) > 50) == is_hedged(way));
    check_books();
    CHECK(settled().calls >= faults.whole);
    street_close(&street);
    house_open(&street.house, WORLD_READ_WRITE); /* ends what no memory was there to settle */
    check_books();
    CHECK(settled().calls >= faults.whole);
    CHECK_EQ(counter_get(COUNTER_STORE_FAILED), 0);
    house_end(&street.house);
}

TEST(a_whole_answer_survives_each_failing_request)
{
    fail_each(WAY_WHOLE);
}

TEST(a_stream_that_is_held_in_steps_survives_each_failing_request)
{
    fail_each(WAY_STREAM);
}

TEST(a_call_with_a_key_survives_each_failing_request)
{
    fail_each(WAY_KEYED);
}

static void fail_each_hedged(enum way way)
{
    street_prepare = street_hedge;
    street_model = "aurora-small";
    street_first_waits = true;
    fail_each(way);
    street_prepare = NULL;
    street_model = "aurora-large";
    street_first_waits = false;
}

TEST(a_hedged_answer_survives_each_failing_request)
{
    fail_each_hedged(WAY_HEDGED);
}

TEST(a_hedged_stream_survives_each_failing_request)
{
    fail_each_hedged(WAY_HEDGED_STREAM);
}

/* ---- a start with open holds -------------------------------------------------------------- */

struct hold_job {
    struct store_job job;
    struct ledger_hold hold;
};

static enum err write_hold(struct store_job *job, struct store_txn *txn, struct fail *fail)
{
    struct hold_job *context = EP_CONTAINER(job, struct hold_job, job);
    return ledger_write_hold(street.house.world->ledger, txn, &context->hold, fail);
}

/* What a crash leaves: three holds, the first with a mark. */
static void leave_holds(unsigned char first)
{
    struct world *world = street.house.world;
    const struct client *client = client_next(world->ident, NULL);
    static struct ledger_mark mark;
    for (unsigned char i = 0; i < 3; i++) {
        struct hold_job job = {
            .job = { .run = write_hold },
            .hold = { .call = { { first, i } },
                      .account = ledger_find(world->ledger, client->account),
                      .amount = 1000000,
                      .opened_ns = 1000 },
        };
        CHECK_EQ(account_reserve(ledger_credit(job.hold.account), job.hold.amount), ERR_OK);
        CHECK_EQ(store_run(world->store, &job.job, NULL), ERR_OK);
        if (i == 0) {
            const struct ledger_progress progress = { .key = STR("key_1"),
                                                      .product = STR("world"),
                                                      .price_book = STR("world/1"),
                                                      .model = STR("aurora-large"),
                                                      .route = STR("aurora-large-us"),
                                                      .attempt = 1,
                                                      .rated_pico = 7000,
                                                      .usage_len = 2,
                                                      .usage = "{}" };
            ledger_mark_init(&mark, job.hold.seq);
            ledger_mark_put(world->ledger, &mark, &progress);
        }
    }
}

/* A start whose nth request fails: it succeeds or not, and the next one ends what is left. */
static bool start_failing(uint64_t nth, bool for_ever, uint64_t *ret_requests)
{
    struct house *house = &street.house;
    buf_reset(&house->errors);
    for_ever ? mem_fail_from(nth) : mem_fail_nth(nth);
    enum err err = world_open(house->conf, WORLD_READ_WRITE, &house->world, &house->errors);
    *ret_requests = mem_requests();
    mem_fail_nth(0);
    if (err == ERR_OK) {
        house_close(house);
    }
    return err == ERR_OK;
}

TEST(a_start_with_open_holds_survives_failing_requests)
{
    struct house *house = &street.house;
    uint64_t all = 0;
    house_begin(house);
    house_open(house, WORLD_READ_WRITE);
    house_close(house);
    CHECK(start_failing(0, false, &all));
    CHECK(all > 50);
    unsigned char round = 1;
    int64_t ended = 0;
    for (int ever = 0; ever < 2; ever++) {
        /* Recovery comes last, and asks more with open holds: all of it, a sample before. */
        for (uint64_t nth = 1; nth <= all + 30; nth += ever == 0 && nth + 25 > all ? 1 : 5) {
            uint64_t requests = 0;
            house_open(house, WORLD_READ_WRITE);
            leave_holds(round++);
            house_close(house);
            EP_IGNORE(start_failing(nth, ever == 1, &requests)); /* both are fine */
            house_open(house, WORLD_READ_WRITE);
            ended += 3;
            check_books();
            CHECK_EQ(settled().unpaid, ended - ended / 3); /* a third had a mark, and was charged */
            house_close(house);
        }
    }
    house_end(house);
}
