/* What witnesses answer. */
#include <stdio.h>

#include "app/publishing_internal.h"
#include "base/counter.h"
#include "base/log.h"
#include "base/stamp.h"

#define WITNESS_AGAIN_NS (INT64_C(3) * STAMP_NS_PER_S) /* one that failed is left alone */

void publishing_witness_failed(struct publishing_witness *witness, const char *why, int status)
{
    struct publishing *publishing = witness->all;
    struct log_line line;
    counter_add(COUNTER_LOG_WITNESS_FAILURES, 1);
    witness->failures++;
    witness->again_ns = publishing_now(publishing) + WITNESS_AGAIN_NS;
    if (!witness->failing) {
        log_begin(&line, EVENT_WITNESS_FAILED);
        log_str(&line, "witness", witness->party->name);
        log_str(&line, "url", witness->party->url);
        log_int(&line, "status", status);
        log_str(&line, "text", str_from(why));
        log_end(&line);
    }
    witness->failing = true;
}

static void witness_works(struct publishing_witness *witness)
{
    struct log_line line;
    counter_add(COUNTER_LOG_COSIGNATURES, 1);
    if (witness->failing) {
        log_begin(&line, EVENT_WITNESS_BACK);
        log_str(&line, "witness", witness->party->name);
        log_end(&line);
    }
    witness->failing = false;
    witness->again_ns = 0;
}

/* ---- answers of witnesses ------------------------------------------------------------------ */

/* The witness's own line, if its cosignature holds. */
static enum note_verdict witness_find_line(const struct publishing_witness *witness,
                                           struct str answer, struct buf *whole,
                                           struct note_line *ret_line)
{
    struct note note;
    const struct note_key *key = &witness->party->key;
    if (buf_append(whole, buf_str(&witness->asked.note)) != ERR_OK ||
        buf_append(whole, answer) != ERR_OK || note_parse(buf_str(whole), &note, NULL) != ERR_OK) {
        return NOTE_UNSIGNED;
    }
    enum note_verdict verdict = note_check(&note, key, NULL);
    struct str rest = note.signatures;
    while (verdict == NOTE_SIGNED && note_next_line(&rest, ret_line)) {
        if (ret_line->id == key->id && str_eq(ret_line->name, str_from(key->name))) {
            return NOTE_SIGNED;
        }
    }
    return verdict == NOTE_FORGED ? NOTE_FORGED : NOTE_UNSIGNED;
}

static void witness_cosigned(struct publishing_witness *witness, struct str answer)
{
    struct publishing *publishing = witness->all;
    struct note_line line;
    struct buf whole;
    buf_init(&whole, NOTE_BYTES_MAX);
    enum note_verdict verdict = witness_find_line(witness, answer, &whole, &line);
    buf_reset(&witness->line);
    if (verdict == NOTE_SIGNED && buf_append(&witness->line, line.line) == ERR_OK) {
        witness->collected = true;
        witness->size = witness->asked.size;
        witness->has_signed = witness->asked.size == publishing->current_size;
        witness_works(witness);
    } else {
        publishing_witness_failed(witness,
                                  verdict == NOTE_FORGED
                                      ? "its cosignature does not hold"
                                      : "its answer has no cosignature of its key",
                                  200);
    }
    buf_fini(&whole);
}

/* 409: it has cosigned another size than it was thought to. */
static void witness_told_size(struct publishing_witness *witness, struct str answer)
{
    int64_t size = 0;
    if (str_ends(answer, STR("\n"))) {
        answer = str_slice(answer, 0, answer.len - 1);
    }
    if (!str_to_i64(answer, &size) || size < 0) {
        publishing_witness_failed(witness, "its 409 names no size", 409);
    } else if (size > witness->asked.size) {
        publishing_stop(witness->all, witness->party->name,
                        "a witness has cosigned more leaves than this log has", size);
    } else if (witness->corrected) {
        publishing_witness_failed(witness, "it names another size each time", 409);
    } else {
        witness->corrected = true;
        witness->size = size;
        witness->wanted = true;
    }
}

static void witness_refused(struct publishing_witness *witness, const struct witness_answer *answer)
{
    char text[160];
    size_t end = str_find(answer->body, '\n');
    struct str first = str_slice(answer->body, 0, end < answer->body.len ? end : answer->body.len);
    int len = first.len < 100 ? (int)first.len : 100;
    (void)snprintf(text, sizeof(text), "it refuses: %.*s", len, first.ptr == NULL ? "" : first.ptr);
    publishing_witness_failed(witness, text, answer->status);
}

void publishing_witness_on_answer(struct witness_call *call, const struct witness_answer *answer)
{
    struct publishing_witness *witness = EP_CONTAINER(call, struct publishing_witness, call);
    struct publishing *publishing = witness->all;
    if (answer->status == 0) {
        publishing_witness_failed(witness, answer->why, 0);
    } else if (answer->status == 200) {
        witness_cosigned(witness, answer->body);
    } else if (answer->status == 409) {
        witness_told_size(witness, answer->body);
    } else if (answer->status == 422) {
        publishing_stop(publishing, witness->party->name,
                        "a witness has cosigned other leaves than this log has",
                        witness->asked.size);
    } else {
        witness_refused(witness, answer);
    }
    /* One that is slower than a round is asked about the round that is under way now. */
    witness->wanted |= answer->status == 200 && witness->asked.size < publishing->current_size &&
                       !witness->failing;
    publishing_look(publishing);
    publishing_pump(publishing);
}
