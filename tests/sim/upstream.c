#include "upstream.h"

#include <stdio.h>
#include <string.h>

#include "auditor.h"
#include "base/mem.h"
#include "tongue.h"

#define UPSTREAM_MS INT64_C(1000000)

/* An answer under way. */
struct talk {
    struct upstream *upstream;
    struct http_exchange *x;
    struct attempt *attempt;
    int number; /* of the call */
    int at;     /* of the attempt */
    int model;
    enum tongue tongue;
    int64_t events; /* with text, that it means to send */
    struct timer timer;
    bool begun;
};

static void talk_free(struct talk *talk)
{
    timer_stop(talk->upstream->play->outside, &talk->timer);
    talk->upstream->talks--;
    mem_free(talk);
}

static void talk_wait(struct talk *talk)
{
    struct play *play = talk->upstream->play;
    bool slow = talk->attempt->manner == MANNER_SLOW || play_chance(play, 10);
    int64_t most = slow ? 500 * UPSTREAM_MS : 3 * UPSTREAM_MS;
    int64_t at_ns = sim_now_ns(play->sim) + (int64_t)play_random(play, (uint64_t)most);
    enum err err = timer_start(play->outside, &talk->timer, at_ns);
    ASSERT(err == ERR_OK);
}

static void talk_cut(struct talk *talk)
{
    struct http_exchange *x = talk->x;
    talk_free(talk);
    http_exchange_abort(x);
}

/* ---- what is said ------------------------------------------------------------------------ */

static const char *talk_model(const struct talk *talk)
{
    static const char *const names[PLAY_MODELS] = { "m-0", "x/M-1-20260901" };
    const struct attempt *attempt = talk->attempt;
    bool turned = attempt->manner == MANNER_TURN &&
                  (!attempt->stream || (attempt->events > 0 && attempt->events > talk->events / 2));
    bool other = attempt->manner == MANNER_OTHER_MODEL || turned;
    return other ? "m-x" : attempt->manner == MANNER_NO_MODEL ? "" : names[talk->model];
}

static bool talk_reports(const struct talk *talk)
{
    return talk->attempt->manner != MANNER_NO_USAGE && talk->attempt->manner != MANNER_CUT_LATE;
}

static void talk_make(const struct talk *talk, enum tongue_part part, int status, struct buf *out)
{
    const struct attempt *attempt = talk->attempt;
    char piece[32];
    (void)snprintf(piece, sizeof(piece), "said %d.%d%s", talk->number, talk->at,
                   attempt->stream ? " " : "");
    const struct tongue_told told = {
        .model = talk_model(talk),
        .piece = piece,
        .pieces = attempt->events,
        .prompt = attempt->prompt,
        .cached = attempt->cached,
        .completion = attempt->completion,
        .reports = talk_reports(talk),
        .odd_sum = attempt->manner == MANNER_ODD_TOTAL,
        .status = status,
    };
    tongue_say(talk->tongue, part, &told, out);
}

/* An answer in one piece. */
static void talk_answer(struct talk *talk, enum tongue_part part, int status)
{
    struct http_exchange *x = talk->x;
    char text[TONGUE_TEXT_MAX];
    struct buf body = { text, 0, sizeof(text), sizeof(text) };
    talk_make(talk, part, status, &body);
    talk->attempt->ended = true;
    talk_free(talk);
    http_respond(x, status, STR("content-type: application/json\r\n"), buf_str(&body));
}

static void talk_whole(struct talk *talk)
{
    talk->attempt->reported = talk_reports(talk);
    talk->attempt->finished = true;
    talk_answer(talk, TONGUE_WHOLE, 200);
}

static void talk_status(struct talk *talk, int status)
{
    talk_answer(talk, TONGUE_REFUSAL, status);
}

static void talk_say(struct talk *talk, enum tongue_part part)
{
    char text[TONGUE_TEXT_MAX];
    struct buf body = { text, 0, sizeof(text), sizeof(text) };
    talk_make(talk, part, 200, &body);
    const struct str said = buf_str(&body);
    http_respond_body(talk->x, &said, 1);
}

static void talk_say_last(struct talk *talk, enum tongue_part part)
{
    struct http_exchange *x = talk->x;
    char text[TONGUE_TEXT_MAX];
    struct buf body = { text, 0, sizeof(text), sizeof(text) };
    talk_make(talk, part, 200, &body);
    const struct str said = buf_str(&body);
    talk_free(talk);
    http_respond_last(x, &said, 1);
}

/* The usage and the proper end. */
static void talk_last(struct talk *talk)
{
    talk->attempt->reported = talk_reports(talk);
    talk->attempt->ended = true;
    talk_say_last(talk, TONGUE_END);
}

static void talk_error(struct talk *talk)
{
    talk_say_last(talk, TONGUE_ERROR);
}

/* The next thing of a stream. */
static void talk_go_on(struct talk *talk)
{
    struct attempt *attempt = talk->attempt;
    bool within = attempt->events > 0 && attempt->events >= talk->events / 2;
    if (!talk->begun) {
        talk->begun = true;
        attempt->begun_ns = sim_now_ns(talk->upstream->play->sim);
        http_respond_head(talk->x, 200, STR("content-type: text/event-stream\r\n"));
        talk_say(talk, TONGUE_BEGIN);
    } else if (within && attempt->manner == MANNER_CUT) {
        talk_cut(talk);
        return;
    } else if (within && attempt->manner == MANNER_ERROR_EVENT) {
        talk_error(talk);
        return;
    } else if (attempt->events < talk->events) {
        attempt->events++;
        talk_say(talk, TONGUE_PIECE);
    } else if (!attempt->finished) {
        attempt->finished = true;
        talk_say(talk, TONGUE_TEXT_END);
    } else if (attempt->manner == MANNER_CUT_LATE) {
        talk_cut(talk);
        return;
    } else {
        talk_last(talk);
        return;
    }
    talk_wait(talk);
}

static void talk_on_timer(struct timer *timer)
{
    struct talk *talk = EP_CONTAINER(timer, struct talk, timer);
    switch (talk->attempt->manner) {
    case MANNER_STATUS_400:
        talk_status(talk, 400);
        return;
    case MANNER_STATUS_429:
        talk_status(talk, 429);
        return;
    case MANNER_STATUS_500:
        talk_status(talk, 500);
        return;
    case MANNER_SILENT:
        return; /* until the other side has had enough */
    case MANNER_HONEST:
    case MANNER_SLOW:
    case MANNER_NO_USAGE:
    case MANNER_CUT:
    case MANNER_CUT_LATE:
    case MANNER_OVER:
    case MANNER_ODD_TOTAL:
    case MANNER_OTHER_MODEL:
    case MANNER_TURN:
    case MANNER_NO_MODEL:
    case MANNER_ERROR_EVENT:
    case MANNER_COUNT:
        break;
    }
    if (talk->attempt->stream) {
        talk_go_on(talk);
    } else if (talk->attempt->manner == MANNER_CUT || talk->attempt->manner == MANNER_CUT_LATE ||
               talk->attempt->manner == MANNER_ERROR_EVENT) {
        talk_cut(talk);
    } else {
        talk_whole(talk);
    }
}

/* ---- what is asked ----------------------------------------------------------------------- */

/* The digits behind `name`; -1: it is not there. */
static int64_t upstream_number(struct str body, struct str name)
{
    size_t at = str_search(body, name);
    int64_t number = 0;
    if (at == body.len) {
        return -1;
    }
    for (at += name.len; at < body.len && body.ptr[at] >= '0' && body.ptr[at] <= '9'; at++) {
        number = number * 10 + (body.ptr[at] - '0');
    }
    return number;
}

/* What a dialect has no words for is not done in it: Anthropic tells no sum, and its model once. */
static bool upstream_can(enum tongue tongue, enum manner manner)
{
    return tongue != TONGUE_ANTHROPIC || (manner != MANNER_ODD_TOTAL && manner != MANNER_TURN);
}

static enum manner upstream_manner(struct play *play, enum tongue tongue)
{
    enum manner manner = (enum manner)play_random(play, MANNER_COUNT);
    bool has = (play->manners & UINT64_C(1) << manner) != 0 && upstream_can(tongue, manner);
    return has && play_chance(play, 2) ? manner : MANNER_HONEST;
}

static struct attempt *upstream_note(struct upstream *upstream, struct http_exchange *x,
                                     struct sale *first)
{
    struct play *play = upstream->play;
    struct str body = http_exchange_body(x);
    enum tongue tongue = play_tongue(play, upstream->number);
    int64_t cap = upstream_number(body, tongue_cap_name(tongue));
    ASSERT(first->attempt_count < PLAY_ATTEMPTS_MAX);
    if (cap <= 0) {
        play_fail(play, first, "an upstream is asked without a cap");
    }
    struct attempt *attempt = &first->attempts[first->attempt_count++];
    *attempt = (struct attempt){
        .manner = upstream_manner(play, tongue),
        .upstream = upstream->number,
        .stream = tongue_wants_stream(tongue, http_exchange_head(x)->target, body),
        .prompt = 1 + (int64_t)play_random(play, body.len / 2),
        .completion = 1 + (int64_t)play_random(play, (uint64_t)(cap < 12 ? cap : 12)),
    };
    attempt->cached = (int64_t)play_random(play, (uint64_t)attempt->prompt);
    if (attempt->manner == MANNER_OVER) {
        attempt->prompt += (int64_t)body.len;
        attempt->completion += cap * 2;
    }
    if (attempt->manner != MANNER_HONEST && attempt->manner != MANNER_SLOW &&
        attempt->manner != MANNER_NO_MODEL) {
        play->bad_life = play->lives;
    }
    return attempt;
}

static void upstream_on_request(struct http_exchange *x)
{
    struct upstream *upstream = http_server_owner(http_exchange_server(x));
    struct play *play = upstream->play;
    struct str body = http_exchange_body(x);
    int64_t number = upstream_number(body, STR("call-"));
    if (number < 1 || number > play->sale_count) {
        play_fail(play, NULL, "an upstream is asked for a call that nobody made");
    }
    struct sale *first = play_first(play, (int)number);
    enum tongue tongue = play_tongue(play, upstream->number);
    int model = tongue_model(tongue, http_exchange_head(x)->target, body);
    auditor_on_asked(play, first, upstream->number, model);
    struct talk *talk = mem_zalloc(sizeof(*talk));
    ASSERT(talk != NULL);
    talk->upstream = upstream;
    talk->x = x;
    talk->number = (int)number;
    talk->at = first->attempt_count;
    talk->attempt = upstream_note(upstream, x, first);
    talk->tongue = tongue;
    talk->attempt->model = model;
    talk->model = model;
    int64_t said = talk->attempt->completion;
    talk->events = said < 12 ? said : 12;
    timer_init(&talk->timer, talk_on_timer);
    upstream->talks++;
    http_exchange_own(x, talk);
    talk_wait(talk);
}

static void upstream_on_gone(struct http_exchange *x)
{
    struct talk *talk = http_exchange_owner(x);
    talk->attempt->gone = true;
    talk_free(talk);
}

static const struct http_events upstream_events = {
    .on_request = upstream_on_request,
    .on_gone = upstream_on_gone,
};

void upstream_set_up(struct upstream *upstream, struct play *play, int number)
{
    struct http_server_options options = http_server_options_default();
    struct address address;
    char text[32];
    *upstream = (struct upstream){ .play = play, .number = number };
    options.events = &upstream_events;
    options.owner = upstream;
    (void)snprintf(text, sizeof(text), "127.0.0.1:%d", PLAY_PORT_UPSTREAM + number);
    bool parsed = address_parse(str_from(text), &address);
    enum err err = http_server_create(play->outside, &options, &upstream->server, NULL);
    err = err == ERR_OK ? http_server_listen(upstream->server, &address, NULL, NULL, NULL) : err;
    ASSERT(parsed && err == ERR_OK);
}

void upstream_tear_down(struct upstream *upstream)
{
    ASSERT(upstream->talks == 0);
    http_server_destroy(upstream->server);
}
