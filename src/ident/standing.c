#include "ident/standing.h"

#include <string.h>

#include "ident/ident_internal.h"

const struct store_migration standing_migration = {
    13, "standing",
    "CREATE TABLE client_standing("
    "client BLOB NOT NULL REFERENCES client(id),"
    "seq INTEGER PRIMARY KEY,"
    "party TEXT NOT NULL,"
    "country TEXT NOT NULL CHECK(length(country) IN (0, 2)),"
    "billing_country TEXT NOT NULL CHECK(length(billing_country) IN (0, 2)),"
    "client_type TEXT NOT NULL,"
    "agreement TEXT NOT NULL,"
    "agreement_sha256 TEXT NOT NULL CHECK(length(agreement_sha256) IN (0, 64)),"
    "accepted_ns INTEGER NOT NULL CHECK(accepted_ns >= 0),"
    "set_ns INTEGER NOT NULL CHECK(set_ns > 0)) STRICT;"
    "ALTER TABLE api_key ADD COLUMN market TEXT NOT NULL DEFAULT '';"
    "ALTER TABLE api_key ADD COLUMN consent TEXT NOT NULL DEFAULT '';"
};

static const struct standing standing_none = { .country = COUNTRY_NONE };

const struct standing *client_standing(const struct client *client)
{
    const struct standing *standing = atomic_load_explicit(&client->standing, memory_order_acquire);
    return standing == NULL ? &standing_none : standing;
}

/* NULL: no memory. */
static struct standing *standing_copy(struct ident *ident, const struct standing *from)
{
    struct standing *copy = arena_zalloc(&ident->arena, sizeof(*copy));
    if (copy == NULL) {
        return NULL;
    }
    *copy = *from;
    bool whole = arena_copy(&ident->arena, from->party, &copy->party) &&
                 arena_copy(&ident->arena, from->client_type, &copy->client_type) &&
                 arena_copy(&ident->arena, from->agreement, &copy->agreement) &&
                 arena_copy(&ident->arena, from->agreement_sha256, &copy->agreement_sha256);
    return whole ? copy : NULL;
}

/* ---- reading ------------------------------------------------------------------------------- */

static const struct store_sql sql_standings_read = {
    "SELECT client, party, country, billing_country, client_type, agreement, agreement_sha256,"
    " accepted_ns, set_ns FROM client_standing"
    " WHERE seq IN (SELECT max(seq) FROM client_standing GROUP BY client)"
};

struct standing_reading {
    struct ident *ident;
    const struct map *clients;
};

static enum err standing_on_row(void *context, const struct store_value *row, size_t columns)
{
    const struct standing_reading *reading = context;
    ASSERT(columns == 9);
    const struct standing read = {
        .party = row[1].bytes,
        .country = country_from(row[2].bytes),
        .billing_country = country_from(row[3].bytes),
        .client_type = row[4].bytes,
        .agreement = row[5].bytes,
        .agreement_sha256 = row[6].bytes,
        .accepted_ns = row[7].number,
        .set_ns = row[8].number,
    };
    struct client *client = map_find(reading->clients, row[0].bytes);
    ASSERT(client != NULL); /* the table refers to it */
    const struct standing *standing = standing_copy(reading->ident, &read);
    if (standing == NULL) {
        return ERR_NO_MEMORY;
    }
    atomic_store_explicit(&client->standing, standing, memory_order_relaxed);
    return ERR_OK;
}

enum err standing_read(struct ident *ident, const struct map *clients, struct store_txn *txn,
                       struct fail *fail)
{
    struct standing_reading reading = { ident, clients };
    return store_query(txn, &sql_standings_read, NULL, 0, standing_on_row, &reading, fail);
}

/* ---- setting ------------------------------------------------------------------------------- */

static const struct store_sql sql_standing_add = {
    "INSERT INTO client_standing(client, party, country, billing_country, client_type, agreement,"
    " agreement_sha256, accepted_ns, set_ns) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)"
};

static enum err standing_check(const struct standing *standing, struct fail *fail)
{
    ASSERT(standing->set_ns > 0 && standing->accepted_ns >= 0);
    bool accepted = standing->agreement.len > 0;
    TRY(ident_check_name(standing->party, "party's id", 0, fail));
    TRY(ident_check_name(standing->client_type, "kind of client", 0, fail));
    TRY(ident_check_name(standing->agreement, "agreement's id", 0, fail));
    TRY(ident_check_name(standing->agreement_sha256, "agreement's sum",
                         accepted ? STANDING_SHA256_LEN : 0, fail));
    if (standing->agreement_sha256.len > (accepted ? STANDING_SHA256_LEN : 0) ||
        accepted != (standing->accepted_ns > 0)) {
        return FAIL(fail, ERR_ASK_INVALID,
                    "an accepted agreement is named with its sum of 64 digits and the time");
    }
    return ERR_OK;
}

static struct str standing_country(country_t country, char text[3])
{
    country_text(country, text);
    return country == COUNTRY_NONE ? STR_EMPTY : str_from(text);
}

enum err client_set_standing(struct ident *ident, struct id id, const struct standing *standing,
                             struct fail *fail)
{
    char country[3];
    char billing[3];
    TRY(standing_check(standing, fail));
    (void)pthread_mutex_lock(&ident->changing);
    struct arena_mark mark = arena_mark(&ident->arena);
    struct client *client = atomic_load_explicit(&ident->client_first, memory_order_relaxed);
    while (client != NULL && !id_eq(client->id, id)) {
        client = atomic_load_explicit(&client->next, memory_order_relaxed);
    }
    const struct standing *copy = client == NULL ? NULL : standing_copy(ident, standing);
    enum err err = ERR_OK;
    if (client == NULL) {
        err = ident_fail_id(fail, ERR_NOT_FOUND, IDENT_CLIENT_PREFIX, id, "is no client");
    } else if (copy == NULL) {
        err = FAIL(fail, ERR_NO_MEMORY, "no memory for a client's standing");
    } else {
        const struct store_value values[] = {
            STORE_B(id_str(&client->id)),
            STORE_T(copy->party),
            STORE_T(standing_country(copy->country, country)),
            STORE_T(standing_country(copy->billing_country, billing)),
            STORE_T(copy->client_type),
            STORE_T(copy->agreement),
            STORE_T(copy->agreement_sha256),
            STORE_I(copy->accepted_ns),
            STORE_I(copy->set_ns),
        };
        err = ident_commit(ident, &sql_standing_add, values, EP_ARRAY_LEN(values), fail);
    }
    if (err == ERR_OK) {
        atomic_store_explicit(&client->standing, copy, memory_order_release);
    } else {
        arena_rollback(&ident->arena, mark);
    }
    (void)pthread_mutex_unlock(&ident->changing);
    return err;
}
