/*
 * Calls by devices of a fleet (ident/device.h): what the fleet's terms say beside the law, and what
 * the law is told of the device's consent. Inside the gate only; keys that no device has pass
 * through.
 */
#pragma once

#include "gate/call.h"

#define CALL_DEVICE_CONSENT_LEN 71 /* "sha256:" and 64 digits */

/* Whether its fleet lets the key ask for the model. */
bool call_device_has_model(const struct api_key *key, struct str model);
/* What the law is told that the key's calls refer to: of a device the sum of the consent's
 * reference, in `out`, which has CALL_DEVICE_CONSENT_LEN bytes; else the key's own. Empty: none. */
struct str call_device_consent(const struct api_key *key, struct buf *out);
/* Whether the call may go on to a source: asked when the law has admitted it, and before each
 * source. The key may have been revoked, or a consent withdrawn, since. ERR_DEVICE_CONSENT,
 * and those of api_key_usable(). */
EP_MUST_CHECK enum err call_device_may(const struct call *call);
