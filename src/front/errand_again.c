#include "front/errand_again.h"

#include <stdio.h>
#include <string.h>

#include "batch/batch_again.h"
#include "front/errand_batch.h"
#include "front/front_internal.h"
#include "gate/idem_key.h"
#include "gate/repeats.h"
#include "ident/ident.h"

_Static_assert(BATCH_SUM_BYTES == DIGEST_BYTES, "names are SHA-256");

/* Of a client's keys, or of a device's own, as of calls; and of a product, as what is made is. */
static struct digest again_key_name(const struct api_key *key, struct str text)
{
    const struct id *owner = key->device != NULL ? &key->id : &key->client->id;
    const struct str parts[] = { id_str(owner), key->product, STR("\nkey\n"), text };
    return digest_sha256_parts(parts, EP_ARRAY_LEN(parts));
}

static void again_read_count(struct errand_again *again, const struct front *front, struct str said)
{
    const struct repeats *repeats = front->world.gate.repeats;
    if (repeats != NULL && str_to_i64(said, &again->tries) && again->tries >= 0) {
        again->known = true;
        again->window_ns = repeats_window_ns(repeats);
    }
}

enum err errand_again_read(struct errand_batch *errand, struct http_exchange *x)
{
    struct errand_again *again = &errand->again;
    const struct front *front = errand->work.front;
    const struct http1_head *head = http_exchange_head(x);
    char room[IDEM_KEY_MAX];
    struct str key;
    enum err err = idem_key_read(head, room, &key);
    if (err != ERR_OK) {
        errand->work.err = err;
        errand_work_fault(&errand->work, "Idempotency-Key", IDEM_KEY_TEXT);
        return err;
    }
    if (key.len > 0) {
        again->known = true;
        again->keyed = true;
        again->window_ns = front->world.batches->idem_ns;
        again->name = again_key_name(errand->key, key);
    } else {
        again_read_count(again, front, http1_header(head, STR(REPEATS_HEADER)));
    }
    return ERR_OK;
}

void errand_again_asks(struct errand_batch *errand, struct str path, struct str body)
{
    struct errand_again *again = &errand->again;
    if (!again->known) {
        return;
    }
    const struct str request[] = { path, STR("\n"), body };
    again->sum = digest_sha256_parts(request, EP_ARRAY_LEN(request));
    if (!again->keyed) {
        const struct str parts[] = { id_str(&errand->key->id), STR("\ntry\n"),
                                     digest_str(&again->sum) };
        again->name = digest_sha256_parts(parts, EP_ARRAY_LEN(parts));
    }
}

static struct batch_again again_ask(const struct errand_batch *errand)
{
    const struct errand_again *again = &errand->again;
    return (struct batch_again){
        .client = errand->owner.client,
        .name = digest_str(&again->name),
        .sum = digest_str(&again->sum),
        .keyed = again->keyed,
        .tries = again->tries,
        .asked_ns = errand->now_ns,
        .until_ns = errand->now_ns + again->window_ns,
    };
}

static void again_told(struct errand_batch *errand)
{
    struct errand_work *work = &errand->work;
    size_t len = strlen(work->headers);
    errand->again.told = true;
    int more =
        snprintf(work->headers + len, sizeof(work->headers) - len, "x-entrepot-replayed: true\r\n");
    ASSERT(more > 0 && (size_t)more < sizeof(work->headers) - len);
}

enum err errand_again_look(struct errand_batch *errand, struct store_txn *txn,
                           errand_again_fn *tell, struct fail *fail)
{
    struct id id;
    if (!errand->again.known) {
        return ERR_OK;
    }
    const struct batch_again ask = again_ask(errand);
    TRY(batch_again_find(txn, &ask, &id, fail));
    if (id_is_zero(id)) {
        return ERR_OK;
    }
    enum err err = tell(errand, txn, id, fail);
    if (err == ERR_OK) {
        again_told(errand);
    }
    return err == ERR_NOT_FOUND ? ERR_OK : err; /* it was removed: the next one is made anew */
}

enum err errand_again_made(const struct errand_batch *errand, struct store_txn *txn, struct id id,
                           struct fail *fail)
{
    const struct batch_again ask = again_ask(errand);
    return errand->again.known ? batch_again_add(txn, &ask, id, fail) : ERR_OK;
}
