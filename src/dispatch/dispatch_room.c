#include "dispatch/bucket.h"
#include "dispatch/dispatch_internal.h"

/* ---- tokens ------------------------------------------------------------------------------- */

/* What is wanted of a bucket, and how full it may get. */
struct room_wish {
    int64_t cost_ns;
    int64_t room_ns;
};

/* A call that alone takes more than a minute's worth goes when the bucket is full, and owes: it
 * could never go otherwise. Behind others it waits until they have gone. */
static struct room_wish room_wish(int64_t max, int64_t tokens, int64_t before)
{
    int64_t cost = bucket_cost(max, tokens);
    bool large = before == 0 && cost > BUCKET_MINUTE_NS;
    int64_t left_to_others = before == 0 ? 0 : bucket_cost(max, before);
    return (struct room_wish){ .cost_ns = cost,
                               .room_ns = (large ? cost : BUCKET_MINUTE_NS) - left_to_others };
}

/* ---- places ------------------------------------------------------------------------------- */

static uint64_t room_places(uint64_t max, uint64_t before)
{
    return max > before ? max - before : 0;
}

enum dispatch_lack dispatch_room_look(const struct dispatch *dispatch,
                                      const struct dispatch_ask *ask,
                                      const struct dispatch_entry *entry,
                                      const struct dispatch_room *room, int64_t *ret_until_ns)
{
    struct line_sum before = dispatch_before(dispatch, ask, entry);
    uint64_t under_way = atomic_load_explicit(&entry->under_way, memory_order_relaxed);
    if (under_way >= room_places(room->calls_max, before.calls)) {
        return DISPATCH_LACK_PLACE;
    }
    if (room->tokens_max == 0 || ask->capacity_tokens == 0) {
        return DISPATCH_LACK_NOTHING;
    }
    struct room_wish wish = room_wish(room->tokens_max, ask->capacity_tokens, before.tokens);
    int64_t over_ns =
        bucket_level(&entry->tokens_full_at, ask->now_ns) + wish.cost_ns - wish.room_ns;
    if (over_ns <= 0) {
        return DISPATCH_LACK_NOTHING;
    }
    *ret_until_ns = ask->now_ns + over_ns;
    return DISPATCH_LACK_TOKENS;
}

/* One of the places, or none. */
static bool room_take_place(struct dispatch_entry *entry, uint64_t max)
{
    uint64_t under_way = atomic_load_explicit(&entry->under_way, memory_order_relaxed);
    while (under_way < max) {
        if (atomic_compare_exchange_weak_explicit(&entry->under_way, &under_way, under_way + 1,
                                                  memory_order_relaxed, memory_order_relaxed)) {
            return true;
        }
    }
    return false;
}

static void room_give_place(struct dispatch_entry *entry)
{
    uint64_t before = atomic_fetch_sub_explicit(&entry->under_way, 1, memory_order_relaxed);
    ASSERT(before > 0);
}

bool dispatch_room_take(const struct dispatch *dispatch, const struct dispatch_ask *ask,
                        struct dispatch_entry *entry, const struct dispatch_room *room,
                        int64_t *ret_fills_ns)
{
    struct line_sum before = dispatch_before(dispatch, ask, entry);
    *ret_fills_ns = 0;
    if (!room_take_place(entry, room_places(room->calls_max, before.calls))) {
        return false;
    }
    if (room->tokens_max == 0 || ask->capacity_tokens == 0) {
        return true;
    }
    int64_t level_ns = 0;
    struct room_wish wish = room_wish(room->tokens_max, ask->capacity_tokens, before.tokens);
    if (bucket_take(&entry->tokens_full_at, wish.cost_ns, wish.room_ns, ask->now_ns, &level_ns)) {
        *ret_fills_ns = ask->now_ns + level_ns;
        return true;
    }
    room_give_place(entry);
    return false;
}

/* What the bucket has filled up by itself since is not given back once more. */
void dispatch_room_give(struct dispatch_entry *entry, const struct dispatch_room *room,
                        const struct dispatch_use *use, int64_t fills_ns, int64_t now_ns)
{
    room_give_place(entry);
    if (fills_ns == 0 || room->tokens_max == 0) {
        return;
    }
    int64_t over_ns =
        bucket_cost(room->tokens_max, use->used) - bucket_cost(room->tokens_max, use->taken);
    int64_t left_ns = fills_ns > now_ns ? fills_ns - now_ns : 0;
    bucket_move(&entry->tokens_full_at, over_ns < -left_ns ? -left_ns : over_ns, now_ns);
}
