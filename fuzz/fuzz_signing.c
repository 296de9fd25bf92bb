/* room: registry */
#include <string.h>

#include "registry/registry_signing.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A file of signatures is refused with a fault, or names two persons whose keys made two of its
 * signatures: which nobody can write who has not got the keys. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct registry_person persons[] = {
        { .id = STR_INIT("ann"), .public_key = { 1 }, .valid_until = REGISTRY_TIME_NEVER },
        { .id = STR_INIT("ben"), .public_key = { 2 }, .valid_until = REGISTRY_TIME_NEVER },
    };
    static bool started;
    if (!started) {
        ASSERT(crypto_start(NULL) == ERR_OK);
        started = true;
    }
    struct digest hash;
    memset(hash.bytes, 0, sizeof(hash.bytes));
    const struct registry_signing signing = {
        .hash = &hash,
        .persons = persons,
        .person_count = EP_ARRAY_LEN(persons),
        .now_ns = INT64_C(1793620800000000000),
    };
    struct registry_signer by[REGISTRY_ROLE_COUNT];
    struct registry_report report;
    registry_report_init(&report);
    enum err err =
        registry_signing_check((struct str){ (const char *)data, size }, &signing, by, &report);
    ASSERT(err == ERR_REGISTRY_INVALID);
    ASSERT(report.count > 0);
    registry_report_fini(&report);
    return 0;
}
