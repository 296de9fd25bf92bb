/*
 * What an attempt teaches about its route: how soon its stream began, how fast it went on, how it
 * failed, and what the upstream says of its limits. Inside the gate only.
 */
#pragma once

#include "dispatch/health.h"

struct call;
struct http1_head;

struct call_lesson {
    struct health_lesson lesson;
    int64_t begun_ns; /* these on the loop's clock */
    int64_t first_ns; /* 0: nothing was said yet */
    int64_t last_ns;
};

void call_lesson_begin(struct call *call);
void call_lesson_head(struct call *call, const struct http1_head *head);
/* Bytes of a stream were looked at. */
void call_lesson_look(struct call *call);
/* The attempt has ended in this way; valid until the next one begins. */
const struct health_lesson *call_lesson_end(struct call *call, enum err err);
/* The kind of a failure: `status` 0, no head came; `retry_after`: it said when to come again. */
enum health_error lesson_error(enum err err, int status, bool retry_after);
