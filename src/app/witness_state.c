#include "app/witness_state.h"

#include <stdio.h>
#include <sys/stat.h>

#define STATE_PATH_MAX 4096
#define STATE_LINE_MAX 512                     /* a name of 255 bytes and 76 in base64 */
#define STATE_NOTE_MAX (NOTE_BYTES_MAX + 1024) /* one line more than came */

static const struct store_migration state_migration = {
    .number = 1,
    .name = "witness",
    .sql = "CREATE TABLE self(id INTEGER PRIMARY KEY CHECK(id = 1), vkey TEXT NOT NULL) STRICT;"
           "CREATE TABLE cosigned(origin TEXT PRIMARY KEY, size INTEGER NOT NULL CHECK(size >= 0),"
           " root BLOB NOT NULL CHECK(length(root) = 32), time_s INTEGER NOT NULL,"
           " note BLOB NOT NULL) STRICT;",
};

static const struct store_sql sql_self_add = { "INSERT INTO self(id, vkey) VALUES (1, ?1)" };
static const struct store_sql sql_self = { "SELECT vkey FROM self WHERE id = 1" };
static const struct store_sql sql_known = { "SELECT size, root FROM cosigned WHERE origin = ?1" };
static const struct store_sql sql_note = { "SELECT note FROM cosigned WHERE origin = ?1" };
static const struct store_sql sql_keep = {
    "INSERT INTO cosigned(origin, size, root, time_s, note) VALUES (?1, ?2, ?3, ?4, ?5)"
    " ON CONFLICT(origin) DO UPDATE SET size = excluded.size, root = excluded.root,"
    " time_s = excluded.time_s, note = excluded.note"
};

void witness_turn_init(struct witness_turn *turn)
{
    *turn = (struct witness_turn){ .time_s = 0 };
    buf_init(&turn->line, STATE_LINE_MAX);
    buf_init(&turn->note, STATE_NOTE_MAX);
}

void witness_turn_fini(struct witness_turn *turn)
{
    buf_fini(&turn->line);
    buf_fini(&turn->note);
}

/* ---- opening ------------------------------------------------------------------------------- */

static enum err state_store(const char *path, struct store **ret_store, struct fail *fail)
{
    char url[STATE_PATH_MAX + 8];
    int len = snprintf(url, sizeof(url), "sqlite:%s", path);
    if (len < 0 || (size_t)len >= sizeof(url)) {
        return FAIL(fail, ERR_LIMIT, "the path \"%.80s...\" is too long", path);
    }
    const struct store_options options = {
        .url = str_from(url),
        .migrations = &state_migration,
        .migrations_count = 1,
    };
    return store_open(&options, ret_store, fail);
}

static bool state_is_there(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0;
}

struct state_naming {
    struct store_job job;
    struct str vkey;
};

static enum err state_name(struct store_job *job, struct store_txn *txn, struct fail *fail)
{
    const struct store_value value = STORE_T(EP_CONTAINER(job, struct state_naming, job)->vkey);
    return store_exec(txn, &sql_self_add, &value, 1, fail);
}

enum err witness_state_create(const char *path, struct str vkey, struct fail *fail)
{
    struct store *store = NULL;
    if (state_is_there(path)) {
        return FAIL(fail, ERR_CONFLICT, "\"%s\" is there: a witness keeps its memory", path);
    }
    TRY(state_store(path, &store, fail));
    struct state_naming naming = { .job.run = state_name, .vkey = vkey };
    enum err err = store_run(store, &naming.job, fail);
    store_close(store);
    return err;
}

static enum err state_on_self(void *context, const struct store_value *row, size_t columns)
{
    ASSERT(columns == 1);
    return buf_append(context, row[0].bytes);
}

static enum err state_read_self(void *context, struct store_txn *txn, struct fail *fail)
{
    return store_query(txn, &sql_self, NULL, 0, state_on_self, context, fail);
}

static enum err state_check_self(struct store *store, const char *path, struct str vkey,
                                 struct fail *fail)
{
    struct buf self;
    buf_init(&self, NOTE_VKEY_MAX);
    enum err err = store_read(store, state_read_self, &self, fail);
    if (err == ERR_OK && !str_eq(buf_str(&self), vkey)) {
        err = FAIL(fail, ERR_CONF_INVALID,
                   "\"%s\" is the memory of another key, \"%.120s\": a new key begins with a memory"
                   " of its own",
                   path, self.len > 0 ? self.ptr : "");
    }
    buf_fini(&self);
    return err;
}

enum err witness_state_open(const char *path, struct str vkey, struct store **ret_store,
                            struct fail *fail)
{
    struct store *store = NULL;
    if (!state_is_there(path)) {
        return FAIL(fail, ERR_NOT_FOUND,
                    "\"%s\" is not there: a witness that has lost its memory must begin anew, under"
                    " another key",
                    path);
    }
    TRY(state_store(path, &store, fail));
    enum err err = state_check_self(store, path, vkey, fail);
    if (err != ERR_OK) {
        store_close(store);
        return err;
    }
    *ret_store = store;
    return ERR_OK;
}

/* ---- a turn -------------------------------------------------------------------------------- */

static enum err state_on_known(void *context, const struct store_value *row, size_t columns)
{
    struct witness_known *known = context;
    ASSERT(columns == 2 && row[1].bytes.len == DIGEST_BYTES);
    known->size = row[0].number;
    memcpy(known->root.bytes, row[1].bytes.ptr, DIGEST_BYTES);
    return ERR_OK;
}

/* Signs first and writes last, so that a failure has written nothing. */
static enum err state_cosign(struct store_txn *txn, struct witness_turn *turn,
                             const struct witness_known *known, struct fail *fail)
{
    const struct witness_self *self = turn->self;
    TRY(witness_cosign(turn->request, self->key, self->secret, turn->time_s, &turn->line));
    TRY(witness_note(self->logs, turn->request, buf_str(&turn->line), &turn->note));
    const struct store_value values[] = {
        STORE_T(turn->request->checkpoint.origin),
        STORE_I(known->size),
        STORE_B(digest_str(&known->root)),
        STORE_I(turn->time_s),
        STORE_B(buf_str(&turn->note)),
    };
    ASSERT(known->size >= turn->known);
    return store_exec(txn, &sql_keep, values, EP_ARRAY_LEN(values), fail);
}

enum err witness_state_judge(struct store_txn *txn, struct witness_turn *turn, struct fail *fail)
{
    struct witness_known known = witness_known_none();
    const struct store_value origin = STORE_T(turn->request->checkpoint.origin);
    TRY(store_query(txn, &sql_known, &origin, 1, state_on_known, &known, fail));
    turn->known = known.size;
    turn->known_root = known.root;
    turn->status = witness_judge(turn->request, &known, &turn->refusal);
    return turn->status == WITNESS_COSIGNS ? state_cosign(txn, turn, &known, fail) : ERR_OK;
}

static enum err state_on_note(void *context, const struct store_value *row, size_t columns)
{
    ASSERT(columns == 1);
    return buf_append(context, row[0].bytes);
}

enum err witness_state_note(struct store_txn *txn, struct str origin, struct buf *out,
                            struct fail *fail)
{
    const struct store_value value = STORE_T(origin);
    return store_query(txn, &sql_note, &value, 1, state_on_note, out, fail);
}
