/*
 * Receipts: what is kept of a call, in three sections of canonical bytes (RFC 8785 JSON, integers
 * as strings), and the log entry that commits to them. Never a word of content.
 *
 *   client    what the client bought: for the client and the auditor
 *   evidence  under which rules and where it was made: for the client and the auditor
 *   operator  how it was made and what it cost: for the auditor alone
 *
 * Each section has a random salt of its own; the log entry holds only version, kind and
 * SHA-256(salt || section) of each. So whoever is handed a section and its salt can check it, the
 * log gives nobody away, and erasing a salt leaves the log whole and the section unlinkable.
 */
#pragma once

#include "base/id.h"
#include "crypto/digest.h"

#define RECEIPT_VERSION       1
#define RECEIPT_SALT_BYTES    16
#define RECEIPT_SECTION_MAX   32768 /* about 1 KiB; with 64 attempts, and what a replay needs, 30 */
#define RECEIPT_SECTION_FIRST 2048  /* room at the start: a usual section never grows */
#define RECEIPT_CLASSES       16    /* token classes, in the meter's order */
#define RECEIPT_UNITS         8     /* what is no token, in the meter's order */
#define RECEIPT_FLAGS         3     /* that a report may have */
#define RECEIPT_REASONS_MAX   16
#define RECEIPT_REASON_MAX    160 /* bytes of an internal one; what does not fit is cut off */

enum receipt_section {
    RECEIPT_CLIENT,
    RECEIPT_EVIDENCE,
    RECEIPT_OPERATOR,
    RECEIPT_SECTIONS
};

/* Tokens by class; absent when `provenance` is empty. */
struct receipt_tokens {
    int64_t tokens[RECEIPT_CLASSES];
    struct str provenance; /* "upstream", "lower_bound", ...; of the whole column */
};

/* One try at one upstream. */
struct receipt_try {
    struct str route;
    struct str upstream_id; /* what the upstream calls it; may be empty */
    struct str outcome;
    bool sent; /* the whole request has left */
    bool billable;
    bool hedge;               /* begun beside the one before, which was late */
    struct str cost_by;       /* of one that was overtaken: who says what it used; empty: no cost */
    int64_t cost_nano;        /* the operator's, by contract */
    struct str cost_currency; /* of the contract's prices */
};

#define RECEIPT_CANDIDATES_MAX 8 /* told of a choice; a model may have 64 routes */

/* A route that might have served. */
struct receipt_candidate {
    struct str route;
    struct str why; /* "chosen", "worse", or what kept it away */
    int64_t rank;   /* 1: the first to be taken; 0: not to be taken */
    int64_t score;  /* of what was sorted by */
};

/* How the route was chosen; without candidates there was no choice. */
struct receipt_choice {
    struct str sort;
    const struct receipt_candidate *candidates;
    size_t count;
    int64_t left_out;   /* further routes */
    bool affine;        /* the conversation's own route served */
    int64_t saved_nano; /* by the upstream's prompt cache, at the contract's prices */
};

/* Of speech: of which segment a call is a step, and the how manieth. No id: of none. */
struct receipt_segment {
    struct id id;
    int64_t step;
};

struct receipt_facts {
    struct id call;
    int64_t begun_ns;
    int64_t ended_ns;
    struct str key; /* shown id */
    struct str product;
    struct str batch;      /* shown id; empty: it is no line of one */
    int64_t batch_percent; /* of the price book's prices that were asked for */
    struct str dialect;    /* of the client; empty: that of the sources */
    struct str service;    /* "embeddings", ...; empty: chat */
    struct receipt_segment segment;
    struct str tier;       /* that is charged; empty: the ordinary one */
    struct str tier_asked; /* likewise */
    struct str model_asked;
    struct str model_served;
    struct receipt_tokens counted;   /* of the answer: what was delivered */
    struct receipt_tokens generated; /* where that was not all of it */
    struct receipt_tokens reported;
    struct receipt_tokens billed;
    const char *const *class_names;           /* RECEIPT_CLASSES of them */
    struct str reported_flags[RECEIPT_FLAGS]; /* what is to be known of the report; some empty */
    int64_t units[RECEIPT_UNITS];             /* billed beside the tokens */
    const char *const *unit_names; /* RECEIPT_UNITS of them; NULL where none was billed */
    int64_t saved_nano; /* the client, by the upstream's prompt cache, at its own prices */
    struct str price_book;
    int64_t amount_nano;
    struct str currency;
    struct str outcome; /* "complete", "interrupted", "refused", "failed" */
    bool allowed;
    struct str reasons[RECEIPT_REASONS_MAX]; /* public codes */
    size_t reason_count;
    /* evidence */
    struct str mode;
    struct str registry_hash;
    struct str rules;
    struct str place;
    struct str ingress; /* the link by which it came and went */
    struct str origin;  /* countries of the address, "SG" or "US SG" */
    struct str market;  /* that was said; empty: none */
    struct str chain;   /* SHA-256 over the grants that admitted it, 64 digits */
    struct str data_terms;
    struct str detected; /* classes of content and how often: "cn_mobile 2"; never the text */
    bool straddles;      /* something that admitted it ended while it was under way */
    /* operator */
    struct str law;       /* "allow ROUTE ..." or "refuse CODE"; empty: it was not asked */
    struct str law_facts; /* JSON: what the judge was told, to be judged again */
    struct str law_reasons[RECEIPT_REASONS_MAX]; /* all of them, for the operator's eyes */
    size_t law_reason_count;
    struct str route;
    int64_t attempts;
    const struct receipt_try *tries; /* of this run of the server, in their order */
    size_t try_count;
    struct receipt_choice choice;
    int64_t held_nano;
    int64_t overrun_nano;
    struct str tier_served;     /* as the source says it; empty: it does not */
    struct digest usage_sha256; /* of its last report of usage, as it came; */
    bool has_usage_sha256;      /* if there was one */
    struct str internal_reason;
};

struct receipt {
    struct buf sections[RECEIPT_SECTIONS];
    unsigned char salts[RECEIPT_SECTIONS][RECEIPT_SALT_BYTES];
};

void receipt_init(struct receipt *receipt);
void receipt_fini(struct receipt *receipt);
/* Writes the sections and draws fresh salts. ERR_LIMIT, ERR_NO_MEMORY. */
EP_MUST_CHECK enum err receipt_build(struct receipt *receipt, const struct receipt_facts *facts);

/* A log entry: {"evidence":"<hex>",...,"kind":"receipt","version":"1"}, canonical. Appends. */
EP_MUST_CHECK enum err receipt_entry(const struct receipt *receipt, struct buf *out);
/* Whether it is exactly what receipt_entry() writes, whatever the digests. */
bool receipt_entry_is(struct str entry);
/* SHA-256(salt || section). */
struct digest receipt_digest(struct str salt, struct str section);
/* Whether `entry`, in exactly the form of receipt_entry(), commits to this section under this salt
 * of RECEIPT_SALT_BYTES. */
bool receipt_check(struct str entry, enum receipt_section which, struct str salt,
                   struct str section);
const char *receipt_section_name(enum receipt_section which);
