#include "settle/evidence_law.h"

#include "base/enc.h"
#include "base/mem.h"
#include "registry/registry_signing.h"

_Static_assert(EVIDENCE_PERSON_MAX == REGISTRY_PERSON_MAX, "ids of persons fit");

void evidence_law_init(struct evidence_law *law)
{
    *law = (struct evidence_law){ .versions = NULL };
}

static void law_close(struct evidence_law *law, struct evidence_version *version)
{
    const struct registry *registry = version->rejudge.registry;
    if (registry != NULL) {
        rejudge_fini(&version->rejudge);
        registry_unref(registry);
        law->open--;
    }
}

void evidence_law_fini(struct evidence_law *law)
{
    for (size_t i = 0; i < law->count; i++) {
        law_close(law, &law->versions[i]);
    }
    mem_free(law->versions);
    evidence_law_init(law);
}

enum err evidence_law_add(struct evidence_law *law, const struct evidence_version *version)
{
    ASSERT(law->count == 0 || law->versions[law->count - 1].seq < version->seq);
    if (law->count == EVIDENCE_VERSIONS_MAX) {
        return ERR_LIMIT;
    }
    if (law->count == law->cap) {
        size_t cap = law->cap == 0 ? 16 : 2 * law->cap;
        struct evidence_version *grown = mem_realloc(law->versions, cap * sizeof(*grown));
        if (grown == NULL) {
            return ERR_NO_MEMORY;
        }
        law->versions = grown;
        law->cap = cap;
    }
    if (law->count > 0 && law->versions[law->count - 1].until_ns == INT64_MAX) {
        law->versions[law->count - 1].until_ns = version->from_ns;
    }
    law->versions[law->count++] = *version;
    return ERR_OK;
}

static void law_make_room(struct evidence_law *law)
{
    struct evidence_version *oldest = NULL;
    for (size_t i = 0; i < law->count; i++) {
        struct evidence_version *version = &law->versions[i];
        if (version->rejudge.registry != NULL && (oldest == NULL || version->used < oldest->used)) {
            oldest = version;
        }
    }
    ASSERT(oldest != NULL);
    law_close(law, oldest);
}

enum err evidence_law_open(struct evidence_law *law, struct evidence_version *version,
                           struct fail *fail)
{
    struct registry *registry = NULL;
    version->used = ++law->clock;
    if (version->rejudge.registry != NULL) {
        return ERR_OK;
    }
    if (law->open == EVIDENCE_OPEN_MAX) {
        law_make_room(law);
    }
    TRY(law->load(law->context, version, &registry, fail));
    enum err err = rejudge_init(&version->rejudge, registry, fail);
    if (err != ERR_OK) {
        registry_unref(registry);
        version->rejudge.registry = NULL;
        return err;
    }
    law->open++;
    return ERR_OK;
}

enum err evidence_law_find(struct evidence_law *law, struct str hash_hex,
                           struct evidence_version **ret_version, struct fail *fail)
{
    struct digest hash;
    *ret_version = NULL;
    if (!enc_hex_read(hash_hex, hash.bytes, DIGEST_BYTES)) {
        return ERR_OK;
    }
    for (size_t i = law->count; i > 0; i--) {
        struct evidence_version *version = &law->versions[i - 1];
        if (digest_eq(&version->hash, &hash)) {
            TRY(evidence_law_open(law, version, fail));
            version->wanted = true;
            *ret_version = version;
            return ERR_OK;
        }
    }
    return ERR_OK;
}

bool evidence_version_signed(const struct evidence_version *version)
{
    for (unsigned i = 0; i < REGISTRY_ROLE_COUNT; i++) {
        const struct evidence_signer *signer = &version->signers[i];
        char room[512];
        struct buf text = { room, 0, sizeof(room), sizeof(room) };
        if (registry_signing_text(&text, &version->hash, (enum registry_role)i, signer->at_ns) !=
                ERR_OK ||
            !sign_check(signer->key, buf_str(&text), signer->sig)) {
            return false;
        }
    }
    return !str_eq(str_from(version->signers[0].person), str_from(version->signers[1].person));
}
