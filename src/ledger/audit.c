#include "ledger/audit.h"

#include "ledger/audit_lots.h"

struct audit_rule {
    const char *name;
    const char *meaning;
    struct store_sql sql; /* counts the rows that break it */
};

/*
 * Each rule reads a table a fixed number of times, however long it is: sums are grouped once and
 * joined, never looked up again for each row, for entries have no index but their number.
 */
static const struct audit_rule audit_rules[] = {
    { "balance-posted",
      "Per currency, posted debits and posted credits are equal.",
      { "SELECT count(*) FROM (SELECT currency FROM account GROUP BY currency"
        " HAVING sum(dr_post) <> sum(cr_post)) t" } },
    { "balance-pending",
      "Per currency, pending debits and pending credits are equal.",
      { "SELECT count(*) FROM (SELECT currency FROM account GROUP BY currency"
        " HAVING sum(dr_pend) <> sum(cr_pend)) t" } },
    { "counters-posted",
      "An account's posted counters are the sums of its entries.",
      { "SELECT count(*) FROM account a"
        " LEFT JOIN (SELECT debit, sum(amount) AS total FROM entry GROUP BY debit) d"
        " ON d.debit = a.id"
        " LEFT JOIN (SELECT credit, sum(amount) AS total FROM entry GROUP BY credit) c"
        " ON c.credit = a.id"
        " WHERE a.dr_post <> coalesce(d.total, 0) OR a.cr_post <> coalesce(c.total, 0)" } },
    { "counters-used",
      "What an account has used is the sum of its settlements' entries.",
      { "SELECT count(*) FROM account a"
        " LEFT JOIN (SELECT debit, sum(amount) AS total FROM entry WHERE code = 2 GROUP BY debit) d"
        " ON d.debit = a.id WHERE a.used <> coalesce(d.total, 0)" } },
    { "counters-pending",
      "A client's pending debits are the sum of its open holds, and only revenue awaits them.",
      { "SELECT count(*) FROM account a"
        " LEFT JOIN (SELECT h.account, sum(h.amount) AS total FROM hold h"
        " LEFT JOIN settlement s ON s.hold = h.id WHERE s.hold IS NULL GROUP BY h.account) o"
        " ON o.account = a.id"
        " WHERE a.dr_pend <> CASE WHEN a.class = 1 THEN coalesce(o.total, 0) ELSE 0 END"
        " OR (a.class <> 4 AND a.cr_pend <> 0)" } },
    { "never-below-zero",
      "No client's posted and pending debits exceed its credits.",
      { "SELECT count(*) FROM account WHERE class = 1 AND dr_post + dr_pend > cr_post" } },
    { "hold-of-client",
      "Each hold is on a client's account.",
      { "SELECT count(*) FROM hold h LEFT JOIN account a ON a.id = h.account"
        " WHERE a.id IS NULL OR a.class <> 1" } },
    { "open-hold-found",
      "No open hold is older than the mark from which a start looks for them.",
      { "SELECT count(*) FROM hold h LEFT JOIN settlement s ON s.hold = h.id"
        " WHERE s.hold IS NULL AND h.id < (SELECT open_from FROM hold_mark)" } },
    { "posted-within-hold",
      "No settlement posts more than its hold.",
      { "SELECT count(*) FROM settlement s JOIN hold h ON h.id = s.hold"
        " WHERE s.posted > h.amount" } },
    { "hold-of-settlement",
      "Each settlement ends a hold that is there.",
      { "SELECT count(*) FROM settlement s LEFT JOIN hold h ON h.id = s.hold"
        " WHERE h.id IS NULL" } },
    { "voided-is-free",
      "A voided hold charges nothing.",
      { "SELECT count(*) FROM settlement WHERE state = 2 AND (posted <> 0 OR overrun <> 0)" } },
    { "overrun-above-hold",
      "Only what is above a whole hold is the operator's loss.",
      { "SELECT count(*) FROM settlement s JOIN hold h ON h.id = s.hold"
        " WHERE s.overrun > 0 AND s.posted <> h.amount" } },
    { "entries-of-settlement",
      "What a settlement posted is the sum of its entries, out of its own client's credit.",
      { "SELECT count(*) FROM settlement s JOIN hold h ON h.id = s.hold"
        " LEFT JOIN (SELECT ref, sum(amount) AS total, min(debit) AS low, max(debit) AS high"
        " FROM entry WHERE code = 2 GROUP BY ref) e ON e.ref = s.hold"
        " WHERE s.posted <> coalesce(e.total, 0)"
        " OR coalesce(e.low, h.account) <> h.account"
        " OR coalesce(e.high, h.account) <> h.account" } },
    { "overrun-of-settlement",
      "What a settlement lost above its hold is an entry of its own.",
      { "SELECT count(*) FROM settlement s LEFT JOIN (SELECT ref, sum(amount) AS total"
        " FROM entry WHERE code = 3 GROUP BY ref) e ON e.ref = s.hold"
        " WHERE s.overrun <> coalesce(e.total, 0)" } },
    { "cause-of-entry",
      "Each entry belongs to a settlement or to a lot that is there.",
      { "SELECT count(*) FROM entry e LEFT JOIN settlement s ON s.hold = e.ref"
        " LEFT JOIN lot l ON l.id = e.ref"
        " WHERE CASE WHEN e.code IN (2, 3) THEN s.hold ELSE l.id END IS NULL" } },
    { "sides-of-entry",
      "Each entry debits and credits what its kind says.",
      { "SELECT count(*) FROM entry WHERE NOT ("
        "(code = 1 AND debit_class IN (2, 3) AND credit_class = 1) OR"
        " (code = 2 AND debit_class = 1 AND credit_class = 4) OR"
        " (code = 3 AND debit_class = 5 AND credit_class = 4) OR"
        " (code = 4 AND debit_class = 1 AND credit_class = 6) OR"
        " (code = 5 AND debit_class = 1 AND credit_class = 7))" } },
    { "one-event-a-transaction",
      "The entries of a transaction have one cause, one currency and one client.",
      { "SELECT count(*) FROM (SELECT e.txn FROM entry e JOIN account d ON d.id = e.debit"
        " GROUP BY e.txn HAVING min(e.ref) <> max(e.ref) OR min(d.currency) <> max(d.currency)"
        " OR count(DISTINCT CASE WHEN e.debit_class = 1 THEN e.debit"
        " WHEN e.credit_class = 1 THEN e.credit END) > 1) t" } },
    /* Compared as text, so that no product is too long to be looked at. */
    { "rated",
      "What was posted and lost is the exact rating, rounded down to nano.",
      { "SELECT count(*) FROM settlement WHERE state = 1 AND CAST(posted + overrun AS TEXT) <>"
        " CASE WHEN length(rated_pico) > 3 THEN substr(rated_pico, 1, length(rated_pico) - 3)"
        " ELSE '0' END" } },
    { "lots-are-the-balance",
      "The remainders of a client's lots are its balance.",
      { "SELECT count(*) FROM account a LEFT JOIN (SELECT account, sum(remaining) AS total"
        " FROM lot GROUP BY account) l ON l.account = a.id"
        " WHERE a.class = 1 AND a.cr_post - a.dr_post <> coalesce(l.total, 0)" } },
    { "lot-of-purchase",
      "Each lot was paid or given, as its kind says, by one entry of its amount.",
      { "SELECT count(*) FROM lot l LEFT JOIN (SELECT ref, count(*) AS n, sum(amount) AS total,"
        " min(credit) AS account, min(debit_class) AS source FROM entry WHERE code = 1"
        " GROUP BY ref) e ON e.ref = l.id"
        " WHERE coalesce(e.n, 0) <> 1 OR e.total <> l.amount OR e.account <> l.account"
        " OR e.source <> CASE WHEN l.kind = 1 THEN 2 ELSE 3 END" } },
    { "lot-of-refund",
      "Only paid lots are refunded, only lots with a term expire, each to its own client.",
      { "SELECT count(*) FROM entry e JOIN lot l ON l.id = e.ref WHERE e.code IN (4, 5)"
        " AND (e.debit <> l.account OR (e.code = 4 AND l.kind <> 1)"
        " OR (e.code = 5 AND l.expires_ns = 0))" } },
    { "no-transfer",
      "No entry moves credit from one client to another.",
      { "SELECT count(*) FROM entry e JOIN account d ON d.id = e.debit JOIN account c"
        " ON c.id = e.credit WHERE (d.class = 1 AND c.class = 1) OR d.class <> e.debit_class"
        " OR c.class <> e.credit_class OR d.currency <> c.currency" } },
    { "one-sale-a-key",
      "An Idempotency-Key of a client has one hold, and that hold is the client's.",
      { "SELECT (SELECT count(*) FROM (SELECT account FROM idem GROUP BY account, key"
        " HAVING count(*) > 1) t) + (SELECT count(*) FROM idem i LEFT JOIN hold h ON h.id = i.hold"
        " WHERE h.id IS NULL OR h.account <> i.account)" } },
    { "result-of-ended-hold",
      "A result is kept for a key only if its call has ended.",
      { "SELECT count(*) FROM idem i LEFT JOIN settlement s ON s.hold = i.hold"
        " WHERE i.result IS NOT NULL AND s.hold IS NULL" } },
    { "dense-holds",
      "Holds are numbered from 1 without a gap.",
      { "SELECT count(*) FROM (SELECT count(*) AS n, coalesce(max(id), 0) AS top,"
        " coalesce(min(id), 1) AS low FROM hold) t WHERE n <> top OR low <> 1" } },
    { "dense-entries",
      "Entries are numbered from 1 without a gap.",
      { "SELECT count(*) FROM (SELECT count(*) AS n, coalesce(max(id), 0) AS top,"
        " coalesce(min(id), 1) AS low FROM entry) t WHERE n <> top OR low <> 1" } },
};

static enum err audit_on_count(void *context, const struct store_value *row, size_t columns)
{
    ASSERT(columns == 1);
    *(int64_t *)context = row[0].number;
    return ERR_OK;
}

enum err ledger_audit(struct store_txn *txn, ledger_audit_fn *violated, void *context,
                      size_t *ret_checked, size_t *ret_violated, struct fail *fail)
{
    size_t violations = 0;
    int64_t count = 0;
    for (size_t i = 0; i < EP_ARRAY_LEN(audit_rules); i++) {
        const struct audit_rule *rule = &audit_rules[i];
        TRY(store_query(txn, &rule->sql, NULL, 0, audit_on_count, &count, fail));
        if (count > 0) {
            violations++;
            violated(context, rule->name, rule->meaning, count);
        }
    }
    TRY(audit_lots(txn, &count, fail));
    if (count > 0) {
        violations++;
        violated(context, "lots-in-order",
                 "Each lot has left what its purchase, the draws in their order, refunds and "
                 "expiry leave.",
                 count);
    }
    *ret_checked = EP_ARRAY_LEN(audit_rules) + 1;
    *ret_violated = violations;
    return ERR_OK;
}
