#include "app/world.h"

#include <string.h>

#include "app/acts.h"
#include "app/price_keeping.h"
#include "app/recover.h"
#include "base/mem.h"
#include "base/stamp.h"
#include "ledger/extend.h"
#include "ledger/idem.h"
#include "meter/template.h"

#define WORLD_TEMPLATES_MAX 64
#define WORLD_NAMES_MAX     ((size_t)64 << 10) /* of vocabularies: 256 of 64 bytes, and more */

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

/* The chat templates that this program knows. */
static struct registry_texts world_templates(struct str names[WORLD_TEMPLATES_MAX])
{
    size_t count = 0;
    for (const struct template_program *program = template_at(0);
         program != NULL && count < WORLD_TEMPLATES_MAX; program = template_at(count)) {
        names[count++] = template_name(program);
    }
    return (struct registry_texts){ .items = names, .count = count };
}

enum err world_load_registry(const char *path, const struct shelf *shelf,
                             struct registry **ret_registry, struct buf *errors)
{
    struct arena arena;
    struct registry_texts names;
    struct str template_names[WORLD_TEMPLATES_MAX];
    const struct registry_texts templates = world_templates(template_names);
    struct registry_report report;
    struct fail fail = { .text = "" };
    enum err err = ERR_OK;
    arena_init(&arena, 1024, WORLD_NAMES_MAX);
    registry_report_init(&report);
    report.templates = &templates;
    if (shelf != NULL) {
        err = shelf_names(shelf, &arena, &names, &fail);
        report.vocabulary_folder = shelf_folder(shelf);
        report.vocabularies = &names;
    }
    if (err != ERR_OK) {
        act_complain(errors, err, &fail, NULL);
    } else {
        err = registry_load(path, ret_registry, &report);
        EP_IGNORE(registry_report_print(&report, errors)); /* what fits; warnings, too */
    }
    registry_report_fini(&report);
    arena_fini(&arena);
    return err;
}

static enum err world_read_registry(struct world *world, struct buf *errors)
{
    struct registry *registry = NULL;
    TRY(shelf_create(world->conf->vocabularies, &world->shelf));
    /* Commands that only read books count nothing: they work without the vocabularies. */
    const struct shelf *shelf = world->mode == WORLD_READ_ONLY ? NULL : world->shelf;
    size_t before = errors->len;
    TRY(world_load_registry(world->conf->registry.ptr, shelf, &registry, errors));
    /* Warnings are for who puts a registry in force, not for each look into the books. */
    errors->len = world->mode == WORLD_READ_ONLY ? before : errors->len;
    world->registry = registry;
    return ERR_OK;
}

size_t world_migrations(struct store_migration ret_migrations[WORLD_MIGRATIONS_MAX])
{
    struct store_migration *migrations = ret_migrations;
    size_t count = 0;
    ASSERT(ident_migrations_count + 8 <= WORLD_MIGRATIONS_MAX);
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
    return ERR_OK;
}

enum err world_note_log(struct world *world, struct fail *fail)
{
    int64_t leaves = 0;
    ASSERT(world->mark_known);
    if (store_failed(world->store)) {
        return ERR_OK; /* what can be read may not be durable */
    }
    TRY(store_read(world->store, world_read_size, &leaves, fail));
    return log_mark_raise(world->mark_path.ptr, leaves, &world->mark, fail);
}

static enum err world_open_rooms(struct world *world, struct fail *fail)
{
    TRY(world_open_store(world, fail));
    TRY(world_open_ident(world, fail));
    if (world->mode == WORLD_READ_ONLY) {
        return ERR_OK;
    }
    TRY(ledger_open(world->store, &world->ledger, fail));
    TRY(tlog_open(world->store, &world->tlog, fail));
    TRY(usage_check_open(world->store, &world->usage_check, fail));
    TRY(world_check_log(world, fail));
    TRY(price_keeping_keep(world->ledger, world->registry, fail));
    TRY(price_shelf_open(world->store, &world->prices, fail));
    return recover_holds(world->store, world->ledger, world->tlog, stamp_system_ns(),
                         &world->recovered, fail);
}

static const char *world_remedy(enum err err)
{
    if (err == ERR_STORE_LOCKED) {
        return "stop the other process, or let the running server do it";
    }
    if (err == ERR_STORE_DAMAGED) {
        return "look at the files, then say \"entrepot restore --accept-loss\"";
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
        TRY(world_read_registry(world, errors));
        err = world_open_rooms(world, &fail);
    }
    if (err != ERR_OK) {
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
    (void)pthread_mutex_init(&world->lock, NULL); /* cannot fail with default attributes */
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
    store_close(world->store); /* flushes the ledger's counters: the rooms end after it */
    price_shelf_close(world->prices);
    usage_check_close(world->usage_check);
    tlog_close(world->tlog);
    ledger_close(world->ledger);
    ident_close(world->ident);
    registry_unref(world->registry);
    shelf_destroy(world->shelf);
    conf_destroy(world->conf);
    (void)pthread_mutex_destroy(&world->lock);
    buf_fini(&world->mark_path);
    mem_free(world->conf_path);
    mem_free(world);
}

const struct registry *world_registry(struct world *world)
{
    (void)pthread_mutex_lock(&world->lock);
    const struct registry *registry = registry_ref(world->registry);
    (void)pthread_mutex_unlock(&world->lock);
    return registry;
}

void world_swap_registry(struct world *world, const struct registry *fresh)
{
    (void)pthread_mutex_lock(&world->lock);
    const struct registry *old = world->registry;
    world->registry = fresh;
    (void)pthread_mutex_unlock(&world->lock);
    registry_unref(old);
}
