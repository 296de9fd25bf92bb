/*
 * A realtime conversation: its items in their order, as they are told, and as the messages of a
 * chat (persona.h makes an answer of these). Recordings are kept by their length alone.
 */
#pragma once

#include "base/list.h"
#include "persona.h"
#include "wire/jsonw.h"

#define ITEMS_MAX       1024 /* of a conversation; more are refused */
#define ITEM_ID_MAX     64
#define ITEM_BYTES_MAX  ((size_t)16 << 20)
#define ITEM_MS_BYTES   48 /* of sound that a client sends as part of an item: 24 kHz, 16 bits */
#define ITEM_SECOND_TOK 10 /* tokens of a second that is heard, as OpenAI counts */

struct item {
    struct node node;
    char id[ITEM_ID_MAX + 1];
    struct buf told; /* the JSON object */
    struct buf chat; /* likewise: a message */
    int64_t sound_ms;
};

struct items {
    struct node list;
    size_t count;
};

void items_init(struct items *items);
void items_fini(struct items *items);
/* An item as a client sends it, of no conversation yet; `id`: its name, if it has none. NULL:
 * refused as `ret_fault` says. */
struct item *item_read(struct str value, const char *id, struct persona_fault *ret_fault);
void item_free(struct item *item);
/* NULL: there is none of that name, a JSON string. */
struct item *items_find(const struct items *items, struct str id);
/* The id of the last one; empty: there is none. */
const char *items_last(const struct items *items);
/* Behind `before`; NULL: in front. */
void items_insert(struct items *items, struct item *item, struct item *before);
void items_remove(struct items *items, struct item *item);
/* Appends their messages to an open array of JSON, and adds up what is to be heard in them. */
void items_put_chat(const struct items *items, struct jsonw *json, int64_t *sound_ms);
