#include "gate/lookout.h"

#include <pthread.h>

#include "base/counter.h"
#include "base/log.h"
#include "base/map.h"
#include "base/mem.h"
#include "ident/ident.h"
#include "ident/review.h"

#define LOOKOUT_NAMES_MAX 512 /* bytes: all signals of a kind in a line of the log */

_Static_assert((int)SIGNAL_RESALE == (int)REVIEW_RESALE, "kinds are the same numbers");
_Static_assert((int)SIGNAL_ORIGIN == (int)REVIEW_ORIGIN, "kinds are the same numbers");
_Static_assert((int)SIGNAL_HOLD_PURCHASES == (int)REVIEW_HOLD_PURCHASES, "and so are holds");
_Static_assert((int)SIGNAL_HOLD_TRAFFIC == (int)REVIEW_HOLD_TRAFFIC, "and so are holds");
_Static_assert((int)SIGNALS <= REVIEW_EVIDENCE_MAX, "a case has room for all signals");

struct lookout_entry {
    const struct api_key *key; /* the map's key borrows its id */
    struct signal_sketch sketch;
};

struct lookout_stripe {
    pthread_mutex_t lock; /* guards all of it */
    struct map keys;      /* to struct lookout_entry, by id */
    struct lookout_entry *entries[LOOKOUT_KEYS_PER_STRIPE];
    size_t count;
    struct signal_travel travel;
};

struct lookout {
    struct lookout_options options;
    struct lookout_stripe stripes[LOOKOUT_STRIPES];
};

/* ---- life ---------------------------------------------------------------------------------- */

enum err lookout_create(const struct lookout_options *options, struct lookout **ret_lookout,
                        struct fail *fail)
{
    ASSERT(options->review != NULL);
    struct lookout *lookout = mem_zalloc(sizeof(*lookout));
    if (lookout == NULL) {
        return FAIL(fail, ERR_NO_MEMORY, "no memory for the lookout over keys");
    }
    lookout->options = *options;
    for (size_t i = 0; i < LOOKOUT_STRIPES; i++) {
        int failed = pthread_mutex_init(&lookout->stripes[i].lock, NULL);
        ASSERT(failed == 0); /* a plain mutex needs nothing that can lack */
        map_init(&lookout->stripes[i].keys);
    }
    *ret_lookout = lookout;
    return ERR_OK;
}

void lookout_destroy(struct lookout *lookout)
{
    if (lookout == NULL) {
        return;
    }
    for (size_t i = 0; i < LOOKOUT_STRIPES; i++) {
        struct lookout_stripe *stripe = &lookout->stripes[i];
        for (size_t k = 0; k < stripe->count; k++) {
            mem_free(stripe->entries[k]);
        }
        counter_add(COUNTER_SIGNAL_KEYS, -(int64_t)stripe->count);
        map_fini(&stripe->keys);
        int failed = pthread_mutex_destroy(&stripe->lock);
        ASSERT(failed == 0);
    }
    mem_free(lookout);
}

/* ---- a call -------------------------------------------------------------------------------- */

static struct lookout_stripe *lookout_lock(struct lookout *lookout, const struct api_key *key)
{
    /* The last byte of an id is random. */
    struct lookout_stripe *stripe =
        &lookout->stripes[key->id.bytes[ID_BYTES - 1] % LOOKOUT_STRIPES];
    int failed = pthread_mutex_lock(&stripe->lock);
    ASSERT(failed == 0);
    return stripe;
}

static void lookout_unlock(struct lookout_stripe *stripe)
{
    int failed = pthread_mutex_unlock(&stripe->lock);
    ASSERT(failed == 0);
}

/* With the lock held: an entry for one more key, the oldest one's if the stripe is full; it is in
 * no map. NULL: no memory. */
static struct lookout_entry *lookout_room(struct lookout_stripe *stripe)
{
    if (stripe->count > 0 && stripe->entries[stripe->count - 1]->key == NULL) {
        return stripe->entries[stripe->count - 1]; /* whose own key found no memory */
    }
    if (stripe->count < LOOKOUT_KEYS_PER_STRIPE) {
        struct lookout_entry *entry = mem_zalloc(sizeof(*entry));
        if (entry != NULL) {
            stripe->entries[stripe->count++] = entry;
            counter_add(COUNTER_SIGNAL_KEYS, 1);
        }
        return entry;
    }
    struct lookout_entry *oldest = stripe->entries[0];
    for (size_t i = 1; i < stripe->count; i++) {
        struct lookout_entry *entry = stripe->entries[i];
        oldest = entry->sketch.last_s < oldest->sketch.last_s ? entry : oldest;
    }
    if (oldest->key != NULL) {
        void *removed = map_remove(&stripe->keys, id_str(&oldest->key->id));
        ASSERT(removed == oldest);
        counter_add(COUNTER_SIGNAL_KEYS_DROPPED, 1);
    }
    *oldest = (struct lookout_entry){ .key = NULL };
    return oldest;
}

/* With the lock held. NULL: no memory. */
static struct lookout_entry *lookout_entry(struct lookout_stripe *stripe, const struct api_key *key)
{
    struct lookout_entry *entry = map_find(&stripe->keys, id_str(&key->id));
    if (entry != NULL) {
        return entry;
    }
    entry = lookout_room(stripe);
    if (entry == NULL || map_add(&stripe->keys, id_str(&key->id), entry) != ERR_OK) {
        return NULL; /* the entry without a key is the next one's room */
    }
    entry->key = key;
    return entry;
}

void lookout_observe(struct lookout *lookout, const struct api_key *key,
                     const struct signal_observation *observation)
{
    struct lookout_stripe *stripe = lookout_lock(lookout, key);
    struct lookout_entry *entry = lookout_entry(stripe, key);
    if (entry != NULL) {
        signal_observe(&entry->sketch, observation, &stripe->travel);
    }
    lookout_unlock(stripe);
}

void lookout_crowded(struct lookout *lookout, const struct api_key *key, int64_t now_ns)
{
    struct lookout_stripe *stripe = lookout_lock(lookout, key);
    struct lookout_entry *entry = lookout_entry(stripe, key);
    if (entry != NULL) {
        signal_crowded(&entry->sketch, now_ns);
    }
    lookout_unlock(stripe);
}

/* ---- judging ------------------------------------------------------------------------------- */

struct lookout_judging {
    struct lookout *lookout;
    struct signal_rules rules;
    int64_t now_ns;
};

static void lookout_log(const struct api_key *key, const struct signal_score *score,
                        const struct review_finding *finding, enum review_outcome outcome,
                        int64_t number)
{
    struct log_line line;
    char names[LOOKOUT_NAMES_MAX];
    struct buf text = { names, 0, sizeof(names), sizeof(names) };
    for (size_t i = 0; i < score->count; i++) {
        EP_IGNORE(buf_printf(&text, "%s%s", i == 0 ? "" : " ",
                             signal_name(score->hits[i].which))); /* fits: 16 of 24 bytes */
    }
    log_begin(&line, outcome == REVIEW_OPENED ? EVENT_REVIEW_OPENED : EVENT_REVIEW_RAISED);
    log_int(&line, "case", number);
    log_str(&line, "code", str_from(review_kind_code(finding->kind)));
    log_id(&line, "client", STR(IDENT_CLIENT_PREFIX), key->client->id);
    log_id(&line, "key", STR(IDENT_KEY_PREFIX), key->id);
    log_int(&line, "score", finding->score);
    log_str(&line, "holds", str_from(review_hold_name(finding->hold)));
    log_str(&line, "signals", buf_str(&text));
    log_end(&line);
}

static enum err lookout_find(const struct lookout_judging *judging, const struct api_key *key,
                             enum signal_kind kind, const struct signal_score *score,
                             enum signal_hold hold, struct fail *fail)
{
    struct review_evidence evidence[SIGNALS];
    for (size_t i = 0; i < score->count; i++) {
        const struct signal_hit *hit = &score->hits[i];
        evidence[i] = (struct review_evidence){
            .signal = str_from(signal_name(hit->which)),
            .value = hit->value,
            .limit = hit->limit,
            .points = hit->points,
        };
    }
    const struct review_finding finding = {
        .client = key->client->id,
        .key = key->id,
        .kind = (enum review_kind)kind,
        .score = score->score,
        .signals = score->signals,
        .hold = (enum review_hold)hold,
        .evidence = evidence,
        .evidence_count = score->count,
        .quiet_ns = signal_rules_quiet_ns(&judging->rules),
        .now_ns = judging->now_ns,
    };
    enum review_outcome outcome = REVIEW_KEPT;
    int64_t number = 0;
    TRY(review_find(judging->lookout->options.review, &finding, &outcome, &number, fail));
    if (outcome != REVIEW_KEPT) {
        lookout_log(key, score, &finding, outcome, number);
    }
    return ERR_OK;
}

static enum err lookout_judge(const struct lookout_judging *judging,
                              const struct lookout_entry *entry, struct fail *fail)
{
    const struct lookout_options *options = &judging->lookout->options;
    struct signal_measure measure;
    struct signal_facts facts = { .may_resell = false };
    struct signal_score score;
    if (api_key_revoked_ns(entry->key) != 0) {
        return ERR_OK;
    }
    signal_measure(&entry->sketch, judging->now_ns, &measure);
    if (options->facts != NULL) {
        options->facts(options->context, entry->key, &facts);
    }
    for (int i = 0; i < SIGNAL_KINDS; i++) {
        enum signal_kind kind = (enum signal_kind)i;
        signal_score(&judging->rules, kind, &measure, &facts, judging->now_ns, &score);
        enum signal_hold hold = signal_hold(&judging->rules, kind, score.score);
        if (hold != SIGNAL_HOLD_NONE) {
            TRY(lookout_find(judging, entry->key, kind, &score, hold, fail));
        }
    }
    return ERR_OK;
}

/* A copy of the i-th entry, so that no call waits for its judgement. False: there are no more. */
static bool lookout_copy(struct lookout_stripe *stripe, size_t i, struct lookout_entry *ret_entry)
{
    int failed = pthread_mutex_lock(&stripe->lock);
    ASSERT(failed == 0);
    bool there = i < stripe->count;
    if (there) {
        *ret_entry = *stripe->entries[i];
    }
    lookout_unlock(stripe);
    return there;
}

static void lookout_set_travel(struct lookout_stripe *stripe, struct signal_travel travel)
{
    int failed = pthread_mutex_lock(&stripe->lock);
    ASSERT(failed == 0);
    stripe->travel = travel;
    lookout_unlock(stripe);
}

static void lookout_log_failed(const struct fail *fail)
{
    struct log_line line;
    log_begin(&line, EVENT_REVIEW_FAILED);
    log_fail(&line, fail);
    log_end(&line);
}

void lookout_sweep(struct lookout *lookout, const struct registry_threshold *rows, size_t count,
                   int64_t now_ns)
{
    struct lookout_judging judging = { .lookout = lookout, .now_ns = now_ns };
    struct lookout_entry entry;
    struct fail fail = { .text = "" };
    signal_rules_compile(rows, count, now_ns, &judging.rules);
    for (size_t i = 0; i < LOOKOUT_STRIPES; i++) {
        struct lookout_stripe *stripe = &lookout->stripes[i];
        lookout_set_travel(stripe, signal_rules_travel(&judging.rules));
        for (size_t k = 0; lookout_copy(stripe, k, &entry); k++) {
            enum err err = entry.key == NULL ? ERR_OK : lookout_judge(&judging, &entry, &fail);
            if (err != ERR_OK) {
                lookout_log_failed(&fail); /* the next sweep finds the same again */
                return;
            }
        }
    }
}
