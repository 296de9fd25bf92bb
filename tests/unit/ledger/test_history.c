/* Whole histories: random ones against a model written apart from the books, and one in which
 * threads spend while credit is bought, refunded and expires. */
#include <pthread.h>

#include "books.h"

#define MODEL_LOTS 512

static struct books books;

struct model_lot {
    int64_t id;
    int64_t left;
    int64_t priority;
    int64_t expires_ns;
};

struct model {
    struct model_lot lots[MODEL_LOTS];
    size_t count;
    int64_t held;
    int64_t spent;
};

static struct model model;
static uint64_t dice;

static int64_t roll(int64_t sides)
{
    dice = dice * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (int64_t)(dice >> 33) % sides;
}

static int64_t model_available(void)
{
    int64_t sum = 0;
    for (size_t i = 0; i < model.count; i++) {
        sum += model.lots[i].left;
    }
    return sum - model.held;
}

static void model_draw(int64_t amount)
{
    for (model.spent += amount; amount > 0; amount--) { /* one nano at a time, the slow way */
        struct model_lot *best = NULL;
        for (size_t i = 0; i < model.count; i++) {
            struct model_lot *lot = &model.lots[i];
            int64_t ends = lot->expires_ns == 0 ? INT64_MAX : lot->expires_ns;
            int64_t best_ends =
                best == NULL || best->expires_ns == 0 ? INT64_MAX : best->expires_ns;
            bool sooner = best == NULL || lot->priority < best->priority ||
                          (lot->priority == best->priority && ends < best_ends);
            best = lot->left > 0 && sooner ? lot : best;
        }
        CHECK(best != NULL);
        best->left--;
    }
}

static void step_buy(struct ledger_account *account)
{
    enum ledger_lot_kind kind = roll(3) == 0 ? LOT_PROMO : LOT_PAID;
    struct model_lot lot = {
        .left = 1 + roll(400),
        .priority = kind == LOT_PROMO ? 0 : 50,
        .expires_ns = roll(2) == 0 ? 0 : 1000 + roll(5) * 1000,
    };
    lot.id = books_buy(&books, account, lot.left, kind, lot.expires_ns);
    CHECK(model.count < MODEL_LOTS);
    model.lots[model.count++] = lot;
}

static void step_call(struct ledger_account *account)
{
    int64_t held = roll(300);
    bool fits = held <= model_available();
    if (roll(12) == 0) {
        CHECK((books_call(&books, account, held, -1, 0) == ERR_OK) == fits);
        model.held += fits ? held : 0;
        return;
    }
    int64_t posted = roll(held + 1);
    CHECK((books_call(&books, account, held, posted, posted == held ? roll(9) : 0) == ERR_OK) ==
          fits);
    if (fits) {
        model_draw(posted);
    }
}

static void step_refund(struct ledger_account *account)
{
    if (model.count == 0) {
        return;
    }
    struct model_lot *lot = &model.lots[roll((int64_t)model.count)];
    int64_t available = model_available();
    int64_t want = lot->left < available ? lot->left : available;
    int64_t amount = 0;
    enum err err = books_refund(&books, account, lot->id, &amount);
    CHECK((err == ERR_OK) == (want > 0 && lot->priority != 0));
    CHECK(err != ERR_OK || amount == want);
    lot->left -= err == ERR_OK ? want : 0;
}

static void step_expire(void)
{
    int64_t now_ns = 1000 + roll(4) * 1000;
    int64_t want = model_available();
    int64_t over = 0;
    for (size_t i = 0; i < model.count; i++) {
        struct model_lot *lot = &model.lots[i];
        over += lot->expires_ns != 0 && lot->expires_ns <= now_ns ? lot->left : 0;
    }
    int64_t amount = 0;
    CHECK(ledger_expire(books.ledger, now_ns, &amount, &books.fail) == ERR_OK);
    CHECK_EQ(amount, over < want ? over : want);
    /* In the order in which they are drawn, as far as they go. */
    for (int64_t left = amount; left > 0; left--) {
        struct model_lot *best = NULL;
        for (size_t i = 0; i < model.count; i++) {
            struct model_lot *lot = &model.lots[i];
            bool over_now = lot->left > 0 && lot->expires_ns != 0 && lot->expires_ns <= now_ns;
            if (over_now &&
                (best == NULL || lot->priority < best->priority ||
                 (lot->priority == best->priority && lot->expires_ns < best->expires_ns))) {
                best = lot;
            }
        }
        CHECK(best != NULL);
        best->left--;
    }
}

/* Also ends what the last run left open, as a start does. */
static struct ledger_account *step_restart(void)
{
    books_close(&books);
    books_open(&books);
    struct ledger_hold hold;
    while (ledger_next_open_hold(books.ledger, &hold)) {
        books_recover(&books, &hold);
        model.held -= hold.amount;
    }
    CHECK_EQ(model.held, 0);
    struct ledger_account *account = ledger_find(books.ledger, (struct id){ { 1, 1 } });
    CHECK(account != NULL);
    return account;
}

TEST(random_histories_agree_with_a_model_and_with_the_audit)
{
    for (uint64_t seed = 1; seed <= 12; seed++) {
        dice = seed;
        model = (struct model){ .count = 0 };
        books_begin(&books);
        struct ledger_account *account = books_account(&books, 1);
        for (int i = 0; i < 250; i++) {
            int64_t what = roll(40);
            if (what < 8) {
                step_buy(account);
            } else if (what < 32) {
                step_call(account);
            } else if (what < 36) {
                step_refund(account);
            } else if (what < 39) {
                step_expire();
            } else {
                account = step_restart();
            }
            CHECK_EQ(ledger_credit(account)->available, model_available());
            CHECK_EQ(ledger_credit(account)->held, model.held);
            CHECK_EQ(ledger_credit(account)->spent, model.spent);
        }
        books_end(&books);
    }
}

/* ---- threads ----------------------------------------------------------------------------- */

#define THREADS 3
#define ROUNDS  300

static void *spend(void *context)
{
    struct id id = { { 1, 1 } };
    int64_t spent = 0;
    for (int i = 0; i < ROUNDS; i++) {
        struct ledger_account *account = ledger_find(books.ledger, id);
        CHECK(account != NULL);
        struct books_call call = {
            .job = { .run = books_run_call },
            .ledger = books.ledger,
            .hold = { .call = { { 9 } }, .account = account, .amount = 5, .opened_ns = 2 },
            .posted = i % 5,
        };
        if (account_reserve(ledger_credit(account), 5) == ERR_OK) {
            struct fail fail;
            CHECK(store_run(books.store, &call.job, &fail) == ERR_OK);
            account_settle(ledger_credit(account), 5, call.posted);
            spent += call.posted;
        }
    }
    *(int64_t *)context = spent;
    return NULL;
}

TEST(threads_spend_while_credit_comes_and_goes)
{
    books_begin(&books);
    struct ledger_account *account = books_account(&books, 1);
    int64_t bought = 0;
    int64_t gone = 0;
    int64_t spent[THREADS] = { 0 };
    pthread_t threads[THREADS];
    for (size_t i = 0; i < THREADS; i++) {
        CHECK(pthread_create(&threads[i], NULL, spend, &spent[i]) == 0);
    }
    for (unsigned char i = 0; i < 100; i++) {
        int64_t amount = 0;
        int64_t lot = books_buy(&books, account, 40, LOT_PAID, i % 2 == 0 ? 0 : 5000);
        bought += 40;
        (void)books_account(&books, (unsigned char)(i + 2)); /* while others look accounts up */
        if (i % 3 == 0 && books_refund(&books, account, lot, &amount) == ERR_OK) {
            gone += amount;
        }
        CHECK(ledger_expire(books.ledger, i % 4 == 0 ? 5000 : 1, &amount, &books.fail) == ERR_OK);
        gone += amount;
    }
    int64_t total = 0;
    for (size_t i = 0; i < THREADS; i++) {
        CHECK(pthread_join(threads[i], NULL) == 0);
        total += spent[i];
    }
    CHECK_EQ(ledger_credit(account)->held, 0);
    CHECK_EQ(ledger_credit(account)->spent, total);
    CHECK_EQ(ledger_credit(account)->available, bought - gone - total);
    books_end(&books);
}
