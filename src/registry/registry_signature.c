#include "base/mem.h"
#include "crypto/sign.h"
#include "registry/registry_canonical.h"
#include "registry/registry_internal.h"

_Static_assert(sizeof(((struct registry_key *)0)->public_key) == SIGN_PUBLIC_BYTES, "one size");
_Static_assert(sizeof(((struct registry_signature *)0)->sig) == SIGN_BYTES, "one size");

/* Whether the key was the party's to sign with when the entry was made. */
static bool registry_key_stands(const struct registry_key *key, const struct registry_party *party,
                                int64_t entered_at)
{
    return key != NULL && party != NULL && key->party == party && key->valid_from <= entered_at &&
           entered_at < key->valid_until && entered_at < key->revoked_at;
}

static bool registry_signed(const struct registry_signature *signature,
                            const struct registry_party *grantor,
                            const struct registry_party *grantee, int64_t entered_at,
                            struct str text)
{
    static const unsigned char nothing[SIGN_BYTES];
    bool fine = registry_key_stands(signature->key_id, grantor, entered_at) &&
                sign_check(signature->key_id->public_key, text, signature->sig);
    bool countersigned = signature->countersig_key_id != NULL ||
                         memcmp(signature->countersig, nothing, sizeof(nothing)) != 0;
    if (fine && countersigned) {
        fine = registry_key_stands(signature->countersig_key_id, grantee, entered_at) &&
               sign_check(signature->countersig_key_id->public_key, text, signature->countersig);
    }
    return fine;
}

/* The licence of each model that the grant names is its document. */
static bool registry_licensed(const struct registry_grant *grant)
{
    bool fine = grant->doc.kind == REGISTRY_DOC_LICENCE && grant->doc.sha256.len > 0;
    for (size_t i = 0; i < grant->model_count; i++) {
        const struct registry_model *model = grant->models[i].model;
        fine = fine && model != NULL && str_eq(model->licence.doc.sha256, grant->doc.sha256);
    }
    return fine;
}

static void registry_sign_grants(struct registry_load *load, struct buf *text)
{
    const struct registry_set *set = &load->sets[REGISTRY_KIND_GRANT];
    struct registry_grant *grant = (void *)set->objects;
    for (size_t i = 0; i < set->count && load->err == ERR_OK; i++) {
        struct registry_signature *signature = &grant[i].signature;
        if (grant[i].parent_kind == REGISTRY_PARENT_LICENCE) {
            signature->fine = registry_licensed(&grant[i]);
        } else if (!set->items[i].broken && signature->key_id != NULL) {
            buf_reset(text);
            load->err = registry_grant_canonical(&grant[i], text);
            signature->fine = load->err == ERR_OK &&
                              registry_signed(signature, grant[i].grantor, grant[i].grantee,
                                              grant[i].entered_at, buf_str(text));
        }
    }
}

static void registry_sign_agreements(struct registry_load *load, struct buf *text)
{
    const struct registry_set *set = &load->sets[REGISTRY_KIND_AGREEMENT];
    struct registry_agreement *agreement = (void *)set->objects;
    for (size_t i = 0; i < set->count && load->err == ERR_OK; i++) {
        struct registry_signature *signature = &agreement[i].signature;
        if (!set->items[i].broken && signature->key_id != NULL) {
            buf_reset(text);
            load->err = registry_agreement_canonical(&agreement[i], text);
            signature->fine = load->err == ERR_OK &&
                              registry_signed(signature, agreement[i].grantor, agreement[i].grantee,
                                              agreement[i].entered_at, buf_str(text));
        }
    }
}

void registry_link_signatures(struct registry_load *load)
{
    struct buf text;
    buf_init(&text, REGISTRY_CANONICAL_MAX);
    registry_sign_grants(load, &text);
    registry_sign_agreements(load, &text);
    buf_fini(&text);
    load->err = load->err == ERR_LIMIT ? ERR_NO_MEMORY : load->err;
}
