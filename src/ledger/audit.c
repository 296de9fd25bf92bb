#include "ledger/audit.h"

#include "ledger/audit_lots.h"
#include "ledger/usage_month.h"

struct audit_rule {
    const char *name;
    const char *meaning;
    const char *row;
    struct store_sql sql; /* rows looked at, their sum, how many break it, the first that does */
};

/*
 * Each rule reads a table a fixed number of times, however long it is: sums are grouped once and
 * joined, never looked up again for each row, for entries have no index but their number.
 *
 * AUDIT(number of a row, its amount or NULL, rows, what is wrong with one)
 */
#define AUDIT(key, amount, from, bad)                                            \
    {                                                                            \
        "SELECT count(*), sum(" amount "), count(CASE WHEN " bad " THEN 1 END)," \
        " min(CASE WHEN " bad " THEN " key " END) FROM " from                    \
    }

/* Holds with what extends them. */
#define AUDIT_HOLD                                                                            \
    "(SELECT h.id, h.account, h.amount + coalesce(x.total, 0) AS amount FROM hold h"          \
    " LEFT JOIN (SELECT hold, sum(amount) AS total FROM hold_ext GROUP BY hold) x ON x.hold " \
    "= h.id)"

/* The client that an entry moves the credit of; NULL: none's. */
#define AUDIT_CLIENT \
    "CASE WHEN e.debit_class = 1 THEN e.debit WHEN e.credit_class = 1 THEN e.credit END"

#define AUDIT_PLUS(name, at) "t_" #name " + "
#define AUDIT_TOKENS         USAGE_MONTH_TABLE(AUDIT_PLUS) "0"
/* How much an entry of a lot takes out of it. */
#define AUDIT_TAKEN "(CASE WHEN debit_class = 1 THEN amount ELSE -amount END)"

static const struct audit_rule audit_rules[] = {
    { "balance-posted", "Per currency, posted debits and posted credits are equal.", "account",
      AUDIT("t.id", "t.dr",
            "(SELECT min(id) AS id, sum(dr_post) AS dr, sum(cr_post) AS cr FROM account"
            " GROUP BY currency) t",
            "t.dr <> t.cr") },
    { "balance-pending", "Per currency, pending debits and pending credits are equal.", "account",
      AUDIT("t.id", "t.dr",
            "(SELECT min(id) AS id, sum(dr_pend) AS dr, sum(cr_pend) AS cr FROM account"
            " GROUP BY currency) t",
            "t.dr <> t.cr") },
    { "counters-posted", "An account's posted counters are the sums of its entries.", "account",
      AUDIT("a.id", "a.dr_post",
            "account a"
            " LEFT JOIN (SELECT debit, sum(amount) AS total FROM entry GROUP BY debit) d"
            " ON d.debit = a.id"
            " LEFT JOIN (SELECT credit, sum(amount) AS total FROM entry GROUP BY credit) c"
            " ON c.credit = a.id",
            "a.dr_post <> coalesce(d.total, 0) OR a.cr_post <> coalesce(c.total, 0)") },
    { "counters-used", "What an account has used is the sum of its settlements' entries.",
      "account",
      AUDIT("a.id", "a.used",
            "account a LEFT JOIN (SELECT debit, sum(amount) AS total FROM entry WHERE code = 2"
            " GROUP BY debit) d ON d.debit = a.id",
            "a.used <> coalesce(d.total, 0)") },
    { "counters-pending",
      "A client's pending debits are the sum of its open holds, and only revenue awaits them.",
      "account",
      AUDIT("a.id", "a.dr_pend",
            "account a LEFT JOIN (SELECT h.account, sum(h.amount) AS total FROM " AUDIT_HOLD " h"
            " LEFT JOIN settlement s ON s.hold = h.id WHERE s.hold IS NULL GROUP BY h.account) o"
            " ON o.account = a.id",
            "a.dr_pend <> CASE WHEN a.class = 1 THEN coalesce(o.total, 0) ELSE 0 END"
            " OR (a.class <> 4 AND a.cr_pend <> 0)") },
    { "never-below-zero", "No client's posted and pending debits exceed its credits.", "account",
      AUDIT("id", "cr_post", "account WHERE class = 1", "dr_post + dr_pend > cr_post") },
    { "hold-of-client", "Each hold is on a client's account.", "hold",
      AUDIT("h.id", "h.amount", "hold h LEFT JOIN account a ON a.id = h.account",
            "a.id IS NULL OR a.class <> 1") },
    { "open-hold-found", "No open hold is older than the mark from which a start looks for them.",
      "hold",
      AUDIT("h.id", "h.amount",
            "hold h CROSS JOIN hold_mark m LEFT JOIN settlement s ON s.hold = h.id",
            "s.hold IS NULL AND h.id < m.open_from") },
    { "posted-within-hold", "No settlement posts more than its hold and what extended it.",
      "settlement",
      AUDIT("s.hold", "s.posted", "settlement s JOIN " AUDIT_HOLD " h ON h.id = s.hold",
            "s.posted > h.amount") },
    { "extension-of-hold",
      "Extensions are of holds that are there, each hold's from 1 without a gap.", "hold",
      AUDIT("t.hold", "t.amount",
            "(SELECT x.hold, x.amount, h.id, x.n - lag(x.n, 1, 0) OVER"
            " (PARTITION BY x.hold ORDER BY x.n) AS step"
            " FROM hold_ext x LEFT JOIN hold h ON h.id = x.hold) t",
            "t.id IS NULL OR t.step <> 1") },
    { "hold-of-settlement", "Each settlement ends a hold that is there.", "settlement",
      AUDIT("s.hold", "s.posted", "settlement s LEFT JOIN hold h ON h.id = s.hold",
            "h.id IS NULL") },
    { "voided-is-free", "A voided hold charges nothing.", "settlement",
      AUDIT("hold", "posted", "settlement", "state = 2 AND (posted <> 0 OR overrun <> 0)") },
    { "overrun-above-hold", "Only what is above a whole hold is the operator's loss.", "settlement",
      AUDIT("s.hold", "s.overrun", "settlement s JOIN " AUDIT_HOLD " h ON h.id = s.hold",
            "s.overrun > 0 AND s.posted <> h.amount") },
    { "entries-of-settlement",
      "What a settlement posted is the sum of its entries, out of its own client's credit.",
      "settlement",
      AUDIT("s.hold", "s.posted",
            "settlement s JOIN hold h ON h.id = s.hold"
            " LEFT JOIN (SELECT ref, sum(amount) AS total, min(debit) AS low, max(debit) AS high"
            " FROM entry WHERE code = 2 GROUP BY ref) e ON e.ref = s.hold",
            "s.posted <> coalesce(e.total, 0) OR coalesce(e.low, h.account) <> h.account"
            " OR coalesce(e.high, h.account) <> h.account") },
    { "overrun-of-settlement", "What a settlement lost above its hold is an entry of its own.",
      "settlement",
      AUDIT("s.hold", "s.overrun",
            "settlement s LEFT JOIN (SELECT ref, sum(amount) AS total FROM entry WHERE code = 3"
            " GROUP BY ref) e ON e.ref = s.hold",
            "s.overrun <> coalesce(e.total, 0)") },
    { "cause-of-entry", "Each entry belongs to a settlement or to a lot that is there.", "entry",
      AUDIT("e.id", "e.amount",
            "entry e LEFT JOIN settlement s ON s.hold = e.ref LEFT JOIN lot l ON l.id = e.ref",
            "CASE WHEN e.code IN (2, 3) THEN s.hold ELSE l.id END IS NULL") },
    { "sides-of-entry", "Each entry debits and credits what its kind says.", "entry",
      AUDIT("id", "amount", "entry",
            "NOT ((code = 1 AND debit_class IN (2, 3) AND credit_class = 1) OR"
            " (code = 2 AND debit_class = 1 AND credit_class = 4) OR"
            " (code = 3 AND debit_class = 5 AND credit_class = 4) OR"
            " (code = 4 AND debit_class = 1 AND credit_class = 6) OR"
            " (code = 5 AND debit_class = 1 AND credit_class = 7) OR"
            " (code = 6 AND (debit_class = 1) <> (credit_class = 1)"
            " AND debit_class IN (1, 2, 3, 4, 6) AND credit_class IN (1, 2, 3, 4, 6)))") },
    { "one-event-a-transaction",
      "The entries of a transaction have one cause, one currency and one client.", "entry",
      AUDIT("t.id", "t.amount",
            "(SELECT min(e.id) AS id, sum(e.amount) AS amount, min(e.ref) AS ref_low,"
            " max(e.ref) AS ref_high, min(d.currency) AS low, max(d.currency) AS high,"
            " min(" AUDIT_CLIENT ") AS client_low, max(" AUDIT_CLIENT ") AS client_high"
            " FROM entry e JOIN account d ON d.id = e.debit GROUP BY e.txn) t",
            "t.ref_low <> t.ref_high OR t.low <> t.high OR t.client_low <> t.client_high") },
    /* Compared as text, so that no product is too long to be looked at. */
    { "rated", "What was posted and lost is the exact rating, rounded down to nano.", "settlement",
      AUDIT("hold", "posted + overrun", "settlement WHERE state IN (1, 3)",
            "CAST(posted + overrun AS TEXT) <> CASE WHEN length(rated_pico) > 3"
            " THEN substr(rated_pico, 1, length(rated_pico) - 3) ELSE '0' END") },
    { "recovered-by-mark",
      "What a recovered hold costs is what its last mark says, and nothing where it has none.",
      "settlement",
      AUDIT("s.hold", "s.posted",
            "settlement s LEFT JOIN hold_progress p ON p.hold = s.hold WHERE s.state = 3",
            "s.rated_pico <> CAST(coalesce(p.rated_pico, 0) AS TEXT)") },
    { "attempt-of-settlement",
      "Each attempt belongs to a hold that has ended, under the number made of both.", "attempt",
      AUDIT("t.id", "NULL", "attempt t LEFT JOIN settlement s ON s.hold = t.hold",
            "s.hold IS NULL OR t.id <> t.hold * 64 + t.n - 1") },
    { "one-billable-attempt", "A call that is charged has one attempt that is billable.",
      "settlement",
      AUDIT("s.hold", "s.posted",
            "attempt_mark m CROSS JOIN settlement s"
            " LEFT JOIN (SELECT hold, sum(billable) AS n FROM attempt GROUP BY hold) t"
            " ON t.hold = s.hold WHERE s.hold >= m.hold_from",
            "coalesce(t.n, 0) > 1 OR (s.posted + s.overrun > 0 AND coalesce(t.n, 0) <> 1)") },
    { "lots-are-the-balance", "The remainders of a client's lots are its balance.", "account",
      AUDIT("a.id", "l.total",
            "account a LEFT JOIN (SELECT account, sum(remaining) AS total FROM lot"
            " GROUP BY account) l ON l.account = a.id WHERE a.class = 1",
            "a.cr_post - a.dr_post <> coalesce(l.total, 0)") },
    { "lot-of-purchase",
      "Each lot was paid or given, as its kind says, by one entry of its amount.", "lot",
      AUDIT("l.id", "l.amount",
            "lot l LEFT JOIN (SELECT ref, count(*) AS n, sum(amount) AS total,"
            " min(credit) AS account, min(debit_class) AS source FROM entry WHERE code = 1"
            " GROUP BY ref) e ON e.ref = l.id",
            "coalesce(e.n, 0) <> 1 OR e.total <> l.amount OR e.account <> l.account"
            " OR e.source <> CASE WHEN l.kind = 1 THEN 2 ELSE 3 END") },
    { "lot-of-refund",
      "Only paid lots are refunded, only lots with a term expire, each to its own client.", "entry",
      AUDIT("e.id", "e.amount", "entry e JOIN lot l ON l.id = e.ref WHERE e.code IN (4, 5)",
            "e.debit <> l.account OR (e.code = 4 AND l.kind <> 1)"
            " OR (e.code = 5 AND l.expires_ns = 0)") },
    { "parts-of-lot",
      "What of a lot was given back, has ended and was corrected is what its entries say.", "lot",
      AUDIT("l.id", "l.refunded + l.expired + l.corrected",
            "lot l LEFT JOIN (SELECT ref,"
            " sum(CASE WHEN 6 IN (debit_class, credit_class) THEN " AUDIT_TAKEN " ELSE 0 END)"
            " AS refunded,"
            " sum(CASE WHEN code = 5 THEN amount ELSE 0 END) AS expired,"
            " sum(CASE WHEN code = 6 AND (debit_class IN (2, 3) OR credit_class IN (2, 3))"
            " THEN " AUDIT_TAKEN " ELSE 0 END) AS corrected"
            " FROM entry WHERE code IN (4, 5, 6) GROUP BY ref) e ON e.ref = l.id",
            "l.refunded <> coalesce(e.refunded, 0) OR l.expired <> coalesce(e.expired, 0)"
            " OR l.corrected <> coalesce(e.corrected, 0)") },
    { "cause-of-change",
      "Each refund, expiry and correction says when and why, and no other entry does.", "entry",
      AUDIT("e.id", "e.amount", "entry e LEFT JOIN cause c ON c.entry = e.id",
            "(e.code IN (4, 5, 6)) <> (c.entry IS NOT NULL) OR (e.code = 6 AND c.ground <> 4)"
            " OR (e.code = 5 AND c.ground NOT IN (3, 5))"
            " OR (e.code = 4 AND c.ground NOT IN (1, 2, 5))") },
    { "correction-of-entry",
      "A correction exchanges the sides of its entry, and all of them are no more than it was.",
      "entry",
      AUDIT("e.id", "e.amount",
            "cause c JOIN entry e ON e.id = c.entry LEFT JOIN entry w ON w.id = c.corrects"
            " LEFT JOIN (SELECT k.corrects, sum(m.amount) AS total FROM cause k"
            " JOIN entry m ON m.id = k.entry WHERE k.corrects IS NOT NULL GROUP BY k.corrects) s"
            " ON s.corrects = w.id WHERE c.corrects IS NOT NULL",
            "w.id IS NULL OR e.debit <> w.credit OR e.credit <> w.debit OR w.code IN (3, 5)"
            " OR s.total > w.amount OR e.id <= w.id") },
    { "order-of-lot", "Each lot was bought by one order, of its client and at its amount.", "lot",
      AUDIT("l.id", "l.amount", "lot l LEFT JOIN purchase_order o ON o.id = l.id",
            "o.id IS NULL OR o.account <> l.account OR o.plan <> l.plan OR o.payment <> l.payment"
            " OR o.placed_ns <> l.created_ns"
            " OR o.price <> CASE WHEN l.kind = 1 THEN l.amount ELSE 0 END") },
    { "one-order-a-payment", "No payment has bought twice.", "order",
      AUDIT("o.id", "o.price",
            "(SELECT id, price, payment, count(*) OVER (PARTITION BY method, payment) AS times"
            " FROM purchase_order WHERE payment <> '' AND price > 0"
            " AND method <> 'unknown') o",
            "o.times > 1") },
    { "refund-to-payer", "What was given back went to who had paid, the way it came.", "entry",
      AUDIT("e.id", "e.amount",
            "entry e JOIN cause c ON c.entry = e.id LEFT JOIN purchase_order o ON o.id = e.ref"
            " WHERE e.code = 4 AND c.ground IN (1, 2)",
            "o.id IS NULL OR c.payer <> o.payer OR c.method <> o.method"
            " OR (c.ground = 1 AND c.at_ns >= o.refund_until_ns)") },
    { "terms-and-prices-of-order",
      "The terms and the price list that an order names are there, in its currency.", "order",
      AUDIT("o.id", "o.price",
            "purchase_order o LEFT JOIN account a ON a.id = o.account"
            " LEFT JOIN contract c ON c.id = o.contract"
            " LEFT JOIN price_book b ON b.id = o.book",
            "c.id IS NULL OR (o.book IS NOT NULL AND (b.id IS NULL"
            " OR b.currency <> a.currency))") },
    { "party-of-account",
      "Each client's account has a party of its own, and the others are the operator's.", "account",
      AUDIT(
          "a.id", "NULL",
          "account a LEFT JOIN party p ON p.id = a.party LEFT JOIN asset s ON s.code = a.currency",
          "p.id IS NULL OR s.code IS NULL OR p.id <> CASE WHEN a.class = 1 THEN a.id ELSE 0 END"
          " OR p.kind <> CASE WHEN a.class = 1 THEN 2 ELSE 1 END") },
    { "warning-before-end", "A lot's warnings were given when they were due.", "warning",
      AUDIT("w.lot", "w.left_nano", "lot_warning w LEFT JOIN lot l ON l.id = w.lot",
            "l.id IS NULL OR w.at_ns >= l.expires_ns OR w.left_nano > l.amount"
            " OR l.expires_ns - w.at_ns > w.days * 86400000000000") },
    { "spent-of-budget",
      "What a key's budget says is spent and called is what its calls were charged, and how many "
      "were answered, in the day and the month.",
      "budget",
      AUDIT("b.id", "b.total_spent",
            "budget b LEFT JOIN (SELECT k.budget, sum(s.posted) AS total,"
            " sum(CASE WHEN k.day = c.day THEN s.posted ELSE 0 END) AS day,"
            " sum(CASE WHEN k.month = c.month THEN s.posted ELSE 0 END) AS month,"
            " sum(s.state = 1 OR s.posted > 0) AS calls,"
            " sum(k.day = c.day AND (s.state = 1 OR s.posted > 0)) AS day_calls,"
            " sum(k.month = c.month AND (s.state = 1 OR s.posted > 0)) AS month_calls,"
            " sum(h.opened_ns / 86400000000000 > k.day) AS strange"
            " FROM budget_hold k JOIN budget c ON c.id = k.budget JOIN hold h ON h.id = k.hold"
            " JOIN settlement s ON s.hold = k.hold GROUP BY k.budget) t ON t.budget = b.id",
            "b.total_spent <> coalesce(t.total, 0) OR b.day_spent <> coalesce(t.day, 0)"
            " OR b.month_spent <> coalesce(t.month, 0) OR coalesce(t.strange, 0) <> 0"
            " OR b.total_calls <> coalesce(t.calls, 0) OR b.day_calls <> coalesce(t.day_calls, 0)"
            " OR b.month_calls <> coalesce(t.month_calls, 0)") },
    { "no-transfer", "No entry moves credit from one client to another.", "entry",
      AUDIT("e.id", "e.amount",
            "entry e JOIN account d ON d.id = e.debit JOIN account c ON c.id = e.credit",
            "(d.class = 1 AND c.class = 1) OR d.class <> e.debit_class"
            " OR c.class <> e.credit_class OR d.currency <> c.currency") },
    { "month-of-settlements",
      "What a client used by month is the sum of its settlements: calls, amount and tokens.",
      "account",
      AUDIT("a.id", "u.amount",
            "account a"
            " LEFT JOIN (SELECT account, sum(calls) AS calls, sum(amount) AS amount,"
            " sum(" AUDIT_TOKENS ") AS tokens FROM usage_month GROUP BY account) u"
            " ON u.account = a.id"
            " LEFT JOIN (SELECT h.account, count(*) AS calls, sum(s.posted) AS amount,"
            " sum((SELECT sum(value) FROM json_each(s.usage, '$.billed'))) AS tokens"
            " FROM settlement s JOIN hold h ON h.id = s.hold WHERE s.state = 1 OR s.posted > 0"
            " GROUP BY h.account) s ON s.account = a.id",
            "coalesce(u.calls, 0) <> coalesce(s.calls, 0)"
            " OR coalesce(u.amount, 0) <> coalesce(s.amount, 0)"
            " OR coalesce(u.tokens, 0) <> coalesce(s.tokens, 0)") },
    { "units-of-settlements",
      "What a client used beside tokens by month is the sum of its settlements.", "account",
      AUDIT("a.id", "u.pieces",
            "account a"
            " LEFT JOIN (SELECT account, sum(pieces) AS pieces FROM usage_month_unit"
            " GROUP BY account) u ON u.account = a.id"
            " LEFT JOIN (SELECT h.account, sum(j.value) AS pieces"
            " FROM settlement s JOIN hold h ON h.id = s.hold, json_each(s.usage, '$.units') j"
            " WHERE s.state = 1 OR s.posted > 0 GROUP BY h.account) s ON s.account = a.id",
            "coalesce(u.pieces, 0) <> coalesce(s.pieces, 0)") },
    { "one-sale-a-key",
      "An Idempotency-Key of a client has one hold, and that hold is the client's.", "hold",
      AUDIT("i.hold", "h.amount",
            "(SELECT hold, account, count(*) OVER (PARTITION BY account, key) AS times FROM idem) i"
            " LEFT JOIN hold h ON h.id = i.hold",
            "i.times > 1 OR h.id IS NULL OR h.account <> i.account") },
    { "result-of-ended-hold", "A result is kept for a key only if its call has ended.", "hold",
      AUDIT("i.hold", "s.posted",
            "idem i LEFT JOIN settlement s ON s.hold = i.hold WHERE i.result IS NOT NULL",
            "s.hold IS NULL") },
    { "dense-holds", "Holds are numbered from 1 without a gap.", "hold",
      AUDIT("id", "NULL", "(SELECT id, id - lag(id, 1, 0) OVER (ORDER BY id) AS step FROM hold) t",
            "step <> 1") },
    { "dense-entries", "Entries are numbered from 1 without a gap.", "entry",
      AUDIT("id", "NULL", "(SELECT id, id - lag(id, 1, 0) OVER (ORDER BY id) AS step FROM entry) t",
            "step <> 1") },
};

enum err audit_take_figures(void *context, const struct store_value *row, size_t columns)
{
    struct audit_line *line = context;
    ASSERT(columns == 4);
    line->rows = row[0].number;
    line->has_sum = row[1].kind == STORE_INT;
    line->sum = row[1].number;
    line->wrong = row[2].number;
    line->first = row[3].number;
    return ERR_OK;
}

enum err ledger_audit(struct store_txn *txn, audit_line_fn *told, void *context, struct fail *fail)
{
    for (size_t i = 0; i < EP_ARRAY_LEN(audit_rules); i++) {
        const struct audit_rule *rule = &audit_rules[i];
        struct audit_line line = { rule->name, rule->meaning, rule->row, .rows = 0 };
        TRY(store_query(txn, &rule->sql, NULL, 0, audit_take_figures, &line, fail));
        ASSERT(line.wrong <= line.rows);
        told(context, &line);
    }
    struct audit_line lots = {
        "lots-in-order",
        "Each lot has left what its purchase, the draws in their order, refunds and expiry leave.",
        "account", .has_sum = true
    };
    TRY(audit_lots(txn, &lots, fail));
    told(context, &lots);
    return ERR_OK;
}
