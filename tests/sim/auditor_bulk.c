#include "auditor_bulk.h"

#include <string.h>

#include "auditor_internal.h"
#include "books.h"
#include "bulk.h"
#include "client_read.h"

bool auditor_bulk_is_twin(const struct play *play, const struct sale *sale)
{
    for (int i = 0; i < play->sale_count; i++) {
        const struct sale *other = &play->sales[i];
        if (other == sale || other->batch == 0 || other->account != sale->account) {
            continue;
        }
        for (size_t book = 0; book < PLAY_PRICE_BOOKS; book++) {
            if (audit_hold_fits(sale, audit_ceiling(other, other->cap, book))) {
                return true;
            }
        }
    }
    return false;
}

bool auditor_bulk_has_ended(const struct play *play, const struct bulk_batch *batch,
                            const char *state)
{
    static const char *const under_way[] = { "validating", "in_progress", "finalizing",
                                             "cancelling" };
    audit_count();
    for (size_t i = 0; i < EP_ARRAY_LEN(under_way); i++) {
        if (strcmp(state, under_way[i]) == 0) {
            return false;
        }
    }
    /* Whoever wants it cancelled may come too late; no day has passed, and no file is gone. */
    bool fits =
        strcmp(state, "completed") == 0 || (strcmp(state, "cancelled") == 0 && batch->cancelled);
    if (!fits) {
        play_fail(play, NULL, "batch %d has ended as \"%s\"", batch->number, state);
    }
    return true;
}

/* ---- results ----------------------------------------------------------------------------- */

static bool result_has(struct str text, struct str part)
{
    return str_search(text, part) < text.len;
}

/* What was asked before the books forgot its key has an answer that nobody may know. */
static bool result_is_lost(struct str text)
{
    return result_has(text, STR("\"code\":\"answer_lost\"")) ||
           result_has(text, STR("\"code\":\"idempotency_no_result\""));
}

static void result_take_call(struct sale *sale, struct str text)
{
    static const struct str name = STR_INIT("\"request_id\":\"");
    size_t at = str_search(text, name);
    struct str rest = at == text.len ? STR_EMPTY : str_from_at(text, at + name.len);
    sale->has_call = id_parse(str_slice(rest, 0, str_find(rest, '"')), STR("call_"), &sale->call);
}

static void result_take(struct play *play, const struct bulk_batch *batch, struct sale *sale,
                        struct str text)
{
    int64_t status = 0;
    bool known = str_to_i64(client_read_number(text, STR("\"status_code\":")), &status);
    sale->ended_ns = sim_now_ns(play->sim);
    sale->life_ended = play->lives;
    sale->status = (int)status;
    if (result_is_lost(text)) {
        sale->status = 0;
        /* Or nobody could be asked for it, as all sources were taken out. */
        bool kept_from = play->bad_life > 0 && result_has(text, STR("\"code\":\"answer_lost\""));
        if (sale->life == play->lives || (!play_forgets(play) && !kept_from)) {
            play_fail(play, sale, "the answer of a line is lost");
        }
        return;
    }
    if (!known) {
        if (!batch->cancelled || !result_has(text, STR("\"code\":\"batch_cancelled\""))) {
            play_fail(play, sale, "a line has no answer: " STR_FMT, STR_ARG(text));
        }
        return;
    }
    result_take_call(sale, text);
    client_read_whole(sale, text);
    sale->whole = true;
    if (!sale->has_call || !audit_reply_fits(play, sale)) {
        play_fail(play, sale, "no such result of a line is allowed: " STR_FMT, STR_ARG(text));
    }
}

struct results {
    int done;
    int failed;
    int bad;
};

static void results_take_line(struct play *play, const struct bulk_batch *batch, struct str text,
                              bool faults, struct results *results)
{
    int64_t number = 0;
    struct str shown = client_read_number(text, STR("\"custom_id\":\"line-"));
    bool bad = result_has(text, STR("\"custom_id\":\"bad\""));
    audit_count();
    if (bad && batch->bad_line && faults) {
        results->bad++;
        return;
    }
    if (!str_to_i64(shown, &number) || number <= batch->first ||
        number > batch->first + batch->lines) {
        play_fail(play, NULL, "batch %d has a result of nobody's: " STR_FMT, batch->number,
                  STR_ARG(text));
    }
    struct sale *sale = &play->sales[number - 1];
    if (sale->ended_ns != 0) {
        play_fail(play, sale, "a line has two results");
    }
    result_take(play, batch, sale, text);
    if ((sale->status == 200) == faults) {
        play_fail(play, sale, "a line's result stands in the wrong file");
    }
    results->done += faults ? 0 : 1;
    results->failed += faults ? 1 : 0;
}

static void results_take(struct play *play, const struct bulk_batch *batch, struct str text,
                         bool faults, struct results *results)
{
    while (text.len > 0) {
        struct str line = str_slice(text, 0, str_find(text, '\n'));
        if (line.len == text.len || line.len == 0 || line.ptr[line.len - 1] != '}') {
            play_fail(play, NULL, "batch %d has a result that is not whole", batch->number);
        }
        results_take_line(play, batch, line, faults, results);
        text = str_from_at(text, line.len + 1);
    }
}

void auditor_bulk_on_results(struct play *play, const struct bulk_batch *batch)
{
    struct results results = { 0 };
    results_take(play, batch, buf_str(&batch->results), false, &results);
    results_take(play, batch, buf_str(&batch->faults), true, &results);
    if (results.done + results.failed != batch->lines || results.bad != (batch->bad_line ? 1 : 0)) {
        play_fail(play, NULL, "batch %d of %d lines has %d results, and %d for the bad one",
                  batch->number, batch->lines, results.done + results.failed, results.bad);
    }
    if (batch->completed != results.done || batch->failed != results.failed + results.bad) {
        play_fail(play, NULL, "batch %d counts %lld completed and %lld failed, and has %d and %d",
                  batch->number, (long long)batch->completed, (long long)batch->failed,
                  results.done, results.failed + results.bad);
    }
}

/* ---- sources ----------------------------------------------------------------------------- */

void auditor_bulk_on_asked(const struct play *play, const struct sale *first)
{
    if (first->batch > 0 && first->ended_ns != 0) {
        play_fail(play, first, "an upstream is asked for a line that has its result");
    }
    if (first->batch > 0 && play->restored) {
        play_fail(play, first, "an upstream is asked for a line, and calls are missing");
    }
}

/* ---- the books --------------------------------------------------------------------------- */

static const struct bulk_batch *line_batch(const struct play *play, const struct sale *sale)
{
    return &play->bulk->batches[sale->batch - 1];
}

static bool line_is_receipt(const struct play *play, const struct sale *sale,
                            const struct book_receipt *receipt)
{
    return receipt != NULL && receipt->percent == BULK_PERCENT &&
           strcmp(receipt->batch, line_batch(play, sale)->batch) == 0;
}

static void look_at_line(struct play *play, const struct books *books, const struct sale *sale)
{
    const struct book_account *row = books_account(books, play->accounts[sale->account].id);
    int sold = 0;
    audit_count();
    for (size_t i = 0; i < books->hold_count && row != NULL; i++) {
        const struct book_hold *hold = &books->holds[i];
        bool its = hold->account == row->row && hold->posted > 0 &&
                   audit_hold_fits(sale, hold->amount) &&
                   books_receipt(books, hold->call)->percent != 0;
        sold += its ? 1 : 0;
    }
    if (sold > 1) {
        play_fail(play, sale, "a line of batch %d was sold %d times", sale->batch, sold);
    }
    if (sold > 0 && sale->ended_ns != 0 && sale->whole && sale->status != 200) {
        play_fail(play, sale, "a line of batch %d has failed, and was sold", sale->batch);
    }
    if (sold > 0 && sale->ended_ns != 0 && !sale->whole && sale->life == sale->life_ended) {
        play_fail(play, sale, "a line of batch %d was not asked, and was sold", sale->batch);
    }
    if (sale->whole && !line_is_receipt(play, sale, books_receipt(books, sale->call))) {
        play_fail(play, sale, "the receipt of a line does not name batch %d and %lld percent",
                  sale->batch, (long long)BULK_PERCENT);
    }
}

void auditor_bulk_look(struct play *play, const struct books *books)
{
    for (int i = 0; i < play->sale_count && play->bulk != NULL; i++) {
        if (play->sales[i].batch > 0) {
            look_at_line(play, books, &play->sales[i]);
        }
    }
}
