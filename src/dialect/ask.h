/*
 * An ask: a client's chat request, read in place. Pure; everything borrows the body, which must
 * live as long as the ask.
 *
 * Only what Entrepot decides by is read: model, stream, output cap, number of choices, user, in
 * which tier it wants to be served ("service_tier"; "flex": it may wait too), and which sources and
 * models may serve ("provider", "models": these two are for us alone, and are cut out of what goes
 * upstream). All else is passed on unchanged. A key that is read and stands there
 * twice is refused, so that no upstream can read another value than we did.
 */
#pragma once

#include "base/arena.h"
#include "base/tier.h"
#include "dialect/ask_provider.h"
#include "wire/splice.h"

#define ASK_MEMBERS_MAX 64                /* the API has some 40 top-level fields */
#define ASK_OUTPUT_MAX  INT64_C(10000000) /* tokens; ten times the largest output there is */
#define ASK_CHOICES_MAX 128               /* the SDKs' own limit */
#define ASK_MODEL_MAX   128               /* bytes of a model's name */

#define ASK_CUTS_MAX 2 /* "provider" and "models" */

/* A top-level field's place in the body; at == 0: absent (an object's first byte is its brace). */
struct ask_field {
    size_t at; /* of the value */
    size_t len;
};

struct ask {
    struct str body;
    char model_text[ASK_MODEL_MAX];
    struct str model; /* decoded, in model_text */
    bool stream;
    bool include_usage; /* asked for by the client */
    bool has_tools;
    bool searches;   /* tools, or the upstream's own search, which is billed by the piece */
    bool texts;      /* its messages are roles and text */
    bool plain;      /* so they are, and there are no tools: their bytes bound their tokens */
    bool steered;    /* the request lets an upstream write tokens that it does not show (stop texts,
                     predictions) or that are not the text's own (a logit bias) */
    bool flex;       /* "service_tier" is "flex": it may wait, and lets others pass */
    bool elsewhere;  /* asks for its answer to be sent to another address */
    int64_t choices; /* 1.. */
    int64_t output_cap;      /* tokens a choice; 0: none was given */
    struct str user;         /* the JSON of who the client says it asks for; empty: nobody */
    struct str provider;     /* the JSON of which sources are wanted, checked; empty: any */
    struct ask_names models; /* that stand in for the model, in this order */
    size_t models_skip;      /* of them, at the front: what is the model itself */
    struct str messages;     /* the list */
    enum tier tier;          /* in which it wants to be served */
    const char *tier_field;  /* that says so; static */
    struct ask_field cuts[ASK_CUTS_MAX]; /* of the body; len == 0: none */
    struct ask_field model_field;        /* at == 0: the model is the first of `models` */
    struct ask_field cap_field;          /* of the cap that was given */
    struct ask_field stream_options_field;
    const char *param; /* with a failure: the field, or NULL; static */
};

/*
 * ERR_JSON_SYNTAX, ERR_JSON_DEPTH (the offset is in `fail`), ERR_ASK_MISSING, ERR_ASK_INVALID,
 * ERR_ASK_DUPLICATE. `ret_ask` is always written, for its `param`.
 */
EP_MUST_CHECK enum err ask_read_chat(struct str body, struct ask *ret_ask, struct fail *fail);
struct ask_turns;
/* Likewise, and `turns` is told what it asks of the messages (ask_turns.h). */
EP_MUST_CHECK enum err ask_read_chat_turns(struct str body, struct ask_turns *turns,
                                           struct ask *ret_ask, struct fail *fail);

struct talk;
/*
 * What a request of another dialect asks for, where chat cannot carry it: as ask_read_chat() would
 * tell it, with nothing that stands in a place of its body. ERR_ASK_INVALID: the model's name.
 */
EP_MUST_CHECK enum err ask_from_talk(const struct talk *talk, struct ask *ret_ask,
                                     struct fail *fail);

/*
 * The body for an upstream: its own name for the model, an output cap always, usage asked for in a
 * stream. `cap_name` ("max_tokens" or "max_completion_tokens") is used where the client gave none.
 * What is put in lives in `arena`. ERR_NO_MEMORY.
 */
EP_MUST_CHECK enum err ask_write_chat(const struct ask *ask, struct str upstream_model,
                                      int64_t output_cap, struct str cap_name, struct arena *arena,
                                      struct splice *ret_splice);

/* ---- requests of other services ----------------------------------------------------------- */

#define ASK_OWN_MAX 24 /* members of a service's request that are read, beside those of all */

/*
 * A request of another service than chat: model, provider, models, user and service_tier are read
 * as of a chat, and the values of `count` further members by their names (static text). Absent and
 * null: empty.
 * Fails as ask_read_chat(); ret_ask->plain is set.
 */
EP_MUST_CHECK enum err ask_read_own(struct str body, const struct str *names,
                                    struct str *ret_values, size_t count, struct ask *ret_ask,
                                    struct fail *fail);
/* "name" and what is wrong with it; `param` is static. Returns `err`. */
enum err ask_own_fail(struct ask *ask, enum err err, const char *param, const char *what,
                      struct fail *fail);
/* A whole number from 1 to `max`; empty: *ret_count stays. */
EP_MUST_CHECK enum err ask_own_count(struct ask *ask, struct str value, const char *name,
                                     int64_t max, int64_t *ret_count, struct fail *fail);
/* True or false; empty: false. */
EP_MUST_CHECK enum err ask_own_bool(struct ask *ask, struct str value, const char *name,
                                    bool *ret_value, struct fail *fail);
/* The body for an upstream: its own name for the model, without what is for us alone. */
EP_MUST_CHECK enum err ask_write_own(const struct ask *ask, struct str upstream_model,
                                     struct arena *arena, struct splice *ret_splice);
