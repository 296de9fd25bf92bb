#include "app/restore.h"

#include <unistd.h>

#include "app/acts_internal.h"
#include "house.h"

static struct house house;
static char backup_path[96];

/* ---- leaves ------------------------------------------------------------------------------ */

struct grow {
    struct store_job job;
    int64_t leaves;
    bool upto; /* so many in all, not more */
};

static enum err grow_run(struct store_job *job, struct store_txn *txn, struct fail *fail)
{
    const struct grow *grow = EP_CONTAINER(job, struct grow, job);
    int64_t leaf = -1;
    for (int64_t i = 0; grow->upto ? leaf + 1 < grow->leaves : i < grow->leaves; i++) {
        TRY(tlog_append(house.world->tlog, txn, TLOG_EVENT, STR("{\"kind\":\"event\"}"), 1, &leaf,
                        fail));
    }
    return ERR_OK;
}

static void grow(int64_t leaves)
{
    struct grow job = { .job = { .run = grow_run }, .leaves = leaves };
    struct fail fail;
    CHECK_EQ(store_run(house.world->store, &job.job, &fail), ERR_OK);
}

/* A folder with 20 leaves, some of them of its making, and a backup of them. */
static void begin(void)
{
    house_begin(&house);
    (void)snprintf(backup_path, sizeof(backup_path), "%s/backup", house.folder);
    house_open(&house, WORLD_READ_WRITE);
    struct grow job = { .job = { .run = grow_run }, .leaves = 20, .upto = true };
    struct fail fail;
    CHECK_EQ(store_run(house.world->store, &job.job, &fail), ERR_OK);
    CHECK_EQ(house_dof(&house, "backup %s --json", backup_path), ACT_OK);
    CHECK(house_said(&house.out, "\"leaves\":20"));
    CHECK(house_said(&house.out, "\"calls\":0"));
}

static enum err restore(const char *file, bool accept)
{
    const char *words[8] = { "restore", "--json", "-c", house.conf };
    int count = 4;
    struct args args;
    struct fail fail;
    if (file != NULL) {
        words[count++] = file;
    }
    if (accept) {
        words[count++] = "--accept-loss";
    }
    CHECK_EQ(args_read(count, words, &args, &fail), ERR_OK);
    buf_reset(&house.out);
    buf_reset(&house.errors);
    return restore_run(&args, &house.out, &house.errors);
}

static bool behind(void)
{
    house_open(&house, WORLD_READ_WRITE);
    bool is = house.world->mark.behind;
    CHECK_EQ(house_do(&house, "audit"), ACT_OK);
    house_close(&house);
    return is;
}

TEST(a_backup_that_has_all_leaves_sells_on)
{
    begin();
    house_close(&house);
    CHECK_EQ(restore(backup_path, false), ERR_OK);
    CHECK(house_said(&house.out, "\"leaves\":\"20\"") || house_said(&house.out, "\"leaves\":20"));
    CHECK(house_said(&house.out, "\"sells\":true"));
    CHECK(!behind());
    house_end(&house);
}

TEST(an_older_backup_stops_the_sale_until_the_loss_is_accepted)
{
    begin();
    grow(1); /* one leaf is lost, as many as the restore itself will write */
    house_close(&house);
    CHECK_EQ(restore(backup_path, false), ERR_OK);
    CHECK(house_said(&house.out, "\"sells\":false"));
    CHECK(behind());
    house_open(&house, WORLD_READ_WRITE);
    grow(20); /* what is written meanwhile hides nothing */
    house_close(&house);
    CHECK(behind());
    CHECK_EQ(restore(NULL, true), ERR_OK);
    CHECK(house_said(&house.out, "\"sells\":true"));
    CHECK(!behind());
    CHECK_EQ(restore(NULL, true), ERR_CONFLICT); /* there is none any more */
    CHECK(!behind());
    house_end(&house);
}

/* A purchase is no leaf of the log, and yet somebody paid for it. */
TEST(a_purchase_that_is_lost_stops_the_sale)
{
    char shown[ID_SHOWN_MAX + 1] = "";
    struct buf id = { shown, 0, ID_SHOWN_MAX, ID_SHOWN_MAX };
    begin();
    const struct client *client = client_next(house.world->ident, NULL);
    CHECK_EQ(id_print(&id, STR(IDENT_CLIENT_PREFIX), client->id), ERR_OK);
    CHECK_EQ(house_dof(&house, "credit purchase --client %s --amount 5", shown), ACT_OK);
    house_close(&house);
    CHECK_EQ(restore(backup_path, false), ERR_OK);
    CHECK(house_said(&house.out, "\"entries_lost\":1"));
    CHECK(house_said(&house.out, "\"sells\":false"));
    CHECK(behind());
    CHECK_EQ(restore(NULL, true), ERR_OK);
    CHECK(!behind());
    house_end(&house);
}

TEST(a_loss_can_be_accepted_at_once)
{
    begin();
    grow(3);
    house_close(&house);
    CHECK_EQ(restore(backup_path, true), ERR_OK);
    CHECK(house_said(&house.out, "\"sells\":true"));
    CHECK(!behind());
    house_end(&house);
}

/* The mark alone knows: the database was exchanged by hand. */
TEST(an_exchanged_database_is_noticed)
{
    char path[96];
    begin();
    grow(2);
    house_close(&house);
    (void)snprintf(path, sizeof(path), "%s/var/entrepot.db", house.folder);
    CHECK_EQ(rename(backup_path, path), 0);
    CHECK(behind());
    CHECK_EQ(restore(NULL, true), ERR_OK);
    CHECK(!behind());
    house_end(&house);
}

TEST(a_damaged_mark_stops_the_start_and_can_be_accepted)
{
    char path[96];
    struct world *world = NULL;
    begin();
    house_close(&house);
    (void)snprintf(path, sizeof(path), "%s/var/log.size", house.folder);
    CHECK_EQ(truncate(path, 10), 0);
    CHECK_EQ(world_open(house.conf, WORLD_READ_WRITE, &world, &house.errors), ERR_STORE_DAMAGED);
    CHECK_EQ(restore(backup_path, false), ERR_STORE_DAMAGED);
    CHECK_EQ(restore(NULL, true), ERR_OK);
    CHECK(!behind());
    house_end(&house);
}

TEST(a_restore_beside_a_server_is_refused)
{
    begin();
    CHECK_EQ(restore(backup_path, false), ERR_STORE_LOCKED);
    CHECK_EQ(act_exit_of(ERR_STORE_LOCKED), ACT_COULD_NOT);
    CHECK(house_said(&house.errors, "stop the server"));
    CHECK_EQ(restore(NULL, true), ERR_STORE_LOCKED);
    house_end(&house);
}

struct spoil {
    struct store_job job;
};

static enum err spoil_run(struct store_job *job, struct store_txn *txn, struct fail *fail)
{
    static const struct store_sql sql = { "UPDATE leaf SET hash = zeroblob(32) WHERE id = 3" };
    CHECK(job != NULL);
    return store_exec(txn, &sql, NULL, 0, fail);
}

TEST(a_backup_that_breaks_an_invariant_is_refused_and_the_store_stays)
{
    struct spoil spoil = { .job = { .run = spoil_run } };
    struct fail fail;
    begin();
    CHECK_EQ(unlink(backup_path), 0);
    CHECK_EQ(store_run(house.world->store, &spoil.job, &fail), ERR_OK);
    CHECK_EQ(house_dof(&house, "backup %s", backup_path), ACT_OK);
    CHECK_EQ(house_do(&house, "audit"), ACT_FAILED);
    CHECK(house_said(&house.out, "leaf 3"));
    house_close(&house);
    CHECK_EQ(restore(backup_path, false), ERR_AUDIT_FAILED);
    CHECK_EQ(act_exit_of(ERR_AUDIT_FAILED), ACT_FAILED);
    CHECK(house_said(&house.errors, "log-leaves"));
    CHECK(house_said(&house.errors, "leaf 3"));
    house_end(&house);
}

TEST(what_is_missing_is_said)
{
    begin();
    CHECK_EQ(house_do(&house, "backup"), ACT_USAGE);
    CHECK_EQ(house_dof(&house, "backup %s", backup_path), ACT_FAILED); /* it is there */
    house_close(&house);
    CHECK_EQ(restore(NULL, false), ERR_ASK_MISSING);
    CHECK_EQ(restore("/no/such/file", false), ERR_IO);
    CHECK(!behind());
    house_end(&house);
}

/* Who was erased after the backup was made comes back with it, and goes again at once. */
TEST(a_backup_of_before_an_erasure_is_erased_again)
{
    char shown[ID_SHOWN_MAX + 1] = "";
    struct buf id = { shown, 0, ID_SHOWN_MAX, ID_SHOWN_MAX };
    char list[96];
    begin();
    CHECK_EQ(id_print(&id, STR(IDENT_CLIENT_PREFIX), client_next(house.world->ident, NULL)->id),
             ERR_OK);
    CHECK_EQ(house_dof(&house, "erase --client %s --forfeit --yes --by Ana --why asked", shown),
             ACT_OK);
    house_close(&house);
    CHECK_EQ(restore(backup_path, true), ERR_OK);
    CHECK(house_said(&house.out, "\"erased_again\":1"));
    house_open(&house, WORLD_READ_WRITE);
    CHECK_EQ(client_next(house.world->ident, NULL)->name.len, 0);
    CHECK_EQ(house.world->erased_again, 0);
    CHECK_EQ(house_do(&house, "audit"), ACT_OK);
    house_close(&house);
    (void)snprintf(list, sizeof(list), "%s/var/erased.log", house.folder);
    FILE *file = fopen(list, "a");
    CHECK(file != NULL);
    CHECK(fputs("nobody\n", file) >= 0);
    CHECK_EQ(fclose(file), 0);
    CHECK_EQ(restore(backup_path, true), ERR_CONF_INVALID);
    CHECK(house_said(&house.errors, "line 2 of"));
    CHECK_EQ(unlink(list), 0);
    CHECK(!behind()); /* the store is as it was */
    house_end(&house);
}
