/* The front of one loop, as its own files see it. */
#pragma once

#include "base/list.h"
#include "front/front.h"
#include "gate/snapshot.h"
#include "ledger/ledger.h"
#include "loop/loop.h"
#include "net/inner.h"
#include "net/server.h"

struct front {
    struct loop *loop;
    struct gate *gate;
    struct front_world world;
    struct gate_snapshot *snapshot; /* that new requests begin with */
    size_t errands;                 /* under way */
    struct node file_uploads;       /* errand_file_add.c: whose body comes in */
    struct node contents;           /* errand_content.c: that are sent */
    struct node sessions;           /* realtime.h */
    size_t sessions_count;
    struct batch_runner *batches; /* NULL: another loop works them off */
    bool draining;                /* no session begins any more */
};
