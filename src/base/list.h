/*
 * Intrusive doubly linked lists. A node is in one list or in none; a list is a node of its own.
 * Costs two pointers a node; every operation but counting is constant time.
 */
#pragma once

#include "base/err.h"

struct node {
    struct node *next; /* NULL: in no list */
    struct node *prev;
};

static inline void list_init(struct node *list)
{
    list->next = list;
    list->prev = list;
}

static inline bool list_empty(const struct node *list)
{
    return list->next == list;
}

static inline bool node_linked(const struct node *node)
{
    return node->next != NULL;
}

static inline void list_push_back(struct node *list, struct node *node)
{
    ASSERT(node->next == NULL);
    node->prev = list->prev;
    node->next = list;
    list->prev->next = node;
    list->prev = node;
}

static inline void list_push_front(struct node *list, struct node *node)
{
    list_push_back(list->next, node);
}

static inline void node_unlink(struct node *node)
{
    ASSERT(node->next != NULL);
    node->prev->next = node->next;
    node->next->prev = node->prev;
    node->next = NULL;
    node->prev = NULL;
}

/* The first node, taken out; NULL if there is none. */
static inline struct node *list_pop(struct node *list)
{
    struct node *node = list->next;
    if (node == list) {
        return NULL;
    }
    node_unlink(node);
    return node;
}

/* Moves all of `from` (which is empty then) to the end of `to`. */
static inline void list_move_all(struct node *to, struct node *from)
{
    if (list_empty(from)) {
        return;
    }
    from->next->prev = to->prev;
    to->prev->next = from->next;
    from->prev->next = to;
    to->prev = from->prev;
    list_init(from);
}

/* The node at hand may be unlinked in the body of LIST_EACH_SAFE, others may not. */
#define LIST_EACH(node, list) \
    for (struct node *node = (list)->next; node != (list); node = node->next)
#define LIST_EACH_SAFE(node, after, list)                                       \
    for (struct node *node = (list)->next, *after = node->next; node != (list); \
         node = after, after = node->next)
