#include "gate/call_limits.h"

#include <stdio.h>

#include "base/stamp.h"
#include "dispatch/bucket.h"
#include "gate/gate_internal.h"
#include "ident/ident.h"
#include "wire/jsonw.h"

/* Tokens of output that are reserved a choice where the client gave no cap: models write far less
 * than they may, and what is more is owed at the end. */
#define LIMITS_OUTPUT_GUESS 1024
/* Bytes of JSON a token, where a model's tokens are not counted; put right by what is reported. */
#define LIMITS_BYTES_A_TOKEN 4
/* The bound of the bytes is some four times the tokens: up to this part of what is left, counting
 * before the upstream is asked would cost more than it tells. */
#define LIMITS_BOUND_PART 16
/* OpenAI's SDKs wait no longer, but try again at once, where more is asked for. */
#define LIMITS_WAIT_MAX_NS BUCKET_MINUTE_NS

static const struct limits_words {
    const char *name;  /* in facts */
    const char *words; /* in sentences, as OpenAI has them */
} limits_words[LIMITS_KINDS] = {
    [LIMITS_REQUESTS] = { "requests_per_minute", "requests per min (RPM)" },
    [LIMITS_TOKENS] = { "tokens_per_minute", "tokens per min (TPM)" },
    [LIMITS_INPUT] = { "input_tokens_per_minute", "input tokens per min (TPM)" },
    [LIMITS_OUTPUT] = { "output_tokens_per_minute", "output tokens per min (TPM)" },
    [LIMITS_CALLS] = { "calls_at_once", "calls at once" },
};

static int64_t limits_now(const struct call *call)
{
    return loop_now_ns(call->gate->loop);
}

/* Kept beyond the step for who tells of it. */
static enum err limits_refused(struct call *call, enum err err,
                               const struct limits_refusal *refusal)
{
    if (err == ERR_OK || err == ERR_NO_MEMORY) {
        return err;
    }
    call->limits.refusal = arena_alloc(&call->arena, sizeof(*call->limits.refusal));
    if (call->limits.refusal == NULL) {
        return ERR_NO_MEMORY;
    }
    *call->limits.refusal = *refusal;
    return err;
}

static enum err limits_enter(struct call *call, struct limits_refusal *refusal)
{
    const struct limits_who who = {
        .key = call->key->id,
        .client = call->key->client->id,
        .model = call->model->id,
        .several = client_keys(call->key->client) > 1,
        .defaults = call->snapshot->options.client_limits,
    };
    return limits_begin(call->gate->world.limits, &who, limits_now(call), &call->limits.hold,
                        refusal);
}

enum err call_limits_begin(struct call *call)
{
    struct limits_refusal refusal = { .wait_ns = 0 };
    enum err err = limits_enter(call, &refusal);
    return limits_refused(call, err, &refusal);
}

/* Where the client gave no cap, a guess: what is more is owed. */
static int64_t limits_output(const struct call *call)
{
    bool guess = call->ask.output_cap == 0 && call->output_cap > LIMITS_OUTPUT_GUESS;
    return (guess ? LIMITS_OUTPUT_GUESS : call->output_cap) * call->ask.choices;
}

static int64_t limits_input_guess(const struct call *call)
{
    return (int64_t)(call->body.len / LIMITS_BYTES_A_TOKEN) + 1;
}

bool call_limits_switch(struct call *call)
{
    struct limits_refusal refusal = { .wait_ns = 0 };
    bool known = call->limits.hold.reserved;
    int64_t input = known ? call->limits.hold.input : limits_input_guess(call);
    int64_t output = known ? call->limits.hold.output : limits_output(call);
    limits_end(&call->limits.hold, 0, 0, false, limits_now(call));
    limits_free(&call->limits.hold);
    if (limits_enter(call, &refusal) != ERR_OK) {
        return false;
    }
    if (limits_count_tokens(&call->limits.hold) &&
        limits_reserve(&call->limits.hold, input, output, limits_now(call), &refusal) != ERR_OK) {
        limits_end(&call->limits.hold, 0, 0, false, limits_now(call));
        return false;
    }
    return true;
}

bool call_limits_bound_will_do(const struct call *call, const struct rate_bounds *bound)
{
    return !limits_count_tokens(&call->limits.hold) ||
           bound->input <=
               limits_input_left(&call->limits.hold, limits_now(call)) / LIMITS_BOUND_PART;
}

enum err call_limits_reserve(struct call *call, const struct rate_bounds *input)
{
    struct limits_refusal refusal = { .wait_ns = 0 };
    if (!limits_count_tokens(&call->limits.hold)) {
        return ERR_OK;
    }
    int64_t tokens = call->counted_as == NULL ? limits_input_guess(call)
                                              : input->input + input->image + input->audio;
    enum err err =
        limits_reserve(&call->limits.hold, tokens, limits_output(call), limits_now(call), &refusal);
    return limits_refused(call, err, &refusal);
}

void call_limits_end(struct call *call)
{
    int64_t input = 0;
    int64_t output = 0;
    bool served = call->outcome != OUTCOME_REFUSED && call->outcome != OUTCOME_REPLAYED;
    for (int i = 0; i < USAGE_COUNT; i++) {
        *(usage_is_output((enum usage_class)i) ? &output : &input) += call->billed.tokens[i];
    }
    limits_end(&call->limits.hold, input, output, served, limits_now(call));
}

/* ---- what is told ------------------------------------------------------------------------ */

static enum limits_of limits_whose(enum limits_meter meter)
{
    return meter <= LIMITS_METER_KEY      ? LIMITS_OF_KEY
           : meter <= LIMITS_METER_CLIENT ? LIMITS_OF_CLIENT
                                          : LIMITS_OF_MODEL;
}

static void limits_print_whose(const struct call *call, struct buf *out)
{
    enum limits_meter meter = call->limits.refusal->meter;
    enum limits_of of = limits_whose(meter);
    if (of == LIMITS_OF_MODEL) {
        EP_IGNORE(buf_append(out, meter == LIMITS_METER_SHARE
                                      ? STR("this client's share of all clients")
                                      : STR("all clients")));
        return;
    }
    if (meter == LIMITS_METER_KEY_SHARE || meter == LIMITS_METER_KEY_MODEL_SHARE) {
        EP_IGNORE(buf_append(out, STR("this key's share of ")));
    }
    bool key = of == LIMITS_OF_KEY;
    EP_IGNORE(buf_append(out, key ? STR("key ") : STR("client ")));
    EP_IGNORE(id_print(out, key ? STR(IDENT_KEY_PREFIX) : STR(IDENT_CLIENT_PREFIX),
                       key ? call->key->id : call->key->client->id));
}

bool call_limits_refused(const struct call *call)
{
    return call->limits.refusal != NULL &&
           (call->err == ERR_LIMIT_CALLS || call->err == ERR_LIMIT_REQUESTS ||
            call->err == ERR_LIMIT_TOKENS || call->err == ERR_LIMIT_SIZE);
}

int64_t call_limits_wait(const struct call *call)
{
    const struct limits_refusal *limited = call->limits.refusal;
    if (limited->wait_ns < 0) {
        return -1;
    }
    /* Nobody knows when a call under way will end: a second is what its like takes. */
    return limited->kind == LIMITS_CALLS ? INT64_C(1000000000) : limited->wait_ns;
}

bool call_limits_retry(const struct call *call)
{
    int64_t wait_ns = call_limits_wait(call);
    return wait_ns >= 0 && wait_ns <= LIMITS_WAIT_MAX_NS;
}

void call_limits_say(const struct call *call, char *text, size_t size)
{
    const struct limits_refusal *limited = call->limits.refusal;
    char whose_text[64];
    char wait_text[48];
    struct buf whose = { whose_text, 0, sizeof(whose_text), sizeof(whose_text) };
    struct buf wait = { wait_text, 0, sizeof(wait_text), sizeof(wait_text) };
    struct str model = call->model->id;
    model.len = model.len < 64 ? model.len : 64;
    limits_print_whose(call, &whose);
    int64_t wait_ns = call_limits_wait(call);
    if (wait_ns < 0) {
        (void)snprintf(text, size,
                       "Request too large for " STR_FMT " in " STR_FMT
                       " on %s: Limit %lld, Requested %lld. %s",
                       STR_ARG(model), STR_ARG(buf_str(&whose)), limits_words[limited->kind].words,
                       (long long)limited->max, (long long)limited->asked,
                       limited->max == 0 ? "Nothing may pass here."
                                         : "The input or output tokens must be reduced in order "
                                           "to run successfully.");
        return;
    }
    EP_IGNORE(stamp_print_span(&wait, wait_ns)); /* fits */
    (void)snprintf(text, size,
                   "Rate limit reached for " STR_FMT " in " STR_FMT
                   " on %s: Limit %lld, Used %lld, Requested %lld. Please try again in " STR_FMT
                   ".",
                   STR_ARG(model), STR_ARG(buf_str(&whose)), limits_words[limited->kind].words,
                   (long long)limited->max, (long long)(limited->max - limited->left),
                   (long long)limited->asked, STR_ARG(buf_str(&wait)));
}

static void limits_headers_of(struct buf *out, const char *what, const struct limits_view *view)
{
    char line[96];
    if (!view->limited) {
        return;
    }
    int len = snprintf(line, sizeof(line),
                       "x-ratelimit-limit-%s: %lld\r\nx-ratelimit-remaining-%s: %lld\r\n", what,
                       (long long)view->max, what, (long long)view->left);
    ASSERT(len > 0 && (size_t)len < sizeof(line));
    EP_IGNORE(buf_append(out, str_from(line))); /* the caller has room for them */
    EP_IGNORE(buf_append(out, STR("x-ratelimit-reset-")));
    EP_IGNORE(buf_append(out, str_from(what)));
    EP_IGNORE(buf_append(out, STR(": ")));
    EP_IGNORE(stamp_print_span(out, view->full_ns));
    EP_IGNORE(buf_append(out, STR("\r\n")));
}

void call_limits_headers(const struct call *call, struct buf *out)
{
    struct limits_view requests;
    struct limits_view tokens;
    if (call->limits.hold.count == 0) {
        return; /* refused before it was known whose limits count */
    }
    limits_look(&call->limits.hold, limits_now(call), &requests, &tokens);
    limits_headers_of(out, "requests", &requests);
    limits_headers_of(out, "tokens", &tokens);
    if (!call_limits_refused(call) || call_limits_wait(call) < 0) {
        return;
    }
    char line[64];
    int64_t ms = (call_limits_wait(call) + 999999) / 1000000;
    (void)snprintf(line, sizeof(line), "retry-after: %lld\r\nretry-after-ms: %lld\r\n",
                   (long long)((ms + 999) / 1000), (long long)ms);
    EP_IGNORE(buf_append(out, str_from(line)));
}

void call_limits_tell(const struct call *call, struct jsonw *json)
{
    static const char *const scopes[LIMITS_OFS] = { "key", "client", "model" };
    const struct limits_refusal *limited = call->limits.refusal;
    bool one_model = limited->meter != LIMITS_METER_KEY && limited->meter != LIMITS_METER_CLIENT &&
                     limited->meter != LIMITS_METER_KEY_SHARE;
    jsonw_key(json, "limit");
    jsonw_open(json, '{');
    jsonw_put_str(json, "scope", str_from(scopes[limits_whose(limited->meter)]));
    jsonw_put_str(json, "model", one_model ? call->model->id : STR("*"));
    jsonw_put_str(json, "kind", str_from(limits_words[limited->kind].name));
    jsonw_put_int(json, "max", limited->max);
    jsonw_put_int(json, "left", limited->left);
    jsonw_put_int(json, "asked", limited->asked);
    if (limited->kind != LIMITS_CALLS && limited->wait_ns >= 0) {
        char text[48];
        struct buf until = { text, 0, sizeof(text), sizeof(text) };
        EP_IGNORE(stamp_print(&until, loop_wall_ns(call->gate->loop) + limited->wait_ns));
        jsonw_put_str(json, "until", buf_str(&until));
    }
    jsonw_close(json, '}');
}
