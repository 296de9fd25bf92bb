#include "front/front.h"

#include "base/mem.h"
#include "front/batch_run.h"
#include "front/errand.h"
#include "front/front_internal.h"
#include "front/realtime.h"
#include "front/router.h"

enum err front_create(struct loop *loop, const struct front_world *world,
                      struct gate_snapshot *snapshot, struct front **ret_front, struct fail *fail)
{
    struct front *front = mem_zalloc(sizeof(*front));
    if (front == NULL) {
        gate_snapshot_unref(snapshot);
        return FAIL(fail, ERR_NO_MEMORY, "no memory for a front");
    }
    const struct gate_router router = { .events = &router_events, .owner = front };
    front->loop = loop;
    front->world = *world;
    front->snapshot = snapshot;
    list_init(&front->file_uploads);
    list_init(&front->contents);
    list_init(&front->sessions);
    enum err err =
        gate_create(loop, &world->gate, gate_snapshot_ref(snapshot), &router, &front->gate, fail);
    if (err != ERR_OK) {
        front_destroy(front);
        return err;
    }
    *ret_front = front;
    return ERR_OK;
}

enum err front_listen(struct front *front, const struct address *address, struct tls_context *tls,
                      struct address *ret_bound, struct fail *fail)
{
    return gate_listen(front->gate, address, tls, ret_bound, fail);
}

enum err front_listen_link(struct front *front, const struct http_listen *listen,
                           struct address *ret_bound, struct fail *fail)
{
    return gate_listen_link(front->gate, listen, ret_bound, fail);
}

enum err front_run_batches(struct front *front, struct fail *fail)
{
    return batch_runner_create(front, &front->batches, fail);
}

void front_swap(struct front *front, struct gate_snapshot *snapshot)
{
    struct gate_snapshot *before = front->snapshot;
    front->snapshot = gate_snapshot_ref(snapshot);
    gate_swap(front->gate, snapshot);
    gate_snapshot_unref(before);
    realtime_swapped(front);
}

void front_drain(struct front *front)
{
    front->draining = true;
    if (front->batches != NULL) {
        batch_runner_drain(front->batches);
    }
    gate_drain(front->gate);
}

size_t front_busy(const struct front *front)
{
    size_t batches = front->batches != NULL && batch_runner_busy(front->batches) ? 1 : 0;
    return gate_busy(front->gate) + front->errands + front->sessions_count + batches;
}

void front_cut(struct front *front)
{
    errand_files_cut(front);
    errand_contents_cut(front);
    gate_cut(front->gate);
    realtime_cut(front);
}

void front_close(struct front *front)
{
    ASSERT(front_busy(front) == 0);
    gate_close(front->gate);
}

void front_destroy(struct front *front)
{
    if (front == NULL) {
        return;
    }
    ASSERT(list_empty(&front->file_uploads) && list_empty(&front->contents) &&
           list_empty(&front->sessions));
    batch_runner_destroy(front->batches);
    gate_destroy(front->gate);
    gate_snapshot_unref(front->snapshot);
    mem_free(front);
}
