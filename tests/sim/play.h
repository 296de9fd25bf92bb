/*
 * What all parts of a simulated history share: the world that the seed drives, the calls that
 * clients make with what each side saw of them, and the way to say that something is wrong.
 *
 * The server is the production code (life.h). Clients, upstreams and the auditor are written from
 * the specification and know nothing of it but its interfaces.
 */
#pragma once

#include "base/id.h"
#include "loop/sim.h"

struct bulk;
struct life;
struct shelf;

enum {
    PLAY_ACCOUNTS = 4,
    PLAY_HANDS = 3,
    PLAY_HANDS_LIMITED = 2,
    PLAY_ENDING = 3, /* the account whose credit may end */
    PLAY_MODELS = 2,
    PLAY_UPSTREAMS = 2,
    PLAY_SALES_MAX = 1000,
    PLAY_ATTEMPTS_MAX = 64,
    PLAY_ROUTES = PLAY_MODELS * PLAY_UPSTREAMS,
    PLAY_PRICE_BOOKS = 2 /* a reload may change the prices */
};

#define PLAY_PORT_SERVER   8080
#define PLAY_PORT_UPSTREAM 9001 /* and the next ones */
#define PLAY_PRODUCT       "world"
#define PLAY_VOCABULARY    "o200k_base"
#define PLAY_TEXT          "terms" /* that all clients have accepted */

/* How an upstream treats one request. */
enum manner {
    MANNER_HONEST,
    MANNER_SLOW,
    MANNER_NO_USAGE,
    MANNER_CUT,       /* breaks off within the text */
    MANNER_CUT_LATE,  /* ends its text, and breaks off before it says what it cost */
    MANNER_OVER,      /* reports more than the cap that it was given */
    MANNER_ODD_TOTAL, /* reports a sum that is not the sum */
    MANNER_OTHER_MODEL,
    MANNER_TURN,        /* answers as another model from the middle of the text on */
    MANNER_NO_MODEL,    /* names none, and is honest otherwise */
    MANNER_ERROR_EVENT, /* an error within the stream */
    MANNER_STATUS_400,
    MANNER_STATUS_429,
    MANNER_STATUS_500,
    MANNER_SILENT,
    MANNER_COUNT
};

/* What an upstream speaks (tongue.h). */
enum tongue {
    TONGUE_CHAT,
    TONGUE_ANTHROPIC,
    TONGUE_RESPONSES,
    TONGUE_GEMINI,
    TONGUE_COUNT
};

/* One request that reached an upstream, and what it said. */
struct attempt {
    enum manner manner;
    int upstream;
    int model; /* that it was asked for */
    bool stream;
    int64_t prompt; /* tokens, as it reports them */
    int64_t cached;
    int64_t completion;
    int64_t events;   /* with text, sent so far */
    bool finished;    /* the finish reason was sent */
    bool reported;    /* usage was */
    bool ended;       /* its answer is whole */
    bool gone;        /* nobody waits for it any more */
    int64_t begun_ns; /* the first event of a stream was sent; 0: none was */
};

enum asking {
    ASK_GOOD,
    ASK_BAD_JSON,
    ASK_NO_KEY,
    ASK_WRONG_KEY,
    ASK_UNKNOWN_MODEL,
    ASK_COUNT
};

/* What it says of sources (wish.h). */
struct wish {
    uint64_t kind;       /* 0: nothing of which of them */
    int stand_in;        /* a model; -1: none */
    int64_t deadline_ns; /* on the simulation's clock; 0: none */
};

/* One call of a client's: what it asked, and all that it ever saw of it. */
struct sale {
    int number; /* from 1; of the first call with its Idempotency-Key for all of them */
    int account;
    int hand;           /* by which of its account's API keys */
    int batch;          /* whose line it is (bulk.h); 0: of none */
    enum tongue tongue; /* its client's: chat's, or Anthropic's */
    int model;
    struct wish wish;
    enum asking asking;
    bool stream;
    bool include_usage;
    int64_t cap; /* 0: none was given */
    size_t pad;
    size_t body_bytes;
    int key;       /* 0: none */
    int variant;   /* of the key's requests: 0, or 1 for another body */
    bool counts;   /* its client's SDK counts its tries, and may send it again by itself */
    int tries;     /* before this one */
    bool repeated; /* of a first call: it was sent again so */
    uint64_t life;
    uint64_t life_ended;
    int64_t begun_ns;
    int64_t purchased; /* by its account, when it was begun */
    int64_t ended_ns;  /* 0: under way */

    int status; /* 0: no byte was seen */
    struct id call;
    bool has_call;
    bool replayed;
    bool has_left;
    int64_t left; /* requests, as it was told */
    bool has_charge;
    int64_t charge;
    char code[40];  /* of an error */
    int named;      /* the model that is said to have stood in; -1: none is */
    int attempt;    /* whose text was seen; -1: none */
    int64_t events; /* with text */
    bool finish_seen;
    bool error_seen; /* within a stream */
    bool usage_seen;
    bool whole;     /* the answer came to its proper end */
    bool cancelled; /* by the client itself */
    bool slow;      /* it did not read for a while */

    struct attempt attempts[PLAY_ATTEMPTS_MAX]; /* of the first call with the key: of all */
    int attempt_count;
};

struct account {
    struct id id;
    int64_t purchased;       /* nano */
    int64_t purchase_unsure; /* of one whose commit failed: it may be there or not */
    int64_t expired;
    bool expiry_unsure;
    int64_t holds_before; /* this life */
    int64_t asked;        /* calls that reached an upstream in this life */
    struct id client;
    struct id key_ids[PLAY_HANDS];
    /* API keys' texts: the first; the second where clients are limited; all but the first are of
     * devices where there are fleets. */
    char key[PLAY_HANDS][64];
    int64_t revoked_ns[PLAY_HANDS]; /* durably; 0: it is not */
    bool revoke_unsure[PLAY_HANDS]; /* by a commit that failed */
    /* Idempotency-Keys used: every account counts from 1, and so does each device. */
    int keys[PLAY_HANDS];
    bool open; /* made durably */
    bool rich; /* never refused for lack of credit */
};

struct play {
    uint64_t seed;
    struct sim *sim;
    struct loop *outside; /* of clients and upstreams */
    struct life *life;    /* NULL: the server is down */
    uint64_t lives;
    uint64_t faulty_life; /* the last one whose disk failed; 0: none */
    uint64_t closed_life; /* the last one that was asked to stop; 0: none */
    uint64_t bad_life;    /* the last one in which an upstream misbehaved; 0: none */
    int64_t early_leaves; /* events that were in the log before the first call */
    bool early_open;      /* made durably */
    bool restored;        /* the store is an old backup */
    int64_t kept_leaves;  /* of the log when the backup was made; -1: none was */
    struct account accounts[PLAY_ACCOUNTS];
    struct sale sales[PLAY_SALES_MAX];
    int sale_count;
    const struct bulk *bulk;          /* NULL: nobody hands in batches */
    int64_t swapped_ns[PLAY_ROUTES];  /* a client was told so; 0: no, or released since */
    int64_t released_ns[PLAY_ROUTES]; /* the last time; 0: never */
    int64_t jumped_ns;                /* when the wall clock did last */
    int64_t reloaded_ns;              /* the last time another registry came into force; likewise */
    uint64_t manners;                 /* a bit each: those that this seed has */
    uint64_t steps;
    bool verbose;
    /* For measurements (tests/instructions): nothing is left to chance, the server does nothing
     * beside the calls. The world's own choice is `even` in struct sim_options. */
    bool steady;
    struct shelf *shelf; /* of vocabularies: models name PLAY_VOCABULARY; NULL: none is counted */
};

/* Some seeds' clients are limited, each in each life; not by a draw, so that the other seeds are
 * the histories they were. */
#define PLAY_MINUTE_REQUESTS INT64_C(8)
#define PLAY_MINUTE_TOKENS   INT64_C(9000) /* two answers at the models' caps */
#define PLAY_CALLS_AT_ONCE   INT64_C(3)
static inline bool play_is_limited(const struct play *play)
{
    return play->seed % 5 == 0;
}

/* In others the machines have few places and few tokens a minute, so that calls wait: each third
 * one is flex. Likewise not by a draw. */
#define PLAY_WAIT_NS INT64_C(1000000000) /* for a place, at most */
#define PLAY_FLEX_NS INT64_C(2000000000)
static inline bool play_is_crowded(const struct play *play)
{
    return play->seed % 7 == 2;
}
static inline bool play_is_flex(const struct play *play, const struct sale *sale)
{
    return play_is_crowded(play) && sale->number % 3 == 0;
}

/* Some seeds' product hedges, likewise; measurements' never. */
static inline bool play_is_hedged(const struct play *play)
{
    return play->seed % 3 == 0 && !play->steady;
}

/* In others clients are impatient, and their SDKs send again by themselves what had no answer:
 * within the window in which the server expects that, mostly. Likewise. */
static inline bool play_repeats(const struct play *play)
{
    return play->seed % 4 == 1 && !play->steady;
}

/* In others they buy through devices, too (fleet.h). Likewise. */
static inline bool play_has_fleets(const struct play *play)
{
    return play->seed % 7 == 4 && !play_is_limited(play) && !play->steady;
}

/* In others batches are worked off beside the calls (bulk.h). Likewise. */
static inline bool play_has_batches(const struct play *play)
{
    return play->seed % 7 == 6 && !play_is_limited(play) && !play->steady;
}

/* Half of these forget what had which key soon, and are down for longer than that now and then. */
#define PLAY_FORGETS_NS INT64_C(602000000000) /* ten minutes of caution, and some seconds */
#define PLAY_DOWN_NS    INT64_C(900000000000)
static inline bool play_forgets(const struct play *play)
{
    return play_has_batches(play) && play->seed % 2 == 0;
}

/* In others the upstreams speak other dialects: each pair of them comes. Likewise. */
static inline bool play_is_told(const struct play *play)
{
    return play->seed % 7 == 3 && !play->steady;
}
static inline enum tongue play_tongue(const struct play *play, int upstream)
{
    uint64_t pair = play->seed / 7 % (TONGUE_COUNT * TONGUE_COUNT);
    uint64_t tongue = upstream == 0 ? pair % TONGUE_COUNT : pair / TONGUE_COUNT;
    return play_is_told(play) ? (enum tongue)tongue : TONGUE_CHAT;
}

/* Whose Idempotency-Keys are its own: a client's keys share them, devices do not. */
static inline int play_key_space(const struct play *play, int hand)
{
    return play_has_fleets(play) ? hand : 0;
}

/* How many hands a client has. */
static inline int play_hands(const struct play *play)
{
    return play_is_limited(play) ? PLAY_HANDS_LIMITED : play_has_fleets(play) ? PLAY_HANDS : 1;
}

/* What their keys may have besides; 0: no such limit. */
struct play_limit {
    int64_t requests;
    int64_t tokens;
    int64_t calls;
};
extern const struct play_limit play_key_limits[PLAY_ACCOUNTS][PLAY_HANDS_LIMITED];
#define PLAY_MODEL_REQUESTS INT64_C(8) /* of model 0, for all of them */

/* Some seeds' clients say what they want beside a model (wish.h); likewise. */
static inline bool play_is_choosy(const struct play *play)
{
    return play->seed % 4 == 3;
}

/* Prices a token, in pico units, by model. */
struct price {
    int64_t input;
    int64_t cached;
    int64_t output;
};
extern const struct price play_prices[PLAY_PRICE_BOOKS][PLAY_MODELS];
#define PLAY_OUTPUT_MAX 4096 /* tokens; of each model */

/* Routes by number: "r-0" and so on, by model, then by upstream. */
static inline int play_route(int model, int upstream)
{
    return model * PLAY_UPSTREAMS + upstream;
}

/* The next number of the seed, below `below`; 0 in a steady play. */
uint64_t play_random(struct play *play, uint64_t below);
/* True once in `of`; never in a steady play. */
bool play_chance(struct play *play, uint64_t of);
/* The first call with the key, where attempts are noted. */
struct sale *play_first(struct play *play, int number);
/* Something is not as it must be: says so, and ends the program. */
_Noreturn void play_fail(const struct play *play, const struct sale *sale, const char *format, ...)
    EP_PRINTF(3, 4);
void play_note(const struct play *play, const char *format, ...) EP_PRINTF(2, 3);
