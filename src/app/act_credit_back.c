/* The acts by which credit is given back, ends and is corrected, and those that are refused. */
#include "app/acts_internal.h"
#include "base/currency.h"
#include "base/stamp.h"

#define BACK_TEXT_MAX 512 /* of a reason */

/* ---- refunds ----------------------------------------------------------------------------- */

struct back_order {
    int64_t lot;
    struct sheet *sheet; /* gets payer and method */
};

static const struct store_sql sql_order = {
    "SELECT payer, method FROM purchase_order WHERE id = ?1"
};

static enum err back_on_order(void *context, const struct store_value *row, size_t columns)
{
    struct back_order *order = context;
    ASSERT(columns == 2);
    sheet_str(order->sheet, row[0].bytes);
    sheet_str(order->sheet, row[1].bytes);
    return ERR_OK;
}

static enum err back_read_order(void *context, struct store_txn *txn, struct fail *fail)
{
    struct back_order *order = context;
    const struct store_value lot = STORE_I(order->lot);
    return store_query(txn, &sql_order, &lot, 1, back_on_order, order, fail);
}

static enum err back_text(struct acting *acting, const char *flag, struct str *ret_text)
{
    *ret_text = args_value(acting->args, flag);
    if (ret_text->len > BACK_TEXT_MAX) {
        return FAIL(&acting->fail, ERR_ASK_INVALID, "\"--%s\" has at most %d bytes", flag,
                    BACK_TEXT_MAX);
    }
    return ERR_OK;
}

enum err act_credit_refund(struct acting *acting)
{
    static const char *const columns[] = { "lot", "refunded", "currency", "payer", "method" };
    const struct client *client = NULL;
    struct ledger_refund refund = { .payer = args_value(acting->args, "payer"),
                                    .method = args_value(acting->args, "method"),
                                    .now_ns = stamp_system_ns() };
    TRY(acting_client_live(acting, &client));
    TRY(acting_number(acting, "lot", &refund.lot));
    TRY(acting_amount(acting, "amount", &refund.amount));
    TRY(back_text(acting, "contract", &refund.ground));
    if (args_has(acting->args, "contract") && refund.ground.len == 0) {
        return FAIL(&acting->fail, ERR_ASK_MISSING, "\"--contract\" names the reason");
    }
    acting->remedy = "see \"entrepot credit show\" for the client's lots";
    TRY(act_account(acting->world, client, &refund.account, &acting->fail));
    refund.step = currency_minor(ledger_currency(refund.account));
    TRY(ledger_refund(acting->world->ledger, &refund, &acting->fail));
    struct sheet sheet;
    sheet_init(&sheet, columns, EP_ARRAY_LEN(columns));
    sheet_int(&sheet, refund.lot);
    sheet_money(&sheet, refund.amount);
    sheet_str(&sheet, ledger_currency(refund.account));
    struct back_order order = { refund.lot, &sheet };
    enum err err = store_read(acting->world->store, back_read_order, &order, &acting->fail);
    err = err == ERR_OK ? sheet_print_one(&sheet, acting->json, acting->out) : err;
    sheet_fini(&sheet);
    return err;
}

/* ---- expiry ------------------------------------------------------------------------------ */

enum err act_credit_expire(struct acting *acting)
{
    static const char *const columns[] = { "at", "expired" };
    int64_t now_ns = stamp_system_ns();
    int64_t at_ns = now_ns;
    int64_t amount = 0;
    if (args_has(acting->args, "at")) {
        TRY(acting_time(acting, "at", &at_ns));
    }
    if (at_ns > now_ns) {
        return FAIL(&acting->fail, ERR_ASK_INVALID, "credit does not expire before its time");
    }
    TRY(ledger_expire(acting->world->ledger, at_ns, &amount, &acting->fail));
    struct sheet sheet;
    sheet_init(&sheet, columns, EP_ARRAY_LEN(columns));
    sheet_stamp(&sheet, at_ns);
    sheet_money(&sheet, amount);
    enum err err = sheet_print_one(&sheet, acting->json, acting->out);
    sheet_fini(&sheet);
    return err;
}

/* ---- corrections ------------------------------------------------------------------------- */

enum err act_credit_correct(struct acting *acting)
{
    static const char *const columns[] = { "entry", "corrects", "corrected", "reason",
                                           "reference" };
    struct ledger_correction correction = { .now_ns = stamp_system_ns() };
    struct str unused;
    TRY(acting_number(acting, "entry", &correction.entry));
    TRY(acting_need(acting, "reason", &unused));
    TRY(back_text(acting, "reason", &correction.reason));
    TRY(back_text(acting, "reference", &correction.reference));
    TRY(acting_amount(acting, "amount", &correction.amount));
    if (args_has(acting->args, "lot")) {
        TRY(acting_number(acting, "lot", &correction.lot));
    }
    acting->remedy = "see \"entrepot credit entries\"";
    TRY(ledger_correct(acting->world->ledger, &correction, &acting->fail));
    struct sheet sheet;
    sheet_init(&sheet, columns, EP_ARRAY_LEN(columns));
    sheet_int(&sheet, correction.made);
    sheet_int(&sheet, correction.entry);
    sheet_money(&sheet, correction.amount);
    sheet_str(&sheet, correction.reason);
    sheet_str(&sheet, correction.reference);
    enum err err = sheet_print_one(&sheet, acting->json, acting->out);
    sheet_fini(&sheet);
    return err;
}

/* ---- what cannot be done ----------------------------------------------------------------- */

/* These stand among the commands so that who asks for them is told the rule and not a spelling. */
enum err act_credit_transfer(struct acting *acting)
{
    acting->remedy = "limit keys of one client by \"entrepot key budget\"";
    return FAIL(&acting->fail, ERR_TOKEN_NOT_TRANSFERABLE,
                "credit is the client's who bought it, and no entry moves it to another");
}

enum err act_credit_gift(struct acting *acting)
{
    acting->remedy = "an operator gives credit by \"entrepot credit purchase --kind promo\"";
    return FAIL(&acting->fail, ERR_TOKEN_NO_RESALE, "a client's credit is not given away");
}

enum err act_credit_redeem(struct acting *acting)
{
    acting->remedy = "credit is bought by \"entrepot credit purchase\"";
    return FAIL(&acting->fail, ERR_TOKEN_NO_RESALE, "there are no codes that turn into credit");
}
