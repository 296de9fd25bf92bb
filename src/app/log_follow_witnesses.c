/*
 * What witnesses were shown (c2sp.org/tlog-witness, monitor retrieval): each of the policy that has
 * an address is asked for the last checkpoint that it has cosigned. A log that shows one history
 * here and another one to a witness has signed both.
 */
#include <stdio.h>

#include "app/log_follow_internal.h"
#include "base/enc.h"

void follow_witnesses_init(struct follow_witnesses *witnesses)
{
    witnesses->count = 0;
    for (size_t i = 0; i < QUORUM_WITNESSES_MAX; i++) {
        witnesses->all[i].known = false;
        buf_init(&witnesses->all[i].note, NOTE_BYTES_MAX);
    }
}

void follow_witnesses_fini(struct follow_witnesses *witnesses)
{
    for (size_t i = 0; i < QUORUM_WITNESSES_MAX; i++) {
        buf_fini(&witnesses->all[i].note);
    }
}

/* <prefix>/<SHA-256 of the origin, hex>/checkpoint */
static enum err witness_address(const struct follow_round *round, struct str prefix,
                                struct buf *out)
{
    struct digest origin = digest_sha256(str_from(round->order->key->name));
    while (str_ends(prefix, STR("/"))) {
        prefix.len--;
    }
    TRY(buf_append(out, prefix));
    TRY(buf_byte(out, '/'));
    TRY(enc_hex(out, origin.bytes, DIGEST_BYTES));
    return buf_append(out, STR("/checkpoint"));
}

static void witness_take(struct follow_round *round, struct follow_witness *witness)
{
    struct checkpoint checkpoint;
    struct note note;
    struct fail why = { .text = "" };
    struct str name = witness->party->name;
    enum err err =
        checkpoint_open(buf_str(&witness->note), round->order->key, &checkpoint, &note, &why);
    if (err != ERR_OK) {
        follow_tell(round, FOLLOW_NOTE,
                    "witness \"" STR_FMT "\" shows no checkpoint of the log: %s", STR_ARG(name),
                    why.text);
    } else if (note_check(&note, &witness->party->key, NULL) != NOTE_SIGNED) {
        follow_tell(round, FOLLOW_NOTE,
                    "witness \"" STR_FMT "\" shows a checkpoint that it has not cosigned",
                    STR_ARG(name));
    } else {
        witness->known = true;
        witness->size = checkpoint.size;
        witness->root = checkpoint.root;
    }
}

static void witness_ask(struct follow_round *round, struct follow_witness *witness)
{
    char text[FETCH_URL_MAX];
    struct buf url = { text, 0, sizeof(text), sizeof(text) };
    struct fail why = { .text = "its address is too long" };
    struct str name = witness->party->name;
    enum err err = witness_address(round, witness->party->url, &url);
    if (err == ERR_OK) {
        err = log_source_read_any(buf_str(&url), &witness->note, &why);
    }
    if (err == ERR_NOT_FOUND) {
        follow_tell(round, FOLLOW_NOTE, "witness \"" STR_FMT "\" has cosigned nothing of this log",
                    STR_ARG(name));
    } else if (err != ERR_OK) {
        follow_tell(round, FOLLOW_NOTE, "witness \"" STR_FMT "\" could not be asked: %s",
                    STR_ARG(name), why.text);
    } else {
        witness_take(round, witness);
    }
}

void follow_witnesses_ask(struct follow_round *round, struct follow_witnesses *witnesses)
{
    const struct quorum *quorum = round->order->quorum;
    size_t all = quorum == NULL ? 0 : quorum_witnesses(quorum);
    for (size_t i = 0; i < all; i++) {
        const struct quorum_party *party = quorum_witness(quorum, i);
        if (party->url.len > 0) {
            struct follow_witness *witness = &witnesses->all[witnesses->count++];
            witness->party = party;
            witness_ask(round, witness);
        }
    }
}

int64_t follow_witnesses_size(const struct follow_witnesses *witnesses)
{
    int64_t size = 0;
    for (size_t i = 0; i < witnesses->count; i++) {
        const struct follow_witness *witness = &witnesses->all[i];
        size = witness->known && witness->size > size ? witness->size : size;
    }
    return size;
}

static void witness_split(struct follow_round *round, const struct follow_witness *witness,
                          const char *what)
{
    round->contradicted = true;
    if (round->evidence.len == 0) {
        EP_IGNORE(buf_append(&round->evidence, buf_str(&witness->note))); /* of the same limit */
    }
    follow_tell(round, FOLLOW_SPLIT,
                "witness \"" STR_FMT "\" has cosigned a log of %lld entries, %s the one of %lld "
                "that is shown here",
                STR_ARG(witness->party->name), (long long)witness->size, what,
                (long long)round->size);
}

static enum err witness_compare(struct follow_round *round, const struct follow_witness *witness,
                                struct fail *fail)
{
    struct fail why = { .text = "" };
    bool continues = false;
    if (witness->size > round->size) { /* it was waited for */
        witness_split(round, witness, "which is kept back behind");
        return ERR_OK;
    }
    const struct follow_tree old = { witness->size, witness->root };
    const struct follow_tree shown = { round->size, round->root };
    enum err err = follow_continues(round, &old, &shown, &continues, &why);
    if (err != ERR_OK) {
        return follow_unread(round, err, &why, fail);
    }
    if (!continues) {
        witness_split(round, witness, "which contradicts");
    }
    return ERR_OK;
}

enum err follow_witnesses_compare(struct follow_round *round,
                                  const struct follow_witnesses *witnesses, struct fail *fail)
{
    for (size_t i = 0; i < witnesses->count; i++) {
        if (witnesses->all[i].known) {
            TRY(witness_compare(round, &witnesses->all[i], fail));
        }
    }
    return ERR_OK;
}
