/* What the books give to a pack, and when the act makes none. */
#include "app/evidence_books.h"

#include <unistd.h>

#include "../tlog/receipts.h"
#include "gate/usage_check.h"
#include "house.h"

static struct house house;
static struct evidence_head head;
static struct evidence_law law;
static struct evidence_fold fold;
static struct evidence_books books;
static struct buf out;
static struct fail fail;

static void begin(void)
{
    const struct evidence_key key = { .id = STR("key_mine") };
    house_begin(&house);
    house_open(&house, WORLD_READ_WRITE);
    evidence_head_init(&head);
    evidence_law_init(&law);
    evidence_fold_init(&fold, &law);
    buf_init(&out, 1 << 20);
    CHECK_EQ(evidence_head_add(&head, &key), ERR_OK);
    books = (struct evidence_books){ house.world->store, &head, 0, INT64_MAX };
}

static void end(void)
{
    evidence_fold_fini(&fold);
    evidence_law_fini(&law);
    evidence_head_fini(&head);
    buf_fini(&out);
    house_end(&house);
}

/* ---- findings ------------------------------------------------------------------------------ */

#define ROUTE STR("borealis-chat-sg")

static struct id call_of(int64_t i)
{
    struct id call = { { 0 } };
    call.bytes[15] = (unsigned char)(i + 1);
    return call;
}

struct adding {
    struct store_job job;
    struct id call;
    const char *key;
};

static enum err run_add(struct store_job *job, struct store_txn *txn, struct fail *why)
{
    const struct adding *adding = EP_CONTAINER(job, struct adding, job);
    struct receipt_facts facts = receipts_facts(adding->call);
    struct receipt receipt;
    int64_t leaf = 0;
    facts.key = str_from(adding->key);
    receipt_init(&receipt);
    CHECK_EQ(receipt_build(&receipt, &facts), ERR_OK);
    enum err err =
        tlog_append_receipt(house.world->tlog, txn, adding->call, &receipt, 1, &leaf, why);
    receipt_fini(&receipt);
    return err;
}

static void add_receipt(int64_t i, const char *key)
{
    struct adding adding = { .job = { .run = run_add }, .call = call_of(i), .key = key };
    CHECK_EQ(store_run(house.world->store, &adding.job, &fail), ERR_OK);
}

/* Sixty calls that an upstream reports with 24 tokens too many: a finding. */
static void add_finding(void)
{
    for (int64_t i = 0; i < 60; i++) {
        usage_check_add(house.world->usage_check, &(struct usage_check_sample){
                                                      .route = ROUTE,
                                                      .model = STR("m"),
                                                      .side = USAGE_CHECK_INPUT,
                                                      .call = call_of(i),
                                                      .counted = 50 + 9 * i,
                                                      .reported = 74 + 9 * i,
                                                      .now_ns = 1000,
                                                  });
    }
    CHECK_EQ(house_do(&house, "client add --name Barrier"), ACT_OK);
}

static enum err read_findings(void *context, struct store_txn *txn, struct fail *why)
{
    (void)context;
    buf_reset(&out);
    return evidence_books_findings(&books, txn, &fold, &out, why);
}

static struct str findings(void)
{
    CHECK_EQ(store_read(house.world->store, read_findings, NULL, &fail), ERR_OK);
    return buf_str(&out);
}

static bool says(struct str text, const char *part)
{
    return str_search(text, str_from(part)) < text.len;
}

TEST(findings_are_of_routes_that_served_with_the_clients_calls_alone)
{
    static const struct str none = STR_INIT("{\"findings\":[],\"version\":\"1\"}\n");
    const struct str other[] = { STR("v"), STR("u"), STR("aurora-large-us"), STR("m") };
    const struct str served[] = { STR("v"), STR("u"), ROUTE, STR("m") };
    begin();
    CHECK_STR(findings(), none);
    add_finding();
    for (int64_t i = 0; i < 60; i++) {
        if (i % 20 != 7) { /* of some there is no receipt any more */
            add_receipt(i, i % 2 == 0 ? "key_mine" : "key_other");
        }
    }
    counts_note(&fold.tables[EVIDENCE_SOURCES], other, 0, 1);
    CHECK_STR(findings(), none);
    counts_note(&fold.tables[EVIDENCE_SOURCES], served, 0, 1);
    struct str text = findings();
    CHECK(says(text, "\"kind\":\"offset\",\"model\":\"m\",\"offset_milli\":\"24000\""));
    CHECK(says(text, "\"route\":\"borealis-chat-sg\",\"side\":\"input\",\"slope_ppm\":\"0\"}"));
    CHECK(says(text, "\"cleared\":\"\",\"finding\":\"1\""));
    size_t calls = 0;
    for (int64_t i = 0; i < 60; i++) {
        char shown[ID_SHOWN_MAX + 1];
        struct buf id = { shown, 0, ID_SHOWN_MAX, ID_SHOWN_MAX };
        CHECK_EQ(id_print(&id, STR("call_"), call_of(i)), ERR_OK);
        shown[id.len] = '\0';
        bool there = says(text, shown);
        CHECK(!there || (i % 2 == 0 && i % 20 != 7));
        calls += there;
    }
    CHECK(calls > 0);
    books.until_ns = 1000; /* it was found then: behind the end */
    CHECK_STR(findings(), none);
    end();
}

/* ---- the registry -------------------------------------------------------------------------- */

static enum err on_files(void *context, const struct evidence_file *files, size_t count)
{
    size_t *texts = context;
    for (size_t i = 0; i < count; i++) {
        struct digest sum = digest_sha256(files[i].text);
        CHECK(files[i].document ? files[i].text.len == 0 : digest_eq(&sum, &files[i].sum));
        *texts += !files[i].document;
    }
    return ERR_OK;
}

TEST(versions_come_with_their_files_and_who_signed_them)
{
    struct evidence_version *version = NULL;
    size_t texts = 0;
    begin();
    CHECK_EQ(evidence_books_law(&books, &law, &fail), ERR_OK);
    CHECK_EQ(law.count, 1);
    version = &law.versions[0];
    CHECK(!evidence_version_signed(version)); /* nobody has said by which keys */
    CHECK_EQ(evidence_books_files(&books, version, on_files, &texts, &fail), ERR_OK);
    CHECK(texts > 10 && evidence_version_signed(version));
    CHECK_EQ(evidence_law_open(&law, version, &fail), ERR_OK);
    CHECK(digest_eq(&version->hash, &version->rejudge.registry->hash));
    version->signers[0].sig[0] ^= 1;
    CHECK_EQ(evidence_books_files(&books, version, on_files, &texts, &fail), ERR_AUDIT_FAILED);
    end();
}

/* ---- the act ------------------------------------------------------------------------------- */

TEST(the_act_asks_for_a_client_a_period_a_file_and_a_checkpoint)
{
    char client[64];
    begin();
    CHECK_EQ(house_do(&house, "client list --json"), ACT_OK);
    (void)snprintf(client, sizeof(client), "%s", house_field(&house, "id"));
    CHECK_EQ(house_do(&house, "evidence --period 2026-11 -o x"), ACT_USAGE);
    CHECK_EQ(house_dof(&house, "evidence --client %s -o x", client), ACT_USAGE);
    CHECK_EQ(house_dof(&house, "evidence --client %s --period 2026-11", client), ACT_USAGE);
    CHECK_EQ(house_dof(&house, "evidence --client %s --period 2026-1 -o x", client), ACT_USAGE);
    CHECK(house_said(&house.errors, "is no period such as 2026-11"));
    CHECK_EQ(house_dof(&house, "evidence --client %s --period 2026-11 -o x", client), ACT_FAILED);
    CHECK(house_said(&house.errors, "no checkpoint yet"));
    CHECK(access("x", F_OK) != 0);
    end();
}
