#include "app/log_verify.h"

#include "log_files.h"

static struct log_files files;
static struct log_verdict verdict;
static struct fail fail;

static void verify_with(const struct note_key *key, const struct quorum *quorum)
{
    struct log_source *source = NULL;
    CHECK(log_source_open(str_from(files.folder), &source, &fail) == ERR_OK);
    const struct log_verify_order order = { .source = source, .key = key, .quorum = quorum };
    enum err err = log_verify(&order, &verdict, &fail);
    log_source_close(source);
    if (err != ERR_OK) {
        test_failed(EP_SITE, "%s", fail.text);
    }
}

static void check_fault(size_t at, enum log_fault_kind kind, const char *path, const char *what)
{
    CHECK(at < verdict.fault_count);
    const struct log_fault *fault = &verdict.faults[at];
    if (fault->kind != kind || strcmp(fault->path, path) != 0 ||
        strstr(fault->text, what) == NULL) {
        test_failed(EP_SITE, "%s: %s: %s", log_fault_name(fault->kind), fault->path, fault->text);
    }
}

static void check_good(void)
{
    if (verdict.fault_count > 0) {
        test_failed(EP_SITE, "%s: %s", verdict.faults[0].path, verdict.faults[0].text);
    }
    CHECK(verdict.root_known);
}

TEST(logs_of_all_sizes_hold)
{
    static const int64_t sizes[] = { 0, 1, 2, 3, 255, 256, 257, 511, 512, 513, 600 };
    log_files_begin(&files, 0);
    for (size_t i = 0; i < EP_ARRAY_LEN(sizes); i++) {
        log_files_grow(&files, sizes[i]);
        verify_with(&files.key, NULL);
        check_good();
        CHECK_EQ(verdict.size, sizes[i]);
        CHECK_EQ(verdict.kinds[ENTRY_EVENT], sizes[i]);
        CHECK_EQ(verdict.note_rest + (int64_t)verdict.note_count, sizes[i]); /* none is a start */
        CHECK_EQ(verdict.extra, 0); /* partial tiles of earlier sizes are none */
    }
    CHECK_EQ(verdict.files, 3 + 3 + 1);
    log_files_end(&files);
}

TEST(a_log_of_three_levels_holds_and_each_level_counts)
{
    log_files_begin(&files, 66000);
    verify_with(&files.key, NULL);
    check_good();
    CHECK_EQ(verdict.files, 258 + 258 + 2 + 1);
    struct buf tile;
    buf_init(&tile, TILE_BYTES);
    log_files_read(&files, "tile/1/000", &tile);
    tile.ptr[DIGEST_BYTES * 7] ^= 1;
    log_files_write(&files, "tile/1/000", buf_str(&tile));
    log_files_read(&files, "tile/2/000.p/1", &tile);
    tile.ptr[3] ^= 1;
    log_files_write(&files, "tile/2/000.p/1", buf_str(&tile));
    log_files_remove(&files, "tile/0/257.p/208");
    verify_with(&files.key, NULL);
    CHECK_EQ(verdict.fault_count, 3);
    check_fault(0, LOG_FAULT_DAMAGED, "tile/1/000", "first that of tile/0/007");
    check_fault(1, LOG_FAULT_MISSING, "tile/0/257.p/208", "not there");
    check_fault(2, LOG_FAULT_DAMAGED, "tile/2/000.p/1", "first that of tile/1/000");
    CHECK(verdict.root_known);
    buf_fini(&tile);
    log_files_end(&files);
}

/* With a policy: without one nobody is asked for the witness's line. */
static void flip_each(const struct quorum *quorum, const char *name, size_t step)
{
    struct buf bytes;
    buf_init(&bytes, TILE_BUNDLE_MAX);
    log_files_read(&files, name, &bytes);
    for (size_t i = 0; i < bytes.len; i += step) {
        bytes.ptr[i] ^= (char)(1U << (i % 8));
        log_files_write(&files, name, buf_str(&bytes));
        verify_with(&files.key, quorum);
        bool named = false;
        for (size_t k = 0; k < verdict.fault_count && k < LOG_VERIFY_FAULTS_MAX; k++) {
            named |= strcmp(verdict.faults[k].path, name) == 0;
            if (strcmp(verdict.faults[k].path, name) != 0 &&
                strcmp(verdict.faults[k].path, "checkpoint") != 0) {
                test_failed(EP_SITE, "byte %zu of %s: %s: %s", i, name, verdict.faults[k].path,
                            verdict.faults[k].text);
            }
        }
        if (!named) {
            test_failed(EP_SITE, "byte %zu of %s: %zu faults", i, name, verdict.fault_count);
        }
        bytes.ptr[i] ^= (char)(1U << (i % 8));
    }
    log_files_write(&files, name, buf_str(&bytes));
    buf_fini(&bytes);
}

TEST(each_flipped_byte_of_a_small_log_is_found_and_its_file_named)
{
    log_files_begin(&files, 3);
    struct quorum *quorum = log_files_quorum(&files, "");
    verify_with(&files.key, quorum);
    check_good();
    CHECK_EQ(verdict.witnesses, 1);
    flip_each(quorum, "checkpoint", 1);
    flip_each(quorum, "tile/0/000.p/3", 1);
    flip_each(quorum, "tile/entries/000.p/3", 1);
    log_files_grow(&files, 257);
    flip_each(quorum, "tile/0/000", 97);
    flip_each(quorum, "tile/0/001.p/1", 5);
    flip_each(quorum, "tile/1/000.p/1", 5);
    flip_each(quorum, "tile/entries/000", 131);
    verify_with(&files.key, quorum);
    check_good();
    quorum_destroy(quorum);
    log_files_end(&files);
}

TEST(what_is_cut_off_or_missing_is_named)
{
    log_files_begin(&files, 300);
    struct buf bytes;
    buf_init(&bytes, TILE_BUNDLE_MAX);
    log_files_read(&files, "tile/0/000", &bytes);
    log_files_write(&files, "tile/0/000", str_slice(buf_str(&bytes), 0, bytes.len - 1));
    verify_with(&files.key, NULL);
    CHECK_EQ(verdict.fault_count, 1); /* the entries make up for it */
    check_fault(0, LOG_FAULT_DAMAGED, "tile/0/000", "8191 bytes, not 8192");
    CHECK(buf_byte(&bytes, 'x') == ERR_OK);
    log_files_write(&files, "tile/0/000", buf_str(&bytes));
    verify_with(&files.key, NULL);
    check_fault(0, LOG_FAULT_DAMAGED, "tile/0/000", "more than 8192 bytes");

    log_files_grow(&files, 300);
    log_files_read(&files, "tile/entries/001.p/44", &bytes);
    log_files_write(&files, "tile/entries/001.p/44", str_slice(buf_str(&bytes), 0, bytes.len - 1));
    verify_with(&files.key, NULL);
    CHECK_EQ(verdict.fault_count, 1);
    check_fault(0, LOG_FAULT_DAMAGED, "tile/entries/001.p/44",
                "43 of 44 entries are there, leaf 299");
    CHECK(buf_append(&bytes, STR("more")) == ERR_OK);
    log_files_write(&files, "tile/entries/001.p/44", buf_str(&bytes));
    verify_with(&files.key, NULL);
    check_fault(0, LOG_FAULT_DAMAGED, "tile/entries/001.p/44", "4 bytes stand behind");

    log_files_remove(&files, "tile/entries/001.p/44");
    verify_with(&files.key, NULL);
    CHECK_EQ(verdict.fault_count, 1);
    check_fault(0, LOG_FAULT_MISSING, "tile/entries/001.p/44", "not there");
    log_files_remove(&files, "tile/0/001.p/44");
    verify_with(&files.key, NULL);
    CHECK_EQ(verdict.fault_count, 3);
    check_fault(2, LOG_FAULT_ROOT, "checkpoint", "too much is missing");
    log_files_remove(&files, "checkpoint");
    verify_with(&files.key, NULL);
    CHECK_EQ(verdict.fault_count, 1);
    check_fault(0, LOG_FAULT_MISSING, "checkpoint", "no log");
    buf_fini(&bytes);
    log_files_end(&files);
}

/* A log may drop partial tiles once the full one is there (c2sp.org/tlog-tiles). */
TEST(a_full_tile_serves_for_a_partial_one)
{
    log_files_begin(&files, 600);
    log_files_show(&files, 100, false);
    verify_with(&files.key, NULL);
    check_good();
    CHECK_EQ(verdict.kinds[ENTRY_EVENT], 100);
    CHECK_EQ(verdict.extra, 7); /* of leaves that this checkpoint does not know */
    struct buf bytes;
    buf_init(&bytes, TILE_BUNDLE_MAX);
    log_files_read(&files, "tile/0/000", &bytes);
    log_files_write(&files, "tile/0/000", str_slice(buf_str(&bytes), 0, bytes.len - 32));
    verify_with(&files.key, NULL);
    check_fault(0, LOG_FAULT_DAMAGED, "tile/0/000.p/100", "8160 bytes");
    buf_fini(&bytes);
    log_files_end(&files);
}

TEST(a_checkpoint_that_nobody_vouches_for_is_refused)
{
    log_files_begin(&files, 5);
    struct note_key rival = golden_key(files.secret, "rival.example/receipts", NOTE_ED25519);
    struct note_key other = golden_key(files.witness_secret, LOG_FILES_ORIGIN, NOTE_ED25519);
    verify_with(&rival, NULL);
    CHECK_EQ(verdict.fault_count, 1);
    check_fault(0, LOG_FAULT_CHECKPOINT, "checkpoint", "rival.example");
    CHECK_EQ(verdict.size, 0);
    verify_with(&other, NULL);
    check_fault(0, LOG_FAULT_CHECKPOINT, "checkpoint", "no signature");
    log_files_write(&files, "checkpoint", STR("hello\n"));
    verify_with(&files.key, NULL);
    check_fault(0, LOG_FAULT_CHECKPOINT, "checkpoint", "");
    struct quorum *quorum = log_files_quorum(&files, "");
    log_files_show(&files, 5, false);
    verify_with(&files.key, quorum);
    CHECK_EQ(verdict.fault_count, 1);
    check_fault(0, LOG_FAULT_WITNESSES, "checkpoint", "0 of the policy's 1");
    quorum_destroy(quorum);
    log_files_end(&files);
}

/* Whoever changes a row and publishes again has no signature over what he has now. */
TEST(a_log_that_was_changed_and_published_again_is_found)
{
    log_files_begin(&files, 300);
    struct buf note;
    buf_init(&note, NOTE_BYTES_MAX);
    log_files_read(&files, "checkpoint", &note);
    files.changed = 17;
    log_files_grow(&files, 300);
    log_files_write(&files, "checkpoint", buf_str(&note));
    verify_with(&files.key, NULL);
    CHECK_EQ(verdict.fault_count, 1);
    check_fault(0, LOG_FAULT_ROOT, "checkpoint", "the log was changed");
    CHECK(verdict.root_known);
    buf_fini(&note);
    log_files_end(&files);
}

TEST(entries_of_no_form_and_of_other_kinds_are_told)
{
    log_files_begin(&files, 2);
    struct buf bundle;
    buf_init(&bundle, TILE_BUNDLE_MAX);
    static const char *const entries[] = { "{\"kind\":\"letter\",\"version\":\"1\"}", "rubbish" };
    struct digest hashes[2];
    for (size_t i = 0; i < 2; i++) {
        CHECK(tile_entry_put(str_from(entries[i]), &bundle) == ERR_OK);
        hashes[i] = tree_leaf_hash(str_from(entries[i]));
        files.levels[0][i] = hashes[i];
    }
    files.levels[1][0] = tree_node_hash(&hashes[0], &hashes[1]);
    log_files_write(&files, "tile/entries/000.p/2", buf_str(&bundle));
    log_files_write(&files, "tile/0/000.p/2", (struct str){ (const char *)hashes, sizeof(hashes) });
    log_files_show(&files, 2, true);
    log_files_write(&files, "tile/0/001", STR("x"));
    log_files_write(&files, "notes.txt", STR("x"));
    verify_with(&files.key, NULL);
    CHECK_EQ(verdict.fault_count, 1);
    check_fault(0, LOG_FAULT_ENTRY, "tile/entries/000.p/2", "leaf 1: it is not canonical");
    CHECK_EQ(verdict.note_count, 1);
    CHECK_EQ(verdict.notes[0].count, 1);
    CHECK_EQ(verdict.extra, 2);
    buf_fini(&bundle);
    log_files_end(&files);
}

TEST(a_size_beyond_any_log_ends_in_time)
{
    log_files_begin(&files, 1);
    struct buf note;
    struct buf text;
    buf_init(&note, NOTE_BYTES_MAX);
    buf_init(&text, CHECKPOINT_TEXT_MAX);
    const struct checkpoint checkpoint = {
        .origin = STR(LOG_FILES_ORIGIN),
        .size = TREE_SIZE_MAX,
        .root = files.levels[0][0],
    };
    CHECK(checkpoint_print(&checkpoint, &text) == ERR_OK);
    CHECK(buf_append(&note, buf_str(&text)) == ERR_OK);
    CHECK(buf_byte(&note, '\n') == ERR_OK);
    CHECK(note_sign(buf_str(&text), &files.key, files.secret, 0, &note) == ERR_OK);
    log_files_write(&files, "checkpoint", buf_str(&note));
    verify_with(&files.key, NULL);
    CHECK(verdict.fault_count <= LOG_VERIFY_GIVES_UP + 2);
    CHECK(!verdict.root_known);
    buf_fini(&text);
    buf_fini(&note);
    log_files_end(&files);
}
