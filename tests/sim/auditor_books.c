/* The auditor's view of the rows: at the start of a life, when no call is under way. */
#include <stdio.h>
#include <string.h>

#include "auditor_bulk.h"
#include "auditor_internal.h"
#include "auditor_limits.h"
#include "auditor_log.h"
#include "books.h"
#include "fleet.h"
#include "ledger/audit.h"
#include "life.h"
#include "life_log.h"
#include "tlog/tlog.h"

#define LOOK_GONE_NS (INT64_C(20) * 1000000) /* until the server knows that a client has left */

static struct books before; /* as the last look found them: all of it was durable */

void auditor_begin(void)
{
    audit_count_anew();
    books_free(&before);
}

void auditor_end(void)
{
    books_free(&before);
}

int64_t auditor_leaves(const struct play *play)
{
    return play->early_leaves + (int64_t)before.receipt_count;
}

/* ---- rows by themselves ------------------------------------------------------------------ */

static void look_at_holds(const struct play *play, const struct books *books)
{
    for (size_t i = 0; i < books->hold_count; i++) {
        const struct book_hold *hold = &books->holds[i];
        const struct book_receipt *receipt = books_receipt(books, hold->call);
        long long number = hold->number;
        audit_count();
        if (hold->number != (int64_t)i + 1) {
            play_fail(play, NULL, "hold %zu has the number %lld", i + 1, number);
        }
        if (hold->state == BOOK_OPEN) {
            play_fail(play, NULL, "hold %lld has not ended, and no call is under way", number);
        }
        if (hold->posted > hold->amount || hold->posted < 0 ||
            (hold->overrun > 0 && hold->posted != hold->amount)) {
            play_fail(play, NULL, "hold %lld of %lld posted %lld and lost %lld", number,
                      (long long)hold->amount, (long long)hold->posted, (long long)hold->overrun);
        }
        if (hold->state == BOOK_VOIDED && hold->posted + hold->overrun != 0) {
            play_fail(play, NULL, "hold %lld was voided, and posted %lld", number,
                      (long long)hold->posted);
        }
        if (receipt == NULL || receipt->amount != hold->posted) {
            play_fail(play, NULL, "hold %lld posted %lld, its receipt says %lld", number,
                      (long long)hold->posted, receipt == NULL ? -1 : (long long)receipt->amount);
        }
        if (hold->state == BOOK_RECOVERED && strcmp(receipt->outcome, "interrupted") != 0) {
            play_fail(play, NULL, "hold %lld was recovered, its receipt says \"%s\"", number,
                      receipt->outcome);
        }
        if (books_hold(books, hold->call) != hold) {
            play_fail(play, NULL, "the call of hold %lld has two", number);
        }
    }
}

static void look_at_log(const struct play *play, const struct books *books)
{
    for (size_t i = 0; i < books->receipt_count; i++) {
        const struct book_receipt *receipt = &books->receipts[i];
        const struct book_hold *hold = books_hold(books, receipt->call);
        audit_count();
        if (receipt->leaf != play->early_leaves + (int64_t)i) {
            play_fail(play, NULL, "leaf %zu has the number %lld", i, (long long)receipt->leaf);
        }
        if (books_receipt(books, receipt->call) != receipt) {
            play_fail(play, NULL, "the call of leaf %zu has two receipts", i);
        }
        if (hold == NULL && receipt->amount != 0) {
            play_fail(play, NULL, "leaf %zu charges %lld without a hold", i,
                      (long long)receipt->amount);
        }
    }
}

/* What was durable once is so for ever. */
static void look_at_past(const struct play *play, const struct books *books)
{
    audit_count();
    if (books->hold_count < before.hold_count || books->receipt_count < before.receipt_count ||
        books->entry_count < before.entry_count) {
        play_fail(play, NULL, "there were %zu holds, %zu leaves, %zu entries; now %zu, %zu, %zu",
                  before.hold_count, before.receipt_count, before.entry_count, books->hold_count,
                  books->receipt_count, books->entry_count);
    }
    for (size_t i = 0; i < before.hold_count; i++) {
        const struct book_hold *was = &before.holds[i];
        const struct book_hold *is = &books->holds[i];
        if (!id_eq(was->call, is->call) || was->state != is->state || was->posted != is->posted) {
            play_fail(play, NULL, "hold %zu has changed since the last life", i + 1);
        }
    }
    for (size_t i = 0; i < before.receipt_count; i++) {
        if (!id_eq(before.receipts[i].call, books->receipts[i].call)) {
            play_fail(play, NULL, "leaf %zu has changed since the last life", i);
        }
    }
}

/* ---- accounts ---------------------------------------------------------------------------- */

/* Credit of the account that has ended. */
static int64_t look_expired(const struct books *books, const struct book_account *account)
{
    int64_t expired = 0;
    for (size_t i = 0; i < books->entry_count; i++) {
        const struct book_entry *entry = &books->entries[i];
        expired += entry->code == 5 && entry->debit == account->row ? entry->amount : 0;
    }
    return expired;
}

/* What a failed commit left open about credit is known now. */
static void look_at_credit(struct play *play, const struct books *books, struct account *account)
{
    const struct book_account *row = books_account(books, account->id);
    int64_t number = account - play->accounts;
    if (row == NULL) {
        play_fail(play, NULL, "account %lld is lost", (long long)number);
    }
    int64_t more = row->cr_post - account->purchased;
    if (more != 0 && more != account->purchase_unsure) {
        play_fail(play, NULL, "account %lld bought %lld, its row says %lld", (long long)number,
                  (long long)account->purchased, (long long)row->cr_post);
    }
    int64_t expired = look_expired(books, row);
    if (account->expiry_unsure ? expired < account->expired : expired != account->expired) {
        play_fail(play, NULL, "%lld of account %lld ended, its entries say %lld",
                  (long long)account->expired, (long long)number, (long long)expired);
    }
    account->purchased = row->cr_post;
    account->purchase_unsure = 0;
    account->expired = expired;
    account->expiry_unsure = false;
}

/* The counters of every account, done over again from entries and holds. */
static void look_at_account(const struct play *play, const struct books *books,
                            const struct book_account *account)
{
    int64_t debits = 0;
    int64_t credits = 0;
    int64_t posted = look_expired(books, account);
    audit_count();
    for (size_t i = 0; i < books->entry_count; i++) {
        debits += books->entries[i].debit == account->row ? books->entries[i].amount : 0;
        credits += books->entries[i].credit == account->row ? books->entries[i].amount : 0;
    }
    for (size_t i = 0; i < books->hold_count; i++) {
        posted += books->holds[i].account == account->row ? books->holds[i].posted : 0;
    }
    if (debits != account->dr_post || credits != account->cr_post || account->dr_pend != 0 ||
        account->cr_pend != 0) {
        play_fail(play, NULL, "the counters of account row %lld are not its entries",
                  (long long)account->row);
    }
    if (account->class == 1 && (account->dr_post != posted || posted > account->cr_post)) {
        play_fail(play, NULL, "account row %lld paid %lld for calls that cost %lld",
                  (long long)account->row, (long long)account->dr_post, (long long)posted);
    }
}

static void look_at_accounts(struct play *play, const struct books *books)
{
    int64_t balance = 0;
    for (size_t i = 0; i < books->account_count; i++) {
        look_at_account(play, books, &books->accounts[i]);
        balance += books->accounts[i].dr_post - books->accounts[i].cr_post;
    }
    if (balance != 0) {
        play_fail(play, NULL, "debits and credits differ by %lld", (long long)balance);
    }
    for (int i = 0; i < PLAY_ACCOUNTS; i++) {
        if (play->accounts[i].open) {
            look_at_credit(play, books, &play->accounts[i]);
        }
    }
}

/* By what was settled, or by what a restart made of it. */
static bool look_whether_fits(struct play *play, const struct sale *sale,
                              const struct book_hold *hold)
{
    const struct audit_charge charge = { hold->amount, hold->posted, hold->overrun };
    return hold->state == BOOK_RECOVERED ? audit_mark_fits(play, sale, &charge)
                                         : audit_charge_fits(play, sale, &charge);
}

/* ---- what clients saw -------------------------------------------------------------------- */

/* A good call was answered with more than a refusal: a sale that must be in the books. */
static void look_at_sold(struct play *play, const struct books *books, const struct sale *sale)
{
    struct book_hold *hold = books_hold(books, sale->call);
    if (hold == NULL) {
        play_fail(play, sale, "a byte of the answer was seen, and there is no hold (Gate A)");
    }
    bool told = sale->replayed && sale->has_charge; /* of a stream the head comes before */
    if (told && (hold->state != BOOK_SETTLED || hold->posted != sale->charge)) {
        play_fail(play, sale, "the call that was replayed cost %lld", (long long)hold->posted);
    }
    hold->matched |= !sale->replayed;
    if (!audit_hold_fits(sale, hold->amount)) {
        play_fail(play, sale, "%lld was held", (long long)hold->amount);
    }
    if ((sale->finish_seen || sale->whole) && hold->state == BOOK_RECOVERED) {
        play_fail(play, sale, "the end of the answer was seen before it was settled (Gate B)");
    }
    if (sale->has_charge && sale->charge != hold->posted) {
        play_fail(play, sale, "the client was told another charge than %lld",
                  (long long)hold->posted);
    }
    if (!look_whether_fits(play, sale, hold)) {
        play_fail(play, sale, "%lld was charged and %lld lost of a hold of %lld",
                  (long long)hold->posted, (long long)hold->overrun, (long long)hold->amount);
    }
}

static void look_at_sale(struct play *play, const struct books *books, const struct sale *sale)
{
    struct book_hold *hold = sale->has_call ? books_hold(books, sale->call) : NULL;
    const struct book_receipt *receipt = sale->has_call ? books_receipt(books, sale->call) : NULL;
    bool known = sale->asking == ASK_GOOD || sale->asking == ASK_UNKNOWN_MODEL;
    audit_count();
    if (sale->status == 200) {
        look_at_sold(play, books, sale);
        return;
    }
    if (!known && (hold != NULL || receipt != NULL)) {
        play_fail(play, sale, "nobody is known to pay, and the books have it");
    }
    /* What a failed commit has left is unknown until the restart. */
    bool unknown = strcmp(sale->code, "not_selling") == 0;
    if (hold != NULL) {
        hold->matched = true;
        bool fits = unknown ? look_whether_fits(play, sale, hold) : hold->posted == 0;
        if (!fits) {
            play_fail(play, sale, "a refusal cost %lld", (long long)hold->posted);
        }
    }
    bool sold = known && sale->whole && !unknown && !fleet_is_unknown(play, sale);
    if (sold && (receipt == NULL || receipt->amount != 0)) {
        play_fail(play, sale, "a refusal was seen whole, and has no receipt of amount 0");
    }
    if (sold && hold != NULL && hold->state == BOOK_RECOVERED) {
        play_fail(play, sale, "a refusal was seen whole before it was settled (Gate B)");
    }
}

/* A hold whose call no client knows by its id: one of those that saw nothing must fit. */
static bool look_for_unseen(struct play *play, const struct books *books,
                            const struct book_hold *hold)
{
    for (int i = 0; i < play->sale_count; i++) {
        const struct sale *sale = &play->sales[i];
        const struct book_account *row = books_account(books, play->accounts[sale->account].id);
        if (row == NULL || row->row != hold->account) {
            continue;
        }
        /* A line that met a limit or a failing source is asked again. */
        if (sale->batch > 0 && hold->posted == 0 && audit_hold_fits(sale, hold->amount)) {
            return true;
        }
        if (sale->has_call || sale->asking != ASK_GOOD) {
            continue;
        }
        if (look_whether_fits(play, sale, hold)) {
            return true;
        }
    }
    return false;
}

/* One key buys once: of the calls that share it at most one was sold. */
static void look_at_keys(struct play *play, const struct books *books)
{
    int sold[PLAY_SALES_MAX + 1] = { 0 };
    for (int i = 0; i < play->sale_count; i++) {
        const struct sale *sale = &play->sales[i];
        const struct book_hold *hold = sale->key > 0 && sale->has_call && !sale->replayed
                                           ? books_hold(books, sale->call)
                                           : NULL;
        sold[sale->number] += hold != NULL && hold->posted > 0 ? 1 : 0;
        if (sold[sale->number] > 1) {
            play_fail(play, sale, "a key has bought twice");
        }
    }
}

/* ---- what SDKs send again by themselves ------------------------------------------------- */

/* Some of a stream may have left before its client was known to have gone: it is charged, and what
 * is sent again is another call. */
static bool again_has_begun(struct play *play, const struct sale *sale)
{
    const struct sale *first = play_first(play, sale->number);
    bool begun = false;
    for (int i = 0; i < first->attempt_count; i++) {
        int64_t begun_ns = first->attempts[i].begun_ns;
        begun |=
            begun_ns != 0 && begun_ns >= sale->begun_ns && begun_ns < sale->ended_ns + LOOK_GONE_NS;
    }
    return begun;
}

/* How many of the calls with the number may be charged; -1: nobody can tell. One that was left
 * without an answer is charged only if no other of them is: with what a repeat was told, or because
 * the last of them left as it ended. */
static int again_charges(struct play *play, int number)
{
    uint64_t life = play_first(play, number)->life;
    int charges = 0;
    bool shared = false;
    for (int i = 0; i < play->sale_count; i++) {
        const struct sale *sale = &play->sales[i];
        if (sale->number != number) {
            continue;
        }
        if (sale->life != life || sale->life != sale->life_ended ||
            play->closed_life >= sale->life || play->faulty_life >= sale->life) {
            return -1; /* a restart forgets what may be repeated */
        }
        bool own = (sale->status == 200 && !sale->replayed) ||
                   (sale->status == 0 && again_has_begun(play, sale));
        charges += own ? 1 : 0;
        shared |= !own;
    }
    return charges == 0 && shared ? 1 : charges;
}

/* Whose hold it is, of the calls that were sent again: the number; 0: of none, or of more than one
 * that it may be. */
static int again_of_hold(struct play *play, const struct books *books, const struct book_hold *hold)
{
    int number = 0;
    for (int i = 0; i < play->sale_count; i++) {
        const struct sale *sale = &play->sales[i];
        const struct book_account *row = books_account(books, play->accounts[sale->account].id);
        if (sale->has_call && id_eq(sale->call, hold->call)) {
            return sale->number;
        }
        bool may = !sale->has_call && sale->asking == ASK_GOOD && row != NULL &&
                   row->row == hold->account && look_whether_fits(play, sale, hold);
        if (may && number != 0 && number != sale->number) {
            return 0;
        }
        number = may ? sale->number : number;
    }
    return number;
}

/* A repeat has no second charge. */
static void look_at_repeats(struct play *play, const struct books *books)
{
    int charged[PLAY_SALES_MAX + 1] = { 0 };
    for (size_t i = 0; i < books->hold_count && play_repeats(play); i++) {
        const struct book_hold *hold = &books->holds[i];
        int number = hold->posted > 0 ? again_of_hold(play, books, hold) : 0;
        charged[number]++;
    }
    for (int number = 1; number <= play->sale_count && play_repeats(play); number++) {
        const struct sale *first = play_first(play, number);
        int charges = first->repeated ? again_charges(play, number) : -1;
        audit_count();
        if (charges >= 0 && charged[number] > charges) {
            play_fail(play, first, "it was sent again, and charged %d times", charged[number]);
        }
    }
}

/* ---- the whole --------------------------------------------------------------------------- */

static void look_on_line(void *context, const struct audit_line *line)
{
    if (line->wrong > 0) {
        play_fail(context, NULL, "the audit finds \"%s\" broken by %s %lld", line->name, line->row,
                  (long long)line->first);
    }
}

static enum err look_with_theirs(void *context, struct store_txn *txn, struct fail *fail)
{
    struct tlog_figures figures;
    struct note_key key = life_log_key();
    TRY(ledger_audit(txn, look_on_line, context, fail));
    TRY(tlog_audit(txn, &key, &figures, fail));
    for (size_t i = 0; i < TLOG_RULES; i++) {
        if (figures.rules[i].wrong > 0) {
            play_fail(context, NULL, "the audit finds rule %zu of the log broken at %lld", i,
                      (long long)figures.rules[i].first);
        }
    }
    return ERR_OK;
}

static void look_begin_life(struct play *play, const struct books *books)
{
    for (int i = 0; i < PLAY_ACCOUNTS; i++) {
        struct account *account = &play->accounts[i];
        const struct book_account *row = books_account(books, account->id);
        account->asked = 0;
        account->holds_before = 0;
        for (size_t at = 0; row != NULL && at < books->hold_count; at++) {
            account->holds_before += books->holds[at].account == row->row ? 1 : 0;
        }
    }
}

void auditor_look(struct play *play)
{
    struct books books;
    struct fail fail = { .text = "" };
    disk_spare(true);
    enum err err = books_read(life_store(play->life), &books, &fail);
    err = err == ERR_OK ? store_read(life_store(play->life), look_with_theirs, play, &fail) : err;
    disk_spare(false);
    if (err != ERR_OK) {
        play_fail(play, NULL, "the books cannot be read: %s", fail.text);
    }
    look_at_past(play, &books);
    look_at_holds(play, &books);
    look_at_log(play, &books);
    auditor_log_look_at_rows(play, life_store(play->life));
    look_at_accounts(play, &books);
    for (int i = 0; i < play->sale_count; i++) {
        look_at_sale(play, &books, &play->sales[i]);
    }
    for (size_t i = 0; i < books.hold_count; i++) {
        if (!books.holds[i].matched && !look_for_unseen(play, &books, &books.holds[i])) {
            play_fail(play, NULL, "hold %lld (%lld posted of %lld) is nobody's",
                      (long long)books.holds[i].number, (long long)books.holds[i].posted,
                      (long long)books.holds[i].amount);
        }
    }
    look_at_keys(play, &books);
    fleet_look(play, &books);
    auditor_bulk_look(play, &books);
    look_at_repeats(play, &books);
    look_begin_life(play, &books);
    play_note(play, "the books: %zu holds, %zu leaves, %zu entries", books.hold_count,
              books.receipt_count, books.entry_count);
    books_free(&before);
    before = books;
}

void auditor_at_rest(struct play *play)
{
    struct books books;
    struct fail fail = { .text = "" };
    if (life_failed(play->life)) {
        return; /* what it holds stays held until the restart */
    }
    disk_spare(true);
    enum err err = books_read(life_store(play->life), &books, &fail);
    disk_spare(false);
    if (err != ERR_OK) {
        play_fail(play, NULL, "the books cannot be read: %s", fail.text);
    }
    for (int i = 0; i < PLAY_ACCOUNTS; i++) {
        const struct book_account *row = books_account(&books, play->accounts[i].id);
        struct life_credit credit = life_credit(play->life, play->accounts[i].id);
        audit_count();
        if (credit.held != 0 || credit.available != row->cr_post - row->dr_post ||
            credit.spent != row->dr_post - look_expired(&books, row)) {
            play_fail(play, NULL, "account %d at rest: %lld available, %lld held, %lld spent", i,
                      (long long)credit.available, (long long)credit.held, (long long)credit.spent);
        }
    }
    auditor_limits_at_rest(play);
    books_free(&books);
}
