#include "life_log.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "auditor_log.h"
#include "base/mem.h"
#include "disk.h"
#include "tlog/publish.h"

struct life_log {
    struct play *play;
    struct store *store;
    struct sign_key *secret;
    struct publisher *publisher; /* NULL: nothing is published */
    struct publish_round round;
};

void life_log_begin(void)
{
    disk_spare(true);
    int made = mkdir(LIFE_LOG_PLACE, 0755);
    int fd = open("/sim", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    ASSERT(made == 0 && fd >= 0 && fsync(fd) == 0);
    (void)close(fd); /* was read only */
    disk_spare(false);
}

static struct sign_key *log_secret(void)
{
    static const unsigned char seed[SIGN_SEED_BYTES] = { 6 };
    struct sign_key *secret = NULL;
    enum err err = sign_key_from_seed(seed, &secret, NULL);
    ASSERT(err == ERR_OK);
    return secret;
}

struct note_key life_log_key(void)
{
    unsigned char public_key[SIGN_PUBLIC_BYTES];
    struct note_key key;
    struct sign_key *secret = log_secret();
    sign_public(secret, public_key);
    enum err err = note_key_make(STR(LIFE_LOG_ORIGIN), NOTE_ED25519, public_key, &key, NULL);
    ASSERT(err == ERR_OK);
    sign_key_destroy(secret);
    return key;
}

static enum err log_publisher(const struct life_log *log, struct publisher **ret_publisher,
                              struct fail *fail)
{
    const struct publish_options options = {
        .store = log->store,
        .folder = LIFE_LOG_FOLDER,
        .origin = STR(LIFE_LOG_ORIGIN),
        .key = log->secret,
        .bulk = (int64_t)(log->play->lives %
                          2), /* each other life syncs all files of a round together */
    };
    return publish_open(&options, ret_publisher, fail);
}

/* Whether the disk has failed, or the power: what cannot be written is no fault of the server's. */
static bool log_disk_failed(const struct life_log *log)
{
    const struct play *play = log->play;
    return disk_down() || disk_struck() || play->faulty_life == play->lives;
}

enum err life_log_open(struct play *play, struct store *store, struct life_log **ret_log,
                       struct fail *fail)
{
    struct life_log *log = mem_zalloc(sizeof(*log));
    ASSERT(log != NULL);
    *log = (struct life_log){ .play = play, .store = store, .secret = log_secret() };
    publish_round_init(&log->round);
    *ret_log = log;
    enum err err = log_publisher(log, &log->publisher, fail);
    if (play->restored) {
        auditor_log_on_restored(play, err);
        return ERR_OK;
    }
    if (err == ERR_OK || err == ERR_IO || err == ERR_STORE_FAILED) {
        return err; /* the last two: the disk has failed, as the caller knows */
    }
    play_fail(play, NULL, "the log is not published: %s", fail->text);
}

struct log_early {
    struct store_job job;
    struct tlog *tlog;
    int64_t count;
};

static enum err log_run_early(struct store_job *job, struct store_txn *txn, struct fail *fail)
{
    const struct log_early *early = EP_CONTAINER(job, struct log_early, job);
    int64_t leaves = 0;
    TRY(tlog_size(txn, &leaves, fail));
    for (int64_t i = 0; leaves == 0 && i < early->count; i++) {
        int64_t leaf = 0;
        TRY(tlog_append(early->tlog, txn, TLOG_EVENT, STR("{\"event\":\"gap\",\"kind\":\"event\"}"),
                        i, &leaf, fail));
    }
    return ERR_OK;
}

enum err life_log_furnish(struct play *play, struct store *store, struct tlog *tlog,
                          struct fail *fail)
{
    struct log_early early = {
        .job = { .run = log_run_early },
        .tlog = tlog,
        .count = play->early_leaves,
    };
    return store_run(store, &early.job, fail);
}

void life_log_close(struct life_log *log)
{
    if (log == NULL) {
        return;
    }
    publish_close(log->publisher);
    publish_round_fini(&log->round);
    sign_key_destroy(log->secret);
    mem_free(log);
}

/* The witness is asked, and its line comes back: or it does not. */
static enum err log_ask_witness(struct life_log *log, struct fail *fail)
{
    struct buf text;
    char line[256];
    struct buf answer = { line, 0, sizeof(line), sizeof(line) };
    buf_init(&text, 2 * NOTE_BYTES_MAX);
    enum err err =
        publish_ask_witness(log->publisher, &log->round, auditor_log_cosigned(), &text, fail);
    bool answered = err == ERR_OK && auditor_log_on_asked(log->play, buf_str(&text), &answer);
    if (answered && play_chance(log->play, 4)) {
        answered = false; /* it was lost on the way back */
    }
    if (answered) {
        err = publish_cosigned(log->publisher, &log->round, STR("sim.example/witness"),
                               buf_str(&answer), fail);
    }
    buf_fini(&text);
    return err;
}

static enum err log_round(struct life_log *log, struct fail *fail)
{
    struct play *play = log->play;
    TRY(publish_sign(log->publisher, sim_now_ns(play->sim), &log->round, fail));
    if (log->round.size > 0 && play_chance(play, 2)) {
        TRY(log_ask_witness(log, fail));
    }
    return publish_finish(log->publisher, &log->round, fail);
}

bool life_log_round(struct life_log *log)
{
    struct fail fail = { .text = "" };
    if (log->publisher == NULL) {
        return false;
    }
    enum err err = log_round(log, &fail);
    if (err == ERR_OK) {
        play_note(log->play, "the log is published: %lld leaves", (long long)log->round.size);
        auditor_log_on_round(log->play, log->round.size);
    } else if (!log_disk_failed(log) || err == ERR_LOG_BEHIND || err == ERR_CONFLICT) {
        play_fail(log->play, NULL, "the log is not published: %s", fail.text);
    }
    if (!disk_down()) {
        auditor_log_look(log->play); /* whoever reads the folder at this very moment */
    }
    return err == ERR_OK;
}

void life_log_rival(struct life_log *log)
{
    struct publisher *publisher = NULL;
    struct fail fail = { .text = "" };
    if (log->publisher == NULL || log_disk_failed(log)) {
        return;
    }
    disk_spare(true);
    enum err err = log_publisher(log, &publisher, &fail);
    disk_spare(false);
    if (err != ERR_CONFLICT) {
        play_fail(log->play, NULL, "two publish into one folder: %s", err_info(err)->name);
    }
}
