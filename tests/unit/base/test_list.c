#include "base/list.h"

#include "harness.h"

struct item {
    struct node node;
    int value;
};

static struct item *item_of(struct node *node)
{
    return EP_CONTAINER(node, struct item, node);
}

TEST(an_empty_list_is_empty_and_gives_nothing)
{
    struct node list;
    list_init(&list);
    CHECK(list_empty(&list));
    CHECK(list_pop(&list) == NULL);
}

TEST(pushing_at_both_ends_keeps_the_order)
{
    struct node list;
    list_init(&list);
    struct item items[4] = { 0 };
    for (int i = 0; i < 4; i++) {
        items[i].value = i;
    }
    list_push_back(&list, &items[1].node);
    list_push_back(&list, &items[2].node);
    list_push_front(&list, &items[0].node);
    list_push_back(&list, &items[3].node);
    int want = 0;
    LIST_EACH(node, &list) {
        CHECK_EQ(item_of(node)->value, want++);
    }
    CHECK_EQ(want, 4);
}

TEST(a_node_unlinks_itself_while_walking)
{
    struct node list;
    list_init(&list);
    struct item items[6] = { 0 };
    for (int i = 0; i < 6; i++) {
        items[i].value = i;
        list_push_back(&list, &items[i].node);
    }
    LIST_EACH_SAFE(node, after, &list) {
        if (item_of(node)->value % 2 == 0) {
            node_unlink(node);
            CHECK(!node_linked(node));
        }
    }
    for (int i = 1; i < 6; i += 2) {
        CHECK_EQ(item_of(list_pop(&list))->value, i);
    }
    CHECK(list_empty(&list));
}

TEST(moving_all_appends_and_empties)
{
    struct node to;
    struct node from;
    list_init(&to);
    list_init(&from);
    list_move_all(&to, &from);
    CHECK(list_empty(&to));
    struct item items[3] = { { .value = 1 }, { .value = 2 }, { .value = 3 } };
    list_push_back(&to, &items[0].node);
    list_push_back(&from, &items[1].node);
    list_push_back(&from, &items[2].node);
    list_move_all(&to, &from);
    CHECK(list_empty(&from));
    for (int i = 1; i <= 3; i++) {
        CHECK_EQ(item_of(list_pop(&to))->value, i);
    }
    CHECK(list_empty(&to));
}
