#include "tlog/receipt.h"

#include "base/enc.h"
#include "base/stamp.h"
#include "crypto/random.h"
#include "tlog/canon.h"

static const char *const receipt_names[] = {
    [RECEIPT_CLIENT] = "client",
    [RECEIPT_EVIDENCE] = "evidence",
    [RECEIPT_OPERATOR] = "operator",
};

const char *receipt_section_name(enum receipt_section which)
{
    ASSERT((unsigned)which < RECEIPT_SECTIONS);
    return receipt_names[which];
}

void receipt_init(struct receipt *receipt)
{
    *receipt = (struct receipt){ 0 };
    for (size_t i = 0; i < RECEIPT_SECTIONS; i++) {
        buf_init(&receipt->sections[i], RECEIPT_SECTION_MAX);
    }
}

void receipt_fini(struct receipt *receipt)
{
    for (size_t i = 0; i < RECEIPT_SECTIONS; i++) {
        buf_fini(&receipt->sections[i]);
    }
}

/* Those that are not 0, in the order of their names; at most RECEIPT_CLASSES. */
static void receipt_put_counts(struct canon *canon, const char *key, const char *const *names,
                               const int64_t *counts, size_t total)
{
    size_t order[RECEIPT_CLASSES];
    size_t count = 0;
    for (size_t i = 0; i < total; i++) {
        size_t at = count;
        if (counts[i] == 0) {
            continue;
        }
        while (at > 0 && str_cmp(str_from(names[order[at - 1]]), str_from(names[i])) > 0) {
            order[at] = order[at - 1];
            at--;
        }
        order[at] = i;
        count++;
    }
    canon_key(canon, key);
    canon_open(canon, '{');
    for (size_t i = 0; i < count; i++) {
        canon_put_int(canon, names[order[i]], counts[order[i]]);
    }
    canon_close(canon, '}');
}

static void receipt_put_tokens(struct canon *canon, const char *name,
                               const struct receipt_tokens *tokens, const char *const *class_names)
{
    if (tokens->provenance.len > 0) {
        receipt_put_counts(canon, name, class_names, tokens->tokens, RECEIPT_CLASSES);
    }
}

/* Absent where there are none, as in receipts of before they were told; so are saved and units. */
static void receipt_put_flags(struct canon *canon, const struct receipt_facts *facts)
{
    bool open = false;
    for (size_t i = 0; i < RECEIPT_FLAGS; i++) {
        if (facts->reported_flags[i].len == 0) {
            continue;
        }
        if (!open) {
            canon_key(canon, "reported_flags");
            canon_open(canon, '[');
            open = true;
        }
        canon_str(canon, facts->reported_flags[i]);
    }
    if (open) {
        canon_close(canon, ']');
    }
}

static void receipt_put_units(struct canon *canon, const struct receipt_facts *facts)
{
    int64_t sum = 0;
    for (size_t i = 0; i < RECEIPT_UNITS; i++) {
        sum += facts->units[i];
    }
    if (sum > 0) {
        receipt_put_counts(canon, "units", facts->unit_names, facts->units, RECEIPT_UNITS);
    }
}

static void receipt_put_stamp(struct canon *canon, const char *name, int64_t ns)
{
    char text[40];
    struct buf stamp = { text, 0, sizeof(text), sizeof(text) };
    EP_IGNORE(stamp_print(&stamp, ns)); /* fits */
    canon_put_str(canon, name, buf_str(&stamp));
}

static void receipt_put_id(struct canon *canon, const char *key, struct str prefix, struct id id)
{
    char text[ID_SHOWN_MAX];
    struct buf shown = { text, 0, sizeof(text), sizeof(text) };
    EP_IGNORE(id_print(&shown, prefix, id)); /* fits */
    canon_put_str(canon, key, buf_str(&shown));
}

static void receipt_put_call(struct canon *canon, struct id call)
{
    receipt_put_id(canon, "call", STR("call_"), call);
}

/* RFC 8785 wants the keys in order; canon_key() asserts it. */
static void receipt_put_client(struct canon *canon, const struct receipt_facts *facts)
{
    canon_put_int(canon, "amount", facts->amount_nano);
    if (facts->batch.len > 0) {
        canon_put_str(canon, "batch", facts->batch);
        canon_put_int(canon, "batch_percent", facts->batch_percent);
    }
    receipt_put_stamp(canon, "begun", facts->begun_ns);
    receipt_put_tokens(canon, "billed", &facts->billed, facts->class_names);
    canon_put_str(canon, "billed_by", facts->billed.provenance);
    receipt_put_call(canon, facts->call);
    receipt_put_tokens(canon, "counted", &facts->counted, facts->class_names);
    if (facts->counted.provenance.len > 0) {
        canon_put_str(canon, "counted_by", facts->counted.provenance);
    }
    canon_put_str(canon, "currency", facts->currency);
    if (facts->dialect.len > 0) {
        canon_put_str(canon, "dialect", facts->dialect);
    }
    receipt_put_stamp(canon, "ended", facts->ended_ns);
    receipt_put_tokens(canon, "generated", &facts->generated, facts->class_names);
    if (facts->generated.provenance.len > 0) {
        canon_put_str(canon, "generated_by", facts->generated.provenance);
    }
    canon_put_str(canon, "key", facts->key);
    canon_put_str(canon, "model_asked", facts->model_asked);
    canon_put_str(canon, "model_served", facts->model_served);
    canon_put_str(canon, "outcome", facts->outcome);
    canon_put_str(canon, "price_book", facts->price_book);
    canon_put_str(canon, "product", facts->product);
    canon_key(canon, "reasons");
    canon_open(canon, '[');
    for (size_t i = 0; i < facts->reason_count; i++) {
        canon_str(canon, facts->reasons[i]);
    }
    canon_close(canon, ']');
    receipt_put_tokens(canon, "reported", &facts->reported, facts->class_names);
    receipt_put_flags(canon, facts);
    if (facts->saved_nano > 0) {
        canon_put_int(canon, "saved", facts->saved_nano);
    }
    if (!id_is_zero(facts->segment.id)) {
        receipt_put_id(canon, "segment", STR("seg_"), facts->segment.id);
        canon_put_int(canon, "segment_step", facts->segment.step);
    }
    if (facts->service.len > 0) {
        canon_put_str(canon, "service", facts->service);
    }
    if (facts->tier.len > 0) {
        canon_put_str(canon, "tier", facts->tier);
    }
    if (facts->tier_asked.len > 0) {
        canon_put_str(canon, "tier_asked", facts->tier_asked);
    }
    receipt_put_units(canon, facts);
    canon_put_str(canon, "verdict", facts->allowed ? STR("allow") : STR("refuse"));
    canon_put_int(canon, "version", RECEIPT_VERSION);
}

static void receipt_put_evidence(struct canon *canon, const struct receipt_facts *facts)
{
    receipt_put_call(canon, facts->call);
    canon_put_str(canon, "chain", facts->chain);
    canon_put_str(canon, "data_terms", facts->data_terms);
    canon_put_str(canon, "detected", facts->detected);
    canon_put_str(canon, "egress", facts->ingress);
    canon_put_str(canon, "ingress", facts->ingress);
    canon_put_str(canon, "market", facts->market);
    canon_put_str(canon, "mode", facts->mode);
    canon_put_str(canon, "origin", facts->origin);
    canon_put_str(canon, "place", facts->place);
    canon_put_str(canon, "registry", facts->registry_hash);
    canon_put_str(canon, "rules", facts->rules);
    canon_put_str(canon, "straddles_expiry", facts->straddles ? STR("yes") : STR("no"));
    canon_put_int(canon, "version", RECEIPT_VERSION);
}

static void receipt_put_try(struct canon *canon, const struct receipt_try *try)
{
    canon_open(canon, '{');
    canon_put_str(canon, "billable", try->billable ? STR("yes") : STR("no"));
    if (try->cost_by.len > 0) {
        canon_put_int(canon, "cost", try->cost_nano);
        canon_put_str(canon, "cost_by", try->cost_by);
        canon_put_str(canon, "cost_currency", try->cost_currency);
    }
    if (try->hedge) {
        canon_put_str(canon, "hedge", STR("yes"));
    }
    canon_put_str(canon, "outcome", try->outcome);
    canon_put_str(canon, "route", try->route);
    canon_put_str(canon, "sent", try->sent ? STR("yes") : STR("no"));
    canon_put_str(canon, "upstream_id", try->upstream_id);
    canon_close(canon, '}');
}

static void receipt_put_candidate(struct canon *canon, const struct receipt_candidate *candidate)
{
    canon_open(canon, '{');
    canon_put_int(canon, "rank", candidate->rank);
    canon_put_str(canon, "route", candidate->route);
    canon_put_int(canon, "score", candidate->score);
    canon_put_str(canon, "why", candidate->why);
    canon_close(canon, '}');
}

/* Absent where there was nothing to choose and nothing was saved. */
static void receipt_put_choice(struct canon *canon, const struct receipt_choice *choice)
{
    if (choice->count == 0 && choice->saved_nano == 0) {
        return;
    }
    canon_key(canon, "choice");
    canon_open(canon, '{');
    canon_put_str(canon, "affine", choice->affine ? STR("yes") : STR("no"));
    canon_key(canon, "candidates");
    canon_open(canon, '[');
    for (size_t i = 0; i < choice->count; i++) {
        receipt_put_candidate(canon, &choice->candidates[i]);
    }
    canon_close(canon, ']');
    canon_put_int(canon, "left_out", choice->left_out);
    canon_put_int(canon, "saved", choice->saved_nano);
    canon_put_str(canon, "sort", choice->sort);
    canon_close(canon, '}');
}

/* What the source itself said of what it did; absent where it said nothing. */
static void receipt_put_said(struct canon *canon, const struct receipt_facts *facts)
{
    char text[2 * DIGEST_BYTES];
    struct buf hex = { text, 0, sizeof(text), sizeof(text) };
    if (facts->has_usage_sha256) {
        EP_IGNORE(enc_hex(&hex, facts->usage_sha256.bytes, DIGEST_BYTES)); /* fits */
        canon_put_str(canon, "usage_sha256", buf_str(&hex));
    }
}

static void receipt_put_operator(struct canon *canon, const struct receipt_facts *facts)
{
    canon_put_int(canon, "attempts", facts->attempts);
    receipt_put_call(canon, facts->call);
    receipt_put_choice(canon, &facts->choice);
    canon_put_str(canon, "facts", facts->law_facts);
    canon_put_int(canon, "held", facts->held_nano);
    canon_put_str(canon, "law", facts->law);
    canon_put_int(canon, "overrun", facts->overrun_nano);
    canon_put_str(canon, "reason", facts->internal_reason);
    canon_key(canon, "reasons");
    canon_open(canon, '[');
    for (size_t i = 0; i < facts->law_reason_count; i++) {
        canon_str(canon, facts->law_reasons[i]);
    }
    canon_close(canon, ']');
    canon_put_str(canon, "route", facts->route);
    if (facts->tier_served.len > 0) {
        canon_put_str(canon, "tier_served", facts->tier_served);
    }
    canon_key(canon, "tries");
    canon_open(canon, '[');
    for (size_t i = 0; i < facts->try_count; i++) {
        receipt_put_try(canon, &facts->tries[i]);
    }
    canon_close(canon, ']');
    receipt_put_said(canon, facts);
    canon_put_int(canon, "version", RECEIPT_VERSION);
}

enum err receipt_build(struct receipt *receipt, const struct receipt_facts *facts)
{
    static void (*const writers[])(struct canon *, const struct receipt_facts *) = {
        [RECEIPT_CLIENT] = receipt_put_client,
        [RECEIPT_EVIDENCE] = receipt_put_evidence,
        [RECEIPT_OPERATOR] = receipt_put_operator,
    };
    ASSERT(facts->reason_count <= RECEIPT_REASONS_MAX &&
           facts->law_reason_count <= RECEIPT_REASONS_MAX);
    ASSERT(facts->amount_nano >= 0);
    for (size_t i = 0; i < RECEIPT_SECTIONS; i++) {
        struct canon canon;
        buf_reset(&receipt->sections[i]);
        TRY(buf_reserve(&receipt->sections[i], RECEIPT_SECTION_FIRST));
        canon_init(&canon, &receipt->sections[i]);
        canon_open(&canon, '{');
        writers[i](&canon, facts);
        canon_close(&canon, '}');
        TRY(canon_err(&canon));
    }
    random_bytes(receipt->salts, sizeof(receipt->salts));
    return ERR_OK;
}

struct digest receipt_digest(struct str salt, struct str section)
{
    const struct str parts[] = { salt, section };
    return digest_sha256_parts(parts, 2);
}

/* What stands before each digest of an entry, and behind the last: canonical JSON, of which the
 * digests alone differ. Every entry is written and read by it. */
static const struct {
    struct str before;
    enum receipt_section section;
} receipt_entry_parts[] = {
    { STR_INIT("{\"client\":\""), RECEIPT_CLIENT },
    { STR_INIT("\",\"evidence\":\""), RECEIPT_EVIDENCE },
    { STR_INIT("\",\"kind\":\"receipt\",\"operator\":\""), RECEIPT_OPERATOR },
};
static const struct str receipt_entry_end = STR_INIT("\",\"version\":\"1\"}");
_Static_assert(RECEIPT_VERSION == 1, "another version has another entry");

enum err receipt_entry(const struct receipt *receipt, struct buf *out)
{
    for (size_t i = 0; i < EP_ARRAY_LEN(receipt_entry_parts); i++) {
        enum receipt_section section = receipt_entry_parts[i].section;
        struct str salt = { (const char *)receipt->salts[section], RECEIPT_SALT_BYTES };
        struct digest digest = receipt_digest(salt, buf_str(&receipt->sections[section]));
        TRY(buf_append(out, receipt_entry_parts[i].before));
        TRY(enc_hex(out, digest.bytes, DIGEST_BYTES));
    }
    return buf_append(out, receipt_entry_end);
}

/* Only an entry written exactly as receipt_entry() writes it has one digest a section: with room
 * for anything else, one leaf could commit to two receipts. */
static bool receipt_read_entry(struct str entry, struct str ret_digests[RECEIPT_SECTIONS])
{
    size_t at = 0;
    for (size_t i = 0; i < EP_ARRAY_LEN(receipt_entry_parts); i++) {
        struct str before = receipt_entry_parts[i].before;
        struct str rest = str_from_at(entry, at);
        size_t end = before.len + (size_t)2 * DIGEST_BYTES;
        if (rest.len < end || !str_starts(rest, before)) {
            return false;
        }
        ret_digests[receipt_entry_parts[i].section] = str_slice(rest, before.len, end);
        at += end;
    }
    return str_eq(str_from_at(entry, at), receipt_entry_end);
}

static bool receipt_is_hex(struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'))) {
            return false;
        }
    }
    return true;
}

bool receipt_entry_is(struct str entry)
{
    struct str digests[RECEIPT_SECTIONS];
    if (!receipt_read_entry(entry, digests)) {
        return false;
    }
    bool good = true;
    for (size_t i = 0; i < RECEIPT_SECTIONS; i++) {
        good &= receipt_is_hex(digests[i]);
    }
    return good;
}

bool receipt_check(struct str entry, enum receipt_section which, struct str salt,
                   struct str section)
{
    ASSERT((unsigned)which < RECEIPT_SECTIONS);
    struct str digests[RECEIPT_SECTIONS];
    /* With a salt of any length, its end and the section's beginning could be exchanged. */
    if (salt.len != RECEIPT_SALT_BYTES || !receipt_read_entry(entry, digests)) {
        return false;
    }
    struct digest digest = receipt_digest(salt, section);
    char text[2 * DIGEST_BYTES];
    struct buf hex = { text, 0, sizeof(text), sizeof(text) };
    EP_IGNORE(enc_hex(&hex, digest.bytes, DIGEST_BYTES)); /* fits */
    return str_eq(digests[which], buf_str(&hex));
}
