#include "auditor.h"

#include <stdio.h>
#include <string.h>

#include "auditor_bulk.h"
#include "auditor_internal.h"
#include "auditor_limits.h"
#include "books.h"
#include "bulk.h"
#include "client_read.h"
#include "fleet.h"
#include "life.h"
#include "wish.h"

#define AUDIT_TEMPLATE_TOKENS 256 /* what a template may add to a request's own bytes */
#define AUDIT_DEADLINE_NS     INT64_C(2500000) /* what has left by then is there a packet later */
#define AUDIT_SWAPPED         "upstream_model_mismatch"
#define AUDIT_OUTPUT_MIN      16 /* tokens; a call without a cap is sold from here on */

/* ---- what a call may cost ---------------------------------------------------------------- */

/* What the call pays: of the line of a batch each price is rounded down by itself. */
static struct price audit_price(const struct sale *sale, int model, size_t book)
{
    struct price price = play_prices[book][model];
    if (sale->batch > 0) {
        price.input = price.input * BULK_PERCENT / 100;
        price.cached = price.cached * BULK_PERCENT / 100;
        price.output = price.output * BULK_PERCENT / 100;
    }
    return price;
}

int64_t audit_ceiling(const struct sale *sale, int64_t cap, size_t book)
{
    struct price price = audit_price(sale, sale->model, book);
    int64_t input = (int64_t)sale->body_bytes + AUDIT_TEMPLATE_TOKENS;
    int64_t pico = input * price.input + cap * price.output;
    if (sale->wish.stand_in >= 0) { /* the dearer one; another vocabulary may make more of it */
        struct price other = audit_price(sale, sale->wish.stand_in, book);
        int64_t dear = input * 150 / 100 * other.input + cap * other.output;
        pico = dear > pico ? dear : pico;
    }
    return (pico + 999) / 1000;
}

int64_t audit_most(const struct sale *sale, const struct sale *other, size_t book)
{
    int64_t cap = other->cap > 0 ? other->cap : PLAY_OUTPUT_MAX;
    cap = other == sale && sale->cap == 0 ? AUDIT_OUTPUT_MIN : cap;
    struct sale most = *other;
    /* Of another dialect it is held for as a chat request, which may be longer. */
    most.body_bytes += other->tongue != TONGUE_CHAT ? AUDIT_TEMPLATE_TOKENS : 0;
    return audit_ceiling(&most, cap, book);
}

/* A request of another dialect is held for as the chat request that says the same: its text, and
 * what stands around that in some form. */
static bool audit_hold_is_near(const struct sale *sale, int64_t amount, size_t book)
{
    struct sale least = *sale;
    struct sale most = *sale;
    least.body_bytes = sale->pad;
    most.body_bytes += AUDIT_TEMPLATE_TOKENS;
    return amount >= audit_ceiling(&least, sale->cap, book) - 1 -
                         AUDIT_TEMPLATE_TOKENS * play_prices[book][sale->model].input / 1000 &&
           amount <= audit_ceiling(&most, sale->cap, book);
}

static bool audit_hold_is(const struct sale *sale, int64_t amount, size_t book)
{
    if (sale->tongue != TONGUE_CHAT) {
        return audit_hold_is_near(sale, amount, book);
    }
    return sale->cap > 0 ? amount == audit_ceiling(sale, sale->cap, book)
                         : amount <= audit_ceiling(sale, PLAY_OUTPUT_MAX, book);
}

bool audit_hold_fits(const struct sale *sale, int64_t amount)
{
    bool fits = false;
    for (size_t book = 0; book < PLAY_PRICE_BOOKS; book++) {
        fits |= audit_hold_is(sale, amount, book);
    }
    return fits;
}

/* By the upstream's report. */
static int64_t audit_rated(const struct price *price, const struct attempt *attempt)
{
    int64_t pico = (attempt->prompt - attempt->cached) * price->input +
                   attempt->cached * price->cached + attempt->completion * price->output;
    return pico / 1000;
}

static bool audit_is(const struct audit_charge *charge, int64_t total)
{
    int64_t most = total < charge->amount ? total : charge->amount;
    return charge->posted == most && charge->overrun == total - most;
}

/* What the first client of it saw to the end is known exactly; else what can have been. Without a
 * report each event with text is a token, and no input is charged. */
static bool audit_attempt_fits(const struct sale *sale, const struct attempt *attempt,
                               const struct audit_charge *charge, size_t book)
{
    const struct price price = audit_price(sale, attempt->model, book);
    bool believed = attempt->reported && attempt->manner != MANNER_ODD_TOTAL;
    bool by_report = believed && audit_is(charge, audit_rated(&price, attempt));
    bool nothing = charge->posted == 0 && charge->overrun == 0;
    bool seen_all = sale->status == 200 && sale->whole && sale->finish_seen && !sale->error_seen;
    /* What another model has said costs nothing, wherever in the answer it came to light. */
    if (attempt->manner == MANNER_OTHER_MODEL || strcmp(sale->code, AUDIT_SWAPPED) == 0) {
        return nothing;
    }
    if (attempt->manner == MANNER_TURN && nothing && !seen_all) {
        return true; /* the client had gone, and the server saw the turn */
    }
    if (seen_all && believed) {
        return by_report;
    }
    int64_t least = seen_all ? attempt->events : sale->events;
    for (int64_t n = least; attempt->stream && n <= attempt->events; n++) {
        if (audit_is(charge, n * price.output / 1000)) {
            return true;
        }
    }
    if (seen_all) {
        return !attempt->stream && nothing;
    }
    return by_report || (nothing && sale->events == 0);
}

static bool audit_fits_by(struct play *play, const struct sale *sale,
                          const struct audit_charge *charge, size_t book)
{
    const struct sale *first = play_first(play, sale->number);
    if (sale->attempt >= 0) {
        return sale->attempt < first->attempt_count &&
               audit_attempt_fits(sale, &first->attempts[sale->attempt], charge, book);
    }
    bool fits = charge->posted == 0 && charge->overrun == 0;
    for (int i = 0; i < first->attempt_count && !fits; i++) {
        fits = audit_attempt_fits(sale, &first->attempts[i], charge, book);
    }
    return fits;
}

bool audit_charge_fits(struct play *play, const struct sale *sale,
                       const struct audit_charge *charge)
{
    bool fits = false;
    for (size_t book = 0; book < PLAY_PRICE_BOOKS; book++) {
        fits |=
            audit_hold_is(sale, charge->amount, book) && audit_fits_by(play, sale, charge, book);
    }
    return fits;
}

/* Some of the text that was on its way, as events. */
static bool audit_mark_is(const struct sale *sale, const struct attempt *attempt,
                          const struct audit_charge *charge, size_t book)
{
    struct price price = audit_price(sale, attempt->model, book);
    bool fits = false;
    for (int64_t n = 1; attempt->stream && n <= attempt->events && !fits; n++) {
        fits = audit_is(charge, n * price.output / 1000);
    }
    return fits;
}

bool audit_mark_fits(struct play *play, const struct sale *sale, const struct audit_charge *charge)
{
    const struct sale *first = play_first(play, sale->number);
    bool fits = false;
    for (size_t book = 0; book < PLAY_PRICE_BOOKS && !fits; book++) {
        if (!audit_hold_is(sale, charge->amount, book)) {
            continue;
        }
        fits = charge->posted == 0 && charge->overrun == 0;
        for (int i = 0; i < first->attempt_count && !fits; i++) {
            fits = (sale->attempt < 0 || sale->attempt == i) &&
                   audit_mark_is(sale, &first->attempts[i], charge, book);
        }
    }
    return fits;
}

/* ---- replies ----------------------------------------------------------------------------- */

static int64_t audit_checked;

void audit_count(void)
{
    audit_checked++;
}

void audit_count_anew(void)
{
    audit_checked = 0;
}

int64_t auditor_checks(void)
{
    return audit_checked;
}

/* Whether an answer may lack, or break off. */
static bool reply_may_break(const struct play *play, const struct sale *sale)
{
    return sale->cancelled || sale->slow || play->life == NULL || sale->life != play->lives ||
           play->faulty_life >= sale->life || play->closed_life >= sale->life;
}

static bool reply_has_manner(struct play *play, const struct sale *sale, enum manner manner)
{
    const struct sale *first = play_first(play, sale->number);
    bool has = false;
    for (int i = 0; i < first->attempt_count; i++) {
        has |= first->attempts[i].manner == manner;
    }
    return has;
}

/* It was over, with nothing sold, before the other began: its key is free again. */
static bool reply_gave_key_back(const struct sale *rival, const struct sale *sale)
{
    return rival->ended_ns != 0 && rival->ended_ns < sale->begun_ns && rival->whole &&
           rival->status != 200 && strcmp(rival->code, "not_selling") != 0;
}

/* Another call that may have the same key; of another body, if that is what is asked. */
static bool reply_has_rival(const struct play *play, const struct sale *sale, bool other_body)
{
    for (int i = 0; i < play->sale_count; i++) {
        const struct sale *rival = &play->sales[i];
        if (rival != sale && sale->key > 0 && rival->number == sale->number &&
            (rival->variant != sale->variant) == other_body && !reply_gave_key_back(rival, sale)) {
            return true;
        }
    }
    return false;
}

/* The credit may be short: all that the account ever asked for, with this, is more than it has. */
static bool reply_may_lack_credit(const struct play *play, const struct sale *sale)
{
    int64_t sum = 0;
    for (int i = 0; i < play->sale_count; i++) {
        const struct sale *other = &play->sales[i];
        if (other->account == sale->account) {
            int64_t one = audit_most(sale, other, 0);
            int64_t two = audit_most(sale, other, 1);
            sum += one > two ? one : two;
        }
    }
    const struct account *account = &play->accounts[sale->account];
    return !account->rich && sum > sale->purchased - account->expired;
}

/* What Anthropic's clients are told: a status and a type, by the vendor's own table. */
static bool reply_type_is(const struct sale *sale, int status, const char *code)
{
    static const struct {
        int status; /* that others are told */
        const char *code;
        int its;
        const char *type;
    } types[] = {
        { 400, "invalid_json", 400, "invalid_request_error" },
        { 400, "upstream_said", 400, "invalid_request_error" },
        { 401, "missing_api_key", 401, "authentication_error" },
        { 401, "invalid_api_key", 401, "authentication_error" },
        { 404, "model_not_found", 404, "not_found_error" },
        { 429, "insufficient_quota", 402, "billing_error" },
        { 429, "rate_limit_exceeded", 429, "rate_limit_error" },
        { 502, "upstream_error", 502, "api_error" },
        { 502, "upstream_cut", 502, "api_error" },
        { 502, "upstream_unreachable", 502, "api_error" },
        { 504, "upstream_timeout", 504, "timeout_error" },
        { 503, "no_route", 503, "overloaded_error" },
        { 503, "no_closed_route", 503, "overloaded_error" },
        { 503, "overloaded", 503, "overloaded_error" },
        { 503, "shutting_down", 503, "overloaded_error" },
        { 409, "idempotency_in_progress", 409, "conflict_error" },
        { 409, "idempotency_no_result", 409, "conflict_error" },
        { 422, "idempotency_mismatch", 422, "invalid_request_error" },
        { 503, "not_selling", 503, "not_selling" },
        { 502, AUDIT_SWAPPED, 502, AUDIT_SWAPPED },
    };
    for (size_t i = 0; i < EP_ARRAY_LEN(types); i++) {
        if (types[i].status == status && strcmp(types[i].code, code) == 0) {
            return sale->status == types[i].its && strcmp(sale->code, types[i].type) == 0;
        }
    }
    return false;
}

static bool reply_code_is(const struct sale *sale, int status, const char *code)
{
    return sale->tongue == TONGUE_ANTHROPIC
               ? reply_type_is(sale, status, code)
               : sale->status == status && strcmp(sale->code, code) == 0;
}

/* It found no place. Whoever is told that it waited has waited, or another law has come. */
static bool reply_waited(const struct play *play, const struct sale *sale)
{
    int64_t waited_ns = sim_now_ns(play->sim) - sale->begun_ns;
    if (!play_is_crowded(play)) {
        return false;
    }
    bool other_law = play->reloaded_ns >= sale->begun_ns;
    return (reply_code_is(sale, 503, "queue_timeout") &&
            (other_law || waited_ns >= PLAY_WAIT_NS)) ||
           (reply_code_is(sale, 429, "resource_unavailable") && play_is_flex(play, sale) &&
            (other_law || waited_ns >= PLAY_FLEX_NS));
}

/* A refusal of a good call. */
static bool reply_refusal_fits(struct play *play, const struct sale *sale)
{
    bool bad_upstream = play->bad_life >= sale->life;
    bool choosy = !wish_allows(sale, sale->model, 0) || !wish_allows(sale, sale->model, 1);
    return (reply_code_is(sale, 404, "no_route_by_preference") && choosy) ||
           (reply_code_is(sale, 504, "deadline_exceeded") && sale->wish.deadline_ns > 0) ||
           (reply_code_is(sale, 429, "insufficient_quota") && reply_may_lack_credit(play, sale)) ||
           (reply_code_is(sale, 429, "rate_limit_exceeded") && play_is_limited(play)) ||
           ((reply_code_is(sale, 400, "upstream_said") ||
             (play_is_told(play) && sale->status == 400)) && /* another dialect's own code */
            reply_has_manner(play, sale, MANNER_STATUS_400)) ||
           (bad_upstream && (reply_code_is(sale, 502, "upstream_error") ||
                             reply_code_is(sale, 502, "upstream_cut") ||
                             reply_code_is(sale, 502, "upstream_unreachable") ||
                             reply_code_is(sale, 504, "upstream_timeout") ||
                             reply_code_is(sale, 502, AUDIT_SWAPPED))) ||
           fleet_may_refuse(play, sale) || reply_waited(play, sale) ||
           reply_code_is(sale, 503, "no_route") || reply_code_is(sale, 503, "no_closed_route") ||
           reply_code_is(sale, 503, "overloaded") ||
           (reply_code_is(sale, 503, "shutting_down") && play->closed_life >= sale->life) ||
           (reply_code_is(sale, 409, "idempotency_in_progress") &&
            reply_has_rival(play, sale, false)) ||
           (reply_code_is(sale, 409, "idempotency_no_result") &&
            reply_has_rival(play, sale, false)) ||
           (reply_code_is(sale, 422, "idempotency_mismatch") && reply_has_rival(play, sale, true));
}

/* What was seen of an answer that is whole. */
static bool reply_answer_fits(struct play *play, const struct sale *sale)
{
    const struct sale *first = play_first(play, sale->number);
    if (sale->replayed && (!sale->stream || sale->tries == 0)) {
        bool repeats = sale->tries > 0 || reply_has_rival(play, sale, false);
        return !sale->stream && sale->attempt >= 0 && repeats;
    }
    if (sale->error_seen) {
        return sale->stream;
    }
    if (!sale->finish_seen || (sale->stream && sale->usage_seen && !sale->include_usage)) {
        return false;
    }
    if (sale->attempt < 0) {
        return false; /* each answer has text */
    }
    const struct attempt *attempt = &first->attempts[sale->attempt];
    if (sale->named != (attempt->model == sale->model ? -1 : attempt->model)) {
        return false; /* which model it was is said, if it was another */
    }
    return sale->attempt < first->attempt_count && attempt->manner != MANNER_OTHER_MODEL &&
           attempt->manner != MANNER_TURN &&
           sale->events == (attempt->stream ? attempt->events : 1);
}

static bool reply_fits(struct play *play, const struct sale *sale)
{
    bool known = sale->asking == ASK_GOOD || sale->asking == ASK_UNKNOWN_MODEL;
    if (known && !play->restored && fleet_was_revoked(play, sale)) {
        return fleet_is_unknown(play, sale);
    }
    if (play->restored && known) {
        return reply_code_is(sale, 503, "not_selling") || fleet_is_unknown(play, sale);
    }
    if (reply_code_is(sale, 503, "not_selling")) {
        return play->faulty_life >= sale->life && known;
    }
    switch (sale->asking) {
    case ASK_GOOD:
        return sale->status == 200 ? reply_answer_fits(play, sale) : reply_refusal_fits(play, sale);
    case ASK_BAD_JSON:
        return reply_code_is(sale, 400, "invalid_json");
    case ASK_NO_KEY:
        return reply_code_is(sale, 401, "missing_api_key");
    case ASK_WRONG_KEY:
        return reply_code_is(sale, 401, "invalid_api_key");
    case ASK_UNKNOWN_MODEL:
        return reply_code_is(sale, 404, "model_not_found") || fleet_is_unknown(play, sale) ||
               (reply_code_is(sale, 504, "deadline_exceeded") && sale->wish.deadline_ns > 0);
    case ASK_COUNT:
        break;
    }
    return false;
}

bool audit_reply_fits(struct play *play, const struct sale *sale)
{
    return reply_fits(play, sale);
}

void auditor_on_head(struct play *play, const struct sale *sale)
{
    audit_count();
    if (!sale->has_call) {
        play_fail(play, sale, "an answer names no call");
    }
    if (sale->has_charge && sale->charge < 0) {
        play_fail(play, sale, "an answer's charge is no amount");
    }
    auditor_limits_on_head(play, sale);
}

static bool attempt_swaps(const struct attempt *attempt)
{
    return attempt->manner == MANNER_OTHER_MODEL || attempt->manner == MANNER_TURN;
}

/* The attempt that was answered by another model: the last one, where they follow each other; of
 * two that run beside each other, whichever it was. NULL: it cannot be told which of them. */
static const struct attempt *reply_swapped(const struct play *play, const struct sale *first)
{
    const struct attempt *last = &first->attempts[first->attempt_count - 1];
    const struct attempt *found = NULL;
    if (!play_is_hedged(play)) {
        return last;
    }
    for (int i = 0; i < first->attempt_count; i++) {
        if (attempt_swaps(&first->attempts[i])) {
            if (found != NULL) {
                return NULL;
            }
            found = &first->attempts[i];
        }
    }
    return found != NULL ? found : last;
}

/* The client knows that an attempt was answered by another model: from now on no call that begins
 * is sent there. What an operator has put back since is no matter of this call. */
static void reply_note_swap(struct play *play, const struct sale *sale)
{
    const struct sale *first = play_first(play, sale->number);
    if (!sale->whole || sale->key > 0 || first->repeated || first->attempt_count == 0 ||
        strcmp(sale->code, AUDIT_SWAPPED) != 0) {
        return;
    }
    const struct attempt *attempt = reply_swapped(play, first);
    if (attempt == NULL) {
        return;
    }
    int route = play_route(attempt->model, attempt->upstream);
    if (!attempt_swaps(attempt)) {
        play_fail(play, sale, "an upstream is said to have answered as another model");
    }
    if (sale->begun_ns > play->released_ns[route]) {
        play->swapped_ns[route] = sim_now_ns(play->sim);
    }
}

void auditor_on_reply(struct play *play, const struct sale *sale)
{
    const struct sale *first = play_first(play, sale->number);
    audit_count();
    play_note(play, "call %d: status %d %s%s%s", sale->number, sale->status, sale->code,
              sale->replayed ? " (replayed)" : "", sale->whole ? "" : " (broken off)");
    if (!sale->whole && !reply_may_break(play, sale)) {
        play_fail(play, sale, "the answer broke off for no reason");
    }
    if (sale->whole && !reply_fits(play, sale)) {
        play_fail(play, sale, "no such reply is allowed");
    }
    reply_note_swap(play, sale);
    bool refused = sale->asking != ASK_GOOD || reply_code_is(sale, 429, "insufficient_quota") ||
                   reply_code_is(sale, 404, "no_route_by_preference") ||
                   reply_code_is(sale, 429, "rate_limit_exceeded");
    if (refused && sale->key == 0 && !first->repeated && first->attempt_count > 0) {
        play_fail(play, sale, "an upstream was asked for a call that was refused");
    }
}

/* All calls with the key are under way in this life: one that is over may have given it back. */
static bool asked_freshly(const struct play *play, const struct sale *first)
{
    for (int i = 0; i < play->sale_count; i++) {
        const struct sale *sale = &play->sales[i];
        if (sale->number == first->number && (sale->ended_ns != 0 || sale->life != play->lives)) {
            return false;
        }
    }
    return true;
}

static void asked_check_key(struct play *play, const struct sale *first)
{
    struct fail fail = { .text = "" };
    char key[32];
    bool claimed = false;
    (void)snprintf(key, sizeof(key), "k-%d", first->key);
    disk_spare(true);
    const struct account *account = &play->accounts[first->account];
    int space = play_key_space(play, first->hand);
    enum err err =
        books_key(life_store(play->life), account->id, space > 0 ? &account->key_ids[space] : NULL,
                  str_from(key), &claimed, &fail);
    disk_spare(false);
    if (err == ERR_OK && !claimed) {
        play_fail(play, first, "an upstream is asked before the call's key is claimed");
    }
}

/* Where each hold is to be durable first, there are as many as there are calls. */
static void asked_check_hold(struct play *play, const struct sale *first)
{
    struct fail fail = { .text = "" };
    struct account *account = &play->accounts[first->account];
    int64_t holds = 0;
    disk_spare(true);
    enum err err = books_holds(life_store(play->life), account->id, &holds, &fail);
    disk_spare(false);
    if (err == ERR_OK && life_holds_first(play->life) &&
        holds - account->holds_before < account->asked) {
        play_fail(play, first, "an upstream is asked before the call's hold is durable");
    }
}

/* What the call's client wants. */
static void asked_check_wish(const struct play *play, const struct sale *first, int upstream,
                             int model)
{
    int64_t deadline_ns = first->wish.deadline_ns;
    if (!wish_allows(first, model, upstream)) {
        play_fail(play, first, "upstream %d is asked for model %d, which its client excludes",
                  upstream, model);
    }
    if (deadline_ns > 0 && sim_now_ns(play->sim) > deadline_ns + AUDIT_DEADLINE_NS &&
        play->jumped_ns < first->begun_ns) {
        play_fail(play, first, "an upstream is asked %lld us after the call's deadline",
                  (long long)((sim_now_ns(play->sim) - deadline_ns) / 1000));
    }
}

void auditor_on_asked(struct play *play, const struct sale *first, int upstream, int model)
{
    int64_t swapped_ns = play->swapped_ns[play_route(model, upstream)];
    asked_check_wish(play, first, upstream, model);
    fleet_on_asked(play, first);
    auditor_bulk_on_asked(play, first);
    if (swapped_ns != 0 && first->begun_ns > swapped_ns) {
        play_fail(play, first, "an upstream is asked by a route that is quarantined");
    }
    /* What the life before has sent may arrive late. */
    if (play->restored && first->life == play->lives) {
        play_fail(play, first, "an upstream is asked, and calls are missing from the log");
    }
    bool fresh = first->batch == 0 && asked_freshly(play, first) && first->attempt_count == 0;
    audit_count();
    play->accounts[first->account].asked += fresh ? 1 : 0;
    if (first->life == play->lives) {
        auditor_limits_on_asked(play, first, model, fresh);
    }
    if (play->life == NULL || play->faulty_life == play->lives || !fresh) {
        return;
    }
    asked_check_hold(play, first);
    if (first->key > 0) {
        asked_check_key(play, first);
    }
}

/* ---- errands ----------------------------------------------------------------------------- */

static void errand_check_credit(struct play *play, const struct errand_seen *seen)
{
    const struct account *account = &play->accounts[seen->account];
    int64_t available = client_read_money(client_read_number(seen->text, STR("\"available\":")));
    int64_t held = client_read_money(client_read_number(seen->text, STR("\"held\":")));
    int64_t spent = client_read_money(client_read_number(seen->text, STR("\"total_usage\":")));
    int64_t sum = available + held + spent;
    /* What was bought and what ended since it was asked may be in it or not. */
    bool fits = available >= 0 && held >= 0 && spent >= 0 &&
                (sum >= seen->purchased - account->expired || account->expiry_unsure) &&
                sum <= account->purchased - seen->expired;
    if (!fits) {
        play_fail(play, NULL, "account %d has %lld available, %lld held, %lld spent of %lld",
                  seen->account, (long long)available, (long long)held, (long long)spent,
                  (long long)account->purchased);
    }
}

static void errand_check_receipt(struct play *play, const struct errand_seen *seen)
{
    struct sale *sale = seen->receipt_of;
    int64_t amount = -1;
    bool known = str_to_i64(client_read_number(seen->text, STR("\"amount\":\"")), &amount);
    bool sold = (sale->asking == ASK_GOOD || sale->asking == ASK_UNKNOWN_MODEL) &&
                !fleet_is_unknown(play, sale);
    /* What a failed commit has left is unknown until the restart. */
    bool unknown = strcmp(sale->code, "not_selling") == 0;
    if (seen->status == 404 ? sold && !unknown : !known) {
        play_fail(play, sale, "the receipt of a call that is over: status %d", seen->status);
    }
    if (seen->status == 200 && ((sale->has_charge && amount != sale->charge) ||
                                (sale->status != 200 && !unknown && amount != 0))) {
        play_fail(play, sale, "the receipt's amount is %lld", (long long)amount);
    }
    if (seen->status == 200 && sale->status == 200 && sale->attempt >= 0) {
        const struct attempt *attempt = &play_first(play, sale->number)->attempts[sale->attempt];
        struct str name =
            attempt->model == 0 ? STR("\"model_served\":\"m-0\"") : STR("\"model_served\":\"m-1\"");
        if (str_search(seen->text, name) == seen->text.len) {
            play_fail(play, sale, "the receipt names another model than %d", attempt->model);
        }
    }
}

void auditor_on_errand(struct play *play, const struct errand_seen *seen)
{
    audit_count();
    /* No answer says nothing; a disk that fails may fail readers too. */
    if (seen->status == 0 || play->restored ||
        (seen->status >= 500 && play->faulty_life >= seen->life)) {
        return;
    }
    if (seen->status != 200 && seen->status != 404) {
        play_fail(play, seen->receipt_of, "an errand is answered with status %d", seen->status);
    }
    if (seen->receipt_of != NULL && seen->receipt_of->account != seen->account) {
        if (seen->status != 404) {
            play_fail(play, seen->receipt_of, "another client is shown the call's receipt");
        }
    } else if (seen->receipt_of == NULL) {
        errand_check_credit(play, seen);
    } else {
        errand_check_receipt(play, seen);
    }
}
