/*
 * What a call is of: chat, embeddings, rerank, images, speech, transcription, realtime. All of them
 * live one life (call.h); where it differs from one service to another, the steps ask the row of
 * the call's service, and nothing but the row knows how its API looks. Inside the gate only, on the
 * call's loop.
 *
 * A route's dialect says which service it serves (registry_dialect_service()). Routes of other
 * services are closed to the call, as those that the law closes (call_service_closed()), and a
 * model that has none for it is refused before any hold (call_service_check()).
 *
 * To add a service: a row (a file of its own, as call_chat.c), named in call_service.c; its path
 * at whoever routes requests (call_begin_service()), its path at the upstream in snapshot.c. What
 * its request asks for is read into call->ask as far as that has a place for it (model, stream,
 * choices, user, provider, models), and into call->work.
 *
 *   step     asks the row
 *   PARSE    read      the request: call->ask, call->work
 *   JUDGE    -         the body is looked through as it came, whatever the service
 *   ADMIT    writes    whether there is an output that the model's cap bounds; call->work: the rest
 *   COUNT    -         call->work->texts is counted by the model's vocabulary
 *   ROUTE    write     the body for one route
 *   FORWARD  event     one event of a stream (work->bytes: it has none)
 *            check     a whole answer
 *   METER    measure   what is billed beside tokens
 *
 * A call of chat has no `work`, and its row costs it an indirect call where others have one too.
 */
#pragma once

#include "base/err.h"
#include "dialect/face.h"
#include "gate/relay.h"
#include "meter/rate.h"
#include "registry/registry.h"
#include "wire/splice.h"

struct call;
struct gate;
struct http1_head;
struct http_call;
struct http_exchange;

/*
 * Of a call of another service than chat, in the call's arena, from PARSE until it is billed.
 * `read` fills it; `check` may note in `own` what the answer brought.
 */
struct call_work {
    int64_t input_most;        /* tokens that the input has at most, where nothing counts it */
    int64_t most[USAGE_UNITS]; /* what else it can use: the hold covers so much, and no more */
    struct str texts;          /* JSON in the body: a string, or a list of strings, each a text of
                                    its own, to be counted; empty: nothing is */
    int64_t tokens;            /* the input came as so many tokens; -1: it did not */
    int64_t stream_most;       /* bytes of text or of the answer itself that a stream may have;
                                    0: only time bounds it */
    struct str answer_type;    /* the content type that the upstream told; empty: none */
    bool mixed;                /* the input may be pictures and sounds too */
    bool bytes;                /* a stream is the answer itself, no events: what comes goes on as
                                    it is, and the last of it when the call is settled */
    bool about;                /* `texts` are not all of the input: their count is a lower bound */
    bool unseen;               /* what is asked is no text (token ids, sound, pictures): nobody has
                                    looked it through, and a zone product does not sell it */
    void *own;                 /* the service's, in the same arena */
};

struct call_service {
    enum registry_service service;
    bool writes; /* its answer has tokens of output, at most the model's cap for each choice */
    /*
     * PARSE: reads call->body. Fills call->ask, and call->work from call_work_make(), with
     * ask.plain set: the bounds in `work` are what is held where nothing better is known.
     * As ask_read_chat() fails; call->param is the field.
     */
    enum err (*read)(struct call *call, struct fail *fail);
    /* ADMIT, ROUTE: bits of the model's routes that are closed to this call beside those that do
     * not serve it; NULL: none. */
    uint64_t (*closed)(const struct call *call, const struct registry_model *model);
    /* ROUTE: the body of an attempt at the route; what is put in lives in the call's arena.
     * ERR_NO_MEMORY. NULL: its calls are uploads, which write themselves (upload.h). */
    enum err (*write)(struct call *call, const struct registry_route *route,
                      struct splice *ret_splice);
    /* ROUTE: begins the attempt at call->route in the place of http_call_start(); no other one is
     * made beside it. call->x is there. ERR_CANCELLED: nobody waits for it. NULL: a connection
     * serves it. */
    enum err (*start)(struct call *call, struct http_call *upstream);
    /*
     * FORWARD: the whole answer in call->answer, whose status was 200: ERR_UPSTREAM_SYNTAX,
     * ERR_UPSTREAM_STATUS (an error inside), ERR_UPSTREAM_MODEL. Sets call->has_reported and
     * call->reported if usage is told. call_service_declared() compares the model it names.
     */
    enum err (*check)(struct call *call);
    /* FORWARD: what an event of its stream says; NULL: as chat's. `done` ends the answer. */
    relay_read_fn *event;
    /* FORWARD: sound in an event of its stream; the context is the call. NULL: it has none. */
    relay_heard_fn *heard;
    /* FORWARD: some of an answer that is no events (work->bytes), as it came. NULL: nothing is
     * noted of it. */
    void (*piece)(struct call *call, struct str data);
    /* FORWARD: what would be billed of a stream if it broke off now; NULL: nobody can tell. False:
     * not now. */
    bool (*so_far)(const struct call *call, struct usage *ret_usage);
    /*
     * METER: tokens are billed as reported or counted, as of any call; then this sets what else is
     * (call->billed.units), within work->most, and may correct call->provenance. NULL: nothing
     * else is. The answer was delivered, in whole or in part (call->outcome). What a side of the
     * price list does not price is taken out of call->billed behind it.
     */
    void (*measure)(struct call *call, const struct rate *rate);
    /* ADMIT to SETTLE: corrects the rate where one price depends on what is asked for and, later,
     * on what came: before an answer is there it is the dearest that there can be. NULL: none. */
    void (*price)(const struct call *call, const struct registry_price *price, struct rate *rate);
};

/* The row; never NULL. ASSERTs that there is one: who routes requests knows the services. */
const struct call_service *call_service_row(enum registry_service service);

/* A call's work, empty: no units, no texts, tokens -1. NULL: no memory. */
struct call_work *call_work_make(struct call *call, size_t own);

/* A row's `write`, of a body of JSON: the route's name for the model, and nothing that is ours. */
enum err call_own_write(struct call *call, const struct registry_route *route,
                        struct splice *ret_splice);

/* Bits of the model's routes that do not serve the call. */
uint64_t call_service_closed(const struct call *call, const struct registry_model *model);
/*
 * Whether a route is left that is lawful and serves it. ERR_SERVICE_UNSERVED: the model has none
 * for this service; `fail` says which it has, call->param is "model". ERR_NO_CLOSED_ROUTE: those
 * that it has are not open to this call.
 */
EP_MUST_CHECK enum err call_service_check(struct call *call, struct fail *fail);

/* FORWARD, of a whole answer: the model that it names (a JSON string, or empty) against the one
 * that was asked for. ERR_UPSTREAM_MODEL. */
EP_MUST_CHECK enum err call_service_declared(struct call *call, struct str model);

/* The same of what the relay has heard last. */
void call_report_from_relay(struct call *call);
/* FORWARD, of a whole answer: what it reports of usage, empty where it does not, and of that what
 * is in tokens: sets call->has_reported, call->reported, and notes how it came. */
void call_service_reported(struct call *call, struct str told, struct str tokens);

/* FORWARD, of calls with work: keeps what the answer's head says of it. */
void call_service_head(struct call *call, const struct http1_head *head);

/* METER: call->service->measure, and out with the tokens that nobody prices. */
void call_service_measure(struct call *call, const struct rate *rate);
