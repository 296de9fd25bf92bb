#include "app/registry_sign_grant.h"

#include <stdio.h>

#include "app/file_text.h"
#include "app/registry_candidate.h"
#include "app/registry_sign.h"
#include "app/yaml_edit.h"
#include "base/enc.h"
#include "registry/registry_canonical.h"

#define SIGN_GRANT_PATH_MAX 4096
#define SIGN_GRANT_ROW_MAX  2048

/* What is signed, and by whom it may be. */
struct sign_grant {
    const struct registry_sign_grant_order *order;
    const struct registry *registry;
    const struct registry_grant *grant;         /* or */
    const struct registry_agreement *agreement; /* one of both */
    const struct registry_party *party;         /* who signs */
    const struct registry_signature *before;
    const struct registry_key *key;
    unsigned char sig[SIGN_BYTES];
    struct fail *fail;
};

static enum err sign_grant_find(struct sign_grant *sign)
{
    const struct registry_sign_grant_order *order = sign->order;
    sign->grant = registry_grant(sign->registry, order->grant);
    sign->agreement = registry_agreement(sign->registry, order->grant);
    if (sign->grant != NULL) {
        sign->party = order->counter ? sign->grant->grantee : sign->grant->grantor;
        sign->before = &sign->grant->signature;
    } else if (sign->agreement != NULL) {
        sign->party = order->counter ? sign->agreement->grantee : sign->agreement->grantor;
        sign->before = &sign->agreement->signature;
    } else {
        return FAIL(sign->fail, ERR_NOT_FOUND, "there is no grant or agreement \"" STR_FMT "\"",
                    STR_ARG(order->grant));
    }
    if (sign->party == NULL) {
        return FAIL(sign->fail, ERR_ASK_INVALID,
                    "\"" STR_FMT "\" is accepted online: nobody signs on the client's side",
                    STR_ARG(order->grant));
    }
    return ERR_OK;
}

/* The entry of the key must be the signer's, and be the key that is at hand. */
static enum err sign_grant_key(struct sign_grant *sign, const struct sign_key *key)
{
    const struct registry *registry = sign->registry;
    struct str id = sign->order->key_id;
    unsigned char bytes[SIGN_PUBLIC_BYTES];
    sign_public(key, bytes);
    for (size_t i = 0; i < registry->key_count; i++) {
        if (str_eq(registry->keys[i].id, id)) {
            sign->key = &registry->keys[i];
        }
    }
    if (sign->key == NULL) {
        return FAIL(sign->fail, ERR_NOT_FOUND, "keys.yaml has no key \"" STR_FMT "\"", STR_ARG(id));
    }
    if (sign->key->party != sign->party) {
        return FAIL(sign->fail, ERR_ASK_INVALID,
                    "key \"" STR_FMT "\" is of party \"" STR_FMT "\", and \"" STR_FMT "\" signs",
                    STR_ARG(id), STR_ARG(sign->key->party->id), STR_ARG(sign->party->id));
    }
    if (memcmp(sign->key->public_key, bytes, SIGN_PUBLIC_BYTES) != 0) {
        return FAIL(sign->fail, ERR_ASK_INVALID,
                    "key \"" STR_FMT "\" of keys.yaml has another public key than \"%s\"",
                    STR_ARG(id), sign->order->key);
    }
    return ERR_OK;
}

static enum err sign_grant_make(struct sign_grant *sign, const struct sign_key *key)
{
    struct buf text;
    buf_init(&text, REGISTRY_CANONICAL_MAX);
    enum err err = sign->grant != NULL ? registry_grant_canonical(sign->grant, &text)
                                       : registry_agreement_canonical(sign->agreement, &text);
    err = err == ERR_OK ? sign_make(key, buf_str(&text), sign->sig) : err;
    buf_fini(&text);
    return err == ERR_OK ? err : FAIL(sign->fail, err, "the signature could not be made");
}

static enum err sign_grant_put(struct buf *out, const char *key, const char *sig, struct str id,
                               const unsigned char bytes[SIGN_BYTES])
{
    TRY(buf_printf(out, ", %s: " STR_FMT ", %s: \"", key, STR_ARG(id), sig));
    TRY(enc_hex(out, bytes, SIGN_BYTES));
    return buf_byte(out, '"');
}

/* The signature with what was there of the other side. */
static enum err sign_grant_row(const struct sign_grant *sign, struct buf *out)
{
    bool counter = sign->order->counter;
    const struct registry_key *first = counter ? sign->before->key_id : sign->key;
    const struct registry_key *second = counter ? sign->key : sign->before->countersig_key_id;
    TRY(buf_append(out, STR("{alg: ed25519")));
    if (first != NULL) {
        TRY(sign_grant_put(out, "key_id", "sig", first->id,
                           counter ? sign->before->sig : sign->sig));
    }
    if (second != NULL) {
        TRY(sign_grant_put(out, "countersig_key_id", "countersig", second->id,
                           counter ? sign->sig : sign->before->countersig));
    }
    return buf_byte(out, '}');
}

static enum err sign_grant_write(const struct sign_grant *sign, struct str row)
{
    char path[SIGN_GRANT_PATH_MAX];
    const char *list = sign->grant != NULL ? "grants" : "agreements";
    const struct yaml_edit edit = { str_from(list), sign->order->grant, STR("signature"), row };
    struct buf before;
    struct buf after;
    int len = snprintf(path, sizeof(path), "%s/%s.yaml", sign->order->folder, list);
    if (len < 0 || (size_t)len >= sizeof(path)) {
        return FAIL(sign->fail, ERR_LIMIT, "the path \"%s\" is too long", sign->order->folder);
    }
    buf_init(&before, REGISTRY_TEXT_BYTES);
    buf_init(&after, REGISTRY_TEXT_BYTES);
    enum err err = file_text_read(path, &before, sign->fail);
    err = err == ERR_OK ? yaml_edit_set(buf_str(&before), &edit, &after, sign->fail) : err;
    err = err == ERR_OK ? file_text_replace(path, buf_str(&after), 0644, sign->fail) : err;
    buf_fini(&before);
    buf_fini(&after);
    return err;
}

static enum err sign_grant_do(struct sign_grant *sign, const struct sign_key *key,
                              struct buf *ret_row)
{
    TRY(sign_grant_find(sign));
    TRY(sign_grant_key(sign, key));
    TRY(sign_grant_make(sign, key));
    if (sign_grant_row(sign, ret_row) != ERR_OK) {
        return FAIL(sign->fail, ERR_NO_MEMORY, "no memory for the signature");
    }
    return sign_grant_write(sign, buf_str(ret_row));
}

enum err registry_sign_grant(const struct registry_sign_grant_order *order, struct buf *ret_row,
                             struct buf *errors, struct fail *fail)
{
    /* An entry that is not signed yet is a fault of the law: it must not stand in the way. */
    const struct registry_judging judging = { .kept = true };
    struct sign_grant sign = { .order = order, .fail = fail };
    struct registry *registry = NULL;
    struct sign_key *key = NULL;
    int lock = -1;
    TRY(registry_sign_key(order->key, &key, fail));
    enum err err = file_text_lock(order->folder, &lock, fail);
    if (err == ERR_OK) {
        err = registry_candidate_load(order->folder, &judging, &registry, errors);
        sign.registry = registry;
        err = err == ERR_OK ? sign_grant_do(&sign, key, ret_row) : err;
        file_text_unlock(lock);
    }
    registry_unref(registry);
    sign_key_destroy(key);
    return err;
}

/* ---- the command -------------------------------------------------------------------------- */

static enum err sign_grant_need(const struct args *args, const char *flag, struct str *ret_value,
                                struct fail *fail)
{
    *ret_value = args_value(args, flag);
    return ret_value->len > 0 ? ERR_OK : FAIL(fail, ERR_ASK_MISSING, "--%s is missing", flag);
}

static enum err sign_grant_order(const struct args *args, struct registry_sign_grant_order *order,
                                 struct fail *fail)
{
    struct str key;
    if (args_word(args, 2).len == 0) {
        return FAIL(fail, ERR_ASK_MISSING, "the registry's folder is missing");
    }
    TRY(sign_grant_need(args, "grant", &order->grant, fail));
    TRY(sign_grant_need(args, "key", &key, fail));
    TRY(sign_grant_need(args, "key-id", &order->key_id, fail));
    order->folder = args_word(args, 2).ptr;
    order->key = key.ptr;
    order->counter = args_has(args, "counter");
    return ERR_OK;
}

enum err registry_sign_grant_run(const struct args *args, struct buf *out, struct buf *errors,
                                 struct fail *fail)
{
    struct registry_sign_grant_order order = { .folder = NULL };
    struct buf row;
    TRY(sign_grant_order(args, &order, fail));
    TRY(crypto_start(fail));
    buf_init(&row, SIGN_GRANT_ROW_MAX);
    enum err err = registry_sign_grant(&order, &row, errors, fail);
    if (err == ERR_OK) {
        err = buf_printf(out, "signed " STR_FMT " with " STR_FMT "\n", STR_ARG(order.grant),
                         STR_ARG(order.key_id));
    } else if (err == ERR_CONFLICT) {
        err = buf_printf(out, "%s; paste this into it:\n    signature: " STR_FMT "\n", fail->text,
                         STR_ARG(buf_str(&row)));
    }
    buf_fini(&row);
    return err;
}
