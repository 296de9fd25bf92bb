#include "ident/device.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "ident/ident_internal.h"

/* ---- what it is ---------------------------------------------------------------------------- */

struct digest device_mac(const struct ident *ident, const char *use, struct id whose,
                         struct str what)
{
    char text[32 + ID_BYTES + DEVICE_ID_MAX];
    struct buf buf = { text, 0, sizeof(text), sizeof(text) };
    EP_IGNORE(buf_append(&buf, str_from(use))); /* fits, and so does the rest */
    EP_IGNORE(buf_append(&buf, id_str(&whose)));
    EP_IGNORE(buf_append(&buf, what));
    return digest_hmac_sha256(secret_str(&ident->pepper), buf_str(&buf));
}

struct digest device_serial(const struct ident *ident, const struct fleet *fleet, struct str id)
{
    return device_mac(ident, "entrepot: device:", fleet->id, id);
}

bool device_id_is_fine(struct str id)
{
    if (id.len < DEVICE_ID_MIN || id.len > DEVICE_ID_MAX) {
        return false;
    }
    for (size_t i = 0; i < id.len; i++) {
        char c = id.ptr[i];
        bool fine = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                    c == '.' || c == '_' || c == ':' || c == '-' || c == '@';
        if (!fine) {
            return false;
        }
    }
    return true;
}

/* Under the index's lock. */
static struct device *device_of(const struct ident *ident, const struct fleet *fleet, struct str id)
{
    struct digest serial = device_serial(ident, fleet, id);
    return map_find(&ident->index->by_serial, digest_str(&serial));
}

const struct device *device_find(const struct ident *ident, const struct fleet *fleet,
                                 struct str id)
{
    struct ident_index *index = ident->index;
    if (!device_id_is_fine(id)) {
        return NULL;
    }
    (void)pthread_rwlock_rdlock(&index->lock);
    const struct device *device = device_of(ident, fleet, id);
    (void)pthread_rwlock_unlock(&index->lock);
    return device;
}

bool device_is(const struct ident *ident, const struct device *device, struct str id)
{
    return device_find(ident, device->key.fleet, id) == device;
}

size_t devices_list(const struct ident *ident, const struct fleet *fleet, int64_t from, size_t max,
                    const struct device **ret_devices)
{
    struct ident_index *index = ident->index;
    size_t count = 0;
    ASSERT(from >= 0);
    (void)pthread_rwlock_rdlock(&index->lock);
    int64_t there = fleet_devices(fleet);
    for (int64_t at = from; at < there && count < max; at++) {
        ret_devices[count++] = fleet->devices[at];
    }
    (void)pthread_rwlock_unlock(&index->lock);
    return count;
}

int64_t device_activated_ns(const struct device *device)
{
    return atomic_load_explicit(&device->activated_ns, memory_order_relaxed);
}

const struct device_consent *device_consent(const struct device *device)
{
    return atomic_load_explicit(&device->consent, memory_order_acquire);
}

enum device_state device_state(const struct device *device, int64_t now_ns)
{
    return api_key_revoked_ns(&device->key) != 0                     ? DEVICE_REVOKED
           : device->expires_ns != 0 && now_ns >= device->expires_ns ? DEVICE_EXPIRED
           : device_activated_ns(device) == 0                        ? DEVICE_ISSUED
                                                                     : DEVICE_ACTIVE;
}

const char *device_state_name(enum device_state state)
{
    static const char *const names[] = { "issued", "active", "expired", "revoked" };
    return names[state];
}

void device_code(const struct ident *ident, const struct device *device,
                 char ret_code[DEVICE_CODE_LEN + 1])
{
    struct digest mac = device_mac(ident, "entrepot: code:", device->key.id, STR_EMPTY);
    uint32_t word = 0;
    memcpy(&word, mac.bytes, sizeof(word));
    (void)snprintf(ret_code, DEVICE_CODE_LEN + 1, "%06u", (unsigned)(word % 1000000));
}

enum err api_key_usable(const struct api_key *key, int64_t now_ns)
{
    const struct device *device = key->device;
    if (api_key_revoked_ns(key) != 0) {
        return ERR_KEY_UNKNOWN;
    }
    if (client_suspended(key->client)) {
        return ERR_CLIENT_SUSPENDED;
    }
    if (key->fleet == NULL) {
        return ERR_OK;
    }
    if (fleet_suspended_ns(key->fleet) != 0) {
        return ERR_FLEET_SUSPENDED;
    }
    if (device == NULL) {
        return ERR_OK;
    }
    if (device_activated_ns(device) == 0) {
        return ERR_DEVICE_INACTIVE;
    }
    return device->expires_ns != 0 && now_ns >= device->expires_ns ? ERR_DEVICE_EXPIRED : ERR_OK;
}

/* ---- consents ------------------------------------------------------------------------------ */

static const struct store_sql sql_reference_read = {
    "SELECT c.reference FROM device d JOIN device_consent c ON c.id = d.consent WHERE d.key = ?1"
};

struct device_reading {
    const struct device *device;
    struct buf *out;
    bool given;
};

static enum err device_on_reference(void *context, const struct store_value *row, size_t columns)
{
    struct device_reading *reading = context;
    ASSERT(columns == 1);
    reading->given = row[0].bytes.len > 0;
    return buf_append(reading->out, row[0].bytes);
}

static enum err device_read_reference(void *context, struct store_txn *txn, struct fail *fail)
{
    struct device_reading *reading = context;
    const struct store_value key = STORE_B(id_str(&reading->device->key.id));
    return store_query(txn, &sql_reference_read, &key, 1, device_on_reference, reading, fail);
}

enum err device_reference(const struct ident *ident, const struct device *device, struct buf *out,
                          bool *ret_given, struct fail *fail)
{
    struct device_reading reading = { device, out, false };
    *ret_given = false;
    if (device_consent(device) == NULL) {
        return ERR_OK;
    }
    TRY(store_read(ident->store, device_read_reference, &reading, fail));
    *ret_given = reading.given;
    return ERR_OK;
}

static const struct store_sql sql_consent_add = {
    "INSERT INTO device_consent(key, reference, given_ns, set_ns) VALUES (?1, ?2, ?3, ?4)"
};
static const struct store_sql sql_consent_set = {
    "UPDATE device SET consent = (SELECT max(id) FROM device_consent WHERE key = ?1)"
    " WHERE key = ?1"
};

enum err device_refuse(struct fail *fail, const char **ret_field, const char *field,
                       const char *what)
{
    *ret_field = field;
    return FAIL(fail, ERR_ASK_INVALID, "%s", what);
}

enum err device_consent_check(struct str reference, int64_t given_ns, int64_t now_ns,
                              const char **ret_field, struct fail *fail)
{
    if (ident_check_name(reference, "reference", 1, NULL) != ERR_OK) {
        return device_refuse(fail, ret_field, "consent.reference",
                             "A consent's reference has 1 to 128 bytes and no control characters.");
    }
    if (given_ns <= 0 || given_ns > now_ns + DEVICE_CONSENT_AHEAD_NS) {
        return device_refuse(fail, ret_field, "consent.given",
                             "A consent is given at a time that is not to come.");
    }
    return ERR_OK;
}

enum err device_consent_write(struct store_txn *txn, const struct device *device,
                              struct str reference, int64_t given_ns, int64_t now_ns,
                              struct fail *fail)
{
    const struct store_value values[] = { STORE_B(id_str(&device->key.id)), STORE_T(reference),
                                          STORE_I(given_ns), STORE_I(now_ns) };
    TRY(store_exec(txn, &sql_consent_add, values, EP_ARRAY_LEN(values), fail));
    return store_exec(txn, &sql_consent_set, values, 1, fail);
}

struct device_consent *device_consent_make(struct ident *ident, struct str reference,
                                           int64_t given_ns)
{
    struct device_consent *consent = arena_alloc(&ident->arena, sizeof(*consent));
    if (consent != NULL) {
        *consent = (struct device_consent){ digest_sha256(reference), given_ns };
    }
    return consent;
}

/* ---- reading ------------------------------------------------------------------------------- */

/* Product and market are the fleet's, and cost nothing more. */
struct device *device_make(struct ident *ident, struct fleet *fleet, const char *hint)
{
    struct device *device = arena_zalloc(&ident->arena, sizeof(*device));
    if (device != NULL) {
        device->key.client = fleet->client;
        device->key.fleet = fleet;
        device->key.device = device;
        device->key.product = fleet->product;
        device->key.market = fleet->market;
        atomic_init(&device->key.hint, hint);
    }
    return device;
}

struct api_key *device_of_row(struct ident *ident, const struct store_value *row)
{
    struct fleet *fleet = fleet_to_change(ident, ident_column_id(&row[IDENT_DEVICE_FLEET]));
    struct str hint;
    ASSERT(fleet != NULL); /* the row refers to it */
    if (!arena_copy(&ident->arena, row[IDENT_HINT].bytes, &hint)) {
        return NULL;
    }
    struct device *device = device_make(ident, fleet, hint.ptr);
    if (device == NULL) {
        return NULL;
    }
    ASSERT(row[IDENT_SERIAL].bytes.len == DIGEST_BYTES);
    memcpy(device->serial.bytes, row[IDENT_SERIAL].bytes.ptr, DIGEST_BYTES);
    device->expires_ns = row[IDENT_EXPIRES].number;
    device->wakes_max[0] = row[IDENT_WAKES_DAY_MAX].number;
    device->wakes_max[1] = row[IDENT_WAKES_MAX].number;
    device->seconds_max = row[IDENT_SECONDS_MAX].number;
    atomic_init(&device->tokens_ns, row[IDENT_TOKENS].number);
    device->waking = (struct device_waking){
        .day = row[IDENT_WAKE_DAY].number,
        .today = row[IDENT_WAKES_TODAY].number,
        .total = row[IDENT_WAKES].number,
        .seq = row[IDENT_WAKE_SEQ].number,
        .talked_ms = (uint32_t)row[IDENT_TALKED].number,
    };
    atomic_init(&device->activated_ns, row[IDENT_ACTIVATED].number);
    if (row[IDENT_REFERENCE].kind == STORE_TEXT && row[IDENT_REFERENCE].bytes.len > 0) {
        struct device_consent *consent =
            device_consent_make(ident, row[IDENT_REFERENCE].bytes, row[IDENT_GIVEN].number);
        if (consent == NULL) {
            return NULL;
        }
        atomic_init(&device->consent, consent);
    }
    return &device->key;
}

enum err devices_reserve(struct ident *ident, struct fleet *fleet, size_t more)
{
    (void)pthread_rwlock_wrlock(&ident->index->lock);
    size_t need = (size_t)fleet_devices(fleet) + more;
    enum err err = map_reserve(&ident->index->by_serial, more);
    if (err == ERR_OK && need > fleet->devices_cap) {
        size_t cap = 2 * fleet->devices_cap > need ? 2 * fleet->devices_cap : need;
        struct device **grown = mem_realloc(fleet->devices, cap * sizeof(struct device *));
        err = grown == NULL ? ERR_NO_MEMORY : ERR_OK;
        fleet->devices = grown == NULL ? fleet->devices : grown;
        fleet->devices_cap = grown == NULL ? fleet->devices_cap : cap;
    }
    (void)pthread_rwlock_unlock(&ident->index->lock);
    return err;
}

enum err device_publish(struct ident *ident, struct device *device, const struct digest *hash)
{
    struct fleet *fleet = device->key.fleet;
    TRY(devices_reserve(ident, fleet, 1));
    device->text = *hash;
    (void)pthread_rwlock_wrlock(&ident->index->lock);
    enum err err = map_add(&ident->index->by_serial, digest_str(&device->serial), device);
    fleet->devices[fleet_devices(fleet)] = device;
    atomic_store_explicit(&fleet->device_count, fleet_devices(fleet) + 1, memory_order_release);
    (void)pthread_rwlock_unlock(&ident->index->lock);
    ASSERT(err == ERR_OK); /* room was made, and the table has no serial twice */
    return ERR_OK;
}

/* ---- changes ------------------------------------------------------------------------------- */

static const struct store_sql sql_device_activate = {
    "UPDATE device SET activated_ns = ?2 WHERE key = ?1"
};

static enum err device_not_revoked(const struct device *device, struct fail *fail)
{
    return api_key_revoked_ns(&device->key) == 0
               ? ERR_OK
               : FAIL(fail, ERR_DEVICE_REVOKED, "%s", err_info(ERR_DEVICE_REVOKED)->text);
}

enum err device_revoke(struct ident *ident, const struct device *device, int64_t now_ns,
                       struct fail *fail)
{
    ASSERT(now_ns > 0);
    (void)pthread_mutex_lock(&ident->changing);
    enum err err = device_not_revoked(device, fail);
    if (err == ERR_OK) {
        err = api_key_revoke_in(ident, &device->key.device->key, now_ns, fail);
    }
    (void)pthread_mutex_unlock(&ident->changing);
    return err;
}

enum err device_activate(struct ident *ident, const struct device *device, int64_t now_ns,
                         struct fail *fail)
{
    ASSERT(now_ns > 0);
    (void)pthread_mutex_lock(&ident->changing);
    enum err err = device_not_revoked(device, fail);
    bool waits = device_activated_ns(device) == 0;
    if (err == ERR_OK && waits) {
        const struct store_value values[] = { STORE_B(id_str(&device->key.id)), STORE_I(now_ns) };
        err = ident_commit(ident, &sql_device_activate, values, EP_ARRAY_LEN(values), fail);
    }
    if (err == ERR_OK && waits) {
        atomic_store_explicit(&device->key.device->activated_ns, now_ns, memory_order_relaxed);
    }
    (void)pthread_mutex_unlock(&ident->changing);
    return err;
}

struct consent_job {
    struct store_job job;
    const struct device *device;
    const struct device_consent_order *order;
};

static enum err consent_run(struct store_job *job, struct store_txn *txn, struct fail *fail)
{
    const struct consent_job *consent = EP_CONTAINER(job, struct consent_job, job);
    const struct device_consent_order *order = consent->order;
    bool given = order->reference.len > 0;
    return device_consent_write(txn, consent->device, order->reference,
                                given ? order->given_ns : order->now_ns, order->now_ns, fail);
}

enum err device_set_consent(struct ident *ident, const struct device *device,
                            const struct device_consent_order *order, const char **ret_field,
                            struct fail *fail)
{
    bool given = order->reference.len > 0;
    struct consent_job job = { .job = { .run = consent_run }, .device = device, .order = order };
    ASSERT(order->now_ns > 0);
    if (given) {
        TRY(device_consent_check(order->reference, order->given_ns, order->now_ns, ret_field,
                                 fail));
    }
    (void)pthread_mutex_lock(&ident->changing);
    struct arena_mark mark = arena_mark(&ident->arena);
    const struct device_consent *consent =
        given ? device_consent_make(ident, order->reference, order->given_ns) : NULL;
    enum err err = device_not_revoked(device, fail);
    if (err == ERR_OK && given && consent == NULL) {
        err = FAIL(fail, ERR_NO_MEMORY, "no memory for a consent");
    }
    err = err == ERR_OK ? store_run(ident->store, &job.job, fail) : err;
    if (err == ERR_OK) {
        atomic_store_explicit(&device->key.device->consent, consent, memory_order_release);
    } else {
        arena_rollback(&ident->arena, mark);
    }
    (void)pthread_mutex_unlock(&ident->changing);
    return err;
}
