/* Erasing a client, and what is older than its period; both show what would go until it is said
 * that it shall. */
#include "app/acts_internal.h"
#include "app/erasure.h"
#include "app/retention.h"
#include "base/crash.h"
#include "base/stamp.h"

/* Beside a server an act is waited for by whoever asked; the server goes on by itself. */
#define ERASE_WAIT_NS  (INT64_C(60) * STAMP_NS_PER_S)
#define ERASE_EMPTY_NS (INT64_C(10) * STAMP_NS_PER_S)

static const char *const look_columns[] = { "client",  "keys",     "orders",   "papers",
                                            "answers", "attempts", "receipts", "credit" };
static const char *const erasure_columns[] = { "client", "state",   "begun",    "ended",   "keys",
                                               "orders", "answers", "attempts", "receipts" };
static const char *const due_columns[] = { "class",  "period", "due", "held",
                                           "oldest", "what",   "kept" };
static const char *const gone_columns[] = { "class", "erased" };

static const char *erasure_state_name(enum erasure_state state)
{
    static const char *const names[] = {
        [ERASURE_OPEN] = "open", [ERASURE_ENDED] = "ended", [ERASURE_CLOSED] = "closed"
    };
    ASSERT(state >= ERASURE_OPEN && state <= ERASURE_CLOSED);
    return names[state];
}

static void erase_put(struct sheet *sheet, const struct erasure *erasure)
{
    sheet_id(sheet, IDENT_CLIENT_PREFIX, erasure->client);
    sheet_str(sheet, str_from(erasure_state_name(erasure->state)));
    sheet_stamp(sheet, erasure->begun_ns);
    sheet_stamp(sheet, erasure->ended_ns);
    sheet_int(sheet, erasure->keys);
    sheet_int(sheet, erasure->orders);
    sheet_int(sheet, erasure->answers);
    sheet_int(sheet, erasure->attempts);
    sheet_int(sheet, erasure->receipts);
}

/* A note for people, which JSON has no place for. */
static enum err erase_say(struct acting *acting, const char *text)
{
    return acting->json ? ERR_OK : buf_printf(acting->out, "\n%s\n", text);
}

/* ---- the journal --------------------------------------------------------------------------- */

/* Until it is empty the pages of before are in it. */
static enum err erase_empty(struct acting *acting)
{
    bool empty = false;
    TRY(store_empty_journal(acting->world->store, ERASE_EMPTY_NS, &empty, &acting->fail));
    return empty ? ERR_OK
                 : buf_printf(acting->errors,
                              "entrepot: a reader keeps the store's journal from being emptied: "
                              "what was erased is in the file \"-wal\" until it ends\n");
}

/* ---- a client -------------------------------------------------------------------------------- */

static enum err erase_show(struct acting *acting, const struct client *client,
                           const struct erasure_look *look)
{
    struct sheet sheet;
    sheet_init(&sheet, look_columns, EP_ARRAY_LEN(look_columns));
    sheet_id(&sheet, IDENT_CLIENT_PREFIX, client->id);
    sheet_int(&sheet, look->keys);
    sheet_int(&sheet, look->orders);
    sheet_int(&sheet, look->papers);
    sheet_int(&sheet, look->answers);
    sheet_int(&sheet, look->attempts);
    sheet_int(&sheet, look->receipts);
    sheet_money(&sheet, look->balance);
    enum err err = sheet_print_one(&sheet, acting->json, acting->out);
    sheet_fini(&sheet);
    TRY(err);
    return erase_say(acting,
                     "nothing was erased: say --yes, with --by and --why, to do it for good");
}

static enum err erase_print(struct acting *acting, const struct erasure *erasure)
{
    struct sheet sheet;
    sheet_init(&sheet, erasure_columns, EP_ARRAY_LEN(erasure_columns));
    erase_put(&sheet, erasure);
    enum err err = sheet_print_one(&sheet, acting->json, acting->out);
    sheet_fini(&sheet);
    TRY(err);
    return erasure->state == ERASURE_OPEN
               ? erase_say(acting,
                           "who the client is has gone; the server goes on with the receipts")
               : ERR_OK;
}

static enum err erase_do(struct acting *acting, const struct client *client)
{
    const struct erasing erasing = world_erasing(acting->world);
    struct erasure_ground ground;
    struct erasure erasure;
    int64_t now_ns = stamp_system_ns();
    /* A server does the rest by itself; without one there is nobody who would. */
    int64_t until_ns = acting->world->reload == NULL ? 0 : now_ns + ERASE_WAIT_NS;
    TRY(acting_signed(acting, &ground.person, &ground.reason));
    TRY(erasure_begin(&erasing, client, &ground, now_ns, &erasure, &acting->fail));
    TRY(erasure_go_on(&erasing, &erasure, until_ns, &acting->fail));
    EP_CRASH_POINT("erase-ended");
    TRY(erase_empty(acting));
    return erase_print(acting, &erasure);
}

static enum err erase_client(struct acting *acting)
{
    const struct erasing erasing = world_erasing(acting->world);
    const struct client *client = NULL;
    struct erasure_look look;
    TRY(acting_client(acting, &client));
    TRY(erasure_look(&erasing, client, &look, &acting->fail));
    TRY(erasure_allowed(&look, args_has(acting->args, "forfeit"), &acting->fail, &acting->remedy));
    return args_has(acting->args, "yes") ? erase_do(acting, client)
                                         : erase_show(acting, client, &look);
}

/* ---- what is due ----------------------------------------------------------------------------- */

static void erase_put_period(struct sheet *sheet, const struct conf *conf,
                             enum retention_class class)
{
    const uint64_t days[RETENTION_CLASSES] = {
        [RETENTION_SUPPLY] = conf->retention_supply_days,
        [RETENTION_EVIDENCE] = conf->retention_evidence_days,
        [RETENTION_BOOKS] = conf->retention_books_days,
    };
    char text[48];
    struct buf period = { text, 0, sizeof(text), sizeof(text) };
    bool hours = class == RETENTION_ANSWERS;
    EP_IGNORE(buf_printf(&period, "%llu %s",
                         (unsigned long long)(hours ? conf->retention_answers_hours : days[class]),
                         hours ? "hours" : "days")); /* fits */
    sheet_str(sheet, buf_str(&period));
}

static enum err erase_show_due(struct acting *acting, const struct erasing *erasing,
                               const struct retention_periods *periods)
{
    struct retention_figures figures;
    struct sheet sheet;
    TRY(retention_look(erasing, periods, stamp_system_ns(), &figures, &acting->fail));
    sheet_init(&sheet, due_columns, EP_ARRAY_LEN(due_columns));
    for (unsigned i = 0; i < RETENTION_CLASSES; i++) {
        const struct retention_figure *figure = &figures.classes[i];
        sheet_str(&sheet, str_from(retention_infos[i].name));
        erase_put_period(&sheet, acting->world->conf, (enum retention_class)i);
        sheet_int(&sheet, figure->rows);
        sheet_int(&sheet, figure->held);
        sheet_stamp(&sheet, figure->oldest_ns);
        sheet_str(&sheet, str_from(retention_infos[i].what));
        sheet_str(&sheet, str_from(retention_infos[i].why));
    }
    enum err err = sheet_print(&sheet, acting->json, acting->out);
    sheet_fini(&sheet);
    TRY(err);
    return erase_say(acting, "nothing was erased: a running server does it each hour; --yes does it"
                             " now");
}

static enum err erase_do_due(struct acting *acting, const struct erasing *erasing,
                             const struct retention_periods *periods)
{
    struct retention_figures figures;
    struct sheet sheet;
    int64_t now_ns = stamp_system_ns();
    int64_t until_ns = acting->world->reload == NULL ? 0 : now_ns + ERASE_WAIT_NS;
    TRY(retention_run(erasing, periods, until_ns, now_ns, &figures, &acting->fail));
    TRY(erase_empty(acting));
    sheet_init(&sheet, gone_columns, EP_ARRAY_LEN(gone_columns));
    for (size_t i = 0; i < RETENTION_CLASSES; i++) {
        sheet_str(&sheet, str_from(retention_infos[i].name));
        sheet_int(&sheet, figures.classes[i].rows);
    }
    enum err err = sheet_print(&sheet, acting->json, acting->out);
    sheet_fini(&sheet);
    return err;
}

static enum err erase_due(struct acting *acting)
{
    const struct erasing erasing = world_erasing(acting->world);
    const struct retention_periods periods = retention_periods(acting->world->conf);
    return args_has(acting->args, "yes") ? erase_do_due(acting, &erasing, &periods)
                                         : erase_show_due(acting, &erasing, &periods);
}

/* ---- what was erased ------------------------------------------------------------------------- */

static enum err erase_on_row(void *context, const struct erasure *erasure)
{
    erase_put(context, erasure);
    return ERR_OK;
}

static enum err erase_read_list(void *context, struct store_txn *txn, struct fail *fail)
{
    return erasure_each(txn, erase_on_row, context, fail);
}

static enum err erase_list(struct acting *acting)
{
    struct sheet sheet;
    sheet_init(&sheet, erasure_columns, EP_ARRAY_LEN(erasure_columns));
    enum err err = store_read(acting->world->store, erase_read_list, &sheet, &acting->fail);
    if (err == ERR_OK && sheet.count == 0 && !acting->json) {
        err = buf_append(acting->out, STR("no client was erased\n"));
    } else if (err == ERR_OK) {
        err = sheet_print(&sheet, acting->json, acting->out);
    }
    sheet_fini(&sheet);
    return err;
}

enum err act_erase(struct acting *acting)
{
    static const struct {
        const char *flag;
        enum err (*run)(struct acting *acting);
    } kinds[] = { { "client", erase_client }, { "due", erase_due }, { "list", erase_list } };
    enum err (*run)(struct acting * acting) = NULL;
    for (size_t i = 0; i < EP_ARRAY_LEN(kinds); i++) {
        if (args_has(acting->args, kinds[i].flag)) {
            if (run != NULL) {
                return FAIL(&acting->fail, ERR_ASK_INVALID,
                            "\"--client\", \"--due\" and \"--list\" exclude each other");
            }
            run = kinds[i].run;
        }
    }
    if (run == NULL) {
        return FAIL(&acting->fail, ERR_ASK_MISSING,
                    "it is not said what to erase: \"--client\", \"--due\" or \"--list\"");
    }
    (void)pthread_mutex_lock(&acting->world->erasing);
    enum err err = run(acting);
    (void)pthread_mutex_unlock(&acting->world->erasing);
    return err;
}
