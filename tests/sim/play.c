#include "play.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static const char *const asking_names[ASK_COUNT] = {
    [ASK_GOOD] = "good",
    [ASK_BAD_JSON] = "bad JSON",
    [ASK_NO_KEY] = "no API key",
    [ASK_WRONG_KEY] = "wrong API key",
    [ASK_UNKNOWN_MODEL] = "unknown model",
};

uint64_t play_random(struct play *play, uint64_t below)
{
    return below == 0 || play->steady ? 0 : sim_random(play->sim) % below;
}

bool play_chance(struct play *play, uint64_t of)
{
    return !play->steady && play_random(play, of) == 0;
}

struct sale *play_first(struct play *play, int number)
{
    ASSERT(number >= 1 && number <= play->sale_count);
    return &play->sales[number - 1];
}

static void play_print_sale(const struct play *play, const struct sale *sale)
{
    const struct sale *first = &play->sales[sale->number - 1];
    (void)printf("  call %d (place %td): account %d, model %d, %s, %s, cap %lld, key %d/%d, "
                 "life %llu to %llu\n",
                 sale->number, sale - play->sales, sale->account, sale->model,
                 asking_names[sale->asking], sale->stream ? "stream" : "whole",
                 (long long)sale->cap, sale->key, sale->variant, (unsigned long long)sale->life,
                 (unsigned long long)sale->life_ended);
    if (sale->batch > 0) {
        (void)printf("  a line of batch %d\n", sale->batch);
    }
    (void)printf("  seen: status %d%s%s, charge %lld, %lld events of attempt %d%s%s%s%s%s\n",
                 sale->status, sale->code[0] != '\0' ? " " : "", sale->code,
                 sale->has_charge ? (long long)sale->charge : -1, (long long)sale->events,
                 sale->attempt, sale->finish_seen ? ", finish" : "",
                 sale->error_seen ? ", error" : "", sale->whole ? ", whole" : "",
                 sale->cancelled ? ", cancelled" : "", sale->replayed ? ", replayed" : "");
    (void)printf("  wish %llu, stand-in %d, deadline %lld ms from its beginning, hand %d\n",
                 (unsigned long long)sale->wish.kind, sale->wish.stand_in,
                 sale->wish.deadline_ns == 0
                     ? -1
                     : (long long)((sale->wish.deadline_ns - sale->begun_ns) / 1000000),
                 sale->hand);
    for (int i = 0; i < first->attempt_count; i++) {
        const struct attempt *attempt = &first->attempts[i];
        (void)printf(
            "  attempt %d: model %d, upstream %d, manner %d, %s, tokens %lld (%lld cached) + %lld, "
            "%lld events%s%s%s\n",
            i, attempt->model, attempt->upstream, (int)attempt->manner,
            attempt->stream ? "stream" : "whole", (long long)attempt->prompt,
            (long long)attempt->cached, (long long)attempt->completion, (long long)attempt->events,
            attempt->finished ? ", finished" : "", attempt->reported ? ", reported" : "",
            attempt->ended ? ", ended" : "");
    }
}

void play_fail(const struct play *play, const struct sale *sale, const char *format, ...)
{
    va_list args;
    (void)printf("seed %llu failed at step %llu, life %llu: ", (unsigned long long)play->seed,
                 (unsigned long long)play->steps, (unsigned long long)play->lives);
    va_start(args, format);
    (void)vprintf(format, args);
    va_end(args);
    (void)printf("\n");
    if (sale != NULL) {
        play_print_sale(play, sale);
    }
    (void)fflush(stdout);
    _Exit(1); /* the history is over as it is: nothing is tidied up */
}

void play_note(const struct play *play, const char *format, ...)
{
    if (play->verbose) {
        va_list args;
        (void)printf("%10llu %8.3f  ", (unsigned long long)play->steps,
                     (double)sim_now_ns(play->sim) / 1e9);
        va_start(args, format);
        (void)vprintf(format, args);
        va_end(args);
        (void)printf("\n");
    }
}
