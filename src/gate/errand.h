/*
 * Errands: the small requests that sell nothing: what a key may buy, what is left of its credit,
 * what was used in a month, the receipt of a call. Inside the gate only.
 */
#pragma once

#include "base/str.h"

struct device;
struct fleet;
struct gate;
struct http_exchange;

/* Answers at once, or from a worker thread where rows must be read. `path` is without the query. */
void errand_models(struct gate *gate, struct http_exchange *x, struct str path);
void errand_credits(struct gate *gate, struct http_exchange *x, struct str path);
void errand_key(struct gate *gate, struct http_exchange *x, struct str path);
void errand_usage(struct gate *gate, struct http_exchange *x, struct str path);
void errand_receipt(struct gate *gate, struct http_exchange *x, struct str path);
/* Tokens of a request of Messages, Responses or Gemini: counted here, never billed. */
void errand_count(struct gate *gate, struct http_exchange *x, struct str path);
/* Devices of a fleet: what their maker asks, and what they ask themselves. */
void errand_devices_list(struct gate *gate, struct http_exchange *x, struct str path);
void errand_devices_issue(struct gate *gate, struct http_exchange *x, struct str path);
void errand_device(struct gate *gate, struct http_exchange *x, struct str path);
void errand_device_time(struct gate *gate, struct http_exchange *x, struct str path);
void errand_device_ota(struct gate *gate, struct http_exchange *x, struct str path);
/* `name`: the device's, in the path. */
void errand_device_wake(struct gate *gate, struct http_exchange *x, struct str name);
/* By a path's part: the maker's id, or the key's. NULL: the fleet has none of it. */
const struct device *errand_device_named(struct gate *gate, const struct fleet *fleet,
                                         struct str name);
/* Files for everybody: the published log, and the page that verifies receipts. */
void errand_log(struct gate *gate, struct http_exchange *x, struct str path);
void errand_verify(struct gate *gate, struct http_exchange *x, struct str path);
/* What would move credit or turn a code into it: refused by its rule. */
void errand_no_transfer(struct gate *gate, struct http_exchange *x, struct str path);
void errand_no_resale(struct gate *gate, struct http_exchange *x, struct str path);
/* An error that no call is about. */
void errand_refuse(struct http_exchange *x, enum err err);
/* A part of the request has a value that makes no sense: `message` is a short sentence. */
void errand_refuse_field(struct http_exchange *x, struct str param, struct str message);
/* The client of an errand that is on its way has gone. */
void errand_gone(void *owner);
