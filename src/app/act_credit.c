/* The acts by which credit is bought. There is none that moves credit from one client to another.
 */
#include "app/acts_internal.h"
#include "app/market_check.h"
#include "app/price_keeping.h"
#include "base/enc.h"
#include "base/money.h"
#include "base/payment.h"
#include "base/stamp.h"

#define CREDIT_TEXT_MAX 256 /* a payment's reference at a bank has 35 to 140 characters */
#define CREDIT_HOUR_NS  (INT64_C(3600) * STAMP_NS_PER_S)
#define CREDIT_DAY_NS   (24 * CREDIT_HOUR_NS)

/* Given credit is drawn before bought credit, which alone can be given back. */
enum {
    CREDIT_PRIORITY_PROMO = 10,
    CREDIT_PRIORITY_PAID = 20
};

static const char *const purchase_columns[] = { "lot",    "client",  "amount",      "currency",
                                                "kind",   "plan",    "expires",     "payer",
                                                "method", "payment", "refund_until" };

/* ---- who pays, and how ------------------------------------------------------------------- */

enum err act_account(struct world *world, const struct client *client,
                     struct ledger_account **ret_account, struct fail *fail)
{
    struct ledger_account *account = ledger_find(world->ledger, client->account);
    if (account == NULL) {
        return FAIL(fail, ERR_NOT_FOUND, "the client has no account");
    }
    *ret_account = account;
    return ERR_OK;
}

/* The list of the product, or all ways that are known. */
static enum err credit_check_method(const struct registry_product *product, struct str method,
                                    struct fail *fail)
{
    const struct registry_texts *allowed = &product->payment_methods;
    bool listed = allowed->count == 0;
    for (size_t i = 0; i < allowed->count; i++) {
        listed = listed || str_eq(allowed->items[i], method);
    }
    if (listed) {
        return ERR_OK; /* whether it is known at all is the books' own to say */
    }
    return FAIL(fail, ERR_TOKEN_PAYMENT_METHOD,
                "the product \"" STR_FMT "\" is not paid for by \"" STR_FMT "\"",
                STR_ARG(product->id), STR_ARG(method));
}

static enum err credit_payer(struct ledger_purchase *purchase, const struct client *client,
                             const struct registry_product *product,
                             const struct act_payment *payment, struct fail *fail)
{
    const struct registry_texts *allowed = &product->payment_methods;
    if (payment->payer.len > CREDIT_TEXT_MAX || payment->reference.len > CREDIT_TEXT_MAX ||
        payment->method.len > CREDIT_TEXT_MAX) {
        return FAIL(fail, ERR_ASK_INVALID, "payer, method and payment have at most %d bytes each",
                    CREDIT_TEXT_MAX);
    }
    purchase->payer = payment->payer.len > 0 ? payment->payer : client->name;
    purchase->method = payment->method.len > 0 ? payment->method
                       : allowed->count > 0    ? allowed->items[0]
                                               : payment_method_standard();
    purchase->payment = payment->reference;
    return credit_check_method(product, purchase->method, fail);
}

/* A sum of the registry is 64 hexadecimal digits, or the product has no terms. */
static void credit_terms(struct ledger_purchase *purchase, const struct registry_product *product,
                         unsigned char hash[DIGEST_BYTES])
{
    const struct registry_terms *terms = &product->terms;
    purchase->terms = (struct ledger_terms){ .name = terms->name, .version = terms->version };
    if (terms->sha256.len > 0 && enc_hex_read(terms->sha256, hash, DIGEST_BYTES)) {
        purchase->terms.hash = (struct str){ (const char *)hash, DIGEST_BYTES };
    }
}

static void credit_velocity(const struct registry_product *product,
                            struct ledger_velocity velocity[KYC_END])
{
    const struct registry_limits *limits = &product->purchase_limits;
    const struct registry_velocity *levels[KYC_END] = { &limits->none, &limits->none,
                                                        &limits->basic, &limits->full };
    for (size_t i = 0; i < KYC_END; i++) {
        velocity[i] = (struct ledger_velocity){ (int64_t)levels[i]->purchases, levels[i]->amount };
    }
}

static enum err credit_order(struct world *world, struct ledger_purchase *purchase,
                             const struct registry_product *product, struct fail *fail)
{
    unsigned char hash[DIGEST_BYTES];
    struct digest prices;
    struct ledger_velocity velocity[KYC_END];
    TRY(price_keeping_hash(product->price_book, &prices));
    if (str_eq(product->price_book->currency, ledger_currency(purchase->account))) {
        purchase->prices =
            (struct ledger_terms){ product->price_book->id, product->price_book->version,
                                   digest_str(&prices) };
    }
    credit_terms(purchase, product, hash);
    credit_velocity(product, velocity);
    purchase->product = product->id;
    purchase->velocity = velocity;
    enum err err = ledger_purchase(world->ledger, purchase, fail);
    /* They were this function's own. */
    purchase->velocity = NULL;
    purchase->prices.hash = STR_EMPTY;
    purchase->terms.hash = STR_EMPTY;
    return err;
}

/* ---- plans ------------------------------------------------------------------------------- */

/* `count` units of time from now on; later than time can be counted is never: 0, or the end. */
static int64_t credit_later(int64_t now_ns, uint64_t count, int64_t unit_ns, int64_t never)
{
    int64_t term = 0;
    int64_t end = 0;
    bool fits = count <= INT64_MAX && !__builtin_mul_overflow((int64_t)count, unit_ns, &term) &&
                money_add(now_ns, term, &end);
    return fits ? end : never;
}

enum err act_buy_plan(struct world *world, const struct client *client,
                      const struct act_plan *bought, const struct act_payment *payment,
                      struct ledger_purchase *ret_purchase, struct fail *fail)
{
    const struct registry_plan *plan = bought->plan;
    int64_t now_ns = stamp_system_ns();
    struct ledger_purchase purchase = {
        .amount = plan->price_nano,
        .kind = LOT_PAID,
        .priority = CREDIT_PRIORITY_PAID,
        .plan = plan->id,
        .units = (int64_t)plan->units,
        .expires_ns = plan->expires_days == 0
                          ? 0
                          : credit_later(now_ns, plan->expires_days, CREDIT_DAY_NS, 0),
        .refund_until_ns = credit_later(now_ns, plan->refund_hours, CREDIT_HOUR_NS, INT64_MAX),
        .now_ns = now_ns,
    };
    if (plan->withdrawn == REGISTRY_YES) {
        return FAIL(fail, ERR_PLAN_WITHDRAWN, "the plan \"" STR_FMT "\" is no longer sold",
                    STR_ARG(plan->id));
    }
    TRY(act_check_review(world, client, REVIEW_HOLD_PURCHASES, fail));
    TRY(act_account(world, client, &purchase.account, fail));
    if (!str_eq(ledger_currency(purchase.account), plan->currency)) {
        return FAIL(fail, ERR_CONFLICT,
                    "the client pays in " STR_FMT ", the plan \"" STR_FMT "\" is in " STR_FMT,
                    STR_ARG(ledger_currency(purchase.account)), STR_ARG(plan->id),
                    STR_ARG(plan->currency));
    }
    TRY(credit_payer(&purchase, client, bought->product, payment, fail));
    TRY(credit_order(world, &purchase, bought->product, fail));
    *ret_purchase = purchase;
    return ERR_OK;
}

static enum err credit_buy_plan(struct acting *acting, const struct client *client,
                                const struct act_payment *payment,
                                struct ledger_purchase *ret_purchase)
{
    const struct args *args = acting->args;
    struct str plan_id = args_value(args, "plan");
    struct act_plan bought = { .plan = NULL };
    if (args_has(args, "amount") || args_has(args, "kind") || args_has(args, "expires")) {
        return FAIL(&acting->fail, ERR_ASK_INVALID,
                    "a plan says itself what it costs and when it expires");
    }
    TRY(acting_product(acting, &bought.product));
    bought.plan = registry_product_plan(bought.product, plan_id);
    if (bought.plan == NULL) {
        acting->remedy = "see \"entrepot plan list\"";
        return FAIL(&acting->fail, ERR_NOT_FOUND,
                    "the product \"" STR_FMT "\" has no plan \"" STR_FMT "\"",
                    STR_ARG(bought.product->id), STR_ARG(plan_id));
    }
    return act_buy_plan(acting->world, client, &bought, payment, ret_purchase, &acting->fail);
}

/* ---- amounts ----------------------------------------------------------------------------- */

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

/* Paid credit lives a year or longer; what is given may be shorter. */
static enum err credit_read_expiry(struct acting *acting, struct ledger_purchase *purchase)
{
    if (!args_has(acting->args, "expires")) {
        return ERR_OK;
    }
    TRY(acting_time(acting, "expires", &purchase->expires_ns));
    int64_t least_ns = credit_later(purchase->now_ns, REGISTRY_TERM_DAYS_MIN, CREDIT_DAY_NS, 0);
    if (purchase->expires_ns <= purchase->now_ns) {
        return FAIL(&acting->fail, ERR_ASK_INVALID, "the credit would expire before it is bought");
    }
    if (purchase->kind == LOT_PAID && purchase->expires_ns < least_ns) {
        return FAIL(&acting->fail, ERR_TOKEN_EXPIRED,
                    "paid credit does not expire within %d days of its purchase",
                    REGISTRY_TERM_DAYS_MIN);
    }
    return ERR_OK;
}

static enum err credit_buy_amount(struct acting *acting, const struct client *client,
                                  const struct act_payment *payment,
                                  struct ledger_purchase *ret_purchase)
{
    int64_t now_ns = stamp_system_ns();
    struct ledger_purchase purchase = { .now_ns = now_ns };
    const struct registry_product *product = NULL;
    struct str unused;
    TRY(acting_need(acting, "amount", &unused));
    TRY(acting_amount(acting, "amount", &purchase.amount));
    TRY(credit_read_kind(acting, &purchase));
    TRY(credit_read_expiry(acting, &purchase));
    TRY(acting_product(acting, &product));
    TRY(act_check_review(acting->world, client, REVIEW_HOLD_PURCHASES, &acting->fail));
    TRY(act_account(acting->world, client, &purchase.account, &acting->fail));
    if (purchase.kind == LOT_PAID) {
        purchase.refund_until_ns = now_ns + CREDIT_DAY_NS; /* as plans that say nothing else */
        TRY(credit_payer(&purchase, client, product, payment, &acting->fail));
    } else {
        purchase.payer = payment->payer;
        purchase.method = payment->method;
        purchase.payment = payment->reference;
    }
    TRY(credit_order(acting->world, &purchase, product, &acting->fail));
    *ret_purchase = purchase;
    return ERR_OK;
}

/* ---- the act ----------------------------------------------------------------------------- */

enum err act_credit_purchase(struct acting *acting)
{
    const struct client *client = NULL;
    struct ledger_purchase purchase = { 0 };
    const struct registry_product *product = NULL;
    TRY(acting_client_live(acting, &client));
    TRY(acting_product(acting, &product));
    TRY(market_check(acting->registry, client,
                     &(struct market_sale){ product, MARKET_CHECKOUT, COUNTRY_NONE },
                     &acting->fail));
    const struct act_payment payment = {
        .payer = args_value(acting->args, "payer"),
        .method = args_value(acting->args, "method"),
        .reference = args_value(acting->args, "payment"),
    };
    enum err err = args_has(acting->args, "plan")
                       ? credit_buy_plan(acting, client, &payment, &purchase)
                       : credit_buy_amount(acting, client, &payment, &purchase);
    if (err != ERR_OK) {
        acting->remedy = err == ERR_LAW_REVIEW ? "see \"entrepot review list\"" : acting->remedy;
        return err;
    }
    struct sheet sheet;
    sheet_init(&sheet, purchase_columns, EP_ARRAY_LEN(purchase_columns));
    sheet_int(&sheet, purchase.lot);
    sheet_id(&sheet, IDENT_CLIENT_PREFIX, client->id);
    sheet_money(&sheet, purchase.amount);
    sheet_str(&sheet, ledger_currency(purchase.account));
    sheet_str(&sheet, purchase.kind == LOT_PAID ? STR("paid") : STR("promo"));
    sheet_str(&sheet, purchase.plan);
    sheet_stamp(&sheet, purchase.expires_ns);
    sheet_str(&sheet, purchase.payer);
    sheet_str(&sheet, purchase.method);
    sheet_str(&sheet, purchase.payment);
    sheet_stamp(&sheet, purchase.refund_until_ns);
    err = sheet_print_one(&sheet, acting->json, acting->out);
    sheet_fini(&sheet);
    return err;
}
