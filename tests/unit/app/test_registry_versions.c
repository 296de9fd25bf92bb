#include "app/registry_versions.h"

#include "app/registry_candidate.h"
#include "house.h"

static struct house house;

static void begin(void)
{
    house_begin(&house);
    house_open(&house, WORLD_READ_WRITE);
}

static void end(void)
{
    CHECK_EQ(house_do(&house, "audit"), ACT_OK);
    house_end(&house);
}

static void change(const char *old, const char *fresh)
{
    house_change(&house, "models.yaml", old, fresh);
    house_apply(&house);
}

static void on_version(void *context, const struct registry_version *version)
{
    int64_t *count = context;
    CHECK_EQ(version->seq, ++*count);
    CHECK_EQ(version->first, *count == 1);
    CHECK_EQ(version->grants, 4);
    CHECK_EQ(version->routes, 5);
    CHECK_STR(str_from(version->person[REGISTRY_ROLE_ENTERED]), STR("ann"));
    CHECK_STR(str_from(version->person[REGISTRY_ROLE_REVIEWED]), STR("ben"));
    CHECK(version->signed_ns[REGISTRY_ROLE_ENTERED] <= version->at_ns);
}

TEST(versions_are_numbered_and_kept)
{
    struct registry_version version;
    struct registry_version other;
    struct fail fail;
    int64_t count = 0;
    struct store *store = NULL;
    begin();
    store = house.world->store;
    change("context_tokens: 64000", "context_tokens: 32000");
    change("context_tokens: 32000", "context_tokens: 64000");
    CHECK_EQ(registry_versions_list(store, on_version, &count, &fail), ERR_OK);
    CHECK_EQ(count, 3);
    CHECK_EQ(registry_versions_find(store, 0, &version, &fail), ERR_OK);
    CHECK_EQ(version.seq, 3);
    CHECK_EQ(registry_versions_find(store, 1, &other, &fail), ERR_OK);
    CHECK(digest_eq(&version.hash, &other.hash)); /* what was in force once may be so again */
    CHECK_EQ(registry_versions_find_hash(store, &other.hash, &other, &fail), ERR_OK);
    CHECK_EQ(other.seq, 3);
    CHECK_EQ(registry_versions_find(store, 4, &other, &fail), ERR_NOT_FOUND);
    struct digest nothing = digest_sha256(STR(""));
    CHECK_EQ(registry_versions_find_hash(store, &nothing, &other, &fail), ERR_NOT_FOUND);
    end();
}

TEST(an_old_version_is_loaded_as_it_was)
{
    struct registry *old = NULL;
    struct registry *fresh = NULL;
    struct registry_version version;
    struct fail fail;
    begin();
    change("context_tokens: 64000", "context_tokens: 32000");
    CHECK_EQ(registry_version_load(house.world->store, 1, &old, &fail), ERR_OK);
    CHECK_EQ(registry_version_load(house.world->store, 2, &fresh, &fail), ERR_OK);
    CHECK_EQ(registry_model(old, STR("borealis-chat"))->context_tokens, 64000);
    CHECK_EQ(registry_model(fresh, STR("borealis-chat"))->context_tokens, 32000);
    CHECK_EQ(registry_versions_find(house.world->store, 1, &version, &fail), ERR_OK);
    CHECK(digest_eq(&old->hash, &version.hash));
    CHECK(registry_grant(old, STR("g.aurora-operator"))->signature.fine);
    CHECK_EQ(registry_grant(old, STR("g.aurora-operator"))->doc.state, REGISTRY_DOC_FINE);
    registry_unref(old);
    registry_unref(fresh);
    CHECK_EQ(registry_version_load(house.world->store, 3, &old, &fail), ERR_NOT_FOUND);
    end();
}

TEST(a_version_needs_no_folder_any_more)
{
    struct registry *old = NULL;
    char path[160];
    begin();
    (void)snprintf(path, sizeof(path), "%s/registry/documents/letter-aurora-operator.txt",
                   house.folder);
    CHECK_EQ(remove(path), 0);
    CHECK_EQ(registry_version_load(house.world->store, 1, &old, NULL), ERR_OK);
    CHECK_EQ(registry_grant(old, STR("g.aurora-operator"))->doc.state, REGISTRY_DOC_FINE);
    registry_unref(old);
    end();
}

struct counting {
    int64_t count;
};

static enum err on_count(void *context, const struct store_value *row, size_t columns)
{
    CHECK_EQ(columns, 1);
    ((struct counting *)context)->count = row[0].number;
    return ERR_OK;
}

static enum err count_texts(void *context, struct store_txn *txn, struct fail *fail)
{
    static const struct store_sql sql = { "SELECT count(*) FROM registry_text" };
    return store_query(txn, &sql, NULL, 0, on_count, context, fail);
}

TEST(a_text_that_did_not_change_is_kept_once)
{
    struct counting before = { 0 };
    struct counting after = { 0 };
    begin();
    CHECK_EQ(store_read(house.world->store, count_texts, &before, NULL), ERR_OK);
    change("context_tokens: 64000", "context_tokens: 32000");
    CHECK_EQ(store_read(house.world->store, count_texts, &after, NULL), ERR_OK);
    CHECK_EQ(after.count, before.count + 1);
    end();
}

TEST(a_version_is_made_of_its_files_and_of_no_others)
{
    struct registry_files files;
    begin();
    registry_files_init(&files);
    CHECK_EQ(registry_versions_files(house.world->store, 1, &files, NULL), ERR_OK);
    CHECK(registry_versions_are(house.world->store, 1, &files));
    CHECK(!registry_versions_are(house.world->store, 2, &files));
    change("context_tokens: 64000", "context_tokens: 32000");
    CHECK(!registry_versions_are(house.world->store, 2, &files));
    registry_files_fini(&files);
    end();
}

TEST(two_who_put_versions_in_force_at_once_are_told_apart)
{
    struct registry_candidate candidate;
    struct fail fail;
    int64_t version = 0;
    begin();
    const struct registry_home home = { house.world->store, house.world->tlog };
    struct registry_rival rival = { house.world->registry, 1, house.world->since_ns };
    registry_candidate_init(&candidate);
    house_change(&house, "models.yaml", "context_tokens: 64000", "context_tokens: 32000");
    house_sign(&house);
    CHECK_EQ(
        registry_candidate_read(&candidate, house.world->conf->registry.ptr, NULL, &house.errors),
        ERR_OK);
    int64_t now_ns = registry_candidate_now();
    CHECK_EQ(registry_candidate_signed(&candidate, &rival, now_ns, &house.errors), ERR_OK);
    CHECK_EQ(registry_candidate_keep(&candidate, &home, &rival, now_ns, &version, &fail), ERR_OK);
    CHECK_EQ(version, 2);
    CHECK_EQ(registry_candidate_keep(&candidate, &home, &rival, now_ns, &version, &fail),
             ERR_CONFLICT);
    CHECK(strstr(fail.text, "version 2") != NULL);
    registry_candidate_fini(&candidate);
    end();
}

struct spoiling {
    struct store_job job;
};

static enum err spoil(struct store_job *job, struct store_txn *txn, struct fail *fail)
{
    static const struct store_sql sql = {
        "UPDATE registry_text SET body = x'6d6f64656c733a205b5d0a' WHERE sum ="
        " (SELECT sum FROM registry_version_file WHERE seq = 1 AND name = 'models.yaml')"
    };
    (void)job;
    return store_exec(txn, &sql, NULL, 0, fail);
}

TEST(a_text_that_was_changed_behind_its_back_is_not_taken)
{
    struct spoiling spoiling = { .job = { .run = spoil } };
    struct registry *old = NULL;
    struct fail fail;
    begin();
    CHECK_EQ(store_run(house.world->store, &spoiling.job, NULL), ERR_OK);
    CHECK_EQ(registry_version_load(house.world->store, 1, &old, &fail), ERR_STORE_DAMAGED);
    CHECK(strstr(fail.text, "models.yaml") != NULL);
    CHECK_EQ(house_do(&house, "audit"), ACT_FAILED);
    CHECK(house_said(&house.out, "registry-texts"));
    CHECK(house_said(&house.out, "version 1"));
    house_close(&house);
    buf_reset(&house.errors);
    struct world *world = NULL;
    CHECK_EQ(world_open(house.conf, WORLD_READ_WRITE, &world, &house.errors), ERR_STORE_DAMAGED);
    house_end(&house);
}
