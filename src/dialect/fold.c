#include "dialect/fold.h"

void fold_init(struct fold *fold, struct arena *arena)
{
    *fold = (struct fold){ .arena = arena };
}

static enum err fold_copy(struct fold *fold, struct str *text)
{
    if (text->len == 0) {
        *text = STR_EMPTY;
        return ERR_OK;
    }
    return arena_copy(fold->arena, *text, text) ? ERR_OK : ERR_NO_MEMORY;
}

static enum err fold_copy_all(struct fold *fold, struct str *const texts[], size_t count)
{
    for (size_t i = 0; i < count; i++) {
        TRY(fold_copy(fold, texts[i]));
    }
    return ERR_OK;
}

/* The choice of that index, where it is or would be. */
static struct fold_choice **fold_place(struct fold *fold, uint32_t index)
{
    struct fold_choice **link = &fold->choices;
    while (*link != NULL && (*link)->index < index) {
        link = &(*link)->next;
    }
    return link;
}

static enum err fold_choice_at(struct fold *fold, uint32_t index, struct fold_choice **ret_choice)
{
    struct fold_choice **link = fold_place(fold, index);
    if (*link == NULL || (*link)->index != index) {
        struct fold_choice *choice = arena_zalloc(fold->arena, sizeof(*choice));
        if (choice == NULL) {
            return ERR_NO_MEMORY;
        }
        choice->index = index;
        choice->next = *link;
        *link = choice;
    }
    *ret_choice = *link;
    return ERR_OK;
}

struct fold_item *fold_find(const struct fold *fold, uint32_t choice, uint32_t item)
{
    const struct fold_choice *at = fold->choices;
    while (at != NULL && at->index != choice) {
        at = at->next;
    }
    ASSERT(at != NULL);
    if (at->last != NULL && at->last->item == item) { /* most events are of the newest */
        return at->last;
    }
    struct fold_item *found = at->items;
    while (found != NULL && found->item != item) {
        found = found->next;
    }
    ASSERT(found != NULL);
    return found;
}

static enum err fold_open(struct fold *fold, const struct event *event)
{
    struct fold_choice *choice;
    TRY(fold_choice_at(fold, event->choice, &choice));
    ASSERT(!choice->finished);
    ASSERT(event->item == choice->count);
    struct fold_item *item = arena_zalloc(fold->arena, sizeof(*item));
    if (item == NULL) {
        return ERR_NO_MEMORY;
    }
    item->item = event->item;
    item->open = event->open;
    struct event_open *open = &item->open;
    struct str *const texts[] = { &open->id,    &open->call_id, &open->name,
                                  &open->space, &open->phase,   &open->json };
    TRY(fold_copy_all(fold, texts, EP_ARRAY_LEN(texts)));
    if (choice->last == NULL) {
        choice->items = item;
    } else {
        choice->last->next = item;
    }
    choice->last = item;
    choice->count++;
    return ERR_OK;
}

static enum err fold_channel_of(struct fold *fold, struct fold_item *item, enum event_channel kind,
                                uint32_t part, struct fold_channel **ret_channel)
{
    struct fold_channel **link = &item->channels;
    while (*link != NULL && ((*link)->kind != kind || (*link)->part != part)) {
        link = &(*link)->next;
    }
    if (*link == NULL) {
        *link = arena_zalloc(fold->arena, sizeof(**link));
        if (*link == NULL) {
            return ERR_NO_MEMORY;
        }
        (*link)->kind = kind;
        (*link)->part = part;
    }
    *ret_channel = *link;
    return ERR_OK;
}

static enum err fold_delta(struct fold *fold, const struct event *event)
{
    struct fold_channel *channel;
    struct fold_item *item = fold_find(fold, event->choice, event->item);
    ASSERT(!item->closed);
    TRY(fold_channel_of(fold, item, event->delta.channel, event->delta.part, &channel));
    return rope_append(&channel->text, fold->arena, event->delta.text) ? ERR_OK : ERR_NO_MEMORY;
}

static enum err fold_note(struct fold *fold, const struct event *event)
{
    struct fold_item *item = fold_find(fold, event->choice, event->item);
    struct fold_note *note = arena_zalloc(fold->arena, sizeof(*note));
    ASSERT(!item->closed);
    if (note == NULL) {
        return ERR_NO_MEMORY;
    }
    note->kind = event->note.kind;
    note->json = event->note.json;
    struct fold_note **link = &item->notes;
    while (*link != NULL) {
        link = &(*link)->next;
    }
    *link = note;
    return fold_copy(fold, &note->json);
}

static enum err fold_finish(struct fold *fold, const struct event *event)
{
    struct fold_choice *choice;
    TRY(fold_choice_at(fold, event->choice, &choice));
    ASSERT(!choice->finished);
    for (const struct fold_item *item = choice->items; item != NULL; item = item->next) {
        ASSERT(item->closed);
    }
    choice->finished = true;
    choice->reason = event->finish.reason;
    choice->stop_text = event->finish.stop_text;
    return fold_copy(fold, &choice->stop_text);
}

static enum err fold_begin(struct fold *fold, const struct event *event)
{
    ASSERT(!fold->begun);
    fold->begun = true;
    fold->begin = event->begin;
    struct event_begin *begin = &fold->begin;
    struct str *const texts[] = { &begin->id, &begin->model, &begin->fingerprint, &begin->tier };
    return fold_copy_all(fold, texts, EP_ARRAY_LEN(texts));
}

static enum err fold_error(struct fold *fold, const struct event *event)
{
    fold->failed = true;
    fold->error = event->error;
    struct event_error *error = &fold->error;
    struct str *const texts[] = { &error->type, &error->code, &error->message, &error->param };
    return fold_copy_all(fold, texts, EP_ARRAY_LEN(texts));
}

enum err fold_take(void *fold, const struct event *event)
{
    struct fold *into = fold;
    ASSERT(!into->ended && !into->failed);
    ASSERT(into->begun || event->kind == EVENT_BEGIN || event->kind == EVENT_ERROR);
    switch (event->kind) {
    case EVENT_BEGIN:
        return fold_begin(into, event);
    case EVENT_OPEN:
        return fold_open(into, event);
    case EVENT_DELTA:
        return fold_delta(into, event);
    case EVENT_NOTE:
        return fold_note(into, event);
    case EVENT_CLOSE:
        ASSERT(!fold_find(into, event->choice, event->item)->closed);
        fold_find(into, event->choice, event->item)->closed = true;
        return ERR_OK;
    case EVENT_FINISH:
        return fold_finish(into, event);
    case EVENT_USAGE:
        into->has_usage = true;
        into->tokens = event->usage.tokens;
        return ERR_OK;
    case EVENT_ERROR:
        return fold_error(into, event);
    case EVENT_END:
        into->ended = true;
        return ERR_OK;
    case EVENT_PING:
    case EVENT_RAW:
        return ERR_OK;
    }
    return ERR_INTERNAL;
}

enum err fold_join(struct fold *fold, struct fold_channel *channel, struct str *ret_text)
{
    return rope_join(&channel->text, fold->arena, ret_text) ? ERR_OK : ERR_NO_MEMORY;
}

enum err fold_text(struct fold *fold, const struct fold_item *item, enum event_channel kind,
                   struct str *ret_text)
{
    *ret_text = STR_EMPTY;
    for (struct fold_channel *channel = item->channels; channel != NULL; channel = channel->next) {
        if (channel->kind == kind) {
            return fold_join(fold, channel, ret_text);
        }
    }
    return ERR_OK;
}
