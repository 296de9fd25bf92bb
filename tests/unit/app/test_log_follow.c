#include "app/log_follow.h"

#include "../tlog/receipt_docs.h"
#include "log_files.h"

#define NOW_S INT64_C(1764001000)

static struct log_files files;
static struct follow_seen seen;
static struct follow_round follow;
static struct follow_order order;
static struct fail fail;
static struct buf told;

static void tell(void *context, enum follow_kind kind, struct str text)
{
    (void)context;
    CHECK(buf_printf(&told, "%s: " STR_FMT "\n", follow_kind_name(kind), STR_ARG(text)) == ERR_OK);
}

static void start(int64_t size)
{
    log_files_begin(&files, size);
    follow_seen_init(&seen);
    buf_init(&told, 65536);
    order = (struct follow_order){ .key = &files.key, .tell = tell };
    follow_round_init(&follow, &order);
    CHECK(log_source_open(str_from(files.folder), &order.source, &fail) == ERR_OK);
}

static void stop(void)
{
    log_source_close(order.source);
    follow_round_fini(&follow);
    follow_seen_fini(&seen);
    buf_fini(&told);
    log_files_end(&files);
}

/* A round that tells exactly `faults`, and among what it tells, `what`. */
static void round_tells(size_t faults, const char *what)
{
    buf_reset(&told);
    if (follow_round_run(&follow, &seen, NOW_S, &fail) != ERR_OK) {
        test_failed(EP_SITE, "%s", fail.text);
    }
    if (follow.faults != faults || str_search(buf_str(&told), str_from(what)) == told.len) {
        test_failed(EP_SITE, "%zu faults: " STR_FMT, follow.faults, STR_ARG(buf_str(&told)));
    }
}

static void seen_is(int64_t size)
{
    CHECK(seen.known);
    CHECK_EQ(seen.size, size);
    struct digest root = log_files_root(&files, size);
    CHECK(digest_eq(&seen.root, &root));
    CHECK(!follow.contradicted);
}

TEST(a_log_that_grows_is_followed)
{
    static const int64_t sizes[] = { 1, 3, 255, 256, 257, 600, 1000 };
    start(0);
    round_tells(0, "begun: the checkpoint of 0 entries");
    round_tells(0, "same: the log has 0 entries");
    int64_t before = 0;
    for (size_t i = 0; i < EP_ARRAY_LEN(sizes); i++) {
        char text[128];
        log_files_grow(&files, sizes[i]);
        (void)snprintf(text, sizeof(text),
                       "grew: the log grew from %lld to %lld entries: %lld event",
                       (long long)before, (long long)sizes[i], (long long)(sizes[i] - before));
        round_tells(0, text);
        CHECK(str_search(buf_str(&told), STR("note: leaf")) < told.len);
        seen_is(sizes[i]);
        before = sizes[i];
    }
    stop();
}

TEST(what_was_seen_is_kept_as_the_logs_own_note)
{
    start(5);
    char path[128];
    (void)snprintf(path, sizeof(path), "%s/seen", files.folder);
    struct follow_seen again;
    follow_seen_init(&again);
    CHECK(follow_seen_read(path, &files.key, &again, &fail) == ERR_OK); /* none yet */
    CHECK(!again.known);
    round_tells(0, "begun");
    log_files_write(&files, "seen", buf_str(&seen.note));
    CHECK(follow_seen_read(path, &files.key, &again, &fail) == ERR_OK);
    CHECK(again.known && again.size == 5 && digest_eq(&again.root, &seen.root));
    struct note_key rival = golden_key(files.secret, "rival.example/receipts", NOTE_ED25519);
    CHECK(follow_seen_read(path, &rival, &again, &fail) == ERR_NOTE_FORGED);
    CHECK(strstr(fail.text, "holds no checkpoint of this log") != NULL);
    log_files_write(&files, "seen", STR("rubbish"));
    CHECK(follow_seen_read(path, &files.key, &again, &fail) == ERR_NOTE_INVALID);
    follow_seen_fini(&again);
    stop();
}

TEST(a_log_that_contradicts_itself_is_found)
{
    start(300);
    round_tells(0, "begun");
    files.changed = 17; /* of the same size, with another root */
    log_files_grow(&files, 300);
    round_tells(1, "forked: the checkpoint of 300 entries has another root");
    CHECK(follow.contradicted);
    log_files_grow(&files, 600); /* it cannot be made good by growing */
    round_tells(1, "forked: the checkpoint of 600 entries does not continue");
    CHECK(follow.contradicted);
    log_files_show(&files, 100, true);
    round_tells(1, "forked: the checkpoint of 100 entries contradicts");
    CHECK_EQ(seen.size, 300);
    files.changed = -1;
    log_files_grow(&files, 600);
    round_tells(0, "grew: the log grew from 300 to 600");
    log_files_show(&files, 299, true);
    round_tells(1, "older: the checkpoint of 299 entries is consistent with, and older than,");
    CHECK(follow.contradicted);
    log_files_remove(&files, "tile/0/002.p/88");
    round_tells(1, "older: the checkpoint of 299 entries goes back behind");
    seen.size = 600;
    stop();
}

TEST(entries_and_tiles_that_are_wrong_are_found_and_not_taken_for_seen)
{
    start(200);
    struct buf bytes;
    buf_init(&bytes, TILE_BUNDLE_MAX);
    round_tells(0, "begun");
    log_files_grow(&files, 300);
    log_files_read(&files, "tile/entries/001.p/44", &bytes);
    bytes.ptr[14] ^= 1; /* a digit of the event's name */
    log_files_write(&files, "tile/entries/001.p/44", buf_str(&bytes));
    round_tells(1, "damaged: the entries 200 to 299 do not give the root");
    log_files_write(&files, "tile/entries/001.p/44", str_slice(buf_str(&bytes), 0, bytes.len - 1));
    round_tells(1, "\"tile/entries/001.p/44\" is cut off at leaf 299");
    log_files_remove(&files, "tile/entries/001.p/44");
    round_tells(1, "tile/entries/001.p/44");
    log_files_remove(&files, "tile/0/001.p/44");
    round_tells(1, "tile/0/001.p/44");
    CHECK_EQ(seen.size, 200);
    log_files_grow(&files, 300);
    round_tells(0, "grew: the log grew from 200 to 300");
    log_files_remove(&files, "checkpoint");
    round_tells(1, "checkpoint: the log shows no checkpoint of its own");
    log_files_write(&files, "checkpoint", STR("rubbish\n"));
    round_tells(1, "checkpoint: the log shows no checkpoint of its own");
    seen_is(300);
    buf_fini(&bytes);
    stop();
}

TEST(too_few_witnesses_are_a_fault_and_hide_nothing)
{
    start(5);
    struct quorum *quorum = log_files_quorum(&files, "");
    order.quorum = quorum;
    round_tells(0, "begun");
    log_files_grow(&files, 6);
    log_files_show(&files, 6, false);
    round_tells(1, "witnesses: 0 of the policy's 1 witnesses");
    CHECK(str_search(buf_str(&told), STR("grew")) < told.len);
    seen_is(6);
    quorum_destroy(quorum);
    stop();
}

/* What the witness was shown, as a monitor is told it: in a folder, in the place of its address. */
static void witness_saw(int64_t size, bool witnessed)
{
    char path[128];
    struct digest origin = digest_sha256(STR(LOG_FILES_ORIGIN));
    struct buf hex;
    struct buf note;
    buf_init(&hex, 128);
    buf_init(&note, NOTE_BYTES_MAX);
    CHECK(enc_hex(&hex, origin.bytes, DIGEST_BYTES) == ERR_OK);
    (void)snprintf(path, sizeof(path), "w/" STR_FMT "/checkpoint", STR_ARG(buf_str(&hex)));
    log_files_note(&files, size, witnessed, &note);
    log_files_write(&files, path, buf_str(&note));
    buf_fini(&note);
    buf_fini(&hex);
}

TEST(a_witness_that_was_shown_another_log_is_heard)
{
    char url[128];
    start(300);
    (void)snprintf(url, sizeof(url), "%s/w//", files.folder);
    struct quorum *quorum = log_files_quorum(&files, url);
    order.quorum = quorum;
    round_tells(0, "note: witness \"w1\" has cosigned nothing of this log");
    witness_saw(200, false);
    round_tells(0, "note: witness \"w1\" shows a checkpoint that it has not cosigned");
    witness_saw(200, true);
    round_tells(0, "same");
    CHECK(str_search(buf_str(&told), STR("note")) == told.len);
    files.changed = 17;
    log_files_make(&files, 300);
    witness_saw(200, true);
    round_tells(1, "split: witness \"w1\" has cosigned a log of 200 entries, which contradicts");
    CHECK(follow.contradicted && follow.evidence.len > 0);
    witness_saw(300, true);
    round_tells(1, "split: witness \"w1\" has cosigned a log of 300 entries, which contradicts");
    CHECK_EQ(seen.size, 300);
    quorum_destroy(quorum);
    stop();
}

/* ---- receipts ---------------------------------------------------------------------------- */

static struct docs docs;
static char receipts[128];

static void put_receipt(const char *name, const struct docs_parts *parts)
{
    char path[64];
    (void)snprintf(path, sizeof(path), "receipts/%s", name);
    log_files_write(&files, path, docs_print(&docs, parts));
}

/* The log of the receipt's document, as far as its first `size` leaves. */
static void show_docs(int64_t size)
{
    char name[64];
    files.size = size;
    memcpy(files.levels[0], docs.leaves, sizeof(docs.leaves));
    for (size_t level = 1; level < 3; level++) {
        for (int64_t i = 0; i < size >> level; i++) {
            files.levels[level][i] = tree_node_hash(&files.levels[level - 1][2 * i],
                                                    &files.levels[level - 1][2 * i + 1]);
        }
    }
    (void)snprintf(name, sizeof(name), "tile/0/000.p/%lld", (long long)size);
    log_files_write(&files, name,
                    (struct str){ (const char *)docs.leaves, (size_t)size * DIGEST_BYTES });
    log_files_show(&files, size, false);
    seen.known = false;
}

static void start_receipts(void)
{
    start(0);
    docs_begin(&docs);
    (void)snprintf(receipts, sizeof(receipts), "%s/receipts", files.folder);
    order.receipts = receipts;
    put_receipt("good.json", &docs.parts);
    show_docs(DOCS_SIZE);
}

static void stop_receipts(void)
{
    docs_end(&docs);
    stop();
}

TEST(a_receipt_is_found_in_the_log)
{
    start_receipts();
    log_files_write(&files, "receipts/notes.txt", STR("not looked at"));
    round_tells(0, "receipts: 1 are in the log, 0 are not due yet");
    struct docs_parts parts = docs.parts;
    parts.proof = STR_EMPTY;
    put_receipt("promised.json", &parts);
    round_tells(0, "receipts: 2 are in the log, 0 are not due yet");
    stop_receipts();
}

TEST(a_promise_that_was_not_kept_is_found)
{
    start_receipts();
    struct docs_parts parts = docs.parts;
    parts.proof = STR_EMPTY;
    put_receipt("good.json", &parts);
    show_docs(DOCS_LEAF); /* all but the receipt's */
    round_tells(1,
                "broken: \"good.json\": leaf 3 was promised by 2025-11-24T16:00:12.000Z, the log "
                "has 3 entries");
    struct receipt_promise promise = docs_promise(&docs);
    promise.by_s = NOW_S - FOLLOW_CLOCK_S;
    docs_make_promise(&docs, &promise, &docs.key, docs.secret);
    parts.promise = docs.parts.promise;
    put_receipt("good.json", &parts);
    round_tells(0, "receipts: 0 are in the log, 1 are not due yet");
    stop_receipts();
}

TEST(another_leaf_in_a_receipts_place_is_found)
{
    start_receipts();
    docs.leaves[DOCS_LEAF] = docs.leaves[0];
    show_docs(DOCS_SIZE);
    round_tells(2, "broken: \"good.json\": leaf 3 of the log is not this receipt's entry");
    CHECK(str_search(buf_str(&told), STR("split: \"good.json\" has a checkpoint of 5 entries")) <
          told.len);
    stop_receipts();
}

TEST(receipts_that_do_not_hold_are_named)
{
    start_receipts();
    struct docs_parts parts = docs.parts;
    parts.leaf = STR("2");
    put_receipt("moved.json", &parts);
    log_files_write(&files, "receipts/empty.json", STR(""));
    round_tells(2, "receipt: \"moved.json\" does not hold: it is given for leaf 3");
    CHECK(str_search(buf_str(&told), STR("receipt: \"empty.json\" does not hold")) < told.len);
    order.receipts = "/nonexistent";
    buf_reset(&told);
    CHECK(follow_round_run(&follow, &seen, NOW_S, &fail) == ERR_IO);
    stop_receipts();
}
