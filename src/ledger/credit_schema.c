/* The tables of what credit is sold by: who, for what, on which terms, by which prices, and why. */
#include "ledger/ledger.h"

/*
 * Rows that are older than these tables get what can be said of them: an order without terms, a
 * cause without a time. The order of a lot has the lot's number.
 */
const struct store_migration credit_migration = {
    .number = 7,
    .name = "credit",
    .sql =
        "CREATE TABLE asset(code TEXT PRIMARY KEY CHECK(length(code) = 3),"
        " kind INTEGER NOT NULL CHECK(kind = 1), scale INTEGER NOT NULL CHECK(scale = 9),"
        " exponent INTEGER NOT NULL CHECK(exponent BETWEEN 0 AND 9)) STRICT;"
        "INSERT INTO asset(code, kind, scale, exponent) SELECT DISTINCT currency, 1, 9,"
        " CASE WHEN currency IN ('BIF', 'CLP', 'DJF', 'GNF', 'ISK', 'JPY', 'KMF', 'KRW', 'PYG',"
        " 'RWF', 'UGX', 'VND', 'VUV', 'XAF', 'XOF', 'XPF') THEN 0"
        " WHEN currency IN ('BHD', 'IQD', 'JOD', 'KWD', 'LYD', 'OMR', 'TND') THEN 3"
        " WHEN currency = 'UYW' THEN 4 ELSE 2 END FROM account;"
        /* 1: the operator, number 0; 2: a client, with its account's number. */
        "CREATE TABLE party(id INTEGER PRIMARY KEY, kind INTEGER NOT NULL,"
        " CHECK((id = 0 AND kind = 1) OR (id > 0 AND kind = 2))) STRICT;"
        "INSERT INTO party(id, kind) VALUES (0, 1);"
        "INSERT INTO party(id, kind) SELECT id, 2 FROM account WHERE class = 1;"
        "ALTER TABLE account ADD COLUMN party INTEGER REFERENCES party;"
        "UPDATE account SET party = CASE class WHEN 1 THEN id ELSE 0 END;"
        /* The last row of a party is what is known of it now. */
        "CREATE TABLE kyc(id INTEGER PRIMARY KEY, party INTEGER NOT NULL REFERENCES party,"
        " level INTEGER NOT NULL CHECK(level IN (1, 2, 3)), evidence TEXT NOT NULL,"
        " set_ns INTEGER NOT NULL) STRICT;"
        "CREATE INDEX kyc_of_party ON kyc(party, id);"
        "CREATE TABLE contract(id INTEGER PRIMARY KEY, name TEXT NOT NULL, version TEXT NOT NULL,"
        " terms_hash BLOB NOT NULL CHECK(length(terms_hash) IN (0, 32)),"
        " first_ns INTEGER NOT NULL, UNIQUE(name, version, terms_hash)) STRICT;"
        "INSERT INTO contract(id, name, version, terms_hash, first_ns) VALUES (1, '', '', x'', 0);"
        "CREATE TABLE price_book(id INTEGER PRIMARY KEY, name TEXT NOT NULL,"
        " version TEXT NOT NULL, currency TEXT NOT NULL CHECK(length(currency) = 3),"
        " hash BLOB NOT NULL CHECK(length(hash) = 32), first_ns INTEGER NOT NULL,"
        " UNIQUE(name, version, hash)) STRICT;"
        "CREATE TABLE price(book INTEGER NOT NULL REFERENCES price_book, model TEXT NOT NULL,"
        " class TEXT NOT NULL, pico INTEGER NOT NULL CHECK(pico >= 0),"
        " PRIMARY KEY(book, model, class)) STRICT;"
        /* Which book a hold's price_version meant for each product. */
        "CREATE TABLE price_list(version INTEGER NOT NULL, product TEXT NOT NULL,"
        " book INTEGER NOT NULL REFERENCES price_book, since_ns INTEGER NOT NULL,"
        " PRIMARY KEY(version, product)) STRICT;"
        "CREATE TABLE purchase_order(id INTEGER PRIMARY KEY REFERENCES lot,"
        " account INTEGER NOT NULL REFERENCES account,"
        " contract INTEGER NOT NULL REFERENCES contract, product TEXT NOT NULL,"
        " plan TEXT NOT NULL, units INTEGER NOT NULL CHECK(units >= 0),"
        " price INTEGER NOT NULL CHECK(price >= 0), payer TEXT NOT NULL,"
        /* Nothing that is on a chain, and no cash: the table itself refuses it. */
        " method TEXT NOT NULL CHECK(method IN"
        " ('', 'unknown', 'bank_transfer', 'card', 'direct_debit', 'marketplace')),"
        " payment TEXT NOT NULL, book INTEGER REFERENCES price_book,"
        " refund_until_ns INTEGER NOT NULL, placed_ns INTEGER NOT NULL,"
        " CHECK((price = 0) = (method = ''))) STRICT;"
        "INSERT INTO purchase_order(id, account, contract, product, plan, units, price, payer,"
        " method, payment, refund_until_ns, placed_ns) SELECT id, account, 1, '', plan, 0,"
        " CASE kind WHEN 1 THEN amount ELSE 0 END, '', CASE kind WHEN 1 THEN 'unknown' ELSE '' END,"
        " payment, 0, created_ns FROM lot;"
        "CREATE INDEX order_of_account ON purchase_order(account, placed_ns);"
        "CREATE INDEX order_of_payment ON purchase_order(payment);"
        "CREATE INDEX lot_of_account ON lot(account);"
        /* Why an entry is there that neither a call nor an order is the cause of. */
        "CREATE TABLE cause(entry INTEGER PRIMARY KEY REFERENCES entry, at_ns INTEGER NOT NULL,"
        " ground INTEGER NOT NULL CHECK(ground BETWEEN 1 AND 5), payer TEXT NOT NULL,"
        " method TEXT NOT NULL, reason TEXT NOT NULL, reference TEXT NOT NULL,"
        " corrects INTEGER REFERENCES entry,"
        " CHECK((ground = 4) = (corrects IS NOT NULL))) STRICT;"
        "CREATE INDEX cause_of_correction ON cause(corrects);"
        "INSERT INTO cause(entry, at_ns, ground, payer, method, reason, reference)"
        " SELECT id, 0, 5, '', '', '', '' FROM entry WHERE code IN (4, 5);"
        /* What of a lot was given back, has ended, and was taken by corrections of its purchase:
         * folds of the entries, as `remaining` is. The rest of it bought calls. */
        "ALTER TABLE lot ADD COLUMN refunded INTEGER NOT NULL DEFAULT 0 CHECK(refunded >= 0);"
        "ALTER TABLE lot ADD COLUMN expired INTEGER NOT NULL DEFAULT 0 CHECK(expired >= 0);"
        "ALTER TABLE lot ADD COLUMN corrected INTEGER NOT NULL DEFAULT 0 CHECK(corrected >= 0);"
        "UPDATE lot SET refunded = (SELECT coalesce(sum(amount), 0) FROM entry WHERE code = 4"
        " AND ref = lot.id), expired = (SELECT coalesce(sum(amount), 0) FROM entry"
        " WHERE code = 5 AND ref = lot.id);",
};

const struct store_migration budget_calls_migration = {
    .number = 20,
    .name = "budget calls",
    /* How many calls a key may make, -1: no limit, and has made that were answered. */
    .sql = "ALTER TABLE budget ADD COLUMN day_calls_max INTEGER NOT NULL DEFAULT -1;"
           "ALTER TABLE budget ADD COLUMN month_calls_max INTEGER NOT NULL DEFAULT -1;"
           "ALTER TABLE budget ADD COLUMN total_calls_max INTEGER NOT NULL DEFAULT -1;"
           "ALTER TABLE budget ADD COLUMN day_calls INTEGER NOT NULL DEFAULT 0;"
           "ALTER TABLE budget ADD COLUMN month_calls INTEGER NOT NULL DEFAULT 0;"
           "ALTER TABLE budget ADD COLUMN total_calls INTEGER NOT NULL DEFAULT 0;"
           "UPDATE budget SET"
           " total_calls = (SELECT count(*) FROM budget_hold k JOIN settlement s ON s.hold = k.hold"
           " WHERE k.budget = budget.id AND (s.state = 1 OR s.posted > 0)),"
           " month_calls = (SELECT count(*) FROM budget_hold k JOIN settlement s ON s.hold = k.hold"
           " WHERE k.budget = budget.id AND k.month = budget.month"
           " AND (s.state = 1 OR s.posted > 0)),"
           " day_calls = (SELECT count(*) FROM budget_hold k JOIN settlement s ON s.hold = k.hold"
           " WHERE k.budget = budget.id AND k.day = budget.day"
           " AND (s.state = 1 OR s.posted > 0));",
};

const struct store_migration budget_migration = {
    .number = 8,
    .name = "budget",
    .sql = "CREATE TABLE lot_warning(lot INTEGER NOT NULL REFERENCES lot,"
           " days INTEGER NOT NULL CHECK(days IN (60, 30, 7)), left_nano INTEGER NOT NULL,"
           " at_ns INTEGER NOT NULL, PRIMARY KEY(lot, days)) STRICT;"
           /* Limits of a key: -1: none. What was spent is that of the day and the month named. */
           "CREATE TABLE budget(id INTEGER PRIMARY KEY, key BLOB NOT NULL UNIQUE"
           " CHECK(length(key) = 16), day_max INTEGER NOT NULL, month_max INTEGER NOT NULL,"
           " total_max INTEGER NOT NULL, day INTEGER NOT NULL, day_spent INTEGER NOT NULL,"
           " month INTEGER NOT NULL, month_spent INTEGER NOT NULL, total_spent INTEGER NOT NULL"
           ") STRICT;"
           /* The calls of keys with a budget. */
           "CREATE TABLE budget_hold(hold INTEGER PRIMARY KEY REFERENCES hold,"
           " budget INTEGER NOT NULL REFERENCES budget, day INTEGER NOT NULL,"
           " month INTEGER NOT NULL) STRICT;",
};
