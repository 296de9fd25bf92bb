#include "ident/fleet_voice.h"

#include "ident/forget.h"
#include "ident/ident_internal.h"

const struct store_migration fleet_voice_migration = {
    26, "fleet_voice",
    "ALTER TABLE fleet ADD COLUMN seconds_day INTEGER NOT NULL DEFAULT -1;"
    "ALTER TABLE device ADD COLUMN seconds_day_max INTEGER NOT NULL DEFAULT -1;"
    "ALTER TABLE device ADD COLUMN talked_ms INTEGER NOT NULL DEFAULT 0;" /* on wake_day */
    "ALTER TABLE device ADD COLUMN tokens_ns INTEGER NOT NULL DEFAULT 0;" /* ident/device_token.h */
    "CREATE TABLE fleet_voice("
    "fleet BLOB PRIMARY KEY REFERENCES fleet(id),"
    "hear TEXT NOT NULL, think TEXT NOT NULL, speak TEXT NOT NULL,"
    "voice TEXT NOT NULL, language TEXT NOT NULL, instructions TEXT NOT NULL,"
    "turns_minute INTEGER NOT NULL, session_minutes INTEGER NOT NULL,"
    "set_ns INTEGER NOT NULL CHECK(set_ns > 0)) STRICT;"
};

struct voice_text {
    const char *name;
    size_t max;
};

/* The bounds are those of a product's voice and of a model's id. */
static const struct voice_text voice_texts[FLEET_VOICE_TEXTS] = {
    [FLEET_VOICE_HEAR] = { "hear", IDENT_NAME_MAX },
    [FLEET_VOICE_THINK] = { "think", IDENT_NAME_MAX },
    [FLEET_VOICE_SPEAK] = { "speak", IDENT_NAME_MAX },
    [FLEET_VOICE_VOICE] = { "voice", 64 },
    [FLEET_VOICE_LANGUAGE] = { "language", 16 },
    [FLEET_VOICE_INSTRUCTIONS] = { "instructions", FLEET_INSTRUCTIONS_MAX },
};

#define VOICE_NUMBERS_MAX 100000 /* of turns and of minutes: two months of talk */

const struct fleet_voice *fleet_voice(const struct fleet *fleet)
{
    return atomic_load_explicit(&fleet->voice, memory_order_acquire);
}

const char *fleet_voice_text_name(enum fleet_voice_text text)
{
    return voice_texts[text].name;
}

size_t fleet_voice_text_max(enum fleet_voice_text text)
{
    return voice_texts[text].max;
}

/* In the arena; NULL: no memory. */
static struct fleet_voice *voice_make(struct ident *ident, const struct fleet_voice *from)
{
    struct fleet_voice *voice = arena_zalloc(&ident->arena, sizeof(*voice));
    for (size_t i = 0; voice != NULL && i < FLEET_VOICE_TEXTS; i++) {
        if (!arena_copy(&ident->arena, from->texts[i], &voice->texts[i])) {
            return NULL;
        }
    }
    if (voice != NULL) {
        voice->turns_minute = from->turns_minute;
        voice->session_minutes = from->session_minutes;
    }
    return voice;
}

/* ---- reading ------------------------------------------------------------------------------- */

static const struct store_sql sql_voices_read = {
    "SELECT fleet, hear, think, speak, voice, language, instructions, turns_minute,"
    " session_minutes FROM fleet_voice"
};

static enum err voice_on_row(void *context, const struct store_value *row, size_t columns)
{
    struct ident *ident = context;
    struct fleet *fleet = fleet_to_change(ident, ident_column_id(&row[0]));
    struct fleet_voice read;
    ASSERT(columns == FLEET_VOICE_TEXTS + 3);
    ASSERT(fleet != NULL); /* the row refers to it */
    for (size_t i = 0; i < FLEET_VOICE_TEXTS; i++) {
        read.texts[i] = row[1 + i].bytes;
    }
    read.turns_minute = row[FLEET_VOICE_TEXTS + 1].number;
    read.session_minutes = row[FLEET_VOICE_TEXTS + 2].number;
    const struct fleet_voice *voice = voice_make(ident, &read);
    if (voice == NULL) {
        return ERR_NO_MEMORY;
    }
    if (!client_forgotten(fleet->client)) {
        atomic_init(&fleet->voice, voice);
    }
    return ERR_OK;
}

enum err fleet_voices_read(struct ident *ident, struct store_txn *txn, struct fail *fail)
{
    return store_query(txn, &sql_voices_read, NULL, 0, voice_on_row, ident, fail);
}

/* ---- changing ------------------------------------------------------------------------------ */

static const struct store_sql sql_voice_set = {
    "INSERT INTO fleet_voice(fleet, hear, think, speak, voice, language, instructions,"
    " turns_minute, session_minutes, set_ns) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)"
    " ON CONFLICT(fleet) DO UPDATE SET hear = excluded.hear, think = excluded.think,"
    " speak = excluded.speak, voice = excluded.voice, language = excluded.language,"
    " instructions = excluded.instructions, turns_minute = excluded.turns_minute,"
    " session_minutes = excluded.session_minutes, set_ns = excluded.set_ns"
};

static enum err voice_check_number(int64_t number, const char *name, struct fail *fail)
{
    return number == FLEET_CAP_NONE || (number > 0 && number <= VOICE_NUMBERS_MAX)
               ? ERR_OK
               : FAIL(fail, ERR_ASK_INVALID, "%s is a number from 1 to %d, or none", name,
                      VOICE_NUMBERS_MAX);
}

/* Instructions may have lines; all else is a name. */
static enum err voice_check(const struct fleet_voice *voice, struct fail *fail)
{
    for (size_t i = 0; i < FLEET_VOICE_TEXTS; i++) {
        const struct voice_text *is = &voice_texts[i];
        struct str text = voice->texts[i];
        bool lines = i == FLEET_VOICE_INSTRUCTIONS;
        if (text.len > is->max) {
            return FAIL(fail, ERR_ASK_INVALID, "%s has %zu bytes, at most are %zu", is->name,
                        text.len, is->max);
        }
        for (size_t at = 0; at < text.len; at++) {
            unsigned char c = (unsigned char)text.ptr[at];
            if (c == 0x7f || (c < ' ' && !(lines && (c == '\n' || c == '\t')))) {
                return FAIL(fail, ERR_ASK_INVALID, "%s holds a control character", is->name);
            }
        }
    }
    TRY(voice_check_number(voice->turns_minute, "turns a minute", fail));
    return voice_check_number(voice->session_minutes, "a session's minutes", fail);
}

/* Under the lock; on failure the caller rolls back. */
static enum err voice_set_in(struct ident *ident, struct fleet *fleet,
                             const struct fleet_voice *from, int64_t now_ns, struct fail *fail)
{
    const struct fleet_voice *voice = voice_make(ident, from);
    if (voice == NULL) {
        return FAIL(fail, ERR_NO_MEMORY, "no memory for what a fleet says of its voice");
    }
    struct store_value values[FLEET_VOICE_TEXTS + 4] = { STORE_B(id_str(&fleet->id)) };
    for (size_t i = 0; i < FLEET_VOICE_TEXTS; i++) {
        values[1 + i] = STORE_T(voice->texts[i]);
    }
    values[FLEET_VOICE_TEXTS + 1] = STORE_I(voice->turns_minute);
    values[FLEET_VOICE_TEXTS + 2] = STORE_I(voice->session_minutes);
    values[FLEET_VOICE_TEXTS + 3] = STORE_I(now_ns);
    TRY(ident_commit(ident, &sql_voice_set, values, EP_ARRAY_LEN(values), fail));
    atomic_store_explicit(&fleet->voice, voice, memory_order_release);
    return ERR_OK;
}

enum err fleet_set_voice(struct ident *ident, struct id id, const struct fleet_voice *voice,
                         int64_t now_ns, struct fail *fail)
{
    ASSERT(now_ns > 0);
    TRY(voice_check(voice, fail));
    (void)pthread_mutex_lock(&ident->changing);
    struct arena_mark mark = arena_mark(&ident->arena);
    struct fleet *fleet = fleet_to_change(ident, id);
    enum err err = ERR_OK;
    if (fleet == NULL) {
        err = ident_fail_id(fail, ERR_NOT_FOUND, IDENT_FLEET_PREFIX, id, "is no fleet");
    } else if (client_forgotten(fleet->client)) {
        err = FAIL(fail, ERR_CONFLICT, "the client was erased");
    } else {
        err = voice_set_in(ident, fleet, voice, now_ns, fail);
    }
    if (err != ERR_OK) {
        arena_rollback(&ident->arena, mark);
    }
    (void)pthread_mutex_unlock(&ident->changing);
    return err;
}
