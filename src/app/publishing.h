/*
 * Publishing the log while the server runs: at most once a second, if there is something new, the
 * log's checkpoint is signed and shown (tlog/publish.h), and the witnesses are asked to cosign it.
 *
 *   IDLE > SIGNING > ASKING > FINISHING > IDLE
 *
 * What may wait for the disk is done by a worker, one piece at a time; witnesses are asked by the
 * main loop, all at once. A checkpoint is shown as soon as the quorum is there, or the time of
 * log.witness_wait_ms has passed; cosignatures that come later are added to it. A witness that is
 * down costs that time, and nothing else.
 *
 * Before anything is signed, the witnesses are shown the checkpoint that was published last: one
 * that knows of more leaves, or of others, stops the log for good (world_stop_log()).
 *
 * Threads: the main loop's.
 */
#pragma once

#include "app/server.h"

struct publishing;

/* Loop and workers are there. Asks the witnesses about the last checkpoint, for as long as a
 * checkpoint waits for them. */
EP_MUST_CHECK enum err publishing_open(struct server *server, struct publishing **ret_publishing,
                                       struct fail *fail);
/* From now on it publishes. */
EP_MUST_CHECK enum err publishing_begin(struct publishing *publishing, struct fail *fail);
/* Nothing is written any more: publishes what is left, within a time, and ends. The loop is turned
 * here. NULL is allowed. */
void publishing_end(struct publishing *publishing, int64_t within_ns);
/* After the workers have ended. NULL is allowed. */
void publishing_close(struct publishing *publishing);
/* Why nothing is sold, for people; NULL: the log is no reason. */
const char *publishing_trouble(const struct publishing *publishing);
/* A line for people: whether witnesses vouch for what is published. */
const char *publishing_witnessed(const struct publishing *publishing);
/* What is known of each witness, in Prometheus' text format. NULL is allowed. */
EP_MUST_CHECK enum err publishing_metrics(const struct publishing *publishing, struct buf *out);
