/*
 * What an attempt teaches about its route: how soon its stream began, how fast it went on, how it
 * failed, and what the upstream says of its limits. Inside the gate only.
 */
#pragma once

#include "dispatch/health.h"

struct call;
struct http1_head;
struct relay;
struct str;

struct call_lesson {
    struct health_lesson lesson;
    int64_t begun_ns; /* these on the loop's clock */
    int64_t first_ns; /* 0: nothing was said yet */
    int64_t last_ns;
};

void call_lesson_begin(struct call_lesson *lesson, int64_t now_ns);
void call_lesson_head(struct call_lesson *lesson, const struct http1_head *head, int64_t wall_ns);
/* The attempt is over: what some dialects say in bodies that others say in headers. */
void call_lesson_answer(struct call *call);
/* The body of an error, where no header has said when to come again: Gemini's say it there. */
void call_lesson_body(struct call_lesson *lesson, struct str body, int64_t wall_ns);
/* Bytes of a stream were looked at. */
void call_lesson_look(struct call *call);
/* Bytes of an answer in one piece have come: blanks, which some send while they work, are none. */
void call_lesson_look_whole(struct call *call, struct str data);
/* An attempt has ended in this way, after a head with `status` (0: none); `relay`: what it looked
 * at. Valid until the next one begins. */
const struct health_lesson *call_lesson_end(struct call_lesson *lesson, enum err err, int status,
                                            const struct relay *relay);
/* All that the last attempt's upstream read and wrote, by its own word; -1: it has given none, or
 * one that contradicts itself. */
int64_t call_lesson_used(const struct call *call);
/* It was broken off, for another's answer was sooner. */
const struct health_lesson *call_lesson_overtaken(struct call_lesson *lesson, bool whole,
                                                  int64_t now_ns);
/* The kind of a failure: `status` 0, no head came; `retry_after`: it said when to come again. */
enum health_error lesson_error(enum err err, int status, bool retry_after);
