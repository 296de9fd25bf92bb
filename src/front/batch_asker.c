#include "front/batch_asker.h"

#include <stdio.h>
#include <string.h>

#include "crypto/random.h"
#include "front/errand_batch.h"
#include "front/front_internal.h"
#include "gate/law.h"
#include "ident/ident.h"

bool batch_asker_note(struct batch_asker *asker, struct http_exchange *x, const struct api_key *key)
{
    struct http_from from;
    struct str market = key->market.len > 0
                            ? key->market
                            : http1_header(http_exchange_head(x), STR(CALL_LAW_MARKET));
    *asker = (struct batch_asker){ .market = "" };
    http_exchange_from(x, &from);
    if (!call_law_market_is_fine(x) || market.len >= sizeof(asker->market)) {
        return false;
    }
    memcpy(asker->market, market.len > 0 ? market.ptr : "", market.len);
    if (from.link.len < sizeof(asker->link)) { /* else it has none, which the law refuses */
        memcpy(asker->link, from.link.len > 0 ? from.link.ptr : "", from.link.len);
    }
    if (from.known) {
        ip_print(&from.client, asker->address);
    }
    return true;
}

struct http_from batch_asker_from(const struct http_server *server, const struct batch *batch)
{
    struct http_from from = { .link = http_server_link(server, batch->link) };
    from.known = batch->address.len > 0 && ip_parse(batch->address, &from.client);
    return from;
}

void errand_batch_fill(const struct errand_batch *errand, const struct batch_asker *asker,
                       struct batch *batch)
{
    uint16_t node = errand->work.front->world.gate.node;
    int64_t now_ns = errand->now_ns;
    batch->id = id_make(now_ns, node, random_u64());
    batch->output = id_make(now_ns, node, random_u64());
    batch->errors = id_make(now_ns, node, random_u64());
    batch->owner = errand->owner;
    batch->key = errand->key->id;
    batch->shape = errand->shape;
    batch->market = str_from(asker->market);
    batch->link = str_from(asker->link);
    batch->address = str_from(asker->address);
    batch->created_ns = now_ns;
    batch->deadline_ns = now_ns + BATCH_WINDOW_NS;
    batch->until_ns = now_ns + errand->keep_ns;
}
