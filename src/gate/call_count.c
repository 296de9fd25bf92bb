/*
 * Counting a call's tokens by the model's own vocabulary: its input in slices, so that no turn of
 * the loop is held up by a long prompt, and its answer as it is delivered.
 *
 * A control token that is spelled out in a client's text is one token for some servers and several
 * for others, so the input is counted both ways where it holds one.
 */
#include "gate/call_count.h"
#include "base/counter.h"
#include "base/mem.h"
#include "gate/call_admit.h"
#include "gate/call_straddle.h"
#include "gate/call_talk.h"
#include "gate/gate_internal.h"
#include "meter/text_count.h"
#include "wire/json.h"

/* The input on its way to be counted: some KiB, which are given back before the answer begins. */
struct call_counting {
    struct chat_count chat;
    struct text_count texts;      /* of a call of another service than chat, in its place */
    enum count_specials specials; /* of the pass that is under way */
};

/* ---- the input ---------------------------------------------------------------------------- */

static void count_pass(struct call *call, enum count_specials specials)
{
    call->counting->specials = specials;
    if (call->work != NULL) {
        text_count_begin(&call->counting->texts, specials, call->work->texts);
        return;
    }
    chat_count_begin(
        &call->counting->chat, call->counter,
        &(struct chat_count_options){ .program = call->counted_as->template, .specials = specials },
        json_trim(buf_str(&call->body)));
}

/* The input came as tokens: their number is the count. */
static void count_given(struct call *call)
{
    const struct chat_counted given = { .tokens = (uint64_t)call->work->tokens, .exact = true };
    call->counted[COUNT_LITERAL] = given;
    call->counted[COUNT_PARSED] = given;
    call->has_counted = true;
    counter_add(COUNTER_USAGE_COUNTED, 1);
}

void call_count_begin(struct call *call)
{
    ASSERT(call->counting == NULL && !call->has_counted);
    if (call->work != NULL && call->work->texts.len == 0) {
        if (call->work->tokens >= 0) {
            count_given(call);
        }
        return;
    }
    if (!call_talk_is_counted(call)) {
        return; /* its bytes bound its tokens */
    }
    call->counted_as = gate_snapshot_model(call->snapshot, call->model);
    if (call->counted_as == NULL) {
        return;
    }
    call->counter = gate_counter(call->gate, call->counted_as->vocab);
    if (call->counter == NULL) {
        return;
    }
    call->counting = mem_alloc(sizeof(*call->counting));
    if (call->counting != NULL) {
        count_pass(call, COUNT_PARSED);
    }
}

static void count_fini(struct call *call)
{
    if (call->work != NULL) {
        text_count_fini(&call->counting->texts);
    } else {
        chat_count_fini(&call->counting->chat);
    }
}

void call_count_end(struct call *call)
{
    if (call->counting != NULL) {
        count_fini(call);
        mem_free(call->counting);
        call->counting = NULL;
    }
}

static struct chat_counted count_texts(const struct call *call)
{
    struct text_counted texts = text_count_result(&call->counting->texts, call->counted_as->vocab);
    return (struct chat_counted){
        .tokens = texts.tokens,
        .controls = texts.controls,
        .margin = texts.margin,
        .exact = texts.margin == 0 && !call->work->about,
    };
}

/* A pass is over: the next one, or the end of counting. */
static void count_take(struct call *call)
{
    enum count_specials specials = call->counting->specials;
    struct chat_counted result =
        call->work != NULL ? count_texts(call) : chat_count_result(&call->counting->chat);
    result.exact = result.exact && call->model->token_count == REGISTRY_COUNT_EXACT;
    call->counted[specials] = result;
    if (specials == COUNT_PARSED && result.controls > 0) {
        count_fini(call);
        count_pass(call, COUNT_LITERAL);
        return;
    }
    if (specials == COUNT_PARSED) {
        call->counted[COUNT_LITERAL] = result;
    }
    call->has_counted = true;
    counter_add(COUNTER_USAGE_COUNTED, 1);
    counter_add(COUNTER_USAGE_ESTIMATED, result.exact ? 0 : 1);
    call_count_end(call);
}

const struct chat_counted *call_count_of(const struct call *call,
                                         enum registry_special_text special)
{
    ASSERT(call->has_counted);
    const struct chat_counted *literal = &call->counted[COUNT_LITERAL];
    const struct chat_counted *parsed = &call->counted[COUNT_PARSED];
    if (special == REGISTRY_SPECIAL_UNKNOWN) {
        return parsed->tokens > literal->tokens ? parsed : literal;
    }
    return special == REGISTRY_SPECIAL_PARSED ? parsed : literal;
}

/* ---- the answer --------------------------------------------------------------------------- */

static enum tally_part count_part(enum chat_part part)
{
    static const enum tally_part parts[] = {
        [CHAT_CONTENT] = TALLY_CONTENT,
        [CHAT_REASONING] = TALLY_REASONING,
        [CHAT_TOOL_NAME] = TALLY_TOOLS,
        [CHAT_TOOL_ARGUMENTS] = TALLY_TOOLS,
    };
    ASSERT((unsigned)part < EP_ARRAY_LEN(parts));
    return parts[part];
}

/* At most `budget` bytes of a text; *offset as count_stream_json() has it. */
static void count_said(struct call *call, const struct chat_text *text, size_t *offset,
                       size_t budget)
{
    /* A tool call's name and its arguments are texts of their own. */
    int64_t index = 2 * text->tool + (text->part == CHAT_TOOL_NAME ? 1 : 0);
    const struct tally_piece piece = {
        .part = count_part(text->part),
        .choice = text->choice,
        .index = index,
        .json = text->json,
        .offset = offset,
        .budget = budget,
        .whole = !call->streamed || call->relay.ended,
    };
    tally_add(&call->tally, call->counter, &piece);
}

void call_count_text(void *context, const struct chat_text *text)
{
    struct call *call = context;
    ASSERT(call->counter != NULL);
    if (call->x == NULL) {
        return; /* what nobody is there to take is not delivered */
    }
    size_t offset = 0;
    count_said(call, text, &offset, SIZE_MAX);
}

void call_count_keep(void *context, const struct chat_text *text)
{
    struct call *call = context;
    struct str bytes = { (const char *)text, sizeof(*text) };
    if (buf_append(&call->said, bytes) != ERR_OK) {
        call->tally.lost = true; /* more texts than an answer can have, or no memory */
    }
}

static bool count_answer_slice(struct call *call)
{
    size_t count = call->said.len / sizeof(struct chat_text);
    size_t budget = CHAT_COUNT_SLICE;
    while (call->said_at < count && budget > 0) {
        struct chat_text text;
        memcpy(&text, call->said.ptr + call->said_at * sizeof(text), sizeof(text));
        size_t from = call->said_offset;
        count_said(call, &text, &call->said_offset, budget);
        size_t used = call->said_offset - from;
        budget -= used < budget ? used : budget;
        if (call->said_offset == text.json.len || call->tally.lost) {
            call->said_at++;
            call->said_offset = 0;
        }
    }
    return call->said_at == count;
}

static enum err count_step(struct call *call, bool *ret_over)
{
    struct call_counting *counting = call->counting;
    return call->work != NULL
               ? text_count_step(&counting->texts, call->counter, CHAT_COUNT_SLICE, ret_over)
               : chat_count_step(&counting->chat, call->counter, CHAT_COUNT_SLICE, ret_over);
}

/* ---- both --------------------------------------------------------------------------------- */

bool call_count_slice(struct call *call)
{
    if (call->counting == NULL) {
        return count_answer_slice(call);
    }
    bool over = false;
    if (count_step(call, &over) != ERR_OK) {
        call_count_end(call); /* no memory for a monstrous piece: the call is not counted */
        return false;
    }
    if (over) {
        count_take(call);
    }
    return false;
}

/* What all of the model's routes agree on. */
static enum registry_special_text count_special(const struct registry_model *model)
{
    enum registry_special_text special = REGISTRY_SPECIAL_UNKNOWN;
    for (size_t i = 0; i < model->route_count; i++) {
        if (i > 0 && model->routes[i]->special_text != special) {
            return REGISTRY_SPECIAL_UNKNOWN;
        }
        special = model->routes[i]->special_text;
    }
    return special;
}

/* Tokens that the input has at most; what is not certain is held as text and as the media that are
 * there. */
static struct rate_bounds count_most(const struct call *call)
{
    const struct chat_counted *result = call_count_of(call, count_special(call->model));
    uint64_t percent = 100 + call->model->token_margin_percent;
    uint64_t margin = result->margin;
    return (struct rate_bounds){
        .input = (int64_t)((result->tokens + margin) * percent / 100) + call_talk_beyond(call),
        .image = result->image_tokens > 0 ? (int64_t)(result->image_tokens + margin) : 0,
        .audio = result->audio_tokens > 0 ? (int64_t)(result->audio_tokens + margin) : 0,
        .tools = call->ask.searches,
        .units = call->work == NULL ? NULL : call->work->most,
    };
}

/* Tokens that are final so far. */
static int64_t count_so_far(const struct call *call)
{
    const struct call_counting *counting = call->counting;
    return (int64_t)(call->work != NULL ? counting->texts.stream.tokens
                                        : counting->chat.stream.tokens);
}

/* COUNT: what has the input to be paid for? */
enum call_next call_count(struct call *call)
{
    if (call->x == NULL || call->cut) {
        enum err err = call->x == NULL ? ERR_CANCELLED : call_cut_err(call);
        return call_refuse(call, err, "%s", err_info(err)->text);
    }
    if (call->counting != NULL && !call->has_counted) {
        if (!call_could_pay(call, count_so_far(call))) {
            call_count_end(call);
            return call_cannot_pay(call);
        }
        (void)call_count_slice(call); /* the answer is not there yet */
        call_wake_next(call);
        return CALL_WAIT;
    }
    if (!call->has_counted) {
        return call_refuse(call, ERR_NO_MEMORY, "%s", err_info(ERR_NO_MEMORY)->text);
    }
    struct rate_bounds most = count_most(call);
    return call_reserve(call, &most);
}
