/*
 * What the books say of a period: credit that was sold is deferred, and recognised as revenue when
 * it is used. The history is done over again, because which lot a call drew stands in no row.
 */
#pragma once

#include "ledger/ledger.h"

/* deferred at the beginning + bought - used - refunded - expired = deferred at the end */
enum report_flow {
    REPORT_OPENING,
    REPORT_BOUGHT,   /* paid: deferred revenue; promo: what was given */
    REPORT_USED,     /* paid: revenue recognised; promo: an expense, revenue of the same amount */
    REPORT_REFUNDED, /* to who had paid */
    REPORT_EXPIRED,  /* paid: breakage; promo: given and never used */
    REPORT_CLOSING,
    REPORT_FLOWS
};

/* Of one currency; corrections are in the flow that they correct. Nano units. */
struct ledger_report {
    char currency[4];
    int64_t paid[REPORT_FLOWS];
    int64_t promo[REPORT_FLOWS];
    int64_t overrun;     /* delivered above holds, charged to nobody */
    int64_t corrections; /* entries */
};

typedef enum err ledger_report_fn(void *context, const struct ledger_report *report);

/* [from_ns, until_ns). Currencies in the order of their codes; anything but ERR_OK of `told` ends
 * it. */
EP_MUST_CHECK enum err ledger_report(struct store_txn *txn, int64_t from_ns, int64_t until_ns,
                                     ledger_report_fn *told, void *context, struct fail *fail);

/* A part of a call's charge, out of one lot. */
struct ledger_draw {
    int64_t entry; /* of the settlement */
    int64_t lot;
    int64_t amount;
};

typedef enum err ledger_draw_fn(void *context, const struct ledger_draw *draw);

/* Which lots a call was paid from, in the order in which they were drawn; nothing is told of a call
 * that charged nothing. */
EP_MUST_CHECK enum err ledger_trace(struct store_txn *txn, struct id call, ledger_draw_fn *told,
                                    void *context, struct fail *fail);
