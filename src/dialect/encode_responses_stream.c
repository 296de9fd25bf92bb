/* OpenAI Responses to a client, as a stream: see encode_responses.c. */
#include "dialect/encode_responses_internal.h"

static struct encode_whole responses_whole(struct encode *encode)
{
    return (struct encode_whole){ .options = encode->options,
                                  .fold = &encode->fold,
                                  .put = { encode->out, ERR_OK },
                                  .lost = &encode->lost };
}

static void responses_event(struct encode *encode, struct put *put, struct str name)
{
    PUT(put, "event: ");
    put_str(put, name);
    PUT(put, "\ndata: {\"type\":\"");
    put_str(put, name);
    PUT(put, "\",\"sequence_number\":");
    put_int(put, encode->sequence++);
}

static void responses_lifecycle(struct encode *encode, struct encode_whole *whole, struct str name,
                                enum responses_state state, const struct refusal *failure)
{
    responses_event(encode, &whole->put, name);
    PUT(&whole->put, ",\"response\":");
    responses_put_response(whole, state, encode->reason, failure);
    PUT(&whole->put, "}\n\n");
}

/* An event of an item, up to what is its own. `item_id`: it names the item. */
static void responses_item_event(struct encode *encode, struct put *put, struct str name,
                                 const struct encode_item *item, bool item_id)
{
    responses_event(encode, put, name);
    PUT(put, ",\"output_index\":");
    put_int(put, item->number);
    if (item_id) {
        PUT(put, ",\"item_id\":");
        responses_put_id(put, encode->options, item->open.kind, item->item);
    }
}

static void responses_item_whole(struct encode *encode, struct encode_whole *whole, struct str name,
                                 const struct encode_item *item, bool empty)
{
    responses_item_event(encode, &whole->put, name, item, false);
    PUT(&whole->put, ",\"item\":");
    responses_put_item(whole, fold_find(&encode->fold, item->choice, item->item), empty);
    PUT(&whole->put, "}\n\n");
}

static enum err responses_on_open(struct encode *encode, const struct event *event)
{
    struct encode_item *item;
    struct encode_whole whole = responses_whole(encode);
    TRY(encode_item_add(encode, event, &item));
    item->dropped =
        encode_drops(DIALECT_RESPONSES, &encode->begin, event->choice, &event->open, &encode->lost);
    if (item->dropped) {
        return ERR_OK;
    }
    item->number = encode->count++;
    responses_item_whole(encode, &whole, STR("response.output_item.added"), item, true);
    if (item->open.kind == EVENT_TEXT || item->open.kind == EVENT_REFUSAL) {
        responses_item_event(encode, &whole.put, STR("response.content_part.added"), item, true);
        put_str(&whole.put,
                item->open.kind == EVENT_REFUSAL
                    ? STR(",\"content_index\":0,\"part\":{\"type\":\"refusal\",\"refusal\":\"\"}}"
                          "\n\n")
                    : STR(",\"content_index\":0,\"part\":{\"type\":\"output_text\",\"text\":\"\","
                          "\"annotations\":[],\"logprobs\":[]}}\n\n"));
    }
    return whole.put.err;
}

/* What a part of a reasoning item is: a summary of that number, or its thoughts. */
static void responses_put_thought_index(struct put *put, uint32_t part)
{
    if (part == UINT32_MAX) {
        PUT(put, ",\"content_index\":0");
    } else {
        PUT(put, ",\"summary_index\":");
        put_int(put, part);
    }
}

static struct str responses_thought_name(uint32_t part, struct str thought, struct str summary)
{
    return part == UINT32_MAX ? thought : summary;
}

static void responses_begin_thought(struct encode *encode, struct put *put,
                                    struct encode_item *item, uint32_t part)
{
    item->told_part = true;
    item->part = part;
    responses_item_event(encode, put,
                         responses_thought_name(part, STR("response.content_part.added"),
                                                STR("response.reasoning_summary_part.added")),
                         item, true);
    responses_put_thought_index(put, part);
    put_str(put, responses_thought_name(
                     part, STR(",\"part\":{\"type\":\"reasoning_text\",\"text\":\"\"}}\n\n"),
                     STR(",\"part\":{\"type\":\"summary_text\",\"text\":\"\"}}\n\n")));
}

/* The part that was told last is over. */
static void responses_end_thought(struct encode *encode, struct encode_whole *whole,
                                  struct encode_item *item)
{
    struct put *put = &whole->put;
    const struct fold_item *folded = fold_find(&encode->fold, item->choice, item->item);
    struct str text = STR_EMPTY;
    uint32_t part = item->part;
    if (!item->told_part) {
        return;
    }
    for (struct fold_channel *channel = folded->channels; channel != NULL;
         channel = channel->next) {
        bool it = part == UINT32_MAX ? channel->kind == EVENT_THOUGHT
                                     : channel->kind == EVENT_SUMMARY && channel->part == part;
        if (it && put->err == ERR_OK) {
            put->err = fold_join(&encode->fold, channel, &text);
        }
    }
    responses_item_event(encode, put,
                         responses_thought_name(part, STR("response.reasoning_text.done"),
                                                STR("response.reasoning_summary_text.done")),
                         item, true);
    responses_put_thought_index(put, part);
    PUT(put, ",\"text\":");
    put_text(put, text);
    PUT(put, "}\n\n");
    responses_item_event(encode, put,
                         responses_thought_name(part, STR("response.content_part.done"),
                                                STR("response.reasoning_summary_part.done")),
                         item, true);
    responses_put_thought_index(put, part);
    put_str(put,
            responses_thought_name(part, STR(",\"part\":{\"type\":\"reasoning_text\",\"text\":"),
                                   STR(",\"part\":{\"type\":\"summary_text\",\"text\":")));
    put_text(put, text);
    PUT(put, "}}\n\n");
    item->told_part = false;
}

static void responses_put_delta(struct encode *encode, struct encode_whole *whole,
                                struct encode_item *item, const struct event *event)
{
    struct put *put = &whole->put;
    bool refusal = item->open.kind == EVENT_REFUSAL;
    bool custom = item->open.kind == EVENT_CUSTOM_TOOL;
    uint32_t part = event->delta.channel == EVENT_THOUGHT ? UINT32_MAX : event->delta.part;
    switch (event->delta.channel) {
    case EVENT_CONTENT:
        responses_item_event(encode, put,
                             refusal ? STR("response.refusal.delta")
                                     : STR("response.output_text.delta"),
                             item, true);
        put_str(put, refusal ? STR(",\"content_index\":0")
                             : STR(",\"content_index\":0,\"logprobs\":[]"));
        break;
    case EVENT_ARGS:
        responses_item_event(encode, put,
                             custom ? STR("response.custom_tool_call_input.delta")
                                    : STR("response.function_call_arguments.delta"),
                             item, true);
        break;
    case EVENT_SUMMARY:
    case EVENT_THOUGHT:
        if (!item->told_part || item->part != part) {
            responses_end_thought(encode, whole, item);
            responses_begin_thought(encode, put, item, part);
        }
        responses_item_event(encode, put,
                             responses_thought_name(part, STR("response.reasoning_text.delta"),
                                                    STR("response.reasoning_summary_text.delta")),
                             item, true);
        responses_put_thought_index(put, part);
        break;
    case EVENT_SIGNATURE: /* told when the item is done */
    case EVENT_BLOB:
    case EVENT_SOUND:
    case EVENT_TRANSCRIPT:
        return;
    }
    PUT(put, ",\"delta\":");
    put_text(put, event->delta.text);
    PUT(put, "}\n\n");
}

static enum err responses_on_delta(struct encode *encode, const struct event *event)
{
    struct encode_item *item = encode_item_of(encode, event);
    struct encode_whole whole = responses_whole(encode);
    if (event->delta.channel == EVENT_SIGNATURE && item->open.kind != EVENT_REASON) {
        lost_add(&encode->lost, LOST_BIT_SIGNATURE);
    }
    if (!item->dropped) {
        responses_put_delta(encode, &whole, item, event);
    }
    return whole.put.err;
}

static enum err responses_on_note(struct encode *encode, const struct event *event)
{
    const struct encode_item *item = encode_item_of(encode, event);
    struct put put = { encode->out, ERR_OK };
    uint32_t index = 0;
    if (!encode_takes_note(encode->begin.source, DIALECT_RESPONSES, event->note.kind,
                           &encode->lost) ||
        item->dropped) {
        return ERR_OK;
    }
    const struct fold_item *folded = fold_find(&encode->fold, event->choice, event->item);
    for (const struct fold_note *note = folded->notes; note->next != NULL; note = note->next) {
        index++;
    }
    responses_item_event(encode, &put, STR("response.output_text.annotation.added"), item, true);
    PUT(&put, ",\"content_index\":0,\"annotation_index\":");
    put_int(&put, index);
    PUT(&put, ",\"annotation\":");
    put_str(&put, event->note.json);
    PUT(&put, "}\n\n");
    return put.err;
}

/* The text of a message again, then its part. */
static void responses_end_message(struct encode *encode, struct encode_whole *whole,
                                  const struct encode_item *item, const struct fold_item *folded)
{
    struct put *put = &whole->put;
    bool refusal = item->open.kind == EVENT_REFUSAL;
    responses_item_event(encode, put,
                         refusal ? STR("response.refusal.done") : STR("response.output_text.done"),
                         item, true);
    put_str(put, refusal ? STR(",\"content_index\":0,\"refusal\":")
                         : STR(",\"content_index\":0,\"logprobs\":[],\"text\":"));
    put_text(put, encode_said(whole, folded, EVENT_CONTENT));
    PUT(put, "}\n\n");
    responses_item_event(encode, put, STR("response.content_part.done"), item, true);
    PUT(put, ",\"content_index\":0,\"part\":");
    responses_put_part(whole, folded);
    PUT(put, "}\n\n");
}

static void responses_end_call(struct encode *encode, struct encode_whole *whole,
                               const struct encode_item *item, const struct fold_item *folded)
{
    struct put *put = &whole->put;
    bool custom = item->open.kind == EVENT_CUSTOM_TOOL;
    responses_item_event(encode, put,
                         custom ? STR("response.custom_tool_call_input.done")
                                : STR("response.function_call_arguments.done"),
                         item, true);
    if (!custom) {
        struct str space;
        PUT(put, ",\"name\":");
        put_text(put, carry_name_split(item->open.name, &space));
    }
    put_str(put, custom ? STR(",\"input\":") : STR(",\"arguments\":"));
    put_text(put, encode_said(whole, folded, EVENT_ARGS));
    PUT(put, "}\n\n");
}

static enum err responses_on_close(struct encode *encode, const struct event *event)
{
    struct encode_item *item = encode_item_of(encode, event);
    const struct fold_item *folded = fold_find(&encode->fold, event->choice, event->item);
    struct encode_whole whole = responses_whole(encode);
    if (item->dropped) {
        return ERR_OK;
    }
    if (item->open.kind == EVENT_REASON) {
        responses_end_thought(encode, &whole, item);
    } else if (item->open.kind == EVENT_TOOL || item->open.kind == EVENT_CUSTOM_TOOL) {
        responses_end_call(encode, &whole, item, folded);
    } else {
        responses_end_message(encode, &whole, item, folded);
    }
    responses_item_whole(encode, &whole, STR("response.output_item.done"), item, false);
    return whole.put.err;
}

static enum err responses_on_begin(struct encode *encode)
{
    struct encode_whole whole = responses_whole(encode);
    responses_lifecycle(encode, &whole, STR("response.created"), IN_PROGRESS, NULL);
    responses_lifecycle(encode, &whole, STR("response.in_progress"), IN_PROGRESS, NULL);
    return whole.put.err;
}

static enum err responses_on_end(struct encode *encode)
{
    static const struct str names[] = { [IN_PROGRESS] = STR_INIT("response.in_progress"),
                                        [COMPLETED] = STR_INIT("response.completed"),
                                        [INCOMPLETE] = STR_INIT("response.incomplete"),
                                        [FAILED] = STR_INIT("response.failed") };
    struct encode_whole whole = responses_whole(encode);
    enum responses_state state = responses_state_of(encode->reason);
    responses_note_finish(&encode->lost, encode->reason, encode->stop_text);
    responses_lifecycle(encode, &whole, names[state], state,
                        state == FAILED ? &responses_bad_tool : NULL);
    return whole.put.err;
}

/* Some readers only know "response.failed", others only throw at "error". */
static enum err responses_on_error(struct encode *encode, const struct event_error *error)
{
    struct encode_whole whole = responses_whole(encode);
    struct refusal refusal = refusal_of_upstream(DIALECT_RESPONSES, error);
    if (encode->fold.begun) {
        responses_lifecycle(encode, &whole, STR("response.failed"), FAILED, &refusal);
        TRY(whole.put.err);
    }
    refusal.sequence = encode->sequence++;
    return refusal_stream(encode->out, DIALECT_RESPONSES, &refusal);
}

enum err encode_responses_take(struct encode *encode, const struct event *event)
{
    TRY(fold_take(&encode->fold, event));
    switch (event->kind) {
    case EVENT_BEGIN:
        return responses_on_begin(encode);
    case EVENT_OPEN:
        return responses_on_open(encode, event);
    case EVENT_DELTA:
        return responses_on_delta(encode, event);
    case EVENT_NOTE:
        return responses_on_note(encode, event);
    case EVENT_CLOSE:
        return responses_on_close(encode, event);
    case EVENT_PING:
        return buf_append(encode->out, STR(": ping\n\n"));
    case EVENT_END:
        return responses_on_end(encode);
    case EVENT_ERROR:
        return responses_on_error(encode, &event->error);
    case EVENT_FINISH:
    case EVENT_USAGE:
    case EVENT_RAW:
        return ERR_OK;
    }
    return ERR_INTERNAL;
}
