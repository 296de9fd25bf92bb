#include "gate/call_device.h"

#include "base/enc.h"
#include "gate/gate_internal.h"
#include "ident/device.h"

bool call_device_has_model(const struct api_key *key, struct str model)
{
    return key->device == NULL || fleet_has_model(key->fleet, model);
}

struct str call_device_consent(const struct api_key *key, struct buf *out)
{
    if (key->device == NULL) {
        return key->consent;
    }
    const struct device_consent *consent = device_consent(key->device);
    if (consent == NULL) {
        return STR_EMPTY;
    }
    EP_IGNORE(buf_append(out, STR("sha256:"))); /* both fit, as the caller has room */
    EP_IGNORE(enc_hex(out, consent->hash.bytes, DIGEST_BYTES));
    return buf_str(out);
}

enum err call_device_may(const struct call *call)
{
    const struct api_key *key = call->key;
    TRY(api_key_usable(key, loop_wall_ns(call->gate->loop)));
    if (key->device == NULL || device_consent(key->device) != NULL) {
        return ERR_OK;
    }
    bool withdrawn = call->law.consent.len > 0;
    return withdrawn || key->fleet->consent_required ? ERR_DEVICE_CONSENT : ERR_OK;
}
