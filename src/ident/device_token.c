#include "ident/device_token.h"

#include <string.h>

#include "base/enc.h"
#include "ident/ident_internal.h"

#define TOKEN_NS_PER_DAY INT64_C(86400000000000)
#define TOKEN_TIME       8
#define TOKEN_MAC        24
#define TOKEN_BYTES      (ID_BYTES + TOKEN_TIME + TOKEN_MAC)
#define CHALLENGE_BYTES  (TOKEN_TIME + TOKEN_MAC)

_Static_assert(DEVICE_TOKEN_LEN == sizeof(DEVICE_TOKEN_START) - 1 + 2 * TOKEN_BYTES, "in hex");
_Static_assert(DEVICE_CHALLENGE_LEN == 2 * CHALLENGE_BYTES, "likewise");
_Static_assert(DEVICE_ID_MAX >= TOKEN_TIME, "device_mac() takes a time, too");

#define USE_GIVEN     "entrepot: token:"
#define USE_PROVED    "entrepot: proved:"
#define USE_CHALLENGE "entrepot: challenge:"
#define USE_PROOF     "entrepot: proof:"
#define USE_NOBODY    "entrepot: nobody:"
#define USE_HIDDEN    "entrepot: hidden:"

/* A time in eight bytes, the highest first. Times of tokens are even, those of rotations odd
 * (DEVICE_ROTATED_NS), so that none is taken for the other. */
static void token_put_time(unsigned char *at, int64_t ns)
{
    for (size_t i = 0; i < TOKEN_TIME; i++) {
        at[i] = (unsigned char)((uint64_t)ns >> (8 * (TOKEN_TIME - 1 - i)));
    }
}

static int64_t token_time(const unsigned char *at)
{
    uint64_t ns = 0;
    for (size_t i = 0; i < TOKEN_TIME; i++) {
        ns = ns << 8 | at[i];
    }
    return (int64_t)ns;
}

static struct digest token_mac(const struct ident *ident, const char *use, struct id device,
                               const unsigned char *time)
{
    return device_mac(ident, use, device, (struct str){ (const char *)time, TOKEN_TIME });
}

/* The id in a token, hidden or shown again. An id begins with the time at which it was made: in the
 * clear it would tell a device that is there from one that nobody has. The mask is made of the MAC,
 * so that no two tokens have the same. */
static void token_turn_id(const struct ident *ident, unsigned char *bytes)
{
    struct id mac;
    memcpy(mac.bytes, bytes + ID_BYTES + TOKEN_TIME, ID_BYTES);
    const struct digest mask = token_mac(ident, USE_HIDDEN, mac, bytes + ID_BYTES);
    for (size_t i = 0; i < ID_BYTES; i++) {
        bytes[i] ^= mask.bytes[i];
    }
}

static void token_write(const struct ident *ident, const char *use, struct id device, int64_t ns,
                        struct device_token *token)
{
    unsigned char bytes[TOKEN_BYTES];
    struct buf text = { token->text, 0, DEVICE_TOKEN_LEN, DEVICE_TOKEN_LEN };
    memcpy(bytes, device.bytes, ID_BYTES);
    token_put_time(bytes + ID_BYTES, ns);
    struct digest mac = token_mac(ident, use, device, bytes + ID_BYTES);
    memcpy(bytes + ID_BYTES + TOKEN_TIME, mac.bytes, TOKEN_MAC);
    token_turn_id(ident, bytes);
    EP_IGNORE(buf_append(&text, STR(DEVICE_TOKEN_START))); /* both fit exactly */
    EP_IGNORE(enc_hex(&text, bytes, sizeof(bytes)));
    token->text[DEVICE_TOKEN_LEN] = '\0';
}

void device_token_make(const struct ident *ident, const struct device *device, int64_t now_ns,
                       struct device_token *ret_token)
{
    token_write(ident, USE_GIVEN, device->key.id, now_ns & ~INT64_C(1), ret_token);
}

bool device_token_is(struct str text)
{
    return str_starts(text, STR(DEVICE_TOKEN_START));
}

static bool token_is_by(const struct ident *ident, const char *use, struct id device,
                        const unsigned char *bytes)
{
    struct digest mac = token_mac(ident, use, device, bytes + ID_BYTES);
    return crypto_equal((struct str){ (const char *)mac.bytes, TOKEN_MAC },
                        (struct str){ (const char *)bytes + ID_BYTES + TOKEN_TIME, TOKEN_MAC });
}

const struct device *device_token_find(const struct ident *ident, struct str text, int64_t now_ns)
{
    unsigned char bytes[TOKEN_BYTES];
    struct id id;
    if (text.len != DEVICE_TOKEN_LEN || !device_token_is(text) ||
        !enc_hex_read(str_from_at(text, sizeof(DEVICE_TOKEN_START) - 1), bytes, sizeof(bytes))) {
        return NULL;
    }
    token_turn_id(ident, bytes);
    memcpy(id.bytes, bytes, ID_BYTES);
    const struct api_key *key = api_key_find(ident, id);
    if (key == NULL || key->device == NULL) {
        return NULL;
    }
    int64_t made_ns = token_time(bytes + ID_BYTES);
    int64_t ended_ns = atomic_load_explicit(&key->device->tokens_ns, memory_order_acquire);
    if (token_is_by(ident, USE_PROVED, id, bytes)) {
        return made_ns == ended_ns ? key->device : NULL;
    }
    bool lasts = made_ns > ended_ns && now_ns - made_ns < DEVICE_TOKEN_DAYS * TOKEN_NS_PER_DAY;
    return token_is_by(ident, USE_GIVEN, id, bytes) && lasts ? key->device : NULL;
}

/* ---- proofs -------------------------------------------------------------------------------- */

static struct digest proof_key(const struct ident *ident, const struct device *device)
{
    return device_mac(ident, USE_PROOF, device->key.id, STR_EMPTY);
}

void device_proof_key(const struct ident *ident, const struct device *device,
                      char ret_key[DEVICE_PROOF_LEN + 1])
{
    struct buf text = { ret_key, 0, DEVICE_PROOF_LEN, DEVICE_PROOF_LEN };
    struct digest key = proof_key(ident, device);
    EP_IGNORE(enc_hex(&text, key.bytes, DIGEST_BYTES)); /* fits exactly */
    ret_key[DEVICE_PROOF_LEN] = '\0';
    secret_wipe(&key, sizeof(key));
}

/* Of a fleet's serial and a time: HMAC of both, keyed by what is kept of the serial. */
static void challenge_mac(const struct ident *ident, const struct fleet *fleet, struct str serial,
                          const unsigned char *time, unsigned char ret_mac[TOKEN_MAC])
{
    struct digest kept = device_serial(ident, fleet, serial);
    struct id whose;
    memcpy(whose.bytes, kept.bytes, ID_BYTES);
    struct digest mac = token_mac(ident, USE_CHALLENGE, whose, time);
    memcpy(ret_mac, mac.bytes, TOKEN_MAC);
}

/* The id of the device, or one that nobody has, so that nobody learns which serials are there. */
static struct id challenge_id(const struct ident *ident, const struct fleet *fleet,
                              struct str serial)
{
    const struct device *device = device_find(ident, fleet, serial);
    struct id id;
    if (device != NULL) {
        return device->key.id;
    }
    struct digest nobody = device_mac(ident, USE_NOBODY, fleet->id, serial);
    memcpy(id.bytes, nobody.bytes, ID_BYTES);
    return id;
}

void device_challenge(const struct ident *ident, const struct fleet *fleet, struct str serial,
                      int64_t now_ns, struct device_challenge *ret_challenge)
{
    unsigned char bytes[CHALLENGE_BYTES];
    struct buf text = { ret_challenge->text, 0, DEVICE_CHALLENGE_LEN, DEVICE_CHALLENGE_LEN };
    int64_t made_ns = now_ns & ~INT64_C(1);
    ASSERT(device_id_is_fine(serial));
    token_put_time(bytes, made_ns);
    challenge_mac(ident, fleet, serial, bytes, bytes + TOKEN_TIME);
    EP_IGNORE(enc_hex(&text, bytes, sizeof(bytes))); /* fits exactly */
    ret_challenge->text[DEVICE_CHALLENGE_LEN] = '\0';
    token_write(ident, USE_PROVED, challenge_id(ident, fleet, serial), made_ns,
                &ret_challenge->token);
}

/* Whether the challenge is ours, for this serial, and not too old; *ret_ns: its time. */
static bool challenge_open(const struct ident *ident, const struct fleet *fleet,
                           const struct device_proof *proof, int64_t now_ns, int64_t *ret_ns)
{
    unsigned char bytes[CHALLENGE_BYTES];
    unsigned char mac[TOKEN_MAC];
    if (proof->challenge.len != DEVICE_CHALLENGE_LEN || !device_id_is_fine(proof->serial) ||
        !enc_hex_read(proof->challenge, bytes, sizeof(bytes))) {
        return false;
    }
    challenge_mac(ident, fleet, proof->serial, bytes, mac);
    *ret_ns = token_time(bytes);
    return crypto_equal((struct str){ (const char *)mac, TOKEN_MAC },
                        (struct str){ (const char *)bytes + TOKEN_TIME, TOKEN_MAC }) &&
           now_ns - *ret_ns < DEVICE_CHALLENGE_NS;
}

/* Whether it was answered by who has the device's key. */
static bool proof_holds(const struct ident *ident, const struct device *device,
                        const struct device_proof *proof)
{
    unsigned char told[DIGEST_BYTES];
    struct digest key = proof_key(ident, device);
    struct digest wanted = digest_hmac_sha256(digest_str(&key), proof->challenge);
    bool holds =
        proof->hmac.len == DEVICE_PROOF_LEN && enc_hex_read(proof->hmac, told, sizeof(told)) &&
        crypto_equal(digest_str(&wanted), (struct str){ (const char *)told, sizeof(told) });
    secret_wipe(&key, sizeof(key));
    return holds;
}

static const struct store_sql sql_tokens_set = {
    "UPDATE device SET tokens_ns = ?2 WHERE key = ?1"
};

/* Under the lock. An older proof than the last is a copy of it that somebody has kept; and one that
 * follows too soon is of who has gathered challenges, and each would be written. */
static enum err prove_in(struct ident *ident, struct device *device, int64_t made_ns,
                         struct fail *fail)
{
    int64_t last_ns = atomic_load_explicit(&device->tokens_ns, memory_order_relaxed);
    const struct store_value values[] = { STORE_B(id_str(&device->key.id)), STORE_I(made_ns) };
    bool rotated = (last_ns & 1) != 0;
    if (made_ns <= last_ns || (!rotated && made_ns - last_ns < DEVICE_PROOFS_NS)) {
        return made_ns == last_ns ? ERR_OK : ERR_DEVICE_PROOF;
    }
    TRY(ident_commit(ident, &sql_tokens_set, values, EP_ARRAY_LEN(values), fail));
    atomic_store_explicit(&device->tokens_ns, made_ns, memory_order_release);
    return ERR_OK;
}

enum err device_prove(struct ident *ident, const struct fleet *fleet,
                      const struct device_proof *proof, int64_t now_ns,
                      const struct device **ret_device, struct fail *fail)
{
    int64_t made_ns = 0;
    const struct device *device = challenge_open(ident, fleet, proof, now_ns, &made_ns)
                                      ? device_find(ident, fleet, proof->serial)
                                      : NULL;
    if (device == NULL || !proof_holds(ident, device, proof)) {
        return FAIL(fail, ERR_DEVICE_PROOF, "%s", err_info(ERR_DEVICE_PROOF)->text);
    }
    enum err err = api_key_usable(&device->key, now_ns);
    TRY(err == ERR_DEVICE_INACTIVE ? ERR_OK : err);
    (void)pthread_mutex_lock(&ident->changing);
    err = prove_in(ident, device->key.device, made_ns, fail);
    (void)pthread_mutex_unlock(&ident->changing);
    TRY(err);
    *ret_device = device;
    return ERR_OK;
}

bool device_proved_lately(const struct device *device, int64_t now_ns)
{
    int64_t last_ns = atomic_load_explicit(&device->tokens_ns, memory_order_relaxed);
    return (last_ns & 1) == 0 && last_ns > 0 && now_ns - last_ns < DEVICE_PROVED_NS;
}
