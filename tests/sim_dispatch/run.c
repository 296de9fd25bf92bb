#include "run.h"

#include <stdlib.h>

#include "base/mem.h"
#include "base/money.h"
#include "dispatch/dispatch.h"

#define RUN_CONVERSATIONS 512 /* that go on at a time */
#define RUN_TURNS         6   /* one of so many calls of the chat begins another */

#define RUN_LANES      2                                  /* an attempt, and one beside it */
#define RUN_EVENTS_MAX (RUN_LANES + 2 * RUN_ATTEMPTS_MAX) /* of a call, stale ones too */

struct run_attempt {
    int number; /* of the call; 0: none is under way */
    size_t upstream;
    int64_t begun_ns;
    bool answers; /* its first byte was there */
    struct dispatch_place place;
    struct upstream_answer answer;
};

struct run_call {
    int64_t start_ns;
    int64_t tokens_out;
    struct policy_call ask;
    size_t conversation; /* RUN_CONVERSATIONS: none */
    int attempts;
    bool hedged;
    struct run_attempt lanes[RUN_LANES];
    bool whole;
    int64_t first_ns; /* since the start; RUN_LOST_NS: there was no whole answer */
};

enum run_step {
    RUN_START,
    RUN_LATE,
    RUN_FIRST_BYTE,
    RUN_END
};

struct run_event {
    int64_t at_ns;
    size_t call;
    enum run_step step;
    size_t lane;
    int number; /* of the attempt; another one's event is stale */
};

struct run {
    const struct run_options *options;
    struct run_call *calls;
    size_t count;
    struct run_event *heap;
    size_t events;
    struct policy *policy;
    struct upstream_load load;
    size_t last[RUN_CONVERSATIONS]; /* which upstream had it; UPSTREAMS: nobody */
    struct run_result *result;
};

/* ---- the traffic -------------------------------------------------------------------------- */

static int64_t run_mean_out(const struct shape *shape)
{
    int64_t sum = 0;
    for (size_t i = 0; i < shape->call_count; i++) {
        sum += shape->calls[i].tokens_out;
    }
    return sum / (int64_t)shape->call_count;
}

static void run_add_call(struct run *run, enum shape_kind kind, int64_t step, int64_t mean_out,
                         uint64_t keys[RUN_CONVERSATIONS])
{
    uint64_t random = upstream_mix(run->options->seed << 32 ^ run->count);
    const struct shape *shape = &shapes[kind];
    const struct shape_call *like = &shape->calls[random % shape->call_count];
    struct run_call *call = &run->calls[run->count++];
    random = upstream_mix(random);
    *call = (struct run_call){
        .start_ns = step * SHAPE_STEP_NS + (int64_t)(random % (uint64_t)SHAPE_STEP_NS),
        .tokens_out = like->tokens_out,
        .ask = { .tokens_in = like->tokens_in, .tokens_out = mean_out, .chance = random },
        .conversation = RUN_CONVERSATIONS,
    };
    random = upstream_mix(random);
    if (kind == SHAPE_CHAT) {
        call->conversation = random % RUN_CONVERSATIONS;
        bool anew = (random >> 32) % RUN_TURNS == 0 || keys[call->conversation] == 0;
        keys[call->conversation] = anew ? random | 1 : keys[call->conversation];
        call->ask.key = keys[call->conversation];
    }
}

static int run_by_start(const void *a, const void *b)
{
    const struct run_call *x = a;
    const struct run_call *y = b;
    return x->start_ns < y->start_ns ? -1 : x->start_ns > y->start_ns;
}

static void run_make_traffic(struct run *run)
{
    uint64_t keys[RUN_CONVERSATIONS] = { 0 };
    size_t most = 0;
    for (size_t kind = 0; kind < SHAPE_COUNT; kind++) {
        for (int64_t i = 0; i < run->options->steps; i++) {
            most += (size_t)run->options->scale * shapes[kind].starts[i];
        }
    }
    run->calls = mem_zalloc((most + 1) * sizeof(*run->calls));
    run->heap = mem_zalloc((RUN_EVENTS_MAX * most + 1) * sizeof(*run->heap));
    ASSERT(run->calls != NULL && run->heap != NULL);
    for (size_t kind = 0; kind < SHAPE_COUNT; kind++) {
        int64_t mean = run_mean_out(&shapes[kind]);
        for (int64_t step = 0; step < run->options->steps; step++) {
            for (int64_t n = run->options->scale * shapes[kind].starts[step]; n > 0; n--) {
                run_add_call(run, (enum shape_kind)kind, step, mean, keys);
            }
        }
    }
    ASSERT(run->count == most);
    qsort(run->calls, run->count, sizeof(*run->calls), run_by_start);
}

/* ---- events ------------------------------------------------------------------------------- */

static bool run_sooner(const struct run_event *a, const struct run_event *b)
{
    return a->at_ns != b->at_ns ? a->at_ns < b->at_ns : a->call < b->call;
}

static void run_push(struct run *run, struct run_event event)
{
    size_t at = run->events++;
    while (at > 0 && run_sooner(&event, &run->heap[(at - 1) / 2])) {
        run->heap[at] = run->heap[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    run->heap[at] = event;
}

static struct run_event run_pop(struct run *run)
{
    struct run_event first = run->heap[0];
    struct run_event moved = run->heap[--run->events];
    size_t at = 0;
    for (size_t child = 1; child < run->events; child = 2 * at + 1) {
        child += child + 1 < run->events && run_sooner(&run->heap[child + 1], &run->heap[child]);
        if (!run_sooner(&run->heap[child], &moved)) {
            break;
        }
        run->heap[at] = run->heap[child];
        at = child;
    }
    run->heap[at] = moved;
    return first;
}

/* ---- a call ------------------------------------------------------------------------------- */

/* False: there is none. */
static bool run_ask(struct run *run, size_t index, size_t lane, int64_t now_ns)
{
    struct run_call *call = &run->calls[index];
    struct run_attempt *attempt = &call->lanes[lane];
    size_t upstream = UPSTREAMS;
    if (call->attempts < RUN_ATTEMPTS_MAX && now_ns - call->start_ns < RUN_LOST_NS) {
        upstream = policy_pick(run->policy, &call->ask, now_ns, &attempt->place);
    }
    if (upstream == UPSTREAMS) {
        return false;
    }
    uint64_t chance = upstream_mix(run->options->seed ^ index << 8 ^ (uint64_t)call->attempts);
    attempt->number = ++call->attempts;
    attempt->upstream = upstream;
    attempt->begun_ns = now_ns;
    attempt->answers = false;
    call->ask.tried |= UINT64_C(1) << upstream;
    upstream_ask(&run->load, upstream, now_ns, call->ask.tokens_in, call->tokens_out, chance,
                 &attempt->answer);
    run->load.under_way[upstream]++;
    bool begun = attempt->answer.begun;
    run_push(run,
             (struct run_event){ begun ? attempt->answer.first_ns : attempt->answer.end_ns, index,
                                 begun ? RUN_FIRST_BYTE : RUN_END, lane, attempt->number });
    return true;
}

static void run_try(struct run *run, size_t index, int64_t now_ns)
{
    struct run_call *call = &run->calls[index];
    if (!run_ask(run, index, 0, now_ns)) {
        call->first_ns = RUN_LOST_NS;
        return;
    }
    int64_t late_ns = call->hedged ? 0 : policy_late(run->policy, &call->lanes[0].place);
    if (late_ns > 0) {
        run_push(run,
                 (struct run_event){ now_ns + late_ns, index, RUN_LATE, 0, call->lanes[0].number });
    }
}

static void run_hedge(struct run *run, size_t index, int64_t now_ns)
{
    struct run_call *call = &run->calls[index];
    if (!call->lanes[0].answers && !call->hedged && policy_may_hedge(run->policy, now_ns)) {
        call->hedged = run_ask(run, index, 1, now_ns);
    }
}

/* What has not begun was paid for with its input alone. */
static void run_overtake(struct run *run, const struct run_call *call, struct run_attempt *attempt,
                         int64_t now_ns)
{
    const struct upstream *upstream = &upstreams[attempt->upstream];
    if (attempt->number == 0) {
        return;
    }
    run->load.under_way[attempt->upstream]--;
    run->result->attempts++;
    run->result->cost_nano +=
        (int64_t)(money_rate(call->ask.tokens_in, upstream->pico_in) / MONEY_PICO_PER_NANO);
    policy_overtaken(&attempt->place, now_ns - attempt->begun_ns, now_ns);
    attempt->number = 0;
}

static void run_first_byte(struct run *run, size_t index, size_t lane, int64_t now_ns)
{
    struct run_call *call = &run->calls[index];
    struct run_attempt *attempt = &call->lanes[lane];
    attempt->answers = true;
    run_overtake(run, call, &call->lanes[1 - lane], now_ns);
    policy_begin(run->policy, &attempt->place, &attempt->answer.lesson, now_ns);
    run_push(run,
             (struct run_event){ attempt->answer.end_ns, index, RUN_END, lane, attempt->number });
}

static void run_count_turn(struct run *run, const struct run_call *call, size_t upstream)
{
    if (call->conversation == RUN_CONVERSATIONS) {
        return;
    }
    size_t last = run->last[call->conversation];
    run->result->turns += last < UPSTREAMS;
    run->result->stayed += last == upstream;
    run->last[call->conversation] = upstream;
}

static void run_end(struct run *run, size_t index, size_t lane, int64_t now_ns)
{
    struct run_call *call = &run->calls[index];
    struct run_attempt *attempt = &call->lanes[lane];
    const struct upstream *upstream = &upstreams[attempt->upstream];
    const struct upstream_answer *answer = &attempt->answer;
    run->load.under_way[attempt->upstream]--;
    run->result->attempts++;
    policy_give(run->policy, attempt->upstream, &attempt->place, answer->whole, &answer->lesson,
                now_ns);
    attempt->number = 0;
    if (!answer->begun) {
        if (call->lanes[1 - lane].number == 0) { /* else that one goes on alone */
            run_try(run, index, now_ns);
        }
        return;
    }
    money_wide pico = money_rate(call->ask.tokens_in, upstream->pico_in) +
                      money_rate(answer->tokens_out, upstream->pico_out);
    run->result->cost_nano += (int64_t)(pico / MONEY_PICO_PER_NANO);
    run->result->cut += !answer->whole;
    call->whole = answer->whole;
    call->first_ns = answer->whole ? answer->first_ns - call->start_ns : RUN_LOST_NS;
    run_count_turn(run, call, attempt->upstream);
}

static void run_step(struct run *run, struct run_event event)
{
    const struct run_call *call = &run->calls[event.call];
    if (event.step == RUN_START) {
        policy_earn(run->policy);
        run_try(run, event.call, event.at_ns);
    } else if (call->lanes[event.lane].number != event.number) {
        return; /* of an attempt that was overtaken, or has ended */
    } else if (event.step == RUN_LATE) {
        run_hedge(run, event.call, event.at_ns);
    } else if (event.step == RUN_FIRST_BYTE) {
        run_first_byte(run, event.call, event.lane, event.at_ns);
    } else {
        run_end(run, event.call, event.lane, event.at_ns);
    }
}

/* ---- what came of it ---------------------------------------------------------------------- */

static int run_by_number(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a;
    int64_t y = *(const int64_t *)b;
    return x < y ? -1 : x > y;
}

/* The number that `percent` of them are no larger than. */
static int64_t run_quantile(int64_t *numbers, size_t count, size_t percent)
{
    if (count == 0) {
        return 0;
    }
    qsort(numbers, count, sizeof(*numbers), run_by_number);
    size_t at = count * percent / 100;
    return numbers[at < count ? at : count - 1];
}

static void run_sum_up(struct run *run)
{
    struct run_result *result = run->result;
    int64_t *firsts = mem_zalloc((run->count + 1) * sizeof(*firsts));
    ASSERT(firsts != NULL);
    size_t from = 0;
    for (size_t bin = 0; bin < RUN_BINS; bin++) {
        int64_t until_ns = (int64_t)(bin + 1) * RUN_BIN_STEPS * SHAPE_STEP_NS;
        size_t count = 0;
        for (; from < run->count && run->calls[from].start_ns < until_ns; from++) {
            const struct run_call *call = &run->calls[from];
            firsts[count++] = call->first_ns;
            result->bins[bin].calls++;
            result->bins[bin].good += call->whole && call->first_ns <= RUN_GOOD_NS;
            result->whole += call->whole;
        }
        result->calls += result->bins[bin].calls;
        result->good += result->bins[bin].good;
        result->bins[bin].p99_ns = run_quantile(firsts, count, 99);
    }
    for (size_t i = 0; i < run->count; i++) {
        firsts[i] = run->calls[i].first_ns;
    }
    result->p50_ns = run_quantile(firsts, run->count, 50);
    result->p99_ns = run_quantile(firsts, run->count, 99);
    mem_free(firsts);
}

void run_policy(const struct run_options *options, enum policy_kind kind,
                struct run_result *ret_result)
{
    struct run run = { .options = options, .result = ret_result };
    *ret_result = (struct run_result){ 0 };
    run_make_traffic(&run);
    run.policy = policy_create(kind);
    for (size_t i = 0; i < UPSTREAMS; i++) {
        run.load.bucket[i] = upstreams[i].tokens_a_minute;
    }
    for (size_t i = 0; i < RUN_CONVERSATIONS; i++) {
        run.last[i] = UPSTREAMS;
    }
    for (size_t i = 0; i < run.count; i++) {
        run_push(&run, (struct run_event){ run.calls[i].start_ns, i, RUN_START, 0, 0 });
    }
    while (run.events > 0) {
        run_step(&run, run_pop(&run));
    }
    policy_destroy(run.policy);
    run_sum_up(&run);
    mem_free(run.calls);
    mem_free(run.heap);
}
