/* What the acts share among themselves and with init. */
#pragma once

#include "app/acts.h"
#include "app/registry_versions.h"
#include "app/sheet.h"
#include "ledger/audit.h"

#define ACCOUNT_PREFIX "acct_"
#define CALL_PREFIX    "call_"

/* One act under way. */
struct acting {
    struct world *world;
    const struct args *args;
    const struct registry *registry; /* the one in force at its beginning */
    struct buf *out;
    struct buf *errors;
    struct fail fail;
    const char *remedy; /* what to do about `fail`; NULL: it says so itself */
    bool json;
};

/* The value of a flag that must be given. */
EP_MUST_CHECK enum err acting_need(struct acting *acting, const char *flag, struct str *ret_value);
/* The id in --FLAG or in the third word. */
EP_MUST_CHECK enum err acting_id(struct acting *acting, const char *flag, const char *prefix,
                                 struct id *ret_id);
EP_MUST_CHECK enum err acting_client(struct acting *acting, const struct client **ret_client);
/* As above, of one who can still buy and be told of. ERR_CONFLICT: it was erased. */
EP_MUST_CHECK enum err acting_client_live(struct acting *acting, const struct client **ret_client);
/* The product of --product, or the registry's first. */
EP_MUST_CHECK enum err acting_product(struct acting *acting,
                                      const struct registry_product **ret_product);

/* Opens an account and adds the client that it belongs to. */
EP_MUST_CHECK enum err act_open_client(struct world *world, struct str name, struct str currency,
                                       const struct client **ret_client, struct fail *fail);
/* Who pays for what, and how; an empty payer is the client itself, an empty method the product's
 * first. */
struct act_payment {
    struct str payer;
    struct str method;
    struct str reference;
};

struct act_plan {
    const struct registry_product *product;
    const struct registry_plan *plan;
};

/* Buys a plan of a product for a client; purchase->lot and the rest are out. */
EP_MUST_CHECK enum err act_buy_plan(struct world *world, const struct client *client,
                                    const struct act_plan *plan, const struct act_payment *payment,
                                    struct ledger_purchase *ret_purchase, struct fail *fail);
EP_MUST_CHECK enum err act_account(struct world *world, const struct client *client,
                                   struct ledger_account **ret_account, struct fail *fail);
/* ERR_LAW_REVIEW: a case holds at least so much of the client. */
EP_MUST_CHECK enum err act_check_review(const struct world *world, const struct client *client,
                                        enum review_hold least, struct fail *fail);
/* The time in a flag. */
EP_MUST_CHECK enum err acting_time(struct acting *acting, const char *flag, int64_t *ret_ns);
/* The amount above zero in a flag, nano; 0 where the flag is not given. */
EP_MUST_CHECK enum err acting_amount(struct acting *acting, const char *flag, int64_t *ret_nano);
/* The number above zero in a flag. */
EP_MUST_CHECK enum err acting_number(struct acting *acting, const char *flag, int64_t *ret_number);
struct policy_facts;
struct policy_online;

/* act_verdict.c: the facts that the flags of `closures` state; they live as long as both. */
EP_MUST_CHECK enum err acting_facts(struct acting *acting, struct policy_facts *ret_facts,
                                    struct policy_online *ret_online);
/* Who does it and why: --by and --why, which are kept in the row. */
EP_MUST_CHECK enum err acting_signed(struct acting *acting, struct str *ret_by,
                                     struct str *ret_why);
/* A fresh id of this node. */
struct id world_new_id(struct world *world);

/* A sheet of registry versions; `counts`: with how many grants and routes they have. */
void act_version_begin(struct sheet *sheet, bool counts);
void act_version_put(struct sheet *sheet, const struct registry_version *version, struct str state);

/* Every invariant of the books and of the log, over one snapshot. `log`: whose key signs it; NULL:
 * signatures are not checked. */
EP_MUST_CHECK enum err audit_all(struct store_txn *txn, const struct gate_log *log,
                                 audit_line_fn *told, void *context, struct fail *fail);

struct standing;

/* act_standing.c: what the flags of a command say of a client's standing. */
bool act_standing_given(const struct args *args);
EP_MUST_CHECK enum err act_read_standing(struct acting *acting, struct standing *ret_standing);
EP_MUST_CHECK enum err act_set_standing(struct acting *acting, const struct client *client,
                                        const struct standing *standing);
/* 1 + enum registry_client_type; 0: there is no such kind of client. */
unsigned act_client_type(struct str text);
struct device;
struct fleet;

/* act_fleet.c: the fleet of --fleet or the third word; the caps that flags name replace those in
 * `caps`, which has FLEET_CAPS. */
EP_MUST_CHECK enum err acting_fleet(struct acting *acting, const struct fleet **ret_fleet);
EP_MUST_CHECK enum err acting_caps(struct acting *acting, int64_t *caps);
/* act_client.c: ERR_CONFLICT: the product is priced in another currency than the client pays in. */
EP_MUST_CHECK enum err act_check_currency(struct acting *acting, const struct client *client,
                                          const struct registry_product *product);
enum err act_fleet_add(struct acting *acting);
enum err act_fleet_list(struct acting *acting);
enum err act_fleet_show(struct acting *acting);
enum err act_fleet_suspend(struct acting *acting);
enum err act_fleet_resume(struct acting *acting);
enum err act_fleet_secret(struct acting *acting);
enum err act_fleet_voice(struct acting *acting);
enum err act_device_issue(struct acting *acting);
enum err act_device_list(struct acting *acting);
enum err act_device_show(struct acting *acting);
enum err act_device_activate(struct acting *acting);
enum err act_device_revoke(struct acting *acting);
enum err act_closures(struct acting *acting);
enum err act_verdict_replay(struct acting *acting);
enum err act_client_standing(struct acting *acting);
enum err act_client_add(struct acting *acting);
enum err act_client_list(struct acting *acting);
enum err act_client_show(struct acting *acting);
enum err act_client_suspend(struct acting *acting);
enum err act_client_resume(struct acting *acting);
enum err act_key_limit(struct acting *acting);
enum err act_client_limit(struct acting *acting);
enum err act_model_limit(struct acting *acting);
enum err act_limit_list(struct acting *acting);
enum err act_key_add(struct acting *acting);
enum err act_key_list(struct acting *acting);
enum err act_key_revoke(struct acting *acting);
enum err act_credit_purchase(struct acting *acting);
enum err act_credit_refund(struct acting *acting);
enum err act_credit_expire(struct acting *acting);
enum err act_credit_correct(struct acting *acting);
enum err act_credit_transfer(struct acting *acting);
enum err act_credit_gift(struct acting *acting);
enum err act_credit_redeem(struct acting *acting);
enum err act_credit_entries(struct acting *acting);
enum err act_credit_trace(struct acting *acting);
enum err act_credit_report(struct acting *acting);
enum err act_credit_breakage(struct acting *acting);
enum err act_client_kyc(struct acting *acting);
enum err act_key_budget(struct acting *acting);
enum err act_credit_show(struct acting *acting);
enum err act_plan_list(struct acting *acting);
enum err act_registry_show(struct acting *acting);
enum err act_registry_apply(struct acting *acting);
enum err act_registry_history(struct acting *acting);
enum err act_registry_diff(struct acting *acting);
enum err act_erase(struct acting *acting);
enum err act_receipt_show(struct acting *acting);
enum err act_usage_check(struct acting *acting);
enum err act_usage_show(struct acting *acting);
enum err act_review_list(struct acting *acting);
enum err act_review_show(struct acting *acting);
enum err act_review_open(struct acting *acting);
enum err act_review_release(struct acting *acting);
enum err act_review_refuse(struct acting *acting);
enum err act_route_explain(struct acting *acting);
enum err act_route_list(struct acting *acting);
enum err act_route_history(struct acting *acting);
enum err act_route_quarantine(struct acting *acting);
enum err act_route_release(struct acting *acting);
enum err act_claim_list(struct acting *acting);
enum err act_claim_show(struct acting *acting);
enum err act_claim_close(struct acting *acting);
enum err act_batch_list(struct acting *acting);
enum err act_batch_show(struct acting *acting);
enum err act_batch_cancel(struct acting *acting);
enum err act_evidence(struct acting *acting);
enum err act_audit(struct acting *acting);
enum err act_backup(struct acting *acting);
