/*
 * The published log of one life: the production code's rounds, as src/app does them, at times of
 * the seed's choosing, with a witness that outlives the server.
 */
#pragma once

#include "play.h"
#include "store/store.h"
#include "tlog/note.h"
#include "tlog/tlog.h"

/* Not beside the store, whose folder would be synced along with the log's. */
#define LIFE_LOG_PLACE  "/sim/log.d"
#define LIFE_LOG_FOLDER LIFE_LOG_PLACE "/files"
#define LIFE_LOG_ORIGIN "sim.example/log"

struct life_log;

/* On an empty disk: the place where its folder will be. */
void life_log_begin(void);
/* The log of `store` is open. Where the store is an old backup the folder knows more, and nothing
 * is published. */
EP_MUST_CHECK enum err life_log_open(struct play *play, struct store *store,
                                     struct life_log **ret_log, struct fail *fail);
/* The events with which the log begins, in one commit: if it is empty still. */
EP_MUST_CHECK enum err life_log_furnish(struct play *play, struct store *store, struct tlog *tlog,
                                        struct fail *fail);
void life_log_close(struct life_log *log); /* NULL is allowed */
/* One round; what may not fail is told. False: the disk did, or nothing is published. */
bool life_log_round(struct life_log *log);
/* Another process tries to publish, and must not. */
void life_log_rival(struct life_log *log);
/* The log's public key, for the auditor. */
struct note_key life_log_key(void);
