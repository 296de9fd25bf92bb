#include "app/witness_folder.h"

#include "witness_case.h"

static struct witness_case place;
static struct fail fail;

static bool said(const char *what)
{
    return str_search(str_from(fail.text), str_from(what)) < strlen(fail.text);
}

static unsigned mode_of(const char *name)
{
    struct stat info;
    CHECK_EQ(stat(witness_case_path(&place, name), &info), 0);
    return info.st_mode & 0777U;
}

static void make(struct buf *vkey)
{
    buf_init(vkey, NOTE_VKEY_MAX);
    CHECK_EQ(witness_folder_create(place.folder, STR(CASE_NAME), vkey, &fail), ERR_OK);
}

TEST(a_folder_is_made_with_a_key_of_its_own_and_opened)
{
    struct witness_folder folder;
    struct note_key key;
    struct buf vkey;
    witness_case_begin(&place);
    make(&vkey);
    CHECK(str_ends(buf_str(&vkey), STR("\n")));
    CHECK(note_key_parse(str_slice(buf_str(&vkey), 0, vkey.len - 1), &key, &fail) == ERR_OK);
    CHECK_EQ(key.algorithm, NOTE_COSIGNATURE);
    CHECK_STR(str_from(key.name), STR(CASE_NAME));
    CHECK_EQ(mode_of(""), 0700);
    CHECK_EQ(mode_of("witness.key"), 0600);

    /* As it is made, it watches nobody. */
    struct witness_logs *logs = NULL;
    CHECK_EQ(witness_folder_open(place.folder, &folder, &fail), ERR_OK);
    CHECK(note_key_same(&folder.key, &key));
    CHECK_EQ(folder.key.id, key.id);
    CHECK_EQ(witness_folder_logs(place.folder, &folder.key, &logs, &fail), ERR_CONF_INVALID);
    CHECK(said("w/logs\": there is no log in it"));
    witness_case_put(&place, "logs", GOLDEN_VKEY "\n");
    CHECK_EQ(witness_folder_logs(place.folder, &folder.key, &logs, &fail), ERR_OK);
    CHECK_EQ(witness_logs_count(logs), 1);
    witness_logs_destroy(logs);

    /* One process at a time. */
    struct witness_folder second;
    CHECK_EQ(witness_folder_open(place.folder, &second, &fail), ERR_STORE_LOCKED);
    witness_folder_close(&folder);
    witness_folder_close(&folder);
    CHECK_EQ(witness_folder_open(place.folder, &folder, &fail), ERR_OK);
    witness_folder_close(&folder);
    buf_fini(&vkey);
    witness_case_end(&place);
}

TEST(nothing_is_made_over_a_witness_or_for_a_bad_name)
{
    struct buf vkey;
    struct buf again;
    witness_case_begin(&place);
    buf_init(&again, NOTE_VKEY_MAX);
    CHECK_EQ(witness_folder_create(place.folder, STR("a b"), &again, &fail), ERR_ASK_INVALID);
    CHECK_EQ(access(place.folder, F_OK), -1);
    make(&vkey);
    CHECK_EQ(witness_folder_create(place.folder, STR(CASE_NAME), &again, &fail), ERR_IO);
    CHECK(said("witness.key"));
    /* Not even a new key for an old memory. */
    CHECK_EQ(unlink(witness_case_path(&place, "witness.key")), 0);
    CHECK_EQ(witness_folder_create(place.folder, STR(CASE_NAME), &again, &fail), ERR_CONFLICT);
    CHECK(said("state.db"));
    CHECK_EQ(again.len, 0);
    buf_fini(&vkey);
    buf_fini(&again);
    witness_case_end(&place);
}

TEST(a_folder_that_is_not_whole_is_named)
{
    static const char *const parts[] = { "witness.key", "witness.vkey", "logs", "state.db" };
    for (size_t i = 0; i < EP_ARRAY_LEN(parts); i++) {
        struct witness_folder folder = { .secret = NULL };
        struct witness_logs *logs = NULL;
        struct buf vkey;
        witness_case_begin(&place);
        make(&vkey);
        witness_case_put(&place, "logs", GOLDEN_VKEY "\n");
        CHECK_EQ(unlink(witness_case_path(&place, parts[i])), 0);
        enum err err = witness_folder_open(place.folder, &folder, &fail);
        CHECK((err == ERR_OK) == (strcmp(parts[i], "logs") == 0));
        if (err == ERR_OK) {
            err = witness_folder_logs(place.folder, &folder.key, &logs, &fail);
        }
        CHECK(err != ERR_OK);
        CHECK(said(parts[i]));
        witness_folder_close(&folder);
        buf_fini(&vkey);
        witness_case_end(&place);
    }
    CHECK(said("must begin anew, under another key"));
}

TEST(a_key_a_name_and_a_memory_belong_together)
{
    struct witness_folder folder;
    struct buf vkey;
    witness_case_begin(&place);
    make(&vkey);
    witness_case_put(&place, "logs", GOLDEN_VKEY "\n");
    /* Another key's public half. */
    witness_case_put(&place, "witness.vkey", GOLDEN_WITNESS_VKEY "\n");
    CHECK_EQ(witness_folder_open(place.folder, &folder, &fail), ERR_CONF_INVALID);
    CHECK(said("are not one key"));
    /* The whole key pair of another: the memory is not its. */
    witness_case_put(&place, "witness.key", "ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8=\n");
    CHECK_EQ(witness_folder_open(place.folder, &folder, &fail), ERR_CONF_INVALID);
    CHECK(said("memory of another key"));
    witness_case_put(&place, "witness.vkey", "");
    CHECK_EQ(witness_folder_open(place.folder, &folder, &fail), ERR_NOTE_INVALID);
    buf_fini(&vkey);
    witness_case_end(&place);
}

TEST(a_witness_is_not_one_of_its_logs)
{
    struct sign_key *secret = golden_secret(0x20);
    struct note_key log_key = golden_key(secret, "a", NOTE_ED25519);
    struct note_key own = golden_key(secret, CASE_NAME, NOTE_COSIGNATURE);
    struct witness_logs *logs = NULL;
    struct buf vkey;
    struct buf log;
    witness_case_begin(&place);
    make(&vkey);
    buf_init(&log, NOTE_VKEY_MAX);
    CHECK(note_key_print(&log_key, &log) == ERR_OK);
    CHECK(buf_byte(&log, '\0') == ERR_OK);
    witness_case_put(&place, "logs", log.ptr);
    CHECK_EQ(witness_folder_logs(place.folder, &own, &logs, &fail), ERR_CONF_INVALID);
    CHECK(said("vouches for himself"));
    buf_fini(&log);
    buf_fini(&vkey);
    sign_key_destroy(secret);
    witness_case_end(&place);
}
