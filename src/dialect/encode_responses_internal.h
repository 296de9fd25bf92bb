/* What the stream and the whole answer of OpenAI Responses share. */
#pragma once

#include "dialect/encode_internal.h"

enum responses_state {
    IN_PROGRESS,
    COMPLETED,
    INCOMPLETE,
    FAILED
};

/* Of an answer whose model wrote a call that nobody can read. */
extern const struct refusal responses_bad_tool;

enum responses_state responses_state_of(enum event_finish reason);
struct str responses_state_name(enum responses_state state);
/* An item's id in quotes: the same whenever it is said. */
void responses_put_id(struct put *put, const struct encode_options *options, enum event_item kind,
                      uint32_t item);
/* A tool's name and, where it has one, its namespace. */
void responses_put_name(struct put *put, const struct event_open *open);
/* A message's one part. */
void responses_put_part(struct encode_whole *whole, const struct fold_item *item);
/* An output item; `empty`: as it is when it is added, nothing said yet. */
void responses_put_item(struct encode_whole *whole, const struct fold_item *item, bool empty);
/* `failure`: of a response that failed; NULL: of none. */
void responses_put_response(struct encode_whole *whole, enum responses_state state,
                            enum event_finish reason, const struct refusal *failure);
void responses_note_finish(struct lost *lost, enum event_finish reason, struct str stop_text);
