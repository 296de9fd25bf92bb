/* The acts on credit. There is none that moves credit from one client to another. */
#include "app/acts_internal.h"
#include "base/money.h"
#include "base/stamp.h"

#define CREDIT_TEXT_MAX 256 /* a payment's reference at a bank has 35 to 140 characters */
#define CREDIT_DAY_NS   (INT64_C(86400) * STAMP_NS_PER_S)

/* Given credit is drawn before bought credit, which alone can be given back. */
enum {
    CREDIT_PRIORITY_PROMO = 10,
    CREDIT_PRIORITY_PAID = 20
};

static const char *const purchase_columns[] = { "lot",  "client", "amount", "currency",
                                                "kind", "plan",   "expires" };

/* ---- purchases --------------------------------------------------------------------------- */

static enum err credit_account(struct world *world, const struct client *client,
                               struct ledger_account **ret_account, struct fail *fail)
{
    struct ledger_account *account = ledger_find(world->ledger, client->account);
    if (account == NULL) {
        return FAIL(fail, ERR_NOT_FOUND, "the client has no account");
    }
    *ret_account = account;
    return ERR_OK;
}

enum err act_buy_plan(struct world *world, const struct client *client,
                      const struct registry_plan *plan, struct str payment,
                      struct ledger_purchase *ret_purchase, struct fail *fail)
{
    struct ledger_purchase purchase = {
        .amount = plan->price_nano,
        .kind = LOT_PAID,
        .priority = CREDIT_PRIORITY_PAID,
        .plan = plan->id,
        .payment = payment,
        .now_ns = stamp_system_ns(),
    };
    TRY(credit_account(world, client, &purchase.account, fail));
    if (!str_eq(ledger_currency(purchase.account), plan->currency)) {
        return FAIL(fail, ERR_CONFLICT,
                    "the client pays in " STR_FMT ", the plan \"" STR_FMT "\" is in " STR_FMT,
                    STR_ARG(ledger_currency(purchase.account)), STR_ARG(plan->id),
                    STR_ARG(plan->currency));
    }
    int64_t days = plan->expires_days > INT64_MAX ? INT64_MAX : (int64_t)plan->expires_days;
    int64_t term = 0;
    if (days > 0 && (__builtin_mul_overflow(days, CREDIT_DAY_NS, &term) ||
                     !money_add(purchase.now_ns, term, &purchase.expires_ns))) {
        purchase.expires_ns = 0; /* later than time can be counted is never */
    }
    TRY(ledger_purchase(world->ledger, &purchase, fail));
    *ret_purchase = purchase;
    return ERR_OK;
}

static enum err credit_read_time(struct acting *acting, const char *flag, int64_t *ret_ns)
{
    struct str text = args_value(acting->args, flag);
    if (!stamp_parse(text, ret_ns)) {
        return FAIL(&acting->fail, ERR_ASK_INVALID,
                    "\"" STR_FMT "\" is no time such as 2027-01-31 or 2027-01-31T12:00:00Z",
                    STR_ARG(text));
    }
    return ERR_OK;
}

static enum err credit_read_kind(struct acting *acting, struct ledger_purchase *purchase)
{
    struct str kind = args_value(acting->args, "kind");
    if (kind.len == 0 || str_eq(kind, STR("paid"))) {
        purchase->kind = LOT_PAID;
        purchase->priority = CREDIT_PRIORITY_PAID;
        return ERR_OK;
    }
    if (str_eq(kind, STR("promo"))) {
        purchase->kind = LOT_PROMO;
        purchase->priority = CREDIT_PRIORITY_PROMO;
        return ERR_OK;
    }
    return FAIL(&acting->fail, ERR_ASK_INVALID, "\"--kind\" is paid or promo, not \"" STR_FMT "\"",
                STR_ARG(kind));
}

static enum err credit_buy_amount(struct acting *acting, const struct client *client,
                                  struct str payment, struct ledger_purchase *ret_purchase)
{
    struct ledger_purchase purchase = { .payment = payment, .now_ns = stamp_system_ns() };
    struct str amount;
    TRY(acting_need(acting, "amount", &amount));
    if (!money_parse(amount, 9, &purchase.amount) || purchase.amount <= 0) {
        return FAIL(&acting->fail, ERR_ASK_INVALID,
                    "\"" STR_FMT "\" is no amount above zero such as 12.50", STR_ARG(amount));
    }
    TRY(credit_read_kind(acting, &purchase));
    if (args_has(acting->args, "expires")) {
        TRY(credit_read_time(acting, "expires", &purchase.expires_ns));
    }
    TRY(credit_account(acting->world, client, &purchase.account, &acting->fail));
    TRY(ledger_purchase(acting->world->ledger, &purchase, &acting->fail));
    *ret_purchase = purchase;
    return ERR_OK;
}

static enum err credit_buy(struct acting *acting, const struct client *client,
                           struct ledger_purchase *ret_purchase)
{
    const struct args *args = acting->args;
    struct str payment = args_value(args, "payment");
    struct str plan_id = args_value(args, "plan");
    if (payment.len > CREDIT_TEXT_MAX) {
        return FAIL(&acting->fail, ERR_ASK_INVALID, "\"--payment\" has at most %d bytes",
                    CREDIT_TEXT_MAX);
    }
    if (plan_id.len == 0) {
        return credit_buy_amount(acting, client, payment, ret_purchase);
    }
    if (args_has(args, "amount") || args_has(args, "kind") || args_has(args, "expires")) {
        return FAIL(&acting->fail, ERR_ASK_INVALID,
                    "a plan says itself what it costs and when it expires");
    }
    const struct registry_product *product = NULL;
    TRY(acting_product(acting, &product));
    const struct registry_plan *plan = registry_product_plan(product, plan_id);
    if (plan == NULL) {
        acting->remedy = "see \"entrepot plan list\"";
        return FAIL(&acting->fail, ERR_NOT_FOUND,
                    "the product \"" STR_FMT "\" has no plan \"" STR_FMT "\"", STR_ARG(product->id),
                    STR_ARG(plan_id));
    }
    return act_buy_plan(acting->world, client, plan, payment, ret_purchase, &acting->fail);
}

enum err act_credit_purchase(struct acting *acting)
{
    const struct client *client = NULL;
    struct ledger_purchase purchase = { 0 };
    TRY(acting_client(acting, &client));
    TRY(credit_buy(acting, client, &purchase));
    struct sheet sheet;
    sheet_init(&sheet, purchase_columns, EP_ARRAY_LEN(purchase_columns));
    sheet_int(&sheet, purchase.lot);
    sheet_id(&sheet, IDENT_CLIENT_PREFIX, client->id);
    sheet_money(&sheet, purchase.amount);
    sheet_str(&sheet, ledger_currency(purchase.account));
    sheet_str(&sheet, purchase.kind == LOT_PAID ? STR("paid") : STR("promo"));
    sheet_str(&sheet, purchase.plan);
    sheet_stamp(&sheet, purchase.expires_ns);
    enum err err = sheet_print_one(&sheet, acting->json, acting->out);
    sheet_fini(&sheet);
    return err;
}

/* ---- refunds and expiry ------------------------------------------------------------------ */

enum err act_credit_refund(struct acting *acting)
{
    static const char *const columns[] = { "lot", "refunded", "currency" };
    const struct client *client = NULL;
    struct ledger_account *account = NULL;
    struct str text;
    int64_t lot = 0;
    int64_t amount = 0;
    TRY(acting_client(acting, &client));
    TRY(acting_need(acting, "lot", &text));
    if (!str_to_i64(text, &lot) || lot <= 0) {
        return FAIL(&acting->fail, ERR_ASK_INVALID, "\"" STR_FMT "\" is no lot's number",
                    STR_ARG(text));
    }
    acting->remedy = "see \"entrepot credit show\" for the client's lots";
    TRY(credit_account(acting->world, client, &account, &acting->fail));
    TRY(ledger_refund(acting->world->ledger, account, lot, &amount, &acting->fail));
    struct sheet sheet;
    sheet_init(&sheet, columns, EP_ARRAY_LEN(columns));
    sheet_int(&sheet, lot);
    sheet_money(&sheet, amount);
    sheet_str(&sheet, ledger_currency(account));
    enum err err = sheet_print_one(&sheet, acting->json, acting->out);
    sheet_fini(&sheet);
    return err;
}

enum err act_credit_expire(struct acting *acting)
{
    static const char *const columns[] = { "at", "expired" };
    int64_t now_ns = stamp_system_ns();
    int64_t at_ns = now_ns;
    int64_t amount = 0;
    if (args_has(acting->args, "at")) {
        TRY(credit_read_time(acting, "at", &at_ns));
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
