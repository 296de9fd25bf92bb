/*
 * A call: one client request until its receipt. Inside the gate only.
 *
 * PARSE > AUTHENTICATE > JUDGE > ADMIT > HOLD > ROUTE <-> FORWARD > METER > SETTLE > RECEIPT > DONE
 *   |          |         |   ^     |      |                                           ^
 *   |          |         v   |     |      |                                           |
 *   |          |   REPEAT, COUNT   |      |                                           |
 *   |          |           +-------+------+-- refused: a receipt of amount 0 ---------+
 *   +----------+-- refused: nobody to charge, nobody to answer for it -----------------------> DONE
 *                      REPEAT, HOLD -- replayed: an earlier call's answer, no sale ----------> DONE
 *
 * state         true in it                                     ended by
 * PARSE         head and body are in                           the ask is read
 * AUTHENTICATE  the ask is known                               the key is found
 * JUDGE         who pays is known                              a verdict: routes, or reasons
 * ADMIT         the law admits it                              a ceiling, a place
 * REPEAT        it repeats a call that is known                that call's end, or its answer
 * COUNT         the bound of the bytes is not covered      the input is counted
 * HOLD          the ceiling is reserved, its row is on its way at once, or when durable (hold gate)
 * ROUTE         the hold is placed; or it waits for a place    an attempt has begun, or none can
 * FORWARD       an attempt is under way (call_hedge.h: or two) its end, or its failure
 * METER         nothing is under way upstream                  usage and outcome are known
 * SETTLE        usage is known                                 the charge is known
 * RECEIPT       the job with settlement and receipt is queued  it is durable, or the store failed
 * DONE          everything that must be durable is             the client has its end of the answer
 *
 * With an Idempotency-Key, HOLD is always ended by a durable hold, and goes on to ROUTE only if no
 * other call has the key (call_claim.h).
 *
 * A call past AUTHENTICATE gets exactly one receipt, but for a replay: it sells nothing, reserves
 * nothing and asks nobody, and the receipt of what it shows is the first call's.
 *
 * Callbacks of other rooms note what happened and call call_wake(); steps run from the loop's
 * tasks alone. The one exception is the relay, which writes a stream's bytes on as they come.
 */
#pragma once

#include "base/arena.h"
#include "base/tier.h"
#include "crypto/digest.h"
#include "dialect/ask.h"
#include "dialect/dialect.h"
#include "dialect/face.h"
#include "dialect/lost.h"
#include "dispatch/dispatch.h"
#include "gate/call_attempt.h"
#include "gate/call_dispute.h"
#include "gate/call_fallback.h"
#include "gate/call_hold.h"
#include "gate/call_law.h"
#include "gate/call_lesson.h"
#include "gate/call_limits.h"
#include "gate/call_mark.h"
#include "gate/call_ping.h"
#include "gate/call_prefer.h"
#include "gate/call_price.h"
#include "gate/call_quota.h"
#include "gate/call_repeat.h"
#include "gate/call_route.h"
#include "gate/call_service.h"
#include "gate/call_state.h"
#include "gate/gate.h"
#include "gate/relay.h"
#include "ledger/ledger.h"
#include "meter/chat_count.h"
#include "meter/rate.h"
#include "meter/tally.h"
#include "net/client.h"
#include "net/inner.h"
#include "net/server.h"

struct api_key;

#define CALL_ARENA_FIRST 512 /* the request's parts, what is spliced in; a refusal's sentence */
#define CALL_ARENA_MAX   ((size_t)256 * 1024)
#define CALL_MESSAGE_MAX 320         /* a limit with its model, its subject and its numbers */
#define CALL_MAGIC       0x43414C4CU /* "CALL" */

struct call_drain;      /* of calls whose client has gone */
struct call_choice;     /* call_choice.h: of models with several routes */
struct call_counting;   /* call_count.c: the input on its way to be counted */
struct call_hedge;      /* call_hedge.h: of attempts that may be late */
struct call_extend;     /* call_extend.h: of streams that are held in steps */
struct call_screen;     /* call_screen.h: of calls of zone products */
struct call_talk;       /* call_talk.h: of calls that may go to routes of other dialects */
struct upload;          /* upload.h: of calls whose request has a file */
struct call_tongue;     /* call_tongue.h: of answers that are told in another dialect */
struct call_claim;      /* call_claim.h: of calls with an Idempotency-Key */
struct call_settlement; /* call_receipt.c: made when the call ends, so that a stream costs little */
struct call {
    uint32_t magic;
    enum call_state state;
    enum face face;       /* of who asks */
    enum dialect dialect; /* likewise */
    struct gate *gate;
    struct http_exchange *x; /* NULL: the client has gone, or has its answer */
    struct node node;        /* of the gate's calls */
    struct call_ping ping;
    struct task wake;
    struct id id;
    int64_t begun_ns;
    int64_t begun_wall_ns;
    int64_t first_byte_ns; /* 0: none yet */
    int64_t deadline_ns;   /* for it, on the loop's clock; 0: none */
    struct gate_snapshot *snapshot;
    struct arena arena;

    struct buf body;
    const struct call_service *service;
    struct call_work *work;     /* NULL: it is of chat */
    struct call_talk *talk;     /* NULL: the client and all of the model's routes speak chat */
    struct upload *upload;      /* NULL: the body is all of the request */
    struct call_tongue *tongue; /* NULL: likewise, or no route was asked yet */
    struct ask ask;
    const struct api_key *key;
    struct id batch;   /* whose line it is; zero: of none */
    struct id segment; /* of speech that it is a step of; zero: of none */
    int64_t segment_step;
    struct ledger_account *account;
    struct budget *budget; /* of the key; NULL: it has none */
    const struct registry_product *product;
    const struct registry_model *model;
    struct call_law law;
    struct call_quota *quota;            /* NULL: no limit is counted */
    struct call_screen *screen;          /* NULL: not begun, or over */
    const struct registry_price *listed; /* today's price, in the snapshot */
    const struct registry_price *price;  /* in the snapshot, or a kept book's */
    const struct price_shelf_book *kept; /* it was bought under; NULL: the snapshot's */
    struct call_fallback *fallback;      /* NULL: no model stands in, or the choice is over */
    struct call_limits limits;
    struct call_waiting *waiting; /* call_queue.h; NULL: for no place */
    struct call_drain *drain;     /* call_forward.c; NULL: not read on for its usage alone */
    struct timer deadline_timer;
    const struct gate_model *counted_as; /* NULL: the model's tokens are not counted */
    struct token_counter *counter;       /* of its vocabulary, this loop's; NULL likewise */
    struct call_counting *counting;      /* NULL: not begun, or over */
    struct chat_counted counted[2];      /* by enum count_specials */
    struct tally tally;                  /* of the answer */
    struct chat_sink sink;               /* that feeds it */
    struct buf said;                     /* struct chat_text of a whole answer, to be counted */
    size_t said_at;                      /* of them in the tally */
    size_t said_offset;                  /* in the next one */
    int64_t ceiling;                     /* nano, all that is reserved */
    int64_t output_cap;                  /* tokens a choice */
    struct budget_hold budgeted;         /* of the ceiling */
    struct call_hold hold;
    struct call_claim *claim;   /* NULL: no Idempotency-Key */
    struct call_repeat repeat;  /* what an SDK sends again by itself */
    struct call_mark *mark;     /* NULL: none waits for a commit */
    struct call_marked marked;  /* the last one */
    struct call_extend *extend; /* NULL: the hold covers all that the answer can be */

    struct dispatch_place place;        /* route == NULL: none taken */
    const struct registry_route *route; /* of the last attempt */
    uint64_t tried;
    uint64_t uncarried; /* routes of the model that cannot carry the request */
    struct lost lost;   /* of the request on its way to the last attempt's */
    int64_t attempts;
    struct call_attempt attempt; /* the last one */
    struct call_lesson lesson;   /* of it */
    struct call_prefer *prefer;  /* NULL: nobody prefers anything, or the choice is over */
    struct call_choice *choice;  /* NULL: there was none */
    struct call_hedge *hedge;    /* NULL: the attempt is not watched, and nothing runs beside it */
    struct http_call upstream;
    struct str *parts;   /* CALL_PARTS_MAX of them, in the arena; NULL: nobody was asked yet */
    int upstream_status; /* 0: no head yet */
    bool upstream_over;
    enum err upstream_err;
    struct relay relay;
    struct buf answer; /* of an answer that is not streamed, or an upstream's error */
    bool hedged;       /* a second attempt was begun beside one */
    bool fell_back;    /* the model is not the one that was asked for */
    bool streamed;     /* the upstream answers with events */
    bool head_sent;    /* to the client */
    bool dearer;       /* the source says a tier that was not asked for and costs more */
    bool cut;          /* the server stops: end with what there is */
    bool has_counted, has_reported; /* both of `counted` are there; so is `reported` */

    enum err err;       /* what the client is told instead of an answer */
    struct str message; /* of a refusal, in the arena; empty: the table's sentence */
    const char *param;
    struct usage counted_usage;
    const char *counted_by; /* "exact" or "estimate"; NULL: nothing was counted */
    struct usage reported;
    struct usage billed;
    struct digest report;          /* SHA-256 of what was told last of usage, as it came; */
    bool has_report;               /* if anything was */
    enum tier served;              /* what the source says; */
    enum tier tier;                /* what is charged */
    const struct usage *generated; /* by the upstream, of an answer not delivered whole */
    const char *generated_by;      /* NULL: nothing differs from what is billed */
    struct call_disputes disputes;
    enum call_outcome outcome;
    const char *provenance;
    money_wide pico;
    int64_t charge;
    int64_t overrun;
    int64_t saved; /* by the upstream's prompt cache, at the client's prices */
    struct call_settlement *settlement;
};

/* As those of intake.h, of an upload that is whole, which is the call's from here on. */
void call_begin_upload(struct gate *gate, struct http_exchange *x, struct upload *upload);
/* Runs the call's steps in this turn of the loop. */
void call_wake(struct call *call);
/* Runs them in the next turn: for work that is done in slices. */
void call_wake_next(struct call *call);
void call_goto(struct call *call, enum call_state state);
/* Notes why, and sends the call to its end: by way of a receipt if somebody is known to pay. */
enum call_next call_refuse(struct call *call, enum err err, const char *format, ...)
    EP_PRINTF(3, 4);
/* The client has gone. */
void call_gone(struct call *call);
/* Bytes may leave: the hold is durable, or nobody asked for it to be. */
bool call_gate_a_open(const struct call *call);

enum call_next call_parse(struct call *call);
enum call_next call_authenticate(struct call *call);
enum call_next call_judge(struct call *call);
enum call_next call_admit(struct call *call);
enum call_next call_repeat(struct call *call);
enum call_next call_count(struct call *call);
enum call_next call_hold(struct call *call);
enum call_next call_route(struct call *call);
enum call_next call_forward(struct call *call);
enum call_next call_meter(struct call *call);
enum call_next call_settle(struct call *call);
enum call_next call_receipt(struct call *call);
enum call_next call_done(struct call *call);

/* call_observe.c: its looks go to the sketch of its key, once the law was asked. */
void call_observe(struct call *call);

/* call_meter.c: what a broken-off answer would be billed now. False: it cannot be told yet. */
bool call_meter_so_far(const struct call *call, const struct rate *rate, struct usage *ret_usage);

bool call_settlement_durable(const struct call *call); /* call_receipt.c: and the receipt is */
void call_settlement_free(struct call *call);
/* call_forward.c: how much of a stream that is read on the client got before it went. */
int64_t call_drain_delivered(const struct call *call);
void call_drain_free(struct call *call); /* gives its place back */
