#include "app/init_sign.h"

#include <stdio.h>
#include <string.h>

#include "app/file_text.h"
#include "app/registry_candidate.h"
#include "app/registry_sign.h"
#include "app/registry_sign_grant.h"
#include "app/yaml_edit.h"
#include "base/enc.h"

#define INIT_SIGN_PATH_MAX 4096
#define INIT_SIGN_ROW_MAX  2048

struct init_signing {
    struct str folder;
    char registry[INIT_SIGN_PATH_MAX];
    struct buf *errors;
    struct fail *fail;
};

/* "FOLDER/keys/ID.key" */
static enum err init_key_path(const struct init_signing *signing, struct str id,
                              char path[INIT_SIGN_PATH_MAX])
{
    int len = snprintf(path, INIT_SIGN_PATH_MAX, STR_FMT "/keys/" STR_FMT ".key",
                       STR_ARG(signing->folder), STR_ARG(id));
    return len > 0 && len < INIT_SIGN_PATH_MAX
               ? ERR_OK
               : FAIL(signing->fail, ERR_LIMIT, "the path of a key is too long");
}

/* ---- keys --------------------------------------------------------------------------------- */

static enum err init_put_public(const struct init_signing *signing, const char *list, struct str id,
                                const unsigned char bytes[SIGN_PUBLIC_BYTES])
{
    char path[INIT_SIGN_PATH_MAX];
    char room[2 * SIGN_PUBLIC_BYTES + 2];
    struct buf value = { room, 0, sizeof(room), sizeof(room) };
    struct buf before;
    struct buf after;
    int len = snprintf(path, sizeof(path), "%s/%s.yaml", signing->registry, list);
    ASSERT(len > 0 && (size_t)len < sizeof(path)); /* the example's own were written there */
    TRY(buf_byte(&value, '"'));
    TRY(enc_hex(&value, bytes, SIGN_PUBLIC_BYTES));
    TRY(buf_byte(&value, '"'));
    const struct yaml_edit edit = { str_from(list), id, STR("public_key"), buf_str(&value) };
    buf_init(&before, REGISTRY_TEXT_BYTES);
    buf_init(&after, REGISTRY_TEXT_BYTES);
    enum err err = file_text_read(path, &before, signing->fail);
    err = err == ERR_OK ? yaml_edit_set(buf_str(&before), &edit, &after, signing->fail) : err;
    err = err == ERR_OK ? file_text_replace(path, buf_str(&after), 0644, signing->fail) : err;
    buf_fini(&before);
    buf_fini(&after);
    return err;
}

static enum err init_make_key(const struct init_signing *signing, const char *list, struct str id)
{
    char path[INIT_SIGN_PATH_MAX];
    unsigned char bytes[SIGN_PUBLIC_BYTES];
    struct sign_key *key = NULL;
    TRY(init_key_path(signing, id, path));
    TRY(sign_key_create_file(path, signing->fail));
    TRY(registry_sign_key(path, &key, signing->fail));
    sign_public(key, bytes);
    sign_key_destroy(key);
    return init_put_public(signing, list, id, bytes);
}

static enum err init_make_keys(const struct init_signing *signing, const struct registry *registry)
{
    for (size_t i = 0; i < registry->person_count; i++) {
        TRY(init_make_key(signing, "persons", registry->persons[i].id));
    }
    for (size_t i = 0; i < registry->key_count; i++) {
        TRY(init_make_key(signing, "keys", registry->keys[i].id));
    }
    return ERR_OK;
}

/* ---- signatures --------------------------------------------------------------------------- */

static enum err init_sign_one(const struct init_signing *signing, struct str grant,
                              const struct registry_key *key, bool counter)
{
    char path[INIT_SIGN_PATH_MAX];
    struct buf row;
    if (key == NULL) {
        return ERR_OK;
    }
    TRY(init_key_path(signing, key->id, path));
    const struct registry_sign_grant_order order = { signing->registry, path, key->id, grant,
                                                     counter };
    buf_init(&row, INIT_SIGN_ROW_MAX);
    enum err err = registry_sign_grant(&order, &row, signing->errors, signing->fail);
    buf_fini(&row);
    return err;
}

static enum err init_sign_grants(const struct init_signing *signing,
                                 const struct registry *registry)
{
    for (size_t i = 0; i < registry->grant_count; i++) {
        const struct registry_grant *grant = &registry->grants[i];
        TRY(init_sign_one(signing, grant->id, grant->signature.key_id, false));
        TRY(init_sign_one(signing, grant->id, grant->signature.countersig_key_id, true));
    }
    for (size_t i = 0; i < registry->agreement_count; i++) {
        const struct registry_agreement *agreement = &registry->agreements[i];
        TRY(init_sign_one(signing, agreement->id, agreement->signature.key_id, false));
        TRY(init_sign_one(signing, agreement->id, agreement->signature.countersig_key_id, true));
    }
    return ERR_OK;
}

static enum err init_sign_version(const struct init_signing *signing,
                                  const struct registry *registry)
{
    struct digest hash;
    if (registry->person_count < REGISTRY_ROLE_COUNT) {
        return FAIL(signing->fail, ERR_NOT_FOUND, "the example registry has no two persons");
    }
    for (unsigned role = 0; role < REGISTRY_ROLE_COUNT; role++) {
        char path[INIT_SIGN_PATH_MAX];
        struct str person = registry->persons[role].id;
        TRY(init_key_path(signing, person, path));
        const struct registry_sign_order order = { signing->registry, path, person,
                                                   (enum registry_role)role };
        TRY(registry_sign_folder(&order, &hash, signing->errors, signing->fail));
    }
    return ERR_OK;
}

enum err init_sign(struct str folder, struct buf *errors, struct fail *fail)
{
    const struct registry_judging judging = { .kept = true }; /* it is not signed yet */
    struct init_signing signing = { .folder = folder, .errors = errors, .fail = fail };
    struct registry *registry = NULL;
    int len = snprintf(signing.registry, sizeof(signing.registry) - 32, STR_FMT "/registry",
                       STR_ARG(folder));
    if (len < 0 || (size_t)len >= sizeof(signing.registry) - 32) {
        return FAIL(fail, ERR_LIMIT, "the path \"" STR_FMT "\" is too long", STR_ARG(folder));
    }
    TRY(registry_candidate_load(signing.registry, &judging, &registry, errors));
    enum err err = init_make_keys(&signing, registry);
    err = err == ERR_OK ? init_sign_grants(&signing, registry) : err;
    err = err == ERR_OK ? init_sign_version(&signing, registry) : err;
    registry_unref(registry);
    return err;
}
