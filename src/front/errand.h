/*
 * Errands: the small requests that sell nothing: what a key may buy, what is left of its credit,
 * what was used in a month, the receipt of a call. Inside the front only.
 */
#pragma once

#include "base/str.h"

struct device;
struct fleet;
struct front;
struct http_exchange;

/* Answers at once, or from a worker thread where rows must be read. `path` is without the query. */
void errand_models(struct front *front, struct http_exchange *x, struct str path);
void errand_credits(struct front *front, struct http_exchange *x, struct str path);
void errand_key(struct front *front, struct http_exchange *x, struct str path);
void errand_usage(struct front *front, struct http_exchange *x, struct str path);
void errand_receipt(struct front *front, struct http_exchange *x, struct str path);
/* Tokens of a request of Messages, Responses or Gemini: counted here, never billed. */
void errand_count(struct front *front, struct http_exchange *x, struct str path);
/* Devices of a fleet: what their maker asks, and what they ask themselves. */
void errand_devices_list(struct front *front, struct http_exchange *x, struct str path);
void errand_devices_issue(struct front *front, struct http_exchange *x, struct str path);
void errand_device(struct front *front, struct http_exchange *x, struct str path);
void errand_device_time(struct front *front, struct http_exchange *x, struct str path);
void errand_device_ota(struct front *front, struct http_exchange *x, struct str path);
/* `name`: the device's, in the path. */
void errand_device_wake(struct front *front, struct http_exchange *x, struct str name);
/* By a path's part: the maker's id, or the key's. NULL: the fleet has none of it. */
const struct device *errand_device_named(struct front *front, const struct fleet *fleet,
                                         struct str name);
/* Files for everybody: the published log, and the page that verifies receipts. */
void errand_log(struct front *front, struct http_exchange *x, struct str path);
void errand_verify(struct front *front, struct http_exchange *x, struct str path);
/* What would move credit or turn a code into it: refused by its rule. */
void errand_no_transfer(struct front *front, struct http_exchange *x, struct str path);
void errand_no_resale(struct front *front, struct http_exchange *x, struct str path);
/* An error that no call is about. */
void errand_refuse(struct http_exchange *x, enum err err);
/* A part of the request has a value that makes no sense: `message` is a short sentence. */
void errand_refuse_field(struct http_exchange *x, struct str param, struct str message);
/* The client of an errand that is on its way has gone, or has taken what waited for it. */
void errand_gone(void *owner);
void errand_drained(void *owner);
/* Of one whose body is told as it comes. */
void errand_piece(void *owner, struct str data);
void errand_done(void *owner);
void errand_broken(void *owner, enum err err);

/* Files and batches, OpenAI's and Anthropic's: docs/batches.md. */
void errand_file_add(struct front *front, struct http_exchange *x, struct str path);
void errand_file_upload(struct front *front, struct http_exchange *x); /* its head alone is there */
void errand_files_cut(struct front *front);    /* the server stops: none of these is kept */
void errand_contents_cut(struct front *front); /* likewise: whoever reads slowly begins again */
void errand_file_list(struct front *front, struct http_exchange *x, struct str path);
void errand_file_get(struct front *front, struct http_exchange *x,
                     struct str path); /* or content */
void errand_file_remove(struct front *front, struct http_exchange *x, struct str path);
void errand_batch_add(struct front *front, struct http_exchange *x, struct str path);
void errand_batch_list(struct front *front, struct http_exchange *x, struct str path);
void errand_batch_get(struct front *front, struct http_exchange *x, struct str path);
void errand_batch_cancel(struct front *front, struct http_exchange *x, struct str path);
void errand_messages_add(struct front *front, struct http_exchange *x, struct str path);
void errand_messages_list(struct front *front, struct http_exchange *x, struct str path);
void errand_messages_get(struct front *front, struct http_exchange *x,
                         struct str path); /* or results */
void errand_messages_cancel(struct front *front, struct http_exchange *x, struct str path);
void errand_messages_remove(struct front *front, struct http_exchange *x, struct str path);
