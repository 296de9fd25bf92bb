#include "app/world.h"

#include <string.h>

#include "app/acts.h"
#include "app/batch_keeping.h"
#include "app/erased_list.h"
#include "app/erasure.h"
#include "app/log_leaves.h"
#include "app/price_keeping.h"
#include "app/recover.h"
#include "app/registry_candidate.h"
#include "base/enc.h"
#include "base/mem.h"
#include "base/stamp.h"
#include "batch/batch.h"
#include "batch/batch_again.h"
#include "batch/content.h"
#include "ident/allowance.h"
#include "ident/wake.h"
#include "ledger/extend.h"
#include "ledger/idem.h"
#include "ledger/quota.h"
#include "ledger/settlement_check.h"
#include "settle/manifest.h"
#include "tlog/receipt_doc.h"
#include "tlog/tile_rows.h"

struct str world_folder_of(struct str path)
{
    size_t at = path.len;
    while (at > 0 && path.ptr[at - 1] != '/') {
        at--;
    }
    return at > 1 ? str_slice(path, 0, at - 1) : str_slice(path, 0, at);
}

static enum err world_read_conf(struct world *world, struct buf *errors)
{
    struct conf_report report;
    conf_report_init(&report);
    enum err err = conf_load(world->conf_path, &world->conf, &report);
    if (err != ERR_OK) {
        EP_IGNORE(conf_report_print(&report, errors)); /* what fits is better than nothing */
    }
    conf_report_fini(&report);
    return err;
}

size_t world_migrations(struct store_migration ret_migrations[WORLD_MIGRATIONS_MAX])
{
    struct store_migration *migrations = ret_migrations;
    size_t count = 0;
    ASSERT(ident_migrations_count + 25 <= WORLD_MIGRATIONS_MAX);
    for (size_t i = 0; i < ident_migrations_count; i++) {
        migrations[count++] = ident_migrations[i];
    }
    migrations[count++] = ledger_migration;
    migrations[count++] = tlog_migration;
    migrations[count++] = usage_check_migration;
    migrations[count++] = idem_migration;
    migrations[count++] = usage_month_migration;
    migrations[count++] = credit_migration;
    migrations[count++] = budget_migration;
    migrations[count++] = extend_migration;
    migrations[count++] = registry_versions_migration;
    migrations[count++] = quarantine_migration;
    migrations[count++] = review_migration;
    migrations[count++] = standing_migration;
    migrations[count++] = quota_migration;
    migrations[count++] = tile_rows_migration;
    migrations[count++] = privacy_migration;
    migrations[count++] = allowance_migration;
    migrations[count++] = settlement_check_migration;
    migrations[count++] = upstream_claim_migration;
    migrations[count++] = budget_calls_migration;
    migrations[count++] = fleet_migration;
    migrations[count++] = usage_unit_migration;
    migrations[count++] = batch_migration;
    migrations[count++] = tier_claim_migration;
    migrations[count++] = batch_again_migration;
    migrations[count++] = fleet_voice_migration;
    return count;
}

static enum err world_open_store(struct world *world, struct fail *fail)
{
    struct store_migration migrations[WORLD_MIGRATIONS_MAX];
    size_t count = world_migrations(migrations);
    const struct store_options options = {
        .url = world->conf->store,
        .migrations = migrations,
        .migrations_count = count,
        .read_only = world->mode == WORLD_READ_ONLY,
    };
    return store_open(&options, &world->store, fail);
}

static enum err world_open_ident(struct world *world, struct fail *fail)
{
    struct secret pepper = { 0 };
    TRY(secret_load(world->conf->keys_pepper, STR_EMPTY, &pepper, fail));
    enum err err = ident_open(world->store, secret_str(&pepper), &world->ident, fail);
    secret_fini(&pepper);
    return err;
}

static enum err world_read_size(void *context, struct store_txn *txn, struct fail *fail)
{
    return tlog_size(txn, context, fail);
}

/* Before anything is written: holds that are ended would make the log longer. */
static enum err world_check_log(struct world *world, struct fail *fail)
{
    int64_t leaves = 0;
    TRY(log_mark_path(world->conf->store, &world->mark_path, fail));
    TRY(store_read(world->store, world_read_size, &leaves, fail));
    TRY(log_mark_check(world->mark_path.ptr, leaves, &world->mark, fail));
    world->mark_known = true;
    atomic_store(&world->log_stopped, world->mark.behind);
    return ERR_OK;
}

/* The log as rows, before the first of its leaves is written. */
static enum err world_open_log(struct world *world, struct fail *fail)
{
    if (world->mode == WORLD_READ_ONLY) {
        return ERR_OK;
    }
    TRY(tlog_open(world->store, &world->tlog, fail));
    return world_check_log(world, fail);
}

enum err world_note_log(struct world *world, struct fail *fail)
{
    int64_t leaves = 0;
    ASSERT(world->mark_known);
    if (store_failed(world->store)) {
        return ERR_OK; /* what can be read may not be durable */
    }
    TRY(store_read(world->store, world_read_size, &leaves, fail));
    (void)pthread_mutex_lock(&world->mark_lock);
    enum err err = log_mark_raise(world->mark_path.ptr, leaves, &world->mark, fail);
    (void)pthread_mutex_unlock(&world->mark_lock);
    return err;
}

enum err world_stop_log(struct world *world, int64_t reached, int64_t found, struct fail *fail)
{
    ASSERT(world->mark_known);
    atomic_store(&world->log_stopped, true); /* whatever becomes of the file */
    (void)pthread_mutex_lock(&world->mark_lock);
    struct log_mark mark = world->mark;
    enum err err = ERR_OK;
    if (!mark.behind) {
        mark = (struct log_mark){
            .reached = mark.reached > reached ? mark.reached : reached,
            .behind = true,
            .found = found,
        };
        err = log_mark_write(world->mark_path.ptr, &mark, fail);
        world->mark = err == ERR_OK ? mark : world->mark;
    }
    (void)pthread_mutex_unlock(&world->mark_lock);
    return err;
}

/* ---- the log's key -------------------------------------------------------------------------- */

static enum err world_check_origin(struct str origin, struct fail *fail)
{
    if (!note_name_valid(origin)) {
        return FAIL(fail, ERR_CONF_INVALID,
                    "log.origin \"" STR_FMT "\" is no name of a log: no spaces, no \"+\"",
                    STR_ARG(origin));
    }
    if (str_eq(origin, STR(RECEIPT_PROMISE_FIRST)) || str_eq(origin, STR(MANIFEST_FIRST))) {
        return FAIL(fail, ERR_CONF_INVALID,
                    "log.origin may not be \"" STR_FMT
                    "\": other things that the log's key signs begin with it",
                    STR_ARG(origin));
    }
    return ERR_OK;
}

static enum err world_load_key(struct world *world, struct fail *fail)
{
    struct secret seed = { 0 };
    unsigned char public_key[SIGN_PUBLIC_BYTES];
    TRY(secret_load(world->conf->log_key, STR_EMPTY, &seed, fail));
    enum err err = sign_key_load(&seed, &world->log_secret, fail);
    secret_fini(&seed);
    TRY(err);
    sign_public(world->log_secret, public_key);
    world->log.secret = world->log_secret;
    return note_key_make(world->conf->log_origin, NOTE_ED25519, public_key, &world->log.key, fail);
}

/* Commands that only read may be another user's, who has no key: their receipts show no promise. */
static enum err world_open_key(struct world *world, struct fail *fail)
{
    TRY(world_check_origin(world->conf->log_origin, fail));
    if (world->mode == WORLD_READ_ONLY) {
        EP_IGNORE(world_load_key(world, NULL));
        return ERR_OK;
    }
    return world_load_key(world, fail);
}

const struct gate_log *world_log(const struct world *world)
{
    return world->log.secret == NULL ? NULL : &world->log;
}

/* ---- the registry in force ------------------------------------------------------------------ */

const struct shelf *world_vocabularies(const struct world *world)
{
    return world->mode == WORLD_READ_ONLY ? NULL : world->shelf;
}

/* The first version: the folder as it is, if it is signed by persons of its own. Who only reads
 * takes it as it is. */
static enum err world_take_first(struct world *world, struct registry_candidate *candidate,
                                 struct buf *errors, struct fail *fail)
{
    const struct registry_rival none = { .registry = NULL };
    const struct registry_home home = { world->store, world->tlog };
    int64_t now_ns = registry_candidate_now();
    TRY(registry_candidate_read(candidate, world->conf->registry.ptr, world_vocabularies(world),
                                errors));
    if (world->mode == WORLD_READ_WRITE) {
        TRY(registry_candidate_signed(candidate, &none, now_ns, errors));
        TRY(registry_candidate_keep(candidate, &home, &none, now_ns, &world->version, fail));
        world->since_ns = now_ns;
    }
    world->registry = registry_ref(candidate->registry);
    return ERR_OK;
}

static enum err world_take_kept(struct world *world, const struct registry_version *version,
                                struct buf *errors, struct fail *fail)
{
    struct registry_files files;
    struct registry *registry = NULL;
    const struct registry_judging judging = { .shelf = world_vocabularies(world), .kept = true };
    registry_files_init(&files);
    enum err err = registry_versions_files(world->store, version->seq, &files, fail);
    err = err == ERR_OK ? registry_candidate_judge(&files, &judging, &registry, errors) : err;
    registry_files_fini(&files);
    TRY(err);
    registry->hash = version->hash;
    world->registry = registry;
    world->version = version->seq;
    world->since_ns = version->at_ns;
    return ERR_OK;
}

static enum err world_take_registry(struct world *world, struct buf *errors, struct fail *fail)
{
    struct registry_version version;
    enum err err = registry_versions_find(world->store, 0, &version, fail);
    if (err != ERR_NOT_FOUND) {
        return err == ERR_OK ? world_take_kept(world, &version, errors, fail) : err;
    }
    struct registry_candidate candidate;
    fail->text[0] = '\0'; /* that there is none yet is no failure */
    registry_candidate_init(&candidate);
    err = world_take_first(world, &candidate, errors, fail);
    registry_candidate_fini(&candidate);
    return err;
}

enum world_folder world_look_at_folder(struct world *world)
{
    struct world_registry now = world_in_force(world);
    struct registry_files files;
    struct registry_report report;
    struct registry *registry = NULL;
    enum world_folder folder = WORLD_FOLDER_FAULTY;
    registry_files_init(&files);
    registry_report_init(&report);
    if (registry_files_read(&files, world->conf->registry.ptr, &report) == ERR_OK) {
        if (registry_versions_are(world->store, now.version, &files)) { /* a fast yes */
            folder = WORLD_FOLDER_SAME;
        } else if (registry_files_parse(&files, &registry, &report) == ERR_OK) {
            folder = digest_eq(&registry->hash, &now.registry->hash) ? WORLD_FOLDER_SAME
                                                                     : WORLD_FOLDER_DIFFERS;
        }
    }
    registry_unref(registry);
    registry_report_fini(&report);
    registry_files_fini(&files);
    registry_unref(now.registry);
    return folder;
}

void world_log_registry(enum event event, const struct world_registry *registry)
{
    char text[2 * DIGEST_BYTES];
    struct buf hash = { text, 0, sizeof(text), sizeof(text) };
    struct log_line line;
    EP_IGNORE(enc_hex(&hash, registry->registry->hash.bytes, DIGEST_BYTES)); /* fits exactly */
    log_begin(&line, event);
    log_int(&line, "version", registry->version);
    log_str(&line, "hash", buf_str(&hash));
    log_end(&line);
}

/* ---- opening -------------------------------------------------------------------------------- */

static enum err world_open_quarantine(struct world *world, struct fail *fail)
{
    TRY(quarantine_open(world->store, &world->quarantine, fail));
    if (quarantine_learn(world->quarantine, world->registry) != ERR_OK) {
        return FAIL(fail, ERR_NO_MEMORY, "no memory for the routes");
    }
    return ERR_OK;
}

static enum err world_open_batches(struct world *world, struct fail *fail)
{
    const struct conf *conf = world->conf;
    TRY(batch_keeping_path(conf->store, &world->batches_path, fail));
    TRY(content_folder_make(world->batches_path.ptr, fail));
    world->batches.folder = world->batches_path.ptr;
    world->batches.file_bytes_max = conf->batch_file_bytes;
    world->batches.client_bytes_max = (int64_t)conf->batch_client_bytes;
    world->batches.lines_max = conf->batch_lines;
    world->batches.calls_max = conf->batch_calls_at_once;
    world->batches.idem_ns = (int64_t)conf->limits_idempotency_hours * 3600 * STAMP_NS_PER_S;
    return ERR_OK;
}

struct erasing world_erasing(const struct world *world)
{
    ASSERT(world->erased_path.len > 0);
    return (struct erasing){ world->store, world->ident, world->tlog, world->erased_path.ptr,
                             world->batches_path.ptr };
}

/* Who was erased and came back with a backup goes again, before anything is sold. */
static enum err world_erase_again(struct world *world, struct fail *fail)
{
    TRY(erased_list_path(world->conf->store, &world->erased_path, fail));
    TRY(world_open_batches(world, fail));
    const struct erasing erasing = world_erasing(world);
    return erasure_at_start(&erasing, stamp_system_ns(), &world->erased_again, fail);
}

static enum err world_open_rooms(struct world *world, struct buf *errors, struct fail *fail)
{
    TRY(shelf_create(world->conf->vocabularies, &world->shelf));
    TRY(world_open_key(world, fail));
    TRY(world_open_store(world, fail));
    TRY(world_open_log(world, fail));
    TRY(world_take_registry(world, errors, fail));
    TRY(world_open_ident(world, fail));
    if (world->mode == WORLD_READ_ONLY) {
        return ERR_OK;
    }
    TRY(ledger_open(world->store, &world->ledger, fail));
    ident_on_key_change(world->ident, log_leaf_key, world->tlog);
    wake_begin(world->ident);
    TRY(world_open_quarantine(world, fail));
    TRY(usage_check_open(world->store, world->quarantine, &world->usage_check, fail));
    TRY(review_open(world->store, &world->review, fail));
    TRY(quota_open(world->store, &world->quota, fail));
    TRY(price_keeping_keep(world->ledger, world->tlog, world->registry, fail));
    TRY(price_shelf_open(world->store, &world->prices, fail));
    TRY(recover_holds(world->store, world->ledger, world->tlog, stamp_system_ns(),
                      &world->recovered, fail));
    return world_erase_again(world, fail);
}

static const char *world_remedy(enum err err)
{
    if (err == ERR_STORE_LOCKED) {
        return "stop the other process, or let the running server do it";
    }
    if (err == ERR_STORE_DAMAGED) {
        return "\"entrepot audit\" names the row, then restore a backup; a damaged var/log.size is "
               "written anew by \"entrepot restore --accept-loss\"";
    }
    if (err == ERR_STORE_SCHEMA) {
        return "use the program's version that fits, or start the server once to migrate";
    }
    if (err == ERR_STORE_FAILED) {
        return "mend the disk and start again; what is damaged or lost comes back with "
               "\"entrepot restore BACKUP\"";
    }
    return NULL;
}

static enum err world_open_all(struct world *world, struct buf *errors)
{
    struct fail fail = { 0 };
    enum err err = crypto_start(&fail);
    if (err == ERR_OK) {
        TRY(world_read_conf(world, errors));
        err = world_open_rooms(world, errors, &fail);
    }
    if (err != ERR_OK && (err != ERR_REGISTRY_INVALID || fail.text[0] != '\0')) {
        act_complain(errors, err, &fail, world_remedy(err));
    }
    return err;
}

enum err world_open(const char *conf_path, enum world_mode mode, struct world **ret_world,
                    struct buf *errors)
{
    struct world *world = mem_zalloc(sizeof(*world));
    if (world == NULL) {
        return ERR_NO_MEMORY;
    }
    buf_init(&world->mark_path, 4096);
    buf_init(&world->erased_path, 4096);
    buf_init(&world->batches_path, 4096);
    (void)pthread_mutex_init(&world->erasing, NULL);
    (void)pthread_mutex_init(&world->lock, NULL); /* cannot fail with default attributes */
    (void)pthread_mutex_init(&world->mark_lock, NULL);
    world->mode = mode;
    world->conf_path = mem_copy_text(conf_path, strlen(conf_path));
    enum err err = world->conf_path == NULL ? ERR_NO_MEMORY : ERR_OK;
    if (err == ERR_OK) {
        world->folder = world_folder_of(str_from(world->conf_path));
        err = world_open_all(world, errors);
    }
    if (err != ERR_OK) {
        world_close(world);
        return err;
    }
    *ret_world = world;
    return ERR_OK;
}

void world_close(struct world *world)
{
    if (world == NULL) {
        return;
    }
    if (world->mark_known) {
        EP_IGNORE(world_note_log(world, NULL)); /* a lower mark is a weaker one, and no wrong one */
    }
    wake_end(world->ident);
    store_close(world->store); /* flushes the ledger's counters: the rooms end after it */
    review_close(world->review);
    quota_close(world->quota);
    price_shelf_close(world->prices);
    usage_check_close(world->usage_check);
    quarantine_close(world->quarantine);
    tlog_close(world->tlog);
    ledger_close(world->ledger);
    ident_close(world->ident);
    registry_unref(world->registry);
    shelf_destroy(world->shelf);
    conf_destroy(world->conf);
    (void)pthread_mutex_destroy(&world->lock);
    (void)pthread_mutex_destroy(&world->mark_lock);
    sign_key_destroy(world->log_secret);
    buf_fini(&world->mark_path);
    buf_fini(&world->erased_path);
    buf_fini(&world->batches_path);
    (void)pthread_mutex_destroy(&world->erasing);
    mem_free(world->conf_path);
    mem_free(world);
}

struct world_registry world_in_force(struct world *world)
{
    (void)pthread_mutex_lock(&world->lock);
    const struct world_registry now = { registry_ref(world->registry), world->version,
                                        world->since_ns };
    (void)pthread_mutex_unlock(&world->lock);
    return now;
}

const struct registry *world_registry(struct world *world)
{
    return world_in_force(world).registry;
}

void world_swap_registry(struct world *world, const struct world_registry *fresh)
{
    (void)pthread_mutex_lock(&world->lock);
    const struct registry *old = world->registry;
    world->registry = fresh->registry;
    world->version = fresh->version;
    world->since_ns = fresh->since_ns;
    (void)pthread_mutex_unlock(&world->lock);
    registry_unref(old);
}
