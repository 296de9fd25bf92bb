#include "app/registry_sign.h"

#include <stdio.h>

#include "app/file_text.h"
#include "app/registry_candidate.h"
#include "base/enc.h"

#define SIGN_PATH_MAX  4096
#define SIGN_BYTES_MAX (REGISTRY_TEXT_BYTES + (size_t)65536)

static enum err sign_path(char path[SIGN_PATH_MAX], const char *folder, const char *name,
                          struct fail *fail)
{
    int len = snprintf(path, SIGN_PATH_MAX, "%s/%s", folder, name);
    return len > 0 && len < SIGN_PATH_MAX
               ? ERR_OK
               : FAIL(fail, ERR_LIMIT, "the path \"%s\" is too long", folder);
}

enum err registry_sign_key(const char *path, struct sign_key **ret_key, struct fail *fail)
{
    struct secret secret = { 0 };
    char reference[SIGN_PATH_MAX + 5];
    int len = snprintf(reference, sizeof(reference), "file:%s", path);
    if (len < 0 || (size_t)len >= sizeof(reference)) {
        return FAIL(fail, ERR_LIMIT, "the path \"%s\" is too long", path);
    }
    TRY(secret_load(str_from(reference), STR_EMPTY, &secret, fail));
    enum err err = sign_key_load(&secret, ret_key, fail);
    secret_fini(&secret);
    return err;
}

/* ---- keygen ------------------------------------------------------------------------------- */

static enum err sign_need(const struct args *args, const char *flag, struct str *ret_value,
                          struct fail *fail)
{
    *ret_value = args_value(args, flag);
    return ret_value->len > 0 ? ERR_OK : FAIL(fail, ERR_ASK_MISSING, "--%s is missing", flag);
}

static enum err sign_word(const struct args *args, const char *what, struct str *ret_word,
                          struct fail *fail)
{
    *ret_word = args_word(args, 2);
    return ret_word->len > 0 ? ERR_OK : FAIL(fail, ERR_ASK_MISSING, "%s is missing", what);
}

enum err registry_keygen_run(const struct args *args, struct buf *out, struct fail *fail)
{
    struct str path;
    struct sign_key *key = NULL;
    unsigned char bytes[SIGN_PUBLIC_BYTES];
    bool json = args_has(args, "json");
    TRY(sign_word(args, "the key's file", &path, fail));
    TRY(crypto_start(fail));
    TRY(sign_key_create_file(path.ptr, fail));
    TRY(registry_sign_key(path.ptr, &key, fail));
    sign_public(key, bytes);
    sign_key_destroy(key);
    TRY(buf_append(out, json ? STR("{\"public_key\":\"") : STR_EMPTY));
    TRY(enc_hex(out, bytes, SIGN_PUBLIC_BYTES));
    return buf_append(out, json ? STR("\"}\n") : STR("\n"));
}

/* ---- sign --------------------------------------------------------------------------------- */

static enum err sign_append(const struct registry_sign_order *order, const struct sign_key *key,
                            const struct digest *hash, struct fail *fail)
{
    char path[SIGN_PATH_MAX];
    struct buf text;
    const struct registry_signing_row row = { hash, order->person, order->role,
                                              registry_candidate_now() };
    TRY(sign_path(path, order->folder, REGISTRY_SIGNATURES_FILE, fail));
    buf_init(&text, SIGN_BYTES_MAX);
    enum err err = file_text_read(path, &text, fail);
    err = err == ERR_NOT_FOUND ? ERR_OK : err;
    if (err == ERR_OK && registry_signing_write(&text, key, &row) != ERR_OK) {
        err = FAIL(fail, ERR_LIMIT, "\"%s\" is full: rows of versions that were applied may go",
                   path);
    }
    err = err == ERR_OK ? file_text_replace(path, buf_str(&text), 0644, fail) : err;
    buf_fini(&text);
    return err;
}

static enum err sign_under_lock(const struct registry_sign_order *order, const struct sign_key *key,
                                struct digest *ret_hash, struct buf *errors, struct fail *fail)
{
    struct registry *registry = NULL;
    const struct registry_judging judging = { .shelf = NULL };
    TRY(registry_candidate_load(order->folder, &judging, &registry, errors));
    *ret_hash = registry->hash;
    registry_unref(registry);
    return sign_append(order, key, ret_hash, fail);
}

/* An id is written into YAML as it is. */
static bool sign_is_id(struct str id)
{
    for (size_t i = 0; i < id.len; i++) {
        char c = id.ptr[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!letter && (i == 0 || str_find(STR("._-"), c) == 3)) {
            return false;
        }
    }
    return id.len > 0 && id.len <= REGISTRY_PERSON_MAX;
}

enum err registry_sign_folder(const struct registry_sign_order *order, struct digest *ret_hash,
                              struct buf *errors, struct fail *fail)
{
    struct sign_key *key = NULL;
    int lock = -1;
    if (!sign_is_id(order->person)) {
        return FAIL(fail, ERR_ASK_INVALID, "\"" STR_FMT "\" is no id of a person",
                    STR_ARG(order->person));
    }
    TRY(registry_sign_key(order->key, &key, fail));
    enum err err = file_text_lock(order->folder, &lock, fail);
    if (err == ERR_OK) {
        err = sign_under_lock(order, key, ret_hash, errors, fail);
        file_text_unlock(lock);
    }
    sign_key_destroy(key);
    return err;
}

static enum err sign_print(const struct args *args, const struct registry_sign_order *order,
                           const struct digest *hash, struct buf *out)
{
    bool json = args_has(args, "json");
    TRY(buf_append(out, json ? STR("{\"hash\":\"") : STR("signed ")));
    TRY(enc_hex(out, hash->bytes, DIGEST_BYTES));
    return buf_printf(
        out, json ? "\",\"person\":\"" STR_FMT "\",\"role\":\"%s\"}\n" : " by " STR_FMT " as %s\n",
        STR_ARG(order->person), registry_role_name(order->role));
}

enum err registry_sign_run(const struct args *args, struct buf *out, struct buf *errors,
                           struct fail *fail)
{
    struct str folder;
    struct str key;
    struct str role;
    struct digest hash;
    struct registry_sign_order order = { .folder = NULL };
    TRY(sign_word(args, "the registry's folder", &folder, fail));
    TRY(sign_need(args, "person", &order.person, fail));
    TRY(sign_need(args, "key", &key, fail));
    TRY(sign_need(args, "as", &role, fail));
    if (!registry_role_parse(role, &order.role)) {
        return FAIL(fail, ERR_ASK_INVALID,
                    "--as is \"entered\" or \"reviewed\", not \"" STR_FMT "\"", STR_ARG(role));
    }
    order.folder = folder.ptr;
    order.key = key.ptr;
    TRY(crypto_start(fail));
    TRY(registry_sign_folder(&order, &hash, errors, fail));
    return sign_print(args, &order, &hash, out);
}
