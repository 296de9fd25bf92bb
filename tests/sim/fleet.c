#include "fleet.h"

#include <stdio.h>
#include <string.h>

#include "auditor_internal.h"
#include "books.h"
#include "front/device_issue.h"
#include "ledger/ledger.h"
#include "life.h"

#define FLEET_HANDS_REVOKED 2 /* from this hand on: one device of each fleet always buys */

/* Some calls each: the dearest costs 6 million nano, most less than one. */
static const struct fleet_most fleet_mosts[PLAY_ACCOUNTS][PLAY_HANDS] = {
    { { 0 }, { .calls_total = 3 }, { .money_day = 6000000 } },
    { { 0 }, { .money_total = 9000000 }, { .calls_day = 2 } },
    { { 0 }, { .money_day = 4000000, .calls_total = 5 }, { .money_total = 5000000 } },
    { { 0 }, { .calls_day = 4, .money_total = 2000000 }, { 0 } },
};

const struct fleet_most *fleet_most(int account, int hand)
{
    return &fleet_mosts[account][hand];
}

/* ---- the operator ------------------------------------------------------------------------ */

static int64_t fleet_cap(int64_t most)
{
    return most == 0 ? FLEET_CAP_NONE : most;
}

static enum err fleet_furnish_hand(struct play *play, const struct fleet *fleet, int at, int hand,
                                   struct fail *fail)
{
    const struct fleet_most *most = fleet_most(at, hand);
    struct account *account = &play->accounts[at];
    char id[32];
    (void)snprintf(id, sizeof(id), "device-%d-%d", at, hand);
    struct device_order order = {
        .id = str_from(id),
        .caps = { [FLEET_MONEY_DAY] = fleet_cap(most->money_day),
                  [FLEET_MONEY_TOTAL] = fleet_cap(most->money_total),
                  [FLEET_CALLS_DAY] = fleet_cap(most->calls_day),
                  [FLEET_CALLS_TOTAL] = fleet_cap(most->calls_total),
                  [FLEET_WAKES_DAY] = FLEET_CAP_NONE,
                  [FLEET_WAKES_TOTAL] = FLEET_CAP_NONE },
    };
    struct devices_issue issue = {
        .fleet = fleet, .orders = &order, .count = 1, .now_ns = loop_wall_ns(play->outside)
    };
    const struct device_issue with = { .ident = life_ident(play->life),
                                       .ledger = life_ledger(play->life) };
    TRY(device_issue_run(&with, &issue, fail));
    (void)snprintf(account->key[hand], sizeof(account->key[hand]), "%s", order.text.text);
    account->key_ids[hand] = order.device->key.id;
    return ERR_OK;
}

enum err fleet_furnish(struct play *play, int account, struct fail *fail)
{
    const struct fleet *fleet = NULL;
    struct api_key_text text;
    struct fleet_order order = {
        .client = play->accounts[account].client,
        .product = STR(PLAY_PRODUCT),
        .market = STR("US"),
        .maker = STR("maker"),
    };
    for (int i = 0; i < FLEET_CAPS; i++) {
        order.caps[i] = FLEET_CAP_NONE;
    }
    TRY(fleet_add(life_ident(play->life), &order, loop_wall_ns(play->outside), &fleet, &text,
                  fail));
    for (int hand = 1; hand < PLAY_HANDS; hand++) {
        TRY(fleet_furnish_hand(play, fleet, account, hand, fail));
    }
    return ERR_OK;
}

void fleet_revoke(struct play *play)
{
    int at = (int)play_random(play, PLAY_ACCOUNTS);
    int hand = FLEET_HANDS_REVOKED;
    struct account *account = &play->accounts[at];
    struct fail fail = { .text = "" };
    const struct api_key *key = api_key_find(life_ident(play->life), account->key_ids[hand]);
    if (key == NULL || key->device == NULL) {
        play_fail(play, NULL, "the device of hand %d of account %d is lost", hand, at);
    }
    if (api_key_revoked_ns(key) != 0) {
        return;
    }
    enum err err =
        device_revoke(life_ident(play->life), key->device, loop_wall_ns(play->outside), &fail);
    if (err == ERR_OK) {
        account->revoked_ns[hand] = sim_now_ns(play->sim);
        play_note(play, "the device of hand %d of account %d is revoked", hand, at);
    } else if (err == ERR_STORE_FAILED) {
        account->revoke_unsure[hand] = true;
    } else {
        play_fail(play, NULL, "a device is not revoked: %s", fail.text);
    }
}

/* ---- replies ----------------------------------------------------------------------------- */

static bool fleet_is_device(const struct play *play, const struct sale *sale)
{
    return play_has_fleets(play) && sale->hand > 0;
}

bool fleet_was_revoked(const struct play *play, const struct sale *sale)
{
    int64_t revoked_ns = play->accounts[sale->account].revoked_ns[sale->hand];
    return revoked_ns != 0 && sale->begun_ns > revoked_ns;
}

static bool fleet_may_be_revoked(const struct play *play, const struct sale *sale)
{
    const struct account *account = &play->accounts[sale->account];
    return account->revoked_ns[sale->hand] != 0 || account->revoke_unsure[sale->hand];
}

/* It is over, and nothing was sold, before the other began. */
static bool fleet_sold_nothing(const struct sale *other, const struct sale *sale)
{
    return other->asking != ASK_GOOD || other->replayed ||
           (other->whole && other->status != 200 && other->ended_ns < sale->begun_ns &&
            strcmp(other->code, "not_selling") != 0);
}

/* What the device can have used, with what is under way, and with this. */
static bool fleet_may_lack(const struct play *play, const struct sale *sale, bool money,
                           int64_t most)
{
    int64_t sum = 0;
    for (int i = 0; i < play->sale_count; i++) {
        const struct sale *other = &play->sales[i];
        if (other->account != sale->account || other->hand != sale->hand ||
            (other != sale && fleet_sold_nothing(other, sale))) {
            continue;
        }
        int64_t one = audit_most(sale, other, 0);
        int64_t two = audit_most(sale, other, 1);
        sum += !money ? 1 : one > two ? one : two;
    }
    return most > 0 && sum > most;
}

bool fleet_may_refuse(const struct play *play, const struct sale *sale)
{
    if (!fleet_is_device(play, sale)) {
        return false;
    }
    const struct fleet_most *most = fleet_most(sale->account, sale->hand);
    const struct {
        const char *code;
        bool money;
        int64_t most;
    } caps[] = {
        { "budget_day", true, most->money_day },
        { "budget_total", true, most->money_total },
        { "calls_day", false, most->calls_day },
        { "calls_total", false, most->calls_total },
    };
    bool may = false;
    for (size_t i = 0; i < EP_ARRAY_LEN(caps) && sale->status == 429; i++) {
        may |= strcmp(sale->code, caps[i].code) == 0 &&
               fleet_may_lack(play, sale, caps[i].money, caps[i].most);
    }
    return may || fleet_is_unknown(play, sale);
}

bool fleet_is_unknown(const struct play *play, const struct sale *sale)
{
    return fleet_is_device(play, sale) && fleet_may_be_revoked(play, sale) && sale->status == 401 &&
           strcmp(sale->code, "invalid_api_key") == 0;
}

/* ---- sources ----------------------------------------------------------------------------- */

void fleet_on_asked(const struct play *play, const struct sale *first)
{
    bool may = !play_has_fleets(play);
    for (int i = 0; i < play->sale_count && !may; i++) {
        const struct sale *sale = &play->sales[i];
        may = sale->number == first->number && !fleet_was_revoked(play, sale);
    }
    if (!may) {
        play_fail(play, first, "an upstream is asked for a device that is revoked");
    }
}

/* ---- the books --------------------------------------------------------------------------- */

/* What the device was charged and answered: in a day, or in all. */
struct fleet_used {
    int64_t money;
    int64_t calls;
};

static struct fleet_used fleet_used(const struct books *books, struct id key, const char *day)
{
    struct fleet_used used = { 0 };
    for (size_t i = 0; i < books->receipt_count; i++) {
        const struct book_receipt *receipt = &books->receipts[i];
        if (id_eq(receipt->key, key) && (day == NULL || strcmp(receipt->day, day) == 0)) {
            used.money += receipt->amount;
            used.calls += receipt->amount > 0 || strcmp(receipt->outcome, "complete") == 0 ? 1 : 0;
        }
    }
    return used;
}

static void fleet_look_at_cap(const struct play *play, int at, int hand, int64_t used, int64_t most,
                              const char *what)
{
    audit_count();
    if (most > 0 && used > most) {
        play_fail(play, NULL, "the device of hand %d of account %d has used %lld of %lld %s", hand,
                  at, (long long)used, (long long)most, what);
    }
}

static void fleet_look_at_device(struct play *play, const struct books *books, int at, int hand)
{
    struct account *account = &play->accounts[at];
    const struct fleet_most *most = fleet_most(at, hand);
    struct id id = account->key_ids[hand];
    struct fleet_used used = fleet_used(books, id, NULL);
    fleet_look_at_cap(play, at, hand, used.money, most->money_total, "nano in all");
    fleet_look_at_cap(play, at, hand, used.calls, most->calls_total, "calls in all");
    for (size_t i = 0; i < books->receipt_count; i++) {
        const struct book_receipt *receipt = &books->receipts[i];
        if (id_eq(receipt->key, id)) {
            used = fleet_used(books, id, receipt->day);
            fleet_look_at_cap(play, at, hand, used.money, most->money_day, "nano of a day");
            fleet_look_at_cap(play, at, hand, used.calls, most->calls_day, "calls of a day");
        }
    }
    const struct api_key *key = api_key_find(life_ident(play->life), id);
    bool revoked = key != NULL && api_key_revoked_ns(key) != 0;
    if (key == NULL || (account->revoked_ns[hand] != 0 && !revoked) ||
        (revoked && account->revoked_ns[hand] == 0 && !account->revoke_unsure[hand])) {
        play_fail(play, NULL, "the device of hand %d of account %d is %s", hand, at,
                  key == NULL ? "lost"
                  : revoked   ? "revoked by nobody"
                              : "revoked no more");
    }
    if (revoked && account->revoked_ns[hand] == 0) {
        account->revoked_ns[hand] = sim_now_ns(play->sim);
    }
    account->revoke_unsure[hand] = false;
}

void fleet_look(struct play *play, const struct books *books)
{
    for (int i = 0; i < PLAY_ACCOUNTS * PLAY_HANDS && play_has_fleets(play); i++) {
        if (i % PLAY_HANDS > 0 && play->accounts[i / PLAY_HANDS].open) {
            fleet_look_at_device(play, books, i / PLAY_HANDS, i % PLAY_HANDS);
        }
    }
}
