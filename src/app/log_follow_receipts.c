/* Receipts that somebody was handed, looked for in the log: each by its own document. */
#include <dirent.h>
#include <stdio.h>

#include "app/file_text.h"
#include "app/log_follow_internal.h"
#include "base/mem.h"
#include "base/stamp.h"
#include "tlog/receipt_doc.h"

#define FOLLOW_RECEIPT_PATH_MAX 4096

struct receipts {
    struct follow_round *round;
    struct fail *fail;
    struct log_tiles tiles; /* most receipts' ways lead through the same ones */
    struct fail why;        /* of the tiles */
    struct buf document;
    struct receipt_report report;
    int64_t found;
    int64_t waiting; /* their time has not come */
};

/* The first test that fails. */
static const char *receipts_why(const struct receipt_report *report)
{
    for (size_t i = 0; i < RECEIPT_TESTS; i++) {
        if (report->outcomes[i] == RECEIPT_FAILS) {
            return report->why[i].text;
        }
    }
    return "nothing in it is under the log's signature";
}

/* Its checkpoint may be newer than the one that was read here before it. */
static bool receipts_is_due(const struct receipts *receipts)
{
    const struct receipt_report *report = &receipts->report;
    return report->outcomes[RECEIPT_TEST_PROMISE] == RECEIPT_HOLDS &&
           report->promised_s < receipts->round->now_s - FOLLOW_CLOCK_S;
}

static void receipts_missing(struct receipts *receipts, const char *name)
{
    const struct receipt_report *report = &receipts->report;
    char text[64];
    struct buf by = { text, 0, sizeof(text), sizeof(text) };
    if (!receipts_is_due(receipts)) {
        receipts->waiting++;
        return;
    }
    EP_IGNORE(stamp_print(&by, report->promised_s * STAMP_NS_PER_S)); /* fits */
    follow_tell(receipts->round, FOLLOW_BROKEN,
                "\"%s\": leaf %lld was promised by " STR_FMT ", the log has %lld entries", name,
                (long long)report->leaf, STR_ARG(buf_str(&by)), (long long)receipts->round->size);
}

/* A proof's checkpoint is one that the log has shown to somebody. */
static enum err receipts_compare(struct receipts *receipts, const char *name)
{
    struct follow_round *round = receipts->round;
    const struct receipt_report *report = &receipts->report;
    bool continues = false;
    if (report->outcomes[RECEIPT_TEST_SIGNED] != RECEIPT_HOLDS || report->size > round->size) {
        return ERR_OK;
    }
    const struct follow_tree old = { report->size, report->root };
    enum err err = follow_continues_in(&receipts->tiles, &old, &round->root, &continues);
    if (err != ERR_OK) {
        return follow_unread(round, err, &receipts->why, receipts->fail);
    }
    if (!continues) {
        follow_tell(round, FOLLOW_SPLIT,
                    "\"%s\" has a checkpoint of %lld entries, which contradicts the one of %lld "
                    "that is shown here: the receipt is the evidence",
                    name, (long long)report->size, (long long)round->size);
    }
    return ERR_OK;
}

static enum err receipts_find(struct receipts *receipts, const char *name)
{
    struct follow_round *round = receipts->round;
    const struct receipt_report *report = &receipts->report;
    struct tree_path path;
    if (report->leaf >= round->size) {
        receipts_missing(receipts, name);
        return ERR_OK;
    }
    enum err err =
        tree_inclusion(report->leaf, round->size, log_tiles_read, &receipts->tiles, &path);
    if (err != ERR_OK) {
        return follow_unread(round, err, &receipts->why, receipts->fail);
    }
    if (tree_check_inclusion(report->leaf, round->size, &report->leaf_hash, &path, &round->root)) {
        receipts->found++;
    } else {
        follow_tell(round, FOLLOW_BROKEN,
                    "\"%s\": leaf %lld of the log is not this receipt's entry", name,
                    (long long)report->leaf);
    }
    return receipts_compare(receipts, name);
}

static enum err receipts_one(struct receipts *receipts, const char *name)
{
    char path[FOLLOW_RECEIPT_PATH_MAX];
    struct follow_round *round = receipts->round;
    struct fail why = { .text = "" };
    int len = snprintf(path, sizeof(path), "%s/%s", round->order->receipts, name);
    if (len < 0 || (size_t)len >= sizeof(path)) {
        return FAIL(receipts->fail, ERR_ASK_INVALID, "the path of \"%s\" is too long", name);
    }
    buf_reset(&receipts->document);
    enum err err = file_text_read(path, &receipts->document, &why);
    if (err != ERR_OK && err != ERR_LIMIT) {
        return FAIL(receipts->fail, err, "%s", why.text);
    }
    if (err == ERR_LIMIT) {
        follow_tell(round, FOLLOW_RECEIPT, "\"%s\" is longer than any receipt", name);
        return ERR_OK;
    }
    if (!receipt_doc_check(buf_str(&receipts->document), round->order->key, NULL,
                           &receipts->report)) {
        follow_tell(round, FOLLOW_RECEIPT, "\"%s\" does not hold: %s", name,
                    receipts_why(&receipts->report));
        return ERR_OK;
    }
    return receipts_find(receipts, name);
}

static enum err receipts_all(struct receipts *receipts, DIR *folder)
{
    for (struct dirent *entry = readdir(folder); entry != NULL; entry = readdir(folder)) {
        if (str_ends(str_from(entry->d_name), STR(".json")) && entry->d_name[0] != '.') {
            TRY(receipts_one(receipts, entry->d_name));
        }
    }
    follow_tell(receipts->round, FOLLOW_NOTE, "receipts: %lld are in the log, %lld are not due yet",
                (long long)receipts->found, (long long)receipts->waiting);
    return ERR_OK;
}

enum err follow_receipts(struct follow_round *round, struct fail *fail)
{
    DIR *folder = opendir(round->order->receipts);
    if (folder == NULL) {
        return FAIL_SYS(fail, ERR_IO, "could not read the folder \"%s\"", round->order->receipts);
    }
    struct receipts *receipts = mem_zalloc(sizeof(*receipts));
    enum err err = ERR_OK;
    if (receipts == NULL) {
        err = FAIL(fail, ERR_NO_MEMORY, "no memory for receipts");
    } else {
        receipts->round = round;
        receipts->fail = fail;
        buf_init(&receipts->document, RECEIPT_DOC_MAX);
        log_tiles_init(&receipts->tiles, round->order->source, round->size, &receipts->why);
        err = receipts_all(receipts, folder);
        log_tiles_fini(&receipts->tiles);
        buf_fini(&receipts->document);
        mem_free(receipts);
    }
    (void)closedir(folder); /* it was only read */
    return err;
}
