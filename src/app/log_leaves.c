#include "app/log_leaves.h"

#include "base/enc.h"
#include "base/stamp.h"
#include "tlog/canon.h"

#define LEAF_ENTRY_MAX  512  /* eight short members, a hash among them */
#define LEAF_DETAIL_MAX 2048 /* the same, and two names of at most 128 bytes, escaped */

static void leaf_put_hex(struct canon *canon, const char *key, struct str bytes)
{
    char text[2 * DIGEST_BYTES];
    struct buf hex = { text, 0, sizeof(text), sizeof(text) };
    ASSERT(bytes.len == DIGEST_BYTES);
    EP_IGNORE(enc_hex(&hex, bytes.ptr, bytes.len)); /* fits exactly */
    canon_put_str(canon, key, buf_str(&hex));
}

static void leaf_put_id(struct canon *canon, const char *key, const char *prefix, struct id id)
{
    char text[ID_SHOWN_MAX];
    struct buf shown = { text, 0, sizeof(text), sizeof(text) };
    EP_IGNORE(id_print(&shown, str_from(prefix), id)); /* fits */
    canon_put_str(canon, key, buf_str(&shown));
}

/* The batch holds what the leaf is about: it must not stay without it. */
static enum err leaf_append(struct tlog *tlog, struct store_txn *txn, enum tlog_kind kind,
                            struct str entry, int64_t now_ns, struct fail *fail)
{
    int64_t leaf = 0;
    enum err err = tlog_append(tlog, txn, kind, entry, now_ns, &leaf, fail);
    return err == ERR_OK ? ERR_OK : ERR_STORE_FAILED;
}

static enum err leaf_append_detail(struct tlog *tlog, struct store_txn *txn, enum tlog_kind kind,
                                   struct str detail, int64_t now_ns, struct fail *fail)
{
    int64_t leaf = 0;
    enum err err = tlog_append_note(tlog, txn, kind, detail, now_ns, &leaf, fail);
    return err == ERR_OK ? ERR_OK : ERR_STORE_FAILED;
}

enum err log_leaf_registry(struct tlog *tlog, struct store_txn *txn, int64_t number,
                           const struct digest *hash, int64_t now_ns, struct fail *fail)
{
    char text[LEAF_ENTRY_MAX];
    struct buf entry = { text, 0, sizeof(text), sizeof(text) };
    struct canon canon;
    canon_init(&canon, &entry);
    canon_open(&canon, '{');
    leaf_put_hex(&canon, "hash", digest_str(hash));
    canon_put_str(&canon, "kind", STR("registry"));
    canon_put_int(&canon, "number", number);
    canon_put_int(&canon, "version", 1);
    canon_close(&canon, '}');
    ASSERT(canon_err(&canon) == ERR_OK); /* fits */
    return leaf_append(tlog, txn, TLOG_REGISTRY, buf_str(&entry), now_ns, fail);
}

enum err log_leaf_key(void *context, struct store_txn *txn, const struct ident_key_change *change,
                      struct fail *fail)
{
    char text[LEAF_DETAIL_MAX];
    struct buf detail = { text, 0, sizeof(text), sizeof(text) };
    struct canon canon;
    canon_init(&canon, &detail);
    canon_open(&canon, '{');
    canon_put_str(&canon, "act", change->revoked ? STR("revoke") : STR("add"));
    canon_put_int(&canon, "at_ns", change->now_ns);
    leaf_put_id(&canon, "client", IDENT_CLIENT_PREFIX, change->key->client->id);
    leaf_put_id(&canon, "key", IDENT_KEY_PREFIX, change->key->id);
    canon_put_str(&canon, "product", change->key->product);
    canon_put_int(&canon, "version", 1);
    canon_close(&canon, '}');
    ASSERT(canon_err(&canon) == ERR_OK); /* a product's name has IDENT_NAME_MAX bytes at most */
    return leaf_append_detail(context, txn, TLOG_KEY, buf_str(&detail), change->now_ns, fail);
}

enum err log_leaf_prices(void *context, struct store_txn *txn, const struct ledger_price_book *book,
                         int64_t now_ns, struct fail *fail)
{
    char text[LEAF_DETAIL_MAX];
    struct buf detail = { text, 0, sizeof(text), sizeof(text) };
    struct canon canon;
    canon_init(&canon, &detail);
    canon_open(&canon, '{');
    canon_put_str(&canon, "book", book->book.name);
    canon_put_str(&canon, "currency", book->currency);
    leaf_put_hex(&canon, "hash", book->book.hash);
    canon_put_str(&canon, "name", book->book.version);
    canon_put_int(&canon, "version", 1);
    canon_close(&canon, '}');
    TRY(canon_err(&canon));
    return leaf_append_detail(context, txn, TLOG_PRICES, buf_str(&detail), now_ns, fail);
}

enum err log_leaf_start(struct tlog *tlog, struct store_txn *txn, const struct log_start *start,
                        struct fail *fail)
{
    char text[LEAF_ENTRY_MAX];
    struct buf entry = { text, 0, sizeof(text), sizeof(text) };
    struct canon canon;
    int64_t leaves = 0;
    TRY(tlog_size(txn, &leaves, fail));
    canon_init(&canon, &entry);
    canon_open(&canon, '{');
    canon_put_int(&canon, "at_ns", start->now_ns);
    canon_put_str(&canon, "event", STR("start"));
    canon_put_str(&canon, "kind", STR("event"));
    canon_put_int(&canon, "leaves", leaves);
    canon_put_str(&canon, "program", start->program);
    canon_put_int(&canon, "registry", start->registry);
    canon_put_int(&canon, "version", 1);
    canon_close(&canon, '}');
    ASSERT(canon_err(&canon) == ERR_OK); /* fits */
    return leaf_append(tlog, txn, TLOG_EVENT, buf_str(&entry), start->now_ns, fail);
}

enum err log_leaf_gap(struct tlog *tlog, struct store_txn *txn, const struct log_gap *gap,
                      struct fail *fail)
{
    char text[LEAF_ENTRY_MAX];
    struct buf entry = { text, 0, sizeof(text), sizeof(text) };
    struct canon canon;
    canon_init(&canon, &entry);
    canon_open(&canon, '{');
    canon_put_int(&canon, "at_ns", gap->now_ns);
    canon_put_str(&canon, "event", STR("gap"));
    canon_put_int(&canon, "first", gap->first);
    canon_put_str(&canon, "kind", STR("event"));
    canon_put_int(&canon, "leaves", gap->leaves);
    canon_put_int(&canon, "seconds", gap->seconds);
    canon_put_int(&canon, "version", 1);
    canon_close(&canon, '}');
    ASSERT(canon_err(&canon) == ERR_OK); /* fits */
    return leaf_append(tlog, txn, TLOG_EVENT, buf_str(&entry), gap->now_ns, fail);
}
