/*
 * A log with receipts of real decisions, two clients among events, and its registry: packed,
 * checked, taken apart and put together again by somebody who means no good.
 */
#pragma once

#include "../policy/law_files.h"
#include "../tlog/publish_case.h"
#include "../tlog/receipts.h"
#include "base/stamp.h"
#include "pack_case.h"
#include "policy/facts.h"
#include "registry/registry_signing.h"
#include "settle/evidence_check.h"
#include "settle/evidence_make.h"
#include "settle/manifest.h"

#define CASE_BEGIN_NS INT64_C(1793577600000000000) /* 2026-11-02T00:00:00Z */
#define CASE_HOUR_NS  (INT64_C(3600) * STAMP_NS_PER_S)
#define CASE_TEXTS    (FILES_COUNT - 1) /* the letter is a document */

struct evidence_case {
    struct pack_case pack;
    struct publish_case log;
    struct registry *registry;
    struct policy *policy;
    struct buf grants; /* signed */
    struct buf agreements;
    struct registry_file files[FILES_COUNT];
    struct evidence_head head;
    struct evidence_law law;
    struct evidence_order order;
    struct evidence_made made;
    struct evidence_report report;
    struct evidence_checking asked;
    int64_t calls;
    int64_t leaves;
    struct fail fail;
};

/* ---- the registry ------------------------------------------------------------------------- */

static inline void case_registry(struct evidence_case *it)
{
    buf_init(&it->grants, 1 << 20);
    buf_init(&it->agreements, 1 << 20);
    for (unsigned i = 0; i < FILES_COUNT; i++) {
        it->files[i] = (struct registry_file){ str_from(files_names[i]), str_from(files_texts[i]) };
    }
    struct registry *unsigned_one = files_parse(it->files, true);
    files_sign(&it->grants, it->files[FILES_GRANTS].text, unsigned_one);
    files_sign(&it->agreements, it->files[FILES_AGREEMENTS].text, unsigned_one);
    registry_unref(unsigned_one);
    it->files[FILES_GRANTS].text = buf_str(&it->grants);
    it->files[FILES_AGREEMENTS].text = buf_str(&it->agreements);
    it->registry = files_parse(it->files, false);
    CHECK_EQ(policy_compile(it->registry, &it->policy, NULL), ERR_OK);
}

static inline enum err case_load(void *context, const struct evidence_version *version,
                                 struct registry **ret_registry, struct fail *fail)
{
    struct evidence_case *it = context;
    (void)fail;
    CHECK(version->seq == 1 || version->seq == 2);
    *ret_registry = files_parse(it->files, false);
    return ERR_OK;
}

static inline enum err case_files(void *context, struct evidence_version *version,
                                  evidence_files_fn *told, void *told_context, struct fail *fail)
{
    const struct evidence_case *it = context;
    struct evidence_file files[FILES_COUNT];
    (void)version;
    (void)fail;
    for (unsigned i = 0; i < FILES_COUNT; i++) {
        bool document = i == FILES_LETTER;
        files[i] =
            (struct evidence_file){ it->files[i].name, document ? STR_EMPTY : it->files[i].text,
                                    digest_sha256(it->files[i].text), document };
    }
    return told(told_context, files, FILES_COUNT);
}

static inline enum err case_findings(void *context, struct store_txn *txn,
                                     const struct evidence_fold *fold, struct buf *out,
                                     struct fail *fail)
{
    (void)context;
    (void)txn;
    (void)fail;
    CHECK(fold->receipts >= 0);
    return buf_append(out,
                      STR("{\"findings\":[{\"calls\":[],\"cleared\":\"\",\"finding\":\"1\","
                          "\"found\":\"2026-11-02T00:00:00.000Z\",\"kind\":\"over\","
                          "\"model\":\"m-alpha\",\"offset_milli\":\"0\",\"route\":\"S1\","
                          "\"side\":\"input\",\"slope_ppm\":\"30000\"}],\"version\":\"1\"}\n"));
}

static inline void case_version(struct evidence_case *it, int64_t seq, int64_t from_ns)
{
    struct evidence_version version = {
        .seq = seq, .hash = it->registry->hash, .from_ns = from_ns, .until_ns = INT64_MAX
    };
    for (unsigned i = 0; i < REGISTRY_ROLE_COUNT; i++) {
        struct evidence_signer *signer = &version.signers[i];
        unsigned char seed[SIGN_SEED_BYTES];
        struct sign_key *key = NULL;
        char room[512];
        struct buf text = { room, 0, sizeof(room), sizeof(room) };
        memset(seed, (int)i + 1, sizeof(seed));
        CHECK_EQ(sign_key_from_seed(seed, &key, NULL), ERR_OK);
        sign_public(key, signer->key);
        signer->at_ns = from_ns - 1;
        (void)snprintf(signer->person, sizeof(signer->person), "%s", i == 0 ? "ann" : "ben");
        CHECK_EQ(registry_signing_text(&text, &version.hash, (enum registry_role)i, signer->at_ns),
                 ERR_OK);
        CHECK_EQ(sign_make(key, buf_str(&text), signer->sig), ERR_OK);
        sign_key_destroy(key);
    }
    CHECK_EQ(evidence_law_add(&it->law, &version), ERR_OK);
}

/* ---- receipts ----------------------------------------------------------------------------- */

struct case_call {
    const char *key;    /* whose */
    const char *client; /* of the registry */
    const char *model;
    const char *law; /* what the receipt says in place of the verdict; NULL: the verdict */
    bool erased;
};

/* What the texts of a receipt stand in. */
struct case_room {
    struct policy_verdict verdict;
    char facts[POLICY_FACTS_MAX];
    char law[2048];
    char chain[2048];
    char hash[64];
    char chain_hash[64];
    char reasons[RECEIPT_REASONS_MAX][RECEIPT_REASON_MAX];
    struct receipt_try tries[1];
};

static inline struct str case_hex(const struct digest *digest, char room[64])
{
    struct buf hex = { room, 0, 64, 64 };
    EP_IGNORE(enc_hex(&hex, digest->bytes, DIGEST_BYTES)); /* fits exactly */
    return buf_str(&hex);
}

static inline void case_judge(struct evidence_case *it, const struct case_call *call,
                              int64_t now_ns, struct case_room *room, struct receipt_facts *facts)
{
    struct buf told = { room->facts, 0, sizeof(room->facts), sizeof(room->facts) };
    struct buf law = { room->law, 0, sizeof(room->law), sizeof(room->law) };
    struct buf chain = { room->chain, 0, sizeof(room->chain), sizeof(room->chain) };
    struct policy_facts asked = {
        .client = registry_party(it->registry, str_from(call->client)),
        .product = registry_product(it->registry, STR("agg")),
        .model = registry_model(it->registry, str_from(call->model)),
        .origin = { .state = POLICY_ORIGIN_OVERSEAS, .count = 1 },
        .has_order = true,
        .ingress = STR("link"),
        .now = now_ns,
    };
    asked.origin.countries[0] = asked.client->jurisdiction;
    policy_judge(it->policy, &asked, &room->verdict);
    CHECK_EQ(policy_facts_write(&asked, it->registry, &told), ERR_OK);
    CHECK_EQ(policy_print_law(&room->verdict, &law), ERR_OK);
    facts->law = call->law != NULL ? str_from(call->law) : buf_str(&law);
    facts->law_facts = buf_str(&told);
    for (size_t i = 0; i < room->verdict.reason_count && i < RECEIPT_REASONS_MAX; i++) {
        struct buf line = { room->reasons[i], 0, RECEIPT_REASON_MAX, RECEIPT_REASON_MAX };
        EP_IGNORE(policy_reason_print(&room->verdict.reasons[i], &line)); /* what fits */
        facts->law_reasons[facts->law_reason_count++] = buf_str(&line);
    }
    facts->allowed = room->verdict.allow;
    for (size_t i = 0; i < room->verdict.route_count; i++) {
        const struct policy_route *route = &room->verdict.per_route[i];
        if (facts->route.len == 0 && route->admissible) {
            facts->route = route->route->id;
            facts->place = route->route->place;
            CHECK_EQ(policy_print_chain(&route->chain, &chain), ERR_OK);
            struct digest digest = digest_sha256(buf_str(&chain));
            facts->chain = case_hex(&digest, room->chain_hash);
            facts->data_terms = route->chain.agreement->data_terms->dpa.version;
        }
    }
}

static inline void case_facts(struct evidence_case *it, const struct case_call *call,
                              struct case_room *room, struct receipt_facts *facts)
{
    int64_t begun_ns = CASE_BEGIN_NS + it->calls * CASE_HOUR_NS;
    *facts = receipts_facts(id_make(begun_ns, 1, (uint64_t)it->calls));
    facts->begun_ns = begun_ns;
    facts->ended_ns = begun_ns + STAMP_NS_PER_S;
    facts->key = str_from(call->key);
    facts->product = STR("agg");
    facts->model_asked = str_from(call->model);
    facts->model_served = str_from(call->model);
    facts->registry_hash = case_hex(&it->registry->hash, room->hash);
    facts->rules = STR(POLICY_VERSION);
    facts->ingress = STR("link");
    facts->origin = STR("SG");
    facts->detected = STR("cn_mobile 2, cn_bank_card weak 1");
    facts->reason_count = 0;
    facts->route = STR_EMPTY;
    case_judge(it, call, begun_ns, room, facts);
    room->tries[0] = (struct receipt_try){ .route = facts->route, .outcome = STR("complete") };
    facts->tries = room->tries;
    facts->try_count = facts->allowed ? 1 : 0;
    if (!facts->allowed) {
        facts->outcome = STR("refused");
        facts->amount_nano = 0;
        facts->model_served = STR_EMPTY;
        facts->reasons[0] = STR("no_route");
        facts->reason_count = 1;
    }
    it->calls++;
}

struct case_append {
    struct store_job job;
    struct tlog *tlog;
    struct receipt receipt;
    struct id call;
    int64_t at_ns;
    int64_t leaf;
};

static inline enum err case_run_append(struct store_job *job, struct store_txn *txn,
                                       struct fail *fail)
{
    struct case_append *append = EP_CONTAINER(job, struct case_append, job);
    return tlog_append_receipt(append->tlog, txn, append->call, &append->receipt, append->at_ns,
                               &append->leaf, fail);
}

struct case_change {
    struct store_job job;
    const struct store_sql *sql;
    int64_t leaf;
};

static inline enum err case_run_change(struct store_job *job, struct store_txn *txn,
                                       struct fail *fail)
{
    const struct case_change *change = EP_CONTAINER(job, struct case_change, job);
    const struct store_value leaf = STORE_I(change->leaf);
    return store_exec(txn, change->sql, &leaf, 1, fail);
}

/* What somebody does to the rows of a leaf. */
static inline void case_change(struct evidence_case *it, const struct store_sql *sql, int64_t leaf)
{
    struct case_change change = { .job = { .run = case_run_change }, .sql = sql, .leaf = leaf };
    CHECK_EQ(store_run(it->log.log.store, &change.job, &it->fail), ERR_OK);
}

static inline int64_t case_call(struct evidence_case *it, const struct case_call *call)
{
    static struct case_room room;
    static const struct store_sql erase = {
        "UPDATE receipt SET operator = x'', operator_salt = x'' WHERE leaf = ?1"
    };
    struct receipt_facts facts;
    struct case_append append = { .job = { .run = case_run_append }, .tlog = it->log.log.tlog };
    case_facts(it, call, &room, &facts);
    append.call = facts.call;
    append.at_ns = facts.ended_ns;
    receipt_init(&append.receipt);
    CHECK_EQ(receipt_build(&append.receipt, &facts), ERR_OK);
    CHECK_EQ(store_run(it->log.log.store, &append.job, &it->fail), ERR_OK);
    receipt_fini(&append.receipt);
    CHECK_EQ(append.leaf, it->leaves);
    it->leaves++;
    if (call->erased) {
        case_change(it, &erase, append.leaf);
    }
    return append.leaf;
}

static inline void case_event(struct evidence_case *it)
{
    tlog_case_append(&it->log.log, it->leaves, 1);
    it->leaves++;
}

/* ---- life --------------------------------------------------------------------------------- */

static const struct case_call case_alpha = { "key_a", "c1", "m-alpha", NULL, false };
static const struct case_call case_xray = { "key_b", "c1", "m-xray", NULL, false };
static const struct case_call case_refused = { "key_a", "c9", "m-xray", NULL, false };
static const struct case_call case_other = { "key_x", "c2", "m-xray", NULL, false };

static inline void case_begin(struct evidence_case *it)
{
    *it = (struct evidence_case){ .calls = 0 };
    pack_case_begin(&it->pack);
    publish_case_begin(&it->log, 3);
    it->leaves = 3;
    case_registry(it);
    evidence_head_init(&it->head);
    evidence_law_init(&it->law);
    evidence_report_init(&it->report);
    it->law.load = case_load;
    it->law.context = it;
    case_version(it, 1, CASE_BEGIN_NS - 9 * CASE_HOUR_NS);
    case_version(it, 2, CASE_BEGIN_NS - CASE_HOUR_NS);
    it->head.client = STR("cli_1");
    it->head.name = STR("Client <1>");
    it->head.party = STR("c1");
    it->head.from = STR("2026-11-02T00:00:00.000Z");
    it->head.until = STR("2026-11-04T00:00:00.000Z");
    it->head.vkey = STR("the key");
    it->head.program = STR("1.2.3");
    it->head.over = true;
    const struct evidence_key keys[] = {
        { STR("key_a"), STR("agg"), STR("A"), STR("2026"), STR("") },
        { STR("key_b"), STR("agg"), STR("B"), STR("2026"), STR("") }
    };
    CHECK_EQ(evidence_head_add(&it->head, &keys[0]), ERR_OK);
    CHECK_EQ(evidence_head_add(&it->head, &keys[1]), ERR_OK);
    it->order = (struct evidence_order){
        .path = str_from(it->pack.path),
        .head = &it->head,
        .from_ns = CASE_BEGIN_NS,
        .until_ns = CASE_BEGIN_NS + 48 * CASE_HOUR_NS,
        .law = &it->law,
        .files = case_files,
        .findings = case_findings,
        .context = it,
        .key = &it->log.key,
        .secret = it->log.secret,
    };
    it->asked = (struct evidence_checking){
        .path = str_from(it->pack.path),
        .key = &it->log.key,
        .program = STR("1.2.3"),
        .judge = EVIDENCE_JUDGE_ALL,
        .seed = 1,
    };
}

/* Some of everything. */
static inline void case_fill(struct evidence_case *it)
{
    for (int i = 0; i < 3; i++) {
        (void)case_call(it, &case_alpha);
        (void)case_call(it, &case_other);
        case_event(it);
        (void)case_call(it, &case_xray);
        (void)case_call(it, &case_refused);
    }
    case_event(it);
    publish_case_round(&it->log);
}

static inline void case_end(struct evidence_case *it)
{
    evidence_report_fini(&it->report);
    evidence_law_fini(&it->law);
    evidence_head_fini(&it->head);
    policy_destroy(it->policy);
    registry_unref(it->registry);
    buf_fini(&it->grants);
    buf_fini(&it->agreements);
    publish_case_end(&it->log);
    pack_case_end(&it->pack);
}

static inline enum err case_read_make(void *context, struct store_txn *txn, struct fail *fail)
{
    struct evidence_case *it = context;
    return evidence_make(txn, &it->order, &it->made, fail);
}

static inline enum err case_make(struct evidence_case *it)
{
    return store_read(it->log.log.store, case_read_make, it, &it->fail);
}

/* Checks what is at `path`. */
static inline void case_check(struct evidence_case *it, const char *path)
{
    evidence_report_fini(&it->report);
    evidence_report_init(&it->report);
    it->asked.path = str_from(path);
    enum err err = evidence_check(&it->asked, &it->report, &it->fail);
    if (err != ERR_OK) {
        test_failed(EP_SITE, "%s", it->fail.text);
    }
}

/* ---- put together again ------------------------------------------------------------------- */

/* One change: of a file (its first `old` becomes `fresh`), of one left out, of one added. */
struct case_forgery {
    const char *file;
    const char *old;   /* NULL: the whole file is left out */
    const char *fresh; /* ... or, with `old` empty, is one more, or has this text alone */
    bool signed_again; /* by whoever has the log's key */
};

static inline void case_forge_file(const struct case_forgery *forgery, struct str text,
                                   struct buf *out)
{
    struct str old = str_from(forgery->old);
    size_t at = old.len == 0 ? 0 : str_search(text, old);
    CHECK(at < text.len);
    if (old.len > 0) {
        CHECK_EQ(buf_append(out, str_slice(text, 0, at)), ERR_OK);
    }
    CHECK_EQ(buf_append(out, str_from(forgery->fresh)), ERR_OK);
    if (old.len > 0) {
        CHECK_EQ(buf_append(out, str_from_at(text, at + old.len)), ERR_OK);
    }
}

static inline void case_forge_sign(struct evidence_case *it, struct pack_writer *writer)
{
    struct manifest_head head = {
        .origin = str_from(it->log.key.name),
        .client = it->head.client,
        .from = it->head.from,
        .until = it->head.until,
    };
    struct pack_file file;
    struct buf lines;
    struct buf note;
    buf_init(&lines, MANIFEST_BYTES_MAX);
    buf_init(&note, NOTE_BYTES_MAX);
    while (pack_added(writer, (size_t)head.files, &file)) {
        head.files++;
    }
    CHECK_EQ(manifest_print(writer, &lines), ERR_OK);
    head.sum = digest_sha256(buf_str(&lines));
    CHECK_EQ(manifest_sign(&head, &it->log.key, it->log.secret, &note), ERR_OK);
    CHECK_EQ(pack_add(writer, STR(MANIFEST_FILES), buf_str(&lines), &it->fail), ERR_OK);
    CHECK_EQ(pack_add(writer, STR(MANIFEST_NOTE), buf_str(&note), &it->fail), ERR_OK);
    buf_fini(&lines);
    buf_fini(&note);
}

static inline bool case_is_manifest(struct str name)
{
    return str_eq(name, STR(MANIFEST_FILES)) || str_eq(name, STR(MANIFEST_NOTE));
}

/* The pack at pack.path, changed, to pack.other. */
static inline void case_forge(struct evidence_case *it, const struct case_forgery *forgery)
{
    struct pack *pack = NULL;
    struct pack_writer *writer = NULL;
    struct buf bytes;
    struct buf changed;
    bool found = false;
    (void)unlink(it->pack.other);
    CHECK_EQ(pack_open(str_from(it->pack.path), &pack, &it->fail), ERR_OK);
    CHECK_EQ(pack_create(str_from(it->pack.other), &writer, &it->fail), ERR_OK);
    buf_init(&bytes, PACK_FILE_MAX);
    buf_init(&changed, PACK_FILE_MAX);
    for (size_t i = 0; i < pack_count(pack); i++) {
        struct str name = pack_name(pack, i);
        bool this_one = str_eq(name, str_from(forgery->file));
        found = found || this_one;
        if ((forgery->signed_again && case_is_manifest(name)) ||
            (this_one && forgery->old == NULL)) {
            continue;
        }
        CHECK_EQ(pack_read(pack, i, &bytes, &it->fail), ERR_OK);
        buf_reset(&changed);
        if (this_one) {
            case_forge_file(forgery, buf_str(&bytes), &changed);
        }
        CHECK_EQ(pack_add(writer, name, this_one ? buf_str(&changed) : buf_str(&bytes), &it->fail),
                 ERR_OK);
    }
    if (!found) {
        CHECK_EQ(pack_add(writer, str_from(forgery->file), str_from(forgery->fresh), &it->fail),
                 ERR_OK);
    }
    if (forgery->signed_again) {
        case_forge_sign(it, writer);
    }
    CHECK_EQ(pack_finish(writer, &it->fail), ERR_OK);
    pack_writer_close(writer);
    pack_close(pack);
    buf_fini(&bytes);
    buf_fini(&changed);
}
