#include "upstream.h"

#include "base/err.h"

#define MS INT64_C(1000000)
#define S  INT64_C(1000000000)

/* Prices in pico: 500,000 is 0.50 a million tokens. */
const struct upstream upstreams[UPSTREAMS] = {
    { "amber", 500000, 1500000, 380 * MS, 60000, 17 * MS, 90, 0 },
    { "birch", 550000, 1600000, 420 * MS, 70000, 18 * MS, 90, 1500000 },
    { "cedar", 700000, 2100000, 300 * MS, 50000, 15 * MS, 80, 0 },
    { "delta", 900000, 2800000, 220 * MS, 40000, 10 * MS, 80, 0 },
    { "ebony", 1100000, 3300000, 260 * MS, 40000, 12 * MS, 80, 0 },
    { "flint", 1800000, 5400000, 180 * MS, 30000, 8 * MS, 100, 0 },
};

const struct incident incidents[] = {
    { 0, INCIDENT_SLOW, 500 * S, 800 * S, 800, "amber: 8 times slower" },
    { 1, INCIDENT_FAILING, 1000 * S, 1300 * S, 40, "birch: 40 % fail" },
    { 2, INCIDENT_REFUSING, 1500 * S, 1700 * S, 0, "cedar: refuses" },
    { 0, INCIDENT_SILENT, 1900 * S, 2100 * S, 0, "amber: silent" },
    { 3, INCIDENT_SILENT, 2000 * S, 2200 * S, 0, "delta: silent" },
    { 5, INCIDENT_SLOW, 2400 * S, 2700 * S, 1200, "flint: 12 times slower" },
    { 4, INCIDENT_BUSY, 2500 * S, 2800 * S, 8, "ebony: takes 8 calls" },
    { 1, INCIDENT_REFUSING, 2950 * S, 2970 * S, 0, "birch: flaps" },
    { 1, INCIDENT_REFUSING, 2990 * S, 3010 * S, 0, "" },
    { 1, INCIDENT_REFUSING, 3030 * S, 3050 * S, 0, "" },
};
const size_t incident_count = EP_ARRAY_LEN(incidents);

/* Sixteen even quantiles of a lognormal spread (sigma 0.45), in percent of its median. */
static const int64_t spread[16] = { 43,  55,  63,  70,  77,  84,  90,  96,
                                    104, 111, 120, 130, 142, 157, 181, 231 };

uint64_t upstream_mix(uint64_t value)
{
    value += UINT64_C(0x9e3779b97f4a7c15);
    value = (value ^ value >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    value = (value ^ value >> 27) * UINT64_C(0x94d049bb133111eb);
    return value ^ value >> 31;
}

static int64_t upstream_strength(size_t at, enum incident_kind kind, int64_t now_ns)
{
    for (size_t i = 0; i < incident_count; i++) {
        const struct incident *incident = &incidents[i];
        if (incident->upstream == at && incident->kind == kind && now_ns >= incident->from_ns &&
            now_ns < incident->until_ns) {
            return incident->strength > 0 ? incident->strength : 1;
        }
    }
    return 0;
}

/* The first instant in (from, until] at which it stops answering altogether; 0: never. */
static int64_t upstream_dies(size_t at, int64_t from_ns, int64_t until_ns)
{
    for (size_t i = 0; i < incident_count; i++) {
        const struct incident *incident = &incidents[i];
        bool ends = incident->kind == INCIDENT_REFUSING || incident->kind == INCIDENT_SILENT;
        if (incident->upstream == at && ends && incident->from_ns > from_ns &&
            incident->from_ns <= until_ns) {
            return incident->from_ns;
        }
    }
    return 0;
}

static void upstream_fail(struct upstream_answer *answer, enum health_error error, int64_t at_ns)
{
    answer->first_ns = answer->end_ns = at_ns;
    answer->lesson.error = error;
}

/* The bucket of a minute, refilled steadily; what it lacks is told by Retry-After. */
static bool upstream_meter(struct upstream_load *load, size_t at, int64_t now_ns, int64_t tokens,
                           struct upstream_answer *answer)
{
    int64_t whole = upstreams[at].tokens_a_minute;
    if (whole == 0) {
        return true;
    }
    int64_t grown = (now_ns - load->bucket_ns[at]) / MS * whole / 60000;
    load->bucket[at] += grown;
    load->bucket[at] = load->bucket[at] < whole ? load->bucket[at] : whole;
    load->bucket_ns[at] = now_ns;
    bool enough = load->bucket[at] >= tokens;
    int64_t lack = tokens - load->bucket[at];
    answer->lesson.retry_after_ns = enough ? 0 : (lack * 60 / whole + 1) * S;
    load->bucket[at] -= enough ? tokens : 0;
    answer->lesson.tokens = (struct health_quota){
        .known = true,
        .left = load->bucket[at],
        .limit = whole,
        .reset_ns = (whole - load->bucket[at]) * 60 * MS / whole * 1000 + 1,
    };
    return enough;
}

/* Refused, silent, failing or busy: true. */
static bool upstream_turns_away(struct upstream_load *load, size_t at, int64_t now_ns,
                                int64_t tokens, uint64_t chance, struct upstream_answer *answer)
{
    if (upstream_strength(at, INCIDENT_REFUSING, now_ns) > 0) {
        upstream_fail(answer, HEALTH_ERROR_UNREACHABLE, now_ns + 2 * MS);
        return true;
    }
    if (upstream_strength(at, INCIDENT_SILENT, now_ns) > 0) {
        upstream_fail(answer, HEALTH_ERROR_TIMEOUT, now_ns + UPSTREAM_SILENCE_NS);
        return true;
    }
    int64_t share = upstream_strength(at, INCIDENT_FAILING, now_ns);
    if ((int64_t)(chance % 100) < share) {
        upstream_fail(answer, HEALTH_ERROR_STATUS, now_ns + 200 * MS);
        return true;
    }
    int64_t most = upstream_strength(at, INCIDENT_BUSY, now_ns);
    bool full =
        load->under_way[at] >= upstreams[at].slots || (most > 0 && load->under_way[at] >= most);
    if (!upstream_meter(load, at, now_ns, tokens, answer) || full) {
        upstream_fail(answer, HEALTH_ERROR_BUSY, now_ns + 30 * MS);
        return true;
    }
    return false;
}

void upstream_ask(struct upstream_load *load, size_t at, int64_t now_ns, int64_t tokens_in,
                  int64_t tokens_out, uint64_t chance, struct upstream_answer *ret_answer)
{
    const struct upstream *upstream = &upstreams[at];
    *ret_answer = (struct upstream_answer){ .tokens_out = tokens_out };
    chance = upstream_mix(chance);
    if (upstream_turns_away(load, at, now_ns, tokens_in + tokens_out, chance, ret_answer)) {
        return;
    }
    int64_t slow = upstream_strength(at, INCIDENT_SLOW, now_ns);
    slow = slow > 0 ? slow : 100;
    int64_t busy = load->under_way[at] * 100 / upstream->slots; /* percent of its places */
    int64_t first = upstream->first_ns * (100 + busy * busy / 60) / 100;
    first = (first + upstream->prompt_ns * tokens_in) * spread[chance >> 8 & 15] / 100 * slow / 100;
    int64_t token = upstream->token_ns * (100 + busy * 7 / 10) / 100;
    token = token * spread[chance >> 12 & 15] / 100 * slow / 100;
    token = token < 3 * upstream->token_ns / 4 ? 3 * upstream->token_ns / 4 : token;
    if (first > UPSTREAM_SILENCE_NS) {
        upstream_fail(ret_answer, HEALTH_ERROR_TIMEOUT, now_ns + UPSTREAM_SILENCE_NS);
        return;
    }
    ret_answer->begun = true;
    ret_answer->first_ns = now_ns + first;
    ret_answer->end_ns = now_ns + first + token * tokens_out;
    int64_t dies = upstream_dies(at, now_ns, ret_answer->end_ns);
    if (dies > 0 && dies <= ret_answer->first_ns) {
        ret_answer->begun = false;
        upstream_fail(ret_answer, HEALTH_ERROR_UNREACHABLE, dies);
        return;
    }
    ret_answer->whole = dies == 0;
    ret_answer->end_ns = dies > 0 ? dies : ret_answer->end_ns;
    ret_answer->tokens_out = (ret_answer->end_ns - ret_answer->first_ns) / token;
    ret_answer->lesson.error = dies > 0 ? HEALTH_ERROR_CUT : HEALTH_ERROR_NONE;
    ret_answer->lesson.first_ns = first;
    ret_answer->lesson.rest_ns = ret_answer->end_ns - ret_answer->first_ns;
    ret_answer->lesson.tokens_out = ret_answer->tokens_out;
}
