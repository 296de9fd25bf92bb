#include "ledger/audit.h"

struct audit_rule {
    const char *name;
    const char *meaning;
    struct store_sql sql; /* counts the rows that break it */
};

static const struct audit_rule audit_rules[] = {
    { "balance-posted",
      "Per currency, posted debits and posted credits are equal.",
      { "SELECT count(*) FROM (SELECT 1 FROM account GROUP BY currency"
        " HAVING sum(dr_post) <> sum(cr_post))" } },
    { "balance-pending",
      "Per currency, pending debits and pending credits are equal.",
      { "SELECT count(*) FROM (SELECT 1 FROM account GROUP BY currency"
        " HAVING sum(dr_pend) <> sum(cr_pend))" } },
    { "counters-posted",
      "An account's posted counters are the sums of its entries.",
      { "SELECT count(*) FROM account a WHERE"
        " dr_post <> (SELECT coalesce(sum(amount), 0) FROM entry e WHERE e.debit = a.id) OR"
        " cr_post <> (SELECT coalesce(sum(amount), 0) FROM entry e WHERE e.credit = a.id)" } },
    { "counters-pending",
      "A client's pending debits are the sum of its open holds.",
      { "SELECT count(*) FROM account a WHERE class = 1 AND dr_pend <>"
        " (SELECT coalesce(sum(h.amount), 0) FROM hold h WHERE h.account = a.id AND NOT EXISTS"
        " (SELECT 1 FROM settlement s WHERE s.hold = h.id))" } },
    { "never-below-zero",
      "No client's posted and pending debits exceed its credits.",
      { "SELECT count(*) FROM account WHERE class = 1 AND dr_post + dr_pend > cr_post" } },
    { "posted-within-hold",
      "No settlement posts more than its hold.",
      { "SELECT count(*) FROM settlement s JOIN hold h ON h.id = s.hold"
        " WHERE s.posted > h.amount" } },
    { "hold-of-settlement",
      "Each settlement ends a hold that is there.",
      { "SELECT count(*) FROM settlement s WHERE NOT EXISTS"
        " (SELECT 1 FROM hold h WHERE h.id = s.hold)" } },
    { "entries-of-settlement",
      "What a settlement posted is the sum of its entries, out of its own client's credit.",
      { "SELECT count(*) FROM settlement s JOIN hold h ON h.id = s.hold WHERE s.posted <>"
        " (SELECT coalesce(sum(e.amount), 0) FROM entry e"
        "  WHERE e.code = 2 AND e.ref = s.hold AND e.debit = h.account)" } },
    { "overrun-of-settlement",
      "What a settlement lost above its hold is an entry of its own.",
      { "SELECT count(*) FROM settlement s WHERE s.overrun <>"
        " (SELECT coalesce(sum(e.amount), 0) FROM entry e"
        "  WHERE e.code = 3 AND e.ref = s.hold)" } },
    { "rated",
      "What was posted and lost is the exact rating, rounded down to nano.",
      { "SELECT count(*) FROM settlement WHERE length(rated_pico) <= 18 AND state = 1 AND"
        " posted + overrun <> CAST(rated_pico AS INTEGER) / 1000" } },
    { "lots-are-the-balance",
      "The remainders of a client's lots are its balance.",
      { "SELECT count(*) FROM account a WHERE class = 1 AND cr_post - dr_post <>"
        " (SELECT coalesce(sum(l.remaining), 0) FROM lot l WHERE l.account = a.id)" } },
    { "lot-of-purchase",
      "Each lot was bought or given by an entry of its amount.",
      { "SELECT count(*) FROM lot l WHERE l.amount <>"
        " (SELECT coalesce(sum(e.amount), 0) FROM entry e"
        "  WHERE e.code = 1 AND e.ref = l.id AND e.credit = l.account)" } },
    { "no-transfer",
      "No entry moves credit from one client to another.",
      { "SELECT count(*) FROM entry e JOIN account d ON d.id = e.debit JOIN account c"
        " ON c.id = e.credit WHERE (d.class = 1 AND c.class = 1) OR d.class <> e.debit_class"
        " OR c.class <> e.credit_class OR d.currency <> c.currency" } },
    { "dense-holds",
      "Holds are numbered from 1 without a gap.",
      { "SELECT count(*) FROM (SELECT count(*) AS n, coalesce(max(id), 0) AS top,"
        " coalesce(min(id), 1) AS low FROM hold) WHERE n <> top OR low <> 1" } },
    { "dense-entries",
      "Entries are numbered from 1 without a gap.",
      { "SELECT count(*) FROM (SELECT count(*) AS n, coalesce(max(id), 0) AS top,"
        " coalesce(min(id), 1) AS low FROM entry) WHERE n <> top OR low <> 1" } },
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
    for (size_t i = 0; i < EP_ARRAY_LEN(audit_rules); i++) {
        const struct audit_rule *rule = &audit_rules[i];
        int64_t count = 0;
        TRY(store_query(txn, &rule->sql, NULL, 0, audit_on_count, &count, fail));
        if (count > 0) {
            violations++;
            violated(context, rule->name, rule->meaning, count);
        }
    }
    *ret_checked = EP_ARRAY_LEN(audit_rules);
    *ret_violated = violations;
    return ERR_OK;
}
