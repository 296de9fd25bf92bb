#include "app/witness_folder.h"

#include <stdio.h>
#include <sys/stat.h>

#include "app/file_text.h"
#include "app/registry_sign.h"

#define FOLDER_PATH_MAX 4096
#define FOLDER_TEXT_MAX ((size_t)WITNESS_LIST_MAX + 65536) /* the longest list, and a read's room */

static const struct str folder_logs = STR_INIT(
    "# The logs that are watched: a line \"VKEY [ORIGIN]\" each. The origin is the first\n"
    "# line of the log's checkpoints; where it is not given, it is the key's name. Several\n"
    "# keys may sign for one origin. The file is read at the start and on SIGHUP.\n");

static enum err folder_path(char path[FOLDER_PATH_MAX], const char *folder, const char *name,
                            struct fail *fail)
{
    int len = snprintf(path, FOLDER_PATH_MAX, "%s/%s", folder, name);
    return len > 0 && len < FOLDER_PATH_MAX
               ? ERR_OK
               : FAIL(fail, ERR_LIMIT, "the path \"%.80s...\" is too long", folder);
}

static enum err folder_key(struct str name, const struct sign_key *secret, struct note_key *ret_key,
                           struct fail *fail)
{
    unsigned char public_key[SIGN_PUBLIC_BYTES];
    sign_public(secret, public_key);
    return note_key_make(name, NOTE_COSIGNATURE, public_key, ret_key, fail);
}

/* ---- making it ----------------------------------------------------------------------------- */

/* Nothing is made for a name that no key can have. */
static enum err folder_check_name(struct str name, struct fail *fail)
{
    return note_name_valid(name)
               ? ERR_OK
               : FAIL(
                     fail, ERR_ASK_INVALID,
                     "\"%.*s\" is no name of a witness: 1 to %d bytes of UTF-8 without white space,"
                     " control characters and \"+\", such as \"witness.example/w1\"",
                     (int)(name.len < 80 ? name.len : 80), name.len > 0 ? name.ptr : "",
                     NOTE_NAME_MAX);
}

static enum err folder_put(const char *folder, const char *name, struct str text, struct fail *fail)
{
    char path[FOLDER_PATH_MAX];
    struct stat status;
    TRY(folder_path(path, folder, name, fail));
    if (stat(path, &status) == 0) {
        return FAIL(fail, ERR_CONFLICT, "\"%s\" is there", path);
    }
    return file_text_replace(path, text, 0644, fail);
}

/* The key comes first: who finds one there stops. */
static enum err folder_make_key(const char *folder, struct str name, struct str *vkey,
                                struct buf *out, struct fail *fail)
{
    char path[FOLDER_PATH_MAX];
    struct sign_key *secret = NULL;
    struct note_key key;
    TRY(folder_path(path, folder, "witness.key", fail));
    TRY(sign_key_create_file(path, fail));
    TRY(registry_sign_key(path, &secret, fail));
    enum err err = folder_key(name, secret, &key, fail);
    sign_key_destroy(secret);
    TRY(err);
    size_t before = out->len;
    TRY(note_key_print(&key, out));
    *vkey = str_from_at(buf_str(out), before);
    return ERR_OK;
}

enum err witness_folder_create(const char *path, struct str name, struct buf *out,
                               struct fail *fail)
{
    char state[FOLDER_PATH_MAX];
    char text[NOTE_VKEY_MAX + 1];
    struct buf line = { text, 0, sizeof(text), sizeof(text) };
    struct str vkey = STR_EMPTY;
    TRY(folder_check_name(name, fail));
    TRY(folder_path(state, path, "state.db", fail));
    if (mkdir(path, 0700) != 0 && errno != EEXIST) {
        return FAIL_SYS(fail, ERR_IO, "could not make the folder \"%s\"", path);
    }
    TRY(folder_make_key(path, name, &vkey, &line, fail));
    TRY(witness_state_create(state, vkey, fail));
    TRY(folder_put(path, "logs", folder_logs, fail));
    TRY(buf_byte(&line, '\n'));
    TRY(folder_put(path, "witness.vkey", buf_str(&line), fail));
    return buf_append(out, buf_str(&line));
}

/* ---- opening it ---------------------------------------------------------------------------- */

static enum err folder_read(const char *folder, const char *name, struct buf *out,
                            struct fail *fail)
{
    char path[FOLDER_PATH_MAX];
    TRY(folder_path(path, folder, name, fail));
    enum err err = file_text_read(path, out, fail);
    return err == ERR_NOT_FOUND
               ? FAIL(fail, ERR_NOT_FOUND,
                      "there is no \"%s\": \"entrepot witness init DIR --name NAME\" makes one",
                      path)
               : err;
}

static enum err folder_read_key(const char *folder, struct witness_folder *ret_folder,
                                struct buf *vkey, struct fail *fail)
{
    char path[FOLDER_PATH_MAX];
    struct note_key key;
    TRY(folder_read(folder, "witness.vkey", vkey, fail));
    struct str text = buf_str(vkey);
    text = str_ends(text, STR("\n")) ? str_slice(text, 0, text.len - 1) : text;
    TRY(note_key_parse(text, &key, fail));
    TRY(folder_path(path, folder, "witness.key", fail));
    TRY(registry_sign_key(path, &ret_folder->secret, fail));
    TRY(folder_key(str_from(key.name), ret_folder->secret, &ret_folder->key, fail));
    if (key.algorithm != NOTE_COSIGNATURE || !note_key_same(&key, &ret_folder->key)) {
        return FAIL(fail, ERR_CONF_INVALID, "\"%s\" and \"witness.vkey\" beside it are not one key",
                    path);
    }
    buf_reset(vkey);
    return note_key_print(&ret_folder->key, vkey);
}

static enum err folder_read_all(const char *path, struct witness_folder *ret_folder,
                                struct fail *fail)
{
    char state[FOLDER_PATH_MAX];
    struct buf vkey;
    TRY(folder_path(state, path, "state.db", fail));
    buf_init(&vkey, FOLDER_TEXT_MAX);
    enum err err = folder_read_key(path, ret_folder, &vkey, fail);
    err = err == ERR_OK ? witness_state_open(state, buf_str(&vkey), &ret_folder->state, fail) : err;
    buf_fini(&vkey);
    return err;
}

enum err witness_folder_open(const char *path, struct witness_folder *ret_folder, struct fail *fail)
{
    struct witness_folder folder = { .secret = NULL };
    enum err err = folder_read_all(path, &folder, fail);
    if (err != ERR_OK) {
        witness_folder_close(&folder);
        return err;
    }
    *ret_folder = folder;
    return ERR_OK;
}

void witness_folder_close(struct witness_folder *folder)
{
    store_close(folder->state);
    sign_key_destroy(folder->secret);
    *folder = (struct witness_folder){ .secret = NULL };
}

/* ---- the list ------------------------------------------------------------------------------ */

enum err witness_folder_logs(const char *path, const struct note_key *key,
                             struct witness_logs **ret_logs, struct fail *fail)
{
    struct witness_logs *logs = NULL;
    struct buf text;
    struct fail why;
    buf_init(&text, FOLDER_TEXT_MAX);
    enum err err = folder_read(path, "logs", &text, fail);
    if (err == ERR_OK) {
        err = witness_logs_parse(buf_str(&text), &logs, &why);
        err = err == ERR_OK ? ERR_OK : FAIL(fail, err, "\"%s/logs\": %s", path, why.text);
    }
    buf_fini(&text);
    TRY(err);
    if (witness_logs_have(logs, key)) {
        witness_logs_destroy(logs);
        return FAIL(fail, ERR_CONF_INVALID,
                    "\"%s/logs\" has the witness's own key: who vouches for himself is no witness",
                    path);
    }
    *ret_logs = logs;
    return ERR_OK;
}
