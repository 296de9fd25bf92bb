#include "tlog/publish.h"

#include "publish_case.h"

static struct publish_case it;

static bool is_there(struct str name)
{
    char path[256];
    struct stat info;
    publish_case_path(&it, name, path);
    return stat(path, &info) == 0;
}

static bool said(const char *what)
{
    return strstr(it.log.fail.text, what) != NULL;
}

/* ---- what is published ------------------------------------------------------------------- */

TEST(what_is_published_lies_in_the_folder_at_every_size)
{
    publish_case_begin(&it, 0);
    for (int64_t size = 0; size <= 600; size++) {
        publish_case_round(&it);
        CHECK_EQ(it.round.size, size);
        CHECK_EQ(it.round.fresh, size > 0);
        CHECK_EQ(it.round.mended, 0);
        CHECK_EQ(publish_case_look(&it), size);
        publish_case_round(&it);
        CHECK(!it.round.fresh);
        if (size % 37 == 0) {
            publish_case_close(&it);
            publish_case_open(&it);
        }
        tlog_case_append(&it.log, size, 1);
    }
    CHECK(!is_there(STR("tile/0/000.p"))); /* full since */
    CHECK(!is_there(STR("tile/entries/001.p")));
    CHECK(is_there(STR("tile/0/002.p/88")));
    publish_case_end(&it);
}

TEST(levels_of_tiles_begin_where_they_must)
{
    publish_case_begin(&it, 65535);
    for (int64_t size = 65535; size < 65538; size++) {
        publish_case_round(&it);
        CHECK_EQ(publish_case_look(&it), size);
        CHECK_EQ(is_there(STR("tile/2/000.p/1")), size > 65535);
        tlog_case_append(&it.log, size, 1);
    }
    publish_case_end(&it);
}

TEST(a_folder_that_is_not_there_is_made_and_a_slash_behind_it_means_nothing)
{
    publish_case_begin(&it, 3);
    publish_case_close(&it);
    (void)snprintf(it.log.log_folder, sizeof(it.log.log_folder), "%s/new//", it.log.folder);
    publish_case_open(&it);
    publish_case_round(&it);
    CHECK_EQ(publish_case_look(&it), 3);
    publish_case_end(&it);
}

TEST(what_cannot_be_a_folder_or_an_origin_is_refused)
{
    publish_case_begin(&it, 3);
    publish_case_close(&it);
    it.origin = "two words";
    CHECK_EQ(publish_case_try_open(&it), ERR_NOTE_INVALID);
    it.origin = PUBLISH_ORIGIN;
    (void)snprintf(it.log.log_folder, sizeof(it.log.log_folder), "%s/log.db/x", it.log.folder);
    CHECK_EQ(publish_case_try_open(&it), ERR_IO);
    CHECK(said("log.db/x"));
    (void)snprintf(it.log.log_folder, sizeof(it.log.log_folder), "%s/a/b", it.log.folder);
    CHECK_EQ(publish_case_try_open(&it), ERR_IO); /* one folder is made, not what it is in */
    publish_case_end(&it);
}

/* ---- witnesses --------------------------------------------------------------------------- */

#define LINE_A "\xE2\x80\x94 a.example AAAAAAAAAAAAAAAA\n"
#define LINE_B "\xE2\x80\x94 b.example AAAAAAAAAAAAAAAA\n"

static void cosign(const char *witness, const char *line)
{
    CHECK_EQ(
        publish_cosigned(it.publisher, &it.round, str_from(witness), str_from(line), &it.log.fail),
        ERR_OK);
}

static int64_t witness_size(const char *witness)
{
    int64_t size = -1;
    CHECK_EQ(publish_witness_size(it.publisher, str_from(witness), &size, &it.log.fail), ERR_OK);
    return size;
}

static bool shows(const char *line)
{
    struct buf text;
    buf_init(&text, 100000);
    CHECK(publish_case_read(&it, STR("checkpoint"), &text));
    bool has = str_ends(buf_str(&text), str_from(line));
    buf_fini(&text);
    return has;
}

TEST(cosignatures_are_shown_with_the_size_that_they_are_of)
{
    publish_case_begin(&it, 5);
    CHECK_EQ(publish_sign(it.publisher, 1, &it.round, &it.log.fail), ERR_OK);
    CHECK_EQ(witness_size("b"), 0);
    cosign("b", LINE_B);
    CHECK_EQ(publish_finish(it.publisher, &it.round, &it.log.fail), ERR_OK);
    CHECK(shows(LINE_B));
    cosign("a", LINE_A); /* late: the next finish shows it, too */
    publish_case_round(&it);
    CHECK(shows(LINE_A LINE_B));
    tlog_case_append(&it.log, 5, 1);
    publish_case_round(&it);
    CHECK(!shows(LINE_B)); /* it is of five leaves */
    cosign("a", LINE_A);
    publish_case_close(&it);
    publish_case_open(&it);
    CHECK_EQ(witness_size("a"), 6);
    CHECK_EQ(witness_size("b"), 5);
    publish_case_round(&it);
    CHECK(shows(LINE_A));
    CHECK_EQ(publish_case_look(&it), 6);
    CHECK_EQ(publish_cosigned(it.publisher, &it.round, STR("c"), STR("no line\n"), &it.log.fail),
             ERR_NOTE_INVALID);
    CHECK_EQ(publish_cosigned(it.publisher, &it.round, STR("c"), STR(LINE_A LINE_B), &it.log.fail),
             ERR_NOTE_INVALID);
    CHECK_EQ(witness_size("c"), 0);
    publish_case_end(&it);
}

static void check_asking(int64_t old, int64_t size)
{
    struct buf text;
    struct tree_path path = { .count = 0 };
    struct digest old_root = tlog_case_root(it.hashes, old);
    struct digest root = tlog_case_root(it.hashes, size);
    buf_init(&text, 100000);
    CHECK_EQ(publish_ask_witness(it.publisher, &it.round, old, &text, &it.log.fail), ERR_OK);
    struct str rest = buf_str(&text);
    char head[32];
    (void)snprintf(head, sizeof(head), "old %lld", (long long)old);
    CHECK_STR(str_cut(&rest, '\n'), str_from(head));
    for (struct str line; (line = str_cut(&rest, '\n')).len > 0;) {
        CHECK(tree_hash_read(line, &path.hashes[path.count++]));
    }
    CHECK(tree_check_consistency(old, &old_root, size, &root, &path));
    CHECK_STR(rest, buf_str(&it.round.note));
    buf_fini(&text);
}

TEST(a_witness_is_sent_what_leads_from_its_size_to_this_one)
{
    publish_case_begin(&it, 300);
    publish_case_round(&it);
    for (int64_t old = 0; old <= 300; old++) {
        check_asking(old, 300);
    }
    struct buf text;
    buf_init(&text, 1000);
    CHECK_EQ(publish_ask_witness(it.publisher, &it.round, 301, &text, &it.log.fail),
             ERR_LOG_BEHIND);
    CHECK(said("entrepot restore"));
    CHECK_EQ(text.len, 0);
    buf_fini(&text);
    publish_case_end(&it);
}

TEST(a_stopped_publisher_signs_nothing)
{
    publish_case_begin(&it, 5);
    publish_case_round(&it);
    publish_stop(it.publisher);
    tlog_case_append(&it.log, 5, 1);
    CHECK_EQ(publish_case_try_round(&it), ERR_LOG_BEHIND);
    CHECK_EQ(publish_case_look(&it), 5);
    publish_case_end(&it);
}

/* ---- rivals ------------------------------------------------------------------------------ */

static enum err open_rival(struct publisher **rival, const char *folder)
{
    struct publish_options options = publish_case_options(&it);
    options.folder = folder;
    return publish_open(&options, rival, &it.log.fail);
}

TEST(one_process_alone_publishes_into_a_folder)
{
    struct publisher *rival = NULL;
    publish_case_begin(&it, 5);
    CHECK_EQ(open_rival(&rival, it.log.log_folder), ERR_CONFLICT);
    CHECK(rival == NULL && said(it.log.log_folder));
    publish_case_round(&it);
    publish_case_close(&it);
    CHECK_EQ(open_rival(&rival, it.log.log_folder), ERR_OK);
    publish_close(rival);
    publish_case_end(&it);
}

TEST(of_two_that_publish_one_store_the_second_is_the_last)
{
    char folder[160];
    struct publisher *rival = NULL;
    publish_case_begin(&it, 5);
    publish_case_round(&it);
    (void)snprintf(folder, sizeof(folder), "%s/other", it.log.folder);
    CHECK_EQ(open_rival(&rival, folder), ERR_OK);
    tlog_case_append(&it.log, 5, 1);
    CHECK_EQ(publish_sign(it.publisher, 1, &it.round, &it.log.fail), ERR_OK);
    struct publish_round round;
    publish_round_init(&round);
    for (int i = 0; i < 3; i++) {
        CHECK_EQ(publish_sign(rival, 1, &round, &it.log.fail), ERR_CONFLICT);
        CHECK(said("end one of them"));
        tlog_case_append(&it.log, 6 + i, 1);
    }
    CHECK_EQ(publish_finish(it.publisher, &it.round, &it.log.fail), ERR_OK);
    publish_close(rival);
    CHECK_EQ(publish_case_look(&it), 6);
    CHECK_EQ(open_rival(&rival, folder), ERR_OK); /* knows what was signed, and takes over */
    CHECK_EQ(publish_sign(it.publisher, 1, &it.round, &it.log.fail), ERR_OK);
    CHECK_EQ(publish_sign(rival, 1, &round, &it.log.fail), ERR_CONFLICT);
    publish_close(rival);
    CHECK_EQ(open_rival(&rival, folder), ERR_OK);
    tlog_case_append(&it.log, 9, 1);
    CHECK_EQ(publish_sign(rival, 1, &round, &it.log.fail), ERR_OK);
    CHECK_EQ(publish_finish(it.publisher, &it.round, &it.log.fail), ERR_CONFLICT);
    CHECK_EQ(publish_case_look(&it), 6);
    publish_round_fini(&round);
    publish_close(rival);
    publish_case_end(&it);
}

/* ---- what others know -------------------------------------------------------------------- */

static void back_up(const char *path)
{
    struct store_backup backup = { .path = str_from(path) };
    CHECK_EQ(store_backup(it.log.store, &backup, &it.log.fail), ERR_OK);
}

static void put_back(const char *path)
{
    char command[300];
    publish_case_close(&it);
    tlog_case_close(&it.log);
    (void)snprintf(command, sizeof(command), "rm -f %s/log.db* && cp %s %s/log.db", it.log.folder,
                   path, it.log.folder);
    CHECK_EQ(system(command), 0);
    tlog_case_open(&it.log);
}

TEST(an_old_backup_that_was_put_back_signs_nothing)
{
    char path[160];
    publish_case_begin(&it, 3);
    publish_case_round(&it);
    (void)snprintf(path, sizeof(path), "%s/backup", it.log.folder);
    back_up(path);
    tlog_case_append(&it.log, 3, 2);
    publish_case_round(&it);
    put_back(path);
    CHECK_EQ(publish_case_try_open(&it), ERR_LOG_BEHIND);
    CHECK(said("5 leaves") && said("entrepot restore"));
    tlog_case_append_other(&it.log, 3, 3, 7);
    CHECK_EQ(publish_case_try_open(&it), ERR_LOG_BEHIND);
    CHECK(said("other leaves"));
    CHECK_EQ(publish_case_shown(&it), 5);
    /* Another log, under a name of its own, may begin. */
    it.origin = "entrepot.example/second";
    (void)snprintf(it.log.log_folder, sizeof(it.log.log_folder), "%s/second", it.log.folder);
    publish_case_open(&it);
    publish_case_round(&it);
    CHECK_EQ(it.round.size, 6);
    publish_case_end(&it);
}

static enum err run_published(void *context, struct store_txn *txn, struct fail *fail)
{
    return published_read(txn, context, fail);
}

TEST(a_backup_that_lacks_nothing_goes_on)
{
    char path[160];
    publish_case_begin(&it, 3);
    (void)snprintf(path, sizeof(path), "%s/backup", it.log.folder);
    back_up(path); /* before anything was signed */
    publish_case_round(&it);
    put_back(path);
    publish_case_open(&it);
    publish_case_round(&it);
    CHECK_EQ(publish_case_look(&it), 3);
    struct published published; /* the rows know again what is shown */
    published_init(&published);
    CHECK_EQ(store_read(it.log.store, run_published, &published, &it.log.fail), ERR_OK);
    CHECK_EQ(published.size, 3);
    published_fini(&published);
    publish_case_end(&it);
}

TEST(another_name_or_key_has_a_checkpoint_of_its_own_at_once)
{
    publish_case_begin(&it, 3);
    publish_case_round(&it);
    publish_case_close(&it);
    it.origin = "entrepot.example/second";
    publish_case_key(&it, 8);
    (void)snprintf(it.log.log_folder, sizeof(it.log.log_folder), "%s/second", it.log.folder);
    publish_case_open(&it);
    publish_case_round(&it);
    CHECK(it.round.fresh);
    CHECK_EQ(publish_case_look(&it), 3);
    publish_case_round(&it);
    CHECK(!it.round.fresh);
    publish_case_end(&it);
}

TEST(a_folder_with_the_checkpoint_of_another_log_is_refused)
{
    publish_case_begin(&it, 3);
    publish_case_round(&it);
    publish_case_close(&it);
    it.origin = "entrepot.example/other";
    CHECK_EQ(publish_case_try_open(&it), ERR_NOTE_FORGED);
    CHECK(said("log.folder") && said(it.log.log_folder));
    it.origin = PUBLISH_ORIGIN;
    publish_case_key(&it, 8);
    CHECK_EQ(publish_case_try_open(&it), ERR_NOTE_FORGED);
    publish_case_key(&it, 7);
    publish_case_write(&it, STR("checkpoint"), STR("not one"));
    CHECK_EQ(publish_case_try_open(&it), ERR_NOTE_INVALID);
    CHECK(said("remove the file"));
    publish_case_end(&it);
}

struct wrong {
    struct store_sql sql;
    enum err sign; /* by one that is open */
    enum err open; /* of another */
};

TEST(rows_that_were_changed_are_not_signed)
{
    static const struct wrong wrongs[] = {
        { { "UPDATE leaf SET hash = zeroblob(32) WHERE id = 1" }, ERR_LOG_BEHIND, ERR_LOG_BEHIND },
        { { "DELETE FROM leaf WHERE id = 1" }, ERR_STORE_DAMAGED, ERR_STORE_DAMAGED },
        { { "UPDATE leaf SET hash = zeroblob(32) WHERE id = 4" }, ERR_STORE_DAMAGED, ERR_OK },
        { { "UPDATE log_state SET root = zeroblob(32)" }, ERR_STORE_DAMAGED, ERR_OK },
        { { "UPDATE log_state SET size = 2" }, ERR_LOG_BEHIND, ERR_LOG_BEHIND },
        { { "UPDATE log_state SET size = -2" }, ERR_STORE_DAMAGED, ERR_STORE_DAMAGED },
        { { "DELETE FROM log_state" }, ERR_LOG_BEHIND, ERR_LOG_BEHIND },
        { { "UPDATE published SET root = zeroblob(32)" }, ERR_CONFLICT, ERR_LOG_BEHIND },
        { { "UPDATE published SET size = 9" }, ERR_CONFLICT, ERR_LOG_BEHIND },
        { { "DELETE FROM published" }, ERR_CONFLICT, ERR_OK },
    };
    for (size_t i = 0; i < EP_ARRAY_LEN(wrongs); i++) {
        publish_case_begin(&it, 3);
        publish_case_round(&it);
        tlog_case_append(&it.log, 3, 2);
        tlog_case_change(&it.log, &wrongs[i].sql);
        CHECK_EQ(publish_case_try_round(&it), wrongs[i].sign);
        CHECK_EQ(publish_case_look(&it), 3);
        publish_case_close(&it);
        CHECK_EQ(publish_case_try_open(&it), wrongs[i].open);
        CHECK_EQ(publish_case_shown(&it), 3);
        publish_case_end(&it);
    }
}

/* ---- what is missing or damaged -------------------------------------------------------------- */

static const char *const files_of_300[] = {
    "tile/0/000", "tile/0/001.p/44", "tile/1/000.p/1", "tile/entries/000", "tile/entries/001.p/44",
};

static void check_mended(int64_t count)
{
    publish_case_open(&it);
    publish_case_round(&it);
    CHECK_EQ(it.round.mended, count);
    CHECK_EQ(publish_case_look(&it), 300);
    publish_case_close(&it);
}

TEST(tiles_that_are_missing_or_cut_are_made_again_at_the_opening)
{
    char path[256];
    char command[300];
    publish_case_begin(&it, 300);
    publish_case_round(&it);
    publish_case_close(&it);
    for (size_t i = 0; i < EP_ARRAY_LEN(files_of_300); i++) {
        struct str name = str_from(files_of_300[i]);
        publish_case_path(&it, name, path);
        CHECK_EQ(unlink(path), 0);
        check_mended(1);
        CHECK_EQ(truncate(path, 31), 0);
        check_mended(1);
        CHECK_EQ(truncate(path, 0), 0);
        check_mended(1);
        publish_case_write(&it, name, STR("it is of another length than it was"));
        check_mended(1);
    }
    (void)snprintf(command, sizeof(command), "rm -r %s/tile", it.log.log_folder);
    CHECK_EQ(system(command), 0);
    check_mended(EP_ARRAY_LEN(files_of_300));
    (void)snprintf(command, sizeof(command), "rm -r %s", it.log.log_folder);
    CHECK_EQ(system(command), 0);
    check_mended(0); /* a new folder: all is made, nothing mended */
    publish_case_end(&it);
}

/* Each bit but one stays; the next round must find it. */
static void flip_each_byte(struct str name)
{
    struct buf bytes;
    buf_init(&bytes, 100000);
    CHECK(publish_case_read(&it, name, &bytes));
    for (size_t i = 0; i < bytes.len; i++) {
        bytes.ptr[i] = (char)(bytes.ptr[i] ^ (1 << (i % 8)));
        publish_case_write(&it, name, buf_str(&bytes));
        bytes.ptr[i] = (char)(bytes.ptr[i] ^ (1 << (i % 8)));
        publish_case_round(&it);
        int64_t mended = it.round.mended;
        CHECK_EQ(publish_case_look(&it), 5);
        publish_case_round(&it); /* a checkpoint is told of by the next round */
        CHECK_EQ(mended + it.round.mended, 1);
    }
    buf_fini(&bytes);
}

TEST(what_was_signed_before_is_not_shown_without_its_tiles)
{
    char path[256];
    char command[300];
    publish_case_begin(&it, 300);
    publish_case_round(&it);
    publish_case_close(&it);
    (void)snprintf(command, sizeof(command), "rm -r %s", it.log.log_folder);
    CHECK_EQ(system(command), 0);
    publish_case_open(&it);
    CHECK_EQ(publish_finish(it.publisher, &it.round, &it.log.fail), ERR_OK);
    publish_case_path(&it, STR("checkpoint"), path);
    CHECK(access(path, F_OK) != 0);
    publish_case_round(&it);
    CHECK(access(path, F_OK) == 0);
    publish_case_end(&it);
}

TEST(a_flipped_bit_in_any_byte_of_the_folder_is_found_and_mended)
{
    publish_case_begin(&it, 5);
    publish_case_round(&it);
    flip_each_byte(STR("tile/0/000.p/5"));
    flip_each_byte(STR("tile/entries/000.p/5"));
    flip_each_byte(STR("checkpoint"));
    publish_case_end(&it);
}

TEST(a_checkpoint_with_a_flipped_bit_does_not_open)
{
    struct buf bytes;
    publish_case_begin(&it, 5);
    publish_case_round(&it);
    publish_case_close(&it);
    buf_init(&bytes, 100000);
    CHECK(publish_case_read(&it, STR("checkpoint"), &bytes));
    for (size_t i = 0; i < bytes.len; i++) {
        bytes.ptr[i] ^= 1;
        publish_case_write(&it, STR("checkpoint"), buf_str(&bytes));
        bytes.ptr[i] ^= 1;
        enum err err = publish_case_try_open(&it);
        CHECK(err == ERR_NOTE_INVALID || err == ERR_NOTE_FORGED);
    }
    buf_fini(&bytes);
    publish_case_end(&it);
}

TEST(what_was_signed_and_not_shown_gets_all_its_files_from_the_next_publisher)
{
    char from[256];
    char to[256];
    publish_case_begin(&it, 5);
    publish_case_round(&it);
    tlog_case_append(&it.log, 5, 4995);
    publish_case_path(&it, STR("tile"), from);
    publish_case_path(&it, STR("kept"), to);
    CHECK_EQ(rename(from, to), 0);
    publish_case_write(&it, STR("tile"), STR("a file in its place"));
    CHECK_EQ(publish_case_try_round(&it), ERR_IO); /* it is signed, and swapped */
    CHECK_EQ(publish_case_shown(&it), 5);
    CHECK_EQ(unlink(from), 0);
    CHECK_EQ(rename(to, from), 0);
    publish_case_close(&it);
    publish_case_open(&it);
    publish_case_round(&it);
    CHECK_EQ(it.round.mended, 0);
    CHECK_EQ(publish_case_look(&it), 5000);
    publish_case_end(&it);
}

TEST(files_of_a_long_log_are_looked_at_in_turn)
{
    int rounds = 0;
    publish_case_begin(&it, 5000); /* twenty tiles of level 0 */
    publish_case_round(&it);
    publish_case_write(&it, STR("tile/entries/017"), STR("damaged"));
    publish_case_write(&it, STR("tile/1/000.p/19"), STR("damaged"));
    publish_case_write(&it, STR("tile/0/003"), STR("damaged"));
    for (int64_t mended = 0; mended < 3; rounds++) {
        publish_case_round(&it);
        mended += it.round.mended;
        CHECK(rounds < 10);
    }
    CHECK_EQ(publish_case_look(&it), 5000);
    publish_case_end(&it);
}
